//! Facts to texts.

use minijinja::value::{Serde, Value};
use serde::Serialize;

use super::escape;
use super::facts::{FactItem, Facts, FactsError, MigrationStep, WaivedFact};
use super::template::{TemplateError, Templates};
use super::visible::words;
use crate::change_file::Deprecation;
use crate::changelog::{Changelog, Item, ItemError, Kind};

/// Release notes have fewer words than this.
pub const MOST_WORDS: usize = 200;

/// How many words a sentence of the release notes has at most before it is cut.
const SENTENCE: usize = 30;

/// How many people are thanked by name.
const THANKED: usize = 8;

/// The texts that are made.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Text {
    /// For people who use it, in under [`MOST_WORDS`] words.
    ReleaseNotes,
    /// Groups of items, as they stand in a section of a changelog.
    ChangelogSection,
    /// What to do about each thing that breaks.
    UpgradeGuide,
    /// What becomes of stored data, step by step.
    MigrationNotes,
}

impl Text {
    /// Every text.
    pub const ALL: [Self; 4] = [
        Self::ReleaseNotes,
        Self::ChangelogSection,
        Self::UpgradeGuide,
        Self::MigrationNotes,
    ];

    /// As it is called.
    pub const fn name(self) -> &'static str {
        match self {
            Self::ReleaseNotes => "release notes",
            Self::ChangelogSection => "changelog section",
            Self::UpgradeGuide => "upgrade guide",
            Self::MigrationNotes => "migration notes",
        }
    }

    /// The word for files and commands.
    pub const fn word(self) -> &'static str {
        match self {
            Self::ReleaseNotes => "release-notes",
            Self::ChangelogSection => "changelog-section",
            Self::UpgradeGuide => "upgrade-guide",
            Self::MigrationNotes => "migration-notes",
        }
    }

    /// The template that is built in.
    pub(super) const fn built_in(self) -> &'static str {
        match self {
            Self::ReleaseNotes => include_str!("templates/release-notes.md.jinja"),
            Self::ChangelogSection => include_str!("templates/changelog-section.md.jinja"),
            Self::UpgradeGuide => include_str!("templates/upgrade-guide.md.jinja"),
            Self::MigrationNotes => include_str!("templates/migration-notes.md.jinja"),
        }
    }
}

impl std::fmt::Display for Text {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.name())
    }
}

/// Why there is no text.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum NotesError {
    /// The facts are none.
    #[error("the facts of the release cannot be used")]
    Facts(#[source] FactsError),
    /// The template cannot be used.
    #[error("the template cannot be used")]
    Template(#[source] TemplateError),
    /// Something breaks, and nobody has written what to do about it.
    #[error(
        "nothing says what users do about what breaks: {}",
        items.iter().map(|it| it.escape_debug().to_string()).collect::<Vec<_>>().join("; ")
    )]
    MissingUpgrade {
        /// What breaks, as the facts say it.
        items: Vec<String>,
    },
    /// The release notes are too long even with nothing in them that could be left out.
    #[error("the release notes have {words} words, and must have fewer than {MOST_WORDS}")]
    TooManyWords {
        /// How many they have.
        words: usize,
    },
    /// The template of the changelog section makes something else than groups of items.
    #[error("the changelog section is not made of groups of items: {message}")]
    NotItems {
        /// What it is.
        message: String,
    },
}

impl From<FactsError> for NotesError {
    fn from(error: FactsError) -> Self {
        Self::Facts(error)
    }
}

impl From<TemplateError> for NotesError {
    fn from(error: TemplateError) -> Self {
        Self::Template(error)
    }
}

/// What a template gets. Strings are escaped when they are printed.
#[derive(Debug, Serialize)]
struct Values {
    component: Option<String>,
    version: String,
    previous: Option<String>,
    date: String,
    breaking: Vec<BreakingValue>,
    /// Whether something that breaks was left out.
    breaking_left: bool,
    groups: Vec<GroupValue>,
    /// Whether something else was left out.
    left: bool,
    waived: Vec<WaivedValue>,
    migrations: Vec<MigrationValue>,
    /// Contributors, as a list of words.
    thanks: Option<String>,
}

#[derive(Debug, Serialize)]
struct BreakingValue {
    what: String,
    /// The first release that said so beforehand, and its day.
    since: Option<String>,
    on: Option<String>,
    /// Why none did.
    unannounced: Option<String>,
    upgrade: Value,
}

#[derive(Debug, Serialize)]
struct GroupValue {
    title: &'static str,
    kind: &'static str,
    entries: Vec<ItemValue>,
}

#[derive(Debug, Serialize)]
struct ItemValue {
    /// Everything, over lines, with issues.
    text: Value,
    /// The first sentence.
    summary: Value,
    /// Whether the first sentence has its end.
    ended: bool,
    breaking: bool,
    /// When it goes, in sentences.
    goes: Option<String>,
    issues: Option<Value>,
    commits: Option<Value>,
    authors: Option<String>,
}

