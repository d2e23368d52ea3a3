//! From a piece of text to its statements.

use super::ir::{Kind, Mention, Scope, Scoped, Source as From, Span, Statement, Unknown};
use super::lex::{Kind as Is, Lexer};
use super::split::{Piece, PieceKind};
use super::tree::{Failure, Node, Tree};
use super::{dialect, lower, plpgsql, rows, session, storage, template};
use crate::engine::Engine;
use squawk_parser::SyntaxKind as K;

/// How deeply a statement may be nested. The parser calls itself for each level.
const DEPTH: usize = 100;
/// How long a statement may be that is read with a grammar, in bytes. It takes some 50 bytes of
/// memory for each.
const LONGEST: usize = 16 << 20;
/// How many blocks may stand inside each other.
const BLOCKS: usize = 4;

/// Reads the statements of one piece of a text.
pub(super) fn piece(text: &str, piece: &Piece, engine: Engine, found: &mut Vec<Statement>) {
    let written = text.get(piece.body.clone()).unwrap_or_default();
    match piece.kind {
        PieceKind::Empty | PieceKind::CopyData => {}
        PieceKind::ClientCommand => found.push(Statement {
            span: piece.body.clone(),
            kind: client(written),
            conditional: false,
        }),
        PieceKind::Sql => statement(
            &Source {
                parsed: written,
                written,
                offset: piece.body.start,
                engine,
                blocks: 0,
            },
            found,
        ),
    }
}

/// The text of one statement.
pub(super) struct Source<'t> {
    /// What is read, and what stands in the file. Both are equally long.
    pub(super) parsed: &'t str,
    pub(super) written: &'t str,
    /// Where it begins in the file.
    pub(super) offset: usize,
    pub(super) engine: Engine,
    /// In how many blocks it stands.
    pub(super) blocks: usize,
}

impl Source<'_> {
    fn span(&self) -> Span {
        self.offset..self.offset + self.parsed.len()
    }

    fn unknown(&self, reason: Unknown) -> Statement {
        Statement {
            span: self.span(),
            kind: Kind::Unknown { reason },
            conditional: false,
        }
    }
}

/// Commands of `psql` that change nothing in a database.
const IDLE: [&str; 18] = [
    "\\a",
    "\\echo",
    "\\encoding",
    "\\f",
    "\\h",
    "\\H",
    "\\pset",
    "\\qecho",
    "\\restrict",
    "\\set",
    "\\t",
    "\\timing",
    "\\unrestrict",
    "\\unset",
    "\\warn",
    "\\x",
    "\\p",
    "\\conninfo",
];

fn client(line: &str) -> Kind {
    let command = line.split_whitespace().next().unwrap_or_default();
    if IDLE.contains(&command) || command.eq_ignore_ascii_case("delimiter") {
        return Kind::Harmless {
            what: command.to_owned(),
        };
    }
    Kind::Unknown {
        reason: Unknown::ClientCommand {
            what: command.to_owned(),
        },
    }
}

/// Reads one statement.
pub(super) fn statement(source: &Source<'_>, found: &mut Vec<Statement>) {
    let quick = session::read(source.parsed, source.engine)
        .or_else(|| rows::read(source.parsed, source.engine));
    if let Some(kind) = quick {
        found.push(Statement {
            span: source.span(),
            kind,
            conditional: false,
        });
        return;
    }
    if let Some(message) = too_much(source) {
        found.push(source.unknown(Unknown::Syntax {
            message,
            span: source.span(),
        }));
        return;
    }
    if source.engine == Engine::Postgres {
        with_grammar(source, found);
        return;
    }
    let mut read = dialect::read(source.parsed, source.offset, source.engine);
    let mut own = Vec::new();
    if let Some(parsed) = read.text.take() {
        with_grammar(
            &Source {
                parsed: &parsed,
                ..*source
            },
            &mut own,
        );
    }
    dialect::finish(read, &mut own);
    found.append(&mut own);
}

/// Why a text is not given to the parser, which would need too much memory or stack.
fn too_much(source: &Source<'_>) -> Option<String> {
    if source.parsed.len() > LONGEST {
        return Some(format!("longer than {} MiB", LONGEST >> 20));
    }
    (nested(source.parsed, source.engine) > DEPTH)
        .then(|| format!("nested more than {DEPTH} levels deep"))
}

