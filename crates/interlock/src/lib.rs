//! The rule: may this action happen now, and if not, who is in the way.
