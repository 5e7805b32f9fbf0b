//! The world: vehicles on the register and off it, those that drive here, their plates, the cameras, a day of reads.

use std::sync::LazyLock;

use domain::Vrm;
use domain::vrm::MAX_LENGTH;
use hashbrown::HashTable;
use matcher::alike::{Look, PLACE_BITS};
use matcher::description::{Colour, Description, Make};
use matcher::register::{Builder, Register};
use matcher::score::{Listed, Reading};
use matcher::traffic::Seen;

use super::dice::{Dice, mixed, unit};
use super::marks;
use super::misreads::{self, Camera};

/// How large a world is.
#[derive(Clone, Debug)]
pub struct Scale {
    pub seed: u64,
    /// Vehicles on the register.
    pub registered: usize,
    /// Of these, how many drive here.
    pub driving: usize,
    /// Reads of a vehicle that drives here, a day, on average.
    pub reads_a_day: f64,
    /// Lengths of lists, rising.
    pub entries: Vec<usize>,
    /// Reads of traffic that are judged.
    pub reads: usize,
    /// Misreads of listed vehicles that are judged beside these, for each list.
    pub misreads: usize,
    /// Reads that the policy of edit distance is tried on.
    pub edit_reads: usize,
}

/// Whether a plate is misread anew each time, or some plates the same way every time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    Independent,
    Repeated,
}

impl Kind {
    pub const ALL: [Self; 2] = [Self::Independent, Self::Repeated];

    pub fn name(self) -> &'static str {
        match self {
            Self::Independent => "independent",
            Self::Repeated => "repeated",
        }
    }
}

/// Vehicles on no register, of a hundred that drive here: half from abroad, half with marks of a British form.
const STRANGERS: f64 = 0.01;
/// How often a plate is misread, where misreads are independent.
const FAULTS: f64 = 0.027;
/// Where they are repeated: the share of dirty plates, how reliably each is misread, and the faults of all others.
const DIRTY: f64 = 0.019;
const FIDELITY: f64 = 0.93;
const FAULTS_BESIDE_DIRT: f64 = 0.008;
const CAMERAS: usize = 400;
/// Shares of the vehicles that drive here, and their reads beside the average: few make most of the traffic.
const ACTIVITY: [(f64, f64); 4] = [(0.05, 5.0), (0.15, 2.5), (0.30, 1.0), (0.50, 0.15)];

/// Purposes of a vehicle's dice.
const OF_DRIVING: u64 = 1;
const OF_LISTING: u64 = 2;
const OF_ACTIVITY: u64 = 3;
const OF_LOOKS: u64 = 4;
const OF_DIRT: u64 = 5;

/// A mark in 64 bits, as 40 million of them are kept.
type Key = u64;
const BITS: u32 = PLACE_BITS * MAX_LENGTH as u32;

fn key(mark: Vrm) -> Key {
    let look = Look::of(mark);
    look.classes << BITS | u64::from(look.places)
}

fn mark(key: Key) -> Vrm {
    let places = (key & ((1 << BITS) - 1)) as u32;
    Look {
        classes: key >> BITS,
        places,
    }
    .mark()
    .expect("keys are made of marks")
}

/// The vehicles: what does not depend on how plates are misread.
pub struct Fleet {
    pub scale: Scale,
    pub register: Register,
    /// The lists, each within the next.
    pub lists: Vec<Register>,
    /// Those that drive here, by their activity.
    driving: [Vec<Key>; 4],
}

impl Fleet {
    pub fn new(scale: &Scale) -> Self {
        let seed = scale.seed;
        let keys = registered_keys(scale);
        let share = scale.driving as f64 / scale.registered as f64;
        let mut driving: [Vec<Key>; 4] = Default::default();
        for key in keys.iter().filter(|key| dice_of(seed, **key, OF_DRIVING) < share) {
            driving[activity(seed, *key)].push(*key);
        }
        let list = |entries: &usize| register(seed, &keys, *entries as f64 / scale.registered as f64);
        let mut fleet = Self {
            scale: scale.clone(),
            lists: scale.entries.iter().map(list).collect(),
            register: register(seed, &keys, 1.0),
            driving,
        };
        fleet.add_strangers();
        fleet
    }

