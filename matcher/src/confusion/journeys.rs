//! What the log's own reads teach: a vehicle on its way past several sites is read right at most of them.
//!
//! **Enters:** reads, in any order. **Leaves:** verdicts on those of them whose truth the others tell. **Guaranteed:** at most
//! the reads that it is told to keep, the newest; the same reads give the same verdicts, in whatever order they came.
//!
//! A mark of UK form that was read at two sites, one after the other, is a *vehicle*, if one could drive from one to the other in
//! time. A read counts where two reads of one vehicle *other than itself* are near it in this sense: as a right one where it
//! is of that mark, and as a wrong one where it looks like that mark, or lacks a character of it, or has one too many, and no
//! vehicle has the mark that it says. Whether a read is asked about thus never depends on whether it is right. With the read itself
//! among the two, all vehicles that pass just two sites would count as read right, and as nothing else.
//!
//! **Not here:** plates that are misread the same way at each site: such a mark is a vehicle of its own here. And characters taken
//! for others that they do not look like: among the marks on the road, too many differ in just one character.

use std::ops::Range;

use domain::Vrm;
use domain::force::Camera;
use domain::journey::least_speed;
use domain::read::PlateRead;
use domain::syntax::uk_form;
use domain::vrm::MAX_LENGTH;

use super::learn::{Source, Verdict};
use crate::alike::Look;
use crate::cameras::{CameraNumber, Cameras};
use crate::clones::MOST_KMH;

/// Reads that are kept: half a day of a force's 2,000,000, with some 20,000 wrong ones among them. At 48 bytes each, twice as
/// many while they come, that is 96 MB.
pub const MOST_READS: usize = 1_000_000;
/// Within what time two reads are near each other: from one end of a force's area to the other, and short enough that few others
/// with a mark which looks alike are about.
const NEAR_MS: i64 = 30 * 60 * 1_000;
/// Reads of a vehicle that are looked at on either side of one: more are of one that stands before a camera.
const NEIGHBOURS: usize = 8;
/// Wrong characters in a read: with three of seven, other vehicles look more alike.
const MOST_WRONG: usize = 2;
/// A camera's confidences are kept in thousandths: they send three digits.
const STEPS: f32 = 1_000.0;
/// No confidence.
const UNKNOWN: u16 = u16::MAX;

/// The newest reads, until enough came to learn from.
pub struct Reads {
    cameras: Cameras,
    most: usize,
    kept: Vec<Kept>,
    /// Older reads no longer count.
    since_ms: i64,
}

/// A read as it is remembered.
#[derive(Clone, Copy)]
struct Kept {
    mark: Vrm,
    at_ms: i64,
    camera: CameraNumber,
    confidences: [u16; MAX_LENGTH],
}

const _: () = assert!(size_of::<Kept>() <= 48, "as MOST_READS says");

impl Kept {
    fn order(&self) -> (Vrm, i64, CameraNumber) {
        (self.mark, self.at_ms, self.camera)
    }
}

impl Reads {
    /// None yet; of those to come, the newest `most` by these cameras.
    #[must_use]
    pub fn new(cameras: &[Camera], most: usize) -> Self {
        Self {
            cameras: Cameras::of(cameras),
            most: most.max(1),
            kept: Vec::new(),
            since_ms: i64::MIN,
        }
    }

    /// Whether a read of this time would be kept: others need not be opened.
    #[must_use]
    pub fn wants(&self, at_ms: i64) -> bool {
        at_ms >= self.since_ms
    }

    /// Keeps a read. One of a camera whose place or clock is not known is none of a journey.
    pub fn add(&mut self, read: &PlateRead) {
        let at_ms = read.captured_at.as_millisecond();
        let camera = self.cameras.number(read.camera.as_str().as_bytes());
        let placed = camera.filter(|camera| self.cameras.position(*camera).is_some());
        let (Some(camera), false, true) = (placed, read.clock_suspect, self.wants(at_ms)) else {
            return;
        };
        self.kept.push(Kept {
            mark: read.vrm,
            at_ms,
            camera,
            confidences: in_steps(read),
        });
        if self.kept.len() >= 2 * self.most {
            self.forget();
        }
    }

