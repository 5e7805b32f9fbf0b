//! XML as devices write it, flattened: namespaces and prefixes differ by firmware, so that only local names count.

use quick_xml::errors::Error;
use quick_xml::escape::resolve_predefined_entity;
use quick_xml::events::Event;
use quick_xml::reader::Reader;

use crate::limits::{MAX_XML_DEPTH, MAX_XML_LEAVES};
use crate::message::DecodeError;

const WHAT: &str = "XML";

/// A document's root and every element that has text.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Leaves {
    /// The root's local name.
    pub root: String,
    /// Path of local names below the root, such as `ANPR/licensePlate`, and the text, trimmed.
    leaves: Vec<(String, String)>,
}

impl Leaves {
    /// The text of the first element of that path; none where it is missing or blank.
    #[must_use]
    pub fn get(&self, path: &str) -> Option<&str> {
        self.leaves
            .iter()
            .find(|(known, _)| known == path)
            .map(|(_, text)| text.as_str())
    }

    /// Whether any element below the path has text.
    #[must_use]
    pub fn has_any_below(&self, path: &str) -> bool {
        self.leaves
            .iter()
            .any(|(known, _)| known.strip_prefix(path).is_some_and(|rest| rest.starts_with('/')))
    }
}

/// Reads a document.
///
/// # Errors
/// With line and column.
pub fn parse(text: &str) -> Result<Leaves, DecodeError> {
    let mut reader = Reader::from_str(text);
    let mut walk = Walk::default();
    loop {
        let event = reader.read_event().map_err(|error| {
            DecodeError::syntax(WHAT, reason(&error), text, reader.error_position() as usize)
        })?;
        let at = reader.buffer_position() as usize;
        match walk.step(event) {
            Ok(true) => {}
            Ok(false) => return Ok(walk.found),
            Err(reason) => return Err(DecodeError::syntax(WHAT, reason, text, at)),
        }
    }
}

/// The path so far, and the text of the element that it ends at.
#[derive(Default)]
struct Walk {
    /// Length of the path before each open element.
    open: Vec<usize>,
    path: String,
    text: String,
    found: Leaves,
}

impl Walk {
    /// Takes one event; false at the end of the document.
    fn step(&mut self, event: Event<'_>) -> Result<bool, &'static str> {
        match event {
            Event::Start(start) => self.enter(start.local_name().as_ref())?,
            Event::Empty(empty) => {
                self.enter(empty.local_name().as_ref())?;
                self.leave()?;
            }
            Event::End(_) => self.leave()?,
            Event::Text(text) => self.text.push_str(&text),
            Event::CData(text) => self.text.push_str(&text),
            Event::GeneralRef(reference) => match reference.resolve_char_ref() {
                Ok(Some(character)) => self.text.push(character),
                Ok(None) => {
                    let known = resolve_predefined_entity(&reference);
                    self.text.push_str(known.ok_or("an entity that is not defined")?);
                }
                Err(_) => return Err("a character reference that is no character"),
            },
            Event::Eof if self.found.root.is_empty() => return Err("no element in it"),
            Event::Eof if !self.open.is_empty() => return Err("the document ends before its last end tag"),
            Event::Eof => return Ok(false),
            Event::Comment(_) | Event::Decl(_) | Event::PI(_) | Event::DocType(_) => {}
        }
        Ok(true)
    }

    fn enter(&mut self, name: &str) -> Result<(), &'static str> {
        if self.open.len() == MAX_XML_DEPTH {
            return Err("elements nested deeper than any known format");
        }
        self.open.push(self.path.len());
        if self.open.len() == 1 {
            name.clone_into(&mut self.found.root);
        } else {
            if !self.path.is_empty() {
                self.path.push('/');
            }
            self.path.push_str(name);
        }
        self.text.clear();
        Ok(())
    }

    fn leave(&mut self) -> Result<(), &'static str> {
        let parent = self.open.pop().ok_or("an end tag without a start tag")?;
        let text = self.text.trim();
        if !text.is_empty() {
            if self.found.leaves.len() == MAX_XML_LEAVES {
                return Err("more elements than any known format has");
            }
            self.found.leaves.push((self.path.clone(), text.to_owned()));
        }
        self.text.clear();
        self.path.truncate(parent);
        Ok(())
    }
}

/// What is wrong, without quoting the document.
fn reason(error: &Error) -> String {
    match error {
        Error::Syntax(error) => error.to_string(),
        Error::IllFormed(_) => "an end tag is missing, or matches no start tag".to_owned(),
        _ => "not well-formed".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn prefixes_and_namespaces_do_not_matter_and_entities_are_resolved() {
        let found = parse(
            "<?xml version=\"1.0\"?><a:r xmlns:a='x'><a:b>\n <c>1 &amp; &#50;</c><d/><e><![CDATA[<3>]]></e></a:b></a:r>",
        );
        let found = found.unwrap();
        assert_eq!(found.root, "r");
        assert_eq!((found.get("b/c"), found.get("b/e")), (Some("1 & 2"), Some("<3>")));
        assert_eq!(found.get("b/d"), None);
        assert!(found.has_any_below("b") && !found.has_any_below("b/c"));
    }

    #[test]
    fn broken_documents_are_refused_with_their_place() {
        let place = |text: &str| match parse(text) {
            Err(DecodeError::Syntax { line, .. }) => Some(line),
            other => panic!("{text:?}: {other:?}"),
        };
        assert_eq!(place("<a>\n<b></a>"), Some(2));
        assert_eq!(place("<a>\n\n<b>"), Some(3));
        assert_eq!(place(""), Some(1));
        assert_eq!(place("<a>&unknown;</a>"), Some(1));
        assert_eq!(place(&"<a>".repeat(100)), Some(1));
        assert_eq!(place("</a>"), Some(1));
    }
}
