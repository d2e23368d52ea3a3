//! One finding: what, why, where, and what to do next.

use crate::code::Code;
use crate::exit::Exit;

/// How much a finding matters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Severity {
    /// Worth knowing.
    Note,
    /// Nothing was refused, but somebody should look.
    Warning,
    /// Something was refused or did not work.
    Error,
}

impl Severity {
    /// Every severity, by rising weight.
    pub const ALL: [Severity; 3] = [Severity::Note, Severity::Warning, Severity::Error];

    /// The word that is shown and written: `error`.
    pub const fn word(self) -> &'static str {
        match self {
            Severity::Note => "note",
            Severity::Warning => "warning",
            Severity::Error => "error",
        }
    }
}

/// A place in a text file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Location {
    /// The file, as people would write it.
    pub file: String,
    /// The line, from 1.
    pub line: u32,
    /// The column in characters, from 1.
    pub column: u32,
    /// The whole line, without its line break.
    pub text: String,
    /// How many characters from the column on are meant; at least 1.
    pub width: u32,
}

impl Location {
    /// The place of the byte range `span` in `source`. A span over several lines is cut at the
    /// end of its first line; a span outside of the source is moved to its end.
    pub fn of_span(file: impl Into<String>, source: &str, span: std::ops::Range<usize>) -> Self {
        let floor = |mut at: usize| {
            at = at.min(source.len());
            while !source.is_char_boundary(at) {
                at -= 1;
            }
            at
        };
        let (start, end) = (floor(span.start), floor(span.end));
        let begin = source[..start].rfind('\n').map_or(0, |at| at + 1);
        let rest = &source[begin..];
        let text = rest
            .split('\n')
            .next()
            .unwrap_or_default()
            .trim_end_matches('\r');
        let stop = end.clamp(start, (begin + text.len()).max(start));
        let count = |text: &str| u32::try_from(text.chars().count()).unwrap_or(u32::MAX);
        Self {
            file: file.into(),
            line: count(&source[..begin].replace(|c| c != '\n', "")).saturating_add(1),
            column: count(&source[begin..start]).saturating_add(1),
            text: text.to_owned(),
            width: count(&source[start..stop]).max(1),
        }
    }
}

/// What to do next, in words, with the command to type where there is one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Hint {
    /// The words.
    pub text: String,
    /// The command, ready to be typed.
    pub command: Option<String>,
}

/// One finding.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Diagnostic {
    /// What it is about.
    pub code: Code,
    /// Which rule found it, where a code stands for many.
    pub rule: Option<&'static str>,
    /// How much it matters.
    pub severity: Severity,
    /// What was refused or found, in one sentence without a full stop.
    pub message: String,
    /// Why, from the nearest cause to the deepest.
    pub causes: Vec<String>,
    /// Where, if it is about a place in a file.
    pub location: Option<Location>,
    /// What to do next, the best advice first.
    pub hints: Vec<Hint>,
}

impl Diagnostic {
    /// An error.
    pub fn error(code: Code, message: impl Into<String>) -> Self {
        Self {
            code,
            rule: None,
            severity: Severity::Error,
            message: message.into(),
            causes: Vec::new(),
            location: None,
            hints: Vec::new(),
        }
    }

    /// A warning.
    pub fn warning(code: Code, message: impl Into<String>) -> Self {
        Self {
            severity: Severity::Warning,
            ..Self::error(code, message)
        }
    }

    /// A note.
    pub fn note(code: Code, message: impl Into<String>) -> Self {
        Self {
            severity: Severity::Note,
            ..Self::error(code, message)
        }
    }

    /// With one more cause, deeper than those before.
    #[must_use]
    pub fn cause(mut self, cause: impl Into<String>) -> Self {
        self.causes.push(cause.into());
        self
    }

    /// With an error and its sources as causes.
    #[must_use]
    pub fn caused_by(mut self, error: &dyn std::error::Error) -> Self {
        let mut next = Some(error);
        while let Some(error) = next {
            let text = error.to_string();
            // Foreign errors often repeat their source in their own text.
            if !self.causes.iter().any(|cause| cause.ends_with(&text)) {
                self.causes.push(text);
            }
            next = error.source();
        }
        self
    }

    /// With a place.
    #[must_use]
    pub fn at(mut self, location: Location) -> Self {
        self.location = Some(location);
        self
    }

    /// With advice in words.
    #[must_use]
    pub fn hint(mut self, text: impl Into<String>) -> Self {
        self.hints.push(Hint {
            text: text.into(),
            command: None,
        });
        self
    }

    /// With advice and the command to type.
    #[must_use]
    pub fn hint_command(mut self, text: impl Into<String>, command: impl Into<String>) -> Self {
        self.hints.push(Hint {
            text: text.into(),
            command: Some(command.into()),
        });
        self
    }

    /// The command that shows the page of the code.
    pub fn help(&self) -> String {
        format!("switchback explain {}", self.code)
    }

    /// How a run ends because of this finding alone.
    pub const fn exit(&self) -> Exit {
        match self.severity {
            Severity::Error => self.code.exit(),
            Severity::Note | Severity::Warning => Exit::Ok,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_span_becomes_line_and_column() {
        let source = "schema = 1\n[röllback]\nwindw = \"24h\"\r\n";
        let at = source.find("windw").unwrap();
        let location = Location::of_span("switchback.toml", source, at..at + 5);
        assert_eq!((location.line, location.column, location.width), (3, 1, 5));
        assert_eq!(location.text, "windw = \"24h\"");
        let at = source.find("llback").unwrap();
        let location = Location::of_span("f", source, at..at + 100);
        assert_eq!((location.line, location.column, location.width), (2, 4, 7));
    }

    #[test]
    fn odd_spans_do_no_harm() {
        for (source, span) in [
            ("", 0..0),
            ("a", 5..9),
            ("é", 1..2),
            ("a\n", 2..2),
            ("\n\n", 1..1),
        ] {
            let location = Location::of_span("f", source, span);
            assert!(location.width >= 1 && location.line >= 1 && location.column >= 1);
        }
        #[expect(clippy::reversed_empty_ranges, reason = "the odd span under test")]
        let reversed = 3..1;
        assert_eq!(Location::of_span("f", "abcdef", reversed).width, 1);
        assert_eq!(Location::of_span("f", "a\n", 2..2).line, 2);
    }

    #[test]
    fn sources_are_listed_once() {
        #[derive(Debug)]
        struct Outer(std::io::Error);
        impl std::fmt::Display for Outer {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                write!(f, "cannot open: {}", self.0)
            }
        }
        impl std::error::Error for Outer {
            fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
                Some(&self.0)
            }
        }
        let error = Outer(std::io::Error::other("disk on fire"));
        let found = Diagnostic::error(Code::CannotRead, "no").caused_by(&error);
        assert_eq!(found.causes, ["cannot open: disk on fire"]);
    }
}
