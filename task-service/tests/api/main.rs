//! Tests of the task service over the network: a file for each RPC, and files for rules that hold for all of them.

#![expect(clippy::unwrap_used, reason = "a panic is how a test fails")]

mod access;
mod cancellation;
mod concurrency;
mod create;
mod delete;
mod etags;
mod fair_shares;
mod feed_faults;
mod filter_and_order;
mod filter_properties;
mod forged_tokens;
mod generated;
mod get;
mod isolation;
mod leaving;
mod list;
mod mutual_tls;
mod outage;
mod paging;
mod pair;
mod prober;
mod properties;
mod proxy;
mod purging;
mod raw;
mod replicas;
mod request_ids;
mod revocation;
mod rows;
mod services;
mod shares;
mod stored;
mod texts;
mod undelete;
mod update;
mod with_auth;
mod world;
