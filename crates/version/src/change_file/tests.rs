use super::*;

use proptest::prelude::*;

const FILE: &str = r##"+++
kind = "removed"
components = ["api"]
level = "major"
issues = ["#12", "ABC-7"]
links = ["https://example.org/why"]
covers = ["0a1b2c3", "api/openapi.yaml"]

[breaking]
what = "`GET /orders` needs a `limit`."
upgrade = """
Send `limit`:

    GET /orders?limit=50
"""
deprecated-since = "1.4.0"
+++

Orders come in pages.

- of 50 by default
"##;

fn read(text: &str) -> Result<ChangeFile, ChangeFileError> {
    ChangeFile::parse("orders-in-pages.md", text.as_bytes())
}

fn refused(text: &str) -> String {
    read(text).unwrap_err().to_string()
}

#[test]
fn a_whole_file() {
    let change = read(FILE).unwrap();
    assert_eq!(
        change,
        ChangeFile {
            slug: "orders-in-pages".to_owned(),
            kind: Kind::Removed,
            components: vec!["api".parse().unwrap()],
            level: Some(Level::Major),
            breaking: Some(Breaking {
                what: "`GET /orders` needs a `limit`.".to_owned(),
                upgrade: "Send `limit`:\n\n    GET /orders?limit=50".to_owned(),
                notice: Some(Notice::Since(Version::new(1, 4, 0))),
            }),
            deprecation: None,
            issues: vec!["#12".to_owned(), "ABC-7".to_owned()],
            links: vec!["https://example.org/why".to_owned()],
            covers: vec!["0a1b2c3".to_owned(), "api/openapi.yaml".to_owned()],
            text: "Orders come in pages.\n\n- of 50 by default".to_owned(),
        }
    );
    assert_eq!(read(&FILE.replace('\n', "\r\n")), Ok(change.clone()));
    assert_eq!(read(&format!("\u{feff}{FILE}")), Ok(change.clone()));
    assert!(change.covers("", "0a1b2c3d4e5f") && change.covers("api/openapi.yaml", ""));
    assert!(!change.covers("", "0a1b2c") && !change.covers("openapi.yaml", "ffff"));
    assert!(change.concerns(&"api".parse().unwrap()));
    assert!(!change.concerns(&"web".parse().unwrap()));
    assert_eq!(
        change.item().unwrap().text(),
        "**Breaking:** Orders come in pages.\n\n- of 50 by default"
    );
}

#[test]
fn when_something_goes_is_a_part_of_its_item() {
    let file = |instead: &str| {
        let goes = "removal = \"2.0.0\"\nnot-before = \"2027-01-31\"";
        format!(
            "+++\nkind = \"deprecated\"\n[deprecation]\n{goes}\ninstead = {instead:?}\n+++\n`GET /users`"
        )
    };
    assert_eq!(
        read(&file("`GET /v2/users`."))
            .unwrap()
            .item()
            .unwrap()
            .text(),
        "`GET /users`\n\nIt goes with 2.0.0, not before 2027-01-31. Instead: `GET /v2/users`."
    );
    assert_eq!(
        refused(&file("a\n# b")),
        "line 3, column 1: the text has a heading in it"
    );
}

#[test]
fn the_smallest_file() {
    let change = read("+++\nkind = \"fixed\"\n+++\nA leak.").unwrap();
    let inside = FILE.replace("Send `limit`:", "Send:\n+++\n");
    assert!(
        read(&inside)
            .unwrap()
            .breaking
            .unwrap()
            .upgrade
            .starts_with("Send:\n+++\n")
    );
    assert_eq!(change.print(), "+++\nkind = \"fixed\"\n+++\n\nA leak.\n");
    assert_eq!(change.file_name(), "orders-in-pages.md");
}

#[test]
fn only_the_level_raises_and_nothing_lowers() {
    let minor = read("+++\nkind = \"fixed\"\nlevel = \"minor\"\n+++\nx").unwrap();
    assert_eq!(
        Level::ALL.map(|it| minor.raise(it)),
        [Level::Minor, Level::Minor, Level::Minor, Level::Major]
    );
    for text in [
        "BREAKING CHANGE: all",
        "feat!: new",
        "major\n\nlevel = \"major\"",
    ] {
        for kind in Kind::ALL {
            let change = read(&format!("+++\nkind = \"{kind}\"\n+++\n{text}\n")).unwrap();
            assert_eq!(Level::ALL.map(|it| change.raise(it)), Level::ALL, "{text}");
        }
    }
}

