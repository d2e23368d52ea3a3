//! One change of each operation, planned for a small shop.

use std::collections::BTreeMap;
use std::sync::Arc;

use switchback_migration::engine::Engine;
use switchback_migration::operation::request::{Merge, Move, MoveKind, NewColumn, Request};
use switchback_migration::schema::Schema;
use switchback_migration::{Definition, postgres, sql};
use switchback_model::ChangeId;

const SHOP: &str = "
    CREATE TYPE mood AS ENUM ('happy', 'sad');
    CREATE TABLE countries (code text PRIMARY KEY);
    CREATE TABLE users (
        id bigint PRIMARY KEY,
        email_addr text NOT NULL,
        full_name text NOT NULL,
        street text NOT NULL,
        city text NOT NULL,
        fax text,
        amount integer NOT NULL,
        country text,
        mood mood NOT NULL DEFAULT 'happy',
        state text NOT NULL CONSTRAINT state_known CHECK (state IN ('new', 'old'))
    );
    CREATE INDEX users_email ON users (email_addr);
    CREATE TABLE faxes (id bigint PRIMARY KEY, number text);
    CREATE TABLE accounts (id bigint PRIMARY KEY, name text);
    CREATE TABLE profiles (
        account bigint PRIMARY KEY REFERENCES accounts, bio text NOT NULL, name text);
";

pub(crate) fn shop() -> Schema {
    let mut schema = Schema::empty();
    for statement in sql::parse(SHOP, Engine::Postgres) {
        let misfits = schema.apply(&statement);
        assert!(misfits.is_empty(), "{misfits:?}");
    }
    schema
}

fn column(name: &str, type_sql: &str, value: &str) -> NewColumn {
    NewColumn {
        name: name.to_owned(),
        type_sql: type_sql.to_owned(),
        value: value.to_owned(),
    }
}

fn map(pairs: &[(&str, &str)]) -> BTreeMap<String, String> {
    pairs
        .iter()
        .map(|(column, value)| ((*column).to_owned(), (*value).to_owned()))
        .collect()
}

pub(crate) fn requests() -> Vec<Request> {
    let users = || "users".to_owned();
    let text = |text: &str| text.to_owned();
    vec![
        Request::AddColumn {
            table: users(),
            column: text("nickname"),
            type_sql: text("text"),
            default: None,
        },
        Request::AddColumn {
            table: users(),
            column: text("level"),
            type_sql: text("integer"),
            default: Some(text("1")),
        },
        Request::AddRequiredColumn {
            table: users(),
            column: text("segment"),
            type_sql: text("text"),
            value: text("CASE WHEN amount > 100 THEN 'large' ELSE 'small' END"),
        },
        Request::RenameColumn {
            table: users(),
            from: text("email_addr"),
            to: text("email"),
        },
        Request::Move(Move {
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
            back: map(&[("full_name", "first_name || ' ' || last_name")]),
        }),
        Request::Move(Move {
            kind: MoveKind::Merge,
            table: users(),
            old: vec![text("street"), text("city")],
            new: vec![column("address", "text", "street || ', ' || city")],
            back: map(&[
                ("street", "split_part(address, ', ', 1)"),
                ("city", "split_part(address, ', ', 2)"),
            ]),
        }),
        Request::Move(Move {
            kind: MoveKind::ChangeType,
            table: users(),
            old: vec![text("amount")],
            new: vec![column("amount_cents", "bigint", "amount::bigint * 100")],
            back: map(&[("amount", "(amount_cents / 100)::integer")]),
        }),
        Request::AddValue {
            table: users(),
            column: text("mood"),
            value: text("calm"),
            fallback: None,
        },
        Request::AddValue {
            table: users(),
            column: text("state"),
            value: text("gone"),
            fallback: Some(text("old")),
        },
        Request::RemoveValue {
            table: users(),
            column: text("mood"),
            value: text("sad"),
            replacement: text("happy"),
        },
        Request::AddIndex {
            table: users(),
            name: text("users_city"),
            keys: vec![text("city"), text("lower(full_name)")],
            method: None,
            only: Some(text("fax IS NOT NULL")),
        },
        Request::AddCheck {
            table: users(),
            name: text("amount_positive"),
            rule: text("amount >= 0"),
            mend: map(&[("amount", "0")]),
        },
        Request::AddNotNull {
            table: users(),
            column: text("fax"),
            mend: Some(text("''")),
        },
        Request::AddUnique {
            table: users(),
            name: text("users_email_once"),
            columns: vec![text("email_addr")],
        },
        Request::AddForeignKey {
            table: users(),
            name: text("users_country"),
            columns: vec![text("country")],
            to_table: text("countries"),
            to_columns: vec![text("code")],
            actions: text("ON DELETE SET NULL"),
        },
        Request::DropColumn {
            table: users(),
            column: text("fax"),
            default: None,
        },
        Request::DropColumn {
            table: users(),
            column: text("amount"),
            default: Some(text("0")),
        },
        Request::DropTable {
            table: text("faxes"),
        },
        Request::MergeTables(Merge {
            into: text("accounts"),
            from: text("profiles"),
            by: Vec::new(),
            names: BTreeMap::new(),
            prefix: text("profile_"),
        }),
    ]
}

pub(crate) fn postgres() -> Vec<Definition> {
    let schema = Arc::new(shop());
    (1..)
        .zip(requests())
        .map(|(number, request)| {
            let id = ChangeId::new(format!("change-{number}")).unwrap();
            postgres::plan(&schema, &id, &request).unwrap()
        })
        .collect()
}
