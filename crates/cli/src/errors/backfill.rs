//! Errors of backfills.

use switchback_db::backfill::RerunError;
use switchback_db::postgres::backfill as on_server;
use switchback_db::postgres::change::{ChangeError, Unfit};
use switchback_db::sqlite::DbError;
use switchback_db::sqlite::backfill as in_file;
use switchback_diag::{Code, Diagnostic, Location, nearest};
use switchback_migration::backfill::job::JobError;
use switchback_migration::backfill::{JobStatus, PartError, QueryFault, Refusal};
use switchback_model::{BackfillId, EnvironmentName};

use super::{Failure, list, usage};

/// SB1501.
pub(crate) fn backfill_missing<'a>(
    id: &str,
    known: impl Iterator<Item = &'a str> + Clone,
) -> Failure {
    let found = Diagnostic::error(
        Code::BackfillMissing,
        format!("there is no backfill `{id}`"),
    );
    match nearest(id, known.clone()) {
        Some(near) => found.hint(format!("did you mean `{near}`?")),
        None => found.hint(format!("backfills here: {}", list(known))),
    }
    .hint_command("write a new one", "switchback backfill new --help")
    .into()
}

/// SB1519: what is asked of the fill of a change is for the commands of the change.
pub(crate) fn backfill_of_change(id: &str, change: &str, back: bool, environment: &str) -> Failure {
    let (what, command) = match back {
        true => ("take the step back", "undo"),
        false => ("go on with the step", "apply"),
    };
    Diagnostic::error(
        Code::BackfillOfChange,
        format!("`{id}` is the fill of a change"),
    )
    .hint_command(
        what,
        format!("switchback change {command} {change} --env {environment}"),
    )
    .into()
}

/// SB1502, with the place.
pub(crate) fn backfill_wrong(shown: &str, text: &str, error: JobError) -> Failure {
    let code = match &error {
        JobError::Query(_) => Code::QueryUnfit,
        _ => Code::BackfillSyntax,
    };
    let found = Diagnostic::error(code, format!("{shown} cannot be used")).caused_by(&error);
    let found = match error {
        JobError::Form {
            span: Some(span), ..
        } => found.at(Location::of_span(shown, text, span)),
        JobError::Schema { .. } => found.hint("use a newer version of switchback"),
        JobError::Query(_) => {
            return found
                .hint_command("see what a query may say", "switchback explain query-unfit")
                .into();
        }
        JobError::Form { span: None, .. } | JobError::Missing { .. } => found,
    };
    found
        .hint_command(
            "see what a file may say",
            "switchback explain backfill-syntax",
        )
        .into()
}

/// SB1502: not text.
pub(crate) fn backfill_not_utf8(shown: &str) -> Failure {
    Diagnostic::error(
        Code::BackfillSyntax,
        format!("{shown} is not text in UTF-8"),
    )
    .hint("take the file back from Git")
    .into()
}

/// SB1502: beyond reason.
pub(crate) fn backfill_too_large(shown: &str, limit: u64) -> Failure {
    Diagnostic::error(
        Code::BackfillSyntax,
        format!("{shown} is larger than {limit} bytes"),
    )
    .hint("put what takes so much text into a function of the database")
    .into()
}

/// A backfill that was typed is none.
pub(crate) fn backfill_not_written(error: &JobError) -> Failure {
    usage("the backfill cannot be written")
        .caused_by(error)
        .into()
}

/// `--set` is none.
pub(crate) fn wrong_set(text: &str, why: &str) -> Failure {
    usage(format!("`--set {text}` {why}"))
        .hint("write COLUMN=SQL, such as --set 'email = lower(email)'")
        .into()
}

/// SB1503, or what else keeps a server from saying what is needed.
pub(crate) fn not_fillable(
    id: &BackfillId,
    environment: &EnvironmentName,
    error: ChangeError,
) -> Failure {
    match &error {
        ChangeError::Unfit {
            reason: Unfit::Query(fault),
            ..
        } => query_unfit(Some(id), environment, fault),
        ChangeError::NoTable { .. } | ChangeError::NoColumn { .. } | ChangeError::Unfit { .. } => {
            refused(id, environment, &error)
        }
        _ => super::on_server(&error),
    }
}

