//! Nominals, their links, and the list that follows from them.

use std::collections::{BTreeMap, BTreeSet};

use domain::hotlist::{Action, Entry, Marker};
use domain::nominal::{Change, LIST, Link, NominalRefusal, PersonMarker, Relation, entry_of};
use domain::policy::ListPolicy;
use domain::{ListName, NominalRef, Vrm};
use rand::seq::IndexedRandom;
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use store::changes::{Author, Wish};
use store::nominals::NominalChanged;
use store::{Store, StoreError};

use crate::world::{World, at, entry_on, list, user};

claims!(
    a_persons_markers_reach_their_vehicles_and_go_with_link_marker_or_person,
    a_change_that_no_vehicle_shows_makes_no_revision,
    nobody_changes_the_list_of_nominals_by_hand,
    every_change_of_a_nominal_is_kept_and_the_audit_trail_has_no_name,
    two_changes_at_once_both_count,
    the_list_is_what_links_and_markers_say_whatever_happened;
    persistent a_nominal_survives_a_new_start,
);

fn reference(text: &str) -> NominalRef {
    NominalRef::parse(text).unwrap()
}

fn vrm(text: &str) -> Vrm {
    Vrm::parse(text).unwrap()
}

fn put(markers: &[Marker]) -> Change {
    let marker = |marker: &Marker| PersonMarker {
        marker: *marker,
        detail: "MAPPA level 2".to_owned(),
    };
    Change::Put {
        name: "John Doe".to_owned(),
        markers: markers.iter().map(marker).collect(),
    }
}

fn link(mark: &str, relation: Relation) -> Change {
    Change::Link(Link {
        vrm: vrm(mark),
        relation,
        source: "register".to_owned(),
        grading: "B23".parse().unwrap(),
        date: "2007-10-01".parse().unwrap(),
    })
}

async fn change(store: &Store, who: &str, change: Change) -> Result<NominalChanged, StoreError> {
    let by = user("ann");
    let author = Author {
        by: &by,
        at: at(0),
        why: "as reported",
    };
    store.change_nominal(&reference(who), change, &author).await
}

/// The list by mark.
async fn listed(store: &Store) -> BTreeMap<String, Entry> {
    let entries = match store.entries(&list(LIST), None, 1_000).await {
        Err(StoreError::NotFound(_)) => Vec::new(),
        entries => entries.unwrap(),
    };
    let entries = entries.into_iter();
    entries.map(|entry| (entry.target.to_string(), entry)).collect()
}

async fn a_persons_markers_reach_their_vehicles_and_go_with_link_marker_or_person(world: &World) {
    let store = world.open().await;
    let is_listed = async |expected: Option<(Action, &[Marker])>| {
        let entries = listed(&store).await;
        let found = entries
            .get("AB12CDE")
            .map(|entry| (entry.action, &entry.markers[..]));
        assert_eq!(found, expected);
    };
    let offender = [Marker::RegisteredSexOffender];
    change(&store, "P1", put(&offender)).await.unwrap();
    is_listed(None).await;
    let linked = change(&store, "P1", link("AB12CDE", Relation::Keeper))
        .await
        .unwrap();
    assert_eq!(linked.list.unwrap().added, 1);
    is_listed(Some((Action::Observe, &offender))).await;
    change(&store, "P2", put(&[Marker::Wanted])).await.unwrap();
    change(&store, "P2", link("AB12CDE", Relation::Driver))
        .await
        .unwrap();
    is_listed(Some((
        Action::Stop,
        &[Marker::RegisteredSexOffender, Marker::Wanted],
    )))
    .await;
    let people: Vec<String> = listed(&store).await["AB12CDE"]
        .nominals
        .iter()
        .map(|nominal| nominal.reference.to_string())
        .collect();
    assert_eq!(people, ["P1", "P2"]);
    change(&store, "P1", Change::Unlink(vrm("AB12CDE")))
        .await
        .unwrap();
    is_listed(Some((Action::Stop, &[Marker::Wanted]))).await;
    let cleared = change(&store, "P2", put(&[])).await.unwrap();
    assert_eq!(cleared.list.unwrap().removed, 1);
    is_listed(None).await;
    change(&store, "P2", put(&[Marker::Violent])).await.unwrap();
    is_listed(Some((Action::Observe, &[Marker::Violent]))).await;
    change(&store, "P2", Change::Remove).await.unwrap();
    is_listed(None).await;
}

async fn a_change_that_no_vehicle_shows_makes_no_revision(world: &World) {
    let store = world.open().await;
    change(&store, "P1", put(&[Marker::Violent])).await.unwrap();
    let first = change(&store, "P1", link("AB12CDE", Relation::Keeper))
        .await
        .unwrap();
    let again = change(&store, "P1", put(&[Marker::Violent])).await.unwrap();
    let (first, again) = (first.list.unwrap(), again.list.unwrap());
    assert_eq!((again.revision, again.unchanged), (first.revision, 1));
}

async fn nobody_changes_the_list_of_nominals_by_hand(world: &World) {
    let store = world.open().await;
    let (list, by) = (list(LIST), user("ann"));
    let author = Author {
        by: &by,
        at: at(0),
        why: "",
    };
    let entry = entry_on(&list, "AB12CDE", 1, "");
    for wish in [
        Wish::Replace(vec![entry.clone()]),
        Wish::Put(Box::new(entry.clone())),
        Wish::WithdrawMark(entry.target),
        Wish::WithdrawList,
    ] {
        let refused = store
            .change_list(&list, wish, &author, &ListPolicy::default())
            .await;
        assert!(matches!(refused, Err(StoreError::FollowsNominals)), "{refused:?}");
    }
    let refused = store.replace_list(&list, vec![entry], &by, at(0)).await;
    assert!(matches!(refused, Err(StoreError::FollowsNominals)), "{refused:?}");
    let usual = ListPolicy::default();
    let refused = store.set_policy(&list, &usual, &usual, &by, at(0)).await;
    assert!(matches!(refused, Err(StoreError::FollowsNominals)), "{refused:?}");
}

