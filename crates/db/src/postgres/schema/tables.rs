//! Tables, views and sequences.

use std::collections::BTreeMap;
use std::sync::Arc;

use switchback_migration::schema::{Column, Constraint, Relation, RelationKind, Things};
use switchback_migration::sql::ir::{Bound, Generated, Name, Partition};

use super::super::error::PgError;
use super::{OURS, Reader, Row, TRIGGERS, pieces};

impl Reader<'_> {
    pub(super) fn relations(&mut self) -> Result<Things<Relation>, PgError> {
        let mut all = self.bare_relations()?;
        self.columns(&mut all)?;
        self.constraints(&mut all)?;
        self.inheritance(&mut all)?;
        self.names(&mut all)?;
        self.reads(&mut all)?;
        self.owners(&mut all)?;
        Ok(all
            .into_iter()
            .map(|(name, it)| (name, Arc::new(it)))
            .collect())
    }

    fn bare_relations(&mut self) -> Result<BTreeMap<Name, Relation>, PgError> {
        let rows = self.rows(&format!(
            "SELECT n.nspname, c.relname, c.relkind, c.relpersistence, c.reltuples::bigint, \
                c.relpages, pg_table_size(c.oid), s.spcname, nullif(m.amname, 'heap'), \
                pg_get_partkeydef(c.oid) \
             FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace \
             LEFT JOIN pg_tablespace s ON s.oid = c.reltablespace \
             LEFT JOIN pg_am m ON m.oid = c.relam \
             WHERE {OURS} AND c.relkind IN ('r', 'p', 'v', 'm', 'f', 'S') \
                AND c.relpersistence <> 't'"
        ))?;
        let mut all = BTreeMap::new();
        for row in rows {
            let partition_by = row.get(9).and_then(|text| {
                let found = pieces::partition(text);
                self.complete &= found.is_some();
                found
            });
            all.insert(row.name(0), bare(&row, partition_by));
        }
        Ok(all)
    }

    fn columns(&mut self, all: &mut BTreeMap<Name, Relation>) -> Result<(), PgError> {
        let rows = self.rows(&format!(
            "SELECT n.nspname, c.relname, a.attname, format_type(a.atttypid, a.atttypmod), \
                ln.nspname, l.collname, a.attnotnull, pg_get_expr(d.adbin, d.adrelid), \
                a.attgenerated, a.attidentity \
             FROM pg_attribute a JOIN pg_class c ON c.oid = a.attrelid \
             JOIN pg_namespace n ON n.oid = c.relnamespace JOIN pg_type t ON t.oid = a.atttypid \
             LEFT JOIN pg_attrdef d ON d.adrelid = a.attrelid AND d.adnum = a.attnum \
             LEFT JOIN pg_collation l ON l.oid = a.attcollation \
                AND a.attcollation <> t.typcollation \
             LEFT JOIN pg_namespace ln ON ln.oid = l.collnamespace \
             WHERE {OURS} AND c.relkind IN ('r', 'p', 'v', 'm', 'f') AND a.attnum > 0 \
                AND NOT a.attisdropped \
             ORDER BY a.attrelid, a.attnum"
        ))?;
        for row in rows {
            let type_name = self.types.parse(&row.text(3));
            self.complete &= type_name.is_some();
            let written = row.get(7).map(pieces::expression);
            let (default, generated) = match (row.text(8).as_str(), row.text(9).as_str()) {
                ("", "") => (written, None),
                ("", identity) => {
                    let always = identity == "a";
                    (None, Some(Generated::Identity { always }))
                }
                (how, _) => {
                    let stored = how == "s";
                    let expr = written.map(|expr| Generated::Expression { expr, stored });
                    (None, expr)
                }
            };
            let column = Column {
                name: row.text(2),
                type_name,
                collation: row.get(5).map(|_| row.name(4)),
                not_null: row.is(6),
                default,
                generated,
            };
            if let Some(relation) = all.get_mut(&row.name(0)) {
                relation.columns.push(column);
            }
        }
        Ok(())
    }

    fn constraints(&mut self, all: &mut BTreeMap<Name, Relation>) -> Result<(), PgError> {
        let enforced = if self.major >= 18 {
            "k.conenforced"
        } else {
            "true"
        };
        // What a foreign key to a partitioned table has for each of its partitions is left out: it
        // is the same foreign key. `NOT NULL` stands at the column unless rows may not obey.
        let rows = self.rows(&format!(
            "SELECT n.nspname, c.relname, k.conname, pg_get_constraintdef(k.oid), k.convalidated, \
                {enforced}, k.condeferrable, k.connoinherit AND k.contype IN ('c', 'n') \
             FROM pg_constraint k JOIN pg_class c ON c.oid = k.conrelid \
             JOIN pg_namespace n ON n.oid = c.relnamespace \
             LEFT JOIN pg_constraint up ON up.oid = k.conparentid AND k.conparentid <> 0 \
             WHERE {OURS} AND (k.contype IN ('c', 'f', 'p', 'u', 'x') \
                    OR k.contype = 'n' AND NOT k.convalidated) \
                AND up.conrelid IS DISTINCT FROM k.conrelid \
             ORDER BY k.conrelid, k.conname"
        ))?;
        for row in rows {
            let Some(made) = pieces::constraint(&row.text(3)) else {
                self.complete = false;
                continue;
            };
            let constraint = Constraint {
                name: row.text(2),
                kind: made.kind,
                valid: row.is(4),
                enforced: row.is(5),
                deferrable: row.is(6),
                no_inherit: row.is(7),
            };
            if let Some(relation) = all.get_mut(&row.name(0)) {
                relation.constraints.push(constraint);
            }
        }
        Ok(())
    }

    fn inheritance(&mut self, all: &mut BTreeMap<Name, Relation>) -> Result<(), PgError> {
        let rows = self.rows(&format!(
            "SELECT n.nspname, c.relname, pn.nspname, p.relname, \
                pg_get_expr(c.relpartbound, c.oid) \
             FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid \
             JOIN pg_namespace n ON n.oid = c.relnamespace \
             JOIN pg_class p ON p.oid = i.inhparent JOIN pg_namespace pn ON pn.oid = p.relnamespace \
             WHERE {OURS} AND c.relkind IN ('r', 'p', 'f') ORDER BY i.inhrelid, i.inhseqno"
        ))?;
        for row in rows {
            let bound: Option<Option<Bound>> = row.get(4).map(pieces::bound);
            let Some(relation) = all.get_mut(&row.name(0)) else {
                continue;
            };
            match bound {
                None => relation.inherits.push(row.name(2)),
                Some(Some(bound)) => relation.partition_of = Some((row.name(2), bound)),
                Some(None) => {
                    self.complete = false;
                    relation.inherits.push(row.name(2));
                }
            }
        }
        Ok(())
    }

    /// The names of triggers, policies and rules.
    fn names(&mut self, all: &mut BTreeMap<Name, Relation>) -> Result<(), PgError> {
        let rows = self.rows(&format!(
            "SELECT n.nspname, c.relname, x.name, x.kind FROM (\
                SELECT tgrelid AS oid, tgname AS name, 't' AS kind FROM pg_trigger t \
                    WHERE {TRIGGERS} \
                UNION ALL SELECT polrelid, polname, 'p' FROM pg_policy \
                UNION ALL SELECT ev_class, rulename, 'r' FROM pg_rewrite \
                    WHERE rulename <> '_RETURN') x \
             JOIN pg_class c ON c.oid = x.oid JOIN pg_namespace n ON n.oid = c.relnamespace \
             WHERE {OURS} ORDER BY 3"
        ))?;
        for row in rows {
            let Some(relation) = all.get_mut(&row.name(0)) else {
                continue;
            };
            let list = match row.text(3).as_str() {
                "t" => &mut relation.triggers,
                "p" => &mut relation.policies,
                _ => &mut relation.rules,
            };
            list.push(row.text(2));
        }
        Ok(())
    }

    /// What views read.
    fn reads(&mut self, all: &mut BTreeMap<Name, Relation>) -> Result<(), PgError> {
        let rows = self.rows(&format!(
            "SELECT DISTINCT n.nspname, c.relname, rn.nspname, r.relname, a.attname \
             FROM pg_rewrite w JOIN pg_class c ON c.oid = w.ev_class \
             JOIN pg_namespace n ON n.oid = c.relnamespace \
             JOIN pg_depend d ON d.classid = 'pg_rewrite'::regclass AND d.objid = w.oid \
                AND d.refclassid = 'pg_class'::regclass AND d.refobjid <> w.ev_class \
             JOIN pg_class r ON r.oid = d.refobjid AND r.relkind IN ('r', 'p', 'v', 'm', 'f') \
             JOIN pg_namespace rn ON rn.oid = r.relnamespace \
             LEFT JOIN pg_attribute a ON a.attrelid = r.oid AND a.attnum = d.refobjsubid \
             WHERE {OURS} AND w.rulename = '_RETURN' ORDER BY 1, 2, 3, 4, 5"
        ))?;
        for row in rows {
            let Some(relation) = all.get_mut(&row.name(0)) else {
                continue;
            };
            let read = row.name(2);
            if !relation.reads.contains(&read) {
                relation.reads.push(read);
            }
            if let Some(column) = row.get(4)
                && !relation.reads_columns.iter().any(|it| it == column)
            {
                relation.reads_columns.push(column.to_owned());
            }
        }
        Ok(())
    }

    /// The columns that sequences go with.
    fn owners(&mut self, all: &mut BTreeMap<Name, Relation>) -> Result<(), PgError> {
        let rows = self.rows(&format!(
            "SELECT n.nspname, c.relname, tn.nspname, t.relname, a.attname \
             FROM pg_depend d JOIN pg_class c ON c.oid = d.objid AND c.relkind = 'S' \
             JOIN pg_namespace n ON n.oid = c.relnamespace \
             JOIN pg_class t ON t.oid = d.refobjid JOIN pg_namespace tn ON tn.oid = t.relnamespace \
             JOIN pg_attribute a ON a.attrelid = t.oid AND a.attnum = d.refobjsubid \
             WHERE {OURS} AND d.classid = 'pg_class'::regclass AND d.deptype IN ('a', 'i') \
                AND d.refclassid = 'pg_class'::regclass"
        ))?;
        for row in rows {
            if let Some(relation) = all.get_mut(&row.name(0)) {
                relation.owned_by = Some((row.name(2), row.text(4)));
            }
        }
        Ok(())
    }
}

