//! Addresses, schemas, and databases that are away.

use std::time::{Duration, Instant};

use domain::Timestamp;
use domain::policy::{ListPolicy, Verdict};
use store::changes::{Author, Changed, Wish};
use store::{Store, StoreError};

use crate::shelves::count;
use crate::world::{World, arrival, at, entry, list, opened, user, usual};

claims!(
    an_open_database_answers;
    persistent
    what_was_written_is_there_after_a_new_start,
    a_case_of_an_earlier_version_is_still_worked_on,
    a_draft_of_an_earlier_version_is_still_authorised,
    a_newer_schema_is_refused,
    several_processes_may_open_a_new_database_at_once,
);

async fn an_open_database_answers(world: &World) {
    world.open().await.check().await.unwrap();
}

async fn what_was_written_is_there_after_a_new_start(world: &World) {
    let store = world.open().await;
    let case = opened(&store, "AB12CDE").await;
    drop(store);
    let store = world.open().await;
    assert_eq!(store.case(case.case_id).await.unwrap().case, case);
    assert_eq!(*store.newest_written().borrow(), 1);
}

/// Before reads were forgiven, cases did not say how they were matched.
async fn a_case_of_an_earlier_version_is_still_worked_on(world: &World) {
    let store = world.open().await;
    let case = opened(&store, "AB12CDE").await;
    drop(store);
    let mut doc = serde_json::to_value(&case).unwrap();
    assert!(doc.as_object_mut().unwrap().remove("last_match").is_some());
    let doc = doc.to_string().replace('\'', "''");
    world
        .run(&format!("UPDATE cases SET doc = '{doc}'"))
        .await
        .unwrap();
    let store = world.open().await;
    assert_eq!(store.case(case.case_id).await.unwrap().case, case);
    let again = [arrival(entry("AB12CDE", 1, "x"), "c2", 60)];
    let applied = store.apply_hits(&again, &[], usual(), at(61)).await.unwrap();
    assert_eq!(applied.events[0].case.sightings, 2);
}

/// Before large drafts were written aside, each entry of one named its draft in the schema.
async fn a_draft_of_an_earlier_version_is_still_authorised(world: &World) {
    let store = world.open().await;
    let (stolen, four_eyes) = (
        list("stolen"),
        ListPolicy {
            four_eyes: true,
            ..ListPolicy::default()
        },
    );
    let [ann, bob] = ["ann", "bob"].map(user);
    let (at, why) = (at(0), "");
    let author = Author { by: &ann, at, why };
    let entries = vec![entry("AA1", 1, "x"), entry("AA2", 1, "x")];
    let made = store.change_list(&stolen, Wish::Replace(entries), &author, &four_eyes);
    let Changed::Draft(draft) = made.await.unwrap() else {
        panic!("live at once");
    };
    drop(store);
    let earlier = "ALTER TABLE draft_entries RENAME TO newer; \
                   CREATE TABLE draft_entries (draft BIGINT NOT NULL REFERENCES drafts (draft), \
                   entry_id TEXT NOT NULL, doc TEXT NOT NULL, PRIMARY KEY (draft, entry_id)); \
                   INSERT INTO draft_entries SELECT draft, entry_id, doc FROM newer; \
                   DROP TABLE newer; DROP TABLE draft_writes; \
                   DELETE FROM _sqlx_migrations WHERE version = 21";
    world.run(earlier).await.unwrap();
    let store = world.open().await;
    assert_eq!(store.draft_entries(draft.draft, 10).await.unwrap().len(), 2);
    let second = Author { by: &bob, at, why };
    let decided = store.decide_draft(draft.draft, Verdict::Authorise, &second, &four_eyes);
    assert_eq!(decided.await.unwrap().change.unwrap().added, 2);
    while store.tidy(Timestamp::now()).await.unwrap() {}
    assert_eq!(count(world, "draft_entries").await, 0);
}

async fn a_newer_schema_is_refused(world: &World) {
    drop(world.open().await);
    let copy = "INSERT INTO _sqlx_migrations (version, description, success, checksum, execution_time) \
                SELECT 9999, 'from the future', success, checksum, 0 FROM _sqlx_migrations WHERE version = 1";
    world.run(copy).await.unwrap();
    let refused = Store::open(&world.url).await;
    assert!(matches!(refused, Err(StoreError::NewerSchema)), "{refused:?}");
}

