//! How a verdict is shown.

use serde::Serialize;
use switchback_version::hotfix::{Hotfix, KnownBy};
use switchback_version::verdict::{Decision, Reason};
use switchback_version::{Level, Verdict};

use crate::output::View;
use crate::page::{Cell, Page, Role};
use crate::versions::{commits, silent};

/// What the next version has to be.
#[derive(Serialize)]
pub(super) struct Next {
    /// The component, or what stands for it without settings.
    pub(super) component: String,
    /// The commit that it would be made from.
    pub(super) commit: String,
    /// The tag that it would get.
    pub(super) tag: Option<String>,
    /// The release that this line keeps alive, if it does.
    pub(super) hotfix: Option<Hotfix>,
    #[serde(flatten)]
    pub(super) verdict: Verdict,
}

/// How many reasons people are shown.
const SHOWN: usize = 20;

impl View for Next {
    const SCHEMA: &'static str = "switchback.version/v1";

    fn about_bytes(&self) -> usize {
        1_024 + self.verdict.reasons.len() * 400
    }

    fn human(&self, page: &mut Page) {
        let verdict = &self.verdict;
        let from = match &verdict.base {
            Some(base) => format!(" after {}", base.version),
            None => String::new(),
        };
        page.add(Role::Strong, &self.component);
        match &verdict.decision {
            Decision::Release { version } => {
                page.add(Role::Plain, ": ");
                page.add(Role::Good, &version.to_string());
                page.add(Role::Plain, &from);
            }
            Decision::Nothing => {
                page.add(Role::Plain, ": nothing to release");
                page.add(Role::Plain, &from);
            }
            Decision::Refused { .. } => {
                page.add(Role::Plain, ": ").add(Role::Bad, "refused");
            }
            Decision::Ask => {
                page.add(Role::Plain, ": ");
                page.add(Role::Warning, "not decided");
            }
        }
        page.end();
        match &verdict.base {
            Some(base) => page.line(&format!(
                "  counted from the tag {}, {} since",
                base.tag,
                commits(verdict.commits)
            )),
            None => page.line(&format!(
                "  no release yet, {} so far; the first one is what `version.first` says",
                commits(verdict.commits)
            )),
        };
        if let Some(hotfix) = &self.hotfix {
            page.line(&format!(
                "  a hotfix of {}: {}",
                hotfix.of.tag,
                known_by(hotfix)
            ));
        }
        for version in verdict.passed_over.iter().take(SHOWN) {
            page.line(&format!("  {version} is there already, elsewhere"));
        }
        if let Some(group) = &verdict.group {
            page.line(&format!(
                "  in the {} group {}: {}",
                group.kind.name(),
                group.name,
                group.members.join(", ")
            ));
        }
        if !verdict.reasons.is_empty() {
            page.heading("because");
            let rows: Vec<Vec<Cell>> = verdict.reasons.iter().take(SHOWN).map(row).collect();
            page.table(2, &[], &rows);
            let more = verdict.reasons.len().saturating_sub(SHOWN);
            if more > 0 {
                page.line(&format!("  and {more} more that force no more than these"));
            }
        }
        if !verdict.waived.is_empty() {
            page.heading("would count, and may pass for a while");
            for waived in &verdict.waived {
                let (claim, waiver) = (&waived.claim, &waived.waiver);
                page.line(&format!("  {}  {}", claim.level.name(), claim.sentence));
                page.line(&format!(
                    "    {} until {}: {}",
                    waiver.owner, waiver.until, waiver.reason
                ));
            }
        }
        if !verdict.silent.is_empty() {
            page.heading("raise nothing");
            page.line(&format!("  {}", silent(verdict)));
        }
    }
}

/// By what a hotfix is known, after a colon.
pub(crate) fn known_by(hotfix: &Hotfix) -> String {
    match (&hotfix.above, &hotfix.known_by) {
        (Some(above), _) => format!("{} was released elsewhere", above.tag),
        (None, KnownBy::Branch { name }) => format!("that is what the branch {name} is for"),
        (None, _) => "as you say".to_owned(),
    }
}

fn row(reason: &Reason) -> Vec<Cell> {
    let role = match reason.claim.level {
        Level::Major => Role::Bad,
        Level::Minor => Role::Warning,
        Level::Patch | Level::None => Role::Plain,
    };
    vec![
        Cell::new(role, reason.claim.level.name()),
        Cell::new(Role::Faint, reason.claim.evidence.place()),
        Cell::from(reason.claim.sentence.clone()),
    ]
}
