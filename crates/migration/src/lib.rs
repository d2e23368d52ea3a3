//! Schema changes as data: planning them, and the machine that drives steps.
