//! `switchback release`: versions, and where their code stands in each open change.

mod cut;
mod facts;
mod files;
mod hotfix;
mod message;
mod notes;
mod notices;
mod pending;
mod plan;
mod pr;

use std::collections::BTreeMap;

use clap::{Args, Subcommand};
use serde::Serialize;
use switchback_diag::Exit;
use switchback_interlock::surface::SurfaceState;
use switchback_migration::Definition;
use switchback_model::{ChangeId, CodeStep, ComponentName, Event, Release, Shape, Version};
use switchback_supply::git::{CommitId, Repository};

use crate::book::{Book, release_id};
use crate::changes;
use crate::context::Context;
use crate::errors::{self, Failure};
use crate::output::View;
use crate::page::{Page, Role};
use crate::shell::Shell;

/// Record versions and where their code stands
#[derive(Debug, Subcommand)]
pub(crate) enum ReleaseCommand {
    /// Record a version that was made from a commit
    Record(RecordRelease),
    /// Write the next version into its files, commit them and tag the commit
    Cut(cut::Cut),
    /// Tag a version of all components together, by the digests of what was built from them
    Platform(cut::platform::CutPlatform),
    /// Show which components would be released now, as which version, and why
    Plan(plan::Show),
    /// Keep a branch with what the next release writes into files, for a pull request
    Pr(pr::Pr),
    /// Write a text about a release for people
    Notes(notes::WriteNotes),
    /// Show what is known of a release, from which texts about it are made
    Facts(notes::ShowFacts),
    /// Mend a release that is out: a branch at its tag, and what has to be carried forward from it
    Hotfix(hotfix::Hotfix),
}

/// Record a version that was made from a commit
#[derive(Debug, Args)]
pub(crate) struct RecordRelease {
    /// The version, such as 1.4.0
    #[arg(long)]
    version: String,
    /// The component; may be left out if there is only one
    #[arg(long)]
    component: Option<String>,
    /// The commit that the version was made from: any name that Git knows
    #[arg(long, default_value = "HEAD", value_name = "REVISION")]
    commit: String,
    /// Show what would be recorded
    #[arg(long)]
    dry_run: bool,
}

/// Parses a version from the command line.
pub(crate) fn version(text: &str) -> Result<Version, Failure> {
    text.parse()
        .map_err(|error| errors::wrong_version(text, &error))
}

impl ReleaseCommand {
    /// Runs the command.
    pub(crate) fn run(self, shell: &Shell) -> Result<Exit, Failure> {
        match self {
            ReleaseCommand::Record(command) => command.run(&Context::load(shell)?),
            ReleaseCommand::Cut(command) => command.run(shell),
            ReleaseCommand::Platform(command) => command.run(shell),
            ReleaseCommand::Plan(command) => command.run(shell),
            ReleaseCommand::Pr(command) => command.run(shell),
            ReleaseCommand::Notes(command) => command.run(shell),
            ReleaseCommand::Facts(command) => command.run(shell),
            ReleaseCommand::Hotfix(command) => command.run(shell),
        }
    }
}

impl RecordRelease {
    fn run(self, context: &Context<'_>) -> Result<Exit, Failure> {
        let mut book = Book::open(context)?;
        let component = &context.component(self.component.as_deref())?.name;
        let version = version(&self.version)?;
        let repository = Repository::open(&context.root)?;
        let commit = repository.resolve(&self.commit)?;
        // A commit never says anything else, so what is recorded from it needs no second look.
        if let Some(known) = book.world.catalog.release(component, &version) {
            if known.commit == commit.as_str() {
                context
                    .shell
                    .out
                    .note(&format!("{component} {version} is recorded already"));
                return Ok(Exit::NothingToDo);
            }
            let (was, is) = (&known.commit, commit.as_str());
            return Err(errors::release_differs(component, &version, was, is));
        }
        let (code, found) = code_at(context, &book, &repository, &commit)?;
        let release = Release {
            component: component.clone(),
            version: version.clone(),
            commit: commit.as_str().to_owned(),
            code,
        };
        check_one_step(&book, &release)?;
        if !self.dry_run {
            // Not before everything is checked: a release that is refused opens nothing.
            for definition in &found {
                changes::open(&mut book, definition, context.shell.clock.now())?;
            }
            let event = Event::ReleaseRecorded {
                release: release.clone(),
            };
            let at = context.shell.clock.now();
            book.append(release_id(component, &version), at, event)?;
        }
        context.shell.out.data(&Recorded {
            component: component.to_string(),
            version: version.to_string(),
            commit: release.commit.clone(),
            recorded: !self.dry_run,
            code: release
                .code
                .iter()
                .map(|(change, step)| (change.to_string(), step.name.to_string()))
                .collect(),
        });
        Ok(Exit::Ok)
    }
}

