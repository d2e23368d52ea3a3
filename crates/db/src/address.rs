//! Addresses of PostgreSQL servers.

use postgres::Config;
use postgres::config::{Host, SslMode};

/// Whether others could read along: a server is on another machine, nothing is encrypted, and the
/// address does not say that this is allowed. Whoever connects has to ask.
pub(crate) fn is_exposed(config: &Config) -> bool {
    config.get_ssl_mode() != SslMode::Disable && !is_local(config)
}

/// Whether every host is this machine.
fn is_local(config: &Config) -> bool {
    let addresses = config.get_hostaddrs();
    if !addresses.is_empty() {
        return addresses.iter().all(std::net::IpAddr::is_loopback);
    }
    config.get_hosts().iter().all(|host| match host {
        #[cfg(unix)]
        Host::Unix(_) => true,
        Host::Tcp(name) => {
            name == "localhost"
                || name
                    .parse::<std::net::IpAddr>()
                    .is_ok_and(|address| address.is_loopback())
        }
    })
}

/// Where, for people, without the password.
pub(crate) fn show(config: &Config) -> String {
    let host = match config.get_hosts().first() {
        #[cfg(unix)]
        Some(Host::Unix(path)) => path.display().to_string(),
        Some(Host::Tcp(name)) => name.clone(),
        None => "localhost".to_owned(),
    };
    let database = config
        .get_dbname()
        .or(config.get_user())
        .unwrap_or_default();
    format!("postgres {host}/{database}")
}
