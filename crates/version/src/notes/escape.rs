//! Text from anywhere as Markdown that is only text and code.
//!
//! A text is read as Markdown, and what is in it is written again: words with every mark of Markdown and
//! HTML escaped, code as code. Links become their text and their address as code, so that it can be
//! seen and not be clicked; so do addresses and mentions that would become links by themselves.

use pulldown_cmark::{CodeBlockKind, Event, Options, Parser, Tag, TagEnd};

/// A part of a line.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Piece {
    Words(String),
    Code(String),
}

/// A block: its lines and where it stands.
#[derive(Debug, Default)]
struct Blocks {
    out: String,
    pieces: Vec<Piece>,
    /// How far in lines begin.
    indent: usize,
    /// Whether the line has begun already, with the marker of an item.
    begun: bool,
    /// The lists that are open.
    lists: Vec<List>,
    /// For each item that is open: where it begins, and whether the line had begun before.
    items: Vec<(usize, bool)>,
}

/// A list that is open.
#[derive(Debug)]
struct List {
    /// The number of its next item.
    next: Option<u64>,
    /// How far in its items are.
    indent: usize,
    /// Whether it has an item.
    started: bool,
}

/// The whole text on one line.
pub(super) fn inline(text: &str) -> String {
    let mut line = Vec::new();
    for block in lines_of(text) {
        if !line.is_empty() {
            push_words(&mut line, " ");
        }
        line.extend(block);
    }
    print(&line)
}

/// The first sentence on one line, cut after so many words.
pub(super) fn summary(text: &str, most: usize) -> String {
    let first = lines_of(text).into_iter().next().unwrap_or_default();
    let (mut line, mut left, mut cut) = (Vec::new(), most, false);
    'pieces: for piece in first {
        let (Piece::Words(inner) | Piece::Code(inner)) = &piece;
        let count = inner.split_whitespace().count();
        match &piece {
            Piece::Code(_) if count > left => {
                cut = true;
                break;
            }
            Piece::Code(_) => {
                left -= count;
                line.push(piece);
            }
            Piece::Words(words) => {
                let mut kept = String::new();
                for (at, word) in words.split_inclusive(' ').enumerate() {
                    let counts = word.chars().any(char::is_alphanumeric);
                    if counts && left == 0 {
                        cut = true;
                        line.push(Piece::Words(kept));
                        break 'pieces;
                    }
                    left -= usize::from(counts);
                    kept.push_str(word);
                    let end = word.trim_end();
                    // `e.g. x` is no end of a sentence, and neither is `1. x`.
                    let long = end.chars().filter(|c| c.is_alphabetic()).count() > 2
                        || at == 0 && !line.is_empty();
                    let stop = end.ends_with(['.', '!', '?']) && !end.ends_with("..");
                    if stop
                        && long
                        && word.ends_with(' ')
                        && !end.contains("e.g")
                        && !end.contains("i.e")
                    {
                        line.push(Piece::Words(kept.trim_end().to_owned()));
                        break 'pieces;
                    }
                }
                line.push(Piece::Words(kept));
            }
        }
    }
    let mut out = print(&line);
    if cut {
        out.truncate(
            out.trim_end_matches(|c: char| c == ',' || c == ';' || c.is_whitespace())
                .len(),
        );
        out.push('…');
    }
    out
}

/// The text over lines, with its paragraphs, lists and blocks of code. The lines after the first are as
/// far in as `indent` says; the last one has no line end.
pub(super) fn blocks(text: &str, indent: usize) -> String {
    let mut blocks = Blocks {
        indent,
        begun: true,
        ..Blocks::default()
    };
    blocks.read(text);
    blocks.out
}

/// A text as code; nothing if it is empty.
pub(super) fn code(text: &str) -> String {
    let text = clean(text);
    let text = text.trim();
    if text.is_empty() {
        return String::new();
    }
    let fence = "`".repeat(longest_run(text) + 1);
    let edge = text.starts_with('`') || text.ends_with('`');
    let gap = if edge { " " } else { "" };
    format!("{fence}{gap}{text}{gap}{fence}")
}

fn longest_run(text: &str) -> usize {
    let runs = text.split(|c| c != '`').map(str::len);
    runs.max().unwrap_or_default()
}

/// Without characters that are not seen or that move others; line ends and the like are spaces.
pub(super) fn clean(text: &str) -> String {
    let keep = |c: char| {
        let hidden = matches!(
            c,
            '\u{ad}' | '\u{61c}' | '\u{115f}' | '\u{1160}' | '\u{180e}' | '\u{200b}' | '\u{200e}' | '\u{200f}'
                | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{3164}' | '\u{feff}' | '\u{ffa0}'
                | '\u{fff9}'..='\u{fffb}' | '\u{e0000}'..='\u{e0fff}'
        );
        match c {
            c if c.is_whitespace() => Some(' '),
            c if c.is_control() || hidden => None,
            c => Some(c),
        }
    };
    text.chars().filter_map(keep).collect()
}

