//! `switchback release platform`: a version of all components together.
//!
//! It is cut as a component is, in the same order and by the same hands: judged by what became of its
//! components instead of by commits, and what it writes is its manifest. Nothing in that depends on the
//! day or on who runs it, so a run that goes on from an interrupted one writes the same bytes.

mod check;
mod given;
mod known;
mod view;

use std::fs::{File, OpenOptions};
use std::io;

use clap::Args;
use semver::Version;
use switchback_diag::Exit;
use switchback_supply::git::Repository;
use switchback_version::platform::{Manifest, Parts, versions};
use switchback_version::verdict::{Decision, Wish};

use super::{Desk, How, commit, ledger, signing};
use crate::commands::release::files::{Place, Plan};
use crate::commands::version::{Subject, version};
use crate::context::{Context, path_in};
use crate::errors::{self, Failure};
use crate::files::FileError;
use crate::shell::Shell;
use given::Given;
use view::{Kept, PlatformView};

pub(in crate::commands::release) use known::{Read, Releases};

/// Tag a version of all components together, by the digests of what was built from them
///
/// It takes the newest release of each component that is part of what is checked out. Digests that
/// were recorded before are known; those of other releases have to be given.
#[derive(Debug, Args)]
pub(crate) struct CutPlatform {
    #[command(flatten)]
    given: Given,
    /// Cut this version instead of the lowest that is allowed
    #[arg(long, value_name = "VERSION")]
    propose: Option<String>,
    #[command(flatten)]
    how: How,
    /// Hold a version that has its tag against what it recorded: that of this tag, or the newest
    #[arg(
        long,
        value_name = "TAG",
        num_args = 0..=1,
        conflicts_with_all = ["digest", "digests", "take", "propose", "detached", "no_sign", "dry_run"]
    )]
    check: Option<Option<String>>,
    /// Show what would be done
    #[arg(long)]
    dry_run: bool,
}

/// The command, for hints.
pub(in crate::commands::release) const COMMAND: &str = "switchback release platform";

impl CutPlatform {
    pub(in crate::commands::release) fn run(self, shell: &Shell) -> Result<Exit, Failure> {
        let context = Context::load(shell)?;
        let platform = context.platform()?;
        let subject = Subject::of_platform(&context, platform);
        if let Some(tag) = &self.check {
            return check::run(&context, subject, tag.as_deref());
        }
        let given = self.given.read(&context, platform)?;
        let wish = Wish {
            version: self.propose.as_deref().map(version).transpose()?,
            channel: None,
        };
        let repository = Repository::discover(&subject.folder)?;
        let _turn = match self.dry_run {
            true => None,
            false => Some(turn(&repository)?),
        };
        let (book, _) = ledger(shell, &subject.name)?;
        let history = subject.history()?;
        let mut releases = Releases::of(&history, subject, book.as_ref().ok())?;
        let found = releases.of_components(&context, platform, &given.takes, book.as_ref().ok())?;
        let recorded = releases.recorded(shell)?;
        let parts = recorded.with_digests(found, &given.digests)?;
        let mut view = PlatformView::of(&recorded, &parts);
        let desk = Desk {
            shell,
            repository,
            judged: releases.judge(&recorded.versions(), &versions(&parts), &wish),
            book,
            recorded_as: Some(platform.name.clone()),
            manifest: None,
        };
        view.judged(&desk.judged.verdict);
        let exit = self.cut(&context, desk, parts, &mut view)?;
        shell.out.data(&view);
        Ok(exit)
    }

    /// Cuts the version, if there is one.
    fn cut(
        self,
        context: &Context<'_>,
        mut desk: Desk<'_>,
        parts: Parts,
        view: &mut PlatformView,
    ) -> Result<Exit, Failure> {
        if let Some((version, tag, found)) = desk.unrecorded(self.propose.as_deref(), None)? {
            view.release = Some(desk.record_left(&version, tag, found, self.dry_run)?);
            return Ok(Exit::Ok);
        }
        let (name, verdict) = (&desk.judged.subject.name, &desk.judged.verdict);
        if let Some(failure) = errors::no_version(name, verdict, COMMAND) {
            return Err(failure);
        }
        let Decision::Release { version } = desk.judged.verdict.decision.clone() else {
            return Ok(Exit::NothingToDo);
        };
        desk.check_base()?;
        let repository = desk.repository.clone();
        let head = repository.resolve("HEAD")?;
        let branch = desk.branch(&head, self.how.detached)?;
        let tag = desk.free_tag(&version)?;
        let place = Place::of(&desk.judged, &repository, &head)?;
        let (manifest, kept) = manifest(context, &place, &version, parts)?;
        let from = desk.judged.base.as_ref().map(|it| it.version.to_string());
        let plan = Plan::whole(&place, &kept.file, from, manifest.bytes())?;
        plan.check()?;
        if plan.files.is_empty() && version.pre.is_empty() {
            desk.check_free(&head, &tag)?;
        }
        desk.manifest = Some((kept.digest, kept.file.clone()));
        let mut release = desk.view(&version, &tag, branch.as_deref(), !self.dry_run);
        if !self.dry_run {
            let signing = signing(self.how.because, &repository, &head)?;
            let commit = commit(&place, &plan, &tag)?;
            desk.tag(&version, &commit, &signing, &mut release)?;
        }
        release.files = plan.files;
        view.manifest = Some(kept);
        view.release = Some(release);
        Ok(Exit::Ok)
    }
}

/// The manifest of a version, and where it is kept.
fn manifest(
    context: &Context<'_>,
    place: &Place<'_>,
    version: &Version,
    components: Parts,
) -> Result<(Manifest, Kept), Failure> {
    let platform = context.platform()?;
    let path = context.path(&platform.file);
    let file = path_in(place.top, &path)
        .filter(|it| !it.is_empty())
        .ok_or_else(|| errors::outside_of_repository(&path, place.top, "platform.file"))?;
    let manifest = Manifest {
        platform: platform.name.clone(),
        version: version.clone(),
        components,
    };
    let digest = manifest.digest();
    Ok((manifest, Kept { file, digest }))
}

/// The file beside Git's own by which runs wait for each other.
const TURN: &str = "switchback-platform.lock";

/// Waits until no other run cuts the platform in this repository. What is returned ends that for the
/// next one, as the end of the process does.
fn turn(repository: &Repository) -> Result<File, Failure> {
    let path = repository.git_dir().join(TURN);
    let opened = OpenOptions::new().create(true).append(true).open(&path);
    let file = opened.map_err(FileError::write(&path))?;
    match file.lock() {
        Ok(()) => Ok(file),
        // Where there are no locks, Git's own still let no two commits be made from one.
        Err(error) if error.kind() == io::ErrorKind::Unsupported => Ok(file),
        Err(error) => Err(FileError::write(&path)(error).into()),
    }
}
