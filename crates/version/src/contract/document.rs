//! Files as values, still knowing on which line each part stands.
//!
//! All files of one side of a comparison lie in one arena, so that a reference from file to file is
//! a number. Aliases of YAML are copied, which is why the number of nodes is bounded.

use std::collections::BTreeMap;

use super::decimal::Decimal;

/// The largest file that is read, in bytes.
pub const LARGEST: usize = 32 * 1024 * 1024;
/// The most nodes that the files of one side may have, aliases copied.
pub const MOST_NODES: usize = 1_000_000;
/// The most bytes that their texts may have together, aliases copied.
pub const MOST_TEXT: usize = 128 * 1024 * 1024;
/// How deep values may lie in each other.
pub const DEEPEST: usize = 96;

/// A place in an arena.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct NodeId(u32);

impl NodeId {
    /// Its number, from 0 in the order in which values were read.
    pub(crate) fn index(self) -> usize {
        self.0 as usize
    }
}

/// A value of JSON.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Value {
    Null,
    Bool(bool),
    Number(Decimal),
    String(String),
    Array(Vec<NodeId>),
    Object(BTreeMap<String, NodeId>),
}

#[derive(Debug)]
struct Node {
    value: Value,
    parent: Option<NodeId>,
    file: u32,
    line: u32,
}

/// Why a file cannot be read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Unreadable {
    /// It is not written as it should be.
    #[error("{file}:{line}: {reason}")]
    Syntax {
        /// The file.
        file: String,
        /// The line, from 1.
        line: usize,
        /// What is wrong.
        reason: String,
    },
    /// It is larger than [`LARGEST`].
    #[error("{file} has {bytes} bytes, more than the {LARGEST} that are read")]
    TooLarge {
        /// The file.
        file: String,
        /// Its size in bytes.
        bytes: usize,
    },
    /// The files have more than [`MOST_NODES`] values or [`MOST_TEXT`] bytes of text once aliases are
    /// copied.
    #[error("{file}:{line}: more than {MOST_NODES} values or {MOST_TEXT} bytes, aliases copied")]
    TooMany {
        /// The file in which the limit was passed.
        file: String,
        /// The line, from 1.
        line: usize,
    },
    /// Values lie deeper in each other than [`DEEPEST`].
    #[error("{file}:{line}: values lie more than {DEEPEST} deep in each other")]
    TooDeep {
        /// The file.
        file: String,
        /// The line, from 1.
        line: usize,
    },
    /// The caller did not supply it.
    #[error("{file} was not supplied")]
    Missing {
        /// The file.
        file: String,
    },
    /// A file imports one that the caller did not supply.
    #[error("{file}:{line}: it imports {import}, which was not supplied")]
    MissingImport {
        /// The file that imports it.
        file: String,
        /// The line, from 1.
        line: usize,
        /// What it imports, as it is written.
        import: String,
    },
    /// It is no contract of the kind that was asked for.
    #[error("{file} is no {wanted}: {reason}")]
    OtherKind {
        /// The file.
        file: String,
        /// What it should be.
        wanted: &'static str,
        /// What is wrong.
        reason: String,
    },
}

/// The values of some files.
#[derive(Debug, Default)]
pub(crate) struct Arena {
    nodes: Vec<Node>,
    files: Vec<String>,
    bytes: usize,
}

impl Arena {
    /// Takes a file in; what is pushed from now on belongs to it.
    pub(crate) fn begin(&mut self, file: &str) {
        self.files.push(file.to_owned());
    }

    /// The file that is being read.
    pub(crate) fn current(&self) -> &str {
        self.files.last().map_or("", String::as_str)
    }

    /// Adds a value of the current file. Children belong to it from now on.
    pub(crate) fn push(&mut self, value: Value, line: usize) -> Result<NodeId, Unreadable> {
        let id = u32::try_from(self.nodes.len()).unwrap_or(u32::MAX);
        self.bytes += match &value {
            Value::String(text) => text.len(),
            Value::Object(members) => members.keys().map(String::len).sum(),
            _ => 0,
        };
        if self.nodes.len() >= MOST_NODES || self.bytes > MOST_TEXT {
            return Err(Unreadable::TooMany {
                file: self.current().to_owned(),
                line,
            });
        }
        let id = NodeId(id);
        let children: Vec<NodeId> = match &value {
            Value::Array(items) => items.clone(),
            Value::Object(members) => members.values().copied().collect(),
            _ => Vec::new(),
        };
        for child in children {
            self.nodes[child.0 as usize].parent = Some(id);
        }
        self.nodes.push(Node {
            value,
            parent: None,
            file: (self.files.len().max(1) - 1) as u32,
            line: line as u32,
        });
        Ok(id)
    }

    /// A copy of a value with everything below, for an alias.
    pub(crate) fn copy(&mut self, id: NodeId, depth: usize) -> Result<NodeId, Unreadable> {
        let line = self.line(id);
        if depth > DEEPEST {
            return Err(Unreadable::TooDeep {
                file: self.current().to_owned(),
                line,
            });
        }
        let value = match self.value(id).clone() {
            Value::Array(items) => Value::Array(
                items
                    .into_iter()
                    .map(|it| self.copy(it, depth + 1))
                    .collect::<Result<_, _>>()?,
            ),
            Value::Object(members) => Value::Object(
                members
                    .into_iter()
                    .map(|(key, it)| Ok((key, self.copy(it, depth + 1)?)))
                    .collect::<Result<_, Unreadable>>()?,
            ),
            simple => simple,
        };
        self.push(value, line)
    }

