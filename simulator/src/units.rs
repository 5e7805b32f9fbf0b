//! The force's patrol units: they patrol, report where they are, and answer deployments.

use std::collections::HashMap;
use std::sync::Arc;

use domain::unit::{UnitPosition, UnitState};
use domain::{BcuCode, CallSign, DeploymentId, Position, Timestamp};
use jiff::SignedDuration;

use crate::dice::Dice;
use crate::patrol::Driver;
use crate::world::Plan;

/// Units move in steps of this, whatever spans they are asked for, so that the spans do not show.
const TICK: SignedDuration = SignedDuration::from_secs(1);
/// Every unit reports once in so many ticks, each on a tick of its own: as AVL sets do.
const REPORT_EVERY: u64 = 5;
/// A unit that was asked answers after 2 to 6 s ...
const ANSWER_S: (f64, f64) = (2.0, 6.0);
/// ... drives off 1 to 3 s later ...
const LEAVE_S: (f64, f64) = (1.0, 3.0);
/// ... and stays at the scene for 20 to 60 s.
const SCENE_S: (f64, f64) = (20.0, 60.0);
/// Some eight in a hundred units are busy with something else, for 5 to 15 min each.
const BUSY_S: (f64, f64) = (300.0, 900.0);
const BUSY_SHARE: f64 = 0.08;
/// Some three in a hundred have stopped reporting, for 2 to 7 min each: their last fix grows stale.
const SILENT_S: (f64, f64) = (120.0, 420.0);
const SILENT_SHARE: f64 = 0.03;
/// Units that were not stepped for longer go on from now: what lies between is nobody's business.
const LONGEST_GAP: SignedDuration = SignedDuration::from_mins(2);

/// What the control room tells a unit.
#[derive(Clone, Debug, PartialEq)]
pub enum Order {
    /// Go there.
    Answer {
        /// Which unit.
        callsign: CallSign,
        /// On which deployment.
        deployment: DeploymentId,
        /// Where to.
        place: Position,
    },
    /// The deployment is over, whatever the unit made of it.
    Release {
        /// Which unit.
        callsign: CallSign,
        /// Which deployment.
        deployment: DeploymentId,
    },
}

/// The patrol units of a world from a start on.
pub struct Units {
    plan: Arc<Plan>,
    /// The tick that is done, and its number.
    now: Timestamp,
    tick: u64,
    units: Vec<Unit>,
    /// Of each BCU, which nodes of the road network are its ground.
    grounds: HashMap<BcuCode, Vec<bool>>,
    dice: Dice,
}

struct Unit {
    driver: Driver,
    duty: Duty,
    silent_until: Option<Timestamp>,
}

enum Duty {
    Patrol,
    Busy { until: Timestamp },
    Answer(Answer),
}

struct Answer {
    deployment: DeploymentId,
    place: Position,
    stage: Stage,
    /// When the stage ends; en route it ends on arrival.
    until: Timestamp,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Stage {
    Asked,
    Accepted,
    EnRoute,
    AtScene,
}

impl Units {
    pub(crate) fn new(plan: Arc<Plan>, start: Timestamp) -> Self {
        let ground = |bcu: &domain::force::Bcu| {
            let inside = plan.graph.places.iter().map(|place| bcu.outline.contains(*place));
            (bcu.code.clone(), inside.collect())
        };
        let mut dice = Dice::of(&[plan.seed, u64::from_be_bytes(*b"---units")]);
        let unit = |profile: &domain::force::UnitProfile| Unit {
            driver: Driver::parked(profile.base),
            duty: if dice.chance(BUSY_SHARE) {
                Duty::Busy {
                    until: start + seconds(dice.between(BUSY_S.0, BUSY_S.1)),
                }
            } else {
                Duty::Patrol
            },
            silent_until: None,
        };
        Self {
            units: plan.force.units.iter().map(unit).collect(),
            grounds: plan.force.bcus.iter().map(ground).collect(),
            now: start,
            tick: 0,
            dice,
            plan,
        }
    }

    /// Takes an order, to be acted on from the next tick. One to a unit that is not ours is left to others.
    pub fn order(&mut self, order: Order) {
        let callsign = match &order {
            Order::Answer { callsign, .. } | Order::Release { callsign, .. } => callsign,
        };
        let Some(index) = self
            .plan
            .force
            .units
            .iter()
            .position(|unit| unit.callsign == *callsign)
        else {
            return;
        };
        let unit = &mut self.units[index];
        let current = match &unit.duty {
            Duty::Answer(answer) => Some(answer.deployment),
            Duty::Patrol | Duty::Busy { .. } => None,
        };
        match order {
            Order::Answer {
                deployment, place, ..
            } if current != Some(deployment) => {
                // a set that was silent speaks again as soon as somebody calls
                unit.silent_until = None;
                unit.duty = Duty::Answer(Answer {
                    deployment,
                    place,
                    stage: Stage::Asked,
                    until: self.now + seconds(self.dice.between(ANSWER_S.0, ANSWER_S.1)),
                });
            }
            Order::Release { deployment, .. } if current == Some(deployment) => {
                unit.duty = Duty::Patrol;
                unit.driver.stop();
            }
            Order::Answer { .. } | Order::Release { .. } => {}
        }
    }

