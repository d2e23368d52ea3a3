use super::*;
use crate::sql;

/// What a block was read as: whether to its end, and the text and kind of each statement.
fn block(body: &str) -> (bool, Vec<String>) {
    let text = format!("select 1; DO $x$ {body} $x$; select 2");
    let all = sql::parse(&text, Engine::Postgres);
    let Kind::Do { read, .. } = all[1].kind else {
        panic!("{all:?}");
    };
    let inner = &all[2..all.len() - 1];
    assert!(inner.iter().all(|it| it.conditional));
    let texts = inner
        .iter()
        .map(|it| text[it.span.clone()].to_owned())
        .collect();
    for it in inner {
        assert!(!matches!(it.kind, Kind::Unknown { .. }), "{body}: {it:?}");
    }
    (read, texts)
}

fn read(body: &str) -> Vec<String> {
    let (read, texts) = block(body);
    assert!(read, "{body}");
    texts
}

#[test]
fn statements_stand_between_the_words_that_steer() {
    let body = "<<outer>> declare x int := 3; c cursor for select * from r; begin
        if not exists (select 1 from pg_type where typname = 'x') then
          create type x as enum ('a');
        elsif case when x > 3 then true else false end then alter table t add y int;
        else drop table z; end if;
        begin insert into t values (1); exception when duplicate_object or others then null; end;
        for r in select * from q loop update t set x = r.y; end loop;
        for i in reverse 10..1 loop perform f(i) from t; end loop;
        while x < 3 loop delete from t; exit when not found; end loop;
        foreach x slice 1 in array y loop null; end loop;
        case x when 1 then truncate t; else null; end case;
        x.y[1] := (select count(*) from s); raise notice 'a % ;', x;
        open c; fetch c into x; close c; open c for select 7 from o; get diagnostics x = row_count;
        select a, b into strict x.y, z[1] from t; insert into t select 1 returning id into x;
        return; end outer";
    let found = read(body);
    assert_eq!(
        found,
        [
            "select * from r",
            "create type x as enum ('a')",
            "alter table t add y int",
            "drop table z",
            "insert into t values (1)",
            "select * from q",
            "update t set x = r.y",
            "perform f(i) from t",
            "delete from t",
            "truncate t",
            "(select count(*) from s)",
            "select 7 from o",
            "select a, b into strict x.y, z[1] from t",
            "insert into t select 1 returning id",
        ]
    );
}

#[test]
fn static_execute_is_read() {
    for (body, inner) in [
        ("begin execute 'drop table t'; end", "drop table t"),
        (
            "begin execute $$drop table t$$ using x; end",
            "drop table t",
        ),
        (
            "begin execute 'create index i on t (a) ' || 'where b = ''x'' and c'; end",
            "create index i on t (a) ' || 'where b = ''x'' and c",
        ),
        (
            "begin for r in execute 'select * from t' loop null; end loop; end",
            "select * from t",
        ),
    ] {
        assert_eq!(read(body), [inner], "{body}");
    }
    for body in [
        "begin execute 'drop table ' || x; end",
        "begin execute format('drop table %I', x); end",
        "begin execute 'drop ta' || 'ble t'; end",
        "begin execute 'select ''''a'; end",
        "begin if x; end",
    ] {
        assert_eq!(block(body), (false, vec![]), "{body}");
    }
}

#[test]
fn only_what_reads_tables_is_kept_of_an_expression() {
    assert_eq!(
        read("begin if (select count(*) from t) > 3 then null; end if; end"),
        ["(select count(*) from t) > 3"]
    );
    assert!(
        read("begin if exists (select 1 from information_schema.columns) then end if; end")
            .is_empty()
    );
}

#[test]
fn blocks_in_quotes_and_other_languages() {
    let text = "do 'begin insert into t values (''a''); end'";
    let all = sql::parse(text, Engine::Postgres);
    assert_eq!(all.len(), 2);
    assert_eq!(&text[all[1].span.clone()], "insert into t values (''a'')");
    let python = sql::parse(
        "do language plpython3u $$ drop table t; $$",
        Engine::Postgres,
    );
    assert_eq!(python.len(), 1);
    let nested = sql::parse(
        "do $a$ begin do $b$ begin drop table t; end $b$; end $a$",
        Engine::Postgres,
    );
    assert_eq!(nested.len(), 3);
}
