//! An intelligence unit's work in a real browser, against the real binary as it comes: embedded log, SQLite.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on ends here")]

mod support;

use domain::Timestamp;
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
