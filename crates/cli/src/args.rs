//! What can be typed: the global flags and the shape of help.

use std::ffi::OsString;
use std::path::PathBuf;

use clap::{Args, Parser, ValueEnum};
use switchback_diag::Exit;

use crate::commands::Command;

/// Every step up can be walked back.
///
/// Switchback takes a change from a green commit to all of production in small steps, refuses a
/// step that could not be undone from where the system stands, and keeps evidence of each one.
#[derive(Debug, Parser)]
#[command(name = "switchback", version, after_help = after_help(), max_term_width = 100)]
#[command(propagate_version = false, disable_help_subcommand = true)]
pub(crate) struct Cli {
    /// The flags that every command has.
    #[command(flatten)]
    pub(crate) global: Global,
    /// What to do.
    #[command(subcommand)]
    pub(crate) command: Command,
}

/// The flags that every command has.
#[derive(Debug, Clone, Default, Args)]
#[command(next_help_heading = "Global options")]
pub(crate) struct Global {
    /// How data and errors are written
    #[arg(
        long,
        global = true,
        value_enum,
        default_value_t,
        value_name = "FORMAT"
    )]
    pub(crate) format: Format,
    /// When to use colour; `auto` heeds NO_COLOR and whether there is a terminal
    #[arg(long, global = true, value_enum, default_value_t, value_name = "WHEN")]
    pub(crate) color: Color,
    /// The settings file, instead of the nearest switchback.toml at or above this folder
    // The variable is read in `variables`, with the others.
    #[arg(long, global = true, value_name = "PATH")]
    pub(crate) config: Option<PathBuf>,
}

/// How data and errors are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, ValueEnum)]
pub(crate) enum Format {
    /// Text for people.
    #[default]
    Human,
    /// One JSON document on stdout, and JSON lines on stderr.
    Json,
    /// A SARIF log, for code scanning and editors; only of `check` and `contract diff`.
    Sarif,
    /// Annotations of a workflow of GitHub Actions; only of `check` and `contract diff`.
    Github,
    /// A test report in the form of JUnit; only of `check` and `contract diff`.
    Junit,
}

impl Format {
    /// Whether only findings can be written in it.
    pub(crate) const fn is_for_findings(self) -> bool {
        matches!(self, Format::Sarif | Format::Github | Format::Junit)
    }

    /// The word that is typed.
    pub(crate) const fn word(self) -> &'static str {
        match self {
            Format::Human => "human",
            Format::Json => "json",
            Format::Sarif => "sarif",
            Format::Github => "github",
            Format::Junit => "junit",
        }
    }
}

/// When to use colour.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, ValueEnum)]
pub(crate) enum Color {
    /// If there is a terminal that wants it.
    #[default]
    Auto,
    /// Even into a file.
    Always,
    /// Never.
    Never,
}

impl Global {
    /// What the arguments seem to ask for, for what must be said before they have been understood
    /// or because they cannot be.
    pub(crate) fn guess(arguments: &[OsString]) -> Self {
        fn last<T: ValueEnum + Default>(arguments: &[OsString], flag: &str) -> T {
            let mut found = None;
            let mut rest = arguments.iter().filter_map(|argument| argument.to_str());
            while let Some(argument) = rest.next() {
                let value = match argument.strip_prefix(flag) {
                    Some("") => rest.next(),
                    Some(value) => value.strip_prefix('='),
                    None => None,
                };
                found = value
                    .and_then(|value| T::from_str(value, false).ok())
                    .or(found);
            }
            found.unwrap_or_default()
        }
        Self {
            format: last(arguments, "--format"),
            color: last(arguments, "--color"),
            config: None,
        }
    }
}

/// One of several things by its word, or which words there are.
pub(crate) fn word<T: Copy>(
    text: &str,
    what: &str,
    all: &[T],
    word: impl Fn(T) -> &'static str,
) -> Result<T, String> {
    let found = all.iter().copied().find(|it| word(*it) == text);
    found.ok_or_else(|| {
        let words: Vec<_> = all.iter().copied().map(word).collect();
        format!("the {what} are {}", words.join(", "))
    })
}

fn after_help() -> String {
    let codes: Vec<String> = Exit::ALL
        .iter()
        .map(|exit| format!("{} {}", exit.number(), exit.meaning()))
        .collect();
    format!(
        "Exit codes: {}.\nEvery error has a page: switchback explain.",
        codes.join(", ")
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory as _;

    #[test]
    fn the_command_line_is_well_formed() {
        Cli::command().debug_assert();
    }

    #[test]
    fn flags_are_guessed_from_broken_arguments() {
        let guess = |words: &[&str]| {
            let words: Vec<OsString> = words.iter().map(OsString::from).collect();
            let global = Global::guess(&words);
            (global.format, global.color)
        };
        assert_eq!(
            guess(&["x", "--nonsense", "--format=json"]),
            (Format::Json, Color::Auto)
        );
        assert_eq!(
            guess(&["x", "--color", "never", "--format"]),
            (Format::Human, Color::Never)
        );
        assert_eq!(
            guess(&["x", "--formats", "json"]),
            (Format::Human, Color::Auto)
        );
    }

    #[test]
    fn every_command_says_what_it_does() {
        fn check(command: &clap::Command) {
            assert!(
                command.get_about().is_some(),
                "{} has no text",
                command.get_name()
            );
            for argument in command.get_arguments() {
                assert!(
                    argument.get_help().is_some(),
                    "{} {argument}",
                    command.get_name()
                );
            }
            command.get_subcommands().for_each(check);
        }
        check(&Cli::command());
    }
}