    /// Forgets all but the newest.
    fn forget(&mut self) {
        if self.kept.len() > self.most {
            let newest_first = |kept: &Kept| std::cmp::Reverse((kept.at_ms, kept.order()));
            let (_, oldest, _) = self.kept.select_nth_unstable_by_key(self.most - 1, newest_first);
            self.since_ms = oldest.at_ms;
            self.kept.truncate(self.most);
        }
    }

    /// Shows a verdict on each read that the others prove. Some seconds for a million reads.
    pub fn verdicts(mut self, mut show: impl FnMut(&Verdict)) {
        self.forget();
        self.kept.sort_unstable_by_key(Kept::order);
        self.kept.dedup_by_key(|kept| kept.order());
        let journeys = Journeys::of(&self.cameras, &self.kept);
        for passage in self.kept.chunk_by(|one, other| one.mark == other.mark) {
            for (place, read) in passage.iter().enumerate() {
                if let Some(truth) = journeys.truth(read, passage, place) {
                    show(&self.verdict(read, truth));
                }
            }
        }
    }

    fn verdict(&self, read: &Kept, truth: Vrm) -> Verdict {
        let length = read.mark.as_bytes().len();
        let given = read.confidences[..length].iter().filter(|step| **step != UNKNOWN);
        Verdict {
            read: read.mark,
            truth,
            camera: self.cameras.camera(read.camera),
            confidences: given.map(|step| f32::from(*step) / STEPS).collect(),
            source: Source::Journey,
        }
    }
}

/// A read's confidences; none of them where they are not one for each character.
fn in_steps(read: &PlateRead) -> [u16; MAX_LENGTH] {
    let mut steps = [UNKNOWN; MAX_LENGTH];
    let given = &read.character_confidences;
    let one_each = given.len() == read.vrm.as_bytes().len();
    if one_each && given.iter().all(|confidence| (0.0..=1.0).contains(confidence)) {
        for (step, confidence) in steps.iter_mut().zip(given) {
            *step = (confidence * STEPS).round() as u16;
        }
    }
    steps
}

/// The vehicles among reads that are in order of mark and time, to be found by marks that they may be misread as.
struct Journeys<'r> {
    cameras: &'r Cameras,
    reads: &'r [Kept],
    /// Mark and reads of each vehicle, in order of mark.
    vehicles: Vec<(Vrm, Range<usize>)>,
    /// Look and number of each vehicle, in this order.
    by_look: Vec<(u64, u32)>,
    /// What a vehicle's mark is without one of its characters, and its number, in this order.
    by_shorter: Vec<(Vrm, u32)>,
}

impl<'r> Journeys<'r> {
    fn of(cameras: &'r Cameras, reads: &'r [Kept]) -> Self {
        let mut journeys = Self {
            cameras,
            reads,
            vehicles: Vec::new(),
            by_look: Vec::new(),
            by_shorter: Vec::new(),
        };
        let mut start = 0;
        for passage in reads.chunk_by(|one, other| one.mark == other.mark) {
            let range = start..start + passage.len();
            start = range.end;
            let mark = passage[0].mark;
            let driven = passage.windows(2).any(|two| journeys.is_driven(&two[0], &two[1]));
            if driven && uk_form(mark.as_bytes()).is_some() {
                let number = journeys.vehicles.len() as u32;
                journeys.by_look.push((Look::of(mark).classes, number));
                journeys
                    .by_shorter
                    .extend(shorter(mark).map(|mark| (mark, number)));
                journeys.vehicles.push((mark, range));
            }
        }
        journeys.by_look.sort_unstable();
        journeys.by_shorter.sort_unstable();
        journeys.by_shorter.dedup();
        journeys
    }

