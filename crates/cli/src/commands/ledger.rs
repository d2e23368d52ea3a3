//! `switchback ledger`: what was decided and done, and proof that nobody changed it since.

use std::path::{Path, PathBuf};

use clap::{Args, Subcommand};
use serde::Serialize;
use switchback_diag::Exit;
use switchback_ledger::{
    Anchor, Checkpoint, Entry, Ledger, Proof, Store, VerifyOptions, keys, verify,
};
use switchback_model::{Digest, EventId};
use switchback_supply::git::Repository;

use crate::book::{create_store, open_store};
use crate::context::{Context, LedgerPlace};
use crate::effects::{self, CHECKPOINT_TRAILER};
use crate::errors::{self, Failure};
use crate::files;
use crate::output::View;
use crate::page::{Cell, Page, Role};
use crate::settings::types::Environment;
use crate::shell::Shell;

/// Read, prove and verify the log of every decision and effect
#[derive(Debug, Subcommand)]
pub(crate) enum LedgerCommand {
    /// List events, newest last
    Log(Log),
    /// Show one event, whole
    Show(Show),
    /// Check that nothing was changed, inserted, removed or reordered
    Verify(Verify),
    /// Write a proof that an event is in the ledger
    Prove(Prove),
    /// Sign what the ledger holds now, for somebody else to keep
    Checkpoint(MakeCheckpoint),
    /// Make an empty ledger where the settings say
    Create,
}

/// List events, newest last
#[derive(Debug, Args)]
pub(crate) struct Log {
    /// How many of the newest events; 0 for all
    #[arg(long, default_value_t = 20)]
    limit: u64,
    /// Only events of this environment
    #[arg(long, value_name = "ENVIRONMENT")]
    env: Option<String>,
}

/// Show one event, whole
#[derive(Debug, Args)]
pub(crate) struct Show {
    /// Its number in the log, or its id
    event: String,
}

/// Check that nothing was changed, inserted, removed or reordered
#[derive(Debug, Args)]
pub(crate) struct Verify {
    /// A checkpoint that was kept elsewhere; may be given several times
    #[arg(long, value_name = "FILE")]
    checkpoint: Vec<PathBuf>,
    /// Verify this SQLite file instead of the ledger of the settings
    #[arg(long, value_name = "FILE")]
    store: Option<PathBuf>,
    /// Verify a proof instead: it needs no ledger
    #[arg(long, value_name = "FILE", conflicts_with_all = ["store"])]
    proof: Option<PathBuf>,
}

/// Write a proof that an event is in the ledger
#[derive(Debug, Args)]
pub(crate) struct Prove {
    /// Its number in the log, or its id
    event: String,
}

/// Sign what the ledger holds now, for somebody else to keep
#[derive(Debug, Args)]
pub(crate) struct MakeCheckpoint {
    /// Write it to this file too
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
}

type Opened = Ledger<Box<dyn Store>>;

impl LedgerCommand {
    /// Runs the command.
    pub(crate) fn run(self, shell: &Shell) -> Result<Exit, Failure> {
        let context = Context::load(shell)?;
        match self {
            LedgerCommand::Log(command) => command.run(&context),
            LedgerCommand::Show(command) => command.run(&context),
            LedgerCommand::Verify(command) => command.run(&context),
            LedgerCommand::Prove(command) => command.run(&context),
            LedgerCommand::Checkpoint(command) => command.run(&context),
            LedgerCommand::Create => create(&context),
        }
    }
}

/// Only asked for by name: an empty ledger in the place of a lost one would say that nothing is
/// live and nothing can be returned to.
fn create(context: &Context<'_>) -> Result<Exit, Failure> {
    let place = context.ledger()?;
    if open_store(&place).is_ok() {
        context.shell.out.note("there is a ledger already");
        return Ok(Exit::NothingToDo);
    }
    create_store(&place)?;
    context.shell.out.note("made an empty ledger");
    Ok(Exit::Ok)
}

fn open(context: &Context<'_>) -> Result<Opened, Failure> {
    Ok(Ledger::new(open_store(&context.ledger()?)?))
}

/// An entry by its number or its id.
fn find(ledger: &Opened, event: &str) -> Result<Entry, Failure> {
    if let Ok(index) = event.parse() {
        return Ok(ledger.get_index(index)?);
    }
    ledger
        .get(&EventId::from(event.to_owned()))?
        .ok_or_else(|| errors::no_such_event(event))
}

fn verifiers(context: &Context<'_>) -> Result<Vec<keys::VerifierKey>, Failure> {
    // The form of the key was checked when the settings were read.
    let text = context.settings().ledger.verifier.as_deref();
    Ok(text
        .and_then(|text| text.parse().ok())
        .into_iter()
        .collect())
}

