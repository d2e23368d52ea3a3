//! Statements as far as locks, work and compatibility depend on them.
//!
//! Names are as the database compares them: folded to lower case unless they were quoted.
//! Every statement and every part that a finding may point to has its place in the text, in bytes.

mod alter;
mod expr;
mod names;
mod scope;
mod table;

use std::ops::Range;

pub use alter::{
    AlterAction, AlterDomainAction, AlterTypeAction, AttributeChange, Beside, RowSecurity,
    TriggerState,
};
pub use expr::{Expr, Node, Operator};
pub use names::{Name, TypeName};
pub use scope::{Mention, Scope, Scoped, Source};
pub use table::{
    Bound, Column, Constraint, ConstraintKind, CreateTable, Generated, Like, OnDelete, Partition,
    Persistence,
};

/// A place in the text, in bytes.
pub type Span = Range<usize>;

/// One statement.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Statement {
    /// Where it is, from its first to its last token, without the semicolon.
    pub span: Span,
    /// What it is.
    pub kind: Kind,
    /// Whether it stands in a block and may not be reached: inside `DO`, after `IF`.
    pub conditional: bool,
}

/// What a statement is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Kind {
    /// `CREATE TABLE`, also `AS`, `OF` and `PARTITION OF`.
    CreateTable(Box<CreateTable>),
    /// `ALTER` of a table or of something that is altered like one.
    Alter(Alter),
    /// `DROP` of anything.
    Drop(Drop),
    /// `CREATE INDEX`.
    CreateIndex(Box<CreateIndex>),
    /// `REINDEX`.
    Reindex {
        /// What is built again.
        what: ReindexTarget,
        /// Its name; none for the whole database.
        name: Option<Name>,
        /// Whether it lets writers through.
        concurrently: bool,
    },
    /// `CREATE [OR REPLACE] VIEW`, `CREATE MATERIALIZED VIEW`.
    CreateView {
        /// Its name.
        name: Name,
        /// Whether it stores rows.
        materialized: bool,
        /// Whether it lasts only as long as its session.
        temporary: bool,
        /// Whether one that exists is replaced.
        or_replace: bool,
        /// Whether one that exists is left as it is.
        if_not_exists: bool,
        /// The names of its columns, where they are given.
        columns: Vec<String>,
        /// What it reads.
        query: Query,
        /// Whether it is filled at once; only of a materialized view.
        with_data: bool,
    },
    /// `REFRESH MATERIALIZED VIEW`.
    Refresh {
        /// The view.
        name: Name,
        /// Whether it lets readers through.
        concurrently: bool,
        /// Whether it is filled.
        with_data: bool,
    },
    /// `CREATE TYPE`.
    CreateType {
        /// Its name.
        name: Name,
        /// The values, if it is an enum.
        values: Option<Vec<String>>,
        /// The columns, if it is composite.
        attributes: Vec<Column>,
    },
    /// `ALTER TYPE`.
    AlterType {
        /// Its name.
        name: Name,
        /// What changes.
        action: AlterTypeAction,
    },
    /// `CREATE DOMAIN`.
    CreateDomain {
        /// Its name.
        name: Name,
        /// What it is made of.
        base: TypeName,
        /// `DEFAULT`.
        default: Option<Expr>,
        /// `NOT NULL` and `CHECK`.
        constraints: Vec<Constraint>,
    },
    /// `ALTER DOMAIN`.
    AlterDomain {
        /// Its name.
        name: Name,
        /// What changes.
        action: AlterDomainAction,
    },
    /// `CREATE TRIGGER`.
    CreateTrigger {
        /// Its name.
        name: String,
        /// The table or view.
        table: Name,
        /// Whether one that exists is replaced.
        or_replace: bool,
        /// The table that a constraint trigger refers to.
        from: Option<Name>,
        /// Whether it fires for each row: then partitions get it too.
        rows: bool,
        /// The function that it calls.
        function: Name,
    },
    /// `CREATE RULE`.
    CreateRule {
        /// Its name.
        name: String,
        /// The table or view.
        table: Name,
        /// Whether one that exists is replaced.
        or_replace: bool,
    },
    /// `CREATE POLICY` or `ALTER POLICY`.
    Policy {
        /// Its name.
        name: String,
        /// The table.
        table: Name,
        /// Whether it exists already.
        alter: bool,
        /// Its new name: `RENAME TO`.
        rename: Option<String>,
    },
    /// `CREATE FUNCTION` or `CREATE PROCEDURE`.
    CreateFunction {
        /// Its name.
        name: Name,
        /// Whether one that exists is replaced.
        or_replace: bool,
        /// What it promises about its results.
        volatility: Volatility,
    },
    /// `CREATE SCHEMA`; what it contains follows as statements of their own.
    CreateSchema {
        /// Its name.
        name: String,
        /// Whether one that exists is left as it is.
        if_not_exists: bool,
    },
    /// `CREATE SEQUENCE`.
    CreateSequence {
        /// Its name.
        name: Name,
        /// Whether it lasts only as long as its session.
        temporary: bool,
        /// Whether one that exists is left as it is.
        if_not_exists: bool,
        /// The table and the column that it goes with: `OWNED BY`.
        owned_by: Option<(Name, String)>,
    },
    /// `CREATE EXTENSION`.
    CreateExtension {
        /// Its name.
        name: String,
        /// Where its things go, if that is said.
        schema: Option<String>,
        /// Whether one that exists is left as it is.
        if_not_exists: bool,
    },
    /// `CREATE STATISTICS`.
    CreateStatistics {
        /// Its name, if it has one.
        name: Option<Name>,
        /// The tables.
        tables: Vec<Name>,
    },
    /// `CREATE PUBLICATION` or a change of its tables.
    Publication {
        /// The tables; empty for all of a schema or of everything.
        tables: Vec<Name>,
    },
    /// `COMMENT ON`.
    Comment {
        /// What kind of thing it is on.
        on: Object,
        /// Its name; for a column the table's, none where it has another form.
        name: Option<Name>,
    },
    /// `GRANT` or `REVOKE` on tables; on anything else the list is empty.
    Grant {
        /// The tables.
        tables: Vec<Name>,
        /// Whether rights are taken away.
        revoke: bool,
    },
    /// `TRUNCATE`.
    Truncate {
        /// The tables.
        tables: Vec<Name>,
        /// Whether tables with foreign keys to them are emptied too.
        cascade: bool,
    },
    /// `LOCK TABLE`.
    Lock {
        /// The tables.
        tables: Vec<Name>,
        /// The mode as written, in upper case; `ACCESS EXCLUSIVE` where none is.
        mode: String,
    },
    /// `CLUSTER`.
    Cluster {
        /// The table; none for all.
        table: Option<Name>,
    },
    /// `VACUUM`.
    Vacuum {
        /// The tables; empty for all.
        tables: Vec<Name>,
        /// Whether the table is written anew.
        full: bool,
        /// Whether statistics are taken as well.
        analyze: bool,
    },
    /// `ANALYZE`.
    Analyze {
        /// The tables; empty for all.
        tables: Vec<Name>,
    },
    /// `SELECT`, `VALUES`, `TABLE`, `WITH` without changes.
    Select(Query),
    /// `INSERT`, `MERGE`.
    Insert {
        /// Where rows go.
        table: Name,
        /// The columns, where they are given.
        columns: Vec<String>,
        /// What is read; of a plain `VALUES` nothing.
        query: Query,
        /// Whether it is a plain list of rows.
        values: bool,
        /// Rows that are there may be changed: `ON CONFLICT DO UPDATE`, `MERGE`.
        updates: bool,
    },
    /// `UPDATE`.
    Update {
        /// The table.
        table: Name,
        /// The columns that are set.
        columns: Vec<String>,
        /// Which rows; none for all.
        predicate: Option<Expr>,
        /// What else is read.
        query: Query,
    },
    /// `DELETE`.
    Delete {
        /// The table.
        table: Name,
        /// Which rows; none for all.
        predicate: Option<Expr>,
        /// What else is read.
        query: Query,
    },
    /// `COPY`.
    Copy {
        /// The table; none for a query.
        table: Option<Name>,
        /// Whether rows are written to it.
        from: bool,
    },
    /// `SET`, `RESET`, `SELECT set_config(…)`.
    Set {
        /// The parameter, in lower case; `*` for `RESET ALL`.
        parameter: String,
        /// The values; none for `DEFAULT` and `RESET`.
        values: Vec<String>,
        /// Whether it ends with the transaction.
        local: bool,
    },
    /// `BEGIN`, `COMMIT` and their kin.
    Transaction(Transaction),
    /// `DO`: a block in another language. What could be read of it follows as conditional
    /// statements.
    Do {
        /// The language, in lower case.
        language: String,
        /// Whether the block was read to its end and every statement in it follows.
        read: bool,
    },
    /// `ALTER DEFAULT PRIVILEGES`, `ALTER ROLE`, `CREATE ROLE`, `NOTIFY`, and other statements that
    /// neither lock a table nor change what code meets.
    Harmless {
        /// Its first words.
        what: String,
    },
    /// Something that was not understood.
    Unknown {
        /// Why.
        reason: Unknown,
    },
}

