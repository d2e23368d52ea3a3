//! How long something stays and how much is promised about it: operations, parameters, properties.

#![expect(
    clippy::unwrap_used,
    reason = "clippy takes only functions that are tests for tests"
)]

use std::collections::BTreeMap;

use switchback_version::Level;
use switchback_version::contract::{Certainty, Contract, Direction, Options, Surface, diff, floor};

fn compare(surface: Surface, old: &str, new: &str) -> (Vec<&'static str>, Level) {
    let files = |text: &str| BTreeMap::from([("a.yaml".to_owned(), text.to_owned())]);
    let (old, new) = (files(old), files(new));
    let side = |files| Contract {
        root: "a.yaml",
        files,
    };
    let options = Options {
        direction: Some(Direction::WeRead),
        ..Options::default()
    };
    let found = diff(surface, side(&old), side(&new), &options).unwrap();
    let mut ids: Vec<_> = found.iter().map(|it| it.rule.id).collect();
    ids.dedup();
    (ids, floor(&found, Certainty::MayBreak))
}

/// An API with something said of its operation, its parameter and a property of its request.
fn api(operation: &str, parameter: &str, property: &str) -> String {
    format!(
        "\
openapi: 3.0.3
paths:
  /a:
    post:
      responses: {{}}
{operation}
      parameters: [{{name: q, in: query, {parameter}}}]
      requestBody:
        content: {{application/json: {{schema: {{type: object, properties: {{p: {{{property}}}}}}}}}}}
"
    )
}

/// What is said when words about an operation, a parameter, a property become others.
fn said(was: &str, is: &str) -> [(Vec<&'static str>, Level); 3] {
    let lines = |it: &str| format!("      {}", it.replace(", ", "\n      "));
    [
        (api(&lines(was), "", ""), api(&lines(is), "", "")),
        (api("", was, ""), api("", is, "")),
        (api("", "", was), api("", "", is)),
    ]
    .map(|(old, new)| compare(Surface::OpenApi, &old, &new))
}

#[test]
fn a_date_that_nobody_can_read_is_said_where_it_changes() {
    let day = "deprecated: true, x-sunset: '2030-01-01'";
    let word = "deprecated: true, x-sunset: 'next year'";
    let other = "deprecated: true, x-sunset: 'soon'";
    for (was, is, level) in [
        ("deprecated: false", word, Level::Minor),
        (word, other, Level::None),
        (word, day, Level::None),
    ] {
        for ((ids, floor), which) in
            said(was, is)
                .into_iter()
                .zip(["operation", "parameter", "property"])
        {
            let told = ids.iter().any(|it| it.ends_with("sunset-not-a-date"));
            assert!(told, "{which}: {was} -> {is}: {ids:?}");
            assert_eq!(floor, level, "{which}: {was} -> {is}: {ids:?}");
        }
    }
    for same in [word, day] {
        for found in said(same, same) {
            assert_eq!(found, (vec![], Level::None), "{same}");
        }
    }
}

#[test]
fn a_promised_date_is_kept() {
    let day = |it: &str| format!("deprecated: true, x-sunset: '{it}'");
    let (early, late) = (day("2030-01-01"), day("2031-01-01"));
    let is = |found: &(Vec<&str>, Level), end: &str| {
        matches!(&found.0[..], [it] if it.ends_with(end)) && found.1 == Level::Major
    };
    for found in said(&late, &early) {
        assert!(is(&found, "sunset-sooner"), "{found:?}");
    }
    for found in said(&late, "deprecated: true") {
        assert!(is(&found, "sunset-removed"), "{found:?}");
    }
    for found in said(&early, &late) {
        assert_eq!(found, (vec![], Level::None));
    }
}

#[test]
fn a_word_about_stability_that_is_not_known_is_said_where_it_changes() {
    let level = |it: &str| format!("x-stability-level: {it}");
    for (was, is) in [
        ("deprecated: false".to_owned(), level("ga")),
        (level("ga"), "deprecated: false".to_owned()),
        (level("ga"), level("1")),
        (level("beta"), level("gone")),
    ] {
        let [operation, _, property] = said(&was, &is);
        for (ids, _) in [operation, property] {
            let told = ids.iter().any(|it| it.ends_with("stability-not-known"));
            assert!(told, "{was} -> {is}: {ids:?}");
        }
    }
    // What is not known promises as much as anything can.
    let [operation, _, property] = said(&level("ga"), &level("beta"));
    assert_eq!(operation.0, ["openapi-stability-lowered"]);
    assert_eq!(property.0, ["openapi-request-stability-lowered"]);
    // It says nothing about what clients see.
    let [operation, _, property] = said("deprecated: false", &level("ga"));
    assert_eq!((operation.1, property.1), (Level::None, Level::None));
    for found in said(&level("ga"), &level("ga")) {
        assert_eq!(found, (vec![], Level::None));
    }
}

#[test]
fn properties_and_operations_know_the_same_words_about_stability() {
    let level = |it: &str| format!("x-stability-level: {it}");
    for (was, is) in [
        ("stable", "beta"),
        ("stable", "experimental"),
        ("beta", "experimental"),
        ("alpha", "development"),
    ] {
        let [operation, _, property] = said(&level(was), &level(is));
        assert_eq!(operation.0, ["openapi-stability-lowered"], "{was} -> {is}");
        assert_eq!(
            property.0,
            ["openapi-request-stability-lowered"],
            "{was} -> {is}"
        );
    }
}
