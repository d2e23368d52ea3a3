//! Releases that never came.

use super::*;

/// Takes a release back, and gives the whole file.
fn reopened(file: &str, number: &str) -> String {
    let after = Changelog::parse(file).reopen(&version(number)).unwrap();
    String::from_utf8(after.bytes().to_vec()).unwrap()
}

#[test]
fn what_was_released_is_taken_back_byte_by_byte() {
    let inline = "## [Unreleased](https://e.org/compare/v1.0.0...HEAD)\n\n- a\n\n\
                  ## [1.0.0](https://e.org/compare/v0.9.0...v1.0.0) - 2025-01-01\n\n- b\n";
    let tags = "## [Unreleased]\n\n### Fixed\n\n- a\n\n## [1.1.0]\n\n- b\n\n## [1.0.0]\n\n- c\n\n\
                [unreleased]: https://e.org/compare/v1.1.0...HEAD\n\
                [1.1.0]: https://e.org/releases/tag/v1.1.0\n\
                [1.0.0]: https://e.org/releases/tag/v1.0.0\n";
    let plain =
        "# Changelog\r\n\r\n## Unreleased\r\n\r\nSome words.\r\n\r\n## 1.0.0\r\n\r\n- b\r\n";
    for file in [FILE, inline, tags, plain] {
        let after = released(file, "1.2.0");
        assert_ne!(after, file);
        assert_eq!(reopened(&after, "1.2.0"), file);
    }
}

#[test]
fn items_that_came_since_stand_in_their_groups() {
    let file = with(&released(FILE, "1.2.0"), Kind::Fixed, "A crack.");
    let file = with(&file, Kind::Removed, "A door.");
    let after = reopened(&file, "1.2.0");
    let wanted = FILE.replace("- A leak.\n", "- A leak.\n- A crack.\n");
    let wanted = wanted.replace("### Fixed", "### Removed\n\n- A door.\n\n### Fixed");
    assert_eq!(after, wanted);
}

#[test]
fn words_between_items_stay_where_they_are() {
    let file = "## [Unreleased]\n\nPlease read this.\n\n### Added\n\n- A door.\n\n\
                ## [1.2.0] - 2026-01-31\n\n### Added\n\n- A switch.\n";
    let wanted = file.replace("## [1.2.0] - 2026-01-31\n", "");
    assert_eq!(reopened(file, "1.2.0"), wanted);
}

#[test]
fn what_is_not_right_under_it_is_left() {
    let changelog = Changelog::parse(FILE);
    let far = changelog.reopen(&version("1.0.0"));
    assert!(
        matches!(far, Err(ChangelogError::WouldBreak { .. })),
        "{far:?}"
    );
    let none = changelog.reopen(&version("3.0.0"));
    assert!(
        matches!(none, Err(ChangelogError::NoSuchVersion { .. })),
        "{none:?}"
    );
    let closed = Changelog::parse("## 1.0.0\n\n- a\n").reopen(&version("1.0.0"));
    assert!(
        matches!(closed, Err(ChangelogError::NoUnreleased)),
        "{closed:?}"
    );
}
