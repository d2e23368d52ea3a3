//! Who keeps old versions of rows from being cleaned up.

use std::time::Duration;

use postgres::Client;
use switchback_migration::backfill::facts::Horizon;

use crate::postgres::change::ChangeError;
use crate::postgres::change::error::at;

/// Sessions, prepared transactions, replication slots and standbys. Before version 14 those of
/// other databases count too. A vacuum keeps nothing.
const HOLDERS: &str = "
    SELECT 'a session of ' || coalesce(a.usename::text, 'nobody') || ' (pid ' || a.pid
            || coalesce(', ' || nullif(a.application_name, ''), '')
            || coalesce(', ' || nullif(a.state, 'active'), '') || ')',
        extract(epoch FROM clock_timestamp() - a.xact_start)::float8,
        greatest(age(a.backend_xmin), age(a.backend_xid))
    FROM pg_stat_activity a
    WHERE a.pid <> pg_backend_pid() AND coalesce(a.backend_xmin, a.backend_xid) IS NOT NULL
        AND a.backend_type IS DISTINCT FROM 'walsender'
        AND (a.datname = current_database() OR $1::integer < 140000)
        AND NOT EXISTS (SELECT FROM pg_stat_progress_vacuum v WHERE v.pid = a.pid)
    UNION ALL
    SELECT 'the prepared transaction ' || p.gid,
        extract(epoch FROM clock_timestamp() - p.prepared)::float8, age(p.transaction)
    FROM pg_prepared_xacts p
    WHERE p.database = current_database() OR $1::integer < 140000
    UNION ALL
    SELECT 'the replication slot ' || s.slot_name, NULL, age(s.xmin)
    FROM pg_replication_slots s WHERE s.xmin IS NOT NULL
    UNION ALL
    SELECT 'the standby ' || coalesce(nullif(r.application_name, ''), r.pid::text), NULL,
        age(r.backend_xmin)
    FROM pg_stat_replication r WHERE r.backend_xmin IS NOT NULL";

/// The oldest snapshot, and whether there may be others that this role may not see.
pub(super) fn read(
    client: &mut Client,
    version: u32,
) -> Result<(Option<Horizon>, bool), ChangeError> {
    let version = i32::try_from(version).unwrap_or(i32::MAX);
    let mut found: Vec<Horizon> = Vec::new();
    for row in client.query(HOLDERS, &[&version]).map_err(at(HOLDERS))? {
        let get = at(HOLDERS);
        let age: Option<f64> = row.try_get(1).map_err(&get)?;
        let transactions: Option<i32> = row.try_get(2).map_err(&get)?;
        found.push(Horizon {
            age: age.map(|seconds| Duration::from_secs_f64(seconds.clamp(0.0, 1e12))),
            transactions: u64::from(transactions.unwrap_or(0).max(0).unsigned_abs()),
            holder: row.try_get(0).map_err(&get)?,
        });
    }
    found.sort_by_key(|it| (it.is_old(), it.age, it.transactions));
    let sql = "SELECT EXISTS (SELECT FROM pg_stat_activity
        WHERE query = '<insufficient privilege>' AND pid <> pg_backend_pid())";
    let row = client.query_one(sql, &[]).map_err(at(sql))?;
    Ok((found.pop(), row.try_get(0).map_err(at(sql))?))
}
