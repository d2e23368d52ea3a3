//! What PostgreSQL does for a rehearsal.

use std::collections::BTreeSet;

use switchback_migration::Engine;

use super::attempt::{Attempt, may_be_tried};
use super::databases::Databases;
use super::fill::FillTables;
use super::moments::Moments;
use super::run::{Limits, Run, lost};
use super::script::Script;
use crate::history::rehearsal::{Scratch, Which};
use crate::history::{
    Contents, ContentsChange, Difference, Failure, Kind, Meaning, Note, Options, Sql,
};
use crate::postgres::error::PgError;
use crate::postgres::fingerprint::meaning;
use crate::postgres::rows::{changes, contents};
use crate::postgres::session::{Session, name as quoted};
use crate::text::with_sources;

/// What the copy is for.
const TRY: &str = "try";

/// What was made because a migration counts on it.
#[derive(Debug, Default)]
pub(super) struct Made {
    pub roles: BTreeSet<String>,
    pub extensions: BTreeSet<String>,
}

pub(super) struct PostgresScratch<'a> {
    /// In which migrations are tried that can be tried in a transaction. Before the databases: a
    /// database that a session is in cannot be removed.
    attempt: Option<Attempt>,
    databases: Databases,
    fill: &'a mut dyn FillTables,
    options: &'a Options,
    /// The database that only goes up.
    main: String,
    copy: Option<Copy>,
    made: Made,
    moments: Moments,
    limits: Limits,
}

/// The copy of the database.
struct Copy {
    name: String,
    /// In which it is looked at. What is run has sessions of its own.
    session: Session,
    /// The roles that there were when it was made.
    roles: BTreeSet<String>,
}

impl<'a> PostgresScratch<'a> {
    pub(super) fn open(
        url: &str,
        fill: &'a mut dyn FillTables,
        options: &'a Options,
    ) -> Result<Self, PgError> {
        let mut databases = Databases::open(url)?;
        if !options.allow_objects {
            databases.check_empty()?;
        }
        Ok(Self {
            main: databases.copy_of_base("main")?,
            moments: Moments::since(&databases.now()?),
            databases,
            fill,
            options,
            limits: Limits {
                statement: options.statement_timeout,
                script: options.script_timeout,
            },
            attempt: None,
            copy: None,
            made: Made::default(),
        })
    }

    /// The session in which the copy is looked at.
    fn session(&mut self) -> Result<&mut Session, PgError> {
        match (&mut self.attempt, &mut self.copy) {
            (Some(attempt), _) if attempt.is_open() => Ok(attempt.session()),
            (_, Some(copy)) => Ok(&mut copy.session),
            (_, None) => Err(PgError::Unexpected {
                question: "whether there is a copy",
            }),
        }
    }

    /// What runs SQL in a database, whose name comes with it.
    fn runner(&mut self, which: Which) -> Run<'_> {
        let copy = self.copy.as_ref().map(|copy| copy.name.clone());
        Run {
            database: match which {
                Which::Main => self.main.clone(),
                Which::Copy => copy.unwrap_or_default(),
            },
            databases: &mut self.databases,
            limits: self.limits,
            made: &mut self.made,
        }
    }
}

