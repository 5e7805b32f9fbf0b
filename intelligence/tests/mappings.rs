//! Files whose columns nobody knows, and JSON lists.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on panics")]

use domain::hotlist::Entry;
use domain::{ListName, Timestamp};
use intelligence::{IntelligenceError, Mapping, Options, Parsed, parse_with};
use jiff::tz::TimeZone;

fn load(text: &str, mapping: Option<&str>) -> Result<Parsed, IntelligenceError> {
    let now: Timestamp = "2026-11-01T12:00:00Z".parse().unwrap();
    let options = Options {
        mapping: mapping.map(|text| Mapping::parse(text).unwrap()),
        ..Options::default()
    };
    let list = ListName::parse("stolen").unwrap();
    parse_with(&list, text.as_bytes(), &options, now, &TimeZone::UTC)
}

/// Mark, reason and grade of each entry.
fn told(entries: &[Entry]) -> Vec<(String, String, u8)> {
    let one = |entry: &Entry| {
        (
            entry.target.to_string(),
            entry.reason.clone(),
            u8::from(entry.grade),
        )
    };
    entries.iter().map(one).collect()
}

fn faults(parsed: &Parsed) -> Vec<String> {
    parsed.faults.iter().map(ToString::to_string).collect()
}

const FOREIGN: &str = "Car;Crime type;Sev\nAB12 CDE;theft of a van;2\nCD34EFG;seen, twice;\n";

#[test]
fn an_unknown_file_is_refused_with_a_guess_and_loads_by_it_once_it_is_approved() {
    let refused = load(FOREIGN, None).unwrap_err();
    let guess = refused.guess().unwrap();
    let fields: Vec<_> = guess
        .columns
        .iter()
        .map(|column| column.field.as_deref())
        .collect();
    assert_eq!(fields, [Some("vrm"), Some("reason"), None]);
    let parsed = load(FOREIGN, Some(&guess.mapping)).unwrap();
    assert_eq!(faults(&parsed), <[String; 0]>::default());
    assert_eq!(
        told(&parsed.entries),
        [
            ("AB12CDE".to_owned(), "theft of a van".to_owned(), 4),
            ("CD34EFG".to_owned(), "seen, twice".to_owned(), 4),
        ]
    );
    assert!(
        parsed
            .notes
            .iter()
            .any(|note| note == "column 3 (Sev) is not in the mapping and was left out")
    );
    assert!(!refused.to_string().contains("AB12"), "{refused}");
}

#[test]
fn a_mapping_decides_alone_and_one_for_another_file_is_refused() {
    let mapping = "[columns]\nvrm = \"car\"\nreason = 2\ngrade = \"SEV\"";
    let parsed = load(FOREIGN, Some(mapping)).unwrap();
    assert_eq!(told(&parsed.entries)[0].2, 2);
    let other = load(FOREIGN, Some("[columns]\nvrm = \"Vehicle\"")).unwrap_err();
    assert!(
        other.to_string().contains("the mapping has a column Vehicle"),
        "{other}"
    );
    let bare = "header = false\n[columns]\nvrm = 1\nreason = 2";
    let parsed = load("AB12CDE,x\nCD34EFG,\n", Some(bare)).unwrap();
    assert_eq!(told(&parsed.entries), [("AB12CDE".to_owned(), "x".to_owned(), 4)]);
    assert!(
        faults(&parsed)[0].starts_with("line 2, column reason (2): empty"),
        "{:?}",
        parsed.faults
    );
    // What the file itself calls a reason is not in the mapping, and no longer one.
    let parsed = load(
        "vrm,reason,why\nAB12CDE,a,b\n",
        Some("[columns]\nvrm = \"vrm\"\nreason = \"why\""),
    )
    .unwrap();
    assert_eq!(told(&parsed.entries)[0].1, "b");
}

#[test]
fn a_json_list_is_read_like_rows_and_a_fault_names_item_and_field() {
    let check = |text: &str| {
        let parsed = load(text, None).unwrap();
        assert_eq!(
            told(&parsed.entries),
            [
                ("AB12CDE".to_owned(), "x".to_owned(), 2),
                ("CD34EFG".to_owned(), "violent, drugs".to_owned(), 4),
            ],
            "{text}"
        );
        assert_eq!(
            faults(&parsed),
            [
                "line 2, column grade: write a text, a number, or an array of them",
                "line 3: not an object: an item is {\"vrm\": ..., \"reason\": ...}",
                "line 4, column vrm: two fields of the item are this one: keep one",
            ],
            "{text}"
        );
        assert_eq!((parsed.rows, parsed.bad_rows), (5, 3));
        assert!(
            parsed
                .notes
                .contains(&"field Shade is not known and was left out".to_owned())
        );
    };
    let items = [
        r#"{"Plate Number": "ab12 cde", "grade": 2, "reason": "x", "Shade": "dark"}"#,
        r#"{"vrm": "AB12CDF", "reason": "x", "grade": true}"#,
        r#"["vrm"]"#,
        r#"{"vrm": "AB12CDF", "plate": "AB12CDG", "reason": "x"}"#,
        r#"{"vrm": "CD34EFG", "markers": ["VI", "DR"], "reason": null, "grade": 4}"#,
    ];
    check(&format!("[\n{}\n]", items.join(",\n")));
    // A file of lines begins with an object.
    check(&items.join("\n"));
}

