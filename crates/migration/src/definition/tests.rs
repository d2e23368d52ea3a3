use proptest::prelude::*;
use switchback_model::FlagName;

use super::*;
use crate::sqlite::rename::tests::users;
use crate::sqlite::rename::{Mode, Rename, plan};

fn definition(mode: Mode) -> Definition {
    let rename = Rename {
        change: ChangeId::new("rename-users-email-addr").unwrap(),
        from: "email_addr".to_owned(),
        to: "email".to_owned(),
        mode,
    };
    plan(&users(), &rename).unwrap()
}

fn parts(definition: &Definition) -> (String, BTreeMap<String, Vec<u8>>) {
    let mut files = definition.render();
    let text = String::from_utf8(files.remove(CHANGE_FILE).unwrap()).unwrap();
    (text, files)
}

fn parse(text: &str) -> Result<Definition, DefinitionError> {
    Definition::parse(text, &parts(&definition(Mode::Triggers)).1)
}

#[test]
fn what_is_written_is_what_is_read() {
    for mode in [Mode::Triggers, Mode::Application] {
        let definition = definition(mode);
        let (text, files) = parts(&definition);
        let read = Definition::parse(&text, &files).unwrap();
        assert_eq!(read, definition);
        assert_eq!(read.render(), definition.render());
    }
}

#[test]
fn code_steps_are_in_order_and_start_with_the_code_before() {
    let steps = definition(Mode::Application).code_steps();
    let names: Vec<_> = steps
        .iter()
        .map(|step| (step.position, step.name.as_str()))
        .collect();
    assert_eq!(
        names,
        [
            (0, "old"),
            (1, "dual-write"),
            (2, "switch-reads"),
            (3, "stop-old-writes")
        ]
    );
    let steps = definition(Mode::Triggers).code_steps();
    let stances: Vec<_> = steps.iter().map(|step| step.stance.at(None)).collect();
    let stance = |reads, writes| Stance::Replicated { reads, writes };
    assert_eq!(
        stances,
        [
            stance(Reads::Old, Shapes::OLD),
            stance(Reads::New, Shapes::OLD),
            stance(Reads::New, Shapes::NEW)
        ]
    );
}

#[test]
fn moving_the_code_step_is_no_drift_and_editing_sql_is() {
    let mut definition = definition(Mode::Triggers);
    let opened = definition.digest().unwrap();
    definition.code = StepName::new("switch-reads").unwrap();
    assert_eq!(definition.digest().unwrap(), opened);
    let (text, mut files) = parts(&definition);
    assert!(text.contains("code = \"switch-reads\""));
    files
        .get_mut("4-contract.up.sql")
        .unwrap()
        .extend_from_slice(b"-- later\n");
    let edited = Definition::parse(&text, &files).unwrap();
    assert_ne!(edited.digest().unwrap(), opened);
}

#[test]
fn an_unknown_key_is_refused_where_it_stands() {
    let (text, _) = parts(&definition(Mode::Triggers));
    for (from, to, key) in [
        ("engine = ", "colour = 1\nengine = ", "colour"),
        ("[surface]\n", "[surface]\ncolour = 1\n", "colour"),
        (
            "kind = \"code\"\n",
            "kind = \"code\"\ncolour = 1\n",
            "colour",
        ),
        (
            "keep-undo = false",
            "keep-undo = false\ncolour = 1",
            "colour",
        ),
        ("{ reads = ", "{ colour = 1, reads = ", "colour"),
        (
            "sync = \"both\" }",
            "sync = \"both\", colour = 1 }",
            "colour",
        ),
    ] {
        let broken = text.replacen(from, to, 1);
        assert_ne!(broken, text, "{from}");
        let error = parse(&broken).unwrap_err();
        let DefinitionError::Form { line, message, .. } = &error else {
            panic!("{error}")
        };
        assert!(message.contains(key), "{message}");
        let found = broken.lines().nth(line - 1).unwrap();
        assert!(found.contains("colour"), "line {line} is {found}");
    }
}

