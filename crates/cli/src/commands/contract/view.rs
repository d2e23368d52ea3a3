//! What came of a comparison, for people, programs and code scanning.

use serde::Serialize;
use switchback_diag::{Code, Diagnostic, Exit, Location, Severity, github, junit, sarif};
use switchback_version::Level;
use switchback_version::contract::{Certainty, Rule, Surface, Waiver, Waivers};

use super::rules::role;
use crate::args::Format;
use crate::contracts::{Compared, Judged};
use crate::errors::{self, Failure};
use crate::output::View;
use crate::page::{Page, Role};
use crate::shell::Shell;

/// How much of a fingerprint is shown: enough for a waiver.
const FINGERPRINT: usize = 12;

/// What changed.
#[derive(Serialize)]
pub(super) struct Shown<'a> {
    /// What was, as it was asked for; none for the last release.
    old: Option<&'a str>,
    /// What is; none for the files on the disk.
    new: Option<&'a str>,
    /// How much the version has to rise.
    level: Level,
    contracts: Vec<One<'a>>,
    /// Waivers that are for nothing which was found.
    unused_waivers: Vec<&'a Waiver>,
    #[serde(skip)]
    fail_on: Level,
}

/// One contract.
#[derive(Serialize)]
struct One<'a> {
    file: &'a str,
    kind: Surface,
    level: Level,
    findings: Vec<Row<'a>>,
}

#[derive(Serialize)]
struct Row<'a> {
    rule: &'static Rule,
    level: Level,
    /// How sure it is: what the rule says, or less where not all of the contract could be read.
    certainty: Certainty,
    sentence: &'a str,
    file: &'a str,
    line: usize,
    pointer: &'a str,
    old: Option<&'a str>,
    new: Option<&'a str>,
    fingerprint: &'a str,
    waiver: Option<&'a Waiver>,
    expired_waiver: Option<&'a Waiver>,
}

impl<'a> Row<'a> {
    fn of(judged: &'a Judged) -> Self {
        let finding = &judged.finding;
        Self {
            rule: finding.rule,
            level: finding.level,
            certainty: finding.certainty,
            sentence: &finding.sentence,
            file: &finding.new.file,
            line: finding.new.line,
            pointer: &finding.new.pointer,
            old: finding.old_value.as_deref(),
            new: finding.new_value.as_deref(),
            fingerprint: &finding.fingerprint,
            waiver: judged.waiver.as_ref(),
            expired_waiver: judged.expired.as_ref(),
        }
    }

    /// How much it raises the version: nothing if it may pass, or if nobody can tell.
    fn raises(&self) -> Level {
        match self.waiver.is_some() || self.certainty == Certainty::CannotTell {
            true => Level::None,
            false => self.level,
        }
    }
}

impl<'a> Shown<'a> {
    pub(super) fn new(
        (old, new): (Option<&'a str>, Option<&'a str>),
        all: &'a [Compared],
        waivers: &'a Waivers,
        fail_on: Level,
    ) -> Self {
        let one = |it: &'a Compared| {
            let mut findings: Vec<Row<'a>> = it.findings.iter().map(Row::of).collect();
            findings.sort_by_key(|it| std::cmp::Reverse(it.raises()));
            One {
                file: &it.file,
                kind: it.kind,
                level: findings.first().map_or(Level::None, Row::raises),
                findings,
            }
        };
        let contracts: Vec<One<'a>> = all.iter().map(one).collect();
        let findings: Vec<_> = all
            .iter()
            .flat_map(|it| &it.findings)
            .map(|it| &it.finding)
            .collect();
        Self {
            old,
            new,
            level: contracts
                .iter()
                .map(|it| it.level)
                .max()
                .unwrap_or_default(),
            unused_waivers: waivers.unused(&findings),
            contracts,
            fail_on,
        }
    }

    fn fails(&self) -> bool {
        self.fail_on > Level::None && self.level >= self.fail_on
    }
}

/// Shows it, and says how it ends.
pub(super) fn show(shown: &Shown<'_>, all: &[Compared], shell: &Shell) -> Result<Exit, Failure> {
    let exit = match shown.fails() {
        true => Exit::Refused,
        false => Exit::Ok,
    };
    if shell.out.format().is_for_findings() {
        let found: Vec<Diagnostic> = all
            .iter()
            .flat_map(|one| one.findings.iter().map(|it| diagnostic(one, it)))
            .collect();
        let text = match shell.out.format() {
            Format::Github => github::render(&found),
            Format::Junit => {
                let names: Vec<String> = all.iter().map(|it| it.file.clone()).collect();
                junit::render(&found, &names)
            }
            _ => log(&found, all)?,
        };
        shell.out.raw(text.as_bytes());
        return Ok(exit);
    }
    shell.out.data(shown);
    for waiver in &shown.unused_waivers {
        shell.out.note(&format!(
            "the waiver of {} for {} {} is for nothing that was found",
            waiver.owner, waiver.rule, waiver.fingerprint
        ));
    }
    match shown.fails() {
        true => Err(refused(shown)),
        false => Ok(exit),
    }
}

