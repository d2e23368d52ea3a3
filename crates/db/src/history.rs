//! What a rehearsal of a history of migrations is given and what it finds, whatever the engine.
//!
//! Everything here is plain data. The rehearsals are `postgres::history` and `sqlite::history`.

use std::ops::Range;
use std::time::Duration;

use switchback_migration::Engine;
use switchback_migration::history::{Migration, Part, Tool, Wrapped, pieces};
use switchback_migration::sql::split::{PieceKind, statements};

mod data;
pub(crate) mod locate;
mod meaning;
pub(crate) mod rehearsal;
pub(crate) mod rows;

pub use data::{Change, GoneColumn, SequenceChange, TableChange, Value};
pub use meaning::{Difference, DifferenceKind, Kind, Line, Meaning};
pub use rows::{Contents, ContentsChange, RowLimits};

/// The SQL of one way of a migration, as the tool would send it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sql {
    /// The text, without what the tool does not send.
    pub text: String,
    /// What the tool wraps around it.
    pub wrapped: Wrapped,
    /// The parts of the text that the tool sends one after another, in bytes; none for all of it at
    /// once or, with [`Wrapped::Nothing`], statement by statement.
    pub pieces: Option<Vec<Range<usize>>>,
}

impl Sql {
    /// SQL that is sent whole or, with [`Wrapped::Nothing`], statement by statement.
    pub fn new(text: impl Into<String>, wrapped: Wrapped) -> Self {
        Self {
            text: text.into(),
            wrapped,
            pieces: None,
        }
    }
}

/// A migration to rehearse.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MigrationSql {
    /// Its version as its tool knows it; empty for a repeatable one.
    pub version: String,
    /// Its name in words.
    pub name: String,
    /// The way up; none where it is not SQL or cannot be read.
    pub up: Option<Sql>,
    /// The way down, where there is one that can be read.
    pub down: Option<Sql>,
    /// Whether it is applied again whenever it changes.
    pub repeatable: bool,
}

impl MigrationSql {
    /// A migration of a folder of `tool`. `text` gives the contents of a file; what it does not give
    /// is a way that cannot be read.
    ///
    /// Places in the SQL are relative to the start of the part's span.
    pub fn read<'a>(
        tool: Tool,
        migration: &Migration,
        text: impl Fn(&str) -> Option<&'a str>,
    ) -> Self {
        let sql = |part: &Part| {
            let file = text(&part.file).filter(|_| part.readable)?;
            let start = part.span.start;
            let within = |piece: Range<usize>| {
                piece.start.saturating_sub(start)..piece.end.saturating_sub(start)
            };
            let pieces = pieces(tool, file, part);
            Some(Sql {
                text: file.get(part.span.clone())?.to_owned(),
                wrapped: part.transaction,
                pieces: pieces.map(|pieces| pieces.into_iter().map(within).collect()),
            })
        };
        Self {
            version: migration.version.clone(),
            name: migration.name.clone(),
            up: sql(&migration.up),
            down: migration.down.as_ref().and_then(sql),
            repeatable: migration.repeatable,
        }
    }
}

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

/// What was found of each migration, in the order in which they were given.
#[derive(Debug, Clone, PartialEq)]
pub struct Report {
    /// The engine and its version, such as `PostgreSQL 15.18`.
    pub engine: String,
    /// One for each migration.
    pub migrations: Vec<Rehearsed>,
    /// The way down from the last migration to the first, where it was asked for and every migration
    /// could be applied.
    pub way_down: Option<WayDown>,
}

/// What was found of one migration.
#[derive(Debug, Clone, PartialEq)]
pub struct Rehearsed {
    /// Its version.
    pub version: String,
    /// Its name.
    pub name: String,
    /// What came of it.
    pub verdict: Verdict,
    /// What else somebody who reads the verdict should know.
    pub notes: Vec<Note>,
    /// How many rows there were in all tables before it, if it has a way down.
    pub rows: u64,
    /// How long all of it took.
    pub took: Duration,
}

