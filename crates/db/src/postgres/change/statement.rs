//! What a statement is, as far as it decides how it is run: whether it may run long, and whether and
//! how it can be run again after a crash.

use std::ops::Range;

use super::words::{Kind, Token};
use crate::postgres::session::name;

/// The name of something that may be in a schema.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Full {
    pub(super) schema: Option<String>,
    pub(super) name: String,
}

/// What a statement is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Form {
    /// `CREATE INDEX`.
    CreateIndex(CreateIndex),
    /// `DROP INDEX`.
    DropIndex(DropIndex),
    /// `ALTER TABLE … ATTACH PARTITION …`.
    Attach { table: Full, partition: Full },
    /// `ALTER TABLE … DETACH PARTITION …`.
    Detach {
        table: Full,
        partition: Full,
        concurrently: bool,
    },
    /// `REINDEX`.
    Reindex { concurrently: bool },
    /// Something else that can be run again as it stands; `long` where it keeps no reader or writer
    /// waiting for however long it takes.
    Again { long: bool },
    /// A block of code or a query: it takes no strong lock by itself.
    Code,
    /// Any other.
    Other,
}

/// `CREATE INDEX`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct CreateIndex {
    pub(super) concurrently: bool,
    /// Its name; its schema is that of the table.
    pub(super) name: Option<String>,
    /// The table.
    pub(super) table: Full,
    /// Where the table stands in the statement, with `ONLY`, in bytes.
    pub(super) on: Range<usize>,
    pub(super) unique: bool,
}

/// `DROP INDEX`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct DropIndex {
    pub(super) concurrently: bool,
    /// Where `IF EXISTS` belongs, in bytes, if it is missing.
    pub(super) if_exists_at: Option<usize>,
    /// What is dropped.
    pub(super) names: Vec<Full>,
}

impl std::fmt::Display for Full {
    /// As it stands in SQL.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        if let Some(schema) = &self.schema {
            write!(f, "{}.", name(schema))?;
        }
        f.write_str(&name(&self.name))
    }
}

impl Form {
    /// Whether it keeps no reader or writer waiting, however long it takes.
    pub(super) const fn may_run_long(&self) -> bool {
        match self {
            Form::CreateIndex(it) => it.concurrently,
            Form::DropIndex(it) => it.concurrently,
            Form::Reindex { concurrently } => *concurrently,
            Form::Again { long } => *long,
            Form::Detach { concurrently, .. } => *concurrently,
            Form::Code => true,
            Form::Attach { .. } | Form::Other => false,
        }
    }

    /// Whether it waits for other transactions to end without holding up readers and writers.
    pub(super) const fn waits_beside(&self) -> bool {
        match self {
            Form::CreateIndex(it) => it.concurrently,
            Form::DropIndex(it) => it.concurrently,
            Form::Reindex { concurrently } | Form::Detach { concurrently, .. } => *concurrently,
            _ => false,
        }
    }
}

/// Reads tokens from the front.
struct Reader<'a, 't> {
    words: &'a [Token<'t>],
    at: usize,
}

impl Reader<'_, '_> {
    fn take(&mut self, word: &str) -> bool {
        let found = self.words.get(self.at).is_some_and(|it| it.is(word));
        self.at += usize::from(found);
        found
    }

    /// All of these words, or none.
    fn take_all(&mut self, words: &[&str]) -> bool {
        let found = words.iter().enumerate().all(|(place, word)| {
            self.words
                .get(self.at + place)
                .is_some_and(|it| it.is(word))
        });
        self.at += if found { words.len() } else { 0 };
        found
    }

    fn mark(&mut self, byte: u8) -> bool {
        let found = self
            .words
            .get(self.at)
            .is_some_and(|it| it.kind == Kind::Mark(byte));
        self.at += usize::from(found);
        found
    }

    fn start(&self) -> usize {
        match self.words.get(self.at) {
            Some(token) => token.start,
            None => self.words.last().map_or(0, Token::end),
        }
    }

    fn end(&self) -> usize {
        self.words
            .get(self.at.wrapping_sub(1))
            .map_or(0, Token::end)
    }

