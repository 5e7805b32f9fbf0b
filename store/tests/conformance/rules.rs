//! What rules do to cases, once each; whom they call; and the rule file that counts.

use domain::case::{Case, Command, Effects, EventKind, RuleEffect, Trigger};
use domain::hotlist::Grade;
use domain::user::Role;
use store::Store;
use store::rules::Holding;

use crate::world::{World, arrival, at, decide, entry, user, usual};

claims!(
    a_rule_acts_once_however_many_dispatchers_find_that_it_holds,
    what_nobody_acted_on_counts_on_in_the_next_case_unless_a_person_ended_it,
    a_rule_does_nothing_where_a_person_has_decided_since,
    who_was_signed_in_and_did_not_act_stands_in_the_record,
    a_call_is_seen_by_those_who_say_so,
    rules_are_judged_at_hits_alone_and_their_place_never_goes_back,
    the_newest_rule_file_counts_and_the_same_text_is_no_new_version;
    persistent
);

fn third() -> RuleEffect {
    RuleEffect {
        rule: "third".to_owned(),
        version: 4,
        trigger: Trigger::Sighting,
        effects: Effects {
            raise_grade: false,
            set_grade: Some(Grade::One),
            notify: vec!["supervisor".to_owned()],
            ..Effects::default()
        },
    }
}

/// A case of grade 3, seen three times within the hour, and its last event.
async fn seen_thrice(store: &Store, mark: &str) -> (Case, Holding) {
    for (camera, seconds) in [("c1", 0), ("c2", 900), ("c1", 1_800)] {
        let hits = [arrival(entry(mark, 3, "x"), camera, seconds)];
        store.apply_hits(&hits, &[], usual(), at(seconds)).await.unwrap();
    }
    let (events, reach) = store.events_for_rules(0, 100).await.unwrap();
    let last = events.last().unwrap();
    assert_eq!((last.sequence, last.event.case.unanswered), (reach, 3));
    let case = last.event.case.clone();
    let held = Holding {
        cause: reach,
        case: case.clone(),
        effect: third(),
    };
    (case, held)
}

async fn a_rule_acts_once_however_many_dispatchers_find_that_it_holds(world: &World) {
    let [one, two] = world.open_two().await;
    let (case, held) = seen_thrice(&one, "AB12CDE").await;
    let held = [held];
    let (a, b) = tokio::join!(
        one.apply_rules(&held, 3, at(2_000)),
        two.apply_rules(&held, 3, at(2_000))
    );
    let mut kinds: Vec<EventKind> = [a.unwrap(), b.unwrap()]
        .concat()
        .iter()
        .map(|event| event.kind)
        .collect();
    kinds.sort_by_key(|kind| *kind == EventKind::Notified);
    assert_eq!(kinds, [EventKind::Escalated, EventKind::Notified]);
    // And once more after a restart that had not recorded its place.
    assert!(one.apply_rules(&held, 3, at(2_001)).await.unwrap().is_empty());
    let record = one.case(case.case_id).await.unwrap();
    assert_eq!(
        (record.case.grade, record.case.version),
        (Grade::One, case.version)
    );
    let ruled = &record.case.ruled[0];
    assert_eq!((ruled.rule.as_str(), ruled.version), ("third", 4));
    assert_eq!((ruled.from, ruled.grade), (Some(Grade::Three), Grade::One));
    assert_eq!(one.notifications(10).await.unwrap().len(), 1);
    // The queue has it by its new grade.
    let filter = store::cases::CaseFilter {
        open_only: true,
        ..Default::default()
    };
    assert_eq!(one.cases(&filter).await.unwrap()[0].grade, Grade::One);
}

async fn what_nobody_acted_on_counts_on_in_the_next_case_unless_a_person_ended_it(world: &World) {
    let store = world.open().await;
    let listed = entry("AB12CDE", 3, "x");
    let (list, by) = (listed.list.clone(), user("ian"));
    store
        .replace_list(&list, vec![listed.clone()], &by, at(0))
        .await
        .unwrap();
    let (case, _) = seen_thrice(&store, "AB12CDE").await;
    store
        .replace_list(&list, Vec::new(), &by, at(2_000))
        .await
        .unwrap();
    store.recall(case.case_id, at(2_001)).await.unwrap().unwrap();
    let again = [arrival(listed.clone(), "c3", 4_000)];
    let opened = store.apply_hits(&again, &[], usual(), at(4_000)).await.unwrap();
    assert_eq!(
        (opened.events[0].kind, opened.events[0].case.unanswered),
        (EventKind::Opened, 4)
    );
    let reject = Command::Reject {
        outcome: domain::case::Outcome::Misread,
        note: String::new(),
    };
    decide(&store, &opened.events[0].case, &reject, "smith")
        .await
        .unwrap();
    let again = [arrival(listed, "c1", 8_000)];
    let opened = store.apply_hits(&again, &[], usual(), at(8_000)).await.unwrap();
    assert_eq!(opened.events[0].case.unanswered, 1, "a person's decision answers");
}

