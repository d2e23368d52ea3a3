//! Tables that become one.

use std::collections::BTreeMap;
use std::str::FromStr;

use clap::Args;
use switchback_migration::operation::request::{Merge, Request};

use super::ids::suggested;
use super::pieces::Given;
use super::{Asked, Common};
use crate::errors::{self, Failure};

/// Make one table out of two that have one row each for one thing
#[derive(Debug, Args)]
#[command(after_help = "Example:
  switchback change new merge-tables --from profiles --into users --as \"name = profile_name\"")]
pub(crate) struct MergeTables {
    /// The table that goes; each of its rows points to one of the other, and no two to the same
    #[arg(long, value_name = "TABLE")]
    from: String,
    /// The table that stays and gets its columns
    #[arg(long, value_name = "TABLE")]
    into: String,
    /// A column by which rows point to the table that stays; once for each. Only needed where
    /// several foreign keys lead there
    #[arg(long, value_name = "COLUMN")]
    by: Vec<String>,
    /// Another name for a column over there; once for each
    #[arg(long = "as", value_name = "COLUMN = NAME")]
    names: Vec<Renamed>,
    /// What the names of all other columns begin with over there
    #[arg(long, value_name = "TEXT", default_value = "")]
    prefix: String,
    #[command(flatten)]
    common: Common,
}

/// A column and its other name: `name = profile_name`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Renamed {
    column: String,
    name: String,
}

impl FromStr for Renamed {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        const FORM: &str = "it must be COLUMN = NAME, such as `name = profile_name`";
        // Both sides are names as a piece of SQL has them, in double quotes where they must be.
        let there: Given = text.parse().map_err(|_| FORM.to_owned())?;
        let (column, value) = there.sides();
        let (name, _) = format!("{value} = 1")
            .parse::<Given>()
            .map_err(|_| FORM.to_owned())?
            .sides();
        Ok(Self { column, name })
    }
}

impl MergeTables {
    pub(super) fn asked(self) -> Result<Asked, Failure> {
        let Self {
            from,
            into,
            by,
            names: given,
            prefix,
            common,
        } = self;
        let mut names = BTreeMap::new();
        for Renamed { column, name } in given {
            if names.insert(column.clone(), name).is_some() {
                return Err(errors::usage(format!("--as says `{column}` more than once")).into());
            }
        }
        let id = suggested(["merge", &from, "into", &into]);
        let request = Request::MergeTables(Merge {
            into,
            from,
            by,
            names,
            prefix,
        });
        Ok(Asked::new(request, id, common))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_said_as_they_stand_in_sql() {
        let renamed = |text: &str| text.parse::<Renamed>().map(|it| (it.column, it.name));
        let pair = |a: &str, b: &str| Ok((a.to_owned(), b.to_owned()));
        assert_eq!(renamed("name = profile_name"), pair("name", "profile_name"));
        assert_eq!(
            renamed("\"Full Name\"=\"The \"\"Name\"\"\""),
            pair("Full Name", "The \"Name\"")
        );
        for wrong in [
            "name",
            "name =",
            "= x",
            "name = a b",
            "name = a(b)",
            "a b = c",
        ] {
            assert!(renamed(wrong).is_err(), "{wrong}");
        }
    }
}
