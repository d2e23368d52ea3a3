//! What moves from one table to the other, and what stands in the way of it.

use std::collections::BTreeSet;

use super::{Other, of};
use crate::operation::merge::Part;
use crate::operation::request::Merge;
use crate::sqlite::catalog::{Column, Index, IndexOrigin, Table, TableKind};
use crate::sqlite::plan::{Draft, Reason, differ};
use crate::sqlite::text::{Token, name, spanned};

/// What moves.
pub(super) struct Taken<'a> {
    pub(super) other: Other<'a>,
    pub(super) parts: Vec<Part>,
    /// The indexes that come along.
    pub(super) indexes: Vec<Twin>,
    /// The checks that come along, each in parentheses.
    pub(super) checks: Vec<String>,
}

/// An index as the table that stays gets it.
#[derive(PartialEq, Eq)]
pub(super) struct Twin {
    pub(super) unique: bool,
    /// Each with its collation and order.
    pub(super) keys: Vec<String>,
    /// The columns alone: what the table that goes calls them, and what the other does.
    pub(super) columns: Vec<(String, String)>,
}

pub(super) fn take<'a>(
    draft: &Draft<'_>,
    from: &'a Table,
    wanted: &Merge,
) -> Result<Taken<'a>, Reason> {
    let there = |reason| of(from, reason);
    if from.name.eq_ignore_ascii_case(&draft.table.name) {
        return Err(Reason::Itself);
    }
    draft.ordinary()?;
    if let Some(trigger) = draft.table.triggers.first() {
        return Err(Reason::Trigger {
            trigger: trigger.name.clone(),
        });
    }
    stands_alone(draft, from).map_err(there)?;
    let by = link(draft.table, from, wanted).map_err(there)?;
    let other = Other {
        table: from,
        own_rowid: own_rowid(from).is_some(),
        by,
    };
    let parts = parts(draft, &other, wanted)?;
    let indexes = indexes(&other, &parts).map_err(there)?;
    let checks = checks(&other, &parts).map_err(there)?;
    Ok(Taken {
        other,
        parts,
        indexes,
        checks,
    })
}

/// That the table that goes is one whose rows can be brought over, and nothing hangs on it.
fn stands_alone(draft: &Draft<'_>, from: &Table) -> Result<(), Reason> {
    match from.kind {
        TableKind::Ordinary => {}
        TableKind::Virtual => return Err(Reason::Virtual),
        TableKind::View => return Err(Reason::View),
    }
    if from.without_rowid {
        return Err(Reason::WithoutRowid);
    }
    if from.rowid().is_none() {
        return Err(Reason::HiddenRowid);
    }
    if let Some(view) = from.views.first() {
        return Err(Reason::InView {
            view: view.name.clone(),
        });
    }
    if let Some(trigger) = from.triggers.first() {
        return Err(Reason::Trigger {
            trigger: trigger.name.clone(),
        });
    }
    if let Some(key) = from.referenced_by.first() {
        return Err(Reason::Referenced {
            column: key.target_column.clone().unwrap_or_default(),
            table: key.table.clone(),
        });
    }
    let lost = |what: &str| Reason::NotCarried {
        what: what.to_owned(),
    };
    let tokens = from.tokens();
    let has = |word: &str| tokens.iter().any(|token| token.is_word(word));
    if from.strict && !draft.table.strict {
        return Err(lost("STRICT"));
    }
    for (word, what) in [
        ("conflict", "ON CONFLICT"),
        ("restrict", "RESTRICT"),
        ("deferred", "DEFERRED"),
    ] {
        if has(word) {
            return Err(lost(what));
        }
    }
    Ok(())
}

/// The column that is the row id, where there is one.
fn own_rowid(table: &Table) -> Option<&Column> {
    let mut key = table.columns.iter().filter(|it| it.primary_key > 0);
    let (first, more) = (key.next()?, key.next());
    let mut indexes = table.indexes.iter();
    let indexed = indexes.any(|it| it.origin == IndexOrigin::PrimaryKey);
    let integer = first.declared_type.eq_ignore_ascii_case("integer");
    (more.is_none() && integer && !indexed).then_some(first)
}

