//! How the rows of one table are made: which columns tell rows apart, which keys are pointed to,
//! in which ways constraints are satisfied.

use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;

use super::catalog::{Check, Given, Key, Table};
use super::domain::{Dom, Field};
use super::expr::Expr;
use super::facts::{Variant, variants};
use super::hint::{Hint, hint};
use super::kind::Kind;
use super::measure::UNIT;
use super::pool::Pool;
use super::subject::path_of;
use crate::random::{Permutation, Rng, hash, mix};

/// How many ways to satisfy constraints are kept.
const VARIANTS: usize = 24;
/// How many partitions get rows in one go.
const LEAVES: usize = 1000;

/// How the rows of a table are made.
pub(super) struct Plan<'a> {
    pub(super) table: &'a Table,
    pub(super) key: u64,
    pub(super) columns: Vec<ColumnPlan>,
    pub(super) links: Vec<Link>,
    pub(super) products: Vec<Product>,
    pub(super) leaves: Vec<LeafPlan>,
    /// Whether characters beyond ASCII can be stored.
    pub(super) wide: bool,
    /// The number of the first row that is made, and how many are wanted.
    pub(super) first: u64,
    pub(super) rows: u64,
    /// Whether identities are given by us, against `GENERATED ALWAYS`.
    pub(super) overriding: bool,
}

/// A column's part.
pub(super) struct ColumnPlan {
    pub(super) key: u64,
    pub(super) hint: Hint,
    /// Whether we say what is in it.
    pub(super) given: bool,
    /// Whether its value is made from the row's number.
    pub(super) unique: bool,
    /// The value for the first row that is made, where rows are numbered.
    pub(super) start: i128,
    /// The default, if it is a literal.
    pub(super) default: Option<String>,
}

/// A foreign key's part.
pub(super) struct Link {
    /// Which of the table's references.
    pub(super) reference: usize,
    pub(super) columns: Vec<usize>,
    pub(super) pool: Rc<Pool>,
    /// The one partition that it is about.
    pub(super) leaf: Option<usize>,
    /// Whether only the names say so.
    pub(super) implied: bool,
    /// The places in [`Link::columns`] that an earlier link may have filled.
    pub(super) shared: Vec<usize>,
    /// Keys by their values at these places.
    pub(super) by_shared: BTreeMap<Vec<String>, Vec<usize>>,
    pub(super) nullable: bool,
    /// The referenced columns, if the table references itself.
    pub(super) own: Option<Vec<usize>>,
    /// Whether each key may be pointed to once only: the pool then holds unused ones, the first
    /// for the row with this number.
    pub(super) exclusive: Option<u64>,
}

/// Columns that rows differ in together.
pub(super) struct Product {
    pub(super) units: Vec<Unit>,
    pub(super) permutation: Permutation,
}

pub(super) enum Unit {
    /// A foreign key, with the number of its keys.
    Link(usize, u128),
    /// A column with few values.
    Few(usize, Vec<String>),
    /// A column of whole numbers without end.
    Numbered(usize),
}

/// One partition, or a table that has none.
pub(super) struct LeafPlan {
    /// Which of the table's leaves.
    pub(super) leaf: Option<usize>,
    pub(super) variants: Vec<Variant>,
    /// The variants that have given rows.
    pub(super) proven: BTreeSet<usize>,
}

/// What is known beyond the catalog.
pub(super) struct Facts {
    pub(super) seed: u64,
    pub(super) wide: bool,
    /// Rows wanted.
    pub(super) rows: u64,
    /// Places of references that stay null for now.
    pub(super) later: BTreeSet<usize>,
    /// The pool of each of the table's references.
    pub(super) pools: Vec<Rc<Pool>>,
    /// The number of the first row that is made.
    pub(super) first: u64,
    /// Whether other tables have to know the identities beforehand.
    pub(super) override_identity: bool,
}