impl Log {
    fn run(self, context: &Context<'_>) -> Result<Exit, Failure> {
        let ledger = open(context)?;
        let size = ledger.len()?;
        let wanted = self
            .env
            .as_deref()
            .map(|name| context.environment(name))
            .transpose()?;
        let first = match (self.limit, wanted) {
            (0, _) | (_, Some(_)) => 0,
            (limit, None) => size.saturating_sub(limit),
        };
        let mut rows = Vec::new();
        ledger.visit(first..size, |entry| {
            let row = Row::of(&entry);
            let elsewhere = |environment: &Environment| {
                row.environment.as_deref() != Some(environment.name.as_str())
            };
            if wanted.is_none_or(|environment| !elsewhere(environment)) {
                rows.push(row);
            }
            Ok(())
        })?;
        if self.limit > 0 {
            let extra = rows
                .len()
                .saturating_sub(usize::try_from(self.limit).unwrap_or(0));
            rows.drain(..extra);
        }
        context.shell.out.data(&Rows { size, events: rows });
        Ok(Exit::Ok)
    }
}

impl Show {
    fn run(self, context: &Context<'_>) -> Result<Exit, Failure> {
        let ledger = open(context)?;
        let entry = find(&ledger, &self.event)?;
        let payload = entry.payload.as_deref();
        let payload: Option<serde_json::Value> = payload.map(serde_json::from_slice).transpose()?;
        context.shell.out.data(&Event {
            index: entry.index,
            id: entry.leaf.id.to_string(),
            at: entry.leaf.at.to_string(),
            actor: entry.leaf.actor.to_string(),
            kind: entry.leaf.kind.clone(),
            payload_digest: entry.leaf.payload.to_string(),
            payload,
        });
        Ok(Exit::Ok)
    }
}

impl Verify {
    fn run(self, context: &Context<'_>) -> Result<Exit, Failure> {
        if let Some(path) = &self.proof {
            return self.proof(context, path);
        }
        let store = match &self.store {
            Some(path) => {
                let path = context.shell.folder.join(path);
                open_store(&LedgerPlace::Sqlite(path))?
            }
            None => open_store(&context.ledger()?)?,
        };
        let keys = verifiers(context)?;
        let mut anchors = anchors_in_git(context)?;
        for path in &self.checkpoint {
            anchors.push(anchor_in_file(context, path, &keys)?);
        }
        let in_git = anchors.len() - self.checkpoint.len();
        let report = verify(&store, &VerifyOptions { keys, anchors })?;
        context.shell.out.data(&Verified {
            sound: report.is_sound(),
            size: report.head.size,
            root: report.head.root.to_string(),
            erased: report.erased,
            signed: report.signed,
            anchors: report.anchors,
            anchors_in_git: in_git,
            vouched: report.vouched,
            problems: report.problems.iter().map(ToString::to_string).collect(),
            unlisted: report.unlisted,
        });
        if report.is_sound() {
            return Ok(Exit::Ok);
        }
        Err(errors::ledger_not_sound(&report))
    }

    fn proof(&self, context: &Context<'_>, path: &Path) -> Result<Exit, Failure> {
        let path = context.shell.folder.join(path);
        let wrong = |why: &dyn std::error::Error| errors::wrong_proof(&path, why);
        let proof: Proof =
            serde_json::from_str(&files::read(&path)?).map_err(|error| wrong(&error))?;
        let keys = verifiers(context)?;
        let Proof::Inclusion(proof) = proof else {
            return Err(errors::not_an_inclusion(&path));
        };
        let leaf = match self.checkpoint.first() {
            None => proof.verify_signed(&keys).map_err(|error| wrong(&error))?,
            Some(file) => {
                let anchor = anchor_in_file(context, file, &keys)?;
                let head = switchback_ledger::Head {
                    size: anchor.size,
                    root: anchor.root,
                };
                proof.verify(&head).map_err(|error| wrong(&error))?
            }
        };
        context.shell.out.data(&Proved {
            index: proof.index,
            size: proof.head.size,
            id: leaf.id.to_string(),
            at: leaf.at.to_string(),
            actor: leaf.actor.to_string(),
            kind: leaf.kind,
        });
        Ok(Exit::Ok)
    }
}

/// What commits in the environments' repositories say about the ledger.
fn anchors_in_git(context: &Context<'_>) -> Result<Vec<Anchor>, Failure> {
    let mut anchors: Vec<Anchor> = Vec::new();
    let Ok(environments) = context.environments() else {
        return Ok(anchors);
    };
    for environment in environments {
        if environment.values.is_none() {
            continue;
        }
        let place = effects::values(context, environment)?;
        let repository: &Repository = place.file.repository();
        let Some(head) = repository.find_branch(place.file.branch())? else {
            continue;
        };
        for commit in repository.log(&head, switchback_supply::git::LOG_LIMIT)? {
            if let Some(anchor) = commit
                .trailer(CHECKPOINT_TRAILER)
                .and_then(|line| anchor(line, commit.id.short()))
                && !anchors.iter().any(|known| known.source == anchor.source)
            {
                anchors.push(anchor);
            }
        }
    }
    Ok(anchors)
}

