//! `switchback ledger`: what was decided and done, and proof that nobody changed it since.

mod view;

use std::path::{Path, PathBuf};

use clap::{Args, Subcommand};
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
use crate::settings::types::Environment;
use crate::shell::Shell;
use view::{Event, Proved, Row, Rows, Verified};

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
