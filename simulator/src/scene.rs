//! The scene image: a road by day or night, the vehicle in its true colour, the camera's overlay.

use tiny_skia::{FillRule, Paint, PathBuilder, Pixmap, PixmapMut, Transform};

use crate::SimulatorError;
use crate::dice::Dice;
use crate::glyphs::{self, Line};
use crate::images::{PLATE_MM, Picture, canvas, draw_plate, fill, paint, rounded};
use crate::vehicles::Shape;

const WIDTH: f32 = 480.0;
const HEIGHT: f32 = 300.0;
/// Where the sky ends.
const HORIZON: f32 = 84.0;
/// The plate's width in the scene: characters of 19 px, legible.
const PLATE_PX: f32 = 124.0;

/// Draws the scene of a picture.
pub(crate) fn draw(picture: &Picture) -> Result<Pixmap, SimulatorError> {
    let mut pixmap = canvas((WIDTH as u32, HEIGHT as u32))?;
    let mut dice = Dice::of(&[picture.noise, u64::from_be_bytes(*b"---scene")]);
    let mut scene = pixmap.as_mut();
    let light = if picture.day { dice.between(0.8, 1.0) } else { 0.28 } as f32;
    road(&mut scene, picture.day, light, &mut dice);
    let middle = WIDTH / 2.0 + dice.between(-40.0, 40.0) as f32;
    vehicle(&mut scene, picture, middle, light);
    overlay(&mut scene, picture);
    drop_lights(&mut pixmap, picture.day, &mut dice);
    Ok(pixmap)
}

fn polygon(scene: &mut PixmapMut<'_>, points: &[(f32, f32)], paint: &Paint<'_>) {
    let mut path = PathBuilder::new();
    for (i, (x, y)) in points.iter().enumerate() {
        if i == 0 {
            path.move_to(*x, *y);
        } else {
            path.line_to(*x, *y);
        }
    }
    path.close();
    if let Some(path) = path.finish() {
        scene.fill_path(&path, paint, FillRule::Winding, Transform::identity(), None);
    }
}

fn road(scene: &mut PixmapMut<'_>, day: bool, light: f32, dice: &mut Dice) {
    // the sky in bands, darker towards the top
    for band in 0..12 {
        let part = band as f32 / 12.0;
        let sky = if day {
            paint(
                (130.0 + 60.0 * part) * light,
                (150.0 + 50.0 * part) * light,
                (175.0 + 40.0 * part) * light,
            )
        } else {
            paint(10.0 + 14.0 * part, 12.0 + 14.0 * part, 22.0 + 16.0 * part)
        };
        fill(scene, (0.0, HORIZON * part, WIDTH, HORIZON / 12.0 + 1.0), &sky);
    }
    let verge = paint(74.0 * light, 96.0 * light, 58.0 * light);
    fill(scene, (0.0, HORIZON, WIDTH, HEIGHT - HORIZON), &verge);
    let tarmac = paint(92.0 * light, 92.0 * light, 96.0 * light);
    let vanish = WIDTH / 2.0 + dice.between(-60.0, 60.0) as f32;
    polygon(
        scene,
        &[
            (vanish - 34.0, HORIZON),
            (vanish + 34.0, HORIZON),
            (WIDTH + 60.0, HEIGHT),
            (-60.0, HEIGHT),
        ],
        &tarmac,
    );
    let white = paint(225.0 * light, 225.0 * light, 220.0 * light);
    // lane marks: dashes that widen towards the camera
    for lane in [-1.0_f32, 1.0] {
        for dash in 0..5 {
            let at = |t: f32| {
                let y = HORIZON + (HEIGHT - HORIZON) * t * t;
                (
                    vanish + (WIDTH / 2.0 + lane * 110.0 - vanish) * t * t + lane * 10.0 * (1.0 - t),
                    y,
                    1.0 + 4.0 * t,
                )
            };
            let (near, far) = (at(0.28 + 0.15 * dash as f32), at(0.34 + 0.15 * dash as f32));
            polygon(
                scene,
                &[
                    (near.0 - near.2, near.1),
                    (near.0 + near.2, near.1),
                    (far.0 + far.2, far.1),
                    (far.0 - far.2, far.1),
                ],
                &white,
            );
        }
    }
}

/// The true colour as red, green, blue.
fn rgb(colour: &str) -> (f32, f32, f32) {
    match colour {
        "BLACK" => (34.0, 34.0, 38.0),
        "WHITE" => (236.0, 236.0, 234.0),
        "GREY" => (112.0, 116.0, 120.0),
        "BLUE" => (34.0, 72.0, 160.0),
        "SILVER" => (186.0, 190.0, 194.0),
        "RED" => (176.0, 28.0, 30.0),
        "GREEN" => (28.0, 96.0, 58.0),
        "ORANGE" => (226.0, 116.0, 24.0),
        "YELLOW" => (234.0, 204.0, 40.0),
        _ => (98.0, 66.0, 44.0),
    }
}

