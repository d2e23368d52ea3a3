//! Every operation through the binary: planned from a SQLite database, with what is shown, what is
//! written and what is refused; and two of them walked through the ledger to their end and back.

#![expect(
    clippy::unwrap_used,
    reason = "clippy takes only functions that are tests for tests"
)]

mod shop;

use std::collections::BTreeMap;

use rusqlite::Connection;
use serde_json::{Value, json};
use shop::{CHANGE, Keep, Shop, Sync, check_refused, dump_without_control};

/// Tables beside `users`, for what cannot be done with it.
const TABLES: &str = "
    CREATE TABLE people (
        id integer PRIMARY KEY, full_name text NOT NULL, street text, city text, fax text,
        pager text NOT NULL, amount integer NOT NULL,
        state text NOT NULL CONSTRAINT people_state CHECK (state IN ('new', 'old', 'lost')),
        price real);
    INSERT INTO people VALUES
        (1, 'Ada Lovelace', 'Main St', 'London', NULL, 'p', 5, 'new', 1.5),
        (2, 'Mary Evans', 'Side St', NULL, 'f', 'p', -7, 'lost', NULL),
        (3, 'Cher X', NULL, NULL, NULL, 'p', 0, 'old', 2);
    CREATE TABLE faxes (id integer PRIMARY KEY, number text);
    CREATE TABLE calls (id integer PRIMARY KEY, fax integer REFERENCES faxes (id));
    CREATE TABLE lines (number text PRIMARY KEY) WITHOUT ROWID;
    CREATE VIEW fax_numbers AS SELECT number FROM faxes;
    CREATE TABLE pagers (id integer PRIMARY KEY);
    CREATE TABLE odd (fax integer, CHECK (odd.fax > 0));
    CREATE TABLE clubs (id integer PRIMARY KEY, name text);
    INSERT INTO clubs VALUES (1, 'one'), (2, 'two');
    CREATE TABLE rooms (club integer PRIMARY KEY REFERENCES clubs, title text NOT NULL, name text);
    INSERT INTO rooms VALUES (2, 'hall', NULL);";

fn with_tables() -> Shop {
    let shop = Shop::new(Keep::Sqlite);
    for environment in ["staging", "production"] {
        let database = Connection::open(shop.database(environment)).unwrap();
        database.execute_batch(TABLES).unwrap();
    }
    shop
}

/// `change new` and its arguments: words, where what stands after `=` up to the end of the line is
/// one argument.
fn arguments(lines: &str) -> Vec<String> {
    let mut all = vec!["change".to_owned(), "new".to_owned()];
    for line in lines.lines() {
        match line.split_once(": ") {
            Some((flag, value)) => all.extend([format!("--{flag}"), value.to_owned()]),
            None => all.push(line.to_owned()),
        }
    }
    all
}

/// An operation: its arguments, the change's id, its steps (those of the code in parentheses), and
/// lines that must be among what is shown.
struct Story {
    ask: &'static str,
    id: &'static str,
    steps: &'static str,
    shows: &'static [&'static str],
}

