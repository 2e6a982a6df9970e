//! Compressed requests. The gateway passes gzip on, and the service inflates it within its limits. Everything else is refused here,
//! as the service would. Answers are not compressed, because no browser can read a compressed message.

use contract::reason::Reason;
use http::{HeaderMap, HeaderName, HeaderValue};

pub(super) const ENCODING: HeaderName = HeaderName::from_static("grpc-encoding");
const ACCEPT_ENCODING: HeaderName = HeaderName::from_static("grpc-accept-encoding");
const GZIP: &str = "gzip";

/// Whether messages may be compressed with gzip; the reason to refuse the call if they are compressed in another way.
pub(super) fn is_gzip(headers: &HeaderMap) -> Result<bool, Reason> {
    let mut encodings = headers.get_all(ENCODING).iter();
    match (encodings.next(), encodings.next()) {
        (None, _) => Ok(false),
        (Some(one), None) if one == GZIP => Ok(true),
        (Some(one), None) if one == "identity" => Ok(false),
        _ => Err(Reason::CompressionUnsupported),
    }
}

/// Refuses a message that says that it is compressed, while the headers do not say how.
pub(super) fn check(message: &[u8], gzip: bool) -> Result<(), Reason> {
    if message.first() == Some(&1) && !gzip {
        return Err(Reason::CompressionUnsupported);
    }
    Ok(())
}

/// Adds to the trailers of a refusal what a client may use.
pub(super) fn add_accepted(trailers: &mut HeaderMap) {
    trailers.insert(ACCEPT_ENCODING, HeaderValue::from_static("gzip,identity"));
}
