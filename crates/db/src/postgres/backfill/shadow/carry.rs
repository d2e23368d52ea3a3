//! Making a table again: what it is before there are rows in it, its indexes, and what it gets when
//! it takes the other one's place.
//!
//! The copy lies in a schema of its own, under the table's own name, and so do its indexes and
//! sequences. So nothing has to be named anew when it changes schemas.

use postgres::{Client, Row};

use crate::postgres::change::ChangeError;
use crate::postgres::change::error::at;
use crate::postgres::session::{literal, name};

/// A table by its names, as they stand in SQL.
#[derive(Debug, Clone)]
pub(super) struct Named {
    pub(super) schema: String,
    pub(super) table: String,
}

impl Named {
    pub(super) fn full(&self) -> String {
        format!("{}.{}", self.schema, self.table)
    }
}

/// The names of a table.
pub(super) fn named(client: &mut Client, number: u32) -> Result<Named, ChangeError> {
    let sql = "SELECT quote_ident(n.nspname), quote_ident(c.relname)
        FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace WHERE c.oid = $1";
    let row = client.query_one(sql, &[&number]).map_err(at(sql))?;
    Ok(Named {
        schema: row.try_get(0).map_err(at(sql))?,
        table: row.try_get(1).map_err(at(sql))?,
    })
}

pub(super) fn run(client: &mut Client, sql: &str) -> Result<(), ChangeError> {
    client.batch_execute(sql).map_err(at(sql))
}

fn text(row: &Row, place: usize, sql: &str) -> Result<String, ChangeError> {
    row.try_get(place).map_err(at(sql))
}

/// Options as they stand in SQL: `fillfactor = '70'`.
fn options(stored: &[String], before: &str) -> Vec<String> {
    let split = stored.iter().filter_map(|it| it.split_once('='));
    split
        .map(|(key, value)| format!("{before}{} = {}", name(key), literal(value)))
        .collect()
}

/// Has what is made next lie where it should; nothing for the place of the database itself.
fn place(client: &mut Client, tablespace: Option<&str>) -> Result<(), ChangeError> {
    let sql = format!(
        "SET LOCAL default_tablespace = {}",
        literal(tablespace.unwrap_or_default())
    );
    run(client, &sql)
}

/// Makes the copy of `number` without indexes, in `schema`, which is there. Gives its number.
pub(super) fn make(
    client: &mut Client,
    version: u32,
    number: u32,
    schema: &str,
) -> Result<u32, ChangeError> {
    let original = named(client, number)?;
    let copy = Named {
        schema: schema.to_owned(),
        table: original.table.clone(),
    };
    let sql =
        "SELECT coalesce(m.amname::text, 'heap'), c.reloptions, t.reloptions, s.spcname::text,
            CASE WHEN c.relowner <> current_user::regrole THEN c.relowner::regrole::text END,
            obj_description(c.oid, 'pg_class')
        FROM pg_class c LEFT JOIN pg_am m ON m.oid = c.relam
            LEFT JOIN pg_class t ON t.oid = c.reltoastrelid
            LEFT JOIN pg_tablespace s ON s.oid = c.reltablespace
        WHERE c.oid = $1";
    let row = client.query_one(sql, &[&number]).map_err(at(sql))?;
    let get = at(sql);
    let own: Option<Vec<String>> = row.try_get(1).map_err(&get)?;
    let toast: Option<Vec<String>> = row.try_get(2).map_err(&get)?;
    let tablespace: Option<String> = row.try_get(3).map_err(&get)?;
    let owner: Option<String> = row.try_get(4).map_err(&get)?;
    let comment: Option<String> = row.try_get(5).map_err(&get)?;
    let mut with = options(&own.unwrap_or_default(), "");
    with.extend(options(&toast.unwrap_or_default(), "toast."));
    let with = match with.as_slice() {
        [] => String::new(),
        some => format!(" WITH ({})", some.join(", ")),
    };
    let compression = if version >= 140_000 {
        " INCLUDING COMPRESSION"
    } else {
        ""
    };
    let method = name(&text(&row, 0, sql)?);
    place(client, tablespace.as_deref())?;
    run(
        client,
        &format!(
            "CREATE TABLE {} (LIKE {} INCLUDING DEFAULTS INCLUDING CONSTRAINTS INCLUDING GENERATED \
             INCLUDING IDENTITY INCLUDING STORAGE INCLUDING COMMENTS{compression}) \
             USING {method}{with}",
            copy.full(),
            original.full()
        ),
    )?;
    if let Some(comment) = comment {
        let sql = format!("COMMENT ON TABLE {} IS {}", copy.full(), literal(&comment));
        run(client, &sql)?;
    }
    columns(client, number, &copy)?;
    sequences(client, number, &copy)?;
    if let Some(owner) = owner {
        run(
            client,
            &format!("GRANT USAGE, CREATE ON SCHEMA {schema} TO {owner}"),
        )?;
        let sql = format!("ALTER TABLE {} OWNER TO {owner}", copy.full());
        run(client, &sql)?;
    }
    let sql = "SELECT $1::text::regclass::oid";
    let row = client.query_one(sql, &[&copy.full()]).map_err(at(sql))?;
    row.try_get(0).map_err(at(sql))
}

