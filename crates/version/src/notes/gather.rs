//! What is said of a release, gathered: change files, what people wrote into the changelog, commits, and
//! what contracts prove to break.
//!
//! Where people wrote something, it stands for the commits that it came with. So nothing is told twice,
//! and nothing that breaks is left out.

use std::collections::{BTreeMap, BTreeSet};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::facts::{BreakingFact, FactItem};
use crate::Level;
use crate::cancel::alive;
use crate::change_file::{ChangeFile, is_issue};
use crate::changelog::Kind;
use crate::deprecation::Announced;
use crate::policy::{Policy, Squash, Why};
use crate::verdict::{Claim, Commit, Evidence};

/// Whether commits are told to users in their own words. What breaks is told in any case.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Commits {
    /// Where people wrote nothing of their own into the changelog, all that no change file stands for.
    #[default]
    UnlessWritten,
    /// All that no change file stands for, whatever was written.
    Always,
    /// None.
    Never,
}

/// A change file, and what came with it.
#[derive(Debug, Clone)]
pub struct Noted<'a> {
    /// The change file.
    pub change: &'a ChangeFile,
    /// The ids of the commits that made or edited it.
    pub commits: BTreeSet<String>,
    /// The paths of the contracts that these commits touched.
    pub contracts: BTreeSet<String>,
    /// What releases said beforehand of what it breaks.
    pub announced: Option<&'a Announced>,
}

/// What is known of a release.
#[derive(Debug, Clone, Copy)]
pub struct Sources<'a> {
    /// The commits since the release before, the newest first.
    pub commits: &'a [Commit],
    /// Who made them, by id.
    pub authors: &'a BTreeMap<String, String>,
    /// The change files.
    pub entries: &'a [Noted<'a>],
    /// What stands in the changelog's section, as Markdown.
    pub written: &'a [(Kind, String)],
    /// What change files and contracts say of the version.
    pub claims: &'a [Claim],
    /// Whether commits are told.
    pub tell: Commits,
}

/// What is told of a release, by where it comes from.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Gathered {
    /// From change files.
    pub entries: Vec<FactItem>,
    /// From the changelog: it stands there.
    pub written: Vec<FactItem>,
    /// From commits and contracts.
    pub others: Vec<FactItem>,
    /// By what the items of the changelog are known.
    stands: BTreeSet<String>,
}

impl Gathered {
    /// Gathers what is known.
    pub fn of(sources: &Sources<'_>, policy: &Policy) -> Self {
        let entries = sources.entries.iter().map(|it| it.item(sources.authors));
        let entries: Vec<_> = entries.collect();
        let contracts: Vec<_> = sources.of_contracts().collect();
        let commits = sources.of_commits(policy, true);
        let stands: BTreeSet<_> = sources.written.iter().map(|it| key(&it.1)).collect();
        // What stands there in the words of others was put there from them.
        let known = keys(entries.iter().chain(&contracts).chain(&commits));
        let told = match sources.tell {
            Commits::Always => true,
            Commits::UnlessWritten => stands.is_subset(&known),
            Commits::Never => false,
        };
        let mut others = match told {
            true => commits,
            false => sources.of_commits(policy, false),
        };
        others.extend(contracts);
        let known = keys(entries.iter().chain(&others));
        let written = sources.written.iter();
        let written = written
            .filter(|(_, text)| !known.contains(&key(text)))
            .map(|(kind, text)| FactItem::new(*kind, text.clone()));
        Self {
            written: written.collect(),
            entries,
            others,
            stands,
        }
    }

    /// Whether the changelog has an item of a text, in Markdown.
    pub fn stands(&self, text: &str) -> bool {
        self.stands.contains(&key(text))
    }

    /// Everything, what people wrote first.
    pub fn all(&self) -> Vec<FactItem> {
        let all = [&self.entries, &self.written, &self.others];
        all.into_iter().flatten().cloned().collect()
    }
}

impl Noted<'_> {
    fn item(&self, authors: &BTreeMap<String, String>) -> FactItem {
        let by: BTreeSet<_> = self
            .commits
            .iter()
            .filter_map(|it| authors.get(it))
            .collect();
        let mut item = FactItem {
            commits: self.commits.iter().cloned().collect(),
            authors: by.into_iter().cloned().collect(),
            ..FactItem::from(self.change)
        };
        if let (Some(breaking), Some(announced)) = (&mut item.breaking, self.announced) {
            breaking.deprecated_since = Some(announced.since.clone());
            breaking.deprecated_on = announced.released.day().parse().ok();
        }
        item
    }

    /// Whether it stands for a commit.
    fn stands_for(&self, commit: &Commit) -> bool {
        self.commits.contains(&commit.id) || self.change.covers(&commit.id, &commit.id)
    }
}

