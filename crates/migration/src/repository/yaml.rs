//! The scalars of a YAML file with the keys that lead to them, by lines and indentation.
//!
//! Manifests are often templates, which no YAML parser reads. What does not look like a key, an
//! item or a scalar is passed over, so that the rest can still be looked at.
//!
//! Deliberately absent: anchors, tags, and whatever would need the whole grammar.

use std::ops::Range;

/// A scalar.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Leaf {
    /// Which document of the file it is in, from 0.
    pub(super) document: usize,
    /// The keys that lead to it, the outermost first; items of lists are `0`, `1` and so on.
    pub(super) path: Vec<String>,
    /// What it says.
    pub(super) value: String,
    /// Where it is, in bytes.
    pub(super) span: Range<usize>,
}

impl Leaf {
    /// Whether the path is `wanted`; `*` stands for any one key.
    pub(super) fn is(&self, wanted: &[&str]) -> bool {
        self.path.len() == wanted.len()
            && self
                .path
                .iter()
                .zip(wanted)
                .all(|(key, wanted)| *wanted == "*" || key == wanted)
    }
}

enum Step {
    Key(String),
    Item(usize),
}

struct Reader<'a> {
    text: &'a str,
    document: usize,
    stack: Vec<(usize, Step)>,
    found: Vec<Leaf>,
    /// The indentation of the key or item whose scalar may go on.
    open: Option<usize>,
}

/// Every scalar of the text, in order.
pub(super) fn leaves(text: &str) -> Vec<Leaf> {
    let mut reader = Reader {
        text,
        document: 0,
        stack: Vec::new(),
        found: Vec::new(),
        open: None,
    };
    let mut at = 0;
    while at < text.len() {
        at = reader.line(at).max(at + 1);
    }
    reader.found
}

