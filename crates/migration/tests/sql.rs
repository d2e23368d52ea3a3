//! Statements as others see them.

#![expect(clippy::panic, reason = "test code outside of test functions")]

use switchback_migration::Engine;
use switchback_migration::sql::ir::{
    AlterAction, AlterTypeAction, Beside, Bound, Column, ConstraintKind, CreateTable, Generated,
    Kind, Name, Node, Object, OnDelete, Operator, Output, Persistence, ReindexTarget, Statement,
    Transaction, TypeName, Unknown, Volatility,
};
use switchback_migration::sql::parse;

fn all(sql: &str) -> Vec<Statement> {
    parse(sql, Engine::Postgres)
}

fn one(sql: &str) -> Kind {
    let mut found = all(sql);
    assert_eq!(found.len(), 1, "{sql}: {found:?}");
    found.remove(0).kind
}

fn table(sql: &str) -> CreateTable {
    match one(sql) {
        Kind::CreateTable(table) => *table,
        other => panic!("{sql}: {other:?}"),
    }
}

fn actions(sql: &str) -> Vec<AlterAction> {
    match one(sql) {
        Kind::Alter(alter) => alter
            .actions
            .into_iter()
            .map(|(action, _)| action)
            .collect(),
        other => panic!("{sql}: {other:?}"),
    }
}

fn type_of(written: &str) -> TypeName {
    let table = table(&format!("create table t (a {written})"));
    table.columns[0]
        .type_name
        .clone()
        .unwrap_or_else(|| panic!("{written}"))
}

fn names(all: &[Name]) -> Vec<String> {
    all.iter().map(Name::to_string).collect()
}

#[test]
fn types_are_called_as_the_catalog_calls_them() {
    for (written, name, modifiers) in [
        ("int", "int4", vec![]),
        ("INTEGER", "int4", vec![]),
        ("bigint", "int8", vec![]),
        ("int8", "int8", vec![]),
        ("smallint", "int2", vec![]),
        ("decimal(10, 2)", "numeric", vec![10, 2]),
        ("numeric(3,-2)", "numeric", vec![3, -2]),
        ("dec", "numeric", vec![]),
        ("real", "float4", vec![]),
        ("float", "float8", vec![]),
        ("float(24)", "float4", vec![]),
        ("float(25)", "float8", vec![]),
        ("double precision", "float8", vec![]),
        ("boolean", "bool", vec![]),
        ("varchar", "varchar", vec![]),
        ("character varying(20)", "varchar", vec![20]),
        ("national character varying (20)", "varchar", vec![20]),
        ("char", "bpchar", vec![1]),
        ("character(3)", "bpchar", vec![3]),
        ("\"char\"", "char", vec![]),
        ("bpchar", "bpchar", vec![]),
        ("bit", "bit", vec![1]),
        ("bit varying(5)", "varbit", vec![5]),
        ("time", "time", vec![]),
        ("time(3) with time zone", "timetz", vec![3]),
        ("timestamp(6) without time zone", "timestamp", vec![6]),
        ("timestamp with time zone", "timestamptz", vec![]),
        ("timestamptz(3)", "timestamptz", vec![3]),
        ("interval", "interval", vec![]),
        ("interval(3)", "interval", vec![0x7fff, 3]),
        ("interval year to month", "interval", vec![6]),
        ("interval second(3)", "interval", vec![4096, 3]),
        ("text", "text", vec![]),
        ("pg_catalog.int4", "int4", vec![]),
        ("vector(3)", "vector", vec![3]),
        ("geometry(Point, 4326)", "geometry", vec![4326]),
    ] {
        let found = type_of(written);
        assert!(found.is(name), "{written}: {found:?}");
        assert_eq!(found.modifiers, modifiers, "{written}");
        assert_eq!(found.written, written);
    }
    for (written, array) in [
        ("int[]", 1),
        ("int[3][]", 2),
        ("int array", 1),
        ("int array[4]", 1),
    ] {
        let found = type_of(written);
        assert_eq!(
            (found.name.name.as_str(), found.array),
            ("int4", array),
            "{written}"
        );
    }
    for (written, name) in [
        ("serial", "int4"),
        ("BigSerial", "int8"),
        ("serial2", "int2"),
    ] {
        let found = type_of(written);
        assert!(found.serial && found.is(name), "{written}");
    }
    assert_eq!(type_of("a.\"B\"").name, Name::qualified("a", "B"));
    assert_eq!(type_of("\"int\"").name, Name::plain("int"));
}

