//! What operators do from the command line, directly in the database. No service has to run.

pub mod admin;
pub mod keys;
pub mod restored;
mod store;

/// The actor of these commands in the audit log.
const ACTOR: &str = "cli";
