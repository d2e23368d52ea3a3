//! The settings as types. Doc comments are the texts of the JSON schema.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fmt;
use std::path::{Path, PathBuf};

use clap::ValueEnum;
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Serialize};
use switchback_diag::Severity;
use switchback_migration::Engine;
use switchback_migration::history::{Candidate, Tool};
use switchback_model::{ComponentName, Duration, EnvironmentName};
use switchback_version::Policy;
use switchback_version::tag::TagPattern;

use super::versions::{Changelog, Contracts, Notes, Platform};
use crate::variables;

/// The settings of a repository.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
#[schemars(title = "switchback.toml", extend("$id" = "switchback.settings/v1"))]
pub(crate) struct Settings {
    /// The version of this file's form: 1.
    #[schemars(range(min = 1, max = 1))]
    pub(crate) schema: u32,
    /// The project as a whole.
    pub(crate) project: Project,
    /// The tamper-evident log of every decision and effect.
    #[serde(default)]
    pub(crate) ledger: Ledger,
    /// Going back to an earlier version.
    #[serde(default)]
    pub(crate) rollback: Rollback,
    /// Changes of what old and new code share.
    #[serde(default)]
    pub(crate) changes: Changes,
    /// Rows that get something while applications work.
    #[serde(default)]
    pub(crate) backfills: Backfills,
    /// Folders of migrations, as other tools keep them.
    #[serde(default)]
    pub(crate) migrations: Migrations,
    /// What `switchback check` looks for.
    #[serde(default)]
    pub(crate) check: Check,
    /// What commits mean for the next version.
    #[serde(default)]
    pub(crate) version: Policy,
    /// What users are told of changes.
    #[serde(default)]
    pub(crate) changelog: Changelog,
    /// How texts about releases are made.
    #[serde(default)]
    pub(crate) notes: Notes,
    /// Contracts that others rely on: what changes in them raises the next version.
    #[serde(default)]
    pub(crate) contracts: Contracts,
    /// A version for components together: a manifest of their releases and the digests of these.
    pub(crate) platform: Option<Platform>,
    /// The parts that are versioned and deployed on their own.
    #[serde(default, rename = "component")]
    pub(crate) components: Vec<Component>,
    /// The places where versions run, in the order of promotion.
    #[serde(default, rename = "environment")]
    pub(crate) environments: Vec<Environment>,
}

/// The project as a whole.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(crate) struct Project {
    /// Its name, which is also the name of the ledger's key.
    #[schemars(with = "Name")]
    pub(crate) name: ProjectName,
}

/// The tamper-evident log of every decision and effect.
#[derive(Debug, Clone, PartialEq, Eq, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(crate) struct Ledger {
    /// The path of a SQLite file, or `postgresql` with the URL in SWITCHBACK_LEDGER_URL.
    #[serde(default)]
    #[schemars(with = "String", extend("default" = ".switchback/ledger.db"))]
    pub(crate) store: LedgerStore,
    /// The public key that the ledger's checkpoints are verified with, as a C2SP verifier key.
    pub(crate) verifier: Option<String>,
}

/// Where the ledger is kept.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(from = "String")]
pub(crate) enum LedgerStore {
    /// A SQLite file.
    Sqlite(PathBuf),
    /// A PostgreSQL server; its URL comes from the environment.
    Postgresql,
}

/// Going back to an earlier version.
#[derive(Debug, Clone, PartialEq, Eq, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(crate) struct Rollback {
    /// How long a replaced version stays a rollback target: a whole number and s, m, h or d.
    #[serde(default)]
    #[schemars(with = "Length", extend("default" = "24h"))]
    pub(crate) window: Window,
}

/// A rollback window; a day if nothing else is said.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(transparent)]
pub(crate) struct Window(pub(crate) Duration);

/// Changes of what old and new code share.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case", default)]
pub(crate) struct Changes {
    /// The folder with one folder for each change.
    pub(crate) folder: PathBuf,
    /// For how long what a contract keeps aside should be kept at least.
    #[schemars(with = "Option<Length>")]
    pub(crate) keep: Option<Duration>,
}

/// 30 days.
const KEEP: Duration = Duration::from_millis(30 * 24 * 60 * 60 * 1000);

impl Changes {
    /// For how long what a contract keeps aside should be kept at least.
    pub(crate) fn keep(&self) -> Duration {
        self.keep.unwrap_or(KEEP)
    }
}

