//! What a server says that a database holds, as a [`Schema`].
//!
//! Everything outside of the system's own schemas is read, in one transaction, with names in full.
//! Definitions are taken as the server writes them out and parsed like the text of a migration.
//!
//! Deliberately absent: rows, rights, the bodies of functions, and tables of single sessions.

mod pieces;
mod tables;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use postgres::{Client, SimpleQueryMessage, SimpleQueryRow};
use switchback_migration::schema::{Column, Index, Map, Schema, Things, Type};
use switchback_migration::sql::ir::{Expr, Name, Volatility};

use super::error::PgError;
use pieces::Types;

/// The schemas that are not the system's.
const OURS: &str = "n.nspname NOT IN ('pg_catalog', 'information_schema') \
     AND n.nspname !~ '^pg_(toast|temp)'";

/// The triggers that somebody made. Until 14 those that partitions have from their table are marked
/// as the system's own, as those of constraints are.
const TRIGGERS: &str = "(NOT t.tgisinternal OR t.tgconstraint = 0)";

/// A reading in progress.
struct Reader<'c> {
    client: &'c mut Client,
    /// The major version.
    major: u32,
    types: Types,
    /// Whether everything was understood.
    complete: bool,
}

/// Reads everything that a database holds. The caller is not in a transaction.
///
/// What was made in it is not new: [`Schema::unit`] is 0. Rows are the planner's estimate, and none
/// where the table was never looked at. A definition that cannot be parsed makes the schema
/// incomplete.
///
/// # Errors
/// If the server refuses a question or the connection is lost.
pub fn read(client: &mut Client) -> Result<Schema, PgError> {
    let mut reader = Reader {
        client,
        major: 0,
        types: Types::default(),
        complete: true,
    };
    reader.run("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY")?;
    let schema = reader.everything();
    // Nothing was changed; the settings of the transaction go.
    let end = reader.run("ROLLBACK");
    let schema = schema?;
    end?;
    Ok(schema)
}

