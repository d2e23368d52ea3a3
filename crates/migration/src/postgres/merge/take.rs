//! What moves from one table to the other, and what stands in the way of it.

use std::collections::BTreeSet;

use super::sql::{differ, differ_as_text};
use super::{Other, of};
use crate::operation::merge::Part;
use crate::operation::request::Merge;
use crate::postgres::moves::type_sql;
use crate::postgres::{Draft, Reason, names};
use crate::schema::{Column, Constraint, Index, Relation, RelationKind};
use crate::sql::ir::{ConstraintKind, Generated, Name, Node};

/// What moves.
pub(super) struct Taken<'a> {
    pub(super) other: Other<'a>,
    pub(super) parts: Vec<Part>,
    /// The indexes that come along.
    pub(super) indexes: Vec<Twin>,
    /// The checks that come along, each in parentheses, with the new names of columns.
    pub(super) checks: Vec<String>,
}

/// An index as the table that stays gets it.
#[derive(PartialEq, Eq)]
pub(super) struct Twin {
    pub(super) unique: bool,
    pub(super) method: String,
    pub(super) columns: Vec<String>,
}

pub(super) fn take<'a>(draft: &Draft<'a>, wanted: &Merge) -> Result<Taken<'a>, Reason> {
    let full = draft.schema.resolve(&names::parse(&wanted.from));
    let there = |reason| of(&full, reason);
    let table = draft.schema.relations.get(&full);
    let table = table.ok_or_else(|| there(Reason::NoTable))?;
    if full == draft.full {
        return Err(Reason::Itself);
    }
    if !matches!(
        table.kind,
        RelationKind::Table {
            temporary: false,
            ..
        }
    ) {
        return Err(there(Reason::NotATable));
    }
    stands_alone(draft.table)?;
    stands_alone(table).map_err(there)?;
    nobody_uses(draft, &full, table).map_err(there)?;
    let (link, by) = link(draft, &full, table, wanted).map_err(there)?;
    let other = Other {
        full: full.clone(),
        table,
        link,
        by,
    };
    let parts = parts(draft, &other, wanted)?;
    let indexes = indexes(draft, &other, &parts).map_err(there)?;
    let checks = checks(&other, &parts).map_err(there)?;
    for own in ["archive", "key"] {
        draft.free_name(&draft.own(own))?;
    }
    Ok(Taken {
        other,
        parts,
        indexes,
        checks,
    })
}

/// That a table is one by itself, and says nothing about who may see which of its rows.
fn stands_alone(table: &Relation) -> Result<(), Reason> {
    if table.partition_by.is_some() || table.partition_of.is_some() {
        return Err(Reason::Partitioned);
    }
    if let Some(parent) = table.inherits.first() {
        return Err(Reason::Inherits {
            table: parent.to_string(),
        });
    }
    if let Some(policy) = table.policies.first() {
        return Err(Reason::Policy {
            policy: policy.clone(),
        });
    }
    match table.rules.first() {
        Some(rule) => Err(Reason::Rule { rule: rule.clone() }),
        None => Ok(()),
    }
}

/// That nothing hangs on the table that goes.
fn nobody_uses(draft: &Draft<'_>, full: &Name, table: &Relation) -> Result<(), Reason> {
    let reads = |it: &Relation| it.reads.contains(full);
    let mut views = draft.schema.relations.around(full);
    if let Some((view, _)) = views.find(|(_, it)| reads(it)) {
        return Err(Reason::InView {
            view: view.to_string(),
        });
    }
    if let Some((by, it)) = draft.schema.references_to(full).next() {
        return Err(Reason::Referenced {
            table: by.to_string(),
            constraint: it.name.clone(),
        });
    }
    let child = draft.schema.relations.below(full);
    let mut child = child.filter(|(_, it)| it.inherits.contains(full));
    if let Some((child, _)) = child.next() {
        return Err(Reason::Inherits {
            table: child.to_string(),
        });
    }
    match table.triggers.first() {
        Some(trigger) => Err(Reason::Trigger {
            trigger: trigger.clone(),
        }),
        None => Ok(()),
    }
}

fn same(one: &[String], other: &[String]) -> bool {
    let set = |all: &[String]| all.iter().cloned().collect::<BTreeSet<_>>();
    one.len() == other.len() && set(one) == set(other)
}

type Link = (String, Vec<(String, String)>);

