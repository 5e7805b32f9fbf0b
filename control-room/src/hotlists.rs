//! Hotlists: what is loaded, where it is live, and loading and withdrawing it.

use std::sync::Arc;

use axum::Json;
use axum::body::Body as RawBody;
use axum::extract::State;
use domain::hotlist::{Entry, Grade, Revision};
use domain::policy::MAX_WHY;
use domain::target::Target;
use domain::{EntryId, ListName, Timestamp};
use intelligence::{ListFile, Mapping, Options, Parsed, RowFault};
use serde::{Deserialize, Serialize};
use store::changes::{Author, Changed, Wish};
use store::distribution::Taking;
use store::drafts::Draft;
use store::hotlists::{ListChange, ListSummary};
use stream::wire::{MATCHER_SILENT_AFTER_S, MatcherStatus};
use utoipa::{IntoParams, ToSchema};

use crate::access::SignedIn;
use crate::app::App;
use crate::error::{ControlRoomError, MAX_FAULTS_SENT};
use crate::extract::{self, Asked, Body, Named};
use crate::restrict::Shown;
use crate::schemas;

/// Largest list file, in bytes: as large as one that is unpacked.
pub const MAX_LIST_BYTES: usize = intelligence::MAX_LIST_BYTES as usize;
/// Entries in one answer where no limit is asked for.
const USUAL: u32 = 100;
/// Most entries in one answer.
const MOST: u32 = 1_000;

/// Lists, and the matchers that judge by them.
#[derive(Serialize, ToSchema)]
pub(crate) struct HotlistsAnswer {
    /// The newest revision of all lists together.
    #[schema(value_type = u64)]
    revision: Revision,
    /// Entries on all lists.
    entries: u64,
    lists: Vec<ListShown>,
    matchers: Vec<MatcherShown>,
    /// Changes that wait for a second person, on all lists.
    drafts: u64,
}

/// A list, and where it is live.
#[derive(Serialize, ToSchema)]
struct ListShown {
    #[serde(flatten)]
    #[schema(value_type = schemas::ListSummary)]
    summary: ListSummary,
    /// It is in the log whole, and every running matcher judges by it; there is one at least.
    live: bool,
    /// The running matchers that do not yet.
    lagging: Vec<String>,
    /// Clients outside may take it.
    distributed: bool,
    /// Which state each client has, by client; also where it may take it no longer.
    #[schema(value_type = Vec<schemas::Taking>)]
    takings: Vec<Taking>,
}

/// What a matcher last said of itself.
#[derive(Serialize, ToSchema)]
struct MatcherShown {
    #[serde(flatten)]
    #[schema(value_type = schemas::MatcherStatus)]
    status: MatcherStatus,
    /// It spoke within the last 10 seconds.
    running: bool,
    /// It judges by the newest revision.
    current: bool,
}

/// Which entries.
#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct EntriesAsked {
    /// Only entries behind this one: the last of the page before.
    after: Option<String>,
    /// At most so many.
    limit: Option<u32>,
}

/// Entries in order of mark.
#[derive(Serialize, ToSchema)]
pub(crate) struct EntriesAnswer {
    #[schema(value_type = Vec<schemas::Entry>)]
    entries: Vec<Shown<Entry>>,
}

/// How to load.
#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct LoadAsked {
    /// Load the good rows of a file that has bad ones; without it such a file changes nothing.
    #[serde(default)]
    pub(crate) accept_good_rows: bool,
    /// The grade, 1 to 4, of rows that have none of their own, instead of the one that follows from action and markers.
    pub(crate) default_grade: Option<String>,
    /// What the file's columns hold, TOML: a table `[columns]` of fields, each with a column's name or number.
    pub(crate) mapping: Option<String>,
    /// Why the list changes, for its history.
    #[serde(default)]
    why: String,
}

/// How a file's rows are read, beyond what the list's policy says.
#[derive(Default)]
pub(crate) struct How {
    pub(crate) default_grade: Option<Grade>,
    pub(crate) mapping: Option<Mapping>,
}

impl LoadAsked {
    pub(crate) fn how(&self) -> Result<How, ControlRoomError> {
        let mapping = self.mapping.as_deref().map(Mapping::parse).transpose();
        Ok(How {
            default_grade: extract::optional("default_grade", self.default_grade.as_deref())?,
            mapping: mapping.map_err(|error| ControlRoomError::request("mapping", error))?,
        })
    }
}

