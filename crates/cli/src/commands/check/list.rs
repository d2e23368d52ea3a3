//! `switchback check --list-rules`.

use serde::Serialize;
use switchback_diag::{Exit, Severity};
use switchback_migration::{Engine, lint};

use super::choice::Choice;
use crate::output::View;
use crate::page::{Cell, Page, Role};
use crate::shell::Shell;

/// The rules, as they are in effect.
#[derive(Serialize)]
struct Rules {
    rules: Vec<Rule>,
}

#[derive(Serialize)]
struct Rule {
    code: &'static str,
    slug: &'static str,
    /// `off`, `note`, `warning` or `error`.
    level: &'static str,
    engines: Vec<&'static str>,
    line: &'static str,
}

/// Shows them.
pub(super) fn show(choice: &Choice, shell: &Shell) -> Exit {
    let rules = lint::all()
        .filter(|rule| choice.wants(rule.code))
        .map(|rule| Rule {
            code: rule.code.id(),
            slug: rule.code.slug(),
            level: choice
                .level(rule.code, rule.severity)
                .map_or("off", Severity::word),
            engines: rule.engines.iter().map(|engine| engine.word()).collect(),
            line: rule.line,
        });
    shell.out.data(&Rules {
        rules: rules.collect(),
    });
    Exit::Ok
}

impl View for Rules {
    const SCHEMA: &'static str = "switchback.check-rules/v1";

    fn human(&self, page: &mut Page) {
        let rows: Vec<Vec<Cell>> = self
            .rules
            .iter()
            .map(|rule| {
                let role = match rule.level {
                    "error" => Role::Bad,
                    "warning" => Role::Warning,
                    _ => Role::Faint,
                };
                let engines = if rule.engines.len() == Engine::ALL.len() {
                    "every engine".to_owned()
                } else {
                    rule.engines.join(", ")
                };
                vec![
                    Cell::new(Role::Command, rule.code),
                    rule.slug.into(),
                    Cell::new(role, rule.level),
                    engines.into(),
                    Cell::new(Role::Faint, rule.line),
                ]
            })
            .collect();
        page.table(
            0,
            &["code", "name", "level", "engines", "what it looks for"],
            &rows,
        );
    }
}
