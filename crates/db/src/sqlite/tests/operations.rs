//! Every operation on a real file: each step up, back and up again with the same state at each
//! boundary, while versions of the code on both sides of the step work; then all the way back.

use std::collections::BTreeMap;

use rusqlite::params;
use switchback_migration::definition::Work;
use switchback_migration::operation::request::{Merge, Move, MoveKind, NewColumn, Request};

use super::*;

const TABLE: &str = "
    CREATE TABLE users (
        id INTEGER PRIMARY KEY,
        full_name TEXT NOT NULL,
        street TEXT NOT NULL, city TEXT NOT NULL,
        fax TEXT,
        pager TEXT NOT NULL,
        amount INTEGER NOT NULL,
        state TEXT NOT NULL DEFAULT 'new' CONSTRAINT state_known CHECK (state IN ('new', 'old')),
        account INTEGER
    );
    CREATE INDEX users_city ON users (city);
    CREATE TABLE accounts (id INTEGER PRIMARY KEY, name TEXT NOT NULL);
    CREATE TABLE profiles (
        number INTEGER PRIMARY KEY AUTOINCREMENT,
        account INTEGER NOT NULL UNIQUE REFERENCES accounts,
        bio TEXT NOT NULL, name TEXT, handle TEXT COLLATE NOCASE UNIQUE,
        score REAL DEFAULT 1 CHECK (score >= 0)
    );
    CREATE INDEX profiles_score ON profiles (score DESC, account);
    INSERT INTO accounts VALUES (1, 'one'), (2, 'two'), (3, 'three');
    INSERT INTO profiles (account, bio, name, handle, score) VALUES
        (1, 'b1', 'n1', 'h1', 1.5), (2, 'b2', NULL, NULL, NULL);";

const ROWS: &str = "
    INSERT INTO users VALUES
        (1, 'Ada Lovelace', 'Main St 1', 'London', NULL, 'p1', 5, 'new', 1),
        (2, 'Mary Ann Evans', 'Side St 2', 'Nuneaton', 'f2', 'p2', 7, 'old', NULL),
        (3, 'Cher', 'Hill 3', 'LA', '', 'p3', 0, 'new', 3),
        (4, 'X Y', 'S', 'T', NULL, 'p4', -3, 'old', 1);";

/// What a version of the code does with `?1`, a number that nobody has used: statements, and
/// queries that count what is wrong.
#[derive(Clone, Copy)]
struct Code {
    writes: &'static [&'static str],
    wrong: &'static [&'static str],
}

struct Story {
    name: &'static str,
    request: Request,
    /// One for each code step, that from before the change first.
    code: Vec<Code>,
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
        "INSERT INTO users (id, full_name, street, city, pager, amount)
         VALUES (?1, 'N ' || ?1, 'S' || ?1, 'C', 'p' || ?1, ?1)",
        "UPDATE users SET full_name = 'M ' || ?1, amount = amount + 1 WHERE id = ?1",
    ],
    wrong: &[
        "SELECT count(*) FROM users WHERE id = ?1 AND (full_name IS NOT 'M ' || ?1
           OR amount IS NOT ?1 + 1 OR street IS NOT 'S' || ?1)",
        "SELECT 1 - count(*) FROM users WHERE id = ?1",
    ],
};