/// Rows that get something while applications work.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case", default)]
pub(crate) struct Backfills {
    /// The folder with one file for each backfill.
    pub(crate) folder: PathBuf,
    /// For how long what is kept to undo a backfill is kept after its end at least; never for less
    /// than the rollback window.
    #[schemars(with = "Option<Length>")]
    pub(crate) keep: Option<Duration>,
}

/// Folders of migrations, as other tools keep them.
#[derive(Debug, Clone, PartialEq, Eq, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case", default)]
pub(crate) struct Migrations {
    /// The oldest major version of PostgreSQL that migrations run on: 14 if nothing is said.
    #[schemars(range(min = 12, max = 99))]
    pub(crate) postgres_version: Option<u32>,
    /// The last version that is applied everywhere: it and those before it are not judged.
    pub(crate) applied_until: Option<String>,
    /// Folders that are not found by themselves, or that are not what they seem to be.
    #[serde(rename = "folder")]
    pub(crate) folders: Vec<MigrationsFolder>,
}

/// A folder of migrations, and what is known of it.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(crate) struct MigrationsFolder {
    /// The folder.
    pub(crate) path: PathBuf,
    /// The tool that applies them, such as `sqlx`.
    #[schemars(with = "Option<ToolWord>")]
    pub(crate) tool: Option<ToolName>,
    /// The engine that they are written for.
    pub(crate) engine: Option<EngineName>,
    /// The last version that is applied everywhere, instead of `migrations.applied-until`.
    pub(crate) applied_until: Option<String>,
}

/// An engine, by its word.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema, ValueEnum)]
#[serde(rename_all = "kebab-case")]
#[schemars(inline)]
pub(crate) enum EngineName {
    /// PostgreSQL.
    Postgres,
    /// SQLite.
    Sqlite,
    /// MySQL or MariaDB.
    Mysql,
}

/// A migration tool, by its word.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub(crate) struct ToolName(pub(crate) Tool);

/// A tool in the JSON schema.
struct ToolWord;

impl JsonSchema for ToolWord {
    fn schema_name() -> Cow<'static, str> {
        "ToolWord".into()
    }

    fn inline_schema() -> bool {
        true
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": "string", "enum": Tool::ALL.map(Tool::word) })
    }
}

/// What `switchback check` looks for.
#[derive(Debug, Clone, PartialEq, Eq, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case", default)]
pub(crate) struct Check {
    /// How much rules matter, by code or name: `off`, `note`, `warning` or `error`.
    pub(crate) levels: BTreeMap<String, Level>,
    /// From which level on findings end a run as failed: `error`, `warning` or `note`.
    #[schemars(extend("default" = "error"))]
    pub(crate) fail_on: Option<FailOn>,
    /// Files and folders that are passed over, as in a `.gitignore`.
    pub(crate) exclude: Vec<String>,
}

/// How much a rule matters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema, ValueEnum)]
#[serde(rename_all = "kebab-case")]
#[schemars(inline)]
pub(crate) enum Level {
    /// Not at all.
    Off,
    /// Worth knowing.
    Note,
    /// Somebody should look.
    Warning,
    /// It must not be.
    Error,
}

/// From which level on findings end a run as failed.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default, Deserialize, JsonSchema, ValueEnum,
)]
#[serde(rename_all = "kebab-case")]
#[schemars(inline)]
pub(crate) enum FailOn {
    /// Any finding.
    Note,
    /// Warnings and errors.
    Warning,
    /// Errors.
    #[default]
    Error,
}

/// A part that is versioned and deployed on its own.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(crate) struct Component {
    /// Its name.
    #[schemars(with = "Name")]
    pub(crate) name: ComponentName,
    /// Its folder in this repository.
    #[serde(default = "here")]
    pub(crate) path: PathBuf,
    /// How its release tags are called, with `{version}` where the version stands: `v{version}` or
    /// `{version}` if it is the only component, else its name before the first, as in
    /// `api-v{version}`.
    #[schemars(with = "Option<String>")]
    pub(crate) tags: Option<TagPattern>,
    /// The files that say its version; those with a known name in its folder if nothing is said.
    pub(crate) version_files: Option<Vec<VersionFile>>,
}

/// A file that says the version of its component.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(untagged)]
#[schemars(inline)]
pub(crate) enum VersionFile {
    /// Its path from the component's folder.
    Path(PathBuf),
    /// The same, and how it is read.
    Said(SaidVersionFile),
}

