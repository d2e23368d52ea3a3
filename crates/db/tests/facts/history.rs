//! What a history of statements comes to, against what the server has after running it.

use switchback_migration::schema::{Difference, Schema};
use switchback_testkit::postgres::Server;

use crate::cases::File;
use crate::run::{self, Tally, prepare};

/// The schemas of files of cases.
pub(crate) fn setups<'f>(files: impl Iterator<Item = &'f File>) {
    let files: Vec<&File> = files.collect();
    run::everywhere(|server: &Server| {
        let major = server.major();
        let one = |file: &&File| {
            let url = server.database().unwrap();
            let template = prepare(&url, &file.setup(major), major);
            let mut tally = Tally::new(&file.name, major);
            tally.compared = template.read.relations.len();
            tally.wrong = differences(&template.folded, &template.read);
            tally
        };
        files.iter().map(one).collect()
    });
}

/// In what a folded schema differs from one that was read, words that mean the same aside.
pub(crate) fn differences(folded: &Schema, there: &Schema) -> Vec<String> {
    let all = folded.difference(there);
    let matters = |it: &&Difference| match it {
        Difference::Changed { before, after, .. } => {
            as_server_writes(before) != as_server_writes(after)
        }
        Difference::Missing(_) | Difference::LeftOver(_) => true,
    };
    all.iter()
        .filter(matters)
        .map(ToString::to_string)
        .collect()
}

/// A definition as the server would write it: it has other words for some that mean the same.
fn as_server_writes(text: &str) -> String {
    let mut text = text.replace(" notnull", " is not null").replace("- ", "-");
    while let Some((before, rest)) = text.split_once(" between ") {
        let (column, (low, high)) = (
            before.rsplit(['(', ' ']).next().unwrap_or_default(),
            rest.split_once(" and ").unwrap_or((rest, "")),
        );
        text = format!("{before} >= {low} and {column} <= {high}");
    }
    while let Some((before, rest)) = text.split_once(" in (") {
        let (list, rest) = rest.split_once(')').unwrap_or((rest, ""));
        text = format!("{before} = any(array[{list}]){rest}");
    }
    // Numbers stand in quotes where their type is not that of a number.
    text.replace('\'', "")
}
