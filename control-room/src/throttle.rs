//! How often a sign-in may fail before the user name has to wait. Pure: time is an argument.

use std::collections::HashMap;

use jiff::{SignedDuration, Timestamp};

/// Failures of one user name within [`WINDOW`] after which further attempts wait: 10 in 5 minutes leave a guesser
/// some 2,900 tries a day, and a person room for a bad morning.
pub const MAX_FAILURES: usize = 10;
/// How long a failure counts.
pub const WINDOW: SignedDuration = SignedDuration::from_mins(5);
/// User names remembered: a guesser who tries random names fills no more memory than this.
pub const MAX_NAMES: usize = 10_000;

/// Recent attempts by user name.
#[derive(Debug, Default)]
pub struct Throttle {
    names: HashMap<String, Attempts>,
}

#[derive(Debug, Default)]
struct Attempts {
    /// Oldest first, at most [`MAX_FAILURES`].
    at: Vec<Timestamp>,
    /// A refusal since the last admitted attempt was reported.
    refused: bool,
}

/// That an attempt must wait.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Wait {
    /// Seconds until the oldest failure is forgotten.
    pub seconds: i64,
    /// The first refusal in a row: worth a line in the audit trail, the rest are not.
    pub first: bool,
}

impl Throttle {
    /// Counts an attempt as failed before it is tried, so that attempts side by side count too.
    ///
    /// # Errors
    /// When the name has failed too often.
    pub fn admit(&mut self, name: &str, now: Timestamp) -> Result<(), Wait> {
        if !self.names.contains_key(name) && self.names.len() >= MAX_NAMES {
            self.make_room(now);
        }
        let attempts = self.names.entry(name.to_owned()).or_default();
        attempts.forget(now);
        if let [oldest, ..] = attempts.at[..]
            && attempts.at.len() >= MAX_FAILURES
        {
            let seconds = (WINDOW - now.duration_since(oldest)).as_secs().max(0) + 1;
            let first = !std::mem::replace(&mut attempts.refused, true);
            return Err(Wait { seconds, first });
        }
        attempts.at.push(now);
        attempts.refused = false;
        Ok(())
    }

    /// Takes back the attempt that was admitted at `at`: it was right, or it was not tried. Earlier failures stay, so
    /// that a guesser gains nothing when the user signs in between.
    pub fn take_back(&mut self, name: &str, at: Timestamp) {
        if let Some(attempts) = self.names.get_mut(name)
            && let Some(index) = attempts.at.iter().rposition(|known| *known == at)
        {
            attempts.at.remove(index);
            if attempts.at.is_empty() {
                self.names.remove(name);
            }
        }
    }

    /// Forgets what has run out; where nothing has, the name with the fewest failures, so that a flood of random names
    /// does not free one that is under attack.
    fn make_room(&mut self, now: Timestamp) {
        self.names.retain(|_, attempts| {
            attempts.forget(now);
            !attempts.at.is_empty()
        });
        if self.names.len() >= MAX_NAMES
            && let Some(name) = self
                .names
                .iter()
                .min_by_key(|(_, attempts)| attempts.at.len())
                .map(|(name, _)| name.clone())
        {
            self.names.remove(&name);
        }
    }
}

impl Attempts {
    fn forget(&mut self, now: Timestamp) {
        self.at.retain(|at| now.duration_since(*at) < WINDOW);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(1_000_000 + second).unwrap()
    }

    fn fail(throttle: &mut Throttle, name: &str, times: usize) {
        for _ in 0..times {
            throttle.admit(name, at(0)).unwrap();
        }
    }

    #[test]
    fn the_eleventh_attempt_in_five_minutes_waits_and_other_names_do_not() {
        let mut throttle = Throttle::default();
        fail(&mut throttle, "a", MAX_FAILURES);
        assert_eq!(throttle.admit("a", at(1)).map_err(|wait| wait.first), Err(true));
        assert_eq!(throttle.admit("a", at(2)).map_err(|wait| wait.first), Err(false));
        assert_eq!(throttle.admit("b", at(2)), Ok(()));
        assert_eq!(throttle.admit("a", at(300)), Ok(()));
    }

    #[test]
    fn a_success_takes_back_itself_and_no_earlier_failure() {
        let mut throttle = Throttle::default();
        fail(&mut throttle, "a", MAX_FAILURES - 1);
        throttle.admit("a", at(5)).unwrap();
        throttle.take_back("a", at(5));
        assert_eq!(throttle.admit("a", at(6)), Ok(()));
        assert!(throttle.admit("a", at(7)).is_err());
    }

    #[test]
    fn a_flood_of_names_stays_bounded_and_does_not_free_the_name_under_attack() {
        let mut throttle = Throttle::default();
        fail(&mut throttle, "victim", MAX_FAILURES);
        for number in 0..MAX_NAMES + 100 {
            throttle.admit(&format!("random-{number}"), at(1)).unwrap();
        }
        assert!(throttle.names.len() <= MAX_NAMES);
        assert!(throttle.admit("victim", at(2)).is_err());
    }
}
