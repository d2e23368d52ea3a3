//! Who reads what in a statement: its queries, each with what it takes rows from and which names it
//! says.

use super::{Kind, Name};

/// A statement as far as it matters who is named in it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Scoped {
    /// A query, or something with a query in it.
    Query(Scope),
    /// Something else.
    Other(Vec<Kind>),
    /// Something that was not understood, and why.
    Unknown(String),
}

/// A query, or a statement that changes rows.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Scope {
    /// What it takes rows from or writes to.
    pub sources: Vec<Source>,
    /// What it names, queries inside it not included.
    pub mentions: Vec<Mention>,
    /// The queries inside it, which see its sources too unless they are closed.
    pub inner: Vec<Scope>,
    /// Whether names in it never mean the sources of the query around it.
    pub closed: bool,
}

/// What a query takes rows from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Source {
    /// By which name columns are taken from it: the alias, else its own.
    pub known_as: String,
    /// The table or view; none for a sub-query, a function, a name of `WITH`.
    pub relation: Option<Name>,
}

/// A name in a query.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Mention {
    /// `c` and `t.c`. A bare name may also be a source, and then means its whole row.
    Column {
        /// The source that is named before it.
        of: Option<String>,
        /// The name.
        name: String,
    },
    /// `*` and `t.*`: all columns of a source, or of every one. Also where columns are meant by
    /// their place: a list of aliases, `NATURAL JOIN`.
    All {
        /// The source that is named before it.
        of: Option<String>,
    },
    /// `INSERT` without a list of columns: the first ones of the table, by their place.
    Places,
}