impl<'a> Plan<'a> {
    pub(super) fn new(table: &'a Table, facts: &Facts) -> Self {
        let listed = &table.listed;
        let name = format!("{}.{}", listed.schema, listed.name);
        let key = mix(facts.seed, hash(&name));
        let overriding = facts.override_identity || needs_own_identity(table);
        let mut columns: Vec<ColumnPlan> = table
            .columns
            .iter()
            .map(|column| {
                let unmade = column.kind == Kind::Literals(Vec::new())
                    && (!column.not_null || column.default.is_some());
                let default = column.default.as_deref().and_then(|sql| {
                    match Expr::parse(sql, &|_| None).bare() {
                        Expr::Literal(Some(text)) => Some(text.clone()),
                        Expr::Bool(value) => Some(value.to_string()),
                        _ => None,
                    }
                });
                let given = match column.given {
                    Given::ByUs => !unmade,
                    Given::Identity => overriding,
                    Given::Computed(_) => false,
                };
                ColumnPlan {
                    key: mix(key, hash(&column.name)),
                    hint: hint(&column.name, &column.kind),
                    given,
                    unique: given && column.sequence.is_some(),
                    start: 1,
                    default,
                }
            })
            .collect();
        let place = |column: &ColumnPlan| matches!(column.hint, Hint::City | Hint::Postcode);
        if columns.iter().any(place) {
            // A state among addresses is none of a process.
            for (column, plan) in table.columns.iter().zip(&mut columns) {
                if plan.hint == Hint::Status && column.name.to_lowercase().ends_with("state") {
                    plan.hint = Hint::Region;
                }
            }
        }
        let mut plan = Self {
            table,
            key,
            columns,
            links: Vec::new(),
            products: Vec::new(),
            leaves: Vec::new(),
            wide: facts.wide,
            first: facts.first,
            rows: facts.rows,
            overriding,
        };
        plan.link(facts);
        let base = plan.base(facts);
        plan.leaves(facts, &base);
        plan.tell_apart();
        plan
    }

    /// Chooses how foreign keys are filled: the widest first, since the others may share columns
    /// with them.
    fn link(&mut self, facts: &Facts) {
        let references = &self.table.references;
        let mut order: Vec<usize> = (0..references.len()).collect();
        order.retain(|place| {
            let reference = &references[*place];
            let ours = reference
                .columns
                .iter()
                .all(|column| self.columns[*column].given);
            ours && !facts.later.contains(place) && !reference.columns.is_empty()
        });
        order.sort_by_key(|place| std::cmp::Reverse(references[*place].columns.len()));
        let mut filled = BTreeSet::new();
        for place in order {
            let reference = &references[place];
            let own = (reference.parent == self.table.listed.oid).then(|| {
                let names = &reference.parent_columns;
                let find = |name: &String| self.table.columns.iter().position(|c| c.name == *name);
                names.iter().filter_map(find).collect::<Vec<usize>>()
            });
            let nullable = |column: &usize| !self.table.columns[*column].not_null;
            let nullable = if reference.full {
                reference.columns.iter().all(nullable)
            } else {
                reference.columns.iter().any(nullable)
            };
            let pool = facts.pools.get(place).cloned().unwrap_or_default();
            let optional = reference.implied || reference.leaf.is_some();
            if pool.is_empty() && (own.is_none() && !nullable || optional) {
                // The server will say so.
                continue;
            }
            let is_filled = |at: &usize| filled.contains(&reference.columns[*at]);
            let shared: Vec<usize> = (0..reference.columns.len()).filter(is_filled).collect();
            filled.extend(reference.columns.iter().copied());
            let mut link = Link {
                reference: place,
                columns: reference.columns.clone(),
                pool,
                leaf: reference.leaf,
                implied: reference.implied,
                shared,
                by_shared: BTreeMap::new(),
                nullable,
                own,
                exclusive: None,
            };
            link.index();
            self.links.push(link);
        }
    }

