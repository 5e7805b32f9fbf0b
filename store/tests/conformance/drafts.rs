//! Policies of lists, drafts that wait for a second person, and the history of entries.

use std::sync::Arc;

use domain::EntryId;
use domain::hotlist::{Action, Entry, Grade, Revision};
use domain::policy::{DraftRefusal, DraftState, ListPolicy, Verdict};
use jiff::SignedDuration;
use store::changes::{Author, Changed, Wish};
use store::drafts::{Draft, DraftKind};
use store::hotlists::ListChange;
use store::rows::InMemory;
use store::{Store, StoreError};

use crate::world::{World, at, entry, list, unpublished, user};

claims_of_lists!(
    a_policy_is_kept_and_audited_with_before_and_after,
    an_entry_without_weed_date_lives_as_long_as_the_policy_allows_and_is_the_same_row_tomorrow,
    a_draft_changes_nothing_until_a_second_person_authorises_it,
    a_declined_draft_never_becomes_live_and_says_why,
    a_list_that_moved_meanwhile_is_compared_anew_and_says_so,
    one_change_of_a_whole_list_waits_at_a_time_and_a_withdrawn_mark_waits_for_nobody,
    an_edited_entry_leaves_its_neighbours_alone,
    every_change_of_an_entry_keeps_who_when_why_before_and_after,
    a_comparison_counts_what_the_load_then_changes_and_names_what_other_lists_contradict;
    persistent a_draft_survives_a_new_start,
);

fn four_eyes() -> ListPolicy {
    ListPolicy {
        four_eyes: true,
        ..ListPolicy::default()
    }
}

fn entries(marks: &[&str]) -> Vec<Entry> {
    marks.iter().map(|mark| entry(mark, 1, "x")).collect()
}

async fn wish(store: &Store, wish: Wish, by: &str, policy: &ListPolicy) -> Result<Changed, StoreError> {
    let by = user(by);
    let author = Author {
        by: &by,
        at: at(0),
        why: "as asked",
    };
    store.change_list(&list("stolen"), wish, &author, policy).await
}

async fn drafted(store: &Store, what: Wish, by: &str) -> Draft {
    match wish(store, what, by, &four_eyes()).await.unwrap() {
        Changed::Draft(draft) => draft,
        Changed::Live(change) => panic!("live at once: {change:?}"),
    }
}

async fn live(store: &Store, what: Wish) -> ListChange {
    match wish(store, what, "ann", &ListPolicy::default()).await.unwrap() {
        Changed::Live(change) => change,
        Changed::Draft(draft) => panic!("waits: {draft:?}"),
    }
}

async fn decide(
    store: &Store,
    draft: &Draft,
    verdict: Verdict,
    by: &str,
) -> Result<store::drafts::Decided, StoreError> {
    let by = user(by);
    let second = Author {
        by: &by,
        at: at(9),
        why: "looked at it",
    };
    store
        .decide_draft(draft.draft, verdict, &second, &four_eyes())
        .await
}

async fn marks(store: &Store) -> Vec<String> {
    let entries = store.entries(&list("stolen"), None, 100).await.unwrap();
    entries.iter().map(|entry| entry.target.to_string()).collect()
}

async fn a_policy_is_kept_and_audited_with_before_and_after(world: &World) {
    let store = world.open().await;
    let (stolen, usual) = (list("stolen"), ListPolicy::default());
    assert_eq!(store.policy(&stolen).await.unwrap(), None);
    let policy = ListPolicy {
        max_days: 30,
        owner: "FIB".to_owned(),
        default_grade: Some(Grade::Two),
        ..four_eyes()
    };
    store
        .set_policy(&stolen, &policy, &usual, &user("sue"), at(1))
        .await
        .unwrap();
    assert_eq!(store.policy(&stolen).await.unwrap(), Some(policy));
    let row = store.audit_rows(None, 1).await.unwrap().remove(0);
    assert_eq!(
        (row.actor.as_str(), row.action.as_str()),
        ("sue", "hotlist_policy_set")
    );
    let (before, after) = row.detail.split_once(", after ").unwrap();
    assert!(before.contains("\"four_eyes\":false") && before.contains("36525"));
    assert!(after.contains("\"four_eyes\":true") && after.contains("\"max_days\":30"));
}

