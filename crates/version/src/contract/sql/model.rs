//! What a database holds, as far as those see it who read from it and write to it.
//!
//! Whoever knows SQL makes these values; expressions come in as texts that are the same where they
//! mean the same. Indexes are not here unless they are unique, nor is anything else that only makes
//! statements slower or faster.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

/// The name of something in a schema.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Name {
    /// The schema.
    pub schema: String,
    /// The name in it.
    pub name: String,
}

impl Name {
    /// A name in a schema.
    pub fn new(schema: impl Into<String>, name: impl Into<String>) -> Self {
        Self {
            schema: schema.into(),
            name: name.into(),
        }
    }
}

impl fmt::Display for Name {
    /// As it can be written in SQL: `public.orders`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", quoted(&self.schema), quoted(&self.name))
    }
}

/// A name as it can be written in SQL, in quotes where it needs them.
pub fn quoted(name: &str) -> String {
    let begins = |it: char| it.is_ascii_lowercase() || it == '_';
    let goes_on = |it: char| begins(it) || it.is_ascii_digit();
    match name.starts_with(begins) && name.chars().all(goes_on) {
        true => name.to_owned(),
        false => format!("\"{}\"", name.replace('"', "\"\"")),
    }
}

/// What a database holds.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Schema {
    /// Schemas (namespaces).
    pub namespaces: BTreeSet<String>,
    /// Tables, views, and sequences that belong to no column.
    pub relations: BTreeMap<Name, Relation>,
    /// Types that somebody made.
    pub types: BTreeMap<Name, Type>,
    /// Functions and procedures that somebody made. Of several with one name it is not known how many
    /// there are and what they take.
    pub functions: BTreeSet<Name>,
    /// Extensions.
    pub extensions: BTreeSet<String>,
    /// What it was read from and could not be understood.
    pub unread: Vec<Unread>,
    /// The file and the line, from 1, where something was last changed, or where it went, by its
    /// [pointer](Schema::table_part); not of everything.
    pub places: BTreeMap<String, (String, usize)>,
    /// The file and the line for what has no other place.
    pub whole: (String, usize),
}

/// Something in the texts of a schema that was not understood, so that it may have done anything that
/// its words allow.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unread {
    /// The file.
    pub file: String,
    /// The line, from 1.
    pub line: usize,
    /// What it is and why it was not understood, as the end of a sentence.
    pub what: String,
    /// Its text: the same in two schemas where it is the same statement.
    pub id: String,
    /// All texts up to it and with it: the same in two schemas where it did the same.
    pub mark: String,
    /// Whether it may change what it does not name.
    pub anything: bool,
    /// All words in it in lower case, also those in its strings.
    pub words: BTreeSet<String>,
}

/// A table, a view or a sequence.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Relation {
    /// What it is.
    pub kind: Kind,
    /// Its columns, in order.
    pub columns: Vec<Column>,
    /// Whether more may be in it than is said here.
    pub partial: bool,
    /// Whether it survives a crash.
    pub logged: bool,
    /// What identifies a row: primary key, unique constraints, unique indexes.
    pub keys: Vec<Key>,
    /// What else is demanded of rows.
    pub constraints: Vec<Constraint>,
    /// The table that it is a partition of.
    pub partition_of: Option<Name>,
    /// The tables and columns that a view reads, sorted.
    pub reads: Vec<String>,
    /// The names of triggers and rules, which may do anything when rows are written.
    pub triggers: BTreeSet<String>,
    /// The names of policies, which may hide rows.
    pub policies: BTreeSet<String>,
}

/// What a relation is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// A table, a foreign one too.
    Table,
    /// A view.
    View,
    /// A materialized view.
    Materialized,
    /// A sequence.
    Sequence,
}

/// A column of a table, or an attribute of a composite type.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Column {
    /// Its name.
    pub name: String,
    /// Its type; none where it is not known.
    pub type_of: Option<TypeOf>,
    /// Its collation, where it is not that of the type.
    pub collation: Option<String>,
    /// Whether it cannot be null.
    pub not_null: bool,
    /// What it holds where nobody gives a value.
    pub fill: Fill,
}

/// What a column holds where nobody gives a value.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum Fill {
    /// Null.
    #[default]
    Nothing,
    /// A default.
    Default(String),
    /// The next number: `serial`, `GENERATED BY DEFAULT AS IDENTITY`.
    Next,
    /// The next number, and nobody else may give one: `GENERATED ALWAYS AS IDENTITY`.
    Always,
    /// What is computed from others, and nobody may give a value.
    Computed(String),
}

/// A type as a column has it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct TypeOf {
    /// Which.
    pub base: Base,
    /// Length, or precision and scale.
    pub modifiers: Vec<i64>,
    /// Whether it is an array of it.
    pub array: bool,
}

/// A type without what stands behind its name.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Base {
    /// One of the server's, as `pg_type` calls it: `int4`.
    BuiltIn(String),
    /// One that somebody made.
    Made(Name),
}