/// SB1517, or SB1518 where a row is given twice; of a backfill that is begun, if none is named.
pub(crate) fn query_unfit(
    id: Option<&BackfillId>,
    environment: &EnvironmentName,
    fault: &QueryFault,
) -> Failure {
    let message = match id {
        Some(id) => format!("the backfill `{id}` cannot be done in {environment}"),
        None => format!("the query of the backfill cannot be used in {environment}"),
    };
    let code = match fault {
        QueryFault::Twice { .. } => Code::GivenTwice,
        _ => Code::QueryUnfit,
    };
    let found = Diagnostic::error(code, message).caused_by(fault);
    let found = match fault {
        QueryFault::Twice { .. } => {
            found.hint("let the query GROUP BY the columns of the key, or pick one of such rows")
        }
        QueryFault::NoKey => found.hint("give the table a primary key"),
        _ => found,
    };
    match id {
        Some(_) => found.hint(NOTHING),
        None => {
            found.hint("mend the query, then run it with --anew; what was changed before stays")
        }
    }
    .into()
}

/// SB1503, or what else is wrong with a file.
pub(crate) fn not_fillable_in_file(
    id: &BackfillId,
    environment: &EnvironmentName,
    error: &DbError,
) -> Failure {
    match error {
        DbError::NoTable { .. } | DbError::NoColumn { .. } => refused(id, environment, error),
        _ => super::database(error),
    }
}

/// SB1503, for a reason that SQLite gives or that its kind of table has.
pub(crate) fn not_on_this_table(
    id: &BackfillId,
    environment: &EnvironmentName,
    reason: impl Into<String>,
) -> Failure {
    head(id, environment)
        .cause(reason.into())
        .hint(NOTHING)
        .into()
}

const NOTHING: &str = "mend the file or the table; nothing was touched";

fn head(id: &BackfillId, environment: &EnvironmentName) -> Diagnostic {
    Diagnostic::error(
        Code::NotFillable,
        format!("the backfill `{id}` cannot be done in {environment}"),
    )
}

fn refused(
    id: &BackfillId,
    environment: &EnvironmentName,
    error: &dyn std::error::Error,
) -> Failure {
    head(id, environment).caused_by(error).hint(NOTHING).into()
}

/// SB1503 to SB1506.
pub(crate) fn no_strategy(
    id: &BackfillId,
    environment: &EnvironmentName,
    refusal: &Refusal,
) -> Failure {
    let (code, hint) = match refusal {
        Refusal::NoKeyForUndo { .. } => (
            Code::NoKeyForUndo,
            "give the table a primary key, or say `keep-undo = false`: then it cannot be undone",
        ),
        Refusal::NoKeyForProgram { .. } => (
            Code::NotFillable,
            "give the table a primary key, by which a row is found again",
        ),
        Refusal::MovesPartition { .. } => (
            Code::NotFillable,
            "move such rows in a change of the application's own; nothing was touched",
        ),
        Refusal::NoReplicaIdentity { .. } => (
            Code::NotFillable,
            "give the table a primary key, or a replica identity with `ALTER TABLE … REPLICA \
             IDENTITY`",
        ),
        Refusal::NeverDone { .. } => (
            Code::NeverDone,
            "say which rows get it, such as `only = \"COLUMN IS NULL\"`, or write the value itself",
        ),
        _ => (
            Code::StrategyUnfit,
            "leave --strategy out to have one chosen",
        ),
    };
    Diagnostic::error(
        code,
        format!("the backfill `{id}` cannot be done in {environment}"),
    )
    .caused_by(refusal)
    .hint(hint)
    .into()
}

