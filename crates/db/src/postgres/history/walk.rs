//! One migration, walked up, down and up again on a copy.

use std::collections::BTreeSet;

use super::Rehearsal;
use crate::history::{
    Difference, DifferenceKind, Failure, Fault, Kind, Meaning, MigrationSql, Note, Rehearsed, Sql,
    Stage,
};
use crate::postgres::error::PgError;
use crate::postgres::fingerprint::meaning;
use crate::postgres::rows::{Contents, changes, contents};
use crate::postgres::session::{Session, name as quoted};

/// What the copy is for.
const TRY: &str = "try";

/// What came of one walk.
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

impl Rehearsal<'_> {
    /// Walks a migration on a copy with rows and, if something fails there, on one without. What is
    /// wrong with it, and whether it can be applied in one of the two.
    pub(super) fn walks(
        &mut self,
        migrations: &[MigrationSql],
        index: usize,
        rehearsed: &mut Rehearsed,
    ) -> Result<(Vec<Fault>, bool), PgError> {
        let roles = self.databases.roles()?;
        let mut walk = self.walk(migrations, index, true, rehearsed)?;
        self.forget(&roles)?;
        if walk.filled && walk.faults.iter().any(|fault| failure(fault).is_some()) {
            let bare = self.walk(migrations, index, false, rehearsed)?;
            self.forget(&roles)?;
            walk.applied |= bare.applied;
            walk.faults = both(walk.faults, bare.faults);
        }
        Ok((walk.faults, walk.applied))
    }

    /// Removes the copy and what a walk has left in the whole server, which would be in the way of
    /// what follows.
    fn forget(&mut self, roles: &BTreeSet<String>) -> Result<(), PgError> {
        self.databases.remove_copy(TRY)?;
        self.databases.restore_roles(roles, &self.made.roles)
    }

    fn walk(
        &mut self,
        migrations: &[MigrationSql],
        index: usize,
        rows: bool,
        rehearsed: &mut Rehearsed,
    ) -> Result<Walk, PgError> {
        let mut walk = Walk {
            faults: Vec::new(),
            applied: false,
            filled: false,
        };
        let Some(migration) = migrations.get(index) else {
            return Ok(walk);
        };
        let Some(up) = &migration.up else {
            return Ok(walk);
        };
        let notes = &mut rehearsed.notes;
        let main = self.main.clone();
        let copy = self.databases.copy(&main, TRY)?;
        let mut session = self.databases.connect(&copy)?;
        if rows && self.options.rows > 0 {
            self.tell(migrations, index, Stage::Fill);
            walk.filled = self.fill(&mut session, notes)?;
        }
        // Without a way down there is nothing to compare, unless it fails.
        let before = match &migration.down {
            Some(_) => Some(Before {
                schema: meaning(&mut session)?,
                rows: contents(&mut session, &self.options.limits)?,
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

        self.tell(migrations, index, Stage::Up);
        if let Err(mut failure) = self.run(&copy, up, notes)? {
            let schema = match before {
                Some(before) => before.schema,
                None => self.meaning_of(&main)?,
            };
            failure.left_behind = self.differences(&schema, &meaning(&mut session)?);
            walk.faults.push(Fault::UpFails(failure));
            return Ok(walk);
        }
        walk.applied = true;
        if migration.repeatable {
            let first = meaning(&mut session)?;
            self.tell(migrations, index, Stage::Again);
            self.again(&copy, up, &first, &mut session, &mut walk, notes)?;
            return Ok(walk);
        }
        let (Some(down), Some(before)) = (&migration.down, before) else {
            return Ok(walk);
        };
        let first = meaning(&mut session)?;

        self.tell(migrations, index, Stage::Down);
        if let Err(mut failure) = self.run(&copy, down, notes)? {
            failure.left_behind = self.differences(&first, &meaning(&mut session)?);
            walk.faults.push(Fault::DownFails(failure));
            return Ok(walk);
        }
        let schema = self.differences(&before.schema, &meaning(&mut session)?);
        if !schema.is_empty() {
            walk.faults.push(Fault::SchemaNotRestored(schema));
        }
        let data = changes(&mut session, &before.rows, &self.options.limits)?;
        if !data.tables.is_empty() {
            walk.faults.push(Fault::DataNotRestored(data.tables));
        }
        if !data.sequences.is_empty() {
            walk.faults
                .push(Fault::SequencesNotRestored(data.sequences));
        }

        self.tell(migrations, index, Stage::Again);
        self.again(&copy, up, &first, &mut session, &mut walk, notes)?;
        Ok(walk)
    }

    /// Applies it once more and compares with the schema after the first time.
    fn again(
        &mut self,
        copy: &str,
        up: &Sql,
        first: &Meaning,
        session: &mut Session,
        walk: &mut Walk,
        notes: &mut Vec<Note>,
    ) -> Result<(), PgError> {
        match self.run(copy, up, notes)? {
            Err(failure) => walk.faults.push(Fault::AgainFails(failure)),
            Ok(()) => {
                let mut differs = self.differences(first, &meaning(session)?);
                // What the way down left and stays so was said.
                let said = |it: &Difference| {
                    walk.faults.iter().any(|fault| match fault {
                        Fault::SchemaNotRestored(all) => {
                            all.contains(it)
                                || (it.kind() == DifferenceKind::ColumnOrder
                                    && all.iter().any(|one| one.line().name == it.line().name))
                        }
                        _ => false,
                    })
                };
                differs.retain(|it| !said(it));
                if !differs.is_empty() {
                    walk.faults.push(Fault::AgainDiffers(differs));
                }
            }
        }
        Ok(())
    }

    /// Fills all tables. Whether there was any.
    fn fill(&mut self, session: &mut Session, notes: &mut Vec<Note>) -> Result<bool, PgError> {
        let tables = session.rows(
            "SELECT quote_ident(n.nspname) || '.' || quote_ident(c.relname)
             FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
             WHERE c.oid >= 16384 AND c.relkind IN ('r', 'p') AND n.nspname !~ '^pg_'
                 AND NOT EXISTS (SELECT FROM pg_depend d WHERE d.classid = 'pg_class'::regclass
                     AND d.objid = c.oid AND d.deptype = 'e')
             ORDER BY c.oid",
        )?;
        let tables: Vec<String> = tables.iter().map(|row| row.text(0)).collect();
        if tables.is_empty() {
            return Ok(false);
        }
        let filled = self.fill.fill(session.client(), &tables, self.options.rows);
        if let Err(error) = filled {
            let mut message = error.to_string();
            let mut source = error.source();
            while let Some(error) = source {
                message.push_str(&format!(": {error}"));
                source = error.source();
            }
            notes.push(Note::NotFilled { message });
            // It may have been in a transaction.
            session.run("ROLLBACK")?;
        }
        Ok(true)
    }

    /// In what two schemas differ, apart from what was made to get on.
    pub(super) fn differences(&self, before: &Meaning, after: &Meaning) -> Vec<Difference> {
        let made = |it: &Difference| {
            let line = it.line();
            let named = |made: &String| line.name == *made || line.name == quoted(made);
            match line.kind {
                Kind::Role => self.made.roles.iter().any(named),
                Kind::Extension => self.made.extensions.iter().any(named),
                _ => false,
            }
        };
        let mut all = before.differences(after);
        all.retain(|it| !made(it) && !self.moments.only_differ(it));
        all
    }
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
