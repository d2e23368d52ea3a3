//! Checks on the project itself.

fn main() {}
