//! What a client prefers (RFC 9110, section 12.5).

use http::{HeaderMap, HeaderName, header::ACCEPT_ENCODING};

/// One entry of a header `Accept…`.
pub(crate) struct Entry<'a> {
    pub(crate) name: &'a str,
    /// In thousandths; 0 means "not acceptable".
    pub(crate) quality: u16,
    pub(crate) position: usize,
}

/// The quality, in thousandths, of the first of these names that the header `Accept…` has. The names go from the exact one to the
/// wildcards that include it. 0 if none is there, or if it is refused.
pub(crate) fn quality(headers: &HeaderMap, header: &HeaderName, names: &[&str]) -> u16 {
    let entries = entries(headers, header);
    let found = |name: &&str| {
        let mut entries = entries.iter();
        entries.find(|entry| entry.name.eq_ignore_ascii_case(name))
    };
    let found = names.iter().find_map(found);
    found.map_or(0, |entry| entry.quality)
}

/// Whether to send contents compressed with gzip: the client takes it, and does not rather have them plain.
pub(crate) fn gzip(headers: &HeaderMap) -> bool {
    let of = |names: &[&str]| quality(headers, &ACCEPT_ENCODING, names);
    let gzip = of(&["gzip", "x-gzip", "*"]);
    gzip > 0 && gzip >= of(&["identity"])
}

/// The entries that can be read. One whose quality is malformed is left out: it neither prefers nor excludes.
pub(crate) fn entries<'a>(headers: &'a HeaderMap, header: &HeaderName) -> Vec<Entry<'a>> {
    let lines = headers.get_all(header).iter();
    let texts = lines.filter_map(|line| line.to_str().ok());
    let parts = texts.flat_map(|text| split(text, ',')).enumerate();
    let entry = |(position, text)| {
        let mut parts = split(text, ';');
        Some(Entry {
            name: parts.next()?.trim(),
            quality: weight(parts)?,
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
fn weight<'a>(parameters: impl Iterator<Item = &'a str>) -> Option<u16> {
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

#[cfg(test)]
mod tests {
    use http::{HeaderValue, header::ACCEPT};

    use super::*;

    #[test]
    fn the_most_exact_entry_decides() {
        for (accept, expected) in [
            ("", 0),
            ("text/html", 1000),
            ("TEXT/HTML;q=0.5", 500),
            ("*/*;q=0.1, text/html ; charset=utf-8 ; Q=0.25", 250),
            ("text/*;q=0.7, */*", 700),
            ("text/html;q=0, */*", 0),
            ("text/html;q=1.0", 1000),
            ("text/html;q=1.1", 0),
            ("text/html;q=0.1234", 0),
            ("text/html;q=x", 0),
        ] {
            let mut headers = HeaderMap::new();
            headers.insert(ACCEPT, HeaderValue::from_static(accept));
            let quality = quality(&headers, &ACCEPT, &["text/html", "text/*", "*/*"]);
            assert_eq!(quality, expected, "{accept}");
        }
    }
    #[test]
    fn gzip_is_for_those_who_take_it_and_do_not_prefer_plain() {
        for (accept, expected) in [
            ("", false),
            ("gzip", true),
            ("x-gzip", true),
            ("*", true),
            ("gzip;q=0", false),
            ("gzip;q=0.0, *", false),
            ("*;q=0", false),
            ("identity, gzip;q=0.5", false),
            ("identity;q=0.5, gzip", true),
            ("gzip, identity", true),
            ("br", false),
        ] {
            let mut headers = HeaderMap::new();
            headers.insert(ACCEPT_ENCODING, HeaderValue::from_static(accept));
            assert_eq!(gzip(&headers), expected, "{accept}");
        }
        assert!(!gzip(&HeaderMap::new()));
    }
}
