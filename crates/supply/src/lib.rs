//! Where a release comes from and where a version is written down: Git and values files.
//!
//! - [`git`] drives the `git` command line, because no library of ours can push or sign, and reads
//!   histories without it.
//! - [`values`] changes one scalar of a YAML file and no other byte.
//! - [`gitops`] puts both together: a version moves by one commit that says which intent it is.
//!
//! Deliberately absent: decisions (may this version move?), clocks (moments are given), and any
//! other repository host than Git itself.

pub mod git;
pub mod gitops;
pub mod values;
