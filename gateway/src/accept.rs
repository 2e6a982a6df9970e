//! What a client prefers (RFC 9110, section 12.5).

use http::{HeaderMap, HeaderName};

/// The quality, in thousandths, of the first of these names that the header `Accept…` has. The names go from the exact one to the
/// wildcards that include it. 0 if none is there, or if it is refused. An entry with a quality that cannot be read counts as refused.
pub(crate) fn quality(headers: &HeaderMap, header: &HeaderName, names: &[&str]) -> u16 {
    let lines = headers.get_all(header).iter();
    let entries: Vec<_> = lines
        .filter_map(|line| line.to_str().ok())
        .flat_map(|line| line.split(','))
        .map(entry)
        .collect();
    let found = |name: &&str| {
        let mut entries = entries.iter();
        entries.find(|(known, _)| known.eq_ignore_ascii_case(name))
    };
    names
        .iter()
        .find_map(found)
        .map_or(0, |(_, quality)| *quality)
}

fn entry(text: &str) -> (&str, u16) {
    let mut parts = text.split(';').map(str::trim);
    let name = parts.next().unwrap_or_default();
    let weight = parts.find_map(|part| {
        let (key, value) = part.split_once('=')?;
        key.trim().eq_ignore_ascii_case("q").then(|| value.trim())
    });
    (name, weight.map_or(1000, thousandths))
}

/// A number from 0 to 1 with at most three decimals.
fn thousandths(text: &str) -> u16 {
    let (whole, decimals) = text.split_once('.').unwrap_or((text, ""));
    let are_decimals = decimals.len() <= 3 && decimals.bytes().all(|it| it.is_ascii_digit());
    let padded = format!("{decimals:0<3}");
    match (whole, padded.parse()) {
        ("0", Ok(decimals)) if are_decimals => decimals,
        ("1", Ok(0)) if are_decimals => 1000,
        _ => 0,
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
}
