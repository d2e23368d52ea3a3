//! The tamper-evident log of every decision and effect.
//!
//! An append-only Merkle tree (RFC 6962) over canonical JSON leaves. A [`Store`] keeps bytes;
//! [`Ledger`] appends to it, proves what it holds and folds it into projections; [`verify`]
//! trusts nothing and checks every byte again.
//!
//! What it shows: an edit, an insertion, a removal or a change of order before a checkpoint or an
//! anchor that was kept elsewhere. What it cannot show: that the end was cut off after the last
//! anchor, nor that an event tells the truth.
//!
//! Deliberately absent: files, networks, clocks and random numbers. Stores live in `db`; who
//! makes a key brings the random numbers, who appends a record brings its time.

mod checkpoint;
#[cfg(any(test, feature = "conformance"))]
pub mod conformance;
mod error;
pub mod keys;
mod leaf;
mod ledger;
mod memory;
mod proof;
mod report;
mod store;
#[cfg(test)]
mod tests;
mod tree;
mod verify;

pub use checkpoint::{Checkpoint, CheckpointError};
pub use error::Error;
pub use leaf::{InvalidLeaf, Leaf};
pub use ledger::{Appended, Entry, Ledger, Placed};
pub use memory::{MemoryRow, MemoryStore};
pub use proof::{Consistency, Inclusion, PROOF_SCHEMA, Proof, ProofError};
pub use report::{Problem, Report};
pub use store::{Append, FORMAT, NewEntry, Node, RawEntry, Store, StoreError, StoreFault};
pub use tree::Head;
pub use verify::{Anchor, VerifyOptions, verify};
