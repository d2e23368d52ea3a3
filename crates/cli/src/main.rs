//! The `switchback` binary.

fn main() {}
