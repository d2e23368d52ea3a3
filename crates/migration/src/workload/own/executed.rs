//! The application's own statements, from what a server counted of those that were executed.
//!
//! They ran before the change, so they are the code's from before it. Nobody wrote them down to be
//! played: what cannot be is left out, and said.
//!
//! Deliberately absent: asking the server.

use std::cmp::Reverse;
use std::collections::BTreeMap;

use super::{Code, Own, statement};
use crate::definition::Definition;
use crate::engine::Engine;
use crate::reads::guard::Entry;
use crate::reads::{OldShape, Use};
use crate::sql;
use crate::sql::ir::Name;

/// How often the one that runs most often is played for each time that the rarest ones are: with the
/// server's own figures those would hardly ever have their turn.
const MOST: u64 = 100;

/// A statement that was executed and uses a table of a change.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Executed {
    /// Its name: `queryid` and the server's number for it.
    pub name: String,
    /// How often it was executed, whoever did.
    pub calls: u64,
    /// Its text, with placeholders for constants.
    pub text: String,
}

/// What can be played of what was executed.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Taken {
    /// What can be, the most frequent first.
    pub all: Vec<(Executed, Own)>,
    /// What cannot be, and why.
    pub left_out: Vec<(Executed, String)>,
    /// How many other statements there are, which use no table of the change.
    pub others: usize,
}

/// Takes the statements that use a table of a change. One that several roles executed counts once.
pub fn take(definition: &Definition, entries: &[Entry]) -> Taken {
    let surface = &definition.surface;
    let tables: Vec<_> = std::iter::once(&surface.table)
        .chain(&surface.also)
        .map(|table| sql::name_in(table).unwrap_or_else(|| Name::plain(table.clone())))
        .map(|table| OldShape::new(Engine::Postgres, table, Vec::new(), None))
        .collect();
    let mut by_number: BTreeMap<&str, Vec<&Entry>> = BTreeMap::new();
    for entry in entries {
        by_number.entry(entry.query()).or_default().push(entry);
    }
    let mut taken = Taken::default();
    let mut playable = Vec::new();
    for (number, same) in by_number {
        let text = &same[0].text;
        let uses = tables.iter().map(|table| table.used_by(text));
        let known = uses.fold(None, worst).or_else(|| {
            // Neither a query nor a change of rows, and yet about the table.
            let named = tables.iter().any(|table| table.in_body(text));
            let other = statement(text, Engine::Postgres).err().filter(|_| named);
            other.map(Err)
        });
        let Some(known) = known else {
            taken.others += 1;
            continue;
        };
        let direct = || same.iter().filter(|it| !it.is_nested());
        let counted: u64 = if direct().next().is_some() {
            direct().map(|it| it.calls).sum()
        } else {
            same.iter().map(|it| it.calls).sum()
        };
        let executed = Executed {
            name: format!("queryid {number}"),
            calls: counted,
            text: text.clone(),
        };
        let parts = if direct().next().is_none() {
            Err("only functions execute it, and it runs when one of them is called".to_owned())
        } else if is_ours(definition, text) {
            Err("it is Switchback's own".to_owned())
        } else {
            known.and_then(|()| statement(text, Engine::Postgres))
        };
        match parts {
            Ok(parts) => playable.push((executed, parts)),
            Err(why) => taken.left_out.push((executed, why)),
        }
    }
    playable.sort_by_key(|(it, _)| Reverse(it.calls));
    taken.left_out.sort_by_key(|(it, _)| Reverse(it.calls));
    let most = playable.first().map_or(1, |(first, _)| first.calls);
    let own = |(executed, parts): (Executed, _)| {
        let own = Own {
            name: executed.name.clone(),
            code: Code::Old,
            weight: weight(executed.calls, most),
            parts,
            optional: true,
        };
        (executed, own)
    };
    taken.all = playable.into_iter().map(own).collect();
    taken
}

/// Whether a table is used, from what is known of each: not at all, or `Err` where the statement was
/// not understood.
fn worst(known: Option<Result<(), String>>, next: Use) -> Option<Result<(), String>> {
    match (known, next) {
        (known, Use::No) => known,
        (Some(Ok(())), _) | (_, Use::Yes(_)) => Some(Ok(())),
        (_, Use::Unknown(why)) => Some(Err(format!("it is not understood: {why}"))),
    }
}

