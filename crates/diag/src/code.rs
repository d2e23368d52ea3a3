//! The registry of codes: one line each, and everything about a code follows from its line.
//!
//! Numbers are never given a second meaning. `SB01` is settings and usage, `SB02` the ledger,
//! `SB03` refusals of the interlock, `SB04` change folders and migrations, `SB05` databases,
//! `SB06` git and values files, `SB07` environments, promotion and rollback, `SB09` defects, `SB10`
//! to `SB13` what `check` finds in migrations, `SB14` what it finds in a repository, `SB15`
//! backfills, `SB16` versions.

use std::fmt;

use crate::exit::Exit;

macro_rules! codes {
    ($($name:ident = $id:literal, $slug:literal, $title:literal, $exit:ident;)+) => {
        /// What a diagnostic is about: `SB` and four digits, with a page that explains it.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub enum Code {
            $(#[doc = concat!($id, ": ", $title, ".")] $name,)+
        }

        impl Code {
            /// Every code, by rising number.
            pub const ALL: &'static [Code] = &[$(Code::$name),+];

            /// `SB` and four digits.
            pub const fn id(self) -> &'static str {
                match self { $(Code::$name => $id,)+ }
            }

            /// A short name in words, such as `unknown-key`.
            pub const fn slug(self) -> &'static str {
                match self { $(Code::$name => $slug,)+ }
            }

            /// One line that says what happened, without a full stop.
            pub const fn title(self) -> &'static str {
                match self { $(Code::$name => $title,)+ }
            }

            /// How a run ends that ends with this code.
            pub const fn exit(self) -> Exit {
                match self { $(Code::$name => Exit::$exit,)+ }
            }

            /// The page `docs/explain/<id>.md`, compiled in.
            pub const fn page(self) -> &'static str {
                match self {
                    $(Code::$name => include_str!(concat!(
                        env!("CARGO_MANIFEST_DIR"), "/../../docs/explain/", $id, ".md"
                    )),)+
                }
            }
        }
    };
}

