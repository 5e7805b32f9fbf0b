//! A list's file into entries, as a whole: rows, doubles, counts.

use std::collections::BTreeSet;
use std::fmt;

use domain::hotlist::{Action, Entry, Grade};
use domain::pattern::MAX_PATTERNS;
use domain::policy::ListPolicy;
use domain::target::Target;
use domain::{BcuCode, EntryId, ListName, SiteId, Timestamp};
use hashbrown::HashMap;
use hashbrown::hash_map::Entry as Slot;
use jiff::tz::TimeZone;
use serde::{Deserialize, Serialize};

use crate::IntelligenceError;
use crate::container;
use crate::file::RowReader;
use crate::json::{self, Fields, Item};
use crate::layout::{self, Column, Layout, Shape};
use crate::mapping::Mapping;
use crate::records::{Found, Records};
use crate::row::{self, Fault, Read, Shared};
use crate::suspicion;

/// Largest list, as it is or unpacked, in bytes: ten million rows of 130 bytes, which the 16 columns have. It is in memory while
/// it is loaded.
pub const MAX_LIST_BYTES: u64 = 1280 * 1024 * 1024;
/// Most rows of one list. While it is loaded each takes some 0.1 KB here, for what doubles are told by; entries take about 0.6 KB
/// each in every matcher.
pub const MAX_ROWS: u64 = 10_000_000;
/// Faults kept for people to read; the rest are counted. Whoever has a thousand has one mistake a thousand times.
pub const MAX_FAULTS_KEPT: usize = 1_000;

/// What the person who loads a list adds to it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Options {
    /// The grade of every row that has none of its own, instead of the one that follows from action and markers.
    pub default_grade: Option<Grade>,
    /// What the list demands: above all, how long an entry may live.
    pub policy: ListPolicy,
    /// The force's sites, where they are known: an entry that is looked for at another would never be found.
    pub sites: Option<BTreeSet<SiteId>>,
    /// The codes of its BCUs, likewise.
    pub bcus: Option<BTreeSet<BcuCode>>,
    /// What the columns hold, where a person says so instead of the file's own names.
    pub mapping: Option<Mapping>,
}

impl Options {
    /// The grade of a row without one: the load's goes before the list's.
    pub(crate) fn usual_grade(&self) -> Option<Grade> {
        self.default_grade.or(self.policy.default_grade)
    }
}

/// What is wrong with a row.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RowFault {
    /// The line where the row begins, counted from 1.
    pub line: u64,
    /// Name and number of the column, such as `action (5)`; empty where the row as a whole is wrong.
    pub column: String,
    /// What is wrong and what to do. Never the plate.
    pub reason: String,
}

impl fmt::Display for RowFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "line {}", self.line)?;
        if !self.column.is_empty() {
            write!(f, ", column {}", self.column)?;
        }
        write!(f, ": {}", self.reason)
    }
}

/// A list as read.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Parsed {
    /// The entries of the good rows, in the file's order, each id once; none where they were handed on in blocks.
    pub entries: Vec<Entry>,
    /// How many they are, kept here or handed on.
    pub good: u64,
    /// How many of them are for patterns.
    pub patterns: u64,
    /// The first [`MAX_FAULTS_KEPT`] faults, in the file's order.
    pub faults: Vec<RowFault>,
    /// All faults; a row may have several.
    pub fault_count: u64,
    /// Rows of vehicles, good and bad.
    pub rows: u64,
    /// Rows that gave no entry because of a fault.
    pub bad_rows: u64,
    /// Entries whose weed date is past: kept, and never matched.
    pub expired: u64,
    /// Rows that stood there twice and were merged.
    pub doubles: u64,
    /// What good rows may say and hardly mean, the first [`MAX_FAULTS_KEPT`].
    pub suspicions: Vec<RowFault>,
    /// All of those.
    pub suspicion_count: u64,
    /// What was concluded or passed over, for the person who loads.
    pub notes: Vec<String>,
}

