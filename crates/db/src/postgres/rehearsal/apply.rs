//! Who does the steps.

use switchback_migration::{Engine, sql::split};
use switchback_model::Effect;
use switchback_model::plan::{Fill, Run};

use crate::postgres::error::PgError;
use crate::postgres::session::Session;

#[derive(Debug)]
pub(super) struct Hands {
    session: Session,
}

impl Hands {
    pub(super) fn open(url: &str) -> Result<Self, PgError> {
        Ok(Self {
            session: Session::connect(url)?,
        })
    }

    /// Does one effect.
    pub(super) fn apply(&mut self, effect: &Effect) -> Result<(), String> {
        let done = match effect {
            Effect::Script(script) if script.run == Run::Transaction => {
                let done = self.session.run(&format!("BEGIN;\n{}\nCOMMIT", script.sql));
                if done.is_err() {
                    let _ = self.session.run("ROLLBACK");
                }
                done
            }
            Effect::Script(script) => split::ranges(&script.sql, Engine::Postgres)
                .into_iter()
                .try_for_each(|span| self.session.run(&script.sql[span])),
            Effect::Fill(fill) => self.session.run(&filling(fill)),
            Effect::Unfill(fill) => self.session.run(&unfilling(fill)),
            Effect::MoveValue(_) => Ok(()),
        };
        done.map_err(|error| match error.refusal() {
            Some(refusal) => refusal.to_string(),
            None => error.to_string(),
        })
    }
}

/// Keeps the former values beside the table, as an engine does.
fn filling(fill: &Fill) -> String {
    let set: Vec<_> = fill
        .set
        .iter()
        .map(|(column, value)| format!("{column} = {value}"))
        .collect();
    let apart: Vec<_> = fill
        .set
        .iter()
        .map(|(column, value)| format!("{column}::text IS DISTINCT FROM ({value})::text"))
        .collect();
    let only = fill.only.as_deref().unwrap_or("true");
    let condition = format!("({}) AND ({only})", apart.join(" OR "));
    let table = &fill.table;
    let keep = if fill.keep_undo {
        format!(
            "CREATE SCHEMA IF NOT EXISTS switchback; CREATE TABLE IF NOT EXISTS switchback.undo_kept AS SELECT * FROM {table} WHERE {condition};"
        )
    } else {
        String::new()
    };
    format!(
        "{keep}UPDATE {table} SET {} WHERE {condition}",
        set.join(", ")
    )
}

fn unfilling(fill: &Fill) -> String {
    let set: Vec<_> = fill
        .set
        .keys()
        .map(|column| format!("{column} = kept.{column}"))
        .collect();
    format!(
        "UPDATE {0} AS t SET {1} FROM switchback.undo_kept AS kept WHERE kept.id = t.id;
         DROP TABLE switchback.undo_kept",
        fill.table,
        set.join(", ")
    )
}
