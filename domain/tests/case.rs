//! What people may and may not do with a case.

#![allow(clippy::unwrap_used, reason = "a panic is how a test fails")]

use domain::assessment::Assessment;
use domain::case::{
    self, Case, CaseEvent, CaseState, Command, Deployment, DeploymentState, EventKind, Outcome, Refusal,
};
use domain::hit::{Hit, Match, MatchKind};
use domain::hotlist::{Action, Entry, Grade, Revision};
use domain::journey::{Journey, Waypoint};
use domain::misread::Difference;
use domain::observation::{Child, Observation, Observer};
use domain::read::RawRead;
use domain::{BcuCode, CallSign, CameraId, ListName, SourceName, Timestamp, UserName, Vrm};

fn at(second: i64) -> Timestamp {
    Timestamp::from_second(1_790_000_000 + second).unwrap()
}

fn hit(second: i64, camera: &str, grade: Grade) -> Hit {
    let raw = RawRead {
        plate: "AB12CDE".into(),
        captured_at: at(second),
        ..RawRead::default()
    };
    let read = raw
        .check(
            CameraId::parse(camera).unwrap(),
            SourceName::parse("test").unwrap(),
            at(second),
        )
        .unwrap();
    let (list, vrm) = (ListName::parse("stolen").unwrap(), Vrm::parse("AB12CDE").unwrap());
    let entry = Entry {
        grade,
        action: Action::Stop,
        reason: "stolen".into(),
        ..Entry::new(&list, vrm, grade.to_string(), at(0))
    };
    Hit::exact(read, entry, Revision(1), at(second))
}

fn user(name: &str) -> UserName {
    UserName::parse(name).unwrap()
}

fn unit(name: &str) -> CallSign {
    CallSign::parse(name).unwrap()
}

fn deploy(name: &str) -> Command {
    Command::Deploy { callsign: unit(name) }
}

fn reject(outcome: Outcome, note: &str) -> Command {
    Command::Reject {
        outcome,
        note: note.into(),
    }
}

fn close(outcome: Outcome) -> Command {
    Command::Close {
        outcome,
        note: String::new(),
    }
}

/// A case and its deployments, driven by commands from one operator who always sees the latest version.
struct Desk {
    case: Case,
    deployments: Vec<Deployment>,
}

impl Desk {
    fn new() -> Self {
        let opened = case::open(&hit(0, "c1", Grade::Two), None, at(0));
        Self {
            case: opened.case,
            deployments: Vec::new(),
        }
    }

    fn command(&mut self, command: &Command) -> Result<CaseEvent, Refusal> {
        let event = case::decide(
            &self.case,
            &self.deployments,
            command,
            self.case.version,
            &user("ann"),
            at(10),
        )?;
        self.case = event.case.clone();
        for changed in &event.deployments {
            self.deployments
                .retain(|known| known.deployment_id != changed.deployment_id);
            self.deployments.push(changed.clone());
        }
        Ok(event)
    }
}

/// Carries out commands and checks the state that each leads to; `None` is a refusal that changes nothing.
fn check(steps: &[(Command, Option<CaseState>)]) {
    let mut desk = Desk::new();
    for (number, (command, expected)) in steps.iter().enumerate() {
        let before = desk.case.clone();
        let result = desk.command(command);
        assert_eq!(
            result.as_ref().ok().map(|event| event.case.state),
            *expected,
            "step {number}: {result:?}"
        );
        if expected.is_none() {
            assert_eq!(desk.case, before);
        }
    }
}

#[test]
fn a_unit_is_sent_only_after_the_image_was_confirmed() {
    use CaseState::{Closed, Confirmed, Deployed};
    check(&[
        (deploy("LN01"), None),
        (close(Outcome::Arrest), None),
        (Command::Confirm, Some(Confirmed)),
        (Command::Confirm, None),
        (deploy("LN01"), Some(Deployed)),
        (deploy("LN01"), None),
        (deploy("LN02"), Some(Deployed)),
        (reject(Outcome::Misread, ""), None),
        (close(Outcome::Arrest), Some(Closed)),
        (close(Outcome::Arrest), None),
        (deploy("LN03"), None),
    ]);
}

#[test]
fn a_rejection_needs_a_rejecting_reason_and_other_needs_words() {
    check(&[
        (reject(Outcome::Arrest, ""), None),
        (reject(Outcome::Other, " "), None),
        (reject(Outcome::Other, &"x".repeat(2_001)), None),
        (
            reject(Outcome::Other, "the plate is a sticker"),
            Some(CaseState::Rejected),
        ),
        (Command::Confirm, None),
    ]);
}

