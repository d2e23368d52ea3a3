//! What holds for every text, whether it is SQL or not.

use std::ops::Range;

use proptest::prelude::*;
use switchback_migration::Engine;
use switchback_migration::sql::ir::{Expr, Kind, Statement, Unknown};
use switchback_migration::sql::parse;
use switchback_migration::sql::split::{PieceKind, comments, ranges, statements};

/// Statements of all kinds, for mutation.
const REAL: [&str; 14] = [
    "CREATE TABLE IF NOT EXISTS a.\"B\" (id bigserial PRIMARY KEY, x varchar(20) DEFAULT 'a;''b' NOT NULL, y int REFERENCES c (d) ON DELETE CASCADE, CHECK (x > 0 AND y IS NOT NULL), UNIQUE (x, y)) PARTITION BY RANGE (y);",
    "ALTER TABLE ONLY a ADD COLUMN IF NOT EXISTS b timestamptz(3) DEFAULT now(), DROP COLUMN c CASCADE, ALTER COLUMN d TYPE numeric(10,2) USING d::numeric, ADD CONSTRAINT e FOREIGN KEY (f) REFERENCES g NOT VALID;",
    "DO $$ DECLARE x int := 3; BEGIN IF NOT EXISTS (SELECT 1 FROM a) THEN EXECUTE 'DROP TABLE a'; ELSE INSERT INTO b SELECT 1 INTO x; END IF; FOR r IN SELECT * FROM c LOOP UPDATE d SET e = r.f; END LOOP; END $$;",
    "CREATE FUNCTION f() RETURNS trigger LANGUAGE plpgsql AS $x$ BEGIN RETURN new; END $x$; CREATE TRIGGER t BEFORE INSERT ON a FOR EACH ROW EXECUTE FUNCTION f();",
    "COPY a (b, c) FROM stdin;\n1\tx\n\\.\n\\connect other\nSELECT 1 \\gexec\n",
    "INSERT INTO a (b, c) VALUES (1, E'x\\'y'), (-2, now()) ON CONFLICT (b) DO UPDATE SET c = excluded.c RETURNING *;",
    "WITH RECURSIVE a AS (SELECT 1 UNION ALL SELECT b FROM a JOIN c USING (d)) SELECT x.*, count(*) OVER (PARTITION BY y) FROM a x LEFT JOIN LATERAL (SELECT 1) z ON true FOR UPDATE SKIP LOCKED;",
    "CREATE UNIQUE INDEX CONCURRENTLY i ON a USING gin (lower(b) text_ops DESC NULLS LAST, (c || d)) INCLUDE (e) WHERE f IS NOT NULL;",
    "CREATE OR REPLACE VIEW v AS SELECT a, CASE WHEN b THEN 1 ELSE 2 END AS c FROM d WHERE e IN (1, 2) AND f BETWEEN 1 AND 2;",
    "CREATE FUNCTION g() RETURNS int BEGIN ATOMIC SELECT CASE WHEN true THEN 1 END; SELECT 2; END; SET search_path TO a, \"B\"; COMMENT ON COLUMN a.b IS 'x'; /* a /* b */ c */ -- d",
    "DELIMITER $$\nCREATE TRIGGER t BEFORE INSERT ON a FOR EACH ROW BEGIN IF x THEN SET y = 1; END IF; END$$\nDELIMITER ;\nALTER TABLE `a` MODIFY COLUMN `b` INT UNSIGNED NOT NULL COMMENT 'it\\'s', ADD KEY `k` (`b`(10)), ENGINE=InnoDB;",
    "CREATE TABLE `a` (`b` int(11) NOT NULL AUTO_INCREMENT, KEY `k` (`b`), PRIMARY KEY (`b`)) ENGINE=InnoDB /*!40101 DEFAULT CHARSET=utf8 */; # x\nREPLACE INTO a SELECT \"x\", 'y' FROM user ON DUPLICATE KEY UPDATE b = 1;",
    "PRAGMA foreign_keys=OFF; CREATE TABLE [a] (b INTEGER PRIMARY KEY AUTOINCREMENT, c, UNIQUE (c) ON CONFLICT REPLACE CONSTRAINT d CHECK (c == 1)) WITHOUT ROWID; CREATE TRIGGER t AFTER DELETE ON a BEGIN DELETE FROM b; END;",
    "CREATE TABLE p1 PARTITION OF p FOR VALUES FROM (1, MINVALUE) TO (MAXVALUE, 'x'); ALTER TYPE a ADD VALUE 'b' BEFORE 'c'; CREATE DOMAIN d AS int CHECK (value > 0); GRANT SELECT ON a TO b; TRUNCATE a CASCADE; LOCK a IN SHARE MODE;",
];

