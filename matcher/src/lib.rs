//! Reads against hotlists: hits.
//!
//! **Enters:** plate reads, of which only the envelope is looked at until something matches, and the changes of lists.
//! **Leaves:** hits, durable in the log before the reads that gave them are committed; dead letters for reads that
//! match and cannot be opened; and a word every two seconds on which revision this matcher judges under.
//! **Guaranteed:** every read is judged under exactly one whole revision of all lists, which its hit names; no read is
//! judged before the lists are loaded to their end; a read judged again gives the same hit ids; a list's change counts
//! about a second after its mark is in the log; nothing is skipped when the log is away.
//! **Not here:** sightings, rules about markers, cases (`dispatcher`), files of lists (`intelligence`).
//!
//! Everything but [`run`] and what it calls is the pure core: no tokio, no log, no clock. It has two halves:
//! - *finding*: [`index`], [`matching`], [`lists`] and [`gate`] tell which listed marks a read may be, look-alikes and lost or
//!   gained characters included. Read [`index::Index`] first, then [`matching::probe_alike`].
//! - *judging*: [`score`] tells how likely each of them is, from [`beliefs`]: a [`confusion`] model, the vehicle [`register`] or
//!   the [`population`] of marks, [`description`]s and recent [`traffic`]. Read [`score`] first, then [`confusion`].

pub mod alike;
pub mod beliefs;
pub mod confusion;
pub mod description;
pub mod gate;
pub mod index;
pub mod lists;
pub mod matching;
pub mod population;
pub mod register;
pub mod score;
pub mod traffic;

mod code;
mod follow;
mod health;
mod ids;
mod judge;
mod packed;
mod pages;
mod poison;
mod prefetch;
mod shapes;
mod table;
mod variants;

use std::sync::Arc;

use arc_swap::ArcSwap;
use stream::ready::Ready;
use stream::{Log, LogError};
use thiserror::Error;
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use beliefs::Beliefs;
use health::Health;
use index::Index;

/// What a matcher works with.
#[derive(Clone)]
pub struct Parts {
    /// Where reads and lists come from and hits go.
    pub log: Arc<dyn Log>,
    /// What this matcher is called in its status; two that run at once need two names.
    pub name: String,
    /// What reads are judged by beside the lists.
    pub beliefs: Arc<Beliefs>,
}

/// Why a matcher ended. Outages are no reason: they are waited out.
#[derive(Debug, Error)]
pub enum MatcherError {
    /// The log will not work again in this process.
    #[error("matching")]
    Log(#[from] LogError),
    /// One half of the matcher ended in a panic.
    #[error("a task of the matcher panicked")]
    Panicked(#[from] tokio::task::JoinError),
}

/// What both halves of a matcher share.
struct Shared {
    log: Arc<dyn Log>,
    name: String,
    /// The revision that reads are judged under, swapped whole.
    index: ArcSwap<Index>,
    /// What else they are judged by, swapped whole.
    beliefs: ArcSwap<Beliefs>,
    /// True from the moment the lists are loaded to their end.
    gate: watch::Sender<bool>,
    health: Health,
    shutdown: CancellationToken,
}

/// Matches until `shutdown`: one task follows the lists, one judges reads.
///
/// # Errors
/// When the log is closed under it.
pub async fn run(parts: Parts, ready: Ready, shutdown: CancellationToken) -> Result<(), MatcherError> {
    let shared = Arc::new(Shared {
        log: parts.log,
        name: parts.name,
        index: ArcSwap::from_pointee(Index::default()),
        beliefs: ArcSwap::new(parts.beliefs),
        gate: watch::Sender::new(false),
        health: Health::new(ready),
        shutdown: shutdown.child_token(),
    });
    // Dropped with this future: whoever aborts a matcher has none left.
    let mut halves = JoinSet::new();
    halves.spawn(follow::follow_lists(Arc::clone(&shared)));
    halves.spawn(judge::judge_reads(Arc::clone(&shared)));
    let mut outcome = Ok(());
    while let Some(ended) = halves.join_next().await {
        // Whichever half ends, the other is told to finish.
        shared.shutdown.cancel();
        let ended = ended.map_err(MatcherError::from).and_then(|ended| ended);
        outcome = outcome.and(ended);
    }
    shared.health.end();
    outcome
}
