//! JSON as devices write it: numbers as text, text as numbers, null for missing.
//!
//! Fields are read into [`Scalar`] and [`Items`], so that an error names the field and never quotes its value.

use std::borrow::Cow;
use std::fmt;
use std::marker::PhantomData;

use serde::de::{self, Deserialize, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};

use crate::message::DecodeError;

/// Reads a JSON text.
///
/// # Errors
/// With line and column.
pub fn parse<'a, T: Deserialize<'a>>(text: &'a str) -> Result<T, DecodeError> {
    serde_json::from_str(text).map_err(|error| syntax(&error))
}

/// What serde says, without quoting values.
pub fn syntax(error: &serde_json::Error) -> DecodeError {
    let whole = error.to_string();
    let reason = match error.classify() {
        // Messages about types quote the value found.
        serde_json::error::Category::Data => {
            Cow::Borrowed("a value here has another shape than the format has")
        }
        _ => Cow::Owned(whole.split(" at line ").next().unwrap_or_default().to_owned()),
    };
    DecodeError::Syntax {
        what: "JSON",
        reason,
        line: error.line(),
        column: error.column(),
    }
}

/// A text, number or truth value.
#[derive(Clone, Debug, Default, PartialEq)]
pub enum Scalar<'a> {
    /// Absent or null.
    #[default]
    Missing,
    /// Text.
    Text(Cow<'a, str>),
    /// A number.
    Number(f64),
    /// A truth value.
    Flag(bool),
    /// A list or an object.
    Other,
}

impl Scalar<'_> {
    /// The text; a number is written out. None where missing or blank.
    ///
    /// # Errors
    /// When it is something else, naming the field.
    pub fn text(&self, field: &'static str) -> Result<Option<String>, DecodeError> {
        match self {
            Self::Missing => Ok(None),
            Self::Text(text) if text.trim().is_empty() => Ok(None),
            Self::Text(text) => Ok(Some(text.trim().to_owned())),
            Self::Number(number) => Ok(Some(number.to_string())),
            Self::Flag(_) | Self::Other => Err(DecodeError::field(field, "must be text")),
        }
    }

    /// The number, also where it is written as text. None where missing or blank.
    ///
    /// # Errors
    /// When it is something else, naming the field.
    pub fn number(&self, field: &'static str) -> Result<Option<f64>, DecodeError> {
        match self {
            Self::Missing => Ok(None),
            Self::Number(number) => Ok(Some(*number)),
            Self::Text(text) if text.trim().is_empty() => Ok(None),
            Self::Text(text) => match text.trim().parse() {
                Ok(number) => Ok(Some(number)),
                Err(_) => Err(DecodeError::field(field, "must be a number")),
            },
            Self::Flag(_) | Self::Other => Err(DecodeError::field(field, "must be a number")),
        }
    }

    /// The truth value, also where it is written as text; missing is false.
    ///
    /// # Errors
    /// When it is something else, naming the field.
    pub fn flag(&self, field: &'static str) -> Result<bool, DecodeError> {
        match self {
            Self::Missing => Ok(false),
            Self::Flag(flag) => Ok(*flag),
            Self::Text(text) if text.eq_ignore_ascii_case("true") => Ok(true),
            Self::Text(text) if text.eq_ignore_ascii_case("false") => Ok(false),
            _ => Err(DecodeError::field(field, "must be true or false")),
        }
    }
}

struct ScalarVisitor;