/// What a load changed.
#[derive(Serialize, ToSchema)]
pub(crate) struct LoadAnswer {
    #[serde(flatten)]
    became: Became,
    /// The first hundred faults.
    #[schema(value_type = Vec<schemas::RowFault>)]
    faults: Vec<RowFault>,
    /// All faults; a row may have several.
    fault_count: u64,
    /// Rows of vehicles, good and bad.
    rows: u64,
    /// Rows that were left out because of a fault.
    bad_rows: u64,
    /// Entries whose weed date is past: kept, and never matched.
    expired: u64,
    /// What was concluded or passed over, for the person who loads.
    notes: Vec<String>,
}

/// What became of a change: one of the two is there.
#[derive(Serialize, ToSchema)]
pub(crate) struct Became {
    /// What changed; null where it waits for a second person.
    #[schema(value_type = Option<schemas::ListChange>)]
    change: Option<ListChange>,
    /// What waits for a second person; null where the change is on its way to the matchers.
    #[schema(value_type = Option<schemas::Draft>)]
    draft: Option<Draft>,
}

impl From<Changed> for Became {
    fn from(changed: Changed) -> Self {
        match changed {
            Changed::Live(change) => Self {
                change: Some(change),
                draft: None,
            },
            Changed::Draft(draft) => Self {
                change: None,
                draft: Some(draft),
            },
        }
    }
}

/// What to withdraw.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Withdraw {
    /// The entries of this mark or pattern alone; without it the whole list.
    vrm: Option<String>,
    /// Why, for the list's history.
    #[serde(default)]
    why: String,
}

/// `GET /api/hotlists`
pub(crate) async fn list(
    State(app): State<Arc<App>>,
    _: SignedIn,
) -> Result<Json<HotlistsAnswer>, ControlRoomError> {
    let lists = app.store.lists().await?;
    let (revision, entries) = app.store.revision().await?;
    let now = Timestamp::now();
    let shown = |status: MatcherStatus| MatcherShown {
        running: now.duration_since(status.at).as_secs() <= MATCHER_SILENT_AFTER_S,
        current: status.revision >= revision && status.without.is_none(),
        status,
    };
    let matchers: Vec<MatcherShown> = app.feed.matchers(now).into_iter().map(shown).collect();
    let (_, distributed) = app.store.distributed_lists().await?;
    let takings = app.store.takings().await?;
    let lists = lists.into_iter().map(|summary| {
        let takings = takings.iter().filter(|taking| taking.list == summary.list);
        ListShown {
            distributed: distributed.iter().any(|list| list.list == summary.list),
            takings: takings.cloned().collect(),
            ..where_live(summary, &matchers)
        }
    });
    Ok(Json(HotlistsAnswer {
        revision,
        entries,
        lists: lists.collect(),
        matchers,
        drafts: app.store.drafts_waiting().await?,
    }))
}

fn where_live(summary: ListSummary, matchers: &[MatcherShown]) -> ListShown {
    let running = || matchers.iter().filter(|matcher| matcher.running);
    let lagging: Vec<String> = running()
        .filter(|matcher| !matcher.status.has(summary.revision))
        .map(|matcher| matcher.status.matcher.clone())
        .collect();
    ListShown {
        live: summary.published_at.is_some() && lagging.is_empty() && running().next().is_some(),
        lagging,
        summary,
        distributed: false,
        takings: Vec::new(),
    }
}

/// `GET /api/hotlists/{list}/entries`
pub(crate) async fn entries(
    State(app): State<Arc<App>>,
    signed_in: SignedIn,
    Named(list): Named<ListName>,
    Asked(asked): Asked<EntriesAsked>,
) -> Result<Json<EntriesAnswer>, ControlRoomError> {
    let after: Option<EntryId> = extract::optional("after", asked.after.as_deref())?;
    let limit = extract::limit(asked.limit, USUAL, MOST)?;
    let entries = app.store.entries(&list, after, limit).await?;
    let detail = format!("{} entries", entries.len());
    let name = signed_in.name().as_str();
    app.store
        .audit(name, "view_entries", list.as_str(), &detail, Timestamp::now())
        .await?;
    let restriction = app.restrictions.now().await?;
    let listed = |entry| restriction.listed(entry, &signed_in.user);
    let entries = entries.into_iter().map(listed).collect();
    Ok(Json(EntriesAnswer { entries }))
}

