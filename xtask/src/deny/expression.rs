//! SPDX licence expressions: `MIT OR (Apache-2.0 WITH LLVM-exception AND Zlib)`.

/// A licence expression.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Expression {
    /// A licence, with its exception if it has one: `Apache-2.0 WITH LLVM-exception`.
    Licence(String),
    All(Box<Expression>, Box<Expression>),
    Any(Box<Expression>, Box<Expression>),
}

impl Expression {
    /// `None` if the text is no expression. `/` is the old way to write `OR`.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let spaced = text
            .replace('(', " ( ")
            .replace(')', " ) ")
            .replace('/', " OR ");
        let words: Vec<&str> = spaced.split_whitespace().collect();
        let mut rest = words.as_slice();
        let expression = any(&mut rest)?;
        rest.is_empty().then_some(expression)
    }

    /// Whether the licences that `allowed` accepts are enough.
    pub(crate) fn satisfied(&self, allowed: &dyn Fn(&str) -> bool) -> bool {
        match self {
            Expression::Licence(licence) => allowed(licence),
            Expression::All(left, right) => left.satisfied(allowed) && right.satisfied(allowed),
            Expression::Any(left, right) => left.satisfied(allowed) || right.satisfied(allowed),
        }
    }
}

fn any(words: &mut &[&str]) -> Option<Expression> {
    let mut left = all(words)?;
    while take(words, "OR") {
        left = Expression::Any(Box::new(left), Box::new(all(words)?));
    }
    Some(left)
}

/// `AND` binds tighter than `OR`.
fn all(words: &mut &[&str]) -> Option<Expression> {
    let mut left = one(words)?;
    while take(words, "AND") {
        left = Expression::All(Box::new(left), Box::new(one(words)?));
    }
    Some(left)
}

fn one(words: &mut &[&str]) -> Option<Expression> {
    if take(words, "(") {
        let inner = any(words)?;
        return take(words, ")").then_some(inner);
    }
    let mut licence = name(words)?.to_owned();
    if take(words, "WITH") {
        licence = format!("{licence} WITH {}", name(words)?);
    }
    Some(Expression::Licence(licence))
}

fn name<'a>(words: &mut &[&'a str]) -> Option<&'a str> {
    let (first, rest) = words.split_first()?;
    let valid = |c: char| c.is_ascii_alphanumeric() || "-.+:".contains(c);
    if ["AND", "OR", "WITH"].contains(first) || !first.chars().all(valid) {
        return None;
    }
    *words = rest;
    Some(first)
}

fn take(words: &mut &[&str], word: &str) -> bool {
    match words.split_first() {
        Some((first, rest)) if *first == word => {
            *words = rest;
            true
        }
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn satisfied(text: &str) -> bool {
        let allowed = ["MIT", "Zlib", "Apache-2.0 WITH LLVM-exception"];
        Expression::parse(text)
            .unwrap()
            .satisfied(&|licence| allowed.contains(&licence))
    }

    #[test]
    fn choices_and_duties() {
        for fine in [
            "MIT",
            "GPL-3.0-only OR MIT",
            "GPL-3.0-only/MIT",
            "MIT AND Zlib",
            "Apache-2.0 WITH LLVM-exception",
            "(GPL-3.0-only OR MIT) AND Zlib",
            "GPL-3.0-only AND GPL-2.0-only OR MIT",
        ] {
            assert!(satisfied(fine), "{fine}");
        }
        for bad in [
            "GPL-3.0-only",
            "MIT AND GPL-3.0-only",
            "Apache-2.0",
            "MIT WITH LLVM-exception",
            "(GPL-3.0-only OR MIT) AND GPL-2.0-only",
            "GPL-3.0-only OR MIT AND GPL-2.0-only",
        ] {
            assert!(!satisfied(bad), "{bad}");
        }
    }

    #[test]
    fn what_is_no_expression_is_none() {
        for bad in [
            "", "MIT OR", "OR MIT", "(MIT", "MIT)", "MIT Zlib", "MIT WITH", "a,b", "()",
        ] {
            assert_eq!(Expression::parse(bad), None, "{bad}");
        }
    }
}
