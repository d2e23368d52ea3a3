use std::collections::BTreeMap;

use switchback_model::{ChangeId, Shape, Shapes};

use super::*;
use crate::definition::Definition;
use crate::engine::Engine;
use crate::operation::request::{Move, MoveKind, NewColumn, Request};
use crate::schema::Schema;
use crate::{postgres, sql};

const SHOP: &str = "
    CREATE TABLE users (
        id bigint PRIMARY KEY,
        full_name text NOT NULL,
        \"Amount\" integer NOT NULL,
        mood text CONSTRAINT moods CHECK (mood IN ('glad', 'sad'))
    );";

fn planned(request: &Request) -> Definition {
    let mut schema = Schema::empty();
    for statement in sql::parse(SHOP, Engine::Postgres) {
        schema.apply(&statement);
    }
    let id = ChangeId::new("it").unwrap();
    postgres::plan(&schema, &id, request).unwrap()
}

fn table() -> Table {
    let column = |name: &str, type_sql: &str| Column {
        name: name.to_owned(),
        type_sql: type_sql.to_owned(),
        written: true,
    };
    Table {
        sql: "public.users".to_owned(),
        alias: "users".to_owned(),
        columns: vec![
            column("id", "bigint"),
            column("full_name", "text"),
            column("Amount", "integer"),
            column("mood", "text"),
        ],
        key: vec!["id".to_owned()],
    }
}

fn derived(request: &Request, made: &[(&str, &str)]) -> Workload {
    let made: BTreeMap<String, String> = made
        .iter()
        .map(|(column, type_sql)| ((*column).to_owned(), (*type_sql).to_owned()))
        .collect();
    derive(&planned(request), &table(), None, &made).unwrap()
}

fn split() -> Request {
    Request::Move(Move {
        kind: MoveKind::ChangeType,
        table: "users".to_owned(),
        old: vec!["Amount".to_owned()],
        new: vec![NewColumn {
            name: "cents".to_owned(),
            type_sql: "bigint".to_owned(),
            value: "\"Amount\"::bigint * 100".to_owned(),
        }],
        back: BTreeMap::from([("Amount".to_owned(), "(cents / 100)::integer".to_owned())]),
    })
}

#[test]
fn each_version_names_only_the_columns_of_its_shape() {
    let it = derived(&split(), &[("cents", "bigint")]);
    let [old, switched, new] = &it.versions[..] else {
        panic!("{:?}", it.versions)
    };
    assert_eq!(
        old.insert.as_ref().unwrap().sql,
        "INSERT INTO public.users (id, full_name, mood, \"Amount\") OVERRIDING SYSTEM VALUE VALUES \
         ($1::text::bigint, $2::text::text, $3::text::text, $4::text::integer)"
    );
    assert_eq!(
        switched.read.as_ref().unwrap().sql,
        "SELECT (id)::text, (full_name)::text, (mood)::text, (cents)::text FROM public.users WHERE \
         id = $1::text::bigint"
    );
    assert!(
        switched
            .update
            .as_ref()
            .unwrap()
            .sql
            .contains("\"Amount\" =")
    );
    let update = new.update.as_ref().unwrap();
    assert_eq!(
        update.sql,
        "UPDATE public.users SET full_name = $1::text::text, mood = $2::text::text, cents = \
         $3::text::bigint WHERE id = $4::text::bigint"
    );
    assert_eq!(update.binds[2].value, Value::Of(Shape::New));
    assert!(!format!("{new:?}").contains("Amount"));
    assert_eq!(
        it.new["cents"],
        Source::Expression("\"Amount\"::bigint * 100".to_owned())
    );
}

