//! Findings that were there when somebody began to check, kept in a file so that only new ones
//! count.
//!
//! A finding is known again by its code, its file, the words of its statement and how many alike
//! come before it, so that it survives when lines move and spaces change, and not when the
//! statement does.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use switchback_diag::Code;
use switchback_model::digest::Digest;

use super::{Finding, Source};

/// The version of the file's form.
pub const SCHEMA: &str = "switchback.check-baseline/v1";

/// What a baseline file holds.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Baseline {
    schema: String,
    /// Sorted by file, code and fingerprint, so that the file changes little.
    findings: Vec<Entry>,
}

/// One finding that is known.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Entry {
    /// The file, as the folder names it.
    pub file: String,
    /// The code, such as `SB1101`.
    pub code: String,
    /// Code, file, statement and number, digested.
    pub fingerprint: String,
    /// The beginning of the statement, for people.
    pub statement: String,
}

/// Why a text is not a baseline.
#[derive(Debug, thiserror::Error)]
pub enum BaselineError {
    /// It is not JSON of the form.
    #[error("the baseline cannot be parsed")]
    Syntax(#[source] serde_json::Error),
    /// It is of another version.
    #[error("the baseline is of the form `{0}`, and `{SCHEMA}` is what can be read")]
    Version(String),
    /// It names a code that does not exist.
    #[error("the baseline names `{0}`, which is no code")]
    Code(String),
}

/// Findings compared with a baseline.
#[derive(Debug, Clone, Default)]
pub struct Compared {
    /// Those that are not in it.
    pub new: Vec<Finding>,
    /// Those that are.
    pub known: Vec<Finding>,
    /// Entries of findings that are there no longer: the baseline can be made smaller.
    pub gone: Vec<Entry>,
}

/// How much of a statement is kept for people, in characters.
const SHOWN: usize = 80;

impl Baseline {
    /// The baseline in which all of these are known.
    pub fn of(findings: &[Finding], sources: &BTreeMap<String, Source>) -> Self {
        let mut entries: Vec<Entry> = entries(findings, sources).collect();
        entries.sort_by(|one, other| one.order().cmp(&other.order()));
        Self {
            schema: SCHEMA.to_owned(),
            findings: entries,
        }
    }

    /// From the text of a file.
    ///
    /// # Errors
    /// If the text is not JSON of this form, of another version, or names a code that does not
    /// exist.
    pub fn parse(text: &str) -> Result<Self, BaselineError> {
        // The version first: another one may well have another form.
        #[derive(Deserialize)]
        struct Head {
            schema: String,
        }
        let head: Head = serde_json::from_str(text).map_err(BaselineError::Syntax)?;
        if head.schema != SCHEMA {
            return Err(BaselineError::Version(head.schema));
        }
        let baseline: Self = serde_json::from_str(text).map_err(BaselineError::Syntax)?;
        let unknown = |entry: &&Entry| Code::find(&entry.code).is_none();
        match baseline.findings.iter().find(unknown) {
            Some(entry) => Err(BaselineError::Code(entry.code.clone())),
            None => Ok(baseline),
        }
    }

    /// The text of the file: one line for each finding, so that two people who add to it rarely
    /// meet.
    ///
    /// # Errors
    /// If JSON cannot be written, which no baseline is a reason for.
    pub fn to_json(&self) -> Result<String, serde_json::Error> {
        let mut lines = Vec::new();
        for entry in &self.findings {
            lines.push(format!("    {}", serde_json::to_string(entry)?));
        }
        let schema = serde_json::to_string(&self.schema)?;
        let list = if lines.is_empty() {
            "[]".to_owned()
        } else {
            format!("[\n{}\n  ]", lines.join(",\n"))
        };
        Ok(format!(
            "{{\n  \"schema\": {schema},\n  \"findings\": {list}\n}}\n"
        ))
    }

    /// What it holds.
    pub fn entries(&self) -> &[Entry] {
        &self.findings
    }

    /// Which findings are known, which are new, and which are gone.
    pub fn compare(&self, findings: Vec<Finding>, sources: &BTreeMap<String, Source>) -> Compared {
        let mut open: BTreeMap<&str, Vec<&Entry>> = BTreeMap::new();
        for entry in &self.findings {
            open.entry(&entry.fingerprint).or_default().push(entry);
        }
        let mut compared = Compared::default();
        let now: Vec<Entry> = entries(&findings, sources).collect();
        for (finding, entry) in findings.into_iter().zip(now) {
            if open.remove(entry.fingerprint.as_str()).is_some() {
                compared.known.push(finding);
            } else {
                compared.new.push(finding);
            }
        }
        compared.gone = open.into_values().flatten().cloned().collect();
        compared
            .gone
            .sort_by(|one, other| one.order().cmp(&other.order()));
        compared
    }
}

impl Entry {
    fn order(&self) -> (&str, &str, &str, &str) {
        (&self.file, &self.code, &self.statement, &self.fingerprint)
    }
}

/// The entry of each finding, in the order of the findings.
fn entries<'a>(
    findings: &'a [Finding],
    sources: &'a BTreeMap<String, Source>,
) -> impl Iterator<Item = Entry> + 'a {
    let mut seen: BTreeMap<(Code, &'a str, String), usize> = BTreeMap::new();
    findings.iter().map(move |finding| {
        let words = sources
            .get(&finding.file)
            .map(|source| words(finding, source))
            .unwrap_or_default();
        let number = seen
            .entry((finding.code, finding.file.as_str(), words.clone()))
            .and_modify(|number| *number += 1)
            .or_insert(0);
        // Lengths first, so that no two lists of parts make one text.
        let (code, file) = (finding.code.id(), finding.file.as_str());
        let key = format!(
            "{code} {} {file} {} {words} {number}",
            file.len(),
            words.len()
        );
        Entry {
            file: finding.file.clone(),
            code: code.to_owned(),
            fingerprint: Digest::of(key.as_bytes()).hex()[..32].to_owned(),
            statement: shortened(&words),
        }
    })
}

/// The words of the statement that a finding is about, each gap as one space; none if it is about
/// the file.
fn words(finding: &Finding, source: &Source) -> String {
    let Some(text) = &source.text else {
        return String::new();
    };
    let at = finding.span.start;
    let before = source
        .statements
        .partition_point(|statement| statement.span.start <= at);
    // Of a statement inside a block the block's last statement before it is near enough: the
    // innermost is the last that has begun and not ended.
    let within = source.statements[..before]
        .iter()
        .rev()
        .find(|statement| at < statement.span.end);
    let words = within.and_then(|statement| text.get(statement.span.clone()));
    words
        .map(|words| words.split_whitespace().collect::<Vec<_>>().join(" "))
        .unwrap_or_default()
}

fn shortened(words: &str) -> String {
    match words.char_indices().nth(SHOWN) {
        Some((end, _)) => format!("{}…", &words[..end]),
        None => words.to_owned(),
    }
}
