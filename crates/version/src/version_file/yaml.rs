//! YAML: charts of Helm. Only the mapping at the top is looked at.

use saphyr_parser::{Event, Marker, Parser, ScalarStyle};

use super::{Found, Problem, Wrong, bounded};
use crate::changelog::{Lines, Span};

pub(super) fn chart(text: &str, app_version: bool) -> Result<Vec<Found>, Wrong> {
    let lines = Lines::of(text.as_bytes());
    let mut found: Vec<Found> = Vec::new();
    let mut depth = 0_usize;
    let mut documents = 0_usize;
    // What stands before the value that comes next, where the mapping at the top is at a value.
    let mut key: Option<String> = None;
    let mut at_key = false;
    for event in Parser::new_from_str(text) {
        let (event, span) = event.map_err(|error| {
            let at = byte(text, &lines, error.marker());
            let reason = bounded(error.info());
            Wrong::new(at, Problem::Syntax { reason })
        })?;
        let here = || byte(text, &lines, &span.start);
        let wrong = |reason: &str| {
            let reason = reason.to_owned();
            Err(Wrong::new(here(), Problem::Syntax { reason }))
        };
        match event {
            Event::DocumentStart(_) => documents += 1,
            Event::MappingStart(..) if depth == 0 => {
                depth = 1;
                at_key = true;
                continue;
            }
            Event::MappingEnd if depth == 1 => {
                depth = 0;
                continue;
            }
            Event::MappingStart(..) | Event::SequenceStart(..) if depth > 0 => depth += 1,
            Event::MappingEnd | Event::SequenceEnd => depth = depth.saturating_sub(1),
            Event::SequenceStart(..) | Event::Scalar(..) if depth == 0 => {
                return wrong("it holds no mapping");
            }
            _ => {}
        }
        if documents > 1 {
            return wrong("it holds more than one document");
        }
        // Only what begins and ends in the mapping at the top is one of its keys or values.
        let begins = matches!(event, Event::MappingStart(..) | Event::SequenceStart(..));
        let node = matches!(
            event,
            Event::Scalar(..) | Event::Alias(_) | Event::MappingEnd | Event::SequenceEnd
        );
        let name = |it: &str| it == "version" || app_version && it == "appVersion";
        if depth == 2
            && begins
            && !at_key
            && let Some(what) = key.take().filter(|it| name(it))
        {
            return Err(Wrong::new(here(), Problem::NotPlain { what }));
        }
        if depth != 1 || !node {
            continue;
        }
        if at_key {
            key = match &event {
                Event::Scalar(text, ..) => Some(text.to_string()),
                _ => None,
            };
        } else if let Some(what) = key.take().filter(|it| name(it)) {
            if found.iter().any(|it| it.what == what) {
                return Err(Wrong::new(here(), Problem::Twice { what }));
            }
            let Event::Scalar(content, style, anchor, tag) = &event else {
                return Err(Wrong::new(here(), Problem::NotPlain { what }));
            };
            let quotes = match style {
                ScalarStyle::Plain => Some(0),
                ScalarStyle::SingleQuoted | ScalarStyle::DoubleQuoted => Some(1),
                _ => None,
            };
            let start = here() + quotes.unwrap_or_default();
            let place = Span::new(start, start + content.len());
            let simple = quotes.is_some() && *anchor == 0 && tag.is_none();
            if !simple || content.is_empty() || place.text(text) != content.as_ref() {
                return Err(Wrong::new(here(), Problem::NotPlain { what }));
            }
            found.push(Found::new(place, what));
        }
        at_key = !at_key;
    }
    let both = found.iter().any(|it| it.what == "appVersion");
    if app_version && !both {
        let wanted = "`appVersion`";
        return Err(Wrong::new(0, Problem::NoVersion { wanted }));
    }
    let version = found.iter().any(|it| it.what == "version");
    Ok(if version { found } else { Vec::new() })
}

/// The byte at a place, which the parser counts in lines and characters.
fn byte(text: &str, lines: &Lines, marker: &Marker) -> usize {
    let line = lines.span(marker.line());
    let content = line.text(text);
    let mut places = content.char_indices().map(|(at, _)| at);
    line.start + places.nth(marker.col()).unwrap_or(content.len())
}
