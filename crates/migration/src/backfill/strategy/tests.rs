use std::time::Duration;

// Not all of it: the name `Strategy` is taken here.
use proptest::prelude::{Strategy as Generated, any, prop, prop_assert, prop_assert_eq, proptest};

use super::super::facts::{Horizon, Sample};
use super::*;

fn job(set: &str, rest: &str) -> Job {
    let text = format!(
        "schema = \"switchback.backfill/v1\"\ntable = \"users\"\n{rest}\n[set]\nemail = \"{set}\"\n"
    );
    Job::parse(switchback_model::BackfillId::new("it").unwrap(), &text).unwrap()
}

fn usual() -> Job {
    job("lower(name)", "")
}

fn integer(name: &str) -> KeyColumn {
    KeyColumn {
        name: name.to_owned(),
        integer: true,
        distinct: None,
    }
}

fn text(name: &str) -> KeyColumn {
    KeyColumn {
        integer: false,
        ..integer(name)
    }
}

/// A million rows of 100 bytes that grow by a quarter, with three indexes.
fn table() -> TableFacts {
    TableFacts {
        key: vec![integer("id")],
        bytes: 100_000_000,
        rows: Some(1_000_000),
        indexes: 3,
        index_bytes: 60_000_000,
        sample: Some(Sample {
            rows: 5000,
            apart: 5000,
            before: 0.0,
            after: 25.0,
        }),
        ..TableFacts::of_empty(Engine::Postgres, 150_018, "public.users")
    }
}

fn horizon(seconds: u64) -> Option<Horizon> {
    Some(Horizon {
        age: Some(Duration::from_secs(seconds)),
        transactions: 7,
        holder: "a session of app (pid 12, idle in transaction)".to_owned(),
    })
}

fn chosen(facts: &TableFacts) -> Choice {
    choose(facts, &usual(), None).unwrap()
}

/// What each table is walked by, and a word that one of the reasons has.
#[test]
fn each_table_is_walked_in_its_way() {
    use Strategy::{KeyRange, Plain, Strided};
    type Case = (&'static str, fn(&mut TableFacts), Strategy, &'static str);
    let cases: [Case; 18] = [
        (
            "usual",
            |_| {},
            Strided { passes: 16 },
            "in 16 passes by the remainder of id",
        ),
        (
            "roomy",
            |it| it.fillfactor = 50,
            Strided { passes: 2 },
            "filled to 50 %",
        ),
        ("roomier", |it| it.fillfactor = 40, Plain, "leaves room for"),
        (
            "part",
            |it| {
                it.sample = Some(Sample {
                    rows: 5000,
                    apart: 5,
                    before: 0.0,
                    after: 25.0,
                })
            },
            Plain,
            "too few",
        ),
        (
            "indexed",
            |it| it.indexes_on_written = vec!["users_email".to_owned()],
            Plain,
            "users_email",
        ),
        ("text", |it| it.key = vec![text("code")], Plain, "(code)"),
        (
            "no key",
            |it| it.key = Vec::new(),
            Plain,
            "No key names a row",
        ),
        (
            "composite",
            |it| it.key = vec![text("tenant"), integer("no")],
            Strided { passes: 16 },
            "remainder of no",
        ),
        (
            "few values",
            |it| {
                it.key = vec![
                    text("tenant"),
                    KeyColumn {
                        distinct: Some(3.0),
                        ..integer("kind")
                    },
                ]
            },
            Plain,
            "tenant, kind",
        ),
        (
            "many values",
            |it| {
                it.key = vec![
                    KeyColumn {
                        distinct: Some(9e5),
                        ..integer("id")
                    },
                    KeyColumn {
                        distinct: Some(200.0),
                        ..integer("no")
                    },
                ]
            },
            Strided { passes: 16 },
            "remainder of id",
        ),
        (
            "held",
            |it| it.horizon = horizon(180),
            Plain,
            "3 minutes ago",
        ),
        (
            "held a moment",
            |it| it.horizon = horizon(2),
            Strided { passes: 16 },
            "in 16 passes",
        ),
        (
            "slot",
            |it| {
                it.horizon = Some(Horizon {
                    age: None,
                    transactions: 2_000_000,
                    holder: "the replication slot s".to_owned(),
                })
            },
            Plain,
            "2,000,000 transactions",
        ),
        (
            "partitions",
            |it| it.leaves = 1200,
            Strided { passes: 16 },
            "1,200 partitions",
        ),
        (
            "13",
            |it| it.version = 130_020,
            KeyRange,
            "PostgreSQL 13 reads the whole table",
        ),
        (
            "12, composite",
            |it| (it.version, it.key) = (120_022, vec![text("a"), text("b")]),
            KeyRange,
            "(a, b)",
        ),
        (
            "13, no key",
            |it| (it.version, it.key) = (130_020, Vec::new()),
            Plain,
            "one by one",
        ),
        (
            "SQLite",
            |it| (it.engine, it.version) = (Engine::Sqlite, 3_053_000),
            KeyRange,
            "SQLite stores rows",
        ),
    ];
    for (name, change, strategy, word) in cases {
        let mut facts = table();
        change(&mut facts);
        // Where there is no key no former values can be kept.
        let job = job("lower(name)", "keep-undo = false");
        let choice = choose(&facts, &job, None).unwrap();
        assert_eq!(choice.strategy, strategy, "{name}: {choice:#?}");
        let reasons = choice.reasons.join("\n");
        assert!(reasons.contains(word), "{name}: {reasons}");
    }
}

