//! What a verification sees of somebody who can write to the medium, with and without a root that
//! was kept elsewhere.

use tlog_tiles::tlog::record_hash;

use crate::conformance::{keys, names, record, records};
use crate::keys::VerifierKey;
use crate::memory::MemoryRow;
use crate::tree::Frontier;
use crate::{
    Anchor, Checkpoint, Error, Head, InvalidLeaf, Ledger, MemoryStore, Problem, Report, Store,
    VerifyOptions, verify,
};

const ORIGIN: &str = "example.org/ledger";

/// Ten events; the root over the first six is known elsewhere.
fn ledger() -> (Ledger<MemoryStore>, Anchor) {
    let ledger = Ledger::new(MemoryStore::new());
    ledger.append(&records(0, 10)).unwrap();
    let anchor = Anchor {
        origin: ORIGIN.to_owned(),
        size: 6,
        root: ledger.head_at(6).unwrap().root,
        source: "commit 1a2b3c".to_owned(),
    };
    (ledger, anchor)
}

fn report(ledger: &Ledger<MemoryStore>, anchors: &[&Anchor], keys: &[&VerifierKey]) -> Report {
    let options = VerifyOptions {
        keys: keys.iter().map(|key| (*key).clone()).collect(),
        anchors: anchors.iter().map(|anchor| (*anchor).clone()).collect(),
    };
    verify(ledger.store(), &options).unwrap()
}

/// Makes everything fit again after a change, as a forger would: ids, payload digests, hashes.
fn forge_again(rows: &mut [MemoryRow]) {
    let mut frontier = Frontier::default();
    for row in rows {
        row.hashes.clear();
        frontier.push(record_hash(&row.leaf), |hash| {
            row.hashes.extend_from_slice(&hash.0)
        });
    }
}

/// The row that record `number` would have had.
fn row(number: u64, actor: &str) -> MemoryRow {
    let mut record = record(number);
    record.actor = switchback_model::Actor::new(actor);
    let other = Ledger::new(MemoryStore::new());
    other.append(&[record]).unwrap();
    let mut made = None;
    other.store().tamper(|rows| made = rows.pop());
    made.unwrap()
}

#[test]
fn an_untouched_ledger_is_sound() {
    let (ledger, anchor) = ledger();
    let report = report(&ledger, &[&anchor], &[]);
    assert!(report.is_sound(), "{:?}", report.problems);
    assert_eq!(
        (report.anchors, report.vouched, report.head.size),
        (1, 6, 10)
    );
}

