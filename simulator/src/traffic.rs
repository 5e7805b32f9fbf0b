//! Vehicles under way, and the reads that they leave.

use std::cmp::Reverse;
use std::collections::{BinaryHeap, HashMap};
use std::sync::Arc;

use domain::read::{Motion, RawRead, VehicleSeen};
use domain::{SourceName, Timestamp, Vrm};

use crate::demand::Demand;
use crate::dice::Dice;
use crate::images::Picture;
use crate::lists::{NOTED, WANTED};
use crate::ocr;
use crate::vehicles::{Vehicle, mistaken_colour};
use crate::world::Plan;
use crate::{SOURCE, Sighting};

/// Vehicles that nobody looks for: large enough that one is seldom seen twice in an hour, small enough that plates
/// become familiar over days.
pub(crate) const ORDINARY: u64 = 500_000;
/// At this rate a wanted vehicle (grade 1 to 3) enters every [`WANTED_EVERY_S`]; at other rates in proportion, so that
/// the mix of hits is the same.
const WANTED_RATE: f64 = 50.0;
/// Seconds between wanted vehicles, least and most.
const WANTED_EVERY_S: (f64, f64) = (20.0, 30.0);
/// Their mean, by which the day is cut into turns.
const WANTED_MEAN_S: f64 = (WANTED_EVERY_S.0 + WANTED_EVERY_S.1) / 2.0;
/// The first two wanted vehicles pass a camera this soon after the start, in seconds: whoever starts a demonstration
/// waits for them, and the first might be misread.
const FIRST_WANTED_S: [f64; 2] = [1.5, 4.0];
/// Pace of a trip against free traffic, least and most time.
const PACE: (f64, f64) = (0.9, 1.35);
/// Milliseconds that a vehicle rests between two trips: each begins anywhere, and nobody gets across the county in less.
const REST_MS: f64 = 30.0 * 60.0 * 1e3;
/// How often another vehicle is drawn in place of one that is on the road or rests. With more traffic than there are vehicles
/// for, the last one drawn is in two places at once.
const DRAWS: u32 = 8;
/// How often a camera takes the right colour, make, and model.
const COLOUR_RIGHT: f64 = 0.85;
const MAKE_KNOWN: f64 = 0.93;
const MODEL_KNOWN: f64 = 0.85;

/// The traffic of a world from a start on: a queue of the next camera that each vehicle under way passes.
pub struct Traffic {
    plan: Arc<Plan>,
    demand: Demand,
    start: Timestamp,
    dice: Dice,
    source: SourceName,
    /// When each trip reaches its next camera, in milliseconds; the trip's place in `trips`.
    queue: BinaryHeap<Reverse<(i64, usize)>>,
    trips: Vec<Trip>,
    /// Places in `trips` that are free.
    free: Vec<usize>,
    /// Until when each vehicle is on the road or rests, in milliseconds; some of them are ready again.
    busy: HashMap<u64, f64>,
    /// The same by mark: marks are drawn at random, and some come twice.
    busy_marks: HashMap<Vrm, f64>,
    /// How many of these there may be before those that are ready are forgotten.
    busy_room: usize,
    /// When the next ordinary trip starts, in milliseconds.
    next_trip: f64,
    /// When the next wanted vehicle passes its first camera, in milliseconds, and which one it is.
    next_wanted: f64,
    wanted: u64,
    wanted_seen: usize,
}

#[derive(Clone, Copy)]
struct Trip {
    vehicle: u64,
    route: u32,
    pass: u32,
    start_ms: f64,
    pace: f32,
}

impl Traffic {
    pub(crate) fn new(plan: Arc<Plan>, demand: Demand, start: Timestamp) -> Self {
        let start_ms = start.as_millisecond();
        // the wanted vehicles take turns by the clock: a ring started again goes on with others
        let turn = start_ms.max(0) as f64 / (WANTED_MEAN_S * 1e3);
        let mut traffic = Self {
            dice: Dice::of(&[plan.seed, u64::from_be_bytes(*b"-traffic"), start_ms as u64]),
            source: SourceName::parse(SOURCE).expect("a name"),
            queue: BinaryHeap::new(),
            trips: Vec::new(),
            free: Vec::new(),
            busy: HashMap::new(),
            busy_marks: HashMap::new(),
            busy_room: 1_000,
            // trips that are under way at the start began before it
            next_trip: start_ms as f64 - plan.routes.longest_s * PACE.1 * 1e3,
            next_wanted: start_ms as f64 + FIRST_WANTED_S[0] * 1e3,
            wanted: turn as u64 % WANTED,
            wanted_seen: 0,
            plan,
            demand,
            start,
        };
        while traffic.start_one(start_ms) {}
        traffic
    }

