//! `switchback version`: what the next version has to be, and why.

mod audit;
mod entry;
mod view;

use std::path::{Path, PathBuf};

use clap::{Args, Subcommand};
use switchback_diag::Exit;
use switchback_model::ComponentName;
use switchback_supply::git::log::{History, ObjectId};
use switchback_version::hotfix::{self, Hotfix, KnownBy};
use switchback_version::tag::{TagPattern, Tagged, base};
use switchback_version::verdict::{Claim, Commit, Decision, Known, Waived, Wish};
use switchback_version::{Policy, Verdict};

pub(crate) use view::known_by;

use crate::context::{Context, path_in, settings_if_any};
use crate::contracts::{self, State, compare_all};
use crate::entries::{self, Entry};
use crate::errors::{self, Failure};
use crate::shell::Shell;
use crate::versions::{Ancestry, Line, word};

/// Say what the next version has to be, and why
#[derive(Debug, Args)]
#[command(args_conflicts_with_subcommands = true)]
pub(crate) struct VersionCommand {
    #[command(subcommand)]
    other: Option<Other>,
    #[command(flatten)]
    next: Next,
}

/// What else can be asked about versions.
#[derive(Debug, Subcommand)]
enum Other {
    /// Hold published tags against what the commits before them say
    Audit(audit::Audit),
    /// Write down what a change is to users, for the changelog and the notes
    Entry(entry::Write),
}

/// What the next version has to be.
#[derive(Debug, Args)]
struct Next {
    #[command(flatten)]
    of: Of,
    /// Judge this version instead of the lowest that is allowed
    #[arg(long, value_name = "VERSION")]
    propose: Option<String>,
    /// Make it a pre-release in this channel, such as `rc` for 1.2.0-rc.1
    #[arg(long, value_name = "CHANNEL")]
    pre: Option<String>,
    /// Count from this tag instead of the last release
    #[arg(long, value_name = "TAG")]
    since: Option<String>,
    /// The commit that it would be made from: any name that Git knows
    #[arg(long, default_value = "HEAD", value_name = "REVISION")]
    commit: String,
    /// Whether it is judged as a hotfix, whatever shows that it is one.
    #[arg(skip)]
    as_hotfix: bool,
}

/// Of which component.
#[derive(Debug, Args)]
pub(crate) struct Of {
    /// The component; may be left out if there is only one
    #[arg(long, value_name = "NAME")]
    component: Option<String>,
    /// How its release tags are called, such as `v{version}`, instead of what the settings say
    #[arg(long, value_name = "PATTERN")]
    tags: Option<TagPattern>,
}

/// A component and its rules.
pub(crate) struct Subject {
    pub(crate) name: String,
    /// The component; none for the repository as a whole.
    pub(crate) component: Option<ComponentName>,
    pub(crate) policy: Policy,
    /// How its tags are called, where that is said or several components have some.
    tags: Option<TagPattern>,
    /// The folder to look for the repository from.
    pub(crate) folder: PathBuf,
    /// The folder with its files; empty for the whole repository.
    pub(crate) path: PathBuf,
    /// Whether it has to be named.
    pub(crate) named: bool,
}

impl Of {
    /// The arguments, as they have to be typed in another command; with a blank before them, or empty.
    pub(crate) fn typed(&self) -> String {
        let mut typed = String::new();
        let tags = self.tags.as_ref().map(ToString::to_string);
        for (name, value) in [("component", self.component.clone()), ("tags", tags)] {
            if let Some(value) = value {
                typed.push_str(&format!(" --{name} {}", word(&value)));
            }
        }
        typed
    }

    /// The component that was named, checked; none if none was.
    pub(crate) fn named(&self, context: &Context<'_>) -> Result<Option<String>, Failure> {
        match self.component.as_deref() {
            None => Ok(None),
            some => Ok(Some(context.component(some)?.name.to_string())),
        }
    }

