//! SQL folded into a schema, piece by piece, with what was not understood and where things stand.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;

use switchback_migration::Engine;
use switchback_migration::schema::Schema;
use switchback_migration::sql;
use switchback_migration::sql::ir::{
    Alter, AlterAction, Kind, Name, Object, Statement, Transaction, Unknown,
};
use switchback_model::Digest;
use switchback_version::contract::sql::{Unread, words};

use super::places::Places;
use super::translate::signature;
use crate::survey::side_by_side;

/// SQL that is run in one go, or something that is run and is no SQL.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Piece {
    /// A part of a file.
    Sql {
        /// The file.
        file: String,
        /// Where in it, in bytes.
        span: Range<usize>,
    },
    /// A file that may do anything, and why nobody knows what.
    Dark {
        /// The file.
        file: String,
        /// Why, as the end of a sentence.
        why: String,
    },
}

/// In which order pieces are run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Order {
    /// As they come.
    Given,
    /// Nobody says: what does not fit yet is tried again after the others.
    Unknown,
}

/// What came of folding.
#[derive(Debug)]
pub(super) struct Folded {
    pub(super) schema: Schema,
    pub(super) unread: Vec<Unread>,
    pub(super) places: Places,
    /// Functions that only triggers call.
    pub(super) for_triggers: BTreeSet<Name>,
    /// How many statements there are.
    pub(super) statements: usize,
    /// The first that is no SQL at all, if there is none that is any: where, and what is wrong.
    pub(super) nonsense: Option<(String, usize, String)>,
}

/// Words in statements that may change what they do not name.
const FAR_REACHING: [&str; 7] = [
    "cascade", "execute", "perform", "call", "owned", "import", "include",
];

/// Folds pieces of texts into the schema of a PostgreSQL database that was empty.
pub(super) fn fold(texts: &BTreeMap<String, String>, pieces: &[Piece], order: Order) -> Folded {
    let files: BTreeSet<&str> = pieces
        .iter()
        .filter_map(|it| match it {
            Piece::Sql { file, .. } => Some(file.as_str()),
            Piece::Dark { .. } => None,
        })
        .collect();
    let work = files
        .into_iter()
        .filter_map(|it| Some((it, texts.get(it)?)));
    let work: Vec<(&str, &String)> = work.collect();
    let parsed = side_by_side(work, |(file, text)| {
        let source = Source {
            statements: sql::parse(text, Engine::Postgres),
            lines: lines(text),
            text,
        };
        (file, source)
    });
    let sources: BTreeMap<&str, Source<'_>> = parsed.into_iter().collect();
    let mut walk = Walk {
        folded: Folded {
            schema: Schema::empty(),
            unread: Vec::new(),
            places: Places::default(),
            for_triggers: BTreeSet::new(),
            statements: 0,
            nonsense: None,
        },
        mark: String::new(),
        later: Vec::new(),
        signatures: BTreeMap::new(),
        understood: false,
    };
    for piece in pieces {
        walk.piece(piece, &sources, order);
    }
    walk.again();
    if walk.understood {
        walk.folded.nonsense = None;
    }
    walk.folded
}

/// The text of a file, and what it says.
struct Source<'t> {
    text: &'t str,
    statements: Vec<Statement>,
    /// Where lines begin, in bytes.
    lines: Vec<usize>,
}

impl Source<'_> {
    fn line(&self, at: usize) -> usize {
        self.lines.partition_point(|begin| *begin <= at).max(1)
    }
}

fn lines(text: &str) -> Vec<usize> {
    let ends = text.bytes().enumerate().filter(|(_, it)| *it == b'\n');
    let behind = ends.map(|(at, _)| at + 1);
    std::iter::once(0).chain(behind).collect()
}

/// A statement where it stands.
#[derive(Clone, Copy)]
struct At<'s> {
    file: &'s str,
    source: &'s Source<'s>,
    statement: &'s Statement,
}

impl<'s> At<'s> {
    fn words(&self) -> &'s str {
        let span = self.statement.span.clone();
        self.source.text.get(span).unwrap_or_default()
    }

    fn line(&self) -> usize {
        self.source.line(self.statement.span.start)
    }
}

