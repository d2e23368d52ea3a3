//! Whether constraints imply the bounds of a partition.
//!
//! The bounds are a [`Goal`] of comparisons of a column with a constant. It is implied if some
//! check implies each of its parts. Constants of numbers and of dates in ISO form have an order
//! here; of any others only whether they are the same is seen. So a proof that the server finds
//! may be missed, and none is claimed that it does not find.

use std::cmp::Ordering;

use super::checks;
use crate::facts::columns::has_unproved;
use crate::schema::Relation;
use crate::sql::ir::{Bound, Expr, Node, Operator};

/// What is to be proved of every row.
#[derive(Debug, Clone, PartialEq)]
pub(in crate::facts) enum Goal {
    And(Vec<Goal>),
    Or(Vec<Goal>),
    Is {
        column: String,
        operator: Operator,
        value: String,
    },
    Null {
        column: String,
        not: bool,
    },
    /// Something that is not proved here.
    Unknown,
}

impl Goal {
    /// Whether nothing is demanded.
    pub(in crate::facts) fn is_empty(&self) -> bool {
        matches!(self, Goal::And(all) if all.iter().all(Goal::is_empty))
    }

    /// The opposite.
    pub(in crate::facts) fn not(self) -> Goal {
        let each = |all: Vec<Goal>| all.into_iter().map(Goal::not).collect();
        match self {
            Goal::And(all) => Goal::Or(each(all)),
            Goal::Or(all) => Goal::And(each(all)),
            Goal::Is {
                column,
                operator,
                value,
            } => Goal::Is {
                column,
                operator: opposite(operator),
                value,
            },
            Goal::Null { column, not } => Goal::Null { column, not: !not },
            Goal::Unknown => Goal::Unknown,
        }
    }
}

/// What holds if a comparison does not, of values that are not null.
fn opposite(operator: Operator) -> Operator {
    match operator {
        Operator::Equal => Operator::NotEqual,
        Operator::NotEqual => Operator::Equal,
        Operator::Less => Operator::GreaterOrEqual,
        Operator::LessOrEqual => Operator::Greater,
        Operator::Greater => Operator::LessOrEqual,
        Operator::GreaterOrEqual => Operator::Less,
    }
}

/// What a comparison is with its sides changed.
fn mirrored(operator: Operator) -> Operator {
    match operator {
        Operator::Equal | Operator::NotEqual => operator,
        Operator::Less => Operator::Greater,
        Operator::LessOrEqual => Operator::GreaterOrEqual,
        Operator::Greater => Operator::Less,
        Operator::GreaterOrEqual => Operator::LessOrEqual,
    }
}

/// What rows of a partition with that bound must obey; `others` are the bounds of its siblings,
/// which matter for the default one.
pub(in crate::facts) fn goal(relation: &Relation, bound: &Bound, others: &[&Bound]) -> Goal {
    let keys = relation.partition_by.as_ref().map(|it| it.keys.as_slice());
    let column = match keys {
        Some([key]) => match &key.node {
            Node::Column(name) => name.as_str(),
            _ => return Goal::Unknown,
        },
        _ => return Goal::Unknown,
    };
    let known = |not| Goal::Null {
        column: column.to_owned(),
        not,
    };
    let is = |operator, value: &Expr| match constant(value) {
        Some(value) => Goal::Is {
            column: column.to_owned(),
            operator,
            value,
        },
        None => Goal::Unknown,
    };
    let open = |value: &Expr| matches!(&value.node, Node::Column(name) if name == "minvalue" || name == "maxvalue");
    match bound {
        Bound::Default if others.is_empty() => Goal::And(Vec::new()),
        Bound::Default => {
            let all = others.iter().map(|it| goal(relation, it, &[]).not());
            Goal::And(all.collect())
        }
        Bound::Hash { .. } => Goal::Unknown,
        Bound::FromTo(from, to) => match (from.as_slice(), to.as_slice()) {
            ([from], [to]) => {
                let mut all = vec![known(true)];
                if !open(from) {
                    all.push(is(Operator::GreaterOrEqual, from));
                }
                if !open(to) {
                    all.push(is(Operator::Less, to));
                }
                Goal::And(all)
            }
            _ => Goal::Unknown,
        },
        Bound::In(values) => {
            let null = values.iter().any(Expr::is_null);
            let values = values.iter().filter(|it| !it.is_null());
            let any: Vec<Goal> = values.map(|it| is(Operator::Equal, it)).collect();
            if null {
                Goal::Or(any.into_iter().chain([known(false)]).collect())
            } else {
                Goal::And(vec![known(true), Goal::Or(any)])
            }
        }
    }
}

