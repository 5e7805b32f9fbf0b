//! What a rule may ask about.

use domain::Timestamp;
use domain::case::{Case, CaseEvent, EventKind};
use domain::force::Force;
use domain::hotlist::{Entry, Marker};
use domain::nominal::LinkedNominal;
use domain::observation::WINDOW;
use serde::{Deserialize, Serialize};

/// Everything that a condition may name. No free text, and no plate: a rule is about what is coded. In a test case, what is not
/// given is empty or 0.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Facts {
    /// The latest read.
    pub read: ReadFacts,
    /// The entry that leads the case.
    pub entry: EntryFacts,
    /// The people whose markers an entry has that the latest read hit, whether it leads the case or not.
    pub nominals: Vec<NominalFacts>,
    /// What was seen of the vehicle.
    pub sightings: SightingFacts,
    /// The case.
    pub case: CaseFacts,
    /// What was just seen in the vehicle: a rule that asks about it is judged when something is.
    pub observation: ObservationFacts,
    /// What was just answered: a rule that asks about it is judged when something is.
    pub answer: AnswerFacts,
    /// When the latest read was captured, in seconds since 1970: a backlog is judged by the times at which it happened.
    pub now: i64,
}

/// See [`Facts::read`].
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ReadFacts {
    /// Its camera.
    pub camera: String,
    /// The camera's site; empty where the camera is none of the force's.
    pub site: String,
    /// The BCU on whose ground the site lies; empty where it is on nobody's.
    pub bcu: String,
    /// `exact`, `misread`, `wildcard` or `clone`.
    pub matched: String,
}

/// See [`Facts::entry`].
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct EntryFacts {
    /// Its list.
    pub list: String,
    /// 1 to 4, as listed.
    pub grade: i64,
    /// `stop`, `observe`, `silent` or `intelligence`.
    pub action: String,
    /// Codes such as `WM`; at most as many as there are markers.
    pub markers: Vec<String>,
    /// Seconds since it came onto its list.
    pub age_s: i64,
}

/// See [`Facts::nominals`].
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct NominalFacts {
    /// `keeper`, `driver` and `associate`, as far as they are linked so.
    pub relations: Vec<String>,
    /// Codes such as `RSO`.
    pub markers: Vec<String>,
}

/// See [`Facts::sightings`].
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct SightingFacts {
    /// Reads of the case.
    pub count: i64,
    /// Sightings since a person last decided anything about the vehicle, this one included; repeats at one camera within minutes are
    /// one.
    pub unanswered: i64,
}

/// See [`Facts::case`].
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct CaseFacts {
    /// Its grade now, which a rule may have raised.
    pub grade: i64,
    /// `new`, `confirmed` or `deployed`.
    pub state: String,
}

/// See [`Facts::observation`].
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ObservationFacts {
    /// `seen`, `not_seen` or `cannot_tell`.
    pub child: String,
    /// People in the vehicle; 0 where nobody counted them.
    pub occupants: i64,
    /// `operator`, `officer` or `camera`.
    pub by: String,
    /// Seconds between it and the sighting next to it, before it or after it.
    pub age_s: i64,
    /// The same of a child was said within half an hour of it already.
    pub again: bool,
}

/// See [`Facts::answer`].
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct AnswerFacts {
    /// The rule that asked.
    pub rule: String,
    /// One of its answers.
    pub given: String,
}

