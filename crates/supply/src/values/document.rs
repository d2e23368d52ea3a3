//! A parsed YAML file, still knowing where everything stands.

use std::borrow::Cow;
use std::collections::HashSet;
use std::ops::Range;

use saphyr_parser::{Event, Parser, ScalarStyle, Span};

use super::ValuesError;
use super::scalar::{Kind, kind_of};
use crate::git::escaped_name;

/// The events of one document.
pub(super) struct Document<'a> {
    text: &'a str,
    events: Vec<(Event<'a>, Span)>,
    /// Byte offset of each character, and of the end.
    offsets: Vec<usize>,
}

/// A scalar that may be replaced.
pub(super) struct Target<'a> {
    /// Its place among the events.
    pub(super) event: usize,
    /// The bytes to replace, quotes included.
    pub(super) range: Range<usize>,
    pub(super) style: ScalarStyle,
    text: Cow<'a, str>,
}

impl Target<'_> {
    /// The text, unless it says "nothing".
    pub(super) fn value(&self) -> Option<&str> {
        let nothing = self.style == ScalarStyle::Plain && self.kind() == Kind::Null;
        (!nothing).then_some(self.text.as_ref())
    }

    /// What the text means when it is not quoted.
    pub(super) fn kind(&self) -> Kind {
        kind_of(&self.text)
    }
}

impl<'a> Document<'a> {
    pub(super) fn parse(text: &'a str) -> Result<Self, ValuesError> {
        let mut offsets: Vec<usize> = text.char_indices().map(|(at, _)| at).collect();
        offsets.push(text.len());
        let mut events = Vec::new();
        let mut failure = None;
        for event in Parser::new_from_str(text) {
            match event {
                Ok(event) => events.push(event),
                Err(error) => {
                    failure = Some(ValuesError::Syntax {
                        line: error.marker().line(),
                        reason: escaped_name(error.info()),
                    });
                    break;
                }
            }
        }
        let document = Self {
            text,
            events,
            offsets,
        };
        // A template often is no YAML either; then "template" is the better answer.
        document.refuse_templates_and_tabs()?;
        if let Some(failure) = failure {
            return Err(failure);
        }
        let starts = |(event, _): &&(Event<'_>, Span)| matches!(event, Event::DocumentStart(_));
        let count = document.events.iter().filter(starts).count();
        if count != 1 {
            return Err(ValuesError::NotOneDocument { count });
        }
        document.refuse_duplicates()?;
        Ok(document)
    }

    /// Whether two documents differ in nothing but the text and style of one scalar.
    pub(super) fn same_but(&self, other: &Self, scalar: usize) -> bool {
        let pairs = self.events.iter().zip(&other.events).enumerate();
        self.events.len() == other.events.len()
            && pairs.fold(true, |same, (at, ((left, _), (right, _)))| {
                same && match (left, right) {
                    (Event::Scalar(_, _, a, x), Event::Scalar(_, _, b, y)) if at == scalar => {
                        a == b && x == y
                    }
                    _ => left == right,
                }
            })
    }

    /// The scalar at a path.
    pub(super) fn find(&self, path: &[String]) -> Result<Target<'a>, ValuesError> {
        let root = |(event, _): &(Event<'_>, Span)| {
            !matches!(event, Event::StreamStart | Event::DocumentStart(_))
        };
        let mut at = self.events.iter().position(root).unwrap_or(0);
        let mut key = None;
        for (depth, wanted) in path.iter().enumerate() {
            let (found_key, value) = self.child(at, wanted, &path[..depth], &path[..=depth])?;
            key = Some(found_key);
            at = value;
        }
        self.target(at, key, path)
    }

