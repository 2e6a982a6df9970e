//! How long a call may take: what the client asked for, at most what the gateway allows, counted from arrival.

use std::time::Duration;

use http::{HeaderMap, HeaderValue};
use tokio::time::Instant;

const GRPC_TIMEOUT: &str = "grpc-timeout";

/// The moments that end a call.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Deadline {
    /// The answer must have begun.
    pub(crate) begin_by: Instant,
    /// The answer must have ended. None: a stream whose client set no limit.
    pub(crate) end_by: Option<Instant>,
}

impl Deadline {
    /// For a call that arrived just now. A malformed `grpc-timeout` counts as none, as in other servers.
    pub(crate) fn from_headers(headers: &HeaderMap, longest: Duration, streaming: bool) -> Self {
        let now = Instant::now();
        let asked = headers.get(GRPC_TIMEOUT).and_then(parse);
        let begin_by = now + asked.map_or(longest, |asked| asked.min(longest));
        let end_by = if streaming {
            asked.and_then(|asked| now.checked_add(asked))
        } else {
            Some(begin_by)
        };
        Self { begin_by, end_by }
    }

    /// What is left, for the service to be told; it is never told zero.
    pub(crate) fn remaining(&self) -> Option<HeaderValue> {
        let left = self.end_by?.saturating_duration_since(Instant::now());
        Some(format(left))
    }
}

/// gRPC over HTTP/2, `Timeout`: at most 8 digits and a unit.
fn parse(value: &HeaderValue) -> Option<Duration> {
    let (unit, digits) = value.as_bytes().split_last()?;
    if digits.is_empty() || digits.len() > 8 || !digits.iter().all(u8::is_ascii_digit) {
        return None;
    }
    let number: u64 = std::str::from_utf8(digits).ok()?.parse().ok()?;
    match unit {
        b'H' => Some(Duration::from_secs(number * 3600)),
        b'M' => Some(Duration::from_secs(number * 60)),
        b'S' => Some(Duration::from_secs(number)),
        b'm' => Some(Duration::from_millis(number)),
        b'u' => Some(Duration::from_micros(number)),
        b'n' => Some(Duration::from_nanos(number)),
        _ => None,
    }
}

/// In the finest unit whose 8 digits hold it.
fn format(duration: Duration) -> HeaderValue {
    let longest = 99_999_999;
    let text = if duration.as_micros() <= longest {
        format!("{}u", duration.as_micros().max(1))
    } else if duration.as_millis() <= longest {
        format!("{}m", duration.as_millis())
    } else {
        format!("{}S", u128::from(duration.as_secs()).min(longest))
    };
    HeaderValue::try_from(text).expect("digits and a letter are a header value")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_unit_is_understood_and_nothing_else_is() {
        let parsed = |text| parse(&HeaderValue::from_static(text));
        assert_eq!(parsed("2H"), Some(Duration::from_hours(2)));
        assert_eq!(parsed("3M"), Some(Duration::from_mins(3)));
        assert_eq!(parsed("4S"), Some(Duration::from_secs(4)));
        assert_eq!(parsed("5m"), Some(Duration::from_millis(5)));
        assert_eq!(parsed("6u"), Some(Duration::from_micros(6)));
        assert_eq!(parsed("99999999n"), Some(Duration::from_nanos(99_999_999)));
        for bad in [
            "",
            "S",
            "1",
            "1s",
            "-1S",
            "+1S",
            "123456789S",
            "1.5S",
            "1 S",
        ] {
            assert_eq!(parsed(bad), None, "{bad}");
        }
    }

    #[test]
    fn any_duration_is_written_in_eight_digits_and_never_as_zero() {
        for (duration, text) in [
            (Duration::ZERO, "1u"),
            (Duration::from_secs(10), "10000000u"),
            (Duration::from_secs(100), "100000m"),
            (Duration::from_secs(100_000), "100000S"),
            (Duration::MAX, "99999999S"),
        ] {
            assert_eq!(format(duration), text);
        }
    }
}
