//! Operations.
#![allow(dead_code, reason = "these types are drawings: never built, only described")]

use std::collections::BTreeMap;

use jiff::Timestamp;
#[cfg(test)]
use serde::Deserialize;
use utoipa::ToSchema;

use super::Yield;

drawn! {
    /// Lists that are used together from one hour to another.
    struct Operation {
        name: String,
        /// What it is for.
        purpose: String,
        /// A whole hour.
        starts_at: Timestamp,
        /// A whole hour.
        ends_at: Timestamp,
        lists: Vec<String>,
        /// The unit that answers for it; may be empty.
        owner: String,
    }

    /// An operation as it stands.
    struct StoredOperation {
        operation: Operation,
        /// Counts its changes.
        version: u64,
        changed_at: Timestamp,
        changed_by: String,
        /// Those of its lists that still have entries.
        live: Vec<String>,
    }

    /// One change of an operation.
    struct OperationChange {
        version: u64,
        /// `operation_put` or `operation_ended`.
        action: String,
        at: Timestamp,
        by: String,
        why: String,
        /// Null where there was none.
        before: Option<Operation>,
        after: Operation,
    }

    /// An operation with its past, and what came of its lists in its hours.
    struct OperationRecord {
        stored: StoredOperation,
        /// What came of all its lists.
        total: Yield,
        /// What came of each, by its name.
        yields: BTreeMap<String, Yield>,
        /// The newest first.
        changes: Vec<OperationChange>,
    }
}

drawn_names! {
    enum OperationState { Coming, Running, Ended }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::super::tests::check;
    use super::*;

    #[test]
    fn operations_look_as_they_are_drawn() {
        use domain::operation::OperationState as S;
        let (at, by) = (Timestamp::UNIX_EPOCH, domain::UserName::parse("op").unwrap());
        let list = domain::ListName::parse("stolen").unwrap();
        let operation = domain::operation::Operation {
            name: domain::OperationName::parse("week").unwrap(),
            purpose: String::new(),
            starts_at: at,
            ends_at: at,
            lists: BTreeSet::from([list.clone()]),
            owner: String::new(),
        };
        let mut came = domain::yields::Yield::default();
        came.add(domain::yields::Came::Ended(domain::case::Outcome::Arrest), 1);
        check::<OperationRecord>(&store::operations::OperationRecord {
            stored: store::operations::StoredOperation {
                operation: operation.clone(),
                version: 1,
                changed_at: at,
                changed_by: by.clone(),
                live: vec![list.clone()],
            },
            total: came.clone(),
            yields: BTreeMap::from([(list, came)]),
            changes: vec![store::operations::OperationChange {
                version: 1,
                action: "operation_put".to_owned(),
                at,
                by,
                why: String::new(),
                before: None,
                after: Box::new(operation),
            }],
        });
        [S::Coming, S::Running, S::Ended]
            .iter()
            .for_each(check::<OperationState>);
    }
}
