//! What a folder shows: the project's name, its components and its environments.

use std::fs;
use std::path::{Path, PathBuf};

use switchback_model::ComponentName;

use super::{components, environments};
use crate::errors::Failure;
use crate::files;

/// What was found, already in a form that the settings accept.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub(crate) struct Survey {
    /// The project's name.
    pub(crate) project: String,
    /// At least one.
    pub(crate) components: Vec<FoundComponent>,
    /// In the order of promotion, at least one.
    pub(crate) environments: Vec<FoundEnvironment>,
    /// The branch that is checked out.
    pub(crate) branch: String,
    /// What the user should know about the guesses.
    pub(crate) remarks: Vec<String>,
}

/// A component that was found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct FoundComponent {
    /// Its name.
    pub(crate) name: String,
    /// Its folder, relative.
    pub(crate) path: String,
}

/// An environment that was found.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub(crate) struct FoundEnvironment {
    /// Its name.
    pub(crate) name: String,
    /// Its values file, relative, and the key of the version in it.
    pub(crate) values: Option<(String, String)>,
    /// Its SQLite file, relative.
    pub(crate) database: Option<String>,
}

/// Looks at a folder. Only the folder itself must be readable; what is in it and cannot be read is
/// passed over.
pub(crate) fn survey(folder: &Path) -> Result<Survey, Failure> {
    let git = git_folder(folder);
    let project = project_name(folder, git.as_deref())?;
    let components = components::find(folder, &project);
    let (environments, mut remarks) = environments::find(folder, components.len());
    if git.is_none() {
        remarks.push(
            "this folder is not the top of a git repository; releases are recorded from commits, \
             so run `git init` before the first one"
                .to_owned(),
        );
    }
    let branch = git
        .as_deref()
        .and_then(branch)
        .unwrap_or_else(|| "main".to_owned());
    Ok(Survey {
        project,
        components,
        environments,
        branch,
        remarks,
    })
}

/// The nearest thing to `text` that is a name: lower case, other characters become `-`.
pub(crate) fn as_name(text: &str) -> Option<String> {
    let fit = |c: char| {
        if c.is_ascii_alphanumeric() || "-_.".contains(c) {
            c
        } else {
            '-'
        }
    };
    let name: String = text.to_lowercase().chars().map(fit).take(64).collect();
    let name = name
        .trim_matches(|c: char| !c.is_ascii_alphanumeric())
        .replace("..", ".");
    ComponentName::new(name).ok().map(String::from)
}

/// The names of a folder's entries that are not hidden, in order.
pub(crate) fn entries(folder: &Path) -> Vec<String> {
    let read = fs::read_dir(folder).into_iter().flatten().flatten();
    let mut names: Vec<String> = read
        .filter_map(|entry| entry.file_name().into_string().ok())
        .filter(|name| !name.starts_with('.'))
        .collect();
    names.sort();
    names
}

/// A value in a TOML or JSON manifest, by its keys.
pub(crate) fn manifest_value(path: &Path, keys: &[&str]) -> Option<serde_json::Value> {
    let text = fs::read_to_string(path).ok()?;
    let root: serde_json::Value = match path.extension()?.to_str()? {
        "toml" => toml::from_str(&text).ok()?,
        "json" => serde_json::from_str(&text).ok()?,
        _ => return None,
    };
    keys.iter()
        .try_fold(&root, |value, key| value.get(key))
        .cloned()
}

/// The project's name: from the git remote, from a manifest, or the folder's.
fn project_name(folder: &Path, git: Option<&Path>) -> Result<String, Failure> {
    let remote = git.and_then(remote_name);
    let manifest = || {
        [
            ("Cargo.toml", &["package", "name"][..]),
            ("package.json", &["name"]),
            ("pyproject.toml", &["project", "name"]),
        ]
        .iter()
        .find_map(|(file, keys)| {
            let name = manifest_value(&folder.join(file), keys)?;
            // `@scope/name` in package.json.
            as_name(name.as_str()?.rsplit('/').next()?)
        })
    };
    let named = || as_name(&folder.file_name()?.to_string_lossy());
    Ok(remote
        .or_else(manifest)
        .or_else(named)
        .unwrap_or_else(|| "project".to_owned()))
}

/// The repository's own folder, if `folder` is the top of one.
fn git_folder(folder: &Path) -> Option<PathBuf> {
    let dot = folder.join(".git");
    if dot.is_dir() {
        return Some(dot);
    }
    // In a worktree `.git` is a file that points to the folder; the settings are one level above
    // its own, in the `commondir`.
    let text = fs::read_to_string(&dot).ok()?;
    let own = folder.join(text.strip_prefix("gitdir:")?.trim());
    own.is_dir().then_some(own)
}

/// The last part of the `origin` remote's address, without `.git`. The file is read rather than
/// git asked, so that `init` works where git is not installed.
fn remote_name(git: &Path) -> Option<String> {
    let common = fs::read_to_string(git.join("commondir")).ok();
    let git = common.map_or_else(|| git.to_owned(), |common| git.join(common.trim()));
    let text = files::read_if_there(&git.join("config")).ok()??;
    let mut inside = false;
    for line in text.lines().map(str::trim) {
        if line.starts_with('[') {
            inside = line == "[remote \"origin\"]";
        } else if inside && let Some((key, url)) = line.split_once('=') {
            if key.trim() != "url" {
                continue;
            }
            let last = url
                .trim()
                .trim_end_matches('/')
                .rsplit(['/', ':', '\\'])
                .next()?;
            return as_name(last.strip_suffix(".git").unwrap_or(last));
        }
    }
    None
}

fn branch(git: &Path) -> Option<String> {
    let head = fs::read_to_string(git.join("HEAD")).ok()?;
    Some(head.strip_prefix("ref: refs/heads/")?.trim().to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_made_to_fit() {
        for (text, name) in [
            ("My Shop!", Some("my-shop")),
            ("shop", Some("shop")),
            ("_api..v2_", Some("api.v2")),
            ("日本", None),
            ("", None),
        ] {
            assert_eq!(as_name(text).as_deref(), name, "{text}");
        }
    }

    #[test]
    fn the_remote_names_the_project() {
        let folder = tempfile::tempdir().unwrap();
        let git = folder.path().join(".git");
        fs::create_dir(&git).unwrap();
        fs::write(git.join("HEAD"), "ref: refs/heads/trunk\n").unwrap();
        for (url, name) in [
            ("git@example.org:team/web-shop.git", "web-shop"),
            ("https://example.org/team/Shop/", "shop"),
            ("/srv/git/pay.git", "pay"),
        ] {
            let config = format!("[core]\n\turl = no\n[remote \"origin\"]\n\turl = {url}\n");
            fs::write(git.join("config"), config).unwrap();
            assert_eq!(remote_name(&git).as_deref(), Some(name));
            let found = survey(folder.path()).unwrap();
            assert_eq!(
                (found.project.as_str(), found.branch.as_str()),
                (name, "trunk")
            );
        }
    }
}