#[test]
fn what_is_wrong_is_said_with_its_place() {
    for (text, wanted) in [
        ("x", "line 1: a change file begins with a line `+++`"),
        ("", "line 1: a change file begins with a line `+++`"),
        (
            "+++\nkind = \"added\"\n",
            "line 2: a second line `+++` is missing",
        ),
        (
            "+++\nkind = \"added\"\ncomponent = [\"api\"]\n+++\nx",
            "line 3, column 1: there is no key `component`, perhaps `components` is meant; the keys \
             are kind, components, level, issues, links, covers, breaking, deprecation",
        ),
        (
            "+++\nkind = \"added\"\nlevel = \"major\"\n[breaking]\nwhat = \"a\"\nupgrad = \"b\"\n+++\nx",
            "line 6, column 1: there is no key `breaking.upgrad`, perhaps `breaking.upgrade` is meant; \
             the keys are what, upgrade, deprecated-since, announced-by, unannounced",
        ),
        (
            "+++\nkind = \"added\"\nzzz = 1\n+++\nx",
            "line 3, column 1: there is no key `zzz`; the keys are kind, components, level, issues, \
             links, covers, breaking, deprecation",
        ),
        (
            "+++\nkind = \"new\"\n+++\nx",
            "line 2, column 8: unknown variant `new`, expected one of `added`, `changed`, `deprecated`, \
             `removed`, `fixed`, `security`",
        ),
        ("+++\n+++\nx", "line 2, column 1: missing field `kind`"),
        (
            "+++\nkind = \"fixed\n+++\nx",
            "line 2, column 14: invalid basic string, expected `\"`",
        ),
        (
            "+++\nkind = \"fixed\"\nlevel = \"none\"\n+++\nx",
            "line 3, column 9: `none` raises nothing, and a change file cannot lower a version: leave \
             `level` out",
        ),
        (
            "+++\nkind = \"fixed\"\nlevel = \"minor\"\nbreaking = { what = \"a\", upgrade = \"b\" }\n+++\nx",
            "line 3, column 9: what breaks something raises the version by a major: `level = \"major\"`",
        ),
        (
            "+++\nkind = \"fixed\"\nbreaking = { what = \"a\", upgrade = \"b\" }\n+++\nx",
            "line 3, column 12: what breaks something raises the version by a major: `level = \"major\"`",
        ),
        (
            "+++\nkind = \"fixed\"\nlevel = \"major\"\nbreaking = { what = \"a\", upgrade = \" \" }\n+++\nx",
            "line 4, column 12: `breaking.upgrade` is empty",
        ),
        (
            "+++\nkind = \"fixed\"\nlevel = \"major\"\nbreaking = { what = \"a\" }\n+++\nx",
            "line 4, column 12: missing field `upgrade`",
        ),
        (
            "+++\nkind = \"fixed\"\nlevel = \"major\"\n[breaking]\nwhat = \"a\"\nupgrade = \"b\"\n\
             announced-by = \"x\"\nunannounced = \"y\"\n+++\nx",
            "line 4, column 1: `breaking` has one of `deprecated-since`, `announced-by` and `unannounced` \
             at most",
        ),
        (
            "+++\nkind = \"fixed\"\nlevel = \"major\"\n[breaking]\nwhat = \"a\"\nupgrade = \"b\"\n\
             announced-by = \"../x.md\"\n+++\nx",
            "line 4, column 1: `breaking.announced-by` names a change file without its folder and `.md`, \
             and `../x.md` is no such name",
        ),
        (
            "+++\nkind = \"fixed\"\nlevel = \"major\"\n[breaking]\nwhat = \"a\"\nupgrade = \"b\"\n\
             unannounced = \"\"\n+++\nx",
            "line 4, column 1: `breaking.unannounced` is empty",
        ),
        (
            "+++\nkind = \"fixed\"\nissues = [\"twelve\"]\n+++\nx",
            "line 3, column 10: `twelve` names no issue: `#12`, `owner/name#12` or `ABC-12`",
        ),
        (
            "+++\nkind = \"fixed\"\nlinks = [\"javascript:x\"]\n+++\nx",
            "line 3, column 9: `javascript:x` is no address with `https://`",
        ),
        (
            "+++\nkind = \"deprecated\"\ndeprecation = { not-before = \"2026-02-30\" }\n+++\nx",
            "line 3, column 15: `deprecation.not-before` is no day: `\"2026-01-31\"`",
        ),
        (
            "+++\nkind = \"deprecated\"\ndeprecation = { instead = \"y\" }\n+++\nx",
            "line 3, column 15: `deprecation` says when: with `removal`, `not-before` or both",
        ),
        (
            "+++\nkind = \"added\"\ndeprecation = { removal = \"2.0.0\" }\n+++\nx",
            "line 3, column 15: `deprecation` belongs to `kind = \"deprecated\"`",
        ),
        (
            "+++\nkind = \"fixed\"\n+++\n\n",
            "line 5: the text is empty",
        ),
        (
            "+++\nkind = \"fixed\"\n+++\n\n# x",
            "line 5: the text has a heading in it",
        ),
        (
            "+++\nkind = \"fixed\"\n+++\n[1.0.0]: https://x",
            "line 4: the text defines a link reference, which would count for the whole file",
        ),
    ] {
        assert_eq!(refused(text), wanted, "{text}");
    }
    let bad = ChangeFile::parse("x.md", b"+++\n\xff").unwrap_err();
    assert_eq!(bad.to_string(), "line 2: this is not UTF-8 text");
    let large = ChangeFile::parse("x.md", &vec![b'+'; LARGEST + 1]).unwrap_err();
    assert!(matches!(large, ChangeFileError::TooLong { .. }));
    for name in [
        "x",
        ".md",
        "A.md",
        "../x.md",
        "-x.md",
        "x-.md",
        "ä.md",
        "x\u{202e}.md",
    ] {
        let error = ChangeFile::parse(name, FILE.as_bytes()).unwrap_err();
        assert!(matches!(error, ChangeFileError::Name { .. }), "{name}");
    }
}

