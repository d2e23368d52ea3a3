use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::io::Write as _;
use std::process::{Command, Stdio};

use switchback_testkit::git::ScratchRepository;

use super::*;

/// Numbers that are the same in every run.
struct Chance(u64);

impl Chance {
    fn below(&mut self, end: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from(self.0 % end as u64).unwrap()
    }
}

/// A repository whose commits, by number, have these parents and dates.
fn repository(commits: &[(Vec<usize>, usize)]) -> ScratchRepository {
    let git = ScratchRepository::new();
    let mut stream = String::new();
    for (at, (parents, date)) in commits.iter().enumerate() {
        let (mark, date) = (at + 1, 1_700_000_000 + date);
        write!(
            stream,
            "commit refs/heads/main\nmark :{mark}\ncommitter A <a@b> {date} +0000\ndata 1\nx\n"
        )
        .unwrap();
        for (place, parent) in parents.iter().enumerate() {
            let word = if place == 0 { "from" } else { "merge" };
            writeln!(stream, "{word} :{}", parent + 1).unwrap();
        }
        if parents.is_empty() {
            // Else it would go on from the branch as it is.
            stream.push_str("from 0000000000000000000000000000000000000000\n");
        }
        writeln!(stream, "\nreset refs/tags/c{at}\nfrom :{mark}\n").unwrap();
    }
    let mut child = Command::new("git")
        .args(["fast-import", "--quiet", "--force"])
        .current_dir(git.path())
        .stdin(Stdio::piped())
        .spawn()
        .unwrap();
    let mut input = child.stdin.take().unwrap();
    input.write_all(stream.as_bytes()).unwrap();
    drop(input);
    assert!(child.wait().unwrap().success());
    git
}

/// Its commits, by number.
fn ids(history: &History, count: usize) -> Vec<ObjectId> {
    let tags = history.tags().unwrap();
    let id = |at| tags.named(&format!("c{at}")).unwrap().target;
    (0..count).map(id).collect()
}

fn between(history: &History, base: ObjectId, head: ObjectId) -> BTreeSet<ObjectId> {
    let walk = history.walk(&Range::since(base, head)).unwrap();
    walk.map(|it| it.unwrap().id).collect()
}

fn check(history: &History, ids: &[ObjectId], head: ObjectId, slop: usize) {
    let mut past = Past::of(history, head).unwrap();
    past.slop = slop;
    let mut bases: Vec<Option<ObjectId>> = ids.iter().copied().map(Some).collect();
    // In no order, and one twice.
    bases.reverse();
    bases.push(bases[0]);
    let mut found = past.since(&bases).unwrap();
    bases.push(None);
    found.push(past.since(&[None]).unwrap().remove(0));
    for (base, places) in bases.iter().zip(found) {
        let is: BTreeSet<ObjectId> = places
            .iter()
            .map(|it| past.commit(*it).unwrap().id)
            .collect();
        let should = match base {
            Some(base) => between(history, *base, head),
            None => {
                let all = history.walk(&Range::all(head)).unwrap();
                all.map(|it| it.unwrap().id).collect()
            }
        };
        assert_eq!(is, should, "{base:?}..{head}");
        assert!(places.windows(2).all(|it| it[0] < it[1]));
    }
    for id in ids.iter().step_by(7) {
        let is = history.is_ancestor(*id, head).unwrap();
        assert_eq!(Past::of(history, head).unwrap().has(*id).unwrap(), is);
        assert_eq!(past.has(*id).unwrap(), is);
    }
}

#[test]
fn what_is_read_once_is_what_git_says_for_each() {
    let mut chance = Chance(0x9e37_79b9_7f4a_7c15);
    for round in 0..4 {
        let skewed = round % 2 == 1;
        // More than are followed at once.
        let commits: Vec<(Vec<usize>, usize)> = (0..80)
            .map(|at| {
                let mut parents: Vec<usize> = Vec::new();
                // Now and then a beginning of its own.
                if at > 0 && chance.below(30) > 0 {
                    parents.push(at - 1 - chance.below(at.min(4)));
                    let other = at - 1 - chance.below(at.min(12));
                    if chance.below(3) == 0 && !parents.contains(&other) {
                        parents.push(other);
                    }
                }
                let date = match skewed {
                    true => chance.below(80),
                    false => at,
                };
                (parents, date)
            })
            .collect();
        let git = repository(&commits);
        let history = History::discover(git.path()).unwrap();
        let ids = ids(&history, commits.len());
        // Where the clocks are right nothing has to be looked at in vain.
        let slop = if skewed { SLOP } else { 0 };
        for head in [79, 60] {
            check(&history, &ids, ids[head], slop);
        }
    }
}

#[test]
fn no_more_is_read_than_anybody_asks_for() {
    let commits: Vec<(Vec<usize>, usize)> = (0..1_000)
        .map(|at: usize| (at.checked_sub(1).into_iter().collect(), at))
        .collect();
    let git = repository(&commits);
    let history = History::discover(git.path()).unwrap();
    let ids = ids(&history, commits.len());
    let mut past = Past::of(&history, ids[999]).unwrap();
    assert!(past.has(ids[990]).unwrap());
    assert_eq!(past.read.len(), 10);
    let since = past.since(&[Some(ids[990]), Some(ids[950])]).unwrap();
    assert_eq!((since[0].len(), since[1].len()), (9, 49));
    assert_eq!(past.read.len(), 50 + SLOP);
    assert_eq!(past.since(&[None]).unwrap()[0].len(), 1_000);
}

#[test]
fn a_cut_matters_only_to_who_asks_beyond_it() {
    let commits: Vec<(Vec<usize>, usize)> = (0..20)
        .map(|at: usize| (at.checked_sub(1).into_iter().collect(), at))
        .collect();
    let git = repository(&commits);
    let folder = ScratchRepository::new();
    let clone = folder.path().join("clone");
    let from = format!("file://{}", git.path().display());
    folder.git(&[
        "clone",
        "-q",
        "--bare",
        "--depth",
        "5",
        "-b",
        "main",
        &from,
        clone.to_str().unwrap(),
    ]);
    let whole = History::discover(git.path()).unwrap();
    let ids = ids(&whole, commits.len());
    let shallow = History::open(&clone).unwrap();
    let mut past = Past::of(&shallow, ids[19]).unwrap();
    let since = past.since(&[Some(ids[17]), Some(ids[15])]).unwrap();
    assert_eq!((since[0].len(), since[1].len()), (2, 4));
    // It is said as often as somebody asks.
    for _ in 0..2 {
        let error = past.since(&[None]).unwrap_err();
        assert!(matches!(error, HistoryError::Shallow { .. }), "{error}");
    }
    assert!(past.has(ids[16]).unwrap());
}
