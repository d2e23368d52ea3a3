//! Bytes to spans.

use pulldown_cmark::{Event, Options, Parser, Tag};

use super::heading::{self, Heading};
use super::kind::Kind;
use super::span::{Lines, Span};
use super::{Changelog, Group, Name, Reference, Section};

/// Reads a changelog.
pub(super) fn parse(bytes: Vec<u8>) -> Changelog {
    let text = readable(&bytes);
    let lines = Lines::of(&bytes);
    let Blocks {
        headings,
        items,
        html,
        references,
    } = blocks(&text, &lines);
    let mut changelog = Changelog {
        bytes,
        text,
        lines,
        title: None,
        sections: Vec::new(),
        references,
        html,
    };
    changelog.sections = sections(&mut changelog.title, headings, &changelog.text);
    let mut sections = std::mem::take(&mut changelog.sections);
    close(&changelog, &mut sections, &items);
    changelog.sections = sections;
    changelog
}

/// The same number of bytes as text: each byte that is no UTF-8 is `?`, and a byte order mark is as many
/// spaces, which a heading may have before it.
fn readable(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(bytes.len());
    for chunk in bytes.utf8_chunks() {
        text.push_str(chunk.valid());
        text.extend(chunk.invalid().iter().map(|_| '?'));
    }
    if text.starts_with('\u{feff}') {
        text.replace_range(..'\u{feff}'.len_utf8(), "   ");
    }
    text
}

/// What a parser of Markdown sees outside of lists, quotes and code.
struct Blocks {
    headings: Vec<Heading>,
    items: Vec<Span>,
    html: Vec<Span>,
    references: Vec<Reference>,
}

fn blocks(text: &str, lines: &Lines) -> Blocks {
    let parser = Parser::new_ext(text, Options::empty());
    let mut references: Vec<Reference> = parser
        .reference_definitions()
        .iter()
        .filter_map(|(label, definition)| {
            let span = Span::new(definition.span.start, definition.span.end);
            reference(text, label, span, lines)
        })
        .collect();
    references.sort_by_key(|it| it.span.start);

    let (mut headings, mut items, mut html) = (Vec::new(), Vec::new(), Vec::new());
    // What is open, and whether the outermost of it is a list.
    let (mut depth, mut list) = (0_usize, false);
    for (event, range) in parser.into_offset_iter() {
        let span = Span::new(range.start, range.end);
        match event {
            Event::Start(tag) => {
                match tag {
                    Tag::Heading { level, .. } if depth == 0 => {
                        headings.push(head(text, lines, span, level as u8));
                    }
                    Tag::Item if depth == 1 && list => items.push(trimmed(text, lines, span)),
                    Tag::HtmlBlock if depth == 0 => html.push(lines.whole(span)),
                    _ => {}
                }
                if depth == 0 {
                    list = matches!(tag, Tag::List(_));
                }
                depth += 1;
            }
            Event::End(_) => depth = depth.saturating_sub(1),
            _ => {}
        }
    }
    Blocks {
        headings,
        items,
        html,
        references,
    }
}

/// Whole lines, without empty ones at the end.
fn trimmed(text: &str, lines: &Lines, span: Span) -> Span {
    let inner = span.text(text);
    let end = span.start + inner.trim_end().len();
    lines.whole(Span::new(span.start, end.max(span.start + 1)))
}

fn head(text: &str, lines: &Lines, span: Span, level: u8) -> Heading {
    let end = span.start + span.text(text).trim_end().len();
    let whole = lines.whole(Span::new(span.start, end.max(span.start + 1)));
    let inner = whole.text(text).trim();
    let start = whole.start + (whole.text(text).len() - whole.text(text).trim_start().len());
    let underlined = inner.contains(['\n', '\r']);
    let (start, inner) = if underlined {
        let last = inner.rfind(['\n', '\r']).unwrap_or(inner.len());
        (start, inner[..last].trim_end())
    } else {
        let bare = inner.trim_start_matches('#').trim_start();
        let start = start + (inner.len() - bare.len());
        let open = bare.trim_end_matches('#');
        // Marks at the end count only after a space.
        let bare = if open.is_empty() || open.ends_with([' ', '\t']) {
            open.trim_end()
        } else {
            bare
        };
        (start, bare)
    };
    Heading {
        span: whole,
        text: Span::new(start, start + inner.len()),
        level,
        underlined,
        label: (!inner.contains(['\n', '\r']))
            .then(|| heading::label(inner, start))
            .flatten(),
    }
}

