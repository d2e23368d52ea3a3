//! A version moves by one commit to a values file, and the commit says which intent it carries
//! out. That trailer is how "was this step done?" is answered after a crash, from the branch
//! itself and from nothing else.

use switchback_model::{EventId, Timestamp};

use crate::git::{Commit, CommitId, Edit, GitError, Repository, Trailer, WorkTree, escaped_name};
use crate::values::{self, ValuesError};

/// The key of the trailer that names the intent which a commit carries out.
pub const INTENT_TRAILER: &str = "Switchback-Intent";

/// How far back [`ValuesFile::probe`] looks: commits of the first-parent history.
pub const PROBE_DEPTH: usize = 1_000;

/// Why a value cannot be read or moved.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum GitopsError {
    /// The branch has no such file.
    #[error("branch `{branch}` has no file `{file}`")]
    NoFile {
        /// The branch, escaped.
        branch: String,
        /// The file, escaped.
        file: String,
    },
    /// The file says neither the old value nor was it moved by this intent.
    #[error(
        "the file says {} where {} was expected",
        found.as_deref().map_or_else(|| "nothing".to_owned(), |text| format!("`{text}`")),
        expected.as_deref().map_or_else(|| "nothing".to_owned(), |text| format!("`{text}`"))
    )]
    Differs {
        /// The value that the move starts from.
        expected: Option<String>,
        /// The value that is there, escaped.
        found: Option<String>,
        /// The commit it was read at.
        commit: CommitId,
    },
    /// A commit names this intent but sets another value: somebody copied the trailer, or the
    /// intent's id was used twice.
    #[error("commit {commit} carries intent {intent} but does not set `{to}`")]
    IntentMismatch {
        /// The commit.
        commit: CommitId,
        /// The intent.
        intent: EventId,
        /// The value that the intent sets.
        to: String,
    },
    /// The file cannot be read as values.
    #[error("`{file}` cannot be used")]
    Values {
        /// The file, escaped.
        file: String,
        /// Why.
        #[source]
        source: ValuesError,
    },
    /// Git refused.
    #[error(transparent)]
    Git(#[from] GitError),
}

/// The reference that says that an intent was given up.
fn revoked(intent: &EventId) -> String {
    format!("refs/switchback/revoked/{intent}")
}

/// A values file on a branch of a repository on this machine.
#[derive(Debug, Clone)]
pub struct ValuesFile {
    repository: Repository,
    branch: String,
    file: String,
}

/// A value and where it was read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ValueAt {
    /// The commit.
    pub commit: CommitId,
    /// The value; `None` where the key is there and says nothing.
    pub value: Option<String>,
}

/// One move of one value.
#[derive(Debug, Clone, Copy)]
pub struct Move<'a> {
    /// The keys that lead to the value, outermost first.
    pub key: &'a [String],
    /// The value that has to be there.
    pub from: Option<&'a str>,
    /// The value to write.
    pub to: &'a str,
    /// The first line of the commit message.
    pub subject: &'a str,
    /// The intent that is carried out.
    pub intent: &'a EventId,
    /// More trailers; they come after the one of the intent.
    pub trailers: &'a [Trailer],
    /// The moment that the commit carries; Git's own clock if `None`.
    pub at: Option<Timestamp>,
}

/// A move that is done.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MoveDone {
    /// The commit that carries it.
    pub commit: CommitId,
    /// Whether that commit was there already.
    pub repeated: bool,
    /// What became of the checked out file.
    pub work_tree: WorkTree,
}

impl ValuesFile {
    /// A file on a branch; neither has to exist yet.
    pub fn new(repository: Repository, branch: impl Into<String>, file: impl Into<String>) -> Self {
        Self {
            repository,
            branch: branch.into(),
            file: file.into(),
        }
    }

    /// The repository that the file is in.
    pub fn repository(&self) -> &Repository {
        &self.repository
    }

    /// The branch.
    pub fn branch(&self) -> &str {
        &self.branch
    }

    /// The path of the file inside the repository.
    pub fn file(&self) -> &str {
        &self.file
    }

    /// The value at the head of the branch, whatever the work tree says.
    ///
    /// # Errors
    /// [`GitopsError::NoFile`], [`GitopsError::Values`], [`GitopsError::Git`].
    pub fn read(&self, key: &[String]) -> Result<ValueAt, GitopsError> {
        let commit = self.repository.branch_head(&self.branch)?;
        let value = self.value_at(&commit, key)?;
        Ok(ValueAt { commit, value })
    }

