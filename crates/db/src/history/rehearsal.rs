//! The walk of a rehearsal, whatever the engine: up, down, compare, up again.
//!
//! Each migration is tried on a copy of the database as it was before it, with rows. The database
//! itself only ever goes up, so that a broken way down spoils nothing after it. What fails is tried
//! once more without the rows that were made up, to tell what fails only with them.
//!
//! In place of a copy there may be something quicker ([`Scratch::attempt`]) whose failures do not
//! count.

use std::time::{Duration, Instant};

use switchback_migration::Engine;

use super::rows::Contents;
use super::{
    AfterFailure, ContentsChange, Difference, DifferenceKind, Failure, Fault, Meaning,
    MigrationSql, Note, Options, Progress, Rehearsed, Report, Sql, Stage, Stop, Verdict, WayDown,
};

/// Which database is meant.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Which {
    /// The one that only goes up.
    Main,
    /// The copy of it on which the migration is tried.
    Copy,
}

/// What an engine does for a rehearsal. Errors are those of the engine; that SQL fails is none.
pub(crate) trait Scratch {
    type Error;

    /// The language of the SQL.
    const ENGINE: Engine;

    /// The engine and its version.
    fn engine(&self) -> String;

    /// Makes something that is as good as a copy, for this one migration, until it is forgotten. That
    /// something fails there does not count. Whether there is such a thing for this migration.
    fn attempt(&mut self, up: &Sql, down: Option<&Sql>) -> Result<bool, Self::Error>;

    /// Makes the copy anew.
    fn copy(&mut self) -> Result<(), Self::Error>;

    /// Removes the copy, and what was done outside of it since it was made.
    fn forget(&mut self) -> Result<(), Self::Error>;

    /// Fills the tables of the copy. Whether there was any table.
    fn fill(&mut self, notes: &mut Vec<Note>) -> Result<bool, Self::Error>;

    fn meaning(&mut self, which: Which) -> Result<Meaning, Self::Error>;

    /// In what two schemas differ, apart from what was made to get on.
    fn differences(&self, before: &Meaning, after: &Meaning) -> Vec<Difference>;

    /// What is in the copy.
    fn contents(&mut self) -> Result<Contents, Self::Error>;

    /// How what is in the copy differs.
    fn changes(&mut self, before: &Contents) -> Result<ContentsChange, Self::Error>;

    /// Runs SQL as the tool would.
    fn run(
        &mut self,
        which: Which,
        sql: &Sql,
        notes: &mut Vec<Note>,
    ) -> Result<Result<(), Failure>, Self::Error>;

    /// Runs as many statements as run in the database itself, each by itself. How many did, and how
    /// many did not.
    fn run_in_part(&mut self, sql: &Sql) -> Result<(usize, usize), Self::Error>;
}

/// Rehearses migrations in their order.
pub(crate) fn rehearse<S: Scratch>(
    scratch: &mut S,
    migrations: &[MigrationSql],
    options: &Options,
    on: &mut dyn FnMut(&Progress<'_>),
) -> Result<Report, S::Error> {
    let mut rehearsal = Rehearsal {
        scratch,
        migrations,
        options,
        on,
        failed: None,
    };
    rehearsal.all()
}

struct Rehearsal<'a, S> {
    scratch: &'a mut S,
    migrations: &'a [MigrationSql],
    options: &'a Options,
    on: &'a mut dyn FnMut(&Progress<'_>),
    /// The first migration that could not be applied.
    failed: Option<usize>,
}

/// What came of one walk.
#[derive(Default)]
struct Walk {
    faults: Vec<Fault>,
    /// Whether it could be applied.
    applied: bool,
    /// Whether rows were made up for it.
    filled: bool,
}

/// What there was before a migration.
struct Before {
    schema: Meaning,
    rows: Contents,
}

