//! Files whose entries are handed on in blocks: what that takes, and that it ends when told to.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on panics")]

use std::ops::ControlFlow;

use domain::hotlist::Entry;
use domain::{ListName, Timestamp};
use intelligence::{Options, Parsed, parse_in_blocks};
use jiff::tz::TimeZone;

fn file(rows: u64) -> String {
    let rows: String = (0..rows)
        .map(|number| format!("A{number:06},3,stop,seen at the docks\n"))
        .collect();
    format!("vrm,grade,action,reason\n{rows}")
}

fn read(file: &str, take: &mut dyn FnMut(Vec<Entry>) -> ControlFlow<()>) -> Parsed {
    let (list, options) = (ListName::parse("stolen").unwrap(), Options::default());
    let now: Timestamp = "2026-11-01T12:00:00Z".parse().unwrap();
    parse_in_blocks(&list, file.as_bytes(), &options, now, &TimeZone::UTC, take).unwrap()
}

#[test]
fn rows_that_are_handed_on_take_memory_for_telling_doubles_alone() {
    const ROWS: u64 = 100_000;
    // The id and the mark, each with a line and what it is compared by; a table that grows is there one and a half times.
    const BYTES_A_ROW: u64 = 150;
    // Two blocks of 5,000 entries are there at a time.
    const BLOCKS_BYTES: u64 = 10_000 * 600;
    let file = file(ROWS);
    let (mut blocks, mut entries) = (0, 0);
    let taken = allocation_counter::measure(|| {
        let parsed = read(&file, &mut |block| {
            blocks += 1;
            entries += block.len() as u64;
            ControlFlow::Continue(())
        });
        assert_eq!((parsed.good, parsed.entries.len()), (ROWS, 0));
    });
    assert_eq!((blocks, entries), (20, ROWS));
    let most = ROWS * BYTES_A_ROW + BLOCKS_BYTES;
    assert!(taken.bytes_max < most, "{} bytes", taken.bytes_max);
}

#[test]
fn whoever_wants_no_more_blocks_is_handed_no_more() {
    let mut blocks = 0;
    let parsed = read(&file(12_000), &mut |_| {
        blocks += 1;
        ControlFlow::Break(())
    });
    assert_eq!((blocks, parsed.good), (1, 5_000));
}
