//! Statements of small families.

use squawk_parser::SyntaxKind as K;

use super::{expr, first_words, names, only_output, query};
use crate::sql::ir::{Kind, Name, Node as Is, Object, Query, Statement, Volatility};
use crate::sql::session;
use crate::sql::tree::Node;

/// What belongs to no other family. None for statements that nothing here knows.
pub(super) fn lower(node: Node<'_>) -> Option<Kind> {
    Some(match node.kind() {
        K::CREATE_TRIGGER => Kind::CreateTrigger {
            name: names::first(node, K::TRIGGER)?,
            table: names::child(node, K::ON_RELATION),
            or_replace: node.has(K::OR_REPLACE),
            from: node.child(K::FROM_TABLE).map(names::object),
            rows: node.has(K::FOR_EACH_ROW),
            function: node
                .child(K::CALL_EXPR)
                .map_or_else(|| Name::plain(""), expr::callee),
        },
        K::CREATE_RULE => Kind::CreateRule {
            name: names::first(node, K::RULE)?,
            table: names::object(node.child(K::RULE_ON)?),
            or_replace: node.has(K::OR_REPLACE),
        },
        K::CREATE_POLICY | K::ALTER_POLICY => Kind::Policy {
            name: names::first(node, K::POLICY).or_else(|| names::first(node, K::POLICY_REF))?,
            table: names::child(node, K::ON_TABLE),
            alter: node.kind() == K::ALTER_POLICY,
            rename: node
                .child(K::POLICY_RENAME_TO)
                .and_then(|it| names::first(it, K::POLICY)),
        },
        K::CREATE_FUNCTION => function(node, K::FUNCTION_NAME),
        K::CREATE_PROCEDURE => function(node, K::PROCEDURE_NAME),
        K::CREATE_SEQUENCE => Kind::CreateSequence {
            name: names::child(node, K::SEQUENCE),
            temporary: node.has(K::TEMP),
            if_not_exists: node.has(K::IF_NOT_EXISTS),
            owned_by: node
                .child(K::OPTION_OWNED_BY)
                .and_then(|it| it.child(K::QUALIFIED_COLUMN_NAME_REF))
                .and_then(names::column),
        },
        K::CREATE_EXTENSION => Kind::CreateExtension {
            name: names::first(node, K::EXTENSION)?,
            schema: node
                .child(K::EXTENSION_SCHEMA)
                .and_then(|it| names::first(it, K::SCHEMA_REF)),
            if_not_exists: node.has(K::IF_NOT_EXISTS),
        },
        K::CREATE_STATISTICS => Kind::CreateStatistics {
            name: node.child(K::STATISTICS).map(names::object),
            tables: node.each(K::FROM_TABLE).map(names::object).collect(),
        },
        K::CREATE_PUBLICATION | K::ALTER_PUBLICATION => Kind::Publication {
            tables: node
                .all()
                .filter(|it| it.kind() == K::PUBLICATION_OBJECT_TABLE)
                .map(|it| names::child(it, K::TABLE_NAME_REF))
                .collect(),
        },
        K::COMMENT_ON | K::SECURITY_LABEL => comment(node)?,
        K::GRANT | K::REVOKE => grant(node),
        K::TRUNCATE => Kind::Truncate {
            tables: names::all(node, K::TABLE_RELATION_NAME),
            cascade: node.has(K::CASCADE),
        },
        K::LOCK => Kind::Lock {
            tables: names::all(node, K::RELATION_NAME),
            mode: node
                .child(K::LOCK_MODE_CLAUSE)
                .and_then(|it| it.nodes().next())
                .map_or_else(|| "ACCESS EXCLUSIVE".to_owned(), |it| words(it).join(" ")),
        },
        K::CLUSTER => Kind::Cluster {
            table: node.find(K::TABLE_NAME_REF).map(names::object),
        },
        K::VACUUM => Kind::Vacuum {
            tables: names::all(node, K::TABLE_RELATION_NAME),
            full: node.has(K::FULL_KW) || option(node, K::VACUUM_OPTION_LIST, "full"),
            analyze: node.has(K::ANALYZE_KW)
                || node.has(K::ANALYSE_KW)
                || option(node, K::VACUUM_OPTION_LIST, "analyze"),
        },
        K::ANALYZE => Kind::Analyze {
            tables: names::all(node, K::TABLE_RELATION_NAME),
        },
        K::DO => Kind::Do {
            language: node
                .child(K::DO_LANGUAGE)
                .and_then(|it| it.child(K::LANGUAGE_REF))
                .map_or_else(|| "plpgsql".to_owned(), |it| it.string().to_lowercase()),
            read: false,
        },
        K::EXPLAIN => {
            let runs = node.has(K::EXPLAIN_ANALYZE)
                || node
                    .nodes()
                    .any(|it| it.text().to_ascii_lowercase().contains("analyze"));
            if runs {
                return None;
            }
            harmless(node)
        }
        K::DECLARE => {
            let of = node.nodes().find(|it| query::is(it.kind()));
            Kind::Select(of.map_or_else(Query::default, query::lower))
        }
        kind if is_harmless(kind) => harmless(node),
        _ => return None,
    })
}

