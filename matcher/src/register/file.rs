//! The register's file.
//!
//! CSV in UTF-8 with a header row, a vehicle a row, in any order. `vrm` must be there; `make` and `colour` may; other columns
//! are passed over. Marks are written as people write them; makes and colours in the licensing authority's words, and a word
//! that is not known here counts as unknown.
//!
//! ```csv
//! vrm,make,colour
//! AB12 CDE,FORD,BLUE
//! ```
//!
//! A row is read at a time, so that reading takes the memory of a [`Builder`] and no more.

use std::collections::HashMap;
use std::io::Read;

use csv::StringRecord;
use domain::Vrm;

use super::{Builder, Register, RegisterError};
use crate::description::{Colour, Description, Make};

/// The most spellings of makes, and of colours, that are remembered: files have some thousands.
const MOST_WORDS: usize = 65_536;

/// Reads a register.
///
/// # Errors
/// Names the line that is wrong, never its mark. A register with a bad row is refused whole.
pub fn read(from: impl Read) -> Result<Register, RegisterError> {
    let mut reader = csv::ReaderBuilder::new()
        .trim(csv::Trim::Headers)
        .from_reader(from);
    let headers = reader.headers()?.clone();
    let column = |name: &str| {
        headers
            .iter()
            .position(|header| header.eq_ignore_ascii_case(name))
    };
    let vrm = column("vrm").ok_or(RegisterError::NoColumn("vrm"))?;
    let (make, colour) = (column("make"), column("colour"));
    let mut builder = Builder::default();
    let mut makes = Words::new(Make::parse);
    let mut colours = Words::new(Colour::parse);
    let mut row = StringRecord::new();
    loop {
        let line = reader.position().line();
        match reader.read_record(&mut row) {
            Ok(true) => (),
            Ok(false) if builder.is_empty() => return Err(RegisterError::Empty),
            Ok(false) => return builder.build(),
            Err(error) => return Err(fault(error, line)),
        }
        let text = |column: Option<usize>| column.and_then(|column| row.get(column)).unwrap_or_default();
        let mark = Vrm::parse(text(Some(vrm))).map_err(|reason| RegisterError::Mark { line, reason })?;
        let description = Description {
            make: makes.meaning(text(make)),
            colour: colours.meaning(text(colour)),
        };
        builder.add(mark, description);
    }
}

fn fault(error: csv::Error, line: u64) -> RegisterError {
    match *error.kind() {
        csv::ErrorKind::Utf8 { .. } => RegisterError::Encoding { line },
        csv::ErrorKind::UnequalLengths {
            expected_len, len, ..
        } => RegisterError::Columns {
            line,
            found: len,
            expected: expected_len,
        },
        _ => error.into(),
    }
}

/// What words mean, looked up once each: the same few stand in millions of rows.
struct Words<T> {
    parse: fn(&str) -> Option<T>,
    known: HashMap<String, Option<T>>,
}

impl<T: Copy> Words<T> {
    fn new(parse: fn(&str) -> Option<T>) -> Self {
        Self {
            parse,
            known: HashMap::new(),
        }
    }

    fn meaning(&mut self, word: &str) -> Option<T> {
        if let Some(meaning) = self.known.get(word) {
            return *meaning;
        }
        let meaning = (self.parse)(word);
        if self.known.len() < MOST_WORDS {
            self.known.insert(word.to_owned(), meaning);
        }
        meaning
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_in_any_spelling_become_marks() {
        let file = "Make, VRM ,Tax,colour\nFord,ab12 cde,yes,Blue\n,X1,no,sparkling\n";
        let register = read(file.as_bytes()).unwrap();
        let find = |mark| register.find(Vrm::parse(mark).unwrap());
        assert_eq!(register.len(), 2);
        assert_eq!(find("AB12CDE"), Some(Description::parse("FORD", "BLUE")));
        assert_eq!(find("X1"), Some(Description::default()));
        assert_eq!(find("X2"), None);
    }

    #[test]
    fn a_bad_file_is_refused_by_line_and_without_its_marks() {
        let check = |file: &[u8], expected: &str| {
            let Err(error) = read(file) else {
                panic!("accepted")
            };
            assert_eq!(error.to_string(), expected);
        };
        check(
            b"mark,make\nAB12CDE,FORD\n",
            "line 1: no column is called vrm, and one must be",
        );
        check(
            b"vrm,make,colour\nAB12CDE,FORD,RED\nA,FORD,RED\n",
            "line 3, column vrm: the plate has 1 character, at least 2 are needed; mend the row or leave it out",
        );
        check(
            b"vrm,make\nAB12CDE,\xff\n",
            "line 2 is not UTF-8; save the file as UTF-8",
        );
        check(
            b"vrm,make\nAB12CDE,FORD\nAB12CDE\n",
            "line 3 has 1 columns where the header has 2; mend the row or leave it out",
        );
        check(
            b"vrm\n",
            "there is no vehicle in it; `steelring register remove` takes a register out of use",
        );
    }
}
