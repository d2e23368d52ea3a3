//! Rules about a repository rather than about one migration: what is shipped together, and when
//! migrations run.
//!
//! [`startup`] finds applications that migrate when they start, and [`mixed`] finds commits that
//! take something out of the database and change the code beside it. [`edited`] finds migrations that
//! are not what they were when they were applied.
//!
//! Everything is read as text: names, commands and calls that are well known, where they stand, and
//! what leads to them. What is not recognized is passed over, because a wrong alarm costs more
//! trust than a missing one.
//!
//! Deliberately absent: files, Git, and the meaning of code.

pub mod edited;
pub mod mixed;
pub mod startup;

mod allowed;
mod calls;
mod code;
mod commands;
mod paths;
mod shell;
mod spring;
mod starts;
mod tokens;
mod words;
mod yaml;

pub use allowed::allowed;

#[cfg(test)]
mod tests;
