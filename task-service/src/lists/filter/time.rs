//! Times in filters: RFC 3339, compared exactly with stored times, which are to the microsecond.

use api::time::is_in_range;
use chrono::{DateTime, Datelike as _, SubsecRound as _, Timelike as _, Utc};

use super::{Operator, Term, TimeField};

/// Nanoseconds of a second. chrono counts this many and more within a leap second.
const SECOND: u32 = 1_000_000_000;
/// Digits of a fraction of a second that are stored.
const STORED_DIGITS: u16 = 6;

/// A time as a client writes it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct TimeLiteral {
    /// The last microsecond that is not later.
    time: DateTime<Utc>,
    /// Whether it is later than `time`, by less than a microsecond.
    is_later: bool,
}

impl TimeLiteral {
    /// Parses RFC 3339.
    ///
    /// A leap second is the second after it, as in protobuf timestamps and PostgreSQL.
    ///
    /// # Errors
    /// What was expected.
    pub(super) fn parse(text: &str) -> Result<Self, &'static str> {
        let parsed = DateTime::parse_from_rfc3339(text).map_err(
            |_not_rfc_3339| "expected a time in RFC 3339, such as \"2026-01-31T00:00:00Z\"",
        )?;
        let mut time = parsed.with_timezone(&Utc);
        if let Some(nanos) = time.timestamp_subsec_nanos().checked_sub(SECOND) {
            if !ends_a_half_year(time) {
                return Err("a leap second can only be at 23:59:60 UTC on June 30 or December 31");
            }
            time = DateTime::from_timestamp(time.timestamp() + 1, nanos)
                .expect("chrono's calendar does not end with a leap second of a four-digit year");
        }
        if !is_in_range(time) {
            return Err("expected a time in the years 1 to 9999");
        }
        Ok(Self {
            time: time.trunc_subsecs(STORED_DIGITS),
            is_later: has_finer_fraction(text),
        })
    }

    /// The comparison of a stored time with this one.
    pub(super) fn compared(self, field: TimeField, operator: Operator) -> Term {
        if !self.is_later {
            return Term::Time(field, operator, self.time);
        }
        match operator {
            Operator::Equal => Term::Constant(false),
            Operator::NotEqual => Term::Constant(true),
            Operator::Less | Operator::LessOrEqual => {
                Term::Time(field, Operator::LessOrEqual, self.time)
            }
            Operator::Greater | Operator::GreaterOrEqual => {
                Term::Time(field, Operator::Greater, self.time)
            }
        }
    }
}

/// Whether the time is in the last second of June or December in UTC. Leap seconds were only ever inserted after those.
fn ends_a_half_year(time: DateTime<Utc>) -> bool {
    let day = matches!((time.month(), time.day()), (6, 30) | (12, 31));
    day && (time.hour(), time.minute(), time.second()) == (23, 59, 59)
}

/// Whether the fraction of a second has a digit other than 0 after the microseconds. chrono drops those after the nanoseconds.
fn has_finer_fraction(text: &str) -> bool {
    text.split_once('.').is_some_and(|(_, rest)| {
        let digits = rest.bytes().take_while(u8::is_ascii_digit);
        digits.skip(STORED_DIGITS.into()).any(|digit| digit != b'0')
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn time(text: &str) -> Option<String> {
        let parsed = TimeLiteral::parse(text).ok()?;
        let micros = parsed.time.format("%FT%T%.6fZ");
        Some(format!(
            "{micros}{}",
            if parsed.is_later { "+" } else { "" }
        ))
    }

    #[test]
    fn a_time_is_exact_whatever_its_digits() {
        for (text, expected) in [
            ("2026-01-01T00:00:00Z", "2026-01-01T00:00:00.000000Z"),
            ("2026-01-01T01:00:00+01:00", "2026-01-01T00:00:00.000000Z"),
            (
                "2026-01-01T00:00:00.0000005Z",
                "2026-01-01T00:00:00.000000Z+",
            ),
            (
                "2026-01-01T00:00:00.000001000Z",
                "2026-01-01T00:00:00.000001Z",
            ),
            (
                "2026-01-01T00:00:00.00000000000001Z",
                "2026-01-01T00:00:00.000000Z+",
            ),
            (
                "1969-12-31T23:59:59.9999999Z",
                "1969-12-31T23:59:59.999999Z+",
            ),
        ] {
            assert_eq!(time(text).as_deref(), Some(expected), "{text}");
        }
    }

    #[test]
    fn a_leap_second_is_only_where_it_can_be() {
        for (text, expected) in [
            ("2016-12-31T23:59:60Z", "2017-01-01T00:00:00.000000Z"),
            ("2015-07-01T01:59:60.5+02:00", "2015-07-01T00:00:00.500000Z"),
            ("2015-06-30T16:59:60-07:00", "2015-07-01T00:00:00.000000Z"),
        ] {
            assert_eq!(time(text).as_deref(), Some(expected), "{text}");
        }
        for text in [
            "2016-12-31T12:00:60Z",
            "2016-12-31T23:58:60Z",
            "2016-12-30T23:59:60Z",
            "2016-12-31T23:59:60+01:00",
            "2016-12-31T23:59:61Z",
            "9999-12-31T23:59:60Z",
        ] {
            assert_eq!(time(text), None, "{text}");
        }
    }

    #[test]
    fn the_years_are_those_of_a_timestamp() {
        for text in ["0001-01-01T00:00:00Z", "9999-12-31T23:59:59.999999Z"] {
            assert!(time(text).is_some(), "{text}");
        }
        for text in [
            "0000-12-31T23:59:59Z",
            "0001-01-01T00:00:00+00:01",
            "9999-12-31T23:59:59-00:01",
            "10000-01-01T00:00:00Z",
            "-0001-01-01T00:00:00Z",
        ] {
            assert_eq!(time(text), None, "{text}");
        }
    }
}
