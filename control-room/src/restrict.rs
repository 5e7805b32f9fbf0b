//! Who may see why: the one place that cases, their events, hits and entries pass on their way out.
//!
//! Where a rule restricts, nobody is shown why a vehicle is looked for: neither in what is pushed nor in what is asked for. What
//! remains is what is needed to act: the mark, the vehicle, grade, action, warnings for officers, instructions and questions. A role
//! that is cleared asks for the rest case by case ([`why`]), says with a code what for, and leaves an audit row.
//!
//! [`Shown`] is what answers and events are made of. Only this module makes one.

use std::sync::{Arc, Mutex, PoisonError};

use axum::Json;
use axum::extract::State;
use domain::case::{Case, CaseEvent, EventKind, Question, Recall, Ruled};
use domain::hit::Hit;
use domain::hotlist::Entry;
use domain::reason::ReasonCode;
use domain::user::{Permission, User};
use domain::{CaseId, EntryId, ListName, Timestamp};
use intelligence::rules::RuleFile;
use serde::{Deserialize, Serialize};
use store::cases::{CaseRecord, HistoryLine};
use store::history::EntryChange;
use store::rules::Notification;
use store::{Store, StoreError};
use utoipa::ToSchema;

use crate::access::SignedIn;
use crate::app::App;
use crate::error::ControlRoomError;
use crate::extract::{Body, Named};

/// Stands for a name that tells why.
const UNNAMED: &str = "restricted";

/// A value that may leave: why was taken from it where it must be.
#[derive(Clone, Debug, Serialize)]
#[serde(transparent)]
pub(crate) struct Shown<T>(T);

impl<T> Shown<T> {
    pub(crate) fn get(&self) -> &T {
        &self.0
    }
}

/// The rules in force, which say what is restricted.
pub(crate) struct Restrictions {
    store: Store,
    live: Mutex<(u64, Arc<RuleFile>)>,
}

/// What is restricted now.
pub(crate) struct Restriction {
    rules: Arc<RuleFile>,
    now: Timestamp,
}

impl Restrictions {
    /// `own` are the rules that hold while none were loaded.
    pub(crate) fn new(store: Store, own: Arc<RuleFile>) -> Self {
        Self {
            store,
            live: Mutex::new((0, own)),
        }
    }

    /// What is restricted now, by the newest rules. Those that this version cannot read leave the ones before them in force, as in
    /// the dispatcher.
    pub(crate) async fn now(&self) -> Result<Restriction, StoreError> {
        let version = self.store.rules_version().await?;
        let (known, mut rules) = self.live().clone();
        if version != known {
            let newer = self
                .store
                .rules()
                .await?
                .and_then(|stored| RuleFile::parse(&stored.text).ok());
            rules = newer.map_or(rules, Arc::new);
            *self.live() = (version, Arc::clone(&rules));
        }
        let now = Timestamp::now();
        Ok(Restriction { rules, now })
    }

