//! Text for people, built from parts that are escaped one by one, so that nothing from outside can
//! reach the terminal as it is.

use anstyle::Style;
use switchback_diag::theme::styled;
use switchback_diag::{Theme, escape_line, escape_text};

/// What a piece of text is, which decides how it looks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) enum Role {
    /// Nothing special.
    #[default]
    Plain,
    /// What matters most in a line.
    Strong,
    /// What went well.
    Good,
    /// What somebody should look at.
    Warning,
    /// What is wrong.
    Bad,
    /// A label.
    Label,
    /// A command that can be typed.
    Command,
    /// What may be skipped.
    Faint,
}

impl Role {
    fn style(self, theme: &Theme) -> Style {
        match self {
            Role::Plain => Style::new(),
            Role::Strong => theme.strong,
            Role::Good => theme.good,
            Role::Warning => theme.warning,
            Role::Bad => theme.error,
            Role::Label => theme.label,
            Role::Command => theme.command,
            Role::Faint => theme.faint,
        }
    }
}

/// One cell of a table.
#[derive(Debug, Clone, Default)]
pub(crate) struct Cell {
    role: Role,
    text: String,
}

impl Cell {
    /// A cell with a role.
    pub(crate) fn new(role: Role, text: impl Into<String>) -> Self {
        Self {
            role,
            text: text.into(),
        }
    }
}

impl<T: Into<String>> From<T> for Cell {
    fn from(text: T) -> Self {
        Self::new(Role::Plain, text)
    }
}

/// Text that is being written.
#[derive(Debug)]
pub(crate) struct Page {
    text: String,
    theme: Theme,
}

impl Page {
    /// An empty page.
    pub(crate) fn new(theme: Theme) -> Self {
        Self {
            text: String::new(),
            theme,
        }
    }

    /// Everything so far.
    pub(crate) fn text(&self) -> &str {
        &self.text
    }

    /// Adds to the current line.
    pub(crate) fn add(&mut self, role: Role, text: &str) -> &mut Self {
        self.text.push_str(&self.look(role, &escape_line(text)));
        self
    }

    /// Ends the current line.
    pub(crate) fn end(&mut self) -> &mut Self {
        self.text.push('\n');
        self
    }

    /// A whole line.
    pub(crate) fn line(&mut self, text: &str) -> &mut Self {
        self.add(Role::Plain, text).end()
    }

    /// A heading, with an empty line before it unless it is the first.
    pub(crate) fn heading(&mut self, text: &str) -> &mut Self {
        if !self.text.is_empty() {
            self.end();
        }
        self.add(Role::Strong, text).end()
    }

    /// A text of several lines as it is, but escaped.
    pub(crate) fn block(&mut self, text: &str) -> &mut Self {
        self.text.push_str(&escape_text(text));
        if !text.ends_with('\n') {
            self.end();
        }
        self
    }

    /// Rows in aligned columns, two spaces apart, each line indented by `indent` spaces. The head
    /// may be empty.
    pub(crate) fn table(&mut self, indent: usize, head: &[&str], rows: &[Vec<Cell>]) -> &mut Self {
        let head: Vec<Cell> = head
            .iter()
            .map(|text| Cell::new(Role::Faint, *text))
            .collect();
        let heads = if head.is_empty() { None } else { Some(&head) };
        let lines: Vec<Vec<(Role, String)>> = heads
            .into_iter()
            .chain(rows)
            .map(|row| {
                row.iter()
                    .map(|cell| (cell.role, escape_line(&cell.text)))
                    .collect()
            })
            .collect();
        let mut widths: Vec<usize> = Vec::new();
        for line in &lines {
            for (at, (_, text)) in line.iter().enumerate() {
                let width = text.chars().count();
                match widths.get_mut(at) {
                    Some(widest) => *widest = width.max(*widest),
                    None => widths.push(width),
                }
            }
        }
        for line in lines {
            self.text.push_str(&" ".repeat(indent));
            let last = line.iter().rposition(|(_, text)| !text.is_empty());
            let cells = line.iter().zip(&widths).enumerate();
            for (at, ((role, text), width)) in cells.take(last.map_or(0, |last| last + 1)) {
                self.text.push_str(&self.look(*role, text));
                if Some(at) != last {
                    self.text
                        .push_str(&" ".repeat(width - text.chars().count() + 2));
                }
            }
            self.end();
        }
        self
    }

    fn look(&self, role: Role, escaped: &str) -> String {
        styled(role.style(&self.theme), escaped)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_are_aligned_and_lines_do_not_end_with_spaces() {
        let mut page = Page::new(Theme::PLAIN);
        page.heading("environments").table(
            2,
            &["name", "version", "note"],
            &[
                vec![
                    "staging".into(),
                    Cell::new(Role::Strong, "1.2.0"),
                    "".into(),
                ],
                vec![
                    "production".into(),
                    "1.1.0".into(),
                    "evil\n\u{1b}[2J".into(),
                ],
            ],
        );
        assert_eq!(
            page.text(),
            "environments\n  name        version  note\n  staging     1.2.0\n  production  1.1.0    \
             evil\\n\\u{1b}[2J\n"
        );
    }
}
