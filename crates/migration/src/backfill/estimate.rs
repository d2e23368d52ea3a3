//! What a backfill will cost, from what is known of its table. None of it is a promise.

use std::time::Duration;

use super::facts::{Strategy, TableFacts};
use super::job::Job;
use crate::engine::Engine;

/// What a backfill will cost, about.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Estimate {
    /// Rows that will be changed.
    pub rows: u64,
    /// Which part of the new versions is put beside the old ones, where no index has to know of
    /// them: 0.0 to 1.0.
    pub beside: f64,
    /// By how many bytes the rows' storage grows.
    pub heap_growth: u64,
    /// By how many bytes the indexes grow.
    pub index_growth: u64,
    /// How many bytes former values take.
    pub undo: u64,
    /// How many bytes are written to the log that replicas and archives get.
    pub wal: u64,
    /// From the shortest to the longest that it may take where the database has time for it.
    pub time: (Duration, Duration),
}

/// Rows a second where everything goes well, and where each row costs much.
const RATES: (f64, f64) = (60_000.0, 10_000.0);

/// What the log gets for a new version apart from its content, in bytes.
const WAL_A_ROW: f64 = 80.0;

/// What the log gets for a row that is inserted into a copy, apart from its content, in bytes.
const WAL_A_COPY: f64 = 40.0;

/// What the log gets for an index entry, pages in full included, in bytes. Measured on PostgreSQL
/// 15: a million rows with three indexes took 642 bytes a row where every new version was entered,
/// and 450 where four of ten were.
const WAL_AN_ENTRY: f64 = 107.0;

/// What is kept of each changed row: two bytes of its key where that is a whole number, as a
/// distance within its batch, and eight of what it got.
const UNDO_A_ROW: f64 = 10.0;

/// The same where the key is something else, for which it stands as text: a UUID has 36 letters.
const UNDO_A_TEXT_KEY: f64 = 8.0 + TEXT + 36.0;

/// What a text in an array takes apart from its content: its length, and room up to the next one.
const TEXT: f64 = 5.5;

/// Batches are stored in pieces, four on a page, which are found through an index.
const UNDO_IN_PIECES: f64 = 1.04;

/// What the log gets for a byte of them.
const UNDO_WAL: f64 = 1.1;

/// Which part of the new versions finds room beside the old ones, 0.0 to 1.0.
///
/// A page begins with what `fillfactor` left free. Each of `passes` passes takes its share of the
/// rows that change; what those leave behind is room for the next one, if nobody still needs the
/// old versions (`cleaned`). Measured on PostgreSQL 15 with rows that grew by a quarter, a page
/// grew by 125 % in one pass, 77 % in 2, 54 % in 4, 41 % in 8; this gives 125, 75, 50 and 38.
pub(super) fn beside(passes: u32, fillfactor: u32, apart: f64, growth: f64, cleaned: bool) -> f64 {
    let (passes, apart) = (passes.max(1), apart.clamp(0.0, 1.0));
    if apart <= 0.0 {
        return 0.0;
    }
    let full = f64::from(fillfactor.clamp(10, 100)) / 100.0;
    // In sizes of all rows of the page.
    let mut room = (1.0 - full) / full;
    let share = apart / f64::from(passes);
    let needed = share * (1.0 + growth.max(0.0));
    let mut placed = 0.0;
    for _ in 0..passes {
        let here = needed.min(room);
        placed += here;
        room -= here;
        if cleaned {
            room += share;
        }
    }
    (placed / (needed * f64::from(passes))).clamp(0.0, 1.0)
}

/// What a backfill will cost; none where the number of rows is not known, or another engine or
/// strategy than those of which something is known.
pub fn estimate(facts: &TableFacts, job: &Job, strategy: Strategy) -> Option<Estimate> {
    if facts.engine != Engine::Postgres {
        return None;
    }
    let rows = facts.rows?;
    let apart = facts.apart();
    let changed = rows as f64 * apart;
    let row = facts.row_bytes().unwrap_or(0.0);
    let undo = if job.text.keep_undo {
        changed * undo_a_row(facts, job) * UNDO_IN_PIECES
    } else {
        0.0
    };
    if strategy == Strategy::ShadowCopy {
        return Some(copied(facts, rows as f64, row, undo));
    }
    let (growth, cleaned) = (facts.growth(), !facts.is_held());
    let passes = match strategy {
        Strategy::Strided { passes } => passes,
        _ => 1,
    };
    let beside = if facts.indexes_on_written.is_empty() {
        beside(passes, facts.fillfactor, apart, growth, cleaned)
    } else {
        0.0
    };
    let moved = changed * (1.0 - beside);
    let heap = moved * row * (1.0 + growth) / facts.full();
    let index = facts.index_bytes as f64 * apart * (1.0 - beside);
    let wal = if facts.unlogged {
        undo
    } else {
        let on_page = f64::from(facts.page_bytes) * facts.full() / row.max(1.0);
        let pages = match facts.full_pages {
            true => facts.bytes as f64 * (apart * on_page).min(1.0),
            false => 0.0,
        };
        let former = if facts.identity_full { row } else { 0.0 };
        // Of a version on the same page only that is logged in which it differs.
        let content = row * (1.0 + growth) * (1.0 - beside * 0.5);
        let entries = f64::from(facts.indexes) * WAL_AN_ENTRY;
        pages + changed * (WAL_A_ROW + content + former) + moved * entries + undo * UNDO_WAL
    };
    let time = |rate: f64| Duration::from_secs_f64((changed / rate).clamp(0.0, 1e9));
    Some(Estimate {
        rows: changed.round() as u64,
        beside,
        heap_growth: heap.round() as u64,
        index_growth: index.round() as u64,
        undo: undo.round() as u64,
        wal: wal.round() as u64,
        time: (time(RATES.0), time(RATES.1)),
    })
}

