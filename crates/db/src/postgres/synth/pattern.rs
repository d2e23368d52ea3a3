//! Texts that match a regular expression or a `LIKE` pattern.
//!
//! The shapes that constraints are written in are understood: literals, classes, groups,
//! alternatives, repetitions, anchors. Look-ahead, back references and the like are passed over;
//! the server says whether the text fits nevertheless.

use crate::random::Rng;

/// A pattern that texts can be made from.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Pattern {
    node: Node,
    /// Whether upper and lower case are the same.
    insensitive: bool,
}

#[derive(Debug, Clone, PartialEq)]
enum Node {
    Empty,
    Sequence(Vec<Node>),
    Either(Vec<Node>),
    /// One of these characters.
    Class(Vec<(char, char)>),
    Repeat {
        node: Box<Node>,
        least: u32,
        most: Option<u32>,
    },
}

/// What stands for any character.
const ANY: &[(char, char)] = &[('a', 'z'), ('0', '9')];
/// Where the characters outside of a class are looked for.
const VISIBLE: &str = "abcdefghijklmnopqrstuvwxyz0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ_-. ";

impl Pattern {
    /// A regular expression; `None` if it is not understood.
    pub(super) fn regex(text: &str, insensitive: bool) -> Option<Self> {
        let (text, insensitive) = match text.strip_prefix("(?i)") {
            Some(rest) => (rest, true),
            None => (text, insensitive),
        };
        let text = text.strip_prefix("***:").unwrap_or(text);
        let chars: Vec<char> = text.chars().collect();
        let mut reader = Reader {
            chars: &chars,
            at: 0,
            depth: 0,
        };
        let node = reader.either()?;
        (reader.at == chars.len()).then_some(Self { node, insensitive })
    }

    /// A `LIKE` pattern.
    pub(super) fn like(text: &str, insensitive: bool) -> Self {
        let mut nodes = Vec::new();
        let mut chars = text.chars();
        while let Some(c) = chars.next() {
            nodes.push(match c {
                '%' => Node::Repeat {
                    node: Box::new(Node::Class(ANY.to_vec())),
                    least: 0,
                    most: None,
                },
                '_' => Node::Class(ANY.to_vec()),
                '\\' => one(chars.next().unwrap_or('\\')),
                other => one(other),
            });
        }
        Self {
            node: Node::Sequence(nodes),
            insensitive,
        }
    }

    /// A text that matches, of `least` to `most` characters if that is possible. With `roomy`
    /// repetitions are long, so that different random numbers seldom give the same.
    pub(super) fn sample(
        &self,
        rng: &mut Rng,
        least: usize,
        most: Option<usize>,
        roomy: bool,
    ) -> String {
        let mut bare = String::new();
        self.node.write(rng, 0, true, &mut bare);
        let shortest = bare.chars().count();
        let most = most.unwrap_or(usize::MAX);
        let fits = |text: &str| (least..=most).contains(&text.chars().count());
        if shortest >= most {
            return self.cased(bare);
        }
        let room = (most - shortest) as u64;
        let missing = least.saturating_sub(shortest) as u64;
        let first = if roomy { 12 } else { 3 };
        for (extra, exact) in [
            (missing.max(first), missing > first),
            (missing + first, false),
            (missing + first, false),
            (missing, true),
            (first, false),
            (2, false),
        ] {
            let mut text = String::new();
            self.node.write(rng, extra.min(room), exact, &mut text);
            if fits(&text) {
                return self.cased(text);
            }
        }
        self.cased(bare)
    }

    fn cased(&self, text: String) -> String {
        if self.insensitive {
            text.to_lowercase()
        } else {
            text
        }
    }
}

impl Node {
    fn write(&self, rng: &mut Rng, extra: u64, exact: bool, out: &mut String) {
        // Nothing that is stored in an index is longer.
        if out.len() > 2000 {
            return;
        }
        match self {
            Self::Empty => {}
            Self::Sequence(list) => {
                list.iter()
                    .for_each(|node| node.write(rng, extra, exact, out));
            }
            Self::Either(list) => {
                if let Some(node) = rng.pick(list) {
                    node.write(rng, extra, exact, out);
                }
            }
            Self::Class(ranges) => {
                let count = |(low, high): &(char, char)| {
                    u64::from(u32::from(*high)).saturating_sub(u64::from(u32::from(*low))) + 1
                };
                let mut place = rng.below(ranges.iter().map(count).sum());
                for range in ranges {
                    if place < count(range) {
                        let code = u64::from(u32::from(range.0)) + place;
                        out.extend(u32::try_from(code).ok().and_then(char::from_u32));
                        return;
                    }
                    place -= count(range);
                }
            }
            Self::Repeat { node, least, most } => {
                let most = most.map_or(u64::from(*least) + extra, |most| {
                    u64::from(most).min(u64::from(*least) + extra)
                });
                let more = most.saturating_sub(u64::from(*least));
                let times = u64::from(*least) + if exact { more } else { rng.below(more + 1) };
                for _ in 0..times {
                    node.write(rng, extra, exact, out);
                }
            }
        }
    }
}

