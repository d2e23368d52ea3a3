//! What a file is, by its path alone. Paths have `/` between their parts.

/// The last part of a path.
pub(super) fn name(path: &str) -> &str {
    path.rsplit('/').next().unwrap_or(path)
}

/// The folder of a path; empty at the top.
pub(super) fn folder(path: &str) -> &str {
    path.rsplit_once('/').map_or("", |(folder, _)| folder)
}

/// The name without its last ending.
pub(super) fn stem(path: &str) -> &str {
    let name = name(path);
    match name.rsplit_once('.') {
        Some(("", _)) | None => name,
        Some((stem, _)) => stem,
    }
}

/// The last ending, in lower case; empty where there is none.
pub(super) fn ending(path: &str) -> String {
    match name(path).rsplit_once('.') {
        Some(("", _)) | None => String::new(),
        Some((_, ending)) => ending.to_ascii_lowercase(),
    }
}

/// The words of a name: `run-dbMigrations_2` is `run`, `db`, `migrations`, `2`.
pub(super) fn words(name: &str) -> Vec<String> {
    let mut words: Vec<String> = Vec::new();
    let mut open = false;
    let mut lower = false;
    for c in name.chars() {
        if !c.is_alphanumeric() {
            open = false;
            continue;
        }
        if !open || (lower && c.is_uppercase()) {
            words.push(String::new());
        }
        open = true;
        lower = c.is_lowercase();
        if let Some(word) = words.last_mut() {
            word.extend(c.to_lowercase());
        }
    }
    words
}

/// Whether a name is about migrating: one of its words begins with `migrat`.
pub(super) fn speaks_of_migration(name: &str) -> bool {
    name.len() >= 6
        && words(name)
            .iter()
            .any(|word| word.starts_with("migrat") || word.ends_with("migrate"))
}

/// Whether the file is part of the tests, of examples or of what only looks like code.
pub(super) fn is_test(path: &str) -> bool {
    const FOLDERS: [&str; 17] = [
        "test",
        "tests",
        "testing",
        "spec",
        "specs",
        "__tests__",
        "__mocks__",
        "testdata",
        "fixtures",
        "e2e",
        "integration",
        "example",
        "examples",
        "sample",
        "samples",
        "benches",
        "benchmarks",
    ];
    let folders = folder(path).split('/');
    let in_tests = folders.into_iter().any(|part| {
        let part = part.to_ascii_lowercase();
        FOLDERS.contains(&part.as_str())
            || part.ends_with("-tests")
            || part.ends_with("_tests")
            || part.ends_with(".tests")
            || part.ends_with("-test")
            || part == "androidtest"
    });
    let name = name(path);
    let lower = name.to_ascii_lowercase();
    let stem = stem(&lower);
    in_tests
        || stem == "test"
        || stem == "tests"
        || stem == "conftest"
        || stem.starts_with("test_")
        || stem.ends_with("_test")
        || stem.ends_with("_tests")
        || stem.ends_with("_spec")
        || stem.ends_with(".test")
        || stem.ends_with(".spec")
        || (matches!(
            ending(&lower).as_str(),
            "java" | "kt" | "cs" | "scala" | "groovy"
        ) && ["Test", "Tests", "IT", "Spec"]
            .iter()
            .any(|end| self::stem(name).ends_with(end)))
}

/// Whether the file is documentation.
pub(super) fn is_documentation(path: &str) -> bool {
    const ENDINGS: [&str; 8] = ["md", "mdx", "rst", "adoc", "txt", "png", "svg", "jpg"];
    let lower = path.to_ascii_lowercase();
    let first = lower.split('/').next().unwrap_or_default();
    let name = name(&lower);
    (matches!(first, "docs" | "doc") && lower.contains('/'))
        || ENDINGS.contains(&ending(&lower).as_str())
        || [
            "license",
            "licence",
            "copying",
            "notice",
            "authors",
            "codeowners",
        ]
        .iter()
        .any(|word| stem(name).starts_with(word))
}

/// Whether the file is a program of its own that somebody starts on purpose: a tool, a task, a
/// script. What it calls is not called when the service starts.
pub(super) fn is_tool(path: &str) -> bool {
    const FOLDERS: [&str; 12] = [
        "scripts",
        "script",
        "tools",
        "tool",
        "tasks",
        "task",
        "commands",
        "command",
        "subcommands",
        "management",
        "xtask",
        "hack",
    ];
    let stem = stem(path);
    let folders: Vec<&str> = folder(path).split('/').collect();
    let named = |part: &&str| FOLDERS.contains(&part.to_ascii_lowercase().as_str());
    // `cmd/migrate/main.go`, `crates/migration/src/main.rs`, `src/bin/migrate.rs`.
    let own_program = match stem {
        "main" | "index" | "__main__" | "Program" => {
            folders.iter().any(|part| speaks_of_migration(part))
        }
        _ => {
            folders
                .last()
                .is_some_and(|last| matches!(*last, "bin" | "cmd" | "cli" | "db"))
                && speaks_of_migration(stem)
        }
    };
    own_program || folders.iter().any(named) || is_task_name(stem)
}

/// Whether a name is that of a task rather than of a service.
fn is_task_name(stem: &str) -> bool {
    let words = words(stem);
    let has = |word: &str| words.iter().any(|found| found == word);
    has("seed")
        || has("seeder")
        || has("seeds")
        || has("fixtures")
        || stem == "manage"
        || stem == "knexfile"
        || stem == "cli"
        || ((has("init") || has("create") || has("setup") || has("reset") || has("drop"))
            && (has("db") || has("database") || has("tables") || has("schema")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_split_into_words() {
        assert_eq!(
            words("run-dbMigrations_2"),
            ["run", "db", "migrations", "2"]
        );
        assert!(speaks_of_migration("RunMigrations"));
        assert!(speaks_of_migration("AutoMigrate"));
        assert!(speaks_of_migration("automigrate"));
        assert!(!speaks_of_migration("immigration_office"));
        assert!(!speaks_of_migration("serve"));
    }

    #[test]
    fn tests_are_told_from_code() {
        for test in [
            "tests/db.rs",
            "store/store_test.go",
            "src/app.spec.ts",
            "app/tests/test_models.py",
            "src/test/java/AppTest.java",
            "a/AppIT.java",
            "conftest.py",
            "examples/todo/main.rs",
        ] {
            assert!(is_test(test), "{test}");
        }
        for code in [
            "src/main.rs",
            "cmd/server/main.go",
            "app/latest.py",
            "contest.py",
            "src/Audit.java",
        ] {
            assert!(!is_test(code), "{code}");
        }
    }

    #[test]
    fn tools_are_told_from_services() {
        for tool in [
            "cmd/migrate/main.go",
            "src/bin/migrate.rs",
            "crates/migration/src/main.rs",
            "scripts/up.ts",
            "app/management/commands/load.py",
            "init_db.py",
            "db/migrate.js",
            "cli.py",
        ] {
            assert!(is_tool(tool), "{tool}");
        }
        for code in [
            "src/main.rs",
            "cmd/server/main.go",
            "src/db/mod.rs",
            "src/migrations.rs",
            "app/init.py",
        ] {
            assert!(!is_tool(code), "{code}");
        }
    }
}
