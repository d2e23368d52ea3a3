//! Columns of tables and views, attributes of composite types, and what a domain says as a column does.

use std::collections::BTreeMap;

use super::align::align;
use super::kinds::{self, Change};
use super::model::{Base, Column, Fill, Name, Schema, Type};
use super::relations::Pair;
use super::{Comparison, Thing, quoted, rules};
use crate::contract::rule::Rule;

/// What columns are called now, by their old names, where that is another one.
pub(super) type Renamed = BTreeMap<String, String>;

/// What a column of a name is.
type Called<'a> = &'a dyn Fn(&str) -> Thing;

/// The rules for columns of one kind of thing.
pub(super) struct Words {
    pub(super) removed: &'static Rule,
    pub(super) renamed: &'static Rule,
    pub(super) order: &'static Rule,
}

pub(super) const TABLE: Words = Words {
    removed: &rules::COLUMN_REMOVED,
    renamed: &rules::COLUMN_RENAMED,
    order: &rules::COLUMN_ORDER,
};

const VIEW: Words = Words {
    removed: &rules::VIEW_COLUMN_REMOVED,
    renamed: &rules::VIEW_COLUMN_RENAMED,
    order: &rules::COLUMN_ORDER,
};

pub(super) const ATTRIBUTES: Words = Words {
    removed: &rules::ATTRIBUTE_REMOVED,
    renamed: &rules::ATTRIBUTE_RENAMED,
    order: &rules::ATTRIBUTE_ORDER,
};

impl Comparison<'_> {
    /// Compares the columns of a table or view.
    pub(super) fn columns(&mut self, pair: &Pair<'_>) -> Renamed {
        let table = !pair.was.kind.is_view();
        let words = if table { TABLE } else { VIEW };
        let (was, is) = (&pair.was.columns, &pair.is.columns);
        let old = |it: &str| pair.old_column(it);
        let new = |it: &str| pair.column(it);
        let (renamed, added) = self.lists(&words, was, is, &pair.thing, (&old, &new));
        for column in added {
            let thing = pair.column(&column.name);
            let values = (None, shown(column));
            if !table {
                self.say(&rules::VIEW_COLUMN_ADDED, &thing, values.0, values.1);
                continue;
            }
            let domain = self.domain(self.new, column);
            let required = column.not_null || domain.is_some_and(|it| it.not_null);
            let filled =
                column.fill != Fill::Nothing || domain.is_some_and(|it| it.fill != Fill::Nothing);
            let rule = match required && !filled && !pair.is.kind.is_view() {
                true => &rules::COLUMN_ADDED_REQUIRED,
                false => &rules::COLUMN_ADDED,
            };
            self.say(rule, &thing, values.0, values.1);
        }
        renamed
    }

    /// Compares two lists of columns, each called by a function; which are called otherwise now, and
    /// which were added.
    pub(super) fn lists<'c>(
        &mut self,
        words: &Words,
        was: &[Column],
        is: &'c [Column],
        thing: &Thing,
        (old, new): (Called<'_>, Called<'_>),
    ) -> (Renamed, Vec<&'c Column>) {
        let (before, after) = (names(was), names(is));
        let aligned = align(&before, &after, |one, other| {
            self.alike(&was[one], &is[other])
        });
        for at in aligned.removed {
            let column = &was[at];
            self.say(words.removed, &old(&column.name), shown(column), None);
        }
        let mut renamed = Renamed::new();
        for (one, other) in aligned.renamed {
            let (one, other) = (&was[one], &is[other]);
            renamed.insert(one.name.clone(), other.name.clone());
            let values = (Some(quoted(&one.name)), Some(quoted(&other.name)));
            self.say(words.renamed, &old(&one.name), values.0, values.1);
        }
        for (one, other) in aligned.common {
            let (one, other) = (&was[one], &is[other]);
            self.column(one, other, &new(&other.name));
        }
        if aligned.reordered {
            let list = |all: &[&str]| -> String {
                let all: Vec<String> = all.iter().map(|it| quoted(it)).collect();
                all.join(", ")
            };
            let values = (list(&before), list(&after));
            self.say(words.order, thing, Some(values.0), Some(values.1));
        }
        (
            renamed,
            aligned.added.into_iter().map(|at| &is[at]).collect(),
        )
    }

    /// Whether a new column may be an old one under another name.
    fn alike(&self, was: &Column, is: &Column) -> bool {
        let now = was.type_of.as_ref().map(|it| self.type_now(it));
        now.is_some() && now == is.type_of && was.not_null == is.not_null && was.fill == is.fill
    }

    /// Compares a column, or the value of a domain.
    pub(super) fn column(&mut self, was: &Column, is: &Column, thing: &Thing) {
        self.types(was, is, thing);
        if was.collation != is.collation {
            let (one, other) = (was.collation.clone(), is.collation.clone());
            self.say(&rules::COLLATION, thing, one, other);
        }
        // Nobody writes what only the database makes.
        if !was.not_null && is.not_null && !is.fill.refuses_values() {
            self.say(&rules::BECAME_REQUIRED, thing, None, None);
        }
        if was.not_null && !is.not_null {
            self.say(&rules::BECAME_NULLABLE, thing, None, None);
        }
        self.fills(was, is, thing);
    }

    fn types(&mut self, was: &Column, is: &Column, thing: &Thing) {
        let (Some(one), Some(other)) = (&was.type_of, &is.type_of) else {
            if was.type_of.is_some() || is.type_of.is_some() {
                let text = |it: &Column| it.type_of.as_ref().map(ToString::to_string);
                self.say(&rules::TYPE_UNKNOWN, thing, text(was), text(is));
            }
            return;
        };
        let now = self.type_now(one);
        if now == *other {
            return;
        }
        let values = (Some(one.to_string()), Some(other.to_string()));
        let rule = match kinds::change(&now, self.old, other, self.new) {
            Change::Same => match (&now.base, &other.base) {
                (Base::BuiltIn(_), Base::BuiltIn(_)) => &rules::TYPE_ALIKE,
                // It is made of the same as before, and not held to any conditions any more.
                (_, Base::BuiltIn(_)) => &rules::TYPE_WIDENED,
                _ => &rules::DOMAIN_CHANGED,
            },
            Change::Alike => &rules::TYPE_ALIKE,
            Change::Wider => &rules::TYPE_WIDENED,
            Change::Narrower => &rules::TYPE_NARROWED,
            Change::Other => &rules::TYPE_CHANGED,
        };
        self.say(rule, thing, values.0, values.1);
    }

    fn fills(&mut self, was: &Column, is: &Column, thing: &Thing) {
        if was.fill == is.fill {
            return;
        }
        let values = || (Some(was.fill.to_string()), Some(is.fill.to_string()));
        let (old, new) = values();
        let rule = match (&was.fill, &is.fill) {
            (Fill::Computed(_), Fill::Computed(_)) => &rules::EXPRESSION_CHANGED,
            (before, after) if !before.refuses_values() && after.refuses_values() => {
                &rules::BECAME_GENERATED
            }
            (_, Fill::Nothing) => {
                if was.fill.refuses_values() {
                    let (old, new) = values();
                    self.say(&rules::BECAME_WRITABLE, thing, old, new);
                }
                match is.not_null {
                    true => &rules::DEFAULT_REMOVED_REQUIRED,
                    false => &rules::DEFAULT_REMOVED,
                }
            }
            (before, after) if before.refuses_values() && !after.refuses_values() => {
                &rules::BECAME_WRITABLE
            }
            (Fill::Nothing, _) => &rules::DEFAULT_ADDED,
            _ => &rules::DEFAULT_CHANGED,
        };
        self.say(rule, thing, old, new);
    }

    /// What a domain says of the values of a column, if it has one.
    fn domain<'s>(&self, schema: &'s Schema, column: &Column) -> Option<&'s Column> {
        let Base::Made(name) = &column.type_of.as_ref()?.base else {
            return None;
        };
        match schema.types.get(name)? {
            Type::Domain { column, .. } => Some(column),
            _ => None,
        }
    }
}

