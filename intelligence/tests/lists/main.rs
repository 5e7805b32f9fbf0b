//! Good and bad files, and what people are told about them.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on panics")]

mod faults;

use std::fmt::Write as _;
use std::time::Instant;

use domain::hotlist::{Action, Entry, Grade, Marker};
use domain::reason::ReasonCode;
use domain::scope::{Direction, Scope};
use domain::{BcuCode, ListName, SiteId, Timestamp, Vrm};
use intelligence::{IntelligenceError, MAX_FAULTS_KEPT, Options, Parsed, parse, parse_with};
use jiff::tz::TimeZone;
use rand::seq::IndexedRandom;
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

const NOW: &str = "2026-11-01T12:00:00Z";

fn now() -> Timestamp {
    NOW.parse().unwrap()
}

fn zone() -> TimeZone {
    TimeZone::get("Europe/London").unwrap()
}

fn load(bytes: impl AsRef<[u8]>) -> Result<Parsed, IntelligenceError> {
    parse(
        &ListName::parse("stolen").unwrap(),
        bytes.as_ref(),
        now(),
        &zone(),
    )
}

/// A row of the 16-column file with one cell replaced.
fn row(column: usize, text: &str) -> String {
    let mut cells = [
        "AB12 CDE",
        "FORD",
        "FOCUS",
        "BLUE",
        "STOP",
        "FI",
        "ROBBERY",
        "B11",
        "APPROACH WITH CARE",
        "MERSEYSIDE A",
        "31/12/2026",
        "07/123456X",
        "RESTRICTED",
        "CAD 42",
        "",
        "",
    ];
    if column > 0 {
        cells[column - 1] = text;
    }
    cells.join(",")
}

#[test]
fn a_row_of_sixteen_columns_becomes_an_entry_that_keeps_every_word() {
    let parsed = load(row(0, "")).unwrap();
    assert!(parsed.faults.is_empty(), "{:?}", parsed.faults);
    let [entry] = &parsed.entries[..] else {
        panic!("one row, one entry")
    };
    let list = ListName::parse("stolen").unwrap();
    let vrm = Vrm::parse("AB12CDE").unwrap();
    let expected = Entry {
        entry_id: domain::EntryId::of_entry(&list, vrm, "07/123456X"),
        list,
        target: vrm.into(),
        grade: Grade::One,
        action: Action::Stop,
        markers: vec![Marker::Firearms],
        reason_code: ReasonCode::Firearms,
        reason: "ROBBERY".into(),
        information: "APPROACH WITH CARE; CAD: CAD 42; NIM 5x5x5: B11".into(),
        make: "FORD".into(),
        model: "FOCUS".into(),
        colour: "BLUE".into(),
        owner: "MERSEYSIDE A".into(),
        reference: "07/123456X".into(),
        handling: "RESTRICTED".into(),
        nominals: Vec::new(),
        listed_at: now(),
        expires_at: Some("2027-01-01T00:00:00Z".parse().unwrap()),
        scope: Scope::default(),
    };
    assert_eq!(*entry, expected);
    assert_eq!((parsed.rows, parsed.bad_rows, parsed.expired), (1, 0, 0));
}

#[test]
fn a_header_names_the_columns_in_any_order_and_what_is_not_said_is_concluded_with_care() {
    let check = |text: &str, grade, action| {
        let parsed = load(text).unwrap();
        assert!(parsed.faults.is_empty(), "{text:?}: {:?}", parsed.faults);
        assert_eq!(
            (parsed.entries[0].grade, parsed.entries[0].action),
            (grade, action),
            "{text:?}"
        );
        assert_eq!(parsed.entries[0].target.as_str(), "AB12CDE");
    };
    check(
        "vrm,grade,action,reason\nAB12CDE,1,STOP,x\n",
        Grade::One,
        Action::Stop,
    );
    check(
        "\u{feff}Reason;VRM;Action\r\nx;ab12 cde;silent\r\n",
        Grade::Four,
        Action::Silent,
    );
    check(
        "vrm;reason;markers;action\nAB12CDE;x;LS / NT;STOP",
        Grade::Two,
        Action::Stop,
    );
    check("vrm\tgrade\treason\nAB12CDE\t2\tx", Grade::Two, Action::Observe);
    check("vrm,reason\nAB12CDE,x", Grade::Four, Action::Intelligence);
    check(
        "VRM,Action,Warning Markers\nAB12CDE,STOP,FI",
        Grade::One,
        Action::Stop,
    );
    check(
        "Plate Number,Description,State/Province\nAB12CDE,\"seen, twice\",Kent\n",
        Grade::Four,
        Action::Intelligence,
    );
    check(
        "TOTAL RECORD,1\nvrm,grade,reason\nAB12CDE,3,x\n",
        Grade::Three,
        Action::Observe,
    );
    check(
        "vrm,grade,reason\nAB12CDE,3,x\nTOTAL RECORD 1\n",
        Grade::Three,
        Action::Observe,
    );
}

