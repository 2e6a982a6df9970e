//! Private servers, seen from the process that owns them.

#![expect(
    clippy::unwrap_used,
    reason = "a panic is how a test fails, also in the functions that tests share"
)]

mod common;
mod lifetime;
mod start;