#[test]
fn names_are_folded_and_cut() {
    let long = "A".repeat(70);
    let found = table(&format!(
        "create table Foo.\"Bar\"\"x\" ({long} int, U&\"\\0061b\" int)"
    ));
    assert_eq!(found.name, Name::qualified("foo", "Bar\"x"));
    assert_eq!(found.columns[0].name, "a".repeat(63));
    assert_eq!(found.columns[1].name, "ab");
    assert_eq!(
        names(
            &all("drop table a.b.C")
                .iter()
                .flat_map(dropped)
                .collect::<Vec<_>>()
        ),
        ["b.c"]
    );
}

fn dropped(statement: &Statement) -> Vec<Name> {
    match &statement.kind {
        Kind::Drop(drop) => drop.names.clone(),
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_table_with_everything() {
    let sql = "create unlogged table if not exists a.b (
        id bigint generated always as identity primary key,
        x varchar(3) default 'a'::text collate \"C\" constraint nn not null check (x <> '') no inherit,
        y int references o(k) on delete cascade deferrable initially deferred not enforced,
        z int generated always as (y * 2) stored unique nulls not distinct,
        like c including all excluding indexes,
        constraint u unique (x, y) include (z),
        foreign key (x, y) references p on delete set null,
        check (y > 0) not valid,
        constraint n not null y no inherit,
        exclude using gist (y with =) where (z > 1)
      ) inherits (q, r.s) partition by range (y, lower(x)) using heap tablespace ts";
    let found = table(sql);
    assert_eq!(found.persistence, Persistence::Unlogged);
    assert!(found.if_not_exists);
    assert_eq!(names(&found.inherits), ["q", "r.s"]);
    assert_eq!(
        (found.tablespace.as_deref(), found.access_method.as_deref()),
        (Some("ts"), Some("heap"))
    );
    let by = found.partition_by.expect("partitioned");
    assert_eq!((by.strategy.as_str(), by.keys.len()), ("range", 2));
    let [id, x, y, z] = found.columns.as_slice() else {
        panic!("{:?}", found.columns);
    };
    assert_eq!(id.generated, Some(Generated::Identity { always: true }));
    assert_eq!(
        &sql[id.span.clone()],
        "id bigint generated always as identity primary key"
    );
    assert_eq!(x.collation, Some(Name::plain("C")));
    assert!(
        matches!(&x.default.as_ref().expect("a default").node, Node::Cast { to, .. } if to.is("text"))
    );
    let kinds = |column: &Column| -> Vec<ConstraintKind> {
        column
            .constraints
            .iter()
            .map(|it| it.kind.clone())
            .collect()
    };
    assert!(
        matches!(kinds(id).as_slice(), [ConstraintKind::PrimaryKey { columns, .. }] if columns == &["id"])
    );
    assert_eq!(x.constraints[0].name.as_deref(), Some("nn"));
    assert!(x.constraints[1].no_inherit);
    let [key] = y.constraints.as_slice() else {
        panic!("{y:?}");
    };
    assert!(key.deferrable && key.not_enforced);
    assert!(
        matches!(&key.kind, ConstraintKind::ForeignKey { columns, table, referred, on_delete: OnDelete::Cascade }
        if columns == &["y"] && table.name == "o" && referred == &["k"])
    );
    assert!(matches!(
        &z.generated,
        Some(Generated::Expression { stored: true, .. })
    ));
    assert!(z.constraints[0].nulls_not_distinct);
    let like = &found.like[0];
    assert_eq!(
        (
            like.position,
            like.including.join(" "),
            like.excluding.join(" ")
        ),
        (4, "ALL".into(), "INDEXES".into())
    );
    let [unique, foreign, check, not_null, exclude] = found.constraints.as_slice() else {
        panic!("{:?}", found.constraints);
    };
    assert_eq!(
        (unique.name.as_deref(), unique.include.as_slice()),
        (Some("u"), ["z".to_owned()].as_slice())
    );
    assert!(
        matches!(&foreign.kind, ConstraintKind::ForeignKey { referred, on_delete: OnDelete::Set, .. } if referred.is_empty())
    );
    assert!(check.not_valid);
    assert!(matches!(&not_null.kind, ConstraintKind::NotNull { column } if column == "y"));
    assert!(not_null.no_inherit);
    assert_eq!(exclude.method.as_deref(), Some("gist"));
    assert!(exclude.predicate.is_some());
}

#[test]
fn partitions_and_tables_of_queries() {
    let bounds = [
        "for values from (1, minvalue) to ('x', maxvalue)",
        "for values in (1, null)",
        "for values with (modulus 4, remainder 1)",
        "default",
    ];
    let found: Vec<Bound> = bounds
        .iter()
        .map(|bound| table(&format!("create table a partition of b {bound}")))
        .map(|it| it.partition_of.expect("a partition").1)
        .collect();
    assert!(
        matches!(&found[0], Bound::FromTo(from, to) if from.len() == 2
        && matches!(&to[1].node, Node::Column(name) if name == "maxvalue"))
    );
    assert!(matches!(&found[1], Bound::In(all) if all[1].is_null()));
    assert_eq!(
        found[2],
        Bound::Hash {
            modulus: 4,
            remainder: 1
        }
    );
    assert_eq!(found[3], Bound::Default);
    let made = table(
        "create temp table a (x, y) as with b as (select * from c) select b.*, d.e from b, d",
    );
    assert_eq!(made.columns.len(), 2);
    assert_eq!(names(&made.query.expect("a query").tables), ["c", "d"]);
    assert_eq!(
        table("select 1 as one into a from b")
            .query
            .expect("a query")
            .outputs
            .len(),
        1
    );
    assert_eq!(
        table("create table a of b.c (d primary key)").of_type,
        Some(Name::qualified("b", "c"))
    );
    assert!(table("create foreign table a (b int) server c").foreign);
}

#[test]
fn every_change_of_a_table() {
    use AlterAction as A;
    let found = actions(
        "alter table if exists only a.b
           add column if not exists c int not null, drop column if exists d cascade,
           alter e type varchar(3) collate \"x\" using e::text, alter f set default 1, alter f drop default,
           alter f set not null, alter f drop not null, alter g set expression as (1), alter g drop expression,
           alter h add generated by default as identity, alter h set generated always, alter h drop identity if exists,
           alter c set statistics 3, alter c set storage main, alter c set compression lz4, alter c set (n_distinct = 3),
           add constraint q not null a not valid, add constraint z unique using index i2, drop constraint if exists x cascade,
           validate constraint y, alter constraint z not enforced, alter constraint z inherit, alter constraint z deferrable,
           set (fillfactor = 3, toast.autovacuum_enabled), set unlogged, set access method default, set tablespace ts,
           cluster on i, set without oids, replica identity full, disable trigger all, enable rule r,
           enable row level security, inherit p, no inherit p, of t, owner to x,
           attach partition p1 default, detach partition p1 concurrently, detach partition p1 finalize",
    );
    assert!(
        matches!(&found[0], A::AddColumn { column, if_not_exists: true } if column.name == "c")
    );
    assert!(matches!(
        &found[1],
        A::DropColumn {
            if_exists: true,
            cascade: true,
            ..
        }
    ));
    assert!(
        matches!(&found[2], A::SetType { to, collation: Some(_), using: Some(_), .. } if to.is("varchar"))
    );
    assert!(matches!(
        &found[3],
        A::Default {
            default: Some(_),
            ..
        }
    ));
    assert!(matches!(&found[4], A::Default { default: None, .. }));
    assert!(matches!(&found[7], A::SetExpression { .. }));
    assert!(matches!(&found[9], A::AddIdentity { always: false, .. }));
    assert!(matches!(
        &found[10],
        A::SetIdentity {
            always: Some(true),
            ..
        }
    ));
    assert!(matches!(
        &found[11],
        A::DropIdentity {
            if_exists: true,
            ..
        }
    ));
    assert!(matches!(&found[16], A::AddConstraint(it) if it.not_valid
        && matches!(&it.kind, ConstraintKind::NotNull { column } if column == "a")));
    assert!(matches!(&found[17], A::AddConstraint(it)
        if matches!(&it.kind, ConstraintKind::Unique { using: Some(index), .. } if index == "i2")));
    assert!(matches!(
        &found[20],
        A::AlterConstraint {
            enforced: Some(false),
            inherit: None,
            ..
        }
    ));
    assert!(matches!(
        &found[21],
        A::AlterConstraint {
            inherit: Some(true),
            ..
        }
    ));
    assert!(matches!(
        &found[22],
        A::AlterConstraint {
            deferrable: Some(true),
            ..
        }
    ));
    assert!(
        matches!(&found[23], A::SetOptions { options } if options == &["fillfactor", "toast.autovacuum_enabled"])
    );
    assert!(matches!(&found[25], A::SetAccessMethod { to: None }));
    assert!(matches!(
        &found[37],
        A::AttachPartition {
            bound: Some(Bound::Default),
            ..
        }
    ));
    assert!(matches!(
        &found[38],
        A::DetachPartition {
            concurrently: true,
            ..
        }
    ));
    assert!(matches!(
        &found[39],
        A::DetachPartition { finalize: true, .. }
    ));
    let unknown: Vec<_> = found
        .iter()
        .filter(|it| matches!(it, A::Unknown { .. }))
        .collect();
    assert!(unknown.is_empty(), "{unknown:?}");
}

#[test]
fn what_is_altered_like_a_table() {
    for (sql, object) in [
        ("alter index a rename to b", Object::Index),
        ("alter index a attach partition b", Object::Index),
        ("alter sequence a owned by b.c", Object::Sequence),
        ("alter sequence a increment 2", Object::Sequence),
        ("alter view a alter column b set default 1", Object::View),
        (
            "alter materialized view a set schema b",
            Object::MaterializedView,
        ),
        (
            "alter foreign table a add column b int",
            Object::ForeignTable,
        ),
        ("alter schema a rename to b", Object::Schema),
        ("alter function a(int) rename to b", Object::Function),
        ("alter trigger a on b rename to c", Object::Table),
        ("alter rule a on b rename to c", Object::Table),
    ] {
        match one(sql) {
            Kind::Alter(alter) => {
                assert_eq!(alter.object, object, "{sql}");
                assert_eq!(alter.actions.len(), 1, "{sql}");
                assert!(
                    !matches!(alter.actions[0].0, AlterAction::Unknown { .. }),
                    "{sql}"
                );
            }
            other => panic!("{sql}: {other:?}"),
        }
    }
}

#[test]
fn indexes_and_views() {
    let sql = "create unique index concurrently if not exists i on only a.b using gin \
               (lower(c) collate \"C\" text_ops desc, d) include (e) nulls not distinct where f is not null and g > 0";
    let Kind::CreateIndex(index) = one(sql) else {
        panic!("{sql}");
    };
    assert!(
        index.unique
            && index.concurrently
            && index.if_not_exists
            && index.only
            && index.nulls_not_distinct
    );
    assert_eq!(
        (index.method.as_str(), index.table.to_string().as_str()),
        ("gin", "a.b")
    );
    assert_eq!(index.keys[0].options, "collate \"C\" text_ops desc");
    assert!(matches!(&index.keys[0].expr.node, Node::Call { name, .. } if name.name == "lower"));
    assert!(matches!(&index.keys[1].expr.node, Node::Column(name) if name == "d"));
    assert_eq!(index.include, ["e"]);
    let predicate = index.predicate.expect("a predicate");
    assert!(predicate.proves_not_null("f"));
    assert!(matches!(&predicate.node, Node::And(all)
        if matches!(all[1].node, Node::Compare { operator: Operator::Greater, .. })));
    assert!(
        matches!(one("create index on t (a)"), Kind::CreateIndex(it) if it.name.is_none() && it.method == "btree")
    );
    for (sql, what, named, waits) in [
        ("reindex index a", ReindexTarget::Index, true, true),
        (
            "reindex (verbose) table concurrently a",
            ReindexTarget::Table,
            true,
            false,
        ),
        (
            "reindex (concurrently) schema a",
            ReindexTarget::Schema,
            true,
            false,
        ),
        ("reindex database", ReindexTarget::Database, false, true),
    ] {
        match one(sql) {
            Kind::Reindex {
                what: found,
                name,
                concurrently,
            } => {
                assert_eq!(
                    (found, name.is_some(), !concurrently),
                    (what, named, waits),
                    "{sql}"
                );
            }
            other => panic!("{other:?}"),
        }
    }
    let Kind::CreateView {
        columns,
        query,
        materialized: true,
        with_data: false,
        ..
    } = one(
        "create materialized view a (x) as select b.*, f(c) as d, 1 from e b join lateral (select 1) s on true for update with no data",
    )
    else {
        panic!("no view");
    };
    assert_eq!(
        (columns.len(), query.star, query.locks_rows),
        (1, true, true)
    );
    assert!(
        matches!(query.outputs.as_slice(), [Output::All { tables }, Output::One { name, .. }, Output::One { name: third, .. }]
        if tables[0].name == "e" && name == "d" && third == "?column?")
    );
}

#[test]
fn what_queries_read() {
    for (sql, tables, functions) in [
        (
            "with a as (select * from t) select * from a, s.b",
            "t s.b",
            "",
        ),
        ("with a as (select * from a) select * from a", "a", ""),
        (
            "with recursive a as (select 1 union select * from a) select f(1) from a",
            "",
            "f",
        ),
        (
            "with a as (select 1) select 1 union select 2 from a union select 3 from b",
            "b",
            "",
        ),
        (
            "select (select 1 from a where exists (select 1 from b)), c.d(current_date)",
            "a b",
            "c.d current_date",
        ),
        ("table a", "a", ""),
        (
            "select count(*) from generate_series(1, 2) g",
            "",
            "count generate_series",
        ),
    ] {
        match one(sql) {
            Kind::Select(query) => {
                assert_eq!(names(&query.tables).join(" "), tables, "{sql}");
                let mut found = names(&query.functions);
                found.sort();
                assert_eq!(found.join(" "), functions, "{sql}");
            }
            other => panic!("{sql}: {other:?}"),
        }
    }
    let Kind::Select(query) =
        one("select a.b, c d, e::int, x.*, count(*) from t x join u using (k) where f = 'g'")
    else {
        panic!("no query");
    };
    assert_eq!(query.columns, ["b", "c", "e", "k", "f"]);
    assert!(query.star);
}

#[test]
fn changes_of_rows() {
    let found = all(
        "with x as (delete from a where b returning *), y as (update c set d = 1) insert into e select * from x",
    );
    let kinds: Vec<&Kind> = found.iter().map(|it| &it.kind).collect();
    assert!(
        matches!(
            kinds.as_slice(),
            [
                Kind::Delete { .. },
                Kind::Update { .. },
                Kind::Insert { values: false, .. }
            ]
        ),
        "{kinds:?}"
    );
    let Kind::Update {
        columns,
        predicate: None,
        query,
        ..
    } = one("update only a.b as c set (d, e) = (select 1, 2), f[1] = 3 from g")
    else {
        panic!("no update");
    };
    assert_eq!(
        (columns.join(" "), names(&query.tables).join(" ")),
        ("d e f".into(), "g".into())
    );
    assert!(matches!(
        one("insert into t values (1), (2) on conflict do nothing"),
        Kind::Insert {
            values: true,
            updates: false,
            ..
        }
    ));
    assert!(matches!(
        one("insert into t (a) select 1 from b on conflict (a) do update set a = 1"),
        Kind::Insert {
            values: false,
            updates: true,
            ..
        }
    ));
    assert!(matches!(
        one("merge into t using u on a = b when matched then update set a = 1"),
        Kind::Insert { updates: true, .. }
    ));
    assert!(matches!(
        one("delete from t using u where t.a = u.a"),
        Kind::Delete {
            predicate: Some(_),
            ..
        }
    ));
    assert!(matches!(
        one("copy a.t (b) from 'x'"),
        Kind::Copy {
            table: Some(_),
            from: true
        }
    ));
    assert!(matches!(
        one("copy (select 1) to stdout"),
        Kind::Copy {
            table: None,
            from: false
        }
    ));
}

#[test]
fn types_domains_and_the_rest() {
    assert!(
        matches!(one("create type a as enum ('x', 'y''z')"), Kind::CreateType { values: Some(values), .. } if values == ["x", "y'z"])
    );
    assert!(
        matches!(one("create type a as (b int, c text)"), Kind::CreateType { values: None, attributes, .. } if attributes.len() == 2)
    );
    assert!(
        matches!(one("alter type a add value if not exists 'b' before 'c'"), Kind::AlterType {
        action: AlterTypeAction::AddValue { if_not_exists: true, beside: Some((Beside::Before, other)), .. }, ..
    } if other == "c")
    );
    assert_eq!(
        all("alter type a add attribute b int, drop attribute c").len(),
        2
    );
    assert!(
        matches!(one("create domain a as int default 3 constraint b check (value > 0) not null"),
        Kind::CreateDomain { constraints, default: Some(_), .. } if constraints.len() == 2)
    );
    assert!(matches!(
        one("create or replace function a.f(x int) returns int language sql stable as 'select 1'"),
        Kind::CreateFunction {
            or_replace: true,
            volatility: Volatility::Stable,
            ..
        }
    ));
    assert!(matches!(
        one("create procedure p() language sql as 'x'"),
        Kind::CreateFunction {
            volatility: Volatility::Volatile,
            ..
        }
    ));
    assert!(
        matches!(one("create constraint trigger a after insert on b.c from d for each row execute function f.g()"),
        Kind::CreateTrigger { from: Some(_), rows: true, function, .. } if function.to_string() == "f.g")
    );
    assert!(
        matches!(one("truncate only a, b cascade"), Kind::Truncate { tables, cascade: true } if tables.len() == 2)
    );
    assert!(
        matches!(one("lock a in share row exclusive mode"), Kind::Lock { mode, .. } if mode == "SHARE ROW EXCLUSIVE")
    );
    assert!(matches!(one("lock table a"), Kind::Lock { mode, .. } if mode == "ACCESS EXCLUSIVE"));
    assert!(matches!(
        one("vacuum (full, analyze false) a"),
        Kind::Vacuum {
            full: true,
            analyze: false,
            ..
        }
    ));
    assert!(
        matches!(one("comment on column a.b.c is 'x'"), Kind::Comment { on: Object::Column, name: Some(name) } if name.to_string() == "a.b")
    );
    assert!(
        matches!(one("comment on trigger a on b is 'x'"), Kind::Comment { on: Object::Trigger, name: Some(name) } if name.name == "b")
    );
    assert!(
        matches!(one("grant select on a, b to c"), Kind::Grant { tables, revoke: false } if tables.len() == 2)
    );
    assert!(
        matches!(one("revoke usage on schema a from c"), Kind::Grant { tables, revoke: true } if tables.is_empty())
    );
    assert!(
        matches!(one("drop function if exists f(int), g cascade"), Kind::Drop(drop) if drop.names.len() == 2 && drop.cascade)
    );
    assert!(
        matches!(one("drop trigger a on b"), Kind::Drop(drop) if drop.on == Some(Name::plain("b")))
    );
    assert!(
        matches!(one("create publication a for table b, c"), Kind::Publication { tables } if tables.len() == 2)
    );
    assert!(matches!(
        one("alter policy a on b rename to c"),
        Kind::Policy {
            alter: true,
            rename: Some(_),
            ..
        }
    ));
    for sql in [
        "alter default privileges grant select on tables to x",
        "create role x",
        "notify x",
        "show x",
        "explain select 1",
        "create cast (a as b) without function",
        "create event trigger e on ddl_command_end execute function f()",
    ] {
        assert!(matches!(one(sql), Kind::Harmless { .. }), "{sql}");
    }
    for sql in [
        "call f()",
        "execute x",
        "explain analyze delete from t",
        "drop owned by x",
        "import foreign schema a from server b into c",
        "alter table all in tablespace a set tablespace b",
    ] {
        assert!(
            matches!(
                one(sql),
                Kind::Unknown {
                    reason: Unknown::Statement { .. }
                }
            ),
            "{sql}"
        );
    }
}

#[test]
fn schemas_settings_and_transactions() {
    let found = all("create schema s create table a (b int) create view s.v as select 1; begin");
    assert_eq!(found.len(), 4);
    assert!(
        matches!(&found[1].kind, Kind::CreateTable(table) if table.name == Name::qualified("s", "a"))
    );
    assert!(matches!(
        found[3].kind,
        Kind::Transaction(Transaction::Begin)
    ));
    assert!(
        matches!(one("create schema authorization Joe"), Kind::CreateSchema { name, .. } if name == "joe")
    );
    let dump = one("SELECT pg_catalog.set_config('search_path', 'a, \"B\"', false)");
    assert!(
        matches!(&dump, Kind::Set { parameter, values, local: false } if parameter == "search_path" && values == &["a", "B"]),
        "{dump:?}"
    );
}

#[test]
fn one_bad_statement_hurts_no_other() {
    let sql = "create table a (b int); create tabel c; -- x\n select 1 select 2; alter table {{ name }} add column x int; drop table d;";
    let found = all(sql);
    let kinds: Vec<&Kind> = found.iter().map(|it| &it.kind).collect();
    let [
        Kind::CreateTable(_),
        Kind::Unknown {
            reason: Unknown::Syntax { span, .. },
        },
        Kind::Unknown { .. },
        Kind::Unknown {
            reason: Unknown::Template,
        },
        Kind::Drop(_),
    ] = kinds.as_slice()
    else {
        panic!("{kinds:?}");
    };
    assert!(span.start >= sql.find("create tabel").expect("it is there"));
    assert_eq!(&sql[found[2].span.clone()], "select 1 select 2");
    assert!(
        matches!(&all("\\i other.sql\n")[0].kind, Kind::Unknown { reason: Unknown::ClientCommand { what } } if what == "\\i")
    );
    assert!(matches!(
        &all("\\restrict x\n")[0].kind,
        Kind::Harmless { .. }
    ));
    assert!(matches!(
        one("insert into \"${schema}\".t values ('${x}')"),
        Kind::Insert { .. }
    ));
}

#[test]
fn expressions() {
    let node = |sql: &str| match one(&format!("select {sql}")) {
        Kind::Select(mut query) => match query.outputs.remove(0) {
            Output::One { expr, .. } => expr.node,
            other => panic!("{other:?}"),
        },
        other => panic!("{sql}: {other:?}"),
    };
    assert!(
        matches!(node("not (a is null)"), Node::Not(of) if matches!(of.node, Node::IsNull { not: false, .. }))
    );
    assert!(matches!(node("a notnull"), Node::IsNull { not: true, .. }));
    assert!(matches!(node("a and (b and c) and d"), Node::And(all) if all.len() == 4));
    assert!(matches!(node("a or b and c"), Node::Or(all) if all.len() == 2));
    assert!(matches!(node("-3"), Node::Literal(text) if text == "-3"));
    assert!(matches!(node("'a''b'"), Node::Literal(text) if text == "a'b"));
    assert!(
        matches!(node("CURRENT_TIMESTAMP"), Node::Call { name, arguments } if name.name == "current_timestamp" && arguments.is_empty())
    );
    assert!(matches!(node("cast(a as bigint)"), Node::Cast { to, .. } if to.is("int8")));
    assert!(matches!(node("interval '1 day'"), Node::Cast { to, .. } if to.is("interval")));
    assert!(matches!(node("a.b.c"), Node::Column(name) if name == "c"));
    assert!(
        matches!(node("coalesce(a, f(b))"), Node::Call { arguments, .. } if arguments.len() == 2)
    );
    assert!(matches!(node("case when a then b end"), Node::Other(all) if all.len() == 2));
    assert!(matches!(
        node("a <> b"),
        Node::Compare {
            operator: Operator::NotEqual,
            ..
        }
    ));
    let deep = format!("select {}a{}", "f(".repeat(90), ")".repeat(90));
    let Kind::Select(query) = one(&deep) else {
        panic!("no query");
    };
    let [Output::One { expr, .. }] = query.outputs.as_slice() else {
        panic!("{:?}", query.outputs);
    };
    assert_eq!(expr.columns(), ["a"]);
    assert_eq!(expr.functions().len(), 90);
    let endless = format!("select {}a{}", "(".repeat(100_000), ")".repeat(100_000));
    assert!(matches!(
        one(&endless),
        Kind::Unknown {
            reason: Unknown::Syntax { .. }
        }
    ));
}

#[test]
fn other_engines() {
    let mysql = "CREATE TABLE `A` (`id` int(11) unsigned NOT NULL AUTO_INCREMENT COMMENT 'it\\'s', \"x\" varchar(9), \
        `b` datetime DEFAULT CURRENT_TIMESTAMP ON UPDATE CURRENT_TIMESTAMP, PRIMARY KEY (`id`), KEY `k` (`b`(10)), \
        UNIQUE KEY `u` (`b`), CONSTRAINT `f` FOREIGN KEY (`b`) REFERENCES `c` (`d`)) ENGINE=InnoDB COMMENT='x'; # end";
    let found = parse(&mysql.replace("\"x\"", "`x`"), Engine::Mysql);
    let Kind::CreateTable(table) = &found[0].kind else {
        panic!("{found:?}");
    };
    assert_eq!(
        (
            table.name.name.as_str(),
            table.columns.len(),
            table.constraints.len()
        ),
        ("a", 3, 3)
    );
    let sql = "ALTER TABLE a ADD COLUMN b INT UNSIGNED AFTER c, ADD INDEX i (d(3), e), MODIFY f BIGINT NOT NULL, \
               CHANGE COLUMN g h TEXT, DROP FOREIGN KEY j, DROP INDEX k, ENGINE=InnoDB";
    let found = parse(sql, Engine::Mysql);
    let actions: Vec<&AlterAction> = found
        .iter()
        .filter_map(|it| match &it.kind {
            Kind::Alter(alter) => Some(&alter.actions),
            _ => None,
        })
        .flatten()
        .map(|(action, _)| action)
        .collect();
    assert!(actions.iter().any(
        |it| matches!(it, AlterAction::RenameColumn { from, to } if from == "g" && to == "h")
    ));
    assert!(actions.iter().any(
        |it| matches!(it, AlterAction::SetType { column, to, .. } if column == "f" && to.is("int8"))
    ));
    assert!(
        actions
            .iter()
            .any(|it| matches!(it, AlterAction::DropConstraint { name, .. } if name == "j"))
    );
    assert!(
        found
            .iter()
            .any(|it| matches!(&it.kind, Kind::CreateIndex(index) if index.keys.len() == 2))
    );
    assert!(
        found
            .iter()
            .any(|it| matches!(&it.kind, Kind::Drop(drop) if drop.object == Object::Index))
    );
    let sqlite = "PRAGMA foreign_keys=OFF; CREATE TABLE IF NOT EXISTS [T] (id INTEGER PRIMARY KEY AUTOINCREMENT, a, \
        b TEXT DEFAULT \"x\" CHECK (a == b), UNIQUE (a) ON CONFLICT REPLACE) WITHOUT ROWID; \
        CREATE TRIGGER t AFTER UPDATE OF a ON u BEGIN UPDATE v SET a = 1; END; INSERT OR REPLACE INTO `t` SELECT * FROM user; DROP TRIGGER t";
    let found = parse(sqlite, Engine::Sqlite);
    assert!(
        matches!(found.iter().map(|it| &it.kind).collect::<Vec<_>>().as_slice(), [
        Kind::Set { .. }, Kind::CreateTable(table), Kind::CreateTrigger { .. }, Kind::Insert { query, .. }, Kind::Drop(_),
    ] if table.name.name == "t" && table.columns.len() == 3 && query.tables[0].name == "user"),
        "{found:?}"
    );
}
