//! What clients outside are given: page by page, at any revision, whatever changes meanwhile.

use std::collections::BTreeMap;

use domain::hotlist::{Entry, Revision};
use domain::policy::ListPolicy;
use domain::target::Target;
use domain::{EntryId, ListName};
use rand::seq::IndexedRandom;
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use store::changes::{Author, Wish};
use store::distribution::{Change, Cursor, DistributionRefusal, Given};
use store::{Store, StoreError};

use crate::world::{World, at, entry_on, list, mark, user};

claims_of_lists!(
    only_what_is_distributed_and_published_is_given,
    a_client_that_pages_to_the_end_has_the_list_whatever_changes_meanwhile,
    a_client_from_elsewhere_is_told_to_begin_anew,
    what_went_before_places_were_kept_is_not_known,
    a_whole_list_is_read_as_one_moment_has_it,
    who_took_what_is_kept_and_audited_without_plates;
    persistent
);

const SEEDS: u64 = 6;
const STEPS: usize = 40;

async fn distribute(store: &Store, name: &ListName, distributed: bool) {
    let policy = ListPolicy {
        distributed,
        ..ListPolicy::default()
    };
    let usual = ListPolicy::default();
    store
        .set_policy(name, &policy, &usual, &user("sue"), at(0))
        .await
        .unwrap();
}

/// What is not there cannot be withdrawn: nothing changes then.
async fn change(store: &Store, name: &ListName, wish: Wish) {
    let author = Author {
        by: &user("intel"),
        at: at(0),
        why: "",
    };
    match store
        .change_list(name, wish, &author, &ListPolicy::default())
        .await
    {
        Ok(_) | Err(StoreError::NotFound(_)) => {}
        Err(error) => panic!("{error}"),
    }
}

async fn publish(store: &Store) {
    let (newest, _) = store.revision().await.unwrap();
    store.set_published(newest, at(1)).await.unwrap();
    while store.tidy(at(1)).await.unwrap() {}
}

fn entries(name: &ListName, marks: std::ops::Range<usize>) -> Vec<Entry> {
    marks
        .map(|number| entry_on(name, &mark(number), 1, "x"))
        .collect()
}

async fn only_what_is_distributed_and_published_is_given(world: &World) {
    let store = world.open().await;
    let stolen = list("stolen");
    change(&store, &stolen, Wish::Replace(entries(&stolen, 0..3))).await;
    publish(&store).await;
    let first = async || store.changes_since(&stolen, Revision(0), None, 10).await;
    assert!(
        matches!(first().await, Err(StoreError::NotFound(_))),
        "off until somebody decides"
    );
    assert!(store.distributed_lists().await.unwrap().1.is_empty());
    distribute(&store, &stolen, true).await;
    assert_eq!(first().await.unwrap().changes.len(), 3);
    let (revision, lists) = store.distributed_lists().await.unwrap();
    assert_eq!((revision, lists.len()), (Revision(1), 1));
    assert_eq!(
        (lists[0].revision, lists[0].entries, lists[0].published),
        (Revision(1), 3, true)
    );

    change(&store, &stolen, Wish::Replace(entries(&stolen, 1..3))).await;
    let refused = first().await;
    assert!(
        matches!(
            refused,
            Err(StoreError::Distribution(DistributionRefusal::OnItsWay))
        ),
        "{refused:?}"
    );
    assert!(matches!(
        store.whole_list(&stolen).await,
        Err(StoreError::Distribution(_))
    ));
    let (revision, lists) = store.distributed_lists().await.unwrap();
    assert_eq!((revision, lists[0].published), (Revision(1), false));
    publish(&store).await;
    assert_eq!(first().await.unwrap().changes.len(), 2);
    distribute(&store, &stolen, false).await;
    assert!(matches!(first().await, Err(StoreError::NotFound(_))));
    assert!(matches!(
        store.whole_list(&stolen).await,
        Err(StoreError::NotFound(_))
    ));
}

/// A client's copy of a list.
#[derive(Default)]
struct Client {
    revision: Revision,
    entries: BTreeMap<EntryId, Entry>,
    /// Pages that it read in the middle of others' changes.
    interrupted: usize,
}

