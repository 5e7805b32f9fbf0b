//! Without the log the room goes on with what the store has.

use std::ops::Range;
use std::sync::Arc;

use async_trait::async_trait;
use reqwest::{Method, StatusCode};
use stream::topic::Topic;
use stream::{Consumer, Delivered, Log, LogError, Place, Record, Start, Tail};

use crate::harness::{Room, answer, memory};

/// A log that cannot be reached.
struct Away;

fn away<T>() -> Result<T, LogError> {
    Err(LogError::Unavailable("no broker answers".to_owned()))
}

#[async_trait]
impl Log for Away {
    async fn create_topics(&self) -> Result<(), LogError> {
        away()
    }
    async fn publish(&self, _: Topic, _: Vec<Record>) -> Result<(), LogError> {
        away()
    }
    async fn subscribe(&self, _: &str, _: &[Topic]) -> Result<Box<dyn Consumer>, LogError> {
        away()
    }
    async fn tail(&self, _: Topic, _: Start) -> Result<Box<dyn Tail>, LogError> {
        away()
    }
    async fn replay(&self, _: Topic, _: u32, _: Range<u64>) -> Result<Box<dyn Tail>, LogError> {
        away()
    }

    async fn read_at(&self, _: Place) -> Result<Option<Delivered>, LogError> {
        away()
    }
    async fn check(&self) -> Result<(), LogError> {
        away()
    }
    async fn close(&self) -> Result<(), LogError> {
        Ok(())
    }
}

#[tokio::test]
async fn without_the_log_cases_still_come_live_and_the_beat_says_what_is_missing() {
    let room = Room::open_with(memory().await, Arc::new(Away)).await;
    let browser = room.sign_in("operator").await;
    let mut live = browser.listen(None, None).await;
    let beat = live.next_of("beat").await.unwrap().json();
    assert_eq!(beat["feeds"]["log"], "away");
    assert!(beat["feeds"]["reads_per_s"].is_null());
    room.hit("QX07PLT", 1).await;
    assert_eq!(live.next_of("case").await.unwrap().id, Some(1));
    assert!(room.ready.get(), "readiness is about the database");
    assert_eq!(
        answer(room.request(Method::GET, "/readyz")).await.0,
        StatusCode::OK
    );
}
