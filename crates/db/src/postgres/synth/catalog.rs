//! What the catalog says about the tables that are to be filled.

use std::collections::{BTreeMap, BTreeSet};

use postgres::SimpleQueryRow;

use super::expr::Expr;
use super::kind::Kind;
use super::lex::replace_word;
use super::session::{Connection, ident, number, oids, rows, text, truth};
use super::types::{SEPARATOR, Types};

/// A table as far as it matters before it is known whether it needs rows.
#[derive(Debug, Clone)]
pub(super) struct Listed {
    pub(super) oid: u32,
    pub(super) schema: String,
    pub(super) name: String,
    pub(super) partitioned: bool,
    /// Whether it has a file with something in it; partitioned tables have none of their own.
    pub(super) maybe_rows: bool,
}

impl Listed {
    /// The name as an identifier.
    pub(super) fn sql(&self) -> String {
        format!("{}.{}", ident(&self.schema), ident(&self.name))
    }

    /// What a query reads to see the rows of this table and of no table that inherits from it.
    pub(super) fn source(&self) -> String {
        if self.partitioned {
            self.sql()
        } else {
            format!("ONLY {}", self.sql())
        }
    }
}

/// A table with everything that its rows have to satisfy.
#[derive(Debug)]
pub(super) struct Table {
    pub(super) listed: Listed,
    pub(super) columns: Vec<Column>,
    pub(super) keys: Vec<Key>,
    pub(super) references: Vec<Reference>,
    pub(super) checks: Vec<Check>,
    /// Where the rows of a partitioned table end up.
    pub(super) leaves: Vec<Leaf>,
    /// Whether something of the user's runs when a row is inserted.
    pub(super) triggers: bool,
    /// Whether rules rewrite what is inserted.
    pub(super) rules: bool,
    /// Whether a key is compared at the end of the transaction only.
    pub(super) deferrable: bool,
}

#[derive(Debug)]
pub(super) struct Column {
    pub(super) name: String,
    pub(super) kind: Kind,
    /// The type below all domains, as it is written.
    pub(super) written: String,
    pub(super) not_null: bool,
    pub(super) given: Given,
    pub(super) default: Option<String>,
    /// The sequence that the default takes numbers from.
    pub(super) sequence: Option<String>,
}

/// Who says what is in a column.
#[derive(Debug, PartialEq)]
pub(super) enum Given {
    /// We do.
    ByUs,
    /// `GENERATED ALWAYS AS IDENTITY`.
    Identity,
    /// `GENERATED ALWAYS AS` the expression.
    Computed(String),
}

/// What must differ from row to row: unique and primary keys, unique indexes, exclusions.
#[derive(Debug)]
pub(super) struct Key {
    pub(super) columns: Vec<usize>,
    /// Whether only some rows count.
    pub(super) predicate: Option<Expr>,
    /// Whether two nulls are the same.
    pub(super) nulls_are_same: bool,
    /// The operators of an exclusion, for each of [`Key::columns`].
    pub(super) exclusion: Option<Vec<String>>,
    /// The columns that an expression makes a range of, first and last.
    pub(super) range: Option<(usize, usize)>,
}

#[derive(Debug)]
pub(super) struct Reference {
    pub(super) name: String,
    pub(super) columns: Vec<usize>,
    /// The referenced table; the whole one if it is a partition.
    pub(super) parent: u32,
    pub(super) parent_name: String,
    /// What a query reads to see the referenced rows.
    pub(super) parent_source: String,
    pub(super) parent_columns: Vec<String>,
    /// `MATCH FULL`: all null or none.
    pub(super) full: bool,
    /// The one partition that it is about, as a place in [`Table::leaves`].
    pub(super) leaf: Option<usize>,
    /// Whether only the names say so; then nothing depends on it.
    pub(super) implied: bool,
}

#[derive(Debug)]
pub(super) struct Check {
    /// As SQL about the columns.
    pub(super) sql: String,
    pub(super) expr: Expr,
}

#[derive(Debug)]
pub(super) struct Leaf {
    /// The bounds and what else its rows satisfy; nothing where there is nothing.
    pub(super) check: Option<Check>,
}

