//! What can change in an Avro schema: one line each.

use crate::Level;
use crate::contract::rule::{Certainty, Direction, Rule, Surface, table};

/// One line each: the name; its words; what it means where we read; the same where others read; what
/// has changed.
macro_rules! changes {
    ($($name:ident $slug:literal, $rl:ident $rc:ident, $wl:ident $wc:ident, $line:literal;)+) => {
        /// A change of an Avro schema.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub(crate) enum Change { $($name),+ }

        table!(READ "avro-read-" Avro WeRead $($slug $rl $rc $line;)+);
        table!(WRITE "avro-write-" Avro OthersRead $($slug $wl $wc $line;)+);
    };
}

changes! {
    TypeChanged "type-changed", Major Proved, Major Proved, "a type is another one";
    TypeNarrowed "type-narrowed", Major Proved, Minor Proved, "a type holds less";
    TypePromoted "type-promoted", Minor Proved, Major Proved, "a type holds more";
    NameChanged "name-changed", Major Proved, Major Proved, "a named type has another name";
    SizeChanged "size-changed", Major Proved, Major Proved, "a fixed type has another size";
    LogicalChanged "logical-type-changed", Major MayBreak, Major MayBreak, "the same bytes mean something else";
    FieldAddedBare "field-added-without-default", Major Proved, Minor Proved, "a field without a default was added";
    FieldAdded "field-added", Minor Proved, Minor Proved, "a field with a default was added";
    FieldRemovedBare "field-removed-without-default", Minor MayBreak, Major Proved, "a field without a default is gone";
    FieldRemoved "field-removed", Minor MayBreak, Minor MayBreak, "a field with a default is gone";
    SymbolRemoved "symbol-removed", Major Proved, Patch Proved, "a symbol of an enum is gone";
    SymbolAdded "symbol-added", Minor Proved, Major Proved, "a symbol was added to an enum";
    SymbolReplaced "symbol-falls-back", Minor MayBreak, Minor MayBreak, "a symbol is read as the default of the enum";
    BranchRemoved "branch-removed", Major Proved, Patch Proved, "a branch of a union is gone";
    BranchAdded "branch-added", Minor Proved, Major Proved, "a branch was added to a union";
    DefaultChanged "default-changed", Minor MayBreak, Minor MayBreak, "the default of a field is another one";
}

impl Change {
    /// The rule that it is in a direction.
    pub(super) fn rule(self, direction: Direction) -> &'static Rule {
        match direction {
            Direction::WeRead => &READ[self as usize],
            _ => &WRITE[self as usize],
        }
    }
}

/// Every rule about Avro.
pub(crate) fn rules() -> impl Iterator<Item = &'static Rule> {
    [READ, WRITE].into_iter().flatten()
}
