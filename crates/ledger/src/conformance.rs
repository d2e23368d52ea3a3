//! The suite that every store must pass; for tests only.
//!
//! A store's tests call [`conformance_tests!`](crate::conformance_tests) with a function that
//! makes a fresh ledger to open any number of times.
#![expect(
    clippy::unwrap_used,
    reason = "this is the body of tests that live in several crates"
)]

mod samples;

use std::ops::ControlFlow;

use switchback_model::{Actor, Digest, EventId, Timestamp};

pub use samples::{TestRng, conclusion, keys, record, records};

use crate::{
    Anchor, Append, Error, Ledger, NewEntry, Problem, Proof, Store, VerifyOptions, verify,
};

/// One ledger that can be opened again and again, by the same process or several.
pub trait Place: Sync {
    /// A new handle to the ledger.
    fn open(&self) -> Box<dyn Store + Send>;
}

impl<F: Fn() -> Box<dyn Store + Send> + Sync> Place for F {
    fn open(&self) -> Box<dyn Store + Send> {
        self()
    }
}

/// Makes one test of each case of the suite. `$fresh` is called as `fresh()` for each and gives a
/// [`Place`] with an empty ledger.
#[macro_export]
macro_rules! conformance_tests {
    ($fresh:expr) => {
        $crate::conformance_tests!($fresh;
            starts_empty, gives_what_was_appended, has_the_known_root, is_idempotent_by_id,
            refuses_a_conflict_whole, a_batch_is_all_or_nothing, loses_nothing_to_racing_writers,
            racing_writers_of_one_event_store_it_once, a_decision_and_its_record_are_one, reads_ranges, proves_inclusion_and_consistency,
            survives_being_closed, keeps_checkpoints, erases_payloads_without_breaking_proofs,
            names_open_intents, refuses_ids_that_stores_could_keep_differently
        );
    };
    ($fresh:expr; $($case:ident),+) => {
        $(#[test]
        fn $case() {
            $crate::conformance::$case(&$fresh());
        })+
    };
}

fn ledger(place: &dyn Place) -> Ledger<Box<dyn Store + Send>> {
    Ledger::new(place.open())
}

fn assert_sound(ledger: &Ledger<Box<dyn Store + Send>>) {
    let report = verify(ledger.store(), &VerifyOptions::default()).unwrap();
    assert!(report.is_sound(), "{:?}", report.problems);
    assert_eq!(report.head, ledger.head().unwrap());
}

/// An empty ledger has size 0 and the root of the empty tree.
pub fn starts_empty(place: &dyn Place) {
    let ledger = ledger(place);
    assert!(ledger.is_empty().unwrap());
    assert_eq!(ledger.root().unwrap(), Digest::of(b""));
    assert_eq!(ledger.entries(0..10).unwrap(), []);
    assert_eq!(ledger.get(&record(0).id).unwrap(), None);
    assert!(matches!(
        ledger.get_index(0),
        Err(Error::OutOfRange { index: 0, size: 0 })
    ));
    assert!(matches!(ledger.head_at(1), Err(Error::OutOfRange { .. })));
    assert_sound(&ledger);
}

/// Records come back as they were, by index, by id and in order.
pub fn gives_what_was_appended(place: &dyn Place) {
    let ledger = ledger(place);
    let given = records(0, 20);
    let appended = ledger.append(&given).unwrap();
    assert_eq!((appended.size, appended.first_new()), (20, Some(0)));
    let folded = ledger
        .fold(Vec::new(), |list, index, record| {
            assert_eq!(index, list.len() as u64);
            list.push(record);
        })
        .unwrap();
    assert_eq!(folded, given);
    for (index, record) in (0..).zip(&given) {
        let entry = ledger.get(&record.id).unwrap().unwrap();
        assert_eq!(entry.index, index);
        assert_eq!(entry.record().unwrap(), *record);
        assert_eq!(ledger.get_index(index).unwrap(), entry);
    }
    assert_sound(&ledger);
}