    /// The mark of the vehicle that a read is of, where others than itself tell. It stands at `place` among those of its mark.
    fn truth(&self, read: &Kept, passage: &[Kept], place: usize) -> Option<Vrm> {
        if self.number(read.mark).is_some() {
            let others = (&passage[..place], &passage[place + 1..]);
            return self.proven(read, others).then_some(read.mark);
        }
        let mut may_be = self.misread_as(read.mark);
        may_be.retain(|number| {
            let reads = &self.reads[self.vehicles[*number as usize].1.clone()];
            let place = reads.partition_point(|other| other.at_ms < read.at_ms);
            self.proven(read, reads.split_at(place))
        });
        // Of two that it may be, it is neither.
        let [number] = may_be[..] else {
            return None;
        };
        Some(self.mark(number))
    }

    /// Whether a vehicle's reads before and after one prove that it was there: two that follow each other make a journey, and
    /// both are near the one.
    fn proven(&self, read: &Kept, (before, after): (&[Kept], &[Kept])) -> bool {
        let before = &before[before.len().saturating_sub(NEIGHBOURS)..];
        let after = &after[..after.len().min(NEIGHBOURS)];
        let mut near = before
            .iter()
            .chain(after)
            .filter(|other| self.is_near(read, other));
        let Some(mut last) = near.next() else {
            return false;
        };
        near.any(|next| self.is_driven(std::mem::replace(&mut last, next), next))
    }

    /// Whether two reads of one mark are a journey from one site to another.
    fn is_driven(&self, one: &Kept, other: &Kept) -> bool {
        self.cameras.site(one.camera) != self.cameras.site(other.camera) && self.is_near(one, other)
    }

    /// Whether one vehicle can have been at both.
    fn is_near(&self, one: &Kept, other: &Kept) -> bool {
        let apart_ms = one.at_ms.abs_diff(other.at_ms);
        let places = self
            .cameras
            .position(one.camera)
            .zip(self.cameras.position(other.camera));
        apart_ms <= NEAR_MS as u64
            && places.is_some_and(|(from, to)| least_speed(from, to, apart_ms as i64).1 <= MOST_KMH)
    }

    fn mark(&self, number: u32) -> Vrm {
        self.vehicles[number as usize].0
    }

    fn number(&self, mark: Vrm) -> Option<u32> {
        let place = self.vehicles.binary_search_by_key(&mark, |(mark, _)| *mark);
        place.ok().map(|place| place as u32)
    }

    /// The vehicles whose marks may be misread like this, each once.
    fn misread_as(&self, read: Vrm) -> Vec<u32> {
        let few_wrong = |number: &u32| wrong(self.mark(*number), read) <= MOST_WRONG;
        let alike = numbers(&self.by_look, Look::of(read).classes).filter(few_wrong);
        let lost = numbers(&self.by_shorter, read);
        let gained = shorter(read).filter_map(|mark| self.number(mark));
        let mut all: Vec<u32> = alike.chain(lost).chain(gained).collect();
        all.sort_unstable();
        all.dedup();
        all
    }
}

/// The numbers that a table in order of its keys has for one.
fn numbers<K: Ord + Copy>(table: &[(K, u32)], key: K) -> impl Iterator<Item = u32> {
    let from = table.partition_point(|(other, _)| *other < key);
    let same = table[from..].iter().take_while(move |(other, _)| *other == key);
    same.map(|(_, number)| *number)
}

/// In how many places two marks of one length differ.
fn wrong(truth: Vrm, read: Vrm) -> usize {
    let both = truth.as_bytes().iter().zip(read.as_bytes());
    both.filter(|(truth, read)| truth != read).count()
}

/// What is left of a mark without one of its characters, where that is a mark.
fn shorter(mark: Vrm) -> impl Iterator<Item = Vrm> {
    (0..mark.as_bytes().len()).filter_map(move |at| {
        let text = mark.as_str();
        Vrm::parse(&[&text[..at], &text[at + 1..]].concat()).ok()
    })
}