/// The parts of `[label]: url`. Nothing where it stands inside of a list or a quote and does not have
/// lines for itself.
fn reference(text: &str, label: &str, span: Span, lines: &Lines) -> Option<Reference> {
    let inner = span.text(text);
    let lead = inner.len() - inner.trim_start().len();
    let start = span.start + lead;
    let whole = lines.whole(Span::new(start, span.start + inner.trim_end().len()));
    let before = Span::new(whole.start, start).text(text);
    if !before.trim().is_empty() || before.len() > 3 {
        return None;
    }
    let inner = Span::new(start, whole.end).text(text);
    let close = inner.find("]:")?;
    let after = &inner[close + 2..];
    let bare = after.trim_start();
    let from = close + 2 + (after.len() - bare.len());
    let (from, length) = match bare.strip_prefix('<') {
        Some(bare) => (from + 1, bare.find('>')?),
        None => (from, bare.find(char::is_whitespace).unwrap_or(bare.len())),
    };
    Some(Reference {
        label: label.to_owned(),
        span: whole,
        label_span: Span::new(start + 1, start + close),
        url: Span::new(start + from, start + from + length),
    })
}

/// Headings to sections with their groups. Where they end is not known yet.
fn sections(title: &mut Option<Span>, headings: Vec<Heading>, text: &str) -> Vec<Section> {
    let mut sections: Vec<Section> = Vec::new();
    for heading in headings {
        let name = match &heading.label {
            Some(label) if heading.level <= 3 => Some(match &label.version {
                Some(version) => Name::Version(version.clone()),
                None => Name::Unreleased,
            }),
            _ => None,
        };
        if name.is_none()
            && let Some(section) = sections.last_mut()
            && heading.level > section.heading.level
        {
            let first = section.groups.first().map(|it| it.heading.level);
            let group = section.name != Name::Other && first.is_none_or(|it| heading.level <= it);
            if group {
                section.groups.push(Group {
                    kind: Kind::of_heading(heading.text.text(text)),
                    body: Span::new(heading.span.end, heading.span.end),
                    content_end: heading.span.end,
                    heading,
                    items: Vec::new(),
                });
            }
            continue;
        }
        match name {
            None if heading.level == 1 && title.is_none() && sections.is_empty() => {
                *title = Some(heading.span);
            }
            // What comes before every section and is deeper is part of what the title says.
            None if heading.level > 2 => {}
            name => sections.push(Section {
                name: name.unwrap_or(Name::Other),
                body: Span::new(heading.span.end, heading.span.end),
                content_end: heading.span.end,
                heading,
                groups: Vec::new(),
                loose: Vec::new(),
            }),
        }
    }
    sections
}

/// Where sections and groups end, and which items are in them.
fn close(changelog: &Changelog, sections: &mut [Section], items: &[Span]) {
    let within = |span: Span| -> Vec<Span> {
        let from = items.partition_point(|it| it.start < span.start);
        let to = items.partition_point(|it| it.start < span.end);
        items.get(from..to).unwrap_or_default().to_vec()
    };
    let mut end = changelog.text.len();
    for section in sections.iter_mut().rev() {
        section.body.end = end;
        for group in section.groups.iter_mut().rev() {
            group.body.end = end;
            group.content_end = content_end(changelog, group.body);
            group.items = within(group.body);
            end = group.heading.span.start;
        }
        section.loose = within(Span::new(section.body.start, end));
        section.content_end = content_end(changelog, section.body);
        end = section.heading.span.start;
    }
}

/// The end of the last line that is neither empty nor one of the link references at the end. Comments
/// right over those belong to them.
pub(super) fn content_end(changelog: &Changelog, body: Span) -> usize {
    let mut end = body.end;
    let mut references = false;
    loop {
        let inner = Span::new(body.start, end).text(&changelog.text).trim_end();
        if inner.is_empty() {
            return body.start;
        }
        let last = body.start + inner.len() - 1;
        let line = changelog.lines.whole(Span::new(last, last + 1));
        let all = &changelog.references;
        let at = all.partition_point(|it| it.span.end <= last);
        if let Some(found) = all.get(at).filter(|it| it.span.holds(last)) {
            references = true;
            end = found.span.start.max(body.start);
            continue;
        }
        let comment = changelog.html.iter().find(|it| it.holds(last));
        match comment {
            Some(found)
                if references && found.of(&changelog.bytes).trim_ascii().starts_with(b"<!--") =>
            {
                end = found.start.max(body.start);
            }
            _ => return line.end,
        }
    }
}
