//! How much may be done while a large table is filled, from what the database says of itself.

use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use switchback_migration::backfill::throttle::{Allowance, Limits, Throttle};
use switchback_model::Timestamp;
use switchback_model::plan::Fill;

use super::super::gauge::{GaugeOptions, PostgresGauge};
use crate::backfill::Gauge;
use crate::postgres::PostgresDatabase;
use crate::postgres::change::ChangeError;

/// How often the database is looked at.
const LOOK: Duration = Duration::from_millis(250);

/// Looks at the database every now and then, and says how much it bears.
pub(super) struct Polite {
    gauge: PostgresGauge,
    throttle: Throttle,
    looked: Option<Instant>,
    allowance: Allowance,
}

impl Polite {
    pub(super) fn new(
        database: &PostgresDatabase,
        fill: &Fill,
        key: Vec<String>,
        limits: &Limits,
    ) -> Result<Self, ChangeError> {
        let mut options = GaugeOptions::new(fill.table.clone(), key);
        options.signals = limits.signals.keys().copied().collect();
        Ok(Self {
            gauge: database.gauge(options)?,
            throttle: Throttle::new(limits.clone()),
            looked: None,
            allowance: Allowance::default(),
        })
    }

    pub(super) fn allowed(&mut self, at: Duration) -> Allowance {
        if self.looked.is_none_or(|it| it.elapsed() >= LOOK) {
            self.throttle.read(at, &self.gauge.read());
            self.looked = Some(Instant::now());
            self.allowance = self.throttle.allowance(at, now());
        }
        self.allowance.clone()
    }
}

/// The moment, for hours in which less may be done.
fn now() -> Timestamp {
    let since = SystemTime::now().duration_since(UNIX_EPOCH);
    let millis = since.map_or(0, |it| i64::try_from(it.as_millis()).unwrap_or(i64::MAX));
    Timestamp::from_millis(millis)
}
