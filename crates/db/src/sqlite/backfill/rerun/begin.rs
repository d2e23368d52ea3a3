//! Beginning to do some rows again: which they are, and the ranges of the walk over them.

use rusqlite::{Connection, params, params_from_iter};
use switchback_migration::backfill::part::Part;
use switchback_migration::backfill::{Job, JobStatus};
use switchback_migration::sqlite::catalog::{Affinity, Table};

use super::{Open, Span, ask_again, definition, open, stored};
use crate::backfill::{Again, RerunError};
use crate::sqlite::backfill::codec::{Exact, Key};
use crate::sqlite::backfill::control::{self, JobRow, place};
use crate::sqlite::backfill::error::BackfillError;
use crate::sqlite::backfill::job::{BeginOptions, go_on, with};
use crate::sqlite::backfill::walk::{Start, Walk};
use crate::sqlite::backfill::{Backfills, commit, skipped};
use crate::sqlite::catalog;
use crate::sqlite::error::at;

/// Rows that refused are done again one by one, up to so many.
const MOST_FAILED: usize = 5_000;

/// Rows are counted up to here.
const COUNTED: u64 = 200_000;

impl Backfills {
    /// Begins to do some rows of a job again with the definition that is given, or goes on with it
    /// where the same was asked for before. Workers do it as they do any walk; in the end the job
    /// stands where it stood. With `dry_run` everything is found out and nothing is begun.
    ///
    /// # Errors
    /// [`BackfillError::Rerun`]; [`BackfillError::NoJob`]; [`BackfillError::Status`] while it runs or
    /// is undone; [`BackfillError::OtherColumns`] where the definition writes others or keeps former
    /// values differently; [`BackfillError::OtherDefinition`] where a walk is to be gone on with by
    /// another one.
    pub fn rerun(
        &self,
        job: &Job,
        parts: &[Part],
        options: &BeginOptions,
        dry_run: bool,
    ) -> Result<Again, BackfillError> {
        let id = job.id.as_str();
        if control::job(&self.connection, id)?.is_none() {
            return Err(BackfillError::NoJob { job: id.to_owned() });
        }
        let walk = Walk::of(&self.connection, &job.text)?;
        let table = catalog::table(&self.connection, &job.text.table)?;
        let transaction = self.lock()?;
        let mut row = control::known_job(&transaction, id)?;
        let asked = said(parts);
        let (resumed, before, sweep, rows) = match open(&transaction, id)? {
            Some(open) => {
                resume(&transaction, &mut row, job, &open, &asked)?;
                let rows = row.total.unwrap_or_default();
                (true, row.version.clone(), row.sweep, rows)
            }
            None => {
                fits(&row, job)?;
                let before = row.version.clone();
                let sweep = control::next_sweep(&transaction, id, row.sweep)?;
                let mut making = Making {
                    connection: &transaction,
                    walk: &walk,
                    table: &table,
                    job,
                    sweep,
                    number: 0,
                    rows: 0,
                };
                for part in parts {
                    making.part(part, parts.len() == 1)?;
                }
                let rows = making.rows;
                if job.text.program.is_some() {
                    skipped::ensure(&transaction)?;
                    ask_again(&transaction, &walk.keyed, id, sweep)?;
                }
                self.begin_rerun(&transaction, &mut row, job, &asked, sweep, rows)?;
                (false, before, sweep, rows)
            }
        };
        let mut kept = row.range_rows;
        with(&mut row, options);
        std::mem::swap(&mut kept, &mut row.range_rows);
        control::set_job(&transaction, id, &row)?;
        let ranges = self.walk_ranges(id, Some(sweep))?;
        if !dry_run {
            commit(transaction)?;
        }
        Ok(Again {
            resumed,
            ranges,
            rows,
            before,
        })
    }

    fn begin_rerun(
        &self,
        connection: &Connection,
        row: &mut JobRow,
        job: &Job,
        asked: &str,
        sweep: u32,
        rows: u64,
    ) -> Result<(), BackfillError> {
        let (version, text) = (job.version().to_string(), stored(&job.text));
        let sql =
            "INSERT INTO _switchback_backfill_rerun VALUES (?1, ?2, ?3, 'open', ?4, ?5, ?6, ?7,
                     ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17, ?18, NULL)";
        let parameters = params![
            job.id.as_str(),
            sweep,
            asked,
            version,
            text,
            row.version,
            row.definition,
            row.status.word(),
            row.sweep,
            row.changing,
            row.due,
            row.frontier,
            row.high,
            control::number(row.sweep_scanned),
            control::number(row.sweep_changed),
            row.total.map(control::number),
            row.error,
            self.now().to_string(),
        ];
        control::run(connection, sql, parameters)?;
        (row.version, row.definition) = (version, text);
        row.status = JobStatus::Running;
        row.sweep = sweep;
        (row.changing, row.due) = (0, false);
        (row.frontier, row.high) = (Exact::Null, Exact::Null);
        (row.sweep_scanned, row.sweep_changed) = (0, 0);
        row.total = Some(rows);
        (row.error, row.finished_at) = (None, None);
        Ok(())
    }
}

