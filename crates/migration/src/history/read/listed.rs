//! Tools that keep a list of their files, or take every file of a folder by name.

use super::files::{Build, Files, Id};
use crate::history::order::{Key, digits};
use crate::history::path::{base, join, parent};
use crate::history::{Candidate, Part, ProblemKind, Tool, Wrapped, atlas as sums};

/// Atlas: every `.sql` file of the folder in the order of the bytes of names; the version is what is
/// before the first `_`. A file runs in a transaction unless `-- atlas:txmode none` stands above it;
/// statements are sent one by one. `-- atlas:checkpoint` stands for everything before.
/// <https://github.com/ariga/atlas/blob/a5e0aecc/sql/migrate/dir.go>,
/// <https://github.com/ariga/atlas/blob/a5e0aecc/cmd/atlas/internal/cmdapi/migrate.go>
pub(super) fn atlas(files: &Files<'_>, build: &mut Build) {
    for file in files.sql.iter().copied() {
        let Some(stem) = file.name.strip_suffix(".sql") else {
            build.misnamed(file, "Atlas passes over what does not end with `.sql`");
            continue;
        };
        let text = file.text().unwrap_or_default();
        let wrap = match sums::directives(text, "txmode").as_slice() {
            [] | ["file"] => Wrapped::Transaction,
            ["none"] => Wrapped::Nothing,
            [.., other] => {
                let what = format!("`atlas:txmode {other}`, which Atlas refuses in a file");
                build.problem(file.path, ProblemKind::Section(what));
                Wrapped::Transaction
            }
        };
        let (version, name) = stem.split_once('_').unwrap_or((stem, ""));
        let part = build.whole(file, wrap);
        let id = Id::new(Key::Text(file.name.to_owned()), version, name);
        let checkpoint = !sums::directives(text, "checkpoint").is_empty();
        build.up(id, part).baseline = checkpoint;
    }
}

/// Compares the files with `atlas.sum`, where there is one. Atlas keeps it for the folders of other
/// tools too, and then takes the files that it takes for theirs.
/// <https://github.com/ariga/atlas/blob/a5e0aecc/sql/sqltool/tool.go>
pub(super) fn verify_sum<'a>(
    candidate: &Candidate,
    tool: Tool,
    files: &Files<'a>,
    contents: &impl Fn(&str) -> Option<&'a [u8]>,
    build: &mut Build,
) {
    let path = join(&candidate.path, sums::SUM);
    if !candidate.evidence.contains(&path) {
        return;
    }
    let Some(text) = contents(&path).and_then(|bytes| std::str::from_utf8(bytes).ok()) else {
        return;
    };
    let suffix = match tool {
        Tool::GolangMigrate => ".up.sql",
        Tool::Atlas | Tool::Goose | Tool::Dbmate | Tool::Sqlx | Tool::Plain => ".sql",
        // Flyway's order is another, and the rest has no format of Atlas's.
        _ => return,
    };
    let mut summed: Vec<(&str, &[u8])> = Vec::new();
    for file in &files.sql {
        let in_folder = parent(file.path) == candidate.path;
        if in_folder && file.name.ends_with(suffix) {
            // Without all contents nothing can be said.
            let Some(bytes) = file.bytes else { return };
            summed.push((file.name, bytes));
        }
    }
    summed.sort_unstable_by_key(|(name, _)| *name);
    if let Some((name, span, kind)) = sums::verify(text, sums::SUM, &summed) {
        match name {
            Some(name) => build.problem_at(&join(&candidate.path, &name), span, kind),
            None => build.problem_at(&path, span, kind),
        }
    }
}

/// Supabase: `<digits>_<name>.sql` in the order of the bytes of names; others are passed over, and
/// so is a first `<timestamp>_init.sql` from before 9 December 2021. All statements of a file and
/// the record of it are sent together and are one transaction.
/// <https://github.com/supabase/cli/blob/1d1e7191/apps/cli-go/pkg/migration/list.go>,
/// <https://github.com/supabase/cli/blob/1d1e7191/apps/cli-go/pkg/migration/file.go>
pub(super) fn supabase(files: &Files<'_>, build: &mut Build) {
    for (nth, file) in files.sql.iter().copied().enumerate() {
        let (version, rest) = digits(file.name);
        let name = rest
            .strip_prefix('_')
            .and_then(|rest| rest.strip_suffix(".sql"));
        let Some(name) = name.filter(|_| !version.is_empty()) else {
            build.misnamed(
                file,
                "without digits and `_` in front, Supabase passes the file over",
            );
            continue;
        };
        let is_old = version.len() == 14 && version < "20211209000000" && name == "init";
        if nth == 0 && is_old {
            build.misnamed(
                file,
                "Supabase passes over an `init` from before December 2021",
            );
            continue;
        }
        let part = build.whole(file, Wrapped::Transaction);
        build.up(Id::new(Key::Text(version.to_owned()), version, name), part);
    }
}

/// Drizzle's list of files, in the folder.
pub(super) const JOURNAL: &str = "meta/_journal.json";

/// Drizzle: the files of `meta/_journal.json` in its order, `<tag>.sql`, all that are pending in one
/// transaction. A file that the journal does not list never runs.
/// <https://github.com/drizzle-team/drizzle-orm/blob/b7862528/drizzle-orm/src/migrator.ts>,
/// <https://github.com/drizzle-team/drizzle-orm/blob/b7862528/drizzle-orm/src/pg-core/dialect.ts>
pub(super) fn drizzle<'a>(
    candidate: &Candidate,
    files: &Files<'a>,
    contents: &impl Fn(&str) -> Option<&'a [u8]>,
    build: &mut Build,
) {
    let journal = join(&candidate.path, JOURNAL);
    let tags = contents(&journal).map(tags);
    let Some(tags) = tags.unwrap_or_default() else {
        let what =
            "the journal is not the JSON that Drizzle reads, so that files are taken by name";
        build.problem(&journal, ProblemKind::Section(what.to_owned()));
        for file in files.sql.iter().copied() {
            let stem = file.name.strip_suffix(".sql").unwrap_or(file.name);
            let part = build.whole(file, Wrapped::Transaction);
            build.up(drizzle_id(Key::Text(file.name.to_owned()), stem), part);
        }
        return;
    };
    for (place, tag) in tags.iter().enumerate() {
        let id = drizzle_id(Key::Place(place), tag);
        let path = join(&candidate.path, &format!("{tag}.sql"));
        let part = match files.sql.iter().find(|file| file.path == path) {
            Some(file) => build.whole(*file, Wrapped::Transaction),
            None => {
                let name = base(&path).to_owned();
                build.problem(&journal, ProblemKind::Missing { name });
                Part::unreadable(&path, Wrapped::Transaction)
            }
        };
        build.up(id, part);
    }
    for file in &files.sql {
        let listed = file
            .name
            .strip_suffix(".sql")
            .is_some_and(|stem| tags.iter().any(|tag| tag == stem));
        if !listed {
            let kind = ProblemKind::Unlisted {
                file: journal.clone(),
            };
            build.problem(file.path, kind);
        }
    }
}

fn drizzle_id(key: Key, tag: &str) -> Id {
    let (version, name) = tag.split_once('_').unwrap_or((tag, ""));
    Id::new(key, version, name)
}

/// The tags of a journal in its order.
pub(super) fn tags(bytes: &[u8]) -> Option<Vec<String>> {
    let journal: serde_json::Value = serde_json::from_slice(bytes).ok()?;
    journal
        .get("entries")?
        .as_array()?
        .iter()
        .map(|entry| Some(entry.get("tag")?.as_str()?.to_owned()))
        .collect()
}
