//! A repository of the caller's choice, with a history that nobody made up. Opt-in: without
//! `SWITCHBACK_BENCH_REPOSITORY` it says that it was skipped.

use std::collections::HashMap;
use std::path::PathBuf;

use switchback_supply::git::log::{History, ObjectId, Order, Range};
use switchback_testkit::git::ScratchRepository;

use super::{commits, id, ids, rev_list};

/// How many ranges and commits are looked at.
const RANGES: usize = 40;
const COMMITS: usize = 400;

fn repository() -> Option<ScratchRepository> {
    let path = std::env::var_os("SWITCHBACK_BENCH_REPOSITORY").map(PathBuf::from)?;
    Some(ScratchRepository::existing(path))
}

#[test]
fn a_repository_of_somebody_is_read_as_git_does() {
    let Some(scratch) = repository() else {
        println!("skipped: SWITCHBACK_BENCH_REPOSITORY names no repository");
        return;
    };
    let history = History::open(scratch.path()).unwrap();
    let head = history.head().unwrap();
    assert_eq!(head, id(&scratch.git(&["rev-parse", "HEAD"])));

    let all = commits(&history, &Range::all(head));
    let lines: Vec<String> = all.iter().map(|c| format!("{}\n", c.id)).collect();
    let expected = scratch.git(&["rev-list", "--parents", "HEAD", "--"]);
    let found = all.iter().map(|c| {
        let parents = c
            .parents
            .iter()
            .map(|id| format!(" {id}"))
            .collect::<String>();
        format!("{}{parents}", c.id)
    });
    assert!(
        found.eq(expected.lines().map(str::to_owned)),
        "order and parents"
    );
    for (order, option) in [
        (Order::DateTopological, "--date-order"),
        (Order::Topological, "--topo-order"),
    ] {
        let expected = rev_list(&scratch, &[option, "HEAD"]);
        assert!(
            ids(&history, &Range::all(head).order(order)) == expected,
            "{option}"
        );
    }

    // The bytes of each commit, through Git's own reader.
    let some: Vec<String> = lines
        .iter()
        .step_by(lines.len() / COMMITS + 1)
        .cloned()
        .collect();
    let by_id: HashMap<ObjectId, _> = all.iter().map(|c| (c.id, c)).collect();
    for name in &some {
        let commit = by_id[&id(name.trim())];
        let raw = scratch.try_git(&["cat-file", "commit", name.trim()]).stdout;
        let blank = raw.windows(2).position(|pair| pair == b"\n\n").unwrap();
        assert_eq!(commit.message(), &raw[blank + 2..], "{name}");

        let parent = commit.parents.first().map(ToString::to_string);
        let mut args = vec!["diff-tree", "-r", "--no-renames", "--name-only", "-z"];
        match &parent {
            Some(parent) => args.push(parent),
            None => args.extend(["--root", "--no-commit-id"]),
        }
        args.push(name.trim());
        let expected = String::from_utf8(scratch.try_git(&args).stdout).unwrap();
        let mut expected: Vec<&str> = expected.split_terminator('\0').collect();
        expected.sort_unstable();
        let found = history.changed_paths(commit.id).unwrap();
        let found: Vec<String> = found
            .into_iter()
            .map(|c| String::from_utf8(c.path).unwrap())
            .collect();
        assert_eq!(found, expected, "{name}");
    }

    let tags = history.tags().unwrap();
    let format = "--format=%(refname:lstrip=2) %(objectname) %(*objectname)";
    let names = scratch.git(&["for-each-ref", format, "refs/tags"]);
    assert_eq!(
        tags.all().len() + tags.broken().len(),
        names.lines().count()
    );
    for line in names.lines() {
        let parts: Vec<&str> = line.split(' ').collect();
        let tag = tags.named(parts[0]).unwrap();
        // The last line comes without the blank at its end.
        let peeled = parts.get(2).filter(|peeled| !peeled.is_empty());
        let target = peeled.unwrap_or(&parts[1]);
        assert_eq!(
            (tag.object, tag.target),
            (id(parts[1]), id(target)),
            "{line}"
        );
    }
    let sorted = history.sort_tags(&tags);
    for (place, tag) in sorted
        .commits
        .iter()
        .enumerate()
        .step_by(sorted.commits.len() / RANGES + 1)
    {
        let other = sorted.commits[sorted.commits.len() - 1 - place];
        let (base, tip) = (tag.target.to_string(), other.target.to_string());
        let expected = rev_list(&scratch, &[&tip, &format!("^{base}")]);
        let found = ids(&history, &Range::since(tag.target, other.target));
        assert!(
            found == expected,
            "{}..{}: {} for {}",
            tag.name,
            other.name,
            found.len(),
            expected.len()
        );
        let bases = scratch
            .try_git(&["merge-base", "--all", &base, &tip])
            .stdout;
        let mut bases: Vec<ObjectId> = String::from_utf8(bases).unwrap().lines().map(id).collect();
        bases.sort_unstable();
        let mut found = history.merge_bases(tag.target, other.target).unwrap();
        found.sort_unstable();
        assert_eq!(found, bases, "{} and {}", tag.name, other.name);
        let ancestor = scratch.try_git(&["merge-base", "--is-ancestor", &base, &tip]);
        let found = history.is_ancestor(tag.target, other.target).unwrap();
        assert_eq!(found, ancestor.status.success());
    }
}