async fn an_entry_without_weed_date_lives_as_long_as_the_policy_allows_and_is_the_same_row_tomorrow(
    world: &World,
) {
    let store = world.open().await;
    let policy = ListPolicy {
        max_days: 30,
        ..ListPolicy::default()
    };
    let load = async |seconds| {
        let mut all = entries(&["AA1"]);
        all[0].listed_at = at(seconds);
        match wish(&store, Wish::Replace(all), "ann", &policy).await.unwrap() {
            Changed::Live(change) => change,
            Changed::Draft(draft) => panic!("waits: {draft:?}"),
        }
    };
    assert_eq!(load(0).await.added, 1);
    let kept = store.entries(&list("stolen"), None, 1).await.unwrap().remove(0);
    assert_eq!(kept.expires_at, Some(at(30 * 86_400)));
    let again = load(86_400).await;
    assert_eq!((again.revision, again.unchanged), (Revision(1), 1));
}

async fn a_draft_changes_nothing_until_a_second_person_authorises_it(world: &World) {
    let store = world.open().await;
    let draft = drafted(&store, Wish::Replace(entries(&["AA1", "AA2"])), "ann").await;
    assert_eq!(
        (draft.kind, draft.change.added, draft.why.as_str()),
        (DraftKind::Load, 2, "as asked")
    );
    assert_eq!(store.revision().await.unwrap(), (Revision(0), 0));
    assert!(unpublished(&store).await.is_empty());
    assert_eq!(
        store.drafts(None, 10).await.unwrap(),
        std::slice::from_ref(&draft)
    );
    assert_eq!(store.draft_entries(draft.draft, 10).await.unwrap().len(), 2);

    let own = decide(&store, &draft, Verdict::Authorise, "ann")
        .await
        .unwrap_err();
    assert!(
        own.to_string()
            .contains("ann made this draft: a second person must"),
        "{own}"
    );
    assert!(marks(&store).await.is_empty());

    let decided = decide(&store, &draft, Verdict::Authorise, "bob").await.unwrap();
    assert_eq!(
        decided.change.unwrap(),
        ListChange {
            revision: Revision(1),
            ..draft.change
        }
    );
    assert_eq!(
        (decided.draft.state, decided.draft.decided_by),
        (DraftState::Authorised, Some(user("bob")))
    );
    assert!(!decided.draft.moved);
    assert_eq!(marks(&store).await, ["AA1", "AA2"]);
    assert_eq!(unpublished(&store).await.len(), 2);
    assert!(store.drafts(None, 10).await.unwrap().is_empty());
    assert!(store.draft_entries(draft.draft, 10).await.unwrap().is_empty());
    let again = decide(&store, &draft, Verdict::Authorise, "cat").await;
    assert!(
        matches!(again, Err(StoreError::Draft(DraftRefusal::Decided { .. }))),
        "{again:?}"
    );
    let actions: Vec<_> = store.audit_rows(None, 10).await.unwrap();
    let actions: Vec<_> = actions
        .iter()
        .map(|row| (row.actor.as_str(), row.action.as_str()))
        .collect();
    assert_eq!(
        actions,
        [
            ("bob", "draft_authorised"),
            ("bob", "hotlist_loaded"),
            ("ann", "draft_made")
        ]
    );
}

async fn a_declined_draft_never_becomes_live_and_says_why(world: &World) {
    let store = world.open().await;
    let draft = drafted(&store, Wish::Replace(entries(&["AA1"])), "ann").await;
    let decided = decide(&store, &draft, Verdict::Decline, "bob").await.unwrap();
    assert_eq!(decided.change, None);
    assert_eq!(
        (decided.draft.state, decided.draft.decided_why.as_deref()),
        (DraftState::Declined, Some("looked at it"))
    );
    assert_eq!(store.revision().await.unwrap(), (Revision(0), 0));
    assert!(store.draft_entries(draft.draft, 10).await.unwrap().is_empty());
    let missing = store
        .decide_draft(
            99,
            Verdict::Decline,
            &Author {
                by: &user("bob"),
                at: at(1),
                why: "no",
            },
            &four_eyes(),
        )
        .await;
    assert!(matches!(missing, Err(StoreError::NotFound("draft"))));
}

