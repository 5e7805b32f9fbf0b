//! Vehicles: each is drawn from its number, so that a population of any size takes no memory.

use crate::dice::Dice;
use crate::marks::{self, Mark};

/// What is true of a vehicle, whatever a camera makes of it.
#[derive(Clone, Debug)]
pub(crate) struct Vehicle {
    pub(crate) mark: Mark,
    pub(crate) make: &'static str,
    pub(crate) model: &'static str,
    pub(crate) colour: &'static str,
    pub(crate) shape: Shape,
}

/// An outline to draw.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shape {
    /// A hatchback or saloon.
    Car,
    /// A tall car.
    Suv,
    /// A panel van.
    Van,
}

/// Makes and models with their rough shares of British traffic, in per mille (after the licensed stock that the DfT
/// publishes as VEH0120, rounded by hand).
const MODELS: &[((&str, &str, Shape), f64)] = &[
    (("FORD", "FIESTA", Shape::Car), 48.0),
    (("FORD", "FOCUS", Shape::Car), 40.0),
    (("FORD", "TRANSIT", Shape::Van), 36.0),
    (("FORD", "KUGA", Shape::Suv), 16.0),
    (("FORD", "PUMA", Shape::Suv), 12.0),
    (("VAUXHALL", "CORSA", Shape::Car), 44.0),
    (("VAUXHALL", "ASTRA", Shape::Car), 36.0),
    (("VAUXHALL", "MOKKA", Shape::Suv), 14.0),
    (("VAUXHALL", "VIVARO", Shape::Van), 14.0),
    (("VOLKSWAGEN", "GOLF", Shape::Car), 38.0),
    (("VOLKSWAGEN", "POLO", Shape::Car), 26.0),
    (("VOLKSWAGEN", "TIGUAN", Shape::Suv), 16.0),
    (("VOLKSWAGEN", "TRANSPORTER", Shape::Van), 12.0),
    (("BMW", "3 SERIES", Shape::Car), 26.0),
    (("BMW", "1 SERIES", Shape::Car), 20.0),
    (("BMW", "X5", Shape::Suv), 10.0),
    (("AUDI", "A3", Shape::Car), 24.0),
    (("AUDI", "A4", Shape::Car), 16.0),
    (("AUDI", "Q3", Shape::Suv), 10.0),
    (("MERCEDES-BENZ", "A CLASS", Shape::Car), 18.0),
    (("MERCEDES-BENZ", "C CLASS", Shape::Car), 18.0),
    (("MERCEDES-BENZ", "SPRINTER", Shape::Van), 14.0),
    (("TOYOTA", "YARIS", Shape::Car), 22.0),
    (("TOYOTA", "AURIS", Shape::Car), 10.0),
    (("TOYOTA", "RAV4", Shape::Suv), 8.0),
    (("NISSAN", "QASHQAI", Shape::Suv), 28.0),
    (("NISSAN", "JUKE", Shape::Suv), 18.0),
    (("NISSAN", "MICRA", Shape::Car), 12.0),
    (("PEUGEOT", "208", Shape::Car), 18.0),
    (("PEUGEOT", "3008", Shape::Suv), 12.0),
    (("PEUGEOT", "PARTNER", Shape::Van), 8.0),
    (("RENAULT", "CLIO", Shape::Car), 20.0),
    (("RENAULT", "CAPTUR", Shape::Suv), 10.0),
    (("CITROEN", "C3", Shape::Car), 14.0),
    (("CITROEN", "BERLINGO", Shape::Van), 10.0),
    (("HYUNDAI", "I10", Shape::Car), 14.0),
    (("HYUNDAI", "TUCSON", Shape::Suv), 12.0),
    (("KIA", "SPORTAGE", Shape::Suv), 16.0),
    (("KIA", "PICANTO", Shape::Car), 12.0),
    (("HONDA", "JAZZ", Shape::Car), 14.0),
    (("HONDA", "CIVIC", Shape::Car), 12.0),
    (("SKODA", "OCTAVIA", Shape::Car), 14.0),
    (("SKODA", "FABIA", Shape::Car), 10.0),
    (("SEAT", "IBIZA", Shape::Car), 12.0),
    (("SEAT", "LEON", Shape::Car), 12.0),
    (("MINI", "HATCH", Shape::Car), 18.0),
    (("FIAT", "500", Shape::Car), 18.0),
    (("LAND ROVER", "RANGE ROVER EVOQUE", Shape::Suv), 12.0),
    (("LAND ROVER", "DISCOVERY", Shape::Suv), 8.0),
    (("VOLVO", "XC60", Shape::Suv), 8.0),
    (("TESLA", "MODEL 3", Shape::Car), 7.0),
    (("TESLA", "MODEL Y", Shape::Suv), 7.0),
    (("MG", "ZS", Shape::Suv), 8.0),
    (("DACIA", "SANDERO", Shape::Car), 7.0),
];

/// Colours and their shares of the stock, in per cent.
pub(crate) const COLOURS: &[(&str, f64)] = &[
    ("BLACK", 21.0),
    ("WHITE", 18.0),
    ("GREY", 19.0),
    ("BLUE", 16.0),
    ("SILVER", 13.0),
    ("RED", 9.0),
    ("GREEN", 2.0),
    ("ORANGE", 1.0),
    ("YELLOW", 0.6),
    ("BROWN", 0.4),
];

impl Vehicle {
    /// The vehicle of a number.
    pub(crate) fn of(seed: u64, number: u64) -> Self {
        let mut dice = Dice::of(&[seed, u64::from_be_bytes(*b"vehicles"), number]);
        let (make, model, shape) = *dice.weighted(MODELS);
        Self {
            mark: marks::draw(&mut dice),
            make,
            model,
            colour: if shape == Shape::Van && dice.chance(0.6) {
                "WHITE"
            } else {
                *dice.weighted::<&'static str>(COLOURS)
            },
            shape,
        }
    }
}

/// What a camera takes a colour for where it errs: neighbours in brightness, as street lamps make them.
pub(crate) fn mistaken_colour(colour: &str, dice: &mut Dice) -> &'static str {
    let like: &[&'static str] = match colour {
        "BLACK" => &["GREY", "BLUE", "BROWN"],
        "GREY" => &["SILVER", "BLACK", "BLUE"],
        "SILVER" => &["GREY", "WHITE"],
        "WHITE" => &["SILVER", "YELLOW"],
        "BLUE" => &["BLACK", "GREY", "GREEN"],
        "RED" => &["ORANGE", "BROWN"],
        "GREEN" => &["BLUE", "GREY"],
        "ORANGE" => &["RED", "YELLOW"],
        "YELLOW" => &["WHITE", "ORANGE"],
        _ => &["BLACK", "RED"],
    };
    dice.pick::<&'static str>(like)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_is_always_the_same_vehicle() {
        let (a, b) = (Vehicle::of(1, 42), Vehicle::of(1, 42));
        assert_eq!(
            (a.mark.vrm, a.make, a.model, a.colour),
            (b.mark.vrm, b.make, b.model, b.colour)
        );
        assert_ne!(Vehicle::of(2, 42).mark.vrm, a.mark.vrm);
    }

    #[test]
    fn every_colour_is_mistaken_for_another() {
        let mut dice = Dice::of(&[3]);
        for (colour, _) in COLOURS {
            assert_ne!(mistaken_colour(colour, &mut dice), *colour);
        }
    }
}
