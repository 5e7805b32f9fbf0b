//! Hotlists: what is loaded, where it is live, and loading and withdrawing it.

use std::sync::Arc;

use axum::Json;
use axum::body::Body as RawBody;
use axum::extract::State;
use domain::hotlist::{Entry, Grade, Revision};
use domain::target::Target;
use domain::{EntryId, ListName, Timestamp};
use intelligence::{Options, Parsed, RowFault};
use serde::{Deserialize, Serialize};
use store::hotlists::{ListChange, ListSummary};
use stream::wire::{MATCHER_SILENT_AFTER_S, MatcherStatus};
use utoipa::{IntoParams, ToSchema};

use crate::access::SignedIn;
use crate::app::App;
use crate::error::{ControlRoomError, MAX_FAULTS_SENT};
use crate::extract::{self, Asked, Body, Named};
use crate::schemas;

/// Largest list file, in bytes: ten million rows of fifty.
pub const MAX_LIST_BYTES: usize = 512 * 1024 * 1024;
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
    #[schema(value_type = Vec<schemas::ListSummary>)]
    lists: Vec<ListSummary>,
    matchers: Vec<MatcherShown>,
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
    entries: Vec<Entry>,
}

/// How to load.
#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct LoadAsked {
    /// Load the good rows of a file that has bad ones; without it such a file changes nothing.
    #[serde(default)]
    accept_good_rows: bool,
    /// The grade, 1 to 4, of rows that have none of their own, instead of the one that follows from action and markers.
    default_grade: Option<String>,
}

/// What a load changed.
#[derive(Serialize, ToSchema)]
pub(crate) struct LoadAnswer {
    #[schema(value_type = schemas::ListChange)]
    change: ListChange,
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

/// What to withdraw.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Withdraw {
    /// The entries of this mark or pattern alone; without it the whole list.
    vrm: Option<String>,
}

/// What a withdrawal changed.
#[derive(Serialize, ToSchema)]
pub(crate) struct WithdrawAnswer {
    #[schema(value_type = schemas::ListChange)]
    change: ListChange,
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
        current: status.revision >= revision,
        status,
    };
    Ok(Json(HotlistsAnswer {
        revision,
        entries,
        lists,
        matchers: app.feed.matchers(now).into_iter().map(shown).collect(),
    }))
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
    let default_grade: Option<Grade> = extract::optional("default_grade", asked.default_grade.as_deref())?;
    let file = extract::receive(body, MAX_LIST_BYTES).await?;
    let parsed = parse(&app, &list, file, default_grade).await?;
    tracing::info!(%list, parsed.rows, parsed.bad_rows, "a list was sent");
    if !parsed.may_load(asked.accept_good_rows) {
        return Err(refusal(parsed, asked.accept_good_rows));
    }
    let mut faults = parsed.faults;
    faults.truncate(MAX_FAULTS_SENT);
    let now = Timestamp::now();
    let change = app
        .store
        .replace_list(&list, parsed.entries, signed_in.name(), now)
        .await?;
    Ok(Json(LoadAnswer {
        change,
        faults,
        fault_count: parsed.fault_count,
        rows: parsed.rows,
        bad_rows: parsed.bad_rows,
        expired: parsed.expired,
        notes: parsed.notes,
    }))
}

fn refusal(parsed: Parsed, accept_good_rows: bool) -> ControlRoomError {
    if parsed.entries.is_empty() && accept_good_rows {
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
    Body(Withdraw { vrm }): Body<Withdraw>,
) -> Result<Json<WithdrawAnswer>, ControlRoomError> {
    // An empty mark must not read as "the whole list".
    let vrm = vrm
        .map(|text| {
            text.parse::<Target>()
                .map_err(|error| ControlRoomError::request("vrm", error))
        })
        .transpose()?;
    let change = app
        .store
        .withdraw(&list, vrm, signed_in.name(), Timestamp::now())
        .await?;
    Ok(Json(WithdrawAnswer { change }))
}

async fn parse(
    app: &App,
    list: &ListName,
    file: Vec<u8>,
    default_grade: Option<Grade>,
) -> Result<Parsed, ControlRoomError> {
    let zone = app.force.timezone.clone();
    let list = list.clone();
    let options = Options {
        default_grade,
        sites: Some(app.force.sites()),
    };
    let read = move || intelligence::parse_with(&list, &file, &options, Timestamp::now(), &zone);
    // A second or more of pure computing for a large list: not on a thread that serves others.
    tokio::task::spawn_blocking(read)
        .await
        .map_err(ControlRoomError::Task)?
        .map_err(ControlRoomError::List)
}