/// Reads `shop 42 sha256:…`.
fn anchor(line: &str, commit: &str) -> Option<Anchor> {
    let mut words = line.split(' ');
    let (origin, size, root) = (words.next()?, words.next()?, words.next()?);
    let root: Digest = root.parse().ok()?;
    let source = format!("commit {commit}");
    Some(Anchor {
        origin: origin.to_owned(),
        size: size.parse().ok()?,
        root,
        source,
    })
}

fn anchor_in_file(
    context: &Context<'_>,
    path: &Path,
    keys: &[keys::VerifierKey],
) -> Result<Anchor, Failure> {
    let path = context.shell.folder.join(path);
    let text = files::read(&path)?;
    let checkpoint = Checkpoint::open(text.as_bytes(), keys)
        .map_err(|error| errors::wrong_checkpoint(&path, &error))?;
    Ok(Anchor {
        origin: checkpoint.origin().to_owned(),
        size: checkpoint.head().size,
        root: checkpoint.head().root,
        source: path.display().to_string(),
    })
}

impl Prove {
    fn run(self, context: &Context<'_>) -> Result<Exit, Failure> {
        let ledger = open(context)?;
        let entry = find(&ledger, &self.event)?;
        // A proof is worth as much as the checkpoint that it leads to, so one is made if it can.
        let size = match signing_key(context, &ledger) {
            Ok(key) => ledger.checkpoint(&key)?.head().size,
            Err(_) if !context.ledger_key().exists() => ledger.len()?,
            Err(failure) => return Err(failure),
        };
        let proof = Proof::Inclusion(ledger.prove_inclusion(entry.index, size)?);
        let mut text = serde_json::to_vec_pretty(&proof)?;
        text.push(b'\n');
        context.shell.out.raw(&text);
        Ok(Exit::Ok)
    }
}

/// The signing key, once it is shown to be the one whose signatures the settings' key verifies: a
/// checkpoint by another one would stay in the ledger and fail every verification.
fn signing_key(context: &Context<'_>, ledger: &Opened) -> Result<keys::SigningKey, Failure> {
    let path = context.ledger_key();
    let text = files::read(&path).map_err(|error| errors::ledger_key(&path, &error.source))?;
    let key: keys::SigningKey = text
        .parse()
        .map_err(|error| errors::ledger_key(&path, &error))?;
    let trial = Checkpoint::sign(ledger.head()?, &key)
        .map_err(|error| errors::ledger_key(&path, &error))?;
    let keys = verifiers(context)?;
    if Checkpoint::open(trial.note().as_bytes(), &keys).is_err() {
        return Err(errors::no_verifier(key.name()));
    }
    Ok(key)
}

impl MakeCheckpoint {
    fn run(self, context: &Context<'_>) -> Result<Exit, Failure> {
        let ledger = open(context)?;
        let key = signing_key(context, &ledger)?;
        let checkpoint = ledger.checkpoint(&key)?;
        if let Some(path) = &self.out {
            files::replace(
                &context.shell.folder.join(path),
                checkpoint.note().as_bytes(),
            )?;
        }
        context.shell.out.raw(checkpoint.note().as_bytes());
        Ok(Exit::Ok)
    }
}

// ---- what is shown ----

#[derive(Serialize)]
struct Rows {
    size: u64,
    events: Vec<Row>,
}

#[derive(Serialize)]
struct Row {
    index: u64,
    id: String,
    at: String,
    actor: String,
    kind: String,
    environment: Option<String>,
    /// One line for people.
    what: String,
}

impl Row {
    fn of(entry: &Entry) -> Self {
        let (environment, what) = match entry.record() {
            Ok(record) => describe(&record.event),
            Err(error) => (None, error.to_string()),
        };
        Self {
            index: entry.index,
            id: entry.leaf.id.to_string(),
            at: entry.leaf.at.to_string(),
            actor: entry.leaf.actor.to_string(),
            kind: entry.leaf.kind.clone(),
            environment,
            what,
        }
    }
}