async fn a_rule_does_nothing_where_a_person_has_decided_since(world: &World) {
    let store = world.open().await;
    let (case, held) = seen_thrice(&store, "AB12CDE").await;
    let confirmed = decide(&store, &case, &Command::Confirm, "smith").await.unwrap();
    assert_eq!(confirmed.case.unanswered, 0, "a decision answers");
    assert!(store.apply_rules(&[held], 3, at(2_000)).await.unwrap().is_empty());
    assert_eq!(store.case(case.case_id).await.unwrap().case, confirmed.case);
}

async fn who_was_signed_in_and_did_not_act_stands_in_the_record(world: &World) {
    let store = world.open().await;
    for (name, role, until) in [
        ("ann", Role::Operator, 9_000),
        ("sue", Role::Supervisor, 9_000),
        ("ian", Role::Intelligence, 9_000),
        ("old", Role::Operator, 100),
    ] {
        store
            .add_user(&user(name), role, "hash", "test", at(0))
            .await
            .unwrap();
        let secret = [name.as_bytes()[0]; 32];
        store
            .open_session(secret, &user(name), "csrf", at(until))
            .await
            .unwrap();
    }
    let (case, held) = seen_thrice(&store, "AB12CDE").await;
    let events = store.apply_rules(&[held], 3, at(2_000)).await.unwrap();
    assert_eq!(events[0].case.ruled[0].signed_in, [user("ann"), user("sue")]);
    let record = store.case(case.case_id).await.unwrap();
    let said = &record.history.last().unwrap().detail;
    assert_eq!(
        said,
        "supervisor: third (rules 4); nobody acted, signed in: ann, sue"
    );
}

async fn a_call_is_seen_by_those_who_say_so(world: &World) {
    let store = world.open().await;
    let (case, held) = seen_thrice(&store, "AB12CDE").await;
    store.apply_rules(&[held], 3, at(2_000)).await.unwrap();
    let call = &store.notifications(10).await.unwrap()[0];
    assert_eq!((call.case_id, call.desk.as_str()), (case.case_id, "supervisor"));
    assert_eq!(
        call.said,
        "third (rules 4); nobody acted, and nobody was signed in"
    );
    assert!(call.seen_by.is_empty());
    for name in ["sue", "bob", "sue"] {
        store
            .see_notification(call.number, &user(name), at(2_100))
            .await
            .unwrap();
    }
    assert_eq!(
        store.notifications(10).await.unwrap()[0].seen_by,
        [user("bob"), user("sue")]
    );
    let rows = store.audit_rows(None, 10).await.unwrap();
    assert_eq!(
        rows.iter()
            .filter(|row| row.action == "notification_seen")
            .count(),
        2
    );
    let none = store.see_notification(99, &user("sue"), at(2_100)).await;
    assert!(matches!(none, Err(store::StoreError::NotFound("notification"))));
}

async fn rules_are_judged_at_hits_alone_and_their_place_never_goes_back(world: &World) {
    let store = world.open().await;
    let (case, _) = seen_thrice(&store, "AB12CDE").await;
    decide(&store, &case, &Command::Confirm, "smith").await.unwrap();
    let (events, reach) = store.events_for_rules(1, 100).await.unwrap();
    let places: Vec<u64> = events.iter().map(|event| event.sequence).collect();
    assert_eq!((places, reach), (vec![2, 3], 4));
    store.apply_rules(&[], 4, at(2_000)).await.unwrap();
    store.apply_rules(&[], 2, at(2_000)).await.unwrap();
    assert_eq!(store.ruled_up_to().await.unwrap(), 4);
    assert_eq!(store.events_for_rules(4, 100).await.unwrap(), (Vec::new(), 4));
}

async fn the_newest_rule_file_counts_and_the_same_text_is_no_new_version(world: &World) {
    let store = world.open().await;
    assert_eq!(
        (store.rules_version().await.unwrap(), store.rules().await.unwrap()),
        (0, None)
    );
    let by = user("ian");
    for (text, hash, version) in [("a", "1", 1), ("b", "2", 2), ("b", "2", 2), ("a", "1", 3)] {
        assert_eq!(store.load_rules(text, hash, &by, at(0)).await.unwrap(), version);
        assert_eq!(store.rules_version().await.unwrap(), version);
        let rules = store.rules().await.unwrap().unwrap();
        assert_eq!((rules.version, rules.text.as_str()), (version, text));
    }
}
