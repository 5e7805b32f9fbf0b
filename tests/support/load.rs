//! 20,000 reads of which 200 match, posted through whatever happens to the system meanwhile.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use domain::{CameraId, ReadId, Timestamp, Vrm};
use serde_json::json;

use super::{Api, PATIENCE};

/// Reads posted.
pub const READS: usize = 20_000;
/// Every hundredth is of a listed vehicle.
pub const MATCH_EVERY: usize = 100;
/// Reads in a request.
const BATCH: usize = 100;
/// Pause between two requests, so that the load lasts some ten seconds.
const PAUSE: Duration = Duration::from_millis(30);
/// A camera of the built-in force; see [`camera`].
static FIRST_CAPTURE_MS: i64 = 1_790_000_000_000;

/// A camera that the built-in force has.
pub fn camera() -> CameraId {
    let cameras = std::fs::read(concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/data/merseyside/cameras.json"
    ))
    .unwrap();
    let cameras: Vec<domain::force::Camera> = serde_json::from_slice(&cameras).unwrap();
    cameras[0].camera.clone()
}

/// The mark of read `number`: `A 0 0000 A` style, of one length, none twice.
fn vrm(number: usize) -> Vrm {
    let listed = if number.is_multiple_of(MATCH_EVERY) {
        'L'
    } else {
        'N'
    };
    Vrm::parse(&format!("{listed}{number:05}X")).unwrap()
}

fn captured_at(number: usize) -> Timestamp {
    Timestamp::from_millisecond(FIRST_CAPTURE_MS + number as i64).unwrap()
}

/// The hotlist that the load hits: one entry for each matching read.
pub fn hotlist() -> String {
    let rows = (0..READS)
        .step_by(MATCH_EVERY)
        .map(|number| format!("{},3,stop,stolen\n", vrm(number)));
    std::iter::once("vrm,grade,action,reason\n".to_owned())
        .chain(rows)
        .collect()
}

/// The ids of the reads that must have a hit each.
pub fn expected() -> BTreeSet<ReadId> {
    let camera = camera();
    (0..READS)
        .step_by(MATCH_EVERY)
        .map(|n| ReadId::of_read(&camera, captured_at(n), vrm(n)))
        .collect()
}

/// A load in progress.
pub struct Load {
    poster: JoinHandle<()>,
    accepted: Arc<AtomicUsize>,
}

impl Load {
    /// Begins to post. A request that is not answered 2xx is posted again until it is: like a camera with a buffer.
    pub fn start(ingest: &str, token: &str) -> Self {
        let api = Api::new(ingest, token);
        let accepted = Arc::new(AtomicUsize::new(0));
        let counted = Arc::clone(&accepted);
        let poster = std::thread::spawn(move || {
            let camera = camera();
            for first in (0..READS).step_by(BATCH) {
                let reads: Vec<_> = (first..first + BATCH)
                    .map(|n| json!({"camera": camera, "plate": vrm(n), "captured_at": captured_at(n)}))
                    .collect();
                post_until_accepted(&api, &serde_json::to_vec(&reads).unwrap());
                counted.fetch_add(BATCH, Ordering::Relaxed);
                std::thread::sleep(PAUSE);
            }
        });
        Self { poster, accepted }
    }

    /// Waits until so many reads were accepted.
    pub fn wait_for(&self, reads: usize) {
        super::eventually(&format!("{reads} reads accepted"), || {
            assert!(
                !self.poster.is_finished() || self.accepted.load(Ordering::Relaxed) == READS,
                "the poster failed"
            );
            (self.accepted.load(Ordering::Relaxed) >= reads).then_some(())
        });
    }

    /// Waits for the end.
    pub fn finish(self) {
        self.poster.join().unwrap();
    }
}

fn post_until_accepted(api: &Api, body: &[u8]) {
    let start = Instant::now();
    loop {
        match api.try_post("/v1/reads", "application/json", body.to_vec()) {
            Some((200..300, _)) => return,
            Some((503, _)) | None => {}
            Some((status, answer)) => panic!("{status}: {answer}"),
        }
        assert!(start.elapsed() < PATIENCE, "ingest did not come back");
        std::thread::sleep(Duration::from_millis(100));
    }
}

/// Waits until every expected read has a hit in the database, and checks that each has exactly one.
pub fn check_hits(database: &str) {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let store = runtime.block_on(store::Store::open(database)).unwrap();
    let expected = expected();
    let seen = || {
        let hits = runtime.block_on(store.hits(None, None, 10_000)).unwrap();
        hits.iter().map(|hit| hit.read.read_id).collect::<Vec<_>>()
    };
    super::eventually("every accepted matching read has a hit", || {
        let seen: BTreeSet<_> = seen().into_iter().collect();
        (seen == expected).then_some(())
    });
    // A doubled hit would be late: give it the time of a few batches.
    std::thread::sleep(Duration::from_secs(1));
    let seen = seen();
    assert_eq!(seen.len(), expected.len(), "a hit is doubled");
    assert_eq!(seen.into_iter().collect::<BTreeSet<_>>(), expected);
}