async fn every_change_of_a_nominal_is_kept_and_the_audit_trail_has_no_name(world: &World) {
    let store = world.open().await;
    for step in [
        put(&[Marker::Violent]),
        link("AB12CDE", Relation::Keeper),
        Change::Remove,
        put(&[]),
    ] {
        change(&store, "P1", step).await.unwrap();
    }
    let record = store.nominal(&reference("P1")).await.unwrap();
    let steps: Vec<(u64, &str)> = record
        .changes
        .iter()
        .map(|change| (change.version, change.action.as_str()))
        .collect();
    assert_eq!(
        steps,
        [
            (4, "nominal_put"),
            (3, "nominal_removed"),
            (2, "nominal_linked"),
            (1, "nominal_put")
        ]
    );
    let known: Vec<(bool, bool)> = record
        .changes
        .iter()
        .map(|change| (change.before.is_some(), change.after.is_some()))
        .collect();
    assert_eq!(known, [(false, true), (true, false), (true, true), (false, true)]);
    assert_eq!(record.nominal.unwrap().version, 4);
    for wrong in [Change::Unlink(vrm("AB12CDE")), link("AB12CDE", Relation::Keeper)] {
        let refused = change(&store, "P9", wrong).await;
        assert!(
            matches!(refused, Err(StoreError::Nominal(NominalRefusal::Unknown))),
            "{refused:?}"
        );
    }
    let unknown = store.nominal(&reference("P9")).await;
    assert!(matches!(unknown, Err(StoreError::NotFound(_))), "{unknown:?}");
    let rows = store.audit_rows(None, 100).await.unwrap();
    assert!(rows.iter().any(|row| row.action == "nominal_linked"));
    for row in rows {
        let text = format!("{row:?}");
        assert!(!text.contains("Doe") && !text.contains("AB12CDE"), "{text}");
    }
}

async fn two_changes_at_once_both_count(world: &World) {
    let [first, second] = world.open_two().await;
    for (store, who) in [(&first, "P1"), (&second, "P2")] {
        change(store, who, put(&[Marker::Violent])).await.unwrap();
    }
    let (one, two) = tokio::join!(
        change(&first, "P1", link("AB12CDE", Relation::Keeper)),
        change(&second, "P2", link("AB12CDE", Relation::Driver))
    );
    one.unwrap();
    two.unwrap();
    assert_eq!(listed(&first).await["AB12CDE"].nominals.len(), 2);
}

/// The slow oracle: the whole list computed from everybody who is known.
async fn follows(store: &Store) -> BTreeMap<String, Entry> {
    let list = ListName::parse(LIST).unwrap();
    let people = store.nominals(None, None, 1_000).await.unwrap();
    let people: Vec<_> = people.into_iter().map(|stored| stored.nominal).collect();
    let marks: BTreeSet<Vrm> = people
        .iter()
        .flat_map(|nominal| nominal.links.iter().map(|link| link.vrm))
        .collect();
    let entries = marks
        .into_iter()
        .filter_map(|vrm| entry_of(&list, vrm, &people, at(0)));
    entries.map(|entry| (entry.target.to_string(), entry)).collect()
}

async fn the_list_is_what_links_and_markers_say_whatever_happened(world: &World) {
    let store = world.open().await;
    let seed = 7;
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    let (people, marks) = (["P1", "P2", "P3", "P4"], ["AA11AAA", "BB22BBB", "CC33CCC"]);
    let markers = [Marker::Violent, Marker::Wanted, Marker::RegisteredSexOffender];
    let relations = [Relation::Keeper, Relation::Driver, Relation::Associate];
    for step in 0..80 {
        let who = people.choose(&mut rng).unwrap();
        let mark = marks.choose(&mut rng).unwrap();
        let what = match rng.random_range(0..10) {
            0..4 => {
                let some: Vec<Marker> = markers.iter().copied().filter(|_| rng.random()).collect();
                put(&some)
            }
            4..8 => link(mark, *relations.choose(&mut rng).unwrap()),
            8 => Change::Unlink(vrm(mark)),
            _ => Change::Remove,
        };
        match change(&store, who, what).await {
            Ok(_) | Err(StoreError::Nominal(NominalRefusal::Unknown | NominalRefusal::NotLinked)) => {}
            Err(error) => panic!("seed {seed}, step {step}: {error}"),
        }
        assert_eq!(
            listed(&store).await,
            follows(&store).await,
            "seed {seed}, step {step}"
        );
    }
}

async fn a_nominal_survives_a_new_start(world: &World) {
    let store = world.open().await;
    change(&store, "P1", put(&[Marker::Violent])).await.unwrap();
    change(&store, "P1", link("AB12CDE", Relation::Keeper))
        .await
        .unwrap();
    let before = store.nominal(&reference("P1")).await.unwrap();
    drop(store);
    let store = world.open().await;
    assert_eq!(store.nominal(&reference("P1")).await.unwrap(), before);
    let linked = store.nominals(Some(vrm("AB12CDE")), None, 10).await.unwrap();
    assert_eq!(linked.len(), 1);
    let others = store.nominals(Some(vrm("AB12CDF")), None, 10).await.unwrap();
    assert_eq!(others, []);
}
