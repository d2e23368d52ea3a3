//! The types of columns, from the catalog.

use std::collections::BTreeMap;

use super::domain::Dom;
use super::expr::Expr;
use super::facts::variants;
use super::kind::Kind;
use super::session::{Connection, number, oids, quote, rows, text};
use crate::random::Rng;

/// Separates the parts of a list that comes as one text.
pub(super) const SEPARATOR: char = '\u{1f}';

/// What the catalog says about a type.
#[derive(Debug, Default)]
struct Type {
    name: String,
    /// As in `pg_type.typtype`.
    form: String,
    base: u32,
    modifier: i32,
    element: u32,
    /// How the base is written.
    base_name: String,
    not_null: bool,
    labels: Vec<String>,
    /// What a range is of, and the range of a multirange.
    ranges: (u32, u32),
    fields: Vec<(u32, i32)>,
    /// How it is written.
    written: String,
}

/// The types that some columns have, with everything inside of them.
#[derive(Debug, Default)]
pub(super) struct Types {
    types: BTreeMap<u32, Type>,
    /// Constraints of domains, as text about `VALUE`.
    checks: BTreeMap<u32, Vec<String>>,
    /// Literals that the server takes for a type that nothing is known of.
    literals: BTreeMap<u32, Vec<String>>,
}

/// A column's type with the domains taken off.
#[derive(Debug)]
pub(super) struct Base {
    pub(super) kind: Kind,
    /// How the type below all domains is written.
    pub(super) written: String,
    pub(super) not_null: bool,
    /// The domains' constraints.
    pub(super) checks: Vec<String>,
}

/// Texts that one or the other type takes.
const CANDIDATES: &[&str] = &[
    "a",
    "0",
    "1",
    "2",
    "pg_class",
    "{}",
    "()",
    "(0,0)",
    "(1,2)",
    "1.2.3",
    "[1,2]",
    "1:1:",
    "2..3",
    "POINT(1 2)",
    "2001:db8::1",
    "978-0-306-40615-7",
    "{\"a\": 1}",
    "1 m",
    "A",
    "a=>1",
];

