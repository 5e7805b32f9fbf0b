//! The force's rules, and whom they called.

use std::sync::Arc;

use axum::Json;
use axum::body::Body as RawBody;
use axum::extract::State;
use domain::Timestamp;
use intelligence::rules::{Rule, RuleFault, RuleFile};
use serde::{Deserialize, Serialize};
use store::rules::Notification;
use utoipa::{IntoParams, ToSchema};

use crate::access::SignedIn;
use crate::app::App;
use crate::error::ControlRoomError;
use crate::extract::{self, Asked, Body};
use crate::restrict::Shown;
use crate::schemas;

/// Largest rule file: a hundred rules with their tests are some 50 KiB.
const MAX_RULES_BYTES: usize = 256 * 1024;
/// Notifications in one answer where no limit is asked for.
const USUAL: u32 = 100;
/// Most notifications in one answer.
const MOST: u32 = 1_000;
/// Faults told of a refused file; whoever mends these sees the next.
const FAULTS_TOLD: usize = 20;

/// The rule file that counts.
#[derive(Serialize, ToSchema)]
pub(crate) struct RulesAnswer {
    /// From 1; 0 is the force's own, as it came, and counts while none was loaded.
    version: u64,
    /// SHA-256 of the text.
    hash: String,
    /// Absent of the force's own.
    #[serde(skip_serializing_if = "Option::is_none")]
    loaded_at: Option<Timestamp>,
    #[serde(skip_serializing_if = "Option::is_none")]
    loaded_by: Option<String>,
    /// The file as it is.
    text: String,
    /// Its rules, in the order in which they are applied.
    rules: Vec<RuleShown>,
    /// Why it does not compile here, where another version of Steelring loaded it: the rules before it are in force.
    #[schema(value_type = Vec<schemas::RuleFault>)]
    faults: Vec<RuleFault>,
}

/// A rule, all of whose tests pass.
#[derive(Serialize, ToSchema)]
pub(crate) struct RuleShown {
    name: String,
    /// Its condition, in CEL.
    when: String,
    raise_grade: bool,
    #[schema(minimum = 1, maximum = 4)]
    set_grade: Option<u8>,
    /// Units and desks that are told.
    notify: Vec<String>,
    /// What the operator is asked.
    ask: Option<AskShown>,
    /// What is to be done, whatever the entry says.
    instruct: Option<String>,
    /// What is said in place of why the vehicle is looked for.
    restrict: Option<String>,
    /// What is left to be done after the case.
    follow_up: Option<String>,
    /// Steps that its condition takes at most.
    steps: u64,
    tests: Vec<TestShown>,
}

/// A question and its answers.
#[derive(Serialize, ToSchema)]
pub(crate) struct AskShown {
    question: String,
    answers: Vec<String>,
}

/// A test case of a rule.
#[derive(Serialize, ToSchema)]
pub(crate) struct TestShown {
    name: String,
    /// Whether the rule holds there.
    expect: bool,
}

impl RuleShown {
    fn all(file: &RuleFile) -> Vec<Self> {
        file.rules.iter().map(Self::of).collect()
    }

    fn of(rule: &Rule) -> Self {
        let tests = rule.tests.iter().map(|test| TestShown {
            name: test.name.clone(),
            expect: test.expect,
        });
        Self {
            name: rule.name.clone(),
            when: rule.when.clone(),
            raise_grade: rule.effects.raise_grade,
            set_grade: rule.effects.set_grade.map(u8::from),
            notify: rule.effects.notify.clone(),
            ask: rule.effects.ask.as_ref().map(|ask| AskShown {
                question: ask.question.clone(),
                answers: ask.answers.words(),
            }),
            instruct: rule.effects.instruct.clone(),
            restrict: rule.effects.restrict.clone(),
            follow_up: rule.effects.follow_up.clone(),
            steps: rule.steps,
            tests: tests.collect(),
        }
    }
}

/// Whether a rule file may be loaded.
#[derive(Serialize, ToSchema)]
pub(crate) struct RulesChecked {
    /// All that is wrong, in the order of the file; it may be loaded where nothing is.
    #[schema(value_type = Vec<schemas::RuleFault>)]
    faults: Vec<RuleFault>,
    rules: Vec<RuleShown>,
}

/// What a load did.
#[derive(Serialize, ToSchema)]
pub(crate) struct RulesLoaded {
    /// The version that counts now.
    version: u64,
    /// SHA-256 of the text.
    hash: String,
    /// How many rules it has.
    rules: usize,
}

