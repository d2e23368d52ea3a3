//! Places in bytes.

use serde::Serialize;

/// A range of bytes, half open.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
pub struct Span {
    /// The first byte, from 0.
    pub start: usize,
    /// The byte after the last one.
    pub end: usize,
}

impl Span {
    /// From one byte to the one before another.
    pub const fn new(start: usize, end: usize) -> Self {
        Self { start, end }
    }

    /// The bytes at this place; none where it reaches out of them.
    pub fn of(self, bytes: &[u8]) -> &[u8] {
        bytes.get(self.start..self.end).unwrap_or_default()
    }

    /// The text at this place; empty where it reaches out of it or into a character.
    pub fn text(self, text: &str) -> &str {
        text.get(self.start..self.end).unwrap_or_default()
    }

    /// Whether a byte is in it.
    pub const fn holds(self, at: usize) -> bool {
        self.start <= at && at < self.end
    }
}

/// Where the lines of a text begin. A line ends with `\n`, `\r\n` or a `\r` alone.
#[derive(Debug, Clone)]
pub struct Lines {
    starts: Vec<usize>,
    end: usize,
}

impl Lines {
    /// The lines of `bytes`.
    pub fn of(bytes: &[u8]) -> Self {
        let mut starts = vec![0];
        for (at, byte) in bytes.iter().enumerate() {
            let ends = match byte {
                b'\n' => true,
                b'\r' => bytes.get(at + 1) != Some(&b'\n'),
                _ => false,
            };
            if ends {
                starts.push(at + 1);
            }
        }
        Self {
            starts,
            end: bytes.len(),
        }
    }

    /// The line of a byte, from 1.
    pub fn line(&self, at: usize) -> usize {
        self.starts.partition_point(|start| *start <= at).max(1)
    }

    /// The place of a whole line, from 1, with what ends it.
    pub fn span(&self, line: usize) -> Span {
        let at = |line: usize| self.starts.get(line).copied().unwrap_or(self.end);
        Span::new(at(line.saturating_sub(1)), at(line))
    }

    /// The lines that a range touches, whole.
    pub fn whole(&self, span: Span) -> Span {
        let last = span.end.max(span.start + 1) - 1;
        Span::new(
            self.span(self.line(span.start)).start,
            self.span(self.line(last)).end,
        )
    }
}