    /// The component. Without settings it is the repository.
    pub(crate) fn subject(&self, shell: &Shell) -> Result<Subject, Failure> {
        let name = self.component.as_deref();
        if name.is_none() {
            let loaded = settings_if_any(shell)?;
            if loaded
                .as_ref()
                .is_none_or(|it| it.settings.components.is_empty())
            {
                let policy = loaded.map(|it| it.settings.version);
                return Ok(Subject {
                    name: "the next release".to_owned(),
                    component: None,
                    policy: policy.unwrap_or_default(),
                    tags: self.tags.clone(),
                    folder: shell.folder.clone(),
                    path: PathBuf::new(),
                    named: false,
                });
            }
        }
        let context = Context::load(shell)?;
        let component = context.component(name)?;
        let only = context.settings().components.len() == 1;
        let tags = match self.tags.as_ref().or(component.tags.as_ref()) {
            Some(tags) => Some(tags.clone()),
            None if only => None,
            None => Some(TagPattern::of(component.name.as_str())),
        };
        Ok(Subject {
            name: component.name.to_string(),
            component: Some(component.name.clone()),
            policy: context.settings().version.clone(),
            tags,
            path: context.path(&component.path),
            folder: context.root.clone(),
            named: !only,
        })
    }
}

impl Subject {
    pub(crate) fn history(&self) -> Result<History, Failure> {
        Ok(History::discover(&self.folder)?)
    }

    /// The folder with its files, from the top of a work tree, as Git names it; empty for the top.
    pub(crate) fn folder_in(&self, top: &Path) -> Result<String, Failure> {
        if self.path == Path::new("") {
            return Ok(String::new());
        }
        path_in(top, &self.path)
            .ok_or_else(|| errors::outside_of_repository(&self.path, top, "components.path"))
    }

    pub(crate) fn line<'h>(&self, history: &'h History) -> Result<Line<'h>, Failure> {
        let folder = match history.work_tree() {
            Some(top) => self.folder_in(&top)?,
            None => String::new(),
        };
        let tags = history.tags()?;
        let pattern = match &self.tags {
            Some(pattern) => pattern.clone(),
            None => TagPattern::guessed(tags.all().iter().map(|it| it.name.as_str())),
        };
        Ok(Line::of(history, &tags, pattern, &folder)?)
    }

    /// The command that asks about it.
    fn command(&self) -> String {
        match self.named {
            true => format!("switchback version --component {}", self.name),
            false => "switchback version".to_owned(),
        }
    }
}

impl VersionCommand {
    /// Runs the command.
    pub(crate) fn run(self, shell: &Shell) -> Result<Exit, Failure> {
        match self.other {
            Some(Other::Audit(audit)) => audit.run(shell),
            Some(Other::Entry(entry)) => entry.run(shell),
            None => self.next.run(shell),
        }
    }
}

/// What is known of the next version.
pub(crate) struct Judged {
    pub(crate) subject: Subject,
    pub(crate) verdict: Verdict,
    /// The commit that it would be made from.
    pub(crate) head: ObjectId,
    /// How its tags are called.
    pub(crate) pattern: TagPattern,
    /// Its release tags, in no order.
    pub(crate) tags: Vec<Tagged<ObjectId>>,
    /// The release that it is counted from.
    pub(crate) base: Option<Tagged<ObjectId>>,
    /// The commits since then that touch the component, the newest first.
    pub(crate) commits: Vec<Commit>,
    /// The change files about it that no release had.
    pub(crate) entries: Vec<Entry>,
    /// What change files and contracts say.
    pub(crate) claims: Vec<Claim>,
    /// The release that what is checked out keeps alive, if it does.
    pub(crate) hotfix: Option<Hotfix>,
}

/// What is said beside the commits.
struct Beside {
    /// What raises the version.
    claims: Vec<Claim>,
    /// What may pass.
    waived: Vec<Waived>,
    entries: Vec<Entry>,
}

