//! Severe actions ask for the environment's name before they begin.

use std::io::{self, BufRead, IsTerminal as _, Write};

use clap::Args;
use switchback_diag::{escape_line, theme::styled};
use switchback_model::EnvironmentName;

use crate::errors::{self, Failure};
use crate::shell::Shell;

/// The flag of every command that may ask.
#[derive(Debug, Clone, Copy, Args)]
pub(crate) struct Consent {
    /// Do not ask for a confirmation
    #[arg(long)]
    pub(crate) yes: bool,
}

/// Asks for the environment's name on the terminal before `action`, which says in one line what is
/// about to happen: `remove users.email_addr`. Without a terminal nobody is asked and nothing
/// waits: it fails unless `--yes` was given.
///
/// # Errors
/// SB0107 if there is no terminal, SB0110 if something else was typed.
pub(crate) fn by_name(
    shell: &Shell,
    consent: Consent,
    environment: &EnvironmentName,
    action: &str,
) -> Result<(), Failure> {
    if consent.yes {
        return Ok(());
    }
    if shell.out.is_json() || !io::stdin().is_terminal() || !io::stderr().is_terminal() {
        return Err(errors::needs_confirmation(environment, action));
    }
    let theme = shell.out.talk_theme();
    let prompt = format!(
        "{} {} in {}.\nType the environment's name to go on: ",
        styled(theme.warning, "About to"),
        escape_line(action),
        styled(theme.strong, environment.as_str()),
    );
    match ask(
        &mut io::stdin().lock(),
        &mut io::stderr().lock(),
        &prompt,
        environment.as_str(),
    ) {
        Ok(true) => Ok(()),
        Ok(false) => Err(errors::not_confirmed(environment, action)),
        // A terminal that cannot be read is no terminal.
        Err(_) => Err(errors::needs_confirmation(environment, action)),
    }
}

fn ask(
    input: &mut dyn BufRead,
    output: &mut dyn Write,
    prompt: &str,
    expected: &str,
) -> io::Result<bool> {
    output.write_all(prompt.as_bytes())?;
    output.flush()?;
    let mut line = String::new();
    input.read_line(&mut line)?;
    Ok(line.trim() == expected)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answer(typed: &str) -> bool {
        let mut shown = Vec::new();
        let yes = ask(&mut typed.as_bytes(), &mut shown, "Name? ", "production").unwrap();
        assert_eq!(shown, b"Name? ");
        yes
    }

    #[test]
    fn only_the_whole_name_confirms() {
        assert!(answer("production\n") && answer("  production \n") && answer("production"));
        assert!(!answer("") && !answer("\n") && !answer("y\n") && !answer("Production\n"));
    }
}
