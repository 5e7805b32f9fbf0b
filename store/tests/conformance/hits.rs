//! Hits become cases, each once.

use domain::assessment::{Assessment, Deviation, Evidence, Term};
use domain::case::{CaseState, Command, EventKind, Outcome};
use domain::hit::Match;
use domain::hotlist::Grade;
use domain::journey::{Journey, Waypoint};
use domain::misread::Difference;
use domain::{BcuCode, CameraId, Vrm};
use store::cases::{Arrival, CaseFilter, Consumed};

use crate::world::{World, all_cases, arrival, at, decide, entry, mark, opened, usual};

claims!(
    a_hit_delivered_twice_counts_once,
    a_hit_twice_in_one_batch_counts_once,
    one_read_on_two_entries_is_one_sighting,
    the_most_urgent_entry_leads_and_the_latest_capture_is_where_it_is,
    a_case_keeps_how_its_latest_read_matched,
    a_grade_4_hit_is_kept_and_opens_nothing,
    a_vehicle_seen_after_its_case_ended_opens_another,
    two_writers_at_once_open_one_case_for_a_vehicle,
    two_writers_of_the_same_hits_store_each_once,
    offsets_never_go_back,
    cases_come_most_urgent_first_then_oldest_ended_ones_last,
    hits_are_found_by_mark_and_grade_newest_first,
    judged_hits_come_in_order_of_capture_each_once,
    a_full_batch_is_applied_in_one_go;
    persistent hits_and_offsets_commit_together_or_not_at_all,
);

async fn a_hit_delivered_twice_counts_once(world: &World) {
    let store = world.open().await;
    let arrivals = [arrival(entry("AB12CDE", 1, "x"), "c1", 0)];
    let first = store.apply_hits(&arrivals, &[], usual(), at(1)).await.unwrap();
    let second = store.apply_hits(&arrivals, &[], usual(), at(2)).await.unwrap();
    assert_eq!((first.new_hits, first.events.len()), (1, 1));
    assert_eq!((second.new_hits, second.events.len()), (0, 0));
    assert_eq!(store.count_hits().await.unwrap(), 1);
    assert_eq!(store.last_event().await.unwrap(), 1);
    let cases = all_cases(&store).await;
    assert_eq!(cases, [first.events[0].case.clone()]);
    assert_eq!(cases[0].sightings, 1);
}

async fn a_hit_twice_in_one_batch_counts_once(world: &World) {
    let store = world.open().await;
    let hit = arrival(entry("AB12CDE", 1, "x"), "c1", 0);
    let applied = store
        .apply_hits(&[hit.clone(), hit], &[], usual(), at(1))
        .await
        .unwrap();
    assert_eq!((applied.new_hits, applied.events.len()), (1, 1));
}

async fn one_read_on_two_entries_is_one_sighting(world: &World) {
    let store = world.open().await;
    // In one batch, and when the second comes later.
    let both = |mark: &str| ["x", "y"].map(|reference| arrival(entry(mark, 2, reference), "c1", 0));
    store
        .apply_hits(&both("AB12CDE"), &[], usual(), at(1))
        .await
        .unwrap();
    let [first, second] = both("FG34HIJ");
    store.apply_hits(&[first], &[], usual(), at(1)).await.unwrap();
    let applied = store.apply_hits(&[second], &[], usual(), at(2)).await.unwrap();
    assert_eq!(applied.events[0].kind, EventKind::Sighted);
    let cases = all_cases(&store).await;
    let sightings: Vec<u32> = cases.iter().map(|case| case.sightings).collect();
    assert_eq!(sightings, [1, 1]);
    assert_eq!(store.case(cases[0].case_id).await.unwrap().hits.len(), 2);
}

async fn the_most_urgent_entry_leads_and_the_latest_capture_is_where_it_is(world: &World) {
    let store = world.open().await;
    let north = BcuCode::parse("LN").unwrap();
    let arrivals = [
        arrival(entry("AB12CDE", 3, "x"), "c1", 10),
        Arrival {
            bcu: Some(north.clone()),
            ..arrival(entry("AB12CDE", 1, "y"), "c2", 20)
        },
        // Late from its camera: counts, but the vehicle is not there any more.
        arrival(entry("AB12CDE", 3, "x"), "c3", 5),
    ];
    store
        .apply_hits(&arrivals[..1], &[], usual(), at(30))
        .await
        .unwrap();
    store
        .apply_hits(&arrivals[1..], &[], usual(), at(31))
        .await
        .unwrap();
    let case = all_cases(&store).await.remove(0);
    assert_eq!(case.sightings, 3);
    assert_eq!(case.grade, Grade::One);
    assert_eq!(case.entry.reference, "y");
    assert_eq!(case.last_read.camera.as_str(), "c2");
    assert_eq!(case.bcu, Some(north));
}

