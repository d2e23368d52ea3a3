//! What was asked for, and what came of it.

use std::collections::BTreeMap;
use std::fmt;
use std::time::Duration;

/// Tables in which tools keep which migrations have run. Rows made up there would make them skip
/// migrations.
pub const BOOKKEEPING: &[&str] = &[
    "schema_migrations",
    "schema_migration",
    "schema_info",
    "ar_internal_metadata",
    "flyway_schema_history",
    "schema_version",
    "databasechangelog",
    "databasechangeloglock",
    "__diesel_schema_migrations",
    "_sqlx_migrations",
    "_prisma_migrations",
    "alembic_version",
    "django_migrations",
    "goose_db_version",
    "gorp_migrations",
    "knex_migrations",
    "knex_migrations_lock",
    "pgmigrations",
    "refinery_schema_history",
    "atlas_schema_revisions",
    "__drizzle_migrations",
    "__efmigrationshistory",
    "seaql_migrations",
    "doctrine_migration_versions",
    "migrations",
    "typeorm_metadata",
    "sequelizemeta",
    "db_migrations",
];

/// Which tables are to be filled.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Tables {
    /// All of the user's tables, except for those in [`BOOKKEEPING`], in the schemas `switchback` and
    /// `_switchback`, and of extensions.
    All,
    /// These, each as `table` or `schema.table`, quoted as SQL demands.
    Named(Vec<String>),
}

/// What to do with tables that have rows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Existing {
    /// Add rows up to the number asked for.
    TopUp,
    /// Leave them as they are.
    Leave,
}

/// How tables are to be filled.
#[derive(Debug, Clone)]
pub struct Request {
    /// The same seed and schema give the same rows.
    pub seed: u64,
    /// Rows of a table.
    pub rows: u64,
    /// Rows of some tables, by `schema.table` as the catalog has it, without quotes.
    pub rows_of: BTreeMap<String, u64>,
    /// Which tables.
    pub tables: Tables,
    /// What to do with those that have rows.
    pub existing: Existing,
    /// Whether tables that got 1,000 rows or more are analyzed.
    pub analyze: bool,
    /// Whether the connection is inside of a transaction.
    pub in_transaction: bool,
    /// How long a statement may take; a table is given up after one that takes longer.
    pub statement_timeout: Duration,
    /// How long to wait for a lock.
    pub lock_timeout: Duration,
}

impl Request {
    /// So many rows in every table, topping up those that have some.
    pub fn new(seed: u64, rows: u64) -> Self {
        Self {
            seed,
            rows,
            rows_of: BTreeMap::new(),
            tables: Tables::All,
            existing: Existing::TopUp,
            analyze: true,
            in_transaction: false,
            statement_timeout: Duration::from_mins(2),
            lock_timeout: Duration::from_secs(5),
        }
    }
}

/// What the server said when it refused something.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refusal {
    /// The SQLSTATE code.
    pub code: String,
    /// The message, with the detail if there is one.
    pub message: String,
    /// The constraint, if it was one.
    pub constraint: Option<String>,
}

impl Refusal {
    /// Tells an answer of the server from a connection that is gone.
    pub(super) fn told<T>(
        result: Result<T, postgres::Error>,
    ) -> Result<Result<T, Self>, postgres::Error> {
        let error = match result {
            Ok(value) => return Ok(Ok(value)),
            Err(error) => error,
        };
        let Some(told) = error.as_db_error() else {
            return Err(error);
        };
        // The server is about to end the session.
        if told.code().code().starts_with("57P") {
            return Err(error);
        }
        let detail = told
            .detail()
            .map_or_else(String::new, |d| format!(" ({d})"));
        Ok(Err(Self {
            code: told.code().code().to_owned(),
            message: format!("{}{detail}", told.message()),
            constraint: told.constraint().map(str::to_owned),
        }))
    }
}