impl Types {
    /// Reads the types of the columns of `tables`.
    pub(super) fn read(
        client: &mut Connection<'_>,
        tables: &[u32],
        multiranges: bool,
    ) -> Result<Self, postgres::Error> {
        let of_multirange = if multiranges {
            "UNION ALL SELECT m.rngtypid FROM pg_range m WHERE m.rngmultitypid = t.oid"
        } else {
            ""
        };
        let range_of = if multiranges {
            "(SELECT m.rngtypid FROM pg_range m WHERE m.rngmultitypid = t.oid)"
        } else {
            "NULL"
        };
        let sql = format!(
            "WITH RECURSIVE need (oid) AS (
                SELECT atttypid FROM pg_attribute
                WHERE attrelid = ANY ({tables}) AND attnum > 0 AND NOT attisdropped
              UNION
                SELECT x.oid FROM need JOIN pg_type t ON t.oid = need.oid CROSS JOIN LATERAL (
                    SELECT t.typbasetype WHERE t.typtype = 'd'
                    UNION ALL SELECT t.typelem WHERE t.typcategory = 'A' AND t.typelem <> 0
                    UNION ALL SELECT r.rngsubtype FROM pg_range r WHERE r.rngtypid = t.oid
                    UNION ALL SELECT a.atttypid FROM pg_attribute a WHERE t.typtype = 'c'
                        AND a.attrelid = t.typrelid AND a.attnum > 0 AND NOT a.attisdropped
                    {of_multirange}) AS x (oid))
            SELECT t.oid, t.typname, t.typtype, t.typbasetype, t.typtypmod,
                CASE WHEN t.typcategory = 'A' THEN t.typelem ELSE 0 END,
                CASE WHEN t.typtype = 'd' THEN format_type(t.typbasetype, t.typtypmod) END,
                t.typnotnull,
                (SELECT string_agg(e.enumlabel, E'\\x1f' ORDER BY e.enumsortorder)
                    FROM pg_enum e WHERE e.enumtypid = t.oid),
                (SELECT r.rngsubtype FROM pg_range r WHERE r.rngtypid = t.oid),
                {range_of},
                (SELECT string_agg(a.atttypid || ' ' || a.atttypmod, E'\\x1f' ORDER BY a.attnum)
                    FROM pg_attribute a WHERE t.typtype = 'c' AND a.attrelid = t.typrelid
                    AND a.attnum > 0 AND NOT a.attisdropped),
                format_type(t.oid, NULL)
            FROM need JOIN pg_type t ON t.oid = need.oid ORDER BY t.oid",
            tables = oids(tables)
        );
        let mut found = Self::default();
        for row in rows(client, &sql)? {
            let list = |place| -> Vec<String> {
                row.get(place)
                    .map(|text| text.split(SEPARATOR).map(str::to_owned).collect())
                    .unwrap_or_default()
            };
            let field = |field: &String| {
                let (oid, modifier) = field.split_once(' ')?;
                Some((oid.parse().ok()?, modifier.parse().ok()?))
            };
            let one = Type {
                name: text(Some(&row), 1),
                form: text(Some(&row), 2),
                base: number(&row, 3),
                modifier: number(&row, 4),
                element: number(&row, 5),
                base_name: text(Some(&row), 6),
                not_null: row.get(7) == Some("t"),
                labels: list(8),
                ranges: (number(&row, 9), number(&row, 10)),
                fields: list(11).iter().filter_map(field).collect(),
                written: text(Some(&row), 12),
            };
            found.types.insert(number(&row, 0), one);
        }
        let domains = |types: &BTreeMap<u32, Type>| -> Vec<u32> {
            let is_domain = types.iter().filter(|(_, one)| one.form == "d");
            is_domain.map(|(oid, _)| *oid).collect()
        };
        let domains = domains(&found.types);
        if !domains.is_empty() {
            let sql = format!(
                "SELECT contypid, pg_get_expr(conbin, 0) FROM pg_constraint
                 WHERE contypid = ANY ({}) AND contype = 'c' ORDER BY contypid, conname",
                oids(&domains)
            );
            for row in rows(client, &sql)? {
                let list = found.checks.entry(number(&row, 0)).or_default();
                list.push(text(Some(&row), 1));
            }
        }
        found.probe(client)?;
        Ok(found)
    }

    /// Asks the server what it takes for the types that nothing is known of.
    fn probe(&mut self, client: &mut Connection<'_>) -> Result<(), postgres::Error> {
        let unknown: Vec<(u32, String)> = self
            .types
            .iter()
            .filter(|(oid, one)| self.known(**oid, -1).is_none() && one.form == "b")
            .map(|(oid, one)| (*oid, one.written.clone()))
            .collect();
        for (oid, written) in unknown {
            let mut accepted = Vec::new();
            for candidate in CANDIDATES {
                let sql = format!("SELECT {}::{written}", quote(candidate));
                match client.simple_query(&sql) {
                    Ok(_) => accepted.push((*candidate).to_owned()),
                    Err(error) if error.as_db_error().is_some() => {}
                    Err(error) => return Err(error),
                }
            }
            self.literals.insert(oid, accepted);
        }
        Ok(())
    }

    fn known(&self, oid: u32, modifier: i32) -> Option<Kind> {
        if let Some(kind) = Kind::built_in(oid, modifier) {
            return Some(kind);
        }
        let one = self.types.get(&oid)?;
        let boxed = |oid, modifier| Box::new(self.kind(oid, modifier));
        if one.element != 0 && oid != 22 && oid != 30 {
            return Some(Kind::Array(self.nested(one.element, modifier)));
        }
        Some(match one.form.as_str() {
            "d" => return Some(self.kind(one.base, one.modifier)),
            "e" => Kind::Enum(one.labels.clone()),
            "r" => Kind::Range(boxed(one.ranges.0, -1)),
            "m" => match self.known(one.ranges.1, -1)? {
                Kind::Range(inner) => Kind::MultiRange(inner),
                _ => return None,
            },
            "c" => Kind::Composite(
                one.fields
                    .iter()
                    .map(|(oid, modifier)| *self.nested(*oid, *modifier))
                    .collect(),
            ),
            _ => match one.name.as_str() {
                "citext" => Kind::Text {
                    limit: None,
                    padded: false,
                },
                "hstore" => Kind::Hstore,
                "ltree" => Kind::Tree,
                "vector" | "halfvec" => Kind::Vector(u32::try_from(modifier).unwrap_or(3)),
                _ => return None,
            },
        })
    }

    /// The kind for a type inside of another, which no constraint of the column speaks of.
    fn nested(&self, oid: u32, modifier: i32) -> Box<Kind> {
        let base = self.base(oid, modifier, String::new());
        let checks: Vec<Expr> = base
            .checks
            .iter()
            .map(|sql| Expr::parse(sql, &|word| (word == "value").then_some(0)))
            .collect();
        if checks.is_empty() {
            return Box::new(base.kind);
        }
        let checks: Vec<&Expr> = checks.iter().collect();
        let kinds = [base.kind];
        let found = variants(&checks, &kinds, &[Dom::default()], 1, &mut Rng::new(0));
        let dom = found.into_iter().flat_map(|variant| variant.doms).next();
        let [kind] = kinds;
        let limited = Kind::Limited(Box::new(kind), Box::new(dom.unwrap_or_default()));
        Box::new(limited)
    }

    fn kind(&self, oid: u32, modifier: i32) -> Kind {
        self.known(oid, modifier)
            .unwrap_or_else(|| Kind::Literals(self.literals.get(&oid).cloned().unwrap_or_default()))
    }

    /// A column's type, which is written `written`.
    pub(super) fn base(&self, mut oid: u32, mut modifier: i32, written: String) -> Base {
        let mut base = Base {
            kind: Kind::Bool,
            written,
            not_null: false,
            checks: Vec::new(),
        };
        while let Some(one) = self.types.get(&oid).filter(|one| one.form == "d") {
            base.not_null |= one.not_null;
            base.checks
                .extend(self.checks.get(&oid).into_iter().flatten().cloned());
            base.written.clone_from(&one.base_name);
            (oid, modifier) = (one.base, one.modifier);
        }
        base.kind = self.kind(oid, modifier);
        base
    }
}
