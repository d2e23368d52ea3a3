//! Errors of what a run shows to monitoring.

use std::io;
use std::net::SocketAddr;
use std::path::Path;

use switchback_diag::{Code, Diagnostic};

use super::Failure;

/// Metrics cannot be served there: SB1520.
pub(crate) fn metrics_address(address: SocketAddr, error: &io::Error) -> Failure {
    let hint = match error.kind() {
        io::ErrorKind::AddrInUse => {
            "take another port, or --metrics-file; `ss -ltnp` shows who listens"
        }
        io::ErrorKind::AddrNotAvailable => {
            "this machine has no such address; `ip address` lists them"
        }
        io::ErrorKind::PermissionDenied => "take a port from 1024 on",
        _ => "take another address, or --metrics-file",
    };
    Diagnostic::error(
        Code::MetricsAddress,
        format!("metrics cannot be served at {address}"),
    )
    .cause(error.to_string())
    .hint(hint)
    .into()
}

/// Metrics cannot be written into this file: SB1521.
pub(crate) fn metrics_file(path: &Path, error: &io::Error) -> Failure {
    let hint = match error.kind() {
        io::ErrorKind::NotFound | io::ErrorKind::NotADirectory => {
            "make the folder, or check the path"
        }
        io::ErrorKind::IsADirectory => "name a file in that folder",
        io::ErrorKind::PermissionDenied => "check who owns the folder and its permissions",
        io::ErrorKind::ReadOnlyFilesystem => "the file system is read-only",
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => "make room on the disk",
        _ => "name a file in another folder",
    };
    Diagnostic::error(
        Code::MetricsFile,
        format!("metrics cannot be written to {}", path.display()),
    )
    .cause(error.to_string())
    .hint(hint)
    .into()
}
