//! YAML to values. Aliases are copied, merge keys are merged, and plain words are typed by the core
//! schema of YAML 1.2.

use std::collections::{BTreeMap, HashMap};

use saphyr_parser::{Event, Parser, ScalarStyle, Span};

use super::decimal::Decimal;
use super::document::{Arena, DEEPEST, NodeId, Unreadable, Value};

/// Reads one document.
pub(super) fn parse(text: &str, arena: &mut Arena) -> Result<NodeId, Unreadable> {
    let mut reader = Reader {
        events: Parser::new_from_str(text),
        anchors: HashMap::new(),
        arena,
        line: 1,
    };
    loop {
        match reader.next()? {
            Event::StreamStart | Event::DocumentStart(_) | Event::Nothing => {}
            Event::StreamEnd | Event::DocumentEnd => {
                return Err(reader.wrong("the file holds no document"));
            }
            event => {
                let root = reader.node(event, 0)?;
                reader.end()?;
                return Ok(root);
            }
        }
    }
}

struct Reader<'a, 'b> {
    events: Parser<'a, saphyr_parser::StrInput<'a>>,
    anchors: HashMap<usize, NodeId>,
    arena: &'b mut Arena,
    line: usize,
}

impl<'a> Reader<'a, '_> {
    fn wrong(&self, reason: &str) -> Unreadable {
        Unreadable::Syntax {
            file: self.arena.current().to_owned(),
            line: self.line,
            reason: reason.to_owned(),
        }
    }

    fn next(&mut self) -> Result<Event<'a>, Unreadable> {
        let next: Option<Result<(Event<'a>, Span), _>> = self.events.next();
        match next {
            Some(Ok((event, span))) => {
                self.line = span.start.line();
                Ok(event)
            }
            Some(Err(error)) => {
                self.line = error.marker().line();
                Err(self.wrong(error.info()))
            }
            None => Err(self.wrong("the file ends too early")),
        }
    }

    fn end(&mut self) -> Result<(), Unreadable> {
        loop {
            match self.next()? {
                Event::StreamEnd => return Ok(()),
                Event::DocumentStart(_) => {
                    return Err(self.wrong("the file holds more than one document"));
                }
                _ => {}
            }
        }
    }

    fn node(&mut self, event: Event<'a>, depth: usize) -> Result<NodeId, Unreadable> {
        let line = self.line;
        if depth > DEEPEST {
            return Err(Unreadable::TooDeep {
                file: self.arena.current().to_owned(),
                line,
            });
        }
        let (value, anchor) = match event {
            Event::Alias(anchor) => {
                // An anchor is known when its value has ended, so a value cannot hold itself.
                return match self.anchors.get(&anchor) {
                    Some(id) => self.arena.copy(*id, depth),
                    None => Err(self.wrong("an alias stands within its own anchor")),
                };
            }
            Event::Scalar(text, style, anchor, tag) => {
                let tag = tag.map(|it| it.suffix.clone());
                let plain = style == ScalarStyle::Plain && tag.as_deref() != Some("str");
                let value = if plain {
                    typed(&text)
                } else {
                    Value::String(text.into_owned())
                };
                (value, anchor)
            }
            Event::SequenceStart(anchor, _) => {
                let mut items = Vec::new();
                loop {
                    match self.next()? {
                        Event::SequenceEnd => break,
                        event => items.push(self.node(event, depth + 1)?),
                    }
                }
                (Value::Array(items), anchor)
            }
            Event::MappingStart(anchor, _) => (self.mapping(depth)?, anchor),
            _ => return Err(self.wrong("a value is missing")),
        };
        let id = self.arena.push(value, line)?;
        if anchor > 0 {
            self.anchors.insert(anchor, id);
        }
        Ok(id)
    }

    fn mapping(&mut self, depth: usize) -> Result<Value, Unreadable> {
        let mut members = BTreeMap::new();
        let mut merged = Vec::new();
        loop {
            let key = match self.next()? {
                Event::MappingEnd => break,
                Event::Scalar(text, style, ..) => {
                    let merge = text == "<<" && style == ScalarStyle::Plain;
                    (!merge).then(|| text.into_owned())
                }
                _ => return Err(self.wrong("a key is no simple text")),
            };
            let event = self.next()?;
            let value = self.node(event, depth + 1)?;
            match key {
                None => merged.push(value),
                Some(key) => {
                    if members.insert(key, value).is_some() {
                        return Err(self.wrong("a key stands twice in one mapping"));
                    }
                }
            }
        }
        for value in merged {
            let sources = match self.arena.value(value) {
                Value::Array(items) => items.clone(),
                _ => vec![value],
            };
            for source in sources {
                let Some(more) = self.arena.object(source).cloned() else {
                    return Err(self.wrong("only mappings can be merged"));
                };
                // What stands in the mapping itself, or was merged earlier, wins.
                for (key, value) in more {
                    members.entry(key).or_insert(value);
                }
            }
        }
        Ok(Value::Object(members))
    }
}

/// What a plain word is.
fn typed(text: &str) -> Value {
    match text {
        "" | "~" | "null" | "Null" | "NULL" => return Value::Null,
        "true" | "True" | "TRUE" => return Value::Bool(true),
        "false" | "False" | "FALSE" => return Value::Bool(false),
        _ => {}
    }
    let digits = |digits: &str, radix| {
        let value = u128::from_str_radix(digits, radix).ok()?;
        Decimal::parse(&value.to_string())
    };
    let number = match (text.strip_prefix("0x"), text.strip_prefix("0o")) {
        (Some(hex), _) => digits(hex, 16),
        (_, Some(octal)) => digits(octal, 8),
        _ => Decimal::parse(text),
    };
    number.map_or_else(|| Value::String(text.to_owned()), Value::Number)
}
