//! Changes on PostgreSQL through the binary, on a server of the tests' own.

mod shop;

use serde_json::{Value, json};
use shop::check_refused;
use shop::server::OnServer;

/// `change new` and its arguments: words, and lines `flag: value`.
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

/// A text without how large tables are, which depends on the server's version.
fn without_sizes(text: &str) -> String {
    let mut out = String::new();
    for part in text.split_inclusive(" kB)") {
        match part.strip_suffix(" kB)").and_then(|it| it.rfind('(')) {
            Some(at) => out.push_str(&format!("{}(SIZE)", &part[..at])),
            None => out.push_str(part),
        }
    }
    out
}

/// An operation: its arguments, its steps (those of the code in parentheses), and lines that must
/// be among what is shown.
struct Story {
    ask: &'static str,
    steps: &'static str,
    shows: &'static [&'static str],
}

const STORIES: [Story; 16] = [
    Story {
        ask: "add-column\ntable: users\ncolumn: nickname\ntype: text\ndefault: 'none'",
        steps: "expand (use)",
        shows: &[
            "Add users.nickname",
            "  expand  ACCESS EXCLUSIVE on users for a moment",
        ],
    },
    Story {
        ask: "add-required-column\ntable: users\ncolumn: segment\ntype: text\n\
              value: CASE WHEN amount > 3 THEN 'large' ELSE 'small' END",
        steps: "expand (write) backfill (read) require validate finish",
        shows: &[
            "  backfill  goes through 200 rows (SIZE) of users in short transactions beside readers \
             and writers, with locks on rows only",
            "  require   ACCESS EXCLUSIVE on users for a moment",
            "  validate  reads 200 rows (SIZE) of users beside readers and writers",
            "            reads no row of users: a constraint proves it",
        ],
    },
    Story {
        ask: "rename-column\ntable: users\nfrom: email_addr\nto: email",
        steps: "expand indexes (switch-reads) (stop-old-writes) contract",
        shows: &["Rename users.email_addr to users.email"],
    },
    Story {
        ask: "split-column\ntable: users\nfrom: name\n\
              to: first_name text = split_part(name, ' ', 1)\n\
              to: last_name text = split_part(name, ' ', 2)\n\
              back: name = first_name || ' ' || last_name",
        steps: "expand (switch-reads) (stop-old-writes) contract",
        shows: &["Split users.name into first_name, last_name"],
    },
    Story {
        ask: "merge-columns\ntable: users\nfrom: fax\nfrom: pager\n\
              to: phones text = concat(fax, '/', pager)\n\
              back: fax = nullif(split_part(phones, '/', 1), '')\n\
              back: pager = split_part(phones, '/', 2)",
        steps: "expand (switch-reads) (stop-old-writes) contract",
        shows: &["Merge fax, pager of users into phones"],
    },
    Story {
        ask: "change-type\ntable: users\nfrom: amount\nto: cents bigint = amount::bigint * 100\n\
              back: amount = (cents / 100)::integer",
        steps: "expand (switch-reads) (stop-old-writes) contract",
        shows: &["Give users.amount another type, as cents"],
    },
    Story {
        ask: "add-enum-value\ntable: users\ncolumn: mood\nvalue: it's\nfallback: sad",
        steps: "expand (accept) clear (emit)",
        shows: &["ALTER TYPE public.mood ADD VALUE 'it''s';"],
    },
    Story {
        ask: "remove-enum-value\ntable: users\ncolumn: state\nvalue: old\nreplacement: new",
        steps: "(stop) replace contract validate",
        shows: &["Let users.state take 'old' no more"],
    },
    Story {
        ask: "add-index\ntable: users\nkey: lower(name)\nmethod: hash\nwhere: amount > 0",
        steps: "index",
        shows: &[
            "CREATE INDEX CONCURRENTLY users_lower_name_idx ON public.users USING hash (lower(name)) \
             WHERE amount > 0;",
            "  index  reads 200 rows (SIZE) of users twice and writes an index beside readers and \
             writers, and waits for older transactions",
        ],
    },
    Story {
        ask: "add-check\ntable: users\nname: users_amount\nrule: amount >= 0\nmend: amount = 0",
        steps: "(obey) mend verify require validate",
        shows: &["  verify    reads 200 rows (SIZE) of users beside readers and writers"],
    },
    Story {
        ask: "add-not-null\ntable: users\ncolumn: fax\nvalue: ''",
        steps: "(obey) mend verify require validate finish",
        shows: &["Make users.fax NOT NULL"],
    },
    Story {
        ask: "add-unique\ntable: users\ncolumn: name",
        steps: "(obey) verify require",
        shows: &["CREATE UNIQUE INDEX CONCURRENTLY users_name_key ON public.users (name);"],
    },
    Story {
        ask: "add-foreign-key\ntable: users\ncolumn: customer\nto: customers\nto-column: id\n\
              on-delete: set-null",
        steps: "(obey) verify build require validate",
        shows: &[
            "ALTER TABLE public.users ADD CONSTRAINT users_customer_fkey FOREIGN KEY (customer) \
             REFERENCES public.customers (id) ON DELETE SET NULL NOT VALID;",
            "            SHARE ROW EXCLUSIVE on users for a moment",
        ],
    },
    Story {
        ask: "drop-column\ntable: users\ncolumn: pager",
        steps: "relax (stop-reads) (stop-writes) contract",
        shows: &["  contract  ACCESS EXCLUSIVE on users for a moment"],
    },
    Story {
        ask: "drop-table\ntable: faxes",
        steps: "relax (stop-reads) (stop-writes) contract",
        shows: &["  contract  ACCESS EXCLUSIVE on faxes for a moment"],
    },
    Story {
        ask: "merge-tables\nfrom: rooms\ninto: clubs\nas: name = room_name",
        steps: "expand constrain validate (switch-reads) (stop-old-writes) contract",
        shows: &["Merge rooms into clubs"],
    },
];

