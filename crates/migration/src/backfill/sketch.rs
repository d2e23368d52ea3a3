//! What one batch of a backfill does, as SQL for people. What is run says the same in more words.

use super::facts::{Strategy, TableFacts};
use super::job::{Job, Program, Query, Transform};
use super::strategy::stride_column;
use crate::engine::Engine;
use crate::{postgres, sqlite};

/// Pages of a stretch: 4 MiB.
const PAGES: u32 = 512;

/// What stands between a value and what it should be, if they are two.
fn apart(engine: Engine) -> &'static str {
    match engine {
        Engine::Sqlite => "IS NOT",
        Engine::Postgres | Engine::Mysql => "IS DISTINCT FROM",
    }
}

/// One batch as SQL. Places and keys in it are examples.
pub fn sketch(facts: &TableFacts, job: &Job, strategy: Strategy) -> String {
    let name: fn(&str) -> String = match facts.engine {
        Engine::Sqlite => sqlite::text::name,
        Engine::Postgres | Engine::Mysql => postgres::name,
    };
    match job.transform() {
        Transform::Query(query) => return joined(facts, job, query, strategy, name),
        Transform::Program(program) => return by_program(facts, job, program, strategy, name),
        Transform::Set(_) => {}
    }
    let apart = apart(facts.engine);
    let set: Vec<String> = job
        .text
        .set
        .iter()
        .map(|(column, value)| format!("{} = ({value})", name(column)))
        .collect();
    if strategy == Strategy::ShadowCopy {
        return copied(facts, job, name);
    }
    let differ: Vec<String> = job
        .text
        .set
        .iter()
        .map(|(column, value)| format!("{} {apart} ({value})", name(column)))
        .collect();
    let mut text = format!("UPDATE {}\nSET {}\n", facts.table, set.join(",\n    "));
    text.push_str(&format!("WHERE {}\n", rows(facts, strategy, name)));
    text.push_str(&any(&differ));
    if let Some(only) = &job.text.only {
        text.push_str(&format!("  AND ({only})\n"));
    }
    text
}

/// That one of the conditions holds.
fn any(conditions: &[String]) -> String {
    match conditions {
        [one] => format!("  AND {one}\n"),
        several => format!("  AND ({})\n", several.join("\n    OR ")),
    }
}

/// A batch whose values a query gives.
fn joined(
    facts: &TableFacts,
    job: &Job,
    query: &Query,
    strategy: Strategy,
    name: fn(&str) -> String,
) -> String {
    let mut text = format!(
        "WITH batch AS (\n  SELECT * FROM {}\n  WHERE {}\n",
        facts.table,
        rows(facts, strategy, name).replace('\n', "\n  ")
    );
    if let Some(only) = &job.text.only {
        text.push_str(&format!("    AND ({only})\n"));
    }
    let said = query.over(facts.engine, "batch");
    text.push_str(&format!(
        "), wanted AS (\n  {}\n)\n",
        said.trim().replace('\n', "\n  ")
    ));
    let columns: Vec<String> = query.columns.iter().map(|it| name(it)).collect();
    let set: Vec<String> = columns
        .iter()
        .map(|it| format!("{it} = wanted.{it}"))
        .collect();
    let mut named: Vec<&String> = facts.named.iter().collect();
    if named.is_empty() {
        named.extend(facts.key.iter().map(|it| &it.name));
    }
    let same: Vec<String> = named
        .iter()
        .map(|it| format!("t.{0} = wanted.{0}", name(it)))
        .collect();
    let apart = apart(facts.engine);
    let differ: Vec<String> = columns
        .iter()
        .map(|it| format!("t.{it} {apart} wanted.{it}"))
        .collect();
    text.push_str(&format!(
        "UPDATE {} AS t\nSET {}\nFROM wanted\nWHERE {}\n{}",
        facts.table,
        set.join(",\n    "),
        same.join("\n  AND "),
        any(&differ)
    ));
    text
}

