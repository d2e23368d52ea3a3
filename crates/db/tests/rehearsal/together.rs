//! Two changes open at once, on one table where both are about it: the second one is planned while
//! the first one is under way, they go on by turns, and each can be taken back while the other one
//! is done. Planning may refuse the second one; what it does not refuse has to work.

use switchback_migration::Definition;
use switchback_migration::definition::Work;
use switchback_migration::steps;
use switchback_model::plan::Direction;
use switchback_model::{ChangeId, Effect, StepName};

/// One of so many pairs is taken where nobody asks for all, on a file and on a server. They share no
/// factor with the numbers of operations, so that each is taken with others.
const EVERY: [usize; 2] = [11, 23];

/// An engine's part: a database of its own for each pair.
trait Ground {
    /// Plans the operation with this number.
    fn plan(&mut self, operation: usize, id: &ChangeId) -> Result<Definition, String>;
    fn perform(&mut self, effect: &Effect) -> Result<(), String>;
    fn check_marks(&mut self, definition: &Definition) -> Result<(), String>;
    /// Schema and rows, without what Switchback keeps for itself.
    fn state(&mut self) -> Vec<String>;
}

/// How two operations got on.
#[derive(Default)]
struct Met {
    /// Pairs that were done and taken back in any order.
    done: usize,
    /// The second one cannot be planned beside the first one.
    not_planned: Vec<String>,
    /// They share a column, one of them stopped before it did harm, and what was done was taken back
    /// in the opposite order.
    stopped: Vec<String>,
    wrong: Vec<String>,
}

fn names(definition: &Definition) -> Vec<StepName> {
    let steps = definition.steps.iter();
    let of_database = steps.filter(|step| matches!(step.work, Work::Database { .. }));
    of_database.map(|step| step.name.clone()).collect()
}

type Move<'m> = (&'m Definition, StepName);

fn walk(
    ground: &mut dyn Ground,
    (definition, step): &Move<'_>,
    direction: Direction,
) -> Result<(), String> {
    let at = |error| format!("{}, {step} {direction:?}: {error}", definition.title);
    let planned = steps::planned(definition, step, direction).map_err(|it| at(it.to_string()))?;
    for planned in planned {
        ground.perform(&planned.effect).map_err(at)?;
    }
    Ok(())
}

fn check_marks(ground: &mut dyn Ground, of: &[&Definition]) -> Result<(), String> {
    of.iter().try_for_each(|one| {
        let checked = ground.check_marks(one);
        checked.map_err(|error| format!("the marks of {}: {error}", one.title))
    })
}

/// The second operation begins when the first one has begun; then they end in turn. The first one is
/// taken back before the second one, or after it.
fn meet(
    ground: &mut dyn Ground,
    [first, second]: [usize; 2],
    first_goes_first: bool,
    share: bool,
    met: &mut Met,
) -> Result<(), String> {
    let id = |text| ChangeId::new(text).unwrap();
    let begun = ground.state();
    let one = ground.plan(first, &id("one")).unwrap();
    let of_one: Vec<Move<'_>> = names(&one).into_iter().map(|step| (&one, step)).collect();
    walk(ground, &of_one[0], Direction::Up)?;
    check_marks(ground, &[&one])?;
    let two = match ground.plan(second, &id("two")) {
        Ok(two) => two,
        Err(reason) => {
            met.not_planned.push(reason);
            return Ok(());
        }
    };
    // On the command line only one of them may be on its way.
    let is_over = of_one.len() == 1;
    if let Some(what) = one.shared_with(&two).filter(|_| !is_over) {
        met.not_planned.push(format!("both are about {what}"));
        return Ok(());
    }
    let of_two: Vec<Move<'_>> = names(&two).into_iter().map(|step| (&two, step)).collect();
    let both = [&one, &two];
    let order = [&of_two[..1], &of_one[1..], &of_two[1..]].concat();
    let mut done = of_one[..1].to_vec();
    let mut stopped = None;
    for next in order {
        let before = ground.state();
        if let Err(error) = walk(ground, &next, Direction::Up) {
            if ground.state() != before {
                return Err(format!("left in part: {error}"));
            }
            stopped = Some(error);
            break;
        }
        done.push(next);
        if let Err(error) = check_marks(ground, &both) {
            stopped = Some(error);
            break;
        }
    }
    match stopped {
        Some(reason) if !share => return Err(reason),
        Some(reason) => {
            met.stopped.push(reason);
            done.reverse();
        }
        None => {
            let order = match first_goes_first {
                true => [of_two, of_one],
                false => [of_one, of_two],
            };
            done = order.concat();
            done.reverse();
            met.done += 1;
        }
    }
    for last in &done {
        walk(ground, last, Direction::Down)?;
    }
    let ended = ground.state();
    let only = |these: &[String], those: &[String]| {
        let left = these.iter().filter(|it| !those.contains(it)).take(4);
        left.cloned().collect::<Vec<_>>().join("\n  ")
    };
    if ended != begun {
        return Err(format!(
            "{} and {}: gone\n  {}\nnew\n  {}",
            one.title,
            two.title,
            only(&begun, &ended),
            only(&ended, &begun)
        ));
    }
    Ok(())
}

