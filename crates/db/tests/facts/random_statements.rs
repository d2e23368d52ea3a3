//! Statements made by chance about what is in a schema.

use switchback_migration::schema::{RelationKind, Schema};
use switchback_migration::sql::ir::Name;

use crate::chance::Chance;
use crate::random::TYPES;

/// Expressions, most of which fit some type.
const EXPRESSIONS: &[&str] = &[
    "1",
    "0",
    "NULL",
    "'x'",
    "'2020-01-01'",
    "'{}'",
    "true",
    "now()",
    "CURRENT_DATE",
    "clock_timestamp()",
    "random()",
    "gen_random_uuid()",
    "nextval('counter')",
    "steady(1)",
    "moody(1)",
    "1 + 1",
    "lower('A')",
    "'1 day'::interval",
    "ARRAY[1]",
    "'good'",
    "md5('x')::uuid",
    "pg_backend_pid()",
    "length('abc')",
    "now() - interval '1 day'",
    "current_user",
];

pub(crate) struct Maker<'a> {
    chance: &'a mut Chance,
    schema: &'a Schema,
    tables: Vec<Name>,
    indexes: Vec<Name>,
}

impl<'a> Maker<'a> {
    pub(crate) fn new(chance: &'a mut Chance, schema: &'a Schema) -> Self {
        let ours = |name: &&Name| name.schema.as_deref() == Some("chance");
        let is_table =
            |name: &&Name| matches!(schema.relations[*name].kind, RelationKind::Table { .. });
        let tables = schema.relations.keys().filter(ours).filter(is_table);
        Self {
            chance,
            schema,
            tables: tables.cloned().collect(),
            indexes: schema.indexes.keys().filter(ours).cloned().collect(),
        }
    }

    /// A statement, and now and then two.
    pub(crate) fn statement(&mut self) -> String {
        let first = self.one();
        if self.chance.once_in(12) {
            format!("{first};\n{}", self.one())
        } else {
            first
        }
    }

    fn one(&mut self) -> String {
        match self.chance.below(20) {
            0..=10 => self.alter(),
            11..=13 => self.index(),
            14 => self.partition(),
            15 | 16 => self.made_of_types(),
            17 => self.view(),
            _ => self.other(),
        }
    }

    fn table(&mut self) -> Name {
        let table = self.chance.any(&self.tables).unwrap();
        Name::plain(table.name)
    }

    fn column(&mut self, table: &Name) -> String {
        let relation = &self.schema.relations[&self.schema.resolve(table)];
        let names: Vec<String> = relation.columns.iter().map(|it| it.name.clone()).collect();
        self.chance.any(&names).unwrap()
    }

    fn constraint(&mut self, table: &Name) -> String {
        let relation = &self.schema.relations[&self.schema.resolve(table)];
        let mut names: Vec<String> = relation
            .constraints
            .iter()
            .map(|it| it.name.clone())
            .collect();
        let required = relation.columns.iter().filter(|it| it.not_null);
        names.extend(required.map(|it| format!("{}_{}_not_null", table.name, it.name)));
        self.chance
            .any(&names)
            .unwrap_or_else(|| "nobody".to_owned())
    }

    fn index_name(&mut self) -> String {
        let name = self.chance.any(&self.indexes);
        name.map_or_else(|| "nobody".to_owned(), |it| it.name)
    }

    fn alter(&mut self) -> String {
        let table = self.table();
        let only = self.chance.maybe(10, "ONLY ");
        let most = if self.chance.once_in(5) { 3 } else { 1 };
        let mut actions = vec![self.action(&table)];
        for _ in 1..most {
            actions.push(self.action(&table));
        }
        format!("ALTER TABLE {only}{table} {}", actions.join(", "))
    }

    fn action(&mut self, table: &Name) -> String {
        let column = self.column(table);
        match self.chance.below(28) {
            0..=4 => self.add_column(),
            5..=8 => self.set_type(&column),
            9 | 10 => format!("ALTER COLUMN {column} SET NOT NULL"),
            11 => format!("ALTER COLUMN {column} DROP NOT NULL"),
            12 => format!(
                "ALTER COLUMN {column} SET DEFAULT {}",
                self.chance.one(EXPRESSIONS)
            ),
            13..=17 => self.add_constraint(&column),
            18 | 19 => format!("VALIDATE CONSTRAINT {}", self.constraint(table)),
            20 => {
                let name = self.constraint(table);
                let cascade = self.chance.maybe(3, " CASCADE");
                format!("DROP CONSTRAINT {name}{cascade}")
            }
            21 => {
                let name = self.constraint(table);
                let how = [
                    "DEFERRABLE",
                    "NOT DEFERRABLE",
                    "ENFORCED",
                    "NOT ENFORCED",
                    "NO INHERIT",
                ];
                format!("ALTER CONSTRAINT {name} {}", self.chance.one(&how))
            }
            22 | 23 => {
                let cascade = self.chance.maybe(3, " CASCADE");
                format!("DROP COLUMN {column}{cascade}")
            }
            24 => self.column_settings(&column),
            _ => self.table_settings(),
        }
    }

