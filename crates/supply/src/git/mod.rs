//! Git, through its command line; [`log`] reads histories without it.
//!
//! The rules that every call follows:
//!
//! - **Nothing of the caller's Git environment leaks in.** All `GIT_*` variables are dropped but
//!   identity, how to reach remotes, and where the configuration is (see `run::KEPT`). A hook or
//!   a continuous-integration job that sets `GIT_DIR` or `GIT_INDEX_FILE` changes nothing.
//! - **The user's configuration counts**, because identity, signing and credentials live there.
//!   Overridden are only settings that would start programs or change output: hooks, the file
//!   system monitor, the pager, signatures in logs, character encodings.
//! - **Hooks never run**, but where a person would have typed the same: a commit of files of their own
//!   work tree ([`Repository::commit_paths`]), commits that are picked ([`Repository::pick`]), and a
//!   branch that is checked out. Other commits are made by plumbing and `pre-push` is skipped; what a
//!   server's hooks say still counts.
//! - **Nothing asks a question**, neither Git nor SSH, and every command has a deadline.
//! - **Output is bounded**; more than the bound is an error, never a truncated answer.
//! - **Names are data.** Branches go in as full references, paths as literal pathspecs after `--`,
//!   and nothing that starts with `-` is ever passed where an option could stand.
//! - **Messages are not parsed**: what happened is found out by asking Git again.

mod branch;
mod changed;
mod commit;
mod error;
mod follow;
mod history;
pub mod log;
mod names;
mod paths;
mod pick;
mod read;
mod remote;
mod repository;
mod run;
mod same;
mod signing;
mod tag;
mod tree;

pub use branch::MainLine;
pub use changed::{CommitFiles, RANGE_LIMIT};
pub use commit::{Committed, Edit, WorkTree};
pub use error::GitError;
pub(crate) use error::escaped_name;
pub use history::{Commit, LOG_LIMIT};
pub use names::{CommitId, InvalidCommitId, Trailer};
pub use pick::Picked;
pub use read::DirtyFile;
pub use repository::Repository;
pub use signing::{Format, Signer, Signing, Verification};
pub use tag::{FoundTag, NewTag};
pub use tree::TreeEdit;
