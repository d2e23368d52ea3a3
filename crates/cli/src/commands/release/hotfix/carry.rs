//! What the main line does not have of hotfixes.

use std::collections::{BTreeMap, HashSet};

use serde::Serialize;
use switchback_diag::Exit;
use switchback_supply::git::log::{Commit as LogCommit, History, HistoryError, ObjectId, Range};
use switchback_supply::git::{CommitId, MainLine, Repository};
use switchback_version::Policy;
use switchback_version::commit::Message;
use switchback_version::hotfix::carry::{Missing, is_release, missing};
use switchback_version::tag::Tagged;
use switchback_version::verdict::Commit;

use crate::commands::version::{Of, Subject};
use crate::errors::{self, Failure};
use crate::output::View;
use crate::page::{Cell, Page, Role};
use crate::shell::Shell;
use crate::versions::{Line, short, word};

/// Lists what the main line lacks.
pub(super) fn run(
    shell: &Shell,
    of: &Of,
    named: Option<&str>,
    to: Option<&str>,
    from: Option<&str>,
) -> Result<Exit, Failure> {
    let subject = of.subject(shell)?;
    let history = subject.history()?;
    let line = subject.line(&history)?;
    line.note(shell);
    line.check_whole()?;
    let repository = Repository::discover(&subject.folder)?;
    let main = match to {
        Some(to) => named_line(&repository, to)?,
        None => repository.main_line()?.ok_or_else(errors::no_main_line)?,
    };
    let desk = Desk {
        subject: &subject,
        history: &history,
        line: &line,
        repository: &repository,
    };
    let from = from.map(crate::commands::version::version).transpose()?;
    let mut tips = match named {
        Some(named) => match line.tags.iter().find(|it| it.tag == named) {
            Some(tagged) => vec![Tip::of(tagged)],
            None => vec![Tip {
                name: named.to_owned(),
                commit: history.resolve(named)?,
            }],
        },
        None => desk.hotfixes(&main)?,
    };
    if let Some(from) = from {
        let low = |it: &Tip| line.pattern.version(&it.name).is_some_and(|it| it < from);
        tips.retain(|it| !low(it));
    }
    let carried = desk.missing(tips, &main)?;
    let exit = match carried.missing.is_empty() {
        true => Exit::Ok,
        false => Exit::Refused,
    };
    shell.out.data(&carried);
    Ok(exit)
}

/// What the main line lacks of a release that was made from a commit.
fn of_release(
    subject: &Subject,
    repository: &Repository,
    tag: &str,
    commit: &CommitId,
) -> Result<Carried, Failure> {
    let main = repository.main_line()?.ok_or_else(errors::no_main_line)?;
    let history = subject.history()?;
    let line = subject.line(&history)?;
    let desk = Desk {
        subject,
        history: &history,
        line: &line,
        repository,
    };
    let tip = Tip {
        name: tag.to_owned(),
        commit: object(commit)?,
    };
    desk.missing(vec![tip], &main)
}

/// What a hotfix leaves to be done when it is released.
#[derive(Serialize)]
pub(in crate::commands::release) struct Left {
    /// The tag of the release that it mends.
    of: String,
    /// What the main line lacks of it.
    carry: Option<Carried>,
    /// Why that cannot be told, if it cannot.
    because: Option<String>,
}

impl Left {
    /// That of the release `tag` from a commit, which mends the release `of`. That it cannot be told is no
    /// reason for a release that is made to have failed.
    pub(in crate::commands::release) fn of(
        subject: &Subject,
        repository: &Repository,
        of: &str,
        tag: &str,
        commit: &CommitId,
    ) -> Self {
        let (carry, because) = match of_release(subject, repository, tag, commit) {
            Ok(carried) => (Some(carried), None),
            Err(failure) => {
                let first = failure.diagnostics.into_iter().next();
                (None, first.map(|it| it.message))
            }
        };
        Self {
            of: of.to_owned(),
            carry,
            because,
        }
    }

    /// The end of what is shown of the release.
    pub(in crate::commands::release) fn show(&self, page: &mut Page) {
        let Some(carry) = &self.carry else {
            let because = self.because.as_deref().unwrap_or_default();
            page.line(&format!(
                "what has to be carried forward is not known: {because}"
            ));
            page.line("  switchback release hotfix --carry --to REVISION");
            return;
        };
        let has = match carry.missing.is_empty() {
            true => "has all",
            false => "does not have all",
        };
        page.line(&format!("{} {has} of this hotfix of {}", carry.to, self.of));
        if !carry.missing.is_empty() {
            carry.list(page);
        }
    }
}

