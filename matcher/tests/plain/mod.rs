//! The score in the plainest code: a list of every vehicle there may be, the weight of each, a division.

use domain::Vrm;
use matcher::alike::{SYMBOLS, alike, character};
use matcher::confusion::places_dropped;
use matcher::description::{Description, colour_likelihood, make_likelihood};
use matcher::population::Form;
use matcher::score::{Knowledge, Listed, Reading};
use matcher::traffic::{LEAST_STRAYS, MOST_STRAYS, Seen};

use crate::World;

/// More right reads of a dirty plate than there ever are.
const MOST_RIGHT: u32 = 40;

/// A vehicle, or the part of one that is to be expected.
struct Vehicle {
    mark: Vrm,
    number: f64,
    looks: Description,
    /// It is a certain one.
    certain: bool,
}

/// As `Scorer::consider(reading, itself).posterior(listed)`.
pub fn posterior(
    world: &World,
    known: &Knowledge<'_>,
    reading: &Reading,
    itself: Option<&Listed>,
    listed: &Listed,
) -> f64 {
    let read = reading.mark();
    let registered = known.register.and(world.registered.get(&read).copied());
    let bearer = itself.map(|itself| itself.vehicle).or(registered);
    let mut vehicles = everybody(world, known.register.is_some(), read, registered.is_some());
    let expected: f64 = vehicles
        .iter()
        .filter(|v| v.mark == read && !v.certain)
        .map(|v| v.number)
        .sum();
    let borne = if bearer.is_some() { 1.0 } else { expected.min(1.0) };
    vehicles.retain(|vehicle| vehicle.mark != read);

    let likelihood = |mark| known.table.likelihood(mark, read, &doubts(known, reading));
    let strays: f64 = vehicles
        .iter()
        .map(|vehicle| vehicle.number * likelihood(vehicle.mark))
        .sum();
    let mut case = Case {
        world,
        known,
        reading,
        borne,
        strays,
        history: 1.0,
    };
    case.history = case.history();

    // the listed vehicle is one of them, or one more
    let mut share = 0.0;
    for vehicle in vehicles.iter_mut().filter(|vehicle| vehicle.mark == listed.mark) {
        if vehicle.certain {
            vehicle.number = 0.0;
        } else if known.register.is_none() {
            share += vehicle.number;
        }
    }
    let mut rivals: f64 = vehicles
        .iter()
        .map(|vehicle| vehicle.number * likelihood(vehicle.mark) * case.misread(vehicle))
        .sum();
    let expected_one = Vehicle {
        mark: listed.mark,
        number: 1.0,
        looks: Description::default(),
        certain: false,
    };
    let certain_one = Vehicle {
        mark: listed.mark,
        number: 1.0,
        looks: listed.vehicle,
        certain: true,
    };
    let weight = if listed.mark == read {
        likelihood(read) * case.looks(listed.vehicle) * case.right()
    } else {
        rivals -= share.min(1.0) * likelihood(listed.mark) * case.misread(&expected_one);
        rivals += borne * likelihood(read) * case.looks(bearer.unwrap_or_default()) * case.right();
        likelihood(listed.mark) * case.misread(&certain_one)
    };
    if weight == 0.0 {
        0.0
    } else {
        weight / (weight + rivals.max(0.0))
    }
}

/// Every vehicle that may have been read so: where there is a register, its vehicles, and those that are expected on none; and
/// registered ones that would not be found in it by their looks.
fn everybody(world: &World, register: bool, read: Vrm, read_is_registered: bool) -> Vec<Vehicle> {
    let mut vehicles = Vec::new();
    let alike_to_read = |mark: Vrm| {
        let both = || mark.as_bytes().iter().zip(read.as_bytes());
        mark.as_bytes().len() == read.as_bytes().len() && both().all(|(a, b)| alike(*a, *b))
    };
    let shifted_to_read = |mark: Vrm| {
        let dropped = |a: Vrm, b: Vrm| places_dropped(a.as_bytes(), b.as_bytes()).next().is_some();
        dropped(mark, read) || dropped(read, mark)
    };
    if register {
        for (mark, looks) in &world.registered {
            if alike_to_read(*mark) || shifted_to_read(*mark) && !read_is_registered {
                vehicles.push(Vehicle {
                    mark: *mark,
                    number: 1.0,
                    looks: *looks,
                    certain: true,
                });
            }
        }
    }
    let mut expect = |form: &Form, counts: &dyn Fn(Vrm) -> bool| {
        let marks = marks_of(form);
        let number = form.vehicles / marks.len() as f64;
        for mark in marks.into_iter().flatten().filter(|mark| counts(*mark)) {
            vehicles.push(Vehicle {
                mark,
                number,
                looks: Description::default(),
                certain: false,
            });
        }
    };
    for form in &world.population.registered {
        expect(form, &|mark| {
            let found = alike_to_read(mark) || shifted_to_read(mark) && !read_is_registered;
            !register || !found
        });
    }
    for form in &world.population.strangers {
        expect(form, &|_| true);
    }
    vehicles
}

