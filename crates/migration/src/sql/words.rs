//! What tokens say: names folded as the database folds them, strings without quotes.

use std::borrow::Cow;

use super::ir::Name;
use super::lex::{Kind, Lexer};
use crate::engine::Engine;

/// How many bytes a name has at most: `NAMEDATALEN - 1`, see
/// <https://www.postgresql.org/docs/current/sql-syntax-lexical.html#SQL-SYNTAX-IDENTIFIERS>.
pub(crate) const NAME_BYTES: usize = 63;

/// A name as PostgreSQL keeps it: folded to lower case unless it is quoted, and cut to
/// [`NAME_BYTES`].
pub(super) fn name(token: &str) -> String {
    let mut name = if let Some(inner) = unquoted(token, '"') {
        inner.into_owned()
    } else if token.len() > 2 && token.is_char_boundary(2) && token[..2].eq_ignore_ascii_case("u&")
    {
        let (literal, escape) = with_escape(&token[2..]);
        let inner = unquoted(literal, '"').unwrap_or(Cow::Borrowed(literal));
        unicode(&inner, escape)
    } else {
        token.to_ascii_lowercase()
    };
    cut(&mut name, NAME_BYTES);
    name
}

/// A name as the engine compares it. Others than PostgreSQL do not look at case, quoted or not.
pub(super) fn name_of(token: &str, engine: Engine) -> String {
    match engine {
        Engine::Postgres => name(token),
        Engine::Sqlite | Engine::Mysql => {
            let open = token.chars().next();
            let inner = match open {
                Some(quote @ ('"' | '`' | '\'')) => unquoted(token, quote),
                Some('[') => token
                    .strip_prefix('[')
                    .map(|it| Cow::Borrowed(it.strip_suffix(']').unwrap_or(it))),
                _ => None,
            };
            inner.unwrap_or(Cow::Borrowed(token)).to_lowercase()
        }
    }
}

/// Cuts a text to so many bytes, between characters.
pub(crate) fn cut(text: &mut String, bytes: usize) {
    if text.len() > bytes {
        let mut at = bytes;
        while !text.is_char_boundary(at) {
            at -= 1;
        }
        text.truncate(at);
    }
}

/// What stands between quotes, each two of them made one. None where there are no quotes.
fn unquoted(token: &str, quote: char) -> Option<Cow<'_, str>> {
    let inner = token.strip_prefix(quote)?;
    let inner = inner.strip_suffix(quote).unwrap_or(inner);
    Some(if inner.contains(quote) {
        let two: String = [quote, quote].iter().collect();
        Cow::Owned(inner.replace(&two, quote.encode_utf8(&mut [0; 4])))
    } else {
        Cow::Borrowed(inner)
    })
}

/// What a string says, whatever its form: `'…'`, `E'…'`, `U&'…'`, `$$…$$`, and several of them one
/// after the other. Numbers and words say what they are.
pub(super) fn string(token: &str) -> String {
    let bytes = token.as_bytes();
    match bytes {
        [b'\'', ..] => joined(token, false, str::to_owned),
        [b'e' | b'E', b'\'', ..] => joined(&token[1..], true, escaped),
        [b'b' | b'B' | b'x' | b'X' | b'n' | b'N', b'\'', ..] => {
            joined(&token[1..], false, str::to_owned)
        }
        [b'u' | b'U', b'&', b'\'', ..] => {
            let (literal, escape) = with_escape(&token[2..]);
            joined(literal, false, |inner| unicode(inner, escape))
        }
        [b'$', ..] => dollar(token).map_or_else(|| token.to_owned(), str::to_owned),
        _ => token.to_owned(),
    }
}

/// What stands in dollar quotes.
pub(super) fn dollar(token: &str) -> Option<&str> {
    let tag = token.strip_prefix('$')?.find('$')? + 2;
    let inner = token.get(tag..)?;
    Some(inner.strip_suffix(&token[..tag]).unwrap_or(inner))
}

/// The inner texts of the parts `'a' 'b'`, each read by `read`; with `escapes`, a quote after a
/// backslash does not end one.
fn joined(token: &str, escapes: bool, read: impl Fn(&str) -> String) -> String {
    let mut all = String::new();
    let mut rest = token;
    while let Some(begin) = rest.find('\'') {
        let bytes = rest.as_bytes();
        let mut at = begin + 1;
        let mut doubled = false;
        while at < bytes.len() {
            match bytes[at] {
                b'\\' if escapes => at += 1,
                b'\'' if bytes.get(at + 1) == Some(&b'\'') => {
                    doubled = true;
                    at += 1;
                }
                b'\'' => break,
                _ => {}
            }
            at += 1;
        }
        let at = at.min(bytes.len());
        let inner = rest.get(begin + 1..at).unwrap_or_default();
        all.push_str(&if doubled {
            read(&inner.replace("''", "'"))
        } else {
            read(inner)
        });
        rest = rest.get(at + 1..).unwrap_or_default();
    }
    all
}

