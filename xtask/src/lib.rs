//! What the project's own chores and its integration tests share: real servers to test against, a Node and a
//! browser to drive the page with, and the folders in which such things are kept.
//!
//! **Enters:** the environment (see the table), Maven, npm and PyPI by package name, Debian's programs.
//! **Leaves:** running servers with their addresses, paths of programs and folders.
//! **Guaranteed:** a server that `start` returned has answered; it ends with the process that started it, even
//! if that process is killed; a failure says what is missing and how to get it. A test that wants a server never
//! skips: it starts one.
//! **Not done here:** no Kafka or SQL client (tests bring their own), and no decisions about what is tested. The
//! chores themselves, `cargo xtask up` and `cargo xtask test`, are the binary beside this library.
//!
//! Read [`servers::Kafka`] first, then [`servers::shared_kafka`].
//!
//! | variable | meaning |
//! |---|---|
//! | `STEELRING_TEST_CACHE` | the cache folder, instead of `steelring` in `XDG_CACHE_HOME` or `~/.cache` |
//! | `STEELRING_TEST_SHARED` | the folder of sample data, instead of `shared` beside the checkout |
//! | `STEELRING_TEST_KAFKA` | brokers of a running Kafka for [`servers::shared_kafka`] |
//! | `STEELRING_TEST_POSTGRES` | URL of a running PostgreSQL for [`servers::shared_postgres`] |

pub mod cache;
pub mod page;
mod paths;
pub mod plot;
pub mod run;
pub mod servers;
pub mod wheels;

pub use paths::{shared_dir, shared_file, workspace_root};
