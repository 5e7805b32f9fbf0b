//! Lines into records: CSV's quoting is `csv-core`'s, but line by line, so that a quote that nobody closed costs its
//! own row and not the rest of the file.

use memchr::memchr;

/// Longest record, in bytes: 16 columns of text at their limits are below 8 KiB.
const MAX_RECORD_BYTES: usize = 64 * 1024;
/// Lines that one quoted record may run over before its quote counts as forgotten.
const MAX_RECORD_LINES: usize = 16;
/// Most columns of a record: four times what the widest hotlist in the field has.
const MAX_FIELDS: usize = 256;

/// What stands at a line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Found {
    /// A record; its fields can be read now.
    Record,
    /// A quote is opened and not closed.
    OpenQuote,
    /// More than [`MAX_RECORD_BYTES`].
    TooLong,
    /// More than [`MAX_FIELDS`].
    TooManyFields,
}

/// Walks through a text, one record at a time. Blank lines are passed over.
pub(crate) struct Records<'a> {
    text: &'a [u8],
    newline: u8,
    /// Where the next line begins, and its number counted from 1.
    at: usize,
    line: u64,
    /// Where the record begins that was read last.
    began: usize,
    core: csv_core::Reader,
    output: Vec<u8>,
    ends: Vec<usize>,
    fields: usize,
}

impl<'a> Records<'a> {
    pub(crate) fn new(text: &'a [u8], separator: u8) -> Self {
        // Files of old Macs end their lines by a carriage return alone.
        let newline = if text.contains(&b'\n') { b'\n' } else { b'\r' };
        Self {
            text,
            newline,
            at: 0,
            line: 1,
            began: 0,
            core: csv_core::ReaderBuilder::new().delimiter(separator).build(),
            output: vec![0; MAX_RECORD_BYTES + MAX_RECORD_LINES],
            ends: vec![0; MAX_FIELDS],
            fields: 0,
        }
    }

    /// The next record or damaged line, with its number. A record over several lines counts only where `fits` takes
    /// its number of fields: a stray quote would otherwise swallow good rows.
    pub(crate) fn next(&mut self, fits: impl Fn(usize) -> bool) -> Option<(u64, Found)> {
        loop {
            if self.at >= self.text.len() {
                return None;
            }
            let (line, next) = self.line_at(self.at);
            let number = self.line;
            if line.iter().all(u8::is_ascii_whitespace) {
                self.advance(next, 1);
                continue;
            }
            self.began = self.at;
            let (found, next, lines) = self.read_record(fits);
            self.advance(next, lines);
            return Some((number, found));
        }
    }

    /// Where the record begins that was read last, in bytes.
    pub(crate) fn began(&self) -> usize {
        self.began
    }

    /// Goes where a record begins. Its line is not known there.
    pub(crate) fn go_to(&mut self, at: usize) {
        self.at = at;
    }

    /// How many fields the record has.
    pub(crate) fn fields(&self) -> usize {
        self.fields
    }

    /// The bytes of a field, counted from 0, without the blanks around it; empty where the record is shorter.
    pub(crate) fn field(&self, index: usize) -> &[u8] {
        if index >= self.fields {
            return b"";
        }
        let start = if index == 0 { 0 } else { self.ends[index - 1] };
        self.output[start..self.ends[index]].trim_ascii()
    }

    /// Reads from the line at `self.at`; answers where to go on and how many lines that is.
    fn read_record(&mut self, fits: impl Fn(usize) -> bool) -> (Found, usize, u64) {
        self.core.reset();
        self.fields = 0;
        let first_next = self.line_at(self.at).1;
        let mut at = self.at;
        let mut written = 0;
        for lines in 1..=MAX_RECORD_LINES {
            if at >= self.text.len() {
                break;
            }
            let (line, next) = self.line_at(at);
            if written + line.len() > MAX_RECORD_BYTES {
                let found = if lines == 1 {
                    Found::TooLong
                } else {
                    Found::OpenQuote
                };
                return (found, first_next, 1);
            }
            match self.feed(line, &mut written) {
                csv_core::ReadRecordResult::Record if lines == 1 || fits(self.fields) => {
                    return (Found::Record, next, lines as u64);
                }
                csv_core::ReadRecordResult::InputEmpty => at = next,
                csv_core::ReadRecordResult::OutputEndsFull => return (Found::TooManyFields, first_next, 1),
                _ => break,
            }
        }
        (Found::OpenQuote, first_next, 1)
    }

