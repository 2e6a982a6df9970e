//! Every metric that this service counts.

use telemetry::metrics::definitions::Definition;

use crate::purge;

/// The definitions of all subjects.
pub fn definitions() -> impl Iterator<Item = &'static Definition> {
    [purge::metrics::DEFINITIONS].into_iter().flatten()
}
