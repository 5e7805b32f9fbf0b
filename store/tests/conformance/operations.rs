//! Operations, their history, and what came of their lists.

use std::collections::BTreeSet;

use domain::case::{Command, Outcome};
use domain::operation::{Operation, OperationRefusal};
use domain::yields::{Came, Yield};
use domain::{OperationName, Timestamp};
use jiff::SignedDuration;
use rand::seq::IndexedRandom;
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use store::changes::Author;
use store::{Store, StoreError};

use crate::world::{World, arrival, at, decide, entry_on, list, mark, start, user, usual};

claims!(
    an_operation_is_kept_with_every_change_and_audited_without_words,
    an_operation_needs_lists_that_are_there_whole_hours_and_a_reason,
    an_operation_ends_with_its_hour_and_names_the_lists_that_are_still_live,
    an_operations_yield_is_what_came_of_its_lists_in_its_hours;
    persistent
);

const LISTS: [&str; 4] = ["insurance", "tax", "drugs", "stolen"];

fn hour(hours: i64) -> Timestamp {
    start() + SignedDuration::from_hours(hours)
}

fn operation(name: &str, hours: [i64; 2], lists: &[&str]) -> Operation {
    Operation {
        name: OperationName::parse(name).unwrap(),
        purpose: "a week of checks".to_owned(),
        starts_at: hour(hours[0]),
        ends_at: hour(hours[1]),
        lists: lists.iter().map(|name| list(name)).collect(),
        owner: "Roads Policing".to_owned(),
    }
}

async fn load(store: &Store, name: &str) {
    let name = list(name);
    let entries = (0..10)
        .map(|number| entry_on(&name, &mark(number), 2, "x"))
        .collect();
    store
        .replace_list(&name, entries, &user("intel"), at(0))
        .await
        .unwrap();
}

async fn put(store: &Store, operation: &Operation, seconds: i64) -> Result<u64, StoreError> {
    let author = Author {
        by: &user("ann"),
        at: at(seconds),
        why: "as planned for QX07ABC",
    };
    store.put_operation(operation, &author).await
}

async fn end(store: &Store, name: &OperationName, at: Timestamp) -> Result<u64, StoreError> {
    let author = Author {
        by: &user("bob"),
        at,
        why: "called off",
    };
    store.end_operation(name, &author).await
}

async fn an_operation_is_kept_with_every_change_and_audited_without_words(world: &World) {
    let store = world.open().await;
    load(&store, "tax").await;
    load(&store, "insurance").await;
    let first = operation("week", [1, 5], &["tax"]);
    assert_eq!(put(&store, &first, 1).await.unwrap(), 1);
    let second = operation("week", [1, 6], &["tax", "insurance"]);
    assert_eq!(put(&store, &second, 2).await.unwrap(), 2);
    let record = store.operation(&first.name).await.unwrap();
    assert_eq!((&record.stored.operation, record.stored.version), (&second, 2));
    let told: Vec<_> = record
        .changes
        .iter()
        .map(|change| (change.version, change.before.as_deref(), &*change.after))
        .collect();
    assert_eq!(told, [(2, Some(&first), &second), (1, None, &first)]);
    assert_eq!(record.changes[0].why, "as planned for QX07ABC");
    let rows = store.audit_rows(None, 1).await.unwrap();
    assert_eq!(
        (&*rows[0].actor, &*rows[0].action, &*rows[0].subject),
        ("ann", "operation_put", "week")
    );
    assert_eq!(
        rows[0].detail,
        "version 2: before 2007-11-01T13:00:00Z to 2007-11-01T17:00:00Z with tax, \
         after 2007-11-01T13:00:00Z to 2007-11-01T18:00:00Z with insurance tax"
    );
    let unknown = OperationName::parse("other").unwrap();
    assert!(matches!(
        store.operation(&unknown).await,
        Err(StoreError::NotFound("operation"))
    ));
}

async fn an_operation_needs_lists_that_are_there_whole_hours_and_a_reason(world: &World) {
    let store = world.open().await;
    load(&store, "tax").await;
    let refused =
        async |operation: &Operation, expected: OperationRefusal| match put(&store, operation, 1).await {
            Err(StoreError::Operation(refusal)) => assert_eq!(refusal, expected),
            other => panic!("{other:?} instead of {expected:?}"),
        };
    let unknown = operation("week", [1, 5], &["tax", "drugs"]);
    refused(&unknown, OperationRefusal::UnknownList(list("drugs"))).await;
    let mut crooked = operation("week", [1, 5], &["tax"]);
    crooked.starts_at = at(1);
    refused(&crooked, OperationRefusal::Hour("starts_at")).await;
    refused(&operation("week", [5, 5], &["tax"]), OperationRefusal::Order).await;
    let ann = user("ann");
    let silent = Author {
        by: &ann,
        at: at(1),
        why: " ",
    };
    let unexplained = store
        .put_operation(&operation("week", [1, 5], &["tax"]), &silent)
        .await;
    assert!(matches!(
        unexplained,
        Err(StoreError::Operation(OperationRefusal::Why))
    ));
    assert!(store.operations().await.unwrap().is_empty());
}