    /// Every position reported up to `until`, in order of time. However the time is cut into calls, the positions are
    /// the same, if the orders come at the same ticks.
    pub fn step(&mut self, until: Timestamp) -> Vec<UnitPosition> {
        if until.duration_since(self.now) > LONGEST_GAP {
            self.now = until - TICK;
        }
        let mut reports = Vec::new();
        while self.now + TICK <= until {
            self.now += TICK;
            self.tick += 1;
            for index in 0..self.units.len() {
                reports.extend(self.tick_unit(index));
            }
        }
        reports
    }

    /// Units that have stopped reporting for the time being.
    #[must_use]
    pub fn silent(&self) -> usize {
        self.units
            .iter()
            .filter(|unit| unit.silent_until.is_some())
            .count()
    }

    fn tick_unit(&mut self, index: usize) -> Option<UnitPosition> {
        let Self {
            plan,
            units,
            grounds,
            dice,
            now,
            tick,
            ..
        } = self;
        let (unit, profile) = (&mut units[index], &plan.force.units[index]);
        let home = &grounds[&profile.bcu];
        let mut cleared = None;
        let mut changed = false;
        match &mut unit.duty {
            Duty::Patrol => {
                if unit.driver.arrived() {
                    unit.driver.patrol(&plan.graph, home, dice);
                }
                if dice.chance(begins_per_tick(BUSY_SHARE, BUSY_S)) {
                    let until = *now + seconds(dice.between(BUSY_S.0, BUSY_S.1));
                    unit.driver.stop();
                    unit.duty = Duty::Busy { until };
                    changed = true;
                }
            }
            Duty::Busy { until } => {
                if *now >= *until {
                    unit.duty = Duty::Patrol;
                    changed = true;
                }
            }
            Duty::Answer(answer) => {
                changed = answer.advance(*now, &mut unit.driver, &plan.graph, dice);
                if changed && answer.stage == Stage::AtScene && *now >= answer.until {
                    cleared = Some(answer.deployment);
                    unit.duty = Duty::Patrol;
                }
            }
        }
        unit.driver.drive(1.0);
        let on_patrol = !matches!(unit.duty, Duty::Answer(_));
        if on_patrol && unit.silent_until.is_none() && dice.chance(begins_per_tick(SILENT_SHARE, SILENT_S)) {
            unit.silent_until = Some(*now + seconds(dice.between(SILENT_S.0, SILENT_S.1)));
        }
        if unit.silent_until.is_some_and(|until| *now >= until) {
            unit.silent_until = None;
        }
        let due = (*tick + index as u64).is_multiple_of(REPORT_EVERY);
        let speaks = unit.silent_until.is_none() || cleared.is_some();
        ((due || changed) && speaks).then(|| unit.report(profile, cleared, *now))
    }
}

impl Answer {
    /// Moves on where the stage is over; whether there is something new to report.
    fn advance(
        &mut self,
        now: Timestamp,
        driver: &mut Driver,
        graph: &crate::graph::Graph,
        dice: &mut Dice,
    ) -> bool {
        let over = match self.stage {
            Stage::EnRoute => driver.arrived(),
            Stage::Asked | Stage::Accepted | Stage::AtScene => now >= self.until,
        };
        if !over {
            return false;
        }
        let wait = match self.stage {
            Stage::Asked => {
                self.stage = Stage::Accepted;
                LEAVE_S
            }
            Stage::Accepted => {
                driver.respond(graph, self.place);
                self.stage = Stage::EnRoute;
                (0.0, 0.0)
            }
            Stage::EnRoute => {
                self.stage = Stage::AtScene;
                SCENE_S
            }
            // over: the caller clears it
            Stage::AtScene => return true,
        };
        self.until = now + seconds(dice.between(wait.0, wait.1));
        true
    }
}

impl Unit {
    fn report(
        &self,
        profile: &domain::force::UnitProfile,
        cleared: Option<DeploymentId>,
        now: Timestamp,
    ) -> UnitPosition {
        let (state, deployment) = match &self.duty {
            Duty::Patrol => (UnitState::Available, cleared),
            Duty::Busy { .. } => (UnitState::Busy, None),
            Duty::Answer(answer) => match answer.stage {
                // it has not answered yet: on its set nothing has changed
                Stage::Asked => (UnitState::Available, None),
                Stage::Accepted => (UnitState::Accepted, Some(answer.deployment)),
                Stage::EnRoute => (UnitState::EnRoute, Some(answer.deployment)),
                Stage::AtScene => (UnitState::AtScene, Some(answer.deployment)),
            },
        };
        UnitPosition {
            callsign: profile.callsign.clone(),
            bcu: profile.bcu.clone(),
            position: rounded(self.driver.place),
            heading: self.driver.heading.round() as f32,
            speed_kmh: self.driver.speed_kmh.round() as f32,
            state,
            deployment,
            crew: profile.crew,
            skills: profile.skills.clone(),
            at: now,
        }
    }
}

/// A place to five digits, about a metre: as AVL sets send it.
fn rounded(place: Position) -> Position {
    let digits = |degrees: f64| (degrees * 1e5).round() / 1e5;
    Position::new(digits(place.lat()), digits(place.lon())).unwrap_or(place)
}

fn seconds(seconds: f64) -> SignedDuration {
    SignedDuration::from_millis((seconds * 1e3) as i64)
}

/// How likely a state begins in a tick, for `share` of all units to be in it at any time.
fn begins_per_tick(share: f64, lasts_s: (f64, f64)) -> f64 {
    share / (1.0 - share) / lasts_s.0.midpoint(lasts_s.1)
}
