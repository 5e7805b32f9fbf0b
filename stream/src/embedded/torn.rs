//! What a power failure leaves of the last group: cut off, so that the storage opens again.
//!
//! fjall holds its journal while a group is written and synced, so that the writers' groups stand in it one behind the
//! other, and a group is answered once it is synced. So at most one group, the last of the newest journal, can be half on
//! the disk when the power fails, and nobody was told that it was kept. fjall drops such a group unaided where the file
//! ends early or zeros follow; but where the group's last page reached the disk and one before it did not, its checksum is
//! wrong, and fjall refuses the whole journal. A group without its end, fjall drops: so the end is cut off, and nothing else.

use std::fs::{self, File};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

const BLOCK_BYTES: u64 = 64 * 1024;

/// The last byte that was written to a journal, cut off.
pub(super) struct Cut {
    journal: File,
    at: u64,
    byte: u8,
}

impl Cut {
    /// Cuts the end off the last group of a database's newest journal; nothing where no journal has one.
    ///
    /// Only for a database that refuses to open. Where it still refuses without that group, the damage lies before it.
    pub(super) fn last_group(database: &Path) -> io::Result<Option<Self>> {
        let Some(path) = newest_journal(database)? else {
            return Ok(None);
        };
        let mut journal = File::options().read(true).write(true).open(path)?;
        let Some((at, byte)) = last_written(&mut journal)? else {
            return Ok(None);
        };
        journal.set_len(at)?;
        journal.sync_all()?;
        Ok(Some(Self { journal, at, byte }))
    }

    /// Puts the end back.
    pub(super) fn undo(mut self) -> io::Result<()> {
        self.journal.seek(SeekFrom::Start(self.at))?;
        self.journal.write_all(&[self.byte])?;
        self.journal.sync_all()
    }
}

/// Journals are numbered: `0.jnl`, `1.jnl` and so on.
fn newest_journal(database: &Path) -> io::Result<Option<PathBuf>> {
    let mut newest: Option<(u64, PathBuf)> = None;
    for entry in fs::read_dir(database)? {
        let path = entry?.path();
        let number = path.file_stem().and_then(|stem| stem.to_str()?.parse().ok());
        let Some(number) = number.filter(|_| path.extension().is_some_and(|kind| kind == "jnl")) else {
            continue;
        };
        if newest.as_ref().is_none_or(|(last, _)| *last < number) {
            newest = Some((number, path));
        }
    }
    Ok(newest.map(|(_, path)| path))
}

/// The last byte before the zeros that fjall sets aside for later groups, and its place: no group ends in a zero.
fn last_written(journal: &mut File) -> io::Result<Option<(u64, u8)>> {
    let mut end = journal.metadata()?.len();
    let mut block = Vec::new();
    while end > 0 {
        let start = end.saturating_sub(BLOCK_BYTES);
        journal.seek(SeekFrom::Start(start))?;
        block.clear();
        Read::by_ref(journal).take(end - start).read_to_end(&mut block)?;
        if let Some(last) = block.iter().rposition(|byte| *byte != 0) {
            return Ok(Some((start + last as u64, block[last])));
        }
        end = start;
    }
    Ok(None)
}
