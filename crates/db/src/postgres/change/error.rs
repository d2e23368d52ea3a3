//! What can go wrong with a change of a PostgreSQL database, in kinds that a person can act on.

use std::error::Error as _;
use std::time::Duration;

use switchback_migration::backfill::QueryFault;

use super::super::error::PgError;
use super::watch::Peer;
use crate::history::SqlError;
use crate::text::{excerpt, seconds};

/// Why something could not be done with a database.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ChangeError {
    /// The address cannot be read.
    #[error("the address of the database cannot be read")]
    Address {
        /// What is wrong with it.
        #[source]
        source: postgres::Error,
    },
    /// The server is on another machine, and nothing would be encrypted.
    #[error(
        "{place} is on another machine, and the connection would not be encrypted; its address may \
         say sslmode=disable to allow that"
    )]
    Insecure {
        /// Where, without the password.
        place: String,
    },
    /// There is no connection.
    #[error("{place} cannot be reached")]
    Unreachable {
        /// Where, without the password.
        place: String,
        /// Why.
        #[source]
        source: postgres::Error,
    },
    /// Something hands the connection from session to session.
    #[error(
        "a pooler in between hands each transaction to another session, where the time-outs and \
         locks of this one do not hold"
    )]
    Pooled,
    /// The version is too old.
    #[error("PostgreSQL {found} is too old; 12 is the oldest that works")]
    TooOld {
        /// Its major version.
        found: u32,
    },
    /// It takes no writes: a standby, or one that was set to be read only.
    #[error("the database takes no writes: it is a standby, or set to be read only")]
    ReadOnly,
    /// The control tables were written by another version of Switchback.
    #[error("the database's control tables have format {found}, and this version knows {known}")]
    Format {
        /// Their format.
        found: i32,
        /// The one that this version knows.
        known: i32,
    },
    /// The role may not do what has to be done.
    #[error("the role {role} may not do this: {during}{}", granted(missing))]
    Privilege {
        /// The role.
        role: String,
        /// What was being done.
        during: String,
        /// Statements that would allow it, each for somebody who may run it. Empty where the
        /// catalog does not tell.
        missing: Vec<String>,
        /// What the database says, where it was asked.
        #[source]
        source: Option<Box<SqlError>>,
    },
    /// There is no such table.
    #[error("the database has no table `{table}`")]
    NoTable {
        /// The table.
        table: String,
    },
    /// The table has no such column.
    #[error("table `{table}` has no column `{column}`")]
    NoColumn {
        /// The table.
        table: String,
        /// The column.
        column: String,
    },
    /// The rows of the table cannot be walked, or not all of them.
    #[error("the rows of `{table}` cannot be filled: {reason}")]
    Unfit {
        /// The table.
        table: String,
        /// Why.
        reason: Unfit,
    },
    /// The database is at no step that the change knows.
    #[error(
        "the database is at an unknown step of the change {change}: expected {expected}, found {found}"
    )]
    UnknownStep {
        /// The change.
        change: String,
        /// What there should be.
        expected: String,
        /// What there is.
        found: String,
    },
    /// A script that takes a step back left something else than there was before the step.
    #[error("the way back of step {step} does not restore what was there: {difference}")]
    NotExact {
        /// The step.
        step: String,
        /// The first difference.
        difference: String,
    },
    /// A script has a statement that may not be in one. Nothing of the script was run.
    #[error("line {line}: {what} may not be in a script {why}: {statement}")]
    Forbidden {
        /// What it is.
        what: String,
        /// Why not, after `may not be in a script`.
        why: &'static str,
        /// The line of the script, from 1.
        line: usize,
        /// The statement, cut to a printable length.
        statement: String,
    },
    /// An index of a name that a script makes is there, and is another one.
    #[error("there is another index {index}: `{found}` instead of `{expected}`")]
    OtherIndex {
        /// Its full name.
        index: String,
        /// What the script makes.
        expected: String,
        /// What is there.
        found: String,
    },
    /// Locks were not given within the time and the attempts that the options allow.
    #[error(
        "the locks for `{statement}` were not to be had: {attempts} attempts in {}{}",
        seconds(*waited), held(blocked_by)
    )]
    Busy {
        /// The statement, cut to a printable length.
        statement: String,
        /// How often it was tried.
        attempts: u32,
        /// Over which time, pauses included.
        waited: Duration,
        /// Who was in the way when last seen.
        blocked_by: Vec<Peer>,
    },
    /// The statement held up queries of the application, and gave way each time.
    #[error(
        "`{statement}` gave way {attempts} times in {}: it held up others for up to {}{}",
        seconds(*waited), seconds(*longest), behind(held_up)
    )]
    GaveWay {
        /// The statement, cut to a printable length.
        statement: String,
        /// How often it was tried.
        attempts: u32,
        /// Over which time, pauses included.
        waited: Duration,
        /// The longest that somebody was held up.
        longest: Duration,
        /// Who was, when last seen.
        held_up: Vec<Peer>,
    },
    /// A statement was cancelled, by its time-out or by somebody else.
    #[error("`{statement}` was cancelled after {}{}", seconds(*after), limited(*limit))]
    Cancelled {
        /// The statement, cut to a printable length.
        statement: String,
        /// How long it ran.
        after: Duration,
        /// Its time-out, if it had one.
        limit: Option<Duration>,
    },
    /// The caller wanted to stop. Nothing of the transaction that was under way is left.
    #[error("it was stopped, at `{statement}`{}", left_over(left))]
    Aborted {
        /// The statement that was under way, cut to a printable length.
        statement: String,
        /// What is left and could not be cleaned away in time, such as an invalid index; the next
        /// run does.
        left: Vec<String>,
    },
    /// The connection was lost. Whether what was under way is done must be asked.
    #[error("the connection was lost at `{during}`")]
    Lost {
        /// What was under way.
        during: String,
        /// What the connection says.
        #[source]
        source: postgres::Error,
    },
    /// A fill does not come to an end, because somebody writes rows that need it.
    #[error(
        "{rows} rows of `{table}` differ again after {sweeps} sweeps: something writes rows without \
         keeping {} right", columns.join(", ")
    )]
    StillDiffers {
        /// The table.
        table: String,
        /// The columns that are filled.
        columns: Vec<String>,
        /// How many rows differ.
        rows: u64,
        /// How often all rows were looked at.
        sweeps: u32,
    },
    /// A fill that kept no former values cannot be taken back.
    #[error("the fill of step {step} kept no former values; the way back of its script undoes it")]
    NothingKept {
        /// The step.
        step: String,
    },
    /// Somebody gave the intent up that was being carried out.
    #[error("somebody else has given this step up meanwhile")]
    Revoked,
    /// The effect is not one on a database.
    #[error("the effect is not one on a database")]
    OtherEffect,
    /// A statement failed.
    #[error("{}the database refused: {statement}", at_line(*line))]
    Sql {
        /// The statement, cut to a printable length.
        statement: String,
        /// The line of the script in which it fails, or else begins, from 1; none for a statement
        /// that is not from a script.
        line: Option<usize>,
        /// What the database says.
        #[source]
        source: Box<SqlError>,
    },
    /// Somebody changed the schema while it was read.
    #[error("somebody changed the schema while it was read")]
    Shifting,
    /// An answer is none that the question can have.
    #[error("PostgreSQL gave an unexpected answer to: {question}")]
    Unexpected {
        /// What was asked.
        question: String,
    },
    /// The system gives no further thread.
    #[error("a thread cannot be started")]
    Thread {
        /// Why.
        #[source]
        source: std::io::Error,
    },
}

