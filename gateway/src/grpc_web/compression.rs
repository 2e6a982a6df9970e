//! Compressed requests. The gateway passes gzip on, and the service inflates it within its limits. Everything else is refused here,
//! as the service would. Answers are not compressed, because no browser can read a compressed message.

use contract::reason::Reason;
use http::{HeaderMap, HeaderName};

const ENCODING: HeaderName = HeaderName::from_static("grpc-encoding");
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
