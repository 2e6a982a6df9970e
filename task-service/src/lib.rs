//! The task service: stores the tasks of every user and keeps the users apart.
//!
//! [`App`] is the whole service. It is made from settings and a clock, and it serves on a listener that is passed in.

mod app;
pub mod config;
mod context;
mod deleted_accounts;
mod error;
mod feed;
mod grpc;
mod lists;
pub mod metrics;
mod purge;
mod quota;
mod requests;
mod schema;
#[cfg(test)]
mod statement_guard;
mod tasks;

pub use app::{App, SERVICE, StartError};
pub use quota::Quota;
pub use schema::SCHEMA;
