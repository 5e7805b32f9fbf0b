//! Lists for clients outside: which there are, what changed since, and a list whole as a file.

use std::fs::File;
use std::io::{self, BufWriter, Read as _, Seek as _};
use std::sync::Arc;

use axum::Json;
use axum::body::Body;
use axum::extract::State;
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use domain::hotlist::{Entry, Revision};
use domain::target::Target;
use domain::{EntryId, ListName, Timestamp};
use futures::stream;
use intelligence::{ListExport, source_id};
use serde::{Deserialize, Serialize};
use store::distribution::{Change, Cursor, DistributedList, Given, MAX_CHANGES, Whole};
use utoipa::{IntoParams, ToSchema};

use crate::access::SignedIn;
use crate::app::App;
use crate::error::ControlRoomError;
use crate::extract::{self, Asked, Named};
use crate::restrict::{Restriction, Shown};
use crate::schemas;

/// Changes in one answer where no limit is asked for.
const USUAL: u32 = 1_000;
/// Bytes of a file that are sent at once.
const CHUNK: u64 = 64 * 1024;
/// The header that says which revision a file is of.
const REVISION: HeaderName = HeaderName::from_static("x-revision");

/// What clients may take.
#[derive(Serialize, ToSchema)]
pub(crate) struct DistributionAnswer {
    /// The newest revision of all lists together that is in the log whole.
    #[schema(value_type = u64)]
    revision: Revision,
    #[schema(value_type = Vec<schemas::DistributedList>)]
    lists: Vec<DistributedList>,
}

/// From where on.
#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct ChangesAsked {
    /// The revision that the client stands at; 0 where it has nothing.
    since: u64,
    /// `next` of the page before, with the same `since`.
    after: Option<String>,
    /// At most so many, 1 to 5,000; 1,000 where it is not given.
    limit: Option<u32>,
}

/// A page of what changed.
#[derive(Serialize, ToSchema)]
pub(crate) struct ChangesAnswer {
    /// The list's revision. The client stands at it once `next` is null.
    #[schema(value_type = u64)]
    revision: Revision,
    /// In the order in which it happened, each entry at its last change.
    changes: Vec<ChangeShown>,
    /// Where the next page begins.
    next: Option<String>,
}

/// What became of one entry.
#[derive(Serialize, ToSchema)]
#[serde(tag = "change", rename_all = "snake_case")]
enum ChangeShown {
    /// It is on the list, like this.
    Put {
        #[schema(value_type = schemas::Entry)]
        entry: Box<Shown<Entry>>,
    },
    /// It is no longer.
    Remove {
        #[schema(value_type = String)]
        entry_id: EntryId,
        #[schema(value_type = String)]
        vrm: Target,
    },
}

/// `GET /api/distribution`
pub(crate) async fn lists(
    State(app): State<Arc<App>>,
    _: SignedIn,
) -> Result<Json<DistributionAnswer>, ControlRoomError> {
    let (revision, lists) = app.store.distributed_lists().await?;
    Ok(Json(DistributionAnswer { revision, lists }))
}

/// `GET /api/distribution/{list}`
pub(crate) async fn changes(
    State(app): State<Arc<App>>,
    signed_in: SignedIn,
    Named(list): Named<ListName>,
    Asked(asked): Asked<ChangesAsked>,
) -> Result<Json<ChangesAnswer>, ControlRoomError> {
    let after: Option<Cursor> = extract::optional("after", asked.after.as_deref())?;
    let limit = extract::limit(asked.limit, USUAL, MAX_CHANGES)?;
    let page = app
        .store
        .changes_since(&list, Revision(asked.since), after, limit)
        .await?;
    let puts = page
        .changes
        .iter()
        .filter(|change| matches!(change, Change::Put(_)))
        .count() as u64;
    let given = Given {
        client: signed_in.name(),
        list: &list,
        revision: page.revision,
        puts,
        removes: page.changes.len() as u64 - puts,
        all: page.next.is_none(),
    };
    // First the row, then the answer: who cannot be recorded is given nothing.
    app.store.record_given(&given, Timestamp::now()).await?;
    let restriction = app.restrictions.now().await?;
    let shown = |change| match change {
        Change::Put(entry) => ChangeShown::Put {
            entry: Box::new(restriction.distributed(*entry)),
        },
        Change::Remove { entry_id, target } => ChangeShown::Remove {
            entry_id,
            vrm: target,
        },
    };
    Ok(Json(ChangesAnswer {
        revision: page.revision,
        changes: page.changes.into_iter().map(shown).collect(),
        next: page.next.map(|next| next.to_string()),
    }))
}

