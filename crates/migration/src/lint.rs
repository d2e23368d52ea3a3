//! Judging migrations: rules over statements, what they do, and what the database holds before them.
//!
//! A rule is a file in `rules/` and a line in `rules.rs`; its page is that of its code. [`check`] walks
//! a folder in the order in which its tool applies it, folding each statement into the schema that
//! the next one meets.
//!
//! Deliberately absent: files and output. Texts come in, findings go out.

pub mod baseline;
pub mod fix;
pub mod suppress;

mod blocking;
mod check;
mod comments;
mod context;
mod declared;
mod doubts;
mod fixes;
mod looser;
mod problems;
mod rules;
mod sections;
mod state;
#[cfg(test)]
mod trial;

use std::cmp::Ordering;
use std::collections::BTreeMap;

use switchback_diag::{Code, Diagnostic, Severity};

use crate::engine::Engine;
use crate::history::Folder;
use crate::schema::Schema;
use crate::sql::ir::{Name, Span, Statement};

pub use check::applied;
pub use rules::{RuleInfo, all};
pub use sections::{Judged, Section, Sections, check, settle};

/// One file, read and parsed once. Parsing is most of the work and needs nothing but the text, so
/// that files can be parsed side by side.
#[derive(Debug, Clone)]
pub struct Source {
    /// The text; where the file is not UTF-8, none.
    pub text: Option<String>,
    /// Its statements, in order.
    pub statements: Vec<Statement>,
}

/// How to judge.
#[derive(Debug, Clone)]
pub struct Options {
    /// The engine, where it is known better than from the folder.
    pub engine: Option<Engine>,
    /// The oldest major version of the server that migrations run on.
    pub major: u32,
    /// What is known before the first migration: nothing made yet, or what a server says.
    pub schema: Schema,
    /// How much each rule matters, where that is not as the rule says; none switches it off.
    pub levels: BTreeMap<Code, Option<Severity>>,
    /// Migrations up to this version are applied everywhere and only folded, not judged.
    pub applied_until: Option<String>,
}

/// One thing that was found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// The rule.
    pub code: Code,
    /// How much it matters.
    pub severity: Severity,
    /// The file, as the folder names it.
    pub file: String,
    /// Where, in bytes of the file.
    pub span: Span,
    /// What, in one sentence without a full stop.
    pub message: String,
    /// Why, the nearest cause first: locks, work, who waits.
    pub causes: Vec<String>,
    /// What to do instead, the best first.
    pub safer: Vec<String>,
    /// The table that it is about, by full name.
    pub table: Option<Name>,
    /// The change of the file that makes it right, where that is certain.
    pub fix: Option<Fix>,
}

/// A change of a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fix {
    /// What it does, in the imperative.
    pub title: String,
    /// What is replaced by what; in order, and apart from each other.
    pub edits: Vec<(Span, String)>,
}

/// What came of judging a folder.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Report {
    /// What was found, by file and place.
    pub findings: Vec<Finding>,
    /// What was found and is allowed where it stands, with the reason that is given there.
    pub suppressed: Vec<(Finding, String)>,
    /// How many migrations were judged.
    pub migrations: usize,
    /// How many statements were judged.
    pub statements: usize,
}

/// What is judged: a folder, and its files by name.
#[derive(Debug, Clone, Copy)]
pub struct Input<'a> {
    /// The folder.
    pub folder: &'a Folder,
    /// The files that it names.
    pub sources: &'a BTreeMap<String, Source>,
}

impl Options {
    /// How to judge for servers of this major version or newer, from an empty database on, with
    /// every rule as it is.
    pub fn new(major: u32) -> Self {
        Self {
            engine: None,
            major,
            schema: Schema::empty(),
            levels: BTreeMap::new(),
            applied_until: None,
        }
    }

    /// How much a rule matters; none if it is switched off.
    fn level(&self, code: Code, default: Severity) -> Option<Severity> {
        self.levels.get(&code).copied().unwrap_or(Some(default))
    }
}

impl Finding {
    /// Which comes first: by file, place and code.
    pub fn order(&self, other: &Self) -> Ordering {
        let key = |it: &Self| (it.span.start, it.code, it.span.end);
        let files = self.file.cmp(&other.file);
        files.then_with(|| key(self).cmp(&key(other)))
    }

    /// The same as a diagnostic; `text` is that of the file.
    pub fn diagnostic(&self, text: &str) -> Diagnostic {
        let place = switchback_diag::Location::of_span(&self.file, text, self.span.clone());
        let mut found = Diagnostic {
            severity: self.severity,
            ..Diagnostic::error(self.code, &self.message)
        };
        for cause in &self.causes {
            found = found.cause(cause);
        }
        for safer in &self.safer {
            found = found.hint(safer);
        }
        found.at(place)
    }
}
