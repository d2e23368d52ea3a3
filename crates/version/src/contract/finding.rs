//! What a comparison found, and how much the version has to rise for it.

use serde::Serialize;
use switchback_model::Digest;

use super::rule::{Certainty, Rule};
use crate::Level;
use crate::verdict::{Claim, Evidence};

/// Where something stands.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
pub struct Place {
    /// The file.
    pub file: String,
    /// The line, from 1.
    pub line: usize,
    /// JSON pointer within the file; the full name of something in a database.
    pub pointer: String,
}

/// One change, by one rule.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// The rule.
    pub rule: &'static Rule,
    /// How much the version has to rise for it: what the rule says, or less where the part of the
    /// contract is not stable.
    pub level: Level,
    /// How sure it is: what the rule says, or less where not all of a contract could be read.
    pub certainty: Certainty,
    /// Where it stands before, or what it would belong to.
    pub old: Place,
    /// Where it stands after, or what it belonged to.
    pub new: Place,
    /// What stood there, in short.
    pub old_value: Option<String>,
    /// What stands there, in short.
    pub new_value: Option<String>,
    /// One sentence: what changed and what a client sees.
    pub sentence: String,
    /// SHA-256 over rule, files, pointers and values, in hexadecimal. The same wherever the lines
    /// move to.
    pub fingerprint: String,
}

impl Finding {
    pub(crate) fn new(
        rule: &'static Rule,
        level: Level,
        (old, new): (Place, Place),
        (old_value, new_value): (Option<String>, Option<String>),
        sentence: String,
    ) -> Self {
        let mut bytes = Vec::new();
        let none = String::from("\u{1}");
        for part in [
            rule.id,
            &old.file,
            &old.pointer,
            &new.file,
            &new.pointer,
            old_value.as_ref().unwrap_or(&none),
            new_value.as_ref().unwrap_or(&none),
        ] {
            bytes.extend((part.len() as u64).to_be_bytes());
            bytes.extend(part.as_bytes());
        }
        Self {
            rule,
            level,
            certainty: rule.certainty,
            old,
            new,
            old_value,
            new_value,
            sentence,
            fingerprint: Digest::of(&bytes).hex(),
        }
    }

    /// Whether it says that something which worked does not work any more, or may not.
    pub fn breaks(&self) -> bool {
        self.level == Level::Major && self.certainty > Certainty::CannotTell
    }
}

impl From<&Finding> for Claim {
    fn from(finding: &Finding) -> Self {
        Claim {
            level: finding.level,
            sentence: finding.sentence.trim_end_matches('.').to_owned(),
            evidence: Evidence::Contract {
                rule: finding.rule.id,
                fingerprint: finding.fingerprint.clone(),
                file: finding.new.file.clone(),
                line: finding.new.line,
                pointer: finding.new.pointer.clone(),
                old: finding.old_value.clone(),
                new: finding.new_value.clone(),
            },
        }
    }
}

/// How much the version has to rise at least for some findings. Those that are less sure than
/// `least` do not count; [`Certainty::MayBreak`] is the usual choice.
pub fn floor(findings: &[Finding], least: Certainty) -> Level {
    findings
        .iter()
        .filter(|it| it.certainty >= least)
        .map(|it| it.level)
        .max()
        .unwrap_or_default()
}
