//! The gate: which likenesses cannot become a hit, whatever the read's value says. All others are opened.

use domain::Vrm;

use crate::beliefs::Beliefs;
use crate::description::Description;
use crate::index::Index;
use crate::matching::Likeness;
use crate::score::bound::AsRead;
use crate::traffic::Seen;

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
            let Some(read) = Vrm::normalised(likeness.mark) else {
                return false;
            };
            self.last = Some((likeness.read, self.as_read(read, &envelope())));
        }
        let as_read = self.last.as_ref().and_then(|(_, as_read)| as_read.as_ref());
        as_read.is_none_or(|as_read| as_read.bound(likeness.listed) >= self.beliefs.thresholds().least())
    }

    /// None where only the value tells what the camera saw.
    fn as_read(&self, read: Vrm, envelope: &Envelope<'_>) -> Option<AsRead<'g>> {
        let known = self.beliefs.knowledge(envelope.camera, envelope.seen);
        Some(AsRead::new(
            known,
            read,
            envelope.looks?,
            self.index.vehicle(read).as_ref(),
        ))
    }
}
