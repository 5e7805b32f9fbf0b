//! What a day of sightings says about who is likely to pass.
//!
//! Some vehicles drive here, at rates of their own; the others do not. Given how often a mark was seen in the last 24 hours,
//! how likely is its vehicle to be the one before the camera now, compared with one of which nothing is known?
//! Rates spread as a gamma distribution, so that counts spread as a negative binomial one.

use domain::Vrm;

/// Sightings beyond this many in a day say no more than this many.
pub const MOST_SIGHTINGS: usize = 60;
/// How many misreads of other vehicles may at most be expected to end in one mark in a day: a belief that a table could push
/// to any height is held to this.
pub const MOST_STRAYS: f64 = 0.2;
/// And at least this many: no table makes a misread impossible.
pub const LEAST_STRAYS: f64 = 1e-9;

/// How often one mark was read in the last 24 hours, the read in question left out.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Seen {
    /// Reads of exactly this mark.
    pub reads: u32,
    /// Different sites among them.
    pub sites: u32,
}

/// The last 24 hours' sightings.
pub trait Sightings {
    /// How often a mark was read.
    fn seen(&self, mark: Vrm) -> Seen;
}

/// How vehicles drive here.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Habits {
    /// The share of the registered vehicles that drive here at all, above 0 and below 1.
    pub driving: f64,
    /// How many reads a day there are of a vehicle that does, on average, above 0.
    pub reads_a_day: f64,
    /// How alike their rates are: the shape of the gamma distribution, above 0. At 0.7 a tenth of them makes nearly half of the reads.
    pub evenness: f64,
    /// How reliably a plate that is misread the same way every time is, above 0 and below 1.
    pub fidelity: f64,
}

impl Default for Habits {
    fn default() -> Self {
        Self {
            driving: 0.125,
            reads_a_day: 6.0,
            evenness: 0.7,
            fidelity: 0.9,
        }
    }
}

/// [`Habits`] as tables by the number of sightings.
#[derive(Clone, Debug)]
pub struct Traffic {
    /// That a vehicle was seen so often and passes now; a vehicle of which nothing is known passes with 1.
    passing: [f64; MOST_SIGHTINGS + 1],
    /// That a vehicle was seen so often.
    seen: [f64; MOST_SIGHTINGS + 1],
    /// Reads a day of any registered vehicle.
    reads_a_day: f64,
    fidelity: f64,
    log_factorial: [f64; MOST_SIGHTINGS + 1],
}

impl Traffic {
    /// The tables of these habits.
    #[must_use]
    pub fn new(habits: &Habits) -> Self {
        let Habits {
            driving,
            reads_a_day: mean,
            evenness: shape,
            fidelity,
        } = *habits;
        let (mut passing, mut seen) = ([0.0; MOST_SIGHTINGS + 1], [0.0; MOST_SIGHTINGS + 1]);
        let mut log_factorial = [0.0; MOST_SIGHTINGS + 1];
        let mut chance = (shape / (shape + mean)).powf(shape);
        for sightings in 0..=MOST_SIGHTINGS {
            let n = sightings as f64;
            passing[sightings] = chance * (n + shape) / (mean + shape);
            seen[sightings] = driving * chance + if sightings == 0 { 1.0 - driving } else { 0.0 };
            chance *= (n + shape) / (n + 1.0) * mean / (mean + shape);
            if sightings > 0 {
                log_factorial[sightings] = log_factorial[sightings - 1] + n.ln();
            }
        }
        Self {
            passing,
            seen,
            reads_a_day: driving * mean,
            fidelity,
            log_factorial,
        }
    }

    /// How likely a vehicle was seen so often and passes now, in vehicles of which nothing is known.
    #[must_use]
    pub fn passing(&self, reads: u32) -> f64 {
        self.passing[most(reads)]
    }

    /// How likely a vehicle was seen so often.
    #[must_use]
    pub fn seen(&self, reads: u32) -> f64 {
        self.seen[most(reads)]
    }

    /// How much likelier a vehicle is to pass now for having been seen so often.
    #[must_use]
    pub fn presence(&self, reads: u32) -> f64 {
        self.passing(reads) / self.seen(reads)
    }

    /// How likely a vehicle whose plate is misread the same way every time passes now, and was read wrong and right so often.
    #[must_use]
    pub fn passing_misread(&self, wrong: u32, right: u32) -> f64 {
        let (wrong, right) = (most(wrong), most(right));
        let both = most((wrong + right) as u32);
        let ways = self.log_factorial[both]
            - self.log_factorial[wrong.min(both)]
            - self.log_factorial[both - wrong.min(both)];
        let held = wrong as f64 * self.fidelity.ln() + right as f64 * (1.0 - self.fidelity).ln();
        self.passing[both] * (ways + held).exp()
    }

    /// How likely misreads of other vehicles gave the sightings of a mark that nobody bears, where `mass` is the likelihood
    /// of all of them together. Those of one site count once, since they may have one cause.
    #[must_use]
    pub fn strays(&self, mass: f64, seen: Seen) -> f64 {
        let expected = (mass * self.reads_a_day).clamp(LEAST_STRAYS, MOST_STRAYS);
        expected.powi(sites(seen))
    }

    /// The most that [`Traffic::strays`] can be.
    #[must_use]
    pub fn most_strays(seen: Seen) -> f64 {
        MOST_STRAYS.powi(sites(seen))
    }
}

fn most(reads: u32) -> usize {
    (reads as usize).min(MOST_SIGHTINGS)
}

fn sites(seen: Seen) -> i32 {
    most(seen.sites.min(seen.reads)) as i32
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn chances_add_up_and_a_vehicle_of_which_nothing_is_known_passes_with_one() {
        let traffic = Traffic::new(&Habits {
            reads_a_day: 3.0,
            evenness: 2.0,
            ..Habits::default()
        });
        let seen: f64 = traffic.seen.iter().sum();
        let passing: f64 = traffic.passing.iter().sum();
        assert!(
            (seen - 1.0).abs() < 1e-6 && (passing - 1.0).abs() < 1e-6,
            "{seen} {passing}"
        );
    }

    #[test]
    fn the_more_a_vehicle_was_seen_the_likelier_it_passes() {
        let traffic = Traffic::new(&Habits::default());
        let presence: Vec<f64> = (0..MOST_SIGHTINGS as u32)
            .map(|reads| traffic.presence(reads))
            .collect();
        assert!(presence.is_sorted_by(|less, more| less < more));
        assert!(presence[0] < 0.1 && presence[3] > 1.0);
        assert_eq!(
            traffic.presence(u32::MAX),
            traffic.presence(MOST_SIGHTINGS as u32)
        );
    }

    #[test]
    fn a_repeated_misread_seldom_shows_the_true_mark() {
        let traffic = Traffic::new(&Habits::default());
        assert!(traffic.passing_misread(5, 0) > 20.0 * traffic.passing_misread(0, 5));
        assert!(traffic.passing_misread(u32::MAX, u32::MAX).is_finite());
        let seen = |sites| Seen { reads: 5, sites };
        assert!(traffic.strays(1e-3, seen(1)) > traffic.strays(1e-3, seen(2)));
        assert!(traffic.strays(1e9, seen(2)) <= Traffic::most_strays(seen(2)));
    }
}
