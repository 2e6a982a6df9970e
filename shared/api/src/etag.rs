//! Strong entity tags (RFC 9110 section 8.8.3, AIP-154), made from a revision number.

use contract::refusal::Problem;

/// The quoted tag of a revision: `"r1f"`.
#[must_use]
pub fn of(revision: i64) -> String {
    format!("\"r{revision:x}\"")
}

/// The revision a client expects; `None` when it sent no etag.
///
/// A tag in a form that this service never makes cannot match any revision, so it is refused as malformed.
pub fn parse(text: &str) -> Result<Option<i64>, Problem> {
    if text.is_empty() {
        return Ok(None);
    }
    text.strip_prefix("\"r")
        .and_then(|rest| rest.strip_suffix('"'))
        .and_then(|hex| i64::from_str_radix(hex, 16).ok())
        .filter(|revision| of(*revision) == text)
        .map(Some)
        .ok_or_else(|| {
            Problem::new(
                "NOT_AN_ETAG",
                "must be an etag as it was read, with its quotes",
            )
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_etag_round_trips_and_nothing_else_parses() {
        for revision in [0, 1, 31, i64::MAX] {
            assert_eq!(parse(&of(revision)).unwrap(), Some(revision));
        }
        assert_eq!(parse("").unwrap(), None);
        for wrong in [
            "r1", "\"1\"", "\"r01\"", "\"rA\"", "W/\"r1\"", "\"r+1\"", "\"r-1\"x",
        ] {
            assert!(parse(wrong).is_err(), "{wrong}");
        }
    }
}