async fn a_case_keeps_how_its_latest_read_matched(world: &World) {
    let store = world.open().await;
    let certain = arrival(entry("AB12CDE", 2, "x"), "c1", 10);
    let mut doubtful = arrival(entry("AB12CDE", 2, "x"), "c2", 20);
    doubtful.hit = doubtful.hit.assessed(Assessment {
        difference: Difference::Lost {
            position: 1,
            character: b'B',
        },
        characters: vec![Deviation {
            position: 1,
            listed: Some('B'),
            read: None,
        }],
        posterior: 0.8125,
        terms: vec![Term {
            evidence: Evidence::Syntax,
            log_odds: 1.5,
        }],
    });
    let seen = |camera, seconds| Waypoint {
        camera: CameraId::parse(camera).unwrap(),
        at: at(seconds),
    };
    doubtful.hit.past = true;
    doubtful.hit.journey = Some(Journey {
        from: seen("c1", 10),
        to: seen("c2", 20),
        distance_m: 4_096.0,
        speed_kmh: 1_474.5,
    });
    let wanted = Match::of(&doubtful.hit);
    store.apply_hits(&[certain], &[], usual(), at(30)).await.unwrap();
    let case = all_cases(&store).await.remove(0);
    assert_eq!(case.last_match, Match::default());
    store.apply_hits(&[doubtful], &[], usual(), at(31)).await.unwrap();
    assert_eq!(all_cases(&store).await[0].last_match, wanted);
    let record = store.case(case.case_id).await.unwrap();
    assert_eq!(record.case.last_match, wanted);
    assert_eq!(Match::of(&record.hits[0]), wanted);
    let events = store.events_after(0, 10).await.unwrap();
    assert_eq!(events[1].event.case.last_match, wanted);
}

async fn a_grade_4_hit_is_kept_and_opens_nothing(world: &World) {
    let store = world.open().await;
    let log_only = [arrival(entry("AB12CDE", 4, "w"), "c1", 0)];
    let applied = store.apply_hits(&log_only, &[], usual(), at(1)).await.unwrap();
    assert_eq!((applied.new_hits, applied.events.len()), (1, 0));
    assert!(all_cases(&store).await.is_empty());
    // Nor does it touch the open case of the same vehicle.
    let case = opened(&store, "AB12CDE").await;
    let log_only = [arrival(entry("AB12CDE", 4, "y"), "c2", 9)];
    store.apply_hits(&log_only, &[], usual(), at(10)).await.unwrap();
    assert_eq!(all_cases(&store).await, [case]);
    assert_eq!(store.hits(None, Some(Grade::Four), 10).await.unwrap().len(), 2);
}

async fn a_vehicle_seen_after_its_case_ended_opens_another(world: &World) {
    let store = world.open().await;
    let case = opened(&store, "AB12CDE").await;
    let reject = Command::Reject {
        outcome: Outcome::Misread,
        note: String::new(),
    };
    decide(&store, &case, &reject, "smith").await.unwrap();
    let again = [arrival(entry("AB12CDE", 1, "x"), "c1", 100)];
    let applied = store.apply_hits(&again, &[], usual(), at(101)).await.unwrap();
    assert_eq!(applied.events[0].kind, EventKind::Opened);
    let states: Vec<CaseState> = all_cases(&store).await.iter().map(|case| case.state).collect();
    assert_eq!(states, [CaseState::New, CaseState::Rejected]);
}

async fn two_writers_at_once_open_one_case_for_a_vehicle(world: &World) {
    let [one, two] = world.open_two().await;
    for number in 0..20 {
        let a = [arrival(entry(&mark(number), 1, "x"), "c1", 0)];
        let b = [arrival(entry(&mark(number), 1, "x"), "c2", 1)];
        let (a, b) = tokio::join!(
            one.apply_hits(&a, &[], usual(), at(2)),
            two.apply_hits(&b, &[], usual(), at(2))
        );
        let mut kinds = [a.unwrap().events[0].kind, b.unwrap().events[0].kind];
        kinds.sort_by_key(|kind| *kind == EventKind::Sighted);
        assert_eq!(kinds, [EventKind::Opened, EventKind::Sighted]);
    }
    let cases = all_cases(&one).await;
    assert_eq!(cases.len(), 20);
    assert!(cases.iter().all(|case| case.sightings == 2));
}

