//! The dispatcher whole, on an embedded log in memory and SQLite.

#![allow(clippy::unwrap_used, reason = "a panic is how a test fails")]

use std::sync::Arc;
use std::time::Duration;

use dispatcher::Parts;
use domain::case::{Case, CaseEvent, CaseState, Command, DeploymentState, EventKind};
use domain::force::{Bcu, Camera, Force};
use domain::geo::Area;
use domain::hit::Hit;
use domain::hotlist::{Action, Entry, Grade, Marker, Revision};
use domain::observation::{Child, Observation, Observer, Occupants};
use domain::policy::ListPolicy;
use domain::read::RawRead;
use domain::unit::{UnitPosition, UnitState};
use domain::{BcuCode, CallSign, CameraId, ListName, Position, SourceName, Timestamp, UserName, Vrm};
use intelligence::rules::RuleFile;
use store::Store;
use store::cases::CaseFilter;
use stream::embedded::EmbeddedLog;
use stream::ready::Ready;
use stream::topic::Topic;
use stream::{Log, Start, wire};
use tokio_util::sync::CancellationToken;

const RULES: &str = include_str!("../../data/merseyside/rules.toml");

struct World {
    log: Arc<dyn Log>,
    store: Store,
    shutdown: CancellationToken,
    running: tokio::task::JoinHandle<Result<(), dispatcher::DispatcherError>>,
}

fn place(lat: f64, lon: f64) -> Position {
    Position::new(lat, lon).unwrap()
}

fn force() -> Arc<Force> {
    let camera = Camera {
        camera: CameraId::parse("c1").unwrap(),
        site: domain::SiteId::parse("s1").unwrap(),
        name: "the one".into(),
        bcu: BcuCode::parse("A").unwrap(),
        road: "A1".into(),
        position: place(53.4, -2.9),
        bearing_deg: 0.0,
        cctv: None,
    };
    let bcu = Bcu {
        code: BcuCode::parse("A").unwrap(),
        name: "A".into(),
        outline: Area::default(),
    };
    Arc::new(Force {
        name: "Test".into(),
        control_room: "Test".into(),
        timezone: jiff::tz::TimeZone::UTC,
        bcus: vec![bcu],
        cameras: vec![camera],
        roads: Vec::new(),
        units: Vec::new(),
    })
}

async fn start() -> World {
    let log: Arc<dyn Log> = Arc::new(EmbeddedLog::in_memory());
    log.create_topics().await.unwrap();
    let store = Store::open("sqlite::memory:").await.unwrap();
    let shutdown = CancellationToken::new();
    let parts = Parts {
        usual_policy: ListPolicy::default(),
        log: Arc::clone(&log),
        store: store.clone(),
        force: force(),
        rules: Arc::new(RuleFile::parse(RULES).unwrap_or_else(|faults| panic!("{faults:?}"))),
    };
    let running = tokio::spawn(dispatcher::run(parts, Ready::default(), shutdown.clone()));
    World {
        log,
        store,
        shutdown,
        running,
    }
}

impl World {
    async fn publish_hit(&self, hit: &Hit) {
        self.log
            .publish(Topic::Hits, vec![wire::hit_record(hit).unwrap()])
            .await
            .unwrap();
    }

    async fn publish_unit(&self, unit: &UnitPosition) {
        self.log
            .publish(Topic::UnitPositions, vec![wire::position_record(unit).unwrap()])
            .await
            .unwrap();
    }

    async fn open_cases(&self) -> Vec<Case> {
        let filter = CaseFilter {
            open_only: true,
            limit: 100,
            ..CaseFilter::default()
        };
        self.store.cases(&filter).await.unwrap()
    }

    async fn stop(self) {
        self.shutdown.cancel();
        tokio::time::timeout(Duration::from_secs(5), self.running)
            .await
            .unwrap()
            .unwrap()
            .unwrap();
    }
}

fn hit(plate: &str, grade: Grade, second: i64) -> Hit {
    let now = Timestamp::now();
    let captured_at = Timestamp::from_second(now.as_second() + second - 100).unwrap();
    let raw = RawRead {
        plate: plate.into(),
        captured_at,
        ..RawRead::default()
    };
    let read = raw
        .check(
            CameraId::parse("c1").unwrap(),
            SourceName::parse("test").unwrap(),
            now,
        )
        .unwrap();
    let (list, vrm) = (ListName::parse("list").unwrap(), Vrm::parse(plate).unwrap());
    let entry = Entry {
        grade,
        action: Action::Stop,
        reason: "test".into(),
        ..Entry::new(&list, vrm, "", now)
    };
    Hit::exact(read, entry, Revision(1), now)
}

fn unit(name: &str, state: UnitState, deployment: Option<domain::DeploymentId>) -> UnitPosition {
    UnitPosition {
        callsign: CallSign::parse(name).unwrap(),
        bcu: BcuCode::parse("A").unwrap(),
        position: place(53.41, -2.9),
        heading: 0.0,
        speed_kmh: 0.0,
        state,
        deployment,
        crew: 2,
        skills: Vec::new(),
        at: Timestamp::now(),
    }
}

