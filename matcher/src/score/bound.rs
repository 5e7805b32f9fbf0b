//! What a posterior can be at most, from a read's envelope alone: so that most look-alikes are dropped before their read is
//! opened.
//!
//! The envelope has the mark, and what the camera saw. Confidences stand in the value: they are taken to favour the listed
//! vehicle as much as they could, and it is taken to look as the camera saw it. Of all the other causes only a vehicle that
//! bears the mark as read is weighed.

use domain::Vrm;

use super::{Knowledge, Listed};
use crate::confusion::{NO_DOUBTS, Table, places_dropped};
use crate::description::{Description, likelihood, most_likelihood};
use crate::register::Register;
use crate::traffic::Traffic;

/// What is known of the mark as read, before the read is opened. Looked up once for all its candidates.
#[derive(Clone, Copy)]
pub struct AsRead<'k> {
    table: &'k Table,
    /// By how much, at most, looks and sightings favour a vehicle that is misread, over one that bears the mark.
    favour: f64,
}

impl<'k> AsRead<'k> {
    /// Looks a mark up, normalised, that was read on a vehicle that looks like `seen`. `itself` as in
    /// [`Scorer::consider`](super::Scorer::consider).
    ///
    /// # Panics
    /// Where a character is none that a mark has.
    #[must_use]
    pub fn new(known: Knowledge<'k>, mark: &[u8], seen: Description, itself: Option<&Listed>) -> Self {
        let find = |register: &Register| Vrm::normalised(mark).and_then(|mark| register.find(mark));
        let registered = known.register.and_then(find);
        let bearer = itself.map(|itself| itself.vehicle).or(registered);
        let bearers = known.expectation.bearers(mark);
        let borne = match (bearer, known.register) {
            (Some(_), _) => 1.0,
            (None, Some(_)) => bearers.strangers.min(1.0),
            (None, None) => (bearers.registered + bearers.strangers).min(1.0),
        };
        let mut misread = most_likelihood(seen);
        let mut rival = borne * likelihood(seen, bearer.unwrap_or_default());
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
            table: known.table,
            favour: misread / rival,
        }
    }

    /// The most that the odds of [`Considered::posterior`](super::Considered::posterior) can be for a listed vehicle of this
    /// mark, another than the one that was `read`, whatever the value says that the envelope does not. Not a number where
    /// nothing explains the read.
    #[must_use]
    pub fn odds(&self, listed: Vrm, read: Vrm) -> f64 {
        let odds = if listed.as_bytes().len() == read.as_bytes().len() {
            self.table.most_odds(listed, read)
        } else {
            self.odds_of_shifted(listed, read)
        };
        odds * self.favour
    }

    /// As [`AsRead::odds`], where the listed mark looks like the one read, and these are its characters' numbers in their
    /// classes.
    #[inline]
    pub(crate) fn odds_alike(&self, listed: impl Iterator<Item = usize>, read: &[u8]) -> f64 {
        self.table.most_odds_alike(listed, read) * self.favour
    }

    /// As [`most_odds`](crate::confusion::Table::most_odds), for a mark with one character more or less.
    fn odds_of_shifted(&self, listed: Vrm, read: Vrm) -> f64 {
        let table = self.table;
        // One that was lost leaves no character to doubt.
        let gained = places_dropped(read.as_bytes(), listed.as_bytes())
            .next()
            .is_some();
        let doubt = if gained { table.most_doubt() } else { 1.0 };
        let right = table.likelihood(read, read, &NO_DOUBTS);
        table.likelihood(listed, read, &NO_DOUBTS) * doubt / right
    }
}
