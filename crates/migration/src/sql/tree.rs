//! A syntax tree as a flat list.
//!
//! The grammar is `squawk_parser`'s: it says where nodes begin and end. They are kept here in the
//! order of the text, each with the place behind its last descendant, so that a tree is one
//! allocation and walking it needs no recursion. Blanks and comments are left out.

use std::ops::Range;

use squawk_parser::{EntryPoint, LexedStr, StrStep, SyntaxKind};

use super::ir::Span;
use super::words;
use crate::engine::Engine;

/// A node or a token.
#[derive(Debug, Clone, Copy)]
struct Raw {
    kind: SyntaxKind,
    /// Its text, in bytes of the tree's text.
    start: u32,
    end: u32,
    /// The place in the list behind its last descendant.
    next: u32,
    token: bool,
}

/// The tree of a text.
#[derive(Debug)]
pub(super) struct Tree<'t> {
    /// What was parsed, and what was written: as long, and different only for other engines.
    parsed: &'t str,
    written: &'t str,
    /// Where the text begins in its file.
    offset: usize,
    engine: Engine,
    nodes: Vec<Raw>,
}

/// Why there is no tree.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Failure {
    pub(super) message: String,
    /// Where, in bytes of the file.
    pub(super) at: Span,
}

/// A node or a token of a tree.
#[derive(Debug, Clone, Copy)]
pub(super) struct Node<'t> {
    tree: &'t Tree<'t>,
    at: usize,
}

impl<'t> Tree<'t> {
    /// Parses a text. `written` is what stands in the file from `offset` on, and is as long.
    pub(super) fn parse(
        parsed: &'t str,
        written: &'t str,
        offset: usize,
        engine: Engine,
    ) -> Result<Self, Failure> {
        let lexed = LexedStr::new(parsed);
        let output = EntryPoint::SourceFile.parse(&lexed.to_input());
        let mut nodes: Vec<Raw> = Vec::with_capacity(parsed.len() / 3 + 8);
        let mut open: Vec<usize> = Vec::new();
        let mut failure = None;
        let mut at = 0_u32;
        let mut end = 0_u32;
        lexed.intersperse_trivia(&output, &mut |step| match step {
            StrStep::Enter { kind } => {
                open.push(nodes.len());
                nodes.push(Raw {
                    kind,
                    start: at,
                    end: at,
                    next: 0,
                    token: false,
                });
            }
            StrStep::Exit => {
                let next = nodes.len() as u32;
                if let Some(node) = open.pop().and_then(|it| nodes.get_mut(it)) {
                    node.next = next;
                    node.end = end.max(node.start);
                }
            }
            StrStep::Token { kind, text } => {
                let start = at;
                at += text.len() as u32;
                if !kind.is_trivia() {
                    end = at;
                    let next = nodes.len() as u32 + 1;
                    nodes.push(Raw {
                        kind,
                        start,
                        end,
                        next,
                        token: true,
                    });
                }
            }
            StrStep::Error { msg, pos } => {
                failure.get_or_insert_with(|| (msg.to_owned(), pos..pos));
            }
        });
        for (range, message) in lexed.errors() {
            let range = range.start as usize..range.end as usize;
            failure.get_or_insert_with(|| (message.to_owned(), range));
        }
        if let Some((message, span)) = failure {
            let clamp = |at: usize| floor(parsed, at);
            return Err(Failure {
                message,
                at: offset + clamp(span.start)..offset + clamp(span.end),
            });
        }
        Ok(Self {
            parsed,
            written,
            offset,
            engine,
            nodes,
        })
    }

    /// The node around everything.
    pub(super) fn root(&'t self) -> Option<Node<'t>> {
        (!self.nodes.is_empty()).then_some(Node { tree: self, at: 0 })
    }
}

/// The next place at or before `at` where a character begins.
fn floor(text: &str, at: usize) -> usize {
    let mut at = at.min(text.len());
    while !text.is_char_boundary(at) {
        at -= 1;
    }
    at
}

impl<'t> Node<'t> {
    fn raw(self) -> Raw {
        self.tree.nodes[self.at]
    }

