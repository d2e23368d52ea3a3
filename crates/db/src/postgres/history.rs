//! Rehearsals: every migration of a history is walked up, down and up again on a scratch database,
//! and what is not as it was is named.
//!
//! For each migration a copy of the database as it was before it is made and filled with rows. There
//! the migration goes up, its way down has to restore schema and rows, and it has to go up again to
//! the same schema. The copy is thrown away; the database itself only ever goes up, so that a broken
//! way down spoils nothing after it. What fails is tried once more without the rows that were made
//! up, to tell what fails only with them.
//!
//! Each way is run in a session of its own, as tools do that apply one migration at a time; settings
//! that a migration leaves in its session end with it. Migrations often count on things around them:
//! a role or database that nothing has made is made on the fly, an extension that comes with
//! PostgreSQL is installed when something of it is used, the rows of `COPY … FROM stdin` and
//! the commands of client programs are passed over, and all of it is noted.
//!
//! **What it may harm.** Migrations are run as they are, as a superuser, because many need to be one.
//! Statements that plainly reach out of the database are refused: programs and files
//! (`COPY … PROGRAM`, `COPY … TO 'file'`), settings of the whole server (`ALTER SYSTEM`), libraries
//! (`LOAD`), other servers (`CREATE SUBSCRIPTION`), databases as such. That guards against accidents,
//! not against intent: SQL that is put together at run time, and functions in untrusted languages,
//! can do what the operating system's user can do that runs the server. So the server has to be
//! private, and not hold anything of value; and a folder that one would not run oneself is not to be
//! rehearsed as a user who owns something.
//!
//! Roles belong to the whole server, so that only one rehearsal may use it at a time.
//!
//! Deliberately absent: the tables in which tools keep what they have applied; finding and reading
//! migrations; what a verdict is called in a report.

mod databases;
mod fill;
mod locate;
mod missing;
mod moments;
mod run;
mod script;
mod walk;

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use self::databases::Databases;
use self::moments::Moments;
use self::run::{Limits, Run};
use super::error::PgError;
use super::fingerprint::meaning;
use crate::history::{
    AfterFailure, Fault, Meaning, MigrationSql, Note, Progress, Rehearsed, Report, RowLimits,
    Stage, Stop, Verdict, WayDown,
};

pub use fill::{FillTables, NoRows, Synthetic};

/// How a rehearsal is done.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Options {
    /// How many rows each table is filled with; none for no rows but those that migrations put in.
    pub rows: u64,
    /// What is kept of the rows, and how many are shown.
    pub limits: RowLimits,
    /// How long a statement may take.
    pub statement_timeout: Duration,
    /// How long one way of a migration may take, whatever it sets itself.
    pub script_timeout: Duration,
    /// What is done after a migration that cannot be applied.
    pub after_failure: AfterFailure,
    /// Whether all ways down are walked in the end.
    pub way_down: bool,
    /// Whether the scratch database may have something in it, on which the first migration is
    /// applied.
    pub allow_objects: bool,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            rows: 20,
            limits: RowLimits::default(),
            statement_timeout: Duration::from_secs(60),
            script_timeout: Duration::from_secs(600),
            after_failure: AfterFailure::GoOn,
            way_down: true,
            allow_objects: false,
        }
    }
}

/// Rehearses migrations in their order, on copies of the scratch database at `url`, which itself
/// stays as it is.
///
/// `fill` puts rows into tables, and `on` is told what begins.
///
/// # Errors
/// If the database cannot be reached, is not empty, or its server fails. What is wrong with a
/// migration is no error but its verdict.
pub fn rehearse(
    url: &str,
    migrations: &[MigrationSql],
    fill: &mut dyn FillTables,
    options: &Options,
    on: &mut dyn FnMut(&Progress<'_>),
) -> Result<Report, PgError> {
    let mut databases = Databases::open(url)?;
    if !options.allow_objects {
        databases.check_empty()?;
    }
    let rehearsal = Rehearsal {
        main: databases.copy_of_base("main")?,
        moments: Moments::since(&databases.now()?),
        databases,
        fill,
        options,
        on,
        made: Made::default(),
        failed: None,
    };
    rehearsal.all(migrations)
}

/// What was made because a migration counts on it.
#[derive(Debug, Default)]
struct Made {
    roles: BTreeSet<String>,
    extensions: BTreeSet<String>,
}

struct Rehearsal<'a> {
    databases: Databases,
    /// The database that only goes up.
    main: String,
    fill: &'a mut dyn FillTables,
    options: &'a Options,
    on: &'a mut dyn FnMut(&Progress<'_>),
    made: Made,
    moments: Moments,
    /// The first migration that could not be applied.
    failed: Option<usize>,
}