fn harmless(node: Node<'_>) -> Kind {
    Kind::Harmless {
        what: first_words(node),
    }
}

/// Statements that neither lock a table nor change what code meets.
fn is_harmless(kind: K) -> bool {
    matches!(
        kind,
        K::ALTER_COLLATION
            | K::ALTER_CONVERSION
            | K::ALTER_DATABASE
            | K::ALTER_DEFAULT_PRIVILEGES
            | K::ALTER_EVENT_TRIGGER
            | K::ALTER_FOREIGN_DATA_WRAPPER
            | K::ALTER_GROUP
            | K::ALTER_LANGUAGE
            | K::ALTER_LARGE_OBJECT
            | K::ALTER_OPERATOR
            | K::ALTER_OPERATOR_CLASS
            | K::ALTER_OPERATOR_FAMILY
            | K::ALTER_ROLE
            | K::ALTER_SERVER
            | K::ALTER_SUBSCRIPTION
            | K::ALTER_SYSTEM
            | K::ALTER_TABLESPACE
            | K::ALTER_TEXT_SEARCH_CONFIGURATION
            | K::ALTER_TEXT_SEARCH_DICTIONARY
            | K::ALTER_TEXT_SEARCH_PARSER
            | K::ALTER_TEXT_SEARCH_TEMPLATE
            | K::ALTER_USER
            | K::ALTER_USER_MAPPING
            | K::CHECKPOINT
            | K::CLOSE
            | K::CREATE_ACCESS_METHOD
            | K::CREATE_AGGREGATE
            | K::CREATE_CAST
            | K::CREATE_COLLATION
            | K::CREATE_CONVERSION
            | K::CREATE_DATABASE
            | K::CREATE_EVENT_TRIGGER
            | K::CREATE_FOREIGN_DATA_WRAPPER
            | K::CREATE_GROUP
            | K::CREATE_LANGUAGE
            | K::CREATE_OPERATOR
            | K::CREATE_OPERATOR_CLASS
            | K::CREATE_OPERATOR_FAMILY
            | K::CREATE_ROLE
            | K::CREATE_SERVER
            | K::CREATE_SUBSCRIPTION
            | K::CREATE_TABLESPACE
            | K::CREATE_TEXT_SEARCH_CONFIGURATION
            | K::CREATE_TEXT_SEARCH_DICTIONARY
            | K::CREATE_TEXT_SEARCH_PARSER
            | K::CREATE_TEXT_SEARCH_TEMPLATE
            | K::CREATE_TRANSFORM
            | K::CREATE_USER
            | K::CREATE_USER_MAPPING
            | K::DEALLOCATE
            | K::DISCARD
            | K::FETCH
            | K::LISTEN
            | K::MOVE
            | K::NOTIFY
            | K::PREPARE
            | K::REASSIGN
            | K::SHOW
            | K::UNLISTEN
    )
}

/// The words of a node, in upper case.
fn words(node: Node<'_>) -> Vec<String> {
    node.all()
        .filter(|it| it.is_token())
        .map(|it| it.text().to_ascii_uppercase())
        .collect()
}

/// Whether an option in parentheses is switched on.
fn option(node: Node<'_>, list: K, name: &str) -> bool {
    let list = node.child(list);
    list.into_iter().flat_map(Node::nodes).any(|it| {
        let mut words = it.text().split_whitespace();
        let named = words.next().is_some_and(|it| it.eq_ignore_ascii_case(name));
        let off = ["off", "false", "0", "no"];
        named
            && !words
                .next()
                .is_some_and(|it| off.iter().any(|no| it.eq_ignore_ascii_case(no)))
    })
}

fn function(node: Node<'_>, named: K) -> Kind {
    let options = node.child(K::FUNC_OPTION_LIST);
    let has = |kind| options.is_some_and(|it| it.has(kind));
    Kind::CreateFunction {
        name: names::child(node, named),
        or_replace: node.has(K::OR_REPLACE),
        volatility: if has(K::IMMUTABLE) {
            Volatility::Immutable
        } else if has(K::STABLE) {
            Volatility::Stable
        } else {
            Volatility::Volatile
        },
    }
}

