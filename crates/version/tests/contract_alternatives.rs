//! Alternatives in APIs: which of them are the same, by their shape or by a name that is sent.

#![expect(
    clippy::unwrap_used,
    reason = "clippy takes only functions that are tests for tests"
)]

use std::collections::BTreeMap;

use switchback_version::contract::{Contract, Options, Surface, diff};

fn found(old: &str, new: &str) -> Vec<&'static str> {
    let files = |text: &str| BTreeMap::from([("a.yaml".to_owned(), text.to_owned())]);
    let (old, new) = (files(old), files(new));
    let side = |files| Contract {
        root: "a.yaml",
        files,
    };
    let found = diff(
        Surface::OpenApi,
        side(&old),
        side(&new),
        &Options::default(),
    )
    .unwrap();
    let mut ids: Vec<_> = found.iter().map(|it| it.rule.id).collect();
    ids.dedup();
    ids
}

/// An API that takes and gives one of some schemas, all of the same shape.
fn api(names: &[&str], told_apart: &str) -> String {
    let listed: Vec<String> = names
        .iter()
        .map(|it| format!("{{$ref: '#/components/schemas/{it}'}}"))
        .collect();
    let written: Vec<String> = names
        .iter()
        .map(|it| format!("    {it}: {{type: object, required: [kind], properties: {{kind: {{type: string}}}}}}\n"))
        .collect();
    let schema = format!("{{schema: {{anyOf: [{}]{told_apart}}}}}", listed.join(", "));
    format!(
        "\
openapi: 3.0.3
paths:
  /a:
    post:
      requestBody: {{content: {{application/json: {schema}}}}}
      responses: {{'200': {{content: {{application/json: {schema}}}}}}}
components:
  schemas:
{}",
        written.concat()
    )
}

const BY_NAME: &str = ", discriminator: {propertyName: kind}";

#[test]
fn without_a_name_that_is_sent_the_shape_decides() {
    let three = api(&["Cat", "Dog", "Hare"], "");
    assert_eq!(found(&three, &api(&["Cat", "Dog"], "")), [""; 0]);
    assert_eq!(found(&three, &api(&["Cat", "Dog", "Rabbit"], "")), [""; 0]);
}

#[test]
fn a_name_that_is_sent_is_one_more_alternative() {
    let (three, two) = (
        api(&["Cat", "Dog", "Hare"], BY_NAME),
        api(&["Cat", "Dog"], BY_NAME),
    );
    assert_eq!(
        found(&three, &two),
        [
            "openapi-request-alternative-name-removed",
            "openapi-response-alternative-name-removed"
        ]
    );
    assert_eq!(
        found(&two, &three),
        [
            "openapi-request-alternative-name-added",
            "openapi-response-alternative-name-added"
        ]
    );
    assert_eq!(found(&three, &three), [""; 0]);
    let turned = api(&["Hare", "Cat", "Dog"], BY_NAME);
    assert_eq!(found(&three, &turned), [""; 0]);
}

#[test]
fn a_schema_may_have_another_name_than_the_one_that_is_sent() {
    let mapped = |names: &[&str; 2]| {
        let [cat, dog] = names;
        let mapping = format!("cat: '#/components/schemas/{cat}', dog: {dog}");
        api(
            names,
            &format!(", discriminator: {{propertyName: kind, mapping: {{{mapping}}}}}"),
        )
    };
    assert_eq!(
        found(&mapped(&["Cat", "Dog"]), &mapped(&["Feline", "Hound"])),
        [""; 0]
    );
    let exchanged = mapped(&["Dog", "Cat"]);
    assert_eq!(found(&mapped(&["Cat", "Dog"]), &exchanged), [""; 0]);
}

#[test]
fn an_xml_document_of_which_nothing_is_described_may_be_called_a_text() {
    let api = |kind: &str, schema: &str| {
        let content = format!("content: {{{kind}: {{schema: {schema}}}}}");
        format!(
            "\
openapi: 3.0.3
paths:
  /a:
    post:
      requestBody: {{{content}}}
      responses: {{'200': {{{content}}}}}
"
        )
    };
    let (text, element) = ("{type: string}", "{type: object}");
    let said = [
        "openapi-request-xml-undescribed",
        "openapi-response-xml-undescribed",
    ];
    for kind in ["application/xml", "application/atom+xml; charset=utf-8"] {
        assert_eq!(found(&api(kind, text), &api(kind, element)), said);
        assert_eq!(found(&api(kind, element), &api(kind, text)), said);
        assert_eq!(found(&api(kind, element), &api(kind, element)), [""; 0]);
    }
    let changed = [
        "openapi-request-type-narrowed",
        "openapi-response-type-widened",
    ];
    let described = "{type: object, properties: {a: {type: string}}}";
    assert_eq!(
        found(&api("text/xml", text), &api("text/xml", described))[0],
        changed[0]
    );
    let json = "application/json";
    assert_eq!(found(&api(json, text), &api(json, element)), changed);
}

