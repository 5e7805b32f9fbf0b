//! Lists that come in by folders: with the real binary, over HTTP, and through kill -9.

#![allow(clippy::unwrap_used, reason = "a panic is how a test fails")]

mod support;

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde_json::{Value, json};
use support::{Api, Up, eventually, run, run_ok};

/// Settings with one feed, whose folder is beside them.
fn settings(directory: &Path, further: &str) -> PathBuf {
    let folder = directory.join("pnc");
    let _ = fs::create_dir(&folder);
    let file = directory.join("steelring.toml");
    let mapping = directory.join("mapping.toml");
    fs::write(&mapping, "[columns]\nvrm = \"Car\"\nreason = \"Why\"\n").unwrap();
    let text = format!(
        "[[feeds]]\nname = \"pnc\"\nlist = \"stolen\"\nfolder = {folder:?}\nmapping = {mapping:?}\nowner = \"FIB\"\ndue_hours = 24\n{further}"
    );
    fs::write(&file, text).unwrap();
    file
}

/// Puts a file whole into the feed's folder.
fn put(directory: &Path, name: &str, text: &str) {
    let hidden = directory.join("pnc").join(format!(".{name}"));
    fs::write(&hidden, text).unwrap();
    fs::rename(hidden, directory.join("pnc").join(name)).unwrap();
}

fn names(folder: &Path) -> Vec<String> {
    let mut names: Vec<_> = fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    names
}

