//! The metrics of all crates, for the page and the tests that compare what runs with it.

use telemetry::metrics::definitions::{DEFINITIONS, Definition};

/// Every metric that a process of this project can expose, in the order of `docs/metrics.md`.
pub fn known_metrics() -> impl Iterator<Item = &'static Definition> {
    let serving = [
        serving::metrics::DEFINITIONS,
        transport::metrics::DEFINITIONS,
        tls::metrics::DEFINITIONS,
        database::metrics::DEFINITIONS,
    ];
    let rest = [
        verifier::metrics::DEFINITIONS,
        gateway::metrics::DEFINITIONS,
        DEFINITIONS,
    ];
    serving
        .into_iter()
        .flatten()
        .chain(auth_service::metrics::definitions())
        .chain(task_service::metrics::definitions())
        .chain(rest.into_iter().flatten())
}
