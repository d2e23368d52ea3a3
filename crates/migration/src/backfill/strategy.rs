//! How rows are walked: chosen from what is known of their table, with reasons, and looked at again
//! while it runs.
//!
//! What decides on PostgreSQL is whether the new version of a row can be put on the same page as
//! the old one. Then no index has to know of it, which is half of the work and of the log.
//!
//! Deliberately absent: what is said about it besides, which is in `warnings`.

mod copy;
mod warnings;
mod watch;

pub use watch::{Marks, Misfit, Turn, still_fits};

use super::estimate::beside;
use super::facts::{Choice, KeyColumn, Strategy, TableFacts};
use super::job::Job;
use super::steady::unsteady;
use crate::engine::Engine;
use crate::words::{bytes, grouped, listed};

/// The first version that reads a range of places on disk without reading the whole table.
const PLACES: u32 = 140_000;

/// Numbers of passes that are considered. Beyond them a page is read more often than it gains.
const PASSES: [u32; 4] = [2, 4, 8, 16];

/// A further doubling of passes must put so much more of the new versions beside the old ones.
const WORTH_MORE: f64 = 0.04;

/// Passes must put so much more of the new versions beside the old ones than a single pass does.
const WORTH_PASSES: f64 = 0.1;

/// Why the rows of a table cannot be walked, or not as it was asked.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Refusal {
    /// Former values are to be kept, and nothing tells one row from another.
    #[error(
        "former values are to be kept, and {table} has neither a primary key nor a unique index \
         over columns that are NOT NULL, apart from the columns that are written"
    )]
    NoKeyForUndo {
        /// The table.
        table: String,
    },
    /// A program says what rows get, and nothing tells one row from another.
    #[error(
        "what a program says of a row is written where the row is found again, and {table} has neither \
         a primary key nor a unique index over columns that are NOT NULL"
    )]
    NoKeyForProgram {
        /// The table.
        table: String,
    },
    /// A written column decides to which partition a row belongs.
    #[error("rows of {table} would move to other partitions while they are walked")]
    MovesPartition {
        /// The table.
        table: String,
    },
    /// Updates are published, and nothing names the row to subscribers.
    #[error(
        "updates of {table} are published ({}), and it has no replica identity, so that PostgreSQL \
         refuses them", publications.join(", ")
    )]
    NoReplicaIdentity {
        /// The table.
        table: String,
        /// The publications.
        publications: Vec<String>,
    },
    /// What a row gets is another value each time.
    #[error(
        "{what} is another value each time ({function}), so that rows that are done would differ \
         again and the walk would never end"
    )]
    NeverDone {
        /// What is, to stand before a verb.
        what: String,
        /// The function that is to blame.
        function: String,
    },
    /// The strategy that was asked for does not go together with the table or its server.
    #[error("the strategy {} cannot be used: {reason}", strategy.word())]
    Unfit {
        /// What was asked for.
        strategy: Strategy,
        /// Why not.
        reason: String,
    },
}

/// Chooses how the rows of a table are walked. With `wanted` that one is taken where it can be.
///
/// # Errors
/// If the rows cannot be walked at all, or not as wanted.
pub fn choose(facts: &TableFacts, job: &Job, wanted: Option<Strategy>) -> Result<Choice, Refusal> {
    admit(facts, job)?;
    let (best, mut reasons) = best(facts, job);
    let strategy = match wanted {
        Some(wanted) => {
            fit(facts, job, wanted)?;
            reasons = asked_for(wanted, best, reasons);
            wanted
        }
        None => best,
    };
    Ok(Choice {
        strategy,
        reasons,
        warnings: warnings::of(facts, job, strategy),
    })
}

/// The column of the key by whose remainder rows are taken in passes: of those that are whole
/// numbers the one with the most different values; none where there is none that divides them.
pub fn stride_column(facts: &TableFacts) -> Option<&KeyColumn> {
    let integers = facts.key.iter().filter(|it| it.integer);
    if let [only] = facts.key.as_slice() {
        return Some(only).filter(|it| it.integer);
    }
    let divides = |it: &&KeyColumn| it.distinct.is_none_or(|distinct| distinct >= 100.0);
    // The last one where nobody has counted: the first of a key often is the same for many rows.
    let count = |it: &KeyColumn| it.distinct.unwrap_or(f64::MAX);
    integers
        .filter(divides)
        .max_by(|a, b| count(a).total_cmp(&count(b)))
}

