use proptest::prelude::*;

use super::{OldShape, Use};
use crate::Engine;
use crate::schema::Schema;
use crate::sql::ir::Name;

fn schema() -> Schema {
    let mut schema = Schema::empty();
    let ddl = "CREATE TABLE users (id int PRIMARY KEY, name text, fax text);
        CREATE TABLE orders (id int, user_id int, total int);
        CREATE TABLE companies (id int, fax text);
        CREATE TABLE events (id int, fax text) PARTITION BY RANGE (id);
        CREATE TABLE events_1 PARTITION OF events FOR VALUES FROM (0) TO (9);
        CREATE VIEW contacts AS SELECT id, fax FROM users;";
    for statement in crate::sql::parse(ddl, Engine::Postgres) {
        schema.apply(&statement);
    }
    schema
}

fn column(schema: &Schema) -> OldShape<'_> {
    let columns = vec!["fax".to_owned()];
    OldShape::new(
        Engine::Postgres,
        Name::qualified("public", "users"),
        columns,
        Some(schema),
    )
}

fn is_used(shape: &OldShape<'_>, sql: &str) -> bool {
    match shape.used_by(sql) {
        Use::Yes(_) => true,
        Use::No => false,
        Use::Unknown(why) => panic!("{sql}: {why}"),
    }
}

#[test]
fn what_may_meet_a_column_uses_it() {
    let schema = schema();
    let shape = column(&schema);
    for sql in [
        "SELECT fax FROM users",
        "select u.FAX from public.users as u where u.id = $1",
        "SELECT * FROM users",
        "SELECT u.* FROM orders o JOIN users u ON u.id = o.user_id",
        "SELECT * FROM orders, users",
        "SELECT users FROM users",
        "SELECT row_to_json(u) FROM users u",
        "SELECT count(u) FROM users u",
        "SELECT (u).fax FROM users u",
        "SELECT id FROM users WHERE fax IS NOT NULL",
        "SELECT id FROM users ORDER BY fax",
        "SELECT id FROM users GROUP BY id HAVING max(fax) > $1",
        "SELECT o.id FROM orders o WHERE EXISTS (SELECT FROM users WHERE fax = $1)",
        "SELECT o.id FROM orders o WHERE o.user_id IN (SELECT id FROM users u WHERE u.fax = $1)",
        "SELECT (SELECT fax) FROM users",
        "SELECT x.a FROM (SELECT fax AS a FROM users) x",
        "WITH x AS (SELECT * FROM users) SELECT id FROM x",
        "WITH users AS (SELECT * FROM users) SELECT id FROM users",
        "SELECT id FROM users JOIN companies USING (fax)",
        "SELECT users.id FROM users NATURAL JOIN companies",
        "SELECT x.a FROM users AS x (a, b, c)",
        "SELECT id FROM orders UNION SELECT fax FROM users",
        "TABLE users",
        "INSERT INTO users VALUES ($1, $2, $3)",
        "INSERT INTO users SELECT id, name FROM companies",
        "INSERT INTO users (id, fax) VALUES ($1, $2)",
        "INSERT INTO users (id) VALUES ($1) RETURNING *",
        "INSERT INTO users (id) VALUES ($1) RETURNING fax",
        "INSERT INTO users (id) VALUES ($1) ON CONFLICT (id) DO UPDATE SET fax = $2",
        "INSERT INTO users (id) VALUES ($1) ON CONFLICT (id) DO UPDATE SET name = excluded.fax",
        "UPDATE users SET fax = $1",
        "UPDATE users SET name = fax",
        "UPDATE users SET (name, fax) = ($1, $2) WHERE id = $3",
        "UPDATE users AS u SET name = $1 RETURNING u.*",
        "UPDATE orders SET total = $1 FROM users WHERE users.fax = $2",
        "DELETE FROM users WHERE fax = $1",
        "DELETE FROM users u WHERE u.id = $1 RETURNING u",
        "MERGE INTO users u USING orders o ON u.id = o.id WHEN MATCHED THEN UPDATE SET fax = NULL",
        "MERGE INTO users u USING orders o ON u.id = o.id WHEN NOT MATCHED THEN INSERT VALUES (o.id)",
        "COPY users TO STDOUT",
        "COPY users (id, fax) FROM STDIN",
        "COPY (SELECT fax FROM users) TO STDOUT",
        "DECLARE c CURSOR FOR SELECT * FROM users",
        "EXPLAIN ANALYZE SELECT fax FROM users",
        "CREATE TABLE copy AS SELECT * FROM users",
        "PREPARE p AS SELECT fax FROM users",
        // As the statistics have them: no constant where the grammar wants one.
        "SELECT EXTRACT($1 FROM now()), interval $2, fax FROM users",
        "SELECT id FROM orders; SELECT fax FROM users",
    ] {
        assert!(is_used(&shape, sql), "{sql}");
    }
}

