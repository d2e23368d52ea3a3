//! What is particular to SQLite: what it says about a table, its grammar as far as planning needs
//! it, the planners, and the edits of a table for which it has no statement.

pub mod catalog;
pub mod plan;
pub mod rebuild;
pub mod rename;
pub mod text;
