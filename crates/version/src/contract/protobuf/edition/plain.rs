//! The text of an edition as one of proto2, for a parser that knows no editions: every line stays where
//! it is, and what cannot be said in proto2 is kept beside it.
//!
//! An edition differs from proto2 in few words. It begins with `edition = "2023";`; fields have no
//! label but `repeated`; names are reserved without quotes; from 2024 on types may be `export` or
//! `local`, and `import option` brings options alone. The grammar is that of the specification:
//! <https://protobuf.dev/reference/protobuf/edition-2024-spec/>. Only the beginnings of statements are
//! looked at; the parser judges the rest.

use std::iter::Peekable;

use super::Refused;
use super::tokens::{Kind, Token, Tokens};
use crate::contract::protobuf::features::Edition;

/// An edition, as text that a parser of proto2 reads.
#[derive(Debug)]
pub(super) struct Plain {
    pub(super) edition: Edition,
    pub(super) text: String,
    /// Where in `text`, in bytes, types begin of which is said whether other files may name them, in
    /// ascending order.
    pub(super) exported: Vec<(usize, bool)>,
}

impl Plain {
    /// None for a text that does not begin with an edition.
    pub(super) fn of(text: &str) -> Result<Option<Self>, Refused> {
        let mut tokens = Tokens::of(text);
        let mut starts = |it: &str| tokens.next().map(|token| &text[token.range]) == Some(it);
        if !starts("edition") || !starts("=") {
            return Ok(None);
        }
        let mut writer = Writer {
            text,
            edition: Edition::Proto2,
            tokens: Tokens::of(text).peekable(),
            out: String::with_capacity(text.len()),
            copied: 0,
            exported: Vec::new(),
        };
        writer.edition()?;
        writer.file()?;
        writer.out.push_str(&text[writer.copied..]);
        Ok(Some(Self {
            edition: writer.edition,
            text: writer.out,
            exported: writer.exported,
        }))
    }
}

/// What a statement stands in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Block {
    File,
    Message,
    Extend,
    Oneof,
    Enum,
    /// Services and methods.
    Other,
}

struct Writer<'a> {
    text: &'a str,
    edition: Edition,
    tokens: Peekable<Tokens<'a>>,
    out: String,
    /// How much of the text is in `out`, or left out of it.
    copied: usize,
    exported: Vec<(usize, bool)>,
}

