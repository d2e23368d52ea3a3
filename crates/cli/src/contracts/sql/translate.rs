//! What a fold knows of a database, as those see it who read and write.

use std::collections::BTreeSet;

use switchback_migration::schema as from;
use switchback_migration::sql::ir::{
    ConstraintKind, Expr, Generated, Name, Node, OnDelete, TypeName,
};
use switchback_migration::sql::plain;
use switchback_version::contract::sql as to;

use super::fold::Folded;
use super::places::{Place, full};

/// Brings a folded schema into the form in which contracts are compared. `whole` is the place of what
/// has no other.
pub(super) fn translate(folded: Folded, whole: Place) -> to::Schema {
    let Folded {
        schema,
        unread,
        places,
        for_triggers,
        ..
    } = folded;
    let counts = |name: &Name| name.schema.as_deref() != Some("pg_temp");
    let relations = schema.relations.iter();
    let relations = relations.filter(|(name, it)| {
        // A sequence that goes with a column is part of it, and what was made up is not known.
        let own = it.kind == from::RelationKind::Sequence && it.owned_by.is_some();
        counts(name) && !own && !from::is_of_a_tool(name)
    });
    let functions = schema.functions.keys();
    let functions = functions.filter(|it| counts(it) && !for_triggers.contains(*it));
    to::Schema {
        namespaces: schema.namespaces.iter().cloned().collect(),
        relations: relations
            .map(|(name, it)| (full(name), relation(&schema, name, it)))
            .collect(),
        types: schema
            .types
            .iter()
            .filter(|(name, _)| counts(name))
            .map(|(name, it)| (full(name), made_type(&schema, it)))
            .collect(),
        functions: functions.map(full).collect(),
        extensions: schema.extensions.clone(),
        unread,
        places: places.0,
        whole,
    }
}

fn relation(schema: &from::Schema, name: &Name, it: &from::Relation) -> to::Relation {
    let kind = match it.kind {
        from::RelationKind::Table { .. } | from::RelationKind::Foreign => to::Kind::Table,
        from::RelationKind::View => to::Kind::View,
        from::RelationKind::Materialized => to::Kind::Materialized,
        from::RelationKind::Sequence => to::Kind::Sequence,
    };
    let enforced = || it.constraints.iter().filter(|it| it.enforced);
    // A condition that a column is not null is as good as `NOT NULL`.
    let demanded: BTreeSet<&str> = enforced().filter_map(only_not_null).collect();
    let columns = it.columns.iter().map(|it| {
        let mut column = column(schema, it);
        column.not_null |= demanded.contains(it.name.as_str());
        column
    });
    let mut reads: BTreeSet<String> = it.reads.iter().map(|it| full(it).to_string()).collect();
    reads.extend(it.reads_columns.iter().map(|it| to::quoted(it)));
    let constraints = enforced().filter(|it| only_not_null(it).is_none());
    to::Relation {
        kind,
        columns: columns.collect(),
        partial: it.partial,
        logged: !matches!(it.kind, from::RelationKind::Table { logged: false, .. }),
        keys: keys(schema, name, it),
        constraints: constraints
            .filter_map(|it| constraint(schema, name, it))
            .collect(),
        partition_of: it.partition_of.as_ref().map(|(of, _)| full(of)),
        reads: reads.into_iter().collect(),
        triggers: it.triggers.iter().chain(&it.rules).cloned().collect(),
        policies: it.policies.iter().cloned().collect(),
    }
}

/// The column of which a constraint says that it is not null, and nothing else.
fn only_not_null(constraint: &from::Constraint) -> Option<&str> {
    let ConstraintKind::Check(expr) = &constraint.kind else {
        return None;
    };
    let Node::IsNull { of, not: true } = &expr.node else {
        return None;
    };
    match &of.node {
        Node::Column(name) => Some(name),
        _ => None,
    }
}