impl Sources<'_> {
    /// What commits say that no change file stands for: everything if they are told, else what breaks.
    fn of_commits(&self, policy: &Policy, told: bool) -> Vec<FactItem> {
        let mut items = Vec::new();
        for (commit, alive) in self.commits.iter().zip(alive(self.commits)) {
            let meaning = policy.meaning(&commit.message);
            if !alive || meaning.level == Level::None {
                continue;
            }
            let breaks = meaning.level == Level::Major;
            // Somebody has to say what users do about what breaks, so that alone counts there.
            let covered = |it: &&Noted<'_>| !breaks || it.change.breaking.is_some();
            let mut entries = self.entries.iter().filter(covered);
            if entries.any(|it| it.stands_for(commit)) || !(told || breaks) {
                continue;
            }
            let whys: Vec<_> = meaning.because.into_iter().map(|(_, why)| why).collect();
            let found = from(commit, &whys, policy).into_iter();
            items.extend(
                found
                    .filter(|it| told || it.breaking.is_some())
                    .map(|item| {
                        let author = self.authors.get(&commit.id).cloned();
                        FactItem {
                            commits: vec![commit.id.clone()],
                            authors: author.into_iter().collect(),
                            ..item
                        }
                    }),
            );
        }
        items
    }

    /// What breaks as contracts prove, and no change file stands for.
    fn of_contracts(&self) -> impl Iterator<Item = FactItem> {
        let breaks = self.claims.iter().filter(|it| it.level == Level::Major);
        breaks.filter_map(|claim| {
            let Evidence::Contract {
                file, fingerprint, ..
            } = &claim.evidence
            else {
                return None;
            };
            let mut entries = self
                .entries
                .iter()
                .filter(|it| it.change.breaking.is_some());
            if entries.any(|it| it.contracts.contains(file) || it.change.covers(file, fingerprint))
            {
                return None;
            }
            Some(FactItem {
                breaking: Some(BreakingFact::new(&claim.sentence)),
                ..FactItem::new(Kind::Changed, claim.sentence.clone())
            })
        })
    }
}

/// The items of a commit: what it says itself, then what was squashed into it.
fn from(commit: &Commit, whys: &[Why], policy: &Policy) -> Vec<FactItem> {
    let message = &commit.message;
    let mut items = Vec::new();
    let header = message.header.as_ref();
    let level = header.and_then(|it| policy.types.get(&it.kind).copied());
    let own = whys.iter().any(|it| !matches!(it, Why::Squashed { .. }));
    if own || header.is_some() && level > Some(Level::None) {
        let (kind, scope, text) = match header {
            Some(it) => (kind(&it.kind), it.scope.as_deref(), it.description.as_str()),
            None => (Kind::Changed, None, message.subject.as_str()),
        };
        let mut item = item(kind, scope, text);
        let mut breaks = whys.iter().filter_map(|it| match it {
            Why::Footer { text, .. } | Why::Unclear { text, .. } => Some(text.trim()),
            Why::Mark => Some(""),
            _ => None,
        });
        // A footer says it in more words than the mark.
        let what = breaks
            .clone()
            .find(|it| !it.is_empty())
            .or_else(|| breaks.next());
        item.breaking = what.map(|what| broken(what, &item.text));
        items.push(item);
    }
    if policy.squash == Squash::Raise {
        let raises = |kind: &str| policy.types.get(kind).is_some_and(|it| *it > Level::None);
        for it in message
            .squashed
            .iter()
            .filter(|it| it.breaking || raises(&it.kind))
        {
            let mut item = item(kind(&it.kind), it.scope.as_deref(), &it.description);
            // Forges repeat the subject among what they squash.
            if items
                .iter()
                .any(|known: &FactItem| key(&known.text) == key(&item.text))
            {
                continue;
            }
            item.breaking = it.breaking.then(|| broken("", &item.text));
            items.push(item);
        }
    }
    items
}

fn broken(what: &str, text: &str) -> BreakingFact {
    BreakingFact::new(if what.is_empty() { text } else { what })
}

fn item(kind: Kind, scope: Option<&str>, text: &str) -> FactItem {
    let (text, issues) = without_issues(text);
    let text = match scope {
        Some(scope) => format!("{scope}: {text}"),
        None => text.to_owned(),
    };
    FactItem {
        issues,
        ..FactItem::new(kind, text)
    }
}

/// What a type of commits is to users.
fn kind(of: &str) -> Kind {
    match of {
        "feat" | "feature" => Kind::Added,
        "fix" => Kind::Fixed,
        "security" => Kind::Security,
        _ => Kind::Changed,
    }
}

