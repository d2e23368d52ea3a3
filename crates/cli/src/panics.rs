//! A panic is a defect of ours: it is reported as SB0901 with what a report needs, and the run
//! ends with 70.

use std::io::Write as _;
use std::panic::{AssertUnwindSafe, PanicHookInfo, catch_unwind, set_hook};

use switchback_diag::Exit;

use crate::args::Global;
use crate::errors;
use crate::output::Output;

/// Replaces the standard report of a panic, in every thread.
pub(crate) fn install(global: &Global) {
    let (format, color) = (global.format, global.color);
    set_hook(Box::new(move |info: &PanicHookInfo<'_>| {
        let what = info.payload_as_str().unwrap_or("no message");
        let place = info.location().map(ToString::to_string).unwrap_or_default();
        let _ = std::io::stdout().flush();
        Output::new(format, color).failure(&errors::internal(what, &place));
    }));
}

/// Runs `body`; a panic in it ends the run as an internal error. What the panic said has been
/// printed by then.
pub(crate) fn guarded(body: impl FnOnce() -> Exit) -> Exit {
    catch_unwind(AssertUnwindSafe(body)).unwrap_or(Exit::Internal)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_panic_is_an_internal_error() {
        assert_eq!(guarded(|| panic!("a defect, on purpose")), Exit::Internal);
        assert_eq!(guarded(|| Exit::Pending), Exit::Pending);
    }
}
