//! Whether what is known about executed statements lets a contract go ahead.
//!
//! `pg_stat_statements` counts how often each statement was executed, and not when. So it is counted
//! twice: once when the last version that used the old shape is gone ([`Counts`], kept in the
//! ledger), and when the contract is asked for. A statement that uses the old shape and was executed
//! in between is in the way ([`Found`]). Between the two must lie at least the rollback window: the
//! interlock admits the contract only once the windows of the versions that used the old shape are
//! over, so the whole of that time belongs to versions that should not.
//!
//! PostgreSQL 17 keeps the moment at which each entry was made (`stats_since`), which says nothing
//! about later executions, so the same two counts are compared on every version.
//!
//! What cannot be seen is said ([`Unseen`]), and is never taken for nothing.
//!
//! Deliberately absent: reading statistics and logs, and the clock.

use std::collections::BTreeMap;

use switchback_model::{Counts, Duration, Timestamp};

use super::{OldShape, Use};

/// What `pg_stat_statements` says at one moment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Statistics {
    /// The moment, by the server's clock.
    pub taken: Timestamp,
    /// When everything was counted from: the last reset of all of it, or the start after a crash.
    /// None before PostgreSQL 14, which does not say.
    pub reset: Option<Timestamp>,
    /// How many times entries were thrown away to make room, since that reset; none before 14.
    pub evictions: Option<u64>,
    /// Whether so many entries are free that none can have been thrown away.
    pub has_room: bool,
    /// The timeline of the server's log: another one is another server's statistics.
    pub timeline: String,
    /// The statements of this database.
    pub entries: Vec<Entry>,
}

/// A statement that was executed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// What tells it apart from others: `who/statement/level`, the numbers of the role and of the
    /// statement, and whether it came from a client (`true`; nothing before PostgreSQL 14).
    pub key: String,
    /// Who executed it, for people.
    pub role: String,
    /// Its text, with placeholders for constants.
    pub text: String,
    /// How often it was executed.
    pub calls: u64,
}

impl Entry {
    /// The server's number for the statement, whoever executed it.
    pub fn query(&self) -> &str {
        self.key.split('/').nth(1).unwrap_or(&self.key)
    }

    /// Whether a function executed it, as far as the server says: from PostgreSQL 14 on.
    pub fn is_nested(&self) -> bool {
        self.key.ends_with("/false")
    }
}

/// What a database says about who uses a table.
#[derive(Debug, Default)]
pub struct Told {
    /// What was executed; none where nothing counts it.
    pub statistics: Option<Statistics>,
    /// What runs now: who, and the statement.
    pub running: Vec<(String, String)>,
    /// What is made of it, by the catalog's word: views, rules, policies.
    pub dependents: Vec<String>,
    /// Functions and the like whose bodies are text.
    pub bodies: Vec<Body>,
    /// What the database cannot or may not say.
    pub unseen: Vec<Unseen>,
}

/// Something with a body that is text, which the catalog does not read.
#[derive(Debug)]
pub struct Body {
    /// What it is, with its name, for people: `function public.f`.
    pub what: String,
    /// Its text.
    pub text: String,
    /// Whether a trigger of the table calls it, so that `NEW` and `OLD` are rows of it.
    pub on_table: bool,
}

/// Something that uses what the contract takes away.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Found {
    /// What, for people: the statement, a view.
    pub what: String,
    /// How it does.
    pub how: String,
    /// How often and since when, or where it was seen.
    pub seen: String,
}

/// Something that cannot be seen, so that nobody can say that nothing is there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unseen {
    /// What, in a sentence.
    pub what: String,
    /// What can be done about it; empty where nothing can.
    pub way_out: String,
}

impl Unseen {
    /// Something that cannot be seen, and what can be done about it.
    pub fn new(what: impl Into<String>, way_out: impl Into<String>) -> Self {
        Self {
            what: what.into(),
            way_out: way_out.into(),
        }
    }
}