const STORIES: [Story; 17] = [
    Story {
        ask: "add-column\ntable: people\ncolumn: nickname\ntype: text\ndefault: 'none'",
        id: "add-people-nickname",
        steps: "expand (use)",
        shows: &[
            "Add people.nickname",
            "ALTER TABLE people ADD COLUMN nickname text DEFAULT 'none';",
            "  expand  holds the write lock for a moment",
        ],
    },
    Story {
        ask: "add-required-column\ntable: people\ncolumn: segment\ntype: text\n\
              value: CASE WHEN amount > 3 THEN 'large' ELSE 'small' END",
        id: "add-people-segment",
        steps: "expand (write) backfill (read) require",
        shows: &[
            "ALTER TABLE people ADD COLUMN segment text;",
            "ALTER TABLE people ALTER COLUMN segment SET NOT NULL;",
            "  backfill  goes through 3 rows of people in short transactions, with pauses for other \
             writers",
            "  require   holds the write lock while 3 rows of people are read",
            "set = { \"segment\" = \"CASE WHEN amount > 3 THEN 'large' ELSE 'small' END\" }",
        ],
    },
    Story {
        ask: "rename-column\ntable: people\nfrom: fax\nto: fax_number",
        id: "rename-people-fax",
        steps: "expand (switch-reads) (stop-old-writes) contract",
        shows: &["Rename people.fax to people.fax_number"],
    },
    Story {
        ask: "rename-column\ntable: people\nfrom: fax\nto: fax_number\nsync: application\nid: by-hand",
        id: "by-hand",
        steps: "expand (dual-write) backfill (switch-reads) (stop-old-writes) contract",
        shows: &["# old -> dual-write -> switch-reads -> stop-old-writes"],
    },
    Story {
        ask: "split-column\ntable: people\nfrom: full_name\n\
              to: first_name text = substr(full_name, 1, instr(full_name, ' ') - 1)\n\
              to: last_name text = substr(full_name, instr(full_name, ' ') + 1)\n\
              back: full_name = first_name || ' ' || last_name",
        id: "split-people-full-name",
        steps: "expand (switch-reads) (stop-old-writes) contract",
        shows: &[
            "Split people.full_name into first_name, last_name",
            "            goes through 3 rows of people in short transactions, with pauses for other \
             writers",
        ],
    },
    Story {
        ask: "merge-columns\ntable: people\nfrom: street\nfrom: city\n\
              to: address text = street || ', ' || city\n\
              back: street = substr(address, 1, instr(address, ', ') - 1)\n\
              back: city = substr(address, instr(address, ', ') + 2)",
        id: "merge-people-street-city",
        steps: "expand (switch-reads) (stop-old-writes) contract",
        shows: &["Merge street, city of people into address"],
    },
    Story {
        ask: "change-type\ntable: people\nfrom: price\nto: cents integer = round(price * 100)\n\
              back: price = cents / 100.0",
        id: "change-type-people-price",
        steps: "expand (switch-reads) (stop-old-writes) contract",
        shows: &["Give people.price another type, as cents"],
    },
    Story {
        ask: "add-enum-value\ntable: people\ncolumn: state\nvalue: gone\nfallback: old",
        id: "allow-people-state-gone",
        steps: "expand (accept) clear (emit)",
        shows: &[
            "Let people.state take 'gone'",
            "UPDATE people SET state = 'old' WHERE state = 'gone';",
        ],
    },
    Story {
        ask: "remove-enum-value\ntable: people\ncolumn: state\nvalue: lost\nreplacement: old",
        id: "remove-people-state-lost",
        steps: "(stop) replace contract",
        shows: &["Let people.state take 'lost' no more"],
    },
    Story {
        ask: "add-index\ntable: people\nkey: city\nkey: lower(street)\nwhere: city IS NOT NULL",
        id: "index-people-city-lower-street",
        steps: "index",
        shows: &[
            "CREATE INDEX people_city_lower_street_idx ON people (city, lower(street)) WHERE city IS \
             NOT NULL;",
            "  index  holds the write lock while 3 rows of people are read and an index of them is \
             written",
        ],
    },
    Story {
        ask: "add-check\ntable: people\nname: people_amount_positive\nrule: amount >= 0\n\
              mend: amount = 0",
        id: "check-people-amount-positive",
        steps: "(obey) mend verify require",
        shows: &[
            "ALTER TABLE people ADD CONSTRAINT people_amount_positive CHECK (amount >= 0);",
            "set = { \"amount\" = \"0\" }",
            "only = \"NOT (amount >= 0)\"",
        ],
    },
    Story {
        ask: "add-not-null\ntable: people\ncolumn: street\nvalue: ''",
        id: "require-people-street",
        steps: "(obey) mend verify require",
        shows: &["ALTER TABLE people ALTER COLUMN street SET NOT NULL;"],
    },
    Story {
        ask: "add-foreign-key\ntable: people\ncolumn: amount\nto: faxes\nto-column: id\n\
              on-delete: cascade",
        id: "link-people-amount",
        steps: "(obey) verify build require",
        shows: &[
            "ALTER TABLE people ADD CONSTRAINT people_amount_fkey FOREIGN KEY (amount) REFERENCES \
             faxes (id) ON DELETE CASCADE;",
            "run = \"rebuild\"",
            "  require  makes the table again, and holds the write lock while 3 rows of people are \
             copied",
        ],
    },
    Story {
        ask: "add-unique\ntable: people\ncolumn: full_name",
        id: "unique-people-full-name",
        steps: "(obey) verify require",
        shows: &["CREATE UNIQUE INDEX people_full_name_key ON people (full_name);"],
    },
    Story {
        ask: "drop-column\ntable: people\ncolumn: pager\ndefault: 'none'",
        id: "drop-people-pager",
        steps: "relax (stop-reads) (stop-writes) contract",
        shows: &["ALTER TABLE people RENAME COLUMN pager TO \"sb_drop-people-pager_archive\";"],
    },
    Story {
        ask: "drop-table\ntable: pagers",
        id: "drop-pagers",
        steps: "relax (stop-reads) (stop-writes) contract",
        shows: &["ALTER TABLE pagers RENAME TO \"sb_drop-pagers_archive\";"],
    },
    Story {
        ask: "merge-tables\nfrom: rooms\ninto: clubs\nas: name = room_name",
        id: "merge-rooms-into-clubs",
        steps: "expand constrain (switch-reads) (stop-old-writes) contract",
        shows: &[
            "Merge rooms into clubs",
            "ALTER TABLE clubs ADD COLUMN room_name TEXT;",
        ],
    },
];

