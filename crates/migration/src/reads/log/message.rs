//! What a line and a message of the server's log say.

use switchback_model::Timestamp;

/// The kinds of line that the server writes, as far as they carry statements.
const KINDS: [&str; 2] = ["LOG:  ", "STATEMENT:  "];

/// All kinds of line, which show that a text is a log at all.
const ALL_KINDS: [&str; 12] = [
    "LOG:  ",
    "STATEMENT:  ",
    "ERROR:  ",
    "FATAL:  ",
    "PANIC:  ",
    "WARNING:  ",
    "NOTICE:  ",
    "INFO:  ",
    "DETAIL:  ",
    "HINT:  ",
    "CONTEXT:  ",
    "DEBUG1:  ",
];

/// An entry of the log as `stderr` writes it.
#[derive(Debug)]
pub(super) struct Entry {
    /// When, as far as the prefix says.
    pub(super) at: Option<Timestamp>,
    /// Whether all of it is a statement.
    pub(super) is_statement: bool,
    /// Where the message begins in its first line.
    begins: usize,
}

impl Entry {
    /// The entry that begins with this line, if it may carry a statement.
    pub(super) fn of(line: &str) -> Option<Self> {
        let (at, kind) = kind(line, &KINDS)?;
        Some(Self {
            at: line.get(..at).and_then(moment_in),
            is_statement: kind == "STATEMENT:  ",
            begins: at + kind.len(),
        })
    }

    /// The message in its first line.
    pub(super) fn rest<'l>(&self, line: &'l str) -> &'l str {
        line.get(self.begins..).unwrap_or_default()
    }
}

/// Whether a line is one of a log.
pub(super) fn is_prefixed(line: &str) -> bool {
    kind(line, &ALL_KINDS).is_some()
}

/// The first kind in a line, and where it begins. Before it stands a prefix of any form, which has no
/// quotes: those begin a statement.
fn kind<'k>(line: &str, kinds: &[&'k str]) -> Option<(usize, &'k str)> {
    let found = kinds
        .iter()
        .filter_map(|kind| Some((line.find(kind)?, *kind)))
        .min_by_key(|(at, _)| *at)?;
    let prefix = line.get(..found.0)?;
    (!prefix.starts_with([' ', '\t']) && !prefix.contains('\'')).then_some(found)
}

/// The statement in a message: `statement: …`, `execute NAME: …`, each also after a duration, and
/// what `auto_explain` puts under `Query Text`.
pub(super) fn statement(message: &str) -> Option<&str> {
    let mut rest = message;
    if let Some(after) = rest.strip_prefix("duration: ") {
        let (_, after) = after.split_once(" ms")?;
        rest = after.trim_start();
    }
    if let Some(plan) = rest.strip_prefix("plan:") {
        let (_, text) = plan.split_once("Query Text: ")?;
        return Some(text);
    }
    if let Some(text) = rest.strip_prefix("statement: ") {
        return Some(text);
    }
    // A portal may have a name of its own: `execute fetch from name/portal: …`.
    let named = ["execute ", "parse ", "bind "]
        .iter()
        .find_map(|word| rest.strip_prefix(word))?;
    let (_, text) = named.split_once(": ")?;
    Some(text)
}

/// The first moment in a prefix.
fn moment_in(prefix: &str) -> Option<Timestamp> {
    let starts = prefix.char_indices().filter(|(_, c)| c.is_ascii_digit());
    starts
        .filter_map(|(at, _)| prefix.get(at..))
        .find_map(moment)
}

/// The moment that a text begins with, as the server writes it: `2026-01-31 12:00:00.123 UTC`. Of
/// the zones that it abbreviates only UTC means the same everywhere.
pub(super) fn moment(text: &str) -> Option<Timestamp> {
    let (date, rest) = (text.get(..10)?, text.get(10..)?);
    let rest = rest.strip_prefix([' ', 'T'])?;
    let end = rest
        .find(|c: char| !(c.is_ascii_digit() || c == ':' || c == '.'))
        .unwrap_or(rest.len());
    let (time, zone) = rest.split_at(end);
    let zone = zone.strip_prefix(' ').unwrap_or(zone);
    let zone: String = zone
        .chars()
        .take_while(|c| c.is_ascii_alphanumeric() || "+-:".contains(*c))
        .collect();
    let offset = match zone.as_str() {
        "UTC" | "GMT" | "Z" | "Etc" => "Z".to_owned(),
        zone if zone.starts_with(['+', '-']) => match zone.len() {
            3 => format!("{zone}:00"),
            5 => format!("{}:{}", &zone[..3], &zone[3..]),
            _ => zone.to_owned(),
        },
        _ => return None,
    };
    format!("{date}T{time}{offset}").parse().ok()
}