#[test]
fn a_confirmed_case_nobody_can_be_sent_to_is_closed_with_that_reason() {
    check(&[
        (Command::Confirm, Some(CaseState::Confirmed)),
        (close(Outcome::Misread), None),
        (close(Outcome::NoUnitAvailable), Some(CaseState::Closed)),
    ]);
}

#[test]
fn the_second_of_two_operators_is_told_who_was_first() {
    let desk = Desk::new();
    let seen = desk.case.version;
    let first = case::decide(&desk.case, &[], &Command::Confirm, seen, &user("ann"), at(1)).unwrap();
    let second = case::decide(
        &first.case,
        &[],
        &reject(Outcome::Misread, ""),
        seen,
        &user("bob"),
        at(2),
    );
    let Err(Refusal::Superseded(decision)) = second else {
        panic!("{second:?}")
    };
    assert_eq!(
        (decision.by.as_str(), decision.what),
        ("ann", EventKind::Confirmed)
    );
}

#[test]
fn a_sighting_does_not_refuse_an_operator_who_is_about_to_decide() {
    let desk = Desk::new();
    let seen = desk.case.version;
    let sighted = case::sight(&desk.case, &hit(30, "c2", Grade::Two), None, true, at(30)).case;
    assert!(case::decide(&sighted, &[], &Command::Confirm, seen, &user("ann"), at(31)).is_ok());
}

#[test]
fn a_more_urgent_entry_leads_and_a_late_read_does_not_move_the_vehicle_back() {
    let case = Desk::new().case;
    let bcu = BcuCode::parse("LN");
    let case = case::sight(&case, &hit(60, "c2", Grade::One), bcu.clone().ok(), true, at(60)).case;
    assert_eq!(
        (case.grade, case.sightings, case.last_read.camera.as_str()),
        (Grade::One, 2, "c2")
    );
    let late = case::sight(&case, &hit(30, "c3", Grade::Three), None, true, at(61)).case;
    assert_eq!(
        (late.grade, late.sightings, late.last_read.camera.as_str()),
        (Grade::One, 3, "c2")
    );
    assert_eq!(late.bcu, bcu.ok());
    let same_read = case::sight(&late, &hit(60, "c2", Grade::Two), None, false, at(62)).case;
    assert_eq!(
        same_read.sightings, 3,
        "another entry hit by a read known already"
    );
}

/// The hit as a misread that is this likely.
fn misread(hit: Hit, posterior: f64) -> Hit {
    hit.assessed(Assessment {
        difference: Difference::Alike { count: 1 },
        characters: Vec::new(),
        posterior,
        terms: Vec::new(),
    })
}

fn cloned(second: i64, grade: Grade) -> Hit {
    let seen = |camera, second| Waypoint {
        camera: CameraId::parse(camera).unwrap(),
        at: at(second),
    };
    Hit {
        kind: MatchKind::Clone,
        journey: Some(Journey {
            from: seen("c9", second - 240),
            to: seen("c2", second),
            distance_m: 43_000.0,
            speed_kmh: 645.0,
        }),
        ..hit(second, "c2", grade)
    }
}

/// How the case's latest read matched after these hits, the first of which opens it.
fn last_match(hits: &[Hit]) -> Match {
    let mut case = case::open(&hits[0], None, at(0)).case;
    for (number, hit) in hits.iter().enumerate().skip(1) {
        let new_read = hits[..number]
            .iter()
            .all(|known| known.read.read_id != hit.read.read_id);
        case = case::sight(&case, hit, None, new_read, at(0)).case;
    }
    case.last_match
}

fn posterior(hits: &[Hit]) -> Option<f64> {
    last_match(hits).assessment.map(|assessment| assessment.posterior)
}

#[test]
fn a_case_says_how_its_latest_read_matched_its_leading_entry() {
    use Grade::{One, Three, Two};
    let unsure = |second, grade, posterior| misread(hit(second, "c1", grade), posterior);
    let rows: &[(&[Hit], Option<f64>)] = &[
        (&[unsure(0, Two, 0.7)], Some(0.7)),
        (&[hit(0, "c1", Two), unsure(9, Two, 0.7)], Some(0.7)),
        (&[unsure(0, Two, 0.7), hit(9, "c1", Two)], None),
        // A late read is not the latest.
        (&[unsure(9, Two, 0.7), unsure(0, Two, 0.2)], Some(0.7)),
        // One read on several entries.
        (&[unsure(0, Two, 0.7), unsure(0, Three, 0.2)], Some(0.7)),
        (&[unsure(0, Two, 0.7), unsure(0, One, 0.2)], Some(0.2)),
        // The latest read hit an entry that does not lead.
        (&[unsure(0, One, 0.7), unsure(9, Three, 0.2)], Some(0.2)),
        (
            &[unsure(0, One, 0.7), unsure(9, Three, 0.2), unsure(9, One, 0.6)],
            Some(0.6),
        ),
    ];
    for (number, (hits, expected)) in rows.iter().enumerate() {
        assert_eq!(posterior(hits), *expected, "row {number}");
    }
}