fn stories() -> Vec<Story> {
    let users = || text("users");
    let mut all = vec![
        Story {
            name: "add a column",
            request: Request::AddColumn {
                table: users(),
                column: text("nickname"),
                type_sql: text("TEXT"),
                default: Some(text("'none'")),
            },
            code: vec![
                PLAIN,
                Code {
                    writes: &[
                        "INSERT INTO users (id, full_name, street, city, pager, amount, nickname)
                               VALUES (?1, 'N', 'S', 'C', 'p', 1, 'k' || ?1)",
                    ],
                    wrong: &[
                        "SELECT count(*) FROM users WHERE id = ?1 AND nickname IS NOT 'k' || ?1",
                        "SELECT count(*) FROM users WHERE nickname IS NULL AND ?1",
                    ],
                },
            ],
        },
        Story {
            name: "add a required column",
            request: Request::AddRequiredColumn {
                table: users(),
                column: text("segment"),
                type_sql: text("TEXT"),
                value: text("CASE WHEN amount > 3 THEN 'large' ELSE 'small' END"),
            },
            code: vec![
                PLAIN,
                Code {
                    writes: &[
                        "INSERT INTO users (id, full_name, street, city, pager, amount, segment)
                               VALUES (?1, 'N', 'S', 'C', 'p', 1, 'k' || ?1)",
                    ],
                    wrong: &["SELECT count(*) FROM users WHERE id = ?1 AND full_name IS NOT 'N'"],
                },
                Code {
                    writes: &[
                        "INSERT INTO users (id, full_name, street, city, pager, amount, segment)
                               VALUES (?1, 'N', 'S', 'C', 'p', 1, 'k' || ?1)",
                    ],
                    wrong: &[
                        "SELECT count(*) FROM users WHERE segment IS NULL AND ?1",
                        "SELECT count(*) FROM users WHERE id = ?1 AND segment IS NOT 'k' || ?1",
                    ],
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
                    column(
                        "first_name",
                        "TEXT",
                        "substr(full_name, 1, instr(full_name || ' ', ' ') - 1)",
                    ),
                    column(
                        "last_name",
                        "TEXT",
                        "substr(full_name, instr(full_name || ' ', ' ') + 1)",
                    ),
                ],
                back: map(&[("full_name", "rtrim(first_name || ' ' || last_name)")]),
            }),
            code: vec![
                Code {
                    writes: &[
                        "INSERT INTO users (id, full_name, street, city, pager, amount)
                         VALUES (?1, 'Jo Ann X' || ?1, 'S', 'C', 'p', 1)",
                        "UPDATE users SET full_name = 'Eve Y' || ?1 WHERE id = ?1",
                    ],
                    wrong: &[
                        "SELECT count(*) FROM users WHERE id = ?1 AND full_name IS NOT 'Eve Y' || ?1",
                    ],
                },
                Code {
                    writes: &[
                        "INSERT INTO users (id, full_name, street, city, pager, amount)
                               VALUES (?1, 'Jo Ann', 'S', 'C', 'p', 1)",
                    ],
                    wrong: &[
                        "SELECT count(*) FROM users
                         WHERE id = ?1 AND (first_name, last_name) IS NOT ('Jo', 'Ann')",
                        "SELECT count(*) FROM users WHERE first_name IS NULL AND ?1",
                    ],
                },
                Code {
                    writes: &[
                        "INSERT INTO users (id, first_name, last_name, street, city, pager, amount)
                         VALUES (?1, 'Mary Ann', 'Z', 'S', 'C', 'p', 1)",
                        "UPDATE users SET first_name = 'Mary Lou' WHERE id = ?1",
                    ],
                    wrong: &["SELECT count(*) FROM users
                              WHERE id = ?1 AND (first_name, last_name) IS NOT ('Mary Lou', 'Z')"],
                },
            ],
        },
        Story {
            name: "merge columns",
            request: Request::Move(Move {
                kind: MoveKind::Merge,
                table: users(),
                old: vec![text("street"), text("city")],
                new: vec![column("address", "TEXT", "street || ', ' || city")],
                back: map(&[
                    ("street", "substr(address, 1, instr(address, ', ') - 1)"),
                    ("city", "substr(address, instr(address, ', ') + 2)"),
                ]),
            }),
            code: vec![
                PLAIN,
                Code {
                    writes: &[
                        "INSERT INTO users (id, full_name, street, city, pager, amount)
                               VALUES (?1, 'N', 'S' || ?1, 'C', 'p', 1)",
                    ],
                    wrong: &[
                        "SELECT count(*) FROM users WHERE id = ?1 AND address IS NOT 'S' || ?1 || ', C'",
                    ],
                },
                Code {
                    writes: &["INSERT INTO users (id, full_name, address, pager, amount)
                               VALUES (?1, 'N', 'A, B' || ?1, 'p', 1)"],
                    wrong: &[
                        "SELECT count(*) FROM users WHERE id = ?1 AND address IS NOT 'A, B' || ?1",
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
                new: vec![column("cents", "INTEGER", "amount * 100")],
                back: map(&[("amount", "cents / 100")]),
            }),
            code: vec![
                PLAIN,
                Code {
                    writes: &[
                        "INSERT INTO users (id, full_name, street, city, pager, amount)
                               VALUES (?1, 'N', 'S', 'C', 'p', 7)",
                    ],
                    wrong: &[
                        "SELECT count(*) FROM users WHERE id = ?1 AND cents IS NOT 700",
                        "SELECT count(*) FROM users WHERE cents IS NULL AND ?1",
                    ],
                },
                Code {
                    writes: &[
                        "INSERT INTO users (id, full_name, street, city, pager, cents)
                         VALUES (?1, 'N', 'S', 'C', 'p', 199)",
                        "UPDATE users SET cents = cents + 1000 WHERE id = ?1",
                    ],
                    wrong: &["SELECT count(*) FROM users WHERE id = ?1 AND cents IS NOT 1199"],
                },
            ],
        },
        Story {
            name: "add a value",
            request: Request::AddValue {
                table: users(),
                column: text("state"),
                value: text("gone"),
                fallback: Some(text("old")),
            },
            code: vec![
                PLAIN,
                PLAIN,
                Code {
                    writes: &[
                        "INSERT INTO users (id, full_name, street, city, pager, amount, state)
                               VALUES (?1, 'N', 'S', 'C', 'p', 1, 'gone')",
                    ],
                    wrong: &["SELECT count(*) FROM users WHERE id = ?1 AND state IS NOT 'gone'"],
                },
            ],
        },
        Story {
            name: "remove a value",
            request: Request::RemoveValue {
                table: users(),
                column: text("state"),
                value: text("old"),
                replacement: text("new"),
            },
            code: vec![
                Code {
                    writes: &[
                        "INSERT INTO users (id, full_name, street, city, pager, amount, state)
                               VALUES (?1, 'N', 'S', 'C', 'p', 1, 'old')",
                    ],
                    wrong: &["SELECT count(*) FROM users WHERE id = ?1 AND state IS NOT 'old'"],
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
            name: "add a check",
            request: Request::AddCheck {
                table: users(),
                name: text("positive"),
                rule: text("amount >= 0"),
                mend: map(&[("amount", "0")]),
            },
            code: vec![
                Code {
                    writes: &[
                        "INSERT INTO users (id, full_name, street, city, pager, amount)
                               VALUES (?1, 'N', 'S', 'C', 'p', -?1)",
                    ],
                    wrong: &["SELECT count(*) FROM users WHERE id = ?1 AND amount IS NOT -?1"],
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
                    writes: &[
                        "INSERT INTO users (id, full_name, street, city, pager, amount, fax)
                               VALUES (?1, 'N', 'S', 'C', 'p', 1, 'f')",
                    ],
                    wrong: &["SELECT count(*) FROM users WHERE id = ?1 AND fax IS NOT 'f'"],
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
                name: text("users_account"),
                columns: vec![text("account")],
                to_table: text("accounts"),
                to_columns: vec![text("id")],
                actions: text("ON DELETE SET NULL"),
            },
            code: vec![
                PLAIN,
                Code {
                    writes: &[
                        "INSERT INTO accounts (id, name) VALUES (?1, 'N')",
                        "INSERT INTO users (id, full_name, street, city, pager, amount, account)
                               VALUES (?1, 'N', 'S', 'C', 'p', 1, ?1)",
                        "UPDATE users SET account = 2 WHERE id = ?1",
                        "DELETE FROM accounts WHERE id = ?1",
                    ],
                    wrong: &["SELECT count(*) FROM users WHERE id = ?1 AND account IS NOT 2"],
                },
            ],
        },
        Story {
            name: "drop a column",
            request: Request::DropColumn {
                table: users(),
                column: text("pager"),
                default: Some(text("'none'")),
            },
            code: vec![
                PLAIN,
                Code {
                    writes: &[
                        "INSERT INTO users (id, full_name, street, city, amount, pager)
                               VALUES (?1, 'N', 'S', 'C', 1, 'p')",
                    ],
                    wrong: &["SELECT count(*) FROM users WHERE id = ?1 AND full_name IS NOT 'N'"],
                },
                Code {
                    writes: &["INSERT INTO users (id, full_name, street, city, amount)
                               VALUES (?1, 'N', 'S', 'C', 1)"],
                    wrong: &["SELECT count(*) FROM users WHERE id = ?1 AND full_name IS NOT 'N'"],
                },
            ],
        },
    ];
    all.push(merge());
    all
}

fn merge() -> Story {
    /// Code that has two statements for one thing.
    const BOTH: Code = Code {
        writes: &[
            "INSERT INTO accounts (id, name) VALUES (?1, 'N')",
            "INSERT INTO profiles (account, bio, handle) VALUES (?1, 'b', 'h' || ?1)",
            "UPDATE profiles SET bio = 'c', name = 'M' WHERE account = ?1",
            "INSERT INTO accounts (id, name) VALUES (-?1, 'alone')",
            "UPDATE accounts SET name = 'still alone' WHERE id = -?1",
        ],
        wrong: &[
            "SELECT 1 - count(*) FROM accounts a JOIN profiles p ON p.account = a.id
             WHERE a.id = ?1 AND a.name = 'N' AND p.bio = 'c' AND p.name = 'M' AND p.score = 1
               AND p.handle = 'h' || ?1",
            "SELECT count(*) FROM profiles WHERE account = -?1",
        ],
    };
    Story {
        name: "merge tables",
        request: Request::MergeTables(Merge {
            into: text("accounts"),
            from: text("profiles"),
            by: Vec::new(),
            names: map(&[("name", "profile_name")]),
            prefix: String::new(),
        }),
        code: vec![
            BOTH,
            Code {
                writes: BOTH.writes,
                wrong: &[
                    "SELECT 1 - count(*) FROM accounts WHERE id = ?1 AND name = 'N' AND bio = 'c'
                       AND profile_name = 'M' AND score = 1",
                    "SELECT 1 - count(*) FROM accounts WHERE id = -?1 AND bio IS NULL
                       AND score IS NULL",
                    "SELECT count(*) FROM accounts WHERE bio IS NULL AND id IN (1, 2) AND ?1 > 0",
                ],
            },
            Code {
                writes: &[
                    "INSERT INTO accounts (id, name, bio, handle, score)
                     VALUES (?1, 'N', 'b', 'h' || ?1, 2)",
                    "UPDATE accounts SET bio = 'd' WHERE id = ?1",
                    "INSERT INTO accounts (id, name) VALUES (-?1, 'alone')",
                    "UPDATE accounts SET bio = 'late' WHERE id = -?1",
                    "INSERT INTO accounts (id, name, bio) VALUES (?1 + 500000, 'N', 'b')",
                    "DELETE FROM accounts WHERE id = ?1 + 500000",
                ],
                wrong: &["SELECT 2 - count(*) FROM accounts
                          WHERE (id, bio) IN (VALUES (?1, 'd'), (-?1, 'late'))"],
            },
        ],
    }
}

/// Runs what each version does; nothing may fail and nothing be read wrong.
fn work(place: &Place, story: &Story, versions: &[usize], number: &mut i64, at: &str) {
    let connection = place.application();
    for version in versions {
        let code = &story.code[*version];
        *number += 1;
        let told = |sql: &str, error: &dyn std::fmt::Display| {
            format!("{}, {at}, version {version}: {sql}: {error}", story.name)
        };
        for sql in code.writes {
            if let Err(error) = connection.execute(sql, params![*number]) {
                panic!("{}", told(sql, &error));
            }
        }
        for sql in code.wrong {
            match connection.query_row(sql, params![*number], |row| row.get::<_, i64>(0)) {
                Ok(0) => {}
                Ok(wrong) => panic!("{}", told(sql, &format!("{wrong} rows are wrong"))),
                Err(error) => panic!("{}", told(sql, &error)),
            }
        }
    }
}

/// The versions that may run now: the one that does, and the one before while it may come back.
fn live(position: usize) -> Vec<usize> {
    (position.saturating_sub(1)..=position).collect()
}

#[test]
fn every_operation_up_and_back_at_every_step_while_code_works() {
    for story in stories() {
        for rows in [ROWS, ""] {
            let place = Place::new(&format!("{TABLE}{rows}"));
            let mut database = place.open();
            let id = ChangeId::new("it").unwrap();
            let planned = database.plan(&id, &story.request, Mode::Triggers).unwrap();
            let state = |database: &SqliteDatabase| {
                let surface = &planned.as_ref().unwrap().surface;
                let there = |it: &&String| database.catalog(it).is_ok();
                let tables = std::iter::once(&surface.table).chain(&surface.also);
                let tables = tables.filter(there);
                tables.map(|it| state(database, it)).collect::<Vec<_>>()
            };
            let definition = planned
                .clone()
                .unwrap_or_else(|error| panic!("{}: {error}", story.name));
            assert_eq!(
                definition.code_steps().len(),
                story.code.len(),
                "{}",
                story.name
            );
            let begun = database.full_fingerprint().unwrap();
            let (mut position, mut number) = (0, 1_000);
            work(&place, &story, &[0], &mut number, "before");
            for step in &definition.steps {
                let name = step.name.as_str();
                if matches!(step.work, Work::Code { .. }) {
                    position += 1;
                    work(&place, &story, &live(position), &mut number, name);
                    continue;
                }
                // By now nobody comes back who would not bear the step.
                let before = state(&database);
                walk(&mut database, &definition, name, Direction::Up);
                let after = state(&database);
                walk(&mut database, &definition, name, Direction::Down);
                assert_eq!(state(&database), before, "{}, {name}", story.name);
                walk(&mut database, &definition, name, Direction::Up);
                assert_eq!(state(&database), after, "{}, {name}", story.name);
                work(&place, &story, &[position], &mut number, name);
            }
            for step in definition.steps.iter().rev() {
                let name = step.name.as_str();
                if matches!(step.work, Work::Code { .. }) {
                    position -= 1;
                } else {
                    walk(&mut database, &definition, name, Direction::Down);
                }
                work(
                    &place,
                    &story,
                    &[position],
                    &mut number,
                    &format!("back before {name}"),
                );
            }
            assert_eq!(
                database.full_fingerprint().unwrap(),
                begun,
                "{}",
                story.name
            );
        }
    }
}
