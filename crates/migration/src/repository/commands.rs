//! Which commands migrate a database, and which do nothing that counts.

use super::paths;
use super::shell::Command;

/// A program, and the words that must follow it, in order.
type Known = (&'static str, &'static [&'static str]);

/// Commands that apply migrations, by the program's name without folder and ending. A word that
/// ends with `*` stands for its beginnings.
const KNOWN: [Known; 52] = [
    ("alembic", &["upgrade"]),
    ("flask", &["db", "upgrade"]),
    ("manage", &["migrate"]),
    ("django-admin", &["migrate"]),
    ("aerich", &["upgrade"]),
    ("yoyo", &["apply"]),
    ("rails", &["db:migrate*"]),
    ("rails", &["db:prepare"]),
    ("rails", &["db:schema:load"]),
    ("rake", &["db:migrate*"]),
    ("rake", &["db:prepare"]),
    ("hanami", &["db", "migrate"]),
    ("prisma", &["migrate", "deploy"]),
    ("prisma", &["db", "push"]),
    ("knex", &["migrate:latest"]),
    ("knex", &["migrate:up"]),
    ("sequelize", &["db:migrate"]),
    ("sequelize-cli", &["db:migrate"]),
    ("typeorm", &["migration:run"]),
    ("typeorm", &["schema:sync"]),
    ("typeorm-ts-node-commonjs", &["migration:run"]),
    ("typeorm-ts-node-esm", &["migration:run"]),
    ("drizzle-kit", &["migrate"]),
    ("drizzle-kit", &["push*"]),
    ("mikro-orm", &["migration:up"]),
    ("node-pg-migrate", &["up"]),
    ("graphile-migrate", &["migrate"]),
    ("sqlx", &["migrate", "run"]),
    ("sqlx", &["database", "setup"]),
    ("diesel", &["migration", "run"]),
    ("diesel", &["database", "setup"]),
    ("diesel", &["setup"]),
    ("sea-orm-cli", &["migrate"]),
    ("refinery", &["migrate"]),
    ("migrate", &["up"]),
    ("migrate", &["goto"]),
    ("goose", &["up*"]),
    ("dbmate", &["up"]),
    ("dbmate", &["migrate"]),
    ("atlas", &["migrate", "apply"]),
    ("atlas", &["schema", "apply"]),
    ("tern", &["migrate"]),
    ("flyway", &["migrate"]),
    ("liquibase", &["update*"]),
    ("sqitch", &["deploy"]),
    ("artisan", &["migrate"]),
    ("console", &["doctrine:migrations:migrate"]),
    ("mix", &["ecto.migrate"]),
    ("dotnet", &["ef", "database", "update"]),
    ("hasura", &["migrate", "apply"]),
    ("supabase", &["db", "push"]),
    ("wrangler", &["migrations", "apply"]),
];

/// Programs that start others: what follows them is a command too.
const RUNNERS: [&str; 8] = [
    "npm", "yarn", "pnpm", "bun", "make", "task", "just", "composer",
];

/// Programs that run a script of their own language.
const INTERPRETERS: [&str; 11] = [
    "python", "python3", "node", "ts-node", "tsx", "ruby", "php", "deno", "bun", "sh", "bash",
];

/// Names of scripts and programs that do nothing but migrate.
const SCRIPTS: [&str; 15] = [
    "migrate",
    "migration",
    "migrations",
    "migrator",
    "run-migrations",
    "run_migrations",
    "run-migration",
    "runmigrations",
    "apply-migrations",
    "apply_migrations",
    "db-migrate",
    "db_migrate",
    "dbmigrate",
    "migrate-db",
    "migrate_db",
];

/// Words after which a command does not apply migrations, but makes, lists or takes them back.
const OTHERWISE: [&str; 26] = [
    "create",
    "new",
    "add",
    "make",
    "generate",
    "revision",
    "status",
    "info",
    "list",
    "history",
    "down",
    "rollback",
    "revert",
    "undo",
    "reset",
    "redo",
    "drop",
    "validate",
    "check",
    "lint",
    "diff",
    "version",
    "help",
    "--help",
    "--dry-run",
    "--check",
];

/// Commands that run nothing worth waiting for.
const QUIET: [&str; 26] = [
    "echo", "printf", "set", "true", ":", "sleep", "cd", "exit", "export", "wait", "return",
    "unset", "shift", "trap", "local", "readonly", "date", "mkdir", "chmod", "chown", "source",
    ".", "umask", "ulimit", "[", "test",
];

/// Tasks of frameworks, which come to an end.
const TASKS: [&str; 12] = [
    "collectstatic",
    "loaddata",
    "createsuperuser",
    "compilemessages",
    "createcachetable",
    "db:seed",
    "assets:precompile",
    "cache:clear",
    "config:cache",
    "route:cache",
    "view:cache",
    "clear_cache",
];

/// What a command's words say that it does to a database, as it would be typed; none if it does
/// not migrate.
pub(super) fn migrates(words: &[String]) -> Option<String> {
    let first = words.iter().position(|word| !is_assignment(word))?;
    let words = &words[first..];
    if QUIET.contains(&words.first()?.as_str()) {
        return None;
    }
    let otherwise = |rest: &[String]| {
        rest.iter()
            .any(|word| OTHERWISE.contains(&word.to_ascii_lowercase().as_str()))
    };
    for (at, word) in words.iter().enumerate() {
        let rest = &words[at + 1..];
        let program = program(word);
        if KNOWN
            .iter()
            .any(|(name, follow)| *name == program && follows(rest, follow))
        {
            let asks = rest
                .iter()
                .any(|word| matches!(word.as_str(), "--help" | "--check" | "--plan"));
            return (!asks).then(|| shown(&words[with_interpreter(words, at)..]));
        }
        let runner = at == 0 && RUNNERS.contains(&program.as_str());
        if runner && let Some(script) = script_name(rest) {
            return (!otherwise(rest)
                && !said_otherwise(script)
                && paths::speaks_of_migration(script))
            .then(|| shown(words));
        }
        // `./migrate`, `node dist/migrate.js`, `python -m app.migrate`.
        let starts = at == 0
            || words.first().is_some_and(|first| {
                INTERPRETERS.contains(&self::program(first).as_str()) || is_prefix(first)
            });
        let module = word.rsplit('.').next().unwrap_or_default();
        let named = SCRIPTS.contains(&program.as_str())
            || (at > 0 && words[at - 1] == "-m" && SCRIPTS.contains(&module));
        if starts && named {
            return (!otherwise(rest)).then(|| shown(words));
        }
        // `bin/shop eval "Shop.Release.migrate"`.
        if word.contains("Release.migrate") {
            return Some(shown(words));
        }
        // `./shop migrate`, where the program is the application's own.
        if at == 1
            && !runner
            && is_own(&words[0])
            && matches!(word.as_str(), "migrate" | "migrate:up" | "db:migrate")
        {
            return (!otherwise(rest)).then(|| shown(words));
        }
    }
    None
}

/// Whether a command does something that goes on: the service, or whatever the container is for.
pub(super) fn runs_something(words: &[String]) -> bool {
    let Some(first) = words.iter().find(|word| !is_assignment(word)) else {
        return false;
    };
    let task = words.iter().any(|word| TASKS.contains(&word.as_str()));
    !QUIET.contains(&first.as_str()) && !task && migrates(words).is_none() && !waits(first)
}

/// Where a command begins whose program stands at a place: before `python` or `python -m`.
fn with_interpreter(words: &[String], at: usize) -> usize {
    let runs = |at: usize| {
        words
            .get(at)
            .is_some_and(|word| INTERPRETERS.contains(&program(word).as_str()))
    };
    match at {
        1.. if runs(at - 1) => at - 1,
        2.. if words[at - 1] == "-m" && runs(at - 2) => at - 2,
        _ => at,
    }
}

/// What only waits for a database.
fn waits(word: &str) -> bool {
    let program = program(word);
    program.starts_with("wait")
        || program.contains("wait-for")
        || matches!(
            program.as_str(),
            "pg_isready" | "nc" | "dockerize" | "until" | "mysqladmin" | "psql" | "mysql"
        )
}

/// A program of the application rather than of a system or a language.
fn is_own(word: &str) -> bool {
    let program = program(word);
    let known = KNOWN.iter().any(|(name, _)| *name == program);
    !known
        && !INTERPRETERS.contains(&program.as_str())
        && !RUNNERS.contains(&program.as_str())
        && !matches!(
            program.as_str(),
            "git" | "docker" | "kubectl" | "helm" | "cargo" | "go" | "apt" | "apt-get" | "apk"
        )
}

fn is_prefix(word: &str) -> bool {
    matches!(
        program(word).as_str(),
        "exec" | "env" | "time" | "sudo" | "gosu" | "su-exec" | "tini" | "dumb-init" | "nohup"
    )
}

/// `NAME=value`.
fn is_assignment(word: &str) -> bool {
    word.split_once('=').is_some_and(|(name, _)| {
        !name.is_empty() && name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_')
    })
}

/// The name of a program without its folder and the ending of a script.
pub(super) fn program(word: &str) -> String {
    let name = paths::name(word);
    for ending in [
        ".py", ".sh", ".js", ".mjs", ".cjs", ".ts", ".rb", ".php", ".exe", ".phar",
    ] {
        if let Some(stem) = name.strip_suffix(ending) {
            return stem.to_owned();
        }
    }
    name.to_owned()
}

fn follows(rest: &[String], wanted: &[&str]) -> bool {
    let mut rest = rest.iter();
    wanted.iter().all(|wanted| {
        rest.any(|word| match wanted.strip_suffix('*') {
            Some(beginning) => word.starts_with(beginning),
            None => word == wanted,
        })
    })
}

/// The script that `npm run x` or `yarn x` names.
fn script_name(rest: &[String]) -> Option<&str> {
    rest.iter().map(String::as_str).find(|word| {
        !word.starts_with('-') && !matches!(*word, "run" | "run-script" | "exec" | "dlx" | "x")
    })
}

fn said_otherwise(script: &str) -> bool {
    paths::words(script)
        .iter()
        .any(|word| OTHERWISE.contains(&word.as_str()))
}

/// A command as people would type it, at most 80 characters of it.
fn shown(words: &[String]) -> String {
    let text = words.join(" ");
    match text.char_indices().nth(80) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text,
    }
}

/// How conditions that a command stands under bear on whether it runs at start-up.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Standing {
    /// It always runs, or whenever the service is started.
    Always,
    /// Only if something is set; as written.
    If(String),
    /// Only if it was asked for, as by `entrypoint migrate`.
    Asked,
}