#[derive(Debug, Serialize)]
struct WaivedValue {
    what: String,
    owner: String,
    reason: String,
    until: String,
}

#[derive(Debug, Serialize)]
struct MigrationValue {
    change: Value,
    title: String,
    steps: Vec<StepValue>,
}

#[derive(Debug, Serialize)]
struct StepValue {
    number: usize,
    name: Value,
    title: String,
    state: &'static str,
    needs: Option<String>,
    way_back: Option<String>,
}

/// The release notes: what breaks and what is new in few words, the most important first. What does not
/// fit is left out from the end.
///
/// # Errors
/// If facts or template cannot be used, or if the template alone says too much.
pub fn release_notes(facts: &Facts, templates: &Templates) -> Result<String, NotesError> {
    facts.validate()?;
    let all = facts.items.len();
    let make = |most: usize| templates.render(Text::ReleaseNotes, values(facts, most, true));
    let fits = |text: &str| words(text) < MOST_WORDS;
    let whole = make(all)?;
    if fits(&whole) {
        return Ok(whole);
    }
    // The most items with which it fits: `low` does, `high` does not.
    let (mut low, mut high) = (0, all);
    let mut best = make(0)?;
    if !fits(&best) {
        return Err(NotesError::TooManyWords {
            words: words(&best),
        });
    }
    while high - low > 1 {
        let middle = low + (high - low) / 2;
        let text = make(middle)?;
        if fits(&text) {
            (low, best) = (middle, text);
        } else {
            high = middle;
        }
    }
    Ok(best)
}

/// The groups of items for a section of a changelog.
///
/// # Errors
/// If facts or template cannot be used.
pub fn changelog_section(facts: &Facts, templates: &Templates) -> Result<String, NotesError> {
    facts.validate()?;
    let values = values(facts, facts.items.len(), false);
    Ok(templates.render(Text::ChangelogSection, values)?)
}

/// The items of a changelog section, as [`Changelog::add`] takes them.
///
/// # Errors
/// As [`changelog_section`], and if the template makes something that is no item.
pub fn changelog_items(
    facts: &Facts,
    templates: &Templates,
) -> Result<Vec<(Kind, Item)>, NotesError> {
    let section = changelog_section(facts, templates)?;
    let changelog = Changelog::parse(format!("## [Unreleased]\n\n{section}"));
    let not = |message: String| NotesError::NotItems { message };
    let [unreleased] = changelog.sections() else {
        return Err(not("it has a heading of a section in it".to_owned()));
    };
    if !unreleased.loose.is_empty() {
        return Err(not("an item stands in no group".to_owned()));
    }
    let mut items = Vec::new();
    for (group, text) in changelog.items(unreleased) {
        let kind = group.kind.ok_or_else(|| {
            let name = changelog.text(group.heading.text);
            not(format!("`{name}` is none of the groups"))
        })?;
        let item = Item::markdown(&text);
        items.push((
            kind,
            item.map_err(|error: ItemError| not(error.to_string()))?,
        ));
    }
    Ok(items)
}

/// The upgrade guide: one entry for each thing that breaks.
///
/// # Errors
/// If something breaks and nobody said what to do about it: a major is not tagged without. If facts or
/// template cannot be used.
pub fn upgrade_guide(facts: &Facts, templates: &Templates) -> Result<String, NotesError> {
    facts.validate()?;
    let blank = |text: &Option<String>| {
        let text = text.as_deref().unwrap_or_default();
        escape::blocks(text, 0).trim().is_empty()
    };
    let missing: Vec<String> = facts
        .breaking()
        .filter(|(_, it)| blank(&it.upgrade))
        .map(|(item, it)| match it.what.trim() {
            "" => item.text.clone(),
            what => what.to_owned(),
        })
        .collect();
    if !missing.is_empty() {
        return Err(NotesError::MissingUpgrade { items: missing });
    }
    let values = values(facts, facts.items.len(), false);
    Ok(templates.render(Text::UpgradeGuide, values)?)
}

/// What becomes of stored data: every open change with its steps.
///
/// # Errors
/// If facts or template cannot be used.
pub fn migration_notes(facts: &Facts, templates: &Templates) -> Result<String, NotesError> {
    facts.validate()?;
    let values = values(facts, facts.items.len(), false);
    Ok(templates.render(Text::MigrationNotes, values)?)
}

/// What people want to know first.
const IMPORTANCE: [Kind; 6] = [
    Kind::Security,
    Kind::Added,
    Kind::Changed,
    Kind::Fixed,
    Kind::Deprecated,
    Kind::Removed,
];

