use super::*;
use crate::sqlite::catalog::{
    Column, ForeignKey, Index, IndexColumn, IndexOrigin, Named, TableKind,
};
use crate::steps;
use switchback_model::plan::{Direction, Effect};
use switchback_model::{Action, SurfaceOperation};

fn column(name: &str, declared_type: &str) -> Column {
    Column {
        name: name.to_owned(),
        declared_type: declared_type.to_owned(),
        not_null: false,
        default: None,
        primary_key: 0,
        generated: false,
        collation: "BINARY".to_owned(),
    }
}

fn index(name: &str, columns: &[&str]) -> Index {
    Index {
        name: name.to_owned(),
        unique: false,
        origin: IndexOrigin::Created,
        partial: false,
        columns: columns
            .iter()
            .map(|column| IndexColumn {
                name: Some((*column).to_owned()),
                descending: false,
                collation: "BINARY".to_owned(),
            })
            .collect(),
        sql: Some(format!(
            "CREATE INDEX {name} ON users ({})",
            columns.join(", ")
        )),
    }
}

pub(crate) fn users() -> Table {
    Table {
        name: "users".to_owned(),
        kind: TableKind::Ordinary,
        without_rowid: false,
        strict: false,
        columns: vec![
            Column {
                primary_key: 1,
                ..column("id", "INTEGER")
            },
            Column {
                not_null: true,
                ..column("email_addr", "TEXT")
            },
        ],
        indexes: vec![Index {
            unique: true,
            ..index("users_email_addr", &["email_addr"])
        }],
        foreign_keys: Vec::new(),
        referenced_by: Vec::new(),
        triggers: Vec::new(),
        views: Vec::new(),
        sql: "CREATE TABLE users (id INTEGER PRIMARY KEY, email_addr TEXT NOT NULL)".to_owned(),
    }
}

fn rename(from: &str, to: &str) -> Rename {
    Rename {
        change: ChangeId::new("rename-users-email-addr").unwrap(),
        from: from.to_owned(),
        to: to.to_owned(),
        mode: Mode::Triggers,
    }
}

fn refusal(edit: impl FnOnce(&mut Table)) -> Reason {
    let mut table = users();
    edit(&mut table);
    match plan(&table, &rename("email_addr", "email")).unwrap_err() {
        RenameError::Unsupported {
            table: name,
            reason,
        } => {
            assert_eq!(name, table.name);
            reason
        }
        other => panic!("{other}"),
    }
}

#[test]
fn harm_is_refused_with_its_reason() {
    let key = |table: &str, column: &str, target: Option<&str>| ForeignKey {
        table: table.to_owned(),
        column: column.to_owned(),
        target: "users".to_owned(),
        target_column: target.map(str::to_owned),
    };
    let named = |name: &str| Named {
        name: name.to_owned(),
        sql: String::new(),
    };
    let sql = |table: &mut Table, sql: &str| table.sql = sql.to_owned();

    assert_eq!(refusal(|t| t.kind = TableKind::Virtual), Reason::Virtual);
    assert_eq!(refusal(|t| t.kind = TableKind::View), Reason::View);
    assert_eq!(refusal(|t| t.without_rowid = true), Reason::WithoutRowid);
    let all = ["RowId", "_rowid_", "oid"];
    let hide = |t: &mut Table| t.columns.extend(all.map(|name| column(name, "")));
    assert_eq!(refusal(hide), Reason::HiddenRowid);
    assert!(matches!(
        refusal(|t| t.columns.truncate(1)),
        Reason::NoColumn { .. }
    ));
    let exists = |t: &mut Table| t.columns.push(column("EMAIL", "TEXT"));
    assert_eq!(
        refusal(exists),
        Reason::ColumnExists {
            column: "EMAIL".to_owned()
        }
    );
    assert!(matches!(
        refusal(|t| t.columns[1].generated = true),
        Reason::Generated { .. }
    ));
    assert!(matches!(
        refusal(|t| t.columns[1].primary_key = 2),
        Reason::PrimaryKey { .. }
    ));
    let out = |t: &mut Table| t.foreign_keys.push(key("users", "EMAIL_ADDR", None));
    assert!(matches!(refusal(out), Reason::ForeignKey { .. }));
    let into = |t: &mut Table| {
        t.referenced_by
            .push(key("orders", "who", Some("email_addr")))
    };
    assert!(matches!(refusal(into), Reason::Referenced { .. }));
    assert!(matches!(
        refusal(|t| t.views.push(named("v"))),
        Reason::InView { .. }
    ));
    assert!(matches!(
        refusal(|t| t.triggers.push(named("r"))),
        Reason::Trigger { .. }
    ));
    let partial = |t: &mut Table| {
        t.indexes[0].partial = true;
        t.indexes[0].sql = Some("CREATE INDEX i ON users (id) WHERE email_addr > ''".to_owned());
    };
    assert!(matches!(refusal(partial), Reason::Index { .. }));
    let expression = |t: &mut Table| {
        t.indexes[0].columns[0].name = None;
        t.indexes[0].sql = Some("CREATE INDEX i ON users (lower(email_addr))".to_owned());
    };
    assert!(matches!(refusal(expression), Reason::Index { .. }));
    assert!(matches!(
        refusal(|t| t.columns[1].collation = "german".to_owned()),
        Reason::Collation { .. }
    ));
    assert!(matches!(
        refusal(|t| t.indexes[0].columns[0].collation = "german".to_owned()),
        Reason::Collation { .. }
    ));
    assert!(matches!(
        refusal(|t| t.columns[1].default = Some("CURRENT_DATE".to_owned())),
        Reason::UniqueDefault { .. }
    ));
    let together = |t: &mut Table| {
        t.indexes = vec![Index {
            unique: true,
            ..index("i", &["id", "email_addr"])
        }];
    };
    assert!(matches!(refusal(together), Reason::UniqueTogether { .. }));
    let computed = |t: &mut Table| {
        t.indexes.clear();
        t.columns[1].default = Some("CURRENT_DATE".to_owned());
    };
    assert!(matches!(refusal(computed), Reason::Default { .. }));
    assert!(matches!(
        refusal(|t| t.columns[1].declared_type = "TEXT\" --".to_owned()),
        Reason::Type { .. }
    ));
    for text in [
        "CREATE TABLE users (id INTEGER, email_addr TEXT CHECK (email_addr LIKE '%@%'))",
        "CREATE TABLE users (id INTEGER, email_addr TEXT, CHECK (id > 1 OR [email_addr] > 1))",
    ] {
        assert!(matches!(refusal(|t| sql(t, text)), Reason::Check { .. }));
    }
    for (text, expected) in [
        (
            "CREATE TABLE users (id INTEGER, email_addr TEXT, d AS (lower(email_addr)))",
            Reason::Computed {
                column: "email_addr".to_owned(),
            },
        ),
        (
            "CREATE TABLE users (email_addr TEXT NOT NULL ON CONFLICT REPLACE)",
            Reason::OnConflict {
                column: "email_addr".to_owned(),
            },
        ),
        (
            "CREATE TABLE users (id, email_addr TEXT, UNIQUE (id, email_addr) ON CONFLICT IGNORE)",
            Reason::OnConflict {
                column: "email_addr".to_owned(),
            },
        ),
        (
            "CREATE TABLE users (email_addr TEXT CONSTRAINT needed NOT NULL)",
            Reason::NamedNotNull {
                column: "email_addr".to_owned(),
            },
        ),
    ] {
        assert_eq!(refusal(|t| sql(t, text)), expected);
    }
    let taken = |t: &mut Table| {
        t.indexes
            .push(index("sb_rename-users-email-addr_index_1", &["id"]));
    };
    assert!(matches!(refusal(taken), Reason::NameTaken { .. }));
}

