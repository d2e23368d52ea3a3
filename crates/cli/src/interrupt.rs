//! Ctrl-C while a database is being changed. The first one is heeded where it does no harm: after a
//! batch, between two steps. The second one ends the process at once, as everywhere else, which does
//! no harm either and only leaves more to be found out by the next run.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock};

use signal_hook::consts::{SIGINT, SIGTERM};
use signal_hook::flag;

/// What the handlers of the process know.
struct State {
    /// Somebody asked to stop.
    asked: Arc<AtomicBool>,
    /// Whether a signal ends the process.
    at_once: Arc<AtomicBool>,
}

static STATE: OnceLock<State> = OnceLock::new();

/// From now on, and until this is dropped, the first signal only asks.
pub(crate) struct Heeded(());

/// Lets the first Ctrl-C only ask, until what is returned is dropped.
pub(crate) fn heed() -> Heeded {
    let state = STATE.get_or_init(|| {
        let state = State {
            asked: Arc::new(AtomicBool::new(false)),
            at_once: Arc::new(AtomicBool::new(true)),
        };
        for signal in [SIGINT, SIGTERM] {
            // In this order: the handler that ends the process runs before that which lets it.
            let again = flag::register_conditional_shutdown(
                signal,
                128 + signal,
                Arc::clone(&state.at_once),
            );
            // Without handlers a signal ends the process, as it always did.
            if again.is_ok() {
                let _ = flag::register(signal, Arc::clone(&state.asked));
                let _ = flag::register(signal, Arc::clone(&state.at_once));
            }
        }
        state
    });
    state.at_once.store(is_asked(), Ordering::SeqCst);
    Heeded(())
}

/// Whether somebody asked to stop.
pub(crate) fn is_asked() -> bool {
    STATE
        .get()
        .is_some_and(|state| state.asked.load(Ordering::SeqCst))
}

impl Drop for Heeded {
    fn drop(&mut self) {
        if let Some(state) = STATE.get() {
            state.at_once.store(true, Ordering::SeqCst);
        }
    }
}
