//! `switchback release pr`: a branch, always open, with what the next release writes into files.
//!
//! A run makes one commit on top of what is checked out, the *made* one, and puts it on the branch
//! beside what people changed there since the last run. The branch only ever goes forward, so nobody's
//! commits are lost and nothing has to be forced:
//!
//! ```text
//! main    ●───────────●───────────●
//!          \           \           \
//! made      ○           ○           ○      what the release writes
//!            \           \           \
//! branch      ●───●───────●───●───────●    people's commits stay
//! ```
//!
//! No work tree takes part. Everything before the branch moves are objects that nothing refers to.

use std::collections::{BTreeMap, BTreeSet};

use clap::Args;
use semver::Version;
use serde::Serialize;
use switchback_diag::Exit;
use switchback_supply::git::log::{EntryKind, History, ObjectId, Range};
use switchback_supply::git::{CommitId, Repository, TreeEdit};
use switchback_version::edits;
use switchback_version::notes::release_notes;
use switchback_version::verdict::Decision;

use super::facts::{Told, Which, day};
use super::files::{Place, Plan, Written};
use crate::commands::version::{Judged, Of};
use crate::errors::{self, Failure};
use crate::output::View;
use crate::page::{Page, Role};
use crate::shell::Shell;

/// The first word of the line by which a made commit is known again.
const PREPARED: &str = "Switchback-Prepared";

/// How large a file may be that both sides changed, in bytes.
const LARGEST: u64 = 8 * 1024 * 1024;

/// Keep a branch with what the next release writes into files, for a pull request
///
/// What people change on the branch stays when it is made anew.
#[derive(Debug, Args)]
pub(crate) struct Pr {
    #[command(flatten)]
    of: Of,
    /// This version instead of the lowest that is allowed
    #[arg(long, value_name = "VERSION")]
    propose: Option<String>,
    /// The branch, instead of `release/next`, or `release/NAME` if there are several components
    #[arg(long, value_name = "BRANCH")]
    branch: Option<String>,
    /// Go on from the branch of a remote, and push it there; `origin` if none is named
    #[arg(long, value_name = "REMOTE", num_args = 0..=1, default_missing_value = "origin")]
    push: Option<String>,
    /// Show what would be done
    #[arg(long)]
    dry_run: bool,
}

/// What became of the branch.
#[derive(Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
enum State {
    /// It was not there.
    Made,
    /// It goes on.
    Updated,
    /// What it was about is released or merged, and it begins again.
    Restarted,
    /// It says already what it has to.
    Unchanged,
}

/// The commit that a run before made.
struct Made {
    commit: CommitId,
    version: Version,
}

/// The branch as it is.
struct Tip {
    /// Here.
    local: Option<CommitId>,
    /// At the remote.
    remote: Option<CommitId>,
    /// The later one.
    last: Option<CommitId>,
}

