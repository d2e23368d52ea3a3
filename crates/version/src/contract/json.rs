//! JSON to values. A parser of our own, because findings need lines and the depth has to be bounded.

use std::collections::BTreeMap;

use super::decimal::Decimal;
use super::document::{Arena, DEEPEST, NodeId, Unreadable, Value};

/// Reads one value; nothing but white space may stand around it.
pub(super) fn parse(text: &str, arena: &mut Arena) -> Result<NodeId, Unreadable> {
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let mut parser = Parser {
        text,
        at: 0,
        line: 1,
        arena,
    };
    let value = parser.value(0)?;
    parser.space();
    match parser.peek() {
        None => Ok(value),
        Some(_) => Err(parser.wrong("something stands after the value")),
    }
}

struct Parser<'a> {
    text: &'a str,
    at: usize,
    line: usize,
    arena: &'a mut Arena,
}

impl Parser<'_> {
    fn peek(&self) -> Option<u8> {
        self.text.as_bytes().get(self.at).copied()
    }

    fn space(&mut self) {
        while let Some(b' ' | b'\t' | b'\r' | b'\n') = self.peek() {
            self.line += usize::from(self.peek() == Some(b'\n'));
            self.at += 1;
        }
    }

    fn eat(&mut self, byte: u8) -> bool {
        self.space();
        let found = self.peek() == Some(byte);
        self.at += usize::from(found);
        found
    }

    fn wrong(&self, reason: &str) -> Unreadable {
        Unreadable::Syntax {
            file: self.arena.current().to_owned(),
            line: self.line,
            reason: reason.to_owned(),
        }
    }

    fn value(&mut self, depth: usize) -> Result<NodeId, Unreadable> {
        self.space();
        let line = self.line;
        if depth > DEEPEST {
            return Err(Unreadable::TooDeep {
                file: self.arena.current().to_owned(),
                line,
            });
        }
        let value = match self.peek() {
            Some(b'{') => self.object(depth)?,
            Some(b'[') => self.array(depth)?,
            Some(b'"') => Value::String(self.string()?),
            Some(b'-' | b'0'..=b'9') => self.number()?,
            _ => self.word()?,
        };
        self.arena.push(value, line)
    }

    fn object(&mut self, depth: usize) -> Result<Value, Unreadable> {
        self.at += 1;
        let mut members = BTreeMap::new();
        if self.eat(b'}') {
            return Ok(Value::Object(members));
        }
        loop {
            self.space();
            if self.peek() != Some(b'"') {
                return Err(self.wrong("a name in quotes is missing"));
            }
            let key = self.string()?;
            if !self.eat(b':') {
                return Err(self.wrong("a colon is missing after a name"));
            }
            let value = self.value(depth + 1)?;
            if members.insert(key, value).is_some() {
                return Err(self.wrong("a name stands twice in one object"));
            }
            if self.eat(b'}') {
                return Ok(Value::Object(members));
            }
            if !self.eat(b',') {
                return Err(self.wrong("a comma or the end of an object is missing"));
            }
        }
    }

    fn array(&mut self, depth: usize) -> Result<Value, Unreadable> {
        self.at += 1;
        let mut items = Vec::new();
        if self.eat(b']') {
            return Ok(Value::Array(items));
        }
        loop {
            items.push(self.value(depth + 1)?);
            if self.eat(b']') {
                return Ok(Value::Array(items));
            }
            if !self.eat(b',') {
                return Err(self.wrong("a comma or the end of an array is missing"));
            }
        }
    }

    fn word(&mut self) -> Result<Value, Unreadable> {
        for (word, value) in [
            ("null", Value::Null),
            ("true", Value::Bool(true)),
            ("false", Value::Bool(false)),
        ] {
            if self.text[self.at..].starts_with(word) {
                self.at += word.len();
                return Ok(value);
            }
        }
        Err(self.wrong("no value begins here"))
    }

    fn number(&mut self) -> Result<Value, Unreadable> {
        let start = self.at;
        while let Some(b'-' | b'+' | b'.' | b'e' | b'E' | b'0'..=b'9') = self.peek() {
            self.at += 1;
        }
        Decimal::parse(&self.text[start..self.at])
            .map(Value::Number)
            .ok_or_else(|| self.wrong("a number cannot be read"))
    }

    fn string(&mut self) -> Result<String, Unreadable> {
        self.at += 1;
        let mut out = String::new();
        loop {
            let rest = &self.text[self.at..];
            let Some(end) = rest.find(['"', '\\']) else {
                return Err(self.wrong("a text does not end"));
            };
            let piece = &rest[..end];
            if piece.bytes().any(|it| it < 0x20) {
                return Err(self.wrong("a control character stands in a text"));
            }
            out.push_str(piece);
            self.at += end + 1;
            if rest.as_bytes()[end] == b'"' {
                return Ok(out);
            }
            out.push(self.escape()?);
        }
    }

    fn escape(&mut self) -> Result<char, Unreadable> {
        let kind = self.peek();
        self.at += 1;
        Ok(match kind {
            Some(b'n') => '\n',
            Some(b't') => '\t',
            Some(b'r') => '\r',
            Some(b'b') => '\u{8}',
            Some(b'f') => '\u{c}',
            Some(it @ (b'"' | b'\\' | b'/')) => char::from(it),
            Some(b'u') => self.unicode()?,
            _ => {
                self.at -= 1;
                return Err(self.wrong("an escape is not known"));
            }
        })
    }

    fn unicode(&mut self) -> Result<char, Unreadable> {
        let first = self.hex()?;
        if !(0xd800..0xdc00).contains(&first) {
            // Half a pair stands for nothing; it is read as the sign for that.
            return Ok(char::from_u32(first).unwrap_or('\u{fffd}'));
        }
        if !self.text[self.at..].starts_with("\\u") {
            return Ok('\u{fffd}');
        }
        self.at += 2;
        let second = self.hex()?;
        let both =
            (second >= 0xdc00).then(|| 0x10000 + ((first - 0xd800) << 10) + (second & 0x3ff));
        Ok(both.and_then(char::from_u32).unwrap_or('\u{fffd}'))
    }

    fn hex(&mut self) -> Result<u32, Unreadable> {
        let digits = self.text.get(self.at..self.at + 4);
        let value = digits
            .filter(|it| it.bytes().all(|it| it.is_ascii_hexdigit()))
            .and_then(|it| u32::from_str_radix(it, 16).ok());
        let Some(value) = value else {
            return Err(self.wrong("an escape needs four hexadecimal digits"));
        };
        self.at += 4;
        Ok(value)
    }
}
