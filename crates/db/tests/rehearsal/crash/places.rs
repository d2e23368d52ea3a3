//! Where processes are cut off, and what comes next.

use std::collections::BTreeMap;

use switchback_model::StepName;
use switchback_model::plan::Direction;

/// What is done after a crash.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum GoOn {
    /// The next process goes on to the end; then the step is taken back.
    Again,
    /// What was begun is given up and taken back.
    Back,
}

/// A crash to come.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Crash {
    /// The place, from 1.
    pub(crate) place: u32,
    /// Which of the engine's ways, counted on without end.
    pub(crate) way: usize,
    pub(crate) go_on: GoOn,
}

/// Which places are tried.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Effort {
    /// Each of them, each time that a step moves. As it moves twice in each direction, from each place
    /// it is gone on and gone back.
    Every,
    /// A chosen one, once in so many movements.
    Some { once_in: u64 },
}

/// More than any step has.
const MOST: u32 = 2_000;

/// The choice of places.
pub(crate) struct Places {
    effort: Effort,
    chance: Chance,
    counted: BTreeMap<String, u32>,
    movements: BTreeMap<String, usize>,
    last: u32,
}

fn key(step: &StepName, direction: Direction) -> String {
    format!("{step} {direction:?}")
}

/// What `SWITCHBACK_TEST_SEED` says; 1 if nothing.
fn seed() -> u64 {
    let text = std::env::var("SWITCHBACK_TEST_SEED").ok();
    text.and_then(|text| text.parse().ok()).unwrap_or(1)
}

impl Places {
    /// For an operation with a number of its own.
    pub(crate) fn new(effort: Effort, number: u64) -> Self {
        Self {
            effort,
            chance: Chance(seed().wrapping_mul(1_000) + number),
            counted: BTreeMap::new(),
            movements: BTreeMap::new(),
            last: 1,
        }
    }

    /// Whether the places of a movement were counted.
    pub(crate) fn knows(&self, step: &StepName, direction: Direction) -> bool {
        self.counted.contains_key(&key(step, direction))
    }

    pub(crate) fn counted(&mut self, step: &StepName, direction: Direction, places: u32) {
        assert!(places > 0, "{step}, {direction:?}: nothing was written");
        assert!(places < MOST, "{step}, {direction:?}: {places} places");
        self.counted.insert(key(step, direction), places);
    }

    /// The crashes of the movement that comes.
    pub(crate) fn choose(&mut self, step: &StepName, direction: Direction) -> Vec<Crash> {
        let key = key(step, direction);
        let counted = self.counted.get(&key).copied().unwrap_or(1);
        let times = self.movements.entry(key).or_default();
        *times += 1;
        let times = *times;
        self.last = counted;
        match self.effort {
            // Beside code there may be more of them than in peace; the last one is never reached.
            Effort::Every => (1..MOST)
                .map(|place| {
                    let at = place as usize + times;
                    Crash {
                        place,
                        way: at / 2,
                        go_on: [GoOn::Again, GoOn::Back][at % 2],
                    }
                })
                .collect(),
            Effort::Some { once_in } if self.chance.below(once_in) == 0 => {
                let place = 1 + self.chance.below(u64::from(counted));
                vec![Crash {
                    place: u32::try_from(place).unwrap(),
                    way: usize::try_from(self.chance.below(1 << 16)).unwrap(),
                    go_on: [GoOn::Again, GoOn::Back][usize::from(self.chance.below(2) == 1)],
                }]
            }
            Effort::Some { .. } => Vec::new(),
        }
    }

    /// Where whoever goes on is cut off too, if it is: one time in four.
    pub(crate) fn second(&mut self) -> Option<(u32, usize)> {
        let second = self.chance.below(4) == 0;
        let place = 1 + self.chance.below(u64::from(self.last));
        let way = self.chance.below(1 << 16);
        second.then(|| (u32::try_from(place).unwrap(), usize::try_from(way).unwrap()))
    }
}

/// SplitMix64: <https://prng.di.unimi.it/splitmix64.c>.
struct Chance(u64);

impl Chance {
    /// A number below `end`, which is not 0.
    fn below(&mut self, end: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut it = self.0;
        it = (it ^ (it >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        it = (it ^ (it >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((it ^ (it >> 31)) >> 33) % end
    }
}
