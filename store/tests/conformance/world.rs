//! What the claims share: databases to try them on, and hits and entries to try them with.

use domain::hit::Hit;
use domain::hotlist::{Action, Entry, Grade, Revision};
use domain::read::RawRead;
use domain::{CameraId, EntryId, ListName, SourceName, Timestamp, UserName, Vrm};
use jiff::{SignedDuration, ToSpan};
use store::cases::Arrival;

/// The time at which every test begins.
pub fn start() -> Timestamp {
    "2007-11-01T12:00:00Z".parse().unwrap()
}

/// So many seconds after [`start`].
pub fn at(seconds: i64) -> Timestamp {
    start() + SignedDuration::from_secs(seconds)
}

pub fn user(name: &str) -> UserName {
    UserName::parse(name).unwrap()
}

pub fn entry(mark: &str, grade: u8, reference: &str) -> Entry {
    let list = ListName::parse("stolen").unwrap();
    let vrm = Vrm::parse(mark).unwrap();
    Entry {
        entry_id: EntryId::of_entry(&list, vrm, reference),
        list,
        vrm,
        grade: Grade::try_from(grade).unwrap(),
        action: Action::Stop,
        markers: Vec::new(),
        reason: "stolen".to_owned(),
        information: String::new(),
        make: String::new(),
        model: String::new(),
        colour: String::new(),
        owner: String::new(),
        reference: reference.to_owned(),
        listed_at: start() - 24.hours(),
        expires_at: None,
    }
}

/// The hit of `entry` on a read by `camera`, `seconds` after the start.
pub fn arrival(entry: Entry, camera: &str, seconds: i64) -> Arrival {
    let raw = RawRead {
        plate: entry.vrm.to_string(),
        captured_at: at(seconds),
        ..RawRead::default()
    };
    let camera = CameraId::parse(camera).unwrap();
    let source = SourceName::parse("test").unwrap();
    let read = raw.check(camera, source, at(seconds)).unwrap();
    Arrival {
        hit: Hit::exact(read, entry, Revision(1), at(seconds)),
        bcu: None,
    }
}

#[tokio::test]
async fn smoke() {
    let store = store::Store::open("sqlite::memory:").await.unwrap();
    let done = tokio::spawn({
        let store = store.clone();
        async move {
            store
                .apply_hits(&[arrival(entry("AB12CDE", 1, "x"), "c1", 0)], &[], at(1))
                .await
                .unwrap()
        }
    })
    .await
    .unwrap();
    assert_eq!(done.new_hits, 1);
    let case = store.cases(&Default::default()).await.unwrap().remove(0);
    let by = user("jones");
    tokio::spawn({
        let store = store.clone();
        async move {
            store
                .decide(case.case_id, &domain::case::Command::Confirm, 0, &by, at(2))
                .await
                .unwrap()
        }
    })
    .await
    .unwrap();
    assert_eq!(
        store
            .case(done.events[0].case.case_id)
            .await
            .unwrap()
            .history
            .len(),
        2
    );
    let change = store
        .replace_list(
            &ListName::parse("stolen").unwrap(),
            vec![entry("AB12CDE", 1, "x")],
            &user("a"),
            at(1),
        )
        .await
        .unwrap();
    assert_eq!(change.added, 1);
    assert_eq!(store.revision().await.unwrap(), (Revision(1), 1));
    assert_eq!(store.verify_audit().await.unwrap().rows, 2);
    assert_eq!(store.pending_changes(0, 10).await.unwrap().len(), 1);
}
