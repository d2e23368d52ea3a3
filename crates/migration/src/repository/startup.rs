//! Applications that migrate their database when they start.
//!
//! Each file is read once for its [`Clues`]. Where a call that migrates stands in a function, the
//! [`Survey`] asks for the callers of that function, until it arrives where the program starts or
//! nobody calls it.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;

use switchback_diag::{Code, Severity};

use super::calls::{self, Site, Via};
use super::code::Language;
use super::commands::{self, Standing};
use super::shell::Command;
use super::spring::{self, Word};
use super::starts::{self, Start, StartKind};
use super::{paths, words};
use crate::lint::Finding;

/// How many callers are followed from a call that migrates to where the program starts.
const DEPTH: usize = 6;

/// What a file says about how things are started.
#[derive(Debug, Clone, Default)]
pub struct Clues {
    path: String,
    starts: Vec<Start>,
    script: Vec<Command>,
    calls: Vec<Site>,
    spring: Vec<Word>,
}

/// References to functions in one file.
#[derive(Debug, Clone)]
pub struct References {
    path: String,
    sites: Vec<(Site, u32)>,
}

/// Whether a file has to be read for its clues, by its path.
pub fn reads(path: &str) -> bool {
    starts::reads(path) || spring::reads(path) || Language::of(path).is_some()
}

/// Whether a file may refer to functions, by its path.
pub fn may_refer(path: &str) -> bool {
    Language::of(path).is_some()
}

/// What a file says; none if it says nothing. `path` is relative to the repository, with `/`
/// between its parts.
pub fn clues(path: &str, text: &str) -> Option<Clues> {
    let clues = Clues {
        path: path.to_owned(),
        starts: if paths::is_test(path) {
            Vec::new()
        } else {
            starts::starts(path, text)
        },
        script: if starts::is_script(path) {
            starts::script(text)
        } else {
            Vec::new()
        },
        calls: calls::calls(path, text),
        spring: spring::words(path, text),
    };
    let empty = clues.starts.is_empty()
        && clues.script.is_empty()
        && clues.calls.is_empty()
        && clues.spring.is_empty();
    (!empty).then_some(clues)
}

/// Where a file refers to functions with these names; none if it does not.
pub fn references(path: &str, text: &str, names: &BTreeSet<String>) -> Option<References> {
    let sites = calls::references(path, text, names);
    if sites.is_empty() {
        return None;
    }
    let line = |at: usize| {
        let lines = text.as_bytes()[..at.min(text.len())]
            .iter()
            .filter(|b| **b == b'\n')
            .count();
        u32::try_from(lines).unwrap_or(u32::MAX).saturating_add(1)
    };
    let sites = sites
        .into_iter()
        .map(|site| (site.clone(), line(site.span.start)))
        .collect();
    Some(References {
        path: path.to_owned(),
        sites,
    })
}

/// A call that migrates, and the way from it towards the start of the program.
#[derive(Debug, Clone)]
struct Chain {
    file: String,
    call: Site,
    /// The file of the last function.
    at: String,
    /// The last function, whose callers are looked for.
    function: String,
    /// The type that it belongs to.
    owner: Option<String>,
    /// Who calls whom, the outermost last.
    steps: Vec<String>,
    standing: Standing,
}

/// The search for everything that migrates at start-up.
#[derive(Debug)]
pub struct Survey {
    clues: BTreeMap<String, Clues>,
    open: Vec<Chain>,
    seen: BTreeSet<(String, usize, String)>,
    rounds: usize,
    found: Vec<Finding>,
}

impl Survey {
    /// Begins with what the files of a repository say.
    pub fn new(clues: impl IntoIterator<Item = Clues>) -> Self {
        let clues: BTreeMap<String, Clues> = clues
            .into_iter()
            .map(|clues| (clues.path.clone(), clues))
            .collect();
        let mut survey = Self {
            clues,
            open: Vec::new(),
            seen: BTreeSet::new(),
            rounds: 0,
            found: Vec::new(),
        };
        survey.starts();
        survey.spring();
        survey.calls();
        survey
    }

    /// The functions whose callers have to be looked for in every file of code, with
    /// [`references`]; empty when everything is found.
    pub fn wanted(&self) -> BTreeSet<String> {
        if self.rounds >= DEPTH {
            return BTreeSet::new();
        }
        self.open
            .iter()
            .map(|chain| chain.function.clone())
            .collect()
    }

    /// Goes on with the callers that were found.
    pub fn go_on(&mut self, references: &[References]) {
        self.rounds += 1;
        for chain in std::mem::take(&mut self.open) {
            for file in references {
                for (site, line) in &file.sites {
                    self.step(&chain, &file.path, site, *line);
                }
            }
        }
    }

    /// Everything that was found, by file and place.
    pub fn findings(mut self) -> Vec<Finding> {
        self.found
            .sort_by(|a, b| (&a.file, a.span.start).cmp(&(&b.file, b.span.start)));
        self.found
            .dedup_by(|a, b| a.file == b.file && a.span.start == b.span.start);
        self.found
    }

