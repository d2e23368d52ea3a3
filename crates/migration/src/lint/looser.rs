//! Whether a new constraint refuses anything that was accepted before the script.

use super::context::Context;
use super::declared::columns_of;
use crate::schema::Index;
use crate::sql::ir::{
    AlterAction, Constraint, ConstraintKind, CreateIndex, Expr, Kind, Name, Node, Span,
};

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
            own(&columns) || is_kept(context, table, &Unique::of(index))
        }
        Kind::Alter(alter) => {
            let found = alter.actions.iter().find(|(_, at)| at == span);
            let Some((AlterAction::AddConstraint(constraint), _)) = found else {
                return false;
            };
            let kept = match &constraint.kind {
                ConstraintKind::Unique { columns, .. } => {
                    is_kept(context, table, &Unique::on(columns, constraint))
                }
                _ => false,
            };
            own(&columns(constraint)) || kept || replaces(context, table, constraint)
        }
        _ => false,
    }
}

/// What a unique index or constraint refuses.
struct Unique<'a> {
    /// Each key, as words, and what follows it.
    keys: Vec<(&'a str, &'a str)>,
    predicate: Option<&'a str>,
    nulls_not_distinct: bool,
}

impl<'a> Unique<'a> {
    fn of(index: &'a CreateIndex) -> Self {
        let keys = index.keys.iter();
        Self {
            keys: keys.map(|it| (key(&it.expr), it.options.trim())).collect(),
            predicate: index.predicate.as_ref().map(|it| it.text.as_str()),
            nulls_not_distinct: index.nulls_not_distinct,
        }
    }

    fn on(columns: &'a [String], constraint: &Constraint) -> Self {
        Self {
            keys: columns.iter().map(|it| (it.as_str(), "")).collect(),
            predicate: None,
            nulls_not_distinct: constraint.nulls_not_distinct,
        }
    }

    /// Whether a constraint refuses all that this does.
    fn is_in_constraint(&self, old: &ConstraintKind) -> bool {
        let (ConstraintKind::Unique { columns, .. } | ConstraintKind::PrimaryKey { columns, .. }) =
            old
        else {
            return false;
        };
        let has = |column: &String| self.keys.contains(&(column.as_str(), ""));
        !self.nulls_not_distinct && !columns.is_empty() && columns.iter().all(has)
    }

    /// Whether an index refuses all that this does.
    fn is_in(&self, old: &Index) -> bool {
        let keys = old.keys.iter().enumerate().map(|(at, it)| {
            let options = old.options.get(at).map_or("", |it| it.trim());
            (key(it), options)
        });
        let predicate = old.predicate.as_ref().map(|it| it.text.as_str());
        let rows = predicate.is_none() || predicate == self.predicate;
        let nulls = old.nulls_not_distinct || !self.nulls_not_distinct;
        let mut keys = keys.peekable();
        let any = keys.peek().is_some();
        old.unique && old.valid && rows && nulls && any && keys.all(|it| self.keys.contains(&it))
    }
}

/// A key of an index, as words.
fn key(expr: &Expr) -> &str {
    match &expr.node {
        Node::Column(name) => name,
        _ => &expr.text,
    }
}

/// Whether an index that is there, or that the script has dropped, refuses as much.
fn is_kept(context: &Context<'_>, table: &Name, new: &Unique<'_>) -> bool {
    let there = context.schema.indexes_of(table).map(|(_, index)| index);
    let dropped = &context.script.dropped_indexes;
    let dropped = dropped.iter().filter(|it| it.table == *table);
    let constraints = context.script.dropped.iter();
    there.chain(dropped).any(|old| new.is_in(old))
        || constraints
            .filter(|it| it.table == *table)
            .any(|old| new.is_in_constraint(&old.kind))
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

#[cfg(test)]
mod tests {
    use switchback_diag::Code;

    use crate::lint::{Options, trial};

    /// Whether a second migration is said to refuse rows of code from before it.
    fn refuses(first: &str, second: &str) -> bool {
        let found = trial::findings(&[first, second], &Options::new(15));
        let code = Code::ConstraintRefusesOldWriters;
        found.iter().any(|it| it.file == "2" && it.code == code)
    }

    const UNIQUE: &str = "CREATE TABLE users (id bigint PRIMARY KEY, team bigint, email text);\
                          CREATE UNIQUE INDEX users_email ON users (email);";

    #[test]
    fn a_unique_index_beside_one_that_is_as_strict() {
        for second in [
            "CREATE UNIQUE INDEX CONCURRENTLY i ON users (email) INCLUDE (id)",
            "CREATE UNIQUE INDEX i ON users (team, email)",
            "CREATE UNIQUE INDEX i ON users (email) WHERE team IS NULL",
            "DROP INDEX users_email; CREATE UNIQUE INDEX i ON users (email, team)",
            "ALTER TABLE users ADD UNIQUE (email)",
        ] {
            assert!(!refuses(UNIQUE, second), "{second}");
        }
    }

    #[test]
    fn a_unique_index_that_is_stricter() {
        for second in [
            "CREATE UNIQUE INDEX i ON users (team)",
            "CREATE UNIQUE INDEX i ON users (lower(email))",
            "CREATE UNIQUE INDEX i ON users (email COLLATE folded)",
            "CREATE UNIQUE INDEX i ON users (email) NULLS NOT DISTINCT",
            "DROP INDEX users_email; CREATE UNIQUE INDEX i ON users (lower(email))",
            "DROP INDEX users_email; CREATE UNIQUE INDEX i ON users (email) NULLS NOT DISTINCT",
        ] {
            assert!(refuses(UNIQUE, second), "{second}");
        }
        // What is there holds for some rows only, or not at all.
        let some = UNIQUE.replace("(email)", "(email) WHERE team IS NULL");
        assert!(refuses(&some, "CREATE UNIQUE INDEX i ON users (email)"));
        let none = UNIQUE.replace("UNIQUE INDEX", "INDEX");
        assert!(refuses(&none, "CREATE UNIQUE INDEX i ON users (email)"));
    }
}
