//! The files of a machine's matcher, from the command line: register and confusion table.

#![allow(clippy::unwrap_used, reason = "a panic is how a test fails")]

mod support;

use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use serde_json::Value;
use support::{Up, eventually, run, run_ok};
use tempfile::TempDir;

const REGISTER: &str = "vrm,make,colour\nAB12 CDE,FORD,BLUE\nAB13 CDE,,\nWA12345X,SCANIA,RED\n";

/// A folder with a data directory to be, and a file to load.
struct Machine {
    folder: TempDir,
}

impl Machine {
    fn new() -> Self {
        Self {
            folder: tempfile::tempdir().unwrap(),
        }
    }

    fn path(&self, name: &str) -> String {
        self.folder.path().join(name).to_str().unwrap().to_owned()
    }

    /// Writes a file to load.
    fn file(&self, bytes: impl AsRef<[u8]>) -> String {
        let path = self.path("file");
        std::fs::write(&path, bytes).unwrap();
        path
    }

    fn ok(&self, args: &[&str]) -> String {
        run_ok(&[args, &["--data", &self.path("data")]].concat(), &[])
    }

    /// A command that must end with `code` and say every one of `words`.
    fn refused(&self, args: &[&str], code: i32, words: &[&str]) {
        let output = run(&[args, &["--data", &self.path("data")]].concat(), &[]);
        let said = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(code), "{args:?}: {said}");
        for word in words {
            assert!(said.contains(word), "{args:?} should say {word:?}: {said}");
        }
        assert!(!said.contains("panicked") && !said.contains("AB12"), "{said}");
    }

    fn register(&self) -> Value {
        serde_json::from_str(&self.ok(&["register", "status", "--json"])).unwrap()
    }
}

#[test]
fn a_register_is_loaded_shown_and_removed() {
    let machine = Machine::new();
    assert!(machine.ok(&["register", "status"]).contains("no register"));
    assert!(machine.register()["loaded_at"].is_null());
    let file = machine.file(REGISTER);
    assert!(machine.ok(&["register", "load", &file]).contains("3 marks"));
    let status = machine.register();
    assert_eq!(
        (&status["marks"], &status["file_bytes"]),
        (&3.into(), &REGISTER.len().into())
    );
    assert!(status["memory_bytes"].as_u64().unwrap() > 0 && status["loaded_at"].is_string());
    let place = status["file"].as_str().unwrap();
    assert_eq!(std::fs::read_to_string(place).unwrap(), REGISTER);
    let mode = std::fs::metadata(place).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600, "for its owner's eyes alone");
    machine.ok(&["register", "remove"]);
    machine.ok(&["register", "remove"]);
    assert!(!Path::new(place).exists());
}

#[test]
fn a_bad_register_is_refused_by_line_and_column_and_changes_nothing() {
    let machine = Machine::new();
    let load = |path: &str, code, words: &[&str]| machine.refused(&["register", "load", path], code, words);
    load("/nowhere.csv", 1, &["/nowhere.csv", "No such file"]);
    load(&machine.path("."), 1, &["directory"]);
    machine.ok(&["register", "load", &machine.file(REGISTER)]);

    let mut deep = String::from("vrm,make\n");
    (0..50_000).for_each(|number| deep.push_str(&format!("AB{number:05},FORD\n")));
    let bad_mark = format!("{deep}AB12?DE,FORD\nAB12CDE,FORD\n");
    let bad_row = format!("{deep}AB12CDE\n");
    let bad_bytes = [deep.as_bytes(), b"AB12CDE,\xff\n"].concat();
    let rows: [(&[u8], &[&str]); 6] = [
        (b"mark,make\nAB12CDE,FORD\n", &["line 1", "vrm"]),
        (b"", &["line 1", "vrm"]),
        (b"vrm,make\n", &["no vehicle", "register remove"]),
        (bad_mark.as_bytes(), &["line 50002", "column vrm", "mend the row"]),
        (bad_row.as_bytes(), &["line 50002", "1 columns", "has 2"]),
        (&bad_bytes, &["line 50002", "UTF-8"]),
    ];
    for (file, words) in rows {
        load(&machine.file(file), 3, words);
        assert_eq!(machine.register()["marks"], 3, "nothing was changed");
    }
    let left = std::fs::read_dir(machine.path("data")).unwrap().count();
    assert_eq!(left, 1, "nothing is left beside the register");
}