impl<'a> Writer<'a> {
    fn token(&self, token: &Token) -> &'a str {
        &self.text[token.range.clone()]
    }

    fn refuse<T>(&self, token: &Token, reason: impl Into<String>) -> Result<T, Refused> {
        Err(Refused::at(self.text, token.range.start, reason.into()))
    }

    /// Whether the next token is one of some.
    fn ahead(&mut self, any: &[&str]) -> bool {
        let text = self.text;
        let next = self.tokens.peek();
        next.is_some_and(|it| any.contains(&&text[it.range.clone()]))
    }

    /// Copies what is before a token.
    fn copy(&mut self, until: usize) {
        self.out.push_str(&self.text[self.copied..until]);
        self.copied = until;
    }

    fn replace(&mut self, token: &Token, by: &str) {
        self.copy(token.range.start);
        self.out.push_str(by);
        self.copied = token.range.end;
    }

    /// `edition = "2023";`
    fn edition(&mut self) -> Result<(), Refused> {
        let Some(word) = self.tokens.next() else {
            return Ok(());
        };
        self.replace(&word, "syntax");
        let sign = self.tokens.next().unwrap_or_else(|| word.clone());
        let value = self.tokens.next().unwrap_or(sign);
        let text = self.token(&value);
        let quotes = ['"', '\''].into_iter();
        let mut inside = quotes.filter_map(|it| text.strip_prefix(it)?.strip_suffix(it));
        let Some(name) = inside.next() else {
            return self.refuse(&value, "an edition is a text, such as \"2023\"");
        };
        let Some(edition) = Edition::named(name) else {
            let name = crate::contract::document::shortened(name, 60);
            let reason = format!("no edition is called `{name}`, only {}", Edition::known());
            return self.refuse(&value, reason);
        };
        self.edition = edition;
        self.replace(&value, "\"proto2\"");
        Ok(())
    }

    fn file(&mut self) -> Result<(), Refused> {
        let mut blocks = vec![Block::File];
        while let Some(token) = self.tokens.next() {
            let block = blocks.last().copied().unwrap_or(Block::File);
            match self.token(&token) {
                ";" => {}
                "}" => drop(blocks.pop()),
                _ => match self.statement(block, token)? {
                    End::Done => {}
                    End::Opened(inner) => blocks.push(inner),
                    End::Closed => drop(blocks.pop()),
                },
            }
        }
        Ok(())
    }

    fn statement(&mut self, block: Block, first: Token) -> Result<End, Refused> {
        let types = matches!(block, Block::File | Block::Message);
        let word = self.token(&first);
        let inner = match (block, word) {
            (Block::File, "edition" | "syntax") => {
                return self.refuse(
                    &first,
                    "a file begins with one edition or one syntax, and has no other",
                );
            }
            (Block::File, "import") => {
                self.import()?;
                Block::Other
            }
            (_, "export" | "local") if types && self.edition >= Edition::E2024 => {
                let next = self.ahead(&["message", "enum"]);
                let Some(next) = self.tokens.next_if(|_| next) else {
                    let reason = format!("only messages and enums can be `{word}`");
                    return self.refuse(&first, reason);
                };
                self.replace(&first, "");
                self.copy(next.range.start);
                self.exported.push((self.out.len(), word == "export"));
                return self.statement(block, next);
            }
            (_, "message") if types => Block::Message,
            (_, "enum") if types => Block::Enum,
            (_, "extend") if types => Block::Extend,
            (_, "option") => return Ok(self.rest(None)),
            (Block::Message | Block::Enum, "reserved") => {
                self.reserved()?;
                Block::Other
            }
            (Block::Message, "extensions") => Block::Other,
            (Block::Message, "oneof") => Block::Oneof,
            (Block::Message | Block::Extend | Block::Oneof, _) => {
                self.field(block, &first)?;
                Block::Other
            }
            _ => Block::Other,
        };
        Ok(self.rest(Some(inner)))
    }

    /// `import option "…";` is an import for a parser that does not know it.
    fn import(&mut self) -> Result<(), Refused> {
        if !self.ahead(&["option"]) {
            return Ok(());
        }
        let Some(word) = self.tokens.next() else {
            return Ok(());
        };
        if self.edition < Edition::E2024 {
            return self.refuse(&word, "imports of options came with edition 2024");
        }
        self.replace(&word, "");
        Ok(())
    }

    /// `reserved one, two;` with quotes.
    fn reserved(&mut self) -> Result<(), Refused> {
        loop {
            let Some(token) = self.tokens.peek().cloned() else {
                return Ok(());
            };
            match token.kind {
                Kind::Text => {
                    return self.refuse(&token, "names are reserved without quotes in editions");
                }
                Kind::Word => {}
                // Ranges of numbers.
                Kind::Number | Kind::Sign(_) => return Ok(()),
            }
            self.tokens.next();
            let quoted = format!("\"{}\"", self.token(&token));
            self.replace(&token, &quoted);
            // To the parser, texts beside each other are one.
            match self.tokens.peek().cloned() {
                Some(next) if self.token(&next) == "," => drop(self.tokens.next()),
                Some(next) if matches!(next.kind, Kind::Word | Kind::Text) => {
                    return self.refuse(&next, "names that are reserved have a ',' between them");
                }
                _ => return Ok(()),
            }
        }
    }

    /// A field has a label in proto2, except in a oneof.
    fn field(&mut self, block: Block, first: &Token) -> Result<(), Refused> {
        let word = self.token(first);
        let reason = match word {
            "optional" => "fields have no label `optional` in editions",
            "required" => {
                "fields have no label `required` in editions: `features.field_presence = LEGACY_REQUIRED` says it"
            }
            "group" => "editions have no groups: `features.message_encoding = DELIMITED` says it",
            "repeated" if self.ahead(&["group"]) => {
                "editions have no groups: `features.message_encoding = DELIMITED` says it"
            }
            _ => "",
        };
        if !reason.is_empty() {
            return self.refuse(first, reason);
        }
        let named = first.kind == Kind::Word || word == ".";
        let labelled = block == Block::Oneof || matches!(word, "repeated" | "map");
        if named && !labelled {
            self.copy(first.range.start);
            self.out.push_str("optional ");
        }
        Ok(())
    }

    /// Passes over the rest of a statement. A brace begins a block if the statement has one, else a
    /// value.
    fn rest(&mut self, block: Option<Block>) -> End {
        let mut depth = 0_usize;
        while let Some(token) = self.tokens.next() {
            match self.token(&token) {
                ";" if depth == 0 => return End::Done,
                "}" if depth == 0 => return End::Closed,
                "{" if depth == 0 && block.is_some() => {
                    return block.map_or(End::Done, End::Opened);
                }
                "{" | "[" | "(" => depth += 1,
                "}" | "]" | ")" => depth = depth.saturating_sub(1),
                _ => {}
            }
        }
        End::Done
    }
}

/// How a statement ends.
enum End {
    Done,
    /// With the beginning of a block.
    Opened(Block),
    /// With the end of the block that it stands in.
    Closed,
}