impl<S: Scratch> Rehearsal<'_, S> {
    fn all(&mut self) -> Result<Report, S::Error> {
        let at_first = self.scratch.meaning(Which::Main)?;
        let mut report = Report {
            engine: self.scratch.engine(),
            migrations: Vec::with_capacity(self.migrations.len()),
            way_down: None,
        };
        for (index, migration) in self.migrations.iter().enumerate() {
            report.migrations.push(self.one(index, migration)?);
        }
        let unreadable = self.migrations.iter().any(|it| it.up.is_none());
        if self.options.way_down && self.failed.is_none() && !unreadable {
            report.way_down = Some(self.way_down(&at_first)?);
        }
        Ok(report)
    }

    fn one(&mut self, index: usize, migration: &MigrationSql) -> Result<Rehearsed, S::Error> {
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
            rehearsed.verdict = match &migration.up {
                None => Verdict::Unreadable,
                Some(up) => self.judge(index, migration, up, &mut rehearsed)?,
            };
        }
        rehearsed.took = begun.elapsed();
        Ok(rehearsed)
    }

    fn judge(
        &mut self,
        index: usize,
        migration: &MigrationSql,
        up: &Sql,
        rehearsed: &mut Rehearsed,
    ) -> Result<Verdict, S::Error> {
        let walk = self.walks(index, migration, up, rehearsed)?;
        let mut faults = walk.faults;
        self.tell(index, migration, Stage::Keep);
        if walk.applied
            && let Err(failure) = self.scratch.run(Which::Main, up, &mut rehearsed.notes)?
        {
            faults.push(Fault::UpFails(failure));
        }
        let down = migration.down.as_ref();
        if down.is_some_and(|it| it.is_empty(S::ENGINE)) && !faults.is_empty() {
            rehearsed.notes.push(Note::WayDownEmpty);
        }
        let failed = |fault: &Fault| failure(fault).is_some_and(|it| !it.only_with_rows);
        let failed = faults.iter().any(failed);
        if let (Some(index), true) = (self.failed, failed) {
            rehearsed.notes.push(Note::AfterFailure { index });
        }
        let fails = |fault: &Fault| match fault {
            Fault::UpFails(failure) => !failure.only_with_rows,
            _ => false,
        };
        if faults.iter().any(fails) {
            self.failed.get_or_insert(index);
            if self.options.after_failure == AfterFailure::GoOn {
                let (ran, failed) = self.scratch.run_in_part(up)?;
                rehearsed.notes.push(Note::RunInPart { ran, failed });
            }
        }
        Ok(
            match (faults.is_empty(), migration.repeatable, &migration.down) {
                (false, _, _) => Verdict::Faulty(faults),
                (true, true, _) => Verdict::Repeats,
                (true, false, Some(_)) => Verdict::Restores,
                (true, false, None) => Verdict::NoWayDown,
            },
        )
    }

    /// Walks a migration on a copy with rows and, if something fails there, on one without.
    fn walks(
        &mut self,
        index: usize,
        migration: &MigrationSql,
        up: &Sql,
        rehearsed: &mut Rehearsed,
    ) -> Result<Walk, S::Error> {
        if self.scratch.attempt(up, migration.down.as_ref())? {
            let notes = rehearsed.notes.len();
            let walk = self.walk(index, migration, up, true, rehearsed)?;
            self.scratch.forget()?;
            if walk.faults.iter().all(|fault| failure(fault).is_none()) {
                return Ok(walk);
            }
            rehearsed.notes.truncate(notes);
        }
        self.scratch.copy()?;
        let mut walk = self.walk(index, migration, up, true, rehearsed)?;
        self.scratch.forget()?;
        if walk.filled && walk.faults.iter().any(|fault| failure(fault).is_some()) {
            self.scratch.copy()?;
            let bare = self.walk(index, migration, up, false, rehearsed)?;
            self.scratch.forget()?;
            walk.applied |= bare.applied;
            walk.faults = both(walk.faults, bare.faults);
        }
        Ok(walk)
    }

    fn walk(
        &mut self,
        index: usize,
        migration: &MigrationSql,
        up: &Sql,
        rows: bool,
        rehearsed: &mut Rehearsed,
    ) -> Result<Walk, S::Error> {
        let mut walk = Walk::default();
        let notes = &mut rehearsed.notes;
        if rows && self.options.rows > 0 {
            self.tell(index, migration, Stage::Fill);
            walk.filled = self.scratch.fill(notes)?;
        }
        // Without a way down there is nothing to compare, unless it fails.
        let before = match &migration.down {
            Some(_) => Some(Before {
                schema: self.scratch.meaning(Which::Copy)?,
                rows: self.scratch.contents()?,
            }),
            None => None,
        };
        if let (Some(before), true) = (&before, rows) {
            rehearsed.rows = before.rows.count();
            let unkept = before.rows.not_kept().map(|table| Note::RowsNotKept {
                table: table.to_owned(),
            });
            notes.extend(unkept);
        }

        self.tell(index, migration, Stage::Up);
        if let Err(mut failure) = self.scratch.run(Which::Copy, up, notes)? {
            let schema = match before {
                Some(before) => before.schema,
                None => self.scratch.meaning(Which::Main)?,
            };
            failure.left_behind = self.differences_to(&schema)?;
            walk.faults.push(Fault::UpFails(failure));
            return Ok(walk);
        }
        walk.applied = true;
        if migration.repeatable {
            let first = self.scratch.meaning(Which::Copy)?;
            self.tell(index, migration, Stage::Again);
            self.again(up, &first, &mut walk, notes)?;
            return Ok(walk);
        }
        let (Some(down), Some(before)) = (&migration.down, before) else {
            return Ok(walk);
        };
        let first = self.scratch.meaning(Which::Copy)?;

        self.tell(index, migration, Stage::Down);
        if let Err(mut failure) = self.scratch.run(Which::Copy, down, notes)? {
            failure.left_behind = self.differences_to(&first)?;
            walk.faults.push(Fault::DownFails(failure));
            return Ok(walk);
        }
        let schema = self.differences_to(&before.schema)?;
        if !schema.is_empty() {
            walk.faults.push(Fault::SchemaNotRestored(schema));
        }
        let data = self.scratch.changes(&before.rows)?;
        if !data.tables.is_empty() {
            walk.faults.push(Fault::DataNotRestored(data.tables));
        }
        if !data.sequences.is_empty() {
            let fault = Fault::SequencesNotRestored(data.sequences);
            walk.faults.push(fault);
        }

        self.tell(index, migration, Stage::Again);
        self.again(up, &first, &mut walk, notes)?;
        Ok(walk)
    }

    /// In what the copy differs from a schema.
    fn differences_to(&mut self, before: &Meaning) -> Result<Vec<Difference>, S::Error> {
        let now = self.scratch.meaning(Which::Copy)?;
        Ok(self.scratch.differences(before, &now))
    }

    /// Applies it once more and compares with the schema after the first time.
    fn again(
        &mut self,
        up: &Sql,
        first: &Meaning,
        walk: &mut Walk,
        notes: &mut Vec<Note>,
    ) -> Result<(), S::Error> {
        if let Err(failure) = self.scratch.run(Which::Copy, up, notes)? {
            walk.faults.push(Fault::AgainFails(failure));
            return Ok(());
        }
        let mut differs = self.differences_to(first)?;
        differs.retain(|it| !is_said(it, &walk.faults));
        if !differs.is_empty() {
            walk.faults.push(Fault::AgainDiffers(differs));
        }
        Ok(())
    }

    /// Walks all ways down on the database itself, which is not needed after that.
    fn way_down(&mut self, at_first: &Meaning) -> Result<WayDown, S::Error> {
        let mut walk = WayDown {
            walked: 0,
            stopped: None,
            left: Vec::new(),
        };
        let once = |(_, it): &(usize, &MigrationSql)| !it.repeatable;
        for (index, migration) in self.migrations.iter().enumerate().rev().filter(once) {
            self.tell(index, migration, Stage::WayDown);
            let Some(down) = &migration.down else {
                walk.stopped = Some(Stop::NoWayDown(index));
                return Ok(walk);
            };
            if let Err(failure) = self.scratch.run(Which::Main, down, &mut Vec::new())? {
                walk.stopped = Some(Stop::Fails(index, failure));
                return Ok(walk);
            }
            walk.walked += 1;
        }
        let now = self.scratch.meaning(Which::Main)?;
        walk.left = self.scratch.differences(at_first, &now);
        Ok(walk)
    }

    fn tell(&mut self, index: usize, migration: &MigrationSql, stage: Stage) {
        (self.on)(&Progress {
            index,
            of: self.migrations.len(),
            version: &migration.version,
            name: &migration.name,
            stage,
        });
    }
}