/// Waits for something that the dispatcher does in its own time.
async fn until<T, F: Future<Output = Option<T>>>(what: &str, mut attempt: impl FnMut() -> F) -> T {
    for _ in 0..600 {
        if let Some(value) = attempt().await {
            return value;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    panic!("never: {what}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_hit_delivered_twice_counts_once_and_grade_4_opens_no_case() {
    let world = start().await;
    let wanted = hit("AB12CDE", Grade::Two, 0);
    for hit in [&wanted, &wanted, &hit("AC12CDE", Grade::Four, 0), &wanted] {
        world.publish_hit(hit).await;
    }
    until("two hits stored", || async {
        (world.store.count_hits().await.unwrap() == 2).then_some(())
    })
    .await;
    let cases = world.open_cases().await;
    assert_eq!(cases.len(), 1);
    assert_eq!(
        (cases[0].sightings, cases[0].bcu.as_ref().map(BcuCode::as_str)),
        (1, Some("A"))
    );
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_unit_is_proposed_and_its_own_reports_move_its_deployment_on() {
    let world = start().await;
    world.publish_unit(&unit("U1", UnitState::Available, None)).await;
    world.publish_hit(&hit("AB12CDE", Grade::One, 0)).await;
    let case = until("a ranked case", || async {
        let case = world.open_cases().await.pop()?;
        let record = world.store.case(case.case_id).await.unwrap();
        (record.proposals.first()?.callsign.as_str() == "U1").then_some(case)
    })
    .await;

    let ann = UserName::parse("ann").unwrap();
    let now = Timestamp::now();
    world
        .store
        .decide(case.case_id, &Command::Confirm, 0, &ann, now)
        .await
        .unwrap();
    let deploy = Command::Deploy {
        callsign: CallSign::parse("U1").unwrap(),
    };
    let event = world
        .store
        .decide(case.case_id, &deploy, 1, &ann, now)
        .await
        .unwrap();
    let deployment = event.deployments[0].deployment_id;
    for (said, expected) in [
        (UnitState::Accepted, DeploymentState::Accepted),
        (UnitState::EnRoute, DeploymentState::EnRoute),
        (UnitState::EnRoute, DeploymentState::EnRoute),
        (UnitState::AtScene, DeploymentState::AtScene),
        (UnitState::Available, DeploymentState::Cleared),
    ] {
        world.publish_unit(&unit("U1", said, Some(deployment))).await;
        until("the deployment moves on", || async {
            let record = world.store.case(case.case_id).await.unwrap();
            (record.deployments[0].state == expected).then_some(())
        })
        .await;
    }
    let record = world.store.case(case.case_id).await.unwrap();
    assert_eq!(
        record.case.state,
        CaseState::Deployed,
        "clearing a unit does not close the case"
    );
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn every_event_reaches_the_log_in_the_stores_order() {
    let world = start().await;
    for number in 0..50 {
        world
            .publish_hit(&hit(&format!("AB{number:02}CDE"), Grade::Two, 0))
            .await;
    }
    until("fifty cases", || async {
        (world.open_cases().await.len() == 50).then_some(())
    })
    .await;
    let (log, store) = (Arc::clone(&world.log), world.store.clone());
    world.stop().await;
    let mut tail = log.tail(Topic::CaseEvents, Start::Beginning).await.unwrap();
    let mut relayed = Vec::new();
    while !tail.caught_up() {
        relayed.extend(tail.poll(1_000, Duration::from_millis(100)).await.unwrap());
    }
    let sequences: Vec<u64> = relayed
        .iter()
        .map(|record| wire::sequence_of(record).unwrap())
        .collect();
    assert_eq!(
        sequences,
        (1..=store.last_event().await.unwrap()).collect::<Vec<_>>()
    );
    let opened = relayed
        .iter()
        .filter(|record| wire::decode::<CaseEvent>(record).unwrap().kind == EventKind::Opened);
    assert_eq!(opened.count(), 50);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_child_that_a_camera_saw_makes_a_sex_offenders_case_grade_1_whichever_comes_first() {
    for hit_first in [true, false] {
        let world = start().await;
        let mut hit = hit("AB12CDE", Grade::Two, 0);
        hit.entry.markers = vec![Marker::RegisteredSexOffender];
        let camera = hit.read.camera.clone();
        let seen = Observation::new(
            hit.read.vrm,
            Child::Seen,
            Occupants::try_from(2).ok(),
            Observer::Camera { camera },
            hit.read.captured_at,
        );
        if hit_first {
            world.publish_hit(&hit).await;
            until("the operator is asked", || async {
                (!world.open_cases().await.pop()?.questions.is_empty()).then_some(())
            })
            .await;
        }
        let record = wire::observation_record(&seen).unwrap();
        world
            .log
            .publish(Topic::Observations, vec![record])
            .await
            .unwrap();
        if !hit_first {
            until("the observation is kept", || async {
                let reached = world.store.consumed(Topic::Observations.name()).await.unwrap();
                (!reached.is_empty()).then_some(())
            })
            .await;
            world.publish_hit(&hit).await;
        }
        let case = until("the case is grade 1", || async {
            let case = world.open_cases().await.pop()?;
            (case.grade == Grade::One && !case.instructions.is_empty()).then_some(case)
        })
        .await;
        let waits = case.questions.iter().any(|question| question.answer.is_none());
        assert!(!waits, "what the camera saw answers: {:?}", case.questions);
        assert!(case.restricted.is_some());
        let calls = world.store.notifications(10).await.unwrap();
        let mut desks: Vec<&str> = calls.iter().map(|call| call.desk.as_str()).collect();
        desks.sort_unstable();
        assert_eq!(
            desks,
            ["A family crime investigation unit", "A sex-offender unit"]
        );
        assert_eq!(world.store.follow_ups(true, 10).await.unwrap().len(), 1);
        world.stop().await;
    }
}
