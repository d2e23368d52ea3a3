//! What constraints demand, turned into what single columns may hold.
//!
//! This is no solver. A constraint is walked once; where it has alternatives one is taken at
//! random, and what can be said of a column is noted. Each walk gives one [`Variant`], and rows are
//! made by different variants. Whether a row really satisfies the constraints the server says.

use super::domain::{Case, Dom, Field};
use super::expr::Expr;
use super::kind::Kind;
use super::measure::Measure;
use super::subject::{Subject, path_of, subject};
use crate::random::Rng;

/// A demand on two columns.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Relation {
    pub(super) left: usize,
    /// `=`, `<>`, `<`, `<=`, `>` or `>=`.
    pub(super) operator: &'static str,
    pub(super) right: usize,
    /// What is added to the right one, in the measure of its kind.
    pub(super) offset: i128,
}

/// One way to satisfy the constraints.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Variant {
    /// For each column.
    pub(super) doms: Vec<Dom>,
    pub(super) relations: Vec<Relation>,
}

/// Ways to satisfy `checks`, at least one; the first `base` is what holds anyway. `most` is how
/// many ways are looked for.
pub(super) fn variants(
    checks: &[&Expr],
    kinds: &[Kind],
    base: &[Dom],
    most: usize,
    rng: &mut Rng,
) -> Vec<Variant> {
    let start = Variant {
        doms: base.to_vec(),
        relations: Vec::new(),
    };
    let mut found: Vec<Variant> = Vec::new();
    // Walks that end in a contradiction or where one has been before are not counted.
    for _ in 0..most * 3 {
        let mut miner = Miner {
            kinds,
            rng,
            depth: 0,
        };
        let mut state = start.clone();
        if checks
            .iter()
            .all(|check| miner.require(check, true, &mut state))
            && !found.contains(&state)
        {
            found.push(state);
        }
        let has_choice = checks.iter().any(|check| has_choice(check));
        if found.len() >= most || (!has_choice && !found.is_empty()) {
            break;
        }
    }
    // No way satisfies all of them, as far as they are understood: then as many as possible.
    for _ in 0..if found.is_empty() { most } else { 0 } {
        let mut state = start.clone();
        for place in shuffled(checks.len(), rng) {
            let mut miner = Miner {
                kinds,
                rng,
                depth: 0,
            };
            let mut attempt = state.clone();
            if miner.require(checks[place], true, &mut attempt) {
                state = attempt;
            }
        }
        if !found.contains(&state) {
            found.push(state);
        }
    }
    found
}

/// The numbers below `count` in a random order.
fn shuffled(count: usize, rng: &mut Rng) -> Vec<usize> {
    let mut order: Vec<usize> = (0..count).collect();
    for at in (1..count).rev() {
        order.swap(at, rng.index(at + 1));
    }
    order
}

/// Whether walking it twice may give different results.
fn has_choice(expr: &Expr) -> bool {
    let mut choice = false;
    expr.walk(&mut |part| {
        choice |= match part {
            Expr::Or(_) | Expr::And(_) | Expr::Case { .. } => true,
            Expr::Call(name, _) => name == "num_nonnulls" || name == "num_nulls",
            Expr::Binary(operator, left, right) => {
                operator == "+"
                    || [left, right]
                        .iter()
                        .any(|side| matches!(subject(side), Subject::Truth(_)))
            }
            _ => false,
        }
    });
    choice
}

/// The operator that holds where this one does not.
fn opposite(operator: &str) -> &'static str {
    match operator {
        "=" => "<>",
        "<>" => "=",
        "<" => ">=",
        "<=" => ">",
        ">" => "<=",
        ">=" => "<",
        _ => "",
    }
}

/// The operator with its sides exchanged.
fn flipped(operator: &str) -> &'static str {
    match operator {
        "=" => "=",
        "<>" => "<>",
        "<" => ">",
        "<=" => ">=",
        ">" => "<",
        ">=" => "<=",
        _ => "",
    }
}

