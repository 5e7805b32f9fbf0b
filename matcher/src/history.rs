//! The sightings of the partitions that this matcher judges, kept up with the log.

use std::collections::BTreeMap;
use std::time::Duration;

use domain::Vrm;
use domain::force::Camera;
use stream::topic::Topic;
use stream::{Delivered, Log, LogError, wire};

use crate::cameras::Cameras;
use crate::hindsight::Stretch;
use crate::share::Share;
use crate::sightings::{Place, Sighting, Sightings};

/// Reads taken at once while a partition is read again.
const BATCH: usize = 10_000;
/// How long a poll waits then.
const WAIT: Duration = Duration::from_millis(250);
/// From this confidence on a camera counts as sure of a mark. One that gives none never does.
const CONFIDENT: f32 = 0.9;

/// See the module's page.
pub(crate) struct History {
    pub(crate) cameras: Cameras,
    partitions: BTreeMap<u32, Sightings>,
    /// How many reads count in each.
    limit: usize,
    /// How many may be added before they are judged.
    batch: usize,
}

impl History {
    pub(crate) fn new(cameras: &[Camera], limit: usize, batch: usize) -> Self {
        Self {
            cameras: Cameras::of(cameras),
            partitions: BTreeMap::new(),
            limit,
            batch: batch.max(BATCH),
        }
    }

    /// The sightings of a partition.
    pub(crate) fn of(&self, partition: u32) -> Option<&Sightings> {
        self.partitions.get(&partition)
    }

    /// All of them, as they are now.
    pub(crate) fn stretches(&self) -> Vec<Stretch> {
        let partitions = self.partitions.iter();
        let stretch = |(partition, sightings): (&u32, &Sightings)| Stretch {
            partition: *partition,
            end: sightings.next_offset().unwrap_or_default(),
        };
        partitions.map(stretch).collect()
    }

    /// Brings every partition of a batch up to its first read: what this process has not seen of it, the log tells again.
    /// So it is after a start, and when a partition comes from another matcher.
    ///
    /// Answers what it read again.
    ///
    /// # Errors
    /// When the log cannot be read.
    pub(crate) async fn catch_up(
        &mut self,
        log: &dyn Log,
        reads: &[Delivered],
    ) -> Result<Vec<Stretch>, LogError> {
        let mut read_again = Vec::new();
        for read in first_of_each_partition(reads) {
            let partition = read.place.partition;
            let known = self.partitions.get(&partition).and_then(Sightings::next_offset);
            let missing = known.unwrap_or_default()..read.place.offset;
            if !missing.is_empty() {
                let mut replay = log.replay(Topic::Reads, partition, missing).await?;
                while !replay.caught_up() {
                    let again = replay.poll(BATCH, WAIT).await?;
                    for read in &again {
                        if let Some(sighting) = sighting_of(read, &self.cameras) {
                            add(self.sightings_of(partition), sighting);
                        }
                    }
                }
                let held = self.partitions.get(&partition).map_or(0, Sightings::len);
                tracing::info!(partition, held, "sightings are read again from the log");
                read_again.push(Stretch {
                    partition,
                    end: read.place.offset,
                });
            }
        }
        Ok(read_again)
    }

    /// The reads of a batch by partition, each with the sightings that it is judged by, and the cameras of all.
    pub(crate) fn shares<'a>(&'a mut self, reads: &'a [Delivered]) -> (Vec<Share<'a>>, &'a Cameras) {
        self.cameras.settle();
        let mut arrived: BTreeMap<u32, Vec<&'a Delivered>> = BTreeMap::new();
        for some in reads.chunk_by(|read, next| read.place.partition == next.place.partition) {
            arrived.entry(some[0].place.partition).or_default().extend(some);
        }
        for partition in arrived.keys() {
            self.sightings_of(*partition);
        }
        let shares = self.partitions.iter_mut().filter_map(|(partition, sightings)| {
            let reads = arrived.remove(partition)?;
            Some(Share { sightings, reads })
        });
        (shares.collect(), &self.cameras)
    }

    fn sightings_of(&mut self, partition: u32) -> &mut Sightings {
        let (limit, batch) = (self.limit, self.batch);
        let sightings = self.partitions.entry(partition);
        sightings.or_insert_with(|| Sightings::new(limit, batch))
    }
}

/// A read as its partition's sightings remember it. None where it has no mark, or names no camera.
pub(crate) fn sighting_of(read: &Delivered, cameras: &Cameras) -> Option<Sighting> {
    let camera = cameras.number(read.header(wire::HEADER_CAMERA)?)?;
    let mark = std::str::from_utf8(read.key.as_deref()?).ok()?;
    let mark = Vrm::parse(mark).ok()?;
    let confident = wire::confidence_of(read).is_some_and(|confidence| confidence >= CONFIDENT);
    let (at_ms, offset) = (read.timestamp_ms, read.place.offset);
    Some(Sighting::new(mark, confident, camera, at_ms, offset))
}

/// Adds a read to the sightings of its partition, or finds it where it was judged before.
pub(crate) fn add(sightings: &mut Sightings, sighting: Sighting) -> Option<Place> {
    if sightings.next_offset().is_some_and(|next| sighting.offset < next) {
        return sightings.find(sighting.mark, sighting.offset);
    }
    Some(sightings.add(sighting))
}

fn first_of_each_partition(reads: &[Delivered]) -> impl Iterator<Item = &Delivered> {
    let mut seen = Vec::new();
    reads.iter().filter(move |read| {
        let partition = read.place.partition;
        let first = !seen.contains(&partition);
        if first {
            seen.push(partition);
        }
        first
    })
}