#[test]
fn every_operation_is_planned_shown_and_written() {
    let shop = with_tables();
    let folder = |id: &str| shop.cli.folder().join("changes").join(id);
    for Story {
        ask,
        id,
        steps,
        shows,
    } in STORIES
    {
        // Shown only: nothing is written.
        let mut asked = arguments(ask);
        asked.push("--dry-run".to_owned());
        let shown = shop.ok_with(&asked, ask);
        for line in shows {
            assert!(shown.lines().any(|it| it == *line), "{line}:\n{shown}");
        }
        assert!(!folder(id).exists(), "{ask}");

        asked.retain(|it| it != "--dry-run");
        asked.extend(["--format".to_owned(), "json".to_owned()]);
        let written: Value = serde_json::from_str(&shop.ok_with(&asked, ask)).unwrap();
        assert_eq!(written["schema"], "switchback.change-new/v1");
        assert_eq!(written["change"], id);
        assert_eq!(written["engine"], "sqlite");
        let found = written["steps"].as_array().unwrap().iter().map(|step| {
            let name = step["name"].as_str().unwrap();
            match step["kind"].as_str().unwrap() {
                "code" => {
                    assert!(!step["needs"].as_str().unwrap().is_empty(), "{ask}: {name}");
                    format!("({name})")
                }
                _ => {
                    assert_ne!(step["does"], json!([]), "{ask}: {name}");
                    name.to_owned()
                }
            }
        });
        assert_eq!(found.collect::<Vec<_>>().join(" "), steps, "{ask}");
        let files: BTreeMap<&str, &str> = written["files"]
            .as_array()
            .unwrap()
            .iter()
            .map(|file| {
                (
                    file["name"].as_str().unwrap(),
                    file["content"].as_str().unwrap(),
                )
            })
            .collect();
        let there = std::fs::read_dir(folder(id)).unwrap();
        assert_eq!(there.count(), files.len());
        for (name, content) in files {
            let path = folder(id).join(name);
            assert_eq!(std::fs::read_to_string(path).unwrap(), content);
        }
        // A second one is not written over the first.
        check_refused(&shop.cli.run(arguments(ask)).unwrap(), ask, 1, "SB0111");
        // What was written can be read, and its next step planned.
        let plan = shop.json(&format!("change plan {id} --env staging"));
        assert_eq!(plan["schema"], "switchback.plan-view/v1");
        let (work, planned) = (&plan["work"], &plan["plan"]["steps"]);
        let length = |value: &Value| value.as_array().unwrap().len();
        assert!(
            length(planned) > 0 && length(work) == length(planned),
            "{plan}"
        );
    }
    let status = shop.json("change status");
    assert_eq!(status["changes"].as_array().unwrap().len(), STORIES.len());
}

