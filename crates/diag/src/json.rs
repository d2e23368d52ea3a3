//! The wire type `switchback.diagnostics/v1`. It is a type of its own: [`crate::Diagnostic`] may
//! change, this may only grow.

use serde::Serialize;

use crate::diagnostic::Diagnostic;
use crate::exit::Exit;

/// The name and version of the wire type.
pub const SCHEMA: &str = "switchback.diagnostics/v1";

/// The document.
#[derive(Debug, Serialize)]
pub struct Document<'a> {
    /// [`SCHEMA`].
    pub schema: &'static str,
    /// The exit code of the run.
    pub exit: u8,
    /// The diagnostics, in the order in which they are shown.
    pub diagnostics: Vec<Entry<'a>>,
}

/// One diagnostic.
#[derive(Debug, Serialize)]
pub struct Entry<'a> {
    /// `SB` and four digits.
    pub code: &'static str,
    /// The code's name in words.
    pub slug: &'static str,
    /// The code's title.
    pub title: &'static str,
    /// The rule that found it, or null where the code says it all.
    pub rule: Option<&'static str>,
    /// `error`, `warning` or `note`.
    pub severity: &'static str,
    /// What was refused or found.
    pub message: &'a str,
    /// Why, the nearest cause first.
    pub causes: &'a [String],
    /// Where, or null.
    pub location: Option<Place<'a>>,
    /// What to do next.
    pub hints: Vec<Advice<'a>>,
    /// The command that shows the code's page.
    pub help: String,
}

/// A place in a file.
#[derive(Debug, Serialize)]
pub struct Place<'a> {
    /// The file.
    pub file: &'a str,
    /// The line, from 1.
    pub line: u32,
    /// The column in characters, from 1.
    pub column: u32,
    /// The whole line.
    pub text: &'a str,
    /// How many characters are meant.
    pub width: u32,
}

/// One hint.
#[derive(Debug, Serialize)]
pub struct Advice<'a> {
    /// The words.
    pub text: &'a str,
    /// The command, or null.
    pub command: Option<&'a str>,
}

impl<'a> Document<'a> {
    /// The document for a run that ended with `exit`.
    pub fn new(diagnostics: &'a [Diagnostic], exit: Exit) -> Self {
        Self {
            schema: SCHEMA,
            exit: exit.number(),
            diagnostics: diagnostics.iter().map(Entry::from).collect(),
        }
    }
}

impl<'a> From<&'a Diagnostic> for Entry<'a> {
    fn from(found: &'a Diagnostic) -> Self {
        Self {
            code: found.code.id(),
            slug: found.code.slug(),
            title: found.code.title(),
            rule: found.rule,
            severity: found.severity.word(),
            message: &found.message,
            causes: &found.causes,
            location: found.location.as_ref().map(|location| Place {
                file: &location.file,
                line: location.line,
                column: location.column,
                text: &location.text,
                width: location.width,
            }),
            hints: found
                .hints
                .iter()
                .map(|hint| Advice {
                    text: &hint.text,
                    command: hint.command.as_deref(),
                })
                .collect(),
            help: found.help(),
        }
    }
}

/// The document on one line, without a line break.
///
/// # Errors
/// Never for these types; the signature is that of `serde_json`.
pub fn render(diagnostics: &[Diagnostic], exit: Exit) -> Result<String, serde_json::Error> {
    serde_json::to_string(&Document::new(diagnostics, exit))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Code, Location};

    #[test]
    fn the_shape_is_pinned() {
        let found = Diagnostic::error(Code::UnknownKey, "`b` is not a key")
            .cause("a slip")
            .at(Location::of_span("s.toml", "a = 1\nb = 2\n", 6..7))
            .hint("did you mean `a`?")
            .hint_command("see every key", "switchback util schema");
        let bare = Diagnostic::warning(Code::Internal, "hm");
        let expected = concat!(
            r#"{"schema":"switchback.diagnostics/v1","exit":2,"diagnostics":["#,
            r#"{"code":"SB0103","slug":"unknown-key","title":"A settings key is not known","rule":null,"#,
            r#""severity":"error","message":"`b` is not a key","causes":["a slip"],"#,
            r#""location":{"file":"s.toml","line":2,"column":1,"text":"b = 2","width":1},"#,
            r#""hints":[{"text":"did you mean `a`?","command":null},"#,
            r#"{"text":"see every key","command":"switchback util schema"}],"#,
            r#""help":"switchback explain SB0103"},"#,
            r#"{"code":"SB0901","slug":"internal","title":"An internal error","rule":null,"#,
            r#""severity":"warning","message":"hm","causes":[],"location":null,"hints":[],"#,
            r#""help":"switchback explain SB0901"}]}"#
        );
        assert_eq!(render(&[found, bare], Exit::Usage).unwrap(), expected);
    }
}
