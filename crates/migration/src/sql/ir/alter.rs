//! What `ALTER` changes.

use super::{Bound, Column, Constraint, Expr, Name, TypeName};

/// One change of a table, or of something that is altered like one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum AlterAction {
    /// `ADD COLUMN`.
    AddColumn {
        /// The column.
        column: Box<Column>,
        /// Whether one that exists is left as it is.
        if_not_exists: bool,
    },
    /// `DROP COLUMN`.
    DropColumn {
        /// The column.
        column: String,
        /// Whether it is no error if there is none.
        if_exists: bool,
        /// Whether what depends on it goes as well.
        cascade: bool,
    },
    /// `ALTER COLUMN … TYPE`.
    SetType {
        /// The column.
        column: String,
        /// The new type.
        to: TypeName,
        /// `COLLATE`.
        collation: Option<Name>,
        /// `USING`.
        using: Option<Expr>,
    },
    /// `ALTER COLUMN … SET DEFAULT`, or `DROP DEFAULT` where there is none.
    Default {
        /// The column.
        column: String,
        /// The default.
        default: Option<Expr>,
    },
    /// `ALTER COLUMN … SET NOT NULL`.
    SetNotNull {
        /// The column.
        column: String,
    },
    /// `ALTER COLUMN … DROP NOT NULL`.
    DropNotNull {
        /// The column.
        column: String,
    },
    /// `ALTER COLUMN … SET EXPRESSION` (PostgreSQL 17).
    SetExpression {
        /// The column.
        column: String,
        /// The expression.
        expr: Expr,
    },
    /// `ALTER COLUMN … DROP EXPRESSION`.
    DropExpression {
        /// The column.
        column: String,
    },
    /// `ALTER COLUMN … ADD GENERATED AS IDENTITY`.
    AddIdentity {
        /// The column.
        column: String,
        /// Whether values cannot be given.
        always: bool,
    },
    /// `ALTER COLUMN … SET GENERATED`, `RESTART`, and other changes of an identity.
    SetIdentity {
        /// The column.
        column: String,
        /// Whether values cannot be given any more, where that is said.
        always: Option<bool>,
    },
    /// `ALTER COLUMN … DROP IDENTITY`.
    DropIdentity {
        /// The column.
        column: String,
        /// Whether it is no error if there is none.
        if_exists: bool,
    },
    /// `ALTER COLUMN … SET STATISTICS`.
    SetStatistics {
        /// The column, or the number of one.
        column: String,
    },
    /// `ALTER COLUMN … SET STORAGE`.
    SetStorage {
        /// The column.
        column: String,
    },
    /// `ALTER COLUMN … SET COMPRESSION`.
    SetCompression {
        /// The column.
        column: String,
    },
    /// `ALTER COLUMN … SET (…)`, `RESET (…)`.
    SetColumnOptions {
        /// The column.
        column: String,
    },
    /// `ADD CONSTRAINT`, `ADD PRIMARY KEY` and their kin.
    AddConstraint(Box<Constraint>),
    /// `DROP CONSTRAINT`.
    DropConstraint {
        /// Its name.
        name: String,
        /// Whether it is no error if there is none.
        if_exists: bool,
        /// Whether what depends on it goes as well.
        cascade: bool,
    },
    /// `VALIDATE CONSTRAINT`.
    ValidateConstraint {
        /// Its name.
        name: String,
    },
    /// `ALTER CONSTRAINT`.
    AlterConstraint {
        /// Its name.
        name: String,
        /// `ENFORCED` or `NOT ENFORCED`, where one is said (PostgreSQL 18).
        enforced: Option<bool>,
        /// `INHERIT` or `NO INHERIT`, where one is said (PostgreSQL 18).
        inherit: Option<bool>,
        /// `DEFERRABLE` or `NOT DEFERRABLE`, where one is said.
        deferrable: Option<bool>,
    },
    /// `RENAME TO`.
    Rename {
        /// The new name.
        to: String,
    },
    /// `RENAME COLUMN`.
    RenameColumn {
        /// The column.
        from: String,
        /// Its new name.
        to: String,
    },
    /// `RENAME CONSTRAINT`.
    RenameConstraint {
        /// The constraint.
        from: String,
        /// Its new name.
        to: String,
    },
    /// `SET SCHEMA`.
    SetSchema {
        /// The new schema.
        to: String,
    },
    /// `SET (…)` or `RESET (…)`.
    SetOptions {
        /// The names of the options, in lower case.
        options: Vec<String>,
    },
    /// `SET LOGGED` or `SET UNLOGGED`.
    SetLogged(bool),
    /// `SET ACCESS METHOD`.
    SetAccessMethod {
        /// The method; none for the default.
        to: Option<String>,
    },
    /// `SET TABLESPACE`.
    SetTablespace {
        /// The tablespace.
        to: String,
    },
    /// `CLUSTER ON`, `SET WITHOUT CLUSTER`.
    ClusterOn {
        /// The index; none for `WITHOUT`.
        index: Option<String>,
    },
    /// `SET WITHOUT OIDS`.
    WithoutOids,
    /// `REPLICA IDENTITY`.
    ReplicaIdentity {
        /// `USING INDEX`.
        index: Option<String>,
    },
    /// `ENABLE` or `DISABLE` of a trigger.
    Trigger {
        /// Which; none for all.
        name: Option<String>,
        /// Whether those of constraints, and others of the server's own, are left out (`USER`).
        user: bool,
        /// What becomes of it.
        state: TriggerState,
    },
    /// `ENABLE` or `DISABLE` of a rule.
    Rule,
    /// `ALTER TRIGGER … RENAME TO`.
    RenameTrigger {
        /// The trigger.
        from: String,
        /// Its new name.
        to: String,
    },
    /// `ALTER RULE … RENAME TO`.
    RenameRule {
        /// The rule.
        from: String,
        /// Its new name.
        to: String,
    },
    /// Row-level security.
    RowSecurity(RowSecurity),
    /// `INHERIT`.
    Inherit {
        /// The parent.
        parent: Name,
    },
    /// `NO INHERIT`.
    NoInherit {
        /// The parent.
        parent: Name,
    },
    /// `OWNED BY`, of a sequence.
    OwnedBy {
        /// The table and the column; none for nobody.
        column: Option<(Name, String)>,
    },
    /// `INCREMENT`, `RESTART` and other changes of a sequence.
    SequenceOptions,
    /// `OF`, `NOT OF`.
    OfType,
    /// `OWNER TO`.
    Owner,
    /// `ATTACH PARTITION`; of an index too, without bounds.
    AttachPartition {
        /// The table or index.
        child: Name,
        /// For which values.
        bound: Option<Bound>,
    },
    /// `DETACH PARTITION`.
    DetachPartition {
        /// The table.
        child: Name,
        /// Whether it lets others through.
        concurrently: bool,
        /// Whether it ends one that was interrupted.
        finalize: bool,
    },
    /// Something that nothing here knows.
    Unknown {
        /// Its first words.
        what: String,
    },
}

