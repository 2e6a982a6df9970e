//! Reads the body of a request.

use axum::body::{Body, Bytes};
use contract::reason::Reason;
use http_body_util::BodyExt as _;
use serving::shares::Share;

/// The body, if it is at most `limit` bytes long. Never buffers more than that and one chunk. `share` holds its bytes while it
/// arrives.
pub(super) async fn read(mut body: Body, limit: usize, mut share: Share) -> Result<Bytes, Reason> {
    let mut bytes = Vec::new();
    while let Some(next) = body.frame().await {
        // When the connection is lost, nobody reads the answer.
        let next = next.map_err(|_broken| Reason::RequestMalformed)?;
        let Ok(chunk) = next.into_data() else {
            continue;
        };
        if bytes.len() + chunk.len() > limit {
            return Err(Reason::RequestTooLarge);
        }
        bytes.extend_from_slice(&chunk);
        share.hold_arrived(bytes.len())?;
    }
    Ok(bytes.into())
}
