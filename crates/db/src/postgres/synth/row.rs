//! One row, from its number.

use super::domain::Dom;
use super::facts::{Relation, Variant};
use super::kind::Kind;
use super::measure::DAY;
use super::plan::{Link, Plan, Unit};
use super::value::{Ask, Value, moment, value};
use crate::random::{Rng, mix};

/// A row that has been made and not inserted yet.
#[derive(Debug, Clone)]
pub(super) struct Row {
    pub(super) number: u64,
    /// For each column of the table.
    pub(super) values: Vec<Value>,
    /// Which of the plan's leaves and variants it was made by.
    pub(super) leaf: usize,
    pub(super) variant: usize,
}

/// What keys decide before anything else.
struct Picks {
    links: Vec<Option<usize>>,
    values: Vec<Option<Value>>,
}

/// What is given of a foreign key's columns.
enum Shared {
    Free,
    Null,
    Set(Vec<String>),
}

impl Plan<'_> {
    /// The row with this number. Another attempt gives other values, and no unusual ones.
    pub(super) fn row(&self, number: u64, attempt: u32) -> Row {
        let mut rng = Rng::new(mix(mix(self.key, number), u64::from(attempt)));
        let leaves = self.leaves.len().max(1) as u64;
        let leaf = usize::try_from(number % leaves).unwrap_or(0);
        let (variant, chosen) = self.variant(leaf, attempt, &mut rng);
        let moment = moment(&mut rng);
        let picks = self.picks(number);
        let count = self.columns.len();
        let mut values: Vec<Option<Value>> = vec![None; count];
        for (place, picked) in picks.values.iter().enumerate() {
            // A constraint that demands null knows better.
            if chosen.doms[place].null != Some(true) {
                values[place].clone_from(picked);
            }
        }
        let mut own = Vec::new();
        self.links(
            (number, leaf),
            chosen,
            &picks,
            &mut values,
            &mut own,
            &mut rng,
        );
        let copied: Vec<usize> = own.iter().map(|(column, _)| *column).collect();
        for column in 0..count {
            if values[column].is_some() || copied.contains(&column) {
                continue;
            }
            let which = (number, number / leaves);
            values[column] = Some(self.column(column, which, chosen, moment, &values, attempt));
        }
        for (column, from) in own {
            values[column] = Some(match &values[from] {
                Some(value) => {
                    let text = value.text(&self.table.columns[from].kind);
                    text.map_or(Value::Null, Value::Text)
                }
                None => Value::Null,
            });
        }
        Row {
            number,
            values: values
                .into_iter()
                .map(|value| value.unwrap_or(Value::Null))
                .collect(),
            leaf,
            variant,
        }
    }

    /// One of the ways to satisfy the constraints; later attempts keep to those that have worked.
    fn variant(&self, leaf: usize, attempt: u32, rng: &mut Rng) -> (usize, &Variant) {
        let plan = &self.leaves[leaf];
        let mut place = rng.index(plan.variants.len());
        if !plan.proven.is_empty() && !plan.proven.contains(&place) && attempt != 1 {
            place = plan
                .proven
                .iter()
                .nth(rng.index(plan.proven.len()))
                .copied()
                .unwrap_or(place);
        }
        (place, &plan.variants[place])
    }

    /// What the columns hold that rows differ in together.
    fn picks(&self, number: u64) -> Picks {
        let mut picks = Picks {
            links: vec![None; self.links.len()],
            values: vec![None; self.columns.len()],
        };
        for product in &self.products {
            let numbered = product.units.iter().any(|u| matches!(u, Unit::Numbered(_)));
            let mut rest = if numbered {
                u128::from(number.saturating_sub(self.first))
            } else {
                product.permutation.of(number)
            };
            for unit in &product.units {
                match unit {
                    Unit::Link(link, size) => {
                        let digit = digit(&mut rest, *size);
                        picks.links[*link].get_or_insert(digit);
                    }
                    Unit::Few(column, list) => {
                        let digit = digit(&mut rest, list.len() as u128);
                        let value = list.get(digit).map(|text| Value::Text(text.clone()));
                        picks.values[*column] = picks.values[*column].take().or(value);
                    }
                    Unit::Numbered(column) => {
                        let start = self.columns[*column].start;
                        let next = i128::try_from(rest).unwrap_or(0);
                        picks.values[*column].get_or_insert(Value::Number(start + next));
                    }
                }
            }
        }
        for (place, link) in self.links.iter().enumerate() {
            if let Some(first) = link.exclusive
                && !link.pool.is_empty()
            {
                let len = link.pool.len() as u64;
                let next = number.wrapping_sub(first) % len;
                picks.links[place] = usize::try_from(next).ok();
            }
        }
        picks
    }

    fn links(
        &self,
        (number, leaf): (u64, usize),
        variant: &Variant,
        picks: &Picks,
        values: &mut [Option<Value>],
        own: &mut Vec<(usize, usize)>,
        rng: &mut Rng,
    ) {
        // Where links share columns the first may have chosen what the next cannot follow.
        for again in 0..30 {
            let mut attempt = values.to_vec();
            let mut copies = Vec::new();
            let leaf = self.leaves[leaf].leaf;
            let complete = self.links.iter().enumerate().all(|(place, link)| {
                if link.leaf.is_some() && link.leaf != leaf {
                    return true;
                }
                let pick = picks.links[place].filter(|_| again == 0);
                self.one_link(link, pick, number, variant, &mut attempt, &mut copies, rng)
            });
            if complete {
                values.clone_from_slice(&attempt);
                *own = copies;
                return;
            }
        }
    }

    #[expect(clippy::too_many_arguments, reason = "the state of one row, in parts")]
    fn one_link(
        &self,
        link: &Link,
        pick: Option<usize>,
        number: u64,
        variant: &Variant,
        values: &mut [Option<Value>],
        own: &mut Vec<(usize, usize)>,
        rng: &mut Rng,
    ) -> bool {
        let doms = link.columns.iter().map(|column| &variant.doms[*column]);
        let must_null = doms.clone().any(|dom| dom.null == Some(true));
        let must_not = doms.clone().all(|dom| dom.null == Some(false)) || !link.nullable;
        let is_set = |values: &[Option<Value>], column: usize| values[column].is_some();
        let null = |values: &mut [Option<Value>]| {
            for column in &link.columns {
                let free = !self.table.columns[*column].not_null;
                if free && !is_set(values, *column) {
                    values[*column] = Some(Value::Null);
                }
            }
        };
        let missing = link
            .columns
            .iter()
            .map(|column| self.columns[*column].hint.missing())
            .max();
        let empty = link.pool.is_empty();
        if empty && link.implied {
            return true;
        }
        if let (true, Some(columns)) = (empty && must_not, &link.own) {
            let pairs = link.columns.iter().copied().zip(columns.iter().copied());
            own.extend(pairs.filter(|(column, from)| column != from));
            return true;
        }
        let leave = must_null || empty || (!must_not && rng.chance(missing.unwrap_or(100)));
        if leave && link.nullable {
            null(values);
            return true;
        }
        let selective = doms.clone().any(Dom::is_selective);
        let candidates = match self.shared(link, values) {
            Shared::Free => None,
            Shared::Null => {
                null(values);
                return true;
            }
            Shared::Set(shared) => match link.by_shared.get(&shared) {
                Some(list) => Some(list),
                None if link.nullable => {
                    null(values);
                    return true;
                }
                None => return false,
            },
        };
        let len = candidates.map_or(link.pool.len(), Vec::len);
        let start = match pick {
            Some(pick) => pick % len.max(1),
            None if number < 3 => rng.index(len),
            None => rng.skewed(len),
        };
        for step in 0..len.min(3000) {
            let place = (start + step) % len;
            let key = &link.pool[candidates.map_or(place, |list| list[place])];
            let fits = !selective
                || link.columns.iter().zip(key).all(|(column, text)| {
                    let kind = &self.table.columns[*column].kind;
                    variant.doms[*column].accepts(kind, text)
                });
            let agrees = link.columns.iter().zip(key).all(|(column, text)| {
                let kind = &self.table.columns[*column].kind;
                let set = values[*column].as_ref();
                set.is_none_or(|value| value.text(kind).as_ref() == Some(text))
            });
            if fits && agrees {
                for (column, text) in link.columns.iter().zip(key) {
                    values[*column] = Some(Value::Text(text.clone()));
                }
                return true;
            }
        }
        if link.nullable && !must_not {
            null(values);
            return true;
        }
        link.implied
    }

    /// What earlier links have put into the columns of this one.
    fn shared(&self, link: &Link, values: &[Option<Value>]) -> Shared {
        let mut shared = Vec::new();
        for at in &link.shared {
            let column = link.columns[*at];
            match &values[column] {
                None => return Shared::Free,
                Some(value) => match value.text(&self.table.columns[column].kind) {
                    Some(text) => shared.push(text),
                    // Where one is null nothing is compared.
                    None => return Shared::Null,
                },
            }
        }
        if shared.is_empty() {
            Shared::Free
        } else {
            Shared::Set(shared)
        }
    }

    /// The value of a column that no key decides.
    fn column(
        &self,
        column: usize,
        (number, within): (u64, u64),
        variant: &Variant,
        moment: i128,
        values: &[Option<Value>],
        attempt: u32,
    ) -> Value {
        let plan = &self.columns[column];
        if !plan.given {
            return Value::Default;
        }
        let kind = &self.table.columns[column].kind;
        let dom = &variant.doms[column];
        let mut rng = Rng::new(mix(mix(plan.key, number), u64::from(attempt) + 1));
        match dom.null {
            Some(true) => return Value::Null,
            None if rng.chance(plan.hint.missing()) => return Value::Null,
            _ => {}
        }
        let narrowed;
        let dom = if variant.relations.is_empty() {
            dom
        } else {
            narrowed = self.narrowed(column, dom, &variant.relations, values);
            &narrowed
        };
        if let Some(text) = &plan.default
            && !plan.unique
            && rng.chance(300)
            && dom.accepts(kind, text)
            && dom.patterns.is_empty()
        {
            return Value::Text(text.clone());
        }
        let ask = Ask {
            kind,
            hint: plan.hint,
            dom,
            number,
            unique: plan.unique.then_some(number),
            within,
            since: number.saturating_sub(self.first),
            start: plan.start,
            moment,
            wide: self.wide,
            edges: attempt == 0,
            key: plan.key,
        };
        value(&ask, &mut rng)
    }

    /// The dom with what the values of other columns demand.
    fn narrowed(
        &self,
        column: usize,
        dom: &Dom,
        relations: &[Relation],
        values: &[Option<Value>],
    ) -> Dom {
        let mut dom = dom.clone();
        let kind = &self.table.columns[column].kind;
        for relation in relations {
            let (other, operator, sign) = if relation.left == column {
                (relation.right, relation.operator, 1)
            } else if relation.right == column {
                (relation.left, turned(relation.operator), -1)
            } else {
                continue;
            };
            let Some(value) = &values[other] else {
                continue;
            };
            let other_kind = &self.table.columns[other].kind;
            let Some(number) = value.number(other_kind) else {
                if let Some(text) = value.text(other_kind) {
                    dom.compare(kind, operator, &text);
                }
                continue;
            };
            let number = converted(number, other_kind, kind) + sign * relation.offset;
            let grain = kind.grain();
            let (least, most) = match operator {
                "=" => (Some(number), Some(number)),
                "<" => (None, Some(number - grain)),
                "<=" => (None, Some(number)),
                ">" => (Some(number + grain), None),
                ">=" => (Some(number), None),
                _ => {
                    dom.not.extend(value.text(other_kind));
                    continue;
                }
            };
            if let Some(least) = least {
                dom.min = Some(dom.min.map_or(least, |min| min.max(least)));
            }
            if let Some(most) = most {
                dom.max = Some(dom.max.map_or(most, |max| max.min(most)));
            }
        }
        dom
    }
}

/// Takes one of `size` from a number. What is left of the number moves it on, so that two keys do
/// not go through the same values in step.
fn digit(rest: &mut u128, size: u128) -> usize {
    let size = size.max(1);
    let digit = (*rest % size + *rest / size) % size;
    *rest /= size;
    usize::try_from(digit).unwrap_or(0)
}

fn turned(operator: &'static str) -> &'static str {
    match operator {
        "<" => ">",
        "<=" => ">=",
        ">" => "<",
        ">=" => "<=",
        other => other,
    }
}

/// A number of one kind in the measure of another.
fn converted(number: i128, from: &Kind, to: &Kind) -> i128 {
    match (from, to) {
        (Kind::Date, Kind::Stamp { .. }) => number * DAY,
        (Kind::Stamp { .. }, Kind::Date) => number.div_euclid(DAY),
        (Kind::Int(_) | Kind::Oid, Kind::Numeric(_) | Kind::Float(_) | Kind::Money) => {
            number * super::measure::UNIT
        }
        (Kind::Numeric(_) | Kind::Float(_) | Kind::Money, Kind::Int(_) | Kind::Oid) => {
            number.div_euclid(super::measure::UNIT)
        }
        _ => number,
    }
}
