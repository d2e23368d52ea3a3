use super::*;

fn line(kind: Kind, name: &str, of: &str, text: &str) -> Line {
    Line {
        kind,
        name: name.to_owned(),
        of: of.to_owned(),
        text: text.to_owned(),
    }
}

fn table(columns: &[&str]) -> Meaning {
    let mut lines = vec![
        line(Kind::Table, "t", "", "table t"),
        line(
            Kind::ColumnOrder,
            "t",
            "t",
            &format!("columns of t:\n{}", columns.join("\n")),
        ),
    ];
    for column in columns {
        let name = format!("t.{column}");
        lines.push(line(
            Kind::Column,
            &name,
            "t",
            &format!("column {name} text"),
        ));
    }
    Meaning::new(lines)
}

fn shown(before: &Meaning, after: &Meaning) -> Vec<String> {
    let differences = before.differences(after);
    assert_eq!(
        differences.is_empty(),
        before.digest() == after.digest(),
        "{differences:?}"
    );
    differences.iter().flat_map(Difference::shown).collect()
}

#[test]
fn equal_meanings_have_no_differences() {
    assert!(shown(&table(&["a", "b"]), &table(&["a", "b"])).is_empty());
}

#[test]
fn the_order_of_columns_is_a_difference_of_its_own() {
    let differences = table(&["a", "b", "c"]).differences(&table(&["a", "c", "b"]));
    assert_eq!(differences.len(), 1);
    assert_eq!(differences[0].kind(), DifferenceKind::ColumnOrder);
    assert_eq!(
        differences[0].shown(),
        ["  columns of t", "-   b after a", "+   b after c"]
    );
}

#[test]
fn only_columns_that_moved_are_named() {
    let order = |before: &[&str], after: &[&str]| shown(&table(before), &table(after));
    let many: Vec<String> = (0..30).map(|n| format!("c{n}")).collect();
    let mut before: Vec<&str> = many.iter().map(String::as_str).collect();
    let mut after = before.clone();
    let gone = after.remove(3);
    after.push(gone);
    assert_eq!(
        order(&before, &after),
        ["  columns of t", "-   c3 after c2", "+   c3 after c29"]
    );
    before.reverse();
    assert_eq!(order(&before, &after).len(), 1 + 2 * 8 + 1);
    assert_eq!(
        order(&["a", "b"], &["b", "a"]),
        ["  columns of t", "-   a first", "+   a after b"]
    );
}

#[test]
fn a_lost_column_is_not_told_as_another_order() {
    assert_eq!(
        shown(&table(&["a", "b", "c"]), &table(&["a", "c"])),
        ["- column t.b text"]
    );
    assert_eq!(
        shown(&table(&["a", "b"]), &table(&["x", "a", "b"])),
        ["+ column t.x text"]
    );
}

#[test]
fn what_goes_with_a_missing_table_is_counted() {
    let none = Meaning::default();
    assert_eq!(
        shown(&table(&["a", "b"]), &none),
        ["- table t (and 2 more that go with it)"]
    );
    assert_eq!(
        shown(&none, &table(&["a"])),
        ["+ table t (and 1 more that go with it)"]
    );
}

#[test]
fn of_a_long_definition_only_the_change_is_shown() {
    let routine = |text: &str| Meaning::new(vec![line(Kind::Routine, "f()", "", text)]);
    assert_eq!(
        shown(
            &routine("function f()\nbegin\n  one;\n  two;\nend"),
            &routine("function f()\nbegin\n  one;\n  three;\n  four;\nend"),
        ),
        ["  function f()", "-   two;", "+   three;", "+   four;"]
    );
    // Lines that repeat are not counted twice.
    assert_eq!(
        shown(&routine("f\na\na"), &routine("f\na\na\na")),
        ["  f", "+ a"]
    );
}
