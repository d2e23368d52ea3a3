//! Objects that are damaged or gone: an error with a name, never another answer.

use std::fs;
use std::path::{Path, PathBuf};

use switchback_supply::git::log::{Commit, History, HistoryError, ObjectId, Range};
use switchback_testkit::git::ScratchRepository;

use super::{id, open};

fn started() -> (ScratchRepository, Vec<ObjectId>) {
    let scratch = ScratchRepository::new();
    let mut made = Vec::new();
    for number in 0..4 {
        let text = format!("{number}\n").repeat(50);
        let message = format!("feat: number {number}\n\n{}", "a long body\n".repeat(20));
        made.push(id(&scratch.commit_file("folder/file", text, &message)));
    }
    made.reverse();
    (scratch, made)
}

fn loose(scratch: &ScratchRepository, id: ObjectId) -> PathBuf {
    let hex = id.to_string();
    scratch
        .path()
        .join(".git/objects")
        .join(&hex[..2])
        .join(&hex[2..])
}

fn overwrite(path: &Path, bytes: &[u8]) {
    // Objects are written read-only.
    fs::remove_file(path).unwrap();
    fs::write(path, bytes).unwrap();
}

fn everything(history: &History, tip: ObjectId) -> Result<Vec<Commit>, HistoryError> {
    let commits: Vec<Commit> = history.walk(&Range::all(tip))?.collect::<Result<_, _>>()?;
    for commit in &commits {
        history.changed_paths(commit.id)?;
        history.read(commit.id, "folder/file", 1_000)?;
    }
    Ok(commits)
}

#[test]
fn a_commit_that_is_gone_is_named() {
    let (scratch, made) = started();
    fs::remove_file(loose(&scratch, made[2])).unwrap();
    let mut walk = open(&scratch)
        .walk(&Range::all(made[0]))
        .unwrap()
        .map(|c| c.map(|c| c.id))
        .collect::<Vec<_>>();
    let last = walk.pop().unwrap();
    assert!(
        matches!(last, Err(HistoryError::Missing { id, promised: false }) if id == made[2]),
        "{last:?}"
    );
    assert!(walk.iter().all(Result::is_ok));
}

#[test]
fn a_loose_object_that_is_damaged_is_named() {
    let (scratch, made) = started();
    let path = loose(&scratch, made[1]);
    let whole = fs::read(&path).unwrap();
    let expected = everything(&open(&scratch), made[0]).unwrap();
    for end in [0, 1, 10, whole.len() / 2, whole.len() - 5] {
        overwrite(&path, &whole[..end]);
        let found = everything(&open(&scratch), made[0]);
        let named = matches!(
            &found,
            Err(HistoryError::Corrupt { id, .. } | HistoryError::Missing { id, .. }) if *id == made[1]
        );
        assert!(named, "cut after {end}: {found:?}");
    }
    for at in 0..whole.len() {
        let mut bytes = whole.clone();
        bytes[at] ^= 0x10;
        overwrite(&path, &bytes);
        // Not every bit matters to a decompressor; another answer must not come out.
        if let Ok(found) = everything(&open(&scratch), made[0]) {
            assert_eq!(found, expected, "byte {at}");
        }
    }
}

#[test]
fn a_pack_that_is_damaged_gives_no_other_answer() {
    let (scratch, made) = started();
    let expected = everything(&open(&scratch), made[0]).unwrap();
    scratch.git(&["gc", "--quiet"]);
    let folder = scratch.path().join(".git/objects/pack");
    let files = fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path());
    let pack = files
        .into_iter()
        .find(|path| path.extension().is_some_and(|e| e == "pack"));
    let pack = pack.unwrap();
    let whole = fs::read(&pack).unwrap();
    let mut errors = 0;
    for at in 0..whole.len() - 20 {
        let mut bytes = whole.clone();
        bytes[at] ^= 1 << (at % 8);
        overwrite(&pack, &bytes);
        let found = History::open(scratch.path()).and_then(|history| everything(&history, made[0]));
        match found {
            Ok(found) => assert_eq!(found, expected, "byte {at}"),
            Err(_) => errors += 1,
        }
    }
    assert!(errors * 10 > whole.len() * 8, "{errors} of {}", whole.len());
    overwrite(&pack, &whole);
    assert_eq!(everything(&open(&scratch), made[0]).unwrap(), expected);
}

#[test]
fn an_object_of_another_kind_is_said_to_be_one() {
    let (scratch, made) = started();
    let tree = id(&scratch.git(&["rev-parse", "HEAD^{tree}"]));
    let history = open(&scratch);
    assert!(matches!(
        history.commit(tree),
        Err(HistoryError::WrongKind { .. })
    ));
    let walk = history.walk(&Range::all(tree));
    assert!(matches!(walk, Err(HistoryError::WrongKind { .. })));
    assert!(history.commit(made[0]).is_ok());
}
