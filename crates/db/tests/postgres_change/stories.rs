//! An example of every operation, and what each version of the code does at each step.

use std::collections::BTreeMap;

use postgres::Client;
use switchback_migration::operation::request::{Move, MoveKind, NewColumn, Request};

pub(crate) const TABLE: &str = "
    CREATE TYPE mood AS ENUM ('happy', 'sad');
    CREATE TABLE countries (code text PRIMARY KEY);
    INSERT INTO countries VALUES ('no'), ('se');
    CREATE TABLE users (
        id bigint PRIMARY KEY,
        full_name text NOT NULL,
        street text NOT NULL, city text NOT NULL,
        email_addr varchar(80) NOT NULL UNIQUE CHECK (email_addr <> ''),
        fax text,
        pager text NOT NULL,
        amount integer NOT NULL,
        country text,
        settings json,
        mood mood NOT NULL DEFAULT 'happy',
        state text NOT NULL DEFAULT 'new' CONSTRAINT state_known CHECK (state IN ('new', 'old'))
    );
    CREATE INDEX users_city ON users (city);
    CREATE INDEX users_email ON users (email_addr, city);
    CREATE VIEW addresses AS SELECT id, email_addr FROM users;
    CREATE TABLE faxes (id bigint PRIMARY KEY, number text);
    INSERT INTO faxes VALUES (1, 'x'), (2, NULL);
    CREATE TABLE orders (id bigint, at date NOT NULL) PARTITION BY RANGE (at);
    CREATE TABLE orders_1 PARTITION OF orders FOR VALUES FROM ('2026-01-01') TO ('2026-07-01');
    CREATE TABLE orders_2 PARTITION OF orders FOR VALUES FROM ('2026-07-01') TO ('2027-01-01');
    INSERT INTO orders SELECT g, '2026-01-01'::date + g FROM generate_series(0, 300) AS g;";

pub(crate) const ROWS: &str = "
    INSERT INTO users (id, full_name, street, city, email_addr, fax, pager, amount, settings, mood, state)
    VALUES
        (1, 'Ada Lovelace', 'Main St 1', 'London', 'a@b', NULL, 'p1', 5, '{}', 'happy', 'new'),
        (2, 'Mary Ann Evans', 'Side St 2', 'Nuneaton', 'm@b', 'f2', 'p2', 7, NULL, 'sad', 'old'),
        (3, 'Cher', 'Hill 3', 'LA', 'c@b', '', 'p3', 0, '[1]', 'happy', 'new'),
        (4, 'X Y', 'S', 'T', 'x@b', NULL, 'p4', -3, '{\"a\": 1}', 'happy', 'old');";

/// What a version of the code does with `$1`, a number that nobody has used: statements, and
/// queries that count what is wrong.
#[derive(Clone, Copy)]
pub(crate) struct Code {
    writes: &'static [&'static str],
    wrong: &'static [&'static str],
}

pub(crate) struct Story {
    pub(crate) name: &'static str,
    pub(crate) request: Request,
    /// One for each code step, that from before the change first.
    pub(crate) code: Vec<Code>,
}

impl Story {
    /// Whether what was there cannot come back: a table's rows, values that nothing computes back.
    pub(crate) fn is_lossy(&self) -> bool {
        self.name.contains("without a way back") || self.name.starts_with("drop")
    }
}

fn text(text: &str) -> String {
    text.to_owned()
}

fn map(pairs: &[(&str, &str)]) -> BTreeMap<String, String> {
    pairs.iter().map(|(a, b)| (text(a), text(b))).collect()
}

fn column(name: &str, type_sql: &str, value: &str) -> NewColumn {
    NewColumn {
        name: text(name),
        type_sql: text(type_sql),
        value: text(value),
    }
}