/// The foreign key by which each row belongs to one of the other table, and its pairs of columns.
fn link(draft: &Draft<'_>, full: &Name, table: &Relation, wanted: &Merge) -> Result<Link, Reason> {
    let key = draft.table.primary_key().ok_or(Reason::NoLink)?;
    let mut found = Vec::new();
    for it in &table.constraints {
        let ConstraintKind::ForeignKey {
            columns,
            table: to,
            referred,
            ..
        } = &it.kind
        else {
            continue;
        };
        let meant = wanted.by.is_empty() || same(&wanted.by, columns);
        let fits = *to == draft.full
            && (referred.is_empty() || same(referred, key))
            && it.valid
            && it.enforced
            && is_unique(draft, full, table, columns)
            && columns
                .iter()
                .all(|column| table.column(column).is_some_and(|it| it.not_null));
        if meant && fits {
            let referred = if referred.is_empty() { key } else { referred };
            found.push((it, columns, referred));
        }
    }
    let (it, columns, referred) = match found.as_slice() {
        [one] => *one,
        [] => return Err(Reason::NoLink),
        several => {
            return Err(Reason::SeveralLinks {
                constraints: several.iter().map(|(it, ..)| it.name.clone()).collect(),
            });
        }
    };
    // One more foreign key, even to the same table, would have nothing to hang on.
    let others = table.constraints.iter();
    let mut others = others.filter(|other| {
        matches!(other.kind, ConstraintKind::ForeignKey { .. }) && other.name != it.name
    });
    if let Some(other) = others.next() {
        return Err(Reason::PointsElsewhere {
            constraint: other.name.clone(),
        });
    }
    if it.deferrable {
        return Err(Reason::Deferrable {
            constraint: it.name.clone(),
        });
    }
    let by = columns.iter().cloned().zip(referred.iter().cloned());
    Ok((it.name.clone(), by.collect()))
}

/// Whether no two rows have the same values in some columns, as an index sees to at once.
fn is_unique(draft: &Draft<'_>, full: &Name, table: &Relation, columns: &[String]) -> bool {
    let constrained = table.constraints.iter().any(|it| match &it.kind {
        ConstraintKind::PrimaryKey { columns: mine, .. }
        | ConstraintKind::Unique { columns: mine, .. } => same(mine, columns) && !it.deferrable,
        _ => false,
    });
    let indexed = || {
        draft.schema.indexes_of(full).any(|(_, index)| {
            let deferred = index
                .constraint
                .as_ref()
                .and_then(|name| table.constraint(name))
                .is_some_and(|it| it.deferrable);
            let keys = plain(index);
            let whole = index.unique && index.valid && index.predicate.is_none() && !deferred;
            whole && keys.is_some_and(|keys| same(&keys, columns))
        })
    };
    constrained || indexed()
}

/// The columns of an index; none if one of its keys is something else.
fn plain(index: &Index) -> Option<Vec<String>> {
    let column = |key: &crate::sql::ir::Expr| match &key.node {
        Node::Column(name) => Some(name.clone()),
        _ => None,
    };
    index.keys.iter().map(column).collect()
}

/// The columns that move: all but those that point to the other table, and a key of its own.
fn parts(draft: &Draft<'_>, other: &Other<'_>, wanted: &Merge) -> Result<Vec<Part>, Reason> {
    let there = |reason| of(&other.full, reason);
    if let Some(column) = wanted
        .names
        .keys()
        .find(|it| other.table.column(it).is_none())
    {
        return Err(there(Reason::NoColumn {
            column: column.clone(),
        }));
    }
    let stays = |column: &str| other.stays(column);
    let mut parts: Vec<Part> = Vec::new();
    for column in &other.table.columns {
        if stays(&column.name) {
            can_be_made(other, column).map_err(there)?;
            continue;
        }
        if let Some(generated) = &column.generated {
            let column = column.name.clone();
            return Err(there(match generated {
                Generated::Expression { .. } => Reason::Generated { column },
                Generated::Identity { .. } => Reason::Identity { column },
            }));
        }
        let new = wanted.named(&column.name);
        draft.free(&new)?;
        if parts.iter().any(|it| it.new == new) {
            return Err(Reason::ColumnExists { column: new });
        }
        parts.push(Part {
            old: column.name.clone(),
            new,
            type_sql: type_sql(column),
            required: column.not_null,
            differ: if as_text(column) {
                differ_as_text
            } else {
                differ
            },
        });
    }
    if parts.is_empty() {
        return Err(there(Reason::NothingMoves));
    }
    Ok(parts)
}

