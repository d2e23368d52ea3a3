//! Templates: what they may say, and how much they may do.
//!
//! A template repeats, chooses and prints what it is given. It can make no values of its own, so none can
//! grow: no `set`, no filters, no calls, no `~`, `+` or `*`. What is left is bounded by fuel and by the
//! size of what comes out.

use std::collections::BTreeMap;
use std::io;

use minijinja::syntax::SyntaxConfig;
use minijinja::value::{Value, ValueKind};
use minijinja::{Environment, ErrorKind, UndefinedBehavior};

use super::escape;
use super::render::Text;

/// How many bytes a template may have.
const LARGEST: usize = 64 * 1024;

/// How many instructions a text may take.
const FUEL: u64 = 2_000_000;

/// How many bytes a text may have.
const LONGEST: usize = 2 * 1024 * 1024;

/// Words that a tag may begin with.
const TAGS: [&str; 7] = ["if", "elif", "else", "endif", "for", "endfor", "with"];

/// The templates of the texts: built in, or one's own.
#[derive(Debug, Clone, Default)]
pub struct Templates {
    own: BTreeMap<Text, String>,
}

/// Why a template cannot be used. Lines are from 1.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum TemplateError {
    /// It does more than a template may, or is none.
    #[error("the template of the {text}, line {line}: {message}")]
    Form {
        /// Which template.
        text: Text,
        /// Where.
        line: usize,
        /// What is wrong there.
        message: String,
    },
    /// It is too large itself.
    #[error("the template of the {text} has {size} bytes; {LARGEST} are allowed")]
    TooLong {
        /// Which template.
        text: Text,
        /// How many bytes it has.
        size: usize,
    },
    /// It takes too long, or makes too much.
    #[error("the template of the {text} does not come to an end within its bounds")]
    Bounds {
        /// Which template.
        text: Text,
    },
}

impl Templates {
    /// The same with one's own template for a text.
    ///
    /// # Errors
    /// If it is no template, or does more than one may.
    pub fn with(mut self, text: Text, source: impl Into<String>) -> Result<Self, TemplateError> {
        let source = source.into();
        if source.len() > LARGEST {
            return Err(TemplateError::TooLong {
                text,
                size: source.len(),
            });
        }
        guard(&source).map_err(|(at, message)| TemplateError::Form {
            text,
            line: line(&source, at),
            message,
        })?;
        let environment = environment().map_err(|error| failed(text, &error))?;
        environment
            .template_from_str(&source)
            .map_err(|error| failed(text, &error))?;
        self.own.insert(text, source);
        Ok(self)
    }

    /// The template of a text.
    pub fn source(&self, text: Text) -> &str {
        self.own.get(&text).map_or(text.built_in(), String::as_str)
    }

    /// What a template itself says: it without tags.
    pub(super) fn own_words(&self, text: Text) -> String {
        let mut out = String::new();
        let mut rest = self.source(text);
        while let Some(at) = rest.find('{') {
            let (before, from) = rest.split_at(at);
            out.push_str(before);
            let close = match from.get(..2) {
                Some("{{") => "}}",
                Some("{%") => "%}",
                Some("{#") => "#}",
                _ => {
                    out.push('{');
                    rest = &from[1..];
                    continue;
                }
            };
            // Where something stood, so that words do not grow together.
            out.push(' ');
            rest = from.find(close).map_or("", |end| &from[end + 2..]);
        }
        out.push_str(rest);
        out
    }

    pub(super) fn render(&self, text: Text, values: Value) -> Result<String, TemplateError> {
        let environment = environment().map_err(|error| failed(text, &error))?;
        let template = environment
            .template_from_str(self.source(text))
            .map_err(|error| failed(text, &error))?;
        let mut out = Bounded::default();
        template
            .render_captured_to(values, &mut out)
            .map_err(|error| failed(text, &error))?;
        Ok(tidy(&String::from_utf8_lossy(&out.bytes)))
    }
}

