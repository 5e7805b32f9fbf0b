//! From which posterior on a read becomes a hit.

use domain::hotlist::Grade;
use serde::{Deserialize, Serialize};
use thiserror::Error;

use super::LEAST;

/// A least posterior for each grade, 0 to 1. A mark read exactly as listed needs none: it is a hit, and says how likely it is.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Thresholds {
    /// Grade 1, immediate: a person verifies the image within seconds, so that a doubtful one is worth a look.
    pub one: f64,
    /// Grade 2.
    pub two: f64,
    /// Grade 3.
    pub three: f64,
    /// Grade 4: nobody looks, so that what is kept must be right.
    pub four: f64,
}

/// A threshold that is no probability.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("the threshold of grade {0} must be a number from 0 to 1")]
pub struct ThresholdError(pub Grade);

impl Default for Thresholds {
    fn default() -> Self {
        Self {
            one: 0.02,
            two: 0.2,
            three: 0.6,
            four: 0.95,
        }
    }
}

impl Thresholds {
    /// The least posterior of a grade.
    #[must_use]
    pub fn of(&self, grade: Grade) -> f64 {
        match grade {
            Grade::One => self.one,
            Grade::Two => self.two,
            Grade::Three => self.three,
            Grade::Four => self.four,
        }
    }

    /// The least of all grades: what stays under it is no hit on any list.
    #[must_use]
    pub fn least(&self) -> f64 {
        self.one.min(self.two).min(self.three).min(self.four)
    }

    /// The least of all grades as odds; 0 where every likelihood is enough.
    #[must_use]
    pub fn least_odds(&self) -> f64 {
        match self.least() {
            least if least <= LEAST => 0.0,
            least => least / (1.0 - least),
        }
    }

    /// These thresholds, if they are.
    ///
    /// # Errors
    /// Names the grade whose threshold is not from 0 to 1.
    pub fn checked(self) -> Result<Self, ThresholdError> {
        let grades = [Grade::One, Grade::Two, Grade::Three, Grade::Four];
        match grades
            .into_iter()
            .find(|grade| !(0.0..=1.0).contains(&self.of(*grade)))
        {
            Some(grade) => Err(ThresholdError(grade)),
            None => Ok(self),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_more_urgent_the_grade_the_less_certainty_it_needs() {
        let thresholds = Thresholds::default().checked().unwrap();
        let by_grade = [Grade::One, Grade::Two, Grade::Three, Grade::Four].map(|grade| thresholds.of(grade));
        assert!(by_grade.is_sorted_by(|less, more| less < more));
        assert_eq!(thresholds.least(), thresholds.one);
    }

    #[test]
    fn odds_of_the_least_threshold_are_reached_where_it_is() {
        let all = |least| Thresholds {
            one: least,
            two: least,
            three: least,
            four: least,
        };
        let odds = |posterior: f64| posterior / (1.0 - posterior);
        for least in [0.05, 0.5, 0.95] {
            let enough = all(least).least_odds();
            assert!(odds(least * 0.999) < enough && odds(least) >= enough);
        }
        assert_eq!(all(0.0).least_odds(), 0.0, "every posterior is enough");
        assert_eq!(all(1.0).least_odds(), f64::INFINITY, "none is");
    }

    #[test]
    fn what_is_no_probability_is_refused() {
        for wrong in [-0.1, 1.1, f64::NAN] {
            let thresholds = Thresholds {
                three: wrong,
                ..Thresholds::default()
            };
            let error = thresholds.checked().unwrap_err();
            assert_eq!(
                error.to_string(),
                "the threshold of grade 3 must be a number from 0 to 1"
            );
        }
    }
}