    /// Feeds one line and its end.
    fn feed(&mut self, line: &[u8], written: &mut usize) -> csv_core::ReadRecordResult {
        // An empty input means "no more data" to csv-core.
        let parts: [&[u8]; 2] = [line, b"\n"];
        let mut last = csv_core::ReadRecordResult::InputEmpty;
        for part in parts.into_iter().filter(|part| !part.is_empty()) {
            let (result, _, bytes, ends) =
                self.core
                    .read_record(part, &mut self.output[*written..], &mut self.ends[self.fields..]);
            *written += bytes;
            self.fields += ends;
            last = result;
            if last != csv_core::ReadRecordResult::InputEmpty {
                break;
            }
        }
        last
    }

    fn advance(&mut self, next: usize, lines: u64) {
        self.at = next;
        self.line += lines;
    }

    /// The line that begins at `at`, without its end, and where the next one begins.
    fn line_at(&self, at: usize) -> (&'a [u8], usize) {
        let rest = &self.text[at..];
        let (line, next) = match memchr(self.newline, rest) {
            Some(end) => (&rest[..end], at + end + 1),
            None => (rest, self.text.len()),
        };
        (line.strip_suffix(b"\r").unwrap_or(line), next)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, expected: &[(u64, Result<&[&str], Found>)]) {
        let mut records = Records::new(text.as_bytes(), b',');
        let mut found = Vec::new();
        while let Some((line, what)) = records.next(|fields| fields == 2) {
            let fields: Vec<String> = (0..records.fields())
                .map(|index| String::from_utf8(records.field(index).to_vec()).unwrap())
                .collect();
            found.push((
                line,
                if what == Found::Record {
                    Ok(fields)
                } else {
                    Err(what)
                },
            ));
        }
        let expected: Vec<_> = expected
            .iter()
            .map(|(line, fields)| {
                (
                    *line,
                    fields.map(|fields| fields.iter().map(ToString::to_string).collect()),
                )
            })
            .collect();
        assert_eq!(found, expected, "{text:?}");
    }

    #[test]
    fn records_keep_their_line_and_a_forgotten_quote_costs_one_row() {
        check("", &[]);
        check("a,b", &[(1, Ok(&["a", "b"]))]);
        check(
            "a,b\r\n\r\n c , d \r\n",
            &[(1, Ok(&["a", "b"])), (3, Ok(&["c", "d"]))],
        );
        check("a,b\rc,d\r", &[(1, Ok(&["a", "b"])), (2, Ok(&["c", "d"]))]);
        check("\"a,1\",\"say \"\"b\"\"\"", &[(1, Ok(&["a,1", "say \"b\""]))]);
        check(
            "a,\"two\nlines\"\nc,d",
            &[(1, Ok(&["a", "two\nlines"])), (3, Ok(&["c", "d"]))],
        );
        check(
            "a,\"b\nc,d\ne,f",
            &[
                (1, Err(Found::OpenQuote)),
                (2, Ok(&["c", "d"])),
                (3, Ok(&["e", "f"])),
            ],
        );
        check(
            "a,\"b\nc,d\ne,f\",g",
            &[
                (1, Err(Found::OpenQuote)),
                (2, Ok(&["c", "d"])),
                (3, Ok(&["e", "f\"", "g"])),
            ],
        );
        check(
            "a,6\" wheel\nc,d",
            &[(1, Ok(&["a", "6\" wheel"])), (2, Ok(&["c", "d"]))],
        );
        let long = format!("{}\na,b", "x".repeat(MAX_RECORD_BYTES + 1));
        check(&long, &[(1, Err(Found::TooLong)), (2, Ok(&["a", "b"]))]);
        let wide = format!("{}\na,b", ",".repeat(MAX_FIELDS + 1));
        check(&wide, &[(1, Err(Found::TooManyFields)), (2, Ok(&["a", "b"]))]);
    }
}