impl Judged {
    /// The next version from what is checked out.
    pub(crate) fn of(
        shell: &Shell,
        of: Of,
        propose: Option<String>,
        pre: Option<String>,
    ) -> Result<Self, Failure> {
        let next = Next {
            of,
            propose,
            pre,
            since: None,
            commit: "HEAD".to_owned(),
            as_hotfix: false,
        };
        next.judge(shell)
    }

    /// A release that has its tag already, as it was judged when no higher one was there, with its
    /// version.
    pub(crate) fn released(
        shell: &Shell,
        of: Of,
        tag: &str,
    ) -> Result<(Self, semver::Version), Failure> {
        let next = Next {
            of,
            propose: None,
            pre: None,
            since: None,
            commit: "HEAD".to_owned(),
            as_hotfix: false,
        };
        let subject = next.of.subject(shell)?;
        let history = subject.history()?;
        let mut line = subject.line(&history)?;
        let Some(released) = line.tags.iter().find(|it| it.tag == tag).cloned() else {
            return Err(errors::no_such_tag(tag, &line.pattern.to_string()));
        };
        line.tags.retain(|it| it.version < released.version);
        let judged = next.judge_at(shell, subject, &history, line, released.commit)?;
        Ok((judged, released.version))
    }

    /// The next version from a commit, judged as a hotfix.
    pub(crate) fn as_hotfix(shell: &Shell, of: Of, commit: String) -> Result<Self, Failure> {
        let next = Next {
            of,
            propose: None,
            pre: None,
            since: None,
            commit,
            as_hotfix: true,
        };
        next.judge(shell)
    }

    /// Why there is no next version; none where there is one, or nothing has to be released.
    pub(crate) fn failure(&self) -> Option<Failure> {
        errors::no_version(&self.subject.name, &self.verdict, &self.subject.command())
    }

    /// Shows it.
    pub(crate) fn show(self, shell: &Shell) -> Result<Exit, Failure> {
        let failure = self.failure();
        let nothing = self.verdict.decision == Decision::Nothing;
        shell.out.data(&view(self));
        match failure {
            Some(failure) => Err(failure),
            None if nothing => Ok(Exit::NothingToDo),
            None => Ok(Exit::Ok),
        }
    }
}

impl Next {
    fn run(self, shell: &Shell) -> Result<Exit, Failure> {
        self.judge(shell)?.show(shell)
    }

    fn judge(self, shell: &Shell) -> Result<Judged, Failure> {
        let subject = self.of.subject(shell)?;
        let history = subject.history()?;
        let line = subject.line(&history)?;
        let head = history.resolve(&self.commit)?;
        self.judge_at(shell, subject, &history, line, head)
    }

    fn judge_at(
        &self,
        shell: &Shell,
        subject: Subject,
        history: &History,
        line: Line<'_>,
        head: ObjectId,
    ) -> Result<Judged, Failure> {
        let wish = Wish {
            version: self.propose.as_deref().map(version).transpose()?,
            channel: self.pre.clone(),
        };
        if let Some(channel) = &self.pre {
            // A channel has to be an identifier of SemVer that is no number.
            version(&format!("1.0.0-{channel}.1"))?;
        }
        let found = self.base(&line, history, head)?.cloned();
        let since = found.as_ref().map(|it| it.commit);
        let commits = line.commits(since, head)?;
        let hotfix = self.hotfix(&line, history, head, &subject.policy, found.as_ref())?;
        let taken = match &hotfix {
            Some(it) => hotfix::taken(&line.tags, &it.of.version, head, &mut Ancestry(history))?,
            None => line.tags.iter().map(|it| it.version.clone()).collect(),
        };
        let base = found.as_ref().map(Tagged::base);
        let beside = self.beside(shell, &subject, history, (since, head))?;
        let known = Known {
            base: base.as_ref(),
            commits: &commits,
            claims: &beside.claims,
            waived: &beside.waived,
            taken: &taken,
        };
        let verdict = match &hotfix {
            Some(hotfix) => hotfix.verdict(&subject.policy, &known, &wish),
            None => subject.policy.verdict(&known, &wish),
        };
        Ok(Judged {
            subject,
            verdict,
            head,
            pattern: line.pattern,
            tags: line.tags,
            base: found,
            commits,
            entries: beside.entries,
            claims: beside.claims,
            hotfix,
        })
    }

