//! Random histories: `git` is the judge of what is reachable, in which order, and of what changed.

use std::collections::HashSet;
use std::fmt::Write as _;

use proptest::prelude::*;
use switchback_supply::git::log::{History, ObjectId, Order, Prefixes, Range};
use switchback_testkit::git::ScratchRepository;

use super::{git_with_input, id, ids, rev_list};

/// One commit: which earlier ones it follows (counted back), how much later than the newest of them
/// it is in seconds, and which files it writes or removes.
#[derive(Debug, Clone)]
struct Made {
    parents: Vec<usize>,
    later: i64,
    files: Vec<(usize, Option<u8>)>,
}

const FILES: [&str; 8] = ["a", "a.b", "a/x", "a/y/z", "b/x", "b-c", "b/x/deep", "c"];

fn made() -> impl Strategy<Value = Made> {
    let parents = prop_oneof![
        1 => Just(vec![]),
        10 => prop::collection::vec(0_usize..3, 1),
        4 => prop::collection::vec(0_usize..8, 2),
        1 => prop::collection::vec(0_usize..8, 3..5),
    ];
    let file = (0..FILES.len(), prop::option::weighted(0.8, 0_u8..3));
    (parents, 0_i64..3, prop::collection::vec(file, 0..3)).prop_map(|(parents, later, files)| {
        Made {
            parents,
            later,
            files,
        }
    })
}

/// A history of one repository. With `skewed` clocks dates have nothing to do with the order.
fn history(skewed: bool) -> impl Strategy<Value = Vec<(Made, i64)>> {
    let skew = if skewed { -500_i64..500 } else { 0..1 };
    prop::collection::vec((made(), skew), 1..40)
}

/// Makes it with `fast-import`, and gives the commits in the order in which they were made.
fn build(commits: &[(Made, i64)]) -> (ScratchRepository, Vec<ObjectId>) {
    let scratch = ScratchRepository::bare();
    let mut stream = String::new();
    let mut dates: Vec<i64> = Vec::new();
    for (number, (made, skew)) in commits.iter().enumerate() {
        let mut parents: Vec<usize> = Vec::new();
        for back in &made.parents {
            let parent = number.checked_sub(back + 1);
            parents.extend(parent.filter(|parent| !parents.contains(parent)));
        }
        let newest = parents.iter().map(|parent| dates[*parent]).max();
        let date = newest.unwrap_or(1_000_000) + made.later;
        dates.push(date);
        let shown = date + skew;
        writeln!(stream, "reset refs/heads/c{number}").unwrap();
        writeln!(stream, "commit refs/heads/c{number}\nmark :{}", number + 1).unwrap();
        writeln!(
            stream,
            "committer A <a@b> {shown} +0000\ndata <<E\nnumber {number}\nE"
        )
        .unwrap();
        for (position, parent) in parents.iter().enumerate() {
            let word = if position == 0 { "from" } else { "merge" };
            writeln!(stream, "{word} :{}", parent + 1).unwrap();
        }
        for (file, contents) in &made.files {
            match contents {
                Some(value) => {
                    writeln!(stream, "M 644 inline {}\ndata 1\n{value}", FILES[*file]).unwrap();
                }
                None => writeln!(stream, "D {}", FILES[*file]).unwrap(),
            }
        }
        stream.push('\n');
    }
    git_with_input(
        &scratch,
        &["fast-import", "--quiet", "--force"],
        stream.as_bytes(),
    );
    let names: Vec<String> = (0..commits.len())
        .map(|n| format!("refs/heads/c{n}"))
        .collect();
    let mut args = vec!["rev-parse"];
    args.extend(names.iter().map(String::as_str));
    let ids = scratch.git(&args).lines().map(id).collect();
    (scratch, ids)
}