fn log(found: &[Diagnostic], all: &[Compared]) -> Result<String, Failure> {
    let waived: Vec<sarif::Suppressed> = all
        .iter()
        .flat_map(|one| &one.findings)
        .zip(found)
        .filter_map(|(judged, found)| {
            let waiver = judged.waiver.as_ref()?;
            Some(sarif::Suppressed {
                diagnostic: found.clone(),
                kind: sarif::Suppression::External,
                justification: format!(
                    "{}: {} (until {})",
                    waiver.owner, waiver.reason, waiver.until
                ),
            })
        })
        .collect();
    let judged = all.iter().flat_map(|one| &one.findings).zip(found);
    let others: Vec<Diagnostic> = judged
        .filter(|(judged, _)| judged.waiver.is_none())
        .map(|(_, found)| found.clone())
        .collect();
    let run = sarif::Run {
        version: env!("CARGO_PKG_VERSION"),
        levels: &[
            (Code::ContractBreaks, Severity::Error),
            (Code::ContractChanged, Severity::Note),
        ],
        suppressed: (!waived.is_empty()).then_some(&waived),
        ..sarif::Run::default()
    };
    sarif::render(&others, &run)
        .map(|log| log + "\n")
        .map_err(|error| errors::internal(&error.to_string(), "writing the log"))
}

/// A finding for code scanning.
fn diagnostic(one: &Compared, judged: &Judged) -> Diagnostic {
    let finding = &judged.finding;
    let sentence = finding.sentence.trim_end_matches('.');
    let found = match (finding.breaks(), finding.level) {
        (true, _) => Diagnostic::error(Code::ContractBreaks, sentence),
        (false, Level::Major) => Diagnostic::warning(Code::ContractChanged, sentence),
        _ => Diagnostic::note(Code::ContractChanged, sentence),
    };
    let text = one.line(&finding.new.file, finding.new.line);
    let start = text.chars().take_while(|it| it.is_whitespace()).count();
    let number = |it: usize| u32::try_from(it).unwrap_or(u32::MAX);
    let found = Diagnostic {
        rule: Some(finding.rule.id),
        location: Some(Location {
            file: finding.new.file.clone(),
            line: number(finding.new.line),
            column: number(start + 1),
            text: text.to_owned(),
            width: number(text.trim().chars().count().max(1)),
        }),
        ..found
    };
    found.cause(format!(
        "{} at {}, fingerprint {}",
        finding.rule.id,
        match finding.new.pointer.as_str() {
            "" => "the top",
            pointer => pointer,
        },
        short(&finding.fingerprint)
    ))
}

fn short(fingerprint: &str) -> &str {
    fingerprint.get(..FINGERPRINT).unwrap_or(fingerprint)
}

/// How many findings are told in full as causes.
const CAUSES: usize = 5;

fn refused(shown: &Shown<'_>) -> Failure {
    let forcing = || {
        let all = shown.contracts.iter().flat_map(|it| &it.findings);
        all.filter(|it| it.raises() >= shown.fail_on)
    };
    let (count, level) = (forcing().count(), shown.level.name());
    let mut found = Diagnostic::error(
        Code::ContractBreaks,
        match count {
            1 => format!("1 change of a contract raises the version: {level}"),
            count => format!("{count} changes of contracts raise the version: {level}"),
        },
    );
    for row in forcing().take(CAUSES) {
        found = found.cause(row.sentence.trim_end_matches('.'));
        if let Some(waiver) = row.expired_waiver {
            found = found.cause(format!(
                "{} let it pass until {}",
                waiver.owner, waiver.until
            ));
        }
    }
    if count > CAUSES {
        found = found.cause(format!("and {} more", count - CAUSES));
    }
    found
        .hint("bring back what was there, or keep it beside the new one and say that it will go")
        .hint("or release it as what it is; `switchback version` counts it")
        .hint("or let it pass for a while, by its rule and fingerprint, in the file of waivers")
        .into()
}

impl View for Shown<'_> {
    const SCHEMA: &'static str = "switchback.contract-diff/v1";

    fn about_bytes(&self) -> usize {
        let findings: usize = self.contracts.iter().map(|it| it.findings.len()).sum();
        512 + findings * 900
    }

    fn human(&self, page: &mut Page) {
        for (at, one) in self.contracts.iter().enumerate() {
            if at > 0 {
                page.end();
            }
            page.add(Role::Strong, one.file);
            page.add(Role::Faint, &format!(" ({})", one.kind.word()));
            if one.findings.is_empty() {
                page.line(": nothing changed for anybody");
                continue;
            }
            page.add(Role::Plain, ": ");
            let unclear =
                |it: &Row<'_>| it.certainty == Certainty::CannotTell && it.waiver.is_none();
            match one.level == Level::None && one.findings.iter().any(unclear) {
                true => page.add(Role::Warning, Certainty::CannotTell.word()),
                false => page.add(role(one.level), one.level.name()),
            };
            page.end();
            for row in &one.findings {
                line(row, page);
            }
        }
    }
}

fn line(row: &Row<'_>, page: &mut Page) {
    page.end();
    page.add(Role::Plain, "  ");
    page.add(role(row.raises()), row.level.name());
    page.add(Role::Faint, &format!(", {}", row.certainty.word()));
    page.add(Role::Plain, &format!("  {}:{}", row.file, row.line))
        .end();
    page.line(&format!("    {}", row.sentence));
    page.add(
        Role::Faint,
        &format!("    {} {}", row.rule.id, short(row.fingerprint)),
    )
    .end();
    let who = |it: &Waiver| format!("{} until {}: {}", it.owner, it.until, it.reason);
    if let Some(waiver) = row.waiver {
        page.line(&format!("    may pass, says {}", who(waiver)));
    }
    if let Some(waiver) = row.expired_waiver {
        page.line(&format!("    may not pass any more, said {}", who(waiver)));
    }
}
