//! What can go wrong with Git.

use std::path::PathBuf;

use super::names::CommitId;

/// Why a Git operation did not happen. Texts that came from elsewhere are escaped.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum GitError {
    /// There is no `git` program.
    #[error("cannot run `{program}`; Git has to be installed")]
    GitMissing {
        /// The program that was looked for.
        program: String,
        /// Why it could not be started.
        #[source]
        source: std::io::Error,
    },
    /// There is no repository at this place or above it.
    #[error("`{}` is not in a Git repository", path.display())]
    NotARepository {
        /// Where it was looked for.
        path: PathBuf,
    },
    /// The repository is a bare one, and what is to be done needs a work tree.
    #[error("`{}` is a bare repository: it has no work tree", path.display())]
    Bare {
        /// The repository.
        path: PathBuf,
    },
    /// The repository has no commit at all.
    #[error("the repository has no commits yet")]
    NoCommits,
    /// Files stand in the way that differ from what is committed.
    #[error("files differ from what is committed: {}", files.join(", "))]
    DirtyTree {
        /// The files, escaped.
        files: Vec<String>,
    },
    /// A branch, tag or commit that the repository does not have.
    #[error("the repository has no commit `{revision}`")]
    UnknownRevision {
        /// What was asked for, escaped.
        revision: String,
    },
    /// A name that Git does not allow.
    #[error("`{name}` cannot be a {what}")]
    InvalidName {
        /// What it should have been.
        what: &'static str,
        /// The name, escaped.
        name: String,
    },
    /// Where a regular file was expected, something else is.
    #[error("`{path}` is not a regular file in commit {commit}")]
    NotAFile {
        /// The path, escaped.
        path: String,
        /// The commit.
        commit: CommitId,
    },
    /// A name that is not UTF-8.
    #[error("the name of `{path}` is not UTF-8")]
    NameNotUtf8 {
        /// The name with what is not UTF-8 replaced, escaped.
        path: String,
    },
    /// More bytes than the caller's bound.
    #[error("{what} is larger than {limit} bytes")]
    TooLarge {
        /// What is too large.
        what: String,
        /// The bound in bytes.
        limit: u64,
    },
    /// A subject or trailer that would not come out of the commit as it went in.
    #[error("`{text}` cannot be {what}")]
    InvalidMessage {
        /// What it should have been.
        what: &'static str,
        /// The text, escaped.
        text: String,
    },
    /// Git knows no name and address to sign a commit with.
    #[error("Git has no `user.name` and `user.email`")]
    NoIdentity {
        /// What Git said, escaped.
        stderr: String,
    },
    /// The edit leaves the file as it is.
    #[error("`{file}` has these contents already")]
    Unchanged {
        /// The file, escaped.
        file: String,
    },
    /// Another program holds the index, or died while it did.
    #[error("`{}` exists: another program is using the repository, or died while it did", lock.display())]
    Locked {
        /// The lock file.
        lock: PathBuf,
    },
    /// The branch is not where it was expected; nothing was done.
    #[error(
        "{} moved: expected {}, found {}",
        moved(branch),
        expected.as_ref().map_or("no such branch", CommitId::as_str),
        found.as_ref().map_or("no such branch", CommitId::as_str)
    )]
    Moved {
        /// The branch, escaped.
        branch: String,
        /// Where it should have been.
        expected: Option<CommitId>,
        /// Where it is.
        found: Option<CommitId>,
    },
    /// A hook of the user's made another commit of what was committed; it was taken back.
    #[error("a hook changed {} in the commit, which was taken back", files.join(", "))]
    HookChanged {
        /// The paths of what is not as it was meant, escaped.
        files: Vec<String>,
    },
    /// A branch that is to move is checked out, so the files there would not be those of the branch.
    #[error("branch `{branch}` is checked out in {}", folder.display())]
    CheckedOut {
        /// The branch, escaped.
        branch: String,
        /// The work tree.
        folder: PathBuf,
    },
    /// There is a tag of this name, and it is another one; it stays as it is.
    #[error("the tag `{tag}` exists, at commit {}", commit.as_ref().map_or("none", CommitId::as_str))]
    TagExists {
        /// The tag, escaped.
        tag: String,
        /// What it names: a tag object or a commit.
        object: String,
        /// The commit that it leads to, if it leads to one.
        commit: Option<CommitId>,
    },
    /// A commit cannot be picked onto another without somebody who looks at it; nothing was done.
    #[error("commit {commit} conflicts in {}", files.join(", "))]
    PickConflict {
        /// The commit.
        commit: CommitId,
        /// The files, escaped.
        files: Vec<String>,
    },
    /// What a commit does is there already; nothing was done.
    #[error("commit {commit} brings nothing that is not there")]
    NothingToPick {
        /// The commit.
        commit: CommitId,
    },
    /// A signature was asked for and could not be made.
    #[error("nothing could be signed: {stderr}")]
    CannotSign {
        /// What Git said, escaped.
        stderr: String,
    },
    /// The local branch does not contain what the remote one has, so a push would lose commits.
    #[error("branch `{branch}` does not contain {expected}, which the remote has")]
    WouldLoseCommits {
        /// The branch, escaped.
        branch: String,
        /// The remote's head.
        expected: CommitId,
    },
    /// The remote did not take the push although its branch has not moved: repeating is no use.
    #[error("`{remote}` rejected the push: {stderr}")]
    PushRejected {
        /// The remote, escaped and without credentials.
        remote: String,
        /// What Git said, escaped.
        stderr: String,
    },
    /// The remote cannot be asked, so a push before it may or may not have arrived.
    #[error("cannot reach `{remote}`: {stderr}")]
    RemoteUnreachable {
        /// The remote, escaped and without credentials.
        remote: String,
        /// What Git said, escaped.
        stderr: String,
    },
    /// The command did not end in time and was killed.
    #[error("`{command}` did not end within {seconds} s and was stopped")]
    TimedOut {
        /// The command, escaped.
        command: String,
        /// The deadline in seconds.
        seconds: u64,
    },
    /// A file system or pipe operation failed.
    #[error("{what} failed")]
    Io {
        /// What was being done.
        what: String,
        /// Why it failed.
        #[source]
        source: std::io::Error,
    },
    /// Git failed in a way that has no variant of its own.
    #[error("`{command}` failed: {stderr}")]
    Failed {
        /// The command, escaped.
        command: String,
        /// What Git said, escaped, at most some lines of it.
        stderr: String,
    },
}

