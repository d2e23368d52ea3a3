//! Schema changes as data: reading, judging and planning them, and the machine that drives steps.
//!
//! [`history`] reads folders of migrations as other tools keep them. [`sql`] turns text into
//! statements of our own, [`schema`] folds them into what a database would then hold, [`facts`]
//! says what a statement locks and how long it works, and [`lint`] judges.
//!
//! [`definition`] is the content of `changes/<id>/`, which a planner such as [`sqlite::rename`]
//! makes from what a database says. [`steps`] turns it into the steps of a plan, [`drive`] walks a
//! plan through crashes, and [`workload`] says what code on both sides of each step does meanwhile.
//! [`backfill`] gives rows that are there already their values.
//!
//! Deliberately absent: databases, files, clocks and randomness. Adapters bring a catalog, run
//! effects and answer probes.

pub mod backfill;
pub mod definition;
pub mod drive;
pub mod engine;
pub mod facts;
pub mod history;
pub mod lint;
pub mod operation;
pub mod postgres;
pub mod reads;
pub mod repository;
pub mod schema;
pub mod sql;
pub mod sqlite;
pub mod steps;
pub mod words;
pub mod workload;

pub use definition::{Definition, DefinitionError};
pub use drive::{Drive, Got, Want};
pub use engine::Engine;