#[test]
fn what_does_not_meet_a_column_does_not_use_it() {
    let schema = schema();
    let shape = column(&schema);
    for sql in [
        "SELECT id, name FROM users WHERE id = $1",
        "SELECT count(*) FROM users",
        "SELECT fax FROM companies",
        "SELECT * FROM companies",
        "SELECT o.*, u.name FROM orders o JOIN users u ON u.id = o.user_id",
        "SELECT c.fax, u.name FROM companies c, users u",
        "SELECT fax FROM companies WHERE id IN (SELECT id FROM users)",
        "SELECT u.id FROM users u WHERE EXISTS (SELECT fax FROM companies WHERE id = u.id)",
        "SELECT name FROM users FOR UPDATE OF users",
        "SELECT id AS fax_number FROM users",
        "SELECT name FROM other.users AS u, orders WHERE orders.id = u.id",
        "WITH users AS (SELECT id, fax FROM companies) SELECT * FROM users",
        "INSERT INTO users (id, name) VALUES ($1, $2) ON CONFLICT (id) DO UPDATE SET name = excluded.name",
        "INSERT INTO users (id, name) SELECT id, fax FROM companies",
        "INSERT INTO users DEFAULT VALUES",
        "INSERT INTO users (id) VALUES ($1) RETURNING id",
        "INSERT INTO companies SELECT id, name FROM users",
        "UPDATE users SET name = 'fax' WHERE id = $1",
        "DELETE FROM users WHERE id = $1",
        "COPY users (id, name) TO STDOUT",
        "TRUNCATE users",
        "ALTER TABLE users ADD COLUMN phone text",
        "VACUUM users",
        "LOCK TABLE users",
        "BEGIN",
        "SET search_path = users",
    ] {
        assert_eq!(shape.used_by(sql), Use::No, "{sql}");
    }
}

#[test]
fn what_is_not_understood_is_unknown_where_it_may_matter() {
    let schema = schema();
    let shape = column(&schema);
    for sql in [
        "FROBNICATE users",
        "SELECT fax FROM users WHERE",
        "DO $$ BEGIN PERFORM fax FROM users; END $$",
        "SELECT U&\"\\0066ax\" FROM FROM",
    ] {
        assert!(matches!(shape.used_by(sql), Use::Unknown(_)), "{sql}");
    }
    assert_eq!(shape.used_by("FROBNICATE orders"), Use::No);
    assert!(is_used(
        &shape,
        "SELECT U&\"\\0066ax\" FROM U&\"\\0075sers\""
    ));
}

#[test]
fn every_name_of_a_table_uses_it() {
    let schema = schema();
    let name = Name::qualified("public", "users");
    let shape = OldShape::new(Engine::Postgres, name, Vec::new(), Some(&schema));
    for sql in [
        "SELECT 1 FROM users",
        "SELECT count(*) FROM public.users",
        "INSERT INTO users DEFAULT VALUES",
        "SELECT id FROM orders WHERE user_id IN (SELECT id FROM users)",
        "TRUNCATE orders, users",
        "LOCK users",
        "COPY users (id) TO STDOUT",
    ] {
        assert!(is_used(&shape, sql), "{sql}");
    }
    for sql in [
        "SELECT users FROM orders",
        "SELECT 1 FROM other.users",
        "ANALYZE users",
        "SELECT 'users'",
    ] {
        assert_eq!(shape.used_by(sql), Use::No, "{sql}");
    }
}

#[test]
fn rows_are_reached_through_parents_and_children() {
    let schema = schema();
    for (table, other) in [("events", "events_1"), ("events_1", "events")] {
        let name = Name::qualified("public", table);
        let shape = OldShape::new(
            Engine::Postgres,
            name,
            vec!["fax".to_owned()],
            Some(&schema),
        );
        assert!(is_used(&shape, &format!("SELECT fax FROM {other}")));
        assert!(!is_used(&shape, &format!("SELECT id FROM {other}")));
    }
}

