//! What is known of components at a commit, and what comes of it: one, the members of a group, or all.
//! The history is read once for all of them.

use std::collections::BTreeSet;

use switchback_diag::Exit;
use switchback_supply::git::log::{History, ObjectId, Prefixes};
use switchback_supply::git::{CommitId, GitError};
use switchback_version::commit::Message;
use switchback_version::group::{Member, Together};
use switchback_version::hotfix::{self, Hotfix, KnownBy};
use switchback_version::tag::{TagPattern, Tagged, base};
use switchback_version::verdict::{Base, Claim, Commit, Decision, Known, Waived, Wish};
use switchback_version::{Level, Verdict};

use super::{Next, Of, Subject, view};
use crate::context::{Context, path_in, settings_if_any};
use crate::contracts::{self, State, compare_all};
use crate::entries::{self, Entry};
use crate::errors::{self, Failure};
use crate::past::Past;
use crate::shell::Shell;
use crate::versions::{Ancestry, Line, odd, short};

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
    /// Tags that look as if they named a version, and name none.
    pub(crate) odd: Vec<String>,
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

impl Judged {
    /// The next version from what is checked out.
    pub(crate) fn of(
        shell: &Shell,
        of: Of,
        propose: Option<String>,
        pre: Option<String>,
    ) -> Result<Self, Failure> {
        let (mut all, named) = Self::together(shell, of, propose, pre)?;
        Ok(all.swap_remove(named))
    }

    /// A release that has its tag already, as it was judged when no higher one was there, with its
    /// version.
    pub(crate) fn released(
        shell: &Shell,
        of: Of,
        tag: &str,
    ) -> Result<(Self, semver::Version), Failure> {
        let subject = of.subject(shell)?;
        let history = subject.history()?;
        let released = tagged(&subject.line(&history)?, tag)?.clone();
        let bench = Bench {
            shell,
            subjects: vec![subject],
            named: Some(0),
            since: None,
            commit: &released.commit.to_string(),
            below: Some(&released.version),
            as_hotfix: false,
        };
        let mut all = bench.judge(&Wish::default())?;
        Ok((all.swap_remove(0), released.version))
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
        let (mut all, named) = next.judge(shell)?;
        Ok(all.swap_remove(named))
    }

