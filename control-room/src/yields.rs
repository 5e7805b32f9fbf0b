//! What came of lists and entries: hits, misreads, deployments, outcomes, age.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use domain::hotlist::Entry;
use domain::yields::{MANY_HITS, Yield};
use domain::{EntryId, ListName, SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};
use store::reviews::Review;
use store::yields::EntryYield;
use utoipa::{IntoParams, ToSchema};

use crate::access::SignedIn;
use crate::app::App;
use crate::error::ControlRoomError;
use crate::extract::{self, Asked, Named};
use crate::restrict::Shown;
use crate::schemas;

/// The span where none is asked for: a quarter, in which a list that serves a purpose shows it.
const USUAL_SPAN: SignedDuration = SignedDuration::from_hours(90 * 24);
/// Entries in one answer where no limit is asked for.
const USUAL: u32 = 50;
/// Most entries in one answer.
const MOST: u32 = 500;
/// Entries that may be skipped: who pages on reads the list itself.
const MOST_SKIPPED: u32 = 100_000;

/// Which hours.
#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct YieldAsked {
    /// Hours that began then or later; 90 days before `to` by default.
    from: Option<String>,
    /// Hours that began before then; now by default.
    to: Option<String>,
}

/// What came of lists in a span of hours.
#[derive(Serialize, ToSchema)]
pub(crate) struct YieldAnswer {
    from: Timestamp,
    to: Timestamp,
    /// From so many hits without a stop, an arrest, a recovered vehicle or an observation a list is named for review.
    many_hits: u64,
    lists: Vec<ListYield>,
}

/// What came of a list.
#[derive(Serialize, ToSchema)]
pub(crate) struct ListYield {
    #[schema(value_type = String)]
    list: ListName,
    /// Entries on it now.
    entries: u64,
    #[schema(value_type = schemas::Yield)]
    came: Yield,
    /// Cases that ended as the entry wants: stopped, or observed.
    results: u64,
    /// When it was first changed; null where that is not known.
    since: Option<Timestamp>,
    /// The first hour of which anything is counted; null while nothing came.
    counted_since: Option<Timestamp>,
    /// Its last review as a whole; null where it had none.
    #[schema(value_type = Option<schemas::Review>)]
    reviewed: Option<Review>,
    /// Its entries that were overdue for review at the last daily look, unless it was reviewed since.
    overdue: u64,
    /// Of these, entries that open no case any more.
    log_only: u64,
    /// It has had many hits and no result, and no review, in the span.
    fruitless: bool,
}

/// Which entries.
#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct EntryYieldsAsked {
    /// So many of the most hit are passed over.
    skip: Option<u32>,
    /// At most so many.
    limit: Option<u32>,
}

/// Entries of a list by their hits.
#[derive(Serialize, ToSchema)]
pub(crate) struct EntryYieldsAnswer {
    entries: Vec<EntryYieldShown>,
}

/// What came of an entry in all.
#[derive(Serialize, ToSchema)]
pub(crate) struct EntryYieldShown {
    #[serde(flatten)]
    #[schema(value_type = schemas::EntryYield)]
    counted: EntryYield,
    /// Of the outcomes, those that vehicles are listed for.
    results: u64,
    /// The entry; null where it is no longer on the list.
    #[schema(value_type = Option<schemas::Entry>)]
    entry: Option<Shown<Entry>>,
}