#[test]
fn an_impossible_journey_stays_with_the_case() {
    use Grade::{One, Two};
    let (journey, later) = (cloned(10, Two).journey, cloned(90, Two).journey);
    let rows: &[(&[Hit], MatchKind, &Option<Journey>)] = &[
        (&[cloned(10, Two)], MatchKind::Clone, &journey),
        // The same read also hit a list.
        (&[cloned(10, Two), hit(10, "c2", One)], MatchKind::Exact, &journey),
        (&[hit(10, "c2", One), cloned(10, Two)], MatchKind::Exact, &journey),
        (&[cloned(10, Two), hit(60, "c3", Two)], MatchKind::Exact, &journey),
        (&[cloned(10, Two), cloned(90, Two)], MatchKind::Clone, &later),
    ];
    for (number, (hits, kind, journey)) in rows.iter().enumerate() {
        let last = last_match(hits);
        assert_eq!((last.kind, &last.journey), (*kind, *journey), "row {number}");
    }
}

#[test]
fn a_case_kept_by_an_earlier_version_matched_exactly() {
    let case = Desk::new().case;
    let mut kept = serde_json::to_value(&case).unwrap();
    assert!(kept.as_object_mut().unwrap().remove("last_match").is_some());
    assert_eq!(serde_json::from_value::<Case>(kept).unwrap(), case);
}

#[test]
fn a_deployment_goes_forward_only() {
    use DeploymentState::{Accepted, AtScene, Cleared, EnRoute, Proposed};
    let mut desk = Desk::new();
    desk.command(&Command::Confirm).unwrap();
    desk.command(&deploy("LN01")).unwrap();
    let mut deployment = desk.deployments[0].clone();
    assert_eq!(deployment.state, Proposed);
    for (to, allowed) in [
        (Accepted, true),
        (Accepted, false),
        (AtScene, true),
        (EnRoute, false),
        (Cleared, true),
        (AtScene, false),
    ] {
        let advanced = case::advance(&desk.case, &deployment, to, None, at(20));
        assert_eq!(advanced.is_ok(), allowed, "{:?} to {to:?}", deployment.state);
        if let Ok(event) = advanced {
            assert_eq!(
                event.case.version, desk.case.version,
                "units' progress leaves the version alone"
            );
            deployment = event.deployments[0].clone();
        }
    }
    assert!(!deployment.state.is_active());
}

#[test]
fn closing_frees_every_unit() {
    let mut desk = Desk::new();
    desk.command(&Command::Confirm).unwrap();
    desk.command(&deploy("LN01")).unwrap();
    desk.command(&deploy("LN02")).unwrap();
    let closed = desk.command(&close(Outcome::NotFound)).unwrap();
    assert_eq!(closed.deployments.len(), 2);
    assert!(
        closed
            .deployments
            .iter()
            .all(|deployment| deployment.state == DeploymentState::Cleared)
    );
}

/// What a recall makes of a case in each state, without and with another live entry.
#[test]
fn a_recall_ends_only_what_nobody_looked_at_and_only_without_another_entry() {
    let case = case::open(&hit(0, "c1", Grade::Two), None, at(0)).case;
    let other = hit(0, "c1", Grade::Three).entry;
    for (state, without) in [
        (CaseState::New, Some(CaseState::Closed)),
        (CaseState::Confirmed, Some(CaseState::Confirmed)),
        (CaseState::Deployed, Some(CaseState::Deployed)),
        (CaseState::Closed, None),
        (CaseState::Rejected, None),
    ] {
        let stands = Case {
            state,
            ..case.clone()
        };
        let recalled = case::recall(&stands, &[], &[], at(9)).map(|event| event.case);
        assert_eq!(recalled.as_ref().map(|case| case.state), without, "{state:?}");
        assert!(recalled.is_none_or(|case| case.is_recalled()), "{state:?}");
        let led = case::recall(&stands, &[], std::slice::from_ref(&other), at(9)).map(|event| event.case);
        assert_eq!(led.is_some(), state.is_open(), "{state:?}");
        if let Some(led) = led {
            assert_eq!(
                (led.state, led.grade, led.is_recalled()),
                (state, Grade::Three, false)
            );
        }
    }
    assert_eq!(
        case::recall(&case, &[], std::slice::from_ref(&case.entry), at(9)),
        None,
        "it holds"
    );
}