struct Walk<'s> {
    folded: Folded,
    /// A digest of all that was run so far.
    mark: String,
    /// What did not fit, and is tried again.
    later: Vec<At<'s>>,
    /// What functions of one name take.
    signatures: BTreeMap<Name, BTreeSet<String>>,
    /// Whether any statement is SQL.
    understood: bool,
}

impl<'s> Walk<'s> {
    fn piece(&mut self, piece: &'s Piece, sources: &'s BTreeMap<&str, Source<'_>>, order: Order) {
        let (file, span) = match piece {
            Piece::Sql { file, span } => (file, span),
            Piece::Dark { file, why } => {
                self.advance(file);
                self.unread(file, 1, why.clone(), "", true);
                return;
            }
        };
        let Some(source) = sources.get(file.as_str()) else {
            return;
        };
        self.folded.schema.begin_unit();
        let inside = |it: &&Statement| span.contains(&it.span.start);
        for statement in source.statements.iter().filter(inside) {
            let at = At {
                file,
                source,
                statement,
            };
            self.folded.statements += 1;
            self.advance(at.words());
            self.statement(at, order);
        }
    }

    /// Takes notice that something is run.
    fn advance(&mut self, text: &str) {
        let text: Vec<&str> = text.split_whitespace().collect();
        let text = format!("{}\n{}", self.mark, text.join(" "));
        self.mark = Digest::of(text.as_bytes()).hex();
    }

    fn unread(&mut self, file: &str, line: usize, what: String, text: &str, anything: bool) {
        let said: Vec<&str> = text.split_whitespace().collect();
        let said = match said.is_empty() {
            true => file.to_owned(),
            false => said.join(" "),
        };
        self.folded.unread.push(Unread {
            file: file.to_owned(),
            line,
            what,
            id: Digest::of(said.as_bytes()).hex(),
            mark: self.mark.clone(),
            anything,
            words: words(text).collect(),
        });
        // What is not here may exist from now on.
        self.folded.schema.complete = false;
    }

    /// Says that a statement was not understood.
    fn dark(&mut self, at: At<'s>, line: usize, what: String, anything: bool) {
        let text = at.words();
        let far = words(text).any(|it| FAR_REACHING.contains(&it.as_str()));
        self.unread(at.file, line, what, text, anything || far);
    }

    fn statement(&mut self, at: At<'s>, order: Order) {
        match &at.statement.kind {
            Kind::Unknown { reason } => self.unknown(at, reason),
            Kind::Do { read: false, .. } => {
                self.understood = true;
                self.dark(at, at.line(), "a block that is not read".to_owned(), false);
            }
            Kind::Transaction(Transaction::Rollback) => {
                self.understood = true;
                let what = "what it takes back is not known".to_owned();
                self.dark(at, at.line(), what, true);
            }
            _ => {
                self.understood = true;
                self.doubts(at);
                self.apply(at, order);
            }
        }
    }

    fn unknown(&mut self, at: At<'s>, reason: &Unknown) {
        let (line, what, anything) = match reason {
            Unknown::Syntax { message, span } => {
                let line = at.source.line(span.start);
                if self.folded.nonsense.is_none() {
                    self.folded.nonsense = Some((at.file.to_owned(), line, message.clone()));
                }
                (line, message.clone(), false)
            }
            Unknown::Statement { what } => {
                self.understood = true;
                (at.line(), format!("nothing is known of `{what}`"), false)
            }
            Unknown::ClientCommand { what } => {
                self.understood = true;
                (at.line(), format!("what `{what}` of a client does"), true)
            }
            Unknown::Template => (at.line(), "placeholders of a template".to_owned(), true),
        };
        self.dark(at, line, what, anything);
    }