/// The same events have the same root in every store: the one written here.
pub fn has_the_known_root(place: &dyn Place) {
    let ledger = ledger(place);
    for batch in records(0, 100).chunks(7) {
        ledger.append(batch).unwrap();
    }
    let known = "sha256:582101fe1c6641074849fc1d841517352f33988b54cfb75b3e590b44679f0efb";
    assert_eq!(ledger.root().unwrap().to_string(), known);
    assert_sound(&ledger);
}

/// Appending the same events again, also within one batch, changes nothing.
pub fn is_idempotent_by_id(place: &dyn Place) {
    let ledger = ledger(place);
    ledger.append(&records(0, 5)).unwrap();
    let head = ledger.head().unwrap();
    let mut again = records(0, 5);
    for record in &mut again {
        record.at = Timestamp::from_millis(0);
        record.actor = Actor::new("Somebody Else <else@example.org>");
    }
    let appended = ledger.append(&again).unwrap();
    assert_eq!(appended.first_new(), None);
    assert_eq!(ledger.head().unwrap(), head);
    assert_eq!(
        ledger.get_index(0).unwrap().record().unwrap(),
        record(0),
        "the first one stands"
    );

    let appended = ledger
        .append(&[record(9), record(2), record(9), record(5)])
        .unwrap();
    let places: Vec<_> = appended.placed.iter().map(|p| (p.index, p.new)).collect();
    assert_eq!(places, [(5, true), (2, false), (5, false), (6, true)]);
    assert_eq!(appended.size, 7);
    assert_sound(&ledger);
}

/// An id with another content is refused, and nothing of its batch is stored.
pub fn refuses_a_conflict_whole(place: &dyn Place) {
    let ledger = ledger(place);
    ledger.append(&records(0, 4)).unwrap();
    let mut other = record(2);
    other.event = record(1).event;
    let refused = ledger.append(&[record(8), other.clone()]);
    assert!(
        matches!(refused, Err(Error::Conflict { index: 2, .. })),
        "{refused:?}"
    );
    let mut twin = record(9);
    twin.event = record(1).event;
    let refused = ledger.append(&[record(9), twin]);
    assert!(
        matches!(refused, Err(Error::Conflict { index: 4, .. })),
        "{refused:?}"
    );
    assert_eq!(ledger.len().unwrap(), 4);
    assert_eq!(ledger.get(&record(8).id).unwrap(), None);
    assert_sound(&ledger);
}

/// The store compares the size under its lock, and an id can be taken once.
pub fn a_batch_is_all_or_nothing(place: &dyn Place) {
    let store = place.open();
    let entry = |id: &str| NewEntry {
        id: id.to_owned(),
        leaf: b"leaf".to_vec(),
        payload: b"payload".to_vec(),
        hashes: vec![0; 32],
    };
    assert_eq!(store.append(1, &[entry("a")]).unwrap(), Append::Moved);
    assert_eq!(
        store.append(0, &[entry("a"), entry("b")]).unwrap(),
        Append::Committed
    );
    assert_eq!(store.append(0, &[entry("c")]).unwrap(), Append::Moved);
    assert_eq!(store.append(1, &[entry("c")]).unwrap(), Append::Moved);
    assert_eq!(store.size().unwrap(), 2);
    assert_eq!(
        store.find(&["c", "b", "a"]).unwrap(),
        [None, Some(1), Some(0)]
    );
    assert_eq!(
        place.open().append(2, &[entry("c")]).unwrap(),
        Append::Committed
    );
    assert_eq!(store.size().unwrap(), 3);
}