/// `POST /api/hotlists/{list}/load`
pub(crate) async fn load(
    State(app): State<Arc<App>>,
    signed_in: SignedIn,
    Named(list): Named<ListName>,
    Asked(asked): Asked<LoadAsked>,
    body: RawBody,
) -> Result<Json<LoadAnswer>, ControlRoomError> {
    let _place = app
        .loads
        .try_acquire()
        .map_err(|_| ControlRoomError::Busy("another list is being loaded; try again when it is done"))?;
    let how = asked.how()?;
    let why = checked_why(&asked.why)?;
    let file = extract::receive(body, MAX_LIST_BYTES).await?;
    let (parsed, file) = parse(&app, &list, file, how).await?;
    tracing::info!(%list, parsed.rows, parsed.bad_rows, "a list was sent");
    if !parsed.may_load(asked.accept_good_rows) {
        return Err(refusal(parsed, asked.accept_good_rows));
    }
    let mut faults = parsed.faults;
    faults.truncate(MAX_FAULTS_SENT);
    let became = change(&app, &list, Wish::ReplaceByRows(Arc::new(file)), &signed_in, why).await?;
    Ok(Json(LoadAnswer {
        became,
        faults,
        fault_count: parsed.fault_count,
        rows: parsed.rows,
        bad_rows: parsed.bad_rows,
        expired: parsed.expired,
        notes: parsed.notes,
    }))
}

/// Changes a list as its policy wants it.
pub(crate) async fn change(
    app: &App,
    list: &ListName,
    wish: Wish,
    signed_in: &SignedIn,
    why: &str,
) -> Result<Became, ControlRoomError> {
    let (store, usual) = (app.store.clone(), app.usual_policy.clone());
    let (list, by, why) = (list.clone(), signed_in.name().clone(), why.to_owned());
    let changed = store::aside(move || async move {
        let author = Author {
            by: &by,
            at: Timestamp::now(),
            why: &why,
        };
        store.change_list(&list, wish, &author, &usual).await
    });
    Ok(changed.await?.into())
}

/// A reason as people give it: short, and it may be missing.
pub(crate) fn checked_why(why: &str) -> Result<&str, ControlRoomError> {
    let why = why.trim();
    if why.chars().count() > MAX_WHY {
        return Err(ControlRoomError::request(
            "why",
            format!("at most {MAX_WHY} characters"),
        ));
    }
    Ok(why)
}

pub(crate) fn refusal(parsed: Parsed, accept_good_rows: bool) -> ControlRoomError {
    if parsed.good == 0 && accept_good_rows {
        return ControlRoomError::Unprocessable {
            code: "empty_list",
            field: "body",
            message: "the file has no good row and would empty the list; withdraw the list if that is meant"
                .to_owned(),
        };
    }
    ControlRoomError::BadRows {
        faults: parsed.faults,
        fault_count: parsed.fault_count,
        bad_rows: parsed.bad_rows,
    }
}

/// `POST /api/hotlists/{list}/withdraw`
pub(crate) async fn withdraw(
    State(app): State<Arc<App>>,
    signed_in: SignedIn,
    Named(list): Named<ListName>,
    Body(Withdraw { vrm, why }): Body<Withdraw>,
) -> Result<Json<Became>, ControlRoomError> {
    // An empty mark must not read as "the whole list".
    let vrm = vrm
        .map(|text| {
            text.parse::<Target>()
                .map_err(|error| ControlRoomError::request("vrm", error))
        })
        .transpose()?;
    let why = checked_why(&why)?;
    let wish = vrm.map_or(Wish::WithdrawList, Wish::WithdrawMark);
    change(&app, &list, wish, &signed_in, why).await.map(Json)
}

/// How rows of a list are read now.
pub(crate) async fn options(app: &App, list: &ListName, how: How) -> Result<Options, ControlRoomError> {
    let policy = app.store.policy(list).await?;
    Ok(Options {
        default_grade: how.default_grade,
        policy: policy.unwrap_or_else(|| app.usual_policy.clone()),
        sites: Some(app.force.sites()),
        bcus: Some(app.force.bcu_codes()),
        mapping: how.mapping,
    })
}

pub(crate) async fn parse(
    app: &App,
    list: &ListName,
    file: Vec<u8>,
    how: How,
) -> Result<(Parsed, ListFile), ControlRoomError> {
    let zone = app.force.timezone.clone();
    let options = options(app, list, how).await?;
    let list = list.clone();
    let read = move || ListFile::read(list, file.into(), options, Timestamp::now(), zone);
    // A second or more of pure computing for a large list: not on a thread that serves others.
    store::compute(read).await.map_err(ControlRoomError::List)
}
