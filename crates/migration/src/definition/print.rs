//! Writing a definition, with comments for whoever reads the file in a review.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use switchback_model::plan::Run;
use switchback_model::{Kind, Reads, Selectable, Shape, Shapes, Stance, SurfaceOperation, Sync};

use super::{CHANGE_FILE, CHANGE_SCHEMA, Columns, Definition, Step, StepFill, StepScript, Work};

pub(super) fn render(definition: &Definition) -> BTreeMap<String, Vec<u8>> {
    let mut files = BTreeMap::from([(CHANGE_FILE.to_owned(), change(definition).into_bytes())]);
    for step in &definition.steps {
        if let Work::Database {
            script: Some(script),
            ..
        } = &step.work
        {
            for file in [&script.up, &script.down] {
                files.insert(file.name.clone(), file.sql.clone().into_bytes());
            }
        }
    }
    files
}

/// Writing to a `String` cannot fail, so the results are dropped.
macro_rules! line {
    ($text:ident) => { $text.push('\n') };
    ($text:ident, $($form:tt)+) => { let _ = writeln!($text, $($form)+); };
}

fn change(it: &Definition) -> String {
    let mut text = String::new();
    line!(
        text,
        "# A change of something that old and new code share, in steps that can each be"
    );
    line!(
        text,
        "# walked back. `switchback change status` says where each environment stands."
    );
    line!(text, "schema = {}", string(CHANGE_SCHEMA));
    line!(text, "id = {}", string(it.id.as_str()));
    line!(text, "title = {}", string(&it.title));
    line!(text, "operation = {}", string(it.operation.word()));
    line!(text, "engine = {}", string(it.engine.word()));
    line!(text);
    line!(
        text,
        "# The step that the code of this commit is at. Change it in the same commit as the"
    );
    line!(text, "# code, one step at a time. In order:");
    let steps: Vec<_> = it
        .code_steps()
        .iter()
        .map(|step| step.name.to_string())
        .collect();
    line!(text, "# {}", steps.join(" -> "));
    line!(text, "code = {}", string(it.code.as_str()));
    line!(text);
    line!(
        text,
        "# What changes: the code moves from the old shape to the new one."
    );
    line!(text, "[surface]");
    line!(text, "kind = {}", string(kind_name(it.surface.kind)));
    line!(text, "table = {}", string(&it.surface.table));
    if !it.surface.also.is_empty() {
        line!(text, "also = {}", list(&it.surface.also));
    }
    line!(text, "old = {}", columns(&it.surface.old));
    line!(text, "new = {}", columns(&it.surface.new));
    if let Some(before) = &it.surface.before {
        line!(text, "# How code from before the change stands towards it.");
        line!(text, "before = {}", stance(before));
    }
    for (number, each) in (1..).zip(&it.steps) {
        line!(text);
        step(&mut text, number, it.steps.len(), each);
    }
    text
}

fn step(text: &mut String, number: usize, count: usize, it: &Step) {
    line!(text, "# Step {number} of {count}.");
    line!(text, "[[step]]");
    line!(text, "name = {}", string(it.name.as_str()));
    let kind = match it.work {
        Work::Code { .. } => "code",
        Work::Database { .. } => "database",
    };
    line!(text, "kind = {}", string(kind));
    line!(text, "title = {}", string(&it.title));
    let mut fill_after = None;
    match &it.work {
        Work::Code { stance: chosen } => {
            line!(text, "# What code at this step reads and writes.");
            line!(text, "stance = {}", selectable(chosen));
        }
        Work::Database { script, fill } => {
            if let Some(script) = script {
                sql(text, script);
            }
            fill_after = fill.as_ref();
        }
    }
    line!(text, "prevents = {}", paragraph(&it.prevents));
    line!(text, "way-back = {}", paragraph(&it.way_back));
    line!(text, "protects = {}", paragraph(&it.protects));
    if !it.needs.is_empty() {
        line!(text, "needs = {}", paragraph(&it.needs));
    }
    if let Some(it) = fill_after {
        fill(text, it);
    }
}

fn sql(text: &mut String, it: &StepScript) {
    line!(text, "# What the SQL means, and what taking it back means.");
    line!(text, "action = {}", operation(it.action));
    line!(text, "undo = {}", operation(it.undo));
    line!(text, "up = {}", string(&it.up.name));
    line!(text, "down = {}", string(&it.down.name));
    match it.run {
        Run::Transaction => {}
        Run::Statements => {
            line!(
                text,
                "# One by one and outside of a transaction, because they wait for others."
            );
            line!(text, "run = \"statements\"");
        }
        Run::Rebuild => {
            line!(
                text,
                "# Not as it stands: the table is made again, because SQLite has no such statement."
            );
            line!(text, "run = \"rebuild\"");
        }
    }
}

fn fill(text: &mut String, it: &StepFill) {
    line!(
        text,
        "# Existing rows, in small batches, each in its own transaction."
    );
    line!(text, "[step.fill]");
    line!(text, "table = {}", string(&it.table));
    line!(
        text,
        "# What each column gets where it differs, as SQL over the same row."
    );
    let set: Vec<_> = it
        .set
        .iter()
        .map(|(column, value)| format!("{} = {}", string(column), string(value)))
        .collect();
    line!(text, "set = {{ {} }}", set.join(", "));
    if let Some(only) = &it.only {
        line!(text, "# Which rows.");
        line!(text, "only = {}", string(only));
    }
    line!(
        text,
        "# Rows in the first batch; later ones are sized by time."
    );
    line!(text, "batch-rows = {}", it.batch_rows);
    line!(
        text,
        "# Whether former values are kept, so that the fill can be taken back by itself."
    );
    line!(text, "keep-undo = {}", it.keep_undo);
}

