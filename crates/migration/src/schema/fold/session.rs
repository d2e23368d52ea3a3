//! Settings of the session that change what names and types mean.

use super::Fold;

impl Fold<'_> {
    pub(super) fn set(&mut self, parameter: &str, values: &[String], local: bool) {
        let known = matches!(parameter, "search_path" | "timezone" | "*");
        if !known {
            return;
        }
        if local && self.schema.before_local.is_none() {
            let now = (
                self.schema.search_path.clone(),
                self.schema.time_zone.clone(),
            );
            self.schema.before_local = Some(now);
        }
        if matches!(parameter, "search_path" | "*") {
            let usual = || vec!["public".to_owned()];
            let path = if values.is_empty() {
                usual()
            } else {
                self.path(values)
            };
            self.keep_path(path, local);
        }
        if matches!(parameter, "timezone" | "*") {
            let zone = values.first().map(|it| it.to_lowercase());
            // `LOCAL` and `DEFAULT` are what the server has.
            let zone = zone.filter(|it| !matches!(it.as_str(), "local" | "default"));
            self.keep_zone(zone, local);
        }
    }

    /// The schemas of a search path. That of the user is left out unless there is one of such a name,
    /// which nobody knows here.
    fn path(&self, values: &[String]) -> Vec<String> {
        values
            .iter()
            .filter(|it| !it.is_empty() && *it != "$user" && *it != "pg_catalog")
            .cloned()
            .collect()
    }

    fn keep_path(&mut self, path: Vec<String>, local: bool) {
        if !local && let Some((before, _)) = &mut self.schema.before_local {
            before.clone_from(&path);
        }
        self.schema.search_path = path;
    }

    fn keep_zone(&mut self, zone: Option<String>, local: bool) {
        if !local && let Some((_, before)) = &mut self.schema.before_local {
            before.clone_from(&zone);
        }
        self.schema.time_zone = zone;
    }
}
