//! A PostgreSQL database of an environment: planning changes from what it says.
//!
//! Deliberately absent, until there is an engine for it: carrying steps out.

use std::cell::RefCell;
use std::fmt::Write as _;

use switchback_db::postgres::{Session, schema};
use switchback_migration::operation::request::Request;
use switchback_migration::schema::Schema;
use switchback_migration::sqlite::rename::Mode;
use switchback_migration::{Definition, Engine, postgres};
use switchback_model::plan::Scope;
use switchback_model::{ChangeId, Digest, EnvironmentName};

use super::trial;
use crate::context::Context;
use crate::effects::estimate::{Known, postgres::named};
use crate::errors::{self, Failure};
use crate::settings::types::Environment;

/// A connection to the database of an environment.
pub(crate) struct OnServer(RefCell<Session>);

impl OnServer {
    /// Connects to the database whose URL the environment's variable holds.
    pub(super) fn open(context: &Context<'_>, environment: &Environment) -> Result<Self, Failure> {
        let url = context.database_url(environment)?;
        let variable = environment.database_variable();
        let session = Session::connect(url)
            .map_err(|error| errors::not_connected(&environment.name, &variable, &error))?;
        Ok(Self(RefCell::new(session)))
    }

    fn schema(&self) -> Result<Schema, Failure> {
        Ok(schema::read(self.0.borrow_mut().client())?)
    }

    /// Plans a change, and has the server prepare what somebody typed.
    pub(super) fn plan(
        &self,
        environment: &EnvironmentName,
        change: &ChangeId,
        request: &Request,
        mode: Mode,
    ) -> Result<Definition, Failure> {
        if mode == Mode::Application {
            return Err(errors::only_on("--sync application", Engine::Sqlite));
        }
        let definition = postgres::plan(&self.schema()?, change, request)
            .map_err(|error| errors::not_on_postgres(environment, &error))?;
        let mut session = self.0.borrow_mut();
        trial::postgres(&mut session, request, &definition.surface.table)
            .map_err(|refusal| errors::not_tried(environment, &refusal))?;
        Ok(definition)
    }

    /// What the server says about its tables.
    pub(super) fn known(&self) -> Result<Known, Failure> {
        let schema = Box::new(self.schema()?);
        let major = self.0.borrow().version() / 10_000;
        Ok(Known::Postgres { schema, major })
    }

    /// Fails unless the table of a change is there.
    pub(super) fn check_is_for(
        &self,
        environment: &EnvironmentName,
        definition: &Definition,
    ) -> Result<(), Failure> {
        let table = &definition.surface.table;
        let schema = self.schema()?;
        let found = named(table).and_then(|name| schema.relation(&name).map(|_| ()));
        found.ok_or_else(|| errors::no_table(environment, table))
    }

    /// The digest of what the server says about the tables of a change.
    pub(super) fn fingerprint(&self, scope: &Scope) -> Result<Digest, Failure> {
        let schema = self.schema()?;
        let mut text = String::new();
        for table in std::iter::once(&scope.table).chain(&scope.also) {
            let full = named(table).map(|name| schema.resolve(&name));
            let Some((full, it)) = full.and_then(|full| schema.relations.get_key_value(&full))
            else {
                continue;
            };
            // Writing to a string cannot fail.
            let _ = write!(text, "{full} {:?} {:?}", it.columns, it.constraints);
            let _ = write!(text, "{:?}", it.triggers);
            for (name, index) in schema.indexes_of(full) {
                let _ = write!(text, "{name} {index:?}");
            }
        }
        Ok(Digest::of(text.as_bytes()))
    }
}
