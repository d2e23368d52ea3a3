//! What one side of a comparison in a constraint is about.

use super::expr::Expr;
use super::membership::array;

/// What one side of a comparison is about.
pub(super) enum Subject<'a> {
    Column(usize),
    Literal(&'a str),
    Negative(&'a str),
    Bool(bool),
    /// The length of a column; in bytes or not.
    Length(usize, bool),
    Lower(usize),
    Upper(usize),
    Trimmed(usize),
    JsonType(usize),
    Now,
    /// The rest of a division.
    Rest(usize, &'a str),
    MonthStart(usize),
    DayOfMonth(usize),
    /// A column plus (or minus) a literal.
    Shifted(usize, &'a str, bool),
    /// How many of these are true.
    Count(Vec<Expr>),
    Position(usize, &'a str),
    Prefix(usize),
    /// A place in a JSON document.
    Path(usize, Vec<String>),
    Truth(&'a Expr),
    Other,
}

pub(super) fn column_of(expr: &Expr) -> Option<usize> {
    match expr.bare() {
        Expr::Column(column) => Some(*column),
        Expr::Call(name, arguments) if name == "coalesce" => arguments.first().and_then(column_of),
        _ => None,
    }
}

pub(super) fn literal_of(expr: &Expr) -> Option<&str> {
    match expr.bare() {
        Expr::Literal(Some(text)) => Some(text),
        _ => None,
    }
}

pub(super) fn subject(expr: &Expr) -> Subject<'_> {
    let bare = expr.bare();
    if let Some(column) = column_of(bare) {
        return Subject::Column(column);
    }
    match bare {
        Expr::Literal(Some(text)) => Subject::Literal(text),
        Expr::Bool(value) => Subject::Bool(*value),
        Expr::Minus(inner) => literal_of(inner).map_or(Subject::Other, Subject::Negative),
        Expr::And(_) | Expr::Or(_) | Expr::Not(_) | Expr::IsNull(_) | Expr::Is(..) => {
            Subject::Truth(bare)
        }
        Expr::Quantified { .. } => Subject::Truth(bare),
        Expr::Binary(operator, left, right) => match operator.as_str() {
            "->" | "->>" | "#>" | "#>>" => match path_of(bare) {
                Some((column, path)) => Subject::Path(column, path),
                None => Subject::Other,
            },
            "+" => match (column_of(left), literal_of(right)) {
                (Some(column), Some(text)) => Subject::Shifted(column, text, true),
                _ => {
                    let mut terms = Vec::new();
                    match terms_of(bare, &mut terms) {
                        true => Subject::Count(terms),
                        false => Subject::Other,
                    }
                }
            },
            "-" => match (column_of(left), literal_of(right)) {
                (Some(column), Some(text)) => Subject::Shifted(column, text, false),
                _ => Subject::Other,
            },
            "%" => match (column_of(left), literal_of(right)) {
                (Some(column), Some(text)) => Subject::Rest(column, text),
                _ => Subject::Other,
            },
            "=" | "<>" | "<" | "<=" | ">" | ">=" | "~" | "~~" | "IS DISTINCT FROM" => {
                Subject::Truth(bare)
            }
            _ => Subject::Other,
        },
        Expr::Call(name, arguments) => call(name, arguments),
        _ => Subject::Other,
    }
}

/// The column and the place in its JSON document that an expression takes.
pub(super) fn path_of(expr: &Expr) -> Option<(usize, Vec<String>)> {
    let Expr::Binary(operator, left, right) = expr.bare() else {
        return None;
    };
    let (column, mut path) = match column_of(left) {
        Some(column) => (column, Vec::new()),
        None => path_of(left)?,
    };
    match operator.as_str() {
        "->" | "->>" => path.push(literal_of(right)?.to_owned()),
        "#>" | "#>>" => path.extend(array(literal_of(right)?)?),
        _ => return None,
    }
    Some((column, path))
}

fn call<'a>(name: &str, arguments: &'a [Expr]) -> Subject<'a> {
    let first = arguments.first();
    let column = first.and_then(column_of);
    // A length of what has no spaces around it is a length of a column all the same.
    let inner = first.and_then(|argument| match argument.bare() {
        Expr::Call(name, inner) if ["btrim", "trim", "lower", "upper"].contains(&name.as_str()) => {
            inner.first().and_then(column_of)
        }
        _ => column_of(argument),
    });
    match (name, column) {
        (
            "length" | "char_length" | "character_length" | "cardinality" | "array_length"
            | "jsonb_array_length" | "json_array_length" | "bit_count",
            _,
        ) => inner.map_or(Subject::Other, |column| Subject::Length(column, false)),
        ("octet_length", _) => inner.map_or(Subject::Other, |column| Subject::Length(column, true)),
        ("lower", Some(column)) => Subject::Lower(column),
        ("upper", Some(column)) => Subject::Upper(column),
        ("btrim" | "trim" | "ltrim" | "rtrim", Some(column)) => Subject::Trimmed(column),
        ("jsonb_typeof" | "json_typeof", Some(column)) => Subject::JsonType(column),
        (
            "now"
            | "statement_timestamp"
            | "transaction_timestamp"
            | "clock_timestamp"
            | "timezone"
            | "date",
            None,
        ) => Subject::Now,
        ("mod", Some(column)) => match arguments.get(1).and_then(literal_of) {
            Some(text) => Subject::Rest(column, text),
            None => Subject::Other,
        },
        ("date_trunc", None) if first.and_then(literal_of) == Some("month") => {
            match arguments.get(1).and_then(column_of) {
                Some(column) => Subject::MonthStart(column),
                None => Subject::Other,
            }
        }
        ("date_part" | "extract", _) => {
            let unit = first.and_then(literal_of);
            match arguments.get(1).and_then(column_of) {
                Some(column) if unit.is_none_or(|unit| unit == "day") => {
                    Subject::DayOfMonth(column)
                }
                _ => Subject::Other,
            }
        }
        ("num_nonnulls", _) => Subject::Count(
            arguments
                .iter()
                .map(|part| Expr::Not(Box::new(Expr::IsNull(Box::new(part.clone())))))
                .collect(),
        ),
        ("num_nulls", _) => Subject::Count(
            arguments
                .iter()
                .map(|part| Expr::IsNull(Box::new(part.clone())))
                .collect(),
        ),
        ("position", None) => match (
            first.and_then(literal_of),
            arguments.get(1).and_then(column_of),
        ) {
            (Some(text), Some(column)) => Subject::Position(column, text),
            _ => Subject::Other,
        },
        ("strpos", Some(column)) => match arguments.get(1).and_then(literal_of) {
            Some(text) => Subject::Position(column, text),
            None => Subject::Other,
        },
        ("substring" | "substr" | "left", Some(column)) => Subject::Prefix(column),
        _ => Subject::Other,
    }
}

/// The conditions of a sum such as `(a IS NOT NULL)::int + (b IS NOT NULL)::int`.
fn terms_of(expr: &Expr, terms: &mut Vec<Expr>) -> bool {
    match expr.bare() {
        Expr::Binary(operator, left, right) if operator == "+" => {
            terms_of(left, terms) && terms_of(right, terms)
        }
        Expr::Case { arms, otherwise } => {
            let [(when, then)] = arms.as_slice() else {
                return false;
            };
            let otherwise = otherwise.as_deref().and_then(literal_of);
            match (literal_of(then), otherwise) {
                (Some("1"), Some("0")) => terms.push(when.clone()),
                (Some("0"), Some("1")) => terms.push(Expr::Not(Box::new(when.clone()))),
                _ => return false,
            }
            true
        }
        other => {
            let truth = matches!(subject(other), Subject::Truth(_) | Subject::Column(_));
            if truth {
                terms.push(other.clone());
            }
            truth
        }
    }
}
