//! The files of a folder, and putting migrations together.

use crate::engine::Engine;
use crate::history::order::Key;
use crate::history::path::base;
use crate::history::sections::Divided;
use crate::history::{Candidate, Migration, Part, Problem, ProblemKind, Tool, Wrapped};

const MARK: &str = "\u{feff}";

/// A SQL file.
#[derive(Debug, Clone, Copy)]
pub(super) struct File<'a> {
    /// Its path.
    pub(super) path: &'a str,
    /// Its name.
    pub(super) name: &'a str,
    /// Its contents, where they were handed in.
    pub(super) bytes: Option<&'a [u8]>,
}

impl<'a> File<'a> {
    /// The contents, if they are text; with a byte order mark where there is one.
    pub(super) fn text(&self) -> Option<&'a str> {
        std::str::from_utf8(self.bytes?).ok()
    }
}

/// The files of a folder.
#[derive(Debug)]
pub(super) struct Files<'a> {
    /// The SQL files, in the order of their paths.
    pub(super) sql: Vec<File<'a>>,
    /// Files that may be migrations in code.
    pub(super) code: Vec<File<'a>>,
}

impl<'a> Files<'a> {
    pub(super) fn new(
        candidate: &'a Candidate,
        contents: &impl Fn(&str) -> Option<&'a [u8]>,
    ) -> Self {
        let file = |path: &'a String, bytes| File {
            path,
            name: base(path),
            bytes,
        };
        let mut paths: Vec<&String> = candidate.files.iter().collect();
        paths.sort_unstable();
        paths.dedup();
        Files {
            sql: paths
                .into_iter()
                .map(|path| file(path, contents(path)))
                .collect(),
            code: candidate.code.iter().map(|path| file(path, None)).collect(),
        }
    }

    /// The texts, without byte order marks.
    pub(super) fn texts(&self) -> impl Iterator<Item = &'a str> {
        self.sql
            .iter()
            .filter_map(File::text)
            .map(|text| text.strip_prefix(MARK).unwrap_or(text))
    }

    /// Files in code with one of these extensions.
    pub(super) fn code_in(&self, extensions: &[&str]) -> impl Iterator<Item = File<'a>> {
        self.code.iter().copied().filter(move |file| {
            file.name
                .rsplit_once('.')
                .is_some_and(|(_, extension)| extensions.contains(&extension))
        })
    }
}

/// What a migration is known by.
#[derive(Debug, Clone)]
pub(super) struct Id {
    /// What it is ordered by.
    pub(super) key: Key,
    /// Its version for people and tables.
    pub(super) version: String,
    /// Its name in words.
    pub(super) name: String,
}

impl Id {
    pub(super) fn new(key: Key, version: impl Into<String>, name: impl Into<String>) -> Self {
        Id {
            key,
            version: version.into(),
            name: name.into(),
        }
    }
}

/// A way up, and what it is ordered by.
#[derive(Debug)]
struct Step {
    key: Key,
    migration: Migration,
    /// Whether the file has more migrations of this version, which then is no mistake.
    shares: bool,
}

impl Step {
    fn order(&self) -> (&Key, bool, &str, bool) {
        let migration = &self.migration;
        (
            &self.key,
            migration.baseline,
            &migration.up.file,
            self.shares,
        )
    }
}

/// Migrations and problems as they are found.
#[derive(Debug)]
pub(super) struct Build {
    pub(super) tool: Tool,
    pub(super) engine: Option<Engine>,
    /// Whether equal versions are no mistake.
    pub(super) lenient: bool,
    steps: Vec<Step>,
    downs: Vec<(Id, Part)>,
    problems: Vec<Problem>,
}

impl Build {
    pub(super) fn new(tool: Tool, engine: Option<Engine>) -> Self {
        Build {
            tool,
            engine,
            lenient: false,
            steps: Vec::new(),
            downs: Vec::new(),
            problems: Vec::new(),
        }
    }

    /// Notes a problem with a whole file.
    pub(super) fn problem(&mut self, file: &str, kind: ProblemKind) {
        self.problem_at(file, 0..0, kind);
    }

    /// Notes a problem with a place of a file.
    pub(super) fn problem_at(
        &mut self,
        file: &str,
        span: std::ops::Range<usize>,
        kind: ProblemKind,
    ) {
        self.problems.push(Problem {
            file: file.to_owned(),
            span,
            kind,
        });
    }

    /// Notes that a name makes the tool pass a file over or stop.
    pub(super) fn misnamed(&mut self, file: File<'_>, why: impl Into<String>) {
        self.problem(file.path, ProblemKind::Name(why.into()));
    }

