//! Cases that are made rather than written: every type into every other, every kind of default,
//! every constraint in every state.

use crate::cases::{Case, File, Follows};
use crate::effort::Share;

/// Types with their modifiers.
const TYPES: &[&str] = &[
    "bool",
    "smallint",
    "int",
    "bigint",
    "real",
    "float",
    "numeric",
    "numeric(10,2)",
    "numeric(12,2)",
    "numeric(12,3)",
    "money",
    "oid",
    "regclass",
    "regproc",
    "text",
    "varchar",
    "varchar(10)",
    "varchar(20)",
    "char(10)",
    "bpchar",
    "name",
    "\"char\"",
    "bytea",
    "bit(4)",
    "varbit",
    "varbit(8)",
    "date",
    "time",
    "time(3)",
    "timetz",
    "timestamp",
    "timestamp(3)",
    "timestamp(6)",
    "timestamptz",
    "timestamptz(3)",
    "interval",
    "interval(3)",
    "interval day to second",
    "interval year to month",
    "inet",
    "cidr",
    "macaddr",
    "macaddr8",
    "uuid",
    "json",
    "jsonb",
    "xml",
    "int4range",
    "int[]",
    "bigint[]",
    "oid[]",
    "text[]",
    "varchar(10)[]",
    "varchar(20)[]",
    "varchar[]",
    "mood",
    "words",
    "short_words",
    "number",
    "checked",
    "point",
    "tsvector",
    "xid",
];

/// Types that a btree cannot order.
const UNORDERED: &[&str] = &["json", "xml", "point", "xid"];

/// What stands beside the column.
const VARIANTS: &[&str] = &["bare", "indexed", "partial", "in_check", "unique", "fk"];

fn table(variant: &str, number: usize) -> String {
    format!("{variant}_{number}")
}

fn can_be(variant: &str, of: &str) -> bool {
    let ordered = !UNORDERED.contains(&of);
    match variant {
        "indexed" | "partial" | "unique" | "fk" => ordered,
        _ => true,
    }
}

/// How many types a file begins with: in a small database a case is faster.
const TOGETHER: usize = 6;

/// Every type into every other, in tables with one row that is null.
pub(crate) fn types(share: Share) -> Vec<File> {
    let all: Vec<(usize, &str)> = TYPES.iter().copied().enumerate().collect();
    all.chunks(TOGETHER)
        .map(|froms| {
            let name = format!("types from {}", froms[0].1);
            let setup = froms.iter().map(|(at, from)| tables_of(*at, from));
            let setup = KINDS_OF_TYPES.to_owned() + &setup.collect::<String>();
            let cases = froms.iter().flat_map(|(at, from)| {
                let others = TYPES.iter().enumerate();
                let wanted = others.filter(move |(_, to)| share.takes(&format!("{from} to {to}")));
                wanted.flat_map(|(other, to)| retyped((*at, from), (other, to)))
            });
            File::made(name, setup, cases.collect())
        })
        .collect()
}

const KINDS_OF_TYPES: &str = "
    CREATE SCHEMA matrix;
    SET search_path = matrix;
    CREATE TYPE mood AS ENUM ('good', 'bad');
    CREATE DOMAIN words AS text;
    CREATE DOMAIN short_words AS varchar(10);
    CREATE DOMAIN number AS int;
    CREATE DOMAIN checked AS text CHECK (value <> 'x');
";

/// The tables with a column of one type.
fn tables_of(at: usize, from: &str) -> String {
    let mut setup = String::new();
    for variant in VARIANTS.iter().filter(|it| can_be(it, from)) {
        let name = table(variant, at);
        setup.push_str(&match *variant {
            "bare" => format!("CREATE TABLE {name} (id int, c {from});"),
            "indexed" => format!(
                "CREATE TABLE {name} (id int, c {from}); CREATE INDEX {name}_c ON {name} (c);"
            ),
            "partial" => format!(
                "CREATE TABLE {name} (id int, c {from});
                 CREATE INDEX {name}_c ON {name} (id) WHERE c IS NOT NULL;"
            ),
            "in_check" => {
                format!("CREATE TABLE {name} (id int, c {from} CHECK (c IS NULL));")
            }
            "unique" => format!("CREATE TABLE {name} (id int, c {from} UNIQUE);"),
            _ => format!(
                "CREATE TABLE {name}_to (c {from} PRIMARY KEY);
                 CREATE TABLE {name} (id int, c {from} REFERENCES {name}_to (c));"
            ),
        });
        setup.push_str(&format!("INSERT INTO {name} VALUES (1, NULL);"));
    }
    setup
}

