//! Real processes under load while parts of the system are restarted, killed or cut off.
//!
//! Short in the suite; `make restarts` and `make outages` run the same in full and tell figures.

#![expect(
    clippy::unwrap_used,
    reason = "a panic is how a test fails, in the functions that tests share too"
)]

mod cluster;
mod load;
mod outages;
mod restarts;
mod server;
mod writers;
