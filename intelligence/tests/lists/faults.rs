//! What is wrong with a list is named by line, column and reason.

use super::*;

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
        check_faults(&file, &[(2, name, part)]);
        let parsed = load(&file).unwrap();
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
