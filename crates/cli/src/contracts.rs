//! Contracts in two states of their files, and what somebody lets pass of their differences.

mod sql;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use switchback_supply::git::log::{EntryKind, History, ObjectId};
use switchback_version::contract::{
    self, Contract, Finding, LARGEST, LARGEST_WAIVERS, Options, Surface, Waived, Waiver, Waivers,
    diff_if_there,
};
use switchback_version::verdict;

use crate::context::{Context, path_in};
use crate::errors::{self, Failure};
use crate::settings::versions::ContractFile;

pub(crate) use self::sql::Dialects;

/// How files of Protobuf end.
const PROTO: &str = ".proto";
/// The most files of a folder that are read.
const MOST_FILES: usize = 20_000;

/// Files as they are, or as they were.
pub(crate) enum State<'h> {
    /// Those of a commit.
    Commit {
        /// Where it is.
        history: &'h History,
        /// The commit.
        commit: ObjectId,
    },
    /// Those on the disk below a folder. What a link leads out of it to is not read: a contract may
    /// come from anybody.
    Disk {
        /// The folder.
        top: PathBuf,
    },
}

impl State<'_> {
    /// The text of a file, by its path from the top with `/` between; none if there is no such file.
    fn text(&self, path: &str, most: usize) -> Result<Option<String>, Failure> {
        let unread = |why: String| errors::contract_unread(path, why);
        let bytes = match self {
            State::Commit { history, commit } => match history.read(*commit, path, most as u64)? {
                None => return Ok(None),
                Some(file) if file.kind == EntryKind::Symlink => {
                    return Err(unread("it is a link".to_owned()));
                }
                Some(file) => file.bytes,
            },
            State::Disk { top } => {
                let real = match top.join(path).canonicalize() {
                    Ok(real) => real,
                    Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
                    Err(error) => return Err(unread(error.to_string())),
                };
                if !top.canonicalize().is_ok_and(|top| real.starts_with(top)) {
                    return Err(unread(format!("it is outside of {}", top.display())));
                }
                let about = real.metadata().map_err(|error| unread(error.to_string()))?;
                if !about.is_file() {
                    return Err(unread("it is no file".to_owned()));
                }
                if about.len() > most as u64 {
                    return Err(unread(format!("it has more than {most} bytes")));
                }
                std::fs::read(&real).map_err(|error| unread(error.to_string()))?
            }
        };
        let text = String::from_utf8(bytes);
        text.map(Some)
            .map_err(|_| unread("it is no UTF-8".to_owned()))
    }

    /// The paths of the files below a folder that end so, from the top; none below hidden folders.
    fn below(&self, folder: &str, end: &str) -> Result<Vec<String>, Failure> {
        match self {
            State::Commit { history, commit } => {
                let all = history.list(*commit, folder)?;
                let paths = all.iter().filter(|it| it.kind != EntryKind::Submodule);
                let paths = paths.map(|it| String::from_utf8_lossy(&it.path).into_owned());
                Ok(paths.filter(|it| it.ends_with(end)).collect())
            }
            State::Disk { top } => {
                let unread =
                    |error: ignore::Error| errors::contract_unread(folder, error.to_string());
                let mut found = Vec::new();
                let walk = ignore::WalkBuilder::new(top.join(folder))
                    .standard_filters(false)
                    .hidden(true)
                    .build();
                for entry in walk {
                    let path = entry.map_err(unread)?.into_path();
                    let path = path.strip_prefix(top).ok().and_then(Path::to_str);
                    found.extend(path.filter(|it| it.ends_with(end)).map(str::to_owned));
                    if found.len() > MOST_FILES {
                        let why = format!("there are more than {MOST_FILES} files below it");
                        return Err(errors::contract_unread(folder, why));
                    }
                }
                Ok(found)
            }
        }
    }

    /// A contract with the files that it refers to, as far as they are there; none if it is not.
    fn contract(&self, path: &str, kind: Option<Surface>) -> Result<Option<Texts>, Failure> {
        let protobuf = path.ends_with(PROTO) || kind == Some(Surface::Protobuf);
        match protobuf || self.is_folder(path)? {
            true => self.protobuf(path),
            false => self.with_referred(path),
        }
    }

    /// Whether a path is that of SQL: by its name, or because that is what lies in the folder.
    pub(crate) fn is_sql(&self, path: &str) -> Result<bool, Failure> {
        if sql::is_named_sql(path) {
            return Ok(true);
        }
        let any = |end| Ok::<_, Failure>(!self.below(path, end)?.is_empty());
        Ok(self.is_folder(path)? && !any(PROTO)? && any(".sql")?)
    }

    /// Whether there is a file or a folder at a path.
    pub(crate) fn has(&self, path: &str) -> Result<bool, Failure> {
        match self {
            State::Commit { history, commit } => Ok(history.has(*commit, path)?),
            State::Disk { top } => Ok(top.join(path).exists()),
        }
    }

    fn is_folder(&self, path: &str) -> Result<bool, Failure> {
        match self {
            State::Commit { history, commit } => {
                let file = history.entry(*commit, path)?.is_some();
                Ok(!file && !history.list(*commit, path)?.is_empty())
            }
            State::Disk { top } => Ok(top.join(path).is_dir()),
        }
    }

    /// The `.proto` files of a folder; of a file all that it may import, for where imports are looked
    /// for is not said in it.
    fn protobuf(&self, path: &str) -> Result<Option<Texts>, Failure> {
        let is_folder = self.is_folder(path)?;
        let folder = if is_folder { path } else { "" };
        let mut files = Texts::new();
        for name in self.below(folder, PROTO)? {
            if let Some(text) = self.text(&name, LARGEST)? {
                files.insert(name, text);
            }
        }
        let there = match is_folder {
            true => !files.is_empty(),
            false => files.contains_key(path),
        };
        Ok(there.then_some(files))
    }

    fn with_referred(&self, path: &str) -> Result<Option<Texts>, Failure> {
        let Some(text) = self.text(path, LARGEST)? else {
            return Ok(None);
        };
        let mut files = BTreeMap::from([(path.to_owned(), text)]);
        let mut waiting = vec![path.to_owned()];
        while let Some(next) = waiting.pop() {
            // What cannot be read is said by the comparison, with its line.
            let referred = contract::referred(&next, &files[&next]).unwrap_or_default();
            for name in referred {
                if !files.contains_key(&name)
                    && let Some(text) = self.text(&name, LARGEST)?
                {
                    files.insert(name.clone(), text);
                    waiting.push(name);
                }
            }
        }
        Ok(Some(files))
    }

    /// What may pass, as a file of this state says; nothing if there is no such file.
    pub(crate) fn waivers(&self, path: &str) -> Result<Waivers, Failure> {
        match self.text(path, LARGEST_WAIVERS)? {
            None => Ok(Waivers::default()),
            Some(text) => Waivers::read(&text).map_err(|wrong| errors::waiver(path, &wrong)),
        }
    }
}

