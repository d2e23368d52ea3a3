//! What the ledger claims, on the twin in memory.

mod properties;
mod rfc6962;
mod tampering;