    /// The line of a commit, counted from a release, if it keeps that alive.
    fn hotfix(
        &self,
        line: &Line<'_>,
        history: &History,
        head: ObjectId,
        policy: &Policy,
        of: Option<&Tagged<ObjectId>>,
    ) -> Result<Option<Hotfix>, Failure> {
        let Some(of) = of else { return Ok(None) };
        let above = hotfix::above(&line.tags, &of.version, head, &mut Ancestry(history))?;
        let above = above.map(Tagged::base);
        if self.as_hotfix {
            return Ok(Some(Hotfix {
                of: of.base(),
                known_by: match above {
                    Some(_) => KnownBy::Release,
                    None => KnownBy::Said,
                },
                above,
            }));
        }
        let branch = match self.commit.as_str() {
            "HEAD" => history.head_branch()?,
            _ => None,
        };
        let rules = &policy.hotfix;
        Ok(Hotfix::of(
            of.base(),
            above,
            branch.as_deref(),
            rules,
            &line.pattern,
        ))
    }

    /// What change files and contracts say beside the commits, from one commit, or the beginning, to
    /// another.
    fn beside(
        &self,
        shell: &Shell,
        subject: &Subject,
        history: &History,
        (old, new): (Option<ObjectId>, ObjectId),
    ) -> Result<Beside, Failure> {
        let top = history
            .work_tree()
            .unwrap_or_else(|| subject.folder.clone());
        let loaded = settings_if_any(shell)?;
        let folder = match &loaded {
            Some(loaded) => subject.folder.join(&loaded.settings.changelog.entries),
            None => top.join(entries::FOLDER),
        };
        let folder = path_in(&top, &folder)
            .ok_or_else(|| errors::outside_of_repository(&folder, &top, "changelog.entries"))?;
        let mut entries = entries::since(history, &folder, old, new)?;
        if let Some(component) = &subject.component {
            entries.retain(|it| it.change.concerns(component));
        }
        let mut beside = Beside {
            claims: entries.iter().map(Claim::from).collect(),
            waived: Vec::new(),
            entries,
        };
        let Some(old) = old else {
            return Ok(beside);
        };
        if loaded.is_none_or(|it| it.settings.contracts.files.is_empty()) {
            return Ok(beside);
        }
        let context = Context::load(shell)?;
        let state = |commit| State::Commit { history, commit };
        let component = subject.component.as_ref().map(|it| it.as_str());
        let (compared, _) = compare_all(&context, component, &top, &state(old), &state(new))?;
        let (breaks, waived) = contracts::claims(&compared);
        beside.claims.extend(breaks);
        beside.waived = waived;
        Ok(beside)
    }

    /// The release that it is counted from.
    fn base<'l>(
        &self,
        line: &'l Line<'_>,
        history: &History,
        head: ObjectId,
    ) -> Result<Option<&'l Tagged<ObjectId>>, Failure> {
        let Some(tag) = &self.since else {
            return Ok(base(&line.tags, head, &mut Ancestry(history))?);
        };
        let found = line.tags.iter().find(|it| it.tag == *tag);
        match found {
            Some(found) => Ok(Some(found)),
            None => Err(errors::no_such_tag(tag, &line.pattern.to_string())),
        }
    }
}

fn view(judged: Judged) -> view::Next {
    view::Next {
        component: judged.subject.name,
        commit: judged.head.to_string(),
        tag: match &judged.verdict.decision {
            Decision::Release { version } => Some(judged.pattern.tag(version)),
            _ => None,
        },
        hotfix: judged.hotfix,
        verdict: judged.verdict,
    }
}

/// A version from the command line.
pub(crate) fn version(text: &str) -> Result<semver::Version, Failure> {
    text.parse()
        .map_err(|error| errors::wrong_version(text, &error))
}