/// What came of a migration.
#[derive(Debug, Clone, PartialEq)]
pub enum Verdict {
    /// It goes up, down and up again, and each time leaves exactly what was there before.
    Restores,
    /// It goes up, and has no way down.
    NoWayDown,
    /// It may be applied again and again, and each time leaves the same.
    Repeats,
    /// Something is wrong with it: one fault at least.
    Faulty(Vec<Fault>),
    /// Its SQL is not known, so that everything after it is tried without it.
    Unreadable,
    /// It was not tried, because the rehearsal was to stop at an earlier one.
    NotReached,
}

/// Something that is wrong with a migration.
#[derive(Debug, Clone, PartialEq)]
pub enum Fault {
    /// It cannot be applied.
    UpFails(Failure),
    /// Its way down cannot be run.
    DownFails(Failure),
    /// Its way down leaves another schema than there was before it.
    SchemaNotRestored(Vec<Difference>),
    /// Its way down leaves other rows than there were before it.
    DataNotRestored(Vec<TableChange>),
    /// Its way down leaves sequences elsewhere than they were before it.
    SequencesNotRestored(Vec<SequenceChange>),
    /// It cannot be applied again: after its way down, or, if it is repeatable, at once.
    AgainFails(Failure),
    /// Applied again, it leaves another schema than the first time.
    AgainDiffers(Vec<Difference>),
}

/// SQL that failed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failure {
    /// Why.
    pub cause: Cause,
    /// The statement that failed, where it can be told.
    pub statement: Option<Statement>,
    /// Whether it fails only when there are rows in the tables. They were made up, so the rows of a
    /// real database may be let through, or may not.
    pub only_with_rows: bool,
    /// What the failed attempt left behind in the schema: nothing if it was one transaction.
    pub left_behind: Vec<Difference>,
}

/// Why SQL failed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Cause {
    /// The database refused it.
    Sql(SqlError),
    /// It needs an extension that is not installed here, so nothing can be said about it.
    NeedsExtension {
        /// The extension's name.
        extension: String,
        /// What the database says.
        error: SqlError,
    },
    /// A rehearsal does not run such a statement.
    Refused {
        /// What it would do, such as "runs a program of the operating system".
        what: &'static str,
    },
    /// It took longer than a statement or a script may.
    TooSlow {
        /// How long it may take.
        limit: Duration,
    },
    /// The session was lost: the statement ended it, or the server did.
    SessionLost {
        /// What the connection says.
        message: String,
    },
}

/// A database's refusal.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message} ({code})")]
pub struct SqlError {
    /// PostgreSQL's SQLSTATE, such as `42P01`, or SQLite's extended result code, such as `1555`.
    pub code: String,
    /// What it says.
    pub message: String,
    /// What it adds.
    pub detail: Option<String>,
    /// What it advises.
    pub hint: Option<String>,
    /// Where it was when that happened, such as in which function.
    pub context: Option<String>,
    /// Where in the text that was sent, in bytes, on a boundary of characters.
    pub at: Option<usize>,
}

/// A place in the SQL of a migration.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Statement {
    /// Where it is in the text, in bytes, from its first to its last token.
    pub span: Range<usize>,
    /// Where in the text it fails, in bytes, if that is known better than by `span`.
    pub at: Option<usize>,
    /// The line of the text, from 1, in which it fails, or else begins.
    pub line: usize,
    /// Its text, cut after 400 characters.
    pub text: String,
}

