//! One edit each: which rules find it.

#![expect(
    clippy::unwrap_used,
    reason = "clippy takes only functions that are tests for tests"
)]

use std::collections::BTreeMap;

use switchback_version::contract::{Contract, Direction, Options, Surface, diff};

fn found(surface: Surface, old: &str, new: &str) -> Vec<&'static str> {
    let files = |text: &str| BTreeMap::from([("a.yaml".to_owned(), text.to_owned())]);
    let (old, new) = (files(old), files(new));
    let side = |files| Contract {
        root: "a.yaml",
        files,
    };
    let options = Options {
        direction: Some(Direction::Both),
        ..Options::default()
    };
    let findings = diff(surface, side(&old), side(&new), &options).unwrap();
    let mut ids: Vec<_> = findings.iter().map(|it| it.rule.id).collect();
    ids.sort_unstable();
    ids.dedup();
    ids
}

fn judge(surface: Surface, base: &str, edits: &[(&str, &str, &[&str], &[&str])]) {
    let mut wrong = Vec::new();
    for (from, to, forth, back) in edits {
        assert_eq!(
            base.matches(from).count(),
            1,
            "`{from}` does not stand there once"
        );
        let new = base.replace(from, to);
        let both = (found(surface, base, &new), found(surface, &new, base));
        if both.0 != *forth || both.1 != *back {
            wrong.push(format!("`{from}` became `{to}`: {both:?}"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

const API: &str = "\
openapi: 3.1.0
info: {title: A, version: '1'}
servers: [{url: 'https://a.example/v1'}]
security: [{key: []}]
paths:
  /a/{id}:
    parameters:
      - {name: id, in: path, required: true, schema: {type: string}}
    post:
      operationId: make
      parameters:
        - {name: page, in: query, schema: {type: integer, default: 1}}
        - {name: X-Trace, in: header, schema: {type: string, maxLength: 9}}
        - {name: tags, in: query, schema: {type: array, items: {type: string}}}
      requestBody:
        content:
          application/json: {schema: {type: object, properties: {kind: {enum: [x, y]}}}}
          text/plain: {schema: {type: string}}
      responses:
        '200':
          headers:
            X-Left: {required: true, schema: {type: integer}}
            X-More: {schema: {type: integer}}
          content:
            application/json: {schema: {type: object, required: [at], properties: {at: {type: string}, no: {enum: [1, 2]}}}}
            text/csv: {schema: {type: string}}
        '404': {description: no}
      callbacks:
        done: {'{$request.body#/to}': {post: {requestBody: {content: {application/json: {schema: {type: object, properties: {sum: {type: integer}}}}}}}}}
components:
  securitySchemes:
    key: {type: apiKey, in: header, name: K}
    flow: {type: oauth2}
webhooks:
  told: {post: {requestBody: {content: {application/json: {schema: {type: object}}}}}}
";

#[test]
fn apis() {
    judge(
        Surface::OpenApi,
        API,
        &[
            ("title: A", "title: B", &[], &[]),
            (
                "operationId: make",
                "operationId: create",
                &["openapi-operation-id-changed"],
                &["openapi-operation-id-changed"],
            ),
            (
                "      operationId",
                "      deprecated: true\n      operationId",
                &["openapi-operation-deprecated"],
                &["openapi-operation-not-deprecated"],
            ),
            (
                "      operationId",
                "      x-stability-level: alpha\n      operationId",
                &["openapi-stability-lowered"],
                &["openapi-stability-raised"],
            ),
            (
                "    post:\n      op",
                "    put:\n      op",
                &["openapi-operation-added", "openapi-operation-removed"],
                &["openapi-operation-added", "openapi-operation-removed"],
            ),
            (
                "        - {name: page, in: query, schema: {type: integer, default: 1}}\n",
                "",
                &["openapi-parameter-removed"],
                &["openapi-parameter-added"],
            ),
            (
                "in: query, schema: {type: integer",
                "in: query, required: true, schema: {type: integer",
                &["openapi-parameter-became-required"],
                &["openapi-parameter-became-optional"],
            ),
            (
                "default: 1",
                "default: 2",
                &["openapi-parameter-default-changed"],
                &["openapi-parameter-default-changed"],
            ),
            (
                "{type: integer, default: 1}",
                "{type: string, default: 1}",
                &["openapi-request-type-widened"],
                &["openapi-request-type-narrowed"],
            ),
            (
                "maxLength: 9",
                "maxLength: 8",
                &["openapi-request-bound-tightened"],
                &["openapi-request-bound-loosened"],
            ),
            ("name: X-Trace", "name: x-trace", &[], &[]),
            (
                "{name: tags, in: query, ",
                "{name: tags, in: query, explode: false, ",
                &["openapi-parameter-encoding-changed"],
                &["openapi-parameter-encoding-changed"],
            ),
            (
                "      requestBody:\n        content",
                "      requestBody:\n        required: true\n        content",
                &["openapi-request-body-became-required"],
                &["openapi-request-body-became-optional"],
            ),
            (
                "          text/plain: {schema: {type: string}}\n",
                "",
                &["openapi-request-media-type-removed"],
                &["openapi-request-media-type-added"],
            ),
            (
                "[x, y]",
                "[x]",
                &["openapi-request-enum-value-removed"],
                &["openapi-request-enum-value-added"],
            ),
            ("[x, y]", "[y, x]", &[], &[]),
            (
                "enum: [1, 2]",
                "enum: [1, 2, 3]",
                &["openapi-response-enum-value-added"],
                &["openapi-response-enum-value-removed"],
            ),
            (
                "required: [at], ",
                "",
                &["openapi-response-property-became-optional"],
                &["openapi-response-property-became-required"],
            ),
            (
                "required: [at], properties: {at: {type: string}, ",
                "properties: {",
                &["openapi-response-required-property-removed"],
                &["openapi-response-required-property-added"],
            ),
            (
                ", no: {enum: [1, 2]}",
                "",
                &["openapi-response-property-removed"],
                &["openapi-response-property-added"],
            ),
            (
                "            text/csv: {schema: {type: string}}\n",
                "",
                &["openapi-response-media-type-removed"],
                &["openapi-response-media-type-added"],
            ),
            (
                "            X-More: {schema: {type: integer}}\n",
                "",
                &["openapi-response-header-removed"],
                &["openapi-response-header-added"],
            ),
            (
                "            X-Left: {required: true, schema: {type: integer}}\n",
                "",
                &["openapi-required-response-header-removed"],
                &["openapi-response-header-added"],
            ),
            (
                "X-Left: {required: true, ",
                "X-Left: {",
                &["openapi-response-header-became-optional"],
                &["openapi-response-header-became-required"],
            ),
            (
                "        '404': {description: no}\n",
                "",
                &["openapi-failure-response-removed"],
                &["openapi-response-added"],
            ),
            (
                "        '200':",
                "        '201':",
                &["openapi-response-added", "openapi-success-response-removed"],
                &["openapi-response-added", "openapi-success-response-removed"],
            ),
            (
                "        '200':",
                "        2XX:",
                &["openapi-response-added"],
                &["openapi-response-added", "openapi-success-response-removed"],
            ),
            (
                "security: [{key: []}]",
                "security: [{key: []}, {flow: [all]}]",
                &["openapi-security-loosened"],
                &["openapi-security-tightened"],
            ),
            (
                "security: [{key: []}]\n",
                "",
                &["openapi-security-loosened"],
                &["openapi-security-tightened"],
            ),
            (
                "name: K",
                "name: L",
                &["openapi-security-scheme-changed"],
                &["openapi-security-scheme-changed"],
            ),
            (
                "a.example/v1",
                "b.example/v1",
                &["openapi-server-added", "openapi-server-removed"],
                &["openapi-server-added", "openapi-server-removed"],
            ),
            // What we send to clients: they read it.
            (
                "{sum: {type: integer}}",
                "{sum: {type: number}}",
                &["openapi-response-type-widened"],
                &["openapi-response-type-narrowed"],
            ),
            (
                "  told: {",
                "  said: {",
                &["openapi-callback-added", "openapi-callback-removed"],
                &["openapi-callback-added", "openapi-callback-removed"],
            ),
        ],
    );
}

#[test]
fn schemas() {
    let base = "\
type: object
required: [a]
properties:
  a: {type: string, minLength: 1, format: uuid, pattern: '^a'}
  b: {type: integer, multipleOf: 4}
  c: {type: array, items: {type: number}, uniqueItems: true}
  d: {anyOf: [{type: string}, {type: boolean}]}
  e: {not: {type: string}}
  f: {if: {type: string}, then: {minLength: 3}}
dependentRequired: {b: [c]}
additionalProperties: false
";
    judge(
        Surface::JsonSchema,
        base,
        &[
            (
                "minLength: 1",
                "minLength: 2",
                &[
                    "json-schema-read-bound-tightened",
                    "json-schema-write-bound-tightened",
                ],
                &[
                    "json-schema-read-bound-loosened",
                    "json-schema-write-bound-loosened",
                ],
            ),
            (
                "minLength: 1, ",
                "",
                &[
                    "json-schema-read-bound-removed",
                    "json-schema-write-bound-removed",
                ],
                &[
                    "json-schema-read-bound-added",
                    "json-schema-write-bound-added",
                ],
            ),
            (
                "format: uuid",
                "format: date",
                &[
                    "json-schema-read-format-changed",
                    "json-schema-write-format-changed",
                ],
                &[
                    "json-schema-read-format-changed",
                    "json-schema-write-format-changed",
                ],
            ),
            (
                "'^a'",
                "'^b'",
                &[
                    "json-schema-read-pattern-changed",
                    "json-schema-write-pattern-changed",
                ],
                &[
                    "json-schema-read-pattern-changed",
                    "json-schema-write-pattern-changed",
                ],
            ),
            (
                "multipleOf: 4",
                "multipleOf: 2",
                &[
                    "json-schema-read-multiple-loosened",
                    "json-schema-write-multiple-loosened",
                ],
                &[
                    "json-schema-read-multiple-tightened",
                    "json-schema-write-multiple-tightened",
                ],
            ),
            ("multipleOf: 4", "multipleOf: 4.0", &[], &[]),
            (
                ", uniqueItems: true",
                "",
                &[
                    "json-schema-read-unique-items-removed",
                    "json-schema-write-unique-items-removed",
                ],
                &[
                    "json-schema-read-unique-items-added",
                    "json-schema-write-unique-items-added",
                ],
            ),
            (
                ", {type: boolean}",
                "",
                &[
                    "json-schema-read-alternative-removed",
                    "json-schema-write-alternative-removed",
                ],
                &[
                    "json-schema-read-alternative-added",
                    "json-schema-write-alternative-added",
                ],
            ),
            (
                "anyOf: [{type: string}",
                "oneOf: [{type: string}",
                &[
                    "json-schema-read-only-one-alternative",
                    "json-schema-write-only-one-alternative",
                ],
                &[
                    "json-schema-read-several-alternatives",
                    "json-schema-write-several-alternatives",
                ],
            ),
            (
                "anyOf: [{type: string}, {type: boolean}]",
                "type: [boolean, string]",
                &[],
                &[],
            ),
            (
                "additionalProperties: false",
                "additionalProperties: true",
                &[
                    "json-schema-read-additional-properties-loosened",
                    "json-schema-write-additional-properties-loosened",
                ],
                &[
                    "json-schema-read-additional-properties-tightened",
                    "json-schema-write-additional-properties-tightened",
                ],
            ),
            (
                "{b: [c]}",
                "{}",
                &[
                    "json-schema-read-dependency-removed",
                    "json-schema-write-dependency-removed",
                ],
                &[
                    "json-schema-read-dependency-added",
                    "json-schema-write-dependency-added",
                ],
            ),
            (
                "not: {type: string}",
                "not: {type: [string, 'null']}",
                &[
                    "json-schema-read-exclusion-added",
                    "json-schema-write-exclusion-added",
                ],
                &[
                    "json-schema-read-exclusion-removed",
                    "json-schema-write-exclusion-removed",
                ],
            ),
            (
                "if: {type: string}",
                "if: {type: integer}",
                &[
                    "json-schema-read-condition-changed",
                    "json-schema-write-condition-changed",
                ],
                &[
                    "json-schema-read-condition-changed",
                    "json-schema-write-condition-changed",
                ],
            ),
            (
                "required: [a]",
                "required: [a, b]",
                &[
                    "json-schema-read-property-became-required",
                    "json-schema-write-property-became-required",
                ],
                &[
                    "json-schema-read-property-became-optional",
                    "json-schema-write-property-became-optional",
                ],
            ),
        ],
    );
}

#[test]
fn avro() {
    let base = "\
type: record
name: R
fields:
  - {name: a, type: int}
  - {name: b, type: {type: enum, name: E, symbols: [X, Y]}}
  - {name: c, type: ['null', string], default: null}
  - {name: d, type: {type: fixed, name: F, size: 4}}
  - {name: e, type: {type: long, logicalType: timestamp-millis}}
";
    judge(
        Surface::Avro,
        base,
        &[
            (
                "a, type: int",
                "a, type: long",
                &["avro-read-type-promoted", "avro-write-type-promoted"],
                &["avro-read-type-narrowed", "avro-write-type-narrowed"],
            ),
            (
                "a, type: int",
                "a, type: string",
                &["avro-read-type-changed", "avro-write-type-changed"],
                &["avro-read-type-changed", "avro-write-type-changed"],
            ),
            (
                "[X, Y]",
                "[X]",
                &["avro-read-symbol-removed", "avro-write-symbol-removed"],
                &["avro-read-symbol-added", "avro-write-symbol-added"],
            ),
            ("[X, Y]", "[X, Y], default: X", &[], &[]),
            (
                "['null', string]",
                "['null', string, int]",
                &["avro-read-branch-added", "avro-write-branch-added"],
                &["avro-read-branch-removed", "avro-write-branch-removed"],
            ),
            (
                "size: 4",
                "size: 8",
                &["avro-read-size-changed", "avro-write-size-changed"],
                &["avro-read-size-changed", "avro-write-size-changed"],
            ),
            (
                "timestamp-millis",
                "timestamp-micros",
                &[
                    "avro-read-logical-type-changed",
                    "avro-write-logical-type-changed",
                ],
                &[
                    "avro-read-logical-type-changed",
                    "avro-write-logical-type-changed",
                ],
            ),
            (
                "  - {name: a, type: int}\n",
                "",
                &[
                    "avro-read-field-removed-without-default",
                    "avro-write-field-removed-without-default",
                ],
                &[
                    "avro-read-field-added-without-default",
                    "avro-write-field-added-without-default",
                ],
            ),
            (
                "  - {name: c, type: ['null', string], default: null}\n",
                "",
                &["avro-read-field-removed", "avro-write-field-removed"],
                &["avro-read-field-added", "avro-write-field-added"],
            ),
            (
                "name: E",
                "name: G",
                &["avro-read-name-changed", "avro-write-name-changed"],
                &["avro-read-name-changed", "avro-write-name-changed"],
            ),
            ("name: R", "name: R\nnamespace: n\ndoc: words", &[], &[]),
        ],
    );
}
