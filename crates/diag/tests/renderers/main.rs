//! What the renderers for other programs write is read back the way those programs read it.
#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "test code outside of test functions"
)]

mod any;
mod format;
mod github;
mod junit;
mod sarif;
