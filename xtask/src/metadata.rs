//! What `cargo metadata` says, as far as the checks need it.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::process::Command;

use serde::Deserialize;

use crate::finding::Failure;

#[derive(Debug, Clone, Deserialize)]
pub(crate) struct Metadata {
    pub(crate) packages: Vec<Package>,
    pub(crate) workspace_members: Vec<String>,
    pub(crate) workspace_root: PathBuf,
    pub(crate) resolve: Option<Resolve>,
}

#[derive(Debug, Clone, Deserialize)]
pub(crate) struct Package {
    pub(crate) name: String,
    pub(crate) version: semver::Version,
    pub(crate) id: String,
    pub(crate) license: Option<String>,
    /// `None` for a package in a folder of this machine.
    pub(crate) source: Option<String>,
    pub(crate) dependencies: Vec<Dependency>,
    pub(crate) manifest_path: PathBuf,
}

#[derive(Debug, Clone, Deserialize)]
pub(crate) struct Dependency {
    pub(crate) name: String,
    /// `None` for a normal one, else `dev` or `build`.
    pub(crate) kind: Option<String>,
}

impl Dependency {
    pub(crate) fn is_dev(&self) -> bool {
        self.kind.as_deref() == Some("dev")
    }
}

#[derive(Debug, Clone, Deserialize)]
pub(crate) struct Resolve {
    pub(crate) nodes: Vec<Node>,
}

#[derive(Debug, Clone, Deserialize)]
pub(crate) struct Node {
    pub(crate) id: String,
    pub(crate) deps: Vec<NodeDependency>,
}

#[derive(Debug, Clone, Deserialize)]
pub(crate) struct NodeDependency {
    pub(crate) pkg: String,
    pub(crate) dep_kinds: Vec<DependencyKind>,
}

#[derive(Debug, Clone, Deserialize)]
pub(crate) struct DependencyKind {
    pub(crate) kind: Option<String>,
}

impl NodeDependency {
    /// Whether it is part of what is built into the dependent, on any platform.
    pub(crate) fn is_normal(&self) -> bool {
        self.dep_kinds.iter().any(|kind| kind.kind.is_none())
    }
}

impl Metadata {
    /// Asks Cargo, without the network if everything is here already.
    pub(crate) fn load() -> Result<Self, Failure> {
        let offline = Self::ask(&["--locked", "--offline"]);
        match offline {
            Err(Failure::Command { .. }) => Self::ask(&["--locked"]),
            answer => answer,
        }
    }

    fn ask(options: &[&str]) -> Result<Self, Failure> {
        let cargo = std::env::var("CARGO").unwrap_or_else(|_| "cargo".to_owned());
        let output = Command::new(&cargo)
            .args(["metadata", "--format-version", "1"])
            .args(options)
            .output()
            .map_err(|source| Failure::Start {
                program: cargo.clone(),
                source,
            })?;
        if !output.status.success() {
            return Err(Failure::Command {
                command: format!("cargo metadata {}", options.join(" ")),
                stderr: String::from_utf8_lossy(&output.stderr).trim().to_owned(),
            });
        }
        Self::parse(&output.stdout)
    }

    pub(crate) fn parse(json: &[u8]) -> Result<Self, Failure> {
        serde_json::from_slice(json).map_err(|source| Failure::Json {
            what: "the output of cargo metadata",
            source,
        })
    }

    /// Our own packages.
    pub(crate) fn members(&self) -> impl Iterator<Item = &Package> {
        let ours = |package: &&Package| self.workspace_members.contains(&package.id);
        self.packages.iter().filter(ours)
    }

    /// Packages from outside.
    pub(crate) fn externals(&self) -> impl Iterator<Item = &Package> {
        let theirs = |package: &&Package| !self.workspace_members.contains(&package.id);
        self.packages.iter().filter(theirs)
    }

    pub(crate) fn by_id(&self) -> BTreeMap<&str, &Package> {
        let pairs = self.packages.iter();
        pairs
            .map(|package| (package.id.as_str(), package))
            .collect()
    }
}

impl Package {
    /// The short name: the folder's, `model` for `switchback-model`.
    pub(crate) fn short(&self) -> &str {
        self.name.strip_prefix("switchback-").unwrap_or(&self.name)
    }
}

#[cfg(test)]
pub(crate) mod fake {
    //! Metadata of workspaces that do not exist.

    use serde_json::{Value, json};

    use super::Metadata;

    /// `name@version` from outside, `name` for one of ours; `dev:name` is a dev-dependency.
    pub(crate) fn workspace(packages: &[(&str, &[&str])]) -> Metadata {
        let id = |name: &str| {
            let name = name.trim_start_matches("dev:");
            if name.contains('@') {
                format!("registry+index#{name}")
            } else {
                format!("path+file:///w/crates/{name}#0.1.0")
            }
        };
        let full = |name: &str| match name.trim_start_matches("dev:").split_once('@') {
            Some((name, _)) => name.to_owned(),
            None if name.trim_start_matches("dev:") == "xtask" => "xtask".to_owned(),
            None => format!("switchback-{}", name.trim_start_matches("dev:")),
        };
        let kind = |name: &str| {
            if name.starts_with("dev:") {
                json!("dev")
            } else {
                Value::Null
            }
        };
        let mut listed = Vec::new();
        let mut nodes = Vec::new();
        let mut members = Vec::new();
        for (name, dependencies) in packages {
            let version = name.split_once('@').map_or("0.1.0", |(_, version)| version);
            let ours = !name.contains('@');
            if ours {
                members.push(id(name));
            }
            let declared: Vec<Value> = dependencies
                .iter()
                .map(|name| json!({"name": full(name), "kind": kind(name)}))
                .collect();
            let source = "registry+https://github.com/rust-lang/crates.io-index";
            listed.push(json!({
                "name": full(name), "version": version, "id": id(name), "license": "MIT",
                "source": if ours { Value::Null } else { json!(source) },
                "dependencies": declared,
                "manifest_path": format!("/w/crates/{name}/Cargo.toml"),
            }));
            let resolved: Vec<Value> = dependencies
                .iter()
                .map(|name| json!({"pkg": id(name), "dep_kinds": [{"kind": kind(name)}]}))
                .collect();
            nodes.push(json!({"id": id(name), "deps": resolved}));
        }
        let value = json!({
            "packages": listed, "workspace_members": members, "workspace_root": "/w",
            "resolve": {"nodes": nodes},
        });
        Metadata::parse(value.to_string().as_bytes()).unwrap()
    }
}
