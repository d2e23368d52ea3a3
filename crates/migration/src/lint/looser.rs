//! Whether a new constraint refuses anything that was accepted before the script.

use super::context::Context;
use super::declared::columns_of;
use crate::sql::ir::{AlterAction, Constraint, ConstraintKind, Expr, Kind, Name, Node, Span};

/// A constraint that a script dropped.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Dropped {
    /// The table, by full name.
    pub(super) table: Name,
    /// What it demanded.
    pub(super) kind: ConstraintKind,
}

/// Whether what the statement adds at this place refuses nothing that was accepted before the
/// script: it is only about columns that the script has made, which are null or a default for code
/// that does not know them, or it is looser than one that the script has dropped.
pub(super) fn refuses_nothing_new(context: &Context<'_>, table: &Name, span: &Span) -> bool {
    let own = |columns: &[&str]| {
        let made = |column: &&str| context.script.is_own_column(table, column);
        !columns.is_empty() && columns.iter().all(made)
    };
    match &context.statement.kind {
        Kind::CreateIndex(index) => {
            let columns: Vec<&str> = index
                .keys
                .iter()
                .flat_map(|key| key.expr.columns())
                .collect();
            let kind = ConstraintKind::Unique {
                columns: columns.iter().map(|it| (*it).to_owned()).collect(),
                using: None,
            };
            let replaces = index.predicate.is_none()
                && context
                    .script
                    .dropped
                    .iter()
                    .any(|it| it.table == *table && looser(&it.kind, &kind));
            own(&columns) || replaces
        }
        Kind::Alter(alter) => {
            let found = alter.actions.iter().find(|(_, at)| at == span);
            let Some((AlterAction::AddConstraint(constraint), _)) = found else {
                return false;
            };
            own(&columns(constraint)) || replaces(context, table, constraint)
        }
        _ => false,
    }
}

/// The columns that a constraint of a table is about.
fn columns(constraint: &Constraint) -> Vec<&str> {
    match &constraint.kind {
        ConstraintKind::Check(expr) => expr.columns(),
        ConstraintKind::Unique { columns, .. }
        | ConstraintKind::PrimaryKey { columns, .. }
        | ConstraintKind::ForeignKey { columns, .. } => columns_of(columns, None),
        ConstraintKind::Exclude { keys } => keys.iter().flat_map(Expr::columns).collect(),
        ConstraintKind::Null | ConstraintKind::NotNull { .. } => Vec::new(),
    }
}

/// Whether a constraint is looser than one that goes in the script or in the statement itself.
fn replaces(context: &Context<'_>, table: &Name, constraint: &Constraint) -> bool {
    let earlier = context
        .script
        .dropped
        .iter()
        .filter(|it| it.table == *table);
    if earlier
        .map(|it| &it.kind)
        .any(|it| looser(it, &constraint.kind))
    {
        return true;
    }
    let (Kind::Alter(alter), Some(relation)) =
        (&context.statement.kind, context.schema.relations.get(table))
    else {
        return false;
    };
    alter.actions.iter().any(|(action, _)| match action {
        AlterAction::DropConstraint { name, .. } => relation
            .constraint(name)
            .is_some_and(|old| looser(&old.kind, &constraint.kind)),
        _ => false,
    })
}

/// Whether a new constraint accepts whatever an old one did, as far as can be seen from the words.
fn looser(old: &ConstraintKind, new: &ConstraintKind) -> bool {
    use ConstraintKind as K;
    match (old, new) {
        (
            K::ForeignKey {
                columns,
                table,
                referred,
                ..
            },
            K::ForeignKey {
                columns: new_columns,
                table: new_table,
                referred: new_referred,
                ..
            },
        ) => {
            let same_key =
                referred == new_referred || referred.is_empty() || new_referred.is_empty();
            columns == new_columns && table.name == new_table.name && same_key
        }
        (
            K::Unique { columns, .. } | K::PrimaryKey { columns, .. },
            K::Unique { columns: new, .. } | K::PrimaryKey { columns: new, .. },
        ) => !columns.is_empty() && columns.iter().all(|column| new.contains(column)),
        (K::Check(old), K::Check(new)) => looser_check(old, new),
        _ => false,
    }
}

/// Whether a check allows the same values and more: the same words, with more literals.
fn looser_check(old: &Expr, new: &Expr) -> bool {
    let before = literals(old);
    let after = literals(new);
    !before.is_empty()
        && before.iter().all(|it| after.contains(it))
        && words(old, &before) == words(new, &after)
        && is_list(old)
}

/// The strings of an expression.
fn literals(expr: &Expr) -> Vec<&str> {
    let mut all = Vec::new();
    expr.walk(&mut |it| {
        if let Node::Literal(text) = &it.node {
            all.push(text.as_str());
        }
    });
    all
}

/// Whether more literals mean more values: a list with `IN` or `ANY`, and nothing that turns it
/// around.
fn is_list(expr: &Expr) -> bool {
    let text = expr.text.to_ascii_lowercase();
    let has = |word: &str| {
        text.split(|c: char| !c.is_alphanumeric())
            .any(|it| it == word)
    };
    (has("in") || has("any")) && !has("not") && !text.contains('<') && !text.contains('>')
}

/// The words of an expression without its strings, each run of the same words once.
fn words(expr: &Expr, literals: &[&str]) -> Vec<String> {
    let mut text = expr.text.to_ascii_lowercase();
    for literal in literals {
        let quoted = format!("'{}'", literal.to_ascii_lowercase().replace('\'', "''"));
        text = text.replace(&quoted, " ");
    }
    let split = |c: char| !(c.is_alphanumeric() || c == '_');
    let mut all: Vec<String> = text.split(split).map(str::to_owned).collect();
    all.retain(|word| !word.is_empty());
    all.dedup();
    all
}
