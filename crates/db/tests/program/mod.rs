//! Programs in Python that say what rows get.

use std::time::{Duration, Instant};

use tempfile::TempDir;

/// The command of a program that has said that it understands, and calls `say(line)` of `body` for
/// each row, as JSON. The strings of JSON are strings of TOML too.
pub(crate) fn command(body: &str) -> serde_json::Value {
    let script = format!(
        "import json, os, sys, time\n\
         def answer(**said): print(json.dumps(said), flush=True)\n\
         {body}\n\
         hello = json.loads(sys.stdin.readline())\n\
         answer(protocol='switchback.rows/v1')\n\
         for line in sys.stdin:\n\
         \x20   line = json.loads(line)\n\
         \x20   if 'row' in line: say(line)\n"
    );
    serde_json::json!(["python3", "-c", script])
}

/// Where a program waits until a test lets it go on.
pub(crate) struct Gate(TempDir);

impl Gate {
    pub(crate) fn shut() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    /// The body of a program in which `wait()` waits until the gate is open.
    pub(crate) fn before(&self, body: &str) -> String {
        format!(
            "def wait():\n\
             \x20   open({:?}, 'w').close()\n\
             \x20   while not os.path.exists({:?}): time.sleep(0.01)\n\
             {body}",
            self.0.path().join("reached"),
            self.0.path().join("open"),
        )
    }

    /// Waits until a program waits.
    pub(crate) fn reached(&self) {
        let began = Instant::now();
        while !self.0.path().join("reached").exists() {
            assert!(began.elapsed() < Duration::from_secs(60), "nobody waits");
            std::thread::sleep(Duration::from_millis(10));
        }
    }

    /// From now on nobody waits.
    pub(crate) fn open(&self) {
        std::fs::write(self.0.path().join("open"), "").unwrap();
    }
}
