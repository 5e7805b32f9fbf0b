//! The storage in a data directory: fjall, a sync per batch.

use std::collections::HashMap;
use std::fs::{self, File};
use std::io::{self, Write};
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, PoisonError, RwLock};

use bytes::Bytes;
use fjall::compaction::Leveled;
use fjall::{AbstractTree, Database, Keyspace, KeyspaceCreateOptions, KvSeparationOptions, PersistMode};

use super::storage::{Change, Space, Storage};
use super::torn::Cut;
use super::{FORMAT, damaged};
use crate::LogError;
use crate::topic::Retention;

const FORMAT_FILE: &str = "FORMAT";
const DATABASE_FOLDER: &str = "fjall";
/// Records wait in memory up to this size for each partition that is written to, beside their copy in the journal. A
/// sixteenth of fjall's default: a busy log has a dozen partitions, and some of them are flushed at any time.
const MEMTABLE_BYTES: u64 = 4 * 1024 * 1024;
/// Blocks that were read of what is on the disk, for all partitions. Half of fjall's default: readers of reads go through them
/// once, from front to back, and what they read last is still in memory; the system's own cache holds the rest.
const CACHE_BYTES: u64 = 16 * 1024 * 1024;
/// One, which flushes and merges: of more, the first goes around asking for something to flush while another merges (fjall 3.1.13), and
/// takes the stages' processor time for it.
const WORKERS: usize = 1;

/// Tables that were flushed before they are merged with those before: thrice fjall's default. Each table of a list that is replaced has
/// old and new records, so that all of the list is merged with every four, or twelve.
const TABLES_MERGED: u8 = 12;
/// A merge writes tables of this size, and syncs each: while a large one goes to the disk, all others' syncs wait.
const TABLE_BYTES: u64 = 8 * 1024 * 1024;
/// Records of compacted topics that are larger are kept beside their table, which is merged without them.
const APART_BYTES: u32 = 64;

pub(super) struct Disk {
    database: Database,
    spaces: RwLock<HashMap<Space, Keyspace>>,
    /// fjall writes nothing more once something could not be written, such as where a disk is full: what is on it must be read again.
    lost: AtomicBool,
}

impl Disk {
    pub(super) fn open(directory: &Path) -> Result<Self, LogError> {
        check_format(directory)?;
        let database = open_whole(&directory.join(DATABASE_FOLDER)).map_err(|source| match source {
            fjall::Error::Locked => LogError::InUse(directory.display().to_string()),
            fjall::Error::InvalidVersion(found) => format_error(
                directory,
                found.map_or("unknown".into(), |found| format!("fjall {found:?}")),
            ),
            source => LogError::Storage {
                step: "open the data directory",
                source,
            },
        })?;
        Ok(Self {
            database,
            spaces: RwLock::default(),
            lost: AtomicBool::new(false),
        })
    }

    fn space(&self, space: Space) -> Result<Keyspace, LogError> {
        let spaces = self.spaces.read().unwrap_or_else(PoisonError::into_inner);
        spaces
            .get(&space)
            .cloned()
            .ok_or_else(|| damaged("find a partition"))
    }
}

impl Storage for Disk {
    fn open_space(&self, space: Space) -> Result<(), LogError> {
        let name = match space {
            Space::Meta => "meta".to_owned(),
            Space::Records(topic, partition) => format!("{topic}#{partition}"),
            Space::Keys(topic, partition) => format!("{topic}#{partition}#keys"),
            Space::Tombstones(topic, partition) => format!("{topic}#{partition}#tombstones"),
        };
        let keyspace = self
            .database
            .keyspace(&name, || options(space))
            .map_err(|source| LogError::Storage {
                step: "open a partition",
                source,
            })?;
        let mut spaces = self.spaces.write().unwrap_or_else(PoisonError::into_inner);
        spaces.insert(space, keyspace);
        Ok(())
    }

    fn apply(&self, changes: Vec<Change>) -> Result<(), LogError> {
        let spaces = self.spaces.read().unwrap_or_else(PoisonError::into_inner);
        let mut batch = self.database.batch().durability(Some(PersistMode::SyncAll));
        for change in changes {
            let space = spaces
                .get(&change.space)
                .ok_or_else(|| damaged("find a partition"))?;
            match change.value {
                Some(value) => batch.insert(space, change.key, value),
                None => batch.remove(space, change.key),
            }
        }
        batch.commit().map_err(|source| {
            if matches!(source, fjall::Error::Poisoned) && !self.lost.swap(true, Ordering::AcqRel) {
                tracing::error!(
                    "the embedded log writes no more, since it could not write before: make room on the disk of the data directory, \
                     or mend it, and start again; all that was acknowledged is there"
                );
            }
            LogError::Storage {
                step: "write to the data directory",
                source,
            }
        })?;
        spaces.values().for_each(flush_when_full);
        Ok(())
    }

