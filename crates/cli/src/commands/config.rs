//! `switchback config`: the settings as they are in effect, and where each comes from.

use clap::{Args, Subcommand};
use serde::Serialize;
use serde_json::Value;
use switchback_diag::{Exit, Severity};
use switchback_migration::Engine;
use switchback_model::Duration;

use crate::context::Context;
use crate::errors::Failure;
use crate::output::View;
use crate::page::{Cell, Page, Role};
use crate::settings::source::join;
use crate::settings::types::{Database, Environment, LedgerStore};
use crate::shell::Shell;
use crate::variables;

/// Look at the settings
#[derive(Debug, Subcommand)]
pub(crate) enum Config {
    /// Show every setting that is in effect
    Show(Show),
}

/// Show every setting that is in effect
#[derive(Debug, Args)]
pub(crate) struct Show {
    /// Say where each value comes from
    #[arg(long)]
    origin: bool,
}

#[derive(Serialize)]
struct Shown {
    /// The settings file.
    file: String,
    settings: Vec<Row>,
    #[serde(skip)]
    with_origin: bool,
}

#[derive(Serialize)]
struct Row {
    key: String,
    /// Null for a secret.
    value: Option<String>,
    origin: Origin,
}

/// Where a value comes from.
#[derive(Serialize)]
#[serde(tag = "from", rename_all = "kebab-case")]
enum Origin {
    /// The settings file.
    File { file: String, line: u32 },
    /// Nothing was said.
    Default,
    /// Another setting.
    Setting { key: String },
    /// An environment variable; whether it is set.
    Variable { name: String, set: bool },
}

impl Config {
    /// Shows the settings.
    pub(crate) fn run(self, shell: &Shell) -> Result<Exit, Failure> {
        let Config::Show(Show { origin }) = self;
        let context = Context::load(shell)?;
        let rows = Rows {
            context: &context,
            rows: Vec::new(),
        };
        shell.out.data(&Shown {
            file: context.loaded.source.path.display().to_string(),
            settings: rows.all(),
            with_origin: origin,
        });
        Ok(Exit::Ok)
    }
}

struct Rows<'a> {
    context: &'a Context<'a>,
    rows: Vec<Row>,
}

