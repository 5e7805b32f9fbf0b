//! The description against the page, which has its own types.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use crate::route::Route;

/// What an answer adds to what is drawn.
const ADDED: [(&str, &str); 3] = [
    ("UnitPosition", "stale"),
    ("MatcherStatus", "running"),
    ("MatcherStatus", "current"),
];

/// What the page sends: it may always give what a request may leave out.
const SENT: [&str; 1] = ["EntrySaid"];

/// The fields of the page's interfaces, and whether each may be missing or null.
fn interfaces(types: &str) -> BTreeMap<&str, BTreeMap<&str, bool>> {
    let declared = types.split("export interface ").skip(1);
    let parts = declared.filter_map(|text| text.split_once(" {"));
    parts.map(|(name, body)| (name, fields(body))).collect()
}

/// Fields stand on lines of their own, two spaces deep.
fn fields(body: &str) -> BTreeMap<&str, bool> {
    let lines = body.lines().take_while(|line| *line != "}");
    let declared = lines.filter_map(|line| line.strip_prefix("  ")?.split_once(':'));
    let named = declared.filter(|(name, _)| name.starts_with(|first: char| first.is_ascii_lowercase()));
    named
        .map(|(name, kind)| {
            let plain = name.trim_end_matches('?');
            (plain, plain != name || kind.contains("| null"))
        })
        .collect()
}

/// The page's unions of names.
fn unions(types: &str) -> BTreeMap<&str, BTreeSet<&str>> {
    let declared = types.split("export type ").skip(1);
    let parts = declared.filter_map(|text| text.split_once(';')?.0.split_once(" ="));
    parts
        .map(|(name, names)| (name, names.split('\'').skip(1).step_by(2).collect()))
        .collect()
}

#[test]
fn a_name_in_the_description_is_one_schema() {
    let mut known: BTreeMap<String, Value> = BTreeMap::new();
    for (_, path, _, named) in crate::routes::table().into_iter().map(Route::describe) {
        for (name, schema) in named {
            let schema = serde_json::to_value(schema).unwrap();
            let first = known.entry(name.clone()).or_insert_with(|| schema.clone());
            assert_eq!(*first, schema, "{path}: another schema is called {name}");
        }
    }
    assert!(known.contains_key("Case"));
}

#[test]
fn the_page_has_the_types_that_the_description_has() {
    let types = concat!(
        include_str!("../../ui/src/lib/types.ts"),
        include_str!("../../ui/src/lib/listtypes.ts"),
        include_str!("../../ui/src/lib/nominaltypes.ts"),
        include_str!("../../ui/src/lib/operationtypes.ts"),
        include_str!("../../ui/src/lib/ruletypes.ts"),
        include_str!("../../ui/src/lib/yieldtypes.ts")
    );
    let document: Value = serde_json::from_slice(&crate::openapi::encode().unwrap()).unwrap();
    let schemas = document["components"]["schemas"].as_object().unwrap();
    let texts = |list: &'_ Value| -> BTreeSet<String> {
        let texts = list.as_array().into_iter().flatten();
        texts.map(|text| text.as_str().unwrap().to_owned()).collect()
    };

    let mut interfaces = interfaces(types);
    for (name, field) in ADDED {
        assert!(interfaces.get_mut(name).unwrap().remove(field).is_some());
    }
    interfaces.retain(|name, _| schemas.contains_key(*name));
    assert!(interfaces.contains_key("Case") && interfaces.contains_key("Match"));
    for (name, fields) in interfaces {
        let required = texts(&schemas[name]["required"]);
        let drawn = schemas[name]["properties"].as_object().unwrap().keys();
        let drawn: BTreeMap<&str, bool> = drawn.map(|field| (&**field, !required.contains(field))).collect();
        if SENT.contains(&name) {
            assert!(fields.keys().eq(drawn.keys()), "{name}: {fields:?} {drawn:?}");
        } else {
            assert_eq!(fields, drawn, "{name}");
        }
    }

    let mut unions = unions(types);
    unions.retain(|name, _| schemas.get(*name).is_some_and(|schema| schema["enum"].is_array()));
    assert!(unions.contains_key("MatchKind") && unions.contains_key("Evidence"));
    for (name, names) in unions {
        let drawn = texts(&schemas[name]["enum"]);
        assert_eq!(names, drawn.iter().map(String::as_str).collect(), "{name}");
    }
}

#[test]
fn the_page_offers_every_field_that_a_mapping_may_name() {
    let types = include_str!("../../ui/src/lib/listtypes.ts");
    let (_, list) = types.split_once("export const FIELDS = [").unwrap();
    let offered: BTreeSet<&str> = list
        .split(']')
        .next()
        .unwrap()
        .split('\'')
        .skip(1)
        .step_by(2)
        .collect();
    assert_eq!(offered, intelligence::Mapping::fields().collect());
}