/// How deeply what makes the parser call itself is nested at most: parentheses, `CASE`, prefix
/// operators and words that act as such, comparisons of comparisons, joins in joins, and names in
/// names.
fn nested(sql: &str, engine: Engine) -> usize {
    let mut lexer = Lexer::new(sql, engine);
    let mut most = 0;
    // Of each parenthesis that is open, how many sides of comparisons and joins hang on each other.
    let mut levels = vec![Level::default()];
    let mut hanging = 0_usize;
    let mut cases = 0_usize;
    let mut run = 0_usize;
    let mut dots = 0_usize;
    while let Some(token) = lexer.token() {
        let mut goes_on = false;
        let mut level = levels.last().copied().unwrap_or_default();
        let before = level.sum();
        match token.kind {
            Is::Word => match word(token.text(sql)) {
                Word::Prefix => goes_on = true,
                Word::Opens => cases += 1,
                Word::Closes => cases = cases.saturating_sub(1),
                Word::Joins => level.joins += 1,
                Word::Condition => level.joins = level.joins.saturating_sub(1),
                Word::Divides => level.comparisons = 0,
                Word::Other => {}
            },
            Is::Mark(b'(' | b'[' | b'{') => levels.push(Level::default()),
            Is::Mark(b')' | b']' | b'}') if levels.len() > 1 => {
                levels.pop();
                hanging -= before;
            }
            Is::Mark(b',') => level = Level::default(),
            Is::Mark(b')' | b']' | b'}' | b';' | b'.') => {}
            Is::Mark(mark) => {
                goes_on = true;
                level.comparisons += usize::from(matches!(mark, b'=' | b'<' | b'>' | b'!'));
            }
            _ => {}
        }
        let brackets = matches!(
            token.kind,
            Is::Mark(b'(' | b'[' | b'{' | b')' | b']' | b'}')
        );
        if let Some(last) = levels.last_mut().filter(|_| !brackets) {
            *last = level;
            hanging = hanging - before + level.sum();
        }
        run = if goes_on { run + 1 } else { 0 };
        dots = match token.kind {
            Is::Mark(b'.') => dots + 1,
            Is::Word | Is::Quoted => dots,
            _ => 0,
        };
        most = most.max(levels.len() - 1 + hanging + cases + run + dots);
    }
    most
}

/// What hangs on each other inside of one parenthesis.
#[derive(Debug, Clone, Copy, Default)]
struct Level {
    comparisons: usize,
    joins: usize,
}

impl Level {
    fn sum(self) -> usize {
        self.comparisons + self.joins
    }
}

/// What a word does to how deeply something is nested.
enum Word {
    Prefix,
    Opens,
    Closes,
    Joins,
    Condition,
    Divides,
    Other,
}

fn word(text: &str) -> Word {
    if text.len() > 7 {
        return Word::Other;
    }
    let is = |words: &[&str]| words.iter().any(|word| text.eq_ignore_ascii_case(word));
    match text.as_bytes().first().map(u8::to_ascii_lowercase) {
        Some(b'a') if is(&["all", "any", "analyze"]) => Word::Prefix,
        Some(b'a') if is(&["and"]) => Word::Divides,
        Some(b'b') if is(&["between"]) => Word::Prefix,
        Some(b'c') if is(&["case"]) => Word::Opens,
        Some(b'e') if is(&["end"]) => Word::Closes,
        Some(b'e') if is(&["explain"]) => Word::Prefix,
        Some(b'j') if is(&["join"]) => Word::Joins,
        Some(b'n') if is(&["not"]) => Word::Prefix,
        Some(b'o') if is(&["on"]) => Word::Condition,
        Some(b'o') if is(&["or"]) => Word::Divides,
        Some(b's') if is(&["select", "set"]) => Word::Divides,
        Some(b'u') if is(&["using"]) => Word::Condition,
        Some(b'w') if is(&["with"]) => Word::Prefix,
        Some(b'w') if is(&["where", "when"]) => Word::Divides,
        Some(b't') if is(&["then"]) => Word::Divides,
        _ => Word::Other,
    }
}

fn with_grammar(source: &Source<'_>, found: &mut Vec<Statement>) {
    let Err(failure) = parsed(source, found) else {
        return;
    };
    if source.engine == Engine::Postgres
        && let Some(without) = storage::without(source.parsed)
    {
        let first = found.len();
        let again = Source {
            parsed: &without.text,
            ..*source
        };
        if parsed(&again, found).is_ok() {
            let read = found.get_mut(first..).unwrap_or_default();
            return without.finish(source.offset, read);
        }
    }
    let reason = if template::is_one(source.written) {
        Unknown::Template
    } else {
        Unknown::Syntax {
            message: failure.message,
            span: failure.at,
        }
    };
    found.push(source.unknown(reason));
}

/// Reads a text if the grammar takes it.
fn parsed(source: &Source<'_>, found: &mut Vec<Statement>) -> Result<(), Failure> {
    let tree = Tree::parse(source.parsed, source.written, source.offset, source.engine)?;
    if let Some(root) = tree.root() {
        lowered(source, root, found);
    }
    Ok(())
}

