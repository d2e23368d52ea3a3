//! Schemas of databases: one edit each, and which rules find it there and back. What a rule must not
//! find stands beside what it finds.

#![expect(
    clippy::unwrap_used,
    reason = "clippy takes only functions that are tests for tests"
)]

use std::collections::{BTreeMap, BTreeSet};

use switchback_version::Level;
use switchback_version::contract::sql::{
    Base, Check, Column, Constraint, Demand, Fill, Key, Kind, Name, Relation, Schema, State, Type,
    TypeOf, Unread, diff, diff_if_there, words,
};
use switchback_version::contract::{
    Certainty, Direction, Finding, Options, Stability, Surface, floor, rules,
};

fn name(text: &str) -> Name {
    let (schema, name) = text.split_once('.').unwrap_or(("public", text));
    Name::new(schema, name)
}

/// A type: `int4`, `varchar(10)`, `text[]`; with a dot, one that somebody made.
fn type_of(text: &str) -> TypeOf {
    let (text, array) = match text.strip_suffix("[]") {
        Some(text) => (text, true),
        None => (text, false),
    };
    let (text, modifiers) = text.split_once('(').unwrap_or((text, ""));
    let modifiers = modifiers.trim_end_matches(')').split(',');
    TypeOf {
        base: match text.contains('.') {
            true => Base::Made(name(text)),
            false => Base::BuiltIn(text.to_owned()),
        },
        modifiers: modifiers.filter_map(|it| it.parse().ok()).collect(),
        array,
    }
}

/// A column: its name, its type, and `!` if it cannot be null.
fn column(text: &str) -> Column {
    let (column, of) = text.split_once(' ').unwrap();
    Column {
        name: column.to_owned(),
        type_of: Some(type_of(of.trim_end_matches('!'))),
        collation: None,
        not_null: of.ends_with('!'),
        fill: Fill::Nothing,
    }
}

fn relation(kind: Kind, columns: &[&str]) -> Relation {
    Relation {
        kind,
        columns: columns.iter().map(|it| column(it)).collect(),
        partial: false,
        logged: true,
        keys: Vec::new(),
        constraints: Vec::new(),
        partition_of: None,
        reads: Vec::new(),
        triggers: BTreeSet::new(),
        policies: BTreeSet::new(),
    }
}

fn key(name: &str, parts: &[&str]) -> Key {
    Key {
        name: name.to_owned(),
        parts: parts.iter().map(|it| (*it).to_owned()).collect(),
        predicate: None,
        primary: false,
        nulls_not_distinct: false,
        deferrable: false,
    }
}

fn check(text: &str, column: &str) -> Check {
    let values = text.split_once(" in (").map(|(_, list)| {
        let list = list.trim_end_matches(')').split(", ");
        list.map(str::to_owned).collect()
    });
    Check {
        text: text.to_owned(),
        columns: vec![column.to_owned()],
        values,
    }
}

fn constraint(name: &str, demand: Demand) -> Constraint {
    Constraint {
        name: name.to_owned(),
        demand,
        deferrable: false,
    }
}

fn reference(columns: &[&str], table: &str, referred: &[&str]) -> Demand {
    let list = |all: &[&str]| all.iter().map(|it| (*it).to_owned()).collect();
    Demand::Reference {
        columns: list(columns),
        table: name(table),
        referred: list(referred),
        on_delete: String::new(),
    }
}

