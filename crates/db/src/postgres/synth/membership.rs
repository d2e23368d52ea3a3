//! Lists, patterns and functions in constraints.

use super::domain::{Dom, Field};
use super::expr::Expr;
use super::facts::{Miner, Variant};
use super::kind::Kind;
use super::pattern::Pattern;
use super::subject::{Subject, column_of, literal_of, subject};

/// The elements of an array in an expression, if all are literals.
fn elements(expr: &Expr) -> Option<Vec<String>> {
    match expr.bare() {
        Expr::Array(list) => list
            .iter()
            .map(|part| match part.bare() {
                Expr::Literal(Some(text)) => Some(text.clone()),
                Expr::Minus(inner) => literal_of(inner).map(|text| format!("-{text}")),
                Expr::Bool(value) => Some(value.to_string()),
                _ => None,
            })
            .collect(),
        Expr::Literal(Some(text)) => array(text),
        _ => None,
    }
}

/// The elements of an array as PostgreSQL prints it; of one dimension only.
pub(super) fn array(text: &str) -> Option<Vec<String>> {
    let inside = text.trim().strip_prefix('{')?.strip_suffix('}')?;
    if inside.is_empty() {
        return Some(Vec::new());
    }
    let mut list = vec![String::new()];
    let mut quoted = false;
    let mut chars = inside.chars();
    while let Some(c) = chars.next() {
        let last = list.last_mut()?;
        match c {
            '"' => quoted = !quoted,
            '\\' => last.extend(chars.next()),
            ',' if !quoted => list.push(String::new()),
            '{' if !quoted => return None,
            other => last.push(other),
        }
    }
    Some(list)
}