impl Rehearsal<'_> {
    fn all(mut self, migrations: &[MigrationSql]) -> Result<Report, PgError> {
        let at_first = self.meaning_of(&self.main.clone())?;
        let mut report = Report {
            engine: format!("PostgreSQL {}", self.databases.version()),
            migrations: Vec::with_capacity(migrations.len()),
            way_down: None,
        };
        for index in 0..migrations.len() {
            let rehearsed = self.one(migrations, index)?;
            report.migrations.extend(rehearsed);
        }
        let unreadable = migrations.iter().any(|it| it.up.is_none());
        if self.options.way_down && self.failed.is_none() && !unreadable {
            report.way_down = Some(self.way_down(migrations, &at_first)?);
        }
        self.databases.finish();
        Ok(report)
    }

    fn one(
        &mut self,
        migrations: &[MigrationSql],
        index: usize,
    ) -> Result<Option<Rehearsed>, PgError> {
        let Some(migration) = migrations.get(index) else {
            return Ok(None);
        };
        let begun = Instant::now();
        let mut rehearsed = Rehearsed {
            version: migration.version.clone(),
            name: migration.name.clone(),
            verdict: Verdict::NotReached,
            notes: Vec::new(),
            rows: 0,
            took: Duration::ZERO,
        };
        let stopped = self.options.after_failure == AfterFailure::Stop && self.failed.is_some();
        if !stopped {
            match &migration.up {
                None => rehearsed.verdict = Verdict::Unreadable,
                Some(_) => self.try_one(migrations, index, &mut rehearsed)?,
            }
        }
        rehearsed.took = begun.elapsed();
        Ok(Some(rehearsed))
    }

    fn try_one(
        &mut self,
        migrations: &[MigrationSql],
        index: usize,
        rehearsed: &mut Rehearsed,
    ) -> Result<(), PgError> {
        let Some(migration) = migrations.get(index) else {
            return Ok(());
        };
        let (mut faults, applies) = self.walks(migrations, index, rehearsed)?;
        self.tell(migrations, index, Stage::Keep);
        let main = self.main.clone();
        if let (Some(up), true) = (&migration.up, applies) {
            let ran = self.run(&main, up, &mut rehearsed.notes)?;
            if let Err(failure) = ran {
                faults.push(Fault::UpFails(failure));
            }
        }
        let fails = |fault: &Fault| match fault {
            Fault::UpFails(failure) => !failure.only_with_rows,
            _ => false,
        };
        if faults.iter().any(fails) {
            if let Some(earlier) = self.failed {
                rehearsed.notes.push(Note::AfterFailure { index: earlier });
            }
            self.failed.get_or_insert(index);
            if let (Some(up), AfterFailure::GoOn) = (&migration.up, self.options.after_failure) {
                let (ran, failed) = self.run_in_part(&main, up)?;
                rehearsed.notes.push(Note::RunInPart { ran, failed });
            }
        }
        rehearsed.notes.dedup();
        rehearsed.verdict = match (faults.is_empty(), migration.repeatable, &migration.down) {
            (false, _, _) => Verdict::Faulty(faults),
            (true, true, _) => Verdict::Repeats,
            (true, false, Some(_)) => Verdict::Restores,
            (true, false, None) => Verdict::NoWayDown,
        };
        Ok(())
    }

    /// Walks all ways down on the database itself, which is not needed after that.
    fn way_down(
        &mut self,
        migrations: &[MigrationSql],
        at_first: &Meaning,
    ) -> Result<WayDown, PgError> {
        let main = self.main.clone();
        let mut walk = WayDown {
            walked: 0,
            stopped: None,
            left: Vec::new(),
        };
        let once = |(_, it): &(usize, &MigrationSql)| !it.repeatable;
        for (index, migration) in migrations.iter().enumerate().rev().filter(once) {
            self.tell(migrations, index, Stage::WayDown);
            let Some(down) = &migration.down else {
                walk.stopped = Some(Stop::NoWayDown(index));
                return Ok(walk);
            };
            if let Err(failure) = self.run(&main, down, &mut Vec::new())? {
                walk.stopped = Some(Stop::Fails(index, failure));
                return Ok(walk);
            }
            walk.walked += 1;
        }
        let now = self.meaning_of(&main)?;
        walk.left = self.differences(at_first, &now);
        Ok(walk)
    }

    fn tell(&mut self, migrations: &[MigrationSql], index: usize, stage: Stage) {
        if let Some(migration) = migrations.get(index) {
            (self.on)(&Progress {
                index,
                of: migrations.len(),
                version: &migration.version,
                name: &migration.name,
                stage,
            });
        }
    }

    fn meaning_of(&self, database: &str) -> Result<Meaning, PgError> {
        meaning(&mut self.databases.connect(database)?)
    }

    fn limits(&self) -> Limits {
        Limits {
            statement: self.options.statement_timeout,
            script: self.options.script_timeout,
        }
    }

    fn run_of<'r>(&'r mut self, database: &'r str) -> Run<'r> {
        let limits = self.limits();
        Run {
            databases: &mut self.databases,
            database,
            limits,
            made: &mut self.made,
        }
    }
}
