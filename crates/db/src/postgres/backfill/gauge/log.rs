//! How much is logged since the last checkpoint, and how much waits to be archived.

use switchback_migration::backfill::throttle::{Reading, Signal};

use super::looker::{Link, Seen};

const SINCE_CHECKPOINT: &str = "
    SELECT pg_catalog.pg_wal_lsn_diff(pg_catalog.pg_current_wal_lsn(), redo_lsn)::float8
        / pg_catalog.pg_size_bytes(pg_catalog.current_setting('max_wal_size'))::float8
    FROM pg_catalog.pg_control_checkpoint()";

pub(super) fn wal(link: &mut Link, seen: &mut Seen) -> Result<(), postgres::Error> {
    let full: f64 = link.row(SINCE_CHECKPOINT, &[])?.try_get(0)?;
    seen.put(Signal::WalQueue, Reading::Value(full.max(0.0)));
    Ok(())
}

/// The archiver's view is open to everybody, and is at most about a second old.
const ARCHIVER: &str = "
    SELECT pg_catalog.current_setting('archive_mode') <> 'off',
        a.last_archived_wal, pg_catalog.pg_walfile_name(pg_catalog.pg_current_wal_lsn()),
        pg_catalog.pg_size_bytes(pg_catalog.current_setting('wal_segment_size')),
        pg_catalog.has_function_privilege('pg_catalog.pg_ls_archive_statusdir()', 'EXECUTE')
    FROM pg_catalog.pg_stat_archiver a";

const READY: &str =
    "SELECT count(*) FROM pg_catalog.pg_ls_archive_statusdir() WHERE name LIKE '%.ready'";

pub(super) fn archiver(link: &mut Link, seen: &mut Seen) -> Result<(), postgres::Error> {
    let row = link.row(ARCHIVER, &[])?;
    let is_on: bool = row.try_get(0)?;
    if !is_on {
        seen.put(Signal::ArchiverQueue, Reading::NotThere);
        return Ok(());
    }
    let (last, current): (Option<String>, String) = (row.try_get(1)?, row.try_get(2)?);
    let size: i64 = row.try_get(3)?;
    let numbers = last
        .and_then(|last| segment(&last, size))
        .zip(segment(&current, size));
    let reading = match numbers {
        // The current one is not full yet.
        Some((last, current)) => Reading::Value(current.saturating_sub(last + 1) as f64),
        // None since the statistics were reset, or the last one was a timeline's history.
        None if row.try_get(4)? => {
            let ready: i64 = link.row(READY, &[])?.try_get(0)?;
            Reading::Value(ready as f64)
        }
        None => Reading::Missing(format!(
            "nothing was archived since the statistics were reset, and this role may not count \
             what waits; `{}` gives the right, or turn the signal off",
            link.grant
        )),
    };
    seen.put(Signal::ArchiverQueue, reading);
    Ok(())
}

/// The number of a segment in the whole log, from its file's name: timeline, then the place in two
/// parts, each in eight hexadecimal digits. What a backup adds to it does not matter.
fn segment(name: &str, size: i64) -> Option<u64> {
    let hex = |part: Option<&str>| u64::from_str_radix(part?, 16).ok();
    let (_, high) = (hex(name.get(..8))?, hex(name.get(8..16))?);
    let low = hex(name.get(16..24))?;
    let in_one = 0x1_0000_0000_u64.checked_div(u64::try_from(size).ok()?)?;
    Some(high * in_one + low)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn segments_are_numbered_across_files_and_timelines() {
        let size = 16 * 1024 * 1024;
        let number = |name| segment(name, size);
        assert_eq!(number("000000010000000000000001"), Some(1));
        assert_eq!(number("0000000100000001000000FF"), Some(511));
        assert_eq!(number("00000002000000020000000000"), Some(512));
        assert_eq!(number("000000010000000000000003.00000028.backup"), Some(3));
        assert_eq!(number("00000002.history"), None);
        assert_eq!(segment("000000010000000100000003", 0x4000_0000), Some(7));
    }
}