fn names(all: &[Column]) -> Vec<&str> {
    all.iter().map(|it| it.name.as_str()).collect()
}

/// A column as people read it.
fn shown(column: &Column) -> Option<String> {
    let mut text = column.type_of.as_ref()?.to_string();
    if column.not_null {
        text.push_str(" NOT NULL");
    }
    if column.fill != Fill::Nothing {
        text.push_str(&format!(" {}", column.fill));
    }
    Some(text)
}

/// A text in which columns have the names that they have now. What stands in quotes of either kind is
/// one word.
pub(super) fn text_now(text: &str, renamed: &Renamed) -> String {
    if renamed.is_empty() {
        return text.to_owned();
    }
    let mut now = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(first) = rest.chars().next() {
        let end = match first {
            '\'' | '"' => rest[1..].find(first).map_or(rest.len(), |at| at + 2),
            it if it.is_alphanumeric() || it == '_' => rest
                .find(|it: char| !(it.is_alphanumeric() || it == '_'))
                .unwrap_or(rest.len()),
            it => it.len_utf8(),
        };
        let (word, behind) = rest.split_at(end);
        let name = word.trim_matches('"');
        match renamed.get(name).filter(|_| first != '\'') {
            Some(name) => now.push_str(&quoted(name)),
            None => now.push_str(word),
        }
        rest = behind;
    }
    now
}

/// The names that columns have now.
pub(super) fn names_now(names: &[String], renamed: &Renamed) -> Vec<String> {
    let now = |it: &String| renamed.get(it).unwrap_or(it).clone();
    names.iter().map(now).collect()
}

/// The thing that a type is.
pub(super) fn attribute(of: &Name, thing: &Thing, name: &str) -> Thing {
    thing.part(Schema::table_part(of, name))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_in_texts_follow_their_columns() {
        let renamed = Renamed::from([
            ("total".to_owned(), "amount".to_owned()),
            ("a b".to_owned(), "c d".to_owned()),
        ]);
        for (text, wanted) in [
            ("total > 0", "amount > 0"),
            ("subtotal > total", "subtotal > amount"),
            ("note <> 'total'", "note <> 'total'"),
            ("\"a b\" = f(total)", "\"c d\" = f(amount)"),
            ("'it''s total'", "'it''s total'"),
            ("'open total", "'open total"),
            ("ü total", "ü amount"),
        ] {
            assert_eq!(text_now(text, &renamed), wanted);
        }
    }
}