/// One type into another, in every table that there is.
fn retyped((at, from): (usize, &str), (other, to): (usize, &str)) -> Vec<Case> {
    let mut cases = Vec::new();
    let bare = format!("{from} to {to}");
    for (number, variant) in VARIANTS.iter().enumerate() {
        if !can_be(variant, from) {
            continue;
        }
        let name = table(variant, at);
        let sql = format!("ALTER TABLE {name} ALTER COLUMN c TYPE {to}");
        let about = format!("^{name}(_|$)");
        if *variant == "bare" {
            cases.push(Case::new(bare.clone(), sql).unsure().about(about));
            // What is refused on assignment is not with a cast.
            let sql = format!("ALTER TABLE {name} ALTER COLUMN c TYPE {to} USING c::{to}");
            let case = Case::new(format!("cast: {bare}"), sql).unsure();
            let about = format!("^{name}$");
            cases.push(case.about(about).follows(Follows::Refused(bare.clone())));
            continue;
        }
        let follows = Follows::Accepted {
            name: bare.clone(),
            sample: (at + other + number) % 5 == 0,
        };
        let case = Case::new(format!("{variant}: {bare}"), sql).unsure();
        cases.push(case.about(about).follows(follows));
    }
    cases
}

/// Expressions of many kinds, and the type of the column that has them as its default.
const DEFAULTS: &[(&str, &str)] = &[
    ("int", "1"),
    ("int", "-1"),
    ("int", "(1 + 2) * 3"),
    ("int", "NULL"),
    ("text", "'x'"),
    ("text", "'x'::text || 'y'"),
    ("text", "lower('X')"),
    ("text", "concat('a', 1)"),
    ("text", "current_user"),
    ("text", "session_user"),
    ("text", "current_setting('server_version')"),
    ("text", "version()"),
    ("text", "md5('x')"),
    ("text", "md5(random()::text)"),
    ("text", "timeofday()"),
    ("text", "to_char(now(), 'YYYY')"),
    ("text", "format('%s', 1)"),
    ("text", "coalesce(NULL, 'x')"),
    ("text", "CASE WHEN true THEN 'a' ELSE 'b' END"),
    ("date", "CURRENT_DATE"),
    ("date", "now()"),
    ("date", "'2020-01-01'"),
    ("time", "LOCALTIME"),
    ("timestamp", "LOCALTIMESTAMP"),
    ("timestamptz", "now()"),
    ("timestamptz", "CURRENT_TIMESTAMP"),
    ("timestamptz", "CURRENT_TIMESTAMP(3)"),
    ("timestamptz", "transaction_timestamp()"),
    ("timestamptz", "statement_timestamp()"),
    ("timestamptz", "clock_timestamp()"),
    ("timestamptz", "now() + interval '1 day'"),
    ("timestamptz", "clock_timestamp() + interval '1 day'"),
    ("timestamp", "timezone('utc', now())"),
    ("timestamp", "now() AT TIME ZONE 'utc'"),
    ("timestamp", "date_trunc('day', now())"),
    ("bigint", "extract(epoch FROM now())"),
    ("bigint", "extract(epoch FROM clock_timestamp())"),
    ("float", "random()"),
    ("int", "floor(random() * 10)::int"),
    ("int", "nextval('counter')"),
    ("int", "nextval('counter'::regclass)"),
    ("bigint", "txid_current()"),
    ("bigint", "pg_backend_pid()"),
    ("jsonb", "'{}'"),
    ("jsonb", "'{}'::jsonb"),
    ("jsonb", "jsonb_build_object('a', 1)"),
    ("jsonb", "jsonb_build_object('a', random())"),
    ("text[]", "'{}'"),
    ("text[]", "ARRAY[]::text[]"),
    ("text[]", "ARRAY['a', 'b']"),
    ("float[]", "ARRAY[random()]"),
    ("uuid", "'00000000-0000-0000-0000-000000000000'"),
    (
        "uuid",
        "md5(random()::text || clock_timestamp()::text)::uuid",
    ),
    ("bytea", "'\\x00'"),
    ("bool", "false"),
    ("bool", "random() > 0.5"),
    ("int", "steady(1)"),
    ("int", "stable(1)"),
    ("int", "moody(1)"),
    ("int", "elsewhere.moody(1)"),
    ("int", "elsewhere.steady(1)"),
    ("int", "several(1)"),
    ("int", "steady(moody(1))"),
    ("int", "pg_catalog.length('x')"),
    ("interval", "'1 day'"),
    ("inet", "inet_client_addr()"),
    ("numeric", "1.5"),
    ("numeric", "pi()"),
    ("mood", "'good'"),
    ("words", "'x'"),
    ("checked", "'y'"),
    ("varchar(10)", "'x'"),
    ("varchar(3)", "left('abcdef', 3)"),
];

