//! Shell text as far as it says which commands run, in which order and under which conditions.
//!
//! Enough of the grammar for entry points and start commands: quotes, comments, here-documents,
//! lists, `if`, `case`, loops and functions. What is not understood is passed over.
//!
//! Deliberately absent: expansion. A variable stands for itself.

use std::ops::Range;

/// A simple command.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Command {
    /// Its words without quotes.
    pub(super) words: Vec<String>,
    /// Where it is, in bytes of the text.
    pub(super) span: Range<usize>,
    /// The conditions that it stands under, the outermost first, as written.
    pub(super) guards: Vec<String>,
    /// The function that it is in.
    pub(super) function: Option<String>,
}

/// What a token is.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Token {
    Word {
        text: String,
        quoted: bool,
    },
    /// `;`, `&&`, `||`, `|`, `&`, `(`, `)`, `;;`.
    Operator(&'static str),
    Newline,
}

/// The commands of a text, in order.
pub(super) fn commands(text: &str) -> Vec<Command> {
    let tokens = tokens(text);
    Reader {
        text,
        tokens: &tokens,
        at: 0,
        frames: Vec::new(),
        function: None,
        functions: Vec::new(),
        found: Vec::new(),
    }
    .read()
}

fn tokens(text: &str) -> Vec<(Token, Range<usize>)> {
    let bytes = text.as_bytes();
    let mut found = Vec::new();
    let mut at = 0;
    let mut documents: Vec<(String, bool)> = Vec::new();
    while at < bytes.len() {
        let start = at;
        match bytes[at] {
            b'\n' => {
                at += 1;
                found.push((Token::Newline, start..at));
                for (end, tabs) in documents.drain(..) {
                    at = skip_document(text, at, &end, tabs);
                }
            }
            b'\\' if bytes.get(at + 1) == Some(&b'\n') => at += 2,
            b'\\' if bytes.get(at + 1) == Some(&b'\r') && bytes.get(at + 2) == Some(&b'\n') => {
                at += 3;
            }
            b if b.is_ascii_whitespace() => at += 1,
            b'#' => at = text[at..].find('\n').map_or(bytes.len(), |end| at + end),
            b'<' if text[at..].starts_with("<<") && !text[at..].starts_with("<<<") => {
                let tabs = bytes.get(at + 2) == Some(&b'-');
                at += if tabs { 3 } else { 2 };
                while bytes.get(at) == Some(&b' ') {
                    at += 1;
                }
                let (word, end, _) = word(text, at);
                documents.push((word, tabs));
                at = end.max(at + 1);
            }
            b'>' | b'<' => {
                at += 1;
                while matches!(bytes.get(at), Some(b'>' | b'<' | b'&' | b' ')) {
                    at += 1;
                }
                let (_, end, _) = word(text, at);
                at = end.max(at);
            }
            _ => {
                if let Some(operator) = operator(&text[at..]) {
                    at += operator.len();
                    found.push((Token::Operator(operator), start..at));
                    continue;
                }
                let (word, end, quoted) = word(text, at);
                at = end.max(at + 1);
                // The number before a redirection, as in `2>&1`.
                let number = !quoted && word.bytes().all(|b| b.is_ascii_digit());
                if number && matches!(bytes.get(at), Some(b'>' | b'<')) {
                    continue;
                }
                found.push((
                    Token::Word { text: word, quoted },
                    start..at.min(bytes.len()),
                ));
            }
        }
    }
    found
}

fn operator(rest: &str) -> Option<&'static str> {
    const ALL: [&str; 8] = [";;", "&&", "||", ";", "|", "&", "(", ")"];
    ALL.into_iter().find(|operator| rest.starts_with(operator))
}

fn skip_document(text: &str, from: usize, end: &str, tabs: bool) -> usize {
    let mut at = from;
    for line in text[from..].split_inclusive('\n') {
        at += line.len();
        let line = line.trim_end_matches(['\n', '\r']);
        let line = if tabs {
            line.trim_start_matches('\t')
        } else {
            line
        };
        if line == end {
            break;
        }
    }
    at
}

