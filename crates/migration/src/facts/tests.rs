//! What needs no server; see `crates/db/tests/facts.rs` for the claims themselves.

use super::*;
use crate::Engine;
use crate::sql::parse;

fn fold(sql: &str) -> Schema {
    let mut schema = Schema::empty();
    schema.time_zone = Some("utc".to_owned());
    for statement in parse(sql, Engine::Postgres) {
        assert_eq!(schema.apply(&statement), []);
    }
    schema
}

fn of(sql: &str, schema: &Schema, major: u32) -> Facts {
    let all = parse(sql, Engine::Postgres);
    Facts::of(&all[0], schema, major)
}

#[test]
fn what_was_made_in_the_same_unit_is_new() {
    let mut schema = fold("CREATE TABLE old (a int)");
    schema.begin_unit();
    for statement in parse("CREATE TABLE t (a int)", Engine::Postgres) {
        schema.apply(&statement);
    }
    let new = of("ALTER TABLE t ADD CHECK (a > 0)", &schema, 15);
    assert!(new.locks.iter().all(|it| it.new) && new.work.iter().all(|it| it.new));
    assert_eq!(new.blocking().count(), 0);
    let old = of("ALTER TABLE old ADD CHECK (a > 0)", &schema, 15);
    assert!(!old.locks[0].new && !old.work[0].new);
    assert_eq!(old.blocking().count(), 1);
}

#[test]
fn what_is_not_known_is_taken_for_the_worst() {
    let nothing = Schema::unknown();
    let facts = of("ALTER TABLE t ALTER COLUMN a TYPE bigint", &nothing, 15);
    assert!(facts.work.iter().any(|it| it.kind == WorkKind::Rewrite));
    assert!(matches!(
        facts.doubts.as_slice(),
        [Doubt::Table(_), Doubt::Column(..)]
    ));

    let facts = of("ALTER TABLE t ADD COLUMN z int DEFAULT f()", &nothing, 15);
    assert!(facts.work.iter().any(|it| it.kind == WorkKind::Rewrite));
    let function = Doubt::Function(Name::plain("f"));
    assert!(facts.doubts.contains(&function));

    let facts = of("ALTER TABLE t ALTER COLUMN a SET NOT NULL", &nothing, 15);
    assert!(facts.work.iter().any(|it| it.kind == WorkKind::Scan));

    let mut schema = fold("CREATE TABLE t (at timestamp)");
    schema.time_zone = None;
    let facts = of(
        "ALTER TABLE t ALTER COLUMN at TYPE timestamptz",
        &schema,
        15,
    );
    assert_eq!(facts.doubts, [Doubt::TimeZone]);
    assert!(facts.work.iter().any(|it| it.kind == WorkKind::Rewrite));
}

#[test]
fn a_not_null_that_is_not_valid_binds_new_rows_alone() {
    let mut schema = fold(
        "CREATE TABLE t (a int);
         ALTER TABLE t ADD CONSTRAINT later NOT NULL a NOT VALID",
    );
    schema.begin_unit();
    let table = schema.resolve(&Name::plain("t"));
    let held = |schema: &Schema| schema.relations.get(&table).unwrap().columns[0].not_null;
    assert!(held(&schema), "attnotnull is set at once");
    let facts = of("ALTER TABLE t ALTER COLUMN a SET NOT NULL", &schema, 18);
    assert!(facts.work.iter().any(|it| it.kind == WorkKind::Scan));
    for statement in parse("ALTER TABLE t DROP CONSTRAINT later", Engine::Postgres) {
        assert_eq!(schema.apply(&statement), []);
    }
    assert!(!held(&schema));
}

#[test]
fn what_is_not_sql_is_a_doubt() {
    let facts = of("FROBNICATE t", &Schema::empty(), 15);
    assert!(matches!(facts.doubts.as_slice(), [Doubt::Statement { .. }]));
    assert_eq!(facts.locks, []);
}

#[test]
fn a_version_that_lacks_it_is_a_doubt() {
    let schema = fold("CREATE TABLE t (a int); CREATE TABLE p (id int PRIMARY KEY)");
    for (sql, since) in [
        ("ALTER TABLE t ALTER COLUMN a SET COMPRESSION pglz", 14),
        ("ALTER TABLE t SET ACCESS METHOD heap", 15),
        ("ALTER TABLE t ALTER COLUMN a SET EXPRESSION AS (1)", 17),
        (
            "ALTER TABLE t ADD COLUMN b int GENERATED ALWAYS AS (a) VIRTUAL",
            18,
        ),
        ("ALTER TABLE t ADD CONSTRAINT q NOT NULL a", 18),
        ("ALTER TABLE t ADD CHECK (a > 0) NOT ENFORCED", 18),
        ("CREATE UNIQUE INDEX ON t (a) NULLS NOT DISTINCT", 15),
    ] {
        let doubt = Doubt::Version { since };
        assert!(of(sql, &schema, since - 1).doubts.contains(&doubt), "{sql}");
        assert!(!of(sql, &schema, since).doubts.contains(&doubt), "{sql}");
    }
}

#[test]
fn an_enum_value_waits_for_the_commit() {
    let mut schema = fold("CREATE TYPE mood AS ENUM ('good')");
    let facts = of("ALTER TYPE mood ADD VALUE 'bad'", &schema, 15);
    assert_eq!(facts.transaction, InTransaction::UnusableUntilCommit);
    schema.begin_unit();
    for statement in parse("CREATE TYPE fresh AS ENUM ('good')", Engine::Postgres) {
        schema.apply(&statement);
    }
    let facts = of("ALTER TYPE fresh ADD VALUE 'bad'", &schema, 15);
    assert_eq!(facts.transaction, InTransaction::Allowed);
}

#[test]
fn names_of_the_system_are_left_out() {
    let facts = of(
        "SELECT * FROM pg_class, information_schema.tables",
        &Schema::empty(),
        15,
    );
    assert_eq!((facts.locks, facts.doubts), (Vec::new(), Vec::new()));
}

#[test]
fn who_waits_for_whom() {
    for one in Mode::ALL {
        for other in Mode::ALL {
            assert_eq!(
                one.conflicts(other),
                other.conflicts(one),
                "{one:?} {other:?}"
            );
        }
    }
    let blocks = |mode: &&Mode| mode.blocks_writes();
    let writers_wait: Vec<_> = Mode::ALL.iter().filter(blocks).collect();
    assert_eq!(writers_wait.len(), 4);
    assert!(
        Mode::ALL
            .iter()
            .all(|mode| mode.blocks_reads() == (*mode == Mode::AccessExclusive))
    );
    assert!(!Mode::Share.conflicts(Mode::Share));
    assert!(Mode::ShareUpdateExclusive.conflicts(Mode::ShareUpdateExclusive));
    assert!(!Mode::ShareUpdateExclusive.conflicts(Mode::RowExclusive));
}