/// New columns with every kind of default, bare and required.
pub(crate) fn defaults() -> File {
    let setup = "
        CREATE SCHEMA def;
        SET search_path = def;
        CREATE TYPE mood AS ENUM ('good', 'bad');
        CREATE DOMAIN words AS text;
        CREATE DOMAIN checked AS text CHECK (value <> 'x');
        CREATE SEQUENCE counter;
        CREATE FUNCTION steady(int) RETURNS int IMMUTABLE LANGUAGE plpgsql AS 'BEGIN RETURN $1; END';
        CREATE FUNCTION stable(int) RETURNS int STABLE LANGUAGE plpgsql AS 'BEGIN RETURN $1; END';
        CREATE FUNCTION moody(int) RETURNS int LANGUAGE plpgsql AS 'BEGIN RETURN $1; END';
        CREATE FUNCTION several(int) RETURNS int STABLE LANGUAGE plpgsql AS 'BEGIN RETURN $1; END';
        CREATE FUNCTION several() RETURNS int IMMUTABLE LANGUAGE plpgsql AS 'BEGIN RETURN 1; END';
        CREATE SCHEMA elsewhere;
        CREATE FUNCTION elsewhere.steady(int) RETURNS int IMMUTABLE LANGUAGE plpgsql
            AS 'BEGIN RETURN $1; END';
        CREATE FUNCTION elsewhere.moody(int) RETURNS int LANGUAGE plpgsql AS 'BEGIN RETURN $1; END';
        CREATE TABLE t (id int PRIMARY KEY, a text);
        INSERT INTO t SELECT n, n FROM generate_series(1, 20) n;
        CREATE INDEX t_a ON t (a);
        CREATE TABLE pt (id int, a text) PARTITION BY RANGE (id);
        CREATE TABLE pt_0 PARTITION OF pt FOR VALUES FROM (0) TO (10);
        INSERT INTO pt VALUES (1);
    ";
    let mut cases = Vec::new();
    for (of, default) in DEFAULTS {
        for table in ["t", "pt"] {
            for required in ["", " NOT NULL"] {
                let sql =
                    format!("ALTER TABLE {table} ADD COLUMN z {of}{required} DEFAULT {default}");
                cases.push(
                    Case::new(format!("{table}: {of}{required} DEFAULT {default}"), sql).unsure(),
                );
            }
        }
    }
    File::made("defaults", setup.to_owned(), cases)
}

/// What a constraint demands.
const DEMANDS: &[(&str, &str)] = &[
    ("check", "CHECK (a > 0)"),
    ("check of two", "CHECK (a > 0 AND b IS NOT NULL)"),
    ("check not inherited", "CHECK (a > 0) NO INHERIT"),
    ("not null", "NOT NULL a"),
    ("unique", "UNIQUE (id, a)"),
    ("primary key", "PRIMARY KEY (id, a)"),
    ("foreign key", "FOREIGN KEY (a) REFERENCES p (id)"),
    (
        "foreign key to partitions",
        "FOREIGN KEY (a) REFERENCES pp (id)",
    ),
    (
        "foreign key of two",
        "FOREIGN KEY (a, b) REFERENCES p (x, y)",
    ),
    (
        "foreign key that cascades",
        "FOREIGN KEY (a) REFERENCES p (id) ON DELETE CASCADE",
    ),
    ("exclusion", "EXCLUDE USING btree (id WITH =, a WITH =)"),
];

