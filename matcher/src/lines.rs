//! Cache lines in blocks that copies share until one of them changes a line: an index in use keeps what it has while a few lines of
//! millions change, and only their blocks are copied.

use std::ops::{Index, IndexMut};
use std::sync::Arc;

use crate::prefetch::prefetch;

/// Slots of a line: 16 of 4 bytes are the 64 bytes that a processor fetches at once.
pub(crate) const SLOTS: usize = 16;

/// 16 slots; those that are taken stand first, and none of them is 0.
#[derive(Clone, Copy, Default)]
#[repr(align(64))]
pub(crate) struct Line(pub(crate) [u32; SLOTS]);
const _: () = assert!(size_of::<Line>() == 64);

/// 128 KiB are a block. A power of two: with a line less, and so with divisions, a read took a sixth more time.
const BLOCK_LINES: usize = 1 << 11;

/// See the module's page.
#[derive(Clone)]
pub(crate) struct Lines {
    /// Full but for the last.
    blocks: Vec<Arc<[Line]>>,
    len: usize,
}

impl Lines {
    /// So many empty lines.
    pub(crate) fn new(len: usize) -> Self {
        let block = |start: usize| {
            let lines = (len - start).min(BLOCK_LINES);
            std::iter::repeat_n(Line::default(), lines).collect()
        };
        Self {
            blocks: (0..len).step_by(BLOCK_LINES).map(block).collect(),
            len,
        }
    }

    /// How many lines there are.
    pub(crate) fn len(&self) -> usize {
        self.len
    }

    /// The line at a place, if there is one.
    pub(crate) fn get(&self, line: usize) -> Option<&Line> {
        (line < self.len).then(|| &self[line])
    }

    /// All lines in order.
    pub(crate) fn iter(&self) -> impl Iterator<Item = &Line> {
        self.blocks.iter().flat_map(|block| block.iter())
    }

    /// Asks for a line that is looked at soon.
    #[inline]
    pub(crate) fn ask(&self, line: usize) {
        if let Some(block) = self.blocks.get(line / BLOCK_LINES) {
            prefetch(block.get(line % BLOCK_LINES));
        }
    }

    /// Bytes in memory, were nothing shared.
    pub(crate) fn bytes(&self) -> usize {
        self.len * size_of::<Line>()
    }
}

impl Index<usize> for Lines {
    type Output = Line;

    #[inline]
    fn index(&self, line: usize) -> &Line {
        &self.blocks[line / BLOCK_LINES][line % BLOCK_LINES]
    }
}

impl IndexMut<usize> for Lines {
    fn index_mut(&mut self, line: usize) -> &mut Line {
        &mut Arc::make_mut(&mut self.blocks[line / BLOCK_LINES])[line % BLOCK_LINES]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_copy_keeps_its_lines_and_shares_all_blocks_but_the_changed_one() {
        let mut lines = Lines::new(3 * BLOCK_LINES + 1);
        assert_eq!(lines.iter().count(), lines.len());
        for line in 0..lines.len() {
            lines[line].0[0] = line as u32;
        }
        let copy = lines.clone();
        lines[BLOCK_LINES].0[0] = u32::MAX;
        let firsts = |lines: &Lines| -> Vec<u32> { lines.iter().map(|line| line.0[0]).collect() };
        let mut expected: Vec<u32> = (0..lines.len() as u32).collect();
        assert_eq!(firsts(&copy), expected);
        expected[BLOCK_LINES] = u32::MAX;
        assert_eq!(firsts(&lines), expected);
        let both = lines.blocks.iter().zip(&copy.blocks);
        let shared: Vec<bool> = both.map(|(one, other)| Arc::ptr_eq(one, other)).collect();
        assert_eq!(shared, [true, false, true, true]);
        assert!(lines.get(lines.len()).is_none());
    }
}
