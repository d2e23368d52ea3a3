//! Types and domains.

use squawk_parser::SyntaxKind as K;

use super::{constraint, expr, first_words, names, table, types};
use crate::sql::ir::{
    AlterDomainAction, AlterTypeAction, AttributeChange, Beside, Kind, TypeName, Unknown,
};
use crate::sql::tree::Node;

/// `CREATE TYPE`.
pub(super) fn create(node: Node<'_>) -> Kind {
    let values = node.child(K::ENUM_TYPE).map(|it| {
        let list = it.child(K::VARIANT_LIST);
        list.into_iter()
            .flat_map(|it| it.each(K::VARIANT))
            .map(Node::string)
            .collect()
    });
    let fields = node
        .child(K::COMPOSITE_TYPE)
        .and_then(|it| it.child(K::COMPOSITE_FIELD_LIST));
    Kind::CreateType {
        name: names::child(node, K::TYPE_NAME),
        values,
        attributes: fields
            .into_iter()
            .flat_map(|it| it.each(K::COMPOSITE_FIELD_DEF))
            .map(table::column)
            .collect(),
    }
}

/// `ALTER TYPE`; each change of an attribute is one of its own.
pub(super) fn alter(node: Node<'_>) -> Vec<Kind> {
    let name = names::child(node, K::TYPE_NAME_REF);
    let mut actions = Vec::new();
    for one in node.nodes().filter(|it| it.kind() != K::TYPE_NAME_REF) {
        if one.kind() == K::ALTER_TYPE_ATTRIBUTE_ACTION_LIST {
            actions.extend(one.nodes().filter_map(attribute));
        } else {
            actions.push(of_type(one));
        }
    }
    actions
        .into_iter()
        .map(|action| Kind::AlterType {
            name: name.clone(),
            action,
        })
        .collect()
}

fn of_type(node: Node<'_>) -> AlterTypeAction {
    let strings: Vec<String> = node.each(K::LITERAL).map(Node::string).collect();
    match (node.kind(), strings.as_slice()) {
        (K::ADD_VALUE, [value, ..]) => AlterTypeAction::AddValue {
            value: value.clone(),
            if_not_exists: node.has(K::IF_NOT_EXISTS),
            beside: node.nodes().find_map(|it| {
                let side = match it.kind() {
                    K::BEFORE_VALUE => Beside::Before,
                    K::AFTER_VALUE => Beside::After,
                    _ => return None,
                };
                Some((side, it.child(K::LITERAL)?.string()))
            }),
        },
        (K::RENAME_VALUE, [from, to, ..]) => AlterTypeAction::RenameValue {
            from: from.clone(),
            to: to.clone(),
        },
        (K::TYPE_RENAME_TO, _) => AlterTypeAction::Rename {
            to: names::child(node, K::TYPE_NAME).name,
        },
        (K::SET_SCHEMA, _) => AlterTypeAction::SetSchema {
            to: names::first(node, K::SCHEMA_REF).unwrap_or_default(),
        },
        (K::RENAME_ATTRIBUTE, _) => attribute(node).unwrap_or_else(|| other(node)),
        _ => other(node),
    }
}

fn other(node: Node<'_>) -> AlterTypeAction {
    AlterTypeAction::Other {
        what: first_words(node),
    }
}

fn attribute(node: Node<'_>) -> Option<AlterTypeAction> {
    let name = |kind| names::first(node, kind).unwrap_or_default();
    let change = match node.kind() {
        K::ADD_ATTRIBUTE => AttributeChange::Add {
            column: Box::new(table::column(node)),
        },
        K::DROP_ATTRIBUTE => AttributeChange::Drop {
            name: name(K::COMPOSITE_FIELD_REF),
            if_exists: node.has(K::IF_EXISTS),
        },
        K::ALTER_ATTRIBUTE => AttributeChange::SetType {
            name: name(K::COMPOSITE_FIELD_REF),
            to: types::child(node)?,
        },
        K::RENAME_ATTRIBUTE => AttributeChange::Rename {
            from: name(K::COMPOSITE_FIELD_REF),
            to: name(K::COMPOSITE_FIELD),
        },
        _ => return None,
    };
    Some(AlterTypeAction::Attribute {
        what: first_words(node),
        change,
    })
}

/// `CREATE DOMAIN`.
pub(super) fn domain(node: Node<'_>) -> Kind {
    let base: Option<TypeName> = types::child(node);
    let Some(base) = base else {
        return Kind::Unknown {
            reason: Unknown::Statement {
                what: first_words(node),
            },
        };
    };
    Kind::CreateDomain {
        name: names::child(node, K::DOMAIN),
        base,
        default: node.child(K::DEFAULT_CONSTRAINT).and_then(expr::child),
        constraints: node
            .nodes()
            .filter_map(|it| constraint::lower(it, &[]))
            .collect(),
    }
}

/// `ALTER DOMAIN`.
pub(super) fn alter_domain(node: Node<'_>) -> Kind {
    let constraint = |it: Node<'_>| names::child(it, K::CONSTRAINT_NAME_REF).name;
    let changed = node.nodes().find(|it| it.kind() != K::DOMAIN_REF);
    let action = changed.and_then(|it| {
        Some(match it.kind() {
            K::ADD_CONSTRAINT => AlterDomainAction::AddConstraint(Box::new(
                it.nodes().find_map(|it| constraint::lower(it, &[]))?,
            )),
            K::DROP_CONSTRAINT => AlterDomainAction::DropConstraint {
                name: constraint(it),
                if_exists: it.has(K::IF_EXISTS),
            },
            K::VALIDATE_CONSTRAINT => AlterDomainAction::ValidateConstraint {
                name: constraint(it),
            },
            K::RENAME_CONSTRAINT => AlterDomainAction::RenameConstraint {
                from: constraint(it),
                to: names::first(it, K::CONSTRAINT_NAME)?,
            },
            K::SET_NOT_NULL => AlterDomainAction::SetNotNull,
            K::DROP_NOT_NULL => AlterDomainAction::DropNotNull,
            K::SET_DEFAULT => AlterDomainAction::Default(expr::child(it)),
            K::DROP_DEFAULT => AlterDomainAction::Default(None),
            K::DOMAIN_RENAME_TO => AlterDomainAction::Rename {
                to: names::child(it, K::DOMAIN).name,
            },
            K::SET_SCHEMA => AlterDomainAction::SetSchema {
                to: names::first(it, K::SCHEMA_REF)?,
            },
            _ => return None,
        })
    });
    Kind::AlterDomain {
        name: names::child(node, K::DOMAIN_REF),
        action: action.unwrap_or_else(|| AlterDomainAction::Other {
            what: changed.map(first_words).unwrap_or_default(),
        }),
    }
}
