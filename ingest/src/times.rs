//! Capture times as cameras write them.

use jiff::civil::DateTime;
use jiff::{Timestamp, tz::TimeZone};

use crate::message::DecodeError;

/// Reads RFC 3339, or a date and time without a zone, which is then a time in `zone`. In the hour that comes twice in
/// autumn a zoneless time is the first of the two.
///
/// # Errors
/// Names the field `captured_at`.
pub fn parse(text: &str, zone: &TimeZone) -> Result<Timestamp, DecodeError> {
    let text = text.trim();
    if text.is_empty() {
        return Err(DecodeError::field("captured_at", "the capture time is missing"));
    }
    let wrong = || {
        DecodeError::field(
            "captured_at",
            "the capture time is not one such as 2026-11-01T12:00:00.250Z or, in the force's zone, 2026-11-01T12:00:00",
        )
    };
    if let Ok(instant) = text.parse::<Timestamp>() {
        return Ok(instant);
    }
    // A date alone would be read as midnight.
    if !text.contains(':') {
        return Err(wrong());
    }
    let local: DateTime = text.parse().map_err(|_| wrong())?;
    let zoned = local.to_zoned(zone.clone()).map_err(|_| wrong())?;
    Ok(zoned.timestamp())
}

/// Takes milliseconds since 1970.
///
/// # Errors
/// Names the field `captured_at`.
pub fn from_millis(millis: f64) -> Result<Timestamp, DecodeError> {
    let wrong = || {
        DecodeError::field(
            "captured_at",
            "the capture time is not in milliseconds since 1970",
        )
    };
    // Beyond this an f64 skips integers, and no clock is there yet.
    const EXACT: f64 = 9_007_199_254_740_992.0;
    if !(0.0..=EXACT).contains(&millis) {
        return Err(wrong());
    }
    Timestamp::from_millisecond(millis as i64).map_err(|_| wrong())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, expected: Option<&str>) {
        let zone = TimeZone::get("Europe/London").unwrap();
        let parsed = parse(text, &zone).ok().map(|instant| instant.to_string());
        assert_eq!(parsed.as_deref(), expected, "{text:?}");
    }

    #[test]
    fn times_with_and_without_a_zone_are_read_and_others_refused() {
        check("2024-01-19T11:17:19+08:00", Some("2024-01-19T03:17:19Z"));
        check("2024-01-19 03:17:19.000000+00:00", Some("2024-01-19T03:17:19Z"));
        check("2024-07-19T11:17:19", Some("2024-07-19T10:17:19Z"));
        check("2024-01-19 11:17:19.25", Some("2024-01-19T11:17:19.25Z"));
        check("2024-10-27T01:30:00", Some("2024-10-27T00:30:00Z"));
        check("2024-01-19", None);
        check("", None);
        check("yesterday", None);
        check("2024-13-19T11:17:19", None);
    }

    #[test]
    fn milliseconds_out_of_range_are_refused() {
        let written = |millis| from_millis(millis).ok().map(|instant| instant.to_string());
        assert_eq!(
            written(1_623_405_938_252.0).as_deref(),
            Some("2021-06-11T10:05:38.252Z")
        );
        assert_eq!(
            [written(-1.0), written(f64::NAN), written(1e300)],
            [None, None, None]
        );
    }
}