/// A relation with nothing in it yet.
fn bare(row: &Row, partition_by: Option<Partition>) -> Relation {
    let logged = row.text(3) != "u";
    let kind = match row.text(2).as_str() {
        "v" => RelationKind::View,
        "m" => RelationKind::Materialized,
        "f" => RelationKind::Foreign,
        "S" => RelationKind::Sequence,
        _ => RelationKind::Table {
            logged,
            temporary: false,
        },
    };
    // Until 13 a table that was never looked at has no rows and no pages, since then -1 rows.
    let rows: i64 = row.number(4);
    let pages: i64 = row.number(5);
    let counted = rows > 0 || (rows == 0 && pages > 0);
    let stores = matches!(
        kind,
        RelationKind::Table { .. } | RelationKind::Materialized
    ) && partition_by.is_none();
    Relation {
        kind,
        columns: Vec::new(),
        partial: false,
        constraints: Vec::new(),
        inherits: Vec::new(),
        partition_of: None,
        partition_by,
        triggers: Vec::new(),
        policies: Vec::new(),
        rules: Vec::new(),
        reads: Vec::new(),
        reads_columns: Vec::new(),
        owned_by: None,
        tablespace: row.get(7).map(str::to_owned),
        access_method: row.get(8).map(str::to_owned),
        rows: (counted && stores).then(|| u64::try_from(rows).unwrap_or_default()),
        bytes: stores.then(|| row.number(6)),
        made_in: 0,
    }
}
