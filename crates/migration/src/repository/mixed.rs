//! One commit that takes something out of the database and changes the code beside it.
//!
//! Whoever deploys that commit has no order that works: before the migration the new code may miss
//! what it brings, and after it the old code, which still runs, misses what is gone.

use std::collections::BTreeSet;

use switchback_diag::{Code, Severity};

use super::paths;
use crate::lint::Finding;
use crate::sql::ir::{AlterAction, Kind, Name, Object, Span, Statement};

/// A commit, as far as the rule needs it.
#[derive(Debug, Clone)]
pub struct Commit<'a> {
    /// Its id, short enough to be read.
    pub id: &'a str,
    /// The first line of its message.
    pub subject: &'a str,
    /// The migrations that it adds: each file's name, and the statements of its way up.
    pub added: Vec<(&'a str, Vec<&'a Statement>)>,
    /// Every file that it adds, changes or removes, by the same kind of name.
    pub changed: Vec<&'a str>,
    /// Folders of migrations, by the same kind of name.
    pub folders: Vec<&'a str>,
}

/// Statements that take something out of the database, in commits that also change code: the first
/// of each file.
pub fn mixed(commit: &Commit<'_>) -> Vec<Finding> {
    let code: Vec<&str> = commit
        .changed
        .iter()
        .copied()
        .filter(|path| is_code(path, &commit.folders))
        .collect();
    let Some(first) = code.first() else {
        return Vec::new();
    };
    let others = match code.len() - 1 {
        0 => String::new(),
        1 => " and one more file".to_owned(),
        many => format!(" and {many} more files"),
    };
    let mut found = Vec::new();
    for (file, statements) in &commit.added {
        let Some(gone) = destructive(statements).into_iter().next() else {
            continue;
        };
        found.push(Finding {
            code: Code::CodeWithDestructiveDdl,
            severity: Severity::Error,
            file: (*file).to_owned(),
            span: gone.span,
            message: format!(
                "commit {} {} and changes code with it",
                commit.id, gone.what
            ),
            causes: vec![
                format!(
                    "the commit `{}` also changes {first}{others}",
                    commit.subject
                ),
                "whichever of the two is deployed first, the version that still runs meets a \
                 database without what it uses, or the new one meets a database that still \
                 demands it"
                    .to_owned(),
                "the previous version cannot be brought back, because the database no longer has \
                 what it needs"
                    .to_owned(),
            ],
            safer: vec![
                "ship the code that no longer uses it first, and this migration in a later \
                 release, once that code runs everywhere and nobody would go back behind it"
                    .to_owned(),
            ],
            table: gone.table,
            fix: None,
        });
    }
    found
}

/// Something that a statement takes out of the database.
struct Gone {
    span: Span,
    /// As a part of a sentence: `drops the table users`.
    what: String,
    table: Option<Name>,
}

/// What statements take out of the database that they have not made themselves.
fn destructive(statements: &[&Statement]) -> Vec<Gone> {
    let mut made: BTreeSet<&str> = BTreeSet::new();
    let mut columns: BTreeSet<(&str, &str)> = BTreeSet::new();
    // What is dropped to be made again is still there afterwards.
    for statement in statements {
        match &statement.kind {
            Kind::CreateTable(it) => _ = made.insert(&it.name.name),
            Kind::CreateView { name, .. }
            | Kind::CreateType { name, .. }
            | Kind::CreateDomain { name, .. }
            | Kind::CreateFunction { name, .. }
            | Kind::CreateSequence { name, .. } => _ = made.insert(&name.name),
            Kind::Alter(alter) => {
                for (action, _) in &alter.actions {
                    match action {
                        AlterAction::AddColumn { column, .. } => {
                            columns.insert((&alter.name.name, &column.name));
                        }
                        AlterAction::Rename { to } => _ = made.insert(to),
                        AlterAction::RenameColumn { to, .. } => {
                            columns.insert((&alter.name.name, to));
                        }
                        _ => {}
                    }
                }
            }
            _ => {}
        }
    }
    let mut found = Vec::new();
    for statement in statements {
        match &statement.kind {
            Kind::Drop(drop) => {
                let Some(word) = word(drop.object) else {
                    continue;
                };
                let gone = drop
                    .names
                    .iter()
                    .find(|name| !made.contains(name.name.as_str()));
                if let Some(name) = gone {
                    let is_table = matches!(drop.object, Object::Table | Object::ForeignTable);
                    found.push(Gone {
                        span: statement.span.clone(),
                        what: format!("drops the {word} {name}"),
                        table: is_table.then(|| name.clone()),
                    });
                }
            }
            Kind::Alter(alter) if !made.contains(alter.name.name.as_str()) => {
                let table = &alter.name;
                let word = word(alter.object).unwrap_or("object");
                for (action, span) in &alter.actions {
                    let own = |column: &str| columns.contains(&(table.name.as_str(), column));
                    let what = match action {
                        AlterAction::DropColumn { column, .. } if !own(column) => {
                            format!("drops the column {} of {table}", Name::plain(column))
                        }
                        AlterAction::RenameColumn { from, .. } if !own(from) => {
                            format!("renames the column {} of {table}", Name::plain(from))
                        }
                        AlterAction::Rename { .. } if self::word(alter.object).is_some() => {
                            format!("renames the {word} {table}")
                        }
                        AlterAction::SetSchema { .. } if self::word(alter.object).is_some() => {
                            format!("moves the {word} {table} to another schema")
                        }
                        _ => continue,
                    };
                    found.push(Gone {
                        span: span.clone(),
                        what,
                        table: Some(table.clone()),
                    });
                }
            }
            _ => {}
        }
    }
    found
}

