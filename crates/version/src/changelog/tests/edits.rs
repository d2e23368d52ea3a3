use super::*;

#[test]
fn an_item_goes_to_the_end_of_its_group() {
    let after = with(FILE, Kind::Added, "A lever\nwith a handle.");
    assert_eq!(
        after,
        FILE.replace(
            "- A switch.\n",
            "- A switch.\n- A lever\n  with a handle.\n"
        )
    );
}

#[test]
fn a_group_is_made_in_its_place() {
    let after = with(FILE, Kind::Changed, "Faster.");
    assert_eq!(
        after,
        FILE.replace(
            "### Fixed\n\n- A leak",
            "### Changed\n\n- Faster.\n\n### Fixed\n\n- A leak"
        )
    );
    let after = with(FILE, Kind::Security, "Safer.");
    assert_eq!(
        after,
        FILE.replace("- A leak.\n", "- A leak.\n\n### Security\n\n- Safer.\n")
    );
    let several = [
        (Kind::Security, item("s")),
        (Kind::Changed, item("c1")),
        (Kind::Removed, item("r")),
        (Kind::Changed, item("c2")),
    ];
    let after = Changelog::parse(FILE).add(&several).unwrap();
    let before = "### Changed\n\n- c1\n- c2\n\n### Removed\n\n- r\n\n### Fixed\n\n- A leak.\n";
    assert_eq!(
        text(&after),
        FILE.replace(
            "### Fixed\n\n- A leak.\n",
            &format!("{before}\n### Security\n\n- s\n")
        )
    );
}

#[test]
fn the_style_of_the_file_is_kept() {
    let close = "# C\n## Unreleased\n### Fixed\n* one\n\n* two\n## 1.0.0\n### Fixed\n* z\n";
    assert_eq!(
        with(close, Kind::Fixed, "three\nlong"),
        close.replace("* two\n", "* two\n\n* three\n  long\n")
    );
    assert_eq!(
        with(close, Kind::Added, "new"),
        close.replace("### Fixed\n* one", "### Added\n* new\n\n### Fixed\n* one")
    );
    let wide = "# C\n\n## [Unreleased]\n\n### Added\n\n  *   one\n      more";
    assert_eq!(
        with(wide, Kind::Added, "two\nmore"),
        format!("{wide}\n  *   two\n      more")
    );
    let numbers = "## [Unreleased]\n\n### Added\n\n1. one\n";
    assert_eq!(
        with(numbers, Kind::Fixed, "two"),
        format!("{numbers}\n### Fixed\n\n- two\n")
    );
}

#[test]
fn empty_groups_and_sections_are_filled() {
    let form = "# C\n\n## [Unreleased]\n### Added\n### Changed\n\n## [1.0.0] - 2025-01-01\n- x\n";
    assert_eq!(
        with(form, Kind::Added, "a"),
        form.replace("### Added\n", "### Added\n\n- a\n\n")
    );
    let empty = "# C\n\n## [Unreleased]\n## [1.0.0] - 2025-01-01\n- x\n";
    assert_eq!(
        with(empty, Kind::Added, "a"),
        empty.replace("[Unreleased]\n", "[Unreleased]\n\n### Added\n\n- a\n\n")
    );
}

#[test]
fn a_missing_section_is_made() {
    let file = "# C\n\nWords.\n\n## v1.0.0 (2025-01-01)\n\n### Fixed\n\n+ x\n";
    assert_eq!(
        with(file, Kind::Added, "a"),
        file.replace("## v1", "## Unreleased\n\n### Added\n\n+ a\n\n## v1")
    );
    assert_eq!(
        with("# C\n\nWords.", Kind::Added, "a"),
        "# C\n\nWords.\n\n## [Unreleased]\n\n### Added\n\n- a"
    );
    let new = Changelog::new_file();
    assert_eq!(
        with(&new, Kind::Added, "a"),
        format!("{new}\n### Added\n\n- a\n")
    );
    assert_eq!(
        released(&with(&new, Kind::Added, "a"), "0.1.0"),
        format!("{new}\n## [0.1.0] - 2026-01-31\n\n### Added\n\n- a\n")
    );
}

