//! Names that PostgreSQL makes where nobody gives one: `makeObjectName` and
//! `ChooseRelationName` in `src/backend/commands/indexcmds.c`, `ChooseConstraintName` in
//! `src/backend/catalog/pg_constraint.c`.

use super::Fold;
use crate::sql::ir::{Expr, Name, Node};
use crate::sql::{NAME_BYTES, cut};

/// `one_two_label`, where the longer of the first two is shortened until all fits.
pub(super) fn join(one: &str, two: Option<&str>, label: &str) -> String {
    let overhead = label.len() + 1 + usize::from(two.is_some());
    let room = NAME_BYTES.saturating_sub(overhead);
    let mut first = one.len();
    let mut second = two.map_or(0, str::len);
    while first + second > room {
        if first > second {
            first -= 1;
        } else {
            second -= 1;
        }
    }
    let clip = |text: &str, bytes: usize| {
        let mut text = text.to_owned();
        cut(&mut text, bytes);
        text
    };
    let mut name = clip(one, first);
    if let Some(two) = two {
        name.push('_');
        name.push_str(&clip(two, second));
    }
    name.push('_');
    name.push_str(label);
    name
}

/// Column names joined by `_`, as long as a name can be.
pub(super) fn columns(names: &[String]) -> String {
    let mut all = String::new();
    for name in names {
        if !all.is_empty() {
            all.push('_');
        }
        all.push_str(name);
        if all.len() > NAME_BYTES {
            break;
        }
    }
    all
}

/// What the columns of an index are called. An expression has the name of its function, or `expr`;
/// the second of a name is numbered.
pub(super) fn index_columns<'a>(
    keys: impl Iterator<Item = &'a Expr>,
    include: &[String],
) -> Vec<String> {
    let mut all: Vec<String> = Vec::new();
    let wanted = keys.map(figure).chain(include.iter().cloned());
    for name in wanted {
        let mut one = name.clone();
        let mut number = 0;
        while all.contains(&one) {
            number += 1;
            let digits = format!("{number}");
            one.clone_from(&name);
            cut(&mut one, NAME_BYTES - digits.len());
            one.push_str(&digits);
        }
        all.push(one);
    }
    all
}

fn figure(expr: &Expr) -> String {
    match &expr.node {
        Node::Column(name) => name.clone(),
        _ => named(expr).unwrap_or_else(|| "expr".to_owned()),
    }
}

/// `FigureIndexColname` in `src/backend/parser/parse_target.c`.
fn named(expr: &Expr) -> Option<String> {
    match &expr.node {
        Node::Column(name) => Some(name.clone()),
        Node::Call { name, .. } => Some(name.name.clone()),
        Node::Cast { of, to } => named(of).or_else(|| Some(to.name.name.clone())),
        Node::Other(inner) => {
            let text = expr
                .text
                .trim_start_matches('(')
                .trim_start()
                .to_ascii_lowercase();
            if text.starts_with("case") {
                // The name of what stands after `ELSE`, if that has a strong one.
                let last = inner
                    .last()
                    .filter(|_| text.contains("else"))
                    .and_then(strong);
                last.or_else(|| Some("case".to_owned()))
            } else if text.starts_with("array") && text[5..].trim_start().starts_with(['[', '(']) {
                Some("array".to_owned())
            } else if text.starts_with("row") && text[3..].trim_start().starts_with('(') {
                Some("row".to_owned())
            } else if inner.len() == 1 && (text.contains(" collate ") || text.ends_with(']')) {
                named(inner.first()?)
            } else {
                None
            }
        }
        _ => None,
    }
}

fn strong(expr: &Expr) -> Option<String> {
    match &expr.node {
        Node::Column(name) => Some(name.clone()),
        Node::Call { name, .. } => Some(name.name.clone()),
        _ => None,
    }
}

impl Fold<'_> {
    /// Whether a table, view, sequence, index or composite type has this full name.
    pub(super) fn is_taken(&self, name: &Name) -> bool {
        self.schema.relations.contains_key(name)
            || self.schema.indexes.contains_key(name)
            || matches!(
                self.schema.types.get(name).map(AsRef::as_ref),
                Some(crate::schema::Type::Composite { .. })
            )
    }

    /// Whether a constraint of any table in a schema has this name.
    fn is_constraint(&self, namespace: &str, name: &str) -> bool {
        self.schema
            .relations
            .unsorted()
            .filter(|(table, _)| table.schema.as_deref() == Some(namespace))
            .any(|(_, relation)| relation.constraint(name).is_some())
    }

    /// A name for a relation that nothing in the schema has; for the index of a `constraint` no
    /// constraint either.
    pub(super) fn relation_name(
        &self,
        namespace: &str,
        one: &str,
        two: Option<&str>,
        label: &str,
        constraint: bool,
    ) -> String {
        self.number(label, |label| {
            let name = join(one, two, label);
            let taken = self.is_taken(&Name::qualified(namespace, name.clone()))
                || constraint && self.is_constraint(namespace, &name);
            (name, taken)
        })
    }

    /// A name for a constraint that no constraint in the schema has.
    pub(super) fn constraint_name(
        &self,
        namespace: &str,
        one: &str,
        two: Option<&str>,
        label: &str,
    ) -> String {
        self.number(label, |label| {
            let name = join(one, two, label);
            let taken = self.is_constraint(namespace, &name);
            (name, taken)
        })
    }

    /// Tries `label`, `label1`, `label2` and so on, until a name is free.
    fn number(&self, label: &str, made: impl Fn(&str) -> (String, bool)) -> String {
        let (mut name, mut taken) = made(label);
        let mut pass = 0_u32;
        while taken {
            pass += 1;
            (name, taken) = made(&format!("{label}{pass}"));
        }
        name
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_names_are_shortened_evenly() {
        assert_eq!(join("t", Some("a"), "key"), "t_a_key");
        assert_eq!(join("t", None, "pkey"), "t_pkey");
        let long = join(&"t".repeat(60), Some(&"c".repeat(60)), "fkey");
        assert_eq!(long.len(), 63);
        assert_eq!(long, format!("{}_{}_fkey", "t".repeat(29), "c".repeat(28)));
        assert_eq!(
            join(&"é".repeat(40), None, "pkey"),
            format!("{}_pkey", "é".repeat(29))
        );
    }
}
