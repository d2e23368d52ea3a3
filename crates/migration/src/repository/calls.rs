//! Calls of libraries that migrate a database, and references to the functions that such calls
//! stand in.

use std::collections::BTreeSet;
use std::ops::Range;

use super::code::{Code, Kind, Language, Place};
use super::commands::{self, Standing};
use super::{paths, shell};

/// A call, or a reference to a function.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Site {
    /// What is called, as people would write it.
    pub(super) what: String,
    /// Where, in bytes of the file.
    pub(super) span: Range<usize>,
    /// What stands before a reference.
    pub(super) via: Via,
    /// The function that it is in.
    pub(super) function: Option<String>,
    /// The type that the function belongs to.
    pub(super) owner: Option<String>,
    /// Whether it is reached.
    pub(super) standing: Standing,
    /// Whether it is reached as soon as the program starts.
    pub(super) root: bool,
}

/// What stands before a reference to a function.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Via {
    /// Nothing: `open()`.
    Plain,
    /// A path: the last name of `db::Store::open()` before the function's.
    Path(String),
    /// A value, or a package: `store.open()`.
    Dot(String),
}

/// Texts without one of which no call can be in a file.
const NEEDLES: [&str; 16] = [
    "igrat",
    "IGRAT",
    "create_all",
    "sync(",
    "sync (",
    "synchronize",
    "goose",
    "Schema.Create",
    "to_latest",
    "refinery",
    "generate_schemas",
    "umzug",
    "Umzug",
    "EnsureCreated",
    "alembic",
    "prisma",
];

/// Functions that frameworks call when the program starts.
const HOOKS: [&str; 10] = [
    "onModuleInit",
    "onApplicationBootstrap",
    "create_app",
    "lifespan",
    "on_startup",
    "startup",
    "startup_event",
    "app_startup",
    "ready",
    "bootstrap",
];

/// The calls of a file that migrate a database.
pub(super) fn calls(path: &str, text: &str) -> Vec<Site> {
    let Some(language) = Language::of(path) else {
        return Vec::new();
    };
    if paths::is_test(path) || paths::is_tool(path) || !NEEDLES.iter().any(|it| text.contains(it)) {
        return Vec::new();
    }
    let code = Code::read(language, text);
    let says = Says::read(text);
    let mut found = Vec::new();
    for at in 0..code.tokens.len() {
        let Some((what, end)) = call(&code, at, &says) else {
            continue;
        };
        let begin = code.tokens[at].span.start;
        let end = code
            .tokens
            .get(end)
            .map_or(begin, |token| token.span.end)
            .max(begin);
        found.push(site(&code, at, what, Via::Plain, begin..end));
    }
    found
}

/// The references in a file to functions with one of these names.
pub(super) fn references(path: &str, text: &str, names: &BTreeSet<String>) -> Vec<Site> {
    let Some(language) = Language::of(path) else {
        return Vec::new();
    };
    if paths::is_test(path)
        || paths::is_tool(path)
        || !names.iter().any(|name| text.contains(name.as_str()))
    {
        return Vec::new();
    }
    let code = Code::read(language, text);
    let mut found = Vec::new();
    let mut import = false;
    for (at, token) in code.tokens.iter().enumerate() {
        match token.text {
            "import" | "use" | "from" | "require" => import = true,
            ";" | ")" | "{" => import = false,
            _ => {}
        }
        if import && new_line(&code, at) && !matches!(token.text, "import" | "use" | "from") {
            import = false;
        }
        if token.kind != Kind::Name || import || !names.contains(token.text) {
            continue;
        }
        let before = at.checked_sub(1).map_or("", |at| code.at(at));
        if matches!(
            before,
            "fn" | "func" | "def" | "function" | "class" | "async" | "import" | "mod"
        ) {
            continue;
        }
        // The definition of a method: `name(…) {` or `func (s *S) name(`.
        if code.place(at).function.is_none()
            && code.at(at + 1) == "("
            && code.at(code.behind(at + 1)) == "{"
        {
            continue;
        }
        if language == Language::Go && before == ")" && code.at(at + 1) == "(" {
            continue;
        }
        let called = code.at(at + 1) == "(";
        // Handed on, as in `.then(open)` or `RunE: open`.
        let handed = matches!(code.at(at + 1), ")" | ",") && matches!(before, "(" | "," | ":");
        if !called && !handed {
            continue;
        }
        let named = |by: usize| at.checked_sub(by).map_or("", |at| code.at(at)).to_owned();
        let via = match before {
            "." => Via::Dot(named(2)),
            ":" if at >= 3 && code.at(at - 2) == ":" => Via::Path(named(3)),
            _ => Via::Plain,
        };
        found.push(site(
            &code,
            at,
            token.text.to_owned(),
            via,
            token.span.clone(),
        ));
    }
    found
}

