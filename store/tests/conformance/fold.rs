//! The oracle: what the events say, folded anew by the slowest and plainest means, is what the tables say.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use domain::case::{Case, CaseEvent, CaseState, Command, Deployment, DeploymentState, EventKind, Outcome};
use domain::hit::Hit;
use domain::unit::Proposal;
use domain::{BcuCode, CaseId, DeploymentId, HitId, ReadId};
use rand::seq::IndexedRandom;
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use store::Store;
use store::cases::{Arrival, CaseRecord};

use crate::world::{World, all_cases, arrival, at, callsign, entry, mark, user, usual};

claims!(
    cases_are_what_their_events_say;
    persistent
);

const SEEDS: [u64; 3] = [1, 7, 2007];
const STEPS: i64 = 400;

async fn cases_are_what_their_events_say(world: &World) {
    let store = world.open().await;
    // One database, one seed after the other: the later ones meet what the earlier left.
    for seed in SEEDS {
        let mut rng = ChaCha8Rng::seed_from_u64(seed);
        for step in 0..STEPS {
            random_step(&store, &mut rng, step).await;
        }
        check(&store, seed).await;
    }
}

async fn random_step(store: &Store, rng: &mut ChaCha8Rng, step: i64) {
    let cases = all_cases(store).await;
    let chosen = cases.choose(rng).cloned();
    match (rng.random_range(0..10), chosen) {
        (0..4, _) | (_, None) => {
            let batch: Vec<Arrival> = (0..rng.random_range(1..6))
                .map(|_| random_hit(rng, step))
                .collect();
            store.apply_hits(&batch, &[], usual(), at(step)).await.unwrap();
        }
        (4..8, Some(case)) => {
            // Now and then an operator looks at a screen of yesterday. Refusals are part of the game.
            let seen = case.version.saturating_sub(u64::from(rng.random_ratio(1, 8)));
            let command = random_command(rng);
            let _ = store
                .decide(case.case_id, &command, seen, &user("smith"), at(step))
                .await;
        }
        (8, Some(_)) => {
            let active = store.active_deployments().await.unwrap();
            if let Some(deployment) = active.choose(rng) {
                let to = *STATES.choose(rng).unwrap();
                let _ = store.advance(deployment.deployment_id, to, None, at(step)).await;
            }
        }
        (_, Some(case)) => {
            store
                .rank(&[(case.case_id, vec![proposal(step)])].into(), at(step))
                .await
                .unwrap();
        }
    }
}

const STATES: [DeploymentState; 4] = [
    DeploymentState::Accepted,
    DeploymentState::EnRoute,
    DeploymentState::AtScene,
    DeploymentState::Cleared,
];

fn random_hit(rng: &mut ChaCha8Rng, step: i64) -> Arrival {
    let reference = ["x", "y", "z"].choose(rng).unwrap();
    // The grade belongs to the entry: the same mark and reference have the same.
    let number = rng.random_range(0..8);
    let grade = [1, 2, 3, 4][(number + reference.len() + usize::from(reference.as_bytes()[0])) % 4];
    let camera = ["c1", "c2"].choose(rng).unwrap();
    // Out of order, and now and then the same once more.
    let seconds = (step - rng.random_range(0..5)).max(0);
    arrival(entry(&mark(number), grade, reference), camera, seconds)
}

fn random_command(rng: &mut ChaCha8Rng) -> Command {
    let note = String::new();
    match rng.random_range(0..8) {
        0..3 => Command::Confirm,
        3 => Command::Reject {
            outcome: Outcome::Misread,
            note,
        },
        4..7 => Command::Deploy {
            callsign: callsign(["A1", "A2", "A3", "A4", "A5"].choose(rng).unwrap()),
        },
        _ => Command::Close {
            outcome: Outcome::NotFound,
            note,
        },
    }
}

fn proposal(step: i64) -> Proposal {
    Proposal {
        callsign: callsign("A1"),
        bcu: BcuCode::parse("LN").unwrap(),
        distance_m: step as f64,
        fix_age_s: step,
        stale: false,
        own_bcu: true,
        skills: Vec::new(),
        why: "nearest".to_owned(),
    }
}

/// What the events say about one case.
#[derive(Default)]
struct Folded {
    state: Option<CaseState>,
    decisions: u64,
    hits: Vec<HitId>,
    deployments: BTreeMap<DeploymentId, Deployment>,
    proposals: Vec<Proposal>,
    kinds: Vec<EventKind>,
    last: Option<Case>,
}

