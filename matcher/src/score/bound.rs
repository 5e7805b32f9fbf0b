//! What a posterior can be at most, from a read's envelope alone: so that most look-alikes are dropped before their read is
//! opened.
//!
//! The envelope has the mark, and what the camera saw. Confidences stand in the value: they are taken to favour the listed
//! vehicle as much as they could, and it is taken to look as the camera saw it. Of all the other causes only a vehicle that
//! bears the mark as read is weighed.

use domain::Vrm;

use super::{Knowledge, LEAST, Listed};
use crate::confusion::{NO_DOUBTS, places_dropped};
use crate::description::{Description, likelihood, most_likelihood};
use crate::traffic::Traffic;

/// What is known of the mark as read, before the read is opened. Looked up once for all its candidates.
#[derive(Clone, Copy)]
pub struct AsRead<'k> {
    known: Knowledge<'k>,
    mark: Vrm,
    /// The weight of a vehicle that bears the mark.
    rival: f64,
    /// By how much, at most, looks and sightings favour a vehicle that is misread: both times what the sightings are likely by.
    misread: f64,
}

impl<'k> AsRead<'k> {
    /// Looks a mark up that was read on a vehicle that looks like `seen`. `itself` as in
    /// [`Scorer::consider`](super::Scorer::consider).
    #[must_use]
    pub fn new(known: Knowledge<'k>, mark: Vrm, seen: Description, itself: Option<&Listed>) -> Self {
        let registered = known.register.and_then(|register| register.find(mark));
        let bearer = itself.map(|itself| itself.vehicle).or(registered);
        let bearers = known.expectation.bearers(mark);
        let borne = match (bearer, known.register) {
            (Some(_), _) => 1.0,
            (None, Some(_)) => bearers.strangers.min(1.0),
            (None, None) => (bearers.registered + bearers.strangers).min(1.0),
        };
        let mut misread = most_likelihood(seen);
        let mut rival = borne
            * known.table.likelihood(mark, mark, &NO_DOUBTS)
            * likelihood(seen, bearer.unwrap_or_default());
        if let Some(sightings) = known.seen {
            let (traffic, repeated) = (known.traffic, known.table.rates().repeated);
            // the larger this the better for a misread, and the most strays make it largest
            let unexplained =
                borne * traffic.seen(sightings.reads) + (1.0 - borne) * Traffic::most_strays(sightings);
            let unseen = 1.0 - borne + borne * traffic.seen(0);
            let dirty = traffic.passing_misread(sightings.reads) * unseen;
            misread *= (1.0 - repeated) * unexplained + repeated * dirty;
            rival *= traffic.passing(sightings.reads);
        }
        Self {
            known,
            mark,
            rival,
            misread,
        }
    }

    /// The most that [`Considered::posterior`](super::Considered::posterior) can be for a listed vehicle of this mark, whatever
    /// the value says that the envelope does not.
    #[must_use]
    pub fn bound(&self, listed: Vrm) -> f64 {
        if listed == self.mark {
            return 1.0;
        }
        let table = self.known.table;
        let doubtful = doubtful_characters(listed, self.mark);
        let likelihood = table.likelihood(listed, self.mark, &NO_DOUBTS) * table.most_doubt().powi(doubtful);
        let weight = likelihood * self.misread;
        let most = weight / (weight + self.rival);
        if most.is_nan() {
            LEAST
        } else {
            most.clamp(LEAST, 1.0)
        }
    }
}

/// How many characters of the read are wrong, if it is the listed vehicle.
fn doubtful_characters(listed: Vrm, read: Vrm) -> i32 {
    let (listed, read) = (listed.as_bytes(), read.as_bytes());
    if listed.len() == read.len() {
        return listed
            .iter()
            .zip(read)
            .filter(|(listed, read)| listed != read)
            .count() as i32;
    }
    i32::from(places_dropped(read, listed).next().is_some())
}