#[test]
fn a_value_that_is_added_is_found_and_written_only_by_the_last_version() {
    let request = Request::AddValue {
        table: "users".to_owned(),
        column: "mood".to_owned(),
        value: "it's ok".to_owned(),
        fallback: Some("sad".to_owned()),
    };
    let it = derived(&request, &[]);
    assert_eq!(it.new["mood"], Source::Constant("it's ok".to_owned()));
    let emitted: Vec<_> = it
        .versions
        .iter()
        .map(|version| version.insert.as_ref().unwrap().binds[3].value)
        .collect();
    assert_eq!(
        emitted,
        [
            Value::OneOf(Shapes::OLD),
            Value::OneOf(Shapes::OLD),
            Value::OneOf(Shapes::BOTH)
        ]
    );
    // Only code from before the change must not meet it.
    assert_eq!(it.versions[0].never.len(), 1);
    assert!(it.versions[1].never.is_empty());
}

#[test]
fn code_from_before_a_rule_breaks_it_and_later_code_writes_what_mending_gives() {
    let request = Request::AddCheck {
        table: "users".to_owned(),
        name: "positive".to_owned(),
        rule: "\"Amount\" >= 0".to_owned(),
        mend: BTreeMap::from([("Amount".to_owned(), "0".to_owned())]),
    };
    let it = derived(&request, &[]);
    assert!(!it.obeying);
    assert_eq!(
        it.new["Amount"],
        Source::Expression(
            "CASE WHEN (\"Amount\" >= 0) IS FALSE THEN 0 ELSE \"Amount\" END".to_owned()
        )
    );
    let (columns, _) = it.breaks.unwrap();
    assert_eq!(columns, ["Amount"]);
    let without = Request::AddCheck {
        table: "users".to_owned(),
        name: "positive".to_owned(),
        rule: "\"Amount\" >= 0".to_owned(),
        mend: BTreeMap::new(),
    };
    // Nothing mends, so nobody may break it.
    assert!(derived(&without, &[]).obeying);
}

#[test]
fn a_table_without_a_key_is_only_added_to() {
    let request = Request::AddColumn {
        table: "users".to_owned(),
        column: "nick".to_owned(),
        type_sql: "text".to_owned(),
        default: None,
    };
    let made = BTreeMap::from([("nick".to_owned(), "text".to_owned())]);
    let mut keyless = table();
    keyless.key.clear();
    let it = derive(&planned(&request), &keyless, None, &made).unwrap();
    assert!(it.versions.iter().all(|version| {
        version.insert.is_some() && version.update.is_none() && version.read.is_none()
    }));
    let unknown = derive(&planned(&request), &keyless, None, &BTreeMap::new());
    let column = "nick".to_owned();
    assert_eq!(unknown, Err(Underivable::NotMade { column }));
}

#[test]
fn a_step_has_as_many_versions_beside_it_as_the_interlock_admits() {
    let names = |request: &Request| -> Vec<(String, Vec<u16>, Option<Vec<u16>>)> {
        let all = beside(&planned(request)).unwrap();
        let it = all.into_iter();
        it.map(|it| (it.step.to_string(), it.up, it.back)).collect()
    };
    let all = names(&split());
    let contract = all.last().unwrap();
    // The version before still writes the old column.
    assert_eq!(
        (contract.0.as_str(), &contract.1[..]),
        ("contract", &[2][..])
    );
    assert_eq!(all[0].1, [0]);
    assert!(all.iter().all(|(_, _, back)| back.is_some()));
    let added = names(&Request::AddValue {
        table: "users".to_owned(),
        column: "mood".to_owned(),
        value: "calm".to_owned(),
        fallback: Some("sad".to_owned()),
    });
    let clear = added.iter().find(|it| it.0 == "clear").unwrap();
    // Nobody writes the value yet, so code that does not know it may still run.
    assert_eq!(clear.1, [0, 1]);
    let gone = names(&Request::DropTable {
        table: "users".to_owned(),
    });
    // What was written meanwhile is not in the table, so nobody goes back to reading it.
    let back: Vec<_> = gone.iter().map(|it| it.2.is_some()).collect();
    assert!(back.last() == Some(&true) && !back[0], "{gone:?}");
}
