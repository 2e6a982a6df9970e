//! What the tests of all crates share: a fresh database on a real server, a server to kill and restart, a lane that is busy, a clock that the test
//! sets, certificates, the error contract, real processes, forged tokens, and a collector of telemetry.
//!
//! Everything here panics when something is wrong, and the message holds what was observed: a panic is how a test fails.

mod blocking;
pub mod certificates;
mod clock;
mod collector;
mod database;
mod folder;
pub mod forgery;
pub mod leaks;
pub mod limits;
mod occupied_lane;
mod postgres;
mod postgres_proxy;
mod process;
mod refusal;
mod server;
mod silent_collector;

pub use crate::{
    clock::TestClock,
    collector::{Collector, ReceivedSpan},
    database::Database,
    folder::Folder,
    occupied_lane::OccupiedLane,
    postgres::{PostgresServer, postmaster},
    postgres_proxy::PostgresProxy,
    process::Process,
    refusal::{assert_refused, reason, retry_delay, violations},
    silent_collector::SilentCollector,
};
