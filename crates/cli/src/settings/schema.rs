//! The JSON schema of `switchback.toml`, and questions to it.

use std::sync::LazyLock;

use serde_json::Value;

use super::types::Settings;

/// The schema as a JSON value.
pub(crate) static SCHEMA: LazyLock<Value> =
    LazyLock::new(|| schemars::schema_for!(Settings).to_value());

/// The part of the schema that `node` refers to.
pub(crate) fn resolve(node: &'static Value) -> &'static Value {
    // An optional value is `anyOf [it, null]`; TOML has no null.
    if let Some(choices) = node.get("anyOf").and_then(Value::as_array) {
        let some = choices.iter().find(|choice| choice["type"] != "null");
        return some.map_or(node, resolve);
    }
    let target = node.get("$ref").and_then(Value::as_str);
    let target = target.and_then(|pointer| SCHEMA.pointer(pointer.trim_start_matches('#')));
    target.map_or(node, resolve)
}

/// The keys that a table may have. `engine` and the like choose between variants: `chosen` gives
/// the text that stands at a key. `None` if the schema does not say, or no variant fits.
pub(crate) fn keys(
    node: &'static Value,
    chosen: impl Fn(&str) -> Option<String>,
) -> Option<&'static serde_json::Map<String, Value>> {
    let node = resolve(node);
    let Some(variants) = node.get("oneOf").and_then(Value::as_array) else {
        return node.get("properties")?.as_object();
    };
    variants
        .iter()
        .filter_map(|variant| resolve(variant).get("properties")?.as_object())
        .find(|properties| {
            properties.iter().all(
                |(key, value)| match value.get("const").and_then(Value::as_str) {
                    Some(tag) => chosen(key).as_deref() == Some(tag),
                    None => true,
                },
            )
        })
}

/// The schema of a list's items.
pub(crate) fn items(node: &'static Value) -> Option<&'static Value> {
    resolve(node).get("items")
}
