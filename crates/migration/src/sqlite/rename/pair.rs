//! The two columns, and the pieces of SQL that every step is put together from.

use super::{Reason, Rename};
use crate::definition::prefix;
use crate::sqlite::catalog::{Affinity, Column, IndexOrigin, Table};
use crate::sqlite::text::{Token, literal, name, tokens};

/// A column and its twin under the new name.
pub(super) struct Pair {
    /// The table's name, as people write it.
    pub(super) table: String,
    /// The column's name now.
    pub(super) old: String,
    /// The name that it gets.
    pub(super) new: String,
    /// The change's id.
    pub(super) change: String,
    /// Whether the column is `NOT NULL`.
    pub(super) not_null: bool,
    /// The prefix of every name that the change makes.
    prefix: String,
    /// A name that means the row id.
    pub(super) rowid: &'static str,
    /// What follows the new column's name where it is added.
    definition: String,
    /// The default as it is stored, `NULL` where there is none.
    pub(super) default: String,
    /// Whether values must be compared with regard to their type: nothing converts them.
    typed: bool,
    /// Whether the column compares by bytes.
    binary: bool,
    /// Names and definitions of the indexes that the new column needs.
    twins: Vec<(String, String)>,
}

impl Pair {
    pub(super) fn of(table: &Table, rename: &Rename) -> Result<Self, Reason> {
        let missing = || Reason::NoColumn {
            column: rename.from.clone(),
        };
        let old = table.column(&rename.from).ok_or_else(missing)?;
        let affinity = old.affinity(table.strict);
        let binary = old.collation.eq_ignore_ascii_case("BINARY");
        let mut definition = old.declared_type.clone();
        let mut default = "NULL".to_owned();
        if let Some(text) = &old.default {
            default = stored(text, affinity).ok_or_else(|| Reason::Default {
                column: old.name.clone(),
                default: text.clone(),
            })?;
            definition.push_str(&format!(" DEFAULT {text}"));
        }
        if !binary {
            definition.push_str(&format!(" COLLATE {}", old.collation));
        }
        let prefix = prefix(&rename.change);
        Ok(Self {
            twins: twins(table, old, &rename.to, &prefix),
            table: table.name.clone(),
            old: old.name.clone(),
            new: rename.to.clone(),
            change: rename.change.to_string(),
            not_null: old.not_null,
            prefix,
            rowid: table.rowid().ok_or(Reason::HiddenRowid)?,
            definition: definition.trim_start().to_owned(),
            default,
            typed: affinity == Affinity::Blob,
            binary,
        })
    }

    /// The table, as it stands in SQL.
    pub(super) fn t(&self) -> String {
        name(&self.table)
    }

    /// The old column, as it stands in SQL.
    pub(super) fn o(&self) -> String {
        name(&self.old)
    }

    /// The new column, as it stands in SQL.
    pub(super) fn n(&self) -> String {
        name(&self.new)
    }

    /// A name of this change, as it stands in SQL.
    pub(super) fn own(&self, what: &str) -> String {
        name(&format!("{}{what}", self.prefix))
    }

    /// That two values are not exactly the same, where `NULL` is the same as `NULL`.
    ///
    /// A collation that ignores case would call values equal that are not, and a column without
    /// affinity holds 1 and 1.0 as different values; where neither can happen the test is short.
    pub(super) fn differ(&self, left: &str, right: &str) -> String {
        let binary = if self.binary { "" } else { " COLLATE BINARY" };
        let values = format!("{left}{binary} IS NOT {right}");
        if self.typed {
            format!("({values} OR typeof({left}) IS NOT typeof({right}))")
        } else {
            values
        }
    }

    /// That a value is the column's default, so that a statement has probably left it out.
    pub(super) fn left_out(&self, value: &str) -> String {
        let default = &self.default;
        let binary = if self.binary { "" } else { " COLLATE BINARY" };
        if self.typed && default != "NULL" {
            format!("{value} IS {default} AND typeof({value}) IS typeof({default})")
        } else {
            format!("{value}{binary} IS {default}")
        }
    }

