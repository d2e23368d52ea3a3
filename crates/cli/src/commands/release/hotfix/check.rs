//! `switchback release hotfix --check`: whether a commit may be released as a hotfix.

use semver::Version;
use serde::Serialize;
use switchback_diag::Exit;
use switchback_version::hotfix::Hotfix;
use switchback_version::verdict::Decision;

use crate::commands::version::{Judged, Of, known_by};
use crate::errors::{self, Failure};
use crate::output::View;
use crate::page::{Page, Role};
use crate::shell::Shell;

/// Judges a commit.
pub(super) fn run(shell: &Shell, of: Of, commit: String) -> Result<Exit, Failure> {
    let judged = Judged::as_hotfix(shell, of, commit)?;
    let Some(hotfix) = judged.hotfix.clone() else {
        return Err(errors::no_release(&judged.subject.name));
    };
    if let Some(failure) = judged.failure() {
        return Err(failure);
    }
    let version = match &judged.verdict.decision {
        Decision::Release { version } => Some(version.clone()),
        _ => None,
    };
    shell.out.data(&Checked {
        component: judged.subject.name.clone(),
        commit: judged.head.to_string(),
        tag: version.as_ref().map(|it| judged.pattern.tag(it)),
        version,
        hotfix,
        commits: judged.verdict.commits,
    });
    Ok(Exit::Ok)
}

/// A commit that may be released as a hotfix.
#[derive(Serialize)]
struct Checked {
    component: String,
    commit: String,
    /// The version that it would get; none where nothing on it raises one.
    version: Option<Version>,
    /// The tag that it would get.
    tag: Option<String>,
    hotfix: Hotfix,
    /// How many commits there are since the release.
    commits: usize,
}

impl View for Checked {
    const SCHEMA: &'static str = "switchback.hotfix-check/v1";

    fn human(&self, page: &mut Page) {
        let of = &self.hotfix.of.tag;
        page.add(Role::Strong, &self.component)
            .add(Role::Plain, ": ");
        match &self.tag {
            Some(tag) => {
                page.add(Role::Good, "only fixes");
                page.line(&format!(" since {of}, to be released as {tag}"));
            }
            None => {
                page.add(Role::Good, "nothing to release");
                page.line(&format!(" since {of}"));
            }
        }
        page.line(&format!("  a hotfix of {of}: {}", known_by(&self.hotfix)));
    }
}
