//! The task service through the wire: a file for each RPC, and what holds for all of them.

#![expect(clippy::unwrap_used, reason = "a panic is how a test fails")]

mod access;
mod cancellation;
mod concurrency;
mod create;
mod delete;
mod filter_and_order;
mod generated;
mod get;
mod isolation;
mod list;
mod mutual_tls;
mod outage;
mod pair;
mod properties;
mod proxy;
mod raw;
mod revocation;
mod together;
mod undelete;
mod update;
mod walk;
mod world;
