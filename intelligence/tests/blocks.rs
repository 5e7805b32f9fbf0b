//! Files whose rows are read again, in blocks and in order of id: what that takes, and that it says what was read at first.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on panics")]

use std::ops::ControlFlow;

use domain::hotlist::Entry;
use domain::{ListName, Timestamp};
use intelligence::{ListFile, Options, Parsed, parse};
use jiff::tz::TimeZone;
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use store::rows::Rows;

fn file(rows: u64) -> String {
    let rows: String = (0..rows)
        .map(|number| format!("A{number:06},3,stop,seen at the docks\n"))
        .collect();
    format!("vrm,grade,action,reason\n{rows}")
}

fn list() -> ListName {
    ListName::parse("stolen").unwrap()
}

fn now() -> Timestamp {
    "2026-11-01T12:00:00Z".parse().unwrap()
}

fn read(file: &str) -> (Parsed, ListFile) {
    let bytes = file.to_owned().into_bytes().into();
    ListFile::read(list(), bytes, Options::default(), now(), TimeZone::UTC).unwrap()
}

#[test]
fn rows_that_are_handed_on_take_memory_for_telling_doubles_alone() {
    const ROWS: u64 = 100_000;
    // The id and the mark, each with a line and where its row is; a table that grows is there one and a half times.
    const BYTES_A_ROW: u64 = 200;
    // A block of 500 entries is there at a time.
    const BLOCK_BYTES: u64 = 500 * 600;
    let text = file(ROWS);
    let (mut blocks, mut entries) = (0, 0);
    let taken = allocation_counter::measure(|| {
        let (parsed, file) = read(&text);
        assert_eq!((parsed.good, parsed.entries.len()), (ROWS, 0));
        file.each(&mut |block| {
            blocks += 1;
            entries += block.len() as u64;
            ControlFlow::Continue(())
        })
        .unwrap();
    });
    assert_eq!((blocks, entries), (200, ROWS));
    let most = text.len() as u64 + ROWS * BYTES_A_ROW + BLOCK_BYTES;
    assert!(taken.bytes_max < most, "{} bytes", taken.bytes_max);
}

#[test]
fn whoever_wants_no_more_blocks_is_handed_no_more() {
    let mut blocks = 0;
    let (_, file) = read(&file(12_000));
    file.each(&mut |_| {
        blocks += 1;
        ControlFlow::Break(())
    })
    .unwrap();
    assert_eq!(blocks, 1);
}

/// The slow way: all entries at once, in the file's order.
fn check(text: &str, what: &str) {
    let mut plain = parse(&list(), text.as_bytes(), now(), &TimeZone::UTC).unwrap();
    let (parsed, file) = read(text);
    let mut again: Vec<Entry> = Vec::new();
    file.each(&mut |block| {
        again.extend(block);
        ControlFlow::Continue(())
    })
    .unwrap();
    plain.entries.sort_by_key(|entry| entry.entry_id);
    assert_eq!(again, plain.entries, "{what}");
    assert_eq!(file.count(), parsed.good, "{what}");
    plain.entries.clear();
    assert_eq!(parsed, plain, "{what}");
}

#[test]
fn rows_that_are_read_again_say_what_they_said() {
    for seed in 0..20 {
        let mut rng = ChaCha8Rng::seed_from_u64(seed);
        let (mut csv, mut lines, mut items) = (
            "vrm;reason;action;reference\r\n".to_owned(),
            String::new(),
            Vec::new(),
        );
        for _ in 0..rng.random_range(1..200) {
            let mark = format!("AB{:02}CDE", rng.random_range(0..60));
            let reason =
                ["", "plain", "two; \"parts\"", "over\ntwo lines", "caf\u{e9}"][rng.random_range(0..5)];
            let action =
                ["stop", "observe", "nonsense"][usize::from(rng.random_ratio(1, 3)) * rng.random_range(0..3)];
            let reference = ["a", "b"][rng.random_range(0..2)];
            let quoted = reason.replace('"', "\"\"");
            csv.push_str(&format!("{mark};\"{quoted}\";{action};{reference}\r\n"));
            if rng.random_ratio(1, 9) {
                csv.push_str("\r\n;;;\r\n");
            }
            let item = serde_json::json!({
                "vrm": mark, "reason": reason, "action": action, "reference": reference
            });
            lines.push_str(&format!("{item}\n"));
            items.push(item);
        }
        if rng.random_ratio(1, 2) {
            items.push(serde_json::json!(7));
        }
        check(&csv, &format!("seed {seed}, CSV"));
        check(&lines, &format!("seed {seed}, lines of JSON"));
        let array = serde_json::to_string_pretty(&items).unwrap();
        check(&array, &format!("seed {seed}, an array"));
    }
}