fn new_line(code: &Code<'_>, at: usize) -> bool {
    let Some(before) = at.checked_sub(1).and_then(|at| code.tokens.get(at)) else {
        return true;
    };
    code.text[before.span.end..code.tokens[at].span.start].contains('\n')
}

fn site(code: &Code<'_>, at: usize, what: String, via: Via, span: Range<usize>) -> Site {
    let Place {
        function,
        owner,
        standing,
        marked,
    } = code.place(at);
    let hook = function
        .as_deref()
        .is_some_and(|name| HOOKS.contains(&name));
    let root = marked
        || match (code.language, function.as_deref()) {
            (Language::Rust, Some("main")) | (Language::Go, Some("main" | "init")) => true,
            (Language::Rust | Language::Go, Some(_)) => false,
            // What stands outside of functions runs in scripts, and in Go at least in commands.
            (Language::Rust, None) => false,
            (Language::Go, None) => true,
            (Language::CSharp, Some("Main" | "Configure")) => true,
            (_, None) => true,
            (_, Some(_)) => hook,
        };
    Site {
        what,
        span,
        via,
        function,
        owner,
        standing,
        root,
    }
}

/// What a file mentions that tells libraries apart.
struct Says {
    golang_migrate: bool,
    bun: bool,
    sql_migrate: bool,
    ent: bool,
    alembic: bool,
    typeorm: bool,
    umzug: bool,
    mikro: bool,
    drizzle: bool,
}

impl Says {
    fn read(text: &str) -> Self {
        let says = |it: &str| text.contains(it);
        Self {
            golang_migrate: says("golang-migrate/migrate"),
            bun: says("uptrace/bun/migrate"),
            sql_migrate: says("sql-migrate"),
            ent: says("/ent"),
            alembic: says("alembic"),
            typeorm: says("typeorm") || says("TypeOrm") || says("DataSource"),
            umzug: says("mzug"),
            mikro: says("mikro"),
            drizzle: says("drizzle"),
        }
    }
}

/// The call at a token, as people would write it, and its last token.
fn call(code: &Code<'_>, at: usize, says: &Says) -> Option<(String, usize)> {
    let token = &code.tokens[at];
    let is = |wanted: &[&str]| code.are(at, wanted);
    let name = |offset: usize| code.at(at + offset);
    if token.kind == Kind::Sign {
        return None;
    }
    if token.kind == Kind::Text {
        return spawned(code, at);
    }
    let said = |text: &str, tokens: usize| Some((text.to_owned(), at + tokens - 1));
    match code.language {
        Language::Rust => {
            if is(&["migrate", "!"]) && matches!(name(2), "(" | "[" | "{") {
                let after = code.behind(at + 2);
                return code
                    .are(after, &[".", "run"])
                    .then(|| ("sqlx::migrate!().run".to_owned(), after + 1));
            }
            if paths::speaks_of_migration(token.text)
                && token.text.chars().all(|c| c.is_uppercase() || c == '_')
                && code.are(at + 1, &[".", "run"])
            {
                return said(&format!("{}.run", token.text), 3);
            }
            if is(&["Migrator", ":", ":", "up", "("]) {
                return said("Migrator::up", 4);
            }
            if is(&["run_pending_migrations", "("]) {
                return said("run_pending_migrations", 1);
            }
            if is(&["to_latest", "("]) {
                return said("to_latest", 1);
            }
            if is(&["runner", "(", ")"]) && at >= 2 && code.at(at - 1) == ":" {
                let end = (at..at + 60).find(|at| code.at(*at) == ";")?;
                let run = (at..end).find(|at| {
                    code.at(*at) == "." && matches!(code.at(at + 1), "run" | "run_async")
                })?;
                return Some(("migrations::runner().run".to_owned(), run + 1));
            }
            None
        }
        Language::Go => {
            let method = at >= 2 && code.at(at - 1) == ".";
            if method && is(&["AutoMigrate", "("]) {
                return said("AutoMigrate", 1);
            }
            if is(&["goose", "."]) && name(2).starts_with("Up") && name(3) == "(" {
                return said(&format!("goose.{}", name(2)), 3);
            }
            if says.golang_migrate
                && method
                && matches!(token.text, "Up" | "Migrate" | "Steps")
                && name(1) == "("
                && code.at(at - 2) != "goose"
            {
                return said(&format!("migrate.{}", token.text), 1);
            }
            if says.bun && method && is(&["Migrate", "("]) {
                return said("migrator.Migrate", 1);
            }
            if says.sql_migrate && is(&["migrate", ".", "Exec"]) {
                return said("migrate.Exec", 3);
            }
            if says.ent && method && is(&["Schema", ".", "Create", "("]) {
                return said("Schema.Create", 3);
            }
            None
        }
        Language::Python => {
            if at >= 2 && code.at(at - 1) == "." && is(&["create_all", "("]) {
                return said("create_all", 1);
            }
            if says.alembic && is(&["command", ".", "upgrade", "("]) {
                return said("alembic.command.upgrade", 3);
            }
            if is(&["call_command", "(", "migrate"]) {
                return said("call_command(\"migrate\")", 3);
            }
            if is(&["generate_schemas", "=", "True"]) {
                return said("generate_schemas=True", 3);
            }
            None
        }
        Language::Script => script(code, at, says),
        Language::CSharp => {
            if is(&["Database", "."])
                && matches!(
                    name(2),
                    "Migrate" | "MigrateAsync" | "EnsureCreated" | "EnsureCreatedAsync"
                )
                && name(3) == "("
            {
                return said(&format!("Database.{}", name(2)), 3);
            }
            None
        }
    }
}