    fn column_settings(&mut self, column: &str) -> String {
        let what = self.chance.one(&[
            "SET STATISTICS 50",
            "SET STORAGE plain",
            "SET STORAGE extended",
            "SET STORAGE main",
            "SET COMPRESSION pglz",
            "SET (n_distinct = 5)",
            "RESET (n_distinct)",
            "DROP DEFAULT",
            "DROP EXPRESSION",
            "DROP EXPRESSION IF EXISTS",
            "SET EXPRESSION AS (k * 3)",
            "ADD GENERATED ALWAYS AS IDENTITY",
            "DROP IDENTITY",
            "DROP IDENTITY IF EXISTS",
            "SET GENERATED ALWAYS",
            "RESTART WITH 5",
        ]);
        format!("ALTER COLUMN {column} {what}")
    }

    fn table_settings(&mut self) -> String {
        let what = self.chance.one(&[
            "SET (fillfactor = 80)",
            "SET (autovacuum_enabled = off)",
            "RESET (fillfactor)",
            "SET (parallel_workers = 2)",
            "SET (user_catalog_table = true)",
            "SET LOGGED",
            "SET UNLOGGED",
            "SET TABLESPACE pg_default",
            "SET ACCESS METHOD heap",
            "REPLICA IDENTITY FULL",
            "REPLICA IDENTITY NOTHING",
            "ENABLE ROW LEVEL SECURITY",
            "FORCE ROW LEVEL SECURITY",
            "DISABLE ROW LEVEL SECURITY",
            "DISABLE TRIGGER ALL",
            "ENABLE TRIGGER USER",
            "DISABLE TRIGGER noting",
            "OWNER TO pg_monitor",
            "SET WITHOUT CLUSTER",
            "SET WITHOUT OIDS",
            "INHERIT up",
            "NO INHERIT up",
        ]);
        what.to_owned()
    }

    fn add_column(&mut self) -> String {
        let of = self.chance.one(TYPES);
        let exists = self.chance.maybe(8, "IF NOT EXISTS ");
        let mut rest = String::new();
        match self.chance.below(9) {
            0..=3 => rest = format!(" DEFAULT {}", self.chance.one(EXPRESSIONS)),
            4 => rest = " GENERATED ALWAYS AS (1 + 1) STORED".to_owned(),
            5 => {
                rest = self
                    .chance
                    .one(&[
                        " GENERATED ALWAYS AS IDENTITY",
                        " GENERATED ALWAYS AS (7) VIRTUAL",
                        " COLLATE \"C\"",
                        " STORAGE plain",
                        "",
                    ])
                    .to_owned()
            }
            _ => {}
        }
        if self.chance.once_in(4) {
            rest.push_str(" NOT NULL");
        }
        if self.chance.once_in(3) {
            rest.push_str(self.chance.one(&[
                " UNIQUE",
                " REFERENCES base (id)",
                " REFERENCES base (id) DEFERRABLE",
                " CHECK (z IS NOT NULL)",
                " CHECK (z IS NULL)",
                " CHECK (true) NOT ENFORCED",
                " PRIMARY KEY",
                " REFERENCES base (name)",
            ]));
        }
        let of = if self.chance.once_in(12) {
            self.chance.one(&["serial", "bigserial"])
        } else {
            of
        };
        let name = self.chance.one(&["z", "z", "z", "y"]);
        format!("ADD COLUMN {exists}{name} {of}{rest}")
    }

    fn set_type(&mut self, column: &str) -> String {
        let of = self.chance.one(TYPES);
        let using = match self.chance.below(6) {
            0 | 1 => format!(" USING {column}::{of}"),
            2 => format!(" USING {column}::text::{of}"),
            3 => " USING NULL".to_owned(),
            _ => String::new(),
        };
        let collate = self.chance.maybe(10, " COLLATE \"C\"");
        format!("ALTER COLUMN {column} TYPE {of}{collate}{using}")
    }

