//! What the platform becomes once everything that is planned is released.

use std::collections::BTreeMap;

use semver::Version;
use serde::Serialize;
use switchback_model::ComponentName;
use switchback_version::platform::versions;
use switchback_version::verdict::{Base, Decision, Wish};
use switchback_version::{Level, Verdict};

use crate::commands::release::cut::platform::{COMMAND, Read, Releases};
use crate::commands::version::{Judged, Subject};
use crate::context::{Context, settings_if_any};
use crate::errors::Failure;
use crate::settings::versions::Platform;
use crate::shell::Shell;

/// The platform, and what would become of it.
#[derive(Serialize)]
pub(super) struct Planned {
    name: String,
    /// Its last release.
    base: Option<Base>,
    /// The version that it would get.
    pub(super) version: Option<Version>,
    /// How much the version has to rise.
    level: Level,
    /// The tag that it would get.
    pub(super) tag: Option<String>,
    /// Why, or why not, in one sentence.
    why: String,
}

impl Planned {
    /// That of the settings, after releases of its components that are planned; none where they name none.
    pub(super) fn of(shell: &Shell, all: &[Judged]) -> Result<Option<Self>, Failure> {
        if settings_if_any(shell)?.is_none_or(|it| it.settings.platform.is_none()) {
            return Ok(None);
        }
        let context = Context::load(shell)?;
        let platform = context.platform()?;
        let subject = Subject::of_platform(&context, platform);
        let history = subject.history()?;
        let releases = Releases::of(&history, subject, None)?;
        let none = |why: String| Self {
            name: platform.name.to_string(),
            base: releases.base(),
            version: None,
            level: Level::None,
            tag: None,
            why,
        };
        let before = match releases.last()? {
            Some(Read::Recorded(it)) => versions(&it.manifest.components),
            Some(Read::Wrong(because)) => return Ok(Some(none(because))),
            Some(Read::Nothing) | None => BTreeMap::new(),
        };
        let now = match becoming(platform, all) {
            Ok(now) => now,
            Err(why) => return Ok(Some(none(why))),
        };
        let mut planned = none(String::new());
        let judged = releases.judge(&before, &now, &Wish::default());
        if let Decision::Release { version } = &judged.verdict.decision {
            planned.tag = Some(judged.pattern.tag(version));
            planned.version = Some(version.clone());
        }
        planned.level = judged.verdict.level();
        planned.why = why(&judged.verdict);
        Ok(Some(planned))
    }

    /// The command that cuts it.
    pub(super) const fn command() -> &'static str {
        COMMAND
    }

    /// For people.
    pub(super) fn line(&self) -> String {
        let was = self.base.as_ref().map(|it| it.version.to_string());
        let was = was.as_deref().unwrap_or("–");
        let becomes = match &self.version {
            Some(version) => format!("{was} → {version}"),
            None => format!("stays {was}"),
        };
        format!("the platform `{}`: {becomes}, {}", self.name, self.why)
    }
}

/// What the components of a platform become: the versions that are planned, else those that they have. If
/// that is not known of one, why.
fn becoming(
    platform: &Platform,
    all: &[Judged],
) -> Result<BTreeMap<ComponentName, Version>, String> {
    let mut now = BTreeMap::new();
    for judged in all {
        let component = judged.subject.component.as_ref();
        let Some(name) = component.filter(|it| platform.has(it)) else {
            continue;
        };
        let version = match (&judged.verdict.decision, &judged.base) {
            (Decision::Release { version }, _) => version,
            (Decision::Nothing, Some(base)) => &base.version,
            (Decision::Nothing, None) => return Err(format!("{name} has no release")),
            (Decision::Refused { .. } | Decision::Ask, _) => {
                return Err(format!("what becomes of {name} is not decided"));
            }
        };
        now.insert(name.clone(), version.clone());
    }
    Ok(now)
}

fn why(verdict: &Verdict) -> String {
    match (verdict.reasons.split_first(), &verdict.base) {
        (Some((first, [])), _) => first.claim.sentence.clone(),
        (Some((first, more)), _) => format!("{}, and {} more", first.claim.sentence, more.len()),
        (None, Some(base)) => format!("every component is what {} has", base.tag),
        (None, None) => "it has no components".to_owned(),
    }
}
