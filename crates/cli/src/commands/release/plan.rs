//! `switchback release plan`: which components would be released now, as which version, and why.

mod platform;

use clap::Args;
use semver::Version;
use serde::Serialize;
use switchback_diag::Exit;
use switchback_version::group::GroupKind;
use switchback_version::verdict::{Base, Decision, Evidence, Question, Reason, Refusal};
use switchback_version::{Level, Verdict};

use crate::commands::version::{Judged, Subject};
use crate::context::Context;
use crate::errors::Failure;
use crate::output::View;
use crate::page::{Cell, Page, Role};
use crate::shell::Shell;
use crate::versions::{commits, short, silent};

/// Show which components would be released now, as which version, and why
#[derive(Debug, Args)]
pub(crate) struct Show {
    /// Only this component; may be given several times
    #[arg(long, value_name = "NAME")]
    component: Vec<String>,
}

impl Show {
    pub(super) fn run(self, shell: &Shell) -> Result<Exit, Failure> {
        if !self.component.is_empty() {
            let context = Context::load(shell)?;
            for name in &self.component {
                context.component(Some(name))?;
            }
        }
        // Members of a group are judged by all of it, whichever are shown.
        let mut all = Judged::all(shell, Subject::all(shell)?)?;
        let mut platform = None;
        if self.component.is_empty() {
            platform = platform::Planned::of(shell, &all)?;
        } else {
            all.retain(|it| self.component.contains(&it.subject.name));
        }
        let view = PlanView {
            commit: all.first().map(|it| it.head.to_string()),
            components: all.iter().map(Planned::of).collect(),
            cuts: cuts(&all, platform.as_ref()),
            platform,
        };
        let released = !view.cuts.is_empty();
        shell.out.data(&view);
        let mut diagnostics = Vec::new();
        for (at, it) in all.iter().enumerate() {
            // Of a group it is said once.
            let same = |other: &Judged| group(other).is_some() && group(other) == group(it);
            let before = all.get(..at).unwrap_or_default();
            if !before.iter().any(|it| same(it) && it.failure().is_some()) {
                diagnostics.extend(it.failure().into_iter().flat_map(|it| it.diagnostics));
            }
        }
        match (diagnostics.is_empty(), released) {
            (false, _) => Err(Failure::many(diagnostics)),
            (true, true) => Ok(Exit::Ok),
            (true, false) => Ok(Exit::NothingToDo),
        }
    }
}

/// The group of a component.
fn group(judged: &Judged) -> Option<&str> {
    judged.verdict.group.as_ref().map(|it| it.name.as_str())
}

/// The commands that cut them: one for each component, one for each group, and then the platform's.
fn cuts(all: &[Judged], platform: Option<&platform::Planned>) -> Vec<Cutting> {
    let mut cuts: Vec<(Option<&str>, Cutting)> = Vec::new();
    for it in all {
        let Decision::Release { version } = &it.verdict.decision else {
            continue;
        };
        if it.unclear().is_some() {
            continue;
        }
        let tag = it.pattern.tag(version);
        let group = group(it);
        let same = cuts
            .iter_mut()
            .find(|(other, _)| group.is_some() && *other == group);
        match same {
            Some((_, cut)) => cut.tags.push(tag),
            None => {
                let command = it.subject.with("switchback release cut");
                let tags = vec![tag];
                cuts.push((group, Cutting { command, tags }));
            }
        }
    }
    let platform = platform.and_then(|it| it.tag.clone()).map(|tag| Cutting {
        command: platform::Planned::command().to_owned(),
        tags: vec![tag],
    });
    let components = cuts.into_iter().map(|(_, cut)| cut);
    components.chain(platform).collect()
}

/// Which components would be released.
#[derive(Serialize)]
struct PlanView {
    /// The commit that they would be made from.
    commit: Option<String>,
    /// The components, in the order of the settings.
    components: Vec<Planned>,
    /// What cuts them.
    cuts: Vec<Cutting>,
    /// The platform that they are, once they are cut; none where the settings name none, or some
    /// components were asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    platform: Option<platform::Planned>,
}