#[test]
fn a_json_list_that_breaks_off_is_refused_whole_and_a_broken_line_costs_its_item() {
    let broken = load(r#"[{"vrm": "AB12CDE", "reason": "x"}, {"vrm": "#, None).unwrap_err();
    assert!(
        broken.to_string().starts_with("the file is no JSON from line 1"),
        "{broken}"
    );
    assert!(load("[]", None).unwrap_err().to_string().contains("no rows"));
    let lines = "{\"vrm\": \"AB12CDE\", \"reason\": \"x\"}\n{\"vrm\": \n";
    let parsed = load(lines, None).unwrap();
    assert_eq!(parsed.entries.len(), 1);
    assert_eq!(
        faults(&parsed),
        ["line 2: not a whole JSON object on a line of its own"]
    );
}

#[test]
fn json_fields_of_other_names_are_guessed_and_mapped_like_columns() {
    let text = r#"[{"car": "AB12CDE", "offence": "theft"}]"#;
    let refused = load(text, None).unwrap_err();
    let guess = refused.guess().unwrap();
    let parsed = load(text, Some(&guess.mapping)).unwrap();
    assert_eq!(
        told(&parsed.entries),
        [("AB12CDE".to_owned(), "theft".to_owned(), 4)]
    );
}

/// Real shapes: what is guessed of each, and what that mapping then makes of its rows.
#[test]
fn lists_as_they_are_met_in_the_field_load_by_their_guess_with_every_trap_named() {
    let check = |text: &str, guessed: &str, marks: &[&str], bad: &[&str]| {
        let refused = load(text, None).unwrap_err();
        let guess = refused.guess().unwrap_or_else(|| panic!("no guess of {text:?}"));
        let columns = guess.mapping.split_once("[columns]\n").unwrap().1;
        assert_eq!(columns.trim_end().replace('\n', ", "), guessed, "{text}");
        let parsed = load(text, Some(&guess.mapping)).unwrap();
        let found: Vec<_> = parsed
            .entries
            .iter()
            .map(|entry| entry.target.to_string())
            .collect();
        assert_eq!(found, marks, "{text}");
        let said = faults(&parsed);
        assert_eq!(said.len(), bad.len(), "{said:?}");
        for (fault, part) in said.iter().zip(bad) {
            assert!(fault.contains(part), "{fault} lacks {part}");
        }
    };
    // Header and footer lines.
    check(
        "HEADER 20261101\nCar;Offence\nAB12CDE;theft\nCD34EFG;theft\nTOTAL RECORD;2\n",
        "vrm = \"Car\", reason = \"Offence\"",
        &["AB12CDE", "CD34EFG"],
        &[],
    );
    // A file that was cut short says so.
    check(
        "Car|Offence\nAB12CDE|theft\nTOTAL RECORD|2\n",
        "vrm = \"Car\", reason = \"Offence\"",
        &["AB12CDE"],
        &["cut short"],
    );
    // Unquoted commas in free text, and dummy plates.
    check(
        "Vehicle mark,Offence,Police force\nAB12CDE,theft,MP\nCD34EFG,theft, then flight,MP\nNOTAG,theft,MP\n000,theft,MP\nEF56GHJ,theft,MP\nGH68JKL,theft,MP\nJK15KLM,x,MP\nKL12MNP,x,MP\nMN14PRS,x,MP\nPR56RST,x,MP\n",
        "vrm = \"Vehicle mark\", reason = \"Offence\", owner = \"Police force\"",
        &[
            "AB12CDE", "EF56GHJ", "GH68JKL", "JK15KLM", "KL12MNP", "MN14PRS", "PR56RST",
        ],
        &[
            "line 3: 4 columns instead of 3",
            "line 4, column vrm (1)",
            "line 5, column vrm (1)",
        ],
    );
    // No header at all, other separators than a comma, an old Windows export.
    check(
        "AB12 CDE\tseen at the docks\tSTOP\nCD34 EFG\ttaken at the docks\tSTOP\n",
        "vrm = 1, reason = 2, action = 3",
        &["AB12CDE", "CD34EFG"],
        &[],
    );
    // Marks of abroad tell nothing by their looks: the name does.
    check(
        "Tag,Why\nB-MW 1234,theft\nABC 1D23,theft\n",
        "vrm = \"Tag\", reason = \"Why\"",
        &["BMW1234", "ABC1D23"],
        &[],
    );
    // Fixed width has no columns to name: the whole row is one.
    assert!(
        load("AB12CDE FORD   STOLEN\nCD34EFG VOLVO  STOLEN\n", None)
            .unwrap_err()
            .guess()
            .is_none()
    );
}

#[test]
fn a_digit_typed_for_a_letter_is_kept_and_pointed_out_under_a_mapping_too() {
    let parsed = load(
        "Car;Why\nAB12CD0;theft\n",
        Some("[columns]\nvrm = \"Car\"\nreason = \"Why\""),
    )
    .unwrap();
    assert_eq!(parsed.suspicions[0].column, "vrm (1)");
}
