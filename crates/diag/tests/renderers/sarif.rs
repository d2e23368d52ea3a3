use std::collections::BTreeSet;

use proptest::prelude::*;
use proptest::sample::{Index, select};
use serde_json::{Value, json};
use switchback_diag::sarif::{Run, Suppressed, Suppression};
use switchback_diag::{Code, Diagnostic, Location, Severity, escape_text, sarif};

use crate::any;
use crate::format::{check, decoded, shown};

fn log(found: &[Diagnostic], run: &Run<'_>) -> Value {
    let log = serde_json::from_str(&sarif::render(found, run).unwrap()).unwrap();
    check(&log);
    log
}

fn results(log: &Value) -> &[Value] {
    log["runs"][0]["results"].as_array().unwrap()
}

fn fingerprints(found: &[Diagnostic]) -> Vec<String> {
    let log = log(found, &Run::default());
    let print = |result: &Value| result["partialFingerprints"][sarif::FINGERPRINT].clone();
    results(&log)
        .iter()
        .map(|result| print(result).as_str().unwrap().to_owned())
        .collect()
}

fn at(file: &str, line: u32, column: u32, text: &str) -> Diagnostic {
    Diagnostic::error(Code::SqlFailed, "no").at(Location {
        file: file.into(),
        line,
        column,
        text: text.into(),
        width: 1,
    })
}

#[test]
fn a_result_is_pinned() {
    let run = Run {
        version: "0.1.0",
        ..Run::default()
    };
    let log = log(&any::sample(), &run);
    assert_eq!(log["runs"][0]["tool"]["driver"]["version"], "0.1.0");
    assert_eq!(
        results(&log)[0],
        json!({
            "ruleId": "SB0103",
            "ruleIndex": 0,
            "level": "error",
            "message": {
                "text": "`windw` is not a key of [rollback]\n  caused by: keys are checked\n  \
                         hint: see every key: switchback util schema"
            },
            "locations": [{
                "physicalLocation": {
                    "artifactLocation": {"uri": "conf/a,b.toml", "uriBaseId": "%SRCROOT%"},
                    "region": {
                        "startLine": 2, "startColumn": 1, "endLine": 2, "endColumn": 6,
                        "snippet": {"text": "windw"}
                    },
                    "contextRegion": {"startLine": 2, "snippet": {"text": "windw = \"24h\""}}
                }
            }],
            // Whoever changes how it is made gives it another name.
            "partialFingerprints": {"switchback/v1": "92469444ab9fd72937cdb1f9d8c601fb:1"}
        })
    );
    assert_eq!(results(&log)[1]["message"]["text"], "100% of {{0}} differs");
    assert_eq!(results(&log)[1]["locations"], json!([]));
}

#[test]
fn a_rule_is_what_the_page_says() {
    let log = log(&any::sample(), &Run::default());
    let rules = log["runs"][0]["tool"]["driver"]["rules"]
        .as_array()
        .unwrap();
    assert_eq!(rules[0]["name"], "UnknownKey");
    assert_eq!(
        rules[0]["shortDescription"],
        json!({"text": "A settings key is not known"})
    );
    let full = rules[0]["fullDescription"]["text"].as_str().unwrap();
    assert!(full.starts_with("The settings file has a key that nothing reads"));
    let help = rules[0]["help"]["markdown"].as_str().unwrap();
    assert_eq!(shown(help), Code::UnknownKey.page());
    let braces = Code::Contradiction;
    assert!(braces.page().contains('{'));
    let log = self::log(&[Diagnostic::error(braces, "no")], &Run::default());
    let help = &log["runs"][0]["tool"]["driver"]["rules"][0]["help"];
    assert_eq!(shown(help["markdown"].as_str().unwrap()), braces.page());
    assert!(shown(help["text"].as_str().unwrap()).contains("{component}.version"));
}

#[test]
fn columns_count_characters() {
    let source = "SELECT '🚂🚂', x";
    let x = source.find('x').unwrap();
    let found =
        Diagnostic::error(Code::SqlFailed, "no").at(Location::of_span("a.sql", source, x..x + 1));
    let log = log(&[found], &Run::default());
    let region = &results(&log)[0]["locations"][0]["physicalLocation"]["region"];
    assert_eq!(
        (&region["startColumn"], &region["endColumn"]),
        (&json!(14), &json!(15))
    );
    assert_eq!(region["snippet"]["text"], "x");
}

