//! The ledger's events, folded into the world.

use switchback_model::{Action, Conclusion, EnvironmentName, Event, EventId, Record};

use crate::refusal::Misfit;
use crate::surface::Surface;
use crate::transition;
use crate::world::{Change, World};

/// An event that does not follow from those before it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("event {id} does not follow from the events before it in {environment}: {misfit}")]
pub struct Inconsistent {
    /// The event.
    pub id: EventId,
    /// Where.
    pub environment: EnvironmentName,
    /// Why.
    pub misfit: Misfit,
}

impl World {
    /// Takes in one event. Events are taken in in the ledger's order, each once.
    ///
    /// # Errors
    /// If the event has no meaning where the world stands.
    pub fn observe(&mut self, record: &Record) -> Result<(), Inconsistent> {
        match &record.event {
            Event::ReleaseRecorded { release } => {
                self.catalog
                    .releases
                    .entry(release.component.clone())
                    .or_default()
                    .insert(release.version.clone(), release.clone());
            }
            Event::ChangeOpened {
                change,
                title,
                kind,
                code,
                retention,
                definition,
            } => {
                let opened = Change {
                    title: title.clone(),
                    kind: *kind,
                    code: code.clone(),
                    retention: *retention,
                    definition: Some(*definition),
                    opened: record.at,
                };
                for environment in self.environments.values_mut() {
                    let surface = Surface::initial(*kind);
                    environment
                        .surfaces
                        .entry(change.clone())
                        .or_insert(surface);
                }
                self.catalog.changes.insert(change.clone(), opened);
                for environment in self.environments.values_mut() {
                    transition::expose(&self.catalog, environment);
                }
            }
            Event::Intended {
                environment,
                action,
                ..
            } => {
                self.begin(record, environment, action)?;
            }
            Event::Concluded {
                environment,
                action,
                conclusion,
                ..
            } => {
                let done = matches!(conclusion, Conclusion::Done { .. });
                self.settle(record, environment, action, done);
            }
            Event::Observed {
                environment,
                action,
            } => {
                self.begin(record, environment, action)?;
                self.settle(record, environment, action, true);
            }
            Event::Planned { .. }
            | Event::Refused { .. }
            | Event::Rehearsed { .. }
            | Event::UsesCounted { .. }
            | Event::BackfillBegun { .. }
            | Event::BackfillEnded { .. }
            | Event::BackfillVerified { .. }
            | Event::BackfillExpired { .. }
            | Event::ReleaseTagged { .. }
            | Event::Accepted { .. } => {}
        }
        Ok(())
    }

    fn begin(
        &mut self,
        record: &Record,
        environment: &EnvironmentName,
        action: &Action,
    ) -> Result<(), Inconsistent> {
        let there = self.environments.entry(environment.clone()).or_default();
        *there = there.as_of(record.at);
        transition::begin(&self.catalog, there, action).map_err(|misfit| Inconsistent {
            id: record.id.clone(),
            environment: environment.clone(),
            misfit,
        })
    }

    fn settle(
        &mut self,
        record: &Record,
        environment: &EnvironmentName,
        action: &Action,
        done: bool,
    ) {
        let there = self.environments.entry(environment.clone()).or_default();
        transition::settle(&self.catalog, there, action, done, record.at);
    }
}
