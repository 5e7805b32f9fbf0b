//! Drawings against the values that they are drawn from.

use super::*;
use domain::hit::MatchKind as RealKind;
use domain::hotlist::Revision;
use domain::read::RawRead;
use domain::user::Role as RealRole;
use domain::{CallSign, CameraId, ListName, SiteId, SourceName, UserName, Vrm, case, hotlist, scope, unit};
use domain::{assessment, hit, journey, misread};
use serde::Serialize;
use serde::de::DeserializeOwned;

/// The drawing `D` takes what the value sends, field for field.
pub(super) fn check<D: DeserializeOwned>(value: &impl Serialize) {
    let sent = serde_json::to_string(value).unwrap();
    if let Err(error) = serde_json::from_str::<D>(&sent) {
        panic!("{}: {error}: {sent}", std::any::type_name::<D>());
    }
}

fn entry() -> hotlist::Entry {
    let list = ListName::parse("stolen").unwrap();
    let vrm = Vrm::parse("QX07PLT").unwrap();
    let text = || "text".to_owned();
    hotlist::Entry {
        entry_id: domain::EntryId::of_entry(&list, vrm, "1"),
        list,
        target: vrm.into(),
        grade: hotlist::Grade::One,
        action: hotlist::Action::Stop,
        markers: hotlist::Marker::ALL.map(|(marker, ..)| marker).to_vec(),
        reason_code: domain::reason::ReasonCode::Stolen,
        reason: text(),
        information: text(),
        make: text(),
        model: text(),
        colour: text(),
        owner: text(),
        reference: text(),
        handling: text(),
        nominals: vec![domain::nominal::LinkedNominal {
            reference: domain::NominalRef::parse("PNC-1").unwrap(),
            relations: vec![domain::nominal::Relation::Keeper],
            markers: vec![hotlist::Marker::Violent],
        }],
        listed_at: Timestamp::UNIX_EPOCH,
        expires_at: Some(Timestamp::UNIX_EPOCH),
        scope: scope::Scope {
            sites: vec![SiteId::parse("s1").unwrap()],
            bcus: vec![domain::BcuCode::parse("A").unwrap()],
            direction: Some(scope::Direction::North),
            hours: Some("22:00-06:00".parse().unwrap()),
        },
    }
}

fn hit() -> hit::Hit {
    let now: Timestamp = "2007-11-01T12:00:00Z".parse().unwrap();
    let image = Some(domain::ImageHash::of_image(b""));
    let raw = RawRead {
        plate: "QX07PLT".to_owned(),
        captured_at: now - jiff::SignedDuration::from_hours(1),
        confidence: Some(0.9),
        character_confidences: vec![0.9; 7],
        motion: Some(domain::read::Motion::Towards),
        retransmitted: true,
        plate_image: image,
        overview_image: image,
        ..RawRead::default()
    };
    let camera = CameraId::parse("c1").unwrap();
    let read = raw.check(camera, SourceName::parse("s1").unwrap(), now).unwrap();
    hit::Hit::exact(read, entry(), Revision(1), now)
}

/// A hit that says everything that a hit can say.
fn doubtful_hit(difference: misread::Difference) -> hit::Hit {
    let seen = || journey::Waypoint {
        camera: CameraId::parse("c1").unwrap(),
        at: Timestamp::UNIX_EPOCH,
    };
    let deviation = |listed, read| assessment::Deviation {
        position: 2,
        listed,
        read,
    };
    hit::Hit {
        journey: Some(journey::Journey {
            from: seen(),
            to: seen(),
            distance_m: 1.0,
            speed_kmh: 200.0,
        }),
        past: true,
        without: Some(Revision(0)),
        overdue: Some(domain::review::Overdue {
            since: Timestamp::UNIX_EPOCH,
            log_only: true,
        }),
        ..hit()
    }
    .assessed(assessment::Assessment {
        difference,
        characters: vec![
            deviation(Some('0'), Some('O')),
            deviation(None, Some('1')),
            deviation(Some('A'), None),
        ],
        posterior: 0.81,
        terms: assessment::Evidence::ALL
            .map(|evidence| assessment::Term {
                evidence,
                log_odds: 1.0,
            })
            .to_vec(),
    })
}

