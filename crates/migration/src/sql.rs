//! SQL as statements of our own: [`split`] finds where statements begin and end, [`parse`] turns
//! each into [`ir`], and [`tokens`] is for those who edit a statement.
//!
//! The grammar is that of `squawk_syntax`, from the crate `squawk_parser`, and no type of it leaves
//! this module. Everything that is not understood is [`ir::Kind::Unknown`], with the reason, and
//! nothing that follows takes it for safe.
//!
//! Deliberately absent: what a statement does to a database; see [`crate::facts`].

mod dialect;
pub mod ir;
mod lex;
mod literals;
mod lower;
mod plain;
mod plpgsql;
mod read;
mod rows;
mod session;
pub mod split;
mod storage;
mod template;
pub mod tokens;
mod tree;
mod words;

use crate::engine::Engine;

pub use plain::plain;

pub(crate) use literals::strings;
pub(crate) use words::{NAME_BYTES, cut, name_in, rename_word};

/// The statements of a text, in order; what stands in a block or in another statement follows it.
/// A statement that is no SQL is one [`ir::Kind::Unknown`], and those around it are read all the
/// same. Spans are bytes of `text`.
pub fn parse(text: &str, engine: Engine) -> Vec<ir::Statement> {
    let pieces = split::statements(text, engine);
    let mut found = Vec::with_capacity(pieces.len());
    for piece in &pieces {
        read::piece(text, piece, engine, &mut found);
    }
    found.shrink_to_fit();
    found
}

/// Who reads what in each statement of a text, in order. A placeholder such as `$1` may stand where
/// a statement had any constant, as in the texts of `pg_stat_statements`.
pub fn scopes(text: &str, engine: Engine) -> Vec<ir::Scoped> {
    let pieces = split::statements(text, engine);
    let read = |piece| read::scoped(text, piece, engine);
    pieces.iter().filter_map(read).collect()
}
