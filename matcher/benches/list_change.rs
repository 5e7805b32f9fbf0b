//! How soon a change of the lists counts while reads flow, and how long reads wait for it.
//!
//! A whole matcher on a log in memory, under lists of `--entries` entries (1,000,000 unless given). Reads come at `--rate` a second
//! (10,000); every hundredth of a second one of them is listed, and its hit is waited for. For the first half of `--seconds` (30)
//! the lists stay as they are; in the second half an entry joins them every second. With `--json FILE` the figures go there:
//! `{entries, rate, visible_ms{median, max}, hit_ms_before{p50, p99, max}, hit_ms_meanwhile{p50, p99, max}}`.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use clap::Parser;
use domain::hit::Hit;
use domain::hotlist::{Action, Entry, Grade, Revision};
use domain::read::{PlateRead, RawRead};
use domain::{CameraId, ListName, ReadId, SourceName, Timestamp, Vrm};
use jiff::tz::TimeZone;
use stream::embedded::EmbeddedLog;
use stream::ready::Ready;
use stream::topic::Topic;
use stream::wire::{self, RevisionMark};
use stream::{Log, Start};
use tokio_util::sync::CancellationToken;

/// How often reads are published.
const TICK: Duration = Duration::from_millis(10);
/// How long the last hits have.
const SETTLE: Duration = Duration::from_secs(2);

#[derive(Parser)]
struct Arguments {
    #[arg(long, default_value_t = 1_000_000)]
    entries: u32,
    #[arg(long, default_value_t = 10_000)]
    rate: u32,
    #[arg(long, default_value_t = 30)]
    seconds: u32,
    #[arg(long)]
    json: Option<std::path::PathBuf>,
    /// Given by `cargo bench`; without it, under `cargo test`, a tiny run shows that it runs.
    #[arg(long)]
    bench: bool,
}

#[tokio::main]
async fn main() {
    let mut arguments = Arguments::parse();
    if !arguments.bench {
        (arguments.entries, arguments.rate, arguments.seconds) = (1_000, 1_000, 4);
    }
    let figures = measure(&arguments).await;
    println!("{figures:#}");
    if let Some(file) = arguments.json {
        std::fs::write(file, format!("{figures:#}\n")).expect("the file can be written");
    }
}

/// Marks of a form of their own, by number.
fn mark(first: char, number: u32) -> Vrm {
    let letter = |place: u32| char::from(b'A' + (number / 100 / 26u32.pow(place) % 26) as u8);
    let text = format!(
        "{first}A{:02}{}{}{}",
        number % 100,
        letter(0),
        letter(1),
        letter(2)
    );
    Vrm::parse(&text).expect("a mark")
}

fn entry(vrm: Vrm, now: Timestamp) -> Entry {
    let list = ListName::parse("stolen").expect("a name");
    Entry {
        grade: Grade::Three,
        action: Action::Stop,
        reason: "stolen".into(),
        ..Entry::new(&list, vrm, "", now)
    }
}

fn read(vrm: Vrm, at: Timestamp) -> PlateRead {
    let raw = RawRead {
        plate: vrm.to_string(),
        captured_at: at,
        ..RawRead::default()
    };
    let camera = CameraId::parse("M57-J2-N").expect("a camera");
    raw.check(camera, SourceName::parse("bench").expect("a source"), at)
        .expect("a read")
}

async fn publish_change(log: &EmbeddedLog, entries: &[Entry], revision: u64) {
    let now = Timestamp::now();
    let records = entries
        .iter()
        .map(|entry| wire::entry_record(entry, now).expect("an entry"));
    log.publish(Topic::Entries, records.collect())
        .await
        .expect("published");
    let mark = RevisionMark {
        revision: Revision(revision),
        without: None,
        entries: entries.len() as u64,
        published_at: now,
    };
    let mark = wire::revision_record(&mark).expect("a mark");
    log.publish(Topic::Entries, vec![mark]).await.expect("published");
}

/// A hit as it came.
struct Came {
    read: ReadId,
    vrm: Vrm,
    at: Instant,
}

