//! Rehearsals of changes: what they found, and why there was none.

use std::error::Error;
use std::path::Path;

use switchback_db::postgres::PgError;
use switchback_db::postgres::rehearsal::DumpError;
use switchback_diag::{Code, Diagnostic};
use switchback_migration::Engine;
use switchback_migration::history::{Misfit, Tool};
use switchback_migration::reads::guard::{Unseen, one_line, several};
use switchback_migration::workload::own::executed::Taken;
use switchback_model::{ChangeId, EnvironmentName, StepName};

use super::server::no_url;
use super::{Failure, postgres, with_some};

/// How many statements are shown.
const SHOWN: usize = 10;

/// A step failed: SB0408.
pub(crate) fn rehearsal_failed(change: &ChangeId, step: &StepName, fault: &str) -> Failure {
    Diagnostic::error(
        Code::RehearsalFailed,
        format!("the step `{step}` failed in the rehearsal of {change}"),
    )
    .cause(fault.to_owned())
    .hint("mend the change's SQL, and rehearse it again")
    .into()
}

/// The change cannot be walked on that database: SB0409.
pub(crate) fn no_rehearsal(change: &ChangeId, source: &str, error: &dyn Error) -> Failure {
    let mut found = Diagnostic::error(
        Code::NoRehearsal,
        format!("the change {change} cannot be rehearsed on {source}"),
    );
    found.causes.push(error.to_string());
    let mut cause = error.source();
    while let Some(error) = cause {
        found.causes.push(error.to_string());
        cause = error.source();
    }
    found
        .hint("if the change has begun there, build the schema from migrations with --migrations")
        .into()
}

/// A file is no workload: SB0409.
pub(crate) fn no_workload(change: &ChangeId, path: &Path, why: &str) -> Failure {
    Diagnostic::error(
        Code::NoRehearsal,
        format!(
            "{} cannot be played in a rehearsal of {change}",
            path.display()
        ),
    )
    .cause(why)
    .hint("each statement reads or changes rows, and each parameter stands beside a column")
    .into()
}

/// A database cannot be asked what was executed in it. The URL may hold a password and is not shown.
pub(crate) fn not_asked(variable: &str, error: &PgError) -> Failure {
    match error {
        PgError::Address { .. } => no_url(variable, error),
        _ => postgres(error),
    }
}

/// Nothing that was executed can be played: SB0409.
pub(crate) fn nothing_executed(
    change: &ChangeId,
    variable: &str,
    taken: &Taken,
    unseen: &[Unseen],
) -> Failure {
    let mut found = Diagnostic::error(
        Code::NoRehearsal,
        format!(
            "no statement that the database of {variable} counted can be played in a rehearsal of \
             {change}"
        ),
    );
    let causes = taken.left_out.iter().map(|(executed, why)| {
        let text = one_line(&executed.text);
        format!("{}: {why}: {text}", executed.name)
    });
    found = with_some(found, causes, SHOWN);
    for it in unseen {
        found = found.cause(format!("not seen: {}", it.what));
    }
    if taken.others > 0 {
        let others = several(taken.others, "statement");
        found = found.cause(format!("{others} there name no table of the change"));
    }
    for it in unseen.iter().filter(|it| !it.way_out.is_empty()) {
        found = found.hint(it.way_out.clone());
    }
    found
        .hint("or write the statements into a file, and name it with --workload")
        .into()
}

/// Nothing says where the schema comes from: SB0409.
pub(crate) fn no_schema_named() -> Failure {
    Diagnostic::error(
        Code::NoRehearsal,
        "nothing says where the schema for the rehearsal comes from",
    )
    .cause("no environment's PostgreSQL database has its URL set")
    .hint("name a folder of migrations with --migrations, or a copy with --url-from")
    .into()
}

/// The copy is the database of an environment: SB0409.
pub(crate) fn copy_is_original(variable: &str, environment: &EnvironmentName) -> Failure {
    Diagnostic::error(
        Code::NoRehearsal,
        format!("{variable} names the database of {environment}, which a rehearsal must not alter"),
    )
    .hint("restore a backup into a database of its own, and name that")
    .hint(format!(
        "or copy the schema without rows: --from {environment}"
    ))
    .into()
}