#[test]
fn hand_made_mistakes_have_names() {
    let (text, files) = parts(&definition(Mode::Triggers));
    let change = |from: &str, to: &str| {
        assert!(text.contains(from), "{from}");
        parse(&text.replacen(from, to, 1)).unwrap_err().to_string()
    };
    assert_eq!(
        change("code = \"old\"", "code = \"contract\""),
        "change.toml says `code = \"contract\"`, and the change has no such code step; it has old, \
         switch-reads, stop-old-writes"
    );
    assert!(change("change/v1", "change/v2").contains("switchback.change/v2"));
    assert!(change("name = \"contract\"", "name = \"expand\"").contains("more than one step"));
    assert!(change("name = \"contract\"", "name = \"old\"").contains("more than one step `old`"));
    assert!(change("1-expand.up.sql", "1-expand.sql").contains("1-expand.sql"));
    assert!(change("kind = \"replicated\"", "kind = \"tagged\"").contains("another kind"));
    assert!(change("batch-rows = 1000", "batch-rows = 0").contains("1 or more"));
    assert!(change("operation = \"contract\"", "operation = \"burn\"").contains("burn"));
    assert!(change("id = \"", "id = \"../").contains("line 4"));
    assert!(change("schema = \"switchback.change/v1\"\n", "").contains("schema"));

    let mut more = files.clone();
    more.insert("5-more.up.sql".to_owned(), Vec::new());
    let error = Definition::parse(&text, &more).unwrap_err();
    assert_eq!(
        error,
        DefinitionError::UnusedFile {
            file: "5-more.up.sql".to_owned()
        }
    );
    let mut more = files.clone();
    more.insert("README.md".to_owned(), Vec::new());
    assert!(Definition::parse(&text, &more).is_ok());
    let mut bad = files;
    bad.insert("1-expand.up.sql".to_owned(), vec![0xff]);
    let error = Definition::parse(&text, &bad).unwrap_err();
    assert_eq!(
        error,
        DefinitionError::NotText {
            file: "1-expand.up.sql".to_owned()
        }
    );
}

#[test]
fn a_flag_may_choose_the_stance() {
    let mut definition = definition(Mode::Triggers);
    let new = Stance::Replicated {
        reads: Reads::New,
        writes: Shapes::BOTH,
    };
    let old = Stance::Replicated {
        reads: Reads::Old,
        writes: Shapes::BOTH,
    };
    definition.steps[1].work = Work::Code {
        stance: Selectable::ByFlag {
            flag: FlagName::new("read-email").unwrap(),
            cases: BTreeMap::from([("on".to_owned(), new), ("a \"b\"\n".to_owned(), old)]),
            otherwise: old,
        },
    };
    let (text, files) = parts(&definition);
    assert_eq!(Definition::parse(&text, &files).unwrap(), definition);
}

proptest! {
    #[test]
    fn any_text_comes_back(
        title in any::<String>(),
        prevents in "[ab\"\\\\\n\r\t\u{0}\u{7f}é']{0,60}",
        way_back in "\"{0,9}\n?\"{0,9}",
        table in any::<String>(),
    ) {
        let mut definition = definition(Mode::Triggers);
        definition.title = title;
        definition.surface.table = table;
        definition.steps[0].prevents = prevents.clone() + "\n";
        definition.steps[1].prevents = "\n".to_owned() + &prevents;
        definition.steps[0].way_back = way_back;
        let (text, files) = parts(&definition);
        prop_assert_eq!(Definition::parse(&text, &files).unwrap(), definition);
    }

    #[test]
    fn any_damage_is_an_error_or_a_definition(at in 0usize..9_000, c in any::<char>()) {
        let (mut text, files) = parts(&definition(Mode::Triggers));
        let at = (0..=at.min(text.len())).rev().find(|at| text.is_char_boundary(*at)).unwrap();
        text.insert(at, c);
        let _ = Definition::parse(&text, &files);
        text.truncate(at);
        let _ = Definition::parse(&text, &files);
    }
}
