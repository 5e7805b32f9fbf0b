//! Entries in as few bytes as they need: a record each, and texts that many of them share once.
//!
//! An entry as a struct of texts takes some 600 bytes, packed some 80. The matcher looks at the mark of a record for each
//! read that may match, and unpacks the whole for the few that do.

use domain::hotlist::{Action, Entry, Grade, Marker};
use domain::reason::ReasonCode;
use domain::scope::Scope;
use domain::target::Target;
use domain::{EntryId, ListName, Timestamp};
use hashbrown::HashTable;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use crate::code::Code;
use crate::pages::{Address, Pages};
use crate::prefetch::prefetch;
use crate::table::Marks;

const ID_BYTES: usize = 16;

/// A record: what a lookup compares stands first, at a fixed place.
#[derive(Serialize, Deserialize)]
struct Record<'a> {
    id: [u8; ID_BYTES],
    target: &'a str,
    list: Address,
    grade: u8,
    action: Action,
    markers: Vec<Marker>,
    reason_code: ReasonCode,
    reason: Address,
    information: Address,
    make: Address,
    model: Address,
    colour: Address,
    owner: Address,
    reference: &'a str,
    handling: Address,
    /// As JSON: few vehicles have any.
    nominals: Option<Address>,
    listed_at: (i64, i32),
    expires_at: Option<(i64, i32)>,
    /// As JSON: an operation's entries share one, and most have none.
    scope: Option<Address>,
}

/// Puts entries into pages.
#[derive(Default)]
pub(crate) struct Packer {
    pub(crate) pages: Pages,
    /// Where each text that was met stands.
    texts: HashTable<Address>,
    record: Vec<u8>,
}

impl Packer {
    /// Packs an entry.
    pub(crate) fn put(&mut self, entry: &Entry) -> Address {
        let record = Record {
            id: *entry.entry_id.as_bytes(),
            target: entry.target.as_str(),
            list: self.text(entry.list.as_str()),
            grade: entry.grade.into(),
            action: entry.action,
            markers: entry.markers.clone(),
            reason_code: entry.reason_code,
            reason: self.text(&entry.reason),
            information: self.text(&entry.information),
            make: self.text(&entry.make),
            model: self.text(&entry.model),
            colour: self.text(&entry.colour),
            owner: self.text(&entry.owner),
            reference: &entry.reference,
            handling: self.text(&entry.handling),
            nominals: self.json(&entry.nominals, entry.nominals.is_empty()),
            listed_at: parts(entry.listed_at),
            expires_at: entry.expires_at.map(parts),
            scope: self.json(&entry.scope, entry.scope.is_everything()),
        };
        self.add(&record)
    }

    /// Where a value's text stands; none for one that says nothing.
    fn json(&mut self, value: &impl Serialize, is_nothing: bool) -> Option<Address> {
        let json = || serde_json::to_string(value).expect("names, codes and hours are always written");
        (!is_nothing).then(|| self.text(&json()))
    }

    /// Where a text stands; it is added if it is new.
    fn text(&mut self, text: &str) -> Address {
        let hash = hash_of_text(text);
        let known = self
            .texts
            .find(hash, |address| text_at(&self.pages, *address) == Some(text));
        if let Some(address) = known {
            return *address;
        }
        let address = self.add(&text);
        let pages = &self.pages;
        let rehash = |address: &Address| hash_of_text(text_at(pages, *address).unwrap_or_default());
        self.texts.insert_unique(hash, address, rehash);
        address
    }

    fn add(&mut self, value: &impl Serialize) -> Address {
        self.record.clear();
        let record = postcard::to_extend(value, std::mem::take(&mut self.record));
        self.record = record.expect("texts and numbers are always written");
        self.pages.push(&self.record)
    }
}

/// The id of the entry at an address.
pub(crate) fn id_at(pages: &Pages, address: Address) -> &[u8] {
    &pages.at(address)[..ID_BYTES]
}

/// The mark or pattern of the entry at an address. Its length is a single byte, since it is at most 12.
pub(crate) fn target_at(pages: &Pages, address: Address) -> &[u8] {
    let record = &pages.at(address)[ID_BYTES..];
    &record[1..=usize::from(record[0])]
}

/// Whether the entry at an address is for a pattern.
pub(crate) fn is_pattern_at(pages: &Pages, address: Address) -> bool {
    target_at(pages, address)
        .iter()
        .any(|byte| !byte.is_ascii_alphanumeric())
}

impl Marks for Pages {
    fn code_at(&self, address: Address) -> Code {
        Code::of(target_at(self, address)).unwrap_or_default()
    }

    fn ask(&self, address: Address) {
        prefetch(self.at(address).get(ID_BYTES));
    }
}

/// The entry at an address.
///
/// # Panics
/// At an address that [`Packer::put`] did not give.
pub(crate) fn entry_at(pages: &Pages, address: Address) -> Entry {
    unpack(pages, address).expect("what was packed unpacks")
}

/// Grade and time of listing of the entry at an address.
pub(crate) fn urgency_at(pages: &Pages, address: Address) -> Option<(Grade, Timestamp)> {
    let (record, _) = postcard::take_from_bytes::<Record<'_>>(pages.at(address)).ok()?;
    Some((Grade::try_from(record.grade).ok()?, time(record.listed_at)?))
}

/// How many bytes an entry takes, without its texts.
pub(crate) fn size_at(pages: &Pages, address: Address) -> usize {
    let from = pages.at(address);
    let rest = postcard::take_from_bytes::<Record>(from).map_or(0, |(_, rest)| rest.len());
    from.len() - rest
}

fn unpack(pages: &Pages, address: Address) -> Option<Entry> {
    let (record, _) = postcard::take_from_bytes::<Record>(pages.at(address)).ok()?;
    let text = |address| text_at(pages, address).map(str::to_owned);
    Some(Entry {
        entry_id: EntryId::from(record.id),
        list: ListName::parse(text_at(pages, record.list)?).ok()?,
        target: Target::parse(record.target).ok()?,
        grade: Grade::try_from(record.grade).ok()?,
        action: record.action,
        markers: record.markers,
        reason_code: record.reason_code,
        reason: text(record.reason)?,
        information: text(record.information)?,
        make: text(record.make)?,
        model: text(record.model)?,
        colour: text(record.colour)?,
        owner: text(record.owner)?,
        reference: record.reference.to_owned(),
        handling: text(record.handling)?,
        nominals: match record.nominals {
            Some(address) => from_json(pages, address)?,
            None => Vec::new(),
        },
        listed_at: time(record.listed_at)?,
        expires_at: match record.expires_at {
            Some(parts) => Some(time(parts)?),
            None => None,
        },
        scope: match record.scope {
            Some(address) => from_json(pages, address)?,
            None => Scope::default(),
        },
    })
}

fn from_json<T: DeserializeOwned>(pages: &Pages, address: Address) -> Option<T> {
    serde_json::from_str(text_at(pages, address)?).ok()
}

fn text_at(pages: &Pages, address: Address) -> Option<&str> {
    postcard::take_from_bytes(pages.at(address))
        .ok()
        .map(|(text, _)| text)
}

fn parts(at: Timestamp) -> (i64, i32) {
    (at.as_second(), at.subsec_nanosecond())
}

fn time((second, nanosecond): (i64, i32)) -> Option<Timestamp> {
    Timestamp::new(second, nanosecond).ok()
}

fn hash_of_text(text: &str) -> u64 {
    use std::hash::{Hash, Hasher};
    let mut hasher = std::hash::DefaultHasher::new();
    text.hash(&mut hasher);
    hasher.finish()
}
