//! Diagnostics as a test report in the form of JUnit, which most build servers show.
//!
//! There is no standard. What is written here is what the common readers agree on, as in the
//! schema that Jenkins publishes:
//! <https://github.com/jenkinsci/xunit-plugin/blob/master/src/main/resources/org/jenkinsci/plugins/xunit/types/model/xsd/junit-10.xsd>.
//! Times are left out: this crate has no clock.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use crate::diagnostic::{Diagnostic, Severity};
use crate::escape::{escape_line, is_deceptive};
use crate::human::render_one;
use crate::theme::Theme;

/// The name of the suite of findings that have no place, and of the whole report.
const NAME: &str = "switchback";

/// The report as XML 1.0 in UTF-8, ending with a line break.
///
/// Each file is a suite, by rising name, after a suite `switchback` of findings without a place.
/// Each finding is a case. An error is a failure; a warning or a note passes, with its text as
/// output. A file of `checked` without findings is one case that passes. Cases of one suite have
/// different names.
///
/// A character that XML 1.0 cannot hold is replaced by U+FFFD in names and by an escape in texts.
pub fn render(diagnostics: &[Diagnostic], checked: &[impl AsRef<str>]) -> String {
    let mut suites: BTreeMap<Option<&str>, Vec<&Diagnostic>> = BTreeMap::new();
    for file in checked {
        suites.entry(Some(file.as_ref())).or_default();
    }
    for found in diagnostics {
        let file = found.location.as_ref().map(|at| at.file.as_str());
        suites.entry(file).or_default().push(found);
    }
    let tests: usize = suites.values().map(|found| found.len().max(1)).sum();
    let failures = failures(diagnostics.iter());
    let mut out = String::from("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n");
    let _ = writeln!(
        out,
        "<testsuites name=\"{NAME}\" tests=\"{tests}\" failures=\"{failures}\" errors=\"0\">"
    );
    for (file, found) in &suites {
        suite(&mut out, file.unwrap_or(NAME), found);
    }
    out.push_str("</testsuites>\n");
    out
}

fn failures<'a>(diagnostics: impl Iterator<Item = &'a Diagnostic>) -> usize {
    diagnostics
        .filter(|found| found.severity == Severity::Error)
        .count()
}

fn suite(out: &mut String, name: &str, diagnostics: &[&Diagnostic]) {
    let name = attribute(name);
    let _ = writeln!(
        out,
        "  <testsuite name=\"{name}\" tests=\"{}\" failures=\"{}\" errors=\"0\" skipped=\"0\">",
        diagnostics.len().max(1),
        failures(diagnostics.iter().copied()),
    );
    if diagnostics.is_empty() {
        let _ = writeln!(
            out,
            "    <testcase classname=\"{name}\" name=\"no findings\"/>"
        );
    }
    let mut names: BTreeMap<String, usize> = BTreeMap::new();
    for found in diagnostics {
        let mut title = format!("{} {}", found.code, found.code.slug());
        if let Some(location) = &found.location {
            let _ = write!(title, " line {}", location.line.max(1));
        }
        let times = names.entry(title.clone()).or_default();
        *times += 1;
        if *times > 1 {
            let _ = write!(title, " ({times})");
        }
        let _ = writeln!(out, "    <testcase classname=\"{name}\" name=\"{title}\">");
        case(out, found);
        out.push_str("    </testcase>\n");
    }
    out.push_str("  </testsuite>\n");
}

fn case(out: &mut String, found: &Diagnostic) {
    let text = escape(&render_one(found, &Theme::PLAIN));
    let _ = match found.severity {
        Severity::Error => writeln!(
            out,
            "      <failure message=\"{}\" type=\"{}\">{text}</failure>",
            attribute(&escape_line(&found.message)),
            found.code,
        ),
        Severity::Warning | Severity::Note => {
            writeln!(out, "      <system-out>{text}</system-out>")
        }
    };
}

/// Text between tags. What XML 1.0 cannot hold is replaced; what could deceive a reader of the file
/// is written as a number, which a program reads as the same character.
/// Source: <https://www.w3.org/TR/xml/#charsets>.
fn escape(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&apos;"),
            c if !holds(c) => out.push('\u{fffd}'),
            c if is_deceptive(c) && c != '\n' => {
                let _ = write!(out, "&#{};", u32::from(c));
            }
            c => out.push(c),
        }
    }
    out
}

/// The value of an attribute, where a line break would be read as a blank.
/// Source: <https://www.w3.org/TR/xml/#AVNormalize>.
fn attribute(text: &str) -> String {
    escape(text).replace('\n', "&#10;")
}

/// Whether XML 1.0 can hold the character at all, even as a number.
const fn holds(c: char) -> bool {
    matches!(c, '\t' | '\n' | '\r' | ' '..='\u{d7ff}' | '\u{e000}'..='\u{fffd}' | '\u{10000}'..)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_has_a_meaning_in_xml_loses_it() {
        assert_eq!(
            escape("<a b=\"c\" d='e'>&amp;]]>"),
            "&lt;a b=&quot;c&quot; d=&apos;e&apos;&gt;&amp;amp;]]&gt;"
        );
    }

    #[test]
    fn what_xml_cannot_hold_is_replaced() {
        assert_eq!(
            escape("\0\u{b}\u{1f}\u{fffe}\u{ffff}"),
            "\u{fffd}".repeat(5)
        );
        assert_eq!(
            escape("\t\n\r\u{7f}\u{9b}\u{202e}"),
            "&#9;\n&#13;&#127;&#155;&#8238;"
        );
        assert_eq!(attribute("a\n\tb"), "a&#10;&#9;b");
        assert_eq!(escape("Zoë 🚂 \u{10ffff}"), "Zoë 🚂 \u{10ffff}");
    }
}
