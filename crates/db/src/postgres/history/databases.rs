//! The databases of a rehearsal: the scratch database, and copies of it.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use postgres::Config;

use crate::postgres::error::PgError;
use crate::postgres::session::{Session, literal, name};

/// How long a session that was closed may take to end.
const DEADLINE: Duration = Duration::from_secs(10);

/// A connection to the scratch database, and the copies that were made from there.
pub(super) struct Databases {
    admin: Session,
    config: Config,
    base: String,
    copies: BTreeSet<String>,
}

impl Databases {
    pub(super) fn open(url: &str) -> Result<Self, PgError> {
        let config = url
            .parse::<Config>()
            .map_err(|source| PgError::Address { source })?;
        let mut admin = Session::open(config.clone())?;
        let question = "SELECT current_database()";
        let base = admin
            .rows(question)?
            .first()
            .map(|row| row.text(0))
            .ok_or(PgError::Unexpected { question })?;
        Ok(Self {
            admin,
            config,
            base,
            copies: BTreeSet::new(),
        })
    }

    /// The server's version in words: 15.18.
    pub(super) fn version(&self) -> String {
        let number = self.admin.version();
        format!("{}.{}", number / 10_000, number % 10_000)
    }

    /// The scratch database's name.
    pub(super) fn base(&self) -> &str {
        &self.base
    }

    /// What time it is for the server, in UTC: `2026-01-31 23:59:59.123456`.
    pub(super) fn now(&mut self) -> Result<String, PgError> {
        let question = "SELECT (clock_timestamp() AT TIME ZONE 'UTC')::text";
        let rows = self.admin.rows(question)?;
        let now = rows.first().map(|row| row.text(0));
        now.ok_or(PgError::Unexpected { question })
    }

