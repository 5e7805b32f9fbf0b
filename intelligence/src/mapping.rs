//! Which column of a file holds what, where its own names do not say so: written down by a person, or guessed and
//! approved by one.
//!
//! ```toml
//! header = true          # whether the first row names the columns; left out: it does where a column is named
//! [columns]
//! vrm = "Car Reg"        # a name of the header, or a JSON list's field
//! reason = 3             # or a number, from 1
//! ```
//!
//! A column that a mapping does not name is left out.

use std::fmt;

use serde::de::{MapAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize};
use toml::Spanned;

use crate::IntelligenceError;
use crate::layout::Column;

/// Longest mapping, in bytes: every field with a long name, and it still fits a request's line.
pub const MAX_MAPPING_BYTES: usize = 4 * 1024;

/// How a mapping names a column.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Key {
    /// Counted from 1.
    Number(usize),
    /// As the header has it.
    Name(String),
}

impl fmt::Display for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Number(number) => write!(f, "{number}"),
            Self::Name(name) => f.write_str(name),
        }
    }
}

/// Where each field that counts stands: each column once, and the mark's among them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mapping {
    pub(crate) header: bool,
    pub(crate) fields: Vec<(Column, Key)>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Said {
    header: Option<bool>,
    columns: Fields,
}

/// The table `columns` in the file's order, each part with its place for messages.
struct Fields(Vec<(Spanned<String>, Spanned<toml::Value>)>);

impl<'de> Deserialize<'de> for Fields {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Pairs;
        impl<'de> Visitor<'de> for Pairs {
            type Value = Fields;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a table of fields")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Fields, A::Error> {
                let mut pairs: Vec<(Spanned<String>, Spanned<toml::Value>)> = Vec::new();
                while let Some(pair) = map.next_entry()? {
                    pairs.push(pair);
                }
                pairs.sort_by_key(|(field, _)| field.span().start);
                Ok(Fields(pairs))
            }
        }
        deserializer.deserialize_map(Pairs)
    }
}

impl Mapping {
    /// Every field that a mapping may name.
    pub fn fields() -> impl Iterator<Item = &'static str> {
        Column::fields()
    }

    /// Reads a mapping.
    ///
    /// # Errors
    /// [`IntelligenceError::Mapping`] with line and column of what is wrong.
    pub fn parse(text: &str) -> Result<Self, IntelligenceError> {
        let at = |place: usize| Place { text, place };
        if text.len() > MAX_MAPPING_BYTES {
            return Err(at(0).fault(format!("longer than {MAX_MAPPING_BYTES} bytes")));
        }
        let said: Said = toml::from_str(text).map_err(|error| {
            let place = error.span().map_or(0, |span| span.start);
            at(place).fault(error.message())
        })?;
        let mut fields: Vec<(Column, Key)> = Vec::new();
        for (field, key) in said.columns.0 {
            let column = Column::of_field(field.get_ref()).ok_or_else(|| {
                let known: Vec<_> = Column::fields().collect();
                at(field.span().start).fault(format!("no such field; write one of {}", known.join(", ")))
            })?;
            let place = at(key.span().start);
            let key = checked(key.get_ref()).map_err(|reason| place.fault(reason))?;
            if let Some((other, _)) = fields.iter().find(|(_, known)| *known == key) {
                let reason = format!("{} is that column already: name each once", other.name());
                return Err(place.fault(reason));
            }
            fields.push((column, key));
        }
        if !fields.iter().any(|(column, _)| *column == Column::Vrm) {
            return Err(at(0).fault("no column is vrm, the registration mark"));
        }
        let named = fields.iter().any(|(_, key)| matches!(key, Key::Name(_)));
        if named && said.header == Some(false) {
            return Err(at(0).fault("header = false, and a column has a name: number it"));
        }
        let header = said.header.unwrap_or(named);
        Ok(Self { header, fields })
    }

    /// What each column of a row of these names holds; or the key that the row has not.
    pub(crate) fn places(&self, names: &[String]) -> Result<Vec<Option<Column>>, &Key> {
        let known: Vec<String> = names.iter().map(|name| words(name)).collect();
        let mut columns = vec![None; names.len()];
        for (column, key) in &self.fields {
            let place = match key {
                Key::Number(number) => Some(number - 1).filter(|place| *place < names.len()),
                Key::Name(name) => known.iter().position(|known| *known == words(name)),
            };
            // A number may be the column that another field names.
            let place = place.filter(|place| columns[*place].is_none()).ok_or(key)?;
            columns[place] = Some(*column);
        }
        Ok(columns)
    }

    /// The column that a JSON list's field is.
    pub(crate) fn of_name(&self, name: &str) -> Option<Column> {
        let is = |key: &Key| matches!(key, Key::Name(known) if words(known) == words(name));
        let known = self.fields.iter().find(|(_, key)| is(key));
        known.map(|(column, _)| *column)
    }
}

