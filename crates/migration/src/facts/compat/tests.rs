use super::*;
use crate::Engine;
use crate::sql::parse;

const SETUP: &str = "
    CREATE TYPE mood AS ENUM ('good', 'bad');
    CREATE DOMAIN positive AS int CHECK (value > 0);
    CREATE TYPE pair AS (x int, y int);
    CREATE FUNCTION f() RETURNS int LANGUAGE sql AS 'SELECT 1';
    CREATE SEQUENCE free;
    CREATE TABLE p (id int PRIMARY KEY);
    CREATE TABLE t (
        id serial PRIMARY KEY,
        a int NOT NULL DEFAULT 1,
        b varchar(20),
        c text,
        n numeric(10, 2),
        at timestamp,
        twice int GENERATED ALWAYS AS (a * 2) STORED,
        u int UNIQUE
    );
    CREATE UNIQUE INDEX t_b ON t (b);
    CREATE VIEW v AS SELECT id, c FROM t;
    CREATE MATERIALIZED VIEW mv AS SELECT id FROM t;
    CREATE TABLE pt (k int) PARTITION BY RANGE (k);
    CREATE TABLE pt_0 PARTITION OF pt FOR VALUES FROM (0) TO (10);
";

fn schema() -> Schema {
    let mut schema = Schema::empty();
    for statement in parse(SETUP, Engine::Postgres) {
        assert_eq!(schema.apply(&statement), []);
    }
    schema.begin_unit();
    schema
}

fn of(sql: &str, schema: &Schema) -> Vec<Effect> {
    let mut schema = schema.clone();
    let mut all = Vec::new();
    for statement in parse(sql, Engine::Postgres) {
        all.extend(effects(&statement, &schema).into_iter().map(|(it, _)| it));
        schema.apply(&statement);
    }
    all
}

/// The kind of each effect, what it means for readers and writers, and whether data are lost.
fn summary(sql: &str) -> Vec<String> {
    let short = |impact| match impact {
        Impact::None => '-',
        Impact::Possible => 'p',
        Impact::Certain => 'c',
    };
    let one = |effect: &Effect| {
        let words = format!("{effect:?}");
        let kind = words.split_whitespace().next().unwrap_or_default();
        let lost = if effect.destroys() { " lost" } else { "" };
        format!(
            "{kind} {}{}{lost}",
            short(effect.readers()),
            short(effect.writers())
        )
    };
    of(sql, &schema()).iter().map(one).collect()
}

