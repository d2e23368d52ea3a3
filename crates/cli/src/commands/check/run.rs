//! One run: find, judge, leave out what does not count, fix, show.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{self, Read as _};
use std::path::PathBuf;

use switchback_diag::{Code, Diagnostic, Exit, Severity, escape_line};
use switchback_migration::lint::baseline::Baseline;
use switchback_migration::lint::{Finding, Source, suppress};
use switchback_migration::repository;

use super::choice::Choice;
use super::fix::Fixes;
use super::folders::{Finder, Groups};
use super::human::{many, summary};
use super::report::{FolderLine, Report};
use super::since::{Changes, touches};
use super::targets::{Targets, real};
use super::{Check, commits, edited, folders, formats, list, startup};
use crate::context::{STATE, settings_if_any};
use crate::errors::{self, Failure};
use crate::files;
use crate::settings::Loaded;
use crate::shell::Shell;
use crate::survey::{Base, Listing, pattern};

/// The baseline in [`STATE`].
const BASELINE: &str = "check-baseline.json";

/// Checks, and shows what was found.
pub(super) fn run(check: &Check, shell: &Shell) -> Result<Exit, Failure> {
    let loaded = settings_if_any(shell)?;
    let settings = loaded.as_ref().map(|it| &it.settings);
    let choice = Choice::new(check, settings);
    if check.list_rules {
        return Ok(list::show(&choice, shell));
    }
    let root = loaded.as_ref().and_then(|it| it.source.path.parent());
    let base = Base::find(&shell.folder, root).map_err(|error| errors::no_folder(&error))?;
    let targets = Targets::find(check, shell, &base, loaded.is_some())?;
    let exclude = settings
        .map(|it| it.check.exclude.as_slice())
        .unwrap_or_default();
    let exclude = pattern(&base, exclude);
    let listing = targets.walk(&base, &exclude, settings)?;
    let instead = stdin(check, shell, &base)?;
    let mut run = Run {
        check,
        shell,
        choice: &choice,
        base: &base,
        targets: &targets,
        listing: &listing,
        changed: None,
        beside: Vec::new(),
        texts: BTreeMap::new(),
    };
    let finder = Finder {
        base: &base,
        targets: &targets,
        listing: &listing,
        choice: &choice,
        loaded: loaded.as_ref(),
        instead: &instead,
    };
    let mut groups = finder.read()?;
    run.look_around(&groups, loaded.as_ref())?;
    let exit = run.whole(&mut groups);
    // The process ends now, and takes all of it along at once; to give back each of some million
    // names takes as long as to judge a thousand files.
    std::mem::forget(groups);
    exit
}

/// The text on stdin, by the name that it stands for.
fn stdin(check: &Check, shell: &Shell, base: &Base) -> Result<BTreeMap<String, String>, Failure> {
    let Some(name) = &check.stdin_name else {
        return Ok(BTreeMap::new());
    };
    let mut text = String::new();
    io::stdin()
        .read_to_string(&mut text)
        .map_err(|error| errors::nothing_there(&PathBuf::from("stdin"), &error))?;
    let name = base.name(&real(&shell.folder.join(name)));
    Ok(BTreeMap::from([(name, text)]))
}

struct Run<'a> {
    check: &'a Check,
    shell: &'a Shell,
    choice: &'a Choice,
    base: &'a Base,
    targets: &'a Targets,
    listing: &'a Listing,
    /// What was added or changed, if only that is judged.
    changed: Option<BTreeSet<PathBuf>>,
    /// What was found beside migrations.
    beside: Vec<Finding>,
    /// The texts of files that are no migrations.
    texts: BTreeMap<String, String>,
}

