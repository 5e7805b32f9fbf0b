//! The patterns of all lists, apart from the table of marks: no key of a read leads to them.
//!
//! A tree of their characters: each way from the root spells the beginning of some patterns, and a read takes every way that it
//! fits at once, character by character. A way ends where no pattern goes on like the read, so that the patterns of other
//! marks cost nothing, and a node is passed at most once for each character of the read, whatever was listed. Patterns of which
//! the end is better known than the beginning stand in a second tree, and are read from behind: nearly all ways end within
//! three characters then.

use domain::Vrm;
use domain::pattern::{ANY, MANY, MAX_PATTERNS};
use domain::vrm::MAX_LENGTH;

use crate::packed;
use crate::pages::{Address, Pages};

/// Where every way begins.
const ROOT: u32 = 0;

/// See the module's page.
#[derive(Default)]
pub(crate) struct Wildcards {
    forward: Tree,
    backward: Tree,
    left_out: usize,
}

#[derive(Default)]
struct Tree {
    /// In the order of their distance from the root; children of one node stand side by side in the order of their characters.
    nodes: Vec<Node>,
    /// Entries in the order of the nodes that their patterns end at.
    entries: Vec<Address>,
}

#[derive(Clone, Copy, Default)]
struct Node {
    /// The characters that its children stand for; see [`bit`].
    characters: u64,
    first_child: u32,
    /// Where the entries whose pattern ends here begin, and how many there are.
    first_entry: u32,
    entries: u32,
}

/// The ways that a read takes: scratch, kept from read to read.
#[derive(Default)]
pub struct Walk {
    /// The nodes reached with the characters so far, but for those behind a `*`.
    reached: Vec<u32>,
    next: Vec<u32>,
    /// The nodes behind a `*`: once reached they stay so, since it takes any character.
    open: Vec<u32>,
    /// A bit for each node, set where it is among the open ones.
    is_open: Vec<u64>,
}

/// The bit of a character. Those of patterns lie within 64 from `*` on, in their own order.
#[inline]
fn bit(character: u8) -> u64 {
    const _: () = assert!(MANY < b'0' && b'9' < ANY && ANY < b'A' && b'Z' - MANY < 64);
    1_u64
        .checked_shl(u32::from(character.wrapping_sub(MANY)))
        .unwrap_or_default()
}

impl Wildcards {
    /// The patterns of the entries at these addresses: [`MAX_PATTERNS`] of them, the same on every machine.
    pub(crate) fn of(addresses: impl Iterator<Item = Address>, pages: &Pages) -> Self {
        let mut entries: Vec<Address> = addresses.collect();
        let left_out = entries.len().saturating_sub(MAX_PATTERNS);
        if left_out > 0 {
            entries.select_nth_unstable_by_key(MAX_PATTERNS, |address| packed::id_at(pages, *address));
            entries.truncate(MAX_PATTERNS);
        }
        let (mut forward, mut backward) = (Vec::new(), Vec::new());
        for address in entries {
            let mut pattern = packed::target_at(pages, address).to_vec();
            let is_known = |character: &&u8| character.is_ascii_alphanumeric();
            let begins = pattern.iter().take_while(is_known).count();
            let ends = pattern.iter().rev().take_while(is_known).count();
            if begins >= ends {
                forward.push((pattern, address));
            } else {
                pattern.reverse();
                backward.push((pattern, address));
            }
        }
        Self {
            forward: Tree::of(forward),
            backward: Tree::of(backward),
            left_out,
        }
    }

    /// How many entries there are.
    pub(crate) fn len(&self) -> usize {
        self.forward.entries.len() + self.backward.entries.len()
    }

    /// How many were beyond [`MAX_PATTERNS`], and are not looked for.
    pub(crate) fn left_out(&self) -> usize {
        self.left_out
    }

    /// Where the entries stand, in no order.
    pub(crate) fn addresses(&self) -> impl Iterator<Item = Address> + '_ {
        let both = self.forward.entries.iter().chain(&self.backward.entries);
        both.copied()
    }

    /// Whether a key fits a pattern.
    pub(crate) fn fits_any(&self, key: &[u8], walk: &mut Walk) -> bool {
        let mut any = false;
        self.find(key, walk, |_| any = true);
        any
    }

    /// The entries whose pattern a mark fits.
    pub(crate) fn fitting(&self, mark: Vrm) -> Vec<Address> {
        let mut fitting = Vec::new();
        self.find(mark.as_bytes(), &mut Walk::default(), |entries| {
            fitting.extend_from_slice(entries);
        });
        fitting
    }

    fn find(&self, key: &[u8], walk: &mut Walk, mut found: impl FnMut(&[Address])) {
        let mut behind = [0; MAX_LENGTH];
        let Some(behind) = behind.get_mut(..key.len()) else {
            return;
        };
        if !key.iter().all(u8::is_ascii_alphanumeric) {
            return;
        }
        behind.copy_from_slice(key);
        behind.reverse();
        self.forward.find(key, walk, &mut found);
        self.backward.find(behind, walk, &mut found);
    }
}

