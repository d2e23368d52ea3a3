//! Names and ids. All of them are plain words that are safe in a path, a trailer and a log line.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// Why a text is not a name.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "`{text}` is not a {what}: use 1 to {max} characters of a-z, 0-9, `-`, `_`, `.`, starting with \
     a letter or a digit",
    max = MAX_NAME
)]
pub struct InvalidName {
    what: &'static str,
    /// The text as given, cut to a printable length.
    text: String,
}

const MAX_NAME: usize = 64;

fn check(what: &'static str, text: &str) -> Result<(), InvalidName> {
    let first_ok = text.starts_with(|c: char| c.is_ascii_lowercase() || c.is_ascii_digit());
    let rest_ok = text
        .bytes()
        .all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b"-_.".contains(&b));
    // `..` is refused so that a name can never walk out of a folder.
    if first_ok && rest_ok && text.len() <= MAX_NAME && !text.contains("..") {
        return Ok(());
    }
    let text = text
        .chars()
        .take(MAX_NAME)
        .flat_map(char::escape_debug)
        .collect();
    Err(InvalidName { what, text })
}

macro_rules! names {
    ($($(#[$doc:meta])* $name:ident = $what:literal;)+) => {$(
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
        #[serde(try_from = "String", into = "String")]
        pub struct $name(String);

        impl $name {
            #[doc = concat!("Checks that `text` is a ", $what, ".")]
            pub fn new(text: impl Into<String>) -> Result<Self, InvalidName> {
                let text = text.into();
                check($what, &text)?;
                Ok(Self(text))
            }

            /// The name as text.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl TryFrom<String> for $name {
            type Error = InvalidName;
            fn try_from(text: String) -> Result<Self, InvalidName> {
                Self::new(text)
            }
        }

        impl FromStr for $name {
            type Err = InvalidName;
            fn from_str(text: &str) -> Result<Self, InvalidName> {
                Self::new(text)
            }
        }

        impl From<$name> for String {
            fn from(name: $name) -> String {
                name.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.pad(&self.0)
            }
        }
    )+};
}

names! {
    /// A deployable part of the system, such as `api`.
    ComponentName = "component name";
    /// A place where versions run, such as `production`.
    EnvironmentName = "environment name";
    /// An open change of something that old and new code share; the folder name under `changes/`.
    ChangeId = "change id";
    /// One step of a change, such as `expand`.
    StepName = "step name";
    /// A backfill; the file name under `backfills/` without `.toml`, or the fill of a change.
    BackfillId = "backfill id";
    /// A feature flag.
    FlagName = "flag name";
    /// A client outside our control, such as a mobile application.
    ClientName = "client name";
}

impl ComponentName {
    /// What a platform of components is called where nothing else is said.
    pub fn platform() -> Self {
        Self("platform".to_owned())
    }
}

impl StepName {
    /// What a purge is called where steps are: in plans, and among the marks in a database. No step
    /// of a change has this name.
    pub fn purge() -> Self {
        Self("purge".to_owned())
    }
}

impl BackfillId {
    /// The id under which the fill of a change's step is known where backfills are. It has a `/` in
    /// it, so that no backfill of its own has it.
    pub fn of_fill(change: &ChangeId, step: &StepName) -> Self {
        Self(format!("{change}/{step}"))
    }

    /// The change and the step whose fill is known under an id, if it is that of a fill.
    pub fn fill(id: &str) -> Option<(&str, &str)> {
        let (change, step) = id.split_once('/')?;
        (ChangeId::new(change).is_ok() && StepName::new(step).is_ok()).then_some((change, step))
    }
}

/// The id of one ledger event; appending the same id twice is the same as appending it once.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct EventId(String);

impl EventId {
    /// An id made from the parts that make the event what it is, for example
    /// `["intent", plan digest, step number]`. Equal parts give an equal id on every machine.
    pub fn of(parts: &[&str]) -> Self {
        let mut bytes = Vec::new();
        for part in parts {
            bytes.extend_from_slice(&(part.len() as u64).to_be_bytes());
            bytes.extend_from_slice(part.as_bytes());
        }
        let kind = parts.first().copied().unwrap_or("event");
        Self(format!("{kind}-{}", &crate::Digest::of(&bytes).hex()[..24]))
    }

    /// The id as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl From<String> for EventId {
    fn from(text: String) -> Self {
        Self(text)
    }
}

impl fmt::Display for EventId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

/// Who did something, in Git's form: `Name <address>`.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Actor(String);

impl Actor {
    /// Line breaks and control characters are replaced by spaces, so that an actor stays one line.
    pub fn new(text: &str) -> Self {
        Self(
            text.chars()
                .map(|c| if c.is_control() { ' ' } else { c })
                .collect(),
        )
    }

    /// The actor as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Actor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_safe_in_paths() {
        for good in ["a", "users-email", "api.v2", "0", "rename_users"] {
            assert!(ChangeId::new(good).is_ok(), "{good}");
        }
        for bad in [
            "",
            "-a",
            "A",
            "a b",
            "a/b",
            "..",
            "a..b",
            ".a",
            "é",
            "a\n",
            &"a".repeat(65),
        ] {
            assert!(ChangeId::new(bad).is_err(), "{bad:?}");
        }
    }

    #[test]
    fn a_hostile_name_is_reported_escaped() {
        let error = ComponentName::new("a\u{1b}[31m\n").unwrap_err().to_string();
        assert!(
            !error.contains('\u{1b}') && !error.contains('\n'),
            "{error:?}"
        );
    }

    #[test]
    fn event_ids_do_not_confuse_their_parts() {
        assert_eq!(
            EventId::of(&["x", "ab", "c"]),
            EventId::of(&["x", "ab", "c"])
        );
        assert_ne!(
            EventId::of(&["x", "ab", "c"]),
            EventId::of(&["x", "a", "bc"])
        );
    }

    #[test]
    fn names_refuse_bad_json() {
        assert!(serde_json::from_str::<ChangeId>("\"../etc\"").is_err());
    }
}
