use proptest::prelude::*;

use super::{Format, Logged, Reader};

fn read(text: &str) -> (Format, Vec<Logged>) {
    let format = Format::guess(text);
    let mut reader = Reader::new(format);
    let mut all: Vec<Logged> = text.lines().flat_map(|line| reader.line(line)).collect();
    all.extend(reader.end());
    (format, all)
}

fn texts(all: &[Logged]) -> Vec<&str> {
    all.iter().map(|it| it.text.as_str()).collect()
}

#[test]
fn plain_sql_is_taken_as_it_is() {
    let (format, all) = read("SELECT 1;\nSELECT a,\n  b\nFROM t;\n\nDELETE FROM t");
    assert_eq!(format, Format::Sql);
    assert_eq!(
        texts(&all),
        ["SELECT 1;", "SELECT a,\n  b\nFROM t;", "DELETE FROM t"]
    );
    assert!(all.iter().all(|it| it.at.is_none()));
    assert_eq!(read(""), (Format::Sql, vec![]));
}

#[test]
fn stderr_with_prefix_durations_and_failures() {
    let log = "\
2026-11-20 10:00:00.123 UTC [77] LOG:  database system is ready to accept connections
2026-11-20 10:00:01.000 UTC [78] app@shop LOG:  statement: SELECT 1
2026-11-20 10:00:02.000 UTC [78] app@shop LOG:  duration: 0.456 ms  execute <unnamed>: SELECT fax
\tFROM users
\tWHERE id = $1
2026-11-20 10:00:02.001 UTC [78] app@shop DETAIL:  parameters: $1 = '7'
2026-11-20 10:00:03.000 UTC [78] app@shop LOG:  duration: 1.2 ms  statement: SELECT 'LOG:  x'
2026-11-20 10:00:04.000 UTC [78] app@shop ERROR:  column \"fax\" does not exist at character 8
2026-11-20 10:00:04.000 UTC [78] app@shop STATEMENT:  SELECT fax FROM nowhere
2026-11-20 11:00:05 CET [79] LOG:  statement: SELECT 2
2026-11-20 11:00:06 +01 [79] LOG:  duration: 7 ms  plan:
\tQuery Text: SELECT 3
\tResult  (cost=0.00..0.01 rows=1 width=4)
";
    let (format, all) = read(log);
    assert_eq!(format, Format::Stderr);
    assert_eq!(
        texts(&all),
        [
            "SELECT 1",
            "SELECT fax\nFROM users\nWHERE id = $1",
            "SELECT 'LOG:  x'",
            "SELECT fax FROM nowhere",
            "SELECT 2",
            "SELECT 3\nResult  (cost=0.00..0.01 rows=1 width=4)",
        ]
    );
    let at = |place: usize| all[place].at.map(|at| at.to_string());
    assert_eq!(at(0).as_deref(), Some("2026-11-20T10:00:01Z"));
    // An abbreviation may mean several zones.
    assert_eq!(at(4), None);
    assert_eq!(at(5).as_deref(), Some("2026-11-20T10:00:06Z"));
}

#[test]
fn csvlog_with_quotes_and_lines() {
    let log = "\
2026-11-20 10:00:01.123 UTC,\"app\",\"shop\",78,\"[local]\",1.4e,1,\"SELECT\",2026-11-20 10:00:00 UTC,3/2,0,LOG,00000,\"statement: SELECT \"\"a\"\",
  'x,y' FROM t\",,,,,,,,,\"psql\",\"client backend\",,0
2026-11-20 10:00:02.000 UTC,\"app\",\"shop\",78,\"[local]\",1.4e,2,\"SELECT\",2026-11-20 10:00:00 UTC,3/2,0,ERROR,42703,\"column \"\"fax\"\" does not exist\",,,,,,\"SELECT fax FROM users\",8,,\"psql\",\"client backend\",,0
";
    let (format, all) = read(log);
    assert_eq!(format, Format::Csv);
    assert_eq!(
        texts(&all),
        ["SELECT \"a\",\n  'x,y' FROM t", "SELECT fax FROM users"]
    );
    assert_eq!(all[0].database.as_deref(), Some("shop"));
    assert_eq!(
        all[0].at.map(|at| at.to_string()).as_deref(),
        Some("2026-11-20T10:00:01.123Z")
    );
}

#[test]
fn jsonlog_and_a_line_that_is_none() {
    let log = r#"{"timestamp":"2026-11-20 10:00:01.123 UTC","dbname":"shop","error_severity":"LOG","message":"duration: 0.1 ms  bind p: SELECT\n1"}
{"timestamp":"2026-11-20 10:00:02 UTC","dbname":"shop","error_severity":"ERROR","message":"no","statement":"SELECT 2"}
{"timestamp":"2026-11-20 10:00:03 UTC","message":"checkpoint starting: time"}
{"timestamp":"2026-11-20 10:00:04 UTC","message":"statement: SELECT fax FROM us"#;
    let (format, all) = read(log);
    assert_eq!(format, Format::Json);
    assert_eq!(texts(&all)[..2], ["SELECT\n1", "SELECT 2"]);
    assert_eq!(all.len(), 3);
    assert!(all[2].text.contains("fax FROM us"));
}

#[test]
fn what_is_too_long_says_so() {
    let mut reader = Reader::new(Format::Stderr);
    assert!(
        reader
            .line("2026-11-20 10:00:01 UTC LOG:  statement: SELECT")
            .is_empty()
    );
    let long = format!("\t{}", "x".repeat(super::LONGEST));
    assert!(reader.line(&long).is_empty());
    let all = reader.end();
    assert_eq!((all.len(), all[0].cut), (1, true));
}

proptest! {
    #[test]
    fn any_statement_comes_back_from_every_format(
        statement in "[A-Za-z0-9_,'\"*=$(). \n]{1,60}",
    ) {
        let statement = format!("SELECT {}", statement.trim());
        let lines = statement.replace('\n', "\n\t");
        let stderr = format!("2026-11-20 10:00:01 UTC [1] LOG:  statement: {lines}\n");
        let quoted = statement.replace('"', "\"\"");
        let csv = format!(
            "2026-11-20 10:00:01.123 UTC,\"a\",\"b\",7,\"l\",1.4e,1,\"S\",2026-11-20 10:00:00 UTC,3/2,0,LOG,00000,\"statement: {quoted}\",,,,,,,,,\"psql\",\"x\",,0\n"
        );
        let message = serde_json::json!({
            "timestamp": "2026-11-20 10:00:01 UTC",
            "message": format!("statement: {statement}"),
        });
        let json = format!("{message}\n");
        for (log, format) in [(stderr, Format::Stderr), (csv, Format::Csv), (json, Format::Json)] {
            let (guessed, all) = read(&log);
            prop_assert_eq!(guessed, format, "{}", log);
            prop_assert_eq!(texts(&all), [statement.as_str()], "{}", log);
        }
    }

    #[test]
    fn no_text_makes_it_fail(text in "\\PC{0,200}") {
        let _ = read(&text);
        for format in [Format::Sql, Format::Stderr, Format::Csv, Format::Json] {
            let mut reader = Reader::new(format);
            for line in text.split('\n') {
                let _ = reader.line(line);
            }
            let _ = reader.end();
        }
    }
}
