//! A row that one client owns: what was written to it last, and what each version should read.

use switchback_migration::workload::{Bind, Seen, Statement, Value, Workload};
use switchback_model::{Shape, Shapes};

use super::bench::Pair;

/// Which of a row's two variants.
pub(super) type Which = usize;

/// A row as it should be in the table.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Now {
    plain: Which,
    /// What each shape says: old, new; none where that is not known.
    shapes: [Option<Which>; 2],
    /// The shape that a column with one value has, and when it was written.
    one: (Shape, u64),
    /// The shapes that the last write went to.
    written: Shapes,
    /// The code step of who wrote it last.
    writer: u16,
}

/// A row.
#[derive(Debug, Clone)]
pub(super) struct Row {
    pair: Pair,
    now: Option<Now>,
    /// Whether an earlier statement failed, so that nobody knows what is there.
    pub(super) unknown: bool,
}

/// What a value that was read amounts to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Judged {
    Right,
    /// It is not what was written last.
    Stale(Option<String>),
    /// It went through the other shape, and is neither what was written nor what was there before.
    Altered(Option<String>),
}

/// What is written by whom, when.
#[derive(Debug, Clone, Copy)]
pub(super) struct Write {
    pub(super) which: Which,
    pub(super) one: Shape,
    pub(super) writer: u16,
    pub(super) stage: u64,
    pub(super) insert: bool,
}

impl Row {
    pub(super) fn new(pair: Pair) -> Self {
        Self {
            pair,
            now: None,
            unknown: false,
        }
    }

    pub(super) const fn is_there(&self) -> bool {
        self.now.is_some()
    }

    pub(super) fn writer(&self) -> Option<u16> {
        self.now.map(|it| it.writer)
    }

    /// The variant that is not there now.
    pub(super) fn next(&self) -> Which {
        self.now.map_or(0, |now| 1 - now.plain)
    }

    /// The parameters of a statement that writes a variant.
    pub(super) fn values(&self, binds: &[Bind], which: Which, one: Shape) -> Vec<Option<String>> {
        self.pair[which].values(binds, one)
    }

    pub(super) fn removed(&mut self) {
        self.now = None;
    }

    /// Notes what a statement wrote.
    pub(super) fn wrote(&mut self, workload: &Workload, statement: &Statement, write: Write) {
        let to = |shape| {
            statement.all_binds().any(|bind| match bind.value {
                Value::Of(it) => it == shape,
                Value::Plain | Value::OneOf(_) => false,
            })
        };
        // Both shapes hold one fact where both have columns; else the other one is left alone.
        let linked = !workload.old.is_empty() && !workload.new.is_empty();
        let before = self.now.map_or([None, None], |now| now.shapes);
        let mut shapes = [None, None];
        let mut written = Shapes::NONE;
        for (place, shape) in Shape::ALL.into_iter().enumerate() {
            let mine = to(shape);
            if mine {
                written = written.with(shape);
            }
            shapes[place] = if mine || linked {
                Some(write.which)
            } else if write.insert {
                None
            } else {
                before[place]
            };
        }
        self.now = Some(Now {
            plain: write.which,
            shapes,
            one: (write.one, write.stage),
            written,
            writer: write.writer,
        });
    }

