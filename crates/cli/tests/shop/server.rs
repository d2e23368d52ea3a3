//! A shop whose environments have PostgreSQL databases.

use postgres::{Client, NoTls};
use switchback_testkit::postgres as server;

use super::{Keep, Shop};

const TABLES: &str = "
    CREATE TYPE mood AS ENUM ('happy', 'sad');
    CREATE TABLE customers (id bigint PRIMARY KEY);
    CREATE TABLE users (
        id bigint PRIMARY KEY, name text NOT NULL, email_addr text NOT NULL UNIQUE,
        amount integer NOT NULL DEFAULT 0, fax text, pager text NOT NULL DEFAULT 'p',
        customer bigint, mood mood NOT NULL DEFAULT 'happy',
        state text NOT NULL DEFAULT 'new' CONSTRAINT state_known CHECK (state IN ('new', 'old')));
    INSERT INTO users SELECT n, 'n ' || n, 'u' || n || '@example.org'
        FROM generate_series(1, 200) AS n;
    CREATE TABLE faxes (id bigint PRIMARY KEY, number text);
    CREATE TABLE clubs (id bigint PRIMARY KEY, name text);
    CREATE TABLE rooms (club bigint PRIMARY KEY REFERENCES clubs, title text NOT NULL, name text);
    ANALYZE;";

/// A shop whose environments have PostgreSQL databases.
pub(crate) struct OnServer {
    pub(crate) shop: Shop,
    pub(crate) urls: [String; 2],
}

impl OnServer {
    /// On the server of the test binary, which counts no statements.
    pub(crate) fn new() -> Self {
        let server = server::server().unwrap();
        let urls = [(); 2].map(|()| server.database().unwrap());
        Self::at(urls, "unseen-uses = \"allow\"\n")
    }

    /// With empty databases at these addresses, and more in the settings of each environment.
    pub(crate) fn at(urls: [String; 2], more: &str) -> Self {
        let mut shop = Shop::new(Keep::Sqlite);
        for url in &urls {
            let mut client = Client::connect(url, NoTls).unwrap();
            client.batch_execute(TABLES).unwrap();
        }
        let mut settings = shop.cli.read("switchback.toml").unwrap();
        for (name, other) in [("staging", ""), ("production", ", url-env = \"OWNER_URL\"")] {
            settings = settings.replace(
                &format!("{{ engine = \"sqlite\", path = \"{name}.db\" }}"),
                &format!("{{ engine = \"postgres\"{other} }}"),
            );
            let named = format!("name = \"{name}\"\n");
            settings = settings.replace(&named, &format!("{named}{more}"));
        }
        shop.cli.write("switchback.toml", settings).unwrap();
        shop.commit(&shop.cli.folder(), "chore: databases on a server");
        shop.cli.set("SWITCHBACK_DATABASE_URL_STAGING", &urls[0]);
        shop.cli.set("OWNER_URL", &urls[1]);
        Self { shop, urls }
    }

    pub(crate) fn client(&self, environment: usize) -> Client {
        Client::connect(&self.urls[environment], NoTls).unwrap()
    }
}
