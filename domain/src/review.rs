//! Looking through what is looked for: when an entry is overdue for it, and when one that nobody looks through lapses.
//!
//! An entry is due some days after somebody last decided that it stays: when it was listed, or when it or its whole list was
//! reviewed, whichever was last. People are told daily. Grades 1 and 2 never lower themselves; an entry of grade 3 or 4 opens no
//! case any more from so many days after the first notice that named it, until it is reviewed.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::hotlist::Grade;
use crate::policy::{ListPolicy, days};

/// That an entry is overdue for review.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Overdue {
    /// When it was due.
    pub since: Timestamp,
    /// People were told and did not look: its hits are kept and open no case.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub log_only: bool,
}

/// That people were told which of a list's entries are overdue.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Told {
    /// When.
    pub at: Timestamp,
    /// The entries that somebody last looked at until then were named.
    pub looked_at_until: Timestamp,
}

impl ListPolicy {
    /// When an entry is due that somebody last looked at then.
    #[must_use]
    pub fn review_due(&self, looked_at: Timestamp) -> Timestamp {
        looked_at
            .saturating_add(days(self.review_days))
            .unwrap_or(Timestamp::MAX)
    }

    /// The entries last looked at until then are overdue at `now`.
    #[must_use]
    pub fn overdue_until(&self, now: Timestamp) -> Timestamp {
        now.saturating_sub(days(self.review_days))
            .unwrap_or(Timestamp::MIN)
    }

    /// An entry lapses at `now` if it was named until then.
    #[must_use]
    pub fn told_in_time(&self, now: Timestamp) -> Timestamp {
        now.saturating_sub(days(self.notice_days))
            .unwrap_or(Timestamp::MIN)
    }

    /// When an entry that was last looked at then lapses: `notice_days` after the first notice since it was due that named it. None
    /// where it never does by itself, or is not named yet. `told` are its list's notices, the oldest first.
    #[must_use]
    pub fn lapses_at(&self, grade: Grade, looked_at: Timestamp, told: &[Told]) -> Option<Timestamp> {
        if !grade.may_lapse() {
            return None;
        }
        let due = self.review_due(looked_at);
        let since_due = &told[told.partition_point(|told| told.at < due)..];
        let named = since_due.iter().find(|told| told.looked_at_until >= looked_at)?;
        Some(
            named
                .at
                .saturating_add(days(self.notice_days))
                .unwrap_or(Timestamp::MAX),
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn day(number: i64) -> Timestamp {
        Timestamp::from_second(number * 86_400).unwrap()
    }

    /// Of a list that is reviewed every 30 days and lapses 14 days after notice; looked at on day 0.
    fn lapses(grade: Grade, told: &[(i64, i64)]) -> Option<Timestamp> {
        let policy = ListPolicy {
            review_days: 30,
            notice_days: 14,
            ..ListPolicy::default()
        };
        let told: Vec<Told> = told
            .iter()
            .map(|&(at, until)| Told {
                at: day(at),
                looked_at_until: day(until),
            })
            .collect();
        policy.lapses_at(grade, day(0), &told)
    }

    #[test]
    fn an_entry_lapses_only_after_notice_and_never_in_grades_1_and_2() {
        let daily = [(29, -1), (30, 0), (31, 1)];
        assert_eq!(lapses(Grade::Three, &daily), Some(day(44)));
        assert_eq!(lapses(Grade::Four, &daily), Some(day(44)));
        assert_eq!(lapses(Grade::Two, &daily), None);
        assert_eq!(lapses(Grade::One, &daily), None);
        // Nobody was told, or not of this one.
        assert_eq!(lapses(Grade::Three, &[]), None);
        assert_eq!(lapses(Grade::Three, &[(31, -5)]), None);
        // The first notice came late.
        assert_eq!(lapses(Grade::Three, &[(90, 60)]), Some(day(104)));
        // Under a shorter interval it was named before it was due by today's: that does not count.
        assert_eq!(lapses(Grade::Three, &[(10, 5), (40, 10)]), Some(day(54)));
    }
}
