//! The scene: a shop with a git history, two environments with their databases, and a GitOps
//! repository that says which version runs where.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use rusqlite::Connection;

use super::Trouble;
use super::typed::scrub;

/// The environments, in the order of promotion.
pub(super) const ENVIRONMENTS: [&str; 2] = ["staging", "production"];

/// How long a replaced version stays a rollback target in the demo, in seconds. A real shop says a
/// day; here somebody is watching.
pub(super) const WINDOW: u64 = 8;

/// The column that a statement of the application uses.
#[derive(Clone, Copy)]
pub(super) struct Uses {
    pub(super) reads: &'static str,
    pub(super) writes: &'static str,
}

/// The folder of the demo.
pub(super) struct Scene {
    pub(super) folder: PathBuf,
}

impl Scene {
    /// Builds everything that is there before Switchback.
    pub(super) fn build(folder: &Path, customers: u32) -> Result<Self, Trouble> {
        let scene = Self {
            folder: folder.to_owned(),
        };
        for name in ["shop/app", "gitops", "releases"] {
            fs::create_dir_all(folder.join(name)).map_err(Trouble::scene("a folder"))?;
        }
        scene.git("shop", &["init", "--quiet", "--initial-branch=main"])?;
        scene.write("shop/README.md", "# shop\n\nSells things to customers.\n")?;
        scene.commit("shop", "docs: say what this is")?;
        scene.write("shop/app/schema.sql", SCHEMA)?;
        scene.commit("shop", "feat: keep customers")?;
        scene.statements(Uses {
            reads: "email_addr",
            writes: "email_addr",
        })?;
        scene.write("shop/.gitignore", "*.db*\n")?;
        scene.commit("shop", "feat: read and write customers")?;
        scene.tag("1.0.0")?;

        scene.git("gitops", &["init", "--quiet", "--initial-branch=main"])?;
        for name in ENVIRONMENTS {
            let values = format!(
                "# What runs in {name}. Moved by switchback, one commit a move.\napp:\n  version: \
                 1.0.0\n  replicas: 2\n"
            );
            scene.write(&format!("gitops/envs/{name}/values.yaml"), &values)?;
        }
        scene.commit("gitops", "chore: 1.0.0 runs everywhere")?;
        scene.database("staging", customers.min(5_000))?;
        scene.database("production", customers)?;
        Ok(scene)
    }

    fn database(&self, environment: &str, customers: u32) -> Result<(), Trouble> {
        let path = self.folder.join("shop").join(format!("{environment}.db"));
        let build = || -> rusqlite::Result<()> {
            let mut connection = Connection::open(path)?;
            connection.execute_batch("PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL")?;
            connection.execute_batch(SCHEMA)?;
            let transaction = connection.transaction()?;
            {
                let mut insert = transaction
                    .prepare("INSERT INTO users (name, email_addr, revision) VALUES (?1, ?2, 0)")?;
                for number in 1..=customers {
                    let email = format!("u{number}.r0@example.org");
                    insert.execute((format!("Customer {number}"), email))?;
                }
            }
            transaction.commit()
        };
        build().map_err(Trouble::scene(format!("the database of {environment}")))
    }

    /// Fills in what `switchback init` could only guess: where the values files are, the
    /// component's name, and a short rollback window.
    pub(super) fn finish_settings(&self) -> Result<(), Trouble> {
        let path = self.folder.join("shop/switchback.toml");
        let text = fs::read_to_string(&path).map_err(Trouble::scene("switchback.toml"))?;
        let text = text
            .replace("# values = ", "values = ")
            .replace("window = \"24h\"", &format!("window = \"{WINDOW}s\""))
            .replace(
                "[[component]]\nname = \"shop\"",
                "[[component]]\nname = \"app\"",
            );
        fs::write(&path, text).map_err(Trouble::scene("switchback.toml"))
    }

    /// Writes the application's statements for the columns that it uses.
    pub(super) fn statements(&self, uses: Uses) -> Result<(), Trouble> {
        let Uses { reads, writes } = uses;
        let text = format!(
            "# The statements of this version of the application.\n\
             insert = \"INSERT INTO users (name, {writes}, revision) VALUES (?1, ?2, ?3)\"\n\
             update = \"UPDATE users SET {writes} = ?2, revision = ?3 WHERE id = ?1\"\n\
             select = \"SELECT {reads}, revision FROM users WHERE id = ?1\"\n"
        );
        self.write("shop/app/statements.toml", &text)
    }

