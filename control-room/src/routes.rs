//! Every route, in one table: method, path, who may, what it does. Router and API description are both made from it, and
//! the check of [`crate::access`] stands before each row, so that no route is without one.

use std::sync::Arc;

use axum::Router;
use axum::middleware;
use domain::user::Permission::{
    ActOnCases, AnswerCalls, ChangeHotlists, FollowUp, ReportObservations, SeeWhy, ViewAudit, ViewCases,
    ViewHotlists,
};

use crate::access::Access::{Anyone, Needs, SignedIn};
use crate::access::{self, Gate};
use crate::app::App;
use crate::route::Route;
use crate::{
    audit, cases, events, follow_ups, health, images, map, observations, openapi, patrol, restrict, rules,
    schemas, session, units,
};

mod lists;

/// The table.
pub(crate) fn table() -> Vec<Route> {
    let mut table = people();
    table.extend(work());
    table.extend(seen());
    table.extend(lists::table());
    table.extend(ruled());
    table
}

fn people() -> Vec<Route> {
    vec![
        Route::get("/healthz", Anyone, health::healthz, "Whether the service runs")
            .gives_type("text/plain", "It runs"),
        Route::get(
            "/readyz",
            Anyone,
            health::readyz,
            "Whether the service can do its work",
        )
        .gives_type("text/plain", "The database answers")
        .fails(503, "The database does not answer"),
        Route::post("/api/session", Anyone, session::sign_in, "Sign in")
            .takes::<session::Credentials>()
            .gives::<session::SessionAnswer>("Signed in; the session is in the cookie `steelring_session`")
            .fails(401, "`bad_credentials`: user name or password is wrong")
            .fails(429, "`too_many_attempts`: ten failures in five minutes"),
        Route::get("/api/session", SignedIn, session::who, "Who is signed in")
            .gives::<session::SessionAnswer>("The user"),
        Route::delete("/api/session", SignedIn, session::sign_out, "Sign out").gives_nothing("Signed out"),
        Route::get(
            "/api/openapi.json",
            SignedIn,
            openapi::document,
            "This description",
        )
        .gives_type("application/json", "OpenAPI 3.1"),
        Route::get(
            "/api/audit",
            Needs(ViewAudit),
            audit::rows,
            "The audit trail, newest first",
        )
        .asks::<audit::AuditAsked>()
        .gives::<audit::AuditAnswer>("Rows"),
    ]
}

fn work() -> Vec<Route> {
    vec![
        Route::get(
            "/api/cases",
            Needs(ViewCases),
            cases::list,
            "Cases by grade, then age",
        )
        .asks::<cases::CasesAsked>()
        .gives::<cases::CasesAnswer>("Cases"),
        Route::get(
            "/api/cases/{case_id}",
            Needs(ViewCases),
            cases::one,
            "One case; the view is audited",
        )
        .gives::<schemas::CaseRecord>("The case with everything about it")
        .fails(404, "There is no such case"),
        Route::post(
            "/api/cases/{case_id}/decide",
            Needs(ActOnCases),
            cases::decide,
            "Decide about a case",
        )
        .takes::<cases::Decide>()
        .gives::<schemas::CaseEvent>("What happened")
        .fails(404, "There is no such case")
        .fails(
            409,
            "`superseded` (the message names who was first), `wrong_state` or `unit_busy`",
        )
        .fails(422, "`wrong_outcome`, `note` or `unknown_unit`"),
        Route::post(
            "/api/deployments/{deployment_id}/advance",
            Needs(ActOnCases),
            cases::advance,
            "Move a deployment on, as told by radio",
        )
        .takes::<cases::Advance>()
        .gives::<schemas::CaseEvent>("What happened")
        .fails(404, "There is no such deployment")
        .fails(409, "`wrong_step`: it is as far already"),
        Route::get(
            "/api/hits",
            Needs(ViewCases),
            cases::hits,
            "Hits of every grade, newest first; audited",
        )
        .asks::<cases::HitsAsked>()
        .gives::<cases::HitsAnswer>("Hits"),
        Route::get(
            "/api/images/{hash}",
            Needs(ViewCases),
            images::image,
            "A plate or scene image",
        )
        .gives_type("image/*", "The image, JPEG or PNG")
        .fails(404, "The image is not kept"),
        Route::get(
            "/api/units",
            Needs(ViewCases),
            units::units,
            "Units as they last reported",
        )
        .gives::<units::UnitsAnswer>("Units by callsign"),
        Route::get("/api/cameras", Needs(ViewCases), units::cameras, "Cameras")
            .gives::<units::CamerasAnswer>("Cameras"),
        Route::get(
            "/api/map",
            Needs(ViewCases),
            map::map,
            "Outlines, roads and cameras as GeoJSON",
        )
        .gives::<schemas::ForceMap>("The map"),
        Route::get(
            "/api/events",
            Needs(ViewCases),
            events::events,
            openapi::EVENTS_SUMMARY,
        )
        .asks::<events::EventsAsked>()
        .gives_type("text/event-stream", openapi::EVENTS)
        .names::<schemas::CaseEvent>()
        .names::<units::UnitsAnswer>(),
    ]
}