    /// The places of a key and its value in the mapping at `at`.
    fn child(
        &self,
        at: usize,
        wanted: &str,
        here: &[String],
        there: &[String],
    ) -> Result<(usize, usize), ValuesError> {
        let path = || shown(here);
        match &self.events[at].0 {
            Event::MappingStart(0, _) => {}
            Event::MappingStart(..) => return Err(ValuesError::Anchor { path: path() }),
            Event::Alias(_) => return Err(ValuesError::Alias { path: path() }),
            _ => return Err(ValuesError::NotAMapping { path: path() }),
        }
        let mut key = at + 1;
        while !matches!(self.events[key].0, Event::MappingEnd) {
            let value = self.after(key);
            match &self.events[key].0 {
                Event::Scalar(text, ..) if text == wanted => return Ok((key, value)),
                _ => key = self.after(value),
            }
        }
        Err(ValuesError::MissingKey { path: shown(there) })
    }

    /// The place after the node at `at`.
    fn after(&self, mut at: usize) -> usize {
        let mut depth = 0_usize;
        loop {
            match self.events[at].0 {
                Event::MappingStart(..) | Event::SequenceStart(..) => depth += 1,
                Event::MappingEnd | Event::SequenceEnd => depth = depth.saturating_sub(1),
                _ => {}
            }
            at += 1;
            // A parsed document always ends with DocumentEnd and StreamEnd.
            if depth == 0 || at + 1 >= self.events.len() {
                return at;
            }
        }
    }