#[test]
fn every_operation_is_planned_and_says_what_it_locks() {
    let on = OnServer::new();
    for Story { ask, steps, shows } in STORIES {
        let mut asked = arguments(ask);
        asked.push("--dry-run".to_owned());
        let shown = without_sizes(&on.shop.ok_with(&asked, ask));
        for line in shows {
            assert!(shown.lines().any(|it| it == *line), "{line}:\n{shown}");
        }
        assert!(!shown.contains("not known"), "{shown}");
        asked.extend(["--format".to_owned(), "json".to_owned()]);
        let planned: Value = serde_json::from_str(&on.shop.ok_with(&asked, ask)).unwrap();
        assert_eq!(planned["engine"], "postgres");
        let found = planned["steps"].as_array().unwrap().iter().map(|step| {
            let name = step["name"].as_str().unwrap();
            match step["kind"].as_str().unwrap() {
                "code" => format!("({name})"),
                _ => {
                    assert_ne!(step["does"], json!([]), "{ask}: {name}");
                    name.to_owned()
                }
            }
        });
        assert_eq!(found.collect::<Vec<_>>().join(" "), steps, "{ask}");
    }
}

#[test]
fn what_cannot_be_planned_is_refused_with_a_way_out() {
    let on = OnServer::new();
    for (ask, exit, code, says) in [
        (
            "rename-column\ntable: users\nfrom: fax\nto: f\nsync: application",
            2,
            "SB0109",
            "only for SQLite",
        ),
        (
            "drop-table\ntable: nothing",
            1,
            "SB0404",
            "its schema, such as",
        ),
        (
            "add-column\ntable: users\ncolumn: x\ntype: txet",
            1,
            "SB0404",
            "the database refuses --type: type \"txet\" does not exist",
        ),
        (
            "add-required-column\ntable: users\ncolumn: x\ntype: text\nvalue: upper(nmae)",
            1,
            "SB0404",
            "the database refuses --value: column \"nmae\" does not exist",
        ),
        (
            "change-type\ntable: users\nfrom: fax\nto: f int = fax::int\nback: fax = g::text",
            1,
            "SB0404",
            "the database refuses --back of `fax`: column \"g\" does not exist",
        ),
        (
            "add-check\ntable: users\nname: c\nrule: amount + 1",
            1,
            "SB0404",
            "must be type boolean",
        ),
        (
            "add-foreign-key\ntable: users\ncolumn: fax\nto: faxes\nto-column: number",
            1,
            "SB0404",
            "switchback change new add-unique",
        ),
    ] {
        let traces = on.shop.traces();
        let ran = on.shop.cli.run(arguments(ask)).unwrap();
        let error = check_refused(&ran, ask, exit, code);
        assert!(error.contains(says), "{ask}: {error}");
        assert_eq!(on.shop.traces(), traces, "{ask}");
    }
}

