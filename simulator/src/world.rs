//! The world of a seed: what does not move.

use std::collections::HashSet;
use std::sync::Arc;

use domain::force::Force;
use domain::hotlist::Entry;
use domain::{ListName, Timestamp, Vrm};

use crate::demand::Demand;
use crate::graph::{Graph, Lens, lenses};
use crate::routes::Routes;
use crate::traffic::Traffic;
use crate::units::Units;
use crate::{SimulatorError, lists};

/// A force's ground, brought to life by a seed. Cheap to share; [`World::traffic`] and [`World::units`] are what moves
/// on it.
#[derive(Clone, Debug)]
pub struct World {
    plan: Arc<Plan>,
}

#[derive(Debug)]
pub(crate) struct Plan {
    pub(crate) seed: u64,
    pub(crate) force: Arc<Force>,
    pub(crate) graph: Graph,
    pub(crate) routes: Routes,
    /// Every mark on the world's lists.
    pub(crate) listed: HashSet<Vrm>,
}

impl World {
    /// Lays out a world: the road network, the cameras on it, and the trips that vehicles make.
    ///
    /// # Errors
    /// When a camera stands beside no road, or the roads and cameras are too few for any trip.
    pub fn new(seed: u64, force: Arc<Force>) -> Result<Self, SimulatorError> {
        let graph = Graph::of(&force.roads);
        let lenses: Vec<Option<Lens>> = lenses(&force, &graph);
        if let Some(index) = lenses.iter().position(Option::is_none) {
            return Err(SimulatorError::Camera(force.cameras[index].camera.clone()));
        }
        if graph.places.is_empty() {
            return Err(SimulatorError::NoTrips);
        }
        let routes = Routes::of(seed, &graph, &lenses);
        if routes.wanted.is_empty() {
            return Err(SimulatorError::NoTrips);
        }
        let plan = Arc::new(Plan {
            seed,
            force,
            graph,
            routes,
            listed: lists::marks(seed).collect(),
        });
        Ok(Self { plan })
    }

    /// The world's own hotlists as of `now`: every grade, action and marker; all of it invented. Offered again later
    /// they are the same but for the time listed, which a store that keeps the first one does not see as a change.
    #[must_use]
    pub fn hotlists(&self, now: Timestamp) -> Vec<(ListName, Vec<Entry>)> {
        lists::all(self.plan.seed, now)
    }

    /// Entries of `count` vehicles for intelligence (grade 4) that are never on its roads: what makes lists long. Only
    /// misreads hit them.
    #[must_use]
    pub fn absent(&self, count: usize, now: Timestamp) -> Vec<Entry> {
        lists::absent(self.plan.seed, count, now)
    }

    /// Its traffic from `start` on. Vehicles are under way already.
    ///
    /// # Errors
    /// When the rate is not a number of reads a second that a world can offer.
    pub fn traffic(&self, demand: Demand, start: Timestamp) -> Result<Traffic, SimulatorError> {
        if !(MIN_RATE..=MAX_RATE).contains(&demand.rate) {
            return Err(SimulatorError::Rate(demand.rate));
        }
        Ok(Traffic::new(Arc::clone(&self.plan), demand, start))
    }

    /// Its patrol units from `start` on, each at its base.
    #[must_use]
    pub fn units(&self, start: Timestamp) -> Units {
        Units::new(Arc::clone(&self.plan), start)
    }

    /// The force whose ground it is.
    #[must_use]
    pub fn force(&self) -> &Arc<Force> {
        &self.plan.force
    }
}

/// Fewest reads a second: one in a quarter of an hour.
pub const MIN_RATE: f64 = 0.001;
/// Most reads a second: at this some ten million vehicles are under way, which take half a gigabyte.
pub const MAX_RATE: f64 = 100_000.0;
