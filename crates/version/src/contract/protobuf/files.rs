//! Files: their packages, their syntax and their options.

use std::collections::{BTreeMap, BTreeSet};

use super::model::{FileOption, Model};
use super::{Comparison, rules};

/// Packages that are called something else, by their old names: none of their files has the old name
/// any more, and all that are still there have the same new one.
pub(super) fn packages<'a>(old: &'a Model, new: &'a Model) -> BTreeMap<&'a str, &'a str> {
    let all = |model: &'a Model| -> BTreeSet<&'a str> {
        model.files.values().map(|it| it.package.as_str()).collect()
    };
    let (was, is) = (all(old), all(new));
    let mut out = BTreeMap::new();
    for package in was.difference(&is) {
        let files = old.files.iter().filter(|it| it.1.package == *package);
        let now: BTreeSet<&str> = files
            .filter_map(|(path, _)| new.files.get(path))
            .map(|it| it.package.as_str())
            .collect();
        if let (1, Some(now)) = (now.len(), now.first())
            && !was.contains(now)
        {
            out.insert(*package, *now);
        }
    }
    out
}

/// What things are called whose package is called something else.
pub(super) fn renamed(old: &Model, packages: &BTreeMap<&str, &str>) -> BTreeMap<String, String> {
    let moved = old.packages.iter().filter_map(|(name, package)| {
        let now = packages.get(package.as_str())?;
        let rest = name.strip_prefix(package.as_str())?.trim_start_matches('.');
        let full = if now.is_empty() {
            rest.to_owned()
        } else {
            format!("{now}.{rest}")
        };
        Some((name.clone(), full))
    });
    moved.collect()
}

impl Comparison<'_> {
    pub(super) fn files(&mut self, packages: &BTreeMap<&str, &str>) {
        let (old, new) = (self.sides.old, self.sides.new);
        for (path, was) in &old.files {
            let Some(is) = new.files.get(path) else {
                continue;
            };
            if was.package != is.package {
                // Where everything in it is still there, it has only moved to other files.
                let own = old.places().filter(|it| it.1.file == *path);
                let mut own = own.map(|it| new.packages.contains_key(it.0)).peekable();
                let empty = own.peek().is_none();
                let moved = packages.contains_key(was.package.as_str());
                if moved || empty || own.any(|it| !it) {
                    for rule in [&rules::FILE_PACKAGE_WIRE, &rules::FILE_PACKAGE_SOURCE] {
                        let one = (&was.package_place, Some(was.package.clone()));
                        let two = (&is.package_place, Some(is.package.clone()));
                        self.say(rule, one, two, "");
                    }
                }
            }
            if was.syntax != is.syntax {
                let one = (&was.syntax_place, Some(was.syntax.clone()));
                let two = (&is.syntax_place, Some(is.syntax.clone()));
                self.say(&rules::FILE_SYNTAX, one, two, "");
            }
            for (name, first) in &was.options {
                let Some(second) = is.options.get(name) else {
                    continue;
                };
                if first.value != second.value {
                    let text =
                        |it: &FileOption| it.written.then(|| format!("{name} = {}", it.value));
                    let one = (&first.place, text(first));
                    let two = (&second.place, text(second));
                    self.say(&rules::FILE_OPTION, one, two, "");
                }
            }
        }
    }
}
