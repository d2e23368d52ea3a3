//! How a database is used, who is told what is waited for, and what running a script cost.

use std::fmt;
use std::time::Duration;

use super::error::ChangeError;
use super::watch::Peer;
use crate::text::seconds;
use crate::waits::Waits;

/// How the database is used.
#[derive(Debug, Clone)]
pub struct Options {
    /// How long one attempt waits for locks that keep others waiting too. Never zero, which would
    /// mean for ever.
    pub lock_timeout: Duration,
    /// How long one statement may run, unless it may run long because it holds up nobody.
    pub statement_timeout: Duration,
    /// How long a statement that holds up nobody may run: a build of an index beside writers, the
    /// validation of a constraint. None for as long as it takes.
    pub long_statement_timeout: Option<Duration>,
    /// How long a statement waits for older transactions to end where it holds up nobody meanwhile.
    pub concurrent_wait: Duration,
    /// After how long the server ends a transaction of ours that does nothing: a machine that
    /// stalls keeps its locks no longer than this.
    pub idle_timeout: Duration,
    /// How many further attempts follow before giving up.
    pub retries: u32,
    /// The longest pause after the first failed attempt. It doubles with each attempt; the pause is
    /// a random part of it.
    pub backoff: Duration,
    /// The longest pause of all.
    pub longest_backoff: Duration,
    /// How long a query of an application may wait for us until we give way.
    pub yield_after: Duration,
    /// How often it is looked who waits for whom.
    pub watch_every: Duration,
    /// How long one batch of a fill should take, unless the database says how much it bears.
    pub batch_time: Duration,
    /// How long a part of a fill stays with a process that gives no sign of life. Short, so that the
    /// same command goes on soon after a crash; a batch that is under way is waited for in any case.
    pub lease: Duration,
    /// The schemas in which names without one are looked for; none for those of the role.
    pub search_path: Option<Vec<String>>,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            lock_timeout: Duration::from_secs(2),
            statement_timeout: Duration::from_secs(30),
            long_statement_timeout: None,
            concurrent_wait: Duration::from_secs(30 * 60),
            idle_timeout: Duration::from_secs(60),
            retries: 10,
            backoff: Duration::from_secs(1),
            longest_backoff: Duration::from_secs(30),
            yield_after: Duration::from_secs(1),
            watch_every: Duration::from_millis(250),
            batch_time: Duration::from_millis(100),
            lease: Duration::from_secs(3),
            search_path: None,
        }
    }
}

/// Who is told while something waits, and asked whether to go on. `()` is told nothing and never
/// stops.
pub trait Observer {
    /// Something is waited for, or somebody waits for us, or an attempt failed and another one
    /// follows. Comes again and again while it is so.
    fn waiting(&mut self, at: &Waiting);

    /// A fill rests, because the database has enough to do. Comes again and again while it is so.
    fn paced(&mut self, _reason: &str) {}

    /// What was asked for is done, and former values that nobody needs could not be removed. They
    /// stay until an effect that comes later removes them; that nobody waits for.
    fn not_tidied(&mut self, error: &ChangeError);

    /// Whether to stop. What is under way is cancelled then.
    fn stop(&mut self) -> bool {
        false
    }
}

impl<T: Observer + ?Sized> Observer for &mut T {
    fn waiting(&mut self, at: &Waiting) {
        (**self).waiting(at);
    }

    fn paced(&mut self, reason: &str) {
        (**self).paced(reason);
    }

    fn not_tidied(&mut self, error: &ChangeError) {
        (**self).not_tidied(error);
    }

    fn stop(&mut self) -> bool {
        (**self).stop()
    }
}

impl Observer for () {
    fn waiting(&mut self, _: &Waiting) {}

    fn not_tidied(&mut self, _: &ChangeError) {}
}

/// What is waited for at one moment, and who waits for us.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Waiting {
    /// The statement that is under way, on one line, cut to a printable length.
    pub statement: String,
    /// The attempt, from 1.
    pub attempt: u32,
    /// How many attempts there are at most.
    pub attempts: u32,
    /// How long ago the attempt began.
    pub since: Duration,
    /// The attempt has failed, and the next one comes after this pause; none while it runs.
    pub retry_in: Option<Duration>,
    /// Who is in our way.
    pub blocked_by: Vec<Peer>,
    /// Whom we hold up, directly or through others.
    pub holds_up: Vec<Peer>,
}

impl fmt::Display for Waiting {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            statement,
            attempt,
            attempts,
            ..
        } = self;
        match self.retry_in {
            Some(pause) => write!(
                f,
                "attempt {attempt} of {attempts} failed after {}, the next one in {}: {statement}",
                seconds(self.since),
                seconds(pause)
            )?,
            None => write!(
                f,
                "attempt {attempt} of {attempts}, for {}: {statement}",
                seconds(self.since)
            )?,
        }
        for peer in &self.blocked_by {
            write!(f, "; waits for {peer}")?;
        }
        for peer in &self.holds_up {
            write!(f, "; held up for {}: {peer}", seconds(peer.waits))?;
        }
        Ok(())
    }
}

/// How running a script ended, and what it cost.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ran {
    /// It had run before; nothing was done.
    pub already: bool,
    /// How long it took altogether.
    pub took: Duration,
    /// What it waited for, and who waited for it.
    pub waits: Waits,
    /// Invalid indexes on its tables that no statement of it accounts for.
    pub leftovers: Vec<String>,
}
