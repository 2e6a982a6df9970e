//! Strong entity tags (RFC 9110 section 8.8.3, AIP-154), made from a revision number.
//!
//! To clients a tag is opaque: one in a form that this service never makes is not malformed, it is only not the current one.

/// What a client sends for "whatever the current tag is" (RFC 9110 section 13.1.1).
const ANY: &str = "*";

/// The revision of no row: revisions count from 1.
const NO_REVISION: i64 = -1;

/// The quoted tag of a revision: `"r1f"`.
#[must_use]
pub fn of(revision: i64) -> String {
    format!("\"r{revision:x}\"")
}

/// The revision that a client expects; `None` when it accepts any, because it sent no etag or `*`.
///
/// A tag that is not a revision's gives a revision that no row has, so it never matches.
#[must_use]
pub fn expected(text: &str) -> Option<i64> {
    if text.is_empty() || text == ANY {
        return None;
    }
    let revision = text
        .strip_prefix("\"r")
        .and_then(|rest| rest.strip_suffix('"'))
        .and_then(|hex| i64::from_str_radix(hex, 16).ok())
        .filter(|revision| of(*revision) == text);
    Some(revision.unwrap_or(NO_REVISION))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_etag_round_trips_and_any_other_text_expects_no_revision() {
        for revision in [0, 1, 31, i64::MAX] {
            assert_eq!(expected(&of(revision)), Some(revision));
        }
        for other in [
            "r1", "\"1\"", "\"r01\"", "\"rA\"", "W/\"r1\"", "\"r+1\"", "\"r-1\"", "\"r-1\"x",
            "\"*\"", "\0",
        ] {
            assert_eq!(expected(other), Some(NO_REVISION), "{other}");
        }
    }

    #[test]
    fn no_etag_and_a_star_accept_any_revision() {
        assert_eq!(expected(""), None);
        assert_eq!(expected("*"), None);
    }
}
