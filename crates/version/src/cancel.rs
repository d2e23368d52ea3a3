//! Commits that take each other back.

use std::collections::HashMap;

use crate::verdict::Commit;

/// Which of some commits, the newest first, are there after all: neither taken back by a later one of
/// them nor one that does nothing but take back another of them.
pub fn alive(commits: &[Commit]) -> Vec<bool> {
    let mut alive = vec![true; commits.len()];
    // What each revert took back, for when it is itself taken back.
    let mut took: HashMap<usize, Vec<usize>> = HashMap::new();
    for now in (0..commits.len()).rev() {
        let Some(commit) = commits.get(now) else {
            continue;
        };
        let Some(reverted) = &commit.message.reverted else {
            continue;
        };
        let earlier = || (now + 1..commits.len()).filter_map(|at| Some((at, commits.get(at)?)));
        let mut targets: Vec<usize> = Vec::new();
        for id in &reverted.ids {
            targets.extend(
                earlier()
                    .find(|(_, it)| it.id.starts_with(id.as_str()))
                    .map(|it| it.0),
            );
        }
        if reverted.ids.is_empty()
            && let Some(subject) = &reverted.subject
        {
            let same = |it: &Commit| without_number(&it.message.subject) == without_number(subject);
            // The latest that is still there; one with the same subject may have come and gone before.
            let found = earlier().find(|(at, it)| same(it) && still(&alive, &took, *at));
            targets.extend(found.map(|it| it.0));
        }
        if targets.is_empty() {
            continue;
        }
        for target in &targets {
            set(&mut alive, *target, false);
            for back in took.remove(target).unwrap_or_default() {
                set(&mut alive, back, true);
            }
        }
        set(&mut alive, now, false);
        took.insert(now, targets);
    }
    alive
}

/// Whether a commit can be taken back: it counts, or it is a revert that nobody took back.
fn still(alive: &[bool], took: &HashMap<usize, Vec<usize>>, at: usize) -> bool {
    alive.get(at).copied().unwrap_or_default() || took.contains_key(&at)
}

fn set(alive: &mut [bool], at: usize, value: bool) {
    if let Some(it) = alive.get_mut(at) {
        *it = value;
    }
}

/// A subject without the number of a pull request that a forge put behind it, `(#12)`.
fn without_number(subject: &str) -> &str {
    let subject = subject.trim_end();
    let Some((before, number)) = subject.rsplit_once(" (#") else {
        return subject;
    };
    match number.strip_suffix(')') {
        Some(digits) if !digits.is_empty() && digits.bytes().all(|it| it.is_ascii_digit()) => {
            before
        }
        _ => subject,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::commit::Message;

    /// Commits with ids `0000001`, `0000002`… in the order of time; which of them are alive.
    fn left(messages: &[&str]) -> Vec<bool> {
        let commits = (1..).zip(messages).map(|(number, text): (u32, _)| Commit {
            id: format!("{number:07}{}", "f".repeat(33)),
            message: Message::read(text.as_bytes()),
        });
        let mut commits: Vec<_> = commits.collect();
        commits.reverse();
        let mut alive = alive(&commits);
        alive.reverse();
        alive
    }

    #[test]
    fn a_revert_and_what_it_takes_back_are_gone() {
        assert_eq!(
            left(&["feat: x (#1)", "fix: y", "Revert \"feat: x (#1)\" (#2)"]),
            [false, true, false]
        );
        assert_eq!(left(&["feat: x", "revert: feat: x"]), [false, false]);
        assert_eq!(
            left(&["feat: x", "Take it back\n\nThis reverts commit 0000001."]),
            [false, false]
        );
    }

    #[test]
    fn what_is_taken_back_twice_is_back() {
        assert_eq!(
            left(&[
                "feat: x",
                "Revert \"feat: x\"",
                "Revert \"Revert \"feat: x\"\""
            ]),
            [true, false, false]
        );
        assert_eq!(
            left(&[
                "feat: x",
                "Revert \"feat: x\"",
                "feat: x",
                "Revert \"feat: x\""
            ]),
            [false, false, false, false]
        );
    }

    #[test]
    fn a_revert_of_what_was_released_stays() {
        assert_eq!(left(&["fix: y", "Revert \"feat: x\""]), [true, true]);
    }
}