fn environment() -> Result<Environment<'static>, minijinja::Error> {
    let mut environment = Environment::empty();
    environment.set_syntax(
        SyntaxConfig::builder()
            .keep_trailing_newline(true)
            .build()?,
    );
    environment.set_undefined_behavior(UndefinedBehavior::SemiStrict);
    environment.set_fuel(Some(FUEL));
    environment.set_recursion_limit(50);
    environment.set_formatter(|out, _, value| {
        let written = match value.kind() {
            ValueKind::String if value.is_safe() => write!(out, "{value}"),
            ValueKind::Number => write!(out, "{value}"),
            ValueKind::String => {
                let text = value.as_str().unwrap_or_default();
                out.write_str(&escape::inline(text))
            }
            kind => {
                let message = format!("a {kind} cannot be printed");
                return Err(minijinja::Error::new(ErrorKind::InvalidOperation, message));
            }
        };
        let failed = |_| minijinja::Error::new(ErrorKind::WriteFailure, "too much");
        written.map_err(failed)
    });
    Ok(environment)
}

fn failed(text: Text, error: &minijinja::Error) -> TemplateError {
    match error.kind() {
        ErrorKind::OutOfFuel | ErrorKind::WriteFailure => TemplateError::Bounds { text },
        kind => TemplateError::Form {
            text,
            line: error.line().unwrap_or(1),
            message: match error.detail() {
                Some(detail) => detail.to_owned(),
                None => kind.to_string(),
            },
        },
    }
}

fn line(source: &str, at: usize) -> usize {
    let before = source.get(..at).unwrap_or(source);
    before.matches('\n').count() + 1
}

/// Where a template does what it may not, and what that is.
fn guard(source: &str) -> Result<(), (usize, String)> {
    let mut at = 0;
    while let Some(found) = source[at..].find('{') {
        let start = at + found;
        let close = match source.get(start..start + 2) {
            Some("{{") => "}}",
            Some("{%") => "%}",
            Some("{#") => "#}",
            _ => {
                at = start + 1;
                continue;
            }
        };
        let inner = start + 2;
        if close == "#}" {
            at = source[inner..]
                .find(close)
                .map_or(source.len(), |it| inner + it + 2);
            continue;
        }
        at = tag(source, start, inner, close)?;
    }
    Ok(())
}

/// One tag from its first byte after the brace. Gives the first byte after it.
fn tag(source: &str, start: usize, inner: usize, close: &str) -> Result<usize, (usize, String)> {
    if close == "%}" {
        let body = source[inner..].trim_start_matches(['-', '+']).trim_start();
        let letter = |c: char| c.is_alphanumeric() || c == '_';
        let word = body.split(|c| !letter(c)).next().unwrap_or_default();
        if !TAGS.contains(&word) && word != "endwith" {
            let known = TAGS.join(", ");
            return Err((
                start,
                format!("there is no tag `{word}` here; there are {known}"),
            ));
        }
    }
    let mut quote = None;
    for (place, c) in source[inner..].char_indices() {
        let at = inner + place;
        match quote {
            Some(open) if c == open => quote = None,
            // What comes after it would have to be read as the engine does.
            Some(_) if c == '\\' => {
                return Err((at, "a text in a tag has no `\\` in it".to_owned()));
            }
            Some(_) => {}
            None if source[at..].starts_with(close) => return Ok(at + 2),
            None => match c {
                '"' | '\'' => quote = Some(c),
                '~' | '*' | '+' | '|' | '(' | '[' | '{' => {
                    let message =
                        format!("`{c}`: a template prints what it is given and makes nothing");
                    return Err((at, message));
                }
                _ => {}
            },
        }
    }
    Err((start, "this tag does not end".to_owned()))
}

/// Without spaces at the end of lines and without more than one empty line in a row, outside of code.
fn tidy(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let (mut code, mut empty) = (false, true);
    for line in text.lines() {
        let line = line.trim_end();
        if line
            .trim_start()
            .trim_start_matches(['-', ' '])
            .starts_with("```")
        {
            code = !code;
        }
        if line.is_empty() && empty && !code {
            continue;
        }
        empty = line.is_empty();
        out.push_str(line);
        out.push('\n');
    }
    out.truncate(out.trim_end().len());
    if !out.is_empty() {
        out.push('\n');
    }
    out
}

/// What is written, up to [`LONGEST`] bytes.
#[derive(Debug, Default)]
struct Bounded {
    bytes: Vec<u8>,
}

impl io::Write for Bounded {
    fn write(&mut self, more: &[u8]) -> io::Result<usize> {
        if self.bytes.len() + more.len() > LONGEST {
            return Err(io::ErrorKind::FileTooLarge.into());
        }
        self.bytes.extend_from_slice(more);
        Ok(more.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
