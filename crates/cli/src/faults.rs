//! Places where a test lets the process die, as a power cut would: only in builds with the feature
//! `fault-injection`, and only where the variable `SWITCHBACK_FAULT` says so.

/// A place in the carrying out of step `step`. With `SWITCHBACK_FAULT=<place>:<step>` the process
/// ends here without cleaning up.
#[cfg(feature = "fault-injection")]
pub(crate) fn reach(step: u32, place: &str) {
    if std::env::var("SWITCHBACK_FAULT").is_ok_and(|wanted| wanted == format!("{place}:{step}")) {
        std::process::abort();
    }
}

/// Nothing, in builds that people use.
#[cfg(not(feature = "fault-injection"))]
pub(crate) const fn reach(_step: u32, _place: &str) {}
