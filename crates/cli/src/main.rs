//! The `switchback` binary: arguments, settings, rendering and wiring; the only composition root.
//!
//! Deliberately absent: rules, plans and effects. They live in the libraries; a command here asks
//! them, shows the answer and turns their errors into coded diagnostics ([`errors`]).

use std::process::ExitCode;

mod advice;
mod apply;
mod args;
mod backfills;
mod book;
mod changes;
mod clock;
mod commands;
mod confirm;
mod context;
mod contracts;
mod decide;
#[cfg(test)]
mod docs_tests;
mod drift;
mod effects;
mod entries;
mod errors;
mod faults;
mod files;
mod guard;
mod interrupt;
mod keys;
mod metrics;
mod output;
mod page;
mod panics;
mod past;
mod plans;
mod progress;
mod refusals;
mod settings;
mod shell;
mod survey;
mod variables;
mod versions;

/// Parsing and folding make and drop millions of short names on every core.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    ExitCode::from(shell::run(std::env::args_os().collect()).number())
}