fn set<'a>(all: impl Iterator<Item = &'a str>) -> BTreeSet<String> {
    all.map(str::to_ascii_lowercase).collect()
}

/// The columns of the one foreign key, by which each row belongs to one of the other table.
fn link(into: &Table, from: &Table, wanted: &Merge) -> Result<Vec<(String, String)>, Reason> {
    if let Some(away) = from
        .foreign_keys
        .iter()
        .find(|it| !it.target.eq_ignore_ascii_case(&into.name))
    {
        return Err(Reason::PointsElsewhere {
            column: away.column.clone(),
            target: away.target.clone(),
        });
    }
    let mut key: Vec<&Column> = into
        .columns
        .iter()
        .filter(|it| it.primary_key > 0)
        .collect();
    key.sort_by_key(|it| it.primary_key);
    let pairs = from.foreign_keys.iter().enumerate();
    let by: Option<Vec<(String, String)>> = pairs
        .map(|(place, it)| {
            let there = match &it.target_column {
                Some(column) => into.column(column),
                None => key.get(place).copied(),
            };
            let here = from.column(&it.column)?;
            Some((here.name.clone(), there?.name.clone()))
        })
        .collect();
    let by = by.filter(|it| !it.is_empty()).ok_or(Reason::NoLink)?;
    let here = set(by.iter().map(|(here, _)| here.as_str()));
    let there = set(by.iter().map(|(_, there)| there.as_str()));
    if there.len() < by.len() {
        return Err(Reason::SeveralLinks);
    }
    let named = wanted.by.is_empty() || set(wanted.by.iter().map(String::as_str)) == here;
    let own = own_rowid(from).map(|it| it.name.to_ascii_lowercase());
    let is_own = own.is_some_and(|own| here.len() == 1 && here.contains(&own));
    let unique = from.indexes.iter().any(|index| {
        let columns = index.columns.iter().filter_map(|it| it.name.as_deref());
        index.unique && !index.partial && set(columns) == here && index.columns.len() == here.len()
    });
    let filled = by
        .iter()
        .all(|(here, _)| from.column(here).is_some_and(|it| it.not_null));
    let whole = there == set(key.iter().map(|it| it.name.as_str()));
    if named && whole && (is_own || (unique && filled)) {
        Ok(by)
    } else {
        Err(Reason::NoLink)
    }
}

impl Other<'_> {
    /// Whether a column does not move: it points to the other table, or is a key of its own.
    fn stays(&self, column: &str) -> bool {
        let links = self
            .by
            .iter()
            .any(|(here, _)| here.eq_ignore_ascii_case(column));
        let key = self
            .table
            .column(column)
            .is_some_and(|it| it.primary_key > 0);
        links || key
    }
}

/// The columns that move: all but those that point to the other table, and a key of its own.
fn parts(draft: &Draft<'_>, other: &Other<'_>, wanted: &Merge) -> Result<Vec<Part>, Reason> {
    let there = |reason| of(other.table, reason);
    let unknown = |column: &&String| other.table.column(column).is_none();
    if let Some(column) = wanted.names.keys().find(unknown) {
        return Err(there(Reason::NoColumn {
            column: column.clone(),
        }));
    }
    let mut parts: Vec<Part> = Vec::new();
    for column in &other.table.columns {
        if other.stays(&column.name) {
            let links = other.by.iter().any(|(here, _)| *here == column.name);
            let made = links || column.default.is_some() || other.own_rowid;
            if !made {
                return Err(there(Reason::KeyNotMade {
                    column: column.name.clone(),
                }));
            }
            continue;
        }
        if column.generated {
            return Err(there(Reason::Generated {
                column: column.name.clone(),
            }));
        }
        let new = wanted.named(&column.name);
        draft.free(&new)?;
        if parts.iter().any(|it| it.new.eq_ignore_ascii_case(&new)) {
            return Err(Reason::ColumnExists { column: new });
        }
        let mut type_sql = column.declared_type.clone();
        if !column.collation.eq_ignore_ascii_case("binary") {
            type_sql.push_str(&format!(" COLLATE {}", name(&column.collation)));
        }
        parts.push(Part {
            old: column.name.clone(),
            new,
            type_sql,
            required: column.not_null,
            differ,
        });
    }
    if parts.is_empty() {
        return Err(there(Reason::NothingMoves));
    }
    Ok(parts)
}

