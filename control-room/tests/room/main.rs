//! The control room over HTTP, as browsers and programs meet it.

#![allow(clippy::unwrap_used, reason = "clippy knows the tests, not what they share")]

mod access;
mod confusion;
mod connections;
mod data;
mod deciding;
mod distribution;
mod feeds;
mod four_eyes;
mod harness;
mod live;
mod nominals;
mod operations;
mod outage;
mod restricted;
mod sign_in;
mod yields;
