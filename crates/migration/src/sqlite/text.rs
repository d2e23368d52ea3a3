//! Just enough of SQLite's lexical grammar to quote names, to compare DDL and to find out what a
//! piece of DDL mentions.
//!
//! Deliberately absent: a parser. What a statement means is asked of the database itself; this
//! module only has to be right about where tokens begin and end.

use std::fmt;
use std::ops::Range;

/// One token of SQL, in a form where two spellings of the same thing are equal.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Token {
    /// A word without quotes: a keyword or a name, in ASCII lower case.
    Word(String),
    /// A name in double quotes, brackets or backticks, unquoted, in ASCII lower case.
    Name(String),
    /// A string literal, unquoted.
    Text(String),
    /// A number or a blob literal, as written.
    Number(String),
    /// Anything else, one character.
    Mark(char),
}

impl Token {
    /// Whether this is `name`, quoted or not. SQLite compares names without regard to ASCII case.
    pub fn is_name(&self, name: &str) -> bool {
        match self {
            Token::Word(word) | Token::Name(word) => word.eq_ignore_ascii_case(name),
            _ => false,
        }
    }

    /// Whether this is the unquoted word `word`, given in lower case.
    pub fn is_word(&self, word: &str) -> bool {
        matches!(self, Token::Word(mine) if mine == word)
    }
}

/// A quoted and an unquoted spelling of a name are written alike.
impl fmt::Display for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Token::Word(word) | Token::Name(word) => write!(f, "n:{word}"),
            Token::Text(text) => write!(f, "t:{text}"),
            Token::Number(number) => write!(f, "v:{number}"),
            Token::Mark(mark) => write!(f, "m:{mark}"),
        }
    }
}

/// The tokens of `sql`, without blanks and comments.
pub fn tokens(sql: &str) -> Vec<Token> {
    spanned(sql).into_iter().map(|(token, _)| token).collect()
}

/// The same, each with where it stands.
pub fn spanned(sql: &str) -> Vec<(Token, Range<usize>)> {
    let mut found: Vec<(Token, Range<usize>)> = Vec::new();
    let mut rest = sql;
    while let Some(first) = rest.chars().next() {
        let start = sql.len() - rest.len();
        let before = found.len();
        let mut push = |token| found.push((token, start..start));
        let after = &rest[first.len_utf8()..];
        if first.is_ascii_whitespace() {
            rest = after;
        } else if let Some(comment) = rest.strip_prefix("--") {
            rest = comment.find('\n').map_or("", |end| &comment[end..]);
        } else if let Some(comment) = rest.strip_prefix("/*") {
            rest = comment.find("*/").map_or("", |end| &comment[end + 2..]);
        } else if let Some(close) = closing(first) {
            let (text, left) = quoted(after, close);
            push(if first == '\'' {
                Token::Text(text)
            } else {
                Token::Name(text.to_ascii_lowercase())
            });
            rest = left;
        } else if matches!(first, 'x' | 'X') && after.starts_with('\'') {
            let (text, left) = quoted(&after[1..], '\'');
            push(Token::Number(format!("x'{}'", text.to_ascii_lowercase())));
            rest = left;
        } else if is_word(first) {
            let end = rest.find(|c| !is_word(c)).unwrap_or(rest.len());
            let word = rest[..end].to_ascii_lowercase();
            push(if first.is_ascii_digit() {
                Token::Number(word)
            } else {
                Token::Word(word)
            });
            rest = &rest[end..];
        } else {
            push(Token::Mark(first));
            rest = after;
        }
        if let Some((_, span)) = found.get_mut(before) {
            span.end = sql.len() - rest.len();
        }
    }
    found
}

fn closing(open: char) -> Option<char> {
    match open {
        '\'' | '"' | '`' => Some(open),
        '[' => Some(']'),
        _ => None,
    }
}

/// The text up to the closing quote, where a doubled quote stands for one, and what follows.
fn quoted(after: &str, close: char) -> (String, &str) {
    let mut text = String::new();
    let mut rest = after;
    while let Some(at) = rest.find(close) {
        text.push_str(&rest[..at]);
        rest = &rest[at + 1..];
        if close != ']' && rest.starts_with(close) {
            text.push(close);
            rest = &rest[1..];
        } else {
            return (text, rest);
        }
    }
    text.push_str(rest);
    (text, "")
}

fn is_word(c: char) -> bool {
    c.is_ascii_alphanumeric() || c == '_' || c == '$' || !c.is_ascii()
}

/// Whether `sql` has `name` as a token of its own.
pub fn mentions(sql: &str, name: &str) -> bool {
    tokens(sql).iter().any(|token| token.is_name(name))
}

/// The tokens of each group in parentheses that stands directly after the word `word`.
pub fn groups_after<'t>(tokens: &'t [Token], word: &str) -> Vec<&'t [Token]> {
    let mut groups = Vec::new();
    for (at, token) in tokens.iter().enumerate() {
        if token.is_word(word) && tokens.get(at + 1) == Some(&Token::Mark('(')) {
            groups.push(group(&tokens[at + 1..]));
        }
    }
    groups
}

