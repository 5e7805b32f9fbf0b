//! Good and bad files, and what people are told about them.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on panics")]

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

/// A file whose first row is good, and what its faults must say.
fn check_faults(text: impl AsRef<[u8]>, expected: &[(u64, &str, &str)]) {
    let parsed = load(text).unwrap();
    let faults: Vec<_> = parsed
        .faults
        .iter()
        .map(|fault| (fault.line, fault.column.as_str()))
        .collect();
    let wanted: Vec<_> = expected
        .iter()
        .map(|(line, column, _)| (*line, *column))
        .collect();
    assert_eq!(faults, wanted, "{:?}", parsed.faults);
    for (fault, (.., part)) in parsed.faults.iter().zip(expected) {
        assert!(fault.reason.contains(part), "{fault} lacks {part:?}");
        assert!(
            !fault.to_string().contains("ZZ99"),
            "the reason shows the plate: {fault}"
        );
    }
    assert_eq!(parsed.fault_count, expected.len() as u64);
    assert!(!parsed.entries.is_empty(), "a bad row cost its neighbours");
    assert!(parsed.may_load(true) && !parsed.may_load(false));
}

#[test]
fn a_bad_cell_is_named_by_line_column_and_reason() {
    let check = |column: usize, text: &str, name: &str, part: &str| {
        let file = format!("{}\n{}\n{}\n", row(0, ""), row(column, text), row(1, "XY34ZAB"));
        check_faults(file, &[(2, name, part)]);
        let parsed = load(format!(
            "{}\n{}\n{}\n",
            row(0, ""),
            row(column, text),
            row(1, "XY34ZAB")
        ))
        .unwrap();
        assert_eq!((parsed.entries.len(), parsed.rows, parsed.bad_rows), (2, 3, 1));
    };
    check(1, "", "vrm (1)", "empty");
    check(1, "0", "vrm (1)", "placeholder");
    check(1, "000", "vrm (1)", "placeholder");
    check(1, "NOTAG", "vrm (1)", "placeholder");
    check(1, "unknown", "vrm (1)", "placeholder");
    check(1, &"ZZ99".repeat(10), "vrm (1)", "40 characters, at most 10");
    check(1, "ZZ99_ZZ", "vrm (1)", "character 5");
    check(1, "*", "vrm (1)", "0 letters and digits, at least 3");
    check(1, "??", "vrm (1)", "0 letters and digits, at least 3");
    check(1, "ZZ*", "vrm (1)", "2 letters and digits, at least 3");
    check(1, "ZZ99???????", "vrm (1)", "a mark has at most 10");
    check(1, &"Z*".repeat(9), "vrm (1)", "18 characters, at most 12");
    check(1, "ZZ99%*", "vrm (1)", "character 5 of the pattern");
    check(2, &"x".repeat(65), "make (2)", "65 characters, at most 64");
    check(5, "", "action (5)", "empty: write STOP");
    check(5, "ZZ99ZZZ", "action (5)", "not an action");
    check(6, "FI QQ", "markers (6)", "marker QQ is not known");
    check(6, "ZZ99ZZZ", "markers (6)", "marker number 1 is not known");
    check(11, "31/02/2026", "expires_at (11)", "not a date");
    check(11, "31/12/26", "expires_at (11)", "four digits");
    check(9, "a\u{7}b", "information (9)", "control character");
}