impl Client {
    fn take(&mut self, changes: Vec<Change>) {
        for change in changes {
            match change {
                Change::Put(entry) => self.entries.insert(entry.entry_id, *entry),
                Change::Remove { entry_id, .. } => self.entries.remove(&entry_id),
            };
        }
    }

    /// Reads to the end, in pages of random size, while the lists change.
    async fn catch_up(&mut self, store: &Store, name: &ListName, rng: &mut ChaCha8Rng) {
        if rng.random_range(0..10) == 0 {
            (self.revision, self.entries) = (Revision(0), BTreeMap::new());
        }
        let mut after: Option<Cursor> = None;
        loop {
            let limit = rng.random_range(1..9);
            let page = store
                .changes_since(name, self.revision, after, limit)
                .await
                .unwrap();
            assert!(page.changes.len() <= limit as usize);
            self.take(page.changes);
            after = page.next;
            if after.is_none() {
                self.revision = page.revision;
                return;
            }
            // As it travels: in words.
            after = after.map(|cursor| cursor.to_string().parse().unwrap());
            if rng.random_range(0..3) == 0 {
                self.interrupted += 1;
                random_change(store, rng).await;
            }
        }
    }
}

async fn random_change(store: &Store, rng: &mut ChaCha8Rng) {
    let name = list(["stolen", "other"].choose(rng).unwrap());
    let random_entry = |rng: &mut ChaCha8Rng| {
        let reference = ["x", "y"].choose(rng).unwrap();
        let mark = mark(rng.random_range(0..25));
        entry_on(&name, &mark, rng.random_range(1..4), reference)
    };
    let wish = match rng.random_range(0..9) {
        0..3 => Wish::Replace((0..rng.random_range(1..30)).map(|_| random_entry(rng)).collect()),
        3..6 => Wish::Put(Box::new(random_entry(rng))),
        6..8 => Wish::WithdrawMark(Target::parse(&mark(rng.random_range(0..25))).unwrap()),
        _ => Wish::WithdrawList,
    };
    change(store, &name, wish).await;
    publish(store).await;
}

/// The slow oracle: the list as the store has it now.
async fn as_it_is(store: &Store, name: &ListName) -> BTreeMap<EntryId, Entry> {
    let all = store.entries(name, None, 10_000).await.unwrap();
    all.into_iter().map(|entry| (entry.entry_id, entry)).collect()
}

async fn a_client_that_pages_to_the_end_has_the_list_whatever_changes_meanwhile(world: &World) {
    let store = world.open().await;
    let name = list("stolen");
    distribute(&store, &name, true).await;
    change(&store, &name, Wish::Replace(entries(&name, 0..20))).await;
    publish(&store).await;
    let mut clients = [Client::default(), Client::default(), Client::default()];
    for seed in 0..SEEDS {
        let mut rng = ChaCha8Rng::seed_from_u64(seed);
        for step in 0..STEPS {
            random_change(&store, &mut rng).await;
            // Who asks seldom has the more to catch up with.
            for (number, client) in clients.iter_mut().enumerate() {
                if rng.random_range(0..=3 * number) > 0 {
                    continue;
                }
                client.catch_up(&store, &name, &mut rng).await;
                let context = format!("seed {seed}, step {step}, client {number}");
                assert_eq!(client.entries, as_it_is(&store, &name).await, "{context}");
                let (_, lists) = store.distributed_lists().await.unwrap();
                assert_eq!(client.revision, lists[0].revision, "{context}");
            }
        }
    }
    let interrupted: usize = clients.iter().map(|client| client.interrupted).sum();
    assert!(
        interrupted > 100,
        "lists change while clients read: {interrupted}"
    );
}

