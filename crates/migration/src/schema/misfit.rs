//! Why a statement does not fit what a database holds.

use std::fmt;

use crate::sql::ir::{Name, Object};

/// Why a statement does not fit what a database holds: PostgreSQL would refuse it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Misfit {
    /// There is none of this name.
    NoSuch {
        /// What it is said to be.
        object: Object,
        /// Its name, in full where it has a schema.
        name: Name,
    },
    /// There is none of this name in a table or type: a column, a constraint, a trigger, a rule, a
    /// policy, a value of an enum (as [`Object::Other`]).
    NoSuchIn {
        /// What it is said to be.
        object: Object,
        /// The table or type.
        of: Name,
        /// Its name.
        name: String,
    },
    /// There is one of this name already.
    AlreadyExists {
        /// What should be made.
        object: Object,
        /// Its name.
        name: Name,
    },
    /// There is one of this name in a table or type already.
    AlreadyExistsIn {
        /// What should be made.
        object: Object,
        /// The table or type.
        of: Name,
        /// Its name.
        name: String,
    },
    /// It is something else.
    WrongKind {
        /// Its name.
        name: Name,
        /// What it is said to be.
        said: Object,
        /// What it is.
        is: Object,
    },
    /// Something depends on it, and the statement does not say `CASCADE`, or cannot.
    StillUsed {
        /// What it is.
        object: Object,
        /// Its name; of a part of a table, that of the table.
        name: Name,
        /// Which part, if it is one.
        part: Option<String>,
        /// What depends on it, by name.
        by: String,
    },
    /// The table has a primary key already.
    SecondPrimaryKey {
        /// The table.
        table: Name,
    },
    /// A foreign key points to columns that no unique constraint or index covers.
    NoKey {
        /// The table that it points to.
        table: Name,
        /// The columns there; empty where the primary key is meant.
        columns: Vec<String>,
    },
    /// A column that cannot be null should become one that can, because it is in a primary key or
    /// an identity.
    MustBeNotNull {
        /// The table.
        table: Name,
        /// The column.
        column: String,
    },
}

/// What people call a kind of thing.
pub(super) const fn noun(object: Object) -> &'static str {
    match object {
        Object::Table => "table",
        Object::ForeignTable => "foreign table",
        Object::View => "view",
        Object::MaterializedView => "materialized view",
        Object::Index => "index",
        Object::Sequence => "sequence",
        Object::Column => "column",
        Object::Constraint => "constraint",
        Object::Trigger => "trigger",
        Object::Rule => "rule",
        Object::Policy => "policy",
        Object::Type => "type",
        Object::Domain => "domain",
        Object::Function => "function",
        Object::Schema => "schema",
        Object::Extension => "extension",
        Object::Statistics => "statistics object",
        Object::Publication => "publication",
        Object::Other => "value",
    }
}

impl fmt::Display for Misfit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Misfit::NoSuch { object, name } => write!(f, "there is no {} {name}", noun(*object)),
            Misfit::NoSuchIn { object, of, name } => {
                write!(f, "{of} has no {} {}", noun(*object), Name::plain(name))
            }
            Misfit::AlreadyExists { object, name } => {
                write!(f, "the {} {name} exists already", noun(*object))
            }
            Misfit::AlreadyExistsIn { object, of, name } => {
                write!(
                    f,
                    "{of} has a {} {} already",
                    noun(*object),
                    Name::plain(name)
                )
            }
            Misfit::WrongKind { name, said, is } => {
                write!(f, "{name} is a {} and not a {}", noun(*is), noun(*said))
            }
            Misfit::StillUsed {
                object,
                name,
                part: None,
                by,
            } => write!(f, "{by} depends on the {} {name}", noun(*object)),
            Misfit::StillUsed {
                object,
                name,
                part: Some(part),
                by,
            } => {
                let part = Name::plain(part);
                write!(f, "{by} depends on the {} {part} of {name}", noun(*object))
            }
            Misfit::SecondPrimaryKey { table } => write!(f, "{table} has a primary key already"),
            Misfit::NoKey { table, columns } if columns.is_empty() => {
                write!(f, "{table} has no primary key")
            }
            Misfit::NoKey { table, columns } => write!(
                f,
                "no unique constraint of {table} covers exactly {}",
                columns.join(", ")
            ),
            Misfit::MustBeNotNull { table, column } => write!(
                f,
                "the column {} of {table} must be NOT NULL",
                Name::plain(column)
            ),
        }
    }
}
