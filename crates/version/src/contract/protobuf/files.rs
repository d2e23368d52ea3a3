//! Files: their packages, their syntax and their options.

use std::collections::{BTreeMap, BTreeSet};

use super::features::Edition;
use super::model::{File, FileOption, Model};
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
            // An edition is a set of defaults for features, which are compared where they count.
            let syntaxes = was.edition.is_syntax() && is.edition.is_syntax();
            if syntaxes && was.edition != is.edition {
                let one = (&was.syntax_place, Some(was.edition.word().to_owned()));
                let two = (&is.syntax_place, Some(is.edition.word().to_owned()));
                self.say(&rules::FILE_SYNTAX, one, two, "");
            }
            self.file_options(was, is);
        }
    }

    fn file_options(&mut self, was: &File, is: &File) {
        // Who does not name the Java class of a file gets another one from edition 2024 on.
        let later = |it: &File| it.edition >= Edition::E2024;
        let written = |it: &File, name| it.options.get(name).is_some_and(|it| it.written);
        let java = |it: &File| written(it, "java_package") || written(it, "java_outer_classname");
        let renamed = later(was) != later(is) && (java(was) || java(is));
        for (name, first) in &was.options {
            let Some(second) = is.options.get(name) else {
                continue;
            };
            let values = if renamed && *name == "java_outer_classname" {
                (&was.outer_class, &is.outer_class)
            } else {
                (&first.value, &second.value)
            };
            if values.0 == values.1 {
                continue;
            }
            // What nobody says is shown where it changes all the same.
            let unwritten = !first.written && !second.written;
            let text = |it: &FileOption, value: &str| {
                (it.written || unwritten).then(|| format!("{name} = {value}"))
            };
            let one = (&first.place, text(first, values.0));
            let two = (&second.place, text(second, values.1));
            self.say(&rules::FILE_OPTION, one, two, "");
        }
    }
}
