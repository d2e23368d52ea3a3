//! Signed checkpoints: what a ledger said about itself at some moment, for others to keep.
//!
//! The form is C2SP `tlog-checkpoint` inside a C2SP signed note: three lines `origin`, `size` and
//! `base64 root`, an empty line, and one line for each signature.

use signed_note::{Note, NoteError, VerificationError, Verifier, Verifiers};
use tlog_tiles::Checkpoint as Body;

use crate::keys::{SigningKey, VerifierKey};
use crate::tree::{self, Head};

/// What a ledger said about itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Checkpoint {
    origin: String,
    head: Head,
    note: String,
}

/// Why a checkpoint was not accepted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum CheckpointError {
    /// Not a checkpoint.
    #[error("the text is not a checkpoint in a C2SP signed note")]
    Malformed,
    /// Not signed by any of the keys given under the name of its origin.
    #[error("the checkpoint is not signed by a known key of its origin")]
    UnknownKey,
    /// A signature that claims to be by a known key is not.
    #[error("the checkpoint's signature is not valid")]
    BadSignature,
    /// It speaks of another root than the ledger has at that size.
    #[error("the ledger does not have the checkpoint's root at its size")]
    Root,
}

impl Checkpoint {
    /// Signs `head`; the origin is the key's name.
    ///
    /// # Errors
    /// If the key cannot sign, which an Ed25519 key always can.
    pub fn sign(head: Head, key: &SigningKey) -> Result<Self, CheckpointError> {
        let body = Body::new(key.name(), head.size, tree::hash(&head.root), "")
            .map_err(|_| CheckpointError::Malformed)?;
        let mut note = Note::new(&body.to_bytes(), &[]).map_err(|_| CheckpointError::Malformed)?;
        note.add_sigs(&[&key.0])
            .map_err(|_| CheckpointError::Malformed)?;
        Self::read_unverified(&note.to_bytes())
    }

    /// Reads a checkpoint and demands a valid signature of its origin: by one of `keys` that has
    /// the origin as its name.
    ///
    /// # Errors
    /// If it is not a checkpoint, or the signature is missing or wrong.
    pub fn open(note: &[u8], keys: &[VerifierKey]) -> Result<Self, CheckpointError> {
        let checkpoint = Self::read_unverified(note)?;
        let parsed = Note::from_bytes(note).map_err(|_| CheckpointError::Malformed)?;
        let known = Known {
            origin: &checkpoint.origin,
            keys,
        };
        match parsed.verify(&known) {
            Ok(_) => Ok(checkpoint),
            Err(NoteError::InvalidSignature { .. }) => Err(CheckpointError::BadSignature),
            Err(_) => Err(CheckpointError::UnknownKey),
        }
    }

    /// Reads a checkpoint without looking at its signatures: what it says is only a claim.
    ///
    /// # Errors
    /// If it is not a checkpoint.
    pub fn read_unverified(note: &[u8]) -> Result<Self, CheckpointError> {
        let malformed = |_| CheckpointError::Malformed;
        let text = str::from_utf8(note).map_err(|_| CheckpointError::Malformed)?;
        let parsed = Note::from_bytes(note).map_err(|_| CheckpointError::Malformed)?;
        let body = Body::from_bytes(parsed.text()).map_err(malformed)?;
        // One text for one meaning: what parses must also be what would be written.
        if body.to_bytes() != parsed.text() || parsed.to_bytes() != note {
            return Err(CheckpointError::Malformed);
        }
        Ok(Self {
            origin: body.origin().to_owned(),
            head: Head {
                size: body.size(),
                root: tree::digest(*body.hash()),
            },
            note: text.to_owned(),
        })
    }

    /// The name of the ledger that speaks.
    pub fn origin(&self) -> &str {
        &self.origin
    }

    /// Size and root.
    pub const fn head(&self) -> Head {
        self.head
    }

    /// The whole signed note.
    pub fn note(&self) -> &str {
        &self.note
    }
}

/// The keys that may speak for one origin.
struct Known<'a> {
    origin: &'a str,
    keys: &'a [VerifierKey],
}

impl Verifiers for Known<'_> {
    fn verifier(&self, name: &str, id: u32) -> Result<&dyn Verifier, VerificationError> {
        let found = self
            .keys
            .iter()
            .find(|key| key.name() == self.origin && key.name() == name && key.0.key_id() == id);
        match found {
            Some(key) => Ok(&key.0),
            None => Err(VerificationError::UnknownKey {
                name: name.to_owned(),
                id,
            }),
        }
    }
}