fn kind_name(it: Kind) -> &'static str {
    match it {
        Kind::Replicated => "replicated",
        Kind::Tagged => "tagged",
        Kind::Listed => "listed",
    }
}

fn sync_name(it: Sync) -> &'static str {
    match it {
        Sync::None => "none",
        Sync::Forward => "forward",
        Sync::Both => "both",
        Sync::Backward => "backward",
    }
}

fn shape_name(it: Shape) -> &'static str {
    match it {
        Shape::Old => "old",
        Shape::New => "new",
    }
}

fn reads_name(it: Reads) -> &'static str {
    match it {
        Reads::Nothing => "nothing",
        Reads::Old => "old",
        Reads::New => "new",
        Reads::NewElseOld => "new-else-old",
    }
}

fn operation(it: SurfaceOperation) -> String {
    let plain = |name: &str| format!("{{ operation = \"{name}\" }}");
    let with = |name: &str, sync| {
        format!(
            "{{ operation = \"{name}\", sync = \"{}\" }}",
            sync_name(sync)
        )
    };
    match it {
        SurfaceOperation::Expand { sync, filled } if filled => format!(
            "{{ operation = \"expand\", sync = \"{}\", filled = true }}",
            sync_name(sync)
        ),
        SurfaceOperation::Expand { sync, .. } => with("expand", sync),
        SurfaceOperation::Prepare => plain("prepare"),
        SurfaceOperation::Unprepare => plain("unprepare"),
        SurfaceOperation::Purge => plain("purge"),
        SurfaceOperation::Unexpand => plain("unexpand"),
        SurfaceOperation::Fill => plain("fill"),
        SurfaceOperation::Unfill => plain("unfill"),
        SurfaceOperation::SetSync { sync } => with("set-sync", sync),
        SurfaceOperation::Contract => plain("contract"),
        SurfaceOperation::Uncontract {
            sync,
            partial: true,
        } => format!(
            "{{ operation = \"uncontract\", sync = \"{}\", partial = true }}",
            sync_name(sync)
        ),
        SurfaceOperation::Uncontract { sync, .. } => with("uncontract", sync),
        SurfaceOperation::Drain { shape } => {
            format!(
                "{{ operation = \"drain\", shape = \"{}\" }}",
                shape_name(shape)
            )
        }
    }
}

fn shapes(it: Shapes) -> String {
    let names: Vec<_> = it
        .iter()
        .map(|shape| format!("\"{}\"", shape_name(shape)))
        .collect();
    format!("[{}]", names.join(", "))
}

fn stance(it: &Stance) -> String {
    match it {
        Stance::Replicated { reads, writes } => {
            format!(
                "{{ reads = \"{}\", writes = {} }}",
                reads_name(*reads),
                shapes(*writes)
            )
        }
        Stance::Tagged { accepts, emits } => {
            format!(
                "{{ accepts = {}, emits = {} }}",
                shapes(*accepts),
                shapes(*emits)
            )
        }
    }
}

fn selectable(it: &Selectable) -> String {
    match it {
        Selectable::Fixed(fixed) => stance(fixed),
        Selectable::ByFlag {
            flag,
            cases,
            otherwise,
        } => {
            let cases: Vec<_> = cases
                .iter()
                .map(|(value, case)| format!("{} = {}", string(value), stance(case)))
                .collect();
            format!(
                "{{ flag = {}, cases = {{ {} }}, otherwise = {} }}",
                string(flag.as_str()),
                cases.join(", "),
                stance(otherwise)
            )
        }
    }
}

/// One name as it is, several as a list.
fn columns(it: &Columns) -> String {
    match it.0.as_slice() {
        [one] => string(one),
        all => list(all),
    }
}

fn list(all: &[String]) -> String {
    let all: Vec<_> = all.iter().map(|one| string(one)).collect();
    format!("[{}]", all.join(", "))
}

/// A basic string on one line.
fn string(text: &str) -> String {
    let mut out = String::from("\"");
    for c in text.chars() {
        match c {
            '\n' => out.push_str("\\n"),
            '"' => out.push_str("\\\""),
            _ => escaped(&mut out, c),
        }
    }
    out.push('"');
    out
}

/// A basic string over several lines, for text that people read.
fn paragraph(text: &str) -> String {
    if !text.contains('\n') && text.len() < 80 {
        return string(text);
    }
    let mut out = String::from("\"\"\"\n");
    let mut quotes = 0;
    for c in text.chars() {
        quotes = if c == '"' { quotes + 1 } else { 0 };
        match c {
            '\n' => out.push('\n'),
            // Two quotes in a row and one at the end are legal; one rule for all of them is safer.
            '"' if quotes > 1 => out.push_str("\\\""),
            '"' => out.push('"'),
            _ => escaped(&mut out, c),
        }
    }
    if out.ends_with('"') && quotes > 0 {
        out.truncate(out.len() - if quotes > 1 { 2 } else { 1 });
        out.push_str("\\\"");
    }
    out.push_str("\"\"\"");
    out
}

fn escaped(out: &mut String, c: char) {
    match c {
        '\\' => out.push_str("\\\\"),
        '\t' => out.push_str("\\t"),
        '\r' => out.push_str("\\r"),
        c if c.is_control() => {
            let _ = write!(out, "\\u{:04X}", u32::from(c));
        }
        c => out.push(c),
    }
}
