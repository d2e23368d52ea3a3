//! The only place that writes to the terminal. Data goes to stdout, everything else to stderr.
//!
//! With `--format json` stdout gets one document and every line on stderr is a document too. The
//! other formats are for findings: the command that has them renders them itself.
//!
//! A reader that went away (`switchback … | head`) must not stop a command half way through its
//! work, and is no error. So writing never fails here: a closed pipe is remembered and silence
//! kept; any other trouble is reported when the run ends ([`Output::finish`]).

use std::io::{self, Write as _};
use std::sync::{Mutex, PoisonError};

use anstream::{AutoStream, ColorChoice};
use clap::builder::StyledStr;
use clap::error::ErrorKind;
use serde::Serialize;
use serde::ser::Error as _;
use switchback_diag::theme::styled;
use switchback_diag::{Diagnostic, Exit, Theme, escape_line, escape_text, human, json};

use crate::args::{Color, Format};
use crate::errors::{self, Failure};
use crate::page::Page;

/// Data that a command shows: a wire type of its own, and how people see it.
pub(crate) trait View: Serialize {
    /// The name and version of the wire type, such as `switchback.status/v1`.
    const SCHEMA: &'static str;

    /// About how many bytes the document has, better too many than too few.
    fn about_bytes(&self) -> usize {
        1_024
    }

    /// The same for people.
    fn human(&self, page: &mut Page);
}

/// Where data and talk go, and how they look.
#[derive(Debug)]
pub(crate) struct Output {
    format: Format,
    data_theme: Theme,
    talk_theme: Theme,
    stdout: Mutex<Stdout>,
}

/// What became of stdout.
#[derive(Debug, Default)]
enum Stdout {
    #[default]
    Open,
    /// The reader went away.
    Closed,
    /// The first error; it is reported at the end.
    Failed(io::Error),
}

#[derive(Serialize)]
struct Document<'a, T> {
    schema: &'static str,
    #[serde(flatten)]
    body: &'a T,
}

#[derive(Serialize)]
struct Note<'a> {
    schema: &'static str,
    text: &'a str,
    command: Option<&'a str>,
}

/// The JSON document of a view: one line with its line break.
pub(crate) fn document<T: View>(view: &T) -> Result<String, serde_json::Error> {
    let body = Document {
        schema: T::SCHEMA,
        body: view,
    };
    // What is not filled costs nothing, and to grow by doubling copies all of it.
    let mut line = Vec::with_capacity(view.about_bytes());
    serde_json::to_writer(&mut line, &body)?;
    line.push(b'\n');
    String::from_utf8(line).map_err(serde_json::Error::custom)
}

impl Output {
    /// Output to the process's streams.
    pub(crate) fn new(format: Format, color: Color) -> Self {
        let theme = |auto: ColorChoice| match (color, auto) {
            (Color::Never, _) | (Color::Auto, ColorChoice::Never) => Theme::PLAIN,
            (Color::Always, _) | (Color::Auto, _) => Theme::COLOUR,
        };
        Self {
            format,
            data_theme: theme(AutoStream::choice(&io::stdout())),
            talk_theme: theme(AutoStream::choice(&io::stderr())),
            stdout: Mutex::default(),
        }
    }

    /// Whether data and talk are for a program.
    pub(crate) fn is_json(&self) -> bool {
        self.format == Format::Json
    }

    /// How data is written.
    pub(crate) fn format(&self) -> Format {
        self.format
    }

    /// The styles for stdout.
    pub(crate) fn data_theme(&self) -> &Theme {
        &self.data_theme
    }

    /// The styles for stderr.
    pub(crate) fn talk_theme(&self) -> &Theme {
        &self.talk_theme
    }

    /// Shows the result of a command.
    pub(crate) fn data<T: View>(&self, view: &T) {
        if self.is_json() {
            match document(view) {
                Ok(line) => self.raw(line.as_bytes()),
                Err(error) => self.keep(io::Error::other(error)),
            }
        } else {
            let mut page = Page::new(self.data_theme);
            view.human(&mut page);
            self.raw(page.text().as_bytes());
        }
    }

