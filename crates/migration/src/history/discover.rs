//! Finding folders of migrations in the paths of a repository, by names alone.

use std::collections::{BTreeMap, BTreeSet};

use super::path::{
    Backend, backend, base, for_migrations, join, left_out, parent, upwards, within,
};
use super::{Tool, atlas, evidence, flyway, order};
use crate::engine::Engine;

/// A folder that looks like one of migrations, and what has to be read to be sure.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Candidate {
    /// The folder, as the paths have it; empty for the place that they are relative to.
    pub path: String,
    /// The tools whose conventions the names follow, the likeliest first. A caller who knows better
    /// leaves only one.
    pub tools: Vec<Tool>,
    /// The engine that the name of the folder, or of one around it, says. A caller who knows better
    /// sets it.
    pub engine: Option<Engine>,
    /// The name of the engine, where it is none of [`Engine`].
    pub other_engine: Option<&'static str>,
    /// The SQL files that belong to it, in the order of their bytes; to be read.
    pub files: Vec<String>,
    /// Files beside them that may be migrations in code; their names are enough.
    pub code: Vec<String>,
    /// Further files that say which tool and which engine it is; to be read.
    pub evidence: Vec<String>,
    /// Whether names alone show that it is a folder of migrations. If not, only markers in the files
    /// do.
    pub sure: bool,
}

impl Candidate {
    /// Everything whose contents [`read()`](super::read()) asks for.
    pub fn wanted(&self) -> impl Iterator<Item = &str> {
        self.files.iter().chain(&self.evidence).map(String::as_str)
    }
}

/// The folders that look like migrations, in the order of their paths.
///
/// `paths` are those of all files, relative to one place, with single forward slashes and nothing
/// such as `./` in front; others are passed over. Folders of vendored code, of test data and of seeds are left out, and so is a
/// single `schema.sql`.
pub fn discover(paths: &[&str]) -> Vec<Candidate> {
    let survey = Survey::new(paths.iter().copied().filter(|path| {
        let folder = parent(path);
        // What sqlx prepares lies in a hidden folder.
        let prepared = base(folder) == ".sqlx";
        !left_out(if prepared { parent(folder) } else { folder })
    }));
    let mut homes = survey.homes("");
    // A folder of versions, such as `0.27`, belongs to the one around it.
    let versions: Vec<String> = homes
        .iter()
        .filter(|(home, it)| it.shape == Shape::Numbered && is_version(base(home)))
        .map(|(home, _)| home.clone())
        .filter(|home| for_migrations(parent(home)))
        .collect();
    for home in versions {
        let around = parent(&home).to_owned();
        if homes
            .get(&around)
            .is_none_or(|it| it.shape == Shape::Versions)
        {
            homes.remove(&home);
            homes.insert(around, Home::of(Shape::Versions));
        }
    }
    homes
        .iter()
        .filter_map(|(home, it)| survey.candidate(home, it))
        .collect()
}

/// A folder that somebody says is one of migrations: nothing is left out, and names are not asked
/// whether it is one. None if there is no SQL file in it.
pub fn at(folder: &str, paths: &[&str]) -> Option<Candidate> {
    let folder = folder.trim_end_matches('/');
    let inside = |path: &&str| {
        within(folder, path).is_none_or(|rest| {
            let inner = parent(rest);
            !inner
                .split('/')
                .any(|segment| segment.starts_with('.') && segment != ".sqlx")
        })
    };
    let survey = Survey::new(paths.iter().copied().filter(inside));
    let mut found: Vec<Home<'_>> = Vec::new();
    let mut scripts = Home::of(Shape::Flyway);
    for (home, it) in survey.homes(folder) {
        if it.shape == Shape::Flyway {
            scripts.folders.extend(it.folders);
        } else if home == folder {
            found.push(it);
        } else if it.shape == Shape::Numbered && is_version(base(&home)) {
            found.push(Home::of(Shape::Versions));
        }
    }
    if !scripts.folders.is_empty() {
        found.push(scripts);
    }
    // The first shape in the order of their declaration, which is from certain to vague.
    found.sort_by_key(|it| it.shape);
    let home = found
        .into_iter()
        .next()
        .unwrap_or(Home::of(Shape::Numbered));
    let mut candidate = survey.candidate(folder, &home)?;
    candidate.sure = true;
    Some(candidate)
}

