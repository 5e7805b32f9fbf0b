//! A matcher at work while the files change that it judges by.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on panics")]

mod common;

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use common::{Flaky, PATIENCE, entry, read};
use domain::hit::{Hit, MatchKind};
use domain::hotlist::{Entry, Grade};
use matcher::Options;
use matcher::sources::Sources;
use tempfile::TempDir;

/// Listed marks and reads that may be misread from them, by number: each is tried once, since a mark that is read again and again is
/// known as another vehicle.
const NUMBERS: std::ops::Range<usize> = 10..100;

fn listed(number: usize) -> String {
    format!("AB{number}CDE")
}

fn look_alike(number: usize) -> String {
    format!("A8{number}CDE")
}

/// The files of a matcher.
struct Files {
    folder: TempDir,
}

impl Files {
    fn new() -> Self {
        Self {
            folder: tempfile::tempdir().unwrap(),
        }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn options(&self) -> Options {
        Options {
            sources: Sources {
                confusion: Some(self.path("confusion.toml")),
                register: Some(self.path("register.csv")),
                ..Sources::default()
            },
            ..Options::default()
        }
    }

    /// Replaces a file whole, as the commands do.
    fn put(&self, name: &str, text: &str) {
        let beside = self.path("new");
        std::fs::write(&beside, text).unwrap();
        std::fs::rename(beside, self.path(name)).unwrap();
    }

    /// A register in which every listed mark stands, and as many look-alikes.
    fn put_register(&self, look_alikes: bool) {
        let mut text = String::from("vrm\n");
        for number in NUMBERS {
            text.push_str(&format!("{}\n", listed(number)));
            if look_alikes {
                text.push_str(&format!("{}\n", look_alike(number)));
            }
        }
        self.put("register.csv", &text);
    }
}

/// A log with all listed marks, and with the hits that it has so far.
async fn lists() -> Arc<Flaky> {
    let log = Flaky::new().await;
    let entries: Vec<_> = NUMBERS
        .map(|number| Entry {
            grade: Grade::One,
            ..entry(&listed(number), "", None)
        })
        .collect();
    log.put(&entries).await;
    log.mark(1).await;
    log
}

async fn misreads(log: &Flaky) -> Vec<Hit> {
    let mut hits = log.hits(0).await;
    hits.retain(|hit| hit.kind == MatchKind::Misread);
    hits
}

/// Reads a listed mark and a look-alike; waits until the first is a hit.
async fn pass(log: &Flaky, number: usize) {
    let exact = log
        .hits(0)
        .await
        .iter()
        .filter(|hit| hit.kind == MatchKind::Exact)
        .count();
    let ms = number as i64;
    log.reads(&[read(&look_alike(number), ms), read(&listed(number), ms)])
        .await;
    while log
        .hits(0)
        .await
        .iter()
        .filter(|hit| hit.kind == MatchKind::Exact)
        .count()
        == exact
    {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_new_register_counts_while_reads_flow_and_a_bad_table_beside_it_changes_nothing() {
    let files = Files::new();
    files.put_register(true);
    let log = lists().await;
    let matcher = log.start_with(files.options());
    matcher.until_ready(true).await;
    let mut numbers = NUMBERS;
    for number in numbers.by_ref().take(20) {
        pass(&log, number).await;
    }
    assert!(
        misreads(&log).await.is_empty(),
        "a registered vehicle is read, not misread"
    );

    // The table is looked at first: it must keep nobody from the register.
    files.put("confusion.toml", "version = 1\n");
    files.put_register(false);
    let taken = async {
        for number in numbers.by_ref() {
            pass(&log, number).await;
            if !misreads(&log).await.is_empty() {
                return number;
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        panic!("the register was not taken");
    };
    let first = tokio::time::timeout(PATIENCE, taken)
        .await
        .expect("within seconds");
    let hit = misreads(&log).await.remove(0);
    assert!(hit.read.vrm.as_str() <= look_alike(first).as_str());
    assert!(
        !matcher.task.is_finished(),
        "a bad file ends no matcher that is at work"
    );
    matcher.stop().await;
}

/// A matcher that starts with this file must say so, naming all of this.
async fn refused(name: &str, text: &str, words: &[&str]) {
    let files = Files::new();
    files.put(name, text);
    let log = Flaky::new().await;
    let ended = tokio::time::timeout(PATIENCE, log.start_with(files.options()).task).await;
    let error = anyhow::Error::new(ended.expect("it ends").unwrap().unwrap_err());
    let said = format!("{error:#}");
    assert!(said.contains(file_name(&files.path(name))), "{said}");
    for word in words {
        assert!(said.contains(word), "{said}");
    }
    assert!(!said.contains("AB12"), "{said}");
}

fn file_name(path: &Path) -> &str {
    path.to_str().unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_matcher_does_not_start_with_a_file_that_cannot_be_used() {
    refused(
        "register.csv",
        "vrm\nAB12CDE\nAB12?DE\n",
        &["line 3", "column vrm"],
    )
    .await;
    refused("register.csv", "vrm\n", &["no vehicle"]).await;
    refused("confusion.toml", "version = 2\n", &["version 2"]).await;
    refused("confusion.toml", "version = 1\n", &["all"]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn without_files_the_default_table_counts_and_no_register() {
    let log = lists().await;
    let matcher = log.start_with(Files::new().options());
    matcher.until_ready(true).await;
    pass(&log, 12).await;
    matcher.stop().await;
}