#[test]
fn line_ends_and_other_bytes_are_kept() {
    let crlf = format!("\u{feff}{}", FILE.replace('\n', "\r\n"));
    assert_eq!(
        with(&crlf, Kind::Added, "A lever\nwith a handle."),
        crlf.replace(
            "- A switch.\r\n",
            "- A switch.\r\n- A lever\r\n  with a handle.\r\n"
        )
    );
    let mut raw = FILE.as_bytes().to_vec();
    let at = FILE.find("Everything").unwrap();
    raw.splice(at..at + 3, *b"\xff\0\xfe");
    let edited = Changelog::parse(raw.clone())
        .release(&release_of("1.2.0"))
        .unwrap();
    let find = |bytes: &[u8]| bytes.windows(3).any(|it| it == b"\xff\0\xfe");
    assert!(find(&edited.bytes));
    let lossy = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    assert_eq!(lossy(&edited.bytes), released(&lossy(&raw), "1.2.0"));
}

#[test]
fn a_release_moves_what_is_not_released() {
    assert_eq!(
        released(FILE, "1.2.0"),
        FILE.replace(
            "## [Unreleased]\n",
            "## [Unreleased]\n\n## [1.2.0] - 2026-01-31\n"
        )
        .replace(
            "[unreleased]: https://example.org/o/r/compare/v1.1.0...HEAD\n",
            "[unreleased]: https://example.org/o/r/compare/v1.2.0...HEAD\n\
             [1.2.0]: https://example.org/o/r/compare/v1.1.0...v1.2.0\n"
        )
    );
    let edited = Changelog::parse(FILE)
        .release(&release_of("1.2.0"))
        .unwrap();
    assert_eq!(edited.warnings, []);
    let again = Changelog::parse(edited.bytes);
    assert_eq!(again.check(), []);
    assert_eq!(
        again.release(&release_of("1.3.0")).unwrap_err().to_string(),
        "line 5: nothing stands in `Unreleased`"
    );
    let empty = ReleaseOf {
        allow_empty: true,
        ..release_of("1.3.0")
    };
    let edited = again.release(&empty).unwrap();
    assert!(text(&edited).contains(
        "## [Unreleased]\n\n## [1.3.0] - 2026-01-31\n\n## [1.2.0] - 2026-01-31\n\n### Added"
    ));
}

#[test]
fn a_heading_is_written_as_the_one_before() {
    for (unreleased, old, new) in [
        (
            "## [Unreleased]",
            "## [1.0.0] - 2025-01-01",
            "## [1.1.0] - 2026-01-31",
        ),
        (
            "## Unreleased",
            "## 1.0.0 (2025-01-01)",
            "## 1.1.0 (2026-01-31)",
        ),
        ("## Unreleased", "## v1.0.0", "## v1.1.0 - 2026-01-31"),
        (
            "## [Unreleased]",
            "## [v1.0.0] / 2025-01-01 [YANKED]",
            "## [v1.1.0] / 2026-01-31",
        ),
        (
            "# Unreleased",
            "# 1.0.0 – 2025-01-01",
            "# 1.1.0 – 2026-01-31",
        ),
        (
            "## Unreleased",
            "## Version 1.0.0 2025-01-01",
            "## Version 1.1.0 2026-01-31",
        ),
        (
            "Unreleased\n----------",
            "1.0.0 / 2025-01-01\n------------------",
            "1.1.0 / 2026-01-31\n------------------",
        ),
        (
            "## [Unreleased]",
            "## [api-v1.0.0] - 2025-01-01",
            "## [api-v1.1.0] - 2026-01-31",
        ),
        (
            "## [Unreleased](https://h/o/r/compare/v1.0.0..HEAD)",
            "## [1.0.0](https://h/o/r/releases/tag/v1.0.0) (2025-01-01)",
            "## [1.1.0](https://h/o/r/compare/v1.0.0..v1.1.0) (2026-01-31)",
        ),
        (
            "## Unreleased",
            "## [1.0.0](https://h/o/r/compare/v0.9.0...v1.0.0) (2025-01-01)",
            "## [1.1.0](https://h/o/r/compare/v1.0.0...v1.1.0) (2026-01-31)",
        ),
    ] {
        let file = format!("{unreleased}\n\n- x\n\n{old}\n\n- y\n");
        let moved = unreleased.replace("v1.0.0..HEAD", "v1.1.0..HEAD");
        assert_eq!(
            released(&file, "1.1.0"),
            format!("{moved}\n\n{new}\n\n- x\n\n{old}\n\n- y\n")
        );
    }
}