impl Parsed {
    /// Whether this may become the whole of a list: all or nothing, unless good rows are accepted without the bad
    /// ones; and never nothing at all, which would take every vehicle off the list unseen.
    #[must_use]
    pub fn may_load(&self, accept_good_rows: bool) -> bool {
        self.good > 0 && (self.fault_count == 0 || accept_good_rows)
    }
}

/// Reads a list: the 16-column file, CSV with a header row or a mapping, or JSON; alone or zipped. Weed dates without zone are in `zone`.
///
/// # Errors
/// When the file as a whole cannot be read; bad rows are no error, but [`Parsed::faults`].
pub fn parse(
    list: &ListName,
    bytes: &[u8],
    now: Timestamp,
    zone: &TimeZone,
) -> Result<Parsed, IntelligenceError> {
    parse_with(list, bytes, &Options::default(), now, zone)
}

/// As [`parse`], with what the person who loads adds.
///
/// # Errors
/// When the file as a whole cannot be read; bad rows are no error, but [`Parsed::faults`].
pub fn parse_with(
    list: &ListName,
    bytes: &[u8],
    options: &Options,
    now: Timestamp,
    zone: &TimeZone,
) -> Result<Parsed, IntelligenceError> {
    let content = container::open(bytes, MAX_LIST_BYTES)?;
    let layout = layout_of(&content.text, options.mapping.as_ref())?;
    let shared = Shared {
        list,
        layout: &layout,
        options,
        now,
        zone,
    };
    let mut entries = Vec::new();
    let parsed = read(&shared, &content.text, content.notes, &mut |_, entry| {
        entries.push(entry)
    })?;
    Ok(Parsed { entries, ..parsed })
}

/// How a list's text is laid out.
pub(crate) fn layout_of(text: &[u8], mapping: Option<&Mapping>) -> Result<Layout, IntelligenceError> {
    match mapping {
        _ if json::is_json(text) => Ok(Layout::of_items()),
        Some(mapping) => Layout::mapped(text, mapping),
        None => Layout::detect(text),
    }
}

/// Reads a list's text, and hands on each entry with the byte where its row begins: of ten million rows none are kept.
pub(crate) fn read<'a>(
    shared: &'a Shared<'a>,
    text: &'a [u8],
    notes: Vec<String>,
    take: &'a mut dyn FnMut(usize, Entry),
) -> Result<Parsed, IntelligenceError> {
    let mut reading = Reading::new(shared, text, notes, take);
    if shared.layout.shape == Shape::Items {
        reading.items()?;
    } else {
        reading.records()?;
    }
    reading.finish()
}

/// A file half read.
struct Reading<'a> {
    shared: &'a Shared<'a>,
    parsed: Parsed,
    /// Who takes entries, and the byte where the row begins that is read.
    take: &'a mut dyn FnMut(usize, Entry),
    text: &'a [u8],
    at: usize,
    /// The line that each id came from, and the byte where its row begins: another row with that id is compared with it.
    seen: HashMap<EntryId, (u64, usize)>,
    earlier: Option<RowReader<'a>>,
    /// The line and action of each mark's first row that another may contradict.
    asked: HashMap<Target, (u64, Action)>,
    faults: Vec<Fault>,
    tally: Tally,
}

/// What is told as a note at the end.
#[derive(Default)]
struct Tally {
    frames: u64,
    blank: u64,
    doubles: u64,
    derived: u64,
    endless: u64,
}

impl<'a> Reading<'a> {
    fn new(
        shared: &'a Shared<'a>,
        text: &'a [u8],
        mut notes: Vec<String>,
        take: &'a mut dyn FnMut(usize, Entry),
    ) -> Self {
        notes.extend(shared.layout.notes.iter().cloned());
        Self {
            shared,
            parsed: Parsed {
                notes,
                ..Parsed::default()
            },
            take,
            text,
            at: 0,
            seen: HashMap::new(),
            earlier: None,
            asked: HashMap::new(),
            faults: Vec::new(),
            tally: Tally::default(),
        }
    }