/// Something that was done for a migration, or not done, to get on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Note {
    /// It names a role that nothing had made; an empty one was made.
    RoleMade(String),
    /// It names a database that nothing had made; an empty one was made.
    DatabaseMade(String),
    /// It uses an extension that comes with the database and that nothing had installed; it was.
    ExtensionMade(String),
    /// It uses a collation that an application brings; one that compares bytes stood in for it.
    CollationMade(String),
    /// The rows of a `COPY … FROM stdin` were not put in.
    CopySkipped {
        /// The line of the SQL, from 1.
        line: usize,
    },
    /// A command for a client program, such as `\connect`, was passed over.
    ClientCommandSkipped {
        /// The line of the SQL, from 1.
        line: usize,
        /// The command.
        text: String,
    },
    /// The tables could not be filled with rows.
    NotFilled {
        /// Why.
        message: String,
    },
    /// It could not be applied. To get on, its statements were run one by one, without those that
    /// fail.
    RunInPart {
        /// How many statements ran.
        ran: usize,
        /// How many failed.
        failed: usize,
    },
    /// There is a way down, but no statement is in it: some tools ask for the file.
    WayDownEmpty,
    /// An earlier migration could not be applied, and that may be the cause here too.
    AfterFailure {
        /// The place of that migration in the list, from 0.
        index: usize,
    },
    /// The rows of a table were too many to be kept, so that of a difference only the numbers are
    /// known.
    RowsNotKept {
        /// The table.
        table: String,
    },
}

/// All ways down in a row, from the last migration to the first.
#[derive(Debug, Clone, PartialEq)]
pub struct WayDown {
    /// How many migrations were walked down.
    pub walked: usize,
    /// Why it ended before the first.
    pub stopped: Option<Stop>,
    /// What the database has in the end that an empty one has not, or the reverse; empty where it
    /// ended before the first.
    pub left: Vec<Difference>,
}

/// Why a walk down ended before the first migration.
#[derive(Debug, Clone, PartialEq, Eq)]
#[expect(clippy::large_enum_variant, reason = "there is one in a report")]
pub enum Stop {
    /// The migration of this place in the list, from 0, has no way down.
    NoWayDown(usize),
    /// The way down of the migration of this place in the list, from 0, failed.
    Fails(usize, Failure),
}

/// How far a rehearsal is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Progress<'a> {
    /// The place of the migration in the list, from 0.
    pub index: usize,
    /// How many there are.
    pub of: usize,
    /// Its version.
    pub version: &'a str,
    /// Its name.
    pub name: &'a str,
    /// What begins now.
    pub stage: Stage,
}

/// What is done for a migration, in this order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Stage {
    /// The tables that are there are filled with rows.
    Fill,
    /// It is applied.
    Up,
    /// It is taken back.
    Down,
    /// It is applied again.
    Again,
    /// It is applied for those after it.
    Keep,
    /// All ways down are walked.
    WayDown,
}

/// What a rehearsal does after a migration that cannot be applied.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum AfterFailure {
    /// It runs as much of it as can be run, and goes on.
    #[default]
    GoOn,
    /// It looks at nothing further.
    Stop,
}

impl Sql {
    /// Whether there is nothing in it but comments.
    pub(crate) fn is_empty(&self, engine: Engine) -> bool {
        statements(&self.text, engine)
            .iter()
            .all(|piece| piece.kind == PieceKind::Empty)
    }
}

impl Verdict {
    /// What is wrong with the migration, if anything.
    pub fn faults(&self) -> &[Fault] {
        match self {
            Verdict::Faulty(faults) => faults,
            _ => &[],
        }
    }
}

impl Fault {
    /// Whether only the order of columns or the position of sequences is not what it was: programs
    /// that name their columns do not notice.
    pub fn is_mild(&self) -> bool {
        match self {
            Fault::SchemaNotRestored(differences) | Fault::AgainDiffers(differences) => differences
                .iter()
                .all(|difference| difference.kind() == DifferenceKind::ColumnOrder),
            Fault::SequencesNotRestored(_) => true,
            Fault::DataNotRestored(tables) => !tables.iter().any(TableChange::loses),
            Fault::UpFails(_) | Fault::DownFails(_) | Fault::AgainFails(_) => false,
        }
    }
}

impl Report {
    /// How many migrations have a verdict that `is` is true of.
    pub fn count(&self, is: impl Fn(&Verdict) -> bool) -> usize {
        self.migrations.iter().filter(|it| is(&it.verdict)).count()
    }
}
