//! How much traffic there is: reads a second, by the hour of the day.

use domain::Timestamp;
use jiff::tz::TimeZone;

/// Traffic by the hour, as a share of the day's mean: flat nights, a steep morning, a broad evening peak. The shape
/// of British weekday traffic (DfT table TRA0307), rounded by hand.
const HOURS: [f64; 24] = [
    0.22, 0.15, 0.12, 0.12, 0.20, 0.50, 1.10, 1.75, 1.85, 1.45, 1.25, 1.25, 1.30, 1.30, 1.35, 1.50, 1.75,
    1.90, 1.60, 1.20, 0.90, 0.70, 0.50, 0.35,
];
/// Traffic never falls below this share of what was asked for: somebody may be showing the room at night ...
const LEAST: f64 = 0.2;
/// ... nor rises above this multiple: whoever asked for 50 a second at 4 in the morning did not ask for 500 at 8.
const MOST: f64 = 2.0;

/// The traffic asked for.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Demand {
    /// Reads a second at the start.
    pub rate: f64,
    /// From there on the volume follows the hour of the day; otherwise it stays.
    pub daily: bool,
    /// Share of ordinary trips that a vehicle on a grade 4 list makes.
    pub noted: f64,
    /// How many times as often as usual a wanted vehicle (grade 1 to 3) enters.
    pub wanted: f64,
}

/// With misreads and the wanted vehicles, 2 to 3 % of all reads hit.
const NOTED: f64 = 0.0235;

impl Demand {
    /// `rate` reads a second now, more or less of them as the day goes on.
    #[must_use]
    pub fn daily(rate: f64) -> Self {
        Self {
            daily: true,
            ..Self::flat(rate)
        }
    }

    /// `rate` reads a second throughout.
    #[must_use]
    pub fn flat(rate: f64) -> Self {
        Self {
            rate,
            daily: false,
            noted: NOTED,
            wanted: 1.0,
        }
    }

    /// The same with another share of vehicles on a grade 4 list.
    #[must_use]
    pub fn noting(self, noted: f64) -> Self {
        Self { noted, ..self }
    }

    /// The same with wanted vehicles so many times as often.
    #[must_use]
    pub fn wanting(self, wanted: f64) -> Self {
        Self { wanted, ..self }
    }

    /// Reads a second at `now`, for traffic that began at `start`.
    #[must_use]
    pub fn rate_at(self, start: Timestamp, now: Timestamp, zone: &TimeZone) -> f64 {
        if !self.daily {
            return self.rate;
        }
        let factor = volume(now, zone) / volume(start, zone);
        self.rate * factor.clamp(LEAST, MOST)
    }
}

/// The day's volume at a time, between the hours in a straight line.
fn volume(at: Timestamp, zone: &TimeZone) -> f64 {
    let local = zone.to_datetime(at);
    let seconds = f64::from(local.minute()) * 60.0 + f64::from(local.second());
    volume_of_day(f64::from(local.hour()) + seconds / 3_600.0)
}

/// A working day's volume at an hour of it (13.5 is half past one), as a share of the day's mean.
#[must_use]
pub fn volume_of_day(hour: f64) -> f64 {
    let (whole, part) = (hour.floor(), hour.fract());
    let whole = whole.rem_euclid(24.0) as usize;
    HOURS[whole] * (1.0 - part) + HOURS[(whole + 1) % 24] * part
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(start: &str, now: &str, expected: std::ops::Range<f64>) {
        let zone = TimeZone::get("Europe/London").unwrap();
        let rate = Demand::daily(50.0).rate_at(start.parse().unwrap(), now.parse().unwrap(), &zone);
        assert!(expected.contains(&rate), "{start} to {now}: {rate}");
    }

    #[test]
    fn the_rate_asked_for_is_the_rate_at_the_start_and_follows_the_day() {
        check("2026-11-02T12:00:00Z", "2026-11-02T12:00:00Z", 49.9..50.1);
        check("2026-11-02T03:00:00Z", "2026-11-02T03:00:00Z", 49.9..50.1);
        check("2026-11-02T12:00:00Z", "2026-11-02T17:00:00Z", 70.0..76.0);
        check("2026-11-02T12:00:00Z", "2026-11-03T03:00:00Z", 9.9..10.1);
        check("2026-11-02T03:00:00Z", "2026-11-02T08:00:00Z", 99.9..100.1);
        // the peak is at 17 o'clock in Liverpool, which in summer is 16 UTC
        check("2026-07-01T11:00:00Z", "2026-07-01T16:00:00Z", 70.0..76.0);
    }

    #[test]
    fn the_day_has_two_peaks_and_a_mean_of_one() {
        let mean = HOURS.iter().sum::<f64>() / 24.0;
        assert!((0.97..1.03).contains(&mean), "{mean}");
        let at = |hour: usize| HOURS[hour];
        assert!(at(8) > at(11) && at(17) > at(11) && at(3) < 0.2);
    }
}