#[test]
fn the_first_step_of_every_operation_goes_up_and_back() {
    let shop = with_tables();
    // The engine compares the schema's meaning; a CHECK that was swapped is spelled otherwise.
    let dump = || {
        let mut lines = dump_without_control(&shop.database("staging"));
        lines.retain(|line| !line.contains("CREATE TABLE people"));
        lines
    };
    let before = dump();
    let mut applied = 0;
    for Story { ask, id, steps, .. } in STORIES {
        // Those that begin with code have no step yet that could be applied.
        if steps.starts_with('(') {
            continue;
        }
        shop.ok_with(arguments(ask), ask);
        shop.commit(&shop.cli.folder(), "feat: plan a change");
        shop.ok(&format!("change apply {id} --env staging --yes"));
        let plan = shop.ok(&format!("change plan {id} --env staging --undo"));
        assert!(plan.contains("admitted"), "{plan}");
        let status = shop.json("status --env staging");
        let next = status["environments"][0]["next"].as_array().unwrap();
        let undo = json!(format!("switchback change undo {id} --env staging"));
        assert!(next.contains(&undo), "{ask}: {next:?}");
        shop.ok(&format!("change undo {id} --env staging --yes"));
        assert!(dump() == before, "{ask}");
        applied += 1;
    }
    assert_eq!(applied, 12);
    shop.state();
}