/// What a backfill on a server came to.
pub(crate) fn backfill_on_server(
    environment: &EnvironmentName,
    error: &on_server::BackfillError,
) -> Failure {
    use on_server::BackfillError as E;
    match error {
        E::Database(ChangeError::Unfit {
            reason: Unfit::Query(fault),
            ..
        }) => query_unfit(None, environment, fault),
        E::Database(error) => super::on_server(error),
        E::Unknown { job } => not_begun(job, environment),
        E::OtherVersion { job, .. } => edited(job, environment, error),
        E::OtherColumns { job } => other_columns(job, environment),
        E::Stands { job, status } => stands(job, environment, *status),
        E::NothingKept { job } => nothing_kept(job, error),
        E::Expired { job, .. } => expired(job, environment, error),
        E::Program(error) => super::program::program(environment, error),
        E::Format { .. } => Diagnostic::error(Code::DatabaseFormat, OTHER_FORMAT)
            .caused_by(error)
            .hint("use the version of switchback that wrote them")
            .into(),
        _ => Diagnostic::error(Code::Internal, GARBLED)
            .caused_by(error)
            .hint("nothing was changed; the control tables are in the schema _switchback")
            .into(),
    }
}

const OTHER_FORMAT: &str = "another version of switchback has done backfills in this database";
const GARBLED: &str = "what the database holds of the backfill cannot be read";

/// What a backfill in a file came to.
pub(crate) fn backfill_in_file(
    environment: &EnvironmentName,
    error: &in_file::BackfillError,
) -> Failure {
    use in_file::BackfillError as E;
    match error {
        E::Db(error) => super::database(error),
        E::NoJob { job } => not_begun(job, environment),
        E::OtherDefinition { job, .. } => edited(job, environment, error),
        E::Status { job, from, .. } => stands(job, environment, *from),
        E::NothingKept { job, .. } => nothing_kept(job, error),
        E::Expired { job, .. } => expired(job, environment, error),
        E::Query { fault, .. } => query_unfit(None, environment, fault),
        E::Program(error) => super::program::program(environment, error),
        E::Definition { .. } => {
            Diagnostic::error(Code::NotFillable, "the backfill cannot be done here")
                .caused_by(error)
                .hint(NOTHING)
                .into()
        }
        _ => Diagnostic::error(Code::Internal, GARBLED)
            .caused_by(error)
            .hint("nothing was changed; the control tables begin with _switchback_backfill")
            .into(),
    }
}

/// SB1507.
pub(crate) fn not_begun(job: &str, environment: &EnvironmentName) -> Failure {
    Diagnostic::error(
        Code::BackfillNotBegun,
        format!("the backfill `{job}` was never begun in {environment}"),
    )
    .hint_command(
        "see which ones were",
        format!("switchback backfill status --env {environment}"),
    )
    .hint_command(
        "or begin it",
        format!("switchback backfill run {job} --env {environment}"),
    )
    .into()
}

/// SB1508.
fn edited(job: &str, environment: &EnvironmentName, error: &dyn std::error::Error) -> Failure {
    Diagnostic::error(
        Code::BackfillEdited,
        format!("the backfill `{job}` was begun in {environment} with another definition"),
    )
    .caused_by(error)
    .hint("take the file back to what it was, to go on with what was begun")
    .hint_command(
        "or walk all rows with the definition as it is now",
        format!("switchback backfill run {job} --env {environment} --anew"),
    )
    .into()
}

/// SB1508, where what was changed before stands in the way.
fn other_columns(job: &str, environment: &EnvironmentName) -> Failure {
    Diagnostic::error(
        Code::BackfillEdited,
        format!("the backfill `{job}` has changed other columns in {environment}"),
    )
    .cause("their former values are kept, and could not be put back any more")
    .hint_command(
        "put them back first",
        format!("switchback backfill undo {job} --env {environment}"),
    )
    .hint_command(
        "or write a backfill of its own for the new columns",
        "switchback backfill new --help",
    )
    .into()
}

/// SB1508, where some rows were to be done again.
pub(crate) fn again_otherwise(job: &BackfillId, environment: &EnvironmentName) -> Failure {
    Diagnostic::error(
        Code::BackfillEdited,
        format!("rows of the backfill `{job}` cannot be done again in {environment}"),
    )
    .cause(
        "its file writes another table or other columns than when it was begun, or keeps former \
         values where it did not or the other way round: an undo could not go back to before",
    )
    .hint("change only what the columns get, and which rows get it")
    .hint_command(
        "or put back what it changed, and begin anew",
        format!("switchback backfill undo {job} --env {environment}"),
    )
    .into()
}