    /// Every read captured up to `until`, in order of capture. However the time is cut into calls, the reads are the same.
    pub fn step(&mut self, until: Timestamp) -> Vec<Sighting> {
        let until = until.as_millisecond();
        let mut sightings = Vec::new();
        loop {
            let next = self.queue.peek().map_or(i64::MAX, |Reverse((at, _))| *at);
            // trips that start before the next read may be read before it
            if self.start_one(next.min(until)) {
                continue;
            }
            let Some(Reverse((at, slot))) = self.queue.peek().copied() else {
                break;
            };
            if at > until {
                break;
            }
            self.queue.pop();
            let trip = self.trips[slot];
            let pass = self.plan.routes.all[trip.route as usize].passes[trip.pass as usize];
            sightings.extend(self.sight(trip.vehicle, pass.camera, at));
            self.trips[slot].pass += 1;
            self.enqueue(slot, at);
        }
        sightings
    }

    /// Vehicles under way between cameras.
    #[must_use]
    pub fn under_way(&self) -> usize {
        self.queue.len()
    }

    /// Starts the one trip that is due first, if one is due by `until`; whether one was. One at a time, so that trips
    /// and reads draw their chance in order of time, however the time is cut.
    fn start_one(&mut self, until: i64) -> bool {
        let at = self.next_trip;
        if at.min(self.next_wanted) > until as f64 {
            return false;
        }
        if self.next_wanted < at {
            self.start_wanted();
            return true;
        }
        let rate = self.rate_at(at) / self.plan.routes.mean_passes;
        self.next_trip = at + self.dice.wait(rate) * 1e3;
        let vehicle = self.draw(at);
        let route = self.dice.below(self.plan.routes.all.len()) as u32;
        let pace = self.pace();
        self.put(Trip {
            vehicle,
            route,
            pass: 0,
            start_ms: at,
            pace,
        });
        true
    }

    /// A vehicle for a trip that starts now: one that is ready, if there is any to be found.
    fn draw(&mut self, at: f64) -> u64 {
        let (first, count) = if self.dice.chance(self.demand.noted) {
            (WANTED, NOTED)
        } else {
            (WANTED + NOTED, ORDINARY)
        };
        let mut vehicle = first;
        for _ in 0..DRAWS {
            vehicle = first + self.dice.below(count as usize) as u64;
            let ready = |until: Option<&f64>| until.is_none_or(|until| *until <= at);
            // A number is known at once, a mark must be drawn.
            let mark = || Vehicle::of(self.plan.seed, vehicle).mark.vrm;
            if ready(self.busy.get(&vehicle)) && ready(self.busy_marks.get(&mark())) {
                break;
            }
        }
        vehicle
    }

    /// Puts the next wanted vehicle on the road so that it passes its first camera on time.
    fn start_wanted(&mut self) {
        let at = self.next_wanted;
        let route = *self.dice.pick(&self.plan.routes.wanted);
        let pace = self.pace();
        let first = self.plan.routes.all[route].passes[0].after_s;
        self.put(Trip {
            vehicle: self.wanted,
            route: route as u32,
            pass: 0,
            start_ms: at - first * f64::from(pace) * 1e3,
            pace,
        });
        self.wanted = (self.wanted + 1) % WANTED;
        self.wanted_seen += 1;
        self.next_wanted = match FIRST_WANTED_S.get(self.wanted_seen) {
            Some(seconds) => self.start.as_millisecond() as f64 + seconds * 1e3,
            None => {
                let pause = self.dice.between(WANTED_EVERY_S.0, WANTED_EVERY_S.1);
                at + pause * 1e3 * WANTED_RATE / (self.demand.rate * self.demand.wanted)
            }
        };
    }

    fn pace(&mut self) -> f32 {
        self.dice.between(PACE.0, PACE.1) as f32
    }

