//! `switchback release notes` and `release facts`: texts about a release, and what they may say.

use std::path::{Path, PathBuf};

use clap::Args;
use serde::Serialize;
use switchback_diag::{Code, Diagnostic, Exit, Location, escape_line};
use switchback_version::notes::{
    Facts, MOST_WORDS, NotesError, Templates, Text, changelog_section, check, migration_notes,
    release_notes, upgrade_guide, words,
};
use switchback_version::verdict::Decision;

use super::facts::{Told, Which, day};
use super::notices::committed;
use crate::args::word;
use crate::commands::version::{Judged, Of};
use crate::errors::{self, Failure};
use crate::files;
use crate::output::View;
use crate::page::Page;
use crate::shell::Shell;

/// How large a text or a file of facts may be, in bytes.
const LARGEST: u64 = 4 * 1024 * 1024;

/// Which release it is about.
#[derive(Debug, Args)]
pub(crate) struct About {
    #[command(flatten)]
    of: Of,
    /// A release that has its tag, instead of the next one
    #[arg(long, value_name = "TAG", conflicts_with_all = ["propose", "pre"])]
    release: Option<String>,
    /// This version instead of the lowest that is allowed
    #[arg(long, value_name = "VERSION")]
    propose: Option<String>,
    /// A pre-release in this channel
    #[arg(long, value_name = "CHANNEL")]
    pre: Option<String>,
}

/// Write a text about a release for people
///
/// Of the next release if nothing else is said. It goes to the standard output, in Markdown.
#[derive(Debug, Args)]
pub(crate) struct WriteNotes {
    #[command(flatten)]
    about: About,
    /// What to write: `release-notes`, `upgrade-guide`, `migration-notes` or `changelog-section`
    #[arg(long, value_name = "TEXT", default_value = "release-notes", value_parser = text)]
    text: Text,
    /// Say only what this file of facts says, instead of what the repository says
    #[arg(long, value_name = "FILE", conflicts_with_all = ["component", "tags", "release", "propose", "pre"])]
    facts: Option<PathBuf>,
    /// Write nothing, and find what this text says that is not in the facts
    #[arg(long, value_name = "FILE")]
    check: Option<PathBuf>,
}

/// Show what is known of a release, from which texts about it are made
#[derive(Debug, Args)]
pub(crate) struct ShowFacts {
    #[command(flatten)]
    about: About,
}

fn text(given: &str) -> Result<Text, String> {
    word(given, "texts", &Text::ALL, Text::word)
}

/// What is known, and how texts are made of it.
struct Known {
    component: String,
    facts: Facts,
    templates: Templates,
    /// What to say where something breaks and nobody says what to do.
    missing: Option<Failure>,
}

impl About {
    /// What is known of the release; what there is to say instead if there is none.
    fn known(self, shell: &Shell) -> Result<Result<Known, Exit>, Failure> {
        let (judged, version, at) = match &self.release {
            Some(tag) => {
                let (judged, version) = Judged::released(shell, self.of, tag)?;
                let at = committed(&judged.subject.history()?, judged.head)?;
                (judged, version, at)
            }
            None => {
                let judged = Judged::of(shell, self.of, self.propose, self.pre)?;
                let Decision::Release { version } = judged.verdict.decision.clone() else {
                    return judged.show(shell).map(Err);
                };
                (judged, version, shell.clock.now())
            }
        };
        let which = Which {
            version: &version,
            day: day(at)?,
            published: self.release.is_some(),
        };
        let told = Told::of(shell, &judged, &which)?;
        Ok(Ok(Known {
            component: judged.subject.name.clone(),
            missing: Some(told.upgrade_missing()),
            facts: told.facts,
            templates: told.templates,
        }))
    }
}

impl ShowFacts {
    pub(super) fn run(self, shell: &Shell) -> Result<Exit, Failure> {
        let known = match self.about.known(shell)? {
            Ok(known) => known,
            Err(exit) => return Ok(exit),
        };
        // The form has its own schema: it is what `--facts` reads, however it is asked for.
        let json = serde_json::to_string_pretty(&known.facts);
        let json = json.map_err(|error| errors::usage(error.to_string()))?;
        shell.out.raw(format!("{json}\n").as_bytes());
        Ok(Exit::Ok)
    }
}