impl Leaf {
    /// Demands something more.
    fn and(&mut self, sql: &str, expr: Expr) {
        self.check = Some(match self.check.take() {
            None => Check {
                sql: format!("({sql}) IS NOT FALSE"),
                expr,
            },
            Some(check) => Check {
                sql: format!("{} AND ({sql}) IS NOT FALSE", check.sql),
                expr: Expr::And(vec![check.expr, expr]),
            },
        });
    }
}

/// Lists the user's tables: neither those of the system, nor of extensions, nor temporary ones,
/// nor partitions (their rows go through the whole).
///
/// Looking for files with something in them waits for locks; without `sizes` all are counted.
pub(super) fn list(
    client: &mut Connection<'_>,
    sizes: bool,
) -> Result<Vec<Listed>, postgres::Error> {
    let sized = if sizes {
        "c.relkind = 'p' OR pg_relation_size(c.oid) > 0"
    } else {
        "true"
    };
    let sql = format!(
        "SELECT c.oid, n.nspname, c.relname, c.relkind = 'p', {sized}
        FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
        WHERE c.relkind IN ('r', 'p') AND NOT c.relispartition AND c.relpersistence <> 't'
            AND n.nspname !~ '^pg_' AND n.nspname <> 'information_schema'
            AND NOT EXISTS (SELECT FROM pg_depend d WHERE d.classid = 'pg_class'::regclass
                AND d.objid = c.oid AND d.deptype = 'e')
        ORDER BY n.nspname COLLATE \"C\", c.relname COLLATE \"C\""
    );
    let listed = |row: &SimpleQueryRow| Listed {
        oid: number(row, 0),
        schema: text(Some(row), 1),
        name: text(Some(row), 2),
        partitioned: truth(row, 3),
        maybe_rows: truth(row, 4),
    };
    Ok(rows(client, &sql)?.iter().map(listed).collect())
}

/// Reads everything about `tables`, in their order.
pub(super) fn read(
    client: &mut Connection<'_>,
    tables: &[Listed],
    version: u32,
) -> Result<Vec<Table>, postgres::Error> {
    if tables.is_empty() {
        return Ok(Vec::new());
    }
    let all: Vec<u32> = tables.iter().map(|table| table.oid).collect();
    let types = Types::read(client, &all, version >= 140_000)?;
    let mut reader = Reader {
        all: oids(&all),
        version,
        types,
        columns: BTreeMap::new(),
        checks: BTreeMap::new(),
        references: BTreeMap::new(),
        keys: BTreeMap::new(),
        leaves: BTreeMap::new(),
        leaf_of: BTreeMap::new(),
        deferrable: BTreeSet::new(),
    };
    reader.columns(client)?;
    reader.leaves(client, tables)?;
    reader.constraints(client)?;
    reader.keys(client)?;
    let triggers = reader.flags(
        client,
        "SELECT DISTINCT COALESCE(pg_partition_root(tgrelid)::oid, tgrelid) FROM pg_trigger
         WHERE NOT tgisinternal AND tgenabled IN ('O', 'A') AND tgtype & 4 <> 0",
    )?;
    let rules = reader.flags(
        client,
        "SELECT DISTINCT ev_class FROM pg_rewrite WHERE ev_type = '3' AND ev_enabled IN ('O', 'A')",
    )?;
    let table = |listed: &Listed| {
        let oid = listed.oid;
        Table {
            listed: listed.clone(),
            columns: reader
                .columns
                .remove(&oid)
                .map(|(columns, _)| columns)
                .unwrap_or_default(),
            keys: reader.keys.remove(&oid).unwrap_or_default(),
            references: reader.references.remove(&oid).unwrap_or_default(),
            checks: reader.checks.remove(&oid).unwrap_or_default(),
            leaves: reader.leaves.remove(&oid).unwrap_or_default(),
            triggers: triggers.contains(&oid),
            rules: rules.contains(&oid),
            deferrable: reader.deferrable.contains(&oid),
        }
    };
    Ok(tables.iter().map(table).collect())
}