fn indexes(other: &Other<'_>, parts: &[Part]) -> Result<Vec<Twin>, Reason> {
    let mut all: Vec<Twin> = Vec::new();
    for index in &other.table.indexes {
        let columns: Vec<&str> = index
            .columns
            .iter()
            .filter_map(|it| it.name.as_deref())
            .collect();
        let plain = columns.len() == index.columns.len() && !index.partial;
        if plain && columns.iter().all(|it| other.stays(it)) {
            continue;
        }
        let lost = || Reason::NotCarried {
            what: format!("the index {}", index.name),
        };
        let twin = twin(other, parts, index)
            .filter(|_| plain)
            .ok_or_else(lost)?;
        if !all.contains(&twin) {
            all.push(twin);
        }
    }
    Ok(all)
}

/// An index for the table that stays; none if one of its columns does not come along.
fn twin(other: &Other<'_>, parts: &[Part], index: &Index) -> Option<Twin> {
    let mut twin = Twin {
        unique: index.unique,
        keys: Vec::new(),
        columns: Vec::new(),
    };
    for key in &index.columns {
        let old = key.name.as_ref()?;
        let is = |it: &str| it.eq_ignore_ascii_case(old);
        let moved = parts.iter().find(|it| is(&it.old)).map(|it| &it.new);
        let link = other.by.iter().find(|(here, _)| is(here));
        let new = moved.or_else(|| link.map(|(_, there)| there))?;
        let order = if key.descending { " DESC" } else { "" };
        twin.keys.push(format!(
            "{} COLLATE {}{order}",
            name(new),
            name(&key.collation)
        ));
        twin.columns.push((old.clone(), new.clone()));
    }
    Some(twin)
}

/// The checks, which a name that stays the same leaves as they are written.
fn checks(other: &Other<'_>, parts: &[Part]) -> Result<Vec<String>, Reason> {
    let sql = &other.table.sql;
    let all = spanned(sql);
    let mut checks = Vec::new();
    let mut at = 0;
    while let Some((token, _)) = all.get(at) {
        at += 1;
        if !token.is_word("check") || all.get(at).map(|it| &it.0) != Some(&Token::Mark('(')) {
            continue;
        }
        let mut depth = 0_usize;
        let begun = at;
        while let Some((token, _)) = all.get(at) {
            at += 1;
            match token {
                Token::Mark('(') => depth += 1,
                Token::Mark(')') if depth == 1 => break,
                Token::Mark(')') => depth -= 1,
                _ => {}
            }
        }
        let group = all.get(begun..at).unwrap_or_default();
        let known = group.iter().all(|(token, _)| {
            let mut columns = other.table.columns.iter();
            match columns.find(|column| token.is_name(&column.name)) {
                None => true,
                Some(column) => parts
                    .iter()
                    .any(|it| it.old == column.name && it.new == it.old),
            }
        });
        let ends = group.first().zip(group.last());
        let text = ends.and_then(|(first, last)| sql.get(first.1.start..last.1.end));
        match text {
            Some(text) if known => checks.push(text.to_owned()),
            _ => {
                let what = format!("CHECK {}", text.unwrap_or_default());
                return Err(Reason::NotCarried { what });
            }
        }
    }
    Ok(checks)
}