codes! {
    NoSettings = "SB0101", "no-settings", "No settings file was found", Usage;
    SettingsSyntax = "SB0102", "settings-syntax", "The settings file cannot be parsed", Usage;
    UnknownKey = "SB0103", "unknown-key", "A settings key is not known", Usage;
    WrongValue = "SB0104", "wrong-value", "A settings value is missing, of the wrong kind or out of range", Usage;
    NewerSettings = "SB0105", "newer-settings", "The settings are of a newer schema", Usage;
    UnknownName = "SB0106", "unknown-name", "No environment or component has this name", Usage;
    NeedsConfirmation = "SB0107", "needs-confirmation", "The action needs a confirmation and there is no terminal", Usage;
    CannotWrite = "SB0108", "cannot-write", "A file or folder cannot be written", Usage;
    WrongUsage = "SB0109", "wrong-usage", "The command line is wrong", Usage;
    NotConfirmed = "SB0110", "not-confirmed", "The action was not confirmed", Refused;
    AlreadyExists = "SB0111", "already-exists", "A file that would be written exists already", Refused;
    CannotRead = "SB0112", "cannot-read", "A file or folder cannot be read", Usage;
    Contradiction = "SB0113", "settings-contradiction", "The settings contradict themselves", Usage;
    UnknownTopic = "SB0114", "unknown-topic", "There is no page with this name", Usage;
    WrongVariable = "SB0115", "wrong-variable", "An environment variable is missing or cannot be used", Usage;
    Interrupted = "SB0116", "interrupted", "Somebody interrupted the run", Interrupted;

    LedgerMissing = "SB0201", "ledger-missing", "There is no ledger", Usage;
    LedgerDamaged = "SB0202", "ledger-damaged", "The ledger is damaged or was changed", Authentication;
    NewerLedger = "SB0203", "newer-ledger", "The ledger is of a newer format", Usage;
    LedgerKey = "SB0204", "ledger-key", "The ledger's signing key is missing or cannot be used", Authentication;
    LedgerLocked = "SB0205", "ledger-locked", "Another process holds the ledger", Refused;
    EventConflict = "SB0206", "event-conflict", "The ledger holds another event with the same id", Refused;
    UnfinishedIntent = "SB0207", "unfinished-intent", "A step was begun and its outcome is not known", Refused;

    LedgerUnreachable = "SB0208", "ledger-unreachable", "The ledger's place cannot be reached or read", Usage;

    WouldBreak = "SB0301", "would-break", "The action would break a live version or a rollback target", Refused;
    StepSkipped = "SB0302", "step-skipped", "The release moves more than one code step", Refused;
    NotRollbackTarget = "SB0303", "not-a-rollback-target", "The version is not a rollback target", Refused;
    RolloutState = "SB0304", "rollout-state", "A rollout is in progress already, or none is", Refused;
    SurfaceState = "SB0305", "surface-state", "The operation does not fit the state of the surface", Refused;
    OperationInFlight = "SB0306", "operation-in-flight", "An operation on this change is in flight", Refused;
    OldShapeInUse = "SB0307", "old-shape-in-use", "Something still uses what a contract takes away", Refused;
    UseNotSeen = "SB0308", "use-not-seen", "Whether anything uses what a contract takes away cannot be seen", Refused;
    Purged = "SB0309", "purged", "What the contract kept aside is destroyed", Refused;

    ChangeMissing = "SB0401", "change-missing", "There is no such change folder", Usage;
    ChangeSyntax = "SB0402", "change-syntax", "The change.toml cannot be parsed", Usage;
    ChangeEdited = "SB0403", "change-edited", "The change folder was edited after the change was opened", Refused;
    TableNotSupported = "SB0404", "table-not-supported", "The operation is not supported on this table", Refused;
    PlanStale = "SB0405", "plan-stale", "The plan was made from another state", Refused;
    UnknownStep = "SB0406", "unknown-step", "The change has no such step", Usage;
    WrongEngine = "SB0407", "wrong-engine", "The change is for another engine than the database's", Refused;
    RehearsalFailed = "SB0408", "rehearsal-failed", "A step of a change failed in its rehearsal", Refused;
    NoRehearsal = "SB0409", "no-rehearsal", "The change cannot be rehearsed", Usage;
    ChangeInTheWay = "SB0410", "change-in-the-way", "Another change of the same columns is on its way", Refused;

    DatabaseMissing = "SB0501", "database-missing", "The database is missing or cannot be opened", Usage;
    DatabaseBusy = "SB0502", "database-busy", "The database is busy", Refused;
    DatabaseAtUnknownStep = "SB0503", "database-at-unknown-step", "The database's schema does not match its marks", Refused;
    SqlFailed = "SB0504", "sql-failed", "An SQL statement failed", RolledBack;
    DatabaseFull = "SB0505", "database-full", "The disk of the database is full", RolledBack;
    DatabaseReadOnly = "SB0506", "database-read-only", "The database can only be read", Usage;

    DatabaseFormat = "SB0507", "database-format", "The database's marks are of another format", Usage;
    NoScratchServer = "SB0508", "no-scratch-server", "No private PostgreSQL server can be started", Usage;
    MissingPrivilege = "SB0509", "missing-privilege", "The role in the database may not do this", Usage;

    GitMissing = "SB0601", "git-missing", "Git is missing or too old", Usage;
    NotRepository = "SB0602", "not-a-repository", "There is no git repository, or it has no commits", Usage;
    DirtyTree = "SB0603", "dirty-tree", "The git repository has uncommitted changes", Refused;
    ValuesFile = "SB0604", "values-file", "The values file cannot be edited", Refused;
    BranchMoved = "SB0605", "branch-moved", "The branch has moved", Refused;
    GitFailed = "SB0606", "git-failed", "A git command failed", Refused;
    NoWorkTree = "SB0607", "no-work-tree", "The git repository has no work tree", Usage;
    HookChanged = "SB0608", "hook-changed", "A hook changed what was committed", Refused;

    UnknownRelease = "SB0701", "unknown-release", "The release is not known", Usage;
    ReleaseDiffers = "SB0702", "release-differs", "The release is recorded already with other content", Refused;
    NothingToRollBackTo = "SB0703", "nothing-to-roll-back-to", "There is no version to roll back to", Refused;
    ValuesDrift = "SB0704", "values-drift", "The values file says another version than what was put out", Refused;

    Internal = "SB0901", "internal", "An internal error", Internal;
    DemoFailed = "SB0902", "demo-failed", "The demo saw something that must not happen", Internal;

    TableRewrite = "SB1001", "table-rewrite", "A statement writes a whole table anew while others wait", Refused;
    ScanUnderLock = "SB1002", "scan-under-lock", "A statement reads a whole table while others wait", Refused;
    ForeignKeyScan = "SB1003", "foreign-key-scan", "A foreign key is checked for every row while writers wait", Refused;
    IndexBlocksWrites = "SB1004", "index-blocks-writes", "An index is built while writers wait", Refused;
    ConstraintBuildsIndex = "SB1005", "constraint-builds-index", "A constraint builds its index while others wait", Refused;
    ReindexBlocks = "SB1006", "reindex-blocks", "An index is built again while others wait", Refused;
    RefreshBlocksReaders = "SB1007", "refresh-blocks-readers", "A materialized view is refreshed while readers wait", Refused;
    WorkAfterLock = "SB1008", "work-after-lock", "Long work is done while an earlier lock is still held", Refused;
    NoLockTimeout = "SB1009", "no-lock-timeout", "A strong lock is waited for without a limit", Refused;
    ConcurrentlyInTransaction = "SB1010", "concurrently-in-transaction", "A statement that is refused in a transaction stands in one", Refused;
    InvalidIndexLeftover = "SB1011", "invalid-index-leftover", "An invalid index may pass for a finished one", Refused;
    SeveralTablesLocked = "SB1012", "several-tables-locked", "One transaction keeps writers out of several tables", Refused;
    WholeTableChange = "SB1013", "whole-table-change", "Every row of a table is changed in one statement", Refused;
    EnumValueUsedTooEarly = "SB1014", "enum-value-used-too-early", "A new enum value is used before it is committed", Refused;
    Truncate = "SB1015", "truncate", "A table that others use is emptied", Refused;
    StatementNotUnderstood = "SB1016", "statement-not-understood", "A statement was not understood and not judged", Refused;
    FactsUnknown = "SB1017", "facts-unknown", "Something that decides is not known", Refused;
    NewerServerNeeded = "SB1018", "newer-server-needed", "The oldest server does not have the statement", Refused;

    DropColumn = "SB1101", "drop-column", "A column goes that older code may use", Refused;
    DropTable = "SB1102", "drop-table", "A table goes that older code may use", Refused;
    RenameColumn = "SB1103", "rename-column", "A column is renamed under running code", Refused;
    RenameTable = "SB1104", "rename-table", "A table is renamed or moved under running code", Refused;
    RequiredColumn = "SB1105", "required-column", "A new column demands a value that older code does not give", Refused;
    NotNullRefusesOldWriters = "SB1106", "not-null-refuses-old-writers", "A column that older code may leave empty becomes NOT NULL", Refused;
    TypeChange = "SB1107", "type-change", "A column gets a type that older code does not expect", Refused;
    ConstraintRefusesOldWriters = "SB1108", "constraint-refuses-old-writers", "A new constraint may refuse rows of older code", Refused;
    DefaultRemoved = "SB1109", "default-removed", "A default goes that older code may rely on", Refused;
    EnumValueRenamed = "SB1110", "enum-value-renamed", "An enum value is renamed under running code", Refused;
    ViewOrFunctionRemoved = "SB1111", "view-or-function-removed", "A view or function goes that older code may use", Refused;
    DropCascade = "SB1112", "drop-cascade", "A drop takes with it what nobody listed", Refused;
    UniqueRemoved = "SB1113", "unique-removed", "Uniqueness goes that older code may rely on", Refused;

    IntPrimaryKey = "SB1201", "int-primary-key", "A counted primary key runs out of numbers", Refused;
    TimestampWithoutTimeZone = "SB1202", "timestamp-without-time-zone", "A moment is stored without its time zone", Refused;
    JsonNotJsonb = "SB1203", "json-not-jsonb", "A column is json where jsonb is meant", Refused;
    ForeignKeyWithoutIndex = "SB1204", "foreign-key-without-index", "No index leads with the columns of a foreign key", Refused;
    DuplicateIndex = "SB1205", "duplicate-index", "An index repeats another", Refused;
    TableWithoutPrimaryKey = "SB1206", "table-without-primary-key", "A table has no primary key", Refused;
    CharType = "SB1207", "char-type", "A column is padded with spaces", Refused;

    DownMissing = "SB1301", "down-missing", "A migration has no way down where others have one", Refused;
    DownLosesData = "SB1302", "down-loses-data", "The way down does not bring back what its way up destroyed", Refused;
    DownNotInverse = "SB1303", "down-not-inverse", "The way down does not lead back to the schema before", Refused;
    DownDestroysNewData = "SB1304", "down-destroys-new-data", "The way down destroys what was written since", Refused;
    RenameAndContract = "SB1305", "rename-and-contract", "New shape and end of the old one are one migration", Refused;
    HistoryMisfit = "SB1306", "history-misfit", "A statement names what the history does not have", Refused;
    SameVersion = "SB1307", "same-version", "Two migrations have one version", Refused;
    DownWithoutUp = "SB1308", "down-without-up", "A way down has no way up", Refused;
    NotUtf8 = "SB1309", "not-unicode", "A migration is not UTF-8", Refused;
    SectionMarker = "SB1310", "section-marker", "A section marker is missing or out of order", Refused;
    ChecksumDiffers = "SB1311", "checksum-differs", "A migration is not what its checksum says", Refused;
    EditedAfterApplied = "SB1312", "edited-after-applied", "A migration was edited after it was applied", Refused;
    FilePassedOver = "SB1313", "file-passed-over", "A file in the folder is not run as it stands", Refused;
    MigrationNotRead = "SB1314", "migration-not-read", "What a migration does is not known", Refused;
    AppliedInPart = "SB1315", "applied-in-part", "A migration was applied in part", Refused;
    AppliedMissing = "SB1316", "applied-missing", "An applied migration is not in the folder", Refused;

    CodeWithDestructiveDdl = "SB1401", "code-with-destructive-ddl", "One commit removes a column and the code that uses it", Refused;
    MigrationAtStartup = "SB1402", "migration-at-startup", "The application migrates its database when it starts", Refused;
    SuppressionWithoutReason = "SB1403", "suppression-without-reason", "A finding is allowed without a reason", Refused;
    SuppressionUnused = "SB1404", "suppression-unused", "An allowance allows nothing", Refused;

    BackfillMissing = "SB1501", "backfill-missing", "There is no such backfill", Usage;
    BackfillSyntax = "SB1502", "backfill-syntax", "The file of a backfill cannot be used", Usage;
    NotFillable = "SB1503", "not-fillable", "The rows of the table cannot be filled so", Refused;
    NoKeyForUndo = "SB1504", "no-key-for-undo", "Former values are to be kept, and nothing names a row", Refused;
    StrategyUnfit = "SB1505", "strategy-unfit", "The rows cannot be walked in the way that was asked for", Refused;
    NeverDone = "SB1506", "never-done", "A column would get another value each time", Refused;
    BackfillNotBegun = "SB1507", "backfill-not-begun", "The database knows nothing of the backfill", Usage;
    BackfillEdited = "SB1508", "backfill-edited", "The backfill was begun with another definition", Refused;
    BackfillStands = "SB1509", "backfill-stands", "Where the backfill stands this cannot follow", Refused;
    NothingKept = "SB1510", "nothing-kept", "The backfill kept nothing by which it could be undone", Refused;
    BackfillFailed = "SB1511", "backfill-failed", "The backfill failed", Refused;
    BackfillNotRight = "SB1512", "backfill-not-right", "Rows have not what the backfill gives them", Refused;
    QueryUnfit = "SB1517", "query-unfit", "The query does not say what rows get", Refused;
    GivenTwice = "SB1518", "given-twice", "The query gives a row more than once", Refused;
    BackfillOfChange = "SB1519", "backfill-of-change", "The backfill is the fill of a change", Refused;
    MetricsAddress = "SB1520", "metrics-address", "The address for metrics cannot be listened on", Usage;
    MetricsFile = "SB1521", "metrics-file", "The file for metrics cannot be written", Usage;
    ProgramNotStarted = "SB1530", "program-not-started", "The program that says what rows get cannot be started", Usage;
    ProgramEnded = "SB1531", "program-ended", "The program that says what rows get ended before its time", Refused;
    ProgramAnswer = "SB1532", "program-answer", "The program that says what rows get does not answer as it should", Refused;
    ProgramSilent = "SB1533", "program-silent", "The program that says what rows get says nothing", Refused;
    RangeUnknown = "SB1540", "range-unknown", "The rows that are to be done again are not known", Usage;
    RangeLost = "SB1541", "range-lost", "Which rows a range had cannot be said any more", Refused;
    RerunUnderWay = "SB1542", "rerun-under-way", "Other rows are being done again", Refused;
    UndoExpired = "SB1543", "undo-expired", "What was kept to undo the backfill has expired", Refused;

    VersionRefused = "SB1601", "version-refused", "The version may not be", Refused;
    VersionUnclear = "SB1602", "version-unclear", "Somebody has to say what a commit means", Refused;
    HistoryUnread = "SB1603", "history-unread", "The history cannot be read as far as needed", Usage;
    TagMoved = "SB1604", "tag-moved", "A tag is not what was recorded when it was made", Refused;
    VersionFile = "SB1605", "version-file", "The version of a file cannot be told", Usage;
    CannotSign = "SB1606", "cannot-sign", "The tag cannot be signed", Usage;
    TagsUnclear = "SB1607", "tags-unclear", "From which release it is counted cannot be told", Refused;
    HeadDetached = "SB1608", "head-detached", "No branch is checked out", Usage;
    UpgradeMissing = "SB1609", "upgrade-missing", "Nothing says what users do about what breaks", Refused;
    NotesUnfounded = "SB1610", "notes-unfounded", "A text about a release says what nobody knows", Refused;

    ContractBreaks = "SB1611", "contract-breaks", "A contract does not hold any more", Refused;
    ContractChanged = "SB1612", "contract-changed", "A contract has changed", Refused;
    ContractUnread = "SB1613", "contract-unread", "A contract cannot be compared", Usage;
    WaiverWrong = "SB1614", "waiver-wrong", "A file of waivers cannot be used", Usage;
    EntryWrong = "SB1615", "entry-wrong", "A change file cannot be used", Usage;
    NotAFix = "SB1616", "not-a-fix", "A hotfix brings more than fixes", Refused;
    NoReleaseToMend = "SB1617", "no-release-to-mend", "There is no such release to mend", Usage;
    HotfixBranch = "SB1618", "hotfix-branch", "The branch of a hotfix is something else already", Refused;
    PickConflict = "SB1619", "pick-conflict", "A commit cannot be picked by itself", RolledBack;

    NotesUnmade = "SB1620", "notes-unmade", "A text about a release cannot be made", Usage;
    OneTagForTwo = "SB1621", "one-tag-for-two", "Two members of a group would get the same tag", Usage;
    DigestMissing = "SB1622", "digest-missing", "Nobody says what was built from a component", Usage;
    DigestDiffers = "SB1623", "digest-differs", "One version would have two digests", Refused;
    DigestsUnread = "SB1624", "digests-unread", "Digests that were given cannot be used", Usage;
    ManifestWrong = "SB1625", "manifest-wrong", "A platform is not what its tag says", Refused;
    Unreleased = "SB1626", "unreleased", "A component of the platform has no release", Refused;
    NotAnnounced = "SB1627", "not-announced", "Something breaks sooner than users were told", Refused;

    ReleaseBranch = "SB1631", "release-branch", "The branch of the next release cannot be made anew", Refused;
}