struct Reader {
    /// The tables as an array.
    all: String,
    version: u32,
    types: Types,
    /// With the places of columns by their number.
    columns: BTreeMap<u32, (Vec<Column>, BTreeMap<i16, usize>)>,
    checks: BTreeMap<u32, Vec<Check>>,
    references: BTreeMap<u32, Vec<Reference>>,
    keys: BTreeMap<u32, Vec<Key>>,
    leaves: BTreeMap<u32, Vec<Leaf>>,
    /// The table and place of each partition.
    leaf_of: BTreeMap<u32, (u32, usize)>,
    deferrable: BTreeSet<u32>,
}

impl Reader {
    fn flags(&self, client: &mut Connection<'_>, sql: &str) -> Result<Vec<u32>, postgres::Error> {
        Ok(rows(client, sql)?
            .iter()
            .map(|row| number(row, 0))
            .collect())
    }

    fn columns(&mut self, client: &mut Connection<'_>) -> Result<(), postgres::Error> {
        let sql = format!(
            "SELECT a.attrelid, a.attnum, a.attname, a.atttypid, a.atttypmod, a.attnotnull,
                a.attidentity, a.attgenerated, pg_get_expr(d.adbin, d.adrelid),
                format_type(a.atttypid, a.atttypmod),
                (SELECT quote_ident(n.nspname) || '.' || quote_ident(s.relname)
                    FROM pg_depend p
                    JOIN pg_class s ON s.oid = CASE WHEN p.deptype = 'i' THEN p.objid
                        ELSE p.refobjid END
                    JOIN pg_namespace n ON n.oid = s.relnamespace
                    WHERE s.relkind = 'S' AND (
                        (a.attidentity <> '' AND p.classid = 'pg_class'::regclass
                            AND p.refclassid = 'pg_class'::regclass AND p.refobjid = a.attrelid
                            AND p.refobjsubid = a.attnum AND p.deptype = 'i')
                        OR (p.classid = 'pg_attrdef'::regclass AND p.objid = d.oid
                            AND p.refclassid = 'pg_class'::regclass AND p.deptype = 'n'))
                    LIMIT 1)
            FROM pg_attribute a
            LEFT JOIN pg_attrdef d ON d.adrelid = a.attrelid AND d.adnum = a.attnum
            WHERE a.attrelid = ANY ({}) AND a.attnum > 0 AND NOT a.attisdropped
            ORDER BY a.attrelid, a.attnum",
            self.all
        );
        for row in rows(client, &sql)? {
            let oid: u32 = number(&row, 0);
            let base = self
                .types
                .base(number(&row, 3), number(&row, 4), text(Some(&row), 9));
            let default = row.get(8).map(str::to_owned);
            let given = match (row.get(6), row.get(7)) {
                (Some("a"), _) => Given::Identity,
                (_, Some("s" | "v")) => Given::Computed(default.clone().unwrap_or_default()),
                _ => Given::ByUs,
            };
            let takes_next = row.get(6).is_some_and(|identity| !identity.is_empty())
                || default
                    .as_deref()
                    .is_some_and(|d| d.starts_with("nextval("));
            let (columns, places) = self.columns.entry(oid).or_default();
            places.insert(number(&row, 1), columns.len());
            let name = text(Some(&row), 2);
            // A domain's constraints are the column's.
            for sql in base.checks {
                let place = columns.len();
                let expr = Expr::parse(&sql, &|word| (word == "value").then_some(place));
                self.checks.entry(oid).or_default().push(Check {
                    sql: replace_word(&sql, "VALUE", &ident(&name)),
                    expr,
                });
            }
            columns.push(Column {
                name,
                kind: base.kind,
                written: base.written,
                not_null: truth(&row, 5) || base.not_null,
                given,
                default,
                sequence: row.get(10).filter(|_| takes_next).map(str::to_owned),
            });
        }
        Ok(())
    }

    /// The places of columns by their numbers, which come as `1,2`.
    fn places(&self, table: u32, numbers: &str) -> Vec<usize> {
        let Some((_, places)) = self.columns.get(&table) else {
            return Vec::new();
        };
        numbers
            .split([',', ' '])
            .filter_map(|number| places.get(&number.parse().ok()?).copied())
            .collect()
    }