/// How a folder keeps its migrations.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Shape {
    /// A folder for each, with `up.sql`.
    UpSql,
    /// A folder for each, with `migration.sql`.
    MigrationSql,
    /// `V1__name.sql`, also in folders below.
    Flyway,
    /// `1_name.up.sql`.
    UpDown,
    /// `1_name.up.sql` and `1_name.sql`.
    Mixed,
    /// Files in folders for each version, such as `0.27/00__name.sql`.
    Versions,
    /// `1_name.sql`.
    Numbered,
}

/// A folder that has migrations.
#[derive(Debug)]
struct Home<'a> {
    shape: Shape,
    /// The folders with its scripts, where they may lie anywhere below.
    folders: Vec<&'a str>,
}

impl Home<'_> {
    fn of(shape: Shape) -> Self {
        Home {
            shape,
            folders: Vec::new(),
        }
    }
}

/// The paths, sorted by what they are.
struct Survey<'a> {
    /// The names of SQL files by folder.
    sql: BTreeMap<&'a str, BTreeSet<&'a str>>,
    /// The names of files that may be code by folder.
    code: BTreeMap<&'a str, BTreeSet<&'a str>>,
    /// Files that say something of a folder.
    markers: Vec<&'a str>,
    /// The same, to look up.
    marked: BTreeSet<&'a str>,
}

impl<'a> Survey<'a> {
    fn new(paths: impl Iterator<Item = &'a str>) -> Self {
        let mut survey = Survey {
            sql: BTreeMap::new(),
            code: BTreeMap::new(),
            markers: Vec::new(),
            marked: BTreeSet::new(),
        };
        let mut queries = BTreeSet::new();
        for path in paths {
            let (folder, name) = (parent(path), base(path));
            // Neither from the root of a file system nor with an empty segment.
            let gap = !folder.is_empty() && folder.split('/').any(str::is_empty);
            if gap || join(folder, name) != path {
                continue;
            }
            if is_sql(name) {
                survey.sql.entry(folder).or_default().insert(name);
            } else if is_code(name) {
                survey.code.entry(folder).or_default().insert(name);
            }
            // One of the queries in `.sqlx` is as good as all.
            let again = base(folder) == ".sqlx" && !queries.insert(folder);
            if evidence::is_marker(path) && !again {
                survey.markers.push(path);
                survey.marked.insert(path);
            }
        }
        survey
    }

