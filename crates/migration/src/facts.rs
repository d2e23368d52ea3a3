//! What a statement does to PostgreSQL while it runs: what it locks, and what work that grows with
//! a table it does meanwhile.
//!
//! [`Facts::of`] asks a [`Schema`] about types, constraints and indexes, because the same words may
//! rewrite a table or change one line of the catalog. Every claim is tested against servers of all
//! majors that can be had (`crates/db/tests/facts.rs`).
//!
//! Deliberately absent: how long anything takes. That depends on rows and disks, and is measured in
//! a rehearsal.

mod alter;
mod claims;
mod columns;
pub mod compat;
mod constraints;
mod data;
mod drops;
mod indexes;
mod of;
mod others;
mod partitions;
mod proof;
mod retype;
mod tables;
mod triggers;
mod types;
mod views;
pub mod volatility;

use crate::schema::Schema;
use crate::sql::ir::{Name, Span, Statement};

/// The oldest PostgreSQL that claims are made for.
pub const OLDEST: u32 = 12;
/// The newest PostgreSQL that claims were tested on.
pub const NEWEST: u32 = 18;

/// What a statement does while it runs.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Facts {
    /// The locks that it takes on tables, views and indexes that exist before it, each once with its
    /// strongest mode, by name. Locks on catalogs and on what it makes itself are left out.
    pub locks: Vec<Lock>,
    /// The work that grows with a table.
    pub work: Vec<Work>,
    /// Whether it can run inside a transaction.
    pub transaction: InTransaction,
    /// What could not be known, and what was taken to be so instead: the worst.
    pub doubts: Vec<Doubt>,
}

/// A lock that is held until the transaction ends.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Lock {
    /// What is locked, by full name.
    pub relation: Name,
    /// Whether it is an index.
    pub index: bool,
    /// How.
    pub mode: Mode,
    /// Whether nobody else can be using it, because it was made in the same unit.
    pub new: bool,
}

/// The modes of table locks, the weakest first:
/// <https://www.postgresql.org/docs/current/explicit-locking.html#LOCKING-TABLES>.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Mode {
    /// Readers.
    AccessShare,
    /// `SELECT … FOR UPDATE`.
    RowShare,
    /// Writers.
    RowExclusive,
    /// Against a second one of its kind, such as `VACUUM`.
    ShareUpdateExclusive,
    /// Keeps writers out.
    Share,
    /// Keeps writers out, and a second one of its kind.
    ShareRowExclusive,
    /// Lets only readers through.
    Exclusive,
    /// Keeps everybody out.
    AccessExclusive,
}

/// Work that grows with a table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Work {
    /// What is done.
    pub kind: WorkKind,
    /// The table whose rows are read, by full name.
    pub table: Name,
    /// Why it is done, as a clause: `its type changes from int4 to int8`.
    pub why: String,
    /// The part of the statement that causes it.
    pub span: Span,
    /// Whether the table was made in the same unit, and so is as small as that unit made it.
    pub new: bool,
}

/// A kind of work that grows with a table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum WorkKind {
    /// The whole table and its indexes are written anew.
    Rewrite,
    /// Every row is read and checked.
    Scan,
    /// Every row is looked up in another table.
    ForeignKeyScan {
        /// The other table, by full name.
        referenced: Name,
    },
    /// An index is built.
    BuildIndex {
        /// Its name, where it is known.
        index: Option<Name>,
        /// Whether others can write meanwhile.
        concurrently: bool,
    },
    /// A materialized view's query is run.
    Refresh,
    /// Rows are changed or read one by one, with locks on rows only.
    Rows {
        /// Whether every row is meant, because there is no `WHERE`.
        all: bool,
    },
    /// Nothing is read, because a constraint that is there proves what would be looked for. Not
    /// work; said so that it can be shown.
    Proof,
}

/// Whether a statement can run inside a transaction.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum InTransaction {
    /// It can.
    #[default]
    Allowed,
    /// It is refused there, and waits for all transactions that may see what it changes.
    Refused,
    /// It can, but what it makes cannot be used before the transaction ends.
    UnusableUntilCommit,
}

/// Something that could not be known.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Doubt {
    /// The statement was not understood.
    Statement {
        /// Why.
        reason: String,
    },
    /// A table is not in the schema.
    Table(Name),
    /// A column is not in the schema, or its type is not.
    Column(Name, String),
    /// A constraint is not in the schema.
    Constraint(Name, String),
    /// A function is not known, and was taken for a volatile one.
    Function(Name),
    /// The time zone of the sessions is not known, and was taken not to be UTC.
    TimeZone,
    /// The server's major version does not have the statement.
    Version {
        /// The first major that has it.
        since: u32,
    },
}