/// Pieces that mean something to the splitter or the parser.
const FRAGMENTS: [&str; 62] = [
    "'",
    "\"",
    "`",
    "[",
    "]",
    "$$",
    "$a$",
    "$1",
    "E'",
    "U&'",
    "U&\"",
    "\\",
    "\\.",
    "\n",
    "--",
    "/*",
    "*/",
    "#",
    ";",
    "(",
    ")",
    ",",
    ".",
    "::",
    "é",
    "\u{feff}",
    "𝄞",
    " ",
    "\t",
    "begin",
    "end",
    "atomic",
    "case",
    "create ",
    "table ",
    "function ",
    "trigger ",
    "rule ",
    "copy ",
    "from ",
    "stdin",
    "delimiter ",
    "do ",
    "select ",
    "insert into ",
    "values ",
    "a",
    "x ",
    "1",
    "1..2",
    "if ",
    "then ",
    "loop ",
    "execute ",
    "declare ",
    "alter ",
    "add ",
    "drop ",
    "{{ x }}",
    "${x}",
    "/*!40101",
    "modify ",
];

fn engines() -> impl Strategy<Value = Engine> {
    prop::sample::select(Engine::ALL.to_vec())
}

/// Words and marks in any order.
fn scraps() -> impl Strategy<Value = String> {
    let fragment = prop::sample::select(FRAGMENTS.to_vec());
    prop::collection::vec(fragment, 0..60).prop_map(|all| all.concat())
}

/// Real statements with parts taken out, doubled or replaced.
fn mutated() -> impl Strategy<Value = String> {
    let real = prop::collection::vec(prop::sample::select(REAL.to_vec()), 1..4);
    let edit = (
        any::<prop::sample::Index>(),
        0..12_usize,
        prop::sample::select(FRAGMENTS.to_vec()),
    );
    (real, prop::collection::vec(edit, 0..6)).prop_map(|(real, edits)| {
        let mut text: Vec<char> = real.concat().chars().collect();
        for (at, length, put) in edits {
            let at = at.index(text.len() + 1);
            let end = (at + length).min(text.len());
            text.splice(at..end, put.chars());
        }
        text.into_iter().collect()
    })
}

fn texts() -> impl Strategy<Value = String> {
    prop_oneof![any::<String>(), scraps(), mutated()]
}

/// Every place that a statement names.
fn spans(statement: &Statement) -> Vec<Range<usize>> {
    let mut all = vec![statement.span.clone()];
    let mut of_expr = |expr: &Expr| expr.walk(&mut |it| all.push(it.span.clone()));
    match &statement.kind {
        Kind::CreateTable(table) => {
            for column in &table.columns {
                column.default.iter().for_each(&mut of_expr);
            }
        }
        Kind::CreateIndex(index) => {
            index.keys.iter().for_each(|it| of_expr(&it.expr));
            index.predicate.iter().for_each(&mut of_expr);
        }
        Kind::Update { predicate, .. } | Kind::Delete { predicate, .. } => {
            predicate.iter().for_each(&mut of_expr);
        }
        _ => {}
    }
    match &statement.kind {
        Kind::CreateTable(table) => {
            let of_columns = table.columns.iter().flat_map(|it| &it.constraints);
            let constraints = of_columns.chain(&table.constraints);
            all.extend(constraints.map(|it| it.span.clone()));
            all.extend(table.columns.iter().map(|it| it.span.clone()));
        }
        Kind::Alter(alter) => all.extend(alter.actions.iter().map(|(_, span)| span.clone())),
        Kind::Unknown {
            reason: Unknown::Syntax { span, .. },
        } => all.push(span.clone()),
        _ => {}
    }
    all
}

