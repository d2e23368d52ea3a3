//! Members of a group are cut as a whole: by one commit, which has a tag for each of them.
//!
//! The order is that of one component, and so is what a crash leaves: files, a commit, tags of some
//! members, tags that are not recorded. Members that have their tag already are passed over, and the
//! others become the same (see `Policy::together`).

use std::collections::BTreeMap;

use semver::Version;
use serde::Serialize;
use switchback_diag::Exit;
use switchback_supply::git::{CommitId, Signing};
use switchback_version::group::{GroupKind, InGroup};
use switchback_version::verdict::Decision;

use super::view::CutView;
use super::{Cut, Desk, candidate_already, commit, not_prepared, push, signing};
use crate::commands::release::files::{Place, Plan};
use crate::commands::version::Judged;
use crate::errors::{self, Failure};
use crate::output::View;
use crate::page::Page;
use crate::shell::Shell;

/// A longer subject of a commit names the group instead of the tags, in characters.
const SUBJECT: usize = 72;

/// A member that is to be cut.
struct Ready<'a> {
    desk: Desk<'a>,
    version: Version,
    tag: String,
    plan: Plan,
}

impl Cut {
    /// Cuts the members of a group that are due; `named` is the one that was asked for, by its place.
    pub(super) fn together(
        self,
        shell: &Shell,
        all: Vec<Judged>,
        named: usize,
    ) -> Result<Exit, Failure> {
        let mut desks = Vec::with_capacity(all.len());
        for judged in all {
            desks.push(Desk::of(shell, judged)?);
        }
        for desk in &desks {
            desk.check_recorded()?;
        }
        let mut cuts = Vec::new();
        for desk in &mut desks {
            let left = desk.unrecorded(self.propose.as_deref(), self.pre.as_deref())?;
            if let Some((version, tag, found)) = left {
                cuts.push(desk.record_left(&version, tag, found, self.dry_run)?);
            }
        }
        if let Some(other) = told_instead(&desks, named, !cuts.is_empty()) {
            return desks.swap_remove(other).judged.show(shell);
        }
        let head = match desks.first() {
            Some(desk) => desk.repository.resolve("HEAD")?,
            None => return Ok(Exit::NothingToDo),
        };
        let branch = desks.first().map(|it| it.branch(&head, self.how.detached));
        let branch = branch.transpose()?.flatten();
        let group = desks
            .get(named)
            .and_then(|it| it.judged.verdict.group.clone());
        let group = group.ok_or_else(|| errors::usage("the component is in no group"))?;
        let dry_run = self.dry_run;
        cuts.extend(self.cut_due(shell, &group, desks, &head)?);
        if cuts.is_empty() {
            return Ok(Exit::NothingToDo);
        }
        let tags: Vec<&str> = cuts.iter().map(|it| it.tag.as_str()).collect();
        shell.out.data(&TogetherView {
            group: group.name,
            kind: group.kind,
            cut: !dry_run,
            push: push(branch.as_deref(), &tags.join(" refs/tags/")),
            components: cuts,
        });
        Ok(Exit::Ok)
    }

