//! A guess at what the columns of an unknown file hold, for a person to approve: nothing is loaded by it.

use std::collections::BTreeMap;

use domain::Vrm;
use domain::syntax::uk_form;
use serde::{Deserialize, Serialize};

use crate::cells;
use crate::layout::Column;
use crate::mapping::{Key, Mapping, words};

/// Words in a column's name, and what the column then may hold; the first that is free counts.
const WORDS: [(Column, &[&str]); 15] = [
    (
        Column::Vrm,
        &[
            "vrm",
            "vrn",
            "plate",
            "plates",
            "registration",
            "reg",
            "licence",
            "license",
            "tag",
        ],
    ),
    (Column::Grade, &["grade", "priority", "severity"]),
    (Column::Action, &["action", "response", "instruction"]),
    (
        Column::Markers,
        &["marker", "markers", "warning", "warnings", "signal", "signals"],
    ),
    (
        Column::Reason,
        &["reason", "offence", "crime", "why", "description"],
    ),
    (
        Column::Information,
        &[
            "information",
            "info",
            "note",
            "notes",
            "comment",
            "comments",
            "remarks",
            "details",
        ],
    ),
    (Column::Make, &["make", "manufacturer", "brand"]),
    (Column::Model, &["model"]),
    (Column::Colour, &["colour", "color"]),
    (
        Column::Owner,
        &["owner", "force", "unit", "agency", "department", "originator"],
    ),
    (Column::ExpiresAt, &["expires", "expiry", "weed", "until"]),
    (Column::Reference, &["reference", "ref", "id", "case"]),
    (Column::Region, &["region", "state", "province", "country"]),
    (Column::Direction, &["direction"]),
    (Column::Sites, &["site", "sites"]),
];
/// What cells may look like, what their column then holds, and how that is told.
type Kind = (Column, fn(&str) -> bool, &'static str);
const KINDS: [Kind; 3] = [
    (
        Column::Action,
        |text| cells::action(text).is_ok(),
        "its cells look like actions",
    ),
    (
        Column::Markers,
        |text| cells::markers(text).is_ok(),
        "its cells look like warning markers",
    ),
    (
        Column::Reason,
        |text| text.contains(' ') && text.len() > 8,
        "its cells look like sentences",
    ),
];
/// Share of a column's cells, in per cent, that must look like a kind to count as it.
const ALIKE_PERCENT: usize = 80;
/// Longest name shown, in characters.
const LONGEST_NAME: usize = 64;

/// What the columns seem to hold.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Guess {
    /// The mapping as a file, TOML: to be looked at, mended and handed back.
    pub mapping: String,
    /// The first row seems to name the columns.
    pub header: bool,
    /// Every column of the file.
    pub columns: Vec<GuessedColumn>,
}

/// A column, and what it seems to hold.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct GuessedColumn {
    /// From 1.
    pub number: usize,
    /// As the header row has it; empty where there is none.
    pub name: String,
    /// How a mapping names it.
    pub key: Key,
    /// Our name of what it holds; none where it would be left out.
    pub field: Option<String>,
    /// What tells so.
    pub because: String,
}

/// The beginning of a file.
pub(crate) struct Sample {
    /// The columns' names, where the file must have them, as JSON has; else the first row may be names.
    pub(crate) names: Option<Vec<String>>,
    pub(crate) rows: Vec<Vec<String>>,
}

