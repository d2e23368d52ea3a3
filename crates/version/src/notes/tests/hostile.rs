use super::*;

use proptest::prelude::*;
use pulldown_cmark::{Event, Parser, Tag};

use crate::notes::visible::{options, visible};

/// What text must not become.
fn smuggled(markdown: &str) -> Option<String> {
    let parser = Parser::new_ext(markdown, options());
    let definition = parser.reference_definitions().iter().next();
    if let Some((label, _)) = definition {
        return Some(format!("a reference {label}"));
    }
    for event in parser {
        let bad = matches!(
            event,
            Event::Start(
                Tag::Link { .. }
                    | Tag::Image { .. }
                    | Tag::Heading { .. }
                    | Tag::HtmlBlock
                    | Tag::BlockQuote(_)
                    | Tag::Table(_)
                    | Tag::FootnoteDefinition(_)
                    | Tag::Emphasis
                    | Tag::Strong
                    | Tag::Strikethrough,
            ) | Event::Html(_)
                | Event::InlineHtml(_)
                | Event::FootnoteReference(_)
                | Event::TaskListMarker(_)
                | Event::Rule
        );
        if bad {
            return Some(format!("{event:?}"));
        }
    }
    // What renderers make links and mentions of by themselves.
    let words: String = visible(markdown)
        .iter()
        .map(|it| if it.code == 0 { it.c } else { '\u{1}' })
        .collect();
    let lower = words.to_lowercase();
    for sign in ["://", "www.", "mailto:", "xmpp:"] {
        if lower.contains(sign) {
            return Some(sign.to_owned());
        }
    }
    let mention = |it: &str| it.starts_with(char::is_alphanumeric);
    if words.split('@').skip(1).any(mention) {
        return Some("a mention".to_owned());
    }
    let moved = |c: char| {
        c.is_control() && !"\n\u{1}".contains(c) || ('\u{202a}'..='\u{202e}').contains(&c)
    };
    markdown
        .chars()
        .find(|c| *c != '\u{1}' && moved(*c))
        .map(|it| format!("{it:?}"))
}

#[test]
fn what_people_try() {
    for (text, wanted) in [
        ("<script>alert(1)</script>", "\\<script>alert(1)\\</script>"),
        ("a <img src=x onerror=y> b", "a \\<img src=x onerror=y> b"),
        (
            "see [the fix](https://evil.example)",
            "see the fix (`https://evil.example`)",
        ),
        ("see <https://evil.example>", "see `https://evil.example`"),
        (
            "see https://evil.example, now",
            "see `https://evil.example`, now",
        ),
        ("![alt](https://evil.example/pixel.png)", "alt"),
        ("thanks @octocat!", "thanks `@octocat`!"),
        ("write to (me@example.org)", "write to (`me@example.org`)"),
        (
            "{{ 7 * 7 }} {% raw %}",
            "\\{\\{ 7 \\* 7 \\}\\} \\{% raw %\\}",
        ),
        (
            "a\n\n## [9.9.9] - 2026-01-01\n\n- b",
            "a \\[9.9.9\\] - 2026-01-01 b",
        ),
        ("- - deep", "deep"),
        ("\\# x", "\\# x"),
        ("1\\. x", "1\\. x"),
        (
            "\u{202e}gpj.exe\u{202c}\u{200b} \u{1b}[31mred",
            "gpj.exe \\[31mred",
        ),
        ("a &lt;b&gt; &amp;copy;", "a \\<b> \\&copy;"),
        ("a_b _c_ **d** ~~e~~", "a_b c d \\~\\~e\\~\\~"),
        ("`` a`b `` `c`", "``a`b`` `c`"),
        ("`a``b`", "```a``b```"),
        ("x | y\n--|--\n1 | 2", "x \\| y --\\|-- 1 \\| 2"),
        ("[^1] and [x]", "\\[^1\\] and \\[x\\]"),
        ("$x$ costs 5", "\\$x\\$ costs 5"),
        ("[ref]: https://evil.example", ""),
        (
            "&`` ``#64;all ht``\u{200b}``tp://x",
            "\\&#64;all `http://x`",
        ),
    ] {
        let out = escape::inline(text);
        assert_eq!(smuggled(&out), None, "{out}");
        assert_eq!(out.replace("\\^", "^"), wanted, "{text}");
    }
}

#[test]
fn code_and_lists_stay_what_they_are() {
    let text = "Do this:\n\n1. stop\n   ```sh\n   a `b`\n\n   # c\n   ```\n2. go\n   - on\n   - [x](y)\n\n> quoted\n\n    ````\n";
    assert_eq!(
        escape::blocks(text, 0),
        "Do this:\n\n1. stop\n\n   ```sh\n   a `b`\n\n   # c\n   ```\n2. go\n\n   - on\n   - x (`y`)\n\nquoted\n\n`````\n````\n`````"
    );
}

#[test]
fn a_sentence_is_cut_where_it_ends() {
    for (text, most, wanted) in [
        ("One two. Three.", 9, "One two."),
        ("One two three.", 2, "One two…"),
        (
            "Use `a b` or e.g. c, then done. No.",
            9,
            "Use `a b` or e.g. c, then done.",
        ),
        ("One `a b c`", 2, "One…"),
        ("Version 1.2.3 is out", 9, "Version 1.2.3 is out"),
        ("First.\n\nSecond.", 9, "First."),
        ("", 9, ""),
    ] {
        assert_eq!(escape::summary(text, most), wanted);
    }
}

