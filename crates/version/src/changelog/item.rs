//! One item of a list, as text that stays within its item.

use pulldown_cmark::{Event, Options, Parser, Tag};

/// The text of an item: Markdown that ends with its item, whatever it holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Item {
    text: String,
}

/// Why a text cannot be an item.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ItemError {
    /// There is nothing in it.
    #[error("the text is empty")]
    Empty,
    /// A heading in an item would be taken for one of the file.
    #[error("the text has a heading in it")]
    Heading,
    /// A link reference counts for the whole file, and the first one wins.
    #[error("the text defines a link reference, which would count for the whole file")]
    Reference,
    /// A control character.
    #[error("the text has a control character in it")]
    Control,
    /// It would not stay one item.
    #[error("the text would not stay one item of a list")]
    Escapes,
}

impl Item {
    /// An item from Markdown. It may go over lines, with lists and code in it; line ends are those of
    /// the file that it comes to stand in.
    ///
    /// # Errors
    /// If it is empty, or would reach out of its item.
    pub fn markdown(text: &str) -> Result<Self, ItemError> {
        let text = text.replace("\r\n", "\n").replace('\r', "\n");
        let mut lines: Vec<&str> = text.lines().map(str::trim_end).collect();
        while lines.last().is_some_and(|it| it.is_empty()) {
            lines.pop();
        }
        let from = lines.iter().position(|it| !it.is_empty());
        let Some(from) = from else {
            return Err(ItemError::Empty);
        };
        let mut text = lines[from..].join("\n");
        text.drain(..text.len() - text.trim_start().len());
        if text
            .chars()
            .any(|c| c.is_control() && c != '\n' && c != '\t')
        {
            return Err(ItemError::Control);
        }
        let item = Self { text };
        item.holds()?;
        Ok(item)
    }

    /// The text, without the marker and without indentation.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// Whether it is read as one item and nothing else.
    fn holds(&self) -> Result<(), ItemError> {
        let laid = self.lay("-", 1, "\n");
        let parser = Parser::new_ext(&laid, Options::empty());
        if parser.reference_definitions().iter().next().is_some() {
            return Err(ItemError::Reference);
        }
        let (mut depth, mut outermost, mut items) = (0_usize, 0, 0);
        for event in parser {
            match event {
                Event::Start(tag) => {
                    match tag {
                        Tag::Heading { .. } => return Err(ItemError::Heading),
                        Tag::Item if depth == 1 => items += 1,
                        _ => {}
                    }
                    outermost += usize::from(depth == 0);
                    depth += 1;
                }
                Event::End(_) => depth -= 1,
                _ => outermost += usize::from(depth == 0),
            }
        }
        if (outermost, items) == (1, 1) {
            Ok(())
        } else {
            Err(ItemError::Escapes)
        }
    }

    /// As lines: a marker, so many spaces, the first line; the others as far in. Ends with a line end.
    pub(super) fn lay(&self, marker: &str, spaces: usize, newline: &str) -> String {
        let indent = " ".repeat(marker.len() + spaces);
        let mut out = format!("{marker}{}", " ".repeat(spaces));
        for (at, line) in self.text.split('\n').enumerate() {
            if at > 0 && !line.is_empty() {
                out.push_str(&indent);
            }
            out.push_str(line);
            out.push_str(newline);
        }
        out
    }
}
/// The lines of an item without its marker and as far out as it goes.
pub(super) fn without_marker(item: &str) -> String {
    let bare = item.trim_start_matches(' ');
    let after = bare.get(1..).unwrap_or_default();
    let width = item.len() - after.trim_start_matches(' ').len();
    let strip = |(at, line): (usize, &str)| -> String {
        let spaces = line.len() - line.trim_start_matches(' ').len();
        let from = if at == 0 { width } else { spaces.min(width) };
        line.get(from..).unwrap_or_default().to_owned()
    };
    let lines: Vec<String> = item.lines().enumerate().map(strip).collect();
    lines.join("\n")
}
