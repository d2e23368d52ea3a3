//! A library that ends the process it is loaded into by SIGKILL, at one of its writes to a file.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

/// The library that kills.
pub(crate) fn killer() -> &'static Path {
    static BUILT: OnceLock<PathBuf> = OnceLock::new();
    BUILT.get_or_init(|| {
        let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/killer/killer.c");
        let folder = Path::new(env!("CARGO_TARGET_TMPDIR"));
        let made = folder.join(format!("killer-{}.so", std::process::id()));
        let built = folder.join("killer.so");
        // The compiler that has built SQLite.
        let status = Command::new("cc")
            .args(["-shared", "-fPIC", "-O1", "-Wall", "-o"])
            .args([&made, &source])
            .arg("-ldl")
            .status()
            .unwrap();
        assert!(status.success(), "cc: {status}");
        std::fs::rename(made, &built).unwrap();
        built
    })
}
