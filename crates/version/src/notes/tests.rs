//! Whole texts, what is refused, what cannot be smuggled in, and what is found in edited texts.

use super::*;

use crate::changelog::Kind;
use semver::Version;

mod claims;
mod hostile;
mod texts;

/// A release with some of everything.
fn facts() -> Facts {
    let mut facts = Facts::new(Version::new(2, 0, 0), "2026-01-31".parse().unwrap());
    facts.component = Some("api".parse().unwrap());
    facts.previous = Some(Version::new(1, 4, 2));
    facts.contributors = vec!["Ada Lovelace".to_owned(), "grace".to_owned()];
    facts.links = vec!["https://example.org/o/r/compare/v1.4.2...v2.0.0".to_owned()];
    facts.items = vec![
        FactItem {
            issues: vec!["#12".to_owned()],
            commits: vec!["0123456789abcdef0123456789abcdef01234567".to_owned()],
            authors: vec!["Ada Lovelace".to_owned()],
            ..FactItem::new(Kind::Added, "`GET /orders` takes a `limit` of up to 500.")
        },
        FactItem {
            breaking: Some(BreakingFact {
                upgrade: Some("Send one:\n\n```sh\ncurl '/orders?limit=50'\n```".to_owned()),
                deprecated_since: Some(Version::new(1, 3, 0)),
                deprecated_on: Some("2025-10-31".parse().unwrap()),
                ..BreakingFact::new("`GET /orders` needs a `limit`.")
            }),
            ..FactItem::new(
                Kind::Changed,
                "Orders come in pages.\n\n- of 50\n- newest first",
            )
        },
        FactItem {
            issues: vec!["#7".to_owned(), "#9".to_owned()],
            ..FactItem::new(Kind::Fixed, "A leak of snake_case names in C# clients.")
        },
        FactItem {
            deprecation: Some(DeprecationFact {
                removal: Some(Version::new(3, 0, 0)),
                not_before: Some("2026-09-01".parse().unwrap()),
                instead: Some("`GET /v2/users`".to_owned()),
            }),
            ..FactItem::new(Kind::Deprecated, "`GET /users`.")
        },
    ];
    facts.migrations = vec![Migration {
        change: "rename-email".to_owned(),
        title: "The column email_addr becomes email".to_owned(),
        steps: vec![
            MigrationStep {
                name: "expand".to_owned(),
                title: "The new column is made".to_owned(),
                state: StepState::Done,
                way_back: Some("Drop the new column.".to_owned()),
                needs: String::new(),
            },
            MigrationStep {
                name: "contract".to_owned(),
                title: "The old column goes".to_owned(),
                state: StepState::Later,
                way_back: None,
                needs: "A backup of users.".to_owned(),
            },
        ],
    }];
    facts
}

fn built_in() -> Templates {
    Templates::default()
}

fn own(text: Text, source: &str) -> Templates {
    built_in().with(text, source).unwrap()
}