/// What a command's conditions say.
pub(super) fn standing(command: &Command) -> Standing {
    let mut standing = Standing::Always;
    for guard in &command.guards {
        let lower = guard.to_lowercase();
        let negated = lower.starts_with("not ");
        // The arguments of the script say what it shall be.
        let argument = [
            "$1", "${1", "$@", "${@", "$*", "$command", "$cmd", "$mode", "$role", "$action",
            "$service", "$process",
        ]
        .iter()
        .any(|it| lower.contains(it));
        if argument {
            const TASKS: [&str; 8] = [
                "migrat", "upgrade", "setup", "init", "release", "job", "worker", "deploy",
            ];
            let wanted = lower.rsplit(" is ").next().unwrap_or(&lower);
            if !negated && TASKS.iter().any(|task| wanted.contains(task)) {
                return Standing::Asked;
            }
        } else if lower.contains('$') && standing == Standing::Always {
            standing = Standing::If(guard.clone());
        }
    }
    standing
}

#[cfg(test)]
mod tests {
    use super::super::shell;
    use super::*;

    fn words(text: &str) -> Vec<String> {
        let found = shell::commands(text);
        found
            .into_iter()
            .flat_map(|command| command.words)
            .collect()
    }

    #[test]
    fn well_known_commands_migrate() {
        for text in [
            "alembic upgrade head",
            "poetry run alembic -c a.ini upgrade head",
            "python manage.py migrate --noinput",
            "./manage.py migrate",
            "python3 -m alembic upgrade head",
            "bundle exec rails db:migrate",
            "bin/rails db:prepare",
            "npx prisma migrate deploy",
            "npm run db:migrate",
            "yarn migrate:prod",
            "yarn --silent migrate",
            "migrate -path /m -database $URL up",
            "goose -dir m postgres \"$DSN\" up",
            "dbmate --wait up",
            "flyway -url=jdbc migrate",
            "php artisan migrate --force",
            "php bin/console doctrine:migrations:migrate -n",
            "mix ecto.migrate",
            "bin/shop eval \"Shop.Release.migrate\"",
            "./shop migrate",
            "/app/migrate",
            "node dist/migrate.js",
            "python -m app.migrate",
            "RAILS_ENV=production bin/rake db:migrate",
            "exec ./run-migrations.sh",
            "sqlx migrate run",
        ] {
            assert!(migrates(&words(text)).is_some(), "{text}");
            assert!(!runs_something(&words(text)), "{text}");
        }
    }