/// A file that says the version of its component, and how it is read.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
#[schemars(inline)]
pub(crate) struct SaidVersionFile {
    /// Its path from the component's folder.
    pub(crate) path: PathBuf,
    /// Its form; known by its name if nothing is said, else lines with `x-switchback-version`.
    pub(crate) kind: Option<switchback_version::version_file::Kind>,
    /// Whether `appVersion` of a chart is the version, too.
    #[serde(default)]
    pub(crate) app_version: bool,
}

/// A place where versions run.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(crate) struct Environment {
    /// Its name.
    #[schemars(with = "Name")]
    pub(crate) name: EnvironmentName,
    /// How long a replaced version stays a rollback target here, instead of `rollback.window`.
    #[schemars(with = "Option<Length>")]
    pub(crate) rollback_window: Option<Duration>,
    /// Whether a contract here is refused while not everything that may use the old shape can be
    /// seen: on PostgreSQL it is unless something else is said, on SQLite not.
    pub(crate) unseen_uses: Option<UnseenUses>,
    /// The database that the versions here share.
    pub(crate) database: Option<Database>,
    /// Where the versions that run here are written down.
    pub(crate) values: Option<Values>,
}

/// What a contract does where not everything that may use the old shape can be seen.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum UnseenUses {
    /// It is refused, unless somebody goes ahead with a reason.
    Refuse,
    /// It says so and goes ahead.
    Allow,
}

impl UnseenUses {
    /// The word for settings.
    pub(crate) const fn word(self) -> &'static str {
        match self {
            UnseenUses::Refuse => "refuse",
            UnseenUses::Allow => "allow",
        }
    }
}

/// The database of an environment.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(tag = "engine", rename_all = "kebab-case", deny_unknown_fields)]
pub(crate) enum Database {
    /// A SQLite file.
    Sqlite {
        /// The path of the file.
        path: PathBuf,
    },
    /// A PostgreSQL database. Its URL may hold a password, and comes from the environment.
    #[serde(rename_all = "kebab-case")]
    Postgres {
        /// The environment variable that holds the URL; SWITCHBACK_DATABASE_URL_ and the
        /// environment's name in capitals if nothing is said.
        url_env: Option<String>,
        /// How long a statement waits for a lock before it gives way and tries again.
        #[schemars(with = "Option<Length>")]
        lock_timeout: Option<Duration>,
        /// How long one statement may run, unless it keeps no reader or writer waiting.
        #[schemars(with = "Option<Length>")]
        statement_timeout: Option<Duration>,
        /// How often a statement that did not get its locks, or gave way, is tried again.
        lock_retries: Option<u32>,
        /// How long a query of an application may wait for a statement of ours until that gives
        /// way.
        #[schemars(with = "Option<Length>")]
        give_way_after: Option<Duration>,
    },
}

/// A YAML file in a git repository that says which versions run in an environment.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(crate) struct Values {
    /// The path of the repository.
    pub(crate) repository: PathBuf,
    /// The branch that is deployed from.
    #[serde(default = "main_branch")]
    pub(crate) branch: String,
    /// The path of the file inside the repository.
    pub(crate) file: String,
    /// The keys that lead to the version, separated by dots; `{component}` stands for the
    /// component's name.
    #[serde(default = "default_key")]
    pub(crate) key: String,
}

/// The project's name: the same characters as every other name.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub(crate) struct ProjectName(String);

/// A name in the JSON schema.
#[derive(JsonSchema)]
#[schemars(inline)]
#[expect(dead_code, reason = "only its schema is used")]
pub(crate) struct Name(
    #[schemars(length(max = 64), regex(pattern = r"^[a-z0-9][a-z0-9._-]*$"))] String,
);

