//! The one place, with its rooms, where an error becomes a diagnostic with a code, hints and an exit code.
//!
//! Libraries say what went wrong; here it is decided what that means to the person at the
//! terminal and what to type next. Messages are sentences without a full stop.

use std::ffi::OsString;
use std::io;
use std::path::Path;

use switchback_diag::{Code, Diagnostic, Exit, nearest};
use switchback_model::EnvironmentName;

use crate::files::{Doing, FileError};
use crate::settings::load::{Problem, Trouble};
use crate::settings::{FILE, Loaded, SCHEMA, SettingsError};

mod adapters;
mod backfill;
mod change;
mod check;
mod contract;
mod guard;
mod hotfix;
mod ledger;
mod metrics;
mod platform;
mod program;
mod reasons;
mod rehearsal;
mod release;
mod server;
mod version;
mod versions;

pub(crate) use adapters::*;
pub(crate) use backfill::*;
pub(crate) use change::*;
pub(crate) use check::*;
pub(crate) use contract::*;
pub(crate) use guard::*;
pub(crate) use hotfix::*;
pub(crate) use ledger::*;
pub(crate) use metrics::*;
pub(crate) use platform::*;
pub(crate) use reasons::*;
pub(crate) use rehearsal::*;
pub(crate) use release::*;
pub(crate) use server::*;
pub(crate) use version::*;
pub(crate) use versions::*;

/// Why a run failed, and how it ends.
#[derive(Debug, Clone)]
pub(crate) struct Failure {
    /// At least one, the most important first.
    pub(crate) diagnostics: Vec<Diagnostic>,
    /// How the run ends.
    pub(crate) exit: Exit,
}

impl Failure {
    /// Several findings; the run ends as the first one says.
    pub(crate) fn many(diagnostics: Vec<Diagnostic>) -> Self {
        let exit = diagnostics.first().map_or(Exit::Internal, Diagnostic::exit);
        Self { diagnostics, exit }
    }
}

impl From<Diagnostic> for Failure {
    fn from(found: Diagnostic) -> Self {
        Self::many(vec![found])
    }
}

// ---- command line and environment ----

/// The command line is wrong: SB0109.
pub(crate) fn wrong_usage(error: &clap::Error) -> Failure {
    let text = error.render().to_string();
    // clap's text is a message, then tips, usage and a pointer to help, each in its own paragraph.
    let mut paragraphs = text
        .split("\n\n")
        .map(str::trim)
        .filter(|text| !text.is_empty());
    let message = paragraphs.next().unwrap_or("the command line is wrong");
    let message = message.strip_prefix("error: ").unwrap_or(message);
    let usage = paragraphs.find_map(|text| text.strip_prefix("Usage: "));
    let found = Diagnostic::error(Code::WrongUsage, message);
    let found = match usage.and_then(|usage| usage.lines().next()) {
        Some(usage) => found.hint(format!("usage: {}", usage.trim())),
        None => found,
    };
    found
        .hint_command("see what can be typed", "switchback --help")
        .into()
}

/// A command line that clap accepted and that cannot be meant: SB0109.
pub(crate) fn usage(message: impl Into<String>) -> Diagnostic {
    Diagnostic::error(Code::WrongUsage, message)
}

/// Whether no argument holds a character that could harm a terminal.
pub(crate) fn is_plain(arguments: &[OsString]) -> bool {
    arguments.iter().all(|argument| {
        argument
            .to_str()
            .is_some_and(|text| switchback_diag::escape_line(text) == text)
    })
}

/// The current folder is gone or closed to us.
pub(crate) fn no_folder(error: &io::Error) -> Failure {
    Diagnostic::error(Code::CannotRead, "the current folder cannot be read")
        .cause(error.to_string())
        .hint("change to a folder that exists")
        .into()
}

/// Stdout cannot be written.
pub(crate) fn no_stdout(error: &io::Error) -> Failure {
    Diagnostic::error(
        Code::CannotWrite,
        "the output could not be written to stdout",
    )
    .cause(error.to_string())
    .hint("the command itself went on to its end; run it again for its output")
    .into()
}

/// An environment variable is needed: SB0115.
pub(crate) fn variable_needed(name: &str, because: &str) -> Failure {
    let fits = |c: char| c.is_ascii_alphanumeric() || c == '_';
    if !name.chars().all(fits) {
        return Diagnostic::error(
            Code::WrongVariable,
            "what was given is not the name of a variable",
        )
        .cause(because.to_owned())
        .cause("it is not repeated here, because a URL may hold a password")
        .hint("put the URL into a variable, and give the variable's name")
        .into();
    }
    Diagnostic::error(
        Code::WrongVariable,
        format!("the variable {name} is not set"),
    )
    .cause(because.to_owned())
    .hint_command("set it", format!("export {name}=…"))
    .into()
}

