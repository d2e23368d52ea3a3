//! Names, qualified or not.

use squawk_parser::SyntaxKind as K;

use crate::sql::ir::Name;
use crate::sql::tree::Node;

/// The parts of the first path in a node, in order.
pub(super) fn parts(node: Node<'_>) -> Vec<String> {
    let path = node
        .all()
        .find(|it| matches!(it.kind(), K::PATH | K::PATH_REF));
    let Some(path) = path else {
        // Names that cannot be qualified have no path.
        return vec![node.name()];
    };
    path.all()
        .filter(|it| matches!(it.kind(), K::PATH_SEGMENT | K::PATH_SEGMENT_REF))
        .map(Node::name)
        .collect()
}

/// The name of something that lies in a schema. A database before it is left out.
pub(super) fn object(node: Node<'_>) -> Name {
    of(parts(node))
}

/// A name from its parts.
pub(super) fn of(mut parts: Vec<String>) -> Name {
    let name = parts.pop().unwrap_or_default();
    Name {
        schema: parts.pop(),
        name,
    }
}

/// The table and the column of `table.column`.
pub(super) fn column(node: Node<'_>) -> Option<(Name, String)> {
    let mut parts = parts(node);
    let column = parts.pop()?;
    (!parts.is_empty()).then(|| (of(parts), column))
}

/// The object that is named by the first node of a kind directly in another.
pub(super) fn child(node: Node<'_>, kind: K) -> Name {
    node.child(kind).map_or_else(|| Name::plain(""), object)
}

/// The objects that are named by nodes of a kind anywhere in another.
pub(super) fn all(node: Node<'_>, kind: K) -> Vec<Name> {
    node.all()
        .filter(|it| it.kind() == kind)
        .map(object)
        .collect()
}

/// The plain names that nodes of a kind directly in another are.
pub(super) fn plain(node: Node<'_>, kind: K) -> Vec<String> {
    node.each(kind).map(Node::name).collect()
}

/// The plain name that the first node of a kind directly in another is.
pub(super) fn first(node: Node<'_>, kind: K) -> Option<String> {
    node.child(kind).map(Node::name)
}
