//! Rule files: what goes live, what is refused and where, and that evaluation is bounded.

#![allow(clippy::unwrap_used, reason = "a panic is how a test fails")]

use domain::case::Trigger;
use domain::hotlist::{Entry, Marker};
use domain::nominal::{LinkedNominal, Relation};
use domain::{ListName, NominalRef, Timestamp, Vrm};
use intelligence::rules::bound::{MAX_LIST, MAX_STEPS};
use intelligence::rules::{EntryFacts, Facts, RuleFault, RuleFile, SightingFacts};

const SHIPPED: &str = include_str!("../../data/merseyside/rules.toml");

/// A file of one rule with this condition, and tests for it.
fn file(condition: &str, tests: &str) -> String {
    format!("[[rule]]\nname = \"one\"\nwhen = '{condition}'\nraise_grade = true\n{tests}")
}

/// Tests that any condition on `case.grade == 2` passes.
const TESTS: &str = "[[rule.test]]\nname = \"yes\"\ngiven = { case = { grade = 2 } }\nexpect = true\n\
                     [[rule.test]]\nname = \"no\"\nexpect = false\n";

fn faults(text: &str) -> Vec<RuleFault> {
    RuleFile::parse(text).err().unwrap_or_default()
}

#[test]
fn the_shipped_rules_pass_their_own_tests() {
    assert_eq!(faults(SHIPPED), []);
    let facts = |unanswered| Facts {
        entry: EntryFacts {
            action: "stop".into(),
            ..EntryFacts::default()
        },
        sightings: SightingFacts { count: 9, unanswered },
        ..Facts::default()
    };
    let rules = RuleFile::parse(SHIPPED).unwrap();
    for (unanswered, expected) in [(1, 0), (2, 1), (3, 1), (4, 0)] {
        let (holding, failed) = rules.judge(&facts(unanswered), Trigger::Sighting);
        assert_eq!((holding.len(), failed.len()), (expected, 0), "{unanswered}");
    }
}

#[test]
fn a_rule_that_is_wrong_is_refused_by_place_and_reason() {
    let deep = format!("{}case.grade == 2{}", "(".repeat(40), ")".repeat(40));
    let long = format!("case.grade == {}2", " ".repeat(1_000));
    let many: Vec<String> = (0..=MAX_LIST).map(|number| number.to_string()).collect();
    let many = format!("case.grade in [{}]", many.join(","));
    let loops = "entry.markers.exists(a, entry.markers.exists(b, entry.markers.exists(c, a == b && b == c)))";
    let costly = format!(
        "entry.markers.all(a, entry.markers.all(b, {}))",
        ["a == b"; 9].join(" || ")
    );
    for (condition, column, says) in [
        ("case.grade ==", 22, "mismatched input"),
        ("case.grad == 2", 13, "case has no grad; it has grade, state"),
        ("kase.grade == 2", 9, "kase is not known"),
        ("true && entry == entry", 17, "entry of what?"),
        (
            "nominals.exists(n, n.mappa == 2)",
            0,
            "n has no mappa; it has relations, markers",
        ),
        ("case.grade", 13, "not true or false"),
        ("case.grade + 1", 20, "not true or false"),
        (
            "case.state.matches(\"(a+)+\") == true",
            0,
            "the function matches is not for rules",
        ),
        (
            "entry.markers.map(m, m + m).exists(m, true)",
            0,
            "a loop goes through",
        ),
        ("size(entry.markers.map(m, m + m)) > 0", 0, "makes no lists"),
        (
            "[entry.list + entry.list].exists(l, l == \"\")",
            0,
            "a loop goes through",
        ),
        (loops, 0, "more than 2 loops"),
        (&costly, 0, "steps, more than"),
        (&deep, 8, "at most 32 brackets"),
        (&long, 8, "at most 1000 characters"),
        (&many, 0, "at most 32 members"),
        ("{\"a\": 1} == {}", 0, "makes no maps"),
    ] {
        let found = faults(&file(condition, TESTS));
        let fault = found
            .first()
            .unwrap_or_else(|| panic!("{condition} went through"));
        assert!(fault.reason.contains(says), "{condition}: {fault}");
        assert_eq!(
            (fault.line, fault.rule.as_str()),
            (3, "one"),
            "{condition}: {fault}"
        );
        assert!(column == 0 || fault.column == column, "{condition}: {fault}");
    }
}

