//! The name of a request, in every log line and every refusal about it.

use http::{HeaderMap, HeaderName, HeaderValue};

/// Carries the request id both ways.
pub(crate) const X_REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// Longer ids of clients are replaced.
const MAX_LENGTH: usize = 128;

/// The client's own id if it is fit for a log line, else 16 random bytes in hexadecimal.
pub(crate) fn choose(headers: &HeaderMap) -> HeaderValue {
    match headers.get(X_REQUEST_ID) {
        Some(id) if is_fit(id.as_bytes()) => id.clone(),
        _ => make(),
    }
}

fn is_fit(id: &[u8]) -> bool {
    let allowed = |byte: &u8| byte.is_ascii_alphanumeric() || b"-_.:".contains(byte);
    (1..=MAX_LENGTH).contains(&id.len()) && id.iter().all(allowed)
}

fn make() -> HeaderValue {
    let mut bytes = [0; 16];
    aws_lc_rs::rand::fill(&mut bytes).expect("the system's random source works");
    HeaderValue::try_from(format!("{:032x}", u128::from_be_bytes(bytes)))
        .expect("hexadecimal digits are a header value")
}

/// The id [`choose`] put into the headers of this request.
pub(crate) fn of(headers: &HeaderMap) -> &str {
    headers
        .get(X_REQUEST_ID)
        .and_then(|id| id.to_str().ok())
        .expect("the access log gives every request an id of visible ASCII")
}
