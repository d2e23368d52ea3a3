//! What can go wrong with a PostgreSQL database, in kinds that a person can act on.

use postgres::error::{DbError, ErrorPosition};

use crate::history::SqlError;

/// Why something could not be done with a PostgreSQL database.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum PgError {
    /// The address cannot be read.
    #[error("the address of the database cannot be read")]
    Address {
        /// What is wrong with it.
        #[source]
        source: postgres::Error,
    },
    /// The server is on another machine, and nothing would be encrypted.
    #[error(
        "{place} is on another machine, and the connection would not be encrypted; its address may \
         say sslmode=disable to allow that"
    )]
    Insecure {
        /// Where, without the password.
        place: String,
    },
    /// There is no connection.
    #[error("the database `{database}` cannot be reached")]
    Unreachable {
        /// The database's name.
        database: String,
        /// Why.
        #[source]
        source: postgres::Error,
    },
    /// The database refused a statement.
    #[error("PostgreSQL refused a statement")]
    Refused(#[source] Box<SqlError>),
    /// The connection was lost while a statement ran.
    #[error("the connection to PostgreSQL was lost")]
    Lost {
        /// What the connection says.
        #[source]
        source: postgres::Error,
    },
    /// An answer is none that the question can have.
    #[error("PostgreSQL gave an unexpected answer to: {question}")]
    Unexpected {
        /// What was asked.
        question: &'static str,
    },
    /// The version is too old.
    #[error("PostgreSQL {found} is too old; 12 is the oldest that works")]
    TooOld {
        /// Its major version.
        found: u32,
    },
    /// A scratch database is not empty, so that it may be somebody's.
    #[error("the database `{database}` is not empty: it has {what}")]
    NotEmpty {
        /// The database's name.
        database: String,
        /// One of the things in it.
        what: String,
    },
}

impl PgError {
    /// The error of a statement whose text was `sent`.
    pub(super) fn of(error: postgres::Error, sent: &str) -> Self {
        match error.as_db_error() {
            Some(refusal) => PgError::Refused(Box::new(sql_error(refusal, sent))),
            None => PgError::Lost { source: error },
        }
    }

    /// What the database says, where it is the database that refused.
    pub fn refusal(&self) -> Option<&SqlError> {
        match self {
            PgError::Refused(error) => Some(error),
            _ => None,
        }
    }
}

fn sql_error(error: &DbError, sent: &str) -> SqlError {
    let at = match error.position() {
        Some(ErrorPosition::Original(character)) => byte_of(sent, *character),
        // In a text that the server made, such as the body of a function.
        Some(ErrorPosition::Internal { .. }) | None => None,
    };
    SqlError {
        code: error.code().code().to_owned(),
        message: error.message().to_owned(),
        detail: error.detail().map(str::to_owned),
        hint: error.hint().map(str::to_owned),
        context: error.where_().map(str::to_owned),
        at,
    }
}

/// PostgreSQL counts characters from 1.
fn byte_of(text: &str, character: u32) -> Option<usize> {
    let before = usize::try_from(character.checked_sub(1)?).ok()?;
    text.char_indices()
        .map(|(byte, _)| byte)
        .chain([text.len()])
        .nth(before)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_are_bytes_of_what_was_sent() {
        assert_eq!(byte_of("aü x", 1), Some(0));
        assert_eq!(byte_of("aü x", 4), Some(4));
        assert_eq!(byte_of("aü x", 5), Some(5));
        assert_eq!(byte_of("aü x", 6), None);
        assert_eq!(byte_of("", 0), None);
    }
}
