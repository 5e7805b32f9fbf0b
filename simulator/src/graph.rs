//! The road network as a graph: every point of every road is a node, every stretch between two points an edge.

use std::cmp::Reverse;
use std::collections::{BinaryHeap, HashMap};

use domain::Position;
use domain::force::{Camera, Force, Road};

/// A camera further than this from every stretch of its road watches nothing.
pub(crate) const CAMERA_REACH_M: f64 = 60.0;

/// A node's number.
pub(crate) type Node = usize;

/// One stretch, in one direction.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Edge {
    pub(crate) to: Node,
    pub(crate) length_m: f64,
    pub(crate) speed_kmh: f64,
}

impl Edge {
    /// Time of free traffic.
    pub(crate) fn seconds(&self) -> f64 {
        self.length_m / (self.speed_kmh / 3.6)
    }
}

/// The road network.
#[derive(Debug)]
pub(crate) struct Graph {
    pub(crate) places: Vec<Position>,
    pub(crate) edges: Vec<Vec<Edge>>,
}

/// The way from everywhere to one node.
pub(crate) struct Tree {
    /// Of each node, the next one on its way and the time it takes in all; none where there is no way.
    next: Vec<Option<(Node, f64)>>,
}

impl Graph {
    /// Joins roads wherever they share a place to the digit.
    pub(crate) fn of(roads: &[Road]) -> Self {
        let mut graph = Self {
            places: Vec::new(),
            edges: Vec::new(),
        };
        let mut known = HashMap::new();
        for road in roads {
            let nodes: Vec<Node> = road
                .course
                .iter()
                .map(|place| {
                    let key = (place.lat().to_bits(), place.lon().to_bits());
                    *known.entry(key).or_insert_with(|| graph.add_place(*place))
                })
                .collect();
            for pair in nodes.windows(2) {
                graph.add_edge(pair[0], pair[1], road.speed_kmh);
                if !road.oneway {
                    graph.add_edge(pair[1], pair[0], road.speed_kmh);
                }
            }
        }
        graph
    }

    fn add_place(&mut self, place: Position) -> Node {
        self.places.push(place);
        self.edges.push(Vec::new());
        self.places.len() - 1
    }

    fn add_edge(&mut self, from: Node, to: Node, speed_kmh: f64) {
        let length_m = self.places[from].distance_m(self.places[to]);
        self.edges[from].push(Edge {
            to,
            length_m,
            speed_kmh,
        });
    }

    /// The node of the least distance to a place, of those that `wanted` takes.
    pub(crate) fn nearest(&self, place: Position, wanted: impl Fn(Node) -> bool) -> Option<Node> {
        (0..self.places.len())
            .filter(|node| wanted(*node))
            .min_by(|a, b| {
                let distance = |node: &Node| self.places[*node].distance_m(place);
                distance(a).total_cmp(&distance(b))
            })
    }

    /// The fastest ways from everywhere to `goal` (Dijkstra along the edges backwards).
    pub(crate) fn ways_to(&self, goal: Node) -> Tree {
        let mut back = vec![Vec::new(); self.places.len()];
        for (from, edges) in self.edges.iter().enumerate() {
            for edge in edges {
                back[edge.to].push((from, edge.seconds()));
            }
        }
        let mut next: Vec<Option<(Node, f64)>> = vec![None; self.places.len()];
        let mut done = vec![false; self.places.len()];
        next[goal] = Some((goal, 0.0));
        // times as whole microseconds, because floats have no order
        let mut queue = BinaryHeap::from([Reverse((0_u64, goal))]);
        while let Some(Reverse((_, node))) = queue.pop() {
            if std::mem::replace(&mut done[node], true) {
                continue;
            }
            let so_far = next[node].map_or(0.0, |(_, seconds)| seconds);
            for (from, seconds) in &back[node] {
                let total = so_far + seconds;
                if next[*from].is_none_or(|(_, known)| total < known) {
                    next[*from] = Some((node, total));
                    queue.push(Reverse(((total * 1e6) as u64, *from)));
                }
            }
        }
        Tree { next }
    }

    /// The edge between two neighbours.
    pub(crate) fn edge(&self, from: Node, to: Node) -> Option<Edge> {
        self.edges[from].iter().find(|edge| edge.to == to).copied()
    }
}

impl Tree {
    /// The nodes from `from` to the goal, both included; none where there is no way.
    pub(crate) fn path(&self, from: Node) -> Option<Vec<Node>> {
        let mut path = vec![from];
        let mut node = from;
        loop {
            let (next, _) = self.next[node]?;
            if next == node {
                return Some(path);
            }
            path.push(next);
            node = next;
        }
    }
}

/// Where a camera reads: a directed edge, and how far along it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Lens {
    pub(crate) from: Node,
    pub(crate) to: Node,
    pub(crate) fraction: f64,
}

