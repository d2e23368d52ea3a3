//! A contract that is made or removed as a whole.

use super::finding::{Finding, Place};
use super::rule::{Certainty, Direction, Rule, Surface};
use crate::Level;

const fn removed_rule(surface: Surface, id: &'static str) -> Rule {
    Rule {
        id,
        surface,
        direction: Direction::Both,
        level: Level::Major,
        certainty: Certainty::Proved,
        line: "the contract is gone",
    }
}

const fn added_rule(surface: Surface, id: &'static str) -> Rule {
    Rule {
        id,
        surface,
        direction: Direction::Both,
        level: Level::Minor,
        certainty: Certainty::Proved,
        line: "the contract is new",
    }
}

static REMOVED: [Rule; 5] = [
    removed_rule(Surface::OpenApi, "openapi-contract-removed"),
    removed_rule(Surface::JsonSchema, "json-schema-contract-removed"),
    removed_rule(Surface::Avro, "avro-contract-removed"),
    removed_rule(Surface::Protobuf, "protobuf-contract-removed"),
    removed_rule(Surface::Sql, "sql-contract-removed"),
];

static ADDED: [Rule; 5] = [
    added_rule(Surface::OpenApi, "openapi-contract-added"),
    added_rule(Surface::JsonSchema, "json-schema-contract-added"),
    added_rule(Surface::Avro, "avro-contract-added"),
    added_rule(Surface::Protobuf, "protobuf-contract-added"),
    added_rule(Surface::Sql, "sql-contract-added"),
];

pub(super) fn rules() -> impl Iterator<Item = &'static Rule> {
    REMOVED.iter().chain(&ADDED)
}

/// A contract that was there and is not any more.
pub(super) fn removed(surface: Surface, file: &str) -> Finding {
    whole(
        &REMOVED[place_of(surface)],
        file,
        "is gone; a client that relies on it has nothing to rely on.",
    )
}

/// A contract that is new.
pub(super) fn added(surface: Surface, file: &str) -> Finding {
    whole(
        &ADDED[place_of(surface)],
        file,
        "is new; clients can go on as before.",
    )
}

fn place_of(surface: Surface) -> usize {
    surface as usize
}

fn whole(rule: &'static Rule, file: &str, what: &str) -> Finding {
    let place = Place {
        file: file.to_owned(),
        line: 1,
        pointer: String::new(),
    };
    let sentence = format!("the contract {file} {what}");
    Finding::new(
        rule,
        rule.level,
        (place.clone(), place),
        (None, None),
        sentence,
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_kind_has_its_own_rules() {
        for surface in Surface::ALL {
            for finding in [removed(surface, "a"), added(surface, "a")] {
                assert_eq!(finding.rule.surface, surface);
                assert!(
                    finding.rule.id.starts_with(surface.word()),
                    "{}",
                    finding.rule.id
                );
            }
        }
    }
}
