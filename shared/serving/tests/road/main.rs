//! The road of a call, through the wire: whatever happens on it, the caller gets a status it can act on.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod metrics;
mod policy;
mod probe;
mod refusals;
mod services;
mod stopping;