fn one(c: char) -> Node {
    Node::Class(vec![(c, c)])
}

struct Reader<'a> {
    chars: &'a [char],
    at: usize,
    depth: u32,
}

impl Reader<'_> {
    fn peek(&self) -> Option<char> {
        self.chars.get(self.at).copied()
    }

    fn take(&mut self, c: char) -> bool {
        let found = self.peek() == Some(c);
        self.at += usize::from(found);
        found
    }

    fn either(&mut self) -> Option<Node> {
        self.depth += 1;
        if self.depth > 100 {
            return None;
        }
        let mut list = vec![self.sequence()?];
        while self.take('|') {
            list.push(self.sequence()?);
        }
        self.depth -= 1;
        Some(if list.len() == 1 {
            list.pop()?
        } else {
            Node::Either(list)
        })
    }

    fn sequence(&mut self) -> Option<Node> {
        let mut list = Vec::new();
        while let Some(c) = self.peek() {
            if c == '|' || c == ')' {
                break;
            }
            let atom = self.atom()?;
            list.push(self.repeated(atom)?);
        }
        Some(Node::Sequence(list))
    }

    fn repeated(&mut self, mut node: Node) -> Option<Node> {
        while let Some(c) = self.peek() {
            let (least, most) = match c {
                '*' => (0, None),
                '+' => (1, None),
                '?' => (0, Some(1)),
                '{' if self
                    .chars
                    .get(self.at + 1)
                    .is_some_and(char::is_ascii_digit) =>
                {
                    let end = self.chars[self.at..].iter().position(|c| *c == '}')?;
                    let inside: String = self.chars[self.at + 1..self.at + end].iter().collect();
                    self.at += end;
                    match inside.split_once(',') {
                        None => {
                            let count = inside.trim().parse().ok()?;
                            (count, Some(count))
                        }
                        Some((least, "")) => (least.trim().parse().ok()?, None),
                        Some((least, most)) => {
                            (least.trim().parse().ok()?, Some(most.trim().parse().ok()?))
                        }
                    }
                }
                _ => break,
            };
            self.at += 1;
            // Non-greedy or not, the same texts match.
            self.take('?');
            node = Node::Repeat {
                node: Box::new(node),
                least,
                most,
            };
        }
        Some(node)
    }

    fn atom(&mut self) -> Option<Node> {
        let c = self.peek()?;
        self.at += 1;
        Some(match c {
            '^' | '$' => Node::Empty,
            '.' => Node::Class(ANY.to_vec()),
            '(' => {
                let mut ignored = false;
                if self.take('?') {
                    match self.peek()? {
                        ':' => self.at += 1,
                        // Look-ahead and look-behind match no characters.
                        '=' | '!' | '<' => ignored = true,
                        _ => return None,
                    }
                }
                let inner = self.either()?;
                if !self.take(')') {
                    return None;
                }
                if ignored { Node::Empty } else { inner }
            }
            '[' => self.class()?,
            '\\' => self.escape()?,
            other => one(other),
        })
    }

    fn escape(&mut self) -> Option<Node> {
        let c = self.peek()?;
        self.at += 1;
        Some(match c {
            'A' | 'Z' | 'm' | 'M' | 'y' | 'Y' | 'b' | 'B' => Node::Empty,
            'D' | 'W' | 'S' => Node::Class(outside(named(c.to_ascii_lowercase()))),
            _ => match named(c) {
                [] => one(plain(c)),
                ranges => Node::Class(ranges.to_vec()),
            },
        })
    }

    fn class(&mut self) -> Option<Node> {
        let negated = self.take('^');
        let mut ranges: Vec<(char, char)> = Vec::new();
        let mut first = true;
        loop {
            let c = self.peek()?;
            self.at += 1;
            if c == ']' && !first {
                break;
            }
            first = false;
            if c == '[' && self.peek() == Some(':') {
                let end = self.chars[self.at..].iter().position(|c| *c == ']')?;
                let name: String = self.chars[self.at + 1..self.at + end - 1].iter().collect();
                self.at += end + 1;
                ranges.extend_from_slice(posix(&name)?);
                continue;
            }
            let mut low = c;
            if c == '\\' {
                let escaped = self.peek()?;
                self.at += 1;
                let known = named(escaped);
                if !known.is_empty() {
                    ranges.extend_from_slice(known);
                    continue;
                }
                low = plain(escaped);
            }
            let is_range = self.peek() == Some('-')
                && self.chars.get(self.at + 1).is_some_and(|next| *next != ']');
            if is_range {
                self.at += 1;
                let mut high = self.peek()?;
                self.at += 1;
                if high == '\\' {
                    high = plain(self.peek()?);
                    self.at += 1;
                }
                if low > high {
                    return None;
                }
                ranges.push((low, high));
            } else {
                ranges.push((low, low));
            }
        }
        Some(Node::Class(if negated { outside(&ranges) } else { ranges }))
    }
}

