//! What functions promise about their results: those that PostgreSQL brings, and those in the
//! schema.
//!
//! The lists in `volatility/` are the union of `pg_proc` of majors 12 to 18: what is volatile in
//! any variant (`name=major` where it came later than 12), and what never is, with the forms that
//! the grammar has instead of functions, such as `COALESCE`. Functions that only implement types
//! and operators are left out; nobody calls them by name.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use super::claims::Claims;
use super::{Doubt, OLDEST};
use crate::schema::Schema;
use crate::sql::ir::{Expr, Name, Volatility};

const VOLATILE: &str = include_str!("volatility/volatile.txt");
const STEADY: &str = include_str!("volatility/steady.txt");

/// The built-in functions: whether volatile, and the first major that has it, as far as that is
/// told (12 for all that are not volatile).
static BUILT_IN: LazyLock<BTreeMap<&'static str, (bool, u32)>> = LazyLock::new(|| {
    let volatile = VOLATILE.split_whitespace().map(|word| {
        let (name, since) = word.split_once('=').unwrap_or((word, ""));
        (name, (true, since.parse().unwrap_or(OLDEST)))
    });
    let steady = STEADY
        .split_whitespace()
        .map(|name| (name, (false, OLDEST)));
    volatile.chain(steady).collect()
});

/// Whether a built-in function of this name, in lower case, is volatile in any of its variants;
/// none where that major has no such function, or it is not one that is called by name.
pub fn built_in_is_volatile(name: &str, major: u32) -> Option<bool> {
    let (volatile, since) = BUILT_IN.get(name)?;
    (*since <= major).then_some(*volatile)
}

/// What is known of one function.
enum Known {
    /// Always or within one statement the same.
    Steady,
    /// Anything.
    Volatile,
    /// Nobody knows it.
    Unknown,
}

fn known(name: &Name, schema: &Schema, major: u32) -> Known {
    let of = |volatility: &Volatility| match volatility {
        Volatility::Immutable | Volatility::Stable => Known::Steady,
        Volatility::Volatile => Known::Volatile,
    };
    let built_in = || match built_in_is_volatile(&name.name, major) {
        Some(true) => Some(Known::Volatile),
        Some(false) => Some(Known::Steady),
        None => None,
    };
    let made = || match &name.schema {
        Some(_) => schema.functions.get(name).map(of),
        None => schema.search_path.iter().find_map(|part| {
            let full = Name::qualified(part.clone(), name.name.clone());
            schema.functions.get(&full).map(of)
        }),
    };
    // `pg_catalog` is looked at first unless the search path says otherwise.
    match name.schema.as_deref() {
        None => built_in().or_else(made),
        Some("pg_catalog") => built_in(),
        Some(_) => made(),
    }
    .unwrap_or(Known::Unknown)
}

/// The first volatile function that an expression calls, and the functions that nobody knows and
/// that are taken for volatile.
pub(super) fn volatile<'e>(
    expr: &'e Expr,
    schema: &Schema,
    major: u32,
) -> (Option<&'e Name>, Vec<&'e Name>) {
    let mut first = None;
    let mut unknown = Vec::new();
    for name in expr.functions() {
        match known(name, schema, major) {
            Known::Steady => continue,
            Known::Volatile => {}
            Known::Unknown => unknown.push(name),
        }
        first = first.or(Some(name));
    }
    (first, unknown)
}

impl Claims<'_> {
    /// The first volatile function of an expression, with a doubt for each that nobody knows.
    pub(super) fn volatile(&mut self, expr: &Expr) -> Option<Name> {
        let (first, unknown) = volatile(expr, self.schema, self.major);
        for name in unknown {
            self.doubt(Doubt::Function(name.clone()));
        }
        first.cloned()
    }

    /// A doubt for each function that a query calls and nobody knows: it may do anything.
    pub(super) fn functions_of_query(&mut self, functions: &[Name]) {
        for name in functions {
            if matches!(known(name, self.schema, self.major), Known::Unknown) {
                self.doubt(Doubt::Function(name.clone()));
            }
        }
    }
}