impl Rows<'_> {
    fn all(mut self) -> Vec<Row> {
        let settings = self.context.settings();
        self.add("schema", crate::settings::SCHEMA.to_string());
        self.add("project.name", settings.project.name.to_string());
        self.add("ledger.store", settings.ledger.store.text());
        if settings.ledger.store == LedgerStore::Postgresql {
            self.secret("ledger.url", variables::LEDGER_URL);
        }
        if let Some(verifier) = &settings.ledger.verifier {
            self.add("ledger.verifier", verifier.clone());
        }
        self.add("rollback.window", settings.rollback.window.0.to_string());
        self.add(
            "changes.folder",
            settings.changes.folder.display().to_string(),
        );
        self.add("changes.keep", settings.changes.keep().to_string());
        self.add(
            "backfills.folder",
            settings.backfills.folder.display().to_string(),
        );
        if let Some(keep) = settings.backfills.keep {
            self.add("backfills.keep", keep.to_string());
        }
        self.checks();
        self.whole("version", "version", &settings.version);
        self.whole("changelog", "changelog", &settings.changelog);
        self.whole("notes", "notes", &settings.notes);
        self.whole("contracts", "contracts", &settings.contracts);
        self.whole("platform", "platform", &settings.platform);
        for (at, component) in settings.components.iter().enumerate() {
            let named = |key: &str| format!("component.{}.{key}", component.name);
            let placed = |key: &str| format!("component[{at}].{key}");
            self.add_as(
                named("path"),
                &placed("path"),
                component.path.display().to_string(),
            );
            self.whole(&named("tags"), &placed("tags"), &component.tags);
            let key = "version-files";
            self.whole(&named(key), &placed(key), &component.version_files);
        }
        for (at, environment) in settings.environments.iter().enumerate() {
            self.environment(at, environment);
        }
        self.rows
    }

    /// What `check` is told of migrations and rules. What is not said is left out: then a flag or
    /// the folder itself says it.
    fn checks(&mut self) {
        let settings = self.context.settings();
        let (migrations, check) = (&settings.migrations, &settings.check);
        if let Some(version) = migrations.postgres_version {
            self.add("migrations.postgres-version", version.to_string());
        }
        if let Some(version) = &migrations.applied_until {
            self.add("migrations.applied-until", version.clone());
        }
        for (at, folder) in migrations.folders.iter().enumerate() {
            let path = folder.path.display().to_string();
            let tool = folder.tool.map(|tool| tool.0.word().to_owned());
            let engine = folder
                .engine
                .map(|engine| Engine::from(engine).word().to_owned());
            for (key, value) in [
                ("path", Some(path)),
                ("tool", tool),
                ("engine", engine),
                ("applied-until", folder.applied_until.clone()),
            ] {
                if let Some(value) = value {
                    self.add(&format!("migrations.folder[{at}].{key}"), value);
                }
            }
        }
        for (name, level) in &check.levels {
            let level = level.severity().map_or("off", Severity::word);
            self.add(&format!("check.levels.{name}"), level.to_owned());
        }
        if let Some(fail_on) = check.fail_on {
            self.add("check.fail-on", fail_on.word().to_owned());
        }
        for (at, pattern) in check.exclude.iter().enumerate() {
            self.add(&format!("check.exclude[{at}]"), pattern.clone());
        }
    }

    fn environment(&mut self, at: usize, environment: &Environment) {
        let named = |key: &str| format!("environment.{}.{key}", environment.name);
        let placed = |key: &str| format!("environment[{at}].{key}");
        let window = self.context.settings().window(environment).to_string();
        match environment.rollback_window {
            Some(_) => self.add_as(named("rollback-window"), &placed("rollback-window"), window),
            None => self.rows.push(Row {
                key: named("rollback-window"),
                value: Some(window),
                origin: Origin::Setting {
                    key: "rollback.window".to_owned(),
                },
            }),
        }
        if let Some(unseen) = environment.unseen_uses {
            self.add_as(
                named("unseen-uses"),
                &placed("unseen-uses"),
                unseen.word().to_owned(),
            );
        }
        match &environment.database {
            None => {}
            Some(Database::Sqlite { path }) => {
                let engine = "sqlite".to_owned();
                self.add_as(named("database.engine"), &placed("database.engine"), engine);
                let path = path.display().to_string();
                self.add_as(named("database.path"), &placed("database.path"), path);
            }
            Some(Database::Postgres {
                url_env,
                lock_timeout,
                statement_timeout,
                lock_retries,
                give_way_after,
            }) => {
                let engine = "postgres".to_owned();
                self.add_as(named("database.engine"), &placed("database.engine"), engine);
                if let Some(variable) = url_env {
                    let key = "database.url-env";
                    self.add_as(named(key), &placed(key), variable.clone());
                }
                self.secret(&named("database.url"), &environment.database_variable());
                let length = |it: &Option<Duration>| it.map(|it| it.to_string());
                for (key, value) in [
                    ("database.lock-timeout", length(lock_timeout)),
                    ("database.statement-timeout", length(statement_timeout)),
                    (
                        "database.lock-retries",
                        lock_retries.map(|it| it.to_string()),
                    ),
                    ("database.give-way-after", length(give_way_after)),
                ] {
                    if let Some(value) = value {
                        self.add_as(named(key), &placed(key), value);
                    }
                }
            }
        }
        if let Some(values) = &environment.values {
            for (key, value) in [
                ("values.repository", values.repository.display().to_string()),
                ("values.branch", values.branch.clone()),
                ("values.file", values.file.clone()),
                ("values.key", values.key.clone()),
            ] {
                self.add_as(named(key), &placed(key), value);
            }
        }
    }

    /// Every value below a key, as deep as it is, whose key in the file is `placed`. What is not said
    /// and has no default is left out.
    fn whole(&mut self, key: &str, placed: &str, value: &impl Serialize) {
        // Nothing in settings cannot be written as JSON.
        let value = serde_json::to_value(value).unwrap_or_default();
        self.each(key, placed, &value);
    }

    fn each(&mut self, key: &str, placed: &str, value: &Value) {
        match value {
            Value::Null => {}
            Value::Object(members) => {
                for (name, value) in members {
                    self.each(&join(key, name), &join(placed, name), value);
                }
            }
            Value::Array(items) => {
                for (at, value) in items.iter().enumerate() {
                    self.each(&format!("{key}[{at}]"), &format!("{placed}[{at}]"), value);
                }
            }
            Value::String(text) => self.add_as(key.to_owned(), placed, text.clone()),
            other => self.add_as(key.to_owned(), placed, other.to_string()),
        }
    }

    fn add(&mut self, key: &str, value: String) {
        self.add_as(key.to_owned(), key, value);
    }

    /// A value whose key in the file is `placed`.
    fn add_as(&mut self, key: String, placed: &str, value: String) {
        let source = &self.context.loaded.source;
        let origin = match source.line(placed) {
            Some(line) => Origin::File {
                file: source.shown.clone(),
                line,
            },
            None => Origin::Default,
        };
        self.rows.push(Row {
            key,
            value: Some(value),
            origin,
        });
    }

    fn secret(&mut self, key: &str, variable: &str) {
        let set = self.context.shell.variables.get(variable).is_some();
        let origin = Origin::Variable {
            name: variable.to_owned(),
            set,
        };
        self.rows.push(Row {
            key: key.to_owned(),
            value: None,
            origin,
        });
    }
}

impl View for Shown {
    const SCHEMA: &'static str = "switchback.settings-shown/v1";

    fn human(&self, page: &mut Page) {
        let rows = self.settings.iter().map(|row| {
            let value = match &row.value {
                Some(value) => Cell::new(Role::Plain, value),
                None => Cell::new(Role::Faint, "(secret)"),
            };
            let mut cells = vec![Cell::new(Role::Strong, &row.key), value];
            if self.with_origin {
                cells.push(Cell::new(Role::Faint, row.origin.words()));
            }
            cells
        });
        page.table(0, &[], &rows.collect::<Vec<_>>());
    }
}

impl Origin {
    fn words(&self) -> String {
        match self {
            Origin::File { file, line } => format!("{file}:{line}"),
            Origin::Default => "default".to_owned(),
            Origin::Setting { key } => format!("from {key}"),
            Origin::Variable { name, set: true } => format!("variable {name}"),
            Origin::Variable { name, set: false } => format!("variable {name}, which is not set"),
        }
    }
}