fn admit(facts: &TableFacts, job: &Job) -> Result<(), Refusal> {
    let table = || facts.table.clone();
    if facts.moves_partition {
        return Err(Refusal::MovesPartition { table: table() });
    }
    if job.text.program.is_some() && facts.key.is_empty() {
        return Err(Refusal::NoKeyForProgram { table: table() });
    }
    if job.text.keep_undo && facts.key.is_empty() {
        return Err(Refusal::NoKeyForUndo { table: table() });
    }
    if facts.identity_missing && !facts.published.is_empty() {
        return Err(Refusal::NoReplicaIdentity {
            table: table(),
            publications: facts.published.clone(),
        });
    }
    let major = match facts.engine {
        Engine::Postgres => facts.version / 10_000,
        _ => return Ok(()),
    };
    // With a condition a row that is done may be none of those any more.
    match unsteady(job, major) {
        Some(found) if job.text.only.is_none() => Err(Refusal::NeverDone {
            what: found.what,
            function: found.function,
        }),
        _ => Ok(()),
    }
}

/// Fails unless the rows can be walked so.
fn fit(facts: &TableFacts, job: &Job, wanted: Strategy) -> Result<(), Refusal> {
    let refuse = |reason: String| {
        Err(Refusal::Unfit {
            strategy: wanted,
            reason,
        })
    };
    if facts.engine != Engine::Postgres && wanted != Strategy::KeyRange {
        return refuse(format!(
            "{} has no places on disk that a query can name",
            facts.engine
        ));
    }
    match wanted {
        Strategy::Strided { .. } if facts.version < PLACES => refuse(format!(
            "PostgreSQL {} reads the whole table to find a range of places; 14 is the first that \
             does not",
            facts.version / 10_000
        )),
        Strategy::Strided { passes: ..2 } => refuse("it takes at least 2 passes".to_owned()),
        Strategy::Strided { .. } if stride_column(facts).is_none() => refuse(
            "no column of the key is a whole number by whose remainder rows could be divided"
                .to_owned(),
        ),
        Strategy::KeyRange if facts.key.is_empty() => {
            refuse("there is no key by which rows could be walked".to_owned())
        }
        Strategy::ShadowCopy => match copy::against(facts, job).as_slice() {
            [] => Ok(()),
            why => refuse(why.join("; ")),
        },
        _ => Ok(()),
    }
}

fn asked_for(wanted: Strategy, best: Strategy, reasons: Vec<String>) -> Vec<String> {
    let mut told = vec!["It was asked for.".to_owned()];
    if wanted.word() != best.word() {
        told.push(format!("Without that it would be {}:", best.word()));
    }
    told.extend(reasons);
    told
}

/// The best strategy with its reasons.
fn best(facts: &TableFacts, job: &Job) -> (Strategy, Vec<String>) {
    let mut reasons = Vec::new();
    if facts.engine != Engine::Postgres {
        let by = names(&facts.key);
        reasons.push(format!(
            "{} stores rows in the order of their {by}, which is how they are walked.",
            facts.engine
        ));
        return (Strategy::KeyRange, reasons);
    }
    if let Some(reasons) = copy::reasons(facts, job) {
        return (Strategy::ShadowCopy, reasons);
    }
    if facts.version < PLACES {
        return before_places(facts, reasons);
    }
    if !facts.indexes_on_written.is_empty() {
        let (has, one) = match facts.indexes_on_written.len() {
            1 => ("has", "the index"),
            _ => ("have", "the indexes"),
        };
        reasons.push(format!(
            "{one} {} {has} a written column, so every new version of a row needs new entries in \
             all {} indexes wherever it is put; passes would gain nothing.",
            listed(&facts.indexes_on_written),
            facts.indexes
        ));
        reasons.push(BY_PLACE.to_owned());
        return (Strategy::Plain, capital(reasons));
    }
    let Some(column) = stride_column(facts) else {
        reasons.push(match facts.key.as_slice() {
            [] => "No key names a row, so rows cannot be divided into passes.".to_owned(),
            key => format!(
                "No column of the key ({}) is a whole number by whose remainder rows could be \
                 divided into passes.",
                names(key)
            ),
        });
        reasons.push(BY_PLACE.to_owned());
        return (Strategy::Plain, reasons);
    };
    if let Some(horizon) = facts.horizon.as_ref().filter(|it| it.is_old()) {
        reasons.push(format!(
            "{} keeps old versions of rows, so what a pass leaves behind is no room for the next \
             one.",
            warnings::holder(horizon)
        ));
        reasons.push(BY_PLACE.to_owned());
        return (Strategy::Plain, reasons);
    }
    by_passes(facts, column, reasons)
}