/// Each block of a text as one line.
fn lines_of(text: &str) -> Vec<Vec<Piece>> {
    let (mut lines, mut line) = (Vec::new(), Vec::new());
    let mut links: Vec<String> = Vec::new();
    let mut block = None;
    for event in Parser::new_ext(text, Options::empty()) {
        match event {
            Event::Start(Tag::CodeBlock(_)) => block = Some(String::new()),
            Event::End(TagEnd::CodeBlock) => {
                let inner = block.take().unwrap_or_default();
                push_code(&mut line, &inner);
                lines.push(std::mem::take(&mut line));
            }
            Event::Text(words) if block.is_some() => {
                block.get_or_insert_default().push_str(&words);
            }
            Event::Start(
                Tag::Paragraph | Tag::Item | Tag::Heading { .. } | Tag::List(_) | Tag::HtmlBlock,
            )
            | Event::End(
                TagEnd::Paragraph | TagEnd::Item | TagEnd::Heading(_) | TagEnd::HtmlBlock,
            ) => lines.push(std::mem::take(&mut line)),
            event => inner(&mut line, &mut links, event),
        }
    }
    lines.push(line);
    lines.retain(|line| !print(line).is_empty());
    lines
}

/// What stands in a line.
fn inner(line: &mut Vec<Piece>, links: &mut Vec<String>, event: Event<'_>) {
    match event {
        Event::Text(words) | Event::Html(words) | Event::InlineHtml(words) => {
            push_words(line, &words);
        }
        Event::Code(words) => push_code(line, &words),
        Event::SoftBreak | Event::HardBreak => push_words(line, " "),
        Event::Start(Tag::Link { dest_url, .. }) => links.push(dest_url.to_string()),
        Event::End(TagEnd::Link) => {
            let url = links.pop().unwrap_or_default();
            let same = matches!(line.last(), Some(Piece::Words(words)) if words.ends_with(&url));
            if !url.is_empty() && !same {
                push_words(line, " (");
                push_code(line, &url);
                push_words(line, ")");
            }
        }
        _ => {}
    }
}

fn push_words(line: &mut Vec<Piece>, more: &str) {
    if let Some(Piece::Words(words)) = line.last_mut() {
        words.push_str(more);
    } else {
        line.push(Piece::Words(more.to_owned()));
    }
}

fn push_code(line: &mut Vec<Piece>, words: &str) {
    // Where nothing is seen, what stands on both sides is one word, and has to be judged as one.
    if clean(words).trim().is_empty() {
        return;
    }
    line.push(Piece::Code(words.to_owned()));
}

fn print(line: &[Piece]) -> String {
    let mut out = String::new();
    for piece in line {
        match piece {
            Piece::Code(words) => put_code(&mut out, words),
            Piece::Words(words) => put_words(&mut out, words),
        }
    }
    out.truncate(out.trim_end().len());
    out
}

fn put_code(out: &mut String, words: &str) {
    // Two pieces of code that touch would be one of another kind.
    if out.ends_with('`') {
        out.push(' ');
    }
    out.push_str(&code(words));
}

fn put_words(out: &mut String, words: &str) {
    let words = clean(words);
    for word in words.split_inclusive(' ') {
        let (bare, gap) = match word.strip_suffix(' ') {
            Some(bare) => (bare, true),
            None => (word, false),
        };
        if leads_away(bare) {
            let open = |c: char| "(\"'*_~.,;:!?".contains(c);
            let close = |c: char| ")\"'*_~.,;:!?".contains(c);
            let start = bare.len() - bare.trim_start_matches(open).len();
            let end = bare.trim_end_matches(close).len().max(start);
            put_plain(out, &bare[..start]);
            put_code(out, &bare[start..end]);
            put_plain(out, &bare[end..]);
        } else {
            put_plain(out, bare);
        }
        if gap && !out.is_empty() && !out.ends_with(' ') {
            out.push(' ');
        }
    }
}

/// Whether a word would become a link or a mention by itself.
fn leads_away(word: &str) -> bool {
    let lower = word.to_lowercase();
    let mention = lower
        .split('@')
        .skip(1)
        .any(|it| it.starts_with(char::is_alphanumeric));
    mention
        || ["://", "www.", "mailto:", "xmpp:"]
            .iter()
            .any(|it| lower.contains(it))
}

