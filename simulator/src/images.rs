//! What a camera saw: the cut-out of the plate, and the whole scene.

use jiff::civil::DateTime;
use tiny_skia::{Color, FillRule, Paint, PathBuilder, Pixmap, PixmapMut, Rect, Transform};

use crate::dice::Dice;
use crate::glyphs::{self, Line};
use crate::vehicles::Shape;
use crate::{SimulatorError, scene};

/// The plate cut-out's size in pixels: cameras send 120 by 60 and up.
const PLATE: (u32, u32) = (240, 72);
/// A British plate, in mm, and its characters' height.
pub(crate) const PLATE_MM: (f32, f32) = (520.0, 111.0);
const CHARACTER_MM: f32 = 79.0;

/// All that is needed to draw what a camera saw; the same picture gives the same bytes.
#[derive(Clone, Debug, PartialEq)]
pub struct Picture {
    /// The mark as it is painted, with its space: the true one, whatever was read.
    pub painted: String,
    /// The rear plate, yellow; otherwise the front one, white.
    pub rear: bool,
    /// The vehicle's true colour.
    pub colour: &'static str,
    /// The vehicle's outline.
    pub shape: Shape,
    /// The camera's name, for the overlay.
    pub camera: String,
    /// Local time, for the overlay.
    pub local: DateTime,
    /// Whether the sun is up.
    pub day: bool,
    /// Seed of tilt, blur and grain.
    pub noise: u64,
}

/// The two images of a read, as PNG.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rendered {
    /// The cut-out of the plate.
    pub plate: Vec<u8>,
    /// The whole scene.
    pub overview: Vec<u8>,
}

impl Picture {
    /// Draws both images.
    ///
    /// # Errors
    /// When an image cannot be encoded.
    pub fn render(&self) -> Result<Rendered, SimulatorError> {
        Ok(Rendered {
            plate: encode(&self.plate()?)?,
            overview: encode(&scene::draw(self)?)?,
        })
    }

    fn plate(&self) -> Result<Pixmap, SimulatorError> {
        let mut dice = Dice::of(&[self.noise, u64::from_be_bytes(*b"---plate")]);
        let mut pixmap = canvas(PLATE)?;
        let shade = dice.between(20.0, 60.0) as u8;
        pixmap.fill(Color::from_rgba8(shade, shade, shade, 255));
        let (width, height) = (PLATE.0 as f32, PLATE.1 as f32);
        let scale = width * dice.between(0.88, 0.95) as f32 / PLATE_MM.0;
        let turn = dice.between(-3.0, 3.0) as f32;
        let shear = dice.between(-0.08, 0.08) as f32;
        let (dx, dy) = (
            (width - PLATE_MM.0 * scale) / 2.0,
            (height - PLATE_MM.1 * scale) / 2.0,
        );
        let transform = Transform::from_scale(scale, scale)
            .post_concat(Transform::from_row(1.0, 0.0, shear, 1.0, 0.0, 0.0))
            .post_translate(dx, dy)
            .post_rotate_at(turn, width / 2.0, height / 2.0);
        // by day the plate reflects daylight, by night the camera's own infrared flash
        let light = if self.day {
            dice.between(0.82, 1.0)
        } else {
            dice.between(0.9, 1.0)
        };
        draw_plate(&mut pixmap.as_mut(), self, light as f32, transform);
        if dice.chance(0.4) {
            blur(&mut pixmap);
        }
        grain(&mut pixmap, &mut dice);
        Ok(pixmap)
    }
}

/// A blank image.
pub(crate) fn canvas((width, height): (u32, u32)) -> Result<Pixmap, SimulatorError> {
    Pixmap::new(width, height).ok_or_else(|| SimulatorError::Image("no such size".into()))
}

/// Encodes an image without its transparency, which is none. Fast compression: less than half the time
/// of the usual one, for files a third larger.
fn encode(pixmap: &Pixmap) -> Result<Vec<u8>, SimulatorError> {
    let failed = |error: png::EncodingError| SimulatorError::Image(Box::new(error));
    let mut colours = Vec::with_capacity(pixmap.data().len() / 4 * 3);
    for pixel in pixmap.data().chunks_exact(4) {
        colours.extend_from_slice(&pixel[..3]);
    }
    let mut bytes = Vec::new();
    let mut encoder = png::Encoder::new(&mut bytes, pixmap.width(), pixmap.height());
    encoder.set_color(png::ColorType::Rgb);
    encoder.set_compression(png::Compression::Fast);
    let mut writer = encoder.write_header().map_err(failed)?;
    writer.write_image_data(&colours).map_err(failed)?;
    writer.finish().map_err(failed)?;
    Ok(bytes)
}

/// A plain paint.
pub(crate) fn paint(red: f32, green: f32, blue: f32) -> Paint<'static> {
    let mut paint = Paint::default();
    let part = |value: f32| value.clamp(0.0, 255.0) as u8;
    paint.set_color_rgba8(part(red), part(green), part(blue), 255);
    paint
}

