//! The Merkle tree of RFC 6962 over what a store keeps.

use std::cell::RefCell;

use serde::{Deserialize, Serialize};
use switchback_model::Digest;
use tlog_tiles::tlog::{
    self, EMPTY_HASH, Hash, HashReader, node_hash, split_stored_hash_index, sub_tree_index,
};

use crate::error::Error;
use crate::store::{Node, Store, StoreError};

/// A state of the ledger: how many entries, and the root that vouches for all of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Head {
    /// Entries.
    pub size: u64,
    /// The tree's root hash.
    pub root: Digest,
}

/// The right edge of a tree: the roots of its perfect subtrees, largest first. It is all that is
/// needed to append.
#[derive(Debug, Clone, Default)]
pub(crate) struct Frontier {
    size: u64,
    peaks: Vec<Hash>,
}

impl Frontier {
    /// The edge of the first `size` entries of a store.
    pub(crate) fn load<S: Store + ?Sized>(store: &S, size: u64) -> Result<Self, StoreError> {
        let nodes: Vec<Node> = sub_tree_index(0, size, Vec::new())
            .into_iter()
            .map(node)
            .collect();
        let peaks = store.nodes(&nodes)?.into_iter().map(Hash).collect();
        Ok(Self { size, peaks })
    }

    pub(crate) fn size(&self) -> u64 {
        self.size
    }

    /// Adds a leaf; shows the hash of each node that this completes, from the leaf upwards.
    pub(crate) fn push(&mut self, leaf: Hash, mut completed: impl FnMut(Hash)) {
        completed(leaf);
        let mut hash = leaf;
        for _ in 0..self.size.trailing_ones() {
            if let Some(left) = self.peaks.pop() {
                hash = node_hash(left, hash);
                completed(hash);
            }
        }
        self.peaks.push(hash);
        self.size += 1;
    }

    pub(crate) fn root(&self) -> Hash {
        let peaks = self.peaks.iter().rev().copied();
        peaks
            .reduce(|right, left| node_hash(left, right))
            .unwrap_or(EMPTY_HASH)
    }
}

/// Where the hash with this index in the dense order of Crosby and Wallach is stored.
fn node(index: u64) -> Node {
    let (level, place) = split_stored_hash_index(index);
    Node {
        entry: ((place + 1) << level) - 1,
        level,
    }
}

/// Gives the tree functions a store to read from, and keeps the store's error, for which theirs
/// has no room.
struct Reader<'a, S: ?Sized> {
    store: &'a S,
    failure: RefCell<Option<StoreError>>,
}

impl<S: Store + ?Sized> HashReader for Reader<'_, S> {
    fn read_hashes(&self, indexes: &[u64]) -> Result<Vec<Hash>, tlog::Error> {
        let nodes: Vec<Node> = indexes.iter().copied().map(node).collect();
        match self.store.nodes(&nodes) {
            Ok(hashes) if hashes.len() == nodes.len() => Ok(hashes.into_iter().map(Hash).collect()),
            Ok(_) => Err(tlog::Error::IndexesNotInTree),
            Err(error) => {
                *self.failure.borrow_mut() = Some(error);
                Err(tlog::Error::IndexesNotInTree)
            }
        }
    }
}

fn with_reader<S: Store + ?Sized, T>(
    store: &S,
    run: impl FnOnce(&Reader<'_, S>) -> Result<T, tlog::Error>,
) -> Result<T, Error> {
    let reader = Reader {
        store,
        failure: RefCell::new(None),
    };
    run(&reader).map_err(|error| match reader.failure.take() {
        Some(failure) => Error::Store(failure),
        None => Error::Tree(error),
    })
}

/// The root over the first `size` entries, from stored hashes.
pub(crate) fn root<S: Store + ?Sized>(store: &S, size: u64) -> Result<Digest, Error> {
    with_reader(store, |reader| tlog::tree_hash(size, reader)).map(digest)
}

/// The hashes that lead from leaf `index` to the root over `size` entries.
pub(crate) fn inclusion<S: Store + ?Sized>(
    store: &S,
    index: u64,
    size: u64,
) -> Result<Vec<Digest>, Error> {
    let path = with_reader(store, |reader| tlog::prove_record(size, index, reader))?;
    Ok(path.into_iter().map(digest).collect())
}

/// The hashes that lead from the root over `old` entries to the one over `new`.
pub(crate) fn consistency<S: Store + ?Sized>(
    store: &S,
    old: u64,
    new: u64,
) -> Result<Vec<Digest>, Error> {
    // RFC 6962 has no proof from the empty tree: every tree starts with it.
    if old == 0 {
        return Ok(Vec::new());
    }
    let path = with_reader(store, |reader| tlog::prove_tree(new, old, reader))?;
    Ok(path.into_iter().map(digest).collect())
}

pub(crate) fn digest(hash: Hash) -> Digest {
    Digest::from_bytes(hash.0)
}

pub(crate) fn hash(digest: &Digest) -> Hash {
    Hash(*digest.as_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;
    use tlog_tiles::tlog::{record_hash, stored_hash_count, stored_hashes};

    struct Plain(Vec<Hash>);

    impl HashReader for Plain {
        fn read_hashes(&self, indexes: &[u64]) -> Result<Vec<Hash>, tlog::Error> {
            Ok(indexes
                .iter()
                .map(|&index| self.0[usize::try_from(index).unwrap()])
                .collect())
        }
    }

    #[test]
    fn the_frontier_makes_what_the_reference_stores() {
        let mut plain = Plain(Vec::new());
        let mut frontier = Frontier::default();
        let mut made = Vec::new();
        for index in 0..300u64 {
            let data = index.to_be_bytes();
            let reference = stored_hashes(index, &data, &plain).unwrap();
            plain.0.extend(reference);
            frontier.push(record_hash(&data), |hash| made.push(hash));
            assert_eq!(made, plain.0);
            assert_eq!(frontier.root(), tlog::tree_hash(index + 1, &plain).unwrap());
        }
    }

    #[test]
    fn every_stored_hash_has_its_place() {
        let mut next = 0;
        for entry in 0..500u64 {
            for level in 0..=u8::try_from(entry.trailing_ones()).unwrap() {
                assert_eq!(node(next), Node { entry, level });
                next += 1;
            }
            assert_eq!(next, stored_hash_count(entry + 1));
        }
    }
}
