//! An intelligence unit's work in a real browser, against the real binary as it comes: embedded log, SQLite.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on ends here")]

mod support;

use domain::case::{Command, Outcome};
use domain::hotlist::{Action, Entry, Grade};
use domain::policy::ListPolicy;
use domain::{CallSign, ListName, SignedDuration, Timestamp, UserName, Vrm};
use store::Store;
use support::page::browse;
use support::{Api, Up};

/// One of the built-in force's cameras.
const CAMERA: &str = "M57-J2-N";

#[test]
fn a_persons_vehicle_is_hit_while_it_is_linked_and_its_case_names_the_person_by_reference_alone() {
    const VEHICLE: &str = "QX07NOM";
    const PERSON: &str = "PNC-07.123456X";
    let directory = tempfile::tempdir().unwrap();
    let data = directory.path().join("data");
    let up = Up::start(&data, &[], &[]);
    let step = |step: &str| {
        let settings = [
            ("STEELRING_VRM", VEHICLE),
            ("STEELRING_NOMINAL", PERSON),
            ("STEELRING_STEP", step),
        ];
        let end = browse(&up, "nominals", &settings);
        assert!(end.success(), "{step}: the browser failed; its output is above");
    };
    step("link");
    let api = Api::of_data_directory(&data);
    support::eventually("the vehicle is looked for", || {
        let (_, lists) = api.get("/api/hotlists");
        let live = lists["lists"].as_array()?.iter().any(|list| list["live"] == true);
        live.then_some(())
    });
    let read = serde_json::json!({"camera": CAMERA, "plate": VEHICLE, "captured_at": Timestamp::now()});
    let camera = Api::new(&up.ingest, up.source_token.as_ref().unwrap());
    let (status, answer) = camera.post("/v1/reads", "application/json", read.to_string().into());
    assert_eq!(status, 200, "{answer}");
    let case = support::eventually("the case is open", || {
        api.get(&format!("/api/cases?vrm={VEHICLE}")).1["cases"]
            .get(0)
            .cloned()
    });
    assert!(
        case["nominals"].is_null() && case["restricted"].is_string(),
        "{case}"
    );
    step("unlink");
    let (_, cases) = api.get(&format!("/api/cases?vrm={VEHICLE}"));
    let case = &cases["cases"][0];
    assert_eq!(
        case["conclusion"]["outcome"], "recalled",
        "it is in the record: {case}"
    );
    let said = up.process.said();
    assert!(
        !said.contains(VEHICLE) && !said.contains("Doe"),
        "no plate and no name in the logs"
    );
    let audit = api.get("/api/audit?limit=1000").1.to_string();
    assert!(
        audit.contains(PERSON) && !audit.contains("Doe"),
        "references alone"
    );
}

#[test]
fn what_came_of_a_list_is_counted_and_an_overdue_entry_says_so_until_it_is_reviewed() {
    const MISREAD: &str = "QX07YLD";
    const FOUND: &str = "QX08YLD";
    let directory = tempfile::tempdir().unwrap();
    let data = directory.path().join("data");
    std::fs::create_dir(&data).unwrap();
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let list = ListName::parse("forgotten").unwrap();
    // A load lists what is new today; these have stood there for long.
    let store = runtime.block_on(async {
        let address = format!("sqlite:{}", data.join("steelring.db").display());
        let store = Store::open(&address).await.unwrap();
        list_long_ago(&store, &list, &[MISREAD, FOUND]).await;
        store
    });
    let up = Up::start(&data, &[], &[]);
    let api = Api::of_data_directory(&data);
    support::eventually("the list is live", || {
        let (_, lists) = api.get("/api/hotlists");
        let live = lists["lists"].as_array()?.iter().any(|list| list["live"] == true);
        live.then_some(())
    });
    let camera = Api::new(&up.ingest, up.source_token.as_ref().unwrap());
    let [misread, found] = [MISREAD, FOUND].map(|vrm| {
        let read = serde_json::json!({"camera": CAMERA, "plate": vrm, "captured_at": Timestamp::now()});
        let (status, answer) = camera.post("/v1/reads", "application/json", read.to_string().into());
        assert_eq!(status, 200, "{answer}");
        support::eventually("its case is open", || {
            api.get(&format!("/api/cases?vrm={vrm}")).1["cases"]
                .get(0)
                .cloned()
        })
    });
    assert!(misread["overdue"]["since"].is_string(), "{misread}");
    runtime.block_on(arrest(&store, found["case_id"].as_str().unwrap()));
    support::eventually("what is overdue was told", || {
        let (_, reviews) = api.get("/api/reviews");
        (reviews["notices"][0]["overdue"] == 2).then_some(())
    });
    let settings = [("STEELRING_LIST", list.as_str()), ("STEELRING_VRM", MISREAD)];
    let end = browse(&up, "yield", &settings);
    assert!(end.success(), "the browser failed; its output is above");

    let data = data.to_str().unwrap();
    let shown = support::run_ok(&["hotlist", "yield", "--days", "7", "--data", data], &[]);
    assert!(shown.contains("forgotten"), "{shown}");
    let vrm = [
        "hotlist",
        "review",
        "forgotten",
        "--vrm",
        FOUND,
        "--why",
        "found",
        "--data",
        data,
    ];
    assert!(support::run_ok(&vrm, &[]).contains("1 entries reviewed"));
    assert!(
        support::run(&["hotlist", "reviews", "--data", data], &[])
            .status
            .success(),
        "nothing is overdue any more"
    );
    let audit = api.get("/api/audit?limit=1000").1.to_string();
    assert!(audit.contains("hotlist_reviewed") && audit.contains("review_notice_seen"));
    assert!(
        !audit.contains(FOUND) && !up.process.said().contains(FOUND),
        "no plate"
    );
}

/// Entries of grade 2 that were listed 40 days ago, on a list that is to be reviewed daily.
async fn list_long_ago(store: &Store, list: &ListName, marks: &[&str]) {
    let (by, now) = (UserName::parse("smith").unwrap(), Timestamp::now());
    let policy = ListPolicy {
        review_days: 1,
        owner: "Force Intelligence Bureau".to_owned(),
        ..ListPolicy::default()
    };
    store
        .set_policy(list, &policy, &ListPolicy::default(), &by, now)
        .await
        .unwrap();
    let listed_at = now - SignedDuration::from_hours(40 * 24);
    let entry = |mark: &&str| Entry {
        grade: Grade::Two,
        action: Action::Stop,
        reason: "stolen in a burglary".to_owned(),
        ..Entry::new(list, Vrm::parse(mark).unwrap(), "1", listed_at)
    };
    let entries = marks.iter().map(entry).collect();
    store.replace_list(list, entries, &by, now).await.unwrap();
}

/// A case from the first look to an arrest. No unit is on the road here, so that the page could send none.
async fn arrest(store: &Store, case: &str) {
    let by = UserName::parse("smith").unwrap();
    let commands = [
        Command::Confirm,
        Command::Deploy {
            callsign: CallSign::parse("T01").unwrap(),
        },
        Command::Close {
            outcome: Outcome::Arrest,
            note: String::new(),
        },
    ];
    for (seen, command) in commands.iter().enumerate() {
        store
            .decide(case.parse().unwrap(), command, seen as u64, &by, Timestamp::now())
            .await
            .unwrap();
    }
}
