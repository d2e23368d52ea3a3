//! The settings under which tables are filled, and small helpers for statements.

use std::fmt::Write as _;
use std::time::Duration;

use postgres::{Client, CopyInWriter, SimpleQueryMessage, SimpleQueryRow};

/// Where the place is that a refused statement is undone to.
const PLACE: &str = "switchback_fill";

/// The connection through which tables are filled. Inside of a transaction each statement is guarded
/// by a savepoint, so that what is refused undoes nothing else there either.
pub(super) struct Connection<'c> {
    pub(super) client: &'c mut Client,
    pub(super) in_transaction: bool,
}

impl Connection<'_> {
    pub(super) fn simple_query(
        &mut self,
        sql: &str,
    ) -> Result<Vec<SimpleQueryMessage>, postgres::Error> {
        if !self.in_transaction {
            return self.client.simple_query(sql);
        }
        let guarded = format!("SAVEPOINT {PLACE}; {sql}; RELEASE {PLACE}");
        let answer = self.client.simple_query(&guarded);
        self.undo_refused(answer)
    }

    pub(super) fn batch_execute(&mut self, sql: &str) -> Result<(), postgres::Error> {
        self.simple_query(sql).map(|_| ())
    }

    /// Hands rows that `write` puts into the `COPY` to the server. How many there were.
    pub(super) fn copy_in(
        &mut self,
        sql: &str,
        write: impl FnOnce(&mut CopyInWriter<'_>) -> Result<(), postgres::Error>,
    ) -> Result<u64, postgres::Error> {
        if self.in_transaction {
            self.client.batch_execute(&format!("SAVEPOINT {PLACE}"))?;
        }
        let copied = self.client.copy_in(sql).and_then(|mut writer| {
            write(&mut writer)?;
            writer.finish()
        });
        let copied = self.undo_refused(copied)?;
        if self.in_transaction {
            self.client.batch_execute(&format!("RELEASE {PLACE}"))?;
        }
        Ok(copied)
    }

    fn undo_refused<T>(
        &mut self,
        answer: Result<T, postgres::Error>,
    ) -> Result<T, postgres::Error> {
        let refused = answer
            .as_ref()
            .is_err_and(|error| error.as_db_error().is_some());
        if refused && self.in_transaction {
            self.client
                .batch_execute(&format!("ROLLBACK TO {PLACE}; RELEASE {PLACE}"))?;
        }
        answer
    }
}