#[test]
fn hostile_facts_make_harmless_texts() {
    let bad = "x](https://evil.example) <b> @all\n\n# [9.9.9]\n\n[1.0.0]: https://evil.example\n\n\
               {{ 7*7 }} ![p](q) \u{202e} ```\n";
    let mut facts = facts();
    facts.contributors = vec![bad.to_owned()];
    for item in &mut facts.items {
        item.text = bad.to_owned();
        item.authors = vec![bad.to_owned()];
        if let Some(it) = &mut item.breaking {
            (it.what, it.upgrade) = (bad.to_owned(), Some(bad.to_owned()));
        }
    }
    for migration in &mut facts.migrations {
        (migration.change, migration.title) = (bad.to_owned(), bad.to_owned());
        for step in &mut migration.steps {
            (step.name, step.title, step.needs) = (bad.to_owned(), bad.to_owned(), bad.to_owned());
            step.way_back = Some(bad.to_owned());
        }
    }
    let texts = [
        release_notes(&facts, &built_in()).unwrap(),
        changelog_section(&facts, &built_in()).unwrap(),
        upgrade_guide(&facts, &built_in()).unwrap(),
        migration_notes(&facts, &built_in()).unwrap(),
    ];
    for text in texts {
        // Headings and emphasis are the template's own.
        let lines = text
            .lines()
            .map(|it| it.trim_start_matches('#').replace("**", ""));
        let plain = lines.collect::<Vec<_>>().join("\n");
        assert_eq!(smuggled(&plain), None, "{text}");
        let heading = |it: &str| it.starts_with('#') && it.contains("[9.9.9]");
        let done = text.contains("49");
        assert!(!text.lines().any(heading) && !done, "{text}");
    }
}

fn pieces() -> impl Strategy<Value = String> {
    let mean = proptest::sample::select(vec![
        "[",
        "](",
        ")",
        "![",
        "<",
        ">",
        "<b>",
        "</",
        "<!--",
        "-->",
        "`",
        "``",
        "```",
        "~~~",
        "*",
        "**",
        "_",
        "__",
        "~~",
        "\\",
        "&",
        "&lt;",
        "&#64;",
        "@",
        "@a",
        "a@b.c",
        "#",
        "## ",
        "- ",
        "+ ",
        "1. ",
        "1)",
        "> ",
        "|",
        "--|--",
        "---",
        "===",
        ":",
        "://",
        "www.",
        "https://x.y",
        "mailto:",
        "{{",
        "}}",
        "{%",
        "\n",
        "\n\n",
        "\r\n",
        "\t",
        "    ",
        " ",
        "\u{202e}",
        "\u{200b}",
        "\u{0}",
        "\u{1b}",
        "[x]: y",
        "[^1]",
        "[^1]: z",
        "[ ]",
        "$",
        "^",
        "é",
        "🦀",
        "\u{a0}",
        "\u{2028}",
        "!",
        "word",
        "7",
        ".",
        ",",
    ]);
    proptest::collection::vec(mean, 0..25).prop_map(|it| it.concat())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(4000))]

    #[test]
    fn a_line_is_only_words_and_code(text in pieces()) {
        let out = escape::inline(&text);
        prop_assert_eq!(out.lines().count().min(2), usize::from(!out.is_empty()));
        prop_assert_eq!(smuggled(&out), None, "{}", out);
        let item = format!("- a\n- {out}\n- b\n");
        prop_assert_eq!(smuggled(&item), None, "{}", item);
        let count = |event: &Event<'_>| matches!(event, Event::Start(Tag::Item));
        prop_assert_eq!(Parser::new_ext(&item, options()).filter(count).count(), 3, "{}", item);
        // What was made harmless stays as it is.
        prop_assert_eq!(escape::inline(&out), out);
        let short = escape::summary(&text, 5);
        prop_assert_eq!(smuggled(&short), None, "{}", short);
    }

    #[test]
    fn blocks_stay_in_their_item(text in pieces()) {
        let out = escape::blocks(&text, 2);
        prop_assert_eq!(smuggled(&escape::blocks(&text, 0)), None);
        let item = format!("- a\n- {out}\n\n## b\n");
        let mut depth = 0;
        let mut outermost = Vec::new();
        for event in Parser::new_ext(&item, options()) {
            match event {
                Event::Start(tag) => {
                    if depth == 0 {
                        outermost.push(matches!(tag, Tag::List(None)));
                    }
                    depth += 1;
                }
                Event::End(_) => depth -= 1,
                _ => {}
            }
        }
        prop_assert_eq!(outermost, vec![true, false], "{}", item);
    }

    #[test]
    fn words_are_kept(words in proptest::collection::vec("[a-z]{1,8}", 1..12)) {
        let text = words.join(" ");
        prop_assert_eq!(escape::inline(&text), text.clone());
        prop_assert_eq!(escape::blocks(&text, 0), text);
    }
}
