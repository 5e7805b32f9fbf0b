//! What is seen in vehicles finds their cases, in whatever order the two come, and once.

use domain::case::{self, Ask, AskedFor, Case, CaseEvent, Effects, EventKind, Refusal, RuleEffect, Trigger};
use domain::observation::{Child, Observation, Observer, Occupants};
use domain::{CameraId, Timestamp, Vrm};
use store::cases::Consumed;
use store::observations::CAMERAS_KEPT;
use store::rules::Holding;
use store::{Store, StoreError};

use crate::world::{World, arrival, at, callsign, entry, mark, opened, user, usual};

claims!(
    what_was_seen_within_half_an_hour_of_a_sighting_is_the_cases_before_and_after_it,
    an_observation_that_comes_twice_counts_once,
    a_camera_observes_the_mark_that_it_read_and_finds_the_case_of_its_read,
    a_case_that_opens_anew_looks_back_as_well,
    an_answer_about_a_child_is_an_observation_and_can_be_corrected,
    any_other_answer_is_kept_with_who_gave_it,
    rules_are_judged_at_what_was_seen_and_answered,
    what_cameras_saw_in_vehicles_that_nobody_looks_for_is_forgotten,
    one_of_a_hit_and_an_observation_finds_the_other_when_they_come_at_once;
    persistent
);

const MARK: &str = "AB12CDE";

fn officer() -> Observer {
    Observer::Officer {
        name: user("olu"),
        unit: Some(callsign("KN11")),
    }
}

fn seen(mark: &str, by: Observer, at: Timestamp) -> Observation {
    let two = Occupants::try_from(2).ok();
    Observation::new(Vrm::parse(mark).unwrap(), Child::Seen, two, by, at)
}

async fn case_of(store: &Store, mark: &str) -> Option<Case> {
    let filter = store::cases::CaseFilter {
        open_only: true,
        vrm: Vrm::parse(mark).ok(),
        ..Default::default()
    };
    store.cases(&filter).await.unwrap().pop()
}

async fn what_was_seen_within_half_an_hour_of_a_sighting_is_the_cases_before_and_after_it(world: &World) {
    let store = world.open().await;
    // Minutes between observation and hit, and whether the case takes it up.
    for (number, (minutes, taken)) in [(30, true), (31, false), (-30, true), (-31, false)]
        .into_iter()
        .enumerate()
    {
        for first in ["hit", "observation"] {
            let mark = mark(number * 2 + usize::from(first == "hit"));
            let hits = [arrival(entry(&mark, 2, "x"), "c1", 0)];
            let observation = seen(&mark, officer(), at(-minutes * 60));
            if first == "hit" {
                store.apply_hits(&hits, &[], usual(), at(0)).await.unwrap();
            }
            store
                .observe(&observation, &user("olu"), at(3_600))
                .await
                .unwrap();
            if first == "observation" {
                store.apply_hits(&hits, &[], usual(), at(3_600)).await.unwrap();
            }
            let case = case_of(&store, &mark).await.unwrap();
            let expected: &[_] = if taken { &[observation] } else { &[] };
            let kept: Vec<_> = case.observed.iter().map(|one| one.observation.clone()).collect();
            assert_eq!(kept, expected, "{minutes} min, {first} first");
            assert!(case.observed.iter().all(|one| one.apart_s == 1_800));
        }
    }
}

async fn an_observation_that_comes_twice_counts_once(world: &World) {
    let store = world.open().await;
    let case = opened(&store, MARK).await;
    let observation = seen(MARK, officer(), at(10));
    let event = store.observe(&observation, &user("olu"), at(20)).await.unwrap();
    assert_eq!(event.map(|event| event.kind), Some(EventKind::Observed));
    assert_eq!(
        store.observe(&observation, &user("olu"), at(30)).await.unwrap(),
        None
    );
    let again = [arrival(entry(MARK, 1, "x"), "c2", 60)];
    store.apply_hits(&again, &[], usual(), at(60)).await.unwrap();
    let record = store.case(case.case_id).await.unwrap();
    assert_eq!(record.case.observed.len(), 1);
    let observed: Vec<_> = record
        .history
        .iter()
        .filter(|line| line.kind == EventKind::Observed)
        .collect();
    assert_eq!(observed.len(), 1);
    assert_eq!(observed[0].by, Some(user("olu")));
    assert_eq!(
        observed[0].detail,
        "child seen, 2 in the vehicle, by officer olu of KN11"
    );
}