#[test]
fn a_condition_goes_through_the_people_that_a_vehicle_is_linked_to() {
    let tests = "[[rule.test]]\nname = \"yes\"\n\
                 given = { nominals = [{ markers = [\"VI\"] }, { relations = [\"keeper\"], markers = [\"RSO\"] }] }\nexpect = true\n\
                 [[rule.test]]\nname = \"another's marker\"\n\
                 given = { nominals = [{ relations = [\"keeper\"] }, { markers = [\"RSO\"] }] }\nexpect = false\n";
    for condition in [
        r#"nominals.exists(n, "RSO" in n.markers && "keeper" in n.relations)"#,
        r#"nominals.exists(n, n.markers.exists(m, m == "RSO") && size(n.relations) > 0)"#,
    ] {
        assert_eq!(faults(&file(condition, tests)), [], "{condition}");
    }
}

#[test]
fn a_file_that_is_wrong_is_refused_by_place_and_reason() {
    let good = file("case.grade == 2", TESTS);
    assert_eq!(faults(&good), []);
    let wrong_test = good.replace("expect = false", "expect = true");
    for (text, line, says) in [
        (wrong_test.as_str(), 10, "test \"no\" expects true and is false"),
        (
            &good.replace("raise_grade = true", "raise = true"),
            4,
            "unknown field",
        ),
        (
            &good.replace("raise_grade = true", "set_grade = 7"),
            4,
            "a grade is 1, 2, 3 or 4",
        ),
        (&good.replace("raise_grade = true", ""), 2, "does nothing"),
        (
            &good.replace("{ grade = 2 }", "{ colour = 2 }"),
            7,
            "unknown field",
        ),
        (&format!("{good}{good}"), 13, "another rule has this name"),
        (&file("case.grade == 2", ""), 2, "needs a test"),
        ("[[rule]\n", 1, ""),
    ] {
        let found = faults(text);
        assert!(
            found
                .iter()
                .any(|fault| fault.line == line && fault.reason.contains(says)),
            "wanted line {line}, {says}; found {found:?}"
        );
    }
}

#[test]
fn the_dearest_condition_that_may_go_live_is_evaluated_within_its_bound() {
    let dear = format!(
        "entry.markers.all(a, entry.markers.all(b, {}))",
        "a == b || a != b"
    );
    let tests =
        "[[rule.test]]\nname = \"yes\"\nexpect = true\n[[rule.test]]\nname = \"no\"\nexpect = false\n";
    let text = file(&format!("{dear} && sightings.count == 0"), tests).replace(
        "expect = false",
        "given = { sightings = { count = 1 } }\nexpect = false",
    );
    let rules = RuleFile::parse(&text).unwrap();
    assert!(rules.rules[0].steps <= MAX_STEPS && rules.rules[0].steps > MAX_STEPS / 4);
    let facts = Facts {
        entry: EntryFacts {
            markers: (0..MAX_LIST).map(|number| number.to_string()).collect(),
            ..EntryFacts::default()
        },
        ..Facts::default()
    };
    let (holding, failed) = rules.judge(&facts, Trigger::Sighting);
    assert_eq!((holding.len(), failed.len()), (1, 0));
}

/// A file of one rule that does this, and passes its tests.
fn doing(effects: &str, condition: &str, given: &str) -> String {
    format!(
        "[[rule]]\nname = \"one\"\nwhen = '{condition}'\n{effects}\n[[rule.test]]\nname = \"yes\"\ngiven = {given}\n\
         expect = true\n[[rule.test]]\nname = \"no\"\nexpect = false\n"
    )
}

