//! The domain's values as the API's description shows them.
//!
//! `domain` knows nothing of OpenAPI, so its types are drawn again here, as they look on the wire. A test sends real
//! values through these types with unknown fields forbidden: a drawing that no longer resembles its model fails.
#![allow(dead_code, reason = "these types are drawings: never built, only described")]

use jiff::Timestamp;
#[cfg(test)]
use serde::Deserialize;
use utoipa::ToSchema;

/// Draws types: in tests they can also be read, strictly.
macro_rules! drawn {
    ($($(#[$meta:meta])* struct $name:ident { $($fields:tt)* })*) => {$(
        $(#[$meta])*
        #[derive(ToSchema)]
        #[cfg_attr(test, derive(Deserialize))]
        #[cfg_attr(test, serde(deny_unknown_fields))]
        pub(crate) struct $name { $($fields)* }
    )*};
}

macro_rules! drawn_names {
    ($($(#[$meta:meta])* enum $name:ident { $($variant:ident),* $(,)? })*) => {$(
        $(#[$meta])*
        #[derive(ToSchema)]
        #[cfg_attr(test, derive(Deserialize))]
        #[schema(rename_all = "snake_case")]
        #[cfg_attr(test, serde(rename_all = "snake_case"))]
        pub(crate) enum $name { $($variant),* }
    )*};
}

drawn! {
    /// A user as others may see it.
    struct User {
        name: String,
        role: Role,
        /// May no longer sign in.
        disabled: bool,
    }

    /// All open hits about one vehicle, and what people decided about it.
    struct Case {
        /// 32 hexadecimal digits.
        case_id: String,
        /// The vehicle: A-Z and 0-9, 2 to 10 characters.
        vrm: String,
        /// 1 immediate, 2 within the hour, 3 within 24 hours.
        #[schema(minimum = 1, maximum = 4)]
        grade: u8,
        state: CaseState,
        /// Counts people's decisions: a command carries the version it saw.
        version: u64,
        opened_at: Timestamp,
        updated_at: Timestamp,
        /// Reads so far, each once however many entries it hit.
        sightings: u32,
        /// The latest read by capture time.
        last_read: PlateRead,
        last_match: Match,
        /// The BCU of the latest read's camera.
        bcu: Option<String>,
        /// The entry of the most urgent hit.
        entry: Entry,
        /// Its leading entry was overdue for review at its latest hit; absent where it was not.
        overdue: Option<Overdue>,
        /// The people whose markers an entry has that the latest read hit; absent where there are none.
        nominals: Option<Vec<LinkedNominal>>,
        last_decision: Option<Decision>,
        conclusion: Option<Conclusion>,
        /// The last of its leading entries that was withdrawn or expired; absent where none was.
        recall: Option<Recall>,
        /// Sightings since a person last decided anything about it, the latest included.
        unanswered: u32,
        /// What rules did to it, the newest last, at most 50; absent where none did anything.
        ruled: Option<Vec<Ruled>>,
        /// What was seen in it around its sightings, the newest last, at most 20; absent where nothing was.
        observed: Option<Vec<Observed>>,
        /// What rules asked, the newest last, at most 10; absent where none asked anything.
        questions: Option<Vec<Question>>,
        /// What rules want done, whatever the entry says; absent where nothing.
        instructions: Option<Vec<String>>,
        /// Why is restricted: what is said in place of it. Of the entry there is then only what is needed to act. Absent where
        /// everybody may see why.
        restricted: Option<String>,
    }

    /// Something to be done after a case.
    struct FollowUp {
        number: u64,
        case_id: String,
        opened_at: Timestamp,
        what: String,
        /// Absent while it is open.
        closed: Option<Closed>,
    }

    /// Who ended a follow-up, when, with which words.
    struct Closed {
        by: String,
        at: Timestamp,
        words: String,
    }

    /// What was seen in a vehicle around one of its sightings.
    struct Observed {
        /// 32 hexadecimal digits.
        observation_id: String,
        vrm: String,
        child: Child,
        /// Absent where they were not counted.
        occupants: Option<u8>,
        by: Observer,
        /// When it was seen.
        at: Timestamp,
        /// Seconds between it and the sighting next to it.
        apart_s: u32,
    }

    /// Who saw something.
    struct Observer {
        kind: ObserverKind,
        /// The person; absent of a camera.
        name: Option<String>,
        /// The officer's unit, where it is known.
        unit: Option<String>,
        /// The camera; absent of a person.
        camera: Option<String>,
    }

    /// What a rule asked about a case.
    struct Question {
        /// From 1 in each case.
        number: u32,
        /// The rule that asks.
        rule: String,
        question: String,
        answers: Vec<String>,
        /// The answer says whether a child is in the vehicle; absent where it does not.
        about_child: Option<bool>,
        asked_at: Timestamp,
        /// The newest; absent while it waits.
        answer: Option<Answer>,
    }

    /// What was answered.
    struct Answer {
        given: String,
        by: Observer,
        at: Timestamp,
    }

    /// Which rule of which version did what to a case.
    struct Ruled {
        rule: String,
        /// 0 is the force's own, as it came.
        version: u64,
        /// What it held at; absent for a sighting.
        trigger: Option<Trigger>,
        at: Timestamp,
        /// The grade before; absent where it did not change.
        #[schema(minimum = 1, maximum = 4)]
        from: Option<u8>,
        #[schema(minimum = 1, maximum = 4)]
        grade: u8,
        /// Units and desks that were told; absent where none were.
        notified: Option<Vec<String>>,
        /// Who was signed in and had not acted; absent where nobody was.
        signed_in: Option<Vec<String>>,
        /// People's decisions about the case until then.
        decisions: u64,
        /// Sightings since the last of them.
        unanswered: u32,
    }

    /// An entry that led a case was withdrawn or expired.
    struct Recall {
        entry_id: String,
        list: String,
        cause: RecallCause,
        at: Timestamp,
        /// The entry that leads instead; absent where none is left: whoever is on the way stands down.
        led_by: Option<String>,
    }

    /// Who decided what, when.
    struct Decision {
        by: String,
        what: EventKind,
        at: Timestamp,
    }

    /// How a case ended.
    struct Conclusion {
        outcome: Outcome,
        note: String,
    }

    /// One camera's reading of one passing vehicle.
    struct PlateRead {
        /// 32 hexadecimal digits.
        read_id: String,
        vrm: String,
        camera: String,
        source: String,
        captured_at: Timestamp,
        received_at: Timestamp,
        /// The two times are more than ten minutes apart; absent where they are not.
        clock_suspect: Option<bool>,
        /// The camera sent it again; absent where it did not.
        retransmitted: Option<bool>,
        /// 0 to 1; absent where unknown.
        confidence: Option<f32>,
        /// One for each character, 0 to 1; absent where unknown.
        character_confidences: Option<Vec<f32>>,
        vehicle: VehicleSeen,
        motion: Option<Motion>,
        /// For `/api/images/{hash}`.
        plate_image: Option<String>,
        /// For `/api/images/{hash}`.
        overview_image: Option<String>,
    }

    /// What the camera took the vehicle to be, in its own words.
    struct VehicleSeen {
        make: Option<String>,
        model: Option<String>,
        colour: Option<String>,
        country: Option<String>,
    }

    /// One vehicle on one list, or all vehicles of a pattern.
    struct Entry {
        /// 32 hexadecimal digits.
        entry_id: String,
        list: String,
        /// A mark, or a pattern of marks: `?` is any one character, `*` any number of them.
        vrm: String,
        #[schema(minimum = 1, maximum = 4)]
        grade: u8,
        action: Action,
        /// Coded facts; absent where there are none.
        markers: Option<Vec<Marker>>,
        /// Absent where it is none of the coded ones.
        reason_code: Option<ReasonCode>,
        reason: String,
        information: Option<String>,
        make: Option<String>,
        model: Option<String>,
        colour: Option<String>,
        owner: Option<String>,
        reference: Option<String>,
        /// How it may be passed on, such as a protective marking.
        handling: Option<String>,
        /// On the list that follows from nominals: whose markers these are.
        nominals: Option<Vec<LinkedNominal>>,
        listed_at: Timestamp,
        /// The weed date.
        expires_at: Option<Timestamp>,
        /// Absent where it is looked for everywhere and always.
        scope: Option<Scope>,
    }

    /// A person whose markers a vehicle's entry has; never a name.
    struct LinkedNominal {
        reference: String,
        relations: Vec<Relation>,
        markers: Vec<Marker>,
    }

    /// Where and when an entry is looked for.
    struct Scope {
        /// At these sites; absent for all.
        sites: Option<Vec<String>>,
        /// On the ground of these BCUs; absent for all.
        bcus: Option<Vec<String>>,
        /// Only vehicles that travel in this direction.
        direction: Option<Direction>,
        /// Hours of each day in the force's time zone, such as `22:00-06:00`.
        hours: Option<String>,
    }

    /// One read matched to one entry.
    struct Hit {
        /// 32 hexadecimal digits.
        hit_id: String,
        read: PlateRead,
        entry: Entry,
        /// The revision of all lists that the read was judged under.
        revision: u64,
        /// An earlier one that did not count yet, since it was long and still on its way; absent otherwise.
        without: Option<u64>,
        kind: MatchKind,
        assessment: Option<Assessment>,
        /// With the kind `clone`.
        journey: Option<Journey>,
        /// The read was there before the entry; absent where it was not.
        past: Option<bool>,
        /// Its entry was overdue for review; absent where it was not.
        overdue: Option<Overdue>,
        matched_at: Timestamp,
    }

    /// How a case's latest read matched: with its entry if it did, else with another one of the vehicle.
    struct Match {
        kind: MatchKind,
        assessment: Option<Assessment>,
        /// The vehicle's latest journey that no single vehicle can have made.
        journey: Option<Journey>,
        /// The read was there before the entry; absent where it was not.
        past: Option<bool>,
    }

    /// How likely a read is the vehicle looked for, and why.
    struct Assessment {
        difference: Difference,
        /// Every place where the marks differ.
        characters: Vec<Deviation>,
        /// How likely the vehicle before the camera bears the listed mark, 0 to 1.
        posterior: f64,
        /// In the order in which they were weighed; they add up to the posterior's log odds.
        terms: Vec<Term>,
    }

    /// One character that differs.
    struct Deviation {
        /// From 0: in the listed mark, or in the read where the listed mark has no such character.
        position: u8,
        /// Absent where the read has one too many.
        listed: Option<String>,
        /// Absent where the read lacks it.
        read: Option<String>,
    }

    /// What one kind of evidence did to the odds.
    struct Term {
        evidence: Evidence,
        /// Above 0 it speaks for the listed vehicle.
        log_odds: f64,
    }

    /// Two readings of one mark that no single vehicle gets from one to the other of, the earlier first.
    struct Journey {
        from: Waypoint,
        to: Waypoint,
        /// As the crow flies.
        distance_m: f64,
        /// At least.
        speed_kmh: f64,
    }

    /// A reading as a place and a time.
    struct Waypoint {
        camera: String,
        at: Timestamp,
    }

    /// A unit sent to a case.
    struct Deployment {
        /// 32 hexadecimal digits.
        deployment_id: String,
        case_id: String,
        callsign: String,
        state: DeploymentState,
        by: String,
        proposed_at: Timestamp,
        updated_at: Timestamp,
    }

    /// One unit proposed for a case, and why.
    struct Proposal {
        callsign: String,
        bcu: String,
        distance_m: f64,
        fix_age_s: i64,
        stale: bool,
        own_bcu: bool,
        skills: Vec<Skill>,
        why: String,
    }

    /// What happened to a case, and the case after it.
    struct CaseEvent {
        kind: EventKind,
        at: Timestamp,
        /// Absent where it was no person.
        by: Option<String>,
        case: Case,
        hit_id: Option<String>,
        /// Every deployment that changed, or with `recalled` that is to be told; absent where none did.
        deployments: Option<Vec<Deployment>>,
        /// The new ranking; absent where it did not change.
        proposals: Option<Vec<Proposal>>,
        /// With `answered`: the number of the question.
        answered: Option<u32>,
        /// What a rule did, or what was seen or answered, in words; absent with any other event.
        said: Option<String>,
    }

    /// A case with everything about it.
    struct CaseRecord {
        case: Case,
        /// Newest first, at most 100.
        hits: Vec<Hit>,
        /// Newest first.
        deployments: Vec<Deployment>,
        proposals: Vec<Proposal>,
        /// Oldest first.
        history: Vec<HistoryLine>,
    }

    /// One line of a case's history.
    struct HistoryLine {
        at: Timestamp,
        kind: EventKind,
        by: Option<String>,
        detail: String,
    }

    /// A unit's place and state at one time.
    struct UnitPosition {
        callsign: String,
        bcu: String,
        lat: f64,
        lon: f64,
        /// Degrees clockwise from north.
        heading: f32,
        speed_kmh: f32,
        state: UnitState,
        deployment: Option<String>,
        crew: u8,
        /// Absent where there are none.
        skills: Option<Vec<Skill>>,
        at: Timestamp,
    }

    /// One lens at a fixed site.
    struct Camera {
        camera: String,
        site: String,
        name: String,
        bcu: String,
        road: String,
        lat: f64,
        lon: f64,
        /// Direction of the traffic that it reads, degrees clockwise from north.
        bearing_deg: f32,
        /// Where to look at the road there; absent where nowhere.
        cctv: Option<String>,
    }

    /// What somebody did or looked at.
    struct AuditRow {
        /// From 1, without gaps.
        number: u64,
        at: Timestamp,
        actor: String,
        action: String,
        subject: String,
        detail: String,
        /// SHA-256 over this row and the hash of the one before, hexadecimal.
        hash: String,
    }

    /// Why a request was not carried out.
    struct Problem {
        error: ProblemDetail,
        /// With `bad_rows`: the first hundred.
        faults: Option<Vec<RowFault>>,
        /// With `bad_rows`: all of them.
        fault_count: Option<u64>,
        /// With `bad_list`, where the file's columns are not known: what they seem to hold.
        guess: Option<Guess>,
    }

    /// Why, for programs and for people.
    struct ProblemDetail {
        /// For programs, such as `superseded`.
        code: String,
        /// For people: what is wrong and what to do.
        message: String,
        /// The field that is wrong, where one is.
        field: Option<String>,
    }

    /// The force as the map draws it. The collections are GeoJSON.
    struct ForceMap {
        name: String,
        control_room: String,
        /// `[[west, south], [east, north]]`; null where the force is empty.
        bounds: Option<Vec<Vec<f64>>>,
        /// Multipolygons with `code` and `name`.
        #[schema(value_type = Object)]
        bcus: serde_json::Value,
        /// Line strings with `name` and `class`.
        #[schema(value_type = Object)]
        roads: serde_json::Value,
        /// Points with `camera`, `name`, `bcu` and `bearing_deg`.
        #[schema(value_type = Object)]
        cameras: serde_json::Value,
    }
}

drawn_names! {
    enum Role { Operator, Supervisor, Intelligence, Admin, Patrol, Client }
    enum CaseState { New, Confirmed, Rejected, Deployed, Closed }
    enum EventKind { Opened, Sighted, Confirmed, Rejected, Deployed, DeploymentAdvanced, Proposed, Closed, Recalled, Escalated, Notified, Observed, Asked, Answered, Instructed, Restricted, FollowedUp }
    enum Child { Seen, NotSeen, CannotTell }
    enum Trigger { Sighting, Observation, Answer }
    enum ObserverKind { Operator, Officer, Camera }
    enum RecallCause { Withdrawn, Expired }
    enum Outcome {
        Arrest, VehicleRecovered, StoppedNoArrest, Observed, NotFound, NoUnitAvailable, EntryOutOfDate, Misread,
        WrongVehicle, Other, Recalled,
    }
    enum Motion { Towards, Away }
    enum Direction { North, East, South, West }
    enum Action { Stop, Observe, Silent, Intelligence }
    enum Marker {
        RegisteredSexOffender, Firearms, Weapons, Explosives, Violent, Contagious, Escaper, Alleges, Ailment, Suicidal,
        Mental, Drugs, ImpersonatesMale, ImpersonatesFemale, MissingPerson, Wanted, Stolen, LostOrStolenPlates,
        NoInsurance, NoTax, Disqualified,
    }
    enum ReasonCode {
        Stolen, Plates, Clone, Wanted, Missing, Safeguarding, Offender, Firearms, Violence, Drugs, Theft, NoInsurance,
        NoTax, Disqualified, Intelligence, Other,
    }
    enum Relation { Keeper, Driver, Associate }
    enum MatchKind { Exact, Misread, Wildcard, Clone }
    enum Evidence { Characters, Confidence, Syntax, Register, Colour, Make, History }
    enum DeploymentState { Proposed, Accepted, EnRoute, AtScene, Cleared }
    enum UnitState { Available, Accepted, EnRoute, AtScene, Busy, OffDuty }
    enum Skill { Armed, Pursuit, Roads, Dog }
}

/// How the mark as read differs from the listed one. Positions count from 0, characters are ASCII.
#[derive(ToSchema)]
#[cfg_attr(test, derive(Deserialize))]
#[schema(rename_all = "snake_case")]
#[cfg_attr(test, serde(rename_all = "snake_case", deny_unknown_fields))]
pub(crate) enum Difference {
    /// Not at all.
    None,
    /// So many characters were taken for others.
    Alike { count: u8 },
    /// The read lacks a character.
    Lost { position: u8, character: u8 },
    /// The read has one too many.
    Gained { position: u8, character: u8 },
}

mod lists;
mod nominals;
mod operations;
#[cfg(test)]
mod page;
#[cfg(test)]
mod tests;

pub(crate) use lists::*;
pub(crate) use nominals::*;
pub(crate) use operations::*;
