//! Which environments there are: from folders and files that are named after them.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::Read as _;
use std::path::Path;

use super::survey::{FoundEnvironment, as_name, entries};

/// Folders with one folder or values file for each environment.
const GROUPS: [&str; 7] = [
    "envs",
    "environments",
    "env",
    "overlays",
    "deploy",
    "deploy/overlays",
    "deploy/envs",
];

/// Names that mean an environment, in the order of promotion.
const ORDER: [&[&str]; 6] = [
    &["dev", "develop", "development", "local"],
    &["test", "testing", "qa", "ci", "integration", "int"],
    &["stage", "staging", "stg", "uat", "acceptance"],
    &["preprod", "pre-prod", "preproduction", "pre-production"],
    &["canary"],
    &["prod", "production", "prd", "live"],
];

/// The environments in the order of promotion, at least one; and what to say about them.
pub(crate) fn find(folder: &Path, components: usize) -> (Vec<FoundEnvironment>, Vec<String>) {
    let mut found: BTreeMap<String, FoundEnvironment> = BTreeMap::new();
    for group in GROUPS {
        // In `deploy` there is much else, so there only known names count.
        let known_only = group == "deploy";
        for entry in entries(&folder.join(group)) {
            let path = format!("{group}/{entry}");
            let Some((name, values)) = environment_at(folder, &path, &entry, components) else {
                continue;
            };
            if !known_only || rank(&name).is_some() {
                let environment = found.entry(name.clone()).or_default();
                environment.name = name;
                environment.values = environment.values.take().or(values);
            }
        }
    }
    let mut remarks = Vec::new();
    for file in entries(folder)
        .into_iter()
        .filter(|file| is_sqlite(&folder.join(file)))
    {
        let name = file
            .rsplit_once('.')
            .and_then(|(stem, _)| as_name(stem))
            .unwrap_or_default();
        if found.contains_key(&name) || rank(&name).is_some() {
            let environment = found.entry(name.clone()).or_default();
            environment.name = name;
            environment.database = Some(file);
        } else {
            remarks.push(format!(
                "{file} is a SQLite database; if it belongs to an environment, name it there"
            ));
        }
    }
    if found.is_empty() {
        remarks.push("no environments were found, so staging and production are examples".into());
        for name in ["staging", "production"] {
            let environment = FoundEnvironment {
                name: name.into(),
                ..Default::default()
            };
            found.insert(name.to_owned(), environment);
        }
    }
    let mut environments: Vec<FoundEnvironment> = found.into_values().collect();
    // A name that says nothing comes after staging and before production.
    environments.sort_by_key(|environment| rank(&environment.name).unwrap_or(4));
    if environments
        .iter()
        .filter(|environment| rank(&environment.name).is_none())
        .count()
        > 1
    {
        remarks.push("check the order of the environments: it is the order of promotion".into());
    }
    (environments, remarks)
}

fn rank(name: &str) -> Option<usize> {
    ORDER.iter().position(|names| names.contains(&name))
}

type Found = (String, Option<(String, String)>);

fn environment_at(folder: &Path, path: &str, entry: &str, components: usize) -> Option<Found> {
    let full = folder.join(path);
    if full.is_dir() {
        let name = as_name(entry).filter(|_| !matches!(entry, "base" | "overlays" | "envs"))?;
        let values = ["values.yaml", "values.yml"]
            .iter()
            .map(|file| format!("{path}/{file}"));
        let values = values.into_iter().find(|file| folder.join(file).is_file());
        return Some((name, values.map(|file| with_key(folder, file, components))));
    }
    // `values-staging.yaml` or `staging.yaml`.
    let stem = entry
        .strip_suffix(".yaml")
        .or_else(|| entry.strip_suffix(".yml"))?;
    let name = as_name(stem.strip_prefix("values-").unwrap_or(stem))?;
    rank(&name)?;
    Some((name, Some(with_key(folder, path.to_owned(), components))))
}

