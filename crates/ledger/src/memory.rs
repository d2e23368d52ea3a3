//! The twin of the real stores that keeps everything in memory.

use std::collections::BTreeMap;
use std::ops::{ControlFlow, Range};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::store::{Append, HASH, NewEntry, Node, RawEntry, Store, StoreError, StoreFault};

/// A store in memory. Clones are handles to the same ledger.
#[derive(Debug, Clone, Default)]
pub struct MemoryStore(Arc<Mutex<Inner>>);

#[derive(Debug, Default)]
struct Inner {
    rows: Vec<MemoryRow>,
    ids: BTreeMap<String, u64>,
    checkpoints: Vec<Vec<u8>>,
}

/// An entry as it lies in memory.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MemoryRow {
    /// The event's id.
    pub id: String,
    /// The leaf.
    pub leaf: Vec<u8>,
    /// The payload, if it was not erased.
    pub payload: Option<Vec<u8>>,
    /// The hashes of the nodes that it completes.
    pub hashes: Vec<u8>,
}

impl MemoryStore {
    /// An empty ledger.
    pub fn new() -> Self {
        Self::default()
    }

    /// Changes what is stored behind the ledger's back, as somebody with access to the medium
    /// could: to show what a verification finds. Entries are found by the ids that they have then.
    #[cfg(any(test, feature = "conformance"))]
    pub fn tamper(&self, change: impl FnOnce(&mut Vec<MemoryRow>)) {
        let Inner { rows, ids, .. } = &mut *self.inner();
        change(rows);
        *ids = rows
            .iter()
            .zip(0..)
            .map(|(row, index)| (row.id.clone(), index))
            .collect();
    }

    fn inner(&self) -> MutexGuard<'_, Inner> {
        // Every change is one push or one assignment, so a panic elsewhere leaves nothing torn.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn position(index: u64) -> usize {
    usize::try_from(index).unwrap_or(usize::MAX)
}

fn damaged() -> StoreError {
    StoreError::new(StoreFault::Damaged, "memory")
}

impl Store for MemoryStore {
    fn size(&self) -> Result<u64, StoreError> {
        Ok(self.inner().rows.len() as u64)
    }

    fn append(&self, expected: u64, batch: &[NewEntry]) -> Result<Append, StoreError> {
        let mut inner = self.inner();
        if inner.rows.len() as u64 != expected {
            return Ok(Append::Moved);
        }
        for (index, entry) in (expected..).zip(batch) {
            let entry = entry.clone();
            inner.ids.insert(entry.id.clone(), index);
            inner.rows.push(MemoryRow {
                id: entry.id,
                leaf: entry.leaf,
                payload: Some(entry.payload),
                hashes: entry.hashes,
            });
        }
        Ok(Append::Committed)
    }

    fn find(&self, ids: &[&str]) -> Result<Vec<Option<u64>>, StoreError> {
        let inner = self.inner();
        Ok(ids.iter().map(|id| inner.ids.get(*id).copied()).collect())
    }

    fn ids(&self, visit: &mut dyn FnMut(&[u8], u64)) -> Result<(), StoreError> {
        let ids = self.inner().ids.clone();
        for (id, index) in &ids {
            visit(id.as_bytes(), *index);
        }
        Ok(())
    }

    fn read(
        &self,
        range: Range<u64>,
        visit: &mut dyn FnMut(RawEntry<'_>) -> ControlFlow<()>,
    ) -> Result<(), StoreError> {
        for index in range {
            // One entry at a time, so that `visit` may come back to the store.
            let Some(row) = self.inner().rows.get(position(index)).cloned() else {
                break;
            };
            let entry = RawEntry {
                index,
                id: row.id.as_bytes(),
                leaf: &row.leaf,
                payload: row.payload.as_deref(),
                hashes: &row.hashes,
            };
            if visit(entry).is_break() {
                break;
            }
        }
        Ok(())
    }

    fn nodes(&self, nodes: &[Node]) -> Result<Vec<[u8; 32]>, StoreError> {
        let inner = self.inner();
        let hash = |node: &Node| {
            let row = inner.rows.get(position(node.entry))?;
            row.hashes
                .get(HASH * usize::from(node.level)..)?
                .first_chunk()
                .copied()
        };
        nodes
            .iter()
            .map(|node| hash(node).ok_or_else(damaged))
            .collect()
    }

    fn put_checkpoint(&self, note: &[u8]) -> Result<(), StoreError> {
        let mut inner = self.inner();
        if !inner.checkpoints.iter().any(|kept| kept == note) {
            inner.checkpoints.push(note.to_vec());
        }
        Ok(())
    }

    fn checkpoints(&self) -> Result<Vec<Vec<u8>>, StoreError> {
        Ok(self.inner().checkpoints.clone())
    }

    fn erase_payload(&self, index: u64) -> Result<bool, StoreError> {
        let mut inner = self.inner();
        let row = inner.rows.get_mut(position(index));
        Ok(row.is_some_and(|row| row.payload.take().is_some()))
    }

    fn integrity(&self) -> Result<Vec<String>, StoreError> {
        Ok(Vec::new())
    }
}
