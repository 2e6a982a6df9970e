//! What is deleted when it ended long enough ago: sessions and API keys a month after their end, and counts of wrong passwords
//! when their window is over. Each kind of rows is deleted by itself, so that none waits for another.

use std::time::Duration;

use chrono::TimeDelta;
use futures_util::FutureExt as _;

use crate::{
    api_keys::store as api_keys, sessions::store::sweep as sessions, sweep::Sweep,
    throttle::store as throttle,
};

/// How long a session is kept after its absolute deadline, and a key after its end, so that operators can look them up.
const RETENTION: TimeDelta = TimeDelta::days(30);
/// Pause when nothing is left.
const INTERVAL: Duration = Duration::from_mins(10);

/// The kinds of rows.
pub(crate) const SWEEPS: [Sweep; 3] = [
    Sweep {
        rows: "sessions",
        delete: |connection, now, batch| {
            async move { sessions::sweep(connection, now - RETENTION, batch).await }.boxed()
        },
        interval: INTERVAL,
    },
    Sweep {
        rows: "API keys",
        delete: |connection, now, batch| {
            async move { api_keys::sweep(connection, now - RETENTION, batch).await }.boxed()
        },
        interval: INTERVAL,
    },
    Sweep {
        rows: "counts of wrong passwords",
        delete: |connection, now, batch| {
            async move { throttle::sweep(connection, now, batch).await }.boxed()
        },
        interval: INTERVAL,
    },
];