#[test]
fn levels_are_the_given_ones_or_the_greatest() {
    let found = [
        Diagnostic::warning(Code::SqlFailed, "a"),
        Diagnostic::error(Code::SqlFailed, "b"),
        Diagnostic::warning(Code::SqlFailed, "c"),
        Diagnostic::error(Code::GitFailed, "d"),
    ];
    let level = |levels: &[(Code, Severity)]| {
        let run = Run {
            levels,
            ..Run::default()
        };
        let log = log(&found, &run);
        let rules = &log["runs"][0]["tool"]["driver"]["rules"];
        [0, 1].map(|at| {
            rules[at]["defaultConfiguration"]["level"]
                .as_str()
                .unwrap()
                .to_owned()
        })
    };
    assert_eq!(level(&[]), ["error", "error"]);
    let given = [
        (Code::GitFailed, Severity::Note),
        (Code::Internal, Severity::Error),
    ];
    assert_eq!(level(&given), ["error", "note"]);
}

#[test]
fn what_has_no_place_is_shown_at_the_anchor() {
    let run = Run {
        anchor: Some("./switchback.toml"),
        ..Run::default()
    };
    let found = [at("", 1, 1, "x"), Diagnostic::error(Code::NoSettings, "no")];
    for result in results(&log(&found, &run)) {
        assert_eq!(
            result["locations"],
            json!([{"physicalLocation": {
                "artifactLocation": {"uri": "switchback.toml", "uriBaseId": "%SRCROOT%"}
            }}])
        );
    }
}

#[test]
fn the_root_makes_absolute_names_relative() {
    let run = Run {
        root: Some("/work/my repo"),
        ..Run::default()
    };
    let log = log(
        &[
            at("/work/my repo/a.sql", 1, 1, "x"),
            at("/etc/b.sql", 1, 1, "x"),
        ],
        &run,
    );
    let places = [0, 1].map(|at| {
        results(&log)[at]["locations"][0]["physicalLocation"]["artifactLocation"].clone()
    });
    assert_eq!(places[0], json!({"uri": "a.sql", "uriBaseId": "%SRCROOT%"}));
    assert_eq!(places[1], json!({"uri": "file:///etc/b.sql"}));
    let base = &log["runs"][0]["originalUriBaseIds"]["%SRCROOT%"]["uri"];
    assert_eq!(base, "file:///work/my%20repo/");
}

#[test]
fn suppressions_are_known_for_all_or_for_none() {
    let suppressed = [
        Suppressed {
            diagnostic: at("a.sql", 1, 1, "x"),
            kind: Suppression::InSource,
            justification: "the table is empty\u{202e}".into(),
        },
        Suppressed {
            diagnostic: Diagnostic::warning(Code::GitFailed, "b"),
            kind: Suppression::External,
            justification: " ".into(),
        },
    ];
    let run = Run {
        suppressed: Some(&suppressed),
        ..Run::default()
    };
    let log = log(&any::sample(), &run);
    let all: Vec<_> = results(&log)
        .iter()
        .map(|result| &result["suppressions"])
        .collect();
    let allowed = json!([{"kind": "inSource", "justification": "the table is empty\\u{202e}"}]);
    assert_eq!(
        all,
        [
            &json!([]),
            &json!([]),
            &allowed,
            &json!([{"kind": "external"}])
        ]
    );
}

#[test]
fn a_fingerprint_outlives_moved_lines_and_wider_blanks() {
    let before = [
        at("a.sql", 3, 1, "DROP  TABLE a;"),
        at("a.sql", 9, 1, "DROP TABLE a;"),
    ];
    let after = [
        at("./a.sql", 13, 3, "\tDROP TABLE a; "),
        at("a.sql", 19, 1, "DROP TABLE a;"),
    ];
    assert_eq!(fingerprints(&before), fingerprints(&after));
    let [first, second] = &fingerprints(&before)[..] else {
        panic!("two");
    };
    assert_ne!(first, second);
    assert_eq!(first.split_once(':').unwrap().1, "1");
    assert_eq!(second.split_once(':').unwrap().1, "2");
    let mut reversed = before.clone();
    reversed.reverse();
    let expected = [second.clone(), first.clone()];
    assert_eq!(
        fingerprints(&reversed),
        expected,
        "counted by place, not by order"
    );
    let others = [
        at("b.sql", 3, 1, "DROP TABLE a;"),
        at("a.sql", 3, 1, "DROP TABLE b;"),
        at("a.sql", 3, 1, "DROP TABLEa;"),
        Diagnostic {
            code: Code::GitFailed,
            ..at("a.sql", 3, 1, "DROP TABLE a;")
        },
        Diagnostic::error(Code::SqlFailed, "DROP TABLE a;"),
    ];
    let all: BTreeSet<_> = fingerprints(&others)
        .into_iter()
        .chain([first.clone()])
        .collect();
    assert_eq!(all.len(), others.len() + 1);
}

