use super::*;

use proptest::prelude::*;

fn found(text: &str) -> Vec<(Claim, String)> {
    let all = check(text, Text::ReleaseNotes, &facts(), &built_in());
    let certain = all.into_iter().filter(|it| it.certain);
    certain.map(|it| (it.claim, it.text)).collect()
}

#[test]
fn what_is_in_the_facts_may_be_said() {
    for text in [
        "Version 2.0.0 of api comes after v1.4.2 and goes with 3.0.0.",
        "Orders have a `limit` of up to 500, or 50; `curl '/orders?limit=50'` asks for it.",
        "See #12, #7 and commit 0123456789ab or `0123456`.",
        "Ada Lovelace's work, with grace.",
        "On 2026-01-31, that is on 31 January 2026, four things changed, one of them breaking.",
        "There are two steps: `expand` and `contract`, for snake_case names in C#.",
        "Not before 1 September 2026 (2026-09-01) goes `GET /users`.",
        "Everything is at https://example.org/o/r/compare/v1.4.2...v2.0.0.",
        "I like it. It's [here](https://example.org/o/r/compare/v1.4.2...v2.0.0).",
        "Rename-email is open.",
    ] {
        assert_eq!(found(text), [], "{text}");
    }
}

#[test]
fn what_is_not_in_the_facts_is_found() {
    use Claim::*;
    for (text, claim, words) in [
        ("It takes up to 600.", Number, "600"),
        ("It is 3x faster.", Number, "3x"),
        ("There are 12 of them.", Number, "12"),
        ("By 40%.", Number, "40%"),
        ("By forty of a kind.", Number, "forty"),
        ("It takes 1,500 of them.", Number, "1,500"),
        ("It is v2.0.1 now.", Version, "v2.0.1"),
        ("From 1.5 on.", Version, "1.5"),
        ("On 2026-02-01.", Day, "2026-02-01"),
        ("In March.", Name, "March"),
        ("Send a `lim`.", Identifier, "lim"),
        ("Send a `limits`.", Identifier, "limits"),
        ("Use other_case now.", Identifier, "other_case"),
        ("Use --force now.", Identifier, "--force"),
        ("Fixed in #13.", Issue, "#13"),
        ("Fixed in ABC-12.", Issue, "ABC-12"),
        ("Done in 0123456789ac.", Commit, "0123456789ac"),
        ("Thanks to Charles.", Name, "Charles"),
        ("Thanks to @charles.", Name, "@charles"),
        ("It runs on PostgreSQL.", Name, "PostgreSQL"),
        ("It uses the HTTP.", Name, "HTTP"),
        ("See https://example.org/x.", Link, "https://example.org/x"),
        (
            "See [here](https://evil.example).",
            Link,
            "https://evil.example",
        ),
        ("![x](y.png)", Link, "y.png"),
    ] {
        assert_eq!(found(text), [(claim, words.to_owned())], "{text}");
    }
}

#[test]
fn a_place_is_given_in_bytes_and_lines() {
    let text = "# é **api**\n\n- *Thänks* \\* to Bob &amp; `x\\y`\n";
    let all = check(text, Text::ReleaseNotes, &facts(), &built_in());
    let places: Vec<_> = all
        .iter()
        .filter(|it| it.certain)
        .map(|it| (it.line, &text[it.span.start..it.span.end]))
        .collect();
    assert_eq!(places, [(3, "Bob"), (3, "x\\y")]);
}

#[test]
fn where_a_sentence_begins_it_is_a_guess() {
    let guesses = |text: &str| {
        let all = check(text, Text::ReleaseNotes, &facts(), &built_in());
        let words = all.into_iter().filter(|it| !it.certain);
        words.map(|it| it.text).collect::<Vec<_>>()
    };
    assert_eq!(
        guesses("Kubernetes is there. Zookeeper is not."),
        ["Kubernetes", "Zookeeper"]
    );
    assert_eq!(
        guesses("Adding is simpler. The names leak. Really."),
        [""; 0]
    );
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn made_texts_say_only_what_the_facts_say(
        texts in proptest::collection::vec("[A-Z][a-z]{2,8} (`[a-z_]{1,9}` |[0-9]{1,4} |[a-z]{1,9} |[A-Z]{2,4}-[0-9]{1,3} ){1,9}", 1..8),
        kinds in proptest::collection::vec(proptest::sample::select(Kind::ALL.to_vec()), 8),
    ) {
        let mut facts = facts();
        facts.items.extend(texts.iter().zip(kinds).map(|(text, kind)| FactItem::new(kind, text.clone())));
        for (of, text) in [
            (Text::ReleaseNotes, release_notes(&facts, &built_in()).unwrap()),
            (Text::ChangelogSection, changelog_section(&facts, &built_in()).unwrap()),
            (Text::UpgradeGuide, upgrade_guide(&facts, &built_in()).unwrap()),
            (Text::MigrationNotes, migration_notes(&facts, &built_in()).unwrap()),
        ] {
            let all = check(&text, of, &facts, &built_in());
            prop_assert_eq!(all, vec![], "{}", text);
        }
    }

    #[test]
    fn an_invented_number_is_always_found(number in 1000_u32..9_000_000, at in 0_usize..12) {
        prop_assume!(number != 2026);
        let text = release_notes(&facts(), &built_in()).unwrap();
        let mut lines: Vec<&str> = text.lines().collect();
        let invented = format!("It is {number} now.");
        lines.insert(at, &invented);
        let all = check(&lines.join("\n"), Text::ReleaseNotes, &facts(), &built_in());
        prop_assert!(all.iter().any(|it| it.text == number.to_string()));
    }

    #[test]
    fn any_text_can_be_checked(text in "\\PC{0,60}") {
        for it in check(&text, Text::ReleaseNotes, &facts(), &built_in()) {
            prop_assert!(text.get(it.span.start..it.span.end).is_some());
        }
        words(&text);
    }
}
