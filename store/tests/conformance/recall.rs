//! What a withdrawal or an expiry does to open cases.

use domain::case::{Case, CaseState, EventKind, Outcome, RecallCause};
use domain::hotlist::Entry;
use store::Store;

use crate::world::{World, arrival, at, confirmed, decide, deploy, entry, list, opened, user, usual};

claims_of_lists!(
    a_withdrawn_entry_ends_the_case_that_nobody_looked_at,
    a_case_that_a_person_took_up_stays_open_and_its_units_are_told,
    an_expired_entry_is_recalled_and_a_live_one_is_not,
    an_extended_entry_keeps_its_case_and_is_not_looked_at_again,
    another_live_entry_leads_instead,
    an_entry_of_a_list_that_was_never_loaded_is_not_withdrawn,
    a_case_is_recalled_once_however_many_look,
    an_entry_that_is_listed_anew_leads_its_recalled_case_again;
    persistent
);

async fn load(store: &Store, entries: Vec<Entry>) {
    let by = user("intel");
    store
        .replace_list(&list("stolen"), entries, &by, at(0))
        .await
        .unwrap();
}

/// Looks as the dispatcher does, and returns what it recalled.
async fn look(store: &Store, seconds: i64) -> Vec<domain::case::CaseEvent> {
    let mut events = Vec::new();
    for case in store.to_recall(at(seconds), 100).await.unwrap() {
        events.extend(store.recall(case, at(seconds)).await.unwrap());
    }
    events
}

async fn case_now(store: &Store, case: &Case) -> Case {
    store.case(case.case_id).await.unwrap().case
}

async fn a_withdrawn_entry_ends_the_case_that_nobody_looked_at(world: &World) {
    let store = world.open().await;
    load(&store, vec![entry("AB12CDE", 1, "x")]).await;
    let case = opened(&store, "AB12CDE").await;
    assert!(look(&store, 10).await.is_empty(), "it is listed");
    load(&store, Vec::new()).await;
    let events = look(&store, 20).await;
    assert_eq!(events.len(), 1);
    assert_eq!(events[0].kind, EventKind::Recalled);
    let ended = case_now(&store, &case).await;
    assert_eq!(ended, events[0].case);
    assert_eq!(ended.state, CaseState::Closed);
    assert_eq!(ended.conclusion.unwrap().outcome, Outcome::Recalled);
    let recall = ended.recall.unwrap();
    assert_eq!(
        (recall.cause, recall.at, recall.led_by),
        (RecallCause::Withdrawn, at(20), None)
    );
    let record = store.case(case.case_id).await.unwrap();
    assert_eq!(record.history.last().unwrap().detail, "stolen withdrawn");
    assert!(look(&store, 30).await.is_empty(), "once is enough");
}

async fn a_case_that_a_person_took_up_stays_open_and_its_units_are_told(world: &World) {
    let store = world.open().await;
    load(&store, vec![entry("AB12CDE", 1, "x"), entry("AB12CDF", 1, "x")]).await;
    let seen = confirmed(&store, "AB12CDF").await;
    let case = confirmed(&store, "AB12CDE").await;
    let sent = decide(&store, &case, &deploy("A1"), "smith").await.unwrap();
    load(&store, Vec::new()).await;
    let events = look(&store, 70).await;
    assert_eq!(events.len(), 2);
    let told = events
        .iter()
        .find(|event| event.case.case_id == case.case_id)
        .unwrap();
    assert_eq!(told.deployments, sent.deployments);
    assert_eq!(
        (told.case.state, told.case.version),
        (CaseState::Deployed, sent.case.version)
    );
    assert!(told.case.is_recalled());
    let seen = case_now(&store, &seen).await;
    assert_eq!((seen.state, seen.is_recalled()), (CaseState::Confirmed, true));
    assert!(look(&store, 80).await.is_empty(), "once is enough");
    let close = domain::case::Command::Close {
        outcome: Outcome::EntryOutOfDate,
        note: String::new(),
    };
    let closed = decide(&store, &told.case, &close, "smith").await.unwrap();
    assert!(closed.case.is_recalled(), "it stays in the record");
}