    /// Refuses a database that has anything in it.
    pub(super) fn check_empty(&mut self) -> Result<(), PgError> {
        let found = self.admin.rows(
            "SELECT what FROM (
                 SELECT 'pg_class'::regclass, oid, 'the relation ' || oid::regclass
                 FROM pg_class WHERE oid >= 16384 AND relkind NOT IN ('t', 'i', 'I')
                 UNION ALL SELECT 'pg_proc'::regclass, oid, 'the function ' || oid::regprocedure
                 FROM pg_proc WHERE oid >= 16384
                 UNION ALL SELECT 'pg_type'::regclass, oid, 'the type ' || oid::regtype
                 FROM pg_type WHERE oid >= 16384 AND typrelid = 0 AND typelem = 0
                 UNION ALL SELECT 'pg_namespace'::regclass, oid, 'the schema ' || oid::regnamespace
                 FROM pg_namespace WHERE oid >= 16384 AND nspname !~ '^pg_'
             ) AS things (class, number, what)
             WHERE NOT EXISTS (SELECT FROM pg_depend d
                 WHERE d.classid = class AND d.objid = number AND d.deptype = 'e')
             ORDER BY number LIMIT 1",
        )?;
        match found.first() {
            Some(row) => Err(PgError::NotEmpty {
                database: self.base.clone(),
                what: row.text(0),
            }),
            None => Ok(()),
        }
    }

    pub(super) fn connect(&self, database: &str) -> Result<Session, PgError> {
        let mut config = self.config.clone();
        config.dbname(database);
        Session::open(config)
    }

    pub(super) fn copy_of_base(&mut self, purpose: &str) -> Result<String, PgError> {
        let base = self.base.clone();
        self.copy(&base, purpose)
    }

    /// Makes a copy of a database for a purpose, in the place of an earlier one, and gives its name.
    pub(super) fn copy(&mut self, from: &str, purpose: &str) -> Result<String, PgError> {
        let copy = self.name_of(purpose);
        self.remove(&copy)?;
        self.copies.insert(copy.clone());
        self.await_nobody(from)?;
        // The other way, by which later versions do it if not told, takes longer without `fsync`.
        let strategy = match self.admin.version() {
            ..150_000 => "",
            _ => " STRATEGY FILE_COPY",
        };
        self.admin.run(&format!(
            "CREATE DATABASE {} TEMPLATE {}{strategy}",
            name(&copy),
            name(from)
        ))?;
        // What a copy does not take along. Without it a migration would not find the settings that
        // one before it has made. Only a superuser may put it there.
        let superuser = "SELECT FROM pg_roles WHERE rolname = current_user AND rolsuper";
        if self.admin.rows(superuser)?.is_empty() {
            return Ok(copy);
        }
        let (old, new) = (literal(from), literal(&copy));
        let settings = format!(
            "INSERT INTO pg_db_role_setting (setdatabase, setrole, setconfig)
             SELECT n.oid, s.setrole, s.setconfig
             FROM pg_db_role_setting s JOIN pg_database o ON o.oid = s.setdatabase,
                 pg_database n
             WHERE o.datname = {old} AND n.datname = {new};
             UPDATE pg_database n SET datacl = o.datacl FROM pg_database o
             WHERE o.datname = {old} AND n.datname = {new} AND o.datacl IS NOT NULL"
        );
        self.admin.run(&settings)?;
        Ok(copy)
    }

    /// Removes the copy for a purpose.
    pub(super) fn remove_copy(&mut self, purpose: &str) -> Result<(), PgError> {
        self.remove(&self.name_of(purpose))
    }

    fn name_of(&self, purpose: &str) -> String {
        // A name has at most 63 bytes.
        let short: String = self.base.chars().take(12).collect();
        format!("{short}_{purpose}")
    }

    fn remove(&mut self, database: &str) -> Result<(), PgError> {
        if !self.copies.contains(database) {
            // It may be left from a rehearsal that was killed; then the server says so.
            let there = format!(
                "SELECT FROM pg_database WHERE datname = {}",
                literal(database)
            );
            if self.admin.rows(&there)?.is_empty() {
                return Ok(());
            }
        }
        self.await_nobody(database)?;
        self.admin
            .run(&format!("DROP DATABASE IF EXISTS {}", name(database)))?;
        self.copies.remove(database);
        Ok(())
    }

    /// Waits until no session is in a database. One that was closed needs a moment to end, and
    /// whoever copies a database meanwhile would be made to wait much longer.
    fn await_nobody(&mut self, database: &str) -> Result<(), PgError> {
        let end = Instant::now() + DEADLINE;
        let somebody = format!(
            "SELECT FROM pg_stat_activity WHERE datname = {} AND pid <> pg_backend_pid()
             AND backend_type = 'client backend'",
            literal(database)
        );
        while !self.admin.rows(&somebody)?.is_empty() {
            if Instant::now() > end {
                if database == self.base {
                    // Somebody else's session. The server will say that it is in the way.
                    break;
                }
                // Left over from a statement that would not be cancelled.
                self.admin.run(&format!(
                    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity
                     WHERE datname = {} AND pid <> pg_backend_pid()",
                    literal(database)
                ))?;
                break;
            }
            std::thread::sleep(Duration::from_millis(1));
        }
        Ok(())
    }

    /// All roles, apart from those that every server has.
    pub(super) fn roles(&mut self) -> Result<BTreeSet<String>, PgError> {
        let rows = self
            .admin
            .rows("SELECT rolname FROM pg_roles WHERE oid >= 16384")?;
        Ok(rows.iter().map(|row| row.text(0)).collect())
    }

    /// Removes roles that were not there before, except for `keep`, and makes those again that were.
    /// A role that something still needs stays.
    pub(super) fn restore_roles(
        &mut self,
        before: &BTreeSet<String>,
        keep: &BTreeSet<String>,
    ) -> Result<(), PgError> {
        let now = self.roles()?;
        for role in now.difference(before).filter(|role| !keep.contains(*role)) {
            let _needed = self.admin.run(&format!("DROP ROLE {}", name(role)));
        }
        for role in before.difference(&now) {
            self.admin.run(&format!("CREATE ROLE {}", name(role)))?;
        }
        Ok(())
    }

    pub(super) fn make_role(&mut self, role: &str) -> Result<(), PgError> {
        self.admin.run(&format!("CREATE ROLE {}", name(role)))
    }

    pub(super) fn make_database(&mut self, database: &str) -> Result<(), PgError> {
        self.admin
            .run(&format!("CREATE DATABASE {}", name(database)))?;
        self.copies.insert(database.to_owned());
        Ok(())
    }

    /// Removes all copies, as far as they can be removed.
    pub(super) fn finish(&mut self) {
        for copy in self.copies.clone() {
            let _left = self.remove(&copy);
        }
    }
}

impl Drop for Databases {
    fn drop(&mut self) {
        self.finish();
    }
}