    /// What is not known of a statement that is understood otherwise.
    fn doubts(&mut self, at: At<'s>) {
        if at.statement.conditional && !only_makes(&at.statement.kind) {
            let what = "it stands in a block and may not be reached".to_owned();
            self.dark(at, at.line(), what, false);
        }
        match &at.statement.kind {
            Kind::Alter(Alter { actions, .. }) => {
                for (action, span) in actions {
                    if let AlterAction::Unknown { what } = action {
                        let what = format!("nothing is known of `{what}`");
                        self.dark(at, at.source.line(span.start), what, false);
                    }
                }
            }
            Kind::Select(_) => {
                // Only a complete schema shows that this one may have done anything.
                let mut probe = self.folded.schema.clone();
                probe.complete = true;
                let _ = probe.apply(at.statement);
                if !probe.complete {
                    let what = "it calls a function that may do anything".to_owned();
                    self.dark(at, at.line(), what, true);
                }
            }
            Kind::CreateFunction { name, .. } => {
                let made = signature(at.words());
                let name = self.folded.schema.resolve(name);
                if made.trigger {
                    self.folded.for_triggers.insert(name.clone());
                }
                self.signatures
                    .entry(name)
                    .or_default()
                    .insert(made.parameters);
            }
            Kind::Drop(drop) if drop.object == Object::Function => {
                for name in &drop.names {
                    let name = self.folded.schema.resolve(name);
                    if self.signatures.get(&name).is_some_and(|it| it.len() > 1) {
                        let what = format!("there are several functions {name}");
                        self.dark(at, at.line(), what, false);
                    } else {
                        self.signatures.remove(&name);
                    }
                }
            }
            _ => {}
        }
    }

    fn apply(&mut self, at: At<'s>, order: Order) {
        if order == Order::Unknown && self.reads_what_is_missing(&at.statement.kind) {
            self.later.push(at);
            return;
        }
        let before = self.folded.schema.clone();
        let misfits = self.folded.schema.apply(at.statement);
        if let Some(misfit) = misfits.first() {
            if order == Order::Unknown {
                self.folded.schema = before;
                self.later.push(at);
                return;
            }
            let what = format!("PostgreSQL would refuse it: {misfit}");
            self.dark(at, at.line(), what, false);
        }
        let line = |byte: usize| (at.file.to_owned(), at.source.line(byte));
        let after = &self.folded.schema;
        self.folded.places.note(at.statement, &before, after, &line);
    }

    /// Whether something is made of what a query finds where there is nothing yet.
    fn reads_what_is_missing(&self, kind: &Kind) -> bool {
        let query = match kind {
            Kind::CreateView { query, .. } => Some(query),
            Kind::CreateTable(create) => create.query.as_ref(),
            _ => None,
        };
        let mut tables = query.into_iter().flat_map(|it| &it.tables);
        tables.any(|it| self.folded.schema.relation(it).is_none())
    }

    /// Tries what did not fit until nothing more does.
    fn again(&mut self) {
        loop {
            let waiting = std::mem::take(&mut self.later);
            let before = waiting.len();
            for at in waiting {
                self.apply(at, Order::Unknown);
            }
            if self.later.len() == before {
                break;
            }
        }
        // What a view reads may be of the system, and what does not fit now never will.
        for at in std::mem::take(&mut self.later) {
            self.apply(at, Order::Given);
        }
    }
}

/// Whether a statement only makes something, so that it is there afterwards even where a condition
/// keeps the statement from being reached because it is there already.
fn only_makes(kind: &Kind) -> bool {
    match kind {
        Kind::CreateTable(_)
        | Kind::CreateIndex(_)
        | Kind::CreateView { .. }
        | Kind::CreateType { .. }
        | Kind::CreateDomain { .. }
        | Kind::CreateSchema { .. }
        | Kind::CreateSequence { .. }
        | Kind::CreateExtension { .. }
        | Kind::CreateTrigger { .. }
        | Kind::CreateRule { .. }
        | Kind::Policy { alter: false, .. } => true,
        Kind::Alter(alter) => alter.actions.iter().all(|(it, _)| {
            matches!(
                it,
                AlterAction::AddColumn { .. } | AlterAction::AddConstraint(_) | AlterAction::Owner
            )
        }),
        // Rows, rights and settings are none of our business.
        Kind::Drop(_)
        | Kind::AlterType { .. }
        | Kind::AlterDomain { .. }
        | Kind::Policy { .. }
        | Kind::Set { .. } => false,
        _ => true,
    }
}