    fn add_constraint(&mut self, column: &str) -> String {
        let index = self.index_name();
        let other = self.table();
        let demand = match self.chance.below(14) {
            0 => format!("CHECK ({column} IS NOT NULL)"),
            1 => "CHECK (k > 0)".to_owned(),
            2 => format!("CHECK ({column} IS NOT NULL OR true) NO INHERIT"),
            3 => format!("NOT NULL {column}"),
            4 => format!("UNIQUE ({column})"),
            5 => format!("UNIQUE NULLS NOT DISTINCT (k, {column})"),
            6 => format!("PRIMARY KEY ({column})"),
            7 => format!("UNIQUE USING INDEX {index}"),
            8 => format!("PRIMARY KEY USING INDEX {index}"),
            9 => format!("FOREIGN KEY ({column}) REFERENCES base (id)"),
            10 => format!("FOREIGN KEY ({column}) REFERENCES base (name) ON DELETE SET NULL"),
            11 => format!("FOREIGN KEY ({column}) REFERENCES {other}"),
            12 => format!("EXCLUDE USING btree ({column} WITH =)"),
            _ => format!("EXCLUDE USING gist ({column} WITH &&)"),
        };
        let name = self.chance.one(&["CONSTRAINT q ", "CONSTRAINT q ", ""]);
        let state = self.chance.one(&[
            "",
            "",
            " NOT VALID",
            " NOT VALID",
            " NOT ENFORCED",
            " DEFERRABLE",
        ]);
        format!("ADD {name}{demand}{state}")
    }

    fn index(&mut self) -> String {
        let table = self.table();
        let index = self.index_name();
        match self.chance.below(14) {
            0 => format!("DROP INDEX {index}{}", self.chance.maybe(4, " CASCADE")),
            1 => format!("REINDEX INDEX {index}"),
            2 => format!("REINDEX TABLE {table}"),
            3 => format!("ALTER INDEX {index} RENAME TO other_name"),
            4 => format!("ALTER INDEX {index} SET (fillfactor = 70)"),
            5 => format!("ALTER INDEX {index} SET TABLESPACE pg_default"),
            6 => format!("CLUSTER {table} USING {index}"),
            7 => format!("ALTER TABLE {table} CLUSTER ON {index}"),
            8 => format!("ALTER TABLE {table} REPLICA IDENTITY USING INDEX {index}"),
            _ => self.create_index(&table),
        }
    }

    fn create_index(&mut self, table: &Name) -> String {
        let unique = self.chance.maybe(4, "UNIQUE ");
        let only = self.chance.maybe(6, "ONLY ");
        let name = self.chance.one(&["q ", "q ", ""]);
        let method = self.chance.one(&[
            "",
            "",
            "",
            "USING hash ",
            "USING brin ",
            "USING gin ",
            "USING gist ",
        ]);
        let column = self.column(table);
        let other = self.column(table);
        let keys = match self.chance.below(8) {
            0 => format!("{column}, {other}"),
            1 => format!("{column} DESC NULLS LAST"),
            2 => format!("lower({column}::text)"),
            3 => format!("({column} IS NULL)"),
            4 => format!("{column} COLLATE \"C\""),
            5 => format!("{column} text_pattern_ops"),
            _ => column.clone(),
        };
        let rest = match self.chance.below(6) {
            0 => format!(" INCLUDE ({other})"),
            1 => format!(" WHERE {other} IS NOT NULL"),
            2 => " WITH (fillfactor = 80)".to_owned(),
            _ => String::new(),
        };
        format!("CREATE {unique}INDEX {name}ON {only}{table} {method}({keys}){rest}")
    }

    fn partition(&mut self) -> String {
        let of = self.chance.one(&["pt", "pt", "pt", "pt_1"]);
        let alone = self.chance.one(&["alone_0", "alone_1", "alone_2", "t0"]);
        let part = self.chance.one(&["pt_0", "pt_1", "pt_rest", "pt_1_rest"]);
        let bound = self.chance.one(&[
            "FOR VALUES FROM (20) TO (30)",
            "FOR VALUES FROM (20) TO (30)",
            "FOR VALUES FROM (25) TO (MAXVALUE)",
            "DEFAULT",
            "FOR VALUES IN (1, 2)",
            "FOR VALUES FROM (15) TO (18)",
        ]);
        match self.chance.below(7) {
            0..=3 => format!("ALTER TABLE {of} ATTACH PARTITION {alone} {bound}"),
            4 => format!("ALTER TABLE {of} DETACH PARTITION {part}"),
            5 => format!("CREATE TABLE fresh PARTITION OF {of} {bound}"),
            _ => format!("DROP TABLE {part}{}", self.chance.maybe(2, " CASCADE")),
        }
    }