/// A text without the issues in parentheses at its end, and these: `lists orders (#12)`.
fn without_issues(text: &str) -> (&str, Vec<String>) {
    let (mut text, mut issues) = (text.trim_end(), Vec::new());
    while let Some((before, inner)) = text.strip_suffix(')').and_then(|it| it.rsplit_once('(')) {
        let found: Vec<_> = inner.split(',').map(str::trim).collect();
        if before.trim().is_empty() || !found.iter().all(|it| is_issue(it)) {
            break;
        }
        issues.splice(0..0, found.into_iter().map(str::to_owned));
        text = before.trim_end();
    }
    (text, issues)
}

/// By what items are known.
fn keys<'a>(of: impl IntoIterator<Item = &'a FactItem>) -> BTreeSet<String> {
    of.into_iter().map(|it| key(&it.text)).collect()
}

/// By what texts are the same: without what a changelog adds to them, and however lines are cut.
fn key(text: &str) -> String {
    let text = text.trim();
    let text = text.strip_prefix("**Breaking:**").unwrap_or(text);
    let first = text.split("\n\n").next().unwrap_or_default();
    let words: Vec<_> = first.split_whitespace().collect();
    let words = words.join(" ").replace('\\', "");
    without_issues(&words).0.to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::commit::Message;

    fn commits(messages: &[&str]) -> Vec<Commit> {
        let commit = |(at, text): (usize, &&str)| Commit {
            id: format!("{at:040x}"),
            message: Message::read(text.as_bytes()),
        };
        messages.iter().enumerate().map(commit).collect()
    }

    fn change(front: &str, text: &str) -> ChangeFile {
        let file = format!("+++\n{front}\n+++\n\n{text}\n");
        ChangeFile::parse("x.md", file.as_bytes()).unwrap()
    }

    const BREAKING: &str =
        "kind = \"changed\"\nlevel = \"major\"\nbreaking = {what = \"w\", upgrade = \"u\"}";

    /// Kinds and texts, `!` where something breaks, `?` where nobody says what to do about it.
    fn gathered(
        messages: &[&str],
        entries: &[Noted<'_>],
        written: &[(Kind, String)],
        claims: &[Claim],
        tell: Commits,
    ) -> Vec<String> {
        let sources = Sources {
            commits: &commits(messages),
            authors: &BTreeMap::new(),
            entries,
            written,
            claims,
            tell,
        };
        let shown = |it: FactItem| {
            let mark = match it.breaking {
                None => "",
                Some(BreakingFact { upgrade: None, .. }) => "?",
                Some(_) => "!",
            };
            format!("{}{mark} {} {}", it.kind, it.text, it.issues.join(","))
                .trim_end()
                .to_owned()
        };
        let all = Gathered::of(&sources, &Policy::default()).all();
        all.into_iter().map(shown).collect()
    }

    fn noted<'a>(change: &'a ChangeFile, commits: &[usize]) -> Noted<'a> {
        Noted {
            change,
            commits: commits.iter().map(|at| format!("{at:040x}")).collect(),
            contracts: BTreeSet::new(),
            announced: None,
        }
    }

    #[test]
    fn what_commits_say_already_stands_there_once() {
        let commits = commits(&["feat: late", "fix: q (#12)"]);
        let written = [(Kind::Fixed, "q (#12)".to_owned())];
        let sources = Sources {
            commits: &commits,
            authors: &BTreeMap::new(),
            entries: &[],
            written: &written,
            claims: &[],
            tell: Commits::UnlessWritten,
        };
        let policy = Policy::default();
        let gathered = Gathered::of(&sources, &policy);
        let texts = |of: &[FactItem]| of.iter().map(|it| it.text.clone()).collect::<Vec<_>>();
        assert_eq!(texts(&gathered.others), ["late", "q"]);
        assert_eq!(texts(&gathered.written), [""; 0]);
        assert!(gathered.stands("q (#12)") && !gathered.stands("late"));
        // In words of somebody's own it is told by somebody.
        let written = [(Kind::Fixed, "Q is fixed".to_owned())];
        let gathered = Gathered::of(
            &Sources {
                written: &written,
                ..sources
            },
            &policy,
        );
        assert_eq!(texts(&gathered.all()), ["Q is fixed"]);
    }

    #[test]
    fn commits_speak_where_nobody_else_does() {
        let messages = [
            "feat(api): list orders (#12)",
            "fix: totals",
            "docs: x",
            "perf: sort (#1, #2)",
        ];
        let all = [
            "added api: list orders #12",
            "fixed totals",
            "changed sort #1,#2",
        ];
        assert_eq!(
            gathered(&messages, &[], &[], &[], Commits::UnlessWritten),
            all
        );
        let written = [(Kind::Added, "By hand.".to_owned())];
        let by_hand = gathered(&messages, &[], &written, &[], Commits::UnlessWritten);
        assert_eq!(by_hand, ["added By hand."]);
        let both = gathered(&messages, &[], &written, &[], Commits::Always);
        assert_eq!(both.len(), 4);
        assert!(gathered(&messages, &[], &[], &[], Commits::Never).is_empty());
    }

    #[test]
    fn what_was_taken_back_is_not_told() {
        let messages = [
            "Revert \"feat: x\"\n\nThis reverts commit 0000000000000000000000000000000000000001.",
            "feat: x",
        ];
        assert!(gathered(&messages, &[], &[], &[], Commits::Always).is_empty());
        // Done again it is told once, whether Git says which revert that takes back or not.
        for body in [
            "",
            "\n\nThis reverts commit 0000000000000000000000000000000000000001.",
        ] {
            let again = format!("Reapply \"feat: x\"{body}");
            let revert = "Revert \"feat: x\"\n\nThis reverts commit 0000000000000000000000000000000000000002.";
            let messages = [again.as_str(), revert, "feat: x"];
            let told = gathered(&messages, &[], &[], &[], Commits::Always);
            assert_eq!(told, ["added x"], "{body}");
        }
    }

    #[test]
    fn a_change_file_stands_for_its_commits() {
        let change = change(
            "kind = \"added\"\ncovers = [\"0000000000000000000000000000000000000002\"]",
            "Told.",
        );
        let entry = noted(&change, &[0]);
        let messages = ["feat: x", "feat: y", "feat: z"];
        let told = gathered(
            &messages,
            std::slice::from_ref(&entry),
            &[],
            &[],
            Commits::Always,
        );
        assert_eq!(told, ["added Told.", "added y"]);
        // What breaks needs more than a text.
        let told = gathered(&["feat!: x"], &[entry], &[], &[], Commits::Never);
        assert_eq!(told, ["added Told.", "added? x"]);
    }

    #[test]
    fn what_breaks_is_told_whatever_was_written() {
        let messages = [
            "feat!: x\n\nBREAKING CHANGE: the y is gone",
            "fix: z\n\n* chore!: w",
        ];
        let written = [(Kind::Added, "By hand.".to_owned())];
        let told = gathered(&messages, &[], &written, &[], Commits::Never);
        assert_eq!(told, ["added By hand.", "added? x", "changed? w"]);
        let change = change(BREAKING, "Said.");
        let told = gathered(
            &messages,
            &[noted(&change, &[0, 1])],
            &[],
            &[],
            Commits::Never,
        );
        assert_eq!(told, ["changed! Said."]);
    }

    #[test]
    fn contracts_are_covered_by_file_and_by_fingerprint() {
        let claim = |fingerprint: &str| Claim {
            level: Level::Major,
            sentence: format!("it breaks {fingerprint}"),
            evidence: Evidence::Contract {
                rule: "r",
                fingerprint: fingerprint.to_owned(),
                file: "openapi.yaml".to_owned(),
                line: 1,
                pointer: "/".to_owned(),
                old: None,
                new: None,
            },
        };
        let claims = [claim("aaaaaaaaaaaa"), claim("bbbbbbbbbbbb")];
        let told = |covers: &str| {
            let change = change(&format!("covers = [\"{covers}\"]\n{BREAKING}"), "Said.");
            gathered(&[], &[noted(&change, &[])], &[], &claims, Commits::Never).len()
        };
        assert_eq!(
            [told("openapi.yaml"), told("bbbbbbb"), told("other.yaml")],
            [1, 2, 3]
        );
        let change = change(BREAKING, "Said.");
        let with = Noted {
            contracts: BTreeSet::from(["openapi.yaml".to_owned()]),
            ..noted(&change, &[])
        };
        assert_eq!(
            gathered(&[], &[with], &[], &claims, Commits::Never).len(),
            1
        );
    }

    #[test]
    fn what_a_release_wrote_into_the_changelog_is_known_again() {
        let change = change(BREAKING, "Orders come\nin pages.");
        let written = [
            (
                Kind::Changed,
                "**Breaking:** Orders come in pages. (#3)".to_owned(),
            ),
            (Kind::Fixed, "totals (#4)".to_owned()),
        ];
        let told = gathered(
            &["fix: totals (#4)"],
            &[noted(&change, &[])],
            &written,
            &[],
            Commits::Always,
        );
        assert_eq!(told, ["changed! Orders come\nin pages.", "fixed totals #4"]);
    }

    #[test]
    fn only_issues_are_taken_off_the_end() {
        assert_eq!(
            without_issues("a (b) (#1) (X-2)"),
            ("a (b)", vec!["#1".into(), "X-2".into()])
        );
        assert_eq!(without_issues("(#1)"), ("(#1)", vec![]));
        assert_eq!(without_issues("f(x)"), ("f(x)", vec![]));
    }
}