    pub(crate) fn value(&self, id: NodeId) -> &Value {
        &self.nodes[id.0 as usize].value
    }

    pub(crate) fn line(&self, id: NodeId) -> usize {
        self.nodes[id.0 as usize].line as usize
    }

    pub(crate) fn file(&self, id: NodeId) -> &str {
        self.files
            .get(self.nodes[id.0 as usize].file as usize)
            .map_or("", String::as_str)
    }

    /// All places, in the order in which they were read.
    pub(crate) fn ids(&self) -> impl Iterator<Item = NodeId> + use<> {
        (0..self.nodes.len() as u32).map(NodeId)
    }

    /// The JSON pointer of a place within its file.
    pub(crate) fn pointer(&self, id: NodeId) -> String {
        let mut steps = Vec::new();
        let mut at = id;
        while let Some(parent) = self.nodes[at.0 as usize].parent {
            match self.value(parent) {
                Value::Array(items) => {
                    steps.push(
                        items
                            .iter()
                            .position(|it| *it == at)
                            .unwrap_or(0)
                            .to_string(),
                    );
                }
                Value::Object(members) => {
                    let key = members.iter().find(|(_, it)| **it == at);
                    let key = key.map_or("", |(key, _)| key.as_str());
                    steps.push(key.replace('~', "~0").replace('/', "~1"));
                }
                _ => {}
            }
            at = parent;
        }
        steps.iter().rev().flat_map(|it| ["/", it]).collect()
    }

    pub(crate) fn object(&self, id: NodeId) -> Option<&BTreeMap<String, NodeId>> {
        match self.value(id) {
            Value::Object(members) => Some(members),
            _ => None,
        }
    }

    pub(crate) fn array(&self, id: NodeId) -> Option<&[NodeId]> {
        match self.value(id) {
            Value::Array(items) => Some(items),
            _ => None,
        }
    }

    pub(crate) fn text(&self, id: NodeId) -> Option<&str> {
        match self.value(id) {
            Value::String(text) => Some(text),
            _ => None,
        }
    }

    pub(crate) fn bool(&self, id: NodeId) -> Option<bool> {
        match self.value(id) {
            Value::Bool(it) => Some(*it),
            _ => None,
        }
    }

    /// The member of an object.
    pub(crate) fn get(&self, id: NodeId, key: &str) -> Option<NodeId> {
        self.object(id)?.get(key).copied()
    }

    /// The text of a member of an object.
    pub(crate) fn get_text(&self, id: NodeId, key: &str) -> Option<&str> {
        self.text(self.get(id, key)?)
    }

    /// Whether a member of an object is `true`.
    pub(crate) fn is_true(&self, id: NodeId, key: &str) -> bool {
        self.get(id, key).and_then(|it| self.bool(it)) == Some(true)
    }

    /// Canonical JSON: members sorted, numbers in one notation. Equal exactly for equal values.
    pub(crate) fn canonical(&self, id: NodeId) -> String {
        let mut out = String::new();
        self.write(id, usize::MAX, &mut out);
        out
    }

    /// The same, cut off where it gets longer than a line.
    pub(crate) fn short(&self, id: NodeId) -> String {
        const LONGEST: usize = 80;
        let mut out = String::new();
        self.write(id, LONGEST, &mut out);
        shortened(&out, LONGEST)
    }

    fn write(&self, id: NodeId, enough: usize, out: &mut String) {
        if out.len() > enough {
            return;
        }
        match self.value(id) {
            Value::Null => out.push_str("null"),
            Value::Bool(it) => out.push_str(if *it { "true" } else { "false" }),
            Value::Number(it) => out.push_str(&it.to_string()),
            Value::String(text) => quote(text, out),
            Value::Array(items) => {
                out.push('[');
                for (at, item) in items.iter().enumerate() {
                    if at > 0 {
                        out.push(',');
                    }
                    self.write(*item, enough, out);
                }
                out.push(']');
            }
            Value::Object(members) => {
                out.push('{');
                for (at, (key, item)) in members.iter().enumerate() {
                    if at > 0 {
                        out.push(',');
                    }
                    quote(key, out);
                    out.push(':');
                    self.write(*item, enough, out);
                }
                out.push('}');
            }
        }
    }
}

/// A text of at most so many bytes, with an ellipsis where something is left out.
pub(crate) fn shortened(text: &str, longest: usize) -> String {
    if text.len() <= longest {
        return text.to_owned();
    }
    let mut end = longest.saturating_sub(3);
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    format!("{}…", &text[..end])
}

fn quote(text: &str, out: &mut String) {
    out.push('"');
    for character in text.chars() {
        match character {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            it if it.is_control() => out.push_str(&format!("\\u{:04x}", it as u32)),
            it => out.push(it),
        }
    }
    out.push('"');
}