#[test]
fn a_database_that_cannot_be_used_is_told() {
    let mut on = OnServer::new();
    let plan = "change new drop-table --table faxes --dry-run";
    for (url, exit, code, says) in [
        ("", 2, "SB0115", "export SWITCHBACK_DATABASE_URL_STAGING=…"),
        ("nonsense", 2, "SB0115", "SWITCHBACK_DATABASE_URL_STAGING"),
        (
            "postgresql://u:hunter2@127.0.0.1:1/x",
            2,
            "SB0501",
            "the URL in SWITCHBACK_DATABASE_URL_STAGING",
        ),
    ] {
        on.shop.cli.set("SWITCHBACK_DATABASE_URL_STAGING", url);
        let ran = on.shop.run(plan);
        let error = check_refused(&ran, url, exit, code);
        assert!(error.contains(says), "{url}: {error}");
        assert!(!error.contains("hunter2"), "{error}");
    }
    assert_eq!(on.shop.run(&format!("{plan} --env production")).code, 0);
    let shown = on.shop.ok("config show --origin");
    assert!(!shown.contains("hunter2"), "{shown}");
    let line = |key: &str| {
        let mut lines = shown.lines();
        let line = lines.find(|line| line.starts_with(key)).unwrap();
        line.split_whitespace()
            .skip(1)
            .collect::<Vec<_>>()
            .join(" ")
    };
    assert!(line("environment.production.database.engine").starts_with("postgres "));
    assert!(line("environment.production.database.url-env").starts_with("OWNER_URL "));
    assert_eq!(
        line("environment.production.database.url "),
        "(secret) variable OWNER_URL"
    );
}

#[test]
fn a_plan_says_what_each_statement_locks() {
    let on = OnServer::new();
    let ask = "add-foreign-key\ntable: users\ncolumn: customer\nto: customers\nto-column: id";
    on.shop.ok_with(arguments(ask), ask);
    let change = "link-users-customer";
    on.shop.commit(&on.shop.cli.folder(), "feat: plan a key");
    let up = on.shop.ok(&format!(
        "change plan {change} --env production --step require"
    ));
    let statement = "ALTER TABLE public.users ADD CONSTRAINT users_customer_fkey FOREIGN KEY \
                     (customer) REFERENCES public.customers (id) NOT VALID;\n  → SHARE ROW \
                     EXCLUSIVE on customers for a moment\n  → SHARE ROW EXCLUSIVE on users for a \
                     moment\n";
    assert!(up.contains(statement), "{up}");
    assert!(up.contains("refused\n  app 1.0.0"), "{up}");
    let line = format!("change plan {change} --env staging --step build");
    let plan = on.shop.json(&line);
    assert_eq!(plan["plan"]["steps"][0]["effect"]["run"], "statements");
    let does = plan["work"][0][0]["does"].as_array().unwrap();
    assert!(
        does[0]
            .as_str()
            .unwrap()
            .contains("beside readers and writers")
    );
    // Somebody else changes the table: the plan is another one.
    let marks = plan["plan"]["made_from"].clone();
    let mut client = on.client(0);
    client
        .batch_execute("ALTER TABLE users ADD COLUMN other text")
        .unwrap();
    assert_ne!(on.shop.json(&line)["plan"]["made_from"], marks);
    client.batch_execute("DROP TABLE users CASCADE").unwrap();
    let error = on.shop.refused(&line, 1, "SB0404");
    assert!(error.contains("has no table"), "{error}");
}

#[test]
fn a_change_is_for_one_engine() {
    let on = OnServer::new();
    let settings = on.shop.cli.read("switchback.toml").unwrap();
    let mixed = settings.replacen(
        "{ engine = \"postgres\" }",
        "{ engine = \"sqlite\", path = \"staging.db\" }",
        1,
    );
    assert_ne!(mixed, settings);
    on.shop.cli.write("switchback.toml", mixed).unwrap();
    on.shop
        .ok("change new drop-column --table users --column name --default 'x'");
    on.shop
        .ok("change new drop-table --table faxes --env production --id other");
    on.shop
        .commit(&on.shop.cli.folder(), "feat: plan two changes");
    for verb in ["plan", "apply", "undo"] {
        let wrong = format!("change {verb} drop-users-name --env production --step relax");
        let error = on.shop.refused(&wrong, 1, "SB0407");
        assert!(
            error.contains("is for SQLite, and the database of production is PostgreSQL"),
            "{error}"
        );
        let wrong = format!("change {verb} other --env staging --step relax");
        on.shop.refused(&wrong, 1, "SB0407");
    }
    on.shop.ok("change apply drop-users-name --env staging");
    let status = on.shop.json("change status");
    assert_eq!(status["changes"].as_array().unwrap().len(), 2);
}
