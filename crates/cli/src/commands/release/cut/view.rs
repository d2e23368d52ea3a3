//! How a release that was cut is shown.

use serde::Serialize;
use switchback_model::TagSignature;

use crate::commands::release::files::Written;
use crate::commands::release::hotfix::carry::Left;
use crate::output::View;
use crate::page::{Page, Role};

/// A release that was cut.
#[derive(Serialize)]
pub(super) struct CutView {
    pub(super) component: String,
    pub(super) version: String,
    pub(super) tag: String,
    /// Whether it was; else it would be.
    pub(super) cut: bool,
    /// The commit that the tag names.
    pub(super) commit: Option<String>,
    /// The id of the tag object.
    pub(super) object: Option<String>,
    pub(super) signature: Option<TagSignature>,
    /// Whether the ledger has it.
    pub(super) recorded: bool,
    /// The command that pushes it.
    pub(super) push: String,
    /// The files that were written.
    pub(super) files: Vec<Written>,
    /// What it leaves to be done, if it is a hotfix.
    pub(super) hotfix: Option<Left>,
}

impl View for CutView {
    const SCHEMA: &'static str = "switchback.release-cut/v1";

    fn human(&self, page: &mut Page) {
        self.made(page);
        if self.cut {
            page.line("nothing was pushed yet:");
            page.line(&format!("  {}", self.push));
        }
        if let Some(left) = &self.hotfix {
            left.show(page);
        }
    }
}

impl CutView {
    /// What was made, or would be.
    pub(super) fn made(&self, page: &mut Page) {
        let word = if self.cut { "cut" } else { "would cut" };
        page.add(Role::Good, word).add(Role::Plain, " ");
        page.add(
            Role::Strong,
            &format!("{} {}", self.component, self.version),
        );
        page.line(&format!(" as {}", self.tag));
        for file in &self.files {
            page.line(&file.line(&self.version));
        }
        if let Some(commit) = &self.commit {
            page.line(&format!("  commit {}", &commit[..commit.len().min(12)]));
        }
        match &self.signature {
            Some(TagSignature::Verified { by, .. }) => page.line(&format!("  signed by {by}")),
            Some(TagSignature::Unverified { because, .. }) => {
                page.line(&format!("  signed, and not verified: {because}"))
            }
            Some(TagSignature::Unsigned { because }) => {
                page.line(&format!("  not signed: {because}"))
            }
            None => page,
        };
    }
}
