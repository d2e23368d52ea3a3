//! `switchback contract diff`: two states of contracts beside each other.

use std::path::{Path, PathBuf};

use clap::Args;
use switchback_diag::Exit;
use switchback_supply::git::log::{History, ObjectId};
use switchback_version::Level;
use switchback_version::contract::{Direction, Surface, Waivers};
use switchback_version::tag::base;

use super::view;
use crate::args::word;
use crate::commands::version::Of;
use crate::context::{Context, path_in, settings_if_any};
use crate::contracts::{Compared, Dialects, State, Subject, compare_all};
use crate::errors::{self, Failure};
use crate::shell::Shell;
use crate::versions::Ancestry;

/// Compare two states of contracts, and say what clients see
///
/// OLD and NEW are files, files of a revision (`v1.2.0:api.yaml`), or revisions. Two revisions compare
/// the contracts that the settings name; a revision and a file compare that file.
#[derive(Debug, Args)]
pub(crate) struct Diff {
    /// What was; the last release if nothing is said
    old: Option<String>,
    /// What is; the files of the folder if nothing is said
    new: Option<String>,
    #[command(flatten)]
    of: Of,
    /// What the contract is, instead of what the file shows
    #[arg(long, value_name = "KIND", value_parser = surface)]
    kind: Option<Surface>,
    /// Who reads what a schema describes: `we-read`, `others-read` or `both`
    #[arg(long, value_name = "WHO", value_parser = direction)]
    direction: Option<Direction>,
    /// The file with what may pass for a while, instead of the one that the settings name
    #[arg(long, value_name = "FILE")]
    waivers: Option<PathBuf>,
    /// From which level on it fails: `major`, `minor`, `patch`, or `none` for never
    #[arg(long, value_name = "LEVEL", default_value = "major", value_parser = level)]
    fail_on: Level,
}

/// A kind of contract by its word.
pub(super) fn surface(text: &str) -> Result<Surface, String> {
    word(text, "kinds", &Surface::ALL, Surface::word)
}

fn direction(text: &str) -> Result<Direction, String> {
    word(text, "directions", &Direction::ALL, Direction::word)
}

fn level(text: &str) -> Result<Level, String> {
    word(text, "levels", &Level::ALL, Level::name)
}

/// One of both sides.
enum Side {
    /// A file on the disk, a folder, or a pattern of files.
    File(PathBuf),
    /// A file of a revision, by its path from the top of the repository.
    At { revision: String, path: String },
    /// A revision.
    Revision(String),
}

impl Side {
    fn of(text: &str, folder: &Path) -> Result<Self, Failure> {
        let file = folder.join(text);
        // No revision has these characters in its name.
        let pattern = text.contains(['*', '?', '[']) && !text.contains([':', '^', '~', '@']);
        if file.exists() || pattern {
            return Ok(Self::File(file));
        }
        let Some((revision, path)) = text.split_once(':').filter(|it| !it.0.is_empty()) else {
            return Ok(Self::Revision(text.to_owned()));
        };
        // As Git has it: from the top, unless it begins with where we are.
        let path = match path.strip_prefix("./") {
            Some(path) => Place::of(&folder.join(path), folder)?.path,
            None => path.to_owned(),
        };
        Ok(Self::At {
            revision: revision.to_owned(),
            path,
        })
    }
}

/// A file on the disk, as Git would name it.
struct Place {
    top: PathBuf,
    path: String,
}

impl Place {
    /// Outside of a repository it is named from the folder that we are in, and outside of that from
    /// its own.
    fn of(file: &Path, folder: &Path) -> Result<Self, Failure> {
        // What a pattern stands in need not be there.
        let mut around = file.ancestors().skip(1);
        let own = around.find(|it| it.is_dir()).unwrap_or(folder);
        let repository = History::discover(own).ok().and_then(|it| it.work_tree());
        let tops = repository
            .into_iter()
            .chain([folder.to_owned(), own.to_owned()]);
        let mut found = tops.filter_map(|top| path_in(&top, file).map(|path| Self { top, path }));
        found.next().ok_or_else(|| {
            errors::contract_unread(
                &file.to_string_lossy(),
                "it leads outside of its folder, or its name is no text".to_owned(),
            )
        })
    }
}

/// A file in a state.
struct End<'h> {
    state: State<'h>,
    path: String,
}

impl Diff {
    pub(super) fn run(self, shell: &Shell) -> Result<Exit, Failure> {
        let side = |text: &Option<String>| {
            let text = text.as_deref();
            text.map(|it| Side::of(it, &shell.folder)).transpose()
        };
        let (old, new) = (side(&self.old)?, side(&self.new)?);
        let (contracts, waivers) = match (&old, &new) {
            (None, _) | (Some(Side::Revision(_)), None | Some(Side::Revision(_))) => {
                self.all(shell)?
            }
            (Some(old), new) => self.one(shell, old, new.as_ref())?,
        };
        let shown = view::Shown::new(
            (self.old.as_deref(), self.new.as_deref()),
            &contracts,
            &waivers,
            self.fail_on,
        );
        view::show(&shown, &contracts, shell)
    }

