//! The sightings of the last day, of one partition of the reads: when and where each mark was seen.
//!
//! **Enters:** the envelope of every read, in the partition's order. **Leaves:** how often a mark was seen before a read, and
//! the journeys that no vehicle makes. **Guaranteed:** an answer about a read depends on the reads before it in its partition
//! and on their capture times, and on nothing else: not on how reads came in batches, nor on other partitions. All reads of a
//! mark are in one partition. **Bounded:** the table holds so many reads and no more, some [`BYTES_EACH`] bytes each; the oldest go.
//!
//! **Order.** Reads come late and out of order. How often a mark was seen before a read counts captures that are at least
//! [`SETTLED_MS`] older than its own: reads that come no later than that after one another may come in any order.

use std::collections::VecDeque;
use std::hash::BuildHasher as _;

use domain::case::ONE_SIGHTING;
use domain::journey::{Journey, Waypoint, least_speed};
use domain::{Timestamp, Vrm};
use hashbrown::DefaultHashBuilder;

use crate::cameras::{CameraNumber, Cameras, SiteNumber};
use crate::newest::{self, Newest, Tag};
use crate::prefetch::prefetch;
use crate::traffic::Seen;

/// How far back sightings count.
pub const DAY_MS: i64 = 24 * 60 * 60 * 1_000;
/// Reads of one mark at one site that are no further apart than this are one sighting, as a case counts them: a queue before the
/// lights.
pub const ONE_SIGHTING_MS: i64 = ONE_SIGHTING.as_secs() * 1_000;
/// How much later than another a read may come that was captured before it, without any answer being different: cameras that
/// hold a read for an image, or resend one, take seconds.
pub const SETTLED_MS: i64 = 60 * 1_000;
/// How far the clocks of two cameras may be apart: a journey is given so much more time.
pub const CLOCKS_MS: i64 = 30 * 1_000;
/// A journey shorter than this is none: a site's place is known to its junction.
pub const LEAST_JOURNEY_M: f64 = 2_000.0;
/// Reads of one mark that are looked at, from the newest back: a vehicle is seen a few dozen times a day, and one parked
/// before a camera must not slow the rest.
const MOST_LOOKED_AT: usize = 256;
/// And most marks have no more than so many.
const MOSTLY: usize = 15;
/// Reads of one mark that a journey is looked for between, from the newest back.
const MOST_JOURNEYS: usize = 4;
/// Reads whose marks are asked for at once: enough that memory answers the first before the last is asked for, few enough for the
/// processor to hold what it answers.
pub const ASKED: usize = 32;
/// Reads that there is room for at first.
const FIRST_ROOM: usize = 64;
/// What a read takes at most in a full table, with its share of the table of marks.
pub const BYTES_EACH: usize = size_of::<Sighting>() + newest::BYTES_EACH;

/// One read, as it is remembered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sighting {
    /// The mark as read.
    pub mark: Vrm,
    /// The camera was sure of the whole mark.
    pub confident: bool,
    /// The camera.
    pub camera: CameraNumber,
    /// When it captured it, in milliseconds since 1970.
    pub at_ms: i64,
    /// Its place in the partition.
    pub offset: u64,
    /// How many reads before this one the last one of the mark came; 0 where none is held.
    back: u32,
}

impl Sighting {
    /// A read to be added.
    #[must_use]
    pub fn new(mark: Vrm, confident: bool, camera: CameraNumber, at_ms: i64, offset: u64) -> Self {
        Self {
            mark,
            confident,
            camera,
            at_ms,
            offset,
            back: 0,
        }
    }
}

/// See the module's page.
pub struct Sightings {
    /// Reads held, in the partition's order.
    held: VecDeque<Sighting>,
    /// The number of the first one: how many came before it.
    first: u64,
    /// How many count for a read: those held beyond are there for reads that are judged a batch later.
    limit: usize,
    /// More than this are never held.
    room: usize,
    /// The number of each mark's newest read, its lower half.
    newest: Newest,
    hasher: DefaultHashBuilder,
}

/// A read's place among those held.
#[derive(Clone, Copy, Debug)]
pub struct Place(u64);

impl Sightings {
    /// A table in which the last `limit` reads count. It holds `batch` more, so that so many can be added before the first of
    /// them is judged.
    ///
    /// # Panics
    /// Where both together are 2^31 or more.
    #[must_use]
    pub fn new(limit: usize, batch: usize) -> Self {
        assert!(limit + batch < 1 << 31, "the numbers of reads must not meet");
        Self {
            held: VecDeque::new(),
            first: 0,
            limit,
            room: limit + batch,
            newest: Newest::default(),
            hasher: DefaultHashBuilder::default(),
        }
    }

    /// Bytes that it takes.
    #[must_use]
    pub fn bytes(&self) -> usize {
        self.held.capacity() * size_of::<Sighting>() + self.newest.bytes()
    }

    /// How many reads are held.
    #[must_use]
    pub fn len(&self) -> usize {
        self.held.len()
    }

