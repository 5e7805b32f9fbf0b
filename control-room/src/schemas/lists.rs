//! Lists, what waits for a second person, and rules.
#![allow(dead_code, reason = "these types are drawings: never built, only described")]

use jiff::Timestamp;
#[cfg(test)]
use serde::Deserialize;
use utoipa::ToSchema;

use super::*;

drawn! {
    /// A list as a whole.
    struct ListSummary {
        list: String,
        entries: u64,
        /// The revision of all lists in which it last changed.
        revision: u64,
        changed_at: Timestamp,
        changed_by: String,
        /// When that revision was in the log whole; null while it is on its way.
        published_at: Option<Timestamp>,
    }

    /// What a load or a withdrawal changed.
    struct ListChange {
        revision: u64,
        added: u64,
        changed: u64,
        removed: u64,
        unchanged: u64,
    }

    /// What a list demands of its changes.
    struct ListPolicy {
        /// A second person must authorise what changes it.
        four_eyes: bool,
        /// Longest life of an entry.
        #[schema(minimum = 1, maximum = 36525)]
        max_days: u32,
        /// The unit that answers for it; may be empty.
        owner: String,
        /// Of rows that have none of their own.
        #[schema(minimum = 1, maximum = 4)]
        default_grade: Option<u8>,
        /// Days after which it must be looked through again.
        #[schema(minimum = 1, maximum = 3650)]
        review_days: u32,
        /// Days from the first notice that an entry of grade 3 or 4 is overdue for review until it opens no case any more.
        #[schema(minimum = 1, maximum = 365)]
        notice_days: u32,
        /// Clients outside may take it.
        distributed: bool,
    }

    /// A list that clients may take.
    struct DistributedList {
        list: String,
        /// The revision of all lists in which it last changed.
        revision: u64,
        entries: u64,
        changed_at: Timestamp,
        /// That revision is in the log whole; until then nothing of the list is given out.
        published: bool,
    }

    /// At which revision a client last had the whole of a list.
    struct Taking {
        client: String,
        list: String,
        revision: u64,
        /// When it last asked.
        at: Timestamp,
    }

    /// An entry is overdue for review.
    struct Overdue {
        /// When it was due.
        since: Timestamp,
        /// It has lapsed: its hits are kept and open no case; absent where it has not.
        log_only: Option<bool>,
    }

    /// How often what came of an entry or a list.
    struct Yield {
        hits: u64,
        /// Cases that a person confirmed.
        confirmed: u64,
        /// Units that were sent.
        deployments: u64,
        /// How cases ended: the outcome's name with how often.
        #[schema(value_type = std::collections::BTreeMap<String, u64>)]
        outcomes: std::collections::BTreeMap<String, u64>,
    }

    /// What came of an entry in all.
    struct EntryYield {
        entry_id: String,
        came: Yield,
        /// Absent where it was never hit.
        last_hit_at: Option<Timestamp>,
    }

    /// A list or an entry was looked through, and it stays.
    struct Review {
        number: u64,
        list: String,
        /// Absent where it was the whole list.
        entry_id: Option<String>,
        at: Timestamp,
        by: String,
        why: String,
    }

    /// What was overdue for review on a list, of one owner, on one day.
    struct ReviewNotice {
        number: u64,
        /// In the force's time zone.
        #[schema(value_type = String, format = Date)]
        day: String,
        list: String,
        /// Who answers for the entries; may be empty.
        owner: String,
        at: Timestamp,
        /// Entries overdue.
        overdue: u64,
        /// Of these, those that open cases still and will not from a known time on.
        lapsing: u64,
        /// Of these, those that open no case any more.
        log_only: u64,
        /// When the first of the lapsing ones does; absent where none does.
        first_lapse_at: Option<Timestamp>,
        /// Absent until somebody says so.
        seen: Option<SeenBy>,
        /// When the list was reviewed since; absent where it was not.
        reviewed_at: Option<Timestamp>,
    }

    /// Who has seen it, and when.
    struct SeenBy {
        by: String,
        at: Timestamp,
    }

    /// A change that waits, or waited, for a second person.
    struct Draft {
        draft: u64,
        list: String,
        kind: DraftKind,
        state: DraftState,
        author: String,
        made_at: Timestamp,
        why: String,
        /// What it would change; the revision is the one that this is against.
        change: ListChange,
        /// The list has changed since.
        moved: bool,
        decided_by: Option<String>,
        decided_at: Option<Timestamp>,
        decided_why: Option<String>,
    }

    /// What a decision about a draft did.
    struct Decided {
        draft: Draft,
        /// Null where it was declined.
        change: Option<ListChange>,
    }

    /// What a load would change, with the first marks of each kind.
    struct Comparison {
        change: ListChange,
        added: Vec<String>,
        changed: Vec<String>,
        removed: Vec<String>,
        /// The first hundred marks that another list wants treated otherwise.
        contradictions: Vec<Contradiction>,
    }

    /// One mark, to be stopped by one list and on no account by another.
    struct Contradiction {
        vrm: String,
        /// What would be asked for here.
        action: Action,
        list: String,
        /// What is asked for there.
        there: Action,
    }

    /// One change of an entry.
    struct EntryChange {
        revision: u64,
        action: String,
        at: Timestamp,
        by: String,
        /// On a list of four eyes.
        authorised_by: Option<String>,
        why: String,
        /// Null where it was not on the list.
        before: Option<Entry>,
        /// Null where it went.
        after: Option<Entry>,
    }

    /// An entry's columns as texts, as in a file with a header row.
    struct EntrySaid {
        vrm: String,
        grade: String,
        action: String,
        /// Such as `STOLEN`.
        reason_code: String,
        reason: String,
        owner: String,
        expires_at: String,
        markers: Option<String>,
        information: Option<String>,
        make: Option<String>,
        model: Option<String>,
        colour: Option<String>,
        reference: Option<String>,
        handling: Option<String>,
        sites: Option<String>,
        /// Codes of BCUs.
        bcus: Option<String>,
        direction: Option<String>,
        hours: Option<String>,
    }

    /// What is wrong with a row.
    struct RowFault {
        /// Counted from 1.
        line: u64,
        column: String,
        reason: String,
    }

    /// A file that came from a feed, and what became of it.
    struct Arrived {
        /// Counted over all feeds, from 1.
        number: u64,
        /// When it was taken.
        at: Timestamp,
        outcome: ArrivalOutcome,
        /// What changed, or why nothing did.
        said: String,
    }

    /// What the columns of an unknown file seem to hold, for a person to approve.
    struct Guess {
        /// The mapping, TOML: to be looked at, mended and sent with the file.
        mapping: String,
        /// The first row seems to name the columns.
        header: bool,
        columns: Vec<GuessedColumn>,
    }

    /// A column, and what it seems to hold.
    struct GuessedColumn {
        /// From 1.
        number: u64,
        /// As the file names it; may be empty.
        name: String,
        /// How a mapping names it: by name or number.
        #[schema(value_type = Object)]
        key: serde_json::Value,
        /// Our name of what it holds; null where it would be left out.
        field: Option<String>,
        /// What tells so.
        because: String,
    }

    /// What a matcher says of itself.
    struct MatcherStatus {
        matcher: String,
        /// The revision that it judges under.
        revision: u64,
        /// An earlier one that it does not have yet; absent where it has all.
        without: Option<u64>,
        entries: u64,
        applied_at: Timestamp,
        at: Timestamp,
    }

    /// What is wrong with a rule file, and where.
    struct RuleFault {
        /// From 1.
        line: usize,
        /// From 1, in characters.
        column: usize,
        /// The rule's name; empty where none is to blame.
        rule: String,
        reason: String,
    }

    /// Somebody was called to a case.
    struct Notification {
        number: u64,
        case_id: String,
        at: Timestamp,
        /// The unit or desk, such as `supervisor`.
        desk: String,
        said: String,
        seen_by: Vec<String>,
    }
}

drawn_names! {
    enum DraftKind { Load, Entry, Withdrawal }
    enum DraftState { Waiting, Authorised, Declined }
    enum Verdict { Authorise, Decline }
    enum ArrivalOutcome { Loaded, Drafted, Unchanged, Refused }
}
