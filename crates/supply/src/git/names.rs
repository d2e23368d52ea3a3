//! Names that go to Git, checked so that none of them can be taken for anything else.

use std::fmt;
use std::str::FromStr;

use super::error::{GitError, escaped_name};

/// A full object id of a commit: 40 (SHA-1) or 64 (SHA-256) lower-case hexadecimal digits.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct CommitId(String);

/// Why a text is not a full object id.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("not a full commit id: expected 40 or 64 lower-case hexadecimal digits")]
pub struct InvalidCommitId;

impl CommitId {
    /// The id as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The id with these bytes, which are as many as an id has.
    pub(super) fn of_bytes(bytes: &[u8]) -> Self {
        const DIGITS: &[u8; 16] = b"0123456789abcdef";
        let digit = |value: u8| char::from(DIGITS[usize::from(value)]);
        let digits = bytes.iter().flat_map(|b| [digit(b >> 4), digit(b & 15)]);
        Self(digits.collect())
    }

    /// The first 12 digits, for people.
    pub fn short(&self) -> &str {
        &self.0[..12]
    }
}

impl FromStr for CommitId {
    type Err = InvalidCommitId;

    fn from_str(text: &str) -> Result<Self, InvalidCommitId> {
        let hex = text
            .bytes()
            .all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(&b));
        if hex && (text.len() == 40 || text.len() == 64) {
            Ok(Self(text.to_owned()))
        } else {
            Err(InvalidCommitId)
        }
    }
}

impl fmt::Display for CommitId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

impl From<CommitId> for String {
    fn from(id: CommitId) -> String {
        id.0
    }
}

/// One `Key: value` line at the end of a commit message.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Trailer {
    key: String,
    value: String,
}

impl Trailer {
    /// A trailer that comes out of a commit as it went in.
    ///
    /// # Errors
    /// [`GitError::InvalidMessage`] if the key is not letters, digits and `-`, or the value is
    /// empty, has a control character, or has blanks around it.
    pub fn new(key: impl Into<String>, value: impl Into<String>) -> Result<Self, GitError> {
        let (key, value) = (key.into(), value.into());
        if !is_trailer_key(&key) {
            return Err(invalid_message("the key of a trailer", &key));
        }
        if value.trim() != value || !is_one_line(&value) {
            return Err(invalid_message("the value of a trailer", &value));
        }
        Ok(Self { key, value })
    }

    /// A trailer as it was found, which may be anything.
    pub(super) fn found(key: &str, value: &str) -> Self {
        Self {
            key: key.to_owned(),
            value: value.trim().to_owned(),
        }
    }

    /// The key, such as `Switchback-Intent`.
    pub fn key(&self) -> &str {
        &self.key
    }

    /// The value, one line.
    pub fn value(&self) -> &str {
        &self.value
    }

    /// Whether the key is `key`; Git does not mind upper and lower case.
    pub fn is(&self, key: &str) -> bool {
        self.key.eq_ignore_ascii_case(key)
    }
}

impl fmt::Display for Trailer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.key, self.value)
    }
}

pub(super) fn is_trailer_key(key: &str) -> bool {
    key.starts_with(|c: char| c.is_ascii_alphanumeric())
        && key.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-')
}

/// Not empty and without anything that could end or redraw the line.
pub(super) fn is_one_line(text: &str) -> bool {
    // U+2028 and U+2029 end a line for some programs, and Git does not mind them.
    let breaks = |c: char| c.is_control() || c == '\u{2028}' || c == '\u{2029}';
    !text.trim().is_empty() && !text.contains(breaks)
}

pub(super) fn invalid_message(what: &'static str, text: &str) -> GitError {
    GitError::InvalidMessage {
        what,
        text: escaped_name(text),
    }
}

/// A path inside a repository: relative, `/` between parts, and never out of it or into `.git`.
pub(super) fn check_path(path: &str) -> Result<(), GitError> {
    let bad_part = |part: &str| {
        part.is_empty() || part == "." || part == ".." || part.eq_ignore_ascii_case(".git")
    };
    if path.contains('\0') || path.split('/').any(bad_part) {
        return Err(GitError::InvalidName {
            what: "path in a repository",
            name: escaped_name(path),
        });
    }
    Ok(())
}