/// A place in a mapping's text, in bytes.
#[derive(Clone, Copy)]
struct Place<'a> {
    text: &'a str,
    place: usize,
}

impl Place<'_> {
    fn fault(self, reason: impl Into<String>) -> IntelligenceError {
        let before = self.text.get(..self.place).unwrap_or_default();
        let line_start = before.rfind('\n').map_or(0, |end| end + 1);
        IntelligenceError::Mapping {
            line: before.matches('\n').count() + 1,
            column: before[line_start..].chars().count() + 1,
            reason: reason.into(),
        }
    }
}

/// A key that can name a column.
fn checked(key: &toml::Value) -> Result<Key, &'static str> {
    match key {
        toml::Value::Integer(number) if *number > 0 => usize::try_from(*number)
            .map(Key::Number)
            .map_err(|_| "no file has so many columns"),
        toml::Value::Integer(_) => Err("columns are counted from 1"),
        toml::Value::String(name) if words(name).is_empty() => Err("a column's name has a letter or digit"),
        toml::Value::String(name) => Ok(Key::Name(name.clone())),
        _ => Err("write a column's name in quotes, or its number from 1"),
    }
}

impl fmt::Display for Mapping {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "header = {}\n[columns]", self.header)?;
        for (column, key) in &self.fields {
            let key = match key {
                Key::Number(number) => toml::Value::from(i64::try_from(*number).unwrap_or(i64::MAX)),
                Key::Name(name) => toml::Value::from(name.as_str()),
            };
            writeln!(f, "{} = {key}", column.name())?;
        }
        Ok(())
    }
}

/// A name without case, with one blank for whatever is no letter or digit.
pub(crate) fn words(name: &str) -> String {
    let words = name
        .split(|c: char| !c.is_alphanumeric())
        .filter(|word| !word.is_empty());
    words.map(str::to_lowercase).collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, expected: Result<&[(&str, &str)], &str>) {
        let read = Mapping::parse(text).map(|mapping| {
            let fields = mapping.fields.iter();
            let pairs = fields.map(|(column, key)| (column.name(), key.to_string()));
            pairs.collect::<Vec<_>>()
        });
        match (read, expected) {
            (Ok(found), Ok(wanted)) => {
                let wanted: Vec<_> = wanted
                    .iter()
                    .map(|(field, key)| (*field, (*key).to_owned()))
                    .collect();
                assert_eq!(found, wanted, "{text}");
            }
            (Err(error), Err(part)) => assert!(error.to_string().contains(part), "{error} lacks {part}"),
            (found, _) => panic!("{text}: {found:?}"),
        }
    }

    #[test]
    fn a_mapping_names_a_column_per_field_and_its_mistake_has_a_line_and_a_column() {
        check(
            "[columns]\nvrm = \"Car Reg\"\nreason = 3",
            Ok(&[("vrm", "Car Reg"), ("reason", "3")]),
        );
        check(
            "[columns]\nvrm = 1\ncolur = \"B\"",
            Err("line 3, column 1: no such field"),
        );
        check(
            "[columns]\nvrm = 1\n  spare = 2",
            Err("line 3, column 3: no such field"),
        );
        check(
            "[columns]\nvrm = 1\nmake = 1",
            Err("line 3, column 8: vrm is that column already"),
        );
        check(
            "[columns]\nvrm = 1\nvrm = 2",
            Err("line 3, column 1: duplicate key"),
        );
        check("[columns]\nmake = 1", Err("no column is vrm"));
        check(
            "[columns]\nvrm = 0",
            Err("line 2, column 7: columns are counted from 1"),
        );
        check(
            "[columns]\nvrm = -1",
            Err("line 2, column 7: columns are counted from 1"),
        );
        check(
            "[columns]\nvrm = true",
            Err("line 2, column 7: write a column's name in quotes"),
        );
        check("[columns]\nvrm = \"-\"", Err("line 2, column 7: a column's name"));
        check(
            "headers = true\n[columns]\nvrm = 1",
            Err("line 1, column 1: unknown field"),
        );
        check("header = false\n[columns]\nvrm = \"A\"", Err("number it"));
        check("[columns]\nvrm = ", Err("line 2"));
        check(&format!("#{}", "x".repeat(MAX_MAPPING_BYTES)), Err("longer than"));
    }

    #[test]
    fn what_a_mapping_prints_is_the_mapping() {
        for name in ["Car", "a \"b\" \\ c", "A'''\u{7}\n", "Größe"] {
            let text = format!(
                "header = true\n[columns]\nreason = 2\nvrm = {}",
                toml::Value::from(name)
            );
            let mapping = Mapping::parse(&text).unwrap();
            assert_eq!(mapping.fields[1].1, Key::Name(name.to_owned()));
            assert_eq!(
                Mapping::parse(&mapping.to_string()).unwrap(),
                mapping,
                "{mapping}"
            );
        }
    }
}
