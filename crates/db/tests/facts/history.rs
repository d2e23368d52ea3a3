//! What a history of statements comes to, against what the server has after running it.

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
            let mut tally = Tally::new(file.name, major);
            tally.compared = template.read.relations.len();
            let all = template.folded.difference(&template.read);
            tally.wrong = all.iter().map(ToString::to_string).collect();
            tally
        };
        files.iter().map(one).collect()
    });
}
