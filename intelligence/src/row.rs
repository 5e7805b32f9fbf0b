//! One record into one entry, every fault of it named.

use std::cmp::Ordering;

use domain::hotlist::{Action, Entry, Grade, Marker};
use domain::reason::ReasonCode;
use domain::scope::{Direction, Hours, Scope};
use domain::target::Target;
use domain::{EntryId, ListName, Timestamp};
use jiff::SignedDuration;
use jiff::tz::TimeZone;

use crate::cells;
use crate::layout::{Column, Layout, Shape};
use crate::parse::Options;
use crate::records::Records;

/// Longest make, model and colour, in characters.
const SHORT_TEXT: usize = 64;
/// Longest owner, reference and code, in characters.
const NAME_TEXT: usize = 128;
/// Longest reason and information, in characters: two screens of a case panel.
const LONG_TEXT: usize = 2_000;

/// A row's cells, by place.
pub(crate) trait Cells {
    /// How many there are.
    fn fields(&self) -> usize;
    /// The bytes of one, counted from 0, without the blanks around it; empty where there is none.
    fn field(&self, index: usize) -> &[u8];
}

impl Cells for Records<'_> {
    fn fields(&self) -> usize {
        Records::fields(self)
    }

    fn field(&self, index: usize) -> &[u8] {
        Records::field(self, index)
    }
}

/// What every row of a file shares.
pub(crate) struct Shared<'a> {
    pub(crate) list: &'a ListName,
    pub(crate) layout: &'a Layout,
    pub(crate) options: &'a Options,
    pub(crate) now: Timestamp,
    pub(crate) zone: &'a TimeZone,
}

/// What is wrong with a row: the column, counted from 0, where one is to blame, and why.
pub(crate) type Fault = (Option<usize>, String);

/// An entry, and what was not said but concluded.
pub(crate) struct Read {
    pub(crate) entry: Entry,
    pub(crate) grade_derived: bool,
}

/// Reads the record that `records` stands at; faults are appended, and with any there is no entry.
pub(crate) fn read(shared: &Shared<'_>, records: &dyn Cells, faults: &mut Vec<Fault>) -> Option<Read> {
    if let Some(fault) = wrong_width(shared.layout, records) {
        faults.push(fault);
        return None;
    }
    let mut row = Row {
        shared,
        records,
        faults,
    };
    let target = row.parsed(Column::Vrm, |text| {
        Target::parse(text).map_err(|error| error.to_string())
    });
    let markers: Vec<Marker> = row.optional(Column::Markers, cells::markers).unwrap_or_default();
    let grade: Option<Grade> = row.optional(Column::Grade, |text| {
        text.parse::<Grade>().map_err(|error| error.to_string())
    });
    let action = row.action(grade);
    let expires_at = row
        .optional(Column::ExpiresAt, |text| {
            cells::expiry(text, shared.zone)?
                .map(|at| within_life(at, shared))
                .transpose()
        })
        .flatten();
    let scope = row.scope();
    let reason = row.reason(&markers);
    let reason_code = row.optional(Column::ReasonCode, cells::reason_code);
    let (reference, information) = row.reference_and_information();
    let handling = row.text(Column::Handling, NAME_TEXT);
    let make = row.text(Column::Make, SHORT_TEXT);
    let model = row.text(Column::Model, SHORT_TEXT);
    let colour = row.text(Column::Colour, SHORT_TEXT);
    let owner = row.text(Column::Owner, NAME_TEXT);
    if !faults.is_empty() {
        return None;
    }
    let (target, action) = (target?, action?);
    let given = grade.or(shared.options.usual_grade());
    let entry = Entry {
        entry_id: EntryId::of_entry(shared.list, target, &reference),
        list: shared.list.clone(),
        target,
        grade: given.unwrap_or_else(|| domain::grading::grade_of(action, &markers)),
        action,
        reason_code: reason_code.unwrap_or_else(|| ReasonCode::of_markers(&markers)),
        markers,
        reason,
        information,
        make,
        model,
        colour,
        owner,
        reference,
        handling,
        nominals: Vec::new(),
        listed_at: shared.now,
        expires_at,
        scope,
    };
    Some(Read {
        entry,
        grade_derived: given.is_none(),
    })
}

/// A row must be as wide as its layout. One column too many is never forgiven, not even a blank one: an unquoted comma in a
/// text pushes the columns behind it to the right, and the last of them is often blank.
fn wrong_width(layout: &Layout, records: &dyn Cells) -> Option<Fault> {
    let (wanted, found) = (layout.columns.len(), records.fields());
    let why = match found.cmp(&wanted) {
        Ordering::Equal => return None,
        Ordering::Less => "the row is cut short",
        Ordering::Greater => "put a text that holds the separator in quotes",
    };
    Some((None, format!("{found} columns instead of {wanted}: {why}")))
}