impl Miner<'_> {
    /// `left op ANY (right)` and `left op ALL (right)`.
    pub(super) fn quantified(
        &mut self,
        (operator, any): (&str, bool),
        left: &Expr,
        right: &Expr,
        want: bool,
        state: &mut Variant,
    ) -> bool {
        if let (Some(column), Some(value)) = (column_of(right), literal_of(left)) {
            // A literal that is an element of a column.
            if operator == "=" && any && want {
                let list = state.doms[column].elements.get_or_insert_default();
                list.push(value.to_owned());
                state.doms[column].shortest = state.doms[column].shortest.max(1);
            }
            return true;
        }
        let Some(list) = elements(right) else {
            return true;
        };
        let column = match subject(left) {
            Subject::Column(column) | Subject::Lower(column) | Subject::Upper(column) => column,
            Subject::Trimmed(column) => column,
            Subject::Path(column, path) if operator == "=" && any && want => {
                let Some(text) = self.rng.pick(&list).cloned() else {
                    return false;
                };
                return state.doms[column].field(path, Field::Text(text));
            }
            _ => {
                // Each element for itself.
                let each: Vec<Expr> = list
                    .into_iter()
                    .map(|text| {
                        let literal = Box::new(Expr::Literal(Some(text)));
                        Expr::Binary(operator.to_owned(), Box::new(left.clone()), literal)
                    })
                    .collect();
                return if any == want {
                    self.any(&each, want, state)
                } else {
                    each.iter().all(|part| self.require(part, want, state))
                };
            }
        };
        let kind = &self.kinds[column];
        match (operator, any, want) {
            ("=", true, true) | ("<>", false, false) => {
                let dom = &mut state.doms[column];
                // Null passes as well.
                dom.null == Some(true) || (dom.restrict(kind, list) && dom.is_possible(kind))
            }
            ("=", true, false) | ("<>", false, true) => list
                .iter()
                .all(|text| state.doms[column].compare(kind, "<>", text)),
            _ if any == want => {
                let Some(text) = self.rng.pick(&list) else {
                    return false;
                };
                let literal = Expr::Literal(Some(text.clone()));
                let part = Expr::Binary(
                    operator.to_owned(),
                    Box::new(left.clone()),
                    Box::new(literal),
                );
                self.require(&part, want, state)
            }
            _ => true,
        }
    }

    /// Operators other than those that compare.
    pub(super) fn matches(
        &mut self,
        operator: &str,
        left: &Expr,
        right: &Expr,
        want: bool,
        state: &mut Variant,
    ) -> bool {
        let (column, trimmed) = match subject(left) {
            Subject::Column(column) => (column, false),
            Subject::Lower(column) | Subject::Upper(column) => (column, false),
            Subject::Trimmed(column) => (column, true),
            _ => return true,
        };
        let (operator, want) = match operator {
            "!~" => ("~", !want),
            "!~*" => ("~*", !want),
            "!~~" => ("~~", !want),
            "!~~*" => ("~~*", !want),
            other => (other, want),
        };
        if !want {
            return true;
        }
        let dom: &mut Dom = &mut state.doms[column];
        dom.trimmed |= trimmed;
        let Some(text) = literal_of(right) else {
            if let (Some(list), "<@" | "&&") = (elements(right), operator) {
                dom.elements = Some(list);
                dom.shortest = dom.shortest.max(u32::from(operator == "&&"));
            } else if let (Some(list), "?&" | "?|") = (elements(right), operator) {
                dom.keys.extend(list);
            }
            return true;
        };
        match operator {
            "~" | "~*" => {
                if let Some(pattern) = Pattern::regex(text, operator == "~*")
                    && !dom.patterns.contains(&pattern)
                {
                    dom.patterns.push(pattern);
                }
            }
            "~~" | "~~*" => {
                let pattern = Pattern::like(text, operator == "~~*");
                if !dom.patterns.contains(&pattern) {
                    dom.patterns.push(pattern);
                }
            }
            "^@" => dom.contains.push((true, text.to_owned())),
            "?" => dom.keys.push(text.to_owned()),
            "@>" => match &self.kinds[column] {
                Kind::Json => return dom.restrict(&Kind::Json, vec![text.to_owned()]),
                Kind::Array(_) => {
                    dom.elements = array(text);
                    dom.shortest = dom.shortest.max(1);
                }
                _ => {}
            },
            "<@" | "&&" => match &self.kinds[column] {
                Kind::Array(_) => dom.elements = array(text),
                Kind::Int(_) => {
                    // A number in a range.
                    let bounds = text.trim_matches(['[', '(', ']', ')']);
                    if let Some((low, high)) = bounds.split_once(',') {
                        let kind = &self.kinds[column];
                        let above = if text.starts_with('[') { ">=" } else { ">" };
                        let below = if text.ends_with(']') { "<=" } else { "<" };
                        return (low.is_empty() || dom.compare(kind, above, low))
                            && (high.is_empty() || dom.compare(kind, below, high));
                    }
                }
                _ => {}
            },
            _ => {}
        }
        true
    }

    /// Functions that say yes or no.
    pub(super) fn called(
        &mut self,
        name: &str,
        arguments: &[Expr],
        want: bool,
        state: &mut Variant,
    ) -> bool {
        let column = arguments.first().and_then(column_of);
        match (name, column, arguments.get(1).and_then(literal_of)) {
            ("starts_with", Some(column), Some(text)) if want => {
                state.doms[column].contains.push((true, text.to_owned()));
                true
            }
            ("coalesce", Some(column), _) => {
                // The first that is not null decides; a null here would leave it to the rest.
                match arguments.get(1).map(Expr::bare) {
                    Some(Expr::Bool(value)) if *value == want => true,
                    Some(Expr::Bool(_)) => {
                        state.doms[column].require_null(false)
                            && self.require(&Expr::Column(column), want, state)
                    }
                    _ => true,
                }
            }
            ("coalesce", None, _) => match arguments.first() {
                Some(first) => self.require(first, want, state),
                None => true,
            },
            ("regexp_like" | "textregexeq", Some(_), Some(_)) => {
                self.matches("~", &arguments[0], &arguments[1], want, state)
            }
            _ => true,
        }
    }
}
