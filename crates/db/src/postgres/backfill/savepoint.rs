//! Where the transaction of a batch goes on from when a statement of it is refused.

use postgres::Client;

use crate::postgres::change::ChangeError;
use crate::postgres::change::error::at;

/// What a statement of a batch does can be taken back up to here.
const MARK: &str = "_sb_batch";

/// Before a statement that may be refused.
pub(super) fn mark(client: &mut Client) -> Result<(), ChangeError> {
    run(client, &format!("SAVEPOINT {MARK}"))
}

/// Takes back what the statement has done.
pub(super) fn back(client: &mut Client) -> Result<(), ChangeError> {
    let sql = format!("ROLLBACK TO SAVEPOINT {MARK}; RELEASE SAVEPOINT {MARK}");
    run(client, &sql)
}

/// Keeps what the statement has done.
pub(super) fn release(client: &mut Client) -> Result<(), ChangeError> {
    run(client, &format!("RELEASE SAVEPOINT {MARK}"))
}

fn run(client: &mut Client, sql: &str) -> Result<(), ChangeError> {
    client.batch_execute(sql).map_err(at(sql))
}