#[test]
fn a_name_that_is_no_other_name_is_refused() {
    let reason = |to: &str| match plan(&users(), &rename("email_addr", to)).unwrap_err() {
        RenameError::Unsupported { reason, .. } => reason,
        other => panic!("{other}"),
    };
    assert_eq!(reason(""), Reason::BadName);
    assert_eq!(reason("a\0b"), Reason::BadName);
    assert!(matches!(reason("Email_Addr"), Reason::OnlyCase { .. }));
    assert!(matches!(reason("OID"), Reason::RowidName { .. }));
}

#[test]
fn the_texts_name_the_table_and_the_columns() {
    for mode in [Mode::Triggers, Mode::Application] {
        let definition = plan(
            &users(),
            &Rename {
                mode,
                ..rename("email_addr", "email")
            },
        )
        .unwrap();
        for step in &definition.steps {
            assert!(step.title.contains("users"), "{}", step.title);
            for text in [&step.prevents, &step.way_back, &step.protects] {
                assert!(text.len() > 40 && !text.contains("  "), "{text}");
            }
            let all = format!("{} {} {}", step.prevents, step.protects, step.needs);
            assert!(all.contains("email"), "{all}");
            let code = matches!(step.work, Work::Code { .. });
            assert_eq!(code, step.needs.contains("before:\n"), "{}", step.needs);
        }
    }
}

#[test]
fn steps_of_a_plan_know_what_they_mean_and_how_they_are_taken_back() {
    let operations = |mode, step: &str, direction| -> Vec<(SurfaceOperation, bool)> {
        let definition = plan(
            &users(),
            &Rename {
                mode,
                ..rename("email_addr", "email")
            },
        )
        .unwrap();
        steps::planned(&definition, &StepName::new(step).unwrap(), direction)
            .unwrap()
            .into_iter()
            .map(|step| match step.action {
                Action::Surface { operation, .. } => (operation, step.undo.is_some()),
                other => panic!("{other}"),
            })
            .collect()
    };
    use switchback_model::Sync;
    let both = SurfaceOperation::Expand {
        sync: Sync::Both,
        filled: false,
    };
    let (up, down) = (Direction::Up, Direction::Down);
    assert_eq!(
        operations(Mode::Triggers, "expand", up),
        [(both, true), (SurfaceOperation::Fill, false)]
    );
    assert_eq!(
        operations(Mode::Triggers, "expand", down),
        [(SurfaceOperation::Unexpand, true)]
    );
    assert_eq!(
        operations(Mode::Application, "backfill", up),
        [(SurfaceOperation::Fill, true)]
    );
    assert_eq!(
        operations(Mode::Application, "backfill", down),
        [(SurfaceOperation::Unfill, true)]
    );
    assert_eq!(
        operations(Mode::Triggers, "contract", down),
        [(
            SurfaceOperation::Uncontract {
                sync: Sync::Both,
                partial: false
            },
            true
        )]
    );

    let definition = plan(&users(), &rename("email_addr", "email")).unwrap();
    let name = |text| StepName::new(text).unwrap();
    let planned = steps::planned(&definition, &name("expand"), up).unwrap();
    let Effect::Script(script) = &planned[0].effect else {
        panic!("{planned:?}")
    };
    assert_eq!(script.scope.columns, ["email_addr", "email"]);
    assert!(matches!(
        steps::planned(&definition, &name("switch-reads"), up),
        Err(steps::StepsError::CodeStep { .. })
    ));
    assert!(matches!(
        steps::planned(&definition, &name("nothing"), up),
        Err(steps::StepsError::NoStep { .. })
    ));
}
