//! What can change in a database: one line each.

use crate::Level;
use crate::contract::rule::{Certainty, Direction, Rule, Surface, named};

named! {
    /// Every rule about databases.
    RULES "sql-" Sql

    SCHEMA_REMOVED "schema-removed", Both Major Proved, "a schema is gone, and what was in it";
    SCHEMA_ADDED "schema-added", Both Minor Proved, "a schema was added";
    RELATION_MOVED "relation-moved", Both Major MayBreak, "it is in another schema, and found only by who looks there";
    TABLE_REMOVED "table-removed", Both Major Proved, "a table is gone";
    TABLE_RENAMED "table-renamed", Both Major Proved, "a table is gone, and a new one has its columns";
    TABLE_ADDED "table-added", Both Minor Proved, "a table was added";
    TABLE_UNLOGGED "table-became-unlogged", Both Major MayBreak, "a crash empties the table";
    TABLE_BECAME_VIEW "table-became-view", Both Major MayBreak, "a table is a view now, which may not be written to and has no constraints";
    VIEW_BECAME_TABLE "view-became-table", Both Minor Proved, "a view is a table now";
    PARTITION_REMOVED "partition-removed", OthersRead Major CannotTell, "a partition is gone, and the rows that were in it";
    VIEW_REMOVED "view-removed", Both Major Proved, "a view is gone";
    VIEW_RENAMED "view-renamed", Both Major Proved, "a view is gone, and a new one has its columns";
    VIEW_ADDED "view-added", Both Minor Proved, "a view was added";
    VIEW_KIND "view-kind-changed", Both Major MayBreak, "a view is materialized on one side only, and shows other moments";
    VIEW_READS "view-reads-changed", OthersRead Major CannotTell, "a view reads other tables or columns";
    KIND_CHANGED "relation-kind-changed", Both Major Proved, "the name is that of another kind of thing";
    SEQUENCE_REMOVED "sequence-removed", Both Major Proved, "a sequence is gone";
    SEQUENCE_ADDED "sequence-added", Both Minor Proved, "a sequence was added";

    COLUMN_REMOVED "column-removed", Both Major Proved, "a column is gone";
    COLUMN_RENAMED "column-renamed", Both Major Proved, "a column is gone, and another one like it stands in its place";
    COLUMN_ADDED "column-added", Both Minor Proved, "a column was added that need not be given";
    COLUMN_ADDED_REQUIRED "required-column-added", WeRead Major Proved, "a column was added that cannot be null and has no default";
    COLUMN_ORDER "column-order-changed", Both Major MayBreak, "columns stand in another order, which `COPY` and `INSERT` without a list of columns go by";
    VIEW_COLUMN_REMOVED "view-column-removed", OthersRead Major Proved, "a column of a view is gone";
    VIEW_COLUMN_RENAMED "view-column-renamed", OthersRead Major Proved, "a column of a view is gone, and another one like it stands in its place";
    VIEW_COLUMN_ADDED "view-column-added", OthersRead Minor Proved, "a column was added to a view";

    TYPE_NARROWED "type-narrowed", WeRead Major Proved, "a type holds less";
    TYPE_WIDENED "type-widened", OthersRead Major MayBreak, "a type holds more";
    TYPE_CHANGED "type-changed", Both Major Proved, "a type is another one";
    TYPE_ALIKE "type-alike", Both Patch Proved, "a type is another one that holds the same";
    TYPE_UNKNOWN "type-not-known", Both Major CannotTell, "a type is not known on one side";
    COLLATION "collation-changed", OthersRead Major MayBreak, "texts are sorted and compared in another way";
    BECAME_REQUIRED "became-not-null", WeRead Major Proved, "null is refused";
    BECAME_NULLABLE "became-nullable", OthersRead Major MayBreak, "it may be null";
    DEFAULT_REMOVED_REQUIRED "required-default-removed", WeRead Major Proved, "it has no default any more, and cannot be null";
    DEFAULT_REMOVED "default-removed", Both Major MayBreak, "it has no default any more, and is null where nobody gives a value";
    DEFAULT_ADDED "default-added", Both Minor Proved, "it has a default";
    DEFAULT_CHANGED "default-changed", Both Minor MayBreak, "the default is another one";
    BECAME_GENERATED "became-generated-always", WeRead Major Proved, "values are made by the database, and refused from everybody else";
    BECAME_WRITABLE "became-writable", Both Minor Proved, "values may be given that the database made alone";
    EXPRESSION_CHANGED "generated-expression-changed", OthersRead Major MayBreak, "values are computed in another way";

    PRIMARY_KEY_REMOVED "primary-key-removed", Both Major Proved, "the primary key is gone, and `ON CONFLICT` fails that goes by it";
    PRIMARY_KEY_CHANGED "primary-key-changed", Both Major MayBreak, "another key is the primary one";
    UNIQUE_REMOVED "unique-removed", Both Major Proved, "values need not be unique any more, and `ON CONFLICT` fails that goes by them";
    UNIQUE_ADDED "unique-added", WeRead Major MayBreak, "values have to be unique";
    CHECK_REMOVED "check-removed", OthersRead Major MayBreak, "a condition need not be met any more";
    CHECK_ADDED "check-added", WeRead Major MayBreak, "a condition has to be met";
    CHECK_CHANGED "check-changed", Both Major MayBreak, "another condition has to be met";
    CHECK_VALUES_REMOVED "check-value-removed", WeRead Major Proved, "values are refused that were on the list of a condition";
    CHECK_VALUES_ADDED "check-value-added", OthersRead Major MayBreak, "values were added to the list of a condition";
    EXCLUSION_REMOVED "exclusion-removed", OthersRead Major MayBreak, "rows may go together that excluded each other";
    EXCLUSION_ADDED "exclusion-added", WeRead Major MayBreak, "rows exclude each other";
    REFERENCE_REMOVED "foreign-key-removed", OthersRead Major MayBreak, "rows may point to rows that are not there";
    REFERENCE_ADDED "foreign-key-added", WeRead Major MayBreak, "rows have to point to rows that are there, and those cannot go as before";
    ON_DELETE "on-delete-changed", Both Major MayBreak, "something else happens to rows whose other row goes";
    BECAME_DEFERRABLE "constraint-became-deferrable", Both Major MayBreak, "it may be checked at the end of a transaction, and `ON CONFLICT` cannot go by it";
    CONSTRAINT_OF_NEW "constraint-of-new-column-added", Both Minor Proved, "a constraint was added that only who gives values to a new column can break";
    CONSTRAINT_RENAMED "constraint-renamed", Both Major CannotTell, "a constraint has another name, which `ON CONFLICT ON CONSTRAINT` and handlers of errors may go by";
    TRIGGERS "triggers-changed", Both Major CannotTell, "other triggers or rules act when rows are written";
    POLICIES "policies-changed", Both Major CannotTell, "other policies say who sees and changes which rows";

    MADE_TYPE_REMOVED "user-type-removed", Both Major Proved, "a type that somebody made is gone";
    MADE_TYPE_RENAMED "user-type-renamed", Both Major Proved, "a type that somebody made is gone, and a new one holds the same";
    MADE_TYPE_ADDED "user-type-added", Both Minor Proved, "a type was made";
    MADE_TYPE_KIND "user-type-kind-changed", Both Major Proved, "a type that somebody made is of another kind";
    ENUM_VALUE_REMOVED "enum-value-removed", Both Major Proved, "a value of an enum is gone";
    ENUM_VALUE_RENAMED "enum-value-renamed", Both Major Proved, "a value of an enum has another name";
    ENUM_VALUE_ADDED "enum-value-added", OthersRead Major MayBreak, "a value was added to an enum";
    ENUM_ORDER "enum-order-changed", OthersRead Major MayBreak, "values of an enum are sorted in another order";
    DOMAIN_CHANGED "domain-changed", WeRead Major MayBreak, "values are held to what another domain demands";
    ATTRIBUTE_REMOVED "attribute-removed", Both Major Proved, "an attribute of a composite type is gone";
    ATTRIBUTE_RENAMED "attribute-renamed", Both Major Proved, "an attribute of a composite type is gone, and another one like it stands in its place";
    ATTRIBUTE_ADDED "attribute-added", Both Major MayBreak, "an attribute was added to a composite type, whose values are written by their places";
    ATTRIBUTE_ORDER "attribute-order-changed", Both Major Proved, "attributes of a composite type stand in another order";
    FUNCTION_REMOVED "function-removed", Both Major Proved, "a function is gone";
    FUNCTION_ADDED "function-added", Both Minor Proved, "a function was added";
    EXTENSION_REMOVED "extension-removed", Both Major MayBreak, "an extension is gone, and what it brought";
    EXTENSION_ADDED "extension-added", Both Minor Proved, "an extension was added";

    NOT_READ "statement-not-read", Both Major CannotTell, "a statement was not understood";
}
