//! The world's own hotlists. Every word on them is invented; no entry stands for anybody.

use std::collections::HashSet;

use domain::hotlist::{Action, Entry, Grade, Marker};
use domain::reason::ReasonCode;
use domain::{ListName, Timestamp, Vrm};
use jiff::civil;

use crate::dice::Dice;
use crate::traffic::ORDINARY;
use crate::vehicles::Vehicle;

/// Vehicles that want an answer (grade 1 to 3): at one every 25 s, more than a day without a repetition.
pub(crate) const WANTED: u64 = 4_000;
/// Vehicles listed for intelligence (grade 4).
pub(crate) const NOTED: u64 = 16_000;
/// From this number on, vehicles are never on the road: the others end far below.
const ABSENT: u64 = 1 << 40;
/// How many entries describe another vehicle than the one that carries the mark: a cloned plate.
const CLONED: f64 = 0.03;
/// One wanted vehicle in so many stands on a second list, too.
const ON_TWO_LISTS: u64 = 40;

/// Why a vehicle is looked for.
struct Story {
    list: &'static str,
    grade: Grade,
    action: Action,
    markers: &'static [Marker],
    reason: &'static str,
    information: &'static str,
}

const fn story(
    list: &'static str,
    grade: Grade,
    action: Action,
    markers: &'static [Marker],
    reason: &'static str,
    information: &'static str,
) -> Story {
    Story {
        list,
        grade,
        action,
        markers,
        reason,
        information,
    }
}

use Action::{Intelligence, Observe, Silent, Stop};
use Grade::{Four, One, Three, Two};
use Marker as M;

/// Grades 1 to 3, with weights: of a hundred cases some 17 are immediate and some 45 can wait for hours.
#[rustfmt::skip]
const WANTED_STORIES: &[(Story, f64)] = &[
    (story("firearms", One, Stop, &[M::Firearms, M::Violent], "Seen leaving a firearms discharge", "Do not approach unarmed. Armed units only; report direction of travel."), 4.0),
    (story("firearms", One, Stop, &[M::Weapons, M::Violent, M::Wanted], "Driver wanted for aggravated burglary, machete used", "May be armed. Await a second unit before the stop."), 3.0),
    (story("firearms", One, Silent, &[M::Explosives], "Linked to the theft of quarry detonators", "Do not stop. Do not show interest. Call the duty inspector."), 1.0),
    (story("missing-persons", One, Stop, &[M::MissingPerson, M::Suicidal], "High-risk missing adult, left a note", "Welfare check. Ambulance on standby."), 4.0),
    (story("missing-persons", One, Stop, &[M::MissingPerson], "Missing child, believed with non-custodial parent", "Stop, confirm the child is safe, inform the duty inspector."), 3.0),
    (story("wanted-persons", One, Stop, &[M::Wanted, M::Escaper], "Absconded from escort at court", "Arrest on sight. Known to run."), 2.0),
    (story("sex-offenders", Two, Observe, &[M::RegisteredSexOffender], "Registered sex offender in breach of notification", "Note occupants, above all any child. Do not disclose the reason to others."), 6.0),
    (story("sex-offenders", Two, Stop, &[M::RegisteredSexOffender, M::Wanted], "Registered sex offender, recall to prison", "Arrest. Inform the sex-offender unit of the BCU."), 4.0),
    (story("wanted-persons", Two, Stop, &[M::Wanted, M::Violent], "Keeper wanted for wounding", "Two officers at least. Identify the driver before arrest."), 8.0),
    (story("wanted-persons", Two, Stop, &[M::Wanted, M::Drugs], "Named driver wanted on warrant, supply of class A", "Search the vehicle. Beware of needles."), 7.0),
    (story("wanted-persons", Two, Stop, &[M::Wanted, M::ImpersonatesMale], "Wanted for fraud, uses several identities", "May give a man's details. Fingerprint before release."), 2.0),
    (story("wanted-persons", Two, Stop, &[M::Wanted, M::ImpersonatesFemale], "Wanted for distraction burglary, uses several identities", "May give a woman's details. Fingerprint before release."), 2.0),
    (story("missing-persons", Two, Stop, &[M::MissingPerson, M::Mental], "Missing from hospital ward", "Calm approach. Section 136 applies if detained in public."), 5.0),
    (story("missing-persons", Two, Stop, &[M::MissingPerson, M::Ailment], "Missing, needs insulin twice a day", "Ask for state of health at once. Ambulance if confused."), 3.0),
    (story("stolen-vehicles", Two, Stop, &[M::Stolen], "Stolen in burglary overnight, keys taken", "Likely to fail to stop. Pursuit-trained driver wanted."), 10.0),
    (story("stolen-vehicles", Three, Stop, &[M::Stolen], "Taken without consent", "Recover for forensic examination."), 18.0),
    (story("stolen-vehicles", Three, Stop, &[M::LostOrStolenPlates], "Plates stolen from keeper's car", "Check the VIN. Bodywork should not match the entry."), 9.0),
    (story("wanted-persons", Three, Stop, &[M::Wanted], "Keeper wanted, failed to appear at magistrates", "Identify the driver. Arrest on warrant."), 9.0),
    (story("wanted-persons", Three, Stop, &[M::Wanted, M::Contagious], "Wanted on warrant, non-payment", "Notifiable infection: gloves and mask."), 2.0),
    (story("wanted-persons", Three, Stop, &[M::Wanted, M::Alleges], "Wanted for harassment", "Makes allegations against officers: body-worn video on throughout."), 3.0),
    (story("disqualified-drivers", Three, Stop, &[M::Disqualified, M::NoInsurance], "Keeper disqualified until next year", "Identify the driver. Seize under section 165A if the keeper drives."), 7.0),
];