#[test]
fn references_are_moved_on_in_their_own_style() {
    for (before, after) in [
        (
            "[Unreleased]: https://h/o/r/-/compare/1.0.0...main\n[1.0.0]:      https://h/o/r/-/compare/0.9.0...1.0.0",
            "[Unreleased]: https://h/o/r/-/compare/1.1.0...main\n[1.1.0]:      https://h/o/r/-/compare/1.0.0...1.1.0\n[1.0.0]:      https://h/o/r/-/compare/0.9.0...1.0.0",
        ),
        (
            "[1.0.0]: https://h/o/r/compare/v0.9.0...v1.0.0\n[unreleased]: https://h/o/r/compare/v1.0.0...HEAD",
            "[1.0.0]: https://h/o/r/compare/v0.9.0...v1.0.0\n[1.1.0]: https://h/o/r/compare/v1.0.0...v1.1.0\n[unreleased]: https://h/o/r/compare/v1.1.0...HEAD",
        ),
        (
            "[1.0.0]: https://h/o/r/releases/tag/api-v1.0.0\n",
            "[unreleased]: https://h/o/r/compare/api-v1.1.0...HEAD\n[1.1.0]: https://h/o/r/compare/api-v1.0.0...api-v1.1.0\n[1.0.0]: https://h/o/r/releases/tag/api-v1.0.0\n",
        ),
        (
            "[unreleased]: https://h/o/r/branches/compare/HEAD%0Dv1.0.0#diff\n[1.0.0]: https://h/o/r/branches/compare/v1.0.0%0Dv0.9.0#diff\n",
            "[unreleased]: https://h/o/r/branches/compare/HEAD%0Dv1.1.0#diff\n[1.1.0]: https://h/o/r/branches/compare/v1.1.0%0Dv1.0.0#diff\n[1.0.0]: https://h/o/r/branches/compare/v1.0.0%0Dv0.9.0#diff\n",
        ),
        (
            "<!-- links -->\n[unreleased]: https://h/o/r/compare/v1.0.0...HEAD\n[1.0.0]: https://h/o/r/releases/tag/v1.0.0\n[0.9.0]: https://h/o/r/releases/tag/v0.9.0\n",
            "<!-- links -->\n[unreleased]: https://h/o/r/compare/v1.1.0...HEAD\n[1.1.0]: https://h/o/r/releases/tag/v1.1.0\n[1.0.0]: https://h/o/r/releases/tag/v1.0.0\n[0.9.0]: https://h/o/r/releases/tag/v0.9.0\n",
        ),
        (
            "[unreleased]: https://h/o/r/commits/main\n[1.0.0]: https://h/o/r/releases/tag/v1.0.0",
            "[unreleased]: https://h/o/r/commits/main\n[1.1.0]: https://h/o/r/compare/v1.0.0...v1.1.0\n[1.0.0]: https://h/o/r/releases/tag/v1.0.0",
        ),
    ] {
        let body = "\n\n- x\n\n## [1.0.0] - 2025-01-01\n\n- y\n\n";
        let file = format!("## [Unreleased]{body}{before}");
        let wanted = format!("## [Unreleased]\n\n## [1.1.0] - 2026-01-31{body}{after}");
        assert_eq!(released(&file, "1.1.0"), wanted);
    }
}

#[test]
fn first_links_come_from_what_is_told() {
    let links = Links {
        compare: "https://h/o/r/compare/{from}...{to}".to_owned(),
        release: "https://h/o/r/releases/tag/{to}".to_owned(),
    };
    let first = ReleaseOf {
        links: Some(links),
        tag: Some("api-v0.1.0".to_owned()),
        ..release_of("0.1.0")
    };
    let file = "# C\n\n## [Unreleased]\n\n### Added\n\n- x";
    let edited = Changelog::parse(file).release(&first).unwrap();
    let one = "# C\n\n## [Unreleased]\n\n## [0.1.0] - 2026-01-31\n\n### Added\n\n- x\n\n\
               [unreleased]: https://h/o/r/compare/api-v0.1.0...HEAD\n\
               [0.1.0]: https://h/o/r/releases/tag/api-v0.1.0";
    assert_eq!(text(&edited), one);
    assert_eq!(Changelog::parse(one).check(), []);
    let none = Changelog::parse(file)
        .release(&release_of("0.1.0"))
        .unwrap();
    assert_eq!(
        none.warnings,
        [Warning::NoLink {
            name: "0.1.0".to_owned()
        }]
    );
}

