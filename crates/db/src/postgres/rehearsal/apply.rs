//! Who does the steps: the engine that does them for real.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use switchback_model::{Effect, Timestamp};

use crate::fill::Next;
use crate::postgres::change::{ChangeError, Options, PostgresDatabase, Progress};
use crate::text::with_sources;

/// What marks say of the plan that a step is part of.
const PLAN: &str = "rehearsal";

#[derive(Debug)]
pub(super) struct Hands(PostgresDatabase);

/// As for real, but for pauses between attempts: nobody else needs them here.
fn options() -> Options {
    Options {
        backoff: Duration::from_millis(50),
        longest_backoff: Duration::from_secs(2),
        // The pauses are shorter than beside real traffic, so there are more of them: whoever is held
        // up by something else for some seconds is waited for here too.
        retries: 25,
        watch_every: Duration::from_millis(50),
        ..Options::default()
    }
}

impl Hands {
    pub(super) fn open(url: &str) -> Result<Self, ChangeError> {
        Ok(Self(PostgresDatabase::connect(url, options(), 1)?))
    }

    /// Does one effect.
    pub(super) fn apply(&mut self, effect: &Effect) -> Result<(), String> {
        self.perform(effect).map_err(|error| with_sources(&error))
    }

    fn perform(&mut self, effect: &Effect) -> Result<(), ChangeError> {
        let mut go_on = |_: &Progress| Next::Continue;
        match effect {
            Effect::Script(script) => self.0.run_script(script, PLAN, now(), &mut ()).map(drop),
            Effect::Fill(fill) => self.0.fill(fill, &mut (), &mut go_on).map(drop),
            Effect::Unfill(fill) => self.0.unfill(fill, &mut (), &mut go_on).map(drop),
            Effect::MoveValue(_) => Err(ChangeError::OtherEffect),
        }
    }
}

/// The moment, for the mark.
fn now() -> Timestamp {
    let since = SystemTime::now().duration_since(UNIX_EPOCH);
    let millis = since.map_or(0, |it| i64::try_from(it.as_millis()).unwrap_or(i64::MAX));
    Timestamp::from_millis(millis)
}