impl Reader<'_> {
    /// Reads the line at a place and whatever belongs to its value; where the next one begins.
    fn line(&mut self, begin: usize) -> usize {
        let end = self.end_of_line(begin);
        let next = (end + 1).min(self.text.len()).max(end);
        let line = &self.text[begin..end];
        let content = line.trim_start_matches(' ');
        let indent = line.len() - content.len();
        let content = content.trim_end();
        if content.is_empty() || content.starts_with('#') || content.starts_with("{{") {
            return next;
        }
        if content.starts_with("---") {
            self.document += 1;
            self.stack.clear();
            self.open = None;
            return next;
        }
        self.content(begin + indent, indent, end).max(next)
    }

    fn end_of_line(&self, from: usize) -> usize {
        self.text[from..]
            .find('\n')
            .map_or(self.text.len(), |at| from + at)
    }

    /// Reads what stands at a column; where the last line that belongs to it ends.
    fn content(&mut self, at: usize, indent: usize, end: usize) -> usize {
        let rest = self.text[at..end].trim_end();
        if let Some(item) = rest.strip_prefix('-')
            && (item.is_empty() || item.starts_with(' '))
        {
            // Nobody nests lists like that.
            if self.stack.len() > 100 {
                return end;
            }
            while self.stack.last().is_some_and(|(depth, _)| *depth > indent) {
                self.stack.pop();
            }
            match self.stack.last_mut() {
                Some((depth, Step::Item(number))) if *depth == indent => *number += 1,
                _ => self.stack.push((indent, Step::Item(0))),
            }
            self.open = Some(indent);
            let skip = 1 + item.len() - item.trim_start().len();
            if item.trim().is_empty() {
                return end;
            }
            return self.content(at + skip, indent + skip, end);
        }
        if let Some((key, value)) = key(rest) {
            while self.stack.last().is_some_and(|(depth, _)| *depth >= indent) {
                self.stack.pop();
            }
            self.stack.push((indent, Step::Key(key)));
            self.open = Some(indent);
            let value = at + value;
            if self.text[value..end].trim().is_empty() {
                return end;
            }
            let skip = self.text[value..end].len() - self.text[value..end].trim_start().len();
            return self.value(value + skip, indent, end);
        }
        // An item that is a scalar, or a scalar that goes on.
        match (self.open, self.stack.last()) {
            (Some(depth), Some((last, Step::Item(_)))) if *last == depth && self.is_first(at) => {
                self.value(at, depth, end)
            }
            (Some(depth), _) if indent > depth => {
                if let Some(leaf) = self.found.last_mut() {
                    leaf.value.push(' ');
                    leaf.value.push_str(rest);
                    leaf.span.end = at + rest.len();
                }
                end
            }
            _ => end,
        }
    }

    /// Whether what stands at a place follows its dash on the same line.
    fn is_first(&self, at: usize) -> bool {
        let line = self.text[..at].rfind('\n').map_or(0, |at| at + 1);
        self.text[line..at].trim_start().starts_with('-')
    }

    /// Reads a value that begins at a place.
    fn value(&mut self, at: usize, indent: usize, end: usize) -> usize {
        let text = self.text;
        let rest = text[at..end].trim_end();
        if rest.starts_with(['|', '>']) {
            return self.block(indent, end);
        }
        if rest.starts_with('[') {
            return self.flow(at, end);
        }
        if rest.starts_with('#') {
            return end;
        }
        let (value, length) = scalar(rest);
        self.push(value, at..at + length);
        end
    }

    fn push(&mut self, value: String, span: Range<usize>) {
        let step = |(_, step): &(usize, Step)| match step {
            Step::Key(key) => key.clone(),
            Step::Item(number) => number.to_string(),
        };
        self.found.push(Leaf {
            document: self.document,
            path: self.stack.iter().map(step).collect(),
            value,
            span,
        });
    }

    /// `|` and `>`: the lines that are indented more than the key.
    fn block(&mut self, indent: usize, end: usize) -> usize {
        let mut last = end;
        let mut value = String::new();
        let mut begin = None;
        let mut at = (end + 1).min(self.text.len());
        while at < self.text.len() {
            let stop = self.end_of_line(at);
            let line = &self.text[at..stop];
            let depth = line.len() - line.trim_start_matches(' ').len();
            if !line.trim().is_empty() && depth <= indent {
                break;
            }
            if begin.is_none() && !line.trim().is_empty() {
                begin = Some(at + depth);
            }
            value.push_str(line.trim());
            value.push('\n');
            last = stop;
            at = stop + 1;
        }
        let begin = begin.unwrap_or(end);
        self.push(value, begin..last.max(begin));
        last
    }

    /// `[…]`, on one line or several.
    fn flow(&mut self, at: usize, end: usize) -> usize {
        let mut quote = None;
        let mut depth = 0_u32;
        let mut begin = at + 1;
        let mut number = 0;
        for (offset, c) in self.text[at..].char_indices() {
            let place = at + offset;
            match (quote, c) {
                (Some(open), c) if c == open => quote = None,
                (Some(_), _) => {}
                (None, '"' | '\'') => quote = Some(c),
                (None, '[') => depth += 1,
                (None, ']' | ',') if depth <= 1 => {
                    let item = &self.text[begin..place];
                    let trimmed = item.trim();
                    if !trimmed.is_empty() {
                        let from = begin + (item.len() - item.trim_start().len());
                        let (value, length) = scalar(trimmed);
                        self.stack.push((usize::MAX, Step::Item(number)));
                        self.push(value, from..from + length);
                        self.stack.pop();
                        number += 1;
                    }
                    begin = place + 1;
                    if c == ']' {
                        return self.end_of_line(place);
                    }
                }
                (None, ']') => depth -= 1,
                _ => {}
            }
            // Something that never closes is no list.
            if offset > 20_000 {
                break;
            }
        }
        end
    }
}