async fn a_client_from_elsewhere_is_told_to_begin_anew(world: &World) {
    let store = world.open().await;
    let name = list("stolen");
    distribute(&store, &name, true).await;
    change(&store, &name, Wish::Replace(entries(&name, 0..3))).await;
    publish(&store).await;
    let page = store.changes_since(&name, Revision(1), None, 10).await.unwrap();
    assert!(page.changes.is_empty() && page.next.is_none());
    for (since, after) in [(2, None), (1, Some("0-4")), (1, Some("4-0"))] {
        let after = after.map(|after| after.parse().unwrap());
        let refused = store.changes_since(&name, Revision(since), after, 10).await;
        assert!(
            matches!(
                refused,
                Err(StoreError::Distribution(DistributionRefusal::Ahead {
                    revision: Revision(1)
                }))
            ),
            "{since}: {refused:?}"
        );
    }
    for wrong in ["", "1", "1-", "x-1", "-1-1"] {
        assert!(wrong.parse::<Cursor>().is_err(), "{wrong}");
    }
}

/// As a database is that was written before places were kept.
async fn what_went_before_places_were_kept_is_not_known(world: &World) {
    if world.folder.is_none() && !world.is_postgres() {
        return;
    }
    let store = world.open().await;
    let name = list("stolen");
    distribute(&store, &name, true).await;
    change(&store, &name, Wish::Replace(entries(&name, 0..3))).await;
    change(&store, &name, Wish::Replace(entries(&name, 1..3))).await;
    publish(&store).await;
    world
        .run("UPDATE list_changes SET last_place = NULL")
        .await
        .unwrap();
    let refused = store.changes_since(&name, Revision(1), None, 10).await;
    assert!(
        matches!(
            refused,
            Err(StoreError::Distribution(DistributionRefusal::TooOld(Revision(1))))
        ),
        "{refused:?}"
    );
    let page = store.changes_since(&name, Revision(2), None, 10).await.unwrap();
    assert!(
        page.changes.is_empty(),
        "who has the newest state has missed nothing"
    );
}

async fn a_whole_list_is_read_as_one_moment_has_it(world: &World) {
    let [store, other] = world.open_two().await;
    let name = list("stolen");
    distribute(&store, &name, true).await;
    change(&store, &name, Wish::Replace(entries(&name, 0..6_000))).await;
    publish(&store).await;
    let expected = as_it_is(&store, &name).await;
    let mut whole = store.whole_list(&name).await.unwrap();
    assert_eq!((whole.revision, whole.entries), (Revision(1), 6_000));
    let mut found: Vec<Entry> = whole.next().await.unwrap();
    assert!(found.len() < 6_000, "in blocks");
    // In memory there is one connection, which is busy.
    if world.folder.is_some() || world.is_postgres() {
        change(&other, &name, Wish::Replace(entries(&name, 5_999..6_001))).await;
    }
    loop {
        let block = whole.next().await.unwrap();
        if block.is_empty() {
            break;
        }
        found.extend(block);
    }
    let found: BTreeMap<EntryId, Entry> = found.into_iter().map(|entry| (entry.entry_id, entry)).collect();
    assert_eq!(found, expected);
}

async fn who_took_what_is_kept_and_audited_without_plates(world: &World) {
    let store = world.open().await;
    let (name, client) = (list("stolen"), user("cheshire"));
    let given = |revision, puts, all| Given {
        client: &client,
        list: &name,
        revision: Revision(revision),
        puts,
        removes: 0,
        all,
    };
    store.record_given(&given(7, 1_000, false), at(1)).await.unwrap();
    assert!(store.takings().await.unwrap().is_empty(), "it has not all yet");
    store.record_given(&given(7, 12, true), at(2)).await.unwrap();
    store.record_given(&given(7, 0, true), at(3)).await.unwrap();
    let takings = store.takings().await.unwrap();
    assert_eq!(takings.len(), 1);
    assert_eq!(
        (&takings[0].client, takings[0].revision, takings[0].at),
        (&client, Revision(7), at(3))
    );
    let audit = store.audit_rows(None, 10).await.unwrap();
    let rows: Vec<[&str; 4]> = audit
        .iter()
        .map(|row| [&*row.actor, &*row.action, &*row.subject, &*row.detail])
        .collect();
    assert_eq!(
        rows,
        [
            [
                "cheshire",
                "list_taken",
                "stolen",
                "revision 7: 12 put, 0 removed"
            ],
            [
                "cheshire",
                "list_taken",
                "stolen",
                "revision 7: 1000 put, 0 removed"
            ]
        ],
        "an answer without entries leaves no row"
    );
}