    /// What holds for the columns whatever the constraints say.
    fn base(&self, facts: &Facts) -> Vec<Dom> {
        let table = self.table;
        let mut base: Vec<Dom> = table
            .columns
            .iter()
            .map(|column| Dom {
                null: column.not_null.then_some(false),
                ..Dom::default()
            })
            .collect();
        for (place, column) in table.columns.iter().enumerate() {
            let Given::Computed(_) = column.given else {
                continue;
            };
            // What is taken out of a document should be there.
            let kind = &table.columns[place].kind;
            self.computed(place).walk(&mut |part| {
                if let Some((column, path)) = path_of(part) {
                    base[column].field(path, Field::Of(kind.clone()));
                }
            });
        }
        let same_nulls = table.keys.iter().filter(|key| key.nulls_are_same);
        for column in same_nulls.flat_map(|key| &key.columns) {
            base[*column].null = Some(false);
        }
        for (place, reference) in table.references.iter().enumerate() {
            let pool = facts.pools.get(place);
            let nothing = pool.is_none_or(|pool| pool.is_empty());
            if reference.leaf.is_some() || reference.implied {
                continue;
            }
            // A table that references itself has something to point to as soon as it has a row.
            let own = reference.parent == table.listed.oid;
            if facts.later.contains(&place) || (nothing && !own) {
                for column in &reference.columns {
                    base[*column].null = base[*column].null.or(Some(true));
                }
            }
        }
        base
    }

    /// Looks for ways to satisfy the constraints, for each partition that gets rows.
    fn leaves(&mut self, facts: &Facts, base: &[Dom]) {
        let table = self.table;
        let kinds: Vec<Kind> = table.columns.iter().map(|c| c.kind.clone()).collect();
        let checks: Vec<&Expr> = table.checks.iter().map(|check| &check.expr).collect();
        let mut rng = Rng::new(mix(self.key, hash("variants")));
        let count = usize::try_from(facts.rows)
            .unwrap_or(LEAVES)
            .clamp(1, LEAVES)
            .min(table.leaves.len());
        if count == 0 {
            let variants = variants(&checks, &kinds, base, VARIANTS, &mut rng);
            self.leaves.push(LeafPlan::new(None, variants));
            return;
        }
        let most = if count > 50 { 6 } else { VARIANTS };
        for place in 0..count {
            // Evenly, if not all can have rows.
            let leaf = place * table.leaves.len() / count;
            let mut all = checks.clone();
            all.extend(table.leaves[leaf].check.iter().map(|check| &check.expr));
            let variants = variants(&all, &kinds, base, most, &mut rng);
            self.leaves.push(LeafPlan::new(Some(leaf), variants));
        }
    }

    /// Finds for each key what makes rows differ in it.
    fn tell_apart(&mut self) {
        let keys = &self.table.keys;
        let (whole, partial): (Vec<&Key>, Vec<&Key>) =
            keys.iter().partition(|key| key.predicate.is_none());
        for key in whole.into_iter().chain(partial) {
            self.key(key);
        }
    }