#[test]
fn a_name_that_is_sent_may_be_another_one_or_one_more() {
    let mapped = |keys: &str| {
        let names = ["Cat", "Dog"];
        api(
            &names,
            &format!(", discriminator: {{propertyName: kind, mapping: {{{keys}}}}}"),
        )
    };
    let (cat, cats) = (mapped("cat: Cat, dog: Dog"), mapped("cats: Cat, dog: Dog"));
    let both = mapped("cat: Cat, cats: Cat, dog: Dog");
    let is = |old: &str, new: &str, rules: &[&str]| {
        let found = found(old, new);
        let missing = rules.iter().find(|it| !found.contains(it));
        assert_eq!(missing, None, "{found:?}");
        let breaks = |it: &&&str| {
            it.ends_with("request-alternative-name-removed")
                || it.ends_with("response-alternative-name-added")
        };
        assert_eq!(
            found.iter().filter(breaks).count(),
            rules.len(),
            "{found:?}"
        );
    };
    is(
        &cat,
        &cats,
        &[
            "openapi-request-alternative-name-removed",
            "openapi-response-alternative-name-added",
        ],
    );
    is(&cat, &both, &["openapi-response-alternative-name-added"]);
    is(&both, &cat, &["openapi-request-alternative-name-removed"]);
}

#[test]
fn what_fits_several_of_which_one_has_to_hold_is_refused() {
    let api = |schema: &str| {
        format!(
            "\
openapi: 3.0.3
paths:
  /a:
    post:
      requestBody: {{content: {{application/json: {{schema: {schema}}}}}}}
      responses: {{'200': {{content: {{application/json: {{schema: {schema}}}}}}}}}
"
        )
    };
    let object = |required: &str| {
        format!(
            "{{type: object, required: [{required}], properties: {{a: {{type: string}}, b: {{type: string}}}}}}"
        )
    };
    let both = api(&object("a, b"));
    let one = |keyword: &str| {
        api(&format!(
            "{{{keyword}: [{}, {}]}}",
            object("a"),
            object("b")
        ))
    };
    let is = |found: Vec<&str>| -> Vec<bool> {
        let directions = ["request", "response"].into_iter();
        directions
            .map(|it| found.contains(&format!("openapi-{it}-fits-several-alternatives").as_str()))
            .collect()
    };
    // Whoever had to send both fits both.
    assert_eq!(is(found(&both, &one("oneOf"))), [true, false]);
    assert_eq!(is(found(&one("oneOf"), &both)), [false, true]);
    assert_eq!(is(found(&both, &one("anyOf"))), [false, false]);
    assert_eq!(is(found(&one("oneOf"), &one("oneOf"))), [false, false]);
    // A number in a query is what it is read as.
    let query = |schema: &str| {
        format!(
            "openapi: 3.0.3\npaths: {{/a: {{get: {{responses: {{}}, parameters: [{{name: q, in: query, schema: {schema}}}]}}}}}}"
        )
    };
    let several = "{oneOf: [{type: integer}, {type: string}]}";
    assert_eq!(
        is(found(&query("{type: integer}"), &query(several))),
        [false, false]
    );
    // What fits one of them only.
    let (text, null) = ("{type: string}", "{type: string, nullable: true}");
    let either = "{oneOf: [{type: string}, {type: integer}]}";
    let closed = "{type: object, additionalProperties: false}";
    let open = format!("{{type: object, additionalProperties: {either}}}");
    let pairs = [
        (text, either),
        (text, null),
        (either, text),
        (closed, &open),
    ];
    for (old, new) in pairs {
        assert_eq!(
            is(found(&api(old), &api(new))),
            [false, false],
            "{old} {new}"
        );
    }
}