#[test]
fn what_cannot_be_done_is_refused() {
    let refused = |change: fn(&mut TableFacts), job: &Job| {
        let mut facts = table();
        change(&mut facts);
        choose(&facts, job, None).unwrap_err()
    };
    let no_key = refused(|it| it.key = Vec::new(), &usual());
    assert!(matches!(no_key, Refusal::NoKeyForUndo { .. }), "{no_key}");
    let moves = refused(|it| it.moves_partition = true, &usual());
    assert!(matches!(moves, Refusal::MovesPartition { .. }), "{moves}");
    let published = |it: &mut TableFacts| {
        it.published = vec!["all".to_owned()];
        it.identity_missing = true;
    };
    let unnamed = refused(published, &usual());
    assert!(
        matches!(unnamed, Refusal::NoReplicaIdentity { .. }),
        "{unnamed}"
    );
    let endless = refused(|_| {}, &job("now()", ""));
    assert!(matches!(endless, Refusal::NeverDone { .. }), "{endless}");
    let asked = Job::parse(
        switchback_model::BackfillId::new("it").unwrap(),
        "schema = \"switchback.backfill/v1\"\ntable = \"users\"\n[query]\ncolumns = [\"email\"]\n\
         sql = \"SELECT id, now()::text AS email FROM {batch}\"\n",
    );
    let endless = refused(|_| {}, &asked.unwrap());
    assert!(
        endless.to_string().starts_with("what the query gives is"),
        "{endless}"
    );
    // A condition may end it.
    let choice = choose(&table(), &job("now()", "only = \"email IS NULL\""), None).unwrap();
    assert!(
        choice.warnings.iter().any(|it| it.contains("(now)")),
        "{choice:#?}"
    );
}

#[test]
fn what_was_asked_for_is_done_where_it_can_be() {
    let ask = |facts: &TableFacts, wanted| choose(facts, &usual(), Some(wanted));
    let choice = ask(&table(), Strategy::Plain).unwrap();
    assert_eq!(choice.strategy, Strategy::Plain);
    assert_eq!(
        choice.reasons[..2],
        ["It was asked for.", "Without that it would be strided:"]
    );
    let old = TableFacts {
        version: 130_000,
        ..table()
    };
    let strided = Strategy::Strided { passes: 4 };
    for (facts, wanted, word) in [
        (&old, strided, "14 is the first"),
        (&table(), Strategy::Strided { passes: 1 }, "at least 2"),
        (
            &TableFacts {
                key: vec![text("a")],
                ..table()
            },
            strided,
            "whole number",
        ),
        (
            &TableFacts {
                engine: Engine::Sqlite,
                ..table()
            },
            Strategy::Plain,
            "SQLite",
        ),
    ] {
        let refusal = ask(facts, wanted).unwrap_err().to_string();
        assert!(refusal.contains(word), "{refusal}");
    }
}