    fn calls(&mut self) {
        let all: Vec<(String, Site)> = self
            .clues
            .values()
            .flat_map(|clues| {
                clues
                    .calls
                    .iter()
                    .map(|site| (clues.path.clone(), site.clone()))
            })
            .collect();
        for (file, call) in all {
            if call.standing == Standing::Asked {
                continue;
            }
            if call.root {
                self.push_call(&file, &call, &[], &call.standing);
            } else if let Some(function) = call.function.clone() {
                self.open.push(Chain {
                    at: file.clone(),
                    standing: call.standing.clone(),
                    owner: call.owner.clone(),
                    file,
                    call,
                    function,
                    steps: Vec::new(),
                });
            }
        }
    }

    fn step(&mut self, chain: &Chain, path: &str, site: &Site, line: u32) {
        let own = path == chain.at && site.function.as_deref() == Some(&chain.function);
        if site.what != chain.function
            || site.standing == Standing::Asked
            || own
            || !means(path, site, chain)
        {
            return;
        }
        let mut steps = chain.steps.clone();
        steps.push(format!("{path}:{line} calls `{}`", chain.function));
        let standing = match (&chain.standing, &site.standing) {
            (Standing::Always, other) => other.clone(),
            (other, _) => other.clone(),
        };
        if site.root {
            self.push_call(&chain.file, &chain.call, &steps, &standing);
        } else if let Some(function) = &site.function
            && self.seen.insert((
                chain.file.clone(),
                chain.call.span.start,
                format!("{path} {function}"),
            ))
        {
            self.open.push(Chain {
                file: chain.file.clone(),
                call: chain.call.clone(),
                at: path.to_owned(),
                owner: site.owner.clone(),
                function: function.clone(),
                steps,
                standing,
            });
        }
    }

    fn push_call(&mut self, file: &str, call: &Site, steps: &[String], standing: &Standing) {
        let configured = call.what.contains(": true") || call.what.contains("=True");
        let what = if configured {
            format!(
                "`{}` changes the database when the program starts",
                call.what
            )
        } else if call.what.contains(' ') {
            format!("`{}` is run when the program starts", call.what)
        } else {
            format!("`{}` is called when the program starts", call.what)
        };
        let mut causes = Vec::new();
        // From the start of the program inwards.
        for step in steps.iter().rev() {
            causes.push(step.clone());
        }
        self.push(
            file,
            call.span.clone(),
            what,
            causes,
            standing,
            words::of_code(&call.what),
        );
    }

    fn push(
        &mut self,
        file: &str,
        span: Range<usize>,
        message: String,
        mut causes: Vec<String>,
        standing: &Standing,
        (why, safer): (Vec<String>, Vec<String>),
    ) {
        let mut severity = Severity::Warning;
        if let Standing::If(condition) = standing {
            causes.push(format!("only where `{}` says so", one_line(condition)));
            severity = Severity::Note;
        }
        causes.extend(why);
        self.found.push(Finding {
            code: Code::MigrationAtStartup,
            severity,
            file: file.to_owned(),
            span,
            message,
            causes,
            safer,
            table: None,
            fix: None,
        });
    }

    fn starts(&mut self) {
        let all: Vec<(String, Start)> = self
            .clues
            .values()
            .flat_map(|clues| {
                clues
                    .starts
                    .iter()
                    .map(|start| (clues.path.clone(), start.clone()))
            })
            .collect();
        for (file, start) in all {
            self.start(&file, &start);
        }
    }

    fn start(&mut self, file: &str, start: &Start) {
        let mut flat = Vec::new();
        self.flatten(file, &start.commands, &Standing::Always, &mut flat, 0);
        let only_migrates = matches!(start.kind, StartKind::InitContainer(_) | StartKind::Hook(_));
        let Some((at, (place, command, standing, what))) = flat
            .iter()
            .enumerate()
            .filter(|(_, (_, _, standing))| *standing != Standing::Asked)
            .find_map(|(at, (place, command, standing))| {
                Some((
                    at,
                    (
                        place,
                        command,
                        standing,
                        commands::migrates(&command.words)?,
                    ),
                ))
            })
        else {
            return;
        };
        let goes_on = flat[at + 1..].iter().any(|(_, command, standing)| {
            *standing != Standing::Asked && commands::runs_something(&command.words)
        });
        if !only_migrates && !goes_on {
            return;
        }
        let mut causes = Vec::new();
        if place != file {
            causes.push(format!("{file} starts this script"));
        }
        let said = words::of_start(&start.kind, &what);
        let before = self.found.len();
        self.push(
            place,
            command.span.clone(),
            said.message,
            causes,
            standing,
            (said.causes, said.safer),
        );
        if matches!(start.kind, StartKind::Hook(_)) {
            for finding in &mut self.found[before..] {
                finding.severity = Severity::Note;
            }
        }
    }

    /// Commands with those of scripts and functions in their place.
    fn flatten(
        &self,
        file: &str,
        commands: &[Command],
        outer: &Standing,
        flat: &mut Vec<(String, Command, Standing)>,
        depth: usize,
    ) {
        if depth > 5 || flat.len() > 2_000 {
            return;
        }
        for command in commands.iter().filter(|command| command.function.is_none()) {
            self.one(file, commands, command, outer, flat, depth);
        }
    }