fn with<'a>(words: &[&'a str], flags: &[&'a str]) -> Vec<&'a str> {
    [words, flags].concat()
}

/// The feed as the API has it, once its last file is this arrival.
fn arrived(api: &Api, number: u64) -> Value {
    eventually("the file arrives", || {
        let (_, answer) = api.get("/api/feeds");
        let feed = answer["feeds"][0].clone();
        (feed["last"]["number"] == number).then_some(feed)
    })
}

#[test]
fn a_file_in_a_feeds_folder_loads_by_itself_and_a_bad_one_says_why() {
    let directory = tempfile::tempdir().unwrap();
    let (data, config) = (directory.path().join("data"), settings(directory.path(), ""));
    let config = config.to_str().unwrap();
    let mut up = Up::start(&data, &["--config", config], &[]);
    let api = Api::of_data_directory(&data);
    put(
        directory.path(),
        "monday.csv",
        "Car;Why\nAB12CDE;stolen\nCD34EFG;stolen\n",
    );
    let feed = arrived(&api, 1);
    assert_eq!(feed["last"]["outcome"], "loaded", "{feed}");
    put(
        directory.path(),
        "tuesday.csv",
        "Car;Why\nAB12CDE;stolen\nNOTAG;stolen\n",
    );
    let feed = arrived(&api, 2);
    assert_eq!(
        (&feed["last"]["outcome"], &feed["refused"]),
        (&json!("refused"), &json!(true)),
        "{feed}"
    );
    let refused = directory.path().join("pnc/refused");
    eventually("it is put away", || (names(&refused).len() == 2).then_some(()));
    let why = fs::read_to_string(refused.join("00000002-tuesday.csv.txt")).unwrap();
    assert!(
        why.contains("1 of 2 rows are bad") && why.contains("line 3, column vrm (1)"),
        "{why}"
    );
    assert!(!why.contains("NOTAG"), "{why}");
    let (_, lists) = api.get("/api/hotlists");
    assert_eq!(
        (&lists["entries"], &lists["lists"][0]["changed_by"]),
        (&json!(2), &json!("feed:pnc"))
    );

    let data_flags = ["--data", data.to_str().unwrap(), "--config", config];
    let said = run(&with(&["hotlist", "feeds"], &data_flags), &[]);
    assert_eq!(said.status.code(), Some(1), "a refused file is seen");
    assert!(String::from_utf8_lossy(&said.stdout).contains("refused: 1 of 2 rows are bad"));
    let token = run_ok(&with(&["hotlist", "feed-token", "pnc"], &data_flags), &[]);
    let put_over_http = reqwest::blocking::Client::new()
        .put(format!("{}/api/feeds/pnc", up.control_room))
        .bearer_auth(token.trim())
        .body("Car;Why\nAB12CDE;stolen\n")
        .send()
        .unwrap();
    assert_eq!(put_over_http.status().as_u16(), 200);
    let feed = arrived(&api, 3);
    assert!(
        feed["last"]["said"].as_str().unwrap().contains("1 removed"),
        "{feed}"
    );
    assert!(run_ok(&with(&["hotlist", "feeds"], &data_flags), &[]).contains("loaded"));
    assert!(up.process.stop().0.success());
}

#[test]
fn kill_9_while_a_feed_loads_neither_loads_twice_nor_loses_a_file() {
    const ROWS: u64 = 20_000;
    let directory = tempfile::tempdir().unwrap();
    let (data, config) = (directory.path().join("data"), settings(directory.path(), ""));
    let start = || Up::start(&data, &["--config", config.to_str().unwrap()], &[]);
    let mut up = start();
    for (round, pause_ms) in [0, 100, 300, 600, 1_000, 1_500].into_iter().enumerate() {
        let letter = char::from(b'A' + u8::try_from(round).unwrap());
        let rows: String = (0..ROWS).map(|row| format!("{letter}{row:05}X;seen\n")).collect();
        put(directory.path(), "today.csv", &format!("Car;Why\n{rows}"));
        std::thread::sleep(Duration::from_millis(pause_ms));
        up.process.kill();
        up = start();
        let api = Api::of_data_directory(&data);
        let feed = arrived(&api, round as u64 + 1);
        assert_eq!(feed["last"]["outcome"], "loaded", "after {pause_ms} ms: {feed}");
        let (_, lists) = api.get("/api/hotlists");
        assert_eq!(
            (&lists["entries"], &lists["revision"]),
            (&json!(ROWS), &json!(round + 1)),
            "after {pause_ms} ms"
        );
        // Nothing waits, nothing is left over, and each file lies there once with its text.
        let folder = directory.path().join("pnc");
        eventually("it is put away", || {
            let loaded = names(&folder.join("loaded"))
                .into_iter()
                .filter(|name| !name.starts_with('.'));
            (loaded.count() == 2 * (round + 1)).then_some(())
        });
        assert_eq!(names(&folder), [".taking", "loaded", "refused"]);
        assert!(names(&folder.join(".taking")).is_empty());
    }
    assert!(up.process.stop().0.success());
}

#[test]
fn feeds_that_cannot_be_watched_are_named_before_anything_binds() {
    let check = |further: &str, expected: &str| {
        let directory = tempfile::tempdir().unwrap();
        let (data, config) = (directory.path().join("data"), settings(directory.path(), further));
        let output = run(
            &[
                "up",
                "--data",
                data.to_str().unwrap(),
                "--config",
                config.to_str().unwrap(),
            ],
            &[],
        );
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(
            !output.status.success() && said.contains(expected),
            "{said} lacks {expected}"
        );
        assert!(!data.exists(), "nothing is opened");
    };
    let feed = |name: &str, list: &str, folder: &str| {
        format!("[[feeds]]\nname = {name:?}\nlist = {list:?}\nfolder = {folder:?}\n")
    };
    check(&feed("visor", "rso", "/nowhere"), "visor: the folder /nowhere");
    check(
        &feed("visor", "stolen", "/tmp"),
        "pnc and visor have the same list",
    );
    check(&feed("pnc", "rso", "/tmp"), "the same name");
    check(
        &format!("{}due_hours = 0\n", feed("visor", "rso", "/tmp")),
        "visor: due_hours",
    );
    check(&format!("{}every = 3\n", feed("visor", "rso", "/tmp")), "every");
    check(
        &format!("{}mapping = \"/nowhere.toml\"\n", feed("visor", "rso", "/tmp")),
        "visor: mapping: read /nowhere.toml",
    );
}
