//! The ledger as commands use it: opened where the settings say, folded into what is known, and
//! appended to only if nothing came in between.

mod history;

use switchback_db::ledger::{PostgresStore, SqliteStore};
use switchback_interlock::{Environment, World};
use switchback_ledger::{Ledger, Store, StoreError, StoreFault};
use switchback_model::{
    Actor, ComponentName, EnvironmentName, Event, EventId, Record, Timestamp, Version,
};

pub(crate) use history::{History, Part, PlanRecord, RecordedTag, Subject};

use crate::context::{Context, LedgerPlace};
use crate::errors::Failure;

/// What the ledger holds, as far as it was read.
pub(crate) struct Book {
    ledger: Ledger<Box<dyn Store>>,
    /// The world that its events make.
    pub(crate) world: World,
    /// The plans, and how far each came.
    pub(crate) history: History,
    /// How many events are folded into the two above.
    seen: u64,
    actor: Actor,
    origin: String,
}

/// What became of an event that was decided on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Outcome {
    /// It is recorded.
    Recorded,
    /// It had been recorded before, by somebody else who decided the same.
    Known,
    /// Somebody appended since the book was read; it must be decided again.
    Moved,
}

/// Opens the store that the settings name.
pub(crate) fn open_store(place: &LedgerPlace) -> Result<Box<dyn Store>, StoreError> {
    Ok(match place {
        LedgerPlace::Sqlite(path) => match SqliteStore::open(path) {
            // Good enough to look at; whoever appends is told then.
            Err(error) if error.fault() == StoreFault::ReadOnly => {
                Box::new(SqliteStore::open_read_only(path)?)
            }
            opened => Box::new(opened?),
        },
        LedgerPlace::Postgresql { url } => Box::new(PostgresStore::connect(url)?),
    })
}

/// Makes the ledger that the settings name, if there is none.
pub(crate) fn create_store(place: &LedgerPlace) -> Result<Box<dyn Store>, StoreError> {
    match open_store(place) {
        Err(error) if error.fault() == StoreFault::Missing => {}
        other => return other,
    }
    let made: Result<Box<dyn Store>, StoreError> = match place {
        LedgerPlace::Sqlite(path) => SqliteStore::create(path).map(|store| Box::new(store) as _),
        LedgerPlace::Postgresql { url } => {
            PostgresStore::create(url).map(|store| Box::new(store) as _)
        }
    };
    match made {
        // Somebody else was faster.
        Err(error) if error.fault() == StoreFault::Exists => open_store(place),
        other => other,
    }
}

impl Book {
    /// Opens the ledger and reads all of it. A missing one is an error: only `init` makes one.
    pub(crate) fn open(context: &Context<'_>) -> Result<Self, Failure> {
        let store = open_store(&context.ledger()?)?;
        let mut book = Self {
            ledger: Ledger::new(store),
            world: World::default(),
            history: History::default(),
            seen: 0,
            actor: context.actor.clone(),
            origin: context.settings().project.name.to_string(),
        };
        book.catch_up()?;
        Ok(book)
    }

    /// The same; none if there is none.
    pub(crate) fn open_if_any(context: &Context<'_>) -> Result<Option<Self>, Failure> {
        match open_store(&context.ledger()?) {
            Err(error) if error.fault() == StoreFault::Missing => Ok(None),
            _ => Self::open(context).map(Some),
        }
    }

    /// How many events the book has read.
    pub(crate) const fn seen(&self) -> u64 {
        self.seen
    }

    /// Reads what came since.
    pub(crate) fn catch_up(&mut self) -> Result<(), Failure> {
        let mut trouble = None;
        let Self {
            ledger,
            world,
            history,
            seen,
            ..
        } = self;
        let read = ledger.fold_from(*seen, *seen, |next, index, record| {
            if trouble.is_none() {
                history.observe(&record);
                trouble = world.observe(&record).err();
            }
            *next = index + 1;
        })?;
        if let Some(trouble) = trouble {
            return Err(trouble.into());
        }
        *seen = read;
        Ok(())
    }

    /// An event by whoever acts.
    fn record(&self, id: EventId, at: Timestamp, event: Event) -> Record {
        Record {
            id,
            at,
            actor: self.actor.clone(),
            event,
        }
    }

    /// Takes an event in as if it were recorded, to look ahead. The book must not be appended to
    /// afterwards.
    pub(crate) fn suppose(
        &mut self,
        id: EventId,
        at: Timestamp,
        event: Event,
    ) -> Result<(), Failure> {
        let record = self.record(id, at, event);
        Ok(self.world.observe(&record)?)
    }

    /// Appends an event that stands whatever else was appended. The same event under the same id
    /// is appended once.
    pub(crate) fn append(
        &mut self,
        id: EventId,
        at: Timestamp,
        event: Event,
    ) -> Result<(), Failure> {
        let record = self.record(id, at, event);
        self.ledger.append(std::slice::from_ref(&record))?;
        self.catch_up()
    }

    /// Appends an event that was decided on what the book has read, and only if that is still all
    /// there is and the event follows from it. The book has read on afterwards.
    pub(crate) fn append_if_unmoved(
        &mut self,
        id: EventId,
        at: Timestamp,
        event: Event,
    ) -> Result<Outcome, Failure> {
        let record = self.record(id, at, event);
        // What does not follow would make the ledger unreadable for good.
        self.world.clone().observe(&record)?;
        let appended = self
            .ledger
            .append_at(self.seen, std::slice::from_ref(&record))?;
        self.catch_up()?;
        Ok(match appended {
            None => Outcome::Moved,
            Some(appended) if appended.first_new().is_none() => Outcome::Known,
            Some(_) => Outcome::Recorded,
        })
    }

    /// An environment as far as it is known.
    pub(crate) fn environment(&self, name: &EnvironmentName) -> Environment {
        self.world
            .environments
            .get(name)
            .cloned()
            .unwrap_or_default()
    }
}

// ---- what commits say about the ledger ----

impl Book {
    /// The ledger's head in one line, for a commit's trailer: `shop 42 sha256:…`.
    pub(crate) fn checkpoint_line(&self) -> Result<String, Failure> {
        let head = self.ledger.head()?;
        Ok(format!("{} {} {}", self.origin, head.size, head.root))
    }

    /// The event that records a release, if it is recorded.
    pub(crate) fn release_record(
        &self,
        component: &ComponentName,
        version: &str,
    ) -> Option<EventId> {
        let version = version.parse().ok()?;
        self.world.catalog.release(component, &version)?;
        Some(release_id(component, &version))
    }
}

/// The id of the event that records a tag.
pub(crate) fn tag_id(tag: &str) -> EventId {
    EventId::of(&["release-tagged", tag])
}

/// The id of the event that records a release.
pub(crate) fn release_id(component: &ComponentName, version: &Version) -> EventId {
    EventId::of(&["release", component.as_str(), &version.to_string()])
}
