//! Fills schemas that nobody here wrote: `SWITCHBACK_SYNTH_SQL=a.sql:b.sql cargo test -p
//! switchback-db --test synth_foreign -- --ignored --nocapture`. The files are SQL scripts for an
//! empty database; statements that fail are passed over, as some need extensions.
#![cfg(feature = "postgres")]
#![expect(clippy::unwrap_used, reason = "a tool for people, run by hand")]

use std::time::Instant;

use postgres::{Client, NoTls};
use switchback_db::postgres::synth::{Outcome, Request, fill};

/// The statements of a script, split at semicolons outside of quotes and comments.
fn statements(script: &str) -> Vec<String> {
    let mut list = vec![String::new()];
    let mut rest = script;
    while let Some(c) = rest.chars().next() {
        let length = if rest.starts_with("--") {
            rest.find('\n').unwrap_or(rest.len())
        } else if rest.starts_with("/*") {
            rest.find("*/").map_or(rest.len(), |end| end + 2)
        } else if c == '\'' || c == '"' {
            rest[1..].find(c).map_or(rest.len(), |end| end + 2)
        } else if let Some(tag) = dollar(rest) {
            let body = &rest[tag.len()..];
            body.find(tag).map_or(rest.len(), |end| end + 2 * tag.len())
        } else {
            c.len_utf8()
        };
        if c == ';' {
            list.push(String::new());
        } else if !rest.starts_with("--") {
            list.last_mut().unwrap().push_str(&rest[..length]);
        }
        rest = &rest[length..];
    }
    list.retain(|statement| !statement.trim().is_empty());
    list
}

fn dollar(text: &str) -> Option<&str> {
    let end = text.strip_prefix('$')?.find('$')? + 2;
    let tag = &text[1..end - 1];
    let is_tag = tag.chars().all(|c| c.is_alphanumeric() || c == '_')
        && !tag.starts_with(|c: char| c.is_ascii_digit());
    is_tag.then(|| &text[..end])
}

#[test]
#[ignore = "needs files that are not in the repository"]
fn foreign_schemas_are_filled() {
    let files = std::env::var("SWITCHBACK_SYNTH_SQL").unwrap();
    let rows: u64 = std::env::var("SWITCHBACK_SYNTH_ROWS").map_or(10, |rows| rows.parse().unwrap());
    let server = switchback_testkit::postgres::server().unwrap();
    for file in files.split(':').filter(|file| !file.is_empty()) {
        let url = server.database().unwrap();
        let script = std::fs::read_to_string(file).unwrap();
        let mut failed = 0;
        let mut sql = Client::connect(&url, NoTls).unwrap();
        let mut data = false;
        for extension in [
            "citext",
            "hstore",
            "ltree",
            "pgcrypto",
            "btree_gist",
            "uuid-ossp",
        ] {
            let _ = sql.batch_execute(&format!("CREATE EXTENSION \"{extension}\""));
        }
        for statement in statements(&script) {
            data |= statement.contains("FROM stdin");
            if let Err(error) = sql.batch_execute(&statement) {
                failed += 1;
                if failed <= 5 {
                    let head: String = statement.trim().chars().take(90).collect();
                    println!(
                        "  not run: {head:?}: {}",
                        error.as_db_error().map_or("?", |e| e.message())
                    );
                }
                if sql.is_closed() {
                    sql = Client::connect(&url, NoTls).unwrap();
                }
                sql.batch_execute("ROLLBACK").unwrap();
            }
        }
        if data {
            println!("  {file} has data for COPY, which is passed over");
        }
        // What the script has set for its session ends with it.
        let mut client = Client::connect(&url, NoTls).unwrap();
        let start = Instant::now();
        let mut request = Request::new(1, rows);
        request.analyze = false;
        let filled = fill(&mut client, &request).unwrap();
        let took = start.elapsed();
        let count = |test: &dyn Fn(&Outcome) -> bool| {
            filled
                .tables
                .iter()
                .filter(|table| test(&table.outcome))
                .count()
        };
        println!(
            "{file}: {} tables, {failed} statements not run; complete {}, untouched {}, short {}, \
             empty {}; {} rows in {took:?}",
            filled.tables.len(),
            count(&|outcome| *outcome == Outcome::Complete),
            count(&|outcome| *outcome == Outcome::Untouched),
            count(&|outcome| matches!(outcome, Outcome::Short(_))),
            count(&|outcome| matches!(outcome, Outcome::Empty(_))),
            filled.inserted(),
        );
        for (table, reason) in filled.lacking() {
            println!(
                "  {}.{} +{}: {reason}",
                table.schema, table.table, table.inserted
            );
        }
        for table in &filled.tables {
            if let Some(refusal) = &table.triggers_off {
                println!(
                    "  {}.{}: without triggers, after: {refusal}",
                    table.schema, table.table
                );
            }
        }
        for table in filled
            .tables
            .iter()
            .filter(|table| !table.left_null.is_empty())
        {
            println!(
                "  {}.{}: left null {:?}",
                table.schema, table.table, table.left_null
            );
        }
        let start = Instant::now();
        fill(&mut client, &request).unwrap();
        println!("  again: {:?}", start.elapsed());
    }
}
