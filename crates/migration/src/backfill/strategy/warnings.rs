//! What will make a backfill slower or larger than it could be, and what helps.

use super::super::estimate::{beside, estimate};
use super::super::facts::{Horizon, OLD_SNAPSHOT, Strategy, TableFacts};
use super::super::job::Job;
use super::super::steady::unsteady;
use super::{PLACES, copy, percent, size, stride_column};
use crate::engine::Engine;
use crate::words::{bytes, grouped, listed};

/// Everything worth saying, what weighs most first.
pub(super) fn of(facts: &TableFacts, job: &Job, strategy: Strategy) -> Vec<String> {
    let mut said = Vec::new();
    if let Some(program) = &job.text.program {
        said.push(format!(
            "What rows get is said by a program, `{}`, which was not run for this: how much rows grow \
             by it is not known, nor how long it takes. A row is given to it outside of any \
             transaction, perhaps more than once.",
            program.command.join(" ")
        ));
    }
    if facts.engine != Engine::Postgres {
        writers(facts, &mut said);
        return said;
    }
    if let Some(why) = &facts.sample_failed {
        said.push(format!(
            "Some rows were looked at beforehand, and that failed: {why}. The backfill would fail \
             on such a row too."
        ));
    }
    chosen(facts, strategy, &mut said);
    held(facts, strategy, &mut said);
    room(facts, job, strategy, &mut said);
    targets(facts, strategy, &mut said);
    copied(facts, job, strategy, &mut said);
    others(facts, &mut said);
    again(facts, job, &mut said);
    unknown(facts, &mut said);
    said
}

/// `An idle session of app (pid 12) with a snapshot from 3 minutes ago`.
pub(super) fn holder(horizon: &Horizon) -> String {
    let since = match horizon.age {
        Some(age) => format!("with a snapshot from {} ago", length(age.as_secs())),
        None => format!(
            "with a snapshot from {} transactions ago",
            grouped(horizon.transactions)
        ),
    };
    format!("{} {since}", horizon.holder)
}

fn length(seconds: u64) -> String {
    match seconds {
        0..120 => format!("{seconds} s"),
        120..7200 => format!("{} minutes", seconds / 60),
        7200..172_800 => format!("{} hours", seconds / 3600),
        _ => format!("{} days", seconds / 86_400),
    }
}

/// What speaks against a strategy that somebody asked for.
fn chosen(facts: &TableFacts, strategy: Strategy, said: &mut Vec<String>) {
    match strategy {
        Strategy::Strided { .. } if !facts.indexes_on_written.is_empty() => said.push(
            "Passes gain nothing where an index has a written column, and read each page several \
             times."
                .to_owned(),
        ),
        Strategy::KeyRange if facts.version >= PLACES && facts.bytes > 0 => said.push(
            "By the key, rows that lie side by side may be visited far apart, so that pages are \
             read and logged more than once."
                .to_owned(),
        ),
        _ => {}
    }
}

fn held(facts: &TableFacts, strategy: Strategy, said: &mut Vec<String>) {
    let Some(horizon) = facts
        .horizon
        .as_ref()
        .filter(|_| strategy != Strategy::ShadowCopy)
    else {
        return;
    };
    if facts.is_held() {
        said.push(format!(
            "{} keeps every old version of a row, so the table grows by the size of all that is \
             changed; end it first, and the walk turns to passes if those pay.",
            holder(horizon)
        ));
    } else if horizon.age.is_none() && matches!(strategy, Strategy::Strided { .. }) {
        said.push(format!(
            "{} may keep old versions of rows for some seconds, which takes from what passes gain.",
            holder(horizon)
        ));
    }
}

fn room(facts: &TableFacts, job: &Job, strategy: Strategy, said: &mut Vec<String>) {
    let Some(cost) = estimate(facts, job, strategy) else {
        return;
    };
    let disk = cost.heap_growth + cost.index_growth + cost.undo;
    if let Some(free) = facts.free_bytes
        && disk.saturating_add(disk / 2) > free
    {
        said.push(format!(
            "It may take about {} of disk, and {} are free: make room first.",
            bytes(disk),
            bytes(free)
        ));
    }
    // In a copy no row leaves an older version of itself behind.
    if strategy == Strategy::ShadowCopy {
        return;
    }
    let large = cost.heap_growth > 64 << 20;
    let (apart, growth) = (facts.apart(), facts.growth());
    if large && cost.beside < 0.8 && facts.indexes_on_written.is_empty() && !facts.is_held() {
        let passes = match strategy {
            Strategy::Strided { passes } => passes,
            _ => 1,
        };
        let better = [90, 80, 70]
            .into_iter()
            .filter(|it| *it < facts.fillfactor)
            .map(|it| (it, beside(passes, it, apart, growth, true)))
            .find(|(_, part)| *part >= 0.9);
        if let Some((fillfactor, part)) = better {
            said.push(format!(
                "Had pages been filled to {fillfactor} %, {} of the new versions would find room \
                 beside the old ones; `ALTER TABLE {} SET (fillfactor = {fillfactor})` does that \
                 for pages that are written from then on.",
                percent(part),
                facts.table
            ));
        }
    }
    if !facts.autovacuum {
        said.push(
            "Autovacuum is off for this table, so nobody makes room of what old versions leave \
             behind: vacuum it afterwards."
                .to_owned(),
        );
    }
}

