//! Steps of changes on a PostgreSQL database that an application uses at the same time.
//!
//! [`PostgresDatabase`] runs scripts ([`Script`]), fills columns ([`Fill`], which are walked as
//! backfills are) and answers whether an effect was done. What it did stands in control tables inside the same database (`control`),
//! written in the same transactions, so that a crash can never separate an effect from its mark.
//! Scripts that cannot be one transaction (`stepwise`) have a mark that says `running` until their
//! end, and each statement asks first what is there.
//!
//! Whatever waits for a lock has a time-out for it, is tried again a bounded number of times
//! (`persist`), and gives way when a query of an application has waited for it for too long
//! (`watch`).
//!
//! Deliberately absent: deciding what to do ([`switchback_migration`]); ending sessions of others,
//! whatever they hold; TLS.

mod control;
pub(in crate::postgres) mod error;
pub(in crate::postgres) mod fence;
mod gate;
mod index;
pub(in crate::postgres) mod link;
mod options;
pub(in crate::postgres) mod persist;
pub(in crate::postgres) mod scope;
mod script;
mod statement;
mod stepwise;
pub(in crate::postgres) mod watch;

use postgres::{Client, Config};
use switchback_migration::Definition;
use switchback_migration::backfill::throttle::Limits;
use switchback_migration::drive::Probed;
use switchback_model::plan::{Fill, Run, Scope, Script};
use switchback_model::{ChangeId, Digest, Effect, Timestamp};

use self::link::{Link, begin, reading};
use self::persist::{Desk, Random, Runner};
use self::script::Job;
use crate::backfill::Standing;
use crate::fill::Next;
use crate::postgres::backfill::{BackfillError, GaugeOptions, PostgresGauge, jobs, of_change};

pub use crate::fill::{FillEnd, Progress, Waits};
pub use control::{CONTROL_FORMAT, CONTROL_SCHEMA, Mark, MarkState};
pub use error::{ChangeError, Unfit};
pub use options::{Observer, Options, Ran, Waiting};
pub use watch::Peer;

/// A PostgreSQL database that an application uses.
#[derive(Debug)]
pub struct PostgresDatabase {
    link: Link,
    options: Options,
    random: Random,
    /// The intent that is being carried out, if it may be given up by somebody else.
    intent: Option<String>,
    /// How much the database is to bear while large tables are filled; none for any amount.
    limits: Option<Limits>,
    /// What parts of backfills cost since somebody began to count.
    spent: persist::Cost,
}

impl PostgresDatabase {
    /// Connects. `seed` makes the pauses between attempts; whoever works at the same time should
    /// have another one.
    ///
    /// # Errors
    /// If there is no connection, or it would not be encrypted although the server is on another
    /// machine, or the server is older than version 12.
    pub fn open(config: Config, options: Options, seed: u64) -> Result<Self, ChangeError> {
        Ok(Self {
            link: Link::open(config, &options)?,
            random: Random::new(seed),
            options,
            intent: None,
            limits: None,
            spent: persist::Cost::default(),
        })
    }

    /// Connects to the database of an address such as `postgresql://user@host/database`.
    ///
    /// # Errors
    /// See [`PostgresDatabase::open`]; also if the address cannot be read.
    pub fn connect(url: &str, options: Options, seed: u64) -> Result<Self, ChangeError> {
        let config = url
            .parse()
            .map_err(|source| ChangeError::Address { source })?;
        Self::open(config, options, seed)
    }

    /// Where it is, for people, without the password.
    pub fn place(&self) -> &str {
        &self.link.place
    }

    /// The server's version, as `server_version_num` has it: 150018 for 15.18.
    pub fn version(&self) -> u32 {
        self.link.version
    }

    /// From now on everything is done for `intent`, and nothing any more once somebody has given
    /// that intent up ([`PostgresDatabase::revoke`]).
    pub fn carry_out(&mut self, intent: &str) {
        self.intent = Some(intent.to_owned());
    }

