//! What rules see and how they say what they found.

use std::collections::BTreeSet;

use switchback_diag::{Code, Severity};

use super::state::{Inside, Log, Script};
use super::{Finding, Fix};
use crate::engine::Engine;
use crate::facts::compat::Effect;
use crate::facts::{Facts, Mode};
use crate::history::{Folder, Migration, Part, Tool};
use crate::schema::{Map, Relation, Schema};
use crate::sql::ir::{Expr, Name, Node, Span, Statement};

/// Which way of a migration.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Way {
    /// Up.
    Up,
    /// Down.
    Down,
}

/// One way of a migration, with its SQL.
#[derive(Clone, Copy)]
pub(super) struct Place<'a> {
    /// The folder.
    pub(super) folder: &'a Folder,
    /// The engine.
    pub(super) engine: Engine,
    /// The oldest major version of the server.
    pub(super) major: u32,
    /// The migration.
    pub(super) migration: &'a Migration,
    /// The way.
    pub(super) part: &'a Part,
    /// Which it is.
    pub(super) way: Way,
    /// The text of the whole file.
    pub(super) text: &'a str,
    /// The statements of this way.
    pub(super) statements: &'a [Statement],
    /// Whether the folder's migrations usually have ways down.
    pub(super) uses_downs: bool,
    /// The statements of the whole file.
    pub(super) all: &'a [Statement],
}

/// One statement, and what is so before it.
pub(super) struct Context<'a> {
    /// Where it stands.
    pub(super) place: Place<'a>,
    /// The statement.
    pub(super) statement: &'a Statement,
    /// What it does while it runs; nothing for engines of which that is not known.
    pub(super) facts: &'a Facts,
    /// What it does to code that knows the shape from before, on the way up.
    pub(super) effects: &'a [(Effect, Span)],
    /// What the database holds before it.
    pub(super) schema: &'a Schema,
    /// The transaction, and what the script has done so far.
    pub(super) script: &'a Script,
    /// The indexes that migrations made without an order, a collation or an operator class, by
    /// full name.
    pub(super) plain: &'a Map<Name, ()>,
}

/// A script after its last statement.
pub(super) struct End<'a> {
    /// Which.
    pub(super) place: Place<'a>,
    /// What the database holds after it.
    pub(super) schema: &'a Schema,
    /// What it did.
    pub(super) log: &'a Log,
}

/// A migration's both ways.
pub(super) struct Pair<'a> {
    /// The way up.
    pub(super) up: End<'a>,
    /// The way down, after the way up.
    pub(super) down: End<'a>,
    /// What the database held before both.
    pub(super) before: &'a Schema,
}

/// Where a rule puts what it finds.
pub(super) struct Found<'f> {
    /// The rule's code.
    pub(super) code: Code,
    /// How much it matters here.
    pub(super) severity: Severity,
    /// The file.
    pub(super) file: &'f str,
    /// What was found so far.
    pub(super) items: &'f mut Vec<Item>,
    /// What is said only once in a script.
    pub(super) once: &'f mut BTreeSet<(Code, String)>,
}

/// A finding that may yet prove unfounded.
pub(super) struct Item {
    /// The finding.
    pub(super) finding: Finding,
    /// What makes it unfounded if it is there at the end of the script.
    pub(super) unless: Option<Unless>,
}

/// Something that old code needs, and that may be there again at the end of a script.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Unless {
    /// A table or view, by full name.
    Relation(Name),
    /// A column of one.
    Column(Name, String),
    /// A function.
    Function(Name),
    /// The absence of an index.
    NoIndex(Name),
    /// A type.
    Type(Name),
    /// A schema.
    Namespace(String),
    /// A column that may be left out: it may be null, has a default, or is not there.
    Lenient(Name, String),
    /// A unique index on just these columns of a table.
    Unique(Name, Vec<String>),
    /// Nothing makes it unfounded.
    Nothing,
}

impl Unless {
    /// Whether it is there.
    pub(super) fn holds(&self, schema: &Schema) -> bool {
        match self {
            Unless::Relation(name) => schema.relations.contains_key(name),
            Unless::Column(table, column) => schema
                .relations
                .get(table)
                .is_some_and(|relation| relation.column(column).is_some()),
            Unless::Function(name) => schema.functions.contains_key(name),
            Unless::NoIndex(name) => !schema.indexes.contains_key(name),
            Unless::Type(name) => schema.types.contains_key(name),
            Unless::Namespace(name) => schema.namespaces.contains(name),
            Unless::Lenient(table, column) => {
                let found = schema.relations.get(table);
                let column = found.and_then(|relation| relation.column(column));
                match (found, column) {
                    (None, _) => false,
                    (Some(_), None) => true,
                    (_, Some(column)) => {
                        !column.not_null || column.default.is_some() || column.generated.is_some()
                    }
                }
            }
            Unless::Unique(table, columns) => schema.indexes_of(table).any(|(_, index)| {
                let same = |(key, column): (&Expr, &String)| match &key.node {
                    Node::Column(name) => name == column,
                    _ => key.text == *column,
                };
                index.unique
                    && index.predicate.is_none()
                    && index.keys.len() == columns.len()
                    && index.keys.iter().zip(columns).all(same)
            }),
            Unless::Nothing => false,
        }
    }
}

