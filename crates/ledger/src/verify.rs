//! The verification, which trusts nothing that is stored.
//!
//! Every leaf and payload is hashed again, the tree is rebuilt in one pass over the entries with
//! no more than the right edge of the tree in memory, and every stored hash, checkpoint and anchor
//! is compared with it.

use std::collections::BTreeSet;
use std::collections::hash_map::DefaultHasher;
use std::hash::Hasher;
use std::ops::ControlFlow;

use switchback_model::Digest;
use tlog_tiles::tlog::record_hash;

use crate::checkpoint::Checkpoint;
use crate::keys::VerifierKey;
use crate::leaf::LeafFields;
use crate::report::{Problem, Report};
use crate::store::{HASH, RawEntry, Store, StoreError, StoreFault};
use crate::tree::{self, Frontier, Head};

/// How many problems a report lists one by one.
const LISTED: usize = 100;

/// A root that was kept outside of the ledger: in a commit trailer, by a colleague, on paper.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Anchor {
    /// The ledger it is about.
    pub origin: String,
    /// Entries.
    pub size: u64,
    /// The root over them.
    pub root: Digest,
    /// Where it was kept, for people: `commit 1a2b3c`.
    pub source: String,
}

/// What to verify against.
#[derive(Debug, Clone, Default)]
pub struct VerifyOptions {
    /// The keys that may sign checkpoints. Without one, signatures are not looked at.
    pub keys: Vec<VerifierKey>,
    /// Roots from outside.
    pub anchors: Vec<Anchor>,
}

/// Verifies a ledger as it was when the call began, or longer.
///
/// # Errors
/// Only if the store cannot be read at all; damage that can be named is a [`Problem`].
pub fn verify<S: Store + ?Sized>(store: &S, options: &VerifyOptions) -> Result<Report, StoreError> {
    let mut problems = Problems::default();
    for detail in store.integrity()? {
        problems.push(Problem::Storage { detail });
    }
    // Before the size is read: a checkpoint that is added meanwhile is not longer than the ledger.
    let (mut witnesses, signed) = match store.checkpoints() {
        Ok(notes) => stored_witnesses(&notes, &options.keys, &mut problems),
        Err(error) => {
            problems.storage(error)?;
            (Vec::new(), 0)
        }
    };
    outside_witnesses(options, &mut witnesses, &mut problems);
    witnesses.sort_by_key(|witness| witness.head.size);

    let size = match store.size() {
        Ok(size) => size,
        Err(error) => {
            problems.storage(error)?;
            0
        }
    };
    let mut pass = Pass::new(&witnesses, problems);
    pass.meet_witnesses();
    let read = store.read(0..size, &mut |entry| {
        pass.entry(entry);
        ControlFlow::Continue(())
    });
    if let Err(error) = read {
        pass.problems.storage(error)?;
        pass.broken = true;
    } else if pass.next < size {
        pass.problems.push(Problem::Missing { index: pass.next });
        pass.broken = true;
    }
    pass.ids(store, size)?;
    behind_the_end(store, size, &mut pass.problems)?;
    Ok(pass.finish(size, signed))
}

/// Something that vouches for a root.
struct Witness {
    name: String,
    head: Head,
    /// Vouches by a signature or from outside, not merely by lying beside the entries.
    counts: bool,
    stored: bool,
}

fn stored_witnesses(
    notes: &[Vec<u8>],
    keys: &[VerifierKey],
    problems: &mut Problems,
) -> (Vec<Witness>, u64) {
    let mut signed = 0;
    let mut witnesses = Vec::new();
    for (position, note) in (0u64..).zip(notes) {
        let opened = if keys.is_empty() {
            Checkpoint::read_unverified(note)
        } else {
            Checkpoint::open(note, keys)
        };
        match opened {
            Ok(checkpoint) => {
                signed += u64::from(!keys.is_empty());
                witnesses.push(Witness {
                    name: format!("stored checkpoint {position}"),
                    head: checkpoint.head(),
                    counts: !keys.is_empty(),
                    stored: true,
                });
            }
            Err(error) => problems.push(Problem::Checkpoint {
                position,
                reason: error.into(),
            }),
        }
    }
    (witnesses, signed)
}

