//! What does not work any more, as the body of a message says it.

use serde::Serialize;

/// Something that does not work any more.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Breaking {
    /// The line where it begins, from 1.
    pub number: usize,
    /// What does not work any more, up to the next empty line or footer; cut where it is long.
    pub text: String,
}

/// What a line is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Heard {
    /// It begins to say what breaks.
    Begins,
    /// It goes on with that.
    GoesOn,
    /// It shouts, and nobody knows what it means.
    Unclear,
    Nothing,
}

/// Reads a body line by line.
#[derive(Debug, Default)]
pub(super) struct Reader {
    found: Vec<Breaking>,
    /// Whether the lines that come belong to the last one.
    open: bool,
}

impl Reader {
    /// The next line.
    pub(super) fn line(&mut self, number: usize, text: &str) -> Heard {
        if let Some(said) = footer(text) {
            // Templates of forges ask, and people answer.
            self.open = !is_denied(said);
            if self.open {
                self.found.push(Breaking {
                    number,
                    text: super::cut(said).to_owned(),
                });
            }
            return Heard::Begins;
        }
        let trimmed = text.trim();
        if let Some(last) = self.found.last_mut().filter(|_| self.open) {
            // The text may begin on the next line, or the one after it.
            let begun = !last.text.is_empty();
            if (trimmed.is_empty() && begun) || is_footer(trimmed) {
                self.open = false;
            } else {
                if !trimmed.is_empty() {
                    if begun {
                        last.text.push(' ');
                    }
                    last.text.push_str(trimmed);
                    last.text = super::cut(&last.text).to_owned();
                }
                return Heard::GoesOn;
            }
        }
        if shouts(trimmed) {
            Heard::Unclear
        } else {
            Heard::Nothing
        }
    }

    /// Something else begins.
    pub(super) fn end(&mut self) {
        self.open = false;
    }

    /// What was found. What was announced and then denied, or never said, still breaks something:
    /// whoever shouts it means it.
    pub(super) fn found(self) -> Vec<Breaking> {
        let denied = |it: &Breaking| is_denied(&it.text);
        self.found.into_iter().filter(|it| !denied(it)).collect()
    }
}

/// Whether somebody says that nothing breaks.
fn is_denied(said: &str) -> bool {
    const DENIALS: [&str; 7] = ["no", "none", "n/a", "na", "nope", "nothing", "false"];
    let said = said
        .trim_matches(|it: char| !it.is_alphanumeric())
        .to_lowercase();
    DENIALS.contains(&said.as_str())
}

/// What a line says after `BREAKING CHANGE:`, `BREAKING-CHANGE:`, or those words in capitals with
/// nothing but blanks after them; decorations of Markdown before and after them do not count.
fn footer(line: &str) -> Option<&str> {
    let undecorated =
        line.trim_start_matches(|it: char| it.is_whitespace() || "*-+>#|_".contains(it));
    let (shouted, rest) = words(undecorated)?;
    let after = rest.trim_start_matches(['*', '_']);
    if let Some(said) = after.trim_start().strip_prefix([':', '：']) {
        return Some(said.trim_start_matches(['*', '_']).trim());
    }
    // Without a colon capitals have to make up for it.
    (shouted && (after.is_empty() || after.starts_with(char::is_whitespace))).then(|| after.trim())
}

/// Whether a line begins with the two words, in capitals, and what follows them.
fn words(line: &str) -> Option<(bool, &str)> {
    const FORMS: [&str; 4] = [
        "BREAKING CHANGES",
        "BREAKING-CHANGES",
        "BREAKING CHANGE",
        "BREAKING-CHANGE",
    ];
    FORMS.iter().find_map(|form| {
        let begin = line.get(..form.len())?;
        if !begin.eq_ignore_ascii_case(form) {
            return None;
        }
        Some((begin == *form, line.get(form.len()..)?))
    })
}

/// What a subject says breaks, where it is written as a footer would be.
pub(super) fn in_subject(subject: &str) -> Option<Breaking> {
    let said = footer(subject).filter(|it| !is_denied(it))?;
    Some(Breaking {
        number: 1,
        text: super::cut(said).to_owned(),
    })
}

/// Whether a line has the word `BREAKING` in capitals.
pub(super) fn shouts(line: &str) -> bool {
    const WORD: &str = "BREAKING";
    line.match_indices(WORD).any(|(place, _)| {
        let letter = |it: Option<char>| it.is_some_and(|it| it.is_alphanumeric() || it == '_');
        let before = line.get(..place).and_then(|it| it.chars().next_back());
        let after = line.get(place + WORD.len()..);
        !letter(before) && !letter(after.and_then(|it| it.chars().next()))
    })
}

/// Whether a line is a footer, `Token: value` or `Token #value`, with a token of one word.
fn is_footer(line: &str) -> bool {
    let end = line.find(|it: char| !it.is_ascii_alphanumeric() && it != '-');
    let Some((token, rest)) = end.and_then(|end| line.split_at_checked(end)) else {
        return false;
    };
    // In prose a word before a colon is common; footers have capitals or hyphens.
    let like_a_token = token.contains('-') || token.starts_with(|it: char| it.is_ascii_uppercase());
    like_a_token && (rest.starts_with(": ") || rest.starts_with(" #"))
}