    /// Moves the code step of a change, as somebody with an editor does.
    pub(super) fn code_step(&self, change: &str, from: &str, to: &str) -> Result<(), Trouble> {
        let path = self
            .folder
            .join("shop/changes")
            .join(change)
            .join("change.toml");
        let text = fs::read_to_string(&path).map_err(Trouble::scene("change.toml"))?;
        let moved = text.replacen(
            &format!("code = \"{from}\""),
            &format!("code = \"{to}\""),
            1,
        );
        fs::write(&path, moved).map_err(Trouble::scene("change.toml"))
    }

    /// Commits everything in a repository.
    pub(super) fn commit(&self, repository: &str, message: &str) -> Result<(), Trouble> {
        self.git(repository, &["add", "--all"])?;
        self.git(repository, &["commit", "--quiet", "--message", message])
    }

    /// Tags a version, and puts what it is made of where the instances find it.
    pub(super) fn tag(&self, version: &str) -> Result<(), Trouble> {
        self.git("shop", &["tag", &format!("v{version}")])?;
        let from = self.folder.join("shop/app/statements.toml");
        let to = self.folder.join("releases").join(format!("{version}.toml"));
        fs::copy(from, to)
            .map(|_| ())
            .map_err(Trouble::scene("a release"))
    }

    /// The version that the GitOps repository says runs in an environment.
    pub(super) fn wanted_version(&self, environment: &str) -> Result<String, Trouble> {
        let file = format!("main:envs/{environment}/values.yaml");
        let mut command = Command::new("git");
        command
            .args(["show", &file])
            .current_dir(self.folder.join("gitops"));
        scrub(&mut command, &self.folder);
        let output = command.output().map_err(Trouble::scene("git"))?;
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        let line = text
            .lines()
            .find_map(|line| line.trim().strip_prefix("version: "));
        line.map(|version| version.trim().trim_matches('"').to_owned())
            .ok_or_else(|| Trouble::Scene {
                what: file,
                source: "says no version".into(),
            })
    }

    /// How far the fill of the running change is in an environment: rows changed so far.
    pub(super) fn rows_filled(&self, environment: &str) -> u64 {
        let path = self.folder.join("shop").join(format!("{environment}.db"));
        let read = || -> rusqlite::Result<u64> {
            let connection = Connection::open(path)?;
            connection.query_row(
                "SELECT coalesce(sum(rows_changed), 0) FROM _switchback_backfill",
                [],
                |row| row.get::<_, i64>(0).map(i64::unsigned_abs),
            )
        };
        // Before the first batch there is no such table.
        read().unwrap_or(0)
    }

    fn write(&self, path: &str, text: &str) -> Result<(), Trouble> {
        let path = self.folder.join(path);
        if let Some(folder) = path.parent() {
            fs::create_dir_all(folder).map_err(Trouble::scene("a folder"))?;
        }
        fs::write(&path, text).map_err(Trouble::scene(path.display().to_string()))
    }

    fn git(&self, repository: &str, arguments: &[&str]) -> Result<(), Trouble> {
        let mut command = Command::new("git");
        command
            .args(arguments)
            .current_dir(self.folder.join(repository))
            .stdin(Stdio::null());
        scrub(&mut command, &self.folder);
        let output = command
            .output()
            .map_err(Trouble::scene("git is needed for the demo"))?;
        if output.status.success() {
            return Ok(());
        }
        let source = String::from_utf8_lossy(&output.stderr).into_owned().into();
        Err(Trouble::Scene {
            what: format!("git {}", arguments.join(" ")),
            source,
        })
    }
}

/// The shop's schema before the change.
const SCHEMA: &str = "\
CREATE TABLE users (
  id INTEGER PRIMARY KEY,
  name TEXT NOT NULL,
  email_addr TEXT NOT NULL UNIQUE,
  revision INTEGER NOT NULL
);
";