/// Splits `'…' UESCAPE '!'`.
fn with_escape(token: &str) -> (&str, char) {
    let lower = token.to_ascii_lowercase();
    if let Some(at) = lower.rfind("uescape")
        && let Some(escape) = token[at + 7..].trim().trim_matches('\'').chars().next()
        && token[at..].len() < 16
    {
        return (token[..at].trim_end(), escape);
    }
    (token, '\\')
}

/// Reads `\0061` and `\+000061`.
fn unicode(inner: &str, escape: char) -> String {
    let mut all = String::with_capacity(inner.len());
    let mut rest = inner.chars();
    while let Some(one) = rest.next() {
        if one != escape {
            all.push(one);
            continue;
        }
        let text = rest.as_str();
        let digits = match text.strip_prefix('+') {
            Some(long) => long.get(..6).map(|it| (it, 7)),
            None => text.get(..4).map(|it| (it, 4)),
        };
        let read = digits.and_then(|(it, length)| {
            Some((char::from_u32(u32::from_str_radix(it, 16).ok()?)?, length))
        });
        if let Some((read, length)) = read {
            all.push(read);
            rest = text.get(length..).unwrap_or_default().chars();
        } else {
            // The escape twice is itself.
            if text.starts_with(escape) {
                rest.next();
            }
            all.push(one);
        }
    }
    all
}

/// Reads backslash escapes: <https://www.postgresql.org/docs/current/sql-syntax-lexical.html#SQL-SYNTAX-STRINGS-ESCAPE>.
fn escaped(inner: &str) -> String {
    let mut all = String::with_capacity(inner.len());
    let mut rest = inner.chars();
    while let Some(one) = rest.next() {
        if one != '\\' {
            all.push(one);
            continue;
        }
        let Some(next) = rest.next() else {
            break;
        };
        let mut number = |most: usize, radix: u32, first: &str| {
            let text = rest.as_str();
            let length = text
                .chars()
                .take(most)
                .take_while(|it| it.is_digit(radix))
                .count();
            let read = format!("{first}{}", &text[..length]);
            rest = text[length..].chars();
            u32::from_str_radix(&read, radix)
                .ok()
                .and_then(char::from_u32)
        };
        let read = match next {
            'n' => Some('\n'),
            't' => Some('\t'),
            'r' => Some('\r'),
            'b' => Some('\u{8}'),
            'f' => Some('\u{c}'),
            'x' => number(2, 16, ""),
            'u' => number(4, 16, ""),
            'U' => number(8, 16, ""),
            '0'..='7' => number(2, 8, next.encode_utf8(&mut [0; 4])),
            other => Some(other),
        };
        all.extend(read);
    }
    all
}

/// The name that a text is, with its schema if there is one: `a."B"`. None if it is anything else.
pub(crate) fn name_in(text: &str) -> Option<Name> {
    let mut lexer = Lexer::new(text, Engine::Postgres);
    let mut parts = Vec::new();
    loop {
        let part = lexer.token()?;
        if !matches!(part.kind, Kind::Word | Kind::Quoted) {
            return None;
        }
        parts.push(name(part.text(text)));
        match lexer.token() {
            None => break,
            Some(dot) if dot.marks(b'.') => {}
            Some(_) => return None,
        }
    }
    let name = parts.pop()?;
    let schema = parts.pop();
    Some(Name { schema, name })
}

/// A text of PostgreSQL in which one name is put for another wherever it stands as a word of its own.
pub(crate) fn rename_word(text: &str, from: &str, to: &str) -> String {
    let mut lexer = Lexer::new(text, Engine::Postgres);
    let mut all = String::with_capacity(text.len());
    let mut copied = 0;
    while let Some(token) = lexer.any() {
        let named = matches!(token.kind, Kind::Word | Kind::Quoted);
        if named && name(token.text(text)) == from {
            all.push_str(text.get(copied..token.start).unwrap_or_default());
            all.push_str(&Name::plain(to).to_string());
            copied = token.end;
        }
    }
    all.push_str(text.get(copied..).unwrap_or_default());
    all
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_fold_as_in_the_database() {
        assert_eq!(name("FooBar"), "foobar");
        assert_eq!(name("\"Foo\"\"Bar\""), "Foo\"Bar");
        assert_eq!(name("ÄB"), "Äb");
        assert_eq!(name("U&\"d\\0061t\\+000061\""), "data");
        assert_eq!(name("u&\"d!0061t!!\" UESCAPE '!'"), "dat!");
        assert_eq!(name(&"é".repeat(40)).len(), 62);
        assert_eq!(name_of("`A``b`", Engine::Mysql), "a`b");
        assert_eq!(name_of("[A b]", Engine::Sqlite), "a b");
        assert_eq!(name_of("\"A\"", Engine::Sqlite), "a");
    }

    #[test]
    fn strings_say_what_they_mean() {
        for (token, says) in [
            ("'a''b'", "a'b"),
            ("'a' \n 'b'", "ab"),
            (r"'a\'", r"a\"),
            (r"E'a\'b\n\x41\101\u00e9'", "a'b\nAA\u{e9}"),
            (r"U&'d\0061t'", "dat"),
            ("$x$a$$b$x$", "a$$b"),
            ("$$", ""),
            ("12", "12"),
            ("b'10'", "10"),
        ] {
            assert_eq!(string(token), says, "{token}");
        }
    }
}