/// Whether a difference after the second time is what the way down left, which was said.
fn is_said(it: &Difference, faults: &[Fault]) -> bool {
    let restored = faults.iter().find_map(|fault| match fault {
        Fault::SchemaNotRestored(all) => Some(all),
        _ => None,
    });
    restored.is_some_and(|all| {
        // Columns that were added again stand last, whatever else stands there.
        let order = it.kind() == DifferenceKind::ColumnOrder;
        all.contains(it) || (order && all.iter().any(|one| one.line().name == it.line().name))
    })
}

fn failure(fault: &Fault) -> Option<&Failure> {
    match fault {
        Fault::UpFails(failure) | Fault::DownFails(failure) | Fault::AgainFails(failure) => {
            Some(failure)
        }
        _ => None,
    }
}

/// What is wrong with and without rows, together: what fails only with them is marked as such, and
/// what could be seen only without them is added.
fn both(filled: Vec<Fault>, bare: Vec<Fault>) -> Vec<Fault> {
    let alike =
        |one: &Fault, other: &Fault| std::mem::discriminant(one) == std::mem::discriminant(other);
    let mut all = filled;
    for fault in &mut all {
        let fails_too = bare.iter().any(|other| alike(fault, other));
        if let Fault::UpFails(it) | Fault::DownFails(it) | Fault::AgainFails(it) = fault {
            it.only_with_rows = !fails_too;
        }
    }
    for fault in bare {
        if !all.iter().any(|other| alike(&fault, other)) {
            all.push(fault);
        }
    }
    all
}
