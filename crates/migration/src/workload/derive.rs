//! From a definition to the statements of each version of the code.

mod merged;

use std::collections::BTreeMap;

use switchback_model::{CodeStep, Kind, Reads, Shape, Shapes, Stance};

use super::{
    Bind, Column, Never, Other, Read, Seen, Source, Statement, Table, Value, Version, Workload,
};
use crate::definition::{Definition, Operation, StepFill, Work, sql_name as name};
use crate::engine::Engine;
use crate::sql::strings;

/// Why no workload can be derived.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[expect(missing_docs, reason = "the message says it")]
pub enum Underivable {
    #[error("the definition does not say what `{column}` gets from the old shape")]
    NoValue { column: String },
    #[error("no step of the change makes the column `{column}`")]
    NotMade { column: String },
    #[error("the definition does not say which value is added or removed")]
    NoListed,
    #[error("the table `{table}`, which goes, is not there or has no foreign key to the other one")]
    NoOther { table: String },
}

/// What a change does to the rows of a table, as far as code sees it.
enum Class {
    /// Columns become other columns.
    Pair,
    /// A column comes; whether every row must have it.
    Added { required: bool },
    /// A column goes.
    Dropped,
    /// The table goes.
    TableDropped,
    /// Another table becomes columns of this one.
    Merged,
    /// One column takes more or fewer values than before.
    Values,
    /// Rows are held to a rule.
    Rule,
    /// Code sees nothing of it.
    Unseen,
}

struct Draft<'a> {
    table: &'a Table,
    engine: Engine,
    old: Vec<String>,
    new: &'a [String],
    class: Class,
    /// The values of the column that only the new shape has.
    listed: Option<String>,
    /// The types of the columns that the change makes.
    made: &'a BTreeMap<String, String>,
    other: Option<&'a Other>,
}

/// Derives what each version does. `table` is as it is before the change, `other` is the one that is
/// merged into it, where one is, and `made` has the types of the columns that its steps make.
///
/// # Errors
/// If the definition does not say enough.
pub fn derive(
    definition: &Definition,
    table: &Table,
    other: Option<&Other>,
    made: &BTreeMap<String, String>,
) -> Result<Workload, Underivable> {
    let class = class(definition);
    if matches!(class, Class::Merged) && other.is_none() {
        return Err(Underivable::NoOther {
            table: definition.old_table().to_owned(),
        });
    }
    let surface = &definition.surface;
    let fill = fills(definition).next();
    let mut draft = Draft {
        table,
        engine: definition.engine,
        old: surface.old.0.clone(),
        new: &surface.new.0,
        class,
        listed: None,
        made,
        other,
    };
    let mut it = Workload {
        table: table.clone(),
        other: other.cloned(),
        versions: Vec::new(),
        old: BTreeMap::new(),
        new: BTreeMap::new(),
        types: BTreeMap::new(),
        breaks: None,
        obeying: matches!(draft.class, Class::Rule) && fill.is_none(),
    };
    draft.sources(definition, fill, &mut it)?;
    for code in definition.code_steps() {
        it.versions.push(draft.version(code));
    }
    Ok(it)
}

fn class(definition: &Definition) -> Class {
    match definition.operation {
        Operation::RenameColumn
        | Operation::SplitColumn
        | Operation::MergeColumns
        | Operation::ChangeType => Class::Pair,
        Operation::AddColumn => Class::Added { required: false },
        Operation::AddRequiredColumn => Class::Added { required: true },
        Operation::DropColumn => Class::Dropped,
        Operation::DropTable => Class::TableDropped,
        Operation::ChangeEnum => Class::Values,
        Operation::AddConstraint | Operation::AddForeignKey => Class::Rule,
        Operation::AddIndex => Class::Unseen,
        Operation::MergeTables => Class::Merged,
    }
}

fn fills(definition: &Definition) -> impl Iterator<Item = &StepFill> {
    definition.steps.iter().filter_map(|step| match &step.work {
        Work::Database { fill, .. } => fill.as_ref(),
        Work::Code { .. } => None,
    })
}

