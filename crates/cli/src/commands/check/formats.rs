//! The report in the form that was asked for.

use switchback_diag::{Diagnostic, Exit, Theme, github, junit, sarif};
use switchback_migration::lint;

use super::folders::Groups;
use super::human;
use super::report::Report;
use super::view::Document;
use crate::args::Format;
use crate::output::document;
use crate::survey::Base;

/// The report as text.
pub(super) fn render(
    report: &Report,
    groups: &Groups,
    base: &Base,
    (format, theme, exit): (Format, Theme, Exit),
) -> Result<String, serde_json::Error> {
    let diagnostics = |name: &dyn Fn(&str) -> String| -> Vec<Diagnostic> {
        let placed = report.placed(&report.findings, groups, name);
        placed.iter().map(|it| it.diagnostic()).collect()
    };
    match format {
        Format::Human => Ok(human::render(report, groups, base, theme)),
        Format::Json => document(&Document::new(report, groups, base, exit.number())),
        Format::Sarif => {
            let levels: Vec<_> = lint::all().map(|rule| (rule.code, rule.severity)).collect();
            let run = sarif::Run {
                version: env!("CARGO_PKG_VERSION"),
                levels: &levels,
                ..sarif::Run::default()
            };
            sarif::render(&diagnostics(&|name| base.on_forge(name)), &run).map(|log| log + "\n")
        }
        Format::Github => Ok(github::render(&diagnostics(&|name| base.on_forge(name)))),
        Format::Junit => {
            let names = |groups: &Groups| -> Vec<String> {
                let all = groups.all.iter().flat_map(|it| &it.folder.migrations);
                all.map(|it| base.shown(&it.up.file)).collect()
            };
            Ok(junit::render(
                &diagnostics(&|name| base.shown(name)),
                &names(groups),
            ))
        }
    }
}