fn lowered(source: &Source<'_>, root: Node<'_>, found: &mut Vec<Statement>) {
    let mut statements = root.nodes().filter(|it| it.kind() != K::EMPTY_STMT);
    let (Some(node), second) = (statements.next(), statements.next()) else {
        return;
    };
    if let Some(second) = second {
        let at = second.span().start;
        found.push(source.unknown(Unknown::Syntax {
            message: "a semicolon is missing".to_owned(),
            span: at..at,
        }));
        return;
    }
    let first = found.len();
    lower::statement(node, found);
    if node.kind() == K::DO && source.blocks < BLOCKS {
        plpgsql::read_do(source, first, found);
    }
}

/// Who reads what in one piece of a text.
pub(super) fn scoped(text: &str, piece: &Piece, engine: Engine) -> Option<Scoped> {
    let written = text.get(piece.body.clone()).unwrap_or_default();
    match piece.kind {
        PieceKind::Empty | PieceKind::CopyData => return None,
        PieceKind::ClientCommand => return Some(Scoped::Other(vec![client(written)])),
        PieceKind::Sql => {}
    }
    if let Some(kind) = session::read(written, engine) {
        return Some(Scoped::Other(vec![kind]));
    }
    if let Some(Kind::Insert { table, columns, .. }) = rows::read(written, engine) {
        return Some(Scoped::Query(inserted(table, columns)));
    }
    // Where a constant stood that the grammar wants as one, the placeholder is none: `interval $1`.
    let tried = scoped_as(written, engine);
    Some(match tried {
        Scoped::Unknown(reason) => match scoped_as(&with_constants(written, engine), engine) {
            Scoped::Unknown(_) => Scoped::Unknown(reason),
            read => read,
        },
        tried => tried,
    })
}

fn scoped_as(sql: &str, engine: Engine) -> Scoped {
    let mut source = Source {
        parsed: sql,
        written: sql,
        offset: 0,
        engine,
        blocks: BLOCKS,
    };
    if let Some(reason) = too_much(&source) {
        return Scoped::Unknown(reason);
    }
    let changed;
    if engine != Engine::Postgres {
        let mut read = dialect::read(sql, 0, engine);
        match read.text.take() {
            Some(text) => changed = text,
            None => return others(read.besides),
        }
        source.parsed = &changed;
    }
    let tree = match Tree::parse(source.parsed, sql, 0, engine) {
        Ok(tree) => tree,
        Err(failure) => return Scoped::Unknown(failure.message),
    };
    let root = tree.root();
    let mut statements = root
        .into_iter()
        .flat_map(super::tree::Node::nodes)
        .filter(|it| it.kind() != K::EMPTY_STMT);
    match (statements.next(), statements.next()) {
        (Some(node), None) => lower::scope::lower(node).map_or_else(
            || {
                let mut found = Vec::new();
                lower::statement(node, &mut found);
                others(found)
            },
            Scoped::Query,
        ),
        (None, _) => Scoped::Other(Vec::new()),
        (Some(_), Some(_)) => Scoped::Unknown("a semicolon is missing".to_owned()),
    }
}

fn others(statements: Vec<Statement>) -> Scoped {
    Scoped::Other(statements.into_iter().map(|it| it.kind).collect())
}

/// `INSERT INTO t (…) VALUES …`, which needs no grammar.
fn inserted(table: super::ir::Name, columns: Vec<String>) -> Scope {
    let mut mentions: Vec<Mention> = columns
        .into_iter()
        .map(|name| Mention::Column { of: None, name })
        .collect();
    if mentions.is_empty() {
        mentions.push(Mention::Places);
    }
    Scope {
        sources: vec![From {
            known_as: table.name.clone(),
            relation: Some(table),
        }],
        mentions,
        ..Scope::default()
    }
}

/// The text with a constant in place of each placeholder: `$1`, and in SQLite also `?`, `?1`,
/// `:name` and `@name`.
fn with_constants(sql: &str, engine: Engine) -> String {
    let mut made = String::with_capacity(sql.len() + 16);
    let mut lexer = Lexer::new(sql, engine);
    let mut copied = 0;
    while let Some(token) = lexer.token() {
        let mut end = token.end;
        match token.kind {
            Is::Parameter => {}
            Is::Mark(b'?' | b':' | b'@' | b'$') if engine == Engine::Sqlite => {
                let named = sql.get(end..).unwrap_or_default();
                end += named
                    .find(|c: char| !(c.is_alphanumeric() || c == '_'))
                    .unwrap_or(named.len());
                if end == token.end && !token.marks(b'?') {
                    continue;
                }
                lexer.seek(end);
            }
            _ => continue,
        }
        made.push_str(sql.get(copied..token.start).unwrap_or_default());
        made.push_str("'1'");
        copied = end;
    }
    made.push_str(sql.get(copied..).unwrap_or_default());
    made
}
