//! Names of things and of types.

use std::fmt;

/// The name of something in a schema.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Name {
    /// The schema, where it is given.
    pub schema: Option<String>,
    /// The name.
    pub name: String,
}

impl Name {
    /// A name without a schema.
    pub fn plain(name: impl Into<String>) -> Self {
        Self {
            schema: None,
            name: name.into(),
        }
    }

    /// A name in a schema.
    pub fn qualified(schema: impl Into<String>, name: impl Into<String>) -> Self {
        Self {
            schema: Some(schema.into()),
            name: name.into(),
        }
    }
}

impl fmt::Display for Name {
    /// As it can be written in SQL, quoted only where it must be.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(schema) = &self.schema {
            write!(f, "{}.", quoted(schema))?;
        }
        f.write_str(&quoted(&self.name))
    }
}

/// A name as it can be written in SQL. Reserved words are quoted only by the caller who knows the
/// engine; anything but lower-case letters, digits and `_` is quoted here.
fn quoted(name: &str) -> String {
    let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_';
    let starts = |c: char| c.is_ascii_lowercase() || c == '_';
    if name.starts_with(starts) && name.chars().all(plain) {
        name.to_owned()
    } else {
        format!("\"{}\"", name.replace('"', "\"\""))
    }
}

/// A type as a column declares it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TypeName {
    /// The name as `pg_type` has it (`int4`, `varchar`, `timestamptz`), whatever alias was written;
    /// `serial` and its kin become the integer type, see [`TypeName::serial`].
    pub name: Name,
    /// What stands in parentheses: length, precision and scale.
    pub modifiers: Vec<i64>,
    /// How many `[]` follow.
    pub array: u32,
    /// Whether it was written as `serial`, `bigserial` or `smallserial`.
    pub serial: bool,
    /// As written.
    pub written: String,
}

impl TypeName {
    /// Whether it is the built-in type `name`, without `[]`.
    pub fn is(&self, name: &str) -> bool {
        self.array == 0
            && self.name.name == name
            && matches!(self.name.schema.as_deref(), None | Some("pg_catalog"))
    }
}