fn vehicle(scene: &mut PixmapMut<'_>, picture: &Picture, middle: f32, light: f32) {
    // half width, top of the roof, top of the body, half width of the roof
    let (half, roof, waist, roof_half) = match picture.shape {
        Shape::Car => (112.0, 118.0, 168.0, 78.0),
        Shape::Suv => (118.0, 100.0, 162.0, 92.0),
        Shape::Van => (122.0, 70.0, 150.0, 112.0),
    };
    let bottom = 270.0;
    // by night the vehicle stands in the camera's lamp
    let lamp = if picture.day { light } else { 0.62 };
    let (red, green, blue) = rgb(picture.colour);
    let body = paint(red * lamp, green * lamp, blue * lamp);
    let dark = paint(red * lamp * 0.72, green * lamp * 0.72, blue * lamp * 0.72);
    let glass = paint(48.0 * lamp, 58.0 * lamp, 68.0 * lamp);
    let rubber = paint(14.0, 14.0, 15.0);
    fill(
        scene,
        (middle - half + 4.0, bottom - 6.0, 2.0 * half - 8.0, 14.0),
        &paint(30.0 * light, 30.0 * light, 32.0 * light),
    );
    for side in [-1.0, 1.0] {
        fill(
            scene,
            (middle + side * (half - 24.0) - 15.0, bottom - 22.0, 30.0, 28.0),
            &rubber,
        );
    }
    polygon(
        scene,
        &[
            (middle - roof_half, roof),
            (middle + roof_half, roof),
            (middle + half - 6.0, waist + 4.0),
            (middle - half + 6.0, waist + 4.0),
        ],
        &body,
    );
    let pane = |part: f32| (roof_half - 8.0) + (half - roof_half - 2.0) * part;
    polygon(
        scene,
        &[
            (middle - pane(0.0), roof + 9.0),
            (middle + pane(0.0), roof + 9.0),
            (middle + pane(0.8), waist - 4.0),
            (middle - pane(0.8), waist - 4.0),
        ],
        &glass,
    );
    if let Some(lower) = rounded(middle - half, waist, 2.0 * half, bottom - waist - 8.0, 14.0) {
        scene.fill_path(&lower, &body, FillRule::Winding, Transform::identity(), None);
    }
    fill(
        scene,
        (middle - half + 8.0, bottom - 34.0, 2.0 * half - 16.0, 3.0),
        &dark,
    );
    lights(scene, picture, middle, (half, waist));
    let scale = PLATE_PX / PLATE_MM.0;
    let transform = Transform::from_scale(scale, scale).post_translate(middle - PLATE_PX / 2.0, waist + 42.0);
    draw_plate(
        scene,
        picture,
        if picture.day { 0.96 * light } else { 0.95 },
        transform,
    );
}

/// Head or tail lamps, lit by night.
fn lights(scene: &mut PixmapMut<'_>, picture: &Picture, middle: f32, (half, waist): (f32, f32)) {
    let lights = match (picture.rear, picture.day) {
        (true, true) => paint(150.0, 20.0, 22.0),
        (true, false) => paint(255.0, 40.0, 40.0),
        (false, true) => paint(225.0, 228.0, 232.0),
        (false, false) => paint(255.0, 252.0, 230.0),
    };
    for side in [-1.0, 1.0] {
        let x = middle + side * (half - 24.0) - 18.0;
        if let Some(lens) = rounded(x, waist + 14.0, 36.0, 18.0, 6.0) {
            scene.fill_path(&lens, &lights, FillRule::Winding, Transform::identity(), None);
        }
    }
}

/// Camera and time, as recorders write them into the picture.
fn overlay(scene: &mut PixmapMut<'_>, picture: &Picture) {
    fill(scene, (0.0, 0.0, WIDTH, 22.0), &paint(0.0, 0.0, 0.0));
    let name = picture.camera.to_uppercase();
    let time = picture.local.strftime("%Y-%m-%d %H:%M:%S").to_string();
    let white = paint(240.0, 240.0, 240.0);
    for (text, right) in [(name.as_str(), false), (time.as_str(), true)] {
        // a long name is set smaller, clear of the time
        let height = 11.0 * (WIDTH * 0.58 / glyphs::width(text, 11.0)).min(1.0);
        let x = if right {
            WIDTH - 8.0 - glyphs::width(text, height)
        } else {
            8.0
        };
        let line = Line {
            text,
            x,
            y: 5.5,
            height,
            weight: 0.75,
        };
        glyphs::draw(scene, line, &white, Transform::identity());
    }
}

/// A few bright or dark pixels, as compression and rain leave them; few, so that the file stays small.
fn drop_lights(pixmap: &mut Pixmap, day: bool, dice: &mut Dice) {
    let count = pixmap.pixels().len();
    let data = pixmap.data_mut();
    for _ in 0..500 {
        let at = dice.below(count) * 4;
        let change = dice.between(6.0, 24.0) as u8;
        for part in &mut data[at..at + 3] {
            *part = if day {
                part.saturating_sub(change)
            } else {
                part.saturating_add(change)
            };
        }
    }
}
