//! Server reflection, called by clients.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod client;
mod lookups;
mod streams;
#[path = "../wire/mod.rs"]
mod wire;
