//! Changing files where what is right is certain.
//!
//! Fixes are made in memory, and the folder is judged again with each, until nothing is left that
//! can be fixed. Only then are files written, each as a whole, and only if they are still what was
//! read.

use std::collections::BTreeMap;
use std::fs;

use switchback_diag::Diagnostic;
use switchback_migration::lint::{Finding, Fix, fix};

use super::choice::Choice;
use super::diff;
use super::folders::Groups;
use super::report::FixLine;
use crate::errors::{self, Failure};
use crate::files;
use crate::survey::{Base, Listing};

/// Texts before and after.
#[derive(Debug, Default)]
pub(super) struct Fixes {
    /// What each changed file was when it was read.
    before: BTreeMap<String, String>,
    /// What was done, in order.
    pub(super) done: Vec<FixLine>,
}

impl Fixes {
    /// Makes the fixes of these findings. False if there was nothing to do.
    pub(super) fn make(
        &mut self,
        findings: &[Finding],
        groups: &mut Groups,
        choice: &Choice,
    ) -> bool {
        let mut by_file: BTreeMap<&str, Vec<(&Finding, &Fix)>> = BTreeMap::new();
        for finding in findings {
            if let Some(fix) = &finding.fix {
                by_file
                    .entry(&finding.file)
                    .or_default()
                    .push((finding, fix));
            }
        }
        let mut any = false;
        for (file, fixes) in by_file {
            let group = groups
                .all
                .iter_mut()
                .find(|it| it.sources.contains_key(file));
            let Some(group) = group else { continue };
            let text = group.sources.get(file).and_then(|it| it.text.clone());
            let Some(text) = text else { continue };
            let mut chosen: Vec<Fix> = Vec::new();
            for (finding, one) in fixes {
                chosen.push(with_line_ends_of(&text, one));
                if fix::apply(&text, &chosen).applied < chosen.len() {
                    chosen.pop();
                    continue;
                }
                self.done.push(FixLine {
                    file: file.to_owned(),
                    code: finding.code,
                    title: one.title.clone(),
                });
            }
            let new = fix::apply(&text, &chosen).text;
            if new != text {
                group.put(file, new, choice);
                self.before.entry(file.to_owned()).or_insert(text);
                any = true;
            }
        }
        any
    }

    /// What would change, as people read it.
    pub(super) fn diff(&self, groups: &Groups, base: &Base) -> String {
        let shown = self.before.iter().map(|(file, old)| {
            let new = text(groups, file).unwrap_or(old);
            diff::unified(&base.shown(file), old, new)
        });
        shown.collect()
    }

    /// Writes every changed file that is still what was read; what kept others from it.
    pub(super) fn write(
        &self,
        groups: &Groups,
        listing: &Listing,
        base: &Base,
    ) -> Vec<(String, Diagnostic)> {
        let mut troubles = Vec::new();
        for (file, old) in &self.before {
            let Some(new) = text(groups, file) else {
                continue;
            };
            let path = match listing.files.get(file) {
                Some(entry) => entry.path.clone(),
                None => base.path(file),
            };
            let same = fs::read(&path).is_ok_and(|now| now == old.as_bytes());
            if !same {
                let found = errors::changed_meanwhile(&base.shown(file));
                troubles.push((file.clone(), found));
            } else if let Err(error) = files::replace(&path, new.as_bytes()) {
                let failure = Failure::from(error);
                let found = failure.diagnostics.into_iter().map(|it| (file.clone(), it));
                troubles.extend(found);
            }
        }
        troubles
    }
}

/// The same fix with the line ends of the file, where that has those of Windows only.
fn with_line_ends_of(text: &str, fix: &Fix) -> Fix {
    let breaks = text.matches('\n').count();
    let windows = breaks > 0 && text.matches("\r\n").count() == breaks;
    let mut fix = fix.clone();
    for (_, with) in fix.edits.iter_mut().filter(|_| windows) {
        *with = with.replace("\r\n", "\n").replace('\n', "\r\n");
    }
    fix
}

fn text<'a>(groups: &'a Groups, file: &str) -> Option<&'a str> {
    groups
        .all
        .iter()
        .find_map(|it| it.sources.get(file)?.text.as_deref())
}
