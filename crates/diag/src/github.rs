//! Diagnostics as workflow commands of GitHub Actions, which GitHub shows as annotations of the
//! lines that they are about.
//!
//! A command is one line, `::error file=a.sql,line=3::message`. What the runner undoes when it
//! reads one decides what has to be written otherwise: `%`, carriage return and line feed in the
//! message, `:` and `,` too in a property. Sources:
//! <https://docs.github.com/en/actions/reference/workflows-and-actions/workflow-commands>, and
//! `src/Runner.Common/ActionCommand.cs` of <https://github.com/actions/runner>.
//!
//! The runner also obeys `##[command]` anywhere in a line that is not a command of this form, so a
//! run on GitHub should print nothing from outside beside what is rendered here.

use std::fmt::Write as _;

use crate::diagnostic::{Diagnostic, Location, Severity};
use crate::escape::escape_line;
use crate::human::said;

/// How many annotations of each level GitHub shows for one step of a workflow; the rest is in the
/// log only. Source: `_maxCountPerIssueType` in `src/Runner.Worker/ExecutionContext.cs` of
/// <https://github.com/actions/runner>.
pub const SHOWN: usize = 10;

/// One command for each diagnostic, each on a line of its own; nothing if there are none.
///
/// Where a level has more than [`SHOWN`], a notice at the end says how many there are in all. It
/// counts as a notice itself, so with [`SHOWN`] notes or more it comes before the last of them
/// that is shown.
///
/// Files are written as [`Location::file`] says them: GitHub finds them relative to the root of the
/// repository, or by their absolute path in the work folder. Control characters and characters that
/// change the reading direction are written as escapes; a file with one in its name is not found.
pub fn render(diagnostics: &[Diagnostic]) -> String {
    let mut lines: Vec<String> = diagnostics.iter().map(command).collect();
    if Severity::ALL
        .iter()
        .any(|of| count(diagnostics, *of) > SHOWN)
    {
        let notes = diagnostics.iter().enumerate();
        let last_shown = notes
            .filter(|(_, found)| found.severity == Severity::Note)
            .nth(SHOWN - 1);
        let at = last_shown.map_or(lines.len(), |(at, _)| at);
        lines.insert(at, summary(diagnostics));
    }
    lines.concat()
}

/// The word of the command.
const fn word(severity: Severity) -> &'static str {
    match severity {
        Severity::Error => "error",
        Severity::Warning => "warning",
        Severity::Note => "notice",
    }
}

fn command(found: &Diagnostic) -> String {
    let mut line = format!("::{} ", word(found.severity));
    if let Some(location) = &found.location {
        place(&mut line, location);
    }
    let title = escape_line(&format!("{}: {}", found.code, found.code.title()));
    let (title, said) = (escape_property(&title), escape_data(&said(found)));
    let _ = writeln!(line, "title={title}::{said}");
    line
}

fn place(line: &mut String, location: &Location) {
    let column = location.column.max(1);
    let _ = write!(
        line,
        "file={},line={},col={column},endColumn={},",
        escape_property(&escape_line(&location.file)),
        location.line.max(1),
        column.saturating_add(location.width.max(1)),
    );
}

fn summary(diagnostics: &[Diagnostic]) -> String {
    let number = |of, word: &str| match count(diagnostics, of) {
        1 => format!("1 {word}"),
        many => format!("{many} {word}s"),
    };
    format!(
        "::notice title=switchback::{}, {} and {} in all: GitHub shows at most {SHOWN} of each, \
         the log has every one\n",
        number(Severity::Error, "error"),
        number(Severity::Warning, "warning"),
        number(Severity::Note, "note"),
    )
}

fn count(diagnostics: &[Diagnostic], of: Severity) -> usize {
    let same = |found: &&Diagnostic| found.severity == of;
    diagnostics.iter().filter(same).count()
}

/// A command's message: `%` first, so that no text can write an escape of its own.
fn escape_data(text: &str) -> String {
    text.replace('%', "%25")
        .replace('\r', "%0D")
        .replace('\n', "%0A")
}

/// The value of a command's property.
fn escape_property(text: &str) -> String {
    escape_data(text).replace(':', "%3A").replace(',', "%2C")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_escapes_are_those_that_the_runner_undoes() {
        let raw = "50%, a:b\r\n%0A";
        assert_eq!(escape_data(raw), "50%25, a:b%0D%0A%250A");
        assert_eq!(escape_property(raw), "50%25%2C a%3Ab%0D%0A%250A");
    }

    #[test]
    fn an_end_that_no_number_can_hold_stays_one() {
        let mut line = String::new();
        let location = Location {
            file: "a".into(),
            line: 0,
            column: u32::MAX,
            text: String::new(),
            width: u32::MAX,
        };
        place(&mut line, &location);
        assert_eq!(line, "file=a,line=1,col=4294967295,endColumn=4294967295,");
    }
}
