//! `switchback explain`: the compiled-in pages.

use clap::Args;
use serde::Serialize;
use switchback_diag::{Code, Exit, Topic};

use crate::errors::{self, Failure};
use crate::output::View;
use crate::page::{Cell, Page, Role};
use crate::shell::Shell;

/// Explain a code such as SB0103, or an idea such as expand-contract
#[derive(Debug, Args)]
pub(crate) struct Explain {
    /// A code, its name in words, or a topic; without it, everything is listed
    page: Option<String>,
}

#[derive(Serialize)]
struct List {
    codes: Vec<CodeEntry>,
    topics: Vec<TopicEntry>,
}

#[derive(Serialize)]
struct CodeEntry {
    code: &'static str,
    slug: &'static str,
    area: &'static str,
    title: &'static str,
    exit: u8,
}

#[derive(Serialize)]
struct TopicEntry {
    slug: &'static str,
    title: &'static str,
}

#[derive(Serialize)]
struct One {
    /// Null for a topic.
    code: Option<&'static str>,
    slug: &'static str,
    title: &'static str,
    /// The exit code of a run that ends with the code; null for a topic.
    exit: Option<u8>,
    /// Markdown.
    page: &'static str,
}

impl Explain {
    /// Shows the page, or the list.
    pub(crate) fn run(self, shell: &Shell) -> Result<Exit, Failure> {
        match self.page {
            None => shell.out.data(&list()),
            Some(name) => shell.out.data(&one(&name)?),
        }
        Ok(Exit::Ok)
    }
}

fn list() -> List {
    let code = |code: &Code| CodeEntry {
        code: code.id(),
        slug: code.slug(),
        area: code.area(),
        title: code.title(),
        exit: code.exit().number(),
    };
    let topic = |topic: &Topic| TopicEntry {
        slug: topic.slug(),
        title: topic.title(),
    };
    List {
        codes: Code::ALL.iter().map(code).collect(),
        topics: Topic::ALL.iter().map(topic).collect(),
    }
}

fn one(name: &str) -> Result<One, Failure> {
    if let Some(code) = Code::find(name) {
        return Ok(One {
            code: Some(code.id()),
            slug: code.slug(),
            title: code.title(),
            exit: Some(code.exit().number()),
            page: code.page(),
        });
    }
    if let Some(topic) = Topic::find(name) {
        let (slug, title, page) = (topic.slug(), topic.title(), topic.page());
        return Ok(One {
            code: None,
            slug,
            title,
            exit: None,
            page,
        });
    }
    let known = Code::ALL.iter().flat_map(|code| [code.id(), code.slug()]);
    Err(errors::unknown_topic(
        name,
        known.chain(Topic::ALL.iter().map(|topic| topic.slug())),
    ))
}

impl View for List {
    const SCHEMA: &'static str = "switchback.explain-list/v1";

    fn human(&self, page: &mut Page) {
        page.heading("Topics");
        let row =
            |entry: &TopicEntry| vec![Cell::new(Role::Command, entry.slug), entry.title.into()];
        page.table(2, &[], &self.topics.iter().map(row).collect::<Vec<_>>());
        for area in self.codes.chunk_by(|a, b| a.area == b.area) {
            page.heading(area.first().map_or("", |entry| entry.area));
            let row =
                |entry: &CodeEntry| vec![Cell::new(Role::Command, entry.code), entry.title.into()];
            page.table(2, &[], &area.iter().map(row).collect::<Vec<_>>());
        }
    }
}

impl View for One {
    const SCHEMA: &'static str = "switchback.explain/v1";

    /// The Markdown as it is, with its headings and commands made visible.
    fn human(&self, page: &mut Page) {
        let mut code = false;
        for line in self.page.lines() {
            let fence = line.starts_with("```");
            code ^= fence;
            match line {
                _ if fence => continue,
                line if code && line.starts_with("$ ") => {
                    page.add(Role::Command, &format!("    {line}"))
                }
                "" => page,
                line if code => page.add(Role::Plain, &format!("    {line}")),
                line if line.starts_with('#') => {
                    page.add(Role::Strong, line.trim_start_matches('#').trim_start())
                }
                line => page.add(Role::Plain, line),
            };
            page.end();
        }
    }
}
