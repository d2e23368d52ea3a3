//! Whole files before and after, what is refused, and properties over generated and hostile files.

use super::*;

mod edits;
mod form;
mod properties;
mod reading;
mod reopen;

fn version(text: &str) -> Version {
    text.parse().unwrap()
}

fn item(text: &str) -> Item {
    Item::markdown(text).unwrap()
}

fn release_of(text: &str) -> ReleaseOf {
    ReleaseOf {
        version: version(text),
        date: "2026-01-31".parse().unwrap(),
        tag: None,
        links: None,
        allow_empty: false,
    }
}

fn text(edited: &Edited) -> &str {
    std::str::from_utf8(&edited.bytes).unwrap()
}

/// Adds one item, and gives the whole file.
fn with(file: &str, kind: Kind, words: &str) -> String {
    let edited = Changelog::parse(file).add(&[(kind, item(words))]).unwrap();
    text(&edited).to_owned()
}

/// Releases, and gives the whole file.
fn released(file: &str, number: &str) -> String {
    let edited = Changelog::parse(file).release(&release_of(number)).unwrap();
    text(&edited).to_owned()
}

const FILE: &str = "\
# Changelog

All notable changes.

## [Unreleased]

### Added

- A switch.

### Fixed

- A leak.

## [1.1.0] - 2025-12-01

### Added

- The first thing
  over two lines.
  - a part of it

## [1.0.0] - 2025-01-01 [YANKED]

### Added

- Everything.

[unreleased]: https://example.org/o/r/compare/v1.1.0...HEAD
[1.1.0]: https://example.org/o/r/compare/v1.0.0...v1.1.0
[1.0.0]: https://example.org/o/r/releases/tag/v1.0.0
";
