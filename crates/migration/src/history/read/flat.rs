//! Tools that keep a file or two for each migration in one folder, with the version in front.

use super::files::{Build, File, Files, Id};
use crate::engine::Engine;
use crate::history::order::{Key, digits};
use crate::history::sections::{dbmate as dbmate_file, goose as goose_file};
use crate::history::sections::{node_pg_migrate as node_file, sql_migrate as sql_migrate_file};
use crate::history::{ProblemKind, Wrapped};

/// sqlx: `<version>_<name>.sql`, `.up.sql` and `.down.sql`; versions are 64-bit numbers and may have
/// a sign. Other names are passed over, and one without a number in front of `_` stops it. A file
/// runs in a transaction unless it begins with `-- no-transaction`, which MySQL's driver does not
/// look at; then it is sent whole.
/// <https://github.com/launchbadge/sqlx/blob/9d6bf662/sqlx-core/src/migrate/source.rs>,
/// <https://github.com/launchbadge/sqlx/blob/9d6bf662/sqlx-postgres/src/migrate.rs>
pub(super) fn sqlx(files: &Files<'_>, build: &mut Build) {
    for file in files.sql.iter().copied() {
        let Some((number, rest)) = file
            .name
            .split_once('_')
            .filter(|_| file.name.ends_with(".sql"))
        else {
            build.misnamed(
                file,
                "without `_` and `.sql` in the name, sqlx passes the file over",
            );
            continue;
        };
        let Ok(version) = number.parse::<i64>() else {
            build.misnamed(file, "sqlx stops at a name with no whole number before `_`");
            continue;
        };
        let plain = file
            .text()
            .is_some_and(|text| text.starts_with("-- no-transaction"));
        let wrap = if plain && build.engine != Some(Engine::Mysql) {
            Wrapped::OneMessage
        } else {
            Wrapped::Transaction
        };
        let (up, suffix) = if rest.ends_with(".down.sql") {
            (false, ".down.sql")
        } else if rest.ends_with(".up.sql") {
            (true, ".up.sql")
        } else {
            (true, ".sql")
        };
        let name = rest.trim_end_matches(suffix);
        let id = Id::new(Key::Int(version.into()), version.to_string(), name);
        let part = build.whole(file, wrap);
        if up {
            build.up(id, part);
        } else {
            build.down(id, part);
        }
    }
}

/// golang-migrate: `<version>_<name>.up.sql` and `.down.sql`; versions are unsigned 64-bit numbers.
/// Other names are passed over. SQLite's driver opens a transaction, all others send the file whole
/// (unless the address of the database has `x-multi-statement` or `x-no-tx-wrap`).
/// <https://github.com/golang-migrate/migrate/blob/18966c75/source/parse.go>,
/// <https://github.com/golang-migrate/migrate/blob/18966c75/database/postgres/postgres.go>,
/// <https://github.com/golang-migrate/migrate/blob/18966c75/database/sqlite3/sqlite3.go>
pub(super) fn golang_migrate(files: &Files<'_>, build: &mut Build) {
    let wrap = match build.engine {
        Some(Engine::Sqlite) => Wrapped::Transaction,
        _ => Wrapped::OneMessage,
    };
    for file in files.sql.iter().copied() {
        let Some((version, name, up)) = up_or_down(file.name) else {
            build.misnamed(
                file,
                "without a number, `_` and `.up.` or `.down.` in the name, golang-migrate passes \
                 the file over",
            );
            continue;
        };
        let id = Id::new(Key::Int(version.into()), version.to_string(), name);
        let part = build.whole(file, wrap);
        if up {
            build.up(id, part);
        } else {
            build.down(id, part);
        }
    }
}

/// The version, the name, and whether it is a way up. The last `.up.` or `.down.` counts.
fn up_or_down(name: &str) -> Option<(u64, &str, bool)> {
    let (number, rest) = digits(name);
    let rest = rest.strip_prefix('_')?;
    let way = [(".up.", true), (".down.", false)]
        .into_iter()
        .filter_map(|(mark, up)| Some((rest.rfind(mark)?, up)))
        .max()?;
    Some((number.parse().ok()?, rest.get(..way.0)?, way.1))
}

/// goose: `<version>_<name>.sql` with both ways; versions are 64-bit numbers above zero. Files in Go
/// have their place in the order.
/// <https://github.com/pressly/goose/blob/520411a1/provider_collect.go>
pub(super) fn goose(files: &Files<'_>, build: &mut Build) {
    let id_of = |name: &str| {
        let (stem, _) = name.rsplit_once('.')?;
        // As in goose, the number ends at the first `_` of the whole name.
        let (number, _) = name.split_once('_')?;
        let version = number.parse::<i64>().ok().filter(|version| *version > 0)?;
        let name = stem.split_once('_').map_or("", |(_, name)| name);
        Some(Id::new(Key::Int(version.into()), version.to_string(), name))
    };
    for file in files.sql.iter().copied() {
        match id_of(file.name).filter(|_| file.name.ends_with(".sql")) {
            Some(id) => build.divided(&id, file, goose_file::divide),
            None => build.misnamed(
                file,
                "without a number above zero before `_`, goose passes the file over or stops",
            ),
        }
    }
    for file in files.code_in(&["go"]) {
        if let Some(id) = id_of(file.name) {
            build.code(id, file);
        }
    }
}

