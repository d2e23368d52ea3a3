//! One side of a comparison: the file of a contract with the files that it refers to.

use std::collections::{BTreeMap, BTreeSet};

use super::document::{Arena, LARGEST, NodeId, Unreadable, Value};
use super::{json, yaml};

/// The text of a contract, and of the files that it refers to.
#[derive(Debug, Clone, Copy)]
pub struct Contract<'a> {
    /// The path of the contract's own file.
    pub root: &'a str,
    /// Paths with `/` between parts, and texts. More files than are referred to do no harm.
    pub files: &'a BTreeMap<String, String>,
}

/// How a file is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// JSON.
    Json,
    /// YAML.
    Yaml,
}

impl Format {
    /// By the name of the file, and where that says nothing by how its text begins.
    pub fn of(path: &str, text: &str) -> Self {
        let extension = path.rsplit_once('.').map_or("", |(_, it)| it);
        match extension.to_ascii_lowercase().as_str() {
            "json" | "avsc" => Self::Json,
            "yaml" | "yml" => Self::Yaml,
            _ if text.trim_start().starts_with(['{', '[', '"']) => Self::Json,
            _ => Self::Yaml,
        }
    }
}

/// Why a reference leads nowhere.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Dangling {
    /// It leads to another machine. Nothing is ever fetched.
    Remote,
    /// Its file was not supplied, or holds nothing at that place.
    Missing,
    /// References lead to each other and to nothing else.
    Loop,
}

/// A contract that has been read.
#[derive(Debug)]
pub(crate) struct Bundle {
    pub(crate) arena: Arena,
    pub(crate) root: NodeId,
    roots: BTreeMap<String, NodeId>,
    /// By `$id`, without a fragment.
    ids: BTreeMap<String, NodeId>,
    /// By file and `$anchor`.
    anchors: BTreeMap<(String, String), NodeId>,
}

impl Bundle {
    /// Reads a contract and whatever it refers to. Files that are referred to and cannot be read are
    /// errors; files that were not supplied are found by whoever follows the reference.
    pub(crate) fn read(contract: Contract<'_>) -> Result<Self, Unreadable> {
        let mut arena = Arena::default();
        let mut roots = BTreeMap::new();
        let mut waiting = vec![normal(contract.root)];
        let mut seen = 0;
        while let Some(path) = waiting.pop() {
            if roots.contains_key(&path) {
                continue;
            }
            let text = contract.files.iter().find(|(it, _)| normal(it) == path);
            let Some((_, text)) = text else {
                if path == normal(contract.root) {
                    return Err(Unreadable::Missing { file: path });
                }
                continue;
            };
            let root = read(&path, text, &mut arena)?;
            roots.insert(path.clone(), root);
            for id in arena.ids().skip(seen) {
                let target = arena.get_text(id, "$ref").map(|it| file_of(&path, it));
                if let Some(Some(file)) = target {
                    waiting.push(file);
                }
            }
            seen = arena.ids().count();
        }
        let root = roots[&normal(contract.root)];
        let mut bundle = Self {
            arena,
            root,
            roots,
            ids: BTreeMap::new(),
            anchors: BTreeMap::new(),
        };
        bundle.index();
        Ok(bundle)
    }

    fn index(&mut self) {
        for id in self.arena.ids() {
            let file = self.arena.file(id);
            for key in ["$id", "id"] {
                let Some(name) = self.arena.get_text(id, key) else {
                    continue;
                };
                match name.split_once('#') {
                    None | Some((_, "")) => {
                        let name = name.trim_end_matches('#').to_owned();
                        self.ids.entry(name).or_insert(id);
                    }
                    // A fragment in an identifier was how drafts 4 to 7 named a place.
                    Some((_, anchor)) => {
                        let key = (file.to_owned(), anchor.to_owned());
                        self.anchors.entry(key).or_insert(id);
                    }
                }
            }
            for key in ["$anchor", "$dynamicAnchor"] {
                if let Some(anchor) = self.arena.get_text(id, key) {
                    let key = (file.to_owned(), anchor.to_owned());
                    self.anchors.entry(key).or_insert(id);
                }
            }
        }
    }

