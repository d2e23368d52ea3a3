//! What keeps the bytes.

use std::error::Error as StdError;
use std::fmt;
use std::ops::{ControlFlow, Range};

/// The version of what a store keeps: leaves, payloads, node hashes and checkpoints.
pub const FORMAT: u32 = 1;

/// Bytes of a node's hash.
pub(crate) const HASH: usize = 32;

/// An entry to append. Its index is given by its place in the batch.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewEntry {
    /// The event's id.
    pub id: String,
    /// The leaf in canonical JSON.
    pub leaf: Vec<u8>,
    /// The payload in canonical JSON.
    pub payload: Vec<u8>,
    /// The hashes of the nodes that this entry completes, 32 bytes each: its leaf's first, then
    /// upwards. Entry `i` completes 1 + (number of trailing one bits of `i`) nodes.
    pub hashes: Vec<u8>,
}

/// A stored entry, borrowed from the store. Nothing about it has been checked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RawEntry<'a> {
    /// The place in the ledger, from 0.
    pub index: u64,
    /// The id that the entry is found by.
    pub id: &'a [u8],
    /// The leaf.
    pub leaf: &'a [u8],
    /// The payload, `None` once it was erased.
    pub payload: Option<&'a [u8]>,
    /// The hashes of the nodes that this entry completes; see [`NewEntry::hashes`].
    pub hashes: &'a [u8],
}

/// A node of the tree, by the entry that completes it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Node {
    /// The last entry below the node.
    pub entry: u64,
    /// The height above the leaves; its hash is at `32 * level` of the entry's hashes.
    pub level: u8,
}

/// What became of an append.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Append {
    /// The whole batch is stored and will survive a crash.
    Committed,
    /// The size was not the expected one: somebody else was first, nothing was stored.
    Moved,
}

/// Keeps the ledger's bytes. It may be shared by several processes or machines; every handle sees
/// what any of them has committed.
pub trait Store {
    /// The number of entries.
    ///
    /// # Errors
    /// See [`StoreFault`], as for every method.
    fn size(&self) -> Result<u64, StoreError>;

    /// Stores `batch` from index `expected` on, all or nothing, and only if the size is still
    /// `expected`. Once it answers [`Append::Committed`] a crash cannot lose the batch.
    fn append(&self, expected: u64, batch: &[NewEntry]) -> Result<Append, StoreError>;

    /// The index of the entry with each id, in the order of `ids`.
    fn find(&self, ids: &[&str]) -> Result<Vec<Option<u64>>, StoreError>;

    /// Shows every id with its index to `visit`, as [`Store::find`] would find them, in the order
    /// of the ids' bytes.
    fn ids(&self, visit: &mut dyn FnMut(&[u8], u64)) -> Result<(), StoreError>;

