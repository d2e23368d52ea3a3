//! `ALTER` of tables and of what is altered like one.

use squawk_parser::SyntaxKind as K;

use super::{constraint, expr, first_words, names, table, types};
use crate::sql::ir::{Alter, AlterAction, Kind, Name, Object, RowSecurity, TriggerState, Unknown};
use crate::sql::tree::Node;

/// What kind of thing a statement alters, and the node that names it. None for statements that are
/// not of this family.
fn target(kind: K) -> Option<(Object, K)> {
    Some(match kind {
        K::ALTER_TABLE => (Object::Table, K::TABLE_RELATION_NAME),
        K::ALTER_FOREIGN_TABLE => (Object::ForeignTable, K::TABLE_RELATION_NAME),
        K::ALTER_VIEW => (Object::View, K::VIEW_REF),
        K::ALTER_MATERIALIZED_VIEW => (Object::MaterializedView, K::VIEW_REF),
        K::ALTER_INDEX => (Object::Index, K::INDEX_REF),
        K::ALTER_SEQUENCE => (Object::Sequence, K::SEQUENCE_REF),
        K::ALTER_SCHEMA => (Object::Schema, K::SCHEMA_REF),
        K::ALTER_FUNCTION => (Object::Function, K::FUNCTION_SIG),
        K::ALTER_PROCEDURE => (Object::Function, K::PROCEDURE_SIG),
        K::ALTER_ROUTINE => (Object::Function, K::ROUTINE_SIG),
        K::ALTER_AGGREGATE => (Object::Function, K::AGGREGATE),
        K::ALTER_EXTENSION => (Object::Extension, K::EXTENSION_REF),
        K::ALTER_STATISTICS => (Object::Statistics, K::STATISTICS_REF),
        K::ALTER_TRIGGER => (Object::Trigger, K::TRIGGER_REF),
        K::ALTER_RULE => (Object::Rule, K::RULE_REF),
        _ => return None,
    })
}

/// `ALTER` of something in a schema. None for statements that are not of this family.
pub(super) fn lower(node: Node<'_>) -> Option<Kind> {
    let (object, named) = target(node.kind())?;
    if node.has(K::ALL_IN_TABLESPACE) {
        let what = first_words(node);
        return Some(Kind::Unknown {
            reason: Unknown::Statement { what },
        });
    }
    if matches!(object, Object::Trigger | Object::Rule) {
        return Some(on_table(node, named));
    }
    let target = node.child(named);
    let mut actions = Vec::new();
    let mut last = target.map_or(node.index(), Node::index);
    for one in node.nodes() {
        if one.index() > last && one.kind() != K::IF_EXISTS {
            last = one.index();
            actions.extend(actions_of(one).into_iter().map(|it| (it, one.span())));
        }
    }
    // Nearly always there is one, and a list that grows has room for four.
    actions.shrink_to_fit();
    if matches!(
        object,
        Object::Function | Object::Extension | Object::Statistics
    ) && actions
        .iter()
        .any(|(it, _)| matches!(it, AlterAction::Unknown { .. }))
    {
        // What a function promises may change, and so may what an extension consists of: nothing of
        // it locks a table or is seen here.
        return Some(Kind::Harmless {
            what: first_words(node),
        });
    }
    Some(Kind::Alter(Alter {
        object,
        name: target.map_or_else(|| Name::plain(""), names::object),
        only: target.is_some_and(|it| it.has(K::ONLY_KW)),
        if_exists: node.has(K::IF_EXISTS),
        actions,
    }))
}

