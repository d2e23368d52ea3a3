//! Findings that somebody lets pass: for how long, why, and who answers for it.
//!
//! A waiver names one finding by its rule and fingerprint. What was let pass is still shown, in the
//! verdict and in the notes; it only does not raise the version. A finding with other values or in
//! another place has another fingerprint, and needs a waiver of its own.

use jiff::civil::Date;
use serde::{Deserialize, Serialize};
use toml::Spanned;

use super::finding::Finding;

/// The fewest characters of a fingerprint that name a finding.
pub const SHORTEST: usize = 12;
/// The most bytes that a file of waivers may have.
pub const LARGEST_WAIVERS: usize = 1024 * 1024;

/// Leave to let one finding pass.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Waiver {
    /// The rule of the finding.
    pub rule: String,
    /// Its fingerprint or the beginning of it, in hexadecimal, at least [`SHORTEST`] characters.
    pub fingerprint: String,
    /// Who answers for it.
    pub owner: String,
    /// Why it may pass.
    pub reason: String,
    /// The last day on which it may, `YYYY-MM-DD`.
    pub until: Date,
}

/// A file of waivers that cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("line {line}: {reason}")]
pub struct WrongWaiver {
    /// The line, from 1.
    pub line: usize,
    /// What is wrong.
    pub reason: String,
}

/// The waivers of a repository.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Waivers {
    all: Vec<Waiver>,
}

