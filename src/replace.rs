//! Putting a file into its place, whole or not at all: whoever reads it sees the one before or the new one.

use std::fs::File;
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use tempfile::NamedTempFile;

/// A file on its way: it stands beside its place, for its owner's eyes alone, and goes when it is dropped.
pub struct Replacement {
    file: NamedTempFile,
    place: PathBuf,
}

impl Replacement {
    /// Starts a file for this place, whose folder must be there.
    pub fn of(place: &Path) -> Result<Self> {
        let file = NamedTempFile::new_in(folder(place));
        Ok(Self {
            file: file.with_context(|| format!("write beside {}", place.display()))?,
            place: place.to_owned(),
        })
    }

    /// Puts it into its place once it is on disk.
    pub fn put(self) -> Result<()> {
        let step = || format!("put {} into its place", self.place.display());
        self.file.as_file().sync_all().with_context(step)?;
        self.file.persist(&self.place).with_context(step)?;
        // The new name, too, must outlive a loss of power.
        let folder = File::open(folder(&self.place));
        folder.and_then(|folder| folder.sync_all()).with_context(step)
    }
}

fn folder(place: &Path) -> &Path {
    match place.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder,
        _ => Path::new("."),
    }
}

impl Write for Replacement {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.file.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.flush()
    }
}

/// Hands on what it reads, and writes it down: what was checked is then what was written, however the source changes.
pub struct Copied<R, W> {
    /// Where bytes come from.
    pub from: R,
    /// Where they are written down.
    pub to: W,
}

impl<R: Read, W: Write> Read for Copied<R, W> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let count = self.from.read(into)?;
        self.to.write_all(&into[..count])?;
        Ok(count)
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    #[test]
    fn a_file_that_is_not_put_leaves_its_place_as_it_was() {
        let folder = tempfile::tempdir().expect("a folder");
        let place = folder.path().join("file");
        std::fs::write(&place, "before").expect("write");
        let start = || {
            let mut replacement = Replacement::of(&place).expect("start");
            replacement.write_all(b"after").expect("write");
            replacement
        };
        drop(start());
        assert_eq!(std::fs::read(&place).expect("read"), b"before");
        start().put().expect("put");
        assert_eq!(std::fs::read(&place).expect("read"), b"after");
        let mode = std::fs::metadata(&place).expect("there").permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
        assert_eq!(std::fs::read_dir(folder.path()).expect("a folder").count(), 1);
    }

    #[test]
    fn what_is_read_is_what_is_written_down() {
        let mut copy = Vec::new();
        let mut copied = Copied {
            from: &b"some bytes"[..],
            to: &mut copy,
        };
        let read = io::read_to_string(&mut copied).expect("read");
        assert_eq!(
            (read.as_bytes(), &copy[..]),
            (&b"some bytes"[..], &b"some bytes"[..])
        );
    }
}