/// A command, and the tags that it makes.
#[derive(Serialize)]
struct Cutting {
    command: String,
    tags: Vec<String>,
}

/// A component, and what would become of it.
#[derive(Serialize)]
struct Planned {
    component: String,
    group: Option<Grouped>,
    /// Its last release.
    base: Option<Base>,
    decision: Word,
    /// The version that it would get.
    version: Option<Version>,
    /// How much the version has to rise.
    level: Level,
    /// The tag that it would get.
    tag: Option<String>,
    /// Why, or why not, in one sentence.
    why: String,
    /// What forces it most.
    reason: Option<Reason>,
    /// How many commits were looked at.
    commits: usize,
    /// What has to be answered first.
    questions: Vec<Question>,
}

/// The group of a component.
#[derive(Serialize)]
struct Grouped {
    name: String,
    kind: GroupKind,
}

/// What comes of a component, in a word.
#[derive(Clone, Copy, Serialize)]
#[serde(rename_all = "kebab-case")]
enum Word {
    Release,
    Nothing,
    Refused,
    Ask,
}

impl Planned {
    fn of(it: &Judged) -> Self {
        let verdict = &it.verdict;
        let unclear = it.unclear();
        let (decision, version) = match &verdict.decision {
            _ if unclear.is_some() => (Word::Refused, None),
            Decision::Release { version } => (Word::Release, Some(version.clone())),
            Decision::Nothing => (Word::Nothing, None),
            Decision::Refused { .. } => (Word::Refused, None),
            Decision::Ask => (Word::Ask, None),
        };
        let group = verdict.group.as_ref().map(|it| Grouped {
            name: it.name.clone(),
            kind: it.kind,
        });
        Self {
            component: it.subject.name.clone(),
            group,
            base: verdict.base.clone(),
            decision,
            level: verdict.level(),
            tag: version.as_ref().map(|version| it.pattern.tag(version)),
            version,
            why: match unclear.and_then(|it| it.diagnostics.into_iter().next()) {
                Some(found) => found.causes.first().unwrap_or(&found.message).clone(),
                None => why(verdict),
            },
            reason: verdict.reasons.first().cloned(),
            commits: verdict.commits,
            questions: verdict.questions.clone(),
        }
    }
}

/// Why a component is released, or why not, in one sentence.
fn why(verdict: &Verdict) -> String {
    match &verdict.decision {
        Decision::Release { version } => released(verdict, version),
        Decision::Nothing => nothing(verdict),
        Decision::Ask => match verdict.questions.split_first() {
            None => "somebody has to say what a commit means".to_owned(),
            Some((first, more)) => {
                let and = match more.len() {
                    0 => String::new(),
                    more => format!(", and {more} more"),
                };
                let id = short(&first.commit);
                format!("what {id} `{}` means has to be said{and}", first.subject)
            }
        },
        Decision::Refused { refusal } => {
            let asked = verdict.proposed.as_ref();
            let asked = match asked.map(|it| (&it.version, it.commit.as_deref())) {
                Some((version, Some(id))) => format!("{} asks for {version}, which", short(id)),
                Some((version, None)) => version.to_string(),
                None => "the version".to_owned(),
            };
            match refusal {
                Refusal::BelowFloor { floor } => {
                    format!("{asked} is lower than {floor}, which is forced")
                }
                Refusal::NotHigher { base } => format!("{asked} is not higher than {base}"),
                Refusal::Taken => format!("{asked} has a tag already"),
                Refusal::NotAFix { of, .. } => {
                    format!("a hotfix of {} brings more than fixes", of.tag)
                }
                Refusal::NotAPatch { of } => format!("{asked} is no patch of {}", of.tag),
                Refusal::AboveLater { later } => {
                    format!(
                        "{asked} is not below {}, which was released elsewhere",
                        later.tag
                    )
                }
            }
        }
    }
}