impl Sample {
    /// Guesses; none where no column seems to hold marks.
    pub(crate) fn guess(self) -> Option<Guess> {
        let (names, rows) = self.with_names();
        let width = names
            .as_ref()
            .map_or_else(|| rows.first().map_or(0, Vec::len), Vec::len);
        let mut found: BTreeMap<usize, (Column, &'static str)> = BTreeMap::new();
        let marks = (0..width).find(|place| looks(&rows, *place, is_mark));
        if let Some(place) = marks {
            found.insert(place, (Column::Vrm, "its cells look like UK marks"));
        }
        let free =
            |found: &BTreeMap<usize, (Column, _)>, column| !found.values().any(|(known, _)| *known == column);
        for (place, name) in names.iter().flatten().enumerate() {
            let guess = Column::of_header(name).or_else(|| by_word(name));
            if let Some(column) = guess.filter(|column| free(&found, *column) && *column != Column::Spare) {
                found.entry(place).or_insert((column, "its name"));
            }
        }
        for place in 0..width {
            for (column, like, because) in KINDS {
                if free(&found, column) && !found.contains_key(&place) && looks(&rows, place, like) {
                    found.insert(place, (column, because));
                }
            }
        }
        if free(&found, Column::Vrm) {
            return None;
        }
        Some(written(names.as_deref(), width, &found))
    }

    /// Tells whether the first row is names: a list of marks has a mark in each row but such a one.
    fn with_names(mut self) -> (Option<Vec<String>>, Vec<Vec<String>>) {
        if self.names.is_some() || self.rows.is_empty() {
            return (self.names, self.rows);
        }
        if self.rows[0].iter().any(|cell| is_mark(cell)) {
            return (None, self.rows);
        }
        let names = self.rows.remove(0);
        (Some(names), self.rows)
    }
}

fn is_mark(text: &str) -> bool {
    Vrm::parse(text).is_ok_and(|vrm| uk_form(vrm.as_str().as_bytes()).is_some())
}

fn looks(rows: &[Vec<String>], place: usize, like: impl Fn(&str) -> bool) -> bool {
    let cells = rows
        .iter()
        .filter_map(|row| row.get(place))
        .filter(|cell| !cell.is_empty());
    let (mut all, mut alike) = (0, 0);
    for cell in cells {
        all += 1;
        alike += usize::from(like(cell));
    }
    all > 0 && alike * 100 >= all * ALIKE_PERCENT
}

fn by_word(name: &str) -> Option<Column> {
    let name = words(name);
    let has = |known: &[&str]| name.split(' ').any(|word| known.contains(&word));
    WORDS
        .iter()
        .find(|(_, known)| has(known))
        .map(|(column, _)| *column)
}

fn written(names: Option<&[String]>, width: usize, found: &BTreeMap<usize, (Column, &'static str)>) -> Guess {
    let name = |place: usize| names.map_or("", |names| names[place].as_str());
    // A name that stands there twice, or says nothing, does not name its column.
    let alone = |place: usize| {
        let said = words(name(place));
        !said.is_empty() && (0..width).all(|other| other == place || words(name(other)) != said)
    };
    let key = |place: usize| {
        if alone(place) {
            Key::Name(name(place).to_owned())
        } else {
            Key::Number(place + 1)
        }
    };
    let mapping = Mapping {
        header: names.is_some(),
        fields: found
            .iter()
            .map(|(place, (column, _))| (*column, key(*place)))
            .collect(),
    };
    let column = |place: usize| GuessedColumn {
        number: place + 1,
        name: name(place).chars().take(LONGEST_NAME).collect(),
        key: key(place),
        field: found.get(&place).map(|(column, _)| column.name().to_owned()),
        because: found
            .get(&place)
            .map_or("nothing tells what it holds", |(_, because)| because)
            .to_owned(),
    };
    Guess {
        mapping: mapping.to_string(),
        header: mapping.header,
        columns: (0..width).map(column).collect(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(rows: &[&[&str]], expected: Option<&str>) {
        let rows = rows
            .iter()
            .map(|row| row.iter().map(ToString::to_string).collect())
            .collect();
        let guess = Sample { names: None, rows }.guess();
        assert_eq!(guess.map(|guess| guess.mapping).as_deref(), expected);
    }

    #[test]
    fn columns_are_guessed_from_names_and_from_what_the_cells_look_like() {
        check(
            &[
                &["Car", "Crime type", "Paint colour"],
                &["AB12 CDE", "theft", "red"],
            ],
            Some(
                "header = true\n[columns]\nvrm = \"Car\"\nreason = \"Crime type\"\ncolour = \"Paint colour\"\n",
            ),
        );
        check(
            &[
                &["1", "AB12CDE", "STOP", "seen at the docks", "FI"],
                &["2", "CD34EFG", "observe", "taken on Monday", "VI/DR"],
            ],
            Some("header = false\n[columns]\nvrm = 2\naction = 3\nreason = 4\nmarkers = 5\n"),
        );
        check(
            &[&["Veh plate", "x", "x"], &["D-1234", "seen at the docks", ""]],
            Some("header = true\n[columns]\nvrm = \"Veh plate\"\nreason = 2\n"),
        );
        check(&[&["a", "b"], &["c", "d"]], None);
        check(&[], None);
    }
}
