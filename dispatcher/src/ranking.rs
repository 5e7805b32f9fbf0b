//! Which units are proposed, in which order: the nearest available ones, own BCU first, stale fixes last.

use std::collections::HashSet;

use domain::unit::{Proposal, UnitPosition, UnitState};
use domain::{BcuCode, CallSign, Position, Timestamp};
use rstar::RTree;
use rstar::primitives::GeomWithData;

/// How many units a case is offered.
pub const PROPOSALS: usize = 5;

/// Available units in an R*-tree, as they stood at one moment.
///
/// A place is a point on the unit sphere: the chord between two such points grows with the great-circle distance, so
/// the nearest by chord is the nearest on the globe, without a projection.
pub struct UnitMap<'a> {
    tree: RTree<GeomWithData<[f64; 3], &'a UnitPosition>>,
    now: Timestamp,
}

impl<'a> UnitMap<'a> {
    /// Takes the units that can be sent: available by their own word, and not `bound` to a deployment.
    #[must_use]
    pub fn new(units: &'a [UnitPosition], bound: &HashSet<CallSign>, now: Timestamp) -> Self {
        let free = units.iter().filter(|unit| is_free(unit, bound));
        let points = free
            .map(|unit| GeomWithData::new(on_sphere(unit.position), unit))
            .collect();
        Self {
            tree: RTree::bulk_load(points),
            now,
        }
    }

    /// The units to propose for a vehicle last seen at `place` on the ground of `bcu`.
    #[must_use]
    pub fn rank(&self, place: Position, bcu: Option<&BcuCode>) -> Vec<Proposal> {
        let mut classes: [Vec<&UnitPosition>; Class::COUNT] = Default::default();
        for point in self.tree.nearest_neighbor_iter(on_sphere(place)) {
            let class = &mut classes[Class::of(point.data, bcu, self.now) as usize];
            if class.len() < PROPOSALS {
                class.push(point.data);
            }
            if classes[Class::OwnFresh as usize].len() == PROPOSALS {
                break;
            }
        }
        let best = classes.iter().flatten().take(PROPOSALS);
        best.map(|unit| propose(unit, place, bcu, self.now)).collect()
    }
}

fn is_free(unit: &UnitPosition, bound: &HashSet<CallSign>) -> bool {
    unit.state == UnitState::Available && !bound.contains(&unit.callsign)
}

/// What comes before distance, best first.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Class {
    OwnFresh,
    OtherFresh,
    Stale,
}

impl Class {
    const COUNT: usize = 3;

    fn of(unit: &UnitPosition, bcu: Option<&BcuCode>, now: Timestamp) -> Self {
        match (unit.is_stale(now), Some(&unit.bcu) == bcu) {
            (true, _) => Self::Stale,
            (false, true) => Self::OwnFresh,
            (false, false) => Self::OtherFresh,
        }
    }
}

fn on_sphere(place: Position) -> [f64; 3] {
    let (lat, lon) = (place.lat().to_radians(), place.lon().to_radians());
    [lat.cos() * lon.cos(), lat.cos() * lon.sin(), lat.sin()]
}

