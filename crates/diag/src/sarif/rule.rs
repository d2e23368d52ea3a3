//! A code as a rule (§3.49), with what its page says.

use crate::code::Code;
use crate::diagnostic::Severity;

use super::log::{Configuration, Message, Rule};
use super::text::{formatted, plain};

/// How many characters of a description GitHub takes.
const LONGEST: usize = 1024;

pub(super) fn of(code: Code, level: Severity) -> Rule {
    let meaning = section(code.page(), "## What it means").unwrap_or(code.title());
    Rule {
        id: code.id(),
        name: pascal(code.slug()),
        short_description: message(code.title(), None),
        full_description: message(&words(meaning), Some(meaning)),
        default_configuration: Configuration {
            level: level.word(),
        },
        help: Message {
            text: plain(&words(code.page())),
            markdown: Some(formatted(code.page())),
        },
    }
}

fn message(text: &str, markdown: Option<&str>) -> Message {
    Message {
        text: cut(&plain(text)),
        markdown: markdown.map(|markdown| cut(&formatted(markdown))),
    }
}

/// `unknown-key` as `UnknownKey`.
fn pascal(slug: &str) -> String {
    let mut out = String::with_capacity(slug.len());
    for word in slug.split('-') {
        let mut letters = word.chars();
        out.extend(letters.next().map(|first| first.to_ascii_uppercase()));
        out.push_str(letters.as_str());
    }
    out
}

/// The text under a heading of a page.
fn section<'a>(page: &'a str, heading: &str) -> Option<&'a str> {
    let (_, rest) = page.split_once(heading)?;
    let text = rest.split("\n## ").next()?.trim();
    (!text.is_empty()).then_some(text)
}

/// A page's Markdown as plain text: headings without their signs, code without its quotes.
fn words(markdown: &str) -> String {
    let mut lines = Vec::new();
    let mut code = false;
    for line in markdown.trim_end().lines() {
        if line.starts_with("```") {
            code = !code;
        } else if code {
            lines.push(format!("    {line}").trim_end().to_owned());
        } else {
            lines.push(
                line.trim_start_matches('#')
                    .trim_start_matches(' ')
                    .replace('`', ""),
            );
        }
    }
    lines.join("\n")
}

fn cut(text: &str) -> String {
    if text.chars().count() <= LONGEST {
        return text.to_owned();
    }
    let kept: String = text.chars().take(LONGEST - 1).collect();
    format!("{}…", kept.trim_end())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_reads_without_its_marks() {
        let page = "# A `b`\n\n- c\n  d\n\n```console\n$ `e` # f\n\n```\n";
        assert_eq!(words(page), "A b\n\n- c\nd\n\n    $ `e` # f\n");
    }

    #[test]
    fn a_description_is_cut_where_github_would_cut_it() {
        assert_eq!(cut(&"ä".repeat(1024)), "ä".repeat(1024));
        let long = cut(&"ä".repeat(1025));
        assert_eq!(long.chars().count(), 1024);
        assert!(long.ends_with("ä…"));
    }

    #[test]
    fn every_page_gives_a_whole_rule() {
        for code in Code::ALL {
            let rule = of(*code, Severity::Warning);
            assert!(
                rule.name.starts_with(|c: char| c.is_ascii_uppercase()),
                "{code}"
            );
            assert!(
                rule.name.bytes().all(|b| b.is_ascii_alphanumeric()),
                "{code}"
            );
            let full = &rule.full_description.text;
            assert!(full.len() > 40 && !full.contains("\n#"), "{code}");
            assert!(!full.ends_with('…'), "{code}: the meaning is too long");
            assert_ne!(*full, rule.short_description.text, "{code}");
            assert!(rule.help.text.len() > full.len(), "{code}");
            assert!(!rule.help.text.contains("```"), "{code}");
        }
        let rule = of(Code::NotRollbackTarget, Severity::Note);
        assert_eq!(rule.name, "NotARollbackTarget");
    }
}
