use super::*;

fn bodies(text: &str, engine: Engine) -> Vec<&str> {
    ranges(text, engine)
        .into_iter()
        .map(|it| &text[it])
        .collect()
}

fn postgres(text: &str) -> Vec<&str> {
    bodies(text, Engine::Postgres)
}

fn kinds(text: &str, engine: Engine) -> Vec<(PieceKind, &str)> {
    let pieces = statements(text, engine);
    pieces
        .into_iter()
        .map(|it| (it.kind, &text[it.body]))
        .collect()
}

#[test]
fn semicolons_hide_in_many_places() {
    for (text, parts) in [
        ("select 1; select 2", vec!["select 1", "select 2"]),
        ("select 'a;''b;'; x", vec!["select 'a;''b;'", "x"]),
        (r"select E'a\';b' ; x", vec![r"select E'a\';b'", "x"]),
        (r"select 'a\'; x", vec![r"select 'a\'", "x"]),
        ("select E'a'\n'\\';b'; x", vec!["select E'a'\n'\\';b'", "x"]),
        (r#"select U&'a\'; x"#, vec![r#"select U&'a\'"#, "x"]),
        ("select $$a;b$$; x", vec!["select $$a;b$$", "x"]),
        (
            "select $a$ $b$;$$;$a$; x",
            vec!["select $a$ $b$;$$;$a$", "x"],
        ),
        ("select a$b$; c$b$; d", vec!["select a$b$", "c$b$", "d"]),
        ("select $1; x", vec!["select $1", "x"]),
        (r#"select "a;""b;"; x"#, vec![r#"select "a;""b;""#, "x"]),
        (
            "a /* ; /* ; */ ; */ b; c",
            vec!["a /* ; /* ; */ ; */ b", "c"],
        ),
        ("a -- ;\nb; c", vec!["a -- ;\nb", "c"]),
        ("a; -- the end", vec!["a"]),
        (";;a;;", vec!["a"]),
        ("a; 'open; b", vec!["a", "'open; b"]),
        ("a; $x$ open; b", vec!["a", "$x$ open; b"]),
        ("a; /* open; b", vec!["a"]),
        ("", vec![]),
    ] {
        assert_eq!(postgres(text), parts, "{text}");
    }
}

#[test]
fn bodies_of_sql_standard_form() {
    let text = "create or replace function f() returns int begin atomic \
                select case when true then 1 end; select 2; end; select 3";
    assert_eq!(postgres(text).len(), 2);
    assert_eq!(postgres(text)[1], "select 3");
    let text = "create function f() returns int language sql return 1; begin; commit";
    assert_eq!(postgres(text).len(), 3);
    let text =
        "create rule r as on insert to t do also (insert into a values (1); delete from b); x";
    assert_eq!(postgres(text).len(), 2);
}

#[test]
fn rows_and_client_commands() {
    use PieceKind::{ClientCommand, CopyData, Empty, Sql};
    let text = "\\restrict abc\nCOPY a.t (x, y) FROM stdin;\n1\tx;'\n\\.x\n\\.\n\nselect 1 \\gexec\n \\c db\n";
    assert_eq!(
        kinds(text, Engine::Postgres),
        [
            (ClientCommand, "\\restrict abc"),
            (Sql, "COPY a.t (x, y) FROM stdin"),
            (CopyData, "1\tx;'\n\\.x\n\\.\n"),
            (Sql, "select 1"),
            (ClientCommand, "\\gexec"),
            (ClientCommand, "\\c db"),
        ]
    );
    let none = "COPY t FROM stdin;\n\\.\nselect 1;\n";
    assert_eq!(
        kinds(none, Engine::Postgres),
        [
            (Sql, "COPY t FROM stdin"),
            (CopyData, "\\.\n"),
            (Sql, "select 1"),
            (Empty, ""),
        ]
    );
    let file = "COPY t FROM 'stdin'; select 1";
    assert_eq!(postgres(file).len(), 2);
    assert_eq!(postgres("COPY t FROM stdin").len(), 1);
    assert_eq!(postgres("COPY t FROM stdin; select").len(), 1);
}

#[test]
fn other_engines() {
    let trigger = "CREATE TEMP TRIGGER t AFTER INSERT ON a BEGIN UPDATE b SET x = CASE WHEN 1 THEN 2 \
                   END; DELETE FROM c; END; SELECT 1; SELECT [a;b], `c;d`;";
    assert_eq!(bodies(trigger, Engine::Sqlite).len(), 3);
    let mysql = "CREATE DEFINER=`a`@`b` PROCEDURE p() BEGIN IF x THEN SELECT 1; END IF; \
                 CASE x WHEN 1 THEN SELECT 1; END CASE; WHILE a DO SET b = 1; END WHILE; END; \
                 SELECT 'it\\'s;', \"a;\"; # ;\nSELECT 2--1;";
    assert_eq!(bodies(mysql, Engine::Mysql).len(), 3);
    let delimiter =
        "DELIMITER $$\nCREATE TRIGGER t BEGIN SELECT 1; END$$\nDELIMITER ;\nSELECT 1;\n";
    assert_eq!(
        bodies(delimiter, Engine::Mysql),
        ["CREATE TRIGGER t BEGIN SELECT 1; END", "SELECT 1"]
    );
    let slashes = "delimiter //\na; b//\nc //\n";
    assert_eq!(bodies(slashes, Engine::Mysql), ["a; b", "c"]);
    assert_eq!(
        bodies("/*!40101 SET NAMES utf8 */;\n", Engine::Mysql).len(),
        1
    );
    assert_eq!(bodies("a /* /* ; */; b", Engine::Sqlite).len(), 2);
}

#[test]
fn where_comments_are() {
    let text = "-- one\nselect '-- no' /* two */; -- three";
    let found: Vec<_> = comments(text, Engine::Postgres)
        .into_iter()
        .map(|it| &text[it])
        .collect();
    assert_eq!(found, ["-- one", "/* two */", "-- three"]);
}