/// A batch whose values a program gives.
fn by_program(
    facts: &TableFacts,
    job: &Job,
    program: &Program,
    strategy: Strategy,
    name: fn(&str) -> String,
) -> String {
    let only = job.text.only.as_deref().unwrap_or("true");
    let key: Vec<String> = facts.key.iter().map(|it| name(&it.name)).collect();
    let reads: Vec<String> = program.reads.iter().map(|it| name(it)).collect();
    let given: Vec<&str> = key.iter().chain(&reads).map(String::as_str).collect();
    let set: Vec<String> = program
        .columns
        .iter()
        .map(|it| format!("{} = :{it}", name(it)))
        .collect();
    let here: Vec<String> = facts
        .key
        .iter()
        .map(|it| format!("{} = :{}", name(&it.name), it.name))
        .collect();
    format!(
        "SELECT {given} FROM {table}\nWHERE {rows}\n  AND ({only})\n\
         -- then, with nothing held: {command}\n\
         UPDATE {table}\nSET {set}\nWHERE {here}\n  AND ({only})\n  \
         AND :unchanged -- all that was read is as it was\n",
        given = given.join(", "),
        table = facts.table,
        rows = rows(facts, strategy, name),
        command = program.command.join(" "),
        set = set.join(",\n    "),
        here = here.join(" AND "),
    )
}

/// One batch that is copied. What the other columns are is not known here.
fn copied(facts: &TableFacts, job: &Job, name: fn(&str) -> String) -> String {
    let set: Vec<String> = job
        .text
        .set
        .iter()
        .map(|(column, value)| format!("({value}) AS {}", name(column)))
        .collect();
    let mut text = format!(
        "INSERT INTO \u{2026}.{} -- the copy\nSELECT \u{2026}, {}\nFROM {}\nWHERE {}\n",
        facts
            .table
            .rsplit_once('.')
            .map_or(facts.table.as_str(), |(_, it)| it),
        set.join(",\n    "),
        facts.table,
        rows(facts, Strategy::KeyRange, name)
    );
    if let Some(only) = &job.text.only {
        text.push_str(&format!(
            "-- rows that are not ({only}) are copied as they are\n"
        ));
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
        Strategy::KeyRange | Strategy::ShadowCopy => {
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
    fn a_batch_of_a_query_is_joined_by_the_key() {
        let text = "schema = \"switchback.backfill/v1\"\ntable = \"users\"\nonly = \"x > 1\"\n\
                    [query]\ncolumns = [\"score\"]\nsql = \"SELECT id, 1 AS score\\nFROM {batch};\"\n";
        let id = switchback_model::BackfillId::new("it").unwrap();
        let job = Job::parse(id, text).unwrap();
        let mut facts = TableFacts::of_empty(Engine::Postgres, 150_000, "public.users");
        facts.key = vec![KeyColumn {
            name: "id".to_owned(),
            integer: true,
            distinct: None,
        }];
        assert_eq!(
            sketch(&facts, &job, Strategy::Plain),
            "WITH batch AS (\n  SELECT * FROM public.users\n  WHERE ctid >= '(0,0)' AND ctid < \
             '(512,0)'\n    AND (x > 1)\n), wanted AS (\n  SELECT id, 1 AS score\n  FROM batch\n)\n\
             UPDATE public.users AS t\nSET score = wanted.score\nFROM wanted\nWHERE t.id = wanted.id\n\
             \x20 AND t.score IS DISTINCT FROM wanted.score\n"
        );
    }

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
        let text = "schema = \"switchback.backfill/v1\"\ntable = \"users\"\nonly = \"\\\"from\\\" IS NULL\"\n\
                    [program]\ncolumns = [\"from\"]\nreads = [\"a\"]\ncommand = [\"tools/it\", \"-x\"]\n";
        let id = switchback_model::BackfillId::new("it").unwrap();
        let by_program = Job::parse(id, text).unwrap();
        assert_eq!(
            sketch(&facts, &by_program, Strategy::Plain),
            "SELECT id, a FROM public.users\nWHERE ctid >= '(0,0)' AND ctid < '(512,0)'\n  \
             AND (\"from\" IS NULL)\n-- then, with nothing held: tools/it -x\nUPDATE public.users\n\
             SET \"from\" = :from\nWHERE id = :id\n  AND (\"from\" IS NULL)\n  \
             AND :unchanged -- all that was read is as it was\n"
        );
        facts.key.push(column("no"));
        let by_key = sketch(&facts, &job, Strategy::KeyRange);
        assert!(
            by_key.contains("WHERE (id, no) > (:last, :last) AND (id, no) <= (:next, :next)\n")
        );
    }
}
