//! Every metric that this service counts.

use telemetry::metrics::definitions::Definition;

use crate::{accounts, passwords, revocations, sessions, signing_keys, throttle};

/// The definitions of all subjects.
pub fn definitions() -> impl Iterator<Item = &'static Definition> {
    [
        sessions::metrics::DEFINITIONS,
        accounts::metrics::DEFINITIONS,
        throttle::metrics::DEFINITIONS,
        passwords::hashing::metrics::DEFINITIONS,
        signing_keys::metrics::DEFINITIONS,
        revocations::metrics::DEFINITIONS,
    ]
    .into_iter()
    .flatten()
}