/// What was asked for, in one form whatever the order.
fn said(parts: &[Part]) -> String {
    let mut parts: Vec<&Part> = parts.iter().collect();
    parts.sort();
    parts.dedup();
    let parts: Vec<String> = parts.into_iter().map(Part::to_string).collect();
    parts.join(" ")
}

/// Goes on with what was begun, if it is the same.
fn resume(
    connection: &Connection,
    row: &mut JobRow,
    job: &Job,
    open: &Open,
    asked: &str,
) -> Result<(), BackfillError> {
    let id = job.id.as_str();
    if open.asked != asked {
        let asked = open.asked.clone();
        return Err(RerunError::Other { asked }.into());
    }
    let given = job.version().to_string();
    if row.version != given {
        return Err(BackfillError::OtherDefinition {
            job: id.to_owned(),
            stored: row.version.clone(),
            given,
        });
    }
    match row.status {
        JobStatus::Running => Ok(()),
        JobStatus::Paused | JobStatus::Failed => go_on(connection, id, row),
        from => Err(BackfillError::Status {
            job: id.to_owned(),
            from,
            to: JobStatus::Running,
        }),
    }
}

/// Whether rows of the job can be done with this definition as it stands.
fn fits(row: &JobRow, job: &Job) -> Result<(), BackfillError> {
    let name = || job.id.to_string();
    match row.status {
        JobStatus::Done | JobStatus::Cancelled | JobStatus::Paused | JobStatus::Failed => {}
        from => {
            return Err(BackfillError::Status {
                job: name(),
                from,
                to: JobStatus::Running,
            });
        }
    }
    let was = definition(&row.definition)?;
    // An undo goes back to before the first time, or nowhere.
    if was.table != job.text.table
        || was.columns() != job.text.columns()
        || was.keep_undo != job.text.keep_undo
    {
        return Err(BackfillError::OtherColumns { job: name() });
    }
    let given = job.version().to_string();
    // The rest of that walk is done with one definition.
    if matches!(row.status, JobStatus::Paused | JobStatus::Failed) && row.version != given {
        return Err(BackfillError::OtherDefinition {
            job: name(),
            stored: row.version.clone(),
            given,
        });
    }
    Ok(())
}

/// A walk that is made.
struct Making<'a> {
    connection: &'a Connection,
    walk: &'a Walk,
    table: &'a Table,
    job: &'a Job,
    sweep: u32,
    number: i64,
    rows: u64,
}

