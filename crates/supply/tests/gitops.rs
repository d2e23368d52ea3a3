//! Moving a value: once, again, after a crash at every point, and against others.
#![cfg(unix)]
#![expect(
    clippy::unwrap_used,
    reason = "helpers of tests, outside of a test function"
)]

use std::fs;

use switchback_model::{EventId, Timestamp};
use switchback_supply::git::{CommitId, GitError, Repository, Trailer, WorkTree};
use switchback_supply::gitops::{GitopsError, INTENT_TRAILER, Move, MoveDone, ValuesFile};
use switchback_supply::values::ValuesError;
use switchback_testkit::git::ScratchRepository;

const FILE: &str = "envs/prod/values.yaml";
const BEFORE: &str = "# production\r\nimage:\r\n  tag: 1.0.0   # moved by a commit\r\nreplicas: 3";

fn started() -> ScratchRepository {
    let scratch = ScratchRepository::new();
    scratch.commit_file(FILE, BEFORE, "start");
    scratch
}

fn values(scratch: &ScratchRepository) -> ValuesFile {
    ValuesFile::new(Repository::open(scratch.path()).unwrap(), "main", FILE)
}

fn key() -> Vec<String> {
    vec!["image".to_owned(), "tag".to_owned()]
}

fn step(values: &ValuesFile, from: &str, to: &str, intent: &str) -> Result<MoveDone, GitopsError> {
    values.move_value(&Move {
        key: &key(),
        from: Some(from),
        to,
        subject: "api 1.1.0 to production",
        intent: &EventId::from(intent.to_owned()),
        trailers: &[Trailer::new("Release-Record", "abc").unwrap()],
        at: Some(Timestamp::from_millis(1_767_300_000_000)),
    })
}

#[test]
fn a_move_is_one_commit_with_its_intent() {
    let scratch = started();
    let values = values(&scratch);
    let before = values.read(&key()).unwrap();
    assert_eq!(before.value.as_deref(), Some("1.0.0"));
    assert_eq!(before.commit.as_str(), scratch.head());
    let intent = EventId::from("intent-1".to_owned());
    assert_eq!(values.probe_intent(&intent).unwrap(), None);

    let done = step(&values, "1.0.0", "1.1.0", "intent-1").unwrap();
    assert_eq!(
        (done.repeated, &done.work_tree),
        (false, &WorkTree::Followed)
    );
    assert_eq!(
        scratch.read(FILE),
        BEFORE.replace("1.0.0", "1.1.0").into_bytes()
    );
    let found = values.probe_intent(&intent).unwrap().unwrap();
    assert_eq!(found.id, done.commit);
    assert_eq!(found.subject, "api 1.1.0 to production");
    assert_eq!(found.trailer(INTENT_TRAILER), Some("intent-1"));
    assert_eq!(found.trailer("Release-Record"), Some("abc"));

    let again = step(&values, "1.0.0", "1.1.0", "intent-1").unwrap();
    assert!(again.repeated);
    assert_eq!(again.commit, done.commit);
    assert_eq!(scratch.head(), done.commit.as_str());
}

#[test]
fn a_repeat_after_later_moves_changes_nothing() {
    let scratch = started();
    let values = values(&scratch);
    let up = step(&values, "1.0.0", "1.1.0", "up").unwrap();
    let down = step(&values, "1.1.0", "1.0.0", "down").unwrap();
    let again = step(&values, "1.0.0", "1.1.0", "up").unwrap();
    assert_eq!((again.repeated, again.commit), (true, up.commit));
    assert_eq!(scratch.head(), down.commit.as_str());
    assert_eq!(scratch.read(FILE), BEFORE.as_bytes());
}

#[test]
fn a_move_from_another_value_is_refused() {
    let scratch = started();
    let values = values(&scratch);
    let result = step(&values, "0.9.0", "1.1.0", "i");
    assert!(
        matches!(result, Err(GitopsError::Differs { .. })),
        "{result:?}"
    );
    step(&values, "1.0.0", "1.1.0", "i").unwrap();
    let result = step(&values, "1.0.0", "1.2.0", "i");
    assert!(
        matches!(result, Err(GitopsError::IntentMismatch { .. })),
        "{result:?}"
    );
}

#[test]
fn prose_that_names_an_intent_is_no_evidence() {
    let scratch = started();
    scratch.commit_file(
        "x",
        "1",
        "talk\n\nSwitchback-Intent: i was mentioned\nin passing",
    );
    scratch.commit_file("x", "2", "Switchback-Intent: i");
    let intent = EventId::from("i".to_owned());
    assert_eq!(values(&scratch).probe_intent(&intent).unwrap(), None);
}

