//! What operators' verdicts teach: of the hits of a case that a person decided about, which reads have a known truth.
//!
//! | the case | a hit of it | what is known |
//! |---|---|---|
//! | confirmed, with or without what followed | exact or misread | the entry's vehicle: the read is right, or wrong in the way that it differs |
//! | rejected or closed as another vehicle | exact | the plate is right, and on another vehicle |
//! | the same | misread | nothing: the plate may be the entry's or another |
//! | rejected or closed as misread | any | nothing: it is not the entry's vehicle, and whose it is nobody said |
//! | rejected as out of date, or for another reason | any | nothing: nobody says that the plate was looked at |
//! | not decided about, or recalled before anybody looked | any | nothing |
//!
//! All hits of a confirmed case count, the right ones as often as they are. One gap stays: a misread that was too unlikely to
//! become a hit is not among them, so that this source alone makes cameras look a little better than they are.
//! [`super::journeys`] has no such gap, and far more reads.

use domain::case::{CaseState, Outcome};
use domain::hit::{Hit, MatchKind};

use super::learn::{Source, Verdict};

/// What a hit of a case in this state, with this outcome if it has one, says about its read; none where the truth is not known.
#[must_use]
pub fn verdict(hit: &Hit, state: CaseState, outcome: Option<Outcome>) -> Option<Verdict> {
    let known = match (state, outcome) {
        (CaseState::New, _) => false,
        (CaseState::Confirmed | CaseState::Deployed, _) => true,
        (CaseState::Rejected | CaseState::Closed, Some(Outcome::WrongVehicle)) => {
            hit.kind == MatchKind::Exact
        }
        (CaseState::Rejected, _) => false,
        (CaseState::Closed, outcome) => !matches!(
            outcome,
            None | Some(Outcome::Misread | Outcome::Other | Outcome::Recalled)
        ),
    };
    // The entry of a suspected clone is the matcher's own, of the mark as read.
    let listed = hit.kind != MatchKind::Clone;
    (known && listed).then(|| Verdict {
        read: hit.read.vrm,
        truth: hit.vrm(),
        camera: hit.read.camera.clone(),
        confidences: hit.read.character_confidences.clone(),
        source: Source::Operator,
    })
}

#[cfg(test)]
mod tests {
    use domain::hotlist::{Action, Entry, Grade, Revision};
    use domain::read::RawRead;
    use domain::{CameraId, ListName, SourceName, Timestamp, Vrm};

    use super::*;

    fn hit(plate: &str, listed: &str, kind: MatchKind) -> Hit {
        let now: Timestamp = "2026-11-01T12:00:00Z".parse().unwrap();
        let raw = RawRead {
            plate: plate.into(),
            captured_at: now,
            character_confidences: vec![0.9; plate.len()],
            ..RawRead::default()
        };
        let (camera, source) = (CameraId::parse("c1").unwrap(), SourceName::parse("test").unwrap());
        let (list, vrm) = (ListName::parse("stolen").unwrap(), Vrm::parse(listed).unwrap());
        let entry = Entry {
            grade: Grade::Two,
            action: Action::Stop,
            reason: "stolen".into(),
            ..Entry::new(&list, vrm, "", now)
        };
        let hit = Hit::exact(raw.check(camera, source, now).unwrap(), entry, Revision(1), now);
        Hit { kind, ..hit }
    }

    /// What an exact hit, a misread and a suspected clone say.
    fn check(state: CaseState, outcome: Option<Outcome>, expected: [bool; 3]) {
        let hits = [
            hit("AB12CDE", "AB12CDE", MatchKind::Exact),
            hit("A812CDE", "AB12CDE", MatchKind::Misread),
            hit("AB12CDE", "AB12CDE", MatchKind::Clone),
        ];
        for (hit, expected) in hits.iter().zip(expected) {
            let verdict = verdict(hit, state, outcome);
            assert_eq!(
                verdict.is_some(),
                expected,
                "{state:?} {outcome:?} {:?}",
                hit.kind
            );
            if let Some(verdict) = verdict {
                assert_eq!((verdict.read, verdict.truth), (hit.read.vrm, hit.vrm()));
                assert_eq!(verdict.confidences, [0.9; 7]);
            }
        }
    }

    #[test]
    fn a_verdict_counts_where_it_tells_the_truth_about_the_plate() {
        let (nothing, plate, vehicle) = ([false; 3], [true, false, false], [true, true, false]);
        for (state, outcome, expected) in [
            (CaseState::New, None, nothing),
            (CaseState::Confirmed, None, vehicle),
            (CaseState::Deployed, None, vehicle),
            (CaseState::Closed, Some(Outcome::Arrest), vehicle),
            (CaseState::Closed, Some(Outcome::NotFound), vehicle),
            (CaseState::Closed, Some(Outcome::EntryOutOfDate), vehicle),
            (CaseState::Closed, Some(Outcome::WrongVehicle), plate),
            (CaseState::Closed, Some(Outcome::Misread), nothing),
            (CaseState::Closed, Some(Outcome::Other), nothing),
            (CaseState::Closed, Some(Outcome::Recalled), nothing),
            (CaseState::Rejected, Some(Outcome::WrongVehicle), plate),
            (CaseState::Rejected, Some(Outcome::Misread), nothing),
            (CaseState::Rejected, Some(Outcome::EntryOutOfDate), nothing),
            (CaseState::Rejected, Some(Outcome::Other), nothing),
        ] {
            check(state, outcome, expected);
        }
    }
}
