//! The text of the settings file, and where each key and value stands in it.

use std::collections::BTreeMap;
use std::ops::Range;
use std::path::{Path, PathBuf};

use switchback_diag::Location;
use toml::Spanned;
use toml::de::{DeString, DeTable, DeValue};

/// A settings file that was read.
#[derive(Debug, Clone)]
pub(crate) struct Source {
    /// The file.
    pub(crate) path: PathBuf,
    /// The file as it is shown: relative to where the command was started, if it is below.
    pub(crate) shown: String,
    text: String,
    spans: BTreeMap<String, Spans>,
}

#[derive(Debug, Clone)]
struct Spans {
    key: Range<usize>,
    value: Range<usize>,
}

impl Source {
    /// A file's text before it is understood.
    pub(crate) fn new(path: PathBuf, from: &Path, text: String) -> Self {
        let shown = path
            .strip_prefix(from)
            .unwrap_or(&path)
            .display()
            .to_string();
        Self {
            path,
            shown,
            text,
            spans: BTreeMap::new(),
        }
    }

    /// The text.
    pub(crate) fn text(&self) -> &str {
        &self.text
    }

    /// Remembers where everything stands in `table`.
    pub(crate) fn index(&mut self, table: &DeTable<'_>) {
        let mut spans = BTreeMap::new();
        index_table(&mut spans, "", table);
        self.spans = spans;
    }

    /// The place of a byte range.
    pub(crate) fn location(&self, span: Range<usize>) -> Location {
        Location::of_span(self.shown.clone(), &self.text, span)
    }

    /// The place of the value at a key such as `environment[0].database.path`; if it does not
    /// stand in the file, that of the nearest table around it.
    pub(crate) fn value(&self, key: &str) -> Location {
        let mut key = key;
        loop {
            if let Some(spans) = self.spans.get(key) {
                return self.location(spans.value.clone());
            }
            match key.rfind(['.', '[']) {
                Some(end) => key = &key[..end],
                None => return self.location(0..0),
            }
        }
    }

    /// The line of a key, from 1; `None` if it does not stand in the file.
    pub(crate) fn line(&self, key: &str) -> Option<u32> {
        self.spans
            .get(key)
            .map(|spans| self.location(spans.key.clone()).line)
    }

    /// The most specific key that `span` lies in: what an error is about.
    pub(crate) fn key_at(&self, span: &Range<usize>) -> Option<&str> {
        let width = |spans: &Spans| spans.value.end - spans.value.start;
        self.spans
            .iter()
            .filter(|(_, spans)| spans.value.start <= span.start && span.end <= spans.value.end)
            .min_by_key(|(key, spans)| (width(spans), std::cmp::Reverse(key.len())))
            .map(|(key, _)| key.as_str())
    }
}

/// A key inside a table that is at `path`.
pub(crate) fn join(path: &str, key: &str) -> String {
    if path.is_empty() {
        key.to_owned()
    } else {
        format!("{path}.{key}")
    }
}

type Entry<'a, 'i> = (&'a Spanned<DeString<'i>>, &'a Spanned<DeValue<'i>>);

fn index_table(spans: &mut BTreeMap<String, Spans>, path: &str, table: &DeTable<'_>) {
    for (key, value) in table {
        index_entry(spans, join(path, key.get_ref()), (key, value));
    }
}

fn index_entry(spans: &mut BTreeMap<String, Spans>, path: String, (key, value): Entry<'_, '_>) {
    match value.get_ref() {
        DeValue::Table(table) => index_table(spans, &path, table),
        DeValue::Array(items) => {
            for (at, item) in items.iter().enumerate() {
                index_entry(spans, format!("{path}[{at}]"), (key, item));
            }
        }
        _ => {}
    }
    spans.insert(
        path,
        Spans {
            key: key.span(),
            value: value.span(),
        },
    );
}
