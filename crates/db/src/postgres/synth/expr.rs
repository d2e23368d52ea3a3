//! Expressions of constraints and indexes, read from what PostgreSQL prints for them.
//!
//! Only what helps to find values is told apart; everything else becomes [`Expr::Opaque`].

use super::lex::{Token, lex};

/// An expression.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Expr {
    /// A column, by its index.
    Column(usize),
    /// A literal; `None` is null.
    Literal(Option<String>),
    Bool(bool),
    And(Vec<Expr>),
    Or(Vec<Expr>),
    Not(Box<Expr>),
    /// Operators, `IS [NOT] DISTINCT FROM` among them.
    Binary(String, Box<Expr>, Box<Expr>),
    Minus(Box<Expr>),
    IsNull(Box<Expr>),
    /// `IS [NOT] TRUE`, `FALSE`.
    Is(Box<Expr>, bool),
    /// `left op ANY (right)`, or `ALL`.
    Quantified {
        operator: String,
        any: bool,
        left: Box<Expr>,
        right: Box<Expr>,
    },
    Call(String, Vec<Expr>),
    Array(Vec<Expr>),
    Case {
        arms: Vec<(Expr, Expr)>,
        otherwise: Option<Box<Expr>>,
    },
    /// A value as another type.
    Cast(Box<Expr>, String),
    /// What is not understood, with the columns and literals in it.
    Opaque(Vec<Expr>),
}

impl Expr {
    /// Reads an expression. `column` gives the index of a column by its name.
    pub(super) fn parse(text: &str, column: &dyn Fn(&str) -> Option<usize>) -> Self {
        let tokens: Vec<Token> = lex(text).into_iter().map(|(token, _)| token).collect();
        let mut parser = Parser {
            tokens: &tokens,
            at: 0,
            column,
            depth: 0,
        };
        match parser.expr(0) {
            Some(expr) if parser.at == tokens.len() => expr,
            _ => {
                let parts = tokens.iter().filter_map(|token| match token {
                    Token::Word(name) => column(&name.to_lowercase()).map(Self::Column),
                    Token::Quoted(name) => column(name).map(Self::Column),
                    Token::Text(text) | Token::Number(text) => {
                        Some(Self::Literal(Some(text.clone())))
                    }
                    _ => None,
                });
                Self::Opaque(parts.collect())
            }
        }
    }

    /// Calls `visit` for the expression and everything inside of it.
    pub(super) fn walk(&self, visit: &mut dyn FnMut(&Self)) {
        visit(self);
        match self {
            Self::Column(_) | Self::Literal(_) | Self::Bool(_) => {}
            Self::And(list) | Self::Or(list) | Self::Call(_, list) | Self::Array(list) => {
                list.iter().for_each(|part| part.walk(visit));
            }
            Self::Opaque(list) => list.iter().for_each(|part| part.walk(visit)),
            Self::Not(part) | Self::Minus(part) | Self::IsNull(part) => part.walk(visit),
            Self::Is(part, _) | Self::Cast(part, _) => part.walk(visit),
            Self::Binary(_, left, right) | Self::Quantified { left, right, .. } => {
                left.walk(visit);
                right.walk(visit);
            }
            Self::Case { arms, otherwise } => {
                for (when, then) in arms {
                    when.walk(visit);
                    then.walk(visit);
                }
                if let Some(otherwise) = otherwise {
                    otherwise.walk(visit);
                }
            }
        }
    }

    /// The columns in it, each once, in order.
    pub(super) fn columns(&self) -> Vec<usize> {
        let mut found = Vec::new();
        self.walk(&mut |part| {
            if let Self::Column(column) = part {
                found.push(*column);
            }
        });
        found.sort_unstable();
        found.dedup();
        found
    }

    /// The literals in it.
    pub(super) fn literals(&self) -> Vec<String> {
        let mut found = Vec::new();
        self.walk(&mut |part| {
            if let Self::Literal(Some(text)) = part
                && !found.contains(text)
            {
                found.push(text.clone());
            }
        });
        found
    }

    /// Without casts around it.
    pub(super) fn bare(&self) -> &Self {
        match self {
            Self::Cast(inner, _) => inner.bare(),
            other => other,
        }
    }
}

/// Deeper than anybody writes; a guard for the stack.
const DEEPEST: u32 = 200;

struct Parser<'a> {
    tokens: &'a [Token],
    at: usize,
    column: &'a dyn Fn(&str) -> Option<usize>,
    depth: u32,
}

