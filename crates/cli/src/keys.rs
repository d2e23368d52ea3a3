//! Making the ledger's key pair. The forms of keys and what is signed with them are the ledger's.

use rand_core::OsRng;
use switchback_ledger::keys::{self, KeyError, VerifierKey};

/// A new key pair, in the text forms of C2SP signed notes.
pub(crate) struct KeyPair {
    /// `PRIVATE+KEY+<name>+<hash>+<key>`: for the key file, readable by its owner only.
    pub(crate) signing: String,
    /// `<name>+<hash>+<key>`: public, stands in the settings.
    pub(crate) verifier: String,
}

/// A new key pair from the operating system's randomness.
///
/// # Errors
/// If `name` cannot be the name of a key; every project name can.
pub(crate) fn generate(name: &str) -> Result<KeyPair, KeyError> {
    let (signing, verifier) = keys::generate(&mut OsRng, name)?;
    Ok(KeyPair { signing, verifier })
}

/// Whether a text is a verifier key that can be used.
pub(crate) fn is_verifier(text: &str) -> bool {
    text.parse::<VerifierKey>().is_ok()
}

#[cfg(test)]
mod tests {
    use switchback_ledger::keys::SigningKey;

    use super::*;

    #[test]
    fn a_pair_is_of_the_known_form() {
        let pair = generate("shop").unwrap();
        assert!(pair.signing.starts_with("PRIVATE+KEY+shop+"));
        assert!(pair.verifier.starts_with("shop+") && is_verifier(&pair.verifier));
        assert!(pair.signing.parse::<SigningKey>().is_ok());
        assert!(!is_verifier("shop+1a2b3c4d+AbC"));
        assert!(generate("a b").is_err());
    }
}
