//! Diagnostics: one finding, rendered for people and for machines.