/// `GET /api/distribution/{list}/file`
pub(crate) async fn file(
    State(app): State<Arc<App>>,
    signed_in: SignedIn,
    Named(list): Named<ListName>,
    headers: HeaderMap,
) -> Result<Response, ControlRoomError> {
    let _place = app
        .exports
        .try_acquire()
        .map_err(|_| ControlRoomError::Busy("another list is being written; try again when it is done"))?;
    let restriction = app.restrictions.now().await?;
    let whole = app.store.whole_list(&list).await?;
    let tag = format!("W/\"{}\"", whole.revision);
    let mut given = Given {
        client: signed_in.name(),
        list: &list,
        revision: whole.revision,
        puts: 0,
        removes: 0,
        all: true,
    };
    let mut answer = if has(&headers, &tag) {
        // The snapshot's connection is free again before another is asked for.
        drop(whole);
        app.store.record_given(&given, Timestamp::now()).await?;
        StatusCode::NOT_MODIFIED.into_response()
    } else {
        given.puts = whole.entries;
        let file = write(&app, &list, whole, restriction).await?;
        app.store.record_given(&given, Timestamp::now()).await?;
        send(file, &format!("{}_{list}.zip", source_id(&app.force.name)))?
    };
    let headers = answer.headers_mut();
    headers.insert(REVISION, HeaderValue::from(given.revision.0));
    headers.insert(header::ETAG, value(&tag)?);
    Ok(answer)
}

/// Whether the client has that state already. What is equal in meaning will do.
fn has(headers: &HeaderMap, tag: &str) -> bool {
    let opaque = |tag: &str| tag.trim().trim_start_matches("W/").to_owned();
    headers
        .get_all(header::IF_NONE_MATCH)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        .any(|known| opaque(known) == opaque(tag))
}

/// Writes a list into a file that nobody else sees, block by block. It is sent when it is whole: a slow client then keeps no state of
/// the database alive, and what fails on the way is an error instead of half a list.
async fn write(
    app: &App,
    list: &ListName,
    mut whole: Whole,
    restriction: Restriction,
) -> Result<File, ControlRoomError> {
    let restriction = Arc::new(restriction);
    let (force, zone) = (app.force.name.clone(), app.force.timezone.clone());
    let name = list.clone();
    let begin = move || ListExport::new(BufWriter::new(tempfile::tempfile()?), &force, &name, zone);
    let mut export = computed(begin).await?;
    loop {
        let block = whole.next().await?;
        if block.is_empty() {
            break;
        }
        let restriction = Arc::clone(&restriction);
        let add = move || {
            for entry in block {
                export.add(restriction.distributed(entry).get())?;
            }
            Ok(export)
        };
        export = computed(add).await?;
    }
    computed(move || {
        let mut file = export.finish()?.into_inner()?;
        file.rewind()?;
        Ok(file)
    })
    .await
}

/// Compresses and writes: not on a thread that serves others.
async fn computed<T: Send + 'static>(
    work: impl FnOnce() -> io::Result<T> + Send + 'static,
) -> Result<T, ControlRoomError> {
    tokio::task::spawn_blocking(work)
        .await
        .map_err(ControlRoomError::Task)?
        .map_err(ControlRoomError::Export)
}

fn send(file: File, name: &str) -> Result<Response, ControlRoomError> {
    let length = file.metadata().map_err(ControlRoomError::Export)?.len();
    let chunks = stream::try_unfold(file, |mut file| async move {
        let read = move || {
            let mut chunk = Vec::new();
            file.by_ref().take(CHUNK).read_to_end(&mut chunk)?;
            Ok::<_, io::Error>((chunk, file))
        };
        let (chunk, file) = tokio::task::spawn_blocking(read)
            .await
            .map_err(io::Error::other)??;
        Ok::<_, io::Error>((!chunk.is_empty()).then(|| (Bytes::from(chunk), file)))
    });
    let headers = [
        (header::CONTENT_TYPE, value("application/zip")?),
        (header::CONTENT_LENGTH, HeaderValue::from(length)),
        (
            header::CONTENT_DISPOSITION,
            value(&format!("attachment; filename=\"{name}\""))?,
        ),
    ];
    Ok((headers, Body::from_stream(chunks)).into_response())
}

/// Names of lists and forces are letters, digits and a few signs by now.
fn value(text: &str) -> Result<HeaderValue, ControlRoomError> {
    HeaderValue::try_from(text).map_err(|error| ControlRoomError::Export(io::Error::other(error)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_client_has_a_state_however_it_writes_its_tag() {
        for (known, expected) in [
            ("W/\"7\"", true),
            ("\"7\"", true),
            ("\"6\", W/\"7\"", true),
            ("\"70\"", false),
            ("7", false),
            ("", false),
        ] {
            let mut headers = HeaderMap::new();
            headers.insert(header::IF_NONE_MATCH, known.parse().unwrap());
            assert_eq!(has(&headers, "W/\"7\""), expected, "{known}");
        }
    }
}
