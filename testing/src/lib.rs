//! What the tests of every part use: a fresh database on a real server, a clock in the test's hand, certificates, the error
//! contract, real processes, and a collector of telemetry.
//!
//! Everything here panics with what it saw when something is not as it should be: a panic is how a test fails.

pub mod certificates;
mod clock;
mod collector;
mod database;
pub mod forgery;
pub mod leaks;
pub mod limits;
mod process;
mod proxy;
mod refusal;
mod server;

pub use crate::{
    clock::TestClock,
    collector::{Collector, SpanSeen, Swallower},
    database::Database,
    process::Process,
    proxy::Proxy,
    refusal::{assert_refused, reason, retry_delay, violations},
};