async fn a_list_that_moved_meanwhile_is_compared_anew_and_says_so(world: &World) {
    let store = world.open().await;
    live(&store, Wish::Replace(entries(&["AA1", "AA2"]))).await;
    let draft = drafted(&store, Wish::Replace(entries(&["AA1", "AA2", "AA3"])), "ann").await;
    assert_eq!((draft.change.added, draft.change.removed), (1, 0));
    // Another list is no news to this one.
    let other = list("other");
    let of_other = vec![crate::world::entry_on(&other, "BB1", 1, "")];
    store
        .replace_list(&other, of_other, &user("cat"), at(1))
        .await
        .unwrap();
    assert!(!store.drafts(None, 10).await.unwrap()[0].moved);
    live(&store, Wish::Replace(entries(&["AA2", "AA9"]))).await;
    assert!(store.drafts(Some(&list("stolen")), 10).await.unwrap()[0].moved);
    let decided = decide(&store, &draft, Verdict::Authorise, "bob").await.unwrap();
    assert!(decided.draft.moved);
    let change = decided.change.unwrap();
    assert_eq!((change.added, change.removed, change.unchanged), (2, 1, 1));
    assert_eq!(marks(&store).await, ["AA1", "AA2", "AA3"]);
}

async fn one_change_of_a_whole_list_waits_at_a_time_and_a_withdrawn_mark_waits_for_nobody(world: &World) {
    let store = world.open().await;
    let all = entries(&["AA1", "AA2"]);
    live(&store, Wish::Replace(all.clone())).await;
    let draft = drafted(&store, Wish::WithdrawList, "ann").await;
    assert_eq!(draft.change.removed, 2);
    let second = wish(&store, Wish::Replace(entries(&["AA3"])), "bob", &four_eyes()).await;
    assert!(
        matches!(&second, Err(StoreError::Draft(DraftRefusal::Waits(by))) if *by == user("ann")),
        "{second:?}"
    );
    drafted(&store, Wish::Put(Box::new(entry("AA5", 1, ""))), "bob").await;
    let gone = Wish::WithdrawMark(all[0].target);
    let gone = wish(&store, gone, "ann", &four_eyes()).await.unwrap();
    assert!(
        matches!(gone, Changed::Live(ListChange { removed: 1, .. })),
        "{gone:?}"
    );
    assert_eq!(marks(&store).await, ["AA2"]);
    let decided = decide(&store, &draft, Verdict::Authorise, "bob").await.unwrap();
    assert_eq!(decided.change.unwrap().removed, 1);
    assert!(marks(&store).await.is_empty());
}

async fn an_edited_entry_leaves_its_neighbours_alone(world: &World) {
    let store = world.open().await;
    live(&store, Wish::Replace(entries(&["AA1", "AA2", "AA3"]))).await;
    let mut edited = entry("AA2", 2, "x");
    edited.colour = "RED".to_owned();
    let change = live(&store, Wish::Put(Box::new(edited.clone()))).await;
    assert_eq!((change.added, change.changed, change.unchanged), (0, 1, 2));
    let change = live(&store, Wish::Put(Box::new(edited))).await;
    assert_eq!(
        (change.revision, change.changed, change.unchanged),
        (Revision(2), 0, 3)
    );
    let change = live(&store, Wish::Put(Box::new(entry("AA4", 1, "")))).await;
    assert_eq!((change.added, change.removed, change.unchanged), (1, 0, 3));
    assert_eq!(marks(&store).await, ["AA1", "AA2", "AA3", "AA4"]);
    assert_eq!(store.lists().await.unwrap()[0].entries, 4);
}