/// Which notifications.
#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct NotificationsAsked {
    /// At most so many.
    limit: Option<u32>,
}

/// Notifications, newest first.
#[derive(Serialize, ToSchema)]
pub(crate) struct NotificationsAnswer {
    #[schema(value_type = Vec<schemas::Notification>)]
    notifications: Vec<Shown<Notification>>,
}

/// Which notification was seen.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Seen {
    number: u64,
}

/// Who has seen what.
#[derive(Serialize, ToSchema)]
pub(crate) struct SeenAnswer {
    number: u64,
}

/// `GET /api/rules`
pub(crate) async fn show(State(app): State<Arc<App>>) -> Result<Json<RulesAnswer>, ControlRoomError> {
    let Some(stored) = app.store.rules().await? else {
        return Ok(Json(RulesAnswer {
            version: 0,
            hash: app.rules.hash.clone(),
            loaded_at: None,
            loaded_by: None,
            text: app.rules.text.clone(),
            rules: RuleShown::all(&app.rules),
            faults: Vec::new(),
        }));
    };
    let RulesChecked { faults, rules } = checked(&stored.text);
    Ok(Json(RulesAnswer {
        version: stored.version,
        hash: stored.hash,
        loaded_at: Some(stored.loaded_at),
        loaded_by: Some(stored.loaded_by.to_string()),
        text: stored.text,
        rules,
        faults,
    }))
}

/// `POST /api/rules/check`
pub(crate) async fn check(body: RawBody) -> Result<Json<RulesChecked>, ControlRoomError> {
    let body = extract::receive(body, MAX_RULES_BYTES).await?;
    Ok(Json(checked(text(&body)?)))
}

fn text(body: &[u8]) -> Result<&str, ControlRoomError> {
    std::str::from_utf8(body).map_err(|error| ControlRoomError::request("body", error))
}

fn checked(text: &str) -> RulesChecked {
    match RuleFile::parse(text) {
        Ok(file) => RulesChecked {
            faults: Vec::new(),
            rules: RuleShown::all(&file),
        },
        Err(mut faults) => {
            faults.truncate(FAULTS_TOLD);
            RulesChecked {
                faults,
                rules: Vec::new(),
            }
        }
    }
}

/// `POST /api/rules`
pub(crate) async fn load(
    State(app): State<Arc<App>>,
    signed_in: SignedIn,
    body: RawBody,
) -> Result<Json<RulesLoaded>, ControlRoomError> {
    let body = extract::receive(body, MAX_RULES_BYTES).await?;
    let text = text(&body)?;
    let file = RuleFile::parse(text).map_err(|faults| {
        let told = faults.iter().take(FAULTS_TOLD).map(ToString::to_string);
        ControlRoomError::Unprocessable {
            code: "bad_rules",
            field: "body",
            message: told.collect::<Vec<_>>().join("\n"),
        }
    })?;
    let version = app
        .store
        .load_rules(text, &file.hash, signed_in.name(), Timestamp::now())
        .await?;
    Ok(Json(RulesLoaded {
        version,
        rules: file.rules.len(),
        hash: file.hash,
    }))
}

/// `GET /api/notifications`
pub(crate) async fn notifications(
    State(app): State<Arc<App>>,
    Asked(asked): Asked<NotificationsAsked>,
) -> Result<Json<NotificationsAnswer>, ControlRoomError> {
    let limit = extract::limit(asked.limit, USUAL, MOST)?;
    let notifications = app.store.notifications(limit).await?;
    let called = notifications.iter().map(|call| call.case_id).collect();
    let cases = app.store.cases_of(&called).await?;
    let restriction = app.restrictions.now().await?;
    let shown = |call: Notification| {
        let case = cases.get(&call.case_id);
        restriction.call(call, case)
    };
    let notifications = notifications.into_iter().map(shown).collect();
    Ok(Json(NotificationsAnswer { notifications }))
}

/// `POST /api/notifications/seen`
pub(crate) async fn seen(
    State(app): State<Arc<App>>,
    signed_in: SignedIn,
    Body(Seen { number }): Body<Seen>,
) -> Result<Json<SeenAnswer>, ControlRoomError> {
    app.store
        .see_notification(number, signed_in.name(), Timestamp::now())
        .await?;
    Ok(Json(SeenAnswer { number }))
}
