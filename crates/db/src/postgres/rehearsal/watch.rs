//! Who waits for whom, seen by a session that does nothing else.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;

use postgres::Config;

use super::CODE;
use crate::postgres::error::PgError;
use crate::postgres::session::{Session, literal};
use crate::rehearsal::Waited;
use crate::rehearsal::bench::Watch;

/// The time between two looks.
const PAUSE: Duration = Duration::from_millis(4);

/// What the question is called.
const LOOK: &str = "switchback_look";

/// A thread that looks.
pub struct Watcher {
    over: Arc<AtomicBool>,
    thread: Option<JoinHandle<Waited>>,
}

impl std::fmt::Debug for Watcher {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Watcher").finish_non_exhaustive()
    }
}

impl Watcher {
    pub(super) fn begin(config: &Config) -> Result<Self, PgError> {
        let mut session = Session::open(config.clone())?;
        // Planning it takes longer than answering it, and beside it code is at work.
        session.run(&format!("PREPARE {LOOK} AS {}", question()))?;
        let over = Arc::new(AtomicBool::new(false));
        let end = Arc::clone(&over);
        let thread = std::thread::spawn(move || look(session, &end));
        Ok(Self {
            over,
            thread: Some(thread),
        })
    }
}

impl Drop for Watcher {
    fn drop(&mut self) {
        self.over.store(true, Ordering::SeqCst);
    }
}

impl Watch for Watcher {
    fn seen(mut self) -> Waited {
        self.over.store(true, Ordering::SeqCst);
        let thread = self.thread.take();
        thread.and_then(|it| it.join().ok()).unwrap_or_default()
    }
}

/// Who waits: whether it is the code, and the milliseconds since the statement began. Code that waits
/// for other code is not counted.
fn question() -> String {
    let code = literal(CODE);
    format!(
        "SELECT application_name = {code},
             greatest(0, extract(epoch FROM clock_timestamp() - query_start) * 1000)::bigint
         FROM pg_stat_activity a
         WHERE datname = current_database() AND wait_event_type = 'Lock' AND pid <> pg_backend_pid()
             AND (application_name <> {code} OR EXISTS (
                 SELECT FROM unnest(pg_blocking_pids(a.pid)) AS by (pid)
                     JOIN pg_stat_activity b ON b.pid = by.pid
                 WHERE b.application_name <> {code}))"
    )
}

fn look(mut session: Session, over: &AtomicBool) -> Waited {
    let sql = format!("EXECUTE {LOOK}");
    let mut seen = Waited::default();
    while !over.load(Ordering::SeqCst) {
        // A connection that is gone is seen by everybody else.
        let Ok(rows) = session.rows(&sql) else { break };
        seen.looks += 1;
        let mut blocked = 0;
        for row in &rows {
            let waited = row.get(1).and_then(|it| it.parse().ok()).unwrap_or(0);
            let waited = Duration::from_millis(waited);
            if row.get(0) == Some("t") {
                blocked += 1;
                seen.longest = seen.longest.max(waited);
            } else {
                seen.step = seen.step.max(waited);
            }
        }
        seen.blocked = seen.blocked.max(blocked);
        std::thread::sleep(PAUSE);
    }
    seen
}