/// What a copy of the table costs: every row is written, changed or not, and every index is built,
/// while the original is still there. It is given back when the copy takes its place.
fn copied(facts: &TableFacts, rows: f64, row: f64, undo: f64) -> Estimate {
    let apart = facts.apart();
    let grown = row * (1.0 + facts.growth() * apart);
    let heap = rows * grown / facts.full() + facts.toast_bytes as f64;
    // A copied row is logged once, without images of pages; a built index page by page.
    let wal = rows * (grown + WAL_A_COPY) + facts.toast_bytes as f64 + facts.index_bytes as f64;
    let time = |rate: f64| Duration::from_secs_f64((rows / rate).clamp(0.0, 1e9));
    Estimate {
        rows: (rows * apart).round() as u64,
        beside: 0.0,
        heap_growth: heap.round() as u64,
        index_growth: facts.index_bytes,
        undo: undo.round() as u64,
        wal: (wal + undo * UNDO_WAL).round() as u64,
        time: (time(RATES.0), time(RATES.1)),
    }
}

/// What is kept to put one changed row back, in bytes. What was there before is kept only where
/// something was; what the row got is not kept but for a hash.
fn undo_a_row(facts: &TableFacts, job: &Job) -> f64 {
    let key = match facts.key.as_slice() {
        [one] if one.integer => UNDO_A_ROW,
        _ => UNDO_A_TEXT_KEY,
    };
    let before = facts.sample.map_or(0.0, |it| it.before);
    let values = if before > 0.0 {
        let filled = 1.0 - facts.empty.unwrap_or(0.0).clamp(0.0, 1.0);
        before + TEXT * filled * job.text.columns().len() as f64
    } else {
        0.0
    };
    key + values
}

#[cfg(test)]
mod tests {
    use super::super::facts::{KeyColumn, Sample};
    use super::*;

    #[test]
    fn pages_grow_about_as_was_measured() {
        for (passes, measured) in [(1, 1.25), (2, 0.77), (4, 0.54), (8, 0.41)] {
            let grown = (1.0 - beside(passes, 100, 1.0, 0.25, true)) * 1.25;
            assert!((grown - measured).abs() < 0.05, "{passes}: {grown}");
        }
    }

    #[test]
    fn the_log_grows_about_as_was_measured() {
        let facts = TableFacts {
            bytes: 105_000_000,
            rows: Some(1_000_000),
            indexes: 3,
            sample: Some(Sample {
                rows: 1000,
                apart: 1000,
                before: 0.0,
                after: 26.0,
            }),
            ..TableFacts::of_empty(Engine::Postgres, 150_018, "t")
        };
        let text = "schema = \"switchback.backfill/v1\"\ntable = \"t\"\nkeep-undo = false\n\
                    [set]\na = \"b\"\n";
        let id = switchback_model::BackfillId::new("it").unwrap();
        let job = Job::parse(id, text).unwrap();
        for (strategy, measured) in [
            (Strategy::Plain, 642.0),
            (Strategy::Strided { passes: 2 }, 512.0),
            (Strategy::Strided { passes: 4 }, 450.0),
            (Strategy::Strided { passes: 8 }, 390.0),
        ] {
            let told = estimate(&facts, &job, strategy).unwrap().wal as f64 / 1e6;
            assert!(
                (0.85..1.15).contains(&(told / measured)),
                "{strategy:?}: {told}"
            );
        }
    }

    #[test]
    fn only_what_was_there_is_kept() {
        let text = "schema = \"switchback.backfill/v1\"\ntable = \"t\"\n[set]\na = \"b\"\n";
        let id = switchback_model::BackfillId::new("it").unwrap();
        let job = Job::parse(id, text).unwrap();
        let facts = |before, integer| TableFacts {
            bytes: 105_000_000,
            rows: Some(1_000_000),
            key: vec![KeyColumn {
                name: "id".to_owned(),
                integer,
                distinct: None,
            }],
            sample: Some(Sample {
                rows: 1000,
                apart: 1000,
                before,
                after: 500.0,
            }),
            ..TableFacts::of_empty(Engine::Postgres, 150_018, "t")
        };
        let undo = |facts| estimate(&facts, &job, Strategy::Plain).unwrap().undo;
        // What a row gets is computed again, and takes nothing.
        assert_eq!(undo(facts(0.0, true)), 10_400_000);
        assert_eq!(undo(facts(20.0, true)), 36_920_000);
        assert!(undo(facts(0.0, false)) > 40_000_000);
    }

    #[test]
    fn nobody_finds_room_while_old_versions_are_kept() {
        assert_eq!(beside(8, 100, 1.0, 0.25, false), 0.0);
        assert_eq!(beside(1, 100, 1.0, 0.25, true), 0.0);
    }

    #[test]
    fn room_that_was_left_is_used() {
        assert_eq!(beside(1, 50, 1.0, 0.0, true), 1.0);
        let some = beside(1, 70, 1.0, 0.25, true);
        assert!((0.3..0.4).contains(&some), "{some}");
        assert!(beside(4, 70, 1.0, 0.25, true) > 0.9);
    }
}
