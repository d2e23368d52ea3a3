//! How long statements of others take, against how long they took before.
//!
//! Counted are statements that had been executed before we began and do not have our name in them.
//! Each is compared with itself, so that another mix of statements changes nothing.

use std::collections::{HashMap, HashSet, VecDeque};
use std::time::{Duration, Instant};

use switchback_migration::backfill::throttle::{Reading, Signal};

use super::looker::{Link, Seen};
use crate::postgres::session::name;

/// What is averaged: the last second, or longer where fewer statements were executed.
const WINDOW: Duration = Duration::from_millis(1100);
const LONGEST: Duration = Duration::from_secs(5);
const ENOUGH_CALLS: f64 = 20.0;
/// Fewer say nothing.
const FEWEST_CALLS: f64 = 5.0;

/// A statement may take so much longer, in milliseconds, before anybody minds.
const UNNOTICED: f64 = 0.1;

/// Reading many statements takes a while: no larger part of the time.
const SHARE: u32 = 20;

/// What makes a statement one: its role and its number.
type Key = (u32, i64);

/// How often it was executed, and for how many milliseconds in all.
type Count = (i64, f64);

/// What others executed between two looks.
#[derive(Debug, Clone, Copy, Default)]
struct Executed {
    calls: f64,
    took: f64,
    /// What it would have taken before.
    usual: f64,
}

#[derive(Default)]
pub(super) struct Statements {
    /// The view and its column of time, in the form of SQL; none where they are not there.
    view: Option<String>,
    /// Milliseconds that each statement took on average, before.
    before: HashMap<Key, f64>,
    last: HashMap<Key, Count>,
    /// What was executed until when.
    executed: VecDeque<(Instant, Executed)>,
    /// By how much everything was slower than ever before when we began.
    factor: f64,
    not_before: Option<Instant>,
    value: Option<Reading>,
    note: Option<String>,
    prepared: bool,
}

const VIEW: &str = "
    SELECT n.nspname::text, EXISTS (SELECT FROM pg_catalog.pg_attribute a
        WHERE a.attrelid = s.oid AND a.attname = 'total_exec_time')
    FROM pg_catalog.pg_extension e
    JOIN pg_catalog.pg_namespace n ON n.oid = e.extnamespace
    JOIN pg_catalog.pg_class s ON s.relnamespace = n.oid AND s.relname = 'pg_stat_statements'
    WHERE e.extname = 'pg_stat_statements'";

impl Statements {
    /// Takes stock. Whether it pays to watch others for a moment.
    pub(super) fn prepare(&mut self, link: &mut Link) -> Result<bool, postgres::Error> {
        self.factor = 1.0;
        let Some(row) = link.rows(VIEW, &[])?.into_iter().next() else {
            self.note = Some(
                "How long statements of others take is not seen: the extension \
                 pg_stat_statements is not in this database."
                    .to_owned(),
            );
            self.prepared = true;
            return Ok(false);
        };
        let (schema, renamed): (String, bool) = (row.try_get(0)?, row.try_get(1)?);
        let time = if renamed {
            "total_exec_time"
        } else {
            "total_time"
        };
        let schema = name(&schema);
        // The texts are read once: whose statement it is does not change.
        let sql = format!(
            "SELECT s.userid, s.queryid, sum(s.calls)::int8, sum(s.{time})::float8 \
             FROM {schema}.pg_stat_statements(true) s \
             JOIN pg_catalog.pg_database d ON d.oid = s.dbid \
             WHERE d.datname = current_database() AND s.queryid IS NOT NULL \
                 AND s.query ~* '^\\s*(select|insert|update|delete|with|merge|table|values)\\y' \
                 AND s.query !~* 'switchback' \
             GROUP BY 1, 2 HAVING sum(s.calls) > 0"
        );
        let rows = match link.rows(&sql, &[]) {
            Ok(rows) => rows,
            Err(error) if error.code().is_some_and(|it| it.code() == "55000") => {
                self.note = Some(
                    "How long statements of others take is not seen: pg_stat_statements is not in \
                     shared_preload_libraries."
                        .to_owned(),
                );
                self.prepared = true;
                return Ok(false);
            }
            Err(error) => return Err(error),
        };
        for row in rows {
            let (calls, took): (i64, f64) = (row.try_get(2)?, row.try_get(3)?);
            let key = (row.try_get(0)?, row.try_get(1)?);
            self.before.insert(key, took / calls as f64);
            self.last.insert(key, (calls, took));
        }
        if !link.sees_all {
            self.note = Some(format!(
                "How long statements of other roles take is not seen. `{}` gives the right.",
                link.grant
            ));
        }
        self.view = Some(format!(
            "SELECT s.userid, s.queryid, sum(s.calls)::int8, sum(s.{time})::float8 \
             FROM {schema}.pg_stat_statements(false) s \
             WHERE s.dbid = (SELECT oid FROM pg_catalog.pg_database \
                 WHERE datname = current_database()) AND s.queryid IS NOT NULL GROUP BY 1, 2"
        ));
        self.prepared = true;
        Ok(!self.before.is_empty())
    }

