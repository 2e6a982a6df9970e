//! Text from people: normalized to NFC, measured in Unicode code points (AIP-210), without control characters.

use std::ops::RangeInclusive;

use contract::refusal::Problem;
use unicode_normalization::UnicodeNormalization as _;

/// One line of text with a length in code points within `bounds`. No control character is allowed.
///
/// # Errors
/// `REQUIRED`, `TOO_SHORT`, `TOO_LONG` or `CONTROL_CHARACTER`.
pub fn line(raw: &str, bounds: RangeInclusive<usize>) -> Result<String, Problem> {
    bounded(raw, bounds, |_| false)
}

/// Text of several lines with a length in code points within `bounds`. The only control characters allowed are newline and tab.
///
/// # Errors
/// As for [`line()`].
pub fn block(raw: &str, bounds: RangeInclusive<usize>) -> Result<String, Problem> {
    bounded(raw, bounds, |c| matches!(c, '\n' | '\t'))
}

fn bounded(
    raw: &str,
    bounds: RangeInclusive<usize>,
    allowed: fn(char) -> bool,
) -> Result<String, Problem> {
    let text: String = raw.nfc().collect();
    let length = text.chars().count();
    if length < *bounds.start() {
        return Err(match bounds.start() {
            1 => Problem::new("REQUIRED", "must not be empty"),
            least => Problem::new(
                "TOO_SHORT",
                format!("has {length} of at least {least} characters"),
            ),
        });
    }
    if length > *bounds.end() {
        let most = bounds.end();
        return Err(Problem::new(
            "TOO_LONG",
            format!("has {length} of at most {most} characters"),
        ));
    }
    if text.chars().any(|c| c.is_control() && !allowed(c)) {
        return Err(Problem::new(
            "CONTROL_CHARACTER",
            "must not contain control characters",
        ));
    }
    Ok(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn length_is_counted_in_code_points_after_nfc() {
        assert_eq!(line("e\u{301}", 1..=1).unwrap(), "é");
        assert_eq!(line("🦀🦀", 1..=1).unwrap_err().reason, "TOO_LONG");
        assert_eq!(line("", 1..=1).unwrap_err().reason, "REQUIRED");
    }

    #[test]
    fn only_a_block_may_contain_newline_and_tab() {
        assert!(block("a\n\tb", 0..=9).is_ok());
        assert_eq!(line("a\nb", 0..=9).unwrap_err().reason, "CONTROL_CHARACTER");
        assert_eq!(
            block("a\u{0}b", 0..=9).unwrap_err().reason,
            "CONTROL_CHARACTER"
        );
        assert_eq!(
            block("a\u{85}b", 0..=9).unwrap_err().reason,
            "CONTROL_CHARACTER"
        );
    }
}