impl Lens {
    /// The nearest edge that leads where the camera looks; none where there is none within [`CAMERA_REACH_M`].
    pub(crate) fn of(camera: &Camera, graph: &Graph) -> Option<Self> {
        let mut best: Option<(f64, Self)> = None;
        for (from, edges) in graph.edges.iter().enumerate() {
            for edge in edges {
                let (a, b) = (graph.places[from], graph.places[edge.to]);
                if turn_deg(a.bearing_deg(b), f64::from(camera.bearing_deg)) > 45.0 {
                    continue;
                }
                let (fraction, distance) = project(a, b, camera.position);
                if distance <= CAMERA_REACH_M && best.is_none_or(|(least, _)| distance < least) {
                    let to = edge.to;
                    best = Some((distance, Self { from, to, fraction }));
                }
            }
        }
        best.map(|(_, lens)| lens)
    }
}

/// The angle between two bearings, 0 to 180 degrees.
pub(crate) fn turn_deg(a: f64, b: f64) -> f64 {
    let turn = (a - b).rem_euclid(360.0);
    turn.min(360.0 - turn)
}

/// How far along `a` to `b` a place lies (0 to 1), and its distance from that line in metres.
pub(crate) fn project(a: Position, b: Position, place: Position) -> (f64, f64) {
    let squeeze = a.lat().to_radians().cos();
    let flat = |p: Position| ((p.lon() - a.lon()) * squeeze, p.lat() - a.lat());
    let ((bx, by), (px, py)) = (flat(b), flat(place));
    let length = bx * bx + by * by;
    let fraction = if length > 0.0 {
        ((px * bx + py * by) / length).clamp(0.0, 1.0)
    } else {
        0.0
    };
    (fraction, a.towards(b, fraction).distance_m(place))
}

/// The edge of every camera of the force; none for one that stands beside no road.
pub(crate) fn lenses(force: &Force, graph: &Graph) -> Vec<Option<Lens>> {
    force
        .cameras
        .iter()
        .map(|camera| Lens::of(camera, graph))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dice::Dice;
    use domain::force::RoadClass;

    fn place(lat: f64, lon: f64) -> Position {
        Position::new(lat, lon).unwrap()
    }

    /// A grid of streets of chance speeds, some of them one-way.
    fn grid(seed: u64) -> Graph {
        let mut dice = Dice::of(&[seed]);
        let at = |x: usize, y: usize| place(53.0 + y as f64 * 0.01, -3.0 + x as f64 * 0.01);
        let mut roads = Vec::new();
        for x in 0..6 {
            for y in 0..6 {
                for to in [at(x + 1, y), at(x, y + 1)] {
                    roads.push(Road {
                        name: "street".into(),
                        class: RoadClass::Primary,
                        speed_kmh: dice.between(30.0, 100.0),
                        oneway: dice.chance(0.2),
                        course: vec![at(x, y), to],
                    });
                }
            }
        }
        Graph::of(&roads)
    }

    /// The slow oracle: relax every edge until nothing changes.
    fn seconds_by_relaxing(graph: &Graph, goal: Node) -> Vec<f64> {
        let mut best = vec![f64::INFINITY; graph.places.len()];
        best[goal] = 0.0;
        for _ in 0..graph.places.len() {
            for (from, edges) in graph.edges.iter().enumerate() {
                for edge in edges {
                    best[from] = best[from].min(edge.seconds() + best[edge.to]);
                }
            }
        }
        best
    }

    #[test]
    fn ways_are_the_fastest_and_follow_edges() {
        for seed in 0..10 {
            let graph = grid(seed);
            let goal = Dice::of(&[seed, 9]).below(graph.places.len());
            let tree = graph.ways_to(goal);
            for (from, best) in seconds_by_relaxing(&graph, goal).into_iter().enumerate() {
                let Some(path) = tree.path(from) else {
                    assert!(best.is_infinite(), "seed {seed}: {from} has a way");
                    continue;
                };
                let total: f64 = path
                    .windows(2)
                    .map(|pair| graph.edge(pair[0], pair[1]).unwrap().seconds())
                    .sum();
                assert!(
                    (total - best).abs() < 1e-6,
                    "seed {seed}: {from}: {total} not {best}"
                );
            }
        }
    }

    #[test]
    fn a_camera_reads_the_direction_that_it_looks_in() {
        let graph = Graph::of(&[Road {
            name: "A1".into(),
            class: RoadClass::Trunk,
            speed_kmh: 80.0,
            oneway: false,
            course: vec![place(53.0, -3.0), place(53.01, -3.0)],
        }]);
        let camera = |bearing_deg| Camera {
            camera: "c".parse().unwrap(),
            site: "s".parse().unwrap(),
            name: String::new(),
            bcu: "B".parse().unwrap(),
            road: "A1".into(),
            position: place(53.0025, -3.0001),
            bearing_deg,
            cctv: None,
        };
        let north = Lens::of(&camera(2.0), &graph).unwrap();
        let south = Lens::of(&camera(182.0), &graph).unwrap();
        assert_eq!((north.from, north.to), (south.to, south.from));
        assert!((north.fraction - 0.25).abs() < 0.01);
        assert_eq!(Lens::of(&camera(90.0), &graph), None);
    }
}