#[test]
fn how_a_read_matched_looks_as_it_is_drawn() {
    use misread::Difference as D;
    let (position, character) = (2, b'A');
    let differences = [
        D::None,
        D::Alike { count: 1 },
        D::Lost { position, character },
        D::Gained { position, character },
    ];
    for difference in differences {
        let hit = doubtful_hit(difference);
        check::<Hit>(&hit);
        check::<CaseEvent>(&case::open(&hit, None, Timestamp::UNIX_EPOCH));
    }
    [RealKind::Exact, RealKind::Misread, RealKind::Clone]
        .iter()
        .for_each(check::<MatchKind>);
}

#[test]
fn cases_and_what_hangs_on_them_look_as_they_are_drawn() {
    let (now, by) = (Timestamp::UNIX_EPOCH, UserName::parse("op").unwrap());
    check::<Hit>(&hit());
    let opened = case::open(&hit(), None, now);
    check::<CaseEvent>(&opened);
    let confirmed = case::decide(&opened.case, &[], &case::Command::Confirm, 0, &by, now).unwrap();
    let callsign = CallSign::parse("KN11").unwrap();
    let deploy = case::Command::Deploy {
        callsign: callsign.clone(),
    };
    let deployed = case::decide(&confirmed.case, &[], &deploy, 1, &by, now).unwrap();
    check::<CaseEvent>(&deployed);
    check::<Deployment>(&deployed.deployments[0]);
    check::<CaseEvent>(&case::recall(&deployed.case, &deployed.deployments, &[], now).unwrap());
    let close = case::Command::Close {
        outcome: case::Outcome::Arrest,
        note: String::new(),
    };
    check::<Case>(
        &case::decide(&deployed.case, &[], &close, 2, &by, now)
            .unwrap()
            .case,
    );
    let proposal = unit::Proposal {
        callsign,
        bcu: domain::BcuCode::parse("KN").unwrap(),
        distance_m: 1.0,
        fix_age_s: 1,
        stale: false,
        own_bcu: true,
        skills: vec![unit::Skill::Armed],
        why: String::new(),
    };
    check::<CaseEvent>(&case::rank(&opened.case, vec![proposal.clone()], now));
    check::<CaseRecord>(&store::cases::CaseRecord {
        case: opened.case,
        hits: vec![hit()],
        deployments: deployed.deployments,
        proposals: vec![proposal],
        history: vec![store::cases::HistoryLine {
            at: now,
            kind: case::EventKind::Opened,
            by: Some(by),
            detail: String::new(),
        }],
    });
}

#[test]
fn what_rules_do_looks_as_it_is_drawn() {
    let (now, by) = (Timestamp::UNIX_EPOCH, UserName::parse("op").unwrap());
    let opened = case::open(&hit(), None, now);
    let effect = case::RuleEffect {
        rule: "one".into(),
        version: 1,
        trigger: case::Trigger::Sighting,
        effects: case::Effects {
            raise_grade: true,
            set_grade: Some(hotlist::Grade::One),
            notify: vec!["supervisor".into()],
            ask: Some(case::Ask {
                question: "Is a child visible?".into(),
                answers: case::AskedFor::Child,
            }),
            instruct: Some("Safeguard the child".into()),
            restrict: Some("ask the supervisor".into()),
            follow_up: Some("refer the child".into()),
        },
    };
    let ruled = case::apply_rule(
        &opened.case,
        &opened.case,
        &effect,
        std::slice::from_ref(&by),
        now,
    );
    ruled.iter().for_each(check::<CaseEvent>);
    let asked = &ruled.last().unwrap().case;
    let (answered, _) = case::answer(asked, 1, "seen", &by, now).unwrap();
    check::<CaseEvent>(&answered);
    let counted = domain::observation::Occupants::try_from(2).ok();
    for by in [
        domain::observation::Observer::Officer {
            name: by.clone(),
            unit: CallSign::parse("KN11").ok(),
        },
        domain::observation::Observer::Camera {
            camera: CameraId::parse("c1").unwrap(),
        },
    ] {
        let child = domain::observation::Child::NotSeen;
        let seen = domain::observation::Observation::new(asked.vrm, child, counted, by, now);
        check::<CaseEvent>(&case::observe(asked, &seen, domain::SignedDuration::ZERO, now).unwrap());
    }
    check::<Notification>(&store::rules::Notification {
        number: 1,
        case_id: opened.case.case_id,
        at: now,
        desk: String::new(),
        said: String::new(),
        seen_by: vec![by.clone()],
    });
    check::<FollowUp>(&store::follow_ups::FollowUp {
        number: 1,
        case_id: opened.case.case_id,
        opened_at: now,
        what: String::new(),
        closed: Some(store::follow_ups::Closed {
            by,
            at: now,
            words: String::new(),
        }),
    });
    check::<RuleFault>(&intelligence::rules::RuleFault {
        line: 1,
        column: 1,
        rule: String::new(),
        reason: String::new(),
    });
}

