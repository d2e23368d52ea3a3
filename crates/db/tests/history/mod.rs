//! What the tests of rehearsals of histories share, whatever the engine.

use switchback_db::history::{Difference, Fault, MigrationSql, Report, Sql, Verdict};
use switchback_migration::history::Wrapped;

/// A migration in a transaction, with a way down if the text is not `-`.
pub(crate) fn step(up: &str, down: &str) -> MigrationSql {
    wrapped(Wrapped::Transaction, up, down)
}

pub(crate) fn wrapped(wrapped: Wrapped, up: &str, down: &str) -> MigrationSql {
    MigrationSql {
        version: String::new(),
        name: String::new(),
        up: Some(Sql::new(up, wrapped)),
        down: (down != "-").then(|| Sql::new(down, wrapped)),
        repeatable: false,
    }
}

/// The faults of the last migration; those before it have to be without.
pub(crate) fn faults_of_last(report: &Report) -> Vec<Fault> {
    let (last, before) = report.migrations.split_last().unwrap();
    for earlier in before {
        assert_eq!(earlier.verdict.faults(), [], "{earlier:#?}");
    }
    last.verdict.faults().to_vec()
}

pub(crate) fn shown(differences: &[Difference]) -> Vec<String> {
    differences.iter().flat_map(Difference::shown).collect()
}

/// Of four migrations three are exact, and the last has no way down.
pub(crate) fn check_three_restore(report: &Report) {
    let verdicts: Vec<_> = report.migrations.iter().map(|it| &it.verdict).collect();
    assert!(
        matches!(
            verdicts.as_slice(),
            [
                Verdict::Restores,
                Verdict::Restores,
                Verdict::Restores,
                Verdict::NoWayDown
            ]
        ),
        "{verdicts:#?}"
    );
}
