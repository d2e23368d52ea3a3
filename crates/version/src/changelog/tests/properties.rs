use super::*;

use proptest::prelude::*;

/// Lines of which files are made: what is in form, what nearly is, and what is hostile.
const LINES: &[&str] = &[
    "",
    "",
    "",
    "# Changelog",
    "## [Unreleased]",
    "## Unreleased",
    "## [1.0.0] - 2025-01-01",
    "## [1.1.0] - 2025-02-02",
    "## 0.9.0",
    "## v0.8.0 (2024-01-01)",
    "# [2.0.0](https://h/compare/v1...v2)",
    "### Added",
    "### Fixed",
    "### Bug Fixes",
    "### security",
    "#### Deep",
    "- item",
    "* item",
    "+ x",
    "  more",
    "    - nested",
    "1. one",
    "text",
    "```",
    "~~~",
    "<!--",
    "-->",
    "<pre>",
    "</pre>",
    "<details>",
    "> quote",
    "---",
    "===",
    "***",
    "\t- tab",
    "    code",
    "- ```",
    "- <!--",
    "[unreleased]: https://h/o/r/compare/v1.1.0...HEAD",
    "[1.1.0]: https://h/o/r/compare/v1.0.0...v1.1.0",
    "[1.0.0]: https://h/o/r/releases/tag/v1.0.0",
    "[x]:",
    "<https://h>",
    "\u{feff}",
    "\u{2028}",
    "é ﷺ 🦀",
    "[YANKED]",
    "## [1.0.0] [YANKED] ##",
    "\0",
    "##",
    "- ",
    "-",
    "   ## [0.7.0]",
    "\\[x]: y",
];

fn hostile() -> impl Strategy<Value = Vec<u8>> {
    let line = prop_oneof![
        12 => proptest::sample::select(LINES).prop_map(|it| it.as_bytes().to_vec()),
        1 => proptest::collection::vec(any::<u8>(), 0..12),
    ];
    let end = prop_oneof![8 => Just("\n"), 2 => Just("\r\n"), 1 => Just("\r")];
    let lines = proptest::collection::vec((line, end), 0..40);
    (lines, any::<bool>()).prop_map(|(lines, open)| {
        let mut bytes = Vec::new();
        for (line, end) in lines {
            bytes.extend(line);
            bytes.extend(end.as_bytes());
        }
        while open && matches!(bytes.last(), Some(b'\n' | b'\r')) {
            bytes.pop();
        }
        bytes
    })
}

/// A file as people write one: in it every edit must go through.
fn written() -> impl Strategy<Value = String> {
    let group = (
        proptest::sample::subsequence(Kind::ALL.to_vec(), 0..4),
        1..4_usize,
        prop_oneof![
            Just("- a `thing`\n"),
            Just("- long\n  text\n  - part\n"),
            Just("- x\n\n  ```\n  ## [9.9.9]\n  ```\n")
        ],
    );
    let section = proptest::collection::vec(group, 1..5);
    (section, any::<[bool; 6]>()).prop_map(
        |(sections, [crlf, open, links, bracketed, blank, comment])| {
            let mut out = "# Changelog\n\nWords.\n\n".to_owned();
            let count = sections.len();
            for (at, (kinds, items, item)) in sections.into_iter().enumerate() {
                let name = if at == 0 {
                    "Unreleased".to_owned()
                } else {
                    format!("{}.0.0", count - at)
                };
                let name = if bracketed { format!("[{name}]") } else { name };
                let day = if at == 0 { "" } else { " - 2025-01-01" };
                out.push_str(&format!("## {name}{day}\n"));
                for kind in kinds {
                    let gap = if blank { "\n" } else { "" };
                    out.push_str(&format!(
                        "{gap}### {}\n{gap}{}",
                        kind.heading(),
                        item.repeat(items)
                    ));
                }
                if comment {
                    out.push_str("\n<!--\n## [7.0.0]\n-->\n");
                }
                out.push('\n');
            }
            if links {
                out.push_str(&format!(
                    "[unreleased]: https://h/o/r/compare/v{}.0.0...HEAD\n",
                    count - 1
                ));
            }
            if crlf {
                out = out.replace('\n', "\r\n");
            }
            if open {
                out.truncate(out.trim_end().len());
            }
            out
        },
    )
}

