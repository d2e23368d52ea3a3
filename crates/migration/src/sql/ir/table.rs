//! Tables, columns and constraints as statements declare them.

use super::{Expr, Name, Query, Span, TypeName};

/// `CREATE TABLE`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CreateTable {
    /// Its name.
    pub name: Name,
    /// How long it lasts.
    pub persistence: Persistence,
    /// Whether it is a foreign table.
    pub foreign: bool,
    /// Whether one that exists is left as it is.
    pub if_not_exists: bool,
    /// Its columns; for `AS` only names are known, if they are given.
    pub columns: Vec<Column>,
    /// Constraints of the table; those of a column stand there.
    pub constraints: Vec<Constraint>,
    /// `LIKE` clauses.
    pub like: Vec<Like>,
    /// Tables that it inherits from.
    pub inherits: Vec<Name>,
    /// Where it is a partition: of what, and for which values.
    pub partition_of: Option<(Name, Bound)>,
    /// How it is partitioned itself.
    pub partition_by: Option<Partition>,
    /// The composite type that its columns come from: `OF`.
    pub of_type: Option<Name>,
    /// `AS`: what it is filled from.
    pub query: Option<Query>,
    /// `TABLESPACE`.
    pub tablespace: Option<String>,
    /// `USING`: its access method.
    pub access_method: Option<String>,
}

/// How long a table lasts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Persistence {
    /// It lasts.
    #[default]
    Permanent,
    /// It lasts until a crash.
    Unlogged,
    /// It lasts as long as its session.
    Temporary,
}

/// `LIKE`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Like {
    /// The other table.
    pub table: Name,
    /// `INCLUDING` and what, in upper case, in order.
    pub including: Vec<String>,
    /// `EXCLUDING` and what, in upper case, in order.
    pub excluding: Vec<String>,
    /// How many columns are declared before it.
    pub position: usize,
}

/// `PARTITION BY`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Partition {
    /// `range`, `list` or `hash`.
    pub strategy: String,
    /// By what.
    pub keys: Vec<Expr>,
}

/// The values that a partition is for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Bound {
    /// `DEFAULT`: all that no other takes.
    Default,
    /// `IN (…)`.
    In(Vec<Expr>),
    /// `FROM (…) TO (…)`; `MINVALUE` and `MAXVALUE` are columns of that lower-case name.
    FromTo(Vec<Expr>, Vec<Expr>),
    /// `WITH (MODULUS …, REMAINDER …)`.
    Hash {
        /// The modulus.
        modulus: i64,
        /// The remainder.
        remainder: i64,
    },
}

/// A column.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Column {
    /// Its name.
    pub name: String,
    /// Where its declaration is.
    pub span: Span,
    /// Its type; none where it comes from elsewhere.
    pub type_name: Option<TypeName>,
    /// `COLLATE`.
    pub collation: Option<Name>,
    /// `DEFAULT`.
    pub default: Option<Expr>,
    /// `GENERATED`.
    pub generated: Option<Generated>,
    /// Whether it says how values that are long are kept (`STORAGE`).
    pub storage: bool,
    /// Whether it says how they are compressed (`COMPRESSION`).
    pub compression: bool,
    /// Constraints that stand at the column, `NOT NULL` included.
    pub constraints: Vec<Constraint>,
}

/// `GENERATED`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Generated {
    /// `AS (expression)`.
    Expression {
        /// The expression.
        expr: Expr,
        /// Whether its value is stored.
        stored: bool,
    },
    /// `AS IDENTITY`.
    Identity {
        /// Whether values cannot be given: `ALWAYS`.
        always: bool,
    },
}

/// A constraint.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Constraint {
    /// Its name, where it is given.
    pub name: Option<String>,
    /// Where it is.
    pub span: Span,
    /// What it demands.
    pub kind: ConstraintKind,
    /// Whether existing rows are not looked at.
    pub not_valid: bool,
    /// Whether nothing is enforced at all (PostgreSQL 18).
    pub not_enforced: bool,
    /// Whether it may be checked at the end of the transaction.
    pub deferrable: bool,
    /// Whether children do not have it.
    pub no_inherit: bool,
    /// Columns that its index only stores: `INCLUDE`.
    pub include: Vec<String>,
    /// Whether two nulls count as the same: `NULLS NOT DISTINCT`.
    pub nulls_not_distinct: bool,
    /// The access method of its index in lower case, of `EXCLUDE`, where one is given.
    pub method: Option<String>,
    /// For which rows it holds, of `EXCLUDE`; none for all.
    pub predicate: Option<Expr>,
}

/// What a constraint demands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ConstraintKind {
    /// `NULL`: nothing.
    Null,
    /// `NOT NULL`.
    NotNull {
        /// The column, of a constraint of a table (PostgreSQL 18); of a column its own.
        column: String,
    },
    /// `CHECK`.
    Check(Expr),
    /// `UNIQUE`.
    Unique {
        /// The columns.
        columns: Vec<String>,
        /// An index that is there already and becomes the constraint's.
        using: Option<String>,
    },
    /// `PRIMARY KEY`.
    PrimaryKey {
        /// The columns.
        columns: Vec<String>,
        /// An index that is there already and becomes the constraint's.
        using: Option<String>,
    },
    /// `REFERENCES`, `FOREIGN KEY`.
    ForeignKey {
        /// The columns here.
        columns: Vec<String>,
        /// The other table.
        table: Name,
        /// The columns there; empty for its primary key.
        referred: Vec<String>,
        /// What happens to rows here when a row there goes.
        on_delete: OnDelete,
    },
    /// `EXCLUDE`.
    Exclude {
        /// The columns and expressions that are compared.
        keys: Vec<Expr>,
    },
}

/// What happens to a row whose foreign key points to a row that goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum OnDelete {
    /// The row that should go stays.
    #[default]
    Refuse,
    /// It goes as well.
    Cascade,
    /// Its key becomes null or the default.
    Set,
}
