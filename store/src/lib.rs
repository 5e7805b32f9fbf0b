//! What must outlive a restart, in PostgreSQL for a force or SQLite on one machine.
//!
//! **Enters:** hits, people's commands, units' progress, lists, users. **Leaves:** cases and their events in one order,
//! lists and their revisions, the audit trail.
//! **Guaranteed:** one transaction for each change, with its event in the outbox and its audit row; rules that matter
//! are constraints: a hit once, one open case for a vehicle, one active deployment for a unit.
//! **Not here:** which transition is right (`domain::case`), which unit is nearest (`dispatcher`), passwords and
//! tokens in clear (only their hashes come here).
//!
//! Read [`Store`] first; its methods stand in the module of what they are about.

pub mod audit;
pub mod cases;
pub mod events;
pub mod hotlists;
pub mod image_links;
pub mod images;
pub mod sources;
pub mod users;

mod arrivals;
mod database;
mod diff;
mod sql;
mod transaction;

pub use database::{Store, StoreError};
pub use sql::MAX_ROWS;