fn plain(c: char) -> char {
    match c {
        'n' => '\n',
        't' => '\t',
        'r' => '\r',
        other => other,
    }
}

fn named(c: char) -> &'static [(char, char)] {
    match c {
        'd' => &[('0', '9')],
        'w' => &[('a', 'z'), ('0', '9'), ('_', '_')],
        's' => &[(' ', ' ')],
        _ => &[],
    }
}

fn posix(name: &str) -> Option<&'static [(char, char)]> {
    Some(match name {
        "alpha" => &[('a', 'z'), ('A', 'Z')],
        "lower" => &[('a', 'z')],
        "upper" => &[('A', 'Z')],
        "digit" => &[('0', '9')],
        "xdigit" => &[('0', '9'), ('a', 'f')],
        "alnum" | "word" | "graph" | "print" => &[('a', 'z'), ('0', '9')],
        "space" | "blank" => &[(' ', ' ')],
        "punct" => &[('-', '-'), ('.', '.')],
        _ => return None,
    })
}

fn outside(ranges: &[(char, char)]) -> Vec<(char, char)> {
    VISIBLE
        .chars()
        .filter(|c| !ranges.iter().any(|(low, high)| (low..=high).contains(&c)))
        .map(|c| (c, c))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn samples(pattern: &str) -> Vec<String> {
        let pattern = Pattern::regex(pattern, false).unwrap_or_else(|| panic!("{pattern}"));
        (0..50)
            .map(|seed| pattern.sample(&mut Rng::new(seed), 0, None, false))
            .collect()
    }

    #[test]
    fn samples_have_the_shape() {
        for text in samples(r"^[A-Z]{2}\d{3,5}$") {
            assert!((5..=7).contains(&text.len()), "{text}");
            assert!(text[..2].bytes().all(|b| b.is_ascii_uppercase()));
            assert!(text[2..].bytes().all(|b| b.is_ascii_digit()));
        }
        for text in samples("^(red|green)(-[[:alpha:]]+)?$") {
            assert!(text.starts_with("red") || text.starts_with("green"));
        }
        for text in samples(r"^[^@\s]+@[^@]+\.(com|org)$") {
            assert_eq!(text.matches('@').count(), 1, "{text}");
        }
        for text in samples("^[]a^-]+$") {
            assert!(text.chars().all(|c| "]a^-".contains(c)));
        }
    }

    #[test]
    fn a_length_is_met_if_it_can_be() {
        let pattern = Pattern::regex("^[a-z]+$", false).unwrap();
        for seed in 0..50 {
            let text = pattern.sample(&mut Rng::new(seed), 5, Some(8), true);
            assert!((5..=8).contains(&text.len()), "{text}");
            let text = pattern.sample(&mut Rng::new(seed), 40, None, false);
            assert!(text.len() >= 40, "{text}");
        }
        let exact = Pattern::regex("^[0-9a-f]{64}$", false).unwrap();
        assert_eq!(
            exact.sample(&mut Rng::new(1), 64, Some(64), false).len(),
            64
        );
    }

    #[test]
    fn like_is_understood() {
        let text = Pattern::like("ab\\%_x%", false).sample(&mut Rng::new(3), 0, None, false);
        assert!(text.starts_with("ab%"), "{text}");
        assert_eq!(text.chars().nth(4), Some('x'));
    }

    #[test]
    fn what_is_not_understood_is_said() {
        for pattern in ["(a", "[a", "a{2", "(?P<x>a)", "["] {
            if let Some(pattern) = Pattern::regex(pattern, false) {
                pattern.sample(&mut Rng::new(1), 0, None, false);
            }
        }
        assert!(Pattern::regex("(a", false).is_none());
        assert!(Pattern::regex(&"(".repeat(10_000), false).is_none());
    }
}
