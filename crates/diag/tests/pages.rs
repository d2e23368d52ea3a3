//! Every code and topic has a page of the agreed form, and every page has a code or a topic.

use std::collections::BTreeSet;

use switchback_diag::{Code, Topic};

const SECTIONS: [&str; 4] = ["## What it means", "## Why", "## What to do", "## Example"];

fn headings(page: &str) -> Vec<&str> {
    let mut code = false;
    page.lines()
        .filter(|line| {
            code ^= line.starts_with("```");
            !code && line.starts_with('#')
        })
        .collect()
}

/// The text under a heading; empty if there is none.
fn section<'a>(page: &'a str, heading: &str) -> &'a str {
    let rest = page.split_once(heading).map_or("", |(_, rest)| rest);
    rest.split("\n## ").next().unwrap_or_default().trim()
}

#[test]
fn every_code_has_a_whole_page() {
    for code in Code::ALL {
        let page = code.page();
        let title = format!("# {code}: {}", code.title());
        let mut expected = vec![title.as_str()];
        expected.extend(SECTIONS);
        assert_eq!(headings(page), expected, "{code}");
        for heading in SECTIONS {
            assert!(
                section(page, heading).len() > 40,
                "{code}: {heading} says too little"
            );
        }
        assert!(
            section(page, "## What to do").contains('`'),
            "{code}: no command or name to use"
        );
        assert!(
            section(page, "## Example").contains("```"),
            "{code}: no example"
        );
        assert!(
            section(page, "## Example").contains(&format!("[{code}]")),
            "{code}: the example does not show the code"
        );
    }
}

#[test]
fn every_topic_has_a_page() {
    for topic in Topic::ALL {
        let page = topic.page();
        assert_eq!(headings(page)[0], format!("# {}", topic.title()));
        assert!(page.len() > 400, "{topic:?} says too little");
        assert!(
            Code::find(topic.slug()).is_none(),
            "{topic:?} is the slug of a code too"
        );
        assert_eq!(Topic::find(topic.slug()), Some(*topic));
    }
}

#[test]
fn pages_are_plain_and_narrow() {
    let pages = Code::ALL.iter().map(|code| (code.id(), code.page()));
    for (name, page) in pages.chain(Topic::ALL.iter().map(|topic| (topic.slug(), topic.page()))) {
        assert!(page.ends_with('\n') && !page.ends_with("\n\n"), "{name}");
        assert!(!page.contains('\t') && !page.contains("TODO"), "{name}");
        for line in page.lines() {
            assert!(line.chars().count() <= 100, "{name}: {line}");
            assert!(
                line.trim_end() == line,
                "{name}: `{line}` ends with a space"
            );
        }
    }
}

#[test]
#[expect(
    clippy::disallowed_methods,
    reason = "the test, unlike the crate, looks at the folder"
)]
fn no_page_is_an_orphan() {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/explain");
    let found: BTreeSet<String> = std::fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    let codes = Code::ALL.iter().map(|code| format!("{code}.md"));
    let known: BTreeSet<String> = codes
        .chain(
            Topic::ALL
                .iter()
                .map(|topic| format!("{}.md", topic.slug())),
        )
        .collect();
    assert_eq!(found, known);
}

/// Pages point to each other with `switchback explain X`; such a pointer must lead somewhere.
#[test]
fn pointers_between_pages_lead_somewhere() {
    let pages = Code::ALL.iter().map(|code| code.page());
    for page in pages.chain(Topic::ALL.iter().map(|topic| topic.page())) {
        // What is typed in an example may be a slip on purpose.
        let told = page.lines().filter(|line| !line.starts_with("$ "));
        for rest in told.flat_map(|line| line.split("switchback explain ").skip(1)) {
            let end = |c: char| !(c.is_ascii_alphanumeric() || c == '-');
            let name = rest.split(end).next().unwrap();
            assert!(
                Code::find(name).is_some() || Topic::find(name).is_some(),
                "{name}"
            );
        }
    }
}