#[test]
fn a_release_is_marked_once() {
    let edited = Changelog::parse(FILE).yank(&version("1.1.0")).unwrap();
    assert_eq!(
        text(&edited),
        FILE.replace("- 2025-12-01\n", "- 2025-12-01 [YANKED]\n")
    );
    let again = Changelog::parse(edited.bytes.clone())
        .yank(&version("1.1.0"))
        .unwrap();
    assert_eq!((again.bytes, again.splices), (edited.bytes, Vec::new()));
    let closed = Changelog::parse("## v1.1.0 ##\n")
        .yank(&version("1.1.0"))
        .unwrap();
    assert_eq!(text(&closed), "## v1.1.0 [YANKED] ##\n");
    assert_eq!(
        Changelog::parse(FILE)
            .yank(&version("3.0.0"))
            .unwrap_err()
            .to_string(),
        "there is no section of 3.0.0"
    );
}

#[test]
fn what_is_not_clear_is_refused_with_its_line() {
    let refused = |file: &str| {
        let changelog = Changelog::parse(file);
        let add = changelog.add(&[(Kind::Added, item("x"))]);
        let release = changelog.release(&release_of("1.1.0"));
        let say = |it: Result<Edited, ChangelogError>| it.unwrap_err().to_string();
        (say(add), say(release))
    };
    let twice = "# C\n\n## [Unreleased]\n- x\n\n## Unreleased\n- y\n";
    let message = "line 6: a second section `Unreleased`; the first is at line 3";
    assert_eq!(refused(twice), (message.to_owned(), message.to_owned()));
    let none = refused("# C\n\n## Guidelines\n\nWords.\n");
    assert!(none.0.starts_with("line 3: no place"), "{}", none.0);
    assert_eq!(none.1, "there is no section `Unreleased`");
    assert!(refused("").0.starts_with("line 1: no place"));
    assert!(refused("Prose.\n").0.starts_with("line 1: no place"));

    let there = Changelog::parse(FILE).release(&release_of("1.0.0"));
    assert_eq!(
        there.unwrap_err().to_string(),
        "line 23: there is a section of 1.0.0 already"
    );
    let lower = Changelog::parse(FILE)
        .release(&release_of("1.0.1"))
        .unwrap();
    assert_eq!(
        lower.warnings[0].to_string(),
        "line 15: 1.0.1 comes to stand over 1.1.0, which is higher"
    );
    let twice = "## 1.0.0\n- x\n## 1.0.0\n- x\n";
    assert_eq!(
        Changelog::parse(twice)
            .yank(&version("1.0.0"))
            .unwrap_err()
            .to_string(),
        "line 3: a second section of 1.0.0; the first is at line 1"
    );
}

#[test]
fn what_would_swallow_an_item_is_refused() {
    let open = "## [Unreleased]\n\n### Added\n\n<!-- never closed\n";
    assert!(matches!(
        Changelog::parse(open).add(&[(Kind::Added, item("x"))]),
        Err(ChangelogError::WouldBreak { .. })
    ));
}

#[test]
fn the_changelog_of_this_project() {
    let mut changelog = Changelog::parse(include_str!("../../../../../CHANGELOG.md"));
    if !changelog.unreleased().unwrap().unwrap().says_anything() {
        // Right after a release: as it was before that.
        let (_, newest) = changelog.newest().unwrap();
        changelog = changelog.reopen(newest).unwrap();
    }
    let file = std::str::from_utf8(changelog.bytes()).unwrap();
    let section = changelog.unreleased().unwrap().unwrap();
    assert!(section.says_anything());
    let added = with(file, Kind::Security, "Nothing can be stolen.");
    let at = added.find("- Nothing can be stolen.\n").unwrap();
    assert!(file.starts_with(&added[..at].replace("\n### Security\n\n", "")));
    let released = released(file, "99.0.0");
    assert_eq!(
        released
            .replacen("\n## [99.0.0] - 2026-01-31\n", "", 1)
            .len(),
        released.len() - "\n## [99.0.0] - 2026-01-31\n".len()
    );
    let again = Changelog::parse(released);
    assert!(again.version(&version("99.0.0")).unwrap().says_anything());
    assert!(!again.unreleased().unwrap().unwrap().says_anything());
}
