//! What is known of built-in functions, against `pg_proc`.

use postgres::{Client, NoTls};
use switchback_migration::facts::volatility::built_in_is_volatile;
use switchback_testkit::postgres::Server;

use crate::run::{Tally, everywhere};

/// A variant of `timezone` for `timetz` was volatile until 14; nobody means that one.
const BUT: &[&str] = &["timezone"];

pub(crate) fn all() {
    everywhere(|server: &Server| {
        let mut client = Client::connect(&server.database().unwrap(), NoTls).unwrap();
        let sql = "SELECT proname::text, bool_or(provolatile = 'v') FROM pg_proc
                   WHERE pronamespace = 'pg_catalog'::regnamespace
                     AND proname !~ '^binary_upgrade_' GROUP BY 1";
        let mut tally = Tally::new("functions", server.major());
        for row in client.query(sql, &[]).unwrap() {
            let (name, volatile): (String, bool) = (row.get(0), row.get(1));
            if BUT.contains(&name.as_str()) {
                continue;
            }
            tally.compared += 1;
            match built_in_is_volatile(&name, server.major()) {
                Some(known) if known != volatile => {
                    tally.wrong.push(format!("{name} is volatile: {volatile}"));
                }
                None if volatile => tally
                    .wrong
                    .push(format!("{name} is volatile, and not known")),
                Some(_) | None => {}
            }
        }
        vec![tally]
    });
}