impl Folded {
    fn apply(&mut self, event: CaseEvent) {
        match event.kind {
            EventKind::Opened => self.state = Some(CaseState::New),
            EventKind::Confirmed => self.state = Some(CaseState::Confirmed),
            EventKind::Rejected => self.state = Some(CaseState::Rejected),
            EventKind::Deployed => self.state = Some(CaseState::Deployed),
            EventKind::Closed => self.state = Some(CaseState::Closed),
            EventKind::Proposed => self.proposals = event.proposals,
            EventKind::Sighted | EventKind::DeploymentAdvanced => {}
            // Nothing is recalled, ruled or observed here.
            kind => unreachable!("{kind:?}"),
        }
        self.decisions += u64::from(matches!(
            event.kind,
            EventKind::Confirmed | EventKind::Rejected | EventKind::Deployed | EventKind::Closed
        ));
        self.hits.extend(event.hit_id);
        for deployment in event.deployments {
            self.deployments.insert(deployment.deployment_id, deployment);
        }
        self.kinds.push(event.kind);
        self.last = Some(event.case);
    }

    fn compare(&self, record: &CaseRecord, hits: &HashMap<HitId, Hit>, seed: u64) {
        let case = &record.case;
        let hits: Vec<&Hit> = self.hits.iter().map(|id| &hits[id]).collect();
        assert_eq!(Some(case.state), self.state, "seed {seed}");
        assert_eq!(case.version, self.decisions, "seed {seed}");
        let reads: BTreeSet<ReadId> = hits.iter().map(|hit| hit.read.read_id).collect();
        assert_eq!(case.sightings as usize, reads.len(), "seed {seed}");
        let grade = hits.iter().map(|hit| hit.entry.grade).min();
        assert_eq!(Some(case.grade), grade, "seed {seed}");
        let latest = hits.iter().map(|hit| hit.read.captured_at).max();
        assert_eq!(Some(case.last_read.captured_at), latest, "seed {seed}");
        assert_eq!(
            Some(case),
            self.last.as_ref(),
            "seed {seed}: the last event shows the case as it is"
        );
        let deployments: BTreeMap<_, _> = record
            .deployments
            .iter()
            .map(|d| (d.deployment_id, d.clone()))
            .collect();
        assert_eq!(deployments, self.deployments, "seed {seed}");
        assert_eq!(record.proposals, self.proposals, "seed {seed}");
        let kinds: Vec<EventKind> = record.history.iter().map(|line| line.kind).collect();
        assert_eq!(kinds, self.kinds, "seed {seed}");
    }
}

async fn check(store: &Store, seed: u64) {
    let mut folded: BTreeMap<CaseId, Folded> = BTreeMap::new();
    let mut sequence = 0;
    loop {
        let page = store.events_after(sequence, 97).await.unwrap();
        if page.is_empty() {
            break;
        }
        for sequenced in page {
            sequence += 1;
            assert_eq!(sequenced.sequence, sequence, "seed {seed}");
            let id = sequenced.event.case.case_id;
            folded.entry(id).or_default().apply(sequenced.event);
        }
    }
    let hits = store.hits(None, None, 10_000).await.unwrap();
    assert_eq!(hits.len() as u64, store.count_hits().await.unwrap());
    let hits: HashMap<HitId, Hit> = hits.into_iter().map(|hit| (hit.hit_id, hit)).collect();
    let cases = all_cases(store).await;
    assert_eq!(cases.len(), folded.len(), "seed {seed}");
    for case in &cases {
        let record = store.case(case.case_id).await.unwrap();
        folded[&case.case_id].compare(&record, &hits, seed);
    }
    let counted: usize = folded.values().map(|folded| folded.hits.len()).sum();
    let opening = hits.values().filter(|hit| hit.entry.grade.opens_case()).count();
    assert_eq!(
        counted, opening,
        "seed {seed}: each hit of grade 1 to 3 is in one case"
    );
    let open: Vec<_> = cases
        .iter()
        .filter(|case| case.state.is_open())
        .map(|case| case.vrm)
        .collect();
    let distinct: BTreeSet<_> = open.iter().collect();
    assert_eq!(
        open.len(),
        distinct.len(),
        "seed {seed}: one open case for a vehicle"
    );
    let active = store.active_deployments().await.unwrap();
    let units: BTreeSet<_> = active.iter().map(|deployment| &deployment.callsign).collect();
    assert_eq!(
        active.len(),
        units.len(),
        "seed {seed}: one active deployment for a unit"
    );
    assert_eq!(store.verify_audit().await.unwrap().broken_at, None);
}