/// `ALTER TRIGGER … ON`, `ALTER RULE … ON`: a change of the table.
fn on_table(node: Node<'_>, named: K) -> Kind {
    let renamed = node.nodes().find_map(|it| match it.kind() {
        K::TRIGGER_RENAME_TO => Some((
            AlterAction::RenameTrigger {
                from: names::first(node, named).unwrap_or_default(),
                to: names::first(it, K::TRIGGER).unwrap_or_default(),
            },
            it.span(),
        )),
        K::RULE_RENAME_TO => Some((
            AlterAction::RenameRule {
                from: names::first(node, named).unwrap_or_default(),
                to: names::first(it, K::RULE).unwrap_or_default(),
            },
            it.span(),
        )),
        _ => None,
    });
    match (renamed, node.child(K::ON_RELATION)) {
        (Some(action), Some(on)) => Kind::Alter(Alter {
            object: Object::Table,
            name: names::object(on),
            only: false,
            if_exists: false,
            actions: vec![action],
        }),
        _ => Kind::Harmless {
            what: first_words(node),
        },
    }
}

fn actions_of(node: Node<'_>) -> Vec<AlterAction> {
    if let Some(action) = simple(node) {
        return vec![action];
    }
    let column = || names::first(node, K::COLUMN_NAME_REF).unwrap_or_default();
    match node.kind() {
        K::ADD_COLUMN => vec![AlterAction::AddColumn {
            column: Box::new(table::column(node)),
            if_not_exists: node.has(K::IF_NOT_EXISTS),
        }],
        K::DROP_COLUMN => vec![AlterAction::DropColumn {
            column: column(),
            if_exists: node.has(K::IF_EXISTS),
            cascade: node.has(K::CASCADE),
        }],
        K::ALTER_COLUMN | K::ALTER_VIEW_COLUMN | K::ALTER_SET_STATISTICS => of_column(node),
        K::ADD_CONSTRAINT => node
            .nodes()
            .find_map(|it| constraint::lower(it, &[]))
            .map(|it| AlterAction::AddConstraint(Box::new(it)))
            .into_iter()
            .collect(),
        K::DROP_CONSTRAINT => vec![AlterAction::DropConstraint {
            name: names::child(node, K::CONSTRAINT_NAME_REF).name,
            if_exists: node.has(K::IF_EXISTS),
            cascade: node.has(K::CASCADE),
        }],
        K::VALIDATE_CONSTRAINT => vec![AlterAction::ValidateConstraint {
            name: names::child(node, K::CONSTRAINT_NAME_REF).name,
        }],
        K::ALTER_CONSTRAINT => vec![AlterAction::AlterConstraint {
            name: names::child(node, K::CONSTRAINT_NAME_REF).name,
            enforced: choice(node, K::ENFORCED, K::NOT_ENFORCED),
            inherit: choice(node, K::INHERIT, K::NO_INHERIT),
            deferrable: choice(
                node,
                K::DEFERRABLE_CONSTRAINT_OPTION,
                K::NOT_DEFERRABLE_CONSTRAINT_OPTION,
            )
            .or_else(|| {
                node.has(K::INITIALLY_DEFERRED_CONSTRAINT_OPTION)
                    .then_some(true)
            }),
        }],
        K::RENAME_COLUMN => vec![AlterAction::RenameColumn {
            from: column(),
            to: names::first(node, K::COLUMN_NAME).unwrap_or_default(),
        }],
        K::RENAME_CONSTRAINT => vec![AlterAction::RenameConstraint {
            from: names::child(node, K::CONSTRAINT_NAME_REF).name,
            to: names::first(node, K::CONSTRAINT_NAME).unwrap_or_default(),
        }],
        K::SET_OPTIONS | K::RESET_OPTIONS => vec![AlterAction::SetOptions {
            options: options(node),
        }],
        K::ATTACH_PARTITION => vec![AlterAction::AttachPartition {
            child: names::child(node, K::TABLE_NAME_REF),
            bound: table::bound(node),
        }],
        K::ATTACH_INDEX_PARTITION => vec![AlterAction::AttachPartition {
            child: names::child(node, K::INDEX_REF),
            bound: None,
        }],
        K::DETACH_PARTITION => vec![AlterAction::DetachPartition {
            child: names::child(node, K::TABLE_NAME_REF),
            concurrently: node.has(K::DETACH_CONCURRENTLY),
            finalize: node.has(K::DETACH_FINALIZE),
        }],
        K::INHERIT_TABLE => vec![AlterAction::Inherit {
            parent: names::child(node, K::TABLE_NAME_REF),
        }],
        K::NO_INHERIT_TABLE => vec![AlterAction::NoInherit {
            parent: names::child(node, K::TABLE_NAME_REF),
        }],
        K::OPTION_OWNED_BY => vec![AlterAction::OwnedBy {
            column: node
                .child(K::QUALIFIED_COLUMN_NAME_REF)
                .and_then(names::column),
        }],
        _ => vec![AlterAction::Unknown {
            what: first_words(node),
        }],
    }
}

