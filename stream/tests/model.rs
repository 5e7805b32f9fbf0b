//! The embedded engine against a naive one, on seeded random sequences: a failure prints the seed and the step.

#![allow(clippy::unwrap_used, reason = "a panic is how a test fails")]

mod common;

use std::collections::BTreeMap;
use std::path::Path;
use std::time::Duration;

use common::{record, text, tombstone};
use rand::seq::IndexedRandom;
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use stream::embedded::{EmbeddedLog, EmbeddedOptions};
use stream::topic::{Retention, Topic};
use stream::{Consumer, Log, Record, Start, partition_of};

const PARTITIONS: u32 = 3;
const TOPICS: [Topic; 3] = [Topic::Reads, Topic::Entries, Topic::CaseEvents];
const GROUPS: [&str; 2] = ["one", "two"];
const KEYS: u32 = 6;

type Partition = (Topic, u32);
type Text = (String, String);

/// A record that was published, and whether it is still there.
struct Known {
    text: Text,
    kept: bool,
}

/// What the log should hold, by offset.
#[derive(Default)]
struct Model {
    partitions: BTreeMap<Partition, Vec<Known>>,
    committed: BTreeMap<(usize, Partition), usize>,
}

impl Model {
    fn append(&mut self, topic: Topic, text: Text) {
        let partition = partition_of(text.0.as_bytes(), topic.partitions(PARTITIONS));
        let records = self.partitions.entry((topic, partition)).or_default();
        if topic.retention() == Retention::LastOfKey {
            records
                .iter_mut()
                .filter(|known| known.text.0 == text.0)
                .for_each(|known| known.kept = false);
        }
        records.push(Known { text, kept: true });
    }

    /// The records that are kept of a partition from an offset on, with their offsets.
    fn kept(&self, partition: Partition, at: usize) -> Vec<(usize, Text)> {
        let records = self.partitions.get(&partition).map_or(&[][..], Vec::as_slice);
        let from = records
            .iter()
            .enumerate()
            .skip(at)
            .filter(|(_, known)| known.kept);
        from.map(|(offset, known)| (offset, known.text.clone())).collect()
    }

    /// What was read from an offset on was published, and skips nothing that is kept. A record that was replaced may
    /// still come to a reader that was about to return it.
    fn check(&self, partition: Partition, at: usize, read: &[(usize, Text)], step: &str) {
        let records = &self.partitions[&partition];
        assert!(
            read.is_sorted_by(|a, b| a.0 < b.0),
            "{step}: {partition:?} in order"
        );
        assert!(
            read[0].0 >= at,
            "{step}: {partition:?} from {at}, not {}",
            read[0].0
        );
        for (offset, text) in read {
            assert_eq!(records[*offset].text, *text, "{step}: {partition:?} at {offset}");
        }
        let last = read[read.len() - 1].0;
        for (offset, text) in self.kept(partition, at) {
            let there = read.iter().any(|(other, _)| *other == offset);
            assert!(
                there || offset > last,
                "{step}: {partition:?} skips {text:?} at {offset}"
            );
        }
    }
}

/// A group's only member, and where the model says that it stands.
struct Reader {
    consumer: Box<dyn Consumer>,
    positions: BTreeMap<Partition, usize>,
}

struct World {
    log: EmbeddedLog,
    model: Model,
    readers: Vec<Option<Reader>>,
    random: ChaCha8Rng,
    step: String,
}

impl World {
    async fn publish(&mut self) {
        let topic = *TOPICS.choose(&mut self.random).unwrap();
        let count = *[1, 1, 2, 5, 40].choose(&mut self.random).unwrap();
        let records: Vec<Record> = (0..count)
            .map(|_| {
                let key = format!("K{}", self.random.random_range(0..KEYS));
                let value = self.random.random_range(0..1_000_000_u32).to_string();
                let gone = topic == Topic::Entries && self.random.random_bool(0.2);
                let record = if gone {
                    tombstone(&key)
                } else {
                    record(&key, value.clone())
                };
                self.model
                    .append(topic, (key, if gone { "-".into() } else { value }));
                record
            })
            .collect();
        self.log.publish(topic, records).await.unwrap();
    }

