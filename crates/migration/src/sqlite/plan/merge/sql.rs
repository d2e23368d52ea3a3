//! The SQL of a merge.

use std::fmt::Write as _;

use super::Other;
use super::take::Twin;
use crate::operation::Sql;
use crate::operation::merge::Pairs;
use crate::sqlite::catalog::IndexOrigin;
use crate::sqlite::plan::Draft;
use crate::sqlite::text::{literal, name};

/// Both tables.
pub(super) struct Tables<'a> {
    pub(super) draft: &'a Draft<'a>,
    pub(super) other: &'a Other<'a>,
    pub(super) pairs: Pairs<'a>,
    pub(super) indexes: &'a [Twin],
}

impl Tables<'_> {
    fn a(&self) -> String {
        self.draft.t()
    }

    fn b(&self) -> String {
        name(&self.other.table.name)
    }

    // These three are in parentheses, to stand beside other conditions.

    fn apart(&self, row: &str, old_row: &str) -> String {
        format!("({})", self.pairs.apart(row, old_row))
    }

    fn some(&self, row: &str) -> String {
        format!("({})", self.pairs.some(row))
    }

    fn none(&self, row: &str) -> String {
        format!("({})", self.pairs.none(row))
    }

    /// That a row of the table that goes is not what the other one says.
    pub(super) fn lacking(&self) -> String {
        let old = format!("{}.", self.b());
        format!(
            "EXISTS (SELECT 1 FROM {} AS sb_into WHERE {} AND {})",
            self.a(),
            self.pairs.same("sb_into.", &old),
            self.apart("sb_into.", &old)
        )
    }

    /// Fails unless the table that goes is what it was when the change was planned, for the way back
    /// of the contract makes it again as it was then.
    pub(super) fn as_planned(&self) -> String {
        let gone = self.other.table;
        let made = gone.indexes.iter().filter_map(|it| it.sql.as_ref());
        let mut all: Vec<&String> = made.chain(std::iter::once(&gone.sql)).collect();
        all.sort_unstable();
        let all: Vec<_> = all.into_iter().map(|it| literal(it)).collect();
        let listed = format!(
            "FROM sqlite_schema WHERE tbl_name = {} COLLATE NOCASE AND sql IS NOT NULL",
            literal(&gone.name)
        );
        self.draft.guard(
            "planned",
            &format!("{} is not what it was when this was planned", gone.name),
            &format!(
                "SELECT (SELECT count(*) {listed}) <> {} OR EXISTS (SELECT 1 {listed} AND sql NOT IN \
                 (\n  {}))",
                all.len(),
                all.join(",\n  ")
            ),
        )
    }

    pub(super) fn add(&self) -> String {
        let a = self.a();
        self.pairs.all(
            |it| {
                format!(
                    "ALTER TABLE {a} ADD COLUMN {} {};\n",
                    name(&it.new),
                    it.type_sql
                )
            },
            "",
        )
    }

    pub(super) fn remove(&self) -> String {
        let a = self.a();
        self.pairs.all(
            |it| format!("ALTER TABLE {a} DROP COLUMN {};\n", name(&it.new)),
            "",
        )
    }

    /// What the row has that is written, over there. Where a statement of the kind `OR REPLACE` took
    /// another row away because of what is unique, no trigger was told; and such a statement would
    /// take rows away over here as well.
    fn forward(&self) -> String {
        let a = self.a();
        let nothing = self.nothing();
        let mut sql = String::new();
        for twin in self.indexes.iter().filter(|it| it.unique) {
            let equal: Vec<_> = twin
                .columns
                .iter()
                .map(|(old, new)| format!("{} = NEW.{}", name(new), name(old)))
                .collect();
            let _ = writeln!(
                sql,
                "  UPDATE {a} SET {nothing} WHERE {} AND NOT ({});",
                equal.join(" AND "),
                self.pairs.same("", "NEW.")
            );
        }
        let set = self.pairs.all(
            |it| format!("{} = NEW.{}", name(&it.new), name(&it.old)),
            ", ",
        );
        let _ = writeln!(
            sql,
            "  UPDATE {a} SET {set} WHERE {} AND {};",
            self.pairs.same("", "NEW."),
            self.apart("", "NEW.")
        );
        sql
    }

    fn nothing(&self) -> String {
        self.pairs
            .all(|it| format!("{} = NULL", name(&it.new)), ", ")
    }

    fn gone(&self) -> String {
        format!(
            "  UPDATE {} SET {} WHERE {} AND {};\n",
            self.a(),
            self.nothing(),
            self.pairs.same("", "OLD."),
            self.some("")
        )
    }

    /// What a row over here means for the one over there.
    fn backward(&self) -> String {
        let b = self.b();
        let set = self.pairs.all(
            |it| format!("{} = NEW.{}", name(&it.old), name(&it.new)),
            ", ",
        );
        let same = self.pairs.same("NEW.", "");
        let update = format!(
            "  UPDATE {b} SET {set} WHERE {same} AND {}",
            self.apart("NEW.", "")
        );
        // Without a value that it demands there can be no row.
        let (cleared, update) = if self.pairs.demands() {
            (
                format!(
                    "  DELETE FROM {b} WHERE {same} AND {};\n",
                    self.none("NEW.")
                ),
                format!("{update} AND {};\n", self.some("NEW.")),
            )
        } else {
            (String::new(), format!("{update};\n"))
        };
        format!(
            "{cleared}{update}  INSERT INTO {b} ({}, {})\n    SELECT {}, {} WHERE {} AND NOT EXISTS \
             (SELECT 1 FROM {b} WHERE {same});\n",
            self.pairs.keys(|here, _| here.to_owned(), ", "),
            self.pairs.all(|it| name(&it.old), ", "),
            self.pairs.keys(|_, there| format!("NEW.{there}"), ", "),
            self.pairs.all(|it| format!("NEW.{}", name(&it.new)), ", "),
            self.some("NEW."),
        )
    }

    /// Each trigger's name, its event, and what it does.
    fn triggers(&self) -> Vec<(&'static str, String, String)> {
        let (a, b) = (self.a(), self.b());
        let moved = self
            .pairs
            .keys(|_, there| format!("OLD.{there} IS NOT NEW.{there}"), " OR ");
        let changed = self.pairs.changed();
        let follow = format!(
            "  UPDATE {b} SET {} WHERE {} AND ({moved});\n",
            self.pairs
                .keys(|here, there| format!("{here} = NEW.{there}"), ", "),
            self.pairs.same("OLD.", "")
        );
        let left = format!(
            "  UPDATE {a} SET {} WHERE {} AND {} AND NOT ({});\n",
            self.nothing(),
            self.pairs.same("", "OLD."),
            self.some(""),
            self.pairs
                .keys(|here, _| format!("OLD.{here} IS NEW.{here}"), " AND "),
        );
        let pulled = self.pairs.all(
            |it| {
                format!(
                    "{} = (SELECT {} FROM {b} WHERE {})",
                    name(&it.new),
                    name(&it.old),
                    self.pairs.same("NEW.", "")
                )
            },
            ", ",
        );
        vec![
            (
                "there_insert",
                format!("AFTER INSERT ON {b} FOR EACH ROW"),
                self.forward(),
            ),
            (
                "there_update",
                format!("AFTER UPDATE ON {b} FOR EACH ROW"),
                format!("{left}{}", self.forward()),
            ),
            (
                "there_delete",
                format!("AFTER DELETE ON {b} FOR EACH ROW"),
                self.gone(),
            ),
            (
                "insert",
                format!(
                    "AFTER INSERT ON {a} FOR EACH ROW\nWHEN {}",
                    self.some("NEW.")
                ),
                self.backward(),
            ),
            // A row that was there before its own, or that `OR REPLACE` made anew.
            (
                "insert_late",
                format!(
                    "AFTER INSERT ON {a} FOR EACH ROW\nWHEN {} AND EXISTS (SELECT 1 FROM {b} WHERE {})",
                    self.none("NEW."),
                    self.pairs.same("NEW.", "")
                ),
                format!(
                    "  UPDATE {a} SET {pulled} WHERE {};\n",
                    self.pairs
                        .keys(|_, there| format!("{there} = NEW.{there}"), " AND ")
                ),
            ),
            (
                "update",
                format!("AFTER UPDATE ON {a} FOR EACH ROW\nWHEN {moved} OR {changed}"),
                format!("{follow}{}", self.backward()),
            ),
            (
                "delete",
                format!("AFTER DELETE ON {a} FOR EACH ROW"),
                format!("  DELETE FROM {b} WHERE {};\n", self.pairs.same("OLD.", "")),
            ),
        ]
    }

    pub(super) fn create(&self) -> String {
        let all = self.triggers().into_iter();
        all.map(|(own, event, body)| {
            let own = name(&self.draft.own(own));
            format!("CREATE TRIGGER {own}\n{event}\nBEGIN\n{body}END;\n")
        })
        .collect()
    }

    pub(super) fn drop(&self) -> String {
        let all = self.triggers().into_iter();
        all.map(|(own, ..)| format!("DROP TRIGGER {};\n", name(&self.draft.own(own))))
            .collect()
    }

    pub(super) fn build(&self) -> Option<Sql> {
        let (mut up, mut down) = (String::new(), String::new());
        for (number, twin) in (1..).zip(self.indexes) {
            let own = name(&self.draft.own(&format!("index_{number}")));
            let unique = if twin.unique { "UNIQUE " } else { "" };
            let keys = twin.keys.join(", ");
            let _ = writeln!(up, "CREATE {unique}INDEX {own} ON {} ({keys});", self.a());
            let _ = writeln!(down, "DROP INDEX {own};");
        }
        (!up.is_empty()).then(|| Sql::transaction(up, down))
    }

    /// What the table that goes demands of its rows, for rows that have one there.
    pub(super) fn rules(&self, checks: &[String]) -> Option<Sql> {
        let a = self.a();
        let (mut up, mut down) = (String::new(), String::new());
        for (own, rule) in self.pairs.rules(checks) {
            let own = name(&self.draft.own(&own));
            let _ = writeln!(up, "ALTER TABLE {a} ADD CONSTRAINT {own} CHECK ({rule});");
            let _ = writeln!(down, "ALTER TABLE {a} DROP CONSTRAINT {own};");
        }
        (!up.is_empty()).then(|| Sql::transaction(up, down))
    }

    /// The columns of the table that goes that do not move.
    fn staying(&self) -> Vec<String> {
        let all = self.other.table.columns.iter();
        all.filter(|it| !self.pairs.parts.iter().any(|part| part.old == it.name))
            .map(|it| name(&it.name))
            .collect()
    }

    /// The row id, where it is no column's.
    fn rowid(&self) -> Option<&'static str> {
        let own = self.other.own_rowid;
        self.other.table.rowid().filter(|_| !own)
    }

    fn counts(&self) -> bool {
        let tokens = self.other.table.tokens();
        tokens.iter().any(|it| it.is_word("autoincrement"))
    }

    fn pass_count(from: &str, to: &str) -> String {
        format!(
            "DELETE FROM sqlite_sequence WHERE name = {to};\nUPDATE sqlite_sequence SET name = {to} \
             WHERE name = {from};\n",
            from = literal(from),
            to = literal(to)
        )
    }

    pub(super) fn contract(&self, archive: &str) -> String {
        let (a, b) = (self.a(), self.b());
        let gone = &self.other.table.name;
        let apart = self.draft.guard(
            "same",
            &format!("rows of {} and {gone} differ", self.draft.shown()),
            &format!(
                "SELECT (SELECT count(*) FROM {a} AS sb_into JOIN {b} AS sb_from ON {same} WHERE {})\n\
                 \x20 + (SELECT count(*) FROM {a} AS sb_into WHERE {} AND NOT EXISTS (SELECT 1 FROM {b} \
                 AS sb_from WHERE {same}))\n\
                 \x20 + (SELECT count(*) FROM {b} AS sb_from WHERE NOT EXISTS (SELECT 1 FROM {a} AS \
                 sb_into WHERE {same}))",
                self.apart("sb_into.", "sb_from."),
                self.some("sb_into."),
                same = self.pairs.same("sb_into.", "sb_from.")
            ),
        );
        let row = self.rowid().map_or_else(String::new, |rowid| {
            format!("{rowid} AS {}, ", name(&self.draft.own("row")))
        });
        let count = if self.counts() {
            Self::pass_count(gone, archive)
        } else {
            String::new()
        };
        format!(
            "-- The table goes, so every value must be in the other one too.\n{apart}\n{}\
             CREATE TABLE {} AS SELECT {row}* FROM {b};\n{count}DROP TABLE {b};\n",
            self.drop(),
            name(archive)
        )
    }

    pub(super) fn uncontract(&self, archive: &str) -> String {
        let (a, b) = (self.a(), self.b());
        let gone = self.other.table;
        let mut into = Vec::new();
        let mut from = Vec::new();
        if let Some(rowid) = self.rowid() {
            into.push(rowid.to_owned());
            from.push(format!("sb_kept.{}", name(&self.draft.own("row"))));
        }
        for column in self.staying() {
            from.push(format!("sb_kept.{column}"));
            into.push(column);
        }
        for part in self.pairs.parts {
            into.push(name(&part.old));
            from.push(format!("sb_into.{}", name(&part.new)));
        }
        let only = if self.pairs.demands() {
            format!(" WHERE {}", self.some("sb_into."))
        } else {
            String::new()
        };
        let count = if self.counts() {
            Self::pass_count(archive, &gone.name)
        } else {
            String::new()
        };
        let made = gone.indexes.iter();
        let made = made.filter(|it| it.origin == IndexOrigin::Created);
        let indexes: String = made
            .filter_map(|it| it.sql.as_ref())
            .map(|sql| format!("{sql};\n"))
            .collect();
        let kept = name(archive);
        format!(
            "{};\n-- What it had, with what was written since.\n\
             INSERT INTO {b} ({})\n  SELECT {} FROM {kept} AS sb_kept JOIN {a} AS sb_into ON {}{only};\n\
             INSERT INTO {b} ({}, {})\n  SELECT {}, {} FROM {a} AS sb_into WHERE {} AND NOT EXISTS \
             (SELECT 1 FROM {b} AS sb_from WHERE {});\n{count}{indexes}DROP TABLE {kept};\n\n{}",
            gone.sql,
            into.join(", "),
            from.join(", "),
            self.pairs.same("sb_into.", "sb_kept."),
            self.pairs.keys(|here, _| here.to_owned(), ", "),
            self.pairs.all(|it| name(&it.old), ", "),
            self.pairs.keys(|_, there| format!("sb_into.{there}"), ", "),
            self.pairs
                .all(|it| format!("sb_into.{}", name(&it.new)), ", "),
            self.some("sb_into."),
            self.pairs.same("sb_into.", "sb_from."),
            self.create()
        )
    }
}
