//! JSON lists: an array of objects, or one object a line. Each is an item, counted from 1, and becomes cells as a row's.

use std::fmt;

use serde::de::{self, Deserializer, MapAccess, SeqAccess, Visitor};
use serde_json::Value;
use serde_json::value::RawValue;

use crate::IntelligenceError;
use crate::guess::Sample;
use crate::layout::{Column, SAMPLE_RECORDS};
use crate::mapping::Mapping;
use crate::row::{Cells, Fault};

/// Most fields of an item: as many as a row may have columns.
const MAX_FIELDS: usize = 256;
/// Names of unknown fields that are told.
const MAX_UNKNOWN: usize = 32;
/// Longest name of an unknown field told, in characters.
const LONGEST_NAME: usize = 32;

/// Whether a text is a JSON list by its first character: no row of a hotlist begins like that.
pub(crate) fn is_json(text: &[u8]) -> bool {
    matches!(text.trim_ascii_start().first(), Some(b'[' | b'{'))
}

/// An item as it stands in the file.
pub(crate) enum Item {
    /// Its fields in their order.
    Fields(Vec<(String, Value)>),
    /// No object of values; why.
    Wrong(String),
}

/// Hands each item to `take`, one at a time and with the byte where it begins, until it fails.
pub(crate) fn each(
    text: &[u8],
    take: &mut dyn FnMut(usize, Item) -> Result<(), IntelligenceError>,
) -> Result<(), IntelligenceError> {
    if text.trim_ascii_start().starts_with(b"[") {
        let mut failed = None;
        let mut reader = serde_json::Deserializer::from_slice(text);
        let items = Items {
            text,
            take,
            failed: &mut failed,
        };
        let read = reader.deserialize_seq(items).and_then(|()| reader.end());
        return match (failed, read) {
            (Some(error), _) => Err(error),
            (None, Err(error)) => Err(IntelligenceError::Json {
                line: error.line(),
                column: error.column(),
            }),
            (None, Ok(())) => Ok(()),
        };
    }
    let lines = text.split(|byte| *byte == b'\n').map(<[u8]>::trim_ascii);
    for line in lines.filter(|line| !line.is_empty()) {
        let wrong = |_| Item::Wrong("not a whole JSON object on a line of its own".to_owned());
        take(
            place_in(text, line),
            serde_json::from_slice(line).unwrap_or_else(wrong),
        )?;
    }
    Ok(())
}

/// The item that begins at a byte, as [`each`] told.
pub(crate) fn item_at(text: &[u8], at: usize) -> Option<Item> {
    let mut reader = serde_json::Deserializer::from_slice(text.get(at..)?);
    de::Deserialize::deserialize(&mut reader).ok()
}

/// Where a part of a text begins.
fn place_in(text: &[u8], part: &[u8]) -> usize {
    part.as_ptr().addr() - text.as_ptr().addr()
}

struct Items<'a> {
    text: &'a [u8],
    take: &'a mut dyn FnMut(usize, Item) -> Result<(), IntelligenceError>,
    failed: &'a mut Option<IntelligenceError>,
}

impl<'de> Visitor<'de> for Items<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an array of objects")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<(), A::Error> {
        while let Some(raw) = items.next_element::<&RawValue>()? {
            let wrong = |_| Item::Wrong("a number is too large, or it is nested too deeply".to_owned());
            let item = serde_json::from_str(raw.get()).unwrap_or_else(wrong);
            let at = place_in(self.text, raw.get().as_bytes());
            if let Err(error) = (self.take)(at, item) {
                *self.failed = Some(error);
                return Err(de::Error::custom("stopped"));
            }
        }
        Ok(())
    }
}

impl<'de> de::Deserialize<'de> for Item {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(OneItem)
    }
}

struct OneItem;

/// What an item that is no object is told.
const NO_OBJECT: &str = "not an object: an item is {\"vrm\": ..., \"reason\": ...}";

impl<'de> Visitor<'de> for OneItem {
    type Value = Item;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Item, A::Error> {
        let mut fields = Vec::new();
        let mut many = false;
        while let Some(field) = map.next_entry()? {
            many |= fields.len() == MAX_FIELDS;
            if !many {
                fields.push(field);
            }
        }
        Ok(if many {
            Item::Wrong("far too many fields: is this the right file?".to_owned())
        } else {
            Item::Fields(fields)
        })
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Item, A::Error> {
        while items.next_element::<de::IgnoredAny>()?.is_some() {}
        Ok(Item::Wrong(NO_OBJECT.to_owned()))
    }

    fn visit_str<E>(self, _: &str) -> Result<Item, E> {
        Ok(Item::Wrong(NO_OBJECT.to_owned()))
    }

    fn visit_bool<E>(self, _: bool) -> Result<Item, E> {
        Ok(Item::Wrong(NO_OBJECT.to_owned()))
    }

    fn visit_i64<E>(self, _: i64) -> Result<Item, E> {
        Ok(Item::Wrong(NO_OBJECT.to_owned()))
    }

    fn visit_u64<E>(self, _: u64) -> Result<Item, E> {
        Ok(Item::Wrong(NO_OBJECT.to_owned()))
    }

    fn visit_f64<E>(self, _: f64) -> Result<Item, E> {
        Ok(Item::Wrong(NO_OBJECT.to_owned()))
    }

    fn visit_unit<E>(self) -> Result<Item, E> {
        Ok(Item::Wrong(NO_OBJECT.to_owned()))
    }
}

/// An item's cells, in the order of all columns.
pub(crate) struct ItemCells(Vec<String>);

impl Cells for ItemCells {
    fn fields(&self) -> usize {
        self.0.len()
    }