/// Whether a finding may pass.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Waived<'w> {
    /// Nobody lets it pass.
    No,
    /// It may.
    By(&'w Waiver),
    /// It might until a day that is over.
    Expired(&'w Waiver),
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    #[serde(default)]
    waiver: Vec<Spanned<Entry>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Entry {
    rule: Spanned<String>,
    fingerprint: Spanned<String>,
    owner: Spanned<String>,
    reason: Spanned<String>,
    until: Spanned<String>,
}

impl Waivers {
    /// Reads a file of waivers: TOML, one `[[waiver]]` for each.
    ///
    /// # Errors
    ///
    /// The first line at which something is missing, unknown, or not what it should be.
    pub fn read(text: &str) -> Result<Self, WrongWaiver> {
        let wrong = |at: usize, reason: String| WrongWaiver {
            line: 1 + text.as_bytes()[..at.min(text.len())]
                .iter()
                .filter(|byte| **byte == b'\n')
                .count(),
            reason,
        };
        if text.len() > LARGEST_WAIVERS {
            return Err(wrong(
                0,
                format!("more than the {LARGEST_WAIVERS} bytes that are read"),
            ));
        }
        let file: File = toml::from_str(text).map_err(|error| {
            let at = error.span().unwrap_or_default().start;
            wrong(at, error.message().to_owned())
        })?;
        let mut all = Vec::new();
        for entry in file.waiver {
            let entry = entry.into_inner();
            let named = |value: Spanned<String>, what: &str| match value.get_ref().trim() {
                "" => Err(wrong(value.span().start, format!("`{what}` is empty"))),
                text => Ok(text.to_owned()),
            };
            let rules: Vec<&str> = super::rules().map(|rule| rule.id).collect();
            if !rules.contains(&entry.rule.get_ref().as_str()) {
                let name = entry.rule.get_ref();
                let near = switchback_diag::nearest(name, rules.iter().copied());
                let near = near.map_or(String::new(), |it| format!("; did you mean `{it}`?"));
                return Err(wrong(
                    entry.rule.span().start,
                    format!("there is no rule `{name}`{near}"),
                ));
            }
            let hexadecimal =
                |it: &str| it.bytes().all(|it| matches!(it, b'0'..=b'9' | b'a'..=b'f'));
            let fingerprint = entry.fingerprint.get_ref();
            if fingerprint.len() < SHORTEST || !hexadecimal(fingerprint) {
                return Err(wrong(
                    entry.fingerprint.span().start,
                    format!(
                        "`fingerprint` needs {SHORTEST} or more of the digits that the finding shows"
                    ),
                ));
            }
            let until = entry.until.get_ref().parse().map_err(|_| {
                wrong(
                    entry.until.span().start,
                    format!("`{}` is no day such as 2027-01-31", entry.until.get_ref()),
                )
            })?;
            all.push(Waiver {
                rule: entry.rule.into_inner(),
                fingerprint: entry.fingerprint.into_inner(),
                owner: named(entry.owner, "owner")?,
                reason: named(entry.reason, "reason")?,
                until,
            });
        }
        Ok(Self { all })
    }

    /// Whether a finding may pass on a day, `YYYY-MM-DD`. Of several waivers for it the longest counts.
    pub fn of(&self, finding: &Finding, today: &str) -> Waived<'_> {
        let longest = self
            .all
            .iter()
            .filter(|it| is_for(it, finding))
            .max_by_key(|it| it.until);
        match longest {
            None => Waived::No,
            Some(it) if it.until.to_string().as_str() < today => Waived::Expired(it),
            Some(it) => Waived::By(it),
        }
    }

    /// Those that are for none of these findings: what they let pass is not there any more, or has
    /// changed.
    pub fn unused(&self, findings: &[&Finding]) -> Vec<&Waiver> {
        let used = |it: &&Waiver| findings.iter().any(|finding| is_for(it, finding));
        self.all.iter().filter(|it| !used(it)).collect()
    }
}

fn is_for(waiver: &Waiver, finding: &Finding) -> bool {
    waiver.rule == finding.rule.id && finding.fingerprint.starts_with(&waiver.fingerprint)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::super::{Contract, Options, Surface, diff};
    use super::*;

    fn finding() -> Finding {
        let side = |text: &str| BTreeMap::from([("a.json".to_owned(), text.to_owned())]);
        let (old, new) = (
            side(r#"{"type": ["string", "null"]}"#),
            side(r#"{"type": "string"}"#),
        );
        let contract = |files| Contract {
            root: "a.json",
            files,
        };
        let mut found = diff(
            Surface::JsonSchema,
            contract(&old),
            contract(&new),
            &Options::default(),
        )
        .unwrap();
        found.remove(0)
    }

    fn file(finding: &Finding, until: &str) -> String {
        format!(
            "[[waiver]]\nrule = \"{}\"\nfingerprint = \"{}\"\nowner = \"payments\"\n\
             reason = \"nobody sends null\"\nuntil = \"{until}\"\n",
            finding.rule.id,
            &finding.fingerprint[..SHORTEST]
        )
    }

    #[test]
    fn a_finding_passes_until_the_last_day_and_no_longer() {
        let finding = finding();
        let waivers = Waivers::read(&file(&finding, "2027-01-31")).unwrap();
        let Waived::By(waiver) = waivers.of(&finding, "2027-01-31") else {
            panic!("it may pass on the last day");
        };
        assert_eq!(waiver.owner, "payments");
        assert!(matches!(
            waivers.of(&finding, "2027-02-01"),
            Waived::Expired(_)
        ));
        let other = Finding {
            fingerprint: "0".repeat(64),
            ..finding.clone()
        };
        assert_eq!(waivers.of(&other, "2027-01-01"), Waived::No);
        assert_eq!(waivers.unused(&[&other]).len(), 1);
        assert_eq!(waivers.unused(&[&finding]).len(), 0);
        // Whoever renews it leaves the old one standing.
        let both = format!(
            "{}{}",
            file(&finding, "2027-06-30"),
            file(&finding, "2027-01-31")
        );
        let waivers = Waivers::read(&both).unwrap();
        assert!(matches!(waivers.of(&finding, "2027-03-01"), Waived::By(_)));
    }

    #[test]
    fn what_is_wrong_is_named_with_its_line() {
        let finding = finding();
        let good = file(&finding, "2027-01-31");
        for (bad, line, says) in [
            (
                good.replace("owner = \"payments\"", "owner = \" \""),
                4,
                "`owner` is empty",
            ),
            (good.replace("2027-01-31", "2027-02-30"), 6, "no day"),
            (good.replace("2027-01-31", "soon"), 6, "no day"),
            (
                good.replace("owner = \"payments\"\n", ""),
                1,
                "missing field `owner`",
            ),
            (good.replace("owner", "owners"), 4, "unknown field"),
            (
                good.replace(finding.rule.id, "no-such-rule"),
                2,
                "there is no rule",
            ),
            (
                good.replace(&finding.fingerprint[..SHORTEST], "ab"),
                3,
                "12 or more",
            ),
            (format!("{good}["), 7, ""),
        ] {
            let error = Waivers::read(&bad).unwrap_err();
            assert_eq!(error.line, line, "{bad}{error}");
            assert!(error.reason.contains(says), "{error}");
        }
        assert_eq!(Waivers::read("").unwrap(), Waivers::default());
    }
}