    /// That a value is not the column's default.
    pub(super) fn given(&self, value: &str) -> String {
        let default = &self.default;
        if self.typed && default != "NULL" {
            format!("NOT ({})", self.left_out(value))
        } else {
            let binary = if self.binary { "" } else { " COLLATE BINARY" };
            format!("{value}{binary} IS NOT {default}")
        }
    }

    pub(super) fn relax(&self) -> String {
        if !self.not_null {
            return String::new();
        }
        format!(
            "-- A statement that writes only the new column must get past the old one.\n\
             ALTER TABLE {} ALTER COLUMN {} DROP NOT NULL;\n",
            self.t(),
            self.o()
        )
    }

    pub(super) fn restrict(&self) -> String {
        if !self.not_null {
            return String::new();
        }
        format!(
            "ALTER TABLE {} ALTER COLUMN {} SET NOT NULL;\n",
            self.t(),
            self.o()
        )
    }

    pub(super) fn add(&self) -> String {
        let gap = if self.definition.is_empty() { "" } else { " " };
        format!(
            "ALTER TABLE {} ADD COLUMN {}{gap}{};\n",
            self.t(),
            self.n(),
            self.definition
        )
    }

    pub(super) fn drop(&self) -> String {
        format!("ALTER TABLE {} DROP COLUMN {};\n", self.t(), self.n())
    }

    pub(super) fn rename(&self) -> String {
        format!(
            "ALTER TABLE {} RENAME COLUMN {} TO {};\n",
            self.t(),
            self.o(),
            self.n()
        )
    }

    pub(super) fn rename_back(&self) -> String {
        format!(
            "ALTER TABLE {} RENAME COLUMN {} TO {};\n",
            self.t(),
            self.n(),
            self.o()
        )
    }

    /// The indexes of the new column, the same as the old column has.
    pub(super) fn create_twins(&self) -> String {
        self.twins
            .iter()
            .map(|(_, sql)| format!("{sql};\n"))
            .collect()
    }

    pub(super) fn drop_twins(&self) -> String {
        self.twins
            .iter()
            .map(|(twin, _)| format!("DROP INDEX {};\n", name(twin)))
            .collect()
    }

    /// SQL that fails, and so rolls everything back, if `rows` counts any.
    pub(super) fn guard(&self, what: &str, complaint: &str, rows: &str) -> String {
        let guard = self.own(&format!("guard_{what}"));
        format!(
            "CREATE TEMP TABLE {guard} (found INTEGER CONSTRAINT {} CHECK (found = 0));\n\
             INSERT INTO temp.{guard} SELECT count(*) FROM {} WHERE {rows};\n\
             DROP TABLE temp.{guard};\n",
            name(complaint),
            self.t()
        )
    }

    /// The comment that a file of SQL starts with.
    pub(super) fn header(&self, step: &str, what: &str) -> String {
        format!(
            "-- {}\n\
             --\n\
             -- Step {step} of the change {}. `switchback change apply` and `undo` run this in one\n\
             -- transaction with the mark that says that it ran. Run by hand it leaves no mark, and then\n\
             -- Switchback goes no further: it finds a schema that no step of it left.\n\n",
            comment(what),
            self.change
        )
    }
}

/// Text for a comment of one line: a name with a line break in it must not end the comment.
pub(super) fn comment(text: &str) -> String {
    text.chars()
        .map(|c| if c.is_control() { ' ' } else { c })
        .collect()
}

