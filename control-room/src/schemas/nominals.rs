//! People known to intelligence.
#![allow(dead_code, reason = "these types are drawings: never built, only described")]

use jiff::Timestamp;
#[cfg(test)]
use serde::Deserialize;
use utoipa::ToSchema;

use super::*;

drawn! {
    /// A person known to intelligence.
    struct Nominal {
        /// What intelligence calls them, such as a PNC id.
        reference: String,
        /// May be empty.
        name: String,
        markers: Vec<PersonMarker>,
        links: Vec<Link>,
    }

    /// A nominal as it stands.
    struct StoredNominal {
        reference: String,
        /// May be empty.
        name: String,
        markers: Vec<PersonMarker>,
        links: Vec<Link>,
        /// Counts its changes.
        version: u64,
        changed_at: Timestamp,
        changed_by: String,
    }

    /// A coded fact about a person.
    struct PersonMarker {
        marker: Marker,
        /// Such as a MAPPA level or the conditions of an order; may be empty.
        detail: String,
    }

    /// A vehicle of a person.
    struct Link {
        vrm: String,
        relation: Relation,
        /// Where this is known from.
        source: String,
        /// 5x5x5, such as `B23`.
        grading: String,
        /// The day that it was known.
        date: String,
    }

    /// One change of a nominal.
    struct NominalChange {
        version: u64,
        /// `nominal_put`, `nominal_linked`, `nominal_unlinked` or `nominal_removed`.
        action: String,
        at: Timestamp,
        by: String,
        why: String,
        /// Null where nobody was known under that reference.
        before: Option<Nominal>,
        /// Null where it went.
        after: Option<Nominal>,
    }

    /// A nominal with its past.
    struct NominalRecord {
        /// Null where it was removed.
        nominal: Option<StoredNominal>,
        /// The newest first.
        changes: Vec<NominalChange>,
    }

    /// What a change did.
    struct NominalChanged {
        version: u64,
        /// What it did to the list `nominals`; null where no vehicle is or was linked.
        list: Option<ListChange>,
    }
}
