//! The schema of a database, without its rows, as `pg_dump` writes it.

use std::io;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use postgres::Config;
use postgres::config::{Host, SslMode};

use crate::address::is_exposed;
use crate::postgres::change::CONTROL_SCHEMA;

/// Why there is no schema.
#[derive(Debug, thiserror::Error)]
pub enum DumpError {
    /// The address cannot be read.
    #[error("the address of the database cannot be read")]
    Address {
        /// What is wrong with it.
        #[source]
        source: postgres::Error,
    },
    /// The program is not there or cannot be run.
    #[error("{} cannot be run", program.display())]
    NotRun {
        /// The program.
        program: PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// The program failed.
    #[error("pg_dump failed: {said}")]
    Failed {
        /// What it said, in one line.
        said: String,
    },
}

/// Asks `pg_dump` for the schema of the database at `url`. Owners, privileges and what Switchback
/// keeps for itself are left out. The password is handed over in the environment, where no list of
/// processes shows it, and to another machine nothing goes in the clear unless the address says
/// `sslmode=disable`.
///
/// # Errors
/// If the program cannot be run, or fails.
pub fn schema_of(url: &str, program: &Path) -> Result<String, DumpError> {
    let config = url
        .parse::<Config>()
        .map_err(|source| DumpError::Address { source })?;
    let mut command = Command::new(program);
    command
        .args(["--schema-only", "--no-owner", "--no-privileges"])
        .args(["--no-publications", "--no-subscriptions", "--no-password"])
        .arg(format!("--exclude-schema={CONTROL_SCHEMA}"))
        .env_clear()
        .stdin(Stdio::null());
    for (name, value) in variables(&config) {
        command.env(name, value);
    }
    let output = command.output().map_err(|source| DumpError::NotRun {
        program: program.to_owned(),
        source,
    })?;
    if !output.status.success() {
        let said = String::from_utf8_lossy(&output.stderr);
        let lines: Vec<&str> = said.lines().map(str::trim).collect();
        return Err(DumpError::Failed {
            said: lines.join("; "),
        });
    }
    Ok(String::from_utf8_lossy(&output.stdout).into_owned())
}

/// What `pg_dump` is told in its environment about the way to a database.
fn variables(config: &Config) -> Vec<(&'static str, String)> {
    let host = config.get_hosts().first().map(|host| match host {
        #[cfg(unix)]
        Host::Unix(path) => path.display().to_string(),
        Host::Tcp(name) => name.clone(),
    });
    let address = config.get_hostaddrs().first().map(ToString::to_string);
    let port = config.get_ports().first().map(u16::to_string);
    let text = |text: Option<&str>| text.map(str::to_owned);
    let password = config.get_password().map(String::from_utf8_lossy);
    // Unlike our own connections it can encrypt, and if not told that it must, it goes on without.
    let must_encrypt = config.get_ssl_mode() == SslMode::Require || is_exposed(config);
    let all = [
        ("PGHOST", host),
        ("PGHOSTADDR", address),
        ("PGPORT", port),
        ("PGUSER", text(config.get_user())),
        ("PGPASSWORD", text(password.as_deref())),
        (
            "PGDATABASE",
            text(config.get_dbname().or(config.get_user())),
        ),
        ("PGSSLMODE", must_encrypt.then(|| "require".to_owned())),
    ];
    let told = all
        .into_iter()
        .filter_map(|(name, value)| Some((name, value?)));
    told.collect()
}

/// Whether two addresses lead to one database, as far as their text tells: the same host, port and
/// name. What cannot be read leads nowhere.
pub fn is_same_database(one: &str, other: &str) -> bool {
    let place = |url: &str| {
        let config = url.parse::<Config>().ok()?;
        let local = |host: &Host| match host {
            // Every way to this machine is one.
            #[cfg(unix)]
            Host::Unix(_) => "localhost".to_owned(),
            Host::Tcp(name) if name == "127.0.0.1" || name == "::1" => "localhost".to_owned(),
            Host::Tcp(name) => name.to_ascii_lowercase(),
        };
        let hosts: Vec<String> = config.get_hosts().iter().map(local).collect();
        let ports = match config.get_ports() {
            [] => vec![5432],
            ports => ports.to_vec(),
        };
        let name = config.get_dbname().or(config.get_user())?.to_owned();
        Some((hosts, ports, name))
    };
    matches!((place(one), place(other)), (Some(one), Some(other)) if one == other)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_dump_takes_the_way_that_the_address_names() {
        let told = |url: &str, name: &str| {
            let all = variables(&url.parse().unwrap());
            all.into_iter().find(|it| it.0 == name).map(|it| it.1)
        };
        let mode = |url: &str| told(url, "PGSSLMODE");
        // Left to itself it goes on in the clear where the server cannot encrypt.
        let require = Some("require".to_owned());
        assert_eq!(mode("postgresql://ann:secret@db.example.org/shop"), require);
        assert_eq!(mode("host=db.example.org,localhost user=ann"), require);
        assert_eq!(
            mode("postgresql://ann@localhost/shop?sslmode=require"),
            require
        );
        let allowed = "postgresql://ann@db.example.org/shop?sslmode=disable";
        assert_eq!(mode(allowed), None);
        assert_eq!(mode("postgresql://ann@localhost/shop"), None);
        let tunnel = "host=db.example.org hostaddr=127.0.0.1 user=ann";
        assert_eq!(mode(tunnel), None);
        assert_eq!(told(tunnel, "PGHOSTADDR").as_deref(), Some("127.0.0.1"));
        assert_eq!(told(tunnel, "PGHOST").as_deref(), Some("db.example.org"));
    }

    #[test]
    fn one_database_is_known_in_other_words() {
        let shop = "postgresql://ann:secret@127.0.0.1/shop";
        assert!(is_same_database(
            shop,
            "host=localhost port=5432 dbname=shop user=bob"
        ));
        assert!(!is_same_database(
            shop,
            "postgresql://ann@127.0.0.1/shop_copy"
        ));
        assert!(!is_same_database(
            shop,
            "postgresql://ann@127.0.0.1:5433/shop"
        ));
        assert!(!is_same_database(shop, "not an address"));
    }
}