impl Pr {
    pub(super) fn run(self, shell: &Shell) -> Result<Exit, Failure> {
        let (mut all, named) = Judged::together(shell, self.of, self.propose, None)?;
        if let Some(other) = told_instead(&all, named) {
            return all.swap_remove(other).show(shell);
        }
        let mut due: Vec<(&Judged, &Version)> = Vec::new();
        for judged in &all {
            if let Decision::Release { version } = &judged.verdict.decision {
                due.push((judged, version));
            }
        }
        let Some(&(judged, version)) = due.first() else {
            return Ok(Exit::NothingToDo);
        };
        let group = judged.verdict.group.as_ref();
        let name = group.map_or(&judged.subject.name, |it| &it.name);
        let repository = Repository::discover(&judged.subject.folder)?;
        let head = repository.resolve("HEAD")?;
        judged.check_head(&head)?;
        let mut place = Place::of(judged, &repository, &head)?;
        let (mut plan, mut told, mut tags) = (Plan::default(), Vec::new(), Vec::new());
        for &(judged, version) in &due {
            let which = Which {
                version,
                day: day(shell.clock.now())?,
                published: false,
            };
            let of = Told::of(shell, judged, &which)?;
            let tag = judged.pattern.tag(version);
            let own = plan.and(&mut place, &of, &tag)?;
            own.notes.iter().for_each(|note| shell.out.note(note));
            told.push(of);
            tags.push(tag);
        }
        plan.check()?;
        if plan.files.is_empty() {
            return match plan.prepared {
                true => {
                    shell.out.note(&format!("the files say {version} already"));
                    let cut = judged.subject.with("switchback release cut --prepared");
                    shell.out.next("tag it", &cut);
                    Ok(Exit::NothingToDo)
                }
                false => Err(errors::nothing_to_write(name)),
            };
        }
        let tag = tags.join(", ");
        let branch = self.branch.unwrap_or_else(|| match judged.subject.named {
            true => format!("release/{name}"),
            false => "release/next".to_owned(),
        });
        repository.expect_not_checked_out(&branch)?;
        let tip = Tip::of(&repository, &branch, self.push.as_deref())?;
        let desk = Desk {
            judged,
            name,
            repository: &repository,
            head: &head,
            branch: &branch,
            tag: &tag,
        };
        let (state, to, kept) = desk.next(version, &plan, tip.last.as_ref())?;
        // Before anything is made that somebody sees: texts may be refused.
        let mut body = String::new();
        for told in &told {
            // It can be looked at before everything is written that the tag needs.
            told.owed()?.iter().for_each(|it| told.note(it));
            let notes = release_notes(&told.facts, &told.templates);
            let notes = notes.map_err(|error| errors::notes(error, name))?;
            body.push_str(if body.is_empty() { "" } else { "\n" });
            body.push_str(&notes);
        }
        let mut pushed = false;
        if !self.dry_run {
            // What the remote refuses is made here neither.
            if let Some(remote) = &self.push
                && tip.remote.as_ref() != Some(&to)
            {
                repository.push_commit(remote, &branch, &to, tip.remote.as_ref())?;
                pushed = true;
            }
            if tip.local.as_ref() != Some(&to) {
                let message = format!("prepare {tag}");
                repository.set_branch(&branch, &to, tip.local.as_ref(), &message)?;
            }
        }
        shell.out.data(&Prepared {
            component: name.clone(),
            version: version.to_string(),
            cut: judged.subject.with("switchback release cut --prepared"),
            title: subject(&tag),
            branch,
            state,
            done: !self.dry_run,
            commit: to.as_str().to_owned(),
            pushed: self.push,
            sent: pushed,
            files: plan.files,
            kept,
            body,
        });
        Ok(match state {
            State::Unchanged if !pushed => Exit::NothingToDo,
            _ => Exit::Ok,
        })
    }
}

/// What is shown, by its place, because nothing is prepared: of a group a member that is refused or asks,
/// or the one that was named if nothing of it is due.
fn told_instead(all: &[Judged], named: usize) -> Option<usize> {
    let due = |it: &Judged| matches!(it.verdict.decision, Decision::Release { .. });
    let fails = all.iter().position(|it| it.failure().is_some());
    fails.or_else(|| (!all.get(named).is_some_and(due)).then_some(named))
}

impl Tip {
    fn of(repository: &Repository, branch: &str, remote: Option<&str>) -> Result<Self, Failure> {
        let local = repository.find_branch(branch)?;
        let there = match remote {
            Some(remote) => match repository.remote_head(remote, branch)? {
                Some(_) => Some(repository.fetch(remote, branch)?),
                None => None,
            },
            None => None,
        };
        let last = match (&local, &there) {
            (Some(local), Some(there)) if repository.is_ancestor(local, there)? => Some(there),
            (Some(local), Some(there)) if !repository.is_ancestor(there, local)? => {
                return Err(errors::branch_diverged(branch, local, there));
            }
            (local, there) => local.as_ref().or(there.as_ref()),
        };
        let last = last.cloned();
        Ok(Self {
            local,
            remote: there,
            last,
        })
    }
}

/// What is at hand.
struct Desk<'a> {
    judged: &'a Judged,
    /// What is released: a component or a group.
    name: &'a str,
    repository: &'a Repository,
    /// What is checked out.
    head: &'a CommitId,
    branch: &'a str,
    tag: &'a str,
}

