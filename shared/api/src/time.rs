//! Conversion between `DateTime` and protobuf timestamps.

use chrono::{DateTime, Utc};

/// The protobuf timestamp of a moment.
#[must_use]
pub fn timestamp(moment: DateTime<Utc>) -> prost_types::Timestamp {
    prost_types::Timestamp {
        seconds: moment.timestamp(),
        // In a leap second, chrono counts more nanoseconds than a timestamp may have.
        nanos: i32::try_from(moment.timestamp_subsec_nanos().min(999_999_999))
            .expect("a second has fewer nanoseconds than 2^31"),
    }
}

/// The moment of a timestamp; `None` if it is outside the range of `DateTime`.
#[must_use]
pub fn moment(timestamp: prost_types::Timestamp) -> Option<DateTime<Utc>> {
    DateTime::from_timestamp(timestamp.seconds, u32::try_from(timestamp.nanos).ok()?)
}