const STATES: &[&str] = &["", " NOT VALID", " NOT ENFORCED", " DEFERRABLE"];

const KINDS: &[&str] = &["plain", "empty", "up", "kid", "pt", "pt_0", "unlogged"];

/// Every constraint in every state on every kind of table; and what becomes of it then.
pub(crate) fn constraints(share: Share) -> File {
    let setup = "
        CREATE SCHEMA con;
        SET search_path = con;
        CREATE UNLOGGED TABLE unlogged_p (id int PRIMARY KEY);
        CREATE TABLE p (id int PRIMARY KEY, x int, y int, UNIQUE (x, y));
        INSERT INTO p SELECT n, n, n FROM generate_series(1, 50) n;
        CREATE TABLE pp (id int PRIMARY KEY) PARTITION BY RANGE (id);
        CREATE TABLE pp_0 PARTITION OF pp FOR VALUES FROM (0) TO (30);
        CREATE TABLE pp_1 PARTITION OF pp FOR VALUES FROM (30) TO (60);
        INSERT INTO pp SELECT n FROM generate_series(1, 50) n;
        CREATE TABLE plain (id int, a int, b int);
        INSERT INTO plain SELECT n, n, n FROM generate_series(1, 20) n;
        CREATE TABLE empty (id int, a int, b int);
        CREATE TABLE up (id int, a int, b int);
        CREATE TABLE kid () INHERITS (up);
        INSERT INTO up SELECT n, n, n FROM generate_series(1, 20) n;
        INSERT INTO kid SELECT n, n, n FROM generate_series(1, 20) n;
        CREATE TABLE pt (id int, a int, b int) PARTITION BY RANGE (id);
        CREATE TABLE pt_0 PARTITION OF pt FOR VALUES FROM (0) TO (10);
        CREATE TABLE pt_1 PARTITION OF pt FOR VALUES FROM (10) TO (30) PARTITION BY RANGE (a);
        CREATE TABLE pt_1_0 PARTITION OF pt_1 DEFAULT;
        INSERT INTO pt SELECT n, n, n FROM generate_series(1, 20) n;
        CREATE UNLOGGED TABLE unlogged (id int, a int, b int);
        INSERT INTO unlogged SELECT n, n, n FROM generate_series(1, 20) n;
    ";
    let mut cases = Vec::new();
    for table in KINDS {
        for (name, demand) in DEMANDS {
            for state in STATES {
                let add = format!("ALTER TABLE {table} ADD CONSTRAINT q {demand}{state}");
                let name = format!("{table}: {name}{state}");
                cases.push(Case::new(name.clone(), add.clone()).unsure());
                // A primary key leaves its columns required.
                let undo = format!(
                    "ALTER TABLE {table} DROP CONSTRAINT q;
                     ALTER TABLE {table} ALTER COLUMN id DROP NOT NULL;
                     ALTER TABLE {table} ALTER COLUMN a DROP NOT NULL"
                );
                for action in [
                    "VALIDATE CONSTRAINT q",
                    "DROP CONSTRAINT q",
                    "RENAME CONSTRAINT q TO r",
                    "ALTER CONSTRAINT q DEFERRABLE",
                    "ALTER CONSTRAINT q ENFORCED",
                    "ALTER CONSTRAINT q NOT ENFORCED",
                    "ALTER COLUMN a SET NOT NULL",
                    "ALTER COLUMN a TYPE bigint",
                    "ALTER COLUMN a TYPE oid",
                    "DROP COLUMN a",
                ] {
                    let name = format!("{name}, {action}");
                    if !share.takes(&name) {
                        continue;
                    }
                    let sql = format!("ALTER TABLE {table} {action}");
                    let case = Case::new(name, sql).unsure();
                    cases.push(case.around(add.clone(), undo.clone()));
                }
            }
            let only = format!("ALTER TABLE ONLY {table} ADD CONSTRAINT q {demand}");
            cases.push(Case::new(format!("only {table}: {name}"), only).unsure());
        }
    }
    File::made("constraints", setup.to_owned(), cases)
}