/// Why a statement was not understood.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Unknown {
    /// The grammar does not have it.
    Syntax {
        /// What the parser says.
        message: String,
        /// Where, in bytes of the file.
        span: Span,
    },
    /// The grammar has it, and nothing here knows what it does.
    Statement {
        /// Its first words.
        what: String,
    },
    /// A command of a client program, such as `\connect`.
    ClientCommand {
        /// The command.
        what: String,
    },
    /// Placeholders of a template stand where SQL should.
    Template,
}

/// `ALTER` of a table or of something that is altered like one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Alter {
    /// What it is said to be.
    pub object: Object,
    /// Its name.
    pub name: Name,
    /// Whether children are left out.
    pub only: bool,
    /// Whether it is no error if there is none.
    pub if_exists: bool,
    /// What changes, in order, each with its place.
    pub actions: Vec<(AlterAction, Span)>,
}

/// `DROP`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Drop {
    /// What kind of thing.
    pub object: Object,
    /// Which.
    pub names: Vec<Name>,
    /// The table, of a trigger, rule or policy.
    pub on: Option<Name>,
    /// Whether it is no error if there is none.
    pub if_exists: bool,
    /// Whether what depends on it goes as well.
    pub cascade: bool,
    /// Whether it lets others through; only of an index.
    pub concurrently: bool,
}

