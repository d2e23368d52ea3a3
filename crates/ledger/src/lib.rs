//! The tamper-evident log of every decision and effect.
