//! The control room over HTTP, as browsers and programs meet it.

mod access;
mod data;
mod deciding;
mod harness;
mod live;
mod outage;
mod sign_in;