#[test]
fn lists_users_and_the_trail_look_as_they_are_drawn() {
    let (now, name) = (Timestamp::UNIX_EPOCH, UserName::parse("op").unwrap());
    for (role, _) in RealRole::ALL {
        check::<User>(&domain::user::User {
            name: name.clone(),
            role,
            disabled: false,
        });
    }
    check::<ListSummary>(&store::hotlists::ListSummary {
        list: ListName::parse("stolen").unwrap(),
        entries: 1,
        revision: Revision(1),
        changed_at: now,
        changed_by: name,
        published_at: Some(now),
    });
    check::<ListChange>(&store::hotlists::ListChange::default());
    check::<RowFault>(&intelligence::RowFault {
        line: 1,
        column: String::new(),
        reason: String::new(),
    });
    for outcome in [
        store::feeds::Outcome::Loaded,
        store::feeds::Outcome::Drafted,
        store::feeds::Outcome::Unchanged,
        store::feeds::Outcome::Refused,
    ] {
        check::<Arrived>(&store::feeds::Arrived {
            number: 1,
            at: now,
            outcome,
            said: String::new(),
        });
    }
    check::<Guess>(&intelligence::Guess {
        mapping: String::new(),
        header: true,
        columns: vec![intelligence::GuessedColumn {
            number: 1,
            name: "Car".to_owned(),
            key: intelligence::Key::Number(1),
            field: Some("vrm".to_owned()),
            because: String::new(),
        }],
    });
    check::<MatcherStatus>(&stream::wire::MatcherStatus {
        matcher: "m1".to_owned(),
        revision: Revision(2),
        without: Some(Revision(1)),
        entries: 1,
        applied_at: now,
        at: now,
    });
    check::<AuditRow>(&store::audit::AuditRow {
        number: 1,
        at: now,
        actor: String::new(),
        action: String::new(),
        subject: String::new(),
        detail: String::new(),
        hash: String::new(),
    });
}

#[test]
fn what_is_distributed_looks_as_it_is_drawn() {
    let now = Timestamp::UNIX_EPOCH;
    check::<DistributedList>(&store::distribution::DistributedList {
        list: ListName::parse("stolen").unwrap(),
        revision: Revision(1),
        entries: 1,
        changed_at: now,
        published: true,
    });
    check::<Taking>(&store::distribution::Taking {
        client: UserName::parse("cheshire").unwrap(),
        list: ListName::parse("stolen").unwrap(),
        revision: Revision(1),
        at: now,
    });
}

#[test]
fn policies_drafts_and_histories_look_as_they_are_drawn() {
    use domain::policy::DraftState as S;
    use store::drafts::DraftKind as K;
    let (now, name) = (Timestamp::UNIX_EPOCH, UserName::parse("op").unwrap());
    check::<ListPolicy>(&domain::policy::ListPolicy::default());
    check::<EntrySaid>(&intelligence::EntrySaid::default());
    check::<Comparison>(&store::changes::Comparison {
        change: store::hotlists::ListChange::default(),
        added: vec![Vrm::parse("AB12CDE").unwrap().into()],
        changed: Vec::new(),
        removed: Vec::new(),
        contradictions: vec![store::elsewhere::Contradiction {
            vrm: Vrm::parse("AB12CDE").unwrap().into(),
            action: hotlist::Action::Stop,
            list: ListName::parse("other").unwrap(),
            there: hotlist::Action::Silent,
        }],
    });
    check::<EntryChange>(&store::history::EntryChange {
        revision: Revision(1),
        action: "hotlist_loaded".to_owned(),
        at: now,
        by: name.clone(),
        authorised_by: Some(name.clone()),
        why: String::new(),
        before: None,
        after: Some(Box::new(entry())),
    });
    let draft = |kind, state| store::drafts::Draft {
        draft: 1,
        list: ListName::parse("stolen").unwrap(),
        kind,
        state,
        author: name.clone(),
        made_at: now,
        why: String::new(),
        change: store::hotlists::ListChange::default(),
        moved: true,
        decided_by: Some(name.clone()),
        decided_at: Some(now),
        decided_why: Some(String::new()),
    };
    for (kind, state) in [
        (K::Load, S::Waiting),
        (K::Entry, S::Authorised),
        (K::Withdrawal, S::Declined),
    ] {
        check::<Decided>(&store::drafts::Decided {
            draft: draft(kind, state),
            change: Some(store::hotlists::ListChange::default()),
        });
    }
    nominals(&name);
    for verdict in [
        domain::policy::Verdict::Authorise,
        domain::policy::Verdict::Decline,
    ] {
        check::<Verdict>(&verdict);
    }
}