impl Reader<'_> {
    fn run(&mut self, sql: &str) -> Result<(), PgError> {
        let done = self.client.batch_execute(sql);
        done.map_err(|error| PgError::of(error, sql))
    }

    /// The rows of an answer, each column as text.
    fn rows(&mut self, sql: &str) -> Result<Vec<Row>, PgError> {
        let answer = self.client.simple_query(sql);
        let answer = answer.map_err(|error| PgError::of(error, sql))?;
        let row = |message| match message {
            SimpleQueryMessage::Row(row) => Some(Row(row)),
            _ => None,
        };
        Ok(answer.into_iter().filter_map(row).collect())
    }

    fn everything(&mut self) -> Result<Schema, PgError> {
        let settings = self.rows(
            "SELECT current_setting('server_version_num')::int / 10000, \
                lower(current_setting('TimeZone'))",
        )?;
        let settings = settings.first();
        self.major = settings.map(|row| row.number(0)).unwrap_or_default();
        let time_zone = settings.map(|row| row.text(1));
        let path = self.rows("SELECT unnest(current_schemas(false))")?;
        let search_path = path.iter().map(|row| row.text(0)).collect();
        // From here on the server writes every name with its schema.
        self.run("SET LOCAL search_path = pg_catalog")?;
        let namespaces = self.rows(&format!(
            "SELECT n.nspname FROM pg_namespace n WHERE {OURS} ORDER BY 1"
        ))?;
        let namespaces = namespaces.iter().map(|row| row.text(0)).collect();
        let extensions = self.extensions()?;
        let relations = self.relations()?;
        let indexes = self.indexes()?;
        let types = self.user_types()?;
        let functions = self.functions()?;
        let trigger_functions = self.trigger_functions()?;
        Ok(Schema {
            complete: self.complete,
            search_path,
            time_zone,
            major: Some(self.major),
            namespaces,
            relations,
            indexes,
            types,
            functions,
            extensions,
            trigger_functions,
            before_local: None,
            unit: 0,
        })
    }

    fn extensions(&mut self) -> Result<BTreeSet<String>, PgError> {
        let rows = self.rows("SELECT extname FROM pg_extension WHERE extname <> 'plpgsql'")?;
        Ok(rows.iter().map(|row| row.text(0)).collect())
    }

    fn indexes(&mut self) -> Result<Things<Index>, PgError> {
        let rows = self.rows(&format!(
            "SELECT n.nspname, c.relname, tn.nspname, t.relname, i.indisunique, \
                i.indisvalid AND i.indisready, pg_get_indexdef(i.indexrelid), k.conname \
             FROM pg_index i \
             JOIN pg_class c ON c.oid = i.indexrelid JOIN pg_namespace n ON n.oid = c.relnamespace \
             JOIN pg_class t ON t.oid = i.indrelid JOIN pg_namespace tn ON tn.oid = t.relnamespace \
             LEFT JOIN pg_constraint k ON k.conindid = i.indexrelid AND k.conrelid = i.indrelid \
                AND k.contype IN ('p', 'u', 'x') \
             WHERE {OURS} AND t.relpersistence <> 't'"
        ))?;
        let mut all = Things::default();
        for row in rows {
            let Some(made) = pieces::index(&row.text(6)) else {
                self.complete = false;
                continue;
            };
            let index = Index {
                table: row.name(2),
                unique: row.is(4),
                method: made.method,
                options: made.keys.iter().map(|key| key.options.clone()).collect(),
                keys: made.keys.into_iter().map(|key| key.expr).collect(),
                include: made.include,
                nulls_not_distinct: made.nulls_not_distinct,
                predicate: made.predicate,
                valid: row.is(5),
                constraint: row.get(7).map(str::to_owned),
                made_in: 0,
            };
            all.insert(row.name(0), Arc::new(index));
        }
        Ok(all)
    }

    fn user_types(&mut self) -> Result<Map<Name, Arc<Type>>, PgError> {
        // Types of rows of tables, and of arrays, go with what they are of.
        let rows = self.rows(&format!(
            "SELECT n.nspname, t.typname, t.typtype, format_type(t.typbasetype, t.typtypmod), \
                t.typnotnull, pg_get_expr(t.typdefaultbin, 0) \
             FROM pg_type t JOIN pg_namespace n ON n.oid = t.typnamespace \
             LEFT JOIN pg_class c ON c.oid = t.typrelid \
             WHERE {OURS} AND (t.typtype IN ('e', 'd', 'r') \
                OR (t.typtype = 'c' AND c.relkind = 'c') \
                OR (t.typtype = 'b' AND NOT (t.typelem <> 0 AND t.typlen = -1)))"
        ))?;
        let mut values = self.listed(
            "SELECT n.nspname, t.typname, e.enumlabel FROM pg_enum e \
             JOIN pg_type t ON t.oid = e.enumtypid JOIN pg_namespace n ON n.oid = t.typnamespace \
             ORDER BY e.enumtypid, e.enumsortorder",
        )?;
        let mut checks = self.domain_checks()?;
        let mut attributes = self.attributes()?;
        let mut all = Map::default();
        for row in rows {
            let name = row.name(0);
            let one = match row.text(2).as_str() {
                "e" => Type::Enum {
                    values: values.remove(&name).unwrap_or_default(),
                    made_in: 0,
                },
                "d" => match self.types.parse(&row.text(3)) {
                    Some(base) => Type::Domain {
                        base,
                        not_null: row.is(4),
                        default: row.get(5).map(pieces::expression),
                        checks: checks.remove(&name).unwrap_or_default(),
                    },
                    None => {
                        self.complete = false;
                        Type::Other
                    }
                },
                "c" => Type::Composite {
                    attributes: attributes.remove(&name).unwrap_or_default(),
                },
                _ => Type::Other,
            };
            all.insert(name, Arc::new(one));
        }
        Ok(all)
    }

    /// The values of a third column by the name in the first two, in order.
    fn listed(&mut self, sql: &str) -> Result<BTreeMap<Name, Vec<String>>, PgError> {
        let mut all: BTreeMap<Name, Vec<String>> = BTreeMap::new();
        for row in self.rows(sql)? {
            all.entry(row.name(0)).or_default().push(row.text(2));
        }
        Ok(all)
    }

    fn domain_checks(&mut self) -> Result<BTreeMap<Name, Vec<DomainCheck>>, PgError> {
        let rows = self.rows(
            "SELECT n.nspname, t.typname, k.conname, pg_get_constraintdef(k.oid), k.convalidated \
             FROM pg_constraint k JOIN pg_type t ON t.oid = k.contypid \
             JOIN pg_namespace n ON n.oid = t.typnamespace WHERE k.contype = 'c' ORDER BY k.conname",
        )?;
        let mut all: BTreeMap<Name, Vec<DomainCheck>> = BTreeMap::new();
        for row in rows {
            let Some(expr) = pieces::check(&row.text(3)) else {
                self.complete = false;
                continue;
            };
            let check = (row.text(2), expr, row.is(4));
            all.entry(row.name(0)).or_default().push(check);
        }
        Ok(all)
    }

    /// The columns of composite types.
    fn attributes(&mut self) -> Result<BTreeMap<Name, Vec<Column>>, PgError> {
        let rows = self.rows(&format!(
            "SELECT n.nspname, c.relname, a.attname, format_type(a.atttypid, a.atttypmod) \
             FROM pg_attribute a JOIN pg_class c ON c.oid = a.attrelid \
             JOIN pg_namespace n ON n.oid = c.relnamespace \
             WHERE {OURS} AND c.relkind = 'c' AND a.attnum > 0 AND NOT a.attisdropped \
             ORDER BY a.attrelid, a.attnum"
        ))?;
        let mut all: BTreeMap<Name, Vec<Column>> = BTreeMap::new();
        for row in rows {
            let column = Column {
                name: row.text(2),
                type_name: self.types.parse(&row.text(3)),
                collation: None,
                not_null: false,
                default: None,
                generated: None,
            };
            all.entry(row.name(0)).or_default().push(column);
        }
        Ok(all)
    }

    /// The functions that triggers call, by table and trigger.
    fn trigger_functions(&mut self) -> Result<Map<(Name, String), Name>, PgError> {
        let rows = self.rows(&format!(
            "SELECT n.nspname, c.relname, t.tgname, fn.nspname, f.proname FROM pg_trigger t \
             JOIN pg_class c ON c.oid = t.tgrelid JOIN pg_namespace n ON n.oid = c.relnamespace \
             JOIN pg_proc f ON f.oid = t.tgfoid JOIN pg_namespace fn ON fn.oid = f.pronamespace \
             WHERE {OURS} AND {TRIGGERS}"
        ))?;
        let one = |row: &Row| ((row.name(0), row.text(2)), row.name(3));
        Ok(rows.iter().map(one).collect())
    }

    fn functions(&mut self) -> Result<Map<Name, Volatility>, PgError> {
        let rows = self.rows(&format!(
            "SELECT n.nspname, p.proname, p.provolatile FROM pg_proc p \
             JOIN pg_namespace n ON n.oid = p.pronamespace WHERE {OURS}"
        ))?;
        let mut all: BTreeMap<Name, Volatility> = BTreeMap::new();
        for row in rows {
            let one = match row.text(2).as_str() {
                "i" => Volatility::Immutable,
                "s" => Volatility::Stable,
                _ => Volatility::Volatile,
            };
            let least = all.entry(row.name(0)).or_insert(one);
            *least = (*least).max(one);
        }
        Ok(all.into_iter().collect())
    }
}

/// The check of a domain: its name, what it says, and whether existing values obey.
type DomainCheck = (String, Expr, bool);

/// A row of an answer.
struct Row(SimpleQueryRow);

impl Row {
    /// A column; none where it is NULL.
    fn get(&self, at: usize) -> Option<&str> {
        (at < self.0.len()).then(|| self.0.get(at)).flatten()
    }

    fn text(&self, at: usize) -> String {
        self.get(at).unwrap_or_default().to_owned()
    }

    fn is(&self, at: usize) -> bool {
        self.get(at) == Some("t")
    }

    /// A number, 0 where it is none.
    fn number<T: std::str::FromStr + Default>(&self, at: usize) -> T {
        let number = self.get(at).and_then(|text| text.parse().ok());
        number.unwrap_or_default()
    }

    /// The full name whose schema stands at a place, and the name itself at the next.
    fn name(&self, at: usize) -> Name {
        Name::qualified(self.text(at), self.text(at + 1))
    }
}
