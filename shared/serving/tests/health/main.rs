//! `grpc.health.v1`, called by clients.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod client;
mod readiness;
mod service;
#[path = "../wire/mod.rs"]
mod wire;
