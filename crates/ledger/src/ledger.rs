//! The ledger: appending, reading, proving and signing over any store.

use std::collections::{HashMap, HashSet};
use std::ops::{ControlFlow, Range};

use switchback_model::digest::canonical_json;
use switchback_model::{Digest, Event, EventId, Record};
use tlog_tiles::tlog::record_hash;

use crate::checkpoint::{Checkpoint, CheckpointError};
use crate::error::Error;
use crate::keys::{SigningKey, VerifierKey};
use crate::leaf::{Leaf, LeafFields, is_known_kind};
use crate::proof::{Consistency, Inclusion, Schema};
use crate::store::{Append, HASH, NewEntry, RawEntry, Store, StoreError, StoreFault};
use crate::tree::{self, Frontier, Head};

/// Bytes of an event's canonical JSON. An event is a fact, not a place for files.
const MAX_PAYLOAD: usize = 16 << 20;

/// How often an append starts over because somebody else was first. Each time somebody else got
/// on, so this ends only where hundreds of writers are at it without a pause.
const ATTEMPTS: u32 = 10_000;

/// A tamper-evident log over a store.
#[derive(Debug)]
pub struct Ledger<S> {
    store: S,
}

/// What became of appended records.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Appended {
    /// The entries of the ledger afterwards; more may have come since.
    pub size: u64,
    /// Where each record is, in the order in which they were given.
    pub placed: Vec<Placed>,
}

/// Where a record is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Placed {
    /// Its index.
    pub index: u64,
    /// Whether it is there only now; otherwise the same event was there before.
    pub new: bool,
}

impl Appended {
    /// The index of the first record that was not there before.
    pub fn first_new(&self) -> Option<u64> {
        self.placed
            .iter()
            .find(|placed| placed.new)
            .map(|placed| placed.index)
    }
}

/// An entry whose leaf has been read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// The place in the ledger, from 0.
    pub index: u64,
    /// What is hashed into the tree.
    pub leaf: Leaf,
    /// The canonical JSON of the event, `None` once it was erased.
    pub payload: Option<Vec<u8>>,
}

impl Entry {
    fn read(raw: &RawEntry<'_>) -> Result<Self, Error> {
        let leaf = Leaf::from_bytes(raw.leaf).map_err(|source| Error::Leaf {
            index: raw.index,
            source,
        })?;
        Ok(Self {
            index: raw.index,
            leaf,
            payload: raw.payload.map(<[u8]>::to_vec),
        })
    }

    /// The record, after its payload was compared with the digest in the leaf.
    ///
    /// # Errors
    /// [`Error::Erased`], [`Error::Altered`], [`Error::UnknownEvent`], [`Error::Undecodable`].
    pub fn record(&self) -> Result<Record, Error> {
        let index = self.index;
        let payload = self.payload.as_deref().ok_or(Error::Erased { index })?;
        if Digest::of(payload) != self.leaf.payload {
            return Err(Error::Altered { index });
        }
        let kind = || self.leaf.kind.clone();
        if !is_known_kind(&self.leaf.kind) {
            return Err(Error::UnknownEvent {
                index,
                kind: kind(),
            });
        }
        let event: Event =
            serde_json::from_slice(payload).map_err(|source| Error::Undecodable {
                index,
                kind: kind(),
                source,
            })?;
        if event.kind() != self.leaf.kind {
            return Err(Error::Altered { index });
        }
        Ok(Record {
            id: self.leaf.id.clone(),
            at: self.leaf.at,
            actor: self.leaf.actor.clone(),
            event,
        })
    }
}

/// A record as bytes, before it has a place.
struct Draft {
    id: String,
    kind: &'static str,
    digest: Digest,
    leaf: Vec<u8>,
    payload: Vec<u8>,
}

impl Draft {
    fn of(record: &Record) -> Result<Self, Error> {
        let id = record.id.as_str().to_owned();
        if id.is_empty() || id.len() > 200 || id.chars().any(char::is_control) {
            return Err(Error::InvalidId);
        }
        let encode = |source| Error::Encode {
            id: id.clone(),
            source,
        };
        let payload = canonical_json(&record.event).map_err(encode)?;
        if payload.len() > MAX_PAYLOAD {
            return Err(Error::TooLarge {
                id,
                size: payload.len(),
                limit: MAX_PAYLOAD,
            });
        }
        let digest = Digest::of(&payload);
        let kind = record.event.kind();
        let leaf = Leaf {
            id: record.id.clone(),
            at: record.at,
            actor: record.actor.clone(),
            kind: kind.to_owned(),
            payload: digest,
        };
        let leaf = leaf.to_bytes().map_err(encode)?;
        Ok(Self {
            id,
            kind,
            digest,
            leaf,
            payload,
        })
    }