impl Refusal {
    /// Whether a statement or a lock took too long; doing it again would too.
    pub(super) fn is_wait(&self) -> bool {
        ["57014", "55P03"].contains(&self.code.as_str())
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} [{}]", self.message, self.code)
    }
}

/// Why a table has fewer rows than asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Reason {
    /// No further row was found that the server takes; what it said last.
    Refused(Refusal),
    /// A table that has to be referenced has no rows.
    NothingToReference {
        /// The foreign key.
        constraint: String,
        /// The table without rows, as `schema.table`.
        table: String,
    },
    /// Each row of a table may be referenced once, and all of them are.
    AllReferenced {
        /// The foreign key.
        constraint: String,
    },
    /// Every row made was like one that is there, as far as a unique key goes.
    NothingNew,
    /// Rows were inserted, and a trigger of the table removed them.
    RemovedByTrigger,
    /// The table is partitioned and has no partition that holds rows.
    NoPartition,
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Refused(refusal) => write!(f, "{refusal}"),
            Self::NothingToReference { constraint, table } => {
                write!(f, "{constraint} references {table}, which has no rows")
            }
            Self::AllReferenced { constraint } => {
                write!(f, "{constraint} may reference each row once, and all are")
            }
            Self::NothingNew => f.write_str("a unique key leaves no further rows"),
            Self::RemovedByTrigger => f.write_str("a trigger removed the rows"),
            Self::NoPartition => f.write_str("the table has no partitions that hold rows"),
        }
    }
}

/// What came of a table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// It had enough rows, or had some and was to be left.
    Untouched,
    /// It has as many rows as asked for.
    Complete,
    /// It has some rows.
    Short(Reason),
    /// It has no rows.
    Empty(Reason),
}

/// One table's result.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TableFilled {
    /// The schema, as in the catalog.
    pub schema: String,
    /// The table, as in the catalog.
    pub table: String,
    /// Rows that were there before, counted up to the number asked for.
    pub before: u64,
    /// Rows that were inserted.
    pub inserted: u64,
    /// What came of it.
    pub outcome: Outcome,
    /// Why some rows could only be inserted with the table's triggers disabled
    /// (`session_replication_role = replica`); nothing where that was not necessary. Foreign
    /// keys were compared afterwards.
    pub triggers_off: Option<Reason>,
    /// Foreign keys that stay null where they could have been filled, because updating them
    /// failed.
    pub left_null: Vec<String>,
}

/// What came of it, table by table: by schema and name.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Filled {
    /// The tables.
    pub tables: Vec<TableFilled>,
}

impl Filled {
    /// Rows that were inserted.
    pub fn inserted(&self) -> u64 {
        self.tables.iter().map(|table| table.inserted).sum()
    }

    /// Tables with fewer rows than asked for, and why.
    pub fn lacking(&self) -> impl Iterator<Item = (&TableFilled, &Reason)> {
        self.tables.iter().filter_map(|table| match &table.outcome {
            Outcome::Short(reason) | Outcome::Empty(reason) => Some((table, reason)),
            Outcome::Untouched | Outcome::Complete => None,
        })
    }

    /// The result of a table.
    pub fn table(&self, schema: &str, table: &str) -> Option<&TableFilled> {
        self.tables
            .iter()
            .find(|one| one.schema == schema && one.table == table)
    }
}

/// Why nothing can be filled.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SynthError {
    /// A table that was named does not exist, or is none that can be filled.
    #[error("there is no table {name} that can be filled")]
    UnknownTable {
        /// As it was named.
        name: String,
    },
    /// The server did not answer, or refused what has nothing to do with one table.
    #[error("the database could not be filled: {during} failed")]
    Server {
        /// What was being done.
        during: &'static str,
        /// What the client says.
        source: postgres::Error,
    },
}

impl SynthError {
    pub(super) fn during(during: &'static str) -> impl Fn(postgres::Error) -> Self {
        move |source| Self::Server { during, source }
    }
}