    /// Writes bytes to stdout as they are, such as a completion script.
    pub(crate) fn raw(&self, bytes: &[u8]) {
        {
            let state = self.stdout.lock().unwrap_or_else(PoisonError::into_inner);
            if !matches!(*state, Stdout::Open) {
                return;
            }
        }
        let mut stdout = io::stdout().lock();
        if let Err(error) = stdout.write_all(bytes).and_then(|()| stdout.flush()) {
            self.keep(error);
        }
    }

    /// Writes a text that clap has rendered, such as help, to stdout.
    pub(crate) fn rendered(&self, text: &StyledStr) {
        let plain = self.data_theme == Theme::PLAIN;
        let text = if plain {
            text.to_string()
        } else {
            text.ansi().to_string()
        };
        self.raw(text.as_bytes());
    }

    /// Says something that is not data: what is being done, what was found.
    pub(crate) fn note(&self, text: &str) {
        if self.is_json() {
            self.talk_json(&Note {
                schema: "switchback.note/v1",
                text,
                command: None,
            });
        } else {
            self.talk(&format!("{}\n", escape_text(text)));
        }
    }

    /// Says what to do next, and the command for it.
    pub(crate) fn next(&self, text: &str, command: &str) {
        if self.is_json() {
            self.talk_json(&Note {
                schema: "switchback.note/v1",
                text,
                command: Some(command),
            });
        } else {
            self.talk(&format!(
                "{} {}: {}\n",
                styled(self.talk_theme.label, "next:"),
                escape_line(text),
                styled(self.talk_theme.command, &escape_line(command))
            ));
        }
    }

    /// Shows why a run failed, and says how it ends.
    pub(crate) fn failure(&self, failure: &Failure) -> Exit {
        self.diagnostics(&failure.diagnostics, failure.exit);
        failure.exit
    }

    /// Shows why the command line was not understood, in clap's own good words. `plain` if no
    /// argument could harm a terminal, for clap repeats them as they are.
    pub(crate) fn usage(&self, error: &clap::Error, failure: &Failure, plain: bool) -> Exit {
        if self.is_json() {
            return self.failure(failure);
        }
        let rendered = error.render();
        let text = match (plain, self.talk_theme == Theme::PLAIN) {
            (true, false) => rendered.ansi().to_string(),
            _ => escape_text(&rendered.to_string()),
        };
        if error.kind() == ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand {
            self.talk(&text);
            return failure.exit;
        }
        let help = failure
            .diagnostics
            .first()
            .map(Diagnostic::help)
            .unwrap_or_default();
        let label = styled(self.talk_theme.label, "explain:");
        let help = styled(self.talk_theme.faint, &help);
        self.talk(&format!("{}\n{label} {help}\n", text.trim_end()));
        failure.exit
    }

    fn diagnostics(&self, found: &[Diagnostic], exit: Exit) {
        if self.is_json() {
            self.talk_json(&json::Document::new(found, exit));
        } else {
            self.talk(&human::render(found, &self.talk_theme));
        }
    }

    /// Writes one JSON line to stderr.
    pub(crate) fn talk_json<T: Serialize>(&self, value: &T) {
        match serde_json::to_string(value) {
            Ok(line) => self.talk(&format!("{line}\n")),
            Err(error) => self.keep(io::Error::other(error)),
        }
    }

    /// Writes to stderr. If that is not possible there is nobody left to tell.
    pub(crate) fn talk(&self, text: &str) {
        let mut stderr = io::stderr().lock();
        let _ = stderr
            .write_all(text.as_bytes())
            .and_then(|()| stderr.flush());
    }

    fn keep(&self, error: io::Error) {
        let mut state = self.stdout.lock().unwrap_or_else(PoisonError::into_inner);
        if matches!(*state, Stdout::Open) {
            *state = match error.kind() {
                io::ErrorKind::BrokenPipe => Stdout::Closed,
                _ => Stdout::Failed(error),
            };
        }
    }

    /// Ends the run: an otherwise good one fails if its data could not be written.
    pub(crate) fn finish(&self, exit: Exit) -> Exit {
        let state =
            std::mem::take(&mut *self.stdout.lock().unwrap_or_else(PoisonError::into_inner));
        match state {
            Stdout::Open | Stdout::Closed => exit,
            Stdout::Failed(error) => {
                let end = self.failure(&errors::no_stdout(&error));
                if exit == Exit::Ok { end } else { exit }
            }
        }
    }
}
