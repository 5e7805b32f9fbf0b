//! The files that reads are judged by, beside the lists: watched, and swapped in whole when they change.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use thiserror::Error;

use crate::beliefs::Beliefs;
use crate::confusion::{self, Confusion, ConfusionError};
use crate::register::{self, Register, RegisterError};
use crate::retire::retire;
use crate::score::thresholds::Thresholds;
use crate::{MatcherError, Shared};

/// How often the files are looked at.
const LOOK_EVERY: Duration = Duration::from_secs(2);

/// Where the files are, and what is no file. A file that is not there is none: the default table, no register.
#[derive(Clone, Debug, Default)]
pub struct Sources {
    /// The confusion table ([`mod@confusion::file`]).
    pub confusion: Option<PathBuf>,
    /// The vehicle register ([`mod@register::file`]).
    pub register: Option<PathBuf>,
    /// From which posterior on a read becomes a hit.
    pub thresholds: Thresholds,
}

/// A file that cannot be used.
#[derive(Debug, Error)]
pub enum SourceError {
    /// It cannot be read.
    #[error("read {0}")]
    Read(PathBuf, #[source] std::io::Error),
    /// It is no confusion table.
    #[error("{0}")]
    Confusion(PathBuf, #[source] ConfusionError),
    /// It is no register.
    #[error("{0}")]
    Register(PathBuf, #[source] RegisterError),
}

/// What the files said last.
pub(crate) struct Loaded {
    sources: Sources,
    confusion: Watched<Confusion>,
    register: Watched<Option<Arc<Register>>>,
}

/// A file's content, and which state of the file it was.
struct Watched<T> {
    stamp: Option<Stamp>,
    content: T,
}

/// What tells one state of a file from another: it is replaced, not written over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Stamp {
    modified: SystemTime,
    bytes: u64,
}

fn stamp(path: Option<&Path>) -> Option<Stamp> {
    let about = std::fs::metadata(path?).ok()?;
    Some(Stamp {
        modified: about.modified().ok()?,
        bytes: about.len(),
    })
}

impl Loaded {
    /// Reads the files. Takes half a minute for a register of 40 million vehicles, so not on a thread that others wait for.
    ///
    /// # Errors
    /// Names the file that cannot be used.
    pub(crate) fn new(sources: Sources) -> Result<Self, SourceError> {
        let confusion = Watched {
            stamp: stamp(sources.confusion.as_deref()),
            content: read_confusion(sources.confusion.as_deref())?,
        };
        let register = Watched {
            stamp: stamp(sources.register.as_deref()),
            content: read_register(sources.register.as_deref())?,
        };
        Ok(Self {
            sources,
            confusion,
            register,
        })
    }

    /// Reads again what changed. Answers whether anything did.
    fn refresh(&mut self) -> Result<bool, SourceError> {
        let Sources {
            confusion, register, ..
        } = &self.sources;
        let (confusion, register) = (confusion.as_deref(), register.as_deref());
        let (one, other) = (stamp(confusion), stamp(register));
        let changed = (one != self.confusion.stamp, other != self.register.stamp);
        // Noted first: what cannot be used is said once.
        (self.confusion.stamp, self.register.stamp) = (one, other);
        if changed.0 {
            self.confusion.content = read_confusion(confusion)?;
        }
        if changed.1 {
            self.register.content = read_register(register)?;
        }
        Ok(changed.0 || changed.1)
    }

    pub(crate) fn beliefs(&self) -> Beliefs {
        let register = self.register.content.clone();
        let marks = register.as_ref().map_or(0, |register| register.len());
        metrics::gauge!("steelring_matcher_register_marks").set(marks as f64);
        Beliefs::new(self.confusion.content.clone(), register, self.sources.thresholds)
    }
}

fn read_confusion(path: Option<&Path>) -> Result<Confusion, SourceError> {
    let Some(path) = path.filter(|path| path.exists()) else {
        return Ok(Confusion::default());
    };
    let text = std::fs::read_to_string(path).map_err(|error| SourceError::Read(path.to_owned(), error))?;
    confusion::file::read(&text).map_err(|error| SourceError::Confusion(path.to_owned(), error))
}

fn read_register(path: Option<&Path>) -> Result<Option<Arc<Register>>, SourceError> {
    let Some(path) = path.filter(|path| path.exists()) else {
        return Ok(None);
    };
    let file = std::fs::File::open(path).map_err(|error| SourceError::Read(path.to_owned(), error))?;
    let register = register::file::read(std::io::BufReader::new(file))
        .map_err(|error| SourceError::Register(path.to_owned(), error))?;
    Ok(Some(Arc::new(register)))
}

/// Watches the files until shutdown. One that cannot be used is said, and what was known before stays in force.
pub(crate) async fn watch(shared: Arc<Shared>, mut loaded: Loaded) -> Result<(), MatcherError> {
    loop {
        tokio::select! {
            () = tokio::time::sleep(LOOK_EVERY) => {}
            () = shared.shutdown.cancelled() => return Ok(()),
        }
        let refreshed = tokio::task::spawn_blocking(move || {
            let outcome = loaded.refresh();
            (loaded, outcome)
        });
        let outcome;
        (loaded, outcome) = refreshed.await?;
        match outcome {
            Ok(false) => {}
            Ok(true) => {
                retire(shared.beliefs.swap(Arc::new(loaded.beliefs())));
                tracing::info!("judging by new files");
            }
            Err(error) => {
                metrics::counter!("steelring_matcher_files_unusable_total").increment(1);
                let why = std::error::Error::source(&error).map(ToString::to_string);
                tracing::error!(%error, why, "a file cannot be used, judging as before");
            }
        }
    }
}