    fn records(&mut self) -> Result<(), IntelligenceError> {
        let layout = self.shared.layout;
        let columns = layout.columns.len();
        let mut records = Records::new(self.text, layout.separator);
        while let Some((line, found)) = records.next(|fields| fields == columns) {
            self.at = records.began();
            if layout.header != Some(line) {
                self.take(line, found, &records)?;
            }
        }
        Ok(())
    }

    fn items(&mut self) -> Result<(), IntelligenceError> {
        let text = self.text;
        let mapping = self.shared.options.mapping.as_ref();
        if let (None, Some(sample)) = (mapping, json::unknown_shape(text)) {
            let (line, columns) = (1, sample.names.as_ref().map_or(0, Vec::len));
            let guess = sample.guess().map(Box::new);
            return Err(IntelligenceError::Layout { line, columns, guess });
        }
        let mut fields = Fields::new(mapping);
        let mut number = 0;
        json::each(text, &mut |at, item| {
            number += 1;
            self.at = at;
            self.count_row()?;
            match item {
                Item::Wrong(reason) => self.fault(reason),
                Item::Fields(said) => {
                    let cells = fields.cells(said, &mut self.faults);
                    if self.faults.is_empty()
                        && let Some(read) = row::read(self.shared, &cells, &mut self.faults)
                    {
                        self.keep(number, read)?;
                    }
                }
            }
            self.end_row(number);
            Ok(())
        })?;
        self.parsed.notes.extend(fields.notes());
        Ok(())
    }

    fn count_row(&mut self) -> Result<(), IntelligenceError> {
        self.parsed.rows += 1;
        if self.parsed.rows > MAX_ROWS {
            return Err(IntelligenceError::TooManyRows { limit: MAX_ROWS });
        }
        Ok(())
    }

    fn end_row(&mut self, line: u64) {
        if !self.faults.is_empty() {
            self.parsed.bad_rows += 1;
            self.report(line);
        }
    }

    fn take(&mut self, line: u64, found: Found, records: &Records<'_>) -> Result<(), IntelligenceError> {
        if found == Found::Record {
            if (0..records.fields()).all(|index| records.field(index).is_empty()) {
                self.tally.blank += 1;
                return Ok(());
            }
            if layout::is_frame(records, self.shared.layout.columns.len()) {
                self.tally.frames += 1;
                self.check_total(line, records);
                return Ok(());
            }
        }
        self.count_row()?;
        match found {
            Found::Record => {
                if let Some(read) = row::read(self.shared, records, &mut self.faults) {
                    self.keep(line, read)?;
                }
            }
            Found::OpenQuote => self.fault("a quote is opened and not closed: close or remove it"),
            Found::TooLong => self.fault("the line is far too long: is this the right file?"),
            Found::TooManyFields => self.fault("far too many columns: is this the right file?"),
        }
        self.end_row(line);
        Ok(())
    }

    /// One id is one entry: the same row again is passed over, another row is refused.
    fn keep(&mut self, line: u64, read: Read) -> Result<(), IntelligenceError> {
        match self.seen.entry(read.entry.entry_id) {
            Slot::Occupied(slot) => {
                let (earlier, at) = *slot.get();
                let (shared, text) = (self.shared, self.text);
                let reader = self.earlier.get_or_insert_with(|| RowReader::new(shared, text));
                if reader.entry_at(at).as_ref() == Some(&read.entry) {
                    self.tally.doubles += 1;
                } else {
                    self.fault(format!(
                        "the same plate and reference as line {earlier}, but other details: keep one of them, or give each its own reference"
                    ));
                }
            }
            Slot::Vacant(slot) => {
                slot.insert((line, self.at));
                self.tally.derived += u64::from(read.grade_derived);
                self.tally.endless += u64::from(read.entry.expires_at.is_none());
                self.parsed.expired += u64::from(!read.entry.is_live_at(self.shared.now));
                self.parsed.patterns += u64::from(read.entry.target.is_pattern());
                if self.parsed.patterns > MAX_PATTERNS as u64 {
                    let limit = MAX_PATTERNS;
                    return Err(IntelligenceError::TooManyPatterns { line, limit });
                }
                let suspicions = suspicion::of(&read.entry, self.shared.now);
                let clash = self.clash(line, &read.entry);
                self.parsed.good += 1;
                (self.take)(self.at, read.entry);
                for (column, reason) in suspicions.into_iter().chain(clash) {
                    self.suspect(line, column, reason);
                }
            }
        }
        Ok(())
    }

