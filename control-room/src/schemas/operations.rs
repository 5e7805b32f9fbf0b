//! Operations.
#![allow(dead_code, reason = "these types are drawings: never built, only described")]

use std::collections::BTreeMap;

use jiff::Timestamp;
#[cfg(test)]
use serde::Deserialize;
use utoipa::ToSchema;

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

    /// How often what came of lists.
    struct Yield {
        /// Reads that matched.
        hits: u64,
        /// Cases that a person confirmed.
        confirmed: u64,
        /// Units that were sent.
        deployments: u64,
        /// Cases that ended, by outcome.
        outcomes: BTreeMap<String, u64>,
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