#[test]
fn what_cannot_be_planned_is_refused_with_a_way_out() {
    let shop = with_tables();
    let move_of = "change-type\ntable: people\nfrom: price\nto: cents integer = price * 100\n";
    for (ask, exit, code, says) in [
        // The command line.
        (
            "add-column\ntable: people\ncolumn: x",
            2,
            "SB0109",
            "--type",
        ),
        (
            "add-column\ntable: people\ncolumn: x\ntype: text\ndefault: 1; DROP TABLE users",
            2,
            "SB0109",
            "`;`",
        ),
        (
            "split-column\ntable: people\nfrom: full_name\nto: a text = full_name",
            2,
            "SB0109",
            "change-type",
        ),
        (
            "split-column\ntable: people\nfrom: full_name\nto: a = full_name",
            2,
            "SB0109",
            "COLUMN TYPE = VALUE",
        ),
        (
            "merge-columns\ntable: people\nfrom: street\nto: a text = street",
            2,
            "SB0109",
            "at least two --from",
        ),
        (
            &format!("{move_of}back: amount = cents"),
            2,
            "SB0109",
            "which --from does not name",
        ),
        (
            "merge-tables\nfrom: rooms\ninto: clubs\nas: name",
            2,
            "SB0109",
            "COLUMN = NAME",
        ),
        (
            "merge-tables\nfrom: rooms\ninto: clubs\nas: name = a\nas: name = b",
            2,
            "SB0109",
            "more than once",
        ),
        (
            "merge-tables\nfrom: rooms\ninto: clubs",
            1,
            "SB0404",
            "it already has a column `name`",
        ),
        (
            "merge-tables\nfrom: faxes\ninto: clubs",
            1,
            "SB0404",
            "`faxes`: the view `fax_numbers` mentions the table",
        ),
        (
            "merge-tables\nfrom: pagers\ninto: clubs",
            1,
            "SB0404",
            "`pagers`: it has no foreign key to the primary key of the other table",
        ),
        (
            "add-index\ntable: people\nkey: city\nmethod: gin",
            2,
            "SB0109",
            "only for PostgreSQL",
        ),
        (
            "add-foreign-key\ntable: people\ncolumn: fax\nto: faxes\nto-column: id\nto-column: number",
            2,
            "SB0109",
            "one --to-column for each",
        ),
        // The table.
        ("drop-table\ntable: nothing", 1, "SB0404", "no table"),
        (
            "add-column\ntable: people\ncolumn: fax\ntype: text",
            1,
            "SB0404",
            "choose another name",
        ),
        (
            "drop-column\ntable: people\ncolumn: pager",
            1,
            "SB0404",
            "say with --default",
        ),
        (
            "add-foreign-key\ntable: people\ncolumn: fax\nto: faxes\nto-column: number",
            1,
            "SB0404",
            "add-unique",
        ),
        (
            "add-foreign-key\ntable: odd\ncolumn: fax\nto: faxes\nto-column: id",
            1,
            "SB0404",
            "no such column: odd.fax",
        ),
        (
            "add-foreign-key\ntable: people\ncolumn: fax\nto: faxes\nto-column: id\n\
             name: people_state",
            1,
            "SB0404",
            "another --name",
        ),
        (
            "drop-column\ntable: faxes\ncolumn: number",
            1,
            "SB0404",
            "drop the view `fax_numbers` before the change",
        ),
        (
            "add-enum-value\ntable: people\ncolumn: city\nvalue: Oslo",
            1,
            "SB0404",
            "hold `city` to one CHECK with a name",
        ),
        (
            "add-required-column\ntable: lines\ncolumn: x\ntype: text\nvalue: ''",
            1,
            "SB0404",
            "with a row id",
        ),
        (
            "split-column\ntable: people\nfrom: full_name\nto: a text = full_name\nto: b text = ''",
            1,
            "SB0404",
            "--back \"full_name = …\"",
        ),
        // The database, which tries it.
        (
            "add-required-column\ntable: people\ncolumn: x\ntype: text\nvalue: upper(full_nam)",
            1,
            "SB0404",
            "the database refuses step `backfill`: no such column: full_nam",
        ),
        (
            "add-column\ntable: people\ncolumn: x\ntype: text\ndefault: (random())",
            1,
            "SB0404",
            "the database refuses --default",
        ),
        (
            "add-check\ntable: people\nname: c\nrule: amuont > 0",
            1,
            "SB0404",
            "no such column: amuont",
        ),
        (
            "add-index\ntable: people\nkey: city\nname: calls",
            1,
            "SB0404",
            "the database refuses step `index`",
        ),
        (
            &format!("{move_of}back: price = cent / 100"),
            1,
            "SB0404",
            "no such column",
        ),
    ] {
        let traces = shop.traces();
        let ran = shop.cli.run(arguments(ask)).unwrap();
        assert_eq!(shop.traces(), traces, "{ask}");
        if code == "SB0109" {
            // What clap says has no hint of ours.
            assert_eq!((ran.code, ran.stdout.as_str()), (exit, ""), "{ask}");
            assert!(ran.stderr.contains("SB0109"), "{ask}: {}", ran.stderr);
        } else {
            check_refused(&ran, ask, exit, code);
        }
        assert!(ran.stderr.contains(says), "{ask}: {}", ran.stderr);
    }
}

