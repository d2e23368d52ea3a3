//! `switchback version audit`: whether published tags say what the commits before them say.

use clap::Args;
use semver::Version;
use serde::Serialize;
use switchback_diag::Exit;
use switchback_version::Level;
use switchback_version::tag::Tagged;
use switchback_version::verdict::{Known, Wish};

use super::Of;
use crate::errors::Failure;
use crate::output::View;
use crate::page::{Cell, Page, Role};
use crate::shell::Shell;

/// Hold published tags against what the commits before them say
#[derive(Debug, Args)]
pub(super) struct Audit {
    #[command(flatten)]
    of: Of,
    /// Only releases from this version on
    #[arg(long, value_name = "VERSION")]
    from: Option<String>,
    /// Exit with 1 if a release is lower than what its commits say
    #[arg(long)]
    strict: bool,
}

impl Audit {
    pub(super) fn run(self, shell: &Shell) -> Result<Exit, Failure> {
        let from = self.from.as_deref().map(super::version).transpose()?;
        let subject = self.of.subject(shell)?;
        let history = subject.history()?;
        let line = subject.line(&history)?;
        line.note(shell);
        if self.strict {
            line.check_whole()?;
        }
        let mut releases: Vec<&Tagged<_>> = line
            .tags
            .iter()
            .filter(|it| it.version.pre.is_empty())
            .collect();
        releases.sort_by(|a, b| (&a.version, &a.tag).cmp(&(&b.version, &b.tag)));
        let outline = history.outline(releases.iter().map(|it| it.commit));
        let mut view = Audited {
            component: subject.name.clone(),
            releases: 0,
            as_said: 0,
            unforced: 0,
            differ: Vec::new(),
        };
        for (place, release) in releases.iter().enumerate() {
            if from.as_ref().is_some_and(|from| release.version < *from) {
                continue;
            }
            // The nearest lower one that it grew from.
            let mut before = None;
            for earlier in releases.iter().take(place).rev() {
                if earlier.commit != release.commit
                    && outline.is_ancestor(earlier.commit, release.commit)?
                {
                    before = Some(earlier);
                    break;
                }
            }
            let Some(before) = before else { continue };
            let commits = line.commits(&outline, before.commit, release.commit)?;
            let base = before.base();
            let known = Known {
                base: Some(&base),
                commits: &commits,
                ..Known::default()
            };
            let verdict = subject.policy.verdict(&known, &Wish::default());
            view.releases += 1;
            let asked = verdict
                .proposed
                .as_ref()
                .is_some_and(|it| it.version == release.version);
            let is = Level::between(&before.version, &release.version);
            let says = match &verdict.floor {
                Some(floor) => Level::between(&before.version, floor),
                None => Level::None,
            };
            if asked || is == says {
                view.as_said += 1;
                continue;
            }
            // Whoever releases what nothing forces raises a patch.
            if says == Level::None && is == Level::Patch {
                view.unforced += 1;
                continue;
            }
            view.differ.push(Differs {
                tag: release.tag.clone(),
                before: before.version.clone(),
                is,
                says,
                commits: commits.len(),
                reason: verdict.reasons.first().map(|it| it.claim.sentence.clone()),
                unclear: verdict.questions.len(),
            });
        }
        let low = view.differ.iter().any(|it| it.is < it.says);
        shell.out.data(&view);
        Ok(match low && self.strict {
            true => Exit::Refused,
            false => Exit::Ok,
        })
    }
}

/// Published releases beside what their commits say.
#[derive(Serialize)]
struct Audited {
    component: String,
    /// Releases with one before them.
    releases: usize,
    /// Those that rise as much as their commits say, or as one of these asks for.
    as_said: usize,
    /// Patches that no commit forces.
    unforced: usize,
    /// The others, the lowest first.
    differ: Vec<Differs>,
}

/// A release that rises more or less than its commits say.
#[derive(Serialize)]
struct Differs {
    tag: String,
    before: Version,
    /// How much it rose.
    is: Level,
    /// How much its commits say.
    says: Level,
    commits: usize,
    /// What says most.
    reason: Option<String>,
    /// How many questions its commits leave open.
    unclear: usize,
}

impl View for Audited {
    const SCHEMA: &'static str = "switchback.version-audit/v1";

    fn about_bytes(&self) -> usize {
        512 + self.differ.len() * 300
    }

    fn human(&self, page: &mut Page) {
        let fit = self.as_said + self.unforced;
        if self.releases == 0 {
            page.add(Role::Strong, &self.component);
            page.line(": no release has another one before it, so there is nothing to compare");
            return;
        }
        let share = match self.releases {
            0 => String::new(),
            all => format!(" ({:.2} %)", 100.0 * fit as f64 / all as f64),
        };
        page.add(Role::Strong, &self.component);
        page.line(&format!(
            ": {fit} of {} releases rise as their commits say{share}",
            self.releases
        ));
        if self.unforced > 0 {
            page.line(&format!(
                "  {} of them are patches that no commit forces",
                self.unforced
            ));
        }
        if self.differ.is_empty() {
            return;
        }
        page.heading("the others");
        let rows: Vec<Vec<Cell>> = self.differ.iter().map(row).collect();
        page.table(
            2,
            &["release", "after", "rose by", "commits say", "because"],
            &rows,
        );
    }
}

fn row(it: &Differs) -> Vec<Cell> {
    let role = match it.is < it.says {
        true => Role::Bad,
        false => Role::Faint,
    };
    let because = match (&it.reason, it.unclear) {
        (Some(reason), _) => reason.clone(),
        (None, 0) if it.commits == 1 => "its one commit does not raise it".to_owned(),
        (None, 0) => format!("none of {} commits raises it", it.commits),
        (None, 1) => "1 question is open".to_owned(),
        (None, unclear) => format!("{unclear} questions are open"),
    };
    vec![
        Cell::new(role, it.tag.clone()),
        Cell::from(it.before.to_string()),
        Cell::from(it.is.name()),
        Cell::new(role, it.says.name()),
        Cell::from(because),
    ]
}
