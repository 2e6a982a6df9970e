//! Compressed requests (grpc/grpc, doc/compression.md). Services inflate gzip, up to the largest message that they take; everything
//! else is refused here. Answers are not compressed.

use contract::refusal::{Reason, refuse_with_reason};
use http::HeaderMap;
use tonic::{Status, metadata::MetadataValue};

const ENCODING: &str = "grpc-encoding";
/// What a client may use, in the header of a refusal.
pub(super) const ACCEPT_ENCODING: &str = "grpc-accept-encoding";
const ACCEPTED: &str = "gzip,identity";

/// The refusal of a call whose messages are compressed in a way that is not supported.
pub(super) fn check_headers(headers: &HeaderMap) -> Result<(), Status> {
    let mut encodings = headers.get_all(ENCODING).iter();
    match (encodings.next(), encodings.next()) {
        (None, _) => Ok(()),
        (Some(one), None) if one == "gzip" || one == "identity" => Ok(()),
        _ => Err(refuse()),
    }
}

/// The refusal of a message that says that it is compressed, while the headers do not say how.
pub(super) fn check_message(headers: &HeaderMap, message: &[u8]) -> Result<(), Reason> {
    let compressed = message.first() == Some(&1);
    if compressed && headers.get(ENCODING).is_none_or(|one| one != "gzip") {
        return Err(Reason::CompressionUnsupported);
    }
    Ok(())
}

/// The refusal, with what a client may use.
pub(super) fn refuse() -> Status {
    let mut refused = refuse_with_reason(Reason::CompressionUnsupported);
    let accepted = MetadataValue::from_static(ACCEPTED);
    refused.metadata_mut().insert(ACCEPT_ENCODING, accepted);
    refused
}
