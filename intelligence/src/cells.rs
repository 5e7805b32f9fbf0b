//! One cell each: text in, value or reason out. A reason never quotes what may be a plate: a shifted column puts
//! plates anywhere.

use std::collections::BTreeSet;

use domain::hotlist::{Action, Marker};
use domain::reason::ReasonCode;
use domain::scope::{MAX_BCUS, MAX_SITES};
use domain::{BcuCode, SiteId, Timestamp};
use jiff::civil::{Date, Time};
use jiff::tz::TimeZone;

/// Nobody listed a vehicle for a date before this: the year was cut to two digits, or the column is another.
const FIRST_YEAR: i16 = 2000;
/// What lists write for "never".
const NEVER: &str = "9999";
const LAST_YEAR: i16 = 9999;
/// Longest text taken for a marker code when an unknown one is named: no UK plate is so short without a digit.
const LONGEST_CODE: usize = 3;

const DATES: [&str; 5] = ["%Y-%m-%d", "%d/%m/%Y", "%d-%m-%Y", "%d.%m.%Y", "%Y%m%d"];
const TIMES: [&str; 4] = ["%H:%M:%S", "%H:%M", "%H%M%S", "%H%M"];

/// What may stand between the parts of a cell that holds several.
const BETWEEN: [char; 6] = [' ', ',', '/', ';', '|', '\n'];

/// `STOP`, `OBSERVE`, `SILENT`, `INTELLIGENCE`, in any case.
pub(crate) fn action(text: &str) -> Result<Action, String> {
    const KNOWN: [(&str, Action); 5] = [
        ("STOP", Action::Stop),
        ("OBSERVE", Action::Observe),
        ("SILENT", Action::Silent),
        ("INTELLIGENCE", Action::Intelligence),
        ("INTEL", Action::Intelligence),
    ];
    KNOWN
        .iter()
        .find(|(word, _)| word.eq_ignore_ascii_case(text))
        .map(|(_, action)| *action)
        .ok_or_else(|| "not an action: write STOP, OBSERVE, SILENT or INTELLIGENCE".to_owned())
}

/// A reason code such as `STOLEN`, in any case.
pub(crate) fn reason_code(text: &str) -> Result<ReasonCode, String> {
    ReasonCode::from_code(text)
        .ok_or_else(|| "not a reason code: docs/hotlists.md lists them, OTHER is one".to_owned())
}

/// Marker codes with blanks, commas, slashes or semicolons between; sorted, each once.
pub(crate) fn markers(text: &str) -> Result<Vec<Marker>, String> {
    let codes = text.split(BETWEEN).filter(|code| !code.is_empty());
    let mut markers = Vec::new();
    for (index, code) in codes.enumerate() {
        let Some(marker) = Marker::from_code(code) else {
            let is_code = code.len() <= LONGEST_CODE && code.bytes().all(|byte| byte.is_ascii_alphabetic());
            let number = index + 1;
            let named = if is_code {
                code.to_ascii_uppercase()
            } else {
                format!("number {number}")
            };
            return Err(format!(
                "marker {named} is not known: docs/hotlists.md lists the codes"
            ));
        };
        markers.push(marker);
    }
    markers.sort_unstable();
    markers.dedup();
    Ok(markers)
}

/// Ids of sites with blanks, commas, slashes or semicolons between, each once; all of them `known`, where that is known.
pub(crate) fn sites(text: &str, known: Option<&BTreeSet<SiteId>>) -> Result<Vec<SiteId>, String> {
    let mut sites = BTreeSet::new();
    let ids = text.split(BETWEEN).filter(|id| !id.is_empty());
    for (index, id) in ids.enumerate() {
        let number = index + 1;
        let site = SiteId::parse(id).map_err(|_| format!("number {number} is no site id"))?;
        if known.is_some_and(|known| !known.contains(&site)) {
            return Err(format!(
                "number {number} is no site of this force: write the ids that its cameras have, or nothing for all sites"
            ));
        }
        sites.insert(site);
    }
    if sites.len() > MAX_SITES {
        return Err(format!("{} sites, at most {MAX_SITES} are possible", sites.len()));
    }
    Ok(sites.into_iter().collect())
}

/// Codes of BCUs, each once; all of them `known`, where that is known.
pub(crate) fn bcus(text: &str, known: Option<&BTreeSet<BcuCode>>) -> Result<Vec<BcuCode>, String> {
    let mut bcus = BTreeSet::new();
    for (index, code) in text.split(BETWEEN).filter(|code| !code.is_empty()).enumerate() {
        let number = index + 1;
        let bcu = BcuCode::parse(code).map_err(|_| format!("number {number} is no BCU code"))?;
        if known.is_some_and(|known| !known.contains(&bcu)) {
            return Err(format!(
                "number {number} is no BCU of this force: write its codes, or nothing for the whole force"
            ));
        }
        bcus.insert(bcu);
    }
    if bcus.len() > MAX_BCUS {
        return Err(format!("{} BCUs, at most {MAX_BCUS} are possible", bcus.len()));
    }
    Ok(bcus.into_iter().collect())
}

