//! Any proof of any ledger holds, and no proof with any byte changed does.

use proptest::prelude::*;

use crate::conformance::{keys, record};
use crate::{Ledger, MemoryStore, Proof, VerifyOptions, verify};

fn ledger_of(batches: &[Vec<u64>]) -> Ledger<MemoryStore> {
    let ledger = Ledger::new(MemoryStore::new());
    for batch in batches {
        let records: Vec<_> = batch.iter().copied().map(record).collect();
        ledger.append(&records).unwrap();
    }
    ledger
}

fn batches() -> impl Strategy<Value = Vec<Vec<u64>>> {
    // Numbers may come twice: then the event is a duplicate.
    prop::collection::vec(prop::collection::vec(0..200u64, 1..8), 1..8)
}

/// Whether any byte of a proof's JSON can be changed so that it is accepted as something else.
fn no_byte_can_change(proof: &Proof, holds: impl Fn(&Proof) -> bool) {
    assert!(holds(proof));
    let json = serde_json::to_vec(proof).unwrap();
    for place in 0..json.len() {
        for mask in [0x01, 0x20, 0xff] {
            let mut changed = json.clone();
            changed[place] ^= mask;
            if let Ok(other) = serde_json::from_slice::<Proof>(&changed) {
                let text = String::from_utf8_lossy(&changed);
                assert!(
                    !holds(&other),
                    "byte {place} ^ {mask:#x} is accepted: {text}"
                );
            }
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, ..ProptestConfig::default() })]

    #[test]
    fn inclusion_holds_and_no_byte_can_change(
        batches in batches(),
        place: prop::sample::Index,
        size: prop::sample::Index,
    ) {
        let ledger = ledger_of(&batches);
        let all = usize::try_from(ledger.len().unwrap()).unwrap();
        let size = size.index(all) + 1;
        let index = place.index(size) as u64;
        let size = size as u64;
        let proof = ledger.prove_inclusion(index, size).unwrap();
        let head = ledger.head_at(size).unwrap();
        no_byte_can_change(&Proof::Inclusion(proof), |proof| match proof {
            Proof::Inclusion(proof) => proof.verify(&head).is_ok(),
            Proof::Consistency(_) => false,
        });
    }

    #[test]
    fn consistency_holds_and_no_byte_can_change(
        batches in batches(),
        old: prop::sample::Index,
        new: prop::sample::Index,
    ) {
        let ledger = ledger_of(&batches);
        let all = usize::try_from(ledger.len().unwrap()).unwrap();
        let new = new.index(all + 1);
        let old = old.index(new + 1) as u64;
        let new = new as u64;
        let proof = ledger.prove_consistency(old, new).unwrap();
        let (old, new) = (ledger.head_at(old).unwrap(), ledger.head_at(new).unwrap());
        no_byte_can_change(&Proof::Consistency(proof), |proof| match proof {
            Proof::Consistency(proof) => proof.verify(&old, &new).is_ok(),
            Proof::Inclusion(_) => false,
        });
    }

    #[test]
    fn how_events_are_cut_into_batches_does_not_matter(batches in batches()) {
        let together = ledger_of(&[batches.concat()]);
        let apart = ledger_of(&batches);
        prop_assert_eq!(together.head().unwrap(), apart.head().unwrap());
        let report = verify(apart.store(), &VerifyOptions::default()).unwrap();
        prop_assert!(report.is_sound());
        prop_assert_eq!(report.head, apart.head().unwrap());
    }
}

#[test]
fn no_byte_of_a_signed_proof_can_change() {
    let ledger = ledger_of(&[(0..7).collect()]);
    let (signing, verifier) = keys("example.org/ledger", 3);
    ledger.checkpoint(&signing).unwrap();
    let keys = [verifier];
    let proof = ledger.prove_inclusion(4, 7).unwrap();
    no_byte_can_change(&Proof::Inclusion(proof), |proof| match proof {
        Proof::Inclusion(proof) => proof.verify_signed(&keys).is_ok(),
        Proof::Consistency(_) => false,
    });
}
