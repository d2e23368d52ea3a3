//! `switchback release hotfix TAG`: a branch at the tag of a release, with commits that are picked onto it.
//!
//! The order, and what a crash after each step leaves for the same command to go on from:
//!
//! 1. Look whether anything stands in the way. *Nothing.*
//! 2. Pick, in a work tree of its own. *Objects that nothing refers to.*
//! 3. Make the branch, with all that was picked, and check it out: Git does both or neither.

use std::collections::HashSet;

use semver::Version;
use serde::Serialize;
use switchback_diag::{Exit, nearest};
use switchback_supply::git::log::{History, HistoryError, ObjectId, Order, Range};
use switchback_supply::git::{CommitId, GitError, Repository};
use switchback_version::Level;
use switchback_version::commit::Message;
use switchback_version::hotfix::{self, Allow};
use switchback_version::tag::Tagged;

use super::super::cut::{check_recorded, ledger};
use crate::commands::version::{Of, Subject};
use crate::errors::{self, Failure};
use crate::output::View;
use crate::page::{Page, Role};
use crate::settings::Loaded;
use crate::shell::Shell;
use crate::versions::{Ancestry, Line, short, word};

/// What is asked for.
pub(super) struct Start {
    pub(super) of: Of,
    pub(super) tag: String,
    pub(super) branch: Option<String>,
    pub(super) pick: Vec<String>,
    pub(super) checkout: bool,
    pub(super) dry_run: bool,
}

/// What is at hand.
struct Desk<'a> {
    repository: &'a Repository,
    subject: &'a Subject,
    history: &'a History,
    line: &'a Line<'a>,
    /// The release that is mended, and its commit.
    release: &'a Tagged<ObjectId>,
    base: CommitId,
}

/// How the branch stands.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Standing {
    /// There is none.
    None,
    /// At the tag.
    AtTag,
    /// It has what is to be picked, and nothing else.
    Picked(CommitId),
}

impl Start {
    pub(super) fn run(self, shell: &Shell) -> Result<Exit, Failure> {
        let subject = self.of.subject(shell)?;
        let history = subject.history()?;
        let line = subject.line(&history)?;
        let release = self.release(shell, &line, &history)?;
        if let (Ok(book), _) = ledger(shell, &subject.name)? {
            check_recorded(&book, &line.pattern, &history.tags()?)?;
        }
        let repository = Repository::discover(&subject.folder)?;
        let desk = Desk {
            base: commit_of(&repository, release)?,
            repository: &repository,
            subject: &subject,
            history: &history,
            line: &line,
            release,
        };
        let next = desk.next()?;
        let tag = line.pattern.tag(&next);
        let branch = match &self.branch {
            Some(branch) => branch.clone(),
            None => subject.policy.hotfix.branch.branch(&tag),
        };
        Repository::check_new_branch(&branch)?;
        let (picks, there) = desk.picks(&self.pick)?;
        for (id, subject) in &there {
            let note = format!("{id} `{subject}` is in {} already", release.tag);
            shell.out.note(&note);
        }
        let ids: Vec<CommitId> = picks.iter().map(|(id, _)| id.clone()).collect();
        let standing = desk.standing(&branch, &ids)?;
        let current = repository.current_branch()?;
        let is_here = current.as_deref() == Some(branch.as_str());
        let mut view = Started {
            component: subject.name.clone(),
            of: release.tag.clone(),
            version: next.to_string(),
            tag,
            branch: branch.clone(),
            commit: desk.base.as_str().to_owned(),
            made: standing == Standing::None,
            checked_out: is_here || self.checkout,
            dry_run: self.dry_run,
            picked: Vec::new(),
            later: desk.later()?,
            next: Vec::new(),
        };
        for (id, subject) in &picks {
            view.picked.push(PickedView {
                from: id.as_str().to_owned(),
                subject: subject.clone(),
                commit: None,
            });
        }
        view.next = next_commands(&view, &self.of.typed(), is_here || self.checkout);
        let picks_left = !ids.is_empty() && !matches!(standing, Standing::Picked(_));
        let nothing = standing != Standing::None && !picks_left && (is_here || !self.checkout);
        if nothing {
            if let Standing::Picked(commit) = standing {
                view.commit = commit.into();
            }
            shell.out.data(&view);
            return Ok(Exit::NothingToDo);
        }
        if self.checkout && repository.work_tree().is_none() {
            return Err(errors::no_work_tree(repository.git_dir()));
        }
        if self.checkout || is_here {
            expect_clean(&repository)?;
        }
        if picks_left && !is_here && repository.is_checked_out_elsewhere(&branch)? {
            let cause = "another work tree has it checked out";
            return Err(errors::branch_in_use(&branch, cause, None));
        }
        let to = match &standing {
            Standing::Picked(commit) => commit.clone(),
            Standing::None | Standing::AtTag => desk.pick(&branch, &ids, &mut view)?,
        };
        view.commit = to.as_str().to_owned();
        if !self.dry_run {
            match &standing {
                Standing::None if self.checkout => repository.switch_to_new(&branch, &to)?,
                Standing::None => repository.make_branch(&branch, &to)?,
                Standing::AtTag if to != desk.base => {
                    repository.move_forward(&branch, &desk.base, &to)?;
                }
                Standing::AtTag | Standing::Picked(_) => {}
            }
            if standing != Standing::None && self.checkout && !is_here {
                repository.switch(&branch)?;
            }
        }
        shell.out.data(&view);
        Ok(Exit::Ok)
    }

