//! The history of a repository, read without starting `git`.
//!
//! Writing goes through the `git` command line; reading a whole history through it would cost a
//! process and a format for each question. This module is the only place that knows the library
//! (`gix`), and none of its types come out.
//!
//! - **Values of our own.** Commits, tags and trees come out as bytes and numbers; names and
//!   messages may be anything, so they stay bytes until somebody decides what they mean.
//! - **As `git log` would.** What is reachable, in which order, and which paths a commit touches are
//!   tested against `git` itself.
//! - **A cut history says so.** In a shallow clone nothing is answered that would need what is not
//!   there, unless the caller asks for what there is.
//! - **A repository of somebody else is refused** unless `safe.directory` names it.
//! - **Nothing of the caller's Git environment leaks in** but where the configuration is, and
//!   replacement objects are not followed: both as in the calls of `git` beside it.
//!
//! Deliberately absent: writing, network (an object that a partial clone left out is missing),
//! rename detection (a rename is a removal and an addition), the index and the work tree.

mod ancestry;
mod commit;
mod error;
mod facts;
mod id;
mod limit;
mod object;
mod open;
mod order;
mod outline;
mod paths;
mod revision;
mod tags;
mod tree;
mod walk;

pub use commit::{Commit, Moment};
pub use error::{HistoryError, ObjectKind};
pub use id::ObjectId;
pub use open::History;
pub use outline::Outline;
pub use paths::{ChangedPath, PathChange, Prefixes};
pub use tags::{Annotation, BrokenTag, SortedTags, Tag, Tagged, TaggedCommit, Tags};
pub use tree::{Entry, EntryKind, File, LIST_LIMIT};
pub use walk::{Order, Range, Walk};