/// Writers with handles of their own, at once: one order, nothing lost, nothing twice.
pub fn loses_nothing_to_racing_writers(place: &dyn Place) {
    const WRITERS: u64 = 4;
    const EACH: u64 = 40;
    let placed: Vec<(u64, u64)> = std::thread::scope(|scope| {
        let writers: Vec<_> = (0..WRITERS)
            .map(|writer| {
                scope.spawn(move || {
                    let ledger = ledger(place);
                    let mut placed = Vec::new();
                    let mut next = 0;
                    while next < EACH {
                        // Batches of 1, 2, 3, 1, 2, 3 …
                        let size = (next % 3 + 1).min(EACH - next);
                        let first = writer * EACH + next;
                        let appended = ledger.append(&records(first, first + size)).unwrap();
                        assert!(appended.placed.iter().all(|placed| placed.new));
                        placed.extend((first..).zip(appended.placed.iter().map(|p| p.index)));
                        next += size;
                    }
                    placed
                })
            })
            .collect();
        writers
            .into_iter()
            .flat_map(|writer| writer.join().unwrap())
            .collect()
    });
    let ledger = ledger(place);
    assert_eq!(ledger.len().unwrap(), WRITERS * EACH);
    for (number, index) in &placed {
        assert_eq!(
            ledger.get_index(*index).unwrap().record().unwrap(),
            record(*number)
        );
    }
    for writer in placed.chunks(usize::try_from(EACH).unwrap()) {
        assert!(
            writer.is_sorted_by_key(|(_, index)| *index),
            "a writer's own order holds"
        );
    }
    assert_sound(&ledger);
}

/// Writers that may only append to what they have read: each place is decided on by one of them.
pub fn a_decision_and_its_record_are_one(place: &dyn Place) {
    const WRITERS: u64 = 4;
    const EACH: u64 = 20;
    let decide = |writer: u64| {
        let ledger = ledger(place);
        let mut placed = Vec::new();
        while (placed.len() as u64) < EACH {
            let seen = ledger.len().unwrap();
            let next = record(writer * EACH + placed.len() as u64);
            match ledger.append_at(seen, std::slice::from_ref(&next)).unwrap() {
                Some(appended) => {
                    assert_eq!(appended.first_new(), Some(seen));
                    placed.push(seen);
                }
                None => assert!(ledger.len().unwrap() > seen, "somebody else got on"),
            }
        }
        placed
    };
    let mut placed: Vec<u64> = std::thread::scope(|scope| {
        let writers: Vec<_> = (0..WRITERS)
            .map(|writer| scope.spawn(move || decide(writer)))
            .collect();
        writers
            .into_iter()
            .flat_map(|writer| writer.join().unwrap())
            .collect()
    });
    placed.sort_unstable();
    assert_eq!(placed, (0..WRITERS * EACH).collect::<Vec<_>>());
    let ledger = ledger(place);
    for stale in [0, WRITERS * EACH - 1, WRITERS * EACH + 1] {
        let late = record(WRITERS * EACH);
        assert_eq!(ledger.append_at(stale, &[late]).unwrap(), None);
    }
    assert_eq!(ledger.len().unwrap(), WRITERS * EACH);
    assert_sound(&ledger);
}

/// Writers that all come upon the same events store each of them once and agree on its place.
pub fn racing_writers_of_one_event_store_it_once(place: &dyn Place) {
    let all: Vec<Vec<u64>> = std::thread::scope(|scope| {
        let writers: Vec<_> = (0..4)
            .map(|_| {
                scope.spawn(move || {
                    let ledger = ledger(place);
                    (0..20)
                        .map(|n| ledger.append(&[record(n)]).unwrap().placed[0].index)
                        .collect()
                })
            })
            .collect();
        writers
            .into_iter()
            .map(|writer| writer.join().unwrap())
            .collect()
    });
    assert!(all.iter().all(|places| *places == all[0]), "{all:?}");
    let ledger = ledger(place);
    assert_eq!(ledger.len().unwrap(), 20);
    assert_sound(&ledger);
}