    /// Cuts those members that have a version, on top of a commit.
    fn cut_due(
        self,
        shell: &Shell,
        group: &InGroup,
        desks: Vec<Desk<'_>>,
        head: &CommitId,
    ) -> Result<Vec<CutView>, Failure> {
        let Some(repository) = desks.first().map(|it| it.repository.clone()) else {
            return Ok(Vec::new());
        };
        let Some(top) = repository.work_tree() else {
            return Err(errors::no_work_tree(repository.git_dir()));
        };
        let mut place = Place {
            repository: &repository,
            head,
            top,
            folder: String::new(),
            made: BTreeMap::new(),
        };
        let mut whole = Plan::default();
        let mut ready: Vec<Ready<'_>> = Vec::new();
        for desk in desks {
            let Decision::Release { version } = desk.judged.verdict.decision.clone() else {
                continue;
            };
            desk.check_base()?;
            if let Some(candidate) = desk.candidate(&version) {
                shell.out.note(&candidate_already(&candidate.tag));
                continue;
            }
            let tag = desk.free_tag(&version)?;
            if let Some(other) = ready.iter().find(|it| it.tag == tag) {
                let names = [&other.desk, &desk].map(|it| it.judged.subject.name.as_str());
                return Err(errors::one_tag_for_two(&group.name, &tag, names));
            }
            let plan = whole.and(&mut place, &desk.told(&version)?, &tag)?;
            ready.push(Ready {
                desk,
                version,
                tag,
                plan,
            });
        }
        whole.check()?;
        if self.prepared
            && let Some(first) = ready.iter().find(|it| !it.plan.is_prepared())
        {
            shell.out.note(&not_prepared(&first.version));
            return Ok(Vec::new());
        }
        for it in &ready {
            if whole.files.is_empty() && it.version.pre.is_empty() {
                it.desk.check_free(head, &it.tag)?;
            }
            for note in &it.plan.notes {
                shell.out.note(note);
            }
        }
        let made = match (self.dry_run, ready.is_empty()) {
            (false, false) => {
                let signing = signing(self.how.because, &repository, head)?;
                let commit = commit(&place, &whole, &subject(group, &ready))?;
                Some((commit, signing))
            }
            _ => None,
        };
        ready.into_iter().map(|it| it.cut(made.as_ref())).collect()
    }
}

/// The member, by its place, whose verdict is shown because nothing is cut: one that is refused or
/// asks, or the one that was named if it is not due. `begun` says that others were recorded just now.
fn told_instead(desks: &[Desk<'_>], named: usize, begun: bool) -> Option<usize> {
    let fails = |it: &Desk<'_>| it.judged.failure().is_some();
    if let Some(first) = desks.iter().position(fails) {
        let mine = desks.get(named).is_some_and(fails);
        return Some(if mine { named } else { first });
    }
    let due = |it: &Desk<'_>| matches!(it.judged.verdict.decision, Decision::Release { .. });
    let mine = desks.get(named)?;
    // It may be done, and the others left by a run that was interrupted.
    let done = mine.at_head().next().is_some();
    let goes_on = done && (desks.iter().any(due) || begun);
    (!due(mine) && !goes_on).then_some(named)
}

/// What the commit is called after: its tags, or the group where these are many.
fn subject(group: &InGroup, ready: &[Ready<'_>]) -> String {
    let tags: Vec<&str> = ready.iter().map(|it| it.tag.as_str()).collect();
    let tags = tags.join(", ");
    match ready.first() {
        Some(first) if tags.chars().count() > SUBJECT => {
            format!("{} {}", group.name, first.version)
        }
        _ => tags,
    }
}

impl Ready<'_> {
    /// Makes its tag at a commit, and records it; without one it is only said.
    fn cut(mut self, made: Option<&(CommitId, Signing)>) -> Result<CutView, Failure> {
        let branch = self.desk.repository.current_branch()?;
        let mut view = self
            .desk
            .view(&self.version, &self.tag, branch.as_deref(), made.is_some());
        view.files = self.plan.files;
        if let Some((commit, signing)) = made {
            self.desk.tag(&self.version, commit, signing, &mut view)?;
        }
        Ok(view)
    }
}

/// Members of a group that were cut.
#[derive(Serialize)]
struct TogetherView {
    group: String,
    kind: GroupKind,
    /// Whether they were; else they would be.
    cut: bool,
    /// The command that pushes them.
    push: String,
    components: Vec<CutView>,
}

impl View for TogetherView {
    const SCHEMA: &'static str = "switchback.release-cut-group/v1";

    fn human(&self, page: &mut Page) {
        for component in &self.components {
            component.made(page);
        }
        if self.cut {
            page.line("nothing was pushed yet:");
            page.line(&format!("  {}", self.push));
        }
        for left in self.components.iter().filter_map(|it| it.hotfix.as_ref()) {
            left.show(page);
        }
    }
}
