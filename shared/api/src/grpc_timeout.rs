//! `grpc-timeout`: how much time the client gives a call. The services and the gateway read and write it here.
//!
//! The form is that of gRPC over HTTP/2 (`Timeout`): 1 to 8 digits and a unit. A header of another form refuses the call
//! with `REQUEST_MALFORMED`; a timeout of zero refuses it with `DEADLINE_EXCEEDED` before any work is done.

use std::time::Duration;

use contract::refusal::{Problem, Reason, Refusal, Violation};
use http::{HeaderMap, HeaderName, HeaderValue};

/// The header.
pub const GRPC_TIMEOUT: HeaderName = HeaderName::from_static("grpc-timeout");

/// The largest number that 8 digits can hold.
const MAX_AMOUNT: u128 = 99_999_999;

/// Why a call is refused because of its `grpc-timeout`.
#[derive(Debug, thiserror::Error)]
pub enum TimeoutError {
    /// The header does not have the form of a timeout. The violation names the header.
    #[error("grpc-timeout is not a number of at most 8 digits and a unit")]
    Malformed([Violation; 1]),
    /// The client gives the call no time.
    #[error("grpc-timeout is zero")]
    Zero,
}

impl TimeoutError {
    fn malformed() -> Self {
        Self::Malformed([Violation {
            field: GRPC_TIMEOUT.as_str().to_owned(),
            problem: Problem::new(
                "NOT_A_TIMEOUT",
                "must be at most 8 digits and one of H, M, S, m, u, n",
            ),
        }])
    }
}

impl Refusal for TimeoutError {
    fn reason(&self) -> Reason {
        match self {
            Self::Malformed(_) => Reason::RequestMalformed,
            Self::Zero => Reason::DeadlineExceeded,
        }
    }

    fn violations(&self) -> &[Violation] {
        match self {
            Self::Malformed(violations) => violations,
            Self::Zero => &[],
        }
    }
}

/// The timeout of a request; `None` without the header.
pub fn from_headers(headers: &HeaderMap) -> Result<Option<Duration>, TimeoutError> {
    let Some(value) = headers.get(GRPC_TIMEOUT) else {
        return Ok(None);
    };
    match value.to_str().ok().and_then(parse) {
        None => Err(TimeoutError::malformed()),
        Some(Duration::ZERO) => Err(TimeoutError::Zero),
        Some(timeout) => Ok(Some(timeout)),
    }
}

/// The header's value for this duration, in the finest unit whose 8 digits hold it. Never zero: less than a microsecond is
/// written as one microsecond.
#[must_use]
pub fn format(duration: Duration) -> HeaderValue {
    let text = if duration.as_micros() <= MAX_AMOUNT {
        format!("{}u", duration.as_micros().max(1))
    } else if duration.as_millis() <= MAX_AMOUNT {
        format!("{}m", duration.as_millis())
    } else {
        format!("{}S", u128::from(duration.as_secs()).min(MAX_AMOUNT))
    };
    HeaderValue::try_from(text).expect("digits and a letter are a header value")
}

fn parse(text: &str) -> Option<Duration> {
    let (digits, unit) = text.split_at_checked(text.len().checked_sub(1)?)?;
    if !(1..=8).contains(&digits.len()) || !digits.bytes().all(|b| b.is_ascii_digit()) {
        return None;
    }
    let amount: u64 = digits.parse().ok()?;
    match unit {
        "H" => Some(Duration::from_secs(amount * 3600)),
        "M" => Some(Duration::from_secs(amount * 60)),
        "S" => Some(Duration::from_secs(amount)),
        "m" => Some(Duration::from_millis(amount)),
        "u" => Some(Duration::from_micros(amount)),
        "n" => Some(Duration::from_nanos(amount)),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(value: &'static str) -> HeaderMap {
        HeaderMap::from_iter([(GRPC_TIMEOUT, HeaderValue::from_static(value))])
    }

    #[test]
    fn every_unit_is_accepted() {
        assert_eq!(parse("2H"), Some(Duration::from_hours(2)));
        assert_eq!(parse("3M"), Some(Duration::from_mins(3)));
        assert_eq!(parse("4S"), Some(Duration::from_secs(4)));
        assert_eq!(parse("250m"), Some(Duration::from_millis(250)));
        assert_eq!(parse("6u"), Some(Duration::from_micros(6)));
        assert_eq!(parse("99999999n"), Some(Duration::from_nanos(99_999_999)));
        assert_eq!(parse("99999999S"), Some(Duration::from_secs(99_999_999)));
    }

    #[test]
    fn a_value_of_another_form_is_refused_and_the_violation_names_the_header() {
        for wrong in [
            "",
            "S",
            "1",
            "123456789S",
            "-1S",
            "+1S",
            "1s",
            "1.5S",
            "1 S",
            "S1",
        ] {
            let error = from_headers(&headers(wrong)).unwrap_err();
            assert_eq!(error.reason(), Reason::RequestMalformed, "{wrong}");
            assert_eq!(error.violations()[0].field, "grpc-timeout");
        }
        assert_eq!(parse("é"), None);
    }

    #[test]
    fn zero_is_refused_as_a_deadline_that_has_passed() {
        for zero in ["0S", "00000000n"] {
            let error = from_headers(&headers(zero)).unwrap_err();
            assert_eq!(error.reason(), Reason::DeadlineExceeded, "{zero}");
        }
    }

    #[test]
    fn a_request_without_the_header_has_no_timeout() {
        assert!(matches!(from_headers(&HeaderMap::new()), Ok(None)));
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