    /// The release with the tag.
    fn release<'l>(
        &self,
        shell: &Shell,
        line: &'l Line<'_>,
        history: &History,
    ) -> Result<&'l Tagged<ObjectId>, Failure> {
        let tag = &self.tag;
        let refused =
            |because: &str, near: Option<&str>| Err(errors::no_release_to_mend(tag, because, near));
        if let Some(found) = line.tags.iter().find(|it| it.tag == *tag) {
            return match found.version.pre.is_empty() {
                true => Ok(found),
                false => refused(
                    "it is a candidate, and what is wrong with it is mended where it was made",
                    None,
                ),
            };
        }
        if line.others.iter().any(|it| it.tag == *tag) {
            return refused("it names something else than a commit", None);
        }
        let called = format!("tags of this component are called `{}`", line.pattern);
        let tags = history.tags()?;
        if tags.named(tag).is_some() {
            let loaded = crate::context::settings_if_any(shell)?;
            return match loaded.and_then(|it| other_component(&it, tag)) {
                Some(other) => {
                    let because = format!("it is a release of {other}: --component {other}");
                    refused(&because, None)
                }
                None => refused(&called, None),
            };
        }
        let broken = tags.broken().iter().find(|it| it.name == *tag);
        if let Some(broken) = broken {
            return refused(&broken.problem, None);
        }
        // Just the number, as people say it.
        let version = Version::parse(tag.strip_prefix('v').unwrap_or(tag)).ok();
        let same = version.map(|it| line.pattern.tag(&it));
        let names = || line.tags.iter().map(|it| it.tag.as_str());
        let near = names()
            .find(|it| Some(*it) == same.as_deref())
            .or_else(|| nearest(tag, names()));
        refused(&format!("there is no such tag; {called}"), near)
    }
}

/// The component whose release a tag is.
fn other_component(loaded: &Loaded, tag: &str) -> Option<String> {
    let components = &loaded.settings.components;
    let found = components.iter().find(|it| {
        let usual = || switchback_version::tag::TagPattern::of(it.name.as_str());
        let pattern = it.tags.clone().unwrap_or_else(usual);
        pattern.version(tag).is_some()
    });
    found.map(|it| it.name.to_string())
}

/// The commit of a release.
fn commit_of(repository: &Repository, release: &Tagged<ObjectId>) -> Result<CommitId, Failure> {
    let found = repository.tag(&release.tag)?;
    found.and_then(|it| it.commit).ok_or_else(|| {
        errors::no_release_to_mend(&release.tag, "it names something else than a commit", None)
    })
}

