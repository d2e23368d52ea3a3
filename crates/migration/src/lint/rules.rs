//! The rules: one line each, and everything about a rule follows from its line and its file.

use switchback_diag::{Code, Severity};

use super::context::{Context, End, Found, Pair};
use crate::engine::Engine;

/// What a rule is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RuleInfo {
    /// Its code, with its page.
    pub code: Code,
    /// The engines that it holds for.
    pub engines: &'static [Engine],
    /// How much its findings matter, where nobody says otherwise.
    pub severity: Severity,
    /// What it looks for, in one line.
    pub line: &'static str,
}

/// Every rule, by rising code.
pub fn all() -> impl Iterator<Item = &'static RuleInfo> {
    RULES.iter().map(|rule| &rule.info)
}

/// A rule, and how it is asked.
pub(super) struct Rule {
    /// What it is.
    pub(super) info: RuleInfo,
    /// On which ways it is asked.
    pub(super) ways: Ways,
    /// How it is asked.
    pub(super) check: Check,
}

/// On which ways of a migration a rule is asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Ways {
    /// Up.
    Up,
    /// Both.
    Both,
    /// Both; down it is a warning at most, because a way down is rarely taken and has a reason of
    /// its own.
    Softer,
}

/// How a rule is asked.
pub(super) enum Check {
    /// About each statement, before it is folded in.
    Each(fn(&Context<'_>, &mut Found<'_>)),
    /// About a script, after its last statement.
    Whole(fn(&End<'_>, &mut Found<'_>)),
    /// About both ways of a migration together.
    Pair(fn(&Pair<'_>, &mut Found<'_>)),
    /// Not at all: the engine says it itself.
    Said,
    /// Not here: somebody else says it, who sees more than migrations.
    Elsewhere,
}

const POSTGRES: &[Engine] = &[Engine::Postgres];
const EVERY: &[Engine] = &Engine::ALL;

/// One line each: the module with the check, or `-`; the code; the engines; how much it matters;
/// the ways; how it is asked; what it looks for.
macro_rules! rules {
    ($($module:tt: $code:ident, $engines:ident, $severity:ident, $ways:ident $check:ident, $line:literal;)+) => {
        $(rules!(@module $module);)+

        /// Every rule, by rising code.
        pub(super) static RULES: &[Rule] = &[$(Rule {
            info: RuleInfo {
                code: Code::$code,
                engines: $engines,
                severity: Severity::$severity,
                line: $line,
            },
            ways: Ways::$ways,
            check: rules!(@check $check $module),
        }),+];
    };
    (@module -) => {};
    (@module $module:ident) => { mod $module; };
    (@check Said -) => { Check::Said };
    (@check Elsewhere -) => { Check::Elsewhere };
    (@check $check:ident $module:ident) => { Check::$check($module::check) };
}

