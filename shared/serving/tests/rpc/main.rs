//! The layer around every call, tested through the network: in every case the client gets a status that it can act on.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod access_line;
mod arrival;
mod compression;
mod infrastructure;
mod metrics;
mod only_grpc;
mod policy;
mod probe;
mod refusals;
mod services;
mod shares;
mod stopping;
mod unread;
mod unread_answers;
