//! How much is run: a share that is always the same one, or all.
//!
//! `SWITCHBACK_TEST_LONG` asks for everything; it is also the number of random cases, where it is
//! one that is larger than one.

use std::hash::{DefaultHasher, Hash, Hasher};

/// One of so many.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Share(u64);

impl Share {
    /// One of `many`, unless everything is asked for.
    pub(crate) fn one_of(many: u64) -> Self {
        Self(if long().is_some() { 1 } else { many })
    }

    pub(crate) const ALL: Self = Self(1);

    /// Whether the share has something of that name in it.
    pub(crate) fn takes(self, name: &str) -> bool {
        let mut hasher = DefaultHasher::new();
        name.hash(&mut hasher);
        hasher.finish().is_multiple_of(self.0)
    }
}

/// What `SWITCHBACK_TEST_LONG` says.
pub(crate) fn long() -> Option<u64> {
    let text = std::env::var("SWITCHBACK_TEST_LONG").ok()?;
    Some(text.parse().unwrap_or(1))
}

/// What `SWITCHBACK_TEST_SEED` says; 1 if nothing.
pub(crate) fn seed() -> u64 {
    let text = std::env::var("SWITCHBACK_TEST_SEED").ok();
    text.and_then(|it| it.parse().ok()).unwrap_or(1)
}
