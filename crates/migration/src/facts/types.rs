//! What types mean for the work that statements do.

mod change;
mod kind;
mod statements;

pub(super) use change::{change, fits};
pub(super) use kind::{Kind, see_through};
pub(super) use statements::{alter_domain, alter_type};
