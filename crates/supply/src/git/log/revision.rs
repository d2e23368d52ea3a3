//! Names of commits.

use gix::bstr::ByteSlice as _;
use gix::revision::spec::parse::Error as SpecError;

use super::super::error::escaped_name;
use super::error::{Fault, HistoryError, cause};
use super::id::ObjectId;
use super::open::History;

impl History {
    /// The commit that is checked out.
    ///
    /// # Errors
    /// [`HistoryError::NoCommits`], [`HistoryError::References`], and those of a damaged object.
    pub fn head(&self) -> Result<ObjectId, HistoryError> {
        let head = self.repo.head().map_err(|error| HistoryError::References {
            what: "HEAD",
            source: cause(error),
        })?;
        match head.id() {
            Some(id) => self.peel_to_commit(ObjectId(id.detach())),
            None => Err(HistoryError::NoCommits),
        }
    }

    /// The branch that is checked out, also one without commits; none if none is.
    ///
    /// # Errors
    /// [`HistoryError::References`].
    pub fn head_branch(&self) -> Result<Option<String>, HistoryError> {
        let name = self.repo.head_name();
        let name = name.map_err(|error| HistoryError::References {
            what: "HEAD",
            source: cause(error),
        })?;
        Ok(name.and_then(|it| {
            let branch = it.as_bstr().strip_prefix(b"refs/heads/")?;
            Some(String::from_utf8_lossy(branch).into_owned())
        }))
    }

    /// The commit that a branch, tag, id, the beginning of an id, or an expression such as `main~2`
    /// means. Tags are followed to their commit. One commit, never a range.
    ///
    /// # Errors
    /// [`HistoryError::NoCommits`] if `HEAD` has none, [`HistoryError::UnknownRevision`],
    /// [`HistoryError::AmbiguousRevision`], [`HistoryError::WrongKind`], and those of a damaged
    /// object.
    pub fn resolve(&self, revision: &str) -> Result<ObjectId, HistoryError> {
        let unknown = |source| HistoryError::UnknownRevision {
            revision: escaped_name(revision),
            source,
        };
        // Git takes an option for no revision either.
        if revision.is_empty() || revision.starts_with('-') {
            return Err(unknown(Box::new(Fault("a revision cannot look like this"))));
        }
        if revision == "HEAD" || revision == "@" {
            return self.head();
        }
        let error = match self.repo.rev_parse_single(revision.as_bytes().as_bstr()) {
            Ok(id) => return self.peel_to_commit(ObjectId(id.detach())),
            Err(error) => error,
        };
        // `HEAD~1` without any commit.
        if revision.starts_with("HEAD") || revision.starts_with('@') {
            self.head()?;
        }
        match error.downcast_any_ref::<SpecError>() {
            Some(SpecError::AmbiguousPrefix { .. }) => Err(HistoryError::AmbiguousRevision {
                revision: escaped_name(revision),
            }),
            _ => Err(unknown(cause(error))),
        }
    }
}