    /// Whether this is the same event as another one with its id. Who recorded it and when does
    /// not matter: two people may come upon the same fact, and the first one stands.
    fn same_as(&self, kind: &str, payload: &Digest) -> bool {
        self.kind == kind && self.digest == *payload
    }
}

impl<S: Store> Ledger<S> {
    /// A ledger over `store`.
    pub const fn new(store: S) -> Self {
        Self { store }
    }

    /// The store.
    pub const fn store(&self) -> &S {
        &self.store
    }

    /// Gives the store back.
    pub fn into_store(self) -> S {
        self.store
    }

    /// Appends records in one commit, all or none. A record whose event is already there under
    /// its id keeps its place, so appending again after a crash is safe.
    ///
    /// # Errors
    /// [`Error::Conflict`] if an id is taken by another event; nothing is stored then.
    pub fn append(&self, records: &[Record]) -> Result<Appended, Error> {
        let drafts = records
            .iter()
            .map(Draft::of)
            .collect::<Result<Vec<_>, _>>()?;
        for _ in 0..ATTEMPTS {
            let size = self.store.size()?;
            if let Some(appended) = self.try_append(size, &drafts)? {
                return Ok(appended);
            }
        }
        Err(Error::Store(StoreError::new(StoreFault::Busy, "append")))
    }

    /// Appends records only if the ledger still has `expected` entries, so that a decision that was
    /// made on them and its record are one. `None` if somebody else appended first; nothing is
    /// stored then.
    ///
    /// # Errors
    /// As [`Ledger::append`].
    pub fn append_at(&self, expected: u64, records: &[Record]) -> Result<Option<Appended>, Error> {
        let drafts = records
            .iter()
            .map(Draft::of)
            .collect::<Result<Vec<_>, _>>()?;
        if self.store.size()? != expected {
            return Ok(None);
        }
        self.try_append(expected, &drafts)
    }

    /// One attempt on top of `size` entries; `None` if somebody else appended first.
    fn try_append(&self, size: u64, drafts: &[Draft]) -> Result<Option<Appended>, Error> {
        let ids: Vec<&str> = drafts.iter().map(|draft| draft.id.as_str()).collect();
        let mut placed = Vec::with_capacity(drafts.len());
        let mut frontier: Option<Frontier> = None;
        let mut batch: Vec<NewEntry> = Vec::new();
        let mut earlier: HashMap<&str, (u64, &Draft)> = HashMap::new();
        for (draft, found) in drafts.iter().zip(self.store.find(&ids)?) {
            let conflict = |index| Error::Conflict {
                id: draft.id.clone(),
                index,
            };
            if let Some(index) = found {
                let there = self.get_index(index)?.leaf;
                if !draft.same_as(&there.kind, &there.payload) {
                    return Err(conflict(index));
                }
                placed.push(Placed { index, new: false });
            } else if let Some((index, first)) = earlier.get(draft.id.as_str()) {
                if !draft.same_as(first.kind, &first.digest) {
                    return Err(conflict(*index));
                }
                placed.push(Placed {
                    index: *index,
                    new: false,
                });
            } else {
                let frontier = match &mut frontier {
                    Some(frontier) => frontier,
                    none => none.insert(Frontier::load(&self.store, size)?),
                };
                let index = frontier.size();
                let mut hashes = Vec::with_capacity(2 * HASH);
                frontier.push(record_hash(&draft.leaf), |hash| {
                    hashes.extend_from_slice(&hash.0)
                });
                batch.push(NewEntry {
                    id: draft.id.clone(),
                    leaf: draft.leaf.clone(),
                    payload: draft.payload.clone(),
                    hashes,
                });
                earlier.insert(&draft.id, (index, draft));
                placed.push(Placed { index, new: true });
            }
        }
        if batch.is_empty() {
            return Ok(Some(Appended { size, placed }));
        }
        let after = size + batch.len() as u64;
        match self.store.append(size, &batch)? {
            Append::Committed => Ok(Some(Appended {
                size: after,
                placed,
            })),
            Append::Moved => Ok(None),
        }
    }

    /// The number of entries.
    ///
    /// # Errors
    /// If the store fails.
    pub fn len(&self) -> Result<u64, Error> {
        Ok(self.store.size()?)
    }

    /// Whether there is no entry.
    ///
    /// # Errors
    /// If the store fails.
    pub fn is_empty(&self) -> Result<bool, Error> {
        Ok(self.len()? == 0)
    }