/// Walks constraints.
pub(super) struct Miner<'a> {
    pub(super) kinds: &'a [Kind],
    pub(super) rng: &'a mut Rng,
    depth: u32,
}

impl Miner<'_> {
    /// Notes what makes `expr` true (or false) in `state`. `false` where that is impossible.
    pub(super) fn require(&mut self, expr: &Expr, want: bool, state: &mut Variant) -> bool {
        self.depth += 1;
        let possible = self.depth > 200 || self.demand(expr, want, state);
        self.depth -= 1;
        possible
    }

    fn demand(&mut self, expr: &Expr, want: bool, state: &mut Variant) -> bool {
        match expr.bare() {
            Expr::Bool(value) => *value == want,
            Expr::Column(column) => {
                let text = if want { "true" } else { "false" }.to_owned();
                self.kinds[*column] != Kind::Bool
                    || state.doms[*column].restrict(&Kind::Bool, vec![text])
            }
            Expr::Not(inner) => self.require(inner, !want, state),
            Expr::And(list) | Expr::Or(list) => {
                if matches!(expr.bare(), Expr::And(_)) == want {
                    list.iter().all(|part| self.require(part, want, state))
                } else {
                    self.any(list, want, state)
                }
            }
            Expr::Case { arms, otherwise } => self.case(arms, otherwise.as_deref(), want, state),
            Expr::IsNull(inner) => self.null(inner, want, state),
            Expr::Is(inner, value) => self.require(inner, *value == want, state),
            Expr::Binary(operator, left, right) => self.binary(operator, left, right, want, state),
            Expr::Quantified {
                operator,
                any,
                left,
                right,
            } => self.quantified((operator, *any), left, right, want, state),
            Expr::Call(name, arguments) => self.called(name, arguments, want, state),
            _ => true,
        }
    }

    fn order(&mut self, count: usize) -> Vec<usize> {
        shuffled(count, self.rng)
    }

    /// One of several, tried in a random order; those that only say that something is null last.
    pub(super) fn any(&mut self, list: &[Expr], want: bool, state: &mut Variant) -> bool {
        let mut order = self.order(list.len());
        if !self.rng.chance(150) {
            order.sort_by_key(|at| want && matches!(list[*at], Expr::IsNull(_)));
        }
        for at in order {
            let mut attempt = state.clone();
            if self.require(&list[at], want, &mut attempt) {
                *state = attempt;
                return true;
            }
        }
        false
    }

    fn case(
        &mut self,
        arms: &[(Expr, Expr)],
        otherwise: Option<&Expr>,
        want: bool,
        state: &mut Variant,
    ) -> bool {
        for at in self.order(arms.len() + 1) {
            let mut attempt = state.clone();
            let before = arms.iter().take(at);
            let mut possible = before
                .map(|(when, _)| when)
                .all(|when| self.require(when, false, &mut attempt));
            possible = possible
                && match (arms.get(at), otherwise) {
                    (Some((when, then)), _) => {
                        self.require(when, true, &mut attempt)
                            && self.require(then, want, &mut attempt)
                    }
                    (None, Some(otherwise)) => self.require(otherwise, want, &mut attempt),
                    // Null, which a constraint lets pass.
                    (None, None) => true,
                };
            if possible {
                *state = attempt;
                return true;
            }
        }
        false
    }

    fn null(&mut self, inner: &Expr, want: bool, state: &mut Variant) -> bool {
        match inner.bare() {
            Expr::Column(column) => {
                let dom = &mut state.doms[*column];
                dom.require_null(want) && (want || dom.is_possible(&self.kinds[*column]))
            }
            Expr::Literal(value) => value.is_none() == want,
            Expr::Binary(..) => match path_of(inner) {
                Some((column, path)) if !want => {
                    let text = Kind::Text {
                        limit: None,
                        padded: false,
                    };
                    state.doms[column].field(path, Field::Of(text))
                }
                _ => true,
            },
            Expr::Call(name, arguments) if name == "coalesce" => {
                let each: Vec<Expr> = arguments
                    .iter()
                    .map(|part| Expr::IsNull(Box::new(part.clone())))
                    .collect();
                if want {
                    each.iter().all(|part| self.require(part, true, state))
                } else {
                    self.any(&each, false, state)
                }
            }
            _ => true,
        }
    }

    fn binary(
        &mut self,
        operator: &str,
        left: &Expr,
        right: &Expr,
        want: bool,
        state: &mut Variant,
    ) -> bool {
        if operator == "IS DISTINCT FROM" {
            return match (left.bare(), right.bare()) {
                (other, Expr::Literal(None)) | (Expr::Literal(None), other) => {
                    self.null(other, !want, state)
                }
                _ => self.compare(if want { "<>" } else { "=" }, left, right, state),
            };
        }
        match operator {
            "=" | "<>" | "<" | "<=" | ">" | ">=" => {
                let operator = if want { operator } else { opposite(operator) };
                self.compare(operator, left, right, state)
            }
            _ => self.matches(operator, left, right, want, state),
        }
    }

    pub(super) fn compare(
        &mut self,
        operator: &str,
        left: &Expr,
        right: &Expr,
        state: &mut Variant,
    ) -> bool {
        let kinds = self.kinds;
        match (subject(left), subject(right)) {
            (Subject::Column(column), Subject::Literal(text)) => {
                state.doms[column].compare(&kinds[column], operator, text)
            }
            (Subject::Column(column), Subject::Negative(text)) => {
                state.doms[column].compare(&kinds[column], operator, &format!("-{text}"))
            }
            (Subject::Column(column), Subject::Bool(value)) => {
                let text = if value { "true" } else { "false" };
                state.doms[column].compare(&kinds[column], operator, text)
            }
            (Subject::Column(column), Subject::Now) => {
                // Nobody knows when this runs; these are surely before and after.
                let text = if operator.starts_with('>') {
                    "2150-01-01"
                } else {
                    "2025-01-01"
                };
                state.doms[column].compare(&kinds[column], operator, text)
            }
            (Subject::Length(column, bytes), Subject::Literal(text)) => {
                state.doms[column].ascii |= bytes;
                match Measure::Whole.parse(text) {
                    Some(length) => state.doms[column].length(operator, length),
                    None => true,
                }
            }
            (Subject::Lower(column), Subject::Column(same)) if column == same => {
                self.cased(column, Case::Lower, operator, state)
            }
            (Subject::Upper(column), Subject::Column(same)) if column == same => {
                self.cased(column, Case::Upper, operator, state)
            }
            (Subject::Lower(column) | Subject::Upper(column), Subject::Literal(text)) => {
                state.doms[column].compare(&kinds[column], operator, text)
            }
            (Subject::Trimmed(column), Subject::Column(same)) if column == same => {
                state.doms[column].trimmed |= operator == "=";
                true
            }
            (Subject::Trimmed(column), Subject::Literal(text)) => {
                state.doms[column].trimmed = true;
                state.doms[column].compare(&kinds[column], operator, text)
            }
            (Subject::JsonType(column), Subject::Literal(text)) => {
                if operator == "=" {
                    state.doms[column].json = Some(text.to_owned());
                }
                true
            }
            (Subject::Rest(column, by), Subject::Literal(rest)) if operator == "=" => {
                let measure = kinds[column].measure().unwrap_or(Measure::Whole);
                if let (Some(by), Some(rest)) = (measure.parse(by), measure.parse(rest))
                    && by > 0
                {
                    state.doms[column].multiple = Some((by, rest));
                }
                true
            }
            (Subject::MonthStart(column), Subject::Column(same))
                if column == same && operator == "=" =>
            {
                state.doms[column].month_start = true;
                true
            }
            (Subject::DayOfMonth(column), Subject::Literal("1")) if operator == "=" => {
                state.doms[column].month_start = true;
                true
            }
            (Subject::Count(conditions), Subject::Literal(text)) => match text.parse::<usize>() {
                Ok(count) => self.count(&conditions, operator, count, state),
                Err(_) => true,
            },
            (Subject::Position(column, text), Subject::Literal(place)) => {
                if operator.starts_with('>') || (operator == "<>" && place == "0") {
                    state.doms[column].contains.push((false, text.to_owned()));
                }
                true
            }
            (Subject::Prefix(column), Subject::Literal(text)) => {
                if operator == "=" {
                    state.doms[column].contains.push((true, text.to_owned()));
                }
                true
            }
            (Subject::Path(column, path), Subject::Literal(text)) => {
                let field = match operator {
                    "=" => Field::Text(text.to_owned()),
                    _ => return true,
                };
                state.doms[column].field(path, field)
            }
            (Subject::Truth(a), Subject::Bool(b)) => self.require(a, b == (operator == "="), state),
            (Subject::Truth(_) | Subject::Column(_), Subject::Truth(_))
            | (Subject::Truth(_), Subject::Column(_)) => {
                let value = self.rng.chance(500);
                let other = value == (operator == "=");
                self.require(left, value, state) && self.require(right, other, state)
            }
            (Subject::Column(a), Subject::Column(b)) => self.relate(a, operator, b, 0, state),
            (Subject::Column(a), Subject::Shifted(b, text, plus)) => {
                let offset = self.offset(b, text, plus);
                self.relate(a, operator, b, offset, state)
            }
            (Subject::Shifted(a, text, plus), Subject::Column(b)) => {
                let offset = self.offset(a, text, plus);
                self.relate(b, flipped(operator), a, offset, state)
            }
            // The other way round, once.
            (
                Subject::Literal(_) | Subject::Negative(_) | Subject::Bool(_) | Subject::Now,
                other,
            ) if !matches!(
                other,
                Subject::Literal(_) | Subject::Negative(_) | Subject::Bool(_) | Subject::Now
            ) =>
            {
                self.compare(flipped(operator), right, left, state)
            }
            (
                Subject::Column(column),
                Subject::Lower(_)
                | Subject::Upper(_)
                | Subject::Trimmed(_)
                | Subject::MonthStart(_),
            ) if right.columns() == [column] => self.compare(flipped(operator), right, left, state),
            _ => true,
        }
    }

    fn offset(&self, column: usize, text: &str, plus: bool) -> i128 {
        let offset = match self.kinds[column].measure() {
            Some(Measure::Date) => Measure::Whole
                .parse(text)
                .or_else(|| Measure::Span.parse(text).map(|s| s / super::measure::DAY)),
            Some(Measure::Stamp | Measure::Time | Measure::Span) => Measure::Span.parse(text),
            Some(measure) => measure.parse(text),
            None => None,
        };
        let offset = offset.unwrap_or(0);
        if plus { offset } else { -offset }
    }

    fn cased(&mut self, column: usize, case: Case, operator: &str, state: &mut Variant) -> bool {
        if operator == "=" {
            state.doms[column].case = Some(case);
        }
        true
    }

    fn relate(
        &mut self,
        left: usize,
        operator: &str,
        right: usize,
        offset: i128,
        state: &mut Variant,
    ) -> bool {
        let known = ["=", "<>", "<", "<=", ">", ">="];
        let Some(operator) = known.into_iter().find(|known| *known == operator) else {
            return true;
        };
        if left == right {
            return offset != 0 || ["=", "<=", ">="].contains(&operator);
        }
        state.relations.push(Relation {
            left,
            operator,
            right,
            offset,
        });
        true
    }

    /// So many of the conditions that the comparison holds.
    fn count(
        &mut self,
        conditions: &[Expr],
        operator: &str,
        count: usize,
        state: &mut Variant,
    ) -> bool {
        let fits = |number: usize| match operator {
            "=" => number == count,
            "<>" => number != count,
            "<" => number < count,
            "<=" => number <= count,
            ">" => number > count,
            ">=" => number >= count,
            _ => true,
        };
        let numbers: Vec<usize> = (0..=conditions.len()).filter(|n| fits(*n)).collect();
        for _ in 0..8 {
            let Some(number) = self.rng.pick(&numbers).copied() else {
                return false;
            };
            let order = self.order(conditions.len());
            let mut attempt = state.clone();
            let possible = order.iter().enumerate().all(|(place, condition)| {
                self.require(&conditions[*condition], place < number, &mut attempt)
            });
            if possible {
                *state = attempt;
                return true;
            }
        }
        false
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NAMES: [&str; 6] = ["n", "m", "t", "b", "ts", "j"];

    fn mine(checks: &[&str]) -> Vec<Variant> {
        let text = Kind::Text {
            limit: None,
            padded: false,
        };
        let kinds = [
            Kind::Int(4),
            Kind::Int(4),
            text,
            Kind::Bool,
            Kind::Stamp { zone: true },
            Kind::Json,
        ];
        let column = |name: &str| NAMES.iter().position(|n| *n == name);
        let checks: Vec<Expr> = checks.iter().map(|c| Expr::parse(c, &column)).collect();
        let checks: Vec<&Expr> = checks.iter().collect();
        let base = vec![Dom::default(); NAMES.len()];
        variants(&checks, &kinds, &base, 16, &mut Rng::new(1))
    }

    fn only(checks: &[&str]) -> Variant {
        let mut found = mine(checks);
        assert_eq!(found.len(), 1, "{found:?}");
        found.remove(0)
    }

    #[test]
    fn comparisons_bound() {
        let v = only(&["(n > 0)", "(n <= 10)", "(5 < m)"]);
        assert_eq!((v.doms[0].min, v.doms[0].max), (Some(1), Some(10)));
        assert_eq!(v.doms[1].min, Some(6));
        let v = only(&[
            "((t)::text = ANY ((ARRAY['x'::character varying, 'y'::character varying])::text[]))",
        ]);
        assert_eq!(v.doms[2].one_of.as_ref().unwrap(), &["x", "y"]);
        let v = only(&[
            "(char_length(t) <= 20)",
            "(t <> ''::text)",
            "(t = lower(t))",
        ]);
        assert_eq!((v.doms[2].shortest, v.doms[2].longest), (1, Some(20)));
        assert_eq!(v.doms[2].case, Some(Case::Lower));
        let v = only(&[
            "(jsonb_typeof(j) = 'array'::text)",
            "(n < m)",
            "((n % 5) = 0)",
        ]);
        assert_eq!(v.doms[5].json.as_deref(), Some("array"));
        assert_eq!(v.relations.len(), 1);
        assert_eq!(v.doms[0].multiple, Some((5, 0)));
    }

    #[test]
    fn alternatives_become_variants() {
        let found = mine(&["(num_nonnulls(n, m, t) = 1)"]);
        assert_eq!(found.len(), 3);
        for variant in found {
            let given = (0..3)
                .filter(|c| variant.doms[*c].null == Some(false))
                .count();
            assert_eq!(given, 1);
        }
        let found = mine(&[
            "(((t = 'a'::text) AND (n IS NOT NULL) AND (m IS NULL)) OR ((t = 'b'::text) AND (n IS NULL) AND (m IS NOT NULL)))",
        ]);
        assert_eq!(found.len(), 2);
        let found = mine(&["((n IS NULL) = (m IS NULL))"]);
        assert_eq!(found.len(), 2);
        let found = mine(&["(((n IS NOT NULL))::integer + ((m IS NOT NULL))::integer) = 1"]);
        assert_eq!(found.len(), 2);
        let found = mine(&["CASE WHEN b THEN (n > 5) ELSE (n < 5) END"]);
        assert_eq!(found.len(), 2);
        // An implication, and a demand that leaves one way only.
        let v = only(&["((NOT b) OR (n > 100))", "b"]);
        assert_eq!(v.doms[0].min, Some(101));
    }

    #[test]
    fn of_contradictions_as_much_is_kept_as_can_be() {
        let found = mine(&["(n > 5)", "(n < 5)", "(m = 7)"]);
        assert!(found.iter().all(|v| v.doms[1].min == Some(7)), "{found:?}");
        assert!(found.iter().any(|v| v.doms[0].min == Some(6)));
        assert!(found.iter().any(|v| v.doms[0].max == Some(4)));
    }
}