/// The rules of `git check-ref-format`, for the part after `refs/heads/`.
pub(super) fn check_branch(branch: &str) -> Result<(), GitError> {
    check_reference("branch", branch)
}

/// The same for the part after `refs/tags/`, which goes in where options could stand.
pub(super) fn check_tag(tag: &str) -> Result<(), GitError> {
    if tag.starts_with('-') {
        return Err(GitError::InvalidName {
            what: "tag",
            name: escaped_name(tag),
        });
    }
    check_reference("tag", tag)
}

fn check_reference(what: &'static str, name: &str) -> Result<(), GitError> {
    let bad_part = |part: &str| part.is_empty() || part.starts_with('.') || part.ends_with(".lock");
    let bad_char = |c: char| c.is_control() || " ~^:?*[\\".contains(c);
    let bad = name.split('/').any(bad_part)
        || name.contains(bad_char)
        || name.contains("..")
        || name.contains("@{")
        || name.ends_with('.');
    if bad {
        return Err(GitError::InvalidName {
            what,
            name: escaped_name(name),
        });
    }
    Ok(())
}

/// The name or address of a remote, which goes in where options could stand.
pub(super) fn check_remote(remote: &str) -> Result<(), GitError> {
    if remote.is_empty() || remote.starts_with('-') || remote.contains(char::is_control) {
        return Err(GitError::InvalidName {
            what: "remote",
            name: shown_remote(remote),
        });
    }
    Ok(())
}

/// A remote for people: an address loses its user name and password.
pub(super) fn shown_remote(remote: &str) -> String {
    let shown = match remote.split_once("://") {
        Some((scheme, rest)) => {
            let end = rest.find('/').unwrap_or(rest.len());
            let host = rest[..end].rfind('@').map_or(0, |at| at + 1);
            format!("{scheme}://{}", &rest[host..])
        }
        None => remote.to_owned(),
    };
    escaped_name(&shown)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_stay_inside() {
        for good in [
            "a",
            "a/b.yaml",
            "-x",
            "a b",
            "a\nb",
            "ü",
            "..a",
            "a/.gitignore",
        ] {
            assert!(check_path(good).is_ok(), "{good:?}");
        }
        for bad in [
            "", "/a", "a/", "../a", "a/../b", "./a", "a//b", ".git/x", "a/.GIT", "a\0",
        ] {
            assert!(check_path(bad).is_err(), "{bad:?}");
        }
    }

    #[test]
    fn branches_are_what_git_allows() {
        for good in ["main", "-x", "feature/a", "ü", "a@b", "@"] {
            assert!(check_branch(good).is_ok(), "{good:?}");
        }
        for bad in [
            "", "a..b", "a b", "a^", "a:b", ".a", "a/", "a.lock", "a@{1}", "a\n", "a.",
        ] {
            assert!(check_branch(bad).is_err(), "{bad:?}");
        }
    }

    #[test]
    fn trailers_are_one_line() {
        assert!(Trailer::new("Switchback-Intent", "intent-1").is_ok());
        for (key, value) in [
            ("", "x"),
            ("A b", "x"),
            ("A:", "x"),
            ("A", ""),
            ("A", "x\nB: y"),
            ("A", "x\u{2028}B: y"),
            ("A", " x"),
            ("A", "\u{1b}[2J"),
        ] {
            assert!(Trailer::new(key, value).is_err(), "{key:?} {value:?}");
        }
    }

    #[test]
    fn passwords_are_not_shown() {
        assert_eq!(
            shown_remote("https://me:secret@host.example/x@y"),
            "https://host.example/x@y"
        );
        assert_eq!(shown_remote("../other"), "../other");
    }

    #[test]
    fn commit_ids_are_full() {
        assert!("a".repeat(40).parse::<CommitId>().is_ok());
        assert!("a".repeat(64).parse::<CommitId>().is_ok());
        for bad in [
            "",
            "HEAD",
            &"A".repeat(40),
            &"a".repeat(39),
            &"g".repeat(40),
        ] {
            assert!(bad.parse::<CommitId>().is_err(), "{bad}");
        }
    }
}
