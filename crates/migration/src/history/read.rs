//! Making a folder of the contents of its files.

mod decide;
mod files;
mod flat;
mod listed;
mod nested;
mod plain;
mod scripts;

use super::{Candidate, Folder, Tool};

/// Reads a folder: decides for good which tool's it is and which engine's, and puts its migrations
/// in the order in which the tool applies them.
///
/// `contents` gives the bytes of the files that [`Candidate::wanted`] lists; one that it does not
/// give is a migration that could not be read, or no evidence. None if a candidate whose names alone
/// were not enough turns out to be no folder of migrations.
pub fn read<'a>(
    candidate: &'a Candidate,
    contents: impl Fn(&str) -> Option<&'a [u8]>,
) -> Option<Folder> {
    let files = files::Files::new(candidate, &contents);
    let signs = decide::signs(candidate, &contents);
    let (tool, tool_because) = decide::tool(candidate, &contents, &files, &signs)?;
    let (backend, engine_because) = decide::backend(candidate, tool, &files, &signs);
    let mut folder = Folder::new(&candidate.path, tool, decide::engine(backend));
    folder.other_engine = decide::other_engine(backend);
    folder.because.tool = tool_because;
    folder.because.engine = engine_because;
    let mut build = files::Build::new(tool, folder.engine);
    match tool {
        Tool::Sqlx => flat::sqlx(&files, &mut build),
        Tool::GolangMigrate => flat::golang_migrate(&files, &mut build),
        Tool::Goose => flat::goose(&files, &mut build),
        Tool::Dbmate => flat::dbmate(&files, &mut build),
        Tool::SqlMigrate => flat::sql_migrate(&files, &mut build),
        Tool::NodePgMigrate => flat::node_pg_migrate(&files, &mut build),
        Tool::Diesel => nested::diesel(candidate, &files, &contents, &mut build),
        Tool::Prisma => nested::prisma(&files, &mut build),
        Tool::Flyway => {
            let may_mix = signs.iter().any(|sign| sign.mixed);
            scripts::flyway(&files, &contents, may_mix, &mut build);
        }
        Tool::Refinery => scripts::refinery(&files, &mut build),
        Tool::Drizzle => listed::drizzle(candidate, &files, &contents, &mut build),
        Tool::Atlas => listed::atlas(&files, &mut build),
        Tool::Supabase => listed::supabase(&files, &mut build),
        Tool::Plain => plain::plain(candidate, &files, &mut build),
    }
    listed::verify_sum(candidate, tool, &files, &contents, &mut build);
    (folder.migrations, folder.problems) = build.finish();
    Some(folder)
}
