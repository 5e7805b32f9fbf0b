//! Confusion tables learnt from what operators decided, and from the reads in the log. The matcher's core does the learning; here is
//! where both come from. Nothing is put in force: the answer is a file's text, for whoever asked to look at and to load.

use std::sync::Arc;
use std::time::Duration;

use axum::Json;
use axum::body::Body as RawBody;
use axum::extract::State;
use domain::Timestamp;
use domain::read::PlateRead;
use jiff::SignedDuration;
use matcher::confusion::journeys::{MOST_READS, Reads};
use matcher::confusion::learn::{Learnt, Lessons, Source, Verdict};
use matcher::confusion::{Confusion, ConfusionError, file, judged};
use serde::Serialize;
use stream::topic::Topic;
use stream::{Start, wire};
use utoipa::ToSchema;

use crate::access::SignedIn;
use crate::app::App;
use crate::error::{ControlRoomError, causes};
use crate::extract;

/// Largest file of confusion tables, in bytes: 4 KB for each of a thousand cameras.
pub const MAX_TABLE_BYTES: usize = 4 * 1024 * 1024;
/// How old a hit may be: cameras are replaced, and a season's dirt is not the next one's.
const VERDICTS_OF: SignedDuration = SignedDuration::from_hours(90 * 24);
/// Hits read at once.
const HITS_AT_ONCE: u32 = 500;
/// Reads taken at once: some 2 ms to open.
const READS_AT_ONCE: usize = 1_000;
/// How long to wait for them.
const WAIT: Duration = Duration::from_millis(200);
/// How long the log may take: two days of a force's 2,000,000 reads take about a minute.
const READ_WITHIN: Duration = Duration::from_secs(600);

/// What was learnt, and from how much.
#[derive(Serialize, ToSchema)]
pub(crate) struct LearnAnswer {
    /// The tables, as a file of them: TOML.
    table: String,
    /// Reads that operators' verdicts told the truth about.
    operators: Pairs,
    /// Reads that other reads of the vehicle told the truth about.
    journeys: Pairs,
    /// Reads that the log held.
    reads: u64,
    /// Cameras that got a table of their own, or a new one.
    cameras: Vec<String>,
}

/// Reads with their truth.
#[derive(Clone, Copy, Default, Serialize, ToSchema)]
struct Pairs {
    /// Reads that were right.
    right: u64,
    /// Reads that were wrong.
    wrong: u64,
}

/// Lessons, and how many of them from where.
struct Learning {
    lessons: Lessons,
    operators: Pairs,
    journeys: Pairs,
}

impl Learning {
    fn count(&mut self, verdict: &Verdict) {
        self.lessons.count(verdict);
        let pairs = match verdict.source {
            Source::Operator => &mut self.operators,
            Source::Journey => &mut self.journeys,
        };
        if verdict.read == verdict.truth {
            pairs.right += 1;
        } else {
            pairs.wrong += 1;
        }
    }
}

/// `POST /api/confusion/learn`
pub(crate) async fn learn(
    State(app): State<Arc<App>>,
    signed_in: SignedIn,
    body: RawBody,
) -> Result<Json<LearnAnswer>, ControlRoomError> {
    let _place = app
        .learning
        .try_acquire()
        .map_err(|_| ControlRoomError::Busy("a table is being learnt already; try again when it is done"))?;
    let believed = believed(&extract::receive(body, MAX_TABLE_BYTES).await?)?;
    let mut learning = Learning {
        lessons: Lessons::new(believed),
        operators: Pairs::default(),
        journeys: Pairs::default(),
    };
    hear_operators(&app, &mut learning).await?;
    let (reads, count) = tokio::select! {
        read = read_log(&app) => read?,
        () = tokio::time::sleep(READ_WITHIN) => {
            return Err(ControlRoomError::Busy("the log could not be read in ten minutes; try again at a quiet hour"));
        }
        () = app.shutdown.cancelled() => {
            return Err(ControlRoomError::Busy("the control room is being stopped; try again when it is back"));
        }
    };
    // Seconds of pure computing: not on a thread that serves others.
    let learnt = tokio::task::spawn_blocking(move || finish(learning, reads, count));
    let answer = learnt.await.map_err(ControlRoomError::Task)??;
    let detail = format!(
        "{} reads, {} verdicts",
        answer.reads,
        answer.operators.right + answer.operators.wrong
    );
    let name = signed_in.name().as_str();
    app.store
        .audit(name, "learn_confusion", "", &detail, Timestamp::now())
        .await?;
    Ok(Json(answer))
}

/// The tables that the sender believes in; without any, the default one.
fn believed(body: &[u8]) -> Result<Confusion, ControlRoomError> {
    let text = std::str::from_utf8(body).map_err(|error| ControlRoomError::request("body", error))?;
    if text.trim().is_empty() {
        return Ok(Confusion::default());
    }
    file::read(text).map_err(|error| refusal(&error))
}

fn refusal(error: &ConfusionError) -> ControlRoomError {
    ControlRoomError::Unprocessable {
        code: "bad_table",
        field: "body",
        message: causes(error),
    }
}

async fn hear_operators(app: &App, learning: &mut Learning) -> Result<(), ControlRoomError> {
    let mut place = (Timestamp::now() - VERDICTS_OF, None);
    loop {
        let page = app.store.judged_hits(place, HITS_AT_ONCE).await?;
        let Some(last) = page.last() else {
            return Ok(());
        };
        place = (last.hit.read.captured_at, Some(last.hit.hit_id));
        for judged in &page {
            if let Some(verdict) = judged::verdict(&judged.hit, judged.state, judged.outcome) {
                learning.count(&verdict);
            }
        }
    }
}

/// The newest reads of the log, and how many it holds.
async fn read_log(app: &App) -> Result<(Reads, u64), ControlRoomError> {
    let mut reads = Reads::new(&app.force.cameras, MOST_READS);
    let mut count = 0;
    let mut tail = app
        .log
        .tail(Topic::Reads, Start::Beginning)
        .await
        .map_err(ControlRoomError::Log)?;
    while !tail.caught_up() {
        let records = tail
            .poll(READS_AT_ONCE, WAIT)
            .await
            .map_err(ControlRoomError::Log)?;
        count += records.len() as u64;
        for record in &records {
            // Older reads need not be opened; and what is no read is the matcher's to complain about.
            if reads.wants(record.timestamp_ms)
                && let Ok(read) = wire::decode::<PlateRead>(record)
            {
                reads.add(&read);
            }
        }
        tokio::task::yield_now().await;
    }
    Ok((reads, count))
}

fn finish(mut learning: Learning, reads: Reads, count: u64) -> Result<LearnAnswer, ControlRoomError> {
    reads.verdicts(|verdict| learning.count(verdict));
    let Learning {
        lessons,
        operators,
        journeys,
    } = learning;
    let Learnt { confusion, cameras } = lessons.learn().map_err(|error| refusal(&error))?;
    Ok(LearnAnswer {
        table: file::write(&confusion).map_err(|error| refusal(&error))?,
        operators,
        journeys,
        reads: count,
        cameras: cameras.iter().map(ToString::to_string).collect(),
    })
}
