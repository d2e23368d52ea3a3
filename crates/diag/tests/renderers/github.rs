use proptest::prelude::*;
use switchback_diag::{Code, Diagnostic, Severity, escape_line, escape_text, github};

use crate::any;

/// A command as the runner understands it.
#[derive(Debug, PartialEq)]
struct Command {
    name: String,
    properties: Vec<(String, String)>,
    message: String,
}

impl Command {
    fn get(&self, name: &str) -> Option<&str> {
        let mut all = self.properties.iter();
        all.find(|(key, _)| key == name)
            .map(|(_, value)| value.as_str())
    }
}

/// What the runner makes of a log: lines end at CR or LF, blanks before a command are passed over,
/// a command ends at the second `::`, properties at commas, and escapes are undone at the end.
fn read(log: &str) -> Vec<Command> {
    let undo = |text: &str, escapes: &[(&str, &str)]| {
        let mut text = text.to_owned();
        for (escape, character) in escapes {
            text = text.replace(escape, character);
        }
        text
    };
    let mut commands = Vec::new();
    for line in log.split(['\r', '\n']).filter(|line| !line.is_empty()) {
        let rest = line.trim_start().strip_prefix("::").expect(line);
        let (head, message) = rest.split_once("::").expect(line);
        let (name, properties) = head.split_once(' ').unwrap_or((head, ""));
        let properties = properties
            .split(',')
            .filter_map(|pair| pair.split_once('='));
        commands.push(Command {
            name: name.to_owned(),
            properties: properties
                .map(|(key, value)| {
                    let escapes = [
                        ("%0D", "\r"),
                        ("%0A", "\n"),
                        ("%3A", ":"),
                        ("%2C", ","),
                        ("%25", "%"),
                    ];
                    (key.to_owned(), undo(value, &escapes))
                })
                .collect(),
            message: undo(message, &[("%0D", "\r"), ("%0A", "\n"), ("%25", "%")]),
        });
    }
    commands
}

const fn level(severity: Severity) -> &'static str {
    match severity {
        Severity::Error => "error",
        Severity::Warning => "warning",
        Severity::Note => "notice",
    }
}

#[test]
fn the_lines_are_pinned() {
    let expected = "\
::error file=conf/a%2Cb.toml,line=2,col=1,endColumn=6,title=SB0103%3A A settings key is not known\
::`windw` is not a key of [rollback]%0A  caused by: keys are checked%0A  \
hint: see every key: switchback util schema
::warning title=SB0704%3A The values file says another version than what was put out\
::100%25 of {0} differs
";
    assert_eq!(github::render(&any::sample()), expected);
    assert_eq!(github::render(&[]), "");
}

fn many(number: usize, severity: Severity) -> Vec<Diagnostic> {
    let each = |at| Diagnostic {
        severity,
        ..Diagnostic::error(Code::SqlFailed, format!("number {at}"))
    };
    (0..number).map(each).collect()
}

#[test]
fn what_github_would_not_show_is_counted_at_the_end() {
    let mut found = many(10, Severity::Error);
    found.extend(many(10, Severity::Warning));
    assert_eq!(read(&github::render(&found)).len(), 20, "nothing is cut");
    found.extend(many(1, Severity::Error));
    let commands = read(&github::render(&found));
    assert_eq!(commands.len(), 22);
    let last = commands.last().unwrap();
    assert_eq!(last.name, "notice");
    assert_eq!(
        last.message,
        "11 errors, 10 warnings and 0 notes in all: GitHub shows at most 10 of each, the log has \
         every one"
    );
}

#[test]
fn the_count_is_among_the_notices_that_are_shown() {
    for (notes, errors) in [(9, 11), (10, 11), (11, 0), (30, 1)] {
        let mut found = many(notes, Severity::Note);
        found.extend(many(errors, Severity::Error));
        let commands = read(&github::render(&found));
        assert_eq!(commands.len(), notes + errors + 1);
        let counts = |command: &&Command| command.message.contains(" in all: ");
        let notices = commands.iter().filter(|command| command.name == "notice");
        let shown: Vec<_> = notices.take(github::SHOWN).filter(counts).collect();
        assert_eq!(shown.len(), 1, "{notes} notes");
    }
}

proptest! {
    #[test]
    fn each_finding_is_one_command_and_no_text_is_another(found in any::diagnostics(12)) {
        let log = github::render(&found);
        prop_assert!(found.is_empty() || log.ends_with('\n'));
        let control = |c: char| c.is_control() && c != '\n' || matches!(c, '\u{202e}' | '\u{2028}');
        prop_assert!(!log.contains(control), "{}", log);
        let commands = read(&log);
        let over = |severity: &Severity| {
            found.iter().filter(|found| found.severity == *severity).count() > github::SHOWN
        };
        let counts = usize::from(Severity::ALL.iter().any(over));
        prop_assert_eq!(commands.len(), found.len() + counts);
        let own = commands.iter().filter(|command| command.get("title") != Some("switchback"));
        for (command, found) in own.zip(&found) {
            prop_assert_eq!(&command.name, level(found.severity));
            let title = format!("{}: {}", found.code, found.code.title());
            prop_assert_eq!(command.get("title"), Some(title.as_str()));
            let place = found.location.as_ref();
            let file = place.map(|at| escape_line(&at.file));
            prop_assert_eq!(command.get("file"), file.as_deref());
            let known = if place.is_some() { 5 } else { 1 };
            prop_assert_eq!(command.properties.len(), known);
            let number = |name| command.get(name).map(|text| text.parse::<u32>().unwrap());
            prop_assert_eq!(number("line"), place.map(|at| at.line.max(1)));
            prop_assert_eq!(number("col"), place.map(|at| at.column.max(1)));
            prop_assert!(number("endColumn") >= number("col"));
            let texts = found.causes.iter().chain([&found.message]);
            for line in texts.flat_map(|text| {
                let text = escape_text(text.trim_end());
                text.lines().map(str::to_owned).collect::<Vec<_>>()
            }) {
                prop_assert!(command.message.contains(line.trim_end()), "{:?}: {}", line, log);
            }
            for command_line in found.hints.iter().filter_map(|hint| hint.command.as_ref()) {
                let shown = escape_line(command_line);
                prop_assert!(command.message.contains(shown.trim_end()));
            }
        }
    }
}
