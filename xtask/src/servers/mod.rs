//! Real servers for tests: Apache Kafka and PostgreSQL as child processes on loopback ports of their own.
//!
//! A test that stops, kills or restarts a server starts its own ([`Kafka::start`], [`Postgres::start`]). A test
//! that only needs one to be there asks for the shared one: the server that `cargo xtask test` started for the
//! whole run, or else one started for this test process.

mod kafka;
mod ports;
mod postgres;
mod process;
mod scratch;

use std::env;
use std::sync::OnceLock;

use anyhow::{Result, anyhow};

pub use kafka::Kafka;
pub use ports::free as free_port;
pub use postgres::{Database, Postgres};
pub use process::Process;
pub use rustix::process::Signal;
pub use scratch::folder as scratch_folder;

/// Names the brokers of a Kafka that is already running.
pub const TEST_KAFKA: &str = "STEELRING_TEST_KAFKA";
/// Names the URL of a PostgreSQL that is already running; its user may create databases.
pub const TEST_POSTGRES: &str = "STEELRING_TEST_POSTGRES";

/// The brokers of a Kafka that tests share: use topic and group names of your own on it.
pub fn shared_kafka() -> Result<&'static str> {
    static SHARED: OnceLock<Result<(String, Option<Kafka>), String>> = OnceLock::new();
    let started = SHARED.get_or_init(|| match env::var(TEST_KAFKA) {
        Ok(brokers) => Ok((brokers, None)),
        Err(_) => {
            let kafka = Kafka::start().map_err(|error| format!("{error:#}"))?;
            Ok((kafka.brokers().to_owned(), Some(kafka)))
        }
    });
    started
        .as_ref()
        .map(|(brokers, _)| brokers.as_str())
        .map_err(|error| anyhow!("no Kafka for tests: {error}"))
}

/// A PostgreSQL that tests share: make a database of your own on it with [`Database::create`] or
/// [`Database::create_fresh`].
pub fn shared_postgres() -> Result<&'static Database> {
    static SHARED: OnceLock<Result<(Database, Option<Postgres>), String>> = OnceLock::new();
    let started = SHARED.get_or_init(|| match env::var(TEST_POSTGRES) {
        Ok(url) => Ok((Database::at(url), None)),
        Err(_) => {
            let postgres = Postgres::start().map_err(|error| format!("{error:#}"))?;
            Ok((postgres.database().clone(), Some(postgres)))
        }
    });
    started
        .as_ref()
        .map(|(database, _)| database)
        .map_err(|error| anyhow!("no PostgreSQL for tests: {error}"))
}
