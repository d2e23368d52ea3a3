//! `switchback version entry`: a change file, written while the change is fresh.

use std::path::{Path, PathBuf};

use clap::Args;
use jiff::civil::Date;
use semver::Version;
use serde::Serialize;
use switchback_diag::Exit;
use switchback_model::ComponentName;
use switchback_supply::git::log::History;
use switchback_version::Level;
use switchback_version::change_file::{Breaking, ChangeFile, Deprecation, Notice};
use switchback_version::changelog::Kind;

use crate::args::word;
use crate::context::settings_if_any;
use crate::entries::{self, FOLDER};
use crate::errors::{self, Failure};
use crate::files::Batch;
use crate::output::View;
use crate::page::{Page, Role};
use crate::shell::Shell;

/// Write down what a change is to users, for the changelog and the notes
///
/// It makes a file beside the commits. The version can only be raised by it, and only by `--level`.
#[derive(Debug, Args)]
pub(super) struct Write {
    /// What users get, in Markdown that can stand in a list
    text: String,
    /// What it is: `added`, `changed`, `deprecated`, `removed`, `fixed` or `security`
    #[arg(long, value_name = "KIND", value_parser = kind)]
    kind: Kind,
    /// How much the version has to rise at least: `patch`, `minor` or `major`
    #[arg(long, value_name = "LEVEL", value_parser = level)]
    level: Option<Level>,
    /// A component that it is about; all of them if none is named
    #[arg(long = "component", value_name = "NAME")]
    components: Vec<String>,
    /// An issue: `#12`, `owner/name#12` or `ABC-12`
    #[arg(long = "issue", value_name = "ISSUE")]
    issues: Vec<String>,
    /// What does not work any more; makes it a major version
    #[arg(long, value_name = "TEXT", requires = "upgrade")]
    breaking: Option<String>,
    /// What users do about it
    #[arg(long, value_name = "TEXT", requires = "breaking")]
    upgrade: Option<String>,
    /// The change file, without folder and `.md`, by which a release announced what breaks
    #[arg(long, value_name = "NAME", requires = "breaking", group = "notice")]
    announced_by: Option<String>,
    /// The version that announced what breaks, where no change file of it did
    #[arg(long, value_name = "VERSION", requires = "breaking", group = "notice")]
    deprecated_since: Option<Version>,
    /// Why no release announced what breaks
    #[arg(long, value_name = "WHY", requires = "breaking", group = "notice")]
    unannounced: Option<String>,
    /// The version in which a thing goes that is `deprecated`
    #[arg(long, value_name = "VERSION")]
    removal: Option<Version>,
    /// The day before which it does not go, such as 2027-01-31
    #[arg(long, value_name = "DAY")]
    not_before: Option<Date>,
    /// What users take instead of it
    #[arg(long, value_name = "TEXT")]
    instead: Option<String>,
    /// What it speaks of, where its own commit does not show that: a commit, a contract or the
    /// fingerprint of a finding
    #[arg(long = "covers", value_name = "WHAT")]
    covers: Vec<String>,
    /// The file's name without `.md`, instead of one from its first words
    #[arg(long, value_name = "NAME")]
    name: Option<String>,
}

fn kind(text: &str) -> Result<Kind, String> {
    word(text, "kinds", &Kind::ALL, Kind::name)
}

fn level(text: &str) -> Result<Level, String> {
    // A change file cannot lower a version, so nothing is no level.
    word(text, "levels", &Level::ALL[1..], Level::name)
}

/// The file that was written.
#[derive(Serialize)]
struct Written {
    file: String,
    text: String,
}

impl Write {
    pub(super) fn run(self, shell: &Shell) -> Result<Exit, Failure> {
        let loaded = settings_if_any(shell)?;
        let root = match &loaded {
            Some(loaded) => loaded.source.path.parent().map(Path::to_owned),
            None => {
                let history = History::discover(&shell.folder)?;
                let top = history.work_tree();
                Some(top.ok_or_else(|| errors::no_work_tree(history.git_dir()))?)
            }
        };
        let root = root.unwrap_or_else(|| shell.folder.clone());
        let folder = match &loaded {
            Some(loaded) => loaded.settings.changelog.entries.clone(),
            None => PathBuf::from(FOLDER),
        };
        let components = self.components.iter().map(|name| {
            let known = loaded.as_ref().map(|it| &it.settings.components);
            let mut known = known.into_iter().flatten().map(|it| &it.name);
            match known.find(|it| it.as_str() == name) {
                Some(name) => Ok(name.clone()),
                None => Err(Failure::from(errors::usage(format!(
                    "there is no component `{name}`"
                )))),
            }
        });
        let components: Vec<ComponentName> = components.collect::<Result<_, _>>()?;
        let top = History::discover(&root).ok().and_then(|it| it.work_tree());
        let top = top.unwrap_or_else(|| root.clone());
        for covered in &self.covers {
            if !entries::is_id(covered) && !top.join(covered).exists() {
                return Err(errors::covers_nothing(covered));
            }
        }
        let breaking = self.breaking.zip(self.upgrade);
        let notice = (self.deprecated_since.map(Notice::Since))
            .or(self.announced_by.map(Notice::By))
            .or(self.unannounced.map(Notice::Unannounced));
        let goes = self.removal.is_some() || self.not_before.is_some() || self.instead.is_some();
        let deprecation = goes.then_some(Deprecation {
            removal: self.removal,
            not_before: self.not_before,
            instead: self.instead,
        });
        let change = ChangeFile {
            slug: self.name.unwrap_or_else(|| entries::slug(&self.text)),
            kind: self.kind,
            components,
            level: match breaking {
                Some(_) => Some(Level::Major),
                None => self.level,
            },
            breaking: breaking.map(|(what, upgrade)| Breaking {
                what,
                upgrade,
                notice,
            }),
            deprecation,
            issues: self.issues,
            links: Vec::new(),
            covers: self.covers,
            text: self.text,
        };
        let (name, text) = (change.file_name(), change.print());
        let file = entries::shown(&folder, &name);
        // What cannot be read again must not be written.
        ChangeFile::parse(&name, text.as_bytes())
            .map_err(|wrong| errors::entry_unwritten(&file, &wrong))?;
        let path = root.join(&folder).join(&name);
        if path.exists() {
            return Err(errors::entry_there(&file));
        }
        let mut batch = Batch::default();
        batch.folder(root.join(&folder), 0o755);
        batch.create(&path, text.as_bytes(), 0o644);
        batch.write()?;
        shell.out.data(&Written { file, text });
        Ok(Exit::Ok)
    }
}

impl View for Written {
    const SCHEMA: &'static str = "switchback.version-entry/v1";

    fn human(&self, page: &mut Page) {
        page.add(Role::Good, "written")
            .line(&format!(" {}", self.file));
    }
}