impl Other<'_> {
    /// Whether a column does not move: it points to the other table, or is a key of its own.
    fn stays(&self, column: &str) -> bool {
        self.by.iter().any(|(here, _)| here == column)
            || self
                .table
                .primary_key()
                .is_some_and(|key| key.iter().any(|it| it == column))
    }
}

/// That a row can be made for old code without a value for a column that does not move.
fn can_be_made(other: &Other<'_>, column: &Column) -> Result<(), Reason> {
    let links = other.by.iter().any(|(here, _)| *here == column.name);
    if links || column.default.is_some() || column.generated.is_some() {
        Ok(())
    } else {
        Err(Reason::KeyNotMade {
            column: column.name.clone(),
        })
    }
}

/// Whether equal values of a column can differ all the same, or cannot be compared: `1.0` and
/// `1.00`, `json`, what somebody's own type takes for equal.
fn as_text(column: &Column) -> bool {
    const EXACT: [&str; 14] = [
        "bool",
        "boolean",
        "int2",
        "smallint",
        "int4",
        "int",
        "integer",
        "int8",
        "bigint",
        "date",
        "timestamp",
        "timestamptz",
        "uuid",
        "oid",
    ];
    const TEXTS: [&str; 2] = ["text", "varchar"];
    let Some(kind) = &column.type_name else {
        return true;
    };
    let is = |names: &[&str]| kind.array == 0 && names.iter().any(|name| kind.is(name));
    !(is(&EXACT) || (is(&TEXTS) && column.collation.is_none()))
}

fn indexes(draft: &Draft<'_>, other: &Other<'_>, parts: &[Part]) -> Result<Vec<Twin>, Reason> {
    let mut all: Vec<Twin> = Vec::new();
    let mut add = |twin: Twin| {
        if !all.contains(&twin) {
            all.push(twin);
        }
    };
    for (name, index) in draft.schema.indexes_of(&other.full) {
        let lost = || Reason::NotCarried {
            what: format!("index {}", name.name),
        };
        let keys = plain(index).filter(|_| index.predicate.is_none());
        let keys = keys.ok_or_else(lost)?;
        if keys.iter().all(|key| other.stays(key)) {
            continue;
        }
        let usual = index.valid
            && index.include.is_empty()
            && !index.nulls_not_distinct
            && index.options.iter().all(String::is_empty);
        let columns = other.over_there(&keys, parts).filter(|_| usual);
        add(Twin {
            unique: index.unique,
            method: index.method.clone(),
            columns: columns.ok_or_else(lost)?,
        });
    }
    for it in &other.table.constraints {
        if let ConstraintKind::Unique { columns, .. } = &it.kind
            && !columns.iter().all(|column| other.stays(column))
        {
            if it.deferrable {
                return Err(Reason::Deferrable {
                    constraint: it.name.clone(),
                });
            }
            let columns = other.over_there(columns, parts);
            add(Twin {
                unique: true,
                method: "btree".to_owned(),
                columns: columns.ok_or_else(|| not_carried(it))?,
            });
        }
    }
    Ok(all)
}

fn not_carried(it: &Constraint) -> Reason {
    Reason::NotCarried {
        what: format!("constraint {}", it.name),
    }
}

impl Other<'_> {
    /// What columns are called in the table that stays; none if one of them does not come along.
    fn over_there(&self, columns: &[String], parts: &[Part]) -> Option<Vec<String>> {
        let one = |column: &String| {
            let part = parts.iter().find(|it| it.old == *column);
            let link = self.by.iter().find(|(here, _)| here == column);
            part.map(|it| it.new.clone())
                .or_else(|| link.map(|(_, there)| there.clone()))
        };
        columns.iter().map(one).collect()
    }
}

/// The checks, which a name that stays the same leaves as they are written.
fn checks(other: &Other<'_>, parts: &[Part]) -> Result<Vec<String>, Reason> {
    let mut all = Vec::new();
    for it in &other.table.constraints {
        match &it.kind {
            ConstraintKind::Check(rule) => {
                let same = |column: &&str| {
                    parts
                        .iter()
                        .any(|it| it.old == **column && it.new == **column)
                };
                if !rule.columns().iter().all(same) || !it.valid || !it.enforced {
                    return Err(not_carried(it));
                }
                all.push(format!("({})", rule.text));
            }
            ConstraintKind::Exclude { .. } => return Err(not_carried(it)),
            _ => {}
        }
    }
    Ok(all)
}