#[test]
fn repeats_at_one_camera_within_minutes_are_one_sighting_and_a_decision_answers_them() {
    let mut case = case::open(&hit(0, "c1", Grade::Two), None, at(0)).case;
    for (second, camera, unanswered) in [
        (0, "c2", 2),
        (60, "c2", 2),
        (359, "c2", 2),
        (659, "c2", 3),
        (660, "c1", 4),
    ] {
        case = case::sight(&case, &hit(second, camera, Grade::Two), None, true, at(second)).case;
        assert_eq!(case.unanswered, unanswered, "{second} {camera}");
    }
    let decided = case::decide(&case, &[], &Command::Confirm, 0, &user("ann"), at(700)).unwrap();
    assert_eq!(decided.case.unanswered, 0);
}

#[test]
fn a_rule_raises_a_grade_and_never_lowers_one() {
    for (from, raise_grade, set_grade, to) in [
        (Grade::Three, true, None, Grade::Two),
        (Grade::One, true, None, Grade::One),
        (Grade::Two, false, Some(Grade::Three), Grade::Two),
        (Grade::Three, true, Some(Grade::One), Grade::One),
    ] {
        let case = case::open(&hit(0, "c1", from), None, at(0)).case;
        let effect = case::RuleEffect {
            rule: "one".into(),
            version: 1,
            trigger: case::Trigger::Sighting,
            effects: case::Effects {
                raise_grade,
                set_grade,
                notify: Vec::new(),
                ..Default::default()
            },
        };
        let events = case::apply_rule(&case, &case, &effect, &[], at(5));
        let grade = events.last().map_or(from, |event| event.case.grade);
        assert_eq!(grade, to, "{from} {raise_grade} {set_grade:?}");
        assert_eq!(
            events.is_empty(),
            from == to,
            "nothing is said where nothing changes"
        );
    }
}

#[test]
fn a_rule_acts_once_at_a_sighting_however_often_it_is_read() {
    let effect = case::RuleEffect {
        rule: "again".into(),
        version: 1,
        trigger: case::Trigger::Sighting,
        effects: case::Effects {
            raise_grade: true,
            set_grade: None,
            notify: vec!["supervisor".into()],
            ..Default::default()
        },
    };
    let mut case = case::open(&hit(0, "c1", Grade::Four), None, at(0)).case;
    for (second, camera, grade) in [
        (60, "c2", Grade::Three),
        (61, "c2", Grade::Three),
        (120, "c2", Grade::Three),
        (180, "c3", Grade::Two),
    ] {
        case = case::sight(&case, &hit(second, camera, Grade::Four), None, true, at(second)).case;
        let events = case::apply_rule(&case, &case, &effect, &[], at(second));
        case = events.last().map_or(case, |event| event.case.clone());
        assert_eq!(case.grade, grade, "{second} {camera}");
    }
    let mut decided = case::decide(&case, &[], &Command::Confirm, 0, &user("ann"), at(200))
        .unwrap()
        .case;
    decided.unanswered = 3;
    let events = case::apply_rule(&decided, &decided, &effect, &[], at(201));
    assert_eq!(
        events.last().unwrap().case.grade,
        Grade::One,
        "a decision begins a new count"
    );
}

fn seen(child: Child, by: Observer, second: i64) -> Observation {
    Observation::new(Vrm::parse("AB12CDE").unwrap(), child, None, by, at(second))
}

fn operator(name: &str) -> Observer {
    Observer::Operator { name: user(name) }
}

fn asking(trigger: case::Trigger) -> case::RuleEffect {
    case::RuleEffect {
        rule: "child".into(),
        version: 1,
        trigger,
        effects: case::Effects {
            ask: Some(case::Ask {
                question: "Is a child visible?".into(),
                answers: case::AskedFor::Child,
            }),
            ..case::Effects::default()
        },
    }
}

