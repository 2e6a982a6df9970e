//! Verifiers that follow a scripted server, which misbehaves on purpose. Whatever it does, no token is accepted that may have been
//! revoked longer ago than the bounds allow.
#![expect(clippy::unwrap_used, reason = "a panic is how a test fails")]

mod answers;
mod cost;
mod faults;
mod issuer;
mod keys;
mod scripted_server;
mod subscription;
mod world;
