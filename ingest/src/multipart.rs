//! Bodies of several parts, as cameras write them: any `multipart/...` type, parts without a name, LF for CRLF, and
//! no closing delimiter are all met in the field.

use bytes::Bytes;
use memchr::memmem;

use crate::limits::MAX_PARTS;
use crate::message::{DecodeError, Message};

/// One part.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Part {
    /// Its name in the form, in lower case; empty where it has none.
    pub name: String,
    /// Its file name, in lower case; empty where it has none.
    pub filename: String,
    /// Its content type, in lower case; empty where it has none.
    pub content_type: String,
    /// Its bytes: a slice of the message's body.
    pub data: Bytes,
}

impl Part {
    /// Whether name or file name contain this, in lower case.
    #[must_use]
    pub fn is_called(&self, word: &str) -> bool {
        self.name.contains(word) || self.filename.contains(word)
    }
}

/// Splits a multipart message.
///
/// # Errors
/// When the content type names no boundary, the boundary does not occur, or there are too many parts.
pub fn split(message: &Message) -> Result<Vec<Part>, DecodeError> {
    let header = message.content_type.as_deref().unwrap_or_default();
    let boundary = parameter(header, "boundary").filter(|boundary| !boundary.is_empty());
    let Some(boundary) = boundary else {
        return Err(DecodeError::ContentType("multipart/form-data with a boundary"));
    };
    let delimiter = format!("--{boundary}");
    let finder = memmem::Finder::new(&delimiter);
    let body = &message.body;
    let mut at = match next_delimiter(&finder, body, 0) {
        Some(at) => at + delimiter.len(),
        None => {
            return Err(DecodeError::syntax(
                "multipart",
                "the boundary that the content type names does not occur",
                "",
                0,
            ));
        }
    };
    let mut parts = Vec::new();
    while at < body.len() && !body[at..].starts_with(b"--") {
        if parts.len() == MAX_PARTS {
            return Err(DecodeError::TooMany {
                what: "parts",
                found: parts.len() + 1,
                limit: MAX_PARTS,
            });
        }
        let next = next_delimiter(&finder, body, at);
        let end = next.unwrap_or(body.len());
        parts.push(part(body, at, end));
        at = next.map_or(body.len(), |next| next + delimiter.len());
    }
    Ok(parts)
}

/// The next delimiter that begins a line and is not the beginning of a longer word.
fn next_delimiter(finder: &memmem::Finder<'_>, body: &[u8], from: usize) -> Option<usize> {
    let length = finder.needle().len();
    finder
        .find_iter(&body[from..])
        .map(|found| from + found)
        .find(|&found| {
            let begins_line = found == 0 || body[found - 1] == b'\n';
            let ends_word = matches!(
                body.get(found + length),
                None | Some(b'\r' | b'\n' | b'-' | b' ' | b'\t')
            );
            begins_line && ends_word
        })
}

/// The part between a delimiter and the next: the rest of the delimiter's line, headers, an empty line, data.
fn part(body: &Bytes, from: usize, end: usize) -> Part {
    let mut part = Part::default();
    let mut at = line_end(body, from, end);
    while at < end {
        let next = line_end(body, at, end);
        let line = String::from_utf8_lossy(&body[at..next]);
        let line = line.trim();
        at = next;
        if line.is_empty() {
            break;
        }
        if let Some((name, value)) = line.split_once(':') {
            header(&mut part, name.trim(), value.trim());
        }
    }
    let data = body.slice(at..end);
    let data_end = match data.as_ref() {
        [.., b'\r', b'\n'] => data.len() - 2,
        [.., b'\n'] => data.len() - 1,
        _ => data.len(),
    };
    part.data = data.slice(..data_end);
    part
}

fn header(part: &mut Part, name: &str, value: &str) {
    if name.eq_ignore_ascii_case("content-disposition") {
        part.name = parameter(value, "name").unwrap_or_default().to_ascii_lowercase();
        part.filename = parameter(value, "filename")
            .unwrap_or_default()
            .to_ascii_lowercase();
    } else if name.eq_ignore_ascii_case("content-type") {
        part.content_type = value.to_ascii_lowercase();
    }
}

/// The start of the next line, or `end`.
fn line_end(body: &[u8], from: usize, end: usize) -> usize {
    memchr::memchr(b'\n', &body[from..end]).map_or(end, |newline| from + newline + 1)
}

/// A parameter of a header, with or without quotes.
fn parameter<'a>(header: &'a str, wanted: &str) -> Option<&'a str> {
    header.split(';').skip(1).find_map(|pair| {
        let (name, value) = pair.split_once('=')?;
        name.trim()
            .eq_ignore_ascii_case(wanted)
            .then(|| value.trim().trim_matches('"'))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(content_type: &str, body: &str, expected: Result<&[(&str, &str)], ()>) {
        let message = Message {
            content_type: Some(content_type.to_owned()),
            body: Bytes::from(body.to_owned()),
        };
        let parts = split(&message).map_err(|_| ());
        let parts: Result<Vec<_>, ()> = parts.map(|parts| {
            parts
                .into_iter()
                .map(|part| (part.name, String::from_utf8_lossy(&part.data).into_owned()))
                .collect()
        });
        let expected = expected.map(|parts| {
            parts
                .iter()
                .map(|(name, data)| ((*name).to_owned(), (*data).to_owned()))
                .collect::<Vec<_>>()
        });
        assert_eq!(parts, expected, "{body:?}");
    }

    #[test]
    fn parts_are_found_as_cameras_write_them() {
        let form = "multipart/form-data; boundary=MIME";
        let whole = "--MIME\r\nContent-Disposition: form-data; name=\"A\"\r\n\r\none\r\n--MIME\r\n\r\n\r\ntwo\r\n--MIME--\r\n";
        check(form, whole, Ok(&[("a", "one"), ("", "\r\ntwo")]));
        check(
            form,
            "--MIME\nContent-Type: x\n\none\n--MIME\n\ntwo",
            Ok(&[("", "one"), ("", "two")]),
        );
        check(
            "multipart/mixed; boundary=\"MIME\"",
            "--MIME\r\n\r\n--MIMEx--MIME\r\n--MIME--",
            Ok(&[("", "--MIMEx--MIME")]),
        );
        check(form, "--MIME", Ok(&[]));
        check(form, "--MIME--", Ok(&[]));
        check(form, "no such thing", Err(()));
        check("multipart/form-data", whole, Err(()));
        check(form, &"--MIME\r\n\r\nx\r\n".repeat(33), Err(()));
    }
}
