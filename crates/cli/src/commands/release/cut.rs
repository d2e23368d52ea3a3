//! `switchback release cut`: the next version into its files, a commit, and its tag.
//!
//! The order, and what a crash after each step leaves for the same command to go on from:
//!
//! 1. Judge, check, and sign something that nobody sees. *Nothing.*
//! 2. Write the files. *Files that are as they will be committed.*
//! 3. Commit them. *A commit with the version and without its tag.*
//! 4. Make the tag, and verify it. *A tag that is not recorded.*
//! 5. Record it in the ledger.
//!
//! Nothing is pushed, and a tag is never moved. Members of a group are cut [together]: by one commit with
//! a tag for each. A [platform] is cut as a component is, and what it writes is its manifest.

pub(super) mod platform;
mod together;
mod view;

use clap::Args;
use semver::Version;
use switchback_diag::Exit;
use switchback_model::{ComponentName, Digest, Event, TagSignature};
use switchback_supply::git::log::{ObjectId, Tags};
use switchback_supply::git::{
    CommitId, FoundTag, GitError, NewTag, Repository, Signer, Signing, Verification,
};
use switchback_version::tag::{TagPattern, Tagged};
use switchback_version::verdict::Decision;

use super::facts::{Told, Which, day};
use super::files::{Place, Plan};
use super::hotfix::carry::Left;
use super::message::{self, Beside};
use crate::book::{Book, RecordedTag, tag_id};
use crate::commands::version::{Judged, Of};
use crate::context::{Context, settings_if_any};
use crate::errors::{self, Failure};
use crate::guard::reason;
use crate::shell::Shell;
use view::CutView;

/// Write the next version into its files, commit them and tag the commit
#[derive(Debug, Args)]
pub(crate) struct Cut {
    #[command(flatten)]
    of: Of,
    /// Cut this version instead of the lowest that is allowed
    #[arg(long, value_name = "VERSION")]
    propose: Option<String>,
    /// Cut a pre-release in this channel, such as `rc` for 1.2.0-rc.1
    #[arg(long, value_name = "CHANNEL")]
    pre: Option<String>,
    #[command(flatten)]
    how: How,
    /// Tag only what says the version already, as it does after a merge of `release pr`
    #[arg(long)]
    prepared: bool,
    /// Show what would be done
    #[arg(long)]
    dry_run: bool,
}

/// How a release is committed and tagged.
#[derive(Debug, Args)]
struct How {
    /// Commit although no branch is checked out
    #[arg(long)]
    detached: bool,
    /// Do not sign the tag, whatever Git is configured to do
    #[arg(long, requires = "because")]
    no_sign: bool,
    /// Why the tag is not signed
    #[arg(long, value_name = "TEXT", requires = "no_sign")]
    because: Option<String>,
}

/// What is at hand.
struct Desk<'a> {
    shell: &'a Shell,
    repository: Repository,
    judged: Judged,
    /// The ledger, if there is one; else why there is none.
    book: Result<Book, String>,
    /// The component as the ledger knows it.
    recorded_as: Option<ComponentName>,
    /// Of a platform: the digest of its manifest, and the file with it.
    manifest: Option<(Digest, String)>,
}

