//! Where things of a schema were last changed, and where they went.

use std::collections::BTreeMap;

use switchback_migration::schema::Schema;
use switchback_migration::sql::ir::{
    AlterAction, AlterDomainAction, AlterTypeAction, AttributeChange, Kind, Name, Object, Statement,
};
use switchback_version::contract::sql as surface;

/// A file and a line, from 1.
pub(super) type Place = (String, usize);

/// Places by pointer.
#[derive(Debug, Default)]
pub(super) struct Places(pub(super) BTreeMap<String, Place>);

/// A name with its schema, as contracts have it.
pub(super) fn full(name: &Name) -> surface::Name {
    surface::Name::new(name.schema.clone().unwrap_or_default(), name.name.clone())
}

impl Places {
    /// Takes notice of what a statement did. `place` says where a byte of it stands.
    pub(super) fn note(
        &mut self,
        statement: &Statement,
        before: &Schema,
        after: &Schema,
        place: &dyn Fn(usize) -> Place,
    ) {
        let here = place(statement.span.start);
        match &statement.kind {
            Kind::CreateTable(create) => {
                let name = full(&after.resolve(&create.name));
                for column in &create.columns {
                    let pointer = surface::Schema::table_part(&name, &column.name);
                    self.put(pointer, place(column.span.start));
                    for one in &column.constraints {
                        self.constraint(&name, one.name.as_deref(), place(one.span.start));
                    }
                }
                for one in &create.constraints {
                    self.constraint(&name, one.name.as_deref(), place(one.span.start));
                }
                self.put(name.to_string(), here);
            }
            Kind::CreateView { name, .. } | Kind::CreateSequence { name, .. } => {
                self.put(full(&after.resolve(name)).to_string(), here);
            }
            Kind::CreateType { name, .. } | Kind::CreateDomain { name, .. } => {
                self.put(full(&after.resolve(name)).to_string(), here);
            }
            Kind::CreateFunction { name, .. } => {
                let name = full(&after.resolve(name));
                self.put(surface::Schema::function(&name), here);
            }
            Kind::CreateSchema { name, .. } => self.put(surface::Schema::namespace(name), here),
            Kind::CreateExtension { name, .. } => self.put(surface::Schema::extension(name), here),
            Kind::CreateIndex(create) => {
                let table = after.resolve(&create.table);
                let new = after.indexes_of(&table);
                let new = new.filter(|(name, _)| !before.indexes.contains_key(*name));
                let all: Vec<String> = new
                    .map(|(name, _)| surface::Schema::constraint(&full(&table), &name.name))
                    .collect();
                for pointer in all {
                    self.put(pointer, here.clone());
                }
            }
            Kind::CreateTrigger { table, .. }
            | Kind::CreateRule { table, .. }
            | Kind::Policy { table, .. } => {
                self.put(full(&after.resolve(table)).to_string(), here);
            }
            Kind::Alter(alter) => {
                let mut name = before.resolve(&alter.name);
                match alter.object {
                    Object::Schema => {
                        self.put(surface::Schema::namespace(&alter.name.name), here.clone());
                    }
                    Object::Function => {
                        self.put(surface::Schema::function(&full(&name)), here.clone());
                    }
                    _ => {}
                }
                self.put(full(&name).to_string(), here.clone());
                for (action, span) in &alter.actions {
                    name = self.action(name, action, (before, after), place(span.start));
                }
            }
            Kind::AlterType { name, action } => {
                self.type_action(&before.resolve(name), action, here);
            }
            Kind::AlterDomain { name, action } => {
                let name = before.resolve(name);
                self.domain_action(&name, action, &here);
                self.put(full(&name).to_string(), here);
            }
            Kind::Drop(drop) => {
                for name in &drop.names {
                    let found = before.resolve(name);
                    let pointer = match drop.object {
                        Object::Function => surface::Schema::function(&full(&found)),
                        Object::Schema => surface::Schema::namespace(&name.name),
                        Object::Extension => surface::Schema::extension(&name.name),
                        Object::Index => match before.indexes.get(&found) {
                            Some(index) => {
                                surface::Schema::constraint(&full(&index.table), &found.name)
                            }
                            None => continue,
                        },
                        Object::Trigger | Object::Rule | Object::Policy => continue,
                        _ => full(&found).to_string(),
                    };
                    self.put(pointer, here.clone());
                }
                if let Some(table) = &drop.on {
                    self.put(full(&before.resolve(table)).to_string(), here.clone());
                }
                if drop.cascade {
                    self.gone(before, after, &here);
                }
            }
            _ => {}
        }
    }

    fn put(&mut self, pointer: String, place: Place) {
        self.0.insert(pointer, place);
    }

    fn constraint(&mut self, of: &surface::Name, name: Option<&str>, place: Place) {
        if let Some(name) = name {
            self.put(surface::Schema::constraint(of, name), place);
        }
    }

    /// What went with something else.
    fn gone(&mut self, before: &Schema, after: &Schema, place: &Place) {
        let relations = before.relations.unlike(&after.relations).into_iter();
        let types = before.types.unlike(&after.types).into_iter();
        let relations = relations.filter_map(|(name, _, now)| now.is_none().then_some(name));
        let types = types.filter_map(|(name, _, now)| now.is_none().then_some(name));
        for name in relations.chain(types) {
            self.put(full(name).to_string(), place.clone());
        }
    }