/// Grade 4, with weights.
#[rustfmt::skip]
const NOTED_STORIES: &[(Story, f64)] = &[
    (story("no-insurance", Four, Intelligence, &[M::NoInsurance], "No insurance on the motor insurance database", ""), 46.0),
    (story("no-tax", Four, Intelligence, &[M::NoTax], "No vehicle excise duty", ""), 30.0),
    (story("disqualified-drivers", Four, Intelligence, &[M::Disqualified], "Registered to the address of a disqualified driver", "Log occupants where seen."), 6.0),
    (story("intelligence", Four, Intelligence, &[M::Drugs], "Seen at a supply address", "Log time, place and direction."), 8.0),
    (story("intelligence", Four, Silent, &[], "Linked to cross-border burglary team", "Do not stop. Log only."), 6.0),
    (story("intelligence", Four, Intelligence, &[M::NoInsurance, M::NoTax], "No keeper recorded", "Log time and place."), 4.0),
];

/// The number's story; none for a vehicle that nobody looks for.
fn story_of(seed: u64, number: u64) -> Option<(&'static Story, Dice)> {
    let mut dice = Dice::of(&[seed, u64::from_be_bytes(*b"hotlists"), number]);
    if number < WANTED {
        Some((dice.weighted(WANTED_STORIES), dice))
    } else if number < WANTED + NOTED {
        Some((dice.weighted(NOTED_STORIES), dice))
    } else {
        None
    }
}

/// Every list with its entries, as of `now`: entries are older than that by hours to a year.
pub(crate) fn all(seed: u64, now: Timestamp) -> Vec<(ListName, Vec<Entry>)> {
    let mut lists: Vec<(ListName, Vec<Entry>)> = Vec::new();
    let mut put = |entry: Entry| match lists.iter_mut().find(|(name, _)| *name == entry.list) {
        Some((_, entries)) => entries.push(entry),
        None => lists.push((entry.list.clone(), vec![entry])),
    };
    for number in 0..WANTED + NOTED {
        let vehicle = Vehicle::of(seed, number);
        let Some((story, mut dice)) = story_of(seed, number) else {
            continue;
        };
        put(entry(seed, number, &vehicle, story, &mut dice, now));
        if number < WANTED && number % ON_TWO_LISTS == 0 {
            put(entry(seed, number, &vehicle, &NOTED_STORIES[0].0, &mut dice, now));
        }
    }
    lists
}

/// `count` entries of grade 4 for vehicles that are never on the road: they make the lists long and hit misreads alone.
pub(crate) fn absent(seed: u64, count: usize, now: Timestamp) -> Vec<Entry> {
    let on_the_road: HashSet<Vrm> = (0..WANTED + NOTED + ORDINARY)
        .map(|number| Vehicle::of(seed, number).mark.vrm)
        .collect();
    let entry = |number| {
        let vehicle = Vehicle::of(seed, number);
        let mut dice = Dice::of(&[seed, u64::from_be_bytes(*b"-absent-"), number]);
        let story = dice.weighted(NOTED_STORIES);
        (!on_the_road.contains(&vehicle.mark.vrm))
            .then(|| entry(seed, number, &vehicle, story, &mut dice, now))
    };
    (ABSENT..).filter_map(entry).take(count).collect()
}

/// Every mark on any of the lists.
pub(crate) fn marks(seed: u64) -> impl Iterator<Item = Vrm> {
    (0..WANTED + NOTED).map(move |number| Vehicle::of(seed, number).mark.vrm)
}