async fn measure(arguments: &Arguments) -> serde_json::Value {
    let log = Arc::new(EmbeddedLog::in_memory());
    log.create_topics().await.expect("topics");
    load(&log, arguments.entries).await;
    let (ready, stop) = (Ready::default(), CancellationToken::new());
    let parts = matcher::Parts {
        log: Arc::clone(&log) as Arc<dyn Log>,
        name: "bench".into(),
        cameras: Vec::new(),
        zone: TimeZone::UTC,
        options: matcher::Options::default(),
    };
    let matcher = tokio::spawn(matcher::run(parts, ready.clone(), stop.clone()));
    while !ready.get() {
        tokio::time::sleep(TICK).await;
    }
    let watching = CancellationToken::new();
    let hits = tokio::spawn(watch(Arc::clone(&log), watching.clone()));
    let half = Duration::from_secs(u64::from(arguments.seconds / 2));
    let changes = AtomicU32::new(0);
    let begun = Instant::now();
    let (reads, changed) = tokio::join!(
        offer(&log, arguments.rate, begun + 2 * half, &changes),
        change(&log, begun + half, arguments.seconds / 2, &changes),
    );
    tokio::time::sleep(SETTLE).await;
    watching.cancel();
    let hits = hits.await.expect("no panic");
    stop.cancel();
    matcher.await.expect("no panic").expect("matched to the end");

    let waited = |from: Instant, to: Instant| {
        let of_time = hits.iter().filter_map(|hit| Some((reads.get(&hit.read)?, hit)));
        let of_time = of_time.filter(|(sent, _)| (from..to).contains(sent));
        let waits: Vec<Duration> = of_time.map(|(sent, hit)| hit.at - *sent).collect();
        serde_json::json!({ "p50": ms(&waits, 0.5), "p99": ms(&waits, 0.99), "max": ms(&waits, 1.0) })
    };
    let visible = changed.iter().enumerate().map(|(number, published)| {
        let vrm = mark('B', number as u32);
        let first = hits
            .iter()
            .find(|hit| hit.vrm == vrm)
            .expect("every new entry is hit");
        first.at - *published
    });
    let visible: Vec<Duration> = visible.collect();
    serde_json::json!({
        "entries": arguments.entries,
        "rate": arguments.rate,
        "visible_ms": { "median": ms(&visible, 0.5), "max": ms(&visible, 1.0) },
        "hit_ms_before": waited(begun, begun + half),
        "hit_ms_meanwhile": waited(begun + half, begun + 2 * half),
    })
}

/// A quantile in milliseconds.
fn ms(durations: &[Duration], quantile: f64) -> f64 {
    let mut sorted = durations.to_vec();
    sorted.sort_unstable();
    let place = (sorted.len() - 1) as f64 * quantile;
    sorted[place as usize].as_secs_f64() * 1_000.0
}

/// Publishes the lists as they are at first.
async fn load(log: &EmbeddedLog, entries: u32) {
    let now = Timestamp::now();
    let numbers: Vec<u32> = (0..entries).collect();
    for part in numbers.chunks(10_000) {
        let entries = part.iter().map(|number| entry(mark('A', *number), now));
        let records = entries.map(|entry| wire::entry_record(&entry, now).expect("an entry"));
        log.publish(Topic::Entries, records.collect())
            .await
            .expect("published");
    }
    publish_change(log, &[], 1).await;
}

/// Puts an entry on the lists every second from `start` on; answers when each was in the log.
async fn change(log: &EmbeddedLog, start: Instant, count: u32, changes: &AtomicU32) -> Vec<Instant> {
    let mut published = Vec::new();
    for number in 0..count {
        tokio::time::sleep_until((start + Duration::from_secs(u64::from(number))).into()).await;
        let entry = entry(mark('B', number), Timestamp::now());
        publish_change(log, &[entry], u64::from(number) + 2).await;
        published.push(Instant::now());
        changes.store(number + 1, Ordering::Relaxed);
    }
    published
}

/// Offers reads until `end`, in each tick one of a vehicle that is listed all the while and one of the last that was listed;
/// answers when each of the former was sent.
async fn offer(log: &EmbeddedLog, rate: u32, end: Instant, changes: &AtomicU32) -> HashMap<ReadId, Instant> {
    let (mut sent, mut others) = (HashMap::new(), 0);
    let mut ticks = tokio::time::interval(TICK);
    while Instant::now() < end {
        ticks.tick().await;
        let now = Timestamp::now();
        let steady = read(mark('A', 0), now);
        let mut reads = vec![steady.clone()];
        if let Some(last) = changes.load(Ordering::Relaxed).checked_sub(1) {
            reads.push(read(mark('B', last), now));
        }
        let others = (0..(rate / 100).saturating_sub(2)).map(|_| {
            others += 1;
            read(mark('P', others), now)
        });
        reads.extend(others);
        let records = reads
            .iter()
            .map(|read| wire::read_record(read).expect("a read"))
            .collect();
        sent.insert(steady.read_id, Instant::now());
        log.publish(Topic::Reads, records).await.expect("published");
    }
    sent
}

/// Every hit as it comes, until told to stop.
async fn watch(log: Arc<EmbeddedLog>, stop: CancellationToken) -> Vec<Came> {
    let mut tail = log.tail(Topic::Hits, Start::End).await.expect("a tail");
    let mut came = Vec::new();
    while !stop.is_cancelled() {
        let records = tail.poll(1_000, TICK).await.expect("hits");
        let at = Instant::now();
        for record in records {
            let hit: Hit = wire::decode(&record).expect("a hit");
            came.push(Came {
                read: hit.read.read_id,
                vrm: hit.vrm(),
                at,
            });
        }
    }
    came
}