    /// The next version from what is checked out, with those of the other members of its group in the
    /// order of the settings; and its place among them.
    pub(crate) fn together(
        shell: &Shell,
        of: Of,
        propose: Option<String>,
        pre: Option<String>,
    ) -> Result<(Vec<Self>, usize), Failure> {
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

    /// Those of components and of the other members of their groups, from what is checked out, in the
    /// order of the settings.
    pub(crate) fn all(shell: &Shell, subjects: Vec<Subject>) -> Result<Vec<Self>, Failure> {
        let bench = Bench {
            shell,
            subjects,
            named: None,
            since: None,
            commit: "HEAD",
            below: None,
            as_hotfix: false,
        };
        bench.judge(&Wish::default())
    }

    /// That what is checked out is what was judged, and nobody committed meanwhile.
    pub(crate) fn check_head(&self, head: &CommitId) -> Result<(), Failure> {
        let judged = CommitId::from(self.head);
        if *head == judged {
            return Ok(());
        }
        Err(GitError::Moved {
            branch: "HEAD".to_owned(),
            expected: Some(judged),
            found: Some(head.clone()),
        }
        .into())
    }

    /// Why it cannot be told from which release it is counted: there are releases, and none is counted
    /// from, or tags that look like theirs. None where it can.
    ///
    /// Nor can a number be counted on from the highest that there is.
    pub(crate) fn unclear(&self) -> Option<Failure> {
        if let Some(base) = &self.verdict.base {
            let version = &base.version;
            let last = match self.verdict.level() {
                Level::None => 0,
                Level::Patch => version.patch,
                Level::Minor => version.minor,
                Level::Major => version.major,
            };
            return (last == u64::MAX).then(|| errors::no_higher(&self.subject.name, &base.tag));
        }
        let mut releases = self.tags.iter().filter(|it| it.version.pre.is_empty());
        if let Some(release) = releases.next() {
            let cause = format!(
                "the release {} and what is checked out have no history in common",
                release.tag
            );
            let hint = "if history was rewritten, go on from a branch that has the releases";
            return Some(errors::tags_unclear(&[cause], hint));
        }
        if self.odd.is_empty() {
            return None;
        }
        let names = self.odd.iter();
        let odd: Vec<String> = names
            .map(|it| format!("the tag {it} names no version as in SemVer 2.0.0"))
            .collect();
        let hint = "tag the last release once more with its whole version, such as `v1.2.0` for \
                    `v1.2`";
        Some(errors::tags_unclear(&odd, hint))
    }

    /// Why there is no version; none where there is one, or nothing has to be released.
    pub(crate) fn failure(&self) -> Option<Failure> {
        if let Some(unclear) = self.unclear() {
            return Some(unclear);
        }
        errors::no_version(&self.subject.name, &self.verdict, &self.subject.command())
    }

    /// Shows it.
    pub(crate) fn show(self, shell: &Shell) -> Result<Exit, Failure> {
        // A number that is counted from nothing is not shown.
        if let Some(unclear) = self.unclear() {
            return Err(unclear);
        }
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

/// What is to be judged.
pub(super) struct Bench<'a> {
    pub(super) shell: &'a Shell,
    /// Components; of a group all members.
    pub(super) subjects: Vec<Subject>,
    /// The one that was named, by its place.
    pub(super) named: Option<usize>,
    /// The tag that this one is counted from instead of its last release.
    pub(super) since: Option<&'a str>,
    /// The commit that releases would be made from: any name that Git knows.
    pub(super) commit: &'a str,
    /// Only tags of lower versions count.
    pub(super) below: Option<&'a semver::Version>,
    /// Whether the one that was named is judged as a hotfix, whatever shows that it is one.
    pub(super) as_hotfix: bool,
}

/// A component, and what is known of it.
struct Case<'h> {
    subject: Subject,
    line: Line<'h>,
    /// Tags that look as if they named a version, and name none.
    odd: Vec<String>,
    /// The release that it is counted from.
    found: Option<Tagged<ObjectId>>,
    base: Option<Base>,
    commits: Vec<Commit>,
    /// Every version that the next one may not be.
    taken: Vec<semver::Version>,
    /// Those of the commit itself.
    here: Vec<semver::Version>,
    beside: Beside,
    /// The release that the commit keeps alive, if it does.
    hotfix: Option<Hotfix>,
}

/// What is said beside the commits.
#[derive(Default)]
struct Beside {
    /// What raises the version.
    claims: Vec<Claim>,
    /// What may pass.
    waived: Vec<Waived>,
    entries: Vec<Entry>,
}

impl Case<'_> {
    /// The commit that it is counted from.
    fn since(&self) -> Option<ObjectId> {
        self.found.as_ref().map(|it| it.commit)
    }

    fn known(&self) -> Known<'_> {
        Known {
            base: self.base.as_ref(),
            commits: &self.commits,
            claims: &self.beside.claims,
            waived: &self.beside.waived,
            taken: &self.taken,
        }
    }
}

