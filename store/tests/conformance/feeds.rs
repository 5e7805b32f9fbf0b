//! Files that come from feeds: with the change that they make, and once.

use std::sync::Arc;

use domain::hotlist::Entry;
use domain::policy::{DraftRefusal, ListPolicy};
use domain::{FeedName, Timestamp};
use store::changes::Author;
use store::feeds::{Arrival, Arrived, Outcome};
use store::rows::InMemory;
use store::{Store, StoreError};

use crate::world::{World, at, entry, list, user};

claims_of_lists!(
    a_file_changes_its_list_once_however_often_it_is_found,
    what_became_of_a_file_is_told_and_the_last_good_one_is_remembered,
    on_a_list_of_four_eyes_a_file_waits_as_a_draft_and_the_next_does_not_arrive,
    a_feed_has_one_token_and_it_leads_to_that_feed_alone;
    persistent a_file_is_known_after_a_new_start,
);

fn feed() -> FeedName {
    FeedName::parse("pnc").unwrap()
}

fn file(hash: u8, written: i64) -> Arrival {
    Arrival {
        feed: feed(),
        hash: [hash; 32],
        modified_at: at(written),
    }
}

fn entries(marks: &[&str]) -> Vec<Entry> {
    marks.iter().map(|mark| entry(mark, 1, "x")).collect()
}

async fn arrive(
    store: &Store,
    file: &Arrival,
    marks: &[&str],
    now: Timestamp,
    policy: &ListPolicy,
) -> Result<Arrived, StoreError> {
    let by = user("feed:pnc");
    let author = Author {
        by: &by,
        at: now,
        why: "",
    };
    store
        .arrive(
            file,
            &list("stolen"),
            Arc::new(InMemory(entries(marks))),
            &author,
            policy,
        )
        .await
}

async fn refuse(store: &Store, file: &Arrival, now: Timestamp) -> Arrived {
    let by = user("feed:pnc");
    let author = Author {
        by: &by,
        at: now,
        why: "",
    };
    store
        .refuse(file, &list("stolen"), "2 of 3 rows are bad", &author)
        .await
        .unwrap()
}

async fn a_file_changes_its_list_once_however_often_it_is_found(world: &World) {
    let [one, two] = world.open_two().await;
    let usual = ListPolicy::default();
    let (file, marks) = (file(1, 0), ["AB12CDE", "CD34EFG"]);
    assert_eq!(one.arrived(&file).await.unwrap(), None);
    // Two processes that watch one folder.
    let (a, b) = tokio::join!(
        arrive(&one, &file, &marks, at(10), &usual),
        arrive(&two, &file, &marks, at(10), &usual)
    );
    let (a, b) = (a.unwrap(), b.unwrap());
    assert_eq!(a, b);
    assert_eq!((a.number, a.outcome), (1, Outcome::Loaded));
    assert!(a.said.contains("2 added"), "{}", a.said);
    // The list changed by hand meanwhile: the same file is not loaded over it.
    let by = user("ann");
    one.replace_list(&list("stolen"), entries(&["EF56GHI"]), &by, at(20))
        .await
        .unwrap();
    assert_eq!(arrive(&one, &file, &marks, at(30), &usual).await.unwrap(), a);
    assert_eq!(refuse(&one, &file, at(30)).await, a);
    assert_eq!(one.arrived(&file).await.unwrap(), Some(a));
    assert_eq!(one.entries(&list("stolen"), None, 10).await.unwrap().len(), 1);
}

async fn what_became_of_a_file_is_told_and_the_last_good_one_is_remembered(world: &World) {
    let store = world.open().await;
    let usual = ListPolicy::default();
    store.know_feed(&feed(), at(0)).await.unwrap();
    store.know_feed(&feed(), at(5)).await.unwrap();
    let [known] = &store.feeds().await.unwrap()[..] else {
        panic!("one feed")
    };
    assert_eq!(
        (known.since, &known.last, known.last_good_at),
        (at(0), &None, None)
    );
    arrive(&store, &file(1, 0), &["AB12CDE"], at(10), &usual)
        .await
        .unwrap();
    // The same bytes, sent again the next day, are another file.
    let again = arrive(&store, &file(1, 90), &["AB12CDE"], at(100), &usual)
        .await
        .unwrap();
    assert_eq!(again.outcome, Outcome::Unchanged);
    let refused = refuse(&store, &file(2, 0), at(200)).await;
    let [known] = &store.feeds().await.unwrap()[..] else {
        panic!("one feed")
    };
    assert_eq!(
        (known.last.as_ref(), known.last_good_at),
        (Some(&refused), Some(at(100)))
    );
    assert_eq!(refused.said, "2 of 3 rows are bad");
    assert_eq!(store.verify_audit().await.unwrap().broken_at, None);
}

async fn on_a_list_of_four_eyes_a_file_waits_as_a_draft_and_the_next_does_not_arrive(world: &World) {
    let store = world.open().await;
    let usual = ListPolicy {
        four_eyes: true,
        ..ListPolicy::default()
    };
    let waits = arrive(&store, &file(1, 0), &["AB12CDE"], at(10), &usual)
        .await
        .unwrap();
    assert_eq!(waits.outcome, Outcome::Drafted);
    assert!(waits.said.starts_with("draft 1 waits"), "{}", waits.said);
    assert_eq!(store.revision().await.unwrap().1, 0);
    let next = arrive(&store, &file(2, 0), &["CD34EFG"], at(20), &usual).await;
    assert!(
        matches!(next, Err(StoreError::Draft(DraftRefusal::Waits(_)))),
        "{next:?}"
    );
    assert_eq!(store.arrived(&file(2, 0)).await.unwrap(), None);
}

async fn a_feed_has_one_token_and_it_leads_to_that_feed_alone(world: &World) {
    let store = world.open().await;
    store
        .set_feed_token(&feed(), [1; 32], "admin", at(0))
        .await
        .unwrap();
    assert_eq!(store.feed_of_token([1; 32]).await.unwrap(), Some(feed()));
    store
        .set_feed_token(&feed(), [2; 32], "admin", at(1))
        .await
        .unwrap();
    assert_eq!(store.feed_of_token([1; 32]).await.unwrap(), None);
    assert_eq!(store.feed_of_token([2; 32]).await.unwrap(), Some(feed()));
}

async fn a_file_is_known_after_a_new_start(world: &World) {
    let arrived = {
        let store = world.open().await;
        let usual = ListPolicy::default();
        arrive(&store, &file(1, 0), &["AB12CDE"], at(10), &usual)
            .await
            .unwrap()
    };
    assert_eq!(
        world.open().await.arrived(&file(1, 0)).await.unwrap(),
        Some(arrived)
    );
}