/// `GET /api/yield`
pub(crate) async fn lists(
    State(app): State<Arc<App>>,
    Asked(asked): Asked<YieldAsked>,
) -> Result<Json<YieldAnswer>, ControlRoomError> {
    let to = extract::optional("to", asked.to.as_deref())?.unwrap_or_else(Timestamp::now);
    let from: Option<Timestamp> = extract::optional("from", asked.from.as_deref())?;
    let from = match from {
        Some(from) => from,
        None => to
            .checked_sub(USUAL_SPAN)
            .map_err(|_| ControlRoomError::request("to", "too early: give a time of these years"))?,
    };
    let mut came = app.store.yields(from, to).await?;
    let mut ages = app.store.list_ages().await?;
    let mut reviews = app.store.last_reviews().await?;
    let overdue = overdue(&app).await?;
    let known = app.store.lists().await?.into_iter();
    let mut sizes: BTreeMap<ListName, u64> = known.map(|list| (list.list, list.entries)).collect();
    // The matcher's own lists are loaded nowhere.
    for list in came.keys() {
        sizes.entry(list.clone()).or_default();
    }
    let shown = |(list, entries): (ListName, u64)| {
        let came = came.remove(&list).unwrap_or_default();
        let age = ages.remove(&list).unwrap_or_default();
        let reviewed = reviews.remove(&list);
        let (overdue, log_only) = overdue.get(&list).copied().unwrap_or_default();
        ListYield {
            results: came.results(),
            fruitless: came.is_fruitless() && reviewed.as_ref().is_none_or(|review| review.at < from),
            since: age.since,
            counted_since: age.counted_since,
            list,
            entries,
            came,
            reviewed,
            overdue,
            log_only,
        }
    };
    Ok(Json(YieldAnswer {
        from,
        to,
        many_hits: MANY_HITS,
        lists: sizes.into_iter().map(shown).collect(),
    }))
}

/// Overdue entries by list, and those that lapsed.
async fn overdue(app: &App) -> Result<BTreeMap<ListName, (u64, u64)>, ControlRoomError> {
    let mut sums: BTreeMap<ListName, (u64, u64)> = BTreeMap::new();
    for notice in app.store.review_notices().await? {
        if notice.reviewed_at.is_none() {
            let sum = sums.entry(notice.list).or_default();
            *sum = (sum.0 + notice.overdue, sum.1 + notice.log_only);
        }
    }
    Ok(sums)
}

/// `GET /api/hotlists/{list}/yield`
pub(crate) async fn entries(
    State(app): State<Arc<App>>,
    signed_in: SignedIn,
    Named(list): Named<ListName>,
    Asked(asked): Asked<EntryYieldsAsked>,
) -> Result<Json<EntryYieldsAnswer>, ControlRoomError> {
    let limit = extract::limit(asked.limit, USUAL, MOST)?;
    let skip = asked.skip.unwrap_or_default();
    if skip > MOST_SKIPPED {
        let message = format!("at most {MOST_SKIPPED}: read the list's entries instead");
        return Err(ControlRoomError::request("skip", message));
    }
    let counted = app.store.most_hit(&list, skip, limit).await?;
    shown(&app, &signed_in, &list, counted)
        .await
        .map(|entries| Json(EntryYieldsAnswer { entries }))
}

/// `GET /api/hotlists/{list}/entries/{entry_id}/yield`
pub(crate) async fn entry(
    State(app): State<Arc<App>>,
    signed_in: SignedIn,
    Named(list): Named<ListName>,
    Named(entry_id): Named<EntryId>,
) -> Result<Json<EntryYieldShown>, ControlRoomError> {
    let counted = app.store.entry_yield(&list, entry_id).await?;
    let found = shown(&app, &signed_in, &list, vec![counted]).await?.pop();
    let one = found.filter(|one| one.entry.is_some() || one.counted.came != Yield::default());
    one.map(Json).ok_or(ControlRoomError::NotFound("entry"))
}

/// With the entries that are on the list still, for somebody; the look is audited.
async fn shown(
    app: &App,
    signed_in: &SignedIn,
    list: &ListName,
    counted: Vec<EntryYield>,
) -> Result<Vec<EntryYieldShown>, ControlRoomError> {
    let ids: BTreeSet<EntryId> = counted.iter().map(|one| one.entry_id).collect();
    let mut entries = app.store.entries_of(list, &ids).await?;
    let (name, detail) = (signed_in.name().as_str(), format!("{} entries", counted.len()));
    app.store
        .audit(name, "view_yield", list.as_str(), &detail, Timestamp::now())
        .await?;
    let restriction = app.restrictions.now().await?;
    let shown = |counted: EntryYield| EntryYieldShown {
        results: counted.came.results(),
        entry: entries
            .remove(&counted.entry_id)
            .map(|entry| restriction.listed(entry, &signed_in.user)),
        counted,
    };
    Ok(counted.into_iter().map(shown).collect())
}
