//! In which pieces a tool sends the SQL of a way.

use std::ops::Range;

use super::sections::{goose, sql_migrate, trimmed};
use super::{Part, Tool};

/// The pieces of a part that `tool` sends one after another, as places in the text of its file,
/// without the white space around them. None where the tool takes statements apart by rules of its
/// own that are not kept here (Flyway, Atlas, Supabase): those of the SQL come next to it.
///
/// The pieces of goose and sql-migrate end where a line ends with `;`, unless markers keep lines
/// together; those of Drizzle at `--> statement-breakpoint`. All others send a part whole. See the
/// modules of the tools for their sources.
pub fn pieces(tool: Tool, text: &str, part: &Part) -> Option<Vec<Range<usize>>> {
    let within = |pieces: Vec<Range<usize>>| {
        let inside = |piece: &Range<usize>| {
            part.span.start <= piece.start && piece.end <= part.span.end && !piece.is_empty()
        };
        pieces.into_iter().filter(inside).collect()
    };
    if !part.readable {
        return Some(Vec::new());
    }
    match tool {
        Tool::Flyway | Tool::Atlas | Tool::Supabase => None,
        Tool::Goose => Some(within(goose::divide(text).pieces)),
        Tool::SqlMigrate => Some(within(sql_migrate::divide(text).pieces)),
        Tool::Drizzle => {
            const BREAK: &str = "--> statement-breakpoint";
            let mut from = part.span.start;
            let sql = text.get(part.span.clone()).unwrap_or_default();
            let pieces = sql
                .split(BREAK)
                .map(|piece| {
                    let start = from;
                    from += piece.len() + BREAK.len();
                    trimmed(text, start..start + piece.len())
                })
                .collect();
            Some(within(pieces))
        }
        Tool::Sqlx
        | Tool::Diesel
        | Tool::GolangMigrate
        | Tool::Dbmate
        | Tool::Refinery
        | Tool::Prisma
        | Tool::NodePgMigrate
        | Tool::Plain => Some(within(vec![trimmed(text, part.span.clone())])),
    }
}
