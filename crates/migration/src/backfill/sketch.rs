//! What one batch of a backfill does, as SQL for people. What is run says the same in more words.

use super::facts::{Strategy, TableFacts};
use super::job::Job;
use super::strategy::stride_column;
use crate::engine::Engine;
use crate::{postgres, sqlite};

/// Pages of a stretch: 4 MiB.
const PAGES: u32 = 512;

/// One batch as SQL. Places and keys in it are examples.
pub fn sketch(facts: &TableFacts, job: &Job, strategy: Strategy) -> String {
    let name: fn(&str) -> String = match facts.engine {
        Engine::Sqlite => sqlite::text::name,
        Engine::Postgres | Engine::Mysql => postgres::name,
    };
    let apart = match facts.engine {
        Engine::Sqlite => "IS NOT",
        Engine::Postgres | Engine::Mysql => "IS DISTINCT FROM",
    };
    let set: Vec<String> = job
        .text
        .set
        .iter()
        .map(|(column, value)| format!("{} = ({value})", name(column)))
        .collect();
    let differ: Vec<String> = job
        .text
        .set
        .iter()
        .map(|(column, value)| format!("{} {apart} ({value})", name(column)))
        .collect();
    let mut text = format!("UPDATE {}\nSET {}\n", facts.table, set.join(",\n    "));
    text.push_str(&format!("WHERE {}\n", rows(facts, strategy, name)));
    match differ.as_slice() {
        [one] => text.push_str(&format!("  AND {one}\n")),
        several => text.push_str(&format!("  AND ({})\n", several.join("\n    OR "))),
    }
    if let Some(only) = &job.text.only {
        text.push_str(&format!("  AND ({only})\n"));
    }
    text
}

fn rows(facts: &TableFacts, strategy: Strategy, name: fn(&str) -> String) -> String {
    let places = format!("ctid >= '(0,0)' AND ctid < '({PAGES},0)'");
    match strategy {
        Strategy::Strided { passes } => {
            let column = stride_column(facts).map_or_else(String::new, |it| name(&it.name));
            format!("{places}\n  AND mod({column}, {passes}) = 0 -- then 1, and so on")
        }
        Strategy::Plain => places,
        Strategy::KeyRange => {
            let key: Vec<String> = facts.key.iter().map(|it| name(&it.name)).collect();
            let list = match key.as_slice() {
                [one] => one.clone(),
                several => format!("({})", several.join(", ")),
            };
            let of = |which: &str| match key.as_slice() {
                [_] => format!(":{which}"),
                several => format!(
                    "(:{which}{})",
                    format!(", :{which}").repeat(several.len() - 1)
                ),
            };
            format!("{list} > {} AND {list} <= {}", of("last"), of("next"))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::facts::KeyColumn;
    use super::*;

    #[test]
    fn a_batch_says_which_rows_get_what() {
        let text = "schema = \"switchback.backfill/v1\"\ntable = \"users\"\nonly = \"x > 1\"\n\
                    [set]\n\"from\" = \"lower(a)\"\nb = \"1\"\n";
        let id = switchback_model::BackfillId::new("it").unwrap();
        let job = Job::parse(id, text).unwrap();
        let mut facts = TableFacts::of_empty(Engine::Postgres, 150_000, "public.users");
        let column = |name: &str| KeyColumn {
            name: name.to_owned(),
            integer: true,
            distinct: None,
        };
        facts.key = vec![column("id")];
        assert_eq!(
            sketch(&facts, &job, Strategy::Strided { passes: 4 }),
            "UPDATE public.users\nSET b = (1),\n    \"from\" = (lower(a))\n\
             WHERE ctid >= '(0,0)' AND ctid < '(512,0)'\n  AND mod(id, 4) = 0 -- then 1, and so on\n\
             \x20 AND (b IS DISTINCT FROM (1)\n    OR \"from\" IS DISTINCT FROM (lower(a)))\n\
             \x20 AND (x > 1)\n"
        );
        facts.key.push(column("no"));
        let by_key = sketch(&facts, &job, Strategy::KeyRange);
        assert!(
            by_key.contains("WHERE (id, no) > (:last, :last) AND (id, no) <= (:next, :next)\n")
        );
    }
}