/// The file and a guess at the key of the version in it. Helm charts have `image.tag`.
fn with_key(folder: &Path, file: String, components: usize) -> (String, String) {
    let text = fs::read_to_string(folder.join(&file)).unwrap_or_default();
    let mut lines = text
        .lines()
        .skip_while(|line| line.trim_end() != "image:")
        .skip(1);
    let image = lines
        .by_ref()
        .take_while(|line| line.starts_with([' ', '\t', '#']) || line.is_empty())
        .any(|line| line.trim_start().starts_with("tag:"));
    let key = match (image, components) {
        (true, 1) => "image.tag",
        (true, _) => "{component}.image.tag",
        (false, _) => "{component}.version",
    };
    (file, key.to_owned())
}

fn is_sqlite(path: &Path) -> bool {
    let named = path.extension().is_some_and(|end| {
        ["db", "sqlite", "sqlite3"]
            .iter()
            .any(|known| end == *known)
    });
    let mut head = [0; 16];
    named
        && path.is_file()
        && File::open(path)
            .and_then(|mut file| file.read_exact(&mut head))
            .is_ok()
        && &head == b"SQLite format 3\0"
}

#[cfg(test)]
mod tests {
    use super::*;

    fn find_in(files: &[(&str, &str)]) -> (Vec<FoundEnvironment>, Vec<String>) {
        let folder = tempfile::tempdir().unwrap();
        for (path, text) in files {
            let path = folder.path().join(path);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, text).unwrap();
        }
        find(folder.path(), 1)
    }

    fn names(found: &[FoundEnvironment]) -> Vec<&str> {
        found
            .iter()
            .map(|environment| environment.name.as_str())
            .collect()
    }

    #[test]
    fn folders_give_environments_in_the_order_of_promotion() {
        let (found, _) = find_in(&[
            (
                "envs/production/values.yaml",
                "image:\n  repository: x\n  tag: 1.0.0\n",
            ),
            ("envs/staging/values.yaml", "shop:\n  version: 1.0.0\n"),
            ("envs/dev/other.txt", ""),
            ("envs/eu-west/values.yml", ""),
        ]);
        assert_eq!(names(&found), ["dev", "staging", "eu-west", "production"]);
        assert_eq!(found[0].values, None);
        let values = |file: &str, key: &str| Some((file.to_owned(), key.to_owned()));
        assert_eq!(
            found[1].values,
            values("envs/staging/values.yaml", "{component}.version")
        );
        assert_eq!(
            found[3].values,
            values("envs/production/values.yaml", "image.tag")
        );
    }

    #[test]
    fn overlays_and_charts_count_but_not_everything_in_deploy() {
        let (found, _) = find_in(&[
            ("deploy/overlays/prod/kustomization.yaml", ""),
            ("deploy/base/kustomization.yaml", ""),
            ("deploy/chart/Chart.yaml", ""),
            ("deploy/values-staging.yaml", ""),
        ]);
        assert_eq!(names(&found), ["staging", "prod"]);
    }

    #[test]
    fn databases_belong_to_the_environment_that_names_them() {
        let magic = "SQLite format 3\0 and more";
        let (found, remarks) = find_in(&[
            ("staging.db", magic),
            ("production.sqlite3", magic),
            ("shop.db", magic),
            ("text.db", "not a database"),
        ]);
        assert_eq!(names(&found), ["staging", "production"]);
        assert_eq!(found[0].database.as_deref(), Some("staging.db"));
        assert_eq!(found[1].database.as_deref(), Some("production.sqlite3"));
        assert_eq!(remarks.len(), 1);
        assert!(remarks[0].starts_with("shop.db is a SQLite database"));
    }

    #[test]
    fn without_any_there_are_two_examples() {
        let (found, remarks) = find_in(&[("README.md", "")]);
        assert_eq!(names(&found), ["staging", "production"]);
        assert_eq!(remarks.len(), 1);
    }
}