/// Code that knows nothing of the change.
const PLAIN: Code = Code {
    writes: &[
        "INSERT INTO users (id, full_name, street, city, email_addr, pager, amount)
         VALUES ($1, 'N ' || $1, 'S' || $1, 'C', 'e' || $1, 'p' || $1, 5)",
        "UPDATE users SET full_name = 'M ' || $1, amount = amount + 1 WHERE id = $1",
    ],
    wrong: &[
        "SELECT count(*) FROM users WHERE id = $1 AND (full_name IS DISTINCT FROM 'M ' || $1
           OR amount IS DISTINCT FROM 6 OR street IS DISTINCT FROM 'S' || $1)",
        "SELECT 1 - count(*) FROM users WHERE id = $1",
    ],
};

/// An insert of the columns that every version knows, and more.
macro_rules! insert {
    ($columns:literal, $values:literal) => {
        concat!(
            "INSERT INTO users (id, street, city, pager",
            $columns,
            ") VALUES ($1, 'S', 'C', 'p'",
            $values,
            ")"
        )
    };
}

pub(crate) fn stories() -> Vec<Story> {
    let users = || text("users");
    let mut all = columns(users);
    all.extend(moves(users));
    all.extend(rules(users));
    all
}

fn columns(users: fn() -> String) -> Vec<Story> {
    vec![
        Story {
            name: "add a column",
            request: Request::AddColumn {
                table: users(),
                column: text("nickname"),
                type_sql: text("text"),
                default: Some(text("'none'")),
            },
            code: vec![
                PLAIN,
                Code {
                    writes: &[insert!(
                        ", full_name, email_addr, amount, nickname",
                        ", 'N', 'e' || $1, 1, 'k' || $1"
                    )],
                    wrong: &[
                        "SELECT count(*) FROM users WHERE id = $1 AND nickname <> 'k' || $1",
                        "SELECT count(*) FROM users WHERE nickname IS NULL AND $1 > 0",
                    ],
                },
            ],
        },
        Story {
            name: "add a required column",
            request: Request::AddRequiredColumn {
                table: users(),
                column: text("segment"),
                type_sql: text("text"),
                value: text("CASE WHEN amount > 3 THEN 'large' ELSE 'small' END"),
            },
            code: vec![
                PLAIN,
                Code {
                    writes: &[insert!(
                        ", full_name, email_addr, amount, segment",
                        ", 'N', 'e' || $1, 1, 'k' || $1"
                    )],
                    wrong: &["SELECT count(*) FROM users WHERE id = $1 AND full_name <> 'N'"],
                },
                Code {
                    writes: &[insert!(
                        ", full_name, email_addr, amount, segment",
                        ", 'N', 'e' || $1, 1, 'k' || $1"
                    )],
                    wrong: &[
                        "SELECT count(*) FROM users WHERE segment IS NULL AND $1 > 0",
                        "SELECT count(*) FROM users WHERE id = $1 AND segment <> 'k' || $1",
                    ],
                },
            ],
        },
        Story {
            name: "drop a required column",
            request: Request::DropColumn {
                table: users(),
                column: text("pager"),
                default: Some(text("'none'")),
            },
            code: vec![
                PLAIN,
                PLAIN,
                Code {
                    writes: &[
                        "INSERT INTO users (id, street, city, full_name, email_addr, amount)
                               VALUES ($1, 'S', 'C', 'N', 'e' || $1, 1)",
                    ],
                    wrong: &["SELECT count(*) FROM users WHERE id = $1 AND full_name <> 'N'"],
                },
            ],
        },
        Story {
            name: "drop an optional column",
            request: Request::DropColumn {
                table: users(),
                column: text("fax"),
                default: None,
            },
            code: vec![PLAIN, PLAIN, PLAIN],
        },
        Story {
            name: "drop a table",
            request: Request::DropTable {
                table: text("faxes"),
            },
            code: vec![
                Code {
                    writes: &["INSERT INTO faxes VALUES ($1, 'n')"],
                    wrong: &["SELECT 1 - count(*) FROM faxes WHERE id = $1"],
                },
                Code {
                    writes: &["INSERT INTO faxes VALUES ($1, 'n')"],
                    wrong: &[],
                },
                PLAIN,
            ],
        },
    ]
}

