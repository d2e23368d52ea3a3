//! What somebody wants to change, on whatever engine.

use std::collections::BTreeMap;

/// A change that is wanted. Names are as the database spells them; types and expressions are SQL.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Request {
    /// A column that code may leave out.
    AddColumn {
        /// The table.
        table: String,
        /// The column.
        column: String,
        /// Its type.
        type_sql: String,
        /// Its default, a constant.
        default: Option<String>,
    },
    /// A column that every row must have.
    AddRequiredColumn {
        /// The table.
        table: String,
        /// The column.
        column: String,
        /// Its type.
        type_sql: String,
        /// What existing rows get: an expression over the row.
        value: String,
    },
    /// Another name for a column.
    RenameColumn {
        /// The table.
        table: String,
        /// The column.
        from: String,
        /// Its new name.
        to: String,
    },
    /// Columns become other columns of the same table: a split, a merge, another type.
    Move(Move),
    /// A value more that a column takes.
    AddValue {
        /// The table.
        table: String,
        /// The column.
        column: String,
        /// The value.
        value: String,
        /// What rows that have it get on the way back; without it none may have it then.
        fallback: Option<String>,
    },
    /// A value less that a column takes.
    RemoveValue {
        /// The table.
        table: String,
        /// The column.
        column: String,
        /// The value.
        value: String,
        /// What rows that have it get instead.
        replacement: String,
    },
    /// An index.
    AddIndex {
        /// The table.
        table: String,
        /// Its name.
        name: String,
        /// Its keys, each a column or an expression, as SQL.
        keys: Vec<String>,
        /// The access method; the usual one where there is none.
        method: Option<String>,
        /// Which rows, as SQL; all where there is none.
        only: Option<String>,
    },
    /// A rule for every row.
    AddCheck {
        /// The table.
        table: String,
        /// Its name.
        name: String,
        /// The rule, as SQL.
        rule: String,
        /// What rows that break it get, by column; without it none may.
        mend: BTreeMap<String, String>,
    },
    /// A column that may not be null any more.
    AddNotNull {
        /// The table.
        table: String,
        /// The column.
        column: String,
        /// What rows without a value get; without it there may be none.
        mend: Option<String>,
    },
    /// Columns that no two rows may have in common.
    AddUnique {
        /// The table.
        table: String,
        /// Its name.
        name: String,
        /// The columns.
        columns: Vec<String>,
    },
    /// Columns that point to another table.
    AddForeignKey {
        /// The table.
        table: String,
        /// Its name.
        name: String,
        /// The columns.
        columns: Vec<String>,
        /// The table that they point to.
        to_table: String,
        /// The columns there.
        to_columns: Vec<String>,
        /// What follows, such as `ON DELETE CASCADE`; often nothing.
        actions: String,
    },
    /// A column goes.
    DropColumn {
        /// The table.
        table: String,
        /// The column.
        column: String,
        /// What rows that are written without it get, a constant; needed where it is NOT NULL and
        /// has no default.
        default: Option<String>,
    },
    /// A table goes.
    DropTable {
        /// The table.
        table: String,
    },
    /// The columns of a table move to the table to whose rows its own belong.
    MergeTables(Merge),
}

/// Two tables with one row each for one thing become one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Merge {
    /// The table that stays.
    pub into: String,
    /// The table that goes. Each of its rows points to one row of the other, and to each of those
    /// points at most one.
    pub from: String,
    /// The columns by which it points there; those of its one foreign key to it where there are none.
    pub by: Vec<String>,
    /// Other names for its columns over there, by column.
    pub names: BTreeMap<String, String>,
    /// What the names of its other columns begin with over there; often nothing.
    pub prefix: String,
}

impl Merge {
    /// What a column is called over there.
    pub(crate) fn named(&self, column: &str) -> String {
        let other = self.names.get(column).cloned();
        other.unwrap_or_else(|| format!("{}{column}", self.prefix))
    }
}

/// Columns that become other columns of the same table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Move {
    /// What it is called.
    pub kind: MoveKind,
    /// The table.
    pub table: String,
    /// The columns that it begins with.
    pub old: Vec<String>,
    /// The columns that it ends with.
    pub new: Vec<NewColumn>,
    /// What each old column gets from the new ones, as SQL; nothing where that cannot be said.
    pub back: BTreeMap<String, String>,
}

/// What a move is called.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MoveKind {
    /// One becomes several.
    Split,
    /// Several become one.
    Merge,
    /// One becomes one of another type.
    ChangeType,
}

/// A column that a move makes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewColumn {
    /// Its name.
    pub name: String,
    /// Its type, as SQL.
    pub type_sql: String,
    /// What it gets from the old columns, as SQL.
    pub value: String,
}

impl Request {
    /// The table that it is about.
    pub fn table(&self) -> &str {
        match self {
            Request::AddColumn { table, .. }
            | Request::AddRequiredColumn { table, .. }
            | Request::RenameColumn { table, .. }
            | Request::AddValue { table, .. }
            | Request::RemoveValue { table, .. }
            | Request::AddIndex { table, .. }
            | Request::AddCheck { table, .. }
            | Request::AddNotNull { table, .. }
            | Request::AddUnique { table, .. }
            | Request::AddForeignKey { table, .. }
            | Request::DropColumn { table, .. }
            | Request::DropTable { table } => table,
            Request::Move(it) => &it.table,
            Request::MergeTables(it) => &it.into,
        }
    }
}
