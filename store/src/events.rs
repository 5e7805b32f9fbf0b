//! The outbox: every case event in one order without gaps, to be relayed to the log and pushed to browsers.

use domain::case::CaseEvent;

use crate::{Store, StoreError};

/// An event with its place in the order of all. The first is 1; there are no gaps, and an event becomes visible only
/// after every earlier one.
#[derive(Clone, Debug, PartialEq)]
pub struct Sequenced {
    /// Its place.
    pub sequence: u64,
    /// The event.
    pub event: CaseEvent,
}

impl Store {
    /// Events behind `sequence`, oldest first, at most `limit`.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn events_after(&self, sequence: u64, limit: u32) -> Result<Vec<Sequenced>, StoreError> {
        let _ = (sequence, limit);
        unimplemented!()
    }

    /// The newest event's place; 0 where there is none.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn last_event(&self) -> Result<u64, StoreError> {
        unimplemented!()
    }

    /// Up to which event the outbox was relayed to the log.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn relayed(&self) -> Result<u64, StoreError> {
        unimplemented!()
    }

    /// Records that events up to `sequence` are durable in the log. Never goes back.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn set_relayed(&self, sequence: u64) -> Result<(), StoreError> {
        let _ = sequence;
        unimplemented!()
    }

    /// Wakes whenever this handle (or a clone of it) has written an event. Another process's writes do not wake it:
    /// whoever waits also looks now and then.
    pub async fn event_written(&self) {
        unimplemented!()
    }
}
