//! Which files differ, on real repositories.
#![cfg(unix)]
#![expect(
    clippy::unwrap_used,
    reason = "helpers of tests, outside of a test function"
)]

use switchback_supply::git::{CommitId, Repository};
use switchback_testkit::git::ScratchRepository;

fn head(scratch: &ScratchRepository) -> CommitId {
    scratch.git(&["rev-parse", "HEAD"]).parse().unwrap()
}

#[test]
fn the_work_tree_is_compared_with_a_commit() {
    let scratch = ScratchRepository::new();
    scratch.commit_file("a.sql", "1", "one");
    scratch.commit_file("gone.sql", "1", "two");
    scratch.commit_file(".gitignore", "*.log\n", "three");
    let base = head(&scratch);
    let repository = Repository::open(scratch.path()).unwrap();
    assert_eq!(repository.changed_since(&base).unwrap(), [""; 0]);
    scratch.commit_file("sub/ü b.sql", "1", "four");
    scratch.write("a.sql", "2");
    scratch.write("new.sql", "2");
    scratch.write("x.log", "2");
    std::fs::remove_file(scratch.path().join("gone.sql")).unwrap();
    assert_eq!(
        repository.changed_since(&base).unwrap(),
        ["a.sql", "new.sql", "sub/ü b.sql"]
    );
}

#[test]
fn each_commit_says_what_it_did() {
    let scratch = ScratchRepository::new();
    scratch.commit_file("a.sql", "1", "one");
    let base = head(&scratch);
    scratch.commit_file("b.sql", "1", "two: x");
    scratch.write("b.sql", "2");
    scratch.write("c.sql", "2");
    scratch.git(&["rm", "-q", "a.sql"]);
    scratch.git(&["add", "."]);
    scratch.git(&["commit", "-q", "-m", "three"]);
    let repository = Repository::open(scratch.path()).unwrap();
    let commits = repository.commits_between(&base, &head(&scratch)).unwrap();
    let shown: Vec<_> = commits
        .iter()
        .map(|it| {
            (
                it.subject.as_str(),
                it.added.join(" "),
                it.changed.join(" "),
                it.removed.join(" "),
            )
        })
        .collect();
    assert_eq!(
        shown,
        [
            (
                "three",
                "c.sql".to_owned(),
                "b.sql".to_owned(),
                "a.sql".to_owned()
            ),
            ("two: x", "b.sql".to_owned(), String::new(), String::new()),
        ]
    );
    assert_eq!(
        repository.merge_base(&base, &head(&scratch)).unwrap(),
        Some(base.clone())
    );
    scratch.git(&["checkout", "-q", "--orphan", "other"]);
    scratch.commit_file("z", "1", "alone");
    assert_eq!(repository.merge_base(&base, &head(&scratch)).unwrap(), None);
}
