//! The auth service: accounts, sessions, and the tokens of both.
//!
//! A folder is a subject. In each, `grpc.rs` parses messages and converts results, `mod.rs` decides and owns the transactions,
//! `store.rs` has the statements, and `domain.rs` the values that exist only if valid. [`App`] is the whole service; it can
//! run in a process of its own or beside others.

mod accounts;
mod admin;
mod api_keys;
mod app;
mod audit;
mod batch;
pub mod cli;
pub mod config;
mod context;
mod digest;
pub mod error;
pub mod key_ring;
pub mod metrics;
pub mod passwords;
pub mod revocations;
mod routes;
pub mod sessions;
pub mod signing_keys;
mod sql;
mod sweeper;
pub mod throttle;

use database::Schema;

pub use app::{App, ServeError, StartError};

/// The name of this service in telemetry.
pub const SERVICE: &str = "tandem-auth";

static MIGRATIONS: sqlx::migrate::Migrator = sqlx::migrate!("../migrations/auth");
/// The tables of this service.
pub const SCHEMA: Schema = Schema {
    name: "auth",
    migrations: &MIGRATIONS,
};
