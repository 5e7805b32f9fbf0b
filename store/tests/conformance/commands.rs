//! People's commands and units' progress.

use domain::case::{Case, CaseEvent, CaseState, Command, DeploymentState, EventKind, Outcome, Refusal};
use domain::unit::Proposal;
use domain::{BcuCode, CaseId, DeploymentId};
use store::StoreError;

use crate::world::{World, at, callsign, confirmed, decide, deploy, opened, user, usual};

claims!(
    of_two_operators_one_wins_and_the_other_is_told_who_was_first,
    a_unit_is_not_sent_before_the_image_was_confirmed,
    a_unit_is_on_one_active_deployment_at_most,
    of_two_cases_that_want_one_unit_at_once_one_gets_it,
    a_refused_command_changes_nothing,
    a_case_goes_from_its_hit_to_its_end,
    closing_a_case_frees_its_units,
    the_latest_ranking_stands_with_the_case,
    a_sighting_in_between_does_not_refuse_the_operator,
    what_is_not_there_is_named;
    persistent
);

fn close() -> Command {
    Command::Close {
        outcome: Outcome::Arrest,
        note: "no plate AB12CDE here".to_owned(),
    }
}

fn refusal(done: Result<CaseEvent, StoreError>) -> Refusal {
    match done {
        Err(StoreError::Refused(refusal)) => refusal,
        other => panic!("wanted a refusal, got {other:?}"),
    }
}

async fn of_two_operators_one_wins_and_the_other_is_told_who_was_first(world: &World) {
    let [one, two] = world.open_two().await;
    for number in 0..10 {
        let case = opened(&one, &crate::world::mark(number)).await;
        let reject = Command::Reject {
            outcome: Outcome::Misread,
            note: String::new(),
        };
        let (a, b) = tokio::join!(
            decide(&one, &case, &Command::Confirm, "smith"),
            decide(&two, &case, &reject, "jones")
        );
        let (winner, done, lost) = match (a, b) {
            (Ok(done), lost) => ("smith", done, lost),
            (lost, Ok(done)) => ("jones", done, lost),
            (a, b) => panic!("nobody won: {a:?}, {b:?}"),
        };
        match refusal(lost) {
            Refusal::Superseded(first) => assert_eq!(first.by, user(winner)),
            other => panic!("{other:?}"),
        }
        assert_eq!(one.case(case.case_id).await.unwrap().case, done.case);
    }
}

async fn a_unit_is_not_sent_before_the_image_was_confirmed(world: &World) {
    let store = world.open().await;
    let case = opened(&store, "AB12CDE").await;
    let refusal = refusal(decide(&store, &case, &deploy("A1"), "smith").await);
    assert!(matches!(refusal, Refusal::WrongState { state: "new", .. }));
    assert!(store.active_deployments().await.unwrap().is_empty());
}

async fn a_unit_is_on_one_active_deployment_at_most(world: &World) {
    let store = world.open().await;
    let first = confirmed(&store, "AA1").await;
    let second = confirmed(&store, "AA2").await;
    let sent = decide(&store, &first, &deploy("A1"), "smith").await.unwrap();
    let busy = Refusal::UnitBusy {
        callsign: callsign("A1"),
    };
    assert_eq!(
        refusal(decide(&store, &sent.case, &deploy("A1"), "smith").await),
        busy
    );
    assert_eq!(
        refusal(decide(&store, &second, &deploy("A1"), "jones").await),
        busy
    );
    assert_eq!(store.case(second.case_id).await.unwrap().case, second);
    // Cleared, it can be sent again, to either case.
    let deployment = store.deployment_of(&callsign("A1")).await.unwrap().unwrap();
    let cleared = DeploymentState::Cleared;
    store
        .advance(deployment.deployment_id, cleared, None, at(70))
        .await
        .unwrap();
    assert_eq!(store.deployment_of(&callsign("A1")).await.unwrap(), None);
    decide(&store, &second, &deploy("A1"), "jones").await.unwrap();
    let active = store.active_deployments().await.unwrap();
    assert_eq!(active.len(), 1);
    assert_eq!(active[0].case_id, second.case_id);
}

async fn of_two_cases_that_want_one_unit_at_once_one_gets_it(world: &World) {
    let [one, two] = world.open_two().await;
    for number in 0..10 {
        let first = confirmed(&one, &crate::world::mark(2 * number)).await;
        let second = confirmed(&one, &crate::world::mark(2 * number + 1)).await;
        let command = deploy(&format!("A{number}"));
        let (a, b) = tokio::join!(
            decide(&one, &first, &command, "smith"),
            decide(&two, &second, &command, "jones")
        );
        let lost = match (a, b) {
            (Ok(_), lost) | (lost, Ok(_)) => lost,
            (a, b) => panic!("nobody got it: {a:?}, {b:?}"),
        };
        assert!(matches!(refusal(lost), Refusal::UnitBusy { .. }));
    }
    assert_eq!(one.active_deployments().await.unwrap().len(), 10);
}

async fn a_refused_command_changes_nothing(world: &World) {
    let store = world.open().await;
    let case = opened(&store, "AB12CDE").await;
    let events = store.last_event().await.unwrap();
    let audit = store.audit_rows(None, 10).await.unwrap();
    refusal(decide(&store, &case, &close(), "smith").await);
    assert_eq!(store.case(case.case_id).await.unwrap().case, case);
    assert_eq!(store.last_event().await.unwrap(), events);
    assert_eq!(store.audit_rows(None, 10).await.unwrap(), audit);
}

