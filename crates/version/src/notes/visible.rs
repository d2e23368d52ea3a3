//! What people see of Markdown.

use pulldown_cmark::{Event, Options, Parser, Tag, TagEnd};

use crate::changelog::Span;

/// A character that is seen.
#[derive(Debug, Clone, Copy)]
pub(super) struct Seen {
    pub(super) c: char,
    /// Where it comes from.
    pub(super) span: Span,
    /// The number of the piece of code that it is in; 0 where it is in none.
    pub(super) code: usize,
}

/// What GitHub and GitLab show.
pub(super) fn options() -> Options {
    Options::ENABLE_TABLES
        | Options::ENABLE_STRIKETHROUGH
        | Options::ENABLE_TASKLISTS
        | Options::ENABLE_FOOTNOTES
        | Options::ENABLE_GFM
}

/// Every character that is seen. Blocks end with a line end, cells with a space.
pub(super) fn visible(text: &str) -> Vec<Seen> {
    let mut seen: Vec<Seen> = Vec::new();
    let (mut codes, mut in_block) = (0, false);
    for (event, range) in Parser::new_ext(text, options()).into_offset_iter() {
        let whole = Span::new(range.start, range.end);
        let mut push = |words: &str, code: usize| {
            // As long as in the source, unless something was escaped.
            let same = text.get(range.clone()) == Some(words);
            let inside = text.get(range.clone()).and_then(|it| it.find(words));
            for (at, c) in words.char_indices() {
                let span = match (same, inside) {
                    (true, _) => Span::new(range.start + at, range.start + at + c.len_utf8()),
                    (false, Some(lead)) => {
                        let start = range.start + lead + at;
                        Span::new(start, start + c.len_utf8())
                    }
                    (false, None) => whole,
                };
                seen.push(Seen { c, span, code });
            }
        };
        match event {
            Event::Text(words) => push(&words, if in_block { codes } else { 0 }),
            Event::Code(words) => {
                codes += 1;
                push(&words, codes);
            }
            Event::SoftBreak | Event::HardBreak | Event::End(TagEnd::TableCell) => push(" ", 0),
            Event::Start(Tag::CodeBlock(_)) => {
                codes += 1;
                in_block = true;
            }
            Event::End(TagEnd::CodeBlock) => {
                in_block = false;
                push("\n", 0);
            }
            Event::Start(Tag::Item)
            | Event::End(
                TagEnd::Paragraph
                | TagEnd::Heading(_)
                | TagEnd::Item
                | TagEnd::TableHead
                | TagEnd::TableRow
                | TagEnd::HtmlBlock,
            ) => push("\n", 0),
            _ => {}
        }
    }
    seen
}

/// How many words people count: what is seen, without marks of Markdown, addresses behind links, comments
/// and tags. A word is what stands between spaces and has a letter or a digit in it.
pub fn words(text: &str) -> usize {
    let seen: String = visible(text).iter().map(|it| it.c).collect();
    let counts = |word: &&str| word.chars().any(char::is_alphanumeric);
    seen.split_whitespace().filter(counts).count()
}
