//! The ledger's suite on both real stores; the twin in memory runs it in the ledger's own tests.
#![expect(clippy::unwrap_used, reason = "these are the helpers of tests")]

use std::path::Path;

use switchback_db::ledger::SqliteStore;
use switchback_ledger::Store;
use switchback_ledger::conformance::Place;

struct Sqlite(tempfile::TempDir);

impl Sqlite {
    fn path(&self) -> std::path::PathBuf {
        Path::new(self.0.path()).join("ledger.db")
    }
}

impl Place for Sqlite {
    fn open(&self) -> Box<dyn Store + Send> {
        Box::new(SqliteStore::open(&self.path()).unwrap())
    }
}

mod sqlite {
    use super::*;

    fn fresh() -> impl Place {
        let place = Sqlite(tempfile::tempdir().unwrap());
        SqliteStore::create(&place.path()).unwrap();
        place
    }

    switchback_ledger::conformance_tests!(fresh);
}

#[cfg(feature = "postgres")]
mod postgres {
    use super::*;
    use switchback_db::ledger::PostgresStore;

    struct Postgres(String);

    impl Place for Postgres {
        fn open(&self) -> Box<dyn Store + Send> {
            Box::new(PostgresStore::connect(&self.0).unwrap())
        }
    }

    fn fresh() -> impl Place {
        let url = switchback_testkit::postgres::server()
            .unwrap()
            .database()
            .unwrap();
        PostgresStore::create(&url).unwrap();
        Postgres(url)
    }

    switchback_ledger::conformance_tests!(fresh);
}