fn choice(node: Node<'_>, yes: K, no: K) -> Option<bool> {
    if node.has(no) {
        Some(false)
    } else {
        node.has(yes).then_some(true)
    }
}

/// The names of options, with the part before a dot.
fn options(node: Node<'_>) -> Vec<String> {
    node.child(K::ATTRIBUTE_LIST)
        .into_iter()
        .flat_map(|it| it.each(K::ATTRIBUTE_OPTION))
        .map(|it| {
            let name = names::first(it, K::ATTRIBUTE_NAME).unwrap_or_default();
            match names::first(it, K::ATTRIBUTE_NAMESPACE) {
                Some(space) => format!("{space}.{name}"),
                None => name,
            }
        })
        .map(|it| it.to_lowercase())
        .collect()
}

/// Changes that need at most a name.
fn simple(node: Node<'_>) -> Option<AlterAction> {
    let trigger = |state| AlterAction::Trigger {
        name: names::first(node, K::TRIGGER_REF),
        user: node.has(K::USER),
        state,
    };
    Some(match node.kind() {
        K::TABLE_RENAME_TO
        | K::VIEW_RENAME_TO
        | K::INDEX_RENAME_TO
        | K::SEQUENCE_RENAME_TO
        | K::SCHEMA_RENAME_TO
        | K::FUNCTION_RENAME_TO
        | K::PROCEDURE_RENAME_TO
        | K::ROUTINE_RENAME_TO
        | K::AGGREGATE_RENAME_TO
        | K::STATISTICS_RENAME_TO => AlterAction::Rename {
            to: node.nodes().next().map(|it| names::object(it).name)?,
        },
        K::SET_SCHEMA => AlterAction::SetSchema {
            to: names::first(node, K::SCHEMA_REF)?,
        },
        K::SET_LOGGED => AlterAction::SetLogged(true),
        K::SET_UNLOGGED => AlterAction::SetLogged(false),
        K::SET_ACCESS_METHOD => AlterAction::SetAccessMethod {
            to: names::first(node, K::ACCESS_METHOD_REF),
        },
        K::SET_TABLESPACE => AlterAction::SetTablespace {
            to: names::first(node, K::TABLESPACE_REF)?,
        },
        K::CLUSTER_ON | K::SET_WITHOUT_CLUSTER => AlterAction::ClusterOn {
            index: names::all(node, K::INDEX_REF).pop().map(|it| it.name),
        },
        K::SET_WITHOUT_OIDS => AlterAction::WithoutOids,
        K::REPLICA_IDENTITY => AlterAction::ReplicaIdentity {
            index: names::all(node, K::INDEX_REF).pop().map(|it| it.name),
        },
        K::ENABLE_TRIGGER | K::ENABLE_REPLICA_TRIGGER | K::ENABLE_ALWAYS_TRIGGER => {
            trigger(TriggerState::Enabled)
        }
        K::DISABLE_TRIGGER => trigger(TriggerState::Disabled),
        K::ENABLE_RULE | K::ENABLE_REPLICA_RULE | K::ENABLE_ALWAYS_RULE | K::DISABLE_RULE => {
            AlterAction::Rule
        }
        K::ENABLE_RLS => AlterAction::RowSecurity(RowSecurity::Enable),
        K::DISABLE_RLS => AlterAction::RowSecurity(RowSecurity::Disable),
        K::FORCE_RLS => AlterAction::RowSecurity(RowSecurity::Force),
        K::NO_FORCE_RLS => AlterAction::RowSecurity(RowSecurity::NoForce),
        K::OF_TYPE | K::NOT_OF => AlterAction::OfType,
        K::OWNER_TO => AlterAction::Owner,
        K::ALTER_OPTION_LIST | K::OPTION_ITEM_LIST => AlterAction::SetOptions {
            options: Vec::new(),
        },
        K::OPTION_AS_TYPE
        | K::OPTION_CACHE
        | K::OPTION_INCREMENT
        | K::OPTION_SEQUENCE_NAME
        | K::OPTION_RESTART
        | K::OPTION_LOGGED
        | K::OPTION_UNLOGGED
        | K::OPTION_START
        | K::OPTION_MAX_VALUE
        | K::OPTION_MIN_VALUE
        | K::OPTION_NO_MAX_VALUE
        | K::OPTION_NO_MIN_VALUE
        | K::OPTION_NO_CYCLE
        | K::OPTION_CYCLE => AlterAction::SequenceOptions,
        _ => return None,
    })
}

