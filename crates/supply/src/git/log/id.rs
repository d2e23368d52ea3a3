//! The names of objects.

use std::fmt;
use std::str::FromStr;

use super::super::names::{CommitId, InvalidCommitId};

/// The full id of an object: 20 (SHA-1) or 32 (SHA-256) bytes. Shown as lower-case hexadecimal.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ObjectId(pub(super) gix::ObjectId);

impl ObjectId {
    /// The bytes of the id, 20 or 32.
    pub fn as_bytes(&self) -> &[u8] {
        self.0.as_slice()
    }

    /// The first 12 digits, for people.
    pub fn short(&self) -> String {
        self.0.to_hex_with_len(12).to_string()
    }
}

impl fmt::Display for ObjectId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0.to_string())
    }
}

impl fmt::Debug for ObjectId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0)
    }
}

impl FromStr for ObjectId {
    type Err = InvalidCommitId;

    fn from_str(text: &str) -> Result<Self, InvalidCommitId> {
        // Checked by the stricter type: it takes lower case only.
        let id: CommitId = text.parse()?;
        gix::ObjectId::from_hex(id.as_str().as_bytes())
            .map(Self)
            .map_err(|_| InvalidCommitId)
    }
}

impl From<ObjectId> for CommitId {
    fn from(id: ObjectId) -> Self {
        Self::of_bytes(id.as_bytes())
    }
}

impl TryFrom<&CommitId> for ObjectId {
    type Error = InvalidCommitId;

    fn try_from(id: &CommitId) -> Result<Self, InvalidCommitId> {
        id.as_str().parse()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_come_back_as_they_went_in() {
        for text in ["0123456789abcdef0123456789abcdef01234567", &"a1".repeat(32)] {
            let id: ObjectId = text.parse().unwrap();
            assert_eq!(id.to_string(), text);
            assert_eq!(id.as_bytes().len(), text.len() / 2);
            let commit = CommitId::from(id);
            assert_eq!(commit.as_str(), text);
            assert_eq!(ObjectId::try_from(&commit), Ok(id));
            assert_eq!(id.short(), text[..12]);
        }
        for bad in ["", "HEAD", &"A1".repeat(20), &"a".repeat(41)] {
            assert!(bad.parse::<ObjectId>().is_err(), "{bad}");
        }
    }
}