/// What `LIKE` does not take over of columns.
fn columns(client: &mut Client, number: u32, copy: &Named) -> Result<(), ChangeError> {
    let sql = "SELECT quote_ident(attname), coalesce(attstattarget, -1)::integer, attoptions
        FROM pg_attribute WHERE attrelid = $1 AND attnum > 0 AND NOT attisdropped
            AND (coalesce(attstattarget, -1) <> -1 OR attoptions IS NOT NULL)";
    for row in client.query(sql, &[&number]).map_err(at(sql))? {
        let column = text(&row, 0, sql)?;
        let target: i32 = row.try_get(1).map_err(at(sql))?;
        let stored: Option<Vec<String>> = row.try_get(2).map_err(at(sql))?;
        let table = copy.full();
        if target != -1 {
            let sql = format!("ALTER TABLE {table} ALTER {column} SET STATISTICS {target}");
            run(client, &sql)?;
        }
        if let Some(stored) = stored {
            let set = options(&stored, "").join(", ");
            run(
                client,
                &format!("ALTER TABLE {table} ALTER {column} SET ({set})"),
            )?;
        }
    }
    Ok(())
}

/// Sequences of identity columns, by the names that they have.
fn sequences(client: &mut Client, number: u32, copy: &Named) -> Result<(), ChangeError> {
    for (column, sequence) in identities(client, number)? {
        let wanted = format!("{}.{}", copy.schema, sequence.table);
        let sql = "SELECT pg_get_serial_sequence($1, $2)";
        let row = client
            .query_one(sql, &[&copy.full(), &column])
            .map_err(at(sql))?;
        let is = text(&row, 0, sql)?;
        if is != wanted {
            let sql = format!("ALTER SEQUENCE {is} RENAME TO {}", sequence.table);
            run(client, &sql)?;
        }
        let sql = "SELECT obj_description($1::text::regclass, 'pg_class')";
        let row = client
            .query_one(sql, &[&sequence.full()])
            .map_err(at(sql))?;
        let comment: Option<String> = row.try_get(0).map_err(at(sql))?;
        if let Some(comment) = comment {
            let sql = format!("COMMENT ON SEQUENCE {wanted} IS {}", literal(&comment));
            run(client, &sql)?;
        }
    }
    Ok(())
}

/// The identity columns of a table, by name, and their sequences.
pub(super) fn identities(
    client: &mut Client,
    number: u32,
) -> Result<Vec<(String, Named)>, ChangeError> {
    owned(client, number, "i")
}