fn describe(event: &switchback_model::Event) -> (Option<String>, String) {
    use switchback_model::{Conclusion, Event};
    match event {
        Event::ReleaseRecorded { release } => {
            let commit = &release.commit[..release.commit.len().min(12)];
            (
                None,
                format!("{} {} from {commit}", release.component, release.version),
            )
        }
        Event::ChangeOpened { change, title, .. } => (None, format!("{change}: {title}")),
        Event::Planned { plan } => (Some(plan.environment.to_string()), plan.purpose.clone()),
        Event::Intended {
            environment,
            action,
            ..
        }
        | Event::Observed {
            environment,
            action,
        } => (Some(environment.to_string()), action.to_string()),
        Event::Concluded {
            environment,
            action,
            conclusion,
            ..
        } => {
            let end = match conclusion {
                Conclusion::Done {
                    recovered: true, ..
                } => "done, found so after an interruption".to_owned(),
                Conclusion::Done {
                    detail: Some(detail),
                    ..
                } => format!("done, {detail}"),
                Conclusion::Done { detail: None, .. } => "done".to_owned(),
                Conclusion::NotDone { reason } => format!("not done: {reason}"),
            };
            (Some(environment.to_string()), format!("{action}: {end}"))
        }
        Event::Refused {
            environment,
            action,
            reasons,
        } => {
            let reason = reasons.first().map(String::as_str).unwrap_or_default();
            (Some(environment.to_string()), format!("{action}: {reason}"))
        }
    }
}

impl View for Rows {
    const SCHEMA: &'static str = "switchback.ledger-log/v1";

    fn human(&self, page: &mut Page) {
        let rows: Vec<Vec<Cell>> = self
            .events
            .iter()
            .map(|row| {
                vec![
                    Cell::new(Role::Faint, row.index.to_string()),
                    Cell::new(Role::Faint, &row.at),
                    Cell::new(Role::Strong, &row.kind),
                    row.environment.as_deref().unwrap_or_default().into(),
                    row.what.as_str().into(),
                ]
            })
            .collect();
        page.table(0, &["", "at", "event", "environment", "what"], &rows);
    }
}

#[derive(Serialize)]
struct Event {
    index: u64,
    id: String,
    at: String,
    actor: String,
    kind: String,
    payload_digest: String,
    /// Null once it was erased.
    payload: Option<serde_json::Value>,
}

impl View for Event {
    const SCHEMA: &'static str = "switchback.ledger-event/v1";

    fn human(&self, page: &mut Page) {
        page.heading(&format!("event {}: {}", self.index, self.kind));
        let rows: Vec<Vec<Cell>> = [
            ("id", &self.id),
            ("at", &self.at),
            ("by", &self.actor),
            ("digest", &self.payload_digest),
        ]
        .into_iter()
        .map(|(name, value)| vec![Cell::new(Role::Label, name), value.as_str().into()])
        .collect();
        page.table(2, &[], &rows);
        page.end();
        match &self.payload {
            Some(payload) => {
                page.block(&format!("{payload:#}"));
            }
            None => {
                page.line("its content was erased; its place in the ledger is still proved");
            }
        }
    }
}

#[derive(Serialize)]
struct Verified {
    sound: bool,
    size: u64,
    root: String,
    erased: u64,
    signed: u64,
    anchors: u64,
    anchors_in_git: usize,
    /// Up to here the events are vouched for by a signature or an anchor.
    vouched: u64,
    problems: Vec<String>,
    unlisted: u64,
}

impl View for Verified {
    const SCHEMA: &'static str = "switchback.ledger-verified/v1";

    fn human(&self, page: &mut Page) {
        if !self.sound {
            page.add(Role::Bad, "not sound");
            page.line(&format!(": {} events were read", self.size));
            return;
        }
        page.add(Role::Good, "sound");
        page.line(&format!(": {} events, root {}", self.size, self.root));
        page.line(&format!(
            "  {} signed checkpoints and {} anchors agree, {} of these in commits",
            self.signed, self.anchors, self.anchors_in_git
        ));
        if self.vouched < self.size {
            page.line(&format!(
                "  events from {} on are vouched for by nothing outside yet: that they are all \
                 there cannot be shown",
                self.vouched
            ));
        }
        page.line(&match self.vouched {
            0 => "  shown: the events agree with each other; nothing outside vouches for them yet"
                .to_owned(),
            some => format!(
                "  shown: none of the first {some} events was edited, inserted, removed or reordered"
            ),
        });
        page.line("  not shown: that what was recorded is true");
    }
}

#[derive(Serialize)]
struct Proved {
    index: u64,
    size: u64,
    id: String,
    at: String,
    actor: String,
    kind: String,
}

impl View for Proved {
    const SCHEMA: &'static str = "switchback.ledger-proved/v1";

    fn human(&self, page: &mut Page) {
        page.add(Role::Good, "proved");
        page.line(&format!(
            ": event {} ({}, {}) is one of the first {} of the ledger",
            self.index, self.kind, self.id, self.size
        ));
        page.line(&format!("  recorded at {} by {}", self.at, self.actor));
    }
}