#[test]
fn a_question_waits_for_one_answer_and_is_asked_anew_at_the_next_sighting_after_it() {
    let ask =
        |case: &Case, second| case::apply_rule(case, case, &asking(case::Trigger::Sighting), &[], at(second));
    let case = case::open(&hit(0, "c1", Grade::Two), None, at(0)).case;
    let case = ask(&case, 1).remove(0).case;
    assert_eq!(case.questions[0].answers, ["seen", "not seen", "cannot tell"]);
    let case = case::sight(&case, &hit(60, "c2", Grade::Two), None, true, at(60)).case;
    assert_eq!(ask(&case, 61), [], "it waits");
    let (event, _) = case::answer(&case, 1, "cannot tell", &user("ann"), at(70)).unwrap();
    let case = case::sight(&event.case, &hit(120, "c3", Grade::Two), None, true, at(120)).case;
    let case = ask(&case, 121).remove(0).case;
    assert_eq!(case.questions.len(), 2, "another image may show more");
    let (event, observation) = case::answer(&case, 2, "seen", &user("ann"), at(130)).unwrap();
    assert_eq!(
        observation.map(|seen| seen.at),
        Some(at(120)),
        "of the image's moment"
    );
    let case = case::sight(&event.case, &hit(180, "c4", Grade::Two), None, true, at(180)).case;
    assert_eq!(ask(&case, 181), [], "the answer is known");
}

#[test]
fn what_an_officer_saw_or_a_camera_that_saw_a_child_answers_the_question_that_waits() {
    let officer = Observer::Officer {
        name: user("olu"),
        unit: Some(unit("KN11")),
    };
    let camera = Observer::Camera {
        camera: CameraId::parse("c1").unwrap(),
    };
    let case = case::open(&hit(0, "c1", Grade::Two), None, at(0)).case;
    let asked = case::apply_rule(&case, &case, &asking(case::Trigger::Sighting), &[], at(1)).remove(0);
    for (by, child, answered) in [
        (&officer, Child::NotSeen, true),
        (&camera, Child::Seen, true),
        (&camera, Child::CannotTell, false),
        (&camera, Child::NotSeen, false),
    ] {
        let observation = seen(child, by.clone(), 10);
        let apart = jiff::SignedDuration::from_secs(10);
        let event = case::observe(&asked.case, &observation, apart, at(11)).unwrap();
        let answer = &event.case.questions[0].answer;
        assert_eq!(answer.is_some(), answered, "{by} {child:?}");
    }
}

#[test]
fn a_rule_about_what_was_seen_acts_whatever_was_decided_meanwhile() {
    let case = case::open(&hit(0, "c1", Grade::Two), None, at(0)).case;
    let observation = seen(Child::Seen, operator("ann"), 5);
    let observed = case::observe(&case, &observation, jiff::SignedDuration::ZERO, at(6)).unwrap();
    let confirmed = case::decide(&observed.case, &[], &Command::Confirm, 0, &user("ann"), at(7)).unwrap();
    let effect = |trigger| case::RuleEffect {
        rule: "seen".into(),
        version: 1,
        trigger,
        effects: case::Effects {
            set_grade: Some(Grade::One),
            instruct: Some("Safeguard the child".into()),
            ..case::Effects::default()
        },
    };
    let act = |trigger| case::apply_rule(&confirmed.case, &observed.case, &effect(trigger), &[], at(8));
    assert_eq!(act(case::Trigger::Sighting), [], "a decision answers a sighting");
    let done = act(case::Trigger::Observation);
    let kinds: Vec<_> = done.iter().map(|event| event.kind).collect();
    assert_eq!(kinds, [EventKind::Escalated, EventKind::Instructed]);
    assert_eq!(done[1].case.instructions, ["Safeguard the child"]);
    assert_eq!(
        done[0].said, "grade 2 to 1: seen (rules 1)",
        "nobody is blamed for news"
    );
}

#[test]
fn a_queue_before_a_camera_that_counts_does_not_push_out_the_child_that_somebody_saw() {
    let camera = Observer::Camera {
        camera: CameraId::parse("c1").unwrap(),
    };
    let mut case = case::open(&hit(0, "c1", Grade::Two), None, at(0)).case;
    let said = std::iter::once((Child::Seen, operator("ann"), 0))
        .chain((1..100).map(|second| (Child::CannotTell, camera.clone(), second)));
    for (child, by, second) in said {
        let apart = jiff::SignedDuration::from_secs(second);
        let event = case::observe(&case, &seen(child, by, second), apart, at(second)).unwrap();
        case = event.case;
    }
    assert_eq!(case.observed.len(), case::MAX_OBSERVED);
    assert_eq!(case.observed[0].observation.child, Child::Seen);
    assert_eq!(
        case.observed.last().unwrap().apart_s,
        99,
        "and the newest is there"
    );
}
