//! The shells on the embedded log: what the world makes arrives, and deployments are answered.

#![allow(
    clippy::unwrap_used,
    reason = "helpers of tests, which clippy does not take for tests"
)]

mod common;

use std::sync::Arc;
use std::time::{Duration, Instant};

use common::merseyside;
use domain::case::{self, Command, DeploymentState};
use domain::hit::Hit;
use domain::hotlist::Revision;
use domain::read::PlateRead;
use domain::unit::{UnitPosition, UnitState};
use domain::{Timestamp, UserName};
use simulator::{Demand, Parts, SOURCE, World, offer, run};
use store::images::Images;
use stream::embedded::EmbeddedLog;
use stream::topic::Topic;
use stream::{Log, Start, Tail, wire};
use tokio_util::sync::CancellationToken;

const WAIT: Duration = Duration::from_millis(200);
/// Longest wait for something that takes seconds: other tests share the machine.
const PATIENCE: Duration = Duration::from_secs(60);

async fn log() -> Arc<dyn Log> {
    let log = EmbeddedLog::in_memory();
    log.create_topics().await.unwrap();
    Arc::new(log)
}

/// Polls until `found` makes something of a record.
async fn until<T: serde::de::DeserializeOwned, R>(
    tail: &mut dyn Tail,
    mut found: impl FnMut(T) -> Option<R>,
) -> R {
    let begun = Instant::now();
    while begun.elapsed() < PATIENCE {
        for record in tail.poll(1_000, WAIT).await.unwrap() {
            if let Some(result) = found(wire::decode(&record).unwrap()) {
                return result;
            }
        }
    }
    panic!("nothing came in {PATIENCE:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_running_ring_publishes_reads_with_images_and_its_units_answer_a_deployment() {
    let force = merseyside();
    let folder = tempfile::tempdir().unwrap();
    let images = Images::open(folder.path().to_str().unwrap()).unwrap();
    let log = log().await;
    let mut reads = log.tail(Topic::Reads, Start::Beginning).await.unwrap();
    let mut positions = log.tail(Topic::UnitPositions, Start::Beginning).await.unwrap();
    let shutdown = CancellationToken::new();
    let parts = Parts {
        log: Arc::clone(&log),
        images: images.clone(),
        force: Arc::clone(&force),
        rate: 50.0,
        seed: 1,
    };
    let ring = tokio::spawn(run(parts, shutdown.clone()));

    let read = until(reads.as_mut(), |read: PlateRead| {
        read.plate_image.is_some().then_some(read)
    })
    .await;
    assert_eq!(read.source.as_str(), SOURCE);
    for image in [read.plate_image, read.overview_image] {
        let (bytes, kind) = images.get(image.unwrap()).await.unwrap().unwrap();
        assert!(!bytes.is_empty());
        assert_eq!(kind, "image/png");
    }

    let unit = until(positions.as_mut(), |unit: UnitPosition| {
        (unit.state == UnitState::Available).then_some(unit)
    })
    .await;
    let lists = World::new(1, force).unwrap().hotlists(Timestamp::now());
    let now = Timestamp::now();
    let hit = Hit::exact(read, lists[0].1[0].clone(), Revision(1), now);
    let operator = UserName::parse("operator").unwrap();
    let opened = case::open(&hit, None, now).case;
    let confirmed = case::decide(&opened, &[], &Command::Confirm, 0, &operator, now)
        .unwrap()
        .case;
    let callsign = unit.callsign.clone();
    let deploy = Command::Deploy {
        callsign: callsign.clone(),
    };
    let deployed = case::decide(&confirmed, &[], &deploy, 1, &operator, now).unwrap();
    let deployment = deployed.deployments[0].clone();
    assert_eq!(deployment.state, DeploymentState::Proposed);
    log.publish(
        Topic::CaseEvents,
        vec![wire::case_event_record(1, &deployed).unwrap()],
    )
    .await
    .unwrap();
    for wanted in [UnitState::Accepted, UnitState::EnRoute] {
        until(positions.as_mut(), |unit: UnitPosition| {
            (unit.deployment == Some(deployment.deployment_id) && unit.state == wanted)
                .then(|| assert_eq!(unit.callsign, callsign))
        })
        .await;
    }

    shutdown.cancel();
    let stopped = tokio::time::timeout(Duration::from_secs(5), ring).await;
    stopped.expect("stops within 5 s").unwrap().unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn an_offer_acknowledges_every_read_in_the_log() {
    let log = log().await;
    let world = World::new(1, merseyside()).unwrap();
    let mut heard = 0;
    let mut progress = |reads, _| heard = reads;
    let offered = offer(Arc::clone(&log), &world, Demand::flat(500.0), 2.0, &mut progress)
        .await
        .unwrap();
    assert!(offered.reads > 500, "{}", offered.reads);
    assert_eq!(heard, offered.reads);
    let mut tail = log.tail(Topic::Reads, Start::Beginning).await.unwrap();
    let mut there = 0;
    while !tail.caught_up() {
        there += tail.poll(1_000, WAIT).await.unwrap().len() as u64;
    }
    assert_eq!(there, offered.reads);
}
