//! `switchback.toml`: what can be set, how it is found and read, and where each value comes from.
//!
//! [`types`], with [`versions`], is the only declaration: the JSON schema is made from it, and unknown keys are found
//! with that schema, so that a key cannot be forgotten in one of three places.

pub(crate) mod check;
mod groups;
pub(crate) mod load;
mod platform;
pub(crate) mod schema;
pub(crate) mod source;
pub(crate) mod types;
pub(crate) mod versions;

pub(crate) use load::{Loaded, SettingsError, load};
pub(crate) use types::Settings;

/// The name of the settings file.
pub(crate) const FILE: &str = "switchback.toml";

/// The newest schema that this version reads, and the one that it writes.
pub(crate) const SCHEMA: u32 = 1;