/// What is set while tables are filled: times and numbers are printed in one way, waits end, and
/// nothing is lost if a scratch database loses its last commits.
fn settings(statement: Duration, lock: Duration) -> Vec<(&'static str, String)> {
    let fixed = [
        ("TimeZone", "UTC"),
        ("DateStyle", "ISO, YMD"),
        ("IntervalStyle", "postgres"),
        ("bytea_output", "hex"),
        ("extra_float_digits", "1"),
        ("lc_monetary", "C"),
        ("xmloption", "content"),
        ("standard_conforming_strings", "on"),
        ("quote_all_identifiers", "off"),
        ("client_min_messages", "error"),
        ("synchronous_commit", "off"),
        ("transform_null_equals", "off"),
        ("jit", "off"),
        // Rows come in the order in which they are stored.
        ("synchronize_seqscans", "off"),
    ];
    let mut all: Vec<(&'static str, String)> = fixed
        .into_iter()
        .map(|(name, value)| (name, value.to_owned()))
        .collect();
    // Zero would mean no limit at all.
    let limit = |duration: Duration| format!("{}ms", duration.as_millis().max(1));
    all.push(("statement_timeout", limit(statement)));
    all.push(("lock_timeout", limit(lock)));
    all
}

/// What the session had set before.
pub(super) struct Before(Vec<(&'static str, String)>);

/// Changes the settings and says what they were.
pub(super) fn enter(
    client: &mut Connection<'_>,
    statement: Duration,
    lock: Duration,
) -> Result<Before, postgres::Error> {
    let settings = settings(statement, lock);
    let mut read = String::from("SELECT ");
    let mut write = String::from("SELECT ");
    for (place, (name, value)) in settings.iter().enumerate() {
        let comma = if place == 0 { "" } else { ", " };
        let _ = write!(read, "{comma}current_setting('{name}')");
        let _ = write!(
            write,
            "{comma}set_config('{name}', {}, false)",
            quote(value)
        );
    }
    read.push_str(", current_setting('search_path')");
    let before = rows(client, &read)?;
    let path = ("search_path", text(before.first(), settings.len()));
    let before = settings
        .iter()
        .enumerate()
        .map(|(place, (name, _))| (*name, text(before.first(), place)))
        .chain([path])
        .collect();
    client.simple_query(&write)?;
    Ok(Before(before))
}

/// Looks names up in these schemas as well, after those where they were looked up before: what
/// triggers do often relies on it.
pub(super) fn also_in(
    client: &mut Connection<'_>,
    schemas: &[&str],
) -> Result<(), postgres::Error> {
    let path = rows(client, "SHOW search_path")?;
    let path = text(path.first(), 0);
    let more = idents(schemas.iter().copied());
    let comma = if path.is_empty() || more.is_empty() {
        ""
    } else {
        ", "
    };
    let path = quote(&format!("{path}{comma}{more}"));
    let sql = format!("SELECT set_config('search_path', {path}, false)");
    client.simple_query(&sql).map(|_| ())
}

impl Before {
    /// Sets everything back.
    pub(super) fn restore(&self, client: &mut Connection<'_>) -> Result<(), postgres::Error> {
        let mut sql = String::from("SELECT ");
        for (place, (name, value)) in self.0.iter().enumerate() {
            let comma = if place == 0 { "" } else { ", " };
            let _ = write!(sql, "{comma}set_config('{name}', {}, false)", quote(value));
        }
        client.simple_query(&sql).map(|_| ())
    }
}

/// A text as a literal.
pub(super) fn quote(text: &str) -> String {
    format!("'{}'", text.replace('\'', "''"))
}

/// A name as an identifier.
pub(super) fn ident(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}

/// Names as a list of identifiers.
pub(super) fn idents<'a>(names: impl Iterator<Item = &'a str>) -> String {
    names.map(ident).collect::<Vec<_>>().join(", ")
}

/// The rows of a query, all of them as text.
pub(super) fn rows(
    client: &mut Connection<'_>,
    sql: &str,
) -> Result<Vec<SimpleQueryRow>, postgres::Error> {
    let messages = client.simple_query(sql)?;
    Ok(messages
        .into_iter()
        .filter_map(|message| match message {
            SimpleQueryMessage::Row(row) => Some(row),
            _ => None,
        })
        .collect())
}

/// How many rows the statement changed.
pub(super) fn changed(client: &mut Connection<'_>, sql: &str) -> Result<u64, postgres::Error> {
    let messages = client.simple_query(sql)?;
    Ok(messages
        .iter()
        .map(|message| match message {
            SimpleQueryMessage::CommandComplete(rows) => *rows,
            _ => 0,
        })
        .sum())
}

/// A field that is there and not null, or nothing.
pub(super) fn text(row: Option<&SimpleQueryRow>, place: usize) -> String {
    row.and_then(|row| row.get(place))
        .unwrap_or_default()
        .to_owned()
}

/// A field as a number, 0 if it is none.
pub(super) fn number<T: std::str::FromStr + Default>(row: &SimpleQueryRow, place: usize) -> T {
    row.get(place)
        .and_then(|text| text.parse().ok())
        .unwrap_or_default()
}

/// A field as yes or no.
pub(super) fn truth(row: &SimpleQueryRow, place: usize) -> bool {
    row.get(place) == Some("t")
}

/// Object identifiers as an array.
pub(super) fn oids(list: &[u32]) -> String {
    let list: Vec<String> = list.iter().map(u32::to_string).collect();
    format!("'{{{}}}'::oid[]", list.join(","))
}
