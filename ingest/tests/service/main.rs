//! What a source, an administrator and the log see of a running ingest.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod accepted;
mod cars;
mod dead_letters;
mod outages;
mod refused;
mod world;
