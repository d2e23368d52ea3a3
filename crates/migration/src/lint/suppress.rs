//! Findings that somebody allowed where they stand, in comments of the SQL.
//!
//! ```sql
//! -- switchback:allow drop-column: nothing has read it since 2.3
//! ALTER TABLE users DROP COLUMN nick;
//!
//! ALTER TABLE users DROP COLUMN age; -- switchback:allow SB1101, SB1009: the same
//!
//! -- switchback:allow-file no-lock-timeout: the role has one
//! ```
//!
//! A rule is named by its slug or its code, several are separated by commas, and what follows the
//! colon is the reason, without which nothing is allowed. A comment allows what is found in the
//! statement that it stands in, behind on the same line, or directly above without an empty line.

use std::collections::{BTreeMap, BTreeSet};

use switchback_diag::{Code, Severity};

use super::rules::{Check, RULES};
use super::{Finding, Input, Options, comments};
use crate::engine::Engine;
use crate::sql::ir::{Span, Statement};

/// One comment that allows findings.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Allowance {
    /// Where the comment is, without its marks.
    pub span: Span,
    /// Where it holds.
    pub scope: Scope,
    /// What it allows, each with its place.
    pub rules: Vec<(Named, Span)>,
    /// Why; none where no reason is given, and then nothing is allowed.
    pub reason: Option<String>,
}

/// Where an allowance holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Scope {
    /// In the statement with this place.
    Statement(Span),
    /// In the whole file.
    File,
    /// Nowhere: there is no statement that the comment could be meant for.
    Nothing,
    /// Nowhere: the word behind `switchback:` is none that means something.
    NoDirective(String),
}

/// What a comment names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Named {
    /// A code that exists.
    Known(Code),
    /// A word that is no code and no slug.
    Unknown(String),
}

/// The allowances of a text; `statements` are those of the text, in order.
pub fn find(text: &str, statements: &[Statement], engine: Engine) -> Vec<Allowance> {
    // Most files have none, and looking for comments is dearer than looking for a word.
    if !text.contains(PREFIX) {
        return Vec::new();
    }
    comments::find(text, statements, engine)
        .into_iter()
        .filter_map(|comment| understand(text, comment, statements))
        .collect()
}

/// What every directive begins with.
const PREFIX: &str = "switchback:";

fn understand(text: &str, comment: Span, statements: &[Statement]) -> Option<Allowance> {
    let said = text.get(comment.clone())?;
    let indent = said.len() - said.trim_start().len();
    let body = said.trim_start().strip_prefix(PREFIX)?;
    let mut at = comment.start + indent + PREFIX.len();
    let skip = |body: &str| body.len() - body.trim_start().len();
    at += skip(body);
    let body = body.trim();
    let word_ends = |c: char| !(c.is_ascii_alphanumeric() || c == '-');
    let end = body.find(word_ends).unwrap_or(body.len());
    let (directive, rest) = body.split_at(end);
    let scope = match directive {
        "allow" => target(text, &comment, statements).map_or(Scope::Nothing, Scope::Statement),
        "allow-file" => Scope::File,
        other => Scope::NoDirective(other.to_owned()),
    };
    at += directive.len();
    let (list, reason) = rest.split_once(':').unwrap_or((rest, ""));
    let mut rules = Vec::new();
    for item in list.split(',') {
        let name = item.trim();
        if !name.is_empty() {
            let start = at + skip(item);
            let named = Code::find(name).map_or(Named::Unknown(name.to_owned()), Named::Known);
            rules.push((named, start..start + name.len()));
        }
        at += item.len() + 1;
    }
    let reason = reason.trim();
    Some(Allowance {
        span: comment,
        scope,
        rules,
        reason: (!reason.is_empty()).then(|| reason.to_owned()),
    })
}

/// The statement that a comment is meant for.
fn target(text: &str, comment: &Span, statements: &[Statement]) -> Option<Span> {
    // Statements in blocks lie inside the block's: the innermost is meant.
    let after = statements.partition_point(|it| it.span.start <= comment.start);
    let before = &statements[..after];
    let inside = before
        .iter()
        .filter(|it| it.span.end > comment.start)
        .min_by_key(|it| it.span.len());
    let next = statements.get(after);
    let above = |it: &&Statement| {
        // The first piece is the rest of the comment's own line.
        let between = text.get(comment.end..it.span.start).unwrap_or_default();
        let lines: Vec<&str> = between.split('\n').collect();
        lines.len() > 1
            && lines
                .iter()
                .skip(1)
                .take(lines.len().saturating_sub(2))
                .all(|line| !line.trim().is_empty())
    };
    let same_line = |it: &&Statement| {
        let between = text.get(it.span.end..comment.start);
        between.is_some_and(|between| !between.contains('\n'))
    };
    let behind = before.iter().rev().find(same_line);
    let within_inside = |it: &&Statement| {
        inside
            .is_none_or(|outer| outer.span.start <= it.span.start && it.span.end <= outer.span.end)
    };
    behind
        .filter(within_inside)
        .or_else(|| next.filter(above).filter(within_inside))
        .or(inside)
        .map(|it| it.span.clone())
}

