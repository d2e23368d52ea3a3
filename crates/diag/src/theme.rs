//! The styles of text for people. Colour is never the only carrier of a meaning.

use anstyle::{AnsiColor, Style};

/// The style of each role that a piece of text can have.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Theme {
    /// The word `error`.
    pub error: Style,
    /// The word `warning`.
    pub warning: Style,
    /// What went well.
    pub good: Style,
    /// What matters most in a line.
    pub strong: Style,
    /// Labels such as `caused by:` and `hint:`.
    pub label: Style,
    /// A command that can be typed.
    pub command: Style,
    /// What may be skipped.
    pub faint: Style,
}

impl Theme {
    /// No styles at all: nothing but the text is written.
    pub const PLAIN: Theme = Theme {
        error: Style::new(),
        warning: Style::new(),
        good: Style::new(),
        strong: Style::new(),
        label: Style::new(),
        command: Style::new(),
        faint: Style::new(),
    };

    /// The eight basic colours, which every terminal lets its user choose.
    pub const COLOUR: Theme = Theme {
        error: AnsiColor::Red.on_default().bold(),
        warning: AnsiColor::Yellow.on_default().bold(),
        good: AnsiColor::Green.on_default(),
        strong: Style::new().bold(),
        label: AnsiColor::Cyan.on_default().bold(),
        command: AnsiColor::Green.on_default(),
        faint: Style::new().dimmed(),
    };
}

/// `text` in `style`. The text must have been escaped already.
pub fn styled(style: Style, text: &str) -> String {
    format!("{style}{text}{style:#}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn plain_adds_nothing() {
        assert_eq!(styled(Theme::PLAIN.error, "error"), "error");
        assert!(styled(Theme::COLOUR.error, "error").starts_with('\u{1b}'));
    }
}
