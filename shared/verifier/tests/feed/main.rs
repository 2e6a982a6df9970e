//! Verifiers fed by a server of the tests' own, which misbehaves on purpose: whatever it does, no token is accepted that
//! may have been revoked longer ago than the bounds say.
#![expect(clippy::unwrap_used, reason = "a panic is how a test fails")]

mod cost;
mod faults;
mod issuer;
mod keys;
mod order;
mod script;
mod subscription;
mod world;
