//! What a rule is. The rules themselves stand in one table for each kind of contract.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::document::Unreadable;
use crate::Level;

/// A kind of contract.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "kebab-case")]
#[schemars(inline)]
pub enum Surface {
    /// OpenAPI 3.0 and 3.1.
    #[serde(rename = "openapi")]
    OpenApi,
    /// JSON Schema, drafts 4 to 2020-12.
    JsonSchema,
    /// Avro schemas.
    Avro,
    /// Protocol buffers.
    Protobuf,
    /// The schema of a database.
    Sql,
}

impl Surface {
    /// Each kind, in the order in which people are told of them.
    pub const ALL: [Surface; 5] = [
        Surface::OpenApi,
        Surface::JsonSchema,
        Surface::Avro,
        Surface::Protobuf,
        Surface::Sql,
    ];

    /// The word that is typed and shown.
    pub const fn word(self) -> &'static str {
        match self {
            Surface::OpenApi => "openapi",
            Surface::JsonSchema => "json-schema",
            Surface::Avro => "avro",
            Surface::Protobuf => "protobuf",
            Surface::Sql => "sql",
        }
    }

    /// What a file seems to be, by its name and, where that says nothing, by the keys at its top; none
    /// if they say nothing either.
    ///
    /// # Errors
    ///
    /// Where it cannot be read.
    pub fn of(path: &str, text: &str) -> Result<Option<Self>, Unreadable> {
        let extension = path.rsplit_once('.').map_or("", |(_, it)| it);
        match extension.to_ascii_lowercase().as_str() {
            "proto" => return Ok(Some(Surface::Protobuf)),
            "sql" => return Ok(Some(Surface::Sql)),
            "avsc" => return Ok(Some(Surface::Avro)),
            _ => {}
        }
        let keys = super::bundle::keys(path, text)?;
        let has = |key: &str| keys.contains_key(key);
        let kind = keys.get("type").map(String::as_str);
        let avro = ["record", "enum", "fixed"].map(Some).contains(&kind) && has("name");
        let found = if has("openapi") || has("swagger") {
            Some(Surface::OpenApi)
        } else if avro {
            Some(Surface::Avro)
        } else if ["$schema", "$ref", "$defs", "type", "properties", "allOf"]
            .into_iter()
            .any(has)
        {
            Some(Surface::JsonSchema)
        } else {
            None
        };
        Ok(found)
    }
}

/// Who writes what a finding is about, and who reads it.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "kebab-case")]
#[schemars(inline)]
pub enum Direction {
    /// We read what others write: a request, data that was stored earlier. To accept less breaks.
    WeRead,
    /// Others read what we write: a response, data that is stored from now on. To send more breaks.
    OthersRead,
    /// Neither: that something is there at all.
    Both,
}

/// How sure a finding is that somebody notices.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Certainty {
    /// Whether anything changed for anybody cannot be told from the contract.
    CannotTell,
    /// There are clients that keep to the contract and do not notice, and others that do.
    MayBreak,
    /// It follows from the contract.
    Proved,
}

impl Direction {
    /// Each of them.
    pub const ALL: [Direction; 3] = [Direction::WeRead, Direction::OthersRead, Direction::Both];

    /// The word that is typed and shown.
    pub const fn word(self) -> &'static str {
        match self {
            Direction::WeRead => "we-read",
            Direction::OthersRead => "others-read",
            Direction::Both => "both",
        }
    }
}

impl Certainty {
    /// As people read it.
    pub const fn word(self) -> &'static str {
        match self {
            Certainty::CannotTell => "cannot tell",
            Certainty::MayBreak => "may break",
            Certainty::Proved => "proved",
        }
    }
}

/// Rules by their names and a table of all of them, from one line each: the name; its words; who reads
/// what it is about; level and certainty; what has changed. The id is a prefix and the words.
macro_rules! named {
    ($(#[$about:meta])* $table:ident $prefix:literal $surface:ident
        $($name:ident $slug:literal, $direction:ident $level:ident $certainty:ident, $line:literal;)+) => {
        $(pub(super) static $name: Rule = Rule {
            id: concat!($prefix, $slug),
            surface: Surface::$surface,
            direction: Direction::$direction,
            level: Level::$level,
            certainty: Certainty::$certainty,
            line: $line,
        };)+

        $(#[$about])*
        pub(crate) static $table: &[&Rule] = &[$(&$name),+];
    };
}
pub(crate) use named;

/// A table of rules, from one line each: its words; level and certainty; what has changed. The id is
/// a prefix and the words.
macro_rules! table {
    ($table:ident $prefix:literal $surface:ident $direction:ident
        $($slug:literal $level:ident $certainty:ident $line:literal;)+) => {
        static $table: &[Rule] = &[$(Rule {
            id: concat!($prefix, $slug),
            surface: Surface::$surface,
            direction: Direction::$direction,
            level: Level::$level,
            certainty: Certainty::$certainty,
            line: $line,
        }),+];
    };
}
pub(crate) use table;

/// What is looked for, and what it means for the version.
#[derive(Debug, PartialEq, Eq, Serialize)]
pub struct Rule {
    /// Its name: words with hyphens, never given a second meaning.
    pub id: &'static str,
    /// The kind of contract.
    pub surface: Surface,
    /// Who reads what it is about.
    pub direction: Direction,
    /// How much the version has to rise at least.
    pub level: Level,
    /// How sure its findings are.
    pub certainty: Certainty,
    /// What has changed, in one line.
    pub line: &'static str,
}

impl Rule {
    /// Whether its findings say that something which worked does not work any more, or may not.
    pub fn breaks(&self) -> bool {
        self.level == Level::Major && self.certainty > Certainty::CannotTell
    }
}