async fn a_case_goes_from_its_hit_to_its_end(world: &World) {
    let store = world.open().await;
    let case = confirmed(&store, "AB12CDE").await;
    let sent = decide(&store, &case, &deploy("A1"), "smith").await.unwrap();
    let id = sent.deployments[0].deployment_id;
    let smith = user("smith");
    let steps = [
        (DeploymentState::Accepted, None),
        (DeploymentState::AtScene, Some(&smith)),
        (DeploymentState::Cleared, None),
    ];
    for (state, by) in steps {
        store.advance(id, state, by, at(80)).await.unwrap();
    }
    let back = store.advance(id, DeploymentState::EnRoute, None, at(81)).await;
    assert!(matches!(refusal(back), Refusal::WrongStep { .. }));
    decide(&store, &sent.case, &close(), "smith").await.unwrap();

    let record = store.case(case.case_id).await.unwrap();
    assert_eq!(record.case.state, CaseState::Closed);
    assert_eq!(record.deployments[0].state, DeploymentState::Cleared);
    let history: Vec<(EventKind, &str)> = record
        .history
        .iter()
        .map(|line| (line.kind, line.detail.as_str()))
        .collect();
    let expected = [
        (EventKind::Opened, "c1"),
        (EventKind::Confirmed, ""),
        (EventKind::Deployed, "A1 proposed"),
        (EventKind::DeploymentAdvanced, "A1 accepted"),
        (EventKind::DeploymentAdvanced, "A1 at_scene"),
        (EventKind::DeploymentAdvanced, "A1 cleared"),
        (EventKind::Closed, "arrest: no plate AB12CDE here"),
    ];
    assert_eq!(history, expected);
    assert_eq!(record.history[1].by, Some(smith));
    assert_eq!(record.history[3].by, None);
    check_audit(&store, &case).await;
}

/// People's deeds are audited, units' are not, and no plate gets there.
async fn check_audit(store: &store::Store, case: &Case) {
    let mut rows = store.audit_rows(None, 100).await.unwrap();
    rows.reverse();
    let deeds: Vec<(&str, &str, &str)> = rows
        .iter()
        .map(|row| (row.actor.as_str(), row.action.as_str(), row.detail.as_str()))
        .collect();
    let expected = [
        ("smith", "confirmed", ""),
        ("smith", "deployed", "A1 proposed"),
        ("smith", "deployment_advanced", "A1 at_scene"),
        ("smith", "closed", "arrest"),
    ];
    assert_eq!(deeds, expected);
    assert!(rows.iter().all(|row| row.subject == case.case_id.to_string()));
}

async fn closing_a_case_frees_its_units(world: &World) {
    let store = world.open().await;
    let mut case = confirmed(&store, "AB12CDE").await;
    for unit in ["A1", "A2"] {
        case = decide(&store, &case, &deploy(unit), "smith").await.unwrap().case;
    }
    let closed = decide(&store, &case, &close(), "smith").await.unwrap();
    assert_eq!(closed.deployments.len(), 2);
    assert!(store.active_deployments().await.unwrap().is_empty());
}

async fn the_latest_ranking_stands_with_the_case(world: &World) {
    let store = world.open().await;
    let case = opened(&store, "AB12CDE").await;
    let proposal = |unit: &str| Proposal {
        callsign: callsign(unit),
        bcu: BcuCode::parse("LN").unwrap(),
        distance_m: 1_234.5,
        fix_age_s: 3,
        stale: false,
        own_bcu: true,
        skills: Vec::new(),
        why: "nearest".to_owned(),
    };
    store
        .rank(
            &[(case.case_id, vec![proposal("A1"), proposal("A2")])].into(),
            at(5),
        )
        .await
        .unwrap();
    let nobodys: CaseId = "00".repeat(16).parse().unwrap();
    let rankings = [(nobodys, vec![]), (case.case_id, vec![proposal("A2")])].into();
    let events = store.rank(&rankings, at(6)).await.unwrap();
    assert_eq!(
        events
            .iter()
            .map(|event| (event.kind, event.case.case_id))
            .collect::<Vec<_>>(),
        [(EventKind::Proposed, case.case_id)]
    );
    let record = store.case(case.case_id).await.unwrap();
    assert_eq!(record.proposals, [proposal("A2")]);
    assert_eq!(record.case, case);
    assert_eq!(record.history[1].detail, "A1, A2");
    // A later sighting leaves it.
    decide(&store, &case, &Command::Confirm, "smith").await.unwrap();
    assert_eq!(
        store.case(case.case_id).await.unwrap().proposals,
        [proposal("A2")]
    );
}

async fn a_sighting_in_between_does_not_refuse_the_operator(world: &World) {
    let store = world.open().await;
    let case = opened(&store, "AB12CDE").await;
    let again = [crate::world::arrival(
        crate::world::entry("AB12CDE", 1, "x"),
        "c2",
        30,
    )];
    store.apply_hits(&again, &[], usual(), at(31)).await.unwrap();
    let confirmed = decide(&store, &case, &Command::Confirm, "smith").await.unwrap();
    assert_eq!(confirmed.case.sightings, 2);
}

async fn what_is_not_there_is_named(world: &World) {
    let store = world.open().await;
    let case: CaseId = "00".repeat(16).parse().unwrap();
    let deployment: DeploymentId = "00".repeat(16).parse().unwrap();
    let by = user("smith");
    let missing = |error: StoreError| match error {
        StoreError::NotFound(what) => what,
        other => panic!("{other:?}"),
    };
    assert_eq!(missing(store.case(case).await.unwrap_err()), "case");
    let decided = store.decide(case, &Command::Confirm, 0, &by, at(0)).await;
    assert_eq!(missing(decided.unwrap_err()), "case");
    let advanced = store
        .advance(deployment, DeploymentState::Accepted, None, at(0))
        .await;
    assert_eq!(missing(advanced.unwrap_err()), "deployment");
}
