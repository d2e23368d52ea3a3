//! Keys, conditions, exclusions and foreign keys: what is demanded of those who write, and what those
//! who read count on.

use super::columns::{Renamed, names_now, text_now};
use super::model::{Check, Constraint, Demand, Fill, Key, quoted};
use super::relations::Pair;
use super::{Comparison, Thing, rules};
use crate::contract::rule::Rule;

/// What a key is, whatever it is called and in which order it says its parts.
fn means(key: &Key) -> (Vec<&str>, Option<&str>, bool) {
    let mut parts: Vec<&str> = key.parts.iter().map(String::as_str).collect();
    parts.sort_unstable();
    (parts, key.predicate.as_deref(), key.nulls_not_distinct)
}

fn said(key: &Key) -> String {
    let kind = if key.primary { "PRIMARY KEY" } else { "UNIQUE" };
    let nulls = if key.nulls_not_distinct {
        " NULLS NOT DISTINCT"
    } else {
        ""
    };
    let rows = key.predicate.as_ref();
    let rows = rows.map(|it| format!(" WHERE {it}")).unwrap_or_default();
    format!("{kind}{nulls} ({}){rows}", key.parts.join(", "))
}

impl Comparison<'_> {
    pub(super) fn keys(&mut self, pair: &Pair<'_>, renamed: &Renamed) {
        let was: Vec<Key> = pair
            .was
            .keys
            .iter()
            .map(|key| Key {
                parts: key.parts.iter().map(|it| text_now(it, renamed)).collect(),
                predicate: key.predicate.as_ref().map(|it| text_now(it, renamed)),
                ..key.clone()
            })
            .collect();
        let mut left: Vec<&Key> = pair.is.keys.iter().collect();
        for key in &was {
            // Of several that mean the same, the one of the same name.
            let same = |it: &&&Key| means(it) == means(key);
            let named = left.iter().find(|it| same(it) && it.name == key.name);
            let Some(found) = named.or_else(|| left.iter().find(same)).copied() else {
                let others = pair.is.keys.iter().any(|it| means(it) == means(key));
                let rule: &'static Rule = match key.primary {
                    true => &rules::PRIMARY_KEY_REMOVED,
                    false => &rules::UNIQUE_REMOVED,
                };
                if !others {
                    self.say(rule, &pair.old_constraint(&key.name), Some(said(key)), None);
                }
                continue;
            };
            left.retain(|it| !std::ptr::eq(*it, found));
            let thing = pair.constraint(&found.name);
            if key.primary != found.primary {
                let values = (Some(said(key)), Some(said(found)));
                self.say(&rules::PRIMARY_KEY_CHANGED, &thing, values.0, values.1);
            }
            self.beside(
                (&key.name, key.deferrable),
                (&found.name, found.deferrable),
                &thing,
            );
        }
        for key in left {
            // Twice the same demands nothing new.
            if was.iter().any(|it| means(it) == means(key)) {
                continue;
            }
            let plain = |it: &String| it.trim_matches('"').replace("\"\"", "\"");
            let parts: Vec<String> = key.parts.iter().map(plain).collect();
            // A null is like no other, and every row gets a number of its own.
            let own = |fill: &Fill| match fill {
                Fill::Nothing => !key.nulls_not_distinct,
                Fill::Next | Fill::Always => true,
                Fill::Default(_) | Fill::Computed(_) => false,
            };
            let rule = match self.is_of_new(pair, &parts, renamed, own) {
                true => &rules::CONSTRAINT_OF_NEW,
                false => &rules::UNIQUE_ADDED,
            };
            self.say(rule, &pair.constraint(&key.name), None, Some(said(key)));
        }
    }

    /// Whether one of some columns is new, and what fills it is such that rows of those who do not
    /// know it cannot break a rule.
    fn is_of_new(
        &self,
        pair: &Pair<'_>,
        columns: &[String],
        renamed: &Renamed,
        harmless: impl Fn(&Fill) -> bool,
    ) -> bool {
        columns.iter().any(|name| {
            let known = pair.was.column(name).is_some() || renamed.values().any(|it| it == name);
            let column = pair.is.column(name);
            !known && column.is_some_and(|it| harmless(&it.fill))
        })
    }

    /// What two constraints that demand the same say besides.
    fn beside(&mut self, (was, before): (&str, bool), (is, after): (&str, bool), thing: &Thing) {
        if !before && after {
            self.say(&rules::BECAME_DEFERRABLE, thing, None, None);
        }
        if was != is {
            let names = (Some(quoted(was)), Some(quoted(is)));
            self.say(&rules::CONSTRAINT_RENAMED, thing, names.0, names.1);
        }
    }

    pub(super) fn constraints(&mut self, pair: &Pair<'_>, renamed: &Renamed) {
        let was: Vec<Constraint> = pair
            .was
            .constraints
            .iter()
            .map(|it| Constraint {
                demand: self.demand_now(&it.demand, renamed),
                ..it.clone()
            })
            .collect();
        let mut left: Vec<&Constraint> = pair.is.constraints.iter().collect();
        let mut unlike: Vec<&Constraint> = Vec::new();
        for one in &was {
            let same = |it: &&&Constraint| like(&it.demand, &one.demand);
            let named = left.iter().find(|it| same(it) && it.name == one.name);
            let Some(found) = named.or_else(|| left.iter().find(same)).copied() else {
                unlike.push(one);
                continue;
            };
            left.retain(|it| !std::ptr::eq(*it, found));
            let thing = pair.constraint(&found.name);
            if let (
                Demand::Reference { on_delete: was, .. },
                Demand::Reference { on_delete: is, .. },
            ) = (&one.demand, &found.demand)
                && was != is
            {
                let refused = |it: &String| match it.as_str() {
                    "" => Some("it is refused".to_owned()),
                    other => Some(other.to_owned()),
                };
                self.say(&rules::ON_DELETE, &thing, refused(was), refused(is));
            }
            self.beside(
                (&one.name, one.deferrable),
                (&found.name, found.deferrable),
                &thing,
            );
        }
        for one in unlike {
            let checks = |it: &&&Constraint| {
                it.name == one.name
                    && matches!(
                        (&it.demand, &one.demand),
                        (Demand::Check(_), Demand::Check(_))
                    )
            };
            if let Some(found) = left.iter().find(checks).copied() {
                left.retain(|it| !std::ptr::eq(*it, found));
                if let (Demand::Check(was), Demand::Check(is)) = (&one.demand, &found.demand) {
                    self.check(was, is, &pair.constraint(&found.name));
                }
                continue;
            }
            // Twice the same was no more than once.
            let mut others = pair.is.constraints.iter();
            if others.any(|it| like(&it.demand, &one.demand)) {
                continue;
            }
            let rule = match &one.demand {
                Demand::Check(_) => &rules::CHECK_REMOVED,
                Demand::Exclusion { .. } => &rules::EXCLUSION_REMOVED,
                Demand::Reference { .. } => &rules::REFERENCE_REMOVED,
            };
            let thing = pair.old_constraint(&one.name);
            self.say(rule, &thing, Some(text(&one.demand)), None);
        }
        for one in left {
            if was.iter().any(|it| like(&it.demand, &one.demand)) {
                continue;
            }
            // A condition holds of null, which also points to nothing and excludes nothing.
            let null = |it: &Fill| matches!(it, Fill::Nothing);
            let (rule, columns) = match &one.demand {
                Demand::Check(check) => (&rules::CHECK_ADDED, &check.columns),
                Demand::Exclusion { columns, .. } => (&rules::EXCLUSION_ADDED, columns),
                Demand::Reference { columns, .. } => (&rules::REFERENCE_ADDED, columns),
            };
            // Of a condition over several columns nobody knows what a null makes of it.
            let judged = !matches!(one.demand, Demand::Check(_)) || columns.len() == 1;
            let rule = match judged && self.is_of_new(pair, columns, renamed, null) {
                true => &rules::CONSTRAINT_OF_NEW,
                false => rule,
            };
            let thing = pair.constraint(&one.name);
            self.say(rule, &thing, None, Some(text(&one.demand)));
        }
    }

    /// A condition that is another one under the same name.
    pub(super) fn check(&mut self, was: &Check, is: &Check, thing: &Thing) {
        let values = (Some(was.text.clone()), Some(is.text.clone()));
        let (Some(one), Some(other), true) = (&was.values, &is.values, was.columns == is.columns)
        else {
            return self.say(&rules::CHECK_CHANGED, thing, values.0, values.1);
        };
        let list = |all: Vec<&String>| {
            let all: Vec<&str> = all.into_iter().map(String::as_str).collect();
            (!all.is_empty()).then(|| all.join(", "))
        };
        let gone = list(one.difference(other).collect());
        if gone.is_some() {
            self.say(&rules::CHECK_VALUES_REMOVED, thing, gone, None);
        }
        let come = list(other.difference(one).collect());
        if come.is_some() {
            self.say(&rules::CHECK_VALUES_ADDED, thing, None, come);
        }
    }

    fn demand_now(&self, demand: &Demand, renamed: &Renamed) -> Demand {
        match demand {
            Demand::Check(check) => Demand::Check(Check {
                text: text_now(&check.text, renamed),
                columns: names_now(&check.columns, renamed),
                values: check.values.clone(),
            }),
            Demand::Exclusion { text, columns } => Demand::Exclusion {
                text: text_now(text, renamed),
                columns: names_now(columns, renamed),
            },
            Demand::Reference {
                columns,
                table,
                referred,
                on_delete,
            } => {
                let table = self.now(table);
                let there = self.columns.get(&table);
                Demand::Reference {
                    columns: names_now(columns, renamed),
                    referred: there.map_or_else(|| referred.clone(), |it| names_now(referred, it)),
                    table,
                    on_delete: on_delete.clone(),
                }
            }
        }
    }
}