impl Run<'_> {
    /// Looks at what is no migration: Git, and how applications start.
    fn look_around(&mut self, groups: &Groups, loaded: Option<&Loaded>) -> Result<(), Failure> {
        if let Some(revision) = &self.check.since {
            let changes = Changes::open(self.base, "--since")?;
            let changed = changes.since(revision)?;
            if self.asks(Code::EditedAfterApplied) {
                let since = (revision.as_str(), &changed);
                let found =
                    edited::find(&changes, since, (self.base, self.targets), loaded, groups)?;
                self.beside.extend(found);
            }
            self.changed = Some(changed);
        }
        let range = match (&self.check.commits, &self.check.since) {
            (Some(range), _) => Some((range.as_str(), "--commits")),
            (None, Some(revision)) => Some((revision.as_str(), "--since")),
            (None, None) => None,
        };
        if let Some((range, flag)) = range
            && self.asks(Code::CodeWithDestructiveDdl)
        {
            let changes = Changes::open(self.base, flag)?;
            let found = commits::find(&changes, (range, flag), self.base, self.targets, groups)?;
            self.beside.extend(found);
        }
        if self.targets.has_folders() && self.asks(Code::MigrationAtStartup) {
            let (found, texts) = startup::find(self.listing, self.targets, groups);
            self.beside.extend(found);
            self.texts = texts;
        }
        Ok(())
    }

    fn asks(&self, code: Code) -> bool {
        self.choice.wants(code) && self.choice.level(code, Severity::Error).is_some()
    }

    fn whole(&self, groups: &mut Groups) -> Result<Exit, Failure> {
        let baseline = self.baseline()?;
        let mut fixes = Fixes::default();
        let mut report = self.judge(groups, &baseline);
        if self.check.fix {
            // Each round leaves fewer; a fix that makes another one necessary is followed up.
            for _ in 0..16 {
                if !fixes.make(&report.findings, groups, self.choice) {
                    break;
                }
                report = self.judge(groups, &baseline);
            }
        }
        if self.check.write_baseline {
            return self.write_baseline(&report, groups);
        }
        let mut failed = Vec::new();
        if self.check.fix && !self.check.dry_run {
            for (file, found) in fixes.write(groups, self.listing, self.base) {
                fixes.done.retain(|fix| fix.file != file);
                failed.push(found);
            }
        }
        report.fixed = std::mem::take(&mut fixes.done);
        report.dry_run = self.check.dry_run;
        let nothing = groups.all.is_empty() && report.findings.is_empty();
        let exit = match (nothing, report.fails(self.choice.fail_on)) {
            (true, _) => Exit::NothingToDo,
            (false, true) => Exit::Refused,
            (false, false) => Exit::Ok,
        };
        if self.check.dry_run && !self.shell.out.is_json() {
            self.shell.out.raw(fixes.diff(groups, self.base).as_bytes());
        }
        self.show(&report, groups, exit)?;
        self.notes(&report, groups);
        if failed.is_empty() {
            Ok(exit)
        } else {
            Ok(self.shell.out.failure(&Failure::many(failed)))
        }
    }

    /// Judges every folder, and leaves out what does not count.
    fn judge(&self, groups: &Groups, baseline: &Option<Baseline>) -> Report {
        let judged = folders::judge(&groups.all, self.choice);
        let mut report = Report {
            texts: self.texts.clone(),
            ..Report::default()
        };
        let whole = self.changed.is_none() && self.targets.has_folders();
        let unread: BTreeSet<&str> = groups
            .troubles
            .iter()
            .map(|(name, _)| name.as_str())
            .collect();
        for (group, judged) in groups.all.iter().zip(judged) {
            let wanted = self.wanted(group);
            let counts = |it: &Finding| wanted.contains(it.file.as_str());
            let in_whole = |it: &Finding| self.is_about_folder(it) && !wanted.is_empty();
            // What could not be read is said with the reason.
            let said = |it: &Finding| {
                it.code == Code::MigrationNotRead && unread.contains(it.file.as_str())
            };
            let keep = |it: &Finding| {
                self.choice.wants(it.code) && (counts(it) || in_whole(it)) && !said(it)
            };
            report
                .findings
                .extend(judged.findings.into_iter().filter(keep));
            report
                .suppressed
                .extend(judged.suppressed.into_iter().filter(|(it, _)| keep(it)));
            let all = &group.folder.migrations;
            let some = all.iter().filter(|it| {
                wanted.contains(it.up.file.as_str())
                    || it
                        .down
                        .as_ref()
                        .is_some_and(|it| wanted.contains(it.file.as_str()))
            });
            let some = some.count();
            let judged = if whole && some == all.len() {
                judged.migrations
            } else {
                some
            };
            report
                .folders
                .push(FolderLine::of(group, self.choice, judged));
        }
        self.add_beside(groups, &mut report);
        report.findings.extend(self.troubles(groups));
        self.leave_out_known(groups, baseline, &mut report);
        report.sort();
        report
    }

    /// The files of a group that are judged: both ways of each migration that is wanted.
    fn wanted<'g>(&self, group: &'g super::folders::Group) -> BTreeSet<&'g str> {
        let mut wanted = BTreeSet::new();
        let judges = |file: &str| self.targets.judges(&self.path(file));
        for migration in &group.folder.migrations {
            let mut files = vec![migration.up.file.as_str()];
            files.extend(migration.down.as_ref().map(|it| it.file.as_str()));
            let changed = self.changed.as_ref().is_none_or(|changed| {
                touches(changed, files.iter().copied(), |file| self.path(file))
            });
            if changed && files.iter().any(|file| judges(file)) {
                wanted.extend(files);
            }
        }
        // What is wrong with a file that is no migration.
        for problem in &group.folder.problems {
            let changed = self.changed.as_ref().is_none_or(|changed| {
                touches(changed, [problem.file.as_str()], |file| self.path(file))
            });
            let whole = problem.file == group.folder.path;
            if (changed && judges(&problem.file)) || (whole && !wanted.is_empty()) {
                wanted.insert(&problem.file);
            }
        }
        wanted
    }

    /// Whether a finding is about how migrations stand to each other.
    fn is_about_folder(&self, finding: &Finding) -> bool {
        self.changed.is_some() && finding.code == Code::SameVersion
    }

    fn path(&self, name: &str) -> PathBuf {
        match self.listing.files.get(name) {
            Some(entry) => entry.path.clone(),
            None => self.base.path(name),
        }
    }

    /// Puts in what was found beside migrations, where it is not allowed there.
    fn add_beside(&self, groups: &Groups, report: &mut Report) {
        for finding in &self.beside {
            let Some(severity) = self.choice.level(finding.code, finding.severity) else {
                continue;
            };
            let finding = Finding {
                severity,
                ..finding.clone()
            };
            match self.allowed(&finding, groups) {
                Some(reason) => report.suppressed.push((finding, reason)),
                None => report.findings.push(finding),
            }
        }
    }

    fn allowed(&self, finding: &Finding, groups: &Groups) -> Option<String> {
        if let Some(text) = self.texts.get(&finding.file) {
            return repository::allowed(text, &finding.span, finding.code);
        }
        let group = groups
            .all
            .iter()
            .find(|it| it.sources.contains_key(&finding.file))?;
        let source = group.sources.get(&finding.file)?;
        let engine = group.engine_for(self.choice);
        let all = suppress::find(source.text.as_deref()?, &source.statements, engine);
        let found = all
            .into_iter()
            .find(|it| it.covers(finding.code, &finding.span));
        found.and_then(|it| it.reason)
    }

    /// What could not be read.
    fn troubles(&self, groups: &Groups) -> Vec<Finding> {
        let walked = self.listing.troubles.iter();
        walked
            .chain(&groups.troubles)
            .filter(|(name, _)| self.targets.judges(&self.base.path(name)))
            .map(|(name, error)| Finding {
                code: Code::CannotRead,
                severity: Severity::Error,
                file: name.clone(),
                span: 0..0,
                message: format!(
                    "{} cannot be read, and was not judged",
                    self.base.shown(name)
                ),
                causes: vec![error.to_string()],
                safer: vec![match error.kind() {
                    io::ErrorKind::PermissionDenied => {
                        "check who owns it and its permissions".to_owned()
                    }
                    _ => "run the command again, or leave it out with `check.exclude`".to_owned(),
                }],
                table: None,
                fix: None,
            })
            .collect()
    }

    fn baseline_path(&self) -> PathBuf {
        match &self.check.baseline {
            Some(path) => self.shell.folder.join(path),
            None => self.base.folder.join(STATE).join(BASELINE),
        }
    }

    fn baseline(&self) -> Result<Option<Baseline>, Failure> {
        if self.check.write_baseline {
            return Ok(None);
        }
        let path = self.baseline_path();
        let text = if self.check.baseline.is_some() {
            Some(files::read(&path)?)
        } else {
            files::read_if_there(&path)?
        };
        let parsed = text.as_deref().map(Baseline::parse).transpose();
        parsed.map_err(|error| errors::baseline_unusable(&path, &error))
    }

    fn leave_out_known(&self, groups: &Groups, baseline: &Option<Baseline>, report: &mut Report) {
        let Some(baseline) = baseline else { return };
        let sources = sources(&report.findings, groups);
        let compared = baseline.compare(std::mem::take(&mut report.findings), &sources);
        report.findings = compared.new;
        report.known = compared.known;
        // Only what was looked at can be gone.
        let looked = |file: &str| {
            self.changed.is_none()
                && self.choice.only.is_empty()
                && self.targets.judges(&self.path(file))
        };
        report.gone = compared.gone.iter().filter(|it| looked(&it.file)).count();
    }

    fn write_baseline(&self, report: &Report, groups: &Groups) -> Result<Exit, Failure> {
        let path = self.baseline_path();
        let unreadable: Vec<&Finding> = report
            .findings
            .iter()
            .filter(|it| it.code == Code::CannotRead)
            .collect();
        if let Some(first) = unreadable.first() {
            let found = Diagnostic::error(first.code, &first.message);
            return Err(first
                .causes
                .iter()
                .fold(found, |found, it| found.cause(it))
                .into());
        }
        let baseline = Baseline::of(&report.findings, &sources(&report.findings, groups));
        let text = baseline
            .to_json()
            .map_err(|error| errors::internal(&error.to_string(), "writing the baseline"))?;
        if self.check.baseline.is_none() {
            let mut folder = files::Batch::default();
            folder.folder(self.base.folder.join(STATE), 0o755);
            folder.write()?;
        }
        files::replace(&path, text.as_bytes())?;
        self.shell.out.note(&format!(
            "{} written to {}",
            many(report.findings.len(), "finding"),
            path.display()
        ));
        Ok(Exit::Ok)
    }

    fn show(&self, report: &Report, groups: &Groups, exit: Exit) -> Result<(), Failure> {
        let out = &self.shell.out;
        let theme = match self.check.output {
            Some(_) => switchback_diag::Theme::PLAIN,
            None => *out.data_theme(),
        };
        let text = formats::render(report, groups, self.base, (out.format(), theme, exit))
            .map_err(|error| errors::internal(&error.to_string(), "writing the report"))?;
        match &self.check.output {
            None => out.raw(text.as_bytes()),
            Some(path) => write(&self.shell.folder.join(path), text.as_bytes())?,
        }
        if self.check.output.is_some() || out.format().is_for_findings() {
            out.note(&summary(report, &report.counts(groups)));
        }
        Ok(())
    }

    /// Says what people should know beside the findings.
    fn notes(&self, report: &Report, groups: &Groups) {
        let out = &self.shell.out;
        if groups.all.is_empty() {
            let roots: Vec<String> = self
                .targets
                .wanted
                .iter()
                .map(|it| it.path.display().to_string())
                .collect();
            out.note(&format!(
                "no migrations were found in {}, among {}; name their folder as an argument, or \
                 with [[migrations.folder]] in switchback.toml",
                roots.join(", "),
                many(self.listing.files.len(), "file")
            ));
        }
        if report.gone > 0 {
            out.next(
                &format!(
                    "{} of the baseline are gone; make it smaller",
                    many(report.gone, "finding")
                ),
                "switchback check --write-baseline",
            );
        }
        let outside = self.listing.outside.iter();
        let sql: Vec<&str> = outside
            .map(String::as_str)
            .filter(|name| name.ends_with(".sql"))
            .collect();
        if let Some(first) = sql.first() {
            let others = match sql.len() - 1 {
                0 => String::new(),
                more => format!(" and {more} more"),
            };
            out.note(&format!(
                "{}{others}: a link that leads out of the tree is not followed",
                escape_line(&self.base.shown(first))
            ));
        }
    }
}

/// The sources of the files in which something was found, by name.
fn sources(findings: &[Finding], groups: &Groups) -> BTreeMap<String, Source> {
    let files: BTreeSet<&str> = findings.iter().map(|it| it.file.as_str()).collect();
    let all = groups.all.iter().flat_map(|it| &it.sources);
    let named = all.filter(|(name, _)| files.contains(name.as_str()));
    named
        .map(|(name, source)| (name.clone(), source.clone()))
        .collect()
}

/// Writes a report: a file as a whole, anything else, such as a pipe, as it is.
fn write(path: &std::path::Path, bytes: &[u8]) -> Result<(), Failure> {
    if path.exists() && !path.is_file() && !path.is_dir() {
        std::fs::write(path, bytes).map_err(|error| errors::cannot_write(path, &error))
    } else {
        Ok(files::replace(path, bytes)?)
    }
}
