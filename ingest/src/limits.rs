//! Every bound of ingest, with its reason.

use std::time::Duration;

/// Largest body taken, in bytes: a 4K scene and a plate cut-out as JPEG are some 3 MB, base64 makes them 4.
pub const MAX_BODY_BYTES: usize = 8 * 1024 * 1024;
/// Most reads in one post of our own JSON: at 300 bytes a read far below [`MAX_BODY_BYTES`], so that senders meet
/// this bound first, and it is the one that the documentation names.
pub const MAX_BATCH: usize = 1_000;
/// Most captures in one compound capture, as the back-office format has it.
pub const MAX_COMPOUND: usize = 50;
/// Bodies held in memory at once, in bytes: sixteen of the largest, or half a million of single reads.
pub const MAX_IN_FLIGHT_BYTES: usize = 16 * MAX_BODY_BYTES;
/// Requests worked on at once: each waits a few milliseconds for the log, so that this many sustain 100,000 a second.
pub const MAX_IN_FLIGHT_REQUESTS: usize = 1_024;
/// Time a body may take to arrive: 8 MiB over a 10 Mbit/s link take 7 s.
pub const BODY_TIMEOUT: Duration = Duration::from_secs(15);
/// How long a refused body is still read and thrown away, so that a sender that writes before it reads sees the
/// answer and not a broken connection.
pub const LINGER: Duration = Duration::from_secs(2);
/// What is thrown away that way at most, in bytes.
pub const LINGER_BYTES: usize = 4 * MAX_BODY_BYTES;
/// Time the log or the image store may take before the sender is told to come back.
pub const KEEP_TIMEOUT: Duration = Duration::from_secs(10);
/// Images written at once for one message: a message has two, a batch may have thousands.
pub const IMAGES_AT_ONCE: usize = 8;
/// What a refused sender is told to wait, in seconds.
pub const RETRY_AFTER_S: u64 = 5;
/// How often the table of sources is read again: a new camera posts within this time, a disabled one stops.
pub const SOURCES_EVERY: Duration = Duration::from_secs(3);
/// A token that is not in the table makes it be read again, but not sooner than this after the last time: strangers
/// must not become load on the database. They wait for it, which also slows down guessing.
pub const SOURCES_MISS_EVERY: Duration = Duration::from_secs(1);
/// Strangers who wait for the table at once; more are refused on what is known.
pub const MAX_STRANGERS: usize = 256;
/// Time the database may take for the table of sources.
pub const SOURCES_TIMEOUT: Duration = Duration::from_secs(2);
/// How often the log is asked whether it works, for `/readyz`.
pub const CHECK_EVERY: Duration = Duration::from_secs(1);
/// Time in which requests in flight finish after the stop signal; the process has 5 s in all.
pub const DRAIN: Duration = Duration::from_secs(4);
/// Parts in a multipart message: cameras send two to five.
pub const MAX_PARTS: usize = 32;
/// Depth of an XML document: the formats known have five levels.
pub const MAX_XML_DEPTH: usize = 64;
/// Elements with text in an XML document: the formats known have some hundred.
pub const MAX_XML_LEAVES: usize = 10_000;
/// Results in one message of a recogniser: vehicles in one picture.
pub const MAX_RESULTS: usize = 100;
/// A car of which nothing more was heard for this long is complete. Axis sends `lost` 10 s after the last
/// recognition by default, so that waiting longer would win nothing.
pub const CAR_SILENT_AFTER: Duration = Duration::from_secs(10);
/// How long a completed car is remembered, so that a late `lost` or a retransmission makes no second read: a jam
/// keeps a car in view for minutes.
pub const CAR_REMEMBERED_FOR: Duration = Duration::from_secs(300);
/// Cars held and remembered at once: 200 cameras with a car every second for [`CAR_REMEMBERED_FOR`].
pub const MAX_CARS: usize = 60_000;
/// How often held cars are looked through for silent ones.
pub const CARS_EVERY: Duration = Duration::from_millis(500);
/// Events of cars waiting for the one task that holds them.
pub const MAX_CAR_EVENTS: usize = 1_024;
/// Events of cars made durable together.
pub const CAR_EVENTS_AT_ONCE: usize = 256;
/// Pause before a failed start of the held cars is tried again, or a failed publication of a silent one.
pub const RETRY_EVERY: Duration = Duration::from_secs(1);
/// Dead letters in one listing where the asker names no number.
pub const DEAD_LETTERS_LISTED: usize = 50;
/// Dead letters in one listing at most: each is fetched from the log by itself.
pub const MAX_DEAD_LETTERS_LISTED: usize = 500;

const _: () = assert!(MAX_IN_FLIGHT_BYTES >= MAX_BODY_BYTES);
const _: () = assert!(
    MAX_BODY_BYTES / 3 * 4 < stream::topic::MAX_RECORD_BYTES,
    "a dead letter fits into a record"
);
const _: () = assert!(DRAIN.as_secs() < 5);
const _: () = assert!(CAR_REMEMBERED_FOR.as_secs() > CAR_SILENT_AFTER.as_secs());
