//! What can change in a schema: one line each, and the rules of every surface follow from it.

use crate::Level;
use crate::contract::rule::{Certainty, Direction, Rule, Surface, table};

/// One line each: the name; its words; what it means where we read (level, certainty); the same where
/// others read; what has changed.
macro_rules! changes {
    ($($name:ident $slug:literal, $rl:ident $rc:ident, $wl:ident $wc:ident, $line:literal;)+) => {
        /// A change of a schema.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub(crate) enum Change { $($name),+ }

        table!(OPENAPI_READ "openapi-request-" OpenApi WeRead $($slug $rl $rc $line;)+);
        table!(OPENAPI_WRITE "openapi-response-" OpenApi OthersRead $($slug $wl $wc $line;)+);
        table!(JSON_READ "json-schema-read-" JsonSchema WeRead $($slug $rl $rc $line;)+);
        table!(JSON_WRITE "json-schema-write-" JsonSchema OthersRead $($slug $wl $wc $line;)+);
    };
}

changes! {
    TypeNarrowed "type-narrowed", Major Proved, Patch Proved, "fewer types are allowed";
    TypeWidened "type-widened", Minor Proved, Major Proved, "more types are allowed";
    NullRemoved "null-removed", Major Proved, Patch Proved, "null is not allowed any more";
    NullAdded "null-added", Minor Proved, Major Proved, "null is allowed";
    EnumAdded "enum-added", Major Proved, Patch Proved, "only listed values are allowed";
    EnumRemoved "enum-removed", Minor Proved, Major MayBreak, "values are not listed any more";
    EnumValueRemoved "enum-value-removed", Major Proved, Patch Proved, "a listed value is gone";
    EnumValueAdded "enum-value-added", Minor Proved, Major MayBreak, "a value was added to the list";
    OpenValueRemoved "extensible-value-removed", Major MayBreak, Patch Proved, "a value is gone from a list that may grow";
    OpenValueAdded "extensible-value-added", Minor Proved, Minor Proved, "a value was added to a list that may grow";
    BoundTightened "bound-tightened", Major Proved, Patch Proved, "a bound is tighter";
    BoundLoosened "bound-loosened", Minor Proved, Major MayBreak, "a bound is looser";
    BoundAdded "bound-added", Major MayBreak, Patch Proved, "there is a bound where there was none";
    BoundRemoved "bound-removed", Minor Proved, Major MayBreak, "a bound is gone";
    MultipleTightened "multiple-tightened", Major Proved, Patch Proved, "numbers have to be multiples of something larger";
    MultipleLoosened "multiple-loosened", Minor Proved, Major MayBreak, "numbers may be multiples of something smaller";
    PatternAdded "pattern-added", Major MayBreak, Patch Proved, "texts have to match a pattern";
    PatternRemoved "pattern-removed", Minor Proved, Minor CannotTell, "texts do not have to match a pattern any more";
    PatternChanged "pattern-changed", Major MayBreak, Major CannotTell, "texts have to match another pattern";
    FormatAdded "format-added", Major MayBreak, Patch Proved, "values have to be of a format";
    FormatRemoved "format-removed", Minor Proved, Major MayBreak, "values do not have to be of a format any more";
    FormatChanged "format-changed", Major MayBreak, Major MayBreak, "values are of another format";
    ContentTightened "content-tightened", Major MayBreak, Patch Proved, "what a text holds is demanded";
    ContentLoosened "content-loosened", Minor Proved, Major MayBreak, "what a text holds is not demanded any more";
    ContentChanged "content-changed", Major MayBreak, Major MayBreak, "a text holds something else";
    PropertyAdded "property-added", Minor Proved, Minor Proved, "an optional property was added";
    PropertyTaken "property-taken", Major Proved, Patch Proved, "a property that anybody could send with any value has a schema";
    PropertyAddedRequired "required-property-added", Major Proved, Minor Proved, "a required property was added";
    PropertyRemoved "property-removed", Major MayBreak, Major MayBreak, "an optional property is gone";
    PropertyFreed "property-freed", Minor Proved, Major MayBreak, "a property may have any value, because it is not described any more";
    PropertyRemovedRequired "required-property-removed", Major MayBreak, Major Proved, "a required property is gone";
    PropertyForbidden "property-forbidden", Major Proved, Patch Proved, "a property is refused where it was allowed";
    PropertyAllowed "property-allowed", Minor Proved, Major MayBreak, "a property is allowed where it was refused";
    PropertyBecameRequired "property-became-required", Major Proved, Minor Proved, "an optional property became required";
    PropertyBecameOptional "property-became-optional", Minor Proved, Major Proved, "a required property became optional";
    PropertyHidden "property-hidden", Minor MayBreak, Major MayBreak, "a property is only of the other direction now";
    PropertyShown "property-shown", Minor Proved, Minor Proved, "a property is of this direction as well";
    AdditionalTightened "additional-properties-tightened", Major Proved, Patch Proved, "fewer properties that are not listed are allowed";
    AdditionalLoosened "additional-properties-loosened", Minor Proved, Major MayBreak, "more properties that are not listed are allowed";
    NamesTightened "property-names-tightened", Major Proved, Patch Proved, "fewer names of properties are allowed";
    NamesLoosened "property-names-loosened", Minor Proved, Major MayBreak, "more names of properties are allowed";
    PatternPropertiesTightened "pattern-properties-tightened", Major Proved, Patch Proved, "properties whose name matches a pattern are held to more";
    PatternPropertiesLoosened "pattern-properties-loosened", Minor Proved, Major MayBreak, "properties whose name matches a pattern are held to less";
    DependencyAdded "dependency-added", Major Proved, Patch Proved, "a property demands something of the others";
    DependencyRemoved "dependency-removed", Minor Proved, Major Proved, "a property does not demand something of the others any more";
    ItemsTightened "items-tightened", Major Proved, Patch Proved, "an item is held to more";
    ItemsLoosened "items-loosened", Minor Proved, Major Proved, "an item is held to less";
    UniqueAdded "unique-items-added", Major Proved, Patch Proved, "items have to differ";
    UniqueRemoved "unique-items-removed", Minor Proved, Major MayBreak, "items do not have to differ any more";
    ContainsTightened "contains-tightened", Major Proved, Patch Proved, "arrays have to hold certain items";
    ContainsLoosened "contains-loosened", Minor Proved, Major Proved, "arrays do not have to hold certain items any more";
    BranchRemoved "alternative-removed", Major Proved, Patch Proved, "one of the alternatives is gone";
    BranchAdded "alternative-added", Minor Proved, Major Proved, "there is one more alternative";
    NameRemoved "alternative-name-removed", Major MayBreak, Patch Proved, "a name that tells alternatives apart is gone";
    NameAdded "alternative-name-added", Minor Proved, Major MayBreak, "there is one more name that tells alternatives apart";
    ExclusiveAdded "only-one-alternative", Major CannotTell, Patch Proved, "exactly one of the alternatives has to hold, where several could";
    ExclusiveRemoved "several-alternatives", Minor Proved, Major CannotTell, "several of the alternatives may hold, where exactly one had to";
    Ambiguous "fits-several-alternatives", Major MayBreak, Major MayBreak, "what is sent fits several alternatives of which exactly one has to hold";
    NotTightened "exclusion-added", Major MayBreak, Patch Proved, "more values are excluded";
    NotLoosened "exclusion-removed", Minor Proved, Major MayBreak, "fewer values are excluded";
    ConditionTightened "condition-added", Major MayBreak, Patch Proved, "a condition was added";
    ConditionLoosened "condition-removed", Minor Proved, Major MayBreak, "a condition is gone";
    ConditionChanged "condition-changed", Major CannotTell, Major CannotTell, "a condition is another one";
    DefaultChanged "default-changed", Minor MayBreak, Minor MayBreak, "the value that stands in for a missing one is another";
    Deprecated "deprecated", Minor Proved, Minor Proved, "it is deprecated";
    DiscriminatorChanged "discriminator-changed", Minor CannotTell, Minor CannotTell, "alternatives are told apart in another way";
    StabilityLowered "stability-lowered", Major MayBreak, Major MayBreak, "less is promised about a property than before";
    StabilityUnknown "stability-not-known", Major CannotTell, Major CannotTell, "how stable a property is, is said by a word that is not known";
    SunsetSooner "sunset-sooner", Major MayBreak, Major MayBreak, "a deprecated property may go sooner than was promised";
    SunsetRemoved "sunset-removed", Major MayBreak, Major MayBreak, "the date until which a deprecated property stays is gone";
    SunsetUnreadable "sunset-not-a-date", Major CannotTell, Major CannotTell, "the date until which a deprecated property stays is no date";
    Unresolved "reference-not-resolved", Major CannotTell, Major CannotTell, "a reference leads to a place that is not among the files";
    TooComplex "too-complex", Major CannotTell, Major CannotTell, "schemas are too deep or have too many alternatives to compare";
}

impl Change {
    /// The rule that it is on a surface, in a direction.
    pub(crate) fn rule(self, surface: Surface, direction: Direction) -> &'static Rule {
        let table = match (surface, direction) {
            (Surface::OpenApi, Direction::WeRead) => OPENAPI_READ,
            (Surface::OpenApi, _) => OPENAPI_WRITE,
            (_, Direction::WeRead) => JSON_READ,
            (_, _) => JSON_WRITE,
        };
        &table[self as usize]
    }
}

/// Every rule about schemas.
pub(crate) fn rules() -> impl Iterator<Item = &'static Rule> {
    [OPENAPI_READ, OPENAPI_WRITE, JSON_READ, JSON_WRITE]
        .into_iter()
        .flatten()
}
