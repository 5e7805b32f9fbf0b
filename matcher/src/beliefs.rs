//! What reads are judged by beside the lists: how plates are misread, which vehicles there are, how they drive, and how sure a
//! match must be.
//!
//! Made aside and swapped whole, as lists are.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::confusion::{Confusion, Table};
use crate::population::{Expectation, Population};
use crate::register::Register;
use crate::score::Knowledge;
use crate::score::thresholds::Thresholds;
use crate::traffic::{Habits, Seen, Traffic};

/// See the module's page. The default knows the default confusion table and no register.
pub struct Beliefs {
    /// How cameras without a table of their own misread,
    all: Camera,
    /// and how those with one do, by their ids.
    cameras: BTreeMap<String, Camera>,
    register: Option<Arc<Register>>,
    traffic: Traffic,
    thresholds: Thresholds,
}

/// How a camera misreads, and which marks there are, seen through it.
struct Camera {
    table: Arc<Table>,
    expectation: Expectation,
}

impl Default for Beliefs {
    fn default() -> Self {
        Self::new(Confusion::default(), None, Thresholds::default())
    }
}

impl Beliefs {
    /// These tables, this register if there is one, and these thresholds.
    #[must_use]
    pub fn new(confusion: Confusion, register: Option<Arc<Register>>, thresholds: Thresholds) -> Self {
        let population = Population::default();
        let camera = |table: &Arc<Table>| Camera {
            table: Arc::clone(table),
            expectation: Expectation::new(&population, table),
        };
        let cameras = confusion.cameras();
        Self {
            all: camera(confusion.all()),
            cameras: cameras
                .map(|(id, table)| (id.as_str().to_owned(), camera(table)))
                .collect(),
            register,
            traffic: Traffic::new(&Habits::default()),
            thresholds,
        }
    }

    /// From which posterior on a read becomes a hit.
    #[must_use]
    pub fn thresholds(&self) -> &Thresholds {
        &self.thresholds
    }

    /// What is known for reads of the camera of this id; `seen` tells how often the mark as read was seen.
    #[must_use]
    pub fn knowledge(&self, camera: &str, seen: Option<Seen>) -> Knowledge<'_> {
        let Camera { table, expectation } = self.cameras.get(camera).unwrap_or(&self.all);
        Knowledge {
            table,
            expectation,
            register: self.register.as_deref(),
            seen,
            traffic: &self.traffic,
        }
    }
}