async fn every_change_of_an_entry_keeps_who_when_why_before_and_after(world: &World) {
    let store = world.open().await;
    let first = entry("AA1", 1, "x");
    live(&store, Wish::Replace(vec![first.clone(), entry("AA2", 1, "x")])).await;
    let mut red = first.clone();
    red.colour = "RED".to_owned();
    let draft = drafted(&store, Wish::Put(Box::new(red)), "ann").await;
    decide(&store, &draft, Verdict::Authorise, "bob").await.unwrap();
    live(&store, Wish::WithdrawMark(first.target)).await;
    live(&store, Wish::Replace(vec![first.clone(), entry("AA2", 1, "x")])).await;

    let history = store
        .entry_history(&list("stolen"), first.entry_id)
        .await
        .unwrap();
    let colour = |entry: &Option<Box<Entry>>| entry.as_ref().map(|entry| entry.colour.clone());
    let seen: Vec<_> = history
        .iter()
        .map(|change| {
            (
                change.revision.0,
                change.action.as_str(),
                colour(&change.before),
                colour(&change.after),
            )
        })
        .collect();
    let (blue, red) = (|| Some("BLUE".to_owned()), || Some("RED".to_owned()));
    assert_eq!(
        seen,
        [
            (4, "hotlist_loaded", None, blue()),
            (3, "hotlist_withdrawn", red(), None),
            (2, "hotlist_entry_put", blue(), red()),
            (1, "hotlist_loaded", None, blue()),
        ]
    );
    let edit = &history[2];
    assert_eq!(
        (&edit.by, &edit.authorised_by),
        (&user("ann"), &Some(user("bob")))
    );
    assert_eq!((edit.at, edit.why.as_str()), (at(9), "as asked"));
    let neighbour = entry("AA2", 1, "x").entry_id;
    let neighbour = store.entry_history(&list("stolen"), neighbour).await.unwrap();
    assert_eq!(neighbour.len(), 1, "what did not change has no row");
    let never = EntryId::of_entry(&list("stolen"), first.target, "never");
    let never = store.entry_history(&list("stolen"), never).await;
    assert!(matches!(never, Err(StoreError::NotFound("entry"))));
    let elsewhere = store.entry_history(&list("other"), first.entry_id).await;
    assert!(matches!(elsewhere, Err(StoreError::NotFound("entry"))));
}

async fn a_comparison_counts_what_the_load_then_changes_and_names_what_other_lists_contradict(world: &World) {
    let store = world.open().await;
    live(&store, Wish::Replace(entries(&["AA1", "AA2", "AA3"]))).await;
    let mut next = entries(&["AA2", "AA3", "AA4"]);
    next[1].colour = "RED".to_owned();
    let other = list("other");
    let mut of_other = ["AA2", "AA4", "BB1"].map(|mark| crate::world::entry_on(&other, mark, 1, ""));
    of_other[0].action = Action::Silent;
    of_other[0].reason = "they said \"action\":\"stop\"".to_owned();
    store
        .replace_list(&other, of_other.to_vec(), &user("cat"), at(1))
        .await
        .unwrap();
    let said = store
        .compare(&list("stolen"), Arc::new(InMemory(next.clone())))
        .await
        .unwrap();
    let names = |marks: &[domain::target::Target]| marks.iter().map(ToString::to_string).collect::<Vec<_>>();
    assert_eq!(names(&said.added), ["AA4"]);
    assert_eq!(names(&said.changed), ["AA3"]);
    assert_eq!(names(&said.removed), ["AA1"]);
    let [clash] = &said.contradictions[..] else {
        panic!("{:?}", said.contradictions)
    };
    assert_eq!(
        (
            clash.vrm.to_string().as_str(),
            clash.action,
            &clash.list,
            clash.there
        ),
        ("AA2", Action::Stop, &other, Action::Silent)
    );
    assert_eq!(store.revision().await.unwrap(), (Revision(2), 6));
    let done = live(&store, Wish::Replace(next)).await;
    assert_eq!(
        done,
        ListChange {
            revision: Revision(3),
            ..said.change
        }
    );
}

async fn a_draft_survives_a_new_start(world: &World) {
    let store = world.open().await;
    let draft = drafted(&store, Wish::Replace(entries(&["AA1"])), "ann").await;
    drop(store);
    let store = world.open().await;
    assert_eq!(
        store.drafts(None, 10).await.unwrap(),
        std::slice::from_ref(&draft)
    );
    decide(&store, &draft, Verdict::Authorise, "bob").await.unwrap();
    let later = at(0) + SignedDuration::from_secs(9);
    assert_eq!(
        store.lists().await.unwrap()[0].changed_at,
        later,
        "live since it was authorised"
    );
}