fn seen() -> Vec<Route> {
    vec![
        Route::post(
            "/api/cases/{case_id}/answer",
            Needs(ActOnCases),
            observations::answer,
            "Answer what a rule asks about a case, or correct the answer; audited",
        )
        .takes::<observations::Answered>()
        .gives::<schemas::CaseEvent>("What happened")
        .fails(404, "There is no such case")
        .fails(409, "`wrong_state`: the case is over")
        .fails(422, "`answer`: no such question, or none of its answers"),
        Route::post(
            "/api/cases/{case_id}/why",
            Needs(SeeWhy),
            restrict::why,
            "See a case whole whose reason is restricted; audited with what it is for",
        )
        .takes::<restrict::AskedWhy>()
        .gives::<schemas::CaseRecord>("The case with everything about it")
        .fails(404, "There is no such case"),
        Route::get(
            "/api/follow-ups",
            Needs(FollowUp),
            follow_ups::list,
            "What rules left to be done after cases",
        )
        .asks::<follow_ups::FollowUpsAsked>()
        .gives::<follow_ups::FollowUpsAnswer>("Follow-ups"),
        Route::post(
            "/api/follow-ups/close",
            Needs(FollowUp),
            follow_ups::close,
            "Close a follow-up, saying what was done; audited",
        )
        .takes::<follow_ups::Close>()
        .gives::<follow_ups::ClosedAnswer>("It is closed, and kept")
        .fails(404, "There is no such follow-up")
        .fails(409, "`closed`; the message names who was first")
        .fails(422, "`note`: missing, or longer than 2000 characters"),
        Route::get(
            "/api/patrol",
            Needs(ReportObservations),
            patrol::order,
            "What a unit is sent to, for the officers in it: never why; audited where it is new to them",
        )
        .asks::<patrol::PatrolAsked>()
        .gives::<patrol::PatrolAnswer>("The order, and the units to choose from"),
        Route::post(
            "/api/observations",
            Needs(ReportObservations),
            observations::report,
            "Report what was seen in a vehicle, with or without a case about it; audited",
        )
        .takes::<observations::Report>()
        .gives::<observations::Reported>("It is recorded"),
    ]
}

fn ruled() -> Vec<Route> {
    vec![
        Route::get(
            "/api/rules",
            Needs(ViewHotlists),
            rules::show,
            "The rules that count",
        )
        .gives::<rules::RulesAnswer>("The newest rule file, with its rules and their tests"),
        Route::post(
            "/api/rules/check",
            Needs(ChangeHotlists),
            rules::check,
            "Whether a rule file compiles and passes its own tests; nothing is changed",
        )
        .takes_types(&["application/toml"])
        .gives::<rules::RulesChecked>("What is wrong, or the rules")
        .fails(413, "The file is larger than 256 KiB"),
        Route::post(
            "/api/rules",
            Needs(ChangeHotlists),
            rules::load,
            "Make a rule file the one that counts",
        )
        .takes_types(&["application/toml"])
        .gives::<rules::RulesLoaded>("Its version")
        .fails(413, "The file is larger than 256 KiB")
        .fails(
            422,
            "`bad_rules`: a rule does not compile or fails its own tests; nothing was changed",
        ),
        Route::get(
            "/api/notifications",
            Needs(AnswerCalls),
            rules::notifications,
            "Whom rules called to which case, newest first",
        )
        .asks::<rules::NotificationsAsked>()
        .gives::<rules::NotificationsAnswer>("Notifications"),
        Route::post(
            "/api/notifications/seen",
            Needs(AnswerCalls),
            rules::seen,
            "Say that a notification was seen; audited",
        )
        .takes::<rules::Seen>()
        .gives::<rules::SeenAnswer>("It is recorded")
        .fails(404, "There is no such notification"),
    ]
}

/// The router of the whole table.
pub(crate) fn router(app: &Arc<App>) -> Router<Arc<App>> {
    table().into_iter().fold(Router::new(), |router, route| {
        let gate = Gate {
            app: Arc::clone(app),
            access: route.access,
            route: route.path,
        };
        let check = middleware::from_fn_with_state(gate, access::check);
        router.route(route.path, route.handler.route_layer(check))
    })
}
