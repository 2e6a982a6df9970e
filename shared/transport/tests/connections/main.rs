//! The accept loop and its certificates, through the wire: what clients may do, what they may not, and how it ends.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod age;
mod caps;
mod foreign;
mod healthcheck;
mod mutual;
mod raw;
mod replacing;
mod resets;
mod silence;
mod stopping;
mod world;