fn moves(users: fn() -> String) -> Vec<Story> {
    const BY_OLD_NAME: Code = Code {
        writes: &[
            insert!(", full_name, email_addr, amount", ", 'N', 'o' || $1, 1"),
            "UPDATE users SET email_addr = 'p' || $1 WHERE id = $1",
        ],
        wrong: &["SELECT count(*) FROM users WHERE id = $1 AND email_addr <> 'p' || $1"],
    };
    vec![
        Story {
            name: "rename a column",
            request: Request::RenameColumn {
                table: users(),
                from: text("email_addr"),
                to: text("email"),
            },
            code: vec![
                BY_OLD_NAME,
                Code {
                    writes: BY_OLD_NAME.writes,
                    wrong: &[
                        "SELECT count(*) FROM users WHERE id = $1 AND email <> 'p' || $1",
                        "SELECT count(*) FROM users WHERE email IS NULL AND $1 > 0",
                    ],
                },
                Code {
                    writes: &[
                        insert!(", full_name, email, amount", ", 'N', 'o' || $1, 1"),
                        "UPDATE users SET email = 'q' || $1 WHERE id = $1",
                    ],
                    wrong: &["SELECT count(*) FROM users WHERE id = $1 AND email <> 'q' || $1"],
                },
            ],
        },
        Story {
            name: "split a column",
            request: Request::Move(Move {
                kind: MoveKind::Split,
                table: users(),
                old: vec![text("full_name")],
                new: vec![
                    column("first_name", "text", "split_part(full_name, ' ', 1)"),
                    column(
                        "last_name",
                        "text",
                        "substr(full_name, length(split_part(full_name, ' ', 1)) + 2)",
                    ),
                ],
                back: map(&[("full_name", "rtrim(first_name || ' ' || last_name)")]),
            }),
            code: vec![
                PLAIN,
                Code {
                    writes: &[insert!(
                        ", full_name, email_addr, amount",
                        ", 'Jo Ann', 'e' || $1, 1"
                    )],
                    wrong: &[
                        "SELECT count(*) FROM users
                         WHERE id = $1 AND (first_name, last_name) <> ('Jo', 'Ann')",
                        "SELECT count(*) FROM users WHERE first_name IS NULL AND $1 > 0",
                    ],
                },
                Code {
                    writes: &[
                        insert!(
                            ", first_name, last_name, email_addr, amount",
                            ", 'Mary Ann', 'Z', 'e' || $1, 1"
                        ),
                        "UPDATE users SET first_name = 'Mary Lou' WHERE id = $1",
                    ],
                    wrong: &["SELECT count(*) FROM users
                              WHERE id = $1 AND (first_name, last_name) <> ('Mary Lou', 'Z')"],
                },
            ],
        },
        Story {
            name: "merge columns",
            request: Request::Move(Move {
                kind: MoveKind::Merge,
                table: users(),
                old: vec![text("street"), text("pager")],
                new: vec![column("address", "text", "street || ', ' || pager")],
                back: map(&[
                    ("street", "split_part(address, ', ', 1)"),
                    ("pager", "split_part(address, ', ', 2)"),
                ]),
            }),
            code: vec![
                PLAIN,
                Code {
                    writes: PLAIN.writes,
                    wrong: &["SELECT count(*) FROM users
                              WHERE id = $1 AND address <> 'S' || $1 || ', p' || $1"],
                },
                Code {
                    writes: &[
                        "INSERT INTO users (id, full_name, city, email_addr, amount, address)
                               VALUES ($1, 'N', 'C', 'e' || $1, 1, 'A, B' || $1)",
                    ],
                    wrong: &[
                        "SELECT count(*) FROM users WHERE id = $1 AND address <> 'A, B' || $1",
                    ],
                },
            ],
        },
        Story {
            name: "change a type",
            request: Request::Move(Move {
                kind: MoveKind::ChangeType,
                table: users(),
                old: vec![text("amount")],
                new: vec![column("cents", "bigint", "amount::bigint * 100")],
                back: map(&[("amount", "(cents / 100)::integer")]),
            }),
            code: vec![
                PLAIN,
                Code {
                    writes: PLAIN.writes,
                    wrong: &[
                        "SELECT count(*) FROM users WHERE id = $1 AND cents <> 600",
                        "SELECT count(*) FROM users WHERE cents IS NULL AND $1 > 0",
                    ],
                },
                Code {
                    writes: &[
                        insert!(", full_name, email_addr, cents", ", 'N', 'e' || $1, 199"),
                        "UPDATE users SET cents = cents + 1000 WHERE id = $1",
                    ],
                    wrong: &["SELECT count(*) FROM users WHERE id = $1 AND cents <> 1199"],
                },
            ],
        },
        Story {
            name: "change a type without equality, and without a way back for values",
            request: Request::Move(Move {
                kind: MoveKind::ChangeType,
                table: users(),
                old: vec![text("settings")],
                new: vec![column("options", "jsonb", "settings::jsonb")],
                back: BTreeMap::new(),
            }),
            code: vec![
                PLAIN,
                Code {
                    writes: &[insert!(
                        ", full_name, email_addr, amount, settings, options",
                        ", 'N', 'e' || $1, 1, '{\"k\": 1}', '{\"k\": 1}'"
                    )],
                    wrong: &[
                        "SELECT count(*) FROM users WHERE id = $1 AND options <> '{\"k\": 1}'",
                    ],
                },
                Code {
                    writes: &[insert!(
                        ", full_name, email_addr, amount, options",
                        ", 'N', 'e' || $1, 1, '{\"k\": 2}'"
                    )],
                    wrong: &[
                        "SELECT count(*) FROM users WHERE id = $1 AND options <> '{\"k\": 2}'",
                    ],
                },
            ],
        },
    ]
}

fn rules(users: fn() -> String) -> Vec<Story> {
    let value = |column: &str, value: &str, fallback: Option<&str>| Request::AddValue {
        table: text("users"),
        column: text(column),
        value: text(value),
        fallback: fallback.map(text),
    };
    vec![
        Story {
            name: "add a label to an enum",
            request: value("mood", "calm", Some("sad")),
            code: vec![
                PLAIN,
                PLAIN,
                Code {
                    writes: &[insert!(
                        ", full_name, email_addr, amount, mood",
                        ", 'N', 'e' || $1, 1, 'calm'"
                    )],
                    wrong: &["SELECT count(*) FROM users WHERE id = $1 AND mood <> 'calm'"],
                },
            ],
        },
        Story {
            name: "add a value to a check",
            request: value("state", "gone", Some("old")),
            code: vec![
                PLAIN,
                PLAIN,
                Code {
                    writes: &[insert!(
                        ", full_name, email_addr, amount, state",
                        ", 'N', 'e' || $1, 1, 'gone'"
                    )],
                    wrong: &["SELECT count(*) FROM users WHERE id = $1 AND state <> 'gone'"],
                },
            ],
        },
        Story {
            name: "remove a label of an enum",
            request: Request::RemoveValue {
                table: users(),
                column: text("mood"),
                value: text("sad"),
                replacement: text("happy"),
            },
            code: vec![
                Code {
                    writes: &[insert!(
                        ", full_name, email_addr, amount, mood",
                        ", 'N', 'e' || $1, 1, 'sad'"
                    )],
                    wrong: &["SELECT count(*) FROM users WHERE id = $1 AND mood <> 'sad'"],
                },
                PLAIN,
            ],
        },
        Story {
            name: "add an index",
            request: Request::AddIndex {
                table: users(),
                name: text("users_pager"),
                keys: vec![text("pager"), text("lower(full_name)")],
                method: None,
                only: Some(text("fax IS NOT NULL")),
            },
            code: vec![PLAIN],
        },
        Story {
            name: "add an index to a partitioned table",
            request: Request::AddIndex {
                table: text("orders"),
                name: text("orders_at"),
                keys: vec![text("at")],
                method: None,
                only: None,
            },
            code: vec![Code {
                writes: &["INSERT INTO orders VALUES ($1, '2026-05-01')"],
                wrong: &["SELECT 1 - count(*) FROM orders WHERE id = $1"],
            }],
        },
        Story {
            name: "add a check",
            request: Request::AddCheck {
                table: users(),
                name: text("positive"),
                rule: text("amount >= 0"),
                mend: map(&[("amount", "0")]),
            },
            code: vec![
                Code {
                    writes: &[insert!(
                        ", full_name, email_addr, amount",
                        ", 'N', 'e' || $1, -7"
                    )],
                    wrong: &["SELECT count(*) FROM users WHERE id = $1 AND amount <> -7"],
                },
                PLAIN,
            ],
        },
        Story {
            name: "add not null",
            request: Request::AddNotNull {
                table: users(),
                column: text("fax"),
                mend: Some(text("''")),
            },
            code: vec![
                PLAIN,
                Code {
                    writes: &[insert!(
                        ", full_name, email_addr, amount, fax",
                        ", 'N', 'e' || $1, 1, 'f'"
                    )],
                    wrong: &["SELECT count(*) FROM users WHERE id = $1 AND fax <> 'f'"],
                },
            ],
        },
        Story {
            name: "add uniqueness",
            request: Request::AddUnique {
                table: users(),
                name: text("names_once"),
                columns: vec![text("full_name"), text("id")],
            },
            code: vec![PLAIN, PLAIN],
        },
        Story {
            name: "add a foreign key",
            request: Request::AddForeignKey {
                table: users(),
                name: text("users_country"),
                columns: vec![text("country")],
                to_table: text("countries"),
                to_columns: vec![text("code")],
                actions: text("ON DELETE SET NULL"),
            },
            code: vec![
                PLAIN,
                Code {
                    writes: &[insert!(
                        ", full_name, email_addr, amount, country",
                        ", 'N', 'e' || $1, 1, 'no'"
                    )],
                    wrong: &["SELECT count(*) FROM users WHERE id = $1 AND country <> 'no'"],
                },
            ],
        },
    ]
}

/// Runs what each version does; nothing may fail and nothing be read wrong.
pub(crate) fn work(
    client: &mut Client,
    story: &Story,
    versions: &[usize],
    number: &mut i64,
    at: &str,
) {
    for version in versions {
        let code = &story.code[*version];
        *number += 1;
        let told = |sql: &str, error: &dyn std::fmt::Display| {
            format!("{}, {at}, version {version}: {sql}: {error}", story.name)
        };
        // Any use of the number as text or as a number is spelled out by its place.
        let fit = |sql: &str| sql.replace("$1", &number.to_string());
        for sql in code.writes {
            if let Err(error) = client.batch_execute(&fit(sql)) {
                panic!("{}", told(sql, &shown(&error)));
            }
        }
        for sql in code.wrong {
            match client.query_one(&fit(sql), &[]) {
                Ok(row) if row.get::<_, i64>(0) == 0 => {}
                Ok(row) => panic!(
                    "{}",
                    told(sql, &format!("{} are wrong", row.get::<_, i64>(0)))
                ),
                Err(error) => panic!("{}", told(sql, &shown(&error))),
            }
        }
    }
}

fn shown(error: &postgres::Error) -> String {
    error.as_db_error().map_or_else(
        || error.to_string(),
        |it| format!("{} {:?} {:?}", it.message(), it.detail(), it.where_()),
    )
}
