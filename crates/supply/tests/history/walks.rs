//! Which commits come, in which order, and what is in them.

use switchback_supply::git::log::{Commit, History, Order, Range};
use switchback_testkit::git::{FIRST_COMMIT, ScratchRepository};

use super::{commits, git_with_input, id, ids, open, raw_commit, rev, rev_list};

/// Merges, an octopus, and lines that go side by side.
fn merged() -> ScratchRepository {
    let scratch = ScratchRepository::new();
    scratch.commit_file("a", "0", "root");
    for branch in ["one", "two", "three"] {
        scratch.git(&["checkout", "-q", "-b", branch, "main"]);
        scratch.commit_file(branch, "1", &format!("{branch} 1"));
        scratch.commit_file(branch, "2", &format!("{branch} 2"));
    }
    scratch.git(&["checkout", "-q", "main"]);
    scratch.commit_file("a", "1", "main 1");
    scratch.git(&[
        "merge", "-q", "--no-ff", "-m", "octopus", "one", "two", "three",
    ]);
    scratch.git(&["checkout", "-q", "one"]);
    scratch.commit_file("one", "3", "one 3");
    scratch.git(&["checkout", "-q", "main"]);
    scratch.git(&["merge", "-q", "--no-ff", "-m", "again", "one"]);
    scratch.commit_file("a", "2", "main 2");
    scratch
}

#[test]
fn walks_are_as_git_log_would() {
    let scratch = merged();
    for graph in [false, true] {
        if graph {
            scratch.git(&["gc", "--quiet"]);
            scratch.git(&["commit-graph", "write", "--reachable"]);
        }
        let history = open(&scratch);
        assert_eq!(history.has_commit_graph(), graph);
        let head = rev(&scratch, "main");
        let range = |base: Option<&str>| match base {
            Some(base) => Range::since(rev(&scratch, base), head),
            None => Range::all(head),
        };
        for base in [
            None,
            Some("one~1"),
            Some("two"),
            Some("main~1"),
            Some("three~2"),
            Some("main"),
        ] {
            for (order, option) in [
                (Order::Date, "--no-walk=unsorted"),
                (Order::DateTopological, "--date-order"),
                (Order::Topological, "--topo-order"),
            ] {
                for first_parent in [false, true] {
                    let mut args = vec!["main"];
                    if order != Order::Date {
                        args.push(option);
                    }
                    let mut range = range(base).order(order);
                    if first_parent {
                        args.push("--first-parent");
                        range = range.first_parent();
                    }
                    let hidden = base.map(|base| format!("^{base}"));
                    args.extend(hidden.as_deref());
                    let expected = rev_list(&scratch, &args);
                    assert_eq!(ids(&history, &range), expected, "{args:?}");
                }
            }
        }
        let both = Range::all(rev(&scratch, "one")).and(rev(&scratch, "two"));
        let hidden = both
            .hide(rev(&scratch, "three"))
            .hide(rev(&scratch, "main~2^1"));
        let expected = rev_list(&scratch, &["one", "two", "^three", "^main~2^1"]);
        assert_eq!(ids(&history, &hidden), expected);
    }
}

#[test]
fn a_commit_says_what_git_says() {
    let scratch = ScratchRepository::new();
    scratch.write("a", "1");
    scratch.git(&["add", "a"]);
    scratch.git(&[
        "commit",
        "-q",
        "-m",
        "subject\n\nbody\n",
        "--author=Zoë <z@example.org>",
        "--date=1767225600 -0330",
    ]);
    let history = open(&scratch);
    let commit = history.commit(history.head().unwrap()).unwrap();
    assert_eq!(commit.message(), b"subject\n\nbody\n");
    assert_eq!(commit.author(), "Zoë <z@example.org>".as_bytes());
    let (author, committer) = (commit.author_time.unwrap(), commit.committer_time.unwrap());
    assert_eq!(
        (author.seconds, author.offset_minutes),
        (1_767_225_600, -210)
    );
    assert_eq!(committer.seconds, FIRST_COMMIT.cast_signed());
    assert_eq!(committer.timestamp().as_millis(), 1_767_225_600_000);
    assert_eq!(commit.tree, id(&scratch.git(&["rev-parse", "HEAD^{tree}"])));
    assert!(commit.parents.is_empty() && !commit.cut);
}