    /// From now on fills of large tables are held back by how the database is, as backfills are.
    pub fn politely(&mut self, limits: Limits) {
        self.limits = Some(limits);
    }

    /// The marks of the steps that are applied or under way, in the order in which they were begun.
    ///
    /// # Errors
    /// If the database cannot be read.
    pub fn marks(&mut self, change: &ChangeId) -> Result<Vec<Mark>, ChangeError> {
        self.read(|client, _| match control::exists(client)? {
            true => control::marks(client, change),
            false => Ok(Vec::new()),
        })
    }

    /// Every change that has a mark or a fill in this database.
    ///
    /// # Errors
    /// If the database cannot be read.
    pub fn changes(&mut self) -> Result<Vec<String>, ChangeError> {
        self.read(|client, _| {
            let mut all = of_change::changes(client)?;
            if control::exists(client)? {
                all.extend(control::changes(client)?);
            }
            all.sort_unstable();
            all.dedup();
            Ok(all)
        })
    }

    /// Where a fill stands; none where it was never started, or was taken back.
    ///
    /// # Errors
    /// If the database cannot be read.
    pub fn fill_status(&mut self, fill: &Fill) -> Result<Option<Standing>, ChangeError> {
        self.read(|client, _| {
            let Some(row) = of_change::row(client, fill)? else {
                return Ok(None);
            };
            jobs::standing(client, row)
                .map(Some)
                .map_err(of_change::bare)
        })
    }

    /// Checks that what the marks say of a change is what its definition says: known steps, in
    /// their order, with the same SQL, and the schema as the last of them left it. Returns the
    /// marks.
    ///
    /// # Errors
    /// [`ChangeError::UnknownStep`] where they differ.
    pub fn check_marks(&mut self, definition: &Definition) -> Result<Vec<Mark>, ChangeError> {
        self.read(|client, path| script::check_marks(client, path, definition))
    }

    /// Checks, without writing anything, that the database takes writes and that the control tables
    /// are there or can be made.
    ///
    /// # Errors
    /// [`ChangeError::ReadOnly`], [`ChangeError::Privilege`], [`ChangeError::Format`].
    pub fn check_writable(&mut self) -> Result<(), ChangeError> {
        self.read(|client, _| {
            let sql = "SELECT pg_is_in_recovery()";
            let row = client.query_one(sql, &[]).map_err(error::at(sql))?;
            if row.try_get(0).map_err(error::at(sql))? {
                return Err(ChangeError::ReadOnly);
            }
            control::can_make(client).map(|_| ())
        })
    }

    /// Whether there is a table of this name, as it stands in SQL.
    ///
    /// # Errors
    /// If the database cannot be read.
    pub fn has_table(&mut self, table: &str) -> Result<bool, ChangeError> {
        self.read(|client, _| Ok(scope::oid(client, table)?.is_some()))
    }

    /// The digest of the part of the schema that belongs to a change.
    ///
    /// # Errors
    /// If the database cannot be read.
    pub fn fingerprint(&mut self, scope: &Scope) -> Result<Digest, ChangeError> {
        let part = self.read(|client, path| {
            let marked = control::exists(client)?;
            scope::read(client, path, scope, marked)
        })?;
        Ok(Digest::of(part.text(&[]).as_bytes()))
    }

    /// Whether an effect was done. A fill counts as done if no row needs it, which is looked at.
    ///
    /// # Errors
    /// If the database cannot be read, or the effect is not one on a database.
    pub fn probe(&mut self, effect: &Effect) -> Result<Probed, ChangeError> {
        let version = self.link.version;
        self.read(|client, path| probe(client, path, version, effect))
    }

