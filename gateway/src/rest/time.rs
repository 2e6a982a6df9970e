//! Times and durations in JSON.

use chrono::{DateTime, SecondsFormat, Utc};
use prost_types::{Duration, Timestamp};

/// RFC 3339 in UTC with microseconds, which is as exact as the services store it.
pub(super) fn text(time: Option<Timestamp>) -> String {
    let time = time.unwrap_or_default();
    let nanos = u32::try_from(time.nanos).unwrap_or_default();
    let time: DateTime<Utc> = DateTime::from_timestamp(time.seconds, nanos).unwrap_or_default();
    time.to_rfc3339_opts(SecondsFormat::Micros, true)
}

/// Whole seconds, rounded down.
pub(super) fn seconds(duration: Option<Duration>) -> i64 {
    duration.unwrap_or_default().seconds
}