/// A shop.
fn base() -> Schema {
    let mut users = relation(Kind::Table, &["id int8!", "email text!", "age int4"]);
    users.keys.push(Key {
        primary: true,
        ..key("users_pkey", &["id"])
    });
    users.keys.push(key("users_email_key", &["email"]));
    users.columns[0].fill = Fill::Next;
    let mut orders = relation(
        Kind::Table,
        &[
            "id int8!",
            "user_id int8!",
            "status public.status!",
            "total numeric(10,2)!",
            "note varchar(100)",
            "kind text!",
            "net int4",
        ],
    );
    orders.columns[5].fill = Fill::Default("'web'".to_owned());
    orders.columns[6].fill = Fill::Computed("total / 2".to_owned());
    let foreign = reference(&["user_id"], "users", &["id"]);
    orders.constraints = vec![
        constraint("orders_user_id_fkey", foreign),
        constraint(
            "orders_total_check",
            Demand::Check(check("total > 0", "total")),
        ),
        constraint(
            "orders_kind_check",
            Demand::Check(check("kind in ('web', 'app')", "kind")),
        ),
        constraint(
            "orders_excl",
            Demand::Exclusion {
                text: "during".to_owned(),
                columns: vec!["note".to_owned()],
            },
        ),
    ];
    let mut paid = relation(Kind::View, &["id int8", "total numeric(10,2)"]);
    paid.reads = vec!["public.orders".to_owned(), "total".to_owned()];
    let mut part = relation(Kind::Table, &["id int8!"]);
    part.partition_of = Some(name("logs"));
    let address = ["street text", "city text", "zip text"]
        .map(column)
        .to_vec();
    Schema {
        namespaces: ["public", "app"].map(str::to_owned).into(),
        relations: BTreeMap::from([
            (name("users"), users),
            (name("orders"), orders),
            (name("paid"), paid),
            (
                name("logs"),
                relation(Kind::Table, &["id int8!", "at timestamptz"]),
            ),
            (name("logs_1"), part),
            (name("app.tickets"), relation(Kind::Sequence, &[])),
        ]),
        types: BTreeMap::from([
            (
                name("status"),
                Type::Enum(["new", "paid", "sent"].map(str::to_owned).to_vec()),
            ),
            (
                name("positive"),
                Type::Domain {
                    column: column("value int4"),
                    checks: BTreeMap::from([("positive_check".to_owned(), check("value > 0", ""))]),
                },
            ),
            (name("address"), Type::Composite(address)),
        ]),
        functions: [name("total_of")].into(),
        extensions: ["citext".to_owned()].into(),
        unread: Vec::new(),
        places: BTreeMap::new(),
        whole: ("schema.sql".to_owned(), 1),
    }
}

fn compare(old: &Schema, new: &Schema, options: &Options<'_>) -> Vec<Finding> {
    let state = |schema| State {
        root: "schema.sql",
        schema,
    };
    diff(state(old), state(new), options)
}

fn found(old: &Schema, new: &Schema) -> Vec<Finding> {
    compare(old, new, &Options::default())
}

fn ids(findings: &[Finding]) -> Vec<&'static str> {
    let mut ids: Vec<_> = findings
        .iter()
        .map(|it| it.rule.id.strip_prefix("sql-").unwrap())
        .collect();
    ids.sort_unstable();
    ids.dedup();
    ids
}

fn table<'s>(schema: &'s mut Schema, of: &str) -> &'s mut Relation {
    schema.relations.get_mut(&name(of)).unwrap()
}

fn col<'s>(schema: &'s mut Schema, of: &str, column: &str) -> &'s mut Column {
    let columns = &mut table(schema, of).columns;
    columns.iter_mut().find(|it| it.name == column).unwrap()
}

fn retype(schema: &mut Schema, of: &str, column: &str, to: &str) {
    col(schema, of, column).type_of = Some(type_of(to));
}

fn rename(schema: &mut Schema, from: &str, to: &str) {
    let relation = schema.relations.remove(&name(from)).unwrap();
    schema.relations.insert(name(to), relation);
}

fn demand(schema: &mut Schema, at: usize, to: Demand) {
    table(schema, "orders").constraints[at].demand = to;
}

/// An edit of the shop, what finds it, and what finds its way back.
type Case = (
    &'static str,
    fn(&mut Schema),
    &'static [&'static str],
    &'static [&'static str],
);

