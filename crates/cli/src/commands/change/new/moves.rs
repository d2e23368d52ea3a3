//! Columns that become other columns: a split, a merge, another type.

use clap::Args;
use switchback_migration::operation::request::{Move, MoveKind, Request};

use super::ids::suggested;
use super::pieces::{Given, Made, by_column};
use super::{Asked, Common};
use crate::errors::{self, Failure};

/// Make several columns out of one
#[derive(Debug, Args)]
#[command(after_help = "Example:
  switchback change new split-column --table users --from full_name \\
    --to \"first_name text = substr(full_name, 1, instr(full_name, ' ') - 1)\" \\
    --to \"last_name text = substr(full_name, instr(full_name, ' ') + 1)\" \\
    --back \"full_name = first_name || ' ' || last_name\"")]
pub(crate) struct SplitColumn {
    /// The table
    #[arg(long)]
    table: String,
    /// The column that goes
    #[arg(long, value_name = "COLUMN")]
    from: String,
    /// A column that comes, with what it gets from the old one; once for each
    #[arg(long, value_name = "COLUMN TYPE = SQL", required = true)]
    to: Vec<Made>,
    /// What the old column gets from the new ones; without it nothing that new code writes can be
    /// seen by old code
    #[arg(long, value_name = "COLUMN = SQL")]
    back: Vec<Given>,
    #[command(flatten)]
    common: Common,
}

/// Make one column out of several
#[derive(Debug, Args)]
#[command(after_help = "Example:
  switchback change new merge-columns --table users --from street --from city \\
    --to \"address text = street || ', ' || city\" \\
    --back \"street = substr(address, 1, instr(address, ', ') - 1)\" \\
    --back \"city = substr(address, instr(address, ', ') + 2)\"")]
pub(crate) struct MergeColumns {
    /// The table
    #[arg(long)]
    table: String,
    /// A column that goes; once for each
    #[arg(long, value_name = "COLUMN", required = true)]
    from: Vec<String>,
    /// The column that comes, with what it gets from the old ones
    #[arg(long, value_name = "COLUMN TYPE = SQL")]
    to: Made,
    /// What an old column gets from the new one; once for each. Without it nothing that new code
    /// writes can be seen by old code
    #[arg(long, value_name = "COLUMN = SQL")]
    back: Vec<Given>,
    #[command(flatten)]
    common: Common,
}

/// Give a column another type, under another name
#[derive(Debug, Args)]
#[command(after_help = "Example:
  switchback change new change-type --table orders --from price \\
    --to \"price_cents bigint = round(price * 100)\" --back \"price = price_cents / 100.0\"")]
pub(crate) struct ChangeType {
    /// The table
    #[arg(long)]
    table: String,
    /// The column that goes
    #[arg(long, value_name = "COLUMN")]
    from: String,
    /// The column that comes, with what it gets from the old one
    #[arg(long, value_name = "COLUMN TYPE = SQL")]
    to: Made,
    /// What the old column gets from the new one; without it nothing that new code writes can be
    /// seen by old code
    #[arg(long, value_name = "COLUMN = SQL")]
    back: Option<Given>,
    #[command(flatten)]
    common: Common,
}

fn moved(
    kind: MoveKind,
    table: String,
    old: Vec<String>,
    new: Vec<Made>,
    back: Vec<Given>,
) -> Result<Request, Failure> {
    let back = by_column(back)
        .map_err(|column| errors::usage(format!("--back says `{column}` more than once")))?;
    if let Some(other) = back.keys().find(|column| !old.contains(column)) {
        let found = errors::usage(format!("--back says `{other}`, which --from does not name"));
        let known = old.join("`, `");
        return Err(found
            .hint(format!("it says what an old column gets: `{known}`"))
            .into());
    }
    Ok(Request::Move(Move {
        kind,
        table,
        old,
        new: new.into_iter().map(Into::into).collect(),
        back,
    }))
}

impl SplitColumn {
    pub(super) fn asked(self) -> Result<Asked, Failure> {
        let Self {
            table,
            from,
            to,
            back,
            common,
        } = self;
        if to.len() < 2 {
            return Err(errors::usage("a split needs at least two --to")
                .hint("one column that becomes one other is `switchback change new change-type`")
                .into());
        }
        let id = suggested(["split", &table, &from]);
        let request = moved(MoveKind::Split, table, vec![from], to, back)?;
        Ok(Asked::new(request, id, common))
    }
}

impl MergeColumns {
    pub(super) fn asked(self) -> Result<Asked, Failure> {
        let Self {
            table,
            from,
            to,
            back,
            common,
        } = self;
        if from.len() < 2 {
            return Err(errors::usage("a merge needs at least two --from")
                .hint("one column that becomes one other is `switchback change new change-type`")
                .into());
        }
        let words = ["merge", &table];
        let id = suggested(words.into_iter().chain(from.iter().map(String::as_str)));
        let request = moved(MoveKind::Merge, table, from, vec![to], back)?;
        Ok(Asked::new(request, id, common))
    }
}

impl ChangeType {
    pub(super) fn asked(self) -> Result<Asked, Failure> {
        let Self {
            table,
            from,
            to,
            back,
            common,
        } = self;
        let id = suggested(["change-type", &table, &from]);
        let back = back.into_iter().collect();
        let request = moved(MoveKind::ChangeType, table, vec![from], vec![to], back)?;
        Ok(Asked::new(request, id, common))
    }
}