async fn two_writers_of_the_same_hits_store_each_once(world: &World) {
    let [one, two] = world.open_two().await;
    let mut arrivals: Vec<Arrival> = (0..200)
        .map(|number| arrival(entry(&mark(number % 40), 1, "x"), "c1", number as i64))
        .collect();
    let forwards = arrivals.clone();
    arrivals.reverse();
    let (a, b) = tokio::join!(
        one.apply_hits(&forwards, &[], usual(), at(300)),
        two.apply_hits(&arrivals, &[], usual(), at(300))
    );
    assert_eq!(a.unwrap().new_hits + b.unwrap().new_hits, 200);
    assert_eq!(one.count_hits().await.unwrap(), 200);
    let cases = all_cases(&one).await;
    assert_eq!(cases.len(), 40);
    assert!(cases.iter().all(|case| case.sightings == 5));
}

async fn offsets_never_go_back(world: &World) {
    let store = world.open().await;
    let upto = |partition, next_offset| Consumed {
        topic: "hits.v1".to_owned(),
        partition,
        next_offset,
    };
    let batch = [upto(1, 7), upto(0, 10), upto(0, 9)];
    store.apply_hits(&[], &batch, usual(), at(0)).await.unwrap();
    store
        .apply_hits(&[], &[upto(0, 3)], usual(), at(1))
        .await
        .unwrap();
    assert_eq!(
        store.consumed("hits.v1").await.unwrap(),
        [upto(0, 10), upto(1, 7)]
    );
}

async fn hits_and_offsets_commit_together_or_not_at_all(world: &World) {
    let store = world.open().await;
    let arrivals = [arrival(entry("AB12CDE", 1, "x"), "c1", 0)];
    let consumed = [Consumed {
        topic: "hits.v1".to_owned(),
        partition: 0,
        next_offset: 1,
    }];
    // The last statements of the transaction fail: first the offsets, then the outbox.
    for table in ["consumed", "events"] {
        let away = format!("ALTER TABLE {table} RENAME TO away");
        world.run(&away).await.unwrap();
        assert!(
            store
                .apply_hits(&arrivals, &consumed, usual(), at(1))
                .await
                .is_err()
        );
        let back = format!("ALTER TABLE away RENAME TO {table}");
        world.run(&back).await.unwrap();
        assert_eq!(store.count_hits().await.unwrap(), 0);
        assert_eq!(store.consumed("hits.v1").await.unwrap(), []);
        assert!(all_cases(&store).await.is_empty());
        assert_eq!(store.last_event().await.unwrap(), 0);
    }
    let applied = store
        .apply_hits(&arrivals, &consumed, usual(), at(2))
        .await
        .unwrap();
    assert_eq!(applied.new_hits, 1);
    assert_eq!(store.consumed("hits.v1").await.unwrap(), consumed);
    // No number was lost to the failures.
    assert_eq!(store.events_after(0, 10).await.unwrap()[0].sequence, 1);
}

async fn cases_come_most_urgent_first_then_oldest_ended_ones_last(world: &World) {
    let store = world.open().await;
    let rows = [
        ("AA1", 2, 1),
        ("AA2", 1, 2),
        ("AA3", 1, 3),
        ("AA4", 3, 4),
        ("AA5", 1, 5),
        ("AA6", 1, 6),
    ];
    for (mark, grade, seconds) in rows {
        let hit = [arrival(entry(mark, grade, "x"), "c1", seconds)];
        store.apply_hits(&hit, &[], usual(), at(seconds)).await.unwrap();
    }
    let close = Command::Close {
        outcome: Outcome::NotFound,
        note: String::new(),
    };
    for (ended, mark) in [(100, "AA5"), (200, "AA6")] {
        let case = find(&store, mark).await;
        let by = crate::world::user("smith");
        let confirm = Command::Confirm;
        store
            .decide(case.case_id, &confirm, 0, &by, at(ended))
            .await
            .unwrap();
        store
            .decide(case.case_id, &close, 1, &by, at(ended + 1))
            .await
            .unwrap();
    }
    let check = async |filter: CaseFilter, expected: &[&str]| {
        let cases = store.cases(&filter).await.unwrap();
        let marks: Vec<&str> = cases.iter().map(|case| case.vrm.as_str()).collect();
        assert_eq!(marks, expected);
    };
    check(CaseFilter::default(), &["AA2", "AA3", "AA1", "AA4", "AA6", "AA5"]).await;
    let open = CaseFilter {
        open_only: true,
        limit: 3,
        ..CaseFilter::default()
    };
    check(open, &["AA2", "AA3", "AA1"]).await;
    let five = CaseFilter {
        limit: 5,
        ..CaseFilter::default()
    };
    check(five, &["AA2", "AA3", "AA1", "AA4", "AA6"]).await;
    let closed = CaseFilter {
        state: Some(CaseState::Closed),
        ..CaseFilter::default()
    };
    check(closed, &["AA6", "AA5"]).await;
    let one = CaseFilter {
        vrm: Some(Vrm::parse("AA1").unwrap()),
        state: Some(CaseState::New),
        ..CaseFilter::default()
    };
    check(one, &["AA1"]).await;
}