/// Ranges give what is in them, in order, also across a store's own chunks.
pub fn reads_ranges(place: &dyn Place) {
    let ledger = ledger(place);
    const SIZE: u64 = 2_500;
    ledger.append(&records(0, SIZE)).unwrap();
    for (start, end) in [
        (0, 0),
        (0, 1),
        (5, 9),
        (1_000, 2_100),
        (2_499, 9_999),
        (3_000, 4_000),
    ] {
        let found: Vec<u64> = ledger
            .entries(start..end)
            .unwrap()
            .iter()
            .map(|entry| entry.index)
            .collect();
        let wanted: Vec<u64> = (start.min(SIZE)..end.min(SIZE)).collect();
        assert_eq!(found, wanted);
    }
    assert_eq!(ledger.entries(0..u64::MAX).unwrap().len(), 2_500);
    let mut seen = 0;
    let stop_early = &mut |_: crate::RawEntry<'_>| {
        seen += 1;
        if seen == 3 {
            ControlFlow::Break(())
        } else {
            ControlFlow::Continue(())
        }
    };
    ledger.store().read(0..SIZE, stop_early).unwrap();
    assert_eq!(seen, 3);
    let from = ledger
        .fold_from(SIZE - 2, 0, |count, _, _| *count += 1)
        .unwrap();
    assert_eq!(from, 2);
    assert_sound(&ledger);
}

/// Every entry is provably in every later tree, and every tree continues every earlier one.
pub fn proves_inclusion_and_consistency(place: &dyn Place) {
    let ledger = ledger(place);
    ledger.append(&records(0, 11)).unwrap();
    for size in 1..=11 {
        let head = ledger.head_at(size).unwrap();
        for index in 0..size {
            let proof = ledger.prove_inclusion(index, size).unwrap();
            let leaf = proof.verify(&head).unwrap();
            assert_eq!(leaf.id, record(index).id);
            let json = serde_json::to_string(&Proof::Inclusion(proof.clone())).unwrap();
            assert_eq!(
                serde_json::from_str::<Proof>(&json).unwrap(),
                Proof::Inclusion(proof)
            );
        }
        assert!(ledger.prove_inclusion(size, size).is_err());
        for old in 0..=size {
            let proof = ledger.prove_consistency(old, size).unwrap();
            proof.verify(&ledger.head_at(old).unwrap(), &head).unwrap();
        }
    }
    assert!(ledger.prove_inclusion(0, 12).is_err());
    assert!(ledger.prove_consistency(3, 12).is_err());
    assert!(ledger.prove_consistency(4, 3).is_err());
}

/// What was acknowledged is there for a handle that is opened later.
pub fn survives_being_closed(place: &dyn Place) {
    let first = ledger(place);
    first.append(&records(0, 33)).unwrap();
    let head = first.head().unwrap();
    drop(first);
    let second = ledger(place);
    assert_eq!(second.head().unwrap(), head);
    second.append(&records(33, 40)).unwrap();
    drop(second);
    let third = ledger(place);
    assert_eq!(third.len().unwrap(), 40);
    assert_eq!(third.head_at(33).unwrap(), head);
    assert_sound(&third);
}

/// Checkpoints are kept once each, in order, and hold later; proofs carry them.
pub fn keeps_checkpoints(place: &dyn Place) {
    let ledger = ledger(place);
    let (signing, verifier) = keys("example.org/ledger", 1);
    let keys = [verifier];
    ledger.append(&records(0, 3)).unwrap();
    let early = ledger.checkpoint(&signing).unwrap();
    assert_eq!(ledger.checkpoint(&signing).unwrap(), early);
    ledger.append(&records(3, 8)).unwrap();
    let late = ledger.checkpoint(&signing).unwrap();
    assert_eq!(
        ledger.store().checkpoints().unwrap(),
        [early.note(), late.note()].map(Vec::from)
    );
    assert_eq!(
        ledger
            .verify_checkpoint(early.note().as_bytes(), &keys)
            .unwrap(),
        early
    );
    ledger
        .prove_inclusion(1, 3)
        .unwrap()
        .verify_signed(&keys)
        .unwrap();
    ledger
        .prove_consistency(3, 8)
        .unwrap()
        .verify_signed(&keys)
        .unwrap();
    assert!(
        ledger
            .prove_inclusion(1, 4)
            .unwrap()
            .verify_signed(&keys)
            .is_err()
    );

    let anchors = vec![Anchor {
        origin: "example.org/ledger".to_owned(),
        size: 5,
        root: ledger.head_at(5).unwrap().root,
        source: "a commit".to_owned(),
    }];
    let options = VerifyOptions {
        keys: keys.to_vec(),
        anchors,
    };
    let report = verify(ledger.store(), &options).unwrap();
    assert!(report.is_sound(), "{:?}", report.problems);
    assert_eq!(
        (
            report.checkpoints,
            report.signed,
            report.anchors,
            report.vouched
        ),
        (2, 2, 1, 8)
    );
}

