//! What a message takes back.

use serde::Serialize;

use super::Header;

/// What a commit takes back.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Reverted {
    /// The subject of what is taken back, where it stands there.
    pub subject: Option<String>,
    /// Ids of commits, at least seven hexadecimal digits each.
    pub ids: Vec<String>,
}

impl Reverted {
    /// That of a message with this subject, and ids that its body names.
    pub(super) fn of(subject: &str, header: Option<&Header>, ids: Vec<String>) -> Option<Self> {
        let quoted = quoted(subject);
        let typed = header.filter(|it| it.kind == "revert");
        if quoted.is_none() && typed.is_none() && ids.is_empty() {
            return None;
        }
        let subject = quoted.map(str::to_owned).or_else(|| {
            let of_scope = |it: &Header| it.description.clone();
            typed.map(of_scope)
        });
        Some(Self { subject, ids })
    }
}

/// What stands in `Revert "…"`, as Git writes it; of `Reapply "…"` nothing is taken back.
pub(super) fn quoted(subject: &str) -> Option<&str> {
    inside(subject, ["Revert ", "revert "])
}

/// The subject of what is done again, in `Reapply "…"`, as Git writes it where a revert is reverted.
pub(super) fn reapplied(subject: &str) -> Option<&str> {
    inside(subject, ["Reapply ", "reapply "])
}

fn inside<'s>(subject: &'s str, words: [&str; 2]) -> Option<&'s str> {
    let rest = words.iter().find_map(|it| subject.strip_prefix(it))?;
    let rest = rest.trim().strip_prefix('"')?;
    // A forge may have put the number of a pull request behind it.
    rest.rfind('"').and_then(|end| rest.get(..end))
}

/// The ids that a line of a body says are taken back.
pub(super) fn ids(line: &str) -> Vec<String> {
    const BEGINNINGS: [&str; 3] = ["This reverts commit", "This reverts commits", "Reverts "];
    let Some(rest) = BEGINNINGS.iter().find_map(|it| line.strip_prefix(it)) else {
        return Vec::new();
    };
    rest.split(|it: char| !it.is_ascii_alphanumeric())
        .filter(|it| is_id(it))
        .map(str::to_ascii_lowercase)
        .collect()
}

fn is_id(word: &str) -> bool {
    (7..=64).contains(&word.len())
        && word.bytes().all(|it| it.is_ascii_hexdigit())
        && word.bytes().any(|it| it.is_ascii_digit())
}