/// Where the code of a commit stands in each change, and the changes that the commit has.
fn code_at(
    context: &Context<'_>,
    book: &Book,
    repository: &Repository,
    commit: &CommitId,
) -> Result<(BTreeMap<ChangeId, CodeStep>, Vec<Definition>), Failure> {
    let mut code = BTreeMap::new();
    let mut found = Vec::new();
    for id in changes::ids_at_commit(context, repository, commit)? {
        let Some(definition) = changes::at_commit(context, repository, commit, &id)? else {
            continue;
        };
        if changes::check_unedited(book, &definition).is_err() {
            return Err(errors::change_differs_at(&id, commit.short()));
        }
        if let Some(step) = definition.code_step() {
            code.insert(id, step);
        }
        found.push(definition);
    }
    // Code from before a change is where the change found it; code from after it is at its end.
    for (id, change) in &book.world.catalog.changes {
        if code.contains_key(id) {
            continue;
        }
        // A hotfix off a tag from before the change knows nothing of it.
        if !changes::was_known(context, repository, commit, id)? {
            continue;
        }
        match change.code.last().filter(|_| is_contracted(book, id)) {
            Some(last) => _ = code.insert(id.clone(), last.clone()),
            None => return Err(errors::change_folder_gone(id, commit.short())),
        }
    }
    Ok((code, found))
}

/// Whether the old shape of a change is gone somewhere.
fn is_contracted(book: &Book, change: &ChangeId) -> bool {
    book.world.environments.values().any(|environment| {
        environment
            .surfaces
            .get(change)
            .is_some_and(|surface| match surface.settled() {
                SurfaceState::Replicated(state) => !state.exists.has(Shape::Old),
                SurfaceState::Tagged(_) => false,
            })
    })
}

/// A release moves at most one code step in each change from the release before it.
fn check_one_step(book: &Book, release: &Release) -> Result<(), Failure> {
    let catalog = &book.world.catalog;
    let earlier = catalog.releases.get(&release.component);
    let before = earlier.and_then(|all| all.range(..&release.version).next_back());
    let mut skips = Vec::new();
    for (change, step) in &release.code {
        let from = match before {
            Some((_, before)) => catalog.code(before, change).cloned(),
            None => None,
        };
        let position = from.as_ref().map_or(0, |from| from.position);
        if position.abs_diff(step.position) > 1 {
            let from = from.map_or_else(|| "old".to_owned(), |from| from.name.to_string());
            skips.push(format!("in {change} from `{from}` to `{}`", step.name));
        }
    }
    if skips.is_empty() {
        return Ok(());
    }
    let component: &ComponentName = &release.component;
    let named = match before {
        Some((version, _)) => format!("{component} {version}"),
        None => "the code from before the change".to_owned(),
    };
    Err(errors::release_skips(
        component,
        &release.version,
        &named,
        &skips,
    ))
}

#[derive(Serialize)]
struct Recorded {
    component: String,
    version: String,
    commit: String,
    recorded: bool,
    /// The code step in each open change.
    code: BTreeMap<String, String>,
}

impl View for Recorded {
    const SCHEMA: &'static str = "switchback.release-recorded/v1";

    fn human(&self, page: &mut Page) {
        let word = if self.recorded {
            "recorded"
        } else {
            "would record"
        };
        page.add(Role::Good, word).add(Role::Plain, " ");
        page.add(
            Role::Strong,
            &format!("{} {}", self.component, self.version),
        );
        page.line(&format!(
            " from commit {}",
            &self.commit[..self.commit.len().min(12)]
        ));
        for (change, step) in &self.code {
            page.line(&format!("  {change}: the code is at `{step}`"));
        }
    }
}
