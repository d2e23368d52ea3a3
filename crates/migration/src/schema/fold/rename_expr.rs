//! New names inside of expressions, and what is written in them.

use crate::sql::ir::{Expr, Name, Node};

/// Renames a column in an expression: in its shape and in its text.
pub(super) fn rename_in(expr: &mut Expr, from: &str, to: &str) {
    if !expr.columns().contains(&from) {
        return;
    }
    rename_nodes(expr, from, to);
}

pub(super) fn rename_nodes(expr: &mut Expr, from: &str, to: &str) {
    expr.text = crate::sql::rename_word(&expr.text, from, to);
    match &mut expr.node {
        Node::Null | Node::Literal(_) => {}
        Node::Column(name) => {
            if name == from {
                to.clone_into(name);
            }
        }
        Node::Call { arguments: all, .. } | Node::And(all) | Node::Or(all) | Node::Other(all) => {
            for one in all {
                rename_nodes(one, from, to);
            }
        }
        Node::Cast { of, .. } | Node::IsNull { of, .. } | Node::Not(of) => {
            rename_nodes(of, from, to);
        }
        Node::Compare { left, right, .. } => {
            rename_nodes(left, from, to);
            rename_nodes(right, from, to);
        }
    }
}

/// Whether a default is `nextval` of a sequence.
pub(super) fn takes_from(expr: &Expr, sequence: &Name) -> bool {
    let Node::Call { name, arguments } = &expr.node else {
        return false;
    };
    if name.name != "nextval" {
        return false;
    }
    let literal = match arguments.first().map(|it| &it.node) {
        Some(Node::Literal(text)) => text,
        Some(Node::Cast { of, .. }) => match &of.node {
            Node::Literal(text) => text,
            _ => return false,
        },
        _ => return false,
    };
    *literal == sequence.to_string()
        || *literal == Name::plain(&sequence.name).to_string()
        || *literal == sequence.name
}

/// The literal that an expression is, cast or not.
pub(super) fn literal(expr: &mut Expr) -> Option<&mut String> {
    match &mut expr.node {
        Node::Literal(text) => Some(text),
        Node::Cast { of, .. } => literal(of),
        _ => None,
    }
}

/// Whether an expression is this literal, cast or not.
pub(super) fn says(expr: &Expr, what: &str) -> bool {
    match &expr.node {
        Node::Literal(text) => text == what,
        Node::Cast { of, .. } => says(of, what),
        _ => false,
    }
}

/// Makes an expression that is a literal another one.
pub(super) fn say(expr: &mut Expr, what: &str) {
    let quoted = |text: &str| format!("'{}'", text.replace('\'', "''"));
    let Some(text) = literal(expr) else {
        return;
    };
    let old = std::mem::replace(text, what.to_owned());
    replace_text(expr, &quoted(&old), &quoted(what));
}

/// Puts one text for another in an expression and in those inside it.
pub(super) fn replace_text(expr: &mut Expr, from: &str, to: &str) {
    expr.text = expr.text.replace(from, to);
    match &mut expr.node {
        Node::Cast { of, .. } => replace_text(of, from, to),
        Node::Call { arguments, .. } => {
            for one in arguments {
                replace_text(one, from, to);
            }
        }
        _ => {}
    }
}

/// Puts the full name of the sequence into `nextval('…')`, where `full` knows it.
pub(super) fn name_sequence_in_full(expr: &mut Expr, full: impl Fn(&Name) -> Option<Name>) {
    let Node::Call { name, arguments } = &mut expr.node else {
        return;
    };
    if name.name != "nextval" {
        return;
    }
    let Some(text) = arguments.first_mut().and_then(literal) else {
        return;
    };
    let Some(found) = crate::sql::name_in(text).and_then(|it| full(&it)) else {
        return;
    };
    let old = std::mem::replace(text, found.to_string());
    replace_text(expr, &format!("'{old}'"), &format!("'{found}'"));
}