/// A weed date, where the list's policy allows so late a one: to the end of the last day.
fn within_life(at: Timestamp, shared: &Shared<'_>) -> Result<Timestamp, String> {
    let policy = &shared.options.policy;
    let last = policy
        .latest_expiry(shared.now)
        .to_zoned(shared.zone.clone())
        .date();
    let end = last.tomorrow().and_then(|day| day.to_zoned(shared.zone.clone()));
    if end.is_ok_and(|end| at > end.timestamp()) {
        let days = policy.max_days;
        // A date counts to the end of its day, which is the first moment of the next.
        let day = (at - SignedDuration::from_millis(1))
            .to_zoned(shared.zone.clone())
            .date();
        return Err(format!(
            "{day} is later than the list allows: at most {days} days from now, which is {last}"
        ));
    }
    Ok(at)
}

struct Row<'a> {
    shared: &'a Shared<'a>,
    records: &'a dyn Cells,
    faults: &'a mut Vec<Fault>,
}

impl Row<'_> {
    /// A text; empty where the column is, or where there is no such column.
    fn text(&mut self, column: Column, longest: usize) -> String {
        let Some(place) = self.shared.layout.place(column) else {
            return String::new();
        };
        cells::text(self.records.field(place), longest).unwrap_or_else(|reason| {
            self.faults.push((Some(place), reason));
            String::new()
        })
    }

    /// A value; none where the cell is wrong, which is then a fault.
    fn parsed<T>(&mut self, column: Column, parse: impl Fn(&str) -> Result<T, String>) -> Option<T> {
        let before = self.faults.len();
        let text = self.text(column, LONG_TEXT);
        if self.faults.len() > before {
            return None;
        }
        parse(&text)
            .map_err(|reason| self.faults.push((self.shared.layout.place(column), reason)))
            .ok()
    }

    /// A value; none where the cell is empty, too.
    fn optional<T>(&mut self, column: Column, parse: impl Fn(&str) -> Result<T, String>) -> Option<T> {
        self.parsed(column, |text| {
            if text.is_empty() {
                Ok(None)
            } else {
                parse(text).map(Some)
            }
        })
        .flatten()
    }

    /// The 16-column file always says what to do. A list with a header may leave it out: a graded vehicle is then
    /// watched for, since nobody asked for a stop, and any other is kept for intelligence.
    fn action(&mut self, grade: Option<Grade>) -> Option<Action> {
        let grade = grade.or(self.shared.options.usual_grade());
        let unsaid = match grade {
            Some(grade) if grade.opens_case() => Action::Observe,
            _ => Action::Intelligence,
        };
        let must_say = self.shared.layout.shape == Shape::Plain;
        self.parsed(Column::Action, |text| match text {
            "" if !must_say => Ok(unsaid),
            "" => Err("empty: write STOP, OBSERVE, SILENT or INTELLIGENCE".to_owned()),
            text => cells::action(text),
        })
    }

    fn scope(&mut self) -> Scope {
        let known = self.shared.options.sites.as_ref();
        let bcus = self.shared.options.bcus.as_ref();
        Scope {
            sites: self
                .optional(Column::Sites, |text| cells::sites(text, known))
                .unwrap_or_default(),
            bcus: self
                .optional(Column::Bcus, |text| cells::bcus(text, bcus))
                .unwrap_or_default(),
            direction: self.optional(Column::Direction, |text| {
                text.parse::<Direction>().map_err(|error| error.to_string())
            }),
            hours: self.optional(Column::Hours, |text| {
                text.parse::<Hours>().map_err(|error| error.to_string())
            }),
        }
    }

    /// Whoever stops a vehicle must know why: a marker will do where the list's owner wrote nothing.
    fn reason(&mut self, markers: &[Marker]) -> String {
        let before = self.faults.len();
        let reason = self.text(Column::Reason, LONG_TEXT);
        if !reason.is_empty() || self.faults.len() > before {
            return reason;
        }
        if markers.is_empty() {
            let place = self.shared.layout.place(Column::Reason);
            self.faults.push((
                place,
                "empty, and no marker: say why the vehicle is looked for".to_owned(),
            ));
        }
        let word = |marker: &Marker| {
            Marker::ALL
                .iter()
                .find(|(known, ..)| known == marker)
                .map_or("", |(_, _, words)| *words)
        };
        markers.iter().map(word).collect::<Vec<_>>().join(", ")
    }

    /// The reference is the PNC id, or the CAD number where there is none; what has no column of its own in an entry
    /// follows the information, so that nothing the owner wrote is lost.
    fn reference_and_information(&mut self) -> (String, String) {
        let mut reference = self.text(Column::Reference, NAME_TEXT);
        let mut cad = self.text(Column::Cad, LONG_TEXT);
        if reference.is_empty() && cad.chars().count() <= NAME_TEXT {
            reference = std::mem::take(&mut cad);
        }
        let parts = [
            ("", self.text(Column::Information, LONG_TEXT)),
            ("CAD: ", cad),
            ("NIM 5x5x5: ", self.text(Column::Nim, NAME_TEXT)),
            ("Region: ", self.text(Column::Region, NAME_TEXT)),
        ];
        let said = parts.into_iter().filter(|(_, text)| !text.is_empty());
        let information = said
            .map(|(label, text)| format!("{label}{text}"))
            .collect::<Vec<_>>()
            .join("; ");
        (reference, information)
    }
}