fn outside_witnesses(
    options: &VerifyOptions,
    witnesses: &mut Vec<Witness>,
    problems: &mut Problems,
) {
    for anchor in &options.anchors {
        let name = format!("the anchor in {}", anchor.source);
        let of_a_key = options.keys.iter().any(|key| key.name() == anchor.origin);
        if !options.keys.is_empty() && !of_a_key {
            problems.push(Problem::Origin {
                witness: name,
                origin: anchor.origin.clone(),
            });
            continue;
        }
        let head = Head {
            size: anchor.size,
            root: anchor.root,
        };
        witnesses.push(Witness {
            name,
            head,
            counts: true,
            stored: false,
        });
    }
}

/// Looks for entries after the end that the store itself says it has.
fn behind_the_end<S: Store + ?Sized>(
    store: &S,
    size: u64,
    problems: &mut Problems,
) -> Result<(), StoreError> {
    let mut first = None;
    let read = store.read(size..u64::MAX, &mut |entry| {
        first = Some(entry.index);
        ControlFlow::Break(())
    });
    let check = read.and_then(|()| match first {
        // It may have been appended meanwhile; then the size, which only grows, covers it now.
        Some(index) => Ok((index >= store.size()?).then_some(index)),
        None => Ok(None),
    });
    match check {
        Ok(Some(index)) => problems.push(Problem::BehindEnd { index }),
        Ok(None) => {}
        Err(error) => problems.storage(error)?,
    }
    Ok(())
}

/// The id that the entry at `index` is filed under.
fn id_at<S: Store + ?Sized>(store: &S, index: u64) -> Result<Option<String>, StoreError> {
    let mut id = None;
    store.read(index..index + 1, &mut |entry| {
        id = Some(String::from_utf8_lossy(entry.id).into_owned());
        ControlFlow::Break(())
    })?;
    Ok(id)
}

fn hash_of(id: &[u8]) -> u64 {
    let mut hasher = DefaultHasher::new();
    hasher.write(id);
    hasher.finish()
}

/// The indexes that are in only one of two sorted lists.
fn differences(one: &[(u64, u64)], other: &[(u64, u64)]) -> BTreeSet<u64> {
    let mut different = BTreeSet::new();
    let (mut one, mut other) = (one.iter().peekable(), other.iter().peekable());
    loop {
        match (one.peek(), other.peek()) {
            (Some(a), Some(b)) if a == b => {
                one.next();
                other.next();
            }
            (Some(a), b) if b.is_none_or(|b| a < b) => {
                different.insert(a.1);
                one.next();
            }
            (_, Some(b)) => {
                different.insert(b.1);
                other.next();
            }
            (_, None) => return different,
        }
    }
}

/// The one pass over the entries.
struct Pass<'a> {
    frontier: Frontier,
    next: u64,
    /// An entry is missing or unreadable: no root after it can be known.
    broken: bool,
    witnesses: &'a [Witness],
    met: usize,
    checkpoints: u64,
    anchors: u64,
    vouched: u64,
    erased: u64,
    /// A hash of the id that each entry is filed under, with its index. Equal hashes are looked at
    /// again, so that a collision costs time but is no false alarm.
    ids: Vec<(u64, u64)>,
    scratch: Vec<u8>,
    problems: Problems,
}

impl<'a> Pass<'a> {
    fn new(witnesses: &'a [Witness], problems: Problems) -> Self {
        Self {
            frontier: Frontier::default(),
            next: 0,
            broken: false,
            witnesses,
            met: 0,
            checkpoints: 0,
            anchors: 0,
            vouched: 0,
            erased: 0,
            ids: Vec::new(),
            scratch: Vec::new(),
            problems,
        }
    }

    fn entry(&mut self, entry: RawEntry<'_>) {
        if entry.index != self.next {
            self.problems.push(Problem::Missing { index: self.next });
            self.broken = true;
        }
        self.next = entry.index.saturating_add(1);
        self.content(&entry);
        if !self.broken {
            self.nodes(&entry);
            self.meet_witnesses();
        }
    }

    fn content(&mut self, entry: &RawEntry<'_>) {
        let index = entry.index;
        match LeafFields::read(entry.leaf, &mut self.scratch) {
            Ok(leaf) => {
                if leaf.id.as_bytes() != entry.id {
                    self.problems.push(Problem::Id {
                        index,
                        id: leaf.id.clone().into_owned(),
                    });
                }
                match entry.payload {
                    Some(payload) if !leaf.names(payload) => {
                        self.problems.push(Problem::Payload { index });
                    }
                    Some(_) => {}
                    None => self.erased += 1,
                }
            }
            Err(reason) => self.problems.push(Problem::Leaf { index, reason }),
        }
        self.ids.push((hash_of(entry.id), index));
    }

