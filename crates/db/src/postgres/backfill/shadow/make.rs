//! Making the copy, and what writes down which rows of the original change.
//!
//! While that is made nobody writes the original: the lock waits for every transaction that has. So
//! whatever is written from then on is written down, and all else is seen by whoever copies.

use postgres::Client;
use switchback_model::Digest;

use super::super::control::JobRow;
use super::super::error::BackfillError;
use super::super::statement::{Statements, joined};
use super::carry::{self, indexes, named, run};
use super::inventory::{against, structure, whole};
use super::replay::NUMBER;
use super::row::{Phase, schema, stored};
use crate::postgres::change::error::at;
use crate::postgres::change::link::qualified;
use crate::postgres::change::persist::Desk;
use crate::postgres::change::scope::oid;
use crate::postgres::change::{ChangeError, Options, Unfit};

fn unfit(table: &str, why: Vec<String>) -> ChangeError {
    ChangeError::Unfit {
        table: table.to_owned(),
        reason: Unfit::Copied { why },
    }
}

/// Makes the copy of the table of a job that has just been begun, in the same transaction, before its
/// walk begins.
///
/// # Errors
/// [`Unfit::Copied`] where something would be lost.
pub(in crate::postgres::backfill) fn make(
    client: &mut Client,
    desk: &Desk,
    options: &Options,
    path: &[String],
    version: u32,
    job: &JobRow,
    statements: &Statements,
) -> Result<(), BackfillError> {
    let table = &statements.table;
    if table.key.is_empty() {
        let why = vec!["there is no key by which its rows could be told".to_owned()];
        return Err(unfit(&table.full, why).into());
    }
    let lock = format!("LOCK TABLE ONLY {} IN SHARE ROW EXCLUSIVE MODE", table.full);
    desk.next(&lock, Some(options.lock_timeout))?;
    run(client, &lock)?;
    let written: Vec<&str> = table.columns.iter().map(|it| it.name.as_str()).collect();
    let number = oid(client, &table.full)?.ok_or_else(|| ChangeError::NoTable {
        table: table.full.clone(),
    })?;
    desk.next("making the copy", Some(options.statement_timeout))?;
    Ok(qualified(client, path, |client| {
        let why = against(client, number, &written, "")?;
        if !why.is_empty() {
            return Err(unfit(&table.full, why));
        }
        let schema = schema(job.id);
        try_all(
            client,
            version,
            number,
            &schema,
            &table.key_names(),
            &table.full,
        )?;
        run(client, &format!("CREATE SCHEMA {schema}"))?;
        let copy = carry::make(client, version, number, &schema)?;
        watch(client, &schema, statements)?;
        let definition = whole(client, version, number, &schema)?;
        let stored = stored(client, number, &schema)?.unwrap_or_default();
        let sql =
            "INSERT INTO _switchback.backfill_copy (backfill, in_schema, original, copy, phase,
                     definition, stored, since_sweep, undo_after)
                   SELECT $1, $2, $3, $4, $5, $6, $7, sweep + 1, coalesce((SELECT max(number)
                     FROM _switchback.backfill_undo WHERE backfill = $1), 0)
                   FROM _switchback.backfill WHERE id = $1";
        let phase = Phase::Filling.word();
        client
            .execute(
                sql,
                &[
                    &job.id,
                    &schema,
                    &number,
                    &copy,
                    &phase,
                    &definition,
                    &stored,
                ],
            )
            .map_err(at(sql))?;
        Ok(())
    })?)
}

/// Makes everything without rows, compares it with the original, and takes it back: so that nobody
/// finds out in the end that something is lost.
fn try_all(
    client: &mut Client,
    version: u32,
    number: u32,
    schema: &str,
    key: &[String],
    table: &str,
) -> Result<(), ChangeError> {
    run(client, "SAVEPOINT _sb_trial")?;
    run(client, &format!("CREATE SCHEMA {schema}"))?;
    let copy = carry::make(client, version, number, schema)?;
    let mine = named(client, copy)?;
    for index in indexes(client, number, &mine, key)? {
        index.build(client)?;
    }
    let original = named(client, number)?;
    let wanted = structure(client, version, number)?;
    let (inside, outside) = (format!("{schema}."), format!("{}.", original.schema));
    let made = structure(client, version, copy)?;
    let made: Vec<String> = made
        .iter()
        .map(|it| it.replace(&inside, &outside))
        .collect();
    run(
        client,
        "ROLLBACK TO SAVEPOINT _sb_trial; RELEASE SAVEPOINT _sb_trial",
    )?;
    let lost = wanted.iter().filter(|it| !made.contains(it));
    let new = made.iter().filter(|it| !wanted.contains(it));
    let why: Vec<String> = lost
        .map(|it| format!("a copy would not have {it}"))
        .chain(new.map(|it| format!("a copy would have {it}")))
        .collect();
    if why.is_empty() {
        Ok(())
    } else {
        Err(unfit(table, why))
    }
}

/// Has the keys of all rows that change written down. Also by sessions that replicate: so the
/// triggers always fire.
fn watch(client: &mut Client, schema: &str, statements: &Statements) -> Result<(), ChangeError> {
    let table = &statements.table;
    let list = table.key_list("", "");
    let (old, new) = (table.key_list("OLD.", ""), table.key_list("NEW.", ""));
    run(client, "SET LOCAL default_tablespace = ''")?;
    run(
        client,
        &format!(
            "CREATE TABLE {schema}.changed AS SELECT {list} FROM {} WITH NO DATA; \
             ALTER TABLE {schema}.changed ADD {NUMBER} bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY",
            table.full
        ),
    )?;
    let other = joined(
        table
            .key
            .iter()
            .map(|it| format!("NEW.{0} IS DISTINCT FROM OLD.{0}", it.sql)),
        " OR ",
    );
    let into = format!("INSERT INTO {schema}.changed");
    run(
        client,
        &format!(
            "CREATE FUNCTION {schema}.note() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER \
             SET search_path = pg_catalog, pg_temp AS $sb$\n\
             BEGIN\n\
               IF TG_OP = 'TRUNCATE' THEN {into} DEFAULT VALUES;\n\
               ELSIF TG_OP = 'INSERT' THEN {into} ({list}) VALUES ({new});\n\
               ELSE\n\
                 {into} ({list}) VALUES ({old});\n\
                 IF TG_OP = 'UPDATE' THEN\n\
                   IF {other} THEN {into} ({list}) VALUES ({new}); END IF;\n\
                 END IF;\n\
               END IF;\n\
               RETURN NULL;\n\
             END $sb$"
        ),
    )?;
    let name = trigger(schema);
    for (name, when) in [
        (
            name.clone(),
            "INSERT OR UPDATE OR DELETE ON {} FOR EACH ROW",
        ),
        (format!("{name}_all"), "TRUNCATE ON {} FOR EACH STATEMENT"),
    ] {
        let when = when.replace("{}", &table.full);
        run(
            client,
            &format!(
                "CREATE TRIGGER {name} AFTER {when} EXECUTE FUNCTION {schema}.note(); \
                 ALTER TABLE {} ENABLE ALWAYS TRIGGER {name}",
                table.full
            ),
        )?;
    }
    Ok(())
}

/// The name of our triggers: other triggers of ours begin so too, and are passed over by whoever
/// looks at triggers.
fn trigger(schema: &str) -> String {
    let digest = Digest::of(schema.as_bytes()).to_string();
    let short: String = digest
        .chars()
        .filter(char::is_ascii_hexdigit)
        .take(8)
        .collect();
    format!("{}copy_{short}", switchback_migration::definition::MADE)
}
