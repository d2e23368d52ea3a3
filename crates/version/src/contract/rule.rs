//! What a rule is. The rules themselves stand in one table for each kind of contract.

use serde::Serialize;

use crate::Level;

/// A kind of contract.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Surface {
    /// OpenAPI 3.0 and 3.1.
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

/// Who writes what a finding is about, and who reads it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "kebab-case")]
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