impl Cut {
    pub(super) fn run(mut self, shell: &Shell) -> Result<Exit, Failure> {
        let wanted = (self.propose.clone(), self.pre.clone());
        let of = std::mem::take(&mut self.of);
        let (mut all, named) = Judged::together(shell, of, self.propose.clone(), self.pre.clone())?;
        if all.len() > 1 {
            return self.together(shell, all, named);
        }
        let judged = all.swap_remove(named);
        let mut desk = Desk::of(shell, judged)?;
        desk.check_recorded()?;
        let head = desk.repository.resolve("HEAD")?;
        if let Some((version, tag, found)) =
            desk.unrecorded(wanted.0.as_deref(), wanted.1.as_deref())?
        {
            return desk.record_only(version, tag, found, self.dry_run);
        }
        let Decision::Release { version } = desk.judged.verdict.decision.clone() else {
            return desk.judged.show(shell);
        };
        desk.check_base()?;
        if let Some(candidate) = desk.candidate(&version) {
            shell.out.note(&candidate_already(&candidate.tag));
            return Ok(Exit::NothingToDo);
        }
        let branch = desk.branch(&head, self.how.detached)?;
        let tag = desk.free_tag(&version)?;
        let repository = desk.repository.clone();
        let place = Place::of(&desk.judged, &repository, &head)?;
        let plan = Plan::of(&place, &desk.told(&version)?, &tag)?;
        plan.check()?;
        if self.prepared && !plan.is_prepared() {
            shell.out.note(&not_prepared(&version));
            return Ok(Exit::NothingToDo);
        }
        if plan.files.is_empty() && version.pre.is_empty() {
            desk.check_free(&head, &tag)?;
        }
        for note in &plan.notes {
            shell.out.note(note);
        }
        let mut view = desk.view(&version, &tag, branch.as_deref(), !self.dry_run);
        if self.dry_run {
            view.files = plan.files;
            view.hotfix = desk.left(desk.hotfix_of(), &tag, &head);
            shell.out.data(&view);
            return Ok(Exit::Ok);
        }
        let signing = signing(self.how.because, &repository, &head)?;
        let commit = commit(&place, &plan, &tag)?;
        desk.tag(&version, &commit, &signing, &mut view)?;
        view.files = plan.files;
        shell.out.data(&view);
        Ok(Exit::Ok)
    }
}

/// Why nothing is tagged that only would be if files said it.
fn not_prepared(version: &Version) -> String {
    format!("nothing is tagged: no file says {version} yet, or not all of them do")
}

/// Why there is no next candidate.
fn candidate_already(tag: &str) -> String {
    format!("what is checked out is {tag} already, and nothing came after it")
}

/// How tags are signed, tried on something that nobody sees.
fn signing(
    because: Option<String>,
    repository: &Repository,
    head: &CommitId,
) -> Result<Signing, Failure> {
    let signing = match because {
        Some(because) => {
            let because = reason(&because);
            let because = because.map_err(|why| errors::usage(format!("`--because`: {why}")))?;
            Signing::Off { because }
        }
        None => {
            let signing = repository.tag_signing();
            signing.map_err(|error| errors::signing(error, false))?
        }
    };
    if let Signing::On(signer) = &signing {
        let tried = repository.try_signing(signer, head);
        let tried = tried.map_err(|error| errors::signing(error, false))?;
        if let Some(failure) = errors::bad_signature(&tried) {
            return Err(failure);
        }
    }
    Ok(signing)
}

/// The ledger, if there is one, and what the component is called there.
pub(super) fn ledger(
    shell: &Shell,
    component: &str,
) -> Result<(Result<Book, String>, Option<ComponentName>), Failure> {
    if settings_if_any(shell)?.is_none() {
        return Ok((Err("there are no settings".to_owned()), None));
    }
    let context = Context::load(shell)?;
    // Without components it is the project that is released.
    let project = context.settings().project.name.to_string();
    let mut names = context.components().map(ComponentName::as_str);
    let name = names.find(|it| *it == component).unwrap_or(&project);
    let name = ComponentName::new(name).ok();
    let book = Book::open_if_any(&context)?.ok_or_else(|| "there is no ledger".to_owned());
    Ok((book, name))
}

/// That every tag of a component is what was recorded.
pub(super) fn check_recorded(
    book: &Book,
    pattern: &TagPattern,
    tags: &Tags,
) -> Result<(), Failure> {
    for (tag, was) in book.history.tags() {
        if pattern.version(tag).is_none() {
            continue;
        }
        if let Some(moved) = moved(tags, tag, was) {
            return Err(moved);
        }
    }
    Ok(())
}

