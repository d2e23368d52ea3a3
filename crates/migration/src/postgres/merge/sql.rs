//! The SQL of a merge.

use std::fmt::Write as _;

use super::Other;
use super::take::Twin;
use crate::operation::Sql;
use crate::operation::merge::Pairs;
use crate::postgres::Draft;
use crate::postgres::names::{name, qualified, text};
use crate::sql::ir::Name;

/// Both tables.
pub(super) struct Tables<'a> {
    pub(super) draft: &'a Draft<'a>,
    pub(super) other: &'a Other<'a>,
    pub(super) pairs: Pairs<'a>,
}

/// Rules, held to new rows first and proved then.
pub(super) struct Rules {
    pub(super) hold: Sql,
    pub(super) prove: Sql,
}

/// That two values are not the same.
pub(super) fn differ(left: &str, right: &str) -> String {
    format!("{left} IS DISTINCT FROM {right}")
}

/// That two values are not the same, which have to be compared as text to tell all of them apart.
pub(super) fn differ_as_text(left: &str, right: &str) -> String {
    let cast = "::text COLLATE \"C\"";
    differ(&format!("{left}{cast}"), &format!("{right}{cast}"))
}

impl Tables<'_> {
    fn a(&self) -> String {
        self.draft.t()
    }

    fn b(&self) -> String {
        qualified(&self.other.full)
    }

    /// That a row of the table that goes is not what the other one says.
    pub(super) fn lacking(&self) -> String {
        // In a fill the table goes by its own name.
        let old = format!("{}.", name(&self.other.full.name));
        format!(
            "EXISTS (SELECT FROM {} AS sb_into WHERE {} AND ({}))",
            self.a(),
            self.pairs.same("sb_into.", &old),
            self.pairs.apart("sb_into.", &old)
        )
    }

    /// Locks both tables. Writers take them in either order, and with one of them in hand the wait
    /// for the other is shorter than it takes the server to see a deadlock and end somebody's
    /// transaction: then this one gives way, and is tried again.
    pub(super) fn lock(&self, mode: &str) -> String {
        format!(
            "-- With one of them in hand, give way before the server would end somebody's transaction.\n\
             DO $switchback$ BEGIN\n  LOCK TABLE {} IN {mode} MODE;\n\
             \x20 PERFORM set_config('lock_timeout', greatest(1, (extract(epoch FROM\n    \
             current_setting('deadlock_timeout')::interval) * 500)::integer)::text, true);\n\
             \x20 LOCK TABLE {} IN ACCESS EXCLUSIVE MODE;\nEND $switchback$;\n",
            self.b(),
            self.a()
        )
    }

    pub(super) fn add(&self) -> String {
        let add = self.pairs.all(
            |it| format!("ADD COLUMN {} {}", name(&it.new), it.type_sql),
            ", ",
        );
        format!("ALTER TABLE {} {add};\n", self.a())
    }

    pub(super) fn remove(&self) -> String {
        let drop = self
            .pairs
            .all(|it| format!("DROP COLUMN {}", name(&it.new)), ", ");
        format!("ALTER TABLE {} {drop};\n", self.a())
    }

    fn function(&self, of: &Name, what: &str) -> String {
        let schema = of.schema.as_deref().unwrap_or("public");
        qualified(&Name::qualified(schema, self.draft.own(what)))
    }

    /// What follows a write to the table that goes.
    fn forward(&self) -> String {
        let a = self.a();
        let clear = |condition: &str| {
            format!(
                "UPDATE {a} AS sb_into SET {} WHERE {condition}({});",
                self.pairs
                    .all(|it| format!("{} = NULL", name(&it.new)), ", "),
                self.pairs.some("sb_into.")
            )
        };
        let gone = clear(&format!("{} AND ", self.pairs.same("sb_into.", "OLD.")));
        let moved = self.pairs.keys(
            |here, _| format!("OLD.{here} IS DISTINCT FROM NEW.{here}"),
            " OR ",
        );
        format!(
            "BEGIN\n  IF TG_OP = 'TRUNCATE' THEN\n    {}\n    RETURN NULL;\n  END IF;\n\
             \x20 IF TG_OP = 'DELETE' THEN\n    {gone}\n    RETURN NULL;\n  END IF;\n\
             \x20 IF TG_OP = 'UPDATE' THEN\n    IF {moved} THEN\n      {gone}\n    END IF;\n  END IF;\n\
             \x20 UPDATE {a} AS sb_into SET {}\n    WHERE {} AND ({});\n  RETURN NULL;\nEND",
            clear(""),
            self.pairs.all(
                |it| format!("{} = NEW.{}", name(&it.new), name(&it.old)),
                ", "
            ),
            self.pairs.same("sb_into.", "NEW."),
            self.pairs.apart("sb_into.", "NEW."),
        )
    }

    /// What follows a write to the table that stays.
    fn backward(&self) -> String {
        let b = self.b();
        let set = |row: &str| {
            self.pairs.all(
                |it| format!("{} = {row}{}", name(&it.old), name(&it.new)),
                ", ",
            )
        };
        let here = |row: &str| {
            self.pairs.keys(
                |here, there| format!("sb_from.{here} = {row}{there}"),
                " AND ",
            )
        };
        let old_list = self.pairs.all(|it| name(&it.old), ", ");
        let link = self.pairs.keys(|here, _| here.to_owned(), ", ");
        let moved = self.pairs.keys(
            |_, there| format!("OLD.{there} IS DISTINCT FROM NEW.{there}"),
            " OR ",
        );
        let follow = self
            .pairs
            .keys(|here, there| format!("{here} = NEW.{there}"), ", ");
        let update = format!(
            "UPDATE {b} AS sb_from SET {}\n      WHERE {} AND ({});",
            set("NEW."),
            here("NEW."),
            self.pairs.apart("NEW.", "sb_from.")
        );
        // Without a value that it demands there can be no row.
        let nothing = if self.pairs.demands() {
            format!("DELETE FROM {b} AS sb_from WHERE {};", here("NEW."))
        } else {
            update.clone()
        };
        format!(
            "BEGIN\n  IF TG_OP = 'DELETE' THEN\n    DELETE FROM {b} AS sb_from WHERE {};\n    RETURN \
             NULL;\n  END IF;\n\
             \x20 IF TG_OP = 'UPDATE' THEN\n    IF {moved} THEN\n      UPDATE {b} AS sb_from SET \
             {follow} WHERE {};\n    END IF;\n  END IF;\n\
             \x20 IF {} THEN\n    {nothing}\n    RETURN NULL;\n  END IF;\n\
             \x20 {update}\n  IF NOT FOUND THEN\n    IF NOT EXISTS (SELECT FROM {b} AS sb_from WHERE \
             {}) THEN\n      INSERT INTO {b} AS sb_from ({link}, {old_list})\n        VALUES ({}, {})\n\
             \x20       ON CONFLICT ({link}) DO UPDATE SET {} WHERE {};\n    END IF;\n  END IF;\n  RETURN \
             NULL;\nEND",
            here("OLD."),
            here("OLD."),
            self.pairs.none("NEW."),
            here("NEW."),
            self.pairs.keys(|_, there| format!("NEW.{there}"), ", "),
            self.pairs.all(|it| format!("NEW.{}", name(&it.new)), ", "),
            self.pairs
                .all(|it| format!("{0} = excluded.{0}", name(&it.old)), ", "),
            self.pairs.apart("NEW.", "sb_from."),
        )
    }

    /// The functions and triggers that keep both tables in step.
    ///
    /// They run with the rights of their owner: a role may write one of the tables and not the
    /// other. So they name everything in full, and look for nothing in a schema that others can
    /// write to.
    pub(super) fn create(&self) -> String {
        let (a, b) = (self.a(), self.b());
        let function = |function: &str, body: &str| {
            format!(
                "CREATE FUNCTION {function}() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER\n\
                 SET search_path = pg_catalog, pg_temp AS $switchback$\n{body}\n$switchback$;\n"
            )
        };
        let forward = self.function(&self.other.full, "forward");
        let backward = self.function(&self.draft.full, "backward");
        let [into, out] = self.triggers();
        let trigger = |name: &str, when: &str, function: &str| {
            format!("CREATE TRIGGER {name} {when}\n  EXECUTE FUNCTION {function}();\n")
        };
        let changed = format!(
            "{} OR {}",
            self.pairs.keys(
                |_, there| format!("OLD.{there} IS DISTINCT FROM NEW.{there}"),
                " OR "
            ),
            self.pairs.changed()
        );
        let mut sql = function(&forward, &self.forward());
        sql.push_str(&trigger(
            &out[0],
            &format!("AFTER INSERT OR UPDATE OR DELETE ON {b}\n  FOR EACH ROW"),
            &forward,
        ));
        sql.push_str(&trigger(
            &out[1],
            &format!("AFTER TRUNCATE ON {b}\n  FOR EACH STATEMENT"),
            &forward,
        ));
        sql.push_str(&function(&backward, &self.backward()));
        sql.push_str(&trigger(
            &into[0],
            &format!(
                "AFTER INSERT ON {a}\n  FOR EACH ROW WHEN ({})",
                self.pairs.some("NEW.")
            ),
            &backward,
        ));
        sql.push_str(&trigger(
            &into[1],
            &format!("AFTER UPDATE ON {a}\n  FOR EACH ROW WHEN ({changed})"),
            &backward,
        ));
        sql.push_str(&trigger(
            &into[2],
            &format!("AFTER DELETE ON {a}\n  FOR EACH ROW"),
            &backward,
        ));
        sql
    }

    /// The names of the triggers on either table. Triggers fire in the order of their names, and
    /// those of the table that stays have to fire before the foreign key's, `RI_…`, which would
    /// refuse to let go of a row that somebody points to.
    fn triggers(&self) -> [Vec<String>; 2] {
        let named = |what: &&str| name(&format!("00_{}", self.draft.own(what)));
        [
            ["insert", "update", "delete"].iter().map(named).collect(),
            ["forward", "truncate"].iter().map(named).collect(),
        ]
    }

    pub(super) fn drop(&self) -> String {
        let [into, out] = self.triggers();
        let mut sql = String::new();
        for (table, triggers) in [(self.a(), into), (self.b(), out)] {
            for trigger in triggers {
                let _ = writeln!(sql, "DROP TRIGGER {trigger} ON {table};");
            }
        }
        for function in [
            self.function(&self.draft.full, "backward"),
            self.function(&self.other.full, "forward"),
        ] {
            let _ = writeln!(sql, "DROP FUNCTION {function}();");
        }
        sql
    }

    pub(super) fn indexes(&self, twins: &[Twin]) -> Option<Sql> {
        let (mut up, mut down) = (String::new(), String::new());
        for (number, twin) in (1..).zip(twins) {
            let own = self.draft.own(&format!("index_{number}"));
            let columns: Vec<_> = twin.columns.iter().map(|it| name(it)).collect();
            let _ = writeln!(
                up,
                "CREATE {}INDEX CONCURRENTLY {} ON {} USING {} ({});",
                if twin.unique { "UNIQUE " } else { "" },
                name(&own),
                self.a(),
                twin.method,
                columns.join(", ")
            );
            let schema = self.draft.full.schema.clone();
            let full = Name { schema, name: own };
            let _ = writeln!(down, "DROP INDEX CONCURRENTLY {};", qualified(&full));
        }
        (!up.is_empty()).then(|| Sql::statements(up, down))
    }

    /// What the table that goes demands of its rows, for rows that have one there.
    pub(super) fn rules(&self, checks: &[String]) -> Option<Rules> {
        let a = self.a();
        let (mut hold, mut lift, mut prove) = (String::new(), String::new(), String::new());
        for (own, rule) in self.pairs.rules(checks) {
            let own = name(&self.draft.own(&own));
            let _ = writeln!(
                hold,
                "ALTER TABLE {a} ADD CONSTRAINT {own} CHECK ({rule}) NOT VALID;"
            );
            let _ = writeln!(lift, "ALTER TABLE {a} DROP CONSTRAINT {own};");
            let _ = writeln!(prove, "ALTER TABLE {a} VALIDATE CONSTRAINT {own};");
        }
        (!hold.is_empty()).then(|| Rules {
            prove: Sql::transaction(prove, format!("{lift}{hold}")),
            hold: Sql::transaction(hold, lift),
        })
    }

    /// Takes the table out of everybody's way. What its foreign key says is kept in a table of
    /// its own, because a key that stayed would keep rows of the other table from going.
    pub(super) fn contract(&self, archive: &str) -> String {
        let (a, b) = (self.a(), self.b());
        let complaint = text(&format!(
            "rows of {} and {} differ",
            self.draft.shown(),
            self.other.full.name
        ));
        let key = self.function(&self.other.full, "key");
        let unpaired = format!(
            "({}) AND NOT EXISTS (SELECT FROM {b} AS sb_from WHERE {})",
            self.pairs.some("sb_into."),
            self.pairs.same("sb_into.", "sb_from.")
        );
        format!(
            "-- The table goes, so every value must be in the other one too.\n\
             DO $switchback$ BEGIN\n  IF EXISTS (SELECT FROM {a} AS sb_into JOIN {b} AS sb_from ON {}\n\
             \x20     WHERE {})\n    OR EXISTS (SELECT FROM {a} AS sb_into WHERE {unpaired}) THEN\n\
             \x20   RAISE EXCEPTION USING MESSAGE = {complaint};\n  END IF;\nEND $switchback$;\n\n\
             {}\n{}\n-- The foreign key goes with it; what it says is kept for the way back.\n\
             DO $switchback$ DECLARE path text := current_setting('search_path');\nBEGIN\n\
             \x20 PERFORM set_config('search_path', 'pg_catalog', true);\n\
             \x20 CREATE TABLE {key} AS SELECT pg_get_constraintdef(oid) AS says FROM pg_constraint\n\
             \x20   WHERE conrelid = {}::regclass AND conname = {};\n\
             \x20 PERFORM set_config('search_path', path, true);\nEND $switchback$;\n\
             ALTER TABLE {b} DROP CONSTRAINT {};\nALTER TABLE {b} RENAME TO {};\n",
            self.pairs.same("sb_into.", "sb_from."),
            self.pairs.apart("sb_into.", "sb_from."),
            self.lock("ACCESS EXCLUSIVE"),
            self.drop(),
            text(&b),
            text(&self.other.link),
            name(&self.other.link),
            name(archive)
        )
    }

    pub(super) fn uncontract(&self, archive: &str) -> String {
        let (a, b) = (self.a(), self.b());
        let kept = Name {
            schema: self.other.full.schema.clone(),
            name: archive.to_owned(),
        };
        let same = self.pairs.same("sb_into.", "sb_from.");
        let set = self.pairs.all(
            |it| format!("{} = sb_into.{}", name(&it.old), name(&it.new)),
            ", ",
        );
        let gone = if self.pairs.demands() {
            format!(
                "DELETE FROM {b} AS sb_from USING {a} AS sb_into WHERE {same} AND {};\n",
                self.pairs.none("sb_into.")
            )
        } else {
            String::new()
        };
        let key = self.function(&self.other.full, "key");
        let add = text(&format!(
            "ALTER TABLE {b} ADD CONSTRAINT {} ",
            name(&self.other.link)
        ));
        format!(
            "ALTER TABLE {} RENAME TO {};\nLOCK TABLE {a} IN SHARE ROW EXCLUSIVE MODE;\n\n\
             -- What was written since.\n\
             DELETE FROM {b} AS sb_from WHERE NOT EXISTS (SELECT FROM {a} AS sb_into WHERE {same});\n\
             {gone}UPDATE {b} AS sb_from SET {set} FROM {a} AS sb_into\n  WHERE {same} AND ({});\n\
             INSERT INTO {b} ({}, {})\n  SELECT {}, {} FROM {a} AS sb_into\n  WHERE ({}) AND NOT EXISTS \
             (SELECT FROM {b} AS sb_from WHERE {same});\n\n\
             DO $switchback$ BEGIN\n  EXECUTE {add} || (SELECT says FROM {key});\nEND $switchback$;\nDROP TABLE \
             {key};\n\n{}",
            qualified(&kept),
            name(&self.other.full.name),
            self.pairs.apart("sb_into.", "sb_from."),
            self.pairs.keys(|here, _| here.to_owned(), ", "),
            self.pairs.all(|it| name(&it.old), ", "),
            self.pairs.keys(|_, there| format!("sb_into.{there}"), ", "),
            self.pairs
                .all(|it| format!("sb_into.{}", name(&it.new)), ", "),
            self.pairs.some("sb_into."),
            self.create()
        )
    }
}
