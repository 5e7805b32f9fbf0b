//! The way to a writer.

use std::sync::mpsc::{self, RecvTimeoutError};
use std::sync::{Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::Instant;

use jiff::Timestamp;

use super::retention;
use super::writer::{Job, Writer};
use crate::LogError;

/// See the module's page.
pub(super) enum Queue {
    /// A thread writes, since syncing takes time.
    Thread {
        jobs: mpsc::Sender<Job>,
        thread: Mutex<Option<JoinHandle<()>>>,
    },
    /// Memory is written by whoever publishes: under a paused clock nothing waits for another thread.
    Inline(Mutex<Option<Writer>>),
}

impl Queue {
    /// A way to a writer, which works in a thread of its own where its storage blocks.
    pub(super) fn to(writer: Writer, name: &str) -> Result<Self, LogError> {
        if !writer.storage.blocks() {
            return Ok(Self::Inline(Mutex::new(Some(writer))));
        }
        let (jobs, waiting) = mpsc::channel();
        let thread = std::thread::Builder::new()
            .name(name.to_owned())
            .spawn(move || write_until_closed(&writer, &waiting))
            .map_err(|source| LogError::Storage {
                step: "start a writer",
                source: source.into(),
            })?;
        Ok(Self::Thread {
            jobs,
            thread: Mutex::new(Some(thread)),
        })
    }

    pub(super) fn send(&self, job: Job) -> Result<(), LogError> {
        match self {
            Self::Thread { jobs, .. } => jobs.send(job).map_err(|_| LogError::Closed),
            Self::Inline(writer) => {
                let writer = writer.lock().unwrap_or_else(PoisonError::into_inner);
                let writer = writer.as_ref().ok_or(LogError::Closed)?;
                writer.run(vec![job], Timestamp::now().as_millisecond());
                Ok(())
            }
        }
    }

    /// Ends the writer once it has done all that waits.
    pub(super) fn end(&self) {
        match self {
            Self::Thread { jobs, thread } => {
                // It may have ended already.
                let _ = jobs.send(Job::Close);
                let thread = thread.lock().unwrap_or_else(PoisonError::into_inner).take();
                if thread.is_some_and(|thread| thread.join().is_err()) {
                    tracing::error!("a writer of the embedded log failed");
                }
            }
            Self::Inline(writer) => drop(writer.lock().unwrap_or_else(PoisonError::into_inner).take()),
        }
    }
}

fn write_until_closed(writer: &Writer, waiting: &mpsc::Receiver<Job>) {
    let mut swept = Instant::now();
    loop {
        let mut jobs = Vec::new();
        match waiting.recv_timeout(retention::SWEEP_EVERY.saturating_sub(swept.elapsed())) {
            Ok(job) => jobs.push(job),
            Err(RecvTimeoutError::Timeout) => {}
            Err(RecvTimeoutError::Disconnected) => return,
        }
        let mut bytes = jobs.iter().map(Job::bytes).sum::<usize>();
        while bytes < writer.lane.group_bytes()
            && let Ok(job) = waiting.try_recv()
        {
            bytes += job.bytes();
            jobs.push(job);
        }
        let now_ms = Timestamp::now().as_millisecond();
        if swept.elapsed() >= retention::SWEEP_EVERY {
            swept = Instant::now();
            jobs.push(Job::Sweep { now_ms, answer: None });
        }
        let closing = jobs.iter().any(|job| matches!(job, Job::Close));
        writer.run(jobs, now_ms);
        if closing {
            return;
        }
    }
}
