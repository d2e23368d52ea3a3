//! The history of a branch, as far as trailers go.

use switchback_model::{Actor, Timestamp};

use super::error::GitError;
use super::names::{CommitId, Trailer, check_path, is_trailer_key};
use super::repository::Repository;

/// The most commits that one call of [`Repository::log`] looks at.
pub const LOG_LIMIT: usize = 10_000;

/// A commit, with what Switchback wrote into it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Commit {
    /// The full object id.
    pub id: CommitId,
    /// When it was committed.
    pub at: Timestamp,
    /// Who wrote it.
    pub author: Actor,
    /// The first line of the message.
    pub subject: String,
    /// The `Key: value` lines of the last paragraph, if that has nothing else.
    pub trailers: Vec<Trailer>,
}

impl Commit {
    /// The value of the first trailer with this key, in any case.
    pub fn trailer(&self, key: &str) -> Option<&str> {
        let found = self.trailers.iter().find(|trailer| trailer.is(key));
        found.map(Trailer::value)
    }

    /// Whether one of the trailers is exactly this one.
    pub fn has(&self, wanted: &Trailer) -> bool {
        let same = |found: &&Trailer| found.is(wanted.key()) && found.value() == wanted.value();
        self.trailers.iter().any(|found| same(&found))
    }
}

impl Repository {
    /// Whether `path` was ever in the history that leads to `commit`: added, changed or removed.
    ///
    /// # Errors
    /// [`GitError`] if the path is none, or Git fails.
    pub fn has_known(&self, commit: &CommitId, path: &str) -> Result<bool, GitError> {
        check_path(path)?;
        let output = self
            .call()
            .args(["rev-list", "--max-count=1"])
            .arg(commit.as_str())
            .arg("--")
            .arg(path)
            .output()?;
        Ok(!output.trim_ascii().is_empty())
    }

    /// The first-parent history from `commit` on, newest first: at most `limit` commits, and never
    /// more than [`LOG_LIMIT`].
    ///
    /// # Errors
    /// [`GitError::TooLarge`] if the messages are beyond all reason.
    pub fn log(&self, commit: &CommitId, limit: usize) -> Result<Vec<Commit>, GitError> {
        let output = self
            .call()
            .args(["log", "-z", "--first-parent", "--no-color", "--no-notes"])
            .arg(format!("--max-count={}", limit.min(LOG_LIMIT)))
            .arg("--format=tformat:%H%n%ct%n%an <%ae>%n%B")
            .arg(commit.as_str())
            .arg("--")
            .output()?;
        let text = String::from_utf8_lossy(&output);
        Ok(text.split('\0').filter_map(parse_commit).collect())
    }
}

fn parse_commit(record: &str) -> Option<Commit> {
    let mut parts = record.splitn(4, '\n');
    let (id, seconds, author) = (parts.next()?, parts.next()?, parts.next()?);
    let message = parts.next().unwrap_or("");
    let millis = seconds.parse::<i64>().ok()?.saturating_mul(1_000);
    Some(Commit {
        id: id.parse().ok()?,
        at: Timestamp::from_millis(millis),
        author: Actor::new(author),
        subject: message.lines().next().unwrap_or("").to_owned(),
        trailers: trailers_of(message),
    })
}

/// The trailers of a message. Stricter than Git, which takes a paragraph that is one quarter
/// trailers: here every line of the last paragraph has to be one, so prose is never evidence.
fn trailers_of(message: &str) -> Vec<Trailer> {
    let lines: Vec<&str> = message.trim_end().lines().collect();
    // The paragraph of the subject is no paragraph of trailers.
    let Some(blank) = lines.iter().rposition(|line| line.trim().is_empty()) else {
        return Vec::new();
    };
    let mut trailers: Vec<(String, String)> = Vec::new();
    for line in &lines[blank + 1..] {
        if let (true, Some(last)) = (line.starts_with([' ', '\t']), trailers.last_mut()) {
            last.1 = format!("{} {}", last.1, line.trim());
            continue;
        }
        match line.split_once(':') {
            Some((key, value)) if is_trailer_key(key) => {
                trailers.push((key.to_owned(), value.trim().to_owned()));
            }
            _ if line.starts_with("(cherry picked from commit ") => {}
            _ => return Vec::new(),
        }
    }
    let found = trailers.iter();
    found
        .map(|(key, value)| Trailer::found(key, value))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn trailers(message: &str) -> Vec<String> {
        let found = trailers_of(message);
        found.iter().map(ToString::to_string).collect()
    }

    #[test]
    fn trailers_are_the_whole_last_paragraph() {
        assert_eq!(trailers("s\n\nA: 1\nB-c: 2: 3\n"), ["A: 1", "B-c: 2: 3"]);
        assert_eq!(trailers("s\n\nbody\n\nA: 1\n  more\n"), ["A: 1 more"]);
        assert_eq!(
            trailers("s\n\nA: 1\n(cherry picked from commit abc)\n"),
            ["A: 1"]
        );
    }

    #[test]
    fn prose_is_not_a_trailer() {
        for prose in [
            "A: 1",
            "s\nA: 1",
            "s\n\nA: 1\nand so on",
            "s\n\nwe say: no",
            "s\n\nA: 1\n\nx",
            "",
        ] {
            assert!(trailers(prose).is_empty(), "{prose:?}");
        }
    }
}
