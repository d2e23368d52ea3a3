//! What is particular to SQLite: what it says about a table, its grammar as far as planning needs
//! it, and the planners.

pub mod catalog;
pub mod plan;
pub mod rename;
pub mod text;
