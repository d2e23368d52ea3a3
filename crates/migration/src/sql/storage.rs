//! `ADD COLUMN … STORAGE …` and `… COMPRESSION …`, which the grammar knows for columns of new tables
//! only.
//!
//! A text that the grammar refused is given to it once more without these words, and what is added
//! there says that it had them. They say how values are stored that are long, and change nothing
//! else.

use super::ir::{AlterAction, Kind, Span, Statement};
use super::lex::{Kind as Is, Lexer, Token};
use crate::engine::Engine;

/// What may follow after the type of a column.
const AFTER_TYPE: [&str; 17] = [
    "check",
    "collate",
    "constraint",
    "default",
    "deferrable",
    "enforced",
    "fdw",
    "generated",
    "initially",
    "not",
    "null",
    "options",
    "primary",
    "references",
    "unique",
    "using",
    "with",
];

/// A text without these words.
pub(super) struct Without {
    /// As long as it was.
    pub(super) text: String,
    /// Where words were, in bytes of the text, and whether they were those of `STORAGE`.
    places: Vec<(Span, bool)>,
}

/// A text of PostgreSQL without these words, if it had any where they may stand.
pub(super) fn without(sql: &str) -> Option<Without> {
    let mut lexer = Lexer::new(sql, Engine::Postgres);
    let tokens: Vec<Token> = std::iter::from_fn(|| lexer.token()).collect();
    let is = |at: usize, word: &str| tokens.get(at).is_some_and(|it| it.is(sql, word));
    if !is(0, "alter") {
        return None;
    }
    let mut without = Without {
        text: sql.to_owned(),
        places: Vec::new(),
    };
    let mut depth = 0_usize;
    // Of the type of a new column, its first token.
    let mut begin: Option<usize> = None;
    let mut at = 0;
    while let Some(token) = tokens.get(at) {
        match token.kind {
            Is::Mark(b'(' | b'[') => depth += 1,
            Is::Mark(b')' | b']') => depth = depth.saturating_sub(1),
            Is::Mark(b',') if depth == 0 => begin = None,
            Is::Word if depth == 0 && begin.is_none() && is(at, "add") => {
                let mut name = at + 1;
                name += usize::from(is(name, "column"));
                let guarded = is(name, "if") && is(name + 1, "not") && is(name + 2, "exists");
                name += if guarded { 3 } else { 0 };
                begin = Some(name + 1);
                at = name;
            }
            Is::Word if depth == 0 && begin.is_some_and(|first| at > first) => {
                let storage = is(at, "storage");
                let behind_dot = tokens.get(at - 1).is_some_and(|it| it.marks(b'.'));
                let mode = tokens.get(at + 1);
                let mode = mode.filter(|it| matches!(it.kind, Is::Word | Is::Quoted));
                if let Some(mode) = mode
                    && !behind_dot
                    && (storage || is(at, "compression"))
                {
                    without.blank(token.start, mode.end);
                    without.places.push((token.start..mode.end, storage));
                    at += 1;
                } else if AFTER_TYPE.iter().any(|word| is(at, word)) {
                    begin = None;
                }
            }
            _ => {}
        }
        at += 1;
    }
    (!without.places.is_empty()).then_some(without)
}

impl Without {
    fn blank(&mut self, start: usize, end: usize) {
        let blanks = " ".repeat(end - start);
        self.text.replace_range(start..end, &blanks);
    }

    /// Says of the columns that were read how their words were; the text begins at `offset` of the
    /// file.
    pub(super) fn finish(&self, offset: usize, found: &mut [Statement]) {
        for statement in found {
            let Kind::Alter(alter) = &mut statement.kind else {
                continue;
            };
            for (words, storage) in &self.places {
                let (start, end) = (offset + words.start, offset + words.end);
                let actions = alter.actions.iter_mut();
                let before = actions.filter(|(_, span)| span.start <= start);
                if let Some((AlterAction::AddColumn { column, .. }, span)) = before.last() {
                    column.storage |= storage;
                    column.compression |= !storage;
                    // What stood last is part of it all the same.
                    column.span.end = column.span.end.max(end);
                    span.end = span.end.max(end);
                    statement.span.end = statement.span.end.max(end);
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sql::ir::Column;
    use crate::sql::parse;

    fn columns(sql: &str) -> Vec<Column> {
        let statements = parse(sql, Engine::Postgres);
        let [statement] = statements.as_slice() else {
            unreachable!("one statement: {statements:?}");
        };
        let Kind::Alter(alter) = &statement.kind else {
            return Vec::new();
        };
        let actions = alter.actions.iter();
        let columns = actions.filter_map(|(action, _)| match action {
            AlterAction::AddColumn { column, .. } => Some((**column).clone()),
            _ => None,
        });
        columns.collect()
    }

    fn words(sql: &str) -> Vec<(String, bool, bool)> {
        let all = columns(sql).into_iter();
        all.map(|it| (it.name, it.storage, it.compression))
            .collect()
    }

    #[test]
    fn each_column_has_its_own_words() {
        let sql = "ALTER TABLE t ADD a text STORAGE EXTERNAL COMPRESSION pglz NOT NULL,
            ADD COLUMN IF NOT EXISTS b numeric(10, 2)[] DEFAULT '{}', ADD c s.\"T\" compression default";
        let expected = [("a", true, true), ("b", false, false), ("c", false, true)];
        let expected = expected.map(|(name, one, other)| (name.to_owned(), one, other));
        assert_eq!(words(sql), expected);
        assert_eq!(columns(sql)[0].constraints.len(), 1);
        assert!(columns(sql)[1].default.is_some());
        let statement = &parse(sql, Engine::Postgres)[0];
        assert_eq!(statement.span, 0..sql.len());
    }

    #[test]
    fn names_and_types_are_no_such_words() {
        for sql in [
            "ALTER TABLE t ADD storage text",
            "ALTER TABLE t ADD COLUMN a s.storage",
            "ALTER TABLE storage ADD compression storage",
        ] {
            assert!(without(sql).is_none(), "{sql}");
            assert!(words(sql).iter().all(|(_, one, other)| !one && !other));
        }
        // What the server refuses is not made into something that it takes.
        for sql in [
            "ALTER TABLE t ADD COLUMN a text NOT NULL STORAGE plain",
            "ALTER TABLE t ADD COLUMN a text STORAGE",
            "ALTER TABLE t ADD COLUMN a storage plain x",
        ] {
            assert_eq!(words(sql), [], "{sql}");
        }
    }
}