#[test]
fn a_confusion_table_is_shown_changed_and_loaded() {
    let machine = Machine::new();
    let default = machine.ok(&["confusion", "show"]);
    let changed = default.replace("lost = 0.0015", "lost = 0.002");
    assert_ne!(changed, default);
    let own = changed.replace("[all", "[cameras.nowhere-1");
    let file = machine.file(format!("{changed}\n{}", own.replace("version = 1", "")));
    let output = run(&["confusion", "check", &file], &[]);
    let (out, err) = (
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr),
    );
    assert!(
        out.contains("1 of cameras") && err.contains("nowhere-1 is no camera"),
        "{out}{err}"
    );
    assert_eq!(machine.ok(&["confusion", "show"]), default, "checked alone");
    machine.ok(&["confusion", "load", &file]);
    let shown = machine.ok(&["confusion", "show"]);
    assert!(
        shown.contains("[cameras.nowhere-1") && shown.contains("lost = 0.002"),
        "{shown}"
    );
    machine.ok(&["confusion", "remove"]);
    assert_eq!(machine.ok(&["confusion", "show"]), default);
}

#[test]
fn a_bad_confusion_table_is_refused_with_its_reason_and_changes_nothing() {
    let machine = Machine::new();
    let default = machine.ok(&["confusion", "show"]);
    for command in ["check", "load"] {
        machine.refused(
            &["confusion", command, "/nowhere.toml"],
            1,
            &["/nowhere.toml", "No such file"],
        );
        for (was, is, words) in [
            ("version = 1", "version = 2", &["version 2", "version 1"][..]),
            ("version = 1", "", &["version"]),
            ("lost = 0.0015", "lost = nan", &["lost", "0 to below 1"]),
            ("lost = 0.0015", "lost = 1.5", &["lost", "0 to below 1"]),
            ("lost = 0.0015", "list = 0.0015", &["list", "unknown field"]),
            ("burst = 5.0", "burst = 51.0", &["burst", "1 to 50"]),
            ("[all.misread.O]", "[all.misread.OO]", &["OO", "letter"]),
            ("edge = 0.7", "edge = ", &["edge"]),
        ] {
            let bad = default.replacen(was, is, 1);
            assert_ne!(bad, default, "{was}");
            machine.refused(&["confusion", command, &machine.file(bad)], 3, words);
        }
    }
    assert_eq!(machine.ok(&["confusion", "show"]), default);
}

#[test]
fn a_running_matcher_takes_a_register_within_seconds() {
    let machine = Machine::new();
    let management = format!("127.0.0.1:{}", support::free_port());
    let data = machine.path("data");
    let mut up = Up::start(Path::new(&data), &["--management-listen", &management], &[]);
    let marks = || {
        let page = reqwest::blocking::get(format!("http://{management}/metrics")).unwrap();
        let page = page.text().unwrap();
        let line = page
            .lines()
            .find_map(|line| line.strip_prefix("steelring_matcher_register_marks "));
        line.map(str::to_owned)
    };
    eventually("a matcher without a register", || (marks()? == "0").then_some(()));
    machine.ok(&["register", "load", &machine.file(REGISTER)]);
    eventually("the register is in force", || (marks()? == "3").then_some(()));
    machine.ok(&["register", "remove"]);
    eventually("it is out of force", || (marks()? == "0").then_some(()));
    assert!(up.process.stop().0.success());
}

#[test]
fn a_file_that_is_unusable_at_the_start_is_named_with_its_reason() {
    let machine = Machine::new();
    machine.ok(&["register", "load", &machine.file(REGISTER)]);
    let place = machine.path("data/register.csv");
    std::fs::write(&place, "vrm\nA\n").unwrap();
    let any = "127.0.0.1:0";
    let up = [
        "up",
        "--listen",
        any,
        "--ingest-listen",
        any,
        "--management-listen",
        any,
    ];
    machine.refused(&up, 1, &[&place, "line 2", "column vrm"]);
    machine.refused(&["register", "status"], 3, &[&place, "line 2"]);
}

#[test]
fn a_table_is_learnt_from_the_running_system_and_not_put_in_force() {
    let machine = Machine::new();
    machine.refused(&["confusion", "learn"], 1, &["--data", "--server"]);
    let data = machine.path("data");
    let mut up = Up::start(Path::new(&data), &[], &[]);
    let default = machine.ok(&["confusion", "show"]);
    let table = machine.path("learnt.toml");
    let output = run(&["confusion", "learn", "--out", &table, "--data", &data], &[]);
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{said}");
    for word in [
        "operators' verdicts: 0 reads right",
        "of 0 in the log",
        "no camera",
    ] {
        assert!(said.contains(word), "{said}");
    }
    assert!(output.stdout.is_empty());
    assert_eq!(machine.ok(&["confusion", "show"]), default, "not in force");
    machine.ok(&["confusion", "load", &table]);
    assert!(machine.ok(&["confusion", "learn"]).contains("version = 1"));
    assert!(up.process.stop().0.success());
    machine.refused(&["confusion", "learn"], 1, &["is it running?"]);
}
