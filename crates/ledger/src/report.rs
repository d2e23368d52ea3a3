//! What a verification found, as data.

use serde::{Deserialize, Serialize};
use switchback_model::Digest;

use crate::checkpoint::CheckpointError;
use crate::leaf::InvalidLeaf;
use crate::tree::Head;

/// What a verification found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Report {
    /// The entries, and the root computed from their leaves.
    pub head: Head,
    /// Entries whose payload was erased; their leaves are covered all the same.
    pub erased: u64,
    /// Stored checkpoints whose root is that of the ledger at their size.
    pub checkpoints: u64,
    /// Those of them with a valid signature by one of the keys given. Without a key nothing that
    /// is stored beside the entries shows anything: who can change those can change these.
    pub signed: u64,
    /// Anchors from outside whose root is that of the ledger at their size.
    pub anchors: u64,
    /// Up to this size the entries are vouched for by a signed checkpoint or by an anchor. A
    /// removal of entries after it cannot be seen.
    pub vouched: u64,
    /// What is wrong, in the order in which it was found.
    pub problems: Vec<Problem>,
    /// How many further problems were found but are not listed.
    pub unlisted: u64,
}

impl Report {
    /// Whether nothing is wrong.
    pub fn is_sound(&self) -> bool {
        self.problems.is_empty() && self.unlisted == 0
    }
}

/// One thing that is wrong with a ledger.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
#[serde(tag = "problem", rename_all = "kebab-case")]
pub enum Problem {
    /// The storage engine itself found damage.
    #[error("the storage is damaged: {detail}")]
    Storage {
        /// The engine's words.
        detail: String,
    },
    /// There is no entry at a place before the end.
    #[error("event {index} is missing")]
    Missing {
        /// The place.
        index: u64,
    },
    /// There are entries after the end.
    #[error("event {index} lies behind the end of the ledger")]
    BehindEnd {
        /// The first such place.
        index: u64,
    },
    /// A leaf is not a canonical leaf.
    #[error("event {index}: {reason}")]
    Leaf {
        /// The place.
        index: u64,
        /// What is wrong with it.
        reason: InvalidLeaf,
    },
    /// The id that an entry is found by is not that of its leaf.
    #[error("event {index} is filed under another id than its own, `{id}`")]
    Id {
        /// The place.
        index: u64,
        /// The id in its leaf.
        id: String,
    },
    /// Looking an entry up by its id does not find it, or finds what is not there.
    #[error("event {index} is not found by its id")]
    Lookup {
        /// The place.
        index: u64,
    },
    /// Two entries have the same id.
    #[error("event {index} has the id of event {first}, `{id}`")]
    DuplicateId {
        /// The place of the later one.
        index: u64,
        /// The place of the earlier one.
        first: u64,
        /// Their id.
        id: String,
    },
    /// The payload is not the one that the leaf names.
    #[error("the content of event {index} is not what was recorded")]
    Payload {
        /// The place.
        index: u64,
    },
    /// A stored hash is not that of the entries below it.
    #[error("a hash stored with event {index} is not that of the events up to it")]
    Node {
        /// The entry that it is stored with.
        index: u64,
        /// Its height above the leaves.
        level: u8,
    },
    /// A stored checkpoint is not accepted.
    #[error("stored checkpoint {position}: {}", reason.text())]
    Checkpoint {
        /// Its place among the stored checkpoints, from 0.
        position: u64,
        /// Why.
        reason: CheckpointFault,
    },
    /// An anchor speaks of another ledger than those that the keys belong to.
    #[error("{witness} is about `{origin}`, which is not the origin of any key given")]
    Origin {
        /// What vouches.
        witness: String,
        /// The origin that it names.
        origin: String,
    },
    /// The ledger does not have the root that a checkpoint or an anchor vouches for.
    #[error(
        "{witness} vouches for root {expected} at size {size}, the ledger has {found} there: it \
         was rewritten"
    )]
    Root {
        /// What vouches.
        witness: String,
        /// The size.
        size: u64,
        /// The root vouched for.
        expected: Digest,
        /// The root found.
        found: Digest,
    },
    /// The ledger is shorter than a checkpoint or an anchor says.
    #[error("{witness} vouches for {size} events, the ledger has {found}: its end was cut off")]
    CutOff {
        /// What vouches.
        witness: String,
        /// The size vouched for.
        size: u64,
        /// The size found.
        found: u64,
    },
}

/// [`CheckpointError`] as data.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum CheckpointFault {
    /// Not a checkpoint.
    Malformed,
    /// Not signed by a known key of its origin.
    UnknownKey,
    /// A signature is not valid.
    BadSignature,
}

impl CheckpointFault {
    fn text(self) -> CheckpointError {
        match self {
            CheckpointFault::Malformed => CheckpointError::Malformed,
            CheckpointFault::UnknownKey => CheckpointError::UnknownKey,
            CheckpointFault::BadSignature => CheckpointError::BadSignature,
        }
    }
}

impl From<CheckpointError> for CheckpointFault {
    fn from(error: CheckpointError) -> Self {
        match error {
            CheckpointError::Malformed | CheckpointError::Root => CheckpointFault::Malformed,
            CheckpointError::UnknownKey => CheckpointFault::UnknownKey,
            CheckpointError::BadSignature => CheckpointFault::BadSignature,
        }
    }
}
