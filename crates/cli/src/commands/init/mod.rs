//! `switchback init`: a first settings file from what the folder shows, the ledger's key, and an
//! entry in `.gitignore` so that the key is never committed.
//!
//! Everything is a guess that the user can read and change; nothing that exists is overwritten.

use std::path::Path;

use clap::Args;
use serde::Serialize;
use switchback_diag::Exit;

use crate::book::create_store;
use crate::context::{KEY, LedgerPlace, STATE};
use crate::errors::{self, Failure};
use crate::files::{self, Batch};
use crate::keys;
use crate::output::View;
use crate::page::{Page, Role};
use crate::settings::FILE;
use crate::settings::types::LedgerStore;
use crate::shell::Shell;

mod components;
mod environments;
mod survey;
mod template;

/// Write a switchback.toml from what this folder shows
///
/// Looks for manifests, Dockerfiles, values files and SQLite databases in this folder, writes
/// switchback.toml, makes the ledger's signing key in .switchback/ and adds that folder to
/// .gitignore. Nothing that exists is overwritten.
#[derive(Debug, Args)]
pub(crate) struct Init {
    /// Show the settings that would be written, and write nothing
    #[arg(long)]
    dry_run: bool,
}

#[derive(Serialize)]
struct Done {
    dry_run: bool,
    /// The files, relative to the folder.
    files: Vec<&'static str>,
    project: String,
    components: Vec<String>,
    environments: Vec<String>,
    /// The text of switchback.toml.
    settings: String,
}

impl Init {
    /// Writes the files, or shows what would be written.
    pub(crate) fn run(self, shell: &Shell) -> Result<Exit, Failure> {
        let folder = &shell.folder;
        let (settings, key) = (folder.join(FILE), folder.join(STATE).join(KEY));
        for path in [&settings, &key] {
            if path.symlink_metadata().is_ok() {
                return Err(errors::already_exists(path));
            }
        }
        let found = survey::survey(folder)?;
        let pair = keys::generate(&found.project).map_err(|error| errors::no_key(&error))?;
        let verifier = (!self.dry_run).then_some(pair.verifier.as_str());
        let text = template::render(&found, verifier);

        let mut files = vec![
            ".switchback/ledger.key",
            ".switchback/ledger.db",
            ".gitignore",
            FILE,
        ];
        let mut batch = Batch::default();
        batch.folder(folder.join(STATE), 0o700);
        batch.create(key, format!("{}\n", pair.signing), 0o600);
        if !ignore(folder, &mut batch)? {
            files.retain(|file| *file != ".gitignore");
        }
        // Last: where there are settings, everything that they speak of is there too.
        batch.create(settings, text.clone(), 0o644);
        if !self.dry_run {
            batch.write()?;
            create_store(&LedgerPlace::Sqlite(
                folder.join(LedgerStore::default().text()),
            ))?;
        }

        shell.out.data(&Done {
            dry_run: self.dry_run,
            files,
            project: found.project.clone(),
            components: found.components.iter().map(|it| it.name.clone()).collect(),
            environments: found
                .environments
                .iter()
                .map(|it| it.name.clone())
                .collect(),
            settings: text,
        });
        for remark in &found.remarks {
            shell.out.note(remark);
        }
        if self.dry_run {
            shell.out.next("write it", "switchback init");
        } else {
            shell.out.next(
                "read it, then see what is in effect",
                "switchback config show --origin",
            );
        }
        Ok(Exit::Ok)
    }
}

/// Adds the folder with the key to `.gitignore`. Says whether there is something to write.
fn ignore(folder: &Path, batch: &mut Batch) -> Result<bool, Failure> {
    let path = folder.join(".gitignore");
    let entry = format!("/{STATE}/");
    match files::read_if_there(&path)? {
        Some(text)
            if text
                .lines()
                .any(|line| line.trim().trim_matches('/') == STATE) =>
        {
            Ok(false)
        }
        Some(text) => {
            let gap = if text.is_empty() || text.ends_with('\n') {
                ""
            } else {
                "\n"
            };
            batch.replace(path, format!("{text}{gap}{entry}\n"));
            Ok(true)
        }
        None => {
            batch.create(path, format!("{entry}\n"), 0o644);
            Ok(true)
        }
    }
}

impl View for Done {
    const SCHEMA: &'static str = "switchback.init/v1";

    fn human(&self, page: &mut Page) {
        if self.dry_run {
            page.block(&self.settings);
            return;
        }
        for file in &self.files {
            page.add(Role::Good, "wrote").line(&format!(" {file}"));
        }
        let list = |names: &[String]| names.join(", ");
        page.line(&format!("project {}", self.project));
        page.line(&format!("components {}", list(&self.components)));
        page.line(&format!("environments {}", list(&self.environments)));
    }
}