impl Tree {
    fn of(mut patterns: Vec<(Vec<u8>, Address)>) -> Self {
        patterns.sort_unstable();
        Self {
            nodes: nodes(&patterns),
            entries: patterns.iter().map(|(_, address)| *address).collect(),
        }
    }

    fn find(&self, key: &[u8], walk: &mut Walk, found: &mut impl FnMut(&[Address])) {
        if self.nodes.is_empty() {
            return;
        }
        walk.begin(self.nodes.len());
        self.open_behind(walk);
        for character in key {
            self.step(*character, walk);
            self.open_behind(walk);
            if walk.reached.is_empty() && walk.open.is_empty() {
                return;
            }
        }
        for node in walk.reached.iter().chain(&walk.open) {
            let node = &self.nodes[*node as usize];
            if node.entries > 0 {
                found(&self.entries[node.first_entry as usize..][..node.entries as usize]);
            }
        }
    }

    /// Goes on by a character of the read. Nodes have one parent each, so that none is reached twice.
    #[inline]
    fn step(&self, character: u8, walk: &mut Walk) {
        let wanted = bit(character) | bit(ANY);
        walk.next.clear();
        for node in walk.reached.iter().chain(&walk.open) {
            let node = &self.nodes[*node as usize];
            let mut ways = node.characters & wanted;
            while ways != 0 {
                walk.next.push(node.child(ways.trailing_zeros()));
                ways &= ways - 1;
            }
        }
        std::mem::swap(&mut walk.reached, &mut walk.next);
    }

    /// Opens what stands behind a `*` that was reached.
    #[inline]
    fn open_behind(&self, walk: &mut Walk) {
        for place in 0..walk.reached.len() {
            let node = &self.nodes[walk.reached[place] as usize];
            if node.characters & bit(MANY) != 0 {
                walk.open(node.child(bit(MANY).trailing_zeros()));
            }
        }
    }
}

impl Node {
    /// The child of the character with this bit, which it has.
    #[inline]
    fn child(&self, bit: u32) -> u32 {
        let before = self.characters & ((1 << bit) - 1);
        self.first_child + before.count_ones()
    }
}

impl Walk {
    fn begin(&mut self, nodes: usize) {
        // In as many steps as are open.
        for node in self.open.drain(..) {
            self.is_open[node as usize / 64] = 0;
        }
        let words = nodes.div_ceil(64);
        if self.is_open.len() < words {
            self.is_open.resize(words, 0);
        }
        self.reached.clear();
        self.reached.push(ROOT);
    }

    fn open(&mut self, node: u32) {
        let (word, bit) = (node as usize / 64, 1 << (node % 64));
        if self.is_open[word] & bit == 0 {
            self.is_open[word] |= bit;
            self.open.push(node);
        }
    }
}

/// The nodes of sorted patterns, level by level.
fn nodes(patterns: &[(Vec<u8>, Address)]) -> Vec<Node> {
    if patterns.is_empty() {
        return Vec::new();
    }
    let mut nodes = vec![Node::default()];
    // Which patterns begin like each node: from, to.
    let mut ranges = vec![(0, patterns.len())];
    let (mut depth, mut level_end) = (0, 1);
    let mut number = 0;
    while number < nodes.len() {
        if number == level_end {
            (depth, level_end) = (depth + 1, nodes.len());
        }
        let (from, to) = ranges[number];
        let ends_here = |(pattern, _): &&(Vec<u8>, Address)| pattern.len() == depth;
        let ending = patterns[from..to].iter().take_while(ends_here).count();
        let first_child = nodes.len() as u32;
        let mut start = from + ending;
        let mut characters = 0;
        for alike in patterns[start..to].chunk_by(|(one, _), (next, _)| one[depth] == next[depth]) {
            characters |= bit(alike[0].0[depth]);
            nodes.push(Node::default());
            ranges.push((start, start + alike.len()));
            start += alike.len();
        }
        nodes[number] = Node {
            characters,
            first_child,
            first_entry: from as u32,
            entries: ending as u32,
        };
        number += 1;
    }
    nodes
}
