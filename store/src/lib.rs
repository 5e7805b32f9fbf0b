//! What must outlive a restart, in PostgreSQL for a force or SQLite on one machine.
//!
//! **Enters:** hits, people's commands, units' progress, lists, users. **Leaves:** cases and their events in one order,
//! lists and their revisions, the audit trail.
//! **Guaranteed:** one transaction for each change, with its event in the outbox and its audit row; rules that matter
//! are constraints: a hit once, one open case for a vehicle, one active deployment for a unit.
//! **Not here:** which transition is right (`domain::case`), which unit is nearest (`dispatcher`), passwords and
//! tokens in clear (only their hashes come here).
//!
//! Both databases are spoken to through sqlx's `Any` driver in one SQL text (`migrations/0001_tables.sql`, `$1`
//! placeholders); where they differ there is a function: `Tx::for_update`, the table `given` of `sql::write_rows`, the
//! placeholders of `sql::insert_rows`; PostgreSQL's word of new events (`ear`); and triggers and a table in order of mark
//! (`migrations/sqlite`, `migrations/postgres`). A commit is on disk when a call returns: SQLite runs with `synchronous = FULL`,
//! PostgreSQL as its server is set. SQLite has one writing connection: whoever waits longer than 5 s for it gets
//! [`StoreError::Unavailable`] and tries again. So a large change of a list is written aside in short transactions (`shelves`), and
//! so is a large draft (`draft_entries`).
//!
//! Nothing is pruned here yet: hits, events, ended cases and the audit trail stay.
//!
//! Read [`Store`] first; its methods stand in the module of what they are about.

pub mod audit;
pub mod cases;
pub mod changes;
pub mod distribution;
pub mod drafts;
pub mod elsewhere;
pub mod events;
pub mod feeds;
pub mod follow_ups;
pub mod history;
pub mod hotlists;
pub mod image_links;
pub mod images;
pub mod nominals;
pub mod notices;
pub mod observations;
pub mod operations;
pub mod policies;
pub mod reviews;
pub mod rows;
pub mod rules;
pub mod sources;
pub mod users;
pub mod yields;

mod arrivals;
mod aside;
mod database;
mod diff;
mod draft_entries;
mod ear;
mod entries;
mod recall;
mod shelves;
mod sql;
mod transaction;

pub use aside::{aside, compute, rest};
pub use database::{Store, StoreError};
pub use sql::MAX_ROWS;