/// The columns of a table that have sequences, by name, and those. `kind` is `i` for those of
/// identity columns, `a` for those that are owned.
pub(super) fn owned(
    client: &mut Client,
    number: u32,
    kind: &str,
) -> Result<Vec<(String, Named)>, ChangeError> {
    let sql = "SELECT a.attname::text, quote_ident(n.nspname), quote_ident(c.relname)
        FROM pg_depend d JOIN pg_class c ON c.oid = d.objid AND c.relkind = 'S'
            JOIN pg_namespace n ON n.oid = c.relnamespace
            JOIN pg_attribute a ON a.attrelid = d.refobjid AND a.attnum = d.refobjsubid
        WHERE d.classid = 'pg_class'::regclass AND d.refclassid = 'pg_class'::regclass
            AND d.refobjid = $1 AND d.refobjsubid > 0 AND d.deptype::text = $2
        ORDER BY c.relname";
    let rows = client.query(sql, &[&number, &kind]).map_err(at(sql))?;
    rows.iter()
        .map(|row| {
            let sequence = Named {
                schema: text(row, 1, sql)?,
                table: text(row, 2, sql)?,
            };
            Ok((text(row, 0, sql)?, sequence))
        })
        .collect()
}

/// An index of the original, and how it is made on the copy.
#[derive(Debug, Clone)]
pub(super) struct Index {
    /// Its name, as it stands in SQL.
    pub(super) name: String,
    /// Whether no two rows may be alike in it.
    pub(super) unique: bool,
    /// The columns that it begins with, where all of them are columns.
    columns: Vec<String>,
    tablespace: Option<String>,
    statements: Vec<String>,
}

/// Every index of a table, as it would be made on `copy`. First those over exactly the columns of
/// `key`, then others over which no two rows may be alike, then the rest.
pub(super) fn indexes(
    client: &mut Client,
    number: u32,
    copy: &Named,
    key: &[String],
) -> Result<Vec<Index>, ChangeError> {
    let original = named(client, number)?;
    let sql = "SELECT quote_ident(c.relname), i.indisunique OR i.indisexclusion,
            coalesce((SELECT array_agg(a.attname::text ORDER BY k.place)
                FROM unnest(i.indkey::int2[]) WITH ORDINALITY AS k (attribute, place)
                    JOIN pg_attribute a ON a.attrelid = i.indrelid AND a.attnum = k.attribute
                WHERE k.place <= i.indnkeyatts AND i.indpred IS NULL), '{}'),
            s.spcname::text, pg_get_indexdef(i.indexrelid), quote_ident(k.conname), k.contype::text,
            pg_get_constraintdef(k.oid), obj_description(c.oid, 'pg_class'),
            obj_description(k.oid, 'pg_constraint'), i.indisunique,
            coalesce((SELECT array_agg(a.attnum || ' SET STATISTICS ' || a.attstattarget)
                FROM pg_attribute a WHERE a.attrelid = i.indexrelid
                    AND coalesce(a.attstattarget, -1) <> -1), '{}')
        FROM pg_index i JOIN pg_class c ON c.oid = i.indexrelid
            LEFT JOIN pg_tablespace s ON s.oid = c.reltablespace
            LEFT JOIN pg_constraint k ON k.conindid = i.indexrelid AND k.conrelid = i.indrelid
                AND k.contype IN ('p', 'u', 'x')
        WHERE i.indrelid = $1 ORDER BY c.relname";
    let mut found = Vec::new();
    for row in client.query(sql, &[&number]).map_err(at(sql))? {
        let get = at(sql);
        let index = text(&row, 0, sql)?;
        let (definition, unique): (String, bool) =
            (text(&row, 4, sql)?, row.try_get(10).map_err(&get)?);
        let constraint: Option<String> = row.try_get(5).map_err(&get)?;
        let kind: Option<String> = row.try_get(6).map_err(&get)?;
        let (table, mine) = (copy.full(), format!("{}.{index}", copy.schema));
        let mut statements = Vec::new();
        if kind.as_deref() == Some("x") {
            let rule: String = row.try_get(7).map_err(&get)?;
            let constraint = constraint.as_deref().unwrap_or(&index);
            statements.push(format!(
                "ALTER TABLE {table} ADD CONSTRAINT {constraint} {rule}"
            ));
        } else {
            let begin = if unique {
                "CREATE UNIQUE INDEX"
            } else {
                "CREATE INDEX"
            };
            let known = format!("{begin} {index} ON {} USING ", original.full());
            // What is printed otherwise is nothing that is known here.
            let Some(rest) = definition.strip_prefix(&known) else {
                return Err(ChangeError::Unexpected {
                    question: format!("the definition of the index {index}: {definition}"),
                });
            };
            statements.push(format!("{begin} {index} ON {table} USING {rest}"));
            let word = match kind.as_deref() {
                Some("p") => Some("PRIMARY KEY"),
                Some("u") => Some("UNIQUE"),
                _ => None,
            };
            if let (Some(word), Some(constraint)) = (word, &constraint) {
                // They are called alike: else the index would be renamed.
                statements.push(format!(
                    "ALTER TABLE {table} ADD CONSTRAINT {constraint} {word} USING INDEX {index}"
                ));
            }
        }
        let targets: Vec<String> = row.try_get(11).map_err(&get)?;
        for target in targets {
            statements.push(format!("ALTER INDEX {mine} ALTER COLUMN {target}"));
        }
        let comment: Option<String> = row.try_get(8).map_err(&get)?;
        if let Some(comment) = comment {
            statements.push(format!("COMMENT ON INDEX {mine} IS {}", literal(&comment)));
        }
        let comment: Option<String> = row.try_get(9).map_err(&get)?;
        if let (Some(comment), Some(constraint)) = (comment, &constraint) {
            statements.push(format!(
                "COMMENT ON CONSTRAINT {constraint} ON {table} IS {}",
                literal(&comment)
            ));
        }
        found.push(Index {
            name: index,
            unique: row.try_get(1).map_err(&get)?,
            columns: row.try_get(2).map_err(&get)?,
            tablespace: row.try_get(3).map_err(&get)?,
            statements,
        });
    }
    found.sort_by_key(|it| (!it.is_of(key), !it.unique));
    Ok(found)
}

