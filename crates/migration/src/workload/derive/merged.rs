//! What code does to two tables that become one. Old code has a row in each; it makes the one in the
//! table that goes where there is none yet, for new code may have left it out.

use switchback_model::{Reads, Shape, Shapes};

use super::{Draft, name};
use crate::workload::{Bind, Other, Read, Seen, Statement, Value, Version, With};

impl Draft<'_> {
    pub(super) fn merged(
        &self,
        version: &mut Version,
        other: &Other,
        writes: Shapes,
        reads: Reads,
    ) {
        let Some(key) = self.key() else { return };
        let mut written = self.plain();
        if writes.has(Shape::New) {
            written.extend(moved(other, Shape::New));
        }
        let old = writes.has(Shape::Old);
        let with = |it: Statement, with: With| Statement {
            with: old.then_some(with),
            ..it
        };
        version.insert = Some(with(self.insert(&written), self.row_there(other)));
        let mut set = written;
        set.retain(|it| !self.table.key.contains(&it.column));
        if set.is_empty() {
            set.clone_from(&key);
        }
        version.update = Some(with(self.update(set, &key), self.row_there(other)));
        version.delete = Some(with(self.delete(&key), self.no_row_there(other, &key)));
        version.read = match reads {
            Reads::Nothing => None,
            Reads::Old => Some(self.joined(other, key)),
            Reads::New | Reads::NewElseOld => Some(self.alone(other, key)),
        };
    }

    /// Makes a row in the table that goes, or changes it.
    fn row_there(&self, other: &Other) -> With {
        let link = other.by.iter().map(|(_, there)| Bind {
            column: there.clone(),
            value: Value::Plain,
        });
        let binds: Vec<Bind> = link.chain(moved(other, Shape::Old)).collect();
        let quoted = |column: &String| name(self.engine, column);
        let link: Vec<String> = other.by.iter().map(|(here, _)| quoted(here)).collect();
        let rest: Vec<String> = other.columns.iter().map(|(old, _)| quoted(old)).collect();
        let values: Vec<String> = (0..)
            .zip(&binds)
            .map(|(at, it)| self.parameter(at, &it.column))
            .collect();
        let set: Vec<String> = rest
            .iter()
            .map(|it| format!("{it} = excluded.{it}"))
            .collect();
        With {
            first: false,
            sql: format!(
                "INSERT INTO {} ({}, {}) VALUES ({}) ON CONFLICT ({}) DO UPDATE SET {}",
                other.sql,
                link.join(", "),
                rest.join(", "),
                values.join(", "),
                link.join(", "),
                set.join(", ")
            ),
            binds,
        }
    }

    fn no_row_there(&self, other: &Other, key: &[Bind]) -> With {
        let binds: Vec<Bind> = key.to_vec();
        let found: Vec<String> = (0..)
            .zip(&binds)
            .filter_map(|(at, it)| {
                let (here, _) = other.by.iter().find(|(_, there)| *there == it.column)?;
                Some(format!(
                    "{} = {}",
                    name(self.engine, here),
                    self.parameter(at, &it.column)
                ))
            })
            .collect();
        With {
            first: true,
            sql: format!("DELETE FROM {} WHERE {}", other.sql, found.join(" AND ")),
            binds,
        }
    }

    /// Reads both tables.
    fn joined(&self, other: &Other, key: Vec<Bind>) -> Read {
        let quoted = |row: &str, column: &str| format!("{row}.{}", name(self.engine, column));
        let mut list = Vec::new();
        let mut columns = Vec::new();
        for it in self.plain() {
            list.push(self.as_text(&quoted("one", &it.column)));
            columns.push(seen(it.column, Value::Plain));
        }
        for (old, new) in &other.columns {
            list.push(self.as_text(&quoted("two", old)));
            columns.push(seen(new.clone(), Value::Of(Shape::Old)));
        }
        let on: Vec<String> = other
            .by
            .iter()
            .map(|(here, there)| format!("{} = {}", quoted("two", here), quoted("one", there)))
            .collect();
        let found: Vec<String> = (0..)
            .zip(&key)
            .map(|(at, it)| {
                let column = quoted("one", &it.column);
                format!("{column} = {}", self.parameter(at, &it.column))
            })
            .collect();
        Read {
            sql: format!(
                "SELECT {} FROM {} AS one LEFT JOIN {} AS two ON {} WHERE {}",
                list.join(", "),
                self.table.sql,
                other.sql,
                on.join(" AND "),
                found.join(" AND ")
            ),
            binds: key,
            columns,
        }
    }

    /// Reads the table that stays.
    fn alone(&self, other: &Other, key: Vec<Bind>) -> Read {
        let mut all = self.plain();
        all.extend(moved(other, Shape::New));
        self.read(all, key, &[])
    }
}

/// The columns that move, by the names that the table that stays has for them.
fn moved(other: &Other, shape: Shape) -> impl Iterator<Item = Bind> {
    other.columns.iter().map(move |(_, new)| Bind {
        column: new.clone(),
        value: Value::Of(shape),
    })
}

fn seen(column: String, value: Value) -> Seen {
    Seen {
        column,
        value,
        required: false,
    }
}