/// A panic.
pub(crate) fn internal(what: &str, place: &str) -> Failure {
    let version = env!("CARGO_PKG_VERSION");
    Diagnostic::error(Code::Internal, "Switchback has a defect and had to stop")
        .cause(what)
        .cause(format!("at {place}, version {version}"))
        .hint(
            "please report it with this text and the command that you typed; the ledger holds \
             what was done, and a step that was begun is settled by the next run",
        )
        .into()
}

// ---- confirmation ----

/// There is nobody to ask: SB0107.
pub(crate) fn needs_confirmation(environment: &EnvironmentName, action: &str) -> Failure {
    Diagnostic::error(
        Code::NeedsConfirmation,
        format!("to {action} in {environment} needs a confirmation"),
    )
    .cause("there is no terminal on which to ask")
    .hint("add --yes if it is meant")
    .into()
}

/// Something else was typed: SB0110.
pub(crate) fn not_confirmed(environment: &EnvironmentName, action: &str) -> Failure {
    Diagnostic::error(
        Code::NotConfirmed,
        format!("to {action} in {environment} was not confirmed; nothing was done"),
    )
    .hint(format!("type `{environment}` to confirm"))
    .into()
}

// ---- the ledger's key ----

/// A key cannot be made: SB0204.
pub(crate) fn no_key(error: &dyn std::error::Error) -> Failure {
    Diagnostic::error(Code::LedgerKey, "a key for the ledger cannot be made")
        .caused_by(error)
        .into()
}

// ---- files ----

impl From<FileError> for Failure {
    fn from(error: FileError) -> Self {
        let path = error.path.display();
        let (code, message) = match (error.doing, error.source.kind()) {
            (Doing::Write, io::ErrorKind::AlreadyExists) => return already_exists(&error.path),
            (Doing::Write, _) => (Code::CannotWrite, format!("{path} cannot be written")),
            (Doing::Read, io::ErrorKind::InvalidData) => {
                (Code::CannotRead, format!("{path} is not text in UTF-8"))
            }
            (Doing::Read, _) => (Code::CannotRead, format!("{path} cannot be read")),
        };
        let found = Diagnostic::error(code, message).cause(error.source.to_string());
        let hint = match error.source.kind() {
            io::ErrorKind::StorageFull
            | io::ErrorKind::QuotaExceeded
            | io::ErrorKind::FileTooLarge => "make room on the disk, then run the command again",
            io::ErrorKind::ReadOnlyFilesystem => "the file system is read-only",
            io::ErrorKind::PermissionDenied => "check who owns it and its permissions",
            io::ErrorKind::NotFound | io::ErrorKind::NotADirectory => "check the path",
            _ => return found.into(),
        };
        found.hint(hint).into()
    }
}

/// A file that would be written is there already: SB0111.
pub(crate) fn already_exists(path: &Path) -> Failure {
    let path = path.display();
    Diagnostic::error(
        Code::AlreadyExists,
        format!("{path} exists already and is left alone"),
    )
    .hint(format!(
        "move {path} away if it is no longer needed, then run the command again"
    ))
    .into()
}

// ---- settings ----

impl From<SettingsError> for Failure {
    fn from(error: SettingsError) -> Self {
        match error {
            SettingsError::NotFound { from } => Diagnostic::error(
                Code::NoSettings,
                format!("no {FILE} was found in {} or above it", from.display()),
            )
            .hint_command("write one from what this folder shows", "switchback init")
            .hint("or name one with --config or SWITCHBACK_CONFIG")
            .into(),
            SettingsError::File(error) => error.into(),
            SettingsError::Wrong(problems) => {
                Failure::many(problems.into_iter().map(problem).collect())
            }
        }
    }
}

fn problem(problem: Problem) -> Diagnostic {
    let Problem { location, trouble } = problem;
    match trouble {
        Trouble::Syntax { message } => {
            Diagnostic::error(Code::SettingsSyntax, "the settings are not valid TOML")
                .cause(message)
                .hint("mend the line above; texts stand in double quotes")
        }
        Trouble::Newer { found } => Diagnostic::error(
            Code::NewerSettings,
            format!("the settings are of schema {found}; this version reads up to {SCHEMA}"),
        )
        .hint("use a newer version of switchback")
        .hint_command("see which version this is", "switchback --version"),
        Trouble::UnknownKey {
            key,
            table,
            near,
            known,
        } => {
            let place = match table.as_str() {
                "" => "the settings".to_owned(),
                table => format!("`{}`", without_indexes(table)),
            };
            let found =
                Diagnostic::error(Code::UnknownKey, format!("`{key}` is not a key of {place}"));
            let found = match near {
                Some(near) => found.hint(format!("did you mean `{near}`?")),
                None => found.hint(format!("known keys are {}", list(known.iter()))),
            };
            found.hint_command("see every key", "switchback util schema")
        }
        Trouble::Value { key, message } => {
            let message = match key.as_deref() {
                None | Some("") => message,
                Some(key) => format!("`{}`: {message}", without_indexes(key)),
            };
            Diagnostic::error(Code::WrongValue, message)
                .hint_command("see what each key may hold", "switchback util schema")
        }
        Trouble::Contradiction { message } => Diagnostic::error(Code::Contradiction, message),
    }
    .at(location)
}