fn items() -> impl Strategy<Value = Vec<(Kind, Item)>> {
    let texts = [
        "one",
        "two\nlines",
        "x\n\n- a\n- b",
        "`code` <b> [l](u)",
        "```\n## [1.0.0]\n```",
        "é 🦀",
    ];
    let one = (
        proptest::sample::select(Kind::ALL.to_vec()),
        proptest::sample::select(texts.to_vec()),
    );
    let items = proptest::collection::vec(one, 1..5);
    items.prop_map(|all| {
        all.into_iter()
            .map(|(kind, text)| (kind, item(text)))
            .collect()
    })
}

/// Bytes outside of the splices are what they were, splices are where they may be, and the text of every
/// other section is there in the same order.
fn only(changelog: &Changelog, edited: &Edited, target: &dyn Fn(&Section) -> bool) {
    let (mut rest, mut from) = (edited.bytes.as_slice(), 0);
    for splice in &edited.splices {
        let kept = &changelog.bytes()[from..splice.span.start];
        rest = rest.strip_prefix(kept).unwrap();
        rest = rest.strip_prefix(splice.text.as_bytes()).unwrap();
        from = splice.span.end;
        let removed = &changelog.bytes()[splice.span.start..splice.span.end];
        let link = changelog
            .references()
            .iter()
            .any(|it| it.url == splice.span);
        let heading = changelog
            .sections()
            .iter()
            .any(|it| target(it) && it.heading.label.as_ref().unwrap().url == Some(splice.span));
        assert!(removed.is_empty() || link || heading, "{splice:?}");
        for section in changelog.sections().iter().filter(|it| !target(it)) {
            let inside = section.heading.span.start < splice.span.start
                && splice.span.start < section.content_end;
            assert!(!inside, "{splice:?} in {section:?}");
        }
    }
    assert_eq!(rest, &changelog.bytes()[from..]);
    let mut at = 0;
    for section in changelog.sections().iter().filter(|it| !target(it)) {
        let wanted = section.content().of(changelog.bytes());
        let place = edited.bytes[at..]
            .windows(wanted.len())
            .position(|it| it == wanted);
        at += place.expect("a section is gone") + wanted.len();
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1500))]

    #[test]
    fn anything_is_read(bytes in hostile()) {
        let changelog = Changelog::parse(bytes.clone());
        let mut at = 0;
        for section in changelog.sections() {
            prop_assert!(at <= section.heading.span.start);
            prop_assert!(section.heading.span.end <= section.content_end);
            prop_assert!(section.content_end <= section.body.end);
            at = section.body.end;
            for group in &section.groups {
                prop_assert!(section.body.start <= group.heading.span.start);
                prop_assert!(group.heading.span.end <= group.content_end);
                prop_assert!(group.content_end <= section.content_end);
                for item in &group.items {
                    prop_assert!(group.body.start <= item.start && item.end <= group.body.end);
                }
            }
        }
        prop_assert!(at <= bytes.len());
        for finding in changelog.check() {
            prop_assert!(finding.span.end <= bytes.len());
        }
    }

    #[test]
    fn hostile_files_keep_every_other_byte(bytes in hostile(), items in items()) {
        let changelog = Changelog::parse(bytes);
        let unreleased = |it: &Section| it.name == Name::Unreleased;
        if let Ok(edited) = changelog.add(&items) {
            only(&changelog, &edited, &unreleased);
        }
        let release = ReleaseOf { allow_empty: true, ..release_of("3.0.0") };
        if let Ok(edited) = changelog.release(&release) {
            only(&changelog, &edited, &unreleased);
        }
        let old = version("1.0.0");
        if let Ok(edited) = changelog.yank(&old) {
            only(&changelog, &edited, &|it| it.name == Name::Version(old.clone()));
        }
    }

    #[test]
    fn written_files_take_every_edit(file in written(), items in items()) {
        let changelog = Changelog::parse(file);
        let unreleased = |it: &Section| it.name == Name::Unreleased;
        let added = changelog.add(&items).unwrap();
        only(&changelog, &added, &unreleased);
        let changelog = Changelog::parse(added.bytes);
        let released = changelog.release(&release_of("9.0.0")).unwrap();
        only(&changelog, &released, &unreleased);
        let before = changelog.unreleased().unwrap().unwrap().groups.len();
        let changelog = Changelog::parse(released.bytes);
        let new = changelog.version(&version("9.0.0")).unwrap();
        prop_assert_eq!(new.groups.len(), before);
        let yanked = changelog.yank(&version("9.0.0")).unwrap();
        only(&changelog, &yanked, &|it| it.name == Name::Version(version("9.0.0")));
    }
}