impl Index {
    /// Whether rows are found by the key through it.
    pub(super) fn is_of(&self, key: &[String]) -> bool {
        self.unique && self.columns == key
    }

    /// Builds it, in a transaction.
    pub(super) fn build(&self, client: &mut Client) -> Result<(), ChangeError> {
        place(client, self.tablespace.as_deref())?;
        self.statements.iter().try_for_each(|sql| run(client, sql))
    }
}

/// What the copy gets once it has the place of the original, as SQL in its order: read from the
/// original, before that is gone.
pub(super) fn rest(
    client: &mut Client,
    number: u32,
    schema: &str,
) -> Result<Vec<String>, ChangeError> {
    let table = named(client, number)?.full();
    let mut all = foreign_keys(client, number, &table)?;
    all.extend(triggers(client, number, &table, schema)?);
    let sql = "SELECT quote_ident(c.relname), i.indisclustered, i.indisreplident
        FROM pg_index i JOIN pg_class c ON c.oid = i.indexrelid
        WHERE i.indrelid = $1 AND (i.indisclustered OR i.indisreplident)";
    for row in client.query(sql, &[&number]).map_err(at(sql))? {
        let index = text(&row, 0, sql)?;
        if row.try_get(1).map_err(at(sql))? {
            all.push(format!("ALTER TABLE {table} CLUSTER ON {index}"));
        }
        if row.try_get(2).map_err(at(sql))? {
            all.push(format!(
                "ALTER TABLE {table} REPLICA IDENTITY USING INDEX {index}"
            ));
        }
    }
    let sql = "SELECT relreplident::text FROM pg_class WHERE oid = $1";
    let row = client.query_one(sql, &[&number]).map_err(at(sql))?;
    match text(&row, 0, sql)?.as_str() {
        "f" => all.push(format!("ALTER TABLE {table} REPLICA IDENTITY FULL")),
        "n" => all.push(format!("ALTER TABLE {table} REPLICA IDENTITY NOTHING")),
        _ => {}
    }
    all.extend(granted(client, number, &format!("TABLE {table}"), "r")?);
    let sql = "SELECT quote_ident(a.attname), x.privilege_type, x.is_grantable,
            coalesce(nullif(x.grantee, 0)::regrole::text, 'PUBLIC')
        FROM pg_attribute a, aclexplode(a.attacl) x
        WHERE a.attrelid = $1 AND a.attnum > 0 AND NOT a.attisdropped AND a.attacl IS NOT NULL
        ORDER BY a.attnum";
    for row in client.query(sql, &[&number]).map_err(at(sql))? {
        let grantable: bool = row.try_get(2).map_err(at(sql))?;
        all.push(format!(
            "GRANT {} ({}) ON TABLE {table} TO {}{}",
            text(&row, 1, sql)?,
            text(&row, 0, sql)?,
            text(&row, 3, sql)?,
            if grantable { " WITH GRANT OPTION" } else { "" }
        ));
    }
    for (_, sequence) in identities(client, number)? {
        let sql = "SELECT $1::text::regclass::oid";
        let row = client
            .query_one(sql, &[&sequence.full()])
            .map_err(at(sql))?;
        let it: u32 = row.try_get(0).map_err(at(sql))?;
        all.extend(granted(
            client,
            it,
            &format!("SEQUENCE {}", sequence.full()),
            "s",
        )?);
    }
    for (column, sequence) in owned(client, number, "a")? {
        all.push(format!(
            "ALTER SEQUENCE {} OWNED BY {table}.{}",
            sequence.full(),
            name(&column)
        ));
    }
    Ok(all)
}