/// A text of unknown origin, on one line and without control characters.
pub(crate) fn escaped(text: &str) -> String {
    const LIMIT: usize = 2_000;
    let mut safe = String::new();
    // Git leaves lines empty between its sentences.
    let lines: Vec<&str> = text
        .trim_end()
        .lines()
        .filter(|it| !it.trim().is_empty())
        .collect();
    for c in lines.join("\n").chars() {
        match c {
            '\n' => safe.push_str("; "),
            // Bidirectional controls reorder what a terminal shows.
            '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' => safe.extend(c.escape_unicode()),
            c if c.is_control() => safe.extend(c.escape_debug()),
            c => safe.push(c),
        }
        if safe.len() > LIMIT {
            safe.push('…');
            break;
        }
    }
    safe
}

/// Like [`escaped`], for a name: a line break is part of the name and is shown as `\n`.
/// What moved, for people: a branch, or what is checked out.
fn moved(branch: &str) -> String {
    match branch {
        "HEAD" => "what is checked out".to_owned(),
        branch => format!("branch `{branch}`"),
    }
}

pub(crate) fn escaped_name(name: &str) -> String {
    escaped(&name.replace('\n', "\\n"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_that_moves_the_cursor_comes_out() {
        let out = escaped("fatal: \u{1b}[2Jx\ry\r\nhint\u{202e}\u{7}\n");
        assert_eq!(out, "fatal: \\u{1b}[2Jx\\ry; hint\\u{202e}\\u{7}");
        assert_eq!(escaped_name("a\nb"), "a\\nb");
        assert_eq!(escaped("one\n\n  \ntwo\n"), "one; two");
        assert!(escaped(&"x".repeat(10_000)).len() < 2_100);
    }
}
