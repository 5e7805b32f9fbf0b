//! The gate: which likenesses cannot become a hit, whatever the read's value says. All others are opened.

use domain::Vrm;

use crate::beliefs::Beliefs;
use crate::description::Description;
use crate::index::Index;
use crate::matching::Likeness;
use crate::score::bound::{AsRead, bound};
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
    last: Option<(usize, AsRead)>,
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

    /// Whether a likeness may be a hit. `envelope` is the read's.
    pub fn lets_pass(&mut self, likeness: &Likeness<'_>, envelope: &Envelope<'_>) -> bool {
        let Some(looks) = envelope.looks else {
            return true;
        };
        let (Some(read), Some(listed)) = (mark_of(likeness.mark), mark_of(likeness.listed)) else {
            return false;
        };
        let known = self.beliefs.knowledge(envelope.camera, envelope.seen);
        let as_read = match self.last {
            Some((of, as_read)) if of == likeness.read => as_read,
            _ => {
                let itself = self.index.vehicle(read);
                let as_read = AsRead::new(&known, read, looks, itself.as_ref());
                self.last = Some((likeness.read, as_read));
                as_read
            }
        };
        bound(&known, &as_read, listed) >= self.beliefs.thresholds().least()
    }
}

fn mark_of(bytes: &[u8]) -> Option<Vrm> {
    std::str::from_utf8(bytes)
        .ok()
        .and_then(|text| Vrm::parse(text).ok())
}