/// An erased payload is gone and counted; leaves, root and proofs stay.
pub fn erases_payloads_without_breaking_proofs(place: &dyn Place) {
    let ledger = ledger(place);
    ledger.append(&records(0, 6)).unwrap();
    let head = ledger.head().unwrap();
    assert!(ledger.store().erase_payload(4).unwrap());
    assert!(!ledger.store().erase_payload(4).unwrap());
    assert!(!ledger.store().erase_payload(6).unwrap());
    let entry = ledger.get_index(4).unwrap();
    assert_eq!(entry.payload, None);
    assert!(matches!(entry.record(), Err(Error::Erased { index: 4 })));
    assert!(matches!(
        ledger.fold((), |(), _, _| ()),
        Err(Error::Erased { index: 4 })
    ));
    ledger.prove_inclusion(4, 6).unwrap().verify(&head).unwrap();
    // The same event again is still the same: its leaf knows.
    assert_eq!(ledger.append(&[record(4)]).unwrap().first_new(), None);
    let report = verify(ledger.store(), &VerifyOptions::default()).unwrap();
    assert!(report.is_sound(), "{:?}", report.problems);
    assert_eq!((report.erased, report.head), (1, head));
}

/// Intents without a conclusion are named in order.
pub fn names_open_intents(place: &dyn Place) {
    let ledger = ledger(place);
    assert_eq!(ledger.open_intents().unwrap(), []);
    ledger.append(&records(0, 10)).unwrap();
    assert_eq!(ledger.open_intents().unwrap(), [0, 3, 6, 9].map(record));
    ledger.append(&[conclusion(3), conclusion(9)]).unwrap();
    assert_eq!(ledger.open_intents().unwrap(), [0, 6].map(record));
    ledger.append(&[conclusion(0), conclusion(6)]).unwrap();
    assert_eq!(ledger.open_intents().unwrap(), []);
}

/// Ids with control characters, and none or too long ones, are refused before any store sees them.
pub fn refuses_ids_that_stores_could_keep_differently(place: &dyn Place) {
    let ledger = ledger(place);
    for id in ["", "a\0b", "a\n", &"x".repeat(201)] {
        let mut record = record(0);
        record.id = EventId::from(id.to_owned());
        assert!(
            matches!(ledger.append(&[record]), Err(Error::InvalidId)),
            "{id:?}"
        );
    }
    for id in [
        "A",
        "a",
        "é",
        "e\u{301}",
        "a ",
        " a",
        "' OR 1=1 --",
        &"x".repeat(200),
    ] {
        let mut record = record(1);
        record.id = EventId::from(id.to_owned());
        assert!(ledger.append(&[record]).unwrap().placed[0].new, "{id:?}");
    }
    assert_sound(&ledger);
}

/// Whether a report names a problem that `wanted` accepts.
pub fn names(problems: &[Problem], wanted: impl Fn(&Problem) -> bool) -> bool {
    problems.iter().any(wanted)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::MemoryStore;

    fn fresh() -> impl Place {
        let store = MemoryStore::new();
        move || Box::new(store.clone()) as Box<dyn Store + Send>
    }

    conformance_tests!(fresh);
}
