//! Names and strings as they stand in PostgreSQL's SQL.

use super::Reason;
use super::keywords::is_reserved;
use crate::sql::ir::Name;

/// PostgreSQL cuts longer names: <https://www.postgresql.org/docs/current/limits.html>.
const LONGEST: usize = 63;

/// A name, quoted where it must be.
pub fn name(name: &str) -> String {
    let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_';
    let starts = |c: char| c.is_ascii_lowercase() || c == '_';
    if name.starts_with(starts) && name.chars().all(plain) && !is_reserved(name) {
        name.to_owned()
    } else {
        format!("\"{}\"", name.replace('"', "\"\""))
    }
}

/// A full name, quoted where it must be.
pub fn qualified(full: &Name) -> String {
    match &full.schema {
        Some(schema) => format!("{}.{}", name(schema), name(&full.name)),
        None => name(&full.name),
    }
}

/// A string literal, whatever `standard_conforming_strings` says.
pub fn text(text: &str) -> String {
    let quoted = text.replace('\'', "''");
    if text.contains('\\') {
        format!("E'{}'", quoted.replace('\\', "\\\\"))
    } else {
        format!("'{quoted}'")
    }
}

/// What somebody typed for a table: `users`, `shop.users`, `"Users"`.
pub(super) fn parse(typed: &str) -> Name {
    let mut parts = vec![String::new()];
    let mut quoted = false;
    let mut chars = typed.chars().peekable();
    while let Some(c) = chars.next() {
        let last = parts.last_mut();
        match (c, last) {
            ('"', Some(part)) if quoted && chars.peek() == Some(&'"') => {
                chars.next();
                part.push('"');
            }
            ('"', _) => quoted = !quoted,
            ('.', _) if !quoted => parts.push(String::new()),
            (c, Some(part)) => part.push(c),
            (_, None) => {}
        }
    }
    let name = parts.pop().unwrap_or_default();
    match parts.pop() {
        Some(schema) => Name::qualified(schema, name),
        None => Name::plain(name),
    }
}

/// That something can be called so.
pub(super) fn check(name: &str) -> Result<(), Reason> {
    if name.is_empty() || name.len() > LONGEST || name.contains('\0') {
        return Err(Reason::BadName {
            name: name.to_owned(),
        });
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_quoted_where_they_must_be() {
        for (plain, quoted) in [
            ("users", "users"),
            ("_x1", "_x1"),
            ("user", "\"user\""),
            ("Users", "\"Users\""),
            ("1st", "\"1st\""),
            ("a\"b", "\"a\"\"b\""),
            ("å", "\"å\""),
        ] {
            assert_eq!(name(plain), quoted);
        }
        assert_eq!(text("it's"), "'it''s'");
        assert_eq!(text("a\\'b"), "E'a\\\\''b'");
    }

    #[test]
    fn what_is_typed_for_a_table_is_read() {
        assert_eq!(parse("users"), Name::plain("users"));
        assert_eq!(parse("shop.users"), Name::qualified("shop", "users"));
        assert_eq!(parse("\"a.b\".\"C\"\"d\""), Name::qualified("a.b", "C\"d"));
    }
}