    /// Runs a script and its mark. `plan` is kept with the mark.
    ///
    /// # Errors
    /// If it cannot be run to its end. Of a script that is one transaction nothing is left then;
    /// any other can be run again, or taken back.
    pub fn run_script(
        &mut self,
        script: &Script,
        plan: &str,
        now: Timestamp,
        observer: &mut dyn Observer,
    ) -> Result<Ran, ChangeError> {
        self.ready(observer)?;
        let (path, options, intent) = self.own();
        let job = Job {
            script,
            plan,
            now,
            intent: intent.as_deref(),
            path: &path,
            options: &options,
        };
        let mut runner = self.runner(&options, observer);
        let ran = match script.run {
            // The first refuses a rebuild, which only SQLite needs.
            Run::Transaction | Run::Rebuild => script::run(&mut runner, &job)?,
            Run::Statements => stepwise::run(&mut runner, &job)?,
        };
        of_change::tidy(self, observer);
        Ok(ran)
    }

    /// Gives columns their values in batches, from where the last run ended.
    ///
    /// # Errors
    /// If it cannot go on. Finished batches stay, and the next run goes on after them.
    pub fn fill(
        &mut self,
        fill: &Fill,
        observer: &mut dyn Observer,
        on_batch: &mut dyn FnMut(&Progress) -> Next,
    ) -> Result<FillEnd, ChangeError> {
        self.walk(observer, |database, observer| {
            of_change::fill(database, fill, observer, on_batch)
        })
    }

    /// Puts back what a fill changed, where it is still what the fill wrote.
    ///
    /// # Errors
    /// If it cannot go on. Finished batches stay, and the next run goes on after them.
    pub fn unfill(
        &mut self,
        fill: &Fill,
        observer: &mut dyn Observer,
        on_batch: &mut dyn FnMut(&Progress) -> Next,
    ) -> Result<FillEnd, ChangeError> {
        self.walk(observer, |database, observer| {
            of_change::unfill(database, fill, observer, on_batch)
        })
    }

    /// Gives an intent up unless its effect is done, and says what is there. Whoever is still at it,
    /// slow but alive, writes nothing from then on: both sides decide under a lock of the change.
    /// What is done in part is given up only with `even_in_part`; else it can be gone on with.
    ///
    /// # Errors
    /// If the database cannot be written, or somebody works on the change for too long; nothing is
    /// given up then.
    pub fn revoke(
        &mut self,
        intent: &str,
        effect: &Effect,
        even_in_part: bool,
        observer: &mut dyn Observer,
    ) -> Result<Probed, ChangeError> {
        let change = match effect {
            Effect::Script(script) => &script.change,
            Effect::Fill(fill) | Effect::Unfill(fill) => &fill.change,
            Effect::MoveValue(_) => return Err(ChangeError::OtherEffect),
        };
        self.ready(observer)?;
        let (path, options, _) = self.own();
        let version = self.link.version;
        let mut runner = self.runner(&options, observer);
        runner.persist(|client, desk| {
            desk.next("waiting until nobody else works on this change", None)?;
            begin(client, &options, &path)?;
            control::fence(client, change, None)?;
            desk.next("asking what is done", None)?;
            let probed = probe(client, &path, version, effect)?;
            if probed == Probed::NotDone || (even_in_part && probed == Probed::Partial) {
                control::revoke(client, intent)?;
            }
            link::commit(client, desk)?;
            Ok(probed)
        })
    }

    fn walk(
        &mut self,
        observer: &mut dyn Observer,
        walk: impl FnOnce(&mut Self, &mut dyn Observer) -> Result<FillEnd, ChangeError>,
    ) -> Result<FillEnd, ChangeError> {
        self.ready(observer)?;
        fence::says(&mut self.link.client, self.intent.as_deref())?;
        self.spent = persist::Cost::default();
        let end = walk(self, observer)?;
        of_change::tidy(self, observer);
        Ok(end)
    }

