//! The header of a conventional commit: `type(scope)!: description`.

use serde::Serialize;

/// The header of a conventional commit.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Header {
    /// The type in lower case, such as `feat`.
    pub kind: String,
    /// What stands in parentheses.
    pub scope: Option<String>,
    /// Whether it has the mark `!`.
    pub breaking: bool,
    /// What follows the colon.
    pub description: String,
}

/// No type is longer, in bytes.
const LONGEST_TYPE: usize = 40;

impl Header {
    /// Reads a line. Tolerated are blanks around the scope and before the colon, none after it, the
    /// mark on either side of the scope, and types in any case.
    pub fn read(line: &str) -> Option<Self> {
        let line = line.trim();
        let is_type = |it: char| it.is_alphanumeric() || it == '_' || it == '-';
        let (kind, rest) = line.split_at(line.find(|it| !is_type(it))?);
        if kind.is_empty()
            || kind.len() > LONGEST_TYPE
            || !kind.starts_with(|it: char| it.is_alphabetic())
        {
            return None;
        }
        let (before, rest) = mark(rest);
        let (scope, rest) = match rest.trim_start().strip_prefix('(') {
            Some(rest) => {
                let (scope, rest) = closed(rest)?;
                (Some(scope.trim()), rest)
            }
            None => (None, rest),
        };
        let (after, rest) = mark(rest);
        let rest = rest.trim_start();
        let description = rest.strip_prefix([':', '：'])?;
        // `https://…` is no header, and neither is `std::mem`.
        if description.starts_with(['/', ':']) {
            return None;
        }
        let description = description.trim();
        if description.is_empty() {
            return None;
        }
        Some(Self {
            kind: kind.to_lowercase(),
            scope: scope.filter(|it| !it.is_empty()).map(str::to_owned),
            breaking: before || after,
            description: super::cut(description).to_owned(),
        })
    }

    /// That of a commit which takes another one back, with the subject of that, as Git writes it:
    /// `revert: subject`.
    pub(super) fn of_revert(subject: &str) -> Self {
        Self {
            kind: "revert".to_owned(),
            scope: None,
            breaking: false,
            description: super::cut(subject).to_owned(),
        }
    }
}

/// Whether the mark comes next, and what follows it.
fn mark(rest: &str) -> (bool, &str) {
    match rest.trim_start().strip_prefix('!') {
        Some(rest) => (true, rest),
        None => (false, rest),
    }
}

/// What stands before the parenthesis that closes, and what follows it.
fn closed(rest: &str) -> Option<(&str, &str)> {
    let mut open = 1_usize;
    for (place, it) in rest.char_indices() {
        match it {
            '(' => open += 1,
            ')' => open -= 1,
            _ => {}
        }
        if open == 0 {
            return Some((rest.get(..place)?, rest.get(place + 1..)?));
        }
    }
    None
}
