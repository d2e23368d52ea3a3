//! What changed between two texts, line by line, as `diff -u` shows it.

/// How many lines are shown around a change.
const AROUND: usize = 3;

/// The most lines in which a shortest way is looked for; of more, all are said to differ.
const MOST: usize = 4_000;

/// One line of a comparison.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Line<'a> {
    Same(&'a str),
    Gone(&'a str),
    New(&'a str),
}

/// The difference, with a head that names the file; empty if there is none.
pub(super) fn unified(file: &str, old: &str, new: &str) -> String {
    let lines = compare(old, new);
    let mut out = String::new();
    let is_change = |line: &Line<'_>| !matches!(line, Line::Same(_));
    let changes: Vec<usize> = (0..lines.len())
        .filter(|at| is_change(&lines[*at]))
        .collect();
    if changes.is_empty() {
        return out;
    }
    out.push_str(&format!("--- {file}\n+++ {file}\n"));
    for near in changes.chunk_by(|one, other| other - one <= 2 * AROUND) {
        let (Some(first), Some(last)) = (near.first(), near.last()) else {
            continue;
        };
        let begin = first.saturating_sub(AROUND);
        let end = (last + 1 + AROUND).min(lines.len());
        let count = |from: usize, to: usize, skip: fn(&Line<'_>) -> bool| {
            lines[from..to].iter().filter(|line| !skip(line)).count()
        };
        let new_line = |line: &Line<'_>| matches!(line, Line::New(_));
        let gone_line = |line: &Line<'_>| matches!(line, Line::Gone(_));
        let before = (count(0, begin, new_line), count(begin, end, new_line));
        let after = (count(0, begin, gone_line), count(begin, end, gone_line));
        out.push_str(&format!(
            "@@ -{},{} +{},{} @@\n",
            before.0 + usize::from(before.1 > 0),
            before.1,
            after.0 + usize::from(after.1 > 0),
            after.1
        ));
        for line in &lines[begin..end] {
            let (mark, text) = match line {
                Line::Same(text) => (' ', text),
                Line::Gone(text) => ('-', text),
                Line::New(text) => ('+', text),
            };
            out.push(mark);
            out.push_str(text.trim_end_matches(['\n', '\r']));
            out.push('\n');
            if !text.ends_with('\n') {
                out.push_str("\\ no line break at the end\n");
            }
        }
    }
    out
}

fn compare<'a>(old: &'a str, new: &'a str) -> Vec<Line<'a>> {
    let old: Vec<&str> = old.split_inclusive('\n').collect();
    let new: Vec<&str> = new.split_inclusive('\n').collect();
    let same = |one: &&str, other: &&str| one == other;
    let head = old.iter().zip(&new).take_while(|(a, b)| same(a, b)).count();
    let rest = old.len().min(new.len()) - head;
    let tail = old.iter().rev().zip(new.iter().rev());
    let tail = tail.take(rest).take_while(|(a, b)| same(a, b)).count();
    let (from, to) = (&old[head..old.len() - tail], &new[head..new.len() - tail]);
    let mut lines: Vec<Line<'_>> = old[..head].iter().map(|line| Line::Same(line)).collect();
    if from.len().saturating_mul(to.len()) > MOST * MOST {
        lines.extend(from.iter().map(|line| Line::Gone(line)));
        lines.extend(to.iter().map(|line| Line::New(line)));
    } else {
        lines.extend(shortest(from, to));
    }
    lines.extend(old[old.len() - tail..].iter().map(|line| Line::Same(line)));
    lines
}

/// The comparison that keeps the most lines.
fn shortest<'a>(from: &[&'a str], to: &[&'a str]) -> Vec<Line<'a>> {
    // How many lines the rests from here on have in common.
    let width = to.len() + 1;
    let mut common = vec![0_u32; (from.len() + 1) * width];
    for a in (0..from.len()).rev() {
        for b in (0..to.len()).rev() {
            common[a * width + b] = if from[a] == to[b] {
                common[(a + 1) * width + b + 1] + 1
            } else {
                common[(a + 1) * width + b].max(common[a * width + b + 1])
            };
        }
    }
    let (mut a, mut b) = (0, 0);
    let mut lines = Vec::new();
    while a < from.len() || b < to.len() {
        if a < from.len() && b < to.len() && from[a] == to[b] {
            lines.push(Line::Same(from[a]));
            a += 1;
            b += 1;
        } else if b == to.len()
            || (a < from.len() && common[(a + 1) * width + b] >= common[a * width + b + 1])
        {
            lines.push(Line::Gone(from[a]));
            a += 1;
        } else {
            lines.push(Line::New(to[b]));
            b += 1;
        }
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn differences_are_shown_with_what_is_around() {
        let old = "1\n2\n3\n4\n5\n6\n7\n8\n9\n";
        let new = "1\n2\n3\n4\nfive\n6\n7\n8\n9\nten";
        assert_eq!(
            unified("a", old, new),
            "--- a\n+++ a\n@@ -2,8 +2,9 @@\n 2\n 3\n 4\n-5\n+five\n 6\n 7\n 8\n 9\n+ten\n\\ no line break at the end\n"
        );
        assert_eq!(unified("a", old, old), "");
        assert_eq!(
            unified("a", "", "x\n"),
            "--- a\n+++ a\n@@ -0,0 +1,1 @@\n+x\n"
        );
    }

    #[test]
    fn far_changes_are_apart() {
        let old: String = (0..40).map(|n| format!("{n}\n")).collect();
        let new = old
            .replace("\n3\n4\n", "\n3\nx\n4\n")
            .replace("\n35\n", "\ny\n");
        let shown = unified("a", &old, &new);
        assert_eq!(shown.matches("@@ -").count(), 2, "{shown}");
        assert!(shown.contains("@@ -2,6 +2,7 @@\n 1\n"), "{shown}");
    }
}