/// Draws a plate of [`PLATE_MM`] under a transform; `light` from 0 to 1.
pub(crate) fn draw_plate(canvas: &mut PixmapMut<'_>, picture: &Picture, light: f32, transform: Transform) {
    // the holder, that a white plate stands out from a white car
    if let Some(holder) = rounded(-12.0, -12.0, PLATE_MM.0 + 24.0, PLATE_MM.1 + 24.0, 14.0) {
        canvas.fill_path(
            &holder,
            &paint(26.0, 26.0, 28.0),
            FillRule::Winding,
            transform,
            None,
        );
    }
    let back = if picture.rear {
        paint(248.0 * light, 205.0 * light, 36.0 * light)
    } else {
        paint(240.0 * light, 240.0 * light, 236.0 * light)
    };
    if let Some(plate) = rounded(0.0, 0.0, PLATE_MM.0, PLATE_MM.1, 10.0) {
        canvas.fill_path(&plate, &back, FillRule::Winding, transform, None);
    }
    let wanted = glyphs::width(&picture.painted, CHARACTER_MM);
    // foreign marks are longer and are set smaller
    let height = CHARACTER_MM * (PLATE_MM.0 * 0.94 / wanted).min(1.0);
    let line = Line {
        text: &picture.painted,
        x: (PLATE_MM.0 - glyphs::width(&picture.painted, height)) / 2.0,
        y: (PLATE_MM.1 - height) / 2.0,
        height,
        weight: 1.0,
    };
    glyphs::draw(canvas, line, &paint(18.0, 18.0, 20.0), transform);
}

/// A rectangle with round corners.
pub(crate) fn rounded(x: f32, y: f32, width: f32, height: f32, radius: f32) -> Option<tiny_skia::Path> {
    let (right, bottom) = (x + width, y + height);
    let mut path = PathBuilder::new();
    path.move_to(x + radius, y);
    path.line_to(right - radius, y);
    path.quad_to(right, y, right, y + radius);
    path.line_to(right, bottom - radius);
    path.quad_to(right, bottom, right - radius, bottom);
    path.line_to(x + radius, bottom);
    path.quad_to(x, bottom, x, bottom - radius);
    path.line_to(x, y + radius);
    path.quad_to(x, y, x + radius, y);
    path.close();
    path.finish()
}

/// Fills a rectangle.
pub(crate) fn fill(
    canvas: &mut PixmapMut<'_>,
    (x, y, width, height): (f32, f32, f32, f32),
    paint: &Paint<'_>,
) {
    if let Some(rect) = Rect::from_xywh(x, y, width, height) {
        canvas.fill_rect(rect, paint, Transform::identity(), None);
    }
}

/// Averages each pixel with its right-hand neighbour: the car moved while the shutter was open.
fn blur(pixmap: &mut Pixmap) {
    let row = pixmap.width() as usize * 4;
    for line in pixmap.data_mut().chunks_exact_mut(row) {
        for i in 0..row - 4 {
            line[i] = line[i].midpoint(line[i + 4]);
        }
    }
}

/// Adds the grain of a sensor: a draw for every eight pairs of pixels, the same in all three colours. Finer grain would
/// double the file.
fn grain(pixmap: &mut Pixmap, dice: &mut Dice) {
    for pixels in pixmap.data_mut().chunks_mut(8 * 2 * 4) {
        let draw = dice.number().to_le_bytes();
        for (pair, byte) in pixels.chunks_exact_mut(2 * 4).zip(draw) {
            let change = byte & 0b111;
            for pixel in pair.chunks_exact_mut(4) {
                for part in &mut pixel[..3] {
                    *part = part.saturating_sub(change);
                }
            }
        }
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    pub(crate) fn picture() -> Picture {
        Picture {
            painted: "MV17 OQK".into(),
            rear: true,
            colour: "BLUE",
            shape: Shape::Car,
            camera: "M57 J4 northbound".into(),
            local: jiff::civil::date(2026, 11, 1).at(16, 30, 5, 0),
            day: true,
            noise: 5,
        }
    }

    #[test]
    fn the_same_picture_gives_the_same_bytes_and_another_seed_others() {
        let first = picture().render().unwrap();
        assert_eq!(first, picture().render().unwrap());
        let other = Picture {
            noise: 6,
            ..picture()
        };
        assert_ne!(first.plate, other.render().unwrap().plate);
    }

    #[test]
    fn images_are_small_and_as_large_as_cameras_send() {
        for (day, shape) in [(true, Shape::Car), (false, Shape::Van), (true, Shape::Suv)] {
            let images = Picture {
                day,
                shape,
                ..picture()
            }
            .render()
            .unwrap();
            assert!(images.plate.len() < 30_000, "{}", images.plate.len());
            assert!(images.overview.len() < 30_000, "{}", images.overview.len());
            let plate = Pixmap::decode_png(&images.plate).unwrap();
            assert!(plate.width() >= 120 && plate.height() >= 60);
        }
    }

    #[test]
    fn a_rear_plate_is_yellow_and_a_front_plate_white() {
        let blue_share = |rear| {
            let image = Picture { rear, ..picture() }.render().unwrap().plate;
            let pixmap = Pixmap::decode_png(&image).unwrap();
            let sum = |f: &dyn Fn(&tiny_skia::PremultipliedColorU8) -> u8| {
                pixmap.pixels().iter().map(|p| u64::from(f(p))).sum::<u64>() as f64
            };
            sum(&|p| p.blue()) / sum(&|p| p.red())
        };
        assert!(blue_share(true) < 0.6 && blue_share(false) > 0.9);
    }

    #[test]
    fn pictures_of_different_marks_differ() {
        let other = Picture {
            painted: "MV17 DQK".into(),
            ..picture()
        };
        assert_ne!(picture().render().unwrap().plate, other.render().unwrap().plate);
    }
}