fn column(schema: &from::Schema, it: &from::Column) -> to::Column {
    let fill = match (&it.generated, &it.default) {
        (Some(Generated::Identity { always: true }), _) => to::Fill::Always,
        (Some(Generated::Identity { always: false }), _) => to::Fill::Next,
        (Some(Generated::Expression { expr, .. }), _) => to::Fill::Computed(text(&expr.text)),
        (None, Some(default)) => fill(default),
        (None, None) => to::Fill::Nothing,
    };
    to::Column {
        name: it.name.clone(),
        type_of: it.type_name.as_ref().map(|it| type_of(schema, it)),
        collation: it.collation.as_ref().map(|it| it.name.clone()),
        not_null: it.not_null,
        fill,
    }
}

fn fill(default: &Expr) -> to::Fill {
    match &default.node {
        _ if default.is_null() => to::Fill::Nothing,
        Node::Call { name, .. } if name.name == "nextval" => to::Fill::Next,
        _ => to::Fill::Default(text(&default.text)),
    }
}

/// An expression in the form in which it is compared: also without the quotes and blanks that come to
/// numbers with a sign when a server writes them.
fn text(expr: &str) -> String {
    let plain = plain(expr);
    let mut text = String::with_capacity(plain.len());
    let mut rest = plain.as_str();
    while let Some(first) = rest.chars().next() {
        let end = match first {
            '\'' => rest[1..].find('\'').map_or(rest.len(), |at| at + 2),
            it => it.len_utf8(),
        };
        let (part, behind) = rest.split_at(end);
        let number = part.strip_prefix("'-").and_then(|it| it.strip_suffix('\''));
        match number.filter(|it| it.parse::<f64>().is_ok()) {
            Some(number) => text.push_str(&format!("-{number}")),
            None => text.push_str(part),
        }
        let before = text.trim_end_matches('-');
        let begins = before.is_empty() || before.ends_with(['(', ',', ' ', '[']);
        let signs = first == '-' && begins && !before.trim_end().ends_with(is_value);
        rest = match behind.strip_prefix(' ') {
            Some(number) if signs && number.starts_with(|it: char| it.is_ascii_digit()) => number,
            _ => behind,
        };
    }
    text
}

/// Whether something that a number can be taken from may end so.
fn is_value(end: char) -> bool {
    end.is_alphanumeric() || matches!(end, '_' | ')' | ']' | '"' | '\'')
}

fn type_of(schema: &from::Schema, it: &TypeName) -> to::TypeOf {
    let made = it
        .name
        .schema
        .as_deref()
        .is_some_and(|it| it != "pg_catalog");
    let base = match made || schema.types.contains_key(&it.name) {
        true => to::Base::Made(full(&it.name)),
        false => to::Base::BuiltIn(it.name.name.clone()),
    };
    let built_in = matches!(base, to::Base::BuiltIn(_));
    let modifiers = match (it.name.name.as_str(), it.modifiers.as_slice()) {
        ("numeric", [precision]) if built_in => vec![*precision, 0],
        ("time" | "timetz" | "timestamp" | "timestamptz", [digits]) if built_in && *digits >= 6 => {
            Vec::new()
        }
        (_, given) => given.to_vec(),
    };
    to::TypeOf {
        base,
        modifiers,
        array: it.array > 0,
    }
}

fn keys(schema: &from::Schema, name: &Name, it: &from::Relation) -> Vec<to::Key> {
    let mut all = Vec::new();
    for (index_name, index) in schema.indexes_of(name) {
        let constraint = index.constraint.as_ref();
        let constraint = constraint.and_then(|name| it.constraint(name));
        if !index.unique || !(index.valid || constraint.is_some()) {
            continue;
        }
        let parts = index.keys.iter().enumerate().map(|(at, key)| {
            let options = index.options.get(at).map_or("", String::as_str);
            let options = plain(options);
            // In which direction it is sorted makes no difference to what is the same.
            let sorted = [
                "",
                "asc",
                "desc",
                "nulls first",
                "nulls last",
                "desc nulls last",
            ];
            match sorted.contains(&options.as_str()) {
                true => text(&key.text),
                false => format!("{} {options}", text(&key.text)),
            }
        });
        all.push(to::Key {
            name: constraint.map_or(&index_name.name, |it| &it.name).clone(),
            parts: parts.collect(),
            predicate: index.predicate.as_ref().map(|it| text(&it.text)),
            primary: matches!(
                constraint.map(|it| &it.kind),
                Some(ConstraintKind::PrimaryKey { .. })
            ),
            nulls_not_distinct: index.nulls_not_distinct,
            deferrable: constraint.is_some_and(|it| it.deferrable),
        });
    }
    all
}