/// Why the rows of a table cannot be walked, or not all of them.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Unfit {
    /// It is a view, a foreign table or the like.
    #[error("it is no table that stores rows itself")]
    NotATable,
    /// There are tables that inherit from it.
    #[error("other tables inherit from it")]
    Inherited,
    /// Policies for rows count for this role.
    #[error(
        "row-level security counts for the role {role}, so that rows would be skipped unseen; use a \
         role that has BYPASSRLS, or take FORCE ROW LEVEL SECURITY away"
    )]
    RowSecurity {
        /// The role.
        role: String,
    },
    /// Former values are to be kept, and nothing tells one row from another.
    #[error(
        "former values are to be kept for each row, and it has neither a primary key nor a unique \
         index over columns that are NOT NULL, apart from the columns that are filled"
    )]
    NoKey,
    /// A column is computed by the database.
    #[error("{column} is a generated column, which only the database computes")]
    Generated {
        /// The column.
        column: String,
    },
    /// A column is numbered by the database.
    #[error("{column} is GENERATED ALWAYS AS IDENTITY, which takes no other number")]
    Identity {
        /// The column.
        column: String,
    },
    /// An expression means nothing over a row of the table.
    #[error("{what} is no expression over a row of it: {message}: {sql}")]
    Expression {
        /// What it is for, such as the column that gets it.
        what: String,
        /// What the database says.
        message: String,
        /// The expression, cut to a printable length.
        sql: String,
    },
    /// The query of a backfill does not say what its rows get.
    #[error(transparent)]
    Query(#[from] QueryFault),
    /// A copy of it would not be what it is.
    #[error("no copy can take its place: {}", why.join("; "))]
    Copied {
        /// What would be lost, or is in the way.
        why: Vec<String>,
    },
    /// For another reason.
    #[error("{0}")]
    Refused(switchback_migration::backfill::strategy::Refusal),
    /// A fill was begun by another key.
    #[error("the fill was begun by the key ({}), which is no key any more", key.join(", "))]
    OtherKey {
        /// The columns of the key.
        key: Vec<String>,
    },
}