    fn get(&self, space: Space, key: &[u8]) -> Result<Option<Bytes>, LogError> {
        let value = self.space(space)?.get(key).map_err(read_error)?;
        Ok(value.map(Bytes::from))
    }

    fn scan(
        &self,
        space: Space,
        from: &[u8],
        visit: &mut dyn FnMut(&[u8], Bytes) -> bool,
    ) -> Result<(), LogError> {
        for found in self.space(space)?.range(from..) {
            let (key, value) = found.into_inner().map_err(read_error)?;
            if !visit(&key, Bytes::from(value)) {
                break;
            }
        }
        Ok(())
    }

    fn blocks(&self) -> bool {
        true
    }

    fn is_lost(&self) -> bool {
        self.lost.load(Ordering::Acquire)
    }
}

/// How a space is kept that is made now; what was made before stays as it was.
fn options(space: Space) -> KeyspaceCreateOptions {
    let options = KeyspaceCreateOptions::default().max_memtable_size(MEMTABLE_BYTES);
    let merged = Leveled::default()
        .with_l0_threshold(TABLES_MERGED)
        .with_table_target_size(TABLE_BYTES);
    match space {
        // They are written in order, and removed from the front: nothing to merge.
        Space::Records(topic, _) if topic.retention() != Retention::LastOfKey => options,
        Space::Records(..) => {
            let apart = KvSeparationOptions::default()
                .separation_threshold(APART_BYTES)
                .file_target_size(TABLE_BYTES);
            options
                .compaction_strategy(Arc::new(merged))
                .with_kv_separation(Some(apart))
        }
        Space::Meta | Space::Keys(..) | Space::Tombstones(..) => {
            options.compaction_strategy(Arc::new(merged))
        }
    }
}

/// Hands a full memtable to fjall's worker. fjall by itself asks its worker to do so, once for each commit until it is done; by its source,
/// where a thousand such requests wait behind a long merge, its only worker would wait for room among them, for ever.
fn flush_when_full(keyspace: &Keyspace) {
    if keyspace.tree.active_memtable().size() > MEMTABLE_BYTES
        && let Err(error) = keyspace.rotate_memtable()
    {
        tracing::warn!(%error, "what the embedded log holds in memory does not go to its tables yet");
    }
}

/// Opens a database, without its last group where a power failure tore that.
fn open_whole(database: &Path) -> fjall::Result<Database> {
    let open = || {
        let builder = Database::builder(database).cache_size(CACHE_BYTES);
        builder.worker_threads(WORKERS).open()
    };
    let torn = match open() {
        Err(error @ fjall::Error::JournalRecovery(_)) => error,
        opened => return opened,
    };
    let Some(cut) = Cut::last_group(database)? else {
        return Err(torn);
    };
    let opened = open();
    match &opened {
        Ok(_) => tracing::warn!(
            "dropped a group of records that a power failure left half written: none was acknowledged"
        ),
        Err(_) => cut.undo()?,
    }
    opened
}

fn read_error(source: fjall::Error) -> LogError {
    LogError::Storage {
        step: "read the data directory",
        source,
    }
}

/// Writes the format into a new directory, and refuses a directory of another format or of something else.
fn check_format(directory: &Path) -> Result<(), LogError> {
    let failed = |step| {
        move |source: io::Error| LogError::Storage {
            step,
            source: source.into(),
        }
    };
    fs::create_dir_all(directory).map_err(failed("make the data directory"))?;
    match fs::read_to_string(directory.join(FORMAT_FILE)) {
        Ok(found) if found.trim() == FORMAT.to_string() => Ok(()),
        Ok(found) => Err(format_error(directory, found.trim().chars().take(40).collect())),
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            // The format is written first of all: a database without it is not ours.
            if directory.join(DATABASE_FOLDER).exists() {
                return Err(format_error(directory, "unknown".into()));
            }
            write_format(directory).map_err(failed("write the format of the data directory"))
        }
        Err(error) => Err(failed("read the format of the data directory")(error)),
    }
}

/// Whole or not at all, whatever happens meanwhile.
fn write_format(directory: &Path) -> io::Result<()> {
    let new = directory.join("FORMAT.new");
    let mut file = File::create(&new)?;
    writeln!(file, "{FORMAT}")?;
    file.sync_all()?;
    fs::rename(&new, directory.join(FORMAT_FILE))?;
    File::open(directory)?.sync_all()
}

fn format_error(directory: &Path, found: String) -> LogError {
    LogError::Format {
        directory: directory.display().to_string(),
        found,
        known: FORMAT,
    }
}
