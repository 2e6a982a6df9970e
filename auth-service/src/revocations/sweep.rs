//! The deletion of expired revocations.

use std::time::Duration;

use chrono::TimeDelta;
use futures_util::FutureExt as _;

use super::store;
use crate::sweep::Sweep;

/// How long revocations are kept after they expire, for verifiers whose clock is behind.
const RETENTION: TimeDelta = TimeDelta::minutes(1);

/// Expired revocations.
pub(crate) const SWEEP: Sweep = Sweep {
    rows: "revocations",
    delete: |connection, now, batch| {
        async move { store::sweep(connection, now - RETENTION, batch).await }.boxed()
    },
    interval: Duration::from_mins(1),
};
