//! Diagnostics: one finding, rendered for people and for machines.
//!
//! A [`Diagnostic`] says what was refused or found, what caused it and what to do next. Its
//! [`Code`] names a page that is compiled in. [`human`] renders it as text, [`json`] as the wire
//! type `switchback.diagnostics/v1`, [`sarif`], [`github`] and [`junit`] as what code scanning,
//! workflows and test reports read. [`nearest`] is what "did you mean" asks.
//!
//! Deliberately absent: printing, terminals, files, and the mapping from library errors to codes,
//! which lives in one file of the command line.

pub mod code;
pub mod diagnostic;
pub mod escape;
pub mod exit;
pub mod github;
pub mod human;
pub mod json;
pub mod junit;
mod near;
pub mod sarif;
pub mod theme;
pub mod topic;

pub use code::Code;
pub use diagnostic::{Diagnostic, Hint, Location, Severity};
pub use escape::{escape_line, escape_text};
pub use exit::Exit;
pub use near::nearest;
pub use theme::Theme;
pub use topic::Topic;
