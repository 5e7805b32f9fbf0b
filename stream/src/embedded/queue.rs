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

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use bytes::Bytes;

    use super::super::storage::{Change, Memory, Space, Storage};
    use super::super::{EmbeddedLog, EmbeddedOptions};
    use super::*;
    use crate::topic::Topic;
    use crate::{Log, Record};

    /// Memory that writes no list as long as this is locked, as a disk that is behind with its tables.
    #[derive(Default)]
    struct BehindWithLists(tokio::sync::Mutex<()>, Memory);

    impl Storage for BehindWithLists {
        fn open_space(&self, space: Space) -> Result<(), LogError> {
            self.1.open_space(space)
        }

        fn apply(&self, changes: Vec<Change>) -> Result<(), LogError> {
            let is_list = |change: &Change| matches!(change.space, Space::Records(Topic::Entries, _));
            let _in_time = changes.iter().any(is_list).then(|| self.0.blocking_lock());
            self.1.apply(changes)
        }

        fn get(&self, space: Space, key: &[u8]) -> Result<Option<Bytes>, LogError> {
            self.1.get(space, key)
        }

        fn scan(
            &self,
            space: Space,
            from: &[u8],
            visit: &mut dyn FnMut(&[u8], Bytes) -> bool,
        ) -> Result<(), LogError> {
            self.1.scan(space, from, visit)
        }

        fn blocks(&self) -> bool {
            true
        }
    }

    fn record(key: &'static str) -> Record {
        Record {
            key: Some(Bytes::from_static(key.as_bytes())),
            value: Some(Bytes::from_static(b"{}")),
            ..Record::default()
        }
    }

    #[tokio::test]
    async fn reads_and_commits_do_not_wait_for_lists() {
        let storage = Arc::new(BehindWithLists::default());
        let log = EmbeddedLog::over(
            Arc::<BehindWithLists>::clone(&storage),
            &EmbeddedOptions::default(),
        );
        let log = Arc::new(log.unwrap());
        let behind = storage.0.lock().await;
        let list = tokio::spawn({
            let log = Arc::clone(&log);
            async move { log.publish(Topic::Entries, vec![record("entry")]).await }
        });
        log.publish(Topic::Reads, vec![record("AB12CDE")]).await.unwrap();
        let mut consumer = log.subscribe("matcher", &[Topic::Reads]).await.unwrap();
        assert_eq!(
            consumer.poll(10, std::time::Duration::ZERO).await.unwrap().len(),
            1
        );
        consumer.commit().await.unwrap();
        assert!(!list.is_finished());
        drop(behind);
        list.await.unwrap().unwrap();
        log.close().await.unwrap();
    }
}
