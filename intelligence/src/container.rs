//! From a file's bytes to its text: archives opened, encodings and other formats told apart.

use std::borrow::Cow;
use std::io::{Cursor, Read};

use zip::ZipArchive;

use crate::IntelligenceError;

/// Taken at once for an unpacked file; the rest grows as it comes, whatever size the archive claims.
const FIRST_CAPACITY: u64 = 16 * 1024 * 1024;
/// Bytes looked at to tell text from other things.
const SAMPLE: usize = 4 * 1024;

/// A list's text, UTF-8 by its looks, without byte-order mark.
pub(crate) struct Content<'a> {
    pub(crate) text: Cow<'a, [u8]>,
    pub(crate) notes: Vec<String>,
}

/// Opens what `bytes` are; nothing larger than `limit` bytes comes out.
pub(crate) fn open(bytes: &[u8], limit: u64) -> Result<Content<'_>, IntelligenceError> {
    if bytes.len() as u64 > limit {
        return Err(IntelligenceError::TooLarge { limit });
    }
    let mut notes = Vec::new();
    let text = if bytes.starts_with(b"PK\x03\x04") || bytes.starts_with(b"PK\x05\x06") {
        Cow::Owned(unpack(bytes, limit, &mut notes)?)
    } else {
        Cow::Borrowed(bytes)
    };
    refuse_what_is_no_text(&text)?;
    let text = match text {
        Cow::Borrowed(text) => Cow::Borrowed(without_mark(text)),
        Cow::Owned(text) if text.starts_with(UTF8_MARK) => Cow::Owned(text[UTF8_MARK.len()..].to_vec()),
        owned => owned,
    };
    if text.iter().all(u8::is_ascii_whitespace) {
        return Err(IntelligenceError::Empty);
    }
    Ok(Content { text, notes })
}

const UTF8_MARK: &[u8] = b"\xef\xbb\xbf";

fn without_mark(text: &[u8]) -> &[u8] {
    text.strip_prefix(UTF8_MARK).unwrap_or(text)
}

/// UTF-16 shows by its mark, or by every other byte of plain letters being zero.
fn refuse_what_is_no_text(text: &[u8]) -> Result<(), IntelligenceError> {
    const OLD_WORKBOOK: &[u8] = b"\xd0\xcf\x11\xe0";
    if text.starts_with(OLD_WORKBOOK) {
        return Err(IntelligenceError::Workbook);
    }
    if text.starts_with(b"\xff\xfe") || text.starts_with(b"\xfe\xff") {
        return Err(IntelligenceError::Utf16);
    }
    let sample = &text[..text.len().min(SAMPLE)];
    let zeros = |parity: usize| {
        sample
            .iter()
            .skip(parity)
            .step_by(2)
            .filter(|byte| **byte == 0)
            .count()
    };
    let (even, odd) = (zeros(0), zeros(1));
    if even.max(odd) * 4 > sample.len() && even.min(odd) * 8 < sample.len() {
        return Err(IntelligenceError::Utf16);
    }
    if even + odd > 0 || sample.starts_with(b"\x1f\x8b") || sample.starts_with(b"%PDF") {
        return Err(IntelligenceError::Binary);
    }
    Ok(())
}

/// The one file of an archive.
fn unpack(bytes: &[u8], limit: u64, notes: &mut Vec<String>) -> Result<Vec<u8>, IntelligenceError> {
    let failed = |error: zip::result::ZipError| IntelligenceError::Archive(error.to_string());
    let mut archive = ZipArchive::new(Cursor::new(bytes)).map_err(failed)?;
    let names: Result<Vec<String>, _> = archive.file_names().map(|name| name.map(String::from)).collect();
    let names = names.map_err(failed)?;
    if names.iter().any(|name| name == "[Content_Types].xml") {
        return Err(IntelligenceError::Workbook);
    }
    let lists: Vec<&String> = names
        .iter()
        .filter(|name| !name.ends_with('/') && !name.starts_with("__MACOSX/"))
        .collect();
    let [name] = lists[..] else {
        let what = format!("it must hold one list, it holds {} files", lists.len());
        return Err(IntelligenceError::Archive(what));
    };
    check_name(name, notes)?;
    let file = archive.by_name(name).map_err(failed)?;
    let mut text = Vec::with_capacity(file.size().min(limit).min(FIRST_CAPACITY) as usize);
    // The size that an archive claims may be a lie: what is read is counted.
    file.take(limit + 1)
        .read_to_end(&mut text)
        .map_err(|error| IntelligenceError::Archive(format!("it is damaged: {error}")))?;
    if text.len() as u64 > limit {
        return Err(IntelligenceError::TooLarge { limit });
    }
    Ok(text)
}

