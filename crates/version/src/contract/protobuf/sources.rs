//! The files of one side, read and brought into an order in which none comes before what it imports.
//!
//! Nothing is looked for outside of the files that were supplied, except what every compiler brings
//! along: the files of `google/protobuf`.

use std::collections::{BTreeMap, BTreeSet};

use prost_reflect::{DescriptorError, DescriptorPool};
use prost_types::FileDescriptorProto;

use super::edition::{self, Said};
use super::lines::Lines;
use crate::contract::bundle::{Contract, normal};
use crate::contract::document::{DEEPEST, LARGEST, MOST_NODES, MOST_TEXT, Unreadable};

/// The number of imports in a file's descriptor.
const DEPENDENCY: i32 = 3;

/// What the features of single languages extend.
const DESCRIPTOR: &str = "google/protobuf/descriptor.proto";

/// A file: its descriptor, in which names are resolved, and what it says beyond it.
pub(super) struct Source {
    pub(super) file: FileDescriptorProto,
    pub(super) said: Said,
}

/// Reads the files of a contract: its root and what that imports, or, where the root is a folder, the
/// `.proto` files below it and what they import. Names are resolved, options known.
pub(super) fn read(contract: Contract<'_>) -> Result<Vec<Source>, Unreadable> {
    let root = normal(contract.root);
    let texts: BTreeMap<String, &str> = contract
        .files
        .iter()
        .map(|(path, text)| (normal(path), text.as_str()))
        .collect();
    let (folder, starts): (&str, Vec<String>) = if texts.contains_key(&root) {
        let folder = root.rsplit_once('/').map_or("", |(it, _)| it);
        (folder, vec![root.clone()])
    } else {
        let below = |path: &String| {
            let rest = path.strip_prefix(root.as_str());
            let inside = rest.is_some_and(|it| root.is_empty() || it.starts_with('/'));
            inside && path.ends_with(".proto") && well_known(path).is_none()
        };
        (
            &root,
            texts.keys().filter(|it| below(it)).cloned().collect(),
        )
    };
    if starts.is_empty() {
        return Err(Unreadable::Missing { file: root });
    }
    let mut reading = Reading {
        folder,
        texts: &texts,
        done: BTreeSet::new(),
        order: Vec::new(),
        bytes: 0,
        nodes: 0,
    };
    for start in starts {
        reading.visit(start)?;
    }
    let (files, said): (Vec<_>, Vec<_>) = reading
        .order
        .into_iter()
        .map(|it| {
            let name = it.file.name().to_owned();
            (it.file, (name, it.said))
        })
        .unzip();
    let mut pool = DescriptorPool::global();
    pool.add_file_descriptor_protos(files)
        .map_err(|it| refused(&it, &root))?;
    let sources = said.into_iter().filter_map(|(name, said)| {
        let file = pool.get_file_by_name(&name)?;
        let file = file.file_descriptor_proto().clone();
        Some(Source { file, said })
    });
    Ok(sources.collect())
}

fn refused(error: &DescriptorError, root: &str) -> Unreadable {
    Unreadable::Syntax {
        file: error.file().unwrap_or(root).to_owned(),
        line: error.line().map_or(1, |it| it + 1),
        reason: error.to_string(),
    }
}

/// The name under which a file that every compiler brings along is known here, wherever a copy of it
/// lies.
fn well_known(path: &str) -> Option<&str> {
    const FOLDER: &str = "google/protobuf/";
    let start = path.rfind(FOLDER)?;
    let whole = start == 0 || path[..start].ends_with('/');
    let name = &path[start + FOLDER.len()..];
    // Features of single languages are known here, and nothing else of these files is looked at.
    let features = matches!(
        name,
        "c_sharp_features.proto"
            | "cpp_features.proto"
            | "go_features.proto"
            | "java_features.proto"
            | "java_mutable_features.proto"
    );
    if whole && features {
        return Some(DESCRIPTOR);
    }
    let known = matches!(
        name,
        "any.proto"
            | "api.proto"
            | "compiler/plugin.proto"
            | "descriptor.proto"
            | "duration.proto"
            | "empty.proto"
            | "field_mask.proto"
            | "source_context.proto"
            | "struct.proto"
            | "timestamp.proto"
            | "type.proto"
            | "wrappers.proto"
    );
    (whole && known).then(|| &path[start..])
}

/// A file that is being read: its descriptor, and how many of its imports were looked at.
struct Open {
    path: String,
    file: FileDescriptorProto,
    said: Said,
    next: usize,
}