/// Each warning with the fact that it is about, and none without.
#[test]
fn warnings_are_about_something() {
    type Case = (fn(&mut TableFacts), &'static str);
    let cases: [Case; 14] = [
        (|it| it.horizon = horizon(180), "end it first"),
        (|it| it.triggers = vec!["audit".to_owned()], "audit fires"),
        (
            |it| it.foreign_keys = vec!["users_org_fk".to_owned()],
            "looked up for users_org_fk",
        ),
        (
            |it| it.generated = vec!["domain".to_owned()],
            "domain is computed again",
        ),
        (
            |it| it.published = vec!["feed".to_owned()],
            "subscribers of feed;",
        ),
        (
            |it| (it.published, it.identity_full) = (vec!["feed".to_owned()], true),
            "FULL",
        ),
        (|it| it.unlogged = true, "UNLOGGED"),
        (|it| it.autovacuum = false, "Autovacuum is off"),
        (|it| it.free_bytes = Some(1 << 20), "make room first"),
        (|it| it.sessions_hidden = true, "pg_read_all_stats"),
        (|it| it.rows = None, "ANALYZE"),
        (
            |it| it.indexes_on_written = vec!["users_email".to_owned()],
            "Without users_email",
        ),
        (
            |it| it.sample_failed = Some("division by zero".to_owned()),
            "division by zero",
        ),
        (
            |it| (it.bytes, it.rows, it.indexes) = (20 << 30, Some(200_000_000), 9),
            "a copy of the table",
        ),
    ];
    let clean = chosen(&table()).warnings;
    for (change, word) in cases {
        let mut facts = table();
        change(&mut facts);
        let found = chosen(&facts).warnings;
        assert!(
            found.iter().any(|it| it.contains(word)),
            "{word}: {found:#?}"
        );
        assert!(
            !clean.iter().any(|it| it.contains(word)),
            "{word}: {clean:#?}"
        );
    }
}

#[test]
fn a_running_job_turns_when_its_ground_moves() {
    let strided = Strategy::Strided { passes: 4 };
    let mut facts = table();
    facts.files.insert("public.users".to_owned(), 16_400);
    let then = Marks::of(&facts);
    for strategy in [strided, Strategy::Plain, Strategy::KeyRange] {
        assert_eq!(still_fits(strategy, &then, &then), None);
    }
    let turn = |strategy, change: fn(&mut TableFacts)| {
        let mut facts = facts.clone();
        change(&mut facts);
        still_fits(strategy, &then, &Marks::of(&facts)).map(|it| it.turn)
    };
    let moved: fn(&mut TableFacts) = |it| _ = it.files.insert("public.users".to_owned(), 16_401);
    assert_eq!(turn(strided, moved), Some(Turn::Anew));
    assert_eq!(turn(Strategy::Plain, moved), Some(Turn::Anew));
    assert_eq!(turn(Strategy::KeyRange, moved), None);
    let partition: fn(&mut TableFacts) = |it| _ = it.files.insert("public.new".to_owned(), 1);
    assert_eq!(turn(strided, partition), None);
    let indexed: fn(&mut TableFacts) = |it| it.indexes_on_written.push("i".to_owned());
    assert_eq!(turn(strided, indexed), Some(Turn::Plain));
    assert_eq!(turn(Strategy::Plain, indexed), None);
    let held: fn(&mut TableFacts) = |it| it.horizon = horizon(60);
    assert_eq!(turn(strided, held), Some(Turn::Plain));
    assert_eq!(turn(Strategy::KeyRange, held), None);
    let no_key: fn(&mut TableFacts) = |it| it.key.clear();
    for strategy in [strided, Strategy::Plain, Strategy::KeyRange] {
        assert_eq!(turn(strategy, no_key), Some(Turn::ChooseAgain));
    }
    let stored = serde_json::to_string(&then).unwrap();
    assert_eq!(serde_json::from_str::<Marks>(&stored).unwrap(), then);
}

fn any_facts() -> impl Generated<Value = TableFacts> {
    let key = prop::collection::vec(
        ("[a-c]", any::<bool>(), prop::option::of(0.0..1e6_f64)).prop_map(
            |(name, integer, distinct)| KeyColumn {
                name,
                integer,
                distinct,
            },
        ),
        0..3,
    );
    let sample = prop::option::of((0_u64..6000, 0.0..=1.0_f64, 0.0..3000.0_f64, 0.0..3000.0_f64))
        .prop_map(|it| {
            it.map(|(rows, part, before, after)| Sample {
                rows,
                apart: (rows as f64 * part) as u64,
                before,
                after,
            })
        });
    let version = prop::sample::select(vec![120_022_u32, 130_000, 140_000, 150_018, 180_001]);
    let size = (
        any::<u32>(),
        prop::option::of(any::<u32>()),
        10_u32..=100,
        0_u32..12,
    );
    let age = prop::option::of(0_u64..1_000_000);
    (key, sample, version, size, age, any::<[bool; 4]>()).prop_map(
        |(key, sample, version, (bytes, rows, fillfactor, indexes), age, flags)| {
            let [indexed, hidden, moves, unlogged] = flags;
            TableFacts {
                key,
                sample,
                bytes: u64::from(bytes) * 8192,
                rows: rows.map(u64::from),
                fillfactor,
                indexes,
                horizon: age.and_then(horizon),
                indexes_on_written: indexed.then(|| "i".to_owned()).into_iter().collect(),
                sessions_hidden: hidden,
                moves_partition: moves && hidden,
                unlogged,
                ..TableFacts::of_empty(Engine::Postgres, version, "t")
            }
        },
    )
}

proptest! {
    #[test]
    fn a_choice_can_be_carried_out(facts in any_facts(), keep in any::<bool>()) {
        let job = job("lower(name)", &format!("keep-undo = {keep}"));
        let chosen = choose(&facts, &job, None);
        prop_assert_eq!(&chosen, &choose(&facts, &job, None));
        let Ok(chosen) = chosen else {
            prop_assert!(facts.moves_partition || (keep && facts.key.is_empty()));
            return Ok(());
        };
        prop_assert!(!(keep && facts.key.is_empty()));
        prop_assert!(!chosen.reasons.is_empty());
        for sentence in chosen.reasons.iter().chain(&chosen.warnings) {
            prop_assert!(sentence.ends_with(['.', ':']), "{}", sentence);
            prop_assert!(!sentence.contains("NaN") && !sentence.contains("inf"), "{}", sentence);
        }
        match chosen.strategy {
            Strategy::Strided { passes } => {
                prop_assert!(facts.version >= 140_000 && passes >= 2);
                prop_assert!(facts.indexes_on_written.is_empty());
                prop_assert!(stride_column(&facts).is_some_and(|it| it.integer));
                prop_assert!(!facts.is_held());
            }
            Strategy::Plain => prop_assert!(facts.version >= 140_000 || facts.key.is_empty()),
            Strategy::KeyRange | Strategy::ShadowCopy => prop_assert!(!facts.key.is_empty()),
        }
        // What was chosen can be asked for.
        let asked = choose(&facts, &job, Some(chosen.strategy)).unwrap();
        prop_assert_eq!(asked.strategy, chosen.strategy);
        if let Some(cost) = super::super::estimate(&facts, &job, chosen.strategy) {
            prop_assert!((0.0..=1.0).contains(&cost.beside));
            prop_assert!(cost.time.0 <= cost.time.1);
        }
    }

    #[test]
    fn more_passes_never_place_fewer(fill in 10_u32..=100, apart in 0.01..=1.0_f64, growth in 0.0..3.0_f64) {
        let part = |passes| beside(passes, fill, apart, growth, true);
        prop_assert!(part(2) <= part(4) + 1e-9 && part(4) <= part(8) + 1e-9);
    }
}

/// 20 GB with an index on the written column, of which every row changes.
fn large() -> TableFacts {
    TableFacts {
        bytes: 12 << 30,
        rows: Some(100_000_000),
        indexes: 7,
        index_bytes: 8 << 30,
        indexes_on_written: vec!["by_email".to_owned()],
        ..table()
    }
}

#[test]
fn a_copy_is_chosen_where_it_pays_and_there_is_room() {
    let with = |free| TableFacts {
        free_bytes: free,
        ..large()
    };
    let chosen = |facts: &TableFacts| choose(facts, &usual(), None).unwrap();
    let room = chosen(&with(Some(100 << 30)));
    assert_eq!(room.strategy, Strategy::ShadowCopy);
    assert!(room.reasons[0].contains("by_email"), "{room:?}");
    // Where nobody knows it is told what would do it, and so where there is not enough.
    for (free, word) in [
        (None, "`switchback backfill run it --strategy shadow-copy`"),
        (Some(21 << 30), "are free"),
    ] {
        let choice = chosen(&with(free));
        assert_eq!(choice.strategy, Strategy::Plain);
        let told = choice.warnings.join(" ");
        assert!(told.contains(word), "{told}");
    }
    // A table on which something hangs, that is small, or of which few rows change.
    let held = TableFacts {
        not_copied: vec!["view people depends on it".to_owned()],
        ..with(Some(1 << 40))
    };
    let choice = chosen(&held);
    assert_eq!(choice.strategy, Strategy::Plain);
    assert!(choice.warnings.join(" ").contains("view people"));
    let refused = choose(&held, &usual(), Some(Strategy::ShadowCopy)).unwrap_err();
    assert!(refused.to_string().contains("view people depends on it"));
    let small = TableFacts {
        bytes: 1 << 30,
        index_bytes: 1 << 30,
        ..with(Some(1 << 40))
    };
    assert_eq!(chosen(&small).strategy, Strategy::Plain);
    let few = TableFacts {
        sample: Some(Sample {
            rows: 5000,
            apart: 100,
            before: 0.0,
            after: 25.0,
        }),
        ..with(Some(1 << 40))
    };
    assert_eq!(chosen(&few).strategy, Strategy::Plain);
}

#[test]
fn what_old_versions_of_rows_cost_is_not_said_of_a_copy() {
    let facts = TableFacts {
        autovacuum: false,
        ..large()
    };
    let said = |strategy| {
        let choice = choose(&facts, &usual(), Some(strategy)).unwrap();
        choice.warnings.join("\n")
    };
    for part in ["Autovacuum is off", "half the work"] {
        assert!(said(Strategy::Plain).contains(part), "{part}");
        assert!(!said(Strategy::ShadowCopy).contains(part), "{part}");
    }
}

#[test]
fn a_copy_needs_a_key_expressions_and_postgresql() {
    let wanted = Some(Strategy::ShadowCopy);
    assert!(choose(&large(), &usual(), wanted).is_ok());
    let without = TableFacts {
        key: Vec::new(),
        ..large()
    };
    let no_undo = job("lower(name)", "keep-undo = false");
    assert!(choose(&without, &no_undo, wanted).is_err());
    let file = TableFacts {
        engine: Engine::Sqlite,
        ..large()
    };
    assert!(choose(&file, &usual(), wanted).is_err());
    let text = "schema = \"switchback.backfill/v1\"\ntable = \"users\"\n[query]\n\
                columns = [\"email\"]\nsql = \"SELECT id, 'x' AS email FROM {batch}\"\n";
    let id = switchback_model::BackfillId::new("it").unwrap();
    let query = Job::parse(id, text).unwrap();
    assert!(choose(&large(), &query, wanted).is_err());
}

#[test]
fn a_copy_costs_disk_and_less_log_where_indexes_have_the_column() {
    let copy = super::super::estimate(&large(), &usual(), Strategy::ShadowCopy).unwrap();
    let plain = super::super::estimate(&large(), &usual(), Strategy::Plain).unwrap();
    assert!(copy.heap_growth >= 12 << 30 && copy.index_growth == 8 << 30);
    assert!(copy.wal * 2 < plain.wal, "{copy:?} {plain:?}");
}