    /// Whether none is held.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.held.is_empty()
    }

    /// Behind the last read added; none before the first.
    #[must_use]
    pub fn next_offset(&self) -> Option<u64> {
        self.held.back().map(|last| last.offset + 1)
    }

    /// Says that reads of these marks, at most [`ASKED`], are added next. Where the mark stands, and where its last reads do, is memory
    /// that no cache holds; all of it is asked for before the first is waited for.
    pub fn ask(&self, marks: impl Iterator<Item = Vrm>) {
        let mut tags = [Tag::default(); ASKED];
        let mut count = 0;
        for (tag, mark) in tags.iter_mut().zip(marks) {
            *tag = self.tag_of(mark);
            self.newest.ask(*tag);
            count += 1;
        }
        if self.held.len() + count > self.room {
            let forgotten = self.held.iter().take(count);
            forgotten.for_each(|oldest| self.newest.ask(self.tag_of(oldest.mark)));
        }
        let mut reads = [0; ASKED];
        let newest = |tag: &Tag| Some(self.index_of(self.newest.find(*tag, |_| true)?));
        let mut count = collected(&mut reads, tags[..count].iter().filter_map(newest));
        self.ask_for(&reads[..count]);
        // As far back as a journey is looked for.
        for _ in 1..MOST_JOURNEYS {
            let known = reads;
            let before = |read: &usize| match self.held.get(*read)?.back as usize {
                0 => None,
                back => read.checked_sub(back),
            };
            count = collected(&mut reads, known[..count].iter().filter_map(before));
            self.ask_for(&reads[..count]);
        }
    }

    /// Asks for the one or two cache lines that each read is in.
    fn ask_for(&self, reads: &[usize]) {
        for read in reads {
            let sighting = self.held.get(*read);
            prefetch(sighting.map(|sighting| &sighting.at_ms));
            prefetch(sighting.map(|sighting| &sighting.mark));
        }
    }

    /// Adds the next read of the partition.
    pub fn add(&mut self, mut sighting: Sighting) -> Place {
        let number = self.first + self.held.len() as u64;
        let (held, first, tag) = (&self.held, self.first, self.tag_of(sighting.mark));
        let number_of = |newest: u32| at(newest, first, held.len());
        let is_it = |newest: u32| held[(number_of(newest) - first) as usize].mark == sighting.mark;
        if let Some(former) = self.newest.put(tag, number as u32, is_it) {
            sighting.back = (number - number_of(former)) as u32;
        }
        if self.held.len() == self.held.capacity() {
            // Doubled as ever, but never beyond what it may hold.
            let more = self
                .held
                .len()
                .max(FIRST_ROOM)
                .min(self.room + 1 - self.held.len());
            self.held.reserve_exact(more);
        }
        self.held.push_back(sighting);
        if self.held.len() > self.room {
            self.forget_oldest();
        }
        Place(number)
    }

    fn forget_oldest(&mut self) {
        let Some(oldest) = self.held.front() else {
            return;
        };
        // Where the mark was seen since, its newest read has another number.
        self.newest.remove(self.tag_of(oldest.mark), self.first as u32);
        self.held.pop_front();
        self.first += 1;
    }

    /// The place of a read that was added before; none where it is no longer held.
    #[must_use]
    pub fn find(&self, mark: Vrm, offset: u64) -> Option<Place> {
        let newest = self.newest_of(mark)?;
        let place = self.chain(newest).find(|(_, sighting)| sighting.offset == offset);
        place.map(|(number, _)| Place(number))
    }

    fn newest_of(&self, mark: Vrm) -> Option<u64> {
        let is_it = |newest| self.held[self.index_of(newest)].mark == mark;
        let newest = self.newest.find(self.tag_of(mark), is_it)?;
        Some(at(newest, self.first, self.held.len()))
    }

    /// Where the read of a number's lower half is held.
    fn index_of(&self, lower: u32) -> usize {
        (at(lower, self.first, self.held.len()) - self.first) as usize
    }

    fn tag_of(&self, mark: Vrm) -> Tag {
        Tag::of(self.hasher.hash_one(mark))
    }

    /// The reads held that stand at this offset or behind it, in the partition's order.
    pub fn from(&self, offset: u64) -> impl Iterator<Item = &Sighting> {
        let first = self.held.partition_point(|sighting| sighting.offset < offset);
        self.held.range(first..)
    }

    /// How often the mark of a read was seen in the day before it; none where it was not, but the table does not reach back a
    /// day, so that it may have been.
    #[must_use]
    pub fn seen(&self, read: Place, cameras: &Cameras) -> Option<Seen> {
        let own = self.held.get((read.0 - self.first) as usize)?;
        let day = own.at_ms - DAY_MS..=own.at_ms - SETTLED_MS;
        let captures = || {
            let before = self.before(read).take(MOST_LOOKED_AT);
            let of_day = before.filter(|sighting| day.contains(&sighting.at_ms));
            of_day.map(|sighting| (cameras.site(sighting.camera), sighting.at_ms))
        };
        let (site, at_ms) = (cameras.site(own.camera), own.at_ms);
        let mut few = [(SiteNumber::default(), 0); MOSTLY + 1];
        let seen = match collected(&mut few, captures()) {
            count @ 0..=MOSTLY => counted(&mut few[..count], site, at_ms),
            _ => {
                let mut many = [(SiteNumber::default(), 0); MOST_LOOKED_AT];
                let count = collected(&mut many, captures());
                counted(&mut many[..count], site, at_ms)
            }
        };
        let oldest = self
            .held
            .get((self.oldest_that_counts(read) - self.first) as usize)?;
        (seen.reads > 0 || oldest.at_ms <= *day.start()).then_some(seen)
    }

    /// The journey that ends or begins with a read and takes more than `most_kmh`, if there is one: between this read and the
    /// one at another site that was captured last before it, or first after it, among the last few that came. Both cameras
    /// were sure of the mark.
    #[must_use]
    pub fn journey(&self, read: Place, cameras: &Cameras, most_kmh: f64) -> Option<Journey> {
        let own = self
            .held
            .get((read.0 - self.first) as usize)
            .filter(|own| own.confident)?;
        let (mut last, mut next) = (None::<&Sighting>, None::<&Sighting>);
        for other in self.before(read).take(MOST_JOURNEYS) {
            let apart_ms = (other.at_ms - own.at_ms).abs();
            let elsewhere = cameras.site(other.camera) != cameras.site(own.camera);
            if !other.confident || !elsewhere || apart_ms > DAY_MS {
                continue;
            }
            if other.at_ms > own.at_ms {
                next = next.filter(|next| next.at_ms <= other.at_ms).or(Some(other));
            } else {
                last = last.filter(|last| last.at_ms >= other.at_ms).or(Some(other));
            }
        }
        let to_here = last.and_then(|last| journey(last, own, cameras, most_kmh));
        to_here.or_else(|| journey(own, next?, cameras, most_kmh))
    }

    /// The reads of its mark that came before a read and still count, the newest first.
    fn before(&self, read: Place) -> impl Iterator<Item = &Sighting> {
        let kept = self.oldest_that_counts(read);
        let before = self
            .chain(read.0)
            .skip(1)
            .take_while(move |(number, _)| *number >= kept);
        before.map(|(_, sighting)| sighting)
    }

    fn oldest_that_counts(&self, read: Place) -> u64 {
        read.0.saturating_sub(self.limit as u64).max(self.first)
    }

    /// The reads of one mark, from the one of this number back.
    fn chain(&self, number: u64) -> impl Iterator<Item = (u64, &Sighting)> {
        let mut next = Some(number);
        std::iter::from_fn(move || {
            let number = next?;
            let sighting = self.held.get(number.checked_sub(self.first)? as usize)?;
            next = match sighting.back {
                0 => None,
                back => number.checked_sub(u64::from(back)),
            };
            Some((number, sighting))
        })
    }
}

