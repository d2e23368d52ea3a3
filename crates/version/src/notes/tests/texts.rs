use super::*;

#[test]
fn release_notes_as_people_read_them() {
    let text = release_notes(&facts(), &built_in()).unwrap();
    assert_eq!(
        text,
        "\
# api 2.0.0

Released on 2026-01-31, after 1.4.2.

## Before you upgrade

- `GET /orders` needs a `limit`.

How to go on is in the upgrade guide.

## Added

- `GET /orders` takes a `limit` of up to 500.

## Fixed

- A leak of snake_case names in C# clients.

## Deprecated

- `GET /users`. It goes with 3.0.0, not before 2026-09-01. Instead: `GET /v2/users`.

Data moves with this release: see the migration notes.

Thanks to Ada Lovelace and grace.
"
    );
    assert_eq!(check(&text, Text::ReleaseNotes, &facts(), &built_in()), []);
}

#[test]
fn a_section_of_a_changelog() {
    let text = changelog_section(&facts(), &built_in()).unwrap();
    assert_eq!(
        text,
        "\
### Added

- `GET /orders` takes a `limit` of up to 500. (#12)

### Changed

- **Breaking:** Orders come in pages.

  - of 50
  - newest first

### Deprecated

- `GET /users`.

  It goes with 3.0.0, not before 2026-09-01. Instead: `GET /v2/users`.

### Fixed

- A leak of snake_case names in C# clients. (#7, #9)
"
    );
    assert_eq!(
        check(&text, Text::ChangelogSection, &facts(), &built_in()),
        []
    );
}

#[test]
fn items_come_into_a_changelog() {
    use crate::changelog::Changelog;
    let items = changelog_items(&facts(), &built_in()).unwrap();
    let file = Changelog::new_file();
    let edited = Changelog::parse(file.clone()).add(&items).unwrap();
    let section = changelog_section(&facts(), &built_in()).unwrap();
    assert_eq!(
        String::from_utf8(edited.bytes).unwrap(),
        format!("{file}\n{section}")
    );
    let other = own(Text::ChangelogSection, "- {{ version }}");
    assert!(matches!(
        changelog_items(&facts(), &other),
        Err(NotesError::NotItems { .. })
    ));
}

#[test]
fn an_upgrade_guide() {
    let text = upgrade_guide(&facts(), &built_in()).unwrap();
    assert_eq!(
        text,
        "\
# Upgrading api from 1.4.2 to 2.0.0

## `GET /orders` needs a `limit`.

Deprecated since 1.3.0, 2025-10-31.

Send one:

```sh
curl '/orders?limit=50'
```
"
    );
    assert_eq!(check(&text, Text::UpgradeGuide, &facts(), &built_in()), []);
    let mut none = facts();
    none.items.clear();
    let text = upgrade_guide(&none, &built_in()).unwrap();
    assert!(
        text.ends_with("\n\nEverything that worked goes on working.\n"),
        "{text}"
    );
}

#[test]
fn a_major_is_not_made_without_its_upgrade_guide() {
    for upgrade in [
        None,
        Some(" \n".to_owned()),
        Some("[x]: https://nowhere".to_owned()),
    ] {
        let mut facts = facts();
        facts.items[1].breaking.as_mut().unwrap().upgrade = upgrade;
        assert_eq!(
            upgrade_guide(&facts, &built_in()).unwrap_err().to_string(),
            "nothing says what users do about what breaks: `GET /orders` needs a `limit`."
        );
        // The other texts do not wait for it.
        assert!(release_notes(&facts, &built_in()).is_ok());
    }
}

#[test]
fn migration_notes_with_every_step() {
    let text = migration_notes(&facts(), &built_in()).unwrap();
    assert_eq!(
        text,
        "\
# Migrations with api 2.0.0

## The column email_addr becomes email

The change is `rename-email`.

1. The new column is made (`expand`, done)

   Way back: Drop the new column.

2. The old column goes (`contract`, later)

   Before it: A backup of users.

   There is no way back.
"
    );
    assert_eq!(
        check(&text, Text::MigrationNotes, &facts(), &built_in()),
        []
    );
    let mut none = facts();
    none.migrations.clear();
    let text = migration_notes(&none, &built_in()).unwrap();
    assert_eq!(
        text,
        "# Migrations with api 2.0.0\n\nNo change of stored data is open.\n"
    );
}

#[test]
fn release_notes_stay_under_their_words() {
    for count in [0, 1, 5, 30, 400] {
        for long in [3, 12, 80] {
            let mut facts = facts();
            let text = "word ".repeat(long);
            facts
                .items
                .extend(vec![FactItem::new(Kind::Fixed, text); count]);
            let text = release_notes(&facts, &built_in()).unwrap();
            assert!(
                words(&text) < MOST_WORDS,
                "{count} of {long}: {}",
                words(&text)
            );
            // What matters most is there.
            assert!(text.contains("needs a `limit`"), "{text}");
            let whole = text.matches("\n- word").count() == count;
            assert_eq!(whole, !text.contains("More is in the changelog."), "{text}");
        }
    }
    let mut facts = facts();
    let many = vec![facts.items[1].clone(); 300];
    facts.items = many;
    let text = release_notes(&facts, &built_in()).unwrap();
    assert!(words(&text) < MOST_WORDS);
    assert!(
        text.contains("More of what breaks is in the upgrade guide."),
        "{text}"
    );
    let wordy = own(Text::ReleaseNotes, &"word ".repeat(MOST_WORDS));
    assert!(matches!(
        release_notes(&facts, &wordy),
        Err(NotesError::TooManyWords { words: 200 })
    ));
}

#[test]
fn as_many_words_as_people_count() {
    for (text, count) in [
        ("", 0),
        ("# One two\n\n- three\n- [ ] four\n", 4),
        ("**bo**ld and _it_alic", 3),
        (
            "a [link text](https://example.org/not/counted \"nor this\")",
            3,
        ),
        ("![picture](x.png) – seen", 2),
        ("`three words here` <b>tag</b> <!-- not this -->", 4),
        ("<!--\nnot this\n-->\n\n<div>\n", 0),
        ("it's well-known, isn't it?", 4),
        ("| a | b |\n|---|---|\n| c d | e |\n", 5),
        ("```\ncode counts\n```\n", 2),
        ("1. first\n2. second", 2),
        ("x &amp; y \\* z\n\n---\n", 3),
        ("[a]\n\n[a]: https://example.org", 1),
        ("https://example.org/a/b", 1),
        ("日本語 テスト", 2),
    ] {
        assert_eq!(words(text), count, "{text}");
    }
}

#[test]
fn facts_are_kept_as_json() {
    let facts = facts();
    let json = serde_json::to_string(&facts).unwrap();
    assert_eq!(Facts::parse(&json), Ok(facts.clone()));
    let refused = |from: &str, to: &str| {
        let json = json.replacen(from, to, 1);
        Facts::parse(&json).unwrap_err().to_string()
    };
    assert_eq!(
        refused("release-facts/v1", "release-facts/v2"),
        "the facts are of the form `switchback.release-facts/v2`, and this version reads \
         `switchback.release-facts/v1`"
    );
    assert!(
        refused("\"contributors\"", "\"contributers\"").contains("unknown field `contributers`")
    );
    assert!(refused("2026-01-31", "2026-02-31").contains("this is no day"));
    assert_eq!(
        refused("0123456789abcdef", "zz"),
        "item 1 (``GET /orders` takes a `limit` of up to 500.`): \
         `zz0123456789abcdef01234567` is no commit"
    );
    assert!(refused("#12", "[x](y)").ends_with("`[x](y)` is no issue"));
    assert!(refused("`GET /users`.\"", "[x]: y\"").ends_with("`[x]: y` is no text"));
    let least = r#"{"schema":"switchback.release-facts/v1","version":"1.0.0","date":"2026-01-31"}"#;
    let read = Facts::parse(least).unwrap();
    assert!(
        release_notes(&read, &built_in())
            .unwrap()
            .starts_with("# 1.0.0\n")
    );
}

#[test]
fn a_change_file_gives_a_fact() {
    let file = "+++\nkind = \"removed\"\nlevel = \"major\"\nissues = [\"#3\"]\n\
                breaking = { what = \"w\", upgrade = \"u\" }\n+++\nGone.\n";
    let change = crate::change_file::ChangeFile::parse("x.md", file.as_bytes()).unwrap();
    let item = FactItem::from(&change);
    assert_eq!(item.text, "Gone.");
    assert_eq!(item.issues, ["#3"]);
    assert_eq!(item.breaking.unwrap().upgrade.as_deref(), Some("u"));
}

#[test]
fn templates_of_ones_own() {
    let mine = own(
        Text::ReleaseNotes,
        "{# words #}{{ version }}{% for group in groups %}{% for item in group.entries %} \
         [{{ item.commits or \"none\" }}]{% endfor %}{% endfor %}",
    );
    assert_eq!(
        release_notes(&facts(), &mine).unwrap(),
        "2.0.0 [`0123456789`] [none] [none]\n"
    );
    let refused = |source: &str| {
        let error = built_in().with(Text::ReleaseNotes, source).unwrap_err();
        error.to_string()
    };
    for (source, wanted) in [
        ("x\n{% set a = 1 %}", "line 2: there is no tag `set` here"),
        (
            "{%- include 'x' %}",
            "line 1: there is no tag `include` here",
        ),
        (
            "{% autoescape false %}",
            "line 1: there is no tag `autoescape` here",
        ),
        (
            "{% raw %}{% endraw %}",
            "line 1: there is no tag `raw` here",
        ),
        ("{{ a ~ b }}", "line 1: `~`: a template prints"),
        ("{{ a * 99 }}", "line 1: `*`: a template prints"),
        ("{{ a|safe }}", "line 1: `|`: a template prints"),
        ("{{ range(9) }}", "line 1: `(`: a template prints"),
        ("{% for x in [a, a] %}", "line 1: `[`: a template prints"),
        ("\n\n{{ a ", "line 3: this tag does not end"),
        (
            "{{ \"a\\\"\" }}",
            "line 1: a text in a tag has no `\\` in it",
        ),
        ("{% if a %}", "line 1: unexpected end of input"),
    ] {
        let said = refused(source);
        let wanted = format!("the template of the release notes, {wanted}");
        assert!(said.starts_with(&wanted), "{said}");
    }
    let typo = own(Text::ReleaseNotes, "\n{{ verzion }}");
    assert!(matches!(
        release_notes(&facts(), &typo),
        Err(NotesError::Template(TemplateError::Form { line: 2, .. }))
    ));
    let large = built_in().with(Text::ReleaseNotes, "x".repeat(65 * 1024));
    assert!(matches!(large, Err(TemplateError::TooLong { .. })));
}

#[test]
fn a_template_comes_to_an_end() {
    let mut facts = facts();
    facts.items = vec![FactItem::new(Kind::Fixed, "word"); 60];
    let deep = "{% for g in groups %}{% for a in g.entries %}{% for b in g.entries %}";
    let deep = format!(
        "{deep}{{% for c in g.entries %}}{{% for d in g.entries %}}.{}",
        "{% endfor %}".repeat(5)
    );
    let long = own(Text::ReleaseNotes, &deep);
    assert!(matches!(
        release_notes(&facts, &long),
        Err(NotesError::Template(TemplateError::Bounds { .. }))
    ));
    facts.items = vec![FactItem::new(Kind::Fixed, "word ".repeat(10_000)); 60];
    let large = own(
        Text::ChangelogSection,
        "{% for g in groups %}{% for a in g.entries %}{{ a.text }}{% endfor %}{% endfor %}",
    );
    assert!(matches!(
        changelog_section(&facts, &large),
        Err(NotesError::Template(TemplateError::Bounds { .. }))
    ));
}