/// Every text of a form; what is no mark is none.
fn marks_of(form: &Form) -> Vec<Option<Vrm>> {
    let mut texts = vec![String::new()];
    for set in &form.places {
        let characters: Vec<char> = (0..SYMBOLS)
            .filter(|s| set & 1 << s != 0)
            .map(|s| char::from(character(s)))
            .collect();
        texts = texts
            .iter()
            .flat_map(|text| characters.iter().map(move |c| format!("{text}{c}")))
            .collect();
    }
    texts.iter().map(|text| Vrm::parse(text).ok()).collect()
}

fn doubts(known: &Knowledge<'_>, reading: &Reading) -> matcher::confusion::Doubts {
    known.table.doubts(reading.confidences().unwrap_or_default())
}

struct Case<'c> {
    world: &'c World,
    known: &'c Knowledge<'c>,
    reading: &'c Reading,
    borne: f64,
    strays: f64,
    history: f64,
}

impl Case<'_> {
    fn looks(&self, vehicle: Description) -> f64 {
        let seen = self.reading.seen();
        colour_likelihood(seen.colour, vehicle.colour) * make_likelihood(seen.make, vehicle.make)
    }

    /// The negative binomial distribution of sightings of a vehicle that drives here.
    fn chance(&self, sightings: u32) -> f64 {
        let (shape, mean) = (self.world.habits.evenness, self.world.habits.reads_a_day);
        let mut chance = (shape / (shape + mean)).powf(shape);
        for n in 0..sightings {
            chance *= (f64::from(n) + shape) / f64::from(n + 1) * mean / (mean + shape);
        }
        chance
    }

    fn seen(&self, sightings: u32) -> f64 {
        let driving = self.world.habits.driving;
        driving * self.chance(sightings) + if sightings == 0 { 1.0 - driving } else { 0.0 }
    }

    /// Seen so often, and passing now: a rate, in that of any registered vehicle.
    fn passing(&self, sightings: u32) -> f64 {
        let (shape, mean) = (self.world.habits.evenness, self.world.habits.reads_a_day);
        let rate = (f64::from(sightings) + shape) / (mean + shape) * mean;
        self.world.habits.driving * self.chance(sightings) * rate / (self.world.habits.driving * mean)
    }

    /// How likely the sightings of the mark as read are, if the vehicle before the camera does not bear it.
    fn unexplained(&self, seen: Seen) -> f64 {
        let a_day = self.world.habits.driving * self.world.habits.reads_a_day;
        let strays = (self.strays * a_day)
            .clamp(LEAST_STRAYS, MOST_STRAYS)
            .powi(seen.sites as i32);
        self.borne * self.seen(seen.reads) + (1.0 - self.borne) * strays
    }

    /// What sightings say for a vehicle that bears the mark as read.
    fn right(&self) -> f64 {
        let Some(seen) = self.known.seen else {
            return 1.0;
        };
        self.passing(seen.reads) / self.unexplained(seen)
    }

    /// What sightings and looks say for a vehicle that bears another mark.
    fn misread(&self, vehicle: &Vehicle) -> f64 {
        self.history * self.looks(vehicle.looks)
    }

    /// What sightings say for every vehicle that bears another mark.
    fn history(&self) -> f64 {
        let Some(seen) = self.known.seen else {
            return 1.0;
        };
        let repeated = self.known.table.rates().repeated;
        let unseen = 1.0 - self.borne + self.borne * self.seen(0);
        let fidelity = self.world.habits.fidelity;
        // however often its plate was read right meanwhile
        let dirty: f64 = (0..MOST_RIGHT)
            .map(|right| {
                self.passing(seen.reads + right)
                    * ways(seen.reads + right, right)
                    * fidelity.powi(seen.reads as i32)
                    * (1.0 - fidelity).powi(right as i32)
            })
            .sum();
        1.0 - repeated + repeated * dirty * unseen / self.unexplained(seen)
    }
}

/// How many ways there are to choose `k` of `n`.
fn ways(n: u32, k: u32) -> f64 {
    (0..k).map(|i| f64::from(n - i) / f64::from(i + 1)).product()
}
