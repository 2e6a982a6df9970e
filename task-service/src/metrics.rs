//! Every metric that this service counts.

use telemetry::metrics::definitions::Definition;

use crate::{deleted_accounts, purge};

/// The definitions of all subjects.
pub fn definitions() -> impl Iterator<Item = &'static Definition> {
    [
        purge::metrics::DEFINITIONS,
        deleted_accounts::metrics::DEFINITIONS,
    ]
    .into_iter()
    .flatten()
}
