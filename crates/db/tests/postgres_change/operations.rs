//! Every operation: each step up, back and up again with the same schema and rows at each boundary,
//! while versions of the code on both sides of the step work; then all the way back.

use super::stories::{OTHER_ROWS, ROWS, Story, TABLES, stories, work};
use super::*;

/// Every row of the change's tables that are there.
fn contents(client: &mut Client, definition: &Definition) -> Vec<Vec<String>> {
    let surface = &definition.surface;
    let tables = std::iter::once(&surface.table).chain(&surface.also);
    let there = |client: &mut Client, table: &String| {
        let sql = "SELECT to_regclass($1) IS NOT NULL";
        let row = client.query_one(sql, &[table]).unwrap();
        row.get::<_, bool>(0)
    };
    let mut all = Vec::new();
    for table in tables {
        if there(client, table) {
            all.push(rows(client, table));
        }
    }
    all
}

fn every_step(story: &Story, with: &str) {
    let (url, mut client) = database(TABLES);
    client.batch_execute(OTHER_ROWS).unwrap();
    client.batch_execute(with).unwrap();
    let definition = define(&mut client, &story.request);
    let code = definition.code_steps().len();
    assert_eq!(code, story.code.len(), "{}", story.name);
    let mut engine = open(&url);
    let mut schema = asked(&url);
    let begun = meaning(&mut schema);
    let (mut position, mut number) = (0_usize, 1_000);
    work(&mut client, story, &[0], &mut number, "before");
    for step in &definition.steps {
        let at = format!("{}, {}", story.name, step.name);
        if matches!(step.work, Work::Code { .. }) {
            position += 1;
            let both = [position - 1, position];
            work(&mut client, story, &both, &mut number, &at);
            continue;
        }
        let before = (meaning(&mut schema), contents(&mut client, &definition));
        walk(&mut engine, &definition, &step.name, Direction::Up);
        let after = meaning(&mut schema);
        walk(&mut engine, &definition, &step.name, Direction::Down);
        assert_same(&before.0, &meaning(&mut schema), &format!("{at}: down"));
        if !story.is_lossy() {
            let now = contents(&mut client, &definition);
            assert_eq!(before.1, now, "{at}: rows after down");
        }
        walk(&mut engine, &definition, &step.name, Direction::Up);
        assert_same(&after, &meaning(&mut schema), &format!("{at}: up again"));
        work(&mut client, story, &[position], &mut number, &at);
    }
    for step in definition.steps.iter().rev() {
        if matches!(step.work, Work::Code { .. }) {
            position -= 1;
        } else {
            walk(&mut engine, &definition, &step.name, Direction::Down);
        }
        // What was written to the new shape alone cannot be read by old code where nothing says
        // how; the interlock lets no such code back.
        let lossy = story.name.contains("without a way back") || story.name == "drop a table";
        if !lossy {
            let at = format!("back before {}", step.name);
            work(&mut client, story, &[position], &mut number, &at);
        }
    }
    assert_same(
        &begun,
        &meaning(&mut schema),
        &format!("{}: all the way", story.name),
    );
    assert_eq!(engine.changes().unwrap(), Vec::<String>::new());
}

#[test]
fn every_operation_up_and_back_at_every_step_while_code_works() {
    for story in stories() {
        every_step(&story, ROWS);
    }
}

#[test]
fn every_operation_on_an_empty_table() {
    for story in stories() {
        every_step(&story, "");
    }
}