    fn key(&mut self, key: &Key) {
        let columns = &key.columns;
        let computed = |column: &usize| !self.columns[*column].given;
        if columns.is_empty() || columns.iter().any(computed) {
            // The server numbers them, or an expression decides that we cannot invert.
            let inputs = columns.iter().filter(|column| computed(column));
            let only: Vec<usize> = inputs.copied().collect();
            self.inputs_of(&only);
            return;
        }
        if let Some((from, to)) = key.range {
            // Slots: the begin by number, the end right after it.
            self.columns[from].unique = true;
            self.columns[to].hint = Hint::End;
        }
        let usable = |place: usize, column: usize| {
            let operator = key.exclusion.as_ref().map(|list| list[place].as_str());
            match operator {
                None | Some("=") => true,
                Some("&&") => matches!(table_kind(self.table, column), Kind::Range(_)),
                Some(_) => false,
            }
        };
        let candidates: Vec<usize> = columns
            .iter()
            .enumerate()
            .filter(|(place, column)| usable(*place, **column))
            .map(|(_, column)| *column)
            .collect();
        if candidates.iter().any(|column| self.columns[*column].unique) {
            return;
        }
        let linked = |column: &usize| self.links.iter().any(|l| l.columns.contains(column));
        let free: Vec<usize> = candidates.iter().filter(|c| !linked(c)).copied().collect();
        let best = free
            .iter()
            .copied()
            .filter(|column| self.is_wide(*column))
            .min_by_key(|column| {
                rank(
                    &self.table.columns[*column].kind,
                    self.columns[*column].hint,
                )
            });
        let mut links: Vec<usize> = Vec::new();
        let mut covered: Vec<usize> = Vec::new();
        for (place, link) in self.links.iter().enumerate() {
            // The others follow those that share columns with them.
            let adds = |column: &usize| candidates.contains(column) && !covered.contains(column);
            if !link.pool.is_empty() && link.leaf.is_none() && link.columns.iter().any(adds) {
                covered.extend(&link.columns);
                links.push(place);
            }
        }
        let numbered = best.filter(|column| {
            matches!(self.table.columns[*column].kind, Kind::Int(_)) && self.is_unbounded(*column)
        });
        if key.predicate.is_some() && best.is_none() {
            return;
        }
        if let Some(column) = best
            && (links.is_empty() || numbered.is_none())
        {
            self.columns[column].unique = true;
            return;
        }
        let exclusive = key.exclusion.is_none()
            && links.len() == 1
            && free.is_empty()
            && candidates.len() == columns.len();
        if exclusive {
            let link = &mut self.links[links[0]];
            let whole = link.columns.iter().all(|c| columns.contains(c));
            if whole && link.implied && (link.pool.len() as u64) < self.first + self.rows {
                // Nobody has said that there cannot be more.
                let column = link.columns[0];
                link.pool = Rc::default();
                self.columns[column].unique = self.is_wide(column);
                return;
            }
            if whole && link.own.is_none() {
                link.exclusive = Some(u64::MAX);
                return;
            }
        }
        let mut units = Vec::new();
        for link in links {
            units.push(Unit::Link(link, self.links[link].pool.len() as u128));
        }
        for column in free {
            if Some(column) == numbered {
                continue;
            }
            let few = self.few(column);
            if few.len() > 1 {
                units.push(Unit::Few(column, few));
            }
        }
        units.extend(numbered.map(Unit::Numbered));
        if units.is_empty() {
            return;
        }
        let size = |unit: &Unit| match unit {
            Unit::Link(_, size) => *size,
            Unit::Few(_, list) => list.len() as u128,
            Unit::Numbered(_) => 1,
        };
        let total = units.iter().map(size).fold(1_u128, u128::saturating_mul);
        self.products.push(Product {
            units,
            permutation: Permutation::new(total, mix(self.key, columns.len() as u64)),
        });
    }

    /// The expression of a computed column.
    fn computed(&self, column: usize) -> Expr {
        let columns = &self.table.columns;
        match &columns[column].given {
            Given::Computed(sql) => {
                Expr::parse(sql, &|name| columns.iter().position(|c| c.name == name))
            }
            Given::ByUs | Given::Identity => Expr::Opaque(Vec::new()),
        }
    }

    /// Makes what a computed column is computed from differ from row to row.
    fn inputs_of(&mut self, computed: &[usize]) {
        let table = self.table;
        for column in computed {
            let expr = self.computed(*column);
            let linked = |column: &usize| self.links.iter().any(|l| l.columns.contains(column));
            let inputs = expr.columns().into_iter().filter(|column| {
                self.columns[*column].given && !linked(column) && self.is_wide(*column)
            });
            let best = inputs.min_by_key(|column| {
                rank(&table.columns[*column].kind, self.columns[*column].hint)
            });
            if let Some(column) = best {
                self.columns[column].unique = true;
            }
        }
    }

    /// The doms of a column in all variants.
    fn doms(&self, column: usize) -> impl Iterator<Item = &Dom> {
        self.leaves
            .iter()
            .flat_map(|leaf| &leaf.variants)
            .map(move |variant| &variant.doms[column])
    }