impl Making<'_> {
    fn part(&mut self, part: &Part, alone: bool) -> Result<(), BackfillError> {
        match part {
            Part::Range { walk, number } => self.range(*walk, *number),
            Part::Keys { from, to } => self.keys(from.as_deref(), to.as_deref()),
            Part::Failed => self.failed(alone),
        }
    }

    fn add(&mut self, span: &Span) -> Result<(), BackfillError> {
        self.number += 1;
        let sql =
            "INSERT INTO _switchback_backfill_range VALUES (?1, ?2, ?3, ?4, ?5, ?4, 'waiting',
                     0, NULL, NULL, 0, 0, 0, 0, 0, 0, 0, 0, NULL, ?6, 1, ?7)";
        let parameters = params![
            self.job.id.as_str(),
            self.sweep,
            self.number,
            control::stored(span.after.as_ref()),
            control::stored(Some(&span.end)),
            self.job.version().to_string(),
            control::stored(span.from.as_ref()),
        ];
        control::run(self.connection, sql, parameters).map(drop)
    }

    /// How many rows lie between two keys, up to a bound.
    fn count(&self, span: &Span) -> Result<u64, BackfillError> {
        let keyed = &self.walk.keyed;
        let (within, parameters) = keyed.within(&span.start(), &span.end, 1);
        let query = format!(
            "SELECT count(*) FROM (SELECT 1 FROM {} NOT INDEXED WHERE {within} LIMIT {COUNTED})",
            keyed.t
        );
        let found = control::first(
            self.connection,
            &query,
            params_from_iter(&parameters),
            |row| row.get::<_, i64>(0),
        )?;
        Ok(found.unwrap_or_default().unsigned_abs())
    }

    /// The rows of a range of an earlier walk.
    fn range(&mut self, walk: u32, number: u32) -> Result<(), BackfillError> {
        let sql = "SELECT cursor_start, from_key, cursor_end FROM _switchback_backfill_range
                   WHERE job = ?1 AND sweep = ?2 AND number = ?3 AND sweep <> ?4";
        let id = self.job.id.as_str();
        let parameters = params![id, walk, number, self.sweep];
        let found = control::first(self.connection, sql, parameters, |row| {
            Ok([
                Exact::of(row.get_ref(0)?),
                Exact::of(row.get_ref(1)?),
                Exact::of(row.get_ref(2)?),
            ])
        })?;
        let Some([after, from, end]) = found else {
            let what = format!("there is no range {walk}/{number} of {id}");
            return Err(RerunError::wrong(what).into());
        };
        let width = self.walk.keyed.parts.len();
        let span = Span {
            after: place(&after, width)?,
            from: place(&from, width)?,
            end: place(&end, width)?.unwrap_or_default(),
        };
        self.rows += self.count(&span)?;
        self.add(&span)
    }

    /// Rows that refused.
    fn failed(&mut self, alone: bool) -> Result<(), BackfillError> {
        let sql = "SELECT key FROM _switchback_backfill_error
                   WHERE job = ?1 AND kind = 'failed' ORDER BY key";
        let width = self.walk.keyed.parts.len();
        let mut statement = self.connection.prepare(sql).map_err(at(sql))?;
        let mut rows = statement.query([self.job.id.as_str()]).map_err(at(sql))?;
        let mut keys = Vec::new();
        while let Some(row) = rows.next().map_err(at(sql))? {
            let value = Exact::of(row.get_ref(0).map_err(at(sql))?);
            keys.extend(place(&value, width)?);
        }
        drop(rows);
        if keys.is_empty() && alone {
            return Err(RerunError::NothingRefused.into());
        }
        if keys.len() > MOST_FAILED {
            return Err(RerunError::unsaid(format!(
                "{} rows refused, and no more than {MOST_FAILED} are done again one by one",
                keys.len()
            ))
            .into());
        }
        self.rows += keys.len() as u64;
        for key in keys {
            self.add(&Span {
                after: None,
                from: Some(key.clone()),
                end: key,
            })?;
        }
        Ok(())
    }

    /// Rows by their keys.
    fn keys(
        &mut self,
        from: Option<&[String]>,
        to: Option<&[String]>,
    ) -> Result<(), BackfillError> {
        let mut first = from.map(|it| self.key(it)).transpose()?;
        let mut last = to.map(|it| self.key(it)).transpose()?;
        let keyed = &self.walk.keyed;
        // Keys are typed from the lower to the higher one, whichever way they are walked.
        if keyed.parts.iter().all(|it| it.descending) {
            std::mem::swap(&mut first, &mut last);
        }
        if let (Some(first), Some(last)) = (&first, &last) {
            let both: Vec<Exact> = first.iter().chain(last).cloned().collect();
            let query = keyed.ordered();
            let ordered =
                control::first(self.connection, &query, params_from_iter(&both), |row| {
                    row.get::<_, Option<bool>>(0)
                })?;
            if ordered.flatten() != Some(true) {
                let shown = |key: Option<&[String]>| key.unwrap_or_default().join(", ");
                return Err(RerunError::wrong(format!(
                    "{} comes after {}: no key lies between them",
                    shown(from),
                    shown(to)
                ))
                .into());
            }
        }
        let end = match last {
            Some(last) => Some(last),
            None => keyed.highest(self.connection)?,
        };
        let none = || {
            RerunError::wrong(format!(
                "no row of {} has a key in {}",
                self.job.text.table,
                Part::Keys {
                    from: from.map(<[String]>::to_vec),
                    to: to.map(<[String]>::to_vec)
                }
            ))
        };
        let end = end.ok_or_else(none)?;
        let start = Start::of(None, first.as_ref());
        if keyed.after(self.connection, &start, &end, 0)?.is_none() {
            return Err(none().into());
        }
        let span = Span {
            after: None,
            from: first,
            end,
        };
        self.rows += self.count(&span)?;
        self.add(&span)
    }

    /// A key that was typed, as rows have it.
    fn key(&self, typed: &[String]) -> Result<Key, BackfillError> {
        let parts = &self.walk.keyed.parts;
        let table = &self.job.text.table;
        if typed.len() != parts.len() {
            let names: Vec<&str> = parts.iter().map(|it| it.name.as_str()).collect();
            let many = match parts.len() {
                1 => "one column".to_owned(),
                many => format!("{many} columns"),
            };
            let names = names.join(", ");
            let what = format!("a key of {table} has {many}: ({names})");
            return Err(RerunError::wrong(what).into());
        }
        let value = |(part, text): (&crate::sqlite::backfill::walk::KeyPart, &String)| {
            let column = self.table.column(&part.name);
            let affinity = column.map(|it| it.affinity(self.table.strict));
            let number = || {
                let whole = text.parse().map(Exact::Integer).ok();
                let finite = |it: &f64| it.is_finite();
                whole.or_else(|| text.parse().ok().filter(finite).map(Exact::Real))
            };
            let value = match affinity {
                _ if part.rowid => text.parse().ok().map(Exact::Integer),
                Some(Affinity::Text) => Some(Exact::Text(text.clone().into_bytes())),
                Some(Affinity::Numeric | Affinity::Real) => number(),
                Some(Affinity::Blob) | None => {
                    number().or_else(|| Some(Exact::Text(text.clone().into_bytes())))
                }
            };
            value.ok_or_else(|| {
                RerunError::wrong(format!(
                    "{text} is no key of {table}: {} is a number",
                    part.name
                ))
            })
        };
        let key = parts.iter().zip(typed).map(value);
        Ok(key.collect::<Result<_, RerunError>>()?)
    }
}