    fn put(&mut self, trip: Trip) {
        let lasts_s = self.plan.routes.all[trip.route as usize]
            .passes
            .last()
            .map_or(0.0, |pass| pass.after_s);
        let ready = trip.start_ms + lasts_s * f64::from(trip.pace) * 1e3 + REST_MS;
        let mark = Vehicle::of(self.plan.seed, trip.vehicle).mark.vrm;
        self.busy.insert(trip.vehicle, ready);
        self.busy_marks.insert(mark, ready);
        if self.busy.len() > self.busy_room {
            self.busy.retain(|_, until| *until > trip.start_ms);
            self.busy_marks.retain(|_, until| *until > trip.start_ms);
            self.busy_room = 2 * self.busy.len().max(500);
        }
        let slot = self.free.pop().unwrap_or(self.trips.len());
        match self.trips.get_mut(slot) {
            Some(place) => *place = trip,
            None => self.trips.push(trip),
        }
        self.enqueue(slot, self.start.as_millisecond());
    }

    /// Queues a trip's next camera; cameras passed before `from` are passed unseen (only at the start of the world).
    fn enqueue(&mut self, slot: usize, from: i64) {
        let trip = &mut self.trips[slot];
        let passes = &self.plan.routes.all[trip.route as usize].passes;
        while let Some(pass) = passes.get(trip.pass as usize) {
            let at = (trip.start_ms + pass.after_s * f64::from(trip.pace) * 1e3).round() as i64;
            if at >= from {
                self.queue.push(Reverse((at, slot)));
                return;
            }
            trip.pass += 1;
        }
        self.free.push(slot);
    }

    fn rate_at(&self, at_ms: f64) -> f64 {
        let at = Timestamp::from_millisecond(at_ms as i64).unwrap_or(self.start);
        // traffic before the start is that of the start
        let at = at.max(self.start);
        self.demand.rate_at(self.start, at, &self.plan.force.timezone)
    }

    /// One vehicle before one camera.
    fn sight(&mut self, number: u64, camera: usize, at_ms: i64) -> Option<Sighting> {
        let camera = &self.plan.force.cameras[camera];
        let captured_at = Timestamp::from_millisecond(at_ms).ok()?;
        let vehicle = Vehicle::of(self.plan.seed, number);
        let ordinary = number >= WANTED + NOTED;
        // marks are drawn at random, so that some come twice; on the road each is one vehicle's
        if ordinary && self.plan.listed.contains(&vehicle.mark.vrm) {
            return None;
        }
        let dice = &mut self.dice;
        let reading = ocr::read(vehicle.mark.vrm, dice);
        let motion = if dice.chance(0.5) {
            Motion::Towards
        } else {
            Motion::Away
        };
        let colour = if dice.chance(COLOUR_RIGHT) {
            vehicle.colour
        } else {
            mistaken_colour(vehicle.colour, dice)
        };
        let make = dice.chance(MAKE_KNOWN);
        let seen = VehicleSeen {
            make: make.then(|| vehicle.make.to_owned()),
            model: (make && dice.chance(MODEL_KNOWN)).then(|| vehicle.model.to_owned()),
            colour: Some(colour.to_owned()),
            country: Some(vehicle.mark.country.to_owned()),
        };
        let noise = dice.number();
        let raw = RawRead {
            plate: reading.vrm.as_str().to_owned(),
            captured_at,
            confidence: Some(reading.confidence),
            character_confidences: reading.characters,
            vehicle: seen,
            motion: Some(motion),
            ..RawRead::default()
        };
        // the world makes nothing that the edge would refuse
        let read = raw
            .check(camera.camera.clone(), self.source.clone(), captured_at)
            .ok()?;
        // a misread may be a listed mark, too: then the picture shows that it is another vehicle
        let of_interest = !ordinary || self.plan.listed.contains(&read.vrm);
        let picture = of_interest.then(|| Picture {
            painted: vehicle.mark.painted,
            rear: motion == Motion::Away,
            colour: vehicle.colour,
            shape: vehicle.shape,
            camera: camera.name.clone(),
            local: self.plan.force.timezone.to_datetime(captured_at),
            day: is_day(captured_at),
            noise,
        });
        Some(Sighting { read, picture })
    }
}

/// Whether the sun is up at 53.4 degrees north, to within a quarter of an hour: 12.2 h of day on average, 4.6 h more
/// or less by season, around 12:12 UTC.
fn is_day(at: Timestamp) -> bool {
    let utc = at.to_zoned(jiff::tz::TimeZone::UTC);
    let season = (f64::from(utc.day_of_year()) - 80.0) / 365.25 * std::f64::consts::TAU;
    let half_day_h = (12.2 + 4.6 * season.sin()) / 2.0;
    let hour = f64::from(utc.hour()) + f64::from(utc.minute()) / 60.0;
    (hour - 12.2).abs() < half_day_h
}
