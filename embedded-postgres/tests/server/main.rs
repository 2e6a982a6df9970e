//! A private server, from outside: what it promises to the process that owns it.

#![expect(
    clippy::unwrap_used,
    reason = "a test fails by panicking, in what it shares with others too"
)]

mod common;
mod lifetime;
mod start;