impl Parser<'_> {
    fn peek(&self) -> Option<&Token> {
        self.tokens.get(self.at)
    }

    fn take(&mut self, token: &Token) -> bool {
        let found = self.peek() == Some(token);
        self.at += usize::from(found);
        found
    }

    fn word(&mut self, word: &str) -> bool {
        let found = matches!(self.peek(), Some(Token::Word(w)) if w.eq_ignore_ascii_case(word));
        self.at += usize::from(found);
        found
    }

    fn words(&mut self, words: &[&str]) -> bool {
        let start = self.at;
        let found = words.iter().all(|word| self.word(word));
        if !found {
            self.at = start;
        }
        found
    }

    /// How tightly the operator at this place binds, and what it is.
    fn infix(&self) -> Option<(u8, String)> {
        let (power, name) = match self.peek()? {
            Token::Word(word) => match word.to_ascii_uppercase().as_str() {
                "OR" => (1, "OR"),
                "AND" => (2, "AND"),
                "IS" => (4, "IS"),
                "AT" => (11, "AT"),
                "COLLATE" => (12, "COLLATE"),
                "OPERATOR" => (7, "OPERATOR"),
                _ => return None,
            },
            Token::Operator(op) => match op.as_str() {
                "<" | ">" | "=" | "<=" | ">=" | "<>" | "!=" => (5, op.as_str()),
                "+" | "-" => (8, op.as_str()),
                "*" | "/" | "%" => (9, op.as_str()),
                "^" => (10, op.as_str()),
                other => (7, other),
            },
            Token::OpenBracket => (14, "["),
            Token::Cast => (15, "::"),
            Token::Dot => (16, "."),
            _ => return None,
        };
        Some((power, name.to_owned()))
    }

    fn expr(&mut self, least: u8) -> Option<Expr> {
        self.depth += 1;
        if self.depth > DEEPEST {
            return None;
        }
        let mut left = self.prefix()?;
        while let Some((power, operator)) = self.infix() {
            if power < least {
                break;
            }
            self.at += 1;
            left = self.rest(left, power, operator)?;
        }
        self.depth -= 1;
        Some(left)
    }

    /// What follows an operator that has been read.
    fn rest(&mut self, left: Expr, power: u8, mut operator: String) -> Option<Expr> {
        Some(match operator.as_str() {
            "OR" | "AND" => {
                let right = self.expr(power + 1)?;
                match (operator.as_str(), left) {
                    ("OR", Expr::Or(mut list)) | ("AND", Expr::And(mut list)) => {
                        list.push(right);
                        if operator == "OR" {
                            Expr::Or(list)
                        } else {
                            Expr::And(list)
                        }
                    }
                    ("OR", left) => Expr::Or(vec![left, right]),
                    (_, left) => Expr::And(vec![left, right]),
                }
            }
            "IS" => {
                let negated = self.word("NOT");
                let test = if self.word("NULL") || self.word("UNKNOWN") {
                    Expr::IsNull(Box::new(left))
                } else if self.word("TRUE") {
                    Expr::Is(Box::new(left), true)
                } else if self.word("FALSE") {
                    Expr::Is(Box::new(left), false)
                } else if self.words(&["DISTINCT", "FROM"]) {
                    let right = Box::new(self.expr(5)?);
                    Expr::Binary("IS DISTINCT FROM".to_owned(), Box::new(left), right)
                } else {
                    // `IS JSON`, `IS NORMALIZED`, `IS DOCUMENT`.
                    while let Some(Token::Word(word)) = self.peek() {
                        if ["AND", "OR"].contains(&word.as_str()) {
                            break;
                        }
                        self.at += 1;
                    }
                    Expr::Opaque(vec![left])
                };
                if negated {
                    Expr::Not(Box::new(test))
                } else {
                    test
                }
            }
            "AT" => {
                if !self.words(&["TIME", "ZONE"]) {
                    return None;
                }
                self.expr(power + 1)?;
                Expr::Cast(Box::new(left), "at time zone".to_owned())
            }
            "COLLATE" => {
                self.name()?;
                left
            }
            "[" => {
                let index = self.expr(0)?;
                while !self.take(&Token::CloseBracket) {
                    self.peek()?;
                    self.at += 1;
                }
                Expr::Opaque(vec![left, index])
            }
            "::" => {
                let name = self.type_name()?;
                Expr::Cast(Box::new(left), name)
            }
            "." => {
                self.at += 1;
                Expr::Opaque(vec![left])
            }
            _ => {
                if operator == "OPERATOR" {
                    operator = self.operator_name()?;
                }
                if operator == "!=" {
                    operator = "<>".to_owned();
                }
                let any = self.word("ANY");
                if any || self.word("ALL") {
                    if !self.take(&Token::Open) {
                        return None;
                    }
                    let right = Box::new(self.expr(0)?);
                    if !self.take(&Token::Close) {
                        return None;
                    }
                    let left = Box::new(left);
                    return Some(Expr::Quantified {
                        operator,
                        any,
                        left,
                        right,
                    });
                }
                let right = self.expr(power + 1)?;
                Expr::Binary(operator, Box::new(left), Box::new(right))
            }
        })
    }

    /// `OPERATOR(schema.op)`: the operator alone.
    fn operator_name(&mut self) -> Option<String> {
        if !self.take(&Token::Open) {
            return None;
        }
        let mut name = None;
        while !self.take(&Token::Close) {
            if let Token::Operator(op) = self.peek()? {
                name = Some(op.clone());
            }
            self.at += 1;
        }
        name
    }

    fn prefix(&mut self) -> Option<Expr> {
        let token = self.peek()?.clone();
        self.at += 1;
        Some(match token {
            Token::Open => {
                let first = self.expr(0)?;
                if self.take(&Token::Close) {
                    return Some(first);
                }
                // A row.
                let mut list = vec![first];
                while self.take(&Token::Comma) {
                    list.push(self.expr(0)?);
                }
                if !self.take(&Token::Close) {
                    return None;
                }
                Expr::Opaque(list)
            }
            Token::Text(text) | Token::Number(text) => Expr::Literal(Some(text)),
            Token::Operator(op) if op == "-" => Expr::Minus(Box::new(self.expr(13)?)),
            Token::Operator(_) => Expr::Opaque(vec![self.expr(8)?]),
            Token::Quoted(name) => self.named(name, true)?,
            Token::Word(word) => match word.to_ascii_uppercase().as_str() {
                "NOT" => Expr::Not(Box::new(self.expr(3)?)),
                "TRUE" => Expr::Bool(true),
                "FALSE" => Expr::Bool(false),
                "NULL" => Expr::Literal(None),
                "CASE" => self.case()?,
                "ARRAY" if self.take(&Token::OpenBracket) => {
                    Expr::Array(self.list(&Token::CloseBracket)?)
                }
                "ROW" if self.take(&Token::Open) => Expr::Opaque(self.list(&Token::Close)?),
                "CURRENT_DATE" | "CURRENT_TIMESTAMP" | "LOCALTIMESTAMP" | "CURRENT_TIME"
                | "LOCALTIME" => {
                    if self.take(&Token::Open) {
                        self.list(&Token::Close)?;
                    }
                    Expr::Call("now".to_owned(), Vec::new())
                }
                "CURRENT_USER" | "SESSION_USER" | "CURRENT_ROLE" | "USER" => {
                    Expr::Opaque(Vec::new())
                }
                _ => self.named(word.to_lowercase(), false)?,
            },
            _ => return None,
        })
    }

    /// A column, or a function by its name.
    fn named(&mut self, mut name: String, quoted: bool) -> Option<Expr> {
        let first = name.clone();
        let start = self.at;
        while self.take(&Token::Dot) {
            name = self.name()?;
        }
        if self.take(&Token::Open) {
            let arguments = self.list(&Token::Close)?;
            return Some(Expr::Call(name.to_lowercase(), arguments));
        }
        if let Some(column) = (self.column)(&first) {
            // What follows the dot is a field of it.
            self.at = start;
            return Some(Expr::Column(column));
        }
        if !quoted && matches!(self.peek(), Some(Token::Text(_))) {
            // `interval '1 day'`
            return self.prefix();
        }
        Some(Expr::Opaque(Vec::new()))
    }

    fn name(&mut self) -> Option<String> {
        let name = match self.peek()? {
            Token::Word(word) => word.to_lowercase(),
            Token::Quoted(name) => name.clone(),
            _ => return None,
        };
        self.at += 1;
        if self.take(&Token::Dot) {
            return self.name();
        }
        Some(name)
    }

    /// Expressions up to `end`; the keywords inside of some calls count as commas.
    fn list(&mut self, end: &Token) -> Option<Vec<Expr>> {
        let mut list = Vec::new();
        loop {
            if self.take(end) {
                return Some(list);
            }
            for word in ["BOTH", "LEADING", "TRAILING", "DISTINCT", "VARIADIC"] {
                self.word(word);
            }
            if self.word("FROM") {
                continue;
            }
            list.push(self.expr(0)?);
            let separated = self.take(&Token::Comma)
                || ["FROM", "FOR", "IN", "PLACING", "AS"]
                    .iter()
                    .any(|word| self.word(word));
            if !separated && self.peek() != Some(end) {
                return None;
            }
        }
    }

    fn case(&mut self) -> Option<Expr> {
        let subject = if self.word("WHEN") {
            self.at -= 1;
            None
        } else {
            Some(self.expr(0)?)
        };
        let mut arms = Vec::new();
        while self.word("WHEN") {
            let mut when = self.expr(0)?;
            if let Some(subject) = &subject {
                let subject = Box::new(subject.clone());
                when = Expr::Binary("=".to_owned(), subject, Box::new(when));
            }
            if !self.word("THEN") {
                return None;
            }
            arms.push((when, self.expr(0)?));
        }
        let otherwise = if self.word("ELSE") {
            Some(Box::new(self.expr(0)?))
        } else {
            None
        };
        self.word("END").then_some(Expr::Case { arms, otherwise })
    }

    fn type_name(&mut self) -> Option<String> {
        let mut name = match self.peek()? {
            Token::Word(word) => word.to_lowercase(),
            Token::Quoted(name) => name.clone(),
            _ => return None,
        };
        self.at += 1;
        while self.take(&Token::Dot) {
            name = self.name()?;
        }
        let second = match name.as_str() {
            "double" => self.word("precision").then_some(" precision"),
            "character" | "bit" => self.word("varying").then_some(" varying"),
            _ => None,
        };
        name.push_str(second.unwrap_or_default());
        if name == "interval" {
            while ["year", "month", "day", "hour", "minute", "second", "to"]
                .iter()
                .any(|word| self.word(word))
            {}
        }
        if self.take(&Token::Open) {
            self.list(&Token::Close)?;
        }
        if name == "timestamp" || name == "time" {
            let _ =
                self.words(&["with", "time", "zone"]) || self.words(&["without", "time", "zone"]);
        }
        while self.take(&Token::OpenBracket) {
            while !self.take(&Token::CloseBracket) {
                self.peek()?;
                self.at += 1;
            }
            name.push_str("[]");
        }
        Some(name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> Expr {
        Expr::parse(text, &|name| {
            ["a", "b", "status", "Odd Name"]
                .iter()
                .position(|column| *column == name)
        })
    }

    fn whole(text: &str) -> Expr {
        let expr = parse(text);
        assert!(!matches!(expr, Expr::Opaque(_)), "{text}: {expr:?}");
        expr
    }

    #[test]
    fn what_postgresql_prints_is_read() {
        for text in [
            "((a > (0)::numeric) AND (b <= '-1'::integer))",
            "((status)::text = ANY ((ARRAY['x'::character varying, 'y'::character varying(20)])::text[]))",
            "((a IS NULL) OR (b IS NOT NULL))",
            "(NOT a)",
            "(num_nonnulls(a, b) = 1)",
            "CASE WHEN (a = 1) THEN (b IS NULL) ELSE true END",
            "((status)::text ~ '^[a-z]+$'::text)",
            "(\"Odd Name\" <> ''::text)",
            "(EXTRACT(day FROM a) = (1)::numeric)",
            "(POSITION(('@'::text) IN (status)) > 1)",
            "(\"substring\"(status, 1, 2) = 'ab'::text)",
            "(TRIM(BOTH FROM status) = status)",
            "(a IS DISTINCT FROM b)",
            "((a)::timestamp without time zone < (b)::timestamp(3) with time zone)",
            "(a >= CURRENT_DATE)",
            "((a AT TIME ZONE 'UTC'::text) > now())",
            "(a OPERATOR(public.=) b)",
            "((a - b) <= '1 day'::interval)",
            "(status = ANY ('{x,y}'::text[]))",
            "(NOT ((a IS NULL) AND (b IS NULL)))",
            "(a)[1] = 5",
        ] {
            whole(text);
        }
        assert_eq!(whole("((a > 1) AND (b < 2))").columns(), [0, 1]);
        assert_eq!(whole("(status = 'x'::text)").literals(), ["x"]);
    }

    #[test]
    fn what_is_not_understood_still_has_its_columns_and_literals() {
        let expr = parse("a ?? ( ] 'lit' status");
        assert!(matches!(expr, Expr::Opaque(_)));
        assert_eq!(expr.columns(), [0, 2]);
        assert_eq!(expr.literals(), ["lit"]);
        parse(&"(".repeat(5000));
    }

    #[test]
    fn operators_bind_as_they_should() {
        let expr = whole("a = 1 OR b = 2 AND status = 'x'");
        let Expr::Or(list) = expr else {
            panic!("{expr:?}")
        };
        assert!(matches!(list[1], Expr::And(_)));
    }
}