/// The default as a literal that equals what SQLite stores for it; none where that is not plain.
fn stored(default: &str, affinity: Affinity) -> Option<String> {
    let textual = affinity == Affinity::Text;
    let number = |value: i64| {
        if textual {
            literal(&value.to_string())
        } else {
            value.to_string()
        }
    };
    let found = tokens(default);
    match found.as_slice() {
        [Token::Word(word)] => match word.as_str() {
            "null" => Some("NULL".to_owned()),
            "true" => Some(number(1)),
            "false" => Some(number(0)),
            _ => None,
        },
        [Token::Text(text)] => match (text.trim().parse::<f64>(), text.parse::<i64>(), affinity) {
            (_, _, Affinity::Text | Affinity::Blob) | (Err(_), ..) => Some(literal(text)),
            (_, Ok(value), _) if value.to_string() == *text => Some(number(value)),
            _ => None,
        },
        [Token::Number(blob)] if blob.starts_with('x') => Some(blob.clone()),
        [Token::Number(_)] | [Token::Mark('-' | '+'), ..] | [.., Token::Number(_)] => {
            let written = default.trim();
            let plain = written.strip_prefix('+').unwrap_or(written).trim_start();
            if let Ok(value) = plain.parse::<i64>() {
                return Some(number(value));
            }
            let digits = plain.strip_prefix('-').unwrap_or(plain);
            let decimal = digits.starts_with(|c: char| c.is_ascii_digit())
                && digits.bytes().all(|b| b.is_ascii_digit() || b == b'.');
            (decimal && !textual && plain.parse::<f64>().is_ok()).then(|| plain.to_owned())
        }
        _ => None,
    }
}

fn twins(table: &Table, old: &Column, new: &str, prefix: &str) -> Vec<(String, String)> {
    let wanted = table
        .indexes
        .iter()
        .filter(|index| index.origin != IndexOrigin::PrimaryKey && index.covers(&old.name));
    (1..)
        .zip(wanted)
        .map(|(number, index)| {
            let twin = format!("{prefix}index_{number}");
            let keys: Vec<_> = index
                .columns
                .iter()
                .map(|key| {
                    let column = key.name.as_deref().unwrap_or_default();
                    let declared = table.column(column).map_or("BINARY", |it| &it.collation);
                    let renamed = column.eq_ignore_ascii_case(&old.name);
                    let mut text = name(if renamed { new } else { column });
                    if !key.collation.eq_ignore_ascii_case(declared) {
                        text.push_str(&format!(" COLLATE {}", key.collation));
                    }
                    if key.descending {
                        text.push_str(" DESC");
                    }
                    text
                })
                .collect();
            let unique = if index.unique { "UNIQUE " } else { "" };
            let sql = format!(
                "CREATE {unique}INDEX {} ON {} ({})",
                name(&twin),
                name(&table.name),
                keys.join(", ")
            );
            (twin, sql)
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_default_is_known_as_it_is_stored() {
        for (default, affinity, expected) in [
            ("NULL", Affinity::Text, Some("NULL")),
            ("'a''b'", Affinity::Text, Some("'a''b'")),
            ("5", Affinity::Text, Some("'5'")),
            ("-5", Affinity::Text, Some("'-5'")),
            ("+4", Affinity::Numeric, Some("4")),
            ("'0'", Affinity::Numeric, Some("0")),
            ("'x'", Affinity::Numeric, Some("'x'")),
            ("'1.5'", Affinity::Numeric, None),
            ("1.50", Affinity::Real, Some("1.50")),
            ("1.50", Affinity::Text, None),
            ("true", Affinity::Numeric, Some("1")),
            ("x'00ff'", Affinity::Blob, Some("x'00ff'")),
            ("CURRENT_TIMESTAMP", Affinity::Text, None),
            ("abs(1)", Affinity::Numeric, None),
            ("1+2", Affinity::Numeric, None),
            ("0x10", Affinity::Numeric, None),
            ("1e3", Affinity::Numeric, None),
            ("\"q\"", Affinity::Text, None),
        ] {
            assert_eq!(
                stored(default, affinity).as_deref(),
                expected,
                "{default} {affinity:?}"
            );
        }
    }
}