/// The texts of files by their paths.
type Texts = BTreeMap<String, String>;

/// Which contract is compared, and how.
#[derive(Clone, Default)]
pub(crate) struct Subject {
    /// What it is; as the file shows if that is not said.
    pub(crate) kind: Option<Surface>,
    /// Who reads what it describes.
    pub(crate) direction: Option<contract::Direction>,
    /// How stable its parts are.
    pub(crate) stability: Vec<(String, contract::Stability)>,
    /// What the settings say of SQL.
    pub(crate) dialects: Dialects,
}

impl From<&ContractFile> for Subject {
    fn from(file: &ContractFile) -> Self {
        Self {
            kind: file.kind,
            direction: file.direction,
            stability: file
                .stability
                .iter()
                .map(|(at, it)| (at.clone(), *it))
                .collect(),
            dialects: Dialects::default(),
        }
    }
}

/// What came of comparing a contract.
pub(crate) struct Compared {
    /// Its file, as it is called now.
    pub(crate) file: String,
    /// What it is.
    pub(crate) kind: Surface,
    /// By file, line and pointer.
    pub(crate) findings: Vec<Judged>,
    /// The texts that findings are in.
    texts: Texts,
}

/// A finding, and whether it may pass.
pub(crate) struct Judged {
    pub(crate) finding: Finding,
    /// Who lets it pass.
    pub(crate) waiver: Option<Waiver>,
    /// Who let it pass, for too short a time.
    pub(crate) expired: Option<Waiver>,
}

impl Compared {
    /// The text of a line, from 1; empty if there is none.
    pub(crate) fn line(&self, file: &str, line: usize) -> &str {
        let text = self.texts.get(file).map_or("", String::as_str);
        text.lines().nth(line.saturating_sub(1)).unwrap_or_default()
    }
}

