//! `switchback util`: completions, manual pages and schemas, all made from the one declaration; and
//! rules for monitoring.

use std::path::{Path, PathBuf};

use clap::{Args, CommandFactory as _, Subcommand};
use clap_complete::Shell as Language;
use serde::Serialize;
use switchback_diag::Exit;
use switchback_migration::backfill::metrics::ALERTS;

use crate::args::Cli;
use crate::errors::Failure;
use crate::files::{self, FileError};
use crate::output::View;
use crate::page::Page;
use crate::settings::schema;
use crate::shell::Shell;

/// Completions, manual pages, schemas and alert rules
#[derive(Debug, Subcommand)]
pub(crate) enum Util {
    /// Print the completion script for a shell
    Completions {
        /// The shell
        language: Language,
    },
    /// Print the manual page, or write all of them into a folder
    Man(Man),
    /// Print the JSON schema of switchback.toml
    Schema,
    /// Print rules for Prometheus that alert when a backfill needs somebody
    Alerts,
}

/// Print the manual page, or write all of them into a folder
#[derive(Debug, Args)]
pub(crate) struct Man {
    /// The folder, which must exist; pages in it are replaced
    #[arg(long, value_name = "FOLDER")]
    out: Option<PathBuf>,
}

#[derive(Serialize)]
struct Written {
    written: Vec<String>,
}

impl Util {
    /// Prints or writes what was asked for.
    pub(crate) fn run(self, shell: &Shell) -> Result<Exit, Failure> {
        match self {
            Util::Completions { language } => {
                let mut script = Vec::new();
                clap_complete::generate(language, &mut Cli::command(), "switchback", &mut script);
                shell.out.raw(&script);
            }
            Util::Man(Man { out: None }) => shell.out.raw(&page(Cli::command())),
            Util::Man(Man { out: Some(folder) }) => {
                let written = write_pages(&shell.folder.join(folder))?;
                shell.out.data(&Written { written });
            }
            Util::Schema => shell.out.raw(format!("{:#}\n", *schema::SCHEMA).as_bytes()),
            Util::Alerts => shell.out.raw(ALERTS.as_bytes()),
        }
        Ok(Exit::Ok)
    }
}

fn write_pages(folder: &Path) -> Result<Vec<String>, FileError> {
    let mut root = Cli::command();
    root.build();
    let mut pages = Vec::new();
    collect(root, "switchback", &mut pages);
    let mut written = Vec::new();
    let mut batch = files::Batch::default();
    batch.folder(folder, 0o755);
    for (name, bytes) in pages {
        let path = folder.join(format!("{name}.1"));
        written.push(path.display().to_string());
        if path.is_file() {
            batch.replace(path, bytes);
        } else {
            batch.create(path, bytes, 0o644);
        }
    }
    batch.write()?;
    Ok(written)
}

fn collect(command: clap::Command, name: &str, pages: &mut Vec<(String, Vec<u8>)>) {
    for inner in command
        .get_subcommands()
        .filter(|inner| !inner.is_hide_set())
    {
        collect(
            inner.clone(),
            &format!("{name}-{}", inner.get_name()),
            pages,
        );
    }
    pages.push((name.to_owned(), page(command)));
}

fn page(command: clap::Command) -> Vec<u8> {
    let mut bytes = Vec::new();
    // Writing into memory cannot fail.
    let _ = clap_mangen::Man::new(command).render(&mut bytes);
    bytes
}

impl View for Written {
    const SCHEMA: &'static str = "switchback.written/v1";

    fn human(&self, page: &mut Page) {
        for path in &self.written {
            page.line(path);
        }
    }
}
