//! The shell script that owns a server, and the user that it runs as.

use std::fs;
use std::os::unix::fs::{MetadataExt, chown};
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Child, Command, Stdio};

use crate::error::ScratchError;

/// Where the script says that there will be no server.
pub(crate) const ENDED: &str = "ended";

/// What the script, `initdb` and the server say.
pub(crate) const LOG: &str = "log";

/// `$1`: folder of the programs, `$2`: the temporary folder, then the server's arguments.
///
/// The server's own shell is there to say that it has ended, before it was ready or at any time.
/// SIGQUIT stops a server at once, together with its children. It is sent until it works: a shell
/// without job control starts programs that ignore it, and the server changes that a moment later.
const OWNER: &str = r#"
bin=$1; dir=$2; shift 2; cd "$dir" || exit 1
end() { read -r _; rm -rf "$dir"; exit; }
"$bin/initdb" -D "$dir/data" -U postgres -A trust -E UTF8 --locale=C --no-sync >"$dir/log" 2>&1 ||
    { echo 1 >"$dir/ended"; end; }
(
    "$bin/postgres" -D "$dir/data" -k "$dir" "$@" </dev/null >>"$dir/log" 2>&1 &
    echo $! >"$dir/pid"
    wait $!
    echo 1 >"$dir/ended"
) &
read -r _
until [ -e "$dir/ended" ]; do
    kill -QUIT "$(cat "$dir/pid" 2>/dev/null)" 2>/dev/null
    sleep 0.02
done
wait
rm -rf "$dir"
"#;

/// Starts the script. It ends, and the server with it, when the child's standard input does.
pub(crate) fn start(
    binaries: &Path,
    folder: &Path,
    arguments: &[String],
) -> Result<Child, ScratchError> {
    let mut command = Command::new("/bin/sh");
    if let Some((user, group)) = somebody_else(folder)? {
        chown(folder, Some(user), Some(group))
            .map_err(ScratchError::io("cannot give the temporary folder away"))?;
        // std also drops the supplementary groups of root.
        command.uid(user).gid(group);
    }
    command
        .args(["-c", OWNER, "switchback-postgres-owner"])
        .args([binaries, folder])
        .args(arguments)
        .env_clear()
        .env(
            "PATH",
            "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
        )
        .env("LC_ALL", "C")
        .env("TZ", "UTC")
        .current_dir("/")
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        // Out of reach of a Ctrl-C, which would kill the owner before it has cleaned up.
        .process_group(0);
    command
        .spawn()
        .map_err(ScratchError::io("cannot start a shell to own the server"))
}

/// Whom to run as: nobody else unless we are root. User and group.
fn somebody_else(folder: &Path) -> Result<Option<(u32, u32)>, ScratchError> {
    let failed = ScratchError::io("cannot tell who runs this");
    // The owner of what this process makes is its effective user; std has no `geteuid`.
    if fs::metadata(folder).map_err(&failed)?.uid() != 0 {
        return Ok(None);
    }
    let users = fs::read_to_string("/etc/passwd").map_err(failed)?;
    let user = find(&users, "nobody").or_else(|| find(&users, "postgres"));
    user.map(Some).ok_or(ScratchError::NoUser)
}

fn find(users: &str, name: &str) -> Option<(u32, u32)> {
    users.lines().find_map(|line| {
        let mut fields = line.split(':');
        if fields.next() != Some(name) {
            return None;
        }
        let user = fields.nth(1)?.parse().ok()?;
        let group = fields.next()?.parse().ok()?;
        // Somebody made them root.
        (user != 0).then_some((user, group))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn users_are_found_by_their_whole_name() {
        let users = "root:x:0:0::/:/bin/sh\nnobody2:x:7:8::/:\nnobody:x:65534:65533::/:/bin/no\n";
        assert_eq!(find(users, "nobody"), Some((65534, 65533)));
        assert_eq!(find(users, "postgres"), None);
        assert_eq!(find(users, "root"), None);
    }
}
