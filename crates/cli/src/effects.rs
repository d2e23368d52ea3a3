//! Effects, done by the adapters that know how: the database of an environment, its values file.

mod engine;
pub(crate) mod estimate;

use std::cell::RefCell;
use std::time::{Duration as StdDuration, Instant};

use switchback_db::postgres::PgError;
use switchback_db::postgres::change::ChangeError;
use switchback_db::sqlite::DbError;
use switchback_migration::drive::{Performed, Probed};
use switchback_model::plan::MoveValue;
use switchback_model::{ComponentName, Digest, Duration, Effect, EventId};
use switchback_supply::git::{Repository, Trailer};
use switchback_supply::gitops::{Move, ValuesFile};

use crate::apply;
use crate::book::Book;
use crate::context::Context;
use crate::errors::{self, Failure};
use crate::progress::Progress;
use crate::settings::types::{Environment, Values};

use engine::Doing;
pub(crate) use engine::{EnvironmentDatabase, Refusal, check_engine, engine};

/// The trailer with the ledger's head at the moment of a commit: an outside witness.
pub(crate) const CHECKPOINT_TRAILER: &str = "Ledger-Checkpoint";
/// The trailer with the id of the event that records the release.
pub(crate) const RELEASE_TRAILER: &str = "Release-Record";

/// The values file of an environment, and where in it versions stand.
pub(crate) struct ValuesPlace<'a> {
    /// The file.
    pub(crate) file: ValuesFile,
    settings: &'a Values,
}

impl ValuesPlace<'_> {
    /// The keys that lead to a component's version.
    pub(crate) fn key(&self, component: &ComponentName) -> Vec<String> {
        self.settings.keys(component)
    }
}

/// The values file of an environment.
pub(crate) fn values<'a>(
    context: &Context<'_>,
    environment: &'a Environment,
) -> Result<ValuesPlace<'a>, Failure> {
    let settings = environment
        .values
        .as_ref()
        .ok_or_else(|| errors::not_set(&environment.name, "values"))?;
    let repository = Repository::open(&context.path(&settings.repository))?;
    let file = ValuesFile::new(repository, settings.branch.clone(), settings.file.clone());
    Ok(ValuesPlace { file, settings })
}

/// Does effects in one environment, and asks whether they were done.
pub(crate) struct Effects<'a> {
    context: &'a Context<'a>,
    environment: &'a Environment,
    /// The whole error of the effect that failed last.
    failure: RefCell<Option<Failure>>,
}

impl<'a> Effects<'a> {
    /// For one environment.
    pub(crate) const fn new(context: &'a Context<'a>, environment: &'a Environment) -> Self {
        Self {
            context,
            environment,
            failure: RefCell::new(None),
        }
    }

    /// The whole error of the effect that failed last.
    pub(crate) fn take_failure(&self) -> Option<Failure> {
        self.failure.take()
    }

    fn database(&self) -> Result<EnvironmentDatabase, Failure> {
        EnvironmentDatabase::open(self.context, self.environment)
    }

    /// Asks the world whether an effect was done.
    pub(crate) fn probe(&self, effect: &Effect, intent: &EventId) -> Result<Probed, Failure> {
        match effect {
            Effect::Script(_) | Effect::Fill(_) | Effect::Unfill(_) => {
                self.database()?.probe(effect)
            }
            Effect::MoveValue(wanted) => {
                let place = values(self.context, self.environment)?;
                if place.file.probe_intent(intent)?.is_some() {
                    return Ok(Probed::Done);
                }
                let found = place.file.read(&wanted.key)?.value;
                Ok(if found == wanted.from {
                    Probed::NotDone
                } else {
                    let found = found.unwrap_or_else(|| "nothing".to_owned());
                    let reason = format!(
                        "{} says {found}, which is neither what it said before nor was it moved \
                         there by this plan",
                        wanted.file
                    );
                    Probed::Unknown { reason }
                })
            }
        }
    }

    /// Asks the world whether an effect was done and, if it was not, gives its intent up: whoever is
    /// still at it, slow but alive, does nothing from then on.
    pub(crate) fn settle(
        &self,
        effect: &Effect,
        intent: &EventId,
        even_in_part: bool,
    ) -> Result<Probed, Failure> {
        match effect {
            Effect::Script(_) | Effect::Fill(_) | Effect::Unfill(_) => {
                self.database()?.revoke(intent, effect, even_in_part)
            }
            Effect::MoveValue(_) => {
                if values(self.context, self.environment)?
                    .file
                    .revoke(intent)?
                {
                    return Ok(Probed::Done);
                }
                self.probe(effect, intent)
            }
        }
    }

    /// Does an effect. An error of the effect itself is part of the answer: the world is asked
    /// what is left of it.
    pub(crate) fn perform(
        &self,
        book: &Book,
        effect: &Effect,
        plan: &Digest,
        intent: &EventId,
        progress: &Progress<'_>,
    ) -> Result<Performed, Failure> {
        let begun = Instant::now();
        match self.attempt(book, effect, plan, intent, progress) {
            Ok(Some(detail)) => {
                let took = Some(milliseconds(begun.elapsed()));
                Ok(Performed::Done {
                    took,
                    detail: Some(detail),
                })
            }
            Ok(None) => Ok(Performed::Paused),
            Err(failure) => {
                let performed = apply::failed(&failure);
                self.failure.replace(Some(failure));
                Ok(performed)
            }
        }
    }

    /// What was measured, in one line; `None` if it was asked to pause.
    fn attempt(
        &self,
        book: &Book,
        effect: &Effect,
        plan: &Digest,
        intent: &EventId,
        progress: &Progress<'_>,
    ) -> Result<Option<String>, Failure> {
        match effect {
            Effect::Script(_) | Effect::Fill(_) | Effect::Unfill(_) => {
                let doing = Doing {
                    plan,
                    intent,
                    now: self.context.shell.clock.now(),
                    progress,
                };
                self.database()?.perform(effect, &doing)
            }
            Effect::MoveValue(wanted) => self.move_value(book, wanted, intent).map(Some),
        }
    }

    fn move_value(
        &self,
        book: &Book,
        wanted: &MoveValue,
        intent: &EventId,
    ) -> Result<String, Failure> {
        if wanted.from.as_ref() == Some(&wanted.to) {
            // Somebody put it back by hand before we were asked to.
            return Ok(format!("{} says so already", wanted.file));
        }
        let place = values(self.context, self.environment)?;
        let mut trailers = vec![Trailer::new(CHECKPOINT_TRAILER, book.checkpoint_line()?)?];
        if let Some(record) = book.release_record(&wanted.component, &wanted.to) {
            trailers.push(Trailer::new(RELEASE_TRAILER, record.as_str())?);
        }
        let done = place.file.move_value(&Move {
            key: &wanted.key,
            from: wanted.from.as_deref(),
            to: &wanted.to,
            subject: &wanted.subject,
            intent,
            trailers: &trailers,
            at: None,
        })?;
        Ok(format!(
            "commit {} on {}",
            done.commit.short(),
            place.file.branch()
        ))
    }
}

fn milliseconds(length: StdDuration) -> Duration {
    Duration::from_millis(u64::try_from(length.as_millis()).unwrap_or(u64::MAX))
}

impl From<DbError> for Failure {
    fn from(error: DbError) -> Self {
        errors::database(&error)
    }
}

impl From<ChangeError> for Failure {
    fn from(error: ChangeError) -> Self {
        errors::on_server(&error)
    }
}

impl From<PgError> for Failure {
    fn from(error: PgError) -> Self {
        errors::postgres(&error)
    }
}
