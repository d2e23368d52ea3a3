//! That the tests can fail: each rule that is taken from a world, and each way in which a machine
//! can misbehave, breaks what it is there for.

use proptest::strategy::{Strategy, ValueTree};
use proptest::test_runner::TestRunner;

use super::super::*;
use super::life::{Run, story};
use super::world::Broken;

/// What is broken, but for a fence without epochs, which chance finds rarely; and the names of what that may break.
const EACH: [(Broken, &[&str]); 26] = [
    (Broken::NoFence, &["only-a-holder-writes"]),
    (Broken::EpochStays, &["one-holder"]),
    (Broken::TakesWhatIsHeld, &["leases-are-respected"]),
    (Broken::LeaseNeverRunsOut, &["it-comes-to-its-end"]),
    (Broken::ClosesWhileOthersWork, &["walks-are-whole"]),
    (Broken::OneWalkIsEnough, &["done-is-right"]),
    (Broken::WritesWhilePaused, &["at-rest-nothing-is-written"]),
    (Broken::BatchIsNotAtomic, &["counts-are-true"]),
    (
        Broken::PlaceFromMemory,
        &["looked-at-once", "places-go-forward"],
    ),
    (Broken::WritesWhatIsRight, &["no-duplicate-effects"]),
    (Broken::FrontierComesShort, &["ranges-divide-the-rows"]),
    (Broken::FrontierGoesTooFar, &["ranges-divide-the-rows"]),
    (Broken::CountsWhatWasAsked, &["counts-are-true"]),
    (Broken::LateRowsAreMissed, &["done-is-right"]),
    (Broken::NeverRenews, &["leases-are-renewed"]),
    (Broken::NeverRests, &["a-pause-is-kept"]),
    (Broken::WorksUnallowed, &["only-what-is-allowed"]),
    (Broken::SleepsLong, &["waits-are-short"]),
    (Broken::SleepsPastItsLease, &["leases-are-renewed"]),
    (Broken::LargeBatches, &["batches-within-bounds"]),
    (Broken::DeafToStop, &["a-stop-is-heard"]),
    (Broken::DeafToLoss, &["it-comes-to-its-end"]),
    (
        Broken::DeafToTheEnd,
        &["the-end-is-the-end", "it-comes-to-its-end"],
    ),
    (Broken::KeepsWhatItLeaves, &["what-is-held-is-given-back"]),
    (Broken::Restless, &["it-comes-to-its-end"]),
    (Broken::NeverCloses, &["it-comes-to-its-end"]),
];

/// Stories until something breaks.
const MOST_STORIES: u32 = 1_500;

#[test]
fn whatever_is_taken_away_is_missed() {
    let mut unseen = Vec::new();
    for (broken, expected) in EACH {
        let mut runner = TestRunner::deterministic();
        let stories = story(false);
        let found = (1..=MOST_STORIES).find_map(|many| {
            let story = stories.new_tree(&mut runner).unwrap().current();
            Some((many, Run::whole(&story, broken).err()?))
        });
        match found {
            Some((many, violation)) if expected.contains(&violation.name) => {
                println!("{broken:?}: {} in story {many}", violation.name);
            }
            other => unseen.push((broken, other)),
        }
    }
    assert!(unseen.is_empty(), "{unseen:#?}");
}

/// The same stories, in which nothing is broken, are about what they are meant to be about.
#[test]
fn stories_are_about_what_they_should_be() {
    let mut runner = TestRunner::deterministic();
    let stories = story(false);
    let (mut taken, mut lost, mut long, mut off, mut most) = (0, 0, 0, 0, 0);
    for _ in 0..300 {
        let story = stories.new_tree(&mut runner).unwrap().current();
        let run = Run::whole(&story, Broken::Nothing).unwrap();
        taken += u32::from(run.taken > 0);
        lost += u32::from(run.lost > 0);
        long += u32::from(run.database.walk > 2);
        off += u32::from(run.database.status == JobStatus::Cancelled);
        most = most.max(run.steps);
    }
    println!("of 300: taken over {taken}, lost {lost}, 3 walks {long}, off {off}, steps {most}");
    assert!(taken > 30 && lost > 30 && long > 10 && off > 10);
}