/// The instant from which an entry is no longer looked for. A date counts to the end of its day in `zone`; a time
/// without zone is the force's. The year 9999 means never.
pub(crate) fn expiry(text: &str, zone: &TimeZone) -> Result<Option<Timestamp>, String> {
    const WRONG: &str =
        "not a date: write dd/mm/yyyy, yyyy-mm-dd or yyyymmdd, with hh:mm behind it if need be";
    // An instant of that year may be past what a timestamp holds.
    if text.starts_with(NEVER) {
        return Ok(None);
    }
    if let Ok(instant) = text.parse::<Timestamp>() {
        let year = instant.to_zoned(zone.clone()).year();
        return check_year(year).map(|()| Some(instant));
    }
    let (date, time) = split_time(text);
    let date = DATES
        .iter()
        .find_map(|format| Date::strptime(format, date).ok())
        .ok_or(WRONG)?;
    if date.year() == LAST_YEAR {
        return Ok(None);
    }
    check_year(date.year())?;
    let local = match time {
        "" => date.tomorrow().map_err(|_| WRONG)?.at(0, 0, 0, 0),
        time => {
            let time = TIMES
                .iter()
                .find_map(|format| Time::strptime(format, time).ok())
                .ok_or(WRONG)?;
            date.to_datetime(time)
        }
    };
    let zoned = local.to_zoned(zone.clone()).map_err(|_| WRONG)?;
    Ok(Some(zoned.timestamp()))
}

/// A date, and the time of day behind a blank, a `T` or the eight digits of the date; empty where there is none.
fn split_time(text: &str) -> (&str, &str) {
    const DATE_DIGITS: usize = 8;
    match text.split_once([' ', 'T', 't']) {
        Some((date, time)) => (date, time.trim()),
        None if text.len() > DATE_DIGITS && text.bytes().all(|byte| byte.is_ascii_digit()) => {
            text.split_at(DATE_DIGITS)
        }
        None => (text, ""),
    }
}

fn check_year(year: i16) -> Result<(), String> {
    if year < FIRST_YEAR {
        return Err(format!(
            "before the year {FIRST_YEAR}: write the year with four digits"
        ));
    }
    Ok(())
}

/// A text of at most `longest` characters on one line.
pub(crate) fn text(bytes: &[u8], longest: usize) -> Result<String, String> {
    let text = std::str::from_utf8(bytes).map_err(|error| {
        format!(
            "byte {} is not UTF-8: save the file as UTF-8 (it looks like Windows-1252)",
            error.valid_up_to() + 1
        )
    })?;
    let plain = text.is_ascii();
    let length = if plain { text.len() } else { text.chars().count() };
    if length > longest {
        return Err(format!("{length} characters, at most {longest} are kept"));
    }
    let controlled = if plain {
        text.bytes().any(|byte| byte.is_ascii_control())
    } else {
        text.contains(char::is_control)
    };
    if !controlled {
        return Ok(text.to_owned());
    }
    let flat = text.replace("\r\n", " ").replace(['\n', '\r', '\t'], " ");
    if flat.contains(char::is_control) {
        return Err("a control character that no text has: remove it".to_owned());
    }
    Ok(flat)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn markers_are_read_with_every_separator_and_an_unknown_one_is_named() {
        let check = |text: &str, expected: Result<&[&str], &str>| match (markers(text), expected) {
            (Ok(found), Ok(codes)) => {
                assert_eq!(
                    found.iter().map(|marker| marker.code()).collect::<Vec<_>>(),
                    codes,
                    "{text}"
                );
            }
            (Err(reason), Err(part)) => assert!(reason.contains(part), "{reason}"),
            (found, _) => panic!("{text}: {found:?}"),
        };
        check("", Ok(&[]));
        check("FI", Ok(&["FI"]));
        check("vi/fi", Ok(&["FI", "VI"]));
        check("FI, VI;DR | FI", Ok(&["FI", "VI", "DR"]));
        check("FI ZZ", Err("marker ZZ is not known"));
        check("FI AB12CDE", Err("marker number 2 is not known"));
    }

    #[test]
    fn a_weed_date_counts_to_the_end_of_its_day_at_home() {
        let zone = TimeZone::get("Europe/London").unwrap();
        let check = |text: &str, expected: Result<Option<&str>, &str>| match (expiry(text, &zone), expected) {
            (Ok(found), Ok(wanted)) => {
                assert_eq!(found, wanted.map(|wanted| wanted.parse().unwrap()), "{text}");
            }
            (Err(reason), Err(part)) => assert!(reason.contains(part), "{text}: {reason}"),
            (found, _) => panic!("{text}: {found:?}"),
        };
        check("31/12/2026", Ok(Some("2027-01-01T00:00:00Z")));
        check("30-06-2026", Ok(Some("2026-06-30T23:00:00Z")));
        check("30.06.2026", Ok(Some("2026-06-30T23:00:00Z")));
        check("2026-06-30", Ok(Some("2026-06-30T23:00:00Z")));
        check("20260630", Ok(Some("2026-06-30T23:00:00Z")));
        check("30/06/2026 14:30", Ok(Some("2026-06-30T13:30:00Z")));
        check("20260630143000", Ok(Some("2026-06-30T13:30:00Z")));
        check("2026-06-30T14:30:00", Ok(Some("2026-06-30T13:30:00Z")));
        check("2026-06-30T14:30:00Z", Ok(Some("2026-06-30T14:30:00Z")));
        check("31/12/9999", Ok(None));
        check("9999-12-31T23:59:59Z", Ok(None));
        check("29/02/2026", Err("not a date"));
        check("12/31/2026", Err("not a date"));
        check("31/12/26", Err("four digits"));
        check("01/01/1970", Err("before the year 2000"));
        check("soon", Err("not a date"));
    }

    #[test]
    fn text_is_bounded_and_stays_on_one_line() {
        assert_eq!(text(b"two\r\nlines", 20), Ok("two lines".to_owned()));
        assert!(text(b"abc", 2).unwrap_err().contains("at most 2"));
        assert!(text(b"caf\xe9", 20).unwrap_err().contains("byte 4 is not UTF-8"));
        assert!(text(b"a\x07b", 20).unwrap_err().contains("control"));
    }
}