rules! {
    table_rewrite: TableRewrite, POSTGRES, Error, Softer Each,
        "a table is written anew while a lock keeps others out";
    scan_under_lock: ScanUnderLock, POSTGRES, Error, Softer Each,
        "every row is checked while a lock keeps others out";
    foreign_key_scan: ForeignKeyScan, POSTGRES, Error, Softer Each,
        "a foreign key is checked for every row when it is added";
    index_blocks_writes: IndexBlocksWrites, POSTGRES, Error, Softer Each,
        "CREATE INDEX without CONCURRENTLY";
    constraint_builds_index: ConstraintBuildsIndex, POSTGRES, Error, Softer Each,
        "UNIQUE, PRIMARY KEY or EXCLUDE without USING INDEX";
    reindex_blocks: ReindexBlocks, POSTGRES, Error, Softer Each,
        "REINDEX without CONCURRENTLY";
    refresh_blocks_readers: RefreshBlocksReaders, POSTGRES, Error, Softer Each,
        "REFRESH MATERIALIZED VIEW without CONCURRENTLY";
    work_after_lock: WorkAfterLock, POSTGRES, Error, Softer Each,
        "long work in a transaction that already keeps others out of a table";
    no_lock_timeout: NoLockTimeout, POSTGRES, Warning, Up Each,
        "a strong lock on a table in use, and no lock_timeout";
    concurrently_in_transaction: ConcurrentlyInTransaction, POSTGRES, Error, Both Each,
        "a statement that PostgreSQL refuses in a transaction";
    invalid_index_leftover: InvalidIndexLeftover, POSTGRES, Warning, Up Each,
        "CREATE INDEX CONCURRENTLY IF NOT EXISTS";
    several_tables_locked: SeveralTablesLocked, POSTGRES, Warning, Up Each,
        "locks on two or more tables in use in one transaction";
    whole_table_change: WholeTableChange, POSTGRES, Warning, Up Each,
        "UPDATE or DELETE of every row";
    enum_value_used_too_early: EnumValueUsedTooEarly, POSTGRES, Error, Both Each,
        "a new enum value used in the transaction that adds it";
    truncate: Truncate, POSTGRES, Warning, Up Each,
        "TRUNCATE of a table in use";
    statement_not_understood: StatementNotUnderstood, POSTGRES, Warning, Both Each,
        "SQL that could not be judged";
    facts_unknown: FactsUnknown, POSTGRES, Note, Up Each,
        "a finding that rests on something that is not known";
    newer_server_needed: NewerServerNeeded, POSTGRES, Warning, Both Each,
        "a statement that the oldest server does not have";
    drop_column: DropColumn, EVERY, Warning, Up Each,
        "a column that goes";
    drop_table: DropTable, EVERY, Warning, Up Each,
        "a table that goes";
    rename_column: RenameColumn, EVERY, Error, Up Each,
        "a column with another name";
    rename_table: RenameTable, EVERY, Error, Up Each,
        "a table, view, function or schema with another name";
    required_column: RequiredColumn, POSTGRES, Error, Up Each,
        "a new column that demands a value";
    not_null_refuses_old_writers: NotNullRefusesOldWriters, POSTGRES, Warning, Up Each,
        "a column that may not be null any more";
    type_change: TypeChange, POSTGRES, Warning, Up Each,
        "a type that takes less, or is read in another way";
    constraint_refuses_old_writers: ConstraintRefusesOldWriters, POSTGRES, Warning, Up Each,
        "a constraint that code from before was written without";
    default_removed: DefaultRemoved, POSTGRES, Warning, Up Each,
        "a column that demands a value and loses its default";
    enum_value_renamed: EnumValueRenamed, POSTGRES, Error, Up Each,
        "an enum value with another name";
    view_or_function_removed: ViewOrFunctionRemoved, POSTGRES, Warning, Up Each,
        "a view, function, type or sequence that goes";
    drop_cascade: DropCascade, POSTGRES, Warning, Up Each,
        "CASCADE that takes what nobody listed";
    unique_removed: UniqueRemoved, POSTGRES, Warning, Up Each,
        "uniqueness that goes";
    int_primary_key: IntPrimaryKey, POSTGRES, Warning, Up Each,
        "a counted primary key of 32 bits or less";
    timestamp_without_time_zone: TimestampWithoutTimeZone, POSTGRES, Note, Up Each,
        "timestamp instead of timestamptz";
    json_not_jsonb: JsonNotJsonb, POSTGRES, Note, Up Each,
        "json instead of jsonb";
    foreign_key_without_index: ForeignKeyWithoutIndex, POSTGRES, Note, Up Whole,
        "a foreign key whose columns lead no index";
    duplicate_index: DuplicateIndex, POSTGRES, Warning, Up Each,
        "an index with the columns of another";
    table_without_primary_key: TableWithoutPrimaryKey, POSTGRES, Warning, Up Whole,
        "a new table without a primary key";
    char_type: CharType, POSTGRES, Note, Up Each,
        "char(n), which pads with spaces";
    down_missing: DownMissing, EVERY, Note, Up Whole,
        "no way down in a folder whose migrations have them";
    down_loses_data: DownLosesData, EVERY, Warning, Up Pair,
        "a way down that makes again, empty, what its way up dropped";
    down_not_inverse: DownNotInverse, POSTGRES, Warning, Up Pair,
        "a way down after which the schema is not as it was";
    down_destroys_new_data: DownDestroysNewData, EVERY, Note, Up Pair,
        "a way down that drops what its way up made";
    rename_and_contract: RenameAndContract, POSTGRES, Error, Up Whole,
        "make, copy and drop in one migration";
    -: HistoryMisfit, EVERY, Warning, Up Said,
        "a statement about something that the history never made";
    -: SameVersion, EVERY, Error, Up Said,
        "two migrations with one version";
    -: DownWithoutUp, EVERY, Warning, Up Said,
        "a way down without its way up";
    -: NotUtf8, EVERY, Error, Up Said,
        "bytes that are not UTF-8, or a byte order mark";
    -: SectionMarker, EVERY, Error, Up Said,
        "a section marker that is missing or out of order";
    -: ChecksumDiffers, EVERY, Error, Up Said,
        "a file that is not what the tool's own checksum says";
    -: EditedAfterApplied, EVERY, Error, Up Elsewhere,
        "a file that is not what a database says was applied";
    -: FilePassedOver, EVERY, Warning, Up Said,
        "a file that the tool passes over or refuses";
    -: MigrationNotRead, EVERY, Note, Up Said,
        "a migration in code, or one that was not read";
    -: CodeWithDestructiveDdl, EVERY, Error, Up Elsewhere,
        "one commit that removes a column and the code that uses it";
    -: MigrationAtStartup, EVERY, Warning, Up Elsewhere,
        "an application that migrates its database when it starts";
    -: SuppressionWithoutReason, EVERY, Error, Up Said,
        "an allowance without a reason";
    -: SuppressionUnused, EVERY, Warning, Up Said,
        "an allowance that allows nothing";
}
