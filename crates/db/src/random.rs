//! Randomness that is the same everywhere: a function of the seed, the names and the row number,
//! in integers only.

/// 2⁶⁴ divided by the golden ratio, odd.
const STEP: u64 = 0x9e37_79b9_7f4a_7c15;

fn finish(mut x: u64) -> u64 {
    x = (x ^ (x >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    x = (x ^ (x >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    x ^ (x >> 31)
}

/// Two numbers made into one that looks like neither.
pub(crate) fn mix(a: u64, b: u64) -> u64 {
    finish(finish(a.wrapping_add(STEP)) ^ b.wrapping_mul(STEP).wrapping_add(1))
}

/// A number for a text (FNV-1a, then mixed).
pub(crate) fn hash(text: &str) -> u64 {
    let mut hash: u64 = 0xcbf2_9ce4_8422_2325;
    for byte in text.bytes() {
        hash = (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3);
    }
    finish(hash)
}

/// A generator (splitmix64).
#[derive(Debug, Clone)]
pub(crate) struct Rng(u64);

impl Rng {
    pub(crate) fn new(seed: u64) -> Self {
        Self(seed)
    }

    pub(crate) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(STEP);
        finish(self.0)
    }

    /// A number below `end`; 0 if `end` is 0.
    pub(crate) fn below(&mut self, end: u64) -> u64 {
        let wide = u128::from(self.next()) * u128::from(end);
        u64::try_from(wide >> 64).unwrap_or(0)
    }

    /// An index below `len`; 0 if there is none.
    pub(crate) fn index(&mut self, len: usize) -> usize {
        usize::try_from(self.below(len as u64)).unwrap_or(0)
    }

    /// Whether something happens that happens so many times in a thousand.
    pub(crate) fn chance(&mut self, in_thousand: u64) -> bool {
        self.below(1000) < in_thousand
    }

    /// A number from `low` to `high`, both included; `low` if they are in the wrong order.
    pub(crate) fn between(&mut self, low: i128, high: i128) -> i128 {
        if high <= low {
            return low;
        }
        let span = high.wrapping_sub(low).unsigned_abs();
        let random = (u128::from(self.next()) << 64) | u128::from(self.next());
        let offset = if span == u128::MAX {
            random
        } else {
            random % (span + 1)
        };
        // The sum is between the two, whatever the way there.
        low.wrapping_add(offset as i128)
    }

    /// An index below `len` where few are chosen often and many seldom: the first of 1,000 comes
    /// up in a tenth of the cases.
    pub(crate) fn skewed(&mut self, len: usize) -> usize {
        let u = u128::from(self.next() >> 32);
        let index = (u * u * u).checked_mul(len as u128).unwrap_or(0) >> 96;
        usize::try_from(index).unwrap_or(0)
    }

    /// One of `list`.
    pub(crate) fn pick<'a, T>(&mut self, list: &'a [T]) -> Option<&'a T> {
        list.get(self.index(list.len()))
    }
}

/// A reordering of the numbers below `span`.
#[derive(Debug, Clone)]
pub(crate) struct Permutation {
    span: u128,
    stride: u128,
    offset: u128,
}

impl Permutation {
    /// One of several, by `key`. At most 2⁶² numbers are reordered.
    pub(crate) fn new(span: u128, key: u64) -> Self {
        let span = span.clamp(1, 1 << 62);
        // Near the golden section, so that neighbours end up far apart.
        let mut stride = (span * 618_033_989 / 1_000_000_000).max(1);
        while gcd(stride, span) != 1 {
            stride += 1;
        }
        Self {
            span,
            stride,
            offset: u128::from(key) % span,
        }
    }

    /// Where `number` goes. Different for different numbers below the span, and again the same
    /// beyond it.
    pub(crate) fn of(&self, number: u64) -> u128 {
        (u128::from(number) % self.span * self.stride + self.offset) % self.span
    }
}

fn gcd(mut a: u128, mut b: u128) -> u128 {
    while b != 0 {
        (a, b) = (b, a % b);
    }
    a
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn a_permutation_meets_everything_once() {
        for span in [1, 2, 3, 10, 97, 1000] {
            let permutation = Permutation::new(span, 12345);
            let met: BTreeSet<u128> = (0..span as u64).map(|i| permutation.of(i)).collect();
            assert_eq!(met.len() as u128, span);
            assert!(met.last().unwrap() < &span);
        }
    }

    #[test]
    fn numbers_stay_within_and_are_the_same_everywhere() {
        let mut rng = Rng::new(7);
        for _ in 0..1000 {
            assert!((-3..=4).contains(&rng.between(-3, 4)));
            assert!(rng.skewed(10) < 10);
            assert!(rng.below(3) < 3);
        }
        assert!(rng.between(i128::MIN, i128::MAX) != rng.between(i128::MIN, i128::MAX));
        assert_eq!(rng.between(5, 5), 5);
        assert_eq!((rng.below(0), rng.skewed(0)), (0, 0));
        // What other platforms must give as well.
        assert_eq!(Rng::new(1).next(), 0x910a_2dec_8902_5cc1);
        assert_eq!(hash("a"), hash("a"));
        assert_ne!(mix(1, 2), mix(2, 1));
    }

    #[test]
    fn a_skew_prefers_the_first() {
        let mut rng = Rng::new(1);
        let first = (0..10_000).filter(|_| rng.skewed(1000) == 0).count();
        assert!((800..1200).contains(&first), "{first}");
    }
}