fn check_walks(skewed: bool, commits: &[(Made, i64)], graph: bool, picks: &[prop::sample::Index]) {
    let (scratch, made) = build(commits);
    if graph {
        scratch.git(&["commit-graph", "write", "--reachable"]);
    }
    let history = History::open(scratch.path()).unwrap();
    assert_eq!(history.has_commit_graph(), graph);
    let tip = made[made.len() - 1];
    let hidden: Vec<ObjectId> = picks.iter().map(|pick| *pick.get(&made)).collect();
    let name = tip.to_string();
    let minus: Vec<String> = hidden.iter().map(|id| format!("^{id}")).collect();

    // What is hidden, exactly: `git` itself may stop too early when clocks are wrong.
    let behind: HashSet<ObjectId> = hidden
        .iter()
        .flat_map(|id| rev_list(&scratch, &[&id.to_string()]))
        .collect();
    let range = hidden
        .iter()
        .fold(Range::all(tip), |range, id| range.hide(*id));
    let all = rev_list(&scratch, &[&name]);
    assert_eq!(ids(&history, &Range::all(tip)), all, "everything");
    let exact: Vec<ObjectId> = all
        .iter()
        .filter(|id| !behind.contains(*id))
        .copied()
        .collect();
    assert_eq!(ids(&history, &range), exact, "without {hidden:?}");

    for (order, option) in [
        (Order::DateTopological, "--date-order"),
        (Order::Topological, "--topo-order"),
    ] {
        let expected = rev_list(&scratch, &[option, &name]);
        assert_eq!(
            ids(&history, &Range::all(tip).order(order)),
            expected,
            "{option}"
        );
        let mut args = vec![option, name.as_str()];
        if !skewed {
            args.extend(minus.iter().map(String::as_str));
            let expected = rev_list(&scratch, &args);
            assert_eq!(
                ids(&history, &range.clone().order(order)),
                expected,
                "{args:?}"
            );
        }
    }
    let first = rev_list(&scratch, &["--first-parent", &name]);
    assert_eq!(ids(&history, &Range::all(tip).first_parent()), first);
    let first: Vec<ObjectId> = first
        .into_iter()
        .filter(|id| !behind.contains(id))
        .collect();
    assert_eq!(ids(&history, &range.first_parent()), first);

    // Of the whole, and of a part: what is not in it is asked of the history.
    let outlines = [history.outline(made.clone()), history.outline([tip])];
    for other in hidden {
        let since = rev_list(&scratch, &[&other.to_string()]);
        let since = all.iter().filter(|id| !since.contains(id)).copied();
        let since: Vec<ObjectId> = since.collect();
        for outline in &outlines {
            assert_eq!(outline.since(other, tip).unwrap(), since, "since {other}");
            assert_eq!(
                outline.since(tip, other).unwrap(),
                ids(&history, &Range::since(tip, other))
            );
            for (one, other) in [(other, tip), (tip, other)] {
                assert_eq!(
                    outline.is_ancestor(one, other).unwrap(),
                    history.is_ancestor(one, other).unwrap()
                );
            }
        }
        let ancestor = scratch.try_git(&["merge-base", "--is-ancestor", &other.to_string(), &name]);
        assert_eq!(
            history.is_ancestor(other, tip).unwrap(),
            ancestor.status.success()
        );
        let bases = scratch.try_git(&["merge-base", "--all", &other.to_string(), &name]);
        let bases: HashSet<ObjectId> = String::from_utf8(bases.stdout)
            .unwrap()
            .lines()
            .map(id)
            .collect();
        let found = history.merge_bases(other, tip).unwrap();
        assert_eq!(found.iter().copied().collect::<HashSet<_>>(), bases);
        assert_eq!(found.len(), bases.len());
    }
}

fn check_contents(commits: &[(Made, i64)]) {
    let (scratch, made) = build(commits);
    let history = History::open(scratch.path()).unwrap();
    let prefixes = ["a", "a/y", "a.b", "b", "b/x/deep", "c", "", "a/x"];
    let parsed = Prefixes::new(prefixes).unwrap();
    for (number, commit) in made.iter().enumerate() {
        let found = history.commit(*commit).unwrap();
        assert_eq!(found.message(), format!("number {number}\n").as_bytes());
        let parents: Vec<String> = found.parents.iter().map(ToString::to_string).collect();
        assert_eq!(
            parents.join(" "),
            scratch.git(&["log", "-1", "--format=%P", &commit.to_string()])
        );

        let changed = history.changed_paths(*commit).unwrap();
        let changed: HashSet<String> = changed
            .into_iter()
            .map(|c| String::from_utf8(c.path).unwrap())
            .collect();
        let name = commit.to_string();
        let parent = format!("{commit}^1");
        let diff = ["diff-tree", "-r", "--no-renames", "--name-only"];
        let against: &[&str] = match found.parents.is_empty() {
            true => &["--root", "--no-commit-id", &name],
            false => &[&parent, &name],
        };
        let expected = scratch.git(&[&diff[..], against].concat());
        let expected: HashSet<String> = expected.lines().map(str::to_owned).collect();
        assert_eq!(changed, expected);

        let touched = history.touched(*commit, &parsed).unwrap();
        for (prefix, touched) in prefixes.iter().zip(touched) {
            let below = format!("{prefix}/");
            let hit =
                |path: &String| prefix.is_empty() || path == prefix || path.starts_with(&below);
            assert_eq!(touched, expected.iter().any(hit), "{prefix}");
        }
        let listed = history.list(*commit, "").unwrap();
        let listed: Vec<String> = listed
            .into_iter()
            .map(|entry| String::from_utf8(entry.path).unwrap())
            .collect();
        let expected = scratch.git(&["ls-tree", "-r", "--name-only", &name]);
        assert_eq!(listed, expected.lines().collect::<Vec<_>>());
    }
}

proptest! {
    // Each case starts some dozen processes.
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn walks_agree_with_git(
        commits in history(false),
        graph: bool,
        picks in prop::collection::vec(any::<prop::sample::Index>(), 1..3),
    ) {
        check_walks(false, &commits, graph, &picks);
    }

    #[test]
    fn walks_are_right_when_clocks_are_wrong(
        commits in history(true),
        graph: bool,
        picks in prop::collection::vec(any::<prop::sample::Index>(), 1..3),
    ) {
        check_walks(true, &commits, graph, &picks);
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(6))]

    #[test]
    fn contents_and_paths_agree_with_git(commits in history(false)) {
        check_contents(&commits);
    }
}