fn foreign_keys(client: &mut Client, number: u32, table: &str) -> Result<Vec<String>, ChangeError> {
    let sql = "SELECT quote_ident(conname), pg_get_constraintdef(oid), convalidated,
            obj_description(oid, 'pg_constraint')
        FROM pg_constraint WHERE conrelid = $1 AND contype = 'f' ORDER BY conname";
    let mut all = Vec::new();
    for row in client.query(sql, &[&number]).map_err(at(sql))? {
        let (constraint, rule) = (text(&row, 0, sql)?, text(&row, 1, sql)?);
        // One that is not validated says so itself.
        let later = if row.try_get(2).map_err(at(sql))? {
            " NOT VALID"
        } else {
            ""
        };
        all.push(format!(
            "ALTER TABLE {table} ADD CONSTRAINT {constraint} {rule}{later}"
        ));
        let comment: Option<String> = row.try_get(3).map_err(at(sql))?;
        if let Some(comment) = comment {
            let comment = literal(&comment);
            all.push(format!(
                "COMMENT ON CONSTRAINT {constraint} ON {table} IS {comment}"
            ));
        }
    }
    Ok(all)
}

/// The foreign keys that are validated, by name as it stands in SQL.
pub(super) fn validated(client: &mut Client, number: u32) -> Result<Vec<String>, ChangeError> {
    let sql = "SELECT quote_ident(conname) FROM pg_constraint
        WHERE conrelid = $1 AND contype = 'f' AND convalidated ORDER BY conname";
    let rows = client.query(sql, &[&number]).map_err(at(sql))?;
    rows.iter().map(|row| text(row, 0, sql)).collect()
}