#[test]
fn views_and_bodies_are_asked_once() {
    let schema = schema();
    let shape = column(&schema);
    let view = schema.relation(&Name::plain("contacts")).unwrap();
    assert!(shape.in_view(view));
    assert!(!shape.in_view(schema.relation(&Name::plain("orders")).unwrap()));
    assert!(shape.in_body("BEGIN RETURN (SELECT Fax FROM users); END"));
    assert!(shape.in_body("SELECT * FROM users"));
    assert!(shape.in_body("DECLARE u users%ROWTYPE;"));
    assert!(!shape.in_body("SELECT name FROM users"));
    assert!(!shape.in_body("SELECT fax FROM companies"));
    assert!(!shape.in_body("SELECT fax FROM users_of_old"));
}

#[test]
fn sqlite_does_not_look_at_case_or_schema() {
    let columns = vec!["Fax".to_owned()];
    let shape = OldShape::new(Engine::Sqlite, Name::plain("Users"), columns, None);
    for sql in [
        "SELECT fax FROM users",
        "SELECT [FAX] FROM main.`USERS`",
        "INSERT OR REPLACE INTO users VALUES (?, ?)",
        "REPLACE INTO users (id, fax) VALUES (?, ?)",
        "SELECT u.* FROM users u",
        // Without a catalog nobody knows whose column it is.
        "SELECT fax FROM companies WHERE id IN (SELECT id FROM users WHERE fax = 1)",
    ] {
        assert!(is_used(&shape, sql), "{sql}");
    }
    for sql in [
        "SELECT id FROM users",
        "INSERT INTO users (id) VALUES (?1)",
        "PRAGMA table_info(users)",
    ] {
        assert!(!is_used(&shape, sql), "{sql}");
    }
}

/// Ways to write a query that takes a column, with holes for names.
fn reading() -> impl Strategy<Value = String> {
    let alias = prop::sample::select(vec!["users", "u", "\"U\"", "fax", "id"]);
    let wrap = prop::sample::select(vec![
        "{}",
        "SELECT * FROM ({}) x",
        "WITH x AS ({}) SELECT id FROM x",
        "SELECT id FROM orders WHERE id = ANY ({})",
        "SELECT id FROM orders o WHERE EXISTS ({})",
        "{} UNION ALL SELECT id FROM orders",
        "SELECT id FROM orders UNION ({})",
        "SELECT CASE WHEN ({}) IS NULL THEN 1 ELSE 2 END",
    ]);
    let outermost = prop::sample::select(vec![
        "{}",
        "INSERT INTO orders (id) {}",
        "DELETE FROM orders WHERE id IN ({})",
        "UPDATE orders SET total = 1 WHERE id IN ({}) RETURNING id",
        "CREATE TABLE made AS {}",
    ]);
    let column = prop::sample::select(vec![
        "{a}.fax",
        "{a}.\"fax\"",
        "lower({a}.fax)",
        "{a}.*",
        "{a}.fax::bytea",
        "coalesce(NULL, {a} . fax)",
    ]);
    let wraps = prop::collection::vec(wrap, 0..3);
    (alias, column, wraps, outermost).prop_map(|(alias, column, wraps, outermost)| {
        let column = column.replace("{a}", alias);
        let mut sql = format!("SELECT {column} FROM /* the */ public.users AS {alias}");
        for wrap in wraps.into_iter().chain([outermost]) {
            sql = wrap.replace("{}", &sql);
        }
        sql
    })
}

proptest! {
    #[test]
    fn a_column_is_found_wherever_it_stands(sql in reading()) {
        let schema = schema();
        let shape = column(&schema);
        prop_assert!(matches!(shape.used_by(&sql), Use::Yes(_)), "{sql}: {:?}", shape.used_by(&sql));
        // The same of a table that stays is no use of it.
        let other = sql.replace("public.users", "public.orders").replace("fax", "total");
        prop_assert_eq!(shape.used_by(&other), Use::No, "{}", other);
    }

    #[test]
    fn nothing_that_names_the_table_and_is_not_understood_is_taken_for_harmless(
        text in "[a-z*(),.;'\" ]{0,30}",
    ) {
        let schema = schema();
        let shape = column(&schema);
        // No statement begins like this.
        let sql = format!("users {}", text.replace(';', " "));
        prop_assert!(matches!(shape.used_by(&sql), Use::Unknown(_)), "{sql}");
    }
}