    /// Learns from what was executed since how long statements take these days.
    pub(super) fn settle(&mut self, link: &mut Link) -> Result<(), postgres::Error> {
        let now = self.count(link)?;
        if now.calls >= ENOUGH_CALLS && now.usual > 0.0 {
            // Few statements could be fast by chance.
            self.factor = (now.took / now.usual).max(0.25);
        }
        Ok(())
    }

    /// What was executed since the last time.
    fn count(&mut self, link: &mut Link) -> Result<Executed, postgres::Error> {
        let Some(view) = &self.view else {
            return Ok(Executed::default());
        };
        let known: HashSet<Key> = self.before.keys().copied().collect();
        let mut executed = Executed::default();
        for row in link.rows(view, &[])? {
            let key: Key = (row.try_get(0)?, row.try_get(1)?);
            if !known.contains(&key) {
                continue;
            }
            let count: Count = (row.try_get(2)?, row.try_get(3)?);
            if let Some(last) = self.last.insert(key, count) {
                let (calls, took) = (count.0 - last.0, count.1 - last.1);
                // Fewer than before: somebody reset them.
                if calls > 0 && took >= 0.0 {
                    executed.calls += calls as f64;
                    executed.took += took;
                    executed.usual += calls as f64 * self.before.get(&key).unwrap_or(&0.0);
                }
            }
        }
        Ok(executed)
    }

    pub(super) fn look(&mut self, link: &mut Link, seen: &mut Seen) -> Result<(), postgres::Error> {
        if !self.prepared {
            self.prepare(link)?;
        }
        if let Some(note) = &self.note {
            seen.note(note.clone());
        }
        let now = Instant::now();
        if self.not_before.is_none_or(|it| now >= it) {
            let executed = self.count(link)?;
            let took = now.elapsed();
            self.not_before = Some(now + (took * SHARE).min(Duration::from_secs(1)));
            self.executed.push_back((now, executed));
            self.value = Some(self.judge(now));
        }
        seen.put(
            Signal::Statements,
            self.value.clone().unwrap_or(Reading::NotThere),
        );
        Ok(())
    }

    fn judge(&mut self, now: Instant) -> Reading {
        while let Some((when, _)) = self.executed.front()
            && now.duration_since(*when) > LONGEST
        {
            self.executed.pop_front();
        }
        let mut sum = Executed::default();
        for (when, one) in self.executed.iter().rev() {
            if now.duration_since(*when) > WINDOW && sum.calls >= ENOUGH_CALLS {
                break;
            }
            sum.calls += one.calls;
            sum.took += one.took;
            sum.usual += one.usual;
        }
        let usual = sum.usual * self.factor;
        if sum.calls < FEWEST_CALLS || usual <= 0.0 {
            return Reading::NotThere;
        }
        let noticed = sum.took - sum.calls * UNNOTICED;
        Reading::Value((noticed / usual).max(sum.took.min(usual) / usual))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn judged(all: &[(u64, f64, f64, f64)]) -> Reading {
        let begun = Instant::now();
        let mut it = Statements {
            factor: 1.0,
            ..Statements::default()
        };
        let mut now = begun;
        for (millis, calls, took, usual) in all {
            now = begun + Duration::from_millis(*millis);
            let (calls, took, usual) = (*calls, *took, *usual);
            it.executed
                .push_back((now, Executed { calls, took, usual }));
        }
        it.judge(now)
    }

    #[test]
    fn the_last_second_counts_and_more_where_little_was_executed() {
        let slow = (5000, 50.0, 500.0, 100.0);
        let was_fine = (1000, 50.0, 100.0, 100.0);
        assert_eq!(judged(&[was_fine, slow]), Reading::Value(4.95));
        // 60 milliseconds and 30 calls.
        let few = (5000, 10.0, 60.0, 20.0);
        assert_eq!(
            judged(&[(1000, 20.0, 40.0, 40.0), few]),
            Reading::Value(97.0 / 60.0)
        );
        assert_eq!(judged(&[(0, 4.0, 40.0, 4.0)]), Reading::NotThere);
        assert_eq!(judged(&[]), Reading::NotThere);
    }

    #[test]
    fn a_tenth_of_a_millisecond_more_is_not_noticed_and_less_is_less() {
        assert_eq!(judged(&[(0, 100.0, 14.0, 5.0)]), Reading::Value(1.0));
        assert_eq!(judged(&[(0, 100.0, 50.0, 100.0)]), Reading::Value(0.5));
    }
}