    /// The size and the root of now.
    ///
    /// # Errors
    /// If the store fails.
    pub fn head(&self) -> Result<Head, Error> {
        self.head_at(self.len()?)
    }

    /// The root of now.
    ///
    /// # Errors
    /// If the store fails.
    pub fn root(&self) -> Result<Digest, Error> {
        Ok(self.head()?.root)
    }

    /// The head that the ledger had when it had `size` entries.
    ///
    /// # Errors
    /// [`Error::OutOfRange`] if it has fewer.
    pub fn head_at(&self, size: u64) -> Result<Head, Error> {
        self.has(size)?;
        Ok(Head {
            size,
            root: tree::root(&self.store, size)?,
        })
    }

    fn has(&self, wanted: u64) -> Result<(), Error> {
        let size = self.len()?;
        if wanted > size {
            return Err(Error::OutOfRange {
                index: wanted,
                size,
            });
        }
        Ok(())
    }

    /// Shows the entries in `range`, cut to what is there, to `visit` in order.
    ///
    /// # Errors
    /// If the store fails, an entry is missing, a leaf cannot be read, or with what `visit` says.
    pub fn visit(
        &self,
        range: Range<u64>,
        mut visit: impl FnMut(Entry) -> Result<(), Error>,
    ) -> Result<(), Error> {
        self.visit_raw(range, |raw| visit(Entry::read(raw)?))
    }