    /// One change of a table; under which name it is found from then on.
    fn action(
        &mut self,
        table: Name,
        action: &AlterAction,
        (before, after): (&Schema, &Schema),
        place: Place,
    ) -> Name {
        use AlterAction as A;
        let name = full(&table);
        let column = |it: &str| surface::Schema::table_part(&name, it);
        let constraint = |it: &str| surface::Schema::constraint(&name, it);
        match action {
            A::Rename { to } => {
                let now = Name {
                    name: to.clone(),
                    ..table.clone()
                };
                self.moved(&table, &now, before, place);
                return now;
            }
            A::SetSchema { to } => {
                let now = Name::qualified(to.clone(), table.name.clone());
                self.moved(&table, &now, before, place);
                return now;
            }
            A::AddColumn { column: new, .. } => self.put(column(&new.name), place.clone()),
            A::DropColumn { column: gone, .. } => self.put(column(gone), place.clone()),
            A::SetType { column: it, .. }
            | A::Default { column: it, .. }
            | A::SetNotNull { column: it }
            | A::DropNotNull { column: it }
            | A::SetExpression { column: it, .. }
            | A::DropExpression { column: it }
            | A::AddIdentity { column: it, .. }
            | A::SetIdentity { column: it, .. }
            | A::DropIdentity { column: it, .. } => self.put(column(it), place.clone()),
            A::RenameColumn { from, to } => {
                self.put(column(from), place.clone());
                self.put(column(to), place.clone());
            }
            A::DropConstraint { name: it, .. }
            | A::ValidateConstraint { name: it }
            | A::AlterConstraint { name: it, .. } => self.put(constraint(it), place.clone()),
            A::RenameConstraint { from, to } => {
                self.put(constraint(from), place.clone());
                self.put(constraint(to), place.clone());
            }
            _ => {}
        }
        if matches!(action, A::AddColumn { .. } | A::AddConstraint(_)) {
            // Those without a name have got one.
            let had = before.relations.get(&table);
            let new = after.relations.get(&table).into_iter();
            let new = new.flat_map(|it| &it.constraints);
            let new = new.filter(|it| had.is_none_or(|had| had.constraint(&it.name).is_none()));
            for pointer in new.map(|it| constraint(&it.name)) {
                self.0.entry(pointer).or_insert_with(|| place.clone());
            }
            if let A::AddConstraint(declared) = action {
                self.constraint(&name, declared.name.as_deref(), place);
            }
        } else if matches!(
            action,
            A::DropColumn { cascade: true, .. } | A::DropConstraint { cascade: true, .. }
        ) {
            self.gone(before, after, &place);
        }
        table
    }

    /// A table has another name, and with it all that is in it.
    fn moved(&mut self, from: &Name, to: &Name, before: &Schema, place: Place) {
        let (was, is) = (full(from), full(to));
        if let Some(relation) = before.relations.get(from) {
            let columns = relation.columns.iter().map(|it| {
                (
                    surface::Schema::table_part(&was, &it.name),
                    surface::Schema::table_part(&is, &it.name),
                )
            });
            let constraints = relation.constraints.iter().map(|it| {
                (
                    surface::Schema::constraint(&was, &it.name),
                    surface::Schema::constraint(&is, &it.name),
                )
            });
            for (old, new) in columns.chain(constraints) {
                if let Some(known) = self.0.get(&old).cloned() {
                    self.put(new, known);
                }
            }
        }
        self.put(was.to_string(), place.clone());
        self.put(is.to_string(), place);
    }

    fn type_action(&mut self, name: &Name, action: &AlterTypeAction, place: Place) {
        let of = full(name);
        let value = |it: &str| surface::Schema::value(&of, it);
        let part = |it: &str| surface::Schema::table_part(&of, it);
        let mut all = vec![of.to_string()];
        match action {
            AlterTypeAction::AddValue { value: it, .. } => all.push(value(it)),
            AlterTypeAction::RenameValue { from, to } => all.extend([value(from), value(to)]),
            AlterTypeAction::Rename { to } => {
                all.push(surface::Name::new(of.schema.clone(), to.clone()).to_string());
            }
            AlterTypeAction::SetSchema { to } => {
                all.push(surface::Name::new(to.clone(), of.name.clone()).to_string());
            }
            AlterTypeAction::Attribute { change, .. } => match change {
                AttributeChange::Add { column } => all.push(part(&column.name)),
                AttributeChange::Drop { name, .. } | AttributeChange::SetType { name, .. } => {
                    all.push(part(name));
                }
                AttributeChange::Rename { from, to } => all.extend([part(from), part(to)]),
            },
            AlterTypeAction::Other { .. } => return,
        }
        for pointer in all {
            self.put(pointer, place.clone());
        }
    }

    fn domain_action(&mut self, name: &Name, action: &AlterDomainAction, place: &Place) {
        let of = full(name);
        let constraint = |it: &str| surface::Schema::constraint(&of, it);
        let all = match action {
            AlterDomainAction::AddConstraint(declared) => {
                let named = declared.name.as_deref();
                named.map(constraint).into_iter().collect()
            }
            AlterDomainAction::DropConstraint { name, .. }
            | AlterDomainAction::ValidateConstraint { name } => vec![constraint(name)],
            AlterDomainAction::RenameConstraint { from, to } => {
                vec![constraint(from), constraint(to)]
            }
            AlterDomainAction::Rename { to } => {
                vec![surface::Name::new(of.schema.clone(), to.clone()).to_string()]
            }
            AlterDomainAction::SetSchema { to } => {
                vec![surface::Name::new(to.clone(), of.name.clone()).to_string()]
            }
            _ => Vec::new(),
        };
        for pointer in all {
            self.put(pointer, place.clone());
        }
    }
}
