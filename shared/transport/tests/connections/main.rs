//! The accept loop and its certificates, tested through the network.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod age;
mod caps;
mod certificate_replacement;
mod client_certificates;
mod fixture;
mod frames;
mod healthcheck;
mod python_client;
mod resets;
mod stopping;
mod timeouts;
mod unread;