    /// The places of columns by their names.
    fn named(&self, table: u32, names: &str) -> Vec<usize> {
        let columns = self.columns.get(&table).map(|(columns, _)| columns);
        names
            .split(SEPARATOR)
            .filter_map(|name| columns?.iter().position(|column| column.name == name))
            .collect()
    }

    fn parse(&self, table: u32, sql: &str) -> Expr {
        let columns = self.columns.get(&table).map(|(columns, _)| columns);
        Expr::parse(sql, &|name| {
            columns?.iter().position(|column| column.name == name)
        })
    }

    fn constraints(&mut self, client: &mut Connection<'_>) -> Result<(), postgres::Error> {
        let enforced = if self.version >= 180_000 {
            "AND c.conenforced"
        } else {
            ""
        };
        let partitions: Vec<u32> = self.leaf_of.keys().copied().collect();
        let sql = format!(
            "SELECT c.conrelid, c.conname, c.contype,
                (SELECT string_agg(a.attname, E'\\x1f' ORDER BY u.ord)
                    FROM unnest(c.conkey) WITH ORDINALITY AS u (num, ord)
                    JOIN pg_attribute a ON a.attrelid = c.conrelid AND a.attnum = u.num),
                COALESCE(pg_partition_root(c.confrelid)::oid, c.confrelid), p.relkind = 'p',
                n.nspname, p.relname,
                (SELECT string_agg(a.attname, E'\\x1f' ORDER BY u.ord)
                    FROM unnest(c.confkey) WITH ORDINALITY AS u (num, ord)
                    JOIN pg_attribute a ON a.attrelid = c.confrelid AND a.attnum = u.num),
                c.confmatchtype = 'f', pg_get_expr(c.conbin, c.conrelid)
            FROM pg_constraint c
            LEFT JOIN pg_class p ON p.oid = c.confrelid
            LEFT JOIN pg_namespace n ON n.oid = p.relnamespace
            WHERE c.conrelid = ANY ({} || {}) AND c.contype IN ('c', 'f')
                AND (c.contype = 'c' OR c.conparentid = 0)
                AND (c.conrelid = ANY ({}) OR c.coninhcount = 0) {enforced}
            ORDER BY c.conrelid, c.conname COLLATE \"C\"",
            self.all,
            oids(&partitions),
            self.all
        );
        for row in rows(client, &sql)? {
            let table: u32 = number(&row, 0);
            let partition = self.leaf_of.get(&table).copied();
            let table = partition.map_or(table, |(table, _)| table);
            let name = text(Some(&row), 1);
            if row.get(2) == Some("c") {
                let sql = text(Some(&row), 10);
                let expr = self.parse(table, &sql);
                if let Expr::Not(inner) = &expr
                    && partition.is_none()
                    && let Expr::IsNull(inner) = &**inner
                    && let Expr::Column(column) = inner.bare()
                    && let Some((columns, _)) = self.columns.get_mut(&table)
                {
                    columns[*column].not_null = true;
                }
                if let Some((_, place)) = partition {
                    let leaves = self.leaves.get_mut(&table);
                    if let Some(leaf) = leaves.and_then(|leaves| leaves.get_mut(place)) {
                        leaf.and(&sql, expr);
                    }
                    continue;
                }
                let check = Check { sql, expr };
                self.checks.entry(table).or_default().push(check);
                continue;
            }
            let (schema, parent) = (text(Some(&row), 6), text(Some(&row), 7));
            let parent_sql = format!("{}.{}", ident(&schema), ident(&parent));
            let only = if truth(&row, 5) { "" } else { "ONLY " };
            let reference = Reference {
                name,
                columns: self.named(table, &text(Some(&row), 3)),
                parent: number(&row, 4),
                parent_name: format!("{schema}.{parent}"),
                parent_source: format!("{only}{parent_sql}"),
                parent_columns: text(Some(&row), 8)
                    .split(SEPARATOR)
                    .map(str::to_owned)
                    .collect(),
                full: truth(&row, 9),
                leaf: partition.map(|(_, place)| place),
                implied: false,
            };
            self.references.entry(table).or_default().push(reference);
        }
        Ok(())
    }

