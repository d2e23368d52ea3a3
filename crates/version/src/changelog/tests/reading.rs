use super::*;

fn names(file: impl Into<Vec<u8>>) -> Vec<String> {
    let changelog = Changelog::parse(file);
    let name = |it: &Section| match &it.name {
        Name::Unreleased => "unreleased".to_owned(),
        Name::Version(version) => version.to_string(),
        Name::Other => format!("other: {}", changelog.text(it.heading.text)),
    };
    changelog.sections().iter().map(name).collect()
}

#[test]
fn a_file_in_form() {
    let changelog = Changelog::parse(FILE);
    assert_eq!(names(FILE), ["unreleased", "1.1.0", "1.0.0"]);
    let [unreleased, second, first] = changelog.sections() else {
        panic!();
    };
    assert_eq!(changelog.text(changelog.title().unwrap()), "# Changelog\n");
    let kinds: Vec<_> = unreleased.groups.iter().map(|it| it.kind).collect();
    assert_eq!(kinds, [Some(Kind::Added), Some(Kind::Fixed)]);
    let [item] = *second.groups[0].items else {
        panic!();
    };
    assert_eq!(
        changelog.text(item),
        "- The first thing\n  over two lines.\n  - a part of it\n"
    );
    let label = first.heading.label.as_ref().unwrap();
    assert_eq!(changelog.text(label.yanked.unwrap()), "[YANKED]");
    assert_eq!(label.date.unwrap().1, Some("2025-01-01".parse().unwrap()));
    assert_eq!(
        changelog.text(first.content()),
        "## [1.0.0] - 2025-01-01 [YANKED]\n\n### Added\n\n- Everything.\n"
    );
    let references: Vec<_> = changelog.references().iter().map(|it| &it.label).collect();
    assert_eq!(references, ["unreleased", "1.1.0", "1.0.0"]);
    assert_eq!(
        changelog.text(changelog.references()[2].url),
        "https://example.org/o/r/releases/tag/v1.0.0"
    );
    assert_eq!(changelog.line(first.heading.span.start), 23);
}

#[test]
fn headings_of_many_styles() {
    for (heading, wanted) in [
        ("## [1.2.3] - 2026-01-31", "1.2.3"),
        ("## 1.2.3", "1.2.3"),
        ("##   v1.2.3 (2026-01-31)   ##  ", "1.2.3"),
        (
            "# [1.2.3](https://x/compare/v1.2.2...v1.2.3) (2026-01-31)",
            "1.2.3",
        ),
        ("### [1.2.3](https://x) (2026-01-31)", "1.2.3"),
        ("## [1.2.3][tag] / 2026-01-31", "1.2.3"),
        ("## [1.2.3-rc.1+b7] – 2026-01-31", "1.2.3-rc.1+b7"),
        ("## Version 1.2.3 - 2026-01-31", "1.2.3"),
        ("## [api-v1.2.3] - 2026-01-31", "1.2.3"),
        ("## @scope/name@1.2.3", "1.2.3"),
        ("## [1.2.3] [YANKED]", "1.2.3"),
        ("## \\[1.2.3\\] - 2026-01-31", "1.2.3"),
        ("## [1.2.3] - some day", "1.2.3"),
        ("1.2.3 - 2026-01-31\n------------------", "1.2.3"),
        ("   ## [unreleased]", "unreleased"),
        ("## Unreleased", "unreleased"),
        ("## \\[Unreleased\\]", "unreleased"),
        ("## [Unreleased] - soon", "unreleased"),
        ("## 1.2", "other: 1.2"),
        ("## 1.2.3 was good", "other: 1.2.3 was good"),
        ("## Unreleased things", "other: Unreleased things"),
        ("## [1.2.3", "other: [1.2.3"),
        ("##", "other: "),
    ] {
        assert_eq!(
            names(format!("# C\n\n{heading}\n\n- x\n")),
            [wanted],
            "{heading}"
        );
    }
}

#[test]
fn what_looks_like_a_heading_and_is_none() {
    for text in [
        "```\n## [1.0.0]\n```",
        "~~~~ md\n## [1.0.0]\n~~~\n## [1.0.0]\n~~~~",
        "<!--\n## [1.0.0]\n\n## [2.0.0]\n-->",
        "<pre>\n\n## [1.0.0]\n\n</pre>",
        "- x\n\n  ## [1.0.0]\n",
        "> ## [1.0.0]",
        "    ## [1.0.0]",
        "\\## [1.0.0]",
        "#[1.0.0]",
        "#### [1.0.0]",
    ] {
        assert_eq!(
            names(format!("# C\n\n## [Unreleased]\n\n{text}\n")),
            ["unreleased"],
            "{text}"
        );
    }
}

#[test]
fn bytes_of_any_kind() {
    let crlf = FILE.replace('\n', "\r\n");
    assert_eq!(names(crlf), ["unreleased", "1.1.0", "1.0.0"]);
    let cr = FILE.replace('\n', "\r");
    assert_eq!(names(cr), ["unreleased", "1.1.0", "1.0.0"]);
    assert_eq!(names("\u{feff}## [1.0.0]"), ["1.0.0"]);
    assert_eq!(
        names(b"## [1.0.0]\n\xff\xc3\n## [0.9.0]\n".to_vec()),
        ["1.0.0", "0.9.0"]
    );
    assert_eq!(names(""), [""; 0]);
    assert_eq!(names("\0\0"), [""; 0]);
}

#[test]
fn groups_and_what_stands_in_none() {
    let changelog = Changelog::parse(
        "## [Unreleased]\n- loose\n### added\n* a\n\n  more\n* b\n#### Deeper\n- c\n### Bug Fixes\n1. d\n",
    );
    let section = &changelog.sections()[0];
    assert_eq!(section.loose.len(), 1);
    let groups: Vec<_> = section
        .groups
        .iter()
        .map(|it| (it.kind, it.items.len()))
        .collect();
    assert_eq!(groups, [(Some(Kind::Added), 3), (None, 1)]);
}

#[test]
fn an_item_stays_in_its_item() {
    let no = |text: &str| Item::markdown(text).unwrap_err();
    assert_eq!(no(" \n\t\n"), ItemError::Empty);
    assert_eq!(no("x\n\n## [2.0.0]"), ItemError::Heading);
    assert_eq!(no("# x"), ItemError::Heading);
    assert_eq!(no("x\n---"), ItemError::Heading);
    assert_eq!(
        no("[1.0.0]: https://elsewhere.example"),
        ItemError::Reference
    );
    assert_eq!(
        no("> - [1.0.0]: https://elsewhere.example"),
        ItemError::Reference
    );
    assert_eq!(no("x\u{1b}[31m"), ItemError::Control);
    for text in [
        "one",
        "\n  one\n  - two\n\n    three\n",
        "```\n## [1.0.0]\n",
        "<!-- open",
        "x\r\ny",
        "- - -x",
    ] {
        let item = Item::markdown(text).unwrap();
        let file = format!("# C\n\n## [Unreleased]\n\n## [1.0.0]\n\n- old\n{text:?}\n");
        let after = Changelog::parse(file).add(&[(Kind::Fixed, item)]).unwrap();
        assert_eq!(names(after.bytes), ["unreleased", "1.0.0"], "{text}");
    }
}