    /// What it is.
    pub(super) fn kind(self) -> SyntaxKind {
        self.raw().kind
    }

    /// Whether it is a token.
    pub(super) fn is_token(self) -> bool {
        self.raw().token
    }

    /// Its place in the list, which tells nodes apart.
    pub(super) fn index(self) -> usize {
        self.at
    }

    /// The place in the list behind its last descendant.
    pub(super) fn end_index(self) -> usize {
        self.raw().next as usize
    }

    /// The node at a place in the list, if there is one.
    pub(super) fn at_index(self, at: usize) -> Option<Node<'t>> {
        (at < self.tree.nodes.len()).then_some(Node {
            tree: self.tree,
            at,
        })
    }

    fn range(self) -> Range<usize> {
        let raw = self.raw();
        raw.start as usize..raw.end as usize
    }

    /// Where it is in the file.
    pub(super) fn span(self) -> Span {
        let range = self.range();
        self.tree.offset + range.start..self.tree.offset + range.end
    }

    /// What was parsed.
    pub(super) fn text(self) -> &'t str {
        self.tree.parsed.get(self.range()).unwrap_or_default()
    }

    /// What is written.
    pub(super) fn written(self) -> &'t str {
        self.tree.written.get(self.range()).unwrap_or_default()
    }

    /// What is directly in it, tokens included.
    pub(super) fn children(self) -> Children<'t> {
        Children {
            tree: self.tree,
            at: if self.is_token() {
                self.raw().next as usize
            } else {
                self.at + 1
            },
            end: self.raw().next as usize,
        }
    }

    /// The nodes directly in it, without tokens.
    pub(super) fn nodes(self) -> impl Iterator<Item = Node<'t>> {
        self.children().filter(|it| !it.is_token())
    }

    /// Itself and everything in it, in the order of the text.
    pub(super) fn all(self) -> impl Iterator<Item = Node<'t>> {
        let tree = self.tree;
        (self.at..self.raw().next as usize).map(move |at| Node { tree, at })
    }

    /// The first of a kind directly in it.
    pub(super) fn child(self, kind: SyntaxKind) -> Option<Node<'t>> {
        self.children().find(|it| it.kind() == kind)
    }

    /// Whether one of a kind is directly in it.
    pub(super) fn has(self, kind: SyntaxKind) -> bool {
        self.child(kind).is_some()
    }

    /// All of a kind directly in it.
    pub(super) fn each(self, kind: SyntaxKind) -> impl Iterator<Item = Node<'t>> {
        self.children().filter(move |it| it.kind() == kind)
    }

    /// The first of a kind anywhere in it, itself included.
    pub(super) fn find(self, kind: SyntaxKind) -> Option<Node<'t>> {
        self.all().find(|it| it.kind() == kind)
    }

    /// Its first token.
    pub(super) fn first_token(self) -> Option<Node<'t>> {
        self.all().find(|it| it.is_token())
    }

    /// The name that its first token is, folded; empty where it has none.
    pub(super) fn name(self) -> String {
        let Some(token) = self.first_token() else {
            return String::new();
        };
        let text = token.text();
        if text.len() > 2 && text.as_bytes()[1] == b'&' {
            // `UESCAPE` follows as tokens of its own.
            return words::name(self.text());
        }
        // Another engine's names may stand under other words in what was parsed.
        match self.tree.engine {
            Engine::Postgres => words::name(text),
            other => words::name_of(token.written(), other),
        }
    }

    /// What the string says that it is.
    pub(super) fn string(self) -> String {
        words::string(self.text())
    }
}

/// What is directly in a node.
#[derive(Debug, Clone)]
pub(super) struct Children<'t> {
    tree: &'t Tree<'t>,
    at: usize,
    end: usize,
}

impl<'t> Iterator for Children<'t> {
    type Item = Node<'t>;

    fn next(&mut self) -> Option<Node<'t>> {
        if self.at >= self.end {
            return None;
        }
        let node = Node {
            tree: self.tree,
            at: self.at,
        };
        // Never backwards, even if a node was not closed.
        self.at = (node.raw().next as usize).max(self.at + 1);
        Some(node)
    }
}
