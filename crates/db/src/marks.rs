//! What the marks of the steps of a change say, whatever the engine that keeps them.

use switchback_migration::definition::{Definition, Work};
use switchback_model::{Digest, StepName};

/// A mark, as far as it can be held against a definition.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Marked<'m> {
    /// The step.
    pub(crate) step: &'m str,
    /// The digest of the SQL that ran.
    pub(crate) script: &'m str,
    /// When, RFC 3339.
    pub(crate) applied_at: &'m str,
}

/// What there should be, and what there is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Mismatch {
    pub(crate) expected: String,
    pub(crate) found: String,
}

impl Mismatch {
    /// A step was applied with another script than it has now.
    pub(crate) fn other_script(mark: Marked<'_>) -> Self {
        let Marked {
            step, applied_at, ..
        } = mark;
        Self {
            expected: format!("step {step} as its script is now"),
            found: format!("step {step} applied with another script, on {applied_at}"),
        }
    }

    /// A step would have to be the last one, and another was applied after it.
    pub(crate) fn not_last(step: &str, last: &str) -> Self {
        Self {
            expected: format!("{step} to be the last step applied"),
            found: format!("{last} applied after it"),
        }
    }

    /// The schema is not as the last step left it. The difference is what it left that is missing,
    /// and what there is instead.
    pub(crate) fn not_as_left(last: &str, (left, found): (String, String)) -> Self {
        Self {
            expected: format!("what step {last} left ({left})"),
            found,
        }
    }

    /// Something of the change is there, and no step was applied.
    pub(crate) fn unmarked(name: &str) -> Self {
        Self {
            expected: "no step applied".to_owned(),
            found: format!("`{name}`, which no mark accounts for"),
        }
    }
}

/// The digest of a script's SQL, as marks keep it.
pub(crate) fn digest(sql: &str) -> String {
    Digest::of(sql.as_bytes()).to_string()
}

/// That marks, in the order in which they were made, are of the first scripts of a definition as
/// these are now. After the last one there may be a purge.
pub(crate) fn follow<'m>(
    marks: impl Iterator<Item = Marked<'m>>,
    definition: &Definition,
) -> Result<(), Mismatch> {
    let mut steps = definition.steps.iter().filter_map(|step| match &step.work {
        Work::Database {
            script: Some(script),
            ..
        } => Some((step.name.as_str(), digest(&script.up.sql))),
        _ => None,
    });
    for mark in marks {
        let expected = match steps.next() {
            Some((name, script)) if name == mark.step && script == mark.script => continue,
            Some((name, _)) if name == mark.step => format!("step {name} as its script is now"),
            Some((name, _)) => format!("step {name}"),
            // What it destroyed was found out when it was asked for, and stands in no file.
            None if mark.step == StepName::purge().as_str() => continue,
            None => "no further step".to_owned(),
        };
        return Err(Mismatch {
            expected,
            found: format!("step {} applied on {}", mark.step, mark.applied_at),
        });
    }
    Ok(())
}

/// The first line in which two descriptions of a schema differ: what is missing, and what there is
/// instead. A line is told up to `end`, where what would fill a page begins, and to at most `most`
/// characters.
pub(crate) fn difference(expected: &str, found: &str, end: &str, most: usize) -> (String, String) {
    let only_in = |one: &str, other: &str| {
        let line = one
            .lines()
            .find(|line| !other.lines().any(|it| it == *line));
        match line {
            Some(line) => {
                let told = line.split(end).next().unwrap_or(line);
                told.chars().take(most).collect()
            }
            None => "nothing".to_owned(),
        }
    };
    (only_in(expected, found), only_in(found, expected))
}