/// Work during which somebody waits.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Blocking<'a> {
    /// What they wait for.
    pub lock: &'a Lock,
    /// What is done meanwhile.
    pub work: &'a Work,
}

impl Mode {
    /// Every mode, the weakest first.
    pub const ALL: [Mode; 8] = [
        Mode::AccessShare,
        Mode::RowShare,
        Mode::RowExclusive,
        Mode::ShareUpdateExclusive,
        Mode::Share,
        Mode::ShareRowExclusive,
        Mode::Exclusive,
        Mode::AccessExclusive,
    ];

    /// Whether two modes exclude each other:
    /// <https://www.postgresql.org/docs/current/explicit-locking.html#TABLE-LOCK-COMPATIBILITY>.
    pub const fn conflicts(self, other: Mode) -> bool {
        // One row for each mode, the weakest first; one bit for each mode, the weakest last.
        const ROWS: [u8; 8] = [
            0b1000_0000,
            0b1100_0000,
            0b1111_0000,
            0b1111_1000,
            0b1110_1100,
            0b1111_1100,
            0b1111_1110,
            0b1111_1111,
        ];
        ROWS[self as usize] & (1 << other as u8) != 0
    }

    /// Whether readers wait.
    pub const fn blocks_reads(self) -> bool {
        self.conflicts(Mode::AccessShare)
    }

    /// Whether writers wait.
    pub const fn blocks_writes(self) -> bool {
        self.conflicts(Mode::RowExclusive)
    }

    /// As in `LOCK TABLE`: `ACCESS EXCLUSIVE`.
    pub const fn words(self) -> &'static str {
        match self {
            Mode::AccessShare => "ACCESS SHARE",
            Mode::RowShare => "ROW SHARE",
            Mode::RowExclusive => "ROW EXCLUSIVE",
            Mode::ShareUpdateExclusive => "SHARE UPDATE EXCLUSIVE",
            Mode::Share => "SHARE",
            Mode::ShareRowExclusive => "SHARE ROW EXCLUSIVE",
            Mode::Exclusive => "EXCLUSIVE",
            Mode::AccessExclusive => "ACCESS EXCLUSIVE",
        }
    }

    /// As in `pg_locks.mode`: `AccessExclusiveLock`.
    pub const fn in_pg_locks(self) -> &'static str {
        match self {
            Mode::AccessShare => "AccessShareLock",
            Mode::RowShare => "RowShareLock",
            Mode::RowExclusive => "RowExclusiveLock",
            Mode::ShareUpdateExclusive => "ShareUpdateExclusiveLock",
            Mode::Share => "ShareLock",
            Mode::ShareRowExclusive => "ShareRowExclusiveLock",
            Mode::Exclusive => "ExclusiveLock",
            Mode::AccessExclusive => "AccessExclusiveLock",
        }
    }
}

impl WorkKind {
    /// Whether it is done with the statement's table locks held, so that who waits for them waits
    /// for it.
    pub const fn is_held(&self) -> bool {
        match self {
            WorkKind::Rewrite
            | WorkKind::Scan
            | WorkKind::ForeignKeyScan { .. }
            | WorkKind::Refresh
            | WorkKind::BuildIndex {
                concurrently: false,
                ..
            } => true,
            WorkKind::BuildIndex {
                concurrently: true, ..
            }
            | WorkKind::Rows { .. }
            | WorkKind::Proof => false,
        }
    }
}

impl Facts {
    /// What a statement does while it runs on a server of that major version, if the database
    /// holds `schema` before it.
    ///
    /// Locks that end before the statement does are left out, and so are the weak ones on indexes
    /// (`ROW EXCLUSIVE` and below), which whoever reads or writes the table takes. Where the schema
    /// does not know, the worst is claimed, with a [`Doubt`].
    pub fn of(statement: &Statement, schema: &Schema, major: u32) -> Self {
        of::facts(statement, schema, major)
    }

    /// Work that grows with a table while somebody has to wait: each lock that keeps readers or
    /// writers of something that others use out, with each piece of work on a table that is not
    /// new. Nobody writes to a materialized view, so there only locks count that keep readers out.
    pub fn blocking(&self) -> impl Iterator<Item = Blocking<'_>> {
        let held = || {
            self.work
                .iter()
                .filter(|work| work.kind.is_held() && !work.new)
        };
        self.locks
            .iter()
            .filter(|lock| !lock.new && !lock.index && lock.mode.blocks_writes())
            .flat_map(move |lock| {
                let waits =
                    move |work: &&Work| work.kind != WorkKind::Refresh || lock.mode.blocks_reads();
                held()
                    .filter(waits)
                    .map(move |work| Blocking { lock, work })
            })
    }
}

#[cfg(test)]
mod tests;
