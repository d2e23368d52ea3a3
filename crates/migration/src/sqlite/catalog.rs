//! What a database says about one table, as far as planning needs it.
//!
//! Pure data: an engine's adapter fills it in. Deliberately absent: statistics and row counts,
//! because a plan must not depend on what may change before it is applied.

use crate::definition::MADE;
use crate::sqlite::text::{Token, mentions};

/// The names of the row id, where no column has them.
pub const ROWID: [&str; 3] = ["rowid", "_rowid_", "oid"];

/// One table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Table {
    /// Its name, as the schema spells it.
    pub name: String,
    /// Whether it stores rows itself.
    pub kind: TableKind,
    /// Whether it was made `WITHOUT ROWID`.
    pub without_rowid: bool,
    /// Whether it was made `STRICT`.
    pub strict: bool,
    /// Its columns, in order.
    pub columns: Vec<Column>,
    /// Its indexes, those that stand for constraints included.
    pub indexes: Vec<Index>,
    /// Its foreign keys, one entry for each pair of columns.
    pub foreign_keys: Vec<ForeignKey>,
    /// The foreign keys of any table that point here, one entry for each pair of columns.
    pub referenced_by: Vec<ForeignKey>,
    /// Triggers on it, and triggers on other tables that mention it.
    pub triggers: Vec<Named>,
    /// Views that mention it.
    pub views: Vec<Named>,
    /// The statement that made it.
    pub sql: String,
}

/// What kind of table it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TableKind {
    /// It stores rows.
    Ordinary,
    /// A module implements it.
    Virtual,
    /// It is a view.
    View,
}

/// One column.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Column {
    /// Its name, as the schema spells it.
    pub name: String,
    /// The declared type; empty where there is none.
    pub declared_type: String,
    /// Whether it is `NOT NULL`.
    pub not_null: bool,
    /// The default as SQL.
    pub default: Option<String>,
    /// Its place in the primary key from 1, or 0.
    pub primary_key: u32,
    /// Whether it is generated or hidden: it cannot be written.
    pub generated: bool,
    /// Its collation, such as `BINARY`.
    pub collation: String,
}

/// One index.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Index {
    /// Its name.
    pub name: String,
    /// Whether it is unique.
    pub unique: bool,
    /// What made it.
    pub origin: IndexOrigin,
    /// Whether it covers only some of the rows.
    pub partial: bool,
    /// Its key columns, in order.
    pub columns: Vec<IndexColumn>,
    /// The statement that made it; none where a constraint did.
    pub sql: Option<String>,
}

/// What made an index.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum IndexOrigin {
    /// `CREATE INDEX`.
    Created,
    /// A `UNIQUE` constraint.
    Unique,
    /// A `PRIMARY KEY`.
    PrimaryKey,
}

/// One key column of an index.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IndexColumn {
    /// The column; none where it is an expression.
    pub name: Option<String>,
    /// Whether it is in descending order.
    pub descending: bool,
    /// Its collation.
    pub collation: String,
}

/// One pair of columns of a foreign key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ForeignKey {
    /// The table that has the key.
    pub table: String,
    /// The column that has the key.
    pub column: String,
    /// The table that it points to.
    pub target: String,
    /// The column that it points to; none where it points to the primary key.
    pub target_column: Option<String>,
}

/// A trigger or a view.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Named {
    /// Its name.
    pub name: String,
    /// The statement that made it.
    pub sql: String,
}

/// How SQLite converts what is stored: <https://www.sqlite.org/datatype3.html#determination_of_column_affinity>.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Affinity {
    /// Numbers become text.
    Text,
    /// Text that looks like a number becomes one; integers stay integers.
    Numeric,
    /// Every number becomes floating point.
    Real,
    /// Nothing is converted.
    Blob,
}

impl Table {
    /// The first trigger that a change of these columns could harm, or be harmed by: any, except those
    /// of other changes that leave the columns alone.
    pub fn trigger_in_the_way(&self, columns: &[String]) -> Option<&Named> {
        let apart = |trigger: &&Named| {
            trigger.name.starts_with(MADE) && !columns.iter().any(|it| mentions(&trigger.sql, it))
        };
        self.triggers.iter().find(|it| !apart(it))
    }

    /// The column with this name; SQLite compares names without regard to ASCII case.
    pub fn column(&self, name: &str) -> Option<&Column> {
        self.columns
            .iter()
            .find(|column| column.name.eq_ignore_ascii_case(name))
    }

    /// A name that means the row id here, if no column hides all three.
    pub fn rowid(&self) -> Option<&'static str> {
        ROWID.into_iter().find(|name| self.column(name).is_none())
    }

    /// The tokens of the statement that made the table.
    pub fn tokens(&self) -> Vec<Token> {
        crate::sqlite::text::tokens(&self.sql)
    }
}

impl Column {
    /// The affinity that the declared type gives. `strict` is that of the table.
    pub fn affinity(&self, strict: bool) -> Affinity {
        let kind = self.declared_type.to_ascii_uppercase();
        let has = |part: &str| kind.contains(part);
        if strict && kind == "ANY" {
            Affinity::Blob
        } else if has("INT") {
            Affinity::Numeric
        } else if has("CHAR") || has("CLOB") || has("TEXT") {
            Affinity::Text
        } else if has("BLOB") || kind.is_empty() {
            Affinity::Blob
        } else if has("REAL") || has("FLOA") || has("DOUB") {
            Affinity::Real
        } else {
            Affinity::Numeric
        }
    }
}

impl Index {
    /// Whether `column` is one of its key columns.
    pub fn covers(&self, column: &str) -> bool {
        self.columns.iter().any(|key| {
            key.name
                .as_deref()
                .is_some_and(|name| name.eq_ignore_ascii_case(column))
        })
    }
}
