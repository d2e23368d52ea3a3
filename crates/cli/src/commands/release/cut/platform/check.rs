//! Whether a version of a platform is what it was when it was tagged.

use serde::Serialize;
use switchback_diag::{Diagnostic, Exit};
use switchback_supply::git::log::{ObjectId, Tags};
use switchback_supply::git::{Repository, Verification};
use switchback_version::tag::Tagged;

use super::super::{ledger, moved};
use super::known::{Read, Recorded, Releases};
use super::view::Kept;
use crate::book::{Book, RecordedTag};
use crate::commands::version::Subject;
use crate::context::Context;
use crate::errors::{self, Failure};
use crate::output::View;
use crate::page::{Page, Role};

/// Looks at the version with a tag, or at the newest that is part of what is checked out.
pub(super) fn run(
    context: &Context<'_>,
    subject: Subject,
    tag: Option<&str>,
) -> Result<Exit, Failure> {
    let name = subject.name.clone();
    let (book, _) = ledger(context.shell, &name)?;
    let history = subject.history()?;
    let repository = Repository::discover(&subject.folder)?;
    // What the ledger recorded is compared here, tag by tag, and all that differs is said.
    let releases = Releases::of(&history, subject, None)?;
    let tagged = match tag {
        None => releases
            .base
            .as_ref()
            .ok_or_else(|| errors::no_platform_release(&name))?,
        Some(tag) => {
            let found = releases.line.tags.iter().find(|it| it.tag == tag);
            found.ok_or_else(|| errors::no_such_tag(tag, &releases.line.pattern.to_string()))?
        }
    };
    let mut findings = Vec::new();
    let recorded = match releases.read(tagged)? {
        Read::Recorded(it) => Some(it),
        Read::Nothing => {
            let because = "its message names no manifest";
            findings.push(errors::manifest_wrong(&tagged.tag, because));
            None
        }
        Read::Wrong(because) => {
            findings.push(errors::manifest_wrong(&tagged.tag, &because));
            None
        }
    };
    if let Some(Verification::Bad { because }) = repository.verify_tag(&tagged.tag)? {
        let because = format!("its signature does not hold: {because}");
        findings.push(errors::manifest_wrong(&tagged.tag, &because));
    }
    let known = book.as_ref().map(|it| it.history.tags().get(&tagged.tag));
    match known {
        Ok(Some(was)) => findings.extend(ledger_says(&releases.tags, &tagged.tag, was)),
        Ok(None) => context
            .shell
            .out
            .note(&format!("the ledger has no {}", tagged.tag)),
        Err(because) => {
            let note = format!("the tags are held against no ledger: {because}");
            context.shell.out.note(&note);
        }
    }
    if let Some(recorded) = &recorded {
        findings.extend(parts(&releases.tags, recorded, book.as_ref().ok()));
    }
    let view = Checked::of(tagged, recorded.as_deref(), &findings);
    context.shell.out.data(&view);
    match findings.is_empty() {
        true => Ok(Exit::Ok),
        false => Err(Failure::many(findings)),
    }
}

/// What became of the tags of components since a manifest recorded them.
fn parts(tags: &Tags, recorded: &Recorded, book: Option<&Book>) -> Vec<Diagnostic> {
    let mut found = Vec::new();
    for part in recorded.manifest.components.values() {
        let is = tags.named(&part.tag).map(|it| it.target);
        let ledger = book.and_then(|it| it.history.tags().get(&part.tag));
        if is.is_none_or(|it| it.to_string() != part.commit) {
            found.push(errors::part_moved(
                &recorded.tag,
                &part.tag,
                &part.commit,
                is,
            ));
        } else if let Some(was) = ledger {
            found.extend(ledger_says(tags, &part.tag, was));
        }
    }
    found
}

/// What the ledger says of a tag that is not what it recorded.
fn ledger_says(tags: &Tags, tag: &str, was: &RecordedTag) -> Vec<Diagnostic> {
    moved(tags, tag, was).map_or_else(Vec::new, |it| it.diagnostics)
}

/// What came of it.
#[derive(Serialize)]
struct Checked {
    tag: String,
    version: String,
    /// The commit that the tag names.
    commit: String,
    /// Whether everything is what it was.
    holds: bool,
    /// The manifest, if it is what the tag says.
    manifest: Option<Kept>,
    /// How many components it has.
    components: usize,
    /// What is not what it was, a sentence each.
    findings: Vec<String>,
}

impl Checked {
    fn of(tagged: &Tagged<ObjectId>, recorded: Option<&Recorded>, findings: &[Diagnostic]) -> Self {
        Self {
            tag: tagged.tag.clone(),
            version: tagged.version.to_string(),
            commit: tagged.commit.to_string(),
            holds: findings.is_empty(),
            manifest: recorded.map(|it| Kept {
                file: it.file.clone(),
                digest: it.digest,
            }),
            components: recorded.map_or(0, |it| it.manifest.components.len()),
            findings: findings.iter().map(|it| it.message.clone()).collect(),
        }
    }
}

impl View for Checked {
    const SCHEMA: &'static str = "switchback.release-platform-check/v1";

    fn human(&self, page: &mut Page) {
        page.add(Role::Strong, &self.tag);
        match (self.findings.len(), &self.manifest) {
            (0, Some(manifest)) => page.line(&format!(
                " is what it was: {} components in {}, {}",
                self.components, manifest.file, manifest.digest
            )),
            (1, _) => page.line(" is not what it was in 1 thing"),
            (count, _) => page.line(&format!(" is not what it was in {count} things")),
        };
    }
}