impl Code {
    /// The code with this id or slug; case does not matter.
    pub fn find(text: &str) -> Option<Code> {
        let wanted = |code: &&Code| {
            code.id().eq_ignore_ascii_case(text) || code.slug().eq_ignore_ascii_case(text)
        };
        Code::ALL.iter().find(wanted).copied()
    }

    /// The code's area in words, for lists.
    pub fn area(self) -> &'static str {
        match &self.id()[..4] {
            "SB01" => "Settings and usage",
            "SB02" => "Ledger",
            "SB03" => "Interlock",
            "SB04" => "Changes and migrations",
            "SB05" => "Databases",
            "SB06" => "Git and values files",
            "SB07" => "Environments, promotion and rollback",
            "SB10" => "Migrations: locks and work",
            "SB11" => "Migrations: old code beside new",
            "SB12" => "Migrations: design",
            "SB13" => "Migrations: ways back and history",
            "SB14" => "Repository",
            "SB15" => "Backfills",
            "SB16" => "Versions",
            _ => "Defects",
        }
    }
}

impl fmt::Display for Code {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.id())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_rise_and_are_well_formed() {
        assert!(Code::ALL.windows(2).all(|pair| pair[0].id() < pair[1].id()));
        for code in Code::ALL {
            let digits = code.id().strip_prefix("SB").unwrap();
            assert!(
                digits.len() == 4 && digits.bytes().all(|b| b.is_ascii_digit()),
                "{code}"
            );
        }
    }

    #[test]
    fn slugs_are_unique_words() {
        let mut slugs: Vec<_> = Code::ALL.iter().map(|code| code.slug()).collect();
        slugs.sort_unstable();
        assert!(slugs.windows(2).all(|pair| pair[0] != pair[1]));
        let word = |b: u8| b.is_ascii_lowercase() || b == b'-';
        assert!(slugs.iter().all(|slug| slug.bytes().all(word)));
    }

    #[test]
    fn titles_are_one_short_line() {
        for code in Code::ALL {
            let title = code.title();
            assert!(
                title.len() <= 72 && !title.ends_with('.') && !title.contains('\n'),
                "{code}"
            );
        }
    }

    #[test]
    fn a_code_is_found_by_id_and_by_slug() {
        assert_eq!(Code::find("sb0103"), Some(Code::UnknownKey));
        assert_eq!(Code::find("unknown-key"), Some(Code::UnknownKey));
        assert_eq!(Code::find("SB9999"), None);
    }
}