/// The word at a place without its quotes, where it ends, and whether any of it was quoted.
fn word(text: &str, from: usize) -> (String, usize, bool) {
    let mut word = String::new();
    let mut quote = None;
    let mut quoted = false;
    let mut depth = 0_u32;
    let mut chars = text[from..].char_indices().peekable();
    while let Some((at, c)) = chars.next() {
        match (quote, c) {
            (None, '\'' | '"') => {
                quote = Some(c);
                quoted = true;
            }
            (Some(open), c) if c == open => quote = None,
            (None | Some('"'), '\\') => match chars.next() {
                Some((_, '\n')) | None => {}
                Some((_, c)) => word.push(c),
            },
            (None, '$') if matches!(chars.peek(), Some((_, '(' | '{'))) => {
                word.push('$');
                if let Some((_, c)) = chars.next() {
                    word.push(c);
                }
                depth += 1;
            }
            (None, '(' | '{') if depth > 0 => {
                depth += 1;
                word.push(c);
            }
            (None, ')' | '}') if depth > 0 => {
                depth -= 1;
                word.push(c);
            }
            (None, c)
                if depth == 0
                    && (c.is_whitespace()
                        || matches!(c, ';' | '&' | '|' | '(' | ')' | '<' | '>')) =>
            {
                return (word, from + at, quoted);
            }
            (_, c) => word.push(c),
        }
    }
    (word, text.len(), quoted)
}

/// Something that is open.
#[derive(Debug, Clone)]
enum Frame {
    /// `if`: the condition that the commands stand under, and whether it is still being read.
    If { condition: String, reading: bool },
    /// `case`: the word, and the pattern that the commands stand under.
    Case { word: String, pattern: String },
    /// `while`, `until`, `for`.
    Loop,
    /// `(`.
    Paren,
    /// `{`.
    Brace,
}

struct Reader<'a> {
    text: &'a str,
    tokens: &'a [(Token, Range<usize>)],
    at: usize,
    frames: Vec<Frame>,
    function: Option<String>,
    /// Open functions: the one around, and how many frames there were.
    functions: Vec<(Option<String>, usize)>,
    found: Vec<Command>,
}

