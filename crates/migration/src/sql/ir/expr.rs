//! Expressions, as far as proofs and volatility depend on them.

use super::{Name, Span, TypeName};

/// An expression.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Expr {
    /// As written.
    pub text: String,
    /// Where it is.
    pub span: Span,
    /// What it is.
    pub node: Node,
}

/// What an expression is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Node {
    /// `NULL`.
    Null,
    /// A number, a string, a boolean: what it says, without quotes.
    Literal(String),
    /// A column, as the last part of its name.
    Column(String),
    /// A call; `CURRENT_TIMESTAMP` and its kin are calls without arguments, by their lower-case
    /// name.
    Call {
        /// The function.
        name: Name,
        /// Its arguments.
        arguments: Vec<Expr>,
    },
    /// `x::type`, `CAST(x AS type)`.
    Cast {
        /// What is cast.
        of: Box<Expr>,
        /// To what.
        to: TypeName,
    },
    /// `x IS NULL`, `x IS NOT NULL`.
    IsNull {
        /// What is looked at.
        of: Box<Expr>,
        /// Whether it is `IS NOT NULL`.
        not: bool,
    },
    /// Everything holds. Nested ones are flattened.
    And(Vec<Expr>),
    /// Something holds. Nested ones are flattened.
    Or(Vec<Expr>),
    /// `NOT x`.
    Not(Box<Expr>),
    /// A comparison.
    Compare {
        /// How.
        operator: Operator,
        /// The left side.
        left: Box<Expr>,
        /// The right side.
        right: Box<Expr>,
    },
    /// Anything else, with the expressions directly inside it.
    Other(Vec<Expr>),
}

/// A comparison.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Operator {
    /// `=`
    Equal,
    /// `<>`
    NotEqual,
    /// `<`
    Less,
    /// `<=`
    LessOrEqual,
    /// `>`
    Greater,
    /// `>=`
    GreaterOrEqual,
}

impl Expr {
    /// This expression and every one inside it.
    pub fn walk<'a>(&'a self, visit: &mut dyn FnMut(&'a Expr)) {
        visit(self);
        match &self.node {
            Node::Null | Node::Literal(_) | Node::Column(_) => {}
            Node::Call { arguments: all, .. }
            | Node::And(all)
            | Node::Or(all)
            | Node::Other(all) => {
                for one in all {
                    one.walk(visit);
                }
            }
            Node::Cast { of, .. } | Node::IsNull { of, .. } | Node::Not(of) => of.walk(visit),
            Node::Compare { left, right, .. } => {
                left.walk(visit);
                right.walk(visit);
            }
        }
    }

    /// The columns that it mentions.
    pub fn columns(&self) -> Vec<&str> {
        let mut all = Vec::new();
        self.walk(&mut |expr| {
            if let Node::Column(name) = &expr.node {
                all.push(name.as_str());
            }
        });
        all
    }

    /// The functions that it calls.
    pub fn functions(&self) -> Vec<&Name> {
        let mut all = Vec::new();
        self.walk(&mut |expr| {
            if let Node::Call { name, .. } = &expr.node {
                all.push(name);
            }
        });
        all
    }

    /// Whether it holds only for rows where `column` is not null, as far as PostgreSQL sees: an
    /// `IS NOT NULL` among what must all hold.
    pub fn proves_not_null(&self, column: &str) -> bool {
        match &self.node {
            Node::IsNull { of, not: true } => {
                matches!(&of.node, Node::Column(name) if name == column)
            }
            Node::And(all) => all.iter().any(|one| one.proves_not_null(column)),
            _ => false,
        }
    }

    /// Whether it is a plain `NULL`, cast or not.
    pub fn is_null(&self) -> bool {
        match &self.node {
            Node::Null => true,
            Node::Cast { of, .. } => of.is_null(),
            _ => false,
        }
    }
}
