//! Migrations that were edited after they were applied, as two states of a folder show it: what
//! somebody says was applied in the older one must not say anything else in the newer one.
//!
//! Only a database knows what was applied. Here it is known from settings, which name the last
//! version that is applied everywhere.

use switchback_diag::{Code, Severity};

use crate::history::{Folder, Migration, Tool};
use crate::lint::{Finding, applied};
use crate::sql::ir::Span;
use crate::sql::tokens::{TokenKind, tokens};

/// A folder of migrations with the texts of its files.
pub struct State<'a> {
    /// The folder as its tool sees it.
    pub folder: &'a Folder,
    /// The text of a file; none of one that is not there, or is no text.
    pub text: &'a dyn Fn(&str) -> Option<&'a str>,
}

impl<'a> State<'a> {
    fn up(&self, of: &Migration) -> Option<&'a str> {
        let whole = (self.text)(&of.up.file)?;
        whole.get(of.up.span.clone())
    }
}

/// The migrations up to `until` in an older state that say something else in a newer one, named
/// `since` for people. Ways down may be edited, and so may what is applied again when it changes.
pub fn edited(then: &State<'_>, now: &State<'_>, until: &str, since: &str) -> Vec<Finding> {
    let before = &then.folder.migrations;
    let mut found = Vec::new();
    for old in before.iter().take(applied(before, until)) {
        let same = |it: &&Migration| it.up.file == old.up.file;
        let Some(new) = now.folder.migrations.iter().find(same) else {
            continue;
        };
        if old.repeatable || new.repeatable || !old.up.readable || !new.up.readable {
            continue;
        }
        let (Some(was), Some(is)) = (then.up(old), now.up(new)) else {
            continue;
        };
        let tool = now.folder.tool;
        if same_for(tool, was, is) {
            continue;
        }
        let at = first_difference(was, is);
        let begin = new.up.span.start;
        found.push(finding(
            new,
            begin + at.start..begin + at.end,
            tool,
            until,
            since,
        ));
    }
    found
}

fn finding(of: &Migration, span: Span, tool: Tool, until: &str, since: &str) -> Finding {
    let name = of.up.file.rsplit('/').next().unwrap_or(&of.up.file);
    let mut causes = vec![
        format!("it is applied everywhere, as `applied-until` = `{until}` says in {since}"),
        "databases that have it did what it said, and new ones get what it says now".to_owned(),
    ];
    if let Some(what) = with_checksums(tool) {
        let name = tool.title();
        causes.push(format!(
            "{name} compares it with the checksum of what it applied, and {what}"
        ));
    }
    Finding {
        code: Code::EditedAfterApplied,
        severity: Severity::Error,
        file: of.up.file.clone(),
        span,
        message: format!("{name} was edited after it was applied"),
        causes,
        safer: vec!["take the edit back and make it in a new migration".to_owned()],
        table: None,
        fix: None,
    }
}

/// What a tool does that keeps checksums of what it applied in the database, so that every character
/// counts; none of one that keeps none, or does not look at them again.
const fn with_checksums(tool: Tool) -> Option<&'static str> {
    match tool {
        Tool::Sqlx | Tool::Flyway | Tool::Refinery => Some("refuses to go on"),
        Tool::Prisma => Some("warns; `prisma migrate dev` wants to reset the database"),
        Tool::Atlas
        | Tool::Diesel
        | Tool::GolangMigrate
        | Tool::Dbmate
        | Tool::Goose
        | Tool::SqlMigrate
        | Tool::Drizzle
        | Tool::NodePgMigrate
        | Tool::Supabase
        | Tool::Plain => None,
    }
}

/// Whether two texts of a migration are the same to its tool. How lines end is up to Git.
fn same_for(tool: Tool, one: &str, other: &str) -> bool {
    if one.lines().eq(other.lines()) {
        return true;
    }
    // Comments and blanks do nothing.
    let words = |text| -> Vec<(TokenKind, &str)> {
        let tokens = tokens(text);
        tokens.into_iter().map(|it| (it.kind, it.text)).collect()
    };
    with_checksums(tool).is_none() && words(one) == words(other)
}

/// Where a text begins to differ from the one before: the next line that is more than a comment,
/// without what ends it, so that an allowance above it counts; the last line where none is.
fn first_difference(was: &str, is: &str) -> Span {
    let (mut start, mut last) = (0, 0..0);
    let (mut old, mut differs) = (was.lines(), false);
    for line in is.split_inclusive('\n') {
        let shown = line.trim_end_matches(['\n', '\r']);
        differs |= old.next() != Some(shown);
        last = start..start + shown.len();
        let words = shown.trim_start();
        if differs && !words.is_empty() && !words.starts_with("--") {
            break;
        }
        start += line.len();
    }
    last
}