impl Reader<'_> {
    fn read(mut self) -> Vec<Command> {
        // What stands before `&&` and is a test guards what follows.
        let mut tests: Vec<String> = Vec::new();
        while let Some((token, span)) = self.tokens.get(self.at) {
            match token {
                Token::Newline | Token::Operator(";" | "||" | "&" | "|") => {
                    tests.clear();
                    self.at += 1;
                }
                Token::Operator("(") => {
                    self.frames.push(Frame::Paren);
                    self.at += 1;
                }
                Token::Operator(")") => {
                    self.close(|frame| matches!(frame, Frame::Paren));
                    self.at += 1;
                }
                Token::Operator(";;") => {
                    self.at += 1;
                    self.pattern();
                }
                Token::Operator(_) => self.at += 1,
                Token::Word { text, quoted } => {
                    if *quoted || !self.keyword(text) {
                        let begin = span.start;
                        self.command(begin, &mut tests);
                    }
                }
            }
        }
        self.found
    }

    fn word_at(&self, at: usize) -> Option<&str> {
        match self.tokens.get(at) {
            Some((Token::Word { text, .. }, _)) => Some(text),
            _ => None,
        }
    }

    /// Reads a keyword; false if the word is none.
    fn keyword(&mut self, word: &str) -> bool {
        match word {
            "if" | "elif" => {
                if word == "elif" {
                    self.close(|frame| matches!(frame, Frame::If { .. }));
                }
                let begin = self.at + 1;
                let then = (begin..self.tokens.len()).find(|at| self.word_at(*at) == Some("then"));
                let condition = self.written(begin, then.unwrap_or(begin));
                self.frames.push(Frame::If {
                    condition,
                    reading: true,
                });
            }
            "then" => self.set_reading(false),
            "else" => {
                if let Some(Frame::If { condition, reading }) = self.frames.last_mut() {
                    *condition = format!("not {condition}");
                    *reading = false;
                }
            }
            "fi" => self.close(|frame| matches!(frame, Frame::If { .. })),
            "while" | "until" | "for" | "select" => self.frames.push(Frame::Loop),
            "do" | "!" | "time" => {}
            "done" => self.close(|frame| matches!(frame, Frame::Loop)),
            "{" => self.frames.push(Frame::Brace),
            "}" => self.close(|frame| matches!(frame, Frame::Brace)),
            "case" => {
                let word = self.word_at(self.at + 1).unwrap_or_default().to_owned();
                self.at += 1;
                while self.tokens.get(self.at).is_some() && self.word_at(self.at) != Some("in") {
                    self.at += 1;
                }
                self.frames.push(Frame::Case {
                    word,
                    pattern: String::new(),
                });
                self.at += 1;
                self.pattern();
                return true;
            }
            "esac" => self.close(|frame| matches!(frame, Frame::Case { .. })),
            "function" => {
                let name = self.word_at(self.at + 1).unwrap_or_default().to_owned();
                self.at += 2;
                self.begin_function(name);
                return true;
            }
            name if self.is_function() => {
                let name = name.to_owned();
                self.at += 1;
                self.begin_function(name);
                return true;
            }
            _ => return false,
        }
        self.at += 1;
        true
    }

    /// `name()`.
    fn is_function(&self) -> bool {
        let operator = |at: usize, wanted: &'static str| matches!(self.tokens.get(at), Some((Token::Operator(found), _)) if *found == wanted);
        operator(self.at + 1, "(") && operator(self.at + 2, ")")
    }

    fn begin_function(&mut self, name: String) {
        while let Some((Token::Operator("(" | ")") | Token::Newline, _)) = self.tokens.get(self.at)
        {
            self.at += 1;
        }
        self.functions
            .push((self.function.take(), self.frames.len()));
        self.function = Some(name);
        if self.word_at(self.at) == Some("{") {
            self.frames.push(Frame::Brace);
            self.at += 1;
        }
    }

    fn close(&mut self, fits: impl Fn(&Frame) -> bool) {
        if let Some(at) = self.frames.iter().rposition(fits) {
            self.frames.truncate(at);
        }
        if let Some((outer, depth)) = self.functions.last()
            && self.frames.len() <= *depth
        {
            self.function = outer.clone();
            self.functions.pop();
        }
    }

    fn set_reading(&mut self, value: bool) {
        let last = self.frames.iter_mut().rev().find_map(|frame| match frame {
            Frame::If { reading, .. } => Some(reading),
            _ => None,
        });
        if let Some(reading) = last {
            *reading = value;
        }
    }

    /// Reads the pattern of a branch of `case`, if one follows.
    fn pattern(&mut self) {
        while matches!(self.tokens.get(self.at), Some((Token::Newline, _))) {
            self.at += 1;
        }
        if self.word_at(self.at) == Some("esac") {
            return;
        }
        let begin = self.at;
        while let Some((token, _)) = self.tokens.get(self.at) {
            if *token == Token::Operator(")") {
                break;
            }
            self.at += 1;
        }
        let written = self.written(begin, self.at);
        self.at += 1;
        let open = self.frames.iter_mut().rev().find_map(|frame| match frame {
            Frame::Case { pattern, .. } => Some(pattern),
            _ => None,
        });
        if let Some(pattern) = open {
            *pattern = written.trim_start_matches('(').trim().to_owned();
        }
    }

    /// The text between two tokens.
    fn written(&self, from: usize, to: usize) -> String {
        let place = |at: usize| self.tokens.get(at).map(|(_, span)| span.clone());
        let (Some(begin), Some(end)) = (place(from), to.checked_sub(1).and_then(place)) else {
            return String::new();
        };
        let text = self.text.get(begin.start..end.end).unwrap_or_default();
        text.trim().trim_end_matches(';').trim_end().to_owned()
    }

    fn command(&mut self, begin: usize, tests: &mut Vec<String>) {
        let mut words = Vec::new();
        let mut end = begin;
        while let Some((Token::Word { text, .. }, span)) = self.tokens.get(self.at) {
            words.push(text.clone());
            end = span.end;
            self.at += 1;
        }
        let is_test = matches!(words.first().map(String::as_str), Some("[" | "[[" | "test"));
        let next = self.tokens.get(self.at).map(|(token, _)| token);
        if is_test {
            let written = self.text.get(begin..end).unwrap_or_default().to_owned();
            match next {
                Some(Token::Operator("&&")) => tests.push(written),
                Some(Token::Operator("||")) => {
                    // What follows runs where the test fails.
                    tests.push(format!("not {written}"));
                    self.at += 1;
                }
                _ => {}
            }
            return;
        }
        let mut guards: Vec<String> = Vec::new();
        for frame in &self.frames {
            match frame {
                Frame::If {
                    condition,
                    reading: false,
                } => guards.push(condition.clone()),
                Frame::Case { word, pattern } => guards.push(format!("{word} is {pattern}")),
                _ => {}
            }
        }
        guards.extend(tests.iter().cloned());
        self.found.push(Command {
            words,
            span: begin..end,
            guards,
            function: self.function.clone(),
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(text: &str) -> Vec<String> {
        commands(text)
            .into_iter()
            .map(|command| {
                let guards: String = command.guards.iter().map(|it| format!("{it} ? ")).collect();
                let function = command
                    .function
                    .map_or(String::new(), |name| format!("{name}: "));
                format!("{function}{guards}{}", command.words.join(" "))
            })
            .collect()
    }

    #[test]
    fn lists_quotes_and_comments() {
        let text =
            "#!/bin/sh\nset -e # alembic\nalembic upgrade head && exec \"$@\" ; a 'b c' \\\n d\n";
        assert_eq!(
            shown(text),
            ["set -e", "alembic upgrade head", "exec $@", "a b c d"]
        );
        assert_eq!(shown("a 2>&1 > out | b & c"), ["a", "b", "c"]);
    }

    #[test]
    fn conditions_are_kept() {
        let text = "if [ \"$1\" = 'migrate' ]; then\n  migrate up\nelif $X; then b\nelse c\nfi\nd\n\
                    [ -n \"$M\" ] && m\n[ -n \"$S\" ] || n\ne";
        assert_eq!(
            shown(text),
            [
                "[ \"$1\" = 'migrate' ] ? migrate up",
                "$X",
                "$X ? b",
                "not $X ? c",
                "d",
                "[ -n \"$M\" ] ? m",
                "not [ -n \"$S\" ] ? n",
                "e"
            ]
        );
    }

    #[test]
    fn branches_of_case_are_kept() {
        let text = "case \"$1\" in\n  web|server) run;;\n  migrate)\n    up\n    ;;\n  *) exec \"$@\"\nesac\nz";
        assert_eq!(
            shown(text),
            [
                "$1 is web|server ? run",
                "$1 is migrate ? up",
                "$1 is * ? exec $@",
                "z"
            ]
        );
    }

    #[test]
    fn functions_and_documents() {
        let text = "up() {\n  if a; then b; fi\n}\nfunction down {\n c\n}\ncat <<EOF\nmigrate up\nEOF\nup\n";
        assert_eq!(shown(text), ["up: a", "up: a ? b", "down: c", "cat", "up"]);
    }

    #[test]
    fn nothing_makes_it_stop() {
        for text in [
            "",
            "case",
            "if",
            "a \"b",
            "((",
            "case x in",
            "<<",
            "fi done esac } )",
            "é$(",
            "function",
            "\\",
        ] {
            commands(text);
        }
    }
}