/// `CREATE INDEX`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CreateIndex {
    /// Its name; the database makes one where there is none.
    pub name: Option<Name>,
    /// The table.
    pub table: Name,
    /// Whether partitions are left out.
    pub only: bool,
    /// Whether it is unique.
    pub unique: bool,
    /// Whether it lets writers through while it is built.
    pub concurrently: bool,
    /// Whether one that exists is left as it is.
    pub if_not_exists: bool,
    /// The access method in lower case; `btree` where none is given.
    pub method: String,
    /// What is indexed, in order.
    pub keys: Vec<IndexKey>,
    /// Columns that are only stored in it.
    pub include: Vec<String>,
    /// Which rows; none for all.
    pub predicate: Option<Expr>,
    /// Whether two nulls count as the same: `NULLS NOT DISTINCT`.
    pub nulls_not_distinct: bool,
}

/// One key of an index.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IndexKey {
    /// A column or another expression.
    pub expr: Expr,
    /// What follows it, as written: collation, operator class, order.
    pub options: String,
}

/// What a query reads.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Query {
    /// The tables and views, sub-queries included, names of `WITH` not.
    pub tables: Vec<Name>,
    /// Whether rows are locked: `FOR UPDATE` and its kin.
    pub locks_rows: bool,
    /// The functions that are called.
    pub functions: Vec<Name>,
    /// The columns that are mentioned, each as the last part of its name.
    pub columns: Vec<String>,
    /// Whether all columns are taken: `*`.
    pub star: bool,
    /// The columns that it returns, as far as its text says; empty where nothing is known.
    pub outputs: Vec<Output>,
}

/// What a query returns at one place of its list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Output {
    /// `*` or `t.*`: all columns of these tables, in order. Empty where it cannot be told which.
    All {
        /// The tables.
        tables: Vec<Name>,
    },
    /// One column.
    One {
        /// Its name, as PostgreSQL makes one where none is given.
        name: String,
        /// What it is.
        expr: Expr,
    },
}

/// `BEGIN`, `COMMIT` and their kin.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Transaction {
    /// It begins.
    Begin,
    /// It ends, and what was done stays.
    Commit,
    /// It ends, and what was done goes.
    Rollback,
    /// Something inside: `SAVEPOINT`, `RELEASE`, `SET TRANSACTION`, `SET CONSTRAINTS`.
    Inner,
}

/// What `REINDEX` builds again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ReindexTarget {
    /// One index.
    Index,
    /// All of a table.
    Table,
    /// All of a schema.
    Schema,
    /// All of the database, or all of the catalogs.
    Database,
}

/// What a function promises about its results:
/// <https://www.postgresql.org/docs/current/xfunc-volatility.html>.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Volatility {
    /// Always the same for the same arguments.
    Immutable,
    /// The same within one statement.
    Stable,
    /// Anything.
    Volatile,
}

/// A kind of thing that statements name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Object {
    /// A table.
    Table,
    /// A foreign table.
    ForeignTable,
    /// A view.
    View,
    /// A materialized view.
    MaterializedView,
    /// An index.
    Index,
    /// A sequence.
    Sequence,
    /// A column of a table.
    Column,
    /// A constraint of a table or domain.
    Constraint,
    /// A trigger.
    Trigger,
    /// A rule.
    Rule,
    /// A policy.
    Policy,
    /// A type that is no domain.
    Type,
    /// A domain.
    Domain,
    /// A function, a procedure or an aggregate.
    Function,
    /// A schema.
    Schema,
    /// An extension.
    Extension,
    /// A statistics object.
    Statistics,
    /// A publication.
    Publication,
    /// Anything else.
    Other,
}
