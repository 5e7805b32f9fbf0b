//! One entry, as a person writes it down: read by the same rules as a row of a file.

use domain::{ListName, Timestamp};
use jiff::tz::TimeZone;
use serde::{Deserialize, Serialize};

use crate::{IntelligenceError, Options, Parsed, parse_with};

/// An entry's columns as texts, under the names that a header row has.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct EntrySaid {
    /// The mark or pattern.
    pub vrm: String,
    /// 1 to 4.
    pub grade: String,
    /// `stop`, `observe`, `silent` or `intelligence`.
    pub action: String,
    /// Why the vehicle is looked for, as a code such as `STOLEN`.
    pub reason_code: String,
    /// Why, in words.
    pub reason: String,
    /// The unit that answers for the entry.
    pub owner: String,
    /// The weed date.
    pub expires_at: String,
    /// Codes of markers.
    #[serde(default)]
    pub markers: String,
    /// What an officer should know.
    #[serde(default)]
    pub information: String,
    /// Manufacturer.
    #[serde(default)]
    pub make: String,
    /// Model.
    #[serde(default)]
    pub model: String,
    /// Colour.
    #[serde(default)]
    pub colour: String,
    /// The owner's own number.
    #[serde(default)]
    pub reference: String,
    /// How it may be passed on.
    #[serde(default)]
    pub handling: String,
    /// Ids of sites.
    #[serde(default)]
    pub sites: String,
    /// Codes of BCUs.
    #[serde(default)]
    pub bcus: String,
    /// Direction of travel.
    #[serde(default)]
    pub direction: String,
    /// Hours of the day.
    #[serde(default)]
    pub hours: String,
}

impl EntrySaid {
    fn columns(&self) -> [(&'static str, &str); 18] {
        [
            ("vrm", &self.vrm),
            ("grade", &self.grade),
            ("action", &self.action),
            ("reason_code", &self.reason_code),
            ("reason", &self.reason),
            ("owner", &self.owner),
            ("expires_at", &self.expires_at),
            ("markers", &self.markers),
            ("information", &self.information),
            ("make", &self.make),
            ("model", &self.model),
            ("colour", &self.colour),
            ("reference", &self.reference),
            ("handling", &self.handling),
            ("sites", &self.sites),
            ("bcus", &self.bcus),
            ("direction", &self.direction),
            ("hours", &self.hours),
        ]
    }

    /// The first column that a person must fill in and did not: whoever writes a single entry answers for all of it.
    #[must_use]
    pub fn missing(&self) -> Option<&'static str> {
        const MANDATORY: usize = 7;
        let columns = self.columns();
        let empty = columns[..MANDATORY]
            .iter()
            .find(|(_, text)| text.trim().is_empty());
        empty.map(|(name, _)| *name)
    }
}

/// Reads one entry as the only row of a file would be.
///
/// # Errors
/// As [`parse_with`]; what is wrong with a column is in [`Parsed::faults`].
pub fn parse_entry(
    list: &ListName,
    said: &EntrySaid,
    options: &Options,
    now: Timestamp,
    zone: &TimeZone,
) -> Result<Parsed, IntelligenceError> {
    let quoted = |text: &str| format!("\"{}\"", text.replace('"', "\"\"").replace(['\r', '\n'], " "));
    let columns = said.columns();
    let names: Vec<&str> = columns.iter().map(|(name, _)| *name).collect();
    let texts: Vec<String> = columns.iter().map(|(_, text)| quoted(text)).collect();
    let file = format!("{}\n{}\n", names.join(","), texts.join(","));
    parse_with(list, file.as_bytes(), options, now, zone)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said() -> EntrySaid {
        EntrySaid {
            vrm: "ab12 cde".to_owned(),
            grade: "2".to_owned(),
            action: "observe".to_owned(),
            reason_code: "drugs".to_owned(),
            reason: "seen near \"the docks\", twice".to_owned(),
            owner: "FIB".to_owned(),
            expires_at: "31/12/2026".to_owned(),
            ..EntrySaid::default()
        }
    }

    #[test]
    fn what_a_person_writes_is_read_like_a_row_and_its_fault_names_the_column() {
        let now: Timestamp = "2026-11-24T12:00:00Z".parse().unwrap();
        let list = ListName::parse("wanted").unwrap();
        let read =
            |said: &EntrySaid| parse_entry(&list, said, &Options::default(), now, &TimeZone::UTC).unwrap();
        let parsed = read(&said());
        assert_eq!(parsed.faults, []);
        assert_eq!(parsed.entries[0].reason, "seen near \"the docks\", twice");
        let wrong = EntrySaid {
            grade: "7".to_owned(),
            ..said()
        };
        assert_eq!(read(&wrong).faults[0].column, "grade (2)");
        assert_eq!(said().missing(), None);
        let silent = EntrySaid {
            owner: " ".to_owned(),
            ..said()
        };
        assert_eq!(silent.missing(), Some("owner"));
    }
}
