//! What a list demands of whoever changes it, and what becomes of a change that a second person must see.

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};
use thiserror::Error;

use crate::UserName;
use crate::hotlist::Grade;

/// Longest life of an entry that any list may allow, in days: a hundred years, since lists write 2099 for "never".
pub const MAX_LIFE_DAYS: u32 = 36_525;
/// Longest interval between two reviews of a list, in days.
pub const MAX_REVIEW_DAYS: u32 = 3_650;
/// Longest time between the notice that an entry is overdue for review and its lapse, in days.
pub const MAX_NOTICE_DAYS: u32 = 365;
/// Longest name of an owner unit, in characters, as on an entry.
pub const MAX_OWNER: usize = 128;
/// Longest reason that a person gives for a change, in characters.
pub const MAX_WHY: usize = 500;
/// A list is looked through once a year unless its policy says otherwise.
const USUAL_REVIEW_DAYS: u32 = 365;
/// Who is on leave when the first notice comes is back before anything lapses.
const USUAL_NOTICE_DAYS: u32 = 14;

/// What a list demands.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ListPolicy {
    /// Whether a second person must authorise what changes it.
    pub four_eyes: bool,
    /// Longest life of an entry, in days from when it is listed.
    pub max_days: u32,
    /// The unit that answers for the list; may be empty.
    pub owner: String,
    /// The grade of rows that have none of their own, instead of the one that follows from action and markers.
    pub default_grade: Option<Grade>,
    /// Days after which the list must be looked through again.
    pub review_days: u32,
    /// Days from the first notice that an entry of grade 3 or 4 is overdue for review until it opens no case any more.
    #[serde(default = "usual_notice_days")]
    pub notice_days: u32,
    /// Whether clients outside may take it. Off until somebody decides so for this list.
    #[serde(default)]
    pub distributed: bool,
}

/// Of policies that were set before there were notices.
fn usual_notice_days() -> u32 {
    USUAL_NOTICE_DAYS
}

/// Which part of a policy is out of its bounds.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum PolicyError {
    /// The longest life.
    #[error("max_days: give 1 to {MAX_LIFE_DAYS} days")]
    Life,
    /// The review interval.
    #[error("review_days: give 1 to {MAX_REVIEW_DAYS} days")]
    Review,
    /// The time from notice to lapse.
    #[error("notice_days: give 1 to {MAX_NOTICE_DAYS} days")]
    Notice,
    /// The owner unit.
    #[error("owner: at most {MAX_OWNER} characters, and none that cannot be printed")]
    Owner,
}

impl Default for ListPolicy {
    /// What a list has that nobody has set a policy for: today's files load, and are live at once.
    fn default() -> Self {
        Self {
            four_eyes: false,
            max_days: MAX_LIFE_DAYS,
            owner: String::new(),
            default_grade: None,
            review_days: USUAL_REVIEW_DAYS,
            notice_days: USUAL_NOTICE_DAYS,
            distributed: false,
        }
    }
}

impl ListPolicy {
    /// The policy, if every part is within its bounds.
    ///
    /// # Errors
    /// Names the part that is not.
    pub fn checked(self) -> Result<Self, PolicyError> {
        if !(1..=MAX_LIFE_DAYS).contains(&self.max_days) {
            return Err(PolicyError::Life);
        }
        if !(1..=MAX_REVIEW_DAYS).contains(&self.review_days) {
            return Err(PolicyError::Review);
        }
        if !(1..=MAX_NOTICE_DAYS).contains(&self.notice_days) {
            return Err(PolicyError::Notice);
        }
        if self.owner.chars().count() > MAX_OWNER || self.owner.contains(char::is_control) {
            return Err(PolicyError::Owner);
        }
        Ok(self)
    }

    /// The latest weed date of an entry that is listed at that time.
    #[must_use]
    pub fn latest_expiry(&self, listed_at: Timestamp) -> Timestamp {
        listed_at
            .checked_add(days(self.max_days))
            .unwrap_or(Timestamp::MAX)
    }
}