    fn made_of_types(&mut self) -> String {
        self.chance
            .one(&[
                "ALTER TYPE mood ADD VALUE 'new'",
                "ALTER TYPE mood RENAME VALUE 'bad' TO 'worse'",
                "ALTER TYPE mood RENAME TO humour",
                "ALTER TYPE pair ADD ATTRIBUTE c int",
                "ALTER TYPE pair ADD ATTRIBUTE c int CASCADE",
                "ALTER TYPE pair DROP ATTRIBUTE b",
                "ALTER TYPE pair ALTER ATTRIBUTE a TYPE bigint",
                "ALTER DOMAIN plain ADD CONSTRAINT q CHECK (value IS NULL OR value > -5)",
                "ALTER DOMAIN plain ADD CONSTRAINT q CHECK (value > -5) NOT VALID",
                "ALTER DOMAIN words SET NOT NULL",
                "ALTER DOMAIN plain SET NOT NULL",
                "ALTER DOMAIN positive DROP CONSTRAINT positive_check",
                "ALTER DOMAIN required DROP NOT NULL",
                "ALTER DOMAIN filled DROP DEFAULT",
                "ALTER DOMAIN filled ADD CHECK (value <> 'never')",
                "ALTER DOMAIN words RENAME TO w2",
                "DROP DOMAIN words CASCADE",
                "DROP TYPE mood CASCADE",
                "DROP FUNCTION note() CASCADE",
                "ALTER FUNCTION moody(int) IMMUTABLE",
                "ALTER SEQUENCE counter INCREMENT 5",
                "DROP SEQUENCE counter CASCADE",
                "CREATE DOMAIN fresh AS text CHECK (value <> '')",
            ])
            .to_owned()
    }

    fn view(&mut self) -> String {
        let table = self.table();
        let column = self.column(&table);
        match self.chance.below(10) {
            0 => format!("CREATE VIEW fresh AS SELECT {column} FROM {table}"),
            1 => "CREATE OR REPLACE VIEW looks AS SELECT id, c0 FROM t0".to_owned(),
            2 => format!(
                "CREATE OR REPLACE VIEW looks AS SELECT id, c0 FROM t0 WHERE EXISTS (SELECT FROM {table})"
            ),
            3 => "DROP VIEW looks".to_owned(),
            4 => "REFRESH MATERIALIZED VIEW kept".to_owned(),
            5 => "REFRESH MATERIALIZED VIEW CONCURRENTLY kept".to_owned(),
            6 => format!("CREATE MATERIALIZED VIEW fresh AS SELECT {column} FROM {table}"),
            7 => "DROP MATERIALIZED VIEW kept".to_owned(),
            8 => "ALTER VIEW looks RENAME TO seen".to_owned(),
            _ => "ALTER VIEW looks SET (security_barrier = true)".to_owned(),
        }
    }

    fn other(&mut self) -> String {
        let table = self.table();
        let column = self.column(&table);
        let constraint = self.constraint(&table);
        match self.chance.below(22) {
            0 => format!("CREATE TABLE fresh (LIKE {table} INCLUDING ALL)"),
            1 => format!("CREATE TABLE fresh (id int REFERENCES {table})"),
            2 => format!("CREATE TABLE fresh () INHERITS ({table})"),
            3 => format!("CREATE TABLE fresh AS SELECT * FROM {table}"),
            4 => format!("DROP TABLE {table}"),
            5 => format!("DROP TABLE {table} CASCADE"),
            6 => format!("TRUNCATE {table}"),
            7 => format!("TRUNCATE {table} CASCADE"),
            8 => format!("ALTER TABLE {table} RENAME TO other"),
            9 => format!("ALTER TABLE {table} RENAME COLUMN {column} TO other"),
            10 => format!("ALTER TABLE {table} RENAME CONSTRAINT {constraint} TO other"),
            11 => format!("ALTER TABLE {table} SET SCHEMA beside"),
            12 => format!("COMMENT ON COLUMN {table}.{column} IS 'x'"),
            13 => format!(
                "CREATE TRIGGER q AFTER INSERT ON {table} FOR EACH ROW EXECUTE FUNCTION note()"
            ),
            14 => format!("DROP TRIGGER noting ON {table}"),
            15 => format!("CREATE POLICY q ON {table} USING ({column} IS NOT NULL)"),
            16 => format!("CREATE RULE q AS ON DELETE TO {table} DO ALSO NOTHING"),
            17 => format!(
                "CREATE STATISTICS q ON {column}, {} FROM {table}",
                self.column(&table)
            ),
            18 => format!("LOCK TABLE {table}"),
            19 => format!("ANALYZE {table}"),
            20 => format!("GRANT SELECT ON {table} TO PUBLIC"),
            _ => format!("COMMENT ON TABLE {table} IS 'x'"),
        }
    }
}