    fn target(
        &self,
        at: usize,
        key: Option<usize>,
        path: &[String],
    ) -> Result<Target<'a>, ValuesError> {
        let form = |form| ValuesError::Form {
            path: shown(path),
            form,
        };
        let (value, style) = match &self.events[at].0 {
            Event::Scalar(value, style, 0, None) => (value, *style),
            Event::Scalar(_, _, 0, Some(_)) => return Err(form("a scalar with a tag")),
            Event::Scalar(..) => return Err(ValuesError::Anchor { path: shown(path) }),
            Event::Alias(_) => return Err(ValuesError::Alias { path: shown(path) }),
            _ => return Err(ValuesError::NotAScalar { path: shown(path) }),
        };
        let (start, end) = self.bytes(self.events[at].1);
        let range = match style {
            ScalarStyle::Plain if value.is_empty() => {
                let place = key.and_then(|key| self.after_colon(key));
                place.ok_or_else(|| form("an empty value of an explicit key"))?
            }
            ScalarStyle::Plain => start..end,
            ScalarStyle::SingleQuoted | ScalarStyle::DoubleQuoted => {
                // The parser's span runs on over blanks and a comment.
                let end = closing_quote(&self.text[start..]);
                start..start + end.ok_or_else(|| form("a scalar without an end"))?
            }
            ScalarStyle::Literal | ScalarStyle::Folded => return Err(form("a block scalar")),
        };
        let written = &self.text[range.clone()];
        if written.contains(['\n', '\r']) {
            return Err(form("a scalar of several lines"));
        }
        if written.contains("{{") || written.contains("{%") {
            return Err(form("a template expression"));
        }
        if style == ScalarStyle::Plain && written != value.as_ref() {
            return Err(form("a scalar whose place is not clear"));
        }
        Ok(Target {
            event: at,
            text: value.clone(),
            range,
            style,
        })
    }

    /// The empty range after the colon of a key: where an empty value would start.
    fn after_colon(&self, key: usize) -> Option<Range<usize>> {
        let (start, end) = self.bytes(self.events[key].1);
        let end = match self.events[key].0 {
            Event::Scalar(_, ScalarStyle::Plain, ..) => end,
            _ => start + closing_quote(&self.text[start..])?,
        };
        let rest = &self.text[end..];
        let colon = rest.trim_start_matches([' ', '\t']);
        let place = end + (rest.len() - colon.len()) + 1;
        colon.starts_with(':').then_some(place..place)
    }

    fn bytes(&self, span: Span) -> (usize, usize) {
        let last = self.offsets.len() - 1;
        let start = self.offsets[span.start.index().min(last)];
        let end = self.offsets[span.end.index().min(last)];
        (start, end.max(start))
    }

    fn refuse_duplicates(&self) -> Result<(), ValuesError> {
        /// A mapping's keys and whether a key comes next; `None` for a sequence.
        type Frame<'t> = Option<(HashSet<&'t str>, bool)>;
        let mut stack: Vec<Frame<'_>> = Vec::new();
        for (event, span) in &self.events {
            let node_ends = match event {
                Event::MappingStart(..) => {
                    stack.push(Some((HashSet::new(), true)));
                    false
                }
                Event::SequenceStart(..) => {
                    stack.push(None);
                    false
                }
                Event::MappingEnd | Event::SequenceEnd => {
                    stack.pop();
                    true
                }
                Event::Scalar(text, ..) => {
                    if let Some(Some((keys, true))) = stack.last_mut()
                        && !keys.insert(text)
                    {
                        return Err(ValuesError::DuplicateKey {
                            key: escaped_name(text),
                            line: span.start.line(),
                        });
                    }
                    true
                }
                Event::Alias(_) => true,
                _ => false,
            };
            if let (true, Some(Some((_, key_next)))) = (node_ends, stack.last_mut()) {
                *key_next = !*key_next;
            }
        }
        Ok(())
    }

    fn refuse_templates_and_tabs(&self) -> Result<(), ValuesError> {
        let quoted: Vec<Range<usize>> = self
            .events
            .iter()
            .filter_map(|(event, span)| {
                let (start, end) = self.bytes(*span);
                match event {
                    Event::Scalar(_, ScalarStyle::Plain, ..) => None,
                    Event::Scalar(_, ScalarStyle::Literal | ScalarStyle::Folded, ..) => {
                        Some(start..end)
                    }
                    Event::Scalar(..) => Some(start..start + closing_quote(&self.text[start..])?),
                    _ => None,
                }
            })
            .collect();
        let inside = |at: usize| quoted.iter().any(|range| range.contains(&at));
        let mut start = 0;
        for (number, line) in self.text.split_inclusive('\n').enumerate() {
            let line_number = number + 1;
            let blanks = line.len() - line.trim_start_matches([' ', '\t']).len();
            let empty = line.trim().is_empty();
            if line[..blanks].contains('\t') && !empty && !inside(start + blanks) {
                return Err(ValuesError::Tab { line: line_number });
            }
            let code = &line[..comment(line, |at| inside(start + at))];
            for mark in ["{{", "{%"] {
                if code.match_indices(mark).any(|(at, _)| !inside(start + at)) {
                    return Err(ValuesError::Template { line: line_number });
                }
            }
            start += line.len();
        }
        Ok(())
    }
}

/// Where the comment of a line starts, or its end.
fn comment(line: &str, quoted: impl Fn(usize) -> bool) -> usize {
    let mut marks = line.match_indices('#').map(|(at, _)| at);
    let found = marks.find(|at| {
        let after_blank = line[..*at]
            .chars()
            .next_back()
            .is_none_or(char::is_whitespace);
        after_blank && !quoted(*at)
    });
    found.unwrap_or(line.len())
}

/// The length of the quoted scalar that a text starts with, quotes included.
fn closing_quote(text: &str) -> Option<usize> {
    let mut chars = text.char_indices().peekable();
    let (_, quote) = chars.next().filter(|(_, c)| *c == '"' || *c == '\'')?;
    while let Some((at, c)) = chars.next() {
        if c == '\\' && quote == '"' {
            chars.next();
        } else if c == quote {
            let doubled = quote == '\'' && chars.peek().is_some_and(|(_, next)| *next == quote);
            if !doubled {
                return Some(at + 1);
            }
            chars.next();
        }
    }
    None
}

/// A path for people: `image.tag`.
pub(super) fn shown(path: &[String]) -> String {
    let parts: Vec<String> = path.iter().map(|part| escaped_name(part)).collect();
    parts.join(".")
}
