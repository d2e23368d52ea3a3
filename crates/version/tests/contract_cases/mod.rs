//! Labelled cases, and how often we say what the label says.

pub(crate) mod avro;
#[cfg(feature = "protobuf")]
pub(crate) mod buf;
pub(crate) mod confluent;
pub(crate) mod oasdiff;

use std::cell::OnceCell;
use std::collections::BTreeMap;
use std::fmt;
use std::ops::RangeInclusive;
use std::rc::Rc;

use switchback_version::Level;
use switchback_version::contract::{
    Certainty, Contract, Direction, Finding, Options, Stability, Surface, diff,
};

/// Two states of a contract, and what somebody else says of them.
pub(crate) struct Case {
    pub(crate) name: String,
    pub(crate) surface: Surface,
    pub(crate) direction: Direction,
    pub(crate) old: Side,
    pub(crate) new: Side,
    /// What the label is about; none for everything.
    pub(crate) about: Option<About>,
    /// What was found in other cases with the same states.
    pub(crate) known: Known,
    /// What promises nothing yet, by the beginnings of its names.
    pub(crate) unstable: Vec<String>,
    /// How sure a finding has to be at least to agree with a break.
    pub(crate) least: Certainty,
    /// Whether the second state breaks those who know the first one.
    pub(crate) breaks: bool,
}

/// What a comparison found, once somebody asked.
pub(crate) type Known = Rc<OnceCell<Result<Vec<Finding>, String>>>;

/// A place in a contract, and rules.
pub(crate) struct About {
    pub(crate) file: String,
    /// Of the second state; none for what stands nowhere there.
    pub(crate) lines: Option<RangeInclusive<usize>>,
    /// Without what those of their surface begin with.
    pub(crate) rules: Vec<&'static str>,
}

impl About {
    fn has(&self, finding: &Finding) -> bool {
        let ours = self.rules.iter().any(|it| {
            let start = finding.rule.id.strip_suffix(it);
            start.is_some_and(|it| it.matches('-').count() == 1 && it.ends_with('-'))
        });
        ours && match &self.lines {
            Some(lines) => finding.new.file == self.file && lines.contains(&finding.new.line),
            None => finding.old.file == self.file,
        }
    }
}

/// One state: the file, and all files.
pub(crate) struct Side {
    pub(crate) root: String,
    pub(crate) files: Rc<BTreeMap<String, String>>,
}

impl Side {
    pub(crate) fn one(path: &str, text: String) -> Self {
        Self {
            root: path.to_owned(),
            files: Rc::new(BTreeMap::from([(path.to_owned(), text)])),
        }
    }

    fn contract(&self) -> Contract<'_> {
        Contract {
            root: &self.root,
            files: &self.files,
        }
    }
}

impl Case {
    pub(crate) fn findings(&self) -> Result<Vec<Finding>, String> {
        let unstable = self.unstable.iter();
        let stability: Vec<_> = unstable.map(|it| (it.clone(), Stability::Alpha)).collect();
        let options = Options {
            direction: Some(self.direction),
            stability: &stability,
            today: Some("2030-01-01"),
        };
        let (old, new) = (self.old.contract(), self.new.contract());
        let found = self
            .known
            .get_or_init(|| diff(self.surface, old, new, &options).map_err(|it| it.to_string()));
        let mut found = found.clone()?;
        // A label about requests says nothing about responses that share their schemas.
        if self.direction != Direction::Both {
            found.retain(|it| it.rule.direction == self.direction);
        }
        if let Some(about) = &self.about {
            found.retain(|it| about.has(it));
        }
        Ok(found)
    }

    /// Whether findings say that something breaks, or would if it were promised for good: that less is
    /// promised of a part lowers the version that we ask for, and the labels know no versions.
    fn is_flagged(&self, findings: &[Finding]) -> bool {
        findings.iter().any(|it| {
            let counts = it.rule.certainty >= self.least && it.level > Level::None;
            counts && it.rule.level == Level::Major
        })
    }
}

/// A label that we hold to be wrong, by a part of the name of its case, and why.
pub(crate) type Otherwise = (&'static str, &'static str);

