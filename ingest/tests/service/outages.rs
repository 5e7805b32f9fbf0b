//! While something is away, nothing is half accepted, and everything recovers unaided.

use std::sync::atomic::Ordering;
use std::time::Duration;

use reqwest::StatusCode;
use serde_json::json;

use crate::world::{World, answer};

const READ: &str = r#"{"camera":"C1","plate":"AB12CDE","captured_at":"2026-07-01T12:00:00Z"}"#;
const BAD: &str = r#"{"camera":"C1","plate":"unknown","captured_at":"2026-07-01T12:00:00Z"}"#;

async fn post(world: &World, body: &str) -> StatusCode {
    let response = world
        .post("/v1/reads", "application/json", body.to_owned())
        .send()
        .await
        .unwrap();
    let status = response.status();
    assert_eq!(
        response.headers().contains_key("retry-after"),
        status == StatusCode::SERVICE_UNAVAILABLE
    );
    status
}

async fn wait_for(what: impl Fn() -> bool) {
    for _ in 0..100 {
        if what() {
            return;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    panic!("not within 5 s");
}

#[tokio::test]
async fn a_log_that_is_away_means_503_and_nothing_accepted() {
    let world = World::start().await;
    wait_for(|| world.ready.get()).await;
    world.log.reads_fail.store(true, Ordering::SeqCst);
    assert_eq!(post(&world, READ).await, StatusCode::SERVICE_UNAVAILABLE);
    wait_for(|| !world.ready.get()).await;
    world.log.reads_fail.store(false, Ordering::SeqCst);
    assert!(world.reads().await.is_empty());
    assert_eq!(post(&world, READ).await, StatusCode::OK);
    wait_for(|| world.ready.get()).await;
    world.stop().await;
}

#[tokio::test]
async fn a_dead_letter_that_cannot_be_kept_means_503_for_the_whole_batch() {
    let world = World::start().await;
    world.log.dead_letters_fail.store(true, Ordering::SeqCst);
    assert_eq!(post(&world, BAD).await, StatusCode::SERVICE_UNAVAILABLE);
    assert_eq!(
        post(&world, &format!("[{READ},{BAD}]")).await,
        StatusCode::SERVICE_UNAVAILABLE
    );
    assert!(world.reads().await.is_empty());
    world.log.dead_letters_fail.store(false, Ordering::SeqCst);
    assert_eq!(
        post(&world, &format!("[{READ},{BAD}]")).await,
        StatusCode::MULTI_STATUS
    );
    assert_eq!(
        (world.reads().await.len(), world.dead_letters().await.len()),
        (1, 1)
    );
    world.stop().await;
}

#[tokio::test]
async fn an_image_store_that_is_away_means_503_and_no_read_without_its_image() {
    let world = World::start().await;
    let images = world.folder.path().join("images");
    std::fs::remove_dir_all(&images).unwrap();
    std::fs::write(&images, "in the way").unwrap();
    let read = json!({"camera": "C1", "plate": "AB12CDE", "captured_at": "2026-07-01T12:00:00Z", "plate_image": "/9j/4AAQ"});
    let with_image = read.to_string();
    assert_eq!(post(&world, &with_image).await, StatusCode::SERVICE_UNAVAILABLE);
    assert!(world.reads().await.is_empty());
    std::fs::remove_file(&images).unwrap();
    std::fs::create_dir(&images).unwrap();
    assert_eq!(post(&world, &with_image).await, StatusCode::OK);
    world.stop().await;
}

#[tokio::test]
async fn what_is_in_flight_at_the_stop_signal_is_finished() {
    let world = World::start().await;
    let (sender, receiver) = tokio::sync::mpsc::channel::<Result<String, std::io::Error>>(2);
    let body = reqwest::Body::wrap_stream(futures::stream::unfold(receiver, |mut receiver| async {
        receiver.recv().await.map(|chunk| (chunk, receiver))
    }));
    let request = world.post("/v1/reads", "application/json", body).send();
    let posted = tokio::spawn(request);
    sender.send(Ok(READ[..10].to_owned())).await.unwrap();
    tokio::time::sleep(Duration::from_millis(200)).await;
    world.shutdown.cancel();
    tokio::time::sleep(Duration::from_millis(200)).await;
    sender.send(Ok(READ[10..].to_owned())).await.unwrap();
    drop(sender);
    let (status, body) = answer(posted.await.unwrap().unwrap()).await;
    assert_eq!(status, StatusCode::OK, "{body}");
    assert_eq!(world.reads().await.len(), 1);
    assert!(
        world.client.get(&world.address).send().await.is_err(),
        "nobody is let in any more"
    );
    world.stop().await;
}
