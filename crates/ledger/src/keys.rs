//! Ed25519 keys in the text forms of C2SP signed notes.
//!
//! A signing key reads `PRIVATE+KEY+<name>+<id>+<base64>`, a verifier key `<name>+<id>+<base64>`.
//! The name is the ledger's origin and stands in the first line of every checkpoint.

use std::fmt;
use std::str::FromStr;

use rand_core::CryptoRngCore;
use signed_note::{
    Signer as _, SignerError, StandardSigner, StandardVerifier, Verifier as _, VerifierError,
    is_key_name_valid,
};

/// Why a text is not a key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum KeyError {
    /// Not the form of a key.
    #[error("not a key in the form of a C2SP signed note")]
    Malformed,
    /// Another algorithm than Ed25519.
    #[error("the key is not an Ed25519 key")]
    Algorithm,
    /// The short id does not belong to the key.
    #[error("the key's id does not belong to it")]
    Id,
    /// A name that cannot be that of a key.
    #[error("a key's name is not empty and has no spaces, control characters or `+`")]
    Name,
}

/// Signs checkpoints. `Debug` does not show the secret.
#[derive(Clone)]
pub struct SigningKey(pub(crate) StandardSigner);

/// Checks the signatures of checkpoints.
#[derive(Clone)]
pub struct VerifierKey(pub(crate) StandardVerifier);

/// A new key for `name`: the text of the signing key, which is a secret, and of the verifier key.
///
/// # Errors
/// If `name` cannot be the name of a key.
pub fn generate(rng: &mut impl CryptoRngCore, name: &str) -> Result<(String, String), KeyError> {
    if !is_key_name_valid(name) || name.chars().any(char::is_control) {
        return Err(KeyError::Name);
    }
    Ok(signed_note::generate_key(rng, name))
}

impl SigningKey {
    /// The key's name, which is the ledger's origin.
    pub fn name(&self) -> &str {
        self.0.name()
    }
}

impl VerifierKey {
    /// The key's name, which is the ledger's origin.
    pub fn name(&self) -> &str {
        self.0.name()
    }
}

impl FromStr for SigningKey {
    type Err = KeyError;

    fn from_str(text: &str) -> Result<Self, KeyError> {
        StandardSigner::new(text.trim_end())
            .map(Self)
            .map_err(|error| match error {
                SignerError::Format => KeyError::Malformed,
                SignerError::Alg => KeyError::Algorithm,
                SignerError::Id => KeyError::Id,
            })
    }
}

impl FromStr for VerifierKey {
    type Err = KeyError;

    fn from_str(text: &str) -> Result<Self, KeyError> {
        StandardVerifier::new(text.trim_end())
            .map(Self)
            .map_err(|error| match error {
                VerifierError::Format => KeyError::Malformed,
                VerifierError::Alg => KeyError::Algorithm,
                VerifierError::Id => KeyError::Id,
            })
    }
}

impl fmt::Debug for SigningKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SigningKey({}+{:08x})", self.name(), self.0.key_id())
    }
}

impl fmt::Debug for VerifierKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "VerifierKey({}+{:08x})", self.name(), self.0.key_id())
    }
}
