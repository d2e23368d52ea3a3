//! Making the new shape, copying to it and dropping the old one in one migration leaves no moment
//! at which old and new code both work: it is a rename in three statements.

use crate::lint::context::{End, Found, Unless, shown, shown_column};
use crate::lint::state::Deed;
use crate::words::listed;

pub(super) fn check(end: &End<'_>, found: &mut Found<'_>) {
    let log = end.log;
    // By the table that loses something and the one that replaces it: one finding for each.
    let mut all: Vec<(&Deed, &Deed, Vec<String>)> = Vec::new();
    for gone in &log.gone {
        let back = match &gone.column {
            Some(column) => Unless::Column(gone.table.clone(), column.clone()),
            None => Unless::Relation(gone.table.clone()),
        };
        if back.holds(end.schema) {
            continue;
        }
        // A column's new shape is in its table or in another; a table's is another table.
        let is_new_shape = |made: &&Deed| {
            let kind = gone.column.is_some() || made.column.is_none();
            kind && !made.same_thing(gone) && filled_from(end, made, gone)
        };
        // The same table is the likelier one.
        let own = |made: &&Deed| made.table == gone.table && is_new_shape(made);
        let made = log.made.iter().find(own);
        let Some(made) = made.or_else(|| log.made.iter().find(is_new_shape)) else {
            continue;
        };
        let known = all
            .iter_mut()
            .find(|(first, new, _)| first.table == gone.table && new.table == made.table);
        match known {
            Some((_, _, names)) => names.push(name(gone)),
            None => all.push((gone, made, vec![name(gone)])),
        }
    }
    for (gone, made, mut names) in all {
        let (goes, it) = if names.len() == 1 {
            ("goes", "it")
        } else {
            ("go", "them")
        };
        if names.len() > 3 {
            let rest = names.split_off(2).len();
            names.push(format!("{rest} more"));
        }
        let old = listed(&names);
        let message = format!(
            "{old} {goes} in the migration that makes {} and fills it from {it}",
            name(made)
        );
        let item = found.report(&gone.span, message);
        item.table(&gone.table).cause(
            "code that runs uses the old shape until it is replaced, and code that is rolled back \
             uses it again",
        );
        item.safer(format!(
            "keep both in step, move the code over, and drop {old} in a later release"
        ));
        if gone.column.is_some() && gone.table == made.table {
            item.planned(end.place.planned("rename-column"));
        }
    }
}

fn name(deed: &Deed) -> String {
    match &deed.column {
        Some(column) => shown_column(&deed.table, column),
        None => shown(&deed.table),
    }
}

/// Whether the script writes to what it made, after making it, with words that name what goes.
fn filled_from(end: &End<'_>, made: &Deed, gone: &Deed) -> bool {
    let name = gone.column.as_deref().unwrap_or(&gone.table.name);
    end.log.written.iter().any(|written| {
        let there = written.table == made.table
            && (written.column.is_none() || made.column.is_none() || written.column == made.column)
            && made.span.start <= written.span.start
            && written.span.start < gone.span.start;
        let words = end.place.words(&written.span);
        there
            && has_word(words, name)
            && (made.table == gone.table || has_word(words, &gone.table.name))
    })
}

/// Whether a text has a name as a word of its own.
fn has_word(text: &str, name: &str) -> bool {
    let part = |c: char| c.is_alphanumeric() || c == '_';
    text.match_indices(name).any(|(at, _)| {
        let before = text[..at].chars().next_back();
        let after = text[at + name.len()..].chars().next();
        !before.is_some_and(part) && !after.is_some_and(part)
    })
}