impl Scratch for PostgresScratch<'_> {
    type Error = PgError;

    const ENGINE: Engine = Engine::Postgres;

    fn engine(&self) -> String {
        format!("PostgreSQL {}", self.databases.version())
    }

    fn attempt(&mut self, up: &Sql, down: Option<&Sql>) -> Result<bool, PgError> {
        if !may_be_tried(up) || !down.is_none_or(may_be_tried) {
            return Ok(false);
        }
        let mut attempt = match self.attempt.take() {
            Some(attempt) => attempt,
            None => Attempt::new(&self.databases, &self.main)?,
        };
        if !attempt.begin(self.limits)? {
            // With the settings of now.
            attempt = Attempt::new(&self.databases, &self.main)?;
            if !attempt.begin(self.limits)? {
                return Ok(false);
            }
        }
        self.attempt = Some(attempt);
        Ok(true)
    }

    fn copy(&mut self) -> Result<(), PgError> {
        // Nobody may be in what is copied.
        self.attempt = None;
        // Its session would be in the way of removing it.
        self.copy = None;
        let main = self.main.clone();
        let roles = self.databases.roles()?;
        let name = self.databases.copy(&main, TRY)?;
        let session = self.databases.connect(&name)?;
        self.copy = Some(Copy {
            name,
            session,
            roles,
        });
        Ok(())
    }

    fn forget(&mut self) -> Result<(), PgError> {
        if let Some(attempt) = self.attempt.as_mut().filter(|it| it.is_open())
            && !attempt.end()?
        {
            self.attempt = None;
        }
        if let Some(copy) = self.copy.take() {
            drop(copy.session);
            self.databases.remove_copy(TRY)?;
            // A role that is left in the whole server would be in the way of what follows.
            self.databases
                .restore_roles(&copy.roles, &self.made.roles)?;
        }
        Ok(())
    }

    fn fill(&mut self, notes: &mut Vec<Note>) -> Result<bool, PgError> {
        let tables = self.session()?.rows(
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
        let rows = self.options.rows;
        let (session, in_transaction) = match (&mut self.attempt, &mut self.copy) {
            (Some(attempt), _) if attempt.is_open() => (attempt.session(), true),
            (_, Some(copy)) => (&mut copy.session, false),
            (_, None) => return Ok(false),
        };
        if in_transaction {
            session.run("SAVEPOINT switchback_rows")?;
        }
        let filled = self
            .fill
            .fill(session.client(), &tables, rows, in_transaction);
        if let Err(error) = filled {
            let message = with_sources(&*error);
            notes.push(Note::NotFilled { message });
            session.run(if in_transaction {
                "ROLLBACK TO switchback_rows"
            } else {
                // It may have been in a transaction.
                "ROLLBACK"
            })?;
        }
        if in_transaction {
            // What waits for the end of a transaction would be in the way of altering tables.
            session.run("SET CONSTRAINTS ALL IMMEDIATE; RELEASE switchback_rows")?;
        }
        Ok(true)
    }

    fn meaning(&mut self, which: Which) -> Result<Meaning, PgError> {
        match which {
            Which::Main => meaning(&mut self.databases.connect(&self.main)?),
            Which::Copy => meaning(self.session()?),
        }
    }

    fn differences(&self, before: &Meaning, after: &Meaning) -> Vec<Difference> {
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

    fn contents(&mut self) -> Result<Contents, PgError> {
        let limits = self.options.limits;
        contents(self.session()?, &limits)
    }

    fn changes(&mut self, before: &Contents) -> Result<ContentsChange, PgError> {
        let limits = self.options.limits;
        changes(self.session()?, before, &limits)
    }

    fn run(
        &mut self,
        which: Which,
        sql: &Sql,
        notes: &mut Vec<Note>,
    ) -> Result<Result<(), Failure>, PgError> {
        let script = Script::new(sql);
        for note in &script.notes {
            if !notes.contains(note) {
                notes.push(note.clone());
            }
        }
        if let Some(refused) = script.refused {
            return Ok(Err(refused));
        }
        match &mut self.attempt {
            Some(attempt) if which == Which::Copy && attempt.is_open() => {
                match attempt.run(&script, self.limits) {
                    Err(PgError::Lost { source }) => {
                        attempt.reconnect(&self.databases, &self.main)?;
                        Ok(Err(lost(source.to_string())))
                    }
                    other => other,
                }
            }
            _ => self.runner(which).whole(&script, notes),
        }
    }

    fn run_in_part(&mut self, sql: &Sql) -> Result<(usize, usize), PgError> {
        self.runner(Which::Main).in_part(&Script::new(sql))
    }
}