/// What is known about who uses an old shape.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Verdict {
    /// What uses it.
    pub found: Vec<Found>,
    /// What cannot be seen.
    pub unseen: Vec<Unseen>,
    /// When everything was watched for long enough, if that is all that is missing.
    pub ready_at: Option<Timestamp>,
    /// What was looked at, a sentence each.
    pub looked_at: Vec<String>,
}

impl Verdict {
    /// Whether nothing is in the way.
    pub const fn is_clear(&self) -> bool {
        self.found.is_empty() && self.unseen.is_empty()
    }
}

/// The statements of some statistics that use an old shape, or may.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Users<'s> {
    used: Vec<(&'s Entry, String)>,
    unknown: Vec<(&'s Entry, String)>,
}

impl<'s> Users<'s> {
    /// Judges every statement.
    pub fn of(shape: &OldShape<'_>, statistics: &'s Statistics) -> Self {
        let (mut used, mut unknown) = (Vec::new(), Vec::new());
        for entry in &statistics.entries {
            match shape.used_by(&entry.text) {
                Use::No => {}
                Use::Yes(how) => used.push((entry, how)),
                Use::Unknown(why) => unknown.push((entry, why)),
            }
        }
        Self { used, unknown }
    }

    /// What is kept of the statistics, to compare with later ones.
    pub fn counts(&self, statistics: &Statistics) -> Counts {
        let all = self.used.iter().chain(&self.unknown);
        let mut calls: BTreeMap<String, u64> = BTreeMap::new();
        for (entry, _) in all {
            *calls.entry(entry.key.clone()).or_default() += entry.calls;
        }
        Counts {
            taken: statistics.taken,
            reset: statistics.reset,
            evictions: statistics.evictions,
            timeline: statistics.timeline.clone(),
            calls,
        }
    }
}

/// The earlier count to compare with: the newest one that is old enough, else the oldest one.
/// `earlier` is in the order in which they were taken.
pub fn baseline(earlier: &[Counts], now: Timestamp, watch: Duration) -> Option<&Counts> {
    let old_enough = |it: &&Counts| it.taken + watch <= now;
    earlier
        .iter()
        .rev()
        .find(old_enough)
        .or_else(|| earlier.first())
}

/// What a database says, judged: `earlier` are the counts that were taken before, in their order,
/// and `follows` whether what is made of the old shape goes on after the contract, as it does where
/// a column only gets another name.
pub fn judge(
    shape: &OldShape<'_>,
    told: Told,
    earlier: &[Counts],
    watch: Duration,
    follows: bool,
) -> Verdict {
    let mut verdict = match &told.statistics {
        Some(statistics) => {
            let users = Users::of(shape, statistics);
            let earlier = baseline(earlier, statistics.taken, watch);
            compare(statistics, &users, earlier, watch)
        }
        None => Verdict::default(),
    };
    for (who, text) in &told.running {
        match shape.used_by(text) {
            Use::No => {}
            Use::Yes(how) => verdict.found.push(Found {
                what: text.clone(),
                how,
                seen: format!("{who} runs it now, or has not ended the transaction"),
            }),
            Use::Unknown(why) => verdict.unseen.push(Unseen::new(
                format!(
                    "whether this statement uses it ({why}), which {who} runs now: {}",
                    one_line(text)
                ),
                "",
            )),
        }
    }
    if !follows {
        verdict
            .found
            .extend(told.dependents.into_iter().map(|what| Found {
                what,
                how: "is made of it".to_owned(),
                seen: "it is in the catalog".to_owned(),
            }));
    }
    for body in &told.bodies {
        let on_table = body.on_table && shape.columns_in(&body.text);
        if on_table || shape.in_body(&body.text) {
            verdict.unseen.push(Unseen::new(
                format!(
                    "whether the {}, whose body mentions it, is called",
                    body.what
                ),
                "change it or drop it",
            ));
        }
    }
    verdict.unseen.extend(told.unseen);
    verdict
}

/// Compares statistics with an earlier count.
pub fn compare(
    statistics: &Statistics,
    users: &Users<'_>,
    earlier: Option<&Counts>,
    watch: Duration,
) -> Verdict {
    let mut verdict = Verdict::default();
    let number = statistics.entries.len();
    let Some(earlier) = earlier else {
        verdict
            .looked_at
            .push(format!("pg_stat_statements: {number} statements"));
        verdict.unseen.push(Unseen::new(
            "since when statements were executed: they are counted for the first time now",
            "",
        ));
        verdict.ready_at = Some(statistics.taken + watch);
        return verdict;
    };
    if earlier.timeline != statistics.timeline {
        verdict.unseen.push(Unseen::new(
            format!(
                "what was executed before another server took over (timeline {} and now {})",
                earlier.timeline, statistics.timeline
            ),
            "",
        ));
        verdict.ready_at = Some(statistics.taken + watch);
        return verdict;
    }
    // A count that was reset begins anew, and the former one is no part of it.
    let reset = statistics.reset.filter(|reset| *reset > earlier.taken);
    let since = reset.unwrap_or(earlier.taken);
    verdict.looked_at.push(format!(
        "pg_stat_statements: {number} statements, compared with the count of {since}"
    ));
    let before = |entry: &Entry| match reset {
        Some(_) => 0,
        None => earlier.calls.get(&entry.key).copied().unwrap_or(0),
    };
    let mut went_back = 0;
    for (entry, how) in &users.used {
        let before = before(entry);
        if entry.calls > before {
            verdict.found.push(Found {
                what: entry.text.clone(),
                how: how.clone(),
                seen: format!(
                    "executed {} by {} since {since}",
                    times(entry.calls - before),
                    entry.role
                ),
            });
        }
        went_back += usize::from(entry.calls < before);
    }
    for (entry, why) in &users.unknown {
        let before = before(entry);
        if entry.calls > before {
            verdict.unseen.push(Unseen::new(
                format!(
                    "whether this statement uses it ({why}), executed {} since {since}: {}",
                    times(entry.calls - before),
                    one_line(&entry.text)
                ),
                "",
            ));
        }
        went_back += usize::from(entry.calls < before);
    }
    if reset.is_none() {
        let all: Vec<&str> = users
            .used
            .iter()
            .chain(&users.unknown)
            .map(|(entry, _)| entry.key.as_str())
            .collect();
        let gone = earlier
            .calls
            .keys()
            .filter(|key| !all.contains(&key.as_str()))
            .count();
        if gone + went_back > 0 {
            verdict.unseen.push(Unseen::new(
                format!(
                    "whether {} that use it were executed again: their entries were reset or \
                     thrown away since {since}",
                    several(gone + went_back, "statement")
                ),
                "",
            ));
        }
    }
    evicted(statistics, earlier, reset, &mut verdict);
    let ready = since + watch;
    if ready > statistics.taken {
        let what = match reset {
            Some(_) => "the statistics were reset then",
            None => "statements were counted then",
        };
        verdict.unseen.push(Unseen::new(
            format!("what was executed before {since}: {what}, and the window is {watch}"),
            "",
        ));
        verdict.ready_at = Some(ready);
    }
    verdict
}

fn evicted(
    statistics: &Statistics,
    earlier: &Counts,
    reset: Option<Timestamp>,
    verdict: &mut Verdict,
) {
    let way_out = "raise pg_stat_statements.max";
    match (statistics.evictions, earlier.evictions) {
        (Some(now), then) => {
            let then = if reset.is_some() {
                0
            } else {
                then.unwrap_or(0)
            };
            if now > then {
                verdict.unseen.push(Unseen::new(
                    format!(
                        "statements whose entries were thrown away to make room, {} since then",
                        times(now - then)
                    ),
                    way_out,
                ));
            }
        }
        (None, _) => {
            if !statistics.has_room {
                verdict.unseen.push(Unseen::new(
                    "statements whose entries were thrown away to make room: the statistics are \
                     almost full, and PostgreSQL says only from 14 on whether that happened",
                    way_out,
                ));
            }
            verdict.unseen.push(Unseen::new(
                "whether the statistics were reset meanwhile: PostgreSQL says so from 14 on",
                "",
            ));
        }
    }
}

/// What logs show.
#[derive(Debug, Default)]
pub struct Logs {
    judged: BTreeMap<String, Use>,
    found: BTreeMap<String, (String, u64, Option<Timestamp>)>,
    unknown: BTreeMap<String, (String, u64)>,
    statements: u64,
    first: Option<Timestamp>,
    last: Option<Timestamp>,
}

/// How many different statements are remembered, so that each is judged once.
const REMEMBERED: usize = 10_000;

impl Logs {
    /// Takes one statement of a log. One from before `since` does not count; one without a moment
    /// does.
    pub fn take(&mut self, shape: &OldShape<'_>, logged: super::log::Logged, since: Timestamp) {
        self.statements += 1;
        if let Some(at) = logged.at {
            self.first = Some(self.first.map_or(at, |first| first.min(at)));
            self.last = Some(self.last.map_or(at, |last| last.max(at)));
            if at < since {
                return;
            }
        }
        let mut used = match self.judged.get(&logged.text) {
            Some(used) => used.clone(),
            None => {
                let used = shape.used_by(&logged.text);
                if self.judged.len() < REMEMBERED {
                    self.judged.insert(logged.text.clone(), used.clone());
                }
                used
            }
        };
        if logged.cut && !matches!(used, Use::Yes(_)) {
            used = Use::Unknown("it is too long".to_owned());
        }
        match used {
            Use::No => {}
            Use::Yes(how) => {
                let seen = self.found.entry(logged.text).or_insert((how, 0, None));
                seen.1 += 1;
                seen.2 = seen.2.max(logged.at);
            }
            Use::Unknown(why) => self.unknown.entry(logged.text).or_insert((why, 0)).1 += 1,
        }
    }

    /// What they show, in one verdict with what else is known. `name` is the log's.
    pub fn end(self, name: &str, verdict: &mut Verdict) {
        let span = match (self.first, self.last) {
            (Some(first), Some(last)) => format!(", from {first} to {last}"),
            _ => String::new(),
        };
        verdict
            .looked_at
            .push(format!("{name}: {} statements{span}", self.statements));
        for (what, (how, count, last)) in self.found {
            let last = last.map_or_else(String::new, |last| format!(", last at {last}"));
            verdict.found.push(Found {
                what,
                how,
                seen: format!("{} in {name}{last}", times(count)),
            });
        }
        for (text, (why, count)) in self.unknown {
            verdict.unseen.push(Unseen::new(
                format!(
                    "whether this statement uses it ({why}), {} in {name}: {}",
                    times(count),
                    one_line(&text)
                ),
                "",
            ));
        }
    }
}

fn times(count: u64) -> String {
    match count {
        1 => "once".to_owned(),
        2 => "twice".to_owned(),
        many => format!("{many} times"),
    }
}

/// `1 statement`, `3 statements`.
pub fn several(count: usize, what: &str) -> String {
    let s = if count == 1 { "" } else { "s" };
    format!("{count} {what}{s}")
}

/// A statement in one line that is not too long.
pub fn one_line(text: &str) -> String {
    const LONGEST: usize = 200;
    let words: Vec<&str> = text.split_whitespace().collect();
    let line = words.join(" ");
    if line.chars().count() <= LONGEST {
        return line;
    }
    let cut: String = line.chars().take(LONGEST).collect();
    format!("{cut}…")
}

#[cfg(test)]
mod tests;
