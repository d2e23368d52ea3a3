//! When a copy of the table that then takes its place is less work than to change rows where they
//! are.

use super::super::estimate::estimate;
use super::super::facts::{Strategy, TableFacts};
use super::super::job::{Job, Transform};
use super::{percent, size};
use crate::engine::Engine;
use crate::words::{bytes, listed};

/// From this size on, and with so many indexes, a copy of the table may be less work.
const LARGE: u64 = 10 << 30;
const MANY_INDEXES: u32 = 5;

/// So much more of the disk must be free than the copy is estimated to take.
const MARGIN: f64 = 1.5;

/// Why no copy of the table can take its place, each without an end.
pub(super) fn against(facts: &TableFacts, job: &Job) -> Vec<String> {
    let mut why = Vec::new();
    if facts.engine != Engine::Postgres {
        why.push(format!("{} has no such copies", facts.engine));
        return why;
    }
    if facts.key.is_empty() {
        why.push("there is no key by which its rows could be told".to_owned());
    }
    if !matches!(job.transform(), Transform::Set(_)) {
        why.push("only `[set]` says what a row gets while it is copied".to_owned());
    }
    why.extend(facts.not_copied.iter().cloned());
    why
}

/// Whether a copy of the table may be less work than to change it in its place.
pub(super) fn would_help(facts: &TableFacts) -> bool {
    facts.engine == Engine::Postgres
        && facts.apart() >= 0.5
        && (!facts.indexes_on_written.is_empty() || facts.indexes >= MANY_INDEXES)
        && facts.bytes + facts.index_bytes >= LARGE
}

/// How much of the disk a copy takes while the original is there.
pub(super) fn takes(facts: &TableFacts, job: &Job) -> Option<u64> {
    let cost = estimate(facts, job, Strategy::ShadowCopy)?;
    Some(cost.heap_growth + cost.index_growth + cost.undo)
}

/// Why a copy is chosen; none where it is not: it pays, nothing speaks against it, and the disk is
/// known to have room for it.
pub(super) fn reasons(facts: &TableFacts, job: &Job) -> Option<Vec<String>> {
    if !would_help(facts) || !against(facts, job).is_empty() {
        return None;
    }
    let (takes, free) = (takes(facts, job)?, facts.free_bytes?);
    if takes as f64 * MARGIN > free as f64 {
        return None;
    }
    let entries = match facts.indexes_on_written.as_slice() {
        [] => format!("up to {} indexes", facts.indexes),
        on => format!(
            "all {} indexes, as {} has a written column",
            facts.indexes,
            listed(on)
        ),
    };
    Some(vec![
        format!(
            "About {} of the rows change, and each new version would have to be entered into \
             {entries}; in a copy indexes are built once, from all rows.",
            percent(facts.apart())
        ),
        format!(
            "The table has {} with its indexes; the copy takes about {} until it takes the table's \
             place, and {} are free.",
            size(facts),
            bytes(takes),
            bytes(free)
        ),
    ])
}