/// A line by what somebody calls it.
fn named_line(repository: &Repository, name: &str) -> Result<MainLine, Failure> {
    Ok(MainLine {
        name: name.to_owned(),
        branch: name.to_owned(),
        commit: repository.resolve(name)?,
    })
}

/// The end of a line with a hotfix.
struct Tip {
    /// The tag or branch.
    name: String,
    commit: ObjectId,
}

impl Tip {
    fn of(tagged: &Tagged<ObjectId>) -> Self {
        Self {
            name: tagged.tag.clone(),
            commit: tagged.commit,
        }
    }
}

/// Where it is looked for.
struct Desk<'a> {
    subject: &'a Subject,
    history: &'a History,
    line: &'a Line<'a>,
    repository: &'a Repository,
}

impl Desk<'_> {
    /// The releases that the main line does not contain and shares some history with, the lowest first.
    fn hotfixes(&self, main: &MainLine) -> Result<Vec<Tip>, Failure> {
        let main = object(&main.commit)?;
        let mut releases: Vec<&Tagged<ObjectId>> = self
            .line
            .tags
            .iter()
            .filter(|it| it.version.pre.is_empty())
            .collect();
        releases.sort_by(|a, b| (&a.version, &a.tag).cmp(&(&b.version, &b.tag)));
        let Some((first, rest)) = releases.split_first() else {
            return Ok(Vec::new());
        };
        let range = rest
            .iter()
            .fold(Range::since(main, first.commit), |range, it| {
                range.and(it.commit)
            });
        let outside = self.history.walk(&range)?.map(|it| it.map(|it| it.id));
        let outside: HashSet<ObjectId> = outside.collect::<Result<_, HistoryError>>()?;
        let mut found = Vec::new();
        for release in releases {
            if outside.contains(&release.commit)
                && self.history.merge_base(main, release.commit)?.is_some()
            {
                found.push(Tip::of(release));
            }
        }
        Ok(found)
    }

    /// What the main line lacks of lines with hotfixes; of those that lie on one line, the lowest come
    /// first.
    fn missing(&self, tips: Vec<Tip>, to: &MainLine) -> Result<Carried, Failure> {
        let main = object(&to.commit)?;
        // The commits of each, and the first release that has a commit.
        let mut lines: Vec<(&Tip, Vec<LogCommit>)> = Vec::new();
        let mut first: BTreeMap<ObjectId, &str> = BTreeMap::new();
        for tip in &tips {
            let walk = self.history.walk(&Range::since(main, tip.commit))?;
            let commits = walk.collect::<Result<Vec<_>, HistoryError>>()?;
            for commit in &commits {
                first.entry(commit.id).or_insert(&tip.name);
            }
            // What a later one goes on from is looked at with that.
            let holds = |id: ObjectId| move |it: &LogCommit| it.id == id;
            lines.retain(|(earlier, _)| !commits.iter().any(holds(earlier.commit)));
            let held = lines
                .iter()
                .any(|(_, all)| all.iter().any(holds(tip.commit)));
            if !held {
                lines.push((tip, commits));
            }
        }
        let mut carried = Carried {
            component: self.subject.name.clone(),
            to: to.name.clone(),
            to_commit: to.commit.as_str().to_owned(),
            hotfixes: tips.iter().map(|it| it.name.clone()).collect(),
            missing: Vec::new(),
            commands: Vec::new(),
        };
        let mut seen = HashSet::new();
        for (tip, commits) in lines {
            // The newest come first, and are picked last.
            for it in self.missing_of(tip, &commits, to)?.into_iter().rev() {
                if seen.insert(it.id.clone()) {
                    let id = it.id.parse::<ObjectId>().ok();
                    let of = id.and_then(|id| first.get(&id)).copied();
                    carried.missing.push(Row::of(it, of.unwrap_or(&tip.name)));
                }
            }
        }
        if !carried.missing.is_empty() {
            let ids: Vec<&str> = carried.missing.iter().map(|it| short(&it.commit)).collect();
            carried.commands = vec![
                format!("git switch {}", word(&to.branch)),
                format!("git cherry-pick -x {}", ids.join(" ")),
            ];
        }
        Ok(carried)
    }

    fn missing_of(
        &self,
        tip: &Tip,
        commits: &[LogCommit],
        to: &MainLine,
    ) -> Result<Vec<Missing>, Failure> {
        let mut line = Vec::new();
        for commit in commits {
            let message = Message::read(commit.message());
            // What a merge brings together stands in its own commits.
            if commit.parents.len() > 1
                || !self.line.is_touched(commit)?
                || self.is_release(commit, &message)
            {
                continue;
            }
            line.push(Commit {
                id: commit.id.to_string(),
                message,
            });
        }
        if line.is_empty() {
            return Ok(Vec::new());
        }
        // Here also what touches nothing counts: it may say that something is not needed.
        let walk = self
            .history
            .walk(&Range::since(tip.commit, object(&to.commit)?))?;
        let main = walk.map(|it| {
            it.map(|it| Commit {
                id: it.id.to_string(),
                message: Message::read(it.message()),
            })
        });
        let main: Vec<Commit> = main.collect::<Result<_, HistoryError>>()?;
        let commit = CommitId::from(tip.commit);
        let patches = self
            .repository
            .same_patches(&to.commit, &commit, &self.line.folder)?;
        let patches: BTreeMap<String, String> = patches
            .into_iter()
            .map(|(id, patch)| (id.into(), patch))
            .collect();
        Ok(missing(&line, &main, &patches))
    }

    fn is_release(&self, commit: &LogCommit, message: &Message) -> bool {
        let policy: &Policy = &self.subject.policy;
        let here = self.line.tags.iter().filter(|it| it.commit == commit.id);
        let versions: Vec<_> = here.map(|it| &it.version).collect();
        is_release(message, &versions, policy, &self.line.pattern)
    }
}