#[test]
fn each_statement() {
    for (sql, wanted) in [
        ("DROP TABLE p", &["Removes cc lost"][..]),
        ("DROP VIEW v", &["Removes cc"]),
        ("DROP MATERIALIZED VIEW mv", &["Removes cc"]),
        ("DROP TABLE IF EXISTS nothing", &[]),
        ("DROP FUNCTION f", &["Removes cc"]),
        ("DROP SEQUENCE free", &["Removes cc"]),
        ("DROP TYPE pair", &["Removes cc"]),
        ("DROP DOMAIN positive", &["Removes cc"]),
        ("ALTER TABLE t RENAME TO q", &["Renames cc"]),
        ("ALTER TABLE t SET SCHEMA public", &[]),
        ("ALTER VIEW v RENAME TO q", &["Renames cc"]),
        ("ALTER FUNCTION f() RENAME TO q", &["Renames cc"]),
        ("ALTER TYPE mood RENAME TO q", &["Renames cc"]),
        ("ALTER TABLE t DROP COLUMN n", &["RemovesColumn cc lost"]),
        ("ALTER TABLE t DROP COLUMN twice", &["RemovesColumn cc"]),
        ("ALTER TABLE t DROP COLUMN u", &["RemovesColumn cc lost"]),
        ("ALTER TABLE t RENAME COLUMN c TO d", &["RenamesColumn cc"]),
        ("ALTER TABLE t ADD COLUMN z int", &[]),
        (
            "ALTER TABLE t ADD COLUMN z int NOT NULL",
            &["RequiresColumn -c"],
        ),
        ("ALTER TABLE t ADD COLUMN z int NOT NULL DEFAULT 1", &[]),
        ("ALTER TABLE t ADD COLUMN z serial", &[]),
        (
            "ALTER TABLE t ADD COLUMN z int NOT NULL GENERATED ALWAYS AS IDENTITY",
            &[],
        ),
        (
            "ALTER TABLE t ADD COLUMN z int UNIQUE DEFAULT 1",
            &["RefusesWrites -p"],
        ),
        (
            "ALTER TABLE t ALTER COLUMN c SET NOT NULL",
            &["ForbidsNull -p"],
        ),
        ("ALTER TABLE t ALTER COLUMN a SET NOT NULL", &[]),
        (
            "ALTER TABLE t ALTER COLUMN a DROP NOT NULL",
            &["AllowsNull p-"],
        ),
        (
            "ALTER TABLE t ALTER COLUMN a DROP DEFAULT",
            &["RemovesDefault -p"],
        ),
        ("ALTER TABLE t ALTER COLUMN c DROP DEFAULT", &[]),
        ("ALTER TABLE t ALTER COLUMN b TYPE varchar(40)", &[]),
        ("ALTER TABLE t ALTER COLUMN b TYPE text", &[]),
        (
            "ALTER TABLE t ALTER COLUMN b TYPE varchar(10)",
            &["NarrowsType -p"],
        ),
        (
            "ALTER TABLE t ALTER COLUMN c TYPE varchar(10)",
            &["NarrowsType -p"],
        ),
        ("ALTER TABLE t ALTER COLUMN n TYPE numeric(12, 2)", &[]),
        (
            "ALTER TABLE t ALTER COLUMN n TYPE numeric(10, 1)",
            &["NarrowsType pp lost"],
        ),
        (
            "ALTER TABLE t ALTER COLUMN a TYPE bigint",
            &["ChangesType p-"],
        ),
        (
            "ALTER TABLE t ALTER COLUMN a TYPE smallint",
            &["NarrowsType -p"],
        ),
        (
            "ALTER TABLE t ALTER COLUMN n TYPE int",
            &["NarrowsType pp lost"],
        ),
        (
            "ALTER TABLE t ALTER COLUMN c TYPE jsonb USING c::jsonb",
            &["ChangesType cp lost"],
        ),
        (
            "ALTER TABLE t ALTER COLUMN a TYPE positive",
            &["RefusesWrites -p"],
        ),
        ("ALTER TABLE t ADD CHECK (a > 0)", &["RefusesWrites -p"]),
        (
            "ALTER TABLE t ADD CHECK (a > 0) NOT VALID",
            &["RefusesWrites -p"],
        ),
        ("ALTER TABLE t ADD CHECK (a > 0) NOT ENFORCED", &[]),
        (
            "ALTER TABLE t ADD FOREIGN KEY (a) REFERENCES p",
            &["RefusesWrites -p"],
        ),
        ("ALTER TABLE t ADD UNIQUE (a)", &["RefusesWrites -p"]),
        ("ALTER TABLE t ADD UNIQUE USING INDEX t_b", &[]),
        (
            "ALTER TABLE t DROP CONSTRAINT t_u_key",
            &["RemovesUnique -p"],
        ),
        ("CREATE UNIQUE INDEX ON t (a)", &["RefusesWrites -p"]),
        ("CREATE INDEX ON t (a)", &[]),
        ("DROP INDEX t_b", &["RemovesUnique -p"]),
        ("ALTER TABLE t ENABLE ROW LEVEL SECURITY", &["HidesRows pp"]),
        ("ALTER TABLE pt DETACH PARTITION pt_0", &["HidesRows pp"]),
        (
            "ALTER TABLE pt ATTACH PARTITION p FOR VALUES FROM (10) TO (20)",
            &["RefusesWrites -p"],
        ),
        (
            "CREATE TRIGGER x BEFORE INSERT ON t FOR EACH ROW EXECUTE FUNCTION f()",
            &["ChangesWrites -p"],
        ),
        (
            "CREATE RULE x AS ON INSERT TO t DO NOTHING",
            &["ChangesWrites -p"],
        ),
        ("REVOKE SELECT ON t FROM public", &["RevokesRights pp"]),
        ("GRANT SELECT ON t TO public", &[]),
        ("TRUNCATE t", &["Empties p- lost"]),
        ("DELETE FROM t", &["DeletesRows p- lost"]),
        ("UPDATE t SET a = 1", &["OverwritesRows p- lost"]),
        ("INSERT INTO t (a) VALUES (1)", &[]),
        ("ALTER TYPE mood ADD VALUE 'so'", &["AddsValue p-"]),
        (
            "ALTER TYPE mood RENAME VALUE 'bad' TO 'worse'",
            &["RenamesValue pp"],
        ),
        (
            "ALTER TYPE pair DROP ATTRIBUTE x",
            &["RemovesColumn cc lost"],
        ),
        ("ALTER DOMAIN positive SET NOT NULL", &["ForbidsNull -p"]),
        (
            "ALTER DOMAIN positive ADD CHECK (value < 9)",
            &["RefusesWrites -p"],
        ),
        ("SELECT * FROM t", &[]),
        ("SET lock_timeout = '1s'", &[]),
    ] {
        assert_eq!(summary(sql), wanted, "{sql}");
    }
}

#[test]
fn what_goes_along_is_said() {
    let all = of("DROP TABLE t CASCADE", &schema());
    let mut names: Vec<String> = all
        .iter()
        .map(|effect| match effect {
            Effect::Removes { name, .. } => name.to_string(),
            other => format!("{other:?}"),
        })
        .collect();
    names.sort();
    assert_eq!(names, ["public.mv", "public.t", "public.v"]);

    let all = of("ALTER TABLE t DROP COLUMN c CASCADE", &schema());
    assert!(all.iter().any(|it| {
        matches!(it, Effect::Removes { object: Object::View, name, .. } if name.name == "v")
    }));
}

#[test]
fn what_is_new_in_its_unit_hurts_nobody() {
    let sql = "CREATE TABLE q (a int);
        ALTER TABLE q ADD COLUMN z int NOT NULL;
        ALTER TABLE q RENAME COLUMN a TO b;
        ALTER TABLE q ADD CHECK (b > 0);
        CREATE UNIQUE INDEX ON q (b);
        DELETE FROM q;
        DROP TABLE q";
    assert_eq!(of(sql, &schema()), []);
}

#[test]
fn what_the_schema_does_not_know_may_be_there() {
    let nothing = Schema::unknown();
    for sql in [
        "DROP TABLE somewhere",
        "ALTER TABLE somewhere DROP COLUMN a",
        "ALTER TABLE somewhere ALTER COLUMN a TYPE int",
        "TRUNCATE somewhere",
    ] {
        assert_eq!(of(sql, &nothing).len(), 1, "{sql}");
    }
}
