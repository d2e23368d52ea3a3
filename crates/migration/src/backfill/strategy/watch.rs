//! Whether a strategy still fits while a job runs.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::super::facts::{Strategy, TableFacts};
use super::warnings::holder;
use crate::words::listed;

/// What a running job must watch of its table. It is kept with the job.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Marks {
    /// The files in which the rows lie, by the full name of the table that stores them.
    pub files: BTreeMap<String, u64>,
    /// The columns of the key.
    pub key: Vec<String>,
    /// The indexes that have a written column.
    pub indexes_on_written: Vec<String>,
    /// Who keeps old versions of rows for too long, for people; none if nobody does.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub held_by: Option<String>,
}

/// A condition under which a strategy was chosen, and that holds no more.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Misfit {
    /// What happened, a sentence.
    pub reason: String,
    /// What to do about it.
    pub turn: Turn,
}

/// What to do when a strategy does not fit any more.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Turn {
    /// Places that were noted mean nothing any more: the walk begins anew, in the same way.
    Anew,
    /// The same ranges are walked on, in one pass over each.
    Plain,
    /// Everything is chosen again, and the walk begins anew.
    ChooseAgain,
}

impl Marks {
    /// The marks of a table.
    pub fn of(facts: &TableFacts) -> Self {
        let held = facts.horizon.as_ref().filter(|it| it.is_old());
        Self {
            files: facts.files.clone(),
            key: facts.key.iter().map(|it| it.name.clone()).collect(),
            indexes_on_written: facts.indexes_on_written.clone(),
            held_by: held.map(holder),
        }
    }
}

/// Whether a strategy that was chosen `then` does not fit `now`, and why. What weighs most comes
/// first: after the turn it is asked again.
///
/// Partitions that came or went are no misfit: what is in a new one is found by the next walk.
pub fn still_fits(strategy: Strategy, then: &Marks, now: &Marks) -> Option<Misfit> {
    let by_place = matches!(strategy, Strategy::Strided { .. } | Strategy::Plain);
    // Former values are kept by the key too, whatever the strategy is.
    if then.key != now.key && !then.key.is_empty() {
        let reason = match now.key.as_slice() {
            [] => format!("The key ({}) is gone.", then.key.join(", ")),
            key => format!(
                "The key was ({}) and is ({}).",
                then.key.join(", "),
                key.join(", ")
            ),
        };
        return Some(Misfit {
            reason,
            turn: Turn::ChooseAgain,
        });
    }
    if by_place {
        let moved: Vec<String> = then
            .files
            .iter()
            .filter(|(table, file)| now.files.get(*table).is_some_and(|now| now != *file))
            .map(|(table, _)| table.clone())
            .collect();
        if !moved.is_empty() {
            let reason = format!(
                "{} was written anew (VACUUM FULL, CLUSTER, TRUNCATE or the like), so that every \
                 row lies somewhere else.",
                listed(&moved)
            );
            return Some(Misfit {
                reason,
                turn: Turn::Anew,
            });
        }
    }
    if matches!(strategy, Strategy::Strided { .. }) {
        let new: Vec<String> = now
            .indexes_on_written
            .iter()
            .filter(|it| !then.indexes_on_written.contains(it))
            .cloned()
            .collect();
        if !new.is_empty() {
            let reason = format!(
                "There is an index on a written column now ({}): passes gain nothing any more.",
                new.join(", ")
            );
            return Some(Misfit {
                reason,
                turn: Turn::Plain,
            });
        }
        if let (None, Some(who)) = (&then.held_by, &now.held_by) {
            return Some(Misfit {
                reason: format!("{who} keeps old versions of rows: passes gain nothing meanwhile."),
                turn: Turn::Plain,
            });
        }
    }
    None
}