/// Whether the checks of a relation, and its `NOT NULL`, imply a goal.
pub(in crate::facts) fn implied(relation: &Relation, goal: &Goal) -> bool {
    let mut facts: Vec<Goal> = checks(relation)
        .map(|(_, expr)| said(relation, expr))
        .collect();
    for column in relation.columns.iter().filter(|it| it.not_null) {
        if !has_unproved(relation, &column.name) {
            facts.push(Goal::Null {
                column: column.name.clone(),
                not: true,
            });
        }
    }
    holds(relation, &facts, goal)
}

fn holds(relation: &Relation, facts: &[Goal], goal: &Goal) -> bool {
    match goal {
        Goal::Unknown => false,
        Goal::And(all) => all.iter().all(|one| holds(relation, facts, one)),
        Goal::Or(all) => {
            all.iter().any(|one| holds(relation, facts, one))
                || facts.iter().any(|fact| covers(relation, fact, goal))
        }
        Goal::Is { .. } | Goal::Null { .. } => {
            facts.iter().any(|fact| implies(relation, fact, goal))
        }
    }
}

/// Whether some part of a fact is an `OR` each of whose ways implies the goal.
fn covers(relation: &Relation, fact: &Goal, goal: &Goal) -> bool {
    match fact {
        Goal::And(all) => all.iter().any(|one| covers(relation, one, goal)),
        Goal::Or(ways) => ways
            .iter()
            .all(|way| holds(relation, std::slice::from_ref(way), goal)),
        _ => false,
    }
}

/// Whether one fact implies a comparison.
fn implies(relation: &Relation, fact: &Goal, goal: &Goal) -> bool {
    match (fact, goal) {
        (Goal::And(all), _) => all.iter().any(|one| implies(relation, one, goal)),
        (Goal::Or(all), _) => all.iter().all(|one| implies(relation, one, goal)),
        (Goal::Null { .. }, _) => fact == goal,
        (
            Goal::Is {
                column: of,
                operator,
                value: has,
            },
            Goal::Is {
                column,
                operator: wanted,
                value,
            },
        ) => {
            let order = order(relation, column, has, value);
            of == column && order.is_some_and(|order| entails(*operator, *wanted, order))
        }
        _ => false,
    }
}

/// What a check says, as far as it is understood here.
fn said(relation: &Relation, expr: &Expr) -> Goal {
    let each = |all: &[Expr]| all.iter().map(|one| said(relation, one)).collect();
    match &expr.node {
        Node::And(all) => Goal::And(each(all)),
        Node::Or(all) => Goal::Or(each(all)),
        Node::Not(of) => said(relation, of).not(),
        Node::IsNull { of, not } => match column(relation, of) {
            Some(column) => Goal::Null { column, not: *not },
            None => Goal::Unknown,
        },
        Node::Compare {
            operator,
            left,
            right,
        } => compared(relation, *operator, left, right),
        Node::Other(inside) => match inside.as_slice() {
            [of, low, high] if word_between(expr, of, low) == "between" => Goal::And(vec![
                compared(relation, Operator::GreaterOrEqual, of, low),
                compared(relation, Operator::LessOrEqual, of, high),
            ]),
            [of, list] if word_between(expr, of, list) == "in" => match &list.node {
                Node::Other(values) => one_of(relation, of, values),
                _ => one_of(relation, of, std::slice::from_ref(list)),
            },
            _ => Goal::Unknown,
        },
        _ => Goal::Unknown,
    }
}

/// What stands between two parts of an expression, in lower case.
fn word_between(whole: &Expr, one: &Expr, other: &Expr) -> String {
    let start = one.span.end.checked_sub(whole.span.start);
    let end = other.span.start.checked_sub(whole.span.start);
    let text = match (start, end) {
        (Some(start), Some(end)) => whole.text.get(start..end),
        _ => None,
    };
    text.unwrap_or_default().trim().to_ascii_lowercase()
}

fn one_of(relation: &Relation, of: &Expr, values: &[Expr]) -> Goal {
    let is = |value: &Expr| compared(relation, Operator::Equal, of, value);
    Goal::Or(values.iter().map(is).collect())
}

/// A column compared with a constant, on whichever side; or with each of a list of them.
fn compared(relation: &Relation, operator: Operator, left: &Expr, right: &Expr) -> Goal {
    let is = |column, operator, value| Goal::Is {
        column,
        operator,
        value,
    };
    match (column(relation, left), constant(right)) {
        (Some(column), Some(value)) => return is(column, operator, value),
        (Some(_), None) => {}
        (None, _) => {
            return match (column(relation, right), constant(left)) {
                (Some(column), Some(value)) => is(column, mirrored(operator), value),
                _ => Goal::Unknown,
            };
        }
    }
    // `= ANY (ARRAY[…])`, which is how the server writes `IN (…)`.
    let word = right.text.trim_start().get(..3).unwrap_or_default();
    let of_any = match &right.node {
        Node::Call { arguments: of, .. } | Node::Other(of) => of.first(),
        _ => None,
    };
    let array = of_any.map(|it| match &it.node {
        Node::Cast { of, .. } => of.as_ref(),
        _ => it,
    });
    match array.map(|it| &it.node) {
        Some(Node::Other(values))
            if operator == Operator::Equal && word.eq_ignore_ascii_case("any") =>
        {
            one_of(relation, left, values)
        }
        _ => Goal::Unknown,
    }
}

