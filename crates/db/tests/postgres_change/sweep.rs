//! A connection that is lost at every statement that writes: of every operation, up and down, scripts
//! and fills. Whether the same is done again or it is taken back, it ends where it would have.

use switchback_db::postgres::change::PostgresDatabase;

use super::cut::Wire;
use super::stories::{ROWS, Story, TABLE, stories};
use super::*;

/// More than any step has.
const MOST_REQUESTS: u32 = 200;

struct Sweep<'a> {
    story: &'a Story,
    definition: &'a Definition,
    database: PostgresDatabase,
    wire: Wire,
    client: Client,
    url: String,
    cuts: u32,
    /// Every how many places one is tried.
    every: u32,
}

impl Sweep<'_> {
    fn all(&mut self, step: &StepName, direction: Direction) -> Result<(), ChangeError> {
        for planned in steps(self.definition, step, direction) {
            perform(&mut self.database, &planned.effect)?;
        }
        Ok(())
    }

    fn state(&mut self) -> (Meaning, Vec<String>) {
        let table = &self.definition.surface.table;
        let there = number(
            &mut self.client,
            &format!("SELECT count(to_regclass('{table}'))"),
        );
        let rows = match there {
            0 => Vec::new(),
            _ => rows(&mut self.client, table),
        };
        (meaning(&self.url), rows)
    }

    fn check(&mut self, wanted: &(Meaning, Vec<String>), at: &str) {
        let found = self.state();
        assert_same(&wanted.0, &found.0, at);
        if !self.story.is_lossy() {
            assert_eq!(wanted.1, found.1, "{at}: rows");
        }
        self.database.check_marks(self.definition).unwrap();
    }

    /// From the state before a direction of a step, through every cut, to the state after it.
    fn cut_everywhere(&mut self, step: &StepName, direction: Direction) {
        let back = match direction {
            Direction::Up => Direction::Down,
            Direction::Down => Direction::Up,
        };
        let before = self.state();
        self.all(step, direction).unwrap();
        let after = self.state();
        self.all(step, back).unwrap();
        // Another first place at each step, so that all kinds of places have their turn.
        let first = self.cuts % self.every + 1;
        for number in (first..MOST_REQUESTS).step_by(self.every as usize) {
            let at = format!("{}, {step}, {direction:?}, cut {number}", self.story.name);
            let config = self.wire.cut_after(number);
            let mut cut = PostgresDatabase::open(config, options(), 2).unwrap();
            let ended = steps(self.definition, step, direction)
                .iter()
                .try_for_each(|planned| perform(&mut cut, &planned.effect).map(|_| ()));
            drop(cut);
            if !self.wire.was_cut() {
                ended.unwrap_or_else(|error| panic!("{at}: {}", told(&error)));
                self.check(&after, &at);
                assert!(number > 2, "{at}: nothing was written");
                return;
            }
            self.cuts += 1;
            // What is there is told, whatever it is.
            for planned in steps(self.definition, step, direction) {
                let probed = self.database.probe(&planned.effect).unwrap();
                assert!(
                    !matches!(probed, Probed::Unknown { .. }) || number > 0,
                    "{at}"
                );
            }
            if self.cuts.is_multiple_of(2) {
                let again = self.all(step, direction);
                again.unwrap_or_else(|error| panic!("{at}, again: {}", told(&error)));
                self.check(&after, &format!("{at}, again"));
            }
            let undone = self.all(step, back);
            undone.unwrap_or_else(|error| panic!("{at}, back: {}", told(&error)));
            self.check(&before, &format!("{at}, back"));
        }
        panic!("{}, {step}: cut more often than expected", self.story.name);
    }
}

fn sweep(story: &Story, every: u32) -> u32 {
    let (url, mut client) = database(TABLE);
    client.batch_execute(ROWS).unwrap();
    let definition = define(&mut client, &story.request);
    let mut sweep = Sweep {
        story,
        definition: &definition,
        database: open(&url),
        wire: Wire::to(&url),
        client,
        url,
        cuts: 0,
        every,
    };
    for step in database_steps(&definition) {
        sweep.cut_everywhere(&step, Direction::Up);
        sweep.cut_everywhere(&step, Direction::Down);
        sweep.all(&step, Direction::Up).unwrap();
    }
    sweep.cuts
}

/// Some of the stories, so that the machine's processors share them.
fn sweep_all(part: usize, every: u32) -> u32 {
    let all = stories();
    let mine = all.iter().skip(part).step_by(2);
    mine.map(|story| sweep(story, every)).sum()
}

#[test]
fn a_connection_that_is_lost_leaves_what_can_be_gone_on_with_or_taken_back() {
    assert!(sweep_all(0, 4) > 60);
}

#[test]
fn the_same_for_the_other_half_of_the_operations() {
    assert!(sweep_all(1, 4) > 60);
}

#[test]
#[ignore = "takes minutes; the two above try every fourth place"]
fn every_place_at_which_a_connection_can_be_lost() {
    let cuts = sweep_all(0, 1) + sweep_all(1, 1);
    assert!(cuts > 500, "only {cuts} places were tried");
}
