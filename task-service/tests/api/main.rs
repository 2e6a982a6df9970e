//! The task service through the wire: a file for each RPC, and what holds for all of them.

#![expect(clippy::unwrap_used, reason = "a panic is how a test fails")]

mod access;
mod cancellation;
mod concurrency;
mod create;
mod delete;
mod feed_faults;
mod filter_and_order;
mod forged_tokens;
mod generated;
mod get;
mod isolation;
mod knocker;
mod list;
mod mutual_tls;
mod outage;
mod pair;
mod properties;
mod proxy;
mod raw;
mod replicas;
mod revocation;
mod together;
mod undelete;
mod update;
mod walk;
mod world;