#[test]
fn issues_and_addresses() {
    for text in ["#1", "o/r#12", "!7", "g/s/p!7", "ABC-1", "A2-9"] {
        assert!(is_issue(text), "{text}");
    }
    for text in [
        "", "1", "#", "#x", "abc-1", "A-", "#1 ", "[x](y)#1", "@x#1", "#1#2",
    ] {
        assert!(!is_issue(text), "{text}");
    }
    assert!(is_link("https://h/a?b=c&d#e"));
    for text in [
        "https://",
        "ftp://x",
        "https://h/a b",
        "https://h/)",
        "https://h/\u{202e}",
    ] {
        assert!(!is_link(text), "{text}");
    }
}

fn words() -> impl Strategy<Value = String> {
    let part = prop_oneof![
        "[a-zA-Z0-9 .,`*_\"'\\\\+\n\t=#<>éß🦀-]{1,30}",
        Just("\n\n- a\n- b\n".to_owned()),
        Just("\n+++\n".to_owned()),
        Just("'''".to_owned()),
        Just("\"\"\"".to_owned()),
    ];
    proptest::collection::vec(part, 1..4)
        .prop_map(|parts| parts.concat().trim().to_owned())
        .prop_filter("empty", |it| !it.is_empty())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(500))]

    #[test]
    fn what_is_printed_is_read_again(
        kind in proptest::sample::select(Kind::ALL.to_vec()),
        text in words(),
        (what, upgrade, why) in (words(), words(), words()),
        notice in 0..4,
        (breaks, goes) in any::<(bool, bool)>(),
        level in proptest::option::of(proptest::sample::select(vec![Level::Patch, Level::Major])),
    ) {
        let item = Item::markdown(&text);
        prop_assume!(item.is_ok());
        let change = ChangeFile {
            slug: "x-1".to_owned(),
            kind,
            components: vec!["api".parse().unwrap()],
            level: if breaks { Some(Level::Major) } else { level },
            breaking: breaks.then(|| Breaking {
                what,
                upgrade,
                notice: match notice {
                    0 => None,
                    1 => Some(Notice::Since(Version::new(1, 4, 0))),
                    2 => Some(Notice::By("x-0".to_owned())),
                    _ => Some(Notice::Unannounced(why)),
                },
            }),
            deprecation: (goes && kind == Kind::Deprecated).then(|| Deprecation {
                removal: Some(Version::new(2, 0, 0)),
                not_before: Some("2027-01-01".parse().unwrap()),
                instead: None,
            }),
            issues: vec!["#1".to_owned()],
            links: Vec::new(),
            covers: Vec::new(),
            text: item.unwrap().text().to_owned(),
        };
        let printed = change.print();
        prop_assert_eq!(ChangeFile::parse("x-1.md", printed.as_bytes()), Ok(change), "{}", printed);
    }

    #[test]
    fn anything_is_read_or_refused(bytes in proptest::collection::vec(any::<u8>(), 0..200), front in "[ -~\n]{0,80}") {
        let _ = ChangeFile::parse("x.md", &bytes);
        let _ = ChangeFile::parse("x.md", format!("+++\n{front}\n+++\nx").as_bytes());
    }
}