/// Row-level security.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RowSecurity {
    /// `ENABLE`.
    Enable,
    /// `DISABLE`.
    Disable,
    /// `FORCE`.
    Force,
    /// `NO FORCE`.
    NoForce,
}

/// Whether a trigger fires.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TriggerState {
    /// `ENABLE`, also `REPLICA` and `ALWAYS`.
    Enabled,
    /// `DISABLE`.
    Disabled,
}

/// One change of a type.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum AlterTypeAction {
    /// `ADD VALUE`.
    AddValue {
        /// The value.
        value: String,
        /// Whether it is no error if there is one.
        if_not_exists: bool,
        /// The value that it comes right before or after; none for the last place.
        beside: Option<(Beside, String)>,
    },
    /// `RENAME VALUE`.
    RenameValue {
        /// The value.
        from: String,
        /// What it becomes.
        to: String,
    },
    /// `RENAME TO`.
    Rename {
        /// The new name.
        to: String,
    },
    /// `SET SCHEMA`.
    SetSchema {
        /// The new schema.
        to: String,
    },
    /// `ADD`, `DROP`, `ALTER` or `RENAME` of an attribute of a composite type.
    Attribute {
        /// Its first words.
        what: String,
        /// The change.
        change: AttributeChange,
    },
    /// `OWNER TO`, `SET (…)`.
    Other {
        /// Its first words.
        what: String,
    },
}

/// On which side of another value a new value of an enum comes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Beside {
    /// `BEFORE`.
    Before,
    /// `AFTER`.
    After,
}

/// A change of an attribute of a composite type.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum AttributeChange {
    /// `ADD ATTRIBUTE`.
    Add {
        /// The attribute.
        column: Box<Column>,
    },
    /// `DROP ATTRIBUTE`.
    Drop {
        /// Its name.
        name: String,
        /// Whether it is no error if there is none.
        if_exists: bool,
    },
    /// `ALTER ATTRIBUTE … TYPE`.
    SetType {
        /// Its name.
        name: String,
        /// The new type.
        to: TypeName,
    },
    /// `RENAME ATTRIBUTE`.
    Rename {
        /// Its name.
        from: String,
        /// What it becomes.
        to: String,
    },
}

/// One change of a domain.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum AlterDomainAction {
    /// `ADD`.
    AddConstraint(Box<Constraint>),
    /// `DROP CONSTRAINT`.
    DropConstraint {
        /// Its name.
        name: String,
        /// Whether it is no error if there is none.
        if_exists: bool,
    },
    /// `VALIDATE CONSTRAINT`.
    ValidateConstraint {
        /// Its name.
        name: String,
    },
    /// `SET NOT NULL`.
    SetNotNull,
    /// `DROP NOT NULL`.
    DropNotNull,
    /// `SET DEFAULT`, `DROP DEFAULT`.
    Default(Option<Expr>),
    /// `RENAME TO`.
    Rename {
        /// The new name.
        to: String,
    },
    /// `SET SCHEMA`.
    SetSchema {
        /// The new schema.
        to: String,
    },
    /// `RENAME CONSTRAINT`.
    RenameConstraint {
        /// The constraint.
        from: String,
        /// Its new name.
        to: String,
    },
    /// `OWNER TO`.
    Other {
        /// Its first words.
        what: String,
    },
}
