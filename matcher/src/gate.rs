//! The gate: which likenesses cannot become a hit, whatever the read's value says. All others are opened.

use domain::Vrm;

use crate::beliefs::Beliefs;
use crate::code;
use crate::description::Description;
use crate::index::Index;
use crate::matching::Likeness;
use crate::score::bound::AsRead;
use crate::traffic::Seen;
use crate::variants::Kind;

/// What a read's envelope says beside its mark.
#[derive(Clone, Copy, Debug)]
pub struct Envelope<'e> {
    /// The camera's id; empty where it is not named.
    pub camera: &'e str,
    /// What the camera saw; none where only the value tells.
    pub looks: Option<Description>,
    /// How often the mark as read was seen in the last day, if that is known.
    pub seen: Option<Seen>,
}

/// See the module's page. Takes the likenesses of one read after those of another.
pub struct Gate<'g> {
    index: &'g Index,
    beliefs: &'g Beliefs,
    /// From which odds on a likeness may be a hit.
    least_odds: f64,
    /// The read that was looked up last, and what is known of it.
    last: Option<(usize, Option<AsRead<'g>>)>,
}

impl<'g> Gate<'g> {
    /// A gate to entries of this index.
    #[must_use]
    pub fn new(index: &'g Index, beliefs: &'g Beliefs) -> Self {
        Self {
            index,
            beliefs,
            least_odds: beliefs.thresholds().least_odds(),
            last: None,
        }
    }

    /// Whether a likeness may be a hit. `envelope` is its read's.
    pub fn lets_pass<'e>(
        &mut self,
        likeness: &Likeness<'_>,
        envelope: impl FnOnce() -> Envelope<'e>,
    ) -> bool {
        if self.last.as_ref().is_none_or(|last| last.0 != likeness.read) {
            self.last = Some((likeness.read, self.as_read(likeness, &envelope())));
        }
        // Few of them pass: the mark as read is made only where it is needed, or to tell whether it is one at all.
        let read = || Vrm::normalised(likeness.mark);
        let Some((_, Some(as_read))) = &self.last else {
            return read().is_some();
        };
        match likeness.kind {
            Kind::Same => {
                let odds = as_read.odds_alike(code::members(likeness.slot), likeness.mark);
                self.are_enough(odds) && read().is_some()
            }
            Kind::Lost { .. } | Kind::Gained { .. } => {
                let both = likeness.listed().zip(read());
                both.is_some_and(|((listed, _), read)| self.are_enough(as_read.odds(listed, read)))
            }
        }
    }

    /// Whether a hit may have such odds, or nothing explains the read.
    fn are_enough(&self, odds: f64) -> bool {
        odds >= self.least_odds || odds.is_nan()
    }

    /// None where only the value tells what the camera saw.
    fn as_read(&self, likeness: &Likeness<'_>, envelope: &Envelope<'_>) -> Option<AsRead<'g>> {
        let known = self.beliefs.knowledge(envelope.camera, envelope.seen);
        let itself = self.index.vehicle_of(likeness.mark, likeness.code);
        Some(AsRead::new(
            known,
            likeness.mark,
            envelope.looks?,
            itself.as_ref(),
        ))
    }
}