async fn a_camera_observes_the_mark_that_it_read_and_finds_the_case_of_its_read(world: &World) {
    let store = world.open().await;
    let camera = CameraId::parse("c1").unwrap();
    // Read with an I for the 1, and matched with the listed mark.
    let misread = |second| {
        let mut arrival = arrival(entry(MARK, 2, "x"), "c1", second);
        arrival.hit.read.vrm = Vrm::parse("ABI2CDE").unwrap();
        let read = &mut arrival.hit.read;
        read.read_id = domain::ReadId::of_read(&read.camera, read.captured_at, read.vrm);
        arrival.hit.hit_id = domain::HitId::of_hit(read.read_id, arrival.hit.entry.entry_id);
        arrival
    };
    let observation = |second| {
        seen(
            "ABI2CDE",
            Observer::Camera {
                camera: camera.clone(),
            },
            at(second),
        )
    };
    let consumed = [Consumed {
        topic: "observations.v1".to_owned(),
        partition: 1,
        next_offset: 7,
    }];
    store
        .apply_observations(&[observation(0)], &consumed, at(0))
        .await
        .unwrap();
    assert_eq!(store.consumed("observations.v1").await.unwrap(), consumed);
    store
        .apply_hits(&[misread(0)], &[], usual(), at(1))
        .await
        .unwrap();
    assert_eq!(case_of(&store, MARK).await.unwrap().observed.len(), 1);
    store
        .apply_hits(&[misread(60)], &[], usual(), at(61))
        .await
        .unwrap();
    let events = store
        .apply_observations(&[observation(60), observation(90)], &[], at(91))
        .await
        .unwrap();
    assert_eq!(
        events.len(),
        1,
        "what it saw in the vehicle of another read is not this one's"
    );
    assert_eq!(case_of(&store, MARK).await.unwrap().observed.len(), 2);
}

async fn a_case_that_opens_anew_looks_back_as_well(world: &World) {
    let store = world.open().await;
    let case = opened(&store, MARK).await;
    let observation = seen(MARK, officer(), at(10));
    store.observe(&observation, &user("olu"), at(20)).await.unwrap();
    let reject = case::Command::Reject {
        outcome: case::Outcome::Misread,
        note: String::new(),
    };
    crate::world::decide(&store, &case, &reject, "ann").await.unwrap();
    let again = [arrival(entry(MARK, 1, "x"), "c2", 600)];
    let applied = store.apply_hits(&again, &[], usual(), at(600)).await.unwrap();
    let kinds: Vec<_> = applied.events.iter().map(|event| event.kind).collect();
    assert_eq!(kinds, [EventKind::Opened, EventKind::Observed]);
}

/// A case of which a rule has asked something.
async fn asked(store: &Store, answers: AskedFor) -> Case {
    let case = opened(store, MARK).await;
    let held = Holding {
        cause: store.last_event().await.unwrap(),
        case,
        effect: RuleEffect {
            rule: "asks".to_owned(),
            version: 1,
            trigger: Trigger::Sighting,
            effects: Effects {
                ask: Some(Ask {
                    question: "Well?".to_owned(),
                    answers,
                }),
                ..Effects::default()
            },
        },
    };
    let mut events = store.apply_rules(&[held], 1, at(1)).await.unwrap();
    assert_eq!(events[0].kind, EventKind::Asked);
    events.remove(0).case
}

async fn answer(store: &Store, case: &Case, given: &str, by: &str) -> Result<CaseEvent, StoreError> {
    store.answer(case.case_id, 1, given, &user(by), at(2_000)).await
}