/// The tables that foreign keys point to, other than itself, by full name.
pub(super) fn parents(client: &mut Client, number: u32) -> Result<Vec<String>, ChangeError> {
    let sql = "SELECT DISTINCT quote_ident(n.nspname) || '.' || quote_ident(c.relname)
        FROM pg_constraint k JOIN pg_class c ON c.oid = k.confrelid
            JOIN pg_namespace n ON n.oid = c.relnamespace
        WHERE k.conrelid = $1 AND k.contype = 'f' AND k.confrelid <> k.conrelid ORDER BY 1";
    let rows = client.query(sql, &[&number]).map_err(at(sql))?;
    rows.iter().map(|row| text(row, 0, sql)).collect()
}

/// The triggers but for our own, whose function lies in `schema`.
fn triggers(
    client: &mut Client,
    number: u32,
    table: &str,
    schema: &str,
) -> Result<Vec<String>, ChangeError> {
    let sql = "SELECT quote_ident(t.tgname), pg_get_triggerdef(t.oid), t.tgenabled::text,
            obj_description(t.oid, 'pg_trigger')
        FROM pg_trigger t JOIN pg_proc p ON p.oid = t.tgfoid
            JOIN pg_namespace n ON n.oid = p.pronamespace
        WHERE t.tgrelid = $1 AND NOT t.tgisinternal AND n.nspname <> $2 ORDER BY t.tgname";
    let mut all = Vec::new();
    for row in client.query(sql, &[&number, &schema]).map_err(at(sql))? {
        let trigger = text(&row, 0, sql)?;
        all.push(text(&row, 1, sql)?);
        let enabled = match text(&row, 2, sql)?.as_str() {
            "D" => Some("DISABLE TRIGGER"),
            "R" => Some("ENABLE REPLICA TRIGGER"),
            "A" => Some("ENABLE ALWAYS TRIGGER"),
            _ => None,
        };
        all.extend(enabled.map(|word| format!("ALTER TABLE {table} {word} {trigger}")));
        let comment: Option<String> = row.try_get(3).map_err(at(sql))?;
        if let Some(comment) = comment {
            let comment = literal(&comment);
            all.push(format!(
                "COMMENT ON TRIGGER {trigger} ON {table} IS {comment}"
            ));
        }
    }
    Ok(all)
}

/// Grants what is granted on `number`, to whoever has nothing yet: what defaults gave is taken away
/// first. `what` is what it will be called; `letter` is its kind, as `acldefault` has it.
fn granted(
    client: &mut Client,
    number: u32,
    what: &str,
    letter: &str,
) -> Result<Vec<String>, ChangeError> {
    // Those who may have got something by defaults, and those who have something.
    let sql = "WITH has AS (
            SELECT x.* FROM pg_class c,
                aclexplode(coalesce(c.relacl, acldefault($2::text::\"char\", c.relowner))) x
            WHERE c.oid = $1
        ), may AS (
            SELECT x.grantee FROM pg_default_acl a, aclexplode(a.defaclacl) x
            UNION SELECT grantee FROM has UNION SELECT c.relowner FROM pg_class c WHERE c.oid = $1
        )
        SELECT coalesce(nullif(m.grantee, 0)::regrole::text, 'PUBLIC'), NULL, false FROM may m
        UNION ALL
        SELECT coalesce(nullif(h.grantee, 0)::regrole::text, 'PUBLIC'), h.privilege_type,
            h.is_grantable FROM has h";
    let rows = client.query(sql, &[&number, &letter]).map_err(at(sql))?;
    let (mut revoked, mut all) = (Vec::new(), Vec::new());
    for row in rows {
        let grantee = text(&row, 0, sql)?;
        let privilege: Option<String> = row.try_get(1).map_err(at(sql))?;
        let grantable: bool = row.try_get(2).map_err(at(sql))?;
        match privilege {
            None => revoked.push(format!("REVOKE ALL ON {what} FROM {grantee}")),
            Some(privilege) => all.push(format!(
                "GRANT {privilege} ON {what} TO {grantee}{}",
                if grantable { " WITH GRANT OPTION" } else { "" }
            )),
        }
    }
    revoked.extend(all);
    Ok(revoked)
}
