//! Looks at the system every half second while it runs.

use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use tokio::time::MissedTickBehavior;
use tokio_util::sync::CancellationToken;

use super::ledger::Ledger;
use super::offer::Cameras;
use super::report::Moment;
use super::system::System;

const EVERY: Duration = Duration::from_millis(500);
/// A matcher that is being started again does not answer, and is asked again at the next look.
const ANSWER_WITHIN: Duration = Duration::from_millis(300);

/// Whom to look at.
pub struct Gauge {
    pub system: Arc<Mutex<System>>,
    pub cameras: Arc<Cameras>,
    pub ledger: Arc<Mutex<Ledger>>,
}

impl Gauge {
    /// Looks until `done` and returns what it saw; `show` hears of each moment.
    pub async fn run(self, done: CancellationToken, mut show: impl FnMut(&Moment, u64)) -> Vec<Moment> {
        let http = reqwest::Client::builder()
            .timeout(ANSWER_WITHIN)
            .build()
            .unwrap_or_default();
        let begun = Instant::now();
        let mut ticks = tokio::time::interval(EVERY);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        ticks.tick().await;
        let mut before = self.totals();
        let mut moments = Vec::new();
        loop {
            tokio::select! {
                () = done.cancelled() => return moments,
                _ = ticks.tick() => {}
            }
            let now = self.totals();
            let span_s = now.at.duration_since(before.at).as_secs_f64();
            let matchers = lock(&self.system).matchers();
            let moment = Moment {
                t_s: begun.elapsed().as_secs_f64(),
                reads_per_s: (now.reads - before.reads) as f64 / span_s,
                pushes_per_s: (now.pushes - before.pushes) as f64 / span_s,
                lag: lag(&http, &matchers).await,
                rss_mb: now.rss_mb,
                // Less after a kill than before it: what was killed had not been counted to the end.
                cores: ((now.cpu_s - before.cpu_s) / span_s).max(0.0),
            };
            show(&moment, now.reads);
            moments.push(moment);
            before = now;
        }
    }

    fn totals(&self) -> Totals {
        let usage = lock(&self.system).usage();
        Totals {
            at: Instant::now(),
            reads: self.cameras.accepted.load(Ordering::Relaxed),
            pushes: lock(&self.ledger).pushes() as u64,
            rss_mb: usage.rss_mb,
            cpu_s: usage.cpu_s,
        }
    }
}

struct Totals {
    at: Instant,
    reads: u64,
    pushes: u64,
    rss_mb: f64,
    cpu_s: f64,
}

/// The lag of all matchers together.
async fn lag(http: &reqwest::Client, matchers: &[String]) -> f64 {
    let mut sum = 0.0;
    for address in matchers {
        if let Ok(answer) = http.get(address).send().await
            && let Ok(text) = answer.text().await
        {
            sum += metric(&text, "steelring_matcher_lag").unwrap_or_default();
        }
    }
    sum
}

/// The value of a metric without labels.
pub fn metric(text: &str, name: &str) -> Option<f64> {
    let mut lines = text.lines().filter_map(|line| line.split_once(' '));
    lines.find(|(found, _)| *found == name)?.1.trim().parse().ok()
}

/// A lock whose holder cannot leave anything half done.
pub fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