    fn one(
        &self,
        file: &str,
        commands: &[Command],
        command: &Command,
        outer: &Standing,
        flat: &mut Vec<(String, Command, Standing)>,
        depth: usize,
    ) {
        if depth > 5 || flat.len() > 2_000 {
            return;
        }
        let standing = match (outer, commands::standing(command)) {
            (Standing::Asked, _) | (_, Standing::Asked) => Standing::Asked,
            (Standing::If(text), _) => Standing::If(text.clone()),
            (Standing::Always, own) => own,
        };
        let first = command.words.first().map_or("", String::as_str);
        let body: Vec<&Command> = commands
            .iter()
            .filter(|inner| inner.function.as_deref() == Some(first))
            .collect();
        if !body.is_empty() && command.function.as_deref() != Some(first) {
            for inner in body {
                self.one(file, commands, inner, &standing, flat, depth + 1);
            }
            return;
        }
        if commands::migrates(&command.words).is_none()
            && let Some(script) = self.script(file, &command.words)
        {
            self.flatten(&script.path, &script.script, &standing, flat, depth + 1);
            return;
        }
        flat.push((file.to_owned(), command.clone(), standing));
    }

    /// The script of the repository that a command runs: the one with the name, and the nearest
    /// where there are several.
    fn script(&self, from: &str, words: &[String]) -> Option<&Clues> {
        words.iter().take(8).find_map(|word| {
            let name = paths::name(word);
            if name.is_empty()
                || !(word.contains('/') || word.ends_with(".sh") || name.contains("entrypoint"))
            {
                return None;
            }
            self.clues
                .values()
                .filter(|clues| {
                    !clues.script.is_empty()
                        && paths::name(&clues.path) == name
                        && clues.path != from
                })
                .max_by_key(|clues| {
                    let whole = clues
                        .path
                        .ends_with(word.trim_start_matches("./").trim_start_matches('/'));
                    (whole, common(&clues.path, from))
                })
        })
    }

    fn spring(&mut self) {
        let mut found = Vec::new();
        for clues in self.clues.values() {
            for word in &clues.spring {
                match word {
                    Word::Tool { tool, span } => {
                        let module = paths::folder(&clues.path);
                        let off = self.clues.values().any(|other| {
                            let inside =
                                module.is_empty() || other.path.starts_with(&format!("{module}/"));
                            inside && other.spring.contains(&Word::Off { tool })
                        });
                        if !off {
                            found.push((clues.path.clone(), span.clone(), words::of_spring(tool)));
                        }
                    }
                    Word::Update { span } => {
                        found.push((clues.path.clone(), span.clone(), words::of_hibernate()));
                    }
                    Word::Off { .. } => {}
                }
            }
        }
        for (file, span, said) in found {
            self.push(
                &file,
                span,
                said.message,
                Vec::new(),
                &Standing::Always,
                (said.causes, said.safer),
            );
        }
    }
}

/// Whether a reference means the function at the end of a chain. Names such as `new` are common, so
/// they have to be near, or to be named with their type or module.
fn means(path: &str, site: &Site, chain: &Chain) -> bool {
    const TELLING: [&str; 12] = [
        "migrat",
        "database",
        "schema",
        "store",
        "storage",
        "repository",
        "sqlite",
        "postgres",
        "mysql",
        "persistence",
        "initdb",
        "datasource",
    ];
    let (Some(language), Some(other)) = (Language::of(path), Language::of(&chain.at)) else {
        return false;
    };
    if language != other {
        return false;
    }
    let here = path == chain.at;
    let near = here || paths::folder(path) == paths::folder(&chain.at);
    let plain = |text: &str| text.to_lowercase().replace(['_', '-'], "");
    let function = plain(&chain.function);
    let telling = TELLING.iter().any(|it| function.contains(it));
    let module = |text: &str| {
        let text = plain(text);
        let folder = paths::name(paths::folder(&chain.at));
        !text.is_empty() && (text == plain(paths::stem(&chain.at)) || text == plain(folder))
    };
    match (&chain.owner, &site.via) {
        // A function of a type.
        (Some(owner), Via::Path(to)) => to == owner || (to == "Self" && site.owner == chain.owner),
        (Some(owner), Via::Dot(on)) => here || telling || plain(on) == plain(owner),
        (Some(_), Via::Plain) => false,
        // A function of a module.
        (None, Via::Path(to) | Via::Dot(to)) => {
            module(to)
                || (telling && language != Language::Go)
                || (near && matches!(to.as_str(), "super" | "self" | "crate"))
        }
        (None, Via::Plain) => near || (telling && language != Language::Go),
    }
}

/// How many folders two paths have in common.
fn common(one: &str, other: &str) -> usize {
    one.split('/')
        .zip(other.split('/'))
        .take_while(|(a, b)| a == b)
        .count()
}

fn one_line(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}
