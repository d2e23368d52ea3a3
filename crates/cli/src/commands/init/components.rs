//! Which folders are components: those with a container image of their own, else those with a
//! manifest of something that runs, else the repository as a whole.

use std::collections::BTreeMap;
use std::path::Path;

use super::survey::{FoundComponent, as_name, entries, manifest_value};

/// Folders that hold components in many repositories.
const GROUPS: [&str; 5] = ["apps", "services", "crates", "packages", "cmd"];
/// Folders that never hold one.
const PASSED_OVER: [&str; 13] = [
    "target",
    "node_modules",
    "vendor",
    "dist",
    "build",
    "docs",
    "doc",
    "examples",
    "tests",
    "test",
    "benches",
    "xtask",
    "scripts",
];

/// The components of a folder; at least one.
pub(crate) fn find(folder: &Path, project: &str) -> Vec<FoundComponent> {
    let candidates = candidates(folder);
    let with = |fits: &dyn Fn(&Path) -> bool| -> Vec<String> {
        candidates
            .iter()
            .filter(|path| fits(&folder.join(path)))
            .cloned()
            .collect()
    };
    let mut found = with(&has_image);
    if found.is_empty() {
        found = with(&runs);
    }
    let mut named: BTreeMap<String, String> = BTreeMap::new();
    for path in found {
        let name = if path == "." {
            Some(project.to_owned())
        } else {
            name(folder, &path)
        };
        if let Some(name) = name {
            // Two folders of one name: the first one stays, the other is for the user to add.
            named.entry(name).or_insert(path);
        }
    }
    if named.is_empty() {
        named.insert(project.to_owned(), ".".to_owned());
    }
    named
        .into_iter()
        .map(|(name, path)| FoundComponent { name, path })
        .collect()
}

fn candidates(folder: &Path) -> Vec<String> {
    let mut paths = vec![".".to_owned()];
    for name in entries(folder) {
        if PASSED_OVER.contains(&name.as_str()) || !folder.join(&name).is_dir() {
            continue;
        }
        if GROUPS.contains(&name.as_str()) {
            let inner = entries(&folder.join(&name));
            paths.extend(inner.into_iter().map(|inner| format!("{name}/{inner}")));
        }
        paths.push(name);
    }
    paths.extend(workspace_members(folder));
    paths.sort();
    paths.dedup();
    paths
}

/// The members of a Cargo workspace that are written out; patterns are covered by the groups.
fn workspace_members(folder: &Path) -> Vec<String> {
    let members = manifest_value(&folder.join("Cargo.toml"), &["workspace", "members"]);
    let members = members
        .as_ref()
        .and_then(|members| members.as_array())
        .into_iter()
        .flatten();
    members
        .filter_map(|member| member.as_str())
        .filter(|member| !member.contains(['*', '?', '[']) && !member.contains(".."))
        .filter(|member| !PASSED_OVER.contains(member))
        .map(str::to_owned)
        .collect()
}

fn has_image(folder: &Path) -> bool {
    ["Dockerfile", "Containerfile"]
        .iter()
        .any(|name| folder.join(name).is_file())
}

fn runs(folder: &Path) -> bool {
    let there = |path: &str| folder.join(path).exists();
    let says = |file: &str, keys: &[&str]| manifest_value(&folder.join(file), keys).is_some();
    says("Cargo.toml", &["package"])
        && (there("src/main.rs") || there("src/bin") || says("Cargo.toml", &["bin"]))
        || says("package.json", &["bin"])
        || says("package.json", &["scripts", "start"])
        || says("pyproject.toml", &["project", "scripts"])
        || there("go.mod") && (there("main.go") || there("cmd"))
}

/// The manifest's name if it has one, for that is what the people there call it; else the folder's.
fn name(folder: &Path, path: &str) -> Option<String> {
    let own = folder.join(path);
    let manifests = [
        ("Cargo.toml", ["package", "name"].as_slice()),
        ("package.json", &["name"]),
    ];
    manifests
        .iter()
        .find_map(|(file, keys)| {
            let name = manifest_value(&own.join(file), keys)?;
            as_name(name.as_str()?.rsplit('/').next()?)
        })
        .or_else(|| as_name(path.rsplit('/').next()?))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;

    fn find_in(files: &[(&str, &str)]) -> Vec<(String, String)> {
        let folder = tempfile::tempdir().unwrap();
        for (path, text) in files {
            let path = folder.path().join(path);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, text).unwrap();
        }
        find(folder.path(), "shop")
            .into_iter()
            .map(|it| (it.name, it.path))
            .collect()
    }

    fn pairs(pairs: &[(&str, &str)]) -> Vec<(String, String)> {
        pairs
            .iter()
            .map(|(a, b)| ((*a).to_owned(), (*b).to_owned()))
            .collect()
    }

    #[test]
    fn an_empty_folder_is_one_component() {
        assert_eq!(find_in(&[]), pairs(&[("shop", ".")]));
        assert_eq!(
            find_in(&[("Cargo.toml", "not toml [")]),
            pairs(&[("shop", ".")])
        );
    }

    #[test]
    fn images_come_before_manifests() {
        let files = [
            ("api/Dockerfile", ""),
            ("apps/web/Containerfile", ""),
            ("apps/web/package.json", r#"{"name": "@team/site"}"#),
            ("tool/Cargo.toml", "[package]\nname = \"tool\""),
            ("tool/src/main.rs", ""),
            ("node_modules/x/Dockerfile", ""),
        ];
        assert_eq!(
            find_in(&files),
            pairs(&[("api", "api"), ("site", "apps/web")])
        );
    }

    #[test]
    fn without_images_what_runs_counts() {
        let files = [
            (
                "Cargo.toml",
                "[workspace]\nmembers = [\"server\", \"crates/*\", \"xtask\"]",
            ),
            ("server/Cargo.toml", "[package]\nname = \"shop-server\""),
            ("server/src/main.rs", ""),
            (
                "crates/cli/Cargo.toml",
                "[package]\nname = \"shop-cli\"\n[[bin]]\nname = \"x\"",
            ),
            ("crates/base/Cargo.toml", "[package]\nname = \"base\""),
            ("crates/base/src/lib.rs", ""),
            ("xtask/Cargo.toml", "[package]\nname = \"xtask\""),
            ("xtask/src/main.rs", ""),
        ];
        let found = find_in(&files);
        assert_eq!(
            found,
            pairs(&[("shop-cli", "crates/cli"), ("shop-server", "server")])
        );
    }

    #[test]
    fn the_top_folder_carries_the_projects_name() {
        let files = [
            ("Cargo.toml", "[package]\nname = \"x\""),
            ("src/main.rs", ""),
        ];
        assert_eq!(find_in(&files), pairs(&[("shop", ".")]));
    }
}
