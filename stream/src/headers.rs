//! The headers of a record as read back.

use bytes::{BufMut, Bytes};

/// Names and values, as they stand in the log. They are looked for only when somebody asks: most records are passed over
/// by their key alone.
///
/// As bytes: for each header its name (u16 length) and value (u32 length), big endian. The embedded log keeps them so.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Headers(Bytes);

impl Headers {
    /// Every header, in the order in which it was published.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &[u8])> {
        let mut rest = self.0.as_ref();
        std::iter::from_fn(move || {
            let (name, value, behind) = first(rest)?;
            rest = behind;
            Some((std::str::from_utf8(name).ok()?, value))
        })
    }

    /// The value of the first header of this name.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&[u8]> {
        let mut rest = self.0.as_ref();
        loop {
            let (known, value, behind) = first(rest)?;
            if known == name.as_bytes() {
                return Some(value);
            }
            rest = behind;
        }
    }

    /// All of them, as they stand in the log.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }

    /// Headers whose bytes [`put`] wrote.
    pub(crate) fn of_bytes(bytes: Bytes) -> Self {
        Self(bytes)
    }

    /// Takes `count` headers off the front of `from`; none when they are not whole.
    pub(crate) fn split_from(from: &mut Bytes, count: u16) -> Option<Self> {
        let mut rest = from.as_ref();
        for _ in 0..count {
            (_, _, rest) = first(rest)?;
        }
        let length = from.len() - rest.len();
        Some(Self(from.split_to(length)))
    }
}

/// Writes a header behind others. Lengths fit: a record is at most [`crate::topic::MAX_RECORD_BYTES`], which was checked.
#[expect(clippy::cast_possible_truncation)]
pub(crate) fn put(out: &mut impl BufMut, name: &str, value: &[u8]) {
    out.put_u16(name.len() as u16);
    out.put_slice(name.as_bytes());
    out.put_u32(value.len() as u32);
    out.put_slice(value);
}

/// Name and value of the first header, and what stands behind it.
fn first(bytes: &[u8]) -> Option<(&[u8], &[u8], &[u8])> {
    let (length, rest) = bytes.split_first_chunk()?;
    let (name, rest) = rest.split_at_checked(usize::from(u16::from_be_bytes(*length)))?;
    let (length, rest) = rest.split_first_chunk()?;
    let (value, rest) = rest.split_at_checked(u32::from_be_bytes(*length) as usize)?;
    Some((name, value, rest))
}