/// `CREATE SCHEMA`.
pub(super) fn create_schema(node: Node<'_>) -> Kind {
    Kind::CreateSchema {
        name: schema_name(node),
        if_not_exists: node.has(K::IF_NOT_EXISTS),
    }
}

/// Its name; without one it has that of its owner.
fn schema_name(node: Node<'_>) -> String {
    let named = node
        .child(K::NAMED_SCHEMA)
        .and_then(|it| names::first(it, K::SCHEMA));
    named
        .or_else(|| {
            node.child(K::AUTHORIZATION_SCHEMA)
                .and_then(|it| names::first(it, K::ROLE))
        })
        .unwrap_or_default()
}

/// What `CREATE SCHEMA` contains lies in the schema.
pub(super) fn put_into_schema(node: Node<'_>, found: &mut [Statement]) {
    let schema = schema_name(node);
    let put = |name: &mut Name| {
        if name.schema.is_none() {
            name.schema = Some(schema.clone());
        }
    };
    for statement in found {
        match &mut statement.kind {
            Kind::CreateTable(it) => put(&mut it.name),
            Kind::CreateView { name, .. } | Kind::CreateSequence { name, .. } => put(name),
            Kind::CreateIndex(it) => put(&mut it.table),
            Kind::CreateTrigger { table, .. } => put(table),
            _ => {}
        }
    }
}

fn comment(node: Node<'_>) -> Option<Kind> {
    let on = node.nodes().find(|it| it.kind() != K::FOR_PROVIDER)?;
    let whole = |object| (object, Some(names::object(on)));
    let none = |object| (object, None);
    let table = |object, kind| (object, on.child(kind).map(names::object));
    let (object, name) = match on.kind() {
        K::OBJECT_TABLE => whole(Object::Table),
        K::OBJECT_FOREIGN_TABLE => whole(Object::ForeignTable),
        K::OBJECT_VIEW => whole(Object::View),
        K::OBJECT_MATERIALIZED_VIEW => whole(Object::MaterializedView),
        K::OBJECT_INDEX => whole(Object::Index),
        K::OBJECT_SEQUENCE => whole(Object::Sequence),
        K::OBJECT_COLUMN => (Object::Column, names::column(on).map(|(table, _)| table)),
        K::OBJECT_CONSTRAINT => table(Object::Constraint, K::TABLE_NAME_REF),
        K::OBJECT_TRIGGER => table(Object::Trigger, K::RELATION_NAME_REF),
        K::OBJECT_RULE => table(Object::Rule, K::RELATION_NAME_REF),
        K::OBJECT_POLICY => table(Object::Policy, K::TABLE_NAME_REF),
        K::OBJECT_TYPE => whole(Object::Type),
        K::OBJECT_DOMAIN => whole(Object::Domain),
        K::OBJECT_FUNCTION | K::OBJECT_PROCEDURE | K::OBJECT_ROUTINE | K::OBJECT_AGGREGATE => {
            none(Object::Function)
        }
        K::OBJECT_SCHEMA => none(Object::Schema),
        K::OBJECT_EXTENSION => none(Object::Extension),
        K::OBJECT_STATISTICS => whole(Object::Statistics),
        K::OBJECT_PUBLICATION => none(Object::Publication),
        _ => none(Object::Other),
    };
    Some(Kind::Comment { on: object, name })
}

fn grant(node: Node<'_>) -> Kind {
    let on = node.child(K::ON_PRIVILEGE_OBJECTS_CLAUSE);
    let tables = on
        .into_iter()
        .flat_map(Node::nodes)
        .filter(|it| matches!(it.kind(), K::PRIVILEGE_DEFAULT | K::PRIVILEGE_TABLE));
    Kind::Grant {
        tables: tables
            .flat_map(|it| it.each(K::RELATION_NAME_REF).map(names::object))
            .collect(),
        revoke: node.kind() == K::REVOKE,
    }
}

/// `SELECT set_config('search_path', 'a', false)` is `SET`, where all is said by strings.
pub(super) fn set_config(query: &Query) -> Option<Kind> {
    if !query.tables.is_empty() {
        return None;
    }
    let Is::Call { name, arguments } = &only_output(query)?.node else {
        return None;
    };
    if name.name != "set_config" || !matches!(name.schema.as_deref(), None | Some("pg_catalog")) {
        return None;
    }
    let [parameter, value, local] = arguments.as_slice() else {
        return None;
    };
    let (Is::Literal(parameter), Is::Literal(value), Is::Literal(local)) =
        (&parameter.node, &value.node, &local.node)
    else {
        return None;
    };
    let parameter = parameter.to_lowercase();
    let values = if parameter == "search_path" {
        session::list(value)
    } else {
        vec![value.clone()]
    };
    Some(Kind::Set {
        parameter,
        values,
        local: local == "true",
    })
}