    fn full(&mut self) -> Option<Full> {
        let first = self.words.get(self.at)?.name()?;
        self.at += 1;
        if !self.mark(b'.') {
            return Some(Full {
                schema: None,
                name: first,
            });
        }
        let name = self.words.get(self.at)?.name()?;
        self.at += 1;
        Some(Full {
            schema: Some(first),
            name,
        })
    }
}

/// What a statement is.
pub(super) fn form(words: &[Token<'_>]) -> Form {
    let reader = Reader { words, at: 0 };
    let again = |long| Form::Again { long };
    let Some(first) = words.first() else {
        return again(false);
    };
    if first.kind != Kind::Word {
        return Form::Other;
    }
    let second = |word: &str| words.get(1).is_some_and(|it| it.is(word));
    let found = match first.text.to_ascii_lowercase().as_str() {
        "create" => create_index(reader).map(Form::CreateIndex),
        "drop" if second("index") => drop_index(reader).map(Form::DropIndex),
        "alter" if second("index") => alter_index(reader),
        "alter" if second("table") => alter_table(reader),
        "alter" if second("type") => words
            .windows(5)
            .any(|it| {
                let wanted = ["add", "value", "if", "not", "exists"];
                it.iter().zip(wanted).all(|(token, word)| token.is(word))
            })
            .then(|| again(false)),
        "reindex" => Some(Form::Reindex {
            concurrently: words.iter().take(12).any(|it| it.is("concurrently")),
        }),
        "vacuum" | "analyze" | "analyse" => {
            let full = words.iter().take(12).any(|it| it.is("full"));
            Some(again(!full))
        }
        "refresh" => Some(again(second("materialized"))),
        "comment" => Some(again(false)),
        "select" | "do" | "with" | "table" | "values" => Some(Form::Code),
        _ => None,
    };
    found.unwrap_or(Form::Other)
}

fn create_index(mut it: Reader<'_, '_>) -> Option<CreateIndex> {
    it.take("create");
    let unique = it.take("unique");
    if !it.take("index") {
        return None;
    }
    let concurrently = it.take("concurrently");
    it.take_all(&["if", "not", "exists"]);
    let name = if it.words.get(it.at)?.is("on") {
        None
    } else {
        let name = it.words.get(it.at)?.name()?;
        it.at += 1;
        Some(name)
    };
    if !it.take("on") {
        return None;
    }
    let start = it.start();
    it.take("only");
    let table = it.full()?;
    let on = start..it.end();
    Some(CreateIndex {
        concurrently,
        name,
        table,
        on,
        unique,
    })
}

fn drop_index(mut it: Reader<'_, '_>) -> Option<DropIndex> {
    it.take_all(&["drop", "index"]);
    let concurrently = it.take("concurrently");
    let at = it.start();
    let if_exists = it.take_all(&["if", "exists"]);
    let mut names = vec![it.full()?];
    while it.mark(b',') {
        names.push(it.full()?);
    }
    Some(DropIndex {
        concurrently,
        if_exists_at: (!if_exists).then_some(at),
        names,
    })
}

fn alter_index(mut it: Reader<'_, '_>) -> Option<Form> {
    it.take_all(&["alter", "index"]);
    it.take_all(&["if", "exists"]);
    it.full()?;
    // Attaching what is attached does nothing; settings are set again.
    let again = it.take_all(&["attach", "partition"])
        || it.take_all(&["alter", "column"])
        || it.take("alter")
        || (it.take("set") && !it.take("tablespace"))
        || it.take("reset");
    again.then_some(Form::Again { long: false })
}

fn alter_table(mut it: Reader<'_, '_>) -> Option<Form> {
    it.take_all(&["alter", "table"]);
    it.take_all(&["if", "exists"]);
    it.take("only");
    let table = it.full()?;
    it.mark(b'*');
    if it.take_all(&["attach", "partition"]) {
        let partition = it.full()?;
        return Some(Form::Attach { table, partition });
    }
    if it.take_all(&["detach", "partition"]) {
        let partition = it.full()?;
        return Some(Form::Detach {
            table,
            partition,
            concurrently: it.take("concurrently"),
        });
    }
    let mut long = true;
    let mut depth = 0_i32;
    let mut begins = true;
    while it.at < it.words.len() {
        if begins {
            long &= repeatable_action(&mut it)?;
            begins = false;
            continue;
        }
        match it.words.get(it.at).map(|token| token.kind) {
            Some(Kind::Mark(b'(' | b'[')) => depth += 1,
            Some(Kind::Mark(b')' | b']')) => depth -= 1,
            Some(Kind::Mark(b',')) if depth == 0 => begins = true,
            _ => {}
        }
        it.at += 1;
    }
    Some(Form::Again { long })
}

/// Reads the first words of an action; none if it may fail the second time, else whether it may run
/// long.
fn repeatable_action(it: &mut Reader<'_, '_>) -> Option<bool> {
    if it.take("validate") {
        return Some(true);
    }
    if it.take("alter") {
        if it.take("constraint") {
            return Some(false);
        }
        it.take("column");
        it.words.get(it.at)?.name()?;
        it.at += 1;
        if it.take("set") {
            // A type again is the same type; an expression again would be another.
            return (!it.take("expression")).then_some(false);
        }
        if it.take("drop") {
            let once = it.take("identity") || it.take("expression");
            return (!once || it.take_all(&["if", "exists"])).then_some(false);
        }
        return it.take("reset").then_some(false);
    }
    if it.take("add") {
        it.take("column");
        return it.take_all(&["if", "not", "exists"]).then_some(false);
    }
    if it.take("drop") {
        let _ = it.take("column") || it.take("constraint");
        return it.take_all(&["if", "exists"]).then_some(false);
    }
    if it.take("set") {
        let moves = it.take("schema") || it.take("tablespace") || it.take("with");
        return (!moves).then_some(false);
    }
    let others = ["reset", "enable", "disable", "cluster", "replica", "owner"];
    others.iter().any(|word| it.take(word)).then_some(false)
}

#[cfg(test)]
mod tests {
    use super::super::words::tokens;
    use super::*;

    fn of(sql: &str) -> Form {
        form(&tokens(sql))
    }

    #[test]
    fn an_index_says_its_name_and_its_table() {
        let sql = "CREATE UNIQUE INDEX /* a */ CONCURRENTLY IF NOT EXISTS \"I\" ON ONLY s.\"T\" USING \
                   btree (a)";
        let Form::CreateIndex(it) = of(sql) else {
            panic!()
        };
        assert_eq!(it.name.as_deref(), Some("I"));
        assert_eq!(
            it.table,
            Full {
                schema: Some("s".to_owned()),
                name: "T".to_owned()
            }
        );
        assert_eq!(&sql[it.on.clone()], "ONLY s.\"T\"");
        assert!(it.concurrently && it.unique);
        let Form::CreateIndex(it) = of("create index on t (a)") else {
            panic!()
        };
        assert_eq!((it.name, it.concurrently), (None, false));
        assert_eq!(of("CREATE TABLE t (a int)"), Form::Other);
    }

    #[test]
    fn a_dropped_index_says_where_if_exists_belongs() {
        let sql = "DROP INDEX CONCURRENTLY a.b";
        let Form::DropIndex(it) = of(sql) else {
            panic!()
        };
        assert_eq!(it.if_exists_at, Some(24));
        assert_eq!(&sql[24..], "a.b");
        let Form::DropIndex(it) = of("drop index if exists a, b.c cascade") else {
            panic!()
        };
        assert_eq!((it.if_exists_at, it.names.len()), (None, 2));
    }

    #[test]
    fn validating_may_run_long() {
        assert!(of("ALTER TABLE t VALIDATE CONSTRAINT c").may_run_long());
        assert!(!of("ALTER TABLE t VALIDATE CONSTRAINT c, ALTER a SET NOT NULL").may_run_long());
        assert!(of("DO $$ $$").may_run_long());
        assert!(!of("ALTER TABLE t ADD COLUMN a int").may_run_long());
        assert!(!of("VACUUM FULL t").may_run_long());
    }
}
