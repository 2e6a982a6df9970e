//! Conversion between `DateTime` and protobuf timestamps.

use std::ops::RangeInclusive;

use chrono::{DateTime, Datelike as _, Utc};

/// The years that a protobuf timestamp can have.
const YEARS: RangeInclusive<i32> = 1..=9999;

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

/// The moment of a timestamp; `None` if it is not in the years 1 to 9999, or has fewer than 0 or more than 999,999,999
/// nanoseconds.
#[must_use]
pub fn moment(timestamp: prost_types::Timestamp) -> Option<DateTime<Utc>> {
    let nanos = u32::try_from(timestamp.nanos).ok()?;
    // chrono takes 10^9 nanoseconds and more for a leap second, which a timestamp cannot express.
    let nanos = Some(nanos).filter(|nanos| *nanos < 1_000_000_000)?;
    DateTime::from_timestamp(timestamp.seconds, nanos).filter(|moment| is_in_range(*moment))
}

/// Whether a protobuf timestamp can express the moment: it is in the years 1 to 9999.
#[must_use]
pub fn is_in_range(moment: DateTime<Utc>) -> bool {
    YEARS.contains(&moment.year())
}

#[cfg(test)]
mod tests {
    use prost_types::Timestamp;

    use super::*;

    #[test]
    fn a_moment_is_in_the_years_1_to_9999_and_never_in_a_leap_second() {
        for (seconds, nanos) in [
            (-62_135_596_800, 0),
            (253_402_300_799, 999_999_999),
            (1_483_228_799, 0),
        ] {
            let given = Timestamp { seconds, nanos };
            assert_eq!(moment(given).map(timestamp), Some(given));
        }
        for (seconds, nanos) in [
            (-62_135_596_801, 0),
            (253_402_300_800, 0),
            (i64::MAX, 0),
            (0, -1),
            (0, 1_000_000_000),
            // 2016-12-31T23:59:59 and one and a half seconds.
            (1_483_228_799, 1_500_000_000),
        ] {
            let given = Timestamp { seconds, nanos };
            assert_eq!(moment(given), None, "{given:?}");
        }
    }
}