#[derive(Default)]
pub(crate) struct Tally {
    breaks: usize,
    found: usize,
    compatible: usize,
    flagged: usize,
    /// Of the breaks that were found, those of which we say that nobody can tell, as the label does.
    told: usize,
    /// Cases whose label we hold to be wrong, breaks and compatible ones: they are told apart.
    apart: [usize; 2],
    lines: Vec<String>,
}

impl Tally {
    pub(crate) fn of(cases: Vec<Case>, otherwise: &[Otherwise]) -> Self {
        let mut tally = Self::default();
        let mut held = vec![false; otherwise.len()];
        for case in cases {
            let findings = match case.findings() {
                Ok(findings) => findings,
                Err(reason) => {
                    tally
                        .lines
                        .push(format!("unreadable  {}: {reason}", case.name));
                    Vec::new()
                }
            };
            let flagged = case.is_flagged(&findings);
            let known = otherwise.iter().position(|it| case.name.contains(it.0));
            if let Some(at) = known.filter(|_| case.breaks != flagged) {
                held[at] = true;
                let reason = otherwise[at].1;
                let label = if case.breaks { "a break" } else { "compatible" };
                tally.lines.push(format!(
                    "apart    {} is labelled {label}: {reason}",
                    case.name
                ));
                tally.apart[usize::from(!case.breaks)] += 1;
                continue;
            }
            if case.breaks {
                tally.breaks += 1;
                tally.found += usize::from(flagged);
                if flagged && !findings.iter().any(|it| it.rule.breaks()) {
                    tally.told += 1;
                    tally.say("told   ", &case, &findings);
                }
            } else {
                tally.compatible += 1;
                tally.flagged += usize::from(flagged);
            }
            if case.breaks != flagged {
                let kind = if case.breaks { "missed " } else { "flagged" };
                tally.say(kind, &case, &findings);
            }
        }
        let stale = otherwise.iter().zip(held).filter(|it| !it.1);
        for (entry, _) in stale {
            tally
                .lines
                .push(format!("stale    `{}` tells nothing apart", entry.0));
        }
        tally
    }

    /// Writes a case down with the rules that speak of it.
    fn say(&mut self, kind: &str, case: &Case, findings: &[Finding]) {
        let rules: Vec<String> = findings
            .iter()
            .filter(|it| case.breaks || it.rule.breaks())
            .map(|it| format!("{} {}", it.rule.id, it.new.pointer))
            .collect();
        let line = format!("{kind}  {}: {}", case.name, rules.join(", "));
        self.lines.push(line);
    }

    pub(crate) fn recall(&self) -> f64 {
        self.found as f64 / self.breaks.max(1) as f64
    }

    pub(crate) fn false_alarms(&self) -> f64 {
        self.flagged as f64 / self.compatible.max(1) as f64
    }
}

impl fmt::Display for Tally {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let share = |part: usize, all: usize| 100.0 * part as f64 / all.max(1) as f64;
        let (breaks, compatible) = (self.breaks + self.apart[0], self.compatible + self.apart[1]);
        writeln!(
            f,
            "{} of {} labelled breaks found ({:.1} %; {} of them as what nobody can tell), {} of {} compatible ones flagged ({:.1} %); \
             as labelled, with those that are told apart: {} of {breaks} ({:.1} %), {} of \
             {compatible} ({:.1} %)",
            self.found,
            self.breaks,
            100.0 * self.recall(),
            self.told,
            self.flagged,
            self.compatible,
            100.0 * self.false_alarms(),
            self.found,
            share(self.found, breaks),
            self.flagged + self.apart[1],
            share(self.flagged + self.apart[1], compatible),
        )?;
        self.lines.iter().try_for_each(|it| writeln!(f, "  {it}"))
    }
}

/// A value as JSON text, for cases that lie in other notations.
pub(crate) fn json(value: &serde_json::Value) -> String {
    value.to_string()
}

/// JSON with commas after the last member, as other languages read it.
pub(crate) fn lenient(text: &str) -> Option<serde_json::Value> {
    let mut out = String::with_capacity(text.len());
    let mut inside = false;
    let mut escaped = false;
    for character in text.chars() {
        if !inside && (character == '}' || character == ']') && out.trim_end().ends_with(',') {
            let end = out.trim_end().len() - 1;
            out.truncate(end);
        }
        inside ^= character == '"' && !escaped;
        escaped = inside && character == '\\' && !escaped;
        out.push(character);
    }
    serde_json::from_str(&out).ok()
}
