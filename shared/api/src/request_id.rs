//! The id of a request, which its log lines and refusals contain. The services and the gateway share this rule:
//! 1 to 64 characters of `[A-Za-z0-9._-]`, which are safe in a log line.

use http::{HeaderMap, HeaderName};

/// The header with the id, in requests and in answers.
pub const X_REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// The length of the longest id that is accepted from a client.
const MAX_LENGTH: usize = 64;

/// The client's own id if it follows the rule, otherwise a new one: 16 random bytes in hexadecimal.
#[must_use]
pub fn from_headers(headers: &HeaderMap) -> String {
    headers
        .get(X_REQUEST_ID)
        .and_then(|value| value.to_str().ok())
        .filter(|id| is_valid(id))
        .map_or_else(generate, str::to_owned)
}

fn is_valid(id: &str) -> bool {
    let allowed = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_' | b'.');
    (1..=MAX_LENGTH).contains(&id.len()) && id.bytes().all(allowed)
}

fn generate() -> String {
    let mut bytes = [0; 16];
    aws_lc_rs::rand::fill(&mut bytes).expect("the operating system gives random bytes");
    format!("{:032x}", u128::from_be_bytes(bytes))
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    fn id_for(sent: &str) -> String {
        let value = HeaderValue::from_str(sent).unwrap();
        from_headers(&HeaderMap::from_iter([(X_REQUEST_ID, value)]))
    }

    #[test]
    fn a_valid_id_of_the_client_is_kept() {
        for id in ["a", "order-17.a_b", &"x".repeat(64)] {
            assert_eq!(id_for(id), id);
        }
    }

    #[test]
    fn another_id_is_replaced_by_random_hexadecimal() {
        for id in ["", "two words", "a:b", "{\"json\":1}", &"x".repeat(65)] {
            let new = id_for(id);
            assert_eq!(new.len(), 32, "{id}");
            assert!(new.bytes().all(|b| b.is_ascii_hexdigit()), "{new}");
        }
        assert_ne!(
            from_headers(&HeaderMap::new()),
            from_headers(&HeaderMap::new())
        );
    }
}