#[test]
fn a_grade_set_for_the_load_counts_where_the_row_has_none() {
    let options = Options {
        default_grade: Some(Grade::Two),
        ..Options::default()
    };
    let text = "vrm,grade,reason\nAB12CDE,,x\nAB12CDF,3,x\n";
    let list = ListName::parse("stolen").unwrap();
    let parsed = parse_with(&list, text.as_bytes(), &options, now(), &zone()).unwrap();
    let grades: Vec<_> = parsed.entries.iter().map(|entry| entry.grade).collect();
    assert_eq!(grades, [Grade::Two, Grade::Three]);
}

#[test]
fn an_entry_may_be_limited_to_sites_bcus_a_direction_and_hours() {
    let check =
        |cells: &str, sites: &[&str], bcus: &[&str], direction: Option<Direction>, hours: Option<&str>| {
            let parsed = load(format!(
                "vrm,reason,sites,bcu,direction,active hours\nAB12CDE,x,{cells}\n"
            ))
            .unwrap();
            assert!(parsed.faults.is_empty(), "{:?}", parsed.faults);
            let expected = Scope {
                sites: sites.iter().map(|id| SiteId::parse(id).unwrap()).collect(),
                bcus: bcus.iter().map(|code| BcuCode::parse(code).unwrap()).collect(),
                direction,
                hours: hours.map(|hours| hours.parse().unwrap()),
            };
            assert_eq!(parsed.entries[0].scope, expected, "{cells}");
        };
    check(",,,", &[], &[], None, None);
    check("M57-J2 A580;M57-J2,,,", &["A580", "M57-J2"], &[], None, None);
    check(",D C,,", &[], &["C", "D"], None, None);
    check(",,Northbound,", &[], &[], Some(Direction::North), None);
    check(
        ",,w,22:00-6:00",
        &[],
        &[],
        Some(Direction::West),
        Some("22:00-06:00"),
    );
}

#[test]
fn a_reason_code_is_the_rows_own_or_follows_from_its_markers() {
    let check = |code: &str, markers: &str, expected| {
        let text = format!("vrm,reason,reason code,markers\nAB12CDE,x,{code},{markers}\n");
        let parsed = load(text).unwrap();
        let found: Result<_, _> = match &parsed.faults[..] {
            [] => Ok(parsed.entries[0].reason_code),
            [fault, ..] => Err(fault.column.as_str()),
        };
        assert_eq!(found, expected, "{code} {markers}");
    };
    check("no insurance", "FI", Ok(ReasonCode::NoInsurance));
    check("", "FI LS", Ok(ReasonCode::Firearms));
    check("", "", Ok(ReasonCode::Other));
    check("AB12CDE", "", Err("reason_code (3)"));
}

#[test]
fn a_site_or_bcu_that_the_force_does_not_have_is_a_fault_where_they_are_known() {
    let site = |id: &str| SiteId::parse(id).unwrap();
    let options = Options {
        sites: Some([site("A580"), site("M57-J2")].into()),
        bcus: Some([BcuCode::parse("C").unwrap()].into()),
        ..Options::default()
    };
    let list = ListName::parse("stolen").unwrap();
    let text = "vrm,reason,sites,bcu\nAB12CDE,x,M57-J2,C\nAB12CDF,x,A580 M57-J22,\nAB12CDG,x,,C D\n";
    let parsed = parse_with(&list, text.as_bytes(), &options, now(), &zone()).unwrap();
    let faults: Vec<_> = parsed.faults.iter().map(ToString::to_string).collect();
    assert_eq!(parsed.entries.len(), 1);
    assert!(
        faults[0].starts_with("line 3, column sites (3): number 2 is no site of this force"),
        "{faults:?}"
    );
    assert!(
        faults[1].starts_with("line 4, column bcus (4): number 2 is no BCU of this force"),
        "{faults:?}"
    );
}

#[test]
fn a_plate_with_wildcards_is_a_pattern() {
    let text = "vrm,reason\nab1? cde,x\nAB1*,x\nAB12CDE,x\n";
    let parsed = load(text).unwrap();
    assert!(parsed.faults.is_empty(), "{:?}", parsed.faults);
    let targets: Vec<_> = parsed
        .entries
        .iter()
        .map(|entry| (entry.target.as_str(), entry.target.is_pattern()))
        .collect();
    assert_eq!(targets, [("AB1?CDE", true), ("AB1*", true), ("AB12CDE", false)]);
    assert_eq!(
        load(row(1, "AB1*")).unwrap().entries.len(),
        1,
        "in 16 columns too"
    );
}