    /// What a reference in the file of `from` leads to, itself perhaps a reference.
    pub(crate) fn follow(&self, from: NodeId, reference: &str) -> Result<NodeId, Dangling> {
        let file = self.arena.file(from);
        let (target, fragment) = reference.split_once('#').unwrap_or((reference, ""));
        let root = if target.is_empty() {
            self.roots.get(file).copied()
        } else if let Some(id) = self.ids.get(target) {
            Some(*id)
        } else {
            match file_of(file, target) {
                None => return Err(Dangling::Remote),
                Some(path) => self.roots.get(&path).copied().or_else(|| {
                    // An identifier may be written relative to another one.
                    let tail = format!("/{}", target.trim_start_matches("./"));
                    let mut ends = self.ids.iter().filter(|(it, _)| it.ends_with(&tail));
                    ends.next().map(|(_, id)| *id)
                }),
            }
        };
        let root = root.ok_or(Dangling::Missing)?;
        let fragment = decoded(fragment);
        if fragment.is_empty() {
            return Ok(root);
        }
        if !fragment.starts_with('/') {
            let key = (self.arena.file(root).to_owned(), fragment);
            return self.anchors.get(&key).copied().ok_or(Dangling::Missing);
        }
        let mut at = root;
        for step in fragment.split('/').skip(1) {
            let step = step.replace("~1", "/").replace("~0", "~");
            // A pointer may lead through a reference.
            if self.arena.get(at, &step).is_none() && self.arena.get_text(at, "$ref").is_some() {
                at = self.resolve(at)?;
            }
            let next = match self.arena.value(at) {
                Value::Object(members) => members.get(&step).copied(),
                Value::Array(items) => step
                    .parse::<usize>()
                    .ok()
                    .and_then(|it| items.get(it).copied()),
                _ => None,
            };
            at = next.ok_or(Dangling::Missing)?;
        }
        Ok(at)
    }

    /// The value itself where it is none with `$ref`, otherwise what that leads to in the end.
    pub(crate) fn resolve(&self, id: NodeId) -> Result<NodeId, Dangling> {
        let mut seen = BTreeSet::new();
        let mut at = id;
        while let Some(reference) = self.arena.get_text(at, "$ref") {
            if !seen.insert(at) || seen.len() > 64 {
                return Err(Dangling::Loop);
            }
            at = self.follow(at, reference)?;
        }
        Ok(at)
    }
}

/// The files that a text refers to, as paths like its own. Those on other machines are left out, for
/// nothing is ever fetched.
///
/// # Errors
///
/// Where it cannot be read.
pub fn referred(path: &str, text: &str) -> Result<BTreeSet<String>, Unreadable> {
    let mut arena = Arena::default();
    let path = normal(path);
    read(&path, text, &mut arena)?;
    let targets = arena.ids().filter_map(|id| arena.get_text(id, "$ref"));
    let mut files: BTreeSet<String> = targets.filter_map(|it| file_of(&path, it)).collect();
    files.remove(&path);
    Ok(files)
}

/// The keys at the top of a file, with those of their values that are texts; others are empty.
pub(crate) fn keys(path: &str, text: &str) -> Result<BTreeMap<String, String>, Unreadable> {
    let mut arena = Arena::default();
    let root = read(path, text, &mut arena)?;
    let members = arena.object(root).into_iter().flatten();
    let texts = members.map(|(key, id)| (key.clone(), arena.text(*id).unwrap_or("").to_owned()));
    Ok(texts.collect())
}

fn read(path: &str, text: &str, arena: &mut Arena) -> Result<NodeId, Unreadable> {
    if text.len() > LARGEST {
        return Err(Unreadable::TooLarge {
            file: path.to_owned(),
            bytes: text.len(),
        });
    }
    arena.begin(path);
    match Format::of(path, text) {
        Format::Json => json::parse(text, arena),
        Format::Yaml => yaml::parse(text, arena),
    }
}

/// The path of the file that a reference names. `None` where it is elsewhere than among files.
fn file_of(from: &str, reference: &str) -> Option<String> {
    let target = reference.split_once('#').map_or(reference, |(it, _)| it);
    if target.is_empty() {
        return Some(from.to_owned());
    }
    let scheme = target.split_once(':').map(|(it, _)| it);
    let remote =
        scheme.is_some_and(|it| it.len() > 1 && it.bytes().all(|b| b.is_ascii_alphanumeric()));
    if remote || target.starts_with("//") {
        return None;
    }
    let target = decoded(target);
    let folder = from.rsplit_once('/').map_or("", |(it, _)| it);
    Some(if target.starts_with('/') || folder.is_empty() {
        normal(&target)
    } else {
        normal(&format!("{folder}/{target}"))
    })
}

/// A path without `.` and, where something stands before it, without `..`.
pub(crate) fn normal(path: &str) -> String {
    let mut parts: Vec<&str> = Vec::new();
    for part in path.split('/') {
        match part {
            "" | "." => {}
            ".." if parts.last().is_some_and(|it| *it != "..") => {
                parts.pop();
            }
            part => parts.push(part),
        }
    }
    parts.join("/")
}

/// A text without percent-encoding. What is encoded wrongly stays as it is.
fn decoded(text: &str) -> String {
    let bytes = text.as_bytes();
    let mut out = Vec::with_capacity(bytes.len());
    let mut at = 0;
    while at < bytes.len() {
        let hex = bytes.get(at + 1..at + 3).and_then(|it| {
            let it = std::str::from_utf8(it).ok()?;
            u8::from_str_radix(it, 16).ok()
        });
        match hex {
            Some(byte) if bytes[at] == b'%' => {
                out.push(byte);
                at += 3;
            }
            _ => {
                out.push(bytes[at]);
                at += 1;
            }
        }
    }
    String::from_utf8(out).unwrap_or_else(|_| text.to_owned())
}