fn granted(missing: &[String]) -> String {
    match missing {
        [] => String::new(),
        missing => format!("; missing: {}", missing.join("; ")),
    }
}

fn at_line(line: Option<usize>) -> String {
    line.map_or_else(String::new, |line| format!("line {line}: "))
}

fn held(by: &[Peer]) -> String {
    list("; in the way: ", by)
}

fn behind(held_up: &[Peer]) -> String {
    list("; held up: ", held_up)
}

fn list(before: &str, peers: &[Peer]) -> String {
    const SHOWN: usize = 3;
    let mut shown: Vec<String> = peers.iter().take(SHOWN).map(ToString::to_string).collect();
    if shown.is_empty() {
        return String::new();
    }
    if peers.len() > SHOWN {
        shown.push(format!("{} more", peers.len() - SHOWN));
    }
    format!("{before}{}", shown.join("; "))
}

fn limited(limit: Option<Duration>) -> String {
    match limit {
        Some(limit) => format!(
            ", by its time-out of {} or by somebody else",
            seconds(limit)
        ),
        None => ", by somebody else".to_owned(),
    }
}

fn left_over(left: &[String]) -> String {
    match left {
        [] => String::new(),
        left => format!("; left over: {}", left.join(", ")),
    }
}

/// For `map_err`: the error of a statement of our own.
pub(in crate::postgres) fn at(statement: &str) -> impl Fn(postgres::Error) -> ChangeError + '_ {
    move |error| of(error, statement, None)
}

/// The error of a statement; `place` says where the statement begins in its script, in bytes, and
/// has the script.
pub(in crate::postgres) fn of(
    error: postgres::Error,
    statement: &str,
    place: Option<(&str, usize)>,
) -> ChangeError {
    // An answer that cannot be read is an answer.
    let answered = error
        .source()
        .is_some_and(|source| !source.is::<std::io::Error>());
    if error.as_db_error().is_none() && !error.is_closed() && answered {
        return ChangeError::Unexpected {
            question: excerpt(statement),
        };
    }
    match PgError::of(error, statement) {
        PgError::Refused(source) => refused(source, statement, place),
        PgError::Lost { source } => ChangeError::Lost {
            during: excerpt(statement),
            source,
        },
        _ => ChangeError::Unexpected {
            question: excerpt(statement),
        },
    }
}

