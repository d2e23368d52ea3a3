//! What people changed in a text that was made, kept when it is made anew: a merge of three texts.
//!
//! Two sides that change lines beside each other do not contradict each other here, unlike in a merge
//! of branches: a person rewords an item, and below it comes a new one. Only what both changed, each in
//! its own way, is for a person to decide.

use similar::{Algorithm, DiffOp, capture_diff_slices};

/// The most bytes of a text that are compared line by line.
const LARGEST: usize = 8 * 1024 * 1024;

/// A place that was changed on both sides, each in its own way.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("line {line} was changed by people, and would be made otherwise now")]
pub struct Conflict {
    /// The line in the text that both come from, from 1; one after its end for what was added there.
    pub line: usize,
}

/// Lines that take the place of others.
struct Change<'t> {
    /// The lines that go; none where something is only added before the line `from`.
    from: usize,
    to: usize,
    lines: &'t [&'t [u8]],
}

/// A text as it is made now, with what people changed in the one that was made before.
///
/// # Errors
/// The first place that cannot be merged. A text that is too large to compare conflicts in line 1.
pub fn keep(made: &[u8], edited: &[u8], anew: &[u8]) -> Result<Vec<u8>, Conflict> {
    if edited == made || edited == anew {
        return Ok(anew.to_owned());
    }
    if anew == made {
        return Ok(edited.to_owned());
    }
    if [made, edited, anew].iter().any(|it| it.len() > LARGEST) {
        return Err(Conflict { line: 1 });
    }
    let (made, edited, anew) = (lines(made), lines(edited), lines(anew));
    let (ours, theirs) = (changes(&made, &edited), changes(&made, &anew));
    let (mut ours, mut theirs) = (ours.iter().peekable(), theirs.iter().peekable());
    let mut out = Vec::new();
    let mut at = 0;
    let mut apply = |change: &Change<'_>, out: &mut Vec<u8>| {
        out.extend(made.get(at..change.from).unwrap_or_default().concat());
        out.extend(change.lines.concat());
        at = change.to;
    };
    loop {
        match (ours.peek(), theirs.peek()) {
            (None, None) => break,
            (Some(it), None) => {
                apply(it, &mut out);
                ours.next();
            }
            (None, Some(it)) => {
                apply(it, &mut out);
                theirs.next();
            }
            (Some(mine), Some(other)) => match order(mine, other)? {
                Order::Same => {
                    apply(mine, &mut out);
                    ours.next();
                    theirs.next();
                }
                Order::MineFirst => {
                    apply(mine, &mut out);
                    ours.next();
                }
                Order::OtherFirst => {
                    apply(other, &mut out);
                    theirs.next();
                }
            },
        }
    }
    out.extend(made.get(at..).unwrap_or_default().concat());
    Ok(out)
}

enum Order {
    Same,
    MineFirst,
    OtherFirst,
}

/// Which of two changes comes first.
fn order(mine: &Change<'_>, other: &Change<'_>) -> Result<Order, Conflict> {
    let same = (mine.from, mine.to, mine.lines) == (other.from, other.to, other.lines);
    if same {
        return Ok(Order::Same);
    }
    let conflict = Err(Conflict {
        line: mine.from.max(other.from) + 1,
    });
    let adds = |it: &Change<'_>| it.from == it.to;
    if mine.from == other.from && adds(mine) && adds(other) {
        // What begins a section comes after what belongs to the one before.
        return match (begins_section(mine), begins_section(other)) {
            (true, true) => conflict,
            (true, false) => Ok(Order::OtherFirst),
            (false, _) => Ok(Order::MineFirst),
        };
    }
    if mine.to <= other.from {
        Ok(Order::MineFirst)
    } else if other.to <= mine.from {
        Ok(Order::OtherFirst)
    } else {
        conflict
    }
}

/// Whether a heading of Markdown is among the lines.
fn begins_section(change: &Change<'_>) -> bool {
    change.lines.iter().any(|line| line.starts_with(b"#"))
}

fn lines(text: &[u8]) -> Vec<&[u8]> {
    text.split_inclusive(|b| *b == b'\n').collect()
}