impl Desk<'_> {
    /// Where the branch goes, and the paths in which something of people stays.
    fn next(
        &self,
        version: &Version,
        plan: &Plan,
        tip: Option<&CommitId>,
    ) -> Result<(State, CommitId, Vec<String>), Failure> {
        let history = self.judged.subject.history()?;
        let tree = self.tree(&history, &plan.files)?;
        let message = format!("{}\n\n{}\n", subject(self.tag), self.mark(version));
        let make = || self.repository.commit_tree(tree, &[self.head], &message);
        let Some(tip) = tip else {
            return Ok((State::Made, make()?, Vec::new()));
        };
        if self.repository.is_ancestor(tip, self.head)? {
            return Ok((State::Restarted, make()?, Vec::new()));
        }
        let Some(before) = self.made(&history, tip)? else {
            return Err(errors::foreign_branch(self.branch, self.name));
        };
        let known = history.commit(object(&before.commit)?)?;
        let released = match &self.judged.verdict.group {
            Some(group) => group.at.as_ref(),
            None => self.judged.base.as_ref().map(|it| &it.version),
        };
        if released.is_some_and(|released| before.version <= *released) {
            // It was squashed: what people changed there came with it.
            let made = make()?;
            let message = format!(
                "{}\n\nWhat was prepared before is released.\n",
                subject(self.tag)
            );
            let to = self.repository.commit_tree(tree, &[tip, &made], &message)?;
            return Ok((State::Restarted, to, Vec::new()));
        }
        let on_head =
            known.parents.first().map(|it| CommitId::from(*it)).as_ref() == Some(self.head);
        if on_head && known.tree == tree {
            return Ok((State::Unchanged, tip.clone(), Vec::new()));
        }
        let made = make()?;
        let (edits, kept) = self.kept(&before.commit, tip, &made)?;
        let merged = self.repository.write_tree(&made, &edits)?;
        let message = format!(
            "{}\n\nMade anew on {}.\n",
            subject(self.tag),
            self.head.short()
        );
        let to = self
            .repository
            .commit_tree(merged, &[tip, &made], &message)?;
        Ok((State::Updated, to, kept))
    }

    /// The tree of what is checked out with what the release writes.
    fn tree(&self, history: &History, files: &[Written]) -> Result<ObjectId, Failure> {
        let edit = |file: &Written| {
            let blob = self.repository.write_file_blob(&file.path, &file.becomes)?;
            let entry = history.entry(self.judged.head, &file.path)?;
            let kind = entry.map_or(EntryKind::File, |it| it.kind);
            Ok(TreeEdit {
                path: file.path.clone().into_bytes(),
                now: Some((kind, blob)),
            })
        };
        let edits = files
            .iter()
            .map(edit)
            .collect::<Result<Vec<_>, Failure>>()?;
        Ok(self.repository.write_tree(self.head, &edits)?)
    }

    /// The line by which a made commit is known again.
    fn mark(&self, version: &Version) -> String {
        format!("{PREPARED}: {} {version}", self.name)
    }

    /// The last commit on the branch that a run made.
    fn made(&self, history: &History, tip: &CommitId) -> Result<Option<Made>, Failure> {
        let mut range = Range::since(self.judged.head, object(tip)?).first_parent();
        range = range.up_to_cuts();
        for commit in history.walk(&range)? {
            let commit = commit?;
            // A merge of ours has it as its last parent.
            let mut all = vec![commit.id];
            all.extend(commit.parents.iter().skip(1));
            for id in all {
                let message = history.commit(id)?.message_lossy().into_owned();
                if let Some(version) = self.version(&message) {
                    let commit = id.into();
                    return Ok(Some(Made { commit, version }));
                }
            }
        }
        Ok(None)
    }

    /// The version that a made commit of the component prepares.
    fn version(&self, message: &str) -> Option<Version> {
        let mut lines = message.lines().rev();
        lines.find_map(|line| {
            let rest = line.strip_prefix(PREPARED)?.strip_prefix(": ")?;
            let version = rest.strip_prefix(self.name)?.strip_prefix(' ')?;
            version.parse().ok()
        })
    }

    /// What of people stays in what is made anew, as changes of that, and the paths of what both
    /// changed or people alone did.
    fn kept(
        &self,
        made: &CommitId,
        edited: &CommitId,
        anew: &CommitId,
    ) -> Result<(Vec<TreeEdit>, Vec<String>), Failure> {
        // What was written since the history was opened is in it too.
        let history = self.judged.subject.history()?;
        let list =
            |commit: &CommitId| -> Result<BTreeMap<Vec<u8>, (EntryKind, ObjectId)>, Failure> {
                let all = history.list(object(commit)?, "")?;
                Ok(all
                    .into_iter()
                    .map(|it| (it.path, (it.kind, it.id)))
                    .collect())
            };
        let (before, theirs, now) = (list(made)?, list(edited)?, list(anew)?);
        let paths: BTreeSet<_> = before.keys().chain(theirs.keys()).collect();
        let (mut edits, mut kept, mut conflicts) = (Vec::new(), Vec::new(), Vec::new());
        for path in paths {
            let (was, is, will) = (before.get(path), theirs.get(path), now.get(path));
            if is == was || is == will {
                continue;
            }
            let shown = String::from_utf8_lossy(path).into_owned();
            let merged = match (was, is, will) {
                _ if will == was => is.copied(),
                (Some(was), Some(is), Some(will)) if [was, is, will].into_iter().all(is_file) => {
                    let read = |commit: &CommitId| -> Result<Vec<u8>, Failure> {
                        let file = history.read(object(commit)?, path, LARGEST)?;
                        Ok(file.map(|it| it.bytes).unwrap_or_default())
                    };
                    match edits::keep(&read(made)?, &read(edited)?, &read(anew)?) {
                        Ok(bytes) => {
                            let kind = if is.0 == was.0 { will.0 } else { is.0 };
                            Some((kind, self.repository.write_blob(&bytes)?))
                        }
                        Err(conflict) => {
                            conflicts.push((shown, Some(conflict.line)));
                            continue;
                        }
                    }
                }
                _ => {
                    conflicts.push((shown, None));
                    continue;
                }
            };
            edits.push(TreeEdit {
                path: path.clone(),
                now: merged,
            });
            kept.push(shown);
        }
        match conflicts.is_empty() {
            true => Ok((edits, kept)),
            false => Err(errors::branch_conflicts(self.branch, &conflicts)),
        }
    }
}