fn entry(seed: u64, number: u64, vehicle: &Vehicle, story: &Story, dice: &mut Dice, now: Timestamp) -> Entry {
    let list = ListName::parse(story.list).expect("the names above are names");
    let reference = reference(number, dice);
    let clone_of = WANTED + NOTED + number;
    let cloned = dice.chance(CLONED).then(|| Vehicle::of(seed, clone_of));
    let listed = cloned.as_ref().unwrap_or(vehicle);
    let mut markers = story.markers.to_vec();
    markers.sort();
    // an urgent entry is young: within 3 days; the others up to a year
    let hours = if story.grade <= Two { 72.0 } else { 8_760.0 };
    let age_s = (dice.between(0.02, 1.0).powi(2) * hours * 3_600.0) as i64;
    let listed_at = Timestamp::from_second(now.as_second() - age_s).unwrap_or(now);
    Entry {
        grade: story.grade,
        action: story.action,
        reason_code: ReasonCode::of_markers(&markers),
        markers,
        reason: story.reason.to_owned(),
        information: story.information.to_owned(),
        make: listed.make.to_owned(),
        model: listed.model.to_owned(),
        colour: listed.colour.to_owned(),
        owner: owner(dice),
        expires_at: weed_date(story, now),
        ..Entry::new(&list, vehicle.mark.vrm, reference, listed_at)
    }
}

fn reference(number: u64, dice: &mut Dice) -> String {
    let letter = char::from(b'A' + (dice.below(26) as u8));
    format!("SIM/{:06}{letter}", 100_000 + number)
}

fn owner(dice: &mut Dice) -> String {
    const OWNERS: &[(&str, f64)] = &[
        ("Merseyside, Liverpool North", 20.0),
        ("Merseyside, Liverpool South", 16.0),
        ("Merseyside, Sefton", 12.0),
        ("Merseyside, Wirral", 12.0),
        ("Merseyside, St Helens", 8.0),
        ("Merseyside, Knowsley", 8.0),
        ("Greater Manchester", 8.0),
        ("Cheshire", 8.0),
        ("Lancashire", 8.0),
    ];
    (*dice.weighted(OWNERS)).to_owned()
}

/// Grade 4 entries are weeded at the end of next year: a date, not a span, so that a list offered again tomorrow is
/// the same list. The others stay until they are withdrawn.
fn weed_date(story: &Story, now: Timestamp) -> Option<Timestamp> {
    let utc = jiff::tz::TimeZone::UTC;
    let year = now.to_zoned(utc.clone()).year();
    let end = civil::Date::new(year.checked_add(2)?, 1, 1).ok()?;
    let end = end.to_zoned(utc).ok()?.timestamp();
    (story.grade == Four).then_some(end)
}

#[cfg(test)]
mod tests {
    use domain::target::Target;

    use super::*;
    use domain::EntryId;
    use std::collections::BTreeSet;

    fn entries() -> Vec<Entry> {
        let now = "2026-11-01T12:00:00Z".parse().unwrap();
        all(1, now).into_iter().flat_map(|(_, entries)| entries).collect()
    }

    #[test]
    fn every_grade_marker_and_action_is_on_some_list() {
        let entries = entries();
        let grades: BTreeSet<u8> = entries.iter().map(|entry| entry.grade.into()).collect();
        assert_eq!(grades, BTreeSet::from([1, 2, 3, 4]));
        let markers: BTreeSet<Marker> = entries.iter().flat_map(|entry| entry.markers.clone()).collect();
        assert_eq!(markers, Marker::ALL.iter().map(|(marker, ..)| *marker).collect());
        let actions: HashSet<Action> = entries.iter().map(|entry| entry.action).collect();
        assert_eq!(actions.len(), 4);
    }

    #[test]
    fn absent_entries_are_as_many_as_asked_for_and_share_no_mark_with_the_road() {
        let entries = absent(1, 2_000, "2026-11-01T12:00:00Z".parse().unwrap());
        let ids: HashSet<EntryId> = entries.iter().map(|entry| entry.entry_id).collect();
        assert_eq!(ids.len(), 2_000);
        let road: HashSet<Target> = (0..WANTED + NOTED + ORDINARY)
            .map(|number| Vehicle::of(1, number).mark.vrm.into())
            .collect();
        assert!(entries.iter().all(|entry| !road.contains(&entry.target)));
    }

    #[test]
    fn entries_are_distinct_live_and_the_same_the_next_day_but_for_their_age() {
        let now: Timestamp = "2026-11-01T12:00:00Z".parse().unwrap();
        let entries = entries();
        let ids: HashSet<EntryId> = entries.iter().map(|entry| entry.entry_id).collect();
        assert_eq!(ids.len(), entries.len());
        assert!(
            entries
                .iter()
                .all(|entry| entry.is_live_at(now) && entry.listed_at < now)
        );
        let tomorrow = now + jiff::SignedDuration::from_hours(24);
        let again: Vec<Entry> = all(1, tomorrow)
            .into_iter()
            .flat_map(|(_, entries)| entries)
            .collect();
        for (today, next) in entries.iter().zip(again) {
            let next = Entry {
                listed_at: today.listed_at,
                ..next
            };
            assert_eq!(*today, next);
        }
    }
}