fn script(code: &Code<'_>, at: usize, says: &Says) -> Option<(String, usize)> {
    let is = |wanted: &[&str]| code.are(at, wanted);
    let said = |text: &str, tokens: usize| Some((text.to_owned(), at + tokens - 1));
    let word = code.at(at);
    if is(&["migrate", ".", "latest", "("]) {
        return said("migrate.latest", 3);
    }
    if is(&["runMigrations", "("]) && at > 0 && code.at(at - 1) == "." {
        return said("runMigrations", 1);
    }
    if is(&["sequelize", ".", "sync", "("]) {
        return said("sequelize.sync", 3);
    }
    if says.umzug && word.to_lowercase().contains("umzug") && code.are(at + 1, &[".", "up", "("]) {
        return said(&format!("{word}.up"), 3);
    }
    if says.mikro
        && (is(&["migrator", ".", "up", "("]) || is(&["getMigrator", "(", ")", ".", "up"]))
    {
        return said("migrator.up", 3);
    }
    if says.drizzle && is(&["migrate", "("]) {
        let end = code.behind(at + 1);
        let folder = (at..end).any(|at| code.at(at) == "migrationsFolder");
        return folder.then(|| ("migrate".to_owned(), at));
    }
    if says.typeorm
        && matches!(word, "migrationsRun" | "synchronize")
        && code.are(at + 1, &[":", "true"])
    {
        return said(&format!("{word}: true"), 3);
    }
    None
}

