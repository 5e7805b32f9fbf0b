//! The trips that vehicles make: ways over the road network, and the cameras on them.

use std::collections::HashMap;

use crate::dice::Dice;
use crate::graph::{Graph, Lens, Node};

/// Trips end at this many places; each pair of them is a possible trip.
const ENDS: usize = 56;
/// A shorter trip passes too few cameras to be worth its memory, in seconds of free traffic.
const SHORTEST_S: f64 = 240.0;
/// Trips of wanted vehicles pass this many cameras: so that a case is seen moving, while nearly all hits stay grade 4.
const WANTED_PASSES: std::ops::RangeInclusive<usize> = 2..=3;

/// One camera on a route.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Pass {
    /// Index into the force's cameras.
    pub(crate) camera: usize,
    /// Seconds of free traffic from the start.
    pub(crate) after_s: f64,
}

/// A way from one place to another.
#[derive(Clone, Debug)]
pub(crate) struct Route {
    pub(crate) passes: Vec<Pass>,
}

/// Every trip that the world knows.
#[derive(Debug)]
pub(crate) struct Routes {
    pub(crate) all: Vec<Route>,
    /// Those that wanted vehicles take, as indexes.
    pub(crate) wanted: Vec<usize>,
    /// Reads of a trip, on average.
    pub(crate) mean_passes: f64,
    /// Time from the start to the last camera of the longest, in seconds of free traffic.
    pub(crate) longest_s: f64,
}

impl Routes {
    /// Draws trips' ends and the fastest ways between them; a trip that passes no camera is left out, because nobody
    /// would ever know of it.
    pub(crate) fn of(seed: u64, graph: &Graph, lenses: &[Option<Lens>]) -> Self {
        let mut dice = Dice::of(&[seed, u64::from_be_bytes(*b"--routes")]);
        let mut watched: Watched = HashMap::new();
        for (camera, lens) in lenses.iter().enumerate() {
            if let Some(lens) = lens {
                watched
                    .entry((lens.from, lens.to))
                    .or_default()
                    .push((camera, lens.fraction));
            }
        }
        let mut all: Vec<Route> = Vec::new();
        let ends: Vec<Node> = (0..ENDS).map(|_| dice.below(graph.places.len())).collect();
        for goal in &ends {
            let tree = graph.ways_to(*goal);
            for start in &ends {
                let Some(path) = tree.path(*start) else { continue };
                let (passes, seconds) = walk(&path, graph, &watched);
                if !passes.is_empty() && seconds >= SHORTEST_S {
                    all.push(Route { passes });
                }
            }
        }
        let passes: usize = all.iter().map(|route| route.passes.len()).sum();
        let last = |route: &Route| route.passes.last().map_or(0.0, |pass| pass.after_s);
        let wanted = (0..all.len()).filter(|i| WANTED_PASSES.contains(&all[*i].passes.len()));
        Self {
            wanted: wanted.collect(),
            mean_passes: passes as f64 / all.len().max(1) as f64,
            longest_s: all.iter().map(last).fold(0.0, f64::max),
            all,
        }
    }
}

/// Of each stretch in one direction, its cameras and how far along they stand.
type Watched = HashMap<(Node, Node), Vec<(usize, f64)>>;

/// The cameras passed along a path, in order, and the time that it takes.
fn walk(path: &[Node], graph: &Graph, watched: &Watched) -> (Vec<Pass>, f64) {
    let (mut passes, mut seconds) = (Vec::new(), 0.0);
    for pair in path.windows(2) {
        let Some(edge) = graph.edge(pair[0], pair[1]) else {
            continue;
        };
        for (camera, fraction) in watched.get(&(pair[0], pair[1])).into_iter().flatten() {
            passes.push(Pass {
                camera: *camera,
                after_s: seconds + edge.seconds() * fraction,
            });
        }
        seconds += edge.seconds();
    }
    passes.sort_by(|a, b| a.after_s.total_cmp(&b.after_s));
    (passes, seconds)
}
