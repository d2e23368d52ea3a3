//! How a version of a platform is shown.

use semver::Version;
use serde::Serialize;
use switchback_model::{ComponentName, Digest};
use switchback_version::Level;
use switchback_version::platform::{Part, Parts};
use switchback_version::verdict::{Base, Reason, Verdict};

use super::known::Memory;
use crate::commands::release::cut::view::CutView;
use crate::output::View;
use crate::page::{Cell, Page, Role};

/// A version of a platform, or why there is none.
#[derive(Serialize)]
pub(super) struct PlatformView {
    /// The release that it is counted from.
    base: Option<Base>,
    /// How much it has to rise.
    level: Level,
    /// What forces it, the highest first; nothing where nothing changed.
    reasons: Vec<Reason>,
    /// Its components, by name.
    components: Vec<Row>,
    /// Its manifest; none where nothing is written.
    pub(super) manifest: Option<Kept>,
    /// What was cut, or would be; none where nothing changed.
    pub(super) release: Option<CutView>,
}

/// A manifest, and where it is kept.
#[derive(Clone, Serialize)]
pub(super) struct Kept {
    /// The file, from the top of the repository.
    pub(super) file: String,
    /// The digest of its bytes.
    pub(super) digest: Digest,
}

/// A component of a platform.
#[derive(Serialize)]
struct Row {
    name: ComponentName,
    /// The version that the last release has of it.
    was: Option<Version>,
    #[serde(flatten)]
    part: Part,
}

impl PlatformView {
    /// What a platform consists of, after what was recorded.
    pub(super) fn of(recorded: &Memory, parts: &Parts) -> Self {
        let was = recorded.versions();
        let row = |(name, part): (&ComponentName, &Part)| Row {
            name: name.clone(),
            was: was.get(name).cloned(),
            part: part.clone(),
        };
        let last = recorded.last.as_ref();
        Self {
            base: recorded.base.clone(),
            level: Level::None,
            reasons: Vec::new(),
            components: parts.iter().map(row).collect(),
            manifest: last.map(|it| Kept {
                file: it.file.clone(),
                digest: it.digest,
            }),
            release: None,
        }
    }

    /// Takes over what was judged.
    pub(super) fn judged(&mut self, verdict: &Verdict) {
        self.level = verdict.level();
        self.reasons.clone_from(&verdict.reasons);
    }
}

impl View for PlatformView {
    const SCHEMA: &'static str = "switchback.release-platform/v1";

    fn about_bytes(&self) -> usize {
        512 + self.components.len() * 400 + self.reasons.len() * 300
    }

    fn human(&self, page: &mut Page) {
        match (&self.release, &self.base) {
            (Some(release), _) => release.made(page),
            (None, Some(base)) => {
                let same = format!("every component is what {} has", base.tag);
                page.line(&format!("nothing is released: {same}"));
            }
            (None, None) => {}
        }
        for reason in &self.reasons {
            let level = match self.base {
                Some(_) => reason.claim.level.name(),
                None => "first",
            };
            page.line(&format!("  {level}: {}", reason.claim.sentence));
        }
        let rows: Vec<Vec<Cell>> = self.components.iter().map(row).collect();
        page.table(2, &["component", "version", "tag", "digest"], &rows);
        if let Some(release) = self.release.as_ref().filter(|it| it.cut) {
            page.line("nothing was pushed yet:");
            page.line(&format!("  {}", release.push));
        }
    }
}

fn row(it: &Row) -> Vec<Cell> {
    vec![
        Cell::new(Role::Strong, it.name.to_string()),
        Cell::from(it.part.version.to_string()),
        Cell::from(it.part.tag.clone()),
        Cell::new(Role::Faint, format!("sha256:{}", it.part.digest.short())),
    ]
}