/// Days of 24 hours.
pub(crate) fn days(number: u32) -> SignedDuration {
    SignedDuration::from_hours(24 * i64::from(number))
}

/// What became of a draft.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DraftState {
    /// It waits for a second person, and changes nothing meanwhile.
    Waiting,
    /// A second person let it become live.
    Authorised,
    /// A second person refused it, or its author took it back.
    Declined,
}

/// What is to become of a draft.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// It shall be live.
    Authorise,
    /// It shall never be.
    Decline,
}

/// Why a draft cannot be made or decided.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum DraftRefusal {
    /// Four eyes are not two.
    #[error("{0} made this draft: a second person must authorise it")]
    Own(UserName),
    /// Somebody was first.
    #[error("the draft was {} by {by} already", state_word(.state))]
    Decided {
        /// Who.
        by: UserName,
        /// What became of it.
        state: DraftState,
    },
    /// One change of the whole list may wait.
    #[error("a draft of {0} for this list waits already: it must be authorised or declined first")]
    Waits(UserName),
    /// Too many drafts of single entries wait.
    #[error("{0} drafts for this list wait already, no more may: authorise or decline some first")]
    TooMany(u64),
    /// Nobody said why, or said too much.
    #[error("say why, in 1 to {MAX_WHY} characters")]
    Reason,
}

fn state_word(state: &DraftState) -> &'static str {
    match state {
        DraftState::Waiting => "left waiting",
        DraftState::Authorised => "authorised",
        DraftState::Declined => "declined",
    }
}

/// Whether `by` may decide so about a draft of `author`. Declining one's own is taking it back.
///
/// # Errors
/// When a person would authorise a draft of their own, or gives no reason for declining.
pub fn may_decide(author: &UserName, by: &UserName, verdict: Verdict, why: &str) -> Result<(), DraftRefusal> {
    if verdict == Verdict::Authorise && author == by {
        return Err(DraftRefusal::Own(author.clone()));
    }
    let length = why.trim().chars().count();
    if length > MAX_WHY || (verdict == Verdict::Decline && length == 0) {
        return Err(DraftRefusal::Reason);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_policy_out_of_bounds_names_its_part() {
        let check = |change: fn(&mut ListPolicy), expected| {
            let mut policy = ListPolicy::default();
            change(&mut policy);
            assert_eq!(policy.checked().err(), expected);
        };
        check(|_| {}, None);
        check(|policy| policy.max_days = 0, Some(PolicyError::Life));
        check(
            |policy| policy.max_days = MAX_LIFE_DAYS + 1,
            Some(PolicyError::Life),
        );
        check(|policy| policy.review_days = 0, Some(PolicyError::Review));
        check(|policy| policy.notice_days = 0, Some(PolicyError::Notice));
        check(
            |policy| policy.notice_days = MAX_NOTICE_DAYS + 1,
            Some(PolicyError::Notice),
        );
        check(
            |policy| policy.owner = "x".repeat(MAX_OWNER + 1),
            Some(PolicyError::Owner),
        );
        check(
            |policy| policy.owner = "a\nb".to_owned(),
            Some(PolicyError::Owner),
        );
    }

    #[test]
    fn nobody_authorises_their_own_draft_but_anybody_declines_with_a_reason() {
        let [ann, bob] = ["ann", "bob"].map(|name| UserName::parse(name).unwrap());
        let (authorise, decline) = (Verdict::Authorise, Verdict::Decline);
        let own = Err(DraftRefusal::Own(ann.clone()));
        assert_eq!(may_decide(&ann, &ann, authorise, "mine"), own);
        assert_eq!(may_decide(&ann, &bob, authorise, ""), Ok(()));
        assert_eq!(may_decide(&ann, &ann, decline, "a mistake"), Ok(()));
        assert_eq!(may_decide(&ann, &bob, decline, " "), Err(DraftRefusal::Reason));
        let long = "x".repeat(MAX_WHY + 1);
        assert_eq!(
            may_decide(&ann, &bob, authorise, &long),
            Err(DraftRefusal::Reason)
        );
    }
}
