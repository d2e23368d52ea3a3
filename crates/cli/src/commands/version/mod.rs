//! `switchback version`: what the next version has to be, and why.

mod audit;
mod entry;
mod judge;
mod view;

use std::path::{Path, PathBuf};

use clap::{Args, Subcommand};
use semver::Version;
use switchback_diag::Exit;
use switchback_model::ComponentName;
use switchback_supply::git::log::{History, Tags};
use switchback_version::Policy;
use switchback_version::tag::TagPattern;
use switchback_version::verdict::{Decision, Wish};

pub(crate) use view::known_by;

use crate::context::{Context, path_in, settings_if_any};
use crate::errors::{self, Failure};
use crate::settings::types::Component;
use crate::settings::versions::Platform;
use crate::shell::Shell;
use crate::versions::{Line, word};

use judge::Bench;
pub(crate) use judge::Judged;

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
    Entry(Box<entry::Write>),
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

/// How the repository is called where it is no component.
const WHOLE: &str = "the next release";

/// Of which component.
#[derive(Debug, Default, Args)]
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
                    name: WHOLE.to_owned(),
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
        let mut subject = Subject::of(&context, component);
        if self.tags.is_some() {
            subject.tags.clone_from(&self.tags);
        }
        Ok(subject)
    }
}

impl Subject {
    /// A component of the settings.
    pub(crate) fn of(context: &Context<'_>, component: &Component) -> Self {
        let only = context.settings().components.len() == 1;
        let tags = context.settings().tags(component);
        Self {
            name: component.name.to_string(),
            component: Some(component.name.clone()),
            policy: context.settings().version.clone(),
            tags,
            path: context.path(&component.path),
            folder: context.root.clone(),
            named: !only,
        }
    }

    /// The platform: what its version is counted from is in the whole repository.
    pub(crate) fn of_platform(context: &Context<'_>, platform: &Platform) -> Self {
        let mut policy = context.settings().version.clone();
        if let Some(first) = &platform.first {
            policy.first.clone_from(first);
        }
        Self {
            name: platform.name.to_string(),
            component: None,
            policy,
            tags: Some(platform.tags()),
            folder: context.root.clone(),
            path: PathBuf::new(),
            named: false,
        }
    }

    /// It and the other members of its group, in the order of the settings, and its place among them.
    fn with_its_group(self, shell: &Shell) -> Result<(Vec<Self>, usize), Failure> {
        let group = self.component.as_ref().and_then(|it| self.policy.group(it));
        let Some(group) = group else {
            return Ok((vec![self], 0));
        };
        let context = Context::load(shell)?;
        let all = context.settings().components.iter();
        let members = all.filter(|it| group.components.contains(&it.name));
        let mut members: Vec<Self> = members.map(|it| Self::of(&context, it)).collect();
        let place = members.iter().position(|it| it.name == self.name);
        let place = place.unwrap_or_default();
        if let Some(mine) = members.get_mut(place) {
            // What was said of its tags stays said.
            *mine = self;
        }
        Ok((members, place))
    }

    /// How a release is called in what is kept: by its version, and by its component if it is one of a
    /// component.
    pub(crate) fn release(&self, version: &Version) -> String {
        match self.name.as_str() {
            WHOLE => version.to_string(),
            name => format!("{name} {version}"),
        }
    }

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
        self.line_with(history, &history.tags()?)
    }

    /// The same, with the tags that the repository has.
    pub(crate) fn line_with<'h>(
        &self,
        history: &'h History,
        tags: &Tags,
    ) -> Result<Line<'h>, Failure> {
        let folder = match history.work_tree() {
            Some(top) => self.folder_in(&top)?,
            None => String::new(),
        };
        let pattern = match &self.tags {
            Some(pattern) => pattern.clone(),
            None => TagPattern::guessed(tags.all().iter().map(|it| it.name.as_str())),
        };
        Ok(Line::of(history, tags, pattern, &folder)?)
    }

    /// Every component of the settings, in their order; the repository without any.
    pub(crate) fn all(shell: &Shell) -> Result<Vec<Self>, Failure> {
        match settings_if_any(shell)? {
            Some(loaded) if !loaded.settings.components.is_empty() => {
                let context = Context::load(shell)?;
                let all = context.settings().components.iter();
                Ok(all.map(|it| Self::of(&context, it)).collect())
            }
            _ => Ok(vec![Of::default().subject(shell)?]),
        }
    }

    /// The command that asks about it.
    fn command(&self) -> String {
        self.with("switchback version")
    }

    /// A command about it.
    pub(crate) fn with(&self, command: &str) -> String {
        match self.named {
            true => format!("{command} --component {}", self.name),
            false => command.to_owned(),
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

impl Next {
    fn run(self, shell: &Shell) -> Result<Exit, Failure> {
        let (mut all, named) = self.judge(shell)?;
        all.swap_remove(named).show(shell)
    }

    /// What it is asked about, and the other members of its group; and its place among them.
    fn judge(self, shell: &Shell) -> Result<(Vec<Judged>, usize), Failure> {
        let wish = Wish {
            version: self.propose.as_deref().map(version).transpose()?,
            channel: self.pre.clone(),
        };
        if let Some(channel) = &self.pre {
            check_channel(channel)?;
        }
        let subject = self.of.subject(shell)?;
        let (subjects, named) = subject.with_its_group(shell)?;
        let bench = Bench {
            shell,
            subjects,
            named: Some(named),
            since: self.since.as_deref(),
            commit: &self.commit,
            below: None,
            as_hotfix: self.as_hotfix,
        };
        Ok((bench.judge(&wish)?, named))
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

/// That a channel is made of identifiers of SemVer, the last of which is no number: that would be the
/// number of the pre-release.
fn check_channel(channel: &str) -> Result<(), Failure> {
    let last = channel.rsplit('.').next().unwrap_or_default();
    let is_number = !last.is_empty() && last.bytes().all(|it| it.is_ascii_digit());
    match semver::Prerelease::new(channel) {
        Ok(it) if !it.is_empty() && !is_number => Ok(()),
        _ => Err(errors::wrong_channel(channel)),
    }
}

/// A version from the command line.
pub(crate) fn version(text: &str) -> Result<semver::Version, Failure> {
    text.parse()
        .map_err(|error| errors::wrong_version(text, &error))
}