/// Words with every mark escaped that could mean something where they come to stand.
fn put_plain(out: &mut String, words: &str) {
    let mut chars = words.chars().peekable();
    while let Some(c) = chars.next() {
        let next = chars.peek().copied();
        let first = out.is_empty();
        let before = out.chars().next_back();
        let inside =
            before.is_some_and(char::is_alphanumeric) && next.is_some_and(char::is_alphanumeric);
        let number = !first && out.bytes().all(|b| b.is_ascii_digit());
        let escape = match c {
            '\\' | '`' | '*' | '[' | ']' | '<' | '{' | '}' | '$' | '|' | '~' | '^' => true,
            '_' => !inside,
            '&' => next.is_some_and(|it| it == '#' || it.is_alphanumeric()),
            '#' | '-' | '+' | '>' | '=' | ':' | '%' => first,
            '.' | ')' => number && next.is_none(),
            _ => false,
        };
        if escape {
            out.push('\\');
        }
        out.push(c);
    }
}

impl Blocks {
    fn read(&mut self, text: &str) {
        let mut links = Vec::new();
        let mut block: Option<(String, String)> = None;
        for event in Parser::new_ext(text, Options::empty()) {
            match event {
                Event::Start(Tag::CodeBlock(kind)) => {
                    self.flush();
                    let language = match kind {
                        CodeBlockKind::Fenced(it) => it.to_string(),
                        CodeBlockKind::Indented => String::new(),
                    };
                    block = Some((language, String::new()));
                }
                Event::End(TagEnd::CodeBlock) => {
                    let (language, inner) = block.take().unwrap_or_default();
                    self.code(&language, &inner);
                }
                Event::Text(words) if block.is_some() => {
                    block.get_or_insert_default().1.push_str(&words);
                }
                Event::Start(Tag::List(first)) => {
                    self.flush();
                    self.lists.push(List {
                        next: first,
                        indent: self.indent,
                        started: false,
                    });
                }
                Event::End(TagEnd::List(_)) => {
                    self.flush();
                    self.lists.pop();
                }
                Event::Start(Tag::Item) => {
                    self.flush();
                    self.item();
                }
                Event::End(TagEnd::Item) => {
                    self.flush();
                    self.indent = self.lists.last().map_or(0, |it| it.indent);
                    let (start, begun) = self.items.pop().unwrap_or_default();
                    // Markers with nothing after them could be a line across the page.
                    if std::mem::take(&mut self.begun) {
                        self.out.truncate(start);
                        self.begun = begun;
                    }
                }
                Event::Start(Tag::Paragraph | Tag::Heading { .. } | Tag::HtmlBlock)
                | Event::End(
                    TagEnd::Paragraph
                    | TagEnd::Heading(_)
                    | TagEnd::HtmlBlock
                    | TagEnd::BlockQuote(_),
                ) => self.flush(),
                event => inner(&mut self.pieces, &mut links, event),
            }
        }
        self.flush();
    }

    /// Begins a block, on a line of its own.
    fn begin(&mut self, apart: bool) {
        if !std::mem::take(&mut self.begun) {
            self.out.push_str(if apart { "\n\n" } else { "\n" });
            self.out.push_str(&" ".repeat(self.indent));
        }
    }

    fn flush(&mut self) {
        let line = print(&std::mem::take(&mut self.pieces));
        if !line.is_empty() {
            self.begin(true);
            self.out.push_str(&line);
        }
    }

    fn item(&mut self) {
        self.items.push((self.out.len(), self.begun));
        let Some(list) = self.lists.last_mut() else {
            return;
        };
        let marker = match &mut list.next {
            Some(next) => {
                let marker = format!("{next}. ");
                *next = next.saturating_add(1);
                marker
            }
            None => "- ".to_owned(),
        };
        let first = !std::mem::replace(&mut list.started, true);
        // A list that does not begin with 1 cannot follow a paragraph at once.
        self.begin(first);
        self.out.push_str(&marker);
        self.indent += marker.len();
        self.begun = true;
    }

    fn code(&mut self, language: &str, inner: &str) {
        self.begin(true);
        let fit = |c: &char| c.is_ascii_alphanumeric() || "+-_".contains(*c);
        let language: String = language.chars().take_while(fit).take(20).collect();
        let fence = "`".repeat(longest_run(&clean(inner)).max(2) + 1);
        self.out.push_str(&format!("{fence}{language}"));
        for line in inner.lines() {
            let line = clean(&line.replace('\t', "    "));
            self.out.push('\n');
            if !line.trim().is_empty() {
                self.out.push_str(&" ".repeat(self.indent));
                self.out.push_str(line.trim_end());
            }
        }
        self.out.push('\n');
        self.out.push_str(&" ".repeat(self.indent));
        self.out.push_str(&fence);
    }
}
