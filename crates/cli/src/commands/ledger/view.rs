//! What `switchback ledger` shows.

use serde::Serialize;
use switchback_ledger::Entry;
use switchback_model::{Conclusion, Event as Recorded, Rehearsal, RehearsalVerdict, TagSignature};

use crate::output::View;
use crate::page::{Cell, Page, Role};

#[derive(Serialize)]
pub(super) struct Rows {
    pub(super) size: u64,
    pub(super) events: Vec<Row>,
}

#[derive(Serialize)]
pub(super) struct Row {
    pub(super) index: u64,
    pub(super) id: String,
    pub(super) at: String,
    pub(super) actor: String,
    pub(super) kind: String,
    pub(super) environment: Option<String>,
    /// One line for people.
    pub(super) what: String,
}

impl Row {
    pub(super) fn of(entry: &Entry) -> Self {
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

fn describe(event: &Recorded) -> (Option<String>, String) {
    match event {
        Recorded::ReleaseRecorded { release } => {
            let commit = &release.commit[..release.commit.len().min(12)];
            (
                None,
                format!("{} {} from {commit}", release.component, release.version),
            )
        }
        Recorded::ChangeOpened { change, title, .. } => (None, format!("{change}: {title}")),
        Recorded::Planned { plan } => (Some(plan.environment.to_string()), plan.purpose.clone()),
        Recorded::Intended {
            environment,
            action,
            ..
        }
        | Recorded::Observed {
            environment,
            action,
        } => (Some(environment.to_string()), action.to_string()),
        Recorded::Concluded {
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
        Recorded::Refused {
            environment,
            action,
            reasons,
        } => {
            let reason = reasons.first().map(String::as_str).unwrap_or_default();
            (Some(environment.to_string()), format!("{action}: {reason}"))
        }
        Recorded::UsesCounted {
            environment,
            change,
            counts,
        } => {
            let number = counts.calls.len();
            let what = format!("{change}: statements that use its old shape: {number}");
            (Some(environment.to_string()), what)
        }
        Recorded::Accepted {
            environment,
            action,
            what,
            reason,
        } => {
            let first = what.first().map(String::as_str).unwrap_or_default();
            let what = format!("{action} all the same, because {reason}: {first}");
            (Some(environment.to_string()), what)
        }
        Recorded::BackfillBegun {
            environment,
            backfill,
            undo,
            again,
            ..
        } => {
            let what = match (*undo, again.as_slice()) {
                (true, _) => format!("undo of backfill {backfill} begins"),
                (false, []) => format!("backfill {backfill} begins"),
                (false, some) => {
                    format!("backfill {backfill} begins again for {}", some.join(", "))
                }
            };
            (Some(environment.to_string()), what)
        }
        Recorded::BackfillEnded {
            environment,
            backfill,
            status,
            changed,
            left,
            ..
        } => {
            let mut what = format!("backfill {backfill}: {status}, rows changed: {changed}");
            if *left > 0 {
                what.push_str(&format!(", passed over: {left}"));
            }
            (Some(environment.to_string()), what)
        }
        Recorded::BackfillExpired {
            environment,
            backfill,
            rows,
            bytes,
            ..
        } => {
            let what = format!(
                "what was kept to undo backfill {backfill} was dropped: {rows} rows, {bytes} bytes"
            );
            (Some(environment.to_string()), what)
        }
        Recorded::BackfillVerified {
            environment,
            backfill,
            holds,
            report,
            ..
        } => {
            let found = if *holds { "holds" } else { "does not hold" };
            let what = format!("backfill {backfill} {found}: report {report}");
            (Some(environment.to_string()), what)
        }
        Recorded::ReleaseTagged {
            component,
            version,
            tag,
            commit,
            signature,
            hotfix_of,
            ..
        } => {
            let signed = match signature {
                TagSignature::Verified { by, .. } => format!("signed by {by}"),
                TagSignature::Unverified { because, .. } => {
                    format!("signed, not verified: {because}")
                }
                TagSignature::Unsigned { because } => format!("not signed: {because}"),
            };
            let commit = &commit[..commit.len().min(12)];
            let hotfix = hotfix_of.as_ref();
            let hotfix = hotfix.map_or_else(String::new, |of| format!(", a hotfix of {of}"));
            let what = format!("{component} {version} is {tag} at {commit}{hotfix}, {signed}");
            (None, what)
        }
        Recorded::Rehearsed {
            change, rehearsal, ..
        } => (None, format!("{change}: {}", rehearsed(rehearsal))),
    }
}

fn rehearsed(it: &Rehearsal) -> String {
    let all = it.steps.iter().chain(&it.back);
    let failed: Vec<&str> = all
        .filter(|step| step.verdict == RehearsalVerdict::Failed)
        .map(|step| step.step.as_str())
        .collect();
    match failed.first() {
        Some(first) => format!("{first} failed on {}", it.engine),
        None => format!("every step passed on {}", it.engine),
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
pub(super) struct Event {
    pub(super) index: u64,
    pub(super) id: String,
    pub(super) at: String,
    pub(super) actor: String,
    pub(super) kind: String,
    pub(super) payload_digest: String,
    /// Null once it was erased.
    pub(super) payload: Option<serde_json::Value>,
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
pub(super) struct Verified {
    pub(super) sound: bool,
    pub(super) size: u64,
    pub(super) root: String,
    pub(super) erased: u64,
    pub(super) signed: u64,
    pub(super) anchors: u64,
    pub(super) anchors_in_git: usize,
    /// Up to here the events are vouched for by a signature or an anchor.
    pub(super) vouched: u64,
    pub(super) problems: Vec<String>,
    pub(super) unlisted: u64,
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
pub(super) struct Proved {
    pub(super) index: u64,
    pub(super) size: u64,
    pub(super) id: String,
    pub(super) at: String,
    pub(super) actor: String,
    pub(super) kind: String,
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
