//! What a schema and its rows amount to, in a form where equal texts mean equal behaviour.
//!
//! Statements are compared by their tokens. Inside `CREATE TABLE` the tokens of a part are sorted:
//! a `NOT NULL` that was taken away and given back stands elsewhere in its column, and means the
//! same. Order between columns does matter.
//!
//! What `history::ddl` says of the same statements is another text, because these texts are kept in
//! the database with each step that is applied, and must stay as they are.

use std::fmt::Write as _;

use rusqlite::Connection;
use rusqlite::types::ValueRef;
use switchback_migration::sqlite::catalog::{Column, Index, Table};
use switchback_migration::sqlite::text::{
    self as sql, Token, groups_after, mentions, table_parts, tokens,
};
use switchback_model::Digest;
use switchback_model::plan::Scope;

use super::catalog::{all, table};
use super::control::CONTROL_PREFIX;
use super::error::{DbError, at};
use crate::marks;

/// The tokens of a statement, in order, on one line.
fn in_order(statement: &str) -> String {
    let words: Vec<_> = tokens(statement).iter().map(ToString::to_string).collect();
    format!("{words:?}")
}

/// The part of the schema that belongs to a change, one line for each thing.
pub(super) fn of_scope(connection: &Connection, scope: &Scope) -> Result<String, DbError> {
    let mut text = String::new();
    let found = match table(connection, &scope.table) {
        Err(DbError::NoTable { table }) => return Ok(format!("no table {table:?}\n")),
        other => other?,
    };
    for name in &scope.columns {
        match found.column(name) {
            Some(it) => column(&mut text, it),
            None => drop(writeln!(text, "no column {name:?}")),
        }
    }
    for it in &found.columns {
        let named = scope
            .columns
            .iter()
            .any(|name| name.eq_ignore_ascii_case(&it.name));
        if it.name.starts_with(&scope.prefix) && !named {
            column(&mut text, it);
        }
    }
    // Rules of the table that are about these columns; what stands at a column is above.
    let all_tokens = found.tokens();
    for part in table_parts(&all_tokens) {
        let rule = part.iter().any(|token| token.is_word("check"));
        let ours = part.iter().any(|token| {
            scope.columns.iter().any(|name| token.is_name(name))
                || matches!(token, Token::Word(word) | Token::Name(word) if word.starts_with(&scope.prefix))
        });
        if rule && ours {
            let checks: Vec<_> = groups_after(part, "check")
                .into_iter()
                .map(|group| {
                    group
                        .iter()
                        .map(ToString::to_string)
                        .collect::<Vec<_>>()
                        .join(" ")
                })
                .collect();
            let _ = writeln!(text, "check {checks:?}");
        }
        if points(part, scope) {
            let words: Vec<_> = part.iter().map(ToString::to_string).collect();
            let _ = writeln!(text, "foreign key {words:?}");
        }
    }
    let ours = |it: &Index| {
        it.name.starts_with(&scope.prefix) || scope.columns.iter().any(|name| it.covers(name))
    };
    found
        .indexes
        .iter()
        .filter(|it| ours(it))
        .for_each(|it| index(&mut text, it));
    for name in &scope.also {
        match table(connection, name) {
            Err(DbError::NoTable { table }) => drop(writeln!(text, "no table {table:?}")),
            other => whole_table(&mut text, &other?),
        }
    }
    for it in &found.triggers {
        let named = scope.columns.iter().any(|name| mentions(&it.sql, name));
        if it.name.starts_with(&scope.prefix) || named {
            let _ = writeln!(text, "trigger {:?} {}", it.name, in_order(&it.sql));
        }
    }
    Ok(text)
}

/// Whether a part of a table is a foreign key of columns that belong to a change.
fn points(part: &[Token], scope: &Scope) -> bool {
    let begins = part.iter().position(|it| it.is_word("foreign"));
    let here = begins.and_then(|at| groups_after(&part[at..], "key").into_iter().next());
    let ours = |it: &Token| scope.columns.iter().any(|name| it.is_name(name));
    here.is_some_and(|columns| columns.iter().any(ours))
}

fn column(text: &mut String, it: &Column) {
    let Column {
        name,
        declared_type,
        not_null,
        default,
        primary_key,
        generated,
        collation,
    } = it;
    let _ = writeln!(
        text,
        "column {:?} type {:?} not-null {not_null} default {:?} key {primary_key} \
         generated {generated} collation {collation}",
        name.to_ascii_lowercase(),
        declared_type.to_ascii_lowercase(),
        default.as_deref().map(in_order),
    );
}

fn index(text: &mut String, it: &Index) {
    let Index {
        name,
        unique,
        origin,
        partial,
        columns,
        sql,
    } = it;
    let keys: Vec<_> = columns
        .iter()
        .map(|key| {
            let name = key.name.as_ref().map(|name| name.to_ascii_lowercase());
            (name, key.descending, key.collation.to_ascii_uppercase())
        })
        .collect();
    let _ = writeln!(
        text,
        "index {name:?} unique {unique} {origin:?} partial {partial} on {keys:?} {}",
        in_order(sql.as_deref().unwrap_or_default())
    );
}