async fn find(store: &store::Store, mark: &str) -> domain::case::Case {
    let filter = CaseFilter {
        vrm: Some(Vrm::parse(mark).unwrap()),
        ..CaseFilter::default()
    };
    store.cases(&filter).await.unwrap().remove(0)
}

async fn hits_are_found_by_mark_and_grade_newest_first(world: &World) {
    let store = world.open().await;
    let arrivals = [("AA1", 1, 3), ("AA1", 4, 9), ("AA2", 1, 5)]
        .map(|(mark, grade, seconds)| arrival(entry(mark, grade, "x"), "c1", seconds));
    store.apply_hits(&arrivals, &[], usual(), at(10)).await.unwrap();
    let check = async |mark: Option<&str>, grade: Option<u8>, expected: &[i64]| {
        let vrm = mark.map(|mark| Vrm::parse(mark).unwrap());
        let grade = grade.map(|grade| Grade::try_from(grade).unwrap());
        let hits = store.hits(vrm, grade, 10).await.unwrap();
        let seconds: Vec<i64> = hits
            .iter()
            .map(|hit| hit.read.captured_at.duration_since(at(0)).as_secs())
            .collect();
        assert_eq!(seconds, expected, "{mark:?} {grade:?}");
    };
    check(None, None, &[9, 5, 3]).await;
    check(Some("AA1"), None, &[9, 3]).await;
    check(None, Some(1), &[5, 3]).await;
    check(Some("AA1"), Some(1), &[3]).await;
    check(Some("AA3"), None, &[]).await;
}

/// The largest batch that the dispatcher takes: 1,000 hits, on 300 vehicles, a third of them known.
async fn a_full_batch_is_applied_in_one_go(world: &World) {
    let store = world.open().await;
    let before: Vec<Arrival> = (0..100)
        .map(|number| arrival(entry(&mark(number), 2, "x"), "c0", 0))
        .collect();
    store.apply_hits(&before, &[], usual(), at(0)).await.unwrap();
    let batch: Vec<Arrival> = (0..1_000)
        .map(|number| arrival(entry(&mark(number % 300), 2, "x"), "c1", 1 + number as i64))
        .collect();
    let began = std::time::Instant::now();
    let applied = store.apply_hits(&batch, &[], usual(), at(2_000)).await.unwrap();
    eprintln!("1,000 hits in {:?}", began.elapsed());
    assert_eq!((applied.new_hits, applied.events.len()), (1_000, 1_000));
    let cases = all_cases(&store).await;
    assert_eq!(cases.len(), 300);
    assert_eq!(cases.iter().map(|case| case.sightings).sum::<u32>(), 1_100);
}

async fn judged_hits_come_in_order_of_capture_each_once(world: &World) {
    let store = world.open().await;
    // The last two at the same time; the case of the second mark is left alone.
    let hits = [
        ("AB12CDE", 30),
        ("AB13CDE", 5),
        ("AB12CDE", 10),
        ("AB12CDE", 20),
        ("AB14CDE", 20),
    ];
    let arrivals = hits.map(|(mark, seconds)| arrival(entry(mark, 1, "x"), "c1", seconds));
    store.apply_hits(&arrivals, &[], usual(), at(40)).await.unwrap();
    let mut expected = Vec::new();
    for case in all_cases(&store).await {
        let command = match case.vrm.as_str() {
            "AB12CDE" => Command::Confirm,
            "AB14CDE" => Command::Reject {
                outcome: Outcome::WrongVehicle,
                note: String::new(),
            },
            _ => continue,
        };
        let decided = decide(&store, &case, &command, "smith").await.unwrap().case;
        let of_case = arrivals.iter().filter(|arrival| arrival.hit.vrm() == case.vrm);
        let outcome = decided.conclusion.map(|conclusion| conclusion.outcome);
        expected.extend(of_case.map(|arrival| (arrival.hit.clone(), decided.state, outcome)));
    }
    expected.sort_by_key(|(hit, ..)| (hit.read.captured_at, hit.hit_id));
    let (mut found, mut place) = (Vec::new(), (at(0), None));
    while let Some(judged) = store.judged_hits(place, 1).await.unwrap().pop() {
        place = (judged.hit.read.captured_at, Some(judged.hit.hit_id));
        found.push((judged.hit, judged.state, judged.outcome));
    }
    assert_eq!(found, expected);
    assert_eq!(store.judged_hits((at(20), None), 100).await.unwrap().len(), 3);
    assert!(
        store
            .judged_hits((at(30), found.last().map(|(hit, ..)| hit.hit_id)), 9)
            .await
            .unwrap()
            .is_empty()
    );
}