async fn an_operation_ends_with_its_hour_and_names_the_lists_that_are_still_live(world: &World) {
    let store = world.open().await;
    load(&store, "tax").await;
    load(&store, "drugs").await;
    let week = operation("week", [1, 5], &["tax", "drugs"]);
    put(&store, &week, 1).await.unwrap();
    put(&store, &operation("later", [9, 10], &["tax"]), 1)
        .await
        .unwrap();
    let ended = end(&store, &week.name, hour(0)).await;
    assert!(matches!(
        ended,
        Err(StoreError::Operation(OperationRefusal::NotBegun))
    ));
    let within = hour(2) + SignedDuration::from_mins(20);
    assert_eq!(end(&store, &week.name, within).await.unwrap(), 2);
    let again = end(&store, &week.name, hour(3)).await;
    assert!(
        matches!(again, Err(StoreError::Operation(OperationRefusal::Over(over))) if over == hour(3)),
        "{again:?}"
    );
    let nobody = OperationName::parse("nobody").unwrap();
    assert!(matches!(
        end(&store, &nobody, within).await,
        Err(StoreError::NotFound(_))
    ));

    let gone = Author {
        by: &user("ann"),
        at: at(9),
        why: "",
    };
    let usual = domain::policy::ListPolicy::default();
    store
        .change_list(&list("drugs"), store::changes::Wish::WithdrawList, &gone, &usual)
        .await
        .unwrap();
    let all = store.operations().await.unwrap();
    let told: Vec<_> = all
        .iter()
        .map(|stored| {
            (
                stored.operation.name.as_str(),
                stored.operation.ends_at,
                stored.live.clone(),
            )
        })
        .collect();
    assert_eq!(
        told,
        [
            ("later", hour(10), vec![list("tax")]),
            ("week", hour(3), vec![list("tax")])
        ]
    );
}

/// The slow oracle: what was done is kept in a plain list and counted by hand.
async fn an_operations_yield_is_what_came_of_its_lists_in_its_hours(world: &World) {
    const HOURS: i64 = 12;
    let store = world.open().await;
    for name in LISTS {
        load(&store, name).await;
    }
    let mut rng = ChaCha8Rng::seed_from_u64(7);
    let mut came: Vec<(&str, Timestamp, Came)> = Vec::new();
    for number in 0..60 {
        let name = *LISTS.choose(&mut rng).unwrap();
        let seconds = rng.random_range(0..HOURS * 3_600);
        // A vehicle of its own each time: no case is open already.
        let listed = entry_on(&list(name), &mark(1_000 + number), 2, "x");
        let hit = arrival(listed, "c1", seconds);
        let mut applied = store.apply_hits(&[hit], &[], usual(), at(seconds)).await.unwrap();
        came.push((name, at(seconds), Came::Hit));
        let case = applied.events.remove(0).case;
        if rng.random() {
            let outcome = *[Outcome::Misread, Outcome::WrongVehicle]
                .choose(&mut rng)
                .unwrap();
            let command = Command::Reject {
                outcome,
                note: String::new(),
            };
            let rejected = decide(&store, &case, &command, "smith").await.unwrap();
            came.push((name, rejected.at, Came::Ended(outcome)));
        }
    }
    for number in 0..30 {
        let from = rng.random_range(0..HOURS - 1);
        let hours = [from, rng.random_range(from + 1..=HOURS)];
        let lists: BTreeSet<&str> = (0..rng.random_range(1..4))
            .map(|_| *LISTS.choose(&mut rng).unwrap())
            .collect();
        let lists: Vec<&str> = lists.into_iter().collect();
        let operation = operation(&format!("o{number}"), hours, &lists);
        put(&store, &operation, 1).await.unwrap();
        let record = store.operation(&operation.name).await.unwrap();
        let within = |at: Timestamp| operation.starts_at <= at && at < operation.ends_at;
        let mut total = Yield::default();
        for name in &lists {
            let mut expected = Yield::default();
            for (_, _, one) in came.iter().filter(|(of, at, _)| of == name && within(*at)) {
                expected.add(*one, 1);
                total.add(*one, 1);
            }
            assert_eq!(record.yields[&list(name)], expected, "{operation:?}");
        }
        assert_eq!(record.yields.len(), lists.len());
        assert_eq!(record.total, total, "{operation:?}");
    }
}