fn constraint(
    schema: &from::Schema,
    table: &Name,
    it: &from::Constraint,
) -> Option<to::Constraint> {
    let demand = match &it.kind {
        ConstraintKind::Check(expr) => to::Demand::Check(check(expr)),
        ConstraintKind::ForeignKey {
            columns,
            table,
            referred,
            on_delete,
        } => to::Demand::Reference {
            columns: columns.clone(),
            table: full(table),
            referred: referred.clone(),
            on_delete: match on_delete {
                OnDelete::Refuse => String::new(),
                OnDelete::Cascade => "CASCADE".to_owned(),
                OnDelete::Set => "SET NULL or DEFAULT".to_owned(),
            },
        },
        ConstraintKind::Exclude { keys } => {
            let texts: Vec<String> = keys.iter().map(|it| plain(&it.text)).collect();
            let mut text = texts.join(", ");
            let index = schema.indexes_of(table);
            let mut index = index.filter(|(_, index)| index.constraint.as_ref() == Some(&it.name));
            if let Some((_, index)) = index.next() {
                text = format!("USING {} ({text})", index.method);
                if let Some(predicate) = &index.predicate {
                    text.push_str(&format!(" WHERE {}", plain(&predicate.text)));
                }
            }
            let columns = keys.iter().flat_map(Expr::columns).map(str::to_owned);
            to::Demand::Exclusion {
                text,
                columns: columns.collect(),
            }
        }
        _ => return None,
    };
    Some(to::Constraint {
        name: it.name.clone(),
        demand,
        deferrable: it.deferrable,
    })
}

fn check(expr: &Expr) -> to::Check {
    let columns: BTreeSet<String> = expr.columns().into_iter().map(str::to_owned).collect();
    let text = listed(&text(&expr.text));
    to::Check {
        values: values(&text),
        text,
        columns: columns.into_iter().collect(),
    }
}

/// `x = any (array[…])` as `x in (…)`, which is what a server makes of the latter.
fn listed(text: &str) -> String {
    let list = || {
        let (column, rest) = text.split_once(" = any(")?;
        let mut list = rest.strip_suffix(')')?;
        while let Some(inner) = list.strip_prefix('(').and_then(|it| it.strip_suffix(')')) {
            list = inner;
        }
        let list = list.strip_prefix("array[")?.strip_suffix(']')?;
        (!list.contains("array[")).then(|| format!("{column} in ({list})"))
    };
    list().unwrap_or_else(|| text.to_owned())
}

/// The values that a condition lists, if that is all it does.
fn values(text: &str) -> Option<BTreeSet<String>> {
    let (column, rest) = text.split_once(" in (")?;
    let name = |it: char| it.is_alphanumeric() || it == '_';
    if !column.trim_matches('"').chars().all(name) {
        return None;
    }
    let mut rest = rest.strip_suffix(')')?;
    let mut all = BTreeSet::new();
    while !rest.is_empty() {
        let end = match rest.strip_prefix('\'') {
            Some(inner) => {
                // Two quotes are one.
                let mut at = inner.find('\'')?;
                while inner[at + 1..].starts_with('\'') {
                    at += 2 + inner[at + 2..].find('\'')?;
                }
                at + 2
            }
            None => rest.find(',').unwrap_or(rest.len()),
        };
        let (value, behind) = rest.split_at(end);
        let number = value.trim().parse::<f64>().is_ok();
        if !number && !value.starts_with('\'') {
            return None;
        }
        all.insert(value.trim().to_owned());
        rest = match behind.trim_start().strip_prefix(',') {
            Some(behind) => behind.trim_start(),
            None if behind.trim().is_empty() => "",
            None => return None,
        };
    }
    Some(all)
}