fn check(text: &str, engine: Engine) {
    let mut at = 0;
    for piece in statements(text, engine) {
        assert_eq!(piece.span.start, at, "{text:?}");
        assert!(piece.span.end > at, "{text:?}");
        assert!(piece.span.start <= piece.body.start && piece.body.end <= piece.span.end);
        assert!(text.get(piece.body.clone()).is_some(), "{text:?} {piece:?}");
        at = piece.span.end;
        assert!(text.is_char_boundary(at));
    }
    assert_eq!(at, text.len(), "{text:?}");
    for comment in comments(text, engine) {
        assert!(text.get(comment).is_some());
    }
    for statement in parse(text, engine) {
        for span in spans(&statement) {
            assert!(
                text.get(span.clone()).is_some(),
                "{engine} {span:?} of {} in {text:?}: {statement:?}",
                text.len()
            );
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(if cfg!(debug_assertions) { 400 } else { 20_000 }))]

    #[test]
    fn pieces_cover_the_text_and_nothing_panics(text in texts(), engine in engines()) {
        check(&text, engine);
    }

    /// A statement is read the same whatever stands around it.
    #[test]
    fn a_piece_alone_is_read_as_in_its_context(text in prop_oneof![scraps(), mutated()]) {
        let engine = Engine::Postgres;
        let whole = parse(&text, engine);
        for piece in statements(&text, engine) {
            if piece.kind != PieceKind::Sql {
                continue;
            }
            let alone: String = " ".repeat(piece.body.start) + &text[piece.body.clone()];
            let within = |it: &Statement| piece.body.start <= it.span.start && it.span.end <= piece.body.end;
            let here: Vec<Statement> = whole.iter().filter(|it| within(it)).cloned().collect();
            prop_assert_eq!(parse(&alone, engine), here);
        }
    }
}

#[test]
fn whole_statements_are_found() {
    for text in REAL {
        for engine in Engine::ALL {
            check(text, engine);
        }
    }
    let all = REAL[..10].concat();
    assert_eq!(ranges(&all, Engine::Postgres).len(), 14);
}

/// What calls itself in the parser must not run out of stack, even that of a test's thread.
#[test]
fn depth_is_bounded() {
    for (open, close) in [
        ("(", ")"),
        ("[", "]"),
        ("select (", ")"),
        ("case when ", " end"),
        ("not ", ""),
        ("- ", ""),
        ("a = ", ""),
        ("a -> ", ""),
        ("a join ", ""),
        ("a.", ""),
        ("a::", ""),
        ("explain ", ""),
        ("with ", ""),
        ("between ", ""),
        ("select 1 union ", ""),
        ("if a then ", " end if;"),
        ("begin ", " end;"),
        ("/*", "*/"),
        ("create schema a ", ""),
        ("do $$ ", " $$"),
    ] {
        for (before, after) in [
            ("", ""),
            ("select ", ""),
            ("select 1 from ", ""),
            ("create table t (a int default ", ")"),
            ("do $x$ begin ", " end $x$"),
        ] {
            let text = format!(
                "{before}{}1{}{after}",
                open.repeat(20_000),
                close.repeat(20_000)
            );
            for engine in Engine::ALL {
                assert!(
                    !parse(&text, engine).is_empty() || open == "/*",
                    "{before}{open}"
                );
            }
        }
    }
}