#[test]
fn a_list_with_a_million_wildcards_is_refused_at_the_first_too_many() {
    let mut file = "vrm,reason\n".to_owned();
    for number in 0..1_000_000 {
        writeln!(file, "A{number:06}?,x").unwrap();
    }
    let error = load(&file).unwrap_err().to_string();
    assert!(
        error.starts_with("line 10002 is the first past 10000 plates with a ? or *"),
        "{error}"
    );
    let most: String = file
        .lines()
        .take(10_001)
        .map(|line| format!("{line}\n"))
        .collect();
    assert_eq!(load(most).unwrap().entries.len(), 10_000);
}

/// Texts that CSV must quote among those that it need not.
fn text(rng: &mut ChaCha8Rng) -> String {
    let words = [
        "ROBBERY",
        "a, b",
        "say \"stop\"",
        "half; full",
        "CAF\u{c9} NERO",
        "12\" wheels",
        "x|y",
        "'",
    ];
    (0..rng.random_range(1..4))
        .map(|_| *words.choose(rng).unwrap())
        .collect::<Vec<_>>()
        .join(" ")
}

/// The header that stands for the sixteen columns of the UK file.
const COLUMNS: [&str; 16] = [
    "vrm",
    "make",
    "model",
    "colour",
    "action",
    "markers",
    "reason",
    "nim",
    "information",
    "owner",
    "expires_at",
    "reference",
    "gpms",
    "cad",
    "spare",
    "spare",
];

#[test]
fn what_a_csv_writer_writes_is_read_back_whatever_the_words() {
    for seed in 0..100 {
        let mut rng = ChaCha8Rng::seed_from_u64(seed);
        let separator = *[b',', b';', b'\t'].choose(&mut rng).unwrap();
        let header = rng.random_bool(0.5);
        let mut writer = csv::WriterBuilder::new()
            .delimiter(separator)
            .from_writer(Vec::new());
        if header {
            writer.write_record(COLUMNS).unwrap();
        }
        let mut expected = Vec::new();
        for number in 0..rng.random_range(1..40) {
            let plate = format!("AB{number:02}CDE");
            let (reason, information, owner) = (text(&mut rng), text(&mut rng), text(&mut rng));
            let marker = Marker::ALL.choose(&mut rng).unwrap();
            let cells = [
                plate.as_str(),
                "FORD",
                "FOCUS",
                "BLUE",
                "STOP",
                marker.1,
                reason.as_str(),
                "",
                information.as_str(),
                owner.as_str(),
                "20270101",
                "REF",
                "",
                "",
                "",
                "",
            ];
            writer.write_record(cells).unwrap();
            expected.push((plate, vec![marker.0], reason, information, owner));
        }
        let parsed = load(writer.into_inner().unwrap()).unwrap();
        assert!(parsed.faults.is_empty(), "seed {seed}: {:?}", parsed.faults);
        let found: Vec<_> = parsed
            .entries
            .into_iter()
            .map(|entry| {
                (
                    entry.target.to_string(),
                    entry.markers,
                    entry.reason,
                    entry.information,
                    entry.owner,
                )
            })
            .collect();
        assert_eq!(found, expected, "seed {seed}");
    }
}

#[test]
fn damaged_bytes_never_panic_and_cost_no_more_than_the_rows_they_touch() {
    let rows: Vec<String> = (0..50)
        .map(|number| row(1, &format!("AB{number:02}CDE")))
        .collect();
    let whole = rows.join("\n").into_bytes();
    for seed in 0..500 {
        let mut rng = ChaCha8Rng::seed_from_u64(seed);
        let mut bytes = whole.clone();
        let damages = rng.random_range(1..4);
        for number in 0..damages {
            // One quote at most: two of them make one text of all that lies between.
            let harm: &[u8] = if number == 0 { b"\",\xff?x " } else { b",\xff?x " };
            let place = rng.random_range(0..bytes.len());
            bytes[place] = *harm.choose(&mut rng).unwrap();
        }
        let parsed = load(&bytes).unwrap_or_else(|error| panic!("seed {seed}: {error}"));
        // A damaged line end joins two rows; everything else stays in its row.
        assert!(
            parsed.entries.len() >= 50 - 2 * damages,
            "seed {seed}: {:?}",
            parsed.faults
        );
    }
}

#[test]
fn a_hundred_thousand_rows_are_read_in_seconds() {
    let mut file = String::new();
    for number in 0..100_000 {
        writeln!(file, "{}", row(1, &format!("A{number:06}"))).unwrap();
    }
    let started = Instant::now();
    let parsed = load(&file).unwrap();
    let seconds = started.elapsed().as_secs_f64();
    println!("100,000 rows in {seconds:.2} s");
    assert_eq!(parsed.entries.len(), 100_000);
    assert!(
        seconds < 5.0,
        "{seconds} s: a load of 100,000 rows has 10 s for everything"
    );
}
