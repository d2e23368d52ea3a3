//! Which commit a message says it was picked from.

/// The id in a line as `git cherry-pick -x` writes it: at least seven hexadecimal digits.
pub(super) fn id(line: &str) -> Option<String> {
    let rest = line.strip_prefix("(cherry picked from commit ")?;
    let id = rest.strip_suffix(')')?.trim();
    let hex = (7..=64).contains(&id.len()) && id.bytes().all(|it| it.is_ascii_hexdigit());
    hex.then(|| id.to_ascii_lowercase())
}