async fn several_processes_may_open_a_new_database_at_once(world: &World) {
    let opening = (0..4).map(|_| Store::open(&world.url));
    for store in futures::future::join_all(opening).await {
        store.unwrap().check().await.unwrap();
    }
}

#[tokio::test]
async fn two_databases_in_memory_are_two() {
    let world = World::sqlite_memory();
    let (one, two) = (world.open().await, world.open().await);
    opened(&one, "AB12CDE").await;
    assert_eq!(two.count_hits().await.unwrap(), 0);
}

#[cfg(unix)]
#[tokio::test]
async fn a_sqlite_file_is_for_its_owner_alone() {
    use std::os::unix::fs::PermissionsExt;
    let world = World::sqlite_file();
    let store = world.open().await;
    opened(&store, "AB12CDE").await;
    let folder = world.folder.as_ref().unwrap();
    let mut files = 0;
    for file in std::fs::read_dir(folder.path()).unwrap() {
        let file = file.unwrap();
        assert_eq!(
            file.metadata().unwrap().permissions().mode() & 0o777,
            0o600,
            "{file:?}"
        );
        files += 1;
    }
    assert!(files >= 2, "the file and its log");
}

#[tokio::test]
async fn a_wrong_address_says_what_is_wanted() {
    let missing = tempfile::tempdir().unwrap().path().join("no/such/folder/x.db");
    let rows = [
        "mysql://user:secret@host/name".to_owned(),
        "steelring.db".to_owned(),
        "sqlite:".to_owned(),
        "postgres://[".to_owned(),
        format!("sqlite:{}", missing.display()),
    ];
    for address in rows {
        let error = Store::open(&address).await.unwrap_err();
        assert!(matches!(error, StoreError::Address(_)), "{address}: {error:?}");
        let message = error.to_string();
        assert!(
            message.contains("use postgres://USER@HOST/NAME or sqlite:PATH"),
            "{message}"
        );
        assert!(!message.contains("secret"), "{message}");
    }
}

fn away<T: std::fmt::Debug>(done: Result<T, StoreError>) {
    assert!(matches!(done, Err(StoreError::Unavailable { .. })), "{done:?}");
}

#[tokio::test]
async fn nobody_at_the_address_is_unavailable_and_not_refused() {
    let began = Instant::now();
    away(Store::open("postgres://steelring@127.0.0.1:1/steelring").await);
    assert!(began.elapsed() < Duration::from_secs(15));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_database_that_went_away_is_unavailable_until_it_is_back() {
    let mut server = xtask::servers::Postgres::start().unwrap();
    let store = Store::open(&server.url()).await.unwrap();
    opened(&store, "AA1").await;
    let hits = [arrival(entry("AA2", 1, "x"), "c1", 1)];
    for killed in [false, true] {
        if killed { server.kill() } else { server.stop() }.unwrap();
        // The first may find a broken connection, the second none at all.
        for _ in 0..2 {
            let began = Instant::now();
            away(store.apply_hits(&hits, &[], usual(), at(2)).await);
            away(store.check().await);
            assert!(began.elapsed() < Duration::from_secs(30), "{:?}", began.elapsed());
        }
        server.restart().unwrap();
        let began = Instant::now();
        while store.check().await.is_err() {
            assert!(
                began.elapsed() < Duration::from_secs(30),
                "it is back, the store does not see it"
            );
        }
    }
    assert_eq!(
        store
            .apply_hits(&hits, &[], usual(), at(3))
            .await
            .unwrap()
            .new_hits,
        1
    );
    assert_eq!(store.count_hits().await.unwrap(), 2);
}

/// Another process may hold the write lock of a SQLite file for long.
#[tokio::test(flavor = "multi_thread")]
async fn a_busy_file_is_unavailable_until_it_is_free() {
    let world = World::sqlite_file();
    let store = world.open().await;
    let other = world.behind().await;
    let lock = other.begin_with("BEGIN IMMEDIATE").await.unwrap();
    away(store.set_relayed(1).await);
    lock.rollback().await.unwrap();
    store.set_relayed(1).await.unwrap();
}