/// `{sourceID}_{hotlist}_{op}.dat` says what to do with the list; only replacing it is known.
fn check_name(name: &str, notes: &mut Vec<String>) -> Result<(), IntelligenceError> {
    let file = name.rsplit(['/', '\\']).next().unwrap_or(name);
    let stem = file.strip_suffix(".dat").or_else(|| file.strip_suffix(".DAT"));
    let parts = stem.and_then(|stem| {
        let (source, rest) = stem.split_once('_')?;
        let (hotlist, operation) = rest.rsplit_once('_')?;
        Some((source, hotlist, operation))
    });
    match parts {
        Some((source, hotlist, "R" | "r")) => {
            notes.push(format!(
                "the archive holds list {hotlist} of source {source}, to replace what was there"
            ));
            Ok(())
        }
        Some((_, _, operation)) => Err(IntelligenceError::Archive(format!(
            "its file asks for operation {operation:.8}: only R, replace, is possible; ask the source for the whole list"
        ))),
        None => Ok(()),
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use std::io::Write;

    use zip::write::SimpleFileOptions;

    use super::*;

    /// An archive of the given files.
    pub(crate) fn archive(files: &[(&str, &[u8])]) -> Vec<u8> {
        let mut writer = zip::ZipWriter::new(Cursor::new(Vec::new()));
        for (name, bytes) in files {
            writer.start_file(*name, SimpleFileOptions::default()).unwrap();
            writer.write_all(bytes).unwrap();
        }
        writer.finish().unwrap().into_inner()
    }

    fn utf16(text: &str, mark: bool) -> Vec<u8> {
        let mark = mark.then_some(0xfeff);
        mark.into_iter()
            .chain(text.encode_utf16())
            .flat_map(u16::to_le_bytes)
            .collect()
    }

    fn check(bytes: &[u8], limit: u64, expected: Result<&str, &str>) {
        let opened = open(bytes, limit).map(|content| String::from_utf8(content.text.to_vec()).unwrap());
        match (opened, expected) {
            (Ok(text), Ok(wanted)) => assert_eq!(text, wanted),
            (Err(error), Err(part)) => assert!(error.to_string().contains(part), "{error} lacks {part}"),
            (got, wanted) => panic!("{got:?} instead of {wanted:?}"),
        }
    }

    #[test]
    fn every_container_gives_its_text_or_says_what_to_do() {
        let text = "vrm,reason\nAB12CDE,stolen\n";
        check(text.as_bytes(), 100, Ok(text));
        check(format!("\u{feff}{text}").as_bytes(), 100, Ok(text));
        check(
            &archive(&[("4711_STOLEN_R.dat", text.as_bytes())]),
            1_000,
            Ok(text),
        );
        check(
            &archive(&[("list.csv", format!("\u{feff}{text}").as_bytes())]),
            1_000,
            Ok(text),
        );
        check(
            &archive(&[("a/", b""), ("a/1_2_3_R.dat", text.as_bytes())]),
            1_000,
            Ok(text),
        );
        check(b"", 100, Err("empty"));
        check(b"\xef\xbb\xbf \r\n", 100, Err("empty"));
        check(&utf16(text, true), 1_000, Err("UTF-16: save it as UTF-8"));
        check(&utf16(text, false), 1_000, Err("UTF-16"));
        check(
            &utf16(text, true).iter().rev().copied().collect::<Vec<_>>(),
            1_000,
            Err("UTF-16"),
        );
        check(b"\xd0\xcf\x11\xe0\xa1\xb1", 100, Err("workbook"));
        check(
            &archive(&[("[Content_Types].xml", b"<x/>"), ("xl/a.xml", b"")]),
            1_000,
            Err("CSV UTF-8"),
        );
        check(b"\x1f\x8b\x08 and so on", 100, Err("not text"));
        check(b"AB12CDE\0\0\0\0\0\0", 100, Err("not text"));
        check(text.as_bytes(), 10, Err("more than 10 bytes"));
        check(
            &archive(&[("1_A_R.dat", b"x"), ("1_B_R.dat", b"y")]),
            1_000,
            Err("one list, it holds 2"),
        );
        check(&archive(&[]), 1_000, Err("one list, it holds 0"));
        check(&archive(&[("4711_STOLEN_A.dat", b"x")]), 1_000, Err("only R"));
        check(b"PK\x03\x04 cut short", 100, Err("zip archive"));
    }

    /// What `work` takes at once, in bytes.
    fn memory_of(work: impl FnOnce()) -> u64 {
        allocation_counter::measure(work).bytes_max
    }

    #[test]
    fn a_zip_bomb_stops_at_the_limit_and_takes_no_more_memory_than_that() {
        const LIMIT: u64 = 1_000_000;
        let bomb = archive(&[("1_A_R.dat", &vec![b'A'; 64 * LIMIT as usize])]);
        assert!((bomb.len() as u64) < LIMIT);
        let taken = memory_of(|| check(&bomb, LIMIT, Err("more than 1000000 bytes")));
        // A vector that grows doubles, and holds both halves while it moves.
        assert!(taken < 4 * LIMIT, "{taken} bytes");
    }
}