impl Bench<'_> {
    /// What comes of all of them, in their order.
    pub(super) fn judge(self, wish: &Wish) -> Result<Vec<Judged>, Failure> {
        let Some(first) = self.subjects.first() else {
            return Ok(Vec::new());
        };
        let history = first.history()?;
        let head = history.resolve(self.commit)?;
        let named = self.named;
        let cases = self.cases(&history, head)?;
        let verdicts = verdicts(&cases, named, wish);
        let judged = cases.into_iter().zip(verdicts);
        let judged = judged.map(|(case, verdict)| Judged {
            subject: case.subject,
            verdict,
            head,
            pattern: case.line.pattern,
            tags: case.line.tags,
            odd: case.odd,
            base: case.found,
            commits: case.commits,
            entries: case.beside.entries,
            claims: case.beside.claims,
            hotfix: case.hotfix,
        });
        Ok(judged.collect())
    }

    fn cases(self, history: &History, head: ObjectId) -> Result<Vec<Case<'_>>, Failure> {
        let context = match settings_if_any(self.shell)? {
            Some(_) => Some(Context::load(self.shell)?),
            None => None,
        };
        let tags = history.tags()?;
        let mut past = Past::of(history, head)?;
        let mut cases = Vec::with_capacity(self.subjects.len());
        for (place, subject) in self.subjects.into_iter().enumerate() {
            let mut line = subject.line_with(history, &tags)?;
            if let Some(below) = self.below {
                line.tags.retain(|it| it.version < *below);
            }
            line.note(self.shell);
            let there = || history.has_folder(head, &line.folder);
            if self.below.is_none() && !line.folder.is_empty() && !there()? {
                let commit = head.to_string();
                let name = &subject.name;
                return Err(errors::no_component_folder(
                    name,
                    &line.folder,
                    short(&commit),
                ));
            }
            // What was judged when it was released is not judged by what has been tagged since.
            let odd = match self.below {
                None => odd(&tags, &line.pattern),
                Some(_) => Vec::new(),
            };
            let since = self.since.filter(|_| self.named == Some(place));
            let found = match since {
                None => base(&line.tags, head, &mut past)?,
                Some(tag) => Some(tagged(&line, tag)?),
            };
            let found = found.cloned();
            let said = self.as_hotfix && self.named == Some(place);
            let hotfix = match &found {
                Some(of) => of_hotfix(&subject, &line, history, (self.commit, head), of, said)?,
                None => None,
            };
            let mut taken = match &hotfix {
                Some(it) => {
                    hotfix::taken(&line.tags, &it.of.version, head, &mut Ancestry(history))?
                }
                None => line.tags.iter().map(|it| it.version.clone()).collect(),
            };
            taken.extend(line.others.iter().map(|it| it.version.clone()));
            let here = line.tags.iter().filter(|it| it.commit == head);
            let here = here.map(|it| it.version.clone()).collect();
            cases.push(Case {
                base: found.as_ref().map(Tagged::base),
                found,
                commits: Vec::new(),
                taken,
                here,
                hotfix,
                beside: Beside::default(),
                odd,
                subject,
                line,
            });
        }
        for (case, commits) in commits(&mut past, &cases)?.into_iter().enumerate() {
            if let Some(case) = cases.get_mut(case) {
                case.commits = commits;
            }
        }
        let mut read = BTreeSet::new();
        for case in &mut cases {
            case.beside = case.beside(context.as_ref(), history, head)?;
            for entry in &case.beside.entries {
                if read.insert(entry.path.clone()) {
                    entry.note(self.shell, history, head);
                }
            }
        }
        Ok(cases)
    }
}

/// The line of a commit, which was named so, counted from a release, if it keeps that alive; `said` if
/// somebody says that it does.
fn of_hotfix(
    subject: &Subject,
    line: &Line<'_>,
    history: &History,
    (name, head): (&str, ObjectId),
    of: &Tagged<ObjectId>,
    said: bool,
) -> Result<Option<Hotfix>, Failure> {
    let above = hotfix::above(&line.tags, &of.version, head, &mut Ancestry(history))?;
    let above = above.map(Tagged::base);
    if said {
        return Ok(Some(Hotfix {
            of: of.base(),
            known_by: match above {
                Some(_) => KnownBy::Release,
                None => KnownBy::Said,
            },
            above,
        }));
    }
    let branch = match name {
        "HEAD" => history.head_branch()?,
        _ => None,
    };
    let rules = &subject.policy.hotfix;
    let branch = branch.as_deref();
    Ok(Hotfix::of(of.base(), above, branch, rules, &line.pattern))
}

/// A release by its tag.
fn tagged<'l>(line: &'l Line<'_>, tag: &str) -> Result<&'l Tagged<ObjectId>, Failure> {
    let found = line.tags.iter().find(|it| it.tag == tag);
    found.ok_or_else(|| errors::no_such_tag(tag, &line.pattern.to_string()))
}

/// The commits of each component since its release that touch it, the newest first.
fn commits(past: &mut Past<'_>, cases: &[Case<'_>]) -> Result<Vec<Vec<Commit>>, Failure> {
    let bases: Vec<_> = cases.iter().map(Case::since).collect();
    let since = past.since(&bases)?;
    let folders = || cases.iter().map(|it| it.line.folder.as_str());
    let own = Prefixes::new(folders())?;
    let last = since.iter().flatten().max();
    let mut wanted = vec![false; last.map_or(0, |it| it + 1)];
    for place in since.iter().flatten() {
        if let Some(wanted) = wanted.get_mut(*place) {
            *wanted = true;
        }
    }
    // One folder is asked about if it is not the whole.
    let asked = folders().any(|it| !it.is_empty());
    let mut read = Vec::with_capacity(wanted.len());
    for (place, wanted) in wanted.iter().enumerate() {
        let commit = past.commit(place).filter(|_| *wanted);
        read.push(match commit {
            None => None,
            Some(commit) => {
                let touched = match asked {
                    true => past.history().touched(commit.id, &own)?,
                    false => Vec::new(),
                };
                let message = Message::read(commit.message());
                let id = commit.id.to_string();
                Some((touched, Commit { id, message }))
            }
        });
    }
    let of = |(case, places): (usize, &Vec<usize>)| {
        let whole = folders().nth(case).is_none_or(str::is_empty);
        let some = places.iter().filter_map(|it| read.get(*it)?.as_ref());
        let own = some.filter(|(touched, _)| whole || touched.get(case).is_some_and(|it| *it));
        own.map(|(_, commit)| commit.clone()).collect()
    };
    Ok(since.iter().enumerate().map(of).collect())
}