#[test]
fn an_intent_on_a_side_branch_counts_only_once_it_is_in_the_first_parents() {
    let scratch = started();
    scratch.git(&["checkout", "--quiet", "-b", "side"]);
    scratch.commit_file("x", "1", "side\n\nSwitchback-Intent: i");
    scratch.git(&["checkout", "--quiet", "main"]);
    let intent = EventId::from("i".to_owned());
    assert_eq!(values(&scratch).probe_intent(&intent).unwrap(), None);
    scratch.git(&["merge", "--quiet", "--ff-only", "side"]);
    assert!(values(&scratch).probe_intent(&intent).unwrap().is_some());
}

/// Makes the move elsewhere and brings its objects here: a crash before the branch moved.
fn objects_only(scratch: &ScratchRepository) -> CommitId {
    let copy = scratch.clone_bare();
    let done = step(&values(&copy), "1.0.0", "1.1.0", "i").unwrap();
    let address = copy.path().to_str().unwrap();
    scratch.git(&["fetch", "--quiet", "--no-write-fetch-head", address, "main"]);
    done.commit
}

#[test]
fn every_crash_ends_in_the_same_state_when_repeated() {
    type Crash = fn(&ScratchRepository, &CommitId);
    let crashes: [(&str, bool, Crash); 4] = [
        ("before the branch moved", false, |_, _| {}),
        ("after the branch moved", true, |scratch, commit| {
            scratch.git(&["update-ref", "refs/heads/main", commit.as_str()]);
        }),
        ("after the file was written", true, |scratch, commit| {
            scratch.git(&["update-ref", "refs/heads/main", commit.as_str()]);
            scratch.write(FILE, BEFORE.replace("1.0.0", "1.1.0"));
        }),
        ("at the end", true, |scratch, commit| {
            scratch.git(&["reset", "--quiet", "--hard", commit.as_str()]);
        }),
    ];
    for (what, done, crash) in crashes {
        let scratch = started();
        // Something of the user's that has to survive.
        scratch.write("mine.txt", "mine\n");
        scratch.git(&["add", "mine.txt"]);
        let commit = objects_only(&scratch);
        crash(&scratch, &commit);
        if what == "at the end" {
            scratch.write("mine.txt", "mine\n");
            scratch.git(&["add", "mine.txt"]);
        }
        let values = values(&scratch);
        let probed = values.probe_intent(&EventId::from("i".to_owned())).unwrap();
        assert_eq!(probed.is_some(), done, "{what}");
        for repeated in [done, true] {
            let result = step(&values, "1.0.0", "1.1.0", "i").unwrap();
            assert_eq!(result.repeated, repeated, "{what}");
            assert_eq!(result.commit, commit, "{what}");
            assert_eq!(result.work_tree, WorkTree::Followed, "{what}");
        }
        assert_eq!(
            scratch.git(&["status", "--porcelain"]),
            "A  mine.txt",
            "{what}"
        );
        assert_eq!(
            scratch.read(FILE),
            BEFORE.replace("1.0.0", "1.1.0").into_bytes(),
            "{what}"
        );
        assert_eq!(scratch.git(&["rev-list", "--count", "main"]), "2", "{what}");
    }
}

#[test]
fn what_the_user_did_after_a_crash_is_left_alone() {
    let scratch = started();
    let commit = objects_only(&scratch);
    scratch.git(&["update-ref", "refs/heads/main", commit.as_str()]);
    scratch.write(FILE, "mine: 1\n");
    let result = step(&values(&scratch), "1.0.0", "1.1.0", "i").unwrap();
    assert!(
        matches!(result.work_tree, WorkTree::Behind { .. }),
        "{result:?}"
    );
    assert_eq!(scratch.read(FILE), b"mine: 1\n");
}

#[test]
fn a_stopped_mover_leaves_a_whole_commit_or_none() {
    // Git dies at its n-th call, whichever that is.
    for calls in 0..40 {
        let folder = tempfile::tempdir().unwrap();
        let scratch = ScratchRepository::at(folder.path().join("repository"));
        scratch.commit_file(FILE, BEFORE, "start");
        let counter = folder.path().join("count");
        fs::write(&counter, "0").unwrap();
        let program = folder.path().join("git");
        let script = format!(
            "#!/bin/sh\nn=$(cat '{0}')\necho $((n + 1)) > '{0}'\n\
             [ \"$n\" -ge {calls} ] && kill -9 $$\nexec /usr/bin/env git \"$@\"\n",
            counter.display()
        );
        fs::write(&program, script).unwrap();
        let mode = std::os::unix::fs::PermissionsExt::from_mode(0o755);
        fs::set_permissions(&program, mode).unwrap();
        let first = Repository::open_with(&program, scratch.path()).map(|repository| {
            step(
                &ValuesFile::new(repository, "main", FILE),
                "1.0.0",
                "1.1.0",
                "i",
            )
        });
        let count = scratch.git(&["rev-list", "--count", "main"]);
        let survived = matches!(first, Ok(Ok(_)));
        assert!(!survived || count == "2", "{calls}: {first:?}");
        let values = values(&scratch);
        let probed = values.probe_intent(&EventId::from("i".to_owned())).unwrap();
        assert_eq!(probed.is_some(), count == "2", "{calls}");
        let again = step(&values, "1.0.0", "1.1.0", "i").unwrap();
        assert_eq!(again.repeated, count == "2", "{calls}");
        assert_eq!(again.work_tree, WorkTree::Followed, "{calls}");
        assert_eq!(scratch.git(&["status", "--porcelain"]), "", "{calls}");
        assert_eq!(
            scratch.git(&["rev-list", "--count", "main"]),
            "2",
            "{calls}"
        );
        if matches!(
            first,
            Ok(Ok(MoveDone {
                work_tree: WorkTree::Followed,
                ..
            }))
        ) {
            assert!(calls > 10, "the script does not kill");
            return;
        }
    }
    panic!("the move never came to its end");
}