async fn an_answer_about_a_child_is_an_observation_and_can_be_corrected(world: &World) {
    let store = world.open().await;
    let case = asked(&store, AskedFor::Child).await;
    let event = answer(&store, &case, "not seen", "ann").await.unwrap();
    assert_eq!((event.kind, event.by), (EventKind::Observed, Some(user("ann"))));
    let event = answer(&store, &case, "seen", "bob").await.unwrap();
    let given = event.case.questions[0].answer.as_ref().unwrap();
    assert_eq!(
        (given.given.as_str(), given.by.person()),
        ("seen", Some(&user("bob")))
    );
    let said: Vec<_> = event
        .case
        .observed
        .iter()
        .map(|one| one.observation.child)
        .collect();
    assert_eq!(said, [Child::NotSeen, Child::Seen]);
    assert_eq!(event.case.version, case.version, "an answer decides nothing");
    // It is about the moment of the image, not about that of the answer.
    assert_eq!(event.case.observed[1].observation.at, case.last_read.captured_at);
    for (given, by, says) in [("seen", "bob", "already"), ("maybe", "bob", "none of")] {
        match answer(&store, &case, given, by).await {
            Err(StoreError::Refused(Refusal::Answer(reason))) => assert!(reason.contains(says), "{reason}"),
            other => panic!("{other:?}"),
        }
    }
    let rows = store.audit_rows(None, 10).await.unwrap();
    let audited: Vec<_> = rows.iter().filter(|row| row.action == "answered").collect();
    assert_eq!(audited.len(), 2);
    assert!(audited.iter().all(|row| row.subject == case.case_id.to_string()));
    // It is looked back upon as any other observation.
    let reject = case::Command::Reject {
        outcome: case::Outcome::Misread,
        note: String::new(),
    };
    crate::world::decide(&store, &event.case, &reject, "ann")
        .await
        .unwrap();
    let again = [arrival(entry(MARK, 1, "x"), "c2", 600)];
    let applied = store.apply_hits(&again, &[], usual(), at(600)).await.unwrap();
    assert_eq!(applied.events.last().unwrap().case.observed.len(), 2);
}

async fn any_other_answer_is_kept_with_who_gave_it(world: &World) {
    let store = world.open().await;
    let case = asked(&store, AskedFor::OneOf(vec!["yes".to_owned(), "no".to_owned()])).await;
    let event = answer(&store, &case, "yes", "ann").await.unwrap();
    assert_eq!((event.kind, event.answered), (EventKind::Answered, Some(1)));
    assert_eq!(event.said, "Well? yes");
    assert!(event.case.observed.is_empty());
}

async fn rules_are_judged_at_what_was_seen_and_answered(world: &World) {
    let store = world.open().await;
    let case = asked(&store, AskedFor::OneOf(vec!["yes".to_owned(), "no".to_owned()])).await;
    answer(&store, &case, "no", "ann").await.unwrap();
    store
        .observe(&seen(MARK, officer(), at(10)), &user("olu"), at(20))
        .await
        .unwrap();
    let (events, _) = store.events_for_rules(1, 100).await.unwrap();
    let kinds: Vec<_> = events.iter().map(|event| event.event.kind).collect();
    assert_eq!(kinds, [EventKind::Answered, EventKind::Observed]);
    assert!(kinds.iter().all(|kind| kind.trigger().is_some()));
}

async fn what_cameras_saw_in_vehicles_that_nobody_looks_for_is_forgotten(world: &World) {
    let store = world.open().await;
    opened(&store, MARK).await;
    let camera = Observer::Camera {
        camera: CameraId::parse("c1").unwrap(),
    };
    let of_case = seen(MARK, camera.clone(), at(0));
    let of_nobody = seen("XY12CDE", camera, at(0));
    store
        .apply_observations(&[of_case, of_nobody.clone()], &[], at(0))
        .await
        .unwrap();
    store
        .observe(&seen("XY12CDE", officer(), at(0)), &user("olu"), at(0))
        .await
        .unwrap();
    assert_eq!(store.forget_observations(at(0) + CAMERAS_KEPT).await.unwrap(), 0);
    let later = at(1) + CAMERAS_KEPT;
    assert_eq!(store.forget_observations(later).await.unwrap(), 1);
    let again = [arrival(entry("XY12CDE", 1, "x"), "c1", 0)];
    store.apply_hits(&again, &[], usual(), later).await.unwrap();
    let kept = case_of(&store, "XY12CDE").await.unwrap().observed;
    assert_eq!(kept.len(), 1, "what a person saw stays");
}

async fn one_of_a_hit_and_an_observation_finds_the_other_when_they_come_at_once(world: &World) {
    let [one, two] = world.open_two().await;
    for number in 0..20 {
        let mark = mark(number);
        let hits = [arrival(entry(&mark, 2, "x"), "c1", 0)];
        let (observation, by) = (seen(&mark, officer(), at(0)), user("olu"));
        let (hit, observed) = tokio::join!(
            one.apply_hits(&hits, &[], usual(), at(0)),
            two.observe(&observation, &by, at(0)),
        );
        hit.unwrap();
        observed.unwrap();
        let case = case_of(&one, &mark).await.unwrap();
        assert_eq!(case.observed.len(), 1, "{number}");
    }
}
