//! Where in a file something is, in lines and characters.

use std::ops::Range;

use switchback_diag::Location;

/// The most characters of a line that are shown.
const SHOWN: usize = 240;

/// A file whose lines have been found.
pub(super) struct Lines<'a> {
    bytes: &'a [u8],
    /// Where each line begins.
    starts: Vec<usize>,
}

/// A place with its end.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Place {
    /// Where it begins.
    pub(super) location: Location,
    /// The line in which it ends, from 1.
    pub(super) end_line: u32,
    /// The column behind its last character, from 1.
    pub(super) end_column: u32,
}

impl<'a> Lines<'a> {
    /// The lines of a file.
    pub(super) fn of(bytes: &'a [u8]) -> Self {
        let breaks = bytes.iter().enumerate().filter(|(_, b)| **b == b'\n');
        Self {
            bytes,
            starts: std::iter::once(0)
                .chain(breaks.map(|(at, _)| at + 1))
                .collect(),
        }
    }

    /// The place of a byte range. What goes on in the next line is cut in the location, and a range
    /// outside of the file is moved to its end.
    pub(super) fn place(&self, file: String, span: &Range<usize>) -> Place {
        let start = span.start.min(self.bytes.len());
        let end = span.end.clamp(start, self.bytes.len());
        let line = self.line(start);
        let begin = self.starts[line];
        let stop = self
            .starts
            .get(line + 1)
            .map_or(self.bytes.len(), |next| next - 1);
        let mut whole = &self.bytes[begin..stop.max(begin)];
        while let Some((b'\r', rest)) = whole.split_last() {
            whole = rest;
        }
        let mut column = characters(&self.bytes[begin..start]);
        let meant = characters(&self.bytes[start..end.min(begin + whole.len()).max(start)]);
        let mut text = String::from_utf8_lossy(whole).into_owned();
        // A mark at the beginning of a file is not seen, and editors do not count it.
        if begin == 0 && text.starts_with('\u{feff}') {
            text.remove(0);
            column = column.saturating_sub(1);
        }
        let (text, width) = shortened(text, column, meant);
        let last = self.line(end);
        Place {
            location: Location {
                file,
                line: number(line + 1),
                column: number(column + 1),
                text,
                width: number(width.max(1)),
            },
            end_line: number(last + 1),
            end_column: number(characters(&self.bytes[self.starts[last]..end]) + 1),
        }
    }

    /// The line that a byte is in, from 0.
    fn line(&self, at: usize) -> usize {
        self.starts
            .partition_point(|start| *start <= at)
            .saturating_sub(1)
    }
}

/// A line as it is shown: not longer than people read. If what is meant begins far behind, nothing
/// is shown at all, so that no mark can stand under something else.
fn shortened(text: String, column: usize, width: usize) -> (String, usize) {
    // Bytes are more than characters, never fewer.
    if text.len() <= SHOWN {
        return (text, width);
    }
    if column + 1 >= SHOWN {
        return (String::new(), 1);
    }
    let cut: String = text.chars().take(SHOWN).collect();
    let width = width.min(SHOWN - column);
    if cut.len() == text.len() {
        (text, width)
    } else {
        (cut + "…", width)
    }
}

/// How many characters bytes are; what is not UTF-8 counts one for each byte.
fn characters(bytes: &[u8]) -> usize {
    match std::str::from_utf8(bytes) {
        Ok(text) => text.chars().count(),
        Err(_) => String::from_utf8_lossy(bytes).chars().count(),
    }
}

fn number(of: usize) -> u32 {
    u32::try_from(of).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(bytes: &[u8], span: Range<usize>) -> (u32, u32, String, u32, u32, u32) {
        let place = Lines::of(bytes).place("f".to_owned(), &span);
        let at = place.location;
        (
            at.line,
            at.column,
            at.text,
            at.width,
            place.end_line,
            place.end_column,
        )
    }

    #[test]
    fn places_are_lines_and_characters() {
        assert_eq!(shown(b"a\nbcd e\n", 3..5), (2, 2, "bcd e".into(), 2, 2, 4));
        assert_eq!(
            shown("ü é\r\nx".as_bytes(), 3..5),
            (1, 3, "ü é".into(), 1, 1, 4)
        );
        assert_eq!(shown(b"ab\ncd\n", 1..5), (1, 2, "ab".into(), 1, 2, 3));
        assert_eq!(shown(b"", 7..9), (1, 1, String::new(), 1, 1, 1));
        assert_eq!(shown(b"a\n", 2..2), (2, 1, String::new(), 1, 2, 1));
        assert_eq!(
            shown(b"x\xff y", 3..4),
            (1, 4, "x\u{fffd} y".into(), 1, 1, 5)
        );
        assert_eq!(shown("\u{feff}ab".as_bytes(), 3..4).1, 1);
    }

    #[test]
    fn long_lines_are_cut() {
        let long = "x".repeat(10_000);
        let (_, column, text, width, ..) = shown(long.as_bytes(), 10..9_000);
        assert_eq!((column, text.chars().count(), width), (11, SHOWN + 1, 230));
        let (_, column, text, width, ..) = shown(long.as_bytes(), 5_000..5_001);
        assert_eq!((column, text.as_str(), width), (5_001, "", 1));
    }
}
