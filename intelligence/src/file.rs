//! A list's file as rows that can be read again: the store reads them block by block, as often as it needs.

use std::ops::ControlFlow;

use bytes::Bytes;
use domain::hotlist::Entry;
use domain::{ListName, Timestamp};
use jiff::tz::TimeZone;
use store::rows::{Rows, RowsError};

use crate::{IntelligenceError, Options, Parsed, parse_in_blocks};

/// A file that was read once, and what it is read by. Its bytes are all that is kept of it.
pub struct ListFile {
    list: ListName,
    bytes: Bytes,
    options: Options,
    now: Timestamp,
    zone: TimeZone,
    count: u64,
    patterns: u64,
}

impl ListFile {
    /// Reads a file whole, and keeps none of its entries.
    ///
    /// # Errors
    /// When the file as a whole cannot be read; bad rows are no error, but [`Parsed::faults`].
    pub fn read(
        list: ListName,
        bytes: Bytes,
        options: Options,
        now: Timestamp,
        zone: TimeZone,
    ) -> Result<(Parsed, Self), IntelligenceError> {
        let parsed = parse_in_blocks(&list, &bytes, &options, now, &zone, &mut |_| {
            ControlFlow::Continue(())
        })?;
        let file = Self {
            list,
            bytes,
            options,
            now,
            zone,
            count: parsed.good,
            patterns: parsed.patterns,
        };
        Ok((parsed, file))
    }
}

impl Rows for ListFile {
    fn count(&self) -> u64 {
        self.count
    }

    fn patterns(&self) -> u64 {
        self.patterns
    }

    fn each(&self, take: &mut dyn FnMut(Vec<Entry>) -> ControlFlow<()>) -> Result<(), RowsError> {
        parse_in_blocks(&self.list, &self.bytes, &self.options, self.now, &self.zone, take)?;
        Ok(())
    }
}

impl std::fmt::Debug for ListFile {
    /// Without its bytes, which hold plates.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "ListFile({}, {} entries)", self.list, self.count)
    }
}
