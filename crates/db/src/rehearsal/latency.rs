//! How long statements took.

use std::time::Duration;

/// How many are kept of one stage; later ones replace earlier ones in turn, except for the longest.
const KEPT: usize = 100_000;

/// How long the statements of a stage took.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Latency {
    /// How many.
    pub count: u64,
    /// Half of them took no longer.
    pub median: Duration,
    /// 99 of 100 took no longer.
    pub p99: Duration,
    /// None took longer.
    pub longest: Duration,
}

/// Durations as they come.
#[derive(Debug, Clone, Default)]
pub(super) struct Samples {
    count: u64,
    longest: Duration,
    kept: Vec<Duration>,
}

impl Samples {
    pub(super) fn add(&mut self, took: Duration) {
        if self.kept.len() < KEPT {
            self.kept.push(took);
        } else {
            let at = usize::try_from(self.count).unwrap_or(0) % KEPT;
            self.kept[at] = took;
        }
        self.count += 1;
        self.longest = self.longest.max(took);
    }

    pub(super) fn merge(&mut self, other: Samples) {
        self.count += other.count;
        self.longest = self.longest.max(other.longest);
        self.kept.extend(other.kept);
    }

    pub(super) fn summary(mut self) -> Latency {
        self.kept.sort_unstable();
        let at = |part: usize| {
            let last = self.kept.len().saturating_sub(1);
            let place = last * part / 100;
            self.kept.get(place).copied().unwrap_or_default()
        };
        Latency {
            count: self.count,
            median: at(50),
            p99: at(99),
            longest: self.longest,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_summary_says_what_most_took_and_what_none_exceeded() {
        let mut samples = Samples::default();
        for took in (1..=100).rev() {
            samples.add(Duration::from_millis(took));
        }
        let mut other = Samples::default();
        other.add(Duration::from_millis(500));
        samples.merge(other);
        let it = samples.summary();
        assert_eq!(it.count, 101);
        assert_eq!(it.median, Duration::from_millis(51));
        assert_eq!(it.p99, Duration::from_millis(100));
        assert_eq!(it.longest, Duration::from_millis(500));
        assert_eq!(Samples::default().summary(), Latency::default());
    }
}
