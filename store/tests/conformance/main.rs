//! One suite of claims about the store, run on SQLite in a file, SQLite in memory and real PostgreSQL.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on ends here")]

mod world;