/// What a copy is, or would be.
fn copied(facts: &TableFacts, job: &Job, strategy: Strategy, said: &mut Vec<String>) {
    let takes = copy::takes(facts, job).map_or_else(|| "an unknown part".to_owned(), bytes);
    if strategy == Strategy::ShadowCopy {
        said.push(format!(
            "The copy takes about {takes} of disk until it takes the table's place; every write of \
             an application also writes down its key meanwhile, and in the end everybody waits for \
             a moment."
        ));
        return;
    }
    if !copy::would_help(facts) {
        return;
    }
    let against = copy::against(facts, job);
    let then = match (against.as_slice(), facts.free_bytes) {
        ([], None) => format!(
            "`switchback backfill run {} --strategy shadow-copy` does that; it takes about {takes} \
             of disk meanwhile, and how much is free is not known here.",
            job.id
        ),
        ([], Some(free)) => format!(
            "It would take about {takes} of disk meanwhile, and {} are free.",
            bytes(free)
        ),
        (why, _) => format!("None can be used here: {}.", why.join("; ")),
    };
    said.push(format!(
        "With {} and {} indexes a copy of the table that then takes its place would be less work \
         than to change it where it is. {then}",
        size(facts),
        facts.indexes
    ));
}

fn targets(facts: &TableFacts, strategy: Strategy, said: &mut Vec<String>) {
    if let [_, ..] = facts.indexes_on_written.as_slice()
        && strategy != Strategy::ShadowCopy
    {
        said.push(format!(
            "Without {} it would be about half the work: build it after the backfill where it is \
             not needed before.",
            listed(&facts.indexes_on_written)
        ));
    }
    if matches!(strategy, Strategy::Strided { .. })
        && facts.key.len() > 1
        && let Some(column) = stride_column(facts)
        && column.distinct.is_none()
    {
        said.push(format!(
            "Nobody has counted how many values {} has; where they are few, passes gain little: \
             run ANALYZE {}.",
            column.name, facts.table
        ));
    }
}

/// Who else has work with every row.
fn others(facts: &TableFacts, said: &mut Vec<String>) {
    if !facts.triggers.is_empty() {
        let (fire, one) = match facts.triggers.len() {
            1 => ("fires", "trigger"),
            _ => ("fire", "triggers"),
        };
        said.push(format!(
            "The {one} {} {fire} on every update, with all that is done there; what one of them \
             writes into an indexed column takes away what passes gain.",
            listed(&facts.triggers)
        ));
    }
    if !facts.foreign_keys.is_empty() {
        said.push(format!(
            "Every row is looked up for {}.",
            listed(&facts.foreign_keys)
        ));
    }
    if !facts.generated.is_empty() {
        said.push(format!(
            "{} {} computed again for every row.",
            listed(&facts.generated),
            match facts.generated.len() {
                1 => "is",
                _ => "are",
            }
        ));
    }
    if !facts.published.is_empty() {
        let whole = if facts.identity_full {
            ", with the whole former row because of REPLICA IDENTITY FULL"
        } else {
            ""
        };
        said.push(format!(
            "Every change is sent to the subscribers of {}{whole}; watch how far they are behind.",
            listed(&facts.published)
        ));
    } else if facts.identity_full {
        said.push(
            "REPLICA IDENTITY FULL writes the whole former row to the log where logical decoding \
             is on."
                .to_owned(),
        );
    }
    if facts.unlogged {
        said.push(
            "The table is UNLOGGED: after a crash of the server it is empty, what was filled with \
             it."
            .to_owned(),
        );
    }
}

fn again(facts: &TableFacts, job: &Job, said: &mut Vec<String>) {
    if let (Some(found), Some(_)) = (unsteady(job, facts.version / 10_000), &job.text.only) {
        let what = found.what.strip_prefix('w').unwrap_or(&found.what);
        said.push(format!(
            "W{what} is another value each time ({}): a row must be none of those that `only` names \
             once it is done, or the walk never ends.",
            found.function
        ));
    }
    if let Some(sample) = facts.sample.filter(|it| it.rows >= 100 && it.apart == 0) {
        said.push(format!(
            "None of {} rows that were looked at would be changed: look whether that is meant.",
            grouped(sample.rows)
        ));
    }
}

fn unknown(facts: &TableFacts, said: &mut Vec<String>) {
    if facts.rows.is_none() {
        said.push(format!(
            "Nobody has counted the rows: run ANALYZE {} for better figures.",
            facts.table
        ));
    }
    if facts.sessions_hidden {
        said.push(format!(
            "This role may not see what other roles' sessions do, so that a snapshot older than {} \
             would go unseen: `GRANT pg_read_all_stats` to it.",
            length(OLD_SNAPSHOT.as_secs())
        ));
    }
}

fn writers(facts: &TableFacts, said: &mut Vec<String>) {
    said.push(
        "SQLite has one writer at a time: an application's writes wait for each batch, which is \
         kept short."
            .to_owned(),
    );
    if !facts.indexes_on_written.is_empty() {
        said.push(format!(
            "{} has to be written too, row by row: build it after the backfill where it is not \
             needed before.",
            listed(&facts.indexes_on_written)
        ));
    }
    if !facts.triggers.is_empty() {
        said.push(format!(
            "Triggers fire for every row: {}.",
            listed(&facts.triggers)
        ));
    }
}