/// Every pair that is taken, each on ground of its own. An operation is told by what it is asked for.
fn meet_all(asked: &[String], ground: &dyn Fn() -> Box<dyn Ground>, taken: impl Fn(usize) -> bool) {
    let mut met = Met::default();
    let count = asked.len();
    for pair in (0..count * count).filter(|pair| taken(*pair)) {
        let operations = [pair / count, pair % count];
        let [one, two] = operations.map(|it| touched(&asked[it]));
        let share = one.iter().any(|it| two.contains(it));
        let mut ground = ground();
        let result = meet(&mut *ground, operations, pair % 2 == 0, share, &mut met);
        if let Err(error) = result {
            met.wrong.push(format!("{operations:?}: {error}"));
        }
    }
    for reason in &met.not_planned {
        println!("not planned: {reason}");
    }
    for reason in &met.stopped {
        println!("stopped: {reason}");
    }
    println!(
        "{} pairs done and taken back, {} not planned, {} stopped",
        met.done,
        met.not_planned.len(),
        met.stopped.len()
    );
    let wrong = &met.wrong;
    assert!(
        wrong.is_empty(),
        "{} wrong:\n{}",
        wrong.len(),
        wrong.join("\n")
    );
    assert!(met.done > 2 * (met.not_planned.len() + met.stopped.len()));
}

/// Columns and tables of [`crate::sqlite`] and [`crate::postgres`].
const SHARED: &[&str] = &[
    "full_name",
    "email_addr",
    "street",
    "pager",
    "fax",
    "amount",
    "state",
    "account",
    "faxes",
    "accounts",
];

fn touched(asked: &str) -> Vec<&'static str> {
    let words: Vec<&str> = asked
        .split(|c: char| !(c.is_alphanumeric() || c == '_'))
        .collect();
    SHARED
        .iter()
        .copied()
        .filter(|it| words.contains(it))
        .collect()
}

mod on_sqlite {
    use rusqlite::Connection;
    use switchback_db::sqlite::{FillEnd, Next, Options, Progress, SqliteDatabase};
    use switchback_db::with_sources;
    use switchback_migration::sqlite::rename::Mode;
    use switchback_model::Timestamp;
    use tempfile::TempDir;

    use super::*;
    use crate::sqlite::{ROWS, files, requests};

    struct File {
        folder: TempDir,
    }

    impl File {
        fn open(&self) -> SqliteDatabase {
            let path = self.folder.path().join("shop.db");
            SqliteDatabase::open(&path, Options::default()).unwrap()
        }
    }

    impl Ground for File {
        fn plan(&mut self, operation: usize, id: &ChangeId) -> Result<Definition, String> {
            let planned = self.open().plan(id, &requests()[operation], Mode::Triggers);
            planned.unwrap().map_err(|error| with_sources(&error))
        }

        fn perform(&mut self, effect: &Effect) -> Result<(), String> {
            let mut database = self.open();
            let mut go_on = |_: &Progress| Next::Continue;
            let now = Timestamp::from_millis(1_800_000_000_000);
            let done = match effect {
                Effect::Script(script) => database.run_script(script, "test", now).map(drop),
                Effect::Fill(fill) => database.fill(fill, &mut go_on).map(drop::<FillEnd>),
                Effect::Unfill(fill) => database.unfill(fill, &mut go_on).map(drop),
                Effect::MoveValue(_) => panic!("not a database effect"),
            };
            done.map_err(|error| with_sources(&error))
        }

        fn check_marks(&mut self, definition: &Definition) -> Result<(), String> {
            let checked = self.open().check_marks(definition);
            checked.map(drop).map_err(|error| with_sources(&error))
        }

        fn state(&mut self) -> Vec<String> {
            let connection = Connection::open(self.folder.path().join("shop.db")).unwrap();
            let tables = "SELECT name FROM sqlite_schema WHERE type = 'table'
                AND name NOT LIKE '\\_switchback\\_%' ESCAPE '\\' ORDER BY 1";
            let mut statement = connection.prepare(tables).unwrap();
            let names = statement.query_map([], |row| row.get::<_, String>(0));
            let names: Vec<String> = names.unwrap().map(Result::unwrap).collect();
            let mut lines = vec![self.open().full_fingerprint().unwrap().to_string()];
            for name in names {
                let sql = format!("SELECT * FROM \"{name}\" ORDER BY 1");
                let mut statement = connection.prepare(&sql).unwrap();
                let columns = statement.column_count();
                let rows = statement.query_map([], |row| {
                    let cells = (0..columns).map(|at| Ok(format!("{:?}", row.get_ref(at)?)));
                    let cells = cells.collect::<rusqlite::Result<Vec<_>>>()?;
                    Ok(format!("{name}: {}", cells.join(" ")))
                });
                lines.extend(rows.unwrap().map(Result::unwrap));
            }
            lines
        }
    }