impl Found<'_> {
    /// A finding at this place of the file.
    pub(super) fn report(&mut self, span: &Span, message: impl Into<String>) -> &mut Item {
        self.items.push(Item {
            finding: Finding {
                code: self.code,
                severity: self.severity,
                file: self.file.to_owned(),
                span: span.clone(),
                message: message.into(),
                causes: Vec::new(),
                safer: Vec::new(),
                table: None,
                fix: None,
            },
            unless: None,
        });
        let last = self.items.len() - 1;
        &mut self.items[last]
    }

    /// Whether this has not been said in this script yet.
    pub(super) fn first(&mut self, key: impl Into<String>) -> bool {
        self.once.insert((self.code, key.into()))
    }
}

impl Item {
    /// With one more cause, deeper than those before.
    pub(super) fn cause(&mut self, cause: impl Into<String>) -> &mut Self {
        self.finding.causes.push(cause.into());
        self
    }

    /// With one more piece of advice, not as good as those before.
    pub(super) fn safer(&mut self, safer: impl Into<String>) -> &mut Self {
        self.finding.safer.push(safer.into());
        self
    }

    /// With the table that it is about.
    pub(super) fn table(&mut self, table: &Name) -> &mut Self {
        self.finding.table = Some(table.clone());
        self
    }

    /// With how Switchback plans it, if it can.
    pub(super) fn planned(&mut self, planned: Option<String>) -> &mut Self {
        self.finding.safer.extend(planned);
        self
    }

    /// With a fix, if there is one.
    pub(super) fn fix(&mut self, fix: Option<Fix>) -> &mut Self {
        self.finding.fix = fix;
        self
    }

    /// Unfounded if this is there at the end of the script.
    pub(super) fn unless(&mut self, unless: Unless) -> &mut Self {
        self.unless = Some(unless);
        self
    }
}

impl<'a> Place<'a> {
    /// The tool.
    pub(super) fn tool(&self) -> Tool {
        self.folder.tool
    }

    /// The line of a byte of the file, from 1.
    pub(super) fn line(&self, at: usize) -> usize {
        let before = self.text.as_bytes().get(..at).unwrap_or_default();
        before.iter().filter(|byte| **byte == b'\n').count() + 1
    }

    /// The text of a place.
    pub(super) fn words(&self, span: &Span) -> &'a str {
        self.text.get(span.clone()).unwrap_or_default()
    }

    /// How Switchback plans an operation, where it can on this engine.
    pub(super) fn planned(&self, operation: &str) -> Option<String> {
        let runs = self.engine != Engine::Mysql;
        runs.then(|| {
            format!(
                "`switchback change new {operation}` plans it in steps that can each be taken back"
            )
        })
    }

    /// The beginning of the SQL: where something can be said about the whole.
    pub(super) fn start(&self) -> Span {
        let at = self
            .statements
            .first()
            .map_or(self.part.span.start, |statement| statement.span.start);
        at..at
    }
}

impl Context<'_> {
    /// The relation that a name means, with its full name.
    pub(super) fn relation(&self, name: &Name) -> Option<(Name, &Relation)> {
        let full = self.schema.resolve(name);
        let relation = self.schema.relations.get(&full)?;
        Some((full, relation))
    }

    /// Whether the table that a name means was made by this migration, so that nobody else uses it.
    pub(super) fn is_new(&self, name: &Name) -> bool {
        self.relation(name)
            .is_some_and(|(_, relation)| self.schema.is_new(relation.made_in))
    }

    /// Whether only its session sees the table that a name means.
    pub(super) fn is_temporary(&self, name: &Name) -> bool {
        self.relation(name).is_some_and(|(_, relation)| {
            matches!(
                relation.kind,
                crate::schema::RelationKind::Table {
                    temporary: true,
                    ..
                }
            )
        })
    }

    /// Why the statement runs in a transaction with others, as a sentence without a full stop.
    pub(super) fn transaction_words(&self, inside: Inside) -> String {
        let tool = self.place.tool();
        match inside {
            Inside::Tool => format!("{tool} runs the migration in one transaction"),
            Inside::Message => format!(
                "{tool} sends the file as one message, and PostgreSQL runs the statements of one \
                 message as one transaction"
            ),
            Inside::Begun(at) => {
                format!("line {} begins a transaction", self.place.line(at))
            }
            Inside::Block => "a `DO` block runs in one transaction".to_owned(),
        }
    }
}

/// A name as a reader would write it: in backticks, without `public`.
pub(super) fn shown(name: &Name) -> String {
    if name.schema.as_deref() == Some("public") {
        format!("`{}`", Name::plain(name.name.clone()))
    } else {
        format!("`{name}`")
    }
}

/// A column of a table in backticks.
pub(super) fn shown_column(table: &Name, column: &str) -> String {
    let table = shown(table);
    let table = table.trim_matches('`');
    format!("`{table}.{}`", Name::plain(column))
}

/// Who waits for a lock, as the end of a sentence: `while nobody can …`.
pub(super) fn who_waits(mode: Mode) -> &'static str {
    if mode.blocks_reads() {
        "nobody can read or write it"
    } else {
        "nobody can write to it"
    }
}
