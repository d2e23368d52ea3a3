//! What is wrong with a folder or its files, as findings.

use switchback_diag::{Code, Severity};

use super::Finding;
use crate::history::{Folder, Problem, ProblemKind};

/// The finding for a problem; how much it matters is the rule's.
pub(super) fn finding(problem: &Problem, folder: &Folder) -> Finding {
    let tool = folder.tool;
    let (code, cause, safer) = match &problem.kind {
        ProblemKind::SameVersion { .. } => (
            Code::SameVersion,
            format!("{tool} applies one of them, or neither, and remembers only the version"),
            "give the newer one a version of its own, above all others".to_owned(),
        ),
        ProblemKind::DownWithoutUp => (
            Code::DownWithoutUp,
            format!("{tool} never runs it"),
            "bring its way up back, or delete it".to_owned(),
        ),
        ProblemKind::NotUtf8 { .. } | ProblemKind::ByteOrderMark => (
            Code::NotUtf8,
            "what the server makes of these bytes depends on its settings".to_owned(),
            "save the file as UTF-8 without a byte order mark".to_owned(),
        ),
        ProblemKind::Section(_) => (
            Code::SectionMarker,
            format!("{tool} refuses the file, or runs something else than it shows"),
            format!("bring the file into the form that {tool} documents"),
        ),
        ProblemKind::Checksum { .. } => (
            Code::ChecksumDiffers,
            format!("{tool} refuses to run a migration that is not what it was"),
            "take the edit back and make it in a new migration; if it was never applied, have the \
             tool make the checksums again"
                .to_owned(),
        ),
        ProblemKind::Name(_)
        | ProblemKind::Empty { .. }
        | ProblemKind::Unlisted { .. }
        | ProblemKind::Missing { .. } => (
            Code::FilePassedOver,
            format!("what is in the folder and what {tool} runs are not the same"),
            "give the file the form that the tool expects, or move it elsewhere".to_owned(),
        ),
        ProblemKind::Unread | ProblemKind::Code => (
            Code::MigrationNotRead,
            "what it makes and drops is not known to what follows".to_owned(),
            "judge it by hand".to_owned(),
        ),
    };
    Finding {
        code,
        severity: Severity::Error,
        file: problem.file.clone(),
        span: problem.span.clone(),
        message: problem.kind.to_string(),
        causes: vec![cause],
        safer: vec![safer],
        table: None,
        fix: None,
    }
}