#[test]
fn a_clumsy_edit_is_seen_without_an_anchor() {
    type Edit = (&'static str, fn(&mut MemoryRow), fn(&Problem) -> bool);
    let edits: [Edit; 6] = [
        (
            "leaf",
            |row| {
                row.leaf = String::from_utf8(row.leaf.clone())
                    .unwrap()
                    .replace("Tester", "Forger")
                    .into_bytes()
            },
            |p| matches!(p, Problem::Node { index: 3, level: 0 }),
        ),
        (
            "payload",
            |row| row.payload.as_mut().unwrap()[9] ^= 1,
            |p| matches!(p, Problem::Payload { index: 3 }),
        ),
        (
            "id",
            |row| row.id.push('x'),
            |p| matches!(p, Problem::Id { index: 3, .. }),
        ),
        (
            "hash of the leaf",
            |row| row.hashes[0] ^= 1,
            |p| matches!(p, Problem::Node { index: 3, level: 0 }),
        ),
        (
            "hash above",
            |row| row.hashes[70] ^= 1,
            |p| matches!(p, Problem::Node { index: 3, level: 2 }),
        ),
        (
            "form",
            |row| row.leaf.push(b' '),
            |p| {
                matches!(
                    p,
                    Problem::Leaf {
                        index: 3,
                        reason: InvalidLeaf::NotCanonical
                    }
                )
            },
        ),
    ];
    for (what, edit, wanted) in edits {
        let (ledger, _) = ledger();
        ledger.store().tamper(|rows| edit(&mut rows[3]));
        let report = report(&ledger, &[], &[]);
        assert!(
            names(&report.problems, wanted),
            "{what}: {:?}",
            report.problems
        );
    }
}

#[test]
fn hashes_too_many_or_too_few_are_seen() {
    for change in [
        |row: &mut MemoryRow| row.hashes.truncate(32),
        |row: &mut MemoryRow| {
            row.hashes.extend_from_slice(&[7; 32]);
        },
    ] {
        let (ledger, _) = ledger();
        ledger.store().tamper(|rows| change(&mut rows[5]));
        let report = report(&ledger, &[], &[]);
        let wanted = |p: &Problem| matches!(p, Problem::Node { index: 5, .. });
        assert!(names(&report.problems, wanted), "{:?}", report.problems);
    }
}

/// What a careful forger does before the anchor: bare structure shows nothing, the anchor does.
#[test]
fn a_forged_past_fits_in_itself_and_fails_against_an_anchor() {
    type Forgery = (&'static str, fn(&mut Vec<MemoryRow>));
    let forgeries: [Forgery; 4] = [
        ("edit", |rows| rows[3] = row(3, "Eve <eve@example.org>")),
        ("insert", |rows| {
            rows.insert(2, row(77, "Eve <eve@example.org>"))
        }),
        ("delete", |rows| drop(rows.remove(2))),
        ("reorder", |rows| rows.swap(1, 4)),
    ];
    for (what, forge) in forgeries {
        let (ledger, anchor) = ledger();
        ledger.store().tamper(|rows| {
            forge(rows);
            forge_again(rows);
        });
        let bare = report(&ledger, &[], &[]);
        assert!(
            bare.is_sound(),
            "{what}: structure alone cannot show it: {:?}",
            bare.problems
        );
        assert_eq!(bare.vouched, 0, "and the report does not say that it did");
        let anchored = report(&ledger, &[&anchor], &[]);
        let wanted = |p: &Problem| matches!(p, Problem::Root { size: 6, .. });
        assert!(
            names(&anchored.problems, wanted),
            "{what}: {:?}",
            anchored.problems
        );
        assert_eq!(anchored.vouched, 0);
    }
}

#[test]
fn cutting_off_the_end_is_seen_only_before_the_last_anchor() {
    let (ledger, anchor) = ledger();
    ledger.store().tamper(|rows| rows.truncate(6));
    let after = report(&ledger, &[&anchor], &[]);
    assert!(
        after.is_sound(),
        "the known limit: nobody vouches for what came after the anchor"
    );
    assert_eq!(after.vouched, 6);

    ledger.store().tamper(|rows| rows.truncate(5));
    let before = report(&ledger, &[&anchor], &[]);
    let wanted = |p: &Problem| {
        matches!(
            p,
            Problem::CutOff {
                size: 6,
                found: 5,
                ..
            }
        )
    };
    assert!(names(&before.problems, wanted), "{:?}", before.problems);
    assert!(
        report(&ledger, &[], &[]).is_sound(),
        "without an anchor nothing is seen"
    );
}

#[test]
fn a_stored_checkpoint_is_an_anchor_for_whoever_has_the_key() {
    let (ledger, _) = ledger();
    let (signing, verifier) = keys(ORIGIN, 1);
    ledger.checkpoint(&signing).unwrap();
    ledger.append(&records(10, 12)).unwrap();
    assert_eq!(report(&ledger, &[], &[&verifier]).vouched, 10);
    ledger.store().tamper(|rows| {
        rows[3] = row(3, "Eve <eve@example.org>");
        forge_again(rows);
    });
    let report = report(&ledger, &[], &[&verifier]);
    let wanted = |p: &Problem| matches!(p, Problem::Root { size: 10, .. });
    assert!(names(&report.problems, wanted), "{:?}", report.problems);
    // Nor is it covered up by another signature.
    assert!(matches!(
        ledger.checkpoint(&signing),
        Err(Error::Forked { size: 10 })
    ));
}

#[test]
fn a_checkpoint_by_another_key_or_with_a_changed_root_is_seen() {
    let (ledger, _) = ledger();
    let (_, verifier) = keys(ORIGIN, 1);
    let (eve, _) = keys(ORIGIN, 2);
    let (elsewhere, elsewhere_verifier) = keys("example.net/other", 3);
    let head = ledger.head().unwrap();

    // The forger's own key under the right name; a real key under another name.
    for signing in [&eve, &elsewhere] {
        let forged = Checkpoint::sign(head, signing).unwrap();
        let store = MemoryStore::new();
        let other = Ledger::new(store);
        other.append(&records(0, 10)).unwrap();
        other
            .store()
            .put_checkpoint(forged.note().as_bytes())
            .unwrap();
        let report = report(&other, &[], &[&verifier]);
        let wanted = |p: &Problem| matches!(p, Problem::Checkpoint { position: 0, .. });
        assert!(names(&report.problems, wanted), "{:?}", report.problems);
        assert_eq!((report.signed, report.vouched), (0, 0));
    }
    // A key speaks only for the origin that is its name, even if it is a known one.
    let note = Checkpoint::sign(head, &elsewhere)
        .unwrap()
        .note()
        .replace("example.net/other\n10", "example.org/ledger\n10");
    assert!(Checkpoint::open(note.as_bytes(), &[verifier, elsewhere_verifier]).is_err());
}

#[test]
fn an_anchor_of_another_ledger_is_not_taken_for_one_of_this() {
    let (ledger, mut anchor) = ledger();
    let (_, verifier) = keys(ORIGIN, 1);
    anchor.origin = "example.net/other".to_owned();
    let report = report(&ledger, &[&anchor], &[&verifier]);
    let wanted = |p: &Problem| matches!(p, Problem::Origin { .. });
    assert!(names(&report.problems, wanted), "{:?}", report.problems);
    assert_eq!(report.anchors, 0);
}

#[test]
fn an_event_twice_is_seen() {
    let (ledger, _) = ledger();
    ledger.store().tamper(|rows| {
        rows[8] = rows[2].clone();
        forge_again(rows);
    });
    let report = report(&ledger, &[], &[]);
    let wanted = |p: &Problem| {
        matches!(
            p,
            Problem::DuplicateId {
                index: 8,
                first: 2,
                ..
            }
        )
    };
    assert!(names(&report.problems, wanted), "{:?}", report.problems);
}

#[test]
fn the_list_of_problems_has_an_end() {
    let ledger = Ledger::new(MemoryStore::new());
    ledger.append(&records(0, 150)).unwrap();
    ledger
        .store()
        .tamper(|rows| rows.iter_mut().for_each(|row| row.id.push('x')));
    let report = report(&ledger, &[], &[]);
    assert_eq!((report.problems.len(), report.unlisted), (100, 50));
    assert!(!report.is_sound());
}

#[test]
fn an_event_of_a_newer_version_is_shown_and_verified_but_not_folded() {
    let (ledger, _) = ledger();
    ledger.store().tamper(|rows| {
        let payload = br#"{"event":"canary-judged","e":12}"#.to_vec();
        let leaf = String::from_utf8(rows[4].leaf.clone()).unwrap();
        let old = switchback_model::Digest::of(rows[4].payload.as_ref().unwrap()).to_string();
        let new = switchback_model::Digest::of(&payload).to_string();
        rows[4].leaf = leaf
            .replace(&old, &new)
            .replace("\"refused\"", "\"canary-judged\"")
            .into_bytes();
        rows[4].payload = Some(payload);
        forge_again(rows);
    });
    assert!(report(&ledger, &[], &[]).is_sound());
    assert_eq!(ledger.entries(0..10).unwrap()[4].leaf.kind, "canary-judged");
    let folded = ledger.fold((), |(), _, _| ());
    let wanted =
        matches!(&folded, Err(Error::UnknownEvent { index: 4, kind }) if kind == "canary-judged");
    assert!(wanted, "{folded:?}");
    assert_eq!(
        ledger.open_intents().unwrap().len(),
        4,
        "recovery does not depend on it"
    );
}

#[test]
fn an_altered_payload_is_not_folded() {
    let (ledger, _) = ledger();
    ledger
        .store()
        .tamper(|rows| rows[2].payload = rows[1].payload.clone());
    assert!(matches!(
        ledger.fold((), |(), _, _| ()),
        Err(Error::Altered { index: 2 })
    ));
}

#[test]
fn a_checkpoint_of_a_longer_ledger_is_not_hidden_by_a_new_one() {
    let (ledger, _) = ledger();
    let (signing, verifier) = keys(ORIGIN, 1);
    let note = ledger.checkpoint(&signing).unwrap().note().to_owned();
    ledger.store().tamper(|rows| rows.truncate(4));
    assert!(matches!(
        ledger.checkpoint(&signing),
        Err(Error::Forked { size: 10 })
    ));
    let refused = ledger.verify_checkpoint(note.as_bytes(), &[verifier]);
    assert!(
        matches!(refused, Err(Error::OutOfRange { index: 10, size: 4 })),
        "{refused:?}"
    );
}

#[test]
fn checkpoints_have_the_form_that_others_read() {
    let (signing, verifier) = keys(ORIGIN, 1);
    let root = "sha256:5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328";
    let head = Head {
        size: 8,
        root: root.parse().unwrap(),
    };
    let checkpoint = Checkpoint::sign(head, &signing).unwrap();
    let body = "example.org/ledger\n8\nXcnaeacGWamtVZy3Ad7ZoqudgjqtL0lgz+Nw7/RgQyg=\n\n— example.org/ledger ";
    assert!(checkpoint.note().starts_with(body), "{}", checkpoint.note());
    let opened = Checkpoint::open(checkpoint.note().as_bytes(), &[verifier]).unwrap();
    assert_eq!(opened, checkpoint);
    assert!(
        format!("{signing:?}").len() < 50,
        "no secret in it: {signing:?}"
    );
}