    fn is_wide(&self, column: usize) -> bool {
        self.table.columns[column].kind.is_wide()
            && self.doms(column).all(|dom| dom.one_of.is_none())
    }

    fn is_unbounded(&self, column: usize) -> bool {
        self.doms(column).all(|dom| dom.max.is_none())
    }

    /// The few values that a column has, if they are few.
    fn few(&self, column: usize) -> Vec<String> {
        let mut lists = self.doms(column).map(|dom| &dom.one_of);
        if let Some(Some(first)) = lists.next()
            && lists.all(|list| list.as_ref() == Some(first))
        {
            return first.clone();
        }
        match &self.table.columns[column].kind {
            Kind::Bool => vec!["false".to_owned(), "true".to_owned()],
            Kind::Enum(labels) => labels.clone(),
            _ => Vec::new(),
        }
    }

    /// Numbers go on after the largest that is there.
    pub(super) fn start(&mut self, largest: &BTreeMap<usize, i128>) {
        for (place, column) in self.columns.iter_mut().enumerate() {
            let step = match self.table.columns[place].kind {
                Kind::Int(_) | Kind::Oid => 1,
                _ => UNIT,
            };
            if let Some(largest) = largest.get(&place) {
                column.start = largest.saturating_add(step);
            }
        }
    }

    /// The columns whose largest number matters.
    pub(super) fn numbered(&self) -> Vec<usize> {
        let in_product = |column: usize| {
            self.products
                .iter()
                .flat_map(|product| &product.units)
                .any(|unit| matches!(unit, Unit::Numbered(c) if *c == column))
        };
        (0..self.columns.len())
            .filter(|column| {
                let kind = &self.table.columns[*column].kind;
                let counted = matches!(
                    kind,
                    Kind::Int(_) | Kind::Oid | Kind::Numeric(_) | Kind::Float(_) | Kind::Money
                );
                counted && (self.columns[*column].unique || in_product(*column))
            })
            .collect()
    }

    /// The checks that a row in `leaf` has to pass, the table's first.
    pub(super) fn checks(&self, leaf: usize) -> impl Iterator<Item = &'a Check> {
        let table = self.table;
        let leaf = self.leaves[leaf].leaf;
        let bound = leaf.and_then(|leaf| table.leaves[leaf].check.as_ref());
        table.checks.iter().chain(bound)
    }
}

impl LeafPlan {
    fn new(leaf: Option<usize>, variants: Vec<Variant>) -> Self {
        Self {
            leaf,
            variants,
            proven: BTreeSet::new(),
        }
    }
}

impl Link {
    /// Puts the keys in order by what is shared with other links.
    pub(super) fn index(&mut self) {
        self.by_shared.clear();
        if self.shared.is_empty() {
            return;
        }
        for (place, key) in self.pool.iter().enumerate() {
            let shared = self.shared.iter().map(|at| key[*at].clone()).collect();
            self.by_shared.entry(shared).or_default().push(place);
        }
    }
}

/// Whether a row has to point to itself by a number that the server would give it.
fn needs_own_identity(table: &Table) -> bool {
    table.references.iter().any(|reference| {
        reference.parent == table.listed.oid
            && reference
                .columns
                .iter()
                .all(|column| table.columns[*column].not_null)
            && table.columns.iter().any(|column| {
                column.given == Given::Identity && reference.parent_columns.contains(&column.name)
            })
    })
}

fn table_kind(table: &Table, column: usize) -> &Kind {
    &table.columns[column].kind
}

/// How well a column is fit to tell rows apart; less is better.
fn rank(kind: &Kind, hint: Hint) -> u32 {
    let by_kind = match kind {
        Kind::Int(_) | Kind::Uuid => 0,
        Kind::Text { limit, .. } if limit.is_none_or(|limit| limit >= 8) => 1,
        Kind::Range(_) => 1,
        Kind::Stamp { .. } | Kind::Bytea => 2,
        Kind::Date | Kind::Numeric(_) | Kind::Text { .. } => 3,
        _ => 4,
    };
    by_kind + if hint.is_small() { 10 } else { 0 }
}
