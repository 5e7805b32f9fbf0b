//! Which column of a file means what, and what stands between them.

use crate::IntelligenceError;
use crate::guess::Sample;
use crate::mapping::{Mapping, words};
use crate::records::{Found, Records};

/// What may stand between columns, the likeliest first.
const SEPARATORS: [u8; 4] = *b",;\t|";
/// Columns of the file without a header.
pub(crate) const PLAIN_COLUMNS: usize = 16;
/// Records looked at to tell the shape: one bad row must not hide it.
pub(crate) const SAMPLE_RECORDS: usize = 50;
/// Longest header name quoted in a note, in characters.
const LONGEST_NAME: usize = 32;

/// What a column means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Column {
    Vrm,
    Make,
    Model,
    Colour,
    Action,
    Markers,
    Reason,
    ReasonCode,
    Nim,
    Information,
    Owner,
    ExpiresAt,
    Reference,
    Handling,
    Cad,
    Grade,
    Region,
    Sites,
    Bcus,
    Direction,
    Hours,
    Spare,
}

/// Every column: our name, and what others call it (in lower case, one blank for whatever is no letter or digit).
const COLUMNS: [(Column, &str, &[&str]); 22] = [
    (
        Column::Vrm,
        "vrm",
        &[
            "vrm",
            "plate",
            "plate number",
            "number plate",
            "registration",
            "registration number",
            "registration mark",
            "reg",
            "reg no",
        ],
    ),
    (Column::Make, "make", &["make", "manufacturer"]),
    (Column::Model, "model", &["model"]),
    (Column::Colour, "colour", &["colour", "color"]),
    (Column::Action, "action", &["action"]),
    (
        Column::Markers,
        "markers",
        &[
            "markers",
            "marker",
            "warning markers",
            "warning marker",
            "warnings",
            "warning signals",
        ],
    ),
    (Column::Reason, "reason", &["reason", "description"]),
    (Column::ReasonCode, "reason_code", &["reason code", "code"]),
    (
        Column::Nim,
        "nim",
        &["nim", "nim 5x5x5", "nim 5x5x5 code", "nim code"],
    ),
    (
        Column::Information,
        "information",
        &[
            "information",
            "information action",
            "info",
            "notes",
            "comment",
            "comments",
        ],
    ),
    (
        Column::Owner,
        "owner",
        &["owner", "force area", "force and area", "force"],
    ),
    (
        Column::ExpiresAt,
        "expires_at",
        &[
            "expires at",
            "expires",
            "expiry",
            "expiry date",
            "weed date",
            "valid until",
        ],
    ),
    (
        Column::Reference,
        "reference",
        &["reference", "ref", "pnc id", "pncid"],
    ),
    (
        Column::Handling,
        "handling",
        &[
            "handling",
            "handling restriction",
            "gpms",
            "gpms marking",
            "protective marking",
        ],
    ),
    (Column::Cad, "cad", &["cad", "cad information", "cad number"]),
    (Column::Grade, "grade", &["grade", "priority"]),
    (
        Column::Region,
        "region",
        &["region", "state province", "province", "country"],
    ),
    (Column::Sites, "sites", &["sites", "site", "site id", "site ids"]),
    (Column::Bcus, "bcus", &["bcus", "bcu"]),
    (
        Column::Direction,
        "direction",
        &["direction", "direction of travel", "travel direction"],
    ),
    (
        Column::Hours,
        "hours",
        &["hours", "active hours", "times", "active times"],
    ),
    (Column::Spare, "spare", &["spare", "spare 1", "spare 2"]),
];

/// The 16 columns in their order.
const PLAIN: [Column; PLAIN_COLUMNS] = [
    Column::Vrm,
    Column::Make,
    Column::Model,
    Column::Colour,
    Column::Action,
    Column::Markers,
    Column::Reason,
    Column::Nim,
    Column::Information,
    Column::Owner,
    Column::ExpiresAt,
    Column::Reference,
    Column::Handling,
    Column::Cad,
    Column::Spare,
    Column::Spare,
];

impl Column {
    /// Every column, in the order in which a JSON item's cells stand.
    pub(crate) const ALL: [Self; COLUMNS.len()] = {
        let mut all = [Self::Vrm; COLUMNS.len()];
        let mut index = 0;
        while index < all.len() {
            all[index] = COLUMNS[index].0;
            index += 1;
        }
        all
    };

    /// The fields that a mapping may name.
    pub(crate) fn fields() -> impl Iterator<Item = &'static str> {
        let useful = COLUMNS.iter().filter(|(column, ..)| *column != Self::Spare);
        useful.map(|(_, name, _)| *name)
    }

    /// The column of one of these names.
    pub(crate) fn of_field(field: &str) -> Option<Self> {
        Self::fields().find(|known| *known == field)?;
        COLUMNS
            .iter()
            .find(|(_, name, _)| *name == field)
            .map(|(column, ..)| *column)
    }

    /// The column that a header's name means.
    pub(crate) fn of_header(name: &str) -> Option<Self> {
        let name = words(name);
        let known = COLUMNS
            .iter()
            .find(|(_, _, names)| names.contains(&name.as_str()));
        known.map(|(column, ..)| *column)
    }

    pub(crate) fn name(self) -> &'static str {
        COLUMNS
            .iter()
            .find(|(column, ..)| *column == self)
            .map_or("", |(_, name, _)| name)
    }
}

