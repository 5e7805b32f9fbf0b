//! Several events of one car are one read, also across a restart.

use std::sync::atomic::Ordering;
use std::time::Duration;

use reqwest::StatusCode;
use serde_json::{Value, json};

use crate::world::World;

fn event(state: &str, car: &str, plate: &str, confidence: &str, second: i64) -> String {
    let at = 1_790_000_000_000 + second * 1_000;
    json!({"capture_timestamp": at.to_string(), "plateUTF8": plate, "plateConfidence": confidence, "carState": state,
        "carID": car, "camera_info": {"SerialNumber": "ACCC8ED3290D"}})
    .to_string()
}

async fn post(world: &World, event: String) -> Value {
    let (status, body) = world.post_json("/vendors/axis", &event).await;
    assert_eq!(status, StatusCode::OK, "{body}");
    body
}

#[tokio::test]
async fn new_update_and_lost_are_one_read_with_the_best_plate() {
    let world = World::start().await;
    assert_eq!(
        post(&world, event("new", "1", "AB12CDE", "0.5", 1)).await,
        json!({"accepted": [], "held": 1})
    );
    post(&world, event("update", "1", "AB12CDF", "0.9", 2)).await;
    assert!(world.reads().await.is_empty());
    let lost = event("lost", "1", "AB12CDG", "0.7", 3);
    let answer = post(&world, lost.clone()).await;
    assert_eq!(
        post(&world, lost).await,
        answer,
        "a retransmission names the same read"
    );
    let reads = world.reads().await;
    assert_eq!(reads.len(), 1);
    assert_eq!(
        (reads[0].vrm.as_str(), reads[0].camera.as_str()),
        ("AB12CDF", "C3")
    );
    assert_eq!(answer, json!({"accepted": [reads[0].read_id]}));
    world.stop().await;
}

#[tokio::test]
async fn a_car_held_over_a_restart_is_still_one_read() {
    let world = World::start().await;
    post(&world, event("new", "1", "AB12CDE", "0.9", 1)).await;
    post(&world, event("new", "2", "XY34ZZZ", "0.9", 1)).await;
    post(&world, event("lost", "2", "XY34ZZZ", "0.9", 2)).await;
    let world = world.restart().await;
    post(&world, event("lost", "2", "XY34ZZZ", "0.9", 2)).await;
    post(&world, event("update", "1", "AB12CDF", "0.5", 2)).await;
    let world = world.restart().await;
    post(&world, event("lost", "1", "AB12CDG", "0.5", 3)).await;
    let marks: Vec<_> = world
        .reads()
        .await
        .iter()
        .map(|read| read.vrm.to_string())
        .collect();
    assert_eq!(marks, ["XY34ZZZ", "AB12CDE"]);
    world.stop().await;
}

#[tokio::test]
async fn a_silent_car_is_complete_after_ten_seconds_also_across_a_restart() {
    let world = World::start().await;
    post(&world, event("new", "1", "AB12CDE", "0.9", 1)).await;
    let world = world.restart().await;
    tokio::time::sleep(Duration::from_secs(8)).await;
    assert!(world.reads().await.is_empty());
    tokio::time::sleep(Duration::from_millis(3_500)).await;
    assert_eq!(world.reads().await.len(), 1);
    post(&world, event("lost", "1", "AB12CDE", "0.9", 12)).await;
    assert_eq!(world.reads().await.len(), 1, "a late lost makes no second read");
    world.stop().await;
}

#[tokio::test]
async fn an_outage_between_holding_and_publishing_makes_one_read_in_the_end() {
    let world = World::start().await;
    post(&world, event("new", "1", "AB12CDE", "0.5", 1)).await;
    world.log.held_fail.store(true, Ordering::SeqCst);
    let lost = event("lost", "1", "AB12CDF", "0.9", 2);
    assert_eq!(
        world.post_json("/vendors/axis", &lost).await.0,
        StatusCode::SERVICE_UNAVAILABLE
    );
    world.log.held_fail.store(false, Ordering::SeqCst);
    world.log.reads_fail.store(true, Ordering::SeqCst);
    assert_eq!(
        world.post_json("/vendors/axis", &lost).await.0,
        StatusCode::SERVICE_UNAVAILABLE
    );
    world.log.reads_fail.store(false, Ordering::SeqCst);
    tokio::time::sleep(Duration::from_millis(1_500)).await;
    let reads = world.reads().await;
    assert_eq!(post(&world, lost).await, json!({"accepted": [reads[0].read_id]}));
    assert_eq!((world.reads().await.len(), reads[0].vrm.as_str()), (1, "AB12CDF"));
    world.stop().await;
}