    /// The folders with migrations that are `top` or below it, and how they keep them.
    fn homes(&self, top: &str) -> BTreeMap<String, Home<'a>> {
        let mut homes: BTreeMap<String, Home<'a>> = BTreeMap::new();
        let mut put = |home: String, shape: Shape| {
            let old = homes.entry(home).or_insert(Home::of(shape));
            old.shape = old.shape.min(shape);
        };
        let mut scripts: Vec<&'a str> = Vec::new();
        for (folder, names) in &self.sql {
            if folder != &top && within(top, folder).is_none() {
                continue;
            }
            let around = || parent(folder).to_owned();
            if names.contains("up.sql") || names.contains("down.sql") {
                if folder != &top && base(folder).starts_with(|c: char| c.is_ascii_digit()) {
                    put(around(), Shape::UpSql);
                }
                continue;
            }
            if names.contains("migration.sql") && folder != &top {
                let locked = join(parent(folder), "migration_lock.toml");
                if base(folder).starts_with(|c: char| c.is_ascii_digit())
                    || self.marked.contains(locked.as_str())
                {
                    put(around(), Shape::MigrationSql);
                    continue;
                }
            }
            let count = |test: fn(&str) -> bool| names.iter().filter(|name| test(name)).count();
            let flyways = count(flyway::is_name);
            let up_downs = count(is_up_down);
            let numbered = count(is_numbered) - up_downs;
            if flyways > up_downs + numbered {
                scripts.push(folder);
            } else if up_downs > 0 {
                let shape = if numbered > 0 {
                    Shape::Mixed
                } else {
                    Shape::UpDown
                };
                put((*folder).to_owned(), shape);
            } else if numbered > 0 || self.marked.contains(join(folder, atlas::SUM).as_str()) {
                put((*folder).to_owned(), Shape::Numbered);
            }
        }
        for (home, folders) in self.locations(&scripts, top) {
            homes.insert(
                home,
                Home {
                    shape: Shape::Flyway,
                    folders,
                },
            );
        }
        homes
    }

    /// The locations of scripts for Flyway or refinery, with the folders that belong to each. Both
    /// tools look into folders below, so that those below one that is named for migrations belong
    /// together, unless they are for different engines or have the same versions.
    fn locations(&self, folders: &[&'a str], top: &str) -> BTreeMap<String, Vec<&'a str>> {
        let mut locations: BTreeMap<String, Vec<&'a str>> = BTreeMap::new();
        for folder in folders {
            let around = upwards(folder)
                .take_while(|above| *above == top || within(top, above).is_some())
                .find(|above| base(above).to_ascii_lowercase().contains("migrat"))
                .unwrap_or(folder);
            // Down again to a folder that is for one engine.
            let home = upwards(folder)
                .take_while(|below| *below != around)
                .filter(|below| backend(base(below)).is_some())
                .last()
                .unwrap_or(around);
            locations.entry(home.to_owned()).or_default().push(folder);
        }
        let mut apart = BTreeMap::new();
        for (home, folders) in locations {
            let mut versions = BTreeSet::new();
            let unique = folders
                .iter()
                .flat_map(|folder| self.sql.get(folder).into_iter().flatten())
                .filter_map(|name| flyway::parse(flyway::stem(name)?))
                .all(|name| match (name.role, name.key) {
                    (flyway::Role::Versioned, Some(key)) => versions.insert(key),
                    _ => true,
                });
            if unique || folders.len() == 1 {
                apart.insert(home, folders);
            } else {
                apart.extend(
                    folders
                        .into_iter()
                        .map(|folder| (folder.to_owned(), vec![folder])),
                );
            }
        }
        apart
    }

    /// Whether the names show that a folder holds migrations.
    fn is_sure(&self, home: &str, shape: Shape) -> bool {
        let has = |name: &str| self.marked.contains(join(home, name).as_str());
        match shape {
            Shape::UpSql
            | Shape::MigrationSql
            | Shape::Flyway
            | Shape::UpDown
            | Shape::Mixed
            | Shape::Versions => true,
            Shape::Numbered => for_migrations(home) || has(atlas::SUM) || has("meta/_journal.json"),
        }
    }

    fn candidate(&self, home: &str, it: &Home<'_>) -> Option<Candidate> {
        let shape = it.shape;
        let mut files = Vec::new();
        let mut code = Vec::new();
        for (folder, names) in &self.sql {
            let inner = if *folder == home {
                ""
            } else {
                match within(home, folder) {
                    Some(inner) => inner,
                    None => continue,
                }
            };
            let depth = inner.split('/').filter(|s| !s.is_empty()).count();
            let belongs = match shape {
                Shape::UpSql | Shape::MigrationSql => depth == 1,
                Shape::Flyway => it.folders.contains(folder),
                Shape::Versions => depth == 1 && is_version(inner),
                Shape::UpDown | Shape::Mixed | Shape::Numbered => depth == 0,
            };
            if !belongs {
                continue;
            }
            let wanted = |name: &&&str| match shape {
                Shape::UpSql => matches!(**name, "up.sql" | "down.sql"),
                Shape::MigrationSql => **name == "migration.sql",
                _ => true,
            };
            files.extend(names.iter().filter(wanted).map(|name| join(folder, name)));
            let beside = self.code.get(folder).into_iter().flatten();
            code.extend(beside.map(|name| join(folder, name)));
        }
        if files.is_empty() {
            return None;
        }
        if shape == Shape::Flyway {
            code.extend(self.java_beside(home));
        }
        files.sort_unstable();
        code.sort_unstable();
        let named = backend(home).map(|(backend, _)| backend);
        let mut evidence = evidence::choose(home, &self.markers);
        for file in &files {
            let own = evidence::of_script(file);
            evidence.extend(
                own.into_iter()
                    .filter(|path| self.marked.contains(path.as_str())),
            );
        }
        evidence.sort_by_key(|path| evidence::is_of_script(base(path)));
        evidence.dedup();
        Some(Candidate {
            path: home.to_owned(),
            tools: self.tools(home, shape),
            engine: match named {
                Some(Backend::Known(engine)) => Some(engine),
                _ => None,
            },
            other_engine: match named {
                Some(Backend::Other(name)) => Some(name),
                _ => None,
            },
            files,
            code,
            evidence,
            sure: self.is_sure(home, shape),
        })
    }

    /// Migrations in Java and its kin, which lie in a tree of sources with the same folders as the
    /// one of resources.
    fn java_beside(&self, home: &str) -> Vec<String> {
        let Some((_, package)) = home.split_once("resources/") else {
            return Vec::new();
        };
        let ends = format!("/{package}");
        self.code
            .iter()
            .filter(|(folder, _)| {
                **folder != home
                    && folder.ends_with(&ends)
                    && ["java/", "kotlin/", "groovy/", "scala/"]
                        .iter()
                        .any(|tree| folder.contains(tree))
            })
            .flat_map(|(folder, names)| names.iter().map(move |name| join(folder, name)))
            .filter(|path| flyway::is_name(base(path).split('.').next().unwrap_or_default()))
            .collect()
    }

    fn tools(&self, home: &str, shape: Shape) -> Vec<Tool> {
        let has = |name: &str| self.marked.contains(join(home, name).as_str());
        let atlas = has(atlas::SUM).then_some(Tool::Atlas);
        let flat = match shape {
            Shape::UpSql => return vec![Tool::Diesel],
            Shape::MigrationSql => return vec![Tool::Prisma],
            Shape::Flyway => return vec![Tool::Flyway, Tool::Refinery],
            Shape::Versions => return vec![Tool::Plain],
            Shape::UpDown => vec![Tool::GolangMigrate, Tool::Sqlx],
            Shape::Mixed => vec![Tool::Sqlx, Tool::GolangMigrate],
            Shape::Numbered if has("meta/_journal.json") => {
                return vec![Tool::Drizzle, Tool::Plain];
            }
            Shape::Numbered
                if home == "supabase/migrations" || home.ends_with("/supabase/migrations") =>
            {
                return vec![Tool::Supabase];
            }
            Shape::Numbered => vec![Tool::Sqlx],
        };
        let marked = [
            Tool::Goose,
            Tool::Dbmate,
            Tool::SqlMigrate,
            Tool::NodePgMigrate,
        ];
        let marked = marked.into_iter().filter(|_| shape != Shape::UpDown);
        flat.into_iter()
            .chain(atlas)
            .chain(marked)
            .chain([Tool::Plain])
            .collect()
    }
}

/// Whether a name ends with `.sql`, in any case.
pub(super) fn is_sql(name: &str) -> bool {
    flyway::stem(name).is_some()
}

/// Whether a name may be that of a migration in code.
fn is_code(name: &str) -> bool {
    let numbered = name.starts_with(|c: char| c.is_ascii_digit());
    match name.rsplit_once('.') {
        Some((stem, "go")) => numbered && !stem.ends_with("_test"),
        Some((stem, "js" | "ts" | "cjs" | "mjs" | "cts" | "mts")) => {
            numbered && !stem.ends_with(".d")
        }
        Some((stem, "rs" | "java" | "kt" | "groovy" | "scala")) => flyway::is_name(stem),
        _ => false,
    }
}

/// Whether a name begins with digits.
fn is_numbered(name: &str) -> bool {
    let (digits, rest) = order::digits(name);
    !digits.is_empty() && !rest.starts_with(|c: char| c.is_alphabetic())
}

/// Whether a name begins with digits and says which way it is.
fn is_up_down(name: &str) -> bool {
    is_numbered(name) && {
        let lower = name.to_ascii_lowercase();
        lower.contains(".up.") || lower.contains(".down.")
    }
}

/// Whether a name is a version: digits, and dots between them.
fn is_version(name: &str) -> bool {
    let name = name.strip_prefix(['v', 'V']).unwrap_or(name);
    name.split('.')
        .all(|part| !part.is_empty() && part.bytes().all(|b| b.is_ascii_digit()))
}