impl Allowance {
    /// Whether it holds for a finding of this code at this place.
    pub fn covers(&self, code: Code, span: &Span) -> bool {
        let here = match &self.scope {
            Scope::File => true,
            Scope::Statement(statement) => {
                statement.start <= span.start && span.start < statement.end
            }
            Scope::Nothing | Scope::NoDirective(_) => false,
        };
        here && self.reason.is_some()
            && self
                .rules
                .iter()
                .any(|(rule, _)| *rule == Named::Known(code))
    }
}

/// Takes what is allowed out of the findings, and puts in what is wrong with the allowances of the
/// files that were judged.
pub(super) fn settle(
    findings: &mut Vec<Finding>,
    suppressed: &mut Vec<(Finding, String)>,
    input: &Input<'_>,
    options: &Options,
    engine: Engine,
    judged: &BTreeSet<&str>,
) {
    let mut allowances: BTreeMap<&str, Vec<(Allowance, Vec<bool>)>> = BTreeMap::new();
    for (file, source) in input.sources {
        let text = source.text.as_deref().unwrap_or_default();
        let found = find(text, &source.statements, engine);
        if !found.is_empty() {
            let unused = |it: Allowance| {
                let used = vec![false; it.rules.len()];
                (it, used)
            };
            allowances.insert(file, found.into_iter().map(unused).collect());
        }
    }
    if allowances.is_empty() {
        return;
    }
    for finding in std::mem::take(findings) {
        let mut reason = None;
        for (allowance, used) in allowances
            .get_mut(finding.file.as_str())
            .into_iter()
            .flatten()
        {
            if !allowance.covers(finding.code, &finding.span) {
                continue;
            }
            for (at, (rule, _)) in allowance.rules.iter().enumerate() {
                used[at] |= *rule == Named::Known(finding.code);
            }
            reason = reason.or(allowance.reason.clone());
        }
        match reason {
            Some(reason) => suppressed.push((finding, reason)),
            None => findings.push(finding),
        }
    }
    for (file, all) in &allowances {
        if judged.contains(file) {
            for (allowance, used) in all {
                let wrong = faults(allowance, used, options, engine);
                let level = |fault: Fault| {
                    let default = match fault.code {
                        Code::SuppressionWithoutReason => Severity::Error,
                        _ => Severity::Warning,
                    };
                    Some((options.level(fault.code, default)?, fault))
                };
                let finding = |(severity, fault): (Severity, Fault)| Finding {
                    code: fault.code,
                    severity,
                    file: (*file).to_owned(),
                    span: fault.span,
                    message: fault.message,
                    causes: Vec::new(),
                    safer: vec![fault.safer],
                    table: None,
                    fix: None,
                };
                findings.extend(wrong.into_iter().filter_map(level).map(finding));
            }
        }
    }
}

/// Something that is wrong with an allowance.
struct Fault {
    code: Code,
    span: Span,
    message: String,
    safer: String,
}

fn faults(allowance: &Allowance, used: &[bool], options: &Options, engine: Engine) -> Vec<Fault> {
    let fault = |code, span: &Span, message: String, safer: &str| Fault {
        code,
        span: span.clone(),
        message,
        safer: safer.to_owned(),
    };
    let unused = Code::SuppressionUnused;
    let form = "write `-- switchback:allow RULE: why it is right here`";
    match &allowance.scope {
        Scope::NoDirective(word) => {
            let message = format!("`switchback:{word}` means nothing");
            let safer = "write `switchback:allow` or `switchback:allow-file`";
            return vec![fault(unused, &allowance.span, message, safer)];
        }
        _ if allowance.rules.is_empty() => {
            let message = "the comment names no rule, and allows nothing".to_owned();
            return vec![fault(unused, &allowance.span, message, form)];
        }
        _ if allowance.reason.is_none() => {
            let message = "the comment gives no reason, and allows nothing".to_owned();
            let code = Code::SuppressionWithoutReason;
            return vec![fault(code, &allowance.span, message, form)];
        }
        Scope::Nothing => {
            let message = "there is no statement that the comment could be meant for".to_owned();
            let safer = "put it directly above a statement, or behind it on the same line";
            return vec![fault(unused, &allowance.span, message, safer)];
        }
        Scope::Statement(_) | Scope::File => {}
    }
    let mut all = Vec::new();
    for ((rule, span), used) in allowance.rules.iter().zip(used) {
        let known = match rule {
            Named::Known(code) => RULES.iter().find(|it| it.info.code == *code),
            Named::Unknown(_) => None,
        };
        match (rule, known) {
            (Named::Unknown(word), _) => all.push(fault(
                unused,
                span,
                format!("there is no rule `{word}`"),
                "the finding that is meant says its rule in brackets",
            )),
            (Named::Known(code), None) => all.push(fault(
                unused,
                span,
                format!("`{}` is not found in migrations", code.slug()),
                "the finding that is meant says its rule in brackets",
            )),
            (Named::Known(code), Some(rule)) => {
                let asked = rule.info.engines.contains(&engine)
                    && options.level(*code, rule.info.severity).is_some();
                // What somebody else looks for is not known to be absent.
                let ours = !matches!(rule.check, Check::Elsewhere);
                if asked && ours && !used {
                    all.push(fault(
                        unused,
                        span,
                        format!("nothing is found here that `{}` would allow", code.slug()),
                        "take it out, so that it hides nothing that comes later",
                    ));
                }
            }
        }
    }
    all
}