const BY_PLACE: &str = "Rows are walked by their place on disk, which reads each page once and \
                        needs no index.";

fn before_places(facts: &TableFacts, mut reasons: Vec<String>) -> (Strategy, Vec<String>) {
    let major = facts.version / 10_000;
    if facts.key.is_empty() {
        reasons.push(format!(
            "No key names a row, and PostgreSQL {major} knows no ranges of places on disk, so every \
             place of a page is looked up one by one."
        ));
        return (Strategy::Plain, reasons);
    }
    reasons.push(format!(
        "PostgreSQL {major} reads the whole table to find a range of places on disk; 14 is the \
         first that does not."
    ));
    reasons.push(format!(
        "Rows are walked by their key ({}).",
        names(&facts.key)
    ));
    (Strategy::KeyRange, reasons)
}

/// In as many passes as pay.
fn by_passes(
    facts: &TableFacts,
    column: &KeyColumn,
    mut reasons: Vec<String>,
) -> (Strategy, Vec<String>) {
    let (apart, growth) = (facts.apart(), facts.growth());
    let once = beside(1, facts.fillfactor, apart, growth, true);
    let (passes, then) = passes(facts);
    // A page with fewer rows to change than passes has nothing to divide.
    let page = f64::from(facts.page_bytes) * facts.full();
    let on_page = facts.row_bytes().map(|row| page / row * apart);
    if on_page.is_some_and(|rows| rows < 2.0) {
        reasons.push(format!(
            "About {:.1} rows of a page are to be changed, too few to divide them into passes.",
            on_page.unwrap_or_default()
        ));
        reasons.push(BY_PLACE.to_owned());
        return (Strategy::Plain, reasons);
    }
    if then - once < WORTH_PASSES {
        reasons.push(format!(
            "Pages are filled to {} %, which leaves room for {} of the new versions beside the old \
             ones; {passes} passes would raise that to {} only.",
            facts.fillfactor,
            percent(once),
            percent(then)
        ));
        reasons.push(BY_PLACE.to_owned());
        return (Strategy::Plain, reasons);
    }
    let indexes = match facts.indexes {
        0 => "no index has a written column".to_owned(),
        1 => "its one index has no written column".to_owned(),
        many => format!("none of its {many} indexes has a written column"),
    };
    reasons.push(format!(
        "New versions can stay beside the old ones, unknown to any index: {indexes}."
    ));
    let grows = match facts.sample.filter(|it| it.apart > 0) {
        Some(_) => format!("rows grow by about {}", percent(growth)),
        None => format!("rows are taken to grow by {}", percent(growth)),
    };
    reasons.push(format!(
        "Pages are filled to {} % and {grows}: in one pass about {} of the new versions would find \
         room there, in {passes} passes by the remainder of {} about {}.",
        facts.fillfactor,
        percent(once),
        column.name,
        percent(then)
    ));
    if facts.leaves > 1 {
        reasons.push(format!(
            "Each of the {} partitions is walked by itself.",
            grouped(u64::from(facts.leaves))
        ));
    }
    (Strategy::Strided { passes }, reasons)
}

/// How many passes pay, and which part of the new versions then finds room.
fn passes(facts: &TableFacts) -> (u32, f64) {
    let part = |passes| {
        beside(
            passes,
            facts.fillfactor,
            facts.apart(),
            facts.growth(),
            true,
        )
    };
    let [mut chosen, ..] = PASSES;
    for more in PASSES {
        if part(more) - part(chosen) >= WORTH_MORE {
            chosen = more;
        }
    }
    (chosen, part(chosen))
}

fn names(key: &[KeyColumn]) -> String {
    let names: Vec<&str> = key.iter().map(|it| it.name.as_str()).collect();
    names.join(", ")
}

/// The sentences, each with a capital.
fn capital(mut sentences: Vec<String>) -> Vec<String> {
    for sentence in &mut sentences {
        if let Some(first) = sentence.get_mut(..1) {
            first.make_ascii_uppercase();
        }
    }
    sentences
}

fn percent(part: f64) -> String {
    format!("{:.0} %", part * 100.0)
}

/// How large a table is, for people.
fn size(facts: &TableFacts) -> String {
    bytes(facts.bytes + facts.toast_bytes + facts.index_bytes)
}

#[cfg(test)]
mod tests;
