//! Proofs that somebody without the ledger can check.
//!
//! A proof leads to a head (size and root). It is worth as much as the trust in that head, so
//! checking one takes the head from outside, or from the signed checkpoint that the proof carries.

use serde::{Deserialize, Serialize};
use switchback_model::Digest;
use tlog_tiles::tlog::{self, EMPTY_HASH, Hash, check_record, check_tree};

use crate::checkpoint::{Checkpoint, CheckpointError};
use crate::keys::VerifierKey;
use crate::leaf::{InvalidLeaf, Leaf};
use crate::tree::{self, Head};

/// The version of the stored form of [`Proof`].
pub const PROOF_SCHEMA: &str = "switchback.proof/v1";

/// No path in a tree of at most 2^64 leaves is longer than its height and one.
const MAX_PATH: usize = 65;

/// A proof in its stored form.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "proof", rename_all = "kebab-case")]
pub enum Proof {
    /// An event is in the ledger.
    Inclusion(Inclusion),
    /// A ledger is an older one with entries added at its end.
    Consistency(Consistency),
}

/// The leaf at `index` is in the tree with `head`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Inclusion {
    /// [`PROOF_SCHEMA`].
    pub schema: Schema,
    /// The leaf's place, from 0.
    pub index: u64,
    /// The leaf's canonical JSON, to the byte.
    pub leaf: String,
    /// The tree that the leaf is in.
    pub head: Head,
    /// The hashes of the siblings from the leaf upwards.
    pub path: Vec<Digest>,
    /// The signed checkpoint of `head`, if the ledger has one.
    pub checkpoint: Option<String>,
}

/// The tree with `new` starts with all of the tree with `old`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Consistency {
    /// [`PROOF_SCHEMA`].
    pub schema: Schema,
    /// The earlier tree.
    pub old: Head,
    /// The later tree.
    pub new: Head,
    /// The hashes as RFC 6962 §2.1.2 orders them.
    pub path: Vec<Digest>,
    /// The signed checkpoint of `old`, if the ledger has one.
    pub old_checkpoint: Option<String>,
    /// The signed checkpoint of `new`, if the ledger has one.
    pub new_checkpoint: Option<String>,
}

/// The mark of the one form that this binary knows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Schema;

impl TryFrom<String> for Schema {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        if text == PROOF_SCHEMA {
            return Ok(Schema);
        }
        Err(format!("the proof's schema is not `{PROOF_SCHEMA}`"))
    }
}

impl From<Schema> for String {
    fn from(_: Schema) -> String {
        PROOF_SCHEMA.to_owned()
    }
}

/// Why a proof proves nothing.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ProofError {
    /// It leads to another head than the trusted one.
    #[error("the proof is not about the trusted size and root")]
    Head,
    /// The hashes do not lead where they should.
    #[error("the proof's hashes do not lead from what it claims to the root")]
    Path,
    /// The leaf is not one.
    #[error("the proof's leaf is not one")]
    Leaf(#[source] InvalidLeaf),
    /// It carries no signed checkpoint for its head.
    #[error("the proof carries no signed checkpoint")]
    Unsigned,
    /// A checkpoint that it carries is not accepted.
    #[error("a checkpoint of the proof was not accepted")]
    Checkpoint(#[source] CheckpointError),
}

impl Inclusion {
    /// Checks the proof against a trusted head and gives the leaf that is proved to be in it.
    ///
    /// # Errors
    /// If it is about another head, or does not hold.
    pub fn verify(&self, trusted: &Head) -> Result<Leaf, ProofError> {
        if self.head != *trusted {
            return Err(ProofError::Head);
        }
        let leaf = Leaf::from_bytes(self.leaf.as_bytes()).map_err(ProofError::Leaf)?;
        let hash = tree::digest(tlog::record_hash(self.leaf.as_bytes()));
        check_inclusion(&self.path, self.index, &hash, trusted)?;
        Ok(leaf)
    }

    /// Checks the proof against the signed checkpoint that it carries.
    ///
    /// # Errors
    /// If there is none, it is not signed by one of `keys`, or the proof does not hold.
    pub fn verify_signed(&self, keys: &[VerifierKey]) -> Result<Leaf, ProofError> {
        self.verify(&signed(self.checkpoint.as_deref(), keys)?)
    }
}

impl Consistency {
    /// Checks the proof against two trusted heads.
    ///
    /// # Errors
    /// If it is about other heads, or does not hold.
    pub fn verify(&self, old: &Head, new: &Head) -> Result<(), ProofError> {
        if self.old != *old || self.new != *new {
            return Err(ProofError::Head);
        }
        check_consistency(&self.path, old, new)
    }

    /// Checks the proof against the two signed checkpoints that it carries.
    ///
    /// # Errors
    /// If one is missing or not signed by one of `keys`, or the proof does not hold.
    pub fn verify_signed(&self, keys: &[VerifierKey]) -> Result<(), ProofError> {
        let old = signed(self.old_checkpoint.as_deref(), keys)?;
        let new = signed(self.new_checkpoint.as_deref(), keys)?;
        self.verify(&old, &new)
    }
}

fn signed(note: Option<&str>, keys: &[VerifierKey]) -> Result<Head, ProofError> {
    let note = note.ok_or(ProofError::Unsigned)?;
    Ok(Checkpoint::open(note.as_bytes(), keys)
        .map_err(ProofError::Checkpoint)?
        .head())
}

/// Whether `path` leads from the leaf with this hash at `index` to the root of `head`.
pub(crate) fn check_inclusion(
    path: &[Digest],
    index: u64,
    leaf: &Digest,
    head: &Head,
) -> Result<(), ProofError> {
    let (root, leaf) = (tree::hash(&head.root), tree::hash(leaf));
    check_record(&hashes(path)?, head.size, root, index, leaf).map_err(|_| ProofError::Path)
}

/// Whether `path` shows that the tree of `new` starts with that of `old`.
pub(crate) fn check_consistency(path: &[Digest], old: &Head, new: &Head) -> Result<(), ProofError> {
    let (old_root, new_root) = (tree::hash(&old.root), tree::hash(&new.root));
    if old.size == 0 {
        // RFC 6962 has no such proof: every tree starts with the empty one.
        let fits = path.is_empty() && old_root == EMPTY_HASH && (new.size > 0 || new == old);
        return if fits { Ok(()) } else { Err(ProofError::Path) };
    }
    check_tree(&hashes(path)?, new.size, new_root, old.size, old_root).map_err(|_| ProofError::Path)
}

fn hashes(path: &[Digest]) -> Result<Vec<Hash>, ProofError> {
    if path.len() > MAX_PATH {
        return Err(ProofError::Path);
    }
    Ok(path.iter().map(tree::hash).collect())
}