impl Case<'_> {
    /// What change files and contracts say beside the commits, since the release or the beginning.
    fn beside(
        &self,
        context: Option<&Context<'_>>,
        history: &History,
        head: ObjectId,
    ) -> Result<Beside, Failure> {
        let subject = &self.subject;
        let top = history
            .work_tree()
            .unwrap_or_else(|| subject.folder.clone());
        let folder = match context {
            Some(context) => context.path(&context.settings().changelog.entries),
            None => top.join(entries::FOLDER),
        };
        let folder = path_in(&top, &folder)
            .ok_or_else(|| errors::outside_of_repository(&folder, &top, "changelog.entries"))?;
        let mut entries = entries::since(history, &folder, self.since(), head)?;
        if let Some(component) = &subject.component {
            entries.retain(|it| it.change.concerns(component));
        }
        let mut beside = Beside {
            claims: entries.iter().map(Claim::from).collect(),
            waived: Vec::new(),
            entries,
        };
        let (Some(old), Some(context)) = (self.since(), context) else {
            return Ok(beside);
        };
        if context.settings().contracts.files.is_empty() {
            return Ok(beside);
        }
        let state = |commit| State::Commit { history, commit };
        let component = subject.component.as_ref().map(|it| it.as_str());
        let (compared, _) = compare_all(context, component, &top, &state(old), &state(head))?;
        let (breaks, waived) = contracts::claims(&compared);
        beside.claims.extend(breaks);
        beside.waived = waived;
        Ok(beside)
    }
}

/// What comes of each: members of a group together.
fn verdicts(cases: &[Case<'_>], named: Option<usize>, wish: &Wish) -> Vec<Verdict> {
    let mut found: Vec<Option<Verdict>> = vec![None; cases.len()];
    for (place, case) in cases.iter().enumerate() {
        if found.get(place).is_none_or(Option::is_some) {
            continue;
        }
        let policy = &case.subject.policy;
        let component = case.subject.component.as_ref();
        let Some(group) = component.and_then(|it| policy.group(it)) else {
            let verdict = match &case.hotfix {
                Some(hotfix) => hotfix.verdict(policy, &case.known(), wish),
                None => policy.verdict(&case.known(), wish),
            };
            set(&mut found, place, verdict);
            continue;
        };
        let is_member = |case: &Case<'_>| {
            let component = case.subject.component.as_ref();
            component.is_some_and(|it| group.components.contains(it))
        };
        let places: Vec<usize> = (0..)
            .zip(cases)
            .filter(|(_, case)| is_member(case))
            .map(|(place, _)| place)
            .collect();
        let members: Vec<Member<'_>> = places
            .iter()
            .filter_map(|place| cases.get(*place))
            .map(|case| Member {
                component: &case.subject.name,
                known: case.known(),
                here: &case.here,
            })
            .collect();
        let together = Together {
            name: &group.name,
            kind: group.kind,
            members: &members,
            named: named.and_then(|named| places.iter().position(|it| *it == named)),
        };
        let hotfix = |place: &usize| cases.get(*place)?.hotfix.as_ref();
        // One commit is the same for all: what was taken back is in no member of it.
        let verdicts = match places.iter().any(|it| hotfix(it).is_some()) {
            true => Hotfix::policy(policy).together(&together, wish),
            false => policy.together(&together, wish),
        };
        for (place, mut verdict) in places.iter().zip(verdicts) {
            if let Some(hotfix) = hotfix(place) {
                hotfix.limit(policy, &mut verdict);
            }
            set(&mut found, *place, verdict);
        }
    }
    found.into_iter().flatten().collect()
}

fn set(found: &mut [Option<Verdict>], place: usize, verdict: Verdict) {
    if let Some(found) = found.get_mut(place) {
        *found = Some(verdict);
    }
}
