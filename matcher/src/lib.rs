//! Reads against hotlists: hits.
//!
//! **Enters:** plate reads, of which only the envelope is looked at until something matches, and the changes of lists.
//! **Leaves:** hits, durable in the log before the reads that gave them are committed; dead letters for reads that
//! match and cannot be opened; and a word every two seconds on which revision this matcher judges under.
//! **Guaranteed:** every read is judged under exactly one whole revision of all lists, which its hit names; no read is
//! judged before the lists are loaded to their end; a read judged again gives the same hit ids; what is said of a read depends
//! on its partition of the log alone; a list's change counts about a second after its mark is in the log; nothing is skipped
//! when the log is away.
//! **Not here:** rules about markers, cases (`dispatcher`), files of lists (`intelligence`).
//!
//! Everything but [`run`] and what it calls is the pure core: no tokio, no log, no clock. It has three parts:
//! - *finding*: [`index`], [`matching`], [`lists`] and [`gate`] tell which listed marks a read may be, look-alikes and lost or
//!   gained characters included. Read [`index::Index`] first, then [`matching::probe_alike`].
//! - *judging*: [`score`] tells how likely each of them is, from [`beliefs`]: a [`confusion`] model, the vehicle [`register`] or
//!   the [`population`] of marks, [`description`]s and recent [`traffic`]. Read [`score`] first, then [`confusion`].
//! - *remembering*: [`sightings`] tell how often a mark was seen, and which journeys make it a clone ([`clones`]).

pub mod alike;
pub mod beliefs;
pub mod cameras;
pub mod clones;
pub mod confusion;
pub mod description;
pub mod gate;
pub mod index;
pub mod lists;
pub mod matching;
pub mod population;
pub mod posts;
pub mod register;
pub mod score;
pub mod sightings;
pub mod sources;
pub mod traffic;

mod ahead;
mod code;
mod follow;
mod forms;
mod health;
mod hindsight;
mod history;
mod ids;
mod judge;
mod lines;
mod newest;
mod packed;
mod pages;
mod poison;
mod prefetch;
mod retire;
mod shapes;
mod share;
mod table;
mod variants;
mod wildcards;

use std::sync::Arc;

use arc_swap::ArcSwap;
use stream::ready::Ready;
use stream::{Log, LogError};
use thiserror::Error;
use tokio::sync::{mpsc, watch};
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use beliefs::Beliefs;
use clones::CloneRule;
use domain::EntryId;
use domain::force::Camera;
use health::Health;
use history::History;
use index::Index;
use jiff::tz::TimeZone;
use judge::Judge;
use posts::Posts;
use sources::{Loaded, SourceError, Sources};

/// What a matcher works with.
#[derive(Clone)]
pub struct Parts {
    /// Where reads and lists come from and hits go.
    pub log: Arc<dyn Log>,
    /// What this matcher is called in its status; two that run at once need two names.
    pub name: String,
    /// The cameras that reads come from.
    pub cameras: Vec<Camera>,
    /// The force's time zone, in which entries have their hours.
    pub zone: TimeZone,
    /// What reads are judged by beside the lists.
    pub options: Options,
}

/// What reads are judged by beside the lists.
#[derive(Clone, Debug)]
pub struct Options {
    /// Misreads, vehicles and thresholds.
    pub sources: Sources,
    /// How many reads of each partition count as its sightings: [`sightings::BYTES_EACH`] bytes each.
    pub sightings: usize,
    /// When one mark must be on two vehicles.
    pub clones: CloneRule,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            sources: Sources::default(),
            sightings: DEFAULT_SIGHTINGS,
            clones: CloneRule::default(),
        }
    }
}

/// A day of 2,000,000 reads in four partitions.
pub const DEFAULT_SIGHTINGS: usize = 500_000;
/// As many as 32 bits number.
pub const MOST_SIGHTINGS: usize = 1_000_000_000;

/// Why a matcher ended. Outages are no reason: they are waited out.
#[derive(Debug, Error)]
pub enum MatcherError {
    /// The log will not work again in this process.
    #[error("matching")]
    Log(#[from] LogError),
    /// A file that reads are judged by cannot be used.
    #[error("judge by files")]
    Source(#[from] SourceError),
    /// A part of the matcher ended in a panic.
    #[error("a task of the matcher panicked")]
    Panicked(#[from] tokio::task::JoinError),
}

/// What the tasks of a matcher share.
struct Shared {
    log: Arc<dyn Log>,
    name: String,
    /// The revision that reads are judged under, swapped whole.
    index: ArcSwap<Index>,
    /// What else they are judged by, swapped whole.
    beliefs: ArcSwap<Beliefs>,
    /// What the scopes of entries are held against.
    posts: Posts,
    /// Urgent entries that are new, for the judging half to look for among the sightings.
    fresh: mpsc::UnboundedSender<Vec<EntryId>>,
    /// True from the moment the lists are loaded to their end.
    gate: watch::Sender<bool>,
    health: Health,
    shutdown: CancellationToken,
}

/// Matches until `shutdown`: one task follows the lists, one judges reads, one watches files.
///
/// # Errors
/// When a file cannot be used at the start, or the log is closed under it.
pub async fn run(parts: Parts, ready: Ready, shutdown: CancellationToken) -> Result<(), MatcherError> {
    let (fresh, new_entries) = mpsc::unbounded_channel();
    let Options {
        sources,
        sightings,
        clones,
    } = parts.options;
    let loaded = tokio::task::spawn_blocking(|| Loaded::new(sources)).await??;
    let shared = Arc::new(Shared {
        log: parts.log,
        name: parts.name,
        index: ArcSwap::from_pointee(Index::default()),
        beliefs: ArcSwap::from_pointee(loaded.beliefs()),
        posts: Posts::new(&parts.cameras, parts.zone),
        fresh,
        gate: watch::Sender::new(false),
        health: Health::new(ready),
        shutdown: shutdown.child_token(),
    });
    // Dropped with this future: whoever aborts a matcher has none left.
    let mut tasks = JoinSet::new();
    tasks.spawn(follow::follow_lists(Arc::clone(&shared)));
    let history = History::new(&parts.cameras, sightings, ahead::BATCH);
    tasks.spawn(Judge::new(history, clones, new_entries).judge_reads(Arc::clone(&shared)));
    tasks.spawn(sources::watch(Arc::clone(&shared), loaded));
    let mut outcome = Ok(());
    while let Some(ended) = tasks.join_next().await {
        // Whichever ends, the others are told to finish.
        shared.shutdown.cancel();
        let ended = ended.map_err(MatcherError::from).and_then(|ended| ended);
        outcome = outcome.and(ended);
    }
    shared.health.end();
    outcome
}