/// The whole schema, one line for each thing.
pub(super) fn of_schema(connection: &Connection) -> Result<String, DbError> {
    let mut text = String::new();
    let sql = "SELECT type, name, coalesce(sql, '') FROM main.sqlite_schema
               WHERE name NOT LIKE 'sqlite\\_%' ESCAPE '\\' AND type <> 'index'
               ORDER BY type, name";
    let things = all(connection, sql, &[], |row| {
        Ok((
            row.get::<_, String>(0)?,
            row.get::<_, String>(1)?,
            row.get::<_, String>(2)?,
        ))
    })?;
    for (kind, name, sql) in things.iter().filter(|it| !it.1.starts_with(CONTROL_PREFIX)) {
        if kind != "table" {
            let _ = writeln!(text, "{kind} {name:?} {}", in_order(sql));
            continue;
        }
        whole_table(&mut text, &table(connection, name)?);
    }
    Ok(text)
}

fn whole_table(text: &mut String, it: &Table) {
    let Table {
        name,
        kind,
        without_rowid,
        strict,
        ..
    } = it;
    let _ = writeln!(
        text,
        "table {name:?} {kind:?} rowid {} strict {strict}",
        !without_rowid
    );
    it.columns.iter().for_each(|it| column(text, it));
    it.indexes.iter().for_each(|it| index(text, it));
    let mut checks = Vec::new();
    for part in table_parts(&it.tokens()) {
        let mut words: Vec<_> = without_checks(part, &mut checks)
            .iter()
            .map(ToString::to_string)
            .collect();
        words.sort_unstable();
        if !words.is_empty() {
            let _ = writeln!(text, "part {words:?}");
        }
    }
    checks.sort_unstable();
    for check in checks {
        let _ = writeln!(text, "check {check}");
    }
}

/// A part of a table without its CHECKs, which mean the same wherever they stand: one that was
/// dropped and added again stands at the end.
fn without_checks(part: &[Token], checks: &mut Vec<String>) -> Vec<Token> {
    let mut rest = Vec::new();
    let mut at = 0;
    while let Some(token) = part.get(at) {
        let named =
            token.is_word("constraint") && part.get(at + 2).is_some_and(|it| it.is_word("check"));
        let check = if named { at + 2 } else { at };
        let group = part.get(check..).filter(|it| it[0].is_word("check"));
        let Some(group) = group.and_then(|it| groups_after(it, "check").into_iter().next()) else {
            rest.push(token.clone());
            at += 1;
            continue;
        };
        // The word, its parentheses and what is between them.
        let end = check + group.len() + 3;
        let words: Vec<_> = part[at..end.min(part.len())]
            .iter()
            .map(ToString::to_string)
            .collect();
        checks.push(words.join(" "));
        at = end;
    }
    rest
}

/// The digest of all rows with their row ids, in the order of these. Every row is digested
/// together with the digest of those before it, so that memory stays flat.
pub(super) fn of_data(
    connection: &Connection,
    name: &str,
    except: &[&str],
) -> Result<Digest, DbError> {
    let found = table(connection, name)?;
    let rowid = found.rowid().unwrap_or("NULL");
    let kept = found.columns.iter().filter(|it| {
        !except
            .iter()
            .any(|name| name.eq_ignore_ascii_case(&it.name))
    });
    let list: Vec<_> = kept.map(|it| sql::name(&it.name)).collect();
    let query = format!(
        "SELECT {rowid}, {} FROM {} ORDER BY {rowid}",
        if list.is_empty() {
            "NULL".to_owned()
        } else {
            list.join(", ")
        },
        sql::name(&found.name)
    );
    let mut statement = connection.prepare(&query).map_err(at(&query))?;
    let width = statement.column_count();
    let mut rows = statement.query([]).map_err(at(&query))?;
    let mut digest = Digest::of(b"");
    while let Some(row) = rows.next().map_err(at(&query))? {
        let mut bytes = digest.as_bytes().to_vec();
        for place in 0..width {
            value(&mut bytes, row.get_ref(place).map_err(at(&query))?);
        }
        digest = Digest::of(&bytes);
    }
    Ok(digest)
}

/// A value with its type and length, so that no two rows have the same bytes.
fn value(bytes: &mut Vec<u8>, it: ValueRef<'_>) {
    let (kind, content): (u8, &[u8]) = match it {
        ValueRef::Null => (0, &[]),
        ValueRef::Integer(number) => (1, &number.to_be_bytes()),
        ValueRef::Real(number) => (2, &number.to_bits().to_be_bytes()),
        ValueRef::Text(text) => (3, text),
        ValueRef::Blob(blob) => (4, blob),
    };
    bytes.push(kind);
    bytes.extend_from_slice(&(content.len() as u64).to_be_bytes());
    bytes.extend_from_slice(content);
}

/// What is missing in a description and what there is instead, without the tokens of statements.
pub(super) fn difference(expected: &str, found: &str) -> (String, String) {
    marks::difference(expected, found, " [", 120)
}
