//! `grpc-timeout`, as the gRPC protocol spells it: 1 to 8 digits and a unit.

use std::time::Duration;

/// The duration, or `None` when the text is not of that form.
pub(super) fn parse(text: &str) -> Option<Duration> {
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

    #[test]
    fn only_the_protocols_form_is_a_timeout() {
        assert_eq!(parse("3H"), Some(Duration::from_hours(3)));
        assert_eq!(parse("250m"), Some(Duration::from_millis(250)));
        assert_eq!(parse("99999999S"), Some(Duration::from_secs(99_999_999)));
        for wrong in ["", "S", "1", "123456789S", "-1S", "1s", "1.5S", "S1", "é"] {
            assert_eq!(parse(wrong), None, "{wrong}");
        }
    }
}