/// A primary key, a unique constraint or a unique index.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Key {
    /// Its name.
    pub name: String,
    /// Columns and expressions.
    pub parts: Vec<String>,
    /// For which rows; none for all.
    pub predicate: Option<String>,
    /// Whether it is the primary key.
    pub primary: bool,
    /// Whether two nulls count as the same.
    pub nulls_not_distinct: bool,
    /// Whether it may be checked at the end of the transaction; then `ON CONFLICT` cannot take it.
    pub deferrable: bool,
}

/// What is demanded of rows besides keys.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Constraint {
    /// Its name.
    pub name: String,
    /// What it demands.
    pub demand: Demand,
    /// Whether it may be checked at the end of the transaction.
    pub deferrable: bool,
}

/// What a constraint demands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Demand {
    /// `CHECK`.
    Check(Check),
    /// `EXCLUDE`, with the columns that it mentions.
    Exclusion {
        /// What it says.
        text: String,
        /// The columns that it mentions.
        columns: Vec<String>,
    },
    /// `FOREIGN KEY`.
    Reference {
        /// The columns here.
        columns: Vec<String>,
        /// The other table.
        table: Name,
        /// The columns there.
        referred: Vec<String>,
        /// What happens to rows here when one there goes: `CASCADE`; empty where it is refused.
        on_delete: String,
    },
}

/// A condition that rows or values have to meet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Check {
    /// The condition.
    pub text: String,
    /// The columns that it mentions.
    pub columns: Vec<String>,
    /// The values that it lists, if it does nothing else.
    pub values: Option<BTreeSet<String>>,
}

/// A type that somebody made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Type {
    /// Its values, in order.
    Enum(Vec<String>),
    /// A domain.
    Domain {
        /// What it is made of; what fills it and whether null is refused is said as of a column.
        column: Column,
        /// Its checks by name.
        checks: BTreeMap<String, Check>,
    },
    /// Columns.
    Composite(Vec<Column>),
    /// A range, a base type, one of an extension.
    Other,
}

impl Kind {
    /// As people call it.
    pub(super) const fn word(self) -> &'static str {
        match self {
            Kind::Table => "a table",
            Kind::View => "a view",
            Kind::Materialized => "a materialized view",
            Kind::Sequence => "a sequence",
        }
    }

    /// Whether it shows what a query finds.
    pub(super) const fn is_view(self) -> bool {
        matches!(self, Kind::View | Kind::Materialized)
    }
}

impl Fill {
    /// Whether nobody may give a value.
    pub(super) const fn refuses_values(&self) -> bool {
        matches!(self, Fill::Always | Fill::Computed(_))
    }
}

impl fmt::Display for Fill {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Fill::Nothing => f.write_str("no default"),
            Fill::Default(text) => write!(f, "DEFAULT {text}"),
            Fill::Next => f.write_str("the next number"),
            Fill::Always => f.write_str("GENERATED ALWAYS AS IDENTITY"),
            Fill::Computed(text) => write!(f, "GENERATED ALWAYS AS ({text})"),
        }
    }
}

impl fmt::Display for TypeOf {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.base {
            Base::BuiltIn(name) => f.write_str(match name.as_str() {
                "bool" => "boolean",
                "bpchar" => "character",
                "float4" => "real",
                "float8" => "double precision",
                "int2" => "smallint",
                "int4" => "integer",
                "int8" => "bigint",
                other => other,
            })?,
            Base::Made(name) => name.fmt(f)?,
        }
        let modifiers: Vec<String> = self.modifiers.iter().map(i64::to_string).collect();
        if !modifiers.is_empty() {
            write!(f, "({})", modifiers.join(","))?;
        }
        f.write_str(if self.array { "[]" } else { "" })
    }
}

impl Schema {
    /// The pointer of a column of a table, or of an attribute of a type.
    pub fn table_part(table: &Name, column: &str) -> String {
        format!("{table}.{}", quoted(column))
    }

    /// The pointer of a constraint, of a table or a domain, or of a unique index.
    pub fn constraint(of: &Name, name: &str) -> String {
        format!("{of} constraint {}", quoted(name))
    }

    /// The pointer of a value of an enum.
    pub fn value(of: &Name, value: &str) -> String {
        format!("{of} value {}", quoted(value))
    }

    /// The pointer of a function.
    pub fn function(name: &Name) -> String {
        format!("function {name}")
    }

    /// The pointer of a schema (namespace).
    pub fn namespace(name: &str) -> String {
        format!("schema {}", quoted(name))
    }

    /// The pointer of an extension.
    pub fn extension(name: &str) -> String {
        format!("extension {}", quoted(name))
    }
}

impl Unread {
    /// Whether it names something.
    pub(super) fn says(&self, name: &str) -> bool {
        let mut words = words(name).peekable();
        words.peek().is_none() || words.all(|it| self.words.contains(&it))
    }
}

/// The words of a text, in lower case.
pub fn words(text: &str) -> impl Iterator<Item = String> + '_ {
    let parts = text.split(|it: char| !(it.is_alphanumeric() || it == '_'));
    parts.filter(|it| !it.is_empty()).map(str::to_lowercase)
}

impl Relation {
    pub(super) fn column(&self, name: &str) -> Option<&Column> {
        self.columns.iter().find(|it| it.name == name)
    }
}
