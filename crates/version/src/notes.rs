//! Texts about a release, made from facts: release notes for people, a section of a changelog, an upgrade
//! guide and migration notes.
//!
//! [`Facts`] is everything that a text may say. [`Templates`] say how; the built-in ones can be replaced
//! one by one. [`release_notes`] stays under [`MOST_WORDS`] words and leaves out what is least
//! important. A person may edit what was made: [`check`] then finds each number, version, identifier,
//! commit, issue, link and name that is not in the facts, and [`words`] counts.
//!
//! Texts of items come from anywhere, so whatever a template prints is escaped (`escape`): it can make
//! neither links nor mentions, neither HTML nor new lines. Deliberately absent: Git and files, which
//! [`Gathered`] gets as values, and what decides the version.

mod check;
mod escape;
mod facts;
mod gather;
mod names;
mod render;
mod template;
mod visible;

pub use check::{Claim, Unfounded, check};
pub use facts::{
    BreakingFact, DeprecationFact, FACTS_SCHEMA, FactItem, Facts, FactsError, Migration,
    MigrationStep, StepState, WaivedFact,
};
pub use gather::{Commits, Gathered, Noted, Sources};
pub use render::{
    MOST_WORDS, NotesError, Text, changelog_items, changelog_section, migration_notes,
    release_notes, upgrade_guide,
};
pub use template::{TemplateError, Templates};
pub use visible::words;

#[cfg(test)]
mod tests;