/// What a file's rows are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Shape {
    /// The 16 columns.
    Plain,
    /// Columns that a header or a mapping names.
    Named,
    /// JSON items.
    Items,
}

/// How a file's rows are read.
#[derive(Debug)]
pub(crate) struct Layout {
    pub(crate) shape: Shape,
    pub(crate) separator: u8,
    /// The line of the header row, where there is one.
    pub(crate) header: Option<u64>,
    /// What each column means; none is left out.
    pub(crate) columns: Vec<Option<Column>>,
    pub(crate) notes: Vec<String>,
}

impl Layout {
    /// Tells the shape from the first records.
    pub(crate) fn detect(text: &[u8]) -> Result<Self, IntelligenceError> {
        let first = SEPARATORS.map(|separator| (separator, first_record(text, separator)));
        let with_header = first
            .iter()
            .filter_map(|(separator, (line, names))| {
                let known: Vec<_> = names.iter().map(|name| Column::of_header(name)).collect();
                known
                    .contains(&Some(Column::Vrm))
                    .then_some((*separator, *line, names, known))
            })
            .max_by_key(|(.., known)| known.len());
        if let Some((separator, line, names, known)) = with_header {
            return Self::with_header(separator, line, names, known);
        }
        let plain = SEPARATORS
            .into_iter()
            .map(|separator| (separator, rows_of(text, separator, PLAIN_COLUMNS)))
            .filter(|(_, rows)| *rows > 0)
            .max_by_key(|(separator, rows)| (*rows, *separator == b','));
        if let Some((separator, _)) = plain {
            let columns = PLAIN.map(Some).to_vec();
            return Ok(Self {
                separator,
                shape: Shape::Plain,
                header: None,
                columns,
                notes: Vec::new(),
            });
        }
        let widest = first.iter().max_by_key(|(_, (_, names))| names.len());
        let (line, columns) = widest.map_or((1, 0), |(_, (line, names))| (*line, names.len()));
        let guess = sample(text).guess().map(Box::new);
        Err(IntelligenceError::Layout { line, columns, guess })
    }

    /// The shape that a mapping gives to a file.
    pub(crate) fn mapped(text: &[u8], mapping: &Mapping) -> Result<Self, IntelligenceError> {
        let first = SEPARATORS.map(|separator| (separator, first_record(text, separator)));
        let placed = first.iter().filter_map(|(separator, (line, names))| {
            Some((*separator, *line, names, mapping.places(names).ok()?))
        });
        let Some((separator, line, names, columns)) = placed.max_by_key(|(_, _, names, _)| names.len())
        else {
            let widest = first.iter().max_by_key(|(_, (_, names))| names.len());
            let missing = widest.and_then(|(_, (_, names))| mapping.places(names).err());
            let key = missing.map(ToString::to_string).unwrap_or_default();
            return Err(IntelligenceError::Unmapped { key });
        };
        let left_out = columns.iter().enumerate().filter(|(_, column)| column.is_none());
        let name = |index: usize| {
            if mapping.header {
                names[index].chars().take(LONGEST_NAME).collect()
            } else {
                String::new()
            }
        };
        let notes = left_out.map(|(index, _)| {
            format!(
                "column {} {}is not in the mapping and was left out",
                index + 1,
                in_brackets(&name(index))
            )
        });
        Ok(Self {
            shape: Shape::Named,
            separator,
            header: mapping.header.then_some(line),
            notes: notes.collect(),
            columns,
        })
    }

    /// JSON items have all columns.
    pub(crate) fn of_items() -> Self {
        Self {
            shape: Shape::Items,
            separator: 0,
            header: None,
            columns: Column::ALL.map(Some).to_vec(),
            notes: vec!["the file is JSON: a line's number is its item's, counted from 1".to_owned()],
        }
    }

    fn with_header(
        separator: u8,
        line: u64,
        names: &[String],
        columns: Vec<Option<Column>>,
    ) -> Result<Self, IntelligenceError> {
        let mut notes = Vec::new();
        for (index, column) in columns.iter().enumerate() {
            let Some(column) = column else {
                let name: String = names[index].chars().take(LONGEST_NAME).collect();
                if !name.is_empty() {
                    notes.push(format!(
                        "column {} ({name}) is not known and was left out",
                        index + 1
                    ));
                }
                continue;
            };
            let earlier = columns[..index].iter().position(|other| *other == Some(*column));
            if let (Some(earlier), false) = (earlier, *column == Column::Spare) {
                let (first, second, name) = (earlier + 1, index + 1, column.name());
                return Err(IntelligenceError::DoubleColumn {
                    line,
                    name,
                    first,
                    second,
                });
            }
        }
        Ok(Self {
            shape: Shape::Named,
            separator,
            header: Some(line),
            columns,
            notes,
        })
    }

