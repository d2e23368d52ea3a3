//! The statements in a log, line by line: plain SQL, and the server's log of PostgreSQL as `stderr`,
//! `csvlog` and `jsonlog` write it.
//!
//! The server writes statements with `log_statement`, `log_min_duration_statement` and their kin, and
//! those that fail with `log_min_error_statement`. Which of them are set cannot be told from a log:
//! it shows what was done, and never that nothing else was.
//! Formats: <https://www.postgresql.org/docs/current/runtime-config-logging.html>.

mod csv;
mod message;

use switchback_model::Timestamp;

/// A statement in a log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Logged {
    /// When it was written down; none where the log does not say, or says it in a time zone that is
    /// not known here.
    pub at: Option<Timestamp>,
    /// The database, where the log says which.
    pub database: Option<String>,
    /// Its text.
    pub text: String,
    /// Whether the text is longer than what is kept of it.
    pub cut: bool,
}

/// How a log is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// Statements and nothing else.
    Sql,
    /// Lines with a prefix: `log_destination = stderr`.
    Stderr,
    /// `log_destination = csvlog`.
    Csv,
    /// `log_destination = jsonlog`.
    Json,
}

impl Format {
    /// The word for what is shown: `csvlog`.
    pub const fn word(self) -> &'static str {
        match self {
            Format::Sql => "plain SQL",
            Format::Stderr => "stderr",
            Format::Csv => "csvlog",
            Format::Json => "jsonlog",
        }
    }

    /// The format of a log that begins like this; some thousand bytes are enough.
    pub fn guess(beginning: &str) -> Format {
        let beginning = beginning.trim_start_matches(['\u{feff}', ' ', '\n', '\r']);
        let first = beginning.lines().next().unwrap_or_default();
        if first.starts_with('{') && serde_json::from_str::<serde_json::Value>(first).is_ok() {
            return Format::Json;
        }
        // A record may end in a later line, and begins with a moment, a user and a database.
        let fields = csv::fields(first);
        if fields.len() >= 12 && message::moment(fields.first().map_or("", |it| it)).is_some() {
            return Format::Csv;
        }
        if beginning.lines().any(message::is_prefixed) {
            return Format::Stderr;
        }
        Format::Sql
    }
}

/// How many bytes of a statement, or of what it is read from, are kept.
const LONGEST: usize = 1 << 20;

/// Reads a log from its lines.
#[derive(Debug)]
pub struct Reader {
    format: Format,
    /// What is not whole yet: the text so far.
    text: String,
    cut: bool,
    /// Of `stderr`: what the entry is that goes on.
    entry: Option<message::Entry>,
}

impl Reader {
    /// A reader of one format.
    pub const fn new(format: Format) -> Self {
        Self {
            format,
            text: String::new(),
            cut: false,
            entry: None,
        }
    }

    /// Takes the next line, without its end, and gives the statements that are whole with it.
    pub fn line(&mut self, line: &str) -> Vec<Logged> {
        let line = line.strip_suffix('\r').unwrap_or(line);
        match self.format {
            Format::Sql => {
                self.add(line);
                let whole = line.trim_end().ends_with(';');
                if whole { self.sql() } else { Vec::new() }
            }
            Format::Stderr => self.stderr(line),
            Format::Csv => {
                self.add(line);
                if csv::is_whole(&self.text) || self.cut {
                    self.csv()
                } else {
                    Vec::new()
                }
            }
            Format::Json => self.json(line),
        }
    }

    /// What is left at the end of the log.
    pub fn end(&mut self) -> Vec<Logged> {
        match self.format {
            Format::Sql => self.sql(),
            Format::Stderr => self.entry_ends(),
            Format::Csv if !self.text.is_empty() => self.csv(),
            Format::Csv | Format::Json => Vec::new(),
        }
    }

    fn add(&mut self, line: &str) {
        if self.text.len() + line.len() > LONGEST {
            self.cut = true;
        }
        if !self.cut {
            if !self.text.is_empty() {
                self.text.push('\n');
            }
            self.text.push_str(line);
        }
    }

    fn take(&mut self) -> (String, bool) {
        (
            std::mem::take(&mut self.text),
            std::mem::take(&mut self.cut),
        )
    }

    fn sql(&mut self) -> Vec<Logged> {
        let (text, cut) = self.take();
        if text.trim().is_empty() && !cut {
            return Vec::new();
        }
        vec![Logged {
            at: None,
            database: None,
            text,
            cut,
        }]
    }

    fn csv(&mut self) -> Vec<Logged> {
        let (text, cut) = self.take();
        let fields = csv::fields(&text);
        let field = |at: usize| fields.get(at).map_or("", |it| it);
        let at = message::moment(field(0));
        let database = Some(field(2).to_owned()).filter(|it| !it.is_empty());
        // The message, and the statement that it is about.
        let texts = [
            message::statement(field(13)),
            Some(field(19)).filter(|it| !it.is_empty()),
        ];
        made(at, database.as_deref(), texts, cut)
    }

    fn json(&mut self, line: &str) -> Vec<Logged> {
        let Ok(entry) = serde_json::from_str::<serde_json::Value>(line) else {
            // A line that is none cannot be told from a statement that is hidden in it.
            self.add(line);
            return self.sql();
        };
        let field = |name: &str| entry.get(name).and_then(serde_json::Value::as_str);
        let at = field("timestamp").and_then(message::moment);
        let texts = [
            field("message").and_then(message::statement),
            field("statement"),
        ];
        made(at, field("dbname"), texts, false)
    }

    fn stderr(&mut self, line: &str) -> Vec<Logged> {
        // What goes on is indented by a tab.
        if let Some(more) = line.strip_prefix('\t')
            && self.entry.is_some()
        {
            self.add(more);
            return Vec::new();
        }
        let whole = self.entry_ends();
        if let Some(entry) = message::Entry::of(line) {
            let rest = entry.rest(line).to_owned();
            self.entry = Some(entry);
            self.add(&rest);
        }
        whole
    }

    fn entry_ends(&mut self) -> Vec<Logged> {
        let (text, cut) = self.take();
        let Some(entry) = self.entry.take() else {
            return Vec::new();
        };
        let statement = if entry.is_statement {
            Some(text.as_str())
        } else {
            message::statement(&text)
        };
        made(entry.at, None, [statement, None], cut)
    }
}

fn made(
    at: Option<Timestamp>,
    database: Option<&str>,
    texts: [Option<&str>; 2],
    cut: bool,
) -> Vec<Logged> {
    let texts = texts.into_iter().flatten();
    texts
        .map(|text| Logged {
            at,
            database: database.map(ToOwned::to_owned),
            text: text.to_owned(),
            cut,
        })
        .collect()
}

#[cfg(test)]
mod tests;
