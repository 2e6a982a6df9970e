//! Real processes under load while parts of the system are restarted, killed or cut off.
//!
//! The runs are short in `make test`. `make restarts` and `make outages` run the same tests in full and print figures.

#![expect(
    clippy::unwrap_used,
    reason = "a panic is how a test fails, also in the functions that tests share"
)]

mod cluster;
mod load;
mod outages;
mod restarts;
mod server;
mod writers;