    fn add_strangers(&mut self) {
        let mut dice = Dice::of(self.scale.seed, "strangers");
        let wanted = (self.scale.driving as f64 * STRANGERS) as usize;
        let mut added = 0;
        while added < wanted {
            let mark = if added % 2 == 0 {
                marks::foreign(&mut dice)
            } else {
                marks::registered(&mut dice)
            };
            if self.register.find(mark).is_none() {
                let key = key(mark);
                self.driving[activity(self.scale.seed, key)].push(key);
                added += 1;
            }
        }
    }

    fn looks(&self, key: Key) -> Description {
        looks(self.scale.seed, key)
    }
}

/// A vehicle's own dice for one purpose: from 0 to below 1.
fn dice_of(seed: u64, key: Key, purpose: u64) -> f64 {
    unit(mixed(mixed(seed, purpose), key))
}

fn activity(seed: u64, key: Key) -> usize {
    let mut left = dice_of(seed, key, OF_ACTIVITY);
    let place = ACTIVITY.iter().position(|(share, _)| {
        left -= share;
        left < 0.0
    });
    place.unwrap_or(ACTIVITY.len() - 1)
}

fn looks(seed: u64, key: Key) -> Description {
    static COLOURS: LazyLock<Vec<(Colour, f64)>> = LazyLock::new(|| Colour::all().collect());
    static MAKES: LazyLock<Vec<(Make, f64)>> = LazyLock::new(|| Make::all().collect());
    let mut dice = Dice::of(mixed(mixed(seed, OF_LOOKS), key), "");
    Description {
        colour: Some(dice.weighted(&COLOURS)),
        make: Some(dice.weighted(&MAKES)),
    }
}

/// The marks on the register, in order.
fn registered_keys(scale: &Scale) -> Vec<Key> {
    let mut dice = Dice::of(scale.seed, "register");
    let mut keys: Vec<Key> = Vec::with_capacity(scale.registered + scale.registered / 8);
    while keys.len() < scale.registered {
        let missing = scale.registered - keys.len();
        keys.extend((0..missing + missing / 16 + 8).map(|_| key(marks::registered(&mut dice))));
        keys.sort_unstable();
        keys.dedup();
    }
    // the surplus goes evenly from the whole
    let (kept, all) = (scale.registered as u64, keys.len() as u64);
    let mut number = 0;
    keys.retain(|_| {
        number += 1;
        number * kept / all > (number - 1) * kept / all
    });
    keys
}

/// A register of the share of these vehicles that is on a list, or of all.
fn register(seed: u64, keys: &[Key], share: f64) -> Register {
    let mut builder = Builder::with_capacity((keys.len() as f64 * share * 1.01) as usize + 64);
    for key in keys.iter().filter(|key| dice_of(seed, **key, OF_LISTING) < share) {
        builder.add(mark(*key), looks(seed, *key));
    }
    builder.build().expect("fewer marks than a register holds")
}

/// One read and the truth about it.
#[derive(Clone, Copy)]
pub struct Read {
    pub truth: Vrm,
    pub reading: Reading,
}

/// The roads of a fleet, its plates misread in one way.
pub struct Roads<'f> {
    pub fleet: &'f Fleet,
    kind: Kind,
    cameras: Vec<Camera>,
}

impl<'f> Roads<'f> {
    pub fn new(fleet: &'f Fleet, kind: Kind) -> Self {
        let mut dice = Dice::of(fleet.scale.seed, "cameras");
        let cameras = (0..CAMERAS).map(|_| Camera::draw(&mut dice)).collect();
        Self { fleet, kind, cameras }
    }

    pub fn is_listed(&self, read: &Read, list: usize) -> bool {
        self.fleet.lists[list].find(read.truth).is_some()
    }

    /// A vehicle that passes, of those in these lists by activity.
    fn vehicle(driving: &[Vec<Key>; 4], dice: &mut Dice) -> Key {
        loop {
            let activity = [0, 1, 2, 3].map(|class| (class, driving[class].len() as f64 * ACTIVITY[class].1));
            let vehicles = &driving[dice.weighted(&activity)];
            if !vehicles.is_empty() {
                return vehicles[dice.below(vehicles.len())];
            }
        }
    }

    /// What a camera makes of a vehicle's plate.
    fn read_mark(&self, key: Key, camera: usize, dice: &mut Dice) -> Vrm {
        let truth = mark(key);
        let (seed, fault) = (self.fleet.scale.seed, self.cameras[camera].fault);
        let faults = match self.kind {
            Kind::Independent => FAULTS,
            Kind::Repeated => {
                if dice_of(seed, key, OF_DIRT) < DIRTY && dice.chance(FIDELITY) {
                    return misreads::misread(truth, None, &mut Dice::of(mixed(seed, key), "dirt"));
                }
                FAULTS_BESIDE_DIRT
            }
        };
        if dice.chance(faults * fault) {
            misreads::misread(truth, Some(&self.cameras[camera]), dice)
        } else {
            truth
        }
    }