    /// A connection that is alive and watched, and control tables.
    fn ready(&mut self, observer: &mut dyn Observer) -> Result<(), ChangeError> {
        self.link.alive(&self.options)?;
        let place = self.link.place.clone();
        self.link.watch.ready().map_err(watch::no_watch(&place))?;
        if self.read(|client, _| control::complete(client))? {
            return Ok(());
        }
        let (path, options, _) = self.own();
        self.runner(&options, observer).persist(|client, desk| {
            desk.next("making the control tables", None)?;
            begin(client, &options, &path)?;
            control::make(client)?;
            link::commit(client, desk)
        })
    }

    /// Reads in one transaction, as often as it takes.
    pub(in crate::postgres) fn read<T: Send>(
        &mut self,
        read: impl Fn(&mut Client, &[String]) -> Result<T, ChangeError> + Send + Sync,
    ) -> Result<T, ChangeError> {
        self.link.alive(&self.options)?;
        let (path, options, _) = self.own();
        self.runner(&options, &mut ())
            .persist(|client, desk: &Desk| {
                desk.next("reading the catalog", None)?;
                reading(client, &options, &path, |client| read(client, &path))
            })
    }

    /// What is needed while the connection is in use.
    fn own(&self) -> (Vec<String>, Options, Option<String>) {
        (
            self.link.path.clone(),
            self.options.clone(),
            self.intent.clone(),
        )
    }

    /// How the database is used.
    pub(in crate::postgres) fn options(&self) -> &Options {
        &self.options
    }

    /// Connects again if the connection is gone.
    pub(in crate::postgres) fn again(&mut self) -> Result<(), ChangeError> {
        self.link.alive(&self.options)
    }

    /// The process that serves this connection.
    pub(in crate::postgres) fn session(&self) -> i32 {
        self.link.pid
    }

    /// How much the database is to bear while large tables are filled.
    pub(in crate::postgres) fn limits(&self) -> Option<&Limits> {
        self.limits.as_ref()
    }

    /// What parts of a fill waited for, and who waited for them.
    pub(in crate::postgres) fn waits(&self) -> Waits {
        self.spent.waits()
    }

    /// Somebody who looks how the database is, on a connection of its own.
    pub(in crate::postgres) fn gauge(
        &self,
        options: GaugeOptions,
    ) -> Result<PostgresGauge, ChangeError> {
        let place = self.link.place.clone();
        PostgresGauge::open(self.link.config(), options)
            .map_err(|_| ChangeError::Insecure { place })
    }

    /// Does a part of a backfill in attempts. After one that failed nothing is left open. Says also
    /// whether somebody waited for it.
    pub(in crate::postgres) fn backfill<T: Send>(
        &mut self,
        observer: &mut dyn Observer,
        work: impl Fn(&mut Client, &Desk, &[String]) -> Result<T, BackfillError> + Send + Sync,
    ) -> Result<(T, bool), BackfillError> {
        let (path, options, _) = self.own();
        let mut runner = self.runner(&options, observer);
        let done = runner.persist(|client, desk| match work(client, desk, &path) {
            Ok(value) => Ok(Ok(value)),
            Err(BackfillError::Database(error)) => Err(error),
            Err(other) => {
                persist::roll_back(client);
                Ok(Err(other))
            }
        });
        let cost = runner.cost;
        self.spent.add(&cost);
        Ok((done??, cost.waits().held_up > 0))
    }

    fn runner<'a>(
        &'a mut self,
        options: &'a Options,
        observer: &'a mut dyn Observer,
    ) -> Runner<'a> {
        Runner {
            link: &mut self.link,
            options,
            random: &mut self.random,
            observer,
            cost: persist::Cost::default(),
        }
    }
}

/// Whether an effect was done; in a transaction.
fn probe(
    client: &mut Client,
    path: &[String],
    version: u32,
    effect: &Effect,
) -> Result<Probed, ChangeError> {
    match effect {
        Effect::Script(script) => script::probe(client, path, script),
        Effect::Fill(fill) => of_change::probe(client, path, version, fill),
        Effect::Unfill(fill) => of_change::probe_undone(client, path, version, fill),
        Effect::MoveValue(_) => Err(ChangeError::OtherEffect),
    }
}