/// Whether two demands are the same; two foreign keys also if they differ in what a deletion does.
fn like(one: &Demand, other: &Demand) -> bool {
    match (one, other) {
        (Demand::Check(one), Demand::Check(other)) => {
            one.text == other.text || one.values.is_some() && one == other
        }
        (
            Demand::Reference {
                columns,
                table,
                referred,
                ..
            },
            Demand::Reference {
                columns: other_columns,
                table: other_table,
                referred: other_referred,
                ..
            },
        ) => (columns, table, referred) == (other_columns, other_table, other_referred),
        _ => one == other,
    }
}

fn text(demand: &Demand) -> String {
    match demand {
        Demand::Check(check) => format!("CHECK ({})", check.text),
        Demand::Exclusion { text, .. } => format!("EXCLUDE ({text})"),
        Demand::Reference {
            columns,
            table,
            referred,
            on_delete,
        } => {
            let list = |all: &[String]| {
                let all: Vec<String> = all.iter().map(|it| quoted(it)).collect();
                all.join(", ")
            };
            let action = match on_delete.as_str() {
                "" => String::new(),
                other => format!(" ON DELETE {other}"),
            };
            let (here, there) = (list(columns), list(referred));
            format!("FOREIGN KEY ({here}) REFERENCES {table} ({there}){action}")
        }
    }
}