/// Whether Switchback executed it: it names its schema, or something that the change makes.
fn is_ours(definition: &Definition, text: &str) -> bool {
    text.contains("_switchback") || text.contains(&definition.prefix())
}

/// From 1 to [`MOST`], by how often it ran compared with the one that ran most often.
fn weight(calls: u64, most: u64) -> u32 {
    let share = u128::from(calls) * u128::from(MOST);
    let share = share.div_ceil(u128::from(most.max(1)));
    u32::try_from(share.clamp(1, u128::from(MOST))).unwrap_or(1)
}

#[cfg(test)]
mod tests {
    use switchback_model::ChangeId;

    use super::*;
    use crate::operation::request::Request;
    use crate::schema::Schema;

    fn entry(key: &str, calls: u64, text: &str) -> Entry {
        Entry {
            key: key.to_owned(),
            role: "app".to_owned(),
            text: text.to_owned(),
            calls,
        }
    }

    fn rename() -> Definition {
        let mut schema = Schema::empty();
        for statement in sql::parse(
            "CREATE TABLE users (id int PRIMARY KEY, fax text)",
            Engine::Postgres,
        ) {
            schema.apply(&statement);
        }
        let request = Request::RenameColumn {
            table: "users".to_owned(),
            from: "fax".to_owned(),
            to: "phone".to_owned(),
        };
        crate::postgres::plan(&schema, &ChangeId::new("it").unwrap(), &request).unwrap()
    }

    #[test]
    fn what_uses_the_table_is_played_as_old_code_or_left_out_with_a_reason() {
        let taken = take(
            &rename(),
            &[
                entry("1/10/true", 30, "SELECT fax FROM users WHERE id = $1"),
                entry("2/10/true", 20, "SELECT fax FROM users WHERE id = $1"),
                entry("2/10/false", 900, "SELECT fax FROM users WHERE id = $1"),
                entry(
                    "1/11/true",
                    500,
                    "DELETE FROM public.users WHERE fax IN ($1, $2)",
                ),
                entry("1/12/true", 7, "SELECT $1 FROM users"),
                entry("1/13/", 6, "COPY users TO STDOUT"),
                entry("1/14/", 5, "ALTER TABLE users ADD COLUMN x int"),
                entry("1/15/false", 4, "SELECT fax FROM users LIMIT $1"),
                entry(
                    "1/16/true",
                    3,
                    "UPDATE users SET fax = $1 FROM _switchback.undo",
                ),
                entry("1/17/true", 2, "SELEC fax FROM users"),
                entry("1/18/true", 999, "SELECT fax FROM companies WHERE id = $1"),
                entry("1/19/true", 999, "BEGIN"),
            ],
        );
        let played: Vec<_> = taken
            .all
            .iter()
            .map(|(seen, own)| (own.name.as_str(), seen.calls, own.weight, &own.code))
            .collect();
        assert_eq!(
            played,
            [
                ("queryid 11", 500, 100, &Code::Old),
                ("queryid 10", 50, 10, &Code::Old)
            ]
        );
        assert!(taken.all.iter().all(|(_, own)| own.optional));
        assert_eq!(taken.others, 2, "{:?}", taken.left_out);
        let expected = [
            ("queryid 12", "nothing says which column `$1`"),
            ("queryid 13", "no query and changes no rows"),
            ("queryid 14", "no query and changes no rows"),
            ("queryid 15", "only functions execute it"),
            ("queryid 16", "Switchback's own"),
            ("queryid 17", "not understood"),
        ];
        assert_eq!(taken.left_out.len(), expected.len(), "{:?}", taken.left_out);
        for ((seen, why), (name, expected)) in taken.left_out.iter().zip(expected) {
            assert_eq!(seen.name, name);
            assert!(why.contains(expected), "{name}: {why}");
        }
    }

    #[test]
    fn weights_follow_the_calls_and_leave_the_rare_ones_their_turn() {
        let most = (1 << 53) - 1;
        for (calls, of, expected) in [
            (900, 900, 100),
            (90, 900, 10),
            (1, 900, 1),
            (0, 0, 1),
            (most, most, 100),
            (1, most, 1),
        ] {
            assert_eq!(weight(calls, of), expected, "{calls} of {of}");
        }
    }
}