/// What a template gets with only the `most` most important items. Where it is `brief`, what breaks
/// stands for itself and not in its group too.
fn values(facts: &Facts, most: usize, brief: bool) -> Value {
    let broken = facts.breaking().count();
    let order = if brief { IMPORTANCE } else { Kind::ALL };
    let rest = order.into_iter().map(|kind| {
        let mine = facts.items.iter().filter(move |it| it.kind == kind);
        (
            kind,
            mine.filter(|it| !brief || it.breaking.is_none())
                .collect::<Vec<_>>(),
        )
    });
    let mut left = most.saturating_sub(if brief { broken } else { 0 });
    let mut left_out = false;
    let mut groups = Vec::new();
    for (kind, items) in rest {
        let shown = items.len().min(left);
        left -= shown;
        left_out |= shown < items.len();
        if shown > 0 {
            groups.push(GroupValue {
                title: kind.heading(),
                kind: kind.name(),
                entries: items.into_iter().take(shown).map(item).collect(),
            });
        }
    }
    let shown = if brief { broken.min(most) } else { broken };
    let breaking = facts.breaking().take(shown).map(|(_, it)| BreakingValue {
        what: it.what.clone(),
        since: it.deprecated_since.as_ref().map(ToString::to_string),
        on: it.deprecated_on.map(|it| it.to_string()),
        unannounced: it.unannounced.as_deref().map(sentence),
        upgrade: safe(escape::blocks(it.upgrade.as_deref().unwrap_or_default(), 0)),
    });
    let thanked = (1..=THANKED).contains(&facts.contributors.len());
    Value::from(Serde(Values {
        component: facts.component.as_ref().map(ToString::to_string),
        version: facts.version.to_string(),
        previous: facts.previous.as_ref().map(ToString::to_string),
        date: facts.date.to_string(),
        breaking: breaking.collect(),
        breaking_left: shown < broken,
        groups,
        left: left_out,
        waived: facts.waived.iter().map(waived).collect(),
        migrations: facts.migrations.iter().map(migration).collect(),
        thanks: thanked.then(|| listed(&facts.contributors)),
    }))
}

fn safe(text: String) -> Value {
    Value::from_safe_string(text)
}

fn item(item: &FactItem) -> ItemValue {
    let some = |list: &[String]| (!list.is_empty()).then(|| list.join(", "));
    let commits: Vec<String> = item
        .commits
        .iter()
        .map(|it| escape::code(it.get(..10).unwrap_or(it)))
        .collect();
    let summary = escape::summary(&item.text, SENTENCE);
    let deprecation = item.deprecation.as_ref().map(Deprecation::from);
    // Nothing that is an issue means anything to Markdown.
    let issues = some(&item.issues);
    ItemValue {
        text: safe(with_issues(
            escape::blocks(&item.text, 2),
            issues.as_deref(),
        )),
        ended: summary.ends_with(['.', '!', '?', '…']),
        summary: safe(summary),
        breaking: item.breaking.is_some(),
        goes: deprecation.map(|it| it.sentences()),
        issues: issues.map(safe),
        commits: some(&commits).map(safe),
        authors: (!item.authors.is_empty()).then(|| listed(&item.authors)),
    }
}

/// Issues after the first paragraph; after everything, on a line of their own, where there is none.
fn with_issues(text: String, issues: Option<&str>) -> String {
    let Some(issues) = issues else {
        return text;
    };
    let block = text.starts_with("```") || text.starts_with("- ") || text.starts_with("1. ");
    if block {
        return format!("{text}\n\n  ({issues})");
    }
    let end = text.find('\n').unwrap_or(text.len());
    let (first, rest) = text.split_at(end);
    format!("{first} ({issues}){rest}")
}

/// A sentence without its end.
fn sentence(text: &str) -> String {
    text.trim().trim_end_matches('.').to_owned()
}

fn waived(it: &WaivedFact) -> WaivedValue {
    WaivedValue {
        what: sentence(&it.what),
        owner: it.owner.trim().to_owned(),
        reason: sentence(&it.reason),
        until: it.until.to_string(),
    }
}

fn migration(migration: &super::facts::Migration) -> MigrationValue {
    let step = |(at, step): (usize, &MigrationStep)| StepValue {
        number: at + 1,
        name: safe(escape::code(&step.name)),
        title: step.title.trim().to_owned(),
        state: step.state.name(),
        needs: Some(step.needs.trim().to_owned()).filter(|it| !it.is_empty()),
        way_back: step.way_back.clone().filter(|it| !it.trim().is_empty()),
    };
    MigrationValue {
        change: safe(escape::code(&migration.change)),
        title: migration.title.clone(),
        steps: migration.steps.iter().enumerate().map(step).collect(),
    }
}

/// `a`, `a and b`, `a, b and c`.
fn listed(all: &[String]) -> String {
    match all {
        [] => String::new(),
        [one] => one.clone(),
        [before @ .., last] => format!("{} and {last}", before.join(", ")),
    }
}