    async fn poll(&mut self) {
        let group = self.random.random_range(0..GROUPS.len());
        if self.readers[group].is_none() {
            let consumer = self.log.subscribe(GROUPS[group], &TOPICS).await.unwrap();
            let finished = self.model.committed.iter().filter(|((of, _), _)| *of == group);
            let positions = finished
                .map(|((_, partition), offset)| (*partition, *offset))
                .collect();
            self.readers[group] = Some(Reader { consumer, positions });
        }
        let Some(reader) = &mut self.readers[group] else {
            return;
        };
        let max = self.random.random_range(1..60);
        let records = reader.consumer.poll(max, Duration::ZERO).await.unwrap();
        assert!(records.len() <= max, "{}", self.step);
        let mut read: BTreeMap<Partition, Vec<(usize, Text)>> = BTreeMap::new();
        for record in &records {
            let partition = (record.place.topic, record.place.partition);
            let offset = usize::try_from(record.place.offset).unwrap();
            read.entry(partition).or_default().push((offset, text(record)));
        }
        let left: usize = TOPICS
            .into_iter()
            .flat_map(|topic| (0..topic.partitions(PARTITIONS)).map(move |partition| (topic, partition)))
            .map(|partition| {
                self.model
                    .kept(partition, *reader.positions.get(&partition).unwrap_or(&0))
                    .len()
            })
            .sum();
        assert!(
            left == 0 || !records.is_empty(),
            "{}: {left} records are not returned",
            self.step
        );
        for (partition, read) in read {
            let at = reader.positions.entry(partition).or_default();
            self.model.check(partition, *at, &read, &self.step);
            *at = read.last().map_or(*at, |(offset, _)| offset + 1);
        }
    }

    async fn commit(&mut self) {
        let group = self.random.random_range(0..GROUPS.len());
        if let Some(reader) = &mut self.readers[group] {
            reader.consumer.commit().await.unwrap();
            for (partition, offset) in &reader.positions {
                self.model.committed.insert((group, *partition), *offset);
            }
        }
    }

    async fn check_all(&self) {
        for topic in TOPICS {
            let mut tail = self.log.tail(topic, Start::Beginning).await.unwrap();
            let mut read: BTreeMap<u32, Vec<(usize, Text)>> = BTreeMap::new();
            while !tail.caught_up() {
                for record in tail.poll(100, Duration::ZERO).await.unwrap() {
                    let offset = usize::try_from(record.place.offset).unwrap();
                    read.entry(record.place.partition)
                        .or_default()
                        .push((offset, text(&record)));
                    let again = self.log.read_at(record.place).await.unwrap();
                    assert_eq!(again, Some(record), "{}", self.step);
                }
            }
            for partition in 0..topic.partitions(PARTITIONS) {
                let read = read.remove(&partition).unwrap_or_default();
                assert_eq!(
                    read,
                    self.model.kept((topic, partition), 0),
                    "{}: {topic} {partition}",
                    self.step
                );
            }
        }
    }
}

/// Runs a sequence; `reopen` opens the log anew, where it is one that can be.
async fn run(seed: u64, steps: u32, open: impl Fn() -> EmbeddedLog, reopens: bool) {
    let mut world = World {
        log: open(),
        model: Model::default(),
        readers: GROUPS.iter().map(|_| None).collect(),
        random: ChaCha8Rng::seed_from_u64(seed),
        step: String::new(),
    };
    for step in 0..steps {
        world.step = format!("seed {seed}, step {step}");
        match world.random.random_range(0..100) {
            0..40 => world.publish().await,
            40..75 => world.poll().await,
            75..90 => world.commit().await,
            90..95 => {
                let group = world.random.random_range(0..GROUPS.len());
                world.readers[group] = None;
            }
            95..97 if reopens => {
                world.readers.iter_mut().for_each(|reader| *reader = None);
                world.log.close().await.unwrap();
                world.log = open();
            }
            _ => world.check_all().await,
        }
    }
    world.check_all().await;
}

fn options() -> EmbeddedOptions {
    EmbeddedOptions {
        partitions: PARTITIONS,
        ..EmbeddedOptions::default()
    }
}

#[tokio::test]
async fn memory_does_what_the_model_does() {
    for seed in 0..30 {
        run(seed, 300, || EmbeddedLog::in_memory_with(&options()), false).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn disk_does_what_the_model_does_across_reopening() {
    let open = |path: &Path| EmbeddedLog::open(path, options()).unwrap();
    for seed in 100..104 {
        let directory = tempfile::tempdir().unwrap();
        run(seed, 200, || open(directory.path()), true).await;
    }
}