/// The string that the first script up has and its way back has not.
fn added_value(definition: &Definition) -> Option<String> {
    let script = definition.steps.iter().find_map(|step| match &step.work {
        Work::Database { script, .. } => script.as_ref(),
        Work::Code { .. } => None,
    })?;
    let before = strings(&script.down.sql, definition.engine);
    strings(&script.up.sql, definition.engine)
        .into_iter()
        .find(|it| !before.contains(it))
}

/// What a column gets from a fill that is only for some rows, for any row.
fn filled(engine: Engine, fill: &StepFill, column: &str, value: &str) -> String {
    let column = name(engine, column);
    match &fill.only {
        Some(only) => format!("CASE WHEN {only} THEN {value} ELSE {column} END"),
        None => value.to_owned(),
    }
}

impl Draft<'_> {
    fn sources(
        &mut self,
        definition: &Definition,
        fill: Option<&StepFill>,
        it: &mut Workload,
    ) -> Result<(), Underivable> {
        let kept = |columns: &[String]| -> BTreeMap<String, Source> {
            let kept = |column: &String| (column.clone(), Source::Kept);
            columns.iter().map(kept).collect()
        };
        match self.class {
            Class::Pair => {
                it.old = kept(&self.old);
                for column in self.new {
                    let value = fills(definition).find_map(|fill| fill.set.get(column));
                    let value = value.ok_or_else(|| Underivable::NoValue {
                        column: column.clone(),
                    })?;
                    it.new
                        .insert(column.clone(), Source::Expression(value.clone()));
                }
            }
            Class::Added { .. } => {
                let made = |column: &String| (column.clone(), Source::MadeUp);
                it.new = self.new.iter().map(made).collect();
            }
            Class::Dropped => it.old = kept(&self.old),
            Class::Values => {
                let column = self.old.first().ok_or(Underivable::NoListed)?.clone();
                match (definition.surface.kind, fill) {
                    (Kind::Listed, _) => {
                        let value = added_value(definition).ok_or(Underivable::NoListed)?;
                        self.listed = Some(value.clone());
                        it.old.insert(column.clone(), Source::Kept);
                        it.new.insert(column, Source::Constant(value));
                    }
                    (_, Some(fill)) => {
                        let only = fill.only.as_deref().unwrap_or_default();
                        let value = strings(only, self.engine).pop();
                        let value = value.ok_or(Underivable::NoListed)?;
                        let replaced = fill.set.get(&column).ok_or(Underivable::NoListed)?;
                        let new = filled(self.engine, fill, &column, replaced);
                        it.old.insert(column.clone(), Source::Constant(value));
                        it.new.insert(column, Source::Expression(new));
                    }
                    _ => return Err(Underivable::NoListed),
                }
            }
            Class::Rule => {
                if let Some(fill) = fill {
                    for (column, value) in &fill.set {
                        let new = filled(self.engine, fill, column, value);
                        it.old.insert(column.clone(), Source::Kept);
                        it.new.insert(column.clone(), Source::Expression(new));
                    }
                    it.breaks = fill
                        .only
                        .as_ref()
                        .map(|only| (fill.set.keys().cloned().collect(), only.clone()));
                }
                // What has one value whatever the shape is plain.
                self.old = it.new.keys().cloned().collect();
            }
            Class::Merged => {
                // What the other table calls them means nothing here.
                self.old.clear();
                it.old = kept(self.new);
                it.new = kept(self.new);
            }
            Class::TableDropped | Class::Unseen => self.old.clear(),
        }
        for column in it.new.keys() {
            let known = self.column(column).map(|it| it.type_sql.clone());
            let type_sql = known.or_else(|| self.made.get(column).cloned());
            let type_sql = type_sql.ok_or_else(|| Underivable::NotMade {
                column: column.clone(),
            })?;
            it.types.insert(column.clone(), type_sql);
        }
        Ok(())
    }

    fn column(&self, column: &str) -> Option<&Column> {
        self.table.columns.iter().find(|it| it.name == column)
    }

    fn version(&self, code: CodeStep) -> Version {
        let stance = code.stance.at(None);
        let mut version = Version {
            name: code.name,
            position: code.position,
            insert: None,
            update: None,
            delete: None,
            read: None,
            never: Vec::new(),
        };
        let (writes, reads) = match stance {
            Stance::Replicated { reads, writes } => (writes, reads),
            Stance::Tagged { accepts, emits } => {
                if let (Some(listed), false) = (&self.listed, accepts.has(Shape::New)) {
                    version.never.extend(self.not_understood(listed));
                }
                self.fill_in(&mut version, self.tagged(emits), self.tagged(accepts), &[]);
                return version;
            }
        };
        if let (Class::Merged, Some(other)) = (&self.class, self.other) {
            self.merged(&mut version, other, writes, reads);
            return version;
        }
        let whole = matches!(self.class, Class::TableDropped);
        let written = match self.class {
            Class::TableDropped if !writes.has(Shape::Old) => None,
            Class::TableDropped | Class::Unseen => Some(self.plain()),
            _ => Some(self.shaped(writes)),
        };
        let required = match (&self.class, reads) {
            (Class::Added { required: true }, Reads::New) => self.new,
            _ => &[],
        };
        let read = match (reads, whole) {
            (Reads::Old, true) => Some(self.plain()),
            (_, true) => None,
            (Reads::Old, false) => Some(self.shaped(Shapes::OLD)),
            (Reads::New | Reads::NewElseOld, false) => Some(self.shaped(Shapes::NEW)),
            (Reads::Nothing, false) => None,
        };
        for column in required {
            version.never.push(Never {
                what: format!("rows of {} without {column}", self.table.alias),
                sql: format!(
                    "SELECT count(*) FROM {} WHERE {} IS NULL",
                    self.table.sql,
                    name(self.engine, column)
                ),
            });
        }
        self.fill_in(
            &mut version,
            written.unwrap_or_default(),
            read.unwrap_or_default(),
            required,
        );
        if reads == Reads::NewElseOld {
            self.else_old(&mut version);
        }
        version
    }

    fn not_understood(&self, listed: &str) -> Option<Never> {
        let column = self.old.first()?;
        let c = name(self.engine, column);
        let value = crate::postgres::text(listed);
        Some(Never {
            what: format!("rows of {} with {value} in {column}", self.table.alias),
            sql: format!(
                "SELECT count(*) FROM {} WHERE {} = {value}",
                self.table.sql,
                self.as_text(&c)
            ),
        })
    }

    /// Every column of the table that a statement may write.
    fn plain(&self) -> Vec<Bind> {
        let columns = self.table.columns.iter().filter(|it| it.written);
        columns
            .map(|it| Bind {
                column: it.name.clone(),
                value: Value::Plain,
            })
            .collect()
    }

    /// The columns that the change has nothing to do with, and those of some shapes.
    fn shaped(&self, shapes: Shapes) -> Vec<Bind> {
        let mut all = self.plain();
        all.retain(|it| !self.old.contains(&it.column));
        for (shape, columns) in [(Shape::Old, self.old.as_slice()), (Shape::New, self.new)] {
            if shapes.has(shape) {
                all.extend(columns.iter().map(|column| Bind {
                    column: column.clone(),
                    value: Value::Of(shape),
                }));
            }
        }
        all
    }

    /// All columns; those of the surface have a value of one of some shapes.
    fn tagged(&self, shapes: Shapes) -> Vec<Bind> {
        let mut all = self.plain();
        for it in &mut all {
            if self.old.contains(&it.column) {
                it.value = Value::OneOf(shapes);
            }
        }
        all
    }

    fn fill_in(
        &self,
        version: &mut Version,
        written: Vec<Bind>,
        read: Vec<Bind>,
        required: &[String],
    ) {
        let key = self.key();
        if !written.is_empty() {
            version.insert = Some(self.insert(&written));
        }
        let Some(key) = key else { return };
        if !written.is_empty() {
            let set: Vec<Bind> = written
                .iter()
                .filter(|it| !self.table.key.contains(&it.column))
                .cloned()
                .collect();
            if !set.is_empty() {
                version.update = Some(self.update(set, &key));
            }
            version.delete = Some(self.delete(&key));
        }
        if !read.is_empty() {
            version.read = Some(self.read(read, key, required));
        }
    }

    /// Reads the new shape where there is one, else the old one.
    fn else_old(&self, version: &mut Version) {
        let Some(read) = &mut version.read else {
            return;
        };
        for (old, new) in self.old.iter().zip(self.new) {
            let new = name(self.engine, new);
            let both = format!("coalesce({new}, {})", name(self.engine, old));
            let (alone, both) = (self.as_text(&new), self.as_text(&both));
            read.sql = read.sql.replacen(&alone, &both, 1);
        }
    }

    /// What rows are found by; none where they cannot be told apart.
    fn key(&self) -> Option<Vec<Bind>> {
        let key = &self.table.key;
        let plain = key.iter().all(|it| !self.old.contains(it));
        (!key.is_empty() && plain).then(|| {
            key.iter()
                .map(|column| Bind {
                    column: column.clone(),
                    value: Value::Plain,
                })
                .collect()
        })
    }

    fn insert(&self, written: &[Bind]) -> Statement {
        let columns: Vec<String> = written
            .iter()
            .map(|it| name(self.engine, &it.column))
            .collect();
        let values: Vec<String> = (0..)
            .zip(written)
            .map(|(at, it)| self.parameter(at, &it.column))
            .collect();
        // Rows bring their own numbers, also where the table would count them.
        let own = match self.engine {
            Engine::Postgres => " OVERRIDING SYSTEM VALUE",
            Engine::Sqlite | Engine::Mysql => "",
        };
        Statement {
            sql: format!(
                "INSERT INTO {} ({}){own} VALUES ({})",
                self.table.sql,
                columns.join(", "),
                values.join(", ")
            ),
            binds: written.to_vec(),
            with: None,
        }
    }

    fn update(&self, set: Vec<Bind>, key: &[Bind]) -> Statement {
        let assignments: Vec<String> = (0..)
            .zip(&set)
            .map(|(at, it)| {
                let column = name(self.engine, &it.column);
                format!("{column} = {}", self.parameter(at, &it.column))
            })
            .collect();
        let found = self.found(key, set.len());
        Statement {
            sql: format!(
                "UPDATE {} SET {} WHERE {found}",
                self.table.sql,
                assignments.join(", ")
            ),
            binds: set.into_iter().chain(key.iter().cloned()).collect(),
            with: None,
        }
    }

    fn delete(&self, key: &[Bind]) -> Statement {
        Statement {
            sql: format!(
                "DELETE FROM {} WHERE {}",
                self.table.sql,
                self.found(key, 0)
            ),
            binds: key.to_vec(),
            with: None,
        }
    }

    /// Reads columns of one row, each as text; the version relies on there being those `required`.
    fn read(&self, columns: Vec<Bind>, key: Vec<Bind>, required: &[String]) -> Read {
        let list: Vec<String> = columns
            .iter()
            .map(|it| self.as_text(&name(self.engine, &it.column)))
            .collect();
        Read {
            sql: format!(
                "SELECT {} FROM {} WHERE {}",
                list.join(", "),
                self.table.sql,
                self.found(&key, 0)
            ),
            binds: key,
            columns: columns
                .into_iter()
                .map(|it| Seen {
                    required: required.contains(&it.column),
                    column: it.column,
                    value: it.value,
                })
                .collect(),
        }
    }

    fn found(&self, key: &[Bind], from: usize) -> String {
        let parts: Vec<String> = (from..)
            .zip(key)
            .map(|(at, it)| {
                let column = name(self.engine, &it.column);
                format!("{column} = {}", self.parameter(at, &it.column))
            })
            .collect();
        parts.join(" AND ")
    }

    /// A parameter that comes as text and is what its column is.
    fn parameter(&self, at: usize, column: &str) -> String {
        let number = at + 1;
        let type_sql = self
            .column(column)
            .map(|it| it.type_sql.as_str())
            .or_else(|| self.made.get(column).map(String::as_str));
        match (self.engine, type_sql) {
            (Engine::Postgres, Some(type_sql)) => format!("${number}::text::{type_sql}"),
            (Engine::Postgres, None) => format!("${number}::text"),
            (Engine::Sqlite | Engine::Mysql, _) => format!("?{number}"),
        }
    }

    fn as_text(&self, expression: &str) -> String {
        match self.engine {
            Engine::Postgres => format!("({expression})::text"),
            Engine::Sqlite | Engine::Mysql => format!("CAST({expression} AS TEXT)"),
        }
    }
}