fn propose(unit: &UnitPosition, place: Position, bcu: Option<&BcuCode>, now: Timestamp) -> Proposal {
    let distance_m = unit.position.distance_m(place).round();
    let fix_age_s = now.duration_since(unit.at).as_secs().max(0);
    let own_bcu = Some(&unit.bcu) == bcu;
    let stale = unit.is_stale(now);
    let ground = if own_bcu {
        "own BCU".to_owned()
    } else {
        format!("BCU {}", unit.bcu)
    };
    let doubt = if stale {
        ", position stale: ask by radio"
    } else {
        ""
    };
    Proposal {
        callsign: unit.callsign.clone(),
        bcu: unit.bcu.clone(),
        distance_m,
        fix_age_s,
        stale,
        own_bcu,
        skills: unit.skills.clone(),
        why: format!(
            "{ground}, {:.1} km in a straight line, fix {fix_age_s} s old{doubt}",
            distance_m / 1_000.0
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rand::rngs::StdRng;
    use rand::{RngExt, SeedableRng};

    const NOW_MS: i64 = 1_800_000_000_000;

    fn now() -> Timestamp {
        Timestamp::from_millisecond(NOW_MS).unwrap()
    }

    fn unit(name: &str, bcu: &str, lat: f64, lon: f64, age_s: i64) -> UnitPosition {
        UnitPosition {
            callsign: CallSign::parse(name).unwrap(),
            bcu: BcuCode::parse(bcu).unwrap(),
            position: Position::new(lat, lon).unwrap(),
            heading: 0.0,
            speed_kmh: 0.0,
            state: UnitState::Available,
            deployment: None,
            crew: 2,
            skills: Vec::new(),
            at: Timestamp::from_millisecond(NOW_MS - age_s * 1_000).unwrap(),
        }
    }

    fn names(proposals: &[Proposal]) -> Vec<&str> {
        proposals
            .iter()
            .map(|proposal| proposal.callsign.as_str())
            .collect()
    }

    #[test]
    fn own_bcu_comes_first_and_a_stale_fix_last_however_near() {
        let units = [
            unit("near-stale", "A", 53.400, -2.990, 121),
            unit("near-other", "B", 53.401, -2.990, 5),
            unit("far-own", "A", 53.500, -2.990, 120),
        ];
        let place = Position::new(53.400, -2.990).unwrap();
        let bcu = BcuCode::parse("A").unwrap();
        let ranked = UnitMap::new(&units, &HashSet::new(), now()).rank(place, Some(&bcu));
        assert_eq!(names(&ranked), ["far-own", "near-other", "near-stale"]);
        assert!(ranked[2].stale && ranked[2].why.contains("stale"));
        assert_eq!(ranked[0].fix_age_s, 120);
    }

    #[test]
    fn a_busy_or_bound_unit_is_not_proposed() {
        let mut units = [
            unit("busy", "A", 53.4, -2.9, 1),
            unit("bound", "A", 53.4, -2.9, 1),
            unit("free", "A", 53.4, -2.9, 1),
        ];
        units[0].state = UnitState::Busy;
        let bound = HashSet::from([CallSign::parse("bound").unwrap()]);
        let map = UnitMap::new(&units, &bound, now());
        assert_eq!(
            names(&map.rank(Position::new(53.4, -2.9).unwrap(), None)),
            ["free"]
        );
    }

    /// The same order the slow way: every free unit, sorted by class and then distance.
    fn oracle(
        units: &[UnitPosition],
        bound: &HashSet<CallSign>,
        place: Position,
        bcu: Option<&BcuCode>,
    ) -> Vec<String> {
        let mut free: Vec<_> = units.iter().filter(|unit| is_free(unit, bound)).collect();
        free.sort_by(|a, b| {
            let class = |unit: &UnitPosition| (unit.is_stale(now()), Some(&unit.bcu) != bcu);
            let class = |unit: &UnitPosition| if class(unit).0 { (true, false) } else { class(unit) };
            let distance = |unit: &UnitPosition| unit.position.distance_m(place);
            class(a).cmp(&class(b)).then(distance(a).total_cmp(&distance(b)))
        });
        free.iter()
            .take(PROPOSALS)
            .map(|unit| unit.callsign.to_string())
            .collect()
    }

    #[test]
    fn the_tree_agrees_with_a_sorted_scan_on_random_worlds() {
        for seed in 0..300 {
            let mut rng = StdRng::seed_from_u64(seed);
            let count = rng.random_range(0..200);
            let units: Vec<_> = (0..count)
                .map(|index| {
                    let bcu = ["A", "B", "C"][rng.random_range(0..3)];
                    let (lat, lon) = (rng.random_range(53.2..53.7), rng.random_range(-3.3..-2.5));
                    let mut unit = unit(&format!("u{index}"), bcu, lat, lon, rng.random_range(0..200));
                    if rng.random_bool(0.2) {
                        unit.state = UnitState::Busy;
                    }
                    unit
                })
                .collect();
            let bound = units
                .iter()
                .filter(|_| rng.random_bool(0.1))
                .map(|unit| unit.callsign.clone())
                .collect();
            let place = Position::new(rng.random_range(53.2..53.7), rng.random_range(-3.3..-2.5)).unwrap();
            let bcu = BcuCode::parse("A").unwrap();
            let ranked = UnitMap::new(&units, &bound, now()).rank(place, Some(&bcu));
            assert_eq!(
                names(&ranked),
                oracle(&units, &bound, place, Some(&bcu)),
                "seed {seed}"
            );
        }
    }
}