async fn an_expired_entry_is_recalled_and_a_live_one_is_not(world: &World) {
    let store = world.open().await;
    let mut over = entry("AB12CDE", 1, "x");
    over.expires_at = Some(at(100));
    load(&store, vec![over.clone()]).await;
    store
        .apply_hits(&[arrival(over, "c1", 0)], &[], usual(), at(0))
        .await
        .unwrap();
    assert!(look(&store, 99).await.is_empty());
    let events = look(&store, 100).await;
    assert_eq!(
        events[0].case.recall.as_ref().unwrap().cause,
        RecallCause::Expired
    );
    assert_eq!(events[0].case.state, CaseState::Closed);
}

async fn an_extended_entry_keeps_its_case_and_is_not_looked_at_again(world: &World) {
    let store = world.open().await;
    let until = |seconds| Entry {
        expires_at: Some(at(seconds)),
        ..entry("AB12CDE", 1, "x")
    };
    load(&store, vec![until(100)]).await;
    store
        .apply_hits(&[arrival(until(100), "c1", 0)], &[], usual(), at(0))
        .await
        .unwrap();
    load(&store, vec![until(200)]).await;
    assert!(look(&store, 150).await.is_empty(), "it holds");
    assert!(store.to_recall(at(150), 100).await.unwrap().is_empty());
    assert_eq!(look(&store, 200).await.len(), 1, "until it is over");
}

async fn another_live_entry_leads_instead(world: &World) {
    let store = world.open().await;
    let (urgent, other) = (entry("AB12CDE", 1, "x"), entry("AB12CDE", 3, "y"));
    load(&store, vec![urgent.clone(), other.clone()]).await;
    let hits = [arrival(urgent.clone(), "c1", 0), arrival(other.clone(), "c1", 0)];
    store.apply_hits(&hits, &[], usual(), at(0)).await.unwrap();
    load(&store, vec![other.clone()]).await;
    let events = look(&store, 20).await;
    let case = &events[0].case;
    assert_eq!((case.state, case.grade), (CaseState::New, other.grade));
    assert_eq!(case.entry.entry_id, other.entry_id);
    let recall = case.recall.as_ref().unwrap();
    assert_eq!(
        (recall.entry_id, recall.led_by),
        (urgent.entry_id, Some(other.entry_id))
    );
    // And that one, too, can go.
    load(&store, Vec::new()).await;
    assert_eq!(look(&store, 30).await[0].case.state, CaseState::Closed);
}

async fn an_entry_of_a_list_that_was_never_loaded_is_not_withdrawn(world: &World) {
    let store = world.open().await;
    opened(&store, "AB12CDE").await;
    assert!(look(&store, 10).await.is_empty());
}

async fn a_case_is_recalled_once_however_many_look(world: &World) {
    let [one, two] = world.open_two().await;
    load(&one, vec![entry("AB12CDE", 1, "x")]).await;
    let case = confirmed(&one, "AB12CDE").await;
    load(&one, Vec::new()).await;
    let (a, b) = tokio::join!(one.recall(case.case_id, at(70)), two.recall(case.case_id, at(70)));
    let recalled = [a.unwrap(), b.unwrap()];
    assert_eq!(recalled.iter().flatten().count(), 1);
}

async fn an_entry_that_is_listed_anew_leads_its_recalled_case_again(world: &World) {
    let store = world.open().await;
    let listed = entry("AB12CDE", 1, "x");
    load(&store, vec![listed.clone()]).await;
    let case = confirmed(&store, "AB12CDE").await;
    load(&store, Vec::new()).await;
    assert!(look(&store, 70).await[0].case.is_recalled());
    // A hit that was judged before the withdrawal gives no new grounds.
    let late = arrival(listed.clone(), "c2", 65);
    store.apply_hits(&[late], &[], usual(), at(71)).await.unwrap();
    assert!(case_now(&store, &case).await.is_recalled());
    let mut anew = listed;
    anew.listed_at = at(80);
    load(&store, vec![anew.clone()]).await;
    store
        .apply_hits(&[arrival(anew, "c3", 90)], &[], usual(), at(91))
        .await
        .unwrap();
    let case = case_now(&store, &case).await;
    assert!(!case.is_recalled());
    assert!(look(&store, 92).await.is_empty());
}