    fn visit_raw(
        &self,
        range: Range<u64>,
        mut visit: impl FnMut(&RawEntry<'_>) -> Result<(), Error>,
    ) -> Result<(), Error> {
        let end = range.end.min(self.len()?);
        let mut next = range.start;
        let mut failure = None;
        self.store.read(range.start..end, &mut |raw| {
            let result = if raw.index == next {
                visit(&raw)
            } else {
                Err(Error::Missing { index: next })
            };
            next += 1;
            match result {
                Ok(()) => ControlFlow::Continue(()),
                Err(error) => {
                    failure = Some(error);
                    ControlFlow::Break(())
                }
            }
        })?;
        match failure {
            Some(error) => Err(error),
            None if next < end => Err(Error::Missing { index: next }),
            None => Ok(()),
        }
    }

    /// The entries in `range`, cut to what is there.
    ///
    /// # Errors
    /// If the store fails, an entry is missing or a leaf cannot be read.
    pub fn entries(&self, range: Range<u64>) -> Result<Vec<Entry>, Error> {
        let mut entries = Vec::new();
        self.visit(range, |entry| {
            entries.push(entry);
            Ok(())
        })?;
        Ok(entries)
    }

    /// The entry with this id.
    ///
    /// # Errors
    /// If the store fails or the leaf cannot be read.
    pub fn get(&self, id: &EventId) -> Result<Option<Entry>, Error> {
        match self.store.find(&[id.as_str()])?.first() {
            Some(Some(index)) => Ok(Some(self.get_index(*index)?)),
            _ => Ok(None),
        }
    }

    /// The entry at this place.
    ///
    /// # Errors
    /// [`Error::OutOfRange`] if there is none.
    pub fn get_index(&self, index: u64) -> Result<Entry, Error> {
        let mut found = None;
        self.store
            .read(index..index.saturating_add(1), &mut |raw| {
                found = Some(Entry::read(&raw));
                ControlFlow::Break(())
            })?;
        match found {
            Some(entry) => entry,
            None => {
                let size = self.len()?;
                if index < size {
                    return Err(Error::Missing { index });
                }
                Err(Error::OutOfRange { index, size })
            }
        }
    }

    /// Folds all records into a state, oldest first.
    ///
    /// # Errors
    /// As [`Ledger::fold_from`].
    pub fn fold<T>(&self, state: T, add: impl FnMut(&mut T, u64, Record)) -> Result<T, Error> {
        self.fold_from(0, state, add)
    }

    /// Folds the records from index `first` on into a state, oldest first.
    ///
    /// # Errors
    /// An event that this binary does not know ([`Error::UnknownEvent`]) or whose content was
    /// erased ([`Error::Erased`]) ends it: a state that silently misses an event would let
    /// something happen that must not.
    pub fn fold_from<T>(
        &self,
        first: u64,
        mut state: T,
        mut add: impl FnMut(&mut T, u64, Record),
    ) -> Result<T, Error> {
        self.visit(first..u64::MAX, |entry| {
            add(&mut state, entry.index, entry.record()?);
            Ok(())
        })?;
        Ok(state)
    }

    /// The intended steps of which it is not known how they ended, oldest first: what a crash
    /// left open. Events of kinds that this binary does not know are passed over.
    ///
    /// # Errors
    /// If the store fails, or an intent or its conclusion cannot be read.
    pub fn open_intents(&self) -> Result<Vec<Record>, Error> {
        let mut intents = Vec::new();
        let mut concluded = HashSet::new();
        let mut scratch = Vec::new();
        self.visit_raw(0..u64::MAX, |raw| {
            // Only the two kinds that matter are decoded: most of a long ledger is neither.
            let leaf = LeafFields::read(raw.leaf, &mut scratch).map_err(|source| Error::Leaf {
                index: raw.index,
                source,
            })?;
            if leaf.kind != "intended" && leaf.kind != "concluded" {
                return Ok(());
            }
            let record = Entry::read(raw)?.record()?;
            match &record.event {
                Event::Intended { .. } => intents.push(record),
                Event::Concluded { intent, .. } => {
                    concluded.insert(intent.clone());
                }
                _ => {}
            }
            Ok(())
        })?;
        intents.retain(|record| !concluded.contains(&record.id));
        Ok(intents)
    }

    /// Proves that the entry at `index` is in the ledger of `size` entries.
    ///
    /// # Errors
    /// [`Error::OutOfRange`] if there is no such entry or size.
    pub fn prove_inclusion(&self, index: u64, size: u64) -> Result<Inclusion, Error> {
        let head = self.head_at(size)?;
        if index >= size {
            return Err(Error::OutOfRange { index, size });
        }
        let leaf = self.get_index(index)?.leaf.to_bytes();
        let encode = |source| Error::Encode {
            id: index.to_string(),
            source,
        };
        let leaf = String::from_utf8_lossy(&leaf.map_err(encode)?).into_owned();
        let path = tree::inclusion(&self.store, index, size)?;
        let checkpoint = self.checkpoint_of(head)?;
        Ok(Inclusion {
            schema: Schema,
            index,
            leaf,
            head,
            path,
            checkpoint,
        })
    }

    /// Proves that the ledger of `new` entries starts with that of `old` entries.
    ///
    /// # Errors
    /// [`Error::OutOfRange`] if there is no such size, or `old` is larger than `new`.
    pub fn prove_consistency(&self, old: u64, new: u64) -> Result<Consistency, Error> {
        if old > new {
            return Err(Error::OutOfRange {
                index: old,
                size: new,
            });
        }
        let path = {
            self.has(new)?;
            tree::consistency(&self.store, old, new)?
        };
        let (old, new) = (self.head_at(old)?, self.head_at(new)?);
        let (old_checkpoint, new_checkpoint) = (self.checkpoint_of(old)?, self.checkpoint_of(new)?);
        Ok(Consistency {
            schema: Schema,
            old,
            new,
            path,
            old_checkpoint,
            new_checkpoint,
        })
    }

    /// The newest stored checkpoint of this head.
    fn checkpoint_of(&self, head: Head) -> Result<Option<String>, Error> {
        let of_head = |note: &Vec<u8>| {
            let checkpoint = Checkpoint::read_unverified(note).ok()?;
            (checkpoint.head() == head).then(|| checkpoint.note().to_owned())
        };
        Ok(self.store.checkpoints()?.iter().rev().find_map(of_head))
    }

    /// Signs the head of now and keeps the checkpoint. The key's name is the ledger's origin.
    ///
    /// # Errors
    /// [`Error::Forked`] if the ledger does not continue its newest checkpoint: a signature must
    /// not cover up that it was rewritten.
    pub fn checkpoint(&self, key: &SigningKey) -> Result<Checkpoint, Error> {
        let head = self.head()?;
        if let Some(note) = self.store.checkpoints()?.last() {
            let last = Checkpoint::read_unverified(note)?.head();
            if last.size > head.size || self.head_at(last.size)? != last {
                return Err(Error::Forked { size: last.size });
            }
        }
        let checkpoint = Checkpoint::sign(head, key)?;
        self.store.put_checkpoint(checkpoint.note().as_bytes())?;
        Ok(checkpoint)
    }

    /// Opens a checkpoint from outside and compares its root with that of the ledger at its size.
    ///
    /// # Errors
    /// [`Error::Checkpoint`] if it is not signed by one of `keys` or has another root,
    /// [`Error::OutOfRange`] if the ledger is shorter.
    pub fn verify_checkpoint(
        &self,
        note: &[u8],
        keys: &[VerifierKey],
    ) -> Result<Checkpoint, Error> {
        let checkpoint = Checkpoint::open(note, keys)?;
        if self.head_at(checkpoint.head().size)? != checkpoint.head() {
            return Err(Error::Checkpoint(CheckpointError::Root));
        }
        Ok(checkpoint)
    }
}