fn nominals(by: &UserName) {
    let at = Timestamp::UNIX_EPOCH;
    let nominal = domain::nominal::Nominal {
        reference: domain::NominalRef::parse("PNC-1").unwrap(),
        name: "John Doe".to_owned(),
        markers: vec![domain::nominal::PersonMarker {
            marker: hotlist::Marker::Violent,
            detail: String::new(),
        }],
        links: vec![domain::nominal::Link {
            vrm: Vrm::parse("AB12CDE").unwrap(),
            relation: domain::nominal::Relation::Associate,
            source: "register".to_owned(),
            grading: "B23".parse().unwrap(),
            date: "2007-10-01".parse().unwrap(),
        }],
    };
    check::<Nominal>(&nominal);
    let stored = store::nominals::StoredNominal {
        nominal: nominal.clone(),
        version: 1,
        changed_at: at,
        changed_by: by.clone(),
    };
    check::<StoredNominal>(&stored);
    check::<NominalRecord>(&store::nominals::NominalRecord {
        nominal: Some(stored),
        changes: vec![store::nominals::NominalChange {
            version: 1,
            action: "nominal_put".to_owned(),
            at,
            by: by.clone(),
            why: String::new(),
            before: None,
            after: Some(Box::new(nominal)),
        }],
    });
    check::<NominalChanged>(&store::nominals::NominalChanged {
        version: 1,
        list: Some(store::hotlists::ListChange::default()),
    });
}

#[test]
fn yields_reviews_and_notices_look_as_they_are_drawn() {
    let (at, by) = (Timestamp::UNIX_EPOCH, UserName::parse("op").unwrap());
    let (list, entry_id) = (ListName::parse("stolen").unwrap(), entry().entry_id);
    let mut came = domain::yields::Yield::default();
    came.add(domain::yields::Came::Ended(case::Outcome::Misread), 1);
    check::<EntryYield>(&store::yields::EntryYield {
        entry_id,
        came,
        last_hit_at: Some(at),
    });
    check::<Review>(&store::reviews::Review {
        number: 1,
        list: list.clone(),
        entry_id: Some(entry_id),
        at,
        by: by.clone(),
        why: String::new(),
    });
    check::<ReviewNotice>(&store::notices::ReviewNotice {
        number: 1,
        day: "2007-11-01".parse().unwrap(),
        list,
        owner: String::new(),
        at,
        overdue: 1,
        lapsing: 1,
        log_only: 0,
        first_lapse_at: Some(at),
        seen: Some(store::notices::Seen { by, at }),
        reviewed_at: Some(at),
    });
}

#[test]
fn every_name_of_an_outcome_state_and_action_is_drawn() {
    use case::Outcome as O;
    let outcomes = [
        O::Arrest,
        O::VehicleRecovered,
        O::StoppedNoArrest,
        O::Observed,
        O::NotFound,
        O::NoUnitAvailable,
        O::EntryOutOfDate,
        O::Misread,
        O::WrongVehicle,
        O::Other,
        O::Recalled,
    ];
    outcomes.iter().for_each(check::<Outcome>);
    use hotlist::Action as A;
    [A::Stop, A::Observe, A::Silent, A::Intelligence]
        .iter()
        .for_each(check::<Action>);
    use unit::UnitState as U;
    [
        U::Available,
        U::Accepted,
        U::EnRoute,
        U::AtScene,
        U::Busy,
        U::OffDuty,
    ]
    .iter()
    .for_each(check::<UnitState>);
}
