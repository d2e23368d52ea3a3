//! What a ledger cannot do.

use crate::checkpoint::CheckpointError;
use crate::leaf::InvalidLeaf;
use crate::store::StoreError;

/// What a ledger cannot do.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The store failed.
    #[error("the ledger's store failed")]
    Store(#[source] StoreError),
    /// An id was used for two different events.
    #[error("event `{id}` is already at index {index} with another content")]
    Conflict {
        /// The id.
        id: String,
        /// Where the first one is.
        index: u64,
    },
    /// An id that no store could keep alike.
    #[error("an event id has 1 to 200 bytes and no control characters")]
    InvalidId,
    /// An event that is too large to keep.
    #[error("event `{id}` has {size} bytes, the limit is {limit}")]
    TooLarge {
        /// The id.
        id: String,
        /// Bytes of its payload.
        size: usize,
        /// The limit in bytes.
        limit: usize,
    },
    /// An event cannot be written as JSON.
    #[error("event `{id}` cannot be written as JSON")]
    Encode {
        /// The id.
        id: String,
        /// Why not.
        source: serde_json::Error,
    },
    /// An event of a kind that this binary does not know: a newer version wrote it.
    #[error("event {index} is of kind `{kind}`, which this version of Switchback does not know")]
    UnknownEvent {
        /// Its place in the ledger.
        index: u64,
        /// Its kind.
        kind: String,
    },
    /// An event of a known kind whose content this binary cannot read.
    #[error("event {index} of kind `{kind}` cannot be read by this version of Switchback")]
    Undecodable {
        /// Its place in the ledger.
        index: u64,
        /// Its kind.
        kind: String,
        /// Why not.
        source: serde_json::Error,
    },
    /// The payload was erased, so nothing can be derived from the event.
    #[error("the content of event {index} was erased")]
    Erased {
        /// Its place in the ledger.
        index: u64,
    },
    /// An entry is missing between others.
    #[error("event {index} is missing: run a verification")]
    Missing {
        /// Its place in the ledger.
        index: u64,
    },
    /// A leaf cannot be read.
    #[error("the leaf of event {index} is damaged")]
    Leaf {
        /// Its place in the ledger.
        index: u64,
        /// What is wrong with it.
        source: InvalidLeaf,
    },
    /// A payload is not the one that its leaf names, or its kind is not.
    #[error("the content of event {index} is not what was recorded")]
    Altered {
        /// Its place in the ledger.
        index: u64,
    },
    /// There are fewer entries than were asked for.
    #[error("there is no entry {index}: the ledger has {size}")]
    OutOfRange {
        /// The index or size asked for.
        index: u64,
        /// The entries there are.
        size: u64,
    },
    /// An earlier checkpoint does not fit to what is stored now, so no new one is signed.
    #[error("the ledger does not continue its checkpoint at size {size}: run a verification")]
    Forked {
        /// The size of that checkpoint.
        size: u64,
    },
    /// A checkpoint cannot be read, or is not signed by a known key.
    #[error("a checkpoint was not accepted")]
    Checkpoint(#[source] CheckpointError),
    /// The tree cannot be computed.
    #[error("the ledger's tree cannot be computed")]
    Tree(#[source] tlog_tiles::tlog::Error),
}

impl From<StoreError> for Error {
    fn from(error: StoreError) -> Self {
        Error::Store(error)
    }
}

impl From<CheckpointError> for Error {
    fn from(error: CheckpointError) -> Self {
        Error::Checkpoint(error)
    }
}
