//! The walk through a folder: each statement is judged by the schema that it meets, and then folded
//! into the one that the next statement meets.

use std::collections::{BTreeMap, BTreeSet};

use switchback_diag::{Code, Severity};

use super::context::{Context, End, Found, Item, Pair, Place, Way};
use super::rules::{Check, RULES, Ways};
use super::sections::Judged;
use super::state::Script;
use super::{Finding, Input, Options, Source, problems};
use crate::engine::Engine;
use crate::facts::{Facts, compat};
use crate::history::{Migration, Part};
use crate::schema::{Map, Misfit, Schema};
use crate::sql::ir::{Kind, Name, Statement};

/// What is said only once in a script.
type Once = BTreeSet<(Code, String)>;

/// The state of a walk between two migrations. A copy is cheap.
#[derive(Debug, Clone)]
pub(super) struct Walk<'a> {
    pub(super) input: Input<'a>,
    pub(super) engine: Engine,
    major: u32,
    /// How much each rule matters, up and down, in the order of the rules; none if it is not asked.
    levels: Vec<(Option<Severity>, Option<Severity>)>,
    applied: usize,
    schema: Schema,
    /// The words of statements that were not understood: what they name may exist.
    dark: Vec<&'a str>,
    /// Indexes made without an order, a collation or an operator class.
    plain: Map<Name, ()>,
    uses_downs: bool,
}

impl<'a> Walk<'a> {
    /// Before the first migration.
    pub(super) fn new(input: &Input<'a>, options: &Options) -> Self {
        let folder = input.folder;
        let engine = options.engine.or(folder.engine).unwrap_or(Engine::Postgres);
        let levels = RULES
            .iter()
            .map(|rule| {
                let info = &rule.info;
                let level = options.level(info.code, info.severity);
                let level = level.filter(|_| info.engines.contains(&engine));
                let down = match rule.ways {
                    Ways::Up => None,
                    Ways::Both => level,
                    Ways::Softer => level.map(|level| level.min(Severity::Warning)),
                };
                (level, down)
            })
            .collect();
        let applied = options
            .applied_until
            .as_deref()
            .map_or(0, |version| applied(&folder.migrations, version));
        Self {
            input: *input,
            engine,
            major: options.major,
            levels,
            applied,
            schema: options.schema.clone(),
            dark: Vec::new(),
            plain: Map::default(),
            uses_downs: 2 * folder
                .migrations
                .iter()
                .filter(|it| it.down.is_some())
                .count()
                >= folder.migrations.len(),
        }
    }

    /// What is wrong with the folder itself.
    pub(super) fn problems(&self) -> Vec<Finding> {
        let mut findings = Vec::new();
        for problem in &self.input.folder.problems {
            let finding = problems::finding(problem, self.input.folder);
            let at = RULES.iter().position(|rule| rule.info.code == finding.code);
            if let Some(severity) = at.and_then(|at| self.levels[at].0) {
                findings.push(Finding {
                    severity,
                    ..finding
                });
            }
        }
        findings
    }

    /// The migration at a place, and whether it is judged; none where it does not count.
    fn counting(&self, at: usize) -> Option<(&'a Migration, bool)> {
        let migration = self.input.folder.migrations.get(at)?;
        // It stands for those before it, and databases that have had them pass it over.
        let counts = !migration.baseline || at == 0;
        counts.then_some((migration, migration.repeatable || at >= self.applied))
    }

    /// How many statements the migration at a place has, both ways.
    pub(super) fn statements(&self, at: usize) -> usize {
        let Some((migration, _)) = self.counting(at) else {
            return 0;
        };
        let up = self.place(migration, &migration.up, Way::Up);
        let down = migration.down.as_ref();
        let down = down.and_then(|down| self.place(migration, down, Way::Down));
        let ways = [up, down].into_iter().flatten();
        ways.map(|place| place.statements.len()).sum()
    }