    /// The contracts that the settings name, between two revisions.
    fn all(&self, shell: &Shell) -> Result<(Vec<Compared>, Waivers), Failure> {
        let alone = [
            ("--kind", self.kind.is_some()),
            ("--direction", self.direction.is_some()),
            ("--waivers", self.waivers.is_some()),
        ];
        if let Some((flag, _)) = alone.into_iter().find(|it| it.1) {
            let why = "the settings say it for each; name a file to say it here";
            return Err(errors::not_together(
                flag,
                "the contracts of the settings",
                why,
            ));
        }
        let context = Context::load(shell)?;
        if context.settings().contracts.files.is_empty() {
            return Err(errors::no_contracts(&context.loaded.source.path));
        }
        let history = History::discover(&context.root)?;
        let top = history.work_tree().unwrap_or_else(|| context.root.clone());
        let (old, component) = match &self.old {
            Some(old) => {
                let component = self.of.named(&context)?;
                (history.resolve(old)?, component)
            }
            None => {
                let subject = self.of.subject(shell)?;
                let line = subject.line(&history)?;
                let found = base(&line.tags, history.head()?, &mut Ancestry(&history))?;
                let found = found.ok_or_else(|| errors::no_release(&subject.name))?;
                (found.commit, Some(subject.name))
            }
        };
        let old = State::Commit {
            history: &history,
            commit: old,
        };
        let new = match &self.new {
            Some(new) => State::Commit {
                history: &history,
                commit: history.resolve(new)?,
            },
            None => State::Disk { top: top.clone() },
        };
        compare_all(&context, component.as_deref(), &top, &old, &new)
    }

    /// One contract in two files.
    fn one(
        &self,
        shell: &Shell,
        old: &Side,
        new: Option<&Side>,
    ) -> Result<(Vec<Compared>, Waivers), Failure> {
        let both = [Some(old), new];
        let history = match both.iter().any(|it| !matches!(it, Some(Side::File(_)))) {
            true => Some(History::discover(&shell.folder)?),
            false => None,
        };
        let history = history.as_ref();
        let old_end = end(shell, history, old, new)?;
        let new_end = match new {
            Some(new) => end(shell, history, new, Some(old))?,
            None => match (old, history.and_then(History::work_tree)) {
                (Side::At { path, .. }, Some(top)) => End {
                    state: State::Disk { top },
                    path: path.clone(),
                },
                _ => {
                    let alone = self.old.as_deref().unwrap_or("FILE");
                    return Err(errors::one_contract_alone(alone));
                }
            },
        };
        let waivers = match &self.waivers {
            Some(file) => {
                let place = Place::of(&shell.folder.join(file), &shell.folder)?;
                State::Disk { top: place.top }.waivers(&place.path)?
            }
            None => Waivers::default(),
        };
        let is_sql = match self.kind {
            Some(kind) => kind == Surface::Sql,
            None => [&old_end, &new_end].into_iter().any(End::is_sql),
        };
        // Only the SQL of a file needs settings to be understood.
        let dialects = match is_sql {
            true => dialects(shell, &new_end)?,
            false => Dialects::default(),
        };
        // What is in neither is said with both.
        let there = (old_end.is_there()?, new_end.is_there()?);
        for (side, is_there) in [(Some(old), there.0), (new, there.1)] {
            if let Some(Side::At { revision, path }) = side
                && there.0 != there.1
                && !is_there
            {
                return Err(errors::no_contract_at(revision, path));
            }
        }
        let subject = Subject {
            kind: self.kind,
            direction: self.direction,
            stability: Vec::new(),
            dialects,
        };
        let compared = subject.compare(
            (&old_end.state, &old_end.path),
            (&new_end.state, &new_end.path),
            &waivers,
            &shell.clock.now().day(),
        )?;
        let compared = compared.ok_or_else(|| errors::no_contract(&new_end.path))?;
        Ok((vec![compared], waivers))
    }
}

impl End<'_> {
    /// Whether something is there. What a pattern stands for may be nothing.
    fn is_there(&self) -> Result<bool, Failure> {
        Ok(self.path.contains(['*', '?', '[']) || self.state.has(&self.path)?)
    }

    fn is_sql(&self) -> bool {
        // What cannot be read is said by who reads it.
        self.state.is_sql(&self.path).unwrap_or_default()
    }
}

/// What the settings say of SQL, if there are any.
fn dialects(shell: &Shell, end: &End<'_>) -> Result<Dialects, Failure> {
    let Some(loaded) = settings_if_any(shell)? else {
        return Ok(Dialects::default());
    };
    let top = match &end.state {
        State::Disk { top } => top.clone(),
        State::Commit { history, .. } => {
            let top = history.work_tree();
            top.unwrap_or_else(|| shell.folder.clone())
        }
    };
    Ok(Dialects::of(&loaded, &top))
}

/// What a side is; a revision alone means the file of the other side.
fn end<'h>(
    shell: &Shell,
    history: Option<&'h History>,
    side: &Side,
    other: Option<&Side>,
) -> Result<End<'h>, Failure> {
    let at = |revision: &str, path: String| {
        let Some(history) = history else {
            return Err(errors::internal("no history", "resolving a revision"));
        };
        let commit: ObjectId = history
            .resolve(revision)
            .map_err(|error| errors::no_file_or_revision(revision, error))?;
        Ok(End {
            state: State::Commit { history, commit },
            path,
        })
    };
    match (side, other) {
        (Side::File(file), _) => {
            let Place { top, path } = Place::of(file, &shell.folder)?;
            Ok(End {
                state: State::Disk { top },
                path,
            })
        }
        (Side::At { revision, path }, _) => at(revision, path.clone()),
        (Side::Revision(revision), Some(Side::File(file))) => {
            at(revision, Place::of(file, &shell.folder)?.path)
        }
        (Side::Revision(revision), Some(Side::At { path, .. })) => at(revision, path.clone()),
        (Side::Revision(revision), _) => Err(errors::one_contract_alone(revision)),
    }
}