impl Subject {
    /// What changed from a file in one state to a file in another; none if neither is there. `today`
    /// is `YYYY-MM-DD`.
    pub(crate) fn compare(
        &self,
        (old, old_path): (&State<'_>, &str),
        (new, new_path): (&State<'_>, &str),
        waivers: &Waivers,
        today: &str,
    ) -> Result<Option<Compared>, Failure> {
        let options = Options {
            direction: self.direction,
            today: Some(today),
            stability: &self.stability,
        };
        let is_sql = match self.kind {
            Some(kind) => kind == Surface::Sql,
            None => new.is_sql(new_path)? || old.is_sql(old_path)?,
        };
        let found = match is_sql {
            true => self.schemas((old, old_path), (new, new_path), &options)?,
            false => self.texts((old, old_path), (new, new_path), &options)?,
        };
        let Some((file, kind, findings, texts)) = found else {
            return Ok(None);
        };
        let judge = |finding: Finding| {
            let (waiver, expired) = match waivers.of(&finding, today) {
                Waived::No => (None, None),
                Waived::By(waiver) => (Some(waiver.clone()), None),
                Waived::Expired(waiver) => (None, Some(waiver.clone())),
            };
            Judged {
                finding,
                waiver,
                expired,
            }
        };
        Ok(Some(Compared {
            file: match file.as_str() {
                "" => ".".to_owned(),
                _ => file,
            },
            kind,
            findings: findings.into_iter().map(judge).collect(),
            texts,
        }))
    }

    /// Compares schemas of databases.
    fn schemas(
        &self,
        (old, old_path): (&State<'_>, &str),
        (new, new_path): (&State<'_>, &str),
        options: &Options<'_>,
    ) -> Result<Option<Found>, Failure> {
        let was = sql::read(old, old_path, &self.dialects)?;
        let is = sql::read(new, new_path, &self.dialects)?;
        let findings = contract::sql::diff_if_there(
            was.as_ref().map(|it| contract::sql::State {
                root: old_path,
                schema: &it.schema,
            }),
            is.as_ref().map(|it| contract::sql::State {
                root: new_path,
                schema: &it.schema,
            }),
            options,
        );
        Ok(match (was, is) {
            (_, Some(it)) => Some((new_path.to_owned(), Surface::Sql, findings, it.texts)),
            (Some(it), None) => Some((old_path.to_owned(), Surface::Sql, findings, it.texts)),
            (None, None) => None,
        })
    }

    /// Compares contracts that are texts.
    fn texts(
        &self,
        (old, old_path): (&State<'_>, &str),
        (new, new_path): (&State<'_>, &str),
        options: &Options<'_>,
    ) -> Result<Option<Found>, Failure> {
        let was = old.contract(old_path, self.kind)?;
        let is = new.contract(new_path, self.kind)?;
        let (path, texts) = match (&was, &is) {
            (_, Some(texts)) => (new_path, texts),
            (Some(texts), None) => (old_path, texts),
            (None, None) => return Ok(None),
        };
        let unreadable =
            |error: contract::Unreadable| errors::contract_unread(path, error.to_string());
        let kind = match self.kind {
            Some(kind) => Some(kind),
            None => match texts.get(path) {
                Some(text) => Surface::of(path, text).map_err(unreadable)?,
                // A folder then.
                None => Some(Surface::Protobuf),
            },
        };
        let kind = kind.ok_or_else(|| errors::contract_of_no_kind(path))?;
        let texts = texts.clone();
        let findings = diff_if_there(
            kind,
            was.as_ref().map(|files| Contract {
                root: old_path,
                files,
            }),
            is.as_ref().map(|files| Contract {
                root: new_path,
                files,
            }),
            options,
        );
        let findings = findings.map_err(|error| {
            // The old one is named if it is the one that cannot be read.
            let old_is = was.as_ref().is_some_and(|files| {
                let old = Contract {
                    root: old_path,
                    files,
                };
                contract::diff(kind, old, old, options).is_err()
            });
            let path = if old_is { old_path } else { path };
            errors::contract_unread(path, error.to_string())
        })?;
        Ok(Some((path.to_owned(), kind, findings, texts)))
    }
}

/// A contract, what it is, what was found, and the texts that it is made of now.
type Found = (String, Surface, Vec<Finding>, Texts);

/// The contracts of a component from one state of a repository to another: those without a component
/// of their own belong to all. `top` is the repository's.
pub(crate) fn compare_all(
    context: &Context<'_>,
    component: Option<&str>,
    top: &Path,
    old: &State<'_>,
    new: &State<'_>,
) -> Result<(Vec<Compared>, Waivers), Failure> {
    let settings = &context.settings().contracts;
    let named = |path: &Path, setting: &str| {
        let path = context.path(path);
        path_in(top, &path).ok_or_else(|| errors::outside_of_repository(&path, top, setting))
    };
    let waivers = new.waivers(&named(&settings.waivers, "contracts.waivers")?)?;
    let today = context.shell.clock.now().day();
    let dialects = Dialects::of(&context.loaded, top);
    let mut all = Vec::new();
    for file in &settings.files {
        let keeper = file.component.as_ref().map(|it| it.as_str());
        if keeper.is_some() && component.is_some() && keeper != component {
            continue;
        }
        let path = named(&file.path, "contracts.file.path")?;
        let subject = Subject {
            dialects: dialects.clone(),
            ..Subject::from(file)
        };
        let compared = subject.compare((old, &path), (new, &path), &waivers, &today)?;
        all.push(compared.ok_or_else(|| errors::no_contract(&path))?);
    }
    Ok((all, waivers))
}

/// What contracts say of the next version: what raises it, and what may pass.
pub(crate) fn claims(all: &[Compared]) -> (Vec<verdict::Claim>, Vec<verdict::Waived>) {
    let (mut claims, mut waived) = (Vec::new(), Vec::new());
    let sure = |it: &&Judged| it.finding.certainty > contract::Certainty::CannotTell;
    for judged in all.iter().flat_map(|it| &it.findings).filter(sure) {
        let claim = verdict::Claim::from(&judged.finding);
        match &judged.waiver {
            Some(waiver) => waived.push(verdict::Waived {
                claim,
                waiver: waiver.clone(),
            }),
            None => claims.push(claim),
        }
    }
    (claims, waived)
}
