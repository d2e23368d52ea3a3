//! Clones whose history is cut, and clones that left objects out.

use std::path::PathBuf;

use switchback_supply::git::log::{History, HistoryError, ObjectId, Range};
use switchback_testkit::git::ScratchRepository;
use tempfile::TempDir;

use super::{ids, rev, rev_list, walked};

/// Ten commits in a row, and a side line from the second that is merged in the eighth.
fn source() -> ScratchRepository {
    let scratch = ScratchRepository::new();
    for number in 0..7 {
        scratch.commit_file("a/file", number.to_string(), &format!("main {number}"));
        scratch.git(&["tag", &format!("v{number}")]);
        if number == 1 {
            scratch.git(&["branch", "side"]);
        }
    }
    scratch.git(&["checkout", "-q", "side"]);
    scratch.commit_file("side", "1", "side");
    scratch.git(&["checkout", "-q", "main"]);
    scratch.git(&["merge", "-q", "--no-ff", "-m", "merge", "side"]);
    scratch.commit_file("a/file", "8", "main 8");
    scratch.commit_file("a/file", "9", "main 9");
    scratch
}

fn clone(source: &ScratchRepository, options: &[&str]) -> (TempDir, PathBuf, ScratchRepository) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("clone");
    source.git(&["config", "uploadpack.allowFilter", "true"]);
    let url = format!("file://{}", source.path().display());
    let mut args = vec!["clone", "--quiet", "--no-local"];
    args.extend_from_slice(options);
    args.extend([url.as_str(), path.to_str().unwrap()]);
    source.git(&args);
    let copy = ScratchRepository::at(&path);
    (folder, path, copy)
}

fn boundary(error: Option<HistoryError>) -> Vec<ObjectId> {
    match error {
        Some(HistoryError::Shallow { boundary }) => boundary,
        other => panic!("{other:?}"),
    }
}

#[test]
fn what_lies_beyond_a_cut_is_an_error_and_what_does_not_is_none() {
    let source = source();
    let (_folder, path, copy) = clone(&source, &["--depth=4"]);
    let history = History::open(&path).unwrap();
    let head = rev(&copy, "HEAD");
    let mut cuts = history.shallow_boundary().to_vec();
    // Behind the merge: `main 6` on the one side, `side` on the other.
    assert_eq!(cuts.len(), 2, "{cuts:?}");
    cuts.sort_unstable();

    let (found, error) = walked(&history, &Range::all(head));
    assert!(!boundary(error).is_empty());
    assert!(found.len() >= 3 && found.len() <= 5, "{found:?}");
    let present = rev_list(&copy, &["HEAD"]);
    assert_eq!(ids(&history, &Range::all(head).up_to_cuts()), present);
    assert_eq!(present.len(), 5);
    let last = history
        .walk(&Range::all(head).up_to_cuts())
        .unwrap()
        .last()
        .unwrap()
        .unwrap();
    assert!(last.cut && !last.parents.is_empty());

    // The last three need nothing that is not there.
    let merge = rev(&copy, "HEAD~2");
    assert_eq!(ids(&history, &Range::since(merge, head)).len(), 2);
    assert!(history.is_ancestor(merge, head).unwrap());
    assert_eq!(history.merge_base(merge, head).unwrap(), Some(merge));
    // From one parent of the merge on the other one is wanted, and cut.
    let (found, error) = walked(&history, &Range::since(rev(&copy, "HEAD~2^1"), head));
    assert_eq!(
        (found.len(), boundary(error)),
        (0, vec![rev(&copy, "HEAD~2^2")])
    );
    // Whether the one side is before the other is not known.
    let (one, other) = (rev(&copy, "HEAD~2^1"), rev(&copy, "HEAD~2^2"));
    for error in [
        history.is_ancestor(one, other).err(),
        history.merge_base(one, other).err(),
        history.changed_paths(one).err(),
    ] {
        assert!(!boundary(error).is_empty());
    }
    // So it is with an outline.
    let outline = history.outline([head]);
    assert_eq!(
        outline.since(merge, head).unwrap(),
        ids(&history, &Range::since(merge, head))
    );
    assert!(outline.is_ancestor(merge, head).unwrap());
    assert_eq!(
        boundary(outline.is_ancestor(one, other).err()),
        boundary(history.is_ancestor(one, other).err())
    );
    assert_eq!(boundary(outline.since(one, head).err()), vec![other]);
    // A nearest tag that is there is found; a further one could be anywhere.
    copy.git(&["tag", "near", "HEAD~1"]);
    let tags = history.tags().unwrap();
    let mut tagged = history.tagged(&Range::all(head), &tags).unwrap();
    assert_eq!(tagged.next().unwrap().unwrap().tags[0].name, "near");
    let rest = tagged.find_map(Result::err);
    assert!(!boundary(rest).is_empty());
}

#[test]
fn a_clone_of_depth_one_has_no_past() {
    let (_folder, path, copy) = clone(&source(), &["--depth=1"]);
    let history = History::open(&path).unwrap();
    let head = rev(&copy, "HEAD");
    assert_eq!(history.shallow_boundary(), [head]);
    let (found, error) = walked(&history, &Range::all(head));
    assert_eq!((found, boundary(error)), (vec![head], vec![head]));
    let text = HistoryError::Shallow {
        boundary: vec![head],
    }
    .to_string();
    assert!(text.contains(&head.short()), "{text}");
}

#[test]
fn a_whole_clone_is_not_cut() {
    let (_folder, path, copy) = clone(&source(), &[]);
    let history = History::open(&path).unwrap();
    assert!(history.shallow_boundary().is_empty());
    assert_eq!(ids(&history, &Range::all(rev(&copy, "HEAD"))).len(), 11);
}

#[test]
fn what_a_partial_clone_left_out_is_missing_and_says_so() {
    let (_folder, path, copy) = clone(&source(), &["--filter=blob:none", "--no-checkout"]);
    let history = History::open(&path).unwrap();
    let head = rev(&copy, "HEAD");
    assert_eq!(ids(&history, &Range::all(head)).len(), 11);
    assert_eq!(history.changed_paths(head).unwrap().len(), 1);
    match history.read(head, "a/file", 99) {
        Err(error @ HistoryError::Missing { promised: true, .. }) => {
            assert!(error.to_string().contains("partial clone"), "{error}");
        }
        other => panic!("{other:?}"),
    }
}