/// `ALTER COLUMN`.
fn of_column(node: Node<'_>) -> Vec<AlterAction> {
    let named = node
        .children()
        .find(|it| matches!(it.kind(), K::COLUMN_NAME_REF | K::LITERAL));
    let column = named.map(Node::name).unwrap_or_default();
    let behind = named.map_or(node.index(), Node::index);
    let Some(change) = node.nodes().find(|it| it.index() > behind) else {
        return vec![AlterAction::Unknown {
            what: first_words(node),
        }];
    };
    vec![match change.kind() {
        K::SET_TYPE => match types::child(change) {
            Some(to) => AlterAction::SetType {
                column,
                to,
                collation: change.child(K::COLLATE).and_then(table::collation),
                using: change.child(K::USING_EXPR).and_then(expr::child),
            },
            None => AlterAction::Unknown {
                what: first_words(node),
            },
        },
        K::SET_DEFAULT => AlterAction::Default {
            column,
            default: expr::child(change),
        },
        K::DROP_DEFAULT => AlterAction::Default {
            column,
            default: None,
        },
        K::SET_NOT_NULL => AlterAction::SetNotNull { column },
        K::DROP_NOT_NULL => AlterAction::DropNotNull { column },
        K::SET_EXPRESSION => match expr::child(change) {
            Some(expr) => AlterAction::SetExpression { column, expr },
            None => AlterAction::Unknown {
                what: first_words(node),
            },
        },
        K::DROP_EXPRESSION => AlterAction::DropExpression { column },
        K::ADD_GENERATED => AlterAction::AddIdentity {
            column,
            always: table::always(change),
        },
        K::SET_GENERATED | K::SET_GENERATED_OPTIONS | K::RESTART | K::SET_SEQUENCE_OPTION => {
            AlterAction::SetIdentity {
                column,
                always: change.find(K::SET_GENERATED).map(table::always),
            }
        }
        K::DROP_IDENTITY => AlterAction::DropIdentity {
            column,
            if_exists: change.has(K::IF_EXISTS),
        },
        K::SET_STATISTICS => AlterAction::SetStatistics { column },
        K::SET_STORAGE => AlterAction::SetStorage { column },
        K::SET_COMPRESSION => AlterAction::SetCompression { column },
        K::SET_OPTIONS | K::RESET_OPTIONS | K::SET_OPTIONS_LIST => {
            AlterAction::SetColumnOptions { column }
        }
        _ => AlterAction::Unknown {
            what: first_words(node),
        },
    }]
}