/// That a tag is not what was recorded, if it is not.
fn moved(tags: &Tags, tag: &str, was: &RecordedTag) -> Option<Failure> {
    let is = tags.named(tag);
    let is = is.map(|it| (it.object.to_string(), it.target.to_string()));
    let same = is.as_ref() == Some(&(was.object.clone(), was.commit.clone()));
    (!same).then(|| errors::tag_moved(tag, was, is))
}

/// Commits what a plan writes. If that fails, the files are what they were.
fn commit(place: &Place<'_>, plan: &Plan, tag: &str) -> Result<CommitId, Failure> {
    if plan.files.is_empty() {
        return Ok(place.head.clone());
    }
    plan.write(place)?;
    let subject = format!("chore(release): {tag}");
    let made = place
        .repository
        .commit_paths(place.head, &plan.paths(), &subject);
    made.map_err(|error| {
        // What was committed stays: the same command goes on from it.
        let moved = place.repository.resolve("HEAD").ok().as_ref() != Some(place.head);
        let back = if moved { Ok(()) } else { plan.take_back(place) };
        let mut failure = Failure::from(error);
        if let Err(error) = back {
            failure.diagnostics.extend(Failure::from(error).diagnostics);
        }
        failure
    })
}

/// The command that pushes what was made.
fn push(branch: Option<&str>, tag: &str) -> String {
    match branch {
        Some(branch) => format!("git push --atomic origin {branch} refs/tags/{tag}"),
        None => format!("git push origin refs/tags/{tag}"),
    }
}

impl<'a> Desk<'a> {
    /// What is at hand for what was judged.
    fn of(shell: &'a Shell, judged: Judged) -> Result<Self, Failure> {
        let (book, recorded_as) = ledger(shell, &judged.subject.name)?;
        Ok(Self {
            repository: Repository::discover(&judged.subject.folder)?,
            shell,
            judged,
            book,
            recorded_as,
            manifest: None,
        })
    }

    /// A version before it is cut.
    fn view(&self, version: &Version, tag: &str, branch: Option<&str>, cut: bool) -> CutView {
        CutView {
            component: self.judged.subject.name.clone(),
            version: version.to_string(),
            tag: tag.to_owned(),
            cut,
            commit: None,
            object: None,
            signature: None,
            recorded: false,
            push: push(branch, tag),
            files: Vec::new(),
            hotfix: None,
        }
    }
}