/// What code uses by name.
fn word(object: Object) -> Option<&'static str> {
    Some(match object {
        Object::Table => "table",
        Object::ForeignTable => "foreign table",
        Object::View => "view",
        Object::MaterializedView => "materialized view",
        Object::Type => "type",
        Object::Function => "function",
        Object::Schema => "schema",
        Object::Sequence => "sequence",
        _ => return None,
    })
}

/// Whether a file is code that a deployment puts out, rather than a migration, a test,
/// documentation or something that a tool made.
fn is_code(path: &str, folders: &[&str]) -> bool {
    const NAMES: [&str; 22] = [
        "Cargo.lock",
        "package-lock.json",
        "yarn.lock",
        "pnpm-lock.yaml",
        "bun.lockb",
        "go.sum",
        "poetry.lock",
        "uv.lock",
        "Pipfile.lock",
        "Gemfile.lock",
        "composer.lock",
        "schema.rb",
        "structure.sql",
        "schema.sql",
        "schema.prisma",
        "atlas.sum",
        "sqlx-data.json",
        ".gitignore",
        ".gitattributes",
        ".editorconfig",
        "Makefile",
        "justfile",
    ];
    const FOLDERS: [&str; 7] = [
        ".github",
        ".gitlab",
        ".circleci",
        ".vscode",
        ".sqlx",
        ".switchback",
        "changes",
    ];
    let name = paths::name(path);
    let first = path.split('/').next().unwrap_or_default();
    let in_folder = |folder: &&str| {
        folder.is_empty()
            || path
                .strip_prefix(*folder)
                .is_some_and(|rest| rest.starts_with('/'))
    };
    let migration = match paths::ending(path).as_str() {
        // A folder at the very top holds the code as well.
        "sql" => folders.iter().any(&in_folder),
        _ => folders
            .iter()
            .any(|folder| !folder.is_empty() && in_folder(folder)),
    };
    !(migration
        || paths::is_test(path)
        || paths::is_documentation(path)
        || NAMES.contains(&name)
        || FOLDERS.contains(&first)
        || path.contains(".sqlx/")
        || name.starts_with(".gitlab-ci")
        || matches!(name, "switchback.toml" | "schema.rs" | "diesel.toml"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn statement(kind: Kind) -> Statement {
        Statement {
            span: 3..9,
            kind,
            conditional: false,
        }
    }

    fn drop_table(name: &str) -> Statement {
        statement(Kind::Drop(crate::sql::ir::Drop {
            object: Object::Table,
            names: vec![Name::plain(name)],
            on: None,
            if_exists: true,
            cascade: false,
            concurrently: false,
        }))
    }

    fn alter(action: AlterAction) -> Statement {
        statement(Kind::Alter(crate::sql::ir::Alter {
            object: Object::Table,
            name: Name::plain("users"),
            only: false,
            if_exists: false,
            actions: vec![(action, 4..8)],
        }))
    }

    fn drop_column(column: &str) -> Statement {
        alter(AlterAction::DropColumn {
            column: column.to_owned(),
            if_exists: false,
            cascade: false,
        })
    }

    fn found(statements: &[Statement], changed: &[&str]) -> Vec<String> {
        let commit = Commit {
            id: "abc1234",
            subject: "feat: x",
            added: vec![("m/2.sql", statements.iter().collect())],
            changed: changed.to_vec(),
            folders: vec!["m"],
        };
        mixed(&commit).into_iter().map(|it| it.message).collect()
    }

    #[test]
    fn code_beside_a_drop_is_found() {
        assert_eq!(
            found(&[drop_column("email")], &["m/2.sql", "src/user.rs"]),
            ["commit abc1234 drops the column email of users and changes code with it"]
        );
        assert_eq!(
            found(&[drop_table("users")], &["m/2.sql", "app/user.py"]).len(),
            1
        );
        let rename = alter(AlterAction::Rename {
            to: "people".to_owned(),
        });
        assert_eq!(
            found(&[rename], &["a.go"]),
            ["commit abc1234 renames the table users and changes code with it"]
        );
    }

    #[test]
    fn tests_and_documentation_are_no_code() {
        let drop = [drop_column("email")];
        for alone in [
            &["m/2.sql", "m/2.down.sql"][..],
            &[
                "m/2.sql",
                "tests/user.rs",
                "README.md",
                "docs/a.png",
                "Cargo.lock",
                "db/schema.rb",
                ".github/x.yml",
            ],
        ] {
            assert_eq!(found(&drop, alone), [""; 0], "{alone:?}");
        }
    }

    #[test]
    fn what_the_migration_made_itself_may_go() {
        let add = alter(AlterAction::RenameColumn {
            from: "a".to_owned(),
            to: "b".to_owned(),
        });
        let code = &["src/a.rs"];
        assert_eq!(
            found(&[drop_column("b"), add], code),
            ["commit abc1234 renames the column a of users and changes code with it"]
        );
        assert_eq!(found(&[], code), [""; 0]);
    }
}
