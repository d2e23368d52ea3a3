//! Whether a statement reads or writes what a contract takes away.
//!
//! The answer errs on one side: [`Use::No`] is said only of a statement that was understood, or that
//! does not even contain the table's name. Everything that may meet the old shape is a use of it, be
//! it a whole row or a `*`, and what was not understood is unknown.
//!
//! Deliberately absent: what a statement reaches through functions and views. Whoever asks looks at
//! those once, in the catalog, instead of in each statement; see [`OldShape::in_view`] and
//! [`OldShape::in_body`].

pub mod guard;
pub mod log;

use switchback_model::Kind as SurfaceKind;

use crate::definition::Definition;
use crate::engine::Engine;
use crate::schema::{Relation, Schema};
use crate::sql;
use crate::sql::ir::{Kind, Mention, Name, Scope, Scoped, Source};

/// What a contract takes away: columns of a table, or the table.
#[derive(Debug, Clone)]
pub struct OldShape<'a> {
    engine: Engine,
    /// The names that lead to it: the table's, and those of tables that inherit to or from it.
    names: Vec<Name>,
    /// The columns; none for the whole table.
    columns: Vec<String>,
    schema: Option<&'a Schema>,
}

/// Whether a statement uses an old shape.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Use {
    /// It does not.
    No,
    /// It does, or may: how, for people.
    Yes(String),
    /// It was not understood, and mentions the table: why.
    Unknown(String),
}

impl<'a> OldShape<'a> {
    /// What the contract of a change takes away; none if it takes nothing that a statement could
    /// name, as where it only demands more of rows.
    ///
    /// `schema` is what the database holds now, where that is known: it tells columns of other
    /// tables apart from those that go.
    pub fn of(definition: &Definition, schema: Option<&'a Schema>) -> Option<Self> {
        let surface = &definition.surface;
        if surface.kind != SurfaceKind::Replicated {
            return None;
        }
        let whole = definition.takes_table();
        if !whole && surface.old.0.is_empty() {
            return None;
        }
        let table = match definition.engine {
            Engine::Postgres => sql::name_in(definition.old_table())?,
            Engine::Sqlite | Engine::Mysql => Name::plain(definition.old_table().to_owned()),
        };
        let columns = if whole {
            Vec::new()
        } else {
            surface.old.0.clone()
        };
        Some(Self::new(definition.engine, table, columns, schema))
    }

    /// Columns of a table, or the table where there are none.
    pub fn new(
        engine: Engine,
        table: Name,
        columns: Vec<String>,
        schema: Option<&'a Schema>,
    ) -> Self {
        let mut names = vec![match schema {
            Some(schema) => schema.resolve(&table),
            None => table,
        }];
        if let Some(schema) = schema {
            relatives(schema, &mut names);
        }
        Self {
            engine,
            names,
            columns,
            schema,
        }
    }

    /// What it is, for people: `users.fax`, `the table users`.
    pub fn shown(&self) -> String {
        let table = self.names.first().map_or("", |it| it.name.as_str());
        if self.columns.is_empty() {
            return format!("the table {table}");
        }
        let all: Vec<_> = self
            .columns
            .iter()
            .map(|column| format!("{table}.{column}"))
            .collect();
        all.join(", ")
    }

    /// Whether a statement, or any of several in one text, uses it.
    pub fn used_by(&self, text: &str) -> Use {
        if !self.may_be_named(text) {
            return Use::No;
        }
        let mut unknown = None;
        for found in sql::scopes(text, self.engine) {
            match found {
                Scoped::Query(scope) => {
                    if let Some(how) = self.in_scope(&scope, &mut Vec::new()) {
                        return Use::Yes(how);
                    }
                }
                Scoped::Other(kinds) => {
                    for kind in &kinds {
                        match self.in_other(kind) {
                            Use::No => {}
                            Use::Unknown(why) => unknown = Some(why),
                            Use::Yes(how) => return Use::Yes(how),
                        }
                    }
                }
                Scoped::Unknown(why) => unknown = Some(why),
            }
        }
        unknown.map_or(Use::No, Use::Unknown)
    }