/// The column that an expression is; `varchar` is compared as `text`.
fn column(relation: &Relation, expr: &Expr) -> Option<String> {
    match &expr.node {
        Node::Column(name) => Some(name.clone()),
        Node::Cast { of, to } if to.is("text") => {
            let name = column(relation, of)?;
            let type_name = relation.column(&name)?.type_name.as_ref()?;
            type_name.is("varchar").then_some(name)
        }
        _ => None,
    }
}

/// Whether `x operator a` entails `x wanted b`, where `order` is how `a` compares to `b`.
fn entails(operator: Operator, wanted: Operator, order: Ordering) -> bool {
    use Operator as O;
    use Ordering as C;
    match (operator, wanted) {
        (O::Equal, O::Equal) => order == C::Equal,
        (O::Equal, O::NotEqual) => order != C::Equal,
        (O::Equal, O::Less) => order == C::Less,
        (O::Equal, O::LessOrEqual) => order != C::Greater,
        (O::Equal, O::Greater) => order == C::Greater,
        (O::Equal, O::GreaterOrEqual) => order != C::Less,
        (O::NotEqual, O::NotEqual) => order == C::Equal,
        (O::Less, O::Less | O::LessOrEqual | O::NotEqual) => order != C::Greater,
        (O::LessOrEqual, O::LessOrEqual) => order != C::Greater,
        (O::LessOrEqual, O::Less | O::NotEqual) => order == C::Less,
        (O::Greater, O::Greater | O::GreaterOrEqual | O::NotEqual) => order != C::Less,
        (O::GreaterOrEqual, O::GreaterOrEqual) => order != C::Less,
        (O::GreaterOrEqual, O::Greater | O::NotEqual) => order == C::Greater,
        _ => false,
    }
}

/// What a constant says, cast or not.
fn constant(expr: &Expr) -> Option<String> {
    match &expr.node {
        Node::Literal(text) => Some(text.clone()),
        Node::Cast { of, .. } => constant(of),
        Node::Other(inside) => match inside.as_slice() {
            [one] => {
                let sign = expr.text.trim().strip_prefix('-');
                let inner = constant(one)?;
                match sign {
                    Some(_) => Some(format!("-{inner}")),
                    None => expr.text.trim().starts_with('(').then_some(inner),
                }
            }
            _ => None,
        },
        _ => None,
    }
}

/// How two constants of the type of a column compare, where that can be said.
fn order(relation: &Relation, column: &str, one: &str, other: &str) -> Option<Ordering> {
    if one == other {
        return Some(Ordering::Equal);
    }
    let type_name = relation.column(column)?.type_name.as_ref()?;
    if type_name.array > 0 {
        return None;
    }
    match type_name.name.name.as_str() {
        "int2" | "int4" | "int8" => Some(one.parse::<i64>().ok()?.cmp(&other.parse::<i64>().ok()?)),
        "numeric" | "float4" | "float8" => one
            .parse::<f64>()
            .ok()?
            .partial_cmp(&other.parse::<f64>().ok()?),
        "date" | "timestamp" | "timestamptz" => iso(one, other),
        // Others have an order as well, which depends on the collation; but not the same is said.
        "text" | "varchar" | "bpchar" | "uuid" | "bool" => None,
        _ => None,
    }
}

/// How two dates or times in ISO form compare; those that are not both of the same form do not.
fn iso(one: &str, other: &str) -> Option<Ordering> {
    let date = |text: &str| {
        let bytes = text.as_bytes();
        let shape = |at: usize, byte: &u8| match at {
            4 | 7 => *byte == b'-',
            10 => *byte == b' ' || *byte == b'T',
            13 | 16 => *byte == b':',
            _ => byte.is_ascii_digit(),
        };
        let long = [10, 16, 19].contains(&bytes.len());
        long && bytes.iter().enumerate().all(|(at, byte)| shape(at, byte))
    };
    if !date(one) || !date(other) {
        return None;
    }
    let full = |text: &str| {
        let mut text = text.replace('T', " ");
        let zero = " 00:00:00";
        text.push_str(zero.get(text.len() - 10..).unwrap_or_default());
        text
    };
    Some(full(one).cmp(&full(other)))
}