const CASES: &[Case] = &[
    ("nothing", |_| {}, &[], &[]),
    (
        "a schema",
        |it| {
            it.namespaces.remove("app");
            it.relations.remove(&name("app.tickets"));
        },
        &["schema-removed"],
        &["schema-added"],
    ),
    (
        "a table in another schema",
        |it| rename(it, "logs", "app.logs"),
        &["relation-moved"],
        &["relation-moved"],
    ),
    (
        "a table that is gone",
        |it| _ = it.relations.remove(&name("orders")),
        &["table-removed"],
        &["table-added"],
    ),
    (
        "a table with another name, which others point to",
        |it| {
            rename(it, "users", "people");
            demand(it, 0, reference(&["user_id"], "people", &["id"]));
        },
        &["table-renamed"],
        &["table-renamed"],
    ),
    (
        "a table and another one with other columns",
        |it| {
            rename(it, "users", "people");
            col(it, "people", "age").name = "years".to_owned();
            demand(it, 0, reference(&["user_id"], "people", &["id"]));
        },
        &[
            "foreign-key-added",
            "foreign-key-removed",
            "table-added",
            "table-removed",
        ],
        &[
            "foreign-key-added",
            "foreign-key-removed",
            "table-added",
            "table-removed",
        ],
    ),
    (
        "two tables like the one that is gone",
        |it| {
            rename(it, "logs", "logs_b");
            let like = table(it, "logs_b").clone();
            it.relations.insert(name("logs_c"), like);
        },
        &["table-added", "table-removed"],
        &["table-added", "table-removed"],
    ),
    (
        "a table that crashes empty",
        |it| table(it, "users").logged = false,
        &["table-became-unlogged"],
        &[],
    ),
    (
        "a view in place of a table",
        |it| table(it, "logs").kind = Kind::View,
        &["table-became-view"],
        &["view-became-table"],
    ),
    (
        "a sequence in place of a table",
        |it| *table(it, "logs") = relation(Kind::Sequence, &[]),
        &["relation-kind-changed"],
        &["relation-kind-changed"],
    ),
    (
        "a partition, which nobody has to know of before",
        |it| _ = it.relations.remove(&name("logs_1")),
        &["partition-removed"],
        &[],
    ),
    (
        "a column of a partition",
        |it| table(it, "logs_1").columns.push(column("more int4!")),
        &[],
        &[],
    ),
    (
        "a partition that becomes a table of its own",
        |it| table(it, "logs_1").partition_of = None,
        &[],
        &[],
    ),
    (
        "a view",
        |it| _ = it.relations.remove(&name("paid")),
        &["view-removed"],
        &["view-added"],
    ),
    (
        "a view with another name",
        |it| rename(it, "paid", "paid_orders"),
        &["view-renamed"],
        &["view-renamed"],
    ),
    (
        "a view that is stored",
        |it| table(it, "paid").kind = Kind::Materialized,
        &["view-kind-changed"],
        &["view-kind-changed"],
    ),
    (
        "a view of something else",
        |it| table(it, "paid").reads.push("public.users".to_owned()),
        &["view-reads-changed"],
        &["view-reads-changed"],
    ),
    (
        "a sequence",
        |it| _ = it.relations.remove(&name("app.tickets")),
        &["sequence-removed"],
        &["sequence-added"],
    ),
    (
        "a column that may be null",
        |it| table(it, "users").columns.push(column("bio text")),
        &["column-added"],
        &["column-removed"],
    ),
    (
        "a column with a default",
        |it| {
            let fill = Fill::Default("0".to_owned());
            let column = Column {
                fill,
                ..column("score int4!")
            };
            table(it, "users").columns.push(column);
        },
        &["column-added"],
        &["column-removed"],
    ),
    (
        "a column that has to be given",
        |it| table(it, "users").columns.push(column("score int4!")),
        &["required-column-added"],
        &["column-removed"],
    ),
    (
        "a column that its domain demands",
        |it| {
            if let Some(Type::Domain { column, .. }) = it.types.get_mut(&name("positive")) {
                column.not_null = true;
            }
            table(it, "users")
                .columns
                .push(column("score public.positive"));
        },
        &["became-not-null", "required-column-added"],
        &["became-nullable", "column-removed"],
    ),
    (
        "a column with another name, of which a key, a foreign key and a check speak",
        |it| {
            col(it, "users", "id").name = "uid".to_owned();
            table(it, "users").keys[0].parts = vec!["uid".to_owned()];
            demand(it, 0, reference(&["user_id"], "users", &["uid"]));
            col(it, "orders", "total").name = "amount".to_owned();
            demand(it, 1, Demand::Check(check("amount > 0", "amount")));
        },
        &["column-renamed"],
        &["column-renamed"],
    ),
    (
        "a column in place of one of another type",
        |it| table(it, "users").columns[2] = column("born date"),
        &["column-added", "column-removed"],
        &["column-added", "column-removed"],
    ),
    (
        "a column elsewhere",
        |it| {
            let columns = &mut table(it, "users").columns;
            let first = columns.remove(1);
            columns.push(first);
        },
        &["column-order-changed"],
        &["column-order-changed"],
    ),
    (
        "a column between others",
        |it| table(it, "users").columns.insert(1, column("bio text")),
        &["column-added"],
        &["column-removed"],
    ),
    (
        "a column of a view",
        |it| table(it, "paid").columns.truncate(1),
        &["view-column-removed"],
        &["view-column-added"],
    ),
    (
        "a column of a view with another name",
        |it| col(it, "paid", "total").name = "sum".to_owned(),
        &["view-column-renamed"],
        &["view-column-renamed"],
    ),
    (
        "a number of more digits",
        |it| retype(it, "users", "age", "int8"),
        &["type-widened"],
        &["type-narrowed"],
    ),
    (
        "a longer text",
        |it| retype(it, "orders", "note", "varchar(200)"),
        &["type-widened"],
        &["type-narrowed"],
    ),
    (
        "a text of any length",
        |it| retype(it, "orders", "note", "text"),
        &["type-widened"],
        &["type-narrowed"],
    ),
    (
        "an enum that is any text",
        |it| retype(it, "orders", "status", "text"),
        &["type-widened"],
        &["type-narrowed"],
    ),
    (
        "another type",
        |it| retype(it, "logs", "at", "timestamp"),
        &["type-changed"],
        &["type-changed"],
    ),
    (
        "the same under another name",
        |it| retype(it, "users", "email", "varchar"),
        &["type-alike"],
        &["type-alike"],
    ),
    (
        "a type that is not known",
        |it| col(it, "users", "email").type_of = None,
        &["type-not-known"],
        &["type-not-known"],
    ),
    (
        "a domain over the same",
        |it| retype(it, "users", "age", "public.positive"),
        &["domain-changed"],
        &["type-widened"],
    ),
    (
        "a collation",
        |it| col(it, "users", "email").collation = Some("C".to_owned()),
        &["collation-changed"],
        &["collation-changed"],
    ),
    (
        "a value that has to be there",
        |it| col(it, "users", "age").not_null = true,
        &["became-not-null"],
        &["became-nullable"],
    ),
    (
        "a computed value that is never null",
        |it| col(it, "orders", "net").not_null = true,
        &[],
        &["became-nullable"],
    ),
    (
        "a default that nobody can do without",
        |it| col(it, "orders", "kind").fill = Fill::Nothing,
        &["required-default-removed"],
        &["default-added"],
    ),
    (
        "a number that nobody makes any more",
        |it| col(it, "users", "id").fill = Fill::Nothing,
        &["required-default-removed"],
        &["default-added"],
    ),
    (
        "a default where null will do",
        |it| col(it, "users", "age").fill = Fill::Default("1".to_owned()),
        &["default-added"],
        &["default-removed"],
    ),
    (
        "another default",
        |it| col(it, "orders", "kind").fill = Fill::Default("'app'".to_owned()),
        &["default-changed"],
        &["default-changed"],
    ),
    (
        "a number that only the database gives",
        |it| col(it, "users", "id").fill = Fill::Always,
        &["became-generated-always"],
        &["became-writable"],
    ),
    (
        "a value that is computed",
        |it| col(it, "users", "age").fill = Fill::Computed("1".to_owned()),
        &["became-generated-always"],
        &["became-writable", "default-removed"],
    ),
    (
        "another way to compute",
        |it| col(it, "orders", "net").fill = Fill::Computed("total / 3".to_owned()),
        &["generated-expression-changed"],
        &["generated-expression-changed"],
    ),
    (
        "a primary key",
        |it| _ = table(it, "users").keys.remove(0),
        &["primary-key-removed"],
        &["unique-added"],
    ),
    (
        "a unique key in place of the primary one",
        |it| table(it, "users").keys[0].primary = false,
        &["primary-key-changed"],
        &["primary-key-changed"],
    ),
    (
        "a unique constraint",
        |it| _ = table(it, "users").keys.remove(1),
        &["unique-removed"],
        &["unique-added"],
    ),
    (
        "the same twice",
        |it| table(it, "users").keys.push(key("again", &["email"])),
        &[],
        &[],
    ),
    (
        "the same in another order",
        |it| table(it, "users").keys.reverse(),
        &[],
        &[],
    ),
    (
        "unique for some rows only",
        |it| table(it, "users").keys[1].predicate = Some("age > 1".to_owned()),
        &["unique-added", "unique-removed"],
        &["unique-added", "unique-removed"],
    ),
    (
        "a key that is looked at later",
        |it| table(it, "users").keys[1].deferrable = true,
        &["constraint-became-deferrable"],
        &[],
    ),
    (
        "unique values of a new column",
        |it| {
            let users = table(it, "users");
            users.columns.push(column("slug text"));
            users.keys.push(key("users_slug_key", &["slug"]));
        },
        &["column-added", "constraint-of-new-column-added"],
        &["column-removed", "unique-removed"],
    ),
    (
        "unique values of a new column that all get the same one",
        |it| {
            let fill = Fill::Default("''".to_owned());
            let users = table(it, "users");
            users.columns.push(Column {
                fill,
                ..column("slug text")
            });
            users.keys.push(key("users_slug_key", &["slug"]));
        },
        &["column-added", "unique-added"],
        &["column-removed", "unique-removed"],
    ),
    (
        "one null of a new column",
        |it| {
            let users = table(it, "users");
            users.columns.push(column("slug text"));
            let nulls_not_distinct = true;
            users.keys.push(Key {
                nulls_not_distinct,
                ..key("users_slug_key", &["slug"])
            });
        },
        &["column-added", "unique-added"],
        &["column-removed", "unique-removed"],
    ),
    (
        "a condition",
        |it| _ = table(it, "orders").constraints.remove(1),
        &["check-removed"],
        &["check-added"],
    ),
    (
        "another condition",
        |it| demand(it, 1, Demand::Check(check("total > 1", "total"))),
        &["check-changed"],
        &["check-changed"],
    ),
    (
        "a value on a list",
        |it| {
            demand(
                it,
                2,
                Demand::Check(check("kind in ('web', 'app', 'shop')", "kind")),
            )
        },
        &["check-value-added"],
        &["check-value-removed"],
    ),
    (
        "a list in another order",
        |it| {
            demand(
                it,
                2,
                Demand::Check(Check {
                    text: "kind in ('app', 'web')".to_owned(),
                    ..check("kind in ('web', 'app')", "kind")
                }),
            )
        },
        &[],
        &[],
    ),
    (
        "a constraint with another name",
        |it| table(it, "orders").constraints[1].name = "positive".to_owned(),
        &["constraint-renamed"],
        &["constraint-renamed"],
    ),
    (
        "an exclusion",
        |it| _ = table(it, "orders").constraints.remove(3),
        &["exclusion-removed"],
        &["exclusion-added"],
    ),
    (
        "a foreign key",
        |it| _ = table(it, "orders").constraints.remove(0),
        &["foreign-key-removed"],
        &["foreign-key-added"],
    ),
    (
        "a foreign key of a new column",
        |it| {
            let logs = table(it, "logs");
            logs.columns.push(column("user_id int8"));
            let demand = reference(&["user_id"], "users", &["id"]);
            logs.constraints
                .push(constraint("logs_user_id_fkey", demand));
        },
        &["column-added", "constraint-of-new-column-added"],
        &["column-removed", "foreign-key-removed"],
    ),
    (
        "what becomes of rows whose other row goes",
        |it| {
            let orders = table(it, "orders");
            if let Demand::Reference { on_delete, .. } = &mut orders.constraints[0].demand {
                *on_delete = "CASCADE".to_owned();
            }
        },
        &["on-delete-changed"],
        &["on-delete-changed"],
    ),
    (
        "a trigger",
        |it| _ = table(it, "orders").triggers.insert("audit".to_owned()),
        &["triggers-changed"],
        &["triggers-changed"],
    ),
    (
        "a policy",
        |it| _ = table(it, "orders").policies.insert("own".to_owned()),
        &["policies-changed"],
        &["policies-changed"],
    ),
    (
        "a type",
        |it| _ = it.types.remove(&name("address")),
        &["user-type-removed"],
        &["user-type-added"],
    ),
    (
        "a type with another name, which a column has",
        |it| {
            let status = it.types.remove(&name("status")).unwrap();
            it.types.insert(name("order_status"), status);
            retype(it, "orders", "status", "public.order_status");
        },
        &["user-type-renamed"],
        &["user-type-renamed"],
    ),
    (
        "a type of another kind",
        |it| _ = it.types.insert(name("address"), Type::Other),
        &["user-type-kind-changed"],
        &["user-type-kind-changed"],
    ),
    (
        "a value of an enum",
        |it| {
            _ = it
                .types
                .insert(name("status"), values(&["new", "paid", "sent", "back"]))
        },
        &["enum-value-added"],
        &["enum-value-removed"],
    ),
    (
        "a value of an enum with another name",
        |it| {
            _ = it
                .types
                .insert(name("status"), values(&["new", "settled", "sent"]))
        },
        &["enum-value-renamed"],
        &["enum-value-renamed"],
    ),
    (
        "values of an enum in another order",
        |it| {
            _ = it
                .types
                .insert(name("status"), values(&["sent", "new", "paid"]))
        },
        &["enum-order-changed"],
        &["enum-order-changed"],
    ),
    (
        "what a domain demands",
        |it| {
            if let Some(Type::Domain { checks, .. }) = it.types.get_mut(&name("positive")) {
                checks.clear();
            }
        },
        &["check-removed"],
        &["check-added"],
    ),
    (
        "what a domain demands, otherwise",
        |it| {
            if let Some(Type::Domain { checks, .. }) = it.types.get_mut(&name("positive")) {
                checks.insert("positive_check".to_owned(), check("value > 1", ""));
            }
        },
        &["check-changed"],
        &["check-changed"],
    ),
    (
        "an attribute",
        |it| {
            _ = it
                .types
                .insert(name("address"), composite(&["street text", "city text"]))
        },
        &["attribute-removed"],
        &["attribute-added"],
    ),
    (
        "an attribute with another name",
        |it| {
            let all = ["street text", "town text", "zip text"];
            it.types.insert(name("address"), composite(&all));
        },
        &["attribute-renamed"],
        &["attribute-renamed"],
    ),
    (
        "attributes in another order",
        |it| {
            let all = ["city text", "street text", "zip text"];
            it.types.insert(name("address"), composite(&all));
        },
        &["attribute-order-changed"],
        &["attribute-order-changed"],
    ),
    (
        "a function",
        |it| it.functions.clear(),
        &["function-removed"],
        &["function-added"],
    ),
    (
        "an extension",
        |it| it.extensions.clear(),
        &["extension-removed"],
        &["extension-added"],
    ),
    (
        "something that is not understood",
        |it| {
            it.unread
                .push(unread("grant everything to nobody", false, "a"))
        },
        &["statement-not-read"],
        &["statement-not-read"],
    ),
];