/// The key of a line and where its value begins.
fn key(line: &str) -> Option<(String, usize)> {
    let open = line.chars().next().filter(|c| matches!(c, '"' | '\''));
    let (name, after) = match open {
        Some(quote) => {
            let end = line[1..].find(quote)? + 1;
            (&line[1..end], end + 1)
        }
        None => {
            let end = line
                .char_indices()
                .find(|(at, c)| {
                    *c == ':' && line[at + 1..].chars().next().is_none_or(|next| next == ' ')
                })?
                .0;
            (&line[..end], end)
        }
    };
    let rest = line.get(after..)?;
    let odd = |c: char| matches!(c, '{' | '[' | '"' | '\'' | '#' | '&' | '$' | '`' | '(');
    if !rest.starts_with(':') || name.is_empty() || (open.is_none() && name.contains(odd)) {
        return None;
    }
    Some((name.trim().to_owned(), after + 1))
}

/// A scalar without quotes and comment, and how long it is as written.
fn scalar(text: &str) -> (String, usize) {
    match text.chars().next() {
        Some('\'') => {
            let end = text[1..].find('\'').map_or(text.len(), |at| at + 2);
            let inner = text[1..end].trim_end_matches('\'');
            (inner.to_owned(), end)
        }
        Some('"') => {
            let mut value = String::new();
            let mut chars = text.char_indices().skip(1);
            while let Some((at, c)) = chars.next() {
                match c {
                    '"' => return (value, at + 1),
                    '\\' => match chars.next() {
                        Some((_, 'n')) => value.push('\n'),
                        Some((_, 't')) => value.push('\t'),
                        Some((_, c)) => value.push(c),
                        None => {}
                    },
                    c => value.push(c),
                }
            }
            (value, text.len())
        }
        _ => {
            let plain = text.split(" #").next().unwrap_or(text).trim_end();
            (plain.to_owned(), plain.len())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(text: &str) -> Vec<String> {
        leaves(text)
            .into_iter()
            .map(|leaf| {
                assert!(text.get(leaf.span.clone()).is_some(), "{leaf:?}");
                format!("{} {}={:?}", leaf.document, leaf.path.join("."), leaf.value)
            })
            .collect()
    }

    #[test]
    fn keys_lead_to_scalars() {
        let text =
            "a: 1 # one\nb:\n  c: 'x y'\n  \"d\": \"p\\nq\"\nlist:\n- k: v\n  l: w\n- m: n\nz: 2\n";
        assert_eq!(
            shown(text),
            [
                "0 a=\"1\"",
                "0 b.c=\"x y\"",
                "0 b.d=\"p\\nq\"",
                "0 list.0.k=\"v\"",
                "0 list.0.l=\"w\"",
                "0 list.1.m=\"n\"",
                "0 z=\"2\""
            ]
        );
    }

    #[test]
    fn lists_and_blocks() {
        let text = "cmd: [\"sh\", '-c',\n  \"a, b\"]\nargs:\n  - one\n  - two\nrun: |\n  x\n\n  y\nend: >-\n  p\n  q\nplain: a\n  b\n";
        assert_eq!(
            shown(text),
            [
                "0 cmd.0=\"sh\"",
                "0 cmd.1=\"-c\"",
                "0 cmd.2=\"a, b\"",
                "0 args.0=\"one\"",
                "0 args.1=\"two\"",
                "0 run=\"x\\n\\ny\\n\"",
                "0 end=\"p\\nq\\n\"",
                "0 plain=\"a b\""
            ]
        );
    }

    #[test]
    fn templates_and_documents() {
        let text =
            "kind: A\n---\n{{- if .x }}\nkind: {{ .y }}\n{{- end }}\nspec:\n  a: {{ b | quote }}\n";
        assert_eq!(
            shown(text),
            [
                "0 kind=\"A\"",
                "1 kind=\"{{ .y }}\"",
                "1 spec.a=\"{{ b | quote }}\""
            ]
        );
    }

    #[test]
    fn nothing_makes_it_stop() {
        for text in [
            "",
            "-",
            "a:",
            "a: |",
            "a: [",
            "a: \"",
            "é: ü",
            ":",
            "- - - x",
            "a: ['",
            "\t\t",
            "a:\r\n  b: c\r\n",
            "\"a",
        ] {
            shown(text);
        }
    }
}