    fn nodes(&mut self, entry: &RawEntry<'_>) {
        let mut stored = entry.hashes.chunks(HASH);
        let mut level = 0u8;
        let mut wrong = None;
        self.frontier.push(record_hash(entry.leaf), |hash| {
            if stored.next() != Some(hash.0.as_slice()) && wrong.is_none() {
                wrong = Some(level);
            }
            level += 1;
        });
        if stored.next().is_some() && wrong.is_none() {
            wrong = Some(level);
        }
        if let Some(level) = wrong {
            self.problems.push(Problem::Node {
                index: entry.index,
                level,
            });
        }
    }

    /// Compares the root with that of every witness of this size.
    fn meet_witnesses(&mut self) {
        let size = self.frontier.size();
        let mut root = None;
        while let Some(witness) = self.witnesses.get(self.met).filter(|w| w.head.size == size) {
            self.met += 1;
            let found = *root.get_or_insert_with(|| tree::digest(self.frontier.root()));
            if found != witness.head.root {
                self.problems.push(Problem::Root {
                    witness: witness.name.clone(),
                    size,
                    expected: witness.head.root,
                    found,
                });
                continue;
            }
            if witness.stored {
                self.checkpoints += 1;
            } else {
                self.anchors += 1;
            }
            if witness.counts {
                self.vouched = size;
            }
        }
    }

    /// Ids that are there twice, and entries that a look-up by id would not find.
    fn ids<S: Store + ?Sized>(&mut self, store: &S, size: u64) -> Result<(), StoreError> {
        self.ids.sort_unstable();
        for pair in self.ids.windows(2) {
            let [(hash, first), (other, index)] = pair else {
                continue;
            };
            if hash == other
                && let Some(id) = id_at(store, *index)?
                && id_at(store, *first)?.as_ref() == Some(&id)
            {
                self.problems.push(Problem::DuplicateId {
                    index: *index,
                    first: *first,
                    id,
                });
            }
        }
        let mut found = Vec::with_capacity(self.ids.len());
        let mut disorder = None;
        let mut last: Vec<u8> = Vec::new();
        let read = store.ids(&mut |id, index| {
            // What was appended meanwhile was not read.
            if index < size {
                found.push((hash_of(id), index));
            }
            if !last.is_empty() && last.as_slice() >= id {
                disorder.get_or_insert(index);
            }
            last.clear();
            last.extend_from_slice(id);
        });
        if let Err(error) = read {
            return self.problems.storage(error);
        }
        found.sort_unstable();
        if let Some(index) = disorder {
            self.problems.push(Problem::Lookup { index });
        }
        for index in differences(&self.ids, &found) {
            self.problems.push(Problem::Lookup { index });
        }
        Ok(())
    }

    fn finish(mut self, size: u64, signed: u64) -> Report {
        if !self.broken {
            for witness in &self.witnesses[self.met..] {
                self.problems.push(Problem::CutOff {
                    witness: witness.name.clone(),
                    size: witness.head.size,
                    found: size,
                });
            }
        }
        Report {
            head: Head {
                size,
                root: tree::digest(self.frontier.root()),
            },
            erased: self.erased,
            checkpoints: self.checkpoints,
            signed,
            anchors: self.anchors,
            vouched: self.vouched,
            problems: self.problems.listed,
            unlisted: self.problems.unlisted,
        }
    }
}

/// What is wrong so far, with an end to the list.
#[derive(Default)]
struct Problems {
    listed: Vec<Problem>,
    unlisted: u64,
}

impl Problems {
    fn push(&mut self, problem: Problem) {
        if self.listed.len() < LISTED {
            self.listed.push(problem);
        } else {
            self.unlisted += 1;
        }
    }

    /// Damage is a finding; anything else (busy, gone) says nothing about the ledger.
    fn storage(&mut self, error: StoreError) -> Result<(), StoreError> {
        if error.fault() != StoreFault::Damaged {
            return Err(error);
        }
        let detail = match std::error::Error::source(&error) {
            Some(source) => source.to_string(),
            None => error.fault().to_string(),
        };
        self.push(Problem::Storage { detail });
        Ok(())
    }
}