    fn keys(&mut self, client: &mut Connection<'_>) -> Result<(), postgres::Error> {
        let nulls = if self.version >= 150_000 {
            "i.indnullsnotdistinct"
        } else {
            "false"
        };
        let sql = format!(
            "SELECT i.indrelid, i.indkey::text, i.indnkeyatts, pg_get_expr(i.indpred, i.indrelid),
                {nulls}, i.indisexclusion,
                CASE WHEN i.indexprs IS NOT NULL THEN
                    (SELECT string_agg(pg_get_indexdef(i.indexrelid, k, false), E'\\x1f'
                        ORDER BY k) FROM generate_series(1, i.indnkeyatts) k
                        WHERE i.indkey[k - 1] = 0) END,
                CASE WHEN i.indisexclusion THEN
                    (SELECT string_agg(o.oprname, ' ' ORDER BY u.ord) FROM pg_constraint c
                        CROSS JOIN unnest(c.conexclop) WITH ORDINALITY AS u (oid, ord)
                        JOIN pg_operator o ON o.oid = u.oid WHERE c.conindid = i.indexrelid) END,
                i.indimmediate
            FROM pg_index i JOIN pg_class x ON x.oid = i.indexrelid
            WHERE i.indrelid = ANY ({}) AND (i.indisunique OR i.indisexclusion) AND i.indislive
            ORDER BY i.indrelid, NOT i.indisprimary, x.relname",
            self.all
        );
        for row in rows(client, &sql)? {
            let table: u32 = number(&row, 0);
            let expressions = text(Some(&row), 6);
            let mut expressions = expressions.split(SEPARATOR);
            let operators = text(Some(&row), 7);
            let mut operators = operators.split(' ');
            let mut key = Key {
                columns: Vec::new(),
                predicate: row.get(3).map(|sql| self.parse(table, sql)),
                nulls_are_same: truth(&row, 4),
                exclusion: truth(&row, 5).then(Vec::new),
                range: None,
            };
            if !truth(&row, 8) {
                self.deferrable.insert(table);
            }
            let attributes: usize = number(&row, 2);
            for attribute in text(Some(&row), 1).split(' ').take(attributes) {
                let operator = operators.next().unwrap_or("=").to_owned();
                let columns = if attribute == "0" {
                    let expr = self.parse(table, expressions.next().unwrap_or_default());
                    let columns = expr.columns();
                    if let Expr::Call(name, arguments) = expr.bare()
                        && name.ends_with("range")
                        && let [from, to, ..] = arguments.as_slice()
                        && let (Expr::Column(from), Expr::Column(to)) = (from.bare(), to.bare())
                    {
                        key.range = Some((*from, *to));
                    }
                    columns
                } else {
                    self.places(table, attribute)
                };
                for column in columns {
                    key.columns.push(column);
                    if let Some(list) = &mut key.exclusion {
                        list.push(operator.clone());
                    }
                }
            }
            self.keys.entry(table).or_default().push(key);
        }
        Ok(())
    }

    fn leaves(
        &mut self,
        client: &mut Connection<'_>,
        tables: &[Listed],
    ) -> Result<(), postgres::Error> {
        let roots: Vec<u32> = tables
            .iter()
            .filter(|table| table.partitioned)
            .map(|table| table.oid)
            .collect();
        if roots.is_empty() {
            return Ok(());
        }
        let sql = format!(
            "SELECT r.oid, pg_get_partition_constraintdef(c.oid), c.oid
            FROM unnest({}) AS r (oid) CROSS JOIN LATERAL pg_partition_tree(r.oid) t
            JOIN pg_class c ON c.oid = t.relid
            WHERE t.isleaf AND c.relkind = 'r' ORDER BY r.oid, c.relname COLLATE \"C\"",
            oids(&roots)
        );
        for row in rows(client, &sql)? {
            let table: u32 = number(&row, 0);
            let check = row.get(1).map(|sql| Check {
                sql: sql.to_owned(),
                expr: self.parse(table, sql),
            });
            let leaves = self.leaves.entry(table).or_default();
            self.leaf_of.insert(number(&row, 2), (table, leaves.len()));
            leaves.push(Leaf { check });
        }
        Ok(())
    }
}