impl<'de> Visitor<'de> for ScalarVisitor {
    type Value = Scalar<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a value")
    }
    fn visit_unit<E: de::Error>(self) -> Result<Self::Value, E> {
        Ok(Scalar::Missing)
    }
    fn visit_bool<E: de::Error>(self, flag: bool) -> Result<Self::Value, E> {
        Ok(Scalar::Flag(flag))
    }
    fn visit_i64<E: de::Error>(self, number: i64) -> Result<Self::Value, E> {
        Ok(Scalar::Number(number as f64))
    }
    fn visit_u64<E: de::Error>(self, number: u64) -> Result<Self::Value, E> {
        Ok(Scalar::Number(number as f64))
    }
    fn visit_f64<E: de::Error>(self, number: f64) -> Result<Self::Value, E> {
        Ok(Scalar::Number(number))
    }
    fn visit_borrowed_str<E: de::Error>(self, text: &'de str) -> Result<Self::Value, E> {
        Ok(Scalar::Text(Cow::Borrowed(text)))
    }
    fn visit_str<E: de::Error>(self, text: &str) -> Result<Self::Value, E> {
        Ok(Scalar::Text(Cow::Owned(text.to_owned())))
    }
    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Self::Value, A::Error> {
        while list.next_element::<IgnoredAny>()?.is_some() {}
        Ok(Scalar::Other)
    }
    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        while map.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
        Ok(Scalar::Other)
    }
}

impl<'de: 'a, 'a> Deserialize<'de> for Scalar<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(ScalarVisitor)
    }
}

/// A list.
#[derive(Clone, Debug, Default, PartialEq)]
pub enum Items<T> {
    /// Absent or null.
    #[default]
    Missing,
    /// A list.
    List(Vec<T>),
    /// Something else.
    Other,
}

impl<T> Items<T> {
    /// The list; missing is the empty one.
    ///
    /// # Errors
    /// When it is something else, naming the field.
    pub fn list(self, field: &'static str) -> Result<Vec<T>, DecodeError> {
        match self {
            Self::Missing => Ok(Vec::new()),
            Self::List(list) => Ok(list),
            Self::Other => Err(DecodeError::field(field, "must be a list")),
        }
    }
}

struct ItemsVisitor<T>(PhantomData<T>);

impl<'de, T: Deserialize<'de>> Visitor<'de> for ItemsVisitor<T> {
    type Value = Items<T>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a list")
    }
    fn visit_unit<E: de::Error>(self) -> Result<Self::Value, E> {
        Ok(Items::Missing)
    }
    fn visit_bool<E: de::Error>(self, _: bool) -> Result<Self::Value, E> {
        Ok(Items::Other)
    }
    fn visit_i64<E: de::Error>(self, _: i64) -> Result<Self::Value, E> {
        Ok(Items::Other)
    }
    fn visit_u64<E: de::Error>(self, _: u64) -> Result<Self::Value, E> {
        Ok(Items::Other)
    }
    fn visit_f64<E: de::Error>(self, _: f64) -> Result<Self::Value, E> {
        Ok(Items::Other)
    }
    fn visit_str<E: de::Error>(self, _: &str) -> Result<Self::Value, E> {
        Ok(Items::Other)
    }
    fn visit_seq<A: SeqAccess<'de>>(self, mut sequence: A) -> Result<Self::Value, A::Error> {
        let mut list = Vec::new();
        while let Some(item) = sequence.next_element()? {
            list.push(item);
        }
        Ok(Items::List(list))
    }
    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        while map.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
        Ok(Items::Other)
    }
}

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Items<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(ItemsVisitor(PhantomData))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_error_names_the_place_and_never_quotes_a_value() {
        let broken = parse::<Vec<Scalar<'_>>>("[1,\n 2,").unwrap_err().to_string();
        assert!(broken.contains("line 2"), "{broken}");
        let shape = parse::<Vec<Vec<u8>>>("[\"AB12CDE\"]").unwrap_err().to_string();
        assert!(!shape.contains("AB12"), "{shape}");
    }

    #[test]
    fn numbers_come_as_text_too() {
        let list: Vec<Scalar<'_>> = parse(r#"["0.5", 0.5, null, "", [1], {"a":1}, true, "x"]"#).unwrap();
        let numbers: Vec<_> = list.iter().map(|scalar| scalar.number("f").ok()).collect();
        let half = Some(Some(0.5));
        assert_eq!(
            numbers,
            [half, half, Some(None), Some(None), None, None, None, None]
        );
    }
}
