//! Database engines and ledger stores.
