//! What a day of sightings says about who is likely to pass.
//!
//! Some vehicles drive here, at rates of their own; the others do not. Given how often a mark was seen in the last 24 hours,
//! how likely is its vehicle to be the one before the camera now, compared with one of which nothing is known?
//! Rates spread as a gamma distribution, so that counts spread as a negative binomial one.

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

/// How vehicles drive here.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Habits {
    /// The share of the registered vehicles that drive here at all, above 0 and below 1.
    pub driving: f64,
    /// How many reads a day there are of a vehicle that does, on average, above 0.
    pub reads_a_day: f64,
    /// How alike their rates are: the shape of the gamma distribution, above 0. At 0.7 a tenth of them makes nearly half of the reads.
    pub evenness: f64,
    /// How reliably a plate that is misread the same way every time is, above 0 and at most 1.
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
    /// That a vehicle whose plate is misread the same way every time was seen so often under the wrong mark and passes now.
    passing_misread: [f64; MOST_SIGHTINGS + 1],
    /// Reads a day of any registered vehicle.
    reads_a_day: f64,
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
        let mut passing_misread = [0.0; MOST_SIGHTINGS + 1];
        let mut chance = (shape / (shape + mean)).powf(shape);
        // Of a gamma distributed rate a fixed share is one again, with a smaller mean.
        let wrong = mean * fidelity;
        let mut wrong_chance = (shape / (shape + wrong)).powf(shape);
        for sightings in 0..=MOST_SIGHTINGS {
            let n = sightings as f64;
            passing[sightings] = chance * (n + shape) / (mean + shape);
            seen[sightings] = driving * chance + if sightings == 0 { 1.0 - driving } else { 0.0 };
            chance *= (n + shape) / (n + 1.0) * mean / (mean + shape);
            passing_misread[sightings] = wrong_chance * (n + shape) / (wrong + shape);
            wrong_chance *= (n + shape) / (n + 1.0) * wrong / (wrong + shape);
        }
        Self {
            passing,
            seen,
            passing_misread,
            reads_a_day: driving * mean,
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

    /// How likely a vehicle whose plate is misread the same way every time was seen so often under the wrong mark and passes
    /// now; how often it was read right is not known.
    #[must_use]
    pub fn passing_misread(&self, wrong: u32) -> f64 {
        self.passing_misread[most(wrong)]
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
    fn a_mark_seen_often_is_likely_to_pass_and_as_likely_to_be_a_dirty_plate_as_its_fidelity_says() {
        let traffic = Traffic::new(&Habits::default());
        let presence = |reads| traffic.passing(reads) / traffic.seen(reads);
        assert!(
            (0..MOST_SIGHTINGS as u32)
                .map(presence)
                .is_sorted_by(|less, more| less < more)
        );
        assert!(presence(0) < 0.1 && presence(3) > 1.0);
        assert_eq!(traffic.passing(u32::MAX), traffic.passing(MOST_SIGHTINGS as u32));
        let always = Traffic::new(&Habits {
            fidelity: 1.0,
            ..Habits::default()
        });
        assert_eq!(always.passing_misread(5), always.passing(5));
        let sum: f64 = (0..=MOST_SIGHTINGS as u32)
            .map(|wrong| traffic.passing_misread(wrong))
            .sum();
        assert!(
            (sum - 1.0).abs() < 0.01,
            "{sum}: the tail beyond the most sightings"
        );
        let seen = |sites| Seen { reads: 5, sites };
        assert!(traffic.strays(1e-3, seen(1)) > traffic.strays(1e-3, seen(2)));
        assert!(traffic.strays(1e9, seen(2)) <= Traffic::most_strays(seen(2)));
    }
}