    /// Shows the stored entries in `range` to `visit` in order of their index until it breaks.
    /// Indexes without an entry are passed over; whoever needs them all counts.
    fn read(
        &self,
        range: Range<u64>,
        visit: &mut dyn FnMut(RawEntry<'_>) -> ControlFlow<()>,
    ) -> Result<(), StoreError>;

    /// The stored hash of each node, in the order of `nodes`; a node that is not stored is
    /// [`StoreFault::Damaged`].
    fn nodes(&self, nodes: &[Node]) -> Result<Vec<[u8; 32]>, StoreError>;

    /// Keeps a signed checkpoint; one that is already kept is kept once.
    fn put_checkpoint(&self, note: &[u8]) -> Result<(), StoreError>;

    /// All kept checkpoints, oldest first.
    fn checkpoints(&self) -> Result<Vec<Vec<u8>>, StoreError>;

    /// Erases the payload of an entry. Its leaf, and so every proof, stays. Answers whether there
    /// was a payload to erase. The medium's own copies (backups, replicas) are out of reach.
    fn erase_payload(&self, index: u64) -> Result<bool, StoreError>;

    /// What the storage engine itself finds wrong, a sentence each; at most a hundred.
    fn integrity(&self) -> Result<Vec<String>, StoreError>;
}

macro_rules! forward {
    ($($pointer:ty),+) => {$(
        impl<S: Store + ?Sized> Store for $pointer {
            fn size(&self) -> Result<u64, StoreError> {
                (**self).size()
            }
            fn append(&self, expected: u64, batch: &[NewEntry]) -> Result<Append, StoreError> {
                (**self).append(expected, batch)
            }
            fn find(&self, ids: &[&str]) -> Result<Vec<Option<u64>>, StoreError> {
                (**self).find(ids)
            }
            fn ids(&self, visit: &mut dyn FnMut(&[u8], u64)) -> Result<(), StoreError> {
                (**self).ids(visit)
            }
            fn read(
                &self,
                range: Range<u64>,
                visit: &mut dyn FnMut(RawEntry<'_>) -> ControlFlow<()>,
            ) -> Result<(), StoreError> {
                (**self).read(range, visit)
            }
            fn nodes(&self, nodes: &[Node]) -> Result<Vec<[u8; 32]>, StoreError> {
                (**self).nodes(nodes)
            }
            fn put_checkpoint(&self, note: &[u8]) -> Result<(), StoreError> {
                (**self).put_checkpoint(note)
            }
            fn checkpoints(&self) -> Result<Vec<Vec<u8>>, StoreError> {
                (**self).checkpoints()
            }
            fn erase_payload(&self, index: u64) -> Result<bool, StoreError> {
                (**self).erase_payload(index)
            }
            fn integrity(&self) -> Result<Vec<String>, StoreError> {
                (**self).integrity()
            }
        }
    )+};
}

forward!(Box<S>, &S);

/// What a store could not do. `Display` says where and what, not the engine's own words; those
/// are the source.
#[derive(Debug)]
pub struct StoreError {
    fault: StoreFault,
    place: String,
    source: Option<Box<dyn StdError + Send + Sync>>,
}

/// The ways in which a store fails.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, thiserror::Error)]
pub enum StoreFault {
    /// There is no ledger at this place yet.
    #[error("there is no ledger here")]
    Missing,
    /// A ledger was to be made where one already is.
    #[error("there is already a ledger here")]
    Exists,
    /// What is at this place is something else.
    #[error("this is not a Switchback ledger")]
    NotALedger,
    /// Written by a newer version of Switchback.
    #[error("the ledger has format {found}, this version of Switchback knows up to {known}")]
    NewerFormat {
        /// The format found.
        found: u32,
        /// The newest format that this binary knows.
        known: u32,
    },
    /// A part is missing or cannot be read.
    #[error("the ledger is damaged")]
    Damaged,
    /// It may be read but not written.
    #[error("the ledger cannot be written: read-only")]
    ReadOnly,
    /// There is no room left.
    #[error("the ledger cannot be written: no space left")]
    DiskFull,
    /// Somebody else held it for longer than the time-out.
    #[error("the ledger is in use by another process")]
    Busy,
    /// The server cannot be reached, or went away.
    #[error("the ledger's server cannot be reached")]
    Unreachable,
    /// The address is not one.
    #[error("the ledger's address is not valid")]
    Address,
    /// Access is denied.
    #[error("access to the ledger is denied")]
    Denied,
    /// A connection without TLS to another machine was not asked for.
    #[error(
        "the ledger's server is on another machine and TLS is not available: say \
         `sslmode=disable` if the network is trusted"
    )]
    Insecure,
    /// Reading or writing failed.
    #[error("the ledger cannot be read or written")]
    Io,
}

impl StoreError {
    /// A failure at `place`: a path or an address, never with a password in it.
    pub fn new(fault: StoreFault, place: impl Into<String>) -> Self {
        Self {
            fault,
            place: place.into(),
            source: None,
        }
    }

    /// The same failure with the engine's own error as its source.
    #[must_use]
    pub fn caused_by(mut self, source: impl Into<Box<dyn StdError + Send + Sync>>) -> Self {
        self.source = Some(source.into());
        self
    }

    /// What failed.
    pub const fn fault(&self) -> StoreFault {
        self.fault
    }

    /// Where: a path or an address.
    pub fn place(&self) -> &str {
        &self.place
    }
}

impl fmt::Display for StoreError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.place, self.fault)
    }
}

impl StdError for StoreError {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        self.source
            .as_deref()
            .map(|source| source as &(dyn StdError + 'static))
    }
}
