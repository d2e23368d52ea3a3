//! Schema changes as data: planning them, and the machine that drives steps.
//!
//! [`catalog`] is what a database says about a table. [`rename`] turns it into a [`definition`],
//! the content of `changes/<id>/`, or refuses. [`steps`] turns a definition into the steps of a
//! plan, and [`drive`] walks a plan through crashes.
//!
//! Deliberately absent: databases, files, clocks and randomness. Adapters bring a catalog, run
//! effects and answer probes.

pub mod catalog;
pub mod definition;
pub mod drive;
pub mod rename;
pub mod sql;
pub mod steps;

pub use definition::{Definition, DefinitionError};
pub use drive::{Drive, Got, Want};
