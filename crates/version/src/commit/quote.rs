//! What a bot quotes of a dependency that it raises: the release notes of somebody else.

/// Which lines of a message are such quotes; empty if none is.
///
/// Renovate and Dependabot fold them into `<details>`, below a line which says that dependencies are
/// raised. A fold that is not closed is none, so that nothing behind it is lost.
pub(super) fn lines(message: &str) -> Vec<bool> {
    if !message.lines().any(|line| says_so(line.trim())) {
        return Vec::new();
    }
    let mut quoted = Vec::new();
    // The lines since a fold was opened, and how many are open.
    let (mut pending, mut open) = (0_usize, 0_usize);
    for line in message.lines() {
        open += line.matches("<details").count();
        if open == 0 {
            quoted.push(false);
            continue;
        }
        pending += 1;
        open = open.saturating_sub(line.matches("</details").count());
        if open == 0 {
            quoted.resize(quoted.len() + pending, true);
            pending = 0;
        }
    }
    quoted
}

/// Whether a line is the one with which a bot says that it raises dependencies. A forge may have cut
/// it where it is long.
fn says_so(line: &str) -> bool {
    const BEGINNINGS: [&str; 3] = [
        "This PR contains the following updates",
        "Bumps [",
        "Bumps the ",
    ];
    line == "Bumps" || BEGINNINGS.iter().any(|it| line.starts_with(it))
}
