//! What both services use.
pub mod database;
