//! The files of a repository: found as Git would find them, and read side by side.
//!
//! Deliberately absent: what the files mean.

mod parallel;
mod place;
mod read;
mod walk;

pub(crate) use parallel::{cores, side_by_side};
pub(crate) use place::Base;
pub(crate) use read::{Content, LARGEST, read};
pub(crate) use walk::{Entry, Listing, Walk, pattern};