    #[test]
    fn other_commands_do_not() {
        for text in [
            "echo alembic upgrade head",
            "alembic revision -m x",
            "alembic downgrade -1",
            "python manage.py runserver",
            "python manage.py migrate --check",
            "rails server",
            "npm run migrate:create",
            "npm start",
            "migrate create -ext sql x",
            "git migrate",
            "./shop serve",
            "cp -r migrations /app",
            "ls migrations",
            "sqlx migrate add x",
            "goose status",
        ] {
            assert!(migrates(&words(text)).is_none(), "{text}");
        }
    }

    #[test]
    fn conditions_decide() {
        let of = |text: &str| standing(&shell::commands(text)[0]);
        assert_eq!(of("m"), Standing::Always);
        assert_eq!(of("case $1 in migrate) m;; esac"), Standing::Asked);
        assert_eq!(of("case \"$1\" in web|server) m;; esac"), Standing::Always);
        assert_eq!(
            of("if [ \"${1}\" == \"./bin/rails\" ] && [ \"${2}\" == \"server\" ]; then m; fi"),
            Standing::Always
        );
        assert_eq!(
            of("[ \"$MIGRATE\" = 1 ] && m"),
            Standing::If("[ \"$MIGRATE\" = 1 ]".to_owned())
        );
    }
}