    /// Where a column stands, counted from 0.
    pub(crate) fn place(&self, column: Column) -> Option<usize> {
        self.columns.iter().position(|known| *known == Some(column))
    }
}

/// Lines around the rows that some exports write: counts, file headers and ends. No mark is written like that.
pub(crate) fn is_frame(records: &Records<'_>, columns: usize) -> bool {
    let first = records.field(0);
    let begins = |word: &str| {
        first
            .get(..word.len())
            .is_some_and(|start| start.eq_ignore_ascii_case(word.as_bytes()))
    };
    if begins("TOTAL RECORD") || begins("SEP=") {
        return true;
    }
    let words = ["HEADER", "TRAILER", "FOOTER", "END OF FILE", "EOF", "TOTAL"];
    records.fields() != columns && words.into_iter().any(begins)
}

/// The first record that is no frame, as texts, and its line.
fn first_record(text: &[u8], separator: u8) -> (u64, Vec<String>) {
    let mut records = Records::new(text, separator);
    while let Some((line, found)) = records.next(|_| true) {
        if found != Found::Record || is_frame(&records, PLAIN_COLUMNS) {
            continue;
        }
        let field = |index| String::from_utf8_lossy(records.field(index)).into_owned();
        return (line, (0..records.fields()).map(field).collect());
    }
    (1, Vec::new())
}

fn in_brackets(name: &str) -> String {
    if name.is_empty() {
        String::new()
    } else {
        format!("({name}) ")
    }
}

/// The first records, split by the separator that makes most columns of most of them.
fn sample(text: &[u8]) -> Sample {
    let split = SEPARATORS.map(|separator| {
        let mut records = Records::new(text, separator);
        let mut rows: Vec<Vec<String>> = Vec::new();
        while let Some((_, found)) = records.next(|_| true) {
            if found == Found::Record && !is_frame(&records, PLAIN_COLUMNS) {
                let field = |index| String::from_utf8_lossy(records.field(index)).into_owned();
                rows.push((0..records.fields()).map(field).collect());
            }
            if rows.len() == SAMPLE_RECORDS {
                break;
            }
        }
        rows
    });
    let columns = |rows: &Vec<Vec<String>>| {
        let width = rows.first().map_or(0, Vec::len);
        let alike = rows.iter().filter(|row| row.len() == width).count();
        if alike * 2 >= rows.len() { width } else { 0 }
    };
    let rows = split.into_iter().max_by_key(columns).unwrap_or_default();
    Sample { names: None, rows }
}

/// How many of the first records have exactly so many columns.
fn rows_of(text: &[u8], separator: u8, columns: usize) -> usize {
    let mut records = Records::new(text, separator);
    let mut rows = 0;
    for _ in 0..SAMPLE_RECORDS {
        match records.next(|fields| fields == columns) {
            None => break,
            Some((_, Found::Record)) if records.fields() == columns => rows += 1,
            Some(_) => {}
        }
    }
    rows
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, expected: Result<(char, Option<u64>, usize), &str>) {
        match (Layout::detect(text.as_bytes()), expected) {
            (Ok(layout), Ok(wanted)) => {
                assert_eq!(
                    (layout.separator as char, layout.header, layout.columns.len()),
                    wanted,
                    "{text:?}"
                );
            }
            (Err(error), Err(part)) => assert!(error.to_string().contains(part), "{error}"),
            (found, _) => panic!("{text:?}: {found:?}"),
        }
    }

    #[test]
    fn separator_and_shape_are_told_from_the_first_rows() {
        let plain = |separator: &str| ["x"; PLAIN_COLUMNS].join(separator);
        check(&plain(","), Ok((',', None, 16)));
        check(&plain(";"), Ok((';', None, 16)));
        check(&format!("a,b\n{}", plain(",")), Ok((',', None, 16)));
        check(&format!("TOTAL RECORD,1\n{}", plain("\t")), Ok(('\t', None, 16)));
        check("vrm,reason", Ok((',', Some(1), 2)));
        check("sep=;\r\n\r\nReason;VRM;Weed Date", Ok((';', Some(3), 3)));
        check("Plate Number,Description,State/Province", Ok((',', Some(1), 3)));
        check("\"Plate, Number\";Grade;Action", Ok((';', Some(1), 3)));
        check("AB12CDE\n", Err("line 1 is neither"));
        check("a,b,c", Err("3 columns"));
        check("vrm,Registration", Err("columns 1 and 2 are both vrm"));
    }

    #[test]
    fn every_name_means_one_column() {
        for (column, name, names) in COLUMNS {
            assert_eq!(Column::of_header(name), Some(column));
            for name in names {
                assert_eq!(Column::of_header(&name.to_uppercase()), Some(column), "{name}");
            }
        }
        assert_eq!(Column::of_header("Information/Action"), Some(Column::Information));
        assert_eq!(Column::of_header("Force & Area"), Some(Column::Owner));
        assert_eq!(Column::of_header("NIM 5x5x5 code"), Some(Column::Nim));
    }
}
