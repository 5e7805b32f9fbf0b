//! The outbox: every event, in one order, without gaps.

use std::time::Duration;

use domain::case::Command;
use store::Store;
use store::cases::Arrival;

use crate::world::{World, arrival, at, decide, entry, mark, opened, usual};

claims!(
    a_reader_misses_no_event_of_several_writers,
    events_are_read_in_pages,
    an_event_has_the_trace_of_its_own_hit_and_no_other,
    the_relay_never_goes_back,
    a_watch_sees_what_was_written;
    persistent
    a_watch_hears_of_other_processes_where_the_database_tells,
);

const WRITERS: usize = 4;
const BATCHES: usize = 25;
const BATCH: usize = 7;

async fn a_reader_misses_no_event_of_several_writers(world: &World) {
    let stores = world.open_two().await;
    let reader = tokio::spawn(read_all(
        stores[0].clone(),
        (WRITERS * BATCHES * (BATCH + 1)) as u64,
    ));
    let writers: Vec<_> = (0..WRITERS)
        .map(|writer| tokio::spawn(write_some(stores[writer % 2].clone(), writer)))
        .collect();
    for writer in writers {
        writer.await.unwrap();
    }
    let ids = tokio::time::timeout(Duration::from_secs(60), reader)
        .await
        .unwrap()
        .unwrap();
    let written: std::collections::HashSet<_> = ids.iter().collect();
    assert_eq!(written.len(), WRITERS * BATCHES * BATCH, "each hit's event once");
}

/// Each batch sees vehicles that other writers see, too; one of its cases is then ranked.
async fn write_some(store: Store, writer: usize) {
    for batch in 0..BATCHES {
        let hit = |number: usize| {
            let seconds = (writer * BATCHES + batch) * BATCH + number;
            arrival(entry(&mark((batch + number) % 30), 1, "x"), "c1", seconds as i64)
        };
        let arrivals: Vec<_> = (0..BATCH).map(hit).collect();
        let applied = store
            .apply_hits(&arrivals, &[], usual(), at(5_000))
            .await
            .unwrap();
        let case = applied.events[0].case.case_id;
        store.rank(&[(case, vec![])].into(), at(5_000)).await.unwrap();
    }
}

async fn read_all(store: Store, expected: u64) -> Vec<domain::HitId> {
    let mut seen = 0;
    let mut hits = Vec::new();
    while seen < expected {
        for sequenced in store.events_after(seen, 10).await.unwrap() {
            assert_eq!(sequenced.sequence, seen + 1, "a gap");
            seen = sequenced.sequence;
            hits.extend(sequenced.event.hit_id);
        }
    }
    hits
}

async fn events_are_read_in_pages(world: &World) {
    let store = world.open().await;
    let arrivals: Vec<_> = (0..10)
        .map(|number| arrival(entry(&mark(number), 1, "x"), "c1", 0))
        .collect();
    let applied = store.apply_hits(&arrivals, &[], usual(), at(0)).await.unwrap();
    assert_eq!(store.last_event().await.unwrap(), 10);
    let page = store.events_after(4, 3).await.unwrap();
    let numbers: Vec<u64> = page.iter().map(|sequenced| sequenced.sequence).collect();
    assert_eq!(numbers, [5, 6, 7]);
    assert_eq!(page[0].event, applied.events[4]);
    assert!(store.events_after(10, 3).await.unwrap().is_empty());
}

async fn an_event_has_the_trace_of_its_own_hit_and_no_other(world: &World) {
    let store = world.open().await;
    let trace = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
    let traced = Arrival {
        trace: Some(trace.to_owned()),
        ..arrival(entry("AB12CDE", 1, "x"), "c1", 0)
    };
    let others = [("AB12CDF", 0), ("AB12CDE", 60)].map(|(vrm, s)| arrival(entry(vrm, 1, "x"), "c1", s));
    store.apply_hits(&[traced], &[], usual(), at(0)).await.unwrap();
    store.apply_hits(&others, &[], usual(), at(60)).await.unwrap();
    let events = store.events_after(0, 10).await.unwrap();
    let traces: Vec<Option<&str>> = events.iter().map(|event| event.trace.as_deref()).collect();
    assert_eq!(traces, [Some(trace), None, None]);
}

async fn the_relay_never_goes_back(world: &World) {
    let store = world.open().await;
    assert_eq!(store.relayed().await.unwrap(), 0);
    store.set_relayed(5).await.unwrap();
    store.set_relayed(3).await.unwrap();
    assert_eq!(store.relayed().await.unwrap(), 5);
}

async fn a_watch_sees_what_was_written(world: &World) {
    let store = world.open().await;
    let mut newest = store.newest_written();
    let case = opened(&store, "AB12CDE").await;
    decide(&store, &case, &Command::Confirm, "smith").await.unwrap();
    // Both, however late it looks.
    assert!(newest.has_changed().unwrap());
    assert_eq!(*newest.borrow_and_update(), 2);
}

/// From the beginning, and again when the connection that listens was lost.
async fn a_watch_hears_of_other_processes_where_the_database_tells(world: &World) {
    const LISTENERS: &str = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity \
                             WHERE datname = current_database() AND query LIKE 'LISTEN%'";
    let [here, there] = world.open_two().await;
    let mut newest = here.newest_written();
    let mut numbers = 0..;
    for loses_connection in [false, true] {
        if loses_connection {
            assert!(world.run(LISTENERS).await.unwrap() > 0, "somebody listened");
        }
        let known = there.last_event().await.unwrap();
        let heard = async { newest.wait_for(|newest| *newest > known).await.map(drop) };
        // Again and again: the connection may not be open yet.
        let writes = async {
            for number in numbers.by_ref() {
                opened(&there, &mark(number)).await;
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        };
        let patience = if world.is_postgres() { 20_000 } else { 200 };
        tokio::select! {
            heard = heard => {
                heard.unwrap();
                assert!(world.is_postgres(), "a file tells nobody");
            }
            () = writes => {}
            () = tokio::time::sleep(Duration::from_millis(patience)) => {
                assert!(!world.is_postgres(), "it hears nothing");
                return;
            }
        }
    }
}