#[test]
fn messages_are_bytes() {
    let scratch = ScratchRepository::new();
    let who = "author A <a@b> 10 +0000\ncommitter A <a@b> 10 +0000\n";
    let big = vec![b'x'; 5 << 20];
    let bodies: [&[u8]; 7] = [
        b"\xff\xfe not UTF-8 \xe9\n",
        b"",
        b"\n\n\nleading lines",
        b"nul \0 inside\n",
        b"no line break at the end",
        b"fix: \r\n\r\nCRLF\r\n",
        &big,
    ];
    let mut parent: Option<String> = None;
    let mut expected: Vec<(&[u8], String)> = Vec::new();
    for body in bodies {
        let mut rest = who.as_bytes().to_vec();
        rest.push(b'\n');
        rest.extend_from_slice(body);
        let parents: Vec<&str> = parent.as_deref().into_iter().collect();
        let made = raw_commit(&scratch, &parents, &rest).to_string();
        expected.push((body, made.clone()));
        parent = Some(made);
    }
    let tip = id(&parent.unwrap());
    scratch.git(&["update-ref", "refs/heads/main", &tip.to_string()]);
    for packed in [false, true] {
        if packed {
            scratch.git(&["gc", "--quiet"]);
        }
        let history = open(&scratch);
        for range in [Range::all(tip), Range::all(tip).order(Order::Topological)] {
            let found = commits(&history, &range);
            let found = found.iter().rev().map(|c| (c.message(), c.id.to_string()));
            assert!(found.eq(expected.iter().cloned()), "packed: {packed}");
        }
    }
}

#[test]
fn badly_written_commits_are_commits() {
    let scratch = ScratchRepository::new();
    let root = raw_commit(
        &scratch,
        &[],
        b"author nobody\ncommitter nobody\n\nno times",
    );
    let second = raw_commit(
        &scratch,
        &[&root.to_string()],
        b"author A <a> 5 +0000\ncommitter A <a> 99999999999999999999999 +0000\nencoding latin1\n\n\xe9",
    );
    let history = open(&scratch);
    let found = commits(&history, &Range::all(second));
    assert_eq!(
        found.iter().map(|c| c.id).collect::<Vec<_>>(),
        [second, root]
    );
    assert_eq!(
        (found[0].encoding(), found[0].message()),
        (Some(&b"latin1"[..]), &b"\xe9"[..])
    );
    assert_eq!(found[0].committer_time, None);
    assert_eq!(found[0].author_time.unwrap().seconds, 5);
    assert_eq!(
        (found[1].author(), found[1].author_time),
        (&b"nobody"[..], None)
    );
}

#[test]
fn replacements_are_not_followed() {
    let scratch = ScratchRepository::new();
    let one = scratch.commit_file("a", "1", "one");
    let two = scratch.commit_file("a", "2", "two");
    scratch.git(&["replace", &two, &one]);
    let history = open(&scratch);
    let found: Vec<Commit> = commits(&history, &Range::all(id(&two)));
    assert_eq!(
        found.iter().map(|c| c.id).collect::<Vec<_>>(),
        [id(&two), id(&one)]
    );
    assert_eq!(found[0].message(), b"two\n");
}

#[test]
fn a_damaged_commit_graph_is_as_good_as_none() {
    let scratch = merged();
    scratch.git(&["commit-graph", "write", "--reachable"]);
    let file = scratch.path().join(".git/objects/info/commit-graph");
    let whole = std::fs::read(&file).unwrap();
    let expected = rev_list(&scratch, &["main", "^two"]);
    let range = Range::since(rev(&scratch, "two"), rev(&scratch, "main"));
    let read = |bytes: &[u8]| {
        // It is not writable for anybody.
        std::fs::remove_file(&file).unwrap();
        std::fs::write(&file, bytes).unwrap();
        let history = History::open(scratch.path()).unwrap();
        (history.has_commit_graph(), ids(&history, &range))
    };
    for end in [0, 4, 20, whole.len() / 2] {
        assert_eq!(read(&whole[..end]), (false, expected.clone()), "{end}");
    }
    assert_eq!(read(&whole), (true, expected));
}

#[test]
fn a_base_beside_the_line_hides_only_what_it_has() {
    // A long-lived release branch: the base is no ancestor of the tip.
    let scratch = ScratchRepository::new();
    scratch.commit_file("a", "0", "root");
    scratch.git(&["checkout", "-q", "-b", "release"]);
    for number in 0..5 {
        scratch.commit_file("r", number.to_string(), "on the release branch");
    }
    scratch.git(&["checkout", "-q", "main"]);
    scratch.commit_file("a", "1", "after");
    let history = open(&scratch);
    let (base, tip) = (rev(&scratch, "release"), rev(&scratch, "main"));
    assert_eq!(ids(&history, &Range::since(base, tip)), [tip]);
    assert!(!history.is_ancestor(base, tip).unwrap());
    assert_eq!(
        history.merge_base(base, tip).unwrap(),
        Some(rev(&scratch, "main~1"))
    );
    let alone = id(&git_with_input(
        &scratch,
        &["commit-tree", "-m", "alone", "HEAD^{tree}"],
        b"",
    ));
    assert_eq!(history.merge_base(alone, tip).unwrap(), None);
    assert_eq!(history.merge_bases(tip, tip).unwrap(), [tip]);
}