/// dbmate: names that begin with digits, in the order of their bytes; the version is those digits as
/// text.
/// <https://github.com/amacneil/dbmate/blob/f3e08f15/pkg/dbmate/db.go>
pub(super) fn dbmate(files: &Files<'_>, build: &mut Build) {
    let mut versions: Vec<(&str, File<'_>)> = Vec::new();
    for file in files.sql.iter().copied() {
        let (number, rest) = digits(file.name);
        let Some(name) = rest.strip_suffix(".sql").filter(|_| !number.is_empty()) else {
            build.misnamed(file, "without digits in front, dbmate passes the file over");
            continue;
        };
        let name = name.trim_start_matches(['_', '-', ' ', '.']);
        let id = Id::new(Key::Text(file.name.to_owned()), number, name);
        build.divided(&id, file, dbmate_file::divide);
        // Names differ, so that the order does not show versions that are the same.
        match versions.iter().find(|(other, _)| *other == number) {
            Some((_, other)) => {
                let kind = ProblemKind::SameVersion {
                    version: number.to_owned(),
                    other: other.path.to_owned(),
                };
                build.problem(file.path, kind);
            }
            None => versions.push((number, file)),
        }
    }
}

/// sql-migrate: every `.sql` file; those with a number in front first and by it, the rest by name.
/// <https://github.com/rubenv/sql-migrate/blob/563a2f03/migrate.go>
pub(super) fn sql_migrate(files: &Files<'_>, build: &mut Build) {
    for file in files.sql.iter().copied() {
        let Some(stem) = file.name.strip_suffix(".sql") else {
            build.misnamed(
                file,
                "sql-migrate passes over what does not end with `.sql`",
            );
            continue;
        };
        let (number, rest) = digits(stem);
        let name = rest.trim_start_matches(['_', '-', ' ', '.']);
        // The whole name is what it is known by, so that equal numbers are no mistake.
        let key = match number.parse::<i64>() {
            Ok(version) => Key::Ranked(version.into(), file.name.to_owned()),
            Err(_) => Key::Text(file.name.to_owned()),
        };
        let id = Id::new(key, stem, if name.is_empty() { stem } else { name });
        build.divided(&id, file, sql_migrate_file::divide);
    }
}

/// node-pg-migrate: names with a number in front, ordered by it; one of 17 digits is a date and
/// counts as milliseconds. Migrations in JavaScript and TypeScript have their place in the order.
/// <https://github.com/salsita/node-pg-migrate/blob/55b10c22/src/utils/fileNameUtils.ts>
pub(super) fn node_pg_migrate(files: &Files<'_>, build: &mut Build) {
    let id_of = |file: &File<'_>| {
        let (stem, _) = file.name.rsplit_once('.')?;
        let (number, rest) = digits(stem);
        let key = Key::Ranked(milliseconds(number)?, file.name.to_owned());
        let name = rest.trim_start_matches(['_', '-', ' ', '.']);
        Some(Id::new(key, stem, name))
    };
    for file in files.sql.iter().copied() {
        match id_of(&file) {
            Some(id) => build.divided(&id, file, node_file::divide),
            None => build.misnamed(
                file,
                "node-pg-migrate stops at a name without digits in front",
            ),
        }
    }
    for file in files.code_in(&["js", "ts", "cjs", "mjs", "cts", "mts"]) {
        if let Some(id) = id_of(&file) {
            build.code(id, file);
        }
    }
}

/// The number that node-pg-migrate orders by. 17 digits are year, month, day, hours, minutes,
/// seconds and milliseconds in UTC.
fn milliseconds(number: &str) -> Option<i128> {
    let value: i128 = number.parse().ok()?;
    if number.len() != 17 {
        return Some(value);
    }
    let part = |from: usize, to: usize| number.get(from..to)?.parse::<i128>().ok();
    let (year, month, day) = (part(0, 4)?, part(4, 6)?, part(6, 8)?);
    // Days of the proleptic Gregorian calendar, with years that begin in March:
    // https://howardhinnant.github.io/date_algorithms.html#days_from_civil
    let shifted = if month > 2 { year } else { year - 1 };
    let day_of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    let days = 365 * shifted + shifted / 4 - shifted / 100 + shifted / 400 + day_of_year - 719_468;
    let seconds = part(8, 10)? * 3600 + part(10, 12)? * 60 + part(12, 14)?;
    Some((days * 86_400 + seconds) * 1000 + part(14, 17)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_way_in_a_name_counts() {
        assert_eq!(up_or_down("1_a.up.sql"), Some((1, "a", true)));
        assert_eq!(up_or_down("30_a.up..sql"), Some((30, "a", true)));
        assert_eq!(up_or_down("1_a.up.down.sql"), Some((1, "a.up", false)));
        assert_eq!(up_or_down("007_.down.sql"), Some((7, "", false)));
        assert_eq!(up_or_down("1a.up.sql"), None);
        assert_eq!(up_or_down("99999999999999999999_a.up.sql"), None);
        assert_eq!(up_or_down("1_aup.sql"), None);
    }

    #[test]
    fn seventeen_digits_are_a_date() {
        assert_eq!(milliseconds("20200513070724505"), Some(1_589_353_644_505));
        assert_eq!(milliseconds("19700101000000000"), Some(0));
        assert_eq!(milliseconds("1589353644505"), Some(1_589_353_644_505));
        assert_eq!(milliseconds("0001"), Some(1));
    }
}