/// A length of time in the JSON schema.
#[derive(JsonSchema)]
#[schemars(inline)]
#[expect(dead_code, reason = "only its schema is used")]
pub(crate) struct Length(#[schemars(regex(pattern = r"^[0-9]+(ms|s|m|h|d)$"))] String);

/// The placeholder for the component's name in `values.key`.
pub(crate) const COMPONENT: &str = "{component}";

impl Settings {
    /// The rollback window of an environment.
    pub(crate) fn window(&self, environment: &Environment) -> Duration {
        environment
            .rollback_window
            .unwrap_or(self.rollback.window.0)
    }
}

impl Environment {
    /// The variable that holds the URL of its database, if that is PostgreSQL.
    pub(crate) fn database_variable(&self) -> String {
        match &self.database {
            Some(Database::Postgres {
                url_env: Some(name),
                ..
            }) => name.clone(),
            _ => variables::database_url(&self.name),
        }
    }
}

impl Values {
    /// The keys that lead to a component's version, outermost first. A dot in the component's
    /// name separates nothing.
    pub(crate) fn keys(&self, component: &ComponentName) -> Vec<String> {
        self.key
            .split('.')
            .map(|key| key.replace(COMPONENT, component.as_str()))
            .collect()
    }
}

impl LedgerStore {
    /// The text that stands in the settings.
    pub(crate) fn text(&self) -> String {
        match self {
            LedgerStore::Sqlite(path) => path.display().to_string(),
            LedgerStore::Postgresql => POSTGRESQL.to_owned(),
        }
    }
}

const POSTGRESQL: &str = "postgresql";

impl From<String> for LedgerStore {
    fn from(text: String) -> Self {
        if text == POSTGRESQL {
            LedgerStore::Postgresql
        } else {
            LedgerStore::Sqlite(text.into())
        }
    }
}

impl MigrationsFolder {
    /// Puts what is set in the place of what the folder seems to be.
    pub(crate) fn apply(&self, candidate: &mut Candidate) {
        if let Some(tool) = self.tool {
            candidate.tools = vec![tool.0];
        }
        if let Some(engine) = self.engine {
            candidate.engine = Some(engine.into());
            candidate.other_engine = None;
        }
    }
}

impl From<EngineName> for Engine {
    fn from(name: EngineName) -> Self {
        match name {
            EngineName::Postgres => Engine::Postgres,
            EngineName::Sqlite => Engine::Sqlite,
            EngineName::Mysql => Engine::Mysql,
        }
    }
}

impl TryFrom<String> for ToolName {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        let found = Tool::ALL.into_iter().find(|tool| tool.word() == text);
        found.map(Self).ok_or_else(|| {
            let known = Tool::ALL.map(|tool| format!("`{}`", tool.word()));
            format!("`{text}` is not a tool; known are {}", known.join(", "))
        })
    }
}

impl Level {
    /// The severity; none if the rule is switched off.
    pub(crate) fn severity(self) -> Option<Severity> {
        match self {
            Level::Off => None,
            Level::Note => Some(Severity::Note),
            Level::Warning => Some(Severity::Warning),
            Level::Error => Some(Severity::Error),
        }
    }
}

impl FailOn {
    /// The word that is written: `error`.
    pub(crate) const fn word(self) -> &'static str {
        match self {
            FailOn::Note => "note",
            FailOn::Warning => "warning",
            FailOn::Error => "error",
        }
    }

    /// Whether a finding of this severity ends a run as failed.
    pub(crate) fn fails(self, severity: Severity) -> bool {
        severity
            >= match self {
                FailOn::Note => Severity::Note,
                FailOn::Warning => Severity::Warning,
                FailOn::Error => Severity::Error,
            }
    }
}

impl Default for LedgerStore {
    fn default() -> Self {
        LedgerStore::Sqlite(Path::new(".switchback").join("ledger.db"))
    }
}

impl Default for Window {
    fn default() -> Self {
        Window(Duration::from_millis(24 * 60 * 60 * 1000))
    }
}

impl Default for Changes {
    fn default() -> Self {
        Changes {
            folder: PathBuf::from("changes"),
            keep: None,
        }
    }
}

impl Default for Backfills {
    fn default() -> Self {
        Backfills {
            folder: PathBuf::from("backfills"),
            keep: None,
        }
    }
}

fn here() -> PathBuf {
    PathBuf::from(".")
}

fn main_branch() -> String {
    "main".to_owned()
}

fn default_key() -> String {
    format!("{COMPONENT}.version")
}

impl TryFrom<String> for ProjectName {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        // The rule is that of every name; only the noun in its error would be another one.
        match ComponentName::new(text) {
            Ok(name) => Ok(Self(name.into())),
            Err(error) => Err(error.to_string().replace("component name", "project name")),
        }
    }
}

impl fmt::Display for ProjectName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_dot_in_a_component_name_separates_nothing() {
        let values = Values {
            repository: here(),
            branch: main_branch(),
            file: "values.yaml".to_owned(),
            key: "apps.{component}.image.tag".to_owned(),
        };
        let component = ComponentName::new("api.v2").unwrap();
        assert_eq!(values.keys(&component), ["apps", "api.v2", "image", "tag"]);
    }
}