    fn read(&self, key: Key, camera: usize, dice: &mut Dice) -> Read {
        let (truth, read) = (mark(key), self.read_mark(key, camera, dice));
        let confidences = if self.cameras[camera].tells {
            misreads::confidences(truth, read, dice)
        } else {
            Vec::new()
        };
        let seen = misreads::looks(self.fleet.looks(key), dice);
        let reading = Reading::new(read, &confidences, seen).expect("confidences from 0 to 1, one each");
        Read { truth, reading }
    }

    /// Traffic as it comes.
    pub fn traffic(&self, purpose: &str) -> impl Iterator<Item = Read> + '_ {
        let mut dice = Dice::of(self.fleet.scale.seed ^ self.kind as u64, purpose);
        std::iter::repeat_with(move || {
            let vehicle = Self::vehicle(&self.fleet.driving, &mut dice);
            let camera = dice.below(self.cameras.len());
            self.read(vehicle, camera, &mut dice)
        })
    }

    /// Misreads of vehicles on a list, as they come.
    pub fn misreads(&self, list: usize) -> Vec<Read> {
        let entries = &self.fleet.lists[list];
        let listed = |keys: &Vec<Key>| -> Vec<Key> {
            keys.iter()
                .copied()
                .filter(|key| entries.find(mark(*key)).is_some())
                .collect()
        };
        let listed: [Vec<Key>; 4] = std::array::from_fn(|class| listed(&self.fleet.driving[class]));
        if listed.iter().all(Vec::is_empty) {
            return Vec::new();
        }
        let mut dice = Dice::of(self.fleet.scale.seed ^ self.kind as u64, "misreads");
        let mut reads = Vec::with_capacity(self.fleet.scale.misreads);
        while reads.len() < self.fleet.scale.misreads {
            let key = Self::vehicle(&listed, &mut dice);
            let camera = dice.below(self.cameras.len());
            // most reads are right, and cost nothing more
            if self.read_mark(key, camera, &mut dice.clone()) != mark(key) {
                reads.push(self.read(key, camera, &mut dice));
            } else {
                dice.number();
            }
        }
        reads
    }

    /// What a day of traffic left behind.
    pub fn day(&self) -> Day {
        let reads = (self.fleet.scale.driving as f64 * self.fleet.scale.reads_a_day) as usize;
        let mut day = Day(HashTable::with_capacity(self.fleet.scale.driving + reads / 20));
        let mut dice = Dice::of(self.fleet.scale.seed ^ self.kind as u64, "yesterday");
        for _ in 0..reads {
            let vehicle = Self::vehicle(&self.fleet.driving, &mut dice);
            let camera = dice.below(self.cameras.len());
            day.add(key(self.read_mark(vehicle, camera, &mut dice)), camera);
        }
        day
    }
}

/// Sightings of a day, by mark as read.
pub struct Day(HashTable<Tally>);

struct Tally {
    key: Key,
    reads: u32,
    /// A bit for each of 32 groups of sites.
    sites: u32,
}

fn hash(key: Key) -> u64 {
    mixed(key, 0)
}

impl Day {
    fn add(&mut self, key: Key, camera: usize) {
        let entry = self
            .0
            .entry(hash(key), |tally| tally.key == key, |tally| hash(tally.key));
        let mut entry = entry.or_insert(Tally {
            key,
            reads: 0,
            sites: 0,
        });
        let tally = entry.get_mut();
        tally.reads += 1;
        tally.sites |= 1 << (camera % 32);
    }

    /// How often a mark was read.
    pub fn seen(&self, mark: Vrm) -> Seen {
        let key = key(mark);
        let tally = self.0.find(hash(key), |tally| tally.key == key);
        tally.map_or(Seen::default(), |tally| Seen {
            reads: tally.reads,
            sites: tally.sites.count_ones(),
        })
    }
}

/// The entry of a mark on a list.
pub fn entry(list: &Register, mark: Vrm) -> Option<Listed> {
    list.find(mark).map(|vehicle| Listed { mark, vehicle })
}