/// The group in parentheses that `tokens` starts with, without its own parentheses.
fn group(tokens: &[Token]) -> &[Token] {
    let mut depth = 0usize;
    for (at, token) in tokens.iter().enumerate() {
        match token {
            Token::Mark('(') => depth += 1,
            Token::Mark(')') if depth == 1 => return &tokens[1..at],
            Token::Mark(')') => depth = depth.saturating_sub(1),
            _ => {}
        }
    }
    tokens.get(1..).unwrap_or_default()
}

/// The parts of a `CREATE TABLE`'s list: one for each column and each table constraint.
pub fn table_parts(create_table: &[Token]) -> Vec<&[Token]> {
    let Some(open) = create_table
        .iter()
        .position(|token| *token == Token::Mark('('))
    else {
        return Vec::new();
    };
    let body = group(&create_table[open..]);
    let mut depth = 0usize;
    body.split(|token| {
        match token {
            Token::Mark('(') => depth += 1,
            Token::Mark(')') => depth = depth.saturating_sub(1),
            _ => {}
        }
        depth == 0 && *token == Token::Mark(',')
    })
    .collect()
}

/// `name` as it must stand in SQL: bare where that is safe, else in double quotes.
pub fn name(name: &str) -> String {
    let plain = name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_')
        && name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_')
        && !KEYWORDS
            .split(' ')
            .any(|word| word.eq_ignore_ascii_case(name));
    if plain {
        name.to_owned()
    } else {
        format!("\"{}\"", name.replace('"', "\"\""))
    }
}

/// `text` as a string literal.
pub fn literal(text: &str) -> String {
    format!("'{}'", text.replace('\'', "''"))
}

/// Every keyword of SQLite 3.54: <https://www.sqlite.org/lang_keywords.html>. `rowid` and
/// its two other names are not keywords, but quoting them changes nothing and warns the reader;
/// `true` and `false` are read as numbers where no column has that name.
pub(crate) const KEYWORDS: &str = "\
     _rowid_ abort action add after all alter always analyze and as asc attach autoincrement \
     before begin between by cascade case cast check collate column commit conflict constraint \
     create cross current current_date current_time current_timestamp database default \
     deferrable deferred delete desc detach distinct do drop each else end escape except \
     exclude exclusive exists explain fail false filter first following for foreign from full \
     generated glob group groups having if ignore immediate in index indexed initially inner \
     insert instead intersect into is isnull join key last left like limit match materialized \
     natural no not nothing notnull null nulls of offset oid on or order others outer over \
     partition plan pragma preceding primary query raise range recursive references regexp \
     reindex release rename replace restrict returning right rollback row rowid rows savepoint \
     select set table temp temporary then ties to transaction trigger true unbounded union \
     unique update using vacuum values view virtual when where window with within without";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_plain_name_stays_bare() {
        assert_eq!(name("Order"), "\"Order\"");
        assert_eq!(name("email_addr"), "email_addr");
        assert_eq!(name("say \"hi\""), "\"say \"\"hi\"\"\"");
        assert_eq!(name("größe"), "\"größe\"");
        assert_eq!(name("2nd"), "\"2nd\"");
        assert_eq!(name(""), "\"\"");
    }

    #[test]
    fn spellings_of_the_same_statement_have_equal_tokens() {
        let one = "CREATE TABLE \"Users\" ([id] INTEGER, -- the key\n a TEXT DEFAULT 'It''s')";
        let two = "create table users(\nid integer, /* , ( */ a text default 'It''s' )";
        let written = |sql| tokens(sql).iter().map(Token::to_string).collect::<Vec<_>>();
        assert_eq!(written(one), written(two));
        assert_ne!(written(one), written(&two.replace("It", "it")));
    }

    #[test]
    fn a_name_inside_a_literal_or_a_comment_is_not_mentioned() {
        assert!(mentions("SELECT U.\"Email\" FROM u", "email"));
        assert!(!mentions(
            "SELECT 'email', emails -- email\n /* email */",
            "email"
        ));
    }

    #[test]
    fn unfinished_text_ends_without_harm() {
        for sql in ["'abc", "\"abc", "/* abc", "-- abc", "(((", ")", "x'"] {
            let all = tokens(sql);
            let _ = (groups_after(&all, "check"), table_parts(&all));
        }
    }

    #[test]
    fn a_table_is_split_into_its_parts() {
        let all = tokens("CREATE TABLE t (a DECIMAL(1,2), b CHECK (b IN (1, 2)), UNIQUE (a, b))");
        let parts = table_parts(&all);
        assert_eq!(parts.len(), 3);
        assert!(parts[0][0].is_name("a"));
        let checks = groups_after(&all, "check");
        assert_eq!(checks.len(), 1);
        assert!(checks[0].iter().any(|token| token.is_name("b")));
    }
}
