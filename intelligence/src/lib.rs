//! What is looked for: hotlists in from files, checked, compared, published.
//!
//! **Enters:** the bytes of a list as a force exports it: the 16 columns of the UK vehicle-of-interest file, alone or
//! zipped, CSV with a header row or a mapping of its columns, or JSON. **Leaves:** [`Entry`](domain::hotlist::Entry) values
//! with every bad row named by line, column and reason; and, from [`publish::run`], the stored lists as records of the log's
//! entry topic; and lists as files for others ([`ListExport`]).
//! **Guaranteed:** a bad row costs no neighbour; no message quotes a plate; a list reaches the log whole, ended by
//! the mark of its revision, however often a publisher dies on the way, and however many run at once.
//! **Not here:** what a load replaces (`store` compares and keeps), who may load (`control-room`), what matches
//! (`matcher`), four eyes (`store`), what a rule's effects do to a case (`domain::case`),
//! people and their vehicles (`domain::nominal`, `store`).
//!
//! Read [`parse`] and [`Parsed`] first, then [`publish`], then [`feeds`], then [`rules`]. For people: `docs/hotlists.md`.

mod cells;
mod container;
mod digests;
mod error;
mod export;
pub mod feeds;
mod file;
mod guess;
mod json;
mod layout;
mod mapping;
mod mirror;
mod parse;
pub mod publish;
mod records;
mod row;
pub mod rules;
mod single;
mod suspicion;

pub use error::IntelligenceError;
pub use export::{ListExport, source_id};
pub use file::ListFile;
pub use guess::{Guess, GuessedColumn};
pub use mapping::{Key, MAX_MAPPING_BYTES, Mapping};
pub use parse::{MAX_FAULTS_KEPT, MAX_LIST_BYTES, MAX_ROWS, Options, Parsed, RowFault, parse, parse_with};
pub use single::{EntrySaid, parse_entry};
