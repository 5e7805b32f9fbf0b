//! Letters and digits as strokes, in the proportions of British plates (50 by 79 mm, stroke 14 mm). Drawn for this
//! project: no font is shipped.

use tiny_skia::{LineCap, LineJoin, Paint, PathBuilder, PixmapMut, Stroke, Transform};

/// A glyph's width, stroke and gaps as shares of its height (BS AU 145e: 79 mm high, 50 wide, 14 thick, 11 between
/// characters, 33 between groups).
pub(crate) const WIDTH: f32 = 50.0 / 79.0;
const STROKE: f32 = 14.0 / 79.0;
pub(crate) const GAP: f32 = 11.0 / 79.0;
const SPACE: f32 = 22.0 / 79.0;

/// Strokes of a character: points on a grid of 0 to 4 across and 0 to 6 down, each two digits; a blank lifts the pen.
fn strokes(character: char) -> &'static str {
    match character {
        'A' => "062046 1434",
        'B' => "0006 003041423303 3344453606",
        'C' => "4130100105163645",
        'D' => "0006 003041453606",
        'E' => "40000646 0333",
        'F' => "400006 0333",
        'G' => "4130100105163645 454323",
        'H' => "0006 4046 0343",
        'I' => "2026",
        'J' => "4045361605",
        'K' => "0006 4003 0346",
        'L' => "000646",
        'M' => "0600234046",
        'N' => "06004640",
        'O' | '0' => "103041453616050110",
        'P' => "0600 003041423303",
        'Q' => "103041453616050110 2446",
        'R' => "0600 003041423303 2346",
        'S' => "413010010213334445361605",
        'T' => "0040 2026",
        'U' => "000516364540",
        'V' => "002640",
        'W' => "0016233640",
        'X' => "0046 4006",
        'Y' => "002340 2326",
        'Z' => "00400646",
        '1' => "112026",
        '2' => "01103041420646",
        '3' => "01103041423323 334445361605",
        '4' => "36300444",
        '5' => "40000312324345361605",
        '6' => "4130100105163645443303",
        '7' => "004016",
        '8' => "103041423313020110 1304051636454433",
        '9' => "0516364541301001021343",
        ':' => "2122 2425",
        '-' => "1333",
        '/' => "0640",
        '.' | ',' => "2526",
        _ => "",
    }
}

/// A line of text: where it begins (top left), how high, how thick as a share of the plate's stroke.
#[derive(Clone, Copy)]
pub(crate) struct Line<'a> {
    pub(crate) text: &'a str,
    pub(crate) x: f32,
    pub(crate) y: f32,
    pub(crate) height: f32,
    pub(crate) weight: f32,
}

/// The width of a text of this height.
pub(crate) fn width(text: &str, height: f32) -> f32 {
    let advance = |c: char| if c == ' ' { SPACE } else { WIDTH + GAP };
    text.chars().map(advance).sum::<f32>() * height - GAP * height
}

/// Draws a line of text.
pub(crate) fn draw(canvas: &mut PixmapMut<'_>, line: Line<'_>, paint: &Paint<'_>, transform: Transform) {
    let thick = STROKE * line.height * line.weight;
    // the pen's middle runs half a stroke inside the glyph's box
    let (across, down) = ((WIDTH * line.height - thick) / 4.0, (line.height - thick) / 6.0);
    let mut pen = PathBuilder::new();
    let mut x = line.x;
    for character in line.text.chars() {
        for stroke in strokes(character).split(' ') {
            for (i, point) in stroke.as_bytes().chunks_exact(2).enumerate() {
                let (column, row) = (f32::from(point[0] - b'0'), f32::from(point[1] - b'0'));
                let (px, py) = (
                    x + thick / 2.0 + column * across,
                    line.y + thick / 2.0 + row * down,
                );
                if i == 0 {
                    pen.move_to(px, py);
                } else {
                    pen.line_to(px, py);
                }
            }
        }
        x += line.height * if character == ' ' { SPACE } else { WIDTH + GAP };
    }
    if let Some(path) = pen.finish() {
        let stroke = Stroke {
            width: thick,
            line_cap: LineCap::Square,
            line_join: LineJoin::Miter,
            // right angles stay sharp; the points of M, N, V and W are cut off as on a plate
            miter_limit: 1.5,
            ..Stroke::default()
        };
        canvas.stroke_path(&path, paint, &stroke, transform, None);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashMap;

    #[test]
    fn every_character_of_a_mark_has_strokes_and_only_o_and_0_share_them() {
        let mut known: HashMap<&str, char> = HashMap::new();
        for character in ('A'..='Z').chain('0'..='9') {
            let strokes = strokes(character);
            assert!(!strokes.is_empty(), "{character}");
            if let Some(other) = known.insert(strokes, character) {
                assert_eq!((other, character), ('O', '0'));
            }
        }
    }
}
