//! Whether users were told of what breaks before it did, as long ago as a team promises.
//!
//! What a release said counts, not what somebody remembers: a notice is a change file or a section of
//! the changelog that a release had, and it counts from the day of that release.

use jiff::civil::Date;
use schemars::JsonSchema;
use semver::Version;
use serde::{Deserialize, Serialize};
use switchback_model::{Duration, Timestamp};

use crate::change_file::Deprecation;

/// A team's rules for what breaks.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default, rename_all = "kebab-case")]
#[schemars(rename = "DeprecationRules")]
pub struct Rules {
    /// How long before a major version a release has to have said what breaks in it: a whole number
    /// and s, m, h or d.
    #[schemars(with = "Option<String>", regex(pattern = r"^[0-9]+(ms|s|m|h|d)$"))]
    pub window: Option<Duration>,
}

/// What releases said of something that will go.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Announced {
    /// The first of them.
    pub since: Version,
    /// When that was released.
    pub released: Timestamp,
    /// The version up to which it stays, as was promised.
    pub removal: Option<Version>,
    /// The day before which it does not go, as was promised.
    pub not_before: Option<Date>,
}

/// Why something may not break yet.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Owed {
    /// No release said so.
    #[error("no release said so beforehand")]
    Notice,
    /// One did, and too late.
    #[error("{since} said so on {}, so it stays for {window}, until {until}", released.day())]
    Time {
        /// The release.
        since: Version,
        /// When it was made.
        released: Timestamp,
        /// How long it has to be known.
        window: Duration,
        /// When it has been.
        until: Timestamp,
    },
    /// It was promised to stay up to a later version.
    #[error("users were promised that it goes with {version}, not earlier")]
    Version {
        /// That version.
        version: Version,
    },
    /// It was promised to stay up to a later day.
    #[error("users were promised that it does not go before {day}")]
    Day {
        /// That day.
        day: Date,
    },
    /// The change file that is said to have announced it was in no release.
    #[error("no release has a change file `{name}` of the kind `deprecated`")]
    NoFile {
        /// Its name.
        name: String,
    },
    /// The release that is said to have announced it is none, or deprecated nothing.
    #[error("there is no release {version} before this one that deprecated something")]
    NoRelease {
        /// Its version.
        version: Version,
    },
}

impl Announced {
    /// What a release said first, and that with others what was promised. Of several promises the latest
    /// counts: nobody has to read the second notice.
    pub fn new<'p>(
        since: Version,
        released: Timestamp,
        promises: impl IntoIterator<Item = &'p Deprecation>,
    ) -> Self {
        let mut announced = Self {
            since,
            released,
            removal: None,
            not_before: None,
        };
        for promise in promises {
            let removal = promise.removal.clone();
            announced.removal = announced.removal.max(removal);
            announced.not_before = announced.not_before.max(promise.not_before);
        }
        announced
    }

    /// What stands in the way of a version that breaks it at a moment, if users had to know of it for
    /// `window`. A candidate is as the version that it is one of.
    pub fn owed(
        &self,
        window: Option<Duration>,
        version: &Version,
        now: Timestamp,
    ) -> Option<Owed> {
        let numbers = |it: &Version| (it.major, it.minor, it.patch);
        if let Some(promised) = &self.removal
            && numbers(version) < numbers(promised)
        {
            let version = promised.clone();
            return Some(Owed::Version { version });
        }
        // Both are days in UTC, and of four digits each.
        if let Some(day) = self.not_before
            && now.day() < day.to_string()
        {
            return Some(Owed::Day { day });
        }
        let window = window?;
        let until = self.released + window;
        (now < until).then(|| Owed::Time {
            since: self.since.clone(),
            released: self.released,
            window,
            until,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn moment(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    fn version(text: &str) -> Version {
        text.parse().unwrap()
    }

    fn promise(removal: Option<&str>, day: Option<&str>) -> Deprecation {
        Deprecation {
            removal: removal.map(version),
            not_before: day.map(|it| it.parse().unwrap()),
            instead: None,
        }
    }

    fn announced(since: &str, at: &str, promise: &Deprecation) -> Announced {
        Announced::new(version(since), moment(at), [promise])
    }

    /// What is owed, in words.
    fn owed(it: &Announced, window: Option<&str>, next: &str, now: &str) -> String {
        let window = window.map(|it| it.parse().unwrap());
        let owed = it.owed(window, &version(next), moment(now));
        owed.map(|it| it.to_string()).unwrap_or_default()
    }

    #[test]
    fn a_window_begins_with_the_release_and_ends_to_the_millisecond() {
        let it = announced("1.4.0", "2026-01-31T12:00:00Z", &promise(None, None));
        let at = |now| owed(&it, Some("10d"), "2.0.0", now);
        assert_eq!(
            at("2026-02-10T11:59:59.999Z"),
            "1.4.0 said so on 2026-01-31, so it stays for 10d, until 2026-02-10T12:00:00Z"
        );
        assert_eq!(at("2026-02-10T12:00:00Z"), "");
        assert_eq!(owed(&it, None, "2.0.0", "2026-01-31T12:00:00Z"), "");
        // A length that no calendar has never ends.
        let ages = owed(&it, Some("99999999d"), "2.0.0", "2999-01-01T00:00:00Z");
        assert!(ages.contains("stays for 99999999d"), "{ages}");
    }

    #[test]
    fn promises_are_kept_without_a_window() {
        let it = announced(
            "1.4.0",
            "2026-01-31T12:00:00Z",
            &promise(Some("3.0.0"), Some("2026-09-01")),
        );
        let late = "2026-09-01T00:00:00Z";
        let early = "users were promised that it goes with 3.0.0, not earlier";
        assert_eq!(owed(&it, None, "2.9.9", late), early);
        assert_eq!(owed(&it, None, "2.0.0-rc.1", late), early);
        assert_eq!(owed(&it, None, "3.0.0-rc.1", late), "");
        assert_eq!(owed(&it, None, "4.0.0", late), "");
        assert_eq!(
            owed(&it, None, "3.0.0", "2026-08-31T23:59:59.999Z"),
            "users were promised that it does not go before 2026-09-01"
        );
    }

    #[test]
    fn of_several_promises_the_latest_counts() {
        let all = [
            promise(Some("2.0.0"), None),
            promise(None, Some("2026-09-01")),
            promise(Some("1.9.0"), Some("2026-05-01")),
        ];
        let it = Announced::new(version("1.4.0"), moment("2026-01-31T12:00:00Z"), &all);
        assert_eq!(it.removal, Some(version("2.0.0")));
        assert_eq!(it.not_before, Some("2026-09-01".parse().unwrap()));
    }
}