impl Desk<'_> {
    /// That every tag of the component is what was recorded.
    fn check_recorded(&self) -> Result<(), Failure> {
        match &self.book {
            Ok(book) => {
                let tags = self.judged.subject.history()?.tags()?;
                check_recorded(book, &self.judged.pattern, &tags)
            }
            Err(_) => Ok(()),
        }
    }

    /// The branch that a commit on top of what was judged would stay on.
    fn branch(&self, head: &CommitId, detached: bool) -> Result<Option<String>, Failure> {
        let branch = self.repository.current_branch()?;
        if branch.is_none() && !detached {
            return Err(errors::head_detached(head));
        }
        self.judged.check_head(head)?;
        Ok(branch)
    }

    /// The name of a tag of a version, which is not there yet.
    fn free_tag(&self, version: &Version) -> Result<String, Failure> {
        let tag = self.judged.pattern.tag(version);
        match self.repository.tag(&tag)? {
            None => Ok(tag),
            Some(found) => Err(GitError::TagExists {
                tag,
                object: found.object,
                commit: found.commit,
            }
            .into()),
        }
    }

    /// What is told of a version, with all that users have to be told.
    fn told(&self, version: &Version) -> Result<Told<'_>, Failure> {
        let which = Which {
            version,
            day: day(self.shell.clock.now())?,
            published: false,
        };
        let told = Told::of(self.shell, &self.judged, &which)?;
        told.check_users()?;
        Ok(told)
    }

    /// Makes the tag of a version, verifies it and records it.
    fn tag(
        &mut self,
        version: &Version,
        commit: &CommitId,
        signing: &Signing,
        view: &mut CutView,
    ) -> Result<(), Failure> {
        let unsigned = match signing {
            Signing::On(_) => None,
            Signing::Off { because } => Some(because.as_str()),
        };
        let release = self.judged.subject.release(version);
        let manifest = self.manifest.as_ref();
        let beside = Beside {
            unsigned,
            hotfix_of: self.hotfix_of(),
            manifest: manifest.map(|(digest, file)| (*digest, file.as_str())),
        };
        let message = message::of(&view.tag, &release, &self.judged.verdict, &beside);
        let found = self
            .repository
            .make_tag(&NewTag {
                name: &view.tag,
                commit,
                message: &message,
                sign: matches!(signing, Signing::On(_)),
            })
            .map_err(|error| errors::signing(error, true))?;
        let signature = self.signature(&view.tag, signing)?;
        view.recorded = self.record(version, &view.tag, &found, commit, &signature)?;
        view.hotfix = self.left(self.hotfix_of(), &view.tag, commit);
        view.commit = Some(commit.clone().into());
        view.object = Some(found.object);
        view.signature = Some(signature);
        Ok(())
    }

    /// The tag of what is checked out that a run made which was interrupted before it recorded it.
    fn unrecorded(
        &self,
        proposed: Option<&str>,
        channel: Option<&str>,
    ) -> Result<Option<(Version, String, FoundTag)>, Failure> {
        let Ok(book) = &self.book else {
            return Ok(None);
        };
        for it in self.at_head() {
            // Another one than was asked for has nothing to do with this run.
            let asked = match channel {
                Some(channel) => it.version.pre.starts_with(&format!("{channel}.")),
                None => {
                    let version = it.version.to_string();
                    proposed.map_or(it.version.pre.is_empty(), |proposed| proposed == version)
                }
            };
            if book.history.tags().contains_key(&it.tag) || !asked {
                continue;
            }
            let Some(found) = self.repository.tag(&it.tag)? else {
                continue;
            };
            let release = self.judged.subject.release(&it.version);
            let ours = |text: &String| message::is_ours(text, &release);
            if found.message.as_ref().is_some_and(ours) {
                return Ok(Some((it.version.clone(), it.tag.clone(), found)));
            }
        }
        Ok(None)
    }

    /// The release tags of the commit that is checked out.
    fn at_head(&self) -> impl Iterator<Item = &Tagged<ObjectId>> {
        let head = self.judged.head;
        self.judged.tags.iter().filter(move |it| it.commit == head)
    }

    /// The tag of what is checked out that is a candidate of a version, in the same channel.
    fn candidate(&self, version: &Version) -> Option<&Tagged<ObjectId>> {
        let channel = |it: &Version| {
            let channel = it.pre.split('.').next().map(str::to_owned);
            (it.major, it.minor, it.patch, channel)
        };
        self.at_head()
            .find(|it| !version.pre.is_empty() && channel(&it.version) == channel(version))
    }

    /// Records a tag that a run made which was interrupted, and shows that.
    fn record_only(
        mut self,
        version: Version,
        tag: String,
        found: FoundTag,
        dry_run: bool,
    ) -> Result<Exit, Failure> {
        let view = self.record_left(&version, tag, found, dry_run)?;
        self.shell.out.data(&view);
        Ok(Exit::Ok)
    }

    /// Records a tag that a run made which was interrupted.
    fn record_left(
        &mut self,
        version: &Version,
        tag: String,
        found: FoundTag,
        dry_run: bool,
    ) -> Result<CutView, Failure> {
        let commit = self.repository.resolve("HEAD")?;
        let signing = match found.signed {
            Some(format) => Signing::On(Signer { format, key: None }),
            None => {
                let says = found.message.as_deref().and_then(message::unsigned);
                let because = says.unwrap_or("its message does not say why").to_owned();
                Signing::Off { because }
            }
        };
        let signature = self.signature(&tag, &signing)?;
        let recorded = !dry_run && self.record(version, &tag, &found, &commit, &signature)?;
        let branch = self.repository.current_branch()?;
        let of = found.message.as_deref().and_then(message::hotfix_of);
        let hotfix = self.left(of, &tag, &commit);
        Ok(CutView {
            commit: Some(commit.into()),
            object: Some(found.object),
            signature: Some(signature),
            recorded,
            hotfix,
            ..self.view(version, &tag, branch.as_deref(), !dry_run)
        })
    }

    /// That no release is passed over from which it would have to be counted.
    fn check_base(&self) -> Result<(), Failure> {
        self.judged.unclear().map_or(Ok(()), Err)
    }

    /// That a commit which gets a tag and nothing else is no release already.
    fn check_free(&self, head: &CommitId, tag: &str) -> Result<(), Failure> {
        let mut releases = self.at_head().filter(|it| it.version.pre.is_empty());
        match releases.next() {
            None => Ok(()),
            Some(release) => {
                let cause = format!(
                    "commit {} is the release {} already, and would be {tag} too",
                    head.short(),
                    release.tag
                );
                let hint = "a commit is one release: commit what makes it another one first";
                Err(errors::tags_unclear(&[cause], hint))
            }
        }
    }

    /// Verifies the tag that was made.
    fn signature(&self, tag: &str, signing: &Signing) -> Result<TagSignature, Failure> {
        let signer = match signing {
            Signing::On(signer) => signer,
            Signing::Off { because } => {
                let because = switchback_diag::escape_line(because).to_string();
                return Ok(TagSignature::Unsigned { because });
            }
        };
        let format = signer.format.word().to_owned();
        match self.repository.verify_tag(tag)? {
            Some(Verification::Good { by }) => Ok(TagSignature::Verified { format, by }),
            Some(Verification::Unknown { because }) => {
                Ok(TagSignature::Unverified { format, because })
            }
            Some(Verification::Bad { because }) => Err(errors::tag_not_verified(tag, &because)),
            None => Err(errors::tag_not_verified(tag, "it has no signature")),
        }
    }

    /// What a hotfix leaves to be done; none where this is none.
    fn left(&self, of: Option<&str>, tag: &str, commit: &CommitId) -> Option<Left> {
        let subject = &self.judged.subject;
        of.map(|of| Left::of(subject, &self.repository, of, tag, commit))
    }

    /// The tag of the release that is mended, if this is a hotfix.
    fn hotfix_of(&self) -> Option<&str> {
        let hotfix = self.judged.hotfix.as_ref();
        hotfix.map(|it| it.of.tag.as_str())
    }

    /// Records the tag, and says whether it is recorded.
    fn record(
        &mut self,
        version: &Version,
        tag: &str,
        found: &FoundTag,
        commit: &CommitId,
        signature: &TagSignature,
    ) -> Result<bool, Failure> {
        let (book, component) = match (&mut self.book, &self.recorded_as) {
            (Ok(book), Some(component)) => (book, component.clone()),
            (Err(because), _) => {
                let note = format!("the tag is not recorded: {because}");
                self.shell.out.note(&note);
                return Ok(false);
            }
            (Ok(_), None) => return Ok(false),
        };
        let event = Event::ReleaseTagged {
            component,
            version: super::version(&version.to_string())?,
            tag: tag.to_owned(),
            object: found.object.clone(),
            commit: commit.as_str().to_owned(),
            signature: signature.clone(),
            hotfix_of: found
                .message
                .as_deref()
                .and_then(message::hotfix_of)
                .map(str::to_owned),
        };
        book.append(tag_id(tag), self.shell.clock.now(), event)?;
        Ok(true)
    }
}