/// That nothing of somebody's work would be carried onto another branch. What Git does not know stays
/// where it is, and Git refuses if it is in the way.
fn expect_clean(repository: &Repository) -> Result<(), Failure> {
    let dirty = repository.dirty_files()?;
    let files: Vec<String> = dirty
        .into_iter()
        .filter(|it| !it.untracked)
        .map(|it| switchback_diag::escape_line(&it.path))
        .collect();
    match files.is_empty() {
        true => Ok(()),
        false => Err(GitError::DirtyTree { files }.into()),
    }
}

impl Desk<'_> {
    /// The next patch that is free.
    fn next(&self) -> Result<Version, Failure> {
        let (version, commit) = (&self.release.version, self.release.commit);
        let mut graph = Ancestry(self.history);
        let mut taken = hotfix::taken(&self.line.tags, version, commit, &mut graph)?;
        taken.extend(self.line.others.iter().map(|it| it.version.clone()));
        hotfix::next_patch(version, &taken).ok_or_else(|| {
            let because = "there is no higher number for a patch of it";
            errors::no_release_to_mend(&self.release.tag, because, None)
        })
    }

    /// Later releases of the same minor version that the branch will not have.
    fn later(&self) -> Result<Vec<String>, HistoryError> {
        let mut later = Vec::new();
        for it in hotfix::later_patches(&self.line.tags, &self.release.version) {
            if !self.history.is_ancestor(it.commit, self.release.commit)? {
                later.push(it.tag.clone());
            }
        }
        Ok(later)
    }

    /// The commits that are to be picked, the oldest first, with their subjects; and those that the
    /// release has already.
    #[expect(clippy::type_complexity, reason = "two lists of the same")]
    fn picks(
        &self,
        named: &[String],
    ) -> Result<(Vec<(CommitId, String)>, Vec<(String, String)>), Failure> {
        let mut wanted = HashSet::new();
        let mut range: Option<Range> = None;
        let (mut there, mut wrong) = (Vec::new(), Vec::new());
        for name in named {
            let id = self.history.resolve(name)?;
            if !wanted.insert(id) {
                continue;
            }
            let commit = self.history.commit(id)?;
            let message = Message::read(commit.message());
            if self.history.is_ancestor(id, self.release.commit)? {
                there.push((id.short(), message.subject));
                wanted.remove(&id);
                continue;
            }
            if commit.parents.len() > 1 {
                return Err(errors::merge_to_pick(&id.into()));
            }
            let meaning = self.subject.policy.meaning(&message);
            if meaning.level > Level::Patch {
                let level = meaning.level;
                wrong.push((id.short(), format!("`{}` is {level}", message.subject)));
            }
            range = Some(match range {
                Some(range) => range.and(id),
                None => Range::since(self.release.commit, id),
            });
        }
        if !wrong.is_empty() && self.subject.policy.hotfix.allow == Allow::Fixes {
            return Err(errors::no_fix_to_pick(&self.release.tag, &wrong));
        }
        let mut picks = Vec::new();
        if let Some(range) = range {
            for commit in self.history.walk(&range.order(Order::DateTopological))? {
                let commit = commit?;
                if wanted.contains(&commit.id) {
                    let message = Message::read(commit.message());
                    picks.push((commit.id.into(), message.subject));
                }
            }
        }
        picks.reverse();
        Ok((picks, there))
    }

    /// How the branch stands.
    ///
    /// # Errors
    /// SB1618 if it is something else than what is asked for.
    fn standing(&self, branch: &str, picks: &[CommitId]) -> Result<Standing, Failure> {
        let go_on = || Some(format!("git switch {}", word(branch)));
        let Some(head) = self.repository.find_branch(branch)? else {
            if let Some(other) = self.repository.branch_in_the_way(branch)? {
                let cause = format!("there is a branch `{other}`, and Git keeps branches as files");
                return Err(errors::branch_in_use(branch, &cause, None));
            }
            for (remote, commit) in self.repository.remote_branches(branch)? {
                if commit != self.base {
                    let cause = format!("{remote} has it, at commit {}", commit.short());
                    return Err(errors::branch_in_use(branch, &cause, go_on()));
                }
            }
            return Ok(Standing::None);
        };
        if head == self.base {
            return Ok(Standing::AtTag);
        }
        if !picks.is_empty() && self.has_just(&head, picks)? {
            return Ok(Standing::Picked(head));
        }
        let cause = format!("it is there, at commit {}", head.short());
        Err(errors::branch_in_use(branch, &cause, go_on()))
    }

    /// Whether a commit has these picks since the release, and nothing else.
    fn has_just(&self, head: &CommitId, picks: &[CommitId]) -> Result<bool, Failure> {
        let Ok(head) = ObjectId::try_from(head) else {
            return Ok(false);
        };
        if !self.history.is_ancestor(self.release.commit, head)? {
            return Ok(false);
        }
        let mut found = Vec::new();
        for commit in self
            .history
            .walk(&Range::since(self.release.commit, head))?
        {
            let message = Message::read(commit?.message());
            found.extend(message.picked.last().cloned());
        }
        found.reverse();
        let wanted: Vec<&str> = picks.iter().map(CommitId::as_str).collect();
        Ok(found == wanted)
    }

    /// Picks, and gives the last commit.
    fn pick(
        &self,
        branch: &str,
        ids: &[CommitId],
        view: &mut Started,
    ) -> Result<CommitId, Failure> {
        // Hooks are the user's, and nothing happens in a dry run.
        let picked = self.repository.pick(&self.base, ids, !view.dry_run);
        let picked = picked.map_err(|error| {
            let by_hand = errors::by_hand(branch, &self.base, ids);
            errors::not_picked(error, &by_hand)
        })?;
        if view.dry_run {
            return Ok(self.base.clone());
        }
        for (shown, it) in view.picked.iter_mut().zip(&picked) {
            shown.commit = Some(it.commit.as_str().to_owned());
        }
        Ok(picked.last().map_or(&self.base, |it| &it.commit).clone())
    }
}