/// SB1540: what was typed names no rows.
pub(crate) fn range_unknown(id: &BackfillId, text: &str, error: &PartError) -> Failure {
    Diagnostic::error(
        Code::RangeUnknown,
        format!("`--range {text}` names no rows of the backfill `{id}`"),
    )
    .caused_by(error)
    .hint_command("see how rows are named", "switchback explain range-unknown")
    .into()
}

/// SB1540 to SB1542.
pub(crate) fn not_again(
    id: &BackfillId,
    environment: &EnvironmentName,
    error: &RerunError,
) -> Failure {
    let code = match error {
        RerunError::Unsaid { .. } => Code::RangeLost,
        RerunError::Other { .. } => Code::RerunUnderWay,
        _ => Code::RangeUnknown,
    };
    let found = Diagnostic::error(
        code,
        format!("rows of the backfill `{id}` cannot be done again in {environment}"),
    )
    .caused_by(error);
    match error {
        RerunError::Unsaid { .. } => found
            .hint("name the rows by their keys, such as --range 1000..2000")
            .hint_command(
                "or walk all rows with the definition as it is now",
                format!("switchback backfill run {id} --env {environment} --anew"),
            ),
        RerunError::Other { .. } => found
            .hint_command(
                "bring that to its end first",
                format!("switchback backfill run {id} --env {environment}"),
            )
            .hint_command(
                "or call it off",
                format!("switchback backfill cancel {id} --env {environment}"),
            ),
        _ => found.hint_command(
            "see the ranges of its walks",
            format!("switchback backfill status {id} --env {environment} --ranges"),
        ),
    }
    .into()
}

/// SB1509.
pub(crate) fn stands(job: &str, environment: &EnvironmentName, status: JobStatus) -> Failure {
    let found = Diagnostic::error(
        Code::BackfillStands,
        format!("the backfill `{job}` is {} in {environment}", status.word()),
    );
    match status {
        JobStatus::Undoing => found.hint_command(
            "end the undo first",
            format!("switchback backfill undo {job} --env {environment}"),
        ),
        _ => found,
    }
    .hint_command(
        "see where it stands",
        format!("switchback backfill status {job} --env {environment}"),
    )
    .into()
}

/// SB1510.
fn nothing_kept(job: &str, error: &dyn std::error::Error) -> Failure {
    Diagnostic::error(
        Code::NothingKept,
        format!("the backfill `{job}` cannot be undone"),
    )
    .caused_by(error)
    .hint("restore the column from a backup, or write a backfill that computes it back")
    .into()
}

/// SB1543.
fn expired(job: &str, environment: &EnvironmentName, error: &dyn std::error::Error) -> Failure {
    Diagnostic::error(
        Code::UndoExpired,
        format!("the backfill `{job}` cannot be undone in {environment} any more"),
    )
    .caused_by(error)
    .hint("restore the column from a backup, or write a backfill that computes it back")
    .hint_command("see what was dropped, and by whom", "switchback ledger log")
    .into()
}

/// SB1511.
pub(crate) fn backfill_failed(
    id: &BackfillId,
    environment: &EnvironmentName,
    reason: &str,
) -> Failure {
    Diagnostic::error(
        Code::BackfillFailed,
        format!("the backfill `{id}` failed in {environment}"),
    )
    .cause(reason.to_owned())
    .hint("what was changed stays, and nothing else is done")
    .hint_command(
        "mend what it names, then go on from there",
        format!("switchback backfill run {id} --env {environment}"),
    )
    .hint_command(
        "or put everything back",
        format!("switchback backfill undo {id} --env {environment}"),
    )
    .into()
}

/// SB1512.
pub(crate) fn backfill_not_right(
    id: &BackfillId,
    environment: &EnvironmentName,
    reasons: &[String],
    refused: bool,
) -> Failure {
    let mut found = Diagnostic::error(
        Code::BackfillNotRight,
        format!("rows of {environment} have not what the backfill `{id}` gives them"),
    );
    for reason in reasons {
        found = found.cause(reason.clone());
    }
    if refused {
        found = found.hint_command(
            "see which rows refused it, and mend them",
            format!("switchback backfill status {id} --env {environment}"),
        );
    }
    found
        .hint_command(
            "find out what wrote such rows, then give them what they should have",
            format!("switchback backfill run {id} --env {environment} --anew"),
        )
        .into()
}