/// Writes what there is into an array, and answers how many that are.
fn collected<T, const N: usize>(into: &mut [T; N], from: impl Iterator<Item = T>) -> usize {
    into.iter_mut().zip(from).map(|(place, one)| *place = one).count()
}

/// The number whose lower half this is: none of those held is 2^32 from another.
fn at(lower: u32, first: u64, held: usize) -> u64 {
    let back = ((first + held as u64) as u32).wrapping_sub(lower);
    first + held as u64 - u64::from(back)
}

/// Sightings among captures, which are sorted by site and time, without the one that a read at `site` and `at_ms` is part of.
fn counted(captures: &mut [(SiteNumber, i64)], site: SiteNumber, at_ms: i64) -> Seen {
    captures.sort_unstable();
    let mut seen = Seen::default();
    for of_site in captures.chunk_by(|one, next| one.0 == next.0) {
        let mut sightings = 1 + of_site
            .windows(2)
            .filter(|pair| pair[1].1 - pair[0].1 > ONE_SIGHTING_MS)
            .count();
        let last = of_site[of_site.len() - 1];
        if last.0 == site && at_ms - last.1 <= ONE_SIGHTING_MS {
            sightings -= 1;
        }
        seen.reads += sightings as u32;
        seen.sites += u32::from(sightings > 0);
    }
    seen
}

/// From one read to a later one, if it is further than any vehicle gets in that time.
fn journey(from: &Sighting, to: &Sighting, cameras: &Cameras, most_kmh: f64) -> Option<Journey> {
    let (start, end) = (cameras.position(from.camera)?, cameras.position(to.camera)?);
    let apart_ms = to.at_ms - from.at_ms;
    let (distance_m, slowest_kmh) = least_speed(start, end, apart_ms + CLOCKS_MS);
    if distance_m < LEAST_JOURNEY_M || slowest_kmh <= most_kmh {
        return None;
    }
    // What the clocks say, to be shown; a second at least, so that it is a number.
    let (_, speed_kmh) = least_speed(start, end, apart_ms.max(1_000));
    let waypoint = |sighting: &Sighting| {
        Some(Waypoint {
            camera: cameras.camera(sighting.camera),
            at: Timestamp::from_millisecond(sighting.at_ms).ok()?,
        })
    };
    Some(Journey {
        from: waypoint(from)?,
        to: waypoint(to)?,
        distance_m,
        speed_kmh,
    })
}
