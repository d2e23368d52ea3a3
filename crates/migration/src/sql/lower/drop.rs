//! `DROP`.

use squawk_parser::SyntaxKind as K;

use super::{first_words, names};
use crate::sql::ir::{Drop, Kind, Name, Object};
use crate::sql::tree::Node;

/// What kind of thing is dropped, and the nodes that name it.
fn target(kind: K) -> Option<(Object, K)> {
    Some(match kind {
        K::DROP_TABLE => (Object::Table, K::TABLE_NAME_REF),
        K::DROP_FOREIGN_TABLE => (Object::ForeignTable, K::TABLE_NAME_REF),
        K::DROP_VIEW => (Object::View, K::VIEW_REF),
        K::DROP_MATERIALIZED_VIEW => (Object::MaterializedView, K::VIEW_REF),
        K::DROP_INDEX => (Object::Index, K::INDEX_REF),
        K::DROP_SEQUENCE => (Object::Sequence, K::SEQUENCE_REF),
        K::DROP_TYPE => (Object::Type, K::TYPE_NAME_REF),
        K::DROP_DOMAIN => (Object::Domain, K::DOMAIN_REF),
        K::DROP_FUNCTION => (Object::Function, K::FUNCTION_NAME_REF),
        K::DROP_PROCEDURE => (Object::Function, K::PROCEDURE_NAME_REF),
        K::DROP_ROUTINE => (Object::Function, K::ROUTINE_NAME_REF),
        K::DROP_AGGREGATE => (Object::Function, K::AGGREGATE),
        K::DROP_SCHEMA => (Object::Schema, K::SCHEMA_REF),
        K::DROP_EXTENSION => (Object::Extension, K::EXTENSION_REF),
        K::DROP_STATISTICS => (Object::Statistics, K::STATISTICS_REF),
        K::DROP_PUBLICATION => (Object::Publication, K::PUBLICATION_REF),
        K::DROP_TRIGGER => (Object::Trigger, K::TRIGGER_REF),
        K::DROP_RULE => (Object::Rule, K::RULE_REF),
        K::DROP_POLICY => (Object::Policy, K::POLICY_REF),
        K::DROP_CAST
        | K::DROP_COLLATION
        | K::DROP_CONVERSION
        | K::DROP_OPERATOR
        | K::DROP_OPERATOR_CLASS
        | K::DROP_OPERATOR_FAMILY => (Object::Other, K::ERROR),
        _ => return None,
    })
}

/// Statements that drop what no table depends on.
fn is_harmless(kind: K) -> bool {
    matches!(
        kind,
        K::DROP_ACCESS_METHOD
            | K::DROP_EVENT_TRIGGER
            | K::DROP_FOREIGN_DATA_WRAPPER
            | K::DROP_GROUP
            | K::DROP_LANGUAGE
            | K::DROP_ROLE
            | K::DROP_SERVER
            | K::DROP_SUBSCRIPTION
            | K::DROP_TABLESPACE
            | K::DROP_TEXT_SEARCH_CONFIG
            | K::DROP_TEXT_SEARCH_DICT
            | K::DROP_TEXT_SEARCH_PARSER
            | K::DROP_TEXT_SEARCH_TEMPLATE
            | K::DROP_TRANSFORM
            | K::DROP_USER
            | K::DROP_USER_MAPPING
    )
}

/// `DROP` of anything. None for statements that are not of this family.
pub(super) fn lower(node: Node<'_>) -> Option<Kind> {
    if is_harmless(node.kind()) {
        return Some(Kind::Harmless {
            what: first_words(node),
        });
    }
    let (object, named) = target(node.kind())?;
    let found = match object {
        // The name may be the first of several parts, as in `f(int)`.
        Object::Function => names::all(node, named),
        Object::Other => vec![Name::plain(first_words(node).to_lowercase())],
        _ => node.each(named).map(names::object).collect(),
    };
    let on = node
        .child(K::ON_RELATION)
        .or_else(|| node.child(K::ON_TABLE));
    Some(Kind::Drop(Drop {
        object,
        names: found,
        on: on.map(names::object),
        if_exists: node.has(K::IF_EXISTS),
        cascade: node.has(K::CASCADE),
        concurrently: node.has(K::CONCURRENTLY_KW),
    }))
}