/// How a text differs from another one, in order, with what is equal between any two changes.
fn changes<'t>(from: &[&[u8]], to: &'t [&'t [u8]]) -> Vec<Change<'t>> {
    let ops = capture_diff_slices(Algorithm::Myers, from, to);
    let differ = ops.split(|op| matches!(op, DiffOp::Equal { .. }));
    let change = |run: &[DiffOp]| {
        let (first, last) = (run.first()?, run.last()?);
        let new = first.new_range().start..last.new_range().end;
        Some(Change {
            from: first.old_range().start,
            to: last.old_range().end,
            lines: to.get(new)?,
        })
    };
    differ.filter_map(change).collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn merged(made: &str, edited: &str, anew: &str) -> Result<String, usize> {
        let kept = keep(made.as_bytes(), edited.as_bytes(), anew.as_bytes());
        let kept = kept.map_err(|conflict| conflict.line)?;
        Ok(String::from_utf8(kept).unwrap())
    }

    const MADE: &str = "## [1.3.0]\n\n### Added\n\n- orders\n\n## [1.2.0]\n";

    #[test]
    fn a_reworded_item_stays_beside_a_new_one() {
        let edited = MADE.replace("- orders", "- Orders are listed");
        let anew = MADE
            .replace("1.3.0", "1.4.0")
            .replace("- orders\n", "- orders\n- totals\n");
        let expected = "## [1.4.0]\n\n### Added\n\n- Orders are listed\n- totals\n\n## [1.2.0]\n";
        assert_eq!(merged(MADE, &edited, &anew), Ok(expected.to_owned()));
    }

    #[test]
    fn what_was_taken_out_stays_out_and_what_was_added_stays() {
        let edited = MADE.replace("- orders\n", "- By hand\n");
        let anew = MADE.replace("- orders\n", "- orders\n\n### Fixed\n\n- totals\n");
        let expected =
            "## [1.3.0]\n\n### Added\n\n- By hand\n\n### Fixed\n\n- totals\n\n## [1.2.0]\n";
        assert_eq!(merged(MADE, &edited, &anew), Ok(expected.to_owned()));
        // An item at the end of a group, and a group after it.
        let edited = MADE.replace("- orders\n", "- orders\n- By hand\n");
        let expected = expected.replace("- By hand", "- orders\n- By hand");
        assert_eq!(merged(MADE, &edited, &anew), Ok(expected));
        let edited = MADE.replace("- orders\n", "- orders\n\n### Fixed\n\n- By hand\n");
        let anew = MADE.replace("- orders\n", "- orders\n- totals\n");
        let expected = "## [1.3.0]\n\n### Added\n\n- orders\n- totals\n\n### Fixed\n\n- By hand\n\n## [1.2.0]\n";
        assert_eq!(merged(MADE, &edited, &anew), Ok(expected.to_owned()));
    }

    #[test]
    fn what_both_changed_is_for_a_person() {
        assert_eq!(merged("a\nv = 1\n", "a\nv = 2\n", "a\nv = 3\n"), Err(2));
        assert_eq!(
            merged("a\nv = 1\n", "a\nv = 3\n", "a\nv = 3\n"),
            Ok("a\nv = 3\n".to_owned())
        );
        assert_eq!(merged("a\nb\nc\n", "a\nx\nc\n", "a\nc\n"), Err(2));
        assert_eq!(merged("a\n", "a\n# b\n", "a\n# c\n"), Err(2));
        assert_eq!(merged("a\n", "b\n", ""), Err(1));
    }

    fn text() -> impl Strategy<Value = String> {
        prop::collection::vec(prop::sample::select(vec!["a", "b", "c", "d", "# e"]), 0..12)
            .prop_map(|lines| lines.iter().map(|it| format!("{it}\n")).collect())
    }

    proptest! {
        #[test]
        fn one_side_alone_is_taken_as_it_is(made in text(), other in text()) {
            prop_assert_eq!(merged(&made, &made, &other), Ok(other.clone()));
            prop_assert_eq!(merged(&made, &other, &made), Ok(other.clone()));
            prop_assert_eq!(merged(&made, &other, &other), Ok(other));
        }

        /// Each side takes out some lines and adds some of its own.
        #[test]
        fn every_line_is_there_that_one_side_added_or_both_kept(
            sides in prop::collection::vec((any::<[bool; 2]>(), any::<[bool; 2]>()), 1..10)
        ) {
            let made: String = (0..sides.len()).map(|at| format!("m{at}\n")).collect();
            let side = |side: usize| -> Vec<String> {
                let of = |(at, (kept, added)): (usize, &([bool; 2], [bool; 2]))| {
                    let own = kept[side].then(|| format!("m{at}"));
                    own.into_iter().chain(added[side].then(|| format!("{side}-{at}"))).collect::<Vec<_>>()
                };
                sides.iter().enumerate().flat_map(of).collect()
            };
            let text = |lines: &[String]| lines.iter().map(|it| format!("{it}\n")).collect::<String>();
            let (mine, other) = (side(0), side(1));
            let Ok(kept) = merged(&made, &text(&mine), &text(&other)) else { return Ok(()) };
            let mut expected: Vec<&String> = mine.iter().filter(|it| !it.starts_with('m') || other.contains(it)).collect();
            expected.extend(other.iter().filter(|it| !it.starts_with('m')));
            let mut found: Vec<&str> = kept.lines().collect();
            found.sort_unstable();
            expected.sort();
            prop_assert_eq!(found, expected);
        }
    }
}
