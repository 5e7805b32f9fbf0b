//! Bytes that are only ever added, in pages that many may read while one adds more.

use std::sync::Arc;

/// A page holds no more than this, together with what is counted beside it: an allocator rounds a byte more up to the next of
/// its sizes, a quarter more. A larger record has a page of its own, so that none is too large.
pub(crate) const PAGE_BYTES: usize = 1 << 20;
/// The two counts of an [`Arc`], which stand before the bytes.
const COUNTS_BYTES: usize = 2 * size_of::<usize>();
/// Records begin at multiples of this, so that 32 bits reach 16 GiB: ten times the entries of a country.
const STEP: usize = 4;
const STEPS_BITS: u32 = (PAGE_BYTES / STEP).trailing_zeros();

/// Where a record begins.
pub(crate) type Address = u32;

/// The pages. A clone shares all that are sealed.
#[derive(Clone, Default)]
pub(crate) struct Pages {
    sealed: Vec<Arc<[u8]>>,
    open: Vec<u8>,
}

impl Pages {
    /// Adds a record.
    ///
    /// # Panics
    /// At 16 GiB.
    pub(crate) fn push(&mut self, record: &[u8]) -> Address {
        let length = self.open.len() + record.len().next_multiple_of(STEP);
        if length + COUNTS_BYTES > PAGE_BYTES {
            self.seal();
        }
        let page = u32::try_from(self.sealed.len()).expect("fewer than 2^32 pages");
        assert!(
            page < 1 << (Address::BITS - STEPS_BITS),
            "more entries than 16 GiB hold"
        );
        let step = u32::try_from(self.open.len() / STEP).expect("a page is small");
        self.open.extend_from_slice(record);
        self.open.resize(self.open.len().next_multiple_of(STEP), 0);
        page << STEPS_BITS | step
    }

    /// The record at an address that [`Pages::push`] gave, and whatever follows it on its page.
    pub(crate) fn at(&self, address: Address) -> &[u8] {
        let page = (address >> STEPS_BITS) as usize;
        let offset = (address & ((1 << STEPS_BITS) - 1)) as usize * STEP;
        let page = self.sealed.get(page).map_or(self.open.as_slice(), |page| page);
        &page[offset..]
    }

    /// Closes the open page, so that a clone has all records.
    pub(crate) fn seal(&mut self) {
        if !self.open.is_empty() {
            self.sealed.push(Arc::from(self.open.as_slice()));
            self.open.clear();
        }
    }

    /// How many pages there are.
    pub(crate) fn count(&self) -> usize {
        self.sealed.len() + 1
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn records_are_found_where_they_were_put_also_by_an_older_clone() {
        let mut pages = Pages::default();
        let record = |number: usize| vec![number as u8; number * 37 % 5_000];
        let put: Vec<_> = (0..2_000)
            .map(|number| (pages.push(&record(number)), number))
            .collect();
        pages.seal();
        let older = pages.clone();
        let large = pages.push(&vec![7; 3 * PAGE_BYTES]);
        let last = pages.push(&[1, 2, 3]);
        for (address, number) in put {
            assert!(pages.at(address).starts_with(&record(number)));
            assert!(older.at(address).starts_with(&record(number)));
        }
        assert!(pages.at(large).starts_with(&vec![7; 3 * PAGE_BYTES]));
        assert!(pages.at(last).starts_with(&[1, 2, 3]));
    }
}