#[test]
fn two_movers_race_and_repeating_settles_it() {
    let bare = started().clone_bare();
    let barrier = std::sync::Barrier::new(2);
    let race = |to: &'static str| {
        let (values, barrier) = (values(&bare), &barrier);
        move || {
            barrier.wait();
            step(&values, "1.0.0", to, to)
        }
    };
    let (one, two) = (race("1.1.0"), race("1.2.0"));
    let results = std::thread::scope(|scope| {
        let (one, two) = (scope.spawn(one), scope.spawn(two));
        [one.join().unwrap(), two.join().unwrap()]
    });
    assert_eq!(results.iter().flatten().count(), 1, "{results:?}");
    let lost = results.into_iter().find_map(Result::err).unwrap();
    let told = matches!(
        lost,
        GitopsError::Git(GitError::Moved { .. }) | GitopsError::Differs { .. }
    );
    assert!(told, "{lost:?}");
    assert_eq!(bare.git(&["rev-list", "--count", "main"]), "2");
}

#[test]
fn the_same_intent_twice_at_once_is_one_commit() {
    let bare = started().clone_bare();
    let barrier = std::sync::Barrier::new(2);
    let results: Vec<_> = std::thread::scope(|scope| {
        let movers: Vec<_> = (0..2)
            .map(|_| {
                let (values, barrier) = (values(&bare), &barrier);
                scope.spawn(move || {
                    barrier.wait();
                    step(&values, "1.0.0", "1.1.0", "i")
                })
            })
            .collect();
        movers
            .into_iter()
            .map(|mover| mover.join().unwrap())
            .collect()
    });
    assert!(results.iter().any(Result::is_ok), "{results:?}");
    assert_eq!(bare.git(&["rev-list", "--count", "main"]), "2");
    assert!(
        step(&values(&bare), "1.0.0", "1.1.0", "i")
            .unwrap()
            .repeated
    );
}

#[test]
fn files_that_are_missing_or_unusable() {
    let scratch = started();
    let repository = Repository::open(scratch.path()).unwrap();
    let missing = ValuesFile::new(repository.clone(), "main", "none.yaml");
    assert!(matches!(
        missing.read(&key()),
        Err(GitopsError::NoFile { .. })
    ));
    let nowhere = ValuesFile::new(repository, "none", FILE);
    let result = nowhere.read(&key());
    assert!(matches!(
        result,
        Err(GitopsError::Git(GitError::UnknownRevision { .. }))
    ));
    scratch.commit_file(FILE, "image: {tag: 1, tag: 2}\n", "broken");
    let result = values(&scratch).read(&key());
    let Err(GitopsError::Values { source, .. }) = result else {
        panic!("{result:?}")
    };
    assert!(matches!(source, ValuesError::DuplicateKey { .. }));
}

#[test]
fn what_was_given_up_never_lands_and_what_landed_is_not_given_up() {
    let scratch = started();
    let values = values(&scratch);
    let intent = |name: &str| EventId::from(name.to_owned());
    assert!(!values.revoke(&intent("slow")).unwrap());
    let before = scratch.head();
    let late = step(&values, "1.0.0", "1.1.0", "slow");
    assert!(matches!(late, Err(GitopsError::Git(_))), "{late:?}");
    assert_eq!(scratch.head(), before);
    assert_eq!(scratch.read(FILE), BEFORE.as_bytes());
    // Twice is once, and others are not concerned.
    assert!(!values.revoke(&intent("slow")).unwrap());
    let done = step(&values, "1.0.0", "1.1.0", "other").unwrap();
    assert!(values.revoke(&intent("other")).unwrap());
    assert!(step(&values, "1.0.0", "1.1.0", "other").unwrap().repeated);
    assert_eq!(scratch.head(), done.commit.as_str());
}