/// The schema of an environment cannot be copied: SB0409.
pub(crate) fn no_dump(environment: &EnvironmentName, error: &DumpError) -> Failure {
    Diagnostic::error(
        Code::NoRehearsal,
        format!("the schema of {environment} cannot be copied"),
    )
    .caused_by(error)
    .hint("pg_dump must be there, and as new as the server; --postgres-bin names its folder")
    .hint("or build the schema from a folder of migrations with --migrations")
    .into()
}

/// The schema cannot be built: SB0409.
pub(crate) fn schema_not_built(source: &str, migration: &str, why: &str) -> Failure {
    Diagnostic::error(
        Code::NoRehearsal,
        format!("the schema cannot be built from {source}"),
    )
    .cause(format!("{migration}: {why}"))
    .hint("find out which migrations cannot be applied with --history")
    .into()
}

/// Changes on that engine are not rehearsed: SB0409.
pub(crate) fn not_rehearsed(change: &ChangeId, engine: Engine) -> Failure {
    Diagnostic::error(
        Code::NoRehearsal,
        format!("the change {change} is for {engine}, where changes are not rehearsed"),
    )
    .hint("see what is done on which engine in the guide's page on changes")
    .into()
}

/// No environment has a SQLite file: SB0409.
pub(crate) fn no_file_named() -> Failure {
    Diagnostic::error(
        Code::NoRehearsal,
        "no environment has a SQLite database to copy for the rehearsal",
    )
    .hint("set `environment.database` in switchback.toml")
    .into()
}

/// There is no folder for the copy: SB0409.
pub(crate) fn no_copy(environment: &EnvironmentName, error: &std::io::Error) -> Failure {
    Diagnostic::error(
        Code::NoRehearsal,
        format!("the database of {environment} cannot be copied to a temporary folder"),
    )
    .cause(error.to_string())
    .hint("make room there, or name another folder with TMPDIR")
    .into()
}

/// There is no folder for a scratch file: SB0409.
pub(crate) fn no_scratch_file(error: &std::io::Error) -> Failure {
    Diagnostic::error(
        Code::NoRehearsal,
        "no folder can be made for the scratch database",
    )
    .cause(error.to_string())
    .hint("make room there, or name another folder with TMPDIR")
    .into()
}

/// Nobody knows where a tool writes down what it has applied: SB0409.
pub(crate) fn no_record(tool: Tool) -> Failure {
    Diagnostic::error(
        Code::NoRehearsal,
        format!("what {tool} has applied to a copy cannot be told from the copy"),
    )
    .hint("rehearse the whole folder, without --url-from")
    .hint(
        "if another tool applies the folder, name it in switchback.toml: `migrations.folder.tool`",
    )
    .into()
}

/// The copy has things in it, and no record of migrations: SB0409.
pub(crate) fn not_recorded(tool: Tool, table: &str, variable: &str, what: &str) -> Failure {
    Diagnostic::error(
        Code::NoRehearsal,
        format!("the copy that {variable} names does not say which migrations are applied"),
    )
    .cause(format!(
        "it has {what}, and no table `{table}`, in which {tool} writes them down"
    ))
    .hint("copy that table too, or name the tool that applies the folder in switchback.toml")
    .into()
}

/// The copy has several records of migrations: SB0409.
pub(crate) fn several_records(tool: Tool, variable: &str, tables: &[String]) -> Failure {
    Diagnostic::error(
        Code::NoRehearsal,
        format!("the copy that {variable} names has several records of what {tool} has applied"),
    )
    .cause(tables.join(", "))
    .hint("put the schema of the one that counts into the search path: `?options=-csearch_path%3Dname`")
    .into()
}

/// A migration was begun in the copy and did not come to its end: SB1315.
pub(crate) fn applied_in_part(tool: Tool, variable: &str, misfit: &Misfit) -> Failure {
    let name = format!("{} {}", misfit.version, misfit.name);
    Diagnostic::error(
        Code::AppliedInPart,
        format!(
            "{} was applied in part to the copy that {variable} names",
            name.trim()
        ),
    )
    .cause(format!(
        "{tool} began it, and did not write down that it ended"
    ))
    .hint("take back by hand what is there of it, or finish it, and repair the tool's record")
    .hint("then copy the database again")
    .into()
}