    /// One row asks for a stop, an earlier one that there be none.
    fn clash(&mut self, line: u64, entry: &Entry) -> Option<(Column, String)> {
        if entry.action == Action::Intelligence {
            return None;
        }
        let (earlier, action) = *self.asked.entry(entry.target).or_insert((line, entry.action));
        action.contradicts(entry.action).then(|| {
            let reason =
                format!("the same plate as line {earlier}, and the two actions contradict each other");
            (Column::Action, reason)
        })
    }

    fn suspect(&mut self, line: u64, column: Column, reason: String) {
        self.parsed.suspicion_count += 1;
        if self.parsed.suspicions.len() < MAX_FAULTS_KEPT {
            let place = self.shared.layout.place(column);
            let column = self.column_name(place);
            self.parsed.suspicions.push(RowFault { line, column, reason });
        }
    }

    fn column_name(&self, place: Option<usize>) -> String {
        let name = place.and_then(|place| self.shared.layout.columns[place]);
        match (place, name) {
            (Some(_), Some(name)) if self.shared.layout.shape == Shape::Items => name.name().to_owned(),
            (Some(place), Some(name)) => format!("{} ({})", name.name(), place + 1),
            _ => String::new(),
        }
    }

    /// `TOTAL RECORD` with a number behind it shows whether the file was cut short.
    fn check_total(&mut self, line: u64, records: &Records<'_>) {
        let text: Vec<_> = (0..records.fields())
            .map(|index| String::from_utf8_lossy(records.field(index)))
            .collect();
        let text = text.join(" ").to_ascii_uppercase();
        let Some(rest) = text.strip_prefix("TOTAL RECORD") else {
            return;
        };
        let digits: String = rest.chars().filter(char::is_ascii_digit).collect();
        let rows = self.parsed.rows;
        // A count at the top stands before its rows, and cannot be held against them yet.
        if let (Ok(total), true) = (digits.parse::<u64>(), rows > 0)
            && total != rows
        {
            self.fault(format!(
                "the file says {total} records and has {rows} rows: it may have been cut short, export it again"
            ));
            self.report(line);
        }
    }

    fn fault(&mut self, reason: impl Into<String>) {
        self.faults.push((None, reason.into()));
    }

    fn report(&mut self, line: u64) {
        self.parsed.fault_count += self.faults.len() as u64;
        for (place, reason) in std::mem::take(&mut self.faults) {
            if self.parsed.faults.len() < MAX_FAULTS_KEPT {
                let column = self.column_name(place);
                self.parsed.faults.push(RowFault { line, column, reason });
            }
        }
    }

    fn finish(mut self) -> Result<Parsed, IntelligenceError> {
        if self.parsed.rows == 0 {
            return Err(IntelligenceError::NoRows);
        }
        let expired = self.parsed.expired;
        let Tally {
            frames,
            blank,
            doubles,
            derived,
            endless,
        } = self.tally;
        self.parsed.doubles = doubles;
        let kept = self.parsed.faults.len() as u64;
        let surplus = self.parsed.fault_count - kept;
        let notes = [
            (frames, "header, trailer or count lines were passed over"),
            (blank, "rows of empty columns were passed over"),
            (doubles, "rows stood there twice and were merged"),
            (
                derived,
                "entries have no grade of their own: it follows from action and markers",
            ),
            (
                endless,
                "entries have no weed date: they get the latest that the list allows",
            ),
            (
                expired,
                "entries are past their weed date: they are kept and never matched",
            ),
            (surplus, "more faults are counted and not listed"),
        ];
        let said = notes.into_iter().filter(|(count, _)| *count > 0);
        self.parsed
            .notes
            .extend(said.map(|(count, what)| format!("{count} {what}")));
        Ok(self.parsed)
    }
}