fn object(id: &CommitId) -> Result<ObjectId, Failure> {
    ObjectId::try_from(id).map_err(|_| {
        let revision = id.as_str().to_owned();
        switchback_supply::git::GitError::UnknownRevision { revision }.into()
    })
}

/// What the main line lacks.
#[derive(Debug, Serialize)]
struct Carried {
    component: String,
    /// The main line.
    to: String,
    to_commit: String,
    /// The tags and branches that were looked at.
    hotfixes: Vec<String>,
    /// The commits, those first that have to be picked first.
    missing: Vec<Row>,
    /// What picks them.
    commands: Vec<String>,
}

/// A commit that the main line lacks.
#[derive(Debug, Serialize)]
struct Row {
    commit: String,
    subject: String,
    /// The first release that has it, or the branch that does.
    of: String,
    /// The commit of the main line that was the same, if it was taken back.
    taken_back: Option<String>,
    /// What picks it alone.
    command: String,
}

impl Row {
    fn of(it: Missing, of: &str) -> Self {
        Self {
            command: format!("git cherry-pick -x {}", short(&it.id)),
            commit: it.id,
            subject: it.subject,
            of: of.to_owned(),
            taken_back: it.taken_back,
        }
    }
}

impl Carried {
    /// What is missing, and what to do.
    fn list(&self, page: &mut Page) {
        let rows: Vec<Vec<Cell>> = self.missing.iter().map(row).collect();
        page.table(2, &["commit", "of", "subject", ""], &rows);
        page.line("carry them forward:");
        for command in &self.commands {
            page.line(&format!("  {command}"));
        }
    }
}

fn row(it: &Row) -> Vec<Cell> {
    let back = it.taken_back.as_deref().map(short);
    vec![
        Cell::new(Role::Warning, short(&it.commit)),
        Cell::from(it.of.clone()),
        Cell::from(it.subject.clone()),
        Cell::new(
            Role::Faint,
            back.map_or_else(String::new, |it| {
                format!("was there as {it}, and was taken back")
            }),
        ),
    ]
}

impl View for Carried {
    const SCHEMA: &'static str = "switchback.hotfix-carry/v1";

    fn about_bytes(&self) -> usize {
        512 + self.missing.len() * 300
    }

    fn human(&self, page: &mut Page) {
        page.add(Role::Strong, &self.to);
        match (self.missing.len(), self.hotfixes.len()) {
            (0, 0) => page.line(" has every release"),
            (0, _) => page.line(&format!(" has all of {}", self.hotfixes.join(", "))),
            (1, _) => page.line(" lacks 1 commit of hotfixes"),
            (count, _) => page.line(&format!(" lacks {count} commits of hotfixes")),
        };
        let Some(first) = self.missing.first() else {
            return;
        };
        self.list(page);
        page.line("or say there that it is not needed:");
        page.line(&format!(
            "  git commit --allow-empty -m \"chore: …\" -m \"(cherry picked from commit {})\"",
            first.commit
        ));
    }
}