#[test]
fn a_bad_row_is_named_as_a_whole() {
    let good = row(0, "");
    let comma = row(7, "ROBBERY, ARMED");
    check_faults(
        format!("{good}\n{comma}\n"),
        &[(2, "", "17 columns instead of 16: put a text")],
    );
    check_faults(
        format!("{good}\nZZ99ZZZ,FORD\n"),
        &[(2, "", "2 columns instead of 16: the row is cut short")],
    );
    check_faults(
        format!("{good}\n{}\n{}\n", row(7, "\"ROBBERY"), row(1, "A1")),
        &[(2, "", "a quote is opened")],
    );
    let markerless = row(6, "").replace("ROBBERY", "");
    check_faults(
        format!("{}\n{markerless}", row(1, "A1")),
        &[(2, "reason (7)", "say why")],
    );
    let other = row(2, "VAUXHALL");
    check_faults(
        format!("{good}\n\n{other}\n"),
        &[(3, "", "same plate and reference as line 1")],
    );
    check_faults(
        format!("{good}\nTOTAL RECORD,2\n"),
        &[(2, "", "says 2 records and has 1 rows")],
    );
    let accented = format!("{good}\n{}", row(7, "CAF!"));
    let windows: Vec<u8> = accented
        .bytes()
        .map(|byte| if byte == b'!' { 0xc9 } else { byte })
        .collect();
    check_faults(
        windows,
        &[(2, "reason (7)", "byte 4 is not UTF-8: save the file as UTF-8")],
    );
    check_faults(
        "vrm,grade,expires_at,reason\nA1,1,,x\nZZ99ZZZ,5,soon,x\n",
        &[
            (3, "grade (2)", "a grade is 1, 2, 3 or 4"),
            (3, "expires_at (3)", "not a date"),
        ],
    );
    check_faults(
        "vrm,sites,direction,hours,reason\nA1,,,,x\nA2,A580 ZZ99(7),up,8-16,x\nA3,,,08:00-08:00,x\n",
        &[
            (3, "sites (2)", "number 2 is no site id"),
            (3, "direction (3)", "a direction is N, E, S or W"),
            (3, "hours (4)", "hours are written as 22:00-06:00"),
            (4, "hours (4)", "leave them out for the whole day"),
        ],
    );
    let many: Vec<String> = (0..65).map(|number| format!("S{number}")).collect();
    check_faults(
        format!("vrm,sites,reason\nA1,,x\nA2,{},x\n", many.join(" ")),
        &[(3, "sites (2)", "65 sites, at most 64 are possible")],
    );
}

#[test]
fn what_is_harmless_is_passed_over_and_told() {
    let check = |text: &str, entries: usize, part: &str| {
        let parsed = load(text).unwrap();
        assert!(parsed.faults.is_empty(), "{:?}", parsed.faults);
        assert_eq!(parsed.entries.len(), entries);
        assert!(
            parsed.notes.iter().any(|note| note.contains(part)),
            "{:?} lacks {part}",
            parsed.notes
        );
    };
    let good = row(0, "");
    check(&format!("{good}\n{good}\n"), 1, "1 rows stood there twice");
    check(
        &format!("HEADER,20261101\n{good}\nTOTAL RECORD,1\n"),
        1,
        "2 header, trailer or count lines",
    );
    check(
        &format!("{good}\n,,,,,,,,,,,,,,,\n"),
        1,
        "1 rows of empty columns",
    );
    check(&format!("{good}\n"), 1, "1 entries have no grade of their own");
    check(&row(11, ""), 1, "1 entries have no weed date");
    check(&row(11, "31/12/9999"), 1, "1 entries have no weed date");
    check(&row(11, "01/01/2026"), 1, "1 entries are past their weed date");
    check(
        "vrm,shoe size,reason\nAB12CDE,9,x\n",
        1,
        "column 2 (shoe size) is not known and was left out",
    );
}

#[test]
fn a_file_that_is_no_list_says_what_to_do() {
    let check = |bytes: &[u8], part: &str| {
        let error = load(bytes).unwrap_err().to_string();
        assert!(error.contains(part), "{error}");
    };
    check(b"", "the file is empty");
    check(b"vrm,reason\n", "holds no rows");
    check(
        b"just some text\nof several lines\n",
        "neither a row of the 16-column file nor a header row",
    );
    check(b"make,model\nFORD,FOCUS\n", "a header row with a column vrm");
    check(b"vrm,plate,reason\nA1,A1,x\n", "columns 1 and 2 are both vrm");
    let utf16: Vec<u8> = "vrm,reason\nA1,x\n"
        .encode_utf16()
        .flat_map(u16::to_le_bytes)
        .collect();
    check(&utf16, "UTF-16: save it as UTF-8");
    check(
        &[&b"\xff\xfe"[..], &utf16[..]].concat(),
        "UTF-16: save it as UTF-8",
    );
}

#[test]
fn faults_beyond_what_people_read_are_counted() {
    let mut file = "vrm,reason\nA1,x\n".to_owned();
    for _ in 0..MAX_FAULTS_KEPT + 5 {
        file.push_str("?,x\n");
    }
    let parsed = load(file).unwrap();
    assert_eq!(parsed.faults.len(), MAX_FAULTS_KEPT);
    assert_eq!(parsed.fault_count, MAX_FAULTS_KEPT as u64 + 5);
    assert_eq!(parsed.bad_rows, parsed.fault_count);
    assert!(parsed.notes.iter().any(|note| note.contains("5 more faults")));
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
