//! Which format of an answer a client prefers (RFC 9110, section 12.5.1).

use std::cmp::Reverse;

use http::{HeaderMap, header};

use super::format::Format;
use crate::accept::{Entry, entries};

/// What `Accept` says about a format. The largest is preferred.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Preference {
    quality: Quality,
    /// A name counts more than a wildcard.
    named: bool,
    position: Reverse<usize>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Quality {
    Refused,
    NotMentioned,
    Accepted(u16),
}

/// The format that `Accept` prefers. If it prefers none, the answer has the format of the request.
pub(super) fn preferred(headers: &HeaderMap, request: Format) -> Format {
    let entries = entries(headers, &header::ACCEPT);
    let other = match request {
        Format::Binary => Format::Text,
        Format::Text => Format::Binary,
    };
    if preference(&entries, other) > preference(&entries, request) {
        other
    } else {
        request
    }
}

/// The most specific entries decide: the format's names, then `application/*`, then `*/*`.
fn preference(entries: &[Entry<'_>], format: Format) -> Preference {
    let named = |entry: &&Entry<'_>| Format::parse(entry.name) == Some(format);
    let wildcard = |range: &str| {
        let mut entries = entries.iter();
        entries.find(|entry| entry.name.eq_ignore_ascii_case(range))
    };
    // A format has two names; the one that the client prefers counts.
    let best = entries
        .iter()
        .filter(named)
        .max_by_key(|entry| (entry.quality, Reverse(entry.position)));
    let found = best
        .or_else(|| wildcard("application/*"))
        .or_else(|| wildcard("*/*"));
    Preference {
        quality: match found.map(|entry| entry.quality) {
            None => Quality::NotMentioned,
            Some(0) => Quality::Refused,
            Some(quality) => Quality::Accepted(quality),
        },
        named: best.is_some(),
        position: Reverse(found.map_or(0, |entry| entry.position)),
    }
}