fn made_type(schema: &from::Schema, it: &from::Type) -> to::Type {
    match it {
        from::Type::Enum { values, .. } => to::Type::Enum(values.clone()),
        from::Type::Domain {
            base,
            not_null,
            default,
            checks,
        } => to::Type::Domain {
            column: to::Column {
                name: String::new(),
                type_of: Some(type_of(schema, base)),
                collation: None,
                not_null: *not_null,
                fill: default.as_ref().map(fill).unwrap_or_default(),
            },
            checks: checks
                .iter()
                .map(|(name, expr, _)| (name.clone(), check(expr)))
                .collect(),
        },
        from::Type::Composite { attributes } => {
            to::Type::Composite(attributes.iter().map(|it| column(schema, it)).collect())
        }
        from::Type::Other => to::Type::Other,
    }
}

/// What a function takes, and whether only triggers call it.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Signature {
    /// What stands in the first parentheses, in lower case and without blanks.
    pub(super) parameters: String,
    pub(super) trigger: bool,
}

/// Reads it from the text of a statement that makes a function.
pub(super) fn signature(text: &str) -> Signature {
    let begin = text.find('(').map_or(text.len(), |at| at + 1);
    let mut depth = 1_usize;
    let end = text[begin..].char_indices().find(|(_, it)| {
        match it {
            '(' => depth += 1,
            ')' => depth -= 1,
            _ => {}
        }
        depth == 0
    });
    let end = end.map_or(text.len(), |(at, _)| begin + at);
    let parameters = text[begin..end].split_whitespace();
    let words: Vec<String> = to::words(&text[end..]).take(2).collect();
    let trigger = |it: &String| it == "trigger" || it == "event_trigger";
    Signature {
        parameters: parameters.collect::<Vec<_>>().join(" ").to_lowercase(),
        trigger: words.first().is_some_and(|it| it == "returns")
            && words.get(1).is_some_and(trigger),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists_of_values_are_seen() {
        let all = |text: &str| {
            values(&listed(&plain(text))).map(|it| it.into_iter().collect::<Vec<_>>().join(" "))
        };
        let list = Some("'a' 'it''s, b'".to_owned());
        assert_eq!(all("status IN ('a', 'it''s, b')"), list);
        assert_eq!(
            all(
                "((status)::text = ANY ((ARRAY['a'::character varying, 'it''s, b'::character \
                 varying])::text[]))"
            ),
            list
        );
        assert_eq!(all("n IN (1, 2.5)"), Some("1 2.5".to_owned()));
        for none in [
            "lower(status) IN ('a')",
            "status IN ('a') OR n > 1",
            "status IN (SELECT 'a')",
            "status IN ('a', f(1))",
            "status NOT IN ('a')",
            "a > 1",
        ] {
            assert_eq!(all(none), None, "{none}");
        }
    }

    #[test]
    fn what_a_function_takes_is_seen() {
        let made = signature("CREATE FUNCTION f(A int,\n b numeric(3,2)) RETURNS trigger AS $$(");
        assert_eq!(made.parameters, "a int, b numeric(3,2)");
        assert!(made.trigger);
        assert!(!signature("CREATE FUNCTION trigger(a int) RETURNS int").trigger);
        assert!(!signature("CREATE FUNCTION broken(a int").trigger);
    }

    #[test]
    fn numbers_are_the_same_however_a_server_writes_them() {
        for (one, other, wanted) in [
            ("'-1'::integer", "-1", "-1"),
            ("age >= '-1.5'::numeric", "age >= - 1.5", "age >= -1.5"),
            ("f(1, '-2'::int)", "f(1, -2)", "f(1, -2)"),
            ("a - 1", "a-1", "a - 1"),
            (
                "note <> 'a - 1'",
                "note <> 'a - 1'::text",
                "note <> 'a - 1'",
            ),
            ("note <> '- 1'", "note <> '- 1'::text", "note <> '- 1'"),
        ] {
            assert_eq!((text(one).as_str(), text(other).as_str()), (wanted, wanted));
        }
    }
}