fn values(all: &[&str]) -> Type {
    Type::Enum(all.iter().map(|it| (*it).to_owned()).collect())
}

fn composite(all: &[&str]) -> Type {
    Type::Composite(all.iter().map(|it| column(it)).collect())
}

fn unread(text: &str, anything: bool, mark: &str) -> Unread {
    Unread {
        file: "schema.sql".to_owned(),
        line: 7,
        what: "no SQL".to_owned(),
        id: format!("{text:>32}"),
        mark: mark.to_owned(),
        anything,
        words: words(text).collect(),
    }
}

#[test]
fn each_edit_is_found_by_its_rules_and_no_others() {
    let mut wrong = Vec::new();
    let old = base();
    for (what, edit, forth, back) in CASES {
        let mut new = base();
        edit(&mut new);
        let both = (found(&old, &new), found(&new, &old));
        let both = (ids(&both.0), ids(&both.1));
        if both.0 != *forth || both.1 != *back {
            wrong.push(format!("{what}: {both:?}"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn each_rule_has_an_edit() {
    let found: BTreeSet<&str> = CASES
        .iter()
        .flat_map(|(_, _, forth, back)| forth.iter().chain(*back))
        .copied()
        .collect();
    let all: BTreeSet<&str> = rules()
        .filter(|it| it.surface == Surface::Sql)
        .map(|it| it.id.strip_prefix("sql-").unwrap())
        .filter(|it| !it.starts_with("contract-"))
        .collect();
    assert_eq!(found, all);
}

#[test]
fn a_direction_asks_for_what_it_notices() {
    let old = base();
    let mut new = base();
    col(&mut new, "users", "age").not_null = true;
    retype(&mut new, "orders", "note", "text");
    new.functions.clear();
    for (direction, wanted) in [
        (
            None,
            vec!["became-not-null", "function-removed", "type-widened"],
        ),
        (
            Some(Direction::WeRead),
            vec!["became-not-null", "function-removed"],
        ),
        (
            Some(Direction::OthersRead),
            vec!["function-removed", "type-widened"],
        ),
        (
            Some(Direction::Both),
            vec!["became-not-null", "function-removed", "type-widened"],
        ),
    ] {
        let options = Options {
            direction,
            ..Options::default()
        };
        assert_eq!(ids(&compare(&old, &new, &options)), wanted, "{direction:?}");
    }
}

#[test]
fn what_promises_less_raises_less() {
    let mut new = base();
    new.relations.remove(&name("orders"));
    let stability = [("public.ord".to_owned(), Stability::Beta)];
    let options = Options {
        stability: &stability,
        ..Options::default()
    };
    let findings = compare(&base(), &new, &options);
    assert_eq!(floor(&findings, Certainty::MayBreak), Level::Minor);
    let mut without = base();
    without.functions.clear();
    let stability = [("public.".to_owned(), Stability::Internal)];
    let internal = Options {
        stability: &stability,
        ..Options::default()
    };
    let findings = compare(&base(), &without, &internal);
    assert_eq!(ids(&findings), ["function-removed"]);
    assert_eq!(floor(&findings, Certainty::MayBreak), Level::None);
    assert_eq!(
        floor(&found(&base(), &new), Certainty::MayBreak),
        Level::Major
    );
}

/// A drop of a column beside something that is not understood.
fn doubted(old: Option<Unread>, new: Option<Unread>) -> Finding {
    let (mut was, mut is) = (base(), base());
    table(&mut is, "users").columns.truncate(2);
    was.unread.extend(old);
    is.unread.extend(new);
    let findings = found(&was, &is);
    let gone = findings
        .into_iter()
        .find(|it| it.rule.id == "sql-column-removed");
    gone.unwrap()
}

#[test]
fn what_is_not_understood_casts_doubt_on_what_it_may_have_done() {
    let far = || Some(unread("execute something", true, "a"));
    let near = || Some(unread("alter the Users somehow", false, "a"));
    let away = || Some(unread("alter the orders somehow", false, "a"));
    let elsewhere = || Some(unread("execute something", true, "b"));
    for (old, new, wanted) in [
        (None, None, Certainty::Proved),
        (None, far(), Certainty::CannotTell),
        (far(), None, Certainty::CannotTell),
        (None, near(), Certainty::CannotTell),
        (None, away(), Certainty::Proved),
        // It has done the same in both.
        (far(), far(), Certainty::Proved),
        (near(), near(), Certainty::CannotTell),
        // It stands in both, and what was before it is not the same.
        (far(), elsewhere(), Certainty::CannotTell),
    ] {
        let what = format!("{old:?} and {new:?}");
        let finding = doubted(old, new);
        assert_eq!(finding.certainty, wanted, "{what}");
        assert_eq!(finding.level, Level::Major, "{what}");
        let because = finding
            .sentence
            .contains("schema.sql:7 was not understood (no SQL)");
        assert_eq!(
            because,
            wanted == Certainty::CannotTell,
            "{}",
            finding.sentence
        );
        assert_eq!(finding.breaks(), wanted == Certainty::Proved);
    }
}

#[test]
fn what_is_not_understood_is_said_each_time_that_it_is_run() {
    let (mut was, mut is) = (base(), base());
    was.unread.push(unread("execute something", true, "a"));
    is.unread.push(unread("execute something", true, "a"));
    assert_eq!(found(&was, &is), []);
    is.unread.push(unread("execute something", true, "b"));
    assert_eq!(ids(&found(&was, &is)), ["statement-not-read"]);
    assert_eq!(ids(&found(&is, &was)), ["statement-not-read"]);
}

#[test]
fn what_is_known_in_part_only_is_not_proved() {
    let (mut was, mut is) = (base(), base());
    table(&mut is, "users").columns.truncate(2);
    table(&mut was, "users").partial = true;
    let findings = found(&was, &is);
    assert_eq!(ids(&findings), ["column-removed"]);
    assert_eq!(findings[0].certainty, Certainty::CannotTell);
    assert_eq!(floor(&findings, Certainty::MayBreak), Level::None);
}

#[test]
fn places_are_where_it_happened_and_fingerprints_are_not() {
    let (mut was, mut is) = (base(), base());
    table(&mut is, "users").columns.truncate(2);
    is.places
        .insert("public.users".to_owned(), ("2.sql".to_owned(), 4));
    let at = |is: &Schema, was: &Schema| {
        let finding = found(was, is).remove(0);
        (finding.new.file, finding.new.line, finding.fingerprint)
    };
    let (file, line, first) = at(&is, &was);
    assert_eq!((file.as_str(), line), ("2.sql", 4));
    let gone = "public.users.age".to_owned();
    is.places.insert(gone.clone(), ("3.sql".to_owned(), 9));
    was.places.insert(gone, ("1.sql".to_owned(), 2));
    let (file, line, second) = at(&is, &was);
    assert_eq!((file.as_str(), line), ("3.sql", 9));
    assert_eq!(first, second);
    assert_eq!(found(&was, &is)[0].old.file, "1.sql");
    assert_eq!(found(&was, &is)[0].new.pointer, "public.users.age");
}

#[test]
fn a_schema_that_is_new_or_gone_counts_as_a_whole() {
    let schema = base();
    let state = || {
        Some(State {
            root: "schema.sql",
            schema: &schema,
        })
    };
    let options = Options::default();
    let added = diff_if_there(None, state(), &options);
    assert_eq!(ids(&added), ["contract-added"]);
    let gone = diff_if_there(state(), None, &options);
    assert_eq!(ids(&gone), ["contract-removed"]);
    assert_eq!(diff_if_there(None, None, &options), []);
}

#[test]
fn names_that_need_quotes_have_them_and_long_values_are_cut() {
    let (was, mut is) = (base(), base());
    let hostile = "a\u{1b}[31m\".\u{202e}b";
    is.relations.insert(
        Name::new("public", hostile),
        relation(Kind::Table, &["id int8!"]),
    );
    let findings = found(&was, &is);
    assert_eq!(
        findings[0].new.pointer,
        "public.\"a\u{1b}[31m\"\".\u{202e}b\""
    );
    let mut is = base();
    let long = format!("total > {}", "9".repeat(10_000));
    demand(&mut is, 1, Demand::Check(check(&long, "total")));
    let findings = found(&was, &is);
    assert!(
        findings[0].sentence.len() < 1_000,
        "{}",
        findings[0].sentence
    );
}