    /// What a value that was read at a stage amounts to. `settled` says that no step has given rows
    /// other values since they were written.
    pub(super) fn judge(
        &self,
        seen: &Seen,
        read: Option<&str>,
        settled: impl Fn(u64) -> bool,
    ) -> Judged {
        let Some(now) = self.now else {
            return Judged::Right;
        };
        if seen.required && read.is_none() {
            return Judged::Stale(Some("a value".to_owned()));
        }
        let of = |which: Which, one| self.pair[which].value(seen.value, &seen.column, one);
        let (expected, other, mine) = match seen.value {
            Value::Plain => (
                of(now.plain, Shape::Old),
                of(1 - now.plain, Shape::Old),
                true,
            ),
            Value::Of(shape) => {
                let Some(which) = now.shapes[usize::from(shape == Shape::New)] else {
                    return Judged::Right;
                };
                let mine = now.written.has(shape);
                (of(which, shape), of(1 - which, shape), mine)
            }
            Value::OneOf(_) => {
                let (shape, stage) = now.one;
                if !settled(stage) {
                    return Judged::Right;
                }
                (of(now.plain, shape), None, true)
            }
        };
        if expected.as_deref() == read {
            Judged::Right
        } else if mine || read.is_none() || other.as_deref() == read {
            Judged::Stale(expected)
        } else {
            Judged::Altered(expected)
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use switchback_migration::workload::{Source, Table};

    use super::super::bench::Variant;
    use super::*;

    fn variant(old: &str, new: &str) -> Variant {
        let texts =
            |column: &str, text: &str| BTreeMap::from([(column.to_owned(), Some(text.to_owned()))]);
        Variant {
            plain: texts("id", "1"),
            old: texts("name", old),
            new: texts("first", new),
        }
    }

    fn bind(column: &str, value: Value) -> Bind {
        Bind {
            column: column.to_owned(),
            value,
        }
    }

    fn statement(binds: &[Bind]) -> Statement {
        Statement {
            sql: String::new(),
            binds: binds.to_vec(),
            with: None,
        }
    }

    fn seen(column: &str, value: Value) -> Seen {
        Seen {
            column: column.to_owned(),
            value,
            required: false,
        }
    }

    fn workload(linked: bool) -> Workload {
        let sources = |column: &str| BTreeMap::from([(column.to_owned(), Source::Kept)]);
        Workload {
            table: Table {
                sql: "t".to_owned(),
                alias: "t".to_owned(),
                columns: Vec::new(),
                key: vec!["id".to_owned()],
            },
            other: None,
            versions: Vec::new(),
            old: if linked {
                sources("name")
            } else {
                BTreeMap::new()
            },
            new: sources("first"),
            types: BTreeMap::new(),
            breaks: None,
            obeying: false,
        }
    }

    const OLD: Value = Value::Of(Shape::Old);
    const NEW: Value = Value::Of(Shape::New);

    fn write(which: Which, insert: bool) -> Write {
        Write {
            which,
            one: Shape::Old,
            writer: 0,
            stage: 0,
            insert,
        }
    }

    #[test]
    fn the_other_shape_has_to_follow_and_its_former_value_is_stale() {
        let mut row = Row::new([variant("Ada L", "Ada"), variant("Mary S", "Mary")]);
        let binds = [bind("id", Value::Plain), bind("name", OLD)];
        assert_eq!(
            row.values(&binds, 1, Shape::Old),
            [Some("1".to_owned()), Some("Mary S".to_owned())]
        );
        row.wrote(&workload(true), &statement(&binds), write(0, true));
        row.wrote(&workload(true), &statement(&binds), write(1, false));
        let judge =
            |column: &str, value, read| row.judge(&seen(column, value), Some(read), |_| true);
        assert_eq!(judge("name", OLD, "Mary S"), Judged::Right);
        assert_eq!(judge("first", NEW, "Mary"), Judged::Right);
        let mary = Some("Mary".to_owned());
        assert_eq!(judge("first", NEW, "Ada"), Judged::Stale(mary.clone()));
        // Not what was there before, so it did follow, in a form that cannot hold all of it.
        assert_eq!(judge("first", NEW, "Mar"), Judged::Altered(mary.clone()));
        let nothing = row.judge(&seen("first", NEW), None, |_| true);
        assert_eq!(nothing, Judged::Stale(mary));
        // What was written in this shape has to be read in it.
        let written = Some("Mary S".to_owned());
        assert_eq!(judge("name", OLD, "Mary"), Judged::Stale(written));
    }

    #[test]
    fn what_a_version_leaves_out_is_unknown_in_a_new_row_and_kept_in_an_old_one() {
        let mut row = Row::new([variant("", "a"), variant("", "b")]);
        let plain = [bind("id", Value::Plain)];
        let all = [bind("id", Value::Plain), bind("first", NEW)];
        row.wrote(&workload(false), &statement(&plain), write(0, true));
        let first = seen("first", NEW);
        assert_eq!(row.judge(&first, None, |_| true), Judged::Right);
        let required = Seen {
            required: true,
            ..first.clone()
        };
        assert_ne!(row.judge(&required, None, |_| true), Judged::Right);
        row.wrote(&workload(false), &statement(&all), write(1, false));
        row.wrote(&workload(false), &statement(&plain), write(0, false));
        assert_eq!(row.judge(&first, Some("b"), |_| true), Judged::Right);
        assert_ne!(row.judge(&first, Some("a"), |_| true), Judged::Right);
    }
}