fn released(verdict: &Verdict, version: &Version) -> String {
    let asked = verdict.proposed.as_ref().and_then(|it| it.commit.as_ref());
    if let Some(id) = asked.filter(|_| verdict.floor.as_ref() != Some(version)) {
        return format!("{} asks for it with `Release-As:`", short(id));
    }
    match verdict.reasons.first() {
        Some(reason) if is_after(verdict) => {
            let claim = &reason.claim;
            match &claim.evidence {
                Evidence::Group { .. } => claim.sentence.clone(),
                evidence => format!("{} {}", evidence.place(), claim.sentence),
            }
        }
        _ => "there is no release yet, and the first one is what `version.first` says".to_owned(),
    }
}

/// Whether there is a release that it is counted from: its own, or one of its group.
fn is_after(verdict: &Verdict) -> bool {
    let group = verdict.group.as_ref();
    verdict.base.is_some() || group.is_some_and(|it| it.at.is_some())
}

fn nothing(verdict: &Verdict) -> String {
    let Some(base) = &verdict.base else {
        return "no commit touches it".to_owned();
    };
    let tag = &base.tag;
    match (verdict.commits, silent(verdict)) {
        (0, _) => format!("nothing since {tag} touches it"),
        // Merges have no type.
        (number, silent) if silent.is_empty() => {
            format!(
                "nothing since {tag} raises the version: {}",
                commits(number)
            )
        }
        (_, silent) => format!("nothing since {tag} raises the version: {silent}"),
    }
}

impl View for PlanView {
    const SCHEMA: &'static str = "switchback.release-plan/v1";

    fn about_bytes(&self) -> usize {
        512 + self.components.len() * 800
    }

    fn human(&self, page: &mut Page) {
        let grouped = self.components.iter().any(|it| it.group.is_some());
        let mut head = vec!["component", "current", "next", "level", "tag"];
        if grouped {
            head.push("group");
        }
        head.push("because");
        let rows: Vec<Vec<Cell>> = self.components.iter().map(|it| row(it, grouped)).collect();
        page.table(0, &head, &rows);
        if let Some(platform) = &self.platform {
            page.line(&platform.line());
        }
        match self.cuts.as_slice() {
            [] => page.end().line("nothing would be released"),
            cuts => {
                page.heading("cut them");
                for cut in cuts {
                    page.add(Role::Plain, "  ").add(Role::Command, &cut.command);
                    page.end();
                }
                page
            }
        };
    }
}

fn row(it: &Planned, grouped: bool) -> Vec<Cell> {
    let next = match (it.decision, &it.version) {
        (_, Some(version)) => Cell::new(Role::Good, version.to_string()),
        (Word::Refused, _) => Cell::new(Role::Bad, "refused"),
        (Word::Ask, _) => Cell::new(Role::Warning, "not decided"),
        _ => Cell::new(Role::Faint, "–"),
    };
    let level = match (it.decision, &it.base) {
        (Word::Nothing, _) => String::new(),
        (_, None) => "first".to_owned(),
        _ => it.level.name().to_owned(),
    };
    let role = match it.decision {
        Word::Nothing => Role::Faint,
        _ => Role::Plain,
    };
    let mut cells = vec![
        Cell::new(Role::Strong, it.component.clone()),
        Cell::from(
            it.base
                .as_ref()
                .map_or_else(|| "–".to_owned(), |base| base.version.to_string()),
        ),
        next,
        Cell::from(level),
        Cell::from(it.tag.clone().unwrap_or_default()),
    ];
    if grouped {
        let group = it.group.as_ref();
        cells.push(Cell::from(group.map_or_else(String::new, |it| {
            format!("{} ({})", it.name, it.kind.name())
        })));
    }
    // The group has a column of its own.
    let group = it.group.as_ref();
    let known = group.map(|it| format!("the {} group `{}` ", it.kind.name(), it.name));
    let why = known.and_then(|known| it.why.strip_prefix(&known));
    cells.push(Cell::new(role, why.unwrap_or(&it.why)));
    cells
}
