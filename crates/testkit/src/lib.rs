//! Test helpers: temporary PostgreSQL, scratch repositories, the hermetic command line.

pub mod cli;
pub mod git;

pub mod postgres;
pub mod replica;