struct Reading<'a> {
    folder: &'a str,
    texts: &'a BTreeMap<String, &'a str>,
    done: BTreeSet<String>,
    order: Vec<Source>,
    bytes: usize,
    nodes: usize,
}

impl Reading<'_> {
    /// Reads a file and whatever it imports, without recursion: chains of imports may be long.
    fn visit(&mut self, start: String) -> Result<(), Unreadable> {
        if self.done.contains(&start) {
            return Ok(());
        }
        let mut running = BTreeSet::from([start.clone()]);
        let mut stack = vec![self.open(start)?];
        while let Some(open) = stack.last_mut() {
            let Some(import) = open.file.dependency.get(open.next).cloned() else {
                let Some(open) = stack.pop() else { break };
                running.remove(&open.path);
                self.done.insert(open.path);
                let (file, said) = (open.file, open.said);
                self.order.push(Source { file, said });
                continue;
            };
            let at = open.next;
            open.next += 1;
            if let Some(name) = well_known(&import) {
                open.file.dependency[at] = name.to_owned();
                continue;
            }
            let line = || Lines::of(&open.file).line(&[DEPENDENCY, at as i32]);
            let Some(path) = self.find(&open.path, &import) else {
                return Err(Unreadable::MissingImport {
                    file: open.path.clone(),
                    line: line(),
                    import,
                });
            };
            if running.contains(&path) {
                return Err(Unreadable::Syntax {
                    file: open.path.clone(),
                    line: line(),
                    reason: format!("the import of `{import}` leads back to this file"),
                });
            }
            // Names of files are paths from here on, so that one file has one name.
            open.file.dependency[at] = path.clone();
            if !self.done.contains(&path) {
                running.insert(path.clone());
                stack.push(self.open(path)?);
            }
        }
        Ok(())
    }

    /// The file that an import means: below the folder of the contract, else below the folder of the
    /// file that imports it or one around that.
    fn find(&self, from: &str, import: &str) -> Option<String> {
        let mut folder = from;
        let around = std::iter::from_fn(|| {
            if folder.is_empty() {
                return None;
            }
            folder = folder.rsplit_once('/').map_or("", |(it, _)| it);
            Some(folder)
        });
        std::iter::once(self.folder)
            .chain(around)
            .map(|it| normal(&format!("{it}/{import}")))
            .find(|it| self.texts.contains_key(it))
    }

    fn open(&mut self, path: String) -> Result<Open, Unreadable> {
        let text = self.texts.get(&path).copied().unwrap_or_default();
        self.bounds(&path, text)?;
        let (file, said) = edition::parse(&path, text).map_err(|it| Unreadable::Syntax {
            file: path.clone(),
            line: it.line,
            reason: it.reason,
        })?;
        Ok(Open {
            path,
            file,
            said,
            next: 0,
        })
    }

    /// Refuses what is too large or too deep before anybody recurs through it.
    fn bounds(&mut self, path: &str, text: &str) -> Result<(), Unreadable> {
        let file = || path.to_owned();
        if text.len() > LARGEST {
            return Err(Unreadable::TooLarge {
                file: file(),
                bytes: text.len(),
            });
        }
        self.bytes += text.len();
        let (mut line, mut depth) = (1, 0_usize);
        let mut rest = text.bytes().peekable();
        while let Some(byte) = rest.next() {
            match byte {
                b'\n' => line += 1,
                b'/' if rest.peek() == Some(&b'/') => {
                    while rest.peek().is_some_and(|it| *it != b'\n') {
                        rest.next();
                    }
                }
                b'/' if rest.peek() == Some(&b'*') => {
                    let mut before = b'/';
                    rest.next();
                    for byte in rest.by_ref() {
                        line += usize::from(byte == b'\n');
                        if (before, byte) == (b'*', b'/') {
                            break;
                        }
                        before = byte;
                    }
                }
                quote @ (b'"' | b'\'') => {
                    while let Some(byte) = rest.next_if(|it| *it != b'\n') {
                        if byte == quote {
                            break;
                        }
                        if byte == b'\\' {
                            rest.next_if(|it| *it != b'\n');
                        }
                    }
                }
                b'{' | b'[' | b'(' => depth += 1,
                b'}' | b']' | b')' => depth = depth.saturating_sub(1),
                _ => {}
            }
            self.nodes += usize::from(matches!(byte, b';' | b'{' | b',' | b'['));
            if self.nodes > MOST_NODES || self.bytes > MOST_TEXT {
                return Err(Unreadable::TooMany { file: file(), line });
            }
            if depth > DEEPEST {
                return Err(Unreadable::TooDeep { file: file(), line });
            }
        }
        Ok(())
    }
}
