//! A list as a file for others: the 16 columns, zipped, as [`crate::parse()`] reads it again.
//!
//! What the 16 columns cannot hold does not leave: grade, reason code, when an entry was listed, and where and when it is looked for.

use std::io::{self, Seek, Write};

use domain::hotlist::{Action, Entry, Marker};
use domain::{ListName, Timestamp};
use jiff::SignedDuration;
use jiff::tz::TimeZone;
use zip::ZipWriter;
use zip::write::SimpleFileOptions;

use crate::cells;

/// What ends a row; between its columns stands a comma.
const END: &str = "\r\n";
/// The columns behind the marking: CAD information and two spares.
const EMPTY: usize = 3;

/// A list on its way into an archive, entry by entry: however long it is, a few kilobytes are in memory.
pub struct ListExport<W: Write + Seek> {
    zip: ZipWriter<W>,
    zone: TimeZone,
    row: String,
}

impl<W: Write + Seek> ListExport<W> {
    /// Begins the archive of a force's list. Weed dates are written in its zone.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn new(to: W, force: &str, list: &ListName, zone: TimeZone) -> io::Result<Self> {
        let mut zip = ZipWriter::new(to);
        // It may be larger than 4 GB: nobody knows before it is written.
        let options = SimpleFileOptions::default().large_file(true);
        zip.start_file(format!("{}_{list}_R.dat", source_id(force)), options)?;
        Ok(Self {
            zip,
            zone,
            row: String::new(),
        })
    }

    /// Adds an entry.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn add(&mut self, entry: &Entry) -> io::Result<()> {
        self.row.clear();
        write_row(&mut self.row, entry, &self.zone);
        self.zip.write_all(self.row.as_bytes())
    }

    /// Ends the archive.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn finish(self) -> io::Result<W> {
        Ok(self.zip.finish()?)
    }
}

/// A force's name as a file's name has it: what stands before the first underscore there.
#[must_use]
pub fn source_id(force: &str) -> String {
    let kept = |letter: char| {
        if letter.is_ascii_alphanumeric() {
            letter
        } else {
            '-'
        }
    };
    force.chars().map(kept).collect()
}

fn write_row(row: &mut String, entry: &Entry, zone: &TimeZone) {
    let codes: Vec<&str> = entry
        .markers
        .iter()
        .map(|marker: &Marker| marker.code())
        .collect();
    let weed_date = entry
        .expires_at
        .map_or_else(String::new, |at| weed_date(at, zone));
    let cells = [
        entry.target.as_str(),
        &entry.make,
        &entry.model,
        &entry.colour,
        action_word(entry.action),
        &codes.join(" "),
        &entry.reason,
        // The NIM code that a file came with stands in the information.
        "",
        &entry.information,
        &entry.owner,
        &weed_date,
        &entry.reference,
        &entry.handling,
    ];
    for cell in cells {
        write_cell(row, cell);
        row.push(',');
    }
    row.push_str(&",".repeat(EMPTY - 1));
    row.push_str(END);
}

/// In quotes wherever it might be read as more than one.
fn write_cell(row: &mut String, cell: &str) {
    let plain =
        |letter: char| letter.is_alphanumeric() || matches!(letter, ' ' | '/' | ':' | '-' | '.' | '?' | '*');
    if cell.chars().all(plain) {
        row.push_str(cell);
    } else {
        row.push('"');
        row.push_str(&cell.replace('"', "\"\""));
        row.push('"');
    }
}

fn action_word(action: Action) -> &'static str {
    match action {
        Action::Stop => "STOP",
        Action::Observe => "OBSERVE",
        Action::Silent => "SILENT",
        Action::Intelligence => "INTELLIGENCE",
    }
}

/// The shortest way to write an instant, to the second, that is read again as the same: the last day, a time of day, or, in the hour
/// that comes twice in autumn, the instant itself. What others write has no parts of a second.
fn weed_date(at: Timestamp, zone: &TimeZone) -> String {
    let at = Timestamp::from_second(at.as_second()).unwrap_or(at);
    let local = |at: Timestamp| at.to_zoned(zone.clone());
    let last_day = at
        .checked_sub(SignedDuration::from_nanos(1))
        .map(|at| local(at).strftime("%d/%m/%Y").to_string());
    let time = local(at).strftime("%d/%m/%Y %H:%M:%S").to_string();
    let ways = last_day.into_iter().chain([time]);
    let same = |text: &String| cells::expiry(text, zone) == Ok(Some(at));
    ways.into_iter().find(same).unwrap_or_else(|| at.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_weed_date_is_read_again_as_the_same_instant() {
        let zone = TimeZone::get("Europe/London").unwrap();
        for (instant, expected) in [
            ("2027-01-01T00:00:00Z", "31/12/2026"),
            ("2026-06-30T23:00:00Z", "30/06/2026"),
            ("2026-06-30T13:30:00Z", "30/06/2026 14:30:00"),
            ("2026-10-25T00:30:00Z", "25/10/2026 01:30:00"),
            // The clock shows the same half hour a second time.
            ("2026-10-25T01:30:00Z", "2026-10-25T01:30:00Z"),
        ] {
            let at: Timestamp = instant.parse().unwrap();
            let written = weed_date(at, &zone);
            assert_eq!(written, expected);
            assert_eq!(cells::expiry(&written, &zone), Ok(Some(at)));
            let later = at + SignedDuration::from_millis(250);
            assert_eq!(weed_date(later, &zone), expected, "to the second");
        }
    }

    #[test]
    fn a_force_is_named_without_underscores() {
        assert_eq!(source_id("St_Helens & Wirral"), "St-Helens---Wirral");
    }
}