    /// Folds a migration without judging it, to the state that [`Walk::migration`] leaves.
    pub(super) fn pass(&mut self, at: usize) {
        let Some((migration, judged)) = self.counting(at) else {
            return;
        };
        self.schema.begin_unit();
        match self.place(migration, &migration.up, Way::Up) {
            None => self.schema.complete = false,
            Some(place) => {
                let mut schema = std::mem::replace(&mut self.schema, Schema::unknown());
                for statement in place.statements {
                    self.apply(&place, statement, &mut schema, judged);
                }
                self.schema = schema;
            }
        }
        if let Some(down) = migration.down.as_ref().filter(|_| judged)
            && let Some(place) = self.place(migration, down, Way::Down)
        {
            let schema = self.schema.clone();
            for statement in place.statements {
                self.note(&place, statement, &schema);
            }
        }
    }

    /// Judges the migration at a place, and folds it.
    pub(super) fn migration(&mut self, at: usize, into: &mut Judged<'a>) {
        let Some((migration, judged)) = self.counting(at) else {
            return;
        };
        into.migrations += usize::from(judged);
        self.schema.begin_unit();
        let before = migration
            .down
            .as_ref()
            .filter(|_| judged)
            .map(|down| (down, self.schema.clone()));
        let mut schema = std::mem::replace(&mut self.schema, Schema::unknown());
        let up = self.script(migration, &migration.up, Way::Up, &mut schema, judged, into);
        if let Some((down, before)) = before {
            let mut back = schema.clone();
            back.begin_unit();
            let down = self.script(migration, down, Way::Down, &mut back, judged, into);
            for (place, _) in up.iter().chain(&down) {
                into.statements += place.statements.len();
            }
            if let (Some(up), Some(down)) = (&up, &down) {
                self.pair(up, &schema, down, &back, &before, into);
            }
        } else if let Some((place, _)) = up.filter(|_| judged) {
            into.statements += place.statements.len();
        }
        self.schema = schema;
    }

