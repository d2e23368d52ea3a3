use super::*;

fn found(file: impl Into<Vec<u8>>) -> Vec<(Rule, usize)> {
    let findings = Changelog::parse(file).check();
    findings.iter().map(|it| (it.rule, it.line)).collect()
}

#[test]
fn a_file_in_form_has_no_findings() {
    assert_eq!(found(FILE), []);
    assert_eq!(found(FILE.replace('\n', "\r\n")), []);
    assert_eq!(found(Changelog::new_file()), [(Rule::NoLink, 7)]);
}

#[test]
fn each_rule_finds_what_it_is_for() {
    let one = |from: &str, to: &str| {
        let file = FILE.replacen(from, to, 1);
        assert_ne!(file, FILE, "{from}");
        found(file)
    };
    use Rule::*;
    for (from, to, wanted) in [
        ("# Changelog\n", "", (Title, 1)),
        (
            "## [1.1.0]",
            "## [Unreleased]\n- x\n## [1.1.0]",
            (UnreleasedTwice, 15),
        ),
        (
            "[1.1.0] - 2025-12-01",
            "[1.0.0] - 2025-12-01",
            (VersionTwice, 23),
        ),
        ("[1.0.0] - 2025", "[1.2.0] - 2025", (Order, 23)),
        ("## [1.0.0]", "## Notes\n\n## [1.0.0]", (NotARelease, 23)),
        ("## [1.1.0]", "# [1.1.0]", (HeadingLevel, 15)),
        (
            "### Added\n\n- The",
            "#### Added\n\n- The",
            (HeadingLevel, 17),
        ),
        ("## [1.1.0]", "## 1.1.0", (HeadingForm, 15)),
        ("2025-12-01", "2025-12-01 at last", (HeadingForm, 15)),
        ("### Fixed", "### FIXED", (HeadingForm, 11)),
        (" - 2025-12-01", "", (Day, 15)),
        ("2025-12-01", "2025-02-30", (Day, 15)),
        ("### Fixed", "### Bug Fixes", (UnknownGroup, 11)),
        ("### Fixed", "### Added", (GroupTwice, 11)),
        ("- Everything.\n", "", (EmptyGroup, 25)),
        ("### Added\n\n- Every", "- Every", (LooseItem, 25)),
        ("[1.1.0]: https", "[1.1.1]: https", (NoLink, 15)),
        (
            "compare/v1.1.0...HEAD",
            "compare/v1.0.0...HEAD",
            (WrongLink, 29),
        ),
        ("...v1.1.0", "...v1.0.5", (WrongLink, 30)),
        ("switch", "swi\u{202e}tch", (Invisible, 9)),
    ] {
        assert!(one(from, to).contains(&wanted), "{to}: {:?}", one(from, to));
    }
    let mut raw = FILE.as_bytes().to_vec();
    raw[130] = 0xff;
    assert!(found(raw).iter().any(|it| it.0 == Encoding));
    let bare = "# C\n\n## [1.0.0] - 2025-01-01\n\n## [Unreleased]\n\n- x\n";
    assert!(found(bare).contains(&(EmptyRelease, 3)));
    assert!(found(bare).contains(&(UnreleasedFirst, 5)));
}

#[test]
fn an_old_line_mended_later_is_in_order() {
    let file = FILE.replace("[1.1.0] - 2025-12-01", "[0.9.1] - 2025-12-01");
    assert!(!found(file).iter().any(|it| it.0 == Rule::Order));
}