    fn live(&self) -> std::sync::MutexGuard<'_, (u64, Arc<RuleFile>)> {
        self.live.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Restriction {
    pub(crate) fn case(&self, case: Case) -> Shown<Case> {
        Shown(match self.of_case(&case) {
            Some(words) => without_why(case, &words),
            None => case,
        })
    }

    pub(crate) fn event(&self, event: CaseEvent) -> Shown<CaseEvent> {
        let Some(words) = self.of_case(&event.case) else {
            return Shown(event);
        };
        let said = if is_a_rules(event.kind) {
            UNNAMED.to_owned()
        } else {
            event.said
        };
        Shown(CaseEvent {
            case: without_why(event.case, &words),
            said,
            ..event
        })
    }

    pub(crate) fn record(&self, record: CaseRecord) -> Shown<CaseRecord> {
        let restricted = self.of_case(&record.case);
        let hit = |hit: Hit| match &restricted {
            Some(words) => Hit {
                entry: entry_without_why(hit.entry, words),
                ..hit
            },
            None => self.hit(hit).0,
        };
        Shown(CaseRecord {
            hits: record.hits.into_iter().map(hit).collect(),
            history: match &restricted {
                Some(_) => record.history.into_iter().map(line_without_why).collect(),
                None => record.history,
            },
            case: match &restricted {
                Some(words) => without_why(record.case, words),
                None => record.case,
            },
            ..record
        })
    }

    pub(crate) fn hit(&self, hit: Hit) -> Shown<Hit> {
        let entry = self.entry(hit.entry).0;
        Shown(Hit { entry, ..hit })
    }

    fn entry(&self, entry: Entry) -> Shown<Entry> {
        Shown(match self.of_entry(&entry) {
            Some(words) => entry_without_why(entry, &words),
            None => entry,
        })
    }

    /// An entry as one of its list: whose work the lists are sees it whole.
    pub(crate) fn listed(&self, entry: Entry, to: &User) -> Shown<Entry> {
        if to.role.may(Permission::SeeWhy) {
            return Shown(entry);
        }
        self.entry(entry)
    }

    /// An entry of a list that is distributed: who takes the list knows which entry of it this is, and is told why as anybody else.
    pub(crate) fn distributed(&self, entry: Entry) -> Shown<Entry> {
        let (entry_id, list) = (entry.entry_id, entry.list.clone());
        Shown(Entry {
            entry_id,
            list,
            ..self.entry(entry).0
        })
    }

    /// A change of a list's entry, as [`Restriction::listed`].
    pub(crate) fn change(&self, change: EntryChange, to: &User) -> Shown<EntryChange> {
        let listed = |entry: Option<Box<Entry>>| entry.map(|entry| Box::new(self.listed(*entry, to).0));
        Shown(EntryChange {
            before: listed(change.before),
            after: listed(change.after),
            ..change
        })
    }

    /// A call to a case: whom to call stays, by which rule does not.
    pub(crate) fn call(&self, call: Notification, case: Option<&Case>) -> Shown<Notification> {
        Shown(match case.and_then(|case| self.of_case(case)) {
            Some(words) => Notification { said: words, ..call },
            None => call,
        })
    }

    /// What is said in place of why; none where the case is not restricted. A case that was restricted once stays so; one that
    /// opened this moment is before any rule has acted on it.
    fn of_case(&self, case: &Case) -> Option<String> {
        let by_rules = || self.rules.restricts(&case.entry, &case.nominals, self.now);
        case.restricted.clone().or_else(|| by_rules().map(str::to_owned))
    }

    fn of_entry(&self, entry: &Entry) -> Option<String> {
        let words = self.rules.restricts(entry, &entry.nominals, self.now);
        words.map(str::to_owned)
    }
}

/// Every field is named here: a new one does not compile before somebody has decided whether it tells why.
fn without_why(case: Case, words: &str) -> Case {
    let Case {
        case_id,
        vrm,
        grade,
        state,
        version,
        opened_at,
        updated_at,
        sightings,
        last_read,
        last_match,
        bcu,
        entry,
        overdue,
        nominals: _,
        last_decision,
        conclusion,
        recall,
        unanswered,
        ruled,
        observed,
        questions,
        instructions,
        restricted: _,
    } = case;
    let recall = recall.map(|recall| Recall {
        entry_id: nobodys_entry(),
        list: ListName::unnamed(),
        led_by: recall.led_by.map(|_| nobodys_entry()),
        ..recall
    });
    let ruled = ruled.into_iter().map(|ruled| Ruled {
        rule: UNNAMED.to_owned(),
        notified: Vec::new(),
        ..ruled
    });
    let questions = questions.into_iter().map(|question| Question {
        rule: UNNAMED.to_owned(),
        ..question
    });
    Case {
        case_id,
        vrm,
        grade,
        state,
        version,
        opened_at,
        updated_at,
        sightings,
        last_read,
        last_match,
        bcu,
        entry: entry_without_why(entry, words),
        // How far the entry can be relied on is needed to act.
        overdue,
        nominals: Vec::new(),
        last_decision,
        conclusion,
        recall,
        unanswered,
        ruled: ruled.collect(),
        observed,
        questions: questions.collect(),
        instructions,
        restricted: Some(words.to_owned()),
    }
}

/// As [`without_why`]: what the vehicle is and what to do about it stays.
fn entry_without_why(entry: Entry, words: &str) -> Entry {
    let Entry {
        entry_id: _,
        list: _,
        target,
        grade,
        action,
        markers,
        reason_code: _,
        reason: _,
        information: _,
        make,
        model,
        colour,
        owner: _,
        reference: _,
        handling: _,
        nominals: _,
        listed_at,
        expires_at,
        scope: _,
    } = entry;
    Entry {
        entry_id: nobodys_entry(),
        list: ListName::unnamed(),
        target,
        grade,
        action,
        markers: markers
            .into_iter()
            .filter(|marker| marker.warns_officers())
            .collect(),
        reason_code: ReasonCode::Other,
        reason: words.to_owned(),
        information: String::new(),
        make,
        model,
        colour,
        owner: String::new(),
        reference: String::new(),
        handling: String::new(),
        nominals: Vec::new(),
        listed_at,
        expires_at,
        scope: domain::scope::Scope::default(),
    }
}

/// The id is a hash of list, mark and reference: whoever guesses the list could tell.
fn nobodys_entry() -> EntryId {
    EntryId::from([0; 16])
}

/// Whether what an event says names a rule or a desk.
fn is_a_rules(kind: EventKind) -> bool {
    use EventKind::{Asked, Escalated, FollowedUp, Instructed, Notified, Restricted};
    matches!(
        kind,
        Asked | Escalated | FollowedUp | Instructed | Notified | Restricted
    )
}

fn line_without_why(line: HistoryLine) -> HistoryLine {
    let detail = match line.kind {
        kind if is_a_rules(kind) => UNNAMED.to_owned(),
        // The list's name, and what became of the entry.
        EventKind::Recalled => match line.detail.rsplit_once(' ') {
            Some((_, became)) => format!("{UNNAMED} {became}"),
            None => UNNAMED.to_owned(),
        },
        _ => line.detail,
    };
    HistoryLine { detail, ..line }
}

/// Why somebody needs to know.
#[derive(Clone, Copy, Debug, Deserialize, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum WhyCode {
    /// To protect a child or another person at risk.
    Safeguarding,
    /// To brief a unit that is about to meet the vehicle.
    Briefing,
    /// To investigate a crime.
    Investigation,
    /// To answer for how the case is handled.
    Supervision,
    /// To mend the entry.
    DataQuality,
}

impl WhyCode {
    fn name(self) -> &'static str {
        match self {
            Self::Safeguarding => "safeguarding",
            Self::Briefing => "briefing",
            Self::Investigation => "investigation",
            Self::Supervision => "supervision",
            Self::DataQuality => "data_quality",
        }
    }
}

/// Who asks why says what for.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct AskedWhy {
    code: WhyCode,
}

/// `POST /api/cases/{case_id}/why`
pub(crate) async fn why(
    State(app): State<Arc<App>>,
    signed_in: SignedIn,
    Named(case): Named<CaseId>,
    Body(AskedWhy { code }): Body<AskedWhy>,
) -> Result<Json<Shown<CaseRecord>>, ControlRoomError> {
    let record = app.store.case(case).await?;
    let (name, subject) = (signed_in.name().as_str(), case.to_string());
    // First the row, then the answer: who cannot be recorded sees nothing.
    app.store
        .audit(name, "view_why", &subject, code.name(), Timestamp::now())
        .await?;
    Ok(Json(Shown(record)))
}