    /// The table, by its full name where that is known, and after it those through which its rows
    /// are read.
    pub fn tables(&self) -> &[Name] {
        &self.names
    }

    /// The columns; none for the whole table.
    pub fn columns(&self) -> &[String] {
        &self.columns
    }

    /// Whether a view reads it.
    pub fn in_view(&self, view: &Relation) -> bool {
        let reads = view.reads.iter().any(|name| self.is(name));
        let column = |read: &String| read == "*" || self.has(read);
        reads && (self.columns.is_empty() || view.reads_columns.iter().any(column))
    }

    /// Whether the body of a function, in whatever language, mentions it: the table and, where only
    /// columns go, one of them or a `*`.
    pub fn in_body(&self, body: &str) -> bool {
        let table = self.names.iter().any(|name| has_word(body, &name.name));
        let column = || {
            let whole = body.contains('*') || body.to_ascii_lowercase().contains("%rowtype");
            whole || self.columns_in(body)
        };
        table && (self.columns.is_empty() || column())
    }

    /// Whether one of its columns stands in a text as a word.
    pub fn columns_in(&self, body: &str) -> bool {
        self.columns.iter().any(|column| has_word(body, column))
    }

    /// Whether a text can name the table at all.
    fn may_be_named(&self, text: &str) -> bool {
        // `U&"…"` may spell a name in any way.
        let lower = text.to_lowercase();
        lower.contains("u&\"")
            || self
                .names
                .iter()
                .any(|name| lower.contains(&name.name.to_lowercase().replace('"', "\"\"")))
    }

    fn is(&self, name: &Name) -> bool {
        self.names.iter().any(|mine| {
            let schema = match (&mine.schema, &name.schema) {
                // Which schemas are looked through depends on whoever asks.
                (_, None) | (None, _) => true,
                (Some(mine), Some(other)) => self.same(mine, other),
            };
            schema && self.same(&mine.name, &name.name)
        })
    }

    fn has(&self, column: &str) -> bool {
        self.columns.iter().any(|mine| self.same(mine, column))
    }

    fn same(&self, one: &str, other: &str) -> bool {
        match self.engine {
            Engine::Postgres => one == other,
            Engine::Sqlite | Engine::Mysql => one.to_lowercase() == other.to_lowercase(),
        }
    }

    fn is_mine(&self, source: &Source) -> bool {
        source.relation.as_ref().is_some_and(|it| self.is(it))
    }