impl Facts {
    /// The fact that is a list of structures.
    pub(super) const NOMINALS: &'static str = "nominals";
    /// The fields of each of them.
    pub(super) const OF_A_NOMINAL: [&'static str; 2] = ["relations", "markers"];
    /// Every name that a condition may begin with, and the fields behind it; `nominals` and `now` have none.
    pub(super) const NAMES: [(&'static str, &'static [&'static str]); 8] = [
        ("read", &["camera", "site", "bcu", "matched"]),
        ("entry", &["list", "grade", "action", "markers", "age_s"]),
        (Self::NOMINALS, &[]),
        ("sightings", &["count", "unanswered"]),
        ("case", &["grade", "state"]),
        ("observation", &["child", "occupants", "by", "age_s", "again"]),
        ("answer", &["rule", "given"]),
        ("now", &[]),
    ];

    /// The facts of a case as an event left it.
    #[must_use]
    pub fn of(event: &CaseEvent, force: &Force) -> Self {
        let case = &event.case;
        let now = case.last_read.captured_at;
        let camera = force.camera(&case.last_read.camera);
        Self {
            read: ReadFacts {
                camera: case.last_read.camera.to_string(),
                site: camera.map(|camera| camera.site.to_string()).unwrap_or_default(),
                bcu: case.bcu.as_ref().map(ToString::to_string).unwrap_or_default(),
                matched: name(&case.last_match.kind),
            },
            entry: EntryFacts::of(&case.entry, now),
            nominals: case.nominals.iter().map(NominalFacts::of).collect(),
            sightings: SightingFacts {
                count: case.sightings.into(),
                unanswered: case.unanswered.into(),
            },
            case: CaseFacts {
                grade: u8::from(case.grade).into(),
                state: case.state.name().to_owned(),
            },
            observation: match event.kind {
                EventKind::Observed => ObservationFacts::of(case),
                _ => ObservationFacts::default(),
            },
            answer: event
                .answered
                .map(|number| AnswerFacts::of(case, number))
                .unwrap_or_default(),
            now: now.as_second(),
        }
    }
}

impl NominalFacts {
    pub(super) fn of(nominal: &LinkedNominal) -> Self {
        Self {
            relations: nominal.relations.iter().map(name).collect(),
            markers: codes(&nominal.markers),
        }
    }
}

impl EntryFacts {
    /// Of an entry as it is at `now`.
    pub(super) fn of(entry: &Entry, now: Timestamp) -> Self {
        Self {
            list: entry.list.to_string(),
            grade: u8::from(entry.grade).into(),
            action: name(&entry.action),
            markers: codes(&entry.markers),
            age_s: now.as_second() - entry.listed_at.as_second(),
        }
    }
}

fn codes(markers: &[Marker]) -> Vec<String> {
    markers.iter().map(|marker| marker.code().to_owned()).collect()
}

impl ObservationFacts {
    /// Of the newest observation of a case.
    fn of(case: &Case) -> Self {
        let Some((newest, before)) = case.observed.split_last() else {
            return Self::default();
        };
        let seen = &newest.observation;
        let again = before
            .iter()
            .map(|one| &one.observation)
            .any(|one| one.child == seen.child && one.at.duration_since(seen.at).abs() <= WINDOW);
        Self {
            child: name(&seen.child),
            occupants: seen.occupants.map_or(0, |number| u8::from(number).into()),
            by: seen.by.kind().to_owned(),
            age_s: newest.apart_s.into(),
            again,
        }
    }
}

impl AnswerFacts {
    /// Of the answer to a question of a case.
    fn of(case: &Case, number: u32) -> Self {
        let mut asked = case.questions.iter();
        let Some(question) = asked.find(|question| question.number == number) else {
            return Self::default();
        };
        let given = question.answer.as_ref().map(|answer| answer.given.clone());
        Self {
            rule: question.rule.clone(),
            given: given.unwrap_or_default(),
        }
    }
}

/// A unit variant's name on the wire.
fn name(value: &impl Serialize) -> String {
    match cel::to_value(value) {
        Ok(cel::Value::String(name)) => name.to_string(),
        _ => String::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_fact_has_its_name_among_those_that_a_condition_may_use() {
        let toml = toml::Value::try_from(Facts::default()).unwrap();
        let table = toml.as_table().unwrap();
        assert_eq!(table.len(), Facts::NAMES.len());
        for (root, fields) in Facts::NAMES {
            let known: Vec<&str> = match &table[root] {
                toml::Value::Table(fields) => fields.keys().map(String::as_str).collect(),
                _ => Vec::new(),
            };
            let mut fields = fields.to_vec();
            fields.sort_unstable();
            let mut known = known;
            known.sort_unstable();
            assert_eq!(known, fields, "{root}");
        }
        let nominal = toml::Value::try_from(NominalFacts::default()).unwrap();
        let mut known: Vec<&str> = nominal.as_table().unwrap().keys().map(String::as_str).collect();
        known.sort_unstable();
        let mut fields = Facts::OF_A_NOMINAL;
        fields.sort_unstable();
        assert_eq!(known, fields);
    }
}