/// Commits code that is at a step of a change and records it as a release.
fn release(shop: &Shop, change: &str, version: &str, step: &str) {
    let file = format!("changes/{change}/change.toml");
    let text = shop.cli.read(&file).unwrap();
    let code = text.lines().find(|line| line.starts_with("code = "));
    let moved = text.replacen(code.unwrap(), &format!("code = \"{step}\""), 1);
    shop.cli.write(&file, moved).unwrap();
    shop.commit(&shop.cli.folder(), &format!("feat: {step}"));
    shop.ok(&format!("release record --version {version}"));
}

/// The states of a change in an environment: what stands at each step.
fn states(shop: &Shop, environment: usize) -> Vec<String> {
    let status = shop.json("change status");
    let steps = status["changes"][0]["steps"].as_array().unwrap();
    let state = |step: &Value| step["environments"][environment]["state"].clone();
    let state = |step| state(step).as_str().unwrap().to_owned();
    steps.iter().map(state).collect()
}

fn query(shop: &Shop, environment: &str, sql: &str) -> Result<String, String> {
    let database = Connection::open(shop.database(environment)).unwrap();
    database
        .query_row(sql, [], |row| row.get::<_, Option<String>>(0))
        .map(|it| it.unwrap_or_else(|| "NULL".to_owned()))
        .map_err(|error| error.to_string())
}

fn execute(shop: &Shop, environment: &str, sql: &str) -> Result<usize, String> {
    let database = Connection::open(shop.database(environment)).unwrap();
    database.execute(sql, []).map_err(|error| error.to_string())
}

#[test]
fn a_required_column_from_the_first_step_to_the_last_and_back() {
    let shop = Shop::new(Keep::Sqlite);
    let change = "add-users-segment";
    let apply = |environment: &str| format!("change apply {change} --env {environment} --yes");
    let undo = |environment: &str| format!("change undo {change} --env {environment} --yes");
    let before = dump_without_control(&shop.database("staging"));
    shop.ok_with(
        arguments(
            "add-required-column\ntable: users\ncolumn: segment\ntype: text\n\
             value: CASE WHEN id > 100 THEN 'late' ELSE 'early' END",
        ),
        "new",
    );
    shop.commit(&shop.cli.folder(), "feat: plan a segment for every user");
    release(&shop, change, "1.1.0", "write");
    release(&shop, change, "1.2.0", "read");

    // The column first, then the code that writes it, then the rows from before.
    shop.refused_on_record("promote --version 1.1.0 --env staging", 1, "SB0301");
    shop.ok(&apply("staging"));
    let error = shop.refused_on_record(&apply("staging"), 1, "SB0301");
    assert!(error.contains("app 1.0.0"), "{error}");
    shop.deploy("1.1.0", "staging");
    shop.wait_for_window();
    execute(
        &shop,
        "staging",
        "INSERT INTO users (name, email_addr, segment) VALUES ('new', 'new@x', 'own')",
    )
    .unwrap();
    shop.refused_on_record("promote --version 1.2.0 --env staging", 1, "SB0301");
    shop.ok(&apply("staging"));
    let count = "SELECT group_concat(segment || ' ' || n) FROM
        (SELECT segment, count(*) AS n FROM users GROUP BY segment ORDER BY segment)";
    assert_eq!(
        query(&shop, "staging", count).unwrap(),
        "early 100,late 100,own 1"
    );
    assert_eq!(states(&shop, 0), ["yes", "yes", "yes", "no", "no"]);

    // The backfill has a way back of its own, and does not take what code wrote.
    shop.ok(&undo("staging"));
    assert_eq!(query(&shop, "staging", count).unwrap(), "own 1");
    shop.ok(&apply("staging"));

    // Too early: the version that does not know the column could not write any more.
    shop.deploy("1.2.0", "staging");
    shop.wait_for_window();
    let plan = shop.ok(&format!("change plan {change} --env staging"));
    assert!(
        plan.contains("ALTER TABLE users ALTER COLUMN segment SET NOT NULL;\n  → holds the write")
            && plan.contains("201 rows of users are read"),
        "{plan}"
    );
    shop.ok(&apply("staging"));
    assert_eq!(shop.run(&apply("staging")).code, 3);
    let without = "INSERT INTO users (name, email_addr) VALUES ('x', 'x@x')";
    let error = execute(&shop, "staging", without).unwrap_err();
    assert!(error.contains("NOT NULL"), "{error}");
    shop.ok(&undo("staging"));
    execute(&shop, "staging", without).unwrap();
    execute(&shop, "staging", "DELETE FROM users WHERE name = 'x'").unwrap();
    shop.ok(&apply("staging"));
    assert_eq!(states(&shop, 0), ["yes", "no", "yes", "yes", "yes"]);

    // In production the version before may come back for a day, and leaves the column out: so
    // nobody may rely on it. When it is back, the rows have to be filled again.
    shop.ok(&apply("production"));
    shop.deploy("1.1.0", "production");
    shop.ok(&apply("production"));
    let error = shop.refused_on_record("promote --version 1.2.0 --env production", 1, "SB0301");
    assert!(
        error.contains("app 1.0.0, which is a rollback target"),
        "{error}"
    );
    shop.ok("rollback --to 1.0.0 --env production");
    shop.ok("rollout finish --env production");
    assert_eq!(states(&shop, 1), ["yes", "no", "no", "no", "no"]);
    shop.ok(&undo("production"));
    shop.ok(&undo("production"));
    assert_eq!(dump_without_control(&shop.database("production")), before);
    shop.state();
}