/// What to type next.
fn next_commands(view: &Started, of: &str, here: bool) -> Vec<String> {
    let mut next = Vec::new();
    if !here {
        next.push(format!("git switch {}", word(&view.branch)));
    }
    if view.picked.is_empty() {
        next.push("git cherry-pick -x COMMIT".to_owned());
    }
    next.push(format!("switchback release hotfix --check{of}"));
    next.push(format!("switchback release cut{of}"));
    next
}

/// A branch on which a release is mended.
#[derive(Serialize)]
struct Started {
    component: String,
    /// The tag of the release that is mended.
    of: String,
    /// The version that the mended one gets, if nothing else takes it first.
    version: String,
    /// Its tag.
    tag: String,
    branch: String,
    /// Where the branch is; in a dry run where it would begin.
    commit: String,
    /// Whether it was made; else it was there.
    made: bool,
    checked_out: bool,
    /// Whether all this would be, and is not.
    dry_run: bool,
    /// What was picked, the oldest first.
    picked: Vec<PickedView>,
    /// Later releases of the same minor version, which are not in it.
    later: Vec<String>,
    /// What to type next.
    next: Vec<String>,
}

/// A commit that was picked.
#[derive(Serialize)]
struct PickedView {
    from: String,
    subject: String,
    /// What came of it; none in a dry run, or where it was there already.
    commit: Option<String>,
}

impl View for Started {
    const SCHEMA: &'static str = "switchback.hotfix/v1";

    fn human(&self, page: &mut Page) {
        let word = match (self.made, self.dry_run) {
            (true, true) => "would make",
            (true, false) => "made",
            (false, _) => "is there:",
        };
        page.add(Role::Good, word).add(Role::Plain, " ");
        page.add(Role::Strong, &self.branch);
        let out = match (self.checked_out, self.dry_run) {
            (true, true) => ", and check it out",
            (true, false) => ", checked out",
            (false, _) => "",
        };
        page.line(&format!(" from {}{out}", self.of));
        page.line(&format!(
            "  to become {} {} as {}",
            self.component, self.version, self.tag
        ));
        for it in &self.picked {
            page.line(&format!("  picked {} `{}`", short(&it.from), it.subject));
        }
        if let Some(last) = self.later.last() {
            page.line(&format!(
                "  without what is in {}; to go on from there: switchback release hotfix {last}",
                self.later.join(", ")
            ));
        }
        page.line("commit the fix or pick it, then release it:");
        for command in &self.next {
            page.line(&format!("  {command}"));
        }
    }
}