    /// The part that is a whole file, and what is wrong with the file.
    pub(super) fn whole(&mut self, file: File<'_>, transaction: Wrapped) -> Part {
        let Some(text) = self.check(file) else {
            return Part::unreadable(file.path, transaction);
        };
        let start = if text.starts_with(MARK) {
            MARK.len()
        } else {
            0
        };
        Part::new(file.path, start..text.len(), transaction)
    }

    /// The text of a file, and what is wrong with it.
    fn check<'a>(&mut self, file: File<'a>) -> Option<&'a str> {
        let Some(bytes) = file.bytes else {
            self.problem(file.path, ProblemKind::Unread);
            return None;
        };
        match std::str::from_utf8(bytes) {
            Ok(text) => {
                // Flyway takes the mark away, and SQLite takes it for white space.
                let harmless = self.tool == Tool::Flyway || self.engine == Some(Engine::Sqlite);
                if text.starts_with(MARK) && !harmless {
                    self.problem_at(file.path, 0..MARK.len(), ProblemKind::ByteOrderMark);
                }
                Some(text)
            }
            Err(error) => {
                let at = error.valid_up_to();
                self.problem_at(file.path, at..at, ProblemKind::NotUtf8 { at });
                None
            }
        }
    }

    /// Adds a way up.
    pub(super) fn up(&mut self, id: Id, part: Part) -> &mut Migration {
        let at = self.steps.len();
        self.steps.push(Step {
            key: id.key,
            migration: Migration::new(id.version, id.name, part),
            shares: false,
        });
        &mut self.steps[at].migration
    }

    /// Adds a way down.
    pub(super) fn down(&mut self, id: Id, part: Part) {
        self.downs.push((id, part));
    }

    /// Adds a migration in code.
    pub(super) fn code(&mut self, id: Id, file: File<'_>) {
        self.problem(file.path, ProblemKind::Code);
        self.up(id, Part::unreadable(file.path, Wrapped::Transaction));
    }

    /// Adds what a file with sections holds.
    pub(super) fn divided(&mut self, id: &Id, file: File<'_>, divide: impl Fn(&str) -> Divided) {
        let divided = self.check(file).map(divide).unwrap_or_default();
        for (span, what) in divided.problems {
            self.problem_at(file.path, span, ProblemKind::Section(what));
        }
        if divided.ways.is_empty() {
            let part = Part::unreadable(file.path, Wrapped::Transaction);
            self.up(id.clone(), part);
        }
        for (nth, ways) in divided.ways.into_iter().enumerate() {
            let up = Part::new(file.path, ways.up, ways.wrap_up);
            let down = ways
                .down
                .map(|span| Part::new(file.path, span, ways.wrap_down));
            self.up(id.clone(), up).down = down;
            if let Some(step) = self.steps.last_mut() {
                step.shares = nth > 0;
            }
        }
    }

    /// The migrations in their order, each with its way down, and all problems in the order of
    /// files.
    pub(super) fn finish(mut self) -> (Vec<Migration>, Vec<Problem>) {
        // Those with one key keep the order of their files, and of their places in a file.
        // A baseline stands for the step with its version too, and so comes after it.
        self.steps.sort_by(|a, b| a.order().cmp(&b.order()));
        for at in 1..self.steps.len() {
            let (Some(before), Some(here)) = (self.steps.get(at - 1), self.steps.get(at)) else {
                continue;
            };
            let differ = before.migration.baseline != here.migration.baseline;
            if before.key != here.key || here.shares || differ || self.lenient {
                continue;
            }
            let file = here.migration.up.file.clone();
            // What is applied again has a name and no version.
            let version = match here.migration.repeatable {
                true => here.migration.name.clone(),
                false => here.migration.version.clone(),
            };
            let kind = ProblemKind::SameVersion {
                version,
                other: before.migration.up.file.clone(),
            };
            self.problem(&file, kind);
        }
        for (id, part) in std::mem::take(&mut self.downs) {
            let step = self.steps.iter().position(|step| {
                step.key == id.key && !step.migration.baseline && !step.migration.repeatable
            });
            let Some(step) = step.and_then(|at| self.steps.get_mut(at)) else {
                self.problem(&part.file, ProblemKind::DownWithoutUp);
                continue;
            };
            match &step.migration.down {
                None => step.migration.down = Some(part),
                Some(other) => {
                    let kind = ProblemKind::SameVersion {
                        version: id.version,
                        other: other.file.clone(),
                    };
                    self.problem(&part.file, kind);
                }
            }
        }
        self.problems
            .sort_by(|a, b| (&a.file, a.span.start).cmp(&(&b.file, b.span.start)));
        self.problems.dedup();
        let migrations = self.steps.into_iter().map(|step| step.migration).collect();
        (migrations, self.problems)
    }
}