#[test]
fn a_column_goes_and_comes_back() {
    let shop = Shop::new(Keep::Sqlite);
    let change = "drop-users-name";
    let apply = |environment: &str| format!("change apply {change} --env {environment} --yes");
    let undo = |environment: &str| format!("change undo {change} --env {environment} --yes");
    let before = dump_without_control(&shop.database("staging"));
    let names = "SELECT group_concat(name) FROM users";
    let all = query(&shop, "staging", names).unwrap();
    shop.ok_with(
        arguments("drop-column\ntable: users\ncolumn: name\ndefault: 'nobody'"),
        "new",
    );
    shop.commit(&shop.cli.folder(), "feat: plan the end of users.name");
    release(&shop, change, "1.1.0", "stop-reads");
    release(&shop, change, "1.2.0", "stop-writes");

    // Nothing may be left out before the database lets it be.
    let error = shop.refused_on_record("promote --version 1.2.0 --env staging", 1, "SB0301");
    assert!(
        error.contains(&format!("switchback change apply {change} --env staging")),
        "{error}"
    );
    for environment in ["staging", "production"] {
        shop.ok(&apply(environment));
        let error = shop.refused_on_record(&apply(environment), 1, "SB0301");
        assert!(error.contains("app 1.0.0, which is live, reads"), "{error}");
        shop.deploy("1.1.0", environment);
    }
    shop.wait_for_window();
    shop.deploy("1.2.0", "staging");
    execute(
        &shop,
        "staging",
        "INSERT INTO users (email_addr) VALUES ('new@x')",
    )
    .unwrap();
    let with_new = query(&shop, "staging", names).unwrap();
    assert_eq!(with_new, format!("{all},nobody"));
    shop.wait_for_window();
    shop.ok(&apply("staging"));
    query(&shop, "staging", names).unwrap_err();
    assert_eq!(states(&shop, 0), ["yes", "no", "yes", "yes"]);
    let plan = shop.ok(&format!("change plan {change} --env staging --undo"));
    assert!(
        plan.contains("RENAME COLUMN \"sb_drop-users-name_archive\" TO name"),
        "{plan}"
    );
    shop.ok(&undo("staging"));
    assert_eq!(query(&shop, "staging", names).unwrap(), with_new);
    shop.ok(&apply("staging"));

    // In production those who name it may come back for a day; and so all the way back.
    shop.deploy("1.2.0", "production");
    let error = shop.refused_on_record(&apply("production"), 1, "SB0301");
    assert!(
        error.contains("app 1.1.0, which is a rollback target"),
        "{error}"
    );
    shop.ok("rollback --to 1.0.0 --env production");
    shop.ok("rollout finish --env production");
    shop.ok(&undo("production"));
    assert_eq!(dump_without_control(&shop.database("production")), before);
    assert_eq!(shop.run(&undo("production")).code, 3);
    shop.state();
}