    /// Moves the value, unless this intent has moved it already.
    ///
    /// Repeating a move returns the commit that is there and lets the checked out file follow it
    /// if a crash kept it from that. When somebody else moves the branch at the same time one of
    /// both gets [`GitError::Moved`]; repeating is safe.
    ///
    /// # Errors
    /// [`GitopsError`]; nothing has been moved then.
    pub fn move_value(&self, wanted: &Move<'_>) -> Result<MoveDone, GitopsError> {
        let intent = Trailer::new(INTENT_TRAILER, wanted.intent.as_str())?;
        let head = self.repository.branch_head(&self.branch)?;
        if let Some(done) = self.find(&head, &intent)? {
            return self.repeated(wanted, done.id);
        }
        let bytes = self.bytes_at(&head)?;
        let found = values::read(&bytes, wanted.key).map_err(|source| self.unusable(source))?;
        if found.as_deref() != wanted.from {
            return Err(GitopsError::Differs {
                expected: wanted.from.map(escaped_name),
                found: found.as_deref().map(escaped_name),
                commit: head,
            });
        }
        let contents =
            values::set(&bytes, wanted.key, wanted.to).map_err(|source| self.unusable(source))?;
        let mut trailers = vec![intent];
        trailers.extend_from_slice(wanted.trailers);
        let committed = self.repository.commit_file(&Edit {
            branch: &self.branch,
            base: &head,
            file: &self.file,
            contents: &contents,
            subject: wanted.subject,
            trailers: &trailers,
            at: wanted.at,
            unless: Some(&revoked(wanted.intent)),
        })?;
        Ok(MoveDone {
            commit: committed.commit,
            repeated: false,
            work_tree: committed.work_tree,
        })
    }

    /// The newest of the last [`PROBE_DEPTH`] first-parent commits of the branch that carries this
    /// trailer, if one does.
    ///
    /// # Errors
    /// [`GitopsError::Git`].
    pub fn probe(&self, trailer: &Trailer) -> Result<Option<Commit>, GitopsError> {
        let head = self.repository.branch_head(&self.branch)?;
        self.find(&head, trailer)
    }

    /// [`ValuesFile::probe`] for an intent: the commit that carries it out, if it was carried out.
    ///
    /// # Errors
    /// [`GitopsError::Git`].
    pub fn probe_intent(&self, intent: &EventId) -> Result<Option<Commit>, GitopsError> {
        self.probe(&Trailer::new(INTENT_TRAILER, intent.as_str())?)
    }

    /// Gives an intent up unless it was carried out, and says whether it was. Whoever is still at
    /// it, slow but alive, cannot move the branch from then on.
    ///
    /// # Errors
    /// [`GitopsError::Git`]; nothing is given up then.
    pub fn revoke(&self, intent: &EventId) -> Result<bool, GitopsError> {
        let head = self.repository.branch_head(&self.branch)?;
        self.repository.make_reference(&revoked(intent), &head)?;
        Ok(self.probe_intent(intent)?.is_some())
    }

    fn find(&self, head: &CommitId, trailer: &Trailer) -> Result<Option<Commit>, GitopsError> {
        let history = self.repository.log(head, PROBE_DEPTH)?;
        Ok(history.into_iter().find(|commit| commit.has(trailer)))
    }

    fn repeated(&self, wanted: &Move<'_>, commit: CommitId) -> Result<MoveDone, GitopsError> {
        if self.value_at(&commit, wanted.key)?.as_deref() != Some(wanted.to) {
            return Err(GitopsError::IntentMismatch {
                commit,
                intent: wanted.intent.clone(),
                to: escaped_name(wanted.to),
            });
        }
        let work_tree = self
            .repository
            .catch_up(&self.branch, &commit, &self.file)?;
        Ok(MoveDone {
            commit,
            repeated: true,
            work_tree,
        })
    }

    fn value_at(&self, commit: &CommitId, key: &[String]) -> Result<Option<String>, GitopsError> {
        let bytes = self.bytes_at(commit)?;
        values::read(&bytes, key).map_err(|source| self.unusable(source))
    }

    fn bytes_at(&self, commit: &CommitId) -> Result<Vec<u8>, GitopsError> {
        let limit = values::SIZE_LIMIT;
        let bytes = self.repository.read_file(commit, &self.file, limit)?;
        bytes.ok_or_else(|| GitopsError::NoFile {
            branch: escaped_name(&self.branch),
            file: escaped_name(&self.file),
        })
    }

    fn unusable(&self, source: ValuesError) -> GitopsError {
        GitopsError::Values {
            file: escaped_name(&self.file),
            source,
        }
    }
}