    /// How a query uses it, itself or in one inside it.
    fn in_scope<'s>(&self, scope: &'s Scope, around: &mut Vec<&'s Scope>) -> Option<String> {
        if self.columns.is_empty()
            && let Some(source) = scope.sources.iter().find(|it| self.is_mine(it))
        {
            let name = source.relation.as_ref().map(ToString::to_string);
            return Some(format!("names {}", name.unwrap_or_default()));
        }
        around.push(scope);
        let mut found = scope
            .mentions
            .iter()
            .find_map(|mention| self.in_mention(mention, around));
        for inner in &scope.inner {
            found = found.or_else(|| {
                if inner.closed {
                    self.in_scope(inner, &mut Vec::new())
                } else {
                    self.in_scope(inner, around)
                }
            });
        }
        around.pop();
        found
    }

    /// How a name in the innermost of some queries means it.
    fn in_mention(&self, mention: &Mention, around: &[&Scope]) -> Option<String> {
        let here = around.last()?;
        let mine_here = || here.sources.iter().any(|it| self.is_mine(it));
        match mention {
            Mention::Places => {
                mine_here().then(|| "writes columns by their place, without a list".to_owned())
            }
            Mention::All { of: None } => mine_here().then(|| "takes every column: `*`".to_owned()),
            Mention::All { of: Some(of) } => self
                .leads_here(of, around)
                .then(|| format!("takes every column: `{of}.*`")),
            Mention::Column { of: Some(of), name } => (self.has(name)
                && self.leads_here(of, around))
            .then(|| format!("names `{of}.{name}`")),
            Mention::Column { of: None, name } => self.bare(name, around),
        }
    }

    /// Whether what stands before the dot may be the table.
    fn leads_here(&self, of: &str, around: &[&Scope]) -> bool {
        let known = around.iter().rev().find_map(|scope| {
            let mut named = scope
                .sources
                .iter()
                .filter(|it| self.same(&it.known_as, of));
            let first = named.next()?;
            Some(self.is_mine(first) || named.any(|it| self.is_mine(it)))
        });
        // `excluded`, `new`, `old`: rows of the table that is written.
        known.unwrap_or_else(|| {
            let mut all = around.iter().flat_map(|scope| &scope.sources);
            all.any(|it| self.is_mine(it))
        })
    }

    /// How a name without anything before it means it: the nearest query whose sources have it.
    fn bare(&self, name: &str, around: &[&Scope]) -> Option<String> {
        for scope in around.iter().rev() {
            let mut mine = scope.sources.iter().filter(|it| self.is_mine(it));
            if self.has(name) {
                if mine.next().is_some() {
                    return Some(format!("names `{name}`"));
                }
            } else if mine.any(|it| self.same(&it.known_as, name)) && !self.has_other(name) {
                return Some(format!("takes the whole row: `{name}`"));
            }
            if scope.sources.iter().any(|it| self.surely_has(it, name)) {
                return None;
            }
        }
        None
    }

    /// Whether the table has another column with this name.
    fn has_other(&self, name: &str) -> bool {
        let table = self.schema.zip(self.names.first());
        table.is_some_and(|(schema, table)| {
            let found = schema.relation(table);
            found.is_some_and(|it| it.column(name).is_some())
        })
    }

    /// Whether a source is a table that is known to have a column.
    fn surely_has(&self, source: &Source, column: &str) -> bool {
        let Some((schema, name)) = self.schema.zip(source.relation.as_ref()) else {
            return false;
        };
        // Without its schema another table of that name may be meant.
        let full = schema.resolve(name);
        schema
            .relations
            .unsorted()
            .filter(|(other, _)| other.name == full.name)
            .all(|(_, it)| it.column(column).is_some())
            && schema.relations.contains_key(&full)
    }

    /// Whether a statement without a query uses it.
    fn in_other(&self, kind: &Kind) -> Use {
        match kind {
            Kind::Truncate { tables, .. } | Kind::Lock { tables, .. }
                if self.columns.is_empty() && tables.iter().any(|it| self.is(it)) =>
            {
                Use::Yes("names the table".to_owned())
            }
            Kind::Do { .. } => Use::Unknown("what a DO block does is not known".to_owned()),
            Kind::Unknown { .. } => Use::Unknown("the statement is not known".to_owned()),
            _ => Use::No,
        }
    }
}

/// Whether a name stands in a text as a word of its own, in any case.
fn has_word(text: &str, name: &str) -> bool {
    let (text, name) = (text.to_lowercase(), name.to_lowercase());
    let part = |c: char| c.is_alphanumeric() || c == '_' || c == '$';
    text.match_indices(&name).any(|(at, found)| {
        let before = text[..at].chars().next_back();
        let after = text[at + found.len()..].chars().next();
        !before.is_some_and(part) && !after.is_some_and(part)
    })
}

/// Adds the tables whose rows are read through those that are there, and the other way round.
fn relatives(schema: &Schema, names: &mut Vec<Name>) {
    let mut looked = 0;
    while let Some(name) = names.get(looked).cloned() {
        looked += 1;
        let mut more: Vec<Name> = Vec::new();
        if let Some(it) = schema.relations.get(&name) {
            more.extend(it.inherits.iter().cloned());
            more.extend(it.partition_of.iter().map(|(parent, _)| parent.clone()));
        }
        let child = |it: &Relation| {
            let partition = it.partition_of.as_ref().is_some_and(|(of, _)| *of == name);
            partition || it.inherits.contains(&name)
        };
        let children = schema.relations.below(&name).filter(|(_, it)| child(it));
        more.extend(children.map(|(child, _)| child.clone()));
        for one in more {
            if !names.contains(&one) {
                names.push(one);
            }
        }
    }
}

#[cfg(test)]
mod tests;