#[test]
#[ignore = "crates/db looks for broken foreign keys of the table that is gone"]
fn a_table_goes_and_comes_back() {
    let shop = with_tables();
    let change = "drop-pagers";
    let apply = format!("change apply {change} --env staging --yes");
    let undo = format!("change undo {change} --env staging --yes");
    let before = dump_without_control(&shop.database("staging"));
    shop.ok("change new drop-table --table pagers");
    shop.commit(&shop.cli.folder(), "feat: plan the end of pagers");
    release(&shop, change, "1.1.0", "stop-reads");
    release(&shop, change, "1.2.0", "stop-writes");
    shop.ok(&apply);
    shop.deploy("1.1.0", "staging");
    shop.wait_for_window();
    shop.deploy("1.2.0", "staging");
    shop.wait_for_window();
    shop.ok(&apply);
    query(&shop, "staging", "SELECT count(*) FROM pagers").unwrap_err();
    // The table of the change is gone, and the way back is there all the same.
    shop.ok(&format!("change plan {change} --env staging --undo"));
    shop.ok(&undo);
    // SQLite writes a name that it changed with quotes.
    let after = dump_without_control(&shop.database("staging"));
    let plain = |line: &String| line.replace('"', "");
    let [after, before] = [after, before].map(|dump| dump.iter().map(plain).collect::<Vec<_>>());
    assert_eq!(after, before);
    shop.ok(&apply);
    shop.state();
}

/// Two changes on one table go on side by side; two of one column do not.
#[test]
fn changes_of_other_columns_are_on_their_way_at_the_same_time() {
    let shop = Shop::new(Keep::Sqlite);
    let columns = "SELECT group_concat(name, ' ') FROM pragma_table_info('users')";
    let before = query(&shop, "staging", columns).unwrap();
    shop.plan_change(Sync::Triggers);
    shop.ok(&format!("change apply {CHANGE} --env staging"));
    // Planned beside the triggers of the other one.
    shop.ok("change new drop-column --table users --column name --default 'x' --id gone");
    let new = "change new rename-column --table users --from email_addr --to mail --id again";
    let error = shop.refused(new, 1, "SB0404");
    assert!(error.contains("belongs to another change"), "{error}");
    assert!(!error.contains("drop the trigger"), "{error}");
    shop.ok("change new add-not-null --table users --column email --value 'x' --id strict");
    shop.commit(&shop.cli.folder(), "feat: plan two more");
    let strict = "change apply strict --env staging";
    let error = shop.refused(strict, 1, "SB0410");
    assert!(error.contains("both are about users.email"), "{error}");
    shop.refused("change plan strict --env staging", 1, "SB0410");
    shop.ok("change apply gone --env staging");
    let write = "INSERT INTO users (email_addr) VALUES ('late@example.org')";
    execute(&shop, "staging", write).unwrap();
    let late = "SELECT name || ' ' || email FROM users WHERE email_addr = 'late@example.org'";
    let late = query(&shop, "staging", late).unwrap();
    assert_eq!(late, "x late@example.org");
    shop.ok(&format!("change undo {CHANGE} --env staging --yes"));
    // The way is free; the column of the first one is gone, so it is planned anew.
    let error = shop.run(strict);
    assert!(!error.stderr.contains("SB0410"), "{}", error.stderr);
    shop.ok("change undo gone --env staging --yes");
    assert_eq!(query(&shop, "staging", columns).unwrap(), before);
}