impl WriteNotes {
    pub(super) fn run(self, shell: &Shell) -> Result<Exit, Failure> {
        let known = match &self.facts {
            Some(path) => {
                let bytes = files::read_at_most(path, LARGEST)?;
                let json = String::from_utf8_lossy(&bytes);
                let facts = Facts::parse(&json).map_err(|error| errors::facts(path, &error))?;
                Known {
                    component: match &facts.component {
                        Some(component) => component.to_string(),
                        None => "the release".to_owned(),
                    },
                    facts,
                    templates: super::facts::own_templates(shell)?,
                    missing: None,
                }
            }
            None => match self.about.known(shell)? {
                Ok(known) => known,
                Err(exit) => return Ok(exit),
            },
        };
        if let Some(path) = &self.check {
            return checked(shell, path, self.text, &known);
        }
        let (facts, templates) = (&known.facts, &known.templates);
        let made = match self.text {
            Text::ReleaseNotes => release_notes(facts, templates),
            Text::UpgradeGuide => upgrade_guide(facts, templates),
            Text::MigrationNotes => migration_notes(facts, templates),
            Text::ChangelogSection => changelog_section(facts, templates),
        };
        let markdown = match (made, known.missing) {
            (Ok(markdown), _) => markdown,
            (Err(NotesError::MissingUpgrade { .. }), Some(missing)) => return Err(missing),
            (Err(error), _) => return Err(errors::notes(error, &known.component)),
        };
        shell.out.data(&Written {
            component: known.component,
            version: facts.version.to_string(),
            text: self.text,
            words: words(&markdown),
            markdown,
        });
        Ok(Exit::Ok)
    }
}

/// Finds what a text says that nobody knows.
fn checked(shell: &Shell, path: &Path, of: Text, known: &Known) -> Result<Exit, Failure> {
    let bytes = files::read_at_most(path, LARGEST)?;
    let text = String::from_utf8_lossy(&bytes);
    let mut found: Vec<Diagnostic> = Vec::new();
    for it in check(&text, of, &known.facts, &known.templates) {
        let what = format!("{} `{}`", it.claim.name(), escape_line(&it.text));
        let (message, hint) = match it.certain {
            true => (
                format!("the {what} is not in the facts"),
                "take it out, or write it into a change file",
            ),
            false => (
                format!("the {what} may be a name that is not in the facts"),
                "if it is an ordinary word, begin the sentence with another one",
            ),
        };
        let place = Location::of_span(
            path.display().to_string(),
            &text,
            it.span.start..it.span.end,
        );
        let diagnostic = match it.certain {
            true => Diagnostic::error(Code::NotesUnfounded, message),
            false => Diagnostic::warning(Code::NotesUnfounded, message),
        };
        found.push(diagnostic.at(place).hint(hint));
    }
    let count = words(&text);
    if of == Text::ReleaseNotes && count >= MOST_WORDS {
        let message =
            format!("the text has {count} words; release notes have fewer than {MOST_WORDS}");
        found.push(Diagnostic::error(Code::NotesUnfounded, message).hint("shorten it"));
    }
    if found.is_empty() {
        let words = match count {
            1 => "1 word".to_owned(),
            count => format!("{count} words"),
        };
        let note = format!(
            "{} says nothing but what is known, in {words}",
            path.display()
        );
        shell.out.note(&note);
        return Ok(Exit::Ok);
    }
    found.sort_by_key(|it| std::cmp::Reverse(it.severity));
    Err(Failure::many(found))
}

/// A text about a release.
#[derive(Serialize)]
struct Written {
    component: String,
    version: String,
    text: Text,
    /// How many words people see.
    words: usize,
    markdown: String,
}

impl View for Written {
    const SCHEMA: &'static str = "switchback.release-notes/v1";

    fn about_bytes(&self) -> usize {
        512 + self.markdown.len() * 2
    }

    fn human(&self, page: &mut Page) {
        page.block(self.markdown.trim_end_matches('\n'));
    }
}
