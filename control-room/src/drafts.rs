//! Changes that wait for a second person.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use domain::hotlist::Entry;
use domain::policy::Verdict;
use domain::{ListName, Timestamp};
use serde::{Deserialize, Serialize};
use store::changes::Author;
use store::drafts::{Decided, Draft};
use utoipa::{IntoParams, ToSchema};

use crate::access::SignedIn;
use crate::app::App;
use crate::error::ControlRoomError;
use crate::extract::{self, Asked, Body, Named};
use crate::restrict::Shown;
use crate::schemas;

/// Most drafts in one answer.
const MOST: u32 = 1_000;
/// Entries of a draft in one answer where no limit is asked for, and at most.
const USUAL_ENTRIES: u32 = 100;
const MOST_ENTRIES: u32 = 1_000;

/// Whose drafts.
#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct DraftsAsked {
    /// Only those of this list.
    list: Option<String>,
}

/// Drafts that wait, oldest first.
#[derive(Serialize, ToSchema)]
pub(crate) struct DraftsAnswer {
    #[schema(value_type = Vec<schemas::Draft>)]
    drafts: Vec<Draft>,
}

/// How many of a draft's entries.
#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct DraftEntriesAsked {
    /// At most so many.
    limit: Option<u32>,
}

/// Entries that a draft would have on its list.
#[derive(Serialize, ToSchema)]
pub(crate) struct DraftEntriesAnswer {
    #[schema(value_type = Vec<schemas::Entry>)]
    entries: Vec<Shown<Entry>>,
}

/// What is to become of a draft.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct DecideDraft {
    #[schema(value_type = schemas::Verdict)]
    verdict: Verdict,
    /// Why; needed to decline.
    #[serde(default)]
    why: String,
}

/// `GET /api/drafts`
pub(crate) async fn drafts(
    State(app): State<Arc<App>>,
    _: SignedIn,
    Asked(asked): Asked<DraftsAsked>,
) -> Result<Json<DraftsAnswer>, ControlRoomError> {
    let list: Option<ListName> = extract::optional("list", asked.list.as_deref())?;
    let drafts = app.store.drafts(list.as_ref(), MOST).await?;
    Ok(Json(DraftsAnswer { drafts }))
}

/// `GET /api/drafts/{draft}/entries`
pub(crate) async fn entries(
    State(app): State<Arc<App>>,
    signed_in: SignedIn,
    Named(draft): Named<u64>,
    Asked(asked): Asked<DraftEntriesAsked>,
) -> Result<Json<DraftEntriesAnswer>, ControlRoomError> {
    let limit = extract::limit(asked.limit, USUAL_ENTRIES, MOST_ENTRIES)?;
    let entries = app.store.draft_entries(draft, limit).await?;
    let (subject, detail) = (format!("draft {draft}"), format!("{} entries", entries.len()));
    let name = signed_in.name().as_str();
    app.store
        .audit(name, "view_draft", &subject, &detail, Timestamp::now())
        .await?;
    let restriction = app.restrictions.now().await?;
    let listed = |entry| restriction.listed(entry, &signed_in.user);
    let entries = entries.into_iter().map(listed).collect();
    Ok(Json(DraftEntriesAnswer { entries }))
}

/// `POST /api/drafts/{draft}/decide`
pub(crate) async fn decide(
    State(app): State<Arc<App>>,
    signed_in: SignedIn,
    Named(draft): Named<u64>,
    Body(DecideDraft { verdict, why }): Body<DecideDraft>,
) -> Result<Json<Decided>, ControlRoomError> {
    let (store, usual) = (app.store.clone(), app.usual_policy.clone());
    let by = signed_in.name().clone();
    let decided = store::aside(move || async move {
        let second = Author {
            by: &by,
            at: Timestamp::now(),
            why: &why,
        };
        store.decide_draft(draft, verdict, &second, &usual).await
    });
    Ok(Json(decided.await?))
}