fn is_file(entry: &(EntryKind, ObjectId)) -> bool {
    matches!(entry.0, EntryKind::File | EntryKind::Executable)
}

fn object(commit: &CommitId) -> Result<ObjectId, Failure> {
    ObjectId::try_from(commit).map_err(|_| errors::usage(format!("`{commit}` is no commit")).into())
}

/// The first line of the messages, and the title of the pull request.
fn subject(tag: &str) -> String {
    format!("chore(release): {tag}")
}

/// A branch with what the next release writes.
#[derive(Serialize)]
struct Prepared {
    component: String,
    version: String,
    branch: String,
    state: State,
    /// Whether it was done; else it would be.
    done: bool,
    /// Where the branch is.
    commit: String,
    /// The remote that has it.
    pushed: Option<String>,
    /// Whether this run pushed it.
    #[serde(skip)]
    sent: bool,
    /// What the release writes.
    files: Vec<Written>,
    /// The paths in which something that people changed stays.
    kept: Vec<String>,
    /// The command that tags it once it is merged.
    cut: String,
    /// What a pull request is called.
    title: String,
    /// What stands in it; Markdown.
    body: String,
}

impl View for Prepared {
    const SCHEMA: &'static str = "switchback.release-pr/v1";

    fn human(&self, page: &mut Page) {
        let (done, would) = match self.state {
            State::Made => ("made", "would make"),
            State::Updated => ("updated", "would update"),
            State::Restarted => ("began anew", "would begin anew"),
            State::Unchanged => ("is as it has to be", "is as it has to be"),
        };
        let word = if self.done { done } else { would };
        match self.state {
            State::Unchanged => page
                .add(Role::Strong, &self.branch)
                .line(&format!(" {word}")),
            _ => {
                page.add(Role::Good, word).add(Role::Plain, " ");
                page.add(Role::Strong, &self.branch);
                page.line(&format!(" for {} {}", self.component, self.version))
            }
        };
        for file in &self.files {
            page.line(&file.line(&self.version));
        }
        for path in &self.kept {
            page.line(&format!("  {path}: what people changed there stays"));
        }
        if !self.done || self.state == State::Unchanged && !self.sent {
            return;
        }
        match &self.pushed {
            Some(remote) => page.line(&format!("pushed to {remote}")),
            None => page
                .line("nothing was pushed yet:")
                .line(&format!("  git push origin {}", self.branch)),
        };
        page.line("once it is merged, what is checked out then gets its tag:");
        page.line(&format!("  {}", self.cut));
    }
}
