//! A list's file as rows that can be read again: the store reads them block by block, as often as it needs.

use std::borrow::Cow;
use std::ops::ControlFlow;

use bytes::Bytes;
use domain::hotlist::Entry;
use domain::{EntryId, ListName, Timestamp};
use jiff::tz::TimeZone;
use store::rows::{Rows, RowsError};

use crate::json::{self, Fields, Item};
use crate::layout::{Layout, Shape};
use crate::records::Records;
use crate::row::{self, Shared};
use crate::{IntelligenceError, MAX_LIST_BYTES, Options, Parsed, container, parse};

/// Entries handed on at once. A large list is stored in transactions of so many: others wait for the length of one.
const BLOCK: usize = 500;

/// A file that was read once, and what it is read by. Its text is kept, and where each entry's row begins.
pub struct ListFile {
    list: ListName,
    text: Bytes,
    layout: Layout,
    options: Options,
    now: Timestamp,
    zone: TimeZone,
    /// In order of id: a table that is written in its own order is written once, and not all over.
    rows: Vec<(EntryId, usize)>,
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
        let content = container::open(&bytes, MAX_LIST_BYTES)?;
        let text = match content.text {
            Cow::Borrowed(text) => bytes.slice_ref(text),
            Cow::Owned(text) => text.into(),
        };
        let layout = parse::layout_of(&text, options.mapping.as_ref())?;
        let mut file = Self {
            list,
            text,
            layout,
            options,
            now,
            zone,
            rows: Vec::new(),
            patterns: 0,
        };
        let mut rows = Vec::new();
        let parsed = parse::read(&file.shared(), &file.text, content.notes, &mut |at, entry| {
            rows.push((entry.entry_id, at));
        })?;
        rows.sort_unstable();
        file.rows = rows;
        file.patterns = parsed.patterns;
        Ok((parsed, file))
    }

    fn shared(&self) -> Shared<'_> {
        Shared {
            list: &self.list,
            layout: &self.layout,
            options: &self.options,
            now: self.now,
            zone: &self.zone,
        }
    }
}

impl Rows for ListFile {
    fn count(&self) -> u64 {
        self.rows.len() as u64
    }

    fn patterns(&self) -> u64 {
        self.patterns
    }

    fn each(&self, take: &mut dyn FnMut(Vec<Entry>) -> ControlFlow<()>) -> Result<(), RowsError> {
        let shared = self.shared();
        let mut reader = RowReader::new(&shared, &self.text);
        for block in self.rows.chunks(BLOCK) {
            let entries: Option<Vec<Entry>> = block.iter().map(|(_, at)| reader.entry_at(*at)).collect();
            if take(entries.ok_or("a row that was good is no more")?).is_break() {
                break;
            }
        }
        Ok(())
    }
}

/// Reads single rows of a text again.
pub(crate) struct RowReader<'a> {
    shared: &'a Shared<'a>,
    text: &'a [u8],
    records: Records<'a>,
    fields: Fields<'a>,
}

impl<'a> RowReader<'a> {
    pub(crate) fn new(shared: &'a Shared<'a>, text: &'a [u8]) -> Self {
        Self {
            text,
            records: Records::new(text, shared.layout.separator),
            fields: Fields::new(shared.options.mapping.as_ref()),
            shared,
        }
    }

    /// The entry of the row that begins there; none where it is not good.
    pub(crate) fn entry_at(&mut self, at: usize) -> Option<Entry> {
        let mut faults = Vec::new();
        let read = if self.shared.layout.shape == Shape::Items {
            let Item::Fields(said) = json::item_at(self.text, at)? else {
                return None;
            };
            let cells = self.fields.cells(said, &mut faults);
            row::read(self.shared, &cells, &mut faults)
        } else {
            let columns = self.shared.layout.columns.len();
            self.records.go_to(at);
            self.records.next(|fields| fields == columns)?;
            row::read(self.shared, &self.records, &mut faults)
        };
        read.map(|read| read.entry)
    }
}

impl std::fmt::Debug for ListFile {
    /// Without its text, which holds plates.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "ListFile({}, {} entries)", self.list, self.rows.len())
    }
}
