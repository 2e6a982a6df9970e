//! Which format of an answer a client prefers (RFC 9110, section 12.5.1).

use std::cmp::Reverse;

use http::{HeaderMap, header};

use super::format::Format;

/// One entry of `Accept`.
struct Entry<'a> {
    media_type: &'a str,
    /// In thousandths; 0 means "not acceptable".
    quality: u16,
    position: usize,
}

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
    let entries = entries(headers);
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

/// The entries that can be read. One whose quality is malformed is left out: it neither prefers nor excludes.
fn entries(headers: &HeaderMap) -> Vec<Entry<'_>> {
    let lines = headers.get_all(header::ACCEPT).iter();
    let texts = lines.filter_map(|line| line.to_str().ok());
    let parts = texts.flat_map(|text| split(text, ',')).enumerate();
    let entry = |(position, text)| {
        let mut parts = split(text, ';');
        Some(Entry {
            media_type: parts.next()?.trim(),
            quality: quality(parts)?,
            position,
        })
    };
    parts.filter_map(entry).collect()
}

/// The parts between separators that are not in quotes.
fn split(text: &str, separator: char) -> impl Iterator<Item = &str> {
    let mut quoted = false;
    let mut escaped = false;
    text.split(move |c| {
        let separates = c == separator && !quoted;
        quoted ^= c == '"' && !escaped;
        escaped = quoted && c == '\\' && !escaped;
        separates
    })
}

/// The parameter `q`: 1 if it is missing, `None` if it is malformed.
fn quality<'a>(parameters: impl Iterator<Item = &'a str>) -> Option<u16> {
    let mut pairs = parameters.filter_map(|parameter| parameter.split_once('='));
    match pairs.find(|(name, _)| name.trim().eq_ignore_ascii_case("q")) {
        Some((_, value)) => thousandths(value.trim()),
        None => Some(1000),
    }
}

/// A number from 0 to 1 with at most three decimals.
fn thousandths(text: &str) -> Option<u16> {
    let (whole, decimals) = text.split_once('.').unwrap_or((text, ""));
    if decimals.len() > 3 || !decimals.bytes().all(|digit| digit.is_ascii_digit()) {
        return None;
    }
    let decimals: u16 = format!("{decimals:0<3}").parse().ok()?;
    match (whole, decimals) {
        ("0", decimals) => Some(decimals),
        ("1", 0) => Some(1000),
        _ => None,
    }
}

/// The most specific entries decide: the format's names, then `application/*`, then `*/*`.
fn preference(entries: &[Entry<'_>], format: Format) -> Preference {
    let named = |entry: &&Entry<'_>| Format::parse(entry.media_type) == Some(format);
    let wildcard = |range: &str| {
        let mut entries = entries.iter();
        entries.find(|entry| entry.media_type.eq_ignore_ascii_case(range))
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