    /// One way of a migration with its SQL; none if that is not known.
    fn place(&self, migration: &'a Migration, part: &'a Part, way: Way) -> Option<Place<'a>> {
        let sources: &'a BTreeMap<String, Source> = self.input.sources;
        let source = sources.get(&part.file).filter(|_| part.readable)?;
        let all = &source.statements;
        let first = all.partition_point(|it| it.span.start < part.span.start);
        let last = all.partition_point(|it| it.span.start < part.span.end);
        Some(Place {
            folder: self.input.folder,
            engine: self.engine,
            major: self.major,
            migration,
            part,
            way,
            text: source.text.as_deref()?,
            statements: all.get(first..last).unwrap_or_default(),
            uses_downs: self.uses_downs,
            all,
        })
    }

    /// Judges one way and folds it into the schema. Returns nothing if its SQL is not known.
    fn script(
        &mut self,
        migration: &'a Migration,
        part: &'a Part,
        way: Way,
        schema: &mut Schema,
        judged: bool,
        into: &mut Judged<'a>,
    ) -> Option<(Place<'a>, Script)> {
        let Some(place) = self.place(migration, part, way) else {
            schema.complete = false;
            return None;
        };
        let mut script = Script::begin(part, place.tool(), place.statements);
        if !judged {
            for statement in place.statements {
                self.apply(&place, statement, schema, false);
            }
            return Some((place, script));
        }
        into.files.insert(&part.file);
        let mut once = BTreeSet::new();
        let mut items = Vec::new();
        for statement in place.statements {
            script.enter(statement);
            let facts = self.facts(statement, schema);
            let effects = match way {
                Way::Up => compat::effects(statement, schema),
                Way::Down => Vec::new(),
            };
            let context = Context {
                place,
                statement,
                facts: &facts,
                effects: &effects,
                schema,
                script: &script,
                plain: &self.plain,
            };
            self.each(&context, &mut items, &mut once);
            script.leave(statement, &facts, &effects, schema);
            let misfits = self.fold(&place, statement, schema);
            items.extend(misfits);
        }
        self.whole(&place, schema, &script, &mut items, &mut once);
        let stays = |item: &Item| item.unless.as_ref().is_none_or(|it| !it.holds(schema));
        let founded = items.into_iter().filter(stays).map(|item| item.finding);
        into.findings.extend(founded);
        Some((place, script))
    }

    fn facts(&self, statement: &Statement, schema: &Schema) -> Facts {
        match self.engine {
            Engine::Postgres => Facts::of(statement, schema, self.major),
            Engine::Sqlite | Engine::Mysql => Facts::default(),
        }
    }

    /// Notes what later statements are judged by beside the schema, which is the one before.
    fn note(&mut self, place: &Place<'a>, statement: &'a Statement, schema: &Schema) {
        if matches!(
            statement.kind,
            Kind::Unknown { .. } | Kind::Do { read: false, .. }
        ) {
            self.dark.push(place.words(&statement.span));
        }
        if place.way == Way::Up
            && let Kind::CreateIndex(index) = &statement.kind
            && let Some(name) = &index.name
            && index.keys.iter().all(|key| key.options.trim().is_empty())
        {
            self.plain.insert(schema.resolve(name), ());
        }
    }

    /// Folds a statement into the schema; what does not fit there is returned.
    fn apply(
        &mut self,
        place: &Place<'a>,
        statement: &'a Statement,
        schema: &mut Schema,
        judged: bool,
    ) -> Vec<Misfit> {
        self.note(place, statement, schema);
        let misfits = schema.apply(statement);
        // It is applied everywhere, so the database has more than the folder made.
        if !judged && !misfits.is_empty() {
            schema.complete = false;
        }
        misfits
    }

    /// Folds a statement into the schema, and says what in it the history does not have.
    fn fold(
        &mut self,
        place: &Place<'a>,
        statement: &'a Statement,
        schema: &mut Schema,
    ) -> Vec<Item> {
        let misfits = self.apply(place, statement, schema, true);
        let level = RULES
            .iter()
            .zip(&self.levels)
            .find(|(rule, _)| rule.info.code == Code::HistoryMisfit)
            .and_then(|(_, levels)| level(*levels, place.way));
        // The fold is that of PostgreSQL, and what was not understood may have made anything.
        let Some(severity) = level.filter(|_| self.engine == Engine::Postgres) else {
            return Vec::new();
        };
        if !schema.complete || statement.conditional {
            return Vec::new();
        }
        let (mut items, mut once) = (Vec::new(), BTreeSet::new());
        let mut found = Found {
            code: Code::HistoryMisfit,
            severity,
            file: &place.part.file,
            items: &mut items,
            once: &mut once,
        };
        for misfit in &misfits {
            if self.dark.iter().any(|words| names(words, misfit)) {
                continue;
            }
            found
                .report(&statement.span, misfit.to_string())
                .cause("the migrations before this one do not lead there, so PostgreSQL would refuse it")
                .safer(
                    "if the database has more than the migrations made, say up to which version \
                     they are applied (`applied-until`)",
                );
        }
        items
    }

    fn each(&self, context: &Context<'_>, items: &mut Vec<Item>, once: &mut Once) {
        let way = context.place.way;
        for (rule, levels) in RULES.iter().zip(&self.levels) {
            let Check::Each(check) = rule.check else {
                continue;
            };
            let Some(severity) = level(*levels, way) else {
                continue;
            };
            let mut found = Found {
                code: rule.info.code,
                severity,
                file: &context.place.part.file,
                items,
                once,
            };
            check(context, &mut found);
        }
    }

    fn whole(
        &self,
        place: &Place<'a>,
        schema: &Schema,
        script: &Script,
        items: &mut Vec<Item>,
        once: &mut Once,
    ) {
        let end = End {
            place: *place,
            schema,
            log: &script.log,
        };
        for (rule, levels) in RULES.iter().zip(&self.levels) {
            if let Check::Whole(check) = rule.check
                && let Some(severity) = level(*levels, place.way)
            {
                let mut found = Found {
                    code: rule.info.code,
                    severity,
                    file: &place.part.file,
                    items,
                    once,
                };
                check(&end, &mut found);
            }
        }
    }

    fn pair(
        &self,
        up: &(Place<'a>, Script),
        after: &Schema,
        down: &(Place<'a>, Script),
        back: &Schema,
        before: &Schema,
        into: &mut Judged<'a>,
    ) {
        let pair = Pair {
            up: End {
                place: up.0,
                schema: after,
                log: &up.1.log,
            },
            down: End {
                place: down.0,
                schema: back,
                log: &down.1.log,
            },
            before,
        };
        let (mut items, mut once) = (Vec::new(), BTreeSet::new());
        for (rule, levels) in RULES.iter().zip(&self.levels) {
            if let Check::Pair(check) = rule.check
                && let Some(severity) = levels.0
            {
                let mut found = Found {
                    code: rule.info.code,
                    severity,
                    file: &down.0.part.file,
                    items: &mut items,
                    once: &mut once,
                };
                check(&pair, &mut found);
            }
        }
        let found = items.into_iter().map(|item| item.finding);
        into.findings.extend(found);
    }
}

/// Whether words that were not understood name what a misfit is about.
fn names(words: &str, misfit: &Misfit) -> bool {
    let names: Vec<&str> = match misfit {
        Misfit::NoSuch { name, .. }
        | Misfit::AlreadyExists { name, .. }
        | Misfit::WrongKind { name, .. }
        | Misfit::StillUsed { name, .. } => vec![&name.name],
        Misfit::NoSuchIn { of, name, .. } | Misfit::AlreadyExistsIn { of, name, .. } => {
            vec![&of.name, name]
        }
        Misfit::SecondPrimaryKey { table }
        | Misfit::NoKey { table, .. }
        | Misfit::MustBeNotNull { table, .. } => vec![&table.name],
    };
    let lower = words.to_ascii_lowercase();
    names
        .iter()
        .any(|name| lower.contains(&name.to_ascii_lowercase()))
}

/// How much a rule matters on a way.
fn level(levels: (Option<Severity>, Option<Severity>), way: Way) -> Option<Severity> {
    match way {
        Way::Up => levels.0,
        Way::Down => levels.1,
    }
}

/// How many migrations are applied everywhere: those up to and including a version.
pub fn applied(migrations: &[Migration], version: &str) -> usize {
    let is = |it: &Migration| it.version == version;
    let until = |it: &Migration| !it.version.is_empty() && !later(&it.version, version);
    let last = migrations
        .iter()
        .rposition(is)
        .or_else(|| migrations.iter().rposition(until));
    last.map_or(0, |at| at + 1)
}

/// Whether a version comes after another: numbers as numbers, part by part, anything else as text.
fn later(version: &str, than: &str) -> bool {
    let parts = |text: &str| -> Option<Vec<u128>> {
        text.split(['.', '_'])
            .map(|part| part.parse().ok())
            .collect()
    };
    match (parts(version), parts(than)) {
        (Some(version), Some(than)) => version > than,
        _ => version > than,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::lint::trial;

    /// What is applied everywhere and does not fit shows that the database has more than the folder
    /// made, so that what comes after may name it.
    #[test]
    fn a_folder_that_begins_in_the_middle() {
        let migrations = [
            "ALTER TABLE users ADD COLUMN nick text",
            "ALTER TABLE users ADD COLUMN locale text",
        ];
        let misfits = |until: Option<&str>| {
            let options = Options {
                applied_until: until.map(str::to_owned),
                ..Options::new(15)
            };
            let found = trial::findings(&migrations, &options);
            let is = |it: &&Finding| it.code == Code::HistoryMisfit;
            found.iter().filter(is).count()
        };
        assert_eq!(misfits(None), 2);
        assert_eq!(misfits(Some("1")), 0);
        // What fits says nothing about the rest.
        let fits = ["CREATE TABLE orders (id bigint PRIMARY KEY)", migrations[1]];
        let options = Options {
            applied_until: Some("1".to_owned()),
            ..Options::new(15)
        };
        let found = trial::findings(&fits, &options);
        assert!(found.iter().any(|it| it.code == Code::HistoryMisfit));
    }
}