#[test]
fn what_a_rule_may_not_do_is_refused_by_place_and_reason() {
    let (of_entry, entry) = ("\"RSO\" in entry.markers", "{ entry = { markers = [\"RSO\"] } }");
    let long = "x".repeat(201);
    for (effects, says) in [
        ("ask = { question = \"Well?\" }", "has 2 to 6 answers"),
        (
            "ask = { question = \"Well?\", answers = [\"a\"] }",
            "has 2 to 6 answers",
        ),
        (
            "ask = { question = \"Well?\", answers = [\"a\", \"a\"] }",
            "the same",
        ),
        (
            "ask = { question = \"Well?\", answers = [\"a\", \"\"] }",
            "1 to 40 characters",
        ),
        (
            "ask = { question = \" \", about = \"child\" }",
            "1 to 200 characters",
        ),
        (
            "ask = { question = \"Well?\", about = \"child\", answers = [\"a\", \"b\"] }",
            "leave them out",
        ),
        (
            "ask = { question = \"Well?\", about = \"dog\" }",
            "unknown variant",
        ),
        ("notify = [\"{ward} office\"]", "{bcu} is all"),
        (&format!("instruct = \"{long}\""), "1 to 200 characters"),
        (&format!("restrict = \"{long}\""), "1 to 200 characters"),
        (&format!("follow_up = \"{long}\""), "1 to 200 characters"),
    ] {
        let found = faults(&doing(effects, of_entry, entry));
        let fault = found.first().unwrap_or_else(|| panic!("{effects} went through"));
        assert!(
            fault.reason.contains(says) && fault.line == 4,
            "{effects}: {fault}"
        );
    }
    let (both, given) = (
        "observation.child == \"seen\" && answer.given == \"yes\"",
        "{ observation = { child = \"seen\" }, answer = { given = \"yes\" } }",
    );
    let found = faults(&doing("raise_grade = true", both, given));
    assert!(found[0].reason.contains("never come together"), "{found:?}");
    let found = faults(&doing(
        "restrict = \"no\"",
        "case.grade == 1",
        "{ case = { grade = 1 } }",
    ));
    assert!(
        found[0].reason.contains("asks about entry and nominals alone"),
        "{found:?}"
    );
    let good = [
        "ask = { question = \"Well?\", answers = [\"a\", \"b\"] }",
        "ask = { question = \"Well?\", about = \"child\" }",
        "notify = [\"{bcu} office\"]",
        "restrict = \"ask the supervisor\"",
    ];
    for effects in good {
        assert_eq!(faults(&doing(effects, of_entry, entry)), [], "{effects}");
    }
}

#[test]
fn a_rule_is_judged_at_what_it_asks_about() {
    for (condition, given, at) in [
        ("case.grade == 1", "{ case = { grade = 1 } }", Trigger::Sighting),
        (
            "case.grade == 0 && observation.child == \"seen\"",
            "{ observation = { child = \"seen\" } }",
            Trigger::Observation,
        ),
        (
            "answer.given == \"yes\"",
            "{ answer = { given = \"yes\" } }",
            Trigger::Answer,
        ),
    ] {
        let rules = RuleFile::parse(&doing("raise_grade = true", condition, given)).unwrap();
        assert_eq!(rules.rules[0].trigger, at, "{condition}");
    }
}

#[test]
fn why_is_restricted_by_whom_a_vehicle_is_linked_to_too_whatever_entry_leads() {
    let rules = RuleFile::parse(SHIPPED).unwrap();
    let list = ListName::parse("stolen").unwrap();
    let entry = Entry::new(&list, Vrm::parse("AB12CDE").unwrap(), "", Timestamp::UNIX_EPOCH);
    let linked = |marker| LinkedNominal {
        reference: NominalRef::parse("P1").unwrap(),
        relations: vec![Relation::Driver],
        markers: vec![marker],
    };
    for (nominals, expected) in [
        (vec![], false),
        (vec![linked(Marker::Violent)], false),
        (
            vec![linked(Marker::Violent), linked(Marker::RegisteredSexOffender)],
            true,
        ),
    ] {
        let restricted = rules.restricts(&entry, &nominals, Timestamp::UNIX_EPOCH);
        assert_eq!(restricted.is_some(), expected, "{nominals:?}");
    }
}