fn refused(source: Box<SqlError>, statement: &str, place: Option<(&str, usize)>) -> ChangeError {
    match source.code.as_str() {
        "25006" => return ChangeError::ReadOnly,
        // The driver prepares what it sends; only in another session is that not there.
        "26000" => return ChangeError::Pooled,
        _ => {}
    }
    let line = place.map(|(script, start)| {
        let at = start + source.at.unwrap_or(0);
        line_of(script, at)
    });
    ChangeError::Sql {
        statement: excerpt(statement),
        line,
        source,
    }
}

/// The line, from 1, on which a byte is.
pub(in crate::postgres) fn line_of(text: &str, at: usize) -> usize {
    let before = text.as_bytes().iter().take(at);
    before.filter(|byte| **byte == b'\n').count() + 1
}

impl ChangeError {
    /// The SQLSTATE of a statement that the database refused.
    pub fn code(&self) -> Option<&str> {
        match self {
            ChangeError::Sql { source, .. } => Some(&source.code),
            ChangeError::Privilege { source, .. } => source.as_ref().map(|it| it.code.as_str()),
            _ => None,
        }
    }

    /// Whether it may work when it is simply tried again: a lock was not given in time
    /// (`lock_not_available`), the database chose this transaction to give way to another
    /// (`deadlock_detected`, `serialization_failure`), or something went away while the catalog was
    /// read, which is looked at as it is now rather than at the moment of the transaction.
    pub(in crate::postgres) fn is_contention(&self) -> bool {
        let gone = |message: &str| {
            message.starts_with("cache lookup failed")
                || message.starts_with("could not open relation")
        };
        match self {
            ChangeError::Shifting => true,
            ChangeError::Sql { source, .. } if source.code == "XX000" => gone(&source.message),
            other => matches!(other.code(), Some("55P03" | "40P01" | "40001")),
        }
    }

    /// Whether the statement was cancelled (`query_canceled`).
    pub(in crate::postgres) fn is_cancel(&self) -> bool {
        self.code() == Some("57014")
    }

    /// Whether nobody answers any more: the connection is closed, or was ended by the server
    /// (`admin_shutdown` and its kin), also because it was idle in a transaction for too long
    /// (`idle_in_transaction_session_timeout`), as after a stall of this machine.
    pub(in crate::postgres) fn is_lost(&self) -> bool {
        match self {
            ChangeError::Lost { .. } => true,
            other => other.code().is_some_and(|code| {
                code.starts_with("08") || code.starts_with("57P") || code == "25P03"
            }),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn statements_are_cut_to_one_line() {
        assert_eq!(excerpt("-- why\nSELECT 1,\n  2"), "SELECT 1, 2");
        assert_eq!(excerpt(&"x".repeat(200)).chars().count(), 161);
    }

    #[test]
    fn a_session_that_the_server_ended_is_lost() {
        let refused = |code: &str| ChangeError::Sql {
            statement: "SELECT 1".to_owned(),
            line: None,
            source: Box::new(SqlError {
                code: code.to_owned(),
                message: String::new(),
                detail: None,
                hint: None,
                context: None,
                at: None,
            }),
        };
        for code in ["57P01", "57P03", "08006", "25P03"] {
            assert!(refused(code).is_lost(), "{code}");
        }
        for code in ["57014", "25P02", "40P01"] {
            assert!(!refused(code).is_lost(), "{code}");
        }
    }

    #[test]
    fn lines_are_counted_from_1() {
        assert_eq!(line_of("a\nb\nc", 0), 1);
        assert_eq!(line_of("a\nb\nc", 2), 2);
        assert_eq!(line_of("a\nb\nc", 99), 3);
    }
}
