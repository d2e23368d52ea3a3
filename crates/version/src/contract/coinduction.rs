//! Pairs that hold themselves, compared under the assumption that they fit.
//!
//! A pair under comparison counts as fitting wherever it is met again below itself (coinduction). What
//! was concluded from that is known under an assumption, and is dropped if the assumption turns out
//! wrong.

use std::collections::HashMap;
use std::hash::Hash;

/// What is known of pairs, and which of them are under comparison. `K` names a pair, `V` is what its
/// comparison found; the default of `V` is "fits".
#[derive(Debug)]
pub(crate) struct Coinduction<K, V> {
    known: HashMap<K, V>,
    /// Pairs under comparison, with how many were before.
    running: HashMap<K, usize>,
    /// Pairs that are known under an assumption, the earliest first.
    assumed: Vec<K>,
    /// The earliest pair under comparison that was taken to fit.
    lowest: usize,
}

/// A pair whose comparison has begun; it is given back when it is over.
#[must_use]
#[derive(Debug)]
pub(crate) struct Begun<K> {
    key: K,
    depth: usize,
    /// What was the earliest assumption before.
    before: usize,
    /// How many assumptions were there before.
    mark: usize,
}

impl<K: Clone + Eq + Hash, V: Clone + Default> Coinduction<K, V> {
    pub(crate) fn new() -> Self {
        Self {
            known: HashMap::new(),
            running: HashMap::new(),
            assumed: Vec::new(),
            lowest: usize::MAX,
        }
    }

    /// What is known of a pair: what was found, or that it fits where it is under comparison.
    pub(crate) fn known(&mut self, key: &K) -> Option<V> {
        if let Some(found) = self.known.get(key) {
            return Some(found.clone());
        }
        let depth = self.running.get(key)?;
        self.lowest = self.lowest.min(*depth);
        Some(V::default())
    }

    /// How many pairs are under comparison.
    pub(crate) fn depth(&self) -> usize {
        self.running.len()
    }

    /// Begins with a pair of which nothing is [known](Self::known).
    pub(crate) fn begin(&mut self, key: K) -> Begun<K> {
        let depth = self.running.len();
        self.running.insert(key.clone(), depth);
        Begun {
            key,
            depth,
            before: std::mem::replace(&mut self.lowest, usize::MAX),
            mark: self.assumed.len(),
        }
    }

    /// Writes down what the comparison of a pair found, and whether the pair fits.
    pub(crate) fn end(&mut self, begun: Begun<K>, found: V, fits: bool) {
        self.running.remove(&begun.key);
        let lowest = std::mem::replace(&mut self.lowest, begun.before);
        if lowest < begun.depth {
            self.lowest = self.lowest.min(lowest);
            self.assumed.push(begun.key.clone());
        } else if fits {
            // Nothing earlier was assumed, and if this pair was, then rightly.
            self.assumed.truncate(begun.mark);
        } else {
            for wrong in self.assumed.drain(begun.mark..) {
                self.known.remove(&wrong);
            }
        }
        self.known.insert(begun.key, found);
    }
}