    fn field(&self, index: usize) -> &[u8] {
        self.0.get(index).map_or(b"", |text| text.trim().as_bytes())
    }
}

/// Which field of an item is which column, and the fields that are none.
pub(crate) struct Fields<'a> {
    mapping: Option<&'a Mapping>,
    unknown: Vec<String>,
}

impl<'a> Fields<'a> {
    pub(crate) fn new(mapping: Option<&'a Mapping>) -> Self {
        let unknown = Vec::new();
        Self { mapping, unknown }
    }

    fn column(&self, name: &str) -> Option<Column> {
        match self.mapping {
            Some(mapping) => mapping.of_name(name),
            None => Column::of_header(name),
        }
    }

    /// The cells of an item; a field that no cell can be is a fault.
    pub(crate) fn cells(&mut self, fields: Vec<(String, Value)>, faults: &mut Vec<Fault>) -> ItemCells {
        let mut cells: Vec<Option<String>> = vec![None; Column::ALL.len()];
        for (name, value) in fields {
            let Some(column) = self.column(&name) else {
                let name: String = name.chars().take(LONGEST_NAME).collect();
                if self.unknown.len() < MAX_UNKNOWN && !self.unknown.contains(&name) {
                    self.unknown.push(name);
                }
                continue;
            };
            let Some(place) = Column::ALL.iter().position(|known| *known == column) else {
                continue;
            };
            if column != Column::Spare && cells[place].is_some() {
                faults.push((
                    Some(place),
                    "two fields of the item are this one: keep one".to_owned(),
                ));
            }
            match cell(value) {
                Ok(text) => cells[place] = Some(text),
                Err(reason) => faults.push((Some(place), reason.to_owned())),
            }
        }
        ItemCells(cells.into_iter().map(Option::unwrap_or_default).collect())
    }

    /// What is told about fields that were left out.
    pub(crate) fn notes(self) -> impl Iterator<Item = String> {
        let note = |name| format!("field {name} is not known and was left out");
        self.unknown.into_iter().map(note)
    }
}

fn cell(value: Value) -> Result<String, &'static str> {
    match value {
        Value::Null => Ok(String::new()),
        Value::String(text) => Ok(text),
        Value::Number(number) => Ok(number.to_string()),
        Value::Array(parts) => {
            let parts: Result<Vec<String>, _> = parts.into_iter().map(plain).collect();
            parts.map(|parts| parts.join(" "))
        }
        Value::Bool(_) | Value::Object(_) => Err("write a text, a number, or an array of them"),
    }
}

fn plain(value: Value) -> Result<String, &'static str> {
    match value {
        Value::String(text) => Ok(text),
        Value::Number(number) => Ok(number.to_string()),
        _ => Err("an array holds texts or numbers alone"),
    }
}

/// The first items, where none of them has a mark under a name that is known.
pub(crate) fn unknown_shape(text: &[u8]) -> Option<Sample> {
    let mut names: Vec<String> = Vec::new();
    let mut items = Vec::new();
    // A file that is broken further on is told so when it is read.
    let _ = each(text, &mut |_, item| {
        if let Item::Fields(fields) = item {
            for (name, _) in &fields {
                if names.len() < MAX_FIELDS && !names.contains(name) {
                    names.push(name.clone());
                }
            }
            items.push(fields);
        }
        // Any error ends the reading.
        if items.len() == SAMPLE_RECORDS {
            Err(IntelligenceError::NoRows)
        } else {
            Ok(())
        }
    });
    if items.is_empty()
        || names
            .iter()
            .any(|name| Column::of_header(name) == Some(Column::Vrm))
    {
        return None;
    }
    let text = |fields: &Vec<(String, Value)>, name: &String| {
        let value = fields.iter().find(|(known, _)| known == name);
        value
            .and_then(|(_, value)| cell(value.clone()).ok())
            .unwrap_or_default()
    };
    let row = |fields: &Vec<(String, Value)>| names.iter().map(|name| text(fields, name)).collect();
    let rows = items.iter().map(row).collect();
    Some(Sample {
        names: Some(names),
        rows,
    })
}