/// `environment[0].values` as it is written in a file: `environment.values`.
fn without_indexes(key: &str) -> String {
    let mut inside = false;
    key.chars()
        .filter(|c| {
            inside |= *c == '[';
            let keep = !inside;
            inside &= *c != ']';
            keep
        })
        .collect()
}

/// With the first `most` of several causes, and how many more there are.
fn with_some(
    found: Diagnostic,
    causes: impl ExactSizeIterator<Item = String>,
    most: usize,
) -> Diagnostic {
    let more = causes.len().saturating_sub(most);
    let found = causes.take(most).fold(found, Diagnostic::cause);
    match more {
        0 => found,
        more => found.cause(format!("and {more} more")),
    }
}

fn list<T: AsRef<str>>(names: impl Iterator<Item = T>) -> String {
    let names: Vec<String> = names.map(|name| format!("`{}`", name.as_ref())).collect();
    match names.split_last() {
        None => "none".to_owned(),
        Some((last, [])) => last.clone(),
        Some((last, rest)) => format!("{} and {last}", rest.join(", ")),
    }
}

/// No environment or component has this name: SB0106.
pub(crate) fn unknown_name<'a>(
    what: &str,
    name: &str,
    known: impl Iterator<Item = &'a str> + Clone,
) -> Failure {
    let found = Diagnostic::error(Code::UnknownName, format!("there is no {what} `{name}`"));
    match nearest(name, known.clone()) {
        Some(near) => found.hint(format!("did you mean `{near}`?")),
        None => found.hint(format!("known: {}", list(known))),
    }
    .hint_command("see what is set", "switchback config show")
    .into()
}

/// There are several components and none was named.
pub(crate) fn which_component<'a>(known: impl Iterator<Item = &'a str>) -> Failure {
    usage("there are several components; say which one with --component")
        .hint(format!("known: {}", list(known)))
        .into()
}

/// A command needs at least one of these in the settings: SB0113.
pub(crate) fn none_set(loaded: &Loaded, what: &str) -> Failure {
    let file = &loaded.source.shown;
    Diagnostic::error(
        Code::Contradiction,
        format!("{file} names no {what}, and one is needed"),
    )
    .hint(format!("add a [[{what}]] table to {file}"))
    .hint_command("see what it may hold", "switchback util schema")
    .into()
}

// ---- explain ----

/// There is no page with this name: SB0114.
pub(crate) fn unknown_topic<'a>(name: &str, known: impl Iterator<Item = &'a str>) -> Failure {
    let found = Diagnostic::error(Code::UnknownTopic, format!("there is no page `{name}`"));
    let found = match nearest(name, known) {
        Some(near) => found.hint_command(
            "did you mean this one",
            format!("switchback explain {near}"),
        ),
        None => found,
    };
    found
        .hint_command("see every page", "switchback explain")
        .into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_full_disk_says_what_to_do() {
        for kind in [io::ErrorKind::StorageFull, io::ErrorKind::QuotaExceeded] {
            let failure = Failure::from(FileError {
                doing: Doing::Write,
                path: "/x/f".into(),
                source: kind.into(),
            });
            assert_eq!(
                (failure.exit, failure.diagnostics[0].code),
                (Exit::Usage, Code::CannotWrite)
            );
            assert!(failure.diagnostics[0].hints[0].text.contains("make room"));
        }
    }

    #[test]
    fn indexes_are_not_shown() {
        assert_eq!(
            without_indexes("environment[12].values[0].file"),
            "environment.values.file"
        );
    }

    #[test]
    fn lists_read_well() {
        assert_eq!(list([""; 0].iter()), "none");
        assert_eq!(list(["a"].iter()), "`a`");
        assert_eq!(list(["a", "b", "c"].iter()), "`a`, `b` and `c`");
    }

    #[test]
    fn a_failure_ends_as_its_first_error_says() {
        let failure = Failure::many(vec![
            Diagnostic::error(Code::LedgerDamaged, "a"),
            Diagnostic::error(Code::UnknownKey, "b"),
        ]);
        assert_eq!(failure.exit, Exit::Authentication);
    }
}
