//! Moments as messages carry them.

use chrono::{DateTime, Utc};

/// A moment as messages carry it.
#[must_use]
pub fn timestamp(moment: DateTime<Utc>) -> prost_types::Timestamp {
    prost_types::Timestamp {
        seconds: moment.timestamp(),
        // A leap second has more nanoseconds than the message may carry.
        nanos: i32::try_from(moment.timestamp_subsec_nanos().min(999_999_999))
            .expect("a second has fewer nanoseconds than 2^31"),
    }
}

/// The moment that a timestamp names, if the calendar has it.
#[must_use]
pub fn moment(timestamp: prost_types::Timestamp) -> Option<DateTime<Utc>> {
    DateTime::from_timestamp(timestamp.seconds, u32::try_from(timestamp.nanos).ok()?)
}