/// A command that is started, such as `execSync("prisma migrate deploy")`.
fn spawned(code: &Code<'_>, at: usize) -> Option<(String, usize)> {
    let open = if code.at(at.checked_sub(1)?) == "[" {
        at.checked_sub(2)?
    } else {
        at - 1
    };
    const STARTERS: [&str; 13] = [
        "system",
        "run",
        "check_call",
        "call",
        "check_output",
        "Popen",
        "exec",
        "execSync",
        "execFile",
        "execFileSync",
        "spawn",
        "spawnSync",
        "execa",
    ];
    if code.at(open) != "(" || !STARTERS.contains(&code.at(open.checked_sub(1)?)) {
        return None;
    }
    // `["alembic", "upgrade", "head"]`, or `"alembic upgrade head"`.
    let mut words: Vec<String> = shell::commands(code.at(at)).into_iter().next()?.words;
    let end = code.behind(open);
    let more = (at + 1..end).filter(|at| code.tokens[*at].kind == Kind::Text);
    words.extend(more.map(|at| code.at(at).to_owned()));
    let shown = commands::migrates(&words)?;
    Some((shown, at))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(path: &str, text: &str) -> Vec<String> {
        calls(path, text)
            .into_iter()
            .map(|it| {
                assert!(text.get(it.span.clone()).is_some(), "{it:?}");
                format!(
                    "{}{}{}",
                    it.what,
                    if it.root { " at start" } else { "" },
                    if it.standing == Standing::Asked {
                        " if asked"
                    } else {
                        ""
                    }
                )
            })
            .collect()
    }

    #[test]
    fn well_known_calls_are_found() {
        for (path, text, what) in [
            (
                "src/main.rs",
                "#[tokio::main] async fn main() { sqlx::migrate!(\"./m\").run(&pool).await?; }",
                "sqlx::migrate!().run at start",
            ),
            (
                "src/main.rs",
                "fn main() { MIGRATOR.run(&p); }",
                "MIGRATOR.run at start",
            ),
            (
                "src/db.rs",
                "pub fn open() { conn.run_pending_migrations(MIGRATIONS).unwrap(); }",
                "run_pending_migrations",
            ),
            (
                "src/main.rs",
                "fn main() { embedded::migrations::runner().set_x(1).run(&mut c)?; }",
                "migrations::runner().run at start",
            ),
            (
                "src/main.rs",
                "async fn main() { Migrator::up(&db, None).await?; }",
                "Migrator::up at start",
            ),
            (
                "main.go",
                "import \"github.com/golang-migrate/migrate/v4\"\nfunc main() { m, _ := migrate.New(a, b); m.Up() }",
                "migrate.Up at start",
            ),
            (
                "store.go",
                "func (s *S) Open() { goose.UpContext(ctx, db, \"m\") }",
                "goose.UpContext",
            ),
            (
                "main.go",
                "func main() { db.AutoMigrate(&User{}) }",
                "AutoMigrate at start",
            ),
            (
                "app/main.py",
                "Base.metadata.create_all(bind=engine)",
                "create_all at start",
            ),
            (
                "app/main.py",
                "from alembic import command\nasync def lifespan(app):\n    command.upgrade(cfg, 'head')\n",
                "alembic.command.upgrade at start",
            ),
            (
                "app/run.py",
                "subprocess.run([\"alembic\", \"upgrade\", \"head\"])",
                "alembic upgrade head at start",
            ),
            (
                "server.js",
                "knex.migrate.latest().then(listen)",
                "migrate.latest at start",
            ),
            (
                "src/app.ts",
                "await sequelize.sync({ alter: true });",
                "sequelize.sync at start",
            ),
            (
                "src/app.module.ts",
                "TypeOrmModule.forRoot({ synchronize: true })",
                "synchronize: true at start",
            ),
            (
                "src/data-source.ts",
                "new DataSource({ migrationsRun: true })",
                "migrationsRun: true at start",
            ),
            (
                "Program.cs",
                "var app = b.Build(); db.Database.Migrate(); app.Run();",
                "Database.Migrate at start",
            ),
        ] {
            assert_eq!(shown(path, text), [what], "{text}");
        }
    }

    #[test]
    fn others_are_not() {
        for (path, text) in [
            ("tests/db.rs", "fn main() { sqlx::migrate!().run(&p); }"),
            ("cmd/migrate/main.go", "func main() { goose.Up(db, d) }"),
            ("scripts/migrate.ts", "knex.migrate.latest()"),
            ("src/main.rs", "fn main() { let m = sqlx::migrate!(); }"),
            ("src/app.ts", "synchronize: process.env.X === 'dev'"),
            (
                "src/app.ts",
                "// knex.migrate.latest()\nconst s = 'knex.migrate.latest()'",
            ),
            ("migrations/env.py", "command.upgrade(x)"),
            ("a.go", "func main() { screen.Up() }"),
        ] {
            assert_eq!(shown(path, text), [""; 0], "{text}");
        }
    }

    #[test]
    fn references_are_found() {
        let names = BTreeSet::from(["migrate_db".to_owned()]);
        let text = "use db::migrate_db;\nfn main() { migrate_db(&p).await; }\nfn migrate_db() {}";
        let found = references("src/main.rs", text, &names);
        assert_eq!(found.len(), 1, "{found:?}");
        assert!(found[0].root);
        let found = references(
            "a.ts",
            "import { migrate_db } from './x';\nstart().then(migrate_db);\n",
            &names,
        );
        assert_eq!(found.len(), 1, "{found:?}");
        let found = references("a.rs", "fn f() { db::migrate_db(); }", &names);
        assert_eq!(found[0].via, Via::Path("db".to_owned()));
    }
}
