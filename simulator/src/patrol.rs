//! How one patrol car moves: along planned legs, at a speed, in small steps of time.

use std::collections::VecDeque;

use domain::Position;

use crate::dice::Dice;
use crate::graph::{Graph, Node};

/// Speed of a patrol, least and most, in km/h; never above the road's.
const PATROL_KMH: (f64, f64) = (28.0, 62.0);
/// Speed off the strategic network: from the base to the first road, from the road to the scene.
const OFF_ROAD_KMH: f64 = 45.0;
/// On a response a car is this much faster than free traffic ...
const RESPONSE_FACTOR: f64 = 1.3;
/// ... and never slower than this, in km/h.
const RESPONSE_LEAST_KMH: f64 = 60.0;
/// A response takes no longer than this: a demonstration must not wait for ever. A car from further off is
/// moved faster than any car drives, and says so with no more than [`SHOWN_KMH`].
pub(crate) const RESPONSE_MOST_S: f64 = 150.0;
/// The highest speed that a position report shows.
const SHOWN_KMH: f64 = 150.0;

/// A stretch to drive: where to, past which node, how fast.
#[derive(Clone, Copy, Debug)]
struct Leg {
    to: Position,
    node: Option<Node>,
    speed_kmh: f64,
}

/// One car.
#[derive(Debug)]
pub(crate) struct Driver {
    pub(crate) place: Position,
    pub(crate) heading: f64,
    pub(crate) speed_kmh: f64,
    legs: VecDeque<Leg>,
    /// The node that it was at last, and the one before.
    at: Option<Node>,
    before: Option<Node>,
}

impl Driver {
    pub(crate) fn parked(place: Position) -> Self {
        Self {
            place,
            heading: 0.0,
            speed_kmh: 0.0,
            legs: VecDeque::new(),
            at: None,
            before: None,
        }
    }

    /// Forgets what was planned, and stands.
    pub(crate) fn stop(&mut self) {
        self.legs.clear();
        self.speed_kmh = 0.0;
    }

    /// Whether everything planned is driven.
    pub(crate) fn arrived(&self) -> bool {
        self.legs.is_empty()
    }

    /// Moves along the planned legs for a time.
    pub(crate) fn drive(&mut self, mut seconds: f64) {
        while seconds > 0.0 {
            let Some(leg) = self.legs.front().copied() else {
                self.speed_kmh = 0.0;
                return;
            };
            let distance = self.place.distance_m(leg.to);
            let reach = leg.speed_kmh / 3.6 * seconds;
            if distance > 1.0 {
                self.heading = self.place.bearing_deg(leg.to);
            }
            self.speed_kmh = leg.speed_kmh.min(SHOWN_KMH);
            if reach < distance {
                self.place = self.place.towards(leg.to, reach / distance);
                return;
            }
            seconds -= distance / (leg.speed_kmh / 3.6);
            self.place = leg.to;
            self.legs.pop_front();
            // a place off the roads leaves the last node as it was, to find back from
            if let Some(node) = leg.node {
                self.before = self.at.replace(node);
            }
        }
    }

    /// Plans the next stretch of a patrol: any road of its own ground, back only where there is no other. A car off its
    /// ground goes home first. `home` says which nodes are its ground.
    pub(crate) fn patrol(&mut self, graph: &Graph, home: &[bool], dice: &mut Dice) {
        let pace = dice.between(PATROL_KMH.0, PATROL_KMH.1);
        let on_road = self
            .at
            .filter(|node| self.place.distance_m(graph.places[*node]) < 1.0);
        let Some(node) = on_road else {
            // back to where it left the roads; from the base, to the nearest road of its ground
            let last = self.at;
            self.join_road(graph, |node| last.map_or(home[node], |last| node == last));
            return;
        };
        if !home[node] {
            let nearest = graph.nearest(self.place, |node| home[node]);
            if let Some(path) = nearest.and_then(|goal| graph.ways_to(goal).path(node)) {
                self.follow(graph, &path, |speed| speed.min(PATROL_KMH.1));
            }
            return;
        }
        let ahead: Vec<Node> = graph.edges[node]
            .iter()
            .map(|edge| edge.to)
            .filter(|to| home[*to])
            .collect();
        let onward: Vec<Node> = ahead
            .iter()
            .copied()
            .filter(|to| Some(*to) != self.before)
            .collect();
        let choice = if onward.is_empty() { &ahead } else { &onward };
        if !choice.is_empty() {
            let to = *dice.pick(choice);
            self.follow(graph, &[node, to], |speed| speed.min(pace));
        }
    }

    /// Plans the fastest way to a place at response speed.
    pub(crate) fn respond(&mut self, graph: &Graph, place: Position) {
        self.legs.clear();
        let fast = |speed: f64| (speed * RESPONSE_FACTOR).max(RESPONSE_LEAST_KMH);
        let goal = graph.nearest(place, |_| true);
        let start = graph.nearest(self.place, |_| true);
        if let (Some(goal), Some(start)) = (goal, start)
            && let Some(path) = graph.ways_to(goal).path(start)
        {
            self.legs.push_back(Leg {
                to: graph.places[start],
                node: Some(start),
                speed_kmh: RESPONSE_LEAST_KMH,
            });
            self.follow(graph, &path, fast);
        }
        self.legs.push_back(Leg {
            to: place,
            node: None,
            speed_kmh: RESPONSE_LEAST_KMH,
        });
        let haste = (self.seconds_left() / RESPONSE_MOST_S).max(1.0);
        for leg in &mut self.legs {
            leg.speed_kmh *= haste;
        }
    }

    fn join_road(&mut self, graph: &Graph, wanted: impl Fn(Node) -> bool) {
        if let Some(node) = graph.nearest(self.place, wanted) {
            self.legs.push_back(Leg {
                to: graph.places[node],
                node: Some(node),
                speed_kmh: OFF_ROAD_KMH,
            });
        }
    }

    fn follow(&mut self, graph: &Graph, path: &[Node], speed: impl Fn(f64) -> f64) {
        for pair in path.windows(2) {
            if let Some(edge) = graph.edge(pair[0], pair[1]) {
                self.legs.push_back(Leg {
                    to: graph.places[edge.to],
                    node: Some(edge.to),
                    speed_kmh: speed(edge.speed_kmh),
                });
            }
        }
    }

    /// The time that the planned legs take.
    fn seconds_left(&self) -> f64 {
        let mut from = self.place;
        let mut seconds = 0.0;
        for leg in &self.legs {
            seconds += from.distance_m(leg.to) / (leg.speed_kmh / 3.6);
            from = leg.to;
        }
        seconds
    }
}