    #[test]
    fn two_changes_at_once() {
        let ground = || {
            Box::new(File {
                folder: files(ROWS),
            }) as Box<dyn Ground>
        };
        let asked: Vec<String> = requests().iter().map(|it| format!("{it:?}")).collect();
        meet_all(&asked, &ground, |pair| pair % EVERY[0] == 0);
    }

    #[test]
    #[ignore = "takes a minute; the test above takes some of them"]
    fn every_two_changes_at_once() {
        let ground = || {
            Box::new(File {
                folder: files(ROWS),
            }) as Box<dyn Ground>
        };
        let asked: Vec<String> = requests().iter().map(|it| format!("{it:?}")).collect();
        meet_all(&asked, &ground, |_| true);
    }
}

#[cfg(feature = "postgres")]
mod on_postgres {
    use ::postgres::Client;
    use switchback_db::fill::Next;
    use switchback_db::postgres::change::{PostgresDatabase, Progress};
    use switchback_db::postgres::{Session, fingerprint, schema};
    use switchback_db::with_sources;
    use switchback_migration::operation::request::Request;
    use switchback_migration::postgres::plan;
    use switchback_model::Timestamp;

    use super::*;
    use crate::crash::postgres::options;
    use crate::postgres::{database, stories};

    struct Server {
        url: String,
        client: Client,
        requests: Vec<Request>,
    }

    fn requests() -> Vec<Request> {
        stories::stories()
            .into_iter()
            .map(|it| it.request)
            .collect()
    }

    fn server() -> Box<dyn Ground> {
        let (url, mut client) = database();
        client.batch_execute(stories::ROWS).unwrap();
        client.batch_execute(stories::OTHER_ROWS).unwrap();
        Box::new(Server {
            url,
            client,
            requests: requests(),
        })
    }

    impl Ground for Server {
        fn plan(&mut self, operation: usize, id: &ChangeId) -> Result<Definition, String> {
            let known = schema::read(&mut self.client).unwrap();
            let planned = plan(&known, id, &self.requests[operation]);
            planned.map_err(|error| with_sources(&error))
        }

        fn perform(&mut self, effect: &Effect) -> Result<(), String> {
            let mut database = PostgresDatabase::connect(&self.url, options(), 1).unwrap();
            let mut go_on = |_: &Progress| Next::Continue;
            let now = Timestamp::from_millis(1_800_000_000_000);
            let done = match effect {
                Effect::Script(script) => {
                    let ran = database.run_script(script, "test", now, &mut ());
                    ran.map(drop)
                }
                Effect::Fill(fill) => database.fill(fill, &mut (), &mut go_on).map(drop),
                Effect::Unfill(fill) => database.unfill(fill, &mut (), &mut go_on).map(drop),
                Effect::MoveValue(_) => panic!("not a database effect"),
            };
            done.map_err(|error| with_sources(&error))
        }

        fn check_marks(&mut self, definition: &Definition) -> Result<(), String> {
            let mut database = PostgresDatabase::connect(&self.url, options(), 1).unwrap();
            let checked = database.check_marks(definition);
            checked.map(drop).map_err(|error| with_sources(&error))
        }

        fn state(&mut self) -> Vec<String> {
            let mut session = Session::connect(&self.url).unwrap();
            let meaning = fingerprint::meaning(&mut session).unwrap();
            let lines = meaning.lines().iter().map(|line| format!("{line:?}"));
            let mut lines: Vec<String> = lines.filter(|it| !it.contains("_switchback")).collect();
            let tables = "SELECT oid::regclass::text FROM pg_class
                WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace ORDER BY 1";
            for table in self.client.query(tables, &[]).unwrap() {
                let table: String = table.get(0);
                let sql = format!("SELECT to_jsonb(t)::text FROM {table} AS t ORDER BY 1");
                let rows = self.client.query(&sql, &[]).unwrap();
                let row = |row: &::postgres::Row| format!("{table}: {}", row.get::<_, String>(0));
                lines.extend(rows.iter().map(row));
            }
            lines
        }
    }

    #[test]
    fn two_changes_at_once() {
        let asked: Vec<String> = requests().iter().map(|it| format!("{it:?}")).collect();
        meet_all(&asked, &server, |pair| pair % EVERY[1] == 0);
    }

    #[test]
    #[ignore = "takes minutes; the test above takes some of them"]
    fn every_two_changes_at_once() {
        let asked: Vec<String> = requests().iter().map(|it| format!("{it:?}")).collect();
        meet_all(&asked, &server, |_| true);
    }
}
