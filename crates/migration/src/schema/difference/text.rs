//! Parts of a schema in words, so that two of them can be compared and shown.

use crate::schema::{Column, Constraint, Index, Relation, Type};
use crate::sql::ir::{Bound, Expr, Generated, Name, OnDelete, Partition, TypeName};
use crate::sql::plain;

pub(super) fn or_nothing(text: String) -> String {
    if text.is_empty() {
        "nothing".to_owned()
    } else {
        text
    }
}

/// A type as people read it.
pub(super) fn type_text(of: Option<&TypeName>) -> String {
    let Some(of) = of else {
        return "a type that is not known".to_owned();
    };
    let mut text = of.name.to_string();
    if !of.modifiers.is_empty() {
        let all: Vec<String> = of.modifiers.iter().map(i64::to_string).collect();
        text.push_str(&format!("({})", all.join(",")));
    }
    // However many are declared, it is one type.
    if of.array > 0 {
        text.push_str("[]");
    }
    text
}

pub(super) fn generated(column: &Column) -> String {
    match &column.generated {
        None => "nothing".to_owned(),
        Some(Generated::Identity { always: true }) => "ALWAYS AS IDENTITY".to_owned(),
        Some(Generated::Identity { always: false }) => "BY DEFAULT AS IDENTITY".to_owned(),
        Some(Generated::Expression { expr, stored }) => {
            let kind = if *stored { "STORED" } else { "VIRTUAL" };
            format!("({}) {kind}", plain(&expr.text))
        }
    }
}

fn list(all: &[Expr]) -> String {
    let all: Vec<String> = all.iter().map(|it| plain(&it.text)).collect();
    all.join(", ")
}

fn names(all: &[String]) -> String {
    let all: Vec<String> = all.iter().map(|it| Name::plain(it).to_string()).collect();
    all.join(", ")
}

pub(super) fn constraint_text(constraint: &Constraint) -> String {
    use crate::sql::ir::ConstraintKind as K;
    let mut text = match &constraint.kind {
        K::Null => "NULL".to_owned(),
        K::NotNull { column } => format!("NOT NULL {}", Name::plain(column)),
        K::Check(expr) => format!("CHECK ({})", plain(&expr.text)),
        K::Unique { columns, .. } => format!("UNIQUE ({})", names(columns)),
        K::PrimaryKey { columns, .. } => format!("PRIMARY KEY ({})", names(columns)),
        K::ForeignKey {
            columns,
            table,
            referred,
            on_delete,
        } => {
            let action = match on_delete {
                OnDelete::Refuse => "",
                OnDelete::Cascade => " ON DELETE CASCADE",
                OnDelete::Set => " ON DELETE SET",
            };
            format!(
                "FOREIGN KEY ({}) REFERENCES {table} ({}){action}",
                names(columns),
                names(referred)
            )
        }
        K::Exclude { keys } => format!("EXCLUDE ({})", list(keys)),
    };
    if constraint.deferrable {
        text.push_str(" DEFERRABLE");
    }
    if constraint.no_inherit {
        text.push_str(" NO INHERIT");
    }
    text
}

pub(super) fn index_text(index: &Index) -> String {
    let keys: Vec<String> = index
        .keys
        .iter()
        .enumerate()
        .map(|(at, key)| {
            let options = index
                .options
                .get(at)
                .map(|it| plain(it))
                .unwrap_or_default();
            format!("{} {options}", plain(&key.text))
                .trim_end()
                .to_owned()
        })
        .collect();
    let mut text = format!(
        "{}INDEX ON {} USING {} ({})",
        if index.unique { "UNIQUE " } else { "" },
        index.table,
        index.method,
        keys.join(", ")
    );
    if !index.include.is_empty() {
        text.push_str(&format!(" INCLUDE ({})", names(&index.include)));
    }
    if index.nulls_not_distinct {
        text.push_str(" NULLS NOT DISTINCT");
    }
    if let Some(predicate) = &index.predicate {
        text.push_str(&format!(" WHERE {}", plain(&predicate.text)));
    }
    text
}

pub(super) fn partition_text(relation: &Relation) -> String {
    let by = |it: &Partition| format!("BY {} ({})", it.strategy.to_uppercase(), list(&it.keys));
    let of = |(of, bound): &(Name, Bound)| {
        let values = match bound {
            Bound::Default => "DEFAULT".to_owned(),
            Bound::In(all) => format!("IN ({})", list(all)),
            Bound::FromTo(from, to) => format!("FROM ({}) TO ({})", list(from), list(to)),
            Bound::Hash { modulus, remainder } => {
                format!("MODULUS {modulus}, REMAINDER {remainder}")
            }
        };
        format!("OF {of} {values}")
    };
    let parts = [
        relation.partition_of.as_ref().map(of),
        relation.partition_by.as_ref().map(by),
    ];
    or_nothing(parts.into_iter().flatten().collect::<Vec<_>>().join(" "))
}

pub(super) fn domain(of: &Type) -> String {
    let Type::Domain {
        base,
        not_null,
        default,
        checks,
    } = of
    else {
        return String::new();
    };
    let mut text = type_text(Some(base));
    if *not_null {
        text.push_str(" NOT NULL");
    }
    if let Some(default) = default {
        text.push_str(&format!(" DEFAULT {}", plain(&default.text)));
    }
    let mut checks: Vec<String> = checks
        .iter()
        .map(|(name, expr, valid)| {
            let valid = if *valid { "" } else { " NOT VALID" };
            format!(
                " {} CHECK ({}){valid}",
                Name::plain(name),
                plain(&expr.text)
            )
        })
        .collect();
    checks.sort();
    text.push_str(&checks.concat());
    text
}
