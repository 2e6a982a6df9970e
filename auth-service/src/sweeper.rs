//! What is deleted when it ended long enough ago: sessions and API keys a month after their end, counts of wrong passwords when their
//! window is over, revocations when they have expired, and old audit events. Each kind of rows is deleted by itself, so that none waits
//! for another.

use std::time::Duration;

use chrono::TimeDelta;
use futures_util::FutureExt as _;

use crate::{
    api_keys::store as api_keys, audit::store as audit, revocations::store as revocations,
    sessions::store::sweep as sessions, sweep::Sweep, throttle::store as throttle,
};

/// How long a session is kept after its absolute deadline, and a key after its end, so that operators can look them up.
const RETENTION: TimeDelta = TimeDelta::days(30);
/// How long revocations are kept after they expire, for verifiers whose clock is behind.
const REVOCATION_RETENTION: TimeDelta = TimeDelta::minutes(1);
/// Pause when nothing is left.
const INTERVAL: Duration = Duration::from_mins(10);

/// The kinds of rows. Audit events are kept for `audit_retention`.
pub(crate) fn sweeps(audit_retention: Duration) -> [Sweep; 5] {
    [
        Sweep {
            rows: "sessions",
            delete: |connection, limit, batch| sessions::sweep(connection, limit, batch).boxed(),
            retention: RETENTION,
            interval: INTERVAL,
        },
        Sweep {
            rows: "API keys",
            delete: |connection, limit, batch| api_keys::sweep(connection, limit, batch).boxed(),
            retention: RETENTION,
            interval: INTERVAL,
        },
        Sweep {
            rows: "counts of wrong passwords",
            delete: |connection, limit, batch| throttle::sweep(connection, limit, batch).boxed(),
            retention: TimeDelta::zero(),
            interval: INTERVAL,
        },
        Sweep {
            rows: "revocations",
            delete: |connection, limit, batch| revocations::sweep(connection, limit, batch).boxed(),
            retention: REVOCATION_RETENTION,
            interval: Duration::from_mins(1),
        },
        Sweep {
            rows: "audit events",
            delete: |connection, limit, batch| audit::sweep(connection, limit, batch).boxed(),
            retention: TimeDelta::from_std(audit_retention).expect("it is ten years at most"),
            interval: INTERVAL,
        },
    ]
}
