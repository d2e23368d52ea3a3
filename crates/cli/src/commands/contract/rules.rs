//! `switchback contract rules`.

use clap::Args;
use serde::Serialize;
use switchback_diag::Exit;
use switchback_version::Level;
use switchback_version::contract::{self, Rule, Surface};

use crate::output::View;
use crate::page::{Cell, Page, Role};
use crate::shell::Shell;

use super::diff::surface;

/// List the rules, with how much each raises the version
#[derive(Debug, Args)]
pub(crate) struct Rules {
    /// Only those for this kind of contract
    #[arg(long, value_name = "KIND", value_parser = surface)]
    kind: Option<Surface>,
}

#[derive(Serialize)]
struct Listed {
    rules: Vec<&'static Rule>,
}

impl Rules {
    pub(super) fn run(self, shell: &Shell) -> Exit {
        let wanted = |rule: &&Rule| self.kind.is_none_or(|kind| rule.surface == kind);
        let rules: Vec<_> = contract::rules().filter(wanted).collect();
        shell.out.data(&Listed { rules });
        Exit::Ok
    }
}

impl View for Listed {
    const SCHEMA: &'static str = "switchback.contract-rules/v1";

    fn about_bytes(&self) -> usize {
        256 + self.rules.len() * 220
    }

    fn human(&self, page: &mut Page) {
        let row = |rule: &&'static Rule| {
            vec![
                Cell::new(role(rule.level), rule.level.name()),
                Cell::from(rule.certainty.word()),
                Cell::new(Role::Strong, rule.id),
                Cell::from(rule.line),
            ]
        };
        let rows: Vec<Vec<Cell>> = self.rules.iter().map(row).collect();
        page.table(0, &["level", "certainty", "rule", "what changed"], &rows);
    }
}

/// How a level looks.
pub(super) fn role(level: Level) -> Role {
    match level {
        Level::Major => Role::Bad,
        Level::Minor => Role::Warning,
        Level::Patch | Level::None => Role::Plain,
    }
}
