//! The fill of a change, as `switchback change apply` does it, beside one `UPDATE`.

use switchback_db::fill::Next;
use switchback_db::postgres::PostgresDatabase;
use switchback_db::postgres::change::{FillEnd, Options};
use switchback_model::plan::Fill;
use switchback_model::{ChangeId, StepName};

use crate::arms::Arm;
use crate::scene::{Scene, VALUE};
use crate::{line, measure};

/// Both by turns, with nothing that holds the fill back but its own pauses. What it needs to be taken
/// back is kept, and all rows are looked at again at its end.
pub(crate) fn compare(rows: i64, rounds: i64) {
    let mut scene = Scene::new(rows, false);
    println!("{rows} rows, PostgreSQL {}", scene.version());
    for _ in 0..rounds {
        let used = measure(&mut scene, Arm::Whole);
        line(Arm::Whole.name(), &used, rows);
        let (name, url) = scene.copy();
        let before = scene.count(&url);
        fill(&url);
        let used = scene.used(&url, &before);
        scene.remove(&name);
        line("fill of a change", &used, rows);
    }
}

fn fill(url: &str) {
    let fill = Fill {
        change: ChangeId::new("search-name").unwrap(),
        step: StepName::new("expand").unwrap(),
        table: "public.customer".to_owned(),
        set: [("search_name".to_owned(), VALUE.to_owned())].into(),
        only: None,
        batch_rows: 1_000,
        keep_undo: true,
    };
    let mut database = PostgresDatabase::connect(url, Options::default(), 1).unwrap();
    let ended = database.fill(&fill, &mut (), &mut |_| Next::Continue);
    assert!(matches!(ended, Ok(FillEnd::Done(_))));
}