proptest! {
    #[test]
    fn every_log_is_what_the_format_demands(
        found in any::diagnostics(8),
        allowed in prop::option::of(any::diagnostics(3)),
        version in any::text(),
        root in prop::option::of(any::text()),
        anchor in prop::option::of(any::text()),
        levels in prop::collection::vec((select(Code::ALL), select(&Severity::ALL[..])), 0..4),
    ) {
        let suppressed: Option<Vec<Suppressed>> = allowed.map(|all| {
            let each = |diagnostic: Diagnostic| Suppressed {
                kind: Suppression::External,
                justification: diagnostic.message.clone(),
                diagnostic,
            };
            all.into_iter().map(each).collect()
        });
        let run = Run {
            version: &version,
            information_uri: None,
            root: root.as_deref(),
            anchor: anchor.as_deref(),
            levels: &levels,
            suppressed: suppressed.as_deref(),
        };
        let text = sarif::render(&found, &run).unwrap();
        let deceptive = |c: char| c.is_control() || c == '\u{202e}';
        prop_assert!(!text.contains(deceptive));
        let log = log(&found, &run);
        let hidden = suppressed.iter().flatten().map(|each| &each.diagnostic);
        let all: Vec<&Diagnostic> = found.iter().chain(hidden).collect();
        prop_assert_eq!(results(&log).len(), all.len());
        for (result, found) in results(&log).iter().zip(all) {
            prop_assert_eq!(&result["ruleId"], found.code.id());
            prop_assert_eq!(&result["level"], found.severity.word());
            let message = shown(result["message"]["text"].as_str().unwrap());
            for text in found.causes.iter().chain([&found.message]) {
                for line in escape_text(text.trim_end()).lines() {
                    prop_assert!(message.contains(line.trim_end()), "{:?}", result);
                }
            }
            let Some(location) = &found.location else { continue };
            let place = &result["locations"][0]["physicalLocation"];
            let Some(region) = place.get("region") else { continue };
            prop_assert_eq!(&region["startLine"], location.line.max(1));
            prop_assert_eq!(&region["startColumn"], location.column.max(1));
            let uri = place["artifactLocation"]["uri"].as_str().unwrap();
            if !location.file.starts_with('/') {
                let parts = location.file.split('/').filter(|part| !matches!(*part, "" | "."));
                let expected = parts.collect::<Vec<_>>().join("/");
                prop_assert_eq!(decoded(uri), expected.as_bytes());
            }
        }
    }

    #[test]
    fn fingerprints_are_different_and_know_no_order(
        found in any::diagnostics(8),
        twice in prop::collection::vec(any::<Index>(), 0..5),
        moved in 0..1000_u32,
        shuffle in prop::collection::vec(any::<u64>(), 13),
    ) {
        let mut found = found;
        // The same once more, elsewhere in the file or with another message.
        let some = !found.is_empty();
        for (number, index) in (1..).zip(twice.iter().filter(|_| some)) {
            let mut again = index.get(&found).clone();
            match &mut again.location {
                Some(location) if number % 2 == 1 => location.line = location.line % 900 + number,
                _ => again.message = number.to_string(),
            }
            found.push(again);
        }
        for location in found.iter_mut().filter_map(|found| found.location.as_mut()) {
            location.line %= 1000;
        }
        let prints = fingerprints(&found);
        let different: BTreeSet<&String> = prints.iter().collect();
        prop_assert_eq!(different.len(), found.len());

        let mut order: Vec<usize> = (0..found.len()).collect();
        order.sort_by_key(|at| shuffle[*at]);
        let mut mixed: Vec<Diagnostic> = order.iter().map(|at| found[*at].clone()).collect();
        for location in mixed.iter_mut().filter_map(|found| found.location.as_mut()) {
            location.line += moved;
        }
        // Findings that are equal in everything may change places.
        let pairs = |found: &[Diagnostic], prints: Vec<String>, down: u32| {
            let mut pairs: Vec<_> = found.iter().cloned().zip(prints).collect();
            for (found, _) in &mut pairs {
                if let Some(location) = found.location.as_mut() {
                    location.line -= down;
                }
            }
            pairs.sort_by_key(|pair| format!("{pair:?}"));
            pairs
        };
        let after = fingerprints(&mixed);
        let same = prints.iter().collect::<BTreeSet<_>>() == after.iter().collect();
        prop_assert!(same);
        let distinct = found.iter().map(|found| {
            let at = found.location.as_ref();
            (found.code, found.message.clone(), at.map(|at| (at.line, at.column, at.width)))
        });
        if distinct.collect::<std::collections::HashSet<_>>().len() == found.len() {
            prop_assert_eq!(pairs(&found, prints, 0), pairs(&mixed, after, moved));
        }
    }
}
