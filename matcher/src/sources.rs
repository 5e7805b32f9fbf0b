//! The files that reads are judged by, beside the lists: watched, and swapped in whole when they change.

use std::os::unix::fs::MetadataExt;
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
    #[error("{0} cannot be read")]
    Read(PathBuf, #[source] std::io::Error),
    /// It is no confusion table.
    #[error("{0} is no confusion table")]
    Confusion(PathBuf, #[source] ConfusionError),
    /// It is no register.
    #[error("{0} is no vehicle register")]
    Register(PathBuf, #[source] RegisterError),
}

/// What the files said last.
pub(crate) struct Loaded {
    confusion: Watched<Confusion>,
    register: Watched<Option<Arc<Register>>>,
    thresholds: Thresholds,
}

/// A file's content, and which state of the file it was.
struct Watched<T> {
    path: Option<PathBuf>,
    read: fn(Option<&Path>) -> Result<T, SourceError>,
    stamp: Option<Stamp>,
    content: T,
}

/// What tells one state of a file from another: it is replaced, not written over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Stamp {
    inode: u64,
    modified: SystemTime,
    bytes: u64,
}

fn stamp(path: Option<&Path>) -> Option<Stamp> {
    let about = std::fs::metadata(path?).ok()?;
    Some(Stamp {
        inode: about.ino(),
        modified: about.modified().ok()?,
        bytes: about.len(),
    })
}

impl<T> Watched<T> {
    fn new(
        path: Option<PathBuf>,
        read: fn(Option<&Path>) -> Result<T, SourceError>,
    ) -> Result<Self, SourceError> {
        Ok(Self {
            stamp: stamp(path.as_deref()),
            content: read(path.as_deref())?,
            path,
            read,
        })
    }

    /// Reads the file again where it changed. Answers whether it did.
    fn refresh(&mut self) -> Result<bool, SourceError> {
        let now = stamp(self.path.as_deref());
        if now == self.stamp {
            return Ok(false);
        }
        // Noted first: what cannot be used is said once.
        self.stamp = now;
        self.content = (self.read)(self.path.as_deref())?;
        Ok(true)
    }
}

impl Loaded {
    /// Reads the files. Takes half a minute for a register of 40 million vehicles, so not on a thread that others wait for.
    ///
    /// # Errors
    /// Names the file that cannot be used.
    pub(crate) fn new(sources: Sources) -> Result<Self, SourceError> {
        Ok(Self {
            confusion: Watched::new(sources.confusion, read_confusion)?,
            register: Watched::new(sources.register, read_register)?,
            thresholds: sources.thresholds,
        })
    }

    /// Looks at both files, whatever becomes of the other one.
    fn refresh(&mut self) -> [Result<bool, SourceError>; 2] {
        [self.confusion.refresh(), self.register.refresh()]
    }

    pub(crate) fn beliefs(&self) -> Beliefs {
        let register = self.register.content.clone();
        let marks = register.as_ref().map_or(0, |register| register.len());
        metrics::gauge!("steelring_matcher_register_marks").set(marks as f64);
        Beliefs::new(self.confusion.content.clone(), register, self.thresholds)
    }
}

/// The confusion table of a file; the default one where there is no file.
///
/// # Errors
/// Where the file cannot be used.
pub fn read_confusion(path: Option<&Path>) -> Result<Confusion, SourceError> {
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
            let outcomes = loaded.refresh();
            (loaded, outcomes)
        });
        let outcomes;
        (loaded, outcomes) = refreshed.await?;
        if outcomes.iter().any(|outcome| matches!(outcome, Ok(true))) {
            retire(shared.beliefs.swap(Arc::new(loaded.beliefs())));
            tracing::info!("judging by new files");
        }
        for error in outcomes.iter().filter_map(|outcome| outcome.as_ref().err()) {
            metrics::counter!("steelring_matcher_files_unusable_total").increment(1);
            let why = std::error::Error::source(error).map(ToString::to_string);
            tracing::error!(%error, why, "a file cannot be used, judging as before");
        }
    }
}
